"""Probes in config.yaml."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from latentgen.config.base import (
    NUMBER,
    Block,
    Fraction,
    Own,
    Positive,
    tag_of,
)


class MASCProbe(Block):
    """Minimum angle subspace classifier (arXiv 2501.14687)."""

    probe: Literal["masc"]
    explained_variance: Annotated[float, Field(gt=0, le=1), NUMBER] = 0.99
    n_components: Positive | None = Field(None, description="a fixed number instead")


class VeLPICProbe(Block):
    """First principal components as a linear classifier (arXiv 2603.19865)."""

    probe: Literal["velpic"]


class LogisticRegressionProbe(Block):
    """Multinomial logistic regression on the raw activations."""

    probe: Literal["logistic_regression"]
    C: Annotated[float, Field(gt=0), NUMBER] = Field(
        1.0, description="inverse of the L2 penalty, lbfgs"
    )
    solver: Literal["lbfgs", "adam"] = Field(
        "lbfgs", description="to convergence, or the published 20 epochs of Adam without penalty"
    )


class NearestClassMeanProbe(Block):
    """Largest cosine with a class mean."""

    probe: Literal["nearest_class_mean"]


class KNNProbe(Block):
    """Nearest neighbours by cosine, each with one vote."""

    probe: Literal["knn"]
    n_neighbors: Positive = 5


class LDAProbe(Block):
    """Linear discriminant analysis."""

    probe: Literal["lda"]


class QDAProbe(Block):
    """Quadratic discriminant analysis."""

    probe: Literal["qda"]
    reg_param: Fraction = Field(0.0, description="fraction of the identity in class covariances")


class OwnProbe(BaseModel):
    """A classifier with scikit-learn's interface; further keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    probe: Own


def _probe(probe: Any) -> Any:
    return tag_of(probe, "probe")


Probe = Annotated[
    Annotated[MASCProbe, Tag("masc")]
    | Annotated[VeLPICProbe, Tag("velpic")]
    | Annotated[LogisticRegressionProbe, Tag("logistic_regression")]
    | Annotated[NearestClassMeanProbe, Tag("nearest_class_mean")]
    | Annotated[KNNProbe, Tag("knn")]
    | Annotated[LDAProbe, Tag("lda")]
    | Annotated[QDAProbe, Tag("qda")]
    | Annotated[OwnProbe, Tag("module.object")],
    Discriminator(_probe),
]


HEADS = ("velpic", "nearest_class_mean", "masc", "lda", "logistic_regression")
"""Kinds of probes that can be a network's last layer."""


def usual_probes() -> dict[str, Probe]:
    """The probes of the papers with their published settings, and MASC with other thresholds."""
    thresholds = (0.25, 0.5, 0.75, 0.9, 0.95)
    return {
        "masc": MASCProbe(probe="masc"),
        "velpic": VeLPICProbe(probe="velpic"),
        "logistic_regression": LogisticRegressionProbe(probe="logistic_regression"),
        "logistic_regression_published": LogisticRegressionProbe(
            probe="logistic_regression", solver="adam"
        ),
        "nearest_class_mean": NearestClassMeanProbe(probe="nearest_class_mean"),
        "knn": KNNProbe(probe="knn"),
        "lda": LDAProbe(probe="lda"),
        "qda": QDAProbe(probe="qda"),
        **{f"masc-{t:.0%}"[:-1]: MASCProbe(probe="masc", explained_variance=t) for t in thresholds},
        **{f"masc-{k}pc": MASCProbe(probe="masc", n_components=k) for k in (1, 2, 5, 10)},
    }
