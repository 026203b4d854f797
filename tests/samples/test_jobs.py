"""Jobs in Japan and everyone who files, on rows small enough to check by eye: each rule, each refusal."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

from goingglobal import load, samples
from goingglobal.samples import SampleError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)
PATH = list(samples.PATH)


def filer(code: str, fdi: str, group=200, first: int = 2016, **more) -> pd.DataFrame:
    """Rows of `group_panel` from `first` on: one mark of `fdi` a year, "." a year without a report."""
    seen = [place for place, mark in enumerate(fdi) if mark != "."]
    heads = [group[place] for place in seen] if isinstance(group, list) else group
    other = {"ifrs_ever": 0, "sales_yen": 1e9, "total_assets_yen": 2e9}
    return pd.DataFrame({"edinet_code": code, "year": [first + place for place in seen],
                         "fdi": [float(fdi[place]) for place in seen], "group_employees": heads, **(other | more)})


def firm(code: str, fdi: str, parent=100, group=200, first: int = 2017, **more) -> pd.DataFrame:
    """The same for `firm_panel`, from 2017 on."""
    seen = [place for place, mark in enumerate(fdi) if mark != "."]
    heads = {name: [value[place] for place in seen] if isinstance(value, list) else value
             for name, value in {samples.PARENT: parent, "group_employees": group}.items()}  # fmt: skip
    other = {"ifrs_ever": 0, "listed": 1, "sector": "Machinery", "reorganised": 0, "average_pay_yen": 6e6,
             "average_age": 40.0, "total_assets_yen": 1e9, "operating_income_yen": 5e7}  # fmt: skip
    return pd.DataFrame({"edinet_code": code, "year": [first + place for place in seen],
                         "fdi": [float(fdi[place]) for place in seen], **heads, **(other | more)})


def table(*rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(rows, ignore_index=True)


STARTERS = tuple(filer(f"S{n}", "0011") for n in range(5))
STOPPERS = tuple(filer(f"P{n}", "1100") for n in range(5))
GROUPS = (*STARTERS, *STOPPERS, filer("NEVER", "0000"), filer("ALWAYS", "1111"))
FIRMS = (*(firm(f"S{n}", "011") for n in range(5)), firm("NEVER", "000"))


def changes(frame: pd.DataFrame, column: str = "first_fdi") -> dict[str, int]:
    return frame.groupby("edinet_code")[column].first().to_dict()


def rows_of(frame: pd.DataFrame, code: str) -> pd.DataFrame:
    return frame[frame["edinet_code"] == code]


# ------------------------------------------------------------------------------------------------- all filers
def test_who_is_in_a():
    panel = table(
        filer("KEPT", "01", group=[50, 60], sales_yen=100.0), filer("IFRS", "01", ifrs_ever=1),
        filer("PART", "001", group=[np.nan, 0, 7]), filer("EMPTY", "00", group=np.nan),
        filer("EDGE", "0101", first=2025), filer("LATE", "1", first=2026),
    )  # fmt: skip
    before = panel.copy()
    out = samples.all_filers(panel.iloc[::-1])
    assert list(zip(out["edinet_code"], out["year"], strict=True)) == [
        ("EDGE", 2025), ("KEPT", 2016), ("KEPT", 2017), ("PART", 2018)]  # fmt: skip
    kept = rows_of(out, "KEPT")
    assert kept["ln_group"].tolist() == kept["y"].tolist() == close([math.log(50), math.log(60)])
    assert kept["first_group"].tolist() == [50, 50]
    assert kept["ln_sales"].tolist() == close([math.log(100)] * 2)
    assert kept["ln_sales_per_head"].tolist() == close([math.log(2), math.log(100 / 60)])
    assert kept["ln_assets"].tolist() == close([math.log(2e9)] * 2)
    assert rows_of(out, "PART")["first_group"].tolist() == [7]
    assert out.attrs["sample"] == "A: all filers under Japanese standards, 2016–2025"
    assert list(out.attrs["left_out"].values()) == [1, 2]
    pd.testing.assert_frame_equal(panel, before)


def test_sales_of_nothing_have_no_log():
    out = samples.all_filers(filer("A", "000", sales_yen=[0.0, np.nan, 5.0]))
    assert out["ln_sales"].isna().tolist() == out["ln_sales_per_head"].isna().tolist() == [True, True, False]


@pytest.mark.parametrize(("panel", "words"), [
    pytest.param(filer("A", "01").drop(columns="sales_yen"), "no column 'sales_yen'", id="a missing column"),
    pytest.param(table(filer("A", "01"), filer("A", "1", first=2017)), "year 2017 of firm A stands there twice",
                 id="a firm twice in a year"),
    pytest.param(filer("A", "01").replace({"fdi": {1.0: 2.0}}), "fdi of firm A in 2017 is 2.0", id="fdi of two"),
    pytest.param(filer("A", "01", ifrs_ever=1), "no rows", id="nothing left"),
])  # fmt: skip
def test_what_all_filers_refuses(panel, words):
    with pytest.raises(SampleError, match=words) as caught:
        samples.all_filers(panel)
    assert "'A: all filers" in str(caught.value)


# ------------------------------------------------------------------------------------------------- starters
@pytest.mark.parametrize(("history", "first"), [
    pytest.param("0011", 2018, id="starts in its third year"),
    pytest.param("1111", None, id="an investor from its first year is no starter"),
    pytest.param("1001111111", None, id="nor is one that stops and comes back"),
    pytest.param("0000", 0, id="never"),
    pytest.param("0", 0, id="never, seen once"),
    pytest.param("011110", 2017, id="four of five years: exactly 80 %"),
    pytest.param("01110", None, id="three of four years: 75 %"),
    pytest.param("01.1110", 2017, id="a gap is not a year without FDI"),
    pytest.param("0.111", 2018, id="dated by the first year seen with FDI"),
])  # fmt: skip
def test_who_is_a_starter(history, first):
    found = changes(samples.group_starters(table(*GROUPS, filer("X", history))))
    known = {f"S{n}": 2018 for n in range(5)} | {"NEVER": 0}
    assert found == known | ({} if first is None else {"X": first})


def test_starters_of_all_filers():
    panel = table(*GROUPS, filer("GOES", "01000"), filer("SMALL", "0000", group=[10, 400, 400, 400]))
    out = samples.group_starters(panel)
    assert rows_of(out, "S0")["post"].tolist() == [0, 0, 1, 1]
    assert rows_of(out, "S0")["starter"].tolist() == [1] * 4
    assert rows_of(out, "NEVER")[["starter", "post", "first_fdi"]].to_numpy().sum() == 0
    assert out.attrs["sample"] == "starters and never-investors of A"
    assert out.attrs["left_out"] == {"FDI in the first year seen, so no year before": 6, "FDI comes and goes": 1}
    small = samples.group_starters(table(*(filer(f"S{n}", "0011", group=10) for n in range(5)), panel.iloc[20:]), 10)
    assert set(small["edinet_code"]) == {f"S{n}" for n in range(5)} | {"SMALL"}, "by the first year alone"
    assert small.attrs["sample"] == "starters and never-investors of A, at most 10 in the group in the first year"
    assert small.attrs["left_out"]["more than 10 in the group in the first year"] == 1


def test_event_times_and_their_ends():
    out = samples.group_starters(table(*GROUPS, filer("X", "000000" + "1111"), filer("Y", "0" + "1" * 8)))
    x, y = rows_of(out, "X"), rows_of(out, "Y")
    assert x["event_time"].tolist() == [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3]
    assert [[name for name in PATH if row[name]] for _, row in x.iterrows()] == [
        ["m4"], ["m4"], ["m4"], ["m3"], ["m2"], [], ["p0"], ["p1"], ["p2"], ["p3"]]  # fmt: skip
    assert y["p4"].tolist() == [0] * 5 + [1] * 4
    never = rows_of(out, "NEVER")
    assert never["event_time"].isna().all()
    assert (never[PATH] == 0).all(axis=None)


def test_too_few_to_compare():
    with pytest.raises(SampleError, match="'starter' marks 4 starters against 1 never-investors; at least 5"):
        samples.group_starters(table(*STARTERS[:4], filer("NEVER", "00")))
    with pytest.raises(SampleError, match="'starter' marks 5 starters against 0 never-investors"):
        samples.group_starters(table(*STARTERS))
    with pytest.raises(SampleError, match="'stopper' marks 4 stoppers against 1 always-investors"):
        samples.group_stoppers(table(*STOPPERS[:4], filer("ALWAYS", "11")))
    with pytest.raises(SampleError, match="at most 10 in the group in the first year' has no rows"):
        samples.group_starters(table(*GROUPS), largest=10)


# ------------------------------------------------------------------------------------------------- stoppers
@pytest.mark.parametrize(("history", "without"), [
    pytest.param("1100", 2018, id="stops after its second year"),
    pytest.param("1111", 0, id="always"),
    pytest.param("1", 0, id="always, seen once"),
    pytest.param("0100", None, id="no FDI in its first year"),
    pytest.param("0111100", None, id="no FDI in its first year, though in four of the five up to the last"),
    pytest.param("0000", None, id="never"),
    pytest.param("110111", None, id="FDI in its last year: neither stopper nor always"),
    pytest.param("111010", 2021, id="four of five years up to the last one with FDI: exactly 80 %"),
    pytest.param("110100", None, id="three of four years up to then: 75 %"),
    pytest.param("11..0", 2018, id="dated by the year after the last one with FDI"),
])  # fmt: skip
def test_who_is_a_stopper(history, without):
    found = changes(samples.group_stoppers(table(*GROUPS, filer("X", history))), "first_without")
    known = {f"P{n}": 2018 for n in range(5)} | {"ALWAYS": 0}
    assert found == known | ({} if without is None else {"X": without})


def test_stoppers_of_all_filers():
    out = samples.group_stoppers(table(*GROUPS, filer("BACK", "10001")))
    assert rows_of(out, "P0")["post"].tolist() == [0, 0, 1, 1]
    assert rows_of(out, "P0")["event_time"].tolist() == [-2, -1, 0, 1]
    assert (rows_of(out, "ALWAYS")[["stopper", "post", *PATH]] == 0).all(axis=None)
    assert out["first_fdi"].tolist() == out["first_without"].tolist()
    assert out.attrs["left_out"] == {"no FDI in the first year seen": 6, "FDI comes and goes": 1}
    assert out.attrs["sample"] == "stoppers and always-investors of A"


def test_no_firm_is_in_two_arms():
    """All histories of five years: a firm is starter, never, stopper, always or left out, and one of them only."""
    every = [filer(f"H{code:05b}", f"{code:05b}") for code in range(32)]
    panel = table(*every, *GROUPS)
    starters, stoppers = samples.group_starters(panel), samples.group_stoppers(panel)
    assert not set(starters["edinet_code"]) & set(stoppers["edinet_code"])
    for frame, arm in ((starters, "starter"), (stoppers, "stopper")):
        assert (frame.groupby("edinet_code")[arm].nunique() == 1).all()
    for frame in (starters, stoppers):
        assert frame["edinet_code"].nunique() + sum(frame.attrs["left_out"].values()) == panel["edinet_code"].nunique()


# ------------------------------------------------------------------------------------------------- beside the firms
def test_what_the_firm_panel_knows():
    sizes = {"SHOP": 51, "SOFT": 20, "MAKER": 300}
    panel = table(*GROUPS, *(filer(code, "00", group=size) for code, size in sizes.items()))
    known = table(firm("SHOP", "0", sector="Retail trade"), firm("SOFT", "0", sector="Information and communication"),
                  firm("MAKER", "00"))  # fmt: skip
    out = samples.with_firms(samples.group_starters(panel), known).groupby("edinet_code").first()
    assert out.loc[["SHOP", "SOFT", "MAKER", "NEVER"], "in_firm_panel"].tolist() == [1, 1, 1, 0]
    assert out.loc[["SHOP", "NEVER"], "sector"].tolist() == ["Retail trade", "unknown"]
    within = out.loc[["SHOP", "SOFT", "MAKER", "NEVER"], "within_sme_limit"]
    assert within.tolist() == pytest.approx([0, np.nan, 1, np.nan], nan_ok=True)
    whole = samples.with_firms(samples.group_starters(panel), known)
    assert whole.attrs == samples.group_starters(panel).attrs
    with pytest.raises(SampleError, match="no column 'sector'"):
        samples.with_firms(samples.group_starters(panel), known.drop(columns="sector"))


def test_who_is_eligible():
    large = [filer(f"L{n}", "0011", group=301) for n in range(5)]
    panel = table(*GROUPS, *large, filer("OTHER", "0000"))
    known = table(*FIRMS, *(firm(f"L{n}", "011") for n in range(5)))
    out = samples.eligible(samples.group_starters(panel), known)
    assert rows_of(out, "S0")[["post_within", "post_outside"]].to_numpy().T.tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]
    assert rows_of(out, "L0")[["post_within", "post_outside"]].to_numpy().T.tolist() == [[0, 0, 0, 0], [0, 0, 1, 1]]
    assert out.attrs["left_out"]["SME limit unknown"] == 1
    assert out.attrs["sample"].endswith(", SME limit known")
    with pytest.raises(SampleError, match="'starter' marks 0 firms beyond the SME limit"):
        samples.eligible(samples.group_starters(table(*GROUPS)), known)


# ------------------------------------------------------------------------------------------------- false starts
EARLIER = (
    filer("BEFORE", "1011"), firm("BEFORE", "011"),  # abroad in 2016, which J does not see
    filer("BETWEEN", "00101"), firm("BETWEEN", "0.01"),  # abroad in 2018, in which J has no row: dated 2020
    filer("ONCE", "1000"), firm("ONCE", "000"),  # no investor in J
)  # fmt: skip


def test_starts_that_other_filings_belie():
    groups, firms = table(*GROUPS, *EARLIER[::2]), table(*FIRMS, *EARLIER[1::2])
    out = samples.false_starts(firms, groups)
    assert out.to_dict("list") == {"edinet_code": ["BEFORE", "BETWEEN", "ONCE"], "starter": [1, 1, 0],
                                   "dated": [2018, 2020, 0], "abroad": [2016, 2018, 2016]}  # fmt: skip
    assert out.attrs["sample"] == "starters and never-investors of J with FDI in an earlier filing"
    jobs = samples.jobs_in_japan(firms, groups, "upper")
    assert set(jobs["edinet_code"]) == {f"S{n}" for n in range(5)} | {"NEVER"}
    assert jobs.attrs["left_out"]["starter with FDI in an earlier filing"] == 2
    assert jobs.attrs["left_out"]["never-investor with FDI in a filing"] == 1


def test_no_false_start_is_an_empty_table():
    out = samples.false_starts(table(*FIRMS), table(*GROUPS))
    assert out.empty
    assert list(out) == ["edinet_code", "starter", "dated", "abroad"]


def test_tables_that_disagree_are_refused():
    groups = table(*GROUPS, filer("TWO", "0010"))
    for ask in (samples.false_starts, partial(samples.jobs_in_japan, bound="lower")):
        with pytest.raises(SampleError, match="fdi of firm TWO in 2018 is 0 in firm_panel and 1 in group_panel"):
            ask(table(*FIRMS, firm("TWO", "000")), groups)


# ------------------------------------------------------------------------------------------------- jobs in Japan
def one(bound: str, parent: list[int], group: list[int], fdi: str = "0011", **options) -> pd.DataFrame:
    """The rows of a starter beside the others."""
    groups = table(*GROUPS, filer("X", fdi, group=group, first=2017))
    return rows_of(samples.jobs_in_japan(table(*FIRMS, firm("X", fdi, parent, group)), groups, bound, **options), "X")


@pytest.mark.parametrize(("bound", "jobs"), [
    pytest.param("upper", [150, 160, 300, 90], id="the group's"),
    pytest.param("worst", [150, 160, 110, 80], id="the parent's"),
    pytest.param("lower", [150, 160, 110 + 60, 80 + 10], id="no more domestic subsidiaries than before, nor than now"),
])  # fmt: skip
def test_jobs_in_japan_by_hand(bound, jobs):
    """Subsidiaries have 80, then 160 − 100 = 60 people before the start; 190 and 10 after it."""
    out = one(bound, parent=[70, 100, 110, 80], group=[150, 160, 300, 90])
    assert out["jobs"].tolist() == jobs
    assert out["y"].tolist() == close(np.log(jobs).tolist())
    assert out["parent"].tolist() == [70, 100, 110, 80]
    assert out["ln_parent"].tolist() == close(np.log([70, 100, 110, 80]).tolist())
    assert out["ln_group"].tolist() == close(np.log([150, 160, 300, 90]).tolist())
    assert out["first_group"].tolist() == [150] * 4
    assert out["event_time"].tolist() == [-2, -1, 0, 1]
    assert [list(out[name]) for name in ("m2", "p0", "p1")] == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_the_last_year_before_the_start_may_lie_before_a_gap():
    out = one("lower", parent=[100, 0, 100, 100], group=[130, 0, 300, 110], fdi="0.11")
    assert out["jobs"].tolist() == [130, 130, 110]


@pytest.mark.parametrize("bound", samples.BOUNDS)
def test_jobs_of_a_never_investor_are_the_groups(bound):
    firms, groups = table(*FIRMS, firm("N", "000", 10, [40, 50, 60])), table(*GROUPS, filer("N", "0000", 50))
    assert rows_of(samples.jobs_in_japan(firms, groups, bound), "N")["jobs"].tolist() == [40, 50, 60]


def test_whom_jobs_in_japan_leaves_out():
    firms = table(*FIRMS, firm("ALWAYS", "111"), firm("GOES", "010"), firm("LARGE", "000", group=[301, 5, 5], parent=5))
    out = samples.jobs_in_japan(firms, table(*GROUPS), "lower")
    assert list(out.attrs["left_out"].values()) == [1, 1, 0, 0]
    assert out.attrs["sample"] == "starters and never-investors of J, jobs in Japan (lower bound)"
    small = samples.jobs_in_japan(firms, table(*GROUPS), "lower", largest=300)
    assert "LARGE" not in set(small["edinet_code"])
    assert small.attrs["left_out"]["more than 300 in the group in the first year"] == 1
    assert small.attrs["sample"].endswith(", at most 300 in the group in the first year")


@pytest.mark.parametrize(("firms", "words"), [
    pytest.param(firm("X", "00", parent=[100, 201]), "group_employees of firm X in 2018 is smaller than its parent's",
                 id="a group smaller than its parent"),
    pytest.param(firm("X", "00", parent=[0, 100]), f"{samples.PARENT} of firm X in 2017 is not above zero",
                 id="a parent without staff"),
    pytest.param(firm("X", "00", parent=[100, np.nan]), f"{samples.PARENT} of firm X in 2018 is not above zero",
                 id="a parent whose staff is not known"),
    pytest.param(firm("X", "00", group=[100, 0]), "group_employees of firm X in 2018 is not above zero",
                 id="a group without staff"),
    pytest.param(table(firm("X", "00"), firm("X", "11")), "year 2017 of firm X stands there twice",
                 id="a firm twice in a year"),
    pytest.param(firm("X", "00").assign(fdi=np.nan), "fdi of firm X in 2017 is nan", id="fdi not known"),
])  # fmt: skip
def test_what_jobs_in_japan_refuses(firms, words):
    with pytest.raises(SampleError, match=words) as caught:
        samples.jobs_in_japan(table(*FIRMS, firms), table(*GROUPS), "lower")
    assert "jobs in Japan (lower bound)" in str(caught.value)


def test_more_that_jobs_in_japan_refuses():
    with pytest.raises(SampleError, match="bound 'middle'; expected one of lower, upper, worst"):
        samples.jobs_in_japan(table(*FIRMS), table(*GROUPS), "middle")
    with pytest.raises(SampleError, match=f"no column '{samples.PARENT}'"):
        samples.jobs_in_japan(table(*FIRMS).drop(columns=samples.PARENT), table(*GROUPS), "lower")
    with pytest.raises(SampleError, match="'starter' marks 4 starters against 1"):
        samples.jobs_in_japan(table(*FIRMS[1:]), table(*GROUPS), "lower")
    with pytest.raises(SampleError, match="has no rows"):
        samples.jobs_in_japan(table(*FIRMS), table(*GROUPS), "lower", largest=10)


# ------------------------------------------------------------------------------------------------- growth and exits
def test_growth_before_the_long_difference():
    groups = table(filer("A", "01", group=[100, 110]), filer("B", "10", group=[50, 40]), filer("NEW", "1", first=2017))
    firms = table(firm("A", "000000001", parent=[1, *[100] * 8]), firm("NEW", "1"))  # hundredfold in eight years
    out = samples.growth_before(groups, firms).set_index("edinet_code")
    assert out["growth"].tolist() == close([100 * math.log(1.1), 100 * math.log(0.8)])
    assert out["fdi"].tolist() == [1, 0], "of 2017"
    assert out["group0"].tolist() == [100, 50]
    assert out["ln_group0"].tolist() == close([math.log(100), math.log(50)])
    assert out["sector"].tolist() == ["Machinery", "unknown"]
    assert out.attrs == {"sample": "all filers seen in 2016 and 2017", "left_out": {"not seen in 2016": 1}}
    listed = samples.growth_before(groups, firms, only_j=True)
    assert listed["edinet_code"].tolist() == ["A"]
    assert listed.attrs["left_out"] == {"not seen in 2016": 1, "not in J in 2017 and 2025": 1}
    with pytest.raises(SampleError, match="has no rows"):
        samples.growth_before(filer("NEW", "1", first=2017), firms)


def test_who_leaves_the_filings():
    groups = table(
        *(filer(f"S{n}", "0011", first=2022) for n in range(5)), filer("STAYS", "0" * 10), filer("GONE", "000"),
        filer("GAP", "0.0" + "0" * 7), filer("UNTOLD", "000", group=[5, 5, np.nan]), filer("NEW", "0", first=2025),
        filer("LATE", "0.0", first=2024),
    )  # fmt: skip
    out = samples.exits(samples.group_starters(groups), groups)
    assert out.loc[out["leaves"] == 1, ["edinet_code", "year"]].to_numpy().tolist() == [["GONE", 2018]]
    assert rows_of(out, "S0")["post"].tolist() == [0, 0, 1], "2025 is not at risk: what comes after is not known"
    assert rows_of(out, "UNTOLD")["leaves"].tolist() == [0, 0], "its report of 2018 lacks the headcount"
    assert out["year"].max() == 2024
    assert out.attrs["left_out"]["seen in 2025 alone"] == 1
    assert out.attrs["sample"] == "starters and never-investors of A, years before 2025"


def test_exits_refuses():
    stay = table(*(filer(f"S{n}", "0011", first=2022) for n in range(5)), filer("STAYS", "0" * 10))
    sample = samples.group_starters(stay)
    with pytest.raises(SampleError, match="no firm leaves"):
        samples.exits(sample, stay)
    with pytest.raises(SampleError, match="firm STAYS is not in group_panel's edinet_code"):
        samples.exits(sample, stay[stay["edinet_code"] != "STAYS"])


# ------------------------------------------------------------------------------------------------- small groups
@pytest.mark.parametrize("make", [
    lambda firms, groups, *size: samples.group_starters(groups, *size),
    lambda firms, groups, *size: samples.group_stoppers(groups, *size),
    lambda firms, groups, *size: samples.jobs_in_japan(firms, groups, "lower", *size),
], ids=["starters", "stoppers", "jobs in Japan"])  # fmt: skip
def test_small_groups_can_be_taken_of_a_sample(make):
    large = (filer("BIG", "0000", group=900), filer("HUGE", "1111", group=900), firm("BIG", "000", group=900))
    tables = table(*FIRMS, large[2]), table(*GROUPS, *large[:2])
    small, same = samples.at_most(make(*tables), 300), make(*tables, 300)
    assert len(small) < len(make(*tables))
    pd.testing.assert_frame_equal(small, same)
    assert small.attrs == same.attrs
    with pytest.raises(SampleError, match="at most 100 in the group in the first year' has no rows"):
        samples.at_most(make(*tables), 100)
    few = make(*tables).query("edinet_code not in ['S0', 'P0']")
    with pytest.raises(SampleError, match=r"marks 4 st.* against 1 (never|always)-investors; at least 5 and one"):
        samples.at_most(few, 300)


# ------------------------------------------------------------------------------------------------- the parent's staff
def test_pay_and_age_of_the_parents_staff():
    panel = table(*FIRMS, firm("IN", "00", average_pay_yen=[5e6, np.nan], average_age=[np.nan, 41.0]))
    out = samples.parents_staff(panel, table(*GROUPS))
    assert rows_of(out, "S0")["pay"].tolist() == close([100 * math.log(6e6)] * 3)
    assert rows_of(out, "S0")["post"].tolist() == [0, 1, 1]
    inside = rows_of(out, "IN")
    assert inside["pay"].tolist() == close([100 * math.log(5e6), math.nan], nan_ok=True)
    assert inside["age"].tolist() == close([math.nan, 41.0], nan_ok=True)
    same = samples.jobs_in_japan(panel, table(*GROUPS), "lower")
    assert out[["edinet_code", "year", "starter", "post"]].equals(same[["edinet_code", "year", "starter", "post"]].
                                                                  reset_index(drop=True))
    assert out.attrs["left_out"] == same.attrs["left_out"] | {
        "firm-years without average_pay_yen": 1, "firm-years without average_age": 1}


def test_the_staffs_false_starts_are_left_out():
    groups = table(*GROUPS, filer("F", "1011"), filer("M", "0100"))
    out = samples.parents_staff(table(*FIRMS, firm("F", "011"), firm("M", ".000")), groups)
    assert set(out["edinet_code"]) == set(table(*FIRMS)["edinet_code"])
    assert list(out.attrs["left_out"].values()) == [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize(("panel", "words"), [
    (table(*FIRMS).drop(columns="average_age"), "no column 'average_age'"),
    (table(*FIRMS, firm("Z", "00", average_pay_yen=[1.0, 0.0])), "average_pay_yen of firm Z in 2018 is not above zero"),
    (table(*FIRMS, firm("Z", "00", average_age=-1.0)), "average_age of firm Z in 2017 is not above zero"),
    (table(*FIRMS, firm("Z", "00", parent=300)), "group_employees of firm Z in 2017 is smaller"),
])  # fmt: skip
def test_what_the_parents_staff_refuses(panel, words):
    with pytest.raises(SampleError, match=f"sample 'starters and never-investors of J.*{words}"):
        samples.parents_staff(panel, table(*GROUPS))


# ------------------------------------------------------------------------------------------------- the yen's fall
def abroad(code: str, gain: float, fdi: str = "11111111", assets: float = 1e9, **more) -> pd.DataFrame:
    """An investor from 2017 on, whose translation adjustment grows by `gain` from 2021 to 2024."""
    years = [2017 + place for place, mark in enumerate(fdi) if mark != "."]
    held = {2021: 5.0, 2024: 5.0 + gain}
    return firm(code, fdi, **({"translation_adjustment_yen": [held.get(year, 1e12) for year in years],
                               "total_assets_yen": [assets if year == 2021 else 7.0 for year in years]} | more))


INVESTORS = tuple(abroad(f"I{n:03}", 3e6 * n) for n in range(101))


def test_the_dose_of_the_yens_fall_by_hand():
    left = (abroad("LATE", 1e8, "00000111"), abroad("GAP", 1e8, "11111.11"), abroad("STOP", 1e8, "11111110"),
            abroad("BLANK", np.nan), abroad("NONE", 1e8, assets=np.nan), abroad("IFRS", 1e8, ifrs_ever=1))
    panel = table(*INVESTORS, *left)
    before = panel.copy()
    out = samples.yen_exposure(panel.iloc[::-1])
    doses = out.groupby("edinet_code")["dose"].unique()
    assert {code: len(values) for code, values in doses.items()} == {f"I{n:03}": 1 for n in range(101)}
    for n in range(101):  # gain over assets over 0.30 is n hundredths; the ends are clipped at one hundredth of firms
        assert doses[f"I{n:03}"][0] == close(min(max(0.01 * n, 0.01), 0.99)), n
    assert list(out["edinet_code"] + out["year"].astype(str)) == sorted(out["edinet_code"] + out["year"].astype(str))
    assert out["parent"].unique().tolist() == [100]
    assert out["group"].unique().tolist() == [200]
    assert out["ln_group"].tolist() == close([math.log(200)] * len(out))
    assert out.attrs["sample"] == "firms of J with FDI in every year 2021–2024"
    assert out.attrs["left_out"] == {
        "not seen in every year 2021–2024": 1, "a year of 2021–2024 without FDI": 2,
        "translation adjustment of 2021 or 2024, or total assets of 2021, unknown": 2}
    pd.testing.assert_frame_equal(panel, before)


def test_years_around_the_yens_fall_stay():
    panel = table(*INVESTORS, abroad("OLD", 1e6, "0.1" + "1" * 7))  # its FDI of other years is of no matter
    out = samples.yen_exposure(panel)
    assert rows_of(out, "OLD")["year"].tolist() == [2017, 2019, *range(2020, 2026)]


def test_the_dose_follows_its_definition_in_the_books_table():
    firms = load("firm_panel")
    out = samples.yen_exposure(firms)
    of_firm = {code: rows.set_index("year") for code, rows in samples.sample_j(firms).groupby("edinet_code")}
    raw = {}
    for code, rows in of_firm.items():
        if all(year in rows.index and rows.loc[year, "fdi"] == 1 for year in (2021, 2022, 2023, 2024)):
            held = rows["translation_adjustment_yen"]
            raw[code] = (held[2024] - held[2021]) / rows.loc[2021, "total_assets_yen"] / 0.30
    low, high = np.percentile(list(raw.values()), [1, 99])
    found = out.drop_duplicates("edinet_code").set_index("edinet_code")["dose"].to_dict()
    assert found == {code: close(min(max(value, low), high)) for code, value in raw.items()}
    assert len(found) + sum(out.attrs["left_out"].values()) == len(of_firm)
    assert len(out) == sum(len(of_firm[code]) for code in raw)


@pytest.mark.parametrize(("panel", "words"), [
    pytest.param(table(*INVESTORS).drop(columns="translation_adjustment_yen"), "no column .translation", id="column"),
    pytest.param(table(*INVESTORS, INVESTORS[0]), "year 2017 of firm I000 stands there twice", id="twice"),
    pytest.param(table(*INVESTORS, abroad("TWO", 1.0).replace({"fdi": {1.0: 2.0}})), "fdi of firm TWO in 2017 is 2.0",
                 id="fdi of two"),
    pytest.param(table(*INVESTORS, abroad("POOR", 1.0, assets=0.0)), "total_assets_yen of firm POOR in 2021 is not",
                 id="no assets"),
    pytest.param(table(*INVESTORS[:4]), "4 firms with 4 different doses", id="four firms"),
    pytest.param(table(*(abroad(f"I{n}", 1.0) for n in range(9))), "9 firms with 1 different doses", id="one dose"),
])  # fmt: skip
def test_what_the_yens_exposure_refuses(panel, words):
    with pytest.raises(SampleError, match=f"sample 'firms of J with FDI in every year 2021–2024': {words}"):
        samples.yen_exposure(panel)
