"""How results are made from each other, as a graph that can be read: rules, by phase."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

LAST = "Tables and figures"
TIERS: tuple[dict[str, Sequence[str]], ...] = (
    {"Data and labels": ["prepare_dataset", "shuffle_labels"]},
    {
        "Networks": ["train", "dump_activations"],
        "Images with two labels": ["prepare_images", "train_composite_net", "segment_images"],
    },
    {
        "Probes": ["fit_probes", "fit_final_probes", "measure_dynamics", "contrast_batch_norm"],
        "Edited networks": [
            *("transfer_weights", "intervene", "relabel_and_retrain", "repair_model"),
        ],
        "Label issues": ["find_label_issues", "show_label_issues", "retrain_on_cleaned_labels"],
        "Verdicts": ["disambiguate"],
    },
    {LAST: []},
)
"""Phases from top to bottom, with their rules. A rule that none names is of the last."""

PHASE_OF = {rule: phase for phases in TIERS for phase, rules in phases.items() for rule in rules}


class Step(NamedTuple):
    """A rule: its name, what it makes, and how many jobs of it there are."""

    rule: str
    makes: str
    jobs: int


class Tier(NamedTuple):
    """Phases next to each other, and the arrows that reach them from the tier above.

    An arrow is two places, from and to: fractions of the width at which the middles of boxes are.
    """

    phases: dict[str, list[Step]]
    arrows: list[tuple[float, float]]


def tiers(dag: Any) -> list[Tier]:
    """The graph of what is in a report, from top to bottom.

    Args:
        dag: Snakemake's, with `jobs` and, by job, its `dependencies`.
    """
    jobs = [job for job in dag.jobs if job.output]
    edges = {
        (_phase(made_from), _phase(job)) for job in jobs for made_from in dag.dependencies[job]
    }
    steps = _steps(jobs)
    found: list[Tier] = []
    for phases in TIERS:
        here = {phase: steps[phase] for phase in phases if phase in steps}
        above = list(found[-1].phases) if found else []
        arrows = [
            ((i + 0.5) / len(above), (j + 0.5) / len(here))
            for i, source in enumerate(above)
            for j, target in enumerate(here)
            if (source, target) in edges
        ]
        if here:
            found.append(Tier(here, arrows))
    return found


def _phase(job: Any) -> str:
    return PHASE_OF.get(job.rule.name, LAST)


def _steps(jobs: Sequence[Any]) -> dict[str, list[Step]]:
    """By phase, its rules: in the order in which `TIERS` names them, then by name."""
    counts = Counter(job.rule.name for job in jobs)
    rules = {job.rule.name: job.rule for job in jobs}
    steps: dict[str, list[Step]] = {}
    for name in [*filter(rules.get, PHASE_OF), *sorted(rules.keys() - PHASE_OF)]:
        step = Step(name, (rules[name].docstring or "").partition("\n")[0], counts[name])
        steps.setdefault(PHASE_OF.get(name, LAST), []).append(step)
    return steps
