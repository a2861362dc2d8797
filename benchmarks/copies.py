"""Copies of the workflow without results, in which benchmarks run all of it."""

import shutil
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
RESULTS = REPOSITORY / "results" / "benchmarks"


def copy_workflow(folder: Path) -> None:
    """Copy what Snakemake needs into a folder, over what an earlier copy left there."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in ("workflow", "config", "envs", "profiles"):
        shutil.copytree(REPOSITORY / name, folder / name, dirs_exist_ok=True)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(REPOSITORY / name, folder)
