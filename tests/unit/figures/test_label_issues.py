"""The figure of label issues: every dot stands beside its method's name."""

import pandas as pd
import pytest

from latentgen.figures.label_issues import draw
from latentgen.label_issues.score_run import METHODS


def test_every_dot_stands_beside_the_name_of_its_method() -> None:
    columns = ["experiment", "noise", "level", "method", "auroc"]
    rows = [
        ("one", "uniform", 0.4, "label_score", 0.9),
        ("one", "uniform", 0.4, "masc", 0.8),
        ("one", "uniform", 0.4, "loss", 0.6),
        ("two", "uniform", 0.4, "loss", 0.95),  # another order
        ("two", "uniform", 0.4, "label_score", 0.7),
    ]
    numbers = pd.DataFrame(rows, columns=columns).assign(auroc_low=float("nan"))
    numbers["auroc_high"] = numbers["auroc_low"]
    figure = draw(numbers, {"width": 6, "dpi": 100})
    figure.canvas.draw()
    shown = []
    for axes in figure.axes[:2]:
        names = {
            round(y): text.get_text()
            for y, text in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        }
        experiment = axes.get_title().split(",")[0]
        dots = axes.collections[-1].get_offsets()
        shown += [(experiment, names[round(float(y))], pytest.approx(float(x))) for x, y in dots]
    expected = [(experiment, METHODS[method], value) for experiment, _, _, method, value in rows]
    assert sorted(shown, key=lambda row: row[:2]) == sorted(expected)
