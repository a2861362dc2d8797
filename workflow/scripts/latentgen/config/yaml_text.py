"""Settings as YAML that looks like config.yaml: lists on one line, nothing by reference."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _on_one_line(dumper: _Dumper, values: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


_Dumper.add_representer(list, _on_one_line)


def to_yaml(settings: Any) -> str:
    """Settings in plain types as YAML, keys in their order."""
    text: str = yaml.dump(settings, Dumper=_Dumper, sort_keys=False, default_flow_style=False)
    return text
