"""Draw what becomes of networks whose last layer is edited in mid-training."""

import pandas as pd

from latentgen.jobs.job import job
from latentgen.analysis import published, summaries
from latentgen.figures.editing import (
    after_interventions,
    draw_interventions,
    published_intervention,
)
from latentgen.figures.panels import save

with job(snakemake):
    params = snakemake.params
    runs = summaries.read_runs(snakemake.input.interventions)
    numbers = after_interventions(runs)
    table = pd.read_csv(snakemake.input.published)
    theirs = published_intervention(table, params.published, numbers)
    figure = draw_interventions(numbers, params.style, theirs)
    save(figure, published.beside(numbers, theirs), snakemake.output)
