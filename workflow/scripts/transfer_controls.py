"""Replace the last layer by what VeLPIC's vectors are compared with, at every kept epoch."""

from functools import partial

from latentgen.job import best_device, job
from latentgen.runs import Run
from latentgen.storage import write_csv
from latentgen.transfer import at_every_epoch
from latentgen.transfer_controls import control_rows

with job(snakemake):
    run = Run.of(snakemake)
    files = snakemake.input
    score = partial(
        control_rows,
        labels=run.labels,
        test_labels=run.test_labels,
        validation=run.validation,
        seed=run.seed_for("random vectors"),
    )
    rows = at_every_epoch(run, files.checkpoints, files.get("activations"), best_device(), score)
    write_csv(rows, snakemake.output.controls)
