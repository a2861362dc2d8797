"""Training of the small network that labels composites of digits."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from latentgen.devices import seeded
from latentgen.disambiguation.architectures.composite_net import CompositeNet
from latentgen.disambiguation.classifiers import scale_of, scaled
from latentgen.disambiguation.composites import training_composites
from latentgen.networks.precision import ieee_float32
from latentgen.random_streams import derive_seed


@ieee_float32()
def train_composite_net(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    device: torch.device,
    *,
    composite_size: int,
    counts: Mapping[str, int],
    epochs: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
    mean: Sequence[float],
    std: Sequence[float],
) -> nn.Module:
    """Train on composite images whose targets are fractions of labels.

    On a CPU, equal seeds give equal bytes.

    Two digits on a composite have half of the target probability each; on an empty one all labels
    are equally likely, so that a redacted image has a sensible answer.

    Args:
        images: uint8 (N, C, H, W), of a dataset's training split.
        labels: int64 (N,).
        device: where to compute.
        composite_size: side of a composite.
        counts: how many composites of each kind.
        epochs: passes over all composites.
        learning_rate: the largest of a one-cycle schedule; the optimiser is Adam.
        batch_size: composites a step.
        seed: of the composites, the initial weights and the order.
        mean: of red, green and blue, with pixels as 0..1.
        std: likewise.
    """
    n_classes = int(labels.max()) + 1
    composites, targets = training_composites(
        images, labels, n_classes=n_classes, composite_size=composite_size, counts=counts, seed=seed
    )
    with seeded(derive_seed("canvas net", seed)):
        network = CompositeNet(n_classes).to(device).to(memory_format=torch.channels_last)
    # All on the device before the first step, as waiting for a copy would stall a GPU.
    pixels, wanted = (torch.from_numpy(array).to(device) for array in (composites, targets))
    scale = scale_of(mean, std, device)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, epochs=epochs, steps_per_epoch=-(-len(composites) // batch_size)
    )
    order = np.random.default_rng(derive_seed("canvas batches", seed))
    for epoch in range(1, epochs + 1):
        losses = []
        rows = torch.from_numpy(order.permutation(len(composites))).to(device)
        for batch in rows.split(batch_size):
            logits = network(scaled(pixels[batch], *scale))
            loss = functional.cross_entropy(logits, wanted[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        print(f"epoch {epoch}: mean loss {torch.stack(losses).mean().item():.4f}")
    return network
