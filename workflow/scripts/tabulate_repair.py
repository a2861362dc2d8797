"""Tabulate networks before and after repair, beside stopping early."""

from latentgen.jobs.job import job
from latentgen.analysis import repair_table, table_pages
from latentgen.analysis.runs import read_runs

with job(snakemake):
    table = repair_table.repair_table(
        read_runs(snakemake.input.histories), read_runs(snakemake.input.repairs)
    )
    table_pages.save(table, repair_table.to_markdown(table), snakemake.output, "Repair")
