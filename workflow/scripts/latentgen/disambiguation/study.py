"""All pairs of an image's likeliest labels: verdicts, scores, certificates and p-values."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentgen.disambiguation import search
from latentgen.disambiguation.attribution import attribute, coupling, gains, ranking
from latentgen.disambiguation.certificates import (
    Certificate,
    Pair,
    Rankings,
    distinct_1,
    distinct_2,
    own_segments,
    single,
    split,
)
from latentgen.disambiguation.classifiers import Classifier
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


def run_study(
    samples: Iterable[tuple[Sample, Segments | str]],
    classifier: Classifier,
    settings: Mapping[str, Any],
    proofs: Path,
) -> dict[str, pd.DataFrame]:
    """Disambiguate all images; list those that cannot be in the table skipped.

    Args:
        samples: each with its label map, or with the reason why it has none.
        classifier: predicts the labels.
        settings: a block of `disambiguations`.
        proofs: an existing folder; see `proof_name`.

    Returns:
        The tables pairs (a row for each pair), curves (a row for each redaction) and skipped
        (name, reason).
    """
    rows, curves, skipped = [], [], []
    for sample, segments in samples:
        try:
            if isinstance(segments, str):
                raise PipelineError(f"{sample.name}: {segments}")
            for row, more in disambiguate(sample, segments, classifier, settings, proofs):
                rows.append(row)
                curves.extend(more)
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
    sample: Sample,
    segments: Segments,
    classifier: Classifier,
    settings: Mapping[str, Any],
    proofs: Path,
) -> Iterator[tuple[dict[str, Any], list[tuple[Any, ...]]]]:
    """Disambiguate all pairs of an image's `top_k` likeliest labels, likelier ones first.

    Pairs of a composite image whose truth is unknown are left out unless `every_pair` is set.

    Yields:
        A row of pairs.csv and rows of curves.csv for each pair, after its proofs are written.

    Raises:
        PipelineError: there are fewer than two segments that may be redacted, or fewer than two
            classes.
    """
    masking_value, least = settings["masking_value"], settings["min_pixels"]
    redactions = Redactions(
        classifier,
        sample.image,
        segments,
        masking_value=masking_value,
        measure=settings["measure"],
    )
    probabilities = redactions.probabilities(redactions.whole())[0]
    top = np.argsort(-probabilities, kind="stable")[: settings["top_k"]].tolist()
    if len(top) < 2:
        raise PipelineError(f"{sample.name}: classes: found one; expected at least two")
    pairs = [
        pair
        for pair in combinations(top, 2)
        if probabilities[pair[1]] >= settings["min_probability"]
        and (settings["every_pair"] or not sample.truth or truth_of(sample, pair))
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
        rank_a, rank_b = (ranking(one, segments, least) for one in pixels)
        if len(rank_a) < 2:
            raise PipelineError(
                f"{sample.name}: segments of at least {least} pixels: found {len(rank_a)}; "
                "expected at least two"
            )
        pair_gains = np.stack([gains(one, segments) for one in pixels])
        rankings = (rank_a, rank_b)
        own = own_segments(rankings, pair_gains)
        row, certificates = _examine(sample, redactions, pair, rankings, own, pair_gains, settings)
        curves = _curves(sample, redactions, pair, rankings, own)
        for name, certificate in certificates.items():
            write_proof(
                proofs / proof_name(row, name),
                sample,
                redactions,
                pair,
                certificate,
                masking_value=masking_value,
                weights=settings["model"]["weights"],
            )
        yield row, curves


def _examine(
    sample: Sample,
    redactions: Redactions,
    pair: Pair,
    rankings: Rankings,
    own: Rankings,
    pair_gains: NDArray[np.float64],
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Certificate]]:
    """Compute a row of pairs.csv and the certificates to prove, by name.

    Certificates by the published rules are named `published_distinct_1`, `published_distinct_2` and
    `published_single`, those of the search `distinct` and `single`.
    """
    delta, options, decide = settings["delta"], settings["search"], settings["decide"]
    published = {
        "distinct_1": distinct_1(redactions, pair, own, delta),
        "distinct_2": distinct_2(redactions, pair, rankings, delta),
        "single": single(redactions, pair, rankings, delta),
    }
    found = {name: certificate is not None for name, certificate in published.items()}

    contrast = search.contrast_ranking(redactions, pair)
    contrast = contrast[np.isin(contrast, rankings[0])]  # without segments that are too small
    greedy_distinct = search.strongest_distinct(redactions, pair, [rankings])
    contrasted = search.strongest_distinct(redactions, pair, [rankings, (contrast, contrast[::-1])])
    greedy_single = search.strongest_single(redactions, pair, rankings)
    budget = {"budget": options["budget"], "beam": options["beam"]}
    strongest = {
        "distinct": search.strengthen(redactions, pair, contrasted, **budget),
        "single": search.strengthen(redactions, pair, greedy_single, **budget),
    }
    proved = {
        kind: search.prune(redactions, pair, certificate, delta)
        for kind, certificate in strongest.items()
        if certificate.delta >= delta
    }
    null = {
        "draws": options["draws"],
        "seed": derive_seed("null", settings["seed"], sample.name, *pair),
    }
    p_values = {
        f"p_{kind}": search.p_value(redactions, pair, certificate, **null)
        for kind, certificate in proved.items()
    }
    together = coupling(pair_gains, redactions.segments)
    apart = split(redactions, pair, pair_gains, rankings[0]).delta
    score = apart - together
    row = {
        **_facts(sample, redactions, pair),
        **found,
        "verdict_published": verdict(found["distinct_1"] or found["distinct_2"], found["single"]),
        "distinct_delta_greedy": greedy_distinct.delta,
        "distinct_delta": strongest["distinct"].delta,
        "single_delta_greedy": greedy_single.delta,
        "single_delta": strongest["single"].delta,
        "split_delta": apart,
        "coupling": together,
        "score": score,
        "verdict": verdict(score >= decide["distinct"], score < decide["single"]),
        **p_values,
        **_overlap(sample, redactions, proved.get("distinct"), pair),
        "passes": redactions.passes,
    }
    proved |= {f"published_{name}": one for name, one in published.items() if one is not None}
    return row, proved


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
    """Return the truth about a pair of labels of an image, or "" if unknown.

    Labels of two things have the image's truth, two labels of one thing are SINGLE. In an image of
    one thing, its label and any less likely one are two guesses at that thing.
    """
    things = sample.things_of(pair)
    if len(things) == 2:
        return SINGLE if things[0] == things[1] else sample.truth
    alone = len(set(sample.things_of(sample.labels))) == 1 and pair[0] in sample.labels
    return sample.truth if alone else ""


def _overlap(
    sample: Sample, redactions: Redactions, certificate: Certificate | None, pair: Pair
) -> dict[str, float]:
    """Overlap of the certified sets with the true objects; empty unless both labels have their own.

    `purity` is the fraction of the pixels of S_a and S_b within any object that lie in the right
    one, `covered` the fraction of either object's pixels in its set; both are means over a and b.
    """
    things = sample.things_of(pair)
    if certificate is None or len(set(things)) != 2:
        return {}
    objects = sample.objects[things]
    sets = redactions.masks(certificate.sets)
    inside = (sets & objects.any(0)).sum((1, 2))
    right = (sets & objects).sum((1, 2))
    if not inside.all():
        return {}
    return {
        "purity": float(np.mean(right / inside)),
        "covered": float(np.mean(right / objects.sum((1, 2)))),
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
