"""The job itself: its log, its record, its `snakemake` object."""
