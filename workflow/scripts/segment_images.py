"""Divide every image into segments."""

from latentgen.jobs.around.job import job
from latentgen.disambiguation import images, segments
from latentgen.jobs.around.mock import mock_snakemake

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake("segment_images", images="digit-composites", segmenter="slic-16")

with job(snakemake):
    segmenter = segments.make_segmenter(snakemake.params.segmenter)
    segments.write_all(images.read(snakemake.input.images), segmenter, snakemake.output[0])
