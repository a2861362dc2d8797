"""Measure a run at every kept epoch: more probes, how its classes lie, and other last layers."""

from collections import defaultdict
from pathlib import Path

import pandas as pd

from latentgen.jobs.job import best_device, job
from latentgen import progress
from latentgen.editing.transfer import at_every_epoch
from latentgen.editing.transfer_controls import control_rows
from latentgen.names import INPUT
from latentgen.networks.checkpoints import epochs_in
from latentgen.networks.run import Run
from latentgen.probes.fitting import probe_layer
from latentgen.probes.geometry import class_geometry
from latentgen.probes.quadratic import agreement_with_masc
from latentgen.storage import write_csv

with job(snakemake):
    run = Run.of(snakemake)
    files, probes, masc = snakemake.input, snakemake.params.probes, snakemake.params.masc
    labels, test_labels, validation = run.labels, run.test_labels, run.validation
    fitted = labels.fitted(validation)
    of_classes = {"n_classes": run.n_classes}
    last = epochs_in(Path(files.checkpoints))[-1]
    seed = run.seed_for("random vectors")
    epochs = at_every_epoch(run, files.checkpoints, files.get("activations"), best_device())

    tables = defaultdict(list)
    for epoch, source, penultimate, head in progress.bar(epochs, unit="epoch"):
        rows = defaultdict(list)
        for layer in source.widths:
            trained = head.weight.detach() if layer == penultimate else None
            rows["probes"] += probe_layer(
                source, layer, labels, test_labels, probes, validation=validation, **of_classes
            )
            rows["geometry"] += class_geometry(
                source, layer, labels, fitted, masc, head=trained, **of_classes
            )
            if epoch == last or layer == INPUT:  # the input is read at the first epoch only
                rows["quadratic"] += agreement_with_masc(
                    source, layer, labels.observed, fitted, masc, **of_classes
                )
        rows["controls"] = control_rows(
            source, penultimate, head, labels, test_labels, validation=validation, seed=seed
        )
        for name, found in rows.items():
            tables[name] += [{"epoch": epoch, **row} for row in found]

    for name, rows in tables.items():
        write_csv(pd.DataFrame(rows), snakemake.output[name])
