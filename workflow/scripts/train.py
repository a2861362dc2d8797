"""Train one run until it has memorised its observed labels."""

from pathlib import Path

from latentgen.jobs.around.job import best_device, fingerprint, job
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.networks.training import train_run

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("train", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1)

with job(snakemake):
    run = run_of(snakemake)
    device = best_device()
    network = run.network(device)
    if network.no_head:
        print(
            f"warning: {network.no_head}; the network is trained and probed, but cannot be edited"
        )
    train_run(
        network.module,
        run.training_data().to(device),
        run.training_config(snakemake.params.training),
        schedule=snakemake.params.epochs,
        checkpoint_folder=Path(snakemake.output.checkpoints),
        history_file=Path(snakemake.output.history),
        fingerprint=fingerprint(snakemake),
        calibrate_untrained=run.calibrate_untrained,
    )
