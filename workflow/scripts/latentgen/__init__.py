"""Probes of networks that memorised wrong labels, and a search for wrong labels in datasets."""

from importlib import import_module
from typing import Any

_HOMES = {
    "MASC": "latentgen.probes.kinds.masc",
    "VeLPIC": "latentgen.probes.kinds.velpic",
    "extract": "latentgen.networks.extract",
    "find_label_issues": "latentgen.label_issues.find",
    "label_scores": "latentgen.label_issues.scores",
    "repair": "latentgen.editing.repair",
}
__all__ = ["MASC", "VeLPIC", "extract", "find_label_issues", "label_scores", "repair"]


def __getattr__(name: str) -> Any:
    """Import PyTorch and scikit-learn only when a name that needs them is imported."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
