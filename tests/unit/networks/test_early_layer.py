"""Which layer of a network is read to find wrong labels."""

from collections.abc import Callable

import pytest
import timm
import torch
from torch import Tensor, nn
from torchvision import models

from latentgen.errors import PipelineError
from latentgen.networks.early_layer import early_layer
from latentgen.networks.extract import read_layers


def cnn(*, n_convolutions: int, n_linear: int) -> nn.Sequential:
    """Convolutions 0, 2, ... with their ReLUs, a flattening, and linear layers with theirs."""
    parts: list[nn.Module] = []
    for i in range(n_convolutions):
        parts += [nn.Conv2d(2 if i else 1, 2, 3, padding=1), nn.ReLU()]
    parts.append(nn.Flatten())
    for i in range(n_linear):
        parts += [nn.Linear(8 if i else 128, 8), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


@pytest.mark.parametrize(
    ("model", "place"),
    [
        (cnn(n_convolutions=1, n_linear=2), "input of 3"),
        (cnn(n_convolutions=4, n_linear=3), "input of 9"),
        (cnn(n_convolutions=0, n_linear=2), "input of 3"),  # the first reads the input
        (cnn(n_convolutions=0, n_linear=5), "input of 3"),
        # The first hidden vector comes too late, or there is none: a quarter of eight, of four.
        (cnn(n_convolutions=6, n_linear=2), "grid of 3"),
        (cnn(n_convolutions=3, n_linear=1), "grid of 1"),
    ],
)
def test_it_is_the_first_hidden_vector_or_comes_after_a_quarter_of_the_layers(
    model: nn.Sequential, place: str
) -> None:
    if isinstance(model[0], nn.Flatten):
        model[1] = nn.Linear(64, 8)
    torch.manual_seed(1)
    assert early_layer(model, torch.randn(4, 1, 8, 8)) == place
    assert model.training


def test_a_linear_layer_alone_reads_the_input() -> None:
    assert early_layer(nn.Linear(4, 3), torch.ones(2, 4)) == "input of "
    model = nn.ModuleDict({"fc": nn.Linear(4, 3)})
    model.forward = lambda x: model["fc"](x)  # type: ignore[method-assign]
    assert early_layer(model, torch.ones(2, 4)) == "input of fc"


@pytest.mark.parametrize(
    ("network", "place", "width"),
    [
        (models.resnet18, "grid of layer1", 4096),
        (models.resnet50, "grid of layer2.0", 2048),
        (models.convnext_tiny, "grid of features.3.0", 3072),
        (models.vit_b_16, "grid of encoder.layers.encoder_layer_1", 3840),
        (models.swin_t, "grid of features.3.0", 3072),
        (models.densenet121, "grid of features.transition2.relu", 2048),
        (lambda: models.inception_v3(init_weights=False), "grid of Mixed_5d", 2592),
        (models.vgg16, "grid of features.9", 3200),
        (models.alexnet, "input of classifier.1", 9216),
        (lambda: timm.create_model("vit_tiny_patch16_224"), "grid of blocks.2", 4032),
    ],
)
def test_of_the_libraries_networks_it_is_a_block_and_never_a_branch_inside_one(
    network: Callable[[], nn.Module], place: str, width: int
) -> None:
    with torch.device("meta"):
        model = network()
        side = 299 if isinstance(model, models.Inception3) else 224
        inputs = torch.zeros(2, 3, side, side)
    assert early_layer(model, inputs) == place
    assert read_layers(model.eval(), {"early": place}, inputs)["early"].shape == (2, width)


def test_inputs_go_where_the_model_is() -> None:
    # PyTorch's device without data: an input on the CPU would be refused by a layer that is there.
    model = cnn(n_convolutions=1, n_linear=2).to("meta")
    assert early_layer(model, torch.randn(4, 1, 8, 8)) == "input of 3"


def test_a_scaled_input_is_no_longer_the_input() -> None:
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    torch.manual_seed(1)
    inputs = torch.randn(4, 8)
    model[0].running_mean += 1  # in eval mode it is taken off
    assert early_layer(model, inputs) == "input of 1"


class Channelled(nn.Module):
    """A network whose first linear layer only weighs channels, as squeeze and excitation does."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
        self.weigh = nn.Linear(4, 4)
        self.stage = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())
        self.fc = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.stem(images)
        maps = maps * self.weigh(maps.mean([2, 3]))[:, :, None, None].sigmoid()
        return self.fc(self.stage(maps).mean([2, 3]))


def test_vectors_in_the_middle_of_a_network_are_not_its_hidden_ones() -> None:
    assert early_layer(Channelled(), torch.zeros(2, 1, 8, 8)) == "grid of stem"


def test_compiled_and_wrapped_models_are_read_as_what_is_inside() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Linear(3, 2))
    inputs = torch.rand(2, 4)
    for wrapped in (torch.compile(model), nn.DataParallel(model)):
        assert early_layer(wrapped, inputs) == "input of 2"


def test_what_is_no_network_or_does_not_run_is_told() -> None:
    with pytest.raises(PipelineError, match=r"needed: a torch\.nn\.Module"):
        early_layer(lambda x: x, torch.zeros(2, 4))  # type: ignore[arg-type]
    with pytest.raises(PipelineError, match="the model does not run on"):
        early_layer(nn.Linear(3, 2), torch.zeros(2, 4))
