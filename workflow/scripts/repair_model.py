"""Find the last layer with which a run's network answers best, and keep the result."""

from pathlib import Path

from latentgen.jobs.around.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.editing import export
from latentgen.editing.repair_checkpoints import repair_run
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "repair_model", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    network, chosen, candidates = repair_run(
        run_of(snakemake),
        Path(snakemake.input.checkpoints),
        best_device(),
        snakemake.params.probes,
    )
    export.save(network, snakemake.output.model)
    write_csv(chosen, snakemake.output.repair)
    write_csv(candidates, snakemake.output.candidates)
