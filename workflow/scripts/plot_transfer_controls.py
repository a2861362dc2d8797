"""Draw the test accuracy of the network with every edit of its last layer."""

import pandas as pd

from latentgen.job import job
from latentgen import plotting, published, summaries, transfer_figures

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    numbers = summaries.weight_transfer(summaries.read_runs([*files.transfers, *files.controls]))
    table = pd.read_csv(files.published)
    theirs = transfer_figures.published_transfer(table, params.published, numbers)
    figure = transfer_figures.draw_transfer_controls(numbers, params.style, theirs)
    plotting.save(figure, published.beside(numbers, theirs), snakemake.output)
