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
    own_segments,
    single,
)
from latentgen.disambiguation.classifiers import Classifier
from latentgen.disambiguation.coupling import coupling, split
from latentgen.disambiguation.images import SINGLE, Sample, skipped_table
from latentgen.disambiguation.proofs import write_proof
from latentgen.disambiguation.redaction import Redactions, prefixes
from latentgen.disambiguation.segments import Segments
from latentgen.errors import PipelineError
from latentgen.random_streams import derive_seed

PAIR_COLUMNS = [
    *("name", "sources", "kind", "part", "truth", "label_a", "label_b", "name_a", "name_b"),
    *("probability_a", "probability_b", "segments"),
    *("distinct_1", "distinct_2", "single", "verdict_published"),
    *("distinct_delta_greedy", "distinct_delta", "single_delta_greedy", "single_delta"),
    *("split_delta", "coupling", "score", "verdict"),
    *("p_distinct", "p_single", "purity", "covered", "passes"),
]
CURVE_COLUMNS = [
    *("name", "label_a", "label_b", "along", "step", "segment", "own"),
    *("probability_a", "probability_b"),
]


@dataclass(frozen=True, eq=False)
class PairResult:
    """Results for one pair of labels of one image.

    Attributes:
        sample: the image.
        pair: labels a and b, the likelier first.
        row: one row of pairs.csv.
        curves: rows of curves.csv.
        certificates: those to prove, by name: "published_distinct_1", "published_distinct_2" and
            "published_single" by the published rules, "distinct" and "single" by the search.
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
    """Disambiguate all images; those that cannot be are listed in the table skipped.

    Args:
        samples: each with its label map, or with the reason why it has none.
        classifier: predicts the labels.
        settings: a block of `disambiguations`.
        proofs: an existing folder; a proof's own folder in it is
            `{image}/{label_a}-{label_b}-{certificate}`.

    Returns:
        The tables pairs (a row for each pair), curves (a row for each redaction) and skipped
        (name, reason).
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
    """Folder of a certificate's proof in the proofs of its study."""
    return f"{row['name']}/{row['label_a']}-{row['label_b']}-{kind}"


def disambiguate(
    sample: Sample, segments: Segments, classifier: Classifier, settings: Mapping[str, Any]
) -> Iterator[PairResult]:
    """Disambiguate all pairs of an image's `top_k` likeliest labels, likelier ones first.

    Pairs of a composite image whose truth is unknown are left out unless `every_pair` is set.

    Args:
        sample: the image.
        segments: its label map.
        classifier: predicts the labels.
        settings: a block of `disambiguations`.

    Raises:
        PipelineError: there are fewer than two segments that may be redacted, or fewer than two
            classes.
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
    delta = settings["delta"]
    published = {
        "distinct_1": distinct_1(redactions, pair, rankings, pair_gains, delta),
        "distinct_2": distinct_2(redactions, pair, rankings, delta),
        "single": single(redactions, pair, rankings, delta),
    }
    found = {name: certificate is not None for name, certificate in published.items()}
    searched, proved = _searched(redactions, pair, rankings, settings, seed)
    together = coupling(pair_gains, redactions.segments)
    apart = split(redactions, pair, pair_gains, rankings[0]).delta
    score, decide = apart - together, settings["decide"]
    row = {
        **_facts(sample, redactions, pair),
        **found,
        "verdict_published": verdict(found["distinct_1"] or found["distinct_2"], found["single"]),
        **searched,
        "split_delta": apart,
        "coupling": together,
        "score": score,
        "verdict": verdict(score >= decide["distinct"], score < decide["single"]),
        **_overlap(sample, redactions, proved.get("distinct"), pair),
        "passes": redactions.passes,
    }
    proved |= {f"published_{name}": one for name, one in published.items() if one is not None}
    curves = _curves(sample, redactions, pair, rankings, own_segments(rankings, pair_gains))
    return PairResult(sample, pair, row, curves, proved, redactions)


def _searched(
    redactions: Redactions, pair: Pair, rankings: Rankings, settings: Mapping[str, Any], seed: int
) -> tuple[dict[str, float], dict[str, Certificate]]:
    """Search the largest deltas; prune and test the certificates that reach delta."""
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


def verdict(distinct: bool, one: bool) -> str:
    """Name the verdict: distinct, single, neither or both."""
    if distinct and one:
        return "both"
    return "distinct" if distinct else "single" if one else "neither"


def _facts(sample: Sample, redactions: Redactions, pair: Pair) -> dict[str, Any]:
    names = redactions.classifier.class_names
    probabilities = redactions.probabilities(redactions.whole())[0]
    return {
        "name": sample.name,
        "sources": " + ".join(sample.sources or (sample.name,)),
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
    """The truth about a pair of labels of an image, or "" if unknown.

    Labels of two things have the image's truth, two labels of one thing are SINGLE. In an image of
    one thing, its label and any less likely one are two guesses at that thing.
    """
    thing_of = sample.thing_of()
    things = [thing_of[label] for label in pair if label in thing_of]
    if len(things) == 2:
        return SINGLE if things[0] == things[1] else sample.truth
    alone = len(set(thing_of.values())) == 1 and pair[0] in thing_of
    return sample.truth if alone else ""


def _overlap(
    sample: Sample, redactions: Redactions, certificate: Certificate | None, pair: Pair
) -> dict[str, float]:
    """Overlap of the certified sets with the true objects; NaN unless both labels have their own.

    `purity` is the fraction of the pixels of S_a and S_b within any object that lie in the right
    one, `covered` the fraction of either object's pixels in its set; both are means over a and b.
    """
    thing_of = sample.thing_of()
    things = [thing_of[label] for label in pair if label in thing_of]
    nothing = {"purity": float("nan"), "covered": float("nan")}
    if certificate is None or len(set(things)) != 2:
        return nothing
    objects = sample.objects[things]
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
    sample: Sample, redactions: Redactions, pair: Pair, rankings: Rankings, own: Rankings
) -> list[tuple[Any, ...]]:
    """Compute both probabilities while segments are redacted one after the other.

    Along `a` and `b`: in the order of that label's ranking (Algorithm 2). Along `own_a` and
    `own_b`: first the label's own segments, then the others (Algorithm 1). Step 0 is the whole
    image.
    """
    orders = {
        **dict(zip(("a", "b"), rankings, strict=True)),
        **{
            f"own_{label}": np.concatenate([mine, order[~np.isin(order, mine)]])
            for label, order, mine in zip("ab", rankings, own, strict=True)
        },
    }
    rows = []
    for along, order in orders.items():
        mine = own["ab".index(along[-1])]
        sets = np.concatenate([redactions.whole(), prefixes(order, redactions.n)])
        probabilities = redactions.probabilities(sets)[:, list(pair)]
        for step, (segment, both) in enumerate(zip([-1, *order], probabilities, strict=True)):
            rows.append((sample.name, *pair, along, step, int(segment), segment in mine, *both))
    return rows
