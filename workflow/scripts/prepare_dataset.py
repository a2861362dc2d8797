"""Turn a dataset of config.yaml into one HDF5 file and a picture of samples."""

from latentgen.jobs.job import job
from latentgen.data import datasets, sources

with job(snakemake):
    dataset = sources.load(**snakemake.params.dataset)
    datasets.write(dataset, snakemake.output.dataset)
    datasets.sample_grid(dataset, snakemake.output.samples)
