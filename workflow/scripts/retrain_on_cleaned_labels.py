"""Retrain a run's network with its suspect labels left out or replaced."""

from pathlib import Path

from latentgen.jobs.around.job import best_device, job
from latentgen.csv_file import read_csv, write_csv
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.label_issues.retrain_cleaned import retrain_on_cleaned_labels

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "retrain_on_cleaned_labels", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    accuracies = retrain_on_cleaned_labels(
        run_of(snakemake),
        Path(snakemake.input.checkpoints),
        read_csv(snakemake.input.samples),
        best_device(),
        training=snakemake.params.training,
        **snakemake.params.limits,
    )
    write_csv(accuracies, snakemake.output[0])
