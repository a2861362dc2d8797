"""How large the networks of a plan are, counted once and remembered.

Counting takes PyTorch, whose import takes longer than all other planning. So what was counted is
kept in the user's cache folder, by all that it follows from: the model, the images, the code, and
the versions of the libraries.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from latentgen.errors import PipelineError
from latentgen.jobs.planning.code_digests import digest, imported
from latentgen.registries import SCRIPTS, file_of

ARCHITECTURES = "latentgen.networks.architectures"
LIBRARIES = ("torchvision", "timm")
COUNTING = SCRIPTS / "latentgen" / "networks" / "sizes.py"


def size_of(model: Mapping[str, Any], shape: Sequence[int], n_classes: int) -> dict[str, Any]:
    """What a network takes, see `networks.sizes.network_size`.

    Raises:
        PipelineError: it cannot be made, or does not take such images.
    """
    found: dict[str, Any] = json.loads(_size(json.dumps([model, list(shape), n_classes])))
    if "error" in found:
        raise PipelineError(found["error"])
    return found


def require_fitting(experiments: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that networks of other libraries are there, take the images, and have their layers.

    Args:
        experiments: by name, as `config.resolve` gives them; of a dataset whose entry states no
            size, the job will see.

    Raises:
        PipelineError: one line, which names the model or the experiment.
    """
    for name, experiment in experiments.items():
        model, size = experiment["model"], experiment["size"]
        if model and size and model["architecture"] in LIBRARIES:
            try:
                size_of(model, size["shape"], size["classes"])
            except PipelineError as error:
                said = str(error).removeprefix("models: ")
                raise PipelineError(f"experiments.{name}.model: {said}") from None


@cache
def _size(question: str) -> str:
    model, shape, n_classes = json.loads(question)
    key = json.dumps([question, _versions(), _code(model["architecture"])])
    memory = _folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    with suppress(OSError, ValueError):
        remembered = memory.read_text()
        json.loads(remembered)
        return remembered
    answer = json.dumps(_counted(model, shape, n_classes))
    with suppress(OSError):  # a folder that cannot be written to only costs time
        memory.parent.mkdir(parents=True, exist_ok=True)
        # Jobs that plan at the same time write the same, each under a name of its own.
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, delete=False) as file:
            file.write(answer)
        os.replace(file.name, memory)
    return answer


def _counted(model: Mapping[str, Any], shape: Sequence[int], n_classes: int) -> dict[str, Any]:
    from latentgen.networks.sizes import network_size  # slow to import

    channels, height, width = shape
    try:
        return network_size(model, (channels, height, width), n_classes)
    except PipelineError as error:
        return {"error": str(error)}
    except Exception as error:  # somebody's network that needs more than the shapes of tensors
        return {"error": f"{type(error).__name__}: {error}"}


def _folder() -> Path:
    """Beside the folder in which Snakemake keeps a cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "latentgen", "networks")


@cache
def _versions() -> dict[str, str]:
    found = {}
    for library in ("torch", "torchvision", "timm"):
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


@cache
def _code(architecture: str) -> list[str]:
    """Digests of the code that a network is made and counted by."""
    starts = [COUNTING, *filter(None, [file_of(ARCHITECTURES, architecture)])]
    files = {file for start in starts for file in (start, *imported(start))}
    return sorted(digest(file) for file in files)
