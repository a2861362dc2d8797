"""Noise transitions: how often each true class is observed as each label, without true labels."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

PRIOR_COUNTS = 30.0
"""Weight of the Dirichlet prior of each row of transitions, in samples."""

PRIOR_DIAGONAL = 0.7
"""Prior probability that an observed label is the true one."""

MISFIT = 0.01
"""Log-likelihood a sample, in nats, that transitions gain from similar classes without noise."""


@dataclass
class NoiseModel:
    """Fitted probabilities of true classes and of observed labels.

    Attributes:
        probabilities: float64 (N, C), of the true class given the features.
        posteriors: float64 (N, C), of the true class given the features and the observed label.
        transitions: float64 (C, C), of the observed label (column) given the true class (row).
        log_likelihood: of the observed labels, in nats a sample.
    """

    probabilities: Tensor
    posteriors: Tensor
    transitions: Tensor
    log_likelihood: float


def fit_noise(
    scores: Tensor, labels: NDArray[np.int64], *, uniform: bool = True, steps: int = 100
) -> NoiseModel:
    """Fit P(observed label) = softmax(a * scores + b) @ T by maximum likelihood.

    The positive number a and the C numbers b calibrate the scores (temperature scaling, arXiv
    1706.04599, with a bias for each class). T is either uniform noise, (1 - e) I + e / C, or free
    with a Dirichlet prior of 30 counts a row, 70 % of them on the diagonal.

    >>> scores = torch.eye(2).repeat(50, 1)
    >>> labels = np.tile([0, 1], 50)
    >>> fit_noise(scores, labels, uniform=True).posteriors[0].round(decimals=1).tolist()
    [1.0, 0.0]

    Args:
        scores: (N, C), of samples that did not take part in computing them; -inf for a class that
            is impossible.
        labels: observed labels, int64 (N,) in 0..C-1.
        uniform: fit e instead of all of T.
        steps: largest number of L-BFGS iterations.
    """
    targets, possible = torch.from_numpy(labels), scores.isfinite()
    judged = possible.gather(1, targets[:, None])[:, 0]
    finite = scores.double().where(possible, 0)  # infinity has no gradient
    impossible = torch.zeros_like(finite).masked_fill(~possible, -torch.inf)
    n, n_classes = scores.shape
    identity = torch.eye(n_classes, dtype=torch.float64)
    off_diagonal = (1 - PRIOR_DIAGONAL) / max(1, n_classes - 1)
    prior = identity * PRIOR_DIAGONAL + (1 - identity) * off_diagonal
    scale = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(n_classes, dtype=torch.float64, requires_grad=True)
    noise = (torch.full((1,), -2.0, dtype=torch.float64) if uniform else prior.log()).clone()
    noise.requires_grad_()

    def probabilities() -> Tensor:
        return (scale.exp() * finite + bias + impossible).softmax(1)

    def transitions() -> Tensor:
        if not uniform:
            return noise.softmax(1)
        return (1 - noise.sigmoid()) * identity + noise.sigmoid() / n_classes

    def log_prior() -> Tensor:
        if not uniform:
            return PRIOR_COUNTS * (prior * noise.log_softmax(1)).sum()
        off = 1 - PRIOR_DIAGONAL
        return (PRIOR_DIAGONAL * logsigmoid(-noise) + off * logsigmoid(noise)).sum()

    def log_likelihood() -> Tensor:
        of_labels = (probabilities() @ transitions()).gather(1, targets[:, None])[:, 0]
        return (of_labels.clamp_min(1e-300).log() * judged).sum() / max(1, int(judged.sum()))

    optimizer = torch.optim.LBFGS(
        [scale, bias, noise], max_iter=steps, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        # A small penalty: without it, perfectly separated labels have no finite optimum.
        penalty = 1e-6 * (scale.exp().square().sum() + bias.square().sum())
        total = penalty - log_likelihood() - log_prior() / n
        total.backward()
        return total

    optimizer.step(loss)
    with torch.no_grad():
        found = probabilities()
        joint = found * transitions().T[targets]
        posteriors = joint / joint.sum(1, keepdim=True).clamp_min(1e-300)
        posteriors[~judged] = identity[targets[~judged]]
        return NoiseModel(found, posteriors, transitions(), float(log_likelihood()))


def confusions_are_real(free: NoiseModel, uniform: NoiseModel) -> bool:
    """Whether free transitions explain the labels better than uniform noise does.

    Akaike's criterion expects C (C - 1) / 2 nats of gain from as many additional numbers;
    similar classes add 0.01 nats a sample (measured on digits, MNIST and CIFAR-10).
    """
    n, n_classes = free.posteriors.shape
    gain = n * (free.log_likelihood - uniform.log_likelihood)
    return gain > n_classes * (n_classes - 1) / 2 + MISFIT * n
