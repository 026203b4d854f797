"""What stands in for pyfixest where it can't be installed: in the browser, as its compiled core is not made for it.

    import goingglobal.absorbing    # there `import pyfixest as pf` now finds this module; elsewhere nothing happens

`feols` has pyfixest's name, arguments and numbers for what the book asks of it: least squares with one or two effects
absorbed and errors clustered by one of them. statsmodels does the work, on deviations from the clusters' means.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from goingglobal.models import ModelError, name_of, software_of

__all__ = ["Fit", "feols"]


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


def feols(fml: str, data: pd.DataFrame, vcov: dict[str, str] | None = None, weights: str | None = None) -> Fit:
    """Least squares with effects absorbed and CR1 errors by one of them, as `pyfixest.feols` gives it.

    Parameters: `fml`, such as "y ~ post | firm + year", the effects behind the bar, at most two; `vcov`, such as
    {"CRV1": "firm"}, which must be one of them; `weights`, a column. The CR1 factor is G/(G−1)·(N−1)/(N−K), K counting
    regressors, the other effect's dummies and one, not the effect that is nested in the clusters. Rows with a missing
    value and effects seen once are left out. Raises `ModelError` for other forms, fewer than two clusters with two rows
    or more, and an empty sample. Sources: Frisch and Waugh (1933); Cameron, Gelbach and Miller (2011).
    """
    import statsmodels.api as sm
    from patsy import dmatrices

    left, _, absorbed = (part.strip() for part in fml.partition("|"))
    effects = [name.strip() for name in absorbed.split("+") if name.strip()]
    cluster = vcov.get("CRV1") if isinstance(vcov, dict) else None
    what = f"{fml!r} on {name_of(data)!r}"
    if cluster not in effects or len(effects) > 2:
        raise ModelError(f"{what}: expected are one or two effects behind the bar, one of which is the cluster, as in "
                         "feols('y ~ post | firm + year', data, vcov={'CRV1': 'firm'})")  # fmt: skip
    outcome = left.partition("~")[0].strip()
    used = [name for name in data if name in {*re.findall(r"[^\W\d]\w*", left), *effects, weights}]
    rows = data.dropna(subset=used)
    while True:  # leaving out one firm can leave a year with a single row
        alone = pd.concat([rows[name].map(rows[name].value_counts()) == 1 for name in effects], axis=1).any(axis=1)
        if not alone.any():
            break
        rows = rows[~alone]
    if rows[cluster].nunique() < 2:
        raise ModelError(f"{what}: fewer than two {cluster} with two rows or more")
    others = [f"C({name})" for name in effects if name != cluster]
    # The dummies stand first, so that of collinear terms the regressor is left out and not a dummy.
    right = left.partition("~")[2]
    weight = rows[weights] if weights else pd.Series(1.0, rows.index)
    both = pd.concat(dmatrices(f"{outcome} ~ {' + '.join([*others, right])}", rows, return_type="dataframe"), axis=1)
    sums = both.mul(weight, axis=0).groupby(rows[cluster]).transform("sum")
    means = sums.div(weight.groupby(rows[cluster]).transform("sum"), axis=0)
    within = both - means + both.mul(weight, axis=0).sum() / weight.sum()
    design = within.iloc[:, 1:]
    diagonal = np.abs(np.diag(np.linalg.qr(design.to_numpy(), mode="r")))
    left_out = list(design.columns[diagonal < 1e-9 * np.linalg.norm(design, axis=0)])
    groups = pd.factorize(rows[cluster])[0]
    fit = sm.WLS(within.iloc[:, 0], design.drop(columns=left_out), weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    terms = [name for name in fit.params.index if name != "Intercept" and not name.startswith(tuple(others or "-"))]
    table = pd.DataFrame({"Estimate": fit.params, "Std. Error": fit.bse, "t value": fit.tvalues,
                          "Pr(>|t|)": fit.pvalues})  # fmt: skip
    table[["2.5%", "97.5%"]] = fit.conf_int()
    return Fit(
        _fml=fml, _data=rows, _beta_hat=table.loc[terms].rename_axis("Coefficient"), _N=int(fit.nobs),
        _N_rows=len(data), _G=[int(groups.max() + 1)], _clustervar=[cluster], _fixef=" + ".join(effects),
        _collin_vars=[name for name in left_out if not name.startswith(tuple(others or "-"))], _depvar=outcome,
        _df_t=int(groups.max()), _has_weights=bool(weights),
        software=f"{software_of('statsmodels')}, as pyfixest is not installed",
    )


if importlib.util.find_spec("pyfixest") is None:
    sys.modules["pyfixest"] = sys.modules[__name__]
