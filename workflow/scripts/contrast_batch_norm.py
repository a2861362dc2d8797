"""Probe a trained network as it is, and with each image's own statistics in its normalisation."""

import pandas as pd

from latentgen.jobs.job import best_device, job
from latentgen.networks.activations import last_source
from latentgen.networks.run import Run
from latentgen.probes.fitting import probe_layer
from latentgen.storage import write_csv

with job(snakemake):
    run = Run.of(snakemake)
    source = last_source(run, snakemake.input.checkpoints, best_device())
    contrasted = {"running": source, "image": source.with_image_statistics()}
    rows = [
        {"statistics": statistics, **row}
        for statistics, read in contrasted.items()
        for layer in run.network().layers
        for row in probe_layer(
            read,
            layer,
            run.labels,
            run.test_labels,
            snakemake.params.probes,
            n_classes=run.n_classes,
            validation=run.validation,
        )
    ]
    write_csv(pd.DataFrame(rows), snakemake.output[0])
