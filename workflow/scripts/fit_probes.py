"""Fit probes to every layer of a run at every kept epoch."""

import pandas as pd

from latentgen.jobs.job import best_device, job
from latentgen import progress
from latentgen.networks.activations import sources
from latentgen.networks.run import Run
from latentgen.probes.fitting import probe_layer
from latentgen.storage import write_csv

with job(snakemake):
    run = Run.of(snakemake)
    files = snakemake.input
    epochs = sources(run, files.checkpoints, files.get("activations"), best_device())
    rows = [
        {"epoch": epoch, **row}
        for epoch, source in progress.bar(epochs, unit="epoch")
        for layer in source.widths
        for row in probe_layer(
            source,
            layer,
            run.labels,
            run.test_labels,
            snakemake.params.probes,
            n_classes=run.n_classes,
            validation=run.validation,
        )
    ]
    write_csv(pd.DataFrame(rows), snakemake.output.probes)
