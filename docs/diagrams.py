"""Draw the diagrams of the explanation pages: python docs/diagrams.py."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

IMAGES = Path(__file__).parent / "images"
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#666666"


def box(axes, x, y, text, color=BLUE, width=1.5, height=0.62):
    """Draw a rounded box with text, centred at x, y."""
    shape = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0.02,rounding_size=0.1",
        edgecolor=color,
        facecolor=color + "18",
        linewidth=1.4,
    )
    axes.add_patch(shape)
    axes.text(x, y, text, ha="center", va="center", fontsize=9)


def arrow(axes, start, end, color=GREY, style="-"):
    """Draw an arrow between two points."""
    arrowprops = {"arrowstyle": "-|>", "color": color, "linestyle": style, "linewidth": 1.2}
    axes.annotate("", end, start, arrowprops=arrowprops)


def pipeline():
    """The chain of results, and what the two controls replace."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots()
    main = ["shuffle\nlabels", "train", "extract\nactivations", "fit\nprobes", "figures,\ntables"]
    for i, text in enumerate(main):
        box(axes, 2 * i, 2, text)
        if i:
            arrow(axes, (2 * i - 1.2, 2), (2 * i - 0.8, 2))
    box(axes, 6, 3, "transfer\nweights")
    arrow(axes, (4.8, 2.3), (5.2, 2.85))
    arrow(axes, (6.8, 2.85), (7.3, 2.35))
    box(axes, 2, 1, "control:\nuntrained network", ORANGE, 2.1)
    box(axes, 2, 0, "control:\nraw input", ORANGE, 2.1)
    for y in (1, 0):
        arrow(axes, (3.1, y), (5.3, 1.65), ORANGE, "--")
    axes.text(4.6, 0.1, "same probe, same observed labels", color=ORANGE, fontsize=9)
    axes.set(xlim=(-1, 9), ylim=(-0.5, 3.5))
    axes.set_axis_off()
    return figure


def probes():
    """Two classes, their first directions, and a new point."""
    random = np.random.default_rng(3)
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    axes = figure.subplots()
    for angle, color, name in ((25, BLUE, "class A"), (65, ORANGE, "class B")):
        direction = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        points = random.uniform(0.3, 2.4, (40, 1)) * direction + random.normal(0, 0.12, (40, 2))
        axes.scatter(*points.T, s=14, color=color, alpha=0.6, label=name)
        _, vectors = np.linalg.eigh(points.T @ points)
        first = vectors[:, -1] * np.sign(vectors[:, -1].sum())
        axes.plot(*np.outer(first, [0, 2.9]), color=color, linewidth=2)
    axes.plot(1.9, 1.4, "x", color="black", markersize=10, markeredgewidth=2.5, label="new point")
    axes.plot([0, 1.9], [0, 1.4], ":", color="black")
    axes.set(xlim=(0, 2.8), ylim=(0, 2.8), aspect="equal", xlabel="unit 1", ylabel="unit 2")
    axes.legend(frameon=False, loc="lower right")
    return figure


if __name__ == "__main__":
    for draw in (pipeline, probes):
        draw().savefig(IMAGES / f"{draw.__name__}.png", dpi=150, metadata={"Software": None})
