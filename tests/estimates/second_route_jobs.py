"""A second route to jobs in Japan and to everyone who files: numpy, pandas and scipy, nothing from goingglobal.

    python tests/estimates/second_route_jobs.py            # JSON on stdout: id → value, se, n
    python tests/estimates/second_route_jobs.py --golden   # the same with `origin`: golden_jobs.json was made so

Samples are made firm by firm, in loops that apply the definitions to each firm's years. Regressions partial out the
firms by their means and the years by dummies that are freed of firms' means, exactly and in one step; the sandwich is
written out. `second_route` has the least squares with robust errors and Callaway–Sant'Anna.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
import second_route as first
from scipy import optimize, stats
from second_route_policy import logit

YEARS = range(2016, 2026)
TIMES = {"m4": -4, "m3": -3, "m2": -2, "0": 0, "1": 1, "2": 2, "3": 3, "4": 4}
SIZES = {"all": np.inf, "le300": 300, "le100": 100}
LIMITS = {"Wholesale trade": 100, "Services": 100, "Retail trade": 50}
UNCLEAR = "Information and communication"
ORIGINS = {
    "effects": "numpy: firms partialled out by means, years by dummies freed of them, CR1 by firm by hand",
    "count": "a loop over firms that applies the definitions",
    "interval": "scipy: the critical value of Imbens and Manski by a root finder, at our own bounds",
    "one out": "numpy: the regression again without each starter, in turn",
    "cs": first.ORIGINS["cs"],
    "honest": "numpy: relative magnitudes in closed form at our own event study, event times −4 to 4",
    "ols": "numpy: OLS with explicit sector dummies, HC1 by hand",
    "logit": "numpy: logit by Newton steps with year dummies, mean discrete change, delta method, clusters by hand",
}


# ---------------------------------------------------------------------------------------------- regressions
def effects(rows: pd.DataFrame, y: str, xs: list[str]) -> dict[str, dict]:
    """Coefficients of `xs` with firm and year effects, CR1 by firm; K counts the regressors and the years."""
    rows = rows[[y, *xs, "firm", "year"]].dropna()
    while True:  # a row alone in its firm or in its year says nothing
        alone = (rows.groupby("firm")[y].transform("size") == 1) | (rows.groupby("year")[y].transform("size") == 1)
        if not alone.any():
            break
        rows = rows[~alone]
    codes, firms = pd.factorize(rows["firm"])
    sizes = np.bincount(codes)[:, None]
    whole = np.column_stack([rows[y], rows[xs], first.dummies(rows["year"])[:, 1:]]).astype(float)
    sums = np.zeros((len(firms), whole.shape[1]))
    np.add.at(sums, codes, whole)
    within = whole - (sums / sizes)[codes]
    b, scores, bread = first.least_squares(within[:, 0], within[:, 1:])
    clusters = np.zeros((len(firms), scores.shape[1]))
    np.add.at(clusters, codes, scores)
    n, groups, k = len(rows), len(firms), len(xs) + rows["year"].nunique()
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    return {x: {"value": float(b[place]), "se": float(np.sqrt(factor * np.sum((clusters @ bread[place]) ** 2))), "n": n}
            for place, x in enumerate(xs)}  # fmt: skip


def on_post(rows: pd.DataFrame, y: str = "y") -> dict:
    return {**effects(rows, y, ["post"])["post"], "origin": ORIGINS["effects"]}


def path(rows: pd.DataFrame, stem: str, y: str = "y") -> dict[str, dict]:
    """Event times, −1 the base, what lies beyond −4 and 4 in the ends; controls have no event time."""
    time = (rows["year"] - rows["first"]).where(rows["first"] > 0).clip(-4, 4)
    found = effects(rows.assign(**{name: (time == at) * 1.0 for name, at in TIMES.items()}), y, list(TIMES))
    return {f"{stem}/{name}": {**record, "origin": ORIGINS["effects"]} for name, record in found.items()}


def number(value: float, origin: str) -> dict:
    return {"value": float(value), "se": None, "n": None, "origin": ORIGINS[origin]}


def counted(rows: pd.DataFrame) -> dict:
    return number(rows.loc[rows["first"] > 0, "firm"].nunique(), "count")


def studies(rows: pd.DataFrame, stem: str, name: str) -> dict[str, dict]:
    """Callaway–Sant'Anna on all event times, relative magnitudes on the window from −4 to 4."""
    rows = rows.assign(edinet_code=rows["firm"])
    out = {f"{stem}_cs/{name}": {**first.Study(rows).overall(), "origin": ORIGINS["cs"]}}
    near = first.Study(rows[(rows["first"] == 0) | (rows["year"] - rows["first"]).between(-4, 4)])
    for target in ("average", "impact"):
        for limit in (0.5, 1.0):
            for end, value in near.bounds(limit, target).items():
                out[f"{stem}_honest/{name}_{target}_m{round(100 * limit)}_{end}"] = number(value, "honest")
    return out


# ---------------------------------------------------------------------------------------------- who is what
def kind(years: np.ndarray, fdi: np.ndarray) -> tuple[str, int]:
    """Kind of a firm's history, and the year of its change (0 where none)."""
    if not fdi.any():
        return "never", 0
    if fdi.all():
        return "always", 0
    abroad = years[fdi == 1]
    if fdi[0] == 0 and fdi[years >= abroad[0]].mean() >= 0.8 - 1e-12:
        return "starter", int(abroad[0])
    if fdi[0] == 1 and abroad[-1] < years[-1] and fdi[years <= abroad[-1]].mean() >= 0.8 - 1e-12:
        return "stopper", int(abroad[-1]) + 1
    return "other", 0


def each_firm(rows: pd.DataFrame, *names: str) -> Iterator[tuple]:
    """Each firm of rows that are sorted by firm, with its cells of the named columns."""
    firms = rows["firm"].to_numpy()
    starts = np.flatnonzero(np.append(True, firms[1:] != firms[:-1]))
    if len(starts) != rows["firm"].nunique():
        raise ValueError("rows are not sorted by firm")
    return zip(firms[starts], *(np.split(rows[name].to_numpy(), starts[1:]) for name in names), strict=True)


def sorted_out(panel: pd.DataFrame) -> pd.DataFrame:
    """The panel with `kind`, `first` (the year of the change), `post` and `size` (of the group when first seen)."""
    panel, found = panel.sort_values(["firm", "year"]), {}
    for firm, years, fdi, group in each_firm(panel, "year", "fdi", "group"):
        found[firm] = (*kind(years, fdi), group[0])
    what, change, size = (panel["firm"].map({firm: three[at] for firm, three in found.items()}) for at in range(3))
    return panel.assign(kind=what, first=change, post=((change > 0) & (panel["year"] >= change)) * 1.0, size=size)


@cache
def filers() -> pd.DataFrame:
    """Sample A."""
    raw = pd.read_csv(first.DATA / "group_panel.csv")
    raw = raw.rename(columns={"edinet_code": "firm", "group_employees": "group"})
    raw = raw[(raw["ifrs_ever"] == 0) & raw["fdi"].notna() & (raw["group"] > 0) & raw["year"].isin(YEARS)]
    sales, assets = (raw[name].where(raw[name] > 0) for name in ("sales_yen", "total_assets_yen"))
    return sorted_out(raw.assign(y=np.log(raw["group"]), sales=np.log(sales), assets=np.log(assets),
                                 sales_per_head=np.log(sales / raw["group"])))  # fmt: skip


@cache
def listed() -> pd.DataFrame:
    """Sample J, by firm and year; the parent's staff is the column after `period_end`, whatever its name."""
    raw = pd.read_csv(first.DATA / "firm_panel.csv")
    parent = "parent_employees"
    raw = raw.rename(columns={"edinet_code": "firm", "group_employees": "group", parent: "parent"})
    raw = raw[(raw["ifrs_ever"] == 0) & (raw["listed"] == 1) & raw["group"].notna()]
    return raw.sort_values(["firm", "year"], ignore_index=True)


def cleaned(panel: pd.DataFrame, everyone: pd.DataFrame) -> pd.DataFrame:
    """Starters and never-investors of J, without those who were abroad in A before."""
    abroad = everyone[everyone["fdi"] == 1].groupby("firm")["year"].min().to_dict()
    rows = sorted_out(panel)
    rows = rows[rows["kind"].isin(["starter", "never"])]
    known = rows["firm"].map(abroad).fillna(9999)
    return rows[known >= rows["first"].where(rows["first"] > 0, 9999)]


def bounded(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Log jobs in Japan by bound, firm by firm."""
    parts = {"lower": [], "upper": [], "worst": []}
    for _, group, parent, after in each_firm(rows, "group", "parent", "post"):
        others = group - parent
        before = others[after == 0][-1]
        parts["lower"] += [p + min(o, before) if a else g
                           for g, p, o, a in zip(group, parent, others, after, strict=True)]  # fmt: skip
        parts["upper"] += list(group)
        parts["worst"] += list(np.where(after == 1, parent, group))
    return {name: rows.assign(y=np.log(np.array(some, dtype=float))) for name, some in parts.items()}


@cache
def starters() -> pd.DataFrame:
    """Starters and never-investors of J without false starts."""
    return cleaned(listed(), filers())


@cache
def bounds() -> dict[str, pd.DataFrame]:
    """Their log jobs in Japan."""
    return bounded(starters())


# ---------------------------------------------------------------------------------------------- the estimates
def interval(lower: dict, upper: dict, level: float = 0.95) -> tuple[float, float]:
    gap = (upper["value"] - lower["value"]) / max(lower["se"], upper["se"])
    c = optimize.brentq(lambda c: stats.norm.cdf(c + gap) - stats.norm.cdf(-c) - level, 0, 5, xtol=1e-14)
    return lower["value"] - c * lower["se"], upper["value"] + c * upper["se"]


def jobs_in_japan() -> dict[str, dict]:
    rows, by_bound = starters(), bounds()
    out = {"jobs/starters_count/all": counted(rows)}
    for name, frame in by_bound.items():
        out[f"jobs/starters/{name}"] = on_post(frame)
    ends = interval(out["jobs/starters/lower"], out["jobs/starters/upper"])
    out |= {f"jobs/starters/interval_{end}": number(value, "interval")
            for end, value in zip(("low", "high"), ends, strict=True)}  # fmt: skip
    small = {name: frame[frame["size"] <= 300] for name, frame in by_bound.items()}
    out["jobs/starters_count/le300"] = counted(small["lower"])
    for name in ("lower", "upper"):
        out[f"jobs/starters_le300/{name}"] = on_post(small[name])
    lower = by_bound["lower"]
    firms = lower.loc[lower["first"] > 0, "firm"].unique()
    without = [on_post(lower[lower["firm"] != firm])["value"] for firm in firms]
    out["jobs/starters_one_out/low"] = number(min(without), "one out")
    out["jobs/starters_one_out/high"] = number(max(without), "one out")
    parent = rows.assign(y=np.log(rows["parent"]))
    for name, frame in {"lower": lower, "upper": by_bound["upper"], "parent": parent}.items():
        out |= path(frame, f"jobs/path/{name}")
    for name in ("lower", "upper"):
        out |= studies(by_bound[name], "jobs/starters", name)
    return out


def with_limits(everyone: pd.DataFrame) -> pd.DataFrame:
    """Sample A with the sector of the firms in the firm panel and whether they are within its SME limit."""
    sectors = pd.read_csv(first.DATA / "firm_panel.csv").groupby("edinet_code")["sector"].first().to_dict()
    limits = {firm: LIMITS.get(sector, 300) for firm, sector in sectors.items() if sector != UNCLEAR}
    limit = everyone["firm"].map(limits)
    return everyone.assign(known=everyone["firm"].isin(list(sectors)), sector=everyone["firm"].map(sectors).fillna(""),
                           within=np.where(limit.isna(), np.nan, everyone["size"] <= limit))  # fmt: skip


def who_files(everyone: pd.DataFrame) -> dict[str, dict]:
    starters = everyone[everyone["kind"].isin(["starter", "never"])]
    stoppers = everyone[everyone["kind"].isin(["stopper", "always"])]
    out = {}
    for size, limit in SIZES.items():
        out[f"group/starters_count/{size}"] = counted(starters[starters["size"] <= limit])
        out[f"group/starters/{size}"] = on_post(starters[starters["size"] <= limit])
    for name, some in {"in": starters["known"], "outside": ~starters["known"]}.items():
        out[f"group/starters_count/{name}_firm_panel"] = counted(starters[some])
        out[f"group/starters/{name}_firm_panel"] = on_post(starters[some])
    for name in ("sales", "sales_per_head", "assets"):
        out[f"group/starters_{name}/all"] = on_post(starters, name)
    for size in ("all", "le300"):
        rows = starters[starters["size"] <= SIZES[size]]
        out |= path(rows, f"group/path/{size}")
        out |= studies(rows, "group/starters", size)
    for size, limit in SIZES.items():
        out[f"group/stoppers_count/{size}"] = counted(stoppers[stoppers["size"] <= limit])
        out[f"group/stoppers/{size}"] = on_post(stoppers[stoppers["size"] <= limit])
    out |= path(stoppers, "group/stoppers_path/all")
    rows = starters[starters["within"].notna()]
    rows = rows.assign(inside=rows["post"] * rows["within"], beyond=rows["post"] * (1 - rows["within"]))
    split = effects(rows, "y", ["inside", "beyond"])
    out["group/eligible/within"] = {**split["inside"], "origin": ORIGINS["effects"]}
    out["group/eligible/outside"] = {**split["beyond"], "origin": ORIGINS["effects"]}
    more = effects(rows, "y", ["inside", "post"])["inside"]
    out["group/eligible/difference"] = {**more, "origin": ORIGINS["effects"]}
    out["group/eligible_count/within"] = counted(rows[rows["within"] == 1])
    out["group/eligible_count/outside"] = counted(rows[rows["within"] == 0])
    return out


def hazard(rows: pd.DataFrame, last: dict[str, int]) -> dict[str, dict]:
    """Leaving the filings: linear with errors clustered by firm, and the mean discrete change of a logit; in points."""
    rows = rows[rows["year"] < 2025]
    d = (rows["year"] == rows["firm"].map(last)).to_numpy(float)
    z = np.column_stack([rows["post"], rows["y"], first.dummies(rows["year"])])
    codes, firms = pd.factorize(rows["firm"])
    n, k, groups = len(rows), z.shape[1], len(firms)
    factor = groups / (groups - 1) * (n - 1) / (n - k)

    def summed(scores: np.ndarray) -> np.ndarray:
        out = np.zeros((groups, scores.shape[1]))
        np.add.at(out, codes, scores)
        return out

    b, scores, bread = first.least_squares(d, z)
    linear = {"value": 100 * float(b[0]), "n": n, "se": 100 * float(np.sqrt(factor) * np.linalg.norm(
        summed(scores) @ bread[0]))}  # fmt: skip
    b, p, variance = logit(d, z)
    ends = []
    for post in (0.0, 1.0):
        at = np.column_stack([np.full(n, post), z[:, 1:]])
        chance = 1 / (1 + np.exp(-at @ b))
        ends.append((chance.mean(), (at * (chance * (1 - chance))[:, None]).mean(axis=0)))
    reach = variance @ (ends[1][1] - ends[0][1])
    error = np.sqrt(factor) * np.linalg.norm(summed(z * (d - p)[:, None]) @ reach)
    curved = {"value": 100 * float(ends[1][0] - ends[0][0]), "se": 100 * float(error), "n": n}
    return {"linear": {**linear, "origin": "numpy: OLS with year dummies, CR1 by firm by hand"},
            "logit": {**curved, "origin": ORIGINS["logit"]},
            "rate_started": number(100 * d[rows["post"] == 1].mean(), "count"),
            "rate_never": number(100 * d[rows["kind"] == "never"].mean(), "count")}  # fmt: skip


def exits(everyone: pd.DataFrame) -> dict[str, dict]:
    last = pd.read_csv(first.DATA / "group_panel.csv").groupby("edinet_code")["year"].max().to_dict()
    rows = everyone[everyone["kind"].isin(["starter", "never"])]
    out = {}
    for size in ("all", "le300"):
        for what, record in hazard(rows[rows["size"] <= SIZES[size]], last).items():
            out[f"group/exit/{size}" if what == "logit" else f"group/exit_{what}/{size}"] = record
    return out


def placebo(panel: pd.DataFrame, everyone: pd.DataFrame) -> dict[str, dict]:
    """Growth of the group from 2016 to 2017 on FDI in 2017, with the size of 2016 and sectors."""
    start = everyone[everyone["year"] == 2016].set_index("firm")["y"]
    end = everyone[everyone["year"] == 2017].set_index("firm").join(start.rename("before"), how="inner")
    seen = set(panel.loc[panel["year"] == 2017, "firm"]) & set(panel.loc[panel["year"] == 2025, "firm"])
    out = {}
    for name, rows in {"j": end[end.index.isin(seen)], "all": end}.items():
        z = np.column_stack([rows["fdi"], rows["before"], first.dummies(rows["sector"])])
        growth = 100 * (rows["y"] - rows["before"]).to_numpy()
        out[f"group/placebo_growth/{name}"] = {**first.robust(growth, z), "origin": ORIGINS["ols"]}
    return out


def estimates() -> dict[str, dict]:
    """Every golden id with value, se, n and origin."""
    panel, everyone = listed(), with_limits(filers())
    return {**jobs_in_japan(), **who_files(everyone), **exits(everyone), **placebo(panel, everyone)}


if __name__ == "__main__":
    shown = estimates()
    if "--golden" not in sys.argv:
        shown = {key: {part: record[part] for part in ("value", "se", "n")} for key, record in shown.items()}
    print(json.dumps(shown, indent=1, ensure_ascii=False))
