"""The folder of a run in progress, which survives a killed job."""

import io
import shutil
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

import pandas as pd
import torch
from torch import Tensor, nn

from latentgen.csv_file import write_csv
from latentgen.errors import PipelineError, one_line
from latentgen.networks import checkpoints
from latentgen.storage import atomic_path, publish_directory, temporary_name


class Trainer(Protocol):
    """What a working folder keeps."""

    @property
    def network(self) -> nn.Module:
        """The network of which a checkpoint is written."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""


class WorkingFolder:
    """A run in progress: its checkpoints so far, and what is needed to resume after the last one.

    The folder lies next to the final one and survives a killed job. A fingerprint of everything
    that the results depend on shows whether its files belong to this run.
    """

    def __init__(self, final: Path, fingerprint: str) -> None:
        """Use the folder next to `final`, emptied if its fingerprint is another one."""
        self.final = final
        self.path = temporary_name(final)
        self._resume = self.path / "resume.pt"
        self._history = self.path / "history.csv"
        stamp = self.path / "fingerprint"
        if not stamp.exists() or stamp.read_text() != fingerprint:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True, exist_ok=True)
            stamp.write_text(fingerprint)
        for leftover in self.path.glob(".*"):  # partly written files
            leftover.unlink()

    def save(self, epoch: int, trainer: Trainer, history: list[dict[str, Any]]) -> None:
        """Keep an epoch; the file to resume from is written last, after the files that it needs."""
        write_csv(pd.DataFrame(history), self._history)
        state = trainer.network.state_dict()
        checkpoints.save(state, checkpoints.checkpoint_path(self.path, epoch))
        # Written by Python, which says when the disk is full; PyTorch's own writer does not.
        kept = io.BytesIO()
        torch.save({"epoch": epoch, "trainer": _on_cpu(trainer.state_dict())}, kept)
        with atomic_path(self._resume) as partial:
            partial.write_bytes(kept.getbuffer())

    def load(self, trainer: Trainer) -> list[dict[str, Any]]:
        """Resume a trainer from the last checkpoint; return the history up to it.

        Raises:
            PipelineError: the file to resume from is damaged.
        """
        if not self._resume.exists():
            return []
        try:
            kept = torch.load(self._resume, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            raise PipelineError(f"{self._resume}: cannot be read ({one_line(error)})") from None
        trainer.load_state_dict(kept["trainer"])
        history = pd.read_csv(self._history)
        rows = history[history["epoch"] <= kept["epoch"]].to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]

    def publish(self) -> None:
        """Remove all files but the checkpoints, and rename the folder to its final name."""
        for extra in ("resume.pt", "history.csv", "fingerprint"):
            (self.path / extra).unlink()
        publish_directory(self.path, self.final)


def _on_cpu(state: Any) -> Any:
    """A state whose tensors are on the CPU, so that any device can go on from it."""
    if isinstance(state, Tensor):
        return state.cpu()
    if isinstance(state, dict):
        return {key: _on_cpu(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(map(_on_cpu, state))
    return state
