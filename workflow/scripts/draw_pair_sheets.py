"""Draw a sheet for every pair of labels, and the page that lists them."""

from pathlib import Path

import pandas as pd

from latentgen.jobs.around.job import job
from latentgen.csv_file import read_csv
from latentgen.disambiguation import images, segments
from latentgen.disambiguation.evaluation import read_studies
from latentgen.drawing import pair_sheets
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.storage import atomic_directory

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("draw_pair_sheets", study="composite-digits")

with job(snakemake):
    name, study = snakemake.wildcards.study, snakemake.params.study
    pairs = read_studies({name: snakemake.input.pairs})
    skipped = pd.concat(map(read_csv, [snakemake.input.unreadable, snakemake.input.skipped]))
    samples = zip(
        images.read(snakemake.input.images),
        segments.read_all(snakemake.input.segments),
        strict=True,
    )
    with atomic_directory(snakemake.output[0]) as folder:
        (folder / "sheets").mkdir()
        pair_sheets.draw_sheets(
            pairs,
            read_csv(snakemake.input.curves),
            {sample.name: (sample, found) for sample, found in samples},
            Path(snakemake.input.proofs),
            folder / "sheets",
            snakemake.params.style,
            study["delta"],
        )
        facts = {
            key: study[key]
            for key in ("images", "classifier", "segmenter", "masking_value", "delta")
        }
        template = Path(snakemake.params.external["template"]).read_text(encoding="utf-8")
        page = pair_sheets.index_page(template, name, pairs, skipped, facts)
        (folder / "index.html").write_text(page, encoding="utf-8")
