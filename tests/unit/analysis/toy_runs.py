"""Hand-made histories and probe accuracies of runs."""

from typing import Any

import pandas as pd

RUN = {"experiment": "toy", "noise": "uniform", "level": 0.4}
MASC = {"probe": "masc", "explained_variance": 0.99, "n_components": None}
SETTINGS = {"toy": {"masc": MASC, "masc-50": {**MASC, "explained_variance": 0.5}}}

Layers = dict[str, tuple[float | None, float]]
"""Accuracy on held-out and on test data by layer."""

UNTRAINED: Layers = {"fc1": (0.1, 0.15), "fc2": (0.2, 0.25), "fc3": (0.3, 0.20)}
LAYERS: Layers = {"fc1": (0.5, 0.70), "fc2": (0.4, 0.80), "fc3": (0.3, 0.60)}


def history(seed: int, tests: list[float], validations: list[float] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **RUN,
            "seed": seed,
            "epoch": range(len(tests)),
            "test_accuracy": tests,
            "test_balanced_accuracy": [accuracy - 0.01 for accuracy in tests],
            "test_worst_class_recall": [accuracy / 2 for accuracy in tests],
            "validation_accuracy": validations or [None] * len(tests),
        }
    ).astype({"validation_accuracy": float})


def probe(
    seed: int, layers: Layers, name: str = "masc", untrained: Layers = UNTRAINED
) -> pd.DataFrame:
    """A probe's accuracies, among better distractors."""
    trained = network_rows("memorised", seed, {"input": (0.9, 0.3), **layers}, name)
    return joined([trained, network_rows("untrained", seed, untrained, name)])


def network_rows(network: str, seed: int, layers: Layers, name: str = "masc") -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for layer, (validation, test) in layers.items():
        common = {**RUN, "seed": seed, "layer": layer, "probe": name}
        here = {**common, "network": network, "fit_labels": "observed"}
        rows.append({**here, "split": "train", "score_labels": "observed", "accuracy": 1.0})
        if validation is not None:
            held_out = {**here, "split": "validation"}
            rows.append({**held_out, "score_labels": "observed", "accuracy": validation})
            rows.append({**held_out, "score_labels": "true", "accuracy": 1 - validation})
        score = {"split": "test", "score_labels": "true"}
        rows.append({**here, **score, "accuracy": test})
        other = {"network": network, "fit_labels": "true", "accuracy": 0.99}
        rows.append({**common, **score, **other})
    table = pd.DataFrame(rows)
    return table.assign(
        balanced_accuracy=table["accuracy"] - 0.02, worst_class_recall=table["accuracy"] / 4
    )


def joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)
