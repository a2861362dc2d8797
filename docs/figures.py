"""Draw the figures of docs from committed tables.

Run it as `PYTHONPATH=workflow/scripts python docs/figures.py`. Other figures in docs/images come
from the pipeline, by the command on the page that shows them, or from docs/diagrams.py.
"""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from latentgen.analysis.retrained_cleaned import CHOICES
from latentgen.drawing.facets import dots
from latentgen.drawing.style import BLACK, BLUE, GREEN, GREY, ORANGE, style_of
from latentgen.figures.cleaned_labels import COLOURS

DOCS = Path(__file__).parent
PUBLISHED = DOCS.parent / "workflow/resources/published"
STYLE = {"width": 7.0, "dpi": 200}
NETWORKS = {"evidence-cnn": "CNN", "evidence-mlp": "MLP"}
ACCURACIES = {
    "model_accuracy": {"color": BLACK, "marker": "D", "label": "Model"},
    "early_stopped_accuracy": {"color": GREY, "marker": "v", "label": "Model, stopped early"},
    "probe_accuracy": {"color": BLUE, "marker": "o", "label": "Best probe, trained network"},
    "untrained_accuracy": {
        "color": ORANGE,
        "marker": "s",
        "label": "Best probe, untrained network (control)",
    },
    "input_accuracy": {"color": GREEN, "marker": "^", "label": "Best probe, raw input (control)"},
}
DIFFERENCES = {
    "readout_gap": "readout gap: probe minus model",
    "gain_over_controls": "gain over controls: probe minus better control",
}
LEVELS = {
    0.4: {"color": BLUE, "marker": "o", "label": "p = 0.4"},
    0.8: {"color": ORANGE, "marker": "s", "label": "p = 0.8"},
}
PROTOCOLS = {
    ("published", 0.4): "protocol published, p = 0.4",
    ("published", 0.8): "protocol published, p = 0.8",
    ("sound", 0.4): "protocol sound, p = 0.4",
}
MODES = {
    "model": {"color": BLACK, "linestyle": "--", "label": "Model"},
    "evaluation mode": {"color": BLUE, "marker": "o", "label": "Probe, evaluation mode"},
    "single-image statistics": {
        "color": ORANGE,
        "marker": "s",
        "label": "Probe, each image's own statistics",
    },
}
IN_PUBLISHED = {"KNN": "knn", "LDA": "lda", "MASC": "masc"}


def evidence() -> Figure:
    """Model, best probe and controls of suite `evidence`, by corruption level."""
    table = pd.read_csv(DOCS / "results/evidence.csv").query("probe == 'best_probe' and level < 1")
    series = list(ACCURACIES)
    numbers = table.melt(["experiment", "level"], series, var_name="series", value_name="mean")
    return dots(
        numbers.assign(low=numbers["mean"], high=numbers["mean"]),
        STYLE,
        y="level",
        col="experiment",
        names={
            "experiment": NETWORKS,
            "level": {p: f"p = {p:g}" for p in sorted(table["level"].unique())},
        },
        looks=ACCURACIES,
        x_label="Test accuracy",
    )


def scoreboard() -> Figure:
    """Readout gap and gain over controls of every probe of suite `evidence`, at two levels."""
    table = pd.read_csv(DOCS / "results/evidence.csv").query("level in @LEVELS")
    parts = []
    for column, name in DIFFERENCES.items():
        ends = {f"{column}_bootstrap_{end}": end for end in ("low", "high")}
        part = table.rename(columns={column: "mean", **ends}).assign(difference=column)
        parts.append(part.assign(panel=table["experiment"].map(NETWORKS) + ", " + name))
    numbers = pd.concat(parts).sort_values(["experiment", "difference"], ascending=[True, False])
    panels = {name: name for name in numbers["panel"].unique()}
    probes = {name: style_of(name)["label"] for name in dict.fromkeys(table["probe"])}
    return dots(
        numbers,
        STYLE,
        y="probe",
        hue="level",
        col="panel",
        wrap=2,
        names={"panel": panels, "probe": probes},
        looks=LEVELS,
        x_label="Difference of test accuracies",
        zero=True,
    )


def width() -> Figure:
    """Gain over controls of the best probe by width of the MLP, at three levels."""
    board = pd.read_csv(DOCS / "results/width.csv").query("probe == 'best_probe'")
    widths = board["experiment"].str.removeprefix("width-").astype(int)
    ends = [f"gain_over_controls_bootstrap_{end}" for end in ("low", "high")]
    figure = dots(
        board.assign(width=widths),
        STYLE,
        y="width",
        hue="level",
        names={"width": {width: f"{width} units" for width in sorted(widths.unique())}},
        looks={0.0: {"color": GREY, "marker": "v", "label": "p = 0"}, **LEVELS},
        value="gain_over_controls",
        bars=(ends[0], ends[1]),
        x_label="Gain over controls of the best probe (test accuracy)",
        zero=True,
    )
    figure.axes[0].set_xlim(board[ends[0]].min() - 0.01, board[ends[1]].max() + 0.01)
    return figure


def mnist_mlp_differences() -> Figure:
    """Test accuracies of probes by layer of the papers' MLP on MNIST, minus the published ones."""
    published = pd.read_csv(PUBLISHED / "probe_accuracy.csv").query(
        "dataset == 'MNIST' and model == 'MLP' and labels == 'corrupted' and split == 'test'"
    )
    published = published.assign(probe=published["probe"].replace(IN_PUBLISHED))
    ours = pd.read_csv(DOCS / "results/mnist_mlp_layers.csv").query("fit_labels == 'observed'")
    numbers = ours.merge(
        published, left_on=["level", "probe", "layer"], right_on=["corruption", "probe", "layer"]
    )
    for end, column in {"mean": "mean", "low": "max", "high": "min"}.items():
        numbers[f"difference_{end}"] = numbers["test_accuracy"] - numbers[column]
    pairs = zip(numbers["protocol"], numbers["level"], strict=True)
    numbers = numbers.assign(panel=[PROTOCOLS[pair] for pair in pairs])
    order = sorted(numbers["layer"].unique(), key=lambda layer: (layer != "input", layer))
    figure = dots(
        numbers,
        STYLE,
        y="layer",
        hue="probe",
        col="panel",
        names={
            "panel": {name: name for name in PROTOCOLS.values()},
            "layer": {layer: layer for layer in order},
        },
        looks={name: style_of(name) for name in numbers["probe"].unique()},
        bars=("difference_low", "difference_high"),
        value="difference_mean",
        x_label="Test accuracy minus published mean",
        zero=True,
    )
    ends = numbers["difference_low"].min() - 0.003, numbers["difference_high"].max() + 0.003
    figure.axes[0].set_xlim(*ends)
    return figure


def cleaned_labels() -> Figure:
    """Test accuracy of networks retrained on cleaned labels, and of other treatments."""
    numbers = pd.read_csv(DOCS / "results/cleaned_labels.csv")
    return dots(
        numbers,
        STYLE | {"width": 9.8},
        y="choice",
        hue="choice",
        col="setting",
        names={"choice": CHOICES},
        looks={name: {"color": COLOURS.get(name, BLACK)} for name in CHOICES},
        x_label="Test accuracy",
        values=True,
    )


def batch_norm() -> Figure:
    """Probes of a ResNet-18's last hidden layer in both modes of batch normalisation."""
    table = pd.read_csv(DOCS / "results/batch_norm.csv")
    rows = table.melt("corruption", var_name="series", value_name="mean")
    parts = rows["series"].str.split(", ", n=1, expand=True)
    model = rows["series"] == "model"
    rows = rows.assign(probe=parts[0].mask(model), mode=parts[1].fillna("model"))
    return dots(
        rows.assign(low=rows["mean"], high=rows["mean"]),
        STYLE,
        y="probe",
        hue="mode",
        col="corruption",
        names={"corruption": {p: f"p = {p:g}" for p in table["corruption"]}},
        looks=MODES,
        x_label="Test accuracy at the last hidden layer",
    )


FIGURES = [evidence, scoreboard, width, mnist_mlp_differences, cleaned_labels, batch_norm]

if __name__ == "__main__":
    for draw in FIGURES:
        file = DOCS / "images" / f"{draw.__name__}.png"
        draw().savefig(file, dpi=150, metadata={"Software": None})
