"""How well each method separates wrong labels from right ones, a panel for each setting."""

from typing import Any

from latentgen.csv_file import read_csv
from latentgen.drawing.facets import Drawn, dots
from latentgen.drawing.style import BLACK, BLUE, GREEN, ORANGE, SKY
from latentgen.label_issues.score_run import METHODS
from latentgen.names import level_name

COLOURS = {"label": BLUE, "masc": SKY, "velpic": SKY, "cleanlab": ORANGE, "neighbours": GREEN}
"""Colour of the methods whose first word it is; others are black."""


def label_issues(files: Any, params: Any) -> Drawn:
    """Files: table. Params: style.

    Dots are the AUROC on the images trained on; the method that is best on average is on top.
    """
    table = read_csv(files.table)
    numbers = table[table["split"] == "train"].dropna(subset="auroc")
    kept = ["experiment", "noise", "level", "method", "auroc", "auroc_low", "auroc_high", "seeds"]
    best = numbers.groupby("method")["auroc"].mean().sort_values(ascending=False, kind="stable")
    words = {name: name.partition("_")[0] for name in best.index}
    looks = {name: {"color": COLOURS.get(word, BLACK)} for name, word in words.items()}
    cells = zip(numbers["experiment"], numbers["noise"], numbers["level"], strict=True)
    titles = [f"{name}, {noise} {level_name(level)}" for name, noise, level in cells]
    how: dict[str, Any] = {
        "y": "method",
        "hue": "method",
        "col": "setting",
        "wrap": 2,
        "value": "auroc",
    }
    how |= {"bars": ("auroc_low", "auroc_high"), "looks": looks, "values": True}
    how |= {"names": {"method": {it: METHODS[it] for it in best.index}}}
    x_label = "AUROC of wrong labels among the images trained on (0.5 is chance)"
    style = {**params.style, "width": params.style["width"] * 1.4}
    return dots(numbers.assign(setting=titles), style, x_label=x_label, **how), numbers[kept]
