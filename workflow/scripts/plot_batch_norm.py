"""Draw probes of trained networks with running and with each image's own batch statistics."""

from latentgen.jobs.job import job
from latentgen.analysis import summaries
from latentgen.figures.decoding import draw_accuracy_by_layer
from latentgen.figures.panels import save

with job(snakemake):
    numbers = summaries.batch_norm_contrast(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.contrasts),
    )
    figure = draw_accuracy_by_layer(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
