"""Edited networks as files of their own, with all that is needed to use them.

`export.load("results/runs/digits-mlp/uniform-0.4/seed1/repaired.safetensors")(images).argmax(1)`
gives the predicted classes of uint8 images (n, C, H, W).
"""

import json
from os import PathLike
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from latentgen.editing.heads import CutNetwork, head_from
from latentgen.errors import PipelineError, one_line
from latentgen.networks import checkpoints
from latentgen.networks.extract import normalise
from latentgen.networks.network import ARCHITECTURES, Network, build
from latentgen.networks.run import Run
from latentgen.registries import names


class ExportedNetwork(CutNetwork):
    """A network that takes uint8 images, and may end at a hidden layer.

    Attributes:
        facts: description and origin, in JSON types, stored in the file. The network is built from
            `model`, `shape`, `class_names` and `normalise`.
    """

    def __init__(
        self,
        network: nn.Module,
        facts: dict[str, Any],
        *,
        cut: str | None = None,
        head: nn.Module | None = None,
    ) -> None:
        """Put the parts together, in eval mode."""
        super().__init__(network, cut=cut, head=head)
        self.facts = facts

    def forward(self, images: Tensor) -> Tensor:
        """Scores (n, classes) of uint8 images (n, C, H, W); the predicted class has the largest."""
        return super().forward(normalise(images, **self.facts["normalise"]))


def facts_of(run: Run, **more: Any) -> dict[str, Any]:
    """The facts to store with a run's edited network, including `more`."""
    return {
        "experiment": run.experiment,
        "noise": run.noise,
        "seed": run.seed,
        **more,
        "model": run.model,
        "shape": list(run.images["train"].shape[1:]),
        "class_names": run.class_names,
        "normalise": run.normalise,
    }


def save(classifier: ExportedNetwork, path: str | PathLike[str]) -> None:
    """Write a classifier to one safetensors file; its metadata hold the facts as JSON."""
    # A single entry, as several would be written in a different order each time.
    metadata = {"facts": json.dumps({**classifier.facts, "cut": classifier.cut})}
    checkpoints.save(classifier.state_dict(), Path(path), metadata)


def load(path: str | PathLike[str]) -> ExportedNetwork:
    """Read a classifier that `save` wrote, on the CPU and ready to be used.

    >>> from tempfile import TemporaryDirectory
    >>> facts = {"model": {"architecture": "mlp", "widths": [8]}, "shape": [1, 4, 4]}
    >>> facts |= {"class_names": ["a", "b"], "normalise": {"mean": 0.5, "std": 0.5}}
    >>> network = build(facts["model"], (1, 4, 4), n_classes=2, seed=0)
    >>> classifier = ExportedNetwork(network.module, facts)
    >>> with TemporaryDirectory() as folder:
    ...     save(classifier, f"{folder}/network.safetensors")
    ...     load(f"{folder}/network.safetensors").facts == facts
    True

    Raises:
        PipelineError: the file is missing, damaged, or holds something else.
    """
    tensors = checkpoints.load(Path(path))
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        facts = json.loads(metadata["facts"])
        cut = facts.pop("cut")
        network = _network(facts)
        heads = {
            name.removeprefix("head."): value
            for name, value in tensors.items()
            if name.startswith("head.")
        }
        head = head_from(heads) if heads else None
        classifier = ExportedNetwork(network.module, facts, cut=cut, head=head)
        classifier.load_state_dict(tensors)
    except (KeyError, RuntimeError, SafetensorError) as error:
        reason = one_line(error)
        raise PipelineError(f"{path}: not an exported network ({reason})") from None
    return classifier


def _network(facts: dict[str, Any]) -> Network:
    channels, height, width = facts["shape"]
    model = dict(facts["model"])
    if model["architecture"] in names(ARCHITECTURES):  # it has its weights here
        model.pop("weights", None)
    return build(model, (channels, height, width), len(facts["class_names"]), seed=0)
