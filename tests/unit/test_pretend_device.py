"""The pretend device refuses what a GPU refuses, and training does on it what the CPU does."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from tests.conftest import REPOSITORY

DEVICE = REPOSITORY / "tests" / "pretend_device"

REFUSALS = """
import json, torch
device = torch.accelerator.current_accelerator(check_available=True)
here, there = torch.arange(6.0, device=device).reshape(3, 2), torch.ones(3, 2)
attempts = {
    "sum": lambda: here + there,
    "index": lambda: here[torch.tensor([0])],
    "numpy": lambda: here.numpy(),
    "layer": lambda: torch.nn.Linear(2, 2)(here),
    "float64": lambda: here.double(),
    "number": lambda: here + torch.tensor(1.0),
    "copy": lambda: there.copy_(here),
    "inference": lambda: torch.inference_mode()(lambda: (here @ here.T).cpu().numpy())(),
}
refused = {}
for name, attempt in attempts.items():
    try:
        attempt()
    except (RuntimeError, TypeError) as error:
        refused[name] = str(error)
print(json.dumps([str(device), refused]))
"""

TRAINING = """
import json, sys
from dataclasses import replace
from pathlib import Path
import torch
from latentgen.devices import best_device
from latentgen.networks import training
from latentgen.networks.network import build

device, folder = best_device(), Path(sys.argv[1])
random = torch.Generator().manual_seed(0)
images = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=random)
labels = torch.randint(0, 3, (60,), generator=random)
data = training.TrainingData(images[:45], labels[:45], labels[:45], images[45:50], labels[45:50],
    images[50:], labels[50:], 0.5, 0.5).to(device)
recipe = training.TrainingConfig("Adam", 0.01, 4, 3, 2.0, shuffle=True, seed=7)
settings = {"architecture": "cnn", "channels": [4, 4], "widths": [8], "dropout": 0.5}

def train(name, epochs):
    training.train_run(build(settings, (1, 8, 8), 3, seed=1).module.to(device), data,
        replace(recipe, max_epochs=epochs), schedule="0-/1", checkpoint_folder=folder / name,
        history_file=folder / f"{name}.csv", fingerprint="one")

train("whole", 3)
# As if killed after the second epoch: the working folder stays, and is gone on from.
publish = training.WorkingFolder.publish
training.WorkingFolder.publish = lambda self: None
train("resumed", 2)
training.WorkingFolder.publish = publish
train("resumed", 3)
same = (folder / "whole.csv").read_bytes() == (folder / "resumed.csv").read_bytes()

waited = {}
if device.type == "pretend":
    from pretend_device import STEPS
    waited["as it is"] = STEPS.waited_at()
    STEPS.begin()
    step = training.step

    def waiting(optimizer):
        step(optimizer)
        optimizer.param_groups[0]["params"][0].sum().item()

    training.step = waiting
    train("waiting", 2)
    waited["with .item()"] = STEPS.waited_at()
print(json.dumps({"device": str(device), "same": same, "waited": waited,
    "history": (folder / "whole.csv").read_text(),
    "state": (folder / "whole/epoch_0003.safetensors").read_bytes().hex()}))
"""


def run(script: str, *arguments: str, device: bool = True, **environment: str) -> Any:
    places = [str(REPOSITORY / "workflow" / "scripts"), *([str(DEVICE)] if device else [])]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_what_it_refuses() -> None:
    device, refused = run(REFUSALS)
    assert device == "pretend"
    assert set(refused) == {"sum", "index", "numpy", "layer"}
    assert "found tensors on pretend and on cpu" in refused["sum"]
    _, refused = run(REFUSALS, PRETEND_WITHOUT="float64")
    assert set(refused) == {"sum", "index", "numpy", "layer", "float64"}


@pytest.mark.slow
def test_training_on_it_is_training_on_the_cpu_and_waits_at_no_step(tmp_path: Any) -> None:
    results = {}
    for device in (True, False):
        folder = tmp_path / str(device)
        folder.mkdir()
        results[device] = run(TRAINING, str(folder), device=device)
    on_device, on_cpu = results[True], results[False]
    assert (on_device["device"], on_cpu["device"]) == ("pretend:0", "cpu")
    assert on_device["history"] == on_cpu["history"]
    assert on_device["state"] == on_cpu["state"]
    assert on_device["same"] and on_cpu["same"]
    assert on_device["waited"]["as it is"] == []
    (line,) = on_device["waited"]["with .item()"]
    assert line.startswith("networks/training.py:")  # which called what waits
    assert line.endswith("aten::_local_scalar_dense")
