"""Composite charts draw what they are given. (Lines over the years: samples/test_official_series.py.)"""

from __future__ import annotations

import itertools

import numpy as np
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
    assert ends == {-row.neither / 2 - row.negative for row in data.itertuples()}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == data["group"].tolist()
    assert {"12", "40", "19"} <= {text.get_text() for text in ax.texts}


@pytest.fixture
def small_curve() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Five estimates of two panels per firm, three per job; the first panel's choices."""
    rows = [{"panel": panel, "line": line, "rank": rank, "value": value, "ci_low": value - 0.1, "ci_high": value + 9,
             "null_low": -0.1, "null_high": 0.1}
            for panel, line, values in (("one", "per firm", [-0.1, 0.0, 0.1, 0.2, 0.3]),
                                        ("one", "per job", [0.1, 0.2, 0.4]), ("two", "per firm", [0.1, 0.2]))
            for rank, value in zip(np.linspace(0, 100, len(values)), values, strict=True)]  # fmt: skip
    ticks = [("one", "sample", "all", 0), ("one", "sample", "all", 25), ("one", "sample", "small", 50),
             ("one", "sample", "all", 75), ("one", "sample", "small", 100), ("two", "sample", "all", 0),
             ("two", "sample", "all", 100), ("two", "effects", "year", 0)]  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(ticks, columns=["panel", "group", "option", "rank"])


def test_curve_stands_over_the_choices_it_makes(small_curve):
    theme.use()
    curve, choices = small_curve
    fig = charts.specification_curve(curve, choices, {"one": "parent", "two": "group"}, "Log points")
    top, low = fig.axes[0], fig.axes[2]
    lines = {tuple(line.get_ydata()): line for line in top.lines}
    mine = curve[curve["panel"] == "one"]
    for line, style in (("per firm", "-"), ("per job", "--")):
        drawn = lines[tuple(mine.loc[mine["line"] == line, "value"])]
        assert (drawn.get_linestyle(), drawn.get_color()) == (style, theme.COLOURS["parent"])
    assert {tuple(mine.loc[mine["line"] == "per firm", name]) for name in ("null_low", "null_high")} <= set(lines)
    assert [label.get_text() for label in low.get_yticklabels()] == ["sample", "all", "small", "effects", "year"]
    places = dict(zip([label.get_text() for label in low.get_yticklabels()], low.get_yticks(), strict=True))
    found = {line.get_ydata()[0]: [round(float(x), 6) for x in line.get_xdata() if x == x] for line in low.lines}
    assert found == {places["all"]: [-12.5, 37.5, 62.5, 87.5], places["small"]: [37.5, 62.5, 87.5, 112.5]}
    assert top.get_ylim()[1] < 1, "the widest intervals are cut off"
    assert top.get_xlim() == low.get_xlim(), "level with the curve"
    assert {text.get_text() for text in fig.legends[0].get_texts()} == {"per firm", "per job", "shuffled start dates"}


def test_curve_of_one_line_has_no_second(small_curve):
    theme.use()
    curve, choices = small_curve
    fig = charts.specification_curve(curve[curve["line"] == "per firm"], choices, {"one": "parent"}, "Log points")
    assert len(fig.axes) == 2
    assert {text.get_text() for text in fig.legends[0].get_texts()} == {"per firm", "shuffled start dates"}


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
