"""Tabulate at which epochs the model and the probes generalise best."""

from latentgen import peaks, summaries
from latentgen.job import job
from latentgen.storage import atomic_path, write_csv

with job(snakemake):
    paired = summaries.paired_over_epochs(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.probes),
    )
    by_run = peaks.peaks_by_run(paired)
    table = peaks.peaks(by_run)
    write_csv(by_run, snakemake.output.runs)
    write_csv(table, snakemake.output.csv)
    with atomic_path(snakemake.output.md) as partial:
        partial.write_text(peaks.to_markdown(table))
