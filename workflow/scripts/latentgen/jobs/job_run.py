"""The run that a Snakemake job is about."""

from typing import Any

from latentgen.data.datasets import input_scaling
from latentgen.networks.run import Run


def run_of(snakemake: Any) -> Run:
    """The run, from the wildcards, inputs and params that all rules about runs have."""
    return Run(
        experiment=snakemake.params.get("seeds_of", snakemake.wildcards.experiment),
        noise=snakemake.wildcards.noise,
        seed=int(snakemake.wildcards.seed),
        dataset_file=snakemake.input.dataset,
        labels_file=snakemake.input.labels,
        model=snakemake.params.model,
        normalise=input_scaling(snakemake.params.normalise, snakemake.input.dataset),
        validation_fraction=snakemake.params.validation_fraction,
        streams=snakemake.params.get("streams", {}),
        untrained_batch_norm=snakemake.params.get("untrained_batch_norm", "calibrated"),
    )
