"""The look of every series: colour, marker, line and label."""

from collections.abc import Iterable
from itertools import cycle
from typing import Any

from latentgen.names import IMAGE_STATISTICS_SUFFIX, INPUT_SUFFIX, UNTRAINED_SUFFIX

Look = dict[str, Any]
"""Keyword arguments of matplotlib's `plot`, with a label."""

# Okabe and Ito's palette, distinguishable with any kind of colour vision. Each series also has its
# own line style or marker, so that figures can be read in grey.
BLACK, GREY, BLUE, SKY = "#000000", "#777777", "#0072B2", "#56B4E9"
ORANGE, YELLOW, GREEN, PINK, WINE = "#D55E00", "#E69F00", "#009E73", "#CC79A7", "#882255"
LONG_DASHES, SHORT_DASHES, DOTS = (0, (4, 1)), (0, (2, 1)), (0, (1, 1))

SERIES: dict[str, tuple[str, str, str, Any]] = {
    "model": ("Model", BLACK, "", "--"),
    "early_stopped": ("Model, early stopping", GREY, "", "-."),
    "masc": ("MASC", BLUE, "o", "-"),
    "velpic": ("VeLPIC", ORANGE, "s", "-"),
    "nearest_class_mean": ("Nearest class mean", GREEN, "^", LONG_DASHES),
    "lda": ("LDA", PINK, "D", "-."),
    "qda": ("QDA", YELLOW, "v", SHORT_DASHES),
    "knn": ("k-NN", SKY, "P", ":"),
    "logistic_regression": ("Logistic regression", WINE, "X", DOTS),
    "logistic_regression_published": ("Logistic regression (Adam, as published)", WINE, "x", DOTS),
    "best_probe": ("Best probe", BLACK, "*", "-"),
    "test": ("Test", BLUE, "o", "-"),
    "train_observed": ("Training, observed labels", ORANGE, "s", ":"),
    "train_true": ("Training, true labels", GREEN, "^", "-."),
    "relabelled": ("Probe fitted to observed labels", BLUE, "o", "-"),
    "relabelled_true": ("Probe fitted to true labels (reference)", GREEN, "^", "-."),
    "trained": ("As trained", BLACK, "", "--"),
    "velpic_zero_bias": ("VeLPIC weights, no bias", ORANGE, "s", "-"),
    "velpic_kept_bias": ("VeLPIC weights, trained bias", GREEN, "^", "-"),
    "velpic_scaled": ("VeLPIC, trained lengths and bias", YELLOW, "v", "-."),
    "velpic_true_labels": ("VeLPIC from true labels (reference)", BLUE, "o", ":"),
    "class_means": ("Class means, no bias", PINK, "D", LONG_DASHES),
    "random_orthonormal": ("Random vectors, no bias", SKY, "P", ":"),
    "quadratic_test": ("Quadratic forms, test", BLUE, "o", "-"),
    "linear_train": ("Best linear classifier, training", ORANGE, "s", ":"),
    "linear_test": ("Best linear classifier, test", ORANGE, "s", "-"),
    "undisturbed": ("Undisturbed", BLACK, "", "--"),
    "edited": ("VeLPIC weights, new optimiser", ORANGE, "", "-"),
    "optimizer_reset": ("New optimiser only", BLUE, "", ":"),
    "optimizer_kept": ("VeLPIC weights, optimiser kept", GREEN, "", "-."),
    "edited_every_epoch": ("VeLPIC weights after every epoch", PINK, "", LONG_DASHES),
    "edited_single_images": ("VeLPIC weights, batches of one image", YELLOW, "", DOTS),
}
"""Label, colour, marker and line of each series."""

_OTHERS = [PINK, SKY, YELLOW, "#F0E442"]

PUBLISHED: Look = {"color": "#bdbdbd", "zorder": 1.5, "linewidth": 2.2, "markersize": 4.5}
"""Published numbers lie behind ours in light grey, with the marker and line of their series."""

RESNET18 = {
    **{"l0": "first pooling", "l0_1": "stage 1, ReLU 1", "l0_2": "stage 1, block 1"},
    **{"l0_3": "stage 1, ReLU 2", **{f"l{i}": f"stage {i}" for i in range(1, 5)}},
    "bf_last": "average pooling",
}
"""Names for readers of the layers of arXiv 2501.14687's ResNet-18."""


def as_shown(name: str) -> str:
    r"""Return a name of the user's choice as text for matplotlib.

    Matplotlib reads what stands between dollars as mathematics, and leaves names that begin with
    an underscore out of legends.

    >>> as_shown("$x$"), as_shown("_hidden"), as_shown("fc1")
    ('\\$x\\$', ' _hidden', 'fc1')
    """
    text = name.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def style_of(series: str) -> Look:
    """Return colour, marker, line style and label of a series.

    The colour of a custom series depends on its name only.

    >>> style_of("masc")["label"], style_of("masc_untrained")["label"]
    ('MASC', 'MASC, untrained network')
    """
    if series.endswith(UNTRAINED_SUFFIX):
        look = style_of(series.removesuffix(UNTRAINED_SUFFIX))
        label = f"{look['label']}, untrained network"
        return {**look, "linewidth": 0.6, "markersize": 1.2, "label": label}
    if series.endswith(INPUT_SUFFIX):
        colour = style_of(series.removesuffix(INPUT_SUFFIX))["color"]
        line = {"linestyle": ":", "linewidth": 0.7, "label": "Raw input (same colour)"}
        return {"color": colour, **line}
    if series.endswith(IMAGE_STATISTICS_SUFFIX):
        look = style_of(series.removesuffix(IMAGE_STATISTICS_SUFFIX))
        hollow = {"linestyle": ":", "markerfacecolor": "white"}
        return {**look, **hollow, "label": f"{look['label']}, each image's own statistics"}
    if series in SERIES:
        label, colour, marker, line = SERIES[series]
        return {"color": colour, "marker": marker, "linestyle": line, "label": label}
    colour = _OTHERS[sum(series.encode()) % len(_OTHERS)]
    return {"color": colour, "marker": "D", "label": as_shown(series)}


def shades(labels: dict[Any, str], palette: str = "viridis") -> dict[Any, Look]:
    """Return the looks of ordered values, dark to light and shape by shape.

    Args:
        labels: of the values, in their order.
        palette: of matplotlib's colour maps.
    """
    import seaborn as sns  # slow to import

    colours: Iterable[Any] = sns.color_palette(palette, len(labels))
    return {
        value: {"color": colour, "marker": marker, "label": as_shown(label)}
        for (value, label), colour, marker in zip(
            labels.items(), colours, cycle("osD^vP*X"), strict=False
        )
    }


def layer_name(layer: str, layers: Iterable[str], longest: int = 16) -> str:
    r"""Return a layer's name for readers, without its parents where it is too long.

    The parents stay if another of the layers had the same name without them.

    >>> layer_name("encoder.layers.encoder_layer_11", [])
    'encoder_layer_11'
    >>> layer_name("input of classifier.2", []), layer_name("l1", ["l1", "bf_last"])
    ('input of\nclassifier.2', 'stage 1')
    """
    if "bf_last" in layers and layer in RESNET18:
        return RESNET18[layer]
    short = _without_parents(layer, longest)
    clash = [it for it in layers if it != layer and _without_parents(it, longest) == short]
    return as_shown(layer if clash else short)


def _without_parents(layer: str, longest: int) -> str:
    words, of, name = layer.rpartition(" of ")
    while len(name) > longest and "." in name and not name.partition(".")[2].isdigit():
        name = name.partition(".")[2]
    return f"{words}{of.rstrip()}\n{name}" if of else name
