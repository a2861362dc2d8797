"""Divide every image into segments."""

from latentgen.jobs.job import job
from latentgen.disambiguation import images, segments

with job(snakemake):
    segmenter = segments.make_segmenter(snakemake.params.segmenter)
    segments.write_all(images.read(snakemake.input.images), segmenter, snakemake.output[0])
