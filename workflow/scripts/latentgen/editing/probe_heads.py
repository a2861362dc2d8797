"""Probes as last layers of networks."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.functional import normalize

from latentgen.editing.heads import QuadraticHead, linear_head
from latentgen.errors import PipelineError
from latentgen.probes.base import Probe
from latentgen.probes.baselines import LDA, LogisticRegression, NearestClassMean
from latentgen.probes.registry import MASC, VeLPIC

_HEADS: dict[type[Probe], Callable[[Any], nn.Module]] = {
    VeLPIC: lambda probe: linear_head(probe.components_),
    # The cosine with a mean is, but for the row's own length, a product with the unit mean.
    NearestClassMean: lambda probe: linear_head(normalize(probe.means_, eps=1e-30)),
    LDA: lambda probe: linear_head(probe.coef_, probe.intercept_),
    LogisticRegression: lambda probe: linear_head(probe.coef_, probe.intercept_),
    MASC: lambda probe: QuadraticHead(probe.components_),
}


def head_of_probe(probe: Probe) -> nn.Module:
    """A fitted probe as a last layer: of every row it says what the probe says.

    Raises:
        PipelineError: a probe of this kind cannot be one.
    """
    if type(probe) not in _HEADS:
        known = ", ".join(kind.__name__ for kind in _HEADS)
        raise PipelineError(
            f"{type(probe).__name__} cannot be the last layer of a network; allowed: {known}"
        )
    return _HEADS[type(probe)](probe)
