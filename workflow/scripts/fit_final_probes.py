"""Fit every probe to every layer of a run's network and of networks to compare it with.

Features that were computed elsewhere take the place of a network's layers.
"""

import pandas as pd

from latentgen.jobs.around.job import best_device, job
from latentgen import progress
from latentgen.csv_file import write_csv
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of
from latentgen.names import FEATURES, MODEL
from latentgen.networks.activations import HeldSource
from latentgen.networks.extract import predict_logits
from latentgen.networks.run_sources import features_of, source_of
from latentgen.probes.counted_operations import CLASS_COST_COLUMNS, probe_layer_and_costs
from latentgen.probes.prediction_files import write_predictions

TRAINED = {
    "memorised": "checkpoints",
    "generalised": "generalised",
    "fully_corrupted": "fully_corrupted",
}
"""Networks, and the input of the rule that has their checkpoints."""


def sources(run, files, device):
    """Yield each network's name and activations, one at a time, since these are cached."""
    if not files.get("checkpoints"):
        yield FEATURES, features_of(run, device)
        return
    for network, checkpoints in TRAINED.items():
        if folder := files.get(checkpoints):
            # The input is the same for all networks; only figures of these two show it.
            with_input = network in ("memorised", "generalised")
            trained = run.trained_network(folder, device)
            yield network, HeldSource(source_of(run, trained, with_input=with_input))
    yield "untrained", HeldSource(source_of(run, run.untrained_network(files.checkpoints, device)))


if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "fit_final_probes", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    run, files, device = run_of(snakemake), snakemake.input, best_device()
    accuracies, costs, class_costs, predicted = [], [], [], {}
    if files.get("checkpoints"):
        module = run.trained_network(files.checkpoints, device).module
        logits = predict_logits(module, run.images["test"].to(device), **run.normalise)
        predicted[MODEL] = logits.argmax(1).cpu().numpy()
    for network, source in sources(run, files, device):
        for layer in progress.bar(source.widths, desc=network, unit="layer"):
            probed = probe_layer_and_costs(source, layer, run.labels, snakemake.params.probes)
            accuracies += [{"network": network, **row} for row in probed.accuracies]
            costs += [{"network": network, **row} for row in probed.costs]
            class_costs += probed.class_costs if network in ("memorised", FEATURES) else []
            for probe, classes in probed.test_predictions.items():
                predicted[f"probes/{network}/{probe}/{layer}"] = classes
    write_csv(pd.DataFrame(accuracies), snakemake.output.final_probes)
    write_csv(pd.DataFrame(costs), snakemake.output.costs)
    write_csv(pd.DataFrame(class_costs, columns=CLASS_COST_COLUMNS), snakemake.output.class_costs)
    write_predictions(snakemake.output.predictions, run.labels.test, predicted)
