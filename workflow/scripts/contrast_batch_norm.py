"""Probe a trained network as it is, and with each image's own statistics in its normalisation."""

import pandas as pd

from latentgen.jobs.around.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.networks.run_sources import source_of
from latentgen.probes.fitting import probe_layers

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "contrast_batch_norm", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    run = run_of(snakemake)
    source = source_of(run, run.trained_network(snakemake.input.checkpoints, best_device()))
    contrasted = {"running": source, "image": source.with_image_statistics()}
    rows = [
        {"statistics": statistics, **row}
        for statistics, read in contrasted.items()
        for row in probe_layers(read, run.labels, snakemake.params.probes)
    ]
    write_csv(pd.DataFrame(rows), snakemake.output[0])
