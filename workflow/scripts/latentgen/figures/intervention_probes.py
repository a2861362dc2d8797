"""Accuracy of probes of the penultimate layer after an edit in mid-training."""

from typing import Any

from latentgen.analysis import edited_networks
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines
from latentgen.drawing.style import style_of
from latentgen.names import UNDISTURBED


def intervention_probes(files: Any, params: Any) -> Drawn:
    """Files: interventions. Params: style."""
    numbers = edited_networks.probes_after_interventions(read_runs(files.interventions))
    looks = {
        f"{series} {variant}": style_of(series)
        | {"linestyle": "--" if variant == UNDISTURBED else "-"}
        | {"label": f"{style_of(series)['label']}, {variant}"}
        for series, variant in numbers[["series", "variant"]].itertuples(index=False)
    }
    edited = numbers["variant"] != UNDISTURBED
    shown = numbers.assign(
        line=numbers["series"] + " " + numbers["variant"],
        **{end: numbers[end].where(edited) for end in ("low", "high")},
    )
    starts = {it: f"edit at epoch {it}" for it in sorted(numbers["start"].unique())}
    how: dict[str, Any] = {
        "row": "start",
        "names": {"start": starts},
        "hue": "line",
        "looks": looks,
    }
    ends: dict[str, Any] = {
        "band": ("low", "high"),
        "linear": True,
        "x_label": "Epoch",
        "height": 1.6,
    }
    return lines(shown, params.style, x="epoch", y_label="Test accuracy", **how, **ends), numbers
