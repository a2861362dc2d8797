"""The scoreboard: readout gap and gain over controls of every probe, and of the best probe.

Definitions are in `controls`, intervals and p-values in `over_seeds` and `bootstrap`.
"""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentgen.analysis import bootstrap
from latentgen.analysis.controls import (
    BEST_ON_VALIDATION,
    CLASS_SCORES,
    CONTROLS,
    LAYER_RULES,
    REFERENCES,
    TRAINED_NETWORK,
    applicable_rule,
    better_control,
    early_stopping,
    selections,
)
from latentgen.analysis.over_seeds import (
    RUN_COLUMNS,
    Probes,
    differences_text,
    holm,
    join_intervals,
    last_rows,
    number_text,
    one_of_each_kind,
    p_over_seeds,
    run_of_path,
)
from latentgen.errors import PipelineError
from latentgen.names import BEST_PROBE, EARLY_STOPPED, FEATURES, INPUT, MODEL, level_name
from latentgen.random_streams import derive_seed

DIFFERENCES = ["readout_gap", "gain_over_controls", "over_early_stopping", "early_stopping_gain"]
BOOTSTRAPPED = ["readout_gap", "gain_over_controls"]
SETTING = ["experiment", "noise", "level"]
SERIES = ["probe", "layer_rule"]

_OF_PROBE = {score: f"probe_{score}" for score in ["accuracy", *CLASS_SCORES]}
_OF_MODEL = {f"test_{score}": f"model_{score}" for score in CLASS_SCORES}
_OF_CLASSES = [f"{of}_{score}" for score in CLASS_SCORES for of in ("model", "probe")]


def paired_scores(
    histories: pd.DataFrame | None, final_probes: pd.DataFrame, probes: Mapping[str, Probes]
) -> pd.DataFrame:
    """Scores of each run's probes, controls and model; a row for each probe and layer rule.

    Args:
        histories: of the runs, with `validation_accuracy` (held-out training data, observed
            labels; missing if nothing is held out); None if no run has a network.
        final_probes: every probe at the last epoch and on the untrained network, or on features.
        probes: settings of the probes by experiment.

    Returns:
        Columns: the run, probe (or `best_probe`), layer_rule, layer (of the best probe with the
        probe, as in `masc:fc1`), accuracies on test data of probe, model, early stopping and
        controls, stopping_epoch, scores over classes, and `DIFFERENCES`. On features, which have no
        model and no control, the layer rule is `features`, and only the probe's scores are given.
    """
    features = _on_features(final_probes)
    if histories is None:
        return features
    networks = _on_networks(histories, selections(final_probes, probes))
    return pd.concat([networks, features]) if len(features) else networks


def _on_features(final_probes: pd.DataFrame) -> pd.DataFrame:
    rows = final_probes[
        (final_probes["network"] == FEATURES)
        & (final_probes["fit_labels"] == "observed")
        & (final_probes["split"] == "test")
    ]
    rows = rows.rename(columns=_OF_PROBE).assign(layer_rule=FEATURES)
    rows = rows[[*RUN_COLUMNS, *SERIES, "layer", *_OF_PROBE.values()]]
    missing = ["model_accuracy", "early_stopped_accuracy", "stopping_epoch", *_OF_MODEL.values()]
    missing += [*CONTROLS, *REFERENCES, *DIFFERENCES]
    return rows.assign(**dict.fromkeys(missing, np.nan)).reset_index(drop=True)


def _on_networks(histories: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    scores = chosen[chosen["network"] == TRAINED_NETWORK].rename(columns=_OF_PROBE)
    is_best = scores["probe"] == BEST_PROBE
    named = scores["selected_probe"] + ":" + scores["layer"]
    scores["layer"] = scores["layer"].mask(is_best, named)
    scores = scores.drop(columns=["network", "held_out", "selected_probe"])
    scores = scores.merge(early_stopping(histories), on=RUN_COLUMNS)
    of_model = last_rows(histories).rename(columns=_OF_MODEL)
    scores = scores.merge(of_model[[*RUN_COLUMNS, *_OF_MODEL.values()]], on=RUN_COLUMNS)
    keys = [*RUN_COLUMNS, *SERIES]
    for column, network in {**CONTROLS, **REFERENCES}.items():
        control = chosen[chosen["network"] == network].rename(columns={"accuracy": column})
        scores = scores.merge(control[[*keys, column]], on=keys, how="left")
    return scores.assign(
        readout_gap=scores["probe_accuracy"] - scores["model_accuracy"],
        gain_over_controls=scores["probe_accuracy"] - better_control(scores),
        over_early_stopping=scores["probe_accuracy"] - scores["early_stopped_accuracy"],
        early_stopping_gain=scores["early_stopped_accuracy"] - scores["model_accuracy"],
    )


def bootstrap_intervals(
    files: Iterable[str | PathLike[str]],
    final_probes: pd.DataFrame,
    probes: Mapping[str, Probes],
    n_resamples: int = bootstrap.N_RESAMPLES,
) -> pd.DataFrame:
    """Bootstrap readout gap and gain over controls over seeds and test images.

    Layers and best probes stay as selected, since they depend on held-out images and not on test
    images (but for `best_on_test`). The better control is chosen again in each resample.

    Args:
        files: `predictions.h5` of the runs.
        final_probes: of the same runs.
        probes: settings of the probes by experiment.
        n_resamples: number of resamples.

    Returns:
        A row for each experiment, noise, level, probe and layer rule: of each of `BOOTSTRAPPED`
        the columns `_bootstrap_low`, `_bootstrap_high` and `_bootstrap_p`.

    Raises:
        PipelineError: the runs of a level were not tested on the same images.
    """
    of_runs: dict[tuple[Any, ...], str | PathLike[str]]
    of_runs = {run_of_path(file): file for file in files}
    chosen = selections(final_probes, probes)
    keys = [*RUN_COLUMNS, *SERIES]
    stored = chosen["network"].replace(INPUT, TRAINED_NETWORK)  # a layer of the trained network
    chosen["path"] = stored + "/" + chosen["selected_probe"] + "/" + chosen["layer"]
    predictors = chosen.loc[chosen["network"] == TRAINED_NETWORK, keys]
    wanted = [*CONTROLS.values(), TRAINED_NETWORK]
    for network in wanted:
        of_network = chosen[chosen["network"] == network].rename(columns={"path": network})
        predictors = predictors.merge(of_network[[*keys, network]], on=keys)
    parts = []
    for setting, rows in predictors.groupby(SETTING, sort=False):
        experiment, noise, level = setting
        by_seed = {seed: of_seed.set_index(SERIES) for seed, of_seed in rows.groupby("seed")}
        series = next(iter(by_seed.values())).index
        correct = _correct(
            [of_runs[experiment, noise, level, seed] for seed in by_seed],
            [of_seed.loc[series, wanted].to_numpy() for of_seed in by_seed.values()],
        )
        stream = derive_seed("bootstrap", experiment, noise, level)
        resampled = _resampled_differences(correct, stream, n_resamples)
        of_setting: dict[str, Any] = {"experiment": experiment, "noise": noise, "level": level}
        part = pd.DataFrame(of_setting, index=series)
        for name, values in zip(BOOTSTRAPPED, resampled, strict=True):
            low, high = bootstrap.interval(values)
            ends = {"low": low, "high": high, "p": bootstrap.p_value(values)}
            part = part.assign(**{f"{name}_bootstrap_{end}": x for end, x in ends.items()})
        parts.append(part.reset_index())
    return pd.concat(parts, ignore_index=True)


def _correct(
    files: list[str | PathLike[str]], predictors: list[NDArray[np.object_]]
) -> NDArray[np.bool_]:
    """Whether the model (first) and each predictor are right: (seeds, 1 + 3 x series, images)."""
    correct, labels = [], None
    for path, names in zip(files, predictors, strict=True):
        with h5py.File(path, locking=False) as file:
            labels = file["test_labels"][:] if labels is None else labels
            if not np.array_equal(labels, file["test_labels"][:]):
                raise PipelineError(f"{path}: found other test labels than in {files[0]}")
            datasets = [MODEL, *(f"probes/{name}" for name in names.ravel())]
            read = {name: file[name][:] == labels for name in dict.fromkeys(datasets)}
        correct.append(np.stack([read[name] for name in datasets]))
    return np.stack(correct)


def _resampled_differences(
    correct: NDArray[np.bool_], stream: int, n_resamples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Resampled readout gaps and gains over controls, each (resamples, series)."""
    gaps, gains = [], []
    for times_drawn, accuracies in bootstrap.resampled_accuracies(correct, stream, n_resamples):
        n, seeds, _ = accuracies.shape
        model, of_probes = accuracies[:, :, :1], accuracies[:, :, 1:].reshape(n, seeds, -1, 3)
        probe, controls = of_probes[..., 2], of_probes[..., :2]
        gaps.append(bootstrap.mean_over_drawn_seeds(probe - model, times_drawn))
        gains.append(bootstrap.mean_over_drawn_seeds(probe - controls.max(-1), times_drawn))
    return np.concatenate(gaps), np.concatenate(gains)


def scoreboard(scores: pd.DataFrame, resampled: pd.DataFrame | None = None) -> pd.DataFrame:
    """Means over seeds, and differences with both 95 % intervals and corrected p-values.

    Args:
        scores: as returned by `paired_scores`.
        resampled: as returned by `bootstrap_intervals`; None if there are no predictions.

    Returns:
        A row for each experiment, noise, level, probe and layer rule. Columns: these; the selected
        layers; seeds; mean accuracies and scores over classes; each of `DIFFERENCES` with `_low`
        and `_high` (Student's t over seeds, for these test images; missing with one seed). Each of
        `BOOTSTRAPPED` has `_bootstrap_low` and `_bootstrap_high` (seeds and test images), and `_p`:
        the larger p-value of both, missing with one seed, by Holm's method corrected for the
        number of probes of the same level and layer rule. The best probe is one comparison fixed
        in advance, and its p-value is not corrected.
    """
    by = [*SETTING, *SERIES]
    board = scores.groupby(by, sort=False).agg(
        layers=("layer", lambda layers: " ".join(dict.fromkeys(layers))),
        seeds=("seed", "count"),
        model_accuracy=("model_accuracy", "mean"),
        early_stopped_accuracy=("early_stopped_accuracy", "mean"),
        probe_accuracy=("probe_accuracy", "mean"),
        **{name: (name, "mean") for name in [*CONTROLS, *REFERENCES, *_OF_CLASSES]},
    )
    board = join_intervals(board, scores, by, DIFFERENCES).reset_index()
    ends = [f"{name}_bootstrap_{end}" for name in BOOTSTRAPPED for end in ("low", "high", "p")]
    if resampled is None:
        board = board.assign(**dict.fromkeys(ends, np.nan))
    else:
        board = board.merge(resampled[[*by, *ends]], on=by, how="left")
    family = [board[column] for column in [*SETTING, "layer_rule"]]
    family.append(board["probe"] == BEST_PROBE)
    for name in BOOTSTRAPPED:
        resampled_p = board.pop(f"{name}_bootstrap_p").fillna(0)
        larger = p_over_seeds(board, name)
        larger = larger.mask(larger < resampled_p, resampled_p)
        board[f"{name}_p"] = larger.groupby(family, sort=False).transform(holm)
    return board


def to_markdown(board: pd.DataFrame) -> str:
    """The scoreboard as Markdown: for each experiment a table of its rows, and one by class."""
    parts = ["# Readout gap and gain over controls", _EXPLANATION]
    for experiment, rows in board.groupby("experiment", sort=False):
        if (rows["layer_rule"] != FEATURES).all():
            rows = rows[rows["layer_rule"] == applicable_rule(rows["layer_rule"])]
        rule = LAYER_RULES[rows["layer_rule"].iloc[0]]
        for title, cells in ((experiment, _cells), (f"{experiment}, classes", _class_cells)):
            table = pd.DataFrame([cells(row) for row in rows.to_dict("records")])
            text = table.to_markdown(index=False, disable_numparse=True)
            parts += [f"## {title}", f"Layer: {rule}.", text]
    return "\n\n".join(parts) + "\n"


_EXPLANATION = """\
Test accuracies, means over seeds. Probes are fitted to observed labels. Rows of the best probe come
first: probe and layer are both selected on held-out observed labels, in the trained network and in
each control alike. The CSV has all layer selection rules.

- Early stopped: the model at its best epoch on held-out observed labels. A dash: nothing is held
  out.
- Input, untrained: the controls. The same probe, fitted to the same labels, on the raw input, and
  on the untrained network at the layer that the same rule selects there. Level 1, level 0: for
  reference, the same on the network of the same seed that was trained at that corruption level.
- Readout gap: probe minus model. Gain over controls: probe minus the better control (raw input or
  untrained network) of each seed. The maximum of two noisy accuracies is too high on average, so
  that the gain is biased down.
- First brackets: 95 % bootstrap interval over seeds and test images; with one seed over test images
  only. Brackets after "seeds": 95 % interval over seeds, for these test images (Student's t).
- p: the larger p-value of both, corrected over the probes of a level (Holm); that of the best probe
  is one comparison and not corrected.
- Layer "features": probes were fitted to features that were computed elsewhere. Nothing was
  trained, and there is no control.
- Classes: balanced accuracy is the mean recall of classes, worst class the smallest one. They fall
  below accuracy if classes are never predicted."""


def _cells(row: Mapping[Any, Any]) -> dict[str, str]:
    controls = [number_text(row[name]) for name in (*CONTROLS, *REFERENCES)]
    return {
        "noise": f"{row['noise']} {level_name(row['level'])}",
        "probe": row["probe"],
        "model": number_text(row["model_accuracy"]),
        "early stopped": number_text(row["early_stopped_accuracy"]),
        "probe's accuracy": number_text(row["probe_accuracy"]),
        "input, untrained, level 1, level 0": ", ".join(controls),
        "readout gap": ", ".join(differences_text(row, "readout_gap")),
        "gain over controls": ", ".join(differences_text(row, "gain_over_controls")),
    }


def _class_cells(row: Mapping[Any, Any]) -> dict[str, str]:
    return {
        "noise": f"{row['noise']} {level_name(row['level'])}",
        "probe": row["probe"],
        "model, balanced": number_text(row["model_balanced_accuracy"]),
        "probe, balanced": number_text(row["probe_balanced_accuracy"]),
        "model, worst class": number_text(row["model_worst_class_recall"]),
        "probe, worst class": number_text(row["probe_worst_class_recall"]),
    }


def gains_by_level(board: pd.DataFrame, probes: Mapping[str, Probes]) -> pd.DataFrame:
    """The numbers of the scoreboard's figure: readout gap and gain over controls by level.

    Args:
        board: as returned by `scoreboard`.
        probes: by experiment, the settings of its probes; one of each kind is kept.

    Returns:
        Columns experiment, layer_rule, difference, level, series, mean, low, high, seeds. The rule
        is `best_on_validation`, or `penultimate` if nothing is held out. The difference is
        `readout_gap` or `gain_over_controls`. Series are `best_probe`, the probes, and next to the
        gaps `early_stopped`, the model stopped early minus that of the last epoch. The interval is
        that over seeds and test images where there is one, or else over seeds.
    """
    parts = []
    for experiment, rows in board.groupby("experiment", sort=False):
        rule = applicable_rule(rows["layer_rule"])
        shown = [BEST_PROBE, *one_of_each_kind(probes[str(experiment)])]
        rows = rows[(rows["layer_rule"] == rule) & rows["probe"].isin(shown)]
        if rule == BEST_ON_VALIDATION:
            stopped = _gain(rows.drop_duplicates("level"), "early_stopping_gain", EARLY_STOPPED)
            parts.append(stopped.assign(difference="readout_gap"))
        parts += [_gain(rows, name, rows["probe"]) for name in BOOTSTRAPPED]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=GAIN_COLUMNS)


GAIN_COLUMNS = ["experiment", "layer_rule", "difference", "level", "series"]
GAIN_COLUMNS += ["mean", "low", "high", "seeds"]


def _gain(rows: pd.DataFrame, name: str, series: pd.Series | str) -> pd.DataFrame:
    ends = {end: rows[f"{name}_{end}"] for end in ("low", "high")}
    if name in BOOTSTRAPPED:
        ends = {end: rows[f"{name}_bootstrap_{end}"].fillna(ends[end]) for end in ends}
    found = rows.assign(series=series, difference=name, mean=rows[name], **ends)
    return found[GAIN_COLUMNS]
