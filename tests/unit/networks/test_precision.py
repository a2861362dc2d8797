"""Options of training that change its numbers, and that by default float32 is IEEE float32."""

import os
import shutil
from dataclasses import replace

import pytest
import torch
from tests.unit.networks.test_training import RECIPE, make_data, make_module
from torch import nn

from latentgen.errors import PipelineError
from latentgen.networks import training
from latentgen.networks.precision import ieee_float32, in_training

ON_GPU = [torch.backends.cuda.matmul, torch.backends.cudnn.conv]
OPERATIONS = [*ON_GPU, torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv]
COMPILED = replace(RECIPE, compile=True)


def allowed() -> list[str]:
    return [operation.fp32_precision for operation in OPERATIONS]


def losses(
    recipe: training.TrainingConfig, module: nn.Module, data: training.TrainingData
) -> list[float]:
    """Of three epochs, whose last batch has two images instead of eight."""
    training.prepare(module)
    trainer = training.Trainer(module, data, recipe)
    return [trainer.epoch(epoch)["train_loss"] for epoch in (1, 2, 3)]


def test_reduced_precision_is_switched_off_inside_and_back_on_after() -> None:
    before = allowed()
    try:
        for operation in OPERATIONS:
            operation.fp32_precision = "tf32"
        with pytest.raises(RuntimeError, match="inside"), ieee_float32():
            assert allowed() == ["ieee"] * 4
            raise RuntimeError("inside")
        assert allowed() == ["tf32"] * 4
    finally:
        for operation, precision in zip(OPERATIONS, before, strict=True):
            operation.fp32_precision = precision


@pytest.mark.parametrize(
    ("precision", "expected"), [("float32", "ieee"), ("tf32", "tf32"), ("bf16", "ieee")]
)
def test_only_tf32_lets_a_gpu_multiply_in_it_and_only_in_training(
    precision: str, expected: str
) -> None:
    before, seen = allowed(), []
    module = make_module("cnn")
    module.register_forward_hook(lambda *_: seen.append(allowed()))
    data = make_data(8)
    losses(replace(RECIPE, precision=precision), module, data)
    assert (
        seen[1:] == [[expected] * 2 + ["ieee"] * 2] * 3
    )  # after a trial, whose values are not used
    seen.clear()
    training.predict_logits(module, data.images, 0.5, 0.5)
    assert seen == [["ieee"] * 4]
    assert allowed() == before


def test_tf32_changes_nothing_on_a_cpu() -> None:
    data = make_data()
    recipe = replace(RECIPE, precision="tf32")
    assert losses(recipe, make_module("cnn"), data) == losses(RECIPE, make_module("cnn"), data)


@pytest.mark.parametrize("architecture", ["mlp", "cnn"])
def test_bf16_rounds_products_and_keeps_weights_and_logits_in_float32(architecture: str) -> None:
    data, module, dtypes = make_data(), make_module(architecture), []
    module.head.register_forward_hook(lambda _, __, output: dtypes.append(output.dtype))
    with in_training(module, "bf16", compile=False) as network:
        assert network(data.inputs(torch.arange(8))).dtype == torch.float32
    ours = losses(replace(RECIPE, precision="bf16"), module, data)
    assert dtypes.count(torch.float32) == 1  # a trial before training, whose values are not used
    assert set(dtypes) == {torch.float32, torch.bfloat16}
    assert {value.dtype for value in module.state_dict().values()} == {torch.float32}
    dtypes.clear()
    training.predict_logits(module, data.images, 0.5, 0.5)
    assert set(dtypes) == {torch.float32}
    full = losses(RECIPE, make_module(architecture), data)
    assert ours != full
    assert ours == pytest.approx(full, rel=0.02)  # bfloat16 has eight bits


def test_without_a_compiler_compiling_is_a_mistake_of_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(PipelineError, match=r"training.compile: .* 'no-such-compiler'") as error:
        losses(COMPILED, make_module(), make_data())
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which(os.environ.get("CXX", "g++")), reason="no C++ compiler")
def test_compiled_training_agrees_and_is_compiled_once_for_each_size_of_batch() -> None:
    from torch._dynamo.utils import counters

    counters.clear()
    data, module, plain = make_data(), make_module(), make_module()
    ours = losses(COMPILED, module, data)
    assert ours == pytest.approx(losses(RECIPE, plain, data), rel=1e-4)
    assert ours == losses(COMPILED, make_module(), data)  # what was compiled is found again
    training.predict_logits(module, data.images, 0.5, 0.5)  # by the plain module
    assert counters["stats"]["unique_graphs"] == 2
    assert list(module.state_dict()) == list(plain.state_dict())


NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@NEEDS_GPU
def test_float32_on_a_gpu_is_float32() -> None:
    random = torch.Generator().manual_seed(0)
    conv = nn.Conv2d(64, 64, 3).cuda()
    inputs = torch.randn(8, 64, 16, 16, generator=random).cuda()
    exact = nn.functional.conv2d(inputs.double(), conv.weight.double(), conv.bias.double())
    with in_training(conv, "float32", compile=False) as network:
        torch.testing.assert_close(network(inputs).double(), exact, rtol=1e-5, atol=1e-5)


@NEEDS_GPU
@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["mlp", "cnn"])
def test_compiled_training_on_a_gpu_replays_cuda_graphs(architecture: str) -> None:
    from torch._dynamo.utils import counters

    counters.clear()
    cuda = torch.device("cuda")
    data = make_data().to(cuda)
    ours, full = (
        losses(recipe, make_module(architecture).to(cuda), data) for recipe in (COMPILED, RECIPE)
    )
    assert ours == pytest.approx(full, rel=1e-4)
    assert counters["inductor"]["cudagraph_skips"] == 0
