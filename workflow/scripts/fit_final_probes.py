"""Fit every probe to every layer of a trained network, and of the networks beside it."""

import pandas as pd

from latentgen.jobs.job import best_device, job
from latentgen import progress
from latentgen.csv_file import write_csv
from latentgen.jobs.runs import run_of
from latentgen.networks.activations import HeldSource
from latentgen.networks.run_sources import source_of
from latentgen.probes.probe_cost import CLASS_COST_COLUMNS, probe_layer_and_costs

with job(snakemake):
    run = run_of(snakemake)
    networks = {"memorised": run.trained_network(snakemake.input.checkpoints, best_device())}
    for beside in ("generalised", "fully_corrupted"):
        if checkpoints := snakemake.input.get(beside):
            networks[beside] = run.trained_network(checkpoints, best_device())
    networks["untrained"] = run.network(best_device())
    accuracies, costs, class_costs = [], [], []
    for network, read in networks.items():
        # The input is the same for all; only figures of these two show it.
        with_input = network in ("memorised", "generalised")
        source = HeldSource(source_of(run, read, with_input=with_input))
        for layer in progress.bar(source.widths, desc=network, unit="layer"):
            probed = probe_layer_and_costs(source, layer, run.labels, snakemake.params.probes)
            accuracies += [{"network": network, **row} for row in probed.accuracies]
            costs += [{"network": network, **row} for row in probed.costs]
            class_costs += probed.class_costs if network == "memorised" else []
    write_csv(pd.DataFrame(accuracies), snakemake.output.final_probes)
    write_csv(pd.DataFrame(costs), snakemake.output.costs)
    write_csv(pd.DataFrame(class_costs, columns=CLASS_COST_COLUMNS), snakemake.output.class_costs)
