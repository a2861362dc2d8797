"""How things are named in config.yaml, in paths and in Snakemake's wildcards."""

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""Names become folders and words of shell commands, so special characters are not allowed."""

INPUT = "input"
"""The images as the network sees them, flattened: layer 0. It is the same at every epoch."""

UNTRAINED_SUFFIX = "_untrained"
"""Ends the series of a probe, or of the model, on the untrained network."""

INPUT_SUFFIX = "_input"
"""Ends the series of a probe on the images themselves."""

OWN_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
"""`module.object`: an object that is not part of the library, see `plugins`."""

TORCHVISION_FOLDERS = {
    "MNIST": "MNIST/raw",
    "FashionMNIST": "FashionMNIST/raw",
    "CIFAR10": "cifar-10-batches-py",
    "CIFAR100": "cifar-100-python",
}
"""Where torchvision keeps each of its datasets that we know, within its root."""

UNDISTURBED = "undisturbed"
"""The variant of an intervention in which nothing is changed."""

LEVEL_PATTERN = r"[0-9.e-]+"


def noise_name(kind: str, level: float) -> str:
    """Name of a noise kind at a corruption level.

    >>> noise_name("uniform", 0.4)
    'uniform-0.4'
    """
    return f"{kind}-{level:.15g}"


def parse_noise(name: str) -> tuple[str, float]:
    """Noise kind and corruption level of a name that `noise_name` made.

    >>> parse_noise("uniform-0.4")
    ('uniform', 0.4)
    """
    kind, _, level = name.partition("-")
    return kind, float(level)
