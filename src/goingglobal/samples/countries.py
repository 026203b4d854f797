"""Samples of countries: yearly changes with their lags and leads, and the donors of a synthetic Japan."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from goingglobal.samples.common import SampleError, called


def country_changes(
    panel: pd.DataFrame, employment: str = "pwt", conduits: bool = True, horizons: int = 5
) -> pd.DataFrame:
    """Country-years with employment growth, FDI lags and leads, and the controls.

    Parameters: `panel`, the table `country_panel`; `employment`, "pwt" (persons engaged,
    Penn World Table 10.01) or "ilo" (ILO modelled estimates); `conduits`, keep the seven
    conduit countries; `horizons`, the longest local projection in years.

    Columns added, all by calendar year within a country: `growth` = 100·Δln E(t), `fdi_lag` =
    F(t−1), `fdi_now` = F(t), `fdi_lead` = F(t+1) (% of GDP), `population_growth` = 100·Δln
    population 15–64, `growth_lag` = growth(t−1), `fdi_in_lag`, `gdp_growth_lag`, and `cumulative_h` = 100·[ln E(t+h) −
    ln E(t−1)] for h = 0…horizons (and `cumulative_m2`, `cumulative_m3`, the same before the
    event: 100·[ln E(t−k) − ln E(t−1)], for placebo checks). Raises `SampleError` for an unknown
    employment series.
    """
    columns = {"pwt": "employment_pwt_millions", "ilo": "employment_ilo_thousands"}
    if employment not in columns:
        raise SampleError(f"employment {employment!r}: expected one of {sorted(columns)}")
    wide = panel if conduits else panel[panel["conduit"] == 0]
    wide = wide.set_index(["iso3", "year"]).sort_index()

    countries, years = (wide.index.get_level_values(level) for level in wide.index.names)

    @cache
    def places(shift: int) -> np.ndarray:
        return wide.index.get_indexer(pd.MultiIndex.from_arrays([countries, years + shift]))

    def at(series: pd.Series, shift: int) -> pd.Series:
        there = places(shift)
        return pd.Series(series.to_numpy(), wide.index).iloc[there].where(there >= 0).set_axis(wide.index)

    log_jobs = np.log(wide[columns[employment]])
    log_people = np.log(wide["population_15_64"])
    out = wide[["country", "conduit"]].copy()
    out["growth"] = 100 * (log_jobs - at(log_jobs, -1))
    out["growth_lag"] = at(out["growth"], -1)
    out["fdi_lag"] = at(wide["fdi_out_pct_gdp"], -1)
    out["fdi_now"] = wide["fdi_out_pct_gdp"]
    out["fdi_lead"] = at(wide["fdi_out_pct_gdp"], 1)
    out["population_growth"] = 100 * (log_people - at(log_people, -1))
    out["fdi_in_lag"] = at(wide["fdi_in_pct_gdp"], -1)
    out["gdp_growth_lag"] = at(wide["gdp_growth_pct"], -1)
    before = at(log_jobs, -1)
    for horizon in range(horizons + 1):
        out[f"cumulative_{horizon}"] = 100 * (at(log_jobs, horizon) - before)
    for back in (2, 3):
        out[f"cumulative_m{back}"] = 100 * (at(log_jobs, -back) - before)
    name = f"OECD-38, {'all' if conduits else 'without conduits'}, {employment.upper()} employment"
    return called(out.reset_index(), name)


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
    return called(rows.assign(treated=(rows["iso3"] == country).astype(int)), name)
