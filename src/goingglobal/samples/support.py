"""Samples of chapters 3 and 4: sectors where both kinds of firms are, accounts of starters, growth of jobs by firm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from goingglobal.samples.common import SampleError, called
from goingglobal.samples.firms import size_limit, starter_covariates
from goingglobal.samples.jobs import PARENT

ACCOUNTS = ("total_assets_yen", "operating_income_yen", "average_pay_yen", "average_age")


def _named(frame: pd.DataFrame, name: str, left_out: dict[str, int]) -> pd.DataFrame:
    frame = called(frame, name)
    frame.attrs["left_out"] = {reason: int(count) for reason, count in left_out.items() if count}
    return frame


def shared_sectors(sample: pd.DataFrame, least: int = 5) -> pd.DataFrame:
    """Firms of the sectors with at least `least` investors and as many stayers, so that each has several to compare.

    `sample` has one row per firm, with `sector` and `fdi` (0/1), as `investors` and `long_differences` do.
    `attrs["left_out"]` has the other sectors with their firms. Raises `SampleError` where no sector is left.
    """
    goes = sample.groupby("sector")["fdi"].agg(["sum", "size"])
    enough = (goes["sum"] >= least) & (goes["size"] - goes["sum"] >= least)
    kept = sample[sample["sector"].map(enough)]
    name = f"{sample.attrs.get('sample', 'firms')}, sectors with {least} investors and {least} stayers or more"
    if kept.empty:
        raise SampleError(f"sample {name!r}: none of {len(goes)} sectors has so many")
    return _named(kept, name, goes.loc[~enough, "size"].to_dict())


def jobs_with_accounts(jobs: pd.DataFrame, firm_panel: pd.DataFrame) -> pd.DataFrame:
    """A `jobs_in_japan` sample with the accounts of each firm's first year (`COVARIATES`), complete firms only.

    Adds `ln_group0`, the log of the group's first headcount. `attrs["left_out"]` counts the firms without complete
    accounts too. Raises `SampleError` where an arm is left empty.
    """
    accounts = firm_panel[["edinet_code", "year", PARENT, *ACCOUNTS]]
    with_accounts = called(jobs.merge(accounts, on=["edinet_code", "year"], how="left"), jobs.attrs["sample"])
    kept = starter_covariates(with_accounts)
    missing = jobs["edinet_code"].nunique() - kept["edinet_code"].nunique()
    left_out = jobs.attrs.get("left_out", {}) | {"no complete accounts in the first year": missing}
    return _named(kept.assign(ln_group0=np.log(kept["first_group"])), kept.attrs["sample"], left_out)


def group_with_accounts(sample: pd.DataFrame) -> pd.DataFrame:
    """A `group_starters` sample with headcount, assets and sales of each firm's first year, complete firms only.

    Adds `ln_group0`, `ln_assets0`, `ln_sales0` (logs). `attrs["left_out"]` counts the firms without them.
    Raises `SampleError` where an arm is left empty.
    """
    first = sample.sort_values(["edinet_code", "year"]).drop_duplicates("edinet_code").set_index("edinet_code")
    names = {f"{name}0": name for name in ("ln_group", "ln_assets", "ln_sales")}
    rows = sample.assign(**{new: sample["edinet_code"].map(first[old]) for new, old in names.items()})
    kept = rows.dropna(subset=list(names))
    missing = len(first) - kept["edinet_code"].nunique()
    name = f"{sample.attrs.get('sample', 'starters')}, assets and sales of the first year known"
    frame = _named(kept, name, sample.attrs.get("left_out", {}) | {"no assets or sales in the first year": missing})
    if frame["starter"].nunique() < 2:
        raise SampleError(f"sample {name!r}: an arm has no firm with complete accounts")
    return frame


def jobs_by_limit(jobs: pd.DataFrame) -> pd.DataFrame:
    """A `jobs_in_japan` sample, `post` split by whether the parent is within its sector's SME limit in its first year.

    The Act counts a company's own staff, so the parent's. Adds `within` (0/1), `post_within` and `post_outside`.
    `attrs["left_out"]` counts firms of sectors whose limit is unclear. Raises `SampleError` where none has a limit.
    """
    limit = size_limit(jobs["sector"])
    within = jobs.groupby("edinet_code")["parent"].transform("first") <= limit
    kept = jobs.assign(within=within.astype(int), post_within=jobs["post"] * within,
                       post_outside=jobs["post"] * ~within)[limit.notna()]  # fmt: skip
    unclear = jobs["edinet_code"].nunique() - kept["edinet_code"].nunique()
    return _named(kept, f"{jobs.attrs.get('sample', 'starters')}, SME limit known",
                  jobs.attrs.get("left_out", {}) | {"SME limit unclear": unclear})


def jobs_growth(jobs: pd.DataFrame) -> pd.DataFrame:
    """Yearly growth over a firm's years in a `jobs_in_japan` sample: one row per starter or never-investor.

    Columns: `jobs` (by the sample's bound), `group` (the upper bound) and `parent` (percentage points a year, first to
    last year seen), `starter` (0/1), `parent0` and `group0` (persons, first year), `sector`, `first_year`, `years`
    (between the two). `attrs["left_out"]` counts firms seen in one year only. Raises `SampleError` where none is left.
    """
    by_firm = jobs.sort_values(["edinet_code", "year"]).groupby("edinet_code")
    start, end = by_firm.head(1).set_index("edinet_code"), by_firm.tail(1).set_index("edinet_code")
    out = start[["sector", "starter"]].assign(
        parent0=start["parent"], group0=start["group"], first_year=start["year"], years=end["year"] - start["year"])
    out = out[out["years"] > 0]
    for name, column in {"jobs": "y", "group": "ln_group", "parent": "ln_parent"}.items():
        out[name] = 100 * (end[column] - start[column]).loc[out.index] / out["years"]
    return _named(out.reset_index(), f"{jobs.attrs.get('sample', 'starters')}, growth a year",
                  {"seen in one year only": len(start) - len(out)})
