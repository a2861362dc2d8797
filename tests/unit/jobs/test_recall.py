"""Snakemake's metadata and the times of results follow from records."""

import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.persistence import RECORD_FORMAT_VERSION
from snakemake.persistence.file import FilePersistence

from latentgen.jobs.around import provenance
from latentgen.jobs.planning import recall as module
from latentgen.jobs.planning.recall import recall

LABELS, PROBES = "results/labels.h5", f"results/{'a-long-name/' * 25}probes.csv"


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels made from external data, and probes made from labels and a folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    Path("data.npz").write_text("data")
    Path("results/checkpoints").mkdir(parents=True)
    Path("results/checkpoints/epoch").write_text("weights")
    make(LABELS, [], external=["data.npz"])
    make(PROBES, [LABELS, "results/checkpoints"], level=0.4)


def make(output: str, inputs: list[str], **params: Any) -> None:
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(output)
    provenance.record(
        SimpleNamespace(
            rule="make",
            wildcards={"dataset": "d"},
            config={},
            params={**params, "code": {"make.py": "1"}},
            input=inputs,
            output=[output],
        )
    )


def metadata(output: str) -> dict[str, Any]:
    """What Snakemake itself finds about a file."""
    persistence = SimpleNamespace(_max_len=None)
    persistence._fetch_max_len = lambda subject: FilePersistence._fetch_max_len(
        persistence, subject
    )
    place = FilePersistence._record_path(persistence, ".snakemake/metadata", output)
    found: dict[str, Any] = json.loads(Path(place).read_text())
    return found


def params(output: str) -> list[str]:
    recall()
    return list(metadata(output)["params"])


def test_metadata_are_those_of_the_records() -> None:
    assert module.METADATA_FORMAT == RECORD_FORMAT_VERSION
    expected = ["0.4", "{'make.py': '1'}"]
    assert params(PROBES) == expected
    assert metadata(PROBES)["input"] == ["results/checkpoints", LABELS]
    shutil.rmtree(".snakemake")
    assert params(PROBES) == expected
    # Those of other results, as when results come from another clone.
    Path(module._metadata_path(Path(".snakemake/metadata"), PROBES)).write_text('{"params": ["1"]}')
    assert params(PROBES) == expected


@pytest.mark.parametrize("age", [-1e6, 0, 1e6])
@pytest.mark.parametrize("file", ["data.npz", LABELS, "results/checkpoints/epoch"])
def test_another_content_is_named_whatever_its_time(file: str, age: float) -> None:
    held = {output: params(output) for output in (LABELS, PROBES)}
    original = Path(file).read_text()
    Path(file).write_text("another")
    os.utime(file, (time.time() + age,) * 2)
    output, said = {
        "data.npz": (LABELS, "was made from another data.npz"),
        LABELS: (PROBES, f"was made from another {LABELS}"),
    }.get(file, (PROBES, "was made from another results/checkpoints"))
    assert set(params(output)) - set(held[output]) == {said}
    Path(file).write_text(original)
    assert {output: params(output) for output in (LABELS, PROBES)} == held


def test_times_of_what_holds_are_put_in_order() -> None:
    stamp = Path("results/checkpoints/.snakemake_timestamp")
    stamp.touch()
    benchmark = Path("results/benchmarks/make/probes.tsv")
    benchmark.parent.mkdir(parents=True)
    benchmark.touch()
    now = time.time()
    os.utime(benchmark, (0, 0))
    for file, age in {PROBES: 300, LABELS: 100, "data.npz": -1e6}.items():
        os.utime(file, (now - age,) * 2)
    os.utime(stamp, (now - 50,) * 2)
    recall()
    assert Path(PROBES).stat().st_mtime_ns == stamp.stat().st_mtime_ns  # exactly: not older
    assert benchmark.stat().st_mtime_ns == stamp.stat().st_mtime_ns
    assert Path(LABELS).stat().st_mtime == pytest.approx(now - 100)
    os.utime(LABELS, (now + 1e6,) * 2)
    recall()
    assert Path(LABELS).stat().st_mtime <= Path(PROBES).stat().st_mtime <= time.time()
    # A result that does not hold keeps its time.
    Path(LABELS).write_text("another")
    os.utime(PROBES, (now - 300,) * 2)
    recall()
    assert Path(PROBES).stat().st_mtime == pytest.approx(now - 300)


def test_without_records_nothing_is_written(tmp_path: Path) -> None:
    shutil.rmtree("results")
    recall()
    assert not list(Path(".snakemake").rglob("*.*"))


def test_damaged_records_and_missing_results_are_left_to_snakemake() -> None:
    provenance.record_path(LABELS).write_text("{")
    Path(PROBES).unlink()
    recall()
    assert not Path(".snakemake/metadata").exists()
