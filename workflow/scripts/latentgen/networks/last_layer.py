"""The linear layer that makes a network's logits, found by running the network.

The order in which submodules are registered does not show what is computed: another head may
be registered later, or the last layer before others.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from latentgen.devices import kept_random_state
from latentgen.errors import PipelineError
from latentgen.networks.extract import read_layers
from latentgen.networks.layer_spec import INPUT_OF, described
from latentgen.networks.precision import ieee_float32
from latentgen.networks.recorder import OnOutput, in_mode, recording


def logits_of(module: nn.Module, inputs: Tensor, *, train: bool = False) -> Tensor:
    """Logits (n, classes) of inputs (n, ...) in eval or train mode, without gradients.

    Inputs, running statistics and the random state stay as they are.

    Raises:
        PipelineError: the module gives something else, or the inputs or logits are not finite.
    """
    if not inputs.isfinite().all():
        raise PipelineError("inputs: found NaN or infinity; needed: finite numbers")
    own = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with recording(module, train=train), kept_random_state(inputs.device):
        logits: Any = functional_call(module, own, (inputs.clone(),))
    mode = "train" if train else "eval"
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(inputs):
        raise PipelineError(
            f"in {mode} mode the network gives {described(logits)} for "
            f"{len(inputs)} inputs; needed: a tensor of logits, ({len(inputs)}, classes)"
        )
    if not logits.isfinite().all():
        raise PipelineError(f"in {mode} mode the network gives NaN or infinity; needed: numbers")
    return logits


@ieee_float32()
def require_logits_of_each(module: nn.Module, inputs: Tensor) -> None:
    """Check that in eval mode the logits of an input depend on it alone.

    Args:
        module: maps inputs to logits (n, classes).
        inputs: (n, ...), on its device.

    Raises:
        PipelineError: they depend on chance, or on the other inputs of the batch.
    """
    logits = logits_of(module, inputs)
    # In another order, and with one of them twice, chance and statistics of the batch are others.
    again = logits_of(module, torch.cat([inputs.flip(0), inputs[:1]]))[:-1].flip(0)
    if not torch.allclose(again, logits, rtol=1e-3, atol=1e-3 * float(logits.abs().max())):
        raise PipelineError(
            "in eval mode the network's logits of an image differ when it is run again with other "
            "images; needed: logits that depend on nothing else (is dropout called as a function "
            "without training=self.training? are statistics those of the batch?)"
        )


@ieee_float32()
def find_last_layer(module: nn.Module, inputs: Tensor) -> str:
    """Name of the linear submodule whose output a network's logits are, in eval mode.

    >>> module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Dropout())
    >>> find_last_layer(module, torch.rand(2, 4))
    '2'

    Args:
        module: maps inputs to logits (n, classes).
        inputs: (n, ...), on its device.

    Raises:
        PipelineError: there is no such submodule, or it is called several times.
    """
    called: list[tuple[str, nn.Module, Tensor | None]] = []

    def note(name: str) -> OnOutput:
        # A copy, as what follows may work in place.
        return lambda part, output: called.append(
            (name, part, output.clone() if _is_linear(part, output) else None)
        )

    parts = [
        name
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear) or not list(part.children())
    ]
    with recording(module, on_output={name: note(name) for name in parts}):
        logits = logits_of(module, inputs)
    makers = [name for name, _, output in called if output is not None and _same(output, logits)]
    if not makers:
        raise PipelineError(_why_none(called))
    if (calls := [name for name, _, _ in called].count(makers[-1])) > 1:
        raise PipelineError(
            f"weights can be transferred to a last layer only, found {makers[-1]}, which is called "
            f"{calls} times"
        )
    return makers[-1]


def _is_linear(part: nn.Module, output: Any) -> bool:
    return isinstance(part, nn.Linear) and isinstance(output, Tensor)


def _same(output: Tensor, logits: Tensor) -> bool:
    return output.shape == logits.shape and torch.equal(output, logits)


def _why_none(called: list[tuple[str, nn.Module, Tensor | None]]) -> str:
    needed = "weights can be transferred to a linear last layer only"
    if not called:
        return f"{needed}, found no layer that is called"
    name, part, output = called[-1]
    if output is None:
        return f"{needed}, found {type(part).__name__} ({name})"
    return f"{needed}: what {name} gives is changed before the network returns it as logits"


@ieee_float32()
def require_replaceable(module: nn.Module, name: str, inputs: Tensor) -> None:
    """Check that a network with other weights in a linear layer gives that layer's new outputs.

    Args:
        module: the network; it is not changed.
        name: of the linear layer that makes its logits.
        inputs: (n, ...), on its device.

    Raises:
        PipelineError: it does not, as where the layer computes something else than a product with
            its weights, or where other layers share these.
    """
    with in_mode(module, train=False):
        rows = read_layers(module, {"": INPUT_OF + name}, inputs)[""]
        generator = torch.Generator("cpu").manual_seed(0)
        own = dict(module.get_submodule(name).named_parameters())
        new = {
            key: torch.randn(value.shape, generator=generator, device=generator.device).to(value)
            for key, value in own.items()
        }
        place = f"{name}." if name else ""
        with recording(module):
            found = functional_call(
                module, {place + key: value for key, value in new.items()}, (inputs.clone(),)
            )
            replaceable = {"weight"} <= new.keys() <= {"weight", "bias"} and torch.allclose(
                found, functional.linear(rows, new["weight"], new.get("bias")), 1e-3, 1e-3
            )
    if not replaceable:
        raise PipelineError(
            f"weights cannot be transferred to {name}: with other weights the network does not "
            "give their product with what goes into it (are they shared with another layer, "
            f"normalised, or computed? found parameters {', '.join(own)})"
        )
