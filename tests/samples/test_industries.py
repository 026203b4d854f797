"""Japan's industries, and Germany by size class, at home and abroad, on rows small enough to check by eye."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

from goingglobal import load, samples
from goingglobal.samples import SampleError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


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
    assert (row["overseas_per_firm"], row["domestic_per_firm"]) == (close(3), close(2))
    assert (row["ln_employees"], row["ln_firms"]) == (close(math.log(200)), close(math.log(10)))


# ---------------------------------------------------------------------------------------------- both sides: Europe
def cell(country, industry, year, home, abroad, volume=1.0, broken=0, host="WORLD"):
    return dict(country=country, industry=industry, host=host, year=year, employees_abroad=abroad,
                employed_home_thousands=home, value_added_volume=volume, series_break=broken)  # fmt: skip


@pytest.fixture
def europe() -> pd.DataFrame:
    """Two countries by two industries, whole in 2010 and 2011, and one cell of each kind that is left out."""
    rows = [
        *(cell(country, industry, year, home, abroad, volume)
          for country in ("AT", "FR") for industry in ("10-12", "H")
          for year, home, abroad, volume in ((2010, 50.0, 2000, 10.0), (2011, 55.0, 3000, 12.0))),
        cell("AT", "F", 2010, 50.0, np.nan), cell("AT", "F", 2011, 50.0, 2000),
        cell("FR", "F", 2010, 50.0, 0), cell("FR", "F", 2011, 50.0, 2000),
        cell("DK", "H", 2010, 50.0, 2000), cell("DK", "H", 2011, 50.0, 2500, broken=1),
        cell("AT", "G", 2010, 50.0, 999), cell("AT", "G", 2011, 50.0, 1200),
        cell("AT", "J", 2010, 50.0, 1000), cell("AT", "J", 2011, 50.0, 2100),  # ln 2.1 = 0.742
        cell("FR", "J", 2010, 50.0, 1000), cell("FR", "J", 2011, 75.0, 1100),  # ln 1.5 = 0.405
        cell("IT", "L", 2010, 50.0, 1000), cell("IT", "L", 2011, 50.0, 1100),  # the only one of Italy and of L
        cell("AT", "I", 2010, 50.0, 1000), cell("AT", "I", 2012, 50.0, 1100),  # not consecutive: no pair
        cell("AT", "C", 2010, 99.0, 9000), cell("AT", "C", 2011, 99.0, 9000),
        cell("AT", "B-S_X_O", 2010, np.nan, 9000, host="FR"), cell("AT", "B-S_X_O", 2011, np.nan, 9000, host="FR"),
    ]  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1, random_state=3)


def test_both_sides_of_europe_pair_consecutive_years(europe):
    out = samples.both_sides_europe(europe)
    assert sorted(zip(out["country"], out["industry"], out["year"], strict=True)) == [
        ("AT", "10-12", 2011), ("AT", "H", 2011), ("FR", "10-12", 2011), ("FR", "H", 2011)]  # fmt: skip
    assert out["home"].tolist() == close([math.log(1.1)] * 4)
    assert out["abroad"].tolist() == close([math.log(1.5)] * 4)
    assert out["staff_before"].tolist() == [2000.0] * 4
    first = out[(out["country"] == "AT") & (out["industry"] == "H")].squeeze()
    assert (first["country_year"], first["industry_year"], first["country_industry"]) == ("AT 2011", "H 2011", "AT H")
    assert out.attrs["left_out"] == {
        "missing, zero or negative": 2, "break in the series": 1, "few staff abroad": 1, "trimmed": 2,
        "alone in a country and year or an industry and year": 1,
    }  # fmt: skip


def test_both_sides_of_europe_by_option(europe):
    assert set(samples.both_sides_europe(europe, smallest=0)["industry"]) == {"10-12", "H"}  # AT G stands alone
    assert samples.both_sides_europe(europe, smallest=0).attrs["left_out"]["few staff abroad"] == 0
    wide = samples.both_sides_europe(europe, trimmed=False)
    assert set(wide["industry"]) == {"10-12", "H", "J"}
    assert wide.attrs["left_out"]["trimmed"] == 0
    assert wide.attrs["sample"].endswith("untrimmed")
    assert samples.both_sides_europe(europe, "value_added")["home"].tolist() == close([math.log(1.2)] * 4)
    more = pd.concat([europe, europe[europe["industry"] == "10-12"].assign(industry="28")])
    assert set(samples.both_sides_europe(more, industries="manufacturing")["industry"]) == {"10-12", "28"}
    later = europe.assign(year=europe["year"].replace(2011, 2015))
    assert set(samples.both_sides_europe(later, years=5)["year"]) == {2015}
    assert set(samples.both_sides_europe(later, years=5)["industry"]) == {"10-12", "H", "J"}  # within twice the limits


def test_a_break_in_the_middle_breaks_the_long_change(europe):
    more = pd.concat([europe, pd.DataFrame([cell("DK", "H", 2015, 50.0, 2600)])])
    later = pd.concat([more, europe[(europe["year"] == 2011) & (europe["country"] != "DK")].assign(year=2015)])
    out = samples.both_sides_europe(later, years=5)
    assert "DK" not in set(out["country"])
    assert out.attrs["left_out"]["break in the series"] == 1


@pytest.mark.parametrize(("options", "message"), [
    ({"outcome": "wages"}, "'wages'.*'employed' or 'value_added'"), ({"industries": "mining"}, "'mining'"),
    ({"years": 2}, "2 years"), ({"smallest": 1e9}, "has no rows"),
])  # fmt: skip
def test_both_sides_of_europe_refuse(europe, options, message):
    with pytest.raises(SampleError, match=message):
        samples.both_sides_europe(europe, **options)


def test_both_sides_of_europe_count_every_pair():
    """Kept and left out make all pairs of consecutive years, found in a loop."""
    table = load("affiliates_europe")
    some = table[(table["host"] == "WORLD") & ~table["industry"].isin(["C", "B-S_X_O"]) & (table["year"] <= 2015)]
    known = set(zip(some["country"], some["industry"], some["year"], strict=True))
    pairs = sum((country, industry, year + 1) in known for country, industry, year in known)
    for options in ({}, {"smallest": 0}, {"trimmed": False}, {"outcome": "value_added"}):
        out = samples.both_sides_europe(table, **options)
        assert len(out) + sum(out.attrs["left_out"].values()) == pairs
        assert out["country_year"].duplicated(keep=False).all()
        assert out["industry_year"].duplicated(keep=False).all()


# ---------------------------------------------------------------------------------------------- both sides: US
def us(side, industry, host, year, staff, pay=np.nan):
    return dict(side=side, industry=industry, host=host, year=year, employees_thousands=staff, compensation_musd=pay)


@pytest.fixture
def america() -> pd.DataFrame:
    every = "All countries"
    rows = [
        us("parents", "All industries", every, 2009, 1000.0, 80_000.0),  # 80 thousand dollars a head
        us("affiliates", "All industries", every, 2009, 100.0, 4_000.0),
        us("affiliates", "All industries", "Poor", 2009, 10.0, 399.0),
        us("affiliates", "All industries", "Edge", 2009, 10.0, 400.0),  # just half is not below half
        us("affiliates", "All industries", "Rich", 2009, 10.0, 900.0),
        us("affiliates", "All industries", "Unknown", 2009, 10.0),
        *(us("parents", industry, every, year, 100.0 * 1.1 ** (year - 2012)) for industry in ("Food", "Mining")
          for year in (2012, 2013, 2014)),
        *(us("affiliates", industry, every, year, 50.0 * 1.2 ** (year - 2012)) for industry in ("Food", "Mining")
          for year in (2012, 2013, 2014)),
        *(us("affiliates", industry, host, year, staff) for industry in ("Food", "Mining")
          for host, staffs in {"Poor": (10, 12, 15), "Edge": (10, np.nan, 30), "Rich": (20, 22, 22),
                               "Unknown": (1, 9, 99)}.items()
          for year, staff in zip((2012, 2013, 2014), staffs, strict=True)),
        us("parents", "Manufacturing", every, 2012, 1.0), us("affiliates", "Food", every, 2008, 7.0),
    ]  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1, random_state=5)


def test_low_pay_is_below_half_of_the_parents(america):
    assert samples.low_pay_hosts(america) == {"Poor": True, "Edge": False, "Rich": False}
    assert samples.low_pay_hosts(america, share=0.51)["Edge"]
    with pytest.raises(SampleError, match="pay and staff of the parents of all industries in 2009"):
        samples.low_pay_hosts(america[america["side"] == "affiliates"])


def test_both_sides_of_the_us_pair_hosts_published_in_both_years(america):
    out = samples.both_sides_us(america).set_index(["industry", "year"])
    assert sorted(out.index) == [("Food", 2013), ("Food", 2014), ("Mining", 2013), ("Mining", 2014)]
    row = out.loc["Food", 2013]
    assert (row["home"], row["abroad"]) == (close(math.log(1.1)), close(math.log(1.2)))
    assert (row["low_wage"], row["high_wage"]) == (close(math.log(12 / 10)), close(math.log(22 / 20)))
    assert out.loc[("Mining", 2014), "low_wage"] == close(math.log(15 / 12))
    assert out.attrs["left_out"]["host's cells suppressed in one of two years"] == 4
    without = samples.both_sides_us(america, benchmark=False)
    assert set(without["year"]) == {2013}
    assert without.attrs["left_out"]["2014, the benchmark"] == 2


def test_both_sides_of_the_us_count_what_is_missing(america):
    gap = america["side"].eq("parents") & america["industry"].eq("Food") & america["year"].eq(2013)
    out = samples.both_sides_us(america.assign(employees_thousands=america["employees_thousands"].mask(gap)))
    assert set(zip(out["industry"], out["year"], strict=True)) == {("Mining", 2013), ("Mining", 2014)}
    assert out.attrs["left_out"]["a figure missing"] == 2
    one_sided = america[~(america["side"].eq("parents") & america["industry"].eq("Food"))]
    with pytest.raises(SampleError, match="an industry has no figure for its parents"):
        samples.both_sides_us(one_sided)


def test_no_letter_is_a_number():
    """Each suppressed cell of a host that has pay is in no sum: the sums again from published cells alone."""
    table = load("us_multinationals")
    out, low = samples.both_sides_us(table).set_index(["industry", "year"]), samples.low_pay_hosts(table)
    staff = table.set_index(["side", "industry", "host", "year"])["employees_thousands"]
    hosts = [host for host in low if low[host]]
    pairs = [(staff.get(("affiliates", "Food", host, 2012)), staff.get(("affiliates", "Food", host, 2013)))
             for host in hosts]  # fmt: skip
    known = [(then, now) for then, now in pairs if pd.notna(then) and pd.notna(now)]
    assert len(known) < len(pairs)
    wanted = math.log(sum(now for _, now in known) / sum(then for then, _ in known))
    assert out.loc[("Food", 2013), "low_wage"] == close(wanted)


# ---------------------------------------------------------------------------------------------- where the staff is
def test_staff_by_host_of_three_countries():
    tables = load("affiliates_europe"), load("us_multinationals"), load("country_by_country_2016")
    out = samples.staff_by_host(*tables)
    top = out.groupby("parent").head(1).set_index("parent")["host"].to_dict()
    assert top == {"Germany": "United States", "Japan": "China", "United States": "China"}
    japan = out[out["parent"] == "Japan"]["thousands"].sum() + out.attrs["left_out"][
        "Japan: staff in groups of countries"] / 1000  # fmt: skip
    assert japan == close(8273.761)
    with pytest.raises(SampleError, match="no row of 2015 for Japan"):
        samples.staff_by_host(*tables, year=2015)
    with pytest.raises(SampleError, match="no row of 2016 for Germany"):
        samples.staff_by_host(tables[0][tables[0]["country"] == "FR"], *tables[1:])
