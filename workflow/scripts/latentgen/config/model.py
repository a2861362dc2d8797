"""Models in config.yaml."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from latentgen.config.base import (
    NUMBER,
    Block,
    Own,
    Positive,
    Several,
    tag_of,
)

Dropout = Annotated[float, Field(ge=0, lt=1, description="rate after each hidden ReLU"), NUMBER]


class MLP(Block):
    """Linear layers with ReLU (arXiv 2501.14687)."""

    architecture: Literal["mlp"]
    widths: Annotated[list[Positive], Field(min_length=1)] = Field([128, 512, 2048, 2048])
    dropout: Dropout = 0.0


class CNN(Block):
    """Two 3x3 convolutions and a pooling per entry of `channels`, then linear layers."""

    architecture: Literal["cnn"]
    channels: Annotated[list[Positive], Field(min_length=1)] = Field([16, 32, 64])
    widths: Annotated[list[Positive], Field(min_length=1)] = Field([250, 250, 250])
    dropout: Dropout = 0.0
    max_norm: Annotated[float, Field(gt=0), NUMBER] | None = Field(
        None, description="after dropout, limit of a linear layer's unit summed over a batch"
    )


class AlexNet(Block):
    """AlexNet for 32x32 or 64x64 images; the first convolution follows the input's size."""

    architecture: Literal["alexnet"]
    widths: Annotated[list[Positive], Field(min_length=1)] = Field([4096, 4096])
    dropout: Dropout = 0.0


class ResNet18(Block):
    """ResNet-18 with a 3x3 first convolution of stride 1."""

    architecture: Literal["resnet18"]
    dropout: Annotated[float, Field(ge=0, lt=1), NUMBER] = Field(
        0.0, description="rate between the average pooling and the last layer"
    )


def _as_list(layers: Any) -> Any:
    return [layers] if isinstance(layers, str) else layers


Layers = Annotated[
    list[str],
    *Several,
    BeforeValidator(_as_list),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    ),
]
"""Layers of a network, or a single one."""


def _without_keys_of_ours(arguments: dict[str, Any]) -> dict[str, Any]:
    for key, instead in OURS.items():
        if key in arguments:
            raise ValueError(f"found '{key}'; expected other arguments; {instead}")
    return arguments


OURS = {
    "num_classes": "the number of classes is the dataset's",
    "weights": "`weights`, next to `arguments`, names a file",
    "pretrained": "`weights`, next to `arguments`, names a file",
}
"""Arguments of other libraries' networks that are not taken, and what is there instead."""


class Backbone(Block):
    """What networks of other libraries share."""

    name: str = Field(description="the library's own name of it")
    arguments: Annotated[dict[str, Any], AfterValidator(_without_keys_of_ours)] = Field(
        {}, description="of the library's function that makes it"
    )
    weights: str | None = Field(
        None,
        description="file to begin with, .safetensors or what torch.save wrote of a state_dict; a "
        "last layer for another number of classes begins at random (default: all do)",
    )
    resize: Positive | tuple[Positive, Positive] | None = Field(
        None, description="side, or height and width, that images are resized to on the way in"
    )
    stem_stride: Positive | None = Field(
        None,
        description="stride of the first convolution; 1, for small images, also leaves out a max "
        "pooling after it",
    )
    layers: Layers | None = Field(
        None,
        description="where it is read: names of its parts, or patterns such as `layer*` (default: "
        "its blocks)",
    )
    pool: Literal["mean", "flatten", "cls", "grid"] = Field(
        "mean",
        description="how maps and tokens become vectors: averaged over their positions, all values "
        "side by side, the first token, or means over a grid of positions",
    )

    def files(self, _: str = "") -> list[str]:
        """The file of weights, if there is one."""
        return [self.weights] if self.weights else []


class Torchvision(Backbone):
    """A classification network of torchvision, by its name there."""

    architecture: Literal["torchvision"]


class Timm(Backbone):
    """A network of the library timm, by its name there."""

    architecture: Literal["timm"]


class OwnModel(BaseModel):
    """A custom function or class that returns a `Network`; further keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    architecture: Own

    def files(self, _: str = "") -> list[str]:
        """None; the module itself counts as code."""
        return []


def _architecture(model: Any) -> Any:
    return tag_of(model, "architecture")


Model = Annotated[
    Annotated[MLP, Tag("mlp")]
    | Annotated[CNN, Tag("cnn")]
    | Annotated[AlexNet, Tag("alexnet")]
    | Annotated[ResNet18, Tag("resnet18")]
    | Annotated[Torchvision, Tag("torchvision")]
    | Annotated[Timm, Tag("timm")]
    | Annotated[OwnModel, Tag("module.object")],
    Discriminator(_architecture),
]
