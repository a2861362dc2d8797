"""Make composite images from a dataset or bundled photographs, or read the files of a folder."""

from pathlib import Path

from latentgen.jobs.around.job import job
from latentgen.csv_file import write_csv
from latentgen.data import datasets
from latentgen.disambiguation import composites, images, photos
from latentgen.jobs.around.mock import mock_snakemake

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("prepare_images", images="digit-composites")

with job(snakemake):
    settings = dict(snakemake.params.images)
    source = settings.pop("source")
    skipped = images.skipped_table([])
    if source == "folder":
        samples, skipped = photos.read_folder(Path(settings["path"]), settings["size"])
    elif source == "bundled":
        samples = list(photos.read_bundled(settings["size"]))
    else:
        settings.pop("dataset")
        pixels, labels = datasets.read_split(snakemake.input.dataset, "test")
        samples = list(composites.draw_composites(pixels, labels, **settings))
    images.write(samples, snakemake.output.images)
    write_csv(skipped, snakemake.output.skipped)
