"""The complete examples in docs/: what they tell a user to write is written, and run."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from pydantic import BaseModel, TypeAdapter
from tests.conftest import REPOSITORY, Workspace, repository_config
from tests.pages import merge

from latentgen.config.dataset import Dataset
from latentgen.config.schema import Config, read


def written(page: str) -> dict[str, str]:
    """The files of a page's examples: blocks whose first line is a comment with a file's name."""
    blocks = re.findall(
        r"```\w*\n# (\S+)\n(.*?)```", (REPOSITORY / "docs/how-to" / page).read_text(), re.S
    )
    assert blocks
    return dict(blocks)


def follow(page: str, repository: Workspace) -> None:
    """Do what a page says; only the training is made short."""
    for name, text in written(page).items():
        if name == "config.yaml":
            with repository.editing_config() as config:
                merge(config, yaml.safe_load(text))
                for experiment in config["experiments"].values():
                    experiment.setdefault("training", {})["max_epochs"] = 2
        else:
            (repository.folder / name).write_text(text)


PAGES = sorted(page.name for page in (REPOSITORY / "docs/how-to").glob("add_*.md"))
MLP = "digits-mlp/my_noise.even_to_odd-0.4"
RESIDUAL = "digits-residual/uniform-0.4"


def write_pets(folder: Path) -> None:
    """Write the images that add_a_dataset.md describes."""
    random = np.random.default_rng(0)
    for split, n in {"train": 6, "test": 3}.items():
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for i in range(n):
                pixels = random.integers(0, 255, (20, 30, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")


@pytest.mark.slow
def test_all_that_the_pages_add_works_together(repository: Workspace) -> None:
    """A dataset, a network, probes, a noise kind and a loss: run, and run again after edits."""
    write_pets(repository.folder / "pets")
    for page in PAGES:
        follow(page, repository)
    targets = [
        "results/datasets/pets.h5",
        *(f"results/runs/{run}/seed1/probes.csv" for run in (MLP, RESIDUAL)),
    ]
    repository.run(*targets)
    results = repository.folder / "results"
    with h5py.File(results / "datasets/pets.h5") as file:
        assert file["train/images"].shape == (12, 3, 16, 16)
    with h5py.File(results / "labels/digits/my_noise.even_to_odd-0.4/seed1.h5") as labels:
        true, observed = labels["true"][()], labels["observed"][()]
    changed = true != observed
    assert (true[changed] % 2 == 0).all()
    assert 0.3 < changed[true % 2 == 0].mean() < 0.5
    losses = pd.read_csv(results / f"runs/{MLP}/seed1/history.csv")["train_loss"]
    assert losses.iloc[1:].between(0, 2).all()
    residual = pd.read_csv(results / f"runs/{RESIDUAL}/seed1/probes.csv")
    assert list(residual["layer"].unique()) == ["input", "stem", "block1", "block2"]
    probes = pd.read_csv(results / f"runs/{MLP}/seed1/probes.csv")
    probes = probes.query("split == 'test' and layer == 'input' and fit_labels == 'true'")
    accuracy = probes.set_index("probe")["accuracy"]
    assert accuracy["naive_bayes"] > 0.7
    assert accuracy["medians"] > 0.7

    own = {file.name for file in repository.folder.glob("my_*.py")}
    assert own == {f"my_{kind}.py" for kind in ("losses", "models", "noise", "probes")}
    for file in own:
        repository.append(file, "# A comment changes nothing.\n")
    assert repository.planned(*targets) == {}
    repository.append("my_probes.py", "CHANGED = True\n")
    assert repository.planned(*targets) == {"fit_probes": {f"{MLP}/1"}}
    repository.append("my_noise.py", "CHANGED = True\n")
    planned = repository.planned(*targets)
    assert planned["shuffle_labels"] == {"digits/my_noise.even_to_odd-0.4/seed1"}
    assert planned["train"] == {f"{MLP}/1"}
    repository.append("my_models.py", "CHANGED = True\n")
    assert repository.planned(*targets)["train"] == {f"{MLP}/1", f"{RESIDUAL}/1"}


def test_every_dataset_of_an_example_is_one_that_config_yaml_may_hold() -> None:
    page = "docs/how-to/add_a_dataset.md"
    blocks = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / page).read_text(), re.S)
    read_blocks = [yaml.safe_load(block) or {} for block in blocks]
    entries = [entry for block in read_blocks for entry in block.get("datasets", {}).values()]
    for entry in entries:
        TypeAdapter(Dataset).validate_python(entry)
    assert len({entry["source"] for entry in entries}) >= 3


def test_a_module_that_is_not_there_is_a_config_error(repository: Workspace) -> None:
    follow("add_a_noise_kind.md", repository)
    (repository.folder / "my_noise.py").unlink()
    done = repository.snakemake("--dry-run", "--config", "suite=digits")
    assert done.returncode != 0
    (error,) = [line for line in done.stdout.splitlines() if line.startswith("config error:")]
    assert error.startswith("config error: experiments.digits-mlp.noise.kind: found 'my_noise.even")


def test_the_readme_links_every_page() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    for page in Path(REPOSITORY, "docs/how-to").glob("add_*.md"):
        assert f"docs/how-to/{page.name}" in readme


def examples() -> list[dict[str, Any]]:
    """The excerpts of config.yaml that docs/reference/configuration.md explains keys by."""
    text = (REPOSITORY / "docs/reference/configuration.md").read_text()
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.S)]


def test_each_example_of_the_config_page_can_be_merged() -> None:
    config = repository_config()
    assert len(examples()) > 12
    for example in examples():
        merge(config, copy.deepcopy(example))
        read(config)


def blocks_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The blocks that a type is put together from."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from blocks_in(part)


def test_the_config_page_shows_every_key_of_the_first_levels() -> None:
    shown: dict[str, Any] = {}
    for example in examples():
        merge(shown, example)
    assert set(shown) == set(Config.model_fields)
    for kind in ("datasets", "models", "experiments"):
        used = {key for entry in shown[kind].values() for key in entry}
        blocks = list(blocks_in(Config.model_fields[kind].annotation))
        assert {key for block in blocks for key in block.model_fields} <= used
