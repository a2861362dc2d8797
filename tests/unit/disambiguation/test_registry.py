"""An entry of a registry is a file in its folder."""

from pathlib import Path

import pytest
from PIL import Image

from latentgen.disambiguation.attribution import METHODS
from latentgen.disambiguation.classifiers import ARCHITECTURES
from latentgen.disambiguation.registry import _entry, names
from latentgen.disambiguation.segments import SEGMENTERS
from latentgen.errors import PipelineError

REGISTRIES = {
    METHODS: ["feature_ablation", "grad_cam", "input_x_gradient", "integrated_gradients"],
    ARCHITECTURES: ["canvas_net", "cifar_resnet", "torchvision"],
    SEGMENTERS: ["felzenszwalb", "grid", "sam", "slic"],
}


@pytest.mark.parametrize("package", REGISTRIES)
def test_every_entry_is_defined_in_the_file_of_its_name(package: str) -> None:
    assert names(package) == REGISTRIES[package]
    for name in names(package):
        assert _entry(package, name).__module__ == f"{package}.{name}"


def test_a_name_that_is_no_entry() -> None:
    with pytest.raises(PipelineError) as caught:
        _entry(SEGMENTERS, "watershed")
    assert str(caught.value) == "found 'watershed'; allowed: felzenszwalb, grid, sam, slic"


def test_a_new_file_is_a_new_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "colours").mkdir()
    (tmp_path / "colours" / "__init__.py").touch()
    (tmp_path / "colours" / "dark_blue.py").write_text("class DarkBlue: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert names("colours") == ["dark_blue"]
    assert _entry("colours", "dark_blue").__name__ == "DarkBlue"


def test_an_object_of_ones_own() -> None:
    assert _entry(SEGMENTERS, "PIL.Image.open") is Image.open
