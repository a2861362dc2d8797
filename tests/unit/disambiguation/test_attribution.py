"""Attributions of networks whose attributions are known, and XRAI's ranking."""

import numpy as np
import pytest
import torch
from tests.unit.disambiguation.colours import STRENGTH, classifier, one_thing, two_things

from latentgen.disambiguation.attribution import METHODS, TARGETS, attribute, gains, ranking
from latentgen.disambiguation.attributions.integrated_gradients import RULES, integrated_gradients
from latentgen.disambiguation.classifiers import probability
from latentgen.disambiguation.segments import make_segmenter
from latentgen.errors import PipelineError
from latentgen.registries import names

GRID = make_segmenter({"segmenter": "grid", "rows": 2, "columns": 4})
PIXELS = 8 * 16


def of_two_things(method: str, channels: str) -> np.ndarray:
    image = two_things()
    masked = np.zeros_like(image)
    return attribute(
        classifier(), image, [0, 1], GRID(image), masked, method=method, channels=channels
    )


def evidence_weights() -> np.ndarray:
    """Derivatives of the evidence for each class by a pixel's colours."""
    return STRENGTH / PIXELS * (np.eye(3) - 1 / 3)


@pytest.mark.parametrize("channels", ["max", "sum"])
def test_integrated_gradients_of_a_linear_network_are_known(channels: str) -> None:
    found = of_two_things("integrated_gradients", channels)
    image = two_things() / 255
    # Baselines are black and white, the least and greatest value: on average, 1/2 everywhere.
    by_colour = (image - 0.5)[None] * evidence_weights()[:2, None, None]
    expected = by_colour.max(-1) if channels == "max" else by_colour.sum(-1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


class Cubes(torch.nn.Module):
    """Logits are sums of the cubes of each colour."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x**3).sum((2, 3))


def test_the_published_rule_averages_fifty_gradients() -> None:
    inputs, zero = torch.full((1, 3, 1, 1), 2.0), torch.zeros((1, 3, 1, 1))
    arguments = (Cubes(), inputs, zero, torch.tensor([1]))
    # Exact is 2**3. The mean of 3 (2 k / 49)**2 over k = 0..49, times 2, is 8 x 99 / 98.
    assert RULES["gauss_legendre"](*arguments)[0, 1].item() == pytest.approx(8)
    assert RULES["average"](*arguments)[0, 1].item() == pytest.approx(8 * 99 / 98)
    assert RULES["average"](*arguments)[0, 0].item() == 0
    with pytest.raises(PipelineError, match="found 'trapezoid'; expected one of"):
        integrated_gradients(*arguments, zero, rule="trapezoid")


@pytest.mark.parametrize("target", TARGETS)
def test_the_target_is_what_is_attributed(target: str) -> None:
    model, image = classifier(), one_thing()
    masked = np.zeros_like(image)
    with torch.inference_mode(), torch.no_grad():  # whatever the caller has set
        found = attribute(
            *(model, image, [0], GRID(image), masked),
            **{"method": "input_x_gradient", "channels": "sum", "target": target},
        )
    weights = STRENGTH / PIXELS * np.eye(3)
    p = probability(model.logits(image[None]))[0]
    of_red = {
        "logit": weights[0],
        "evidence": weights[0] - weights.mean(0),
        "probability": p[0] * (weights[0] - p @ weights),
    }[target]
    np.testing.assert_allclose(found[0], image / 255 @ of_red, atol=1e-6)


def test_ablation_is_what_a_segment_takes_away_spread_over_its_pixels() -> None:
    found = of_two_things("feature_ablation", "max")
    segments = GRID(two_things())
    amounts = np.stack([two_things()[segments == one].sum(0) / 255 for one in range(8)])
    lost = amounts @ evidence_weights()[:2].T
    sizes = np.bincount(segments.ravel())
    np.testing.assert_allclose(found, np.moveaxis(lost / sizes[:, None], -1, 0)[:, segments], 1e-4)


def test_grad_cam_of_a_mean_over_places_is_exact() -> None:
    found = of_two_things("grad_cam", "sum")
    expected = of_two_things("input_x_gradient", "sum")
    np.testing.assert_allclose(found / found.max(), expected / expected.max(), atol=1e-5)


@pytest.mark.parametrize("method", names(METHODS))
def test_the_network_is_left_as_it_was(method: str) -> None:
    model = classifier()
    segments = GRID(one_thing())
    masked = np.zeros_like(one_thing())
    attribute(model, one_thing(), [0, 1], segments, masked, method=method, channels="max")
    for parameter in model.module.parameters():
        assert not parameter.requires_grad
        assert parameter.grad is None


def test_gains_are_means_and_small_segments_are_never_redacted() -> None:
    segments = np.array([[0, 0, 1, 2, 2, 2]], dtype=np.int32)
    attribution = np.array([[1.0, 3.0, 9.0, 0.0, 4.0, 5.0]])
    np.testing.assert_allclose(gains(attribution, segments), [2, 9, 3])
    assert ranking(attribution, segments, min_pixels=1).tolist() == [1, 2, 0]
    assert ranking(attribution, segments, min_pixels=2).tolist() == [2, 0]


def test_the_ranking_is_that_of_the_saliency_package() -> None:
    from saliency.core.xrai import XRAI, XRAIParameters

    rng = np.random.default_rng(3)
    image = rng.integers(0, 255, (48, 48, 3)).astype(np.uint8)
    segments = np.cumsum(rng.random((48, 48)).ravel() < 0.01).reshape(48, 48).astype(np.int32)
    attribution = rng.normal(size=(48, 48))
    least = 60
    order = ranking(attribution, segments, least)
    assert 5 < len(order) <= segments.max()  # some are too small, and left out

    parameters = XRAIParameters(
        area_threshold=1.0, return_xrai_segments=True, flatten_xrai_segments=False
    )
    parameters.experimental_params["min_pixel_diff"] = least
    theirs = XRAI().GetMaskWithDetails(
        image / 255.0,
        None,
        base_attribution=attribution[..., None].repeat(3, 2),
        segments=[segments == one for one in range(segments.max() + 1)],
        extra_parameters=parameters,
    )
    chosen = [set(segments[mask.astype(bool)]) for mask in theirs.segments]
    assert [[*one] for one in chosen[: len(order)]] == [[segment] for segment in order]
