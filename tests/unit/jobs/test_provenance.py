"""Records of where results come from, and what is said when they hold no longer."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from latentgen import content
from latentgen.jobs.around import provenance

CONFIG: dict[str, Any] = {
    "suite": "all",
    "suites": {"all": ["mine"]},
    "datasets": {"digits": {"source": "sklearn"}},
    "models": {"small": {"widths": [8]}},
    "experiments": {"mine": {"dataset": "digits", "model": "small", "seeds": [1, 2]}},
}


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one result, made from a file and a folder, and its record."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(provenance, "code_digest", content.code_digest.__wrapped__)  # files change
    folder = Path("results/runs/mine/uniform-0.4/seed1")
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "epoch_0000.safetensors").write_bytes(b"state")
    Path("module.py").write_text("x = 1\n")
    for name in ("images.bin", "labels.csv"):
        Path(name).write_bytes(b"pixels")
    (folder / "probes.csv").write_text("epoch\n0\n")
    code = {"module.py": provenance.code_digest(Path("module.py"))}
    provenance.record(
        SimpleNamespace(
            rule="fit_probes",
            wildcards={"experiment": "mine", "noise": "uniform-0.4", "seed": "1"},
            config=CONFIG,
            params={
                "probes": {"masc": {"levels": (1, 2)}},
                "external": ["labels.csv", "not there"],
                "code": code,
            },
            input=[str(folder / "checkpoints"), "images.bin"],
            output=[str(folder / "probes.csv")],
        )
    )
    return folder


def mismatches() -> list[str]:
    return list(provenance.verify(Path("results")))


def test_what_a_record_holds(finished: Path) -> None:
    record = json.loads((finished / "probes.provenance.json").read_text())
    assert record["rule"] == "fit_probes"
    assert record["config"]["mine"]["experiment"]["seeds"] == [1, 2]
    assert record["config"]["mine"]["model"] == {"widths": [8]}
    assert record["inputs"]["images.bin"] == hashlib.sha256(b"pixels").hexdigest()
    assert list(record["code"]) == ["module.py"]
    assert record["external"] == {"labels.csv": hashlib.sha256(b"pixels").hexdigest()}
    params = [{"masc": {"levels": (1, 2)}}, ["labels.csv", "not there"], record["code"]]
    assert provenance.params_of(record) == sorted(map(repr, params))
    assert record["commit"] == "unknown"  # there is no repository
    assert {"python", "numpy", "torch"} <= set(record["versions"])
    assert record["device"]


def test_a_result_that_was_edited_or_removed(finished: Path) -> None:
    result = finished / "probes.csv"
    (finished / "checkpoints" / ".snakemake_timestamp").touch()  # no part of the folder
    assert mismatches() == []
    result.write_text("epoch\n1\n")
    assert mismatches() == [f"{result}: {result} was changed after it was made"]
    result.unlink()
    assert mismatches() == [f"{result}: is missing"]


def test_inputs_that_were_changed_renamed_or_removed(finished: Path) -> None:
    result = finished / "probes.csv"
    checkpoints = finished / "checkpoints"
    (checkpoints / "epoch_0000.safetensors").rename(checkpoints / "epoch_0001.safetensors")
    assert mismatches() == [f"{result}: was made from another {checkpoints}"]
    Path("labels.csv").write_bytes(b"others")
    assert f"{result}: was made from another labels.csv" in mismatches()
    Path("images.bin").unlink()
    Path("labels.csv").unlink()  # external data may be removed once they are prepared
    assert mismatches()[1:] == [f"{result}: was made from images.bin, which is missing"]


def test_code_counts_by_what_it_computes(finished: Path) -> None:
    result = finished / "probes.csv"
    Path("module.py").write_text('"""What it is about."""\nx = 1  # one\n')
    assert mismatches() == []
    Path("module.py").write_text("x = 2\n")
    assert mismatches() == [f"{result}: was made from another module.py"]
    Path("module.py").unlink()
    assert mismatches() == [f"{result}: was made from another module.py"]


def test_which_experiments_a_job_is_about() -> None:
    assert provenance.concerned({"experiment": "mine"}, CONFIG) == ["mine"]
    assert provenance.concerned({}, CONFIG) == ["mine"]
    assert provenance.concerned({"dataset": "digits"}, CONFIG) == []
