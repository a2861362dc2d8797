"""What config.yaml allows is what the library knows."""

from dataclasses import fields
from inspect import signature
from typing import get_args

from latentgen.config import disambiguation as blocks
from latentgen.config.base import Block
from latentgen.config.dataset import Dataset
from latentgen.config.experiment import NOISE_KINDS
from latentgen.config.model import Model
from latentgen.config.probe import HEADS
from latentgen.config.probe import Probe as ProbeSettings
from latentgen.config.training import LOSSES, Training
from latentgen.data import loading, noise
from latentgen.disambiguation import attribution, classifiers, composites, redaction, segments
from latentgen.networks import training
from latentgen.networks.network import ARCHITECTURES
from latentgen.probes import make_probe
from latentgen.probes.base import Probe
from latentgen.registries import find, names


def kinds(union: object, tag: str) -> set[str]:
    """The values of the tag that tells the members of a union apart."""
    members = get_args(get_args(union)[0])
    return {value for m in members for value in get_args(m.model_fields[tag].annotation)}


def test_every_entry_of_a_registry_can_be_chosen_and_nothing_else() -> None:
    assert kinds(Dataset, "source") == set(names(loading.SOURCES))
    assert kinds(Model, "architecture") == set(names(ARCHITECTURES))
    assert kinds(ProbeSettings, "probe") == set(names(make_probe.KINDS))
    assert LOSSES == training.LOSSES
    assert set(NOISE_KINDS) == set(names(noise.KINDS))


def test_blocks_have_the_defaults_of_the_objects_that_they_describe() -> None:
    unions = (
        (Dataset, "source", loading.SOURCES),
        (Model, "architecture", ARCHITECTURES),
        (ProbeSettings, "probe", make_probe.KINDS),
        (blocks.Segmenter, "segmenter", segments.SEGMENTERS),
    )
    found, expected = {}, {}
    for union, tag, registry in unions:
        for kind in kinds(union, tag) - {"module.object"}:
            block = next(
                one
                for one in get_args(get_args(union)[0])
                if kind in get_args(one.model_fields[tag].annotation)
            )
            for name, given in signature(find(registry, kind)).parameters.items():
                field = block.model_fields.get(name)
                if not field or field.is_required() or name == "arguments":
                    continue
                if given.default is not given.empty:
                    found[kind, name] = field.get_default()
                    expected[kind, name] = given.default
    assert len(found) > 25
    assert found == expected
    # Training: a run adds how batches are shuffled, and the seed.
    of_run = {field.name: field.default for field in fields(training.TrainingConfig)}
    assert of_run.keys() - Training.model_fields.keys() == {"shuffle", "seed"}
    for name, field in Training.model_fields.items():
        assert field.is_required() or field.get_default() in (
            of_run[name],
            list(of_run[name] or ()),
        )


def test_probes_that_config_takes_for_last_layers_are_those_that_can_be_one() -> None:
    kinds = {name: find(make_probe.KINDS, name) for name in names(make_probe.KINDS)}
    forms = ("linear_form", "subspace_form")
    able = {
        name
        for name, kind in kinds.items()
        if any(getattr(kind, form) is not getattr(Probe, form) for form in forms)
    }
    assert able == set(HEADS)


def choices(block: type[Block], field: str) -> set[str]:
    return set(get_args(block.model_fields[field].annotation))


def test_every_way_to_disambiguate_can_be_chosen_and_nothing_else() -> None:
    assert kinds(blocks.Segmenter, "segmenter") == set(names(segments.SEGMENTERS))
    assert kinds(blocks.ClassifierSettings, "architecture") == set(names(classifiers.ARCHITECTURES))
    assert choices(blocks.Attribution, "method") == set(names(attribution.METHODS))
    assert choices(blocks.Disambiguation, "masking_value") == set(redaction.MASKING_VALUES)
    assert choices(blocks.Disambiguation, "measure") == set(classifiers.MEASURES)
    assert choices(blocks.CompositeImages, "layout") == set(composites.LAYOUTS)
