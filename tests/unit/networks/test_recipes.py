"""Optimisers, schedules, augmentation, clipping and averages, against PyTorch used by hand."""

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.unit.networks.test_training import RECIPE, SHORT, make_data, make_module, normalised
from torch import nn
from torchvision.transforms import v2

from latentgen.errors import PipelineError
from latentgen.library_classes import classes
from latentgen.networks import training
from latentgen.networks.augmentation import Augmentation
from latentgen.random_streams import derive_seed

NOT_FOR_DENSE_BATCHES = {"LBFGS": "closure", "SparseAdam": "dense gradients", "Muon": "2D"}


def plain_step(module: nn.Module, optimizer: torch.optim.Optimizer, rows: torch.Tensor) -> float:
    data = make_data()
    logits = module((data.images[rows].float() / 255 - 0.5) / 0.5)
    loss = nn.functional.cross_entropy(logits, data.observed[rows])
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


@pytest.mark.parametrize("name", classes("torch.optim", "Optimizer"))
def test_every_optimiser_trains_as_pytorchs_or_says_why_not(name: str) -> None:
    recipe = replace(RECIPE, optimizer={name: {}}, learning_rate=0.001)
    module, plain = make_module("cnn"), make_module("cnn")
    if name in NOT_FOR_DENSE_BATCHES:
        with pytest.raises(PipelineError, match=r"training.optimizer: .*") as caught:
            training.Trainer(module, make_data(), recipe).epoch(1)
        assert NOT_FOR_DENSE_BATCHES[name] in str(caught.value)
        return
    trainer = training.Trainer(module, make_data(), recipe)
    trainer.epoch(1)
    optimizer = getattr(torch.optim, name)(plain.parameters(), lr=0.001)
    for rows in training.batch_order(50, recipe, 1):
        plain_step(plain, optimizer, rows)
        optimizer.step()
    for ours, theirs in zip(module.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_arguments_of_an_optimiser_reach_it() -> None:
    chosen = {"AdamW": {"weight_decay": 0.25, "betas": [0.5, 0.75]}}
    trainer = training.Trainer(make_module(), make_data(), replace(RECIPE, optimizer=chosen))
    (group,) = trainer.optimizer.param_groups
    assert (group["weight_decay"], *group["betas"], group["fused"]) == (0.25, 0.5, 0.75, True)


def test_rates_follow_the_schedule_by_epochs() -> None:
    recipe = replace(RECIPE, scheduler={"CosineAnnealingLR": {"T_max": 4}})
    trainer = training.Trainer(make_module(), make_data(), recipe)
    rates = []
    for epoch in range(1, 5):
        rates.append(trainer.optimizer.param_groups[0]["lr"])
        trainer.epoch(epoch)
    assert rates == pytest.approx([0.005 * (1 + math.cos(math.pi * t / 4)) for t in range(4)])


def test_a_plateau_of_the_training_loss_lowers_the_rate() -> None:
    recipe = replace(
        RECIPE,
        optimizer={"SGD": {}},
        learning_rate=1e-4,
        scheduler={"ReduceLROnPlateau": {"patience": 1, "factor": 0.5, "threshold": 0.5}},
    )
    trainer = training.Trainer(make_module(), make_data(), recipe)
    for epoch in range(1, 5):
        trainer.epoch(epoch)
    assert trainer.optimizer.param_groups[0]["lr"] == 0.5e-4


def test_clipping_and_the_moving_average_are_those_by_hand() -> None:
    recipe = replace(
        RECIPE, optimizer="SGD", **SHORT["SGD"], learning_rate=0.5, clip_grad_norm=0.1, ema=0.8
    )
    module = normalised()
    plain, average = copy.deepcopy(module), None
    trainer = training.Trainer(module, make_data(), recipe)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.5, momentum=0.9)
    clipped = 0
    for epoch in (1, 2):
        trainer.epoch(epoch)
        plain.train()
        for rows in training.batch_order(50, recipe, epoch):
            plain_step(plain, optimizer, rows)
            norm = math.sqrt(sum(float(p.grad.square().sum()) for p in plain.parameters()))
            for parameter in plain.parameters():
                parameter.grad *= min(1.0, 0.1 / (norm + 1e-6))
            clipped += norm > 0.1
            optimizer.step()
            state = {name: value.double() for name, value in plain.state_dict().items()}
            # The first step is where the average begins.
            average = average or state
            average = {name: 0.8 * average[name] + 0.2 * state[name] for name in state}
    assert clipped > 4
    assert trainer.network is not module
    for name, value in trainer.network.state_dict().items():
        if value.is_floating_point():
            assert average is not None
            torch.testing.assert_close(value.double(), average[name], rtol=1e-4, atol=1e-5)


def test_each_image_has_its_own_draw() -> None:
    images = torch.arange(64 * 9, dtype=torch.int64).remainder(251).to(torch.uint8)
    images = images.reshape(64, 1, 3, 3)
    torch.manual_seed(0)
    flipped = Augmentation(["RandomHorizontalFlip"]).images(images)
    mirrored = [
        torch.equal(one, other.flip(-1)) for one, other in zip(flipped, images, strict=True)
    ]
    same = [torch.equal(one, other) for one, other in zip(flipped, images, strict=True)]
    assert [a != b for a, b in zip(mirrored, same, strict=True)] == [True] * 64
    assert 16 < sum(mirrored) < 48


def test_augmented_batches_depend_on_seed_epoch_and_batch_alone() -> None:
    recipe = replace(
        RECIPE,
        augment=[{"RandomCrop": {"size": 4, "padding": 1}}, {"MixUp": {"alpha": 8}}],
        loss="cross_entropy",
    )
    trainer = training.Trainer(make_module("dropout"), make_data(), recipe)
    rows = torch.arange(8)
    first, labels = trainer._batch(rows, epoch=2, batch=3)
    torch.rand(5)
    again, _ = trainer._batch(rows, epoch=2, batch=3)
    assert torch.equal(first, again)
    for other in ({"epoch": 3, "batch": 3}, {"epoch": 2, "batch": 4}):
        assert not torch.equal(first, trainer._batch(rows, **other)[0])

    # By hand: each image cropped, scaled, then mixed with the one before it.
    data = make_data()
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(recipe.seed, 2, 3, "augment"))
        crop = v2.RandomCrop(4, padding=1)
        inputs = torch.stack([crop(image) for image in data.images[:8]])
        share = float(torch.distributions.Beta(8.0, 8.0).sample())
    inputs = (inputs.float() / 255 - 0.5) / 0.5
    shares = torch.eye(3)[data.observed[:8]]
    torch.testing.assert_close(first, share * inputs + (1 - share) * inputs.roll(1, 0))
    torch.testing.assert_close(labels, share * shares + (1 - share) * shares.roll(1, 0))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"optimizer": {"Adam": {"betas": [2, 0.9]}}}, "training.optimizer: Invalid beta"),
        ({"optimizer": "Adamm"}, "training.optimizer: found 'Adamm'; expected a class of torch"),
        ({"optimizer": "no_such.Lion"}, "training.optimizer: no_such: found neither"),
        ({"scheduler": {"StepLR": {"step_size": "x"}}}, "training.scheduler: unsupported operand"),
        (
            {"scheduler": {"OneCycleLR": {"max_lr": 1, "total_steps": 11}}},
            "training.scheduler: Tried to step 12 times",
        ),
        ({"scheduler": {"LambdaLR": {"lr_lambda": "x"}}}, "training.scheduler: LambdaLR: "),
        ({"augment": [{"RandomCrop": {"size": 3}}]}, r"gives images \(1, 3, 3\).* \(1, 4, 4\)"),
        ({"augment": [{"RandomCrop": {"size": 9}}]}, "training.augment: Required crop size"),
        ({"augment": [{"CutMix": {}}, "RandomHorizontalFlip"]}, "put them last"),
        ({"augment": ["NoSuch"]}, "training.augment: found 'NoSuch'; expected a class of torchv"),
    ],
)
def test_what_does_not_work_is_told_in_a_line_before_training(
    changes: dict[str, Any], told: str
) -> None:
    recipe = replace(RECIPE, **changes)
    with pytest.raises(PipelineError, match=told) as caught:
        module = make_module()
        training.require_trainable(module, make_data(), recipe)
        training.Trainer(module, make_data(), recipe).epoch(1)
    assert "\n" not in str(caught.value)
