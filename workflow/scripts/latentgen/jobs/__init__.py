"""All that depends on Snakemake: what surrounds a job, and what jobs need."""
