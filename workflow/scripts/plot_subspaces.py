"""Draw what the first probe knows in the three subspace experiments."""

from latentgen.jobs.job import job
from latentgen.analysis import summaries
from latentgen.figures.decoding import draw_subspaces
from latentgen.figures.panels import save

with job(snakemake):
    numbers = summaries.subspace_experiments(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
        snakemake.params.probes,
    )
    figure = draw_subspaces(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
