"""Probes: classifiers that read class information out of a layer's activations.

Here are the papers' own, MASC and VeLPIC, and the registry of all of them.
"""

from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, check_scalar
from torch import Tensor

from latentgen.errors import PipelineError
from latentgen.networks.precision import ieee_float32
from latentgen.plugins import find
from latentgen.probes.base import MomentsProbe, Probe
from latentgen.probes.baselines import KNN, LDA, QDA, LogisticRegression, NearestClassMean
from latentgen.probes.moments import ClassMoments, PrincipalComponents


class MASC(MomentsProbe):
    """Minimum Angle Subspace Classifier (arXiv 2501.14687).

    Each class is represented by the subspace of the leading principal components V_c of its rows
    and their negatives. A row x belongs to the class whose subspace it makes the smallest angle
    with; as that angle is arccos(|V_c' x| / |x|), the score of class c is |V_c' x|^2.

    Predictions do not change if a row is scaled or negated. A class keeps at most as many
    components as its rows span directions: one with a single row keeps that row's direction, one
    with only zero rows keeps none and scores 0.

    Args:
        explained_variance: in (0, 1]. A class keeps its fewest components whose share of the
            variance exceeds this; with 1, all of them.
        n_components: keep this many components of every class instead.

    Attributes:
        n_components_: int64 (C,) components kept of each class.
        components_: for each class its V_c, (width, k_c), a tensor on the moments' device.
    """

    uses_components = True
    _angles_only = True

    n_components_: NDArray[np.int64]
    components_: list[Tensor]

    def __init__(self, explained_variance: float = 0.99, n_components: int | None = None) -> None:
        """Keep the settings; they are checked when fitting."""
        self.explained_variance = explained_variance
        self.n_components = n_components

    def quadratic_forms(self) -> Iterator[Tensor]:
        """For each class the matrix M_c = V_c V_c', (width, width); its scores are x' M_c x.

        MASC is thus a quadratic classifier (arXiv 2603.19865). They come one by one, as together
        they may take more memory than there is.
        """
        check_is_fitted(self)
        for V in self.components_:
            with ieee_float32():
                yield V @ V.T

    def _learn(self, moments: ClassMoments) -> None:
        check_scalar(
            self.explained_variance,
            "explained_variance",
            Real,
            min_val=0,
            max_val=1,
            include_boundaries="right",
        )
        if self.n_components is not None:
            check_scalar(self.n_components, "n_components", Integral, min_val=1)
        every = [moments.principal_components(c) for c in range(moments.n_classes)]
        kept = [self._n_kept(components) for components in every]
        self.n_components_ = np.array(kept)
        # A subspace of more than half the dimensions is measured by what it leaves out,
        # |V' x|^2 = |x|^2 - |W' x|^2 with W the rest of the basis: less work and more accurate.
        by_rest = [
            k > moments.width / 2 and pc.eigenvectors.shape[1] == moments.width
            for pc, k in zip(every, kept, strict=True)
        ]
        bases = [
            pc.eigenvectors[:, k:] if rest else pc.eigenvectors[:, :k]
            for pc, k, rest in zip(every, kept, by_rest, strict=True)
        ]
        self._directions = torch.cat(bases, dim=1)
        self._sizes = [basis.shape[1] for basis in bases]
        # Parts of the directions where they can be, as all eigenvectors may take much memory.
        parts = self._directions.split(self._sizes, dim=1)
        self.components_ = [
            pc.eigenvectors[:, :k] if rest else part
            for pc, k, rest, part in zip(every, kept, by_rest, parts, strict=True)
        ]
        self._by_rest = torch.tensor(by_rest, device=moments.device)

    def _n_kept(self, components: PrincipalComponents) -> int:
        if components.rank == 0:
            return 0
        if self.n_components is not None:
            return min(self.n_components, components.rank)
        # On the CPU, where cumulation never decreases, so that the last share is exactly 1.
        cumulated = components.eigenvalues.cpu().cumsum(0)
        shares = cumulated / cumulated[-1]
        # The published rule: as many as do not exceed the threshold, and one more.
        return min(int((shares <= self.explained_variance).sum()) + 1, components.rank)

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        parts = torch.split(products.square_(), self._sizes, dim=1)
        within = torch.stack([part.sum(1) for part in parts], dim=1)
        norms = rows.square().sum(1, keepdim=True)
        return torch.where(self._by_rest, (norms - within).clamp_min(0), within)


class VeLPIC(MomentsProbe):
    """VeLPIC, a linear probe made of each class's first principal component (arXiv 2603.19865).

    Each class is represented by one unit vector v_c: the first principal component of its rows
    and their negatives, turned so that its mean product with the rows of all classes is not
    negative. The score of class c is v_c . x. On activations after a ReLU this predicts as MASC
    with one component does.

    A class with only zero rows has a zero vector and scores 0.

    Attributes:
        components_: (C, width) the v_c, a tensor on the moments' device; rows of zeros for
            classes without a direction.
        n_components_: int64 (C,) 1 for each class, 0 for one without a direction.
    """

    uses_components = True
    _angles_only = True

    components_: Tensor
    n_components_: NDArray[np.int64]

    def _learn(self, moments: ClassMoments) -> None:
        self.components_ = moments.first_components()
        self.n_components_ = self.components_.any(1).long().cpu().numpy()
        self._directions = self.components_.T

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products


PROBES: dict[str, type[Probe]] = {
    "masc": MASC,
    "velpic": VeLPIC,
    "logistic_regression": LogisticRegression,
    "nearest_class_mean": NearestClassMean,
    "knn": KNN,
    "lda": LDA,
    "qda": QDA,
}
"""Probes by the name that config.yaml gives them."""


class SklearnProbe(ClassifierMixin, BaseEstimator):
    """Any scikit-learn classifier as a probe: rows go to it as arrays, on the CPU.

    Its `random_state`, where it has one that is not set, is 0: results are to repeat.
    """

    def __init__(self, classifier: Any) -> None:
        """Take a classifier that is not fitted yet."""
        self.classifier = classifier

    def fit(self, X: Tensor, y: NDArray[Any]) -> Self:
        """Fit on rows X (n, width) with labels y (n,)."""
        if self.classifier.get_params().get("random_state", 0) is None:
            self.classifier.set_params(random_state=0)
        self.classifier.fit(X.cpu().numpy(), y)
        self.classes_ = self.classifier.classes_
        return self

    def predict(self, X: Tensor) -> Tensor:
        """Labels (n,) of rows X (n, width)."""
        return torch.from_numpy(self.classifier.predict(X.cpu().numpy()))


AnyProbe = Probe | SklearnProbe


def make_masc(settings: Mapping[str, Any]) -> MASC:
    """The MASC that settings describe.

    Raises:
        PipelineError: they describe another probe.
    """
    probe = make_probe(settings)
    if not isinstance(probe, MASC):
        raise PipelineError(f"probes.masc.probe: found '{settings['probe']}'; allowed: masc")
    return probe


def make_probe(settings: Mapping[str, Any]) -> AnyProbe:
    """The probe that settings describe: `{"probe": "masc", "explained_variance": 0.99}`.

    Args:
        settings: `probe` is a key of `PROBES` or `module.Class` (see `own`), which need not be one
            of ours: any scikit-learn classifier will do. The rest are its arguments.

    Raises:
        PipelineError: there is no probe of that name, or it does not take these arguments.
    """
    arguments = dict(settings)
    name = arguments.pop("probe")
    try:
        made = find(PROBES, name)(**arguments)
    except TypeError as error:
        raise PipelineError(f"probe {name}: {error}") from None
    return made if isinstance(made, Probe) else SklearnProbe(made)
