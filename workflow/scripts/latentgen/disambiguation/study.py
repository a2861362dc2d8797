"""All pairs of an image's likeliest labels: verdicts, scores, certificates and p-values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentgen.disambiguation import search
from latentgen.disambiguation.attribution import attribute, gains, ranking
from latentgen.disambiguation.certificates import (
    Certificate,
    Pair,
    Rankings,
    distinct_1,
    distinct_2,
    single,
)
from latentgen.disambiguation.classifiers import Classifier
from latentgen.disambiguation.coupling import coupling, split
from latentgen.disambiguation.images import Sample, skipped_table
from latentgen.disambiguation.proofs import write_proof
from latentgen.disambiguation.redaction import Redactions, prefixes
from latentgen.disambiguation.segments import Segments
from latentgen.errors import PipelineError
from latentgen.random_streams import derive_seed

PAIR_COLUMNS = [
    *("name", "kind", "part", "truth", "label_a", "label_b", "name_a", "name_b"),
    *("probability_a", "probability_b", "segments"),
    *("distinct_1", "distinct_2", "single", "verdict_published"),
    *("distinct_delta_greedy", "distinct_delta", "single_delta_greedy", "single_delta"),
    *("split_delta", "coupling", "score", "verdict"),
    *("p_distinct", "p_single", "purity", "covered", "passes"),
]
CURVE_COLUMNS = [
    *("name", "label_a", "label_b", "along", "step", "segment", "probability_a", "probability_b")
]


@dataclass(frozen=True, eq=False)
class PairResult:
    """What was found about one pair of labels of one image.

    Attributes:
        sample: the image.
        pair: labels a and b, the likelier first.
        row: one row of pairs.csv (see `disambiguate`).
        curves: what is left of either label along either ranking, rows of curves.csv.
        certificates: those worth a proof: "distinct" and "single", as far as they reach delta.
        redactions: of the image.
    """

    sample: Sample
    pair: Pair
    row: dict[str, Any]
    curves: list[tuple[Any, ...]]
    certificates: dict[str, Certificate]
    redactions: Redactions


def run_study(
    samples: Iterable[tuple[Sample, Segments | str]],
    classifier: Classifier,
    settings: Mapping[str, Any],
    proofs: Path,
) -> dict[str, pd.DataFrame]:
    """Disambiguate all images; one that cannot be is listed in the table skipped.

    Args:
        samples: each with its label map, or with the reason why it has none.
        classifier: that the labels are predicted by.
        settings: a block of `disambiguations`.
        proofs: an existing folder; a proof's own folder there is
            `{image}/{label_a}-{label_b}-{kind}`.

    Returns:
        The tables pairs (a row a pair), curves (a row a redaction) and skipped (name, reason).
    """
    rows, curves, skipped = [], [], []
    for sample, segments in samples:
        try:
            if isinstance(segments, str):
                raise PipelineError(f"{sample.name}: {segments}")
            for result in disambiguate(sample, segments, classifier, settings):
                rows.append(result.row)
                curves.extend(result.curves)
                for kind, certificate in result.certificates.items():
                    write_proof(
                        proofs / proof_name(result.row, kind),
                        sample,
                        result.redactions,
                        result.pair,
                        certificate,
                        masking_value=settings["masking_value"],
                        weights=settings["model"]["weights"],
                    )
        except PipelineError as error:
            print(f"skipped: {error}")
            skipped.append((sample.name, str(error)))
    return {
        "pairs": pd.DataFrame(rows, columns=PAIR_COLUMNS),
        "curves": pd.DataFrame(curves, columns=CURVE_COLUMNS),
        "skipped": skipped_table(skipped),
    }


def proof_name(row: Mapping[str, Any], kind: str) -> str:
    """Folder of a proof below the proofs of its study."""
    return f"{row['name']}/{row['label_a']}-{row['label_b']}-{kind}"


def disambiguate(
    sample: Sample, segments: Segments, classifier: Classifier, settings: Mapping[str, Any]
) -> Iterator[PairResult]:
    """Disambiguate all pairs of an image's `top_k` likeliest labels, likelier ones first.

    Pairs of a composite with a label that is not on it are left out, unless the settings want every
    pair.

    Args:
        sample: the image.
        segments: its label map.
        classifier: that the labels are predicted by.
        settings: a block of `disambiguations`.

    Raises:
        PipelineError: there is nothing to compare: fewer than two segments that may be redacted,
            or fewer than two classes.
    """
    redactions = Redactions(
        classifier,
        sample.image,
        segments,
        masking_value=settings["masking_value"],
        measure=settings["measure"],
    )
    probabilities = redactions.probabilities(redactions.whole())[0]
    top = np.argsort(-probabilities, kind="stable")[: settings["top_k"]]
    if len(top) < 2:
        raise PipelineError(f"{sample.name}: a classifier of one class has no pair of labels")
    pairs = [
        (label_a, label_b)
        for label_a, label_b in combinations([int(label) for label in top], 2)
        if probabilities[label_b] >= settings["min_probability"]
        and (settings["every_pair"] or not sample.truth or truth_of(sample, (label_a, label_b)))
    ]
    if not pairs:  # attribution is expensive
        return
    labels = sorted({label for pair in pairs for label in pair})
    attributions = attribute(
        classifier, sample.image, labels, segments, redactions.masked, **settings["attribution"]
    )
    by_label = dict(zip(labels, attributions, strict=True))
    for pair in pairs:
        pixels = [by_label[label] for label in pair]
        rank_a, rank_b = (ranking(one, segments, settings["min_pixels"]) for one in pixels)
        if len(rank_a) < 2:
            least = settings["min_pixels"]
            raise PipelineError(
                f"{sample.name}: fewer than two segments of at least {least} pixels"
            )
        pair_gains = np.stack([gains(one, segments) for one in pixels])
        yield _examine(sample, redactions, pair, (rank_a, rank_b), pair_gains, settings)


def _examine(
    sample: Sample,
    redactions: Redactions,
    pair: Pair,
    rankings: Rankings,
    pair_gains: NDArray[np.float64],
    settings: Mapping[str, Any],
) -> PairResult:
    seed = derive_seed("null", settings["seed"], sample.name, *pair)
    published = _published(redactions, pair, rankings, pair_gains, settings["delta"])
    searched, proved = _searched(redactions, pair, rankings, settings, seed)
    row = {
        **_facts(sample, redactions, pair),
        **published,
        **searched,
        **_scores(redactions, pair, pair_gains, settings["decide"]),
        **_overlap(sample, redactions, proved.get("distinct"), pair),
        "passes": redactions.passes,
    }
    return PairResult(
        sample, pair, row, _curves(sample, redactions, pair, rankings), proved, redactions
    )


def _published(
    redactions: Redactions,
    pair: Pair,
    rankings: Rankings,
    pair_gains: NDArray[np.float64],
    delta: float,
) -> dict[str, Any]:
    """Which of the published rules find a certificate, and the verdict that follows."""
    first = distinct_1(redactions, pair, rankings, pair_gains, delta) is not None
    second = distinct_2(redactions, pair, rankings, delta) is not None
    one = single(redactions, pair, rankings, delta) is not None
    return {
        "distinct_1": first,
        "distinct_2": second,
        "single": one,
        "verdict_published": verdict(first or second, one),
    }


def _searched(
    redactions: Redactions, pair: Pair, rankings: Rankings, settings: Mapping[str, Any], seed: int
) -> tuple[dict[str, float], dict[str, Certificate]]:
    """The largest deltas and their p-values, and pruned certificates as far as they reach delta."""
    delta, options = settings["delta"], settings["search"]
    contrast = search.contrast_ranking(redactions, pair)
    contrast = contrast[np.isin(contrast, rankings[0])]  # without segments that are too small
    greedy_distinct = search.strongest_distinct(redactions, pair, [rankings])
    contrasted = search.strongest_distinct(redactions, pair, [rankings, (contrast, contrast[::-1])])
    greedy_single = search.strongest_single(redactions, pair, list(rankings))
    budget = {"budget": options["budget"], "beam": options["beam"]}
    found = {
        "distinct": search.strengthen(redactions, pair, contrasted, **budget),
        "single": search.strengthen(redactions, pair, greedy_single, **budget),
    }
    proved = {
        kind: search.prune(redactions, pair, certificate, delta)
        for kind, certificate in found.items()
        if certificate.delta >= delta
    }
    p_values = {
        f"p_{kind}": search.p_value(redactions, pair, c, draws=options["draws"], seed=seed)
        for kind, c in proved.items()
    }
    deltas = {
        "distinct_delta_greedy": greedy_distinct.delta,
        "distinct_delta": found["distinct"].delta,
        "single_delta_greedy": greedy_single.delta,
        "single_delta": found["single"].delta,
    }
    return {**deltas, "p_distinct": np.nan, "p_single": np.nan, **p_values}, proved


def _scores(
    redactions: Redactions, pair: Pair, pair_gains: NDArray[np.float64], decide: Mapping[str, float]
) -> dict[str, Any]:
    """What the gains alone say, and the verdict that follows."""
    together = coupling(pair_gains, redactions.segments)
    apart = split(redactions, pair, pair_gains).delta
    score = apart - together
    return {
        "split_delta": apart,
        "coupling": together,
        "score": score,
        "verdict": verdict(score >= decide["distinct"], score < decide["single"]),
    }


def verdict(distinct: bool, one: bool) -> str:
    """distinct, single, neither or both."""
    if distinct and one:
        return "both"
    return "distinct" if distinct else "single" if one else "neither"


def _facts(sample: Sample, redactions: Redactions, pair: Pair) -> dict[str, Any]:
    names = redactions.classifier.class_names
    probabilities = redactions.probabilities(redactions.whole())[0]
    return {
        "name": sample.name,
        "kind": sample.kind,
        "part": sample.part,
        "truth": truth_of(sample, pair),
        "label_a": pair[0],
        "label_b": pair[1],
        "name_a": names[pair[0]],
        "name_b": names[pair[1]],
        "probability_a": probabilities[pair[0]],
        "probability_b": probabilities[pair[1]],
        "segments": redactions.n,
    }


def truth_of(sample: Sample, pair: Pair) -> str:
    """The sample's truth if it applies to this pair, else "" (unknown).

    It applies if the labels of the image's two things are the pair, or if the label of its one
    thing is the pair's likelier label.
    """
    known = set(sample.labels)
    fits = known == set(pair) if len(known) == 2 else bool(known) and pair[0] in known
    return sample.truth if fits else ""


def _overlap(
    sample: Sample, redactions: Redactions, certificate: Certificate | None, pair: Pair
) -> dict[str, float]:
    """How much of the certified sets lies in the right object, and of the objects in the sets.

    `purity` is the share of the pixels of S_a and S_b within any object that is in the right one,
    `covered` the share of either object's pixels that its set holds; both are means over a and b.
    """
    nothing = {"purity": float("nan"), "covered": float("nan")}
    if certificate is None or set(sample.labels) != set(pair) or len(sample.labels) != 2:
        return nothing
    objects = sample.objects[[sample.labels.index(label) for label in pair]]
    sets = redactions.masks(certificate.sets)
    inside = [(chosen & objects.any(0)).sum() for chosen in sets]
    right = [(chosen & thing).sum() for chosen, thing in zip(sets, objects, strict=True)]
    if not all(inside):
        return nothing
    return {
        "purity": float(np.mean(np.divide(right, inside))),
        "covered": float(np.mean(np.divide(right, objects.sum((1, 2))))),
    }


def _curves(
    sample: Sample, redactions: Redactions, pair: Pair, rankings: Rankings
) -> list[tuple[Any, ...]]:
    """Probabilities along either label's ranking; step 0 is the whole image."""
    rows = []
    for along, order in zip(("a", "b"), rankings, strict=True):
        sets = np.concatenate([redactions.whole(), prefixes(order, redactions.n)])
        probabilities = redactions.probabilities(sets)[:, list(pair)]
        for step, (segment, both) in enumerate(zip([-1, *order], probabilities, strict=True)):
            rows.append((sample.name, *pair, along, step, int(segment), *both))
    return rows
