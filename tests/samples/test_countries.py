"""Yearly changes of the OECD's countries and the donors of a synthetic Japan, on rows small enough to check by eye."""

from __future__ import annotations

import math
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from made import country

from goingglobal import load, samples
from goingglobal.samples import SampleError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


@pytest.fixture
def gap() -> pd.DataFrame:
    """AAA without 2003, and BBB, whose first year must not borrow from AAA's last; rows in no order."""
    table = pd.concat([
        country("AAA", [2000, 2001, 2002, 2004, 2005, 2006], fdi_out_pct_gdp=[1.0, 2, 3, 5, 6, 7],
                fdi_in_pct_gdp=[10.0, 20, 30, 50, 60, 70], gdp_growth_pct=[0.1, 0.2, 0.3, 0.5, 0.6, 0.7],
                population_15_64=[100.0, 110, 120, 140, 150, 160], employment_pwt_millions=[10.0, 11, 12, 14, 15, 16],
                employment_ilo_thousands=[5.0, 6, 7, 9, 10, 11]),
        country("BBB", [2000, 2001], fdi_out_pct_gdp=[8.0, 9]),
        country("LUX", [2000, 2001], conduit=1),
    ])  # fmt: skip
    return table.sample(frac=1, random_state=1)


def column_of(frame: pd.DataFrame, iso3: str, name: str) -> dict[int, float]:
    rows = frame[frame["iso3"] == iso3].set_index("year")[name]
    return {int(year): value for year, value in rows.items() if pd.notna(value)}


# Jobs and people of AAA both go through 10, 11, 12, 14, 15, 16 (times something).
GROWTH = {2001: 100 * math.log(11 / 10), 2002: 100 * math.log(12 / 11),
          2005: 100 * math.log(15 / 14), 2006: 100 * math.log(16 / 15)}  # fmt: skip


@pytest.mark.parametrize(("column", "wanted"), [
    ("fdi_now", {2000: 1, 2001: 2, 2002: 3, 2004: 5, 2005: 6, 2006: 7}),
    ("fdi_lag", {2001: 1, 2002: 2, 2005: 5, 2006: 6}),
    ("fdi_lead", {2000: 2, 2001: 3, 2004: 6, 2005: 7}),
    ("fdi_in_lag", {2001: 10, 2002: 20, 2005: 50, 2006: 60}),
    ("gdp_growth_lag", {2001: 0.1, 2002: 0.2, 2005: 0.5, 2006: 0.6}),
    ("growth", GROWTH),
    ("growth_lag", {2002: GROWTH[2001], 2006: GROWTH[2005]}),
    ("population_growth", GROWTH),
    ("cumulative_1", {2001: 100 * math.log(12 / 10), 2005: 100 * math.log(16 / 14)}),
    ("cumulative_2", {2002: 100 * math.log(14 / 11)}),
    ("cumulative_3", {2001: 100 * math.log(14 / 10), 2002: 100 * math.log(15 / 11)}),
    ("cumulative_m2", {2002: 100 * math.log(10 / 11), 2006: 100 * math.log(14 / 15)}),
    ("cumulative_m3", {2005: 100 * math.log(12 / 14)}),
])  # fmt: skip
def test_lags_and_leads_are_by_calendar_year(gap, column, wanted):
    """Over the missing year 2003 nothing is carried: a lag that meets the gap is missing, not the row before."""
    assert column_of(samples.country_changes(gap), "AAA", column) == pytest.approx(wanted)


def test_lags_do_not_cross_countries(gap):
    changes = samples.country_changes(gap)
    assert column_of(changes, "BBB", "fdi_lag") == {2001: 8}
    assert column_of(changes, "BBB", "fdi_lead") == {2000: 9}


def test_horizon_zero_is_growth_and_horizons_are_as_asked(gap):
    changes = samples.country_changes(gap, horizons=2)
    pd.testing.assert_series_equal(changes["cumulative_0"], changes["growth"], check_names=False)
    assert [c for c in changes if re.fullmatch(r"cumulative_\d+", c)] == [
        "cumulative_0",
        "cumulative_1",
        "cumulative_2",
    ]


def test_employment_series_and_conduits(gap):
    ilo = samples.country_changes(gap, "ilo", conduits=False)
    assert column_of(ilo, "AAA", "growth")[2001] == close(100 * math.log(6 / 5))
    assert set(ilo["iso3"]) == {"AAA", "BBB"}
    assert set(samples.country_changes(gap)["iso3"]) == {"AAA", "BBB", "LUX"}
    assert ilo.attrs["sample"] == "OECD-38, without conduits, ILO employment"


def test_country_changes_leave_the_table_as_it_was(gap):
    before = gap.copy()
    samples.country_changes(gap)
    pd.testing.assert_frame_equal(gap, before)


def test_country_changes_refuse_unknown_employment_and_an_empty_sample(gap):
    with pytest.raises(SampleError, match=r"'oecd'.*ilo.*pwt"):
        samples.country_changes(gap, "oecd")
    with pytest.raises(SampleError, match="no rows"):
        samples.country_changes(gap[gap["conduit"] == 1], conduits=False)


def test_the_seven_conduits():
    table = load("country_panel")
    conduits = set(table.loc[table["conduit"] == 1, "iso3"])
    assert conduits == {"LUX", "IRL", "NLD", "CHE", "HUN", "BEL", "ISL"}
    kept = samples.country_changes(table, conduits=False)
    assert not conduits & set(kept["iso3"])
    assert kept["iso3"].nunique() == 31


def test_donor_panel_is_balanced():
    years = [2000, 2001, 2002, 2003]
    table = pd.concat([
        country("JPN", years, fdi_out_pct_gdp=[1.0, 2, 3, 4]), country("AAA", years), country("BBB", years),
        country("HOLE", years, fdi_out_pct_gdp=[1.0, np.nan, 3, 4]), country("LUX", years, conduit=1),
        country("SHORT", years[:3]),
    ])  # fmt: skip
    out = samples.donor_panel(table, "fdi", 2000, 2003)
    assert sorted(out["iso3"].unique()) == ["AAA", "BBB", "JPN"]
    assert out.loc[out["treated"] == 1, ["iso3", "y"]].to_numpy().tolist() == [["JPN", y] for y in (1.0, 2, 3, 4)]
    assert out.attrs["sample"] == "JPN and 2 OECD donors, 2000–2003"
    assert "LUX" in set(samples.donor_panel(table, "fdi", 2000, 2003, conduits=True)["iso3"])
    assert "SHORT" in set(samples.donor_panel(table, "fdi", 2000, 2002)["iso3"])
    other = samples.donor_panel(table, "fdi", 2000, 2003, country="AAA")
    assert set(other.loc[other["treated"] == 1, "iso3"]) == {"AAA"}


def test_donor_panel_of_employment_is_growth():
    table = pd.concat([
        country(code, [2000, 2001, 2002], employment_pwt_millions=[10.0, 11, 12]) for code in ("JPN", "AAA", "BBB")])
    out = samples.donor_panel(table, "employment", 2001, 2002)
    assert out["y"].tolist() == close([100 * math.log(1.1), 100 * math.log(12 / 11)] * 3)


@pytest.mark.parametrize(("codes", "options", "message"), [
    (("JPN", "AAA", "BBB"), {"outcome": "trade"}, "'trade'.*employment.*fdi"),
    (("JPN", "AAA"), {}, "JPN and 1 OECD donors.*fewer than two donors"),
    (("AAA", "BBB", "CCC"), {}, "the treated country is incomplete"),
    (("JPN", "AAA", "BBB"), {"last": 2005}, "the treated country is incomplete"),
], ids=["outcome", "one donor", "not there", "incomplete"])  # fmt: skip
def test_donor_panel_refuses(codes, options, message):
    table = pd.concat([country(code, [2000, 2001, 2002]) for code in codes])
    with pytest.raises(SampleError, match=message):
        samples.donor_panel(table, **({"outcome": "fdi", "first": 2000, "last": 2002} | options))
