"""Draw what probes of the penultimate layer know after an edit in mid-training."""

from latentgen.job import job
from latentgen import plotting, summaries, transfer_figures

with job(snakemake):
    runs = summaries.read_runs(snakemake.input.interventions)
    numbers = transfer_figures.probes_after_interventions(runs)
    figure = transfer_figures.draw_intervention_probes(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
