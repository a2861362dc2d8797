"""Verdicts against what is known, for every disambiguation of the suite."""

from typing import Any

from latentgen.csv_file import read_csv
from latentgen.disambiguation import evaluation
from latentgen.drawing.table_pages import Table


def disambiguation(files: Any, params: Any) -> Table:
    """Files: pairs, unreadable, skipped. Params: studies."""
    pairs = evaluation.read_studies(dict(zip(params.studies, files.pairs, strict=True)))
    left_out = zip(params.studies, files.unreadable, files.skipped, strict=True)
    skipped = {name: sum(len(read_csv(file)) for file in pair) for name, *pair in left_out}
    summary = evaluation.summary(pairs, params.studies, skipped)
    confusions = evaluation.confusions(pairs, params.studies)
    markdown = evaluation.to_markdown(summary, confusions)
    return Table("Disambiguation", summary, markdown, {"confusion": confusions})
