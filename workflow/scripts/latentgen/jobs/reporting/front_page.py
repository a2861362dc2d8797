"""The report's first page: what was found, how it was made, and what is not there and why."""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from latentgen.config.yaml_text import to_yaml
from latentgen.jobs.around import provenance
from latentgen.jobs.reporting import report_findings, report_graph
from latentgen.names import UNKNOWN

Settings = Mapping[str, Mapping[str, Any]]
Condition = Callable[[Mapping[str, Any]], bool]
Categories = Mapping[Any, Mapping[Any, Sequence[Any]]]
"""What Snakemake gives the template: by category and subcategory, records of the report's files."""


class FrontPage(dict[str, Any]):
    """What workflow/report/workflow.rst uses; nothing is read or computed before its use.

    It stands in the config since Snakemake gives that template nothing else of ours. Jobs get the
    config too: to them it goes as a plain empty dict.
    """

    found = report_findings

    def __init__(self, workflow: Any, experiments: Settings, studies: Settings) -> None:
        """Keep what the page is made of.

        Args:
            workflow: Snakemake's.
            experiments: settings of the suite's experiments.
            studies: settings of its disambiguations.
        """
        super().__init__()
        self._workflow = workflow
        self.experiments = experiments
        self.studies = studies

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """As what it is copied and pickled."""
        return dict, ()

    def tables(self, categories: Categories) -> dict[str, Path]:
        """The CSV files of the report's tables, by name."""
        pages = [file.path for file in _files(categories) if file.path.parent.name == "tables"]
        return {page.stem: page.with_suffix(".csv") for page in pages}

    def headline(self, categories: Categories) -> Any | None:
        """The record of the headline figure, if the report has it."""
        names = [f"decoding/{name}/trained_and_untrained.png" for name in self.experiments]
        names.append("disambiguation/disambiguation_scores.png")
        figures = {"/".join(file.path.parts[2:]): file for file in _files(categories)}
        return next((figures[name] for name in names if name in figures), None)

    def data_uri(self, picture: Path) -> str:
        """A PNG file as an address that holds it; in lines, as docutils takes no long ones."""
        return f"data:image/png;base64,{base64.encodebytes(picture.read_bytes()).decode().strip()}"

    def graph(self) -> list[report_graph.Tier]:
        """Rules by phase, from top to bottom."""
        return report_graph.tiers(self._workflow.dag)

    def left_out(self) -> list[str]:
        """What a reader may look for in vain, each with its reason."""
        return left_out(self._workflow.config["suite"], self.experiments, self.studies)

    def as_written(self) -> str:
        """The experiments' entries in config.yaml, as YAML."""
        return as_written(list(self.experiments), self._workflow.config)

    def made_with(self) -> str:
        """The commit and the versions of what results depend on."""
        return made_with()


def _files(categories: Categories) -> list[Any]:
    # The template is also given `files`, which holds one of those that have the same name.
    return [file for parts in categories.values() for part in parts.values() for file in part]


def left_out(suite: str, experiments: Settings, studies: Settings) -> list[str]:
    """What a reader may look for in vain, each with its reason.

    Args:
        suite: its name.
        experiments: settings of the suite's experiments.
        studies: settings of its disambiguations.
    """
    without_truth = {
        name: block for name, block in experiments.items() if block["noise"]["kind"] == UNKNOWN
    }
    experiments = {name: experiments[name] for name in experiments if name not in without_truth}
    parts: list[tuple[str, Settings, Condition, str]] = [
        (
            "Decoding, dynamics, and how well label issues are found",
            without_truth,
            lambda _: True,
            "the true labels are unknown",
        ),
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
            "Networks, figures over layers and epochs, and pages of suspect images",
            experiments,
            lambda experiment: not experiment["model"],
            "nothing is trained on features that were computed elsewhere",
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
    if not experiments and not without_truth:
        said.append(f"Decoding and dynamics: suite {suite} names no experiment.")
    if not studies:
        said.append(f"Disambiguation: suite {suite} names no disambiguation.")
    return said


def as_written(members: Sequence[str], config: Mapping[str, Any]) -> str:
    """The entries of a suite's experiments in config.yaml, as YAML."""
    blocks = {name: found for name in members if (found := provenance.blocks(name, config))}
    return to_yaml(blocks)


def made_with() -> str:
    """The commit and the versions of what results depend on."""
    versions = [f"{name} {number}" for name, number in provenance.versions().items()]
    return ", ".join([f"commit {provenance.git_commit()}", *versions])
