"""What stands in for pyfixest where it can't be installed: in the browser, as its compiled core is not made for it.

    import goingglobal.absorbing    # there `import pyfixest as pf` now finds this module; elsewhere nothing happens

`feols` and `fepois` have pyfixest's names, arguments and numbers for what the book asks of them: least squares and
Poisson regression with one or two effects absorbed and errors clustered in one or two ways, or Driscoll and Kraay's.
statsmodels fits, on deviations from one effect's means.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from goingglobal.models import ModelError, name_of, software_of

__all__ = ["Fit", "feols", "fepois"]

TIMES = re.compile(r"\bi\((\w+), (\w+), ref=(-?\d+)\)")  # i(year, dose, ref=2021)


@dataclass(frozen=True)
class Fit:
    """A fit with those of pyfixest's methods that the book uses; `Estimate.of` reads it as one of pyfixest's."""

    _fml: str
    _data: pd.DataFrame = field(repr=False)
    _beta_hat: pd.DataFrame = field(repr=False)
    _N: int
    _N_rows: int
    _G: list[int]
    _clustervar: list[str]
    _collin_vars: list[str]
    _fixef: str
    _depvar: str
    _df_t: int
    _has_weights: bool
    software: str
    resid: pd.Series = field(repr=False)
    _method: str = "feols"
    _is_clustered: bool = True
    _has_fixef: bool = True
    _vcov_type_detail: str = "CRV1"

    def coef(self) -> pd.Series:
        """Coefficients by term."""
        return self._beta_hat["Estimate"]

    def se(self) -> pd.Series:
        """Standard errors by term."""
        return self._beta_hat["Std. Error"]

    def pvalue(self) -> pd.Series:
        """p-values by term (t distribution, clusters less one degrees of freedom)."""
        return self._beta_hat["Pr(>|t|)"]

    def confint(self) -> pd.DataFrame:
        """95 % intervals by term."""
        return self._beta_hat[["2.5%", "97.5%"]]

    def tidy(self) -> pd.DataFrame:
        """All of these, one row per term."""
        return self._beta_hat


def _plain(fml: str, data: pd.DataFrame) -> tuple[str, pd.DataFrame, dict[str, str]]:
    """Formula and data with columns for `i(year, dose, ref=2021)` and for `a^b`, and pyfixest's names of the former."""
    left, bar, absorbed = fml.partition("|")
    named, columns = {}, {}
    for found in TIMES.finditer(left):
        at, by, ref = found.groups()
        levels = {f"times_{place}": level for place, level in enumerate(sorted(data[at].unique())) if level != int(ref)}
        named |= {name: f"{at}::{level}:{by}" for name, level in levels.items()}
        columns |= {name: data[by] * (data[at] == level) for name, level in levels.items()}
        left = left.replace(found[0], " + ".join(levels))
    for pair in re.findall(r"\w+\^\w+", absorbed):
        one, other = pair.split("^")
        name = f"{one}_by_{other}"
        columns[name], absorbed = data[one].astype(str) + ", " + data[other].astype(str), absorbed.replace(pair, name)
    return left + bar + absorbed, data.assign(**columns), named


def feols(fml: str, data: pd.DataFrame, vcov: dict[str, str] | str | None = None, weights: str | None = None,
          vcov_kwargs: dict | None = None) -> Fit:
    """Least squares with effects absorbed and clustered errors, as `pyfixest.feols` gives it.

    Parameters: `fml`, such as "y ~ post | firm + year", one or two effects behind the bar; with
    `i(year, dose, ref=2021)` among the regressors, a column of `dose` for each year but that; with `sector^year` as an
    effect, one for each pair; `vcov`, {"CRV1": "firm"}, {"CRV1": "firm + year"} for two ways, or "DK" (Driscoll–Kraay)
    with `vcov_kwargs` {"time_id": "year", "lag": 3} (a "panel_id" is not needed); `weights`, a column. Factors: G/(G−1)
    or T/(T−1) times (N−1)/(N−K), G the smaller number of clusters; K counts the regressors, one, and the levels less
    one of each effect that is not nested in a cluster. Rows with a missing value and effects seen once are left out.
    Raises `ModelError` for other forms, fewer than two clusters with two rows or more, and an empty sample. Sources:
    Frisch and Waugh (1933); Cameron, Gelbach and Miller (2011); Driscoll and Kraay (1998).
    """
    import statsmodels.api as sm
    from patsy import dmatrices

    given = fml, len(data), " + ".join(name.strip() for name in fml.partition("|")[2].split("+"))
    fml, data, times = _plain(fml, data)
    left, _, absorbed = (part.strip() for part in fml.partition("|"))
    effects = [name.strip() for name in absorbed.split("+") if name.strip()]
    asked = vcov.get("CRV1", "") if isinstance(vcov, dict) else (vcov_kwargs or {}).get("time_id", "")
    clusters = [name.strip() for name in asked.split("+") if name.strip()]
    what = f"{given[0]!r} on {name_of(data)!r}"
    by_time = vcov == "DK"
    if (not (isinstance(vcov, dict) or by_time) or not 1 <= len(effects) <= 2 or not set(clusters) <= set(data)
            or not 1 <= len(clusters) <= (1 if by_time else 2)):  # fmt: skip
        raise ModelError(f"{what}: expected are one or two effects behind the bar and one or two columns as clusters, "
                         "as in feols('y ~ post | firm + year', data, vcov={'CRV1': 'firm'}), or vcov='DK'")
    outcome = left.partition("~")[0].strip()
    used = [name for name in data if name in {*re.findall(r"[^\W\d]\w*", left), *effects, *clusters, weights}]
    rows = data.dropna(subset=used)
    while True:  # leaving out one firm can leave a year with a single row
        alone = pd.concat([rows[name].map(rows[name].value_counts()) == 1 for name in effects], axis=1).any(axis=1)
        if not alone.any():
            break
        rows = rows[~alone]
    few = next((name for name in clusters if rows[name].nunique() < 2), None)
    if few:
        raise ModelError(f"{what}: fewer than two {few} with two rows or more")
    first = next((name for name in effects if name in clusters), effects[0])
    others = [f"C({name})" for name in effects if name != first]
    # The dummies stand first, so that of collinear terms the regressor is left out and not a dummy.
    right = left.partition("~")[2]
    weight = rows[weights] if weights else pd.Series(1.0, rows.index)
    both = pd.concat(dmatrices(f"{outcome} ~ {' + '.join([*others, right])}", rows, return_type="dataframe"), axis=1)
    sums = both.mul(weight, axis=0).groupby(rows[first]).transform("sum")
    means = sums.div(weight.groupby(rows[first]).transform("sum"), axis=0)
    within = both - means + both.mul(weight, axis=0).sum() / weight.sum()
    design = within.iloc[:, 1:]
    diagonal = np.abs(np.diag(np.linalg.qr(design.to_numpy(), mode="r")))
    left_out = list(design.columns[diagonal < 1e-9 * np.linalg.norm(design, axis=0)])
    fit = sm.WLS(within.iloc[:, 0], design.drop(columns=left_out), weights=weight).fit()
    terms = [name for name in fit.params.index if name != "Intercept" and not name.startswith(tuple(others or "-"))]
    bread = np.asarray(fit.normalized_cov_params)
    scores = fit.model.exog * (np.asarray(fit.resid) * weight.to_numpy())[:, None]
    free = [name for name in effects if by_time or not any(
        rows.groupby(name)[cluster].nunique().max() == 1 for cluster in clusters)]  # fmt: skip
    counted = len(terms) + 1 + sum(rows[name].nunique() - 1 for name in free)
    groups = [int(rows[name].nunique()) for name in clusters]
    factor = min(groups) / (min(groups) - 1) * (len(rows) - 1) / (len(rows) - counted)
    if by_time:
        meat = _over_time(scores, rows[clusters[0]], int((vcov_kwargs or {}).get("lag") or groups[0] ** 0.25))
    else:
        meat = sum(_summed(scores, rows[name]) for name in clusters)
        if len(clusters) == 2:
            meat = meat - _summed(scores, rows.groupby(clusters).ngroup())
            groups.append(rows.groupby(clusters).ngroups)
    error = pd.Series(np.sqrt(np.diag(factor * bread @ meat @ bread).clip(0)), fit.params.index)[terms]
    freedom, value = min(groups) - 1, fit.params[terms]
    table = _table(value, error, stats.t(freedom)).rename(index=times).rename_axis("Coefficient")
    return Fit(
        _fml=given[0], _data=rows, _beta_hat=table, _N=len(rows), _N_rows=given[1],
        _G=[] if by_time else groups, _clustervar=[] if by_time else clusters, _fixef=given[2],
        _collin_vars=[times.get(name, name) for name in left_out if not name.startswith(tuple(others or "-"))],
        _depvar=outcome,
        _df_t=freedom, _has_weights=bool(weights), _is_clustered=not by_time,
        _vcov_type_detail="DK" if by_time else "CRV1", resid=fit.resid,
        software=f"{software_of('statsmodels')}, as pyfixest is not installed",
    )


def _table(values: pd.Series, errors: pd.Series, law) -> pd.DataFrame:
    """Estimates, errors, t, p and 95 % intervals by a distribution of scipy, named as pyfixest names them."""
    t, reach = values / errors, law.ppf(0.975) * errors
    return pd.DataFrame({"Estimate": values, "Std. Error": errors, "t value": t, "Pr(>|t|)": 2 * law.sf(t.abs()),
                         "2.5%": values - reach, "97.5%": values + reach})  # fmt: skip


def fepois(fml: str, data: pd.DataFrame, vcov: dict[str, str] | None = None) -> Fit:
    """Poisson pseudo-maximum likelihood with effects absorbed and CR1 errors, as `pyfixest.fepois` gives it.

    Arguments and refusals are those of `feols`, without weights. Iteratively reweighted least squares; units whose
    outcome is always 0 are left out, as no effect could be fitted to them. Intervals and p by the normal distribution.
    Raises `ModelError` for an outcome below zero and where fifty steps do not converge. Sources: Correia, Guimarães and
    Zylkin (2020).
    """
    left, bar, absorbed = fml.partition("|")
    outcome, regressors = (part.strip() for part in left.split("~"))
    if (data[outcome] < 0).any():
        raise ModelError(f"{fml!r} on {name_of(data)!r}: {outcome} below zero")
    rows = data
    for effect in (name.strip() for name in absorbed.split("+")):
        rows = rows[rows.groupby(effect)[outcome].transform("sum") > 0]
    y = rows[outcome].astype(float)
    fitted, last = (y + y.mean()) / 2, None
    for _ in range(50):
        step = rows.assign(working=np.log(fitted) + y / fitted - 1, likely=fitted)
        fit = feols(f"working ~ {regressors} {bar}{absorbed}", step, vcov, "likely")
        fitted = np.exp(step["working"] - fit.resid)
        now = fit.coef().to_numpy()
        if last is not None and np.abs(now - last).max() < 1e-9:
            break
        last = now
    else:
        raise ModelError(f"{fml!r} on {name_of(data)!r}: the fit did not converge in fifty steps")
    table = _table(fit.coef(), fit.se(), stats.norm)
    return replace(fit, _fml=fml, _data=rows, _beta_hat=table, _N_rows=len(data), _depvar=outcome, _method="fepois",
                   _has_weights=False)


def _summed(scores: np.ndarray, labels: pd.Series) -> np.ndarray:
    """The sum over clusters of the outer products of summed scores."""
    sums = pd.DataFrame(scores).groupby(pd.factorize(labels)[0]).sum().to_numpy()
    return sums.T @ sums


def _over_time(scores: np.ndarray, times: pd.Series, lags: int) -> np.ndarray:
    """Scores summed within each time, their products over time with Bartlett's weights."""
    sums = pd.DataFrame(scores).groupby(times.to_numpy()).sum().to_numpy()
    meat = sums.T @ sums
    for lag in range(1, lags + 1):
        one = sums[lag:].T @ sums[:-lag]
        meat = meat + (1 - lag / (lags + 1)) * (one + one.T)
    return meat


if importlib.util.find_spec("pyfixest") is None:
    sys.modules["pyfixest"] = sys.modules[__name__]
