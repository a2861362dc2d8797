"""Probes from their settings in config.yaml."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import Tensor

from latentgen.data.labels import checked
from latentgen.errors import PipelineError
from latentgen.probes.base import Probe, to_numpy
from latentgen.registries import find
from latentgen.user_code import own_code

KINDS = "latentgen.probes.kinds"
"""The registry of probes."""


class SklearnProbe(ClassifierMixin, BaseEstimator):
    """Any scikit-learn classifier as a probe: rows are passed to it as arrays, on the CPU.

    A `random_state` that is not set becomes 0, so that results repeat.

    >>> from sklearn.naive_bayes import GaussianNB
    >>> X = torch.tensor([[0.0], [0.1], [1.0], [1.1]])
    >>> SklearnProbe(GaussianNB()).fit(X, [0, 0, 1, 1]).predict(X)
    tensor([0, 0, 1, 1])
    """

    def __init__(self, classifier: Any) -> None:
        """Take a classifier that is not fitted yet."""
        self.classifier = classifier

    @property
    def _name(self) -> str:
        return f"{type(self.classifier).__module__}.{type(self.classifier).__name__}"

    def fit(self, X: Tensor, y: NDArray[Any]) -> Self:
        """Fit on rows X (n, width) with labels y (n,)."""
        settings: dict[str, Any] = getattr(self.classifier, "get_params", dict)()
        if settings.get("random_state", 0) is None:
            self.classifier.set_params(random_state=0)
        # Copies, as a classifier may write to what it is given, and other probes get the same.
        with own_code(self._name):
            self.classifier.fit(_copy(X), np.array(to_numpy(y)))
        self.classes_ = getattr(self.classifier, "classes_", np.unique(y))
        return self

    def predict(self, X: Tensor) -> Tensor:
        """Labels (n,) of rows X (n, width)."""
        with own_code(self._name):
            given = self.classifier.predict(_copy(X))
        n_classes = int(np.max(self.classes_)) + 1
        name = f"probe {type(self.classifier).__name__}: predict"
        return torch.from_numpy(checked(given, len(X), n_classes, name))


def _copy(X: Tensor) -> NDArray[Any]:
    return np.array(X.detach().cpu().numpy())


AnyProbe = Probe | SklearnProbe


def make_probe(settings: Mapping[str, Any]) -> AnyProbe:
    """The probe that settings describe.

    >>> make_probe({"probe": "masc", "explained_variance": 0.9})
    MASC(explained_variance=0.9)

    Args:
        settings: `probe` is an entry of `kinds` or `module.Class` (see `plugins`), such as any
            scikit-learn classifier; the rest are its arguments.

    Raises:
        PipelineError: there is no probe of that name, or it does not take these arguments.
    """
    arguments = dict(settings)
    name = arguments.pop("probe")
    kind = find(KINDS, name)
    with own_code(name):
        try:
            classifier = kind(**arguments)
        except TypeError as error:
            raise PipelineError(f"probe {name}: {error}") from None
    return classifier if isinstance(classifier, Probe) else SklearnProbe(classifier)
