"""Draw differences between test accuracies over the epochs of training."""

from latentgen.job import job
from latentgen import dynamics, dynamics_figures, plotting, summaries

with job(snakemake):
    kind = snakemake.params.difference
    paired = summaries.paired_over_epochs(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.probes),
    )
    numbers = dynamics.differences(paired, kind)
    figure = dynamics_figures.draw_differences(numbers, snakemake.params.style, kind)
    plotting.save(figure, numbers, snakemake.output)
