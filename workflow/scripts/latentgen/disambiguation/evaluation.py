"""Verdicts and scores compared with the truth about the images."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from latentgen import markdown
from latentgen.csv_file import read_csv
from latentgen.disambiguation import tuning
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
"""Scores that are large where there is a single entity."""

VERDICTS = ["distinct", "single", "neither", "both"]


def read_studies(files: Mapping[str, str]) -> pd.DataFrame:
    """Join the pairs of several studies; column study says whose they are."""
    tables = [read_csv(file).assign(study=name) for name, file in files.items()]
    # Where nothing is known of any image, pandas reads an empty column as numbers.
    texts = {"truth": "", "part": ""}
    return pd.concat(tables, ignore_index=True).astype(dict.fromkeys(texts, object)).fillna(texts)


def known(pairs: pd.DataFrame, part: str = "report") -> pd.DataFrame:
    """The pairs whose truth is known, of one half of the composites: `report`, or `tune`."""
    return pairs[(pairs["truth"] != "") & (pairs["part"] == part)]


def accuracy_and_coverage(truth: "pd.Series[str]", verdicts: "pd.Series[str]") -> dict[str, float]:
    """Of the verdicts `distinct` and `single`: the share that is right, and how many there are.

    A verdict `neither` or `both` decides nothing.

    Returns:
        accuracy, with its 95 % interval accuracy_low and accuracy_high (Wilson's); NaN where
        nothing was decided. coverage: NaN without pairs.
    """
    decided = verdicts.isin([DISTINCT, SINGLE])
    n, right = int(decided.sum()), int((verdicts == truth)[decided].sum())
    low, high = binomtest(right, n).proportion_ci(method="wilson") if n else (np.nan, np.nan)
    return {
        "accuracy": right / n if n else float("nan"),
        "accuracy_low": float(low),
        "accuracy_high": float(high),
        "coverage": float(decided.mean()) if len(decided) else float("nan"),
    }


def confusion(truth: "pd.Series[str]", verdicts: "pd.Series[str]") -> pd.DataFrame:
    """Counts: columns truth, verdict, pairs; every combination has a row."""
    counts = pd.crosstab(truth, verdicts)
    full = counts.reindex(index=[DISTINCT, SINGLE], columns=VERDICTS, fill_value=0)
    long = full.rename_axis(index="truth").reset_index().melt("truth", var_name="verdict")
    return long.rename(columns={"value": "pairs"})


def _signed(pairs: pd.DataFrame, score: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A score, turned so that it is large for distinct entities, and which pairs are distinct."""
    values = pairs[score].to_numpy(dtype=np.float64)
    return -values if score in AGAINST else values, (pairs["truth"] == DISTINCT).to_numpy()


def auc(pairs: pd.DataFrame, score: str) -> float:
    """Area under the ROC curve of a score, for telling distinct from single; NaN of one kind."""
    values, distinct = _signed(pairs, score)
    if distinct.all() or not distinct.any():
        return float("nan")
    return float(roc_auc_score(distinct, values))


def auc_interval(
    pairs: pd.DataFrame, score: str, *, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Bootstrap interval (95 %) of `auc`, over pairs of either kind."""
    values, distinct = _signed(pairs, score)
    if distinct.all() or not distinct.any():
        return float("nan"), float("nan")
    above, below = values[distinct][:, None], values[~distinct]
    # The area is the share of all (distinct, single) that the score puts in order, equal ones by
    # half: the area of a bootstrap sample is a mean over rows and columns of this one matrix.
    in_order = (above > below) + 0.5 * (above == below)
    rng = np.random.default_rng(seed)
    areas = []
    for _ in range(draws):
        rows, columns = (rng.integers(n, size=n) for n in in_order.shape)
        areas.append(in_order[np.ix_(rows, columns)].mean())
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)


def areas_under_curves(pairs: pd.DataFrame) -> pd.DataFrame:
    """Area under the ROC curve of every score: study, score, auc, low, high (95 %, bootstrap)."""
    rows = []
    for study, group in pairs.groupby("study", sort=False):
        reported = known(group)
        for score in SCORES:
            low, high = auc_interval(reported, score)
            rows.append((study, score, auc(reported, score), low, high))
    return pd.DataFrame(rows, columns=["study", "score", "auc", "low", "high"])


def verdicts_over_delta(pairs: pd.DataFrame) -> pd.DataFrame:
    """What the certificates say at every delta: study, delta, accuracy, coverage."""
    rows = []
    for study, group in pairs.groupby("study", sort=False):
        reported = known(group)
        for delta in tuning.DELTAS:
            verdicts = tuning.verdicts_of_certificates(reported, delta)
            rates = accuracy_and_coverage(reported["truth"], verdicts)
            rows.append((study, delta, rates["accuracy"], rates["coverage"]))
    return pd.DataFrame(rows, columns=["study", "delta", "accuracy", "coverage"])


def count_rows(files: Iterable[str]) -> int:
    """How many rows some CSV files have together."""
    return sum(len(pd.read_csv(file)) for file in files)


def verdicts_by_rule(
    pairs: pd.DataFrame, study: Mapping[str, Any]
) -> dict[str, tuple[float, "pd.Series[str]"]]:
    """What each rule says of a study's pairs on the half for reports.

    Args:
        pairs: of the study, both halves.
        study: its settings.

    Returns:
        The threshold and the verdicts of rules `published` and `scores`, whose thresholds are the
        study's, and of `certificates_tuned` and `scores_tuned`, whose are chosen on the other half;
        these are left out if there is nothing to choose on.
    """
    reported = known(pairs)
    rules = {
        "published": (study["delta"], reported["verdict_published"]),
        "scores": (study["decide"]["distinct"], reported["verdict"]),
    }
    for name, rule in tuning.RULES.items():
        threshold = tuning.choose(rule, known(pairs, "tune"))
        if not np.isnan(threshold):
            rules[name] = (threshold, rule.verdicts(reported, threshold))
    return rules


def summary(
    pairs: pd.DataFrame, studies: Mapping[str, Mapping[str, Any]], skipped: Mapping[str, int]
) -> pd.DataFrame:
    """A row for each study and rule of `verdicts_by_rule`, on the half for reports.

    Columns: the study's settings; skipped (images); pairs; rule; threshold; accuracy among
    decided and its interval; coverage; balanced_accuracy; auc_* of every score; purity and covered
    (overlap of certified sets with the true objects); passes (median, for an image).
    """
    rows = []
    for name, settings in studies.items():
        of_study = pairs[pairs["study"] == name]
        reported = known(of_study)
        for rule, (threshold, verdicts) in verdicts_by_rule(of_study, settings).items():
            rows.append(
                {
                    "study": name,
                    **_settings(settings),
                    "skipped": skipped[name],
                    "pairs": len(reported),
                    "rule": rule,
                    "threshold": threshold,
                    **accuracy_and_coverage(reported["truth"], verdicts),
                    "balanced_accuracy": tuning.balanced_accuracy(reported["truth"], verdicts),
                    **{f"auc_{score}": auc(reported, score) for score in SCORES},
                    "purity": reported["purity"].mean(),
                    "covered": reported["covered"].mean(),
                    "passes": reported["passes"].median(),
                }
            )
    return pd.DataFrame(rows)


def _settings(study: Mapping[str, Any]) -> dict[str, Any]:
    names = ("images", "classifier", "segmenter", "masking_value", "delta")
    return {
        **{name: study[name] for name in names},
        "attribution": study["attribution"]["method"],
    }


def confusions(pairs: pd.DataFrame, studies: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Counts on the half of the composites for reports: study, rule, truth, verdict, pairs."""
    parts = [
        confusion(known(of_study)["truth"], verdicts).assign(study=study, rule=rule)
        for study, settings in studies.items()
        for of_study in [pairs[pairs["study"] == study]]
        for rule, (_, verdicts) in verdicts_by_rule(of_study, settings).items()
        if len(verdicts)
    ]
    columns = ["study", "rule", "truth", "verdict", "pairs"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def to_markdown(table: pd.DataFrame, confusion_counts: pd.DataFrame) -> str:
    """Both tables to read: rates with three decimals, and a confusion table for each rule."""
    counts = "There is no pair of labels whose truth is known."
    if not confusion_counts.empty:
        wide = confusion_counts.pivot_table(
            index=["study", "rule", "truth"], columns="verdict", values="pairs", sort=False
        )
        counts = markdown.to_markdown(wide.reset_index(), ".0f")
    return "\n\n".join(
        [
            "On the composites that nothing was chosen on. Accuracy is among pairs with a verdict "
            "`distinct` or `single`, coverage their share; balanced_accuracy counts pairs without "
            "such a verdict as wrong; auc_* are areas under the ROC curve. The thresholds of rules "
            "with `tuned` in their names were chosen on the other half.",
            markdown.to_markdown(table),
            counts,
            "",
        ]
    )
