"""Check a counterfactual proof: `python -m latentgen.disambiguation.verify_proof PROOF`.

Needs the proof's folder and the model's weights; takes two forward passes, one of the image as it
is and one of its redactions. No code that finds proofs is used. All that proof.json states about
image, model and numbers is checked; a proof that does not hold is refused with the reason.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentgen.content import sha256_of
from latentgen.disambiguation.classifiers import (
    MEASURES,
    Classifier,
    load_classifier,
    weights_path,
)
from latentgen.errors import PipelineError, one_line

MASKS = {"distinct": ("mask_a.png", "mask_b.png"), "single": ("mask.png",)}
"""Files of a proof of either kind: where each of its sets is redacted."""

TOLERANCE = 1e-3
"""Relative difference of values that is accepted, since machines add up in different orders."""


def verify(folder: Path, weights: Path | None = None, image: Path | None = None) -> dict[str, Any]:
    """Check a proof.

    Args:
        folder: of the proof.
        weights: file of the model's weights; by default the file that is named in the proof.
        image: the image file that the image was made from, to be compared by its checksum.

    Returns:
        The content of proof.json.

    Raises:
        PipelineError: the reason why the proof is refused.
    """
    path = folder / "proof.json"
    try:
        proof = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"{path}: no readable proof ({one_line(error)})") from None
    try:
        _check_files(folder, proof, image)
        classifier = _load_model(proof, weights_path(weights or proof["weights"]))
        _check_numbers(folder, proof, classifier)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise PipelineError(
            f"{folder}: proof.json is not a proof ({type(error).__name__}: {one_line(error)})"
        ) from error
    return dict(proof)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise PipelineError(reason)


def _check_files(folder: Path, proof: dict[str, Any], image: Path | None) -> None:
    needed = {"image.png", "masked.png", *MASKS[proof["kind"]]}
    _require(set(proof["sha256"]) == needed, f"{folder}: expected checksums of {sorted(needed)}")
    for name, expected in proof["sha256"].items():
        found = sha256_of(folder / name)
        _require(found == expected, f"{folder / name}: changed since the proof was written")
    if image is not None:
        found = sha256_of(image)
        _require(found == proof["source_sha256"], f"{image}: not the image that was proved about")


def _load_model(proof: dict[str, Any], weights: Path) -> Classifier:
    found = sha256_of(weights)
    _require(
        found == proof["weights_sha256"],
        f"{weights}: not the weights that were proved about (SHA-256 {found})",
    )
    more = {"weights": weights, "class_names": proof["n_classes"]}
    return load_classifier({**proof["model"], **proof["preprocessing"], **more})


def _check_numbers(folder: Path, proof: dict[str, Any], classifier: Classifier) -> None:
    image, masked = _pixels(folder / "image.png", 3), _pixels(folder / "masked.png", 3)
    masks = np.stack([_pixels(folder / name, 2) for name in MASKS[proof["kind"]]])
    _require(bool(np.isin(masks, (0, 255)).all()), f"{folder}: a mask is not black and white")
    redacted = masks > 0
    overlap = proof["kind"] == "distinct" and bool(redacted.all(0).any())
    _require(not overlap, f"{folder}: mask_a.png and mask_b.png overlap")
    labels, measure = proof["labels"], MEASURES[proof["measure"]]
    images = {"before": image[None], "after": np.where(redacted[..., None], masked, image)}
    for name, pixels in images.items():
        found = measure(classifier.logits(pixels))[:, labels]
        stated = np.reshape(proof[name], (-1, 2))
        _require(
            stated.shape == found.shape and np.allclose(stated, found, TOLERANCE, 1e-5),
            f"{folder}: {name}: found {found.tolist()}; expected {stated.tolist()}, "
            "as stated in the proof",
        )
    delta = _delta(proof["kind"], np.array(proof["after"]) / np.array(proof["before"]))
    _require(
        math.isclose(delta, proof["delta"], abs_tol=1e-9),
        f"{folder}: delta: found {delta}; expected {proof['delta']}, as stated in the proof",
    )


def _pixels(path: Path, dimensions: int) -> NDArray[np.uint8]:
    with Image.open(path, formats=["PNG"]) as image:
        pixels = np.array(image)
    _require(pixels.ndim == dimensions, f"{path}: expected {dimensions} dimensions")
    return pixels


def _delta(kind: str, retained: NDArray[np.float64]) -> float:
    """Return the largest delta at which a certificate holds (arXiv 2410.19479), at most 1."""
    if kind == "single":
        return float(min(*(1 - retained[0]), 1))
    own, other = retained[[0, 1], [0, 1]], retained[[0, 1], [1, 0]]
    return float(min(*(1 - own), *other, 1))


def main(arguments: list[str] | None = None) -> int:
    """Check the proofs named on the command line; 0 if all of them hold."""
    parser = argparse.ArgumentParser(description="Check counterfactual proofs.")
    parser.add_argument("proof", nargs="+", type=Path, help="folder of a proof")
    parser.add_argument("--weights", type=Path, help="the model's weights, if they have moved")
    parser.add_argument("--image", type=Path, help="the image file, to compare its checksum")
    options = parser.parse_args(arguments)
    refused = 0
    for folder in options.proof:
        try:
            proof = verify(folder, options.weights, options.image)
        except PipelineError as error:
            refused += 1
            print(f"refused: {error}")
        else:
            names = " and ".join(proof["label_names"])
            print(f"holds: {folder}: {proof['kind']}, {names}, delta {proof['delta']:.3f}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
