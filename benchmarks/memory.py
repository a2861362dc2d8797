"""Whether jobs keep to the memory that they ask for, on data of TinyImageNet's size.

    PYTHONPATH=workflow/scripts python -m benchmarks.memory [full] [all-probes] [other-jobs]

Draws an archive of as many images, of the same size and in as many classes, takes one run through
the workflow on one core, and prints, and leaves in results/benchmarks/memory.csv, what each job
declared and what it took at most, by the kernel's high-water mark of its process (Linux only). The
archive and the run stay in results/benchmarks/memory/, so that it can be stopped and goes on. What
at full size takes many hours or more memory than a small machine has is measured on fewer images of
half the height and width: `all-probes`, and the `other-jobs` that are about a run.
"""

import io
import re
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import yaml
from numpy.typing import NDArray
from PIL import Image

from benchmarks.copies import REPOSITORY, RESULTS, copy_workflow
from latentgen import progress
from latentgen.config import schema
from latentgen.config.yaml_text import with_included
from latentgen.jobs.planning import resources

EXPERIMENT = "tinyimagenet-alexnet"
RUN = f"results/runs/{EXPERIMENT}/uniform-0.4/seed1"
CLASSES = 200


MAIN_JOBS = {
    "train": "history.csv",
    "fit_probes": "probes.csv",
    "transfer_weights": "transfer.csv",
    "fit_final_probes": "final_probes.csv",
}
"""Rules from training to probes and weight transfer, with a file that each of them makes."""


@dataclass(frozen=True)
class Case:
    """How large the data are, which jobs are measured, and the probes of the last epoch."""

    side: int
    train: int
    test: int
    jobs: Mapping[str, str]
    probes: tuple[str, ...] = ()

    @property
    def size(self) -> dict[str, Any]:
        """As a dataset's entry in config.yaml states it."""
        shape = [3, self.side, self.side]
        return {"train": self.train, "test": self.test, "shape": shape, "classes": CLASSES}


CASES = {
    "full": Case(64, 100_000, 10_000, MAIN_JOBS, ("masc-50", "velpic", "nearest_class_mean")),
    "all-probes": Case(
        32,
        20_000,
        2000,
        MAIN_JOBS,
        (
            *("masc", "masc-25", "masc-50", "masc-75", "masc-90", "masc-95"),
            *("masc-1pc", "masc-10pc", "velpic", "nearest_class_mean", "knn", "lda", "qda"),
            "logistic_regression_published",
        ),
    ),
    "other-jobs": Case(
        32,
        8000,
        800,
        {
            "relabel_and_retrain": "relabel.csv",
            "measure_dynamics": "dynamics_probes.csv",
            "intervene": "intervention.csv",
            "repair_model": "repair.csv",
        },
    ),
}


def draw_images(
    random: np.random.Generator, colour: NDArray[np.float64], side: int, n: int
) -> NDArray[np.uint8]:
    """Images of one class, (n, side, side, 3), with the spectrum that photographs have."""
    frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequencies[0, 0] = 1 / side
    shape = (n, 3, side, side // 2 + 1)
    spectrum = random.standard_normal(shape) + 1j * random.standard_normal(shape)
    noise = np.fft.irfft2(spectrum / frequencies, s=(side, side))
    noise *= 55 / noise.std()
    return np.clip(np.moveaxis(noise, 1, 3) + colour, 0, 255).astype(np.uint8)


def write_archive(path: Path, case: Case) -> None:
    """Class folders `train` and `val` of JPEG files, complete when the file has its name."""
    random = np.random.default_rng(0)
    partial = path.with_suffix(".part")
    with zipfile.ZipFile(partial, "w") as archive:
        for c in progress.bar(range(CLASSES), unit="class"):
            colour = 115 + 20 * random.standard_normal(3)
            for split, n in (("train", case.train), ("val", case.test)):
                images = draw_images(random, colour, case.side, n // CLASSES)
                for i, pixels in enumerate(images):
                    file = io.BytesIO()
                    Image.fromarray(pixels).save(file, "JPEG", quality=90)
                    archive.writestr(f"{split}/n{c:03}/{i:04}.jpeg", file.getvalue())
    partial.rename(path)


def write_config(folder: Path, case: Case) -> dict[str, Any]:
    """The configuration of one run of one epoch; returned as experiments are resolved."""
    raw = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    raw["include"] = [str(REPOSITORY / path) for path in raw["include"]]
    raw = {**with_included(raw), "include": []}
    dataset = raw["datasets"]["tinyimagenet"]
    for key in ("url", "md5"):
        dataset.pop(key)
    dataset.update(
        path=str((folder / "images.zip").resolve()), image_size=case.side, size=case.size
    )
    experiment = raw["experiments"][EXPERIMENT]
    experiment.update(
        noise={"kind": "uniform", "levels": [0.4]},
        seeds=[1],
        epochs="1",
        relabel={"max_epochs": 1},
        intervention={"epochs": [1], "total_epochs": 2},
        published=None,
    )
    if case.probes:
        experiment["final_probes"] = list(case.probes)
    experiment["training"]["max_epochs"] = 1
    raw.update(suite="memory", suites={"memory": [EXPERIMENT]})
    (folder / "config.yaml").write_text(yaml.safe_dump(raw))
    return schema.resolve(schema.read(raw))[EXPERIMENT]


def measure(name: str, case: Case) -> pd.DataFrame:
    """Rows with case, rule, declared_mb, peak_mb and minutes."""
    folder = RESULTS / "memory" / name
    copy_workflow(folder)
    if not (folder / "images.zip").exists():
        write_archive(folder / "images.zip", case)
    experiment = write_config(folder, case)
    wanted = [f"{RUN}/{file}" for file in case.jobs.values()]
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--rerun-incomplete"]
    with subprocess.Popen([*command, "--quiet", "rules", "--", *wanted], cwd=folder) as process:
        watch(process.pid, folder / "peaks")
    if process.returncode:
        sys.exit(process.returncode)
    declared = {rule: resources.memory_mb(rule, experiment) for rule in case.jobs}
    declared = {"prepare_dataset": resources.dataset_memory_mb({"size": case.size}), **declared}
    rows = []
    for rule, megabytes in declared.items():
        (file,) = (folder / "results" / "benchmarks" / rule).rglob("*.tsv")
        rows.append(
            {
                "case": name,
                "rule": rule,
                "declared_mb": megabytes,
                "peak_mb": int((folder / "peaks" / rule).read_text()),
                "minutes": round(pd.read_csv(file, sep="\t")["s"].iloc[0] / 60, 1),
            }
        )
    return pd.DataFrame(rows)


def watch(pid: int, folder: Path) -> None:
    """Until a process ends, note the high-water mark of each script below it, in MB, in a file.

    Snakemake's own figure is that of a look every half a minute, which misses what is brief.
    """
    folder.mkdir(exist_ok=True)
    process = psutil.Process(pid)
    marks: dict[str, int] = defaultdict(int)
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        for child in process.children(recursive=True):
            with suppress(psutil.Error, OSError):
                script = re.search(r"scripts/tmp\w+\.(\w+)\.py", " ".join(child.cmdline()))
                status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8")
                mark = re.search(r"VmHWM:\s+(\d+) kB", status)
                if script and mark:
                    # Jobs that measure the cost of each probe set their mark back.
                    marks[script[1]] = max(marks[script[1]], int(mark[1]) // 1024)
                    (folder / script[1]).write_text(str(marks[script[1]]))
        time.sleep(0.5)


if __name__ == "__main__":
    table = pd.concat([measure(name, CASES[name]) for name in sys.argv[1:] or ["full"]])
    print(table.to_string(index=False))
    table.to_csv(RESULTS / "memory.csv", index=False)
