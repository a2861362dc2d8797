"""ResNets for CIFAR-10."""

from torch import Tensor, nn
from torch.nn import functional


class _BasicBlock(nn.Module):
    """Two convolutions and a shortcut that drops every second pixel and pads channels by zeros."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.stride, self.padding = stride, (n_out - n_in) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        return functional.relu(y + functional.pad(shortcut, (0, 0, 0, 0, *[self.padding] * 2)))


class CifarResNet(nn.Module):
    """The ResNets for CIFAR-10 of He et al. (2016), with 6n + 2 layers; any image size will do.

    The names of the parts are those of the published weights of akamaster/pytorch_resnet_cifar10.
    """

    def __init__(self, n_classes: int, *, depth: int) -> None:
        """Make a network of 20, 32, 44, 56 or 110 layers."""
        super().__init__()
        n = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, n, stride=1)
        self.layer2 = self._stage(16, 32, n, stride=2)
        self.layer3 = self._stage(32, 64, n, stride=2)
        self.linear = nn.Linear(64, n_classes)

    @staticmethod
    def _stage(n_in: int, n_out: int, n: int, stride: int) -> nn.Sequential:
        first = _BasicBlock(n_in, n_out, stride)
        return nn.Sequential(first, *(_BasicBlock(n_out, n_out, 1) for _ in range(n - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of images (n, 3, H, W)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))
