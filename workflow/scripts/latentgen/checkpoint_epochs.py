"""The epochs at which a run's checkpoints are kept, written as a short expression."""

import re

_ITEM = re.compile(r"(?P<first>\d+)(?:-(?P<last>\d*)(?:/(?P<step>[1-9]\d*))?)?")


def epochs_of(schedule: str, last: int) -> list[int]:
    """List the epochs from 0 to `last` that a schedule names; `last` is always included.

    A schedule is a comma-separated list of epochs `8`, ranges `2-20` and ranges with a step
    `2-20/2`, as in cron; a range without an end, `25-/5`, goes on to the last epoch. Both papers
    probe at `0, 1, 2-20/2, 25-/5` (arXiv 2603.19865).

    >>> epochs_of("0, 1, 2-8/2, 25-/5", last=33)
    [0, 1, 2, 4, 6, 8, 25, 30, 33]

    Args:
        schedule: the expression; epoch 0 is the network before training.
        last: the last epoch that was trained, or the limit.

    Returns:
        The epochs in increasing order.

    Raises:
        ValueError: an item is none of the three forms, or a range runs backwards.
    """
    epochs = {last}
    for item in schedule.split(","):
        match = _ITEM.fullmatch(item.strip())
        if match is None:
            raise ValueError(
                f"found '{item.strip()}'; expected an epoch (8), a range (2-20), one with a step "
                "(2-20/2) and one to the end (25- or 25-/5)"
            )
        first = int(match["first"])
        if "-" not in item:
            end = first
        elif match["last"]:
            end = int(match["last"])
        else:
            end = last
        if match["last"] and end < first:
            raise ValueError(f"found '{item.strip()}'; expected ranges that do not run backwards")
        epochs.update(range(first, min(end, last) + 1, int(match["step"] or 1)))
    return sorted(epoch for epoch in epochs if epoch <= last)
