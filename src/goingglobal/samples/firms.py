"""Samples of firms: who is in J, who is a starter, who is compared with whom."""

from __future__ import annotations

import numpy as np
import pandas as pd

from goingglobal.samples.common import SampleError, called

MIN_FDI_SHARE = 0.8
JUMP_LIMIT = 25.0
# The covariates of chapters 3 and 4, in the base year: what the accounts say about who could afford to go.
COVARIATES = ("ln_parent0", "ln_assets", "profitability", "ln_pay", "average_age", "manufacturing")
MANUFACTURING = (
    "Chemicals", "Electric appliances", "Foods", "Glass and ceramics products", "Iron and steel", "Machinery",
    "Metal products", "Nonferrous metals", "Oil and coal products", "Other products", "Pharmaceutical",
    "Precision instruments", "Pulp and paper", "Rubber products", "Textiles and apparels", "Transportation equipment",
)
# Employees up to which the SME Basic Act (article 2) calls a firm an SME. Information and communication holds both
# software (a service) and media; the Act's line between them can't be drawn with 33 sectors.
SIZE_LIMITS = {"Wholesale trade": 100, "Services": 100, "Retail trade": 50}
UNCLEAR_LIMIT = "Information and communication"
# What a reader's own panel may hold beside the columns of `firm_panel` (see `own`); kept where it is there.
OWN_COLUMNS = ("manufacturing", "size_class", "sampling_weight")


def _with_group(firms: pd.DataFrame) -> pd.Series:
    """Rows with a group headcount; all rows where no row has one (a reader's panel need not know the group)."""
    known = firms["group_employees"].notna()
    return known if known.any() else ~known


def _before_fdi_is_known(firms: pd.DataFrame) -> pd.Series:
    """Rows older than a firm's first year of known FDI: headcounts of a later report, without a balance sheet."""
    known = firms["fdi"].notna()
    if known.all():
        return ~known
    first = firms["year"].where(known).groupby(_firm(firms)).transform("min")
    return firms["year"] < first


def _firm(rows: pd.DataFrame) -> np.ndarray:
    """A number for each row's firm: rows are grouped by it faster than by text."""
    return rows["edinet_code"].factorize()[0]


def sample_j(firms: pd.DataFrame) -> pd.DataFrame:
    """Sample J: listed in 2026, never IFRS, with a consolidated headcount in the year; from the first known FDI on.

    *Parent* is the filing company alone: the group's domestic subsidiaries are jobs in Japan too and count in the
    group's headcount only. `firms` is the table `firm_panel`, or a reader's own from `own.check`. Adds `ln_parent`,
    `ln_group` (log headcounts) and `parent_share` (parent over group, in %). Raises `SampleError` if nothing is left.
    """
    rows = firms[(firms["ifrs_ever"] == 0) & (firms["listed"] == 1) & _with_group(firms)]
    rows = rows[~_before_fdi_is_known(rows)]
    rows = rows.sort_values(["edinet_code", "year"])
    rows = rows.assign(
        ln_parent=np.log(rows["parent_employees"]), ln_group=np.log(rows["group_employees"]),
        parent_share=100 * rows["parent_employees"] / rows["group_employees"],
    )
    return called(rows, "J: listed Japanese firms under Japanese standards, 2017–2025")


def long_differences(
    firms: pd.DataFrame, first: int = 2017, last: int = 2025, limit: float | None = JUMP_LIMIT,
    largest_parent: int | None = None,
) -> pd.DataFrame:
    """One row per firm of J seen in both years, with yearly log growth of the parent's and the group's headcount.

    Parameters: `limit`, drop firms with |parent growth| of `limit` or more (percentage points a
    year; None keeps all); `largest_parent`, keep parents with at most so many employees in
    `first`. Columns: `parent`, `group` (percentage points a year), `fdi`, `ln_parent0`,
    `ln_group0`, `parent0`, `sector`, `parent_share0`, `parent_share1` (%), and the accounts of `first`.
    """
    panel = sample_j(firms)
    start = panel[panel["year"] == first].set_index("edinet_code")
    end = panel[panel["year"] == last].set_index("edinet_code")
    both = start.index.intersection(end.index)
    start, end = start.loc[both], end.loc[both]
    years = last - first
    out = start[["fdi", "sector", "reorganised", "average_pay_yen", "average_age", "total_assets_yen",
                 "operating_income_yen", *(c for c in OWN_COLUMNS if c in start)]].copy()
    out["parent"] = 100 / years * (end["ln_parent"] - start["ln_parent"])
    out["group"] = 100 / years * (end["ln_group"] - start["ln_group"])
    out["parent0"], out["ln_parent0"] = start["parent_employees"], start["ln_parent"]
    out["ln_group0"] = start["ln_group"]
    out["parent_share0"], out["parent_share1"] = start["parent_share"], end["parent_share"]
    name = f"J in {first} and {last}"
    if limit is not None:
        out = out[out["parent"].abs() < limit]
        name += f", |parent growth| < {limit:g}"
    if largest_parent is not None:
        out = out[out["parent0"] <= largest_parent]
        name += f", parents of at most {largest_parent} in {first}"
    return called(out.reset_index(), name)


def starters(
    firms: pd.DataFrame, trim: float | None = None, outcome: str = "parent", min_fdi_share: float = MIN_FDI_SHARE
) -> pd.DataFrame:
    """Starters of FDI and never-investors of J, one row per firm-year.

    A starter's first year with fdi = 1 is later than its first year in J, and fdi = 1 in at
    least `min_fdi_share` of its J-years from then on. A never-investor has fdi = 0 in all.
    `trim` drops firms whose largest absolute yearly change of the log headcount (`outcome`: "parent" or
    "group") is not below it. Columns added: `starter` (0/1), `first_fdi` (year; 0 for never), `post` (0/1), `y` (the
    log headcount), `first_parent` (the parent's in the firm's first year in J), `jump` (the firm's largest absolute
    change of `y` in a year; across years in which it isn't seen, the yearly average).

    Raises `SampleError` where no starter or no never-investor is left.
    """
    if outcome not in ("parent", "group"):
        raise SampleError(f"outcome {outcome!r}: expected 'parent' or 'group'")
    panel = sample_j(firms)
    firm = _firm(panel)
    by_firm = panel.groupby(firm)
    first_seen = by_firm["year"].transform("min")
    first_fdi = panel["year"].where(panel["fdi"] == 1).groupby(firm).transform("min")
    since = panel["fdi"].where(panel["year"] >= first_fdi).groupby(firm).transform("mean")
    panel["starter"] = ((first_fdi > first_seen) & (since >= min_fdi_share)).astype(int)
    never = by_firm["fdi"].transform("max").eq(0)
    panel["y"] = panel[f"ln_{outcome}"]
    panel["first_fdi"] = first_fdi.where(panel["starter"] == 1, 0).astype(int)
    panel["post"] = ((panel["starter"] == 1) & (panel["year"] >= panel["first_fdi"])).astype(int)
    panel["first_parent"] = by_firm["parent_employees"].transform("first")
    keep = panel[(panel["starter"] == 1) | never]
    firm = _firm(keep)
    by_firm = keep.groupby(firm)
    yearly = (by_firm["y"].diff() / by_firm["year"].diff()).abs()
    jump = yearly.groupby(firm).transform("max").fillna(0)
    name = f"starters and never-investors of J, {outcome} headcount, "
    frame = called(keep.assign(jump=jump), name + "untrimmed")
    return _two_groups(frame) if trim is None else trim_jumps(frame, trim)


def trim_jumps(frame: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Firms of a `starters` sample whose largest yearly log change (`jump`) is below `limit`, a strict bound.

    Raises `SampleError` where no starter or no never-investor is left.
    """
    name = frame.attrs["sample"].rsplit(", ", 1)[0] + f", largest yearly log change below {limit:g}"
    return _two_groups(called(frame[frame["jump"] < limit], name))


def _two_groups(frame: pd.DataFrame) -> pd.DataFrame:
    starter = frame.drop_duplicates("edinet_code")["starter"]
    if not (starter.eq(1).any() and starter.eq(0).any()):
        raise SampleError(f"sample {frame.attrs['sample']!r}: {int(starter.sum())} starters and "
                          f"{int(starter.eq(0).sum())} controls")
    return frame


def event_window(frame: pd.DataFrame, before: int, after: int) -> pd.DataFrame:
    """Starters' rows from `before` years ahead of the first year with FDI to `after` years past it.

    `frame` comes from `starters`; never-investors stay whole. Far event times rest on a few firms of a few
    cohorts; a window leaves them out of path and bounds alike.
    """
    distance = frame["year"] - frame["first_fdi"]
    inside = (frame["starter"] == 0) | distance.between(-before, after)
    return called(frame[inside], f"{frame.attrs.get('sample', 'starters')}, event times −{before} to {after}")


def group_long_differences(groups: pd.DataFrame, first: int = 2017, last: int = 2025) -> pd.DataFrame:
    """All filers with a group headcount in `first`, survivors or not.

    `groups` is the table `group_panel`. One row per filer: `fdi` (of `first`), `ln_group0`,
    `survived` (1 if a headcount is reported in `last`), `group` (percentage points a year, survivors
    only) and `last_seen` (last year with a headcount).
    """
    rows = groups[(groups["ifrs_ever"] == 0) & (groups["group_employees"] > 0)]
    wide = rows.pivot(index="edinet_code", columns="year", values="group_employees")
    start = rows[rows["year"] == first].set_index("edinet_code")
    out = start[["fdi"]].copy()
    out["group0"], out["ln_group0"] = start["group_employees"], np.log(start["group_employees"])
    end = wide[last].reindex(out.index)
    out["survived"] = end.notna().astype(int)
    out["group"] = 100 / (last - first) * np.log(end / out["group0"])
    out["last_seen"] = rows.groupby("edinet_code")["year"].max().reindex(out.index)
    return called(out.dropna(subset=["fdi"]).reset_index(), f"all filers with a group headcount in {first}")


def _accounts(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds ln_assets, profitability (operating income over assets), ln_pay (yen) and manufacturing (0/1).

    A column `manufacturing` that is already there stays: only the sectors of the Tokyo exchange tell it by name.
    """
    return rows.assign(
        ln_assets=np.log(rows["total_assets_yen"]), ln_pay=np.log(rows["average_pay_yen"]),
        profitability=rows["operating_income_yen"] / rows["total_assets_yen"],
        manufacturing=is_manufacturing(rows),
    )


def is_manufacturing(rows: pd.DataFrame) -> pd.Series:
    return rows["manufacturing"] if "manufacturing" in rows else rows["sector"].isin(MANUFACTURING).astype(int)


def investors(
    firms: pd.DataFrame, first: int = 2017, last: int = 2025, without: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The firms of `long_differences` with the covariates of `first`, complete cases in all but those `without`.

    Adds `ln_assets`, `profitability`, `ln_pay`, `manufacturing` to `average_age` and `ln_parent0` (the names in
    `COVARIATES`). Banks report no operating income, so they are not in it. Raises `SampleError` where nothing is left,
    and for a name in `without` that is no covariate.
    """
    unknown = [name for name in without if name not in COVARIATES]
    if unknown:
        raise SampleError(f"investors without {without!r}: {unknown[0]!r} is no covariate; COVARIATES are {COVARIATES}")
    whole = long_differences(firms, first, last)
    rows = _accounts(whole).dropna(subset=[name for name in COVARIATES if name not in without])
    name = f"{whole.attrs['sample']}, complete accounts of {first}"
    return called(rows, f"{name} but for {', '.join(without)}" if without else name)


def _first_fdi(panel: pd.DataFrame, min_fdi_share: float) -> pd.DataFrame:
    """`first_fdi` (year; missing for never), `starter` (0/1) and `never` (0/1), on the rows of J."""
    firm = panel["edinet_code"]
    first_seen = panel.groupby("edinet_code")["year"].transform("min")
    first_fdi = panel["year"].where(panel["fdi"] == 1).groupby(firm).transform("min")
    since = panel["fdi"].where(panel["year"] >= first_fdi).groupby(firm).transform("mean")
    starter = (first_fdi > first_seen) & (since >= min_fdi_share)
    never = panel.groupby("edinet_code")["fdi"].transform("max").eq(0)
    return panel.assign(first_fdi=first_fdi, starter=starter.astype(int), never=never.astype(int))


def risk_set(firms: pd.DataFrame, min_fdi_share: float = MIN_FDI_SHARE) -> pd.DataFrame:
    """Firm-years at risk of starting FDI: the discrete-time hazard's sample.

    One row per firm of J and year t from its second observed year on, for starters up to the year of the start and
    for never-investors to the end. `starts` is 1 in the year of the start. Covariates are those of the firm's
    previous observed year: `ln_parent`, `ln_assets`, `profitability`, `ln_pay`, `average_age`, `manufacturing`;
    `gap` counts the years since. Firms whose FDI comes and goes (neither starter nor never) are left out.
    Profitability beyond ±0.5 is set there: one collapsing firm loses twelve times its assets. Complete cases.
    Raises `SampleError` where no start is left.
    """
    panel = _accounts(_first_fdi(sample_j(firms), min_fdi_share))
    panel["profitability"] = panel["profitability"].clip(-0.5, 0.5)
    names = ["ln_parent", "ln_assets", "profitability", "ln_pay", "average_age"]
    before = panel.groupby("edinet_code")[[*names, "year"]].shift(1)
    rows = panel.assign(gap=panel["year"] - before["year"], **{name: before[name] for name in names})
    rows["starts"] = (rows["year"] == rows["first_fdi"]).astype(int)
    at_risk = (rows["never"] == 1) | ((rows["starter"] == 1) & (rows["year"] <= rows["first_fdi"]))
    rows = rows[at_risk].dropna(subset=[*names, "gap"])
    rows = called(rows, "firm-years of J without FDI so far, complete accounts of the year before")
    if not rows["starts"].any():
        raise SampleError(f"sample {rows.attrs['sample']!r}: no firm starts")
    return rows


def first_years(firms: pd.DataFrame) -> pd.DataFrame:
    """Each firm of J in its first observed year, with the accounts of that year.

    `starts` is 1 for later starters, 0 for never-investors and missing for all others; the names in `COVARIATES` and
    `size_limit` (employees, by sector; missing where unclear) are added.
    """
    panel = _accounts(_first_fdi(sample_j(firms), MIN_FDI_SHARE))
    rows = panel.groupby("edinet_code").head(1)
    starts = np.where(rows["starter"] == 1, 1.0, np.where(rows["never"] == 1, 0.0, np.nan))
    rows = rows.assign(starts=starts, ln_parent0=rows["ln_parent"], size_limit=size_limit(rows["sector"]))
    return called(rows, "firms of J in their first year")


def size_limit(sectors: pd.Series) -> pd.Series:
    """Employees up to which the SME Basic Act calls a firm of the sector an SME: 300, 100 or 50; missing if unclear.

    The Act's alternative, stated capital, is not in the firm panel.
    """
    limits = sectors.map(SIZE_LIMITS).fillna(300.0)
    return limits.mask(sectors == UNCLEAR_LIMIT)


def starter_covariates(sample: pd.DataFrame) -> pd.DataFrame:
    """A `starters` sample with the accounts of each firm's first year (names in `COVARIATES`), complete firms only.

    Raises `SampleError` where no starter or no never-investor is left.
    """
    rows = _accounts(sample).sort_values(["edinet_code", "year"])
    first = rows.drop_duplicates("edinet_code").set_index("edinet_code")
    for column in ("ln_parent", "ln_assets", "profitability", "ln_pay", "average_age"):
        rows[column if column != "ln_parent" else "ln_parent0"] = rows["edinet_code"].map(first[column])
    rows = rows.dropna(subset=list(COVARIATES))
    return _two_groups(called(rows, f"{sample.attrs['sample']}, complete accounts of the first year"))


def management(table: pd.DataFrame, country: str | None, ownership_known: bool = False) -> pd.DataFrame:
    """Firms of the World Management Survey in one country (None: in all) that are not foreign-owned (`mne_f` = 0).

    `table` is `firm_management`. Adds `family` (owned by a family or the founder; missing where ownership is),
    `owner_missing` (0/1) and `degrees` (managers with a degree, per 10 percentage points). `ownership_known`
    keeps the firms whose owner is stated. Raises `SampleError` for an unknown country.
    """
    rows = table[table["mne_f"] == 0]
    rows = rows if country is None else rows[rows["country"] == country]
    family = rows["ownership"].str.contains("Family|Founder").astype(float).where(rows["ownership"].notna())
    rows = rows.assign(family=family, owner_missing=rows["ownership"].isna().astype(int),
                       degrees=rows["degree_managers_pct"] / 10, degrees_others=rows["degree_others_pct"] / 10)
    name = f"World Management Survey, {country or 'all countries'}, not foreign-owned"
    if ownership_known:
        return called(rows[rows["owner_missing"] == 0], f"{name}, owner stated")
    return called(rows, name)


def specification_panel(firms: pd.DataFrame) -> pd.DataFrame:
    """All firm-years that some specification of the curve may use: group headcount present, FDI proxy known.

    `firms` is the table `firm_panel`. Firms that ever used IFRS have no proxy, so no choice can bring them in.
    Columns: edinet_code, year, ln_parent, ln_group, fdi (any non-zero translation adjustment), fdi_material (one of at
    least 0.1 % of total assets; missing where assets are), parent_employees, sector, manufacturing, listed,
    reorganised.
    """
    rows = firms[(firms["ifrs_ever"] == 0) & _with_group(firms) & firms["fdi"].notna()]
    rows = rows.sort_values(["edinet_code", "year"])
    size = rows["translation_adjustment_yen"].abs() / rows["total_assets_yen"]
    material = np.where(rows["fdi"] == 0, 0.0, np.where(size.isna(), np.nan, (size >= 0.001).astype(float)))
    out = rows[["edinet_code", "year", "fdi", "parent_employees", "sector", "listed", "reorganised"]].assign(
        ln_parent=np.log(rows["parent_employees"]), ln_group=np.log(rows["group_employees"]), fdi_material=material,
        manufacturing=is_manufacturing(rows),
    )
    if "sampling_weight" in rows:
        out["sampling_weight"] = rows["sampling_weight"]
    return called(out, "filers under Japanese standards with a group headcount")
