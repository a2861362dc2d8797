"""Measure how classes lie in every layer at every kept epoch, and how quadratic MASC is at last."""

from pathlib import Path

import pandas as pd

from latentgen import progress
from latentgen.activations import HeldSource, last_source, sources
from latentgen.checkpoints import checkpoint_path, load_into
from latentgen.geometry import class_geometry
from latentgen.heads import head_of
from latentgen.job import best_device, job
from latentgen.quadratic import agreement_with_masc
from latentgen.runs import Run
from latentgen.storage import write_csv

with job(snakemake):
    run = Run.of(snakemake)
    files, masc, device = snakemake.input, snakemake.params.masc, best_device()
    fitted = run.labels.fitted(run.validation)
    network = run.network()
    network.module.to(device)
    penultimate = list(network.layers)[-1]
    geometry = []
    epochs = sources(run, files.checkpoints, files.get("activations"), device)
    for epoch, source in progress.bar(epochs, unit="epoch"):
        load_into(network.module, checkpoint_path(Path(files.checkpoints), epoch))
        head = head_of(network.module).weight.detach()
        for layer in source.widths:
            geometry += [
                {"epoch": epoch, **row}
                for row in class_geometry(
                    source,
                    layer,
                    run.labels,
                    fitted,
                    masc,
                    n_classes=run.n_classes,
                    head=head if layer == penultimate else None,
                )
            ]
    write_csv(pd.DataFrame(geometry), snakemake.output.geometry)

    last = HeldSource(last_source(run, files.checkpoints, device))
    observed = run.labels.observed
    agreements = [
        row
        for layer in progress.bar(last.widths, unit="layer")
        for row in agreement_with_masc(last, layer, observed, fitted, masc, n_classes=run.n_classes)
    ]
    write_csv(pd.DataFrame(agreements), snakemake.output.quadratic)
