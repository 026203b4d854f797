"""Composite charts draw what they are given. (Lines over the years: samples/test_official_series.py.)"""

from __future__ import annotations

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
