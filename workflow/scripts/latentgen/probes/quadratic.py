"""MASC is a quadratic classifier: two ways to see it (arXiv 2603.19865)."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from latentgen.data.labels import Labels
from latentgen.networks.activations import ActivationSource, read_split
from latentgen.probes.base import Probe
from latentgen.probes.batches import fitted_rows
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.moments import ClassMoments


def quadratic_decisions(masc: MASC, rows: Tensor) -> Tensor:
    """The class of the greatest x' M_c x for each row, (n,), by the matrices M_c = V_c V_c'.

    Args:
        masc: fitted to classes 0..C-1.
        rows: (n, width), in the dtype of the matrices.
    """
    # Put where they belong at once: kept one by one among the large products, they would have the
    # system set new memory aside for every class.
    scores = rows.new_empty(len(rows), len(masc.classes_))
    for c, M in enumerate(masc.quadratic_forms()):
        scores[:, c] = ((rows @ M) * rows).sum(1)
    scores[:, torch.from_numpy(masc.class_count_ == 0).to(scores.device)] = -torch.inf
    return scores.argmax(1)


def agreement_with_masc(
    source: ActivationSource, layer: str, labels: Labels, masc: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """How often two other classifiers decide as MASC does on one layer.

    One is the explicit quadratic form, which should always; the other the logistic regression that
    is fitted, to convergence, to MASC's own decisions on the training data: how far a linear probe
    gets. MASC and the forms are computed in float64, so that rounding decides nothing.

    Args:
        source: where the activations are read.
        layer: its name.
        labels: MASC is fitted to the observed ones.
        masc: MASC's settings.

    Returns:
        Rows with layer, width, classifier (`quadratic` or `linear`), split (`train` or `test`;
        `quadratic` on test only) and agreement, a share of the split's samples.

    Raises:
        ValueError: fewer than two classes have rows.
    """
    train = fitted_rows(source, layer, labels)
    test = read_split(source, "test", layer)
    width, device = train.shape[1], train.device
    moments = ClassMoments(labels.n_classes, width, device=device, dtype=torch.float64)
    moments.update(train, torch.from_numpy(labels.observed[labels.fitted]))
    probe = MASC(**masc).fit_moments(moments)
    decided = {"train": _decisions(probe, train), "test": _decisions(probe, test)}
    imitation = _linear_imitation(train, decided["train"])
    quadratic = quadratic_decisions(probe, test.double())
    agreements = {
        ("quadratic", "test"): quadratic == decided["test"],
        ("linear", "train"): imitation(train) == decided["train"],
        ("linear", "test"): imitation(test) == decided["test"],
    }
    names = {"layer": layer, "width": source.widths[layer]}
    return [
        {
            **names,
            "classifier": classifier,
            "split": split,
            "agreement": float(same.double().mean()),
        }
        for (classifier, split), same in agreements.items()
    ]


def _decisions(probe: Probe, rows: Tensor) -> Tensor:
    return torch.as_tensor(probe.predict(rows))


def _linear_imitation(rows: Tensor, decisions: Tensor) -> Callable[[Tensor], Tensor]:
    """The linear classifier that is fitted to decisions; a constant one, if they all are equal."""
    if bool((decisions == decisions[0]).all()):
        return lambda others: decisions[:1].expand(len(others))
    linear = LogisticRegression().fit(rows, decisions)
    return lambda others: _decisions(linear, others)
