"""Where a result comes from: a record beside it, and whether it still holds.

Every job leaves `<name of its first output>.provenance.json`. The record names what the output was
made from by hash, so records form a chain from a figure down to the images.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from latentgen.devices import device_name
from latentgen.external_files import digest_of, remembered_digest
from latentgen.jobs.planning.code_digests import digest
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
    digests of the code that its numbers depend on (see `code`), SHA-256 of inputs (those from
    outside the pipeline among them) and outputs, the git commit, versions of libraries, and the
    device. Nothing in it tells of the time or of other jobs, so it is the same whenever it is made.
    """
    wildcards = dict(snakemake.wildcards.items())
    params = dict(snakemake.params.items())
    experiments = concerned(wildcards, snakemake.config)
    inputs = {path: digest_of(path) for path in sorted(set(snakemake.input))}
    outside = {path: remembered_digest(path) for path in params.get("outside", {})}
    content = {
        "rule": snakemake.rule,
        "wildcards": wildcards,
        "config": {name: blocks(name, snakemake.config) for name in experiments},
        "code": params.pop("code"),
        "params": params,
        "inputs": {**inputs, **outside},
        "outputs": {path: digest_of(path) for path in sorted(snakemake.output)},
        "commit": git_commit(),
        "versions": versions(),
        "device": device_name(),
    }
    with atomic_path(record_path(snakemake.output[0])) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")


def concerned(wildcards: Mapping[str, str], config: Mapping[str, Any]) -> list[str]:
    """The experiments that a job is about: its own, or the whole suite for a job about no part."""
    if "experiment" in wildcards:
        return [wildcards["experiment"]]
    return [] if wildcards else list(config["suites"][config["suite"]])


def blocks(experiment: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What config.yaml says of an experiment; empty if it says nothing."""
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


def verify(results: Path) -> Iterator[str]:
    """Compare all records under a folder with the files they name, relative to the current folder.

    Yields:
        A line for each result that no longer is what its record says: what it is, and why.
    """
    hash_of, digest_of = cache(_hash_or_none), cache(_digest_or_none)
    for file in sorted(results.rglob(f"*{SUFFIX}")):
        content = json.loads(file.read_text())
        for output, expected in content["outputs"].items():
            found = hash_of(output)
            if found is None:
                yield f"{output}: is missing"
            elif found != expected:
                yield f"{output}: was changed after it was made"
        outside = content["params"].get("outside", {})
        others = [
            path
            for path, expected in content["inputs"].items()
            for found in [hash_of(path)]
            # Data may be taken away once they are prepared.
            if found != expected and not (found is None and path in outside)
        ]
        others += [path for path, found in content["code"].items() if digest_of(path) != found]
        for path in others:
            yield f"{', '.join(content['outputs'])}: was made from another {path}"


def _hash_or_none(path: str) -> str | None:
    return digest_of(path) if Path(path).exists() else None


def _digest_or_none(path: str) -> str | None:
    return digest(Path(path)) if Path(path).exists() else None
