"""Score every training label of a run, by every method."""

from pathlib import Path

from latentgen.jobs.around.job import best_device, job
from latentgen.csv_file import read_csv, write_csv
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.label_issues.score_run import label_issues, label_issues_of_features

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "find_label_issues", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    run, files = run_of(snakemake), snakemake.input
    if checkpoints := files.get("checkpoints"):
        history = read_csv(files.history)
        found = label_issues(run, Path(checkpoints), history, best_device())
    else:
        found = label_issues_of_features(run, best_device())
    write_csv(found.samples, snakemake.output.samples)
    write_csv(found.rates, snakemake.output.rates)
