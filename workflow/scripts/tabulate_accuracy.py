"""Tabulate what model and probes know at the last epoch of every run."""

from latentgen import summaries
from latentgen.job import job
from latentgen.storage import atomic_path, write_csv

with job(snakemake):
    table = summaries.accuracy_table(
        summaries.read_runs(snakemake.input.histories), summaries.read_runs(snakemake.input.probes)
    )
    write_csv(table, snakemake.output.csv)
    with atomic_path(snakemake.output.md) as partial:
        means = summaries.mean_accuracies(table)
        formats = ["", "", "g", "", "", *[".3f"] * (means.shape[1] - 5)]
        partial.write_text(means.to_markdown(index=False, floatfmt=formats) + "\n")
