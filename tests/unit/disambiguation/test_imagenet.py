"""What suite `imagenet` runs, end to end: photographs, Segment Anything, torchvision's networks.

Segment Anything is a small one, and all weights are random, from files.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from tests.conftest import repository_config
from torchvision import models

from latentgen.config import disambiguation, schema
from latentgen.disambiguation import segments
from latentgen.disambiguation.classifiers import load_classifier, names_of
from latentgen.disambiguation.photos import read_folder
from latentgen.disambiguation.study import run_study
from latentgen.disambiguation.verify_proof import main
from latentgen.drawing import pair_sheets

CONFIG = schema.read(repository_config())
STUDIES = disambiguation.resolve(CONFIG.disambiguations, CONFIG.classifiers, "{classifier}")
SIDE = {"inception_v3": 80}
"""Of a small image, 64 pixels for the other networks."""


def test_the_suite_is_the_published_study() -> None:
    suite = [STUDIES[name] for name in CONFIG.suites["imagenet"]]
    assert {study["model"]["name"] for study in suite} == {"vgg16", "resnet50", "inception_v3"}
    for study in suite:
        assert CONFIG.segmenters[study["segmenter"]].segmenter == "sam"
        assert (study["top_k"], study["masking_value"], study["measure"]) == (
            5,
            "zero_input",
            "probability",
        )
        attribution = {"channels": "max", "target": "logit", "rule": "average"}
        assert study["attribution"] == {"method": "integrated_gradients", **attribution}
        assert len(names_of(study["model"]["class_names"])) == 1000
    inception = next(study for study in suite if study["model"]["name"] == "inception_v3")
    assert CONFIG.images[inception["images"]].size == 299
    assert inception["model"]["mean"] == [0.5] * 3


def write_photos(folder: Path) -> None:
    folder.mkdir()
    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (4, 6, 3)).astype(np.uint8)
    Image.fromarray(coarse).resize((90, 60), Image.Resampling.BICUBIC).save(folder / "a.jpg")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "vgg16", "inception_v3"])
def test_a_photograph_through_a_network_of_torchvision(
    name: str, small_sam: dict[str, Any], tmp_path: Path
) -> None:
    study = next(it for it in STUDIES.values() if it["model"].get("name") == name)
    torch.manual_seed(1)
    more = {"init_weights": False} if name == "inception_v3" else {}
    weights = tmp_path / f"{name}.pth"
    torch.save(models.get_model(name, num_classes=5, **more).state_dict(), weights)
    # Of the settings only those are changed that make it fast.
    model = {**study["model"], "weights": str(weights), "class_names": 5, "sha256": None}
    attribution = {"method": "input_x_gradient", "channels": "max"}
    study = {**study, "attribution": attribution, "model": model, "delta": 0.0}

    write_photos(tmp_path / "photos")
    samples, skipped = read_folder(tmp_path / "photos", SIDE.get(name, 64))
    assert skipped.empty
    segments.write_all(samples, segments.make_segmenter(small_sam), tmp_path / "segments.h5")
    found = list(segments.read_all(tmp_path / "segments.h5"))
    tables = run_study(
        zip(samples, found, strict=True), load_classifier(model), study, tmp_path / "proofs"
    )
    assert tables["skipped"].empty
    assert len(tables["pairs"]) == 10  # of five labels
    curves = tables["curves"]
    assert curves["probability_a"].between(0, 1).all()
    proofs = sorted(path.parent for path in (tmp_path / "proofs").rglob("proof.json"))
    assert main([str(proofs[0])]) == 0
    row = tables["pairs"].iloc[0].to_dict()
    (segment,) = found
    mine = curves[(curves["label_a"] == row["label_a"]) & (curves["label_b"] == row["label_b"])]
    style = {"width": 7, "dpi": 50}
    figure, numbers = pair_sheets.draw_sheet(
        row, samples[0], segment, mine, tmp_path / "proofs", style, study["delta"]
    )
    percents = numbers[numbers["panel"] == "along_a_percent"]
    assert percents[["value_a", "value_b"]].iloc[0].tolist() == pytest.approx([100, 100])
    assert len(figure.axes) == 5 + 2 * 4  # images, and curves of four orders twice
    plt.close("all")
