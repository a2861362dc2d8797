"""Draw the test accuracy of the network with every edit of its last layer."""

import pandas as pd

from latentgen.jobs.job import job
from latentgen.analysis import published, summaries
from latentgen.figures.editing import draw_transfer_controls, published_transfer
from latentgen.figures.panels import save

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    numbers = summaries.weight_transfer(summaries.read_runs([*files.transfers, *files.controls]))
    table = pd.read_csv(files.published)
    theirs = published_transfer(table, params.published, numbers)
    figure = draw_transfer_controls(numbers, params.style, theirs)
    save(figure, published.beside(numbers, theirs), snakemake.output)
