"""Bars of verdicts against the truth, by hand."""

import pandas as pd
import pytest

from latentgen.figures import confusion

COUNTS = {("distinct", "distinct"): 3, ("distinct", "neither"): 1, ("single", "single"): 4}


@pytest.mark.parametrize("studies", [1, 3])
def test_bars_are_shares_of_each_truth_and_carry_the_counts(studies: int) -> None:
    rows = [
        (f"study {index}", "published", truth, verdict, COUNTS.get((truth, verdict), 0))
        for index in range(studies)
        for truth in ("distinct", "single")
        for verdict in ("distinct", "single", "neither", "both")
    ]
    numbers = pd.DataFrame(rows, columns=["study", "rule", "truth", "verdict", "pairs"])
    figure = confusion.draw(numbers, {"width": 6.0, "dpi": 40})
    assert len(figure.axes) == studies
    for axes in figure.axes:
        wide = [bar.get_width() for bar in axes.patches if bar.get_width() > 0]
        assert sorted(wide) == [0.25, 0.75, 1.0]
        assert sorted(text.get_text() for text in axes.texts) == ["1", "3", "4"]
