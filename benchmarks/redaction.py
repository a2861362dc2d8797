"""Redacting along a ranking one image at a time, and a batch at a time; a second classifier."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.timing import Benchmark, Comparison, Prepared, Sizes, require
from latentgen.disambiguation.architectures.cifar_resnet import CifarResNet
from latentgen.disambiguation.architectures.composite_net import CompositeNet
from latentgen.disambiguation.classifiers import Classifier, frozen, names_of, probability
from latentgen.disambiguation.images import Sample
from latentgen.disambiguation.redaction import Redactions, prefixes
from latentgen.disambiguation.segments import Segments, make_segmenter, read_all, write_all
from latentgen.disambiguation.study import run_study

TOLERANCE = 1e-5  # of logits
ROWS_OF_SEGMENTS = 5
STUDY = {
    "attribution": {"method": "grad_cam", "channels": "max"},
    "masking_value": "black",
    "measure": "evidence",
    "delta": 0.8,
    "top_k": 2,
    "every_pair": False,
    "min_probability": 0.0,
    "min_pixels": 5,
    "search": {"budget": 0, "beam": 1, "draws": 0},
    "decide": {"distinct": 0.5, "single": 0.5},
    "seed": 0,
    "model": {"weights": ""},
}


def _classifier(make: Callable[[], nn.Module], seed: int) -> Classifier:
    """A classifier with random weights."""
    torch.manual_seed(seed)
    return Classifier(frozen(make()), names_of(10), [0.5] * 3, [0.25] * 3, {}, "")


def _image(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """Coloured rectangles."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    for _ in range(12):
        top, left = rng.integers(0, height - 6), rng.integers(0, width - 6)
        down, right = rng.integers(4, height // 2), rng.integers(4, width // 2)
        pixels[top : top + down, left : left + right] = rng.integers(0, 255, 3)
    return pixels


# ------------------------------------------------------------------------------------ redactions


def one_by_one(
    module: nn.Module, classifier: Classifier, image: NDArray[np.uint8], segments: Segments
) -> NDArray[np.float32]:
    """Logits after each further segment: one more is hidden, the network looks, and so on."""
    shown, logits = image.copy(), []
    with torch.no_grad():
        for segment in range(segments.max() + 1):
            shown[segments == segment] = 0
            logits.append(module(classifier.inputs(shown[None]).contiguous())[0].numpy())
    return np.stack(logits)


@contextmanager
def redactions(make: Callable[[], nn.Module], shape: tuple[int, int], sizes: Sizes) -> Prepared:
    """Every prefix of one ranking of an image's segments."""
    classifier, image = _classifier(make, 0), _image(0, *shape)
    torch.manual_seed(0)
    plain = make().eval()
    columns = sizes.segments // ROWS_OF_SEGMENTS
    grid = {"segmenter": "grid", "rows": ROWS_OF_SEGMENTS, "columns": columns}
    segments = make_segmenter(grid)(image)
    sets = prefixes(np.arange(sizes.segments), sizes.segments)

    def ours() -> NDArray[np.float32]:
        return Redactions(classifier, image, segments, masking_value="black").logits(sets)

    def check(plain: NDArray[np.float32], ours: NDArray[np.float32]) -> str:
        difference = np.abs(plain - ours).max()
        most = np.abs(probability(plain) - probability(ours)).max()
        said = f"logits within {difference:.0e}, probabilities within {most:.0e}"
        return require(difference <= TOLERANCE, said)

    yield Comparison(partial(one_by_one, plain, classifier, image, segments), ours, check)


# -------------------------------------------------------------------------------- a second model


@contextmanager
def _small_sam(folder: Path) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Settings of a small Segment Anything with random weights, and a count of its passes."""
    import segment_anything
    from segment_anything.build_sam import _build_sam

    passes = [0]

    def count(module: nn.Module, inputs: object, output: object) -> None:
        passes[0] += isinstance(module, segment_anything.modeling.ImageEncoderViT)

    registry = segment_anything.sam_model_registry
    published = registry["vit_b"]
    registry["vit_b"] = partial(_build_sam, 16, 1, 1, [0])
    torch.save(registry["vit_b"]().state_dict(), folder / "sam.pth")
    hook = nn.modules.module.register_module_forward_hook(count)
    settings = {
        "segmenter": "sam",
        "model": "vit_b",
        "checkpoint": str(folder / "sam.pth"),
        "min_region": 4,
        "points_per_side": 4,
        "pred_iou_thresh": -10.0,
        "stability_score_thresh": 0.0,
    }
    try:
        yield settings, passes
    finally:
        hook.remove()
        registry["vit_b"] = published


@contextmanager
def second_classifier(sizes: Sizes) -> Prepared:
    """The pairs of images that were segmented before, under another classifier."""
    samples = [Sample(f"image {seed}", _image(seed, 64, 64)) for seed in range(2)]
    with TemporaryDirectory() as name, _small_sam(Path(name)) as (settings, passes):
        folder = Path(name)
        write_all(samples, make_segmenter(settings), folder / "segments.h5")

        def study(segments: Path) -> tuple[int, list[float]]:
            before = passes[0]
            if not segments.exists():
                write_all(samples, make_segmenter(settings), segments)
            found = zip(samples, read_all(segments), strict=True)
            pairs = run_study(
                found, _classifier(partial(CompositeNet, 10), 1), STUDY, folder / "study"
            )["pairs"]
            return passes[0] - before, list(pairs["score"])

        def plain() -> tuple[int, list[float]]:
            (folder / "again.h5").unlink(missing_ok=True)
            return study(folder / "again.h5")

        def check(plain: tuple[int, list[float]], ours: tuple[int, list[float]]) -> str:
            said = f"the same scores; passes of Segment Anything: {ours[0]} instead of {plain[0]}"
            return require(plain[1] == ours[1] and ours[0] == 0 < plain[0], said)

        yield Comparison(plain, partial(study, folder / "segments.h5"), check)


PLAIN = "one image at a time: hide one more segment, run the network"
BENCHMARKS = [
    Benchmark(
        "redactions-composite-net",
        "50 redactions along a ranking, the CNN for composites of digits, 32 x 32",
        PLAIN,
        3.0,
        partial(redactions, partial(CompositeNet, 10), (32, 32)),
    ),
    Benchmark(
        "redactions-resnet20",
        "50 redactions along a ranking, ResNet-20, 32 x 64",
        PLAIN,
        3.0,
        partial(redactions, partial(CifarResNet, 10, depth=20), (32, 64)),
    ),
    Benchmark(
        "second-classifier",
        "a second classifier of two images segmented by (a small) Segment Anything",
        "segments found again",
        1.0,
        second_classifier,
    ),
]
