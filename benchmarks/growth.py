"""How time and memory of training, dumping and probing grow: docs/reference/benchmarks_growth."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.ticker import FormatStrFormatter, NullFormatter, NullLocator

from latentgen.csv_file import write_csv
from latentgen.data.labels import Labels
from latentgen.drawing.facets import finish
from latentgen.networks import training
from latentgen.networks.activation_files import dump
from latentgen.networks.activations import HeldSource, NetworkSource
from latentgen.networks.network import Network, build
from latentgen.probes.fitting import probe_layers
from latentgen.probes.measuring import measured

SHAPE = (1, 16, 16)
PROBES = {"masc": {"probe": "masc"}, "velpic": {"probe": "velpic"}}


@dataclass(frozen=True)
class Job:
    """The size of a job: a network with one hidden layer, random images and labels."""

    samples: int = 2000
    width: int = 128
    classes: int = 10
    epochs: int = 1


AXES: dict[str, list[int]] = {
    "samples": [500, 2000, 8000, 32_000],
    "width": [32, 128, 512, 1024],
    "classes": [10, 100, 200],
    "epochs": [1, 10, 100],
}


def train(job: Job, folder: Path) -> None:
    """Train with a state kept at the first and the last epoch."""
    images, labels = _images(job)
    none = slice(0, 0)
    training.train_run(
        _network(job).module,
        training.TrainingData(
            images, labels, labels, images[none], labels[none], images[none], labels[none], 0.5, 0.5
        ),
        training.TrainingConfig(
            "SGD", 1e-3, 32, job.epochs, 1.0, shuffle=True, seed=1, momentum=0.9
        ),
        schedule="0, 1",
        checkpoint_folder=folder / "checkpoints",
        history_file=folder / "history.csv",
        fingerprint="",
    )


def dump_every_epoch(job: Job, folder: Path) -> None:
    """Write a file an epoch; only the last is left, as only what memory holds matters here."""
    for _ in range(job.epochs):
        source = _source(job)
        dump(source, folder / "activations.h5", {"train": job.samples, "test": job.samples // 5})


def probe_every_epoch(job: Job, folder: Path) -> None:
    """Fit MASC and VeLPIC to true and to observed labels, and score them."""
    labels = _images(job)[1].numpy()
    fitted = np.random.default_rng(0).random(job.samples) >= 0.1
    test = labels[: job.samples // 5]
    of_job = Labels(np.roll(labels, 1), fitted, job.classes, labels, test)
    for _ in range(job.epochs):
        list(probe_layers(HeldSource(_source(job)), of_job, PROBES))


STAGES: dict[str, Callable[[Job, Path], None]] = {
    "training": train,
    "dumping": dump_every_epoch,
    "probing": probe_every_epoch,
}


def _images(job: Job) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (job.samples, *SHAPE), dtype=torch.uint8, generator=random)
    return images, torch.randint(0, job.classes, (job.samples,), generator=random)


def _network(job: Job) -> Network:
    return build({"architecture": "mlp", "widths": [job.width]}, SHAPE, job.classes, seed=1)


def _source(job: Job) -> NetworkSource:
    images, _ = _images(job)
    by_split = {"train": images, "test": images[: job.samples // 5]}
    return NetworkSource(_network(job), by_split, mean=0.5, std=0.5, with_input=False)


def measure(stage: str, job: Job) -> dict[str, Any]:
    """Seconds and peak memory of one job, in a process that has done nothing else, on one core.

    Seconds are the least of three tries, as other work on the machine only adds to them. Memory is
    counted from what the process had in use before, which is Python and its libraries.
    """
    torch.set_num_threads(1)
    device = torch.device("cpu")
    costs = []
    with TemporaryDirectory() as folder:
        STAGES[stage](Job(samples=200, width=16), Path(folder, "warm-up"))
        for attempt in range(3):
            _, cost = measured(device, STAGES[stage], job, Path(folder, str(attempt)))
            costs.append(cost)
    seconds = min(cost.seconds for cost in costs)
    peak = max(cost.peak for cost in costs)
    return {"stage": stage, **asdict(job), "seconds": seconds, "peak_mib": peak / 2**20}


def measure_all(axes: dict[str, list[int]]) -> pd.DataFrame:
    """Vary one size after the other; the base sizes are those of `Job`.

    Returns:
        Rows with axis, value, stage, samples, width, classes, epochs, seconds, peak_mib.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    rows = []
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        for axis, values in axes.items():
            for value in values:
                for stage in STAGES:
                    job = replace(Job(), **{axis: value})
                    row = pool.submit(measure, stage, job).result()
                    rows.append({"axis": axis, "value": value, **row})
    return pd.DataFrame(rows)


LOOKS = {
    "training": {"color": "#000000", "marker": "D", "linestyle": "--", "label": "Training"},
    "dumping": {"color": "#009E73", "marker": "^", "linestyle": ":", "label": "Extracting"},
    "probing": {"color": "#0072B2", "marker": "o", "label": "Probing (MASC and VeLPIC)"},
}
X_LABELS = {
    "samples": "training samples",
    "width": "layer width",
    "classes": "classes",
    "epochs": "epochs",
}


def draw(table: pd.DataFrame, folder: Path) -> None:
    """Seconds above, memory below; a column for each size that is varied."""
    size = {"figsize": (7.0, 3.9), "layout": "constrained"}
    figure, panels = plt.subplots(2, len(X_LABELS), sharex="col", sharey="row", **size)
    for column, (axis, label) in zip(panels.T, X_LABELS.items(), strict=True):
        varied = table[table["axis"] == axis]
        for quantity, axes in zip(("seconds", "peak_mib"), column, strict=True):
            for stage, look in LOOKS.items():
                rows = varied[varied["stage"] == stage]
                axes.plot(rows["value"], rows[quantity], **look)
            ends = varied["value"].agg(["min", "max"])
            guide = varied[quantity].min() * ends / ends["min"]
            axes.plot(ends, guide, color="#999999", linewidth=0.7, label="Proportional")
            axes.set(xscale="log", yscale="log")
            axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        column[1].set_xticks(varied["value"].unique(), [f"{n}" for n in varied["value"].unique()])
        column[1].xaxis.set_minor_locator(NullLocator())
        column[1].set_xlabel(label)
    panels[0, 0].set_ylabel("seconds")
    panels[1, 0].set_ylabel("peak memory (MiB)")
    finish(figure, "", "")
    write_csv(table, str(folder / "benchmarks_growth.csv"))
    figure.savefig(folder / "benchmarks_growth.png", metadata={"Software": None})
