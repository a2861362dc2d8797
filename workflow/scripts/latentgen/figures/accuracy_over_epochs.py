"""Model and probes over the epochs of training, layer by layer (arXiv 2603.19865)."""

from typing import Any

import pandas as pd

from latentgen.analysis import dynamics, published
from latentgen.analysis.over_seeds import early_stopped_rows, over_seeds, read_runs
from latentgen.drawing.facets import Drawn, lines, with_input_across
from latentgen.names import INPUT


def accuracy_over_epochs(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, published curves of model and probes.

    Params: style, published, probes (their settings), fit_labels (of the probes).
    """
    histories, probes = read_runs(files.histories), read_runs(files.probes)
    ours = dynamics.accuracy_over_epochs(histories, probes, params.fit_labels)
    stopped = over_seeds(early_stopped_rows(histories), ["level", "series"])
    ours = pd.concat([ours, stopped], ignore_index=True).astype({"epoch": "Int64"})
    theirs = published.read(files, params.published)
    model = published.select(theirs, published.TRAINING, params.probes)
    curves = published.select(theirs, published.PROBE, params.probes)
    curves = curves[curves["fit_labels"] == params.fit_labels]
    numbers = published.with_published(ours, pd.concat([model[model["of"] == "test"], curves]))
    shown = with_input_across(numbers)
    shown = shown[shown["layer"] != INPUT]
    return lines(shown, params.style, x="epoch", row="layer", y_label="Test accuracy"), numbers
