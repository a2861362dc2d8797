"""Relabel a memorised run's training data by a probe, and train the network on."""

from pathlib import Path

from latentgen.jobs.around.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.editing.relabelling import relabel_and_retrain
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "relabel_and_retrain", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    epochs, quality = relabel_and_retrain(
        run_of(snakemake),
        Path(snakemake.input.checkpoints),
        best_device(),
        protocol=snakemake.params.protocol,
        training=snakemake.params.training,
        **snakemake.params.relabel,
    )
    write_csv(epochs, snakemake.output.relabel)
    write_csv(quality, snakemake.output.quality)
