"""The tables in docs/reference/benchmarks.md, and the measurements they are made from."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from benchmarks.timing import Benchmark, Measured
from latentgen.csv_file import write_csv
from latentgen.devices import best_device, device_name
from latentgen.storage import atomic_path

LIBRARIES = ("torch", "numpy", "scikit-learn", "h5py")


def as_row(benchmark: Benchmark, measured: Measured) -> dict[str, object]:
    """A measurement as a row of docs/reference/benchmarks.csv; seconds are medians."""
    middle = pd.DataFrame({"plain": measured.plain_seconds, "ours": measured.our_seconds}).median()
    return {
        "name": benchmark.name,
        "ratio": round(measured.ratio, 3),
        "lowest": round(min(measured.ratios), 3),
        "highest": round(max(measured.ratios), 3),
        "rounds": len(measured.ratios),
        "plain_seconds": round(middle["plain"], 4),
        "our_seconds": round(middle["ours"] / measured.work, 4),
        "agreement": measured.agreement,
    }


def machine() -> str:
    """What the measurements were made with, in words."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = device_name() if best_device().type != "cpu" else "no GPU"
    libraries = ", ".join(f"{library} {version(library)}" for library in LIBRARIES)
    return (
        f"{models[0]}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {gpu}; "
        f"Python {platform.python_version()}, {libraries}"
    )


def render(benchmarks: Sequence[Benchmark], rows: pd.DataFrame) -> str:
    """Render the table as Markdown; rows without a measurement are marked."""
    measured = {row["name"]: row for row in rows.to_dict("records")}
    lines = ["| work | baseline | target | ratio | agreement |", "|" + "---|" * 5]
    for benchmark in benchmarks:
        cells = [benchmark.what, benchmark.against, f">= {benchmark.aim:g}"]
        if row := measured.get(benchmark.name):
            spread = f"({row['lowest']:.2f} to {row['highest']:.2f})"
            cells += [f"**{row['ratio']:.2f}** {spread}", row["agreement"]]
        else:
            cells += ["not measured" + ": no GPU" * benchmark.needs_gpu, ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def update(folder: Path, benchmarks: Sequence[Benchmark], rows: list[dict[str, object]]) -> None:
    """Replace the measured rows in `benchmarks.csv`, and the table in `benchmarks.md`."""
    file, page = folder / "benchmarks.csv", folder / "benchmarks.md"
    new = pd.DataFrame(rows).set_index("name")
    if file.exists():
        old = pd.read_csv(file).set_index("name")
        new = pd.concat([old.drop(new.index, errors="ignore"), new])
    order = [benchmark.name for benchmark in benchmarks if benchmark.name in new.index]
    table = new.loc[order].reset_index()
    write_csv(table, file)
    write_block(page, "measured", f"Measured on: {machine()}.\n\n{render(benchmarks, table)}")


def write_block(page: Path, name: str, text: str) -> None:
    """Replace what stands on a page between the marks of a name."""
    begin, end = (f"<!-- {name}: {place} -->\n" for place in ("begin", "end"))
    before, rest = page.read_text(encoding="utf-8").split(begin)
    with atomic_path(page) as partial:
        partial.write_text(before + begin + text + end + rest.split(end)[1])
