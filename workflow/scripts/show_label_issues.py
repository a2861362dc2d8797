"""Make a page of the most suspect samples of a run, with their pictures."""

from latentgen.jobs.job import job
from latentgen.csv_file import read_csv
from latentgen.data import datasets
from latentgen.drawing.issue_page import issue_page
from latentgen.storage import atomic_path

with job(snakemake):
    named = snakemake.wildcards
    images, _ = datasets.read_split(snakemake.input.dataset, "train")
    samples = read_csv(snakemake.input.samples)
    title = f"Label issues: {named.experiment}, {named.noise}, seed {named.seed}"
    with atomic_path(snakemake.output[0]) as partial:
        partial.write_text(issue_page(samples, images, title), encoding="utf-8")
