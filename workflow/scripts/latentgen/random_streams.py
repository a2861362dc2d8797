"""Random numbers by name, so that adding one run changes no other run's numbers."""

import hashlib


def derive_seed(*names: object) -> int:
    """Seed of the random stream that these names describe.

    The seed depends on the names alone, not on how many other streams exist nor on the order in
    which they are requested.

    >>> derive_seed("digits-mlp", 0, "initialisation")
    8884720869918214759
    >>> derive_seed("digits-mlp", 1, "initialisation")
    7174439281202781298

    Returns:
        An integer in [0, 2**63), good for NumPy and torch generators.
    """
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
