"""Geometry of the classes in a layer: angles and spectra of their principal components.

See arXiv 2603.19865.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from latentgen.data.labels import LABEL_KINDS, LabelArray, Labels
from latentgen.networks.activations import ActivationSource
from latentgen.probes.kinds._numerics import TINY_DOUBLE
from latentgen.probes.kinds.masc import MASC
from latentgen.probes.moments import ClassMoments


def angles(a: Tensor, b: Tensor) -> Tensor:
    """Angles in degrees, float64 (n,), 0 to 180, between the rows of a and b, each (n, width).

    Small angles are accurate too, unlike those from the arc cosine of a product. The angle of a
    zero row is NaN.

    >>> a, b = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 1.0], [-2.0, 0.0]])
    >>> angles(a, b).round().tolist()
    [45.0, 180.0]
    """
    a, b = (normalize(rows.double(), eps=TINY_DOUBLE) for rows in (a, b))
    halves = torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1))
    defined = a.any(1) & b.any(1)
    return torch.where(defined, 2 * halves.rad2deg(), torch.nan)


def class_geometry(
    moments: Mapping[str, ClassMoments], masc: Mapping[str, Any], head: Tensor | None = None
) -> list[dict[str, Any]]:
    """Measure the geometry of the classes in one layer.

    Args:
        moments: of the layer, by observed and by true labels.
        masc: MASC's settings.
        head: (C, width) the trained last layer's weights, if this is the penultimate layer.

    Returns:
        A row for each class with class and

        - label_angle: degrees, 0 to 90, between the (uncentred) first principal components of the
          class by observed and by true labels, whatever their signs;
        - head_angle: degrees, 0 to 180, between the class's VeLPIC vector (observed labels) and
          its row in the last layer; NaN without a head;
        - share_observed, share_true: fraction of the class's variance that its first component
          explains;
        - components_observed, components_true: number of components that MASC keeps.

        Angles and fractions of a class without rows, or with only zero rows, are NaN.

    Raises:
        ValueError: fewer than two classes have rows.
    """
    n_classes = moments["observed"].n_classes
    vectors = {kind: moments[kind].first_components() for kind in LABEL_KINDS}
    degrees = angles(vectors["observed"], vectors["true"])
    columns: dict[str, Any] = {"label_angle": torch.minimum(degrees, 180 - degrees).cpu().numpy()}
    columns["head_angle"] = (
        np.full(n_classes, np.nan)
        if head is None
        else angles(vectors["observed"], head).cpu().numpy()
    )
    for kind in LABEL_KINDS:
        columns[f"share_{kind}"] = first_component_shares(moments[kind])
    for kind in LABEL_KINDS:
        probe = MASC(**masc).fit_moments(moments[kind])
        columns[f"components_{kind}"] = probe.n_components_
    return [
        {"class": c, **{name: values[c] for name, values in columns.items()}}
        for c in range(n_classes)
    ]


def layer_geometry(
    source: ActivationSource,
    layer: str,
    labels: Labels,
    moments: Mapping[str, ClassMoments],
    masc: Mapping[str, Any],
    head: Tensor | None = None,
) -> list[dict[str, Any]]:
    """The geometry of the classes in one layer, on training and on test data.

    Args:
        source: of the layer.
        layer: its name.
        labels: of the source's samples.
        moments: as for `class_geometry`, of this layer.
        masc: as for `class_geometry`.
        head: as for `class_geometry`.

    Returns:
        The rows of `class_geometry`, each with share_observed_test and share_true_test: of the test
        images whose true label is the class, the fraction of the sum of their squares that lies
        along the first component of the observed and of the true training class.
    """
    on_test = {
        f"share_{kind}_test": shares_on_test(
            source, layer, labels.test, moments[kind].first_components()
        )
        for kind in LABEL_KINDS
    }
    return [
        {**row, **{name: shares[row["class"]] for name, shares in on_test.items()}}
        for row in class_geometry(moments, masc, head)
    ]


def shares_on_test(
    source: ActivationSource, layer: str, test_labels: LabelArray, vectors: Tensor
) -> NDArray[np.float64]:
    """Fraction of each class's squares, on test, that lies along a unit vector of its own, (C,).

    Args:
        source: of the layer.
        layer: its name.
        test_labels: (M,) true labels of the test images.
        vectors: (C, width) a unit vector for each class, or zeros.

    Returns:
        Shares; NaN for a class without a vector, without images, or with only zero rows.
    """
    n_classes = len(vectors)
    along, whole = np.zeros(n_classes), np.zeros(n_classes)
    start = 0
    for batch in source.batches("test", [layer]):
        rows = batch[layer].double()
        classes = test_labels[start : start + len(rows)]
        own = vectors[torch.from_numpy(classes).to(vectors.device)].to(rows)
        np.add.at(along, classes, (rows * own).sum(1).square().cpu().numpy())
        np.add.at(whole, classes, rows.square().sum(1).cpu().numpy())
        start += len(rows)
    defined = (whole > 0) & vectors.any(1).cpu().numpy()
    return np.divide(along, whole, out=np.full(n_classes, np.nan), where=defined)


def first_component_shares(moments: ClassMoments) -> NDArray[np.float64]:
    """Fraction of each class's (uncentred) variance that its first component explains, (C,)."""
    shares = np.full(moments.n_classes, np.nan)
    for c in range(moments.n_classes):
        components = moments.principal_components(c)
        if components.rank:
            shares[c] = float(components.eigenvalues[0] / components.eigenvalues.sum())
    return shares
