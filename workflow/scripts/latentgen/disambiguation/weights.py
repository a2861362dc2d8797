"""Files of weights: fetched once, checked, and read without running what is in them."""

import pickle
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.hub import download_url_to_file

from latentgen.checksums import sha256_of
from latentgen.errors import PipelineError, one_line
from latentgen.outside import note_download
from latentgen.storage import atomic_path


def require_weights(path: Path, url: str | None = None, sha256: str | None = None) -> None:
    """Make sure that a file of weights is there and the right one; download it if it is missing.

    Raises:
        PipelineError: it is missing and there is no `url`, the download fails, or the checksum is
            another one (`sha256` may be only its beginning).
    """
    if not path.exists():
        if url is None:
            raise PipelineError(f"{path}: there is no such file of weights, and no url to get it")
        try:
            with atomic_path(path) as partial:
                download_url_to_file(url, str(partial), progress=False)
                note_download(path, partial)
        except (OSError, HTTPException, ValueError) as error:
            raise PipelineError(f"{path}: downloading {url} failed ({one_line(error)})") from None
    if sha256 is not None and not (found := sha256_of(path)).startswith(sha256):
        raise PipelineError(f"{path}: expected SHA-256 {sha256}, found {found}")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a .safetensors file, or of a file that torch.save wrote; code in it never runs.

    A dictionary that holds the tensors under `state_dict` is looked into, and the prefix
    `module.` that torch.nn.DataParallel leaves is taken off.

    Raises:
        PipelineError: the file is missing, damaged or holds anything else than weights.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, SafetensorError, pickle.UnpicklingError) as error:
        reason = one_line(error)[:200]
        raise PipelineError(f"{path}: not a readable file of weights ({reason})") from None
    tensors = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise PipelineError(f"{path}: expected named tensors, found something else")
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
