"""Draw MASC's test accuracy under each of its settings."""

from latentgen.job import job
from latentgen import decoding_figures, plotting, summaries

with job(snakemake):
    numbers = summaries.sensitivity(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
        snakemake.params.probes,
    )
    figure = decoding_figures.draw_sensitivity(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
