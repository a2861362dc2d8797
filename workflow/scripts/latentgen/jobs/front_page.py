"""What the report says first: what was run, and what is not there and why."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from latentgen.config.yaml_text import to_yaml
from latentgen.jobs import provenance

Settings = Mapping[str, Mapping[str, Any]]
Condition = Callable[[Mapping[str, Any]], bool]


def left_out(suite: str, experiments: Settings, studies: Settings) -> list[str]:
    """What a reader may look for in vain, each with its reason.

    Args:
        suite: its name.
        experiments: settings of the suite's experiments.
        studies: settings of its disambiguations.
    """
    parts: list[tuple[str, Settings, Condition, str]] = [
        (
            "Comparison with published figures",
            experiments,
            lambda experiment: experiment["published"] is None,
            "none are published of this dataset and model",
        ),
        (
            "Batch normalisation",
            experiments,
            lambda experiment: not experiment["batch_norm_contrast"],
            "batch_norm_contrast is off, as it must be for networks without such layers",
        ),
        (
            "Repair",
            experiments,
            lambda experiment: experiment["validation_fraction"] == 0,
            "no training data are held out to choose on",
        ),
        (
            "Other probes over epochs",
            experiments,
            lambda experiment: not experiment["dynamics_probes"],
            "dynamics_probes names none",
        ),
        (
            "Relabelling at corruption 0",
            experiments,
            lambda experiment: 0 in experiment["noise"]["levels"],
            "no label is wrong",
        ),
        (
            "Sheets of pairs",
            studies,
            lambda study: not study["sheets"],
            "sheets is off",
        ),
    ]
    said = [
        f"{what} of {', '.join(names)}: {why}."
        for what, blocks, lacking, why in parts
        if (names := [name for name, block in blocks.items() if lacking(block)])
    ]
    if not experiments:
        said.append(f"Decoding and dynamics: suite {suite} names no experiment.")
    if not studies:
        said.append(f"Disambiguation: suite {suite} names no disambiguation.")
    return said


def as_written(members: Sequence[str], config: Mapping[str, Any]) -> str:
    """What config.yaml says of a suite's experiments, as YAML."""
    blocks = {name: found for name in members if (found := provenance.blocks(name, config))}
    return to_yaml(blocks)


def made_with() -> str:
    """The commit and the versions of what results depend on."""
    versions = [f"{name} {number}" for name, number in provenance.versions().items()]
    return ", ".join([f"commit {provenance.git_commit()}", *versions])
