"""The report's first page."""

import copy
import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from latentgen.jobs.reporting import front_page

WHOLE: dict[str, Any] = {
    "model": {"architecture": "mlp"},
    "published": {"dataset": "MNIST", "model": "MLP"},
    "batch_norm_contrast": True,
    "validation_fraction": 0.1,
    "dynamics_probes": ["logistic_regression"],
    "noise": {"kind": "uniform", "levels": [0.4]},
}


def test_nothing_is_left_out_of_a_whole_suite() -> None:
    assert front_page.left_out("s", {"a": WHOLE}, {"b": {"sheets": True}}) == []


def test_what_is_left_out_is_named_with_its_reason() -> None:
    noise = {"kind": "uniform", "levels": [0, 0.4]}
    lacking = {**WHOLE, "published": None, "validation_fraction": 0, "noise": noise}
    said = front_page.left_out("s", {"a": WHOLE, "c": lacking, "d": lacking}, {})
    assert said == [
        "Comparison with published figures of c, d: none are published of this dataset and model.",
        "Repair of c, d: no training data are held out to choose on.",
        "Relabelling at corruption 0 of c, d: no label is wrong.",
        "Disambiguation: suite s names no disambiguation.",
    ]


def test_what_needs_true_labels_is_left_out_where_nobody_knows_them() -> None:
    unknown = {**WHOLE, "published": None, "noise": {"kind": "unknown", "levels": ["noise"]}}
    of_b = "and how well label issues are found of b: the true labels are unknown."
    (said,) = front_page.left_out("s", {"a": WHOLE, "b": unknown}, {"c": {"sheets": True}})
    assert said.endswith(of_b)
    (said,) = front_page.left_out("s", {"b": unknown}, {"c": {"sheets": True}})
    assert said.endswith(of_b)


def test_blocks_are_written_out_without_anchors() -> None:
    block = {"dataset": "d", "model": "m", "seeds": [1]}
    config = {
        "experiments": {"a": block, "b": block},
        "datasets": {"d": {"source": "npz"}},
        "models": {"m": {"widths": [3]}},
    }
    text = front_page.as_written(["a", "b", "not an experiment"], config)
    assert "&" not in text
    assert yaml.safe_load(text)["b"] == {
        "experiment": block,
        "dataset": {"source": "npz"},
        "model": {"widths": [3]},
    }


def test_jobs_get_an_empty_dict_of_it() -> None:
    page = front_page.FrontPage(workflow=open, experiments={"a": WHOLE}, studies={})
    for arrived in (pickle.loads(pickle.dumps(page)), copy.deepcopy(page)):
        assert type(arrived) is dict
        assert arrived == {}
    assert json.dumps({"front_page": page}) == '{"front_page": {}}'


def test_the_headline_is_of_the_first_experiment() -> None:
    paths = [f"results/figures/decoding/{name}/trained_and_untrained.png" for name in ("b", "a")]
    records = [SimpleNamespace(path=Path(path)) for path in [*paths, "results/tables/peaks.html"]]
    page = front_page.FrontPage(None, {"a": WHOLE, "b": WHOLE}, {})
    found = page.headline({"2": {"": records[:2]}, "1": {"": records[2:]}})
    assert found is records[1]
    assert page.tables({"1": {"": records}}) == {"peaks": Path("results/tables/peaks.csv")}
    assert page.headline({}) is None
