"""Draw canvases from a dataset, or read the image files of a folder."""

from pathlib import Path

from latentgen.jobs.around.job import job
from latentgen.csv_file import write_csv
from latentgen.data import datasets
from latentgen.disambiguation import canvases, picture_folder, pictures
from latentgen.jobs.around.mock import mock_snakemake

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("draw_pictures", pictures="digit-canvases")

with job(snakemake):
    settings = dict(snakemake.params.pictures)
    if settings.pop("source") == "folder":
        samples, skipped = picture_folder.read_folder(Path(settings["path"]), settings["size"])
    else:
        settings.pop("dataset")
        images, labels = datasets.read_split(snakemake.input.dataset, "test")
        samples = list(canvases.draw_canvases(images, labels, **settings))
        skipped = pictures.skipped_table([])
    pictures.write(samples, snakemake.output.pictures)
    write_csv(skipped, snakemake.output.skipped)
