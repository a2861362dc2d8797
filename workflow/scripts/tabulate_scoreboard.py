"""Tabulate latent generalization for every experiment, level, probe and layer rule."""

from latentgen.jobs.job import job
from latentgen.analysis import scoreboard, summaries, tables

with job(snakemake):
    scores = scoreboard.paired_scores(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
    )
    board = scoreboard.scoreboard(scores)
    tables.save(board, scoreboard.to_markdown(board), snakemake.output, "Scoreboard")
