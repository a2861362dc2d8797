"""Train one run until it has memorised its observed labels."""

from pathlib import Path

from latentgen.job import best_device, fingerprint, job
from latentgen.runs import Run
from latentgen.training import train_run

with job(snakemake):
    run = Run.of(snakemake)
    device = best_device()
    train_run(
        run.network().module.to(device),
        run.training_data().to(device),
        run.recipe(snakemake.params.training),
        schedule=snakemake.params.epochs,
        checkpoint_folder=Path(snakemake.output.checkpoints),
        history_file=Path(snakemake.output.history),
        fingerprint=fingerprint(snakemake.input, dict(snakemake.params.items())),
    )
