"""What batching redactions saves, and that a second model segments nothing anew.

python benchmarks/redaction.py

Prints one line for each measurement; the best of several interleaved rounds counts.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from latentgen.disambiguation.classifiers import (
    IMAGENET,
    CanvasNet,
    CifarResNet,
    Classifier,
    frozen,
    names_of,
)
from latentgen.disambiguation.pictures import Sample
from latentgen.disambiguation.redaction import Redactions, prefixes
from latentgen.disambiguation.segments import make_segmenter, read_all, write_all
from latentgen.disambiguation.study import run_study

ROUNDS = 9
SEGMENTS = 50
STUDY = {
    "attribution": {"method": "grad_cam", "channels": "max"},
    "fill": "black",
    "measure": "evidence",
    "delta": 0.8,
    "top_k": 2,
    "min_probability": 0.0,
    "min_pixels": 5,
    "search": {"budget": 0, "beam": 1, "draws": 0},
    "decide": {"distinct": 0.5, "single": 0.5},
    "seed": 0,
    "model": {"weights": ""},
}


def network(make: Callable[[], torch.nn.Module], seed: int) -> Classifier:
    """A classifier with random weights."""
    torch.manual_seed(seed)
    return Classifier(frozen(make()), names_of(10), *IMAGENET, {}, "")


def resnet20() -> torch.nn.Module:
    """A ResNet for CIFAR-10."""
    return CifarResNet(20)


def picture(seed: int, side: int) -> NDArray[np.uint8]:
    """Coloured rectangles."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((side, side, 3), dtype=np.uint8)
    for _ in range(12):
        top, left = rng.integers(0, side - 6, 2)
        height, width = rng.integers(4, side // 2, 2)
        pixels[top : top + height, left : left + width] = rng.integers(0, 255, 3)
    return pixels


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def batched_against_one_by_one(make: Callable[[], torch.nn.Module], side: int) -> None:
    """All prefixes of one ranking, as `Redactions` evaluates them, and each by itself."""
    model, shown = network(make, 0), picture(0, side)
    grid = make_segmenter({"segmenter": "grid", "rows": 5, "columns": SEGMENTS // 5})(shown)
    sets = prefixes(np.arange(SEGMENTS), SEGMENTS)

    def together() -> NDArray[np.float32]:
        return Redactions(model, shown, grid, fill="black").logits(sets)

    def one_by_one() -> NDArray[np.float32]:
        redactions = Redactions(model, shown, grid, fill="black")
        return np.concatenate([redactions.logits(sets[[row]]) for row in range(SEGMENTS)])

    difference = float(np.abs(together() - one_by_one()).max())
    rounds = [(seconds(together), seconds(one_by_one)) for _ in range(ROUNDS)]
    batch, single = (min(times) for times in zip(*rounds, strict=True))
    print(
        f"{make.__name__}, {SEGMENTS} redactions of {side}x{side}: "
        f"one by one {single * 1e3:.0f} ms, batched {batch * 1e3:.0f} ms, "
        f"{single / batch:.1f} times faster, logits differ by at most {difference:.1e}"
    )


def segmenter_passes_on_a_second_model() -> None:
    """Count how often a (small, random) Segment Anything looks at a picture."""
    import segment_anything
    from segment_anything.build_sam import _build_sam

    segment_anything.sam_model_registry["vit_b"] = partial(_build_sam, 16, 1, 1, [0])
    passes = [0]

    def count(module: torch.nn.Module, inputs: object, output: object) -> None:
        if isinstance(module, segment_anything.modeling.ImageEncoderViT):
            passes[0] += 1

    samples = [Sample(f"picture {seed}", picture(seed, 64)) for seed in range(2)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        torch.save(segment_anything.sam_model_registry["vit_b"]().state_dict(), folder / "sam.pth")
        settings = {
            "segmenter": "sam",
            "model": "vit_b",
            "checkpoint": str(folder / "sam.pth"),
            "min_region": 4,
            "points_per_side": 4,
            "pred_iou_thresh": -10.0,
            "stability_score_thresh": 0.0,
        }
        hook = torch.nn.modules.module.register_module_forward_hook(count)
        write_all(samples, make_segmenter(settings), folder / "segments.h5")
        for model in range(2):
            found = zip(samples, read_all(folder / "segments.h5"), strict=True)
            tables = run_study(found, network(CanvasNet, model), STUDY, folder / str(model))
            print(
                f"model {model + 1}: {len(tables['pairs'])} pairs, "
                f"{passes[0]} passes of Segment Anything for {len(samples)} pictures"
            )
            passes[0] = 0
        hook.remove()


def main() -> None:
    """All measurements."""
    threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or torch.get_num_threads()
    torch.set_num_threads(threads)
    print(f"torch {torch.__version__}, {threads} threads, CPU")
    batched_against_one_by_one(CanvasNet, 32)
    batched_against_one_by_one(resnet20, 32)
    batched_against_one_by_one(resnet20, 64)
    segmenter_passes_on_a_second_model()


if __name__ == "__main__":
    main()
