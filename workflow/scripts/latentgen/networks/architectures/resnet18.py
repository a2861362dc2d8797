"""The ResNet-18 of arXiv 2501.14687."""

from torch import nn

from latentgen.networks.network import Network, Shape


def resnet18(shape: Shape, n_classes: int, *, dropout: float = 0.0) -> Network:
    """Return torchvision's ResNet-18 with a 3x3 first convolution of stride 1.

    Its convolutions have PyTorch's default initialisation, as in the papers' code, not
    torchvision's own (He et al., fan-out). The nine layers are the output of the first pooling,
    two inside stage 1 and those after each block of it, the outputs of stages 2 to 4, and the
    pooled vector before the last layer.

    Args:
        shape: channels, height and width of an image.
        n_classes: width of the output.
        dropout: probability of the dropout before the last layer (arXiv 2603.19865); 0: none.
    """
    from torchvision.models import resnet18 as torchvision_resnet18  # slow to import

    module = torchvision_resnet18(num_classes=n_classes)
    module.conv1 = nn.Conv2d(shape[0], 64, 3, stride=1, padding=1, bias=False)
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.reset_parameters()
    if dropout:
        module.fc = nn.Sequential(nn.Dropout(dropout), module.fc)
    layers = {
        "l0": "maxpool",
        "l0_1": "layer1.0.relu",
        "l0_2": "layer1.0",
        "l0_3": "layer1.1.relu",
        "l1": "layer1",
        "l2": "layer2",
        "l3": "layer3",
        "l4": "layer4",
        "bf_last": "avgpool",
    }
    return Network(module, layers)
