"""Write a page to review the labels of a run that are most probably wrong."""

import numpy as np
from PIL import Image

from latentgen.jobs.around.job import job
from latentgen.csv_file import read_csv
from latentgen.data import datasets
from latentgen.drawing.review_page import review_page
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.storage import atomic_path

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "show_label_issues", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    named = snakemake.wildcards
    images, _ = datasets.read_split(snakemake.input.dataset, "train")
    classes = list(map(str, datasets.read_attributes(snakemake.input.dataset)["class_names"]))
    samples = read_csv(snakemake.input.samples)
    samples = samples.set_index("id")
    # Samples without names are known by their positions, as given labels know them.
    numbered = samples.index.astype(str).tolist() == list(map(str, range(len(samples))))

    def open_image(row: int) -> Image.Image:
        """The image of a training sample."""
        pixels = np.moveaxis(images[row], 0, -1)
        return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)

    page = review_page(
        samples,
        open_image,
        title=f"Label issues: {named.experiment}, {named.noise}, seed {named.seed}",
        classes=classes,
        key="index" if numbered else "file",
    )
    with atomic_path(snakemake.output[0]) as partial:
        partial.write_text(page, encoding="utf-8")
