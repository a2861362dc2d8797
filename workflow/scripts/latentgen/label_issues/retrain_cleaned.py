"""Training again with suspect labels left out or replaced, beside what else could be done."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentgen.data.labels import LabelArray
from latentgen.editing.relabelling import retrain
from latentgen.editing.repair import repair
from latentgen.label_issues.score_run import training_batches
from latentgen.networks.extract import predict_logits
from latentgen.networks.run import Run
from latentgen.networks.training_config import TrainingData


class Choice(NamedTuple):
    """What to train on.

    Attributes:
        kept: bool (N,), of the training samples.
        labels: int64 (N,), theirs.
    """

    kept: NDArray[np.bool_]
    labels: LabelArray


def choices(samples: pd.DataFrame, run: Run) -> dict[str, Choice]:
    """What can be done about a run's suspect labels.

    Args:
        samples: the run's `label_issues.csv`.
        run: the run.

    Returns:
        `all`: nothing; `dropped`: label issues are left out; `relabelled`: they get the predicted
        label; `dropped_cleanlab`: what cleanlab's confident learning finds at the same layer is
        left out; `clean`: all wrong labels are, which only who knows the true ones can do, so that
        it is not there where they are unknown.
    """
    labels, names = run.labels.observed, run.class_names
    suspect = samples["is_label_issue"].to_numpy()
    predicted = samples["predicted_label"].map({name: c for c, name in enumerate(names)})
    everything = np.ones(len(labels), dtype=bool)
    found = {
        "all": Choice(everything, labels),
        "dropped": Choice(~suspect, labels),
        "relabelled": Choice(everything, np.where(suspect, predicted, labels)),
        # Those that are found come first, with scores below a half.
        "dropped_cleanlab": Choice(
            samples["cleanlab_confident_learning"].to_numpy() >= 0.5, labels
        ),
    }
    if run.labels.with_truth:
        found["clean"] = Choice(~run.labels.changed, labels)
    return found


def mend(
    run: Run,
    checkpoint_folder: Path,
    samples: pd.DataFrame,
    device: torch.device,
    *,
    training: dict[str, Any],
    max_epochs: int,
    patience: int,
) -> pd.DataFrame:
    """Train the run's network anew on each of `choices`, with the same initialisation and recipe.

    Training ends as in `relabelling.retrain`; the epoch is the best one on the held-out images with
    their observed labels, whatever the choice. Where samples are left out, limit and patience are
    as many epochs more as an epoch has fewer steps.

    Args:
        run: the run.
        checkpoint_folder: its checkpoints.
        samples: its `label_issues.csv`.
        device: to train on.
        training: its training block.
        max_epochs: of a training on all samples, at most.
        patience: epochs of such a training without a better validation accuracy.

    Returns:
        A row for each choice, and for `memorised`, the network as trained, and `repaired`, that
        network with another last layer: choice; samples that are trained on; wrong_share of their
        labels (empty if true ones are unknown); epoch; validation_accuracy (observed labels) and
        test_accuracy.
    """
    config, n_fitted = run.training_config(training), run.labels.fitted.sum()
    rows = []
    for name, choice in choices(samples, run).items():
        kept = choice.kept & run.labels.fitted
        module = run.network(device).module
        longer = n_fitted / max(1, kept.sum())
        limit, waits = (round(epochs * longer) for epochs in (max_epochs, patience))
        data = _data(run, choice, kept).to(device)
        epochs = retrain(module, data, replace(config, max_epochs=limit), waits)
        best = next(row for row in epochs if row["best"])
        scores = {key: best[key] for key in ("epoch", "validation_accuracy", "test_accuracy")}
        rows.append({**_named(name, choice.labels[kept], run.labels.true_where(kept)), **scores})
    trained = run.trained_network(checkpoint_folder, device)
    fitted = run.labels.fitted
    trained_on = run.labels.observed[fitted], run.labels.true_where(fitted)
    held_out = None if fitted.all() else list(training_batches(run, ~fitted, device))
    repaired = repair(
        trained.module,
        list(training_batches(run, fitted, device)),
        held_out,
        layers=list(trained.layers.values())[:-1] if held_out else (),
    )
    for name, module in (("memorised", trained.module), ("repaired", repaired)):
        rows.append(
            {**_named(name, *trained_on), "epoch": None, **_accuracies(run, module, device)}
        )
    return pd.DataFrame(rows).astype({"epoch": "Int64"})


def _named(choice: str, labels: LabelArray, true: LabelArray) -> dict[str, Any]:
    wrong = float((labels != true).mean()) if len(true) else float("nan")
    return {"choice": choice, "samples": len(labels), "wrong_share": wrong}


def _data(run: Run, choice: Choice, kept: NDArray[np.bool_]) -> TrainingData:
    rows = torch.from_numpy(kept)
    return replace(
        run.training_data(),
        images=run.images["train"][rows],
        observed=torch.from_numpy(choice.labels)[rows],
        true=torch.from_numpy(run.labels.true_where(kept)),
    )


def _accuracies(run: Run, module: nn.Module, device: torch.device) -> dict[str, float]:
    def accuracy(images: Tensor, labels: LabelArray) -> float:
        logits = predict_logits(module, images.to(device), **run.normalise)
        return float((logits.argmax(1).cpu().numpy() == labels).mean())

    held_out = ~run.labels.fitted
    images = run.images["train"][torch.from_numpy(held_out)]
    validation = accuracy(images, run.labels.observed[held_out]) if held_out.any() else float("nan")
    return {
        "validation_accuracy": validation,
        "test_accuracy": accuracy(run.images["test"], run.labels.test),
    }
