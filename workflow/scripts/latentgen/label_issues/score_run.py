"""Every method's score of every training label of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latentgen.data import datasets
from latentgen.devices import with_float64
from latentgen.label_issues import baselines
from latentgen.label_issues.cross_fitting import stratified_folds
from latentgen.label_issues.find import early_rows
from latentgen.label_issues.scores import label_table
from latentgen.names import INPUT
from latentgen.networks.activations import read_split
from latentgen.networks.network import Network
from latentgen.networks.run import Run
from latentgen.networks.run_sources import features_of, labelled_batches, source_of
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.kinds.velpic import VeLPIC

DEFAULT = "label_score"
"""The library's own method, as `find_label_issues` does it."""

METHODS = {
    DEFAULT: "label score, early layer",
    "label_score_penultimate": "label score, penultimate layer",
    "label_score_untrained": "label score, untrained network",
    "label_score_input": "label score, input",
    "masc": "MASC, early layer",
    "velpic": "VeLPIC, early layer",
    "cleanlab_self_confidence": "cleanlab self-confidence, early layer",
    "cleanlab_normalized_margin": "cleanlab normalised margin, early layer",
    "cleanlab_confident_learning": "cleanlab confident learning, early layer",
    "cleanlab_self_confidence_penultimate": "cleanlab self-confidence, penultimate layer",
    "cleanlab_normalized_margin_penultimate": "cleanlab normalised margin, penultimate layer",
    "cleanlab_confident_learning_penultimate": "cleanlab confident learning, penultimate layer",
    "loss": "network's loss, last epoch",
    "loss_early_stopped": "network's loss, early stopped",
    "mean_margin": "network's margin, mean over checkpoints",
    "neighbours_early": "neighbours, early layer",
    "neighbours_input": "neighbours, input",
}
"""Columns of the scores, with names for readers."""

SEED = 0
"""Of the folds."""


class LabelIssues(NamedTuple):
    """Scores of a run's training labels by all methods.

    Attributes:
        samples: a row for each sample: id, split (`train` or `validation`), given_label,
            predicted_label, is_label_issue, true_label (empty if unknown), and a column of scores
            for each of `METHODS`, of which low is bad.
        rates: fraction of wrong labels, estimated without true ones: columns estimate, rate.
    """

    samples: pd.DataFrame
    rates: pd.DataFrame


def label_issues(
    run: Run, checkpoint_folder: Path, history: pd.DataFrame, device: torch.device
) -> LabelIssues:
    """Score the training labels of a run, held out ones as well, by every method.

    Args:
        run: the run.
        checkpoint_folder: its checkpoints.
        history: its `history.csv`.
        device: to compute on.
    """
    network = run.trained_network(checkpoint_folder, device)
    rows = {
        "": _early(run, network),
        "_penultimate": _layer(run, network, network.penultimate),
        "_untrained": _early(run, run.untrained_network(checkpoint_folder, device)),
        "_input": _layer(run, network, INPUT),
    }
    return _judged(run, rows, baselines.network_scores(run, checkpoint_folder, history, device))


def label_issues_of_features(run: Run, device: torch.device) -> LabelIssues:
    """Score the training labels of features, which take the place of the early layer.

    Scores that need a network are empty.

    Args:
        run: the run.
        device: to compute on.
    """
    return _judged(run, {"": read_split(features_of(run, device), "train", INPUT)}, {})


def _judged(run: Run, rows: dict[str, Tensor], of_network: Mapping[str, Any]) -> LabelIssues:
    """The scores of rows (N, width) by the layer that they come from, next to a network's own."""
    labels, n_classes = run.labels.observed, run.labels.n_classes
    tables = {
        name: label_table([layer], labels, memorised=bool(of_network), seed=SEED)
        for name, layer in rows.items()
    }
    scores: dict[str, Any] = {
        f"{DEFAULT}{name}": table["label_score"] for name, table in tables.items()
    }
    rates = {f"{DEFAULT}{name}": table.attrs["noise_rate"] for name, table in tables.items()}
    folds = stratified_folds(labels, 5, SEED)
    for name, probe in (("masc", MASC(explained_variance=0.9)), ("velpic", VeLPIC())):
        scores[name] = baselines.probe_margins(probe, rows[""], labels, n_classes, folds)
    for name in [name for name in ("", "_penultimate") if name in rows]:
        found, rate = baselines.cleanlab_scores(rows[name], labels, n_classes, folds)
        scores |= {f"cleanlab_{method}{name}": values for method, values in found.items()}
        rates[f"cleanlab{name}"] = rate
    scores |= of_network
    scores["neighbours_early"] = baselines.neighbour_votes(rows[""], labels)
    if "_input" in rows:
        scores["neighbours_input"] = baselines.neighbour_votes(rows["_input"], labels)
    names = run.class_names
    samples = pd.DataFrame(
        {
            "id": datasets.read_names(run.dataset_file),
            "split": ["train" if fitted else "validation" for fitted in run.labels.fitted],
            "given_label": [names[c] for c in labels],
            "predicted_label": [names[c] for c in tables[""]["predicted_label"]],
            "is_label_issue": tables[""]["is_label_issue"],
            "true_label": [names[c] for c in run.labels.true] if run.labels.with_truth else None,
            **{name: scores.get(name, np.nan) for name in METHODS},
        }
    )
    return LabelIssues(samples, pd.DataFrame(rates.items(), columns=["estimate", "rate"]))


def _early(run: Run, network: Network) -> Tensor:
    """Rows (N, width) of the training images at the early layer, where probes compute."""
    everything = np.ones(len(run.labels.observed), dtype=bool)
    batches = labelled_batches(run, everything, network.device)
    return early_rows(network.module, batches)[0].to(with_float64(network.device))


def _layer(run: Run, network: Network, layer: str) -> Tensor:
    source = source_of(run, network, with_input=True)
    return torch.cat([batch[layer] for batch in source.batches("train", [layer])])
