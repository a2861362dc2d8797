"""Classification networks of torchvision."""

from collections.abc import Mapping
from typing import Any

from latentgen.networks.backbones import fitted, require_name
from latentgen.networks.network import Network, Shape


def torchvision(
    shape: Shape,
    n_classes: int,
    *,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    **how: Any,
) -> Network:
    """A network by torchvision's name of it, such as `resnet50` or `vit_b_16`.

    Args:
        shape: channels, height and width of an image.
        n_classes: width of the output.
        name: as `torchvision.models.list_models` gives it.
        arguments: of torchvision's function, such as `{"image_size": 32}` of `vit_b_16`.
        how: how it is fitted to the images and read, see `backbones.fitted`.

    Raises:
        PipelineError: as `backbones.fitted`, and if there is no such network.
    """
    from torchvision import models  # slow to import

    require_name("torchvision", name, models.list_models(module=models))

    def make() -> Any:
        module = models.get_model(name, weights=None, num_classes=n_classes, **(arguments or {}))
        # GoogLeNet and Inception give further logits in train mode, which have no place here.
        module.aux_logits = False
        return module

    return fitted(make, shape, n_classes, name=f"torchvision {name}", **how)
