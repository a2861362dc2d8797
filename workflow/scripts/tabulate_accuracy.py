"""Tabulate what model and probes know at the last epoch of every run."""

from latentgen.jobs.job import job
from latentgen.analysis import summaries, tables

with job(snakemake):
    table = summaries.accuracy_table(
        summaries.read_runs(snakemake.input.histories), summaries.read_runs(snakemake.input.probes)
    )
    means = summaries.mean_accuracies(table)
    formats = ["", "", "g", "", "", *[".3f"] * (means.shape[1] - 5)]
    markdown = means.to_markdown(index=False, floatfmt=formats) + "\n"
    tables.save(table, markdown, snakemake.output, "Accuracies at the last epoch")
