"""Compare methods that find wrong labels from features; write docs/results/label_issue_methods.csv.

    PYTHONPATH=workflow/scripts python -m benchmarks.label_issue_methods FEATURES.npz RESULTS.csv

    PYTHONPATH=workflow/scripts python -m benchmarks.label_issue_methods --table RESULTS.csv

FEATURES.npz holds, for each set of rows, `NAME` (N, D) and `NAME_clean` (N,), the true classes 0 to
C-1, and optionally `NAME_LABELS` (N,), labels that people gave. A row of the results is appended
for each case and method as soon as it is finished; cases that are present are skipped.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from latentgen import label_scores

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Found = tuple[NDArray[np.float64], NDArray[np.bool_], float]
"""Label scores (N,), low is bad; labels that are flagged (N,); estimated fraction of wrong ones."""

N_NEIGHBOURS = 20
TAIL = 50  # samples of the largest class for one of the smallest


def noisy(rows: Rows, true: Labels, kind: str, seed: int) -> tuple[NDArray[np.int64], Labels]:
    """Positions of the rows of a case, and their observed labels."""
    random, n_classes = np.random.default_rng(1000 + seed), int(true.max()) + 1
    name, level = kind.split(" ")
    chosen, p = np.arange(len(true)), float(level)
    if name == "tail":
        sizes = [int(np.bincount(true).max() * TAIL ** (-c / (n_classes - 1))) for c in range(10)]
        parts = [random.permutation(np.flatnonzero(true == c))[: sizes[c]] for c in range(10)]
        chosen = np.sort(np.concatenate(parts))
    labels, redrawn = true[chosen], random.random(len(chosen)) < p
    if name == "pairs":
        return chosen, np.where(redrawn, (labels + 1) % n_classes, labels)
    if name == "instance":  # the class that random weights find most similar, after the true one
        weights = random.normal(size=(rows.shape[1], n_classes))
        similar = (rows - rows.mean(0))[chosen] @ weights
        similar[np.arange(len(labels)), labels] = -np.inf
        redrawn = random.random(len(chosen)) < random.normal(p, 0.1, len(chosen)).clip(0, 1)
        return chosen, np.where(redrawn, similar.argmax(1), labels)
    return chosen, np.where(redrawn, random.integers(0, n_classes, len(labels)), labels)


def cross_validated(model: object, rows: Rows, labels: Labels) -> NDArray[np.float64]:
    """Class probabilities (N, C) from five stratified folds."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return np.asarray(cross_val_predict(model, rows, labels, cv=folds, method="predict_proba"))


def logistic_regression(c: float) -> object:
    """Standardised features and a logistic regression with penalty 1 / c."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=100))


def tuned(models: list[object], rows: Rows, labels: Labels) -> NDArray[np.float64]:
    """Probabilities of the model with the lowest held-out log-loss on the observed labels."""
    found = [cross_validated(model, rows, labels) for model in models]
    return min(found, key=lambda each: log_loss(labels, each))


def of_probabilities(labels: Labels, probabilities: NDArray[np.float64]) -> dict[str, Found]:
    """Cleanlab's scores and filters."""
    found: dict[str, Found] = {}
    for score in ("self_confidence", "normalized_margin"):
        values = np.asarray(get_label_quality_scores(labels, probabilities, method=score))
        for how in ("prune_by_noise_rate", "both"):
            flagged = np.asarray(find_label_issues(labels, probabilities, filter_by=how, n_jobs=1))
            found[f"{score}, {how}"] = values, flagged, float(flagged.mean())
    return found


def of_neighbours(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Votes of the nearest rows (SimiFeat, arXiv 2110.06283) and distances (SelfClean, 2305.17048).

    SimiFeat's vote flags labels that are not the most frequent one of the neighbours; its rank
    takes the cosine between the neighbours' votes and the label. SelfClean compares the distances
    to the nearest row of the same label and of another one.
    """
    units = torch.nn.functional.normalize(torch.from_numpy(rows), dim=1)
    cosines = (units @ units.T).fill_diagonal_(-2)
    given = torch.from_numpy(labels)
    near = given[cosines.topk(N_NEIGHBOURS, dim=1).indices]
    votes = torch.nn.functional.one_hot(near).sum(1).double()
    of_label = votes.gather(1, given[:, None])[:, 0]
    flagged = (votes.argmax(1) != given).numpy()
    rank = (of_label / votes.norm(dim=1)).numpy()
    same = given[:, None] == given
    near_same, near_other = (
        1 - cosines.masked_fill(~mask, -2).amax(1).double() for mask in (same, ~same)
    )
    ratio = (near_other**2 / (near_same**2 + near_other**2)).numpy()
    rate = float(flagged.mean())
    return {
        "k-NN": ((of_label / N_NEIGHBOURS).numpy(), flagged, rate),
        "SimiFeat, rank": (rank, rank < np.quantile(rank, rate), rate),
        "SelfClean": (ratio, ratio < np.quantile(ratio, rate), rate),
    }


def ours(rows: Rows, labels: Labels) -> dict[str, Found]:
    """This library."""
    table = label_scores(rows, labels)
    flagged = table["is_label_issue"].to_numpy()
    return {"posterior": (table["label_score"].to_numpy(), flagged, table.attrs["noise_rate"])}


def discriminants(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Linear discriminant analysis, shrinkage by held-out log-loss."""
    models = [
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage=each) for each in (0.1, 0.3, 0.6, 0.9)
    ]
    return of_probabilities(labels, tuned(list(models), rows, labels))


def regressions(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Logistic regression, penalty by held-out log-loss."""
    models = [logistic_regression(c) for c in (1e-4, 1e-3, 1e-2)]
    return of_probabilities(labels, tuned(models, rows, labels))


def default_regression(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Logistic regression with scikit-learn's default penalty."""
    return of_probabilities(labels, cross_validated(logistic_regression(1.0), rows, labels))


METHODS: dict[str, Callable[[Rows, Labels], dict[str, Found]]] = {
    "label_scores": ours,
    "neighbours": of_neighbours,
    "LDA": discriminants,
    "LR tuned": regressions,
    "LR, C = 1": default_regression,
}


def measured(found: Found, wrong: NDArray[np.bool_], small: NDArray[np.bool_]) -> dict[str, float]:
    """Measures of one method; `small` marks labels of the classes that are rare as observed."""
    scores, flagged, rate = found
    hits = float((flagged & wrong).sum())
    return {
        "wrong": float(wrong.mean()),
        "auroc": float(roc_auc_score(wrong, -scores)),
        "average_precision": float(average_precision_score(wrong, -scores)),
        "rate_error": abs(rate - float(wrong.mean())),
        "precision": hits / max(1, flagged.sum()),
        "recall": hits / wrong.sum(),
        "f1": 2 * hits / max(1, flagged.sum() + wrong.sum()),
        "right_flagged": float(flagged[~wrong].mean()),
        "right_flagged_small_classes": float(flagged[~wrong & small].mean()),
    }


def cases(stored: dict[str, NDArray[np.float32]], name: str, seeds: int) -> Iterator[tuple]:
    """Name of the noise, seed, rows, true labels and observed labels."""
    rows = stored[name].astype(np.float32)
    true = stored[f"{name}_clean"].astype(np.int64)
    for labels in [key for key in stored if key.startswith(f"{name}_") and "clean" not in key]:
        yield labels.removeprefix(f"{name}_"), 0, rows, true, stored[labels].astype(np.int64)
    levels = ("pairs 0.4", "uniform 0.02", "uniform 0.2", "uniform 0.4", "pairs 0.2")
    for seed in range(seeds):
        for kind in (*levels, "uniform 0.05", "instance 0.3", "tail 0.2"):
            chosen, labels = noisy(rows, true, kind, seed)
            yield kind, seed, rows[chosen], true[chosen], labels


def summary(results: pd.DataFrame) -> str:
    """Markdown table of AUROC, F1 and rate error by group of noise, means over cases."""
    groups = (
        results["noise"].str.split(" ").str[0].where(results["noise"].str.contains(" "), "human")
    )
    shown = results.assign(group=groups, method=results["family"] + ", " + results["variant"])
    shown = shown[~shown["variant"].str.startswith("normalized_margin, prune")]
    aurocs = shown.pivot_table(index="method", columns="group", values="auroc")
    columns = {"f1": "F1", "rate_error": "rate error", "cpu_seconds": "CPU seconds"}
    others = shown.groupby("method")[list(columns)].mean().rename(columns=columns)
    kinds = ["human", "pairs", "uniform"]
    picked = aurocs[kinds].rename(columns=lambda kind: f"AUROC, {kind}").join(others)
    ordered = picked.sort_values("AUROC, human", ascending=False)
    return str(ordered.to_markdown(floatfmt=".3f"))


def main(features: Path, results: Path, seeds: int = 2) -> None:
    """Measure all cases of all sets of rows."""
    torch.set_num_threads(1)
    stored = dict(np.load(features))
    names = [key.removesuffix("_clean") for key in stored if key.endswith("_clean")]
    empty = pd.DataFrame(columns=["features", "noise", "seed", "family"])
    done = pd.read_csv(results) if results.exists() else empty
    for seed in range(seeds):
        for name in names:
            for noise, case_seed, rows, true, labels in cases(stored, name, seeds):
                if case_seed != seed:
                    continue
                key = {"features": name, "noise": noise, "seed": seed}
                counts = np.bincount(true)
                small = np.isin(labels, np.argsort(counts)[: len(counts) // 3])
                for family, method in METHODS.items():
                    case = [*key.values(), family]
                    if (done[[*key, "family"]] == case).all(axis=1).any():
                        continue
                    start = time.process_time()
                    found = method(rows, labels)
                    seconds = {"cpu_seconds": time.process_time() - start}
                    lines = [
                        {**key, "family": family, "variant": variant}
                        | measured(values, labels != true, small)
                        | seconds
                        for variant, values in found.items()
                    ]
                    pd.DataFrame(lines).round(4).to_csv(
                        results, mode="a", header=not results.exists(), index=False
                    )


if __name__ == "__main__":
    if sys.argv[1] == "--table":
        print(summary(pd.read_csv(sys.argv[2])))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
