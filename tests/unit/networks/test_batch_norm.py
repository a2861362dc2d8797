"""Batch normalisation of the untrained network against means and variances by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.unit.toy import TRAINING, make_dataset, make_labels, make_run
from torch import nn

from latentgen.names import INPUT
from latentgen.networks import checkpoints, training
from latentgen.networks.batch_norm import calibrate, with_image_statistics
from latentgen.networks.extract import predict_logits
from latentgen.networks.network import Network, build
from latentgen.networks.run import Run
from latentgen.networks.run_sources import source_of, sources_over_epochs

RESNET = {"architecture": "resnet18"}


def test_running_statistics_become_those_of_all_inputs() -> None:
    """Two layers; the second normalises what the first, normalised itself, passes on."""
    generator = torch.Generator().manual_seed(0)
    rows = 3 + 2 * torch.randn(40, 5, generator=generator)
    module = nn.Sequential(
        nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 4), nn.BatchNorm1d(4, momentum=0.3)
    )
    random = torch.get_rng_state()
    module[1].train()
    calibrate(module, [rows])
    assert torch.equal(torch.get_rng_state(), random)  # dropout draws nothing
    torch.testing.assert_close(module[0].running_mean, rows.mean(0))
    torch.testing.assert_close(module[0].running_var, rows.var(0))
    normalised = (rows - rows.mean(0)) / (rows.var(0, correction=0) + 1e-5).sqrt()
    hidden = module[2](normalised).detach()
    torch.testing.assert_close(module[3].running_mean, hidden.mean(0))
    torch.testing.assert_close(module[3].running_var, hidden.var(0))
    assert [module[0].momentum, module[3].momentum] == [0.1, 0.3]
    assert all(part.training for part in module.modules())

    halves = [rows[:20], rows[20:]]
    calibrate(module, halves)  # statistics of an earlier calibration count no more
    torch.testing.assert_close(module[0].running_mean, rows.mean(0))
    variance = (halves[0].var(0) + halves[1].var(0)) / 2
    torch.testing.assert_close(module[0].running_var, variance)


def test_a_network_without_batch_normalisation_is_not_run() -> None:
    module = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4, track_running_stats=False))
    before = {name: weights.clone() for name, weights in module.state_dict().items()}
    calibrate(module, iter(lambda: pytest.fail("was run"), None))
    assert all(torch.equal(before[name], now) for name, now in module.state_dict().items())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with batch normalisation, and the checkpoints of two epochs."""
    dataset = make_dataset()
    toy = make_run(tmp_path, dataset, make_labels(dataset.train_labels), validation=0.25)
    run = replace(toy, model=RESNET)
    module = run.network().module
    for epoch in (0, 1):
        path = checkpoints.checkpoint_path(tmp_path / "checkpoints", epoch)
        checkpoints.save(module.state_dict(), path)
    return run


def first_norm(network: Network) -> nn.BatchNorm2d:
    return network.module.bn1


def test_epoch_0_is_read_with_the_statistics_of_the_fitted_training_images(
    run: Run, tmp_path: Path
) -> None:
    folder, cpu = str(tmp_path / "checkpoints"), torch.device("cpu")
    untrained = run.untrained_network(folder, cpu)
    images = run.images["train"][torch.from_numpy(run.labels.fitted)]
    with torch.no_grad():
        maps = untrained.module.conv1((images / 255 - 0.5) / 0.5)
    assert len(images) < 250  # one batch
    norm = first_norm(untrained)
    torch.testing.assert_close(norm.running_mean, maps.mean((0, 2, 3)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(norm.running_var, maps.var((0, 2, 3)), atol=1e-5, rtol=1e-4)
    trained = run.trained_network(folder, cpu)  # of epoch 1: as stored
    assert first_norm(trained).running_mean.eq(0).all()
    as_stored = replace(run, untrained_batch_norm="as_initialised")
    assert first_norm(as_stored.untrained_network(folder, cpu)).running_var.eq(1).all()

    # Row 0 of the history is about the same network.
    data, history = run.training_data(), tmp_path / "history.csv"
    training.train_run(
        run.network().module,
        data,
        run.training_config({**TRAINING, "max_epochs": 0}),
        schedule="0",
        checkpoint_folder=tmp_path / "trained",
        history_file=history,
        fingerprint="",
        calibrate_untrained=run.calibrate_untrained,
    )
    logits = predict_logits(untrained.module, data.test_images, data.mean, data.std)
    accuracy = logits.argmax(1).eq(data.test_labels).float().mean().item()
    assert pd.read_csv(history)["test_accuracy"].tolist() == pytest.approx([accuracy])
    stored = run.network()
    checkpoints.load_epoch(stored, tmp_path / "trained", 0)
    assert first_norm(stored).running_mean.eq(0).all()

    # All that reads epoch 0 reads it so.
    _, at_start = next(sources_over_epochs(run, folder, cpu))
    layers = [layer for layer in at_start.widths if layer != INPUT]
    expected = source_of(run, untrained)
    for one, other in zip(
        at_start.batches("test", layers), expected.batches("test", layers), strict=True
    ):
        assert all(torch.equal(one[layer], other[layer]) for layer in layers)


def test_the_initialisation_is_the_same_at_all_levels_and_differs_between_seeds(run: Run) -> None:
    def weights(run: Run) -> np.ndarray:
        return run.network().module.conv1.weight.detach().numpy()

    assert np.array_equal(weights(run), weights(replace(run, noise="uniform-0.8")))
    assert not np.array_equal(weights(run), weights(replace(run, seed=2)))
    assert not np.array_equal(weights(run), weights(replace(run, experiment="other")))
    shared = {"streams": {"initialisation": 1}}
    assert np.array_equal(weights(run), weights(replace(run, seed=2, **shared)))
    for purpose in ("batches", "random vectors"):
        assert run.seed_for(purpose) != replace(run, noise="uniform-0.8").seed_for(purpose)


def test_image_statistics_are_train_mode_on_one_image_at_a_time() -> None:
    network = build(RESNET, (3, 32, 32), 10, seed=0)
    with torch.no_grad():  # statistics and scales that differ from their initial values
        for part in network.module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.weight.uniform_(0.5, 1.5)
                part.bias.uniform_(-1, 1)
                part.running_mean.uniform_(-1, 1)
    images = torch.rand(3, 3, 32, 32)
    contrast = with_image_statistics(network)
    together = contrast.module.eval()(images)
    in_eval_mode = network.module.eval()(images)
    one_by_one = torch.cat([network.module.train()(image[None]) for image in images])
    assert torch.allclose(together, one_by_one, atol=1e-4)
    assert not torch.allclose(together, in_eval_mode, atol=0.1)
