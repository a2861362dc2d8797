"""Fit every probe to every layer of a trained network and of those beside it, or to features."""

import pandas as pd

from latentgen.jobs.around.job import best_device, job
from latentgen import progress
from latentgen.csv_file import write_csv
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.names import FEATURES
from latentgen.networks.activations import HeldSource
from latentgen.networks.run_sources import features_of, source_of
from latentgen.probes.counted_operations import CLASS_COST_COLUMNS, probe_layer_and_costs

TRAINED = {
    "memorised": "checkpoints",
    "generalised": "generalised",
    "fully_corrupted": "fully_corrupted",
}
"""Networks, and the input that each is read from."""


def sources(run, files, device):
    """What probes read, one after the other, as each holds its activations in memory."""
    if not files.get("checkpoints"):
        yield FEATURES, features_of(run, device)
        return
    for network, checkpoints in TRAINED.items():
        if folder := files.get(checkpoints):
            # The input is the same for all; only figures of these two show it.
            with_input = network in ("memorised", "generalised")
            read = run.trained_network(folder, device)
            yield network, HeldSource(source_of(run, read, with_input=with_input))
    yield "untrained", HeldSource(source_of(run, run.network(device)))


if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "fit_final_probes", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    run, files, device = run_of(snakemake), snakemake.input, best_device()
    accuracies, costs, class_costs = [], [], []
    for network, source in sources(run, files, device):
        for layer in progress.bar(source.widths, desc=network, unit="layer"):
            probed = probe_layer_and_costs(source, layer, run.labels, snakemake.params.probes)
            accuracies += [{"network": network, **row} for row in probed.accuracies]
            costs += [{"network": network, **row} for row in probed.costs]
            class_costs += probed.class_costs if network in ("memorised", FEATURES) else []
    write_csv(pd.DataFrame(accuracies), snakemake.output.final_probes)
    write_csv(pd.DataFrame(costs), snakemake.output.costs)
    write_csv(pd.DataFrame(class_costs, columns=CLASS_COST_COLUMNS), snakemake.output.class_costs)
