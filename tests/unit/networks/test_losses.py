"""Every loss against its formula, by hand, for labels and for shares of classes, with gradients."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor

from latentgen.errors import PipelineError
from latentgen.networks.training import make_loss
from latentgen.registries import names

N, K = 6, 4
OBSERVED = torch.tensor([0, 1, 2, 2, 0, 2])
ROWS = torch.tensor([4, 0, 3])
LOGITS = torch.tensor([[2.0, -1, 0.5, 0], [0.1, 0.2, 0.3, 0.4], [-3, 1, 1, 5]])


def p_of(logits: Tensor) -> Tensor:
    return logits.exp() / logits.exp().sum(1, keepdim=True)


def picked(logits: Tensor, cost: Callable[[Tensor], Tensor]) -> Tensor:
    """Mean of a cost of the probability of each row's label."""
    return torch.stack(
        [cost(row[y]) for row, y in zip(p_of(logits), OBSERVED[ROWS], strict=True)]
    ).mean()


BY_HAND: dict[str, tuple[Any, Callable[[Tensor], Tensor]]] = {
    "cross_entropy": ("cross_entropy", lambda z: picked(z, lambda p: -p.log())),
    "gce": ("gce", lambda z: picked(z, lambda p: (1 - p**0.7) / 0.7)),
    "gce, q": ({"gce": {"q": 0.3}}, lambda z: picked(z, lambda p: (1 - p**0.3) / 0.3)),
    "sce": ("sce", lambda z: picked(z, lambda p: -0.1 * p.log() + 4 * (1 - p))),
    "sce, all": (
        {"sce": {"alpha": 6.0, "beta": 0.1, "A": -6}},
        lambda z: picked(z, lambda p: -6 * p.log() + 0.1 * 6 * (1 - p)),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_value_and_gradient_are_those_of_the_formula(name: str) -> None:
    chosen, by_hand = BY_HAND[name]
    ours, theirs = LOGITS.clone().requires_grad_(), LOGITS.clone().requires_grad_()
    loss = make_loss(chosen, OBSERVED, K)(ours, OBSERVED[ROWS], ROWS)
    expected = by_hand(theirs)
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["cross_entropy", "gce", "sce"])
def test_shares_of_two_labels_cost_the_shares_of_what_each_costs(name: str) -> None:
    loss = make_loss(name, OBSERVED, K)
    a, b = OBSERVED[ROWS], torch.tensor([3, 2, 1])
    shares = 0.3 * torch.eye(K)[a] + 0.7 * torch.eye(K)[b]
    expected = 0.3 * loss(LOGITS, a, ROWS) + 0.7 * loss(LOGITS, b, ROWS)
    assert loss(LOGITS, shares, ROWS).item() == pytest.approx(expected.item(), rel=1e-5)


def test_between_cross_entropy_and_absolute_error() -> None:
    near_zero = make_loss({"gce": {"q": 1e-4}}, OBSERVED, K)(LOGITS, OBSERVED[ROWS], ROWS)
    cross_entropy = make_loss("cross_entropy", OBSERVED, K)(LOGITS, OBSERVED[ROWS], ROWS)
    assert near_zero.item() == pytest.approx(cross_entropy.item(), rel=1e-3)
    one = make_loss({"gce": {"q": 1}}, OBSERVED, K)(LOGITS, OBSERVED[ROWS], ROWS)
    assert one.item() == pytest.approx(picked(LOGITS, lambda p: 1 - p).item(), rel=1e-5)


@pytest.mark.parametrize("name", names("latentgen.networks.losses"))
def test_a_label_that_seems_impossible_has_a_finite_gradient(name: str) -> None:
    logits = torch.tensor([[0.0, 300.0]], requires_grad=True)
    label = torch.tensor([0])
    make_loss(name, label, 2)(logits, label, label).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_early_learning_regularisation_over_two_epochs() -> None:
    loss = make_loss("elr", OBSERVED, K)
    targets = np.zeros((N, K))
    for logits in (LOGITS, LOGITS.flip(0)):
        p = p_of(logits).numpy().clip(1e-4, 1 - 1e-4)
        rows, labels = ROWS.numpy(), OBSERVED[ROWS].numpy()
        targets[rows] = 0.7 * targets[rows] + 0.3 * p / p.sum(1, keepdims=True)
        inner = (targets[rows] * p).sum(1)
        expected = -np.log(p_of(logits).numpy()[range(3), labels]).mean()
        expected += 3 * np.log(1 - inner).mean()
        assert loss(logits, OBSERVED[ROWS], ROWS).item() == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(loss.state_dict()["targets"], targets, rtol=1e-5)
    assert not targets[[1, 2, 5]].any()


def test_the_gradient_of_early_learning_regularisation_takes_targets_for_constants() -> None:
    logits = LOGITS.clone().requires_grad_()
    make_loss("elr", OBSERVED, K)(logits, OBSERVED[ROWS], ROWS).backward()
    plain = LOGITS.clone().requires_grad_()
    targets = (0.3 * p_of(LOGITS)).detach()
    regulariser = (1 - (targets * p_of(plain)).sum(1)).log().mean()
    (picked(plain, lambda p: -p.log()) + 3 * regulariser).backward()
    torch.testing.assert_close(logits.grad, plain.grad, rtol=1e-3, atol=1e-5)


def test_class_weights_and_label_smoothing() -> None:
    balanced = {"cross_entropy": {"class_weights": "balanced", "label_smoothing": 0.1}}
    loss = make_loss(balanced, OBSERVED, 3)
    weights = compute_class_weight("balanced", classes=np.arange(3), y=OBSERVED.numpy())
    np.testing.assert_allclose(loss.weight, weights, rtol=1e-6)
    log_p = p_of(LOGITS[:, :3]).log().numpy()
    labels = OBSERVED[ROWS].numpy()
    smooth = 0.9 * np.eye(3)[labels] + 0.1 / 3
    expected = -(smooth * weights * log_p).sum() / weights[labels].sum()
    assert loss(LOGITS[:, :3], OBSERVED[ROWS], ROWS).item() == pytest.approx(expected, rel=1e-5)
    given = make_loss({"cross_entropy": {"class_weights": [1, 2, 3]}}, OBSERVED, 3)
    assert given.weight.tolist() == [1, 2, 3]
    absent = make_loss({"cross_entropy": {"class_weights": "balanced"}}, OBSERVED, K)
    assert absent.weight[3] == 0
    assert math.isfinite(absent(LOGITS, OBSERVED[ROWS], ROWS))


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"gce": {"q": 0}}, r"training.loss: gce: q: found 0; allowed: above 0"),
        ({"gce": {"q": "high"}}, r"training.loss: gce: "),
        ({"cross_entropy": {"class_weights": [1, 2]}}, r"class_weights: found \[1, 2\]; .* of 4"),
        ({"cross_entropy": {"class_weights": "even"}}, r"class_weights: found 'even'"),
        ("no_such.Loss", r"training.loss: no_such.Loss: no_such: found neither no_such.py"),
    ],
)
def test_what_cannot_be_a_loss_is_told_in_a_line(chosen: Any, told: str) -> None:
    with pytest.raises(PipelineError, match=told) as caught:
        make_loss(chosen, OBSERVED, K)
    assert "\n" not in str(caught.value)


def test_targets_of_mixed_images_are_refused() -> None:
    with pytest.raises(PipelineError, match=r"training\.augment: MixUp and CutMix mix images"):
        make_loss("elr", OBSERVED, K)(LOGITS, torch.eye(K)[:3], ROWS)
