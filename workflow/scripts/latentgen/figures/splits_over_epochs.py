"""Network and probe on test and on training images over the epochs of training."""

from typing import Any

from latentgen.analysis import dynamics, published
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines
from latentgen.drawing.style import layer_name, style_of


def splits_over_epochs(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, published. Params: style, published, probes (the first counts)."""
    probe = next(iter(params.probes))
    histories, probes = read_runs(files.histories), read_runs(files.probes)
    ours = dynamics.accuracies_on_splits(histories, probes, probe)
    theirs = published.read(files, params.published)
    curves = published.select(theirs, published.TRAINING, {}, series="of")
    numbers = published.with_published(ours, curves.assign(layer=dynamics.NETWORK))
    layers = list(dict.fromkeys(numbers["layer"]))
    names = {it: f"{style_of(probe)['label']},\n{layer_name(it, layers)}" for it in layers}
    how: dict[str, Any] = {
        "row": "layer",
        "names": {"layer": names | {dynamics.NETWORK: "network"}},
    }
    return lines(numbers, params.style, x="epoch", y_label="Accuracy", **how), numbers
