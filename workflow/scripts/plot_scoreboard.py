"""Draw latent generalization by corruption level, a panel for each experiment."""

import pandas as pd

from latentgen.jobs.job import job
from latentgen.analysis import scoreboard
from latentgen.figures.decoding import draw_scoreboard
from latentgen.figures.panels import save

with job(snakemake):
    board = pd.read_csv(snakemake.input.scoreboard)
    numbers = scoreboard.gains_by_level(board, snakemake.params.probes)
    figure = draw_scoreboard(numbers, snakemake.params.style)
    save(figure, numbers, snakemake.output)
