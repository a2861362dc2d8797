"""Networks whose logits come from no linear layer: all but edits of the last layer is done."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.unit.toy import CONVOLUTION, TRAINING, make_dataset, make_labels, make_run, train

from latentgen import user_code
from latentgen.editing import export
from latentgen.editing.intervention import intervene
from latentgen.editing.repair_checkpoints import repair_run
from latentgen.editing.transfer import at_every_epoch, transferred
from latentgen.errors import PipelineError
from latentgen.networks.run import Run
from latentgen.probes.fitting import probe_layers

CPU = torch.device("cpu")
PROBES = {"velpic": {"probe": "velpic"}}
SHORT = {**TRAINING, "max_epochs": 4}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    user_code._import.cache_clear()
    Path("mine.py").write_text(CONVOLUTION)
    dataset = make_dataset()
    run = make_run(tmp_path, dataset, make_labels(dataset.train_labels), 0.2)
    return replace(run, model={"architecture": "mine.net"})


def test_a_network_without_a_linear_last_layer_is_trained_probed_and_repaired(
    run: Run, tmp_path: Path
) -> None:
    folder = train(run, tmp_path, SHORT, "0-/2")
    for _, source, network in at_every_epoch(run, str(folder), None, CPU):
        assert network.penultimate == "first"
        rows = probe_layers(source, run.labels, PROBES)
        assert "first" in {row["layer"] for row in rows}
    classifier, table, candidates = repair_run(run, folder, CPU, PROBES)
    assert set(candidates["head"]) == {"trained", "velpic"}
    export.save(classifier, tmp_path / "repaired.safetensors")
    images = run.images["test"]
    right = export.load(tmp_path / "repaired.safetensors")(images).argmax(1).numpy()
    assert (right == run.labels.test).mean() == table["test_after"].item()


def test_its_last_layer_is_not_edited_and_one_line_says_why(run: Run, tmp_path: Path) -> None:
    folder = train(run, tmp_path, SHORT, "0-/2")
    told = r"^weights can be transferred to a linear last layer only, found Flatten \(3\)$"
    with pytest.raises(PipelineError, match=told):
        transferred(run, str(folder), CPU)
    settings = {"training": SHORT, "probes": PROBES, "schedule": "0-/2", "total_epochs": 5}
    with pytest.raises(PipelineError, match=told):
        intervene(run, folder, CPU, epochs=[0], variants=["edited"], **settings)
    left = intervene(run, folder, CPU, epochs=[0], variants=["optimizer_reset"], **settings)
    assert set(left["variant"]) == {"undisturbed", "optimizer_reset"}
