"""Tabulate verdicts and scores of all disambiguations against what is known."""

from latentgen.jobs.job import job
from latentgen.analysis import table_pages
from latentgen.disambiguation import evaluation
from latentgen.tables import write_csv

with job(snakemake):
    studies = snakemake.params.studies
    pairs = evaluation.read_studies(dict(zip(studies, snakemake.input.pairs, strict=True)))
    left_out = zip(snakemake.input.unreadable, snakemake.input.skipped, strict=True)
    skipped = dict(zip(studies, map(evaluation.count_rows, left_out), strict=True))
    summary = evaluation.summary(pairs, studies, skipped)
    confusions = evaluation.confusions(pairs)
    write_csv(confusions, snakemake.output.confusion)
    markdown = evaluation.to_markdown(summary, confusions)
    table_pages.save(summary, markdown, snakemake.output, "Disambiguation")
