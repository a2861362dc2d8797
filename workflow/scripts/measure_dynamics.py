"""Measure a run at every checkpoint: more probes, geometry of classes, and other last layers."""

from collections import defaultdict
from pathlib import Path

import pandas as pd

from latentgen.jobs.around.job import best_device, job
from latentgen import progress
from latentgen.csv_file import write_csv
from latentgen.editing.transfer import SCORE_COLUMNS, at_every_epoch
from latentgen.editing.transfer_controls import control_rows
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.names import INPUT
from latentgen.networks.checkpoints import epochs_in
from latentgen.probes.batches import class_moments
from latentgen.probes.fitting import probe_layers
from latentgen.probes.geometry import layer_geometry
from latentgen.probes.quadratic import agreement_with_masc

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "measure_dynamics", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    run, files = run_of(snakemake), snakemake.input
    labels, masc = run.labels, snakemake.params.masc
    last = epochs_in(Path(files.checkpoints))[-1]
    seed = run.seed_for("random vectors")
    epochs = at_every_epoch(run, files.checkpoints, files.get("activations"), best_device())

    tables = defaultdict(list)
    for epoch, source, network in progress.bar(epochs, unit="epoch"):
        head = None if network.no_head else network.last_layer
        rows = defaultdict(list)
        rows["probes"] += probe_layers(source, labels, snakemake.params.probes)
        for layer, width in source.widths.items():
            moments = class_moments(source, layer, labels)
            is_penultimate = layer == network.penultimate
            trained = head.weight.detach() if head and is_penultimate else None
            rows["geometry"] += [
                {"layer": layer, "width": width, **row}
                for row in layer_geometry(source, layer, labels, moments, masc, trained)
            ]
            if epoch == last or layer == INPUT:  # the input is read at the first epoch only
                rows["quadratic"] += agreement_with_masc(source, layer, labels, masc)
            if head and is_penultimate:
                rows["controls"] += control_rows(source, layer, head, labels, moments, seed)
        for name, found in rows.items():
            tables[name] += [{"epoch": epoch, **row} for row in found]

    if not tables["controls"]:
        print(f"warning: no controls of the weight transfer: {network.no_head}")
    for name, rows in tables.items():
        columns = SCORE_COLUMNS if name == "controls" else None
        write_csv(pd.DataFrame(rows, columns=columns), snakemake.output[name])
