"""Draw probes of trained networks with running and with each image's own batch statistics."""

from latentgen.job import job
from latentgen import decoding_figures, plotting, summaries

with job(snakemake):
    numbers = summaries.batch_norm_contrast(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.contrasts),
    )
    figure = decoding_figures.draw_accuracy_by_layer(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
