"""Tabulate results of the suite: to compute with, to read, and to sort and search in a browser."""

from latentgen.jobs.around.job import files_of, job
from latentgen.drawing.table_pages import save
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.registries import find

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("tabulate_accuracy")

with job(snakemake):
    table_of = find("latentgen.tables", snakemake.params.table)
    save(table_of(files_of(snakemake), snakemake.params), snakemake.output)
