"""List results that no longer match their recipe: `make verify`.

Files and code are compared, by their hashes, with the records next to the results. Of settings
Snakemake's metadata has which job had which.
"""

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from latentgen.jobs.around import provenance


def outdated() -> Iterator[str]:
    """Existing files that Snakemake would compute again."""
    command = [sys.executable, "-m", "snakemake", "--summary", "all", *sys.argv[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    for row in csv.DictReader(done.stdout.splitlines(), delimiter="\t"):
        if row["status"] not in ("ok", "missing"):
            yield f"{row['output_file']}: {row['status']}"


lines = [*provenance.verify(Path("results")), *outdated()]
print("\n".join(lines) or "All results match their recipes.")
sys.exit(1 if lines else 0)
