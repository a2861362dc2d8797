"""Blocks of config.yaml for disambiguating labels (arXiv 2410.19479)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from latentgen.config.base import (
    NUMBER,
    Block,
    Fraction,
    Name,
    NotNegative,
    Number,
    Positive,
    Seed,
)

Kinds = dict[Literal["pair", "lone", "blend"], Positive]
Colour = Annotated[list[Number], Field(min_length=3, max_length=3)]


class CompositeImages(Block):
    """Composite images of a dataset's test images: two apart, one alone, or two blended."""

    source: Literal["composites"]
    dataset: Name
    layout: Literal["scattered", "tiled"] = Field(
        description="enlarged, at random places of a black square; or whole images side by side"
    )
    composite_size: Positive = Field(32, description="side of a scattered composite image")
    counts: Kinds = Field(description="how many of each kind; half of each is for choices")
    seed: Seed = 0


class FolderImages(Block):
    """The image files in a folder and below it."""

    source: Literal["folder"]
    path: str
    size: Positive = Field(224, description="side of the square that they are fitted into")

    def files(self, _: str = "") -> list[str]:
        """The folder."""
        return [self.path]


class BundledImages(Block):
    """Photographs of scikit-image and scikit-learn, alone and two side by side."""

    source: Literal["bundled"]
    size: Positive = Field(224, description="side of the square that they are fitted into")


Images = Annotated[CompositeImages | FolderImages | BundledImages, Field(discriminator="source")]


class CompositeTraining(Block):
    """Training of the small network for composite images: Adam, one-cycle learning rate."""

    dataset: Name
    composite_size: Positive = 32
    counts: dict[Literal["pair", "lone", "blend", "empty"], Positive] = Field(
        {"lone": 4000, "pair": 2000, "empty": 300}, description="how many of each kind"
    )
    epochs: Positive = 8
    learning_rate: Annotated[float, Field(gt=0), NUMBER] = 0.004
    batch_size: Positive = 64
    seed: Seed = 0


class ClassifierBlock(Block):
    """Keys of every classifier."""

    class_names: list[str] | Positive | Literal["imagenet"] = Field(
        description="in the order of the outputs; or how many, if they have no names"
    )
    mean: Colour = Field([0.485, 0.456, 0.406], description="of red, green and blue as 0..1")
    std: Colour = Field([0.229, 0.224, 0.225], description="likewise")


class Pretrained(ClassifierBlock):
    """Source of the weights; only weights are read, code in the file never runs."""

    weights: str = Field(
        description=".safetensors, or a state dict that torch.save wrote; package:NAME/FILE is a "
        "file of an installed Python package"
    )
    url: str | None = Field(None, description="where to get them if they are not there")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")] | None = Field(
        None, description="checksum of the file, or how it begins"
    )

    def files(self, _: str = "") -> list[str]:
        """The weights."""
        return [self.weights]


class CompositeNet(ClassifierBlock):
    """A small convolutional network, trained by the pipeline."""

    architecture: Literal["composite_net"]
    training: CompositeTraining


class CifarResNet(Pretrained):
    """A ResNet for CIFAR-10."""

    architecture: Literal["cifar_resnet"]
    depth: Literal[20, 32, 44, 56, 110]


class EfficientNetLite(Pretrained):
    """An EfficientNet-Lite for ImageNet."""

    architecture: Literal["efficientnet_lite"]
    name: Literal[
        "efficientnet-lite0",
        "efficientnet-lite1",
        "efficientnet-lite2",
        "efficientnet-lite3",
        "efficientnet-lite4",
    ]


class Torchvision(Pretrained):
    """One of torchvision's classification networks."""

    architecture: Literal["torchvision"]
    name: str = Field(description="such as resnet50, vgg16, inception_v3")


ClassifierSettings = Annotated[
    CompositeNet | CifarResNet | EfficientNetLite | Torchvision, Field(discriminator="architecture")
]


class Grid(Block):
    """Equal rectangles."""

    segmenter: Literal["grid"]
    rows: Positive
    columns: Positive


class Slic(Block):
    """Clusters of colour and place."""

    segmenter: Literal["slic"]
    n_segments: Positive
    compactness: Annotated[float, Field(gt=0), NUMBER] = 10.0


class Felzenszwalb(Block):
    """Graph-based segments."""

    segmenter: Literal["felzenszwalb"]
    scale: Annotated[float, Field(gt=0), NUMBER] = 1.0
    sigma: Annotated[float, Field(ge=0), NUMBER] = 0.8
    min_size: Positive = 50


class Sam(Block):
    """Segment Anything's automatic masks, made disjoint; defaults as published."""

    segmenter: Literal["sam"]
    model: Literal["vit_h", "vit_l", "vit_b"]
    checkpoint: str
    url: str | None = Field(None, description="where to get it if it is not there")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")] | None = None
    min_region: NotNegative = Field(100, description="pixels of a hole or island")
    points_per_side: Positive = 32
    points_per_batch: Positive = 64
    pred_iou_thresh: Number = 0.86
    stability_score_thresh: Number = 0.92
    crop_n_layers: NotNegative = 1
    crop_n_points_downscale_factor: Positive = 2

    def files(self, _: str = "") -> list[str]:
        """The checkpoint."""
        return [self.checkpoint]


Segmenter = Annotated[Grid | Slic | Felzenszwalb | Sam, Field(discriminator="segmenter")]


class Attribution(Block):
    """Which pixels speak for a label."""

    method: Literal["integrated_gradients", "input_x_gradient", "feature_ablation", "grad_cam"] = (
        "integrated_gradients"
    )
    channels: Literal["max", "sum"] = Field("max", description="how three colours become one value")
    target: Literal["evidence", "logit", "probability"] = Field(
        "evidence",
        description="what is attributed: logit minus mean logit, logit (as published), probability",
    )
    rule: Literal["gauss_legendre", "average"] | None = Field(
        None,
        description="of integrated_gradients: 50 Gauss-Legendre points (default), or the average "
        "of 50 gradients, as published",
    )

    @model_validator(mode="after")
    def _rule_fits(self) -> Self:
        if self.rule is not None and self.method != "integrated_gradients":
            raise ValueError(f"rule: found method {self.method}; expected integrated_gradients")
        return self


class Search(Block):
    """The search for stronger certificates than prefixes of rankings."""

    budget: NotNegative = Field(500, description="forward passes for a certificate")
    beam: Positive = 4
    draws: NotNegative = Field(99, description="of the null distribution")


class Decide(Block):
    """Thresholds of the combined score."""

    distinct: Number = Field(0.5, description="from this score on, two")
    single: Number = Field(0.5, description="below this score, one; in between, neither")


class Disambiguation(Block):
    """Images, a classifier, and how pairs of labels are disambiguated."""

    images: Name
    classifier: Name
    segmenter: Name
    attribution: Attribution = Attribution()
    masking_value: Literal["black", "zero_input", "mean_colour", "blur", "local_mean"] = Field(
        "black",
        description="what redacted segments show; zero_input: zero to the network, as published; "
        " mean_colour: of the image; local_mean: of each segment",
    )
    measure: Literal["probability", "evidence"] = Field(
        "probability", description="what a redaction takes from a label; evidence: centred logits"
    )
    delta: Fraction = Field(0.8, description="threshold of the published rules")
    top_k: Annotated[int, Field(ge=2), NUMBER] = Field(
        5, description="all pairs of this many labels"
    )
    every_pair: bool = Field(
        False,
        description="of composite images, also pairs whose truth is unknown, as published",
    )
    min_probability: Fraction = Field(0.0, description="a pair's second label must have")
    min_pixels: Positive = Field(5, description="smaller segments are never redacted")
    search: Search = Search()
    decide: Decide = Decide()
    seed: Seed = 0
    sheets: bool = Field(True, description="draw a sheet for every pair, and the page of them")


def resolve(
    studies: Mapping[str, Disambiguation],
    classifiers: Mapping[str, ClassifierSettings],
    weights_of_trained: str,
) -> dict[str, dict[str, Any]]:
    """Add, to each disambiguation, its classifier's settings; plain dicts in a fixed order.

    Args:
        studies: `disambiguations` of config.yaml.
        classifiers: of config.yaml.
        weights_of_trained: where the pipeline leaves the weights of a network that it trains, with
            `{classifier}` for its name.
    """
    return {
        name: {
            **study.model_dump(mode="json"),
            "model": _loadable(classifiers[study.classifier], study.classifier, weights_of_trained),
        }
        for name, study in studies.items()
    }


def _loadable(classifier: ClassifierSettings, name: str, weights_of_trained: str) -> dict[str, Any]:
    """Settings for `classifiers.load_classifier`, with the path of the weights."""
    settings = classifier.model_dump(mode="json", exclude={"training"}, exclude_none=True)
    return {"weights": weights_of_trained.format(classifier=name), **settings}
