"""Divide every picture into segments."""

from latentgen.disambiguation import pictures, segments
from latentgen.job import job

with job(snakemake):
    segmenter = segments.make_segmenter(snakemake.params.segmenter)
    segments.write_all(pictures.read(snakemake.input.pictures), segmenter, snakemake.output[0])
