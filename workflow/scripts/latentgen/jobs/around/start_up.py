"""Faster starts of jobs' scripts: two changes to how Python imports, and their measurement.

A script imports `job`, and so this module, before anything else. What `fit_probes` imports took
2.98 seconds as usual and 2.09 without garbage collection; suite `digits` took 3.7 and 2.6 minutes.
Half a second more is `scipy.stats` (docs/explanation/optimisation_notes.md).
"""

import gc
import importlib.util
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any


class LazyScipyStats:
    """Import `scipy.stats` at its first use: scikit-learn imports it, and few jobs use it."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the specification of `scipy.stats`, and None for any other module."""
        if name != "scipy.stats":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def begin() -> None:
    """Import faster from here on, if the main program is a script that Snakemake started."""
    if hasattr(sys.modules["__main__"], "snakemake"):
        sys.meta_path.insert(0, LazyScipyStats)
        gc.disable()  # all that is imported stays


def end() -> None:
    """Collect garbage again, except among what has been imported."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
