"""Fit every probe to every layer of a trained network, and of a generalised one beside it."""

import pandas as pd

from latentgen.jobs.job import best_device, job
from latentgen import progress
from latentgen.csv_file import write_csv
from latentgen.jobs.runs import run_of
from latentgen.networks.activations import HeldSource
from latentgen.networks.run_sources import source_of
from latentgen.probes.probe_cost import probe_layer_and_costs

with job(snakemake):
    run = run_of(snakemake)
    networks = {"memorised": snakemake.input.checkpoints}
    if generalised := snakemake.input.get("generalised"):
        networks["generalised"] = generalised
    accuracies, costs = [], []
    for network, folder in networks.items():
        trained = run.trained_network(folder, best_device())
        source = HeldSource(source_of(run, trained, with_input=True))
        for layer in progress.bar(source.widths, desc=network, unit="layer"):
            scored, spent = probe_layer_and_costs(
                source, layer, run.labels, snakemake.params.probes
            )
            accuracies += [{"network": network, **row} for row in scored]
            costs += [{"network": network, **row} for row in spent]
    write_csv(pd.DataFrame(accuracies), snakemake.output.final_probes)
    write_csv(pd.DataFrame(costs), snakemake.output.costs)
