"""Composite charts draw what they are given. (Lines over the years: samples/test_official_series.py.)"""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from goingglobal import charts, load, samples, theme


@pytest.fixture(scope="module")
def headcount() -> pd.DataFrame:
    return samples.findings(load("literature"))


def test_sign_bars_draw_every_count(headcount):
    theme.use()
    data = samples.votes(headcount, "destination").assign(panel="Destination")
    fig = charts.sign_bars(data, "Findings")
    ax = fig.axes[0]
    widths = sorted(round(abs(bar.get_width()), 9) for bar in ax.patches)
    assert widths == sorted(float(n) for n in data[list(samples.SIGNS)].to_numpy().ravel())
    ends = {round(bar.get_x() + min(0, bar.get_width()), 9) for bar in ax.patches if bar.get_hatch()}
    assert ends == {-row.null / 2 - row.negative for row in data.itertuples()}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == data["group"].tolist()
    assert {"12", "40", "19"} <= {text.get_text() for text in ax.texts}


def test_a_group_before_and_after_is_drawn_person_by_person():
    theme.use()
    people = {"Before": (9, 4, 3), "After": (2, 11, 3)}
    units = ("Parent", "Domestic subsidiary", "Foreign subsidiary")
    data = pd.DataFrame([(when, unit, count) for when, counts in people.items()
                         for unit, count in zip(units, counts, strict=True)], columns=["when", "unit", "people"])
    fig = charts.structure(data, "staff moves")
    for ax, (when, counts) in zip(fig.axes, people.items(), strict=True):
        assert ax.get_title(loc="left") == when
        rings = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
        assert (len(ax.lines), len(rings)) == (sum(counts), 0 if when == "Before" else 7)
        assert {ring.get_color() for ring in rings} <= {theme.COLOURS["parent"]}
        boxes = [(box.get_x(), box.get_x() + box.get_width(), box.get_y(), box.get_y() + box.get_height())
                 for box in ax.patches[2:]]
        inside = [sum(left < x < right and low < y < high for line in ax.lines for x, y in [line.get_xydata()[0]])
                  for left, right, low, high in boxes]
        assert inside == list(counts)
        words = [text.get_text() for text in ax.texts]
        named = dict(itertools.pairwise(words))
        assert [named[name] for name in ("Parent, reported", "Jobs in Japan, not reported", "Group, reported")] == [
            f"{counts[0]}", f"{counts[0] + counts[1]}", f"{sum(counts)}"]
    assert "staff moves" in [text.get_text() for text in fig.axes[1].texts]
