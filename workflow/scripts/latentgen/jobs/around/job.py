"""What every script of the workflow does around its own work."""

import ctypes
import errno
import fcntl
import gc
import hashlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, TextIO

from latentgen.devices import best_device, device_name
from latentgen.errors import PipelineError
from latentgen.external_files import digest_of
from latentgen.jobs.around import provenance
from latentgen.registries import line_of, reason_of

__all__ = ["best_device", "fingerprint", "job"]


class _ScipyStatsWhenUsed:
    """Finds `scipy.stats` so that it is loaded when something of it is used.

    Whatever imports scikit-learn imports it, few jobs use it, and it is half of that import.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """What Python asks for every module that it imports."""
        if name != "scipy.stats":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def _keep_freed_memory() -> None:
    """Have the C library keep up to 512 MB of freed memory for the next arrays.

    By default it may return large blocks to the system, which then has to clear every page once
    more: up to a fifth of the time of training a small CNN (docs/benchmarks.md).
    """
    # From malloc.h of the GNU C library, the only one that has these settings.
    trim_threshold, mmap_threshold = -1, -3
    with suppress(OSError, AttributeError):
        settings = ctypes.CDLL(None).mallopt
        settings(trim_threshold, 512 * 2**20)
        settings(mmap_threshold, 32 * 2**20)  # larger arrays still have pages of their own


if hasattr(sys.modules["__main__"], "snakemake"):
    _keep_freed_memory()
    sys.meta_path.insert(0, _ScipyStatsWhenUsed)
    # A script imports this first. Looking for garbage among what is imported next, all of which
    # stays, and once more when Python ends, would take a third of the time of starting and ending:
    # what `fit_probes` imports took 2.98 seconds, and takes 2.09 (docs/benchmarks.md).
    gc.disable()


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Write everything that is printed to the rule's log, and a failure's reason as its last line.

    A mistake that the user can mend is one line, and so is one in code of the user's own, with its
    place there; anything else comes with its traceback. At the end
    a record of where the outputs come from is left beside the first of them.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
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


def fingerprint(files: Iterable[str], params: Mapping[str, Any]) -> str:
    """Hash of everything a job's numbers depend on: its input files, code included, and params.

    Whether torch computes the same also depends on its version and on the kind of device.
    """
    import torch

    digest = hashlib.sha256()
    digest.update(json.dumps(params, sort_keys=True).encode())
    best_device()  # a job that asks for a fingerprint computes on it
    digest.update(f"{torch.__version__} {device_name()}".encode())
    for path in sorted(files):
        digest.update(digest_of(path).encode())
    return digest.hexdigest()
