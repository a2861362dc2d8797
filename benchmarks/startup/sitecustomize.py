"""Python runs this when it starts, as `benchmarks.suite` puts this folder on its path.

At the end of the process a line is left in the folder that STARTUP_FOLDER names: the script, the
processor's seconds that Python's start and all imports took, and those of the whole process.
"""

import atexit
import builtins
import os
import sys
import time
from pathlib import Path
from typing import Any

plain_import = builtins.__import__
seconds = time.process_time()  # what Python has taken until here
depth = 0


def timed_import(*args: Any, **kwargs: Any) -> Any:
    """Import as ever; what imports within an import take belongs to the outer one."""
    global depth, seconds
    began = time.process_time() if depth == 0 else 0.0
    depth += 1
    try:
        return plain_import(*args, **kwargs)
    finally:
        depth -= 1
        if depth == 0:
            seconds += time.process_time() - began


def leave() -> None:
    """Write the line."""
    line = f"{sys.argv[0]},{seconds},{time.process_time()}\n"
    Path(os.environ["STARTUP_FOLDER"], f"{os.getpid()}-{time.time_ns()}").write_text(
        line, encoding="utf-8"
    )


builtins.__import__ = timed_import
atexit.register(leave)
