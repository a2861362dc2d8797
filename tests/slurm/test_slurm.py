"""The command of the README on a real SLURM, and the profile by itself."""

import copy
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from snakemake_executor_plugin_slurm.partitions import read_partition_file
from tests.conftest import REPOSITORY, TINY, Workspace
from tests.slurm.cluster import Cluster, missing_programs

PROFILE = REPOSITORY / "slurm" / "profile.yaml"
COMMAND = ("--cores", "8", "--profile", "slurm")


def small_paper_suite() -> dict[str, Any]:
    """Three runs of the tiny experiment, as suite `paper`."""
    config = copy.deepcopy(TINY)
    config["suites"] = {"tiny": ["tiny"], "paper": ["tiny"]}
    config["experiments"]["tiny"]["noise"]["levels"] = [0, 0.4, 0.8]
    config["experiments"]["tiny"]["activations"]["keep"] = False
    return config


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if missing := missing_programs():
        pytest.skip(f"SLURM is not installed here (no {', '.join(missing)})")
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def rule_of(job: dict[str, str]) -> str:
    """The rule, or the group of rules, that a SLURM job was for."""
    match = re.fullmatch(r"rule_(\w+?)(_wildcards_.*)?", job["Comment"])
    assert match, job["Comment"]
    group = match[1].partition("_")[0]  # labels_shuffle_labels
    return group if group in ("labels", "figures") else match[1]


def n_gpus(job: dict[str, str]) -> int:
    """GPUs that a job was given."""
    match = re.fullmatch(r"gpu:(\d+)", job.get("JOB_GRES", ""))
    return int(match[1]) if match else 0


def end_two_trainings(cluster: Cluster, over: threading.Event) -> None:
    """Wait until a training runs and cancel it; have another reach its time limit."""
    ended: list[str] = []
    while len(ended) < 2 and not over.is_set():
        for job in cluster.jobs():
            name = job["JobId"]
            if rule_of(job) != "train" or job["JobState"] != "RUNNING" or name in ended:
                continue
            if not ended:
                cluster.ask("scancel", name)
            else:  # SLURM looks at time limits every half minute: until then it must not be through
                cluster.ask("scancel", "--signal=STOP", "--full", name)
                cluster.ask("scontrol", "update", f"JobId={name}", "EndTime=now")
            ended.append(name)
        time.sleep(0.2)


@pytest.mark.slow
def test_the_command_of_the_readme(
    cluster: Cluster,
    workspace: Callable[..., Workspace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert f"snakemake {' '.join(COMMAND)}" in (REPOSITORY / "README.md").read_text()
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, cluster.environment[name])
    paper = workspace(config=small_paper_suite())
    profile = paper.folder / "slurm" / "profile.yaml"
    impatient = profile.read_text().replace("status-checks: 40", "status-checks: 2")
    # There is no accounting. One rule's jobs share GPUs, as the profile shows for all.
    shares = f"set-resources: {{transfer_weights: {shown('shard')}}}"
    profile.write_text(f"{impatient}\nslurm-status-command: squeue\n{shares}\n")

    over = threading.Event()
    ending = threading.Thread(target=end_two_trainings, args=(cluster, over))
    ending.start()
    done = paper.snakemake(*COMMAND)
    over.set()
    ending.join()
    assert done.returncode == 0, done.stdout
    assert (paper.folder / "results/figures/decoding/tiny/accuracy_by_layer.pdf").exists()
    assert paper.planned("--config", "suite=paper") == {}

    # Runs whose jobs were ended have the same results as ones that were never disturbed.
    ended = [job for job in cluster.jobs() if job["JobState"] in ("CANCELLED", "TIMEOUT")]
    assert {job["JobState"] for job in ended} == {"CANCELLED", "TIMEOUT"}
    assert [rule_of(job) for job in ended] == ["train", "train"]
    noises = [job["Comment"].split("_")[-2] for job in ended]
    histories = [f"results/runs/tiny/{noise}/seed1/history.csv" for noise in noises]
    undisturbed = workspace("undisturbed", small_paper_suite())
    undisturbed.run(*histories)
    for history in histories:
        assert (paper.folder / history).read_bytes() == (undisturbed.folder / history).read_bytes()

    jobs = [job for job in cluster.jobs() if job not in ended]
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    gpu_rules = ("train", "fit_probes", "transfer_weights")
    # Three labels are one job, and so are three figures and a table.
    assert Counter(map(rule_of, jobs)) == {
        **dict.fromkeys(gpu_rules, 3),
        "prepare_dataset": 1,
        "labels": 1,
        "figures": 1,
    }
    on_gpu = [job for job in jobs if rule_of(job) in gpu_rules]
    sharing = [job for job in on_gpu if rule_of(job) == "transfer_weights"]
    assert {(job["Partition"], job["JOB_GRES"]) for job in sharing} == {("gpu", "shard:1")}
    alone = [job for job in on_gpu if job not in sharing]
    assert {(job["Partition"], n_gpus(job)) for job in alone} == {("gpu", 1)}
    others = [job for job in jobs if job not in on_gpu]
    assert {(job["Partition"], n_gpus(job)) for job in others} == {("cpu", 0)}


def rules() -> dict[str, str]:
    """What stands in every rule, by name; of one that a loop makes many of, by `plot_{name}`."""
    found: dict[str, str] = {}
    for file in sorted((REPOSITORY / "workflow" / "rules").glob("*.smk")):
        block = r"^( *)rule ?(\w*):\n((?:\n|\1    .*\n)+)"
        for margin, name, text in re.findall(block, file.read_text(), re.M):
            of_loop = re.search(r"name:\s+f\"(.*)\"", text)
            found[name or of_loop[1]] = re.sub(f"^{margin}", "", text, flags=re.M)
    return found


def gpu_rules() -> set[str]:
    return {name for name, text in rules().items() if "gpu=1" in text}


def test_partitions_of_the_profile_are_the_plugins() -> None:
    partitions = {partition.name: partition.limits for partition in read_partition_file(PROFILE)}
    assert set(partitions) == {"cpu", "gpu"}
    assert partitions["cpu"].max_gpu == 0
    assert partitions["gpu"].max_gpu > 0
    assert partitions["gpu"].max_runtime == 2 * 24 * 60


def test_only_small_rules_are_grouped() -> None:
    groups = {
        name: group[1]
        for name, text in rules().items()
        if (group := re.search(r"    group:\n        \"(\w+)\"", text))
    }
    assert groups.keys() >= {"shuffle_labels", "plot_{name}", "tabulate_{name}"}
    assert all("runtime=10," in rules()[name] for name in groups)
    profile = yaml.safe_load(PROFILE.read_text())
    assert set(groups.values()) == set(profile["group-components"])


def shown(kind: str) -> str:
    """What the profile shows of asking for a kind of gres, as it stands there."""
    match = re.search(rf"{{gpu: 0, gres: \"'{kind}:1'\".*?}}", PROFILE.read_text())
    assert match
    return match[0]


def test_the_profile_shows_how_to_ask_for_gres_for_every_gpu_rule() -> None:
    text = PROFILE.read_text()
    block = re.search(r"^# set-resources:\n((?:#   .*\n)+)", text, re.M)
    assert block
    asked_by = yaml.safe_load(block[1].replace("# ", "", -1))
    assert set(asked_by) == gpu_rules(), "name them under `set-resources` in slurm/profile.yaml"
    assert all(asked == {"gpu": 0, "gres": "'gpu:1'"} for asked in asked_by.values())
    # A share of a GPU is none by itself, so that the partition has to be named.
    assert yaml.safe_load(shown("shard")) == {
        "gpu": 0,
        "gres": "'shard:1'",
        "slurm_partition": "gpu",
        "runs_per_gpu": 8,
    }


def test_rules_ask_for_portable_resources_only() -> None:
    asked = {
        word
        for text in rules().values()
        for block in re.findall(r"    resources:\n((?:        .*\n)+)", text)
        for word in re.findall(r"^        (\w+)=", block, re.M)
    }
    assert asked == {"mem_mb", "runtime", "gpu", "disk_mb"}
