"""What is planned for jobs against real networks, real files and what arrays really take."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from latentgen.jobs.planning import resources
from latentgen.networks.extract import read_layers
from latentgen.networks.network import Network, build
from latentgen.probes.base import MomentsProbe
from latentgen.probes.make_probe import make_probe
from latentgen.probes.measuring import measured
from latentgen.probes.moments import ClassMoments

SIZE = {"train": 60_000, "test": 10_000, "shape": [1, 28, 28], "classes": 10}
MLP = {"architecture": "mlp", "widths": [128, 2048]}
CNN = {"architecture": "cnn", "channels": [16, 32, 64], "widths": [250]}
ALEXNET = {"architecture": "alexnet", "widths": [4096, 4096]}
RESNET = {"architecture": "resnet18"}
ONE = {"architecture": "mlp", "widths": [1]}
NETWORKS = [
    (MLP, [1, 28, 28]),
    (CNN, [1, 28, 28]),
    (CNN, [3, 32, 32]),
    (ALEXNET, [3, 32, 32]),
    (RESNET, [3, 32, 32]),
]
CPU = torch.device("cpu")
MASC = {"probe": "masc", "explained_variance": 0.99, "n_components": None}


def network_of(model: dict[str, Any], shape: list[int]) -> Network:
    return build(model, (shape[0], shape[1], shape[2]), 10, seed=0)


def layer_widths(network: Network, shape: list[int]) -> list[int]:
    read = read_layers(network.module.eval(), network.layers, torch.rand(1, *shape))
    return [values.shape[1] for values in read.values()]


def bytes_of(value: Any, seen: dict[int, int] | None = None) -> int:
    """Bytes of all tensors that an object holds, each once."""
    seen = {} if seen is None else seen
    if isinstance(value, torch.Tensor):
        seen[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            bytes_of(part, seen)
    elif hasattr(value, "__dict__"):
        bytes_of(vars(value), seen)
    return sum(seen.values())


@pytest.mark.parametrize(("model", "shape"), NETWORKS)
def test_parameters_widths_and_disk_are_those_of_the_network(
    model: dict[str, Any], shape: list[int]
) -> None:
    network = network_of(model, shape)
    experiment = {"size": {**SIZE, "shape": shape}, "model": model}
    found = resources.network_of(experiment)
    assert found["parameters"] == sum(weights.numel() for weights in network.module.parameters())
    assert found["widths"] == layer_widths(network, shape)
    kept = {**experiment, "epochs": "0-", "training": {"max_epochs": 49}}
    state = 50 * len(save(network.module.state_dict()))
    assert 0.99 * state < resources.disk_mb("train", kept) * 2**20 < 1.01 * state + 2 * 2**20


@pytest.mark.parametrize(("model", "shape"), NETWORKS)
def test_activations_and_operations_are_those_of_the_network(
    model: dict[str, Any], shape: list[int]
) -> None:
    module = network_of(model, shape).module.eval()
    given = []
    for part in module.modules():
        if not list(part.children()):
            part.register_forward_hook(lambda _part, _given, output: given.append(output.numel()))
    with FlopCounterMode(display=False) as counter:
        module(torch.rand(1, *shape))
    found = resources.network_of({"size": {**SIZE, "shape": shape}, "model": model})
    assert found["flops"] == counter.get_total_flops()
    # A ReLU module that is called several times is counted once.
    assert 0.7 * sum(given) <= found["activations"] <= sum(given)
    assert found["largest"] == max(*given, math.prod(shape))


@pytest.mark.parametrize(
    ("model", "shape"), [(MLP, [1, 28, 28]), (CNN, [3, 32, 32]), (RESNET, [3, 32, 32])]
)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_disk_of_activations_is_that_of_their_arrays(
    model: dict[str, Any], shape: list[int], dtype: str
) -> None:
    rows = np.zeros(sum(layer_widths(network_of(model, shape), shape)), dtype=dtype)
    experiment = {
        "size": {"train": 900, "test": 100, "shape": shape, "classes": 10},
        "model": model,
        "epochs": "0, 1, 2-/2",  # 0, 1, 2 and the last
        "training": {"max_epochs": 3},
        "activations": {"dtype": dtype},
    }
    planned = resources.disk_mb("dump_activations", experiment) * 2**20
    assert 4 * 1000 * rows.nbytes <= planned < 1.05 * 4 * 1000 * rows.nbytes + 2 * 2**20


def test_memory_of_training_holds_images_and_what_adam_keeps() -> None:
    shape = [1, 28, 28]
    module = network_of(MLP, shape).module
    optimizer = torch.optim.Adam(module.parameters())
    nn.functional.cross_entropy(module(torch.rand(2, *shape)), torch.tensor([0, 1])).backward()
    optimizer.step()
    gradients = [weights.grad for weights in module.parameters()]
    copy = {name: value.clone() for name, value in module.state_dict().items()}
    held = bytes_of([list(module.parameters()), gradients, list(optimizer.state.values()), copy])
    images = torch.empty(70_000, *shape, dtype=torch.uint8).nbytes
    experiment = {"size": SIZE, "model": MLP, "training": {"batch_size": 1}}
    planned = (resources.memory_mb("train", experiment) - resources.BASE_MB) * 2**20
    assert images + held < planned < 3 * (images + held)
    # Wider by far, so that images do not count beside the network.
    model = {"architecture": "mlp", "widths": [4096, 4096]}
    wide = {**experiment, "size": {**SIZE, "train": 1, "test": 1}, "model": model}
    weights = torch.empty(784 * 4096 + 4096 * 4096 + 4096 * 10).nbytes
    planned = (resources.memory_mb("train", wide) - resources.BASE_MB) * 2**20
    assert planned == pytest.approx(weights / bytes_of(list(module.parameters())) * held, rel=0.05)


def test_twice_the_images_take_twice_the_memory() -> None:
    def images(n: int) -> int:
        experiment = {
            "size": {**SIZE, "train": n, "test": 0},
            "model": ONE,
            "training": {"batch_size": 1},
        }
        return resources.memory_mb("train", experiment) - resources.BASE_MB

    assert images(200_000) == pytest.approx(2 * images(100_000), abs=3)
    more = [resources.dataset_memory_mb({"size": {**SIZE, "train": n}}) for n in (10**5, 2 * 10**5)]
    as_floats = torch.empty(0, dtype=torch.float32).element_size() * 10**5 * 28 * 28
    assert (more[1] - more[0]) * 2**20 == pytest.approx(as_floats, rel=0.02)


def test_a_dataset_of_unknown_size_is_taken_for_a_large_one() -> None:
    cifar = {"train": 50_000, "test": 10_000, "shape": [3, 32, 32], "classes": 10}
    assert resources.dataset_memory_mb({}) >= resources.dataset_memory_mb({"size": cifar})
    unknown = {"size": None, "model": MLP, "training": {"batch_size": 1}}
    known = {**unknown, "size": cifar}
    assert resources.memory_mb("train", unknown) >= resources.memory_mb("train", known)


@pytest.mark.parametrize(("model", "shape"), NETWORKS)
def test_held_activations_are_all_layers_up_to_a_bound(
    model: dict[str, Any], shape: list[int]
) -> None:
    row = torch.empty(sum(layer_widths(network_of(model, shape), shape)) + math.prod(shape)).nbytes
    few = {**SIZE, "shape": shape, "train": 250, "test": 50}
    widths = layer_widths(network_of(model, shape), shape)
    held = resources.held_mb(few, widths) * 2**20
    assert held <= 300 * row < held + 2**20
    many = {**few, "train": 10**7}
    assert resources.held_mb(many, widths) == 2048


def probing_mb(n: int, width: int, probes: dict[str, Any], classes: int = 4) -> int:
    size = {"train": n, "test": 0, "shape": [1, 4, 4], "classes": classes}
    experiment = {
        "size": size,
        "model": {"architecture": "mlp", "widths": [width]},
        "probes": probes,
    }
    return resources.probing_mb("fit_probes", experiment)


def fitted(settings: dict[str, Any], X: torch.Tensor, y: torch.Tensor) -> Any:
    """A probe and what it was made of, as a job has them at once."""
    probe = make_probe(settings)
    if not isinstance(probe, MomentsProbe):
        rows = X.clone()
        return probe.fit(rows, y), rows
    moments = ClassMoments(int(y.max()) + 1, X.shape[1])
    for rows, labels in zip(X.split(500), y.split(500), strict=True):
        moments.update(rows, labels)
    return probe.fit_moments(moments), moments


@pytest.mark.parametrize(
    "settings",
    [
        MASC,
        {**MASC, "explained_variance": 0.5},
        {**MASC, "n_components": 2},
        {"probe": "velpic"},
        {"probe": "lda"},
        {"probe": "qda"},
        {"probe": "knn"},
        {"probe": "logistic_regression", "solver": "lbfgs"},
    ],
)
@pytest.mark.parametrize(("n", "width"), [(2000, 1024), (8000, 512)])
def test_probes_take_no_more_than_is_planned_and_not_much_less(
    settings: dict[str, Any], n: int, width: int
) -> None:
    X, y = torch.rand(n, width, generator=torch.Generator().manual_seed(0)), torch.arange(n) % 4
    fitted(settings, X[:, :64], y)  # what is loaded at the first use is loaded now
    made, cost = measured(CPU, fitted, settings, X, y)
    planned = probing_mb(n, width, {"probe": settings}) * 2**20
    assert bytes_of(made) < planned
    if math.isfinite(cost.peak):
        # Beside these arrays the system takes a few MB, of which a job's base has plenty.
        assert cost.peak - 32 * 2**20 < planned < 4 * cost.peak


def test_rows_and_components_of_many_small_classes_are_planned_closely() -> None:
    X, y = torch.rand(4000, 1024), torch.arange(4000) % 200
    for settings in (MASC, {**MASC, "n_components": 1}, {"probe": "velpic"}):
        held = bytes_of(fitted(settings, X, y))
        planned = (probing_mb(4000, 1024, {"probe": settings}, classes=200) + 1) * 2**20
        assert 0.95 * held < planned < 1.2 * held  # sums of classes, and others as small, aside


def test_moments_stop_growing_and_the_plan_with_them() -> None:
    X, y = torch.rand(16_384, 256), torch.arange(16_384) % 4
    kept = [bytes_of(fitted(MASC, X[:n], y[:n])[1]) for n in (4096, 8192, 16_384)]
    assert max(kept) < X.nbytes / 4
    assert max(kept) < probing_mb(10**5, 256, {}) * 2**20 < 3 * max(kept)
    assert probing_mb(10**5, 256, {}) == probing_mb(10**6, 256, {}) < probing_mb(10**6, 512, {})
    # As long as there are few rows, each is kept.
    assert probing_mb(4000, 4096, {}) - probing_mb(2000, 4096, {}) > 2000 * 4096 * 4 / 2**20


def test_every_probe_adds_to_the_plan_and_each_rule_has_its_own_list() -> None:
    none, one = probing_mb(2000, 1024, {}), probing_mb(2000, 1024, {"one": {"probe": "lda"}})
    many = {name: {"probe": name} for name in ("lda", "qda", "knn")}
    assert none < one < probing_mb(2000, 1024, many)
    knn = {"probe": "knn"}  # the layer's rows are there once, and each probe has them anew
    by_number = [probing_mb(2000, 1024, {str(i): knn for i in range(n)}) for n in (0, 1, 2, 3)]
    rows = torch.empty(2000, 1024).nbytes / 2**20
    assert np.diff(by_number) == pytest.approx([2 * rows, rows, rows], abs=1)
    of_repair = {"size": SIZE, "model": MLP, "probes": {}, "repair_probes": many}
    of_fitting = {**of_repair, "probes": many, "repair_probes": {}}
    in_repair = resources.probing_mb("repair_model", of_repair)
    assert in_repair == resources.probing_mb("fit_probes", of_fitting)
    assert in_repair > resources.probing_mb("fit_probes", of_repair)


def test_the_input_counts_where_it_is_probed() -> None:
    size = {"train": 1000, "test": 100, "shape": [3, 64, 64], "classes": 10}
    experiment = {"size": size, "model": MLP, "probes": {}}
    images = torch.empty(1000, 3, 64, 64).nbytes
    assert resources.probing_mb("fit_probes", experiment) * 2**20 > images
    small = {**experiment, "size": {**size, "shape": [3, 8, 8]}}
    for rule, more in (("fit_probes", True), ("transfer_weights", False)):
        found = resources.probing_mb(rule, experiment) > resources.probing_mb(rule, small)
        assert found is more


def test_quick_jobs_stay_small() -> None:
    small = {"train": 1437, "test": 360, "shape": [1, 8, 8], "classes": 10}
    model = {"architecture": "mlp", "widths": [256]}
    quick = {"size": small, "model": model, "probes": {"masc": MASC}}
    quick["training"] = {"batch_size": 500}
    for rule in ("train", "dump_activations", "fit_probes", "transfer_weights"):
        assert resources.memory_mb(rule, quick) <= 1500


def test_time_of_training_grows_with_epochs_and_images() -> None:
    experiment = {"size": SIZE, "model": MLP, "training": {"max_epochs": 500}}
    assert resources.runtime_minutes("train", experiment) == 20 + 500  # a minute for each epoch


def test_time_of_interventions_grows_with_all_that_is_trained() -> None:
    plan = {"epochs": [1, 10, 40], "total_epochs": 100, "variants": ["edited", "optimizer_reset"]}
    experiment = {"size": SIZE, "model": MLP, "intervention": plan}
    assert resources.runtime_minutes("intervene", experiment) == 20 + 100 * (1 + 2 * 3)


def test_time_for_many_passes() -> None:
    experiment = {"size": SIZE, "model": MLP, "training": {"max_epochs": 500}}
    assert resources.runtime_minutes("measure_dynamics", experiment) == 20 + 1000


def test_features_are_planned_at_four_bytes_a_number_and_without_a_network() -> None:
    size = {"train": 60_000, "test": 10_000, "width": 784, "classes": 10}
    pixels, numbers = resources.data_size({"size": SIZE}), resources.data_size({"size": size})
    assert abs(resources.images_mb(numbers) - 4 * resources.images_mb(pixels)) <= 4
    plain = {"size": size, "model": {}, "final_probes": {"masc": MASC}}
    wide = {**plain, "size": {**size, "width": 4 * 784}}
    for rule in ("fit_final_probes", "find_label_issues"):
        assert resources.memory_mb(rule, plain) < resources.memory_mb(rule, wide)
    held = 70_000 * 784 * 4 / 2**20
    assert resources.memory_mb("fit_final_probes", plain) > resources.BASE_MB + held
    assert resources.network_of(plain)["parameters"] == 0


def test_noise_that_depends_on_samples_has_memory_for_them() -> None:
    dataset = {"size": {**SIZE, "shape": [3, 32, 32]}}
    images = 70_000 * 3 * 32 * 32 / 2**20
    assert resources.labels_memory_mb("uniform", dataset) == 500
    for kind in ("instance_dependent", "mine.noise"):
        assert resources.labels_memory_mb(kind, dataset) > 500 + images
