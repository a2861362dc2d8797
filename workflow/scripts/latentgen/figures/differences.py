"""Differences of test accuracies over epochs, on paired seeds."""

from typing import Any

from latentgen.analysis import dynamics
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines

LABELS = {
    "probe_minus_model": "Probe minus model, test accuracy",
    "masc_minus_probe": "MASC minus another probe, test accuracy",
    "velpic_minus_probe": "VeLPIC minus another probe, test accuracy",
}


def differences(files: Any, params: Any) -> Drawn:
    """Files: histories, probes. Params: style, difference (a key of `dynamics.DIFFERENCES`).

    Bands are 95 % intervals; wide ones, as of two seeds, may be cut off.
    """
    paired = dynamics.paired_over_epochs(read_runs(files.histories), read_runs(files.probes))
    numbers = dynamics.differences(paired, params.difference)
    how: dict[str, Any] = {
        "x": "epoch",
        "row": "layer",
        "band": ("low", "high"),
        "zero": True,
        "height": 1.2,
    }
    return lines(numbers, params.style, y_label=LABELS[params.difference], **how), numbers
