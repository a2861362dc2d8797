"""Turn a dataset of config.yaml into one HDF5 file and a picture of samples."""

from latentgen import datasets, sources
from latentgen.job import job

with job(snakemake):
    settings = dict(snakemake.params.dataset)
    size = settings.pop("size", None)
    dataset = sources.load(**settings)
    if size:
        datasets.check_size(dataset, size)
    datasets.write(dataset, snakemake.output.dataset)
    datasets.sample_grid(dataset, snakemake.output.samples)
