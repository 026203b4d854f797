"""A second route to what chapters 3 and 4 add: all countries, sectors and sizes, jobs of starters, the legal limit.

    python tests/estimates/second_route_support.py            # JSON on stdout: id → value, se, n
    python tests/estimates/second_route_support.py --golden   # the same with `origin`: golden_support.json was made so

Nothing from goingglobal. Errors of weighting come from stacked moments whose slopes are taken by complex steps; the
set of effects that a threshold leaves is searched on a grid.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import second_route as first
import second_route_jobs as jobs
import second_route_policy as policy

LEAST, CUTOFF = 5, 300.5
WIDTHS = {  # bandwidths h and b as diff-diff chose them for the growth of jobs (c = 300.5, mserd); not computed here
    "lower": (137.7724175831928, 180.03733033768233), "upper": (143.6778705802348, 194.41593482794036),
    "parent": (167.36906525248904, 238.76828488605213),
}  # fmt: skip
ORIGINS = {
    "countries": "numpy: OLS with country dummies, HC1 or CR1 by country by hand",
    "regression": "numpy: OLS with sector dummies, HC1 by hand",
    "weighting": "numpy: logit by Newton steps, errors from stacked moments by complex steps",
    "starters": "numpy: weighted means of firms partialled out, years by dummies, CR1 by firm by hand",
    "effects": jobs.ORIGINS["effects"],
    "count": jobs.ORIGINS["count"],
    "ratio": "numpy: weighted sums at diff-diff's bandwidths, effects tried on a grid",
}


def number(value: float, origin: str) -> dict:
    return {"value": float(value), "se": None, "n": None, "origin": ORIGINS[origin]}


# ---------------------------------------------------------------------------------------------- all countries
def countries() -> dict[str, dict]:
    raw = pd.read_csv(first.DATA / "firm_management.csv")
    every = raw[raw["mne_f"] == 0].dropna(subset=["management", "ln_employees", "mne_d"])
    known = every[every["ownership"].notna()]
    d = known["mne_d"].to_numpy(float)
    score, size, nations = known["management"].to_numpy(), known["ln_employees"].to_numpy(), known["country"].to_numpy()
    z = np.column_stack([score, size, first.dummies(nations)])
    b, scores, bread = first.least_squares(d, z)
    units = first.dummies(nations)
    (n, k), groups = z.shape, units.shape[1]
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    all_owners = np.column_stack([every["management"], every["ln_employees"], first.dummies(every["country"])])
    out = {
        "wms/management_all": first.robust(d, z),
        "wms/management_all_clustered": {
            "value": float(b[0]), "se": first.first_error(bread, scores, factor, units), "n": n},
        "wms/management_all_owners": first.robust(every["mne_d"].to_numpy(float), all_owners),
    }  # fmt: skip
    for country in ("Germany", "Japan"):
        here = (nations == country) * 1.0
        out[f"wms/management_difference/{country}"] = first.robust(
            d, np.column_stack([here * score, here * size, score, size, first.dummies(nations)]))
    return {key: {**record, "origin": ORIGINS["countries"]} for key, record in out.items()}


# ---------------------------------------------------------------------------------------------- sectors and sizes
def moments(kind: str, y: np.ndarray, d: np.ndarray, x: np.ndarray, theta: np.ndarray) -> list[tuple]:
    """Stacked moments: logit, then (doubly robust) the two regressions, then means or the effect.

    Each part is its columns and, for every firm, what they are multiplied with; `theta` is complex.
    """
    def along(b: np.ndarray) -> np.ndarray:
        return x @ b.real + 1j * (x @ b.imag)

    k, ones = x.shape[1], np.ones((len(y), 1))
    p = 1 / (1 + np.exp(-along(theta[:k])))
    parts = [(x, d - p)]
    if kind == "att":
        one, zero = theta[k:]
        return [*parts, (ones, d * (y - one)), (ones, (1 - d) * p / (1 - p) * (y - zero))]
    left = [y - along(theta[k:2 * k]), y - along(theta[2 * k:3 * k])]
    each = left[1] - left[0] + d * left[0] / p - (1 - d) * left[1] / (1 - p)
    return [*parts, (x, d * left[0]), (x, (1 - d) * left[1]), (ones, each - theta[3 * k])]


def stacked(kind: str, y: np.ndarray, d: np.ndarray, x: np.ndarray) -> dict:
    """Effect and error: the inverse of the moments' slopes, taken by complex steps, around their outer product."""
    b, p, _ = policy.logit(d, x)
    if kind == "att":
        odds = (1 - d) * p / (1 - p)
        theta = np.r_[b, y[d == 1].mean(), odds @ y / odds.sum()]
        pick = np.r_[np.zeros(len(b)), 1, -1]
    else:
        arms = [np.linalg.lstsq(x[d == arm], y[d == arm], rcond=None)[0] for arm in (1, 0)]
        left = [y - x @ arm for arm in arms]
        effect = (left[1] - left[0] + d * left[0] / p - (1 - d) * left[1] / (1 - p)).mean()
        theta = np.r_[b, *arms, effect]
        pick = np.r_[np.zeros(len(theta) - 1), 1]
    slopes = np.empty((len(theta), len(theta)))
    for place in range(len(theta)):
        step = np.zeros(len(theta), complex)
        step[place] = 1e-30j
        parts = moments(kind, y, d, x, theta + step)
        slopes[:, place] = np.concatenate([times.imag @ columns for columns, times in parts]) / 1e-30
    whole = [columns * times.real[:, None] for columns, times in moments(kind, y, d, x, theta + 0j)]
    reach = np.column_stack(whole) @ np.linalg.solve(slopes.T, pick)
    return {"value": float(pick @ theta), "se": float(np.sqrt(reach @ reach)), "n": len(y)}


def investors() -> pd.DataFrame:
    """The firms of chapter 3's weighting with group growth, group size, sector and whether they are holdings."""
    panel = first.firms()
    rows = policy.long_difference_sample(panel)
    start, end = (panel[panel["year"] == year].set_index("edinet_code") for year in (2017, 2025))
    rows["group"] = 100 / 8 * (end["group"].reindex(rows.index) - start["group"].reindex(rows.index))
    rows["ln_group"] = start["group"].reindex(rows.index)
    for name in ("sector", "reorganised"):
        rows[name] = start[name].reindex(rows.index)
    return rows.dropna(subset=policy.COVARIATES)


def shared(rows: pd.DataFrame) -> pd.DataFrame:
    kept = [some for _, some in rows.groupby("sector")
            if (some["fdi"] == 1).sum() >= LEAST and (some["fdi"] == 0).sum() >= LEAST]
    return pd.concat(kept)


def specifications() -> dict[str, dict]:
    rows = investors()
    five = [name for name in policy.COVARIATES if name != "manufacturing"]
    calm = shared(rows[rows["reorganised"] == 0])
    tried = {
        "six": (rows, policy.COVARIATES, False),
        "group_size": (rows, [*policy.COVARIATES, "ln_group"], False),
        "sectors": (shared(rows), five, True),
        "sectors_group_size": (shared(rows), [*five, "ln_group"], True),
        "no_holdings": (calm, [*five, "ln_group"], True),
    }
    out = {}
    for name, (some, terms, by_sector) in tried.items():
        d, x = some["fdi"].to_numpy(float), some[terms].to_numpy(float)
        x = (x - x.mean(axis=0)) / x.std(axis=0)  # effects do not depend on it
        effect = first.dummies(some["sector"])[:, 1:] if by_sector else np.empty((len(some), 0))
        x = np.column_stack([np.ones(len(some)), x, effect])
        for staff, column in {"parent": "y", "group": "group"}.items():
            y = some[column].to_numpy()
            line = {**first.robust(y, np.column_stack([d, x])), "origin": ORIGINS["regression"]}
            out[f"barriers/spec/{name}/regression/{staff}"] = line
            for way, kind in {"ipw_att": "att", "aipw_ate": "robust"}.items():
                found = {**stacked(kind, y, d, x), "origin": ORIGINS["weighting"]}
                out[f"barriers/spec/{name}/{way}/{staff}"] = found
        p = policy.logit(d, x)[1][d == 0]
        odds = p / (1 - p)
        out[f"barriers/spec/{name}/effective_stayers"] = number(odds.sum() ** 2 / (odds @ odds), "weighting")
    return out


# ---------------------------------------------------------------------------------------------- starters
def weighted_on_post(rows: pd.DataFrame, weight: str | None) -> dict:
    """`y` on `post` with firm and year effects, weighted, CR1 by firm."""
    rows = rows[rows.groupby("firm")["y"].transform("size") > 1]
    w = rows[weight].to_numpy(float) if weight else np.ones(len(rows))
    codes, firms = pd.factorize(rows["firm"])
    whole = np.column_stack([rows["y"], rows["post"], first.dummies(rows["year"])[:, 1:]]).astype(float)
    sums = np.zeros((len(firms), whole.shape[1]))
    np.add.at(sums, codes, whole * w[:, None])
    within = (whole - (sums / np.bincount(codes, w)[:, None])[codes]) * np.sqrt(w)[:, None]
    b, scores, bread = first.least_squares(within[:, 0], within[:, 1:])
    clusters = np.zeros((len(firms), scores.shape[1]))
    np.add.at(clusters, codes, scores)
    n, groups, k = len(rows), len(firms), 1 + rows["year"].nunique()
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    return {"value": float(b[0]), "se": float(np.sqrt(factor * np.sum((clusters @ bread[0]) ** 2))), "n": n,
            "origin": ORIGINS["starters"]}  # fmt: skip


def with_odds(rows: pd.DataFrame, known: list[str]) -> pd.DataFrame:
    """Rows of firms that have all of `known` in their first year, with `odds`: p/(1−p), of mean 1, for controls."""
    start = rows.sort_values(["firm", "year"]).groupby("firm").head(1).set_index("firm")
    start = start[np.isfinite(start[known]).all(axis=1)]
    d, x = (start["first"] > 0).to_numpy(float), start[known].to_numpy(float)
    p = policy.logit(d, np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)]))[1]
    odds = p / (1 - p)
    weights = pd.Series(np.where(d == 1, 1, odds / odds[d == 0].mean()), start.index)
    return rows[rows["firm"].isin(start.index)].assign(odds=lambda some: some["firm"].map(weights))


def starters(bounds: dict[str, pd.DataFrame], everyone: pd.DataFrame) -> dict[str, dict]:
    out = {}
    groups = everyone[everyone["kind"].isin(["starter", "never"])]
    six = ["ln_parent", "ln_assets", "profitability", "ln_pay", "average_age", "manufacturing", "ln_group"]
    samples = {"group_all": with_odds(groups, ["y", "assets", "sales"])}
    for name in ("lower", "upper"):
        rows = bounds[name]
        positive = {column: rows[column].where(rows[column] > 0) for column in ("total_assets_yen", "average_pay_yen")}
        rows = rows.assign(
            ln_parent=np.log(rows["parent"]), ln_group=np.log(rows["group"]), ln_assets=np.log(
                positive["total_assets_yen"]), ln_pay=np.log(positive["average_pay_yen"]),
            profitability=rows["operating_income_yen"] / rows["total_assets_yen"],
            manufacturing=rows["sector"].isin(policy.MANUFACTURING).astype(float))  # fmt: skip
        samples[f"jobs_{name}"] = with_odds(rows, six)
    for name, rows in samples.items():
        out[f"barriers/starters/{name}"] = weighted_on_post(rows, None)
        out[f"barriers/starters_ipw/{name}"] = weighted_on_post(rows, "odds")
    for name, rows in {"jobs": samples["jobs_lower"], "group": samples["group_all"]}.items():
        out[f"barriers/starters_count/{name}"] = number(rows.loc[rows["first"] > 0, "firm"].nunique(), "count")
    return out


# ---------------------------------------------------------------------------------------------- the legal limit
def split(rows: pd.DataFrame, stem: str) -> dict[str, dict]:
    rows = rows[rows["within"].notna()]
    rows = rows.assign(inside=rows["post"] * rows["within"], beyond=rows["post"] * (1 - rows["within"]))
    both, more = jobs.effects(rows, "y", ["inside", "beyond"]), jobs.effects(rows, "y", ["inside", "post"])
    found = {"within": both["inside"], "outside": both["beyond"], "difference": more["inside"]}
    return {f"{stem}/{name}": {**record, "origin": ORIGINS["effects"]} for name, record in found.items()}


def by_limit(bounds: dict[str, pd.DataFrame], everyone: pd.DataFrame) -> dict[str, dict]:
    groups = jobs.with_limits(everyone[everyone["kind"].isin(["starter", "never"])])
    out, samples = split(groups, "support/eligible"), {"eligible": groups}
    for name in ("lower", "upper"):
        parts = []
        for _, firm in bounds[name].groupby("firm"):
            sector, parent = firm["sector"].iloc[0], firm["parent"].iloc[0]
            limit = np.nan if sector == jobs.UNCLEAR else jobs.LIMITS.get(sector, 300)
            parts.append(firm.assign(within=np.nan if np.isnan(limit) else float(parent <= limit)))
        samples[f"eligible_{name}"] = pd.concat(parts)
        out |= split(samples[f"eligible_{name}"], f"support/eligible_{name}")
    for stem in ("eligible", "eligible_lower"):
        rows = samples[stem][samples[stem]["first"] > 0]
        for side, flag in {"within": 1, "outside": 0}.items():
            out[f"support/{stem}_count/{side}"] = number(rows.loc[rows["within"] == flag, "firm"].nunique(), "count")
    return out


# ---------------------------------------------------------------------------------------------- the ratio
def sums(x: np.ndarray, h: float, b: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights on the outcomes (jump, bias-corrected jump), and the matrix that gives nearest-neighbour residuals."""
    weights, residual = np.zeros((2, len(x))), np.zeros((len(x), len(x)))
    for sign, side in ((-1, x < 0), (1, x >= 0)):
        rows = np.flatnonzero(side & (np.abs(x) < max(h, b)))
        own = x[rows]
        parts = []
        for width, row, powers in ((h, 0, 2), (b, 2, 3)):
            kernel, z = np.clip(1 - np.abs(own) / width, 0, None), np.vander(own, powers, increasing=True)
            parts.append(np.linalg.solve(z.T @ (z * kernel[:, None]), (z * kernel[:, None]).T)[row])
        weights[0, rows], weights[1, rows] = sign * parts[0], sign * (parts[0] - (parts[0] @ own**2) * parts[1])
        away = np.abs(own[:, None] - own[None, :])
        np.fill_diagonal(away, np.inf)
        near = away <= np.sort(away, axis=1)[:, [2]]
        count = near.sum(axis=1)
        root = np.sqrt(count / (count + 1))[:, None]
        residual[np.ix_(rows, rows)] = root * (np.eye(len(rows)) - near / count[:, None])
    return weights[0], weights[1], residual


def ratios(bounds: dict[str, pd.DataFrame]) -> dict[str, dict]:
    tables = {"lower": (bounds["lower"], "y"), "upper": (bounds["upper"], "y"), "parent": (bounds["lower"], "parent")}
    tried = np.linspace(-1e4, 1e4, 200_001)
    out = {}
    for name, (rows, column) in tables.items():
        firms = []
        for _, firm in rows.sort_values(["firm", "year"]).groupby("firm"):
            a, z = firm.iloc[0], firm.iloc[-1]
            if z["year"] > a["year"]:
                ends = [np.log(a["parent"]), np.log(z["parent"])] if column == "parent" else [a["y"], z["y"]]
                growth = 100 * (ends[1] - ends[0]) / (z["year"] - a["year"])
                firms.append((a["parent"] - CUTOFF, growth, a["first"] > 0))
        x, y, d = np.array(firms, float).T
        plain, corrected, residual = sums(x, *WIDTHS[name])
        jump, start, value = plain @ y, plain @ d, (plain @ y) / (plain @ d)
        n = int((np.abs(x) < WIDTHS[name][0]).sum())

        def error(weights: np.ndarray, outcome: np.ndarray, residual=residual) -> float:
            return float(np.sqrt(weights**2 @ (residual @ outcome) ** 2))

        out[f"support/ratio/{name}"] = {"value": float(value), "se": error(plain, y - value * d) / abs(start), "n": n,
                                        "origin": ORIGINS["ratio"]}  # fmt: skip
        if name == "lower":
            shared = {"n": n, "origin": ORIGINS["ratio"]}
            out["support/ratio/first_stage"] = {"value": float(start), "se": error(plain, d), **shared}
            out["support/ratio/jobs"] = {"value": float(jump), "se": error(plain, y), **shared}
            out["support/ratio/first_stage_f"] = number((start / error(plain, d)) ** 2, "ratio")
        parts = residual @ np.column_stack([y, d])
        left = corrected @ y - tried * (corrected @ d)
        spread = [corrected**2 @ (parts[:, one] * parts[:, two]) for one, two in ((0, 0), (0, 1), (1, 1))]
        statistic = np.abs(left) / np.sqrt(spread[0] - 2 * tried * spread[1] + tried**2 * spread[2])
        inside = np.r_[statistic <= 1.959963984540054]
        out[f"support/ratio/{name}_finite_ends"] = number(np.count_nonzero(np.diff(inside)), "ratio")
        out[f"support/ratio/{name}_largest"] = number(statistic.max(), "ratio")
    return out


def estimates() -> dict[str, dict]:
    """Every id with value, se, n and origin."""
    everyone, bounds = jobs.filers(), jobs.bounds()
    return {**countries(), **specifications(), **starters(bounds, everyone), **by_limit(bounds, everyone),
            **ratios(bounds)}  # fmt: skip


if __name__ == "__main__":
    shown = estimates()
    if "--golden" not in sys.argv:
        shown = {key: {part: v for part, v in record.items() if part != "origin"} for key, record in shown.items()}
    print(json.dumps(shown, indent=1, ensure_ascii=False))
