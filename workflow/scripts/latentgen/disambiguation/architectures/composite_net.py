"""A small network for composites of digits."""

from collections.abc import Sequence

from torch import Tensor, nn


class CompositeNet(nn.Module):
    """A small network for composites of digits: convolutions, then global average pooling."""

    def __init__(self, n_classes: int, channels: Sequence[int] = (24, 48, 64)) -> None:
        """Make a network with one convolution and pooling for each entry of `channels`."""
        super().__init__()
        parts: list[nn.Module] = []
        for n_in, n_out in zip((3, *channels), channels, strict=False):
            parts += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        last = nn.Conv2d(channels[-1], channels[-1], 3, padding=1)
        self.features = nn.Sequential(*parts, last, nn.ReLU())
        self.head = nn.Linear(channels[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of images (n, 3, H, W)."""
        return self.head(self.features(x).mean((2, 3)))
