"""How things are named in config.yaml, in paths and in Snakemake's wildcards."""

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""Names become folders and words of shell commands, so special characters are not allowed."""

INPUT = "input"
"""The images as the network sees them, flattened: layer 0. It is the same at every epoch."""

MODEL = "model"
"""The series of the network's own output, next to those of probes."""

EARLY_STOPPED = "early_stopped"
"""The series of the model at its epoch with the best accuracy on held-out observed labels."""

BEST_PROBE = "best_probe"
"""The probe that is selected, together with its layer, on held-out observed labels."""

UNTRAINED_SUFFIX = "_untrained"
"""Ends the series of a probe, or of the model, on the untrained network."""

INPUT_SUFFIX = "_input"
"""Ends the series of a probe on the images themselves."""

IMAGE_STATISTICS_SUFFIX = "_image_statistics"
"""Ends the series of a probe of a network with each image's own batch statistics."""

TRAINED = "trained"
"""The last layer as trained, next to probes in its place."""

KEPT_BIAS = "velpic_kept_bias"
"""VeLPIC's vectors with the trained bias, next to probes in the place of the last layer."""


def is_reserved(probe: str) -> bool:
    """Whether a probe of this name could be confused with another name in tables.

    >>> is_reserved("model"), is_reserved("masc_untrained"), is_reserved("masc-5pc")
    (True, True, False)
    """
    suffixes = (UNTRAINED_SUFFIX, INPUT_SUFFIX, IMAGE_STATISTICS_SUFFIX)
    return probe in (MODEL, EARLY_STOPPED, BEST_PROBE, TRAINED, KEPT_BIAS) or probe.endswith(
        suffixes
    )


FEATURES = "features"
"""What is read where there is no network: features that were computed elsewhere."""

OWN_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
"""`module.object`: an object that is not part of the library, see `plugins`."""

UNDISTURBED = "undisturbed"
"""The variant of an intervention in which nothing is changed."""

LEVEL_PATTERN = r"[0-9.e-]+"

GIVEN = "given"
"""The kind of noise that came with the data; in place of a level it has the labels' name."""

UNKNOWN = "unknown"
"""The kind of noise of a dataset whose own labels may be wrong; the true ones are unknown."""

UNKNOWN_LEVEL = "noise"
"""What it has in place of a level, so that it is called unknown noise."""

Level = float | str
"""A corruption level, or a name in its place where labels are not drawn."""


def noise_name(kind: str, level: Level) -> str:
    """Name of a noise kind at a corruption level.

    >>> noise_name("uniform", 0.4), noise_name("given", "worse")
    ('uniform-0.4', 'given-worse')
    """
    return f"{kind}-{level_name(level)}"


def method_name(experiment: str, method: str) -> str:
    """Name of the experiment that an experiment's method is.

    >>> method_name("robust", "gce")
    'robust-gce'
    """
    return f"{experiment}-{method}"


def level_name(level: Level) -> str:
    """A level in words.

    >>> level_name(0.4), level_name("worse")
    ('0.4', 'worse')
    """
    return level if isinstance(level, str) else f"{level:.15g}"


def parse_noise(name: str) -> tuple[str, Level]:
    """Noise kind and corruption level of a name that `noise_name` made.

    >>> parse_noise("uniform-0.4"), parse_noise("given-worse")
    (('uniform', 0.4), ('given', 'worse'))
    """
    kind, _, level = name.partition("-")
    return kind, level if kind in (GIVEN, UNKNOWN) else float(level)
