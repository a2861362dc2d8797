"""Lines in a log instead of a bar."""

import io
from contextlib import redirect_stderr

import pytest

from latentgen import progress


def test_a_log_gets_a_line_for_each_step_and_nothing_is_written_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    log = io.StringIO()
    with redirect_stderr(log), progress.bar(total=300, unit="images") as bar:
        for epoch in (1, 2, 3):
            bar.set_postfix(epoch=epoch, loss=0.5, refresh=False)
            bar.update(100)
    text = log.getvalue()
    assert "\r" not in text
    last = text.strip().splitlines()[-1]
    assert "300/300" in last
    assert "images/s" in last
    assert "epoch=3, loss=0.5" in last


def test_lines_come_seldom() -> None:
    log = io.StringIO()
    with redirect_stderr(log):
        assert list(progress.bar(range(1000))) == list(range(1000))
    assert len(log.getvalue().strip().splitlines()) <= 3
