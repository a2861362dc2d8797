"""Limits on the memory of jobs; results do not depend on them."""

HELD_BYTES = 2 * 2**30
"""Bytes of a network's activations that a job holds at most (see `activations.HeldSource`)."""
