"""Measure rows of the table, the growth of time and memory, or the quick suite.

`python -m benchmarks` measures every row to docs/reference/benchmarks.md; with names only these.
"""

import argparse
import warnings
from pathlib import Path

import torch

from benchmarks import (
    activations,
    growth,
    label_issues,
    probes,
    redaction,
    suite,
    table,
    training,
)
from benchmarks.timing import FULL, SMOKE, measure

BENCHMARKS = [
    *training.BENCHMARKS,
    *probes.BENCHMARKS,
    *label_issues.BENCHMARKS,
    *activations.BENCHMARKS,
    *redaction.BENCHMARKS,
]
DOCS = Path(__file__).parents[1] / "docs/reference"


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"rows: {', '.join(names)}")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes; writes nothing")
    parser.add_argument("--growth", action="store_true", help="draw benchmarks_growth instead")
    parser.add_argument("--suite", action="store_true", help="time suite `quick` instead")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no row named {', '.join(sorted(unknown))}")
    if arguments.growth:
        growth.draw(growth.measure_all(growth.AXES), DOCS)
        return
    if arguments.suite:
        suite.write(suite.measure(cores=2), DOCS)
        return

    warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
    rows = []
    for benchmark in BENCHMARKS:
        if arguments.names and benchmark.name not in arguments.names:
            continue
        if benchmark.needs_gpu and not torch.accelerator.is_available():
            print(f"{benchmark.name}: not measured, no GPU")
            continue
        measured = measure(benchmark, SMOKE if arguments.smoke else FULL)
        rows.append(table.as_row(benchmark, measured))
        print(f"{benchmark.name}: {measured.ratio:.2f} (aim {benchmark.aim:g}); ", end="")
        print(measured.agreement, flush=True)
        if not arguments.smoke:
            table.update(DOCS, BENCHMARKS, rows)


if __name__ == "__main__":
    main()
