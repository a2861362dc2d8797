"""What several tests of disambiguation need."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch


@pytest.fixture
def small_sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of a Segment Anything with few and random weights, which lie in a file."""
    import segment_anything
    from segment_anything.build_sam import _build_sam

    tiny = partial(_build_sam, 16, 1, 1, [0])
    monkeypatch.setitem(segment_anything.sam_model_registry, "vit_b", tiny)
    torch.manual_seed(0)
    checkpoint = tmp_path / "sam.pth"
    torch.save(tiny().state_dict(), checkpoint)
    return {
        "segmenter": "sam",
        "model": "vit_b",
        "checkpoint": str(checkpoint),
        "min_region": 4,
        "points_per_side": 2,
        "crop_n_layers": 0,
        "pred_iou_thresh": -10.0,
        "stability_score_thresh": 0.0,
    }
