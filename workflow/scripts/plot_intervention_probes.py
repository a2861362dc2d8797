"""Draw what probes of the penultimate layer know after an edit in mid-training."""

from latentgen.jobs.job import job
from latentgen.analysis import summaries
from latentgen.figures.editing import draw_intervention_probes, probes_after_interventions
from latentgen.figures.panels import save

with job(snakemake):
    runs = summaries.read_runs(snakemake.input.interventions)
    numbers = probes_after_interventions(runs)
    figure = draw_intervention_probes(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
