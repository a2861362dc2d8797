"""What config.yaml may hold, the messages about mistakes, and what the rules see of it."""

import copy
import json
import re
from typing import Any

import jsonschema_markdown
import pandas as pd
import pytest
import yaml
from tests.conftest import REPOSITORY, TINY, repository_config

from latentgen.config.schema import dataset_settings, methods_of, read, resolve, schema
from latentgen.config.yaml_text import with_included
from latentgen.errors import PipelineError

Config = dict[str, Any]
GONE = object()
"""In place of a value: the key is left out."""


def tiny(*edits: tuple[str, Any], **experiment: Any) -> Config:
    """The tiny configuration, in which values at paths and keys of its experiment are others."""
    config = copy.deepcopy(TINY)
    config["experiments"]["tiny"].update(experiment)
    for path, value in edits:
        *above, last = path.split("/")
        block = config
        for key in above:
            block = block.setdefault(key, {})
        if value is GONE:
            del block[last]
        else:
            block[last] = value
    return config


def message(config: Config) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        read(config)
    return str(caught.value).splitlines()


EXPERIMENT, TRAINING = "experiments/tiny", "experiments/tiny/training"
SPLIT = {"source": "torchvision", "name": "SVHN", "test": "tset"}
SIZE = {"train": 9, "test": 9, "shape": [1, 8, 8], "classes": 3}
NPZ = {"source": "npz", "path": "a.npz"}
ZIP = {"source": "image_folder", "path": "a.zip", "image_size": 8, "url": "http://x.org/a.zip"}
FOLDER = {"source": "image_folder", "path": "no/such", "image_size": 8}
RESNET = {"architecture": "torchvision", "name": "resnet18"}
IN_ANOTHER = {"SequentialLR": {"schedulers": [{"LinearLR": {"iters": 2}}], "milestones": []}}
NAMES = "expected letters, digits, - and _"

# A value at a path, and the message's key (by default the path), and what follows it (a pattern).
WRONG: list[tuple[str, Any, str, str]] = [
    # names that do not exist
    ("figurs", {}, "", "found key 'figurs'.*'figures'.*expected suite, include, data_root"),
    (f"{TRAINING}/learning_rat", 1, "experiments.tiny.training", "'learning_rat'.*'learning_rate'"),
    ("suite", "tin", "", "found 'tin' .did you mean 'tiny'.*expected tiny"),
    ("suites/tiny", ["tinny"], "", "'tinny' .did you mean 'tiny'.*expected tiny"),
    (f"{EXPERIMENT}/dataset", "digit", "", "did you mean 'digits'"),
    (f"{EXPERIMENT}/model", "tinny", "", "did you mean 'tiny'"),
    (f"{EXPERIMENT}/probes", ["masq"], "", "did you mean 'masc'.*expected masc, velpic"),
    (f"{EXPERIMENT}/dynamics_probes", ["masq"], "", "did you mean 'masc'"),
    (f"{EXPERIMENT}/beside", "tinny", "", "did you mean 'tiny'"),
    (f"{EXPERIMENT}/intervention", {"variants": ["editted"]}, ".variants[0]", "mean 'edited'"),
    (f"{EXPERIMENT}/noise/kind", "unifrom", "", "'unifrom'.*expected cifar10_asymmetric, "),
    ("models/tiny/architecture", "mpl", "", "'mpl'.*expected .*'mlp'"),
    ("models/tiny", {**RESNET, "pool": "meen"}, ".pool", "did you mean 'mean'"),
    ("datasets/digits", {**NPZ, "source": "nzp"}, ".source", "'nzp'.*expected .*'npz'"),
    ("datasets/digits", {"name": "MNIST"}, ".source", "'nothing'"),
    ("datasets/digits", {**SPLIT, "name": "KMNITS"}, ".name", "mean 'KMNIST'.*expected CIFAR10"),
    ("datasets/digits", SPLIT, ".test", "'tset'.*train.*test.*extra"),
    # classes of libraries and their arguments
    (f"{TRAINING}/optimizer", "AdamWW", "", "'AdamWW' .did you mean 'AdamW'.*RMSprop"),
    (f"{TRAINING}/optimizer", {"AdamW": {"weigth_decay": 1}}, ".AdamW", "mean 'weight_decay'"),
    (f"{TRAINING}/optimizer", {"AdamW": {"lr": 0.1}}, ".AdamW", "'lr'; expected betas, eps"),
    (f"{TRAINING}/optimizer", {"AdamW": None}, "", "expected a name, or a name with its arguments"),
    (f"{TRAINING}/momentum", 0.9, "experiments.tiny.training", "optimizer Adam, which takes none"),
    (f"{TRAINING}/scheduler", "CosineAnnealingLR", "", "without T_max.*T_max: ..."),
    (f"{TRAINING}/scheduler", IN_ANOTHER, ".SequentialLR.schedulers[0].LinearLR", "'iters'"),
    (f"{TRAINING}/augment", ["RandomHorizontalFlips"], "[0]", "mean 'RandomHorizontalFlip'"),
    (f"{TRAINING}/augment", [{"RandomCrop": {"sise": 8}}], "[0].RandomCrop", "mean 'size'"),
    (f"{TRAINING}/loss", "gcee", "", "mean 'gce'.*cross_entropy, elr, gce, sce"),
    (f"{TRAINING}/loss", {"cross_entropy": {"smoothing": 1}}, ".cross_entropy", "'smoothing'"),
    ("models/tiny", {**RESNET, "arguments": {"num_classes": 5}}, ".arguments", "is the dataset's"),
    # methods
    (f"{EXPERIMENT}/methods", {"a": {}, "b": {"los": "gce"}}, ".b", "'los' .did you mean 'loss'"),
    (f"{EXPERIMENT}/methods", {"b": {"loss": "gcee"}}, ".b.loss", "did you mean 'gce'"),
    (f"{EXPERIMENT}/methods", {"b": {"momentum": 0.9}}, ".b", "optimizer Adam, which takes none"),
    (f"{EXPERIMENT}/methods", {"b": "gce"}, ".b", "a block of keys and values"),
    # values out of bounds or of another type; all numeric keys: test_strictness
    (f"{TRAINING}/ema", 1, "", "found 1; expected less than 1"),
    (f"{EXPERIMENT}/noise/levels", [0, 1.4], "[1]", "1.4; expected less than or equal to 1"),
    (f"{EXPERIMENT}/noise/levels", [-0.1], "[0]", "-0.1; expected greater than or equal to 0"),
    (f"{EXPERIMENT}/noise/levels", [], "", "found ..; expected at least 1 item"),
    (f"{EXPERIMENT}/noise/levels", [0.4, 0, 0.4000000001], "", "found 0.4 more than once"),
    (f"{EXPERIMENT}/noise/levels", [0, -0.0], "", "found 0 more than once"),
    (f"{EXPERIMENT}/noise", {"kind": "unknown", "levels": [0.4]}, "", "key 'levels'"),
    (f"{EXPERIMENT}/seeds", "1", "", "found '1'; expected a list, as in .1, 2."),
    (f"{EXPERIMENT}/epochs", 5, "", "found 5; expected text"),
    (f"{EXPERIMENT}/epochs", "0, 1, every tenth", "", "found 'every tenth'; expected .*2-20/2"),
    (f"{EXPERIMENT}/epochs", "20-2", "", "found '20-2'; expected .*backwards"),
    (f"{EXPERIMENT}/intervention", None, "", "found nothing; expected a block of keys and values"),
    (f"{TRAINING}/batch_size", GONE, "", "found nothing; expected a value"),
    (f"{TRAINING}/learning_rate", "fast", "", "'fast'; expected a number"),
    (f"{TRAINING}/precision", "fp16", "", "'fp16'; expected 'float32', 'tf32' or 'bf16'"),
    ("figures", {"dpi": 1e9}, ".dpi", "expected less than or equal to 2400"),
    # names of folders
    ("models/a b", TINY["models"]["tiny"], "", f"'a b'; {NAMES}"),
    ("experiments/..", TINY["experiments"]["tiny"], "experiments...", rf"'\.\.'; {NAMES}"),
    ("datasets/" + "a" * 101, {"source": "sklearn", "name": "digits"}, "", "at most 100"),
    ("experiments/Tiny", TINY["experiments"]["tiny"], "experiments", "'tiny' and 'Tiny'"),
    ("probes", {"knn_input": {"probe": "knn"}}, "", "'knn_input'.*expected another name"),
    # what does not go together
    (f"{EXPERIMENT}/intervention", {"epochs": [9], "total_epochs": 9}, "", "before the last one"),
    (f"{EXPERIMENT}/repair_probes", ["knn"], "", "'knn'.*expected kinds velpic"),
    (f"{EXPERIMENT}/model", GONE, "", "found nothing"),
    (f"{EXPERIMENT}/training", GONE, "", "found nothing"),
    ("datasets/digits", {**NPZ, "source": "features"}, "experiments.tiny.model", "of features"),
    (
        "datasets/digits",
        {**NPZ, "normalise": {"mean": [1, 2, 3], "std": [1]}},
        ".normalise",
        "both",
    ),
    (
        *("datasets/digits", {**NPZ, "normalise": {"mean": [1, 2, 3]}, "size": SIZE}),
        *("", "found numbers for 3 channels; expected 1"),
    ),
    ("datasets/digits", ZIP, "", "url.*md5"),
    ("datasets/digits", FOLDER, ".path", "'no/such', which does not exist; expected an existing"),
    (
        *("datasets/digits", {"source": "csv", "path": "pyproject.toml", "folder": "no/such"}),
        *(".", "does not exist"),
    ),
    ("models/tiny", {**RESNET, "weights": "no/such.pt"}, ".weights", "which does not exist"),
]


@pytest.mark.parametrize(("path", "value", "where", "told"), WRONG)
def test_a_mistake_is_reported_in_one_line(path: str, value: Any, where: str, told: str) -> None:
    line, *corrected = message(tiny((path, value)))
    key = where if where[:1].isalpha() else path.replace("/", ".") + where
    if path == "figurs":  # of a key that is none the message names the block, here the whole
        key = "found key"
    assert line.startswith(f"config error: {key}"), line
    assert re.search(told, line), line
    assert ("did you mean" in line) <= bool(corrected)
    assert all(part.startswith("    ") for part in corrected)


def test_other_experiments_keep_their_names() -> None:
    config = tiny(("experiments/tiny-b", TINY["experiments"]["tiny"]), methods={"b": {}})
    assert "experiments.tiny.methods.b: found 'tiny-b'" in message(config)[0]


CORRECTED: list[tuple[str, Any, Config]] = [
    (f"{TRAINING}/momentun", 0.5, {"experiments": {"tiny": {"training": {"momentum": 0.5}}}}),
    ("figurs", {"dpi": 99}, {"figures": {"dpi": 99}}),
    (f"{EXPERIMENT}/dataset", "digit", {"experiments": {"tiny": {"dataset": "digits"}}}),
    (
        f"{EXPERIMENT}/probes",
        ["lda", "masq"],
        {"experiments": {"tiny": {"probes": ["lda", "masc"]}}},
    ),
    (f"{EXPERIMENT}/protocol", "publishd", {"experiments": {"tiny": {"protocol": "published"}}}),
    ("models/tiny/architecture", "mpl", {"models": {"tiny": {"architecture": "mlp"}}}),
    (f"{EXPERIMENT}/noise/levels", 0.4, {"experiments": {"tiny": {"noise": {"levels": [0.4]}}}}),
    (f"{EXPERIMENT}/seeds", "1", {"experiments": {"tiny": {"seeds": [1]}}}),
    (f"{EXPERIMENT}/epochs", 5, {"experiments": {"tiny": {"epochs": "5"}}}),
]


@pytest.mark.parametrize(("path", "value", "expected"), CORRECTED)
def test_the_corrected_lines_are_printed(path: str, value: Any, expected: Config) -> None:
    _, comment, *corrected = message(tiny((path, value)))
    assert comment == "    # corrected:"
    assert yaml.safe_load("\n".join(corrected)) == expected


def test_all_mistakes_are_reported_together() -> None:
    config = tiny((f"{TRAINING}/batch_size", 0), (f"{TRAINING}/learning_rate", "fast"))
    config["figures"] = {"dpi": 0}
    assert [line.split(": ")[1] for line in message(config)] == [
        "experiments.tiny.training.learning_rate",
        "experiments.tiny.training.batch_size",
        "figures.dpi",
    ]


RIGHT: list[tuple[str, Any]] = [
    (f"{EXPERIMENT}/intervention", {"epochs": [0]}),
    (f"{EXPERIMENT}/noise/levels", [0, 1]),
    ("models/tiny/dropout", 0.2),
    ("probes", GONE),
    ("figures", GONE),
    # nothing uses it, so it need not be there
    ("datasets/absent", {**FOLDER, "image_size": [8, 6]}),
    ("datasets/digits", {**ZIP, "md5": "0" * 32}),
    ("datasets/digits", {**FOLDER, "path": str(REPOSITORY)}),
]


@pytest.mark.parametrize(("path", "value"), RIGHT)
def test_right_configurations_pass(path: str, value: Any) -> None:
    assert "tiny" in resolve(read(tiny((path, value))))


def test_included_files_hold_what_the_configuration_does_not(tmp_path: Any) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("suites: {a: [x, y], b: [y]}\nexperiments: {x: {seeds: [1, 2], model: m}}\n")
    raw = {"include": [str(more)], "suites": {"a": []}, "experiments": {"x": {"seeds": [3]}}}
    merged = with_included(raw)
    assert merged["suites"] == {"a": [], "b": ["y"]}
    assert merged["experiments"] == {"x": {"seeds": [3], "model": "m"}}
    assert raw["experiments"] == {"x": {"seeds": [3]}}
    for include, told in (("more.yaml", "found 'more.yaml'; expected a list"), (["a"], "no file")):
        with pytest.raises(PipelineError, match=told):
            with_included({"include": include})


def test_resolving_replaces_names_by_what_they_stand_for() -> None:
    experiment = resolve(read(TINY))["tiny"]
    assert experiment["model"] == {"architecture": "mlp", "widths": [16, 12], "dropout": 0.0}
    assert experiment["dataset"] == "digits"
    assert experiment["normalise"] == {"mean": 0.5, "std": 0.5}
    assert experiment["probes"]["velpic"] == {"probe": "velpic"}
    assert experiment["probes"]["masc"]["explained_variance"] == 0.99
    assert (experiment["training"]["shuffle"], experiment["validation_fraction"]) == (True, 0.1)


def test_probes_of_the_dynamics_are_those_that_are_not_fitted_anyway() -> None:
    def names(**edits: Any) -> list[str]:
        return list(resolve(read(tiny(**edits)))["tiny"]["dynamics_probes"])

    assert names() == ["logistic_regression"]
    assert names(probes=["masc", "logistic_regression"]) == []
    assert names(dynamics_probes=["masc", "lda"]) == ["lda"]


def test_protocol_published_keeps_the_order_and_has_the_published_logistic_regression() -> None:
    config = tiny(
        protocol="published",
        validation_fraction=0.2,
        dynamics_probes=["logistic_regression"],
        final_probes=["masc", "logistic_regression", "lda", "logistic_regression_published"],
    )
    experiment = resolve(read(config))["tiny"]
    assert (experiment["training"]["shuffle"], experiment["validation_fraction"]) == (False, 0.0)
    adam = {"probe": "logistic_regression", "C": 1.0, "solver": "adam"}
    assert experiment["dynamics_probes"] == {"logistic_regression_published": adam}
    assert list(experiment["final_probes"]) == ["masc", "logistic_regression_published", "lda"]
    config["experiments"]["tiny"]["protocol"] = "sound"
    assert "logistic_regression" in resolve(read(config))["tiny"]["final_probes"]


def backwards(value: Any) -> Any:
    """The same mapping with its keys the other way round, at every depth."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return value


def test_order_of_keys_does_not_reach_the_rules() -> None:
    config, turned = read(TINY), read(backwards(TINY))
    # Compared as text, which is how Snakemake compares the parameters of a job.
    assert str(resolve(turned)["tiny"]) == str(resolve(config)["tiny"])
    assert str(dataset_settings(turned, "digits")) == str(dataset_settings(config, "digits"))


def test_dataset_settings_leave_out_what_does_not_shape_the_file() -> None:
    block = {"source": "torchvision", "name": "MNIST", "normalise": {"mean": 0.1, "std": 0.3}}
    config = read(tiny(("datasets/mnist", block), ("data_root", "elsewhere")))
    assert dataset_settings(config, "mnist") == {
        **{"source": "torchvision", "name": "MNIST", "arguments": {}, "train": "train"},
        **{"test": "test", "grayscale": False, "checksums": True, "root": "elsewhere"},
    }
    assert "root" not in dataset_settings(config, "digits")


def test_the_planned_size_is_that_of_the_subset() -> None:
    size = {"train": 1437, "test": 360, "shape": [1, 8, 8], "classes": 10}
    config = read(tiny(("datasets/digits/size", size)))
    assert resolve(config)["tiny"]["size"] == {**size, "train": 200, "test": 60}
    assert resolve(read(TINY))["tiny"]["size"] is None


def test_the_schema_for_editors_and_the_reference_of_keys_are_those_of_the_blocks() -> None:
    file = REPOSITORY / "workflow" / "schemas" / "config.schema.json"
    assert json.loads(file.read_text()) == schema(), "run `make schema`"
    reference = REPOSITORY / "docs/reference/configuration_keys.md"
    written = jsonschema_markdown.generate(schema(), footer=False, hide_empty_columns=True)
    assert reference.read_text().strip() == written.strip(), "run `make schema`"


@pytest.mark.parametrize("key", ["probes", "dynamics_probes", "final_probes", "relabel"])
def test_a_custom_module_is_looked_for_wherever_a_probe_is_named(key: str) -> None:
    named = {"probe": "mine"} if key == "relabel" else ["mine"]
    config = tiny(
        ("probes/mine", {"probe": "no_such_module.Probe"}), (f"{EXPERIMENT}/{key}", named)
    )
    assert "probes.mine.probe: found 'no_such_module.Probe'" in message(config)[0]


def test_masc_is_measured_as_the_first_of_the_experiments_probes() -> None:
    half = {"probe": "masc", "explained_variance": 0.5}
    for probes, added, expected in (
        (["masc", "velpic"], {}, 0.99),
        (["velpic", "half", "masc"], {"half": half}, 0.5),
        (["velpic"], {}, 0.99),
        (["velpic"], {"masc": half}, 0.5),
        (["velpic"], {"masc": {"probe": "lda"}}, 0.99),  # the usual one, whatever took its name
    ):
        experiment = resolve(read(tiny(("probes", added), probes=probes)))["tiny"]
        assert experiment["masc"]["explained_variance"] == expected


def test_suite_paper_published_is_every_published_pair_as_published() -> None:
    config = read(repository_config())
    assert config.suite == "quick"
    suite = [config.experiments[name] for name in config.suites["paper-published"]]
    assert {experiment.protocol for experiment in suite} == {"published"}
    table = REPOSITORY / "workflow" / "resources" / "published" / "headline.csv"
    pairs = set(pd.read_csv(table)[["dataset", "model"]].itertuples(index=False, name=None))
    found = [(it.published.dataset, it.published.model) for it in suite if it.published]
    assert sorted(found) == sorted(pairs)
    assert len(pairs) == len(config.suites["paper"]) == 8
    edits = pd.read_csv(table.with_name("intervention_curves.csv"))
    probes = pd.read_csv(table.with_name("probe_accuracy.csv"))
    for experiment, pair in zip(suite, found, strict=True):
        of_pair = pd.DataFrame([pair], columns=["dataset", "model"])
        assert {*probes.merge(of_pair)["corruption"]} <= {*experiment.noise.levels}
        starts = {*edits.merge(of_pair)["start_epoch"]}
        assert starts <= {*experiment.intervention.epochs}
        assert ("edited_single_images" in experiment.intervention.variants) == bool(starts)


def test_methods_are_experiments_that_draw_the_same_numbers() -> None:
    plain = resolve(read(TINY))["tiny"]
    changed = {"loss": {"gce": {"q": 0.5}}, "max_epochs": 7}
    methods = {"ce": {}, "gce": changed}
    checked = read(tiny(methods=methods))
    assert checked.suites["tiny"] == ["tiny-ce", "tiny-gce"]
    assert methods_of(checked) == {"tiny": {"ce": "tiny-ce", "gce": "tiny-gce"}}
    experiments = resolve(checked)
    assert experiments["tiny"] == {**plain, "methods": methods}
    assert experiments["tiny-ce"] == plain
    assert experiments["tiny-gce"] == {**plain, "training": {**plain["training"], **changed}}
    assert plain["seeds_of"] == "tiny"


def test_a_mistake_of_the_experiment_is_not_reported_of_its_methods() -> None:
    config = tiny((f"{TRAINING}/batch_size", 0), methods={"ce": {}, "gce": {"loss": "gce"}})
    (line,) = [one for one in message(config) if one.startswith("config error")]
    assert line.startswith("config error: experiments.tiny.training.batch_size: found 0")
