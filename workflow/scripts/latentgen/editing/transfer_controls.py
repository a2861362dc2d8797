"""Controls of the weight transfer: other last layers than VeLPIC's vectors (arXiv 2603.19865)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import normalize

from latentgen.data.labels import Labels
from latentgen.editing.heads import linear_head
from latentgen.editing.transfer import Heads, require_penultimate, require_shape, score_heads
from latentgen.networks.activations import ActivationSource
from latentgen.probes.batches import fitted_rows
from latentgen.probes.kinds._numerics import TINY_DOUBLE
from latentgen.probes.kinds.logistic_regression import LogisticRegression
from latentgen.probes.moments import ClassMoments


def control_heads(
    head: nn.Linear,
    moments: Mapping[str, ClassMoments],
    logistic: LogisticRegression,
    seed: int,
) -> Heads:
    """Last layers that serve as controls: they show which part of the transfer matters.

    Args:
        head: the trained last layer, classes x width.
        moments: of the penultimate layer, by observed and by true labels.
        logistic: fitted to the penultimate layer and the observed labels.
        seed: of the random vectors.

    Returns:
        `velpic_scaled`: VeLPIC's vectors, each scaled to the length of the trained row that it
        replaces, with the trained bias; `class_means`: unit class means, no bias;
        `random_orthonormal`: random vectors, no bias; `logistic_regression`: its weights and bias;
        `velpic_true_labels`: VeLPIC's vectors from true labels (unknown in practice), no bias.

    Raises:
        PipelineError: the vectors do not fit the layer.
    """
    vectors = moments["observed"].first_components()
    require_shape(vectors, head)
    trained = head.weight.detach()
    bias = None if head.bias is None else head.bias.detach()
    generator = torch.Generator().manual_seed(seed)
    random = nn.init.orthogonal_(torch.empty(*trained.shape), generator=generator)
    return {
        "velpic_scaled": linear_head(vectors * trained.norm(dim=1, keepdim=True), bias),
        "class_means": linear_head(normalize(moments["observed"].means(), eps=TINY_DOUBLE)),
        "random_orthonormal": linear_head(random.to(trained)),
        "logistic_regression": _of_all_classes(logistic, len(trained)),
        "velpic_true_labels": linear_head(moments["true"].first_components()),
    }


def _of_all_classes(logistic: LogisticRegression, n_classes: int) -> nn.Linear:
    """A layer with all classes; one that the labels lack has zero weights and bias -inf."""
    present = torch.from_numpy(logistic.classes_).to(logistic.coef_.device)
    weight = logistic.coef_.new_zeros(n_classes, logistic.coef_.shape[1])
    bias = logistic.intercept_.new_full((n_classes,), -torch.inf)
    weight[present], bias[present] = logistic.coef_, logistic.intercept_
    return linear_head(weight, bias)


def control_rows(
    source: ActivationSource,
    layer: str,
    head: nn.Linear,
    labels: Labels,
    moments: Mapping[str, ClassMoments],
    seed: int,
) -> list[dict[str, Any]]:
    """As `transfer_rows`, with the variants of `control_heads`.

    Args:
        source: where the activations are read.
        layer: the penultimate layer.
        head: the trained last layer.
        labels: of the source's samples.
        moments: of the layer, by observed and by true labels.
        seed: of the random vectors.

    Raises:
        PipelineError: the layer is not the last linear layer's input.
    """
    require_penultimate(source, layer, head)
    rows, observed = fitted_rows(source, layer, labels), labels.observed[labels.fitted]
    heads = control_heads(head, moments, LogisticRegression().fit(rows, observed), seed)
    return score_heads(source, layer, heads, labels)
