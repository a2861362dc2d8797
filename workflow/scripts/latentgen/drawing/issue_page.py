"""A page of the most suspect samples of a run, with their pictures, to sort and search."""

from base64 import b64encode
from html import escape
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image

from latentgen.data.datasets import Images
from latentgen.drawing.table_pages import page, sortable

N_SAMPLES = 100
"""How many samples a page shows."""

_SIDE = 64  # pixels of the shorter side of a picture on the page


def issue_page(samples: pd.DataFrame, images: Images, title: str) -> str:
    """The page, as HTML that needs no other file.

    Args:
        samples: `label_issues.csv` of a run: id, split, given_label, predicted_label, true_label
            (unless unknown), probes (the score) and is_label_issue are shown.
        images: uint8 (N, C, H, W), of the same samples.
        title: of the page.
    """
    order = np.argsort(samples["probes"].to_numpy(), kind="stable")[:N_SAMPLES]
    worst = samples.iloc[order]
    known = worst["true_label"].notna().all()
    table = pd.DataFrame(
        {
            "picture": [_picture(images[row]) for row in order],
            "sample": _texts(worst["id"]),
            "given label": _texts(worst["given_label"]),
            "suggested label": _texts(worst["predicted_label"]),
            "score": worst["probes"].round(4).to_numpy(),
            **({"true label": _texts(worst["true_label"])} if known else {}),
            "split": _texts(worst["split"]),
        }
    )
    n_issues = int(samples["is_label_issue"].sum())
    said = (
        f"<h1>{escape(title)}</h1>\n<p>The {len(table)} samples whose labels go least well with "
        "what probes read from an early layer of the network, the worst first; "
        f"{n_issues} of all {len(samples)} are label issues. The score, 0 to 1, is the probability "
        f"that the probes give to the label.{'' if known else ' Nobody knows the true labels.'}"
        "</p>\n"
    )
    return page(title, said + sortable(table, with_html=True))


def _texts(values: pd.Series) -> list[str]:
    """Whatever a name holds as text that a browser shows and does nothing with."""
    return [escape(value) for value in values.astype(str)]


def _picture(image: Images) -> str:
    """An image element that holds the picture itself."""
    channels_last = np.moveaxis(image, 0, -1)
    picture = Image.fromarray(channels_last[..., 0] if len(image) == 1 else channels_last)
    scale = max(1, _SIDE // min(picture.size))
    picture = picture.resize(
        (picture.width * scale, picture.height * scale), Image.Resampling.NEAREST
    )
    buffer = BytesIO()
    picture.save(buffer, format="PNG")
    return f'<img alt="" src="data:image/png;base64,{b64encode(buffer.getvalue()).decode()}">'
