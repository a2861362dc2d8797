"""Draw the test accuracy of memorised networks that are retrained on a probe's labels."""

from latentgen.jobs.job import job
from latentgen.analysis import summaries
from latentgen.figures.panels import save
from latentgen.figures.relabelling import accuracy_while_retraining, draw_relabelling

with job(snakemake):
    relabels = summaries.read_runs(snakemake.input.relabels)
    numbers = accuracy_while_retraining(relabels)
    figure = draw_relabelling(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
