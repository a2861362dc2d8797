"""Relabel a memorised run's training data by a probe, and train the network on."""

from pathlib import Path

from latentgen.jobs.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.editing.relabelling import relabel_and_retrain
from latentgen.jobs.job_run import run_of

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
