"""What config.yaml allows is what the library knows."""

from typing import get_args

from latentgen import config, models, noise, probes, sources


def kinds(union: object, tag: str) -> set[str]:
    """The values of the tag that tells the members of a union apart."""
    members = get_args(get_args(union)[0])
    return {value for m in members for value in get_args(m.model_fields[tag].annotation)}


def test_every_entry_of_a_registry_can_be_chosen_and_nothing_else() -> None:
    assert kinds(config.Dataset, "source") == set(sources.SOURCES)
    assert kinds(config.Model, "architecture") == set(models.ARCHITECTURES)
    assert kinds(config.Probe, "probe") == set(probes.PROBES)
    assert set(get_args(config.Noise.model_fields["kind"].annotation)) == set(noise.KINDS)
