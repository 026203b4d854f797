"""What stands in for pyfixest where it can't be installed: in the browser, as its compiled core is not made for it.

    import goingglobal.absorbing    # there `import pyfixest as pf` now finds this module; elsewhere nothing happens

`feols` and `fepois` have pyfixest's names, arguments and numbers for what the book asks of them: least squares and
Poisson regression with one or two effects absorbed and clustered errors. statsmodels does the work, on deviations from
the means of the effect that lies within the clusters.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

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


def feols(fml: str, data: pd.DataFrame, vcov: dict[str, str] | None = None, weights: str | None = None) -> Fit:
    """Least squares with effects absorbed and CR1 errors by one of them, as `pyfixest.feols` gives it.

    Parameters: `fml`, such as "y ~ post | firm + year", the effects behind the bar, at most two; with
    `i(year, dose, ref=2021)` among the regressors, a column of `dose` for each year but that; with `sector^year` as an
    effect, one for each pair; `vcov`, such as {"CRV1": "firm"}, which must be one of the effects or hold one of them
    whole; `weights`, a column. The CR1 factor is G/(G−1)·(N−1)/(N−K), K counting regressors, the other effect's dummies
    and one, not the effect that is nested in the clusters. Rows with a missing value and effects seen once are left
    out. Raises `ModelError` for other forms, fewer than two clusters with two rows or more, and an empty sample.
    Sources: Frisch and Waugh (1933); Cameron, Gelbach and Miller (2011).
    """
    import statsmodels.api as sm
    from patsy import dmatrices
    from scipy import stats

    given = fml, len(data), " + ".join(name.strip() for name in fml.partition("|")[2].split("+"))
    fml, data, times = _plain(fml, data)
    left, _, absorbed = (part.strip() for part in fml.partition("|"))
    effects = [name.strip() for name in absorbed.split("+") if name.strip()]
    cluster = vcov.get("CRV1") if isinstance(vcov, dict) else None
    what = f"{given[0]!r} on {name_of(data)!r}"
    within = [name for name in effects if cluster in data and name in data
              and (name == cluster or (data.groupby(name)[cluster].nunique() < 2).all())]
    if not within or len(effects) > 2:
        raise ModelError(f"{what}: expected are one or two effects behind the bar, one of which is the cluster or "
                         "lies within it, as in feols('y ~ post | firm + year', data, vcov={'CRV1': 'firm'})")
    outcome = left.partition("~")[0].strip()
    used = [name for name in data if name in {*re.findall(r"[^\W\d]\w*", left), *effects, cluster, weights}]
    rows = data.dropna(subset=used)
    while True:  # leaving out one firm can leave a year with a single row
        alone = pd.concat([rows[name].map(rows[name].value_counts()) == 1 for name in effects], axis=1).any(axis=1)
        if not alone.any():
            break
        rows = rows[~alone]
    if rows[cluster].nunique() < 2:
        raise ModelError(f"{what}: fewer than two {cluster} with two rows or more")
    others = [f"C({name})" for name in effects if name != within[0]]
    # The dummies stand first, so that of collinear terms the regressor is left out and not a dummy.
    right = left.partition("~")[2]
    weight = rows[weights] if weights else pd.Series(1.0, rows.index)
    both = pd.concat(dmatrices(f"{outcome} ~ {' + '.join([*others, right])}", rows, return_type="dataframe"), axis=1)
    sums = both.mul(weight, axis=0).groupby(rows[within[0]]).transform("sum")
    means = sums.div(weight.groupby(rows[within[0]]).transform("sum"), axis=0)
    freed = both - means + both.mul(weight, axis=0).sum() / weight.sum()
    design = freed.iloc[:, 1:]
    diagonal = np.abs(np.diag(np.linalg.qr(design.to_numpy(), mode="r")))
    left_out = list(design.columns[diagonal < 1e-9 * np.linalg.norm(design, axis=0)])
    groups = pd.factorize(rows[cluster])[0]
    fit = sm.WLS(freed.iloc[:, 0], design.drop(columns=left_out), weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    # pyfixest counts every dummy of the other effect, also those that the effect within the clusters explains.
    collinear = [name for name in left_out if not name.startswith(tuple(others or "-"))]
    size, counted, kept = len(rows), design.shape[1] - len(collinear), design.shape[1] - len(left_out)
    error, freedom = fit.bse * np.sqrt((size - kept) / (size - counted)), int(groups.max())
    terms = [name for name in fit.params.index if name != "Intercept" and not name.startswith(tuple(others or "-"))]
    table = _table(fit.params, error, stats.t(freedom)).loc[terms].rename(index=times).rename_axis("Coefficient")
    return Fit(
        _fml=given[0], _data=rows, _beta_hat=table, _N=size, _N_rows=given[1], _G=[freedom + 1],
        _clustervar=[cluster], _fixef=given[2], _collin_vars=[times.get(name, name) for name in collinear],
        _depvar=outcome, _df_t=freedom, _has_weights=bool(weights), resid=fit.resid,
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
    from scipy import stats

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


if importlib.util.find_spec("pyfixest") is None:
    sys.modules["pyfixest"] = sys.modules[__name__]
