"""How well each method finds the wrong labels of runs, where their true labels are known."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from latentgen.analysis.over_seeds import RUN_COLUMNS, interval_text, number_text, with_intervals
from latentgen.label_issues.score_run import DEFAULT, METHODS
from latentgen.label_issues.scores import lowest
from latentgen.names import level_name

SETTING = ["experiment", "noise", "level"]
MEASURES = ["auroc", "average_precision", "at_true_rate", "precision", "recall"]


def found_by_run(samples: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """How well each method finds wrong labels, by run and split.

    Args:
        samples: `label_issues.csv` of the runs.
        rates: `noise_rates.csv` of the runs.

    Returns:
        Columns: the run; split; method; samples; noise_rate (fraction of wrong labels); auroc
        (chance that a wrong label has a lower score than a right one), average_precision;
        at_true_rate (precision, and recall, of as many of the lowest scores as labels are wrong);
        estimated_rate (without true labels, see `_estimate_of`), precision and recall of as many
        as that. Where no label of a split is wrong, or all are, the measures are empty; where
        the true labels are unknown, so is the noise_rate.
    """
    rows = []
    runs: Any = samples.groupby([*RUN_COLUMNS, "split"], sort=False)
    estimates: Any = rates.set_index([*RUN_COLUMNS, "estimate"])["rate"]
    for key, part in runs:
        known = part["true_label"].notna().all()
        wrong = (part["given_label"] != part["true_label"]).to_numpy() if known else None
        for method in METHODS:
            scores = part[method].to_numpy()
            if np.isnan(scores).all():  # of features there is no network that could score
                continue
            estimated = float(estimates[(*key[:-1], _estimate_of(method))])
            names = dict(zip([*RUN_COLUMNS, "split"], key, strict=True))
            rows.append({**names, "method": method, **_measured(scores, wrong, estimated)})
    facts = ["samples", "noise_rate", "estimated_rate"]
    return pd.DataFrame(rows, columns=[*RUN_COLUMNS, "split", "method", *facts, *MEASURES])


def _estimate_of(method: str) -> str:
    """The estimate of the noise rate that goes with a method: cleanlab's own, or the default's."""
    if not method.startswith("cleanlab"):
        return DEFAULT
    return "cleanlab_penultimate" if method.endswith("penultimate") else "cleanlab"


def _measured(
    scores: NDArray[np.float64], wrong: NDArray[np.bool_] | None, estimated: float
) -> dict[str, float]:
    """The measures of one method's scores; which labels are wrong may be unknown."""
    facts = {"samples": len(scores), "estimated_rate": estimated}
    if wrong is None:
        return facts | dict.fromkeys(("noise_rate", *MEASURES), float("nan"))
    facts["noise_rate"] = float(wrong.mean())
    if wrong.all() or not wrong.any() or np.isnan(scores).any():
        return facts | dict.fromkeys(MEASURES, float("nan"))
    flagged = lowest(scores, estimated)
    return facts | {
        "auroc": float(roc_auc_score(wrong, -scores)),
        "average_precision": float(average_precision_score(wrong, -scores)),
        "at_true_rate": float(wrong[lowest(scores, float(wrong.mean()))].mean()),
        "precision": float(wrong[flagged].mean()) if flagged.any() else float("nan"),
        "recall": float(flagged[wrong].mean()),
    }


def found(by_run: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, that of the AUROC with its 95 % confidence interval.

    Args:
        by_run: as `found_by_run` returns it.

    Returns:
        A row for each experiment, noise, level, split and method.
    """
    by = [*SETTING, "split", "method"]
    means = by_run.groupby(by, sort=False)[["noise_rate", "estimated_rate", *MEASURES]].mean()
    interval = with_intervals(by_run, by, "auroc").set_index(by)[["low", "high"]]
    seeds = by_run.groupby(by, sort=False)["seed"].nunique()
    table = means.join(interval.rename(columns=lambda end: f"auroc_{end}")).assign(seeds=seeds)
    return table.reset_index()


def transitions(samples: pd.DataFrame) -> pd.DataFrame:
    """How often each true label was given as each label, by setting, over all seeds and samples.

    Returns:
        Columns experiment, noise, level, true_label, given_label, share (of the true label's).
    """
    by = [*SETTING, "true_label"]  # runs without true labels fall out
    counts = samples.groupby([*by, "given_label"], sort=False).size().rename("share").reset_index()
    totals = counts.groupby(by, sort=False)["share"].transform("sum")
    return counts.assign(share=counts["share"] / totals)


def to_markdown(table: pd.DataFrame) -> str:
    """The table as Markdown: a table for each setting and split."""
    parts = ["# Which labels are wrong", _EXPLANATION]
    groups: Any = table.groupby([*SETTING, "split"], sort=False)
    for (experiment, noise, level, split), rows in groups:
        what = "images trained on" if split == "train" else "held-out images"
        parts.append(f"## {experiment}, {noise} {level_name(level)}, {what}")
        rate = rows["noise_rate"].iloc[0]
        if pd.isna(rate):
            estimated = rows.set_index("method")["estimated_rate"][DEFAULT]
            parts.append(f"{NO_TRUTH} {estimated:.1%} of all labels are estimated to be wrong.")
        else:
            parts += [f"{rate:.1%} of the labels are wrong.", _text(rows)]
    return "\n\n".join(parts) + "\n"


NO_TRUTH = "The true labels are unknown, so no method can be judged."


def _text(rows: pd.DataFrame) -> str:
    rows = rows.assign(auroc_high=rows["auroc_high"].clip(upper=1))
    lines = [
        {
            "method": METHODS[row["method"]],
            "AUROC": interval_text(row, "auroc", ".3f"),
            "average precision": number_text(row["average_precision"]),
            "precision at the true rate": number_text(row["at_true_rate"]),
            "estimated rate": number_text(row["estimated_rate"]),
            "precision at it": number_text(row["precision"]),
            "recall": number_text(row["recall"]),
        }
        for row in rows.sort_values("auroc", ascending=False, kind="stable").to_dict("records")
    ]
    return pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True)


_EXPLANATION = """\
Means over seeds; AUROC with the 95 % confidence interval over seeds (Student's t; one seed has
none). AUROC is the chance that a wrong label is more suspect than a right one. At the true rate,
as many labels are taken as are wrong: precision is then recall. The estimated rate needs no true
label: for cleanlab it is what confident learning finds, for all others the library's own, at the
early layer. All probes, logistic regressions and neighbours are cross-fitted: none saw the label
that it judges. The network did, unless the image was held out."""
