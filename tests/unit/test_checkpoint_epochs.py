"""Epoch expressions: known lists, and what is refused."""

import pytest

from latentgen.checkpoint_epochs import epochs_of


@pytest.mark.parametrize(
    ("schedule", "last", "expected"),
    [
        ("8", 10, [8, 10]),
        ("0, 1", 1, [0, 1]),
        ("2-5", 9, [2, 3, 4, 5, 9]),
        ("2-8/3", 9, [2, 5, 8, 9]),
        ("2-7/3", 9, [2, 5, 9]),
        ("6-", 9, [6, 7, 8, 9]),
        ("0-/4", 10, [0, 4, 8, 10]),
        ("3-3", 5, [3, 5]),
        ("  0 ,1,2-4/2 ", 6, [0, 1, 2, 4, 6]),
        ("4, 2, 2-4", 4, [2, 3, 4]),
        ("0, 20-/10", 7, [0, 7]),
        ("0-100", 3, [0, 1, 2, 3]),
        ("0", 0, [0]),
    ],
)
def test_known_schedules(schedule: str, last: int, expected: list[int]) -> None:
    assert epochs_of(schedule, last) == expected


def test_the_papers_schedule() -> None:
    expected = [0, 1, *range(2, 21, 2), *range(25, 501, 5)]
    assert epochs_of("0, 1, 2-20/2, 25-/5", 500) == expected


@pytest.mark.parametrize(
    ("schedule", "wrong"),
    [
        ("", "''"),
        ("0,,1", "''"),
        ("0, 1;2", "'1;2'"),
        ("-5", "'-5'"),
        ("1.5", "'1.5'"),
        ("8/2", "'8/2'"),
        ("0-8/0", "'0-8/0'"),
        ("all", "'all'"),
        ("0, 9-3", "'9-3'"),
        ("9-3/2", "'9-3/2'"),
    ],
)
def test_what_is_no_schedule_is_refused_by_name(schedule: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"found .*; expected ") as caught:
        epochs_of(schedule, 100)
    assert wrong in str(caught.value)
