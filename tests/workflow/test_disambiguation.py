"""Target `disambiguation` end to end: a few composites, and a folder of odd image files."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.conftest import Workspace, copy_of_repository, copy_of_workspace, made_once
from tests.workflow.columns import not_as_documented

from latentgen.disambiguation.verify_proof import main

pytestmark = pytest.mark.slow

COMMON = {"classifier": "net", "segmenter": "grid", "search": {"budget": 40, "beam": 2, "draws": 9}}
CONFIG: dict[str, Any] = {
    "suite": "tiny",
    "suites": {"tiny": ["composites", "photos"]},
    "datasets": {"digits": {"source": "sklearn", "name": "digits"}},
    "models": {},
    "experiments": {},
    "images": {
        "composites": {
            "source": "composites",
            "dataset": "digits",
            "layout": "scattered",
            "counts": {"pair": 6, "lone": 4},
        },
        "photos": {"source": "folder", "path": "photos", "size": 32},
    },
    "classifiers": {
        "net": {
            "architecture": "composite_net",
            "training": {"dataset": "digits", "counts": {"lone": 300, "pair": 100}, "epochs": 2},
            "class_names": 10,
        }
    },
    "segmenters": {"grid": {"segmenter": "grid", "rows": 4, "columns": 4}},
    "disambiguations": {
        "composites": {
            **COMMON,
            "images": "composites",
            "attribution": {"method": "grad_cam"},
            "measure": "evidence",
            "delta": 0.05,
            "top_k": 3,
        },
        "photos": {
            **COMMON,
            "images": "photos",
            "measure": "evidence",
            "delta": 0.05,
            "top_k": 4,
        },
    },
    "figures": {"width": 5, "dpi": 50},
}


def fill_with_photos(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (40, 60, 3)).astype(np.uint8))
    noise.save(folder / "noise.png")
    noise.convert("CMYK").save(folder / "print.jpg")
    whole = (folder / "print.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 3])


@pytest.fixture(scope="module")
def done_once(shared_folder: Path) -> Workspace:
    def make(folder: Path) -> Workspace:
        made = copy_of_repository(folder)
        made.write_config(CONFIG)
        fill_with_photos(folder / "photos")
        made.run("disambiguation")
        return made

    return made_once(shared_folder / "disambiguation", make)


@pytest.fixture
def done(done_once: Workspace, tmp_path: Path) -> Workspace:
    return copy_of_workspace(done_once, tmp_path / "done")


def test_everything_is_there_and_then_nothing_is_to_be_done(done: Workspace) -> None:
    assert done.planned("disambiguation") == {}
    results = done.folder / "results"
    assert not_as_documented(results) == []
    for study in ("composites", "photos"):
        pairs = pd.read_csv(results / f"disambiguation/studies/{study}/pairs.csv")
        sheets = results / f"figures/disambiguation/{study}/sheets"
        for kind in ("pdf", "png", "csv"):
            assert len(list(sheets.glob(f"*.{kind}"))) == len(pairs) > 0
        page = (sheets.parent / "index.html").read_text()
        assert page.count("<img ") == len(pairs)
        for image in pairs["name"].unique():
            assert image in page
    for kind in ("pdf", "png", "csv"):
        assert (results / f"figures/disambiguation/disambiguation_scores.{kind}").stat().st_size > 0
    table = pd.read_csv(results / "tables/disambiguation.csv")
    assert set(table["study"]) == {"composites", "photos"}


def test_what_cannot_be_read_is_counted_and_named(done: Workspace) -> None:
    results = done.folder / "results"
    pairs = pd.read_csv(results / "disambiguation/studies/photos/pairs.csv")
    assert set(pairs["name"]) == {"noise.png", "print.jpg"}
    page = (results / "figures/disambiguation/photos/index.html").read_text()
    assert "photos/truncated.jpg: a damaged image" in page
    table = pd.read_csv(results / "tables/disambiguation.csv").set_index("study")
    assert set(table.loc["photos", "skipped"]) == {1}
    assert set(table.loc["composites", "skipped"]) == {0}


def test_every_proof_holds_and_no_tampered_one(
    done: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(done.folder)
    proofs = sorted(path.parent for path in Path("results").rglob("proof.json"))
    assert len(proofs) >= 4
    assert main([str(proof) for proof in proofs]) == 0
    for proof in proofs:
        mask = next(proof.glob("mask*.png"))
        original = mask.read_bytes()
        pixels = 255 - np.array(Image.open(mask))
        Image.fromarray(pixels).save(mask)
        assert main([str(proof)]) == 1
        mask.write_bytes(original)
        stated = (proof / "proof.json").read_text()
        changed = {**json.loads(stated), "delta": 0.123}
        (proof / "proof.json").write_text(json.dumps(changed))
        assert main([str(proof)]) == 1
        (proof / "proof.json").write_text(stated)
    weights = next(Path("results/disambiguation/classifiers").glob("*.safetensors"))
    shutil.copy(proofs[0] / "image.png", weights)
    assert main([str(proofs[0])]) == 1


def test_an_edit_runs_what_it_changes_and_never_segments_twice(done: Workspace) -> None:
    with done.editing_config() as config:
        config["classifiers"]["other"] = config["classifiers"]["net"]
        study = config["disambiguations"]["composites"]
        config["disambiguations"]["other"] = {**study, "classifier": "other"}
        config["suites"]["tiny"].append("other")
        study["delta"] = 0.5
        config["figures"]["width"] = 6
    planned = done.planned("disambiguation")
    assert planned["disambiguate"] == {"composites", "other"}
    assert planned["train_composite_net"] == {"other"}
    assert not {"prepare_images", "segment_images"} & set(planned)
    with done.editing_config() as config:
        config["segmenters"]["grid"]["rows"] = 2
    planned = done.planned("disambiguation")
    assert len(planned["segment_images"]) == 2
    assert planned["disambiguate"] == {"composites", "other", "photos"}
    assert "prepare_images" not in planned
