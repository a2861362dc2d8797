"""How much memory jobs take at once; what they compute does not depend on it."""

HELD_BYTES = 2 * 2**30
"""Of a network's activations that a job holds at most (see `activations.HeldSource`)."""
