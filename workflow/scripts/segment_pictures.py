"""Divide every picture into segments."""

from latentgen.jobs.job import job
from latentgen.disambiguation import pictures, segments

with job(snakemake):
    segmenter = segments.make_segmenter(snakemake.params.segmenter)
    segments.write_all(pictures.read(snakemake.input.pictures), segmenter, snakemake.output[0])
