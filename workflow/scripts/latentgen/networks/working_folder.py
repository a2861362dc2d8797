"""The folder of a run in progress, which survives a killed job."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import safe_open
from torch import Tensor, nn

from latentgen.csv_file import write_csv
from latentgen.networks import checkpoints
from latentgen.storage import publish_directory, temporary_name


class WorkingFolder:
    """A run in progress: its checkpoints so far, and what is needed to resume after the last one.

    The folder lies beside the final one and survives a killed job. A fingerprint of everything
    that the results depend on shows whether its files belong to this run.
    """

    def __init__(self, final: Path, fingerprint: str) -> None:
        """Use the folder beside `final`, emptied if its fingerprint is another one."""
        self.final = final
        self.path = temporary_name(final)
        self._resume = self.path / "resume.safetensors"
        self._history = self.path / "history.csv"
        stamp = self.path / "fingerprint"
        if not stamp.exists() or stamp.read_text() != fingerprint:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True, exist_ok=True)
            stamp.write_text(fingerprint)
        for leftover in self.path.glob(".*"):  # partly written files
            leftover.unlink()

    def save(
        self,
        epoch: int,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        history: list[dict[str, Any]],
    ) -> None:
        """Keep an epoch; the file to resume from is written last, after the files that it needs."""
        write_csv(pd.DataFrame(history), self._history)
        checkpoints.save(module.state_dict(), checkpoints.checkpoint_path(self.path, epoch))
        state = {
            f"{index}.{name}": value
            for index, values in optimizer.state_dict()["state"].items()
            for name, value in values.items()
            if isinstance(value, Tensor)
        }
        checkpoints.save(state, self._resume, {"epoch": str(epoch)})

    def load(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
        """Load the last kept epoch into module and optimiser; return the history up to it."""
        if not self._resume.exists():
            return []
        with safe_open(self._resume, "pt") as file:
            epoch = int(file.metadata()["epoch"])
        checkpoints.load_into(module, checkpoints.checkpoint_path(self.path, epoch))
        _load_optimizer(optimizer, checkpoints.load(self._resume))
        history = pd.read_csv(self._history)
        kept = history[history["epoch"] <= epoch].to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in kept]

    def publish(self) -> None:
        """Remove all files but the checkpoints, and rename the folder to its final name."""
        for extra in ("resume.safetensors", "history.csv", "fingerprint"):
            (self.path / extra).unlink()
        publish_directory(self.path, self.final)


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        parameter = parameters[int(index)]
        if value.shape == parameter.shape:
            # With the parameter's memory layout, as the optimiser creates it.
            value = torch.empty_like(parameter, requires_grad=False).copy_(value)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
