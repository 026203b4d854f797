"""A second route to those already abroad, and to pay, levels, shares and trimming: numpy, pandas and scipy by hand.

    python tests/estimates/second_route_abroad.py            # JSON on stdout: id → value, se, n
    python tests/estimates/second_route_abroad.py --golden   # the same with `origin`: golden_abroad.json is made so
    python tests/estimates/second_route_abroad.py --counts   # who is in which sample, and why others are not
    python tests/estimates/second_route_abroad.py --primary  # the primary estimates' p, and Holm's for families

Nothing here is from goingglobal. `second_route_jobs` sorts firms by their histories and has the regression with firm
and year effects. Poisson's firm effects are not estimated: given its total, a firm's years are shares of a multinomial,
whose likelihood is the same at its top. Samples are made firm by firm, in loops.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import second_route as first
import second_route_jobs as jobs
from scipy import stats

SHOCK, BASE, YEN = range(2021, 2025), 2021, 0.30
YEARS = [2017, 2018, 2019, 2020, 2022, 2023, 2024, 2025]
SHARES = {"share10": 0.10, "share20": 0.20}
PRIMARY = ("jobs/starters/lower", "jobs/starters/upper", "group/starters/le300", "group/stoppers/all")
ORIGINS = {
    "yen": "numpy: firms partialled out by means, sectors' years by dummies freed of them, CR1 by firm by hand",
    "poisson": "numpy: Poisson given each firm's total, by Newton steps with year dummies, CR1 by firm by hand",
    "difference": "numpy: two regressions, each firm's pull on one less its pull on the other, CR1 by firm by hand",
    "effects": jobs.ORIGINS["effects"],
    "count": jobs.ORIGINS["count"],
    "dose": "a loop over firms that applies the definition, then the mean",
    "ols": jobs.ORIGINS["ols"],
}


# ---------------------------------------------------------------------------------------------- regressions
def lasting(rows: pd.DataFrame, times: tuple[str, ...] = ("year",)) -> pd.DataFrame:
    """Without rows that are alone in their firm or in their time, again and again."""
    while True:
        alone = rows.groupby("firm")["year"].transform("size") == 1
        alone |= rows.groupby(list(times))["year"].transform("size") == 1
        if not alone.any():
            return rows
        rows = rows[~alone]


def factor(n: int, groups: int, k: int) -> float:
    return groups / (groups - 1) * (n - 1) / (n - k)


def absorbed(
    rows: pd.DataFrame, y: str, xs: list[str], block: str | None = None
) -> tuple[np.ndarray, pd.DataFrame, int, int]:
    """Coefficients of `xs` with firm and year effects, each firm's pull on them, rows, and K: regressors and effects.

    With a `block` that no firm leaves, each block has years of its own; K counts all of these, as pyfixest does,
    although one a block is no news beside the firms.
    """
    times = ("year",) if block is None else (block, "year")
    rows = lasting(rows[[y, *xs, "firm", *times]].dropna(), times)
    codes, firms = pd.factorize(rows["firm"])
    freed = rows[[y, *xs]].to_numpy(float)
    blocks = np.zeros(len(rows)) if block is None else rows[block].to_numpy()
    for name in np.unique(blocks):
        some = blocks == name
        member = first.dummies(codes[some])
        whole = np.column_stack([freed[some], first.dummies(rows["year"][some])[:, 1:]])
        within = whole - member @ (member.T @ whole / member.sum(axis=0)[:, None])
        wanted, years = within[:, : 1 + len(xs)], within[:, 1 + len(xs) :]
        freed[some] = wanted - years @ np.linalg.lstsq(years, wanted)[0]
    b, scores, bread = first.least_squares(freed[:, 0], freed[:, 1:])
    pull = np.zeros((len(firms), len(xs)))
    np.add.at(pull, codes, scores @ bread)
    k = len(xs) + rows.groupby(list(times)).ngroups
    return b, pd.DataFrame(pull, index=firms, columns=xs), len(rows), k


def poisson(rows: pd.DataFrame, level: str) -> dict:
    """`post` in a Poisson regression of a level with firm and year effects, CR1 by firm; K counts `post` and the years.

    A firm that never has anyone says nothing, as a row alone in its firm or its year.
    """
    rows = rows[[level, "post", "firm", "year"]].dropna()
    rows = lasting(rows[rows.groupby("firm")[level].transform("sum") > 0])
    codes, firms = pd.factorize(rows["firm"])
    y = rows[level].to_numpy(float)
    z = np.column_stack([rows["post"], first.dummies(rows["year"])[:, 1:]]).astype(float)

    def by_firm(values: np.ndarray) -> np.ndarray:
        out = np.zeros((len(firms), values.shape[1]))
        np.add.at(out, codes, values)
        return out

    totals, b = by_firm(y[:, None])[codes, 0], np.zeros(z.shape[1])
    for _ in range(50):
        odds = np.exp(z @ b)[:, None]
        share = odds / by_firm(odds)[codes]
        around = z - by_firm(share * z)[codes]
        expected = share[:, 0] * totals
        scores = around * (y - expected)[:, None]
        bread = np.linalg.inv(around.T @ (around * expected[:, None]))
        step = bread @ scores.sum(axis=0)
        if np.abs(step).max() < 1e-12:
            break
        b = b + step
    else:
        raise ArithmeticError(f"Poisson of {level}: no convergence")
    n, groups = len(rows), len(firms)
    pull = by_firm(scores) @ bread[0]
    return {"value": float(b[0]), "se": float(np.sqrt(factor(n, groups, z.shape[1] + 1) * (pull @ pull))), "n": n,
            "origin": ORIGINS["poisson"]}  # fmt: skip


def number(value: float, origin: str) -> dict:
    return {"value": float(value), "se": None, "n": None, "origin": ORIGINS[origin]}


# ---------------------------------------------------------------------------------------------- already abroad
def doses(panel: pd.DataFrame) -> tuple[dict[str, float], Counter]:
    """Firm → dose of those who had FDI in every year of the yen's fall, and why other firms have none."""
    found, why = {}, Counter()
    used = ["year", "fdi", "translation_adjustment_yen", "total_assets_yen"]
    inside = panel[panel["year"].isin(SHOCK)].sort_values("firm", kind="stable")
    for firm, years, fdi, adjustment, assets in jobs.each_firm(inside, *used):
        seen = {year: row for row, year in enumerate(years)}
        if len(seen) < len(SHOCK):
            why["not seen in every year 2021–24"] += 1
        elif not (fdi == 1).all():
            why["no FDI in some year 2021–24"] += 1
        else:
            dose = (adjustment[seen[2024]] - adjustment[seen[2021]]) / assets[seen[BASE]] / YEN
            if np.isfinite(dose):
                found[firm] = dose
            else:
                why["accounts missing"] += 1
    why["not seen in every year 2021–24"] += panel["firm"].nunique() - len(found) - why.total()
    low, high = np.percentile(list(found.values()), [1, 99])
    return {firm: min(max(dose, low), high) for firm, dose in found.items()}, why


def yen(panel: pd.DataFrame) -> dict[str, dict]:
    dose, _ = doses(panel)
    rows = panel[panel["firm"].isin(list(dose))]
    if (rows.groupby("firm")["sector"].nunique() != 1).any():
        raise ValueError("a firm changes its sector")
    size = rows["firm"].map(dose)
    rows = rows.assign(**{f"d{year}": size * (rows["year"] == year) for year in YEARS})
    out = {"yen/firms": number(len(dose), "count"), "yen/mean_dose": number(np.mean(list(dose.values())), "dose")}
    for outcome in ("parent", "group"):
        whole = rows.assign(y=np.log(rows[outcome]))
        b, pull, n, k = absorbed(whole, "y", [f"d{year}" for year in YEARS], "sector")
        se = np.sqrt(factor(n, len(pull), k) * (pull**2).sum())
        for year, value in zip(YEARS, b, strict=True):
            out[f"yen/{outcome}/{year}"] = {"value": float(value), "se": float(se[f"d{year}"]), "n": n,
                                            "origin": ORIGINS["yen"]}  # fmt: skip
    return out


# ---------------------------------------------------------------------------------------------- starters
def staff(clean: pd.DataFrame) -> dict[str, dict]:
    """Log pay (× 100) and age of the parent's staff."""
    pay = 100 * np.log(clean["average_pay_yen"].where(clean["average_pay_yen"] > 0))
    outcomes = {"pay": pay, "age": clean["average_age"]}
    return {f"parent/{name}": jobs.on_post(clean.assign(y=y)) for name, y in outcomes.items()}


def levels() -> dict[str, dict]:
    bounds, everyone, clean = jobs.bounds(), jobs.filers(), jobs.starters()
    out = {f"jobs/starters_levels/{name}": poisson(bounds[name].assign(jobs=np.exp(bounds[name]["y"])), "jobs")
           for name in ("lower", "upper")}  # fmt: skip
    filers = everyone[everyone["kind"].isin(["starter", "never"])]
    for size in ("all", "le300"):
        out[f"group/starters_levels/{size}"] = poisson(filers[filers["size"] <= jobs.SIZES[size]], "group")
    return out | {"firm/starters_levels/parent": poisson(clean, "parent")}


def with_share(rows: pd.DataFrame, least: float) -> pd.DataFrame:
    """Firms whose parent held at least so much of the group when first seen."""
    kept = [firm for firm, parent, group in jobs.each_firm(rows.sort_values(["firm", "year"]), "parent", "group")
            if parent[0] / group[0] >= least]  # fmt: skip
    return rows[rows["firm"].isin(kept)]


def shares(rows: pd.DataFrame) -> dict[str, dict]:
    out = {}
    for name, least in SHARES.items():
        some = with_share(rows, least)
        out[f"firm/starters_{name}/parent"] = jobs.on_post(some.assign(y=np.log(some["parent"])))
        out[f"firm/starters_{name}_count"] = jobs.counted(some)
    return out


def calm(rows: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Firms whose parent never leaps by `limit` between two years in which it is seen."""
    kept = [firm for firm, parent, years in jobs.each_firm(rows.sort_values(["firm", "year"]), "parent", "year")
            if np.abs(np.diff(np.log(parent)) / np.diff(years)).max(initial=0) < limit]  # fmt: skip
    return rows[rows["firm"].isin(kept)]


def trimming(rows: pd.DataFrame, limit: float = 0.7) -> dict:
    """Effect in the trimmed sample minus the effect in the whole one, as if both were one regression."""
    rows = rows.assign(y=np.log(rows["parent"]))
    (b, pull, n, k), (b_calm, pull_calm, n_calm, k_calm) = (
        absorbed(some, "y", ["post"]) for some in (rows, calm(rows, limit)))  # fmt: skip
    apart = pull_calm["post"].reindex(pull.index, fill_value=0.0) - pull["post"]
    variance = factor(n + n_calm, len(pull), k + k_calm) * (apart @ apart)
    return {"value": float(b_calm[0] - b[0]), "se": float(np.sqrt(variance)), "n": n + n_calm,
            "origin": ORIGINS["difference"]}  # fmt: skip


def calm_growth() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Firms of 2017 and 2025 whose parent's growth is below a quarter a year: as they were, and how they grew."""
    panel, heads = first.firms(), ["parent", "group"]
    start, end = (panel[panel["year"] == year].set_index("edinet_code") for year in (2017, 2025))
    both = [firm for firm in start.index if firm in end.index]
    growth = 100 / 8 * (end.loc[both, heads] - start.loc[both, heads])
    kept = growth["parent"].abs() < 25
    return start.loc[both][kept], growth[kept]


def both_sizes() -> dict[str, dict]:
    """Long differences with the log of the group's headcount of 2017 beside the parent's, of calm parents."""
    rows, growth = calm_growth()
    z = np.column_stack([rows[["fdi", "parent", "group"]], first.dummies(rows["sector"])])
    return {f"firm/longdiff_both_sizes/{outcome}": {**first.robust(growth[outcome].to_numpy(), z),
                                                    "origin": ORIGINS["ols"]} for outcome in growth}  # fmt: skip


def gaps() -> dict[str, dict]:
    """By how much parents outgrow their groups where there is FDI, at equal size of the parent, and of both."""
    rows, growth = calm_growth()
    more = (growth["parent"] - growth["group"]).to_numpy()
    return {name: first.robust(more, np.column_stack([rows[["fdi", *sizes]], first.dummies(rows["sector"])]))
            for name, sizes in {"": ["parent"], "_both_sizes": ["parent", "group"]}.items()}  # fmt: skip


# ---------------------------------------------------------------------------------------------- all of them
@cache
def untouched() -> pd.DataFrame:
    """Starters and never-investors of J, false starts and all."""
    rows = jobs.sorted_out(jobs.listed())
    return rows[rows["kind"].isin(["starter", "never"])]


def estimates() -> dict[str, dict]:
    """Every golden id with value, se, n and origin."""
    whole = untouched()
    return {**yen(jobs.listed()), **staff(jobs.starters()), **levels(), **shares(whole),
            "firm/trimming_difference/parent": trimming(whole), **both_sizes()}  # fmt: skip


def without_false_starts() -> dict[str, dict]:
    """Shares and trimming again, of J cleaned of false starts: reported by no page."""
    clean = jobs.starters()
    return {**shares(clean), "firm/trimming_difference/parent": trimming(clean)}


def who(panel: pd.DataFrame, everyone: pd.DataFrame | None = None) -> Counter:
    """Each firm's place in the sample of starters, or why it has none; `everyone` shows FDI before."""
    abroad = {} if everyone is None else everyone[everyone["fdi"] == 1].groupby("firm")["year"].min().to_dict()
    found = Counter()
    for firm, years, fdi in jobs.each_firm(panel.sort_values(["firm", "year"]), "year", "fdi"):
        what, change = jobs.kind(years, fdi)
        if what in ("starter", "never"):
            early = abroad.get(firm, 9999) < (change or 9999)
            found[f"{what}, FDI in an earlier filing" if early else what] += 1
        else:
            found["FDI in the first year seen" if fdi[0] == 1 else "FDI comes and goes"] += 1
    return found


def counts() -> dict[str, dict]:
    """Firms by sample: starters, never-investors, and the others by the reason for which they are out."""
    panel, everyone = jobs.listed(), jobs.filers()
    whole, clean = untouched(), jobs.starters()
    dose, why = doses(panel)
    small = everyone[everyone["size"] <= 300]
    out = {"J": who(panel), "J without false starts": who(panel, everyone), "A": who(everyone),
           "A, at most 300": who(small), "yen": {"investors": len(dose), **why}}  # fmt: skip
    for stem, rows in {"": whole, ", without false starts": clean}.items():
        some = {"parent share 0.1": with_share(rows, 0.1), "parent share 0.2": with_share(rows, 0.2),
                "leaps below 0.7": calm(rows, 0.7)}  # fmt: skip
        out |= {f"{name}{stem}": {**who(kept), "left out": rows["firm"].nunique() - kept["firm"].nunique()}
                for name, kept in some.items()}  # fmt: skip
    missing = {name: int(clean[name].isna().sum()) for name in ("average_pay_yen", "average_age")}
    return out | {"rows of J without false starts that lack": missing}


# ---------------------------------------------------------------------------------------------- many tests
def holm(ps: list[float]) -> list[float]:
    """Holm's adjusted p of each."""
    ps = np.asarray(ps, dtype=float)
    if not ((ps >= 0) & (ps <= 1)).all():
        raise ValueError(f"p-values lie between 0 and 1, not {ps}")
    adjusted, largest = np.empty(len(ps)), 0.0
    for rank, place in enumerate(np.argsort(ps, kind="stable")):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return [float(p) for p in adjusted]


@cache
def primary() -> dict[str, dict]:
    """The primary estimates of this data with their firms, t and p (t distribution, firms − 1)."""
    bounds, everyone = jobs.bounds(), jobs.filers()
    starters = everyone[everyone["kind"].isin(["starter", "never"]) & (everyone["size"] <= 300)]
    stoppers = everyone[everyone["kind"].isin(["stopper", "always"])]
    out = {}
    for id_, rows in zip(PRIMARY, (bounds["lower"], bounds["upper"], starters, stoppers), strict=True):
        record = jobs.effects(rows, "y", ["post"])["post"]
        firms = lasting(rows)["firm"].nunique()
        t = record["value"] / record["se"]
        out[id_] = {**record, "firms": firms, "t": t, "p": float(2 * stats.t.sf(abs(t), firms - 1))}
    return out


if __name__ == "__main__":
    if "--counts" in sys.argv:
        shown = counts()
    elif "--primary" in sys.argv:
        shown = primary()
    else:
        shown = estimates()
        if "--golden" not in sys.argv:
            shown = {key: {part: record[part] for part in ("value", "se", "n")} for key, record in shown.items()}
    print(json.dumps(shown, indent=1, ensure_ascii=False))
