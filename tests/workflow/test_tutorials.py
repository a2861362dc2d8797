"""The tutorials on the pipeline run as they are written; only trainings are shortened."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from tests.conftest import Jobs, Workspace
from tests.pages import blocks, commands, merge, run_python

FIRST, CUSTOM = "docs/tutorials/first_experiment.md", "docs/tutorials/custom_dataset.md"
LABELS = "results/labels/mnist-14x14/uniform-0.4/seed1.h5"


def shorten(workspace: Workspace) -> None:
    """Train for one epoch, with one seed."""
    with workspace.editing_config() as config:
        for experiment in config["experiments"].values():
            experiment |= {"seeds": [1], "epochs": "0"}
            if "training" in experiment:
                experiment["training"]["max_epochs"] = 1


def merge_page(page: str, workspace: Workspace) -> None:
    """Merge a page's settings into config.yaml."""
    with workspace.editing_config() as config:
        for language, text in blocks(page):
            if language == "yaml":
                merge(config, text)


def snakemake_commands(page: str) -> list[list[str]]:
    """Arguments of a page's calls of Snakemake, targets first; `make figures` names no target."""
    lines = [line for language, text in blocks(page) if not language for line in commands(text)]
    lines = [line.replace("make figures", "snakemake --cores 2") for line in lines]
    calls = [line.split()[1:] for line in lines if line.startswith("snakemake")]
    calls = [call if "--" in call else [*call, "--"] for call in calls]
    return [[*call[call.index("--") + 1 :], *call[: call.index("--")]] for call in calls]


def write_pets(workspace: Workspace) -> None:
    """Write class folders of images of two digits, as the page describes them."""
    images, labels = load_digits(n_class=2, return_X_y=True)
    for row, (image, label) in enumerate(zip(images[:160], labels[:160], strict=True)):
        part = "test" if row % 4 == 0 else "train"
        folder = workspace.folder / "data/pets" / part / ("cat", "dog")[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(image.reshape(8, 8) * 15)).save(folder / f"{row}.png")


def added(before: Jobs, after: Jobs) -> Jobs:
    """Jobs of a plan that another does not have."""
    more = {rule: jobs - before.get(rule, set()) for rule, jobs in after.items()}
    return {rule: jobs for rule, jobs in more.items() if jobs}


def test_the_first_experiment_has_the_labels_and_jobs_that_its_page_describes(
    repository: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.run(LABELS)
    (python,) = [text for language, text in blocks(FIRST) if language == "python"]
    run_python(python, repository.folder)
    printed = capsys.readouterr().out
    assert printed.endswith(" of the labels are wrong\n")
    assert float(printed.split()[0]) == pytest.approx(0.36, abs=0.02)  # 0.4 * (1 - 1 / 10)
    before = repository.planned()
    merge_page(FIRST, repository)
    new = added(before, repository.planned())
    assert {"shuffle_labels", "train", "fit_probes"} <= set(new)
    assert all("uniform-0.6" in job for jobs in new.values() for job in jobs)


def test_the_commands_of_the_custom_dataset_plan_its_jobs(repository: Workspace) -> None:
    write_pets(repository)
    merge_page(CUSTOM, repository)
    for arguments in snakemake_commands(CUSTOM):
        planned = repository.planned(*arguments)
        levels = [0.4] if "label_issues" in arguments else [0, 0.4]  # clean labels have no issues
        runs = {f"pets-cnn/uniform-{level:g}/{seed}" for level in levels for seed in (1, 2)}
        assert planned["train"] == runs


@pytest.mark.slow
def test_the_first_experiment_runs(repository: Workspace) -> None:
    shorten(repository)
    for arguments in snakemake_commands(FIRST):
        repository.snakemake(*arguments)
    assert repository.planned() == {}
    figure = "figures/decoding/mnist-14x14-cnn/trained_and_untrained.png"
    assert (repository.folder / "results" / figure).exists()
    merge_page(FIRST, repository)
    shorten(repository)
    planned = repository.planned()
    assert planned["train"] == {"mnist-14x14-cnn/uniform-0.6/1"}
    assert "prepare_dataset" not in planned and "disambiguate" not in planned


@pytest.mark.slow
def test_the_custom_dataset_runs(repository: Workspace) -> None:
    write_pets(repository)
    merge_page(CUSTOM, repository)
    shorten(repository)
    for arguments in snakemake_commands(CUSTOM):
        done = repository.snakemake(*arguments)
        assert done.returncode == 0, done.stdout
    results = repository.folder / "results"
    assert (results / "datasets/pets.png").exists()
    assert (results / "figures/decoding/pets-cnn/trained_and_untrained.png").exists()
    assert (results / "tables/scoreboard.html").exists()
    board = pd.read_csv(results / "tables/scoreboard.csv")
    assert Counter(board["experiment"]).keys() == {"pets-cnn"}
    assert list(results.glob("runs/pets-cnn/*/*/label_issues.html"))
