"""Other ways to find wrong labels, to compare with: each gives a score (N,) whose low is bad."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import Tensor
from torch.nn.functional import normalize

from latentgen.data.labels import LabelArray
from latentgen.label_issues.scores import margins
from latentgen.networks import checkpoints
from latentgen.networks.early_stopping import best_epochs
from latentgen.networks.extract import predict_logits
from latentgen.networks.precision import ieee_float32
from latentgen.networks.run import Run
from latentgen.probes.base import Probe
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.magnitudes import ordinary

Scores = NDArray[np.float64]

N_NEIGHBOURS = 30
"""That vote. Of 10, 30 and 100, it did best in the first trials."""

_CHUNK = 1024


@ieee_float32()
def neighbour_votes(rows: Tensor, labels: LabelArray) -> Scores:
    """Fraction of the nearest other rows, by the cosine, that have a sample's label.

    >>> rows = torch.tensor([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2]])
    >>> neighbour_votes(rows, np.array([0, 0, 1])).tolist()
    [0.5, 0.5, 0.0]
    """
    units = normalize(ordinary(rows, rows.dtype), dim=1)
    targets = torch.from_numpy(labels).to(rows.device)
    k = min(N_NEIGHBOURS, len(rows) - 1)
    votes = []
    for start in range(0, len(rows), _CHUNK):
        cosines = units[start : start + _CHUNK] @ units.T
        own = torch.arange(len(cosines), device=rows.device)
        cosines[own, own + start] = -torch.inf
        near = targets[cosines.topk(k, dim=1).indices]
        votes.append((near == targets[start : start + _CHUNK, None]).double().mean(1))
    return torch.cat(votes).cpu().numpy()


def cross_validated(
    probe: Probe, rows: Tensor, labels: LabelArray, n_classes: int, folds: NDArray[np.int64]
) -> Scores:
    """Class scores (N, C) of a probe that is fitted without each fold; -inf: not known."""
    scores = np.full((len(labels), n_classes), -np.inf)
    for fold in range(folds.max() + 1):
        inside = folds == fold
        chosen = torch.from_numpy(inside).to(rows.device)
        fitted = clone(probe).fit(rows[~chosen], labels[~inside])
        of_fold = fitted.decision_function(rows[chosen]).cpu().double().numpy()
        if of_fold.ndim == 1:  # two classes
            of_fold = np.stack([np.zeros_like(of_fold), of_fold], 1)
        scores[np.ix_(inside, fitted.classes_)] = of_fold
    return scores


def probe_margins(
    probe: Probe, rows: Tensor, labels: LabelArray, n_classes: int, folds: NDArray[np.int64]
) -> Scores:
    """Cross-validated margin of the label, rows scaled to length one.

    A label that no other fold has cannot be judged: its margin is 1, the largest of cosines.
    """
    units = normalize(ordinary(rows, rows.dtype), dim=1)
    found = np.asarray(margins(cross_validated(probe, units, labels, n_classes, folds), labels))
    return np.where(np.isfinite(found), found, 1.0)


def cleanlab_scores(
    rows: Tensor, labels: LabelArray, n_classes: int, folds: NDArray[np.int64]
) -> tuple[dict[str, Scores], float]:
    """Cleanlab on the cross-validated probabilities of a logistic regression.

    Returns:
        Scores by method, and the fraction of wrong labels that confident learning finds. Those that
        it finds come before all others in `confident_learning`, both by self-confidence.

    Raises:
        ImportError: cleanlab is not installed.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    logits = cross_validated(LogisticRegression(), rows, labels, n_classes, folds)
    present = np.unique(labels)  # cleanlab wants a sample of every class
    probabilities = torch.from_numpy(logits[:, present]).softmax(1).numpy()
    given = np.searchsorted(present, labels)
    scores = {
        method: np.asarray(get_label_quality_scores(given, probabilities, method=method))
        for method in ("self_confidence", "normalized_margin")
    }
    found = find_label_issues(given, probabilities, filter_by="confident_learning", n_jobs=1)
    scores["confident_learning"] = (scores["self_confidence"] + ~found) / 2
    return scores, float(found.mean())


def network_scores(
    run: Run, checkpoint_folder: Path, history: pd.DataFrame, device: torch.device
) -> dict[str, Scores]:
    """The model's scores of each label, over its checkpoints.

    Returns:
        `loss`: minus the cross-entropy at the last epoch; `loss_early_stopped`: at the checkpoint
        that is best on held-out data with observed labels, NaN if nothing is held out;
        `mean_margin`: logit of the label minus the largest other one, averaged over the checkpoints
        from 1 on (area under the margin, arXiv 2001.10528, where every epoch is kept).
    """
    labels = run.labels.observed
    chosen = _best_epoch(checkpoint_folder, history)
    losses, mean_margin, n_epochs = {}, np.zeros(len(labels)), 0
    for epoch, logits in _logits_over_epochs(run, checkpoint_folder, device):
        log_probabilities = logits.log_softmax(1).numpy()
        losses[epoch] = log_probabilities[np.arange(len(labels)), labels]
        if epoch > 0:
            mean_margin += margins(logits.numpy(), labels)
            n_epochs += 1
    return {
        "loss": losses[max(losses)],
        "loss_early_stopped": losses.get(chosen, np.full(len(labels), np.nan)),
        "mean_margin": mean_margin / max(1, n_epochs),
    }


def _best_epoch(folder: Path, history: pd.DataFrame) -> int:
    """The checkpoint from epoch 1 on that is best on held-out data; -1 if nothing is held out."""
    kept = history[history["epoch"].isin(checkpoints.epochs_in(folder)) & (history["epoch"] > 0)]
    best = best_epochs(kept.assign(run=0), ["run"])["epoch"]
    return int(best.iloc[0]) if len(best) else -1


def _logits_over_epochs(run: Run, folder: Path, device: torch.device) -> Iterator[tuple[int, Any]]:
    """Logits float64 (N, C) of the training images at every checkpoint."""
    network = run.network(device)
    images = run.images["train"].to(device)
    for epoch in checkpoints.epochs_in(folder):
        run.load_epoch(network, folder, epoch)
        yield epoch, predict_logits(network.module, images, **run.normalise).cpu().double()
