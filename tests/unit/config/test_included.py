"""Files that config.yaml includes."""

from pathlib import Path

import pytest

from latentgen.config.yaml_text import with_included
from latentgen.errors import PipelineError


def test_keys_of_the_configuration_win_over_included_ones(tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("suites: {a: [x, y], b: [y]}\nexperiments: {x: {seeds: [1, 2], model: m}}\n")
    raw = {
        "include": [str(more)],
        "suites": {"a": [], "c": []},
        "experiments": {"x": {"seeds": [3]}},
    }
    merged = with_included(raw)
    assert merged["suites"] == {"a": [], "b": ["y"], "c": []}
    assert merged["experiments"] == {"x": {"seeds": [3], "model": "m"}}
    assert raw["experiments"] == {"x": {"seeds": [3]}}


@pytest.mark.parametrize(
    ("include", "message"),
    [("more.yaml", "include: found 'more.yaml'; expected a list"), (["nowhere"], "found no file")],
)
def test_an_include_that_is_no_list_of_files_is_reported(include: object, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        with_included({"include": include})
