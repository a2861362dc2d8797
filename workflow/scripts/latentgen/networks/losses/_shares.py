"""What the losses share that are a cost of each class."""

from torch import Tensor


def mean_cost(costs: Tensor, labels: Tensor) -> Tensor:
    """Mean over a batch of what the labels' classes cost.

    Args:
        costs: (n, classes).
        labels: int64 (n,), or (n, classes) the fraction that a mixed image has of each class.
    """
    if labels.is_floating_point():
        return (costs * labels).sum(1).mean()
    return costs.gather(1, labels[:, None]).mean()
