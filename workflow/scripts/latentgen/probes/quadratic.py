"""MASC as a quadratic classifier, and a linear imitation of it (arXiv 2603.19865)."""

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
    """The class with the largest x' M_c x for each row, (n,), with the matrices M_c = V_c V_c'.

    >>> masc = MASC().fit(torch.eye(3), [0, 1, 2])
    >>> quadratic_decisions(masc, torch.tensor([[0.2, 0.9, -0.1], [0.0, 0.1, -0.8]]))
    tensor([1, 2])

    Args:
        masc: fitted to classes 0..C-1.
        rows: (n, width), in the dtype of the matrices.
    """
    # Written into one tensor: as separate tensors between the large products, the scores would make
    # the allocator request new memory for every class.
    scores = rows.new_empty(len(rows), len(masc.classes_))
    for c, M in enumerate(masc.quadratic_forms()):
        scores[:, c] = ((rows @ M) * rows).sum(1)
    scores[:, torch.from_numpy(masc.class_count_ == 0).to(scores.device)] = -torch.inf
    return scores.argmax(1)


def agreement_with_masc(
    source: ActivationSource, layer: str, labels: Labels, masc: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """How often two other classifiers predict the same class as MASC on one layer.

    The first is the explicit quadratic form, which should always agree. The second is a logistic
    regression fitted, to convergence, to MASC's predictions on the training data; it shows how well
    a linear probe can imitate MASC. MASC and the forms are computed in float64, to avoid
    differences by rounding.

    Args:
        source: where the activations are read.
        layer: its name.
        labels: of the source's samples; MASC is fitted to the observed ones.
        masc: MASC's settings.

    Returns:
        Rows with layer, width, classifier (`quadratic` or `linear`), split (`train` or `test`;
        `quadratic` on test only) and agreement, a fraction of the split's samples.

    Raises:
        ValueError: fewer than two classes have rows.
    """
    train = fitted_rows(source, layer, labels)
    test = read_split(source, "test", layer)
    width, device = train.shape[1], train.device
    moments = ClassMoments(labels.n_classes, width, device=device, dtype=torch.float64)
    moments.update(train, torch.from_numpy(labels.observed[labels.fitted]))
    probe = MASC(**masc).fit_moments(moments)
    by_masc = {"train": _decisions(probe, train), "test": _decisions(probe, test)}
    imitation = _linear_imitation(train, by_masc["train"])
    quadratic = quadratic_decisions(probe, test.double())
    agreements = {
        ("quadratic", "test"): quadratic == by_masc["test"],
        ("linear", "train"): imitation(train) == by_masc["train"],
        ("linear", "test"): imitation(test) == by_masc["test"],
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
    """A linear classifier fitted to decisions (n,); a constant one if they are all equal."""
    if bool((decisions == decisions[0]).all()):
        return lambda others: decisions[:1].expand(len(others))
    linear = LogisticRegression().fit(rows, decisions)
    return lambda others: _decisions(linear, others)
