"""Statistics of batch normalisation: of a set of images, or of each image alone."""

import copy
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from latentgen.networks.extract import in_mode
from latentgen.networks.network import Network
from latentgen.networks.precision import ieee_float32


@ieee_float32()
@torch.no_grad()
def calibrate(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of batch normalisation to those of some inputs, in place.

    An untrained network has the running mean 0 and variance 1, so that in eval mode it does not
    normalise at all. Here one pass over the inputs replaces them by the average over batches of
    each batch's mean and (unbiased) variance. Only normalisation layers are in train mode: dropout
    draws nothing. A module without running statistics is not run and does not change.

    >>> norm = nn.BatchNorm1d(1)
    >>> calibrate(norm, [torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0], [7.0]])])
    >>> norm.running_mean.tolist(), norm.running_var.tolist()
    ([4.0], [2.0])

    Args:
        module: maps inputs (n, ...) to logits; it stays in its mode, train or eval.
        batches: inputs, of equal size if all are to count alike.
    """
    norms = [
        part
        for part in module.modules()
        if isinstance(part, _BatchNorm) and part.track_running_stats
    ]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    with in_mode(module, train=False):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the cumulative average
            norm.train()
        for inputs in batches:
            module(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def with_image_statistics(network: Network) -> Network:
    """Return a copy of a network whose batch normalisation uses each image's own statistics.

    This is what a network computes in train mode on one image at a time, which is how the published
    code of arXiv 2501.14687 extracts activations of its ResNet-18. It is compared with eval mode.
    """
    module = copy.deepcopy(network.module)
    for name, part in list(module.named_modules()):
        if isinstance(part, nn.BatchNorm2d):
            of_image = nn.InstanceNorm2d(part.num_features, eps=part.eps, affine=part.affine)
            of_image.to(next(module.parameters()).device)
            of_image.load_state_dict({key: getattr(part, key) for key in of_image.state_dict()})
            parent, _, child = name.rpartition(".")
            setattr(module.get_submodule(parent), child, of_image)
    return replace(network, module=module)
