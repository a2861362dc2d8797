"""Python with the libraries imported, forked for each job: a program for conftest.py.

Most of what the tests' jobs take is importing the same libraries, seconds of a processor each time.
Here they are imported once. `python job_forks.py SOCKET` waits at a Unix socket; `python
job_forks.py SOCKET SCRIPT` has it run a script in a fork of itself, with the folder, environment
and streams of the process that asks, and ends as the script does.
"""

import importlib
import json
import logging
import os
import runpy
import signal
import socket
import sys
from select import select

STREAMS = [0, 1, 2]
LIBRARIES = [
    "captum.attr",
    "h5py",
    "itables",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "pandas",
    "pydantic",
    "safetensors.torch",
    "sklearn.discriminant_analysis",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.neighbors",
    "snakemake.script",
    "torch._dynamo",
    "torchvision.transforms.v2",
]
"""What jobs import; of the library nothing, which is each workspace's own."""


def ask(address: str, arguments: list[str]) -> int:
    """Have a script run, and return its exit status."""
    if arguments[0].startswith("-"):  # a module or a line of code: no script of a rule
        os.execv(sys.executable, [sys.executable, *arguments])
    asked = {"folder": os.getcwd(), "environment": dict(os.environ), "arguments": arguments}
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        socket.send_fds(line, [b"."], STREAMS)
        line.sendall(json.dumps(asked).encode() + b"\n")
        with line.makefile() as answers:
            child = int(answers.readline())
            signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, number))
            return int(answers.readline() or 128 + signal.SIGKILL)  # a killed one says nothing


def run(folder: str, environment: dict[str, str], arguments: list[str]) -> int:
    """Be `python SCRIPT` in a folder, and return the exit status."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    sys.path[0] = os.path.dirname(arguments[0])
    try:
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
    """Do what is asked at the other end, say how it ended, and end the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(line, 1, len(STREAMS))
    with line.makefile() as asked:
        job = json.loads(asked.readline())
    line.sendall(f"{os.getpid()}\n".encode())
    for ours, theirs in zip(STREAMS, streams, strict=True):
        os.dup2(theirs, ours)
    status = run(**job)
    line.sendall(f"{status}\n".encode())
    os._exit(0)


def serve(address: str) -> None:
    """Import the libraries, then fork whenever a job is asked for."""
    for name in LIBRARIES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while door in select([door, sys.stdin], [], [])[0]:  # and until the other end of stdin ends
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                answer(line)
            line.close()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    serve(sys.argv[1])
