"""Make a page of the most suspect samples of a run, with their pictures."""

from latentgen.jobs.around.job import job
from latentgen.csv_file import read_csv
from latentgen.data import datasets
from latentgen.drawing.issue_page import issue_page
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.storage import atomic_path

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "show_label_issues", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    named = snakemake.wildcards
    images, _ = datasets.read_split(snakemake.input.dataset, "train")
    samples = read_csv(snakemake.input.samples)
    title = f"Label issues: {named.experiment}, {named.noise}, seed {named.seed}"
    with atomic_path(snakemake.output[0]) as partial:
        partial.write_text(issue_page(samples, images, title), encoding="utf-8")
