"""Tabulate networks before and after repair, beside stopping early."""

from latentgen.jobs.job import job
from latentgen.analysis import repair_table, summaries, tables

with job(snakemake):
    table = repair_table.repair_table(
        summaries.read_runs(snakemake.input.histories), summaries.read_runs(snakemake.input.repairs)
    )
    tables.save(table, repair_table.to_markdown(table), snakemake.output, "Repair")
