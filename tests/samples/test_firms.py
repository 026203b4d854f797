"""Listed firms, their groups and the management survey's firms, on rows small enough to check by eye."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

from goingglobal import load, samples
from goingglobal.samples import SampleError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


def firm(code: str, fdi: str, parent=100, group=200, **more) -> pd.DataFrame:
    """Rows of `firm_panel` from 2017 on: one mark of `fdi` a year, "." a year in which the firm is not seen."""
    seen = [place for place, mark in enumerate(fdi) if mark != "."]
    heads = {name: [value[place] for place in seen] if isinstance(value, list) else value
             for name, value in {"parent_employees": parent, "group_employees": group}.items()}  # fmt: skip
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
        firm("KEPT", "01", parent=50), firm("IFRS", "01", ifrs_ever=1), firm("GONE", "01", listed=0),
        firm("PART", "01", group=[np.nan, 80.0], parent=40),
    )  # fmt: skip
    panel = samples.sample_j(table.iloc[::-1])
    assert list(zip(panel["edinet_code"], panel["year"], strict=True)) == [
        ("KEPT", 2017),
        ("KEPT", 2018),
        ("PART", 2018),
    ]
    assert panel["ln_parent"].tolist() == close([math.log(50), math.log(50), math.log(40)])
    assert panel["ln_group"].tolist() == close([math.log(200), math.log(200), math.log(80)])
    assert panel["parent_share"].tolist() == close([25, 25, 50])
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


@pytest.mark.parametrize(("unknown", "first"), [
    pytest.param(2, None, id="FDI in the first year that is known: no start was seen"),
    pytest.param(1, 2019, id="none in the first year that is known"),
])  # fmt: skip
def test_years_of_unknown_fdi_make_nobody_a_starter(unknown, first):
    row = firm("X", "0011")
    row["fdi"] = row["fdi"].astype(float)
    row.loc[: unknown - 1, "fdi"] = np.nan
    found = first_years(samples.starters(firms(*PAIR, row)))
    assert found.get("X") == first
    assert samples.risk_set(firms(*PAIR, row)).query("edinet_code == 'X'")["starts"].sum() == (first is not None)


def test_post_and_outcome_of_starters():
    table = firms(*PAIR, firm("X", "011101", parent=[10, 20, 30, 40, 50, 60], group=70))
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
    table = firms(*PAIR, firm("X", "0000", parent=heads))
    leap = abs(math.log(heads[2]) - math.log(heads[1]))
    assert "X" not in first_years(samples.starters(table, trim=leap))
    assert "X" in first_years(samples.starters(table, trim=math.nextafter(leap, 1)))
    assert "X" in first_years(samples.starters(table))


def test_trimming_sees_over_gaps_within_firms_and_the_outcome_only():
    table = firms(
        *PAIR, firm("GAP", "0.00", parent=[100, 0, 500, 500]), firm("GROUP", "0000", group=[100, 300, 300, 300]),
        firm("HUGE", "0000", parent=90_000), firm("ONCE", "0", parent=5),
        firm("SLOW", "0.00", parent=[100, 0, 300, 300]),
    )  # fmt: skip
    assert set(first_years(samples.starters(table, 0.7))) == {"START", "NEVER", "GROUP", "HUGE", "ONCE", "SLOW"}
    assert set(first_years(samples.starters(table, 0.7, "group"))) == {"START", "NEVER", "GAP", "HUGE", "ONCE", "SLOW"}
    jumps = samples.starters(table).groupby("edinet_code")["jump"].first()
    assert jumps["GAP"] == close(math.log(5) / 2), "over a year unseen, the yearly average"
    named = samples.starters(table, 0.7).attrs["sample"]
    assert named.endswith("parent headcount, largest yearly log change below 0.7")


@pytest.mark.parametrize(("table", "options", "message"), [
    pytest.param(firms(firm("A", "0000"), firm("B", "1111")), {}, "0 starters and 1 controls", id="no starter"),
    pytest.param(firms(firm("A", "0011"), firm("B", "1111")), {}, "1 starters and 0 controls", id="no control"),
    pytest.param(firms(firm("A", "0011", parent=[1, 9, 9, 9]), PAIR[1]), {"trim": 0.5}, "0 starters", id="all trimmed"),
    pytest.param(firms(*PAIR).assign(ifrs_ever=1), {}, "no rows", id="empty"),
    pytest.param(firms(*PAIR), {"outcome": "abroad"}, "'abroad'.*'parent' or 'group'", id="unknown outcome"),
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
    """A firm seen from 2017 to 2025 whose parent headcount goes from `first` to `last`."""
    return firm(code, "0" + "1" * 8, parent=[first] * 8 + [last], **more)


def test_long_differences_by_eye():
    table = firms(
        nine("A", 200, group=[400] * 8 + [100]),
        firm("LATE", ".11111111"),
        firm("GONE", "1111", parent=[100, 100, 100, 200]),
    )
    row = samples.long_differences(table).squeeze()
    assert row["edinet_code"] == "A"
    assert row["parent"] == close(100 / 8 * math.log(2))
    assert row["group"] == close(-100 / 8 * math.log(4))
    assert (row["fdi"], row["parent0"], row["ln_parent0"]) == (0, 100, close(math.log(100)))  # FDI of the first year
    assert (row["parent_share0"], row["parent_share1"]) == (close(25), close(200))
    assert row["ln_group0"] == close(math.log(400)), "the group's, in the first year"
    short = samples.long_differences(table, 2017, 2020).set_index("edinet_code")
    assert set(short.index) == {"A", "GONE"}
    assert short["parent"].to_dict() == {"A": 0, "GONE": close(100 / 3 * math.log(2))}


@pytest.mark.parametrize("last", [900.0, 100 / 9], ids=["up", "down"])
def test_the_limit_of_long_differences_is_strict(last):
    table = firms(nine("CALM", 101), nine("LEAP", last))
    growth = abs(100 / 8 * (math.log(last) - math.log(100)))
    assert set(samples.long_differences(table, limit=growth)["edinet_code"]) == {"CALM"}
    assert set(samples.long_differences(table, limit=math.nextafter(growth, 99))["edinet_code"]) == {"CALM", "LEAP"}
    assert set(samples.long_differences(table)["edinet_code"]) == {"CALM"}  # 27 points a year, the usual limit is 25
    assert len(samples.long_differences(table, limit=None)) == 2


def test_largest_parent_counts_its_own_edge_and_the_first_year():
    table = firms(nine("EDGE", 310, first=300), nine("OVER", 290, first=301))
    small = samples.long_differences(table, largest_parent=300)
    assert small["edinet_code"].tolist() == ["EDGE"]
    assert small.attrs["sample"] == "J in 2017 and 2025, |parent growth| < 25, parents of at most 300 in 2017"
    with pytest.raises(SampleError, match="no rows"):
        samples.long_differences(table, largest_parent=299)


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
    assert out.attrs["sample"] == "J in 2017 and 2025, |parent growth| < 25, complete accounts of 2017"
    more = samples.investors(table, without=("profitability",))
    assert set(more["edinet_code"]) == {"A", "SHOP", "BANK"}
    assert more.attrs["sample"].endswith("complete accounts of 2017 but for profitability")
    with pytest.raises(SampleError, match="no rows"):
        samples.investors(table[table["edinet_code"] == "BANK"])


@pytest.mark.parametrize("without", [("profit",), ("profitability", "profit"), "profitability"])
def test_investors_refuse_to_do_without_what_is_no_covariate(without):
    table = firms(nine("A", 120), nine("BANK", 110, operating_income_yen=np.nan))
    with pytest.raises(SampleError, match=r"without .*'p\w*' is no covariate; COVARIATES are .*'ln_pay'"):
        samples.investors(table, without=without)


def test_risk_set_by_eye():
    """A starter's rows end with its start, a never-investor's with the panel; the first year has no year before."""
    table = firms(
        firm("S", "00111", parent=[10, 20, 30, 40, 50], average_age=[31.0, 32, 33, 34, 35]), firm("N", "0000"),
        firm("ALWAYS", "1111"), firm("COMES", "010000"), firm("GAP", "0.01"),
    )  # fmt: skip
    out = samples.risk_set(table).set_index("edinet_code")
    assert out.loc["S", ["year", "starts", "gap", "average_age"]].to_numpy().tolist() == [
        [2018, 0, 1, 31], [2019, 1, 1, 32]]  # fmt: skip
    assert out.loc["S", "ln_parent"].tolist() == close([math.log(10), math.log(20)])
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
    assert out["ln_parent"].tolist() == close(before["ln_parent"].tolist())
    assert out["ln_assets"].tolist() == close(np.log(before["total_assets_yen"]).tolist())
    assert out["average_age"].tolist() == before["average_age"].tolist()
    gain = (before["operating_income_yen"] / before["total_assets_yen"]).clip(-0.5, 0.5)
    assert out["profitability"].tolist() == close(gain.tolist())
    assert not out[["ln_parent", "ln_assets", "profitability", "ln_pay", "average_age"]].isna().any(axis=None)


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
        *PAIR, firm("LATE", ".1111", parent=[1, 30, 40, 50, 60], sector="Wholesale trade"), firm("COMES", "010000"))
    out = samples.first_years(table).set_index("edinet_code")
    assert out["year"].to_dict() == {"START": 2017, "NEVER": 2017, "LATE": 2018, "COMES": 2017}
    starts = out["starts"].to_dict()
    assert (starts["START"], starts["NEVER"]) == (1, 0)
    assert pd.isna(starts["LATE"])  # an investor from its first year on
    assert pd.isna(starts["COMES"])
    assert (out.loc["LATE", "parent_employees"], out.loc["LATE", "ln_parent0"]) == (30, close(math.log(30)))
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
        firm("S", "0011", parent=[10, 20, 30, 40], average_age=[31.0, 32, 33, 34]), firm("N", "0000"),
        firm("BLANK", "0000", average_pay_yen=[np.nan, 1e6, 1e6, 1e6]),
    )  # fmt: skip
    out = samples.starter_covariates(samples.starters(table)).set_index("edinet_code")
    assert set(out.index) == {"S", "N"}  # the first year counts, not the first that is complete
    assert out.loc["S", "average_age"].tolist() == [31] * 4
    assert out.loc["S", "ln_parent0"].tolist() == close([math.log(10)] * 4)
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


def test_specification_panel():
    table = firms(
        firm("A", "01111", parent=50, translation_adjustment_yen=[0.0, 999e3, 1e6, -5e6, 1e6],
             total_assets_yen=[1e9, 1e9, 1e9, 1e9, np.nan]),
        firm("OUT", "00", listed=0, translation_adjustment_yen=0.0),
        firm("IFRS", "00", ifrs_ever=1, translation_adjustment_yen=0.0),
        firm("PART", "00", group=[np.nan, 200.0], sector="Services", translation_adjustment_yen=0.0),
    )  # fmt: skip
    out = samples.specification_panel(table).set_index("edinet_code")
    assert out.loc["A", "fdi_material"].fillna(-1).tolist() == [0, 0, 1, 1, -1]  # at 0.1 % of assets; unknown without
    assert out.loc["A", "fdi"].tolist() == [0, 1, 1, 1, 1]
    assert out.loc["A", "ln_parent"].tolist() == close([math.log(50)] * 5)
    assert out.loc["A", "ln_group"].tolist() == close([math.log(200)] * 5)
    assert set(out.index) == {"A", "OUT", "PART"}
    assert out.loc["PART", ["year", "manufacturing"]].tolist() == [2018, 0]
    assert (out.loc["A", "manufacturing"] == 1).all()
    with pytest.raises(SampleError, match="no rows"):
        samples.specification_panel(table.assign(fdi=np.nan))
