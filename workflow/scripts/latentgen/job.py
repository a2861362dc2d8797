"""What every script of the workflow does around its own work."""

import hashlib
import json
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from latentgen.errors import PipelineError


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Write everything that is printed to the rule's log, and a failure's reason as its last line.

    A mistake that the user can mend is one line; anything else comes with its traceback.
    """
    with (
        open(snakemake.log[0], "w", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        try:
            yield
        except PipelineError as error:
            print(f"\nerror: {error}", file=log)  # a progress bar may not have ended its line
            sys.exit(1)
        except Exception:
            traceback.print_exc(file=log)
            sys.exit(1)


def fingerprint(files: Iterable[str], params: Mapping[str, Any]) -> str:
    """Hash of everything a job's numbers depend on: its input files, code included, and params.

    Whether torch computes the same also depends on its version and on the device.
    """
    import torch

    digest = hashlib.sha256()
    digest.update(json.dumps(params, sort_keys=True).encode())
    digest.update(f"{torch.__version__} {best_device()}".encode())
    for path in sorted(files):
        with Path(path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def best_device() -> Any:
    """The GPU if there is one. Rules ask for one with `gpu`; without one, the CPU does the work."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
