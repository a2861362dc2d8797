"""Networks of the library timm."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from latentgen.errors import PipelineError
from latentgen.networks.backbones import fitted, require_name
from latentgen.networks.network import Network, Shape


def timm(
    shape: Shape,
    n_classes: int,
    *,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    **how: Any,
) -> Network:
    """A network by timm's name of it, such as `vit_tiny_patch16_224`.

    It is read at the parts that timm's own `feature_info` names, unless layers are chosen.

    Args:
        shape: channels, height and width of an image.
        n_classes: width of the output.
        name: as `timm.list_models` gives it.
        arguments: of `timm.create_model`, such as `{"img_size": 32, "patch_size": 8}`.
        how: how it is fitted to the images and read, see `backbones.fitted`.

    Raises:
        PipelineError: as `backbones.fitted`, and if there is no such network, or no timm.
    """
    try:
        import timm as library
    except ModuleNotFoundError:
        raise PipelineError(
            "models: architecture: timm is not installed; `pip install timm`"
        ) from None

    require_name("timm", name.partition(".")[0], library.list_models())
    given = dict(arguments or {})
    channels = given.setdefault("in_chans", shape[0] if shape[0] != 1 else 3)

    def make() -> Any:
        return library.create_model(name, pretrained=False, num_classes=n_classes, **given)

    network = fitted(
        make, shape, n_classes, name=f"timm {name}", channels=channels, blocks=_blocks, **how
    )
    no_class_token = getattr(network.module, "num_prefix_tokens", None) == 0
    if no_class_token and how.get("pool") == "cls":
        raise PipelineError(f"models: timm {name}: pool: found cls, but it has no class token")
    return network


def _blocks(module: nn.Module) -> Sequence[str]:
    """What timm itself takes for the stages of a network."""
    info = getattr(module, "feature_info", ())
    return [one["module"] for one in info if isinstance(one, Mapping) and one.get("module")]
