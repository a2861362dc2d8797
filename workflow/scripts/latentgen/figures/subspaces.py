"""The three subspace experiments: observed labels, true labels, generalised network."""

from typing import Any

from latentgen.analysis import decoding
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines

NAMES = {
    "observed_labels": "Memorised network,\nobserved labels",
    "true_labels": "Memorised network,\ntrue labels",
    "generalised_network": "Generalised network,\nobserved labels",
}


def subspaces(files: Any, params: Any) -> Drawn:
    """Files: histories, final_probes. Params: style, probes."""
    histories, final_probes = read_runs(files.histories), read_runs(files.final_probes)
    numbers = decoding.subspace_experiments(histories, final_probes, params.probes)
    how: dict[str, Any] = {"row": "subspaces", "names": {"subspaces": NAMES}, "y_label": "Accuracy"}
    return lines(numbers, params.style, x="layer", height=1.5, **how), numbers
