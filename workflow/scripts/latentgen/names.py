"""How things are named in config.yaml, in paths and in Snakemake's wildcards."""

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""Names become folders and words of shell commands, so special characters are not allowed."""

INPUT = "input"
"""The images as the network sees them, flattened: layer 0. It is the same at every epoch."""

UNTRAINED_SUFFIX = "_untrained"
"""Ends the series of a probe, or of the model, on the untrained network."""

INPUT_SUFFIX = "_input"
"""Ends the series of a probe on the images themselves."""

OWN_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
"""`module.object`: an object that is not part of the library, see `plugins`."""

TORCHVISION_FOLDERS = {
    "MNIST": "MNIST/raw",
    "FashionMNIST": "FashionMNIST/raw",
    "CIFAR10": "cifar-10-batches-py",
    "CIFAR100": "cifar-100-python",
}
"""Where torchvision keeps each of its datasets that we know, within its root."""

UNDISTURBED = "undisturbed"
"""The variant of an intervention in which nothing is changed."""

LEVEL_PATTERN = r"[0-9.e-]+"

GIVEN = "given"
"""The kind of noise that came with the data; in place of a level it has the labels' name."""

Level = float | str
"""A corruption level, or the name of given labels."""


def noise_name(kind: str, level: Level) -> str:
    """Name of a noise kind at a corruption level.

    >>> noise_name("uniform", 0.4), noise_name("given", "worse")
    ('uniform-0.4', 'given-worse')
    """
    return f"{kind}-{level_name(level)}"


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
    return kind, level if kind == GIVEN else float(level)
