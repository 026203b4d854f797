"""The named samples and treatment definitions: who is a conduit, who is a starter.

Each function takes a table from `load` and returns a new DataFrame whose
`attrs["sample"]` says in words what it holds. Definitions are those of the book's
appendix on methods; none is changed by an option without the name showing it.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

MIN_FDI_SHARE = 0.8
JUMP_LIMIT = 25.0
# The covariates of chapters 3 and 4, in the base year: what the accounts say about who could afford to go.
COVARIATES = ("ln_home0", "ln_assets", "profitability", "ln_pay", "average_age", "manufacturing")
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

__all__ = [
    "COVARIATES", "SampleError", "barrier_surveys", "country_changes", "donor_panel", "employee_bands",
    "event_window", "findings", "first_years", "group_long_differences", "home_and_abroad", "industry_panel",
    "investors", "long_differences", "management", "official_series", "programmes", "risk_set", "sample_j",
    "size_limit", "specification_panel", "starter_covariates", "starters", "study_names", "trim_jumps",
    "turnover_bands", "votes",
]


class SampleError(ValueError):
    """A sample can't be made: no rows are left, or the groups to compare are not both there."""


def _named(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    if frame.empty:
        raise SampleError(f"sample {name!r} has no rows")
    frame = frame.reset_index(drop=True)
    frame.attrs = {"sample": name}
    return frame


def country_changes(
    panel: pd.DataFrame, employment: str = "pwt", conduits: bool = True, horizons: int = 5
) -> pd.DataFrame:
    """Country-years with employment growth, FDI lags and leads, and the controls.

    Parameters: `panel`, the table `country_panel`; `employment`, "pwt" (persons engaged,
    Penn World Table 10.01) or "ilo" (ILO modelled estimates); `conduits`, keep the seven
    conduit countries; `horizons`, the longest local projection in years.

    Columns added, all by calendar year within a country: `growth` = 100·Δln E(t), `fdi_lag` =
    F(t−1), `fdi_now` = F(t), `fdi_lead` = F(t+1) (% of GDP), `population_growth` = 100·Δln
    population 15–64, `fdi_in_lag`, `gdp_growth_lag`, and `cumulative_h` = 100·[ln E(t+h) −
    ln E(t−1)] for h = 0…horizons (and `cumulative_m2`, `cumulative_m3`, the same before the
    event: 100·[ln E(t−k) − ln E(t−1)], for placebo checks). Raises `SampleError` for an unknown
    employment series.
    """
    columns = {"pwt": "employment_pwt_millions", "ilo": "employment_ilo_thousands"}
    if employment not in columns:
        raise SampleError(f"employment {employment!r}: expected one of {sorted(columns)}")
    wide = panel if conduits else panel[panel["conduit"] == 0]
    wide = wide.set_index(["iso3", "year"]).sort_index()

    def at(series: pd.Series, shift: int) -> pd.Series:
        moved = series.copy()
        moved.index = pd.MultiIndex.from_arrays(
            [moved.index.get_level_values(0), moved.index.get_level_values(1) - shift], names=moved.index.names
        )
        return moved.reindex(series.index)

    log_jobs = np.log(wide[columns[employment]])
    log_people = np.log(wide["population_15_64"])
    out = wide[["country", "conduit"]].copy()
    out["growth"] = 100 * (log_jobs - at(log_jobs, -1))
    out["fdi_lag"] = at(wide["fdi_out_pct_gdp"], -1)
    out["fdi_now"] = wide["fdi_out_pct_gdp"]
    out["fdi_lead"] = at(wide["fdi_out_pct_gdp"], 1)
    out["population_growth"] = 100 * (log_people - at(log_people, -1))
    out["fdi_in_lag"] = at(wide["fdi_in_pct_gdp"], -1)
    out["gdp_growth_lag"] = at(wide["gdp_growth_pct"], -1)
    for horizon in range(horizons + 1):
        out[f"cumulative_{horizon}"] = 100 * (at(log_jobs, horizon) - at(log_jobs, -1))
    for back in (2, 3):
        out[f"cumulative_m{back}"] = 100 * (at(log_jobs, -back) - at(log_jobs, -1))
    name = f"OECD-38, {'all' if conduits else 'without conduits'}, {employment.upper()} employment"
    return _named(out.reset_index(), name)


# Fact ids of the bands that the published size gradients consist of; bounds come from the rows' own text.
TURNOVER_FACTS = {
    "Japan, direct exports": ("F0012", "F0009", "F0011", "F0010"),
    "Japan, indirect exports": ("F0097", "F0094", "F0096", "F0095"),
    "Germany, exports": ("F0445", "F0447", "F0444"),
}
EMPLOYEE_FACTS = {
    "Japan, exports": ("F0320", "F0316", "F0315"),
    "EU, exports": ("F0337", "F0338", "F0336"),
}
EU_BANDS = {"micro": (1.0, 9.0), "small": (10.0, 49.0), "medium-sized": (50.0, 249.0)}
CLAIM_BANDS = {"C064": (41, 50), "C063": (101, 200), "C062": (401, 500)}


def _bounds(text: str, open_factor: float) -> tuple[float, float]:
    """Bounds of a band from its words; an open end lies `open_factor` times beyond the other."""
    body = re.sub(r"\(n=.*?\)|;.*", "", text)
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", body)]
    if "below" in body or "<" in body:
        return numbers[0] / open_factor, numbers[0]
    if "+" in body:
        return numbers[0], numbers[0] * open_factor
    if len(numbers) < 2:
        raise SampleError(f"band {text!r}: two bounds expected")
    return max(numbers[0], 1.0), numbers[1]


def turnover_bands(facts: pd.DataFrame, open_factor: float = 10.0) -> pd.DataFrame:
    """Published shares of exporting firms by turnover band.

    `facts` is the table `official_figures`; `open_factor` closes an open band (a band "below 1" becomes
    0.1 to 1 with the default of 10). Columns: series, fact_id, lower, upper and size (their geometric
    mean) in billion yen (Japan) or million euro (Germany), share (0–1), n (firms asked; missing where
    the source does not say), source_rank. Raises `SampleError` for a band without bounds.
    """
    rows = []
    table = facts.set_index("fact_id")
    for series, ids in TURNOVER_FACTS.items():
        for fact_id in ids:
            fact = table.loc[fact_id]
            lower, upper = _bounds(fact["breakdown"], open_factor)
            asked = re.search(r"n=([\d,]+)", fact["breakdown"])
            rows.append({"series": series, "fact_id": fact_id, "lower": lower, "upper": upper,
                         "size": float(np.sqrt(lower * upper)), "share": fact["number"] / 100,
                         "n": float(asked[1].replace(",", "")) if asked else np.nan,
                         "source_rank": fact["source_rank"]})
    return _named(pd.DataFrame(rows), "published shares by turnover band")


def employee_bands(facts: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Published shares of exporters by employee band, and the paper's own three bands.

    Columns as in `turnover_bands`, sizes in employees; the paper's rows (claims C062–C064) carry their claim
    id in `fact_id` and "paper" as rank. EU bands are named, not numbered, in the source: the EU
    definition is assumed.
    """
    rows = []
    table = facts.set_index("fact_id")
    for series, ids in EMPLOYEE_FACTS.items():
        for fact_id in ids:
            fact = table.loc[fact_id]
            named = EU_BANDS.get(fact["breakdown"])
            lower, upper = named or _bounds(fact["breakdown"], 10.0)
            rows.append({"series": series, "fact_id": fact_id, "lower": lower, "upper": upper,
                         "share": fact["number"] / 100, "source_rank": fact["source_rank"]})
    values = claims.set_index("claim_id")["value"]
    for claim_id, (lower, upper) in CLAIM_BANDS.items():
        share = float(re.match(r"[\d.]+", values[claim_id])[0]) / 100
        rows.append({"series": "Japan, as the paper says", "fact_id": claim_id, "lower": lower, "upper": upper,
                     "share": share, "source_rank": "paper"})
    out = pd.DataFrame(rows)
    out["size"] = np.sqrt(out["lower"] * out["upper"])
    return _named(out, "published shares by employee band")


def home_and_abroad(affiliates: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """German jobs at home by size class beside employees of German affiliates abroad, in millions.

    `affiliates` and `sizes` are the tables `affiliates_germany` and `size_classes_germany`. One row per
    sector (all, manufacturing), year and line: `panel`, `line`, `year`, `value`, `segment` (the
    statistical unit, which changes in 2018) . The two sources sort firms differently and are
    never added up. Levels of 2021–2023 abroad are the sum of Eurostat's parts: inside and outside the EU-27.
    """
    home = sizes[(sizes["indicator"] == "persons_employed") & sizes["sector"].isin(["TOTAL", "C"])]
    home = home[home["size_class"] != "total"]
    home = home.assign(line=home["size_class"] + " firms", segment=home["statistical_unit"])
    home["panel"] = home["sector"].map({"TOTAL": "All sectors", "C": "Manufacturing"})
    staff = affiliates[affiliates["indicator"] == "employees"]
    parts = staff[staff["partner"].isin(["WORLD", "INT_EU27_2020", "EXT_EU27_2020"])]
    world = parts[parts["partner"] == "WORLD"]
    late = parts[(parts["dataset"] == "fats_out_activ") & (parts["partner"] != "WORLD")]
    late = late.groupby(["year", "nace"], as_index=False)["value"].sum(min_count=2)
    abroad = pd.concat([world[["year", "nace", "value"]], late])
    abroad = abroad[abroad["nace"].isin(["B-S_X_O", "C"])].assign(line="abroad", segment="affiliates")
    abroad["panel"] = abroad["nace"].map({"B-S_X_O": "All sectors", "C": "Manufacturing"})
    columns = ["panel", "line", "year", "value", "segment"]
    out = pd.concat([home[columns], abroad[columns]])
    out["value"] = out["value"] / 1e6
    order = {"large firms": 0, "medium firms": 1, "small firms": 2, "micro firms": 3, "abroad": 4}
    out = out.sort_values(["panel", "line", "year"], key=lambda c: c.map(order) if c.name == "line" else c)
    return _named(out, "Germany: persons employed at home, employees of affiliates abroad")


def _with_group(firms: pd.DataFrame) -> pd.Series:
    """Rows with a group headcount; all rows where no row has one (a reader's panel need not know the group)."""
    known = firms["group_employees"].notna()
    return known if known.any() else ~known


def sample_j(firms: pd.DataFrame) -> pd.DataFrame:
    """Sample J: listed in 2026, never IFRS, with a consolidated headcount in the year.

    `firms` is the table `firm_panel`, or a reader's own from `own.check`. Adds `ln_home`, `ln_group` (log headcounts)
    and `home_share` (home over group, in %). Raises `SampleError` if nothing is left.
    """
    rows = firms[(firms["ifrs_ever"] == 0) & (firms["listed"] == 1) & _with_group(firms)]
    rows = rows.sort_values(["edinet_code", "year"])
    rows = rows.assign(
        ln_home=np.log(rows["home_employees"]), ln_group=np.log(rows["group_employees"]),
        home_share=100 * rows["home_employees"] / rows["group_employees"],
    )
    return _named(rows, "J: listed Japanese firms under Japanese standards, 2017–2025")


def long_differences(
    firms: pd.DataFrame, first: int = 2017, last: int = 2025, limit: float | None = JUMP_LIMIT,
    largest_home: int | None = None,
) -> pd.DataFrame:
    """One row per firm of J seen in both years, with yearly log growth of home and group headcount.

    Parameters: `limit`, drop firms with |home growth| of `limit` or more (percentage points a
    year; None keeps all); `largest_home`, keep parents with at most so many employees in
    `first`. Columns: `home`, `group` (percentage points a year), `fdi`, `ln_home0`,
    `home0`, `sector`, `home_share0`, `home_share1` (%), and the accounts of `first`.
    """
    panel = sample_j(firms)
    start = panel[panel["year"] == first].set_index("edinet_code")
    end = panel[panel["year"] == last].set_index("edinet_code")
    both = start.index.intersection(end.index)
    start, end = start.loc[both], end.loc[both]
    years = last - first
    out = start[["fdi", "sector", "reorganised", "average_pay_yen", "average_age", "total_assets_yen",
                 "operating_income_yen", *(c for c in OWN_COLUMNS if c in start)]].copy()
    out["home"] = 100 / years * (end["ln_home"] - start["ln_home"])
    out["group"] = 100 / years * (end["ln_group"] - start["ln_group"])
    out["home0"], out["ln_home0"] = start["home_employees"], start["ln_home"]
    out["home_share0"], out["home_share1"] = start["home_share"], end["home_share"]
    name = f"J in {first} and {last}"
    if limit is not None:
        out = out[out["home"].abs() < limit]
        name += f", |home growth| < {limit:g}"
    if largest_home is not None:
        out = out[out["home0"] <= largest_home]
        name += f", at most {largest_home} at home in {first}"
    return _named(out.reset_index(), name)


def starters(
    firms: pd.DataFrame, trim: float | None = None, outcome: str = "home", min_fdi_share: float = MIN_FDI_SHARE
) -> pd.DataFrame:
    """Starters of FDI and never-investors of J, one row per firm-year.

    A starter's first year with fdi = 1 is later than its first year in J, and fdi = 1 in at
    least `min_fdi_share` of its J-years from then on. A never-investor has fdi = 0 in all.
    `trim` drops firms whose largest absolute change of the log headcount (`outcome`: "home" or
    "group") between consecutive observed years is not below it. Columns added: `starter` (0/1),
    `first_fdi` (year; 0 for never), `post` (0/1), `y` (the log headcount), `first_home` (home
    headcount in the firm's first year in J), `jump` (the firm's largest absolute change of `y`).

    Raises `SampleError` where no starter or no never-investor is left.
    """
    if outcome not in ("home", "group"):
        raise SampleError(f"outcome {outcome!r}: expected 'home' or 'group'")
    panel = sample_j(firms)
    by_firm = panel.groupby("edinet_code")
    first_seen = by_firm["year"].transform("min")
    first_fdi = panel["year"].where(panel["fdi"] == 1).groupby(panel["edinet_code"]).transform("min")
    since = panel["fdi"].where(panel["year"] >= first_fdi).groupby(panel["edinet_code"]).transform("mean")
    panel["starter"] = ((first_fdi > first_seen) & (since >= min_fdi_share)).astype(int)
    never = by_firm["fdi"].transform("max").eq(0)
    panel["y"] = panel[f"ln_{outcome}"]
    panel["first_fdi"] = first_fdi.where(panel["starter"] == 1, 0).astype(int)
    panel["post"] = ((panel["starter"] == 1) & (panel["year"] >= panel["first_fdi"])).astype(int)
    panel["first_home"] = by_firm["home_employees"].transform("first")
    keep = panel[(panel["starter"] == 1) | never]
    change = keep.groupby("edinet_code")["y"].diff().abs()
    jump = change.groupby(keep["edinet_code"]).transform("max").fillna(0)
    name = f"starters and never-investors of J, {outcome} headcount, "
    frame = _named(keep.assign(jump=jump), name + "untrimmed")
    return _two_groups(frame) if trim is None else trim_jumps(frame, trim)


def trim_jumps(frame: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Firms of a `starters` sample whose largest yearly log change (`jump`) is below `limit`, a strict bound.

    Raises `SampleError` where no starter or no never-investor is left.
    """
    name = frame.attrs["sample"].rsplit(", ", 1)[0] + f", largest yearly log change below {limit:g}"
    return _two_groups(_named(frame[frame["jump"] < limit], name))


def _two_groups(frame: pd.DataFrame) -> pd.DataFrame:
    starter = frame.groupby("edinet_code")["starter"].first()
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
    return _named(frame[inside], f"{frame.attrs.get('sample', 'starters')}, event times −{before} to {after}")


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
    return _named(out.dropna(subset=["fdi"]).reset_index(), f"all filers with a group headcount in {first}")


def industry_panel(industries: pd.DataFrame) -> pd.DataFrame:
    """Three-digit industries of METI's survey with log ratios per firm.

    `industries` is the table `industry_japan`. Columns added: `ln_employees_per_firm`,
    `overseas_per_firm` (overseas subsidiaries per firm), `home_per_firm` (domestic subsidiaries
    per firm) and `ln_employees`, `ln_firms`. Rows with a suppressed cell are dropped.
    """
    rows = industries[industries["level"] == "industry"].dropna(subset=["employees", "firms", "subsidiaries_overseas"])
    rows = rows[(rows["firms"] > 0) & (rows["employees"] > 0)]
    rows = rows.assign(
        ln_employees_per_firm=np.log(rows["employees"] / rows["firms"]),
        overseas_per_firm=rows["subsidiaries_overseas"] / rows["firms"],
        home_per_firm=rows["subsidiaries_home"] / rows["firms"],
        ln_employees=np.log(rows["employees"]), ln_firms=np.log(rows["firms"]),
    )
    return _named(rows, "three-digit industries, FY2020–FY2024, firms with 50 or more employees")


def _accounts(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds ln_assets, profitability (operating income over assets), ln_pay (yen) and manufacturing (0/1).

    A column `manufacturing` that is already there stays: only the sectors of the Tokyo exchange tell it by name.
    """
    return rows.assign(
        ln_assets=np.log(rows["total_assets_yen"]), ln_pay=np.log(rows["average_pay_yen"]),
        profitability=rows["operating_income_yen"] / rows["total_assets_yen"],
        manufacturing=_manufacturing(rows),
    )


def _manufacturing(rows: pd.DataFrame) -> pd.Series:
    return rows["manufacturing"] if "manufacturing" in rows else rows["sector"].isin(MANUFACTURING).astype(int)


def investors(
    firms: pd.DataFrame, first: int = 2017, last: int = 2025, without: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The firms of `long_differences` with the covariates of `first`, complete cases in all but those `without`.

    Adds `ln_assets`, `profitability`, `ln_pay`, `manufacturing` to `average_age` and `ln_home0` (the names in
    `COVARIATES`). Banks report no operating income, so they are not in it. Raises `SampleError` where nothing is left.
    """
    whole = long_differences(firms, first, last)
    rows = _accounts(whole).dropna(subset=[name for name in COVARIATES if name not in without])
    name = f"{whole.attrs['sample']}, complete accounts of {first}"
    return _named(rows, f"{name} but for {', '.join(without)}" if without else name)


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
    previous observed year: `ln_home`, `ln_assets`, `profitability`, `ln_pay`, `average_age`, `manufacturing`;
    `gap` counts the years since. Firms whose FDI comes and goes (neither starter nor never) are left out.
    Profitability beyond ±0.5 is set there: one collapsing firm loses twelve times its assets. Complete cases.
    Raises `SampleError` where no start is left.
    """
    panel = _accounts(_first_fdi(sample_j(firms), min_fdi_share))
    panel["profitability"] = panel["profitability"].clip(-0.5, 0.5)
    names = ["ln_home", "ln_assets", "profitability", "ln_pay", "average_age"]
    before = panel.groupby("edinet_code")[[*names, "year"]].shift(1)
    rows = panel.assign(gap=panel["year"] - before["year"], **{name: before[name] for name in names})
    rows["starts"] = (rows["year"] == rows["first_fdi"]).astype(int)
    at_risk = (rows["never"] == 1) | ((rows["starter"] == 1) & (rows["year"] <= rows["first_fdi"]))
    rows = rows[at_risk].dropna(subset=[*names, "gap"])
    rows = _named(rows, "firm-years of J without FDI so far, complete accounts of the year before")
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
    rows = rows.assign(starts=starts, ln_home0=rows["ln_home"], size_limit=size_limit(rows["sector"]))
    return _named(rows, "firms of J in their first year")


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
    for column in ("ln_home", "ln_assets", "profitability", "ln_pay", "average_age"):
        rows[column if column != "ln_home" else "ln_home0"] = rows["edinet_code"].map(first[column])
    rows = rows.dropna(subset=list(COVARIATES))
    return _two_groups(_named(rows, f"{sample.attrs['sample']}, complete accounts of the first year"))


def management(table: pd.DataFrame, country: str, ownership_known: bool = False) -> pd.DataFrame:
    """Firms of the World Management Survey in one country that are not foreign-owned (`mne_f` = 0).

    `table` is `firm_management`. Adds `family` (owned by a family or the founder; missing where ownership is),
    `owner_missing` (0/1) and `degrees` (managers with a degree, per 10 percentage points). `ownership_known`
    keeps the firms whose owner is stated. Raises `SampleError` for an unknown country.
    """
    rows = table[(table["country"] == country) & (table["mne_f"] == 0)]
    family = rows["ownership"].str.contains("Family|Founder").astype(float).where(rows["ownership"].notna())
    rows = rows.assign(family=family, owner_missing=rows["ownership"].isna().astype(int),
                       degrees=rows["degree_managers_pct"] / 10, degrees_others=rows["degree_others_pct"] / 10)
    name = f"World Management Survey, {country}, not foreign-owned"
    if ownership_known:
        return _named(rows[rows["owner_missing"] == 0], f"{name}, owner stated")
    return _named(rows, name)


def donor_panel(panel: pd.DataFrame, outcome: str, first: int = 1996, last: int = 2019, country: str = "JPN",
                conduits: bool = False) -> pd.DataFrame:
    """A balanced panel of one treated country and its donors: the OECD countries complete in `outcome`.

    `panel` is `country_panel`; `outcome`, "fdi" (net outflows, % of GDP) or "employment" (100·Δln persons engaged,
    PWT). Columns: iso3, country, year, `y`, `treated` (0/1). Raises `SampleError` for an unknown outcome and where
    the treated country is incomplete or fewer than two donors are left.
    """
    columns = {"fdi": "fdi_now", "employment": "growth"}
    if outcome not in columns:
        raise SampleError(f"outcome {outcome!r}: expected one of {sorted(columns)}")
    rows = country_changes(panel, "pwt", conduits=conduits)
    rows = rows[rows["year"].between(first, last)].rename(columns={columns[outcome]: "y"}).dropna(subset=["y"])
    complete = rows.groupby("iso3")["year"].transform("size") == last - first + 1
    rows = rows.loc[complete, ["iso3", "country", "year", "y"]]
    donors = rows.loc[rows["iso3"] != country, "iso3"].nunique()
    name = f"{country} and {donors} OECD donors, {first}–{last}"
    if country not in set(rows["iso3"]) or donors < 2:
        raise SampleError(f"sample {name!r}: the treated country is incomplete or there are fewer than two donors")
    return _named(rows.assign(treated=(rows["iso3"] == country).astype(int)), name)


# Official figures long enough to draw: chapter → line → (panel, unit, country, segments). A segment holds what one
# survey counted in one way; where the sample, the question or the coverage changed, the next segment begins. Of two
# facts for one year the publisher's own is taken. Left out, with reasons, in the notes of the figures.
OFFICIAL_SERIES = {
    "introduction": {
        "METI's survey": ("Affiliates abroad, Japan", "number", "Japan", (
            ("to FY2011", ("F0147", "F0140", "F0149", "F0150", "F0151", "F0152")),
            ("from FY2012, wider coverage",
             ("F0153", "F0154", "F0155", "F0156", "F0141", "F0142", "F0143", "F0144", "F0145")))),
        "of firms with 50+ staff": ("Affiliates abroad, Japan", "number", "Japan", (
            ("FY2020, fewer firms reached", ("F0597",)),
            ("from FY2021", ("F0598", "F0599", "F0600", "F0601")))),
        "all industries": ("Their employees, Japan", "million", "Japan", (
            ("to FY2011", ("F0027", "F0028", "F0029", "F0030")),
            ("from FY2012, wider coverage",
             ("F0031", "F0032", "F0033", "F0034", "F0035", "F0036", "F0037", "F0038", "F0039")))),
        "manufacturing": ("Their employees, Japan", "million", "Japan", (
            ("to FY2011", ("F0040",)), ("from FY2012, wider coverage", ("F0041", "F0042", "F0043", "F0044")))),
        "all manufacturers (METI)": ("Production abroad, Japan", "%", "Japan", (
            ("to FY2011", ("F0187", "F0188", "F0189", "F0190", "F0191", "F0192", "F0193")),
            ("from FY2012, wider coverage", ("F0194", "F0195", "F0196", "F0197")))),
        "listed (Cabinet Office)": ("Production abroad, Japan", "%", "Japan", (
            ("actual", ("F0174", "F0175", "F0176", "F0177", "F0178", "F0179", "F0180", "F0181", "F0182", "F0183",
                        "F0184")),
            ("expected", ("F0185",)))),
        "industrial firms": ("Plan to invest abroad (DIHK), Germany", "%", "Germany", (
            ("all sizes", ("F0454", "F0455", "F0456", "F0457", "F0458", "F0459", "F0460", "F0461", "F0462", "F0463",
                           "F0464", "F0465", "F0466", "F0467", "F0468", "F0469")),)),
    },
    "sme-role": {
        "manufacturing, 4+ staff": ("Exporting SMEs, Japan", "number", "Japan", (
            ("White Paper 2014", ("F0135", "F0136")), ("White Paper 2016", ("F0134",)))),
        "all industries, 50+ staff": ("Exporting SMEs, Japan", "number", "Japan", (("Basic Survey", ("F0133",)),)),
        "50+ staff": ("SMEs that export, Japan", "%", "Japan", (
            ("Basic Survey", ("F0303", "F0305", "F0304")),)),
        "manufacturing SMEs, 4+ staff": ("SMEs that export, Japan", "%", "Japan", (
            ("White Paper 2012", ("F0317",)), ("White Paper 2016", ("F0318",)))),
        "clients of Shoko Chukin": ("SMEs with business abroad, Japan", "%", "Japan", (
            ("its survey", ("F0235", "F0233", "F0234")),)),
        "asked by JFC": ("SMEs with business abroad, Japan", "%", "Japan", (
            ("FDI, outsourcing, exports", ("F0238",)), ("and e-commerce", ("F0239",)))),
        "all asked": ("Plan to expand abroad (JETRO), Japan", "%", "Japan", (
            ("members only", ("F0070", "F0071")), ("FY2012 release", ("F0067", "F0068")),
            ("FY2013 survey", ("F0069",)), ("FY2015 release", ("F0518", "F0519")),
            ("FY2017 release", ("F0525", "F0526")), ("with new entrants", ("F0059", "F0060")))),
        "SMEs": ("Plan to expand abroad (JETRO), Japan", "%", "Japan", (
            ("members only", ("F0063", "F0064")), ("FY2012 release", ("F0065", "F0066")),
            ("changed definition", ("F0061", "F0062")))),
        "firms with bases abroad": ("Plan to expand abroad (JETRO), Japan", "%", "Japan", (
            ("FY2022 survey", ("F0082", "F0083", "F0084", "F0085")),)),
        "export (VAT register)": ("SMEs that export, Germany", "%", "Germany", (
            ("to 2019", ("F0476", "F0486", "F0487", "F0430")), ("from 2020, higher threshold", ("F0431", "F0497")))),
        "sell abroad (KfW)": ("SMEs that export, Germany", "%", "Germany", (
            ("KfW panel", ("G0087", "F0435", "F0436")),)),
        "all SMEs (KfW)": ("Sales abroad of German SMEs", "billion euro", "Germany", (
            ("KfW panel", ("F0381", "G0088", "G0089", "G0090", "F0382", "F0383", "F0384")),)),
    },
}


def official_series(facts: pd.DataFrame, chapter: str) -> pd.DataFrame:
    """The series of `OFFICIAL_SERIES` that a chapter draws, one row per year and line.

    `facts` is the table `official_figures`. Columns: panel, line, segment (what is comparable), year (the fiscal or
    calendar year that the row's period names), value, unit, exactness, rank, fact_id, country. Raises `SampleError`
    for an unknown chapter, an id that is missing or superseded, a period that is no single year, a value that is no
    number, a fact of another country, units that differ within a line, and a second fact for a year of a line.
    """
    if chapter not in OFFICIAL_SERIES:
        raise SampleError(f"chapter {chapter!r}: expected one of {sorted(OFFICIAL_SERIES)}")
    table = facts.set_index("fact_id")
    rows = []
    for line, (panel, unit, country, segments) in OFFICIAL_SERIES[chapter].items():
        mine = [{**_dated(table, line, country, fact_id), "panel": panel, "line": line, "segment": segment,
                 "unit": unit} for segment, ids in segments for fact_id in ids]
        for field, fault in (("year", "two facts for one year"), ("stated_unit", "facts in different units")):
            values = [row.pop(field) if field == "stated_unit" else row[field] for row in mine]
            wrong = len(set(values)) != (len(values) if field == "year" else 1)
            if wrong:
                raise SampleError(f"series {line!r}: {fault}, {sorted(values)}")
        rows += mine
    columns = ["panel", "line", "segment", "year", "value", "unit", "exactness", "rank", "fact_id", "country"]
    return _named(pd.DataFrame(rows)[columns], f"official figures over time, {chapter}")


def _dated(table: pd.DataFrame, line: str, country: str, fact_id: str) -> dict:
    """One official figure with its year, or the reason why it can't stand in a series."""
    if fact_id not in table.index:
        raise SampleError(f"series {line!r}: no fact {fact_id!r}")
    fact, faults = table.loc[fact_id], []
    if isinstance(fact["superseded_by"], str):
        faults.append(f"superseded by {fact['superseded_by']!r}")
    if not re.fullmatch(r"(?:19|20)\d\d", str(fact["period"])):
        faults.append(f"period {fact['period']!r} is no single year")
    if pd.isna(fact["number"]):
        faults.append(f"value {fact['value']!r} is no number")
    if fact["country"] != country:
        faults.append(f"about {fact['country']}, not {country}")
    if faults:
        raise SampleError(f"series {line!r}, fact {fact_id!r}: {'; '.join(faults)}")
    return {"year": int(fact["period"]), "value": float(fact["number"]), "exactness": fact["exactness"],
            "rank": fact["source_rank"], "fact_id": fact_id, "country": country,
            "stated_unit": re.sub(r"\s*\(.*\)$", "", fact["unit"])}


# What surveys found about barriers: survey, short name of the answer, and the claim or fact that carries it.
BARRIERS = (
    ("Exporters, 2011 (as the paper says)", "Customers and a reliable partner", "C066"),
    ("Exporters, 2011 (as the paper says)", "Reserves or prospect of profit", "C067"),
    ("Firms with bases abroad, 2011 (as the paper says)", "Financial reserves", "C068"),
    ("Firms with bases abroad, 2011 (as the paper says)", "Law and business practice", "C069"),
    ("Firms with bases abroad, 2011 (as the paper says)", "Customers and partners", "C070"),
    ("All respondents, 2011 (as the paper says)", "Knowing local needs", "C071"),
    ("All respondents, 2011 (as the paper says)", "Finance or credit", "C073"),
    ("Gave up investing, 2010 (as the paper says)", "People at home", "C074"),
    ("Exporters, 2011 (White Paper)", "Local needs and marketing", "F0048"),
    ("Not abroad, 2012 (Shoko Chukin)", "Demand at home suffices", "F0208"),
    ("Not abroad, 2018 (Shoko Chukin)", "Demand at home suffices", "F0209"),
    ("Not abroad, 2018 (Shoko Chukin)", "No people to start", "F0210"),
    ("Not abroad, 2018 (Shoko Chukin)", "Keeping jobs at home first", "F0211"),
    ("Planning or interested, 2023 (JFC)", "No suitable people", "F0004"),
    ("Planning or interested, 2023 (JFC)", "No sales channels", "F0002"),
    ("Planning or interested, 2023 (JFC)", "Demand abroad unknown", "F0003"),
)


def barrier_surveys(facts: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """What firms named as conditions, difficulties or reasons, one row per answer.

    Columns: survey, answer, wording (the source's or the paper's), base, period, said (as printed), value (%, the
    number in it), evidence (fact or claim id), rank (publisher, secondary, or "paper" for a claim). Surveys differ in
    question and base and are never one series. Raises `SampleError` where a row holds no number.
    """
    by_fact, by_claim = facts.set_index("fact_id"), claims.set_index("claim_id")
    rows = []
    for survey, answer, evidence in BARRIERS:
        ours = evidence in by_fact.index
        if not ours and evidence not in by_claim.index:
            raise SampleError(f"barrier {answer!r}: {evidence!r} is neither a fact nor a claim")
        row = by_fact.loc[evidence] if ours else by_claim.loc[evidence]
        said = str(row["value"])
        number = re.search(r"\d+(?:\.\d+)?", said)
        if number is None and "one third" not in said:
            raise SampleError(f"barrier {answer!r}: no number in {said!r} of {evidence}")
        rows.append({
            "survey": survey, "answer": answer, "wording": row["indicator"] if ours else row["wording"],
            "base": row["breakdown"] if ours else row["population"], "period": str(row["period"]), "said": said,
            "value": float(number[0]) if number else 100 / 3, "evidence": evidence,
            "rank": row["source_rank"] if ours else "paper"})
    return _named(pd.DataFrame(rows), "answers on barriers, by survey")


# What the sources date: country, label, kind, and the claim or fact that carries it. Years are read from the rows.
PROGRAMMES = (
    ("Germany", "Foreign trade fair programme", "trade fairs", "F0375"),
    ("Japan", "JETRO founded", "information and advice", "C084"),
    ("Japan", "SMRJ founded", "information and advice", "C085"),
    ("Japan", "Career programme for foreign students", "people", "F0006"),
    ("Japan", "Public lenders merged into the JFC", "finance", "F0207"),
    ("Japan", "METI scheme for ventures in Asia", "information and advice", "F0001"),
    ("Japan", "Conference on Supporting SMEs", "information and advice", "F0557"),
    ("Japan", "Framework of support adopted", "information and advice", "F0554"),
    ("Japan", "First budget lines for SMEs abroad", "finance", "F0555"),
    ("Japan", "JBIC fund and dollar facility", "finance", "F0098"),
    ("Japan", "METI internships abroad", "people", "F0118"),
    ("Japan", "SME financing act ends", "finance", "C105"),
    ("Japan", "JFC overseas expansion loans", "finance", "F0107"),
    ("Japan", "New Export Nation Consortium", "information and advice", "F0126"),
    ("Germany", "Fair programme: SME exhibitors counted", "trade fairs", "F0368"),
    ("Germany", "Fair programme: budget on record", "trade fairs", "F0369"),
    ("Germany", "Fair programme: evaluation", "trade fairs", "F0373"),
)


def programmes(facts: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """The dated support programmes of both countries, in order of the first year the source gives.

    Columns: country, programme, kind, year, detail (the source's words), evidence (fact or claim id), rank
    (publisher, secondary, or "paper" for a claim). The year is read from the row, never typed. Raises
    `SampleError` for an unknown id and a row without a year.
    """
    by_fact, by_claim = facts.set_index("fact_id"), claims.set_index("claim_id")
    rows = []
    for country, programme, kind, evidence in PROGRAMMES:
        if evidence not in by_fact.index and evidence not in by_claim.index:
            raise SampleError(f"programme {programme!r}: {evidence!r} is neither a fact nor a claim")
        if evidence in by_fact.index:
            row, rank = by_fact.loc[evidence], by_fact.loc[evidence, "source_rank"]
            dated, detail = str(row["period"]), f"{row['breakdown']}: {row['value']} {row['unit']}"
        else:
            row, rank = by_claim.loc[evidence], "paper"
            dated, detail = str(row["value"]), str(row["wording"])
        year = re.search(r"(?:19|20)\d\d", dated)
        if year is None:
            raise SampleError(f"programme {programme!r}: no year in {dated!r} of {evidence}")
        rows.append({"country": country, "programme": programme, "kind": kind, "year": int(year[0]),
                     "detail": detail, "evidence": evidence, "rank": rank})
    return _named(pd.DataFrame(rows).sort_values(["year", "country"]), "dated support programmes")


def specification_panel(firms: pd.DataFrame) -> pd.DataFrame:
    """All firm-years that some specification of the curve may use: group headcount present, FDI proxy known.

    `firms` is the table `firm_panel`. Firms that ever used IFRS have no proxy, so no choice can bring them in.
    Columns: edinet_code, year, ln_home, ln_group, fdi (any non-zero translation adjustment), fdi_material (one of at
    least 0.1 % of total assets; missing where assets are), home_employees, sector, manufacturing, listed, reorganised.
    """
    rows = firms[(firms["ifrs_ever"] == 0) & _with_group(firms) & firms["fdi"].notna()]
    rows = rows.sort_values(["edinet_code", "year"])
    size = rows["translation_adjustment_yen"].abs() / rows["total_assets_yen"]
    material = np.where(rows["fdi"] == 0, 0.0, np.where(size.isna(), np.nan, (size >= 0.001).astype(float)))
    out = rows[["edinet_code", "year", "fdi", "home_employees", "sector", "listed", "reorganised"]].assign(
        ln_home=np.log(rows["home_employees"]), ln_group=np.log(rows["group_employees"]), fdi_material=material,
        manufacturing=_manufacturing(rows),
    )
    if "sampling_weight" in rows:
        out["sampling_weight"] = rows["sampling_weight"]
    return _named(out, "filers under Japanese standards with a group headcount")


# How the literature table's classes are called in words; what is not named keeps its own words.
SIGNS = ("negative", "null", "positive")
DESTINATIONS = {"all / not split": "All, not split", "low-wage / Asia / CEE": "Low-wage", "high-wage": "High-wage"}
METHODS = {
    "matching / matched DiD / event study": "Matching, event study",
    "IV / selection model / DiD": "Instruments, selection",
    "firm regression": "Firm regression", "labour demand among MNEs": "Labour demand",
    "industry / regional": "Industry, region", "accounting / correlation": "Accounting",
    "raw comparison / survey": "Raw, survey", "literature survey": "Survey of studies",
}
SIZES = {"SME": "Small firms", "all (many": "All, many small", "large": "Large firms"}  # by how the words begin
NATIONS = {"Korea": "Korea, Taiwan", "Taiwan": "Korea, Taiwan"} | {
    name: name for name in ("Japan", "Germany", "United States", "Italy", "France")}


def study_names(literature: pd.DataFrame) -> pd.Series:
    """“Ando and Kimura 2007”, “Barba Navaretti et al. 2010”: the study of each finding, as short as it can be cited."""
    def short(authors: str, year: float) -> str:
        names = [author.split(",")[0].strip() for author in authors.split(";")]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        who = "Author not shown" if who.startswith("(") else who
        return f"{who} {'n.d.' if pd.isna(year) else int(year)}"

    pairs = zip(literature["authors"], literature["publication_year"], strict=True)
    return pd.Series([short(*pair) for pair in pairs], index=literature.index)


def findings(literature: pd.DataFrame, outcome: str | None = "employment") -> pd.DataFrame:
    """Findings with a sign, one row each, with groups to count by and 0/1 columns to regress on.

    `literature` is the table of that name; `outcome`, one class of outcomes, or None for all. Left out: mixed signs,
    and surveys of studies, which would count studies twice. `sign` becomes an ordered categorical (negative < null <
    positive). Groups, in words: study, destination, method, country, size, outcome, exposure. Columns of 0 and 1:
    `low_wage`, `high_wage` (destination), `design` (matching, event study, instruments, selection, difference in
    differences), `japan`, `germany` (home, alone or with others), `sme`, `industry` (industry or region as the unit).
    Raises `SampleError` for a class of outcomes that is not there.
    """
    rows = literature[literature["sign"].isin(SIGNS) & (literature["method_class"] != "literature survey")]
    rows = rows if outcome is None else rows[rows["outcome_class"] == outcome]
    size = pd.Series("All sizes", index=rows.index)
    for start, words in SIZES.items():
        size = size.mask(rows["firm_size"].str.startswith(start), words)
    out = rows[["finding_id", "study_key", "url"]].assign(
        study=study_names(rows), sign=pd.Categorical(rows["sign"], SIGNS, ordered=True),
        destination=rows["destination_class"].map(DESTINATIONS).fillna("Several, contrasted"),
        method=rows["method_class"].map(METHODS), country=rows["country"].map(NATIONS).fillna("Others, several"),
        size=size, outcome=rows["outcome_class"], exposure=rows["exposure_class"],
    )
    flags = {
        "low_wage": out["destination"] == "Low-wage", "high_wage": out["destination"] == "High-wage",
        "design": out["method"].isin(["Matching, event study", "Instruments, selection"]),
        "japan": rows["country"].str.contains("Japan"), "germany": rows["country"].str.contains("Germany"),
        "sme": size == "Small firms", "industry": out["method"] == "Industry, region",
    }
    out = out.assign(**{name: flag.astype(int) for name, flag in flags.items()})
    return _named(out, f"findings on {outcome or 'any outcome'} with a sign, without surveys of studies")


def votes(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """Findings and studies by sign, one row per group of the column `by`, in order of size.

    `frame` comes from `findings`. Columns: group; negative, null, positive, findings (their sum); and the same for
    studies, with one vote each: the sign that most of its findings *in the group* have (`studies_negative`, …), or
    `studies_divided` where two signs are equally frequent; `studies`. Raises `SampleError` for an unknown column.
    """
    if by not in frame:
        raise SampleError(f"sample {frame.attrs.get('sample')!r}: no column {by!r} to count by")
    rows = []
    for group, cell in frame.groupby(by, observed=True):
        modes = cell.groupby("study_key")["sign"].agg(lambda signs: "/".join(signs.astype(str).mode()))
        one = {f"studies_{sign}": int((modes == sign).sum()) for sign in SIGNS}
        rows.append({"group": group, **{sign: int((cell["sign"] == sign).sum()) for sign in SIGNS},
                     "findings": len(cell), **one, "studies_divided": len(modes) - sum(one.values()),
                     "studies": len(modes)})
    return _named(pd.DataFrame(rows).sort_values("findings", ascending=False, kind="stable"),
                  f"{frame.attrs.get('sample')}, counted by {by}")
