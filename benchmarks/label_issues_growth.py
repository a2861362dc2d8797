"""How time and memory of finding label issues grow, ours beside cleanlab's usual way.

    PYTHONPATH=workflow/scripts OMP_NUM_THREADS=1 python -m benchmarks.label_issues_growth

Writes and draws docs/reference/label_issues_growth.csv. Ours alone also on 60,000 x 2048.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.label_issues import WAYS, noisy_layer
from latentgen.csv_file import write_csv
from latentgen.drawing.facets import finish, set_theme
from latentgen.probes.measuring import measured

DOCS = Path(__file__).parents[1] / "docs/reference"

BASE = (2500, 128)
AXES = {"samples": [1250, 2500, 5000], "width": [32, 128, 512]}
LARGE = (60_000, 2048)


def sizes() -> Iterator[tuple[str, int, int]]:
    """What is varied, and the numbers of rows and columns."""
    for axis, values in AXES.items():
        for value in values:
            rows, width = (value, BASE[1]) if axis == "samples" else (BASE[0], value)
            yield axis, rows, width
    yield "large", *LARGE


def measure(way: str, rows: int, width: int) -> dict[str, Any]:
    """Processor's seconds, peak memory beside the features, and AUROC of one way."""
    layer, labels, wrong = noisy_layer(rows, width)
    start = time.process_time()
    scores, cost = measured(torch.device("cpu"), WAYS[way], layer, labels)
    return {
        "way": way,
        "samples": rows,
        "width": width,
        "cpu_seconds": time.process_time() - start,
        "peak_mib": cost.peak / 2**20,
        "features_mib": layer.nbytes / 2**20,
        "auroc": float(roc_auc_score(wrong, -scores)),
    }


def measure_all() -> pd.DataFrame:
    """A row for each size and way; cleanlab's way is left out where it would take hours."""
    torch.set_num_threads(1)
    for way in WAYS:
        measure(way, 200, 16)  # imports
    rows = []
    for axis, samples, width in sizes():
        for way in WAYS if axis != "large" else ["ours"]:
            rows.append({"axis": axis, **measure(way, samples, width)})
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)


LOOKS = {
    "ours": {"color": "#0072B2", "marker": "o", "label": "label_scores"},
    "cleanlab": {
        "color": "#D55E00",
        "marker": "s",
        "linestyle": "--",
        "label": "cleanlab, cross-validated logistic regression",
    },
}


QUANTITIES = {
    "cpu_seconds": "CPU seconds",
    "peak_mib": "memory in addition\nto the features (MiB)",
    "auroc": "AUROC",
}


def draw(table: pd.DataFrame, folder: Path) -> None:
    """A row for seconds, memory and AUROC; a column for each size that is varied."""
    set_theme({"dpi": 150})
    size = {"figsize": (5.0, 4.4), "layout": "constrained"}
    figure, panels = plt.subplots(len(QUANTITIES), len(AXES), sharex="col", sharey="row", **size)
    for column, axis in zip(panels.T, AXES, strict=True):
        for quantity, axes in zip(QUANTITIES, column, strict=True):
            for way, rows in table[table["axis"] == axis].groupby("way", sort=False):
                axes.plot(rows[axis], rows[quantity], **LOOKS[str(way)])
            axes.set(xscale="log", yscale="linear" if quantity == "auroc" else "log")
            axes.set_xticks(AXES[axis], [f"{n:,}" for n in AXES[axis]], minor=False)
            axes.minorticks_off()
    panels[-1, 0].set_xlabel(f"samples (width {BASE[1]})")
    panels[-1, 1].set_xlabel(f"width ({BASE[0]:,} samples)")
    for axes, label in zip(panels[:, 0], QUANTITIES.values(), strict=True):
        axes.set_ylabel(label)
    finish(figure, "", "")
    write_csv(table, str(folder / "label_issues_growth.csv"))
    figure.savefig(folder / "label_issues_growth.png", metadata={"Software": None})


def as_markdown(table: pd.DataFrame) -> str:
    """A line for each size, both ways side by side."""
    by_size = table.pivot_table(
        index=["samples", "width"], columns="way", values=["cpu_seconds", "peak_mib", "auroc"]
    )
    lines = []
    for (samples, width), row in by_size.iterrows():
        ours, plain = (row.xs(way, level="way") for way in ("ours", "cleanlab"))
        ratio = plain["cpu_seconds"] / ours["cpu_seconds"]
        lines.append(
            {
                "features": f"{samples:,} x {width}",
                "ours, s": f"{ours['cpu_seconds']:.2f}",
                "cleanlab, s": _or_dash(plain["cpu_seconds"], ".1f"),
                "times as fast": _or_dash(ratio, ".1f"),
                "ours, MiB": f"{ours['peak_mib']:.0f}",
                "cleanlab, MiB": _or_dash(plain["peak_mib"], ".0f"),
                "AUROC, ours": f"{ours['auroc']:.3f}",
                "AUROC, cleanlab": _or_dash(plain["auroc"], ".3f"),
            }
        )
    return pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True)


def _or_dash(value: float, form: str) -> str:
    return "–" if np.isnan(value) else format(value, form)


if __name__ == "__main__":
    found = measure_all()
    draw(found, DOCS)
    print(as_markdown(found))
