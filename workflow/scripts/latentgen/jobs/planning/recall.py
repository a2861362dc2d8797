"""Make Snakemake plan by the records of results, whatever metadata and times are.

Snakemake decides by metadata in .snakemake and by the times of files. Both are lost or wrong after
a copy, a checkout or a deleted .snakemake. Neither sees a file that changed and kept an old time.
Before each plan, metadata and times are therefore derived from the records next to results.
"""

import json
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from latentgen.content import note_digest
from latentgen.jobs.around.provenance import differences, params_of, read_records

METADATA_FORMAT = 6
"""Snakemake's `RECORD_FORMAT_VERSION`, which a test compares."""

DIRECTORY_TIME = ".snakemake_timestamp"
"""The file whose time Snakemake takes as that of a folder, in most places."""


def recall(results: Path = Path("results"), snakemake: Path = Path(".snakemake")) -> None:
    """Derive Snakemake's metadata and the times of results from the records of results.

    A result whose record differs from today's files gets metadata that name the difference, so that
    its job runs again. A result whose record holds is not older than its inputs, nor of a future
    time. A folder that cannot be written to is left as it is.

    Args:
        results: folder of results, relative to the current folder.
        snakemake: folder of Snakemake's own files.
    """
    records = [
        record for record in read_records(results) if all(map(os.path.exists, record["outputs"]))
    ]
    with suppress(OSError):
        (snakemake / "incomplete").mkdir(parents=True, exist_ok=True)  # or it migrates the metadata
        holding = []
        for record in records:
            found = differences(record)
            for output in record["outputs"]:
                _write_metadata(snakemake / "metadata", output, record, found)
            if not found:
                holding.append(record)
        newest = _put_times_in_order(holding)
        # Snakemake takes the file of a job's measurements for one of its results.
        for file in (results / "benchmarks").rglob("*.tsv"):
            if file.stat().st_mtime_ns < newest:
                os.utime(file, ns=(newest, newest))


def _write_metadata(folder: Path, output: str, record: Mapping[str, Any], found: list[str]) -> None:
    place = _metadata_path(folder, output)
    kept: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        kept = json.loads(place.read_text())
    wanted = {
        "rule": record["rule"],
        "input": sorted(record["inputs"]),
        "params": sorted([*params_of(record), *found]),
        "record_format_version": METADATA_FORMAT,
    }
    if any(kept.get(key) != value for key, value in wanted.items()):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"incomplete": False, "input_checksums": {}, **kept, **wanted}))


def _metadata_path(folder: Path, output: str) -> Path:
    """Where Snakemake keeps the metadata of a file: its path in base64, cut to names of files."""
    text, longest = urlsafe_b64encode(output.encode()).decode(), os.pathconf("/", "PC_NAME_MAX")
    parts = [text[i : i + longest - 1] for i in range(0, len(text), longest - 1)]
    return folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])


def _put_times_in_order(records: list[dict[str, Any]]) -> int:
    """Make no output older than its inputs or newer than now; return the newest time."""
    # In nanoseconds, as a float of seconds would be rounded to below an input's time.
    times: dict[str, int] = {}
    now = time.time_ns()

    def time_of(path: str) -> int:
        if path not in times:
            places = filter(os.path.exists, (path, os.path.join(path, DIRECTORY_TIME)))
            times[path] = min((os.stat(place).st_mtime_ns for place in places), default=0)
        return times[path]

    changed = True
    while changed:  # an output with a new time is an input of others
        changed = False
        for record in records:
            newest = min(now, max(map(time_of, record["inputs"]), default=0))
            for output, digest in record["outputs"].items():
                if newest <= time_of(output) <= now:
                    continue
                times[output] = newest or now
                changed = True
                if os.path.isdir(output):
                    Path(output, DIRECTORY_TIME).touch()
                    os.utime(Path(output, DIRECTORY_TIME), ns=(times[output],) * 2)
                os.utime(output, ns=(times[output],) * 2)
                note_digest(output, digest)
    return max(times.values(), default=0)
