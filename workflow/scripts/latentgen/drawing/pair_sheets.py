"""A sheet for each pair of labels, drawn from its proofs, and the page that lists all of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from skimage.segmentation import mark_boundaries

from latentgen.disambiguation.images import Sample
from latentgen.disambiguation.segments import Segments
from latentgen.disambiguation.study import proof_name
from latentgen.disambiguation.verify_proof import MASKS
from latentgen.drawing.facets import save, set_theme

LABEL_A, LABEL_B = "#0072B2", "#D55E00"
REDACTIONS = {
    "mask_a.png": "without $S_a$",
    "mask_b.png": "without $S_b$",
    "mask.png": "without $S$",
}


@dataclass(frozen=True, eq=False)
class Redaction:
    """One redaction of a proof, as read from the proof's folder."""

    title: str
    image: NDArray[np.uint8]
    measure: str
    before: tuple[float, float]
    after: tuple[float, float]


def read_redactions(proof: Path) -> list[Redaction]:
    """The redacted images of a proof, composed from its files; none if there is no proof."""
    if not proof.exists():
        return []
    stated = json.loads((proof / "proof.json").read_text())
    image, masked = (_read(proof / f"{name}.png") for name in ("image", "masked"))
    return [
        Redaction(
            REDACTIONS[name],
            np.where(_read(proof / name)[..., None] > 0, masked, image),
            stated["measure"],
            tuple(stated["before"]),
            tuple(after),
        )
        for name, after in zip(MASKS[stated["kind"]], stated["after"], strict=True)
    ]


def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def sheet_name(row: Mapping[str, Any]) -> str:
    """File name of a pair's sheet, without its ending; file systems allow 255 bytes.

    >>> sheet_name({"name": "cats/1.png", "label_a": 3, "label_b": 5})
    'cats--1.png--3-5'
    """
    image = str(row["name"]).replace("/", "--")
    if len(image.encode()) > 180:
        digest = hashlib.sha256(image.encode()).hexdigest()[:12]
        image = f"{image.encode()[:160].decode(errors='ignore')}-{digest}"
    return f"{image}--{row['label_a']}-{row['label_b']}"


def draw_sheet(
    row: Mapping[str, Any],
    sample: Sample,
    segments: Segments,
    curves: pd.DataFrame,
    proofs: Path,
    style: Mapping[str, Any],
    delta: float,
) -> tuple[Figure, pd.DataFrame]:
    """Draw image, segments, the certified redactions, and both labels while segments are redacted.

    The upper curves follow each label's full ranking (Algorithm 2), the lower ones first the
    label's own segments and then the others (Algorithm 1); a blue line marks where own segments
    end. Each shows probabilities, and percentages of those of the whole image, with a red line at
    the first step that fulfils the published rule, if any.

    Args:
        row: of pairs.csv.
        sample: the image.
        segments: its label map.
        curves: the pair's rows of curves.csv.
        proofs: folder of the study's proofs.
        style: the block `figures` of config.yaml.
        delta: the study's threshold.

    Returns:
        The figure, and the numbers drawn in it: panel, step, value_a, value_b.
    """
    found = {kind: read_redactions(proofs / proof_name(row, kind)) for kind in MASKS}
    figure = plt.figure(figsize=(style["width"], style["width"] * 0.8))
    figure.suptitle(_title(row), fontsize=8, x=0.02, ha="left", parse_math=False)
    top = figure.add_gridspec(1, 5, left=0.02, right=0.98, top=0.9, bottom=0.62, wspace=0.08)
    _show(figure.add_subplot(top[0]), sample.image, "image", "")
    _show(figure.add_subplot(top[1]), outlined(sample.image, segments), "segments", "")
    for place in range(2, 5):
        kind, index = ("distinct", place - 2) if place < 4 else ("single", 0)
        redaction = found[kind][index] if found[kind] else None
        axes = figure.add_subplot(top[place])
        if redaction is None:
            _show(axes, np.full_like(sample.image, 255), f"no {kind} certificate", "")
        else:
            _show(axes, redaction.image, f"{kind}: {redaction.title}", _change(redaction))
    curves = with_percents(curves)
    bottom = figure.add_gridspec(
        2, 4, left=0.07, right=0.98, top=0.53, bottom=0.12, wspace=0.3, hspace=0.75
    )
    for place, along in enumerate(("a", "b", "own_a", "own_b")):
        curve = curves[curves["along"] == along]
        n_own = int(curve["own"].sum())
        searched = curve[: n_own + 1] if along.startswith("own") else curve
        step = distinct_step(searched, along[-1], delta)
        for offset, quantity in enumerate(("probability", "percent")):
            axes = figure.add_subplot(bottom[place // 2, 2 * (place % 2) + offset])
            _draw_curve(axes, curve, along, quantity)
            if step is not None:
                axes.axvline(step, color="#cc0000", linestyle=":", linewidth=1)
            if along.startswith("own"):
                axes.axvline(n_own, color="#0000cc", linestyle=":", linewidth=1)
    figure.legend(
        *figure.axes[-1].get_legend_handles_labels(), fontsize=7, loc="lower center", ncols=2
    )
    return figure, _numbers(curves, found)


def with_percents(curves: pd.DataFrame) -> pd.DataFrame:
    """Curves with percent_a and percent_b, what is left of what the whole image has."""
    whole = curves[curves["step"] == 0].set_index("along")
    return curves.assign(
        **{
            f"percent_{label}": 100
            * curves[f"probability_{label}"]
            / curves["along"].map(whole[f"probability_{label}"])
            for label in "ab"
        }
    )


def distinct_step(curve: pd.DataFrame, along: str, delta: float) -> int | None:
    """The first step of a ranking that takes its label away and leaves the other, if any.

    Args:
        curve: along one ranking, with percents.
        along: whose ranking, `a` or `b`.
        delta: at most 1 - delta of the one must be left, and at least delta of the other.
    """
    other = "b" if along == "a" else "a"
    met = (curve[f"percent_{along}"] <= 100 * (1 - delta)) & (
        curve[f"percent_{other}"] >= 100 * delta
    )
    return int(curve["step"][met].iloc[0]) if met.any() else None


def outlined(image: NDArray[np.uint8], segments: Segments) -> NDArray[np.float64]:
    """The image (0..1) with its segments' borders in yellow, enlarged so that they stay thin."""
    factor = -(-300 // max(image.shape[:2]))
    large = image.repeat(factor, 0).repeat(factor, 1)
    labels = segments.repeat(factor, 0).repeat(factor, 1)
    return mark_boundaries(large, labels, color=(1, 0.86, 0), mode="thick")


def _title(row: Mapping[str, Any]) -> str:
    truth = f" (truth: {row['truth']})" if row["truth"] else ""
    return (
        f"{row['name']}: a = {row['name_a']} ({row['probability_a']:.2f}), "
        f"b = {row['name_b']} ({row['probability_b']:.2g})\n"
        f"verdict {row['verdict']}{truth}; published rule: {row['verdict_published']}; "
        f"largest delta: distinct {row['distinct_delta']:.2f}, single {row['single_delta']:.2f}; "
        f"score {row['score']:.2f}"
    )


def _show(axes: Any, image: NDArray[Any], title: str, below: str) -> None:
    axes.imshow(image, interpolation="nearest")
    axes.set_title(title, fontsize=7)
    axes.set_xlabel(below, fontsize=6, parse_math=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[:].set_visible(True)


def _change(redaction: Redaction) -> str:
    return "\n".join(
        f"{redaction.measure} of {label}: {before:.2g} → {after:.2g}"
        for label, before, after in zip("ab", redaction.before, redaction.after, strict=True)
    )


def _draw_curve(axes: Any, curve: pd.DataFrame, along: str, quantity: str) -> None:
    for label, colour, line in (("a", LABEL_A, "-"), ("b", LABEL_B, "--")):
        axes.plot(
            curve["step"],
            curve[f"{quantity}_{label}"],
            line,
            color=colour,
            marker="o" if label == "a" else "s",
            markersize=2,
            label=label,
        )
    if quantity == "probability":
        axes.set_ylim(-0.03, 1.03)
    else:  # a weak label may grow to many times of what it was
        highest = float(curve[["percent_a", "percent_b"]].to_numpy().max())
        axes.set_ylim(-6, min(max(highest, 100), 200) * 1.03)
        axes.axhline(100, color="#777777", linewidth=0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    which = f"{along[-1]}'s own first" if along.startswith("own") else f"{along}'s ranking"
    axes.set_xlabel(f"segments redacted, {which}", fontsize=6)
    axes.set_title("Probability" if quantity == "probability" else "% of the whole", fontsize=6)
    axes.tick_params(labelsize=6)


def _numbers(curves: pd.DataFrame, found: Mapping[str, list[Redaction]]) -> pd.DataFrame:
    lines = pd.concat(
        pd.DataFrame(
            {
                "panel": "along_" + curves["along"] + f"_{quantity}",
                "step": curves["step"],
                "value_a": curves[f"{quantity}_a"],
                "value_b": curves[f"{quantity}_b"],
            }
        )
        for quantity in ("probability", "percent")
    )
    changes = [
        (f"{kind}_{redaction.title}_{when}".replace("$", ""), step, *values)
        for kind, redactions in found.items()
        for redaction in redactions
        for step, (when, values) in enumerate(
            (("before", redaction.before), ("after", redaction.after))
        )
    ]
    return pd.concat([lines, pd.DataFrame(changes, columns=lines.columns)], ignore_index=True)


def _rows(pairs: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in pairs.to_dict("records")]


def draw_sheets(
    pairs: pd.DataFrame,
    curves: pd.DataFrame,
    images: Mapping[str, tuple[Sample, Segments]],
    proofs: Path,
    folder: Path,
    style: Mapping[str, Any],
    delta: float,
) -> None:
    """Draw the sheets of all pairs into an existing folder, each as PDF, PNG and CSV."""
    groups = dict(iter(curves.groupby(["name", "label_a", "label_b"], sort=False)))
    set_theme(style)
    for row in _rows(pairs):
        name = str(row["name"])
        sample, segments = images[name]
        curve = groups[(name, row["label_a"], row["label_b"])]
        figure, numbers = draw_sheet(row, sample, segments, curve, proofs, style, delta)
        files = {kind: str(folder / f"{sheet_name(row)}.{kind}") for kind in ("pdf", "png", "csv")}
        save(figure, numbers, files)


def index_page(
    template: str, study: str, pairs: pd.DataFrame, skipped: pd.DataFrame, facts: Mapping[str, Any]
) -> str:
    """The page that lists all pairs of a study, and the skipped images with the reasons.

    Args:
        template: of Jinja.
        study: name of the study.
        pairs: all of pairs.csv.
        skipped: name and reason of each image that was left out.
        facts: settings to be shown.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    rows = [{**row, "sheet": sheet_name(row)} for row in _rows(pairs)]
    counts = pairs["verdict"].value_counts().to_dict() if len(pairs) else {}
    return environment.from_string(template).render(
        study=study, pairs=rows, counts=counts, skipped=skipped.to_dict("records"), facts=facts
    )
