"""What config.yaml allows is what the library knows."""

from typing import get_args

from latentgen.config import disambiguation as disambiguation
from latentgen.config.base import Block
from latentgen.config.dataset import Dataset
from latentgen.config.experiment import NOISE_KINDS
from latentgen.config.model import Model
from latentgen.config.probe import Probe
from latentgen.data import sources
from latentgen.data.labels import KINDS
from latentgen.disambiguation import attribution, canvases, classifiers, redaction, segments
from latentgen.networks.network import ARCHITECTURES
from latentgen.probes import registry


def kinds(union: object, tag: str) -> set[str]:
    """The values of the tag that tells the members of a union apart."""
    members = get_args(get_args(union)[0])
    return {value for m in members for value in get_args(m.model_fields[tag].annotation)}


def test_every_entry_of_a_registry_can_be_chosen_and_nothing_else() -> None:
    assert kinds(Dataset, "source") == set(sources.SOURCES)
    assert kinds(Model, "architecture") == set(ARCHITECTURES)
    assert kinds(Probe, "probe") == set(registry.PROBES)
    assert set(NOISE_KINDS) == set(KINDS)


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
