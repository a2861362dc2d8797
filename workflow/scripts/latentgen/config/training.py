"""How an experiment trains: the block `training` of config.yaml."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from latentgen import library_classes
from latentgen.config.base import NUMBER, Block, Fraction, Positive
from latentgen.config.errors import NotAmongError
from latentgen.library_classes import NESTED, Chosen, parts
from latentgen.names import OWN_PATTERN
from latentgen.registries import names

LOSSES = "latentgen.networks.losses"
"""The registry of losses."""


def _one_of(module: str, base: str, *given: str) -> Any:
    """The type of a key that chooses a class of a library, with its arguments or without.

    Args:
        module: that offers the classes.
        base: the class there that they derive from.
        given: arguments that are not the user's to give.
    """

    def check(chosen: Any, below: str = "") -> None:
        name, arguments = _parts(chosen)
        if re.fullmatch(OWN_PATTERN, name):
            return
        known = library_classes.classes(module, base)
        if name not in known:
            raise NotAmongError(name, [*known, "module.object"], below=below)
        below = f"{below}.{name}"
        _refuse_arguments(name, arguments, known[name], given, below)
        for key in NESTED & arguments.keys():
            if not isinstance(arguments[key], list):
                raise ValueError(f"found {key} {arguments[key]!r}; expected a list of names")
            for index, inner in enumerate(arguments[key]):
                check(inner, f"{below}.{key}[{index}]")

    def checked(chosen: Any) -> Any:
        check(chosen)
        return chosen

    return Annotated[Any, AfterValidator(checked), WithJsonSchema(_SCHEMA)]


def _check_loss(chosen: Any) -> Any:
    name, arguments = _parts(chosen)
    if re.fullmatch(OWN_PATTERN, name):
        return chosen
    if name not in names(LOSSES):
        raise NotAmongError(name, [*names(LOSSES), "module.object"])
    known = library_classes.arguments_of_entry(LOSSES, name)
    _refuse_arguments(name, arguments, known, ("observed", "n_classes"), f".{name}")
    return chosen


_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "additionalProperties": {"type": "object"},
            "minProperties": 1,
            "maxProperties": 1,
        },
    ]
}


def _parts(chosen: Any) -> tuple[str, Mapping[str, Any]]:
    try:
        return parts(chosen)
    except ValueError:
        raise ValueError(
            f"found {chosen!r}; expected a name, or a name with its arguments, as in "
            "{name: {argument: 1}}"
        ) from None


def _refuse_arguments(
    name: str,
    found: Mapping[str, Any],
    known: Mapping[str, bool] | None,
    given: tuple[str, ...],
    below: str,
) -> None:
    """Refuse arguments that a class does not take, and the lack of one that it needs."""
    if known is None:
        return
    allowed = [argument for argument in known if argument not in given]
    for argument in found:
        if argument not in allowed:
            raise NotAmongError(argument, allowed or ["none"], below=below, what="argument ")
    for argument in allowed:
        if known[argument] and argument not in found:
            raise ValueError(
                f"found {name} without {argument}; expected {{{name}: {{{argument}: ...}}}}"
            )


Beta = Annotated[float, Field(ge=0, lt=1), NUMBER]
"""The fraction of a running mean that is kept at every step."""


class Training(Block):
    """The recipe of the optimisation; by default without augmentation."""

    optimizer: _one_of("torch.optim", "Optimizer", "params", "lr") = Field(  # type: ignore[valid-type]
        description="a class of torch.optim, alone or with its arguments: "
        "`{AdamW: {weight_decay: 0.05}}`"
    )
    learning_rate: Annotated[float, Field(gt=0), NUMBER]
    momentum: Beta | None = Field(None, description="short for the optimiser's argument")
    betas: tuple[Beta, Beta] | None = Field(None, description="short for the optimiser's argument")
    scheduler: _one_of("torch.optim.lr_scheduler", "LRScheduler", "optimizer") | None = Field(  # type: ignore[valid-type]
        None,
        description="of the learning rate, after every epoch: a class of torch.optim.lr_scheduler "
        "with its arguments, `{CosineAnnealingLR: {T_max: 100}}`; constant without one",
    )
    batch_size: Positive
    max_epochs: Positive
    target_accuracy: Fraction = Field(
        description="stop when the running train accuracy on observed labels reaches it"
    )
    loss: Annotated[Any, AfterValidator(_check_loss), WithJsonSchema(_SCHEMA)] = Field(
        "cross_entropy",
        description="an entry of `networks/losses` or `module.object`, alone or with its "
        "arguments: `{cross_entropy: {label_smoothing: 0.1, class_weights: balanced}}`, `gce`, "
        "`sce`, `elr`",
    )
    augment: list[_one_of("torchvision.transforms.v2", "Transform")] = Field(  # type: ignore[valid-type]
        [],
        description="classes of torchvision.transforms.v2 with their arguments, one after the "
        "other, drawn for each image at each epoch: `[{RandomCrop: {size: 28, padding: 4}}, "
        "RandomHorizontalFlip]`; MixUp and CutMix come last",
    )
    clip_grad_norm: Annotated[float, Field(gt=0), NUMBER] | None = Field(
        None, description="longest gradient of all weights together; longer ones are scaled down"
    )
    ema: Annotated[float, Field(gt=0, lt=1), NUMBER] | None = Field(
        None,
        description="the network that is kept and read has an exponential moving average of the "
        "weights, with this decay at every step",
    )
    precision: Literal["float32", "tf32", "bf16"] = Field(
        "float32",
        description="anything else changes numbers: `tf32` lets a GPU (and nothing else) multiply "
        "and convolve in TF32, `bf16` is PyTorch's autocast of the forward pass; weights stay "
        "float32, and networks are read in float32",
    )
    compile: bool = Field(
        False,
        description="changes numbers: `torch.compile` of the forward and the backward pass, CUDA "
        "graphs on a GPU; needs a C++ compiler, and up to a minute at the start of a job",
    )

    def chosen(self) -> list[tuple[str, Chosen]]:
        """What is chosen by name, and the key under which it is."""
        single = [(key, getattr(self, key)) for key in ("optimizer", "scheduler", "loss")]
        return [
            *((key, chosen) for key, chosen in single if chosen is not None),
            *(("augment", chosen) for chosen in self.augment),
        ]

    @model_validator(mode="after")
    def _short_arguments_are_the_optimisers(self) -> Self:
        name, arguments = parts(self.optimizer)
        known = library_classes.classes("torch.optim", "Optimizer").get(name)
        for key in ("momentum", "betas"):
            if getattr(self, key) is None:
                continue
            if known is not None and key not in known:
                raise ValueError(f"found {key} with optimizer {name}, which takes none")
            if key in arguments:
                raise ValueError(f"found {key} twice, here and in optimizer; expected once")
        return self
