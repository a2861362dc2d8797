"""Fit probes to every layer of a run at every checkpoint."""

import pandas as pd

from latentgen.jobs.around.job import best_device, job
from latentgen import progress
from latentgen.csv_file import write_csv
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.networks.run_sources import sources_over_epochs
from latentgen.probes.fitting import probe_layers

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "fit_probes", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    run, files = run_of(snakemake), snakemake.input
    epochs = sources_over_epochs(run, files.checkpoints, best_device(), files.get("activations"))
    rows = [
        {"epoch": epoch, **row}
        for epoch, source in progress.bar(epochs, unit="epoch")
        for row in probe_layers(source, run.labels, snakemake.params.probes)
    ]
    write_csv(pd.DataFrame(rows), snakemake.output.probes)
