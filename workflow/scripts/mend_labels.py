"""Train a run's network anew, with its suspect labels left out or replaced."""

from pathlib import Path

from latentgen.jobs.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.jobs.runs import run_of
from latentgen.label_issues.mending import mend
from latentgen.label_issues.methods import read_samples

with job(snakemake):
    mended = mend(
        run_of(snakemake),
        Path(snakemake.input.checkpoints),
        read_samples(snakemake.input.samples),
        best_device(),
        training=snakemake.params.training,
        **snakemake.params.limits,
    )
    write_csv(mended, snakemake.output[0])
