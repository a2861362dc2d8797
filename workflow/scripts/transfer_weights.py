"""Replace the last layer by VeLPIC's vectors at every kept epoch, and score the result."""

from pathlib import Path

import pandas as pd

from latentgen.activations import sources
from latentgen.checkpoints import checkpoint_path, load_into
from latentgen.job import best_device, job
from latentgen.runs import Run
from latentgen.storage import write_csv
from latentgen.transfer import head_of, transfer_rows

with job(snakemake):
    run = Run.of(snakemake)
    device = best_device()
    network = run.network()
    network.module.to(device)
    penultimate = list(network.layers)[-1]
    files = snakemake.input
    rows = []
    for epoch, source in sources(run, files.checkpoints, files.get("activations"), device):
        load_into(network.module, checkpoint_path(Path(files.checkpoints), epoch))
        rows += [
            {"epoch": epoch, **row}
            for row in transfer_rows(
                source,
                penultimate,
                head_of(network.module),
                run.labels,
                run.test_labels,
                validation=run.validation,
            )
        ]
    write_csv(pd.DataFrame(rows), snakemake.output.transfer)
