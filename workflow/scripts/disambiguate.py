"""Look at every pair of likely labels of every image."""

from pathlib import Path

from latentgen.jobs.around.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.disambiguation import images, segments
from latentgen.disambiguation.classifiers import load_classifier
from latentgen.disambiguation.study import run_study
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.storage import atomic_directory

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("disambiguate", study="composite-digits")

with job(snakemake):
    study = snakemake.params.study
    classifier = load_classifier(study["model"], best_device())
    samples = zip(
        images.read(snakemake.input.images),
        segments.read_all(snakemake.input.segments),
        strict=True,
    )
    with atomic_directory(Path(snakemake.output.proofs)) as proofs:
        tables = run_study(samples, classifier, study, proofs)
    for name, table in tables.items():
        write_csv(table, snakemake.output[name])
