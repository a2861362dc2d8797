"""Model and probes on the trained network, on the untrained one and on the raw input, by level."""

from typing import Any

from latentgen.analysis import trained_and_untrained as analysis
from latentgen.analysis.controls import LAYER_RULES
from latentgen.analysis.over_seeds import read_runs
from latentgen.analysis.published import read, with_published
from latentgen.drawing.facets import Drawn, dots
from latentgen.drawing.style import BLUE, GREEN, ORANGE, Look, style_of
from latentgen.names import EARLY_STOPPED, INPUT_SUFFIX, MODEL, UNTRAINED_SUFFIX

NETWORKS: dict[str, Look] = {
    "": {"color": BLUE, "marker": "o", "label": "Trained network"},
    UNTRAINED_SUFFIX: {"color": ORANGE, "marker": "s", "label": "Untrained network"},
    INPUT_SUFFIX: {"color": GREEN, "marker": "^", "label": "Raw input"},
}
ACROSS = (MODEL, EARLY_STOPPED)


def trained_and_untrained(files: Any, params: Any) -> Drawn:
    """Files: histories, probes, initialised. Params: style, probes, published.

    The model at its last epoch and at its best one on held-out data are lines across.
    """
    histories, probes = read_runs(files.histories), read_runs(files.probes)
    ours = analysis.trained_and_untrained(histories, probes, params.probes)
    theirs = analysis.published_rows(read(files, params.published), params.probes)
    numbers = with_published(ours, theirs, ["level", "series"])
    names, ends = zip(*map(_parts, numbers["series"]), strict=True) if len(numbers) else ((), ())
    shown = numbers.assign(probe=names, network=ends)
    across = shown["series"].isin(ACROSS) & (shown["source"] == "ours")
    shown = shown.assign(
        network=shown["network"].mask(across, shown["series"]),
        probe=shown["probe"].mask(across),
    ).sort_values("level", kind="stable")
    looks = NETWORKS | {name: style_of(name) for name in ACROSS}
    named = {it: style_of(it)["label"] for it in (MODEL, *params.probes)}
    rules = shown["layer_rule"].replace("", None).dropna().unique()
    x_label = "Test accuracy" + "".join(f" (layer: {LAYER_RULES[rule]})" for rule in rules)
    how: dict[str, Any] = {
        "y": "probe",
        "hue": "network",
        "col": "level",
        "wrap": 3,
        "bars": ("min", "max"),
    }
    how |= {"looks": looks, "names": {"probe": named}, "share_x": False}
    return dots(shown, params.style, x_label=x_label, **how), numbers


def _parts(series: str) -> tuple[str, str]:
    """Return the probe of a series, and the end of its name that names the network."""
    end = next((it for it in (UNTRAINED_SUFFIX, INPUT_SUFFIX) if series.endswith(it)), "")
    return series.removesuffix(end), end
