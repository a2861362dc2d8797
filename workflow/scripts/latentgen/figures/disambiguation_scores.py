"""How well each score separates two entities from one, for every disambiguation of the suite."""

from typing import Any

from latentgen.disambiguation import evaluation
from latentgen.drawing.facets import Drawn, dots
from latentgen.drawing.style import shades


def disambiguation_scores(files: Any, params: Any) -> Drawn:
    """Files: pairs. Params: style, studies (their names)."""
    pairs = evaluation.read_studies(dict(zip(params.studies, files.pairs, strict=True)))
    numbers = evaluation.areas_under_curves(pairs)
    looks = shades({it: str(it) for it in dict.fromkeys(numbers["study"])}, "turbo")
    how: dict[str, Any] = {"y": "score", "hue": "study", "value": "auc", "looks": looks}
    how |= {"names": {"score": evaluation.SCORES}}
    x_label = "Area under the ROC curve (chance: 0.5)"
    return dots(numbers, params.style, x_label=x_label, **how), numbers
