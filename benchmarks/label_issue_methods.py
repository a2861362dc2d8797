"""Compare methods that find wrong labels from features; write docs/results/label_issue_methods.csv.

    PYTHONPATH=workflow/scripts python -m benchmarks.label_issue_methods FEATURES.npz RESULTS.csv

FEATURES.npz holds, for each set of rows, `NAME` (N, D) and `NAME_clean` (N,), the true classes 0 to
C-1, and optionally `NAME_LABELS` (N,), labels that people gave. A set's position in the file seeds
its noise. Rows of the results are appended as soon as a case and a method are finished; those that
are present are skipped. Without arguments, the tables of the committed results are printed.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from cleanlab import Datalab
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from latentgen import label_scores

RESULTS = Path(__file__).parents[1] / "docs/results"

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Found = tuple[NDArray[np.float64], NDArray[np.bool_], float]
"""Label scores (N,), low is bad; labels that are flagged (N,); estimated fraction of wrong ones."""

FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)
PENALTIES = (1e-3, 1e-2)  # C of the tuned logistic regression
SHRINKAGES = (0.03, 0.1, 0.3, 0.6, 0.9)  # of the discriminant analysis
N_NEIGHBOURS = 20
N_COMPONENTS = 32  # of a class's principal components
KINDS = (
    *("uniform 0.02", "uniform 0.05", "uniform 0.2", "uniform 0.4"),
    *("pairs 0.2", "pairs 0.4", "tail 0.2"),
)
MEMORISED = [
    *("digits, uniform 0.4", "digits, pairs 0.4", "MNIST, uniform 0.4", "CIFAR-10, uniform 0.4"),
    *("CIFAR-10N worse", "ResNet-18, CIFAR-10N worse", "ViT, CIFAR-10N worse"),
]
RATES = ["wrong", "estimated", "cleanlab_estimates", "precision", "recall"]
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
    return chosen, np.where(redrawn, random.integers(0, n_classes, len(labels)), labels)


def ours(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Scores of this library."""
    table = label_scores(rows, labels)
    flagged = table["is_label_issue"].to_numpy()
    return {"": (table["label_score"].to_numpy(), flagged, table.attrs["noise_rate"])}


def regressions(penalties: tuple[float, ...], rows: Rows, labels: Labels) -> dict[str, Found]:
    """Cleanlab on logistic regression of standardised features."""
    models = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=100)) for c in penalties
    ]
    found = [
        cross_val_predict(model, rows, labels, cv=FOLDS, method="predict_proba") for model in models
    ]
    return of_probabilities(labels, found)


def discriminants(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Cleanlab on linear discriminant analysis, by one Cholesky factorisation a fold and shrinkage.

    Scikit-learn's solvers have the same results and take ten times as long.
    """
    n_classes, width = labels.max() + 1, rows.shape[1]
    found = [np.zeros((len(labels), n_classes)) for _ in SHRINKAGES]
    for fitted, held_out in FOLDS.split(rows, labels):
        centred, classes = rows[fitted] - rows[fitted].mean(0), np.eye(n_classes)[labels[fitted]]
        n = classes.sum(0)
        means = (classes.T.astype(rows.dtype) @ centred) / np.maximum(n, 1)[:, None]
        within = (centred.T @ centred - (means * n[:, None]).T @ means) / len(fitted)
        rest = rows[held_out] - rows[fitted].mean(0)
        for shrinkage, probabilities in zip(SHRINKAGES, found, strict=True):
            shrunk = (1 - shrinkage) * within
            shrunk[np.diag_indices(width)] += shrinkage * np.trace(within) / width
            linear = cho_solve(cho_factor(shrunk, overwrite_a=True, check_finite=False), means.T)
            constant = np.log(np.maximum(n, 1e-6)) - (means.T * linear).sum(0) / 2
            probabilities[held_out] = softmax(rest @ linear + constant, axis=1)
    return of_probabilities(labels, found)


def of_probabilities(labels: Labels, candidates: list[NDArray[np.float64]]) -> dict[str, Found]:
    """Cleanlab's scores and filters on the candidate with the least log-loss of observed labels."""
    probabilities = min(candidates, key=lambda each: log_loss(labels, each))
    found: dict[str, Found] = {}
    for how in ("prune_by_noise_rate", "both"):
        flagged = np.asarray(find_label_issues(labels, probabilities, filter_by=how, n_jobs=1))
        for score in ("self_confidence", "normalized_margin"):
            values = np.asarray(get_label_quality_scores(labels, probabilities, method=score))
            found[f"{score}, {how}"] = values, flagged, float(flagged.mean())
    return found


def datalab(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Cleanlab's Datalab on features: probabilities are votes of the nearest rows."""
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lab = Datalab({"label": labels}, label_name="label", verbosity=0)
        lab.find_issues(features=rows, issue_types={"label": {}})
    issues = lab.get_issues("label")
    flagged = issues["is_label_issue"].to_numpy()
    return {"": (issues["label_score"].to_numpy(), flagged, float(flagged.mean()))}


def of_neighbours(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Votes of the nearest rows (SimiFeat, arXiv 2110.06283) and distances (SelfClean, 2305.17048).

    SimiFeat's vote flags labels that are not the most frequent one of the neighbours; its rank
    takes the cosine between the neighbours' votes and the label. SelfClean compares the distances
    to the nearest row of the same label and of another one. Both flag as many as the vote does.
    """
    units = torch.nn.functional.normalize(torch.from_numpy(rows), dim=1)
    cosines, given = (units @ units.T).fill_diagonal_(-2), torch.from_numpy(labels)
    near = given[cosines.topk(N_NEIGHBOURS, dim=1).indices]
    votes = torch.nn.functional.one_hot(near, int(given.max()) + 1).sum(1).double()
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
        "k-NN, SimiFeat vote": ((of_label / N_NEIGHBOURS).numpy(), flagged, rate),
        "SimiFeat rank": (rank, rank < np.quantile(rank, rate), rate),
        "SelfClean": (ratio, ratio < np.quantile(ratio, rate), rate),
    }


def reconstruction(rows: Rows, labels: Labels) -> dict[str, Found]:
    """Reconstruction error ratios (RER, arXiv 2412.02596), with principal components of a class.

    The article's autoencoders are not linear. A label is flagged if another class's components,
    fitted without the row's fold, have the smaller error.
    """
    errors = np.full((len(labels), labels.max() + 1), np.inf)
    for fitted, held_out in FOLDS.split(rows, labels):
        for c in np.unique(labels[fitted]):
            members = rows[fitted][labels[fitted] == c]
            mean, kept = members.mean(0), min(N_COMPONENTS, len(members) // 2)
            centred = members - mean
            basis = np.linalg.qr(centred.T @ np.linalg.eigh(centred @ centred.T)[1][:, -kept:])[0]
            rest = rows[held_out] - mean
            errors[held_out, c] = (rest**2).sum(1) - ((rest @ basis) ** 2).sum(1)
    own = errors[np.arange(len(labels)), labels]
    errors[np.arange(len(labels)), labels] = np.inf
    ratio = errors.min(1) / own
    return {"": (ratio, ratio < 1, float((ratio < 1).mean()))}


METHODS: dict[str, Callable[[Rows, Labels], dict[str, Found]]] = {
    "label_scores": ours,
    "LDA": discriminants,
    "neighbours": of_neighbours,
    "Datalab": datalab,
    "RER": reconstruction,
    "LR tuned": partial(regressions, PENALTIES),
    "LR, C = 1": partial(regressions, (1.0,)),
}


def measured(found: Found, labels: Labels, true: Labels) -> dict[str, float]:
    """Measures of one method; a third of the classes, by true labels, is rare."""
    scores, flagged, rate = found
    wrong, counts = labels != true, np.bincount(true)
    rare = np.isin(labels, np.argsort(counts)[: len(counts) // 3])
    measures = {
        "wrong": wrong.mean(),
        "rate": rate,
        "auroc": roc_auc_score(wrong, -scores),
        "average_precision": average_precision_score(wrong, -scores),
        "f1": 2 * (flagged & wrong).sum() / max(1, flagged.sum() + wrong.sum()),
    }
    for name, chosen in (("", rare | ~rare), ("_frequent", ~rare), ("_rare", rare)):
        hits = (flagged & wrong & chosen).sum()
        measures[f"precision{name}"] = hits / max(1, (flagged & chosen).sum())
        measures[f"recall{name}"] = hits / max(1, (wrong & chosen).sum())
        measures[f"right_flagged{name}"] = flagged[~wrong & chosen].mean()
    of_class = [flagged[~wrong & (labels == c)].mean() for c in np.unique(labels[~wrong])]
    return {**measures, "right_flagged_worst_class": max(of_class)}


def cases(
    stored: dict[str, NDArray[np.float32]],
) -> Iterator[tuple[str, str, Rows, Labels, Labels]]:
    """Names of the rows and of the noise, rows, true labels and observed labels."""
    names = [key.removesuffix("_clean") for key in stored if key.endswith("_clean")]
    for seed, name in enumerate(names):
        rows, true = stored[name].astype(np.float32), stored[f"{name}_clean"].astype(np.int64)
        for key in [key for key in stored if key.startswith(f"{name}_") and "clean" not in key]:
            yield name, key.removeprefix(f"{name}_"), rows, true, stored[key].astype(np.int64)
        for kind in KINDS:
            chosen, labels = noisy(rows, true, kind, seed)
            yield name, kind, rows[chosen], true[chosen], labels


def main(features: Path, results: Path) -> None:
    """Measure all cases of all sets of rows."""
    torch.set_num_threads(1)
    finished: set[tuple[str, ...]] = set()
    if results.exists():
        done = pd.read_csv(results)[["features", "noise", "method"]]
        finished = set(done.itertuples(index=False, name=None))
    stored = dict(np.load(features))
    for method, function in METHODS.items():
        for name, noise, rows, true, labels in cases(stored):
            if (name, noise, method) in finished:
                continue
            start = time.process_time()
            found = function(rows, labels)
            seconds = time.process_time() - start
            key = {"features": name, "noise": noise, "n": len(labels), "method": method}
            lines = [
                {**key, "variant": variant, **measured(each, labels, true), "cpu_seconds": seconds}
                for variant, each in found.items()
            ]
            pd.DataFrame(lines).round(4).to_csv(
                results, mode="a", header=not results.exists(), index=False
            )


def tables(folder: Path = RESULTS) -> dict[str, str]:
    """Tables of docs/results/label_issues.md, by name, as Markdown, from the CSVs of a folder.

    `methods` and `classes` are means over the cases that every method has, `noise` over all.
    """
    results = pd.read_csv(folder / "label_issue_methods.csv")
    results["variant"] = results["variant"].fillna("")
    results["method"] = (results["method"] + ", " + results["variant"]).str.removesuffix(", ")
    kinds = results["noise"].str.split(" ").str[0]
    results["kind"] = kinds.where(kinds.isin(["uniform", "pairs", "tail"]), "human")
    results["rate error"] = (results["rate"] - results["wrong"]).abs()
    results = results[results["variant"] != "normalized_margin, prune_by_noise_rate"]
    n_methods = results["method"].nunique()
    counted = results.groupby(["features", "noise"])["method"].transform("nunique")
    common = results[counted == n_methods]
    by_kind = common.pivot_table(index="method", columns="kind", values="auroc")
    methods = by_kind[["human", "pairs", "uniform"]].add_prefix("AUROC, ")
    human = common["kind"] == "human"
    methods["F1, human"] = common[human].groupby("method")["f1"].mean()
    methods["F1, others"] = common[~human].groupby("method")["f1"].mean()
    means = common.groupby("method")[["rate error", "cpu_seconds"]].mean()
    methods[["rate error", "CPU seconds"]] = means
    cleanlab, ours = "LR tuned, self_confidence, both", "label_scores"
    of_case = results.pivot_table(
        index=["noise", "features"], columns="method", values=["wrong", "rate", "f1", "auroc"]
    )
    noise = of_case["wrong"][[ours]].set_axis(["wrong"], axis=1)
    noise["estimated"] = of_case["rate", ours]
    noise["largest error"] = (noise["wrong"] - noise["estimated"]).abs()
    noise = noise.groupby("noise").agg(dict.fromkeys(noise, "mean") | {"largest error": "max"})
    compared = of_case.dropna(subset=[("auroc", cleanlab)]).groupby("noise").mean()
    for measure, name in (("auroc", "AUROC"), ("f1", "F1")):
        noise[name] = compared[measure, ours]
        noise[f"{name}, cleanlab"] = compared[measure, cleanlab]
    shown = [
        f"{measure}_{size}"
        for size in ("frequent", "rare")
        for measure in ("precision", "recall", "right_flagged")
    ]
    tail = common[common["kind"] == "tail"].groupby("method")
    classes = tail[[*shown, "right_flagged_worst_class"]].mean()
    classes.columns = [name.replace("_", " ") for name in classes.columns]
    memorised = pd.read_csv(folder / "label_issues_memorised.csv")
    trained_on = memorised[memorised["split"] == "trained on"]
    layers = pd.read_csv(folder / "label_issues_layers.csv")
    layers["columns"] = layers["columns"].map("{:,.0f}".format, na_action="ignore")
    retraining = pd.read_csv(folder / "label_issues_retraining.csv")
    found = {
        "methods": methods.sort_values("AUROC, human", ascending=False),
        "noise": noise,
        "classes": classes,
        "memorised": _wide(trained_on, "method", "auroc", MEMORISED),
        "rates": pd.read_csv(folder / "label_issues_rates.csv", index_col=0).loc[MEMORISED, RATES],
        "layers": layers.set_index("network"),
        "retraining": _wide(retraining, "network", "accuracy", retraining["labels"].unique()),
    }
    return {
        name: str(table.astype(object).where(table.notna(), None).to_markdown(floatfmt=".3f"))
        for name, table in found.items()
    }


def _wide(table: pd.DataFrame, rows: str, values: str, columns: Sequence[str]) -> pd.DataFrame:
    """A column for each kind of labels, rows in the order of the table."""
    wide = table.pivot_table(index=rows, columns="labels", values=values, sort=False)
    return wide[list(columns)]


if __name__ == "__main__":
    if sys.argv[1:]:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        print("\n\n".join(tables().values()))
