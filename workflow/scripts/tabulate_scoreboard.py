"""Tabulate latent generalization for every experiment, level, probe and layer rule."""

from latentgen import scoreboard, summaries
from latentgen.job import job
from latentgen.storage import atomic_path, write_csv

with job(snakemake):
    scores = scoreboard.paired_scores(
        summaries.read_runs(snakemake.input.histories),
        summaries.read_runs(snakemake.input.final_probes),
    )
    board = scoreboard.scoreboard(scores)
    write_csv(board, snakemake.output.csv)
    with atomic_path(snakemake.output.md) as partial:
        partial.write_text(scoreboard.to_markdown(board))
