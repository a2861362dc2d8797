"""The library on its own: its examples, and what importing it brings along."""

import re
import subprocess
import sys

import pytest
import torch
from tests.conftest import REPOSITORY
from torch import nn

from latentgen.errors import PipelineError
from latentgen.networks.reading import extract

EXAMPLES = re.findall(
    r"```python\n(.*?)```", (REPOSITORY / "docs" / "library.md").read_text(), re.S
)


def run(code: str) -> str:
    """Run code in an interpreter of its own, where Snakemake cannot be imported."""
    without = "import sys; sys.modules['snakemake'] = None\n"
    path = {"PYTHONPATH": str(REPOSITORY / "workflow" / "scripts")}
    done = subprocess.run(
        [sys.executable, "-c", without + code], env=path, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=[line.split("\n")[0] for line in EXAMPLES])
def test_an_example_runs(example: str) -> None:
    assert run(example).strip()


def test_importing_the_library_imports_nothing_else() -> None:
    said = run("import latentgen; print({'torch', 'sklearn', 'pandas'} & set(sys.modules))")
    assert said.strip() == "set()"


def test_extract_is_the_forward_pass_in_eval_mode() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 3))
    inputs, labels = torch.randn(10, 4), torch.arange(10)
    batches = list(zip(inputs.split(4), labels.split(4), strict=True))
    activations, read = extract(model, batches, ["2", "3"])
    expected = model[0](inputs).relu()
    torch.testing.assert_close(activations["2"], expected)
    torch.testing.assert_close(activations["3"], model[3](expected))
    assert torch.equal(read, labels)
    assert model.training


def test_extract_refuses_a_layer_that_is_not_there() -> None:
    with pytest.raises(PipelineError, match=r"'fc9'.*no such submodule"):
        extract(nn.Linear(2, 2), [(torch.zeros(1, 2), torch.zeros(1))], ["fc9"])
