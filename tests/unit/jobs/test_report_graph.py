"""The graph of rules by phase."""

import re
from types import SimpleNamespace
from typing import Any

from tests.conftest import REPOSITORY

from latentgen.jobs.reporting.report_graph import PHASE_OF, Step, Tier, tiers

RULES = re.findall(
    r"^rule (\w+):",
    "\n".join(file.read_text() for file in (REPOSITORY / "workflow" / "rules").glob("*.smk")),
    re.M,
)


def dag(dependencies: dict[str, list[str]]) -> Any:
    """A stand-in for Snakemake's, with a job of each rule and two of `train`."""

    def job(rule: str) -> Any:
        docstring = f"What {rule} makes.\n\nAnd why."
        return SimpleNamespace(rule=SimpleNamespace(name=rule, docstring=docstring), output=[rule])

    jobs = {rule: job(rule) for rule in dependencies}
    made_from = {rule: [jobs[other] for other in others] for rule, others in dependencies.items()}
    again, target = job("train"), SimpleNamespace(output=[])
    return SimpleNamespace(
        jobs=[target, *jobs.values(), again],
        dependencies=_ByRule(made_from),
    )


class _ByRule(dict[str, Any]):
    def __getitem__(self, job: Any) -> Any:
        return super().__getitem__(job.rule.name)


def step(rule: str, jobs: int = 1) -> Step:
    return Step(rule, f"What {rule} makes.", jobs)


def test_rules_stand_in_their_phases_and_arrows_are_what_was_planned() -> None:
    found = tiers(
        dag(
            {
                "plot_costs": ["fit_probes"],
                "fit_probes": ["train", "prepare_dataset"],
                "transfer_weights": ["train"],
                "train": ["prepare_dataset"],
                "prepare_dataset": [],
                "a_rule_of_ones_own": ["plot_costs"],
            }
        )
    )
    assert found == [
        Tier({"Data and labels": [step("prepare_dataset")]}, []),
        Tier({"Networks": [step("train", 2)]}, [(0.5, 0.5)]),
        Tier(
            {"Probes": [step("fit_probes")], "Edited networks": [step("transfer_weights")]},
            [(0.5, 0.25), (0.5, 0.75)],
        ),
        Tier(
            {"Tables and figures": [step("a_rule_of_ones_own"), step("plot_costs")]},
            [(0.25, 0.5)],
        ),
    ]


def test_every_rule_has_a_phase() -> None:
    last = re.compile("plot_|tabulate_|compare_published|draw_pair_sheets")
    targets = {"all", "decoding", "dynamics", "disambiguation", "label_issues", "robust"}
    assert {rule for rule in RULES if not last.match(rule)} - targets == set(PHASE_OF)
