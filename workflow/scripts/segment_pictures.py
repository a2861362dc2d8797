"""Divide every picture into segments."""

from latentgen.jobs.around.job import job
from latentgen.disambiguation import pictures, segments
from latentgen.jobs.around.mock import mock_snakemake

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("segment_pictures", pictures="digit-canvases", segmenter="slic-16")

with job(snakemake):
    segmenter = segments.make_segmenter(snakemake.params.segmenter)
    segments.write_all(pictures.read(snakemake.input.pictures), segmenter, snakemake.output[0])
