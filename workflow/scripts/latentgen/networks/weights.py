"""Files of weights: fetched once, checked, and read without running what is in them."""

import argparse
import pickle
import re
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.hub import download_url_to_file
from torch.serialization import safe_globals

from latentgen.content import sha256_of
from latentgen.errors import PipelineError, one_line
from latentgen.networks.layer_spec import described
from latentgen.storage import atomic_path

USUAL = ("state_dict", "model_state_dict", "model", "network", "net", "weights")
"""Keys under which people save a network's weights, next to those of its optimiser or averages."""

WRAPPERS = ("module", "_orig_mod")
"""Parts of names that DataParallel and torch.compile put in."""

HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *{type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "?")},
    np.float64(0).__reduce__()[0],
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),  # as NumPy 1 wrote it
]
"""Classes that may lie in a file next to weights, a training's settings and scores."""


def require_weights(path: Path, url: str | None = None, sha256: str | None = None) -> None:
    """Make sure that a file of weights is there and the right one; download it if it is missing.

    Raises:
        PipelineError: it is missing and there is no `url`, the download fails, or the checksum is
            another one (`sha256` may be only its beginning).
    """
    if not path.exists():
        if url is None:
            raise PipelineError(
                f"{path}: there is no such file of weights, and no url to get it; put it there"
            )
        try:
            with atomic_path(path) as partial:
                download_url_to_file(url, str(partial), progress=False)
        except (OSError, HTTPException, ValueError) as error:
            raise PipelineError(
                f"{path}: downloading {url} failed ({one_line(error)}); put the file there"
            ) from None
    if sha256 is not None and not (found := sha256_of(path)).startswith(sha256):
        raise PipelineError(f"{path}: expected SHA-256 {sha256}, found {found}")


def load_weights(module: nn.Module, path: Path, what: str, *, head: str | None = None) -> None:
    """Read a file of weights into a network.

    Names may begin as a wrapper leaves them (`module.`, `_orig_mod.`), or with the name under which
    another network held this one.

    Args:
        module: the network.
        path: see `read_weights`.
        what: the network's name in a message.
        head: name of a last layer that stays as it is if the file has none, or one for another
            number of classes.

    Raises:
        PipelineError: the file is not readable, or its weights are not those of the network.
    """
    needed = module.state_dict()
    tensors = _renamed(read_weights(path), needed)
    of_head = {name for name in needed if head is not None and name.startswith(f"{head}.")}
    if any(name not in tensors or tensors[name].shape != needed[name].shape for name in of_head):
        tensors |= {name: needed[name] for name in of_head}
    counters = {name for name in needed if name.endswith("num_batches_tracked")}  # old files lack
    reasons = {
        "missing": [name for name in needed if name not in tensors.keys() | counters],
        "not known": [name for name in tensors if name not in needed],
        "of another shape": [
            f"{name} {tuple(tensors[name].shape)}, needed {tuple(needed[name].shape)}"
            for name in needed.keys() & tensors.keys()
            if tensors[name].shape != needed[name].shape
        ],
    }
    if told := [f"{reason}: {_shortened(names)}" for reason, names in reasons.items() if names]:
        raise PipelineError(f"{path}: not weights of {what}; {'; '.join(told)}")
    module.load_state_dict(tensors)


def _renamed(tensors: Mapping[str, Tensor], needed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the names that are needed, where they differ by what comes before them."""

    def without_wrappers(name: str) -> str:
        if name in needed:
            return name
        return ".".join(part for part in name.split(".") if part not in WRAPPERS)

    renamed = {without_wrappers(name): tensor for name, tensor in tensors.items()}
    while (
        not renamed.keys() & needed.keys()
        and all("." in name for name in renamed)
        and len({name.partition(".")[0] for name in renamed}) == 1
    ):
        renamed = {name.partition(".")[2]: tensor for name, tensor in renamed.items()}
    return renamed


def _shortened(names: list[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a .safetensors file, or of a file that torch.save wrote; code in it never runs.

    They may be an entry of a dictionary that holds other things besides, such as an epoch or an
    optimiser's state.

    Raises:
        PipelineError: the file is missing, damaged, holds no named tensors or several sets of them,
            or objects that are not read.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with safe_globals(HARMLESS):
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, SafetensorError, pickle.UnpicklingError) as error:
        reason = _reason(path, error)
        raise PipelineError(f"{path}: not a readable file of weights: {reason}") from None
    entries = found if isinstance(found, Mapping) else {}
    sets = {key: value for key, value in entries.items() if _are_named_tensors(value)}
    if len(sets) > 1:
        sets = {key: value for key, value in sets.items() if key in USUAL} or sets
    if len(sets) > 1:
        raise PipelineError(f"{path}: expected one set of named tensors, found {', '.join(sets)}")
    for tensors in sets.values():
        return dict(tensors)
    flat = {key: value for key, value in entries.items() if isinstance(value, Tensor)}
    if _are_named_tensors(flat):
        return flat
    raise PipelineError(f"{path}: expected named tensors, found {described(found)}")


def _are_named_tensors(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(key, str) and isinstance(t, Tensor) for key, t in value.items())
    )


def _reason(path: Path, error: Exception) -> str:
    """Why a file was not read, in fewer words than PyTorch's."""
    if objects := re.findall(r"GLOBAL (\S+) was not an allowed", str(error)):
        return (
            f"it holds Python objects ({', '.join(objects)}), which could run code; needed: named "
            "tensors, as torch.save(network.state_dict(), path) writes them"
        )
    if "TorchScript" in str(error):
        return "it holds a TorchScript program; needed: named tensors, those of its state_dict()"
    with suppress(OSError, UnicodeDecodeError):
        with path.open("rb") as file:
            beginning = file.read(30)
        if not beginning:
            return "found an empty file"
        text = " ".join(beginning.decode("utf-8-sig").split())
        if text.isprintable():
            return f"it begins with {text!r}; expected named tensors"
    return one_line(error)[:200]
