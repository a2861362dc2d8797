"""Compare verdicts and scores with the true relation of each pair of labels."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from latentgen import markdown
from latentgen.csv_file import read_csv
from latentgen.disambiguation import intervals
from latentgen.disambiguation.images import DISTINCT, SINGLE

SCORES = {
    "distinct_delta_greedy": "Distinct delta, published prefixes",
    "distinct_delta": "Distinct delta, searched",
    "single_delta_greedy": "Single delta, published prefixes",
    "single_delta": "Single delta, searched",
    "split_delta": "Distinct delta of the one split by gain",
    "coupling": "Coupling of the gains",
    "score": "Combined score",
}
"""Columns of pairs.csv that are larger for distinct entities, or smaller if in `AGAINST`."""

AGAINST = {"single_delta_greedy", "single_delta", "coupling"}
"""Scores that are large for a single entity."""

VERDICTS = [DISTINCT, SINGLE, "neither", "both"]

DELTAS = np.arange(1, 20) / 20
"""Thresholds of certificates that are compared."""


def read_studies(files: Mapping[str, str]) -> pd.DataFrame:
    """Join the pairs of several studies; column study names the study of each."""
    tables = [read_csv(file).assign(study=name) for name, file in files.items()]
    # If nothing is known of any image, pandas reads an empty column as numbers.
    texts = {"truth": "", "part": ""}
    return pd.concat(tables, ignore_index=True).astype(dict.fromkeys(texts, object)).fillna(texts)


def known(pairs: pd.DataFrame, part: str = "report") -> pd.DataFrame:
    """Select the pairs whose truth is known, of one half of the images: `report`, or `tune`."""
    return pairs[(pairs["truth"] != "") & (pairs["part"] == part)]


def verdicts_of_certificates(pairs: pd.DataFrame, delta: float) -> "pd.Series[str]":
    """Verdicts by certificates among prefixes of the rankings: one of `VERDICTS` for each pair.

    A certificate with the largest delta d exists at every threshold up to d.
    """
    distinct = pairs["distinct_delta_greedy"] >= delta
    single = pairs["single_delta_greedy"] >= delta
    found = np.select([distinct & single, distinct, single], ["both", DISTINCT, SINGLE], "neither")
    return pd.Series(found.tolist(), index=pairs.index)


def verdicts_of_score(pairs: pd.DataFrame, threshold: float) -> "pd.Series[str]":
    """Verdicts by the combined score: distinct from `threshold` on, single below."""
    found = np.select([pairs["score"] >= threshold], [DISTINCT], SINGLE)
    return pd.Series(found, index=pairs.index)


def between_scores(pairs: pd.DataFrame) -> NDArray[np.float64]:
    """Midpoints of neighbouring scores, which give every possible division of the pairs.

    >>> between_scores(pd.DataFrame({"score": [0.5, 0.25, 0.5, 1.0]})).tolist()
    [0.375, 0.75]
    """
    scores = np.unique(pairs["score"])
    return (scores[1:] + scores[:-1]) / 2


Rule = tuple[
    Callable[[pd.DataFrame, float], "pd.Series[str]"],
    Callable[[pd.DataFrame], NDArray[np.float64]],
]
TUNED: dict[str, Rule] = {
    "certificates_tuned": (verdicts_of_certificates, lambda pairs: DELTAS),
    "scores_tuned": (verdicts_of_score, between_scores),
}
"""Rules with a chosen threshold: verdicts of pairs at a threshold, and thresholds to compare."""


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


def choose(rule: str, pairs: pd.DataFrame) -> float:
    """Return the threshold with the highest balanced accuracy; of several, a middle one.

    Args:
        rule: a key of `TUNED`.
        pairs: on which the threshold is chosen.

    Returns:
        The threshold; NaN if all pairs have one truth, or one score.
    """
    verdicts, candidates = TUNED[rule]
    thresholds = candidates(pairs)
    if not len(thresholds) or set(pairs["truth"]) != {DISTINCT, SINGLE}:
        return float("nan")
    reached = [balanced_accuracy(pairs["truth"], verdicts(pairs, it)) for it in thresholds]
    best = np.flatnonzero(np.isclose(reached, max(reached)))
    return float(thresholds[best[len(best) // 2]])


def accuracy_and_coverage(pairs: pd.DataFrame, verdicts: "pd.Series[str]") -> dict[str, float]:
    """Compare verdicts with the truth; a verdict `neither` or `both` decides nothing.

    Args:
        pairs: with columns truth and sources.
        verdicts: of these pairs.

    Returns:
        accuracy: fraction of right verdicts among `distinct` and `single`, with its 95 % interval
        accuracy_low and accuracy_high (clustered by source image, see `intervals`); NaN if nothing
        was decided. coverage: fraction of decided pairs; NaN without pairs.
    """
    decided = verdicts.isin([DISTINCT, SINGLE])
    right = (verdicts == pairs["truth"])[decided].to_numpy()
    accuracy, low, high = intervals.rate(right, pairs["sources"][decided].tolist())
    return {
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "coverage": float(decided.mean()) if len(decided) else float("nan"),
    }


def auc(pairs: pd.DataFrame, score: str) -> tuple[float, float, float]:
    """Area under the ROC curve of a score, distinct against single, and its 95 % interval.

    The interval is clustered by source image, see `intervals`; NaN for pairs of one truth.
    """
    values = pairs[score].to_numpy(dtype=np.float64)
    distinct = (pairs["truth"] == DISTINCT).to_numpy()
    sign = -1 if score in AGAINST else 1
    return intervals.area(sign * values, distinct, pairs["sources"].tolist())


def areas_under_curves(pairs: pd.DataFrame) -> pd.DataFrame:
    """Area under the ROC curve of every score: study, score, auc, low, high (95 %)."""
    rows = [
        (study, score, *auc(known(group), score))
        for study, group in pairs.groupby("study", sort=False)
        for score in SCORES
    ]
    return pd.DataFrame(rows, columns=["study", "score", "auc", "low", "high"])


def verdicts_over_delta(pairs: pd.DataFrame) -> pd.DataFrame:
    """Rates of the certificates' verdicts at every delta: study, delta, accuracy, coverage."""
    rows = []
    for study, group in pairs.groupby("study", sort=False):
        reported = known(group)
        for delta in DELTAS:
            rates = accuracy_and_coverage(reported, verdicts_of_certificates(reported, delta))
            rows.append((study, delta, rates["accuracy"], rates["coverage"]))
    return pd.DataFrame(rows, columns=["study", "delta", "accuracy", "coverage"])


def verdicts_by_rule(
    pairs: pd.DataFrame, study: Mapping[str, Any]
) -> dict[str, tuple[float, "pd.Series[str]"]]:
    """Threshold and verdicts of each rule on the half for reports.

    Rules `published` and `scores` have the study's thresholds. Those of the rules `TUNED` are
    chosen on the other half; a rule is left out if that half has nothing to choose from.

    Args:
        pairs: of the study, both halves.
        study: its settings.
    """
    reported = known(pairs)
    rules = {
        "published": (study["delta"], reported["verdict_published"]),
        "scores": (study["decide"]["distinct"], reported["verdict"]),
    }
    for name, (verdicts, _) in TUNED.items():
        threshold = choose(name, known(pairs, "tune"))
        if not np.isnan(threshold):
            rules[name] = (threshold, verdicts(reported, threshold))
    return rules


def _by_study_and_rule(
    pairs: pd.DataFrame, studies: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, pd.DataFrame, float, "pd.Series[str]"]]:
    """Yield study, rule, the reported pairs, threshold and verdicts."""
    for name, settings in studies.items():
        of_study = pairs[pairs["study"] == name]
        for rule, (threshold, verdicts) in verdicts_by_rule(of_study, settings).items():
            yield name, rule, known(of_study), threshold, verdicts


def summary(
    pairs: pd.DataFrame, studies: Mapping[str, Mapping[str, Any]], skipped: Mapping[str, int]
) -> pd.DataFrame:
    """Make a row for each study and rule of `verdicts_by_rule`, on the half for reports.

    Columns: the study's settings; skipped (images); pairs; rule; threshold; accuracy among decided
    and its interval; coverage; balanced_accuracy; auc_* of every score; purity and covered (overlap
    of certified sets with the true objects); passes (median, for an image).
    """
    shown = ("images", "classifier", "segmenter", "masking_value", "delta")
    rows = [
        {
            "study": name,
            **{setting: studies[name][setting] for setting in shown},
            "attribution": studies[name]["attribution"]["method"],
            "skipped": skipped[name],
            "pairs": len(reported),
            "rule": rule,
            "threshold": threshold,
            **accuracy_and_coverage(reported, verdicts),
            "balanced_accuracy": balanced_accuracy(reported["truth"], verdicts),
            **{f"auc_{score}": auc(reported, score)[0] for score in SCORES},
            "purity": reported["purity"].mean(),
            "covered": reported["covered"].mean(),
            "passes": reported["passes"].median(),
        }
        for name, rule, reported, threshold, verdicts in _by_study_and_rule(pairs, studies)
    ]
    return pd.DataFrame(rows)


def confusions(pairs: pd.DataFrame, studies: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Count verdicts on the half for reports: study, rule, truth, verdict, pairs.

    Every combination of truth and verdict has a row, for each study with known pairs.
    """
    rows = [
        (study, rule, truth, verdict, int(((reported["truth"] == truth) & (said == verdict)).sum()))
        for study, rule, reported, _, said in _by_study_and_rule(pairs, studies)
        if len(said)
        for verdict in VERDICTS
        for truth in (DISTINCT, SINGLE)
    ]
    return pd.DataFrame(rows, columns=["study", "rule", "truth", "verdict", "pairs"])


def to_markdown(table: pd.DataFrame, confusion_counts: pd.DataFrame) -> str:
    """Format both tables: rates with three decimals, and a confusion table for each rule."""
    counts = "There is no pair of labels whose truth is known."
    if not confusion_counts.empty:
        wide = confusion_counts.pivot_table(
            index=["study", "rule", "truth"], columns="verdict", values="pairs", sort=False
        )
        counts = markdown.to_markdown(wide.reset_index(), ".0f")
    explanation = (
        "On the images on which nothing was chosen. Accuracy is among pairs with a verdict "
        "`distinct` or `single`, with a 95 % interval clustered by source image; coverage is "
        "the fraction of such pairs; balanced_accuracy counts pairs without such a verdict as "
        "wrong; auc_* are areas under the ROC curve. The thresholds of rules with `tuned` in "
        "their names were chosen on the other half."
    )
    return "\n\n".join([explanation, markdown.to_markdown(table), counts, ""])
