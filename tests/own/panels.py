"""What tests of a reader's own panel share: panels made up, sound and spoilt; frozen values; regressions by hand."""

from __future__ import annotations

import json
import re
from zlib import crc32

import numpy as np
import pandas as pd
from conftest import ROOT

GOLDEN = {k: v for name in ("golden", "golden_policy")
          for k, v in json.loads((ROOT / "tests" / "estimates" / f"{name}.json").read_text(encoding="utf-8")).items()}


def made(firms: int = 60, years: int = 6, seed: int = 3) -> pd.DataFrame:
    """Rows in the schema's names: a third start in the fourth year, a third invests always, a third never."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame([(f"f{i:03d}", 2010 + t) for i in range(firms) for t in range(years)], columns=["firm", "year"])
    kind = rows["firm"].str[1:].astype(int) % 3
    rows["fdi"] = ((kind == 1) | ((kind == 2) & (rows["year"] >= 2013))).astype(int)
    rows["sector"] = "s" + (rows["firm"].str[1:].astype(int) % 4).astype(str)
    level = dict(zip(rows["firm"].unique(), rng.uniform(20, 400, firms), strict=True))
    rows["home"] = np.round(rows["firm"].map(level) * np.exp(rng.normal(0, 0.1, len(rows)))).astype(int)
    rows["weight"] = rows["firm"].map(dict(zip(rows["firm"].unique(), rng.integers(1, 5, firms), strict=True)))
    return rows


def spoilt() -> pd.DataFrame:
    rows = made(12).astype({"home": object, "fdi": object, "year": object, "weight": object, "firm": object})
    rows["group"] = [int(h) + 5 for h in rows["home"]]
    changes = {"home": {2: "12a", 3: -5, 12: "inf"}, "fdi": {4: 2, 5: 0.5}, "firm": {7: None}, "weight": {20: None},
               "year": {9: 2011.5, 10: 17}, "group": {14: 1, 16: None}}
    for name, cells in changes.items():
        for row, value in cells.items():
            rows.loc[row, name] = value
    return pd.concat([rows, rows.iloc[[25]]], ignore_index=True).assign(extra=1)


SPOILT = [("firm", (8,)), ("year", (10, 11)), ("home", (3,)), ("home", (13,)), ("home", (4,)), ("fdi", (5, 6)),
          ("weight", (21,)), ("firm+year", (73,))]


def weighted_least_squares(y, x, w):
    """Coefficients and HC1 errors by the formula."""
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    slopes = bread @ (x * w[:, None]).T @ y
    left = w * (y - x @ slopes)
    n, k = x.shape
    return slopes, np.sqrt(np.diag(n / (n - k) * bread @ (x * left[:, None] ** 2).T @ x @ bread))


def asked(panel, fetched: bool = True) -> dict[str, list[float]]:
    """All that a panel of `own.large` gives, as lists of numbers, so that engines can be compared."""
    found = {"by_year": panel.by_year(), "first_fdi": panel.first_fdi()}
    for outcome in (panel.staff, "group"):
        found[f"cells of {outcome}"] = panel.cells(outcome, 0.7)
        for words, estimate in (("starters", panel.starters_effect(outcome)),
                                ("starters, trimmed", panel.starters_effect(outcome, 0.5)),
                                ("difference", panel.long_difference(outcome)),
                                ("difference of all", panel.long_difference(outcome, None))):
            gone = [int(n.replace(",", "")) for note in estimate.notes for n in re.findall(r"([\d,]+) firms? ", note)]
            found[f"{words}, {outcome}"] = [estimate.value, estimate.se, estimate.ci_low, estimate.ci_high,
                                            estimate.n, *gone]
    if fetched:
        found["fetch"] = panel.fetch(never_share=0.3).sort_values(["edinet_code", "year"])
        found["texts"] = [crc32(f"{firm} {sector}".encode()) for firm, sector in
                          found["fetch"][["edinet_code", "sector"]].itertuples(index=False)]
    return {name: part.select_dtypes("number").to_numpy(float).ravel().tolist() if isinstance(part, pd.DataFrame)
            else part for name, part in found.items()}
