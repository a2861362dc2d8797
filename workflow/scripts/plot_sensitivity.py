"""Draw MASC's test accuracy under each of its settings."""

from latentgen.jobs.job import job
from latentgen.analysis import summaries
from latentgen.figures.decoding import draw_sensitivity
from latentgen.figures.panels import save

with job(snakemake):
    numbers = summaries.sensitivity(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
        snakemake.params.probes,
    )
    figure = draw_sensitivity(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
