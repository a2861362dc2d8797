"""A figure of a dataset's samples: images, or features in two dimensions."""

import matplotlib
import numpy as np

from latentgen.data.datasets import Dataset, StrPath
from latentgen.random_streams import derive_seed
from latentgen.storage import atomic_path


def draw_samples(dataset: Dataset, path: StrPath) -> None:
    """Draw a PNG of ten training images, the same ones every time, of each of up to ten classes.

    Features are drawn as points on their first two principal components.
    """
    if dataset.train_images.ndim == 2:
        _draw_features(dataset, path)
    else:
        _draw_images(dataset, path)


def _draw_features(dataset: Dataset, path: StrPath) -> None:
    """Up to two hundred samples of each of up to ten classes."""
    from matplotlib.figure import Figure

    matplotlib.rcdefaults()  # whatever a matplotlibrc holds
    from sklearn.decomposition import PCA

    names = dataset.class_names[:10]
    generator = np.random.default_rng(derive_seed("sample grid"))
    labels = dataset.train_labels
    members = [generator.permutation(np.flatnonzero(labels == c))[:200] for c in range(len(names))]
    chosen = np.concatenate(members)
    n_components = min(2, len(chosen), dataset.train_images.shape[1])
    principal = PCA(n_components, random_state=0).fit(dataset.train_images[chosen])
    figure = Figure(figsize=(5, 4))
    axes = figure.add_axes((0.12, 0.12, 0.6, 0.83))
    for c, (name, rows) in enumerate(zip(names, members, strict=True)):
        points = principal.transform(dataset.train_images[rows])
        axes.plot(
            points[:, 0], points[:, -1], ".", color=f"C{c}", markersize=4, label=f"{c}: {name}"
        )
    shares = [f"{share:.0%}" for share in principal.explained_variance_ratio_]
    axes.set_xlabel(f"first principal component ({shares[0]} of variance)", fontsize=9)
    axes.set_ylabel(f"second ({shares[-1]})", fontsize=9)
    axes.tick_params(labelsize=8)
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), fontsize=8, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    with atomic_path(path) as partial_file:
        figure.savefig(partial_file, format="png", dpi=160, metadata={"Software": None})


def _draw_images(dataset: Dataset, path: StrPath) -> None:
    from matplotlib.figure import Figure

    matplotlib.rcdefaults()  # whatever a matplotlibrc holds

    names = dataset.class_names[:10]
    _, channels, height, width = dataset.train_images.shape
    # Every image has a white edge of a twelfth of its size, and missing ones are white.
    edge = max(1, max(height, width) // 12)
    pitch = np.array([height, width]) + edge
    canvas = np.full((*(pitch * (len(names), 10) - edge), channels), 255, dtype=np.uint8)
    generator = np.random.default_rng(derive_seed("sample grid"))
    for row in range(len(names)):
        members = np.flatnonzero(dataset.train_labels == row)
        for column, index in enumerate(generator.permutation(members)[:10]):
            y, x = pitch * (row, column)
            canvas[y : y + height, x : x + width] = np.moveaxis(dataset.train_images[index], 0, -1)

    inches = 0.5 * canvas.shape[1] / pitch[1], 0.5 * canvas.shape[0] / pitch[1]
    figure = Figure(figsize=inches)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(
        canvas.squeeze(-1) if channels == 1 else canvas,
        cmap="gray",
        vmin=0,
        vmax=255,
        interpolation="nearest",
        aspect="auto",
    )
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)  # whatever style other figures were drawn in before
    axes.tick_params(length=0, labelsize=9)
    axes.set_xticks([])
    # Names are shown as they are, also those with a dollar sign.
    axes.set_yticks(pitch[0] * np.arange(len(names)) + height / 2, names, parse_math=False)
    if len(names) < len(dataset.class_names):
        axes.set_xlabel(f"first {len(names)} of {len(dataset.class_names)} classes", fontsize=9)
    with atomic_path(path) as partial_file:
        # Every pixel of an image is at least one of the picture.
        figure.savefig(partial_file, format="png", dpi=max(160, 2 * pitch[1]), bbox_inches="tight")
