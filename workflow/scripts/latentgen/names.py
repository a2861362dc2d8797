"""How things are named in config.yaml, in paths and in Snakemake's wildcards."""

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""Names become folders and words in shell commands: they hold nothing special to either."""

INPUT = "input"
"""The images as the network sees them, flattened: layer 0. It is the same at every epoch."""

OWN_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
"""`module.object`: something that the library does not bring along, see `own`."""

UNDISTURBED = "undisturbed"
"""Of the variants of an intervention, the run in which nothing is done."""

LEVEL_PATTERN = r"[0-9.e-]+"


def noise_name(kind: str, level: float) -> str:
    """Name of a noise kind at a corruption level: `uniform-0.4`."""
    return f"{kind}-{level:.15g}"


def parse_noise(name: str) -> tuple[str, float]:
    """Read a name that `noise_name` wrote."""
    kind, _, level = name.partition("-")
    return kind, float(level)
