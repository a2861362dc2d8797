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
        partial.write_text(table.to_markdown(index=False, floatfmt=".3f") + "\n")
