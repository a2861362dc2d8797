"""Score every training label of a run, by every method."""

from pathlib import Path

import pandas as pd

from latentgen.jobs.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.jobs.runs import run_of
from latentgen.label_issues.methods import label_issues

with job(snakemake):
    found = label_issues(
        run_of(snakemake),
        Path(snakemake.input.checkpoints),
        pd.read_csv(snakemake.input.history),
        best_device(),
    )
    write_csv(found.samples, snakemake.output.samples)
    write_csv(found.rates, snakemake.output.rates)
