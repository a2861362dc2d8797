"""What jobs ask for, against measured marks, real networks, and what arrays take."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from tests.conftest import REPOSITORY, repository_config
from torch.utils.flop_counter import FlopCounterMode

from latentgen import content, user_code
from latentgen.config import schema
from latentgen.errors import PipelineError
from latentgen.jobs.planning import code_digests, resources
from latentgen.networks.extract import read_layers
from latentgen.networks.network import build

SIZE = {"train": 60_000, "test": 10_000, "shape": [1, 28, 28], "classes": 10}
MLP = {"architecture": "mlp", "widths": [128, 2048]}
CNN = {"architecture": "cnn", "channels": [16, 32, 64], "widths": [250]}
MASC = {"probe": "masc", "explained_variance": 0.99, "n_components": None}


def measured_marks() -> list[tuple[str, int, int, int, int]]:
    """Rows of the table in benchmarks.md: job, images, pixels a side, probes, MB taken."""
    page = (REPOSITORY / "docs/reference/benchmarks.md").read_text()
    row = re.compile(r"\| ([\d,]+) of (\d+) x \d+ \| `(\w+)` \| (.*?) \| (?:at least )?([\d,]+) \|")
    return [
        (job, int(n.replace(",", "")), int(side), probes, int(taken.replace(",", "")))
        for n, side, job, probes, taken in row.findall(page)
    ]


@pytest.fixture(scope="module")
def alexnet() -> dict[str, Any]:
    """The experiment that the marks were measured of."""
    config = schema.read(repository_config())
    return schema.resolve(config)["tinyimagenet-alexnet"]


@pytest.mark.parametrize("mark", measured_marks(), ids=str)
def test_jobs_ask_for_more_than_was_measured(
    mark: tuple[str, int, int, str, int], alexnet: dict[str, Any]
) -> None:
    assert len(measured_marks()) >= 14
    rule, images, side, probes, taken = mark
    size = {"train": images, "test": 10_000, "shape": [3, side, side], "classes": 200}
    if images < 100_000:
        size["test"] = images // 10
    experiment = {**alexnet, "size": size}
    if "nearest" in probes and not probes.startswith("14"):
        kinds = [{**MASC, "explained_variance": 0.5}, {"probe": "velpic"}]
        experiment["final_probes"] = dict(enumerate([*kinds, {"probe": "nearest_class_mean"}]))
    if rule == "prepare_dataset":
        asked = resources.dataset_memory_mb(experiment)
    else:
        asked = resources.memory_mb(rule, experiment)
    assert taken < asked < 8 * taken


@pytest.mark.parametrize("model", [MLP, CNN, {"architecture": "resnet18"}], ids=str)
def test_networks_are_counted(model: dict[str, Any]) -> None:
    shape = (3, 32, 32)
    network = build(model, shape, 10, seed=0)
    module = network.module.eval()
    experiment = {"size": {**SIZE, "shape": list(shape)}, "model": model}
    found = resources.network_of(experiment)
    assert found["parameters"] == sum(weights.numel() for weights in module.parameters())
    read = read_layers(module, network.layers, torch.rand(1, *shape))
    assert found["widths"] == [values.shape[1] for values in read.values()]
    with FlopCounterMode(display=False) as counter:
        module(torch.rand(1, *shape))
    assert found["flops"] == counter.get_total_flops()
    kept = {**experiment, "epochs": "0-", "training": {"max_epochs": 49}}
    state = 50 * len(save(module.state_dict()))
    assert 0.99 * state < resources.disk_mb("train", kept) * 2**20 < 1.01 * state + 2 * 2**20
    layers = 4 * sum(found["widths"]) * 70_000 * 50
    dumped = {**kept, "activations": {"dtype": "float32"}}
    assert 0 <= resources.disk_mb("dump_activations", dumped) * 2**20 - layers < 2 * 2**20


def test_a_network_is_counted_once_and_again_if_its_code_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = (
        "from latentgen.networks.architectures.mlp import mlp\n\n"
        "def net(shape, n_classes):\n    return mlp(shape, n_classes, widths=[5])\n"
    )
    count, counted = resources._counted, []
    monkeypatch.setattr(resources, "_counted", lambda *a: counted.append(a) or count(*a))

    def parameters() -> int:
        caches = (resources._size, user_code._import, code_digests.imported)
        for cached in (*caches, code_digests._imports, content.code_digest):
            cached.cache_clear()
        return resources.size_of({"architecture": "mine.net"}, [1, 4, 4], 2)["parameters"]

    Path("mine.py").write_text(text)
    assert parameters() == parameters() == 16 * 5 + 5 + 5 * 2 + 2
    assert len(counted) == 1
    Path("mine.py").write_text(text.replace("[5]", "[6]"))
    assert parameters() == 16 * 6 + 6 + 6 * 2 + 2


def test_networks_of_other_libraries_must_fit() -> None:
    model = {"architecture": "torchvision", "name": "resnet18", "layers": ["nowhere"]}
    with pytest.raises(PipelineError, match=r"experiments\.mine\.model: .*nowhere"):
        resources.require_fitting({"mine": {"model": model, "size": SIZE}})
    resources.require_fitting({"mine": {"model": model, "size": None}})


def test_memory_grows_with_data_parameters_and_probes() -> None:
    def of(rule: str, train: int = 1000, width: int = 64, probes: Any = (), **more: Any) -> int:
        named = dict(enumerate(probes))
        experiment = {
            "size": {**SIZE, "train": train},
            "model": {"architecture": "mlp", "widths": [width]},
            "training": {"batch_size": 1},
            **dict.fromkeys(resources.PROBES_OF.values(), named),
            **more,
        }
        return resources.memory_mb(rule, experiment)

    images = 100_000 * 28 * 28 / 2**20
    assert of("train", 200_000) - of("train", 100_000) == pytest.approx(3 * images, abs=3)
    weights = 4 * (784 + 10) * 9000 / 2**20
    assert of("train", width=10_000) - of("train") == pytest.approx(5 * weights, rel=0.3)
    lda, knn = {"probe": "lda"}, {"probe": "knn"}
    assert of("fit_probes") < of("fit_probes", probes=[knn]) < of("fit_probes", probes=[knn, lda])
    assert of("train", 1437, 256) < 1500  # small jobs run side by side


def test_features_and_unknown_sizes() -> None:
    features = {"size": {"train": 60_000, "test": 10_000, "width": 784, "classes": 10}}
    assert resources.images_mb(resources.data_size(features)) == pytest.approx(
        4 * resources.images_mb(resources.data_size({"size": SIZE})), abs=4
    )
    probed = {**features, "model": {}, "final_probes": {"masc": MASC}}
    assert resources.memory_mb("fit_final_probes", probed) > 1100 + 70_000 * 784 * 4 / 2**20
    cifar = {"train": 50_000, "test": 10_000, "shape": [3, 32, 32], "classes": 10}
    assert resources.dataset_memory_mb({}) >= resources.dataset_memory_mb({"size": cifar})
    assert resources.labels_memory_mb("uniform", {"size": cifar}) == 500
    assert resources.labels_memory_mb("instance_dependent", {"size": cifar}) > 500 + 150


def test_time_grows_with_what_is_trained() -> None:
    experiment = {"size": SIZE, "model": MLP, "training": {"max_epochs": 500}}
    assert resources.runtime_minutes("train", experiment) == 20 + 500  # a minute for each epoch
    plan = {"epochs": [1, 10, 40], "total_epochs": 100, "variants": ["edited", "optimizer_reset"]}
    intervened = {**experiment, "intervention": plan}
    assert resources.runtime_minutes("intervene", intervened) == 20 + 100 * (1 + 2 * 3)
    assert resources.runtime_minutes("measure_dynamics", experiment) == 20 + 1000
