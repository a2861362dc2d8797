"""Draw differences between test accuracies over the epochs of training."""

from latentgen.jobs.job import job
from latentgen.analysis import dynamics, summaries
from latentgen.figures.dynamics import draw_differences
from latentgen.figures.panels import save

with job(snakemake):
    kind = snakemake.params.difference
    paired = summaries.paired_over_epochs(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.probes),
    )
    numbers = dynamics.differences(paired, kind)
    figure = draw_differences(numbers, snakemake.params.style, kind)
    save(figure, numbers, snakemake.output)
