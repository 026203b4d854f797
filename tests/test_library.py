"""The library on made-up data small enough to check by eye, and against statsmodels and scipy called directly.

Tests marked with `bug` state what the library should do and does not yet: they fail as soon as it does.
"""

from __future__ import annotations

import json
import math
import re
from functools import partial
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

from goingglobal import exhibits, load, models, results, samples, theme
from goingglobal.exhibits import ExhibitError
from goingglobal.models import Estimate, ModelError
from goingglobal.results import ResultError
from goingglobal.samples import SampleError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


# ============================================================================================== samples: countries
def country(iso3: str, years: list[int], conduit: int = 0, **series) -> pd.DataFrame:
    """Rows of `country_panel`; a series not given is 1 in every year."""
    names = ["fdi_out_pct_gdp", "fdi_in_pct_gdp", "gdp_growth_pct", "population_15_64", "employment_pwt_millions",
             "employment_ilo_thousands"]  # fmt: skip
    columns = {name: series.get(name, 1.0) for name in names}
    return pd.DataFrame({"iso3": iso3, "country": iso3.title(), "year": years, "conduit": conduit, **columns})


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


# ============================================================================================== samples: firms
def firm(code: str, fdi: str, home=100, group=200, **more) -> pd.DataFrame:
    """Rows of `firm_panel` from 2017 on: one mark of `fdi` a year, "." a year in which the firm is not seen."""
    seen = [place for place, mark in enumerate(fdi) if mark != "."]
    heads = {name: [value[place] for place in seen] if isinstance(value, list) else value
             for name, value in {"home_employees": home, "group_employees": group}.items()}  # fmt: skip
    other = {"ifrs_ever": 0, "listed": 1, "sector": "Machinery", "reorganised": 0, "average_pay_yen": 6e6,
             "average_age": 40.0, "total_assets_yen": 1e9, "operating_income_yen": 5e7}  # fmt: skip
    years = [2017 + place for place in seen]
    return pd.DataFrame(
        {"edinet_code": code, "year": years, "fdi": [int(fdi[p]) for p in seen], **heads, **(other | more)}
    )


def firms(*rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(rows, ignore_index=True)


PAIR = (firm("START", "0011"), firm("NEVER", "0000"))


def first_years(frame: pd.DataFrame) -> dict[str, int]:
    return frame.groupby("edinet_code")["first_fdi"].first().to_dict()


def test_sample_j():
    table = firms(
        firm("KEPT", "01", home=50), firm("IFRS", "01", ifrs_ever=1), firm("GONE", "01", listed=0),
        firm("PART", "01", group=[np.nan, 80.0], home=40),
    )  # fmt: skip
    panel = samples.sample_j(table.iloc[::-1])
    assert list(zip(panel["edinet_code"], panel["year"], strict=True)) == [
        ("KEPT", 2017),
        ("KEPT", 2018),
        ("PART", 2018),
    ]
    assert panel["ln_home"].tolist() == close([math.log(50), math.log(50), math.log(40)])
    assert panel["ln_group"].tolist() == close([math.log(200), math.log(200), math.log(80)])
    assert panel["home_share"].tolist() == close([25, 25, 50])
    with pytest.raises(SampleError, match="no rows"):
        samples.sample_j(table[table["listed"] == 0])


@pytest.mark.parametrize(("history", "first"), [
    pytest.param("0011", 2019, id="starts in its third year"),
    pytest.param("1111", None, id="an investor from its first year is no starter"),
    pytest.param("1001111111", None, id="nor is one that stops and comes back"),
    pytest.param("0000", 0, id="never"),
    pytest.param("0", 0, id="never, seen once"),
    pytest.param(".011", 2019, id="first seen in 2018"),
    pytest.param("..111", None, id="first seen in 2019, then an investor"),
    pytest.param("011110", 2018, id="four of five years: exactly 80 %"),
    pytest.param("01110", None, id="three of four years: 75 %"),
    pytest.param("0111110111110", 2018, id="ten of twelve years"),
    pytest.param("0111111001", None, id="seven of nine years: 78 %"),
    pytest.param("01111111100", 2018, id="eight of ten years: exactly 80 %"),
    pytest.param("01.1110", 2018, id="a gap is not a year without FDI: four of five seen"),
    pytest.param("01..10", None, id="a gap is not a year with FDI: two of three seen"),
    pytest.param("0.111", 2019, id="dated by the first year seen with FDI"),
])  # fmt: skip
def test_who_is_a_starter(history, first):
    found = first_years(samples.starters(firms(*PAIR, firm("X", history))))
    assert found == {"START": 2019, "NEVER": 0} | ({} if first is None else {"X": first})


def test_the_share_of_years_with_fdi_is_an_argument():
    table = firms(*PAIR, firm("X", "01100"))
    assert "X" not in first_years(samples.starters(table))
    assert first_years(samples.starters(table, min_fdi_share=0.5))["X"] == 2018


def test_post_and_outcome_of_starters():
    table = firms(*PAIR, firm("X", "011101", home=[10, 20, 30, 40, 50, 60], group=70))
    rows = samples.starters(table).set_index("edinet_code")
    assert rows.loc["X", "post"].tolist() == [0, 1, 1, 1, 1, 1]  # the year without FDI counts as after the start
    assert rows.loc["NEVER", ["post", "starter"]].to_numpy().sum() == 0
    assert rows.loc["X", "starter"].tolist() == [1] * 6
    assert rows.loc["X", "y"].tolist() == close(np.log([10, 20, 30, 40, 50, 60]))
    group = samples.starters(table, outcome="group").set_index("edinet_code")
    assert group.loc["X", "y"].tolist() == close([math.log(70)] * 6)


@pytest.mark.parametrize("heads", [[100, 100, 150, 150], [150, 150, 100, 100]], ids=["up", "down"])
def test_trimming_is_strict(heads):
    """A firm whose largest leap is exactly the cut-off is dropped; one just below it stays."""
    table = firms(*PAIR, firm("X", "0000", home=heads))
    leap = abs(math.log(heads[2]) - math.log(heads[1]))
    assert "X" not in first_years(samples.starters(table, trim=leap))
    assert "X" in first_years(samples.starters(table, trim=math.nextafter(leap, 1)))
    assert "X" in first_years(samples.starters(table))


def test_trimming_sees_over_gaps_within_firms_and_the_outcome_only():
    table = firms(
        *PAIR, firm("GAP", "0.00", home=[100, 0, 300, 300]), firm("GROUP", "0000", group=[100, 300, 300, 300]),
        firm("HUGE", "0000", home=90_000), firm("ONCE", "0", home=5),
    )  # fmt: skip
    assert set(first_years(samples.starters(table, 0.7))) == {"START", "NEVER", "GROUP", "HUGE", "ONCE"}
    assert set(first_years(samples.starters(table, 0.7, "group"))) == {"START", "NEVER", "GAP", "HUGE", "ONCE"}
    assert samples.starters(table, 0.7).attrs["sample"].endswith("home headcount, largest yearly log change below 0.7")


@pytest.mark.parametrize(("table", "options", "message"), [
    pytest.param(firms(firm("A", "0000"), firm("B", "1111")), {}, "0 starters and 1 controls", id="no starter"),
    pytest.param(firms(firm("A", "0011"), firm("B", "1111")), {}, "1 starters and 0 controls", id="no control"),
    pytest.param(firms(firm("A", "0011", home=[1, 9, 9, 9]), PAIR[1]), {"trim": 0.5}, "0 starters", id="all trimmed"),
    pytest.param(firms(*PAIR).assign(ifrs_ever=1), {}, "no rows", id="empty"),
    pytest.param(firms(*PAIR), {"outcome": "abroad"}, "'abroad'.*'home' or 'group'", id="unknown outcome"),
])  # fmt: skip
def test_starters_refuse(table, options, message):
    with pytest.raises(SampleError, match=message):
        samples.starters(table, **options)


def test_event_window():
    rows = samples.starters(firms(firm("S", "00001111"), firm("N", "00000000")))
    near = samples.event_window(rows, before=2, after=1)
    assert near.loc[near["edinet_code"] == "S", "year"].tolist() == [2019, 2020, 2021, 2022]
    assert near.loc[near["edinet_code"] == "N", "year"].tolist() == list(range(2017, 2025))
    assert near.attrs["sample"].endswith("untrimmed, event times −2 to 1")


def nine(code: str, last: float, first: float = 100, **more) -> pd.DataFrame:
    """A firm seen from 2017 to 2025 whose home headcount goes from `first` to `last`."""
    return firm(code, "0" + "1" * 8, home=[first] * 8 + [last], **more)


def test_long_differences_by_eye():
    table = firms(
        nine("A", 200, group=[400] * 8 + [100]),
        firm("LATE", ".11111111"),
        firm("GONE", "1111", home=[100, 100, 100, 200]),
    )
    row = samples.long_differences(table).squeeze()
    assert row["edinet_code"] == "A"
    assert row["home"] == close(100 / 8 * math.log(2))
    assert row["group"] == close(-100 / 8 * math.log(4))
    assert (row["fdi"], row["home0"], row["ln_home0"]) == (0, 100, close(math.log(100)))  # FDI of the first year
    assert (row["home_share0"], row["home_share1"]) == (close(25), close(200))
    short = samples.long_differences(table, 2017, 2020).set_index("edinet_code")
    assert set(short.index) == {"A", "GONE"}
    assert short["home"].to_dict() == {"A": 0, "GONE": close(100 / 3 * math.log(2))}


@pytest.mark.parametrize("last", [900.0, 100 / 9], ids=["up", "down"])
def test_the_limit_of_long_differences_is_strict(last):
    table = firms(nine("CALM", 101), nine("LEAP", last))
    growth = abs(100 / 8 * (math.log(last) - math.log(100)))
    assert set(samples.long_differences(table, limit=growth)["edinet_code"]) == {"CALM"}
    assert set(samples.long_differences(table, limit=math.nextafter(growth, 99))["edinet_code"]) == {"CALM", "LEAP"}
    assert set(samples.long_differences(table)["edinet_code"]) == {"CALM"}  # 27 points a year, the usual limit is 25
    assert len(samples.long_differences(table, limit=None)) == 2


def test_largest_home_counts_its_own_edge_and_the_first_year():
    table = firms(nine("EDGE", 310, first=300), nine("OVER", 290, first=301))
    small = samples.long_differences(table, largest_home=300)
    assert small["edinet_code"].tolist() == ["EDGE"]
    assert small.attrs["sample"] == "J in 2017 and 2025, |home growth| < 25, at most 300 at home in 2017"
    with pytest.raises(SampleError, match="no rows"):
        samples.long_differences(table, largest_home=299)


def test_group_long_differences_keep_those_that_vanish():
    def filer(code, years, heads, fdi=1, ifrs=0):
        return pd.DataFrame(
            {"edinet_code": code, "year": years, "group_employees": heads, "fdi": fdi, "ifrs_ever": ifrs}
        )

    table = pd.concat([
        filer("STAYS", [2017, 2025], [100.0, 200]), filer("ENDS", [2017, 2019], [50.0, 60], fdi=0),
        filer("LATE", [2018, 2025], [10.0, 10]), filer("IFRS", [2017, 2025], [10.0, 10], ifrs=1),
        filer("ZERO", [2017, 2025], [0.0, 10]), filer("BLANK", [2017, 2025], [10.0, 10], fdi=np.nan),
    ])  # fmt: skip
    out = samples.group_long_differences(table).set_index("edinet_code")
    assert set(out.index) == {"STAYS", "ENDS"}
    assert out["survived"].to_dict() == {"STAYS": 1, "ENDS": 0}
    assert out["last_seen"].to_dict() == {"STAYS": 2025, "ENDS": 2019}
    assert out.loc["STAYS", "group"] == close(100 / 8 * math.log(2))
    assert pd.isna(out.loc["ENDS", "group"])


# ============================================================================================== samples: published
def facts(texts: dict[str, str] | None = None) -> pd.DataFrame:
    """`official_figures` with all ids that the bands need; one text for each unless given."""
    ids = [i for group in (samples.TURNOVER_FACTS, samples.EMPLOYEE_FACTS) for ids in group.values() for i in ids]
    words = {id_: "turnover 1-5 bn yen (n=10)" for id_ in ids} | (texts or {})
    return pd.DataFrame(
        {"fact_id": ids, "breakdown": [words[i] for i in ids], "number": 25.0, "source_rank": "publisher"}
    )


@pytest.mark.parametrize(("text", "bounds", "asked"), [
    ("turnover below 1 bn yen (n=17,106)", (0.1, 1), 17_106),
    ("micro (turnover <2 m euro)", (0.2, 2), None),
    ("turnover 10+ bn yen (n=556)", (10, 100), 556),
    ("turnover 1-5 bn yen (n=5,934)", (1, 5), 5_934),
    ("medium-sized (10-50 m euro)", (10, 50), None),
    ("turnover 0.5-1.5 bn yen", (1, 1.5), None),  # no band starts below one
])  # fmt: skip
def test_turnover_bands_read_their_bounds(text, bounds, asked):
    row = samples.turnover_bands(facts({"F0012": text})).set_index("fact_id").loc["F0012"]
    assert (row["lower"], row["upper"]) == close(bounds)
    assert row["size"] == close(math.sqrt(bounds[0] * bounds[1]))
    assert row["share"] == 0.25
    assert pd.isna(row["n"]) if asked is None else row["n"] == asked


def test_open_bands_close_where_they_are_told_to():
    table = facts({"F0012": "turnover below 1 bn yen", "F0010": "turnover 10+ bn yen"})
    rows = samples.turnover_bands(table, open_factor=3).set_index("fact_id")
    assert rows.loc["F0012", ["lower", "upper"]].tolist() == close([1 / 3, 1])
    assert rows.loc["F0010", ["lower", "upper"]].tolist() == close([10, 30])
    with pytest.raises(SampleError, match="'all firms'"):
        samples.turnover_bands(facts({"F0012": "all firms"}))


def test_employee_bands_read_their_bounds():
    table = facts({
        "F0320": "0-3 employees; 311 of 179,501 establishments", "F0316": "4-10 employees", "F0337": "micro",
        "F0338": "small", "F0336": "medium-sized",
    })  # fmt: skip
    claims = pd.DataFrame({"claim_id": ["C062", "C063", "C064"], "value": ["25 (one in four)", "12.5", "5"]})
    rows = samples.employee_bands(table, claims).set_index("fact_id")
    bounds = {id_: (row["lower"], row["upper"]) for id_, row in rows.iterrows()}
    assert bounds["F0320"] == (1, 3)  # no firm has no employee
    assert bounds["F0316"] == (4, 10)
    assert (bounds["F0337"], bounds["F0338"], bounds["F0336"]) == ((1, 9), (10, 49), (50, 249))
    assert rows.loc[["C062", "C063", "C064"], "share"].tolist() == close([0.25, 0.125, 0.05])
    assert bounds["C062"] == (401, 500)
    assert rows["size"].tolist() == close(np.sqrt(rows["lower"] * rows["upper"]).tolist())


def test_published_bands_are_in_order():
    """In the tables themselves: bands rise and don't overlap, shares are shares, sizes lie inside."""
    figures = load("official_figures")
    for bands in (samples.turnover_bands(figures), samples.employee_bands(figures, load("claims"))):
        assert (bands["lower"] < bands["size"]).all()
        assert (bands["size"] < bands["upper"]).all()
        assert bands["share"].between(0, 1, inclusive="neither").all()
        for _, rows in bands.groupby("series"):
            assert (rows["lower"].to_numpy()[1:] >= rows["upper"].to_numpy()[:-1]).all()


def test_home_and_abroad():
    def size(year, name, value, unit, sector="TOTAL", indicator="persons_employed"):
        return dict(year=year, sector=sector, size_class=name, indicator=indicator, value=value, statistical_unit=unit)

    def staff(year, partner, value, dataset="fats_out2_r2", nace="B-S_X_O", indicator="employees"):
        return dict(year=year, indicator=indicator, nace=nace, partner=partner, value=value, dataset=dataset)

    sizes = pd.DataFrame([
        size(2017, "large", 1e6, "legal unit"), size(2018, "large", 3e6, "enterprise"),
        size(2017, "total", 9e6, "legal unit"), size(2017, "small", 5e5, "legal unit", sector="C"),
        size(2017, "small", 7e6, "legal unit", sector="B"),
        size(2017, "large", 8e6, "legal unit", indicator="turnover"),
    ])  # fmt: skip
    late = "fats_out_activ"
    affiliates = pd.DataFrame([
        staff(2017, "WORLD", 4e6), staff(2017, "FR", 1e6), staff(2019, "EXT_EU27_2020", 2e6),
        staff(2017, "WORLD", 7e6, indicator="turnover"), staff(2021, "EXT_EU27_2020", 3e6, late),
        staff(2021, "INT_EU27_2020", 2e6, late), staff(2022, "EXT_EU27_2020", 3e6, late),
    ])  # fmt: skip
    out = samples.home_and_abroad(affiliates, sizes)
    found = {(r.panel, r.line, r.year): (r.value, r.segment) for r in out.itertuples() if pd.notna(r.value)}
    assert found == {
        ("All sectors", "large firms", 2017): (1.0, "legal unit"),
        ("All sectors", "large firms", 2018): (3.0, "enterprise"),  # the break stays visible
        ("Manufacturing", "small firms", 2017): (0.5, "legal unit"),
        ("All sectors", "abroad", 2017): (4.0, "affiliates"),
        ("All sectors", "abroad", 2021): (5.0, "affiliates"),  # the sum of its two parts; 2022 has one only
    }
    assert out["line"].tolist() == [*["large firms"] * 2, *["abroad"] * 3, "small firms"]


def test_industry_panel():
    def industry(code, level="industry", firms_=10.0, employees=200.0, abroad=30.0):
        return dict(industry_code=code, level=level, fiscal_year=2020, firms=firms_, employees=employees,
                    subsidiaries_overseas=abroad, subsidiaries_home=20.0)  # fmt: skip

    table = pd.DataFrame([
        industry("091"), industry("TTL", level="total"), industry("092", abroad=np.nan),
        industry("093", employees=np.nan),
        industry("094", firms_=0.0),
    ])  # fmt: skip
    row = samples.industry_panel(table).squeeze()
    assert row["industry_code"] == "091"
    assert row["ln_employees_per_firm"] == close(math.log(20))
    assert (row["overseas_per_firm"], row["home_per_firm"]) == (close(3), close(2))
    assert (row["ln_employees"], row["ln_firms"]) == (close(math.log(200)), close(math.log(10)))


# ============================================================================================== samples: policy
def test_investors_have_the_covariates_of_the_first_year():
    table = firms(
        nine("A", 120, total_assets_yen=[2e9] + [9e9] * 8, operating_income_yen=1e8, average_pay_yen=5e6),
        nine("BANK", 110, operating_income_yen=np.nan), nine("SHOP", 110, sector="Retail trade"),
    )  # fmt: skip
    out = samples.investors(table).set_index("edinet_code")
    assert set(out.index) == {"A", "SHOP"}
    assert out.loc["A", list(samples.COVARIATES)].tolist() == close(
        [math.log(100), math.log(2e9), 0.05, math.log(5e6), 40.0, 1])  # fmt: skip
    assert out.loc["SHOP", "manufacturing"] == 0
    assert out.attrs["sample"] == "J in 2017 and 2025, |home growth| < 25, complete accounts of 2017"
    more = samples.investors(table, without=("profitability",))
    assert set(more["edinet_code"]) == {"A", "SHOP", "BANK"}
    assert more.attrs["sample"].endswith("complete accounts of 2017 but for profitability")
    with pytest.raises(SampleError, match="no rows"):
        samples.investors(table[table["edinet_code"] == "BANK"])


def test_risk_set_by_eye():
    """A starter's rows end with its start, a never-investor's with the panel; the first year has no year before."""
    table = firms(
        firm("S", "00111", home=[10, 20, 30, 40, 50], average_age=[31.0, 32, 33, 34, 35]), firm("N", "0000"),
        firm("ALWAYS", "1111"), firm("COMES", "010000"), firm("GAP", "0.01"),
    )  # fmt: skip
    out = samples.risk_set(table).set_index("edinet_code")
    assert out.loc["S", ["year", "starts", "gap", "average_age"]].to_numpy().tolist() == [
        [2018, 0, 1, 31], [2019, 1, 1, 32]]  # fmt: skip
    assert out.loc["S", "ln_home"].tolist() == close([math.log(10), math.log(20)])
    assert out.loc["N", "year"].tolist() == [2018, 2019, 2020]
    assert out.loc["GAP", ["year", "starts", "gap"]].to_numpy().tolist() == [[2019, 0, 2], [2020, 1, 1]]
    assert set(out.index) == {"S", "N", "GAP"}


def test_risk_set_of_the_firms_themselves():
    """Each starter with complete accounts starts once and has no row afterwards; covariates are the year before's."""
    table = load("firm_panel")
    out = samples.risk_set(table)
    starters = samples.starters(table).drop_duplicates("edinet_code").set_index("edinet_code")["first_fdi"]
    own = out["edinet_code"].map(starters)
    assert own.notna().all()
    assert (out.loc[own > 0, "year"] <= own[own > 0]).all()
    assert (out["starts"] == (out["year"] == own)).all()
    assert out.groupby("edinet_code")["starts"].sum().max() == 1
    assert (out["gap"] >= 1).all()
    panel = samples.sample_j(table).set_index(["edinet_code", "year"])
    before = panel.loc[list(zip(out["edinet_code"], out["year"] - out["gap"], strict=True))]
    assert out["ln_home"].tolist() == close(before["ln_home"].tolist())
    assert out["ln_assets"].tolist() == close(np.log(before["total_assets_yen"]).tolist())
    assert out["average_age"].tolist() == before["average_age"].tolist()
    gain = (before["operating_income_yen"] / before["total_assets_yen"]).clip(-0.5, 0.5)
    assert out["profitability"].tolist() == close(gain.tolist())
    assert not out[["ln_home", "ln_assets", "profitability", "ln_pay", "average_age"]].isna().any(axis=None)


@pytest.mark.parametrize(("table", "message"), [
    pytest.param(firms(firm("N", "0000")), "no firm starts", id="no start"),
    pytest.param(firms(firm("A", "1111")), "no rows", id="investors only"),
    pytest.param(firms(*PAIR).assign(average_age=np.nan), "no rows", id="no accounts"),
])  # fmt: skip
def test_risk_set_refuses(table, message):
    with pytest.raises(SampleError, match=f"firm-years of J without FDI so far.*{message}"):
        samples.risk_set(table)


def test_first_years_of_firms():
    table = firms(
        *PAIR, firm("LATE", ".1111", home=[1, 30, 40, 50, 60], sector="Wholesale trade"), firm("COMES", "010000"))
    out = samples.first_years(table).set_index("edinet_code")
    assert out["year"].to_dict() == {"START": 2017, "NEVER": 2017, "LATE": 2018, "COMES": 2017}
    starts = out["starts"].to_dict()
    assert (starts["START"], starts["NEVER"]) == (1, 0)
    assert pd.isna(starts["LATE"])  # an investor from its first year on
    assert pd.isna(starts["COMES"])
    assert (out.loc["LATE", "home_employees"], out.loc["LATE", "ln_home0"]) == (30, close(math.log(30)))
    assert out["size_limit"].to_dict() == {"START": 300, "NEVER": 300, "LATE": 100, "COMES": 300}


def test_size_limits_of_the_basic_act():
    limits = {"Machinery": 300, "Construction": 300, "Wholesale trade": 100, "Services": 100, "Retail trade": 50}
    found = samples.size_limit(pd.Series([*limits, "Information and communication"]))
    assert found.iloc[:-1].tolist() == list(limits.values())
    assert pd.isna(found.iloc[-1])
    sectors = set(load("firm_panel")["sector"])
    named = {*samples.SIZE_LIMITS, samples.UNCLEAR_LIMIT, *samples.MANUFACTURING}
    assert named <= sectors  # a name that no firm bears would silently get 300
    assert len(samples.MANUFACTURING) == 16


def test_starter_covariates_are_those_of_the_first_year():
    table = firms(
        firm("S", "0011", home=[10, 20, 30, 40], average_age=[31.0, 32, 33, 34]), firm("N", "0000"),
        firm("BLANK", "0000", average_pay_yen=[np.nan, 1e6, 1e6, 1e6]),
    )  # fmt: skip
    out = samples.starter_covariates(samples.starters(table)).set_index("edinet_code")
    assert set(out.index) == {"S", "N"}  # the first year counts, not the first that is complete
    assert out.loc["S", "average_age"].tolist() == [31] * 4
    assert out.loc["S", "ln_home0"].tolist() == close([math.log(10)] * 4)
    assert out.loc["S", "y"].tolist() == close(np.log([10, 20, 30, 40]).tolist())
    assert out.attrs["sample"].endswith("untrimmed, complete accounts of the first year")
    with pytest.raises(SampleError, match="1 starters and 0 controls"):
        samples.starter_covariates(samples.starters(table[table["edinet_code"] != "N"]))


def test_management():
    table = pd.DataFrame({
        "country": ["Japan", "Japan", "Japan", "Japan", "Germany"], "mne_f": [0, 0, 0, 1, 0],
        "ownership": ["Family owned, external CEO", "Dispersed Shareholders", None, "Founder", "Founder"],
        "degree_managers_pct": [50.0, 100, np.nan, 1, 2], "degree_others_pct": [5.0, 10, 20, 1, 2],
    })  # fmt: skip
    out = samples.management(table, "Japan")
    assert out["family"].tolist()[:2] == [1, 0]
    assert out["owner_missing"].tolist() == [0, 0, 1]
    assert out["degrees"].fillna(-1).tolist() == [5, 10, -1]
    assert out["degrees_others"].tolist() == [0.5, 1, 2]
    assert out.attrs["sample"] == "World Management Survey, Japan, not foreign-owned"
    assert samples.management(table, "Germany")["family"].tolist() == [1]
    stated = samples.management(table, "Japan", ownership_known=True)
    assert stated["owner_missing"].tolist() == [0, 0]
    assert stated.attrs["sample"].endswith("owner stated")
    with pytest.raises(SampleError, match="'World Management Survey, Nippon, not foreign-owned' has no rows"):
        samples.management(table, "Nippon")


def test_family_ownership_is_missing_where_the_owner_is():
    out = samples.management(load("firm_management"), "Germany")
    assert out["owner_missing"].sum() > 100
    assert out["family"].isna().tolist() == (out["owner_missing"] == 1).tolist()


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


def test_programmes_are_dated_by_their_sources():
    """Every year is in the row it is said to come from, and it is the first one there."""
    facts_, claims = load("official_figures"), load("claims")
    out = samples.programmes(facts_, claims)
    dated = facts_.set_index("fact_id")["period"].to_dict() | claims.set_index("claim_id")["value"].to_dict()
    assert len(out) == len(samples.PROGRAMMES) >= 15
    assert out["year"].is_monotonic_increasing
    for row in out.itertuples():
        years = re.findall(r"(?:19|20)\d\d", str(dated[row.evidence]))
        assert str(row.year) == years[0], row.evidence
        assert (row.rank == "paper") == row.evidence.startswith("C")
        assert row.detail.strip()
    assert set(out["country"]) == {"Germany", "Japan"}
    with pytest.raises(samples.SampleError, match="F0375"):  # an id without a row stops the build
        samples.programmes(facts_[facts_["fact_id"] != "F0375"], claims)
    undated = facts_.assign(period=facts_["period"].where(facts_["fact_id"] != "F0375", "some day"))
    with pytest.raises(SampleError, match="'Foreign trade fair programme': no year in 'some day' of F0375"):
        samples.programmes(undated, claims)


def test_barrier_surveys_say_what_their_sources_say():
    facts_, claims = load("official_figures"), load("claims")
    out = samples.barrier_surveys(facts_, claims)
    printed = facts_.set_index("fact_id")["value"].to_dict() | claims.set_index("claim_id")["value"].to_dict()
    assert len(out) == len(samples.BARRIERS)
    assert out["said"].tolist() == [str(printed[id_]) for id_ in out["evidence"]]
    assert out["value"].between(0, 100, inclusive="neither").all()
    plain = out[~out["said"].str.contains("third")]
    assert all(re.search(rf"(?<![\d.]){value:g}", said) for value, said in
               zip(plain["value"], plain["said"], strict=True))  # fmt: skip
    assert (out["rank"] == "paper").tolist() == out["evidence"].str.startswith("C").tolist()
    silent = facts_.assign(value=facts_["value"].where(facts_["fact_id"] != "F0004", "many"))
    with pytest.raises(SampleError, match="'No suitable people': no number in 'many' of F0004"):
        samples.barrier_surveys(silent, claims)


def test_specification_panel():
    table = firms(
        firm("A", "01111", home=50, translation_adjustment_yen=[0.0, 999e3, 1e6, -5e6, 1e6],
             total_assets_yen=[1e9, 1e9, 1e9, 1e9, np.nan]),
        firm("OUT", "00", listed=0, translation_adjustment_yen=0.0),
        firm("IFRS", "00", ifrs_ever=1, translation_adjustment_yen=0.0),
        firm("PART", "00", group=[np.nan, 200.0], sector="Services", translation_adjustment_yen=0.0),
    )  # fmt: skip
    out = samples.specification_panel(table).set_index("edinet_code")
    assert out.loc["A", "fdi_material"].fillna(-1).tolist() == [0, 0, 1, 1, -1]  # at 0.1 % of assets; unknown without
    assert out.loc["A", "fdi"].tolist() == [0, 1, 1, 1, 1]
    assert out.loc["A", "ln_home"].tolist() == close([math.log(50)] * 5)
    assert out.loc["A", "ln_group"].tolist() == close([math.log(200)] * 5)
    assert set(out.index) == {"A", "OUT", "PART"}
    assert out.loc["PART", ["year", "manufacturing"]].tolist() == [2018, 0]
    assert (out.loc["A", "manufacturing"] == 1).all()
    with pytest.raises(SampleError, match="no rows"):
        samples.specification_panel(table.assign(fdi=np.nan))


# ============================================================================================== models
@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Twelve countries, nine years, missing cells, one country seen once; errors correlated within a country."""
    draw = np.random.default_rng(20260101)
    frame = pd.DataFrame([(f"C{i:02}", 2000 + t) for i in range(12) for t in range(9)], columns=["iso3", "year"])
    shared = draw.normal(size=12)[frame["iso3"].str[1:].astype(int)]
    frame["x"] = draw.normal(size=len(frame)) + 0.5 * shared
    frame["w"] = draw.normal(size=len(frame)) + 0.3 * frame["x"]
    frame["y"] = 0.7 * frame["x"] - frame["w"] + shared * draw.normal(size=len(frame)) + 0.1 * (frame["year"] - 2000)
    frame["group"] = (frame["x"] + shared > 0).astype(int)
    frame.loc[[3, 17, 40], "x"] = np.nan
    frame.loc[[5, 60], "y"] = np.nan
    frame = frame[(frame["iso3"] != "C11") | (frame["year"] == 2004)].sample(frac=1, random_state=7)
    frame.attrs["sample"] = "twelve countries"
    return frame


def two_way(frame: pd.DataFrame, formula: str = "y ~ x + w", **options) -> Estimate:
    return models.two_way_fe(frame, formula, "unit", ("iso3", "year"), "iso3", **options)


def complete(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    rows = frame[["y", "x", "w", "iso3", "year"]].dropna()
    return rows["y"].to_numpy(), sm.add_constant(rows[["x", "w"]].to_numpy()), rows


def interval(value: float, se: float, df: float) -> tuple[float, float]:
    reach = stats.t.ppf(0.975, df) * se
    return close(value - reach), close(value + reach)


def test_ols_with_hc1_errors(panel):
    y, x, rows = complete(panel)
    fit = sm.OLS(y, x).fit(cov_type="HC1", use_t=True)
    found = models.ols(panel, "y ~ x + w", "x", "points")
    assert (found.value, found.se, found.p) == (close(fit.params[1]), close(fit.bse[1]), close(fit.pvalues[1]))
    assert (found.ci_low, found.ci_high) == interval(found.value, found.se, len(rows) - 3)
    assert (found.n, found.groups, found.unit, found.sample) == (len(rows), None, "points", "twelve countries")
    bread, scores = np.linalg.inv(x.T @ x), x * fit.resid[:, None]  # and by hand
    by_hand = bread @ scores.T @ scores @ bread * len(y) / (len(y) - 3)
    assert found.se == close(math.sqrt(by_hand[1, 1]))


def test_ols_with_clustered_errors(panel):
    y, x, rows = complete(panel)
    fit = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["iso3"])[0]}, use_t=True)
    found = models.ols(panel, "y ~ x + w", "w", "points", cluster="iso3")
    assert (found.value, found.se) == (close(fit.params[2]), close(fit.bse[2]))
    assert (found.groups, found.n) == (rows["iso3"].nunique(), len(rows))
    assert (found.ci_low, found.ci_high) == interval(found.value, found.se, found.groups - 1)


def test_ols_with_newey_west_errors(panel):
    series = panel[panel["iso3"] == "C02"].sort_values("year").dropna()
    y, x = series["y"].to_numpy(), sm.add_constant(series[["x"]].to_numpy())
    bread = np.linalg.inv(x.T @ x)
    b = bread @ x.T @ y
    scores = x * (y - x @ b)[:, None]
    middle = scores.T @ scores
    for lag in (1, 2):
        cross = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / 3) * (cross + cross.T)
    found = models.ols(series, "y ~ x", "x", "points", lags=2)
    assert found.value == close(b[1])
    assert found.se == close(math.sqrt((bread @ middle @ bread)[1, 1] * len(y) / (len(y) - 2)))


def test_median_regression(panel):
    y, x, rows = complete(panel)
    for quantile in (0.5, 0.9):
        fit = sm.QuantReg(y, x).fit(q=quantile, vcov="robust", kernel="epa", bandwidth="hsheather")
        found = models.median_regression(panel, "y ~ x + w", "x", "points", quantile)
        assert (found.value, found.se) == pytest.approx((fit.params[1], fit.bse[1]), rel=1e-6)
        assert found.n == len(rows)


def test_median_regression_on_one_dummy_is_the_difference_in_medians():
    frame = pd.DataFrame({"y": [1.0, 2, 9, 4, 5, 30, 31], "d": [0, 0, 0, 1, 1, 1, 1]}).iloc[:6]
    assert models.median_regression(frame, "y ~ d", "d", "points").value == pytest.approx(5 - 2, abs=1e-4)


def test_difference_in_means(panel):
    found = models.difference_in_means(panel, "y", "group", "points")
    rows = panel[["y", "group"]].dropna()
    arms = [rows.loc[rows["group"] == arm, "y"] for arm in (1, 0)]
    test = stats.ttest_ind(*arms, equal_var=False)
    limits = test.confidence_interval(0.95)
    assert found.value == close(arms[0].mean() - arms[1].mean())
    assert (found.value / found.se, found.p) == (close(test.statistic), close(test.pvalue))
    assert (found.ci_low, found.ci_high, found.n) == (close(limits.low), close(limits.high), len(rows))


def test_two_way_fe_is_the_dummy_variable_regression(panel):
    """The coefficient of one OLS on all dummies. Its CR1 factor counts the absorbed dummies, the library's does not."""
    found = two_way(panel)
    _, _, rows = complete(panel)
    rows = rows[rows["iso3"] != "C11"]  # seen once
    fit = smf.ols("y ~ x + w + C(iso3) + C(year)", rows).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["iso3"])[0]}, use_t=True)  # fmt: skip
    n, groups, years = len(rows), 11, 9
    all_terms, counted = 2 + groups + years - 1, 2 + years - 1 + 1
    assert len(fit.params) == all_terms
    assert found.value == close(fit.params["x"])
    assert found.se == close(fit.bse["x"] * math.sqrt((n - all_terms) / (n - counted)))
    assert (found.n, found.groups, found.sample) == (n, groups, "twelve countries")
    assert (found.ci_low, found.ci_high) == interval(found.value, found.se, groups - 1)
    assert any("1 singleton" in note for note in found.notes)
    assert two_way(panel, term="w").value == close(fit.params["w"])


def test_two_way_fe_with_weights(panel):
    """Weighted least squares on all dummies; whole weights give the value of repeated rows."""
    weighted = panel.assign(heads=1 + np.arange(len(panel)) % 4)
    found = two_way(weighted, weights="heads")
    rows = weighted[["y", "x", "w", "iso3", "year", "heads"]].dropna()
    rows = rows[rows["iso3"] != "C11"]
    fit = smf.wls("y ~ x + w + C(iso3) + C(year)", rows, weights=rows["heads"]).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["iso3"])[0]}, use_t=True)  # fmt: skip
    n, absorbed = len(rows), 10
    assert found.value == close(fit.params["x"])
    assert found.se == close(fit.bse["x"] * math.sqrt((n - len(fit.params)) / (n - len(fit.params) + absorbed)))
    assert (found.n, found.method.endswith("weighted")) == (n, True)
    assert found.value == close(two_way(rows.loc[rows.index.repeat(rows["heads"])]).value)
    assert abs(found.value - two_way(panel).value) > 1e-3
    with pytest.raises(ModelError, match="no column 'z'"):
        two_way(weighted, weights="z")


def test_two_way_fe_clusters_on_either_effect(panel):
    by_year = models.two_way_fe(panel, "y ~ x + w", "unit", ("iso3", "year"), "year")
    assert by_year.value == close(two_way(panel).value)
    assert (by_year.groups, by_year.se) != (two_way(panel).groups, two_way(panel).se)
    assert by_year.groups == 9


@pytest.mark.parametrize("effect", ["iso3", "year"])
def test_two_way_fe_ignores_what_is_constant_in_an_effect(panel, effect):
    levels = sorted(panel[effect].unique())
    shift = panel[effect].map({level: 3.0 * place**2 - 5 for place, level in enumerate(levels)})
    before, after = two_way(panel), two_way(panel.assign(y=panel["y"] + shift))
    assert (after.value, after.se) == (close(before.value), close(before.se))


def test_two_way_fe_ignores_the_order_of_rows(panel):
    before, after = two_way(panel), two_way(panel.sample(frac=1, random_state=3).reset_index(drop=True))
    assert (after.value, after.se, after.n) == (close(before.value), close(before.se), before.n)


@pytest.mark.parametrize("k", [0.01, -3.0, 1000.0])
def test_two_way_fe_scales_with_its_regressor(panel, k):
    before, after = two_way(panel), two_way(panel.assign(x=k * panel["x"]))
    assert (after.value * k, after.se * abs(k)) == (close(before.value), close(before.se))
    assert after.p == close(before.p)


def test_leave_one_out(panel):
    rows = models.leave_one_out(panel, "y ~ x", "unit", ("iso3", "year"), "iso3").set_index("left_out")
    assert sorted(rows.index) == sorted(panel["iso3"].unique())
    alone = two_way(panel[panel["iso3"] != "C04"], "y ~ x")
    assert rows.loc["C04", ["value", "se", "n"]].tolist() == close([alone.value, alone.se, alone.n])


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """Yes or no by a size, a 0/1 column and groups of rows that lean the same way."""
    draw, n = np.random.default_rng(9), 300
    frame = pd.DataFrame({"size": draw.normal(size=n), "member": draw.integers(0, 2, n), "house": np.arange(n) // 10})
    shared = draw.normal(size=30)[frame["house"]]
    frame["yes"] = (0.8 * frame["size"] - frame["member"] + shared + draw.logistic(size=n) > 0).astype(int)
    frame.loc[[2, 5], "size"] = np.nan
    frame.attrs["sample"] = "three hundred answers"
    return frame


def by_difference(rows: pd.DataFrame, b: np.ndarray) -> np.ndarray:
    """Average effects at coefficients `b`: a numerical derivative by size, and the change from 0 to 1 of member."""
    def share(size, member):
        return (1 / (1 + np.exp(-(b[0] + b[1] * size + b[2] * member)))).mean()

    size, member, step = rows["size"], rows["member"], 1e-5
    return np.array([(share(size + step, member) - share(size - step, member)) / (2 * step),
                     share(size, 1) - share(size, 0)])  # fmt: skip


@pytest.mark.parametrize("cluster", [None, "house"])
def test_logit_margins_are_mean_derivatives(answers, cluster):
    """Value and delta-method error from numerical derivatives and a sandwich by hand."""
    found = models.logit_margins(answers, "yes ~ size + member", ["size", "member"], "share", cluster)
    rows = answers.dropna()
    x = sm.add_constant(rows[["size", "member"]]).to_numpy()
    b = sm.Logit(rows["yes"].to_numpy(), x).fit(disp=0, tol=1e-12).params
    p = 1 / (1 + np.exp(-x @ b))
    scores, bread = x * (rows["yes"].to_numpy() - p)[:, None], np.linalg.inv(x.T @ (x * (p * (1 - p))[:, None]))
    n, k, groups, factor = len(rows), 3, None, 1.0
    if cluster:
        scores, groups = pd.DataFrame(scores).groupby(rows["house"].to_numpy()).sum().to_numpy(), 30
        factor = groups / (groups - 1) * (n - 1) / (n - k)
    variance = factor * bread @ scores.T @ scores @ bread
    slope = np.array([(by_difference(rows, b + e) - by_difference(rows, b - e)) / 2e-5 for e in 1e-5 * np.eye(3)]).T
    errors = np.sqrt(np.diag(slope @ variance @ slope.T))
    assert [found[t].value for t in ("size", "member")] == pytest.approx(by_difference(rows, b).tolist(), rel=1e-6)
    assert [found[t].se for t in ("size", "member")] == pytest.approx(errors.tolist(), rel=1e-4)
    for term, estimate in found.items():
        assert (estimate.n, estimate.groups, estimate.term, estimate.unit) == (n, groups, term, "share")
        ends = (estimate.value - 1.96 * estimate.se, estimate.value + 1.96 * estimate.se)
        assert (estimate.ci_low, estimate.ci_high) == pytest.approx(ends, rel=1e-3)
        assert estimate.sample == "three hundred answers"


@pytest.mark.parametrize(("change", "formula", "terms", "message"), [
    pytest.param(lambda f: f.iloc[:0], "yes ~ size", ["size"], "the sample is empty", id="empty"),
    pytest.param(lambda f: f.assign(size=np.nan), "yes ~ size", ["size"], "no row is complete", id="incomplete"),
    pytest.param(lambda f: f.assign(yes=1), "yes ~ size", ["size"], "one value only", id="one answer"),
    pytest.param(lambda f: f.assign(copy=2 * f["size"]), "yes ~ size + copy", ["size"], "collinear", id="collinear"),
    pytest.param(lambda f: f.assign(yes=(f["size"] > 0) * 1), "yes ~ size", ["size"], "separates perfectly|[Pp]erfect",
                 id="separated"),
    pytest.param(lambda f: f, "yes ~ size", ["member"], "no term 'member'; terms are", id="unknown term"),
    pytest.param(lambda f: f, "yes ~ age", ["age"], "'age'", id="no column"),
])  # fmt: skip
def test_logit_margins_refuse(answers, change, formula, terms, message):
    frame = change(answers)
    frame.attrs["sample"] = "three hundred answers"
    with pytest.raises(ModelError, match=f"logit on 'three hundred answers': .*({message})"):
        models.logit_margins(frame, formula, terms, "share")
    with pytest.raises(ModelError, match="no column 'street'"):
        models.logit_margins(answers, "yes ~ size", ["size"], "share", cluster="street")


def test_local_projections():
    """Horizon 0 is the plain regression on growth; others read their own column, below zero the placebo."""
    draw = np.random.default_rng(5)
    years = list(range(2000, 2012))
    names = ("fdi_out_pct_gdp", "fdi_in_pct_gdp", "gdp_growth_pct")
    table = pd.concat([
        country(f"C{i}", years, employment_pwt_millions=np.exp(0.1 * draw.normal(size=12).cumsum()),
                **{name: draw.normal(size=12) for name in names})
        for i in range(8)
    ])  # fmt: skip
    changes = samples.country_changes(table)
    controls = ["fdi_in_lag", "gdp_growth_lag"]
    path = models.local_projections(changes, controls, horizons=(-2, 0, 3)).set_index("horizon")
    for horizon, outcome in {-2: "cumulative_m2", 0: "growth", 3: "cumulative_3"}.items():
        plain = two_way(changes, f"{outcome} ~ fdi_lag + fdi_in_lag + gdp_growth_lag")
        assert path.loc[horizon, ["value", "se", "ci_low", "ci_high"]].tolist() == close(
            [plain.value, plain.se, plain.ci_low, plain.ci_high])  # fmt: skip
        assert path.loc[horizon, "estimate"].n == path.loc[horizon, "n"] == plain.n
    assert path["n"].to_dict() == {-2: 80, 0: 88, 3: 64}


# ---------------------------------------------------------------------------------------------- shares of firms
BANDS = pd.DataFrame({"share": [0.1, 0.5, 0.2, 0.7], "n": [50, 20, 30, 10], "size": [0.0, 1.0, 2.0, 3.0]})


@pytest.mark.parametrize("shares", [[0.1, 0.5, 0.2, 0.7], [0.1, 0.2, 0.3, 0.5]], ids=["scattered", "on a line"])
def test_binomial_gradient_is_the_logit_of_the_single_firms(shares):
    """The coefficient of a logit on one row per firm; its error times the root of the Pearson scale, at least 1."""
    bands = BANDS.assign(share=shares)
    yes = (bands["share"] * bands["n"]).round().astype(int)
    single = [(size, answer) for size, n, k in zip(bands["size"], bands["n"], yes, strict=True)
              for answer in [1] * k + [0] * (n - k)]  # fmt: skip
    single = pd.DataFrame(single, columns=["size", "exports"])
    fit = smf.logit("exports ~ size", single).fit(disp=0, tol=1e-12)
    fitted = fit.predict(bands).to_numpy()
    pearson = (bands["n"] * (bands["share"] - fitted) ** 2 / (fitted * (1 - fitted))).sum() / 2
    found = models.binomial_gradient(bands, "share ~ size", "size", "log odds", trials="n")
    assert found.value == pytest.approx(fit.params["size"], rel=1e-7)
    assert found.se == pytest.approx(fit.bse["size"] * math.sqrt(max(1, pearson)), rel=1e-4)  # of an iteration
    assert (pearson > 1) == (shares[1] == 0.5)
    assert (found.n, found.notes) == (4, (f"Pearson scale {max(1, pearson):.2g}",))


def test_binomial_gradient_without_trials_lets_the_scale_fall_below_one():
    bands = BANDS.assign(share=[0.1, 0.2, 0.3, 0.5])
    free = models.binomial_gradient(bands, "share ~ size", "size", "log odds")
    fit = smf.glm("share ~ size", bands, family=sm.families.Binomial()).fit(scale="X2")
    assert (free.value, free.se) == pytest.approx((fit.params["size"], fit.bse["size"]), rel=1e-6)
    assert fit.scale < 1


def test_binomial_curve_is_the_fitted_gradient():
    grid = pd.DataFrame({"size": [0.0, 1.5, 3.0]})
    curve = models.binomial_curve(BANDS, "share ~ size", grid, trials="n")
    odds = np.log(curve["share"] / (1 - curve["share"]))
    slope = models.binomial_gradient(BANDS, "share ~ size", "size", "log odds", trials="n").value
    assert np.diff(odds).tolist() == close([1.5 * slope, 1.5 * slope])
    assert ((curve["low"] > 0) & (curve["low"] < curve["share"])).all()
    assert ((curve["share"] < curve["high"]) & (curve["high"] < 1)).all()


@pytest.mark.parametrize(("bands", "message"), [
    pytest.param(BANDS.assign(share=100 * BANDS["share"]), "within 0–1", id="percent instead of shares"),
    pytest.param(BANDS.assign(share=[-0.1, 0.2, 0.3, 0.4]), "within 0–1", id="negative share"),
    pytest.param(BANDS.assign(share=[np.nan, 0.2, 0.3, 0.4]), "within 0–1", id="missing share"),
    pytest.param(BANDS.assign(n=[0, 20, 30, 10]), "positive trials", id="nobody asked"),
    pytest.param(BANDS.assign(n=[np.nan, 20, 30, 10]), "positive trials", id="trials missing"),
    pytest.param(BANDS.drop(columns="n"), "no column 'n'", id="no trials column"),
    pytest.param(BANDS.iloc[:2], "2 bands for 2 terms", id="as many terms as bands"),
    pytest.param(BANDS.iloc[:0], "empty", id="empty"),
])  # fmt: skip
def test_binomial_gradient_refuses(bands, message):
    with pytest.raises(ModelError, match=message):
        models.binomial_gradient(bands, "share ~ size", "size", "log odds", trials="n")


def test_binomial_gradient_counts_the_bands_it_uses():
    bands = pd.concat([BANDS, BANDS.assign(size=np.nan).iloc[:1]], ignore_index=True)
    assert models.binomial_gradient(bands, "share ~ size", "size", "log odds", trials="n").n == 4


# ---------------------------------------------------------------------------------------------- event studies
def staggered(never: int = 5, noise: float = 0.0, seed: int = 1, cohorts: dict[int, int] | None = None) -> pd.DataFrame:
    """Firms with own level and common trend; a start adds 0.1 in its year and 0.1 more in each that follows."""
    draw = np.random.default_rng(seed)
    starts = [0] * never + [first for first, count in (cohorts or {2019: 2, 2021: 3}).items() for _ in range(count)]
    frame = pd.DataFrame([(f"E{i:03}", year, first, i) for i, first in enumerate(starts) for year in range(2017, 2025)],
                         columns=["edinet_code", "year", "first_fdi", "level"])  # fmt: skip
    since = (frame["year"] - frame["first_fdi"]).where(frame["first_fdi"] > 0, -1)
    effect = (0.1 * (since + 1)).clip(lower=0)
    frame["y"] = frame["level"] + 0.05 * (frame["year"] - 2017) ** 2 + effect + noise * draw.normal(size=len(frame))
    return frame


def test_event_study_recovers_a_known_effect_exactly():
    study = models.event_study(staggered())
    path = study.path.set_index("event_time")
    assert path.index.tolist() == list(range(-4, 6))
    assert path["value"].tolist() == pytest.approx([0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], abs=1e-12)
    assert path.index[path["reference"]].tolist() == [-1]
    assert path["starters"].drop(-1).tolist() == [3, 3, 5, 5, 5, 5, 5, 2, 2]
    assert study.overall.value == close((2 * (0.1 + 0.2 + 0.3 + 0.4 + 0.5 + 0.6) + 3 * (0.1 + 0.2 + 0.3 + 0.4)) / 24)
    assert (study.overall.n, study.overall.groups) == (80, 10)


def test_event_study_uses_firms_seen_in_both_years_of_a_cell():
    frame = staggered()
    last = frame["edinet_code"].max()  # one of the three starters of 2021, twice as much affected
    frame.loc[(frame["edinet_code"] == last) & (frame["year"] >= 2021), "y"] += 1
    whole = models.event_study(frame).path.set_index("event_time")
    assert whole.loc[0, "value"] == close((5 * 0.1 + 1) / 5)
    gone = frame[(frame["edinet_code"] != last) | (frame["year"] != 2020)]  # its base year
    path = models.event_study(gone).path.set_index("event_time")
    assert (path.loc[0, "value"], path.loc[0, "starters"]) == (close(0.1), 4)


def test_event_study_compares_with_never_investors_only():
    """A leap of the later starters before their start, in 2019, moves their own path, not that of the starters then."""
    frame = staggered()
    frame.loc[(frame["first_fdi"] == 2021) & (frame["year"] == 2019), "y"] += 1
    path = models.event_study(frame).path.set_index("event_time")
    assert path.loc[0, "value"] == close(0.1)
    assert path.loc[-2, "value"] == close(3 * 1 / 5)


def test_event_study_with_a_covariate_compares_like_with_like():
    """Firms of one kind grow faster and start more often: within kinds the effect is exact, over all it is not."""
    frame = staggered(never=20, cohorts={2020: 8})
    number = frame["edinet_code"].str[1:].astype(int)
    frame["kind"] = ((number < 5) | (number >= 22)).astype(float)  # 5 of 20 never-investors, 6 of 8 starters
    frame["y"] += 0.2 * frame["kind"] * (frame["year"] - 2017)
    plain, given = models.event_study(frame), models.event_study(frame, covariates=["kind"])
    wanted = [0.1 * max(0, t + 1) for t in range(-3, 5)]
    assert given.path["value"].tolist() == pytest.approx(wanted, abs=1e-9)
    share = 6 / 8 - 5 / 20
    assert plain.path.set_index("event_time").loc[0, "value"] == pytest.approx(0.1 + 0.2 * share)
    assert "doubly robust" in given.overall.method
    assert "doubly robust" not in plain.overall.method
    with pytest.raises(ModelError, match="no column 'size'"):
        models.event_study(frame, covariates=["size"])


def test_event_study_refuses_a_sample_without_starters_or_controls():
    frame = staggered()
    for part in (frame[frame["first_fdi"] > 0], frame[frame["first_fdi"] == 0]):
        with pytest.raises(ModelError, match="starters or never-treated firms are missing"):
            models.event_study(part)
    with pytest.raises(ModelError, match="no column 'headcount'"):
        models.event_study(frame, outcome="headcount")
    with pytest.raises(ModelError, match="empty"):
        models.event_study(frame.iloc[:0])


@pytest.fixture(scope="module")
def noisy_study() -> models.EventStudy:
    return models.event_study(staggered(never=14, noise=0.05, cohorts={2019: 8, 2021: 9}))


@pytest.mark.parametrize("target", ["average", "impact"])
def test_honest_bounds(noisy_study, target):
    """M = 0 is the usual interval; the set then grows by M times the largest change before the start."""
    path = noisy_study.path.set_index("event_time")
    after = path.loc[path.index >= 0, "value"]
    limits = (0, 0.25, 0.5, 1, 2)
    bounds = models.honest_bounds(noisy_study, limits, target).set_index("M")
    first = bounds.loc[0]
    assert first["value"] == close(after.mean() if target == "average" else after[0])
    assert first["bound_low"] == first["bound_high"] == close(first["value"])
    z = stats.norm.ppf(0.975)
    usual = (first["value"] - z * first["se"], first["value"] + z * first["se"])
    assert (first["ci_low"], first["ci_high"]) == pytest.approx(usual)
    if target == "impact":
        assert usual == pytest.approx((path.loc[0, "ci_low"], path.loc[0, "ci_high"]))
    assert (np.diff(bounds["ci_low"]) < 0).all()
    assert (np.diff(bounds["ci_high"]) > 0).all()
    assert ((bounds["ci_low"] < bounds["bound_low"]) & (bounds["bound_high"] < bounds["ci_high"])).all()
    largest = path.loc[path.index < 0, "value"].diff().abs().max()
    years = np.arange(1, len(after) + 1).mean() if target == "average" else 1
    reach = [m * largest * years for m in limits]
    assert (bounds["bound_high"] - bounds["value"]).tolist() == pytest.approx(reach, abs=1e-9)
    assert (bounds["value"] - bounds["bound_low"]).tolist() == pytest.approx(reach, abs=1e-9)


def test_honest_bounds_refuse_an_unknown_target(noisy_study):
    with pytest.raises(ModelError, match=r"'last'.*'average' or 'impact'"):
        models.honest_bounds(noisy_study, target="last")


# ---------------------------------------------------------------------------------------------- estimates
def estimate(value: float = 1.5, se: float = 0.5, **more) -> Estimate:
    base = dict(ci_low=value - 2 * se, ci_high=value + 2 * se, n=1234, unit="points", sample="made up", method="none",
                software="none 1.0")  # fmt: skip
    return Estimate(value=value, se=se, **(base | more))


def test_scaled():
    scaled = estimate(groups=7, p=0.01).scaled(-10, "tenths")
    assert (scaled.value, scaled.se, scaled.ci_low, scaled.ci_high) == (-15, 5, -25, -5)
    assert (scaled.unit, scaled.n, scaled.groups, scaled.p) == ("tenths", 1234, 7, 0.01)
    assert estimate().scaled(2, "halves").ci_low == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_estimate_is_a_finite_number(value):
    with pytest.raises(ModelError, match=r"'made up'.*not a finite number"):
        estimate(value)


def test_estimates_say_what_they_are():
    words = str(estimate(groups=1200))
    assert "1.5 points (standard error 0.5; 95 % interval 0.5 to 2.5)" in words
    assert "n = 1,234, 1,200 groups" in words
    assert words.endswith("sample: made up")
    assert models.ratio(estimate(3), estimate(1.5)) == 2


# ---------------------------------------------------------------------------------------------- refusals
def refusing(frame: pd.DataFrame) -> dict[str, tuple]:
    """Calls that must end in ModelError, and what the message must say."""
    none = frame.iloc[:0]
    one_arm, lone = frame.assign(group=1), frame.drop_duplicates("iso3").query("group == 1").iloc[:1]
    doubled = frame.assign(x2=2 * frame["x"])
    codes = frame["iso3"].str[1:].astype(float)
    ols, median = models.ols, models.median_regression
    means, binomial = models.difference_in_means, models.binomial_gradient
    return {
        "ols, empty": (lambda: ols(none, "y ~ x", "x", "u"), "the sample is empty"),
        "ols, unknown term": (lambda: ols(frame, "y ~ x", "z", "u"), "no term 'z'.*'x'"),
        "ols, unknown cluster": (lambda: ols(frame, "y ~ x", "x", "u", cluster="z"), "no column 'z'"),
        "ols, collinear": (lambda: ols(doubled, "y ~ x + x2", "x", "u"), "collinear"),
        "median, empty": (lambda: median(none, "y ~ x", "x", "u"), "the sample is empty"),
        "median, unknown term": (lambda: median(frame, "y ~ x", "z", "u"), "no term 'z'"),
        "means, empty": (lambda: means(none, "y", "group", "u"), "the sample is empty"),
        "means, no column": (lambda: means(frame, "y", "z", "u"), "no column 'z'"),
        "means, no controls": (lambda: means(one_arm, "y", "group", "u"), r"arms of \d+ and 0 rows"),
        "means, one row": (lambda: means(lone, "y", "group", "u"), "arms of 1 and 0 rows"),
        "binomial, unknown term": (lambda: binomial(BANDS, "share ~ size", "z", "u", "n"), "no term 'z'"),
        "two-way, empty": (lambda: two_way(none), "the sample is empty"),
        "two-way, nothing complete": (lambda: two_way(frame.assign(w=np.nan)), "no row is complete"),
        "two-way, no regressor": (lambda: two_way(frame, "y ~ z"), "no column 'z'"),
        "two-way, no outcome": (lambda: two_way(frame, "z ~ x"), "no column 'z'"),
        "two-way, no effect": (lambda: two_way(frame.drop(columns="year")), "no column 'year'"),
        "two-way, collinear": (lambda: two_way(doubled, "y ~ x + x2", term="x2"), "'x2' is collinear"),
        "two-way, constant in country": (lambda: two_way(frame.assign(x=codes)), "collinear"),
        "two-way, cluster": (lambda: models.two_way_fe(frame, "y ~ x", "u", ("iso3", "year"), "w"), "not one of"),
    }  # fmt: skip


@pytest.mark.parametrize("case", refusing(pd.DataFrame({"iso3": ["C1"], "x": [1.0], "group": [1]})))
def test_models_refuse(panel, case):
    call, message = refusing(panel)[case]
    with pytest.raises(ModelError, match=message):
        call()


def test_two_way_fe_refuses_a_regressor_that_is_constant_in_a_year(panel):
    with pytest.raises(ModelError, match="collinear"):
        two_way(panel.assign(oil=(panel["year"] - 2003.0) ** 2), "y ~ oil")


def test_two_way_fe_names_an_unknown_term(panel):
    with pytest.raises(ModelError, match="no term 'z'"):
        two_way(panel, term="z")


def test_two_way_fe_refuses_a_sample_of_singletons(panel):
    with pytest.raises(ModelError):
        two_way(panel.dropna().drop_duplicates("iso3"))


@pytest.mark.parametrize("fit", ["ols", "median", "binomial"])
def test_a_formula_with_a_missing_column_is_refused(panel, fit):
    call = {
        "ols": lambda: models.ols(panel, "y ~ z", "z", "u"),
        "median": lambda: models.median_regression(panel, "y ~ z", "z", "u"),
        "binomial": lambda: models.binomial_gradient(BANDS, "share ~ z", "z", "u", "n"),
    }[fit]
    with pytest.raises(ModelError, match="'z'"):
        call()


def test_ols_refuses_a_sample_without_a_complete_row(panel):
    with pytest.raises(ModelError):
        models.ols(panel.assign(x=np.nan), "y ~ x", "x", "u")


def test_ols_does_not_cluster_on_missing_labels(panel):
    known = panel[panel["iso3"] != "C03"]
    blank = panel.assign(iso3=panel["iso3"].where(panel["iso3"] != "C03"))
    found, wanted = (models.ols(f, "y ~ x", "x", "u", cluster="iso3") for f in (blank, known))
    assert (found.n, found.groups, found.se) == (wanted.n, wanted.groups, close(wanted.se))


@pytest.mark.parametrize("fit", ["median", "binomial"])
def test_collinear_terms_are_refused(panel, fit):
    bands = pd.concat([BANDS, BANDS]).assign(size2=lambda d: 2 * d["size"])
    call = {
        "median": lambda: models.median_regression(panel.assign(x2=2 * panel["x"]), "y ~ x + x2", "x", "u"),
        "binomial": lambda: models.binomial_gradient(bands, "share ~ size + size2", "size", "u", "n"),
    }[fit]
    with pytest.raises(ModelError, match="collinear"):
        call()


# ============================================================================================== results
@pytest.fixture
def records(monkeypatch) -> dict[str, dict]:
    monkeypatch.setattr(results, "_records", {})
    return results._records


def test_report_keeps_an_estimate_whole(records):
    value = estimate(groups=31, notes=("a note",))
    results.report("country/made_up/pwt", value, ".3f", exhibit="tab-country")
    record = results.recorded()["country/made_up/pwt"]
    assert record == {
        "value": 1.5, "se": 0.5, "ci_low": 0.5, "ci_high": 2.5, "n": 1234, "groups": 31, "unit": "points",
        "sample": "made up", "method": "none", "software": "none 1.0", "notes": ["a note"],
        "id": "country/made_up/pwt", "text": "1.500", "exhibit": "tab-country",
    }  # fmt: skip


def test_report_of_a_plain_number(records):
    results.report("firm/count", 1417, ",d", unit="firms", n=1417, sample="J")
    record = records["firm/count"]
    assert (record["text"], record["value"], record["n"], record["sample"]) == ("1,417", 1417.0, 1417, "J")
    assert record["se"] is None
    assert record["method"] == "computed"


@pytest.mark.parametrize("id_", ["firm/x", "firm/long_diff/home", "a/b.c/d-e", "firm/starters_honest/average_m50_low"])
def test_good_ids(records, id_):
    results.report(id_, 1.0, unit="u")
    assert list(records) == [id_]


@pytest.mark.parametrize(
    "id_", ["firm", "", "/firm", "firm/", "firm//x", "firm/x y", "firm/é", "-a/b", "a.b/c", "a/b\n"]
)
def test_bad_ids(records, id_):
    with pytest.raises(ResultError, match="result id"):
        results.report(id_, 1.0, unit="u")
    assert not records


@pytest.mark.parametrize(("value", "options", "message"), [
    pytest.param(1.0, {"unit": None}, "needs a unit", id="no unit"),
    pytest.param(math.nan, {}, "not a finite number", id="NaN"),
    pytest.param(np.float64("-inf"), {}, "not a finite number", id="infinite"),
    pytest.param(1.0, {"fmt": ".2q"}, "format '.2q' does not fit", id="unknown format"),
    pytest.param(estimate(), {"fmt": "d"}, "format 'd' does not fit", id="integer format for an estimate"),
])  # fmt: skip
def test_report_refuses(records, value, options, message):
    with pytest.raises(ResultError, match=message):
        results.report("firm/x", value, **({"unit": "u"} | options))
    assert not records


def test_an_id_stands_for_one_number(records):
    results.report("firm/x", 1.25, unit="u")
    results.report("firm/x", 1.25, ".1f", unit="u")  # the same number again is no fault
    with pytest.raises(ResultError, match=r"reported before as 1\.2"):
        results.report("firm/x", 1.26, unit="u")
    assert records["firm/x"]["value"] == 1.25


@pytest.mark.parametrize(("value", "fmt", "text"), [
    (-1.234, ".2f", "−1.23"), (1.234, "+.2f", "+1.23"), (-1234.6, ",.0f", "−1,235"), (-7, "d", "−7"),
    (-0.001, ".2f", "0.00"), (-0.4, ".0f", "0"), (-0.0, ".1f", "0.0"), (-0.001, "+.2f", "0.00"),
    (-0.01, ".2f", "−0.01"), (0.00001, ".0e", "1e−05"),
])  # fmt: skip
def test_text_has_a_true_minus_and_no_minus_zero(records, value, fmt, text):
    results.report("firm/x", value, fmt, unit="u")
    assert records["firm/x"]["text"] == text


@pytest.mark.parametrize(("value", "fmt", "text"), [(-0.0004, ".1%", "0.0%"), (-0.0, ".1e", "0.0e+00")])
def test_no_minus_zero_in_percent_and_scientific_formats(records, value, fmt, text):
    results.report("firm/x", value, fmt, unit="u")
    assert records["firm/x"]["text"] == text


def test_an_integer_format_refuses_a_fraction(records):
    with pytest.raises(ResultError):
        results.report("firm/x", 2.7, "d", unit="u")


@pytest.mark.parametrize("value", [None, pd.NA, "two"])
def test_what_is_not_a_number_is_refused(records, value):
    with pytest.raises(ResultError):
        results.report("firm/x", value, unit="u")


def test_infinite_errors_are_stored_as_missing(records):
    results.report("firm/x", estimate(se=math.nan, ci_low=-math.inf, ci_high=math.nan))
    record = records["firm/x"]
    assert (record["se"], record["ci_low"], record["ci_high"]) == (None, None, None)
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_read(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"firm/x": {"value": 1}, "firm/y": {"value": 2}, "country/z": {"value": 3}}), "utf-8")
    assert results.read(path, "firm/y") == {"value": 2}
    assert len(results.read(path)) == 3
    with pytest.raises(ResultError, match=r"'firm/q'; known are firm/x, firm/y$"):
        results.read(path, "firm/q")
    with pytest.raises(ResultError, match=r"'none/q'; known are firm/x, firm/y, country/z$"):
        results.read(path, "none/q")


# ============================================================================================== exhibits
DATA = pd.DataFrame({"year": [2000, 2001], "jobs": [1.0, 2.5]})
CAPTION = "Jobs rise from one million to two and a half million in one year."
ALT = 'A line with two points that rises from one in 2000 to two and a half in 2001, with "quotes" & <signs>.'


@pytest.fixture
def themed():
    with mpl.rc_context():
        theme.use()
        yield
    plt.close("all")


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    """What would have gone to the notebook."""
    caught: list[dict] = []
    monkeypatch.setattr(exhibits, "_show", caught.append)
    return caught


def draw(label: str = "0.1234"):
    """A figure with everything that the chapters use: line, markers, band, zero line, legend, texts, two panels."""
    fig, axes = plt.subplots(1, 2)
    for ax, (name, colour) in zip(axes, list(theme.COLOURS.items())[:2], strict=True):
        ax.plot(DATA["year"], DATA["jobs"], "o-", color=colour, label=name)
        theme.band(ax, DATA["year"], DATA["jobs"] - 1, DATA["jobs"] + 1, theme.COLOURS["accent"])
        theme.zero_line(ax)
        theme.direct_label(ax, 2001, 2.5, name, colour)
        ax.annotate(label, (2000, 1), color=theme.MUTED)
        ax.legend()
    return fig


def test_figure_carries_all_its_parts(themed, shown):
    fig = draw()
    exhibits.figure("fig-jobs", fig, caption=CAPTION, alt=ALT, data=DATA, tables=["country_panel"], note="A note.")
    (exhibit,) = shown
    assert (exhibit["label"], exhibit["kind"], exhibit["caption"], exhibit["alt"]) == (
        "fig-jobs",
        "figure",
        CAPTION,
        ALT,
    )
    assert exhibit["csv"] == "year,jobs\n2000,1\n2001,2.5\n"
    assert re.match(r"Source: .*table country_panel, vintage .*\. A note\.$", exhibit["source"])
    assert exhibit["svg"].startswith("<svg ")
    assert not plt.fignum_exists(fig.number)


@pytest.mark.parametrize(("change", "message"), [
    ({"label": "tab-jobs"}, "'tab-jobs': expected a label like fig-name"),
    ({"label": "fig-Jobs"}, "expected a label"), ({"label": "fig-"}, "expected a label"),
    ({"label": "jobs"}, "expected a label"),
    ({"caption": " "}, "no caption"), ({"tables": []}, "no source"), ({"tables": [], "note": "  "}, "no source"),
    ({"data": DATA.iloc[:0]}, "no data"), ({"data": None}, "no data"),
    ({"alt": "x" * 39}, "39 characters, expected 40 to 400"), ({"alt": "x" * 401}, "401 characters"),
    ({"alt": ""}, "alt text has 0 characters"),
    ({"alt": CAPTION + " "}, "repeats the caption"),
])  # fmt: skip
def test_figure_refuses_what_lacks_a_part(themed, shown, change, message):
    given = {"label": "fig-jobs", "caption": CAPTION, "alt": ALT, "data": DATA, "tables": ["country_panel"]} | change
    with pytest.raises(ExhibitError, match=message):
        exhibits.figure(given.pop("label"), plt.figure(), **given)
    assert not shown


@pytest.mark.parametrize("length", exhibits.ALT_LIMITS)
def test_alt_texts_may_have_the_lengths_of_the_limits(themed, shown, length):
    exhibits.figure("fig-jobs", plt.figure(), caption=CAPTION, alt="x" * length, data=DATA, note="Own count.")
    assert len(shown[0]["alt"]) == length
    assert shown[0]["source"] == "Own count."


def test_table_carries_all_its_parts(shown):
    frame = pd.DataFrame({"Who": ["Ä", "B"], "n": [1234.0, np.nan], "Growth": [-0.25, 1.0], "Text": ["−1.0", "[1, 2]"]})
    exhibits.table("tab-jobs", frame, caption=CAPTION, note="Own count.", formats={"n": ",.0f", "Growth": "+.1f"})
    (exhibit,) = shown
    assert exhibit["columns"] == ["Who", "n", "Growth", "Text"]
    assert exhibit["rows"] == [["Ä", "1,234", "−0.2", "−1.0"], ["B", "", "+1.0", "[1, 2]"]]
    assert exhibit["numeric"] == [False, True, True, True]
    assert exhibit["csv"] == 'Who,n,Growth,Text\nÄ,1234,-0.25,−1.0\nB,,1,"[1, 2]"\n'


def test_table_offers_other_data_and_anchors_when_told_to(shown):
    frame = pd.DataFrame({"Claim": ["C012"], "A": ["1 %"]})
    exhibits.table("tab-jobs", frame, caption=CAPTION, note="Own count.", data=DATA, anchor="Claim")
    assert shown[0]["csv"].splitlines()[0] == "year,jobs"
    assert shown[0]["rows"] == [["C012", "1 %"]]
    assert shown[0]["anchors"] == ["c012"]


@pytest.mark.parametrize(("change", "message"), [
    ({"label": "fig-jobs"}, "expected a label like tab-name"), ({"caption": ""}, "no caption"),
    ({"note": ""}, "no source"), ({"frame": DATA.iloc[:0]}, "no data"),
])  # fmt: skip
def test_table_refuses_what_lacks_a_part(shown, change, message):
    given = {"label": "tab-jobs", "frame": DATA, "caption": CAPTION, "note": "Own count."} | change
    with pytest.raises(ExhibitError, match=message):
        exhibits.table(given.pop("label"), given.pop("frame"), **given)
    assert not shown


def test_plain_html_for_other_notebooks(themed, shown):
    exhibits.table("tab-jobs", pd.DataFrame({"a<b": ["x & y"]}), caption="More <jobs>", note="Own count.")
    page = exhibits._plain_html(shown[0])
    assert '<th scope="col">a&lt;b</th>' in page
    assert "<td>x &amp; y</td>" in page
    assert "More &lt;jobs&gt;" in page
    assert 'download="tab-jobs.csv"' in page


# ---------------------------------------------------------------------------------------------- SVG
def test_svg_is_the_same_every_time(themed):
    first, again = exhibits.svg_of(draw(), "fig-a", ALT), exhibits.svg_of(draw(), "fig-a", ALT)
    assert first == again
    assert not re.search(r"<metadata|<!--|<\?xml|<dc:date", first)


def test_svg_of_one_figure_is_the_same_twice(themed):
    fig = draw()
    assert exhibits.svg_of(fig, "fig-a", ALT) == exhibits.svg_of(fig, "fig-a", ALT)


def test_svg_has_a_role_and_the_alt_text(themed):
    root = ElementTree.fromstring(exhibits.svg_of(draw(), "fig-a", ALT))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("role"), root.get("aria-label"), root.get("class")) == ("img", ALT, "gg-figure")
    assert (root.get("width"), root.get("height")) == ("691", "374")  # 7.2 by 3.9 inches in CSS pixels
    assert root.get("viewBox")


def test_svg_has_no_fixed_colour_left(themed):
    svg = exhibits.svg_of(draw(), "fig-a", ALT)
    for name in ("--gg-ink", "--gg-muted", "--gg-grid", "--gg-japan", "--gg-germany", "--gg-accent"):
        assert f"var({name}," in svg
    outside = re.sub(r"var\(--[a-z-]+,(?:var\(--[a-z0-9-]+,#[0-9a-f]{6}\)|#[0-9a-f]{6})\)", "", svg)
    assert "var(--gg-ink" not in outside
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\"' ])", outside)) == set()


def test_svg_ids_belong_to_one_figure_only(themed):
    ids, used = {}, {}
    for label in ("fig-a", "fig-b"):
        svg = exhibits.svg_of(draw(), label, ALT)
        ids[label] = re.findall(r' id="([^"]+)"', svg)
        used[label] = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
        assert len(ids[label]) == len(set(ids[label]))
        assert used[label] == set(ids[label])  # every reference finds its target, and no id is idle
        assert len(used[label]) >= 2
    assert not set(ids["fig-a"]) & set(ids["fig-b"])


def test_svg_leaves_the_figures_in_its_texts_alone(themed):
    root = ElementTree.fromstring(exhibits.svg_of(draw("+0.079"), "fig-a", ALT))
    assert "+0.079" in {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.parametrize(("text", "wanted"), [
    ("fill: #222426;", "fill: var(--gg-ink,var(--jp-content-font-color1,#222426));"),
    ('stroke="#C2410B"', 'stroke="var(--gg-japan,#c2410b)"'),
    ("a: #d9dcdf; b: #63676b'",
     "a: var(--gg-grid,var(--jp-border-color2,#d9dcdf)); b: var(--gg-muted,var(--jp-content-font-color2,#63676b))'"),
    ("fill: #123456;", "fill: #123456;"),
    ("url(#222426)", "url(#222426)"),
    ("fill: #22242680;", "fill: #22242680;"),
    ("none", "none"),
])  # fmt: skip
def test_follow_page(text, wanted):
    assert theme.follow_page(text) == wanted
    assert theme.follow_page(wanted) == wanted  # once is enough


def test_every_colour_of_the_theme_has_its_own_variable():
    colours = [theme.INK, theme.MUTED, theme.GRID, *theme.COLOURS.values()]
    names = [re.match(r"fill: var\((--gg-[a-z]+),", theme.follow_page(f"fill: {colour};")) for colour in colours]
    assert all(names)
    assert len({name[1] for name in names}) == len(set(colours)) == len(colours)


# ---------------------------------------------------------------------------------------------- tables of estimates
def test_regression_table():
    columns = {"Home": estimate(-1.234, 0.5, groups=1224), "Group": estimate(0.4, 0.26, n=99)}
    lines = {"Controls": ["yes", "no"], "Fixed effects": "firm, year"}
    frame = exhibits.regression_table(columns, lines).set_index("")
    assert frame.columns.tolist() == ["Home", "Group"]
    assert frame.loc["Estimate (s.e.)"].tolist() == ["−1.23\n(0.50)", "+0.40\n(0.26)"]
    assert frame.loc["95 % interval"].tolist() == ["[−2.23, −0.23]", "[−0.12, 0.92]"]
    assert frame.loc["Observations"].tolist() == ["1,234", "99"]
    assert frame.loc["Groups"].tolist() == ["1,224", ""]
    assert frame.loc["Controls"].tolist() == ["yes", "no"]
    assert frame.loc["Fixed effects"].tolist() == ["firm, year"] * 2
    plain = exhibits.regression_table({"Home": estimate()}, digits=3).set_index("")
    assert "Groups" not in plain.index
    assert plain.loc["Estimate (s.e.)", "Home"].startswith("+1.500\n")


def test_regression_table_by_row_is_the_same_turned():
    columns = {"Home": estimate(-1.234, 0.5, groups=1224), "Group": estimate(0.4, 0.26, n=99)}
    turned = exhibits.regression_table(columns, {"Controls": ["yes", "no"]}, by_row="Outcome")
    upright = exhibits.regression_table(columns, {"Controls": ["yes", "no"]}).set_index("")
    assert turned.columns[0] == "Outcome"
    assert turned.set_index("Outcome").T.to_numpy().tolist() == upright.to_numpy().tolist()


def test_regression_table_wants_one_text_for_each_estimate():
    with pytest.raises(exhibits.ExhibitError, match=r"'Controls'.*each of 1 estimates"):
        exhibits.regression_table({"Home": estimate()}, {"Controls": ["yes", "no"]})


def test_regression_table_has_no_minus_zero():
    frame = exhibits.regression_table({"Home": estimate(-0.001, 0.1)}).set_index("")
    assert frame.loc["Estimate (s.e.)", "Home"].split("\n")[0] in ("0.00", "+0.00")


def test_estimate_cell_with_its_interval():
    assert exhibits.estimate_cell(estimate(-1.234, 0.5), 1, interval=True) == "−1.2\n[−2.2, −0.2]"


def test_estimates_frame():
    frame = exhibits.estimates_frame({"A": estimate(groups=3), "B": estimate(2.0)})
    assert frame["name"].tolist() == ["A", "B"]
    assert frame.loc[0, ["value", "se", "ci_low", "ci_high", "n", "groups"]].tolist() == [1.5, 0.5, 0.5, 2.5, 1234, 3]
    assert (frame.loc[1, "unit"], frame.loc[1, "sample"], frame.loc[1, "method"]) == ("points", "made up", "none")


def test_an_infinite_regressor_is_refused_by_name():
    table = pd.DataFrame({"y": [1.0, 2, 3, 5], "x": [1.0, np.inf, 2, 4]})
    table.attrs["sample"] = "made"
    with pytest.raises(models.ModelError, match=r"made.*infinite"):
        models.ols(table, "y ~ x", "x", "units")
