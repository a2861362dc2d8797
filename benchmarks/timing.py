"""Timing two ways of doing the same work in turn, and checking that they did the same."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import torch

ACCELERATOR = "accelerator"
"""The device of the rows that need a GPU, whichever kind there is."""


def device_of(name: str) -> torch.device:
    """The accelerator, or a device of PyTorch's by its name."""
    return torch.accelerator.current_accelerator() if name == ACCELERATOR else torch.device(name)


class DisagreementError(Exception):
    """The two ways did not come to the same."""


@dataclass(frozen=True)
class Comparison:
    """Two ways of doing the same work, ready to be timed.

    Attributes:
        plain: does the work as one would without thinking of speed, and returns its result.
        ours: does it as the library does.
        check: takes both results; says how well they agree, or raises `DisagreementError`.
        work: how many times the work of `plain` `ours` does, where several runs go on together.
    """

    plain: Callable[[], Any]
    ours: Callable[[], Any]
    check: Callable[[Any, Any], str]
    work: int = 1


@dataclass(frozen=True)
class Sizes:
    """How much work the rows do."""

    batches: int  # of 32 images, of a training run that is timed
    curve_steps: int  # over which losses are compared
    rows: int  # of activations that probes are fitted to
    width: int  # of the wider layer; the other has a quarter of it
    few_rows: int  # of a class with fewer rows than a layer is wide
    few_rows_width: int
    images: int  # that the pipeline reads layers of
    segments: int  # of an image that is redacted
    rounds: int


FULL = Sizes(
    batches=50,
    curve_steps=50,
    rows=50_000,
    width=1024,
    few_rows=500,
    few_rows_width=4096,
    images=2000,
    segments=50,
    rounds=5,
)
SMOKE = Sizes(
    batches=2,
    curve_steps=2,
    rows=2000,
    width=128,
    few_rows=5,
    few_rows_width=40,
    images=60,
    segments=10,
    rounds=1,
)


@dataclass(frozen=True)
class Benchmark:
    """One row of the table.

    Attributes:
        name: by which the command line picks it.
        what: the work.
        against: the plain way.
        aim: the ratio that is wanted.
        prepare: makes the comparison, and clears up after it.
        needs_gpu: without one it is not measured.
        rounds: at most, where a round is long.
    """

    name: str
    what: str
    against: str
    aim: float
    prepare: Callable[[Sizes], AbstractContextManager[Comparison]]
    needs_gpu: bool = False
    rounds: int | None = None


@dataclass(frozen=True)
class Measured:
    """What a comparison came to.

    Attributes:
        plain_seconds: of each round.
        our_seconds: of each round.
        work: see `Comparison`.
        agreement: how well the results agree.
    """

    plain_seconds: list[float]
    our_seconds: list[float]
    work: int
    agreement: str

    @property
    def ratios(self) -> list[float]:
        """How many times as fast ours is, by round."""
        pairs = zip(self.plain_seconds, self.our_seconds, strict=True)
        return [self.work * plain / ours for plain, ours in pairs]

    @property
    def ratio(self) -> float:
        """Median over rounds."""
        return median(self.ratios)


def measure(benchmark: Benchmark, sizes: Sizes) -> Measured:
    """Time both in turn, comparing what they came to in the first round.

    Raises:
        DisagreementError: they did not do the same.
    """
    rounds = min(sizes.rounds, benchmark.rounds or sizes.rounds)
    plain_seconds, our_seconds, agreement = [], [], ""
    with benchmark.prepare(sizes) as comparison:
        for _ in range(rounds):
            plain, seconds = _timed(comparison.plain)
            plain_seconds.append(seconds)
            ours, seconds = _timed(comparison.ours)
            our_seconds.append(seconds)
            agreement = agreement or comparison.check(plain, ours)
    return Measured(plain_seconds, our_seconds, comparison.work, agreement)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    _wait()
    start = perf_counter()
    result = work()
    _wait()
    return result, perf_counter() - start


def _wait() -> None:
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()


def require(agrees: bool, said: str) -> str:
    """What a check says, if it holds.

    Raises:
        DisagreementError: it does not.
    """
    if not agrees:
        raise DisagreementError(said)
    return said


Prepared = Iterator[Comparison]
"""What a function gives that, as a context manager, prepares a row."""
