"""Tabulate at which epochs the model and the probes generalise best."""

from latentgen.jobs.job import job
from latentgen.analysis import peaks, summaries, tables
from latentgen.storage import write_csv

with job(snakemake):
    paired = summaries.paired_over_epochs(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.probes),
    )
    by_run = peaks.peaks_by_run(paired)
    table = peaks.peaks(by_run)
    write_csv(by_run, snakemake.output.runs)
    tables.save(table, peaks.to_markdown(table), snakemake.output, "Peaks of generalization")
