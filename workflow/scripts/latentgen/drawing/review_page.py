"""A page on which a person reviews the most suspect labels, in one HTML file that works offline."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from importlib.resources import files
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

N_SHOWN = 300
"""Default number of samples on a page."""

_SIDE = 96  # pixels of the longer side of a thumbnail


def review_page(
    table: pd.DataFrame,
    open_image: Callable[[int], Image.Image] | None,
    *,
    title: str,
    classes: Sequence[str],
    key: str = "file",
    n_shown: int = N_SHOWN,
) -> str:
    """Return the page as HTML.

    It shows the samples with the lowest scores, by pair of given and suggested label. A decision
    (accept the suggestion, keep the label, another class, unsure) is made by key or button, is kept
    by the browser over a reload, and is exported as a CSV file with columns file (or index), label
    and decision, and a row for every sample of the table, also those that are not shown.

    Args:
        table: a row for each sample; index: names; columns is_label_issue, label_score,
            given_label, predicted_label, and optionally true_label and reviewed. Reviewed samples
            are not shown.
        open_image: returns the image of the sample in a row of the table; None without images.
        title: of the page.
        classes: names that a label may be corrected to.
        key: name of the export's first column: `file`, or `index` if names are positions.
        n_shown: maximum number of samples to show.
    """
    open_rows = np.arange(len(table))
    if "reviewed" in table:
        open_rows = open_rows[~table["reviewed"].to_numpy(dtype=bool)]
    scores = table["label_score"].to_numpy()[open_rows]
    shown = open_rows[np.argsort(scores, kind="stable")[:n_shown]].tolist()
    names = table.index.astype(str).tolist()
    given = table["given_label"].astype(str).tolist()
    data: dict[str, Any] = {
        "title": title,
        "column": key,
        "classes": list(classes),
        "names": names,
        "labels": given,
        "n_issues": int(table["is_label_issue"].sum()),
        "samples": [_sample(table, row, open_image) for row in shown],
    }
    digest = hashlib.sha256(json.dumps([title, names, given]).encode()).hexdigest()
    data["storage"] = f"latentgen-review-{digest[:16]}"
    template = files("latentgen.drawing").joinpath("review_page.html").read_text("utf-8")
    # `<` as an escape, so that no name of a file or class can end the script element.
    return template.replace("__DATA__", json.dumps(data).replace("<", "\\u003c"))


def _sample(
    table: pd.DataFrame, row: int, open_image: Callable[[int], Image.Image] | None
) -> dict[str, Any]:
    values = table.iloc[row]
    sample = {
        "row": row,
        "score": round(float(values["label_score"]), 4),
        "suggested": str(values["predicted_label"]),
        "issue": bool(values["is_label_issue"]),
    }
    if "true_label" in table and pd.notna(values["true_label"]):
        sample["true"] = str(values["true_label"])
    if open_image is not None:
        sample["image"] = _thumbnail(open_image(row))
    return sample


def _thumbnail(image: Image.Image) -> str:
    """Return an image as a data URL; small images are enlarged by whole factors."""
    image = image.convert("RGB")
    factor = _SIDE // max(image.size)
    if factor > 1:
        size = (image.width * factor, image.height * factor)
        image = image.resize(size, Image.Resampling.NEAREST)
    else:
        image.thumbnail((2 * _SIDE, 2 * _SIDE))
    stream = BytesIO()
    image.save(stream, format="JPEG", quality=88)
    return f"data:image/jpeg;base64,{b64encode(stream.getvalue()).decode()}"
