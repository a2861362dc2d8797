"""Accuracy of networks whose last layer is edited in mid-training."""

from typing import Any

import pandas as pd

from latentgen.analysis import edited_networks, published
from latentgen.analysis.edited_networks import GAIN, QUANTITIES
from latentgen.analysis.over_seeds import read_runs
from latentgen.drawing.facets import Drawn, lines

SHOWN = (0.4, 0.8)
"""The levels that are drawn of an experiment that has both; all are in the numbers."""


def intervention(files: Any, params: Any) -> Drawn:
    """Files: interventions, published, published_model. Params: style, published."""
    ours = edited_networks.after_interventions(read_runs(files.interventions))
    theirs = published.read(files, params.published)
    edited = published.select(
        theirs, published.INTERVENTION, {}, quantity="of", variant="series"
    ).merge(ours[["level", "start"]].drop_duplicates())
    # Theirs are drawn as far as they go, so the undisturbed network goes as far as the longest.
    undisturbed = published.undisturbed(theirs, pd.concat([ours, edited]))
    both = pd.concat([edited, undisturbed], ignore_index=True)
    numbers = published.with_published(ours, both, ["level", "start"])
    numbers = numbers.assign(**{it: numbers.get(it) for it in ("min", "max")})
    shown = numbers[numbers["level"].isin(SHOWN)] if {*SHOWN} <= {*numbers["level"]} else numbers
    rows = shown[["level", "start"]].drop_duplicates().sort_values(["level", "start"])
    names = {
        f"{level:g} {start:g}": f"corruption {level:g},\nedit at epoch {start:g}"
        for level, start in rows.itertuples(index=False)
    }
    cells = zip(shown["level"], shown["start"], strict=True)
    shown = shown.assign(
        edit=[f"{level:g} {start:g}" for level, start in cells],
        # Only gains have intervals: there, pairing removes the differences between seeds.
        low=shown["low"].where(shown["quantity"] == GAIN),
        high=shown["high"].where(shown["quantity"] == GAIN),
    )
    how: dict[str, Any] = {
        "row": "edit",
        "col": "quantity",
        "names": {"edit": names, "quantity": QUANTITIES},
    }
    look: dict[str, Any] = {
        "hue": "variant",
        "band": ("low", "high"),
        "share_y": False,
        "linear": True,
    }
    figure = lines(shown, params.style, x="epoch", y_label="", x_label="Epoch", **how, **look)
    return figure, numbers
