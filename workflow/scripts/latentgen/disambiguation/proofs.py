"""Counterfactual proofs: a certificate as a folder that anybody can check.

    proof.json   labels, kind, delta, what the model returns before and after (probabilities or
                 evidence, see `classifiers.MEASURES`), the classifier's preprocessing, and the
                 SHA-256 of its weights and of every file of the folder
    image.png  the image that the model sees
    masked.png   what redacted pixels show
    mask_a.png   white where S_a is redacted (distinct), mask_b.png likewise for S_b;
    mask.png     or S (single)

Checking it takes the model and two forward passes, and nothing of how it was found: see
`verify_proof`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentgen.content import sha256_of
from latentgen.disambiguation.certificates import Certificate, Pair
from latentgen.disambiguation.images import Sample
from latentgen.disambiguation.redaction import Redactions
from latentgen.disambiguation.verify_proof import MASKS

FORMAT = 1


def write_proof(
    folder: Path,
    sample: Sample,
    redactions: Redactions,
    pair: Pair,
    certificate: Certificate,
    *,
    masking_value: str,
    weights: str,
) -> None:
    """Write a proof to an empty folder; equal proofs have equal bytes.

    Args:
        folder: made here.
        sample: the image, and where it comes from.
        redactions: of the image.
        pair: labels a and b.
        certificate: for that pair.
        masking_value: name of the masking_value.
        weights: path of the classifier's weights, as it is to be looked for.
    """
    folder.mkdir(parents=True)
    _write_png(sample.image, folder / "image.png")
    _write_png(redactions.masked, folder / "masked.png")
    masks = redactions.masks(certificate.sets)
    for name, mask in zip(MASKS[certificate.kind], masks, strict=True):
        _write_png(np.where(mask, 255, 0).astype(np.uint8), folder / name)
    classifier = redactions.classifier
    files = sorted(path.name for path in folder.glob("*.png"))
    proof: dict[str, Any] = {
        "format": FORMAT,
        "kind": certificate.kind,
        "delta": certificate.delta,
        "labels": list(pair),
        "label_names": [classifier.class_names[label] for label in pair],
        "measure": redactions.measure,
        "before": redactions.values(redactions.whole(), pair)[0].tolist(),
        "after": redactions.values(certificate.sets, pair).tolist(),
        "masking_value": masking_value,
        "model": dict(classifier.model),
        "preprocessing": {"mean": list(classifier.mean), "std": list(classifier.std)},
        "n_classes": len(classifier.class_names),
        "weights": weights,
        "weights_sha256": classifier.weights_sha256,
        "source": sample.name,
        "source_sha256": sample.source_sha256,
        "sha256": {name: sha256_of(folder / name) for name in files},
    }
    (folder / "proof.json").write_text(json.dumps(proof, indent=2) + "\n")


def _write_png(pixels: NDArray[np.uint8], path: Path) -> None:
    Image.fromarray(pixels).save(path, optimize=False)
