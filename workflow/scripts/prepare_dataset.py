"""Turn a dataset of config.yaml into one HDF5 file and a figure of samples."""

from latentgen.jobs.around.job import job
from latentgen.data import datasets
from latentgen.data.loading import load
from latentgen.drawing.samples import draw_samples
from latentgen.jobs.around.mock import mock_snakemake

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("prepare_dataset", dataset="mnist-14x14")

with job(snakemake):
    dataset = load(**snakemake.params.dataset)
    datasets.write(dataset, snakemake.output.dataset)
    draw_samples(dataset, snakemake.output.samples)
