"""With all labels redrawn there is nothing to learn but noise: network and probes are at chance.

The observed labels of K classes are then drawn without regard to the images, so that renaming them
at random changes nothing in distribution. For any classifier of such labels, the share of test
images that it puts into their true class is a mean of K entries of a row-stochastic matrix, one in
each row and column at random: its mean is 1 / K and its variance at most 1 / (K (K - 1)). (That
most is a classifier that is constant within each class; images of a class tend to go together.) Of
S independent draws the mean's standard deviation is at most 1 / sqrt(S K (K - 1)).
"""

from dataclasses import replace
from math import sqrt

import pytest
import torch
from sklearn.datasets import load_digits

from latentgen.data.noise import Classes, draw
from latentgen.networks import training
from latentgen.networks.activations import NetworkSource, read_split
from latentgen.networks.network import build
from latentgen.probes.make_probe import make_probe

pytestmark = pytest.mark.slow

K, DRAWS, N = 10, 12, 300
BOUND = 4 / sqrt(DRAWS * K * (K - 1))
RECIPE = training.TrainingConfig("Adam", 0.01, 30, 15, 1.0, True, 0)


def accuracies(level: float, seed: int) -> dict[str, float]:
    """Test accuracy of a network trained on digits at a corruption level, and of its probes."""
    pixels, digits = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels * 15).to(torch.uint8).reshape(-1, 1, 8, 8)
    kind = {"dataset": "digits", "kind": "uniform", "level": level, "seed": seed}
    labels = draw(digits[:N], Classes(K), **kind)
    observed, test_labels = torch.from_numpy(labels.observed), torch.from_numpy(digits[N:])
    nothing = images[:0], observed[:0]
    data = training.TrainingData(
        images[:N], observed, observed, *nothing, images[N:], test_labels, mean=0.5, std=0.5
    )
    network = build({"architecture": "mlp", "widths": [64, 32]}, (1, 8, 8), K, seed)
    recipe = replace(RECIPE, seed=seed)
    trainer = training.Trainer(network.module, data, recipe)
    for epoch in range(1, recipe.max_epochs + 1):
        trainer.epoch(epoch)
    splits = {"train": data.images, "test": data.test_images}
    source = NetworkSource(network, splits, mean=0.5, std=0.5)
    train, test = (read_split(source, split, "fc1") for split in ("train", "test"))
    probes = {
        kind: make_probe({"probe": kind}).fit(train, observed).score(test, test_labels)
        for kind in ("masc", "velpic", "nearest_class_mean")
    }
    return {"model": training.held_out_accuracies(network.module, data)["test_accuracy"], **probes}


@pytest.fixture(scope="module")
def means() -> dict[float, dict[str, float]]:
    draws = {level: [accuracies(level, seed) for seed in range(DRAWS)] for level in (0.8, 1.0)}
    return {
        level: {name: sum(run[name] for run in runs) / DRAWS for name in runs[0]}
        for level, runs in draws.items()
    }


@pytest.mark.parametrize("reader", ["model", "masc", "velpic", "nearest_class_mean"])
def test_all_labels_redrawn_give_chance_and_fewer_do_not(means, reader: str) -> None:
    assert abs(means[1.0][reader] - 1 / K) < BOUND
    assert means[0.8][reader] - 1 / K > BOUND
