"""A second route to the headline estimates: numpy, pandas and scipy, from data/*.csv, with nothing from goingglobal.

    python tests/estimates/second_route.py            # JSON on stdout: id → value, se, n
    python tests/estimates/second_route.py --golden   # the same with `origin`; this is how golden.json was made

Every regression is one explicit dummy-variable regression with its sandwich written out; Callaway–Sant'Anna is a
difference of mean changes per cell with its influence functions. Definitions: the book's appendix on methods. An
earlier script by another author, written from the source files instead of these tables, gave the same figures.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import linalg, optimize, sparse, stats

DATA = Path(__file__).resolve().parents[2] / "data"
FIRST_YEAR, LAST_YEAR = 1960, 2035  # a calendar wider than the data: a lag reaches a year, never a neighbouring row
TRIMS = {"untrimmed": np.inf, "trim70": 0.7, "trim50": 0.5, "trim30": 0.3}
ORIGINS = {
    "country": "numpy: one regression with explicit country and year dummies, CR1 by country by hand",
    "longdiff": "numpy: OLS with explicit sector dummies, HC1 by hand",
    "starters": "numpy: one regression with explicit firm and year dummies, singletons dropped, CR1 by firm by hand",
    "count": "a loop over firms that applies the definition of a starter, then the trim",
    "cs": "numpy: Callaway–Sant'Anna as differences of mean changes per cohort and year, influence functions by hand",
    "honest": "numpy: relative magnitudes in closed form at the estimates of our own event study, stretched by 1.96 se",
    "set": "numpy: relative magnitudes in closed form at the estimates of our own event study, not stretched",
}


# ---------------------------------------------------------------------------------------------- linear algebra
def dummies(labels) -> np.ndarray:
    codes, levels = pd.factorize(np.asarray(labels), sort=True)
    return np.eye(len(levels))[codes]


def least_squares(y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, residuals times regressors (one row per observation), and (Z'Z)⁻¹; refuses collinear regressors."""
    cross = z.T @ z
    lower = np.linalg.cholesky(cross)
    if (np.diag(lower) ** 2 < 1e-9 * np.diag(cross)).any():  # 1 − R² of a regressor on those before it
        raise ArithmeticError("collinear regressors")
    bread = linalg.cho_solve((lower, True), np.eye(len(cross)))
    b = bread @ (z.T @ y)
    return b, z * (y - z @ b)[:, None], bread


def first_error(bread: np.ndarray, scores: np.ndarray, factor: float, units: np.ndarray | None = None) -> float:
    """Standard error of the first coefficient, from (Z'Z)⁻¹ (scores'scores) (Z'Z)⁻¹; scores summed by unit if given."""
    part = scores @ bread[0]
    return float(np.sqrt(factor * np.sum((part if units is None else units.T @ part) ** 2)))


def two_way(frame: pd.DataFrame, y: str, xs: list[str], unit: str, time: str) -> dict:
    """Two-way dummies, CR1 by unit; K counts the regressors, the time dummies and one."""
    rows = frame[[y, *xs, unit, time]].dropna()
    while True:  # a row alone in its unit or in its year says nothing
        alone = (rows.groupby(unit)[y].transform("size") == 1) | (rows.groupby(time)[y].transform("size") == 1)
        if not alone.any():
            break
        rows = rows[~alone]
    units, times = dummies(rows[unit]), dummies(rows[time])
    z = np.column_stack([rows[xs].to_numpy(float), units, times[:, 1:]])
    b, scores, bread = least_squares(rows[y].to_numpy(float), z)
    n, groups, k = len(rows), units.shape[1], len(xs) + times.shape[1]
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    return {"value": float(b[0]), "se": first_error(bread, scores, factor, units), "n": n}


def robust(y: np.ndarray, z: np.ndarray) -> dict:
    """OLS with HC1 errors; the first coefficient."""
    b, scores, bread = least_squares(y, z)
    n, k = z.shape
    return {"value": float(b[0]), "se": first_error(bread, scores, n / (n - k)), "n": n}


# ---------------------------------------------------------------------------------------------- country panel
def countries() -> dict[str, dict]:
    panel = pd.read_csv(DATA / "country_panel.csv")
    conduits = set(panel.loc[panel["conduit"] == 1, "iso3"])
    if conduits != {"LUX", "IRL", "NLD", "CHE", "HUN", "BEL", "ISL"}:
        raise ValueError(f"conduits: {conduits}")

    def grid(column: str) -> pd.DataFrame:
        wide = panel.pivot(index="iso3", columns="year", values=column)
        return wide.reindex(columns=range(FIRST_YEAR, LAST_YEAR + 1))

    def at(wide: pd.DataFrame, years: int) -> pd.DataFrame:
        """In the column of year t the figure of t + years."""
        return wide.shift(-years, axis=1)

    out = {}
    people, fdi = np.log(grid("population_15_64")), grid("fdi_out_pct_gdp")
    for name, column in {"pwt": "employment_pwt_millions", "ilo": "employment_ilo_thousands"}.items():
        jobs = np.log(grid(column))
        parts = {
            "lag": at(fdi, -1), "lead": at(fdi, 1), "people": 100 * (people - at(people, -1)),
            "inflow": at(grid("fdi_in_pct_gdp"), -1), "growth": at(grid("gdp_growth_pct"), -1),
            **{f"h{h}": 100 * (at(jobs, h) - at(jobs, -1)) for h in range(6)},
            **{f"m{k}": 100 * (at(jobs, -k) - at(jobs, -1)) for k in (2, 3)},
        }  # fmt: skip
        every = pd.DataFrame({key: wide.stack(future_stack=True) for key, wide in parts.items()}).reset_index()
        some = every[~every["iso3"].isin(conduits)]
        with_controls = ["people", "inflow", "growth"]
        ids = ("iso3", "year")
        out[f"country/oecd38/{name}"] = two_way(every, "h0", ["lag"], *ids)
        out[f"country/no_conduits/{name}"] = two_way(some, "h0", ["lag"], *ids)
        out[f"country/no_conduits_controls/{name}"] = two_way(some, "h0", ["lag", *with_controls], *ids)
        out[f"country/placebo_lead/{name}"] = two_way(some, "h0", ["lead", *with_controls], *ids)
        for horizon in ("m3", "m2", "h0", "h1", "h2", "h3", "h4", "h5"):
            estimate = two_way(some, horizon, ["lag", *with_controls], *ids)
            out[f"country/local_projection/{name}/{horizon}"] = estimate
    return {key: {**record, "origin": ORIGINS["country"]} for key, record in out.items()}


# ---------------------------------------------------------------------------------------------- listed firms
def firms() -> pd.DataFrame:
    """Sample J with log headcounts, by firm and year."""
    raw = pd.read_csv(DATA / "firm_panel.csv")
    raw = raw[(raw["ifrs_ever"] == 0) & (raw["listed"] == 1) & raw["group_employees"].notna()]
    raw = raw.assign(parent=np.log(raw["parent_employees"]), group=np.log(raw["group_employees"]))
    return raw.sort_values(["edinet_code", "year"], ignore_index=True)


def growth_samples(panel: pd.DataFrame) -> dict[str, tuple[np.ndarray, pd.DataFrame]]:
    """Regressors (fdi first; sectors, no constant) and yearly growth of firms seen in both years, and of small ones."""
    start, end = (panel[panel["year"] == year].set_index("edinet_code") for year in (2017, 2025))
    both = start.index[start.index.isin(end.index)]
    heads = ["parent", "group"]
    start, growth = start.loc[both], 100 / 8 * (end.loc[both, heads] - start.loc[both, heads])
    calm = growth["parent"].abs() < 25
    out = {}
    for name, keep in {"longdiff": calm, "longdiff_sme": calm & (start["parent_employees"] <= 300)}.items():
        rows = start[keep]
        out[name] = np.column_stack([rows[["fdi", "parent"]], dummies(rows["sector"])]), growth[keep]
    return out


def long_differences(panel: pd.DataFrame) -> dict[str, dict]:
    return {
        f"firm/{name}/{outcome}": {**robust(growth[outcome].to_numpy(), z), "origin": ORIGINS["longdiff"]}
        for name, (z, growth) in growth_samples(panel).items() for outcome in ("parent", "group")
    }  # fmt: skip


def exact_quantiles() -> dict[str, float]:
    """Quantile regressions as linear programmes. Not golden: the library's algorithm comes near, no nearer."""
    out = {}
    for name, (z, growth) in growth_samples(firms()).items():
        n, k = z.shape
        equal = sparse.hstack([sparse.csr_matrix(z), sparse.identity(n), -sparse.identity(n)])
        for stem, q in {"median": 0.5, "q10": 0.1, "q90": 0.9}.items():
            if name != "longdiff" and q != 0.5:  # no page shows the other quantiles of small firms
                continue
            cost, limits = (
                np.r_[np.zeros(k), np.full(n, q), np.full(n, 1 - q)],
                [(None, None)] * k + [(0, None)] * 2 * n,
            )
            for outcome in ("parent", "group"):
                fit = optimize.linprog(cost, A_eq=equal, b_eq=growth[outcome], bounds=limits, method="highs")
                out[f"firm/{name}_{stem}/{outcome}"] = float(fit.x[0])
    return out


def first_years(panel: pd.DataFrame) -> dict[str, int]:
    """Firm → first year with FDI of a starter, 0 of a never-investor; other firms are left out."""
    found = {}
    for firm, rows in panel.groupby("edinet_code"):
        years, fdi = rows["year"].to_numpy(), rows["fdi"].to_numpy()
        if not fdi.any():
            found[firm] = 0
            continue
        first = years[fdi == 1].min()
        if first > years.min() and fdi[years >= first].sum() >= 0.8 * (years >= first).sum() - 1e-12:
            found[firm] = int(first)
    return found


def trimmed(panel: pd.DataFrame, found: dict[str, int], outcome: str, limit: float) -> pd.DataFrame:
    """Starters and never-investors without firms that leap by `limit` a year between two years seen."""
    rows = panel[panel["edinet_code"].isin(list(found))]
    leap = {firm: np.abs(np.diff(own[outcome]) / np.diff(own["year"])).max(initial=0)
            for firm, own in rows.groupby("edinet_code")}
    rows = rows[rows["edinet_code"].map(leap) < limit]
    first = rows["edinet_code"].map(found)
    return rows.assign(first=first, y=rows[outcome], post=((first > 0) & (rows["year"] >= first)).astype(float))


def starters(panel: pd.DataFrame, found: dict[str, int]) -> dict[str, dict]:
    out = {}
    for outcome in ("parent", "group"):
        for name, limit in TRIMS.items():
            rows = trimmed(panel, found, outcome, limit)
            estimate = two_way(rows, "y", ["post"], "edinet_code", "year")
            out[f"firm/starters_{name}/{outcome}"] = {**estimate, "origin": ORIGINS["starters"]}
            count = rows.loc[rows["first"] > 0, "edinet_code"].nunique()
            out[f"firm/starters_{name}_count/{outcome}"] = {
                "value": float(count),
                "se": None,
                "n": None,
                "origin": ORIGINS["count"],
            }
    return out


# ---------------------------------------------------------------------------------------------- Callaway–Sant'Anna
class Study:
    """Group-time effects with universal base and never-treated controls, from firms seen in both years of a cell.

    Cells are weighted by their treated firms; the influence functions carry the estimation of cohort shares.
    """

    def __init__(self, rows: pd.DataFrame):
        wide = rows.pivot(index="edinet_code", columns="year", values="y")
        self.first = rows.groupby("edinet_code")["first"].first().reindex(wide.index).to_numpy()
        self.n = len(rows)
        self.cells = {}
        for cohort in np.unique(self.first[self.first > 0]):
            for year in wide.columns:
                if year == cohort - 1 or cohort - 1 not in wide:
                    continue
                change = (wide[year] - wide[cohort - 1]).to_numpy()
                treated, control = ((self.first == g) & np.isfinite(change) for g in (cohort, 0))
                if not (treated.any() and control.any()):
                    continue
                psi = np.zeros(len(wide))
                psi[treated] = (change[treated] - change[treated].mean()) / treated.sum()
                psi[control] = -(change[control] - change[control].mean()) / control.sum()
                effect = change[treated].mean() - change[control].mean()
                self.cells[int(cohort), int(year)] = (effect, psi, int(treated.sum()))

    def average(self, keys: list[tuple[int, int]]) -> tuple[float, np.ndarray]:
        """Weighted mean of cells, and its influence function with the term for estimated cohort shares."""
        effects = np.array([self.cells[key][0] for key in keys])
        weights = np.array([self.cells[key][2] for key in keys], dtype=float)
        weights /= weights.sum()
        psi = sum(w * self.cells[key][1] for w, key in zip(weights, keys, strict=True))
        member = np.column_stack([self.first == cohort for cohort, _ in keys]).astype(float)
        share = member.mean(axis=0)
        away = member - share
        shares = away @ effects / share.sum() - away.sum(axis=1) * (share @ effects) / share.sum() ** 2
        return float(weights @ effects), psi + shares / len(self.first)

    def overall(self) -> dict:
        value, psi = self.average([key for key in self.cells if key[1] >= key[0]])
        return {"value": value, "se": float(np.sqrt(psi @ psi)), "n": self.n}

    def path(self) -> dict[int, tuple[float, np.ndarray]]:
        times = sorted({year - cohort for cohort, year in self.cells})
        return {t: self.average([key for key in self.cells if key[1] - key[0] == t]) for t in times}

    def bounds(self, limit: float, target: str) -> dict[str, float]:
        """Relative magnitudes: each change of the bias after the start is at most `limit` times the largest before."""
        path = self.path()
        before = [path[t][0] for t in path if t < -1] + [0.0]
        after = [t for t in path if t >= 0]
        largest = np.abs(np.diff(before)).max()
        weights = np.full(len(after), 1 / len(after)) if target == "average" else np.eye(len(after))[0]
        value = weights @ [path[t][0] for t in after]
        psi = sum(w * path[t][1] for w, t in zip(weights, after, strict=True))
        reach = limit * largest * (weights @ np.arange(1, len(after) + 1))  # the bias can grow by as much every year
        stretch = reach + stats.norm.ppf(0.975) * np.sqrt(psi @ psi)
        return {"set_low": value - reach, "set_high": value + reach, "low": value - stretch, "high": value + stretch}


def event_studies(panel: pd.DataFrame, found: dict[str, int]) -> dict[str, dict]:
    rows = trimmed(panel, found, "parent", 0.7)
    near = rows[(rows["first"] == 0) | (rows["year"] - rows["first"]).between(-4, 3)]
    whole = Study(rows)
    out = {"firm/starters_cs/parent": {**whole.overall(), "origin": ORIGINS["cs"]}}
    for stem, study in {"": whole, "near_": Study(near)}.items():
        for target in ("average", "impact"):
            for limit in (0.5, 1.0):
                for end, value in study.bounds(limit, target).items():
                    key = f"firm/starters_honest/{stem}{target}_m{round(100 * limit)}_{end}"
                    origin = ORIGINS["set" if end.startswith("set") else "honest"]
                    out[key] = {"value": float(value), "se": None, "n": None, "origin": origin}
    return out


def estimates() -> dict[str, dict]:
    """Every golden id with value, se, n and origin. `_set_` ids are identified sets, which no page reports by id."""
    panel = firms()
    found = first_years(panel)
    return {**countries(), **long_differences(panel), **starters(panel, found), **event_studies(panel, found)}


if __name__ == "__main__":
    shown = estimates()
    if "--golden" not in sys.argv:
        shown = {key: {part: record[part] for part in ("value", "se", "n")} for key, record in shown.items()}
    print(json.dumps(shown, indent=1, ensure_ascii=False))
