"""Replace the last layer by VeLPIC's vectors at every checkpoint; score and keep the result."""

import pandas as pd

from latentgen.jobs.around.job import best_device, job
from latentgen.csv_file import write_csv
from latentgen.editing import export
from latentgen.editing.transfer import at_every_epoch, transfer_rows, transferred
from latentgen.jobs.around.mock import mock_snakemake
from latentgen.jobs.job_run import run_of

if "snakemake" not in globals():  # started in an editor
    snakemake = mock_snakemake(
        "transfer_weights", experiment="mnist-14x14-cnn", noise="uniform-0.4", seed=1
    )

with job(snakemake):
    run, files, device = run_of(snakemake), snakemake.input, best_device()
    rows = [
        {"epoch": epoch, **row}
        for epoch, source, network in at_every_epoch(
            run, files.checkpoints, files.get("activations"), device
        )
        for row in transfer_rows(source, network.penultimate, network.last_layer, run.labels)
    ]
    write_csv(pd.DataFrame(rows), snakemake.output.transfer)
    export.save(transferred(run, files.checkpoints, device), snakemake.output.transferred)
