"""The chapters' calls of statsmodels and pyfixest, each read by `Estimate.of`, for tests that repeat them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyfixest as pf
import statsmodels.api as sm
import statsmodels.formula.api as smf

from goingglobal.models import Estimate, noting


def ols(frame: pd.DataFrame, formula: str, term: str, unit: str = "unit", cluster: str | None = None,
        lags: int | None = None, weights: str | None = None) -> Estimate:
    """Least squares with HC1, clustered or Newey–West errors; rows with a missing label are left out."""
    rows = frame.dropna(subset=[name for name in (cluster, weights) if name])
    model = smf.wls(formula, rows, weights=rows[weights]) if weights else smf.ols(formula, rows)
    options = {"cov_type": "HC1"}
    if cluster:
        labels = rows.loc[model.data.row_labels, cluster]
        options = {"cov_type": "cluster", "cov_kwds": {"groups": labels.astype("category").cat.codes}}
    if lags is not None:
        options = {"cov_type": "HAC", "cov_kwds": {"maxlags": lags, "use_correction": True}}
    return Estimate.of(model.fit(use_t=True, **options), term, unit=unit)


def means(frame: pd.DataFrame, outcome: str, treatment: str, unit: str = "unit") -> Estimate:
    """A difference in means with the error of unequal variances: HC2 on one dummy."""
    fit = smf.ols(f"{outcome} ~ {treatment}", frame).fit(cov_type="HC2", use_t=True)
    return Estimate.of(fit, treatment, unit=unit)


def median(frame: pd.DataFrame, formula: str, term: str, unit: str = "unit", quantile: float = 0.5) -> Estimate:
    """Quantile regression with robust errors; what it warns of is a note."""
    with noting() as notes:
        fit = smf.quantreg(formula, frame).fit(q=quantile, vcov="robust", kernel="epa", bandwidth="hsheather")
    return Estimate.of(fit, term, unit=unit, notes=notes)


def margins(frame: pd.DataFrame, formula: str, terms: Sequence[str], unit: str = "share",
            cluster: str | None = None) -> dict[str, Estimate]:
    """Average marginal effects of a logit, HC0 or clustered errors."""
    model = smf.logit(formula, frame)
    options = {"cov_type": "HC0"}
    if cluster:
        labels = frame.loc[model.data.row_labels, cluster]
        options = {"cov_type": "cluster", "cov_kwds": {"groups": labels.astype("category").cat.codes}}
    with noting():
        fit = model.fit(disp=0, maxiter=100, **options)
    effects = fit.get_margeff(dummy=True)
    return {term: Estimate.of(effects, term, unit=unit) for term in terms}


def binomial(frame: pd.DataFrame, formula: str, term: str, unit: str = "log odds",
             trials: str | None = None) -> Estimate:
    """A logit of shares, each weighted with the firms behind it, errors with the Pearson scale."""
    options = {"var_weights": frame[trials]} if trials else {}
    with noting():
        fit = smf.glm(formula, frame, family=sm.families.Binomial(), **options).fit(scale="X2")
    return Estimate.of(fit, term, unit=unit)


def two_way(frame: pd.DataFrame, formula: str, unit: str, effects: tuple[str, str], cluster: str,
            term: str | None = None, weights: str | None = None) -> Estimate:
    """Two effects absorbed, errors clustered by one of them (pyfixest); singletons are a note."""
    with noting() as notes:
        fit = pf.feols(f"{formula} | {' + '.join(effects)}", frame, vcov={"CRV1": cluster}, weights=weights)
    return Estimate.of(fit, term or formula.split("~")[1].split("+")[0].strip(), unit=unit, notes=notes)
