"""Train the small network that labels composite images."""

from latentgen.jobs.around.job import best_device, job
from latentgen.data import datasets
from latentgen.disambiguation.composite_training import train_composite_net
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.networks import checkpoints

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("train_composite_net", classifier="digit-composite-net")

with job(snakemake):
    images, labels = datasets.read_split(snakemake.input.dataset, "train")
    settings = snakemake.params.settings
    training = {key: value for key, value in settings["training"].items() if key != "dataset"}
    network = train_composite_net(
        images, labels, best_device(), mean=settings["mean"], std=settings["std"], **training
    )
    checkpoints.save(network.state_dict(), snakemake.output[0])
