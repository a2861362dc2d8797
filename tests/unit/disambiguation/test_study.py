"""A study of a few images, whatever they are like."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.disambiguation.colours import classifier, one_thing, two_things

from latentgen.disambiguation.images import Sample
from latentgen.disambiguation.segments import Segments, make_segmenter
from latentgen.disambiguation.study import run_study

SETTINGS: dict[str, Any] = {
    "attribution": {"method": "grad_cam", "channels": "max"},
    "masking_value": "black",
    "measure": "evidence",
    "delta": 0.8,
    "top_k": 2,
    "every_pair": False,
    "min_probability": 0.0,
    "min_pixels": 5,
    "search": {"budget": 60, "beam": 2, "draws": 9},
    "decide": {"distinct": 0.5, "single": 0.5},
    "seed": 0,
    "model": {"weights": "none"},
}
GRID = make_segmenter({"segmenter": "grid", "rows": 2, "columns": 4})


def sample(name: str, image: np.ndarray, truth: str = "") -> Sample:
    objects = np.stack([image[..., 0] > 0, image[..., 1] > 0])
    labels = (0, 1) if truth else ()
    return Sample(name, image, truth=truth, part="report", labels=labels, objects=objects)


def two_alone() -> list[tuple[Sample, Segments | str]]:
    return [(sample("two", two_things()), GRID(two_things()))]


def run(
    samples: list[tuple[Sample, Segments | str]], folder: Path, n_classes: int = 3, **more: Any
) -> dict[str, pd.DataFrame]:
    return run_study(samples, classifier(n_classes), {**SETTINGS, **more}, folder)


@pytest.mark.parametrize("method", ["grad_cam", "integrated_gradients", "feature_ablation"])
def test_two_things_are_told_from_one(tmp_path: Path, method: str) -> None:
    images = [sample("two", two_things(), "distinct"), sample("one", one_thing(), "single")]
    attribution = {"method": method, "channels": "sum"}
    found = run([(one, GRID(one.image)) for one in images], tmp_path, attribution=attribution)
    pairs = found["pairs"].set_index("name")
    assert pairs["verdict"].tolist() == ["distinct", "single"]
    assert pairs["truth"].tolist() == ["distinct", "single"]
    assert pairs.loc["two", "split_delta"] == 1
    assert pairs.loc["two", "purity"] == 1
    assert pairs.loc["one", "coupling"] == pytest.approx(1)
    assert pairs.loc["one", "single_delta"] == 1
    assert (tmp_path / "two" / "0-1-distinct" / "proof.json").exists()
    assert not (tmp_path / "one" / "0-1-distinct").exists()
    assert (tmp_path / "one" / "0-1-single" / "proof.json").exists()
    for name, row in pairs.iterrows():  # certificates of the published rules have proofs, too
        for rule in ("distinct_1", "distinct_2", "single"):
            proof = tmp_path / str(name) / f"0-1-published_{rule}" / "proof.json"
            assert proof.exists() == row[rule]
    assert pairs.loc["two", "distinct_1"] and pairs.loc["one", "single"]
    curves = found["curves"]
    assert len(curves) == 2 * 4 * (1 + 8)
    own = curves[(curves["name"] == "two") & (curves["along"] == "own_a")]
    n_own = int(own["own"].sum())
    assert 0 < n_own < 8 and own["own"].tolist() == [False, *[True] * n_own, *[False] * (8 - n_own)]
    assert curves["probability_a"].between(0, 1).all()


def test_a_study_gives_the_same_every_time(tmp_path: Path) -> None:
    samples = [(sample("two", two_things()), GRID(two_things()))]
    first, second = (run(samples, tmp_path / name) for name in ("first", "second"))
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name], check_exact=True)


def test_what_cannot_be_looked_at_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    tiny = np.zeros((2, 2, 3), dtype=np.uint8)
    samples: list[tuple[Sample, Segments | str]] = [
        (sample("tiny", tiny), GRID(tiny)),
        (sample("unmasked", two_things()), "the segmenter found no mask"),
        (sample("whole", two_things()), np.zeros((8, 16), dtype=np.int32)),
        (sample("two", two_things()), GRID(two_things())),
    ]
    found = run(samples, tmp_path)
    assert found["pairs"]["name"].tolist() == ["two"]
    assert found["skipped"]["name"].tolist() == ["tiny", "unmasked", "whole"]
    for row in found["skipped"].to_dict("records"):
        assert row["reason"].startswith(f"{row['name']}: ")
    assert "segments of at least 5 pixels: found 0" in found["skipped"]["reason"][0]
    assert "found no mask" in found["skipped"]["reason"][1]


def test_nothing_at_all_leaves_tables_with_their_headings(tmp_path: Path) -> None:
    found = run([], tmp_path)
    assert all(table.empty for table in found.values())
    assert {"name", "verdict", "score"} <= set(found["pairs"].columns)
    assert {"name", "along", "step"} <= set(found["curves"].columns)


def test_a_model_with_fewer_classes_than_asked_for(tmp_path: Path) -> None:
    samples = two_alone()
    assert len(run(samples, tmp_path / "2", n_classes=2, top_k=5)["pairs"]) == 1
    assert len(run(samples, tmp_path / "3", n_classes=3, top_k=5)["pairs"]) == 3
    one = run(samples, tmp_path / "1", n_classes=1)
    assert "classes: found one" in one["skipped"]["reason"][0]


def test_weak_second_labels_can_be_left_out(tmp_path: Path) -> None:
    samples = two_alone()
    pairs = run(samples, tmp_path, top_k=3, min_probability=0.1)["pairs"]
    assert pairs[["label_a", "label_b"]].to_numpy().tolist() == [[0, 1]]


def test_pairs_with_a_label_that_is_not_on_the_composite_are_there_if_asked_for(
    tmp_path: Path,
) -> None:
    composite = sample("two", two_things(), "distinct")
    samples: list[tuple[Sample, Segments | str]] = [(composite, GRID(two_things()))]
    known = run(samples, tmp_path / "known", top_k=3)["pairs"]
    every = run(samples, tmp_path / "every", top_k=3, every_pair=True)["pairs"]
    assert known[["label_a", "label_b"]].to_numpy().tolist() == [[0, 1]]
    assert every[["label_a", "label_b"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 2]]
    assert every["truth"].tolist() == ["distinct", "", ""]
