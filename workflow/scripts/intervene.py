"""Edit a run's last layer in the middle of its training, and train on; controls next to it."""

from pathlib import Path

from latentgen.jobs.around.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.editing.intervention import intervene
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "intervene", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    rows = intervene(
        run_of(snakemake),
        Path(snakemake.input.checkpoints),
        best_device(),
        training=snakemake.params.training,
        probes=snakemake.params.probes,
        schedule=snakemake.params.epochs,
        **snakemake.params.intervention,
    )
    write_csv(rows, snakemake.output.intervention)
