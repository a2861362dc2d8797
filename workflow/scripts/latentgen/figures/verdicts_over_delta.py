"""Accuracy and coverage of certificates at every threshold, for every disambiguation."""

from typing import Any

from latentgen.disambiguation import evaluation
from latentgen.drawing.facets import Drawn, lines
from latentgen.drawing.style import BLUE, ORANGE

LOOKS = {
    "accuracy": {"color": BLUE, "marker": "o", "label": "Accuracy among decided"},
    "coverage": {"color": ORANGE, "marker": "s", "linestyle": "--", "label": "Coverage"},
}


def verdicts_over_delta(files: Any, params: Any) -> Drawn:
    """Files: pairs. Params: style, studies (their names)."""
    pairs = evaluation.read_studies(dict(zip(params.studies, files.pairs, strict=True)))
    numbers = evaluation.verdicts_over_delta(pairs)
    shown = numbers.melt(["study", "delta"], list(LOOKS), "quantity", "mean")
    how: dict[str, Any] = {
        "x": "delta",
        "col": "study",
        "wrap": 3,
        "hue": "quantity",
        "looks": LOOKS,
    }
    labels: dict[str, Any] = {"x_label": "Delta", "y_label": "Fraction of pairs", "height": 1.6}
    return lines(shown, params.style, **how, **labels), numbers
