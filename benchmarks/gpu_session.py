"""What to ask of a machine with a GPU first: speeds, and two runs at the papers' size.

    python -m benchmarks.gpu_session [--minutes 9] [--data-root FOLDER] [--rows NAME ...]

In the repository's folder, within its minutes, it

1. measures the rows of docs/reference/benchmarks.md that need a GPU, and writes them there;
2. runs suite `gpu-session`, MLP and CNN on MNIST at corruption 0.4, both at once on one GPU:
   training until the labels are memorised, then all probes, with their controls;
3. prints both as tables for docs, with the machine; results/gpu_session.md keeps them.

What is not through in time goes on at the next call: rows that were measured are kept, and training
continues from its last kept epoch. MNIST must be in the data root, or is downloaded to it.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pandas as pd
import yaml

from benchmarks import table
from benchmarks.__main__ import BENCHMARKS
from latentgen.config.yaml_text import with_included
from latentgen.storage import atomic_path, temporary_name

SUITE = "gpu-session"
ROWS = [benchmark.name for benchmark in BENCHMARKS if benchmark.needs_gpu]
OUTPUT = Path("results/gpu_session")
SCOREBOARD = Path("results/tables/scoreboard.csv")
LAYER_RULE = "best_on_validation"


def measure_rows(names: list[str], until: float, *, smoke: bool) -> dict[str, str]:
    """What each row came to, in words: measured now, or in an earlier call.

    Each in a process of its own, so that one that fails or takes too long costs only itself.
    """
    said = {}
    for name in names:
        kept = OUTPUT / f"{name}.txt"
        if not kept.exists():
            command = [sys.executable, "-m", "benchmarks", name, *["--smoke"] * smoke]
            code, output = _within(command, until)
            last = (output.strip().splitlines() or ["no output"])[-1]
            if code != 0:
                said[name] = f"{name}: not measured, " + (
                    "no time left" if code is None else f"failed: {last}"
                )
                continue
            kept.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(kept) as partial:
                partial.write_text(last)
        said[name] = kept.read_text()
        print(said[name], flush=True)
    return said


def run_suite(until: float, data_root: str | None) -> bool:
    """Run the suite until a time; whether it is through."""
    options = [f"suite={SUITE}", *([f"data_root={data_root}"] if data_root else [])]
    snakemake = [sys.executable, "-m", "snakemake", "--config", *options]
    cores = str(len(os.sched_getaffinity(0)))
    both_at_once = ["--cores", cores, "--resources", "gpu=2", "--quiet", "host", "reason"]
    code, _ = _within([*snakemake, *both_at_once, "--", str(SCOREBOARD)], until, show=True)
    if code is None:
        subprocess.run([*snakemake, "--unlock"], capture_output=True, check=True)
    return code == 0


def _within(command: list[str], until: float, *, show: bool = False) -> tuple[int | None, str]:
    """Exit status and output of a command, which may be shown instead.

    If the time is over first, the command and all that it started are ended, and there is none.
    """
    seconds = until - time.monotonic()
    if seconds <= 0:
        return None, ""
    with subprocess.Popen(
        command,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output or ""
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None, ""


def runs(folder: Path = Path()) -> Iterator[tuple[str, Path]]:
    """Experiments of the suite, each with the folder of every run that has begun."""
    with chdir(folder):  # files that it includes are relative to it
        config = with_included(yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8")))
    for experiment in config["suites"][SUITE]:
        for run in sorted((folder / "results/runs" / experiment).glob("*/seed*")):
            yield experiment, run


def progress_table(folder: Path = Path()) -> pd.DataFrame:
    """How far each run is: columns experiment, noise, epochs, memorised, model, minutes.

    `model` is its test accuracy at that epoch, `minutes` those of the last call that trained it.
    """
    rows = []
    for experiment, run in runs(folder):
        whole = run / "history.csv"
        begun = temporary_name(run / "checkpoints") / "history.csv"
        file = whole if whole.exists() else begun
        if not file.exists():
            continue
        last = pd.read_csv(file).iloc[-1]
        place = run.relative_to(folder / "results/runs")
        timed = folder / "results/benchmarks/train" / f"{place}.tsv"
        rows.append(
            {
                "experiment": experiment,
                "noise": run.parent.name,
                "epochs": int(last["epoch"]),
                "memorised": "yes" if last["memorised"] else "not yet",
                "model": last["test_accuracy"],
                "minutes": pd.read_csv(timed, sep="\t")["s"].sum() / 60 if timed.exists() else None,
            }
        )
    return pd.DataFrame(rows)


def probes_table(scoreboard: pd.DataFrame) -> pd.DataFrame:
    """Each probe beside its model and controls, at the layer that held-out data choose."""
    columns = {
        "experiment": "experiment",
        "level": "corruption",
        "model_accuracy": "model",
        "early_stopped_accuracy": "stopped early",
        "probe": "probe",
        "probe_accuracy": "trained",
        "input_accuracy": "on images",
        "untrained_accuracy": "untrained",
        "readout_gap": "readout gap",
        "gain_over_controls": "gain over controls",
    }
    chosen = scoreboard[scoreboard["layer_rule"] == LAYER_RULE]
    return chosen[list(columns)].rename(columns=columns)


def as_markdown(rows: pd.DataFrame) -> str:
    """A table for docs."""
    if rows.empty:
        return "nothing yet\n"
    return rows.to_markdown(index=False, floatfmt=".3f", missingval="") + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu_session",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=9, help="for everything (default: 9)")
    parser.add_argument("--data-root", help="where MNIST lies (default: as in config.yaml)")
    parser.add_argument("--rows", nargs="*", default=ROWS, choices=ROWS, help="(default: all)")
    parser.add_argument("--smoke", action="store_true", help="tiny rows, which are not written")
    options = parser.parse_args(arguments)
    began, seconds = time.monotonic(), 60 * options.minutes
    said = measure_rows(options.rows, began + seconds / 2, smoke=options.smoke)
    through = run_suite(began + seconds, options.data_root)
    parts = [
        f"Measured on: {table.machine()}.\n",
        "".join(f"- {line}\n" for line in said.values()),
        as_markdown(progress_table()),
        as_markdown(probes_table(pd.read_csv(SCOREBOARD)))
        if through
        else "Not through: the same command goes on.\n",
    ]
    text = "\n".join(parts)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    OUTPUT.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
