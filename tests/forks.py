"""Python with the libraries imported, forked for each program: a program for conftest.py.

Importing the libraries takes most of the time of the tests' plans and jobs. `python forks.py
SOCKET` imports them once and waits at a Unix socket. `python forks.py SOCKET SCRIPT` has it run a
script in a fork of itself, with the folder, environment and streams of the process that asks, and
ends as the script does.
"""

import importlib
import json
import logging
import os
import runpy
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from select import select

LIBRARIES = [
    "captum.attr",
    "h5py",
    "itables",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "pandas",
    "pydantic",
    "safetensors.torch",
    "seaborn",
    "sklearn.discriminant_analysis",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.neighbors",
    "snakemake.cli",
    "snakemake.script",
    "snakemake_executor_plugin_slurm",
    "torch._dynamo",
    "torchvision.transforms.v2",
    "yaml",
]
"""What plans and jobs import, but for `latentgen`, of which each workspace has a copy."""


def ask(
    address: str,
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    streams: Sequence[int] = (0, 1, 2),
) -> int:
    """Have `python ARGUMENTS` run, and return its exit status."""
    asked = {"folder": folder, "environment": dict(environment), "arguments": arguments}
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        socket.send_fds(line, [b"."], streams)
        line.sendall(json.dumps({**asked, "address": address}).encode() + b"\n")
        with line.makefile() as answers:
            child = int(answers.readline())
            if arguments[0] != "-m":
                signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, number))
            return int(answers.readline() or 128 + signal.SIGKILL)  # a killed one answers nothing


def run(folder: str, environment: dict[str, str], arguments: list[str], address: str) -> int:
    """Be `python ARGUMENTS`, a module or a script, in a folder; return the exit status."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    try:
        if arguments[0] == "-m":  # Snakemake, which starts its jobs by this command
            sys.executable = f"{sys.executable} -S {__file__} {address}"
            sys.path[0], sys.argv = folder, arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__")
        else:
            sys.path[0], sys.argv = os.path.dirname(arguments[0]), arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        return 1
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def answer(line: socket.socket) -> None:
    """Do what is asked at the other end, report how it ended, and end the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(line, 1, 3)
    with line.makefile() as asked:
        program = json.loads(asked.readline())
    line.sendall(f"{os.getpid()}\n".encode())
    for ours, theirs in enumerate(streams):
        os.dup2(theirs, ours)
    line.sendall(f"{run(**program)}\n".encode())
    os._exit(0)


def serve(address: str) -> None:
    """Import the libraries, then fork for each program, until the other end of stdin ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel removes ended children
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while door in select([door, sys.stdin], [], [])[0]:
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                answer(line)
            line.close()


if __name__ == "__main__":
    address, *arguments = sys.argv[1:]
    if not arguments:
        serve(address)
    elif arguments[0].startswith("-"):  # a module or a line of code: no script of a rule
        os.execv(sys.executable, [sys.executable, *arguments])
    else:
        sys.exit(ask(address, arguments, os.getcwd(), os.environ))
