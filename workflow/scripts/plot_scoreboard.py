"""Draw latent generalization by corruption level, a panel for each experiment."""

import pandas as pd

from latentgen.job import job
from latentgen import decoding_figures, plotting, scoreboard

with job(snakemake):
    board = pd.read_csv(snakemake.input.scoreboard)
    numbers = scoreboard.gains_by_level(board, snakemake.params.probes)
    figure = decoding_figures.draw_scoreboard(numbers, snakemake.params.style)
    plotting.save(figure, numbers, snakemake.output)
