"""Tabulate results of the suite: to compute with, to read, and to sort and search in a browser."""

from latentgen.jobs.job import job
from latentgen.drawing.table_pages import save
from latentgen.registries import find

with job(snakemake):
    table_of = find("latentgen.tables", snakemake.params.table)
    save(table_of(snakemake.input, snakemake.params), snakemake.output)
