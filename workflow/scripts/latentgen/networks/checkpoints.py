"""Checkpoints: the states of a run at its scheduled epochs, one safetensors file each."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from latentgen.errors import PipelineError, one_line
from latentgen.networks.network import Network
from latentgen.storage import atomic_path


def checkpoint_path(folder: Path, epoch: int) -> Path:
    """Path of the state after `epoch` epochs."""
    return folder / f"epoch_{epoch:04d}.safetensors"


def epochs_in(folder: Path, suffix: str = ".safetensors") -> list[int]:
    """The epochs that a folder of per-epoch files holds, in increasing order."""
    return sorted(int(path.name[len("epoch_") : -len(suffix)]) for path in folder.glob("epoch_*"))


def save(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors to a file, which appears only once it is complete."""
    with atomic_path(path) as partial:
        save_file(_apart(tensors), partial, metadata)


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous CPU tensors, no two of which share memory, as tied weights do: its demand."""
    apart: dict[str, Tensor] = {}
    used = set()
    for name, tensor in tensors.items():
        tensor = tensor.cpu().contiguous()
        storage = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if storage in used else tensor
        used.add(storage)
    return apart


def load(path: Path) -> dict[str, Tensor]:
    """Read tensors.

    Raises:
        PipelineError: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise PipelineError(f"{path}: not a readable checkpoint ({error})") from None


def load_into(module: nn.Module, path: Path) -> None:
    """Load a stored state into a module.

    Raises:
        PipelineError: the file is missing, damaged, or belongs to another architecture.
    """
    try:
        module.load_state_dict(load(path))
    except RuntimeError as error:
        raise PipelineError(f"{path}: {one_line(error)}") from None


def load_epoch(network: Network, folder: Path, epoch: int) -> None:
    """Load the checkpoint of an epoch into a network, as stored.

    Raises:
        PipelineError: as for `load_into`.
    """
    load_into(network.module, checkpoint_path(folder, epoch))
