"""Methods of an experiment, which become experiments of their own when config.yaml is read."""

from collections.abc import Mapping
from typing import Any

from latentgen.errors import PipelineError
from latentgen.names import method_name

Raw = Mapping[str, Any]


def expanded(raw: Raw) -> dict[str, Any]:
    """A configuration with an experiment for each method, which suites name in its parent's place.

    What is not as it should be is left for the checks.

    >>> raw = {
    ...     "suites": {"all": ["a"]},
    ...     "experiments": {"a": {"training": {"loss": "gce"}, "methods": {"b": {"loss": "sce"}}}},
    ... }
    >>> expanded(raw)["suites"], expanded(raw)["experiments"]["a-b"]
    ({'all': ['a-b']}, {'training': {'loss': 'sce'}})

    Raises:
        PipelineError: a method's experiment would have the name of another.
    """
    experiments, suites = raw.get("experiments"), raw.get("suites")
    if not isinstance(experiments, Mapping) or not isinstance(suites, Mapping):
        return dict(raw)
    new: dict[str, Raw] = {}
    for name, experiment in experiments.items():
        for method, changes in _methods(experiment).items():
            own = method_name(name, method)
            if own in experiments or own in new:
                raise PipelineError(
                    f"config error: experiments.{name}.methods.{method}: found '{own}', which is "
                    "another experiment; expected another name"
                )
            new[own] = _changed(experiment, changes)
    return {
        **raw,
        "experiments": {**experiments, **new},
        "suites": {suite: _with_methods(names, experiments) for suite, names in suites.items()},
    }


def _with_methods(names: Any, experiments: Raw) -> Any:
    """A suite's list in which methods stand in the place of their experiment."""
    if not isinstance(names, list):
        return names
    return [
        one
        for name in names
        for one in (
            [method_name(name, method) for method in _methods(experiments.get(name))]
            if isinstance(name, str)
            else []
        )
        or [name]
    ]


def as_written(problems: list[dict[str, Any]], raw: Raw) -> list[dict[str, Any]]:
    """Pydantic's errors about an expanded configuration, at the places where `raw` has them.

    An error in what a method takes over from its parent is reported for the parent.
    """
    origin = {
        method_name(name, method): (name, method, changes)
        for name, experiment in _block(raw, "experiments").items()
        for method, changes in _methods(experiment).items()
    }
    told = []
    for problem in problems:
        place = problem["loc"]
        if len(place) < 2 or place[0] != "experiments" or place[1] not in origin:
            told.append(problem)
            continue
        name, method, changes = origin[place[1]]
        if place[2:3] == ("training",) and (len(place) == 3 or place[3] in changes):
            told.append({**problem, "loc": ("experiments", name, "methods", method, *place[3:])})
    return told or problems


def _changed(experiment: Raw, changes: Raw) -> dict[str, Any]:
    plain = {key: value for key, value in experiment.items() if key != "methods"}
    return {**plain, "training": {**_block(experiment, "training"), **changes}}


def _methods(experiment: Any) -> dict[str, Raw]:
    """Methods by name, those of them that are blocks of keys."""
    methods = _block(experiment, "methods")
    return {
        name: changes
        for name, changes in methods.items()
        if isinstance(name, str) and isinstance(changes, Mapping)
    }


def _block(of: Any, key: str) -> Raw:
    block = of.get(key) if isinstance(of, Mapping) else None
    return block if isinstance(block, Mapping) else {}
