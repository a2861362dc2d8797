"""config.yaml as text: read strictly, and settings written as it has them."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from latentgen.errors import PipelineError, one_line


class _Loader(yaml.SafeLoader):
    """Refuses a key that occurs twice in a block; keys taken over by `<<` may be overridden."""

    # Looked for while nodes are put together: later, what `<<` takes over stands among them.
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag != _MERGE:
                mark = key_node.start_mark
                key, line = self.construct_object(key_node), mark.line + 1
                if key in lines:
                    raise PipelineError(
                        f"{self.name}, line {line}, column {mark.column + 1}: found the key "
                        f"'{key}' once more, as it stands in line {lines[key]} already; expected "
                        "once, with all that belongs to it"
                    )
                lines[key] = line
        return node


_MERGE = "tag:yaml.org,2002:merge"


def read_strictly(path: str | PathLike[str]) -> Any:
    """What a YAML file holds, where no key may stand in a block twice.

    Raises:
        PipelineError: one line, which names the file and the line that is wrong.
    """
    loader = None
    try:
        loader = _Loader(Path(path).read_text(encoding="utf-8"))
        loader.name = str(path)
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        context = f" {error.context}" if error.context else ""
        raise PipelineError(f"{path}{place}: not YAML:{context} {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise PipelineError(f"{path}: cannot be read as YAML ({one_line(error)})") from None
    finally:
        if loader:
            loader.dispose()


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


def with_included(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the entries of the files under its key `include`.

    Values of the configuration win, key by key, as where Snakemake merges several config files.

    Args:
        raw: the configuration; `include` is a list of paths, relative to the current folder.

    Raises:
        PipelineError: a file is missing or not YAML, or `include` is no list of paths.
    """
    paths = raw.get("include", [])
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise PipelineError(f"include: found {paths!r}; expected a list of paths")
    merged: dict[str, Any] = {}
    for part in (*map(_included, paths), raw):
        merged = _merged(merged, part)
    return merged


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _included(path: str) -> dict[str, Any]:
    if not Path(path).is_file():
        raise PipelineError(f"include: found no file {path}")
    return dict(read_strictly(path) or {})
