"""What config.yaml allows is what the library knows."""

from typing import get_args

from latentgen import models, noise, probes, sources
from latentgen.blocks import Block
from latentgen.dataset_blocks import Dataset
from latentgen.disambiguation import attribution, canvases, classifiers, redaction, segments
from latentgen.disambiguation import settings as disambiguation
from latentgen.experiment_blocks import NOISE_KINDS
from latentgen.model_blocks import Model
from latentgen.probe_blocks import Probe


def kinds(union: object, tag: str) -> set[str]:
    """The values of the tag that tells the members of a union apart."""
    members = get_args(get_args(union)[0])
    return {value for m in members for value in get_args(m.model_fields[tag].annotation)}


def test_every_entry_of_a_registry_can_be_chosen_and_nothing_else() -> None:
    assert kinds(Dataset, "source") == set(sources.SOURCES)
    assert kinds(Model, "architecture") == set(models.ARCHITECTURES)
    assert kinds(Probe, "probe") == set(probes.PROBES)
    assert set(NOISE_KINDS) == set(noise.KINDS)


def choices(block: type[Block], field: str) -> set[str]:
    return set(get_args(block.model_fields[field].annotation))


def test_every_way_to_disambiguate_can_be_chosen_and_nothing_else() -> None:
    study, canvas = disambiguation.Disambiguation, disambiguation.CanvasPictures
    assert kinds(disambiguation.Segmenter, "segmenter") == set(segments.SEGMENTERS)
    assert kinds(disambiguation.Classifier, "architecture") == set(classifiers.ARCHITECTURES)
    assert choices(disambiguation.Attribution, "method") == set(attribution.METHODS)
    assert choices(study, "fill") == set(redaction.FILLS)
    assert choices(study, "measure") == set(classifiers.MEASURES)
    assert choices(canvas, "layout") == set(canvases.LAYOUTS)
