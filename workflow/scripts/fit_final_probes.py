"""Fit every probe to every layer of a trained network, and of a generalised one beside it."""

import pandas as pd

from latentgen.jobs.job import best_device, job
from latentgen import progress
from latentgen.networks.activations import HeldSource, last_source
from latentgen.networks.run import Run
from latentgen.probes.fitting import probe_layer_and_costs
from latentgen.storage import write_csv

with job(snakemake):
    run = Run.of(snakemake)
    networks = {"memorised": snakemake.input.checkpoints}
    if generalised := snakemake.input.get("generalised"):
        networks["generalised"] = generalised
    accuracies, costs = [], []
    for network, folder in networks.items():
        source = HeldSource(last_source(run, folder, best_device()))
        for layer in progress.bar(source.widths, desc=network, unit="layer"):
            scored, spent = probe_layer_and_costs(
                source,
                layer,
                run.labels,
                run.test_labels,
                snakemake.params.probes,
                n_classes=run.n_classes,
                validation=run.validation,
            )
            accuracies += [{"network": network, **row} for row in scored]
            costs += [{"network": network, **row} for row in spent]
    write_csv(pd.DataFrame(accuracies), snakemake.output.final_probes)
    write_csv(pd.DataFrame(costs), snakemake.output.costs)
