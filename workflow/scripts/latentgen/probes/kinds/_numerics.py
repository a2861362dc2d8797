"""Computations that several kinds of probes share."""

import torch
from torch import Tensor

TINY = 1e-30
"""Guards against division by the length of a zero row in float32."""

TINY_DOUBLE = 1e-300
"""The same in float64."""


def whitening(covariance: Tensor, ridge: float) -> Tensor:
    """The upper triangular W with W' (covariance + ridge) W = 1.

    Args:
        covariance: float64 (width, width), which is overwritten.
        ridge: added to every variance, zero or larger; increased until the sum is positive
            definite, which it may not be by rounding.

    Raises:
        ValueError: the covariance is not finite.
    """
    if not covariance.isfinite().all():
        raise ValueError("rows are too large to be multiplied")
    diagonal = covariance.diagonal()
    diagonal += ridge
    limits = torch.finfo(covariance.dtype)
    more = max(ridge, limits.eps * float(diagonal.mean()), limits.tiny)
    while (found := torch.linalg.cholesky_ex(covariance)).info:
        diagonal += more
        more *= 2
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    return torch.linalg.solve_triangular(found.L, identity, upper=False).T


def log_priors(counts: Tensor) -> Tensor:
    """Logarithms of the fractions of the classes; a class without rows counts as having one."""
    return (counts.clamp_min(1) / counts.sum()).log()
