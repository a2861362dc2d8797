"""Find the last layer with which a run's network answers best, and keep the result."""

from pathlib import Path

from latentgen.jobs.job import best_device, job
from latentgen.editing import export
from latentgen.editing.repair_runs import repair_run
from latentgen.networks.run import Run
from latentgen.storage import write_csv

with job(snakemake):
    classifier, chosen, candidates = repair_run(
        Run.of(snakemake),
        Path(snakemake.input.checkpoints),
        best_device(),
        snakemake.params.probes,
    )
    export.save(classifier, snakemake.output.model)
    write_csv(chosen, snakemake.output.repair)
    write_csv(candidates, snakemake.output.candidates)
