"""Write the activations of every layer at every checkpoint, one HDF5 file per epoch."""

from pathlib import Path

from latentgen.jobs.around.job import best_device, job
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.networks.activation_files import activation_path, dump, refuse_too_many_bytes
from latentgen.networks.checkpoints import epochs_in
from latentgen.networks.run_sources import networks_over_epochs
from latentgen.storage import atomic_directory

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "dump_activations", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    run = run_of(snakemake)
    settings = snakemake.params.activations
    checkpoints = snakemake.input.checkpoints
    n_rows = {split: len(images) for split, images in run.images.items()}
    n_epochs = len(epochs_in(Path(checkpoints)))
    with atomic_directory(snakemake.output.activations) as folder:
        for epoch, source in networks_over_epochs(run, checkpoints, best_device()):
            refuse_too_many_bytes(
                source.widths, sum(n_rows.values()), n_epochs, settings["dtype"], settings["max_gb"]
            )
            dump(
                source,
                activation_path(folder, epoch),
                n_rows,
                settings["dtype"],
                run=f"{run.experiment}/{run.noise}/seed{run.seed}",
                epoch=epoch,
            )
