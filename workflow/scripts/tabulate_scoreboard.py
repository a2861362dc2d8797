"""Tabulate the readout gap for every experiment, level, probe and layer rule."""

from latentgen.jobs.job import job
from latentgen.analysis import scoreboard, table_pages
from latentgen.analysis.runs import read_runs

with job(snakemake):
    scores = scoreboard.paired_scores(
        read_runs(snakemake.input.histories), read_runs(snakemake.input.final_probes)
    )
    board = scoreboard.scoreboard(scores)
    table_pages.save(board, scoreboard.to_markdown(board), snakemake.output, "Scoreboard")
