"""Draw the figure of README from docs/results/evidence.csv (PYTHONPATH: workflow/scripts)."""

from pathlib import Path

import pandas as pd

from latentgen.drawing.facets import dots
from latentgen.drawing.style import BLUE, GREEN, ORANGE

DOCS = Path(__file__).parent
LOOKS = {
    "model_accuracy": {"color": "#000000", "marker": "D", "label": "Model"},
    "early_stopped_accuracy": {"color": "#888888", "marker": "v", "label": "Model, stopped early"},
    "probe_accuracy": {"color": BLUE, "marker": "o", "label": "Best probe, trained network"},
    "untrained_accuracy": {
        "color": ORANGE,
        "marker": "s",
        "label": "Best probe, untrained network (control)",
    },
    "input_accuracy": {"color": GREEN, "marker": "^", "label": "Best probe, raw input (control)"},
}
NETWORKS = {"evidence-cnn": "CNN", "evidence-mlp": "MLP"}

if __name__ == "__main__":
    table = pd.read_csv(DOCS / "results" / "evidence.csv")
    table = table[(table["probe"] == "best_probe") & (table["level"] < 1)]
    numbers = table.melt(["experiment", "level"], list(LOOKS), var_name="series", value_name="mean")
    numbers = numbers.assign(low=numbers["mean"], high=numbers["mean"])
    figure = dots(
        numbers,
        {"width": 7.0, "dpi": 200},
        y="level",
        col="experiment",
        names={"experiment": NETWORKS, "level": {p: f"p = {p:g}" for p in (0.2, 0.4, 0.6, 0.8)}},
        looks=LOOKS,
        x_label="Test accuracy",
    )
    figure.savefig(DOCS / "images" / "evidence.png", dpi=150, metadata={"Software": None})
