"""Jobs in Japan, bounded, and everyone who files: starters, never-investors and stoppers of FDI.

An annual report gives the staff of the parent and of the group. Neither is jobs in Japan: domestic subsidiaries lie
between them. Where a firm has no FDI, the group's staff is all in Japan; where it has, jobs in Japan are bounded.
Sample A is everyone who files, whether or not they are still listed; J is that of `firms`. Each sample bears
`attrs["left_out"]`: why firms are not in it, and how many.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from goingglobal.samples.common import SampleError, called
from goingglobal.samples.firms import MIN_FDI_SHARE, long_differences, sample_j, size_limit, starters

PARENT = "parent_employees"  # the column with the staff of the filing company alone
FIRST_YEAR, LAST_YEAR = 2016, 2025  # 2015 and 2026 are fragments of years
MIN_TREATED = 5  # starters or stoppers below which nothing is compared
OF_J = ("ifrs_ever", "listed", "fdi", "sector", "group_employees", PARENT)  # what a table of J's firms must have
BOUNDS = ("lower", "upper", "worst")
# Columns of event times, −1 being the base; the first and the last hold what lies beyond, too.
PATH = {"m4": -4, "m3": -3, "m2": -2, **{f"p{time}": time for time in range(5)}}
UNKNOWN = "unknown"
OF_FALSE_STARTS = "starters and never-investors of J with FDI in an earlier filing"
YEN = (2021, 2024)  # the years between which the yen's fall is measured, ends included
YEN_FALL = 0.30  # about what foreign currencies gained in yen between the balance sheets of the two: a scale, no more


def _named(frame: pd.DataFrame, name: str, left_out: Mapping[str, int]) -> pd.DataFrame:
    """The sample with its name and the number of firms that each reason leaves out."""
    frame = called(frame, name)
    frame.attrs["left_out"] = {reason: int(count) for reason, count in left_out.items()}
    return frame


def _need(table: pd.DataFrame, columns: tuple[str, ...], sample: str) -> None:
    """Refuses a table that lacks a column, or has a firm twice in a year."""
    for column in ("edinet_code", "year", *columns):
        if column not in table:
            raise SampleError(f"sample {sample!r}: no column {column!r}")
    twice = table[table.duplicated(["edinet_code", "year"])]
    if len(twice):
        row = twice.iloc[0]
        raise SampleError(f"sample {sample!r}: year {row['year']} of firm {row['edinet_code']} stands there twice, so "
                          "that the firm could lie in both arms")


def _need_binary(rows: pd.DataFrame, sample: str) -> None:
    wrong = rows[~rows["fdi"].isin([0, 1])]
    if len(wrong):
        row = wrong.iloc[0]
        raise SampleError(f"sample {sample!r}: fdi of firm {row['edinet_code']} in {row['year']} is {row['fdi']}; 0 or "
                          "1 expected")


def _firms(rows: pd.DataFrame) -> int:
    return int(rows["edinet_code"].nunique())


def _enough(frame: pd.DataFrame, arm: str, treated: str, controls: str) -> pd.DataFrame:
    """The sample, where both arms can be compared."""
    of_firm = frame.groupby("edinet_code")[arm].first()
    there, others = int(of_firm.sum()), int(of_firm.eq(0).sum())
    if there < MIN_TREATED or not others:
        raise SampleError(f"sample {frame.attrs.get('sample')!r}: {arm!r} marks {there} {treated} against {others} "
                          f"{controls}; at least {MIN_TREATED} and one are needed")
    return frame


def _with_path(rows: pd.DataFrame, arm: str, start: str) -> pd.DataFrame:
    """Adds `event_time` (years from `start`; missing in the other arm) and the 0/1 columns in `PATH`."""
    time = (rows["year"] - rows[start]).where(rows[arm] == 1)
    binned = time.clip(min(PATH.values()), max(PATH.values()))
    return rows.assign(event_time=time, **{name: (binned == at).astype(int) for name, at in PATH.items()})


def _log(values: pd.Series) -> pd.Series:
    """Logs of what is above zero; missing elsewhere."""
    return np.log(values.where(values > 0))


def _complete(group_panel: pd.DataFrame, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of filers under Japanese standards, and those of them that sample A keeps."""
    japanese = group_panel[group_panel["ifrs_ever"] == 0]
    known = japanese["fdi"].notna() & (japanese["group_employees"] > 0)
    rows = japanese[known & japanese["year"].between(FIRST_YEAR, LAST_YEAR)]
    _need_binary(rows, name)
    return japanese, rows


def all_filers(group_panel: pd.DataFrame) -> pd.DataFrame:
    """Sample A: everyone who files under Japanese standards, with group headcount and known FDI, 2016–2025.

    `group_panel` is the table of that name. One row per firm and year, sorted. Adds `y` and `ln_group` (log of the
    group's headcount), `first_group` (persons in the group in the firm's first year in A), `ln_sales`, `ln_assets`
    (log yen; missing where not above zero) and `ln_sales_per_head`. `attrs["left_out"]` counts firms that use IFRS in
    some year and firms without any complete year.
    Raises `SampleError` for a missing column, a firm that is twice in a year, an `fdi` other than 0 or 1, and where
    nothing is left.
    """
    name = f"A: all filers under Japanese standards, {FIRST_YEAR}–{LAST_YEAR}"
    _need(group_panel, ("fdi", "ifrs_ever", "group_employees", "sales_yen", "total_assets_yen"), name)
    japanese, rows = _complete(group_panel, name)
    rows = rows.sort_values(["edinet_code", "year"])
    ln_group, ln_sales = np.log(rows["group_employees"]), _log(rows["sales_yen"])
    rows = rows.assign(
        y=ln_group, ln_group=ln_group, first_group=rows.groupby("edinet_code")["group_employees"].transform("first"),
        ln_sales=ln_sales, ln_assets=_log(rows["total_assets_yen"]), ln_sales_per_head=ln_sales - ln_group,
    )
    return _named(rows, name, {
        "IFRS in some year": _firms(group_panel[group_panel["ifrs_ever"] != 0]),
        f"no year of {FIRST_YEAR}–{LAST_YEAR} with group headcount and FDI known": _firms(japanese) - _firms(rows),
    })


def _histories(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per firm: first and last year seen, `first_fdi`, `last_fdi`, and the kind of its history."""
    firm, abroad = rows["edinet_code"], rows["year"].where(rows["fdi"] == 1)
    out = rows.groupby("edinet_code").agg(first=("year", "first"), last=("year", "last"), share=("fdi", "mean"))
    out["first_fdi"], out["last_fdi"] = abroad.groupby(firm).min(), abroad.groupby(firm).max()
    since = rows["fdi"].where(rows["year"] >= firm.map(out["first_fdi"])).groupby(firm).mean()
    until = rows["fdi"].where(rows["year"] <= firm.map(out["last_fdi"])).groupby(firm).mean()
    at_first, at_last = out["first_fdi"] == out["first"], out["last_fdi"] == out["last"]
    out["never"], out["always"] = out["share"] == 0, out["share"] == 1
    out["starter"] = (out["first_fdi"] > out["first"]) & (since >= MIN_FDI_SHARE)
    out["stopper"] = at_first & ~at_last & ~out["never"] & (until >= MIN_FDI_SHARE)
    return out


def _sized(frame: pd.DataFrame, largest: int | None, name: str, left_out: dict[str, int]) -> pd.DataFrame:
    if largest is None:
        return _named(frame, name, left_out)
    small = frame[frame["first_group"] <= largest]
    reason = f"more than {largest} in the group in the first year"
    return _named(small, f"{name}, at most {largest} in the group in the first year",
                  left_out | {reason: _firms(frame) - _firms(small)})


def _arms(everyone: pd.DataFrame, kinds: pd.DataFrame, arm: str, controls: str, change: pd.Series) -> pd.DataFrame:
    """Rows of two kinds of firms: `arm` (0/1), `first_fdi` (the year of the change; 0 for controls), `post` from it."""
    rows = everyone[everyone["edinet_code"].map(kinds[arm] | kinds[controls])]
    firm = rows["edinet_code"]
    rows = rows.assign(**{arm: firm.map(kinds[arm]).astype(int)})
    rows["first_fdi"] = firm.map(change).where(rows[arm] == 1, 0).astype(int)
    rows["post"] = ((rows[arm] == 1) & (rows["year"] >= rows["first_fdi"])).astype(int)
    return rows


def group_starters(group_panel: pd.DataFrame, largest: int | None = None) -> pd.DataFrame:
    """Starters of FDI and never-investors among all filers (A), one row per firm and year.

    A starter's first year with fdi = 1 is later than its first year in A, and fdi = 1 in at least 80 % of its years
    from then on; a never-investor has fdi = 0 in all. `largest` keeps groups of at most so many people in the firm's
    first year. Columns, besides those of `all_filers`: `starter`, `post` (0/1), `first_fdi` (year; 0 for never),
    `event_time` (years since `first_fdi`; missing for never), and 0/1 columns of event times for a path, named in
    `PATH`: `m4` (four years or more before), `m3`, `m2`, `p0` … `p4` (four or more after); the base is −1. In year 0
    part of a rise is accounting: the staff of the unit abroad joins the group.
    `attrs["left_out"]` counts firms without a year before their FDI, and firms whose FDI comes and goes.
    Raises `SampleError` as `all_filers` does, and below five starters or without never-investors.
    """
    everyone = all_filers(group_panel)
    kinds = _histories(everyone)
    rows = _arms(everyone, kinds, "starter", "never", kinds["first_fdi"])
    at_first = kinds["first_fdi"] == kinds["first"]
    frame = _sized(_with_path(rows, "starter", "first_fdi"), largest, "starters and never-investors of A", {
        "FDI in the first year seen, so no year before": at_first.sum(),
        "FDI comes and goes": (~at_first & ~kinds["starter"] & ~kinds["never"]).sum(),
    })
    return _enough(frame, "starter", "starters", "never-investors")


def group_stoppers(group_panel: pd.DataFrame, largest: int | None = None) -> pd.DataFrame:
    """Stoppers of FDI and always-investors among all filers (A), one row per firm and year.

    A stopper has fdi = 1 in its first year in A, its last year with fdi = 1 before its last year, and fdi = 1 in at
    least 80 % of the years up to then; an always-investor has fdi = 1 in all. Columns as in `group_starters`, with
    `stopper` for `starter`, and `first_without` (the year after the last one with FDI; 0 for always) for `first_fdi`:
    `post` is 1 from then on and event times count from it. `first_fdi` holds the same year, as
    `models.event_study` asks for the year of a change by this name.
    Raises `SampleError` as `all_filers` does, and below five stoppers or without always-investors.
    """
    everyone = all_filers(group_panel)
    kinds = _histories(everyone)
    rows = _arms(everyone, kinds, "stopper", "always", kinds["last_fdi"] + 1)
    rows["first_without"] = rows["first_fdi"]
    at_first = kinds["first_fdi"] == kinds["first"]
    frame = _sized(_with_path(rows, "stopper", "first_without"), largest, "stoppers and always-investors of A", {
        "no FDI in the first year seen": (~at_first).sum(),
        "FDI comes and goes": (at_first & ~kinds["stopper"] & ~kinds["always"]).sum(),
    })
    return _enough(frame, "stopper", "stoppers", "always-investors")


def at_most(sample: pd.DataFrame, largest: int) -> pd.DataFrame:
    """Firms of a sample whose group had at most `largest` people in the firm's first year (`first_group`).

    `sample` comes from `group_starters`, `group_stoppers` or `jobs_in_japan`, and the result is what these return with
    the same `largest`. Raises `SampleError` below five treated firms or without controls.
    """
    frame = _sized(sample, largest, sample.attrs.get("sample", "unnamed sample"), sample.attrs.get("left_out", {}))
    if "stopper" in frame:
        return _enough(frame, "stopper", "stoppers", "always-investors")
    return _enough(frame, "starter", "starters", "never-investors")


def with_firms(sample: pd.DataFrame, firm_panel: pd.DataFrame) -> pd.DataFrame:
    """A sample of A with what only `firm_panel` knows: the firms with a parent of 100 or more in 2026.

    Adds `in_firm_panel` (0/1), `sector` ("unknown" where it is not) and `within_sme_limit` (1 if the group's headcount
    in the firm's first year, `first_group`, is within the SME Basic Act's limit of its sector; missing where the sector
    or its limit is unknown). The Act counts a company's own staff or its capital; the group's is what A has.
    """
    _need(firm_panel, ("sector",), sample.attrs.get("sample", "unnamed sample"))
    first = firm_panel.drop_duplicates("edinet_code").set_index("edinet_code")["sector"]
    sector = sample["edinet_code"].map(first)
    limit = size_limit(sector).where(sector.notna())
    rows = sample.assign(
        in_firm_panel=sample["edinet_code"].isin(first.index).astype(int), sector=sector.fillna(UNKNOWN),
        within_sme_limit=(sample["first_group"] <= limit).astype(float).where(limit.notna()),
    )
    return _named(rows, sample.attrs.get("sample", "unnamed sample"), sample.attrs.get("left_out", {}))


def eligible(sample: pd.DataFrame, firm_panel: pd.DataFrame) -> pd.DataFrame:
    """A sample of A, firms whose SME limit is known, with `post` split by it.

    Adds to `with_firms` the columns `post_within` and `post_outside` (0/1): `post` of firms within and beyond the SME
    limit of their sector. Raises `SampleError` below five treated firms on either side.
    """
    arm = "stopper" if "stopper" in sample else "starter"
    whole = with_firms(sample, firm_panel)
    rows = whole[whole["within_sme_limit"].notna()]
    within = rows["within_sme_limit"] == 1
    frame = _named(rows.assign(post_within=rows["post"] * within, post_outside=rows["post"] * ~within),
                   f"{sample.attrs.get('sample', 'unnamed sample')}, SME limit known",
                   sample.attrs.get("left_out", {}) | {"SME limit unknown": _firms(whole) - _firms(rows)})
    for side, some in {"within": within, "beyond": ~within}.items():
        treated = _firms(rows[some & (rows[arm] == 1)])
        if treated < MIN_TREATED:
            raise SampleError(f"sample {frame.attrs['sample']!r}: {arm!r} marks {treated} firms {side} the SME limit; "
                              f"at least {MIN_TREATED} are needed")
    return frame


def _agreeing(firm_panel: pd.DataFrame, group_panel: pd.DataFrame, name: str) -> None:
    """Refuses tables that say different things of the FDI of one firm in one year."""
    both = firm_panel[["edinet_code", "year", "fdi"]].dropna().merge(
        group_panel[["edinet_code", "year", "fdi"]].dropna(), on=["edinet_code", "year"], suffixes=("", "_group"))
    wrong = both[both["fdi"] != both["fdi_group"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise SampleError(f"sample {name!r}: fdi of firm {row['edinet_code']} in {row['year']} is {row['fdi']:g} in "
                          f"firm_panel and {row['fdi_group']:g} in group_panel, so that it could lie in both arms")


def false_starts(firm_panel: pd.DataFrame, group_panel: pd.DataFrame) -> pd.DataFrame:
    """Firms of J whose filings show FDI before the start that J dates, or although J knows of none.

    J sees a firm in fewer years than the filings do: years before its first in J, and years between. One row per
    firm, none where no firm is such: `edinet_code`, `starter` (1: dated as a starter in J; 0: never-investor in J),
    `dated` (the start in J; 0 for never) and `abroad` (the first year with FDI in A).
    Raises `SampleError` where the tables disagree about the FDI of a firm in a year, and as `starters` does.
    """
    _need(firm_panel, OF_J, OF_FALSE_STARTS)
    return _false_starts(starters(firm_panel, outcome="group"), firm_panel, group_panel)


def _false_starts(rows: pd.DataFrame, firm_panel: pd.DataFrame, group_panel: pd.DataFrame) -> pd.DataFrame:
    """The `false_starts` among `rows`, those of `starters`."""
    _need(group_panel, ("fdi", "ifrs_ever", "group_employees"), OF_FALSE_STARTS)
    _agreeing(firm_panel, group_panel, OF_FALSE_STARTS)
    everyone = _complete(group_panel, OF_FALSE_STARTS)[1]
    abroad = everyone[everyone["fdi"] == 1].groupby("edinet_code")["year"].min()
    firms = rows.drop_duplicates("edinet_code")
    firms = firms[["edinet_code", "starter", "first_fdi"]].rename(columns={"first_fdi": "dated"})
    firms = firms.assign(abroad=firms["edinet_code"].map(abroad)).dropna(subset="abroad")
    wrong = firms[(firms["starter"] == 0) | (firms["abroad"] < firms["dated"])]
    wrong = wrong.astype({"abroad": int}).reset_index(drop=True)
    wrong.attrs = {"sample": OF_FALSE_STARTS, "left_out": {}}
    return wrong


def jobs_in_japan(
    firm_panel: pd.DataFrame, group_panel: pd.DataFrame, bound: str, largest: int | None = None
) -> pd.DataFrame:
    """Jobs in Japan of starters and never-investors of J, bounded; one row per firm and year.

    For never-investors, and for starters before their start, jobs in Japan are the group's. From the start on, by
    `bound`: "upper", the group's, as if nobody worked abroad; "lower", the parent's and those of the domestic
    subsidiaries, of which no more are counted than in the last year before the start and no more than the group now
    has beside its parent (assumed: they did not shrink behind growth abroad); "worst", the parent's alone.
    `largest` keeps groups of at most so many people in the firm's first year in J. The `false_starts` are left out.
    Columns: `jobs` (persons), `y` (its log), `ln_parent`, `ln_group`, `starter`, `post` (0/1), `first_fdi` (0 for
    never), `event_time` and the columns of `PATH` as in `group_starters`, `parent`, `group`, `first_group` (persons).
    `attrs["left_out"]` counts the false starts, the firms abroad from their first year, those whose FDI comes and goes.
    Raises `SampleError` for another bound; for a parent or a group that is not above zero, or a group smaller than its
    parent, naming the firm; as `false_starts` does; and below five starters or without never-investors.
    """
    if bound not in BOUNDS:
        raise SampleError(f"jobs in Japan: bound {bound!r}; expected one of {', '.join(BOUNDS)}")
    name = f"starters and never-investors of J, jobs in Japan ({bound} bound)"
    _need(firm_panel, OF_J, name)
    with np.errstate(divide="ignore"):  # of a headcount of 0, which is refused here
        panel = sample_j(firm_panel)
    _need_binary(panel, name)
    for column in (PARENT, "group_employees"):
        for row in panel[~(panel[column] > 0)].head(1).itertuples():
            raise SampleError(f"sample {name!r}: {column} of firm {row.edinet_code} in {row.year} is not above zero")
    for row in panel[panel["group_employees"] < panel[PARENT]].head(1).itertuples():
        raise SampleError(f"sample {name!r}: group_employees of firm {row.edinet_code} in {row.year} is smaller than "
                          "its parent's headcount")
    rows = starters(firm_panel, outcome="group")
    false = _false_starts(rows, firm_panel, group_panel)
    kinds = _histories(panel)
    at_first, used = kinds["first_fdi"] == kinds["first"], kinds.index.isin(rows["edinet_code"])
    rows = rows[~rows["edinet_code"].isin(false["edinet_code"])]
    rows = rows[["edinet_code", "year", "sector", "fdi", "starter", "first_fdi", "post"]].assign(
        parent=rows[PARENT], group=rows["group_employees"])
    beside = rows["group"] - rows["parent"]  # subsidiaries; all of them domestic before the start
    before = beside.where(rows["year"] < rows["first_fdi"]).groupby(rows["edinet_code"]).transform("last")
    after = {"upper": rows["group"], "worst": rows["parent"], "lower": rows["parent"] + np.minimum(beside, before)}
    rows["jobs"] = after[bound].where(rows["post"] == 1, rows["group"])
    rows = rows.assign(y=np.log(rows["jobs"]), ln_parent=np.log(rows["parent"]), ln_group=np.log(rows["group"]),
                       first_group=rows.groupby("edinet_code")["group"].transform("first"))
    frame = _sized(_with_path(rows, "starter", "first_fdi"), largest, name, {
        "FDI in the first year seen, so no year before": at_first.sum(),
        "FDI comes and goes": (~at_first & ~used).sum(),
        "starter with FDI in an earlier filing": false["starter"].sum(),
        "never-investor with FDI in a filing": false["starter"].eq(0).sum(),
    })
    return _enough(frame, "starter", "starters", "never-investors")


def parents_staff(firm_panel: pd.DataFrame, group_panel: pd.DataFrame) -> pd.DataFrame:
    """Pay and age of the parent's staff, of the starters and never-investors of `jobs_in_japan`; a row per firm-year.

    Columns added: `pay` (100 × log of the average yearly pay in yen) and `age` (average age, years), both of the
    parent's staff alone, as reports give them; missing where the report does. `attrs["left_out"]` also counts the
    firm-years without pay and those without age. Raises `SampleError` for pay or age that is not above zero, naming the
    firm, and as `jobs_in_japan` does.
    """
    name = "starters and never-investors of J, staff of the parent"
    _need(firm_panel, (*OF_J, "average_pay_yen", "average_age"), name)
    rows = jobs_in_japan(firm_panel, group_panel, "worst")
    left_out = rows.attrs["left_out"]
    known = firm_panel[["edinet_code", "year", "average_pay_yen", "average_age"]]
    rows = rows.merge(known, on=["edinet_code", "year"], how="left", validate="1:1")
    for column in ("average_pay_yen", "average_age"):
        for row in rows[rows[column] <= 0].head(1).itertuples():
            raise SampleError(f"sample {name!r}: {column} of firm {row.edinet_code} in {row.year} is not above zero")
        left_out = left_out | {f"firm-years without {column}": rows[column].isna().sum()}
    rows = rows.assign(pay=100 * np.log(rows["average_pay_yen"]), age=rows["average_age"])
    return _named(rows, name, left_out)


def yen_exposure(firm_panel: pd.DataFrame) -> pd.DataFrame:
    """Firms of J abroad throughout the yen's fall, and how much of them it touched; one row per firm and year.

    Kept are firms seen with fdi = 1 in every year 2021–2024, in all their years up to 2025. A weaker yen makes assets
    abroad worth more yen; the translation adjustment holds the gain. `dose` is its change from 2021 to 2024 over the
    total assets of 2021, divided by `YEN_FALL`: roughly the share of net assets abroad, measured in the shock itself
    and so moved by purchases and sales of those years, too. It is clipped at its 1st and 99th percentile over firms.
    Columns added: `parent`, `group` (persons) beside their logs `ln_parent` and `ln_group`.
    `attrs["left_out"]` counts firms of J that are not seen in all four years, that have a year of the four without FDI,
    and whose translation adjustment (2021, 2024) or total assets (2021) are unknown.
    Raises `SampleError` for total assets that are not above zero, naming the firm, where fewer than five firms are
    left, and where all have the same dose.
    """
    first, last = YEN
    name = f"firms of J with FDI in every year {first}–{last}"
    _need(firm_panel, (*OF_J, "translation_adjustment_yen", "total_assets_yen"), name)
    panel = sample_j(firm_panel)
    _need_binary(panel, name)
    panel = panel[panel["year"] <= LAST_YEAR]
    during = panel[panel["year"].between(first, last)].groupby("edinet_code")["fdi"].agg(["size", "min"])
    whole = during[during["size"] == last - first + 1]
    abroad = whole.index[whole["min"] == 1]
    by_year = panel[panel["edinet_code"].isin(abroad)].set_index(["edinet_code", "year"])
    start, end = by_year.xs(first, level="year"), by_year.xs(last, level="year")
    for firm in start.index[start["total_assets_yen"] <= 0][:1]:
        raise SampleError(f"sample {name!r}: total_assets_yen of firm {firm} in {first} is not above zero")
    gain = end["translation_adjustment_yen"] - start["translation_adjustment_yen"]
    dose = (gain / start["total_assets_yen"] / YEN_FALL).dropna()
    if len(dose) < MIN_TREATED or dose.nunique() == 1:
        raise SampleError(f"sample {name!r}: {len(dose)} firms with {dose.nunique()} different doses; at least "
                          f"{MIN_TREATED} firms and two doses are needed")
    dose = dose.clip(dose.quantile(0.01), dose.quantile(0.99))
    rows = panel[panel["edinet_code"].isin(dose.index)]
    rows = rows.assign(dose=rows["edinet_code"].map(dose), parent=rows[PARENT], group=rows["group_employees"])
    return _named(rows, name, {
        f"not seen in every year {first}–{last}": _firms(panel) - len(whole),
        f"a year of {first}–{last} without FDI": len(whole) - len(abroad),
        f"translation adjustment of {first} or {last}, or total assets of {first}, unknown": len(abroad) - len(dose),
    })


def growth_before(
    group_panel: pd.DataFrame, firm_panel: pd.DataFrame, only_j: bool = False, first: int = 2016, last: int = 2017
) -> pd.DataFrame:
    """Growth of the group before the long difference begins: a placebo, one row per filer seen in both years.

    Columns: `growth` (percentage points a year), `fdi` (of `last`), `ln_group0` and `group0` (of `first`), and those of
    `with_firms`. `only_j` keeps the firms of the long difference (J in 2017 and 2025, however fast they grew).
    `attrs["left_out"]` counts filers seen in `last` but not in `first`. Raises `SampleError` where nothing is left.
    """
    everyone = all_filers(group_panel)
    start = everyone[everyone["year"] == first].set_index("edinet_code")
    rows = everyone[everyone["year"] == last]
    left_out = {f"not seen in {first}": (~rows["edinet_code"].isin(start.index)).sum()}
    rows = rows[rows["edinet_code"].isin(start.index)]
    before = start.reindex(rows["edinet_code"])  # not by map: of no rows it makes text
    rows = rows[["edinet_code", "fdi", "first_group"]].assign(
        growth=100 / (last - first) * (rows["ln_group"] - before["ln_group"].to_numpy()),
        ln_group0=before["ln_group"].to_numpy(), group0=before["group_employees"].to_numpy())
    name = f"all filers seen in {first} and {last}"
    if only_j:
        kept = rows["edinet_code"].isin(long_differences(firm_panel, limit=None)["edinet_code"])
        left_out["not in J in 2017 and 2025"] = (~kept).sum()
        rows, name = rows[kept], f"{name}, J in 2017 and 2025"
    return with_firms(_named(rows, name, left_out), firm_panel)


def exits(sample: pd.DataFrame, group_panel: pd.DataFrame) -> pd.DataFrame:
    """Firm-years in which a filer can leave the filings: a discrete-time hazard's sample, up to 2024.

    `sample` comes from `group_starters` or `group_stoppers`. `leaves` is 1 in the last year of a firm without any
    later row in `group_panel`, complete or not: a year that is missing in between is no exit, and a firm whose last
    report lacks what `all_filers` asks for is seen until the one before, without an exit. A starter is at risk as a
    firm without FDI until it starts, and from then on with `post` = 1: it could not have started after leaving.
    `attrs["left_out"]` counts firms first seen in the last year.
    Raises `SampleError` for a firm that is not in `group_panel`, and where nobody leaves.
    """
    for firm in sample.loc[~sample["edinet_code"].isin(group_panel["edinet_code"]), "edinet_code"].head(1):
        raise SampleError(f"sample {sample.attrs.get('sample')!r}: firm {firm} is not in group_panel's edinet_code")
    last = group_panel.groupby("edinet_code")["year"].max()
    rows = sample[sample["year"] < LAST_YEAR]
    rows = rows.assign(leaves=(rows["year"] == rows["edinet_code"].map(last)).astype(int))
    frame = _named(rows, f"{sample.attrs.get('sample', 'unnamed sample')}, years before {LAST_YEAR}",
                   sample.attrs.get("left_out", {}) | {f"seen in {LAST_YEAR} alone": _firms(sample) - _firms(rows)})
    if not frame["leaves"].any():
        raise SampleError(f"sample {frame.attrs['sample']!r}: no firm leaves the filings")
    return frame
