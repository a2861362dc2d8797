"""Models in config.yaml."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from latentgen.config.base import (
    NUMBER,
    Block,
    Own,
    Positive,
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


class OwnModel(BaseModel):
    """A function or class of your own that gives a `Network`; further keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    architecture: Own


def _architecture(model: Any) -> Any:
    return tag_of(model, "architecture")


Model = Annotated[
    Annotated[MLP, Tag("mlp")]
    | Annotated[CNN, Tag("cnn")]
    | Annotated[AlexNet, Tag("alexnet")]
    | Annotated[ResNet18, Tag("resnet18")]
    | Annotated[OwnModel, Tag("module.object")],
    Discriminator(_architecture),
]
