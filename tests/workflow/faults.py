"""Kill jobs at random moments, and see what is left: a program for test_faults.py.

    python faults.py WORKSPACE N SEED

The workspace was run to its end with `snakemake --skip-script-cleanup`: the scripts as Snakemake
started them, each with its job, are still there. Here they are run once more. Every attempt is a
fork of this process, in which the slow imports are already done, and most attempts are ended before
they are through. In between, outputs are removed as `rerun-incomplete` does.
"""

import importlib
import json
import os
import random
import resource
import runpy
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import matplotlib.pyplot  # noqa: F401  (jobs need it)
import pandas as pd
import sklearn.linear_model  # noqa: F401
import snakemake.script  # noqa: F401
import torch  # noqa: F401
from PIL import Image
from safetensors import safe_open

END_OF_PREAMBLE = "######## snakemake preamble end"

KINDS = ("killed", "terminated", "out of memory")
COUNTED = (
    *("faults injected", *(f"  {kind}" for kind in KINDS)),
    *("files under a final name", "  that could not be read"),
    *("results compared", "  that differ"),
)
HEADROOM = 64 * 2**20
"""Bytes that a job may ask for at most, beyond what it has, before it is out of memory."""


def scripts(workspace: Path) -> list[Path]:
    """The kept scripts, in the order in which they were started."""
    kept = (workspace / ".snakemake" / "scripts").glob("tmp*.py")
    return sorted(kept, key=lambda file: file.stat().st_mtime_ns)


def outputs_of(script: Path) -> list[Path]:
    """What a job makes, as its script's first lines tell it, and the record beside it."""
    names: dict[str, Any] = {"__file__": str(script)}
    exec(script.read_text().split(END_OF_PREAMBLE)[0], names)
    outputs = [Path(name) for name in names["snakemake"].output]
    return [*outputs, outputs[0].with_suffix(".provenance.json")]


def run_script(script: Path) -> None:
    """Do a job in this process, which ends with it."""
    code = 1
    try:
        runpy.run_path(str(script), run_name="__main__")
        code = 0
    except SystemExit as end:
        code = 1 if end.code else 0
    finally:
        os._exit(code)


def start(script: Path, memory: int | None = None) -> int:
    """Do a job in a child, whose process id is returned."""
    child = os.fork()
    if child == 0:
        if memory is not None:
            used = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
        with suppress(BaseException), Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        run_script(script)
    return child


def finish(script: Path) -> float:
    """Do a job to its end; seconds that it took."""
    began = time.monotonic()
    _, status = os.waitpid(start(script), 0)
    assert status == 0, f"{script} fails"
    return time.monotonic() - began


def disturb(script: Path, kind: str, moment: float) -> bool:
    """Start a job and end it at a moment; False if it was through before."""
    if kind == "out of memory":
        child = start(script, memory=int(random.random() * HEADROOM))
    else:
        child = start(script)
        time.sleep(moment)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL if kind == "killed" else signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    return status != 0


def files_of(place: Path) -> Iterator[Path]:
    """The files of an output, which is one or a folder of them."""
    return (file for file in [place, *place.rglob("*")] if file.is_file())


def is_readable(file: Path) -> bool:
    """Whether a file is what its ending says, to its end."""
    try:
        match file.suffix:
            case ".h5":
                with h5py.File(file) as opened:
                    opened.visititems(lambda _, item: hasattr(item, "shape") and item[()] is None)
            case ".safetensors":
                with safe_open(file, "pt") as opened:
                    return all(opened.get_tensor(name) is not None for name in opened.keys())  # noqa: SIM118
            case ".csv":
                pd.read_csv(file)
                return file.read_bytes().endswith(b"\n")
            case ".png":
                with Image.open(file) as opened:
                    opened.load()
            case ".pdf":
                return file.read_bytes().rstrip().endswith(b"%%EOF")
            case ".json":
                json.loads(file.read_text())
            case ".md":
                return file.read_bytes().endswith(b"\n")
    except Exception:
        return False
    return True


def remove(outputs: list[Path]) -> None:
    for place in outputs:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def contents(outputs: list[Path]) -> dict[Path, bytes]:
    """Bytes of all files of some outputs, without Snakemake's own."""
    return {
        file: file.read_bytes()
        for place in outputs
        for file in files_of(place)
        if not file.name.startswith(".")
    }


def main(workspace: Path, n_faults: int, seed: int) -> Counter[str]:
    """Disturb jobs until there were so many faults; what happened, by name."""
    os.chdir(workspace)
    random.seed(seed)
    happened: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
    jobs = [(script, outputs_of(script)) for script in scripts(workspace)]
    for module in Path("workflow/scripts/latentgen").glob("[a-z]*.py"):
        importlib.import_module(f"latentgen.{module.stem}")
    durations: dict[Path, float] = {}
    while happened["faults injected"] < n_faults:
        for script, outputs in jobs:
            before = contents(outputs)
            remove(outputs)
            share = -(-n_faults // len(jobs))
            for _ in range(min(share, n_faults - happened["faults injected"])):
                kind = random.choice(KINDS)
                moment = random.random() * durations.get(script, 0.3)
                if disturb(script, kind, moment):
                    happened["faults injected"] += 1
                    happened[f"  {kind}"] += 1
                left = [file for place in outputs for file in files_of(place)]
                happened["files under a final name"] += len(left)
                happened["  that could not be read"] += sum(not is_readable(f) for f in left)
                remove(outputs)
            durations[script] = finish(script)
            after = contents(outputs)
            for file in before | after:
                happened["results compared"] += 1
                if before.get(file) != after.get(file):
                    happened["  that differ"] += 1
                    print(f"{file} differs", file=sys.stderr)
    return happened


if __name__ == "__main__":
    happened: Any = main(Path(sys.argv[1]).resolve(), int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(happened))
