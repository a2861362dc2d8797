"""Score every training label of a run, by every method."""

from pathlib import Path

from latentgen.jobs.job import best_device, job
from latentgen.csv_file import read_csv, write_csv
from latentgen.jobs.runs import run_of
from latentgen.label_issues.methods import label_issues

with job(snakemake):
    found = label_issues(
        run_of(snakemake),
        Path(snakemake.input.checkpoints),
        read_csv(snakemake.input.history),
        best_device(),
    )
    write_csv(found.samples, snakemake.output.samples)
    write_csv(found.rates, snakemake.output.rates)
