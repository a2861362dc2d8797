"""Write the tables of docs/results/findings.md from the committed CSV files.

Run it as `PYTHONPATH=workflow/scripts python docs/tables.py`. A table stands between the lines
`<!-- table: NAME -->` and `<!-- end of table -->`, where NAME is a function of this file.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from latentgen.analysis.over_seeds import interval_text
from latentgen.names import BEST_PROBE

RESULTS = Path(__file__).parent / "results"
PUBLISHED = Path(__file__).parents[1] / "workflow" / "resources" / "published"
PAGE = RESULTS / "findings.md"

PROBES = {
    BEST_PROBE: "best probe",
    "masc": "MASC",
    "velpic": "VeLPIC",
    "logistic_regression": "logistic regression",
    "nearest_class_mean": "nearest class mean",
}
ACCURACY, DIFFERENCE = "{:.3f}".format, "{:+.3f}".format


def gain(row: pd.Series) -> str:
    """Return the gain over controls with its bootstrap interval, if the table has one."""
    ends = {end: row.get(f"gain_over_controls_bootstrap_{end}") for end in ("low", "high")}
    return interval_text({"mean": row["gain_over_controls"], **ends})


COLUMNS: dict[str, Callable[[pd.Series], str]] = {
    "network": lambda row: str(row["experiment"]).split("-", 1)[1].upper(),
    "level p": lambda row: f"{row['level']:g}" if isinstance(row["level"], float) else row["level"],
    "probe": lambda row: PROBES[row["probe"]],
    "model": lambda row: ACCURACY(row["model_accuracy"]),
    "early stopping": lambda row: ACCURACY(row["early_stopped_accuracy"]),
    "best probe": lambda row: ACCURACY(row["probe_accuracy"]),
    "accuracy": lambda row: ACCURACY(row["probe_accuracy"]),
    "raw input, untrained": lambda row: (
        f"{row['input_accuracy']:.3f}, {row['untrained_accuracy']:.3f}"
    ),
    "readout gap": lambda row: DIFFERENCE(row["readout_gap"]),
    "gain over controls": gain,
    "p-value": lambda row: f"{row['gain_over_controls_p']:.3f}",
}
CONTROLS, GAIN = "raw input, untrained", "gain over controls"
OF_MODEL = ["model", "early stopping", "best probe", CONTROLS, "readout gap", GAIN]


def best_probe() -> pd.DataFrame:
    """Return the best probe of suite `evidence`, by network and level."""
    board = pd.read_csv(RESULTS / "evidence.csv").query("probe == @BEST_PROBE")
    return _columns(board, ["network", "level p", *OF_MODEL])


def single_probes() -> pd.DataFrame:
    """Return single probes of suite `evidence` at two levels."""
    board = pd.read_csv(RESULTS / "evidence.csv").query("level in [0.4, 0.8]")
    board = board[board["probe"].isin(set(PROBES) - {BEST_PROBE})]
    columns = ["probe", "accuracy", CONTROLS, "readout gap", GAIN, "p-value"]
    return _columns(board, ["network", "level p", *columns])


def digits() -> pd.DataFrame:
    """Return the best probe, MASC and VeLPIC of suite `digits`."""
    board = pd.read_csv(RESULTS / "digits_scoreboard.csv").query("0 < level < 1")
    board = board[board["probe"].isin([BEST_PROBE, "masc", "velpic"])]
    columns = ["probe", "model", "early stopping", "accuracy", CONTROLS, GAIN]
    return _columns(board, ["network", "level p", *columns])


def mnist_mlp() -> pd.DataFrame:
    """Return MASC and VeLPIC of the paper's MLP on all of MNIST."""
    board = pd.read_csv(RESULTS / "mnist_mlp_scoreboard.csv")
    return _columns(board, ["level p", "probe", "model", "accuracy", CONTROLS, GAIN])


def width() -> pd.DataFrame:
    """Return the best probe by width of an MLP, and the same on the network trained at level 0."""
    board = pd.read_csv(RESULTS / "width.csv").query("probe == @BEST_PROBE")
    board = board.assign(
        width=board["experiment"].str.removeprefix("width-").astype(int),
        gain=[gain(row) for _, row in board.iterrows()],
        trained=board["probe_accuracy"].map(ACCURACY),
        at_0=board["generalised_accuracy"].map(ACCURACY),
    ).set_index(["level", "width"])
    table = {f"{GAIN}, p = {level:g}": board.loc[level, "gain"] for level in (0, 0.4, 0.8)}
    for level in (0.4, 0.8):
        table[f"best probe, p = {level}"] = board.loc[level, "trained"]
        table[f"on the network of p = 0, p = {level}"] = board.loc[level, "at_0"]
    return pd.DataFrame(table).rename_axis("width").reset_index().astype(str)


def published() -> pd.DataFrame:
    """Return published test accuracies of MASC on untrained and trained networks."""
    table = pd.read_csv(PUBLISHED / "initialised.csv").query("series == 'MASC'")
    table = table.assign(pair=table["model"] + ", " + table["dataset"])
    wide = table.pivot(index="pair", columns=["corruption", "network"], values="test_accuracy").loc[
        list(dict.fromkeys(table["pair"]))
    ]
    columns = {}
    for level in (0.4, 0.8):
        here = wide[level]
        columns[f"{level}: untrained"] = here["initialised"].map(ACCURACY)
        columns[f"{level}: trained"] = here["last"].map(ACCURACY)
        columns[f"{level}: difference"] = (here["last"] - here["initialised"]).map(DIFFERENCE)
    return pd.DataFrame(columns).rename_axis("network").reset_index()


def batch_norm() -> pd.DataFrame:
    """Return probes of a ResNet-18's last hidden layer in both modes of batch normalisation."""
    return pd.read_csv(RESULTS / "batch_norm.csv", dtype=str)


def intervention() -> pd.DataFrame:
    """Return test accuracies after an edit of the last layer at epoch 32."""
    return pd.read_csv(RESULTS / "intervention.csv", dtype=str, keep_default_na=False)


TABLES = [best_probe, single_probes, digits, mnist_mlp, width, published, batch_norm, intervention]


def _columns(board: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    rows = [{name: COLUMNS[name](row) for name in names} for _, row in board.iterrows()]
    return pd.DataFrame(rows)


def with_tables(page: str) -> str:
    """Return a page whose tables are made from the CSV files as they are now."""
    for make in TABLES:
        before, start, rest = page.partition(f"<!-- table: {make.__name__} -->")
        if start:
            _, end, after = rest.partition("<!-- end of table -->")
            table = make().to_markdown(index=False, disable_numparse=True)
            page = f"{before}{start}\n\n{table}\n\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
