"""What every script of the workflow does around its own work."""

import errno
import fcntl
import hashlib
import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO

# A script imports this module first. A notebook sets a backend that only its own kernel has, and
# matplotlib cannot be imported with it.
os.environ["MPLBACKEND"] = "Agg"

from latentgen.content import digest_of
from latentgen.devices import best_device, device_name
from latentgen.errors import PipelineError
from latentgen.jobs.around import provenance, start_up
from latentgen.user_code import line_of, reason_of

__all__ = ["best_device", "files_of", "fingerprint", "job"]

start_up.begin()


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Write everything that is printed to the rule's log, and a failure's reason as its last line.

    An error that the user can correct is one line, as is an exception in the user's code, with its
    place there. Any other exception is reported with its traceback. After success, a record of
    where the outputs come from is written next to the first of them.
    """
    start_up.end()
    if not snakemake.log:  # started by hand, see `mock_snakemake`
        yield
        provenance.record(snakemake)
        return
    with _log_of_one_job(snakemake.log[0]) as log, redirect_stdout(log), redirect_stderr(log):
        try:
            yield
            provenance.record(snakemake)
        except PipelineError as error:
            print(f"\nerror: {error}", file=log)  # a progress bar may not have ended its line
            sys.exit(1)
        except (Exception, SystemExit) as error:
            if _disk_is_full(error):
                print("\nerror: no space left on the disk of the results", file=log)
            elif line := line_of(error):
                print(f"\nerror: {line}{reason_of(error)}", file=log)
            elif isinstance(error, SystemExit):
                raise
            else:
                traceback.print_exc(file=log)
            sys.exit(1)


@contextmanager
def _log_of_one_job(path: str) -> Iterator[TextIO]:
    """Open an empty log, once no other process does the same job.

    A Snakemake that is killed leaves its jobs running. The next one may start the same job, which
    then waits here until the first is done: two writers would spoil each other's files.
    """
    # In UTF-8 wherever it is, and whatever names of files hold: to say something must not fail.
    with open(path, "a", buffering=1, encoding="utf-8", errors="backslashreplace") as log:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(log, fcntl.LOCK_EX)
        log.truncate(0)
        yield log


def _disk_is_full(error: BaseException) -> bool:
    # safetensors and HDF5 pass on what the system said, in exceptions of their own.
    full = (errno.ENOSPC, errno.EDQUOT)
    texts = [os.strerror(number) for number in full]
    return getattr(error, "errno", None) in full or any(text in str(error) for text in texts)


def files_of(snakemake: Any) -> Any:
    """The input files of a job by name, with the files that come with the workflow."""
    files = {**dict(snakemake.input.items()), **snakemake.params.external}
    return type(snakemake.input)(fromdict=files)


def fingerprint(snakemake: Any) -> str:
    """Hash of everything a job's numbers depend on: inputs, external files, params, code included.

    Whether torch computes the same also depends on its version and on the kind of device.
    """
    import torch

    params = dict(snakemake.params.items())
    best_device()  # a job that asks for a fingerprint computes on it
    parts = [json.dumps(params, sort_keys=True), f"{torch.__version__} {device_name()}"]
    files = [*sorted(snakemake.input), *provenance.external_files(params)]
    parts += [digest_of(path) for path in files]
    return hashlib.sha256("".join(parts).encode()).hexdigest()
