"""Tabulate what model and probes reach at the last epoch of every run."""

from latentgen.jobs.job import job
from latentgen.analysis import accuracy, table_pages
from latentgen.analysis.runs import read_runs

with job(snakemake):
    table = accuracy.accuracy_table(
        read_runs(snakemake.input.histories), read_runs(snakemake.input.probes)
    )
    markdown = accuracy.to_markdown(table)
    table_pages.save(table, markdown, snakemake.output, "Accuracies at the last epoch")
