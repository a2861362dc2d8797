"""Tabulate at which epochs the model and the probes generalise best."""

from latentgen.jobs.job import job
from latentgen.analysis import dynamics, peaks, table_pages
from latentgen.analysis.runs import read_runs
from latentgen.tables import write_csv

with job(snakemake):
    paired = dynamics.paired_over_epochs(
        read_runs(snakemake.input.histories), read_runs(snakemake.input.probes)
    )
    by_run = peaks.peaks_by_run(paired)
    table = peaks.peaks(by_run)
    write_csv(by_run, snakemake.output.runs)
    markdown = peaks.to_markdown(table)
    table_pages.save(table, markdown, snakemake.output, "Peaks of generalization")
