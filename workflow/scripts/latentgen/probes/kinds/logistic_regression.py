"""Multinomial logistic regression."""

from numbers import Integral, Real
from typing import Literal
from warnings import warn

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.validation import check_scalar
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from latentgen.devices import seeded
from latentgen.probes.base import RowsProbe
from latentgen.probes.kinds._numerics import whitening

LBFGS_HISTORY = 10
"""Corrections that L-BFGS keeps, as many as in scikit-learn."""

BATCH_SIZE = 128
"""Rows in a step of Adam."""


class LogisticRegression(RowsProbe):
    """Multinomial logistic regression on the raw features.

    With solver `lbfgs` it minimises scikit-learn's objective: C times the summed cross-entropy plus
    half the squared coefficients (not the intercepts). It stops when no entry of the gradient
    exceeds `tol`, for the objective divided by C n and in coordinates in which its curvature at
    zero is one; otherwise there is a `ConvergenceWarning`. Two classes are treated like more:
    scikit-learn, which has one vector of coefficients for them, has the same minimum at 2 C.

    As in scikit-learn, the penalty is on coefficients, so that features as small as 1e-6 are of
    little use unless they are scaled.

    With solver `adam` it is the published probe of arXiv 2501.14687: a linear layer, 20 epochs of
    Adam with learning rate 1e-3 on shuffled batches of 128, without a penalty.

    >>> rows, labels = [[1.0, 0.1], [2.0, 0.0], [0.1, 1.0], [0.0, 2.0]], [0, 0, 1, 1]
    >>> LogisticRegression().fit(rows, labels).predict([[5.0, 1.0]]).tolist()
    [0]

    Args:
        C: inverse of the penalty; `lbfgs` only.
        solver: `lbfgs` or `adam`.
        tol: largest entry of the gradient at which `lbfgs` stops.
        max_iter: largest number of iterations of `lbfgs`.
        epochs: number of epochs of `adam`.
        random_state: seed of the initialisation and the batches of `adam`.

    Attributes:
        coef_: (C, width).
        intercept_: (C,).
        n_iter_: iterations of `lbfgs`, or steps of `adam`.
        n_evaluations_: passes over the training rows.
    """

    coef_: Tensor
    intercept_: Tensor
    n_iter_: int
    n_evaluations_: int

    def __init__(
        self,
        C: float = 1.0,
        solver: Literal["lbfgs", "adam"] = "lbfgs",
        tol: float = 3e-5,
        max_iter: int = 1000,
        epochs: int = 20,
        random_state: int = 0,
    ) -> None:
        """Keep the settings; they are checked when fitting."""
        self.C = C
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.epochs = epochs
        self.random_state = random_state

    def linear_form(self) -> tuple[Tensor, Tensor]:
        """Coefficients and intercepts."""
        return self.coef_, self.intercept_

    def _learn(self, rows: Tensor, indices: Tensor) -> None:
        check_scalar(self.C, "C", Real, min_val=0, include_boundaries="neither")
        check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        check_scalar(self.epochs, "epochs", Integral, min_val=1)
        solvers = {"lbfgs": self._minimise, "adam": self._train}
        if self.solver not in solvers:
            raise ValueError(f"solver: found {self.solver!r}, allowed are {', '.join(solvers)}")
        self.coef_, self.intercept_ = solvers[self.solver](rows, indices)
        self._directions = self.coef_.T

    def _class_scores(self, rows: Tensor, products: Tensor) -> Tensor:
        return products + self.intercept_

    def __sklearn_tags__(self) -> Tags:
        """Properties that scikit-learn's checks of estimators take into account."""
        tags = super().__sklearn_tags__()
        # The data of scikit-learn's accuracy checks are small, so 20 epochs are too few steps.
        tags.classifier_tags.poor_score = self.solver == "adam"
        return tags

    def _minimise(self, rows: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        # Coordinates of unit curvature: rows are centred, and the coefficients are transformed such
        # that the objective has unit curvature at zero, where the solver starts. The minimum is the
        # same, but L-BFGS needs fewer passes over the rows: 392 instead of 955, to the same
        # objective (nine layers of a run, docs/explanation/optimisation_notes.md).
        # All but the products with rows is in float64: float32 cannot resolve the last changes of
        # the loss.
        centre = rows.mean(0)
        rows = rows - centre
        (n, width), n_classes = rows.shape, len(self.classes_)
        penalty = 1 / (2 * self.C * n)
        curvature = (rows.T @ rows).double() / (n * n_classes)
        curvature.diagonal().mul_(1 + 1e-5)  # positive definite in spite of rounding
        coordinates = whitening(curvature, 2 * penalty)
        targets = one_hot(indices, n_classes).T.double()

        def split(flat: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
            both = torch.from_numpy(flat).to(rows.device).view(n_classes, width + 1)
            return both[:, :width] @ coordinates.T, both[:, width:]

        def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            coef, intercept = split(flat)
            # Logits are (C, n), which is several times faster on the CPU than (n, C).
            logits = (coef.to(rows.dtype) @ rows.T).double() + intercept
            log_probabilities = logits.log_softmax(0)
            residuals = (log_probabilities.exp() - targets) / n
            slope = (residuals.to(rows.dtype) @ rows).double() + 2 * penalty * coef
            gradient = torch.cat([slope @ coordinates, residuals.sum(1, keepdim=True)], dim=1)
            loss = penalty * coef.square().sum() - (log_probabilities * targets).sum() / n
            return float(loss), gradient.flatten().cpu().numpy()

        from scipy.optimize import minimize  # takes long to import, and few jobs need it

        found = minimize(
            objective,
            np.zeros(n_classes * (width + 1)),
            jac=True,
            method="L-BFGS-B",
            options={
                "gtol": self.tol,
                "ftol": 1e-12,
                "maxiter": self.max_iter,
                "maxfun": 25 * self.max_iter,
                "maxcor": LBFGS_HISTORY,
            },
        )
        self.n_iter_, self.n_evaluations_ = found.nit, found.nfev
        steepest = float(np.abs(found.jac).max())
        if steepest > self.tol:
            warn(
                f"after {self.n_iter_} iterations the largest entry of the gradient is "
                f"{steepest:.1e}, more than tol = {self.tol:g}",
                ConvergenceWarning,
                stacklevel=5,
            )
        coef, intercept = split(found.x)
        offsets = intercept.flatten() - coef @ centre.double()
        return coef.to(rows.dtype), offsets.to(rows.dtype)

    def _train(self, rows: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        with seeded(self.random_state):
            layer = nn.Linear(rows.shape[1], len(self.classes_)).to(rows)
        optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
        generator = torch.Generator().manual_seed(self.random_state)
        for _ in range(self.epochs):
            order = torch.randperm(len(rows), generator=generator).to(rows.device)
            for batch in order.split(BATCH_SIZE):
                optimizer.zero_grad()
                cross_entropy(layer(rows[batch]), indices[batch]).backward()
                optimizer.step()
        self.n_iter_ = self.epochs * -(-len(rows) // BATCH_SIZE)
        self.n_evaluations_ = self.epochs
        return layer.weight.detach(), layer.bias.detach()
