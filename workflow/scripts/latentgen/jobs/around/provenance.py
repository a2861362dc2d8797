"""Where a result comes from: a record next to it, and whether it still holds.

Every job leaves `<name of its first output>.provenance.json`. The record names what the output was
made from by hash, so records form a chain from a figure down to the images.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from latentgen.content import code_digest, digest_of
from latentgen.devices import device_name
from latentgen.errors import PipelineError
from latentgen.storage import atomic_path

SUFFIX = ".provenance.json"
LIBRARIES = (
    *("h5py", "matplotlib", "numpy", "pandas", "safetensors", "scikit-learn", "scipy"),
    *("snakemake", "torch", "torchvision"),
)


def record_path(output: str) -> Path:
    """Where the record of a job is, by the job's first output."""
    return Path(output).with_suffix(SUFFIX)


def record(snakemake: Any) -> None:
    """Write the record of a job that has made its outputs.

    It holds the rule, the experiment's blocks of config.yaml with its seeds, the job's settings,
    digests of the code that its numbers depend on (see `code_digests`), SHA-256 of inputs, external
    files and outputs, the git commit, versions of libraries, and the device. It does not depend on
    the time or on other jobs.
    """
    wildcards = dict(snakemake.wildcards.items())
    params = {name: _as_json(value) for name, value in snakemake.params.items()}
    experiments = concerned(wildcards, snakemake.config)
    content = {
        "rule": snakemake.rule,
        "wildcards": wildcards,
        "config": {name: blocks(name, snakemake.config) for name in experiments},
        "code": params.pop("code"),
        "params": params,
        "inputs": {path: digest_of(path) for path in sorted(set(snakemake.input))},
        "external": {path: digest_of(path) for path in external_files(params)},
        "outputs": {path: digest_of(path) for path in sorted(snakemake.output)},
        "commit": git_commit(),
        "versions": versions(),
        "device": device_name(),
    }
    with atomic_path(record_path(snakemake.output[0])) as partial:
        partial.write_text(json.dumps(content, indent=2, default=str) + "\n")


def external_files(params: Mapping[str, Any]) -> list[str]:
    """Paths of the external files and folders that a job reads, sorted.

    They are those of param `external`, a list or a mapping of names to paths, that exist. A folder
    of which parts are named stands for these parts.
    """
    named = params.get("external", [])
    paths = set(named.values() if isinstance(named, Mapping) else named)
    there = sorted(path for path in paths if Path(path).exists())
    parents = {str(parent) for path in there for parent in Path(path).parents}
    return [path for path in there if path not in parents]


def _as_json(value: Any) -> Any:
    """A param as JSON can hold it, so that its `repr` can be read back, see `params_of`."""
    read_back = json.loads(json.dumps(value, default=str))
    return read_back if repr(read_back) == repr(value) else {"repr": repr(value)}


def params_of(content: Mapping[str, Any]) -> list[str]:
    """The params of a record as Snakemake's metadata hold them: the `repr` of each, sorted."""
    values = [content["code"], *content["params"].values()]
    return sorted(
        value["repr"] if isinstance(value, dict) and set(value) == {"repr"} else repr(value)
        for value in values
    )


def concerned(wildcards: Mapping[str, str], config: Mapping[str, Any]) -> list[str]:
    """The experiments that a job is about: its own, or the whole suite for a job about no part."""
    if "experiment" in wildcards:
        return [wildcards["experiment"]]
    return [] if wildcards else list(config["suites"][config["suite"]])


def blocks(experiment: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """An experiment's entry in config.yaml; empty if there is none."""
    block = config["experiments"].get(experiment)
    if block is None:
        return {}
    return {
        "experiment": block,
        "dataset": config["datasets"].get(block["dataset"]),
        "model": config["models"].get(block.get("model")),
    }


def git_commit() -> str:
    """The commit that is checked out, with `-dirty` if files differ from it; "unknown" without."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """Of Python and of the libraries that results depend on."""
    found = {"python": sys.version.split()[0]}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def read_records(results: Path) -> Iterator[dict[str, Any]]:
    """The records under a folder, in the order of their paths; damaged ones are skipped."""
    for file in sorted(results.rglob(f"*{SUFFIX}")):
        try:
            content = json.loads(file.read_text())
            if content["outputs"] and "external" in content:
                yield content
        except (ValueError, KeyError, TypeError):
            continue


def differences(content: Mapping[str, Any]) -> list[str]:
    """Files that differ from a record, each with what is different.

    Missing inputs do not count: Snakemake makes those that rules make, and external data may be
    removed once they are prepared.
    """
    found = []
    for path, expected in content["outputs"].items():
        if _digest_or_none(path) not in (expected, None):
            found.append(f"{path} was changed after it was made")
    for path, expected in {**content["inputs"], **content["external"]}.items():
        if _digest_or_none(path) not in (expected, None):
            found.append(f"was made from another {path}")
    return found


def verify(results: Path) -> Iterator[str]:
    """Compare all records under a folder with the files they name, relative to the current folder.

    Yields:
        A line for each result that no longer matches its record: what it is, and why.
    """
    for content in read_records(results):
        outputs = ", ".join(content["outputs"])
        yield from (f"{path}: is missing" for path in content["outputs"] if not Path(path).exists())
        yield from (f"{outputs}: {difference}" for difference in differences(content))
        for path in content["inputs"]:
            if not Path(path).exists():
                yield f"{outputs}: was made from {path}, which is missing"
        for path, expected in content["code"].items():
            if not Path(path).exists() or code_digest(Path(path)) != expected:
                yield f"{outputs}: was made from another {path}"


def _digest_or_none(path: str) -> str | None:
    try:
        return digest_of(path) if Path(path).exists() else None
    except PipelineError:
        return "unreadable"  # the job that reads it reports why
