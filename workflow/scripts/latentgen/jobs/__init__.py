"""All that knows Snakemake: what surrounds a job, and what jobs need."""
