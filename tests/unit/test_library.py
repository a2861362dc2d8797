"""The library on its own: its examples, and what importing it brings along."""

import re
import subprocess
import sys
from collections import UserDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from tests.conftest import REPOSITORY
from torch import Tensor, nn

from latentgen.editing.repair import repair
from latentgen.errors import PipelineError
from latentgen.label_issues.find import find_label_issues
from latentgen.networks.extract import extract
from latentgen.probes.kinds.velpic import VeLPIC

EXAMPLES = [
    example
    for page in ("python.md", "repair_a_network.md")
    for example in re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "docs/how-to" / page).read_text(), re.S
    )
]


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


class Layers(nn.Module):
    """Layers whose outputs are not tensors (n, width), and one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 8, batch_first=True)
        self.by_time = nn.LSTM(5, 8)
        self.unused = nn.ReLU()
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps = x.view(-1, 4, 5)
        return self.head(self.lstm(steps)[0][:, -1] + self.by_time(steps.transpose(0, 1))[0][-1])


INPUTS, LABELS = torch.randn(9, 20), torch.arange(9) % 3
PLAIN = nn.Sequential(nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 3))


def test_of_several_outputs_the_first_is_read_and_inputs_can_be_read_too() -> None:
    model = Layers()
    read, _ = extract(model, [(INPUTS, LABELS)], ["flatten of lstm", "lstm", "input of head"])
    steps = model.lstm(INPUTS.view(-1, 4, 5))[0]
    torch.testing.assert_close(read["flatten of lstm"], steps.flatten(1))
    torch.testing.assert_close(read["lstm"], steps.mean(1))
    torch.testing.assert_close(model.head(read["input of head"]), model(INPUTS))


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ("unused", "layer unused: the network does not call it"),
        ("lstmm", "no such submodule; found lstm"),
        ("input of hed", "no such submodule; found head"),
    ],
)
def test_a_layer_that_cannot_be_read_is_told(layer: str, told: str) -> None:
    with pytest.raises(PipelineError, match=told):
        extract(Layers(), [(INPUTS, LABELS)], [layer])


@pytest.mark.parametrize(
    "batch",
    [
        [INPUTS, LABELS],
        (INPUTS, LABELS, torch.arange(9)),
        (INPUTS, LABELS[:, None]),
        (INPUTS.numpy(), LABELS.tolist()),
        {"pixel_values": INPUTS, "labels": LABELS},
        {"label": LABELS[:, None], "id": ["a"] * 9, "image": INPUTS},
        UserDict(image=INPUTS, label=LABELS),  # what Hugging Face's processors give
    ],
)
def test_batches_as_loaders_give_them(batch: Any) -> None:
    read, labels = extract(PLAIN, [batch, batch], ["1"])
    assert torch.equal(labels, torch.cat([LABELS, LABELS]))
    assert read["1"].shape == (18, 8)
    assert torch.equal(repair(PLAIN, [batch])(INPUTS), repair(PLAIN, [(INPUTS, LABELS)])(INPUTS))


MODEL = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
X, Y = torch.arange(24.0).view(6, 4).sin(), torch.arange(6) % 3


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: extract(MODEL, [(X.double(), Y)], ["1"]),
            r"on a float64 tensor of shape \(6, 4\)",
        ),
        (lambda: extract(MODEL, [(X.byte(), Y)], ["1"]), "on a uint8 tensor of shape"),
        (lambda: repair(MODEL, [(X[:, :3], Y)]), r"does not run on a tensor of shape \(6, 3\)"),
        (lambda: find_label_issues(MODEL, [(X[:, :3], Y)]), r"does not run on a tensor of shape"),
        (lambda: extract(MODEL.forward, [(X, Y)], ["1"]), "model: found a method; needed: a torch"),
        (lambda: repair({"1": X}, [(X, Y)]), "model: found a dict with 1; needed: a torch"),
        (lambda: extract(MODEL, [(X, Y)], "1"), r"layers: found '1'; needed: .* \['1'\]"),
        (lambda: repair(MODEL, [(X, Y)], [(X, Y)], layers="1"), "layers: found '1'"),
        (lambda: extract(MODEL, None, ["1"]), "loader: found a NoneType; needed: batches"),
        (
            lambda: repair(MODEL, [(X, Y)], probes=VeLPIC()),
            "probes: found a VeLPIC; needed: a list",
        ),
        (lambda: repair(MODEL, [(X[:0], Y[:0])]), "the loader gives no batch"),
        (lambda: extract(MODEL, [], ["1"]), "the loader gives no batch"),
        (lambda: repair(MODEL, [(X / 0, Y)]), "inputs: found NaN or infinity"),
        (lambda: repair(MODEL, [(X, Y + 1)]), r"the labels are \[1, 2, 3\]; the network"),
    ],
)
def test_what_is_no_model_no_list_or_does_not_fit_is_told(call: Any, told: str) -> None:
    with pytest.raises(PipelineError, match=told) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_layer_that_is_named_twice_is_read_once() -> None:
    assert len(extract(MODEL, [(X, Y)], ["1", "1"])[0]["1"]) == len(X)


class InPlace(nn.Module):
    """Subtracts a mean from its input, in the input itself."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.full((4,), 0.5))
        self.body = MODEL

    def forward(self, x: Tensor) -> Tensor:
        x -= self.mean
        return self.body(x)


def test_a_model_that_works_in_place_leaves_the_inputs_alone() -> None:
    model, inputs = InPlace().requires_grad_(False), X.clone()
    batches = [(inputs, Y)]
    found = extract(model, batches, ["body.0"])[0]["body.0"]
    torch.testing.assert_close(found, MODEL[0](X - 0.5))
    repaired = repair(model, batches)
    find_label_issues(model, batches)
    assert torch.equal(inputs, X)
    expected = VeLPIC().fit(MODEL[:2](X - 0.5).detach(), Y).predict(MODEL[:2](X - 0.5).detach())
    assert torch.equal(repaired(X.clone()).argmax(1), expected)


def test_images_of_several_sizes_have_no_common_width() -> None:
    model = nn.Conv2d(1, 2, 3)
    batches = [(torch.zeros(2, 1, size, size), torch.zeros(2)) for size in (5, 6)]
    with pytest.raises(PipelineError, match="width differs from batch to batch, 18 to 32"):
        extract(model, batches, [""])


def test_extract_leaves_every_part_in_its_mode() -> None:
    model = nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)).train()
    model[1].eval()  # frozen, as in fine-tuning
    extract(model, [(INPUTS, LABELS)], ["1"])
    assert [part.training for part in model] == [True, False, True]


def test_what_runs_compiled_is_read_as_well() -> None:
    plain = nn.Sequential(nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    expected, _ = extract(plain, [(INPUTS, LABELS)], ["1"])
    wrapped = torch.compile(plain, backend="eager")
    wrapped(INPUTS)
    found, _ = extract(wrapped, [(INPUTS, LABELS)], ["_orig_mod.1", "1"])
    assert torch.equal(found["_orig_mod.1"], expected["1"])
    assert torch.equal(found["1"], expected["1"])
    parallel = nn.DataParallel(wrapped)
    found, _ = extract(parallel, [(INPUTS, LABELS)], ["1", "module._orig_mod.1", "*"])
    assert list(found) == ["1", "module._orig_mod.1", "0", "2"]
    assert torch.equal(found["1"], found["module._orig_mod.1"])
    assert torch.equal(found["1"], expected["1"])
    plain.compile(backend="eager")
    plain(INPUTS)
    found, _ = extract(plain, [(INPUTS, LABELS)], ["1"])
    assert torch.equal(found["1"], expected["1"])


@dataclass
class Output:
    """What Hugging Face's models give, in short: a loss that is not there, and tensors."""

    loss: torch.Tensor | None
    logits: torch.Tensor
    hidden: tuple[torch.Tensor, ...]


Pair = namedtuple("Pair", "left right")


class Several(nn.Module):
    """Gives a dataclass, a dict or a named tuple, and calls one ReLU three times."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.plus = Together("dict")
        self.pair = Together("pair")
        self.out = Together("dataclass")

    def forward(self, x: torch.Tensor) -> Any:
        x = self.relu(-self.relu(x) + 1)
        x = self.plus(x)["right"]
        x = self.pair(x).left
        return self.out(self.relu(x - 0.5))


class Together(nn.Module):
    """A tensor beside twice that tensor."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> Any:
        if self.kind == "dict":
            return {"left": x, "right": 2 * x}
        return Pair(x, 2 * x) if self.kind == "pair" else Output(None, x, (x, 2 * x))


def test_calls_and_items_can_be_chosen() -> None:
    model = Several()
    one = INPUTS.relu()
    two = (1 - one).relu()
    three = (2 * two - 0.5).relu()
    expected = {
        "relu": one,
        "call 2 of relu": two,
        "call 3 of relu": three,
        "input of call 2 of relu": 1 - one,
        "call 2 of input of relu": 1 - one,
        "plus": two,
        "item right of plus": 2 * two,
        "item 1 of pair": 4 * two,
        "item right of pair": 4 * two,
        "out": three,
        "item hidden of out": three,
    }
    read, _ = extract(model, [(INPUTS, LABELS)], list(expected))
    for place, values in expected.items():
        torch.testing.assert_close(read[place], values)


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ("call 4 of relu", "layer call 4 of relu: the network calls it 3 times"),
        ("item middle of plus", "found a dict with left, right; there is no item 'middle' in it"),
        ("item 2 of pair", "layer item 2 of pair: found a Pair of .*; there is no item '2' in it"),
        ("cls of relu", ""),
        (
            "rel*.0",
            "layer 'rel\\*.0': no submodule's name fits .*; found none with 1 dot",
        ),
        ("l*", "no submodule's name fits this pattern; found relu, plus, pair, out"),
    ],
)
def test_calls_and_items_that_are_not_there_are_told(layer: str, told: str) -> None:
    if not told:
        assert extract(Several(), [(INPUTS, LABELS)], [layer])[0][layer].shape == (9, 20)
        return
    with pytest.raises(PipelineError, match=told):
        extract(Several(), [(INPUTS, LABELS)], [layer])


def test_named_inputs_are_read() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sum = Sum()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.sum(x, more=3 * x)

    class Sum(nn.Module):
        def forward(self, x: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
            return x + more

    layers = ["input of sum", "item more of input of sum", "item 0 of input of sum"]
    read, _ = extract(Named(), [(INPUTS, LABELS)], layers)
    assert torch.equal(read[layers[0]], INPUTS)
    assert torch.equal(read[layers[1]], 3 * INPUTS)
    assert torch.equal(read[layers[2]], INPUTS)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # TorchScript is going away
def test_what_cannot_be_read_is_told_and_why() -> None:
    class Nested(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = [row[: 1 + i] for i, row in enumerate(x)]
            return torch.nested.nested_tensor(rows, layout=torch.jagged)

    scripted = torch.jit.trace(PLAIN, INPUTS)
    for model, layer, told in (
        (scripted, "1", "layer 1: found TorchScript, which runs as a whole"),
        (nn.Sequential(nn.Identity(), scripted), "1.2", "layer 1.2: found TorchScript"),
        (Nested(), "", "layer : found a nested tensor; needed: a tensor"),
        (nn.Identity(), "", r"found a complex64 tensor of shape .*; needed: .* real numbers"),
    ):
        inputs = INPUTS.to(torch.complex64) if isinstance(model, nn.Identity) else INPUTS
        with pytest.raises(PipelineError, match=told) as caught:
            extract(model, [(inputs, LABELS)], [layer])
        assert "\n" not in str(caught.value)
