"""Retraining with suspect labels left out or replaced, compared with other treatments."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentgen.data.labels import LabelArray
from latentgen.editing.repair import repair
from latentgen.networks.extract import predict_logits
from latentgen.networks.retraining import retrain
from latentgen.networks.run import Run
from latentgen.networks.run_sources import labelled_batches
from latentgen.networks.training_config import TrainingData


class Choice(NamedTuple):
    """Data to train on.

    Attributes:
        kept: bool (N,), which training samples.
        labels: int64 (N,), labels of all training samples.
    """

    kept: NDArray[np.bool_]
    labels: LabelArray


def choices(samples: pd.DataFrame, run: Run) -> dict[str, Choice]:
    """Return the ways to treat a run's suspect labels, by name.

    Args:
        samples: the run's `label_issues.csv`.
        run: the run.

    Returns:
        `all`: every sample with its observed label; `dropped`: without label issues; `relabelled`:
        label issues with the predicted label; `dropped_cleanlab`: without what cleanlab's confident
        learning finds at the same layer; `clean`: without wrong labels, an upper reference that
        exists only where true labels are known.
    """
    labels, names = run.labels.observed, run.class_names
    suspect = samples["is_label_issue"].to_numpy()
    predicted = samples["predicted_label"].map({name: c for c, name in enumerate(names)})
    everything = np.ones(len(labels), dtype=bool)
    found = {
        "all": Choice(everything, labels),
        "dropped": Choice(~suspect, labels),
        "relabelled": Choice(everything, np.where(suspect, predicted, labels)),
        # Scores of found samples are below a half.
        "dropped_cleanlab": Choice(
            samples["cleanlab_confident_learning"].to_numpy() >= 0.5, labels
        ),
    }
    if run.labels.with_truth:
        found["clean"] = Choice(~run.labels.changed, labels)
    return found


def retrain_on_cleaned_labels(
    run: Run,
    checkpoint_folder: Path,
    samples: pd.DataFrame,
    device: torch.device,
    *,
    training: dict[str, Any],
    max_epochs: int,
    patience: int,
) -> pd.DataFrame:
    """Train the run's network from its initialisation on each of `choices`, with the same recipe.

    Training ends as in `retraining.retrain`; the epoch is the best one on the held-out images with
    their observed labels. Where samples are left out an epoch has fewer steps, and limit and
    patience grow by the same factor.

    Args:
        run: the run.
        checkpoint_folder: its checkpoints.
        samples: its `label_issues.csv`.
        device: to train on.
        training: its training block.
        max_epochs: limit of a training on all samples.
        patience: epochs without a better validation accuracy after which it ends.

    Returns:
        A row for each choice, for `memorised`, the network as trained, and for `repaired`, that
        network with another last layer. Columns: choice; samples (number trained on); wrong_share,
        the fraction of their labels that is wrong (empty if unknown); epoch; validation_accuracy
        (observed labels); test_accuracy.
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
    held_out = None if fitted.all() else list(labelled_batches(run, ~fitted, device))
    repaired = repair(
        trained.module,
        list(labelled_batches(run, fitted, device)),
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
