"""Draw what the first probe knows in the three subspace experiments."""

from latentgen.job import job
from latentgen import decoding_figures, plotting, summaries

with job(snakemake):
    numbers = summaries.subspace_experiments(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
        snakemake.params.probes,
    )
    figure = decoding_figures.draw_subspaces(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
