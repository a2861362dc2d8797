"""Snakemake, imported once and run many times: a program for conftest.py.

It reads a line of JSON for each run, with the arguments of `run`, does the run in a fork of itself,
and answers with the exit status. Importing Snakemake takes as long as planning a small workflow,
and the tests plan many.
"""

import json
import logging
import os
import runpy
import sys
from typing import Any

# What Snakemake and the rules import. Nothing of the library, which is each workspace's own.
import h5py  # noqa: F401
import pandas  # noqa: F401
import pydantic  # noqa: F401
import snakemake.cli  # noqa: F401
import snakemake_executor_plugin_slurm  # noqa: F401
import yaml  # noqa: F401

PYTHON = sys.argv[1]
"""The command by which Snakemake is to start Python for its jobs."""


def run(folder: str, environment: dict[str, str], arguments: list[str], said: str) -> None:
    """Be `python -m snakemake` in a folder, and then end the process.

    What it says on both streams is left in the file `said`.
    """
    code: Any = 1
    try:
        stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.path[0] = folder
        sys.argv = ["snakemake", *arguments]
        sys.executable = PYTHON
        runpy.run_module("snakemake", run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Do what each line asks, one after the other, until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            run(**asked)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
