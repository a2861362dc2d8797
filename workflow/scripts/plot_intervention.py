"""Draw what becomes of networks whose last layer is edited in mid-training."""

import pandas as pd

from latentgen.job import job
from latentgen import plotting, published, summaries, transfer_figures

with job(snakemake):
    params = snakemake.params
    runs = summaries.read_runs(snakemake.input.interventions)
    numbers = transfer_figures.after_interventions(runs)
    table = pd.read_csv(snakemake.input.published)
    theirs = transfer_figures.published_intervention(table, params.published, numbers)
    figure = transfer_figures.draw_interventions(numbers, params.style, theirs)
    plotting.save(figure, published.beside(numbers, theirs), snakemake.output)
