"""Samples of chapters 3 and 4: each rule by a loop over firms, what is left out, each refusal."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from goingglobal import load, samples
from goingglobal.samples import SampleError


@pytest.fixture(scope="module")
def jobs() -> pd.DataFrame:
    return samples.jobs_in_japan(load("firm_panel"), load("group_panel"), "lower")


def by_firm(frame: pd.DataFrame):
    return frame.sort_values(["edinet_code", "year"]).groupby("edinet_code")


# ------------------------------------------------------------------------------------------------- sectors
def firms_of(**counts: tuple[int, int]) -> pd.DataFrame:
    rows = [(sector, fdi) for sector, (goes, stays) in counts.items() for fdi in [1] * goes + [0] * stays]
    frame = pd.DataFrame(rows, columns=["sector", "fdi"])
    frame.attrs["sample"] = "made up"
    return frame


def test_sectors_with_enough_of_both_kinds_are_kept():
    table = firms_of(even=(5, 5), many=(40, 6), few=(40, 4), none=(0, 9), one=(1, 30))
    kept = samples.shared_sectors(table)
    assert kept["sector"].value_counts().to_dict() == {"even": 10, "many": 46}
    assert kept.attrs == {"sample": "made up, sectors with 5 investors and 5 stayers or more",
                          "left_out": {"few": 44, "none": 9, "one": 31}}  # fmt: skip
    assert set(samples.shared_sectors(table, 1)["sector"]) == {"even", "many", "few", "one"}


def test_no_sector_with_enough_is_refused():
    with pytest.raises(SampleError, match=r"'made up, sectors with 5 .*': none of 2 sectors has so many"):
        samples.shared_sectors(firms_of(a=(4, 9), b=(9, 4)))


# ------------------------------------------------------------------------------------------------- accounts
def test_accounts_are_those_of_the_first_year(jobs):
    panel = load("firm_panel")
    kept = samples.jobs_with_accounts(jobs, panel)
    at = panel.set_index(["edinet_code", "year"])
    missing = 0
    for code, rows in by_firm(jobs):
        start = at.loc[(code, rows["year"].iloc[0])]
        known = [start["total_assets_yen"], start["operating_income_yen"], start["average_pay_yen"],
                 start["average_age"]]  # fmt: skip
        found = kept[kept["edinet_code"] == code]
        if pd.isna(known).any():
            missing += 1
            assert found.empty
            continue
        assert len(found) == len(rows)
        assert found["y"].tolist() == rows["y"].tolist()
        wanted = [math.log(start["parent_employees"]), math.log(known[0]), known[1] / known[0], math.log(known[2]),
                  known[3], math.log(rows["group"].iloc[0])]  # fmt: skip
        names = ["ln_parent0", "ln_assets", "profitability", "ln_pay", "average_age", "ln_group0"]
        assert found[names].drop_duplicates().to_numpy().tolist() == [pytest.approx(wanted)]
    assert missing > 0
    assert kept.attrs["left_out"] == jobs.attrs["left_out"] | {"no complete accounts in the first year": missing}


def test_groups_need_assets_and_sales_of_their_first_year():
    filers = samples.group_starters(load("group_panel"))
    kept = samples.group_with_accounts(filers)
    start = by_firm(filers).head(1).set_index("edinet_code")
    whole = start[["ln_group", "ln_assets", "ln_sales"]].dropna()
    assert set(kept["edinet_code"]) == set(whole.index)
    assert kept.attrs["left_out"]["no assets or sales in the first year"] == len(start) - len(whole) > 0
    for new, old in {"ln_group0": "ln_group", "ln_assets0": "ln_assets", "ln_sales0": "ln_sales"}.items():
        assert (kept[new] == kept["edinet_code"].map(whole[old])).all()


def test_groups_of_one_arm_are_refused():
    filers = samples.group_starters(load("group_panel"))
    filers.loc[filers["starter"] == 1, "ln_sales"] = np.nan
    with pytest.raises(SampleError, match=r"assets and sales of the first year known': an arm has no firm"):
        samples.group_with_accounts(filers)


# ------------------------------------------------------------------------------------------------- the legal limit
def test_the_limit_is_held_against_the_parent_of_the_first_year(jobs):
    kept = samples.jobs_by_limit(jobs)
    limits = {"Wholesale trade": 100, "Services": 100, "Retail trade": 50}
    unclear, within = 0, 0
    for code, rows in by_firm(jobs):
        sector, parent = rows["sector"].iloc[0], rows["parent"].iloc[0]
        found = kept[kept["edinet_code"] == code]
        if sector == "Information and communication":
            unclear += 1
            assert found.empty
            continue
        inside = int(parent <= limits.get(sector, 300))
        within += inside and int(rows["starter"].iloc[0])
        assert (found["within"] == inside).all()
        assert (found["post_within"] == rows["post"].to_numpy() * inside).all()
        assert (found["post_outside"] == rows["post"].to_numpy() * (1 - inside)).all()
    assert kept.attrs["left_out"]["SME limit unclear"] == unclear > 0
    assert within == 11


def test_only_unclear_sectors_are_refused(jobs):
    with pytest.raises(SampleError, match="SME limit known' has no rows"):
        samples.jobs_by_limit(jobs[jobs["sector"] == samples.UNCLEAR_LIMIT])


# ------------------------------------------------------------------------------------------------- growth
def test_growth_is_from_the_first_year_to_the_last(jobs):
    grown = samples.jobs_growth(jobs).set_index("edinet_code")
    once = 0
    for code, rows in by_firm(jobs):
        start, end = rows.iloc[0], rows.iloc[-1]
        years = end["year"] - start["year"]
        if not years:
            once += 1
            assert code not in grown.index
            continue
        row = grown.loc[code]
        wanted = [100 * math.log(end[name] / start[name]) / years for name in ("jobs", "group", "parent")]
        assert row[["jobs", "group", "parent"]].tolist() == pytest.approx(wanted, abs=1e-9)
        assert row[["starter", "parent0", "group0", "first_year", "years"]].tolist() == [
            start["starter"], start["parent"], start["group"], start["year"], years]  # fmt: skip
    assert grown.attrs["left_out"] == {"seen in one year only": once}
    assert (grown["jobs"] <= grown["group"] + 1e-9).all()


def test_firms_of_one_year_are_refused(jobs):
    with pytest.raises(SampleError, match="growth a year' has no rows"):
        samples.jobs_growth(jobs[jobs["year"] == 2020])


# ------------------------------------------------------------------------------------------------- management
def test_all_countries_of_the_management_survey():
    table = load("firm_management")
    every = samples.management(table, None)
    assert len(every) == (table["mne_f"] == 0).sum() == sum(
        len(samples.management(table, country)) for country in every["country"].unique())  # fmt: skip
    known = samples.management(table, None, ownership_known=True)
    assert known["ownership"].notna().all()
    assert known.attrs["sample"] == "World Management Survey, all countries, not foreign-owned, owner stated"
