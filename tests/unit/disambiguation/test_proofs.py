"""A proof holds for everybody who has the model, and not if anything in it was changed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.unit.disambiguation.colours import two_things

import latentgen
from latentgen.content import sha256_of
from latentgen.disambiguation.architectures.cifar_resnet import CifarResNet
from latentgen.disambiguation.certificates import Certificate, certify
from latentgen.disambiguation.classifiers import load_classifier
from latentgen.disambiguation.images import Sample
from latentgen.disambiguation.proofs import write_proof
from latentgen.disambiguation.redaction import Redactions
from latentgen.disambiguation.segments import make_segmenter
from latentgen.disambiguation.verify_proof import main, verify
from latentgen.errors import PipelineError

PAIR = (0, 1)


def write_proofs(folder: Path, weights: Path, image: Path) -> None:
    """Two proofs of a network with random weights, whatever their deltas are."""
    model = load_classifier(
        {
            "architecture": "cifar_resnet",
            "depth": 20,
            "weights": str(weights),
            "class_names": ["red", "green", "blue"],
            "mean": [0.5] * 3,
            "std": [0.25] * 3,
        }
    )
    pixels = two_things()
    segments = make_segmenter({"segmenter": "grid", "rows": 2, "columns": 4})(pixels)
    found = Redactions(model, pixels, segments, masking_value="mean_colour")
    left = np.array([[1, 1, 0, 0, 1, 1, 0, 0]], dtype=bool)
    sample = Sample("image", pixels, source_sha256=sha256_of(image))
    certificates: dict[str, Certificate] = {
        "distinct": certify(found, PAIR, "distinct", np.concatenate([left, ~left])),
        "single": certify(found, PAIR, "single", left),
    }
    for kind, proof in certificates.items():
        where = folder / kind
        write_proof(
            where, sample, found, PAIR, proof, masking_value="mean_colour", weights=str(weights)
        )


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights, an image file and two proofs."""
    folder = tmp_path_factory.mktemp("proofs")
    torch.manual_seed(0)
    weights = {"state_dict": CifarResNet(3, depth=20).state_dict()}
    torch.save(weights, folder / "weights.pth")
    (folder / "image.bin").write_bytes(b"an image")
    write_proofs(folder, folder / "weights.pth", folder / "image.bin")
    return folder


@pytest.fixture
def proofs(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "proofs"))


def edit(proof: Path, **changes: object) -> None:
    stated = json.loads((proof / "proof.json").read_text())
    (proof / "proof.json").write_text(json.dumps({**stated, **changes}))


def paint(path: Path) -> None:
    pixels = np.array(Image.open(path))
    pixels[0, 0] = 255 - pixels[0, 0]
    Image.fromarray(pixels).save(path)


def with_new_checksum(name: str) -> Callable[[Path], None]:
    """Change an image or mask, and the checksum that stands in the proof as well."""

    def change(proof: Path) -> None:
        pixels = np.array(Image.open(proof / name))
        pixels[:, :6] = 255 - pixels[:, :6]
        Image.fromarray(pixels).save(proof / name)
        checksums = json.loads((proof / "proof.json").read_text())["sha256"]
        edit(proof, sha256={**checksums, name: sha256_of(proof / name)})

    return change


@pytest.mark.parametrize("kind", ["distinct", "single"])
def test_a_proof_holds(proofs: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    stated = verify(proofs / kind, image=proofs / "image.bin")
    assert stated["kind"] == kind
    assert main([str(proofs / kind)]) == 0
    assert capsys.readouterr().out.startswith("holds: ")


TAMPERED: dict[str, tuple[Callable[[Path], None], str]] = {
    "mask": (lambda proof: paint(proof / "mask_a.png"), "mask_a.png: changed since"),
    "image": (lambda proof: paint(proof / "image.png"), "image.png: changed since"),
    "masking_value": (lambda proof: paint(proof / "masked.png"), "masked.png: changed since"),
    "missing mask": (lambda proof: (proof / "mask_b.png").unlink(), "mask_b.png: cannot be read"),
    "mask and checksum": (with_new_checksum("mask_b.png"), "mask_a.png and mask_b.png overlap"),
    "image and checksum": (with_new_checksum("image.png"), "before: found"),
    "masking_value and checksum": (with_new_checksum("masked.png"), "after: found"),
    "delta": (lambda proof: edit(proof, delta=0.99), "expected 0.99, as stated"),
    "before": (lambda proof: edit(proof, before=[0.5, 0.5]), "before: found"),
    "after": (lambda proof: edit(proof, after=[[0.0, 1.0], [1.0, 0.0]]), "after: found"),
    "labels": (lambda proof: edit(proof, labels=[0, 2]), "as stated in the proof"),
    "labels the other way": (lambda proof: edit(proof, labels=[1, 0]), "as stated in the proof"),
    "unknown label": (lambda proof: edit(proof, labels=[0, 7]), "not a proof"),
    "measure": (lambda proof: edit(proof, measure="evidence"), "as stated in the proof"),
    "scaling": (
        lambda proof: edit(proof, preprocessing={"mean": [0.4] * 3, "std": [0.25] * 3}),
        "as stated in the proof",
    ),
    "kind": (lambda proof: edit(proof, kind="single"), "expected checksums of"),
    "depth": (
        lambda proof: edit(proof, model={"architecture": "cifar_resnet", "depth": 32}),
        "not weights of",
    ),
    "nothing": (lambda proof: (proof / "proof.json").write_text("{}"), "not a proof"),
    "not json": (lambda proof: (proof / "proof.json").write_text("no"), "no readable proof"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_changed_proof_is_refused_with_the_reason(proofs: Path, what: str) -> None:
    change, reason = TAMPERED[what]
    change(proofs / "distinct")
    with pytest.raises(PipelineError) as caught:
        verify(proofs / "distinct")
    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_other_weights_or_another_image_are_refused(proofs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save(CifarResNet(3, depth=20).state_dict(), other)
    with pytest.raises(PipelineError, match="not the weights that were proved about"):
        verify(proofs / "single", weights=other)
    with pytest.raises(PipelineError, match="not the image that was proved about"):
        verify(proofs / "single", image=other)
    assert main([str(proofs / "single"), "--image", str(other)]) == 1


def test_weights_may_lie_elsewhere(proofs: Path, tmp_path: Path) -> None:
    moved = shutil.copy(proofs / "weights.pth", tmp_path / "moved.pth")
    edit(proofs / "single", weights="nowhere.pth")
    with pytest.raises(PipelineError, match="nowhere"):
        verify(proofs / "single")
    verify(proofs / "single", weights=Path(moved))


def test_equal_proofs_have_equal_bytes(original: Path, tmp_path: Path) -> None:
    write_proofs(tmp_path, original / "weights.pth", original / "image.bin")
    for kind in ("distinct", "single"):
        files = sorted(file.name for file in (original / kind).iterdir())
        assert len(files) == (5 if kind == "distinct" else 4)
        for name in files:
            assert (tmp_path / kind / name).read_bytes() == (original / kind / name).read_bytes()


def test_checking_needs_nothing_of_how_a_proof_was_found() -> None:
    code = "import sys, latentgen.disambiguation.verify_proof; print(*sys.modules)"
    paths = {**os.environ, "PYTHONPATH": str(Path(latentgen.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=paths, capture_output=True, check=True)
    used = set(done.stdout.decode().split())
    assert "latentgen.disambiguation.classifiers" in used
    for name in ("attribution", "certificates", "proofs", "redaction", "search", "segments"):
        assert f"latentgen.disambiguation.{name}" not in used
