"""A second route to both sides counted and to chapter 1's other errors: numpy, pandas, scipy, nothing from goingglobal.

    python tests/estimates/second_route_both.py            # JSON on stdout: id → value, se, n
    python tests/estimates/second_route_both.py --golden   # the same with `origin`: golden_both.json was made so

Samples are made cell by cell, in loops over dictionaries. Effects are explicit dummies, of which a pseudo-inverse takes
what is collinear; sandwiches are written out. The wild cluster bootstrap fits the whole regression again for each
pattern of signs: all of them for 14 industries, the first of ours and many more for 31 countries.
"""

from __future__ import annotations

import itertools
import json
import sys
from math import log

import numpy as np
import pandas as pd
import second_route as first
from scipy import stats

FACTORIES = {"10-12", "13-15", "16-18", "19", "20-21", "22-23", "24-25", "26-27", "28", "29-30", "31-33"}
SERVICES = {"B", "D-E", "F", "G", "H", "I", "J", "K", "L", "M-N"}
CONTROLS = ["people", "inflow", "growth"]
ORIGINS = {
    "cells": "numpy: cells paired in a loop, explicit dummies with a pseudo-inverse, CR1 by hand",
    "interval": "scipy: the quantile of t with as many degrees of freedom as clusters less one, at our own error",
    "wild": "numpy: the whole regression again for every pattern of signs",
    "two ways": "numpy: explicit dummies, CR1 by country, plus by year, less by country-year",
    "kraay": "numpy: explicit dummies, scores summed by year, Bartlett weights to three lags by hand",
    "feedback": "numpy: one regression with explicit country and year dummies, CR1 by country by hand",
    "winsorised": "numpy: percentiles by hand, explicit country and year dummies, CR1 by country by hand",
    "count": "a loop that counts",
}


# ---------------------------------------------------------------------------------------------- regressions
def pinv_fit(y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, rows of scores and (Z'Z)⁺ of a regression whose dummies may be collinear."""
    inverse = np.linalg.pinv(z)
    b = inverse @ y
    return b, z * (y - z @ b)[:, None], inverse @ inverse.T


def summed(scores: np.ndarray, labels) -> np.ndarray:
    codes, levels = pd.factorize(np.asarray(labels))
    out = np.zeros((len(levels), scores.shape[1]))
    np.add.at(out, codes, scores)
    return out


def clustered(rows: list[dict], xs: list[str], effects: list[str], cluster: str) -> dict[str, dict]:
    """CR1; K counts the regressors, one, and the levels less one of each effect that is not nested in the clusters."""
    y = np.array([row["home"] for row in rows])
    levels = [first.dummies([row[name] for row in rows]) for name in effects]
    z = np.column_stack([[[row[x] for x in xs] for row in rows], *levels])
    b, scores, bread = pinv_fit(y, z)
    sums = summed(scores, [row[cluster] for row in rows])
    n, groups = len(rows), len(sums)
    k = len(xs) + 1
    for name, part in zip(effects, levels, strict=True):
        nested = len({(row[name], row[cluster]) for row in rows}) == part.shape[1]
        k += 0 if nested else part.shape[1] - 1
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    return {x: {"value": float(b[i]), "se": float(np.sqrt(factor * ((sums @ bread[i]) ** 2).sum())), "n": n}
            for i, x in enumerate(xs)}  # fmt: skip


def wild(y: np.ndarray, x: np.ndarray, rest: np.ndarray, labels, signs: np.ndarray) -> float:
    """Share of |t| that are no smaller than the one found, each from the whole regression on a new outcome."""
    codes = pd.factorize(np.asarray(labels))[0]
    groups = codes.max() + 1
    z = np.column_stack([x, rest])
    inverse, back = np.linalg.pinv(z), np.linalg.pinv(rest)
    fitted = rest @ (back @ y)
    reach = inverse[0]  # row of (Z'Z)⁺Z': a slope's weight on each outcome
    member = np.eye(groups)[codes]

    def t_of(outcomes: np.ndarray) -> np.ndarray:
        residuals = outcomes - z @ (inverse @ outcomes)
        by_cluster = member.T @ (reach[:, None] * residuals)
        return np.abs(reach @ outcomes) / np.sqrt((by_cluster**2).sum(axis=0))

    found, larger, total = t_of(y[:, None])[0], 0, 0
    for start in range(0, len(signs), 500):
        some = signs[start:start + 500]
        t = t_of(fitted[:, None] + (y - fitted)[:, None] * some.T[codes])
        larger, total = larger + int((t >= found * (1 - 1e-9)).sum()), total + len(some)
    return larger / total


def interval(stem: str, found: dict, groups: int) -> dict[str, dict]:
    reach = stats.t.ppf(0.975, groups - 1) * found["se"]
    return {f"{stem}/low": number(found["value"] - reach, "interval"),
            f"{stem}/high": number(found["value"] + reach, "interval")}  # fmt: skip


def number(value: float, origin: str) -> dict:
    return {"value": float(value), "se": None, "n": None, "origin": ORIGINS[origin]}


# ---------------------------------------------------------------------------------------------- Europe's industries
def europe() -> dict[str, dict]:
    raw = pd.read_csv(first.DATA / "affiliates_europe.csv", keep_default_na=False)
    cells = {}
    for row in raw[raw["host"] == "WORLD"].itertuples():
        figures = (row.employed_home_thousands, row.value_added_volume, row.employees_abroad)
        figures = [float(text) if text else float("nan") for text in figures]
        cells[row.country, row.industry, row.year] = [figure if figure > 0 else float("nan") for figure in figures]

    def pairs(years: int, y: int, smallest: float, industries: set[str], trim: bool) -> tuple[list[dict], dict]:
        rows, lost = [], dict.fromkeys(("missing", "break", "few", "trimmed", "alone"), 0)
        for (country, industry, year), now in cells.items():
            then = cells.get((country, industry, year - years))
            if industry not in industries or then is None or year > 2015:
                continue
            jobs, home, abroad = (log(now[at] / then[at]) for at in (0, y, 2))
            if any(np.isnan(value) for value in (jobs, home, abroad)):
                lost["missing"] += 1
            elif country == "DK" and year - years < 2011 <= year:
                lost["break"] += 1
            elif then[2] < smallest:
                lost["few"] += 1
            elif trim and (abs(abroad) >= 0.7 * (1 + (years > 1)) or abs(jobs) >= 0.3 * (1 + (years > 1))):
                lost["trimmed"] += 1
            else:
                rows.append({"home": home, "abroad": abroad, "cell": (country + industry), "cy": f"{country}{year}",
                             "iy": f"{industry}/{year}", "country": country})  # fmt: skip
        whole = len(rows)
        while True:
            counts = {name: pd.Series([row[name] for row in rows]).value_counts() for name in ("cy", "iy")}
            kept = [row for row in rows if counts["cy"][row["cy"]] > 1 and counts["iy"][row["iy"]] > 1]
            if len(kept) == len(rows):
                return rows, lost | {"alone": whole - len(rows)}
            rows = kept

    every, out = FACTORIES | SERVICES, {}
    forms = {"main": (1, 0, 1000, every, True), "value_added": (1, 1, 1000, every, True),
             "manufacturing": (1, 0, 1000, FACTORIES, True), "all_cells": (1, 0, 0, every, True),
             "untrimmed": (1, 0, 1000, every, False)}  # fmt: skip
    for name, form in forms.items():
        rows, lost = pairs(*form)
        found = clustered(rows, ["abroad"], ["cy", "iy"], "cell")["abroad"]
        out[f"both/eu_industry/{name}"] = {**found, "origin": ORIGINS["cells"]}
        if name == "main":
            out |= interval("both/eu_industry_interval", found, len({row["cell"] for row in rows}))
            out |= {f"both/eu_industry_left_out/{why}": number(count, "count") for why, count in lost.items()}
    for name, trim in {"long": True, "long_untrimmed": False}.items():
        rows, _ = pairs(5, 0, 1000, every, trim)
        found = clustered(rows, ["abroad"], ["cy", "iy"], "country")["abroad"]
        out[f"both/eu_industry/{name}"] = {**found, "origin": ORIGINS["cells"]}
    return out


# ---------------------------------------------------------------------------------------------- US multinationals
def america() -> dict[str, dict]:
    raw = pd.read_csv(first.DATA / "us_multinationals.csv", keep_default_na=False)
    cells, pay = {}, {}
    for row in raw.itertuples():
        if row.year >= 2009 and row.employees_thousands:
            cells[row.side, row.industry, row.host, row.year] = float(row.employees_thousands)
            if row.compensation_musd:
                pay[row.side, row.industry, row.host, row.year] = float(row.compensation_musd)
    everywhere, everything = "All countries", "All industries"
    at = "parents", everything, everywhere, 2009
    half = pay[at] / cells[at] / 2
    hosts = sorted({host for _, _, host, _ in cells if host != everywhere})
    each = {host: ("affiliates", everything, host, 2009) for host in hosts}
    low = {host: pay[key] / cells[key] < half for host, key in each.items() if key in pay and key in cells}
    industries = sorted({industry for _, industry, _, _ in cells} - {everything, "Manufacturing"})
    listed = {(row.industry, row.host, row.year) for row in raw.itertuples() if row.side == "affiliates"}
    rows, suppressed = [], 0
    for industry, year in itertools.product(industries, range(2010, 2020)):
        sums = {True: [0.0, 0.0], False: [0.0, 0.0]}
        for host in low:
            now, then = (cells.get(("affiliates", industry, host, y)) for y in (year, year - 1))
            if now is None or then is None:
                suppressed += (industry, host, year) in listed and (industry, host, year - 1) in listed
                continue
            sums[low[host]][0] += then
            sums[low[host]][1] += now
        home, abroad = (log(cells[side, industry, everywhere, year] / cells[side, industry, everywhere, year - 1])
                        for side in ("parents", "affiliates"))  # fmt: skip
        rows.append({"home": home, "abroad": abroad, "industry": industry, "year": year,
                     "low_wage": log(sums[True][1] / sums[True][0]),
                     "high_wage": log(sums[False][1] / sums[False][0])})  # fmt: skip
    forms = {"year": (rows, ["year"]), "year_industry": (rows, ["year", "industry"]),
             "no_benchmark": ([row for row in rows if row["year"] != 2014], ["year"])}  # fmt: skip
    out = {"both/us_hosts_count/low_wage": number(sum(low.values()), "count"),
           "both/us_hosts_count/high_wage": number(len(low) - sum(low.values()), "count"),
           "both/us_hosts_count/suppressed": number(suppressed, "count")}  # fmt: skip
    for name, (some, effects) in forms.items():
        found = clustered(some, ["abroad"], effects, "industry")["abroad"]
        out[f"both/us_parents/{name}"] = {**found, "origin": ORIGINS["cells"]}
        rest = np.column_stack([first.dummies([row[effect] for row in some]) for effect in effects])
        signs = np.array([(1, *others) for others in itertools.product((1, -1), repeat=13)], dtype=float)
        p = wild(np.array([row["home"] for row in some]), np.array([row["abroad"] for row in some]), rest,
                 [row["industry"] for row in some], signs)  # fmt: skip
        out[f"both/us_parents_wild/{name}"] = number(p, "wild")
        if name == "year":
            out |= interval("both/us_parents_interval", found, len(industries))
    split = clustered(rows, ["low_wage", "high_wage"], ["year"], "industry")
    for name, record in split.items():
        out[f"both/us_parents_hosts/{name}"] = {**record, "origin": ORIGINS["cells"]}
        out |= interval(f"both/us_parents_hosts_interval/{name}", record, len(industries))
    return out


# ---------------------------------------------------------------------------------------------- countries
def country_rows(series: str) -> pd.DataFrame:
    """All country-years: growth of jobs, FDI before, now and after, controls, growth of the year before."""
    panel = pd.read_csv(first.DATA / "country_panel.csv")
    at = {(row.iso3, row.year): row for row in panel.itertuples()}
    rows = []
    for (code, year), now in at.items():
        nothing = pd.Series(dtype=float)
        before, earlier, after = (at.get((code, year + step), nothing) for step in (-1, -2, 1))

        def got(row, name):
            return float(getattr(row, name, float("nan")))

        def grown(one, other, name):
            return 100 * np.log(got(one, name) / got(other, name))

        rows.append({"iso3": code, "year": year, "conduit": now.conduit, "y": grown(now, before, series),
                     "before": grown(before, earlier, series), "lag": got(before, "fdi_out_pct_gdp"),
                     "fdi": got(now, "fdi_out_pct_gdp"), "lead": got(after, "fdi_out_pct_gdp"),
                     "people": grown(now, before, "population_15_64"), "inflow": got(before, "fdi_in_pct_gdp"),
                     "growth": got(before, "gdp_growth_pct")})  # fmt: skip
    return pd.DataFrame(rows).sort_values(["iso3", "year"], ignore_index=True)


def other_errors(rows: pd.DataFrame) -> dict[str, dict]:
    """Two ways and Driscoll–Kraay; K counts the levels of effects that are not nested in a cluster, less one each."""
    rows = rows.dropna(subset=["y", "lag", *CONTROLS])
    units, years = first.dummies(rows["iso3"]), first.dummies(rows["year"])
    rest = np.column_stack([rows[CONTROLS], units, years[:, 1:]])
    z = np.column_stack([rows["lag"], rest])
    b, scores, bread = first.least_squares(rows["y"].to_numpy(), z)
    part, n = scores @ bread[0], len(rows)
    by = {name: pd.Series(part).groupby(rows[name].to_numpy()).sum().to_numpy() for name in ("iso3", "year")}
    few = min(len(sums) for sums in by.values())
    two = (sum((sums**2).sum() for sums in by.values()) - (part**2).sum()) * few / (few - 1) * (n - 1) / (n - 5)
    t = by["year"]
    kraay = t @ t + 2 * sum((1 - lag / 4) * (t[lag:] @ t[:-lag]) for lag in (1, 2, 3))
    k = 4 + 1 + units.shape[1] - 1 + years.shape[1] - 1
    kraay *= len(t) / (len(t) - 1) * (n - 1) / (n - k)
    value = {"value": float(b[0]), "n": n}
    signs = np.vstack([np.ones(units.shape[1]),
                       np.random.default_rng(20130101).choice((-1.0, 1.0), size=(9999, units.shape[1]))])  # fmt: skip
    p = wild(rows["y"].to_numpy(), rows["lag"].to_numpy(), rest, rows["iso3"], signs)
    return {"errors/two_way": {**value, "se": float(np.sqrt(two)), "origin": ORIGINS["two ways"]},
            "errors/driscoll_kraay": {**value, "se": float(np.sqrt(kraay)), "origin": ORIGINS["kraay"]},
            "errors_wild": number(p, "wild")}  # fmt: skip


def clipped(column: pd.Series, share: float) -> pd.Series:
    """Values beyond the percentiles set to them, by linear interpolation between order statistics."""
    known = np.sort(column.dropna().to_numpy())
    ends = []
    for p in (share, 1 - share):
        place = p * (len(known) - 1)
        low = int(np.floor(place))
        high = min(low + 1, len(known) - 1)
        ends.append(known[low] + (place - low) * (known[high] - known[low]))
    return column.where(column.isna() | (column > ends[0]), ends[0]).where(column.isna() | (column < ends[1]), ends[1])


def countries() -> dict[str, dict]:
    out = {}
    for name, series in {"pwt": "employment_pwt_millions", "ilo": "employment_ilo_thousands"}.items():
        every = country_rows(series)
        some = every[every["conduit"] == 0]
        out |= {f"country/{what}/{name}": found for what, found in other_errors(some).items()}
        more = ["before", *CONTROLS]
        for one, other in (("lag", "lead"), ("lead", "lag")):
            found = first.two_way(some, "y", [one, other, *more], "iso3", "year")
            out[f"country/feedback/{name}/{one}"] = {**found, "origin": ORIGINS["feedback"]}
        found = first.two_way(some, "fdi", ["before", "lag", *CONTROLS], "iso3", "year")
        out[f"country/feedback/{name}/fdi_on_growth"] = {**found, "origin": ORIGINS["feedback"]}
        for share in (0.01, 0.05):
            rows = every.assign(lag=clipped(every["lag"], share), inflow=clipped(every["inflow"], share))
            found = first.two_way(rows, "y", ["lag", *CONTROLS], "iso3", "year")
            out[f"country/winsorised_p{round(100 * share)}/{name}"] = {**found, "origin": ORIGINS["winsorised"]}
    return out


def continuing() -> dict[str, dict]:
    """Change in percent of the same firms from FY2023 to FY2024."""
    raw = pd.read_csv(first.DATA / "industry_japan_continuing.csv")
    rows = {row.fiscal_year: row for row in raw.itertuples() if row.industry_code == "TTL"}
    names = {"employees": "employees", "overseas": "subsidiaries_overseas", "domestic": "subsidiaries_home"}
    return {f"japan/continuing/{stem}": number(
        100 * (getattr(rows[2024], name) / getattr(rows[2023], name) - 1), "count") for stem, name in names.items()}


def estimates() -> dict[str, dict]:
    """Every golden id with value, se, n and origin."""
    return {**europe(), **america(), **countries(), **continuing()}


if __name__ == "__main__":
    shown = estimates()
    if "--golden" not in sys.argv:
        shown = {key: {part: record[part] for part in ("value", "se", "n")} for key, record in shown.items()}
    print(json.dumps(shown, indent=1, ensure_ascii=False))
