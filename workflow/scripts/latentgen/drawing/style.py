"""The look of every series: colour, marker, line and label."""

from typing import Any

from latentgen.names import INPUT_SUFFIX, UNTRAINED_SUFFIX

# Okabe and Ito's palette, distinguishable with any kind of colour vision; each series also has its
# own line style or marker, so that figures can be read in grey.
SERIES: dict[str, dict[str, Any]] = {
    "model": {"color": "#000000", "linestyle": "--", "label": "Model"},
    "best_probe": {"color": "#000000", "marker": "*", "label": "Best probe"},
    "masc": {"color": "#0072B2", "marker": "o", "label": "MASC"},
    "velpic": {"color": "#D55E00", "marker": "s", "label": "VeLPIC"},
    "masc_image_statistics": {
        "color": "#56B4E9",
        "marker": "o",
        "linestyle": ":",
        "label": "MASC, each image's own statistics",
    },
    "velpic_image_statistics": {
        "color": "#E69F00",
        "marker": "s",
        "linestyle": ":",
        "label": "VeLPIC, each image's own statistics",
    },
    "nearest_class_mean": {
        "color": "#009E73",
        "marker": "^",
        "linestyle": (0, (4, 1)),
        "label": "Nearest class mean",
    },
    "lda": {"color": "#CC79A7", "marker": "D", "linestyle": "-.", "label": "LDA"},
    "qda": {"color": "#E69F00", "marker": "v", "linestyle": (0, (2, 1)), "label": "QDA"},
    "knn": {"color": "#56B4E9", "marker": "P", "linestyle": ":", "label": "k-NN"},
    "logistic_regression": {
        "color": "#882255",
        "marker": "X",
        "linestyle": (0, (1, 1)),
        "label": "Logistic regression",
    },
    "logistic_regression_published": {
        "color": "#882255",
        "marker": "x",
        "linestyle": (0, (1, 1)),
        "label": "Logistic regression (Adam, as published)",
    },
    "early_stopped": {"color": "#000000", "linestyle": "--", "label": "Model, stopped early"},
    "test": {"color": "#0072B2", "marker": "o", "label": "Test"},
    "train_observed": {
        "color": "#D55E00",
        "marker": "s",
        "linestyle": ":",
        "label": "Training, observed labels",
    },
    "train_true": {
        "color": "#009E73",
        "marker": "^",
        "linestyle": "-.",
        "label": "Training, true labels",
    },
    "relabelled": {"color": "#0072B2", "marker": "o", "label": "Probe fitted to observed labels"},
    "relabelled_true": {
        "color": "#009E73",
        "marker": "^",
        "linestyle": "-.",
        "label": "Probe fitted to true labels (reference)",
    },
    "trained": {"color": "#000000", "linestyle": "--", "label": "As trained"},
    "velpic_zero_bias": {"color": "#D55E00", "marker": "s", "label": "VeLPIC weights, no bias"},
    "quadratic_test": {"color": "#0072B2", "marker": "o", "label": "Quadratic forms, test"},
    "linear_train": {
        "color": "#D55E00",
        "marker": "s",
        "linestyle": ":",
        "label": "Best linear classifier, training",
    },
    "linear_test": {"color": "#D55E00", "marker": "s", "label": "Best linear classifier, test"},
    "velpic_kept_bias": {
        "color": "#009E73",
        "marker": "^",
        "label": "VeLPIC weights, trained bias",
    },
    "velpic_scaled": {
        "color": "#E69F00",
        "marker": "v",
        "linestyle": "-.",
        "label": "VeLPIC, trained lengths and bias",
    },
    "velpic_true_labels": {
        "color": "#0072B2",
        "marker": "o",
        "linestyle": ":",
        "label": "VeLPIC from true labels (reference)",
    },
    "class_means": {
        "color": "#CC79A7",
        "marker": "D",
        "linestyle": (0, (4, 1)),
        "label": "Class means, no bias",
    },
    "random_orthonormal": {
        "color": "#56B4E9",
        "marker": "P",
        "linestyle": ":",
        "label": "Random vectors, no bias",
    },
    "undisturbed": {"color": "#000000", "linestyle": "--", "label": "Undisturbed"},
    "edited": {"color": "#D55E00", "label": "VeLPIC weights, new optimiser"},
    "optimizer_reset": {"color": "#0072B2", "linestyle": ":", "label": "New optimiser only"},
    "optimizer_kept": {
        "color": "#009E73",
        "linestyle": "-.",
        "label": "VeLPIC weights, optimiser kept",
    },
    "edited_every_epoch": {
        "color": "#CC79A7",
        "linestyle": (0, (4, 1)),
        "label": "VeLPIC weights after every epoch",
    },
    "edited_single_images": {
        "color": "#E69F00",
        "linestyle": (0, (1, 1)),
        "label": "VeLPIC weights, batches of one image",
    },
}
_OTHERS = ["#CC79A7", "#56B4E9", "#E69F00", "#F0E442"]

PUBLISHED: dict[str, Any] = {"color": "#bdbdbd", "zorder": 1.5}
"""Published numbers are drawn behind ours in light grey, with the marker of their series."""


def as_shown(name: str) -> str:
    r"""A name of the user's choice as text for matplotlib.

    It takes what stands between dollars for mathematics, and leaves what begins with an underscore
    out of legends.

    >>> as_shown("$x$"), as_shown("_hidden"), as_shown("fc1")
    ('\\$x\\$', ' _hidden', 'fc1')
    """
    text = name.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def style_of(series: str) -> dict[str, Any]:
    """Line style and label of a series; a user's own series gets a colour by its name.

    >>> style_of("masc")["label"]
    'MASC'
    >>> style_of("masc_untrained")["label"]
    'MASC, untrained network'
    """
    if series.endswith(UNTRAINED_SUFFIX):
        look = style_of(series.removesuffix(UNTRAINED_SUFFIX))
        label = f"{look['label']}, untrained network"
        return {**look, "linewidth": 0.6, "markersize": 1.2, "label": label}
    if series.endswith(INPUT_SUFFIX):
        look = style_of(series.removesuffix(INPUT_SUFFIX))
        label = f"{look['label']}, raw images"
        return {"color": look["color"], "linestyle": ":", "linewidth": 0.9, "label": label}
    if series in SERIES:
        return SERIES[series]
    colour = _OTHERS[sum(series.encode()) % len(_OTHERS)]
    return {"color": colour, "marker": "D", "label": series}
