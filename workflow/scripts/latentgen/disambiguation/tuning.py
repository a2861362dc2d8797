"""Verdicts with thresholds chosen on one half of the composite images, for use on the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from latentgen.disambiguation.images import DISTINCT, SINGLE

DELTAS = np.arange(1, 20) / 20
"""Thresholds of certificates that are tried."""


@dataclass(frozen=True)
class Rule:
    """How one threshold decides pairs.

    Attributes:
        verdicts: of the pairs (rows of pairs.csv), given the threshold.
        candidates: the thresholds that are worth a trial on some pairs.
    """

    verdicts: Callable[[pd.DataFrame, float], "pd.Series[str]"]
    candidates: Callable[[pd.DataFrame], NDArray[np.float64]]


def verdicts_of_certificates(pairs: pd.DataFrame, delta: float) -> "pd.Series[str]":
    """Which certificates prefixes of the rankings give at delta: distinct, single, both, neither.

    A certificate with the largest delta d exists at every threshold up to d.
    """
    distinct = pairs["distinct_delta_greedy"] >= delta
    single = pairs["single_delta_greedy"] >= delta
    found = np.select([distinct & single, distinct, single], ["both", DISTINCT, SINGLE], "neither")
    return pd.Series(found.tolist(), index=pairs.index)


def verdicts_of_score(pairs: pd.DataFrame, threshold: float) -> "pd.Series[str]":
    """Distinct from a combined score of the threshold on, single below."""
    found = np.select([pairs["score"] >= threshold], [DISTINCT], SINGLE)
    return pd.Series(found, index=pairs.index)


def between_scores(pairs: pd.DataFrame) -> NDArray[np.float64]:
    """The middles between neighbouring scores: no other threshold splits the pairs otherwise.

    >>> between_scores(pd.DataFrame({"score": [0.5, 0.25, 0.5, 1.0]})).tolist()
    [0.375, 0.75]
    """
    scores = np.unique(pairs["score"])
    return (scores[1:] + scores[:-1]) / 2


RULES: Mapping[str, Rule] = {
    "certificates_tuned": Rule(verdicts_of_certificates, lambda pairs: DELTAS),
    "scores_tuned": Rule(verdicts_of_score, between_scores),
}


def balanced_accuracy(truth: "pd.Series[str]", verdicts: "pd.Series[str]") -> float:
    """Mean, over distinct and single pairs, of the fraction whose verdict is right.

    A verdict `neither` or `both` is not right. NaN without pairs of either truth.

    >>> truth = pd.Series(["distinct", "distinct", "single"])
    >>> balanced_accuracy(truth, pd.Series(["distinct", "both", "single"]))
    0.75
    """
    if set(truth) != {DISTINCT, SINGLE}:
        return float("nan")
    return float(recall_score(truth, verdicts, labels=[DISTINCT, SINGLE], average="macro"))


def choose(rule: Rule, pairs: pd.DataFrame) -> float:
    """The threshold with the highest balanced accuracy on these pairs; of several, a middle one.

    NaN if the pairs leave nothing to choose: all have one truth, or one score.
    """
    candidates = rule.candidates(pairs)
    if not len(candidates) or set(pairs["truth"]) != {DISTINCT, SINGLE}:
        return float("nan")
    reached = [balanced_accuracy(pairs["truth"], rule.verdicts(pairs, it)) for it in candidates]
    best = np.flatnonzero(np.isclose(reached, max(reached)))
    return float(candidates[best[len(best) // 2]])
