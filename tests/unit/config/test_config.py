"""What config.yaml may hold, what is said of mistakes, and what the rules get to see."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_markdown
import pandas as pd
import pytest
import yaml
from tests.conftest import REPOSITORY, TINY, repository_config

from latentgen.config.schema import dataset_settings, methods_of, read, resolve, schema
from latentgen.errors import PipelineError

Config = dict[str, Any]
Edit = Callable[[Config], object]


def tiny(config: Config) -> Config:
    """The experiment of the tiny configuration."""
    experiment: Config = config["experiments"]["tiny"]
    return experiment


def with_dataset(**entry: Any) -> Edit:
    """An edit that replaces the dataset's entry."""
    return lambda config: config["datasets"].update(digits=entry)


def with_name(section: str, name: str) -> Edit:
    """An edit that adds an entry under a name."""
    return lambda config: config[section].update({name: next(iter(config[section].values()))})


def drop(block: Callable[[Config], Config], key: str) -> Edit:
    """An edit that leaves a key out."""
    return lambda config: block(config).pop(key)


RESNET = {"architecture": "torchvision", "name": "resnet18"}

# What is wrong, and what the one line must hold: the key, what was found, what is allowed.
WRONG: dict[str, tuple[Edit, list[str]]] = {
    "intervention after the end": (
        lambda c: tiny(c).update(intervention={"epochs": [5, 9], "total_epochs": 9}),
        ["experiments.tiny.intervention", "found epoch 9", "before the last one"],
    ),
    "misspelt optimiser": (
        lambda c: tiny(c)["training"].update(optimizer="AdamWW"),
        ["experiments.tiny.training.optimizer", "'AdamWW'", "did you mean 'AdamW'?", "RMSprop"],
    ),
    "misspelt argument of an optimiser": (
        lambda c: tiny(c)["training"].update(optimizer={"AdamW": {"weigth_decay": 0.1}}),
        ["training.optimizer.AdamW:", "argument 'weigth_decay'", "did you mean 'weight_decay'?"],
    ),
    "an optimiser's rate that is not its to give": (
        lambda c: tiny(c)["training"].update(optimizer={"AdamW": {"lr": 0.1}}),
        ["training.optimizer.AdamW:", "argument 'lr'", "allowed: betas, eps, weight_decay"],
    ),
    "an optimiser without its arguments": (
        lambda c: tiny(c)["training"].update(optimizer={"AdamW": None}),
        ["training.optimizer", "{'AdamW': None}", "allowed: a name, or a name with its arguments"],
    ),
    "momentum of an optimiser that has none": (
        lambda c: tiny(c)["training"].update(momentum=0.9),
        ["experiments.tiny.training", "momentum", "optimizer Adam, which takes none"],
    ),
    "momentum twice": (
        lambda c: tiny(c)["training"].update(optimizer={"SGD": {"momentum": 0.5}}, momentum=0.9),
        ["experiments.tiny.training", "momentum twice"],
    ),
    "misspelt scheduler": (
        lambda c: tiny(c)["training"].update(scheduler={"CosineAnealingLR": {"T_max": 3}}),
        ["training.scheduler", "'CosineAnealingLR'", "did you mean 'CosineAnnealingLR'?"],
    ),
    "scheduler without what it needs": (
        lambda c: tiny(c)["training"].update(scheduler="CosineAnnealingLR"),
        ["training.scheduler", "found CosineAnnealingLR without T_max", "{T_max: ...}"],
    ),
    "misspelt argument of a scheduler within another": (
        lambda c: tiny(c)["training"].update(
            scheduler={
                "SequentialLR": {"schedulers": [{"LinearLR": {"iters": 2}}], "milestones": []}
            }
        ),
        [
            "training.scheduler.SequentialLR.schedulers[0].LinearLR:",
            "argument 'iters'",
            "total_iters",
        ],
    ),
    "misspelt transform": (
        lambda c: tiny(c)["training"].update(augment=["RandomHorizontalFlips"]),
        ["training.augment[0]", "did you mean 'RandomHorizontalFlip'?", "RandomCrop"],
    ),
    "misspelt argument of a transform": (
        lambda c: tiny(c)["training"].update(augment=[{"RandomCrop": {"sise": 8}}]),
        ["training.augment[0].RandomCrop:", "argument 'sise'", "did you mean 'size'?"],
    ),
    "misspelt loss": (
        lambda c: tiny(c)["training"].update(loss="gcee"),
        ["training.loss", "'gcee'", "did you mean 'gce'?", "cross_entropy, elr, gce, sce"],
    ),
    "misspelt argument of a loss": (
        lambda c: tiny(c)["training"].update(loss={"cross_entropy": {"label_smooting": 0.1}}),
        ["training.loss.cross_entropy:", "argument 'label_smooting'", "'label_smoothing'?"],
    ),
    "average that never moves": (
        lambda c: tiny(c)["training"].update(ema=1),
        ["training.ema", "found 1", "less than 1"],
    ),
    "misspelt key of a method": (
        lambda c: tiny(c).update(methods={"plain": {}, "gce": {"los": "gce"}}),
        ["experiments.tiny.methods.gce", "key 'los'", "did you mean 'loss'?"],
    ),
    "misspelt value of a method": (
        lambda c: tiny(c).update(methods={"gce": {"loss": "gcee"}}),
        ["experiments.tiny.methods.gce.loss", "'gcee'", "did you mean 'gce'?"],
    ),
    "a method's argument that its optimiser does not take": (
        lambda c: tiny(c).update(methods={"sgd": {"momentum": 0.9}}),
        ["experiments.tiny.methods.sgd", "optimizer Adam, which takes none"],
    ),
    "a method with the name of another experiment": (
        lambda c: (
            tiny(c).update(methods={"b": {}}),
            c["experiments"].update({"tiny-b": {**tiny(c), "methods": {}}}),
        ),
        ["experiments.tiny.methods.b", "'tiny-b', which is another experiment"],
    ),
    "a method that is no block": (
        lambda c: tiny(c).update(methods={"gce": "gce"}),
        ["experiments.tiny.methods.gce", "'gce'", "a block of keys and values"],
    ),
    "unknown variant": (
        lambda c: tiny(c).update(intervention={"variants": ["editted"]}),
        ["experiments.tiny.intervention.variants[0]", "'editted'", "'edited'"],
    ),
    "repair by a probe that cannot be a layer": (
        lambda c: tiny(c).update(repair_probes=["velpic", "knn"]),
        ["experiments.tiny.repair_probes", "'knn'", "allowed kinds: velpic"],
    ),
    "all units dropped": (
        lambda c: c["models"]["tiny"].update(dropout=1),
        ["models.tiny.dropout", "found 1", "less than 1"],
    ),
    "weights that are not there": (
        lambda c: c["models"].update(tiny={**RESNET, "weights": "no/such.pt"}),
        ["models.tiny.weights", "found 'no/such.pt', which does not exist"],
    ),
    "a library's argument that is ours": (
        lambda c: c["models"].update(tiny={**RESNET, "arguments": {"num_classes": 5}}),
        ["models.tiny.arguments", "found 'num_classes'", "the number of classes is the dataset's"],
    ),
    "a way to pool that is not known": (
        lambda c: c["models"].update(tiny={**RESNET, "pool": "meen"}),
        ["models.tiny.pool", "'meen'", "did you mean 'mean'", "'flatten'"],
    ),
    "a layer twice": (
        lambda c: c["models"].update(tiny={**RESNET, "layers": ["layer1", "layer1"]}),
        ["models.tiny.layers", "found layer1 more than once"],
    ),
    "beside nothing": (
        lambda c: tiny(c).update(beside="tinny"),
        ["experiments.tiny.beside", "'tinny'", "did you mean 'tiny'"],
    ),
    "unknown key": (
        lambda c: c.update(figurs={}),
        ["key 'figurs'", "did you mean 'figures'", "allowed: suite, include, data_root"],
    ),
    "unknown key in a block": (
        lambda c: tiny(c)["training"].update(learning_rat=1),
        ["experiments.tiny.training", "'learning_rat'", "did you mean 'learning_rate'", "momentum"],
    ),
    "misspelt suite": (
        lambda c: c.update(suite="tin"),
        ["suite", "'tin'", "did you mean 'tiny'", "allowed: tiny"],
    ),
    "misspelt experiment in a suite": (
        lambda c: c["suites"].update(tiny=["tinny"]),
        ["suites.tiny", "'tinny'", "did you mean 'tiny'", "allowed: tiny"],
    ),
    "misspelt dataset": (
        lambda c: tiny(c).update(dataset="digit"),
        ["experiments.tiny.dataset", "'digit'", "did you mean 'digits'", "allowed: digits"],
    ),
    "misspelt model": (
        lambda c: tiny(c).update(model="tinny"),
        ["experiments.tiny.model", "'tinny'", "did you mean 'tiny'", "allowed: tiny"],
    ),
    "misspelt probe": (
        lambda c: tiny(c).update(probes=["masq"]),
        ["experiments.tiny.probes", "'masq'", "did you mean 'masc'", "allowed: masc, velpic"],
    ),
    "misspelt probe of the dynamics": (
        lambda c: tiny(c).update(dynamics_probes=["logistic_regresion"]),
        ["experiments.tiny.dynamics_probes", "'logistic_regresion'", "did you mean"],
    ),
    "unknown source": (
        with_dataset(source="torchvisoin", name="MNIST"),
        ["datasets.digits.source", "'torchvisoin'", "allowed:", "'torchvision'"],
    ),
    "no source": (with_dataset(name="MNIST"), ["datasets.digits.source", "nothing"]),
    "misspelt dataset of torchvision": (
        with_dataset(source="torchvision", name="KMNITS"),
        ["datasets.digits.name", "'KMNITS'", "did you mean 'KMNIST'", "allowed: CIFAR10, "],
    ),
    "misspelt split of torchvision": (
        with_dataset(source="torchvision", name="SVHN", test="tset"),
        ["datasets.digits.test", "'tset'", "did you mean 'test'", "allowed: train, test, extra"],
    ),
    "a model beside features": (
        with_dataset(source="features", path="mine.npz"),
        [
            "experiments.tiny.model",
            "found it next to a dataset of features",
            "allowed: dataset, noise",
        ],
    ),
    "no model": (lambda c: tiny(c).pop("model"), ["experiments.tiny.model", "found nothing"]),
    "no training": (lambda c: tiny(c).pop("training"), ["experiments.tiny.training", "nothing"]),
    "scaling of as many channels": (
        with_dataset(source="npz", path="a", normalise={"mean": [0.1, 0.2, 0.3], "std": [1, 1]}),
        ["datasets.digits.normalise", "expected as many of both"],
    ),
    "scaling of other channels": (
        with_dataset(
            source="npz",
            path="a",
            normalise={"mean": [0.1, 0.2, 0.3]},
            size={"train": 9, "test": 9, "shape": [1, 8, 8], "classes": 3},
        ),
        ["datasets.digits", "found numbers for 3 channels; expected 1"],
    ),
    "a table without its folder": (
        with_dataset(source="csv", path="config.yaml", folder="nowhere"),
        ["datasets.digits.", "does not exist"],
    ),
    "a tail longer than all": (
        with_dataset(source="npz", path="a", subset={"imbalance": 2}),
        ["datasets.digits.subset.imbalance", "found 2", "less than or equal to 1"],
    ),
    "unknown architecture": (
        lambda c: c["models"]["tiny"].update(architecture="mpl"),
        ["models.tiny.architecture", "'mpl'", "allowed:", "'mlp'"],
    ),
    "unknown noise kind": (
        lambda c: tiny(c)["noise"].update(kind="unifrom"),
        ["experiments.tiny.noise.kind", "'unifrom'", "allowed: cifar10_asymmetric, "],
    ),
    "a level of unknown noise": (
        lambda c: tiny(c)["noise"].update(kind="unknown", levels=[0.4]),
        ["experiments.tiny.noise", "key 'levels'", "allowed: kind"],
    ),
    "corruption above 1": (
        lambda c: tiny(c)["noise"].update(levels=[0, 1.4]),
        ["experiments.tiny.noise.levels[1]", "1.4", "allowed: less than or equal to 1"],
    ),
    "corruption below 0": (
        lambda c: tiny(c)["noise"].update(levels=[-0.1]),
        ["experiments.tiny.noise.levels[0]", "-0.1", "allowed: greater than or equal to 0"],
    ),
    "no level": (
        lambda c: tiny(c)["noise"].update(levels=[]),
        ["experiments.tiny.noise.levels", "found []", "at least 1 item"],
    ),
    "duplicate levels": (
        lambda c: tiny(c)["noise"].update(levels=[0.4, 0, 0.4]),
        ["experiments.tiny.noise.levels", "found 0.4 more than once", "allowed: once each"],
    ),
    "levels that get the same name": (
        lambda c: tiny(c)["noise"].update(levels=[0.4, 0.4000000001]),
        ["experiments.tiny.noise.levels", "found 0.4 more than once", "allowed: once each"],
    ),
    "no seed": (
        lambda c: tiny(c).update(seeds=[]),
        ["experiments.tiny.seeds", "found []", "at least 1 item"],
    ),
    "duplicate seeds": (
        lambda c: tiny(c).update(seeds=[1, 2, 1]),
        ["experiments.tiny.seeds", "found 1 more than once", "allowed: once each"],
    ),
    "duplicate probes": (
        lambda c: tiny(c).update(probes=["masc", "masc"]),
        ["experiments.tiny.probes", "found masc more than once", "allowed: once each"],
    ),
    "experiment twice in a suite": (
        lambda c: c["suites"].update(tiny=["tiny", "tiny"]),
        ["suites.tiny", "tiny more than once", "allowed: once each"],
    ),
    "absent image folder": (
        with_dataset(source="image_folder", path="no/such/folder", image_size=8),
        ["datasets.digits.path", "'no/such/folder'", "does not exist", "allowed: an existing"],
    ),
    "absent npz file": (
        with_dataset(source="npz", path="no-such.npz"),
        ["datasets.digits.path", "'no-such.npz'", "does not exist", "allowed: an existing"],
    ),
    "download without a checksum": (
        with_dataset(source="image_folder", path="a.zip", image_size=8, url="http://x.org/a.zip"),
        ["datasets.digits", "url", "md5"],
    ),
    "name with a slash": (
        with_name("models", "a/b"),
        ["models.a/b", "'a/b'", "allowed: letters, digits, - and _"],
    ),
    "name with a space": (
        with_name("datasets", "a b"),
        ["datasets.a b", "'a b'", "allowed: letters, digits, - and _"],
    ),
    "name that leaves its folder": (
        with_name("experiments", ".."),
        ["experiments...", "'..'", "allowed: letters, digits, - and _"],
    ),
    "word instead of a number": (
        lambda c: tiny(c)["training"].update(learning_rate="fast"),
        ["experiments.tiny.training.learning_rate", "'fast'", "allowed: a number"],
    ),
    "quoted number instead of a list": (
        lambda c: tiny(c).update(seeds="1"),
        ["experiments.tiny.seeds", "found '1'", "allowed: a list, as in [1, 2]"],
    ),
    "number instead of text": (
        lambda c: tiny(c).update(epochs=5),
        ["experiments.tiny.epochs", "found 5", "allowed: text"],
    ),
    "nothing instead of a block": (
        lambda c: tiny(c).update(intervention=None),
        ["experiments.tiny.intervention", "found nothing", "allowed: a block of keys and values"],
    ),
    "missing key": (
        drop(lambda c: tiny(c)["training"], "batch_size"),
        ["experiments.tiny.training.batch_size", "found nothing", "a value is needed"],
    ),
    "missing section": (
        drop(lambda c: c, "datasets"),
        ["datasets", "found nothing", "a value is needed"],
    ),
    "no epochs": (
        lambda c: tiny(c).update(epochs="0, 1, every tenth"),
        ["experiments.tiny.epochs", "found 'every tenth'", "allowed:", "2-20/2"],
    ),
    "epochs that run backwards": (
        lambda c: tiny(c).update(epochs="20-2"),
        ["experiments.tiny.epochs", "found '20-2'", "allowed:", "backwards"],
    ),
    "batches without images": (
        lambda c: tiny(c)["training"].update(batch_size=0),
        ["experiments.tiny.training.batch_size", "found 0", "greater than or equal to 1"],
    ),
    "unknown precision": (
        lambda c: tiny(c)["training"].update(precision="fp16"),
        ["experiments.tiny.training.precision", "'fp16'", "allowed: 'float32', 'tf32' or 'bf16'"],
    ),
    "layers without units": (
        lambda c: c["models"]["tiny"].update(widths=[16, 0]),
        ["models.tiny.widths[1]", "found 0", "greater than or equal to 1"],
    ),
    **{
        f"probe called {name}": (
            lambda c, name=name: c["probes"].update({name: {"probe": "knn"}}),
            ["probes", f"'{name}'", "allowed: another name"],
        )
        for name in ("model", "trained", "masc_untrained", "knn_input", "masc_image_statistics")
    },
    "names that differ by capitals": (
        lambda c: c["experiments"].update(Tiny=tiny(c)),
        ["experiments", "'tiny' and 'Tiny'", "differ by more than capitals"],
    ),
    "name of 101 letters": (
        with_name("experiments", "a" * 101),
        ["experiments.aaa", "at most 100 characters"],
    ),
    "zero and minus zero": (
        lambda c: tiny(c)["noise"].update(levels=[0, -0.0]),
        ["experiments.tiny.noise.levels", "found 0 more than once"],
    ),
    "means that keep too much": (
        lambda c: tiny(c)["training"].update(betas=[0.9, 1]),
        ["experiments.tiny.training.betas[1]", "found 1", "less than 1"],
    ),
    **{
        f"figures with {key} {value:g}": (
            lambda c, key=key, value=value: c["figures"].update({key: value}),
            [f"figures.{key}", "or equal to"],
        )
        for key, value in (("dpi", 1e9), ("dpi", 1), ("width", 1e9), ("width", 1e-3))
    },
    "empty suite": (
        lambda c: c["suites"].update(tiny=[]),
        ["suites.tiny", "found []", "at least 1 item"],
    ),
}


def edited(edit: Edit) -> Config:
    """The tiny configuration after an edit."""
    config = copy.deepcopy(TINY)
    edit(config)
    return config


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_told_in_one_line(mistake: str) -> None:
    edit, told = WRONG[mistake]
    with pytest.raises(PipelineError) as caught:
        read(edited(edit))
    line, *corrected = str(caught.value).splitlines()
    assert line.startswith("config error: ")
    assert ("did you mean" in line) <= bool(corrected)
    assert all(part.startswith("    ") for part in corrected)
    for part in told:
        assert part in line


CORRECTED: dict[str, tuple[Edit, Config]] = {
    "a key": (
        lambda c: tiny(c)["training"].update(momentun=0.5),
        {"experiments": {"tiny": {"training": {"momentum": 0.5}}}},
    ),
    "a key at the top": (lambda c: c.update(figurs={"dpi": 99}), {"figures": {"dpi": 99}}),
    "a name": (
        lambda c: tiny(c).update(dataset="digit"),
        {"experiments": {"tiny": {"dataset": "digits"}}},
    ),
    "a name in a list": (
        lambda c: tiny(c).update(probes=["velpic", "masq"]),
        {"experiments": {"tiny": {"probes": ["velpic", "masc"]}}},
    ),
    "a word of several": (
        lambda c: tiny(c).update(protocol="publishd"),
        {"experiments": {"tiny": {"protocol": "published"}}},
    ),
    "a word in a list": (
        lambda c: tiny(c).update(intervention={"variants": ["edited", "edited_evry_epoch"]}),
        {"experiments": {"tiny": {"intervention": {"variants": ["edited", "edited_every_epoch"]}}}},
    ),
    "which block of several": (
        lambda c: c["models"]["tiny"].update(architecture="mpl"),
        {"models": {"tiny": {"architecture": "mlp"}}},
    ),
    "a value that should be a list": (
        lambda c: tiny(c)["noise"].update(levels=0.4),
        {"experiments": {"tiny": {"noise": {"levels": [0.4]}}}},
    ),
    "a quoted number that should be a list of numbers": (
        lambda c: tiny(c).update(seeds="1"),
        {"experiments": {"tiny": {"seeds": [1]}}},
    ),
    "a number that should be text": (
        lambda c: tiny(c).update(epochs=5),
        {"experiments": {"tiny": {"epochs": "5"}}},
    ),
}


@pytest.mark.parametrize("mistake", CORRECTED)
def test_where_it_is_clear_what_was_meant_it_is_written_out(mistake: str) -> None:
    edit, expected = CORRECTED[mistake]
    with pytest.raises(PipelineError) as caught:
        read(edited(edit))
    _, comment, *corrected = str(caught.value).splitlines()
    assert comment == "    # corrected:"
    assert yaml.safe_load("\n".join(corrected)) == expected


def test_what_could_mean_anything_is_not_corrected() -> None:
    with pytest.raises(PipelineError) as caught:
        read(edited(lambda c: tiny(c).update(dataset="quite another")))
    assert len(str(caught.value).splitlines()) == 1


def test_mistakes_are_told_together() -> None:
    def edit(config: Config) -> None:
        tiny(config)["training"].update(batch_size=0, learning_rate="fast")
        config["figures"]["dpi"] = 0

    with pytest.raises(PipelineError) as caught:
        read(edited(edit))
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["config error", "experiments.tiny.training.learning_rate"],
        ["config error", "experiments.tiny.training.batch_size"],
        ["config error", "figures.dpi"],
    ]


RIGHT: dict[str, Edit] = {
    "intervention at initialisation": lambda c: tiny(c).update(intervention={"epochs": [0]}),
    "dropout": lambda c: c["models"]["tiny"].update(dropout=0.2),
    "nothing edited": lambda c: None,
    "no probes, no figures": lambda c: (c.pop("probes"), c.pop("figures")),
    "no and full corruption": lambda c: tiny(c)["noise"].update(levels=[0, 1]),
    "a probe with a name of its own": lambda c: (
        c["probes"].update(narrow={"probe": "masc", "n_components": 3}),
        tiny(c).update(probes=["narrow"]),
    ),
    "an image folder that no experiment uses and that is not there": lambda c: c["datasets"].update(
        absent={"source": "image_folder", "path": "no/such", "image_size": [8, 6]}
    ),
    "an npz file that no experiment uses and that is not there": lambda c: c["datasets"].update(
        absent={"source": "npz", "path": "no-such.npz"}
    ),
    "an archive that will be downloaded": with_dataset(
        source="image_folder", path="a.zip", image_size=8, url="http://x.org/a.zip", md5="0" * 32
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right_config_passes(case: str) -> None:
    assert "tiny" in resolve(read(edited(RIGHT[case])))


def test_image_folder_that_is_there(tmp_path: Path) -> None:
    config = edited(with_dataset(source="image_folder", path=str(tmp_path), image_size=8))
    assert read(config).datasets["digits"].source == "image_folder"


def test_the_repositorys_own_configuration() -> None:
    config = read(repository_config())
    assert config.suite == "quick"
    assert len(config.suites["paper"]) == 8


def test_resolving_replaces_names_by_what_they_stand_for() -> None:
    experiment = resolve(read(TINY))["tiny"]
    assert experiment["model"] == {"architecture": "mlp", "widths": [16, 12], "dropout": 0.0}
    assert experiment["dataset"] == "digits"
    assert experiment["normalise"] == {"mean": 0.5, "std": 0.5}
    assert experiment["probes"]["velpic"] == {"probe": "velpic"}
    assert experiment["probes"]["masc"]["explained_variance"] == 0.99


def test_probes_of_the_dynamics_are_those_that_are_not_fitted_anyway() -> None:
    def names(**edits: Any) -> list[str]:
        config = edited(lambda c: tiny(c).update(**edits))
        return list(resolve(read(config))["tiny"]["dynamics_probes"])

    assert names() == ["logistic_regression"]
    assert names(probes=["masc", "logistic_regression"]) == []
    assert names(dynamics_probes=["masc", "lda"]) == ["lda"]
    assert names(dynamics_probes=[]) == []


def test_protocol_sound_shuffles_and_holds_out_published_does_not() -> None:
    def published(config: Config) -> None:
        tiny(config).update(protocol="published", validation_fraction=0.2)

    sound = resolve(read(TINY))["tiny"]
    assert (sound["training"]["shuffle"], sound["validation_fraction"]) == (True, 0.1)
    as_published = resolve(read(edited(published)))["tiny"]
    assert (as_published["training"]["shuffle"], as_published["validation_fraction"]) == (
        False,
        0.0,
    )


def backwards(value: Any) -> Any:
    """The same mapping with its keys the other way round, at every depth."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return value


def test_order_of_keys_does_not_reach_the_rules() -> None:
    config, turned = read(TINY), read(backwards(TINY))
    assert list(backwards(TINY)) != list(TINY)
    # Compared as text, which is how Snakemake compares the parameters of a job.
    assert str(resolve(turned)["tiny"]) == str(resolve(config)["tiny"])
    assert str(dataset_settings(turned, "digits")) == str(dataset_settings(config, "digits"))


def test_dataset_settings_leave_out_what_does_not_shape_the_file() -> None:
    def edit(config: Config) -> None:
        config["data_root"] = "elsewhere"
        config["datasets"]["mnist"] = {
            "source": "torchvision",
            "name": "MNIST",
            "normalise": {"mean": 0.1, "std": 0.3},
        }

    config = read(edited(edit))
    assert dataset_settings(config, "mnist") == {
        "source": "torchvision",
        "name": "MNIST",
        "arguments": {},
        "train": "train",
        "test": "test",
        "grayscale": False,
        "checksums": True,
        "root": "elsewhere",
    }
    assert "root" not in dataset_settings(config, "digits")


def test_the_planned_size_is_that_of_the_subset() -> None:
    size = {"train": 1437, "test": 360, "shape": [1, 8, 8], "classes": 10}
    config = read(edited(lambda config: config["datasets"]["digits"].update(size=size)))
    assert resolve(config)["tiny"]["size"] == {**size, "train": 200, "test": 60}
    assert resolve(read(TINY))["tiny"]["size"] is None


def test_the_schema_for_editors_is_the_one_that_is_enforced() -> None:
    file = REPOSITORY / "workflow" / "schemas" / "config.schema.json"
    assert json.loads(file.read_text()) == schema(), "run `make schema`"


def test_the_reference_of_keys_is_that_of_the_schema() -> None:
    reference = REPOSITORY / "docs/reference/configuration_keys.md"
    written = jsonschema_markdown.generate(schema(), footer=False, hide_empty_columns=True)
    assert reference.read_text().strip() == written.strip(), "run `make schema`"


PROBE_LISTS = ["probes", "dynamics_probes", "final_probes", "repair_probes", "relabel"]


@pytest.mark.parametrize("key", PROBE_LISTS)
def test_a_module_of_ones_own_is_looked_for_wherever_a_probe_is_named(key: str) -> None:
    def edit(config: dict[str, Any]) -> None:
        config["probes"]["mine"] = {"probe": "no_such_module.Probe"}
        tiny(config)[key] = {"probe": "mine"} if key == "relabel" else ["mine"]

    with pytest.raises(PipelineError) as caught:
        read(edited(edit))
    if key == "repair_probes":  # which cannot be a last layer anyway
        assert "cannot be a network's last layer" in str(caught.value)
    else:
        assert "probes.mine.probe: found 'no_such_module.Probe'" in str(caught.value)


def test_what_an_experiment_measures_masc_with() -> None:
    def masc(probes: list[str], **added: Any) -> Any:
        def edit(config: dict[str, Any]) -> None:
            config["probes"].update(added)
            tiny(config)["probes"] = probes

        return resolve(read(edited(edit)))["tiny"]["masc"]["explained_variance"]

    half = {"probe": "masc", "explained_variance": 0.5}
    assert masc(["masc", "velpic"]) == 0.99
    assert masc(["velpic", "half", "masc"], half=half) == 0.5
    assert masc(["velpic"]) == 0.99
    assert masc(["velpic"], masc=half) == 0.5
    assert masc(["velpic"], masc={"probe": "lda"}) == 0.99  # the usual one, whatever took its name


def test_protocol_published_has_the_published_logistic_regression() -> None:
    config = copy.deepcopy(TINY)
    tiny(config).update(
        protocol="published",
        dynamics_probes=["logistic_regression"],
        final_probes=["masc", "logistic_regression", "lda"],
    )
    experiment = resolve(read(config))["tiny"]
    adam = {"probe": "logistic_regression", "C": 1.0, "solver": "adam"}
    assert experiment["dynamics_probes"] == {"logistic_regression_published": adam}
    assert list(experiment["final_probes"]) == ["masc", "logistic_regression_published", "lda"]
    tiny(config)["protocol"] = "sound"
    sound = resolve(read(config))["tiny"]
    assert list(sound["final_probes"]) == ["masc", "logistic_regression", "lda"]
    # Of both named, each is there once.
    tiny(config).update(
        protocol="published",
        final_probes=["logistic_regression_published", "logistic_regression"],
    )
    assert list(resolve(read(config))["tiny"]["final_probes"]) == ["logistic_regression_published"]


def test_suite_paper_published_is_every_published_pair_as_published() -> None:
    config = read(repository_config())
    suite = [config.experiments[name] for name in config.suites["paper-published"]]
    assert {experiment.protocol for experiment in suite} == {"published"}
    table = REPOSITORY / "workflow" / "resources" / "published" / "headline.csv"
    pairs = set(pd.read_csv(table)[["dataset", "model"]].itertuples(index=False, name=None))
    found = [(it.published.dataset, it.published.model) for it in suite if it.published]
    assert sorted(found) == sorted(pairs)
    assert len(pairs) == 8
    edits = pd.read_csv(table.with_name("intervention_curves.csv"))
    probes = pd.read_csv(table.with_name("probe_accuracy.csv"))
    for experiment, pair in zip(suite, found, strict=True):
        of_pair = pd.DataFrame([pair], columns=["dataset", "model"])
        assert {*probes.merge(of_pair)["corruption"]} <= {*experiment.noise.levels}
        starts = {*edits.merge(of_pair)["start_epoch"]}
        assert starts <= {*experiment.intervention.epochs}
        assert ("edited_single_images" in experiment.intervention.variants) == bool(starts)


def test_methods_are_experiments_that_draw_the_same_numbers() -> None:
    config = copy.deepcopy(TINY)
    plain = resolve(read(config))["tiny"]
    tiny(config)["methods"] = {"ce": {}, "gce": {"loss": {"gce": {"q": 0.5}}, "max_epochs": 7}}
    checked = read(config)
    assert checked.suites["tiny"] == ["tiny-ce", "tiny-gce"]
    assert methods_of(checked) == {"tiny": {"ce": "tiny-ce", "gce": "tiny-gce"}}
    experiments = resolve(checked)
    assert experiments["tiny"] == {**plain, "methods": tiny(config)["methods"]}
    assert experiments["tiny-ce"] == plain
    changed = {"loss": {"gce": {"q": 0.5}}, "max_epochs": 7}
    assert experiments["tiny-gce"] == {**plain, "training": {**plain["training"], **changed}}
    assert plain["seeds_of"] == "tiny"


def test_only_what_a_method_changes_is_told_of_the_method() -> None:
    config = copy.deepcopy(TINY)
    tiny(config)["methods"] = {"ce": {}, "gce": {"loss": "gce"}}
    tiny(config)["training"]["batch_size"] = 0
    with pytest.raises(PipelineError) as caught:
        read(config)
    (line,) = [one for one in str(caught.value).splitlines() if one.startswith("config error")]
    assert line.startswith("config error: experiments.tiny.training.batch_size: found 0")
