"""Draw the test accuracy of memorised networks that are retrained on a probe's labels."""

from latentgen.job import job
from latentgen import plotting, relabelling_figures, summaries

with job(snakemake):
    relabels = summaries.read_runs(snakemake.input.relabels)
    numbers = relabelling_figures.accuracy_while_retraining(relabels)
    figure = relabelling_figures.draw_relabelling(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
