"""Environment variables of jobs."""

import os


def prepare() -> None:
    """Set the variables that jobs inherit from the process that plans them.

    Figures are drawn to files, whatever backend a notebook set for its own kernel. The C library
    keeps up to 512 MB of freed memory for the next arrays instead of returning it to the system,
    which clears it: up to a fifth of the time of training a small CNN.
    """
    os.environ["MPLBACKEND"] = "Agg"
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(512 * 2**20))
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))
