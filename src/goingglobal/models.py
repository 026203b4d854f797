"""What a fit says: `Estimate.of(fit, term)` reads it, and refuses a fit that says nothing.

A cell fits with the library's own call (statsmodels, pyfixest, linearmodels, diff-diff); here its result becomes an
`Estimate`. Beside it stands what needs more than one call: an ordered logit with its check for separation,
Callaway–Sant'Anna with its path, HonestDiD for several limits. Nothing here computes an estimator by hand.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np
import pandas as pd

__all__ = [
    "Estimate", "EventStudy", "ModelError", "binomial_curve", "binomial_gradient", "difference_in_means",
    "event_study", "honest_bounds", "leave_one_out", "local_projections", "logit_margins", "median_regression", "ols",
    "ordered_logit", "ratio", "two_way_fe", "within_slope",
]


class ModelError(ValueError):
    """An estimate can't be made from this sample; the message says what was missing."""


@dataclass(frozen=True)
class Estimate:
    """One number with what is needed to judge it.

    `value`, `se` and the 95 % interval are in `unit`; `n` counts observations, `groups` what
    the standard error clusters on (or the units); `notes` keeps what the library warned of.
    """

    value: float
    se: float
    ci_low: float
    ci_high: float
    n: int
    unit: str
    sample: str
    method: str
    software: str
    groups: int | None = None
    p: float | None = None
    id: str | None = None
    term: str = ""
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self):
        if not np.isfinite(self.value):
            raise ModelError(f"{self.method} on {self.sample!r}: the estimate is not a finite number")

    @classmethod
    def of(
        cls, fit: object, term: object = None, *, unit: str = "", sample: str | pd.DataFrame | None = None,
        notes: Sequence[str] = (),
    ) -> Estimate:
        """One effect of a fit, read from the library's own result.

        Parameters: `fit`, a result of statsmodels (OLS, WLS, quantile regression, logit, its marginal effects, GLM,
        Poisson, ordered model), pyfixest, linearmodels or diff-diff, or an `Estimate`; `term`, the coefficient's name
        (an event study of diff-diff: the event time; a result of one effect: none); `unit` of the effect; `sample`,
        its name, or the frame whose `attrs["sample"]` is the name (default: the name that the fit's data bear);
        `notes`, what the library warned of (see `noting`).
        Raises `ModelError`, naming sample and term, for an unknown kind of result or term, and for a fit that did not
        converge, is rank deficient, separates the outcome, has fewer than two clusters, clusters of other rows, no
        degree of freedom left, or an error that is missing, infinite or below 1e-8 of the outcome's scale.
        """
        if isinstance(fit, Estimate):
            return replace(fit, unit=unit or fit.unit)
        library = type(fit).__module__.partition(".")[0]
        read = _READERS.get(library)
        if isinstance(sample, pd.DataFrame):
            sample = name_of(sample)
        if read is None:
            raise ModelError(
                f"estimate of {term!r}: {type(fit).__name__} is no fit; expected is a fitted result of statsmodels, "
                "pyfixest, linearmodels or diff-diff, such as smf.ols(formula, data).fit()")
        found, frame = read(fit, term, sample)
        found["notes"] = tuple(dict.fromkeys([*notes, *found.get("notes", ())]))
        return cls(**found, unit=unit, sample=sample or name_of(frame), term="" if term is None else str(term))

    def scaled(self, factor: float, unit: str) -> Estimate:
        """The same estimate in another unit: value, error and interval times `factor`."""
        low, high = sorted((self.ci_low * factor, self.ci_high * factor))
        return replace(self, value=self.value * factor, se=self.se * abs(factor), ci_low=low, ci_high=high, unit=unit)

    def row(self) -> dict:
        """Value, error, interval, n and groups, for a table of estimates."""
        return {k: getattr(self, k) for k in ("value", "se", "ci_low", "ci_high", "n", "groups")}

    def __str__(self) -> str:
        groups = f", {self.groups:,} groups" if self.groups else ""
        return (f"{self.value:.4g} {self.unit} (standard error {self.se:.2g}; 95 % interval {self.ci_low:.3g} to "
                f"{self.ci_high:.3g})\nn = {self.n:,}{groups}; {self.method}\nsample: {self.sample}")

    __repr__ = __str__


@dataclass(frozen=True)
class EventStudy:
    """A Callaway–Sant'Anna fit: the overall effect and the path around the start."""

    overall: Estimate
    path: pd.DataFrame
    fit: object


@contextmanager
def noting() -> Iterator[list[str]]:
    """Collect what a library warns of, so that it can be shown as a note instead of lost or hidden."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    about_data = [w for w in caught if issubclass(w.category, UserWarning | RuntimeWarning)]
    notes.extend(dict.fromkeys(" ".join(str(w.message).split()) for w in about_data))
    for other in caught:  # a library's deprecations go where they would have gone
        if other not in about_data:
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)


def software_of(package: str) -> str:
    return f"{package} {version(package)}"


def name_of(frame: pd.DataFrame) -> str:
    return frame.attrs.get("sample", "unnamed sample")


def need_columns(frame: pd.DataFrame, columns: Sequence[str], method: str) -> None:
    lost = [c for c in columns if c not in frame]
    if lost:
        raise ModelError(f"{method} on {name_of(frame)!r}: no column {lost[0]!r}")
    if frame.empty:
        raise ModelError(f"{method} on {name_of(frame)!r}: the sample is empty")


# ------------------------------------------------------------------------------------------------- reading a fit
VANISHING = 1e-8  # of the outcome's scale: an error below it comes of a fit without noise
LIMIT = 1000  # iterations after which statsmodels' quantile regression stops
_COVARIANCES = {"nonrobust": "usual errors", "cluster": "clustered errors", "HAC": "Newey–West errors",
                "hac-panel": "Newey–West errors within groups"}  # fmt: skip
_MODELS = {"OLS": "OLS", "WLS": "OLS, weighted", "GLS": "GLS", "Logit": "logit", "Probit": "probit",
           "Poisson": "Poisson regression", "OrderedModel": "ordered model"}  # fmt: skip


def _no_term(what: str, term: object, known: Sequence) -> ModelError:
    shown = ", ".join(map(str, list(known)[:12])) + (" …" if len(known) > 12 else "")
    return ModelError(f"{what}: no term {term!r}; terms are {shown}")


def _sure(what: str, error: float, scale: float, spread: float, freedom: float) -> None:
    """Refuse an error that says nothing: missing, infinite, vanishing, or of a fit as large as its data."""
    if freedom < 1:
        raise ModelError(f"{what}: no degree of freedom left, the fit has as many coefficients as rows")
    if not np.isfinite(error):
        raise ModelError(f"{what}: its standard error is {error}, not a finite number")
    if not error * spread > VANISHING * scale:
        raise ModelError(f"{what}: its standard error vanishes ({error:.2g}); the fit leaves no noise to judge it by")


def _spread(values: object, ignored: float = 1.0) -> float:
    """Standard deviation of a column; 1 where it has none."""
    found = float(np.nanstd(np.asarray(values, dtype=float)))
    return found if np.isfinite(found) and found > 0 else ignored


def _read_statsmodels(fit, term, sample) -> tuple[dict, pd.DataFrame]:
    margins = fit if type(fit).__name__ == "DiscreteMargins" else None
    fit = margins.results if margins is not None else fit
    model = getattr(fit, "model", None)
    if model is None or not hasattr(fit, "params"):
        raise ModelError(f"estimate of {term!r}: {type(fit).__name__} of statsmodels is no fitted regression")
    frame = getattr(model.data, "frame", None)
    frame = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame()
    what = f"{term!r} on {sample or name_of(frame)!r}"
    kind, covariance = type(model).__name__, str(fit.cov_type)
    names = list(model.exog_names) if margins is not None else list(pd.Series(fit.params).index)
    names = [name for name in names if margins is None or name not in ("Intercept", "const")]
    if term not in names:
        raise _no_term(what, term, names)
    exog = np.asarray(model.exog, dtype=float)
    column = exog[:, list(model.exog_names).index(term)] if term in list(model.exog_names) else np.ones(1)
    notes, groups = [], None
    if kind == "QuantReg":
        if getattr(fit, "iterations", 0) >= LIMIT:
            notes.append(f"Maximum number of iterations ({LIMIT}) reached.")
    elif not (getattr(fit, "mle_retvals", None) or {"converged": getattr(fit, "converged", True)})["converged"]:
        raise ModelError(f"{what}: the fit did not converge")
    rank = getattr(model, "rank", None) or np.linalg.matrix_rank(exog)
    if rank < exog.shape[1]:
        raise ModelError(f"{what}: rank deficient, {exog.shape[1]} terms of which {int(rank)} are independent; leave "
                         "out collinear terms")
    labels = fit.cov_kwds.get("groups") if covariance in ("cluster", "hac-panel") else None
    if labels is not None:
        rows = getattr(model.data, "row_labels", None)
        if isinstance(labels, pd.Series) and rows is not None and not labels.index.equals(pd.Index(rows)):
            raise ModelError(f"{what}: the clusters are of other rows than the formula's; leave out rows with a "
                             "missing value before fitting, and take the clusters from the same frame")
        groups = int(pd.Series(np.asarray(labels).ravel()).nunique()) if np.ndim(labels) == 1 else None
        if groups is not None and groups < 2:
            raise ModelError(f"{what}: fewer than two clusters")
    binary = kind in ("Logit", "Probit")
    if margins is None:
        low, high = fit.conf_int().loc[term] if hasattr(fit.conf_int(), "loc") else fit.conf_int()[names.index(term)]
        value, error, p = fit.params[term], fit.bse[term], fit.pvalues[term]
    else:
        place = names.index(term)
        value, error, p = margins.margeff[place], margins.margeff_se[place], margins.pvalues[place]
        low, high = margins.conf_int()[place]
    if binary:
        own = np.asarray(fit.bse)[list(model.exog_names).index(term)] * np.ptp(column)
        fitted = np.asarray(fit.predict())
        if not own < FLAT or np.abs(fitted - model.endog).max() < 1e-6:
            raise ModelError(f"{what}: separation, the outcome follows from the terms and the size of the effect from "
                             "nothing")
    scale = 1.0 if binary or kind in ("Poisson", "OrderedModel", "GLM") else _spread(model.endog, 0.0)
    freedom = float(getattr(fit, "df_resid", 1))
    _sure(what, float(error), scale, _spread(column), freedom if np.isfinite(freedom) else 1)
    name = _MODELS.get(kind, kind)
    if kind == "QuantReg":
        name, covariance = f"quantile regression at {fit.q:g}", "robust"
    elif kind == "GLM":
        family = type(model.family).__name__.lower()
        name = f"{family} GLM ({type(model.family.link).__name__.lower()})"
        if fit.scale != 1 and family in ("binomial", "poisson"):
            notes.append(f"Pearson scale {fit.scale:.2g}")
    lags = fit.cov_kwds.get("maxlags")
    shown = _COVARIANCES.get(covariance, f"{covariance} errors") + (f" ({lags} lags)" if lags else "")
    method = f"{name}, {'average marginal effect, ' if margins is not None else ''}{shown}"
    return {"value": float(value), "se": float(error), "ci_low": float(low), "ci_high": float(high), "p": float(p),
            "n": int(fit.nobs), "groups": groups, "method": method, "software": software_of("statsmodels"),
            "notes": notes}, frame  # fmt: skip


def _read_pyfixest(fit, term, sample) -> tuple[dict, pd.DataFrame]:
    frame = getattr(fit, "_data", pd.DataFrame())
    what = f"{term!r} on {sample or name_of(frame)!r}"
    if not hasattr(fit, "_beta_hat"):
        raise ModelError(f"estimate of {term!r}: {type(fit).__name__} of pyfixest is no single fit; expected is one "
                         "model, such as fit.fetch_model(0)")
    left_out = list(fit._collin_vars or [])
    if term in left_out:
        raise ModelError(f"{what}: rank deficient, the term is collinear with the effects or the terms before it")
    values = fit.coef()
    if term not in values.index:
        raise _no_term(what, term, list(map(str, values.index)))
    if getattr(fit, "convergence", True) is False:
        raise ModelError(f"{what}: the fit did not converge")
    groups = int(min(fit._G)) if fit._is_clustered else None
    if groups is not None and groups < 2:
        raise ModelError(f"{what}: fewer than two clusters")
    column = frame[term] if term in frame and pd.api.types.is_numeric_dtype(frame[term]) else [1.0]
    outcome = frame.get(fit._depvar, [1.0])
    scale = _spread(outcome, 0.0) if fit._method == "feols" and len(outcome) > 1 else 1.0
    error = float(fit.se()[term])
    _sure(what, error, scale, _spread(column), float(getattr(fit, "_df_t", 1)))
    low, high = fit.confint().loc[term]
    notes = [f"collinear and left out: {', '.join(map(str, left_out))}"] if left_out else []
    if fit._N_rows > fit._N:
        notes.append(f"{fit._N_rows - fit._N} of {fit._N_rows:,} rows not used (missing values, singletons)")
    kind = {"feols": "", "fepois": "Poisson regression, "}.get(fit._method, f"{fit._method}, ")
    effects = " and ".join(str(fit._fixef).split(" + ")) if fit._has_fixef else ""
    detail = str(fit._vcov_type_detail).replace("CRV", "CR")
    errors = f"{detail} errors" + (f" by {' and '.join(fit._clustervar)}" if fit._is_clustered else "")
    method = kind + (f"{effects} fixed effects, " if effects else "" if kind else "OLS, ") + errors
    return {"value": float(values[term]), "se": error, "ci_low": float(low), "ci_high": float(high),
            "p": float(fit.pvalue()[term]), "n": int(fit._N), "groups": groups,
            "method": method + (", weighted" if fit._has_weights else ""), "software": fit_software(fit),
            "notes": notes}, frame  # fmt: skip


def fit_software(fit) -> str:
    """The library that made a fit of pyfixest's kind, its stand-in for the browser included."""
    return getattr(fit, "software", None) or software_of("pyfixest")


def _read_linearmodels(fit, term, sample) -> tuple[dict, pd.DataFrame]:
    what = f"{term!r} on {sample or 'unnamed sample'!r}"
    if not hasattr(fit, "std_errors"):
        raise ModelError(f"estimate of {term!r}: {type(fit).__name__} of linearmodels is no fitted regression")
    if term not in fit.params.index:
        raise _no_term(what, term, list(fit.params.index))
    model = fit.model
    outcome = np.asarray(getattr(model.dependent, "values2d", None) if hasattr(model.dependent, "values2d")
                         else model.dependent.ndarray)  # fmt: skip
    error = float(fit.std_errors[term])
    _sure(what, error, _spread(outcome, 0.0), 1.0, float(fit.df_resid))
    low, high = fit.conf_int().loc[term]
    covariance = str(getattr(fit, "cov_type", None) or getattr(fit, "_cov_type", "")).lower()
    return {"value": float(fit.params[term]), "se": error, "ci_low": float(low), "ci_high": float(high),
            "p": float(fit.pvalues[term]), "n": int(fit.nobs), "groups": None,
            "method": f"{type(model).__name__}, {covariance} errors", "software": software_of("linearmodels")
            }, pd.DataFrame()  # fmt: skip


def _read_diff_diff(fit, term, sample) -> tuple[dict, pd.DataFrame]:
    what = f"{type(fit).__name__} {'' if term is None else f'at {term!r} '}on {sample or 'unnamed sample'!r}"
    kind, groups, method = type(fit).__name__.removesuffix("Results"), None, None
    if kind == "EventStudy":
        times = [int(time) for time in fit.event_time]
        if term not in times:
            raise _no_term(what, term, times)
        at = times.index(term)
        if bool(fit.is_reference[at]):
            raise ModelError(f"{what}: this is the reference, it has no estimate")
        numbers = (fit.att[at], fit.se[at], fit.conf_int_lower[at], fit.conf_int_upper[at], fit.p_value[at], fit.n[at])
        method = "event study"
    elif term is not None:
        raise ModelError(f"{what}: it has one effect and no terms; leave the term out")
    elif kind == "RegressionDiscontinuity":
        numbers = (fit.att_conventional, fit.se_conventional, *fit.conf_int, fit.p_value, fit.n_h_left + fit.n_h_right)
        method = ("local " + ("linear" if fit.p == 1 else f"polynomial of order {fit.p}") + f", {fit.kernel} kernel, "
                  "conventional error, robust bias-corrected interval")  # fmt: skip
    elif hasattr(fit, "overall_att"):
        numbers = (fit.overall_att, fit.overall_se, *fit.overall_conf_int, fit.overall_p_value, fit.n_obs)
        groups = int(fit.n_treated_units + fit.n_control_units) if hasattr(fit, "n_treated_units") else None
        if kind == "CallawaySantAnna":
            method = (f"Callaway–Sant'Anna, {str(fit.control_group).replace('never_', 'never-')} controls, "
                      f"{fit.base_period} base")  # fmt: skip
    elif all(hasattr(fit, name) for name in ("att", "se", "conf_int", "p_value")):
        numbers = (fit.att, fit.se, *fit.conf_int, fit.p_value, getattr(fit, "n_obs", 0))
    else:
        raise ModelError(f"{what}: expected is a result with an effect and its error, such as that of "
                         "diff_diff.CallawaySantAnna().fit(…)")
    value, error, low, high, p, n = map(float, numbers)
    _sure(what, error, 0.0, 1.0, 1)
    return {"value": value, "se": error, "ci_low": low, "ci_high": high, "p": p, "n": int(n) if n == n else 0,
            "groups": groups, "method": method or kind, "software": software_of("diff-diff")}, pd.DataFrame()


_READERS = {"statsmodels": _read_statsmodels, "pyfixest": _read_pyfixest, "linearmodels": _read_linearmodels,
            "diff_diff": _read_diff_diff}  # fmt: skip
LIBRARIES = tuple(_READERS)
_READERS["goingglobal"] = _read_pyfixest  # `absorbing.Fit`, where pyfixest can't be installed


def _from_statsmodels(fit, term: str, frame: pd.DataFrame, method: str, unit: str, groups: int | None) -> Estimate:
    if term not in fit.params.index:
        raise ModelError(f"{method} on {name_of(frame)!r}: no term {term!r}; terms are {list(fit.params.index)[:8]}")
    low, high = fit.conf_int().loc[term]
    return Estimate(
        value=float(fit.params[term]), se=float(fit.bse[term]), ci_low=float(low), ci_high=float(high),
        p=float(fit.pvalues[term]), n=int(fit.nobs), groups=groups, unit=unit, sample=name_of(frame), method=method,
        software=software_of("statsmodels"), term=term,
    )


def model_of(make, formula: str, frame: pd.DataFrame, method: str, **options):
    """A statsmodels model whose columns exist, with complete rows and without collinear terms."""
    from patsy import PatsyError
    from statsmodels.tools.sm_exceptions import MissingDataError

    try:
        model = make(formula, frame, **options)
    except PatsyError as error:
        raise ModelError(f"{method} on {name_of(frame)!r}: {str(error).splitlines()[0]}") from None
    except MissingDataError:
        raise ModelError(f"{method} on {name_of(frame)!r}: a term of {formula!r} is infinite") from None
    except ValueError as error:  # statsmodels on no row at all
        raise ModelError(f"{method} on {name_of(frame)!r}: no row is complete in {formula!r}; {error}") from None
    if np.linalg.matrix_rank(model.exog) < model.exog.shape[1]:
        raise ModelError(f"{method} on {name_of(frame)!r}: terms of {formula!r} are collinear")
    return model


def ols(
    frame: pd.DataFrame, formula: str, term: str, unit: str, cluster: str | None = None, lags: int | None = None,
    weights: str | None = None,
) -> Estimate:
    """Ordinary least squares with HC1 errors, CR1 errors clustered on a column, or Newey–West errors.

    Parameters: `formula`, statsmodels formula; `term`, the coefficient wanted; `unit` of the
    coefficient; `cluster`, a column; `lags`, for one time series in time order; `weights`, a column of
    (sampling) weights. Intervals use the t distribution. Rows with a missing value are dropped.
    Raises `ModelError` for an empty sample, a missing column or term, and for collinear terms.
    Sources: MacKinnon and White (1985) for HC1, Newey and West (1987).
    """
    import statsmodels.formula.api as smf

    used = [column for column in (cluster, weights) if column]
    need_columns(frame, used, "OLS")
    frame = frame.dropna(subset=used) if used else frame
    if weights and not (frame[weights] > 0).all():
        raise ModelError(f"OLS on {name_of(frame)!r}: weights in {weights!r} are not all above zero")
    make, options = (smf.wls, {"weights": frame[weights]}) if weights else (smf.ols, {})
    model, also = model_of(make, formula, frame, "OLS", **options), ", weighted" if weights else ""
    if cluster:
        labels = frame.loc[model.data.row_labels, cluster]
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": labels.astype("category").cat.codes}, use_t=True)
        return _from_statsmodels(fit, term, frame, f"OLS, errors clustered by {cluster}{also}", unit, labels.nunique())
    if lags is not None:
        fit = model.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
        return _from_statsmodels(fit, term, frame, f"OLS, Newey–West errors ({lags} lags){also}", unit, None)
    fit = model.fit(cov_type="HC1", use_t=True)
    return _from_statsmodels(fit, term, frame, f"OLS, HC1 errors{also}", unit, None)


def within_slope(frame: pd.DataFrame, y: str, x: str, group: str, unit: str, lags: int = 3) -> Estimate:
    """Slope of `y` on `x` within groups, each around its own mean, with Newey–West errors within groups.

    Groups are taken as independent of each other; intervals use the t distribution with n less the groups less one
    degrees of freedom. With one group it is `ols(…, lags=…)`. Rows must stand in time order within groups.
    Raises `ModelError` as `ols` does. Source: Newey and West (1987).
    """
    import statsmodels.formula.api as smf

    need_columns(frame, [y, x, group], "slope within groups")
    rows = frame.dropna(subset=[y, x]).sort_values(group, kind="stable")
    effects = f" + C({group})" if rows[group].nunique() > 1 else ""
    model = model_of(smf.ols, f"{y} ~ {x}{effects}", rows, "slope within groups")
    kinds = {"groups": pd.factorize(rows[group])[0], "maxlags": lags, "use_correction": "hac", "df_correction": False}
    fit = model.fit(cov_type="hac-panel", cov_kwds=kinds, use_t=True)
    return _from_statsmodels(fit, x, frame, f"OLS within {group}, Newey–West errors ({lags} lags)", unit,
                             rows[group].nunique())


def median_regression(frame: pd.DataFrame, formula: str, term: str, unit: str, quantile: float = 0.5) -> Estimate:
    """Quantile regression with robust (kernel) errors.

    statsmodels iterates weighted least squares; where it stops at its limit the note says so (the
    tests hold the estimates against an exact linear programme). Source: Koenker and Bassett (1978).
    """
    import statsmodels.formula.api as smf

    need_columns(frame, [], "quantile regression")
    with noting() as notes:
        model = model_of(smf.quantreg, formula, frame, "quantile regression")
        fit = model.fit(q=quantile, vcov="robust", kernel="epa", bandwidth="hsheather")
    method = f"quantile regression at {quantile:g}, robust errors"
    return replace(_from_statsmodels(fit, term, frame, method, unit, None), notes=tuple(notes))


def logit_margins(
    frame: pd.DataFrame, formula: str, terms: Sequence[str], unit: str, cluster: str | None = None
) -> dict[str, Estimate]:
    """Average marginal effects of a logit, with delta-method errors: term → `Estimate`, in probability.

    Parameters: `formula` with a 0/1 outcome; `terms`, the columns wanted; `cluster`, a column (CR1 errors; HC0
    without: statsmodels knows no small-sample factor for a logit). The effect is the mean derivative over the rows; of
    a 0/1 column the mean change from 0 to 1. Rows with a missing value are dropped.
    Raises `ModelError` for an empty sample, an outcome with one value only, collinear terms, perfect separation or
    a fit that does not converge. Source: Bartus (2005) for average marginal effects.
    """
    import statsmodels.formula.api as smf
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    need_columns(frame, [cluster] if cluster else [], "logit")
    frame = frame.dropna(subset=[cluster]) if cluster else frame
    with noting() as notes:
        try:
            model = model_of(smf.logit, formula, frame, "logit")
            if len(np.unique(model.endog)) < 2:
                raise ModelError(f"logit on {name_of(frame)!r}: the outcome of {formula!r} has one value only")
            labels = frame.loc[model.data.row_labels, cluster] if cluster else None
            codes = None if labels is None else labels.astype("category").cat.codes
            options = {"cov_type": "cluster", "cov_kwds": {"groups": codes}} if cluster else {"cov_type": "HC0"}
            fit = model.fit(disp=0, maxiter=100, **options)
        except (PerfectSeparationError, np.linalg.LinAlgError) as error:
            raise ModelError(f"logit on {name_of(frame)!r}: {error}") from None
    if not fit.mle_retvals["converged"] or any("separation" in note.lower() for note in notes):
        raise ModelError(f"logit on {name_of(frame)!r}: {formula!r} does not converge or separates perfectly")
    names = [name for name in fit.model.exog_names if name != "Intercept"]
    lost = [term for term in terms if term not in names]
    if lost:
        raise ModelError(f"logit on {name_of(frame)!r}: no term {lost[0]!r}; terms are {names[:8]}")
    effects = fit.get_margeff(dummy=True)
    low_high, found = effects.conf_int(), {}
    for term in terms:
        place = names.index(term)
        found[term] = Estimate(
            value=float(effects.margeff[place]), se=float(effects.margeff_se[place]), ci_low=float(low_high[place, 0]),
            ci_high=float(low_high[place, 1]), p=float(effects.pvalues[place]), n=int(fit.nobs), unit=unit,
            sample=name_of(frame), method="logit, average marginal effect, " + (
                f"errors clustered by {cluster}" if cluster else "HC0 errors"),
            software=software_of("statsmodels"), term=term, notes=tuple(notes),
            groups=int(labels.nunique()) if cluster else None,
        )
    return found


FLAT = 20.0  # standard error of log odds across a term's range; a single row in a cell still gives one below 2


def ordered_logit(
    frame: pd.DataFrame, outcome: str, terms: Sequence[str], unit: str, cluster: str | None = None
) -> dict[str, Estimate]:
    """Proportional-odds logit of an ordered outcome: term → `Estimate`, in log odds of a higher category.

    Parameters: `outcome`, numbers or an ordered categorical, lowest first; `terms`, numeric columns, all of which
    enter; `cluster`, a column (errors with the factor G/(G−1)·(N−1)/(N−K), K counting terms and thresholds; without,
    errors from the Hessian). A coefficient is the change of the log odds of lying above any threshold, the same for
    all thresholds. Rows with a missing value are dropped. Intervals are normal.
    Raises `ModelError` for an empty sample, an outcome without order or with one category, an infinite value,
    collinear or constant terms, fewer than two clusters, separation, or a fit that does not converge.
    Source: McCullagh (1980).
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    name = f"ordered logit on {name_of(frame)!r}"
    used = [outcome, *terms, *([cluster] if cluster else [])]
    need_columns(frame, used, "ordered logit")
    rows = frame[list(dict.fromkeys(used))].dropna()
    ordered = isinstance(rows[outcome].dtype, pd.CategoricalDtype) and rows[outcome].cat.ordered
    if not (ordered or pd.api.types.is_numeric_dtype(rows[outcome])):
        raise ModelError(f"{name}: {outcome!r} has no order; numbers or an ordered categorical expected")
    levels = rows[outcome].astype("category").cat.remove_unused_categories()
    matrix = rows[list(terms)].astype(float)
    if rows.empty:
        raise ModelError(f"{name}: no row is complete in {used}")
    if len(levels.cat.categories) < 2:
        raise ModelError(f"{name}: the outcome {outcome!r} has one category only")
    if not np.isfinite(matrix.to_numpy()).all():
        raise ModelError(f"{name}: a term of {list(terms)} is infinite")
    if np.linalg.matrix_rank(np.column_stack([np.ones(len(rows)), matrix])) <= len(terms):
        raise ModelError(f"{name}: terms of {list(terms)} are collinear or constant")
    groups = int(rows[cluster].nunique()) if cluster else None
    if groups == 1:
        raise ModelError(f"{name}: fewer than two clusters in {cluster!r}")
    codes = rows[cluster].astype("category").cat.codes if cluster else None
    options = {"cov_type": "cluster", "cov_kwds": {"groups": codes}} if cluster else {}
    with noting() as notes:
        model = OrderedModel(levels.cat.codes, matrix, distr="logit")
        try:
            fit = model.fit(method="bfgs", maxiter=500, gtol=1e-7, disp=0, **options)
            spread = np.sqrt(np.diag(np.linalg.inv(-model.hessian(np.asarray(fit.params)))))[: len(terms)]
        except np.linalg.LinAlgError as error:
            raise ModelError(f"{name}: separation; {error}") from None
    flat = ~(spread * np.ptp(matrix.to_numpy(), axis=0) < FLAT)  # also where the error is no number
    if flat.any():
        raise ModelError(f"{name}: separation, the data say nothing of the size of {list(terms)[int(flat.argmax())]!r}")
    if not fit.mle_retvals["converged"]:
        raise ModelError(f"{name}: the fit does not converge")
    method = "ordered logit, " + (f"errors clustered by {cluster}" if cluster else "errors from the Hessian")
    return {term: replace(_from_statsmodels(fit, term, frame, method, unit, groups), notes=tuple(notes))
            for term in terms}


def difference_in_means(frame: pd.DataFrame, outcome: str, treatment: str, unit: str) -> Estimate:
    """Mean of `outcome` with treatment = 1 minus the mean with 0; unequal-variance (Welch) error."""
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    need_columns(frame, [outcome, treatment], "difference in means")
    rows = frame[[outcome, treatment]].dropna()
    arms = [rows.loc[rows[treatment] == arm, outcome] for arm in (1, 0)]
    if min(len(a) for a in arms) < 2:
        raise ModelError(f"difference in means on {name_of(frame)!r}: arms of {len(arms[0])} and {len(arms[1])} rows")
    means = CompareMeans(*(DescrStatsW(a) for a in arms))
    low, high = means.tconfint_diff(usevar="unequal")
    return Estimate(
        value=float(arms[0].mean() - arms[1].mean()), se=float(means.std_meandiff_separatevar), ci_low=float(low),
        ci_high=float(high), p=float(means.ttest_ind(usevar="unequal")[1]), n=len(rows), unit=unit,
        sample=name_of(frame), method="difference in means, unequal variances", software=software_of("statsmodels"),
    )


def two_way_fe(
    frame: pd.DataFrame, formula: str, unit: str, effects: tuple[str, str], cluster: str, term: str | None = None,
    weights: str | None = None,
) -> Estimate:
    """Two-way fixed effects with CR1 errors clustered on a column (pyfixest; statsmodels where it is not installed).

    Parameters: `formula`, such as "growth ~ fdi_lag + gdp_growth_lag"; `effects`, the two columns
    of fixed effects, of which the one that is `cluster` is absorbed and the other enters as dummies;
    `term`, the coefficient wanted (default: the first regressor); `weights`, a column of weights. The CR1 factor is
    G/(G−1)·(N−1)/(N−K), K counting regressors, the dummies and one, not the absorbed effects, which
    are nested in the clusters. Singleton rows are dropped and noted. Raises `ModelError` for an empty
    sample, a missing column, effects without the cluster, or a collinear term.
    Source: Cameron, Gelbach and Miller (2011).
    """
    need_columns(frame, [*effects, cluster], "two-way fixed effects")
    if cluster not in effects:
        raise ModelError(f"two-way fixed effects on {name_of(frame)!r}: {cluster!r} is not one of {effects}")
    other = next(e for e in effects if e != cluster)
    outcome, right = (part.strip() for part in formula.split("~"))
    names = [n.strip() for n in right.split("+")]
    term = term or names[0]
    if term not in names:
        raise ModelError(f"two-way fixed effects on {name_of(frame)!r}: no term {term!r}; terms are {names}")
    extra = [weights] if weights else []
    need_columns(frame, [outcome, *names, *extra], "two-way fixed effects")
    rows = frame[list(dict.fromkeys([outcome, *names, *effects, *extra]))].dropna()
    if rows.empty:
        raise ModelError(f"two-way fixed effects on {name_of(frame)!r}: no row is complete in {outcome} and {names}")
    if (rows[cluster].value_counts() > 1).sum() < 2:  # pyfixest 0.60 would abort the process on singletons alone
        raise ModelError(f"two-way fixed effects on {name_of(frame)!r}: fewer than two {cluster} with two rows or more")
    # One absorbed effect only: with two, pyfixest 0.60 takes them in the order of a set, and which of them
    # counts as nested in the clusters, and so the error, changed from one process to the next.
    # The dummies stand first, so that of collinear terms the regressor is dropped and not a dummy.
    written = f"{outcome} ~ C({other}) + {right}"
    found, notes = _absorbing(rows, written, cluster, term, weights)
    if not found:
        raise ModelError(f"two-way fixed effects on {name_of(frame)!r}: {term!r} is collinear with the effects")
    return Estimate(
        **found, unit=unit, sample=name_of(frame),
        method=f"{cluster} and {other} fixed effects, CR1 errors by {cluster}" + (", weighted" if weights else ""),
        term=term, notes=tuple(notes),
    )


def _absorbing(rows: pd.DataFrame, formula: str, cluster: str, term: str, weights: str | None) -> tuple[dict, list]:
    """Least squares with `cluster` absorbed: the term's line of an `Estimate` (empty where it is collinear), notes."""
    try:
        import pyfixest
    except ImportError:  # its compiled core is not made for the browser (Pyodide)
        return _absorbing_by_statsmodels(rows, formula, cluster, term, weights)
    with noting() as notes:
        fit = pyfixest.feols(f"{formula} | {cluster}", rows, vcov={"CRV1": cluster}, weights=weights)
    table = fit.tidy()
    if term not in table.index:
        return {}, notes
    line, interval = table.loc[term], fit.confint().loc[term]
    return {"value": float(line["Estimate"]), "se": float(line["Std. Error"]), "ci_low": float(interval.iloc[0]),
            "ci_high": float(interval.iloc[1]), "p": float(line["Pr(>|t|)"]), "n": int(fit._N),
            "groups": int(min(fit._G)), "software": software_of("pyfixest")}, notes


def _absorbing_by_statsmodels(
    rows: pd.DataFrame, formula: str, cluster: str, term: str, weights: str | None
) -> tuple[dict, list]:
    """The same where pyfixest is not installed: deviations from the clusters' means, then statsmodels.

    Each column's own mean is added back, so the constant stays and K is pyfixest's. Source: Frisch and Waugh (1933).
    """
    import statsmodels.api as sm
    from patsy import dmatrices

    kept = rows[rows.groupby(cluster)[cluster].transform("size") > 1]
    lone = len(rows) - len(kept)
    notes = [f"{lone} singleton fixed effect(s) dropped from the model."] if lone else []
    weight = kept[weights] if weights else pd.Series(1.0, kept.index)
    both = pd.concat(dmatrices(formula, kept, return_type="dataframe"), axis=1)
    sums = both.mul(weight, axis=0).groupby(kept[cluster]).transform("sum")
    means = sums.div(weight.groupby(kept[cluster]).transform("sum"), axis=0)
    within = both - means + both.mul(weight, axis=0).sum() / weight.sum()
    outcome, right = within.iloc[:, 0], within.iloc[:, 1:]
    # In the order of the formula, what the columns before it already say is left out.
    diagonal = np.abs(np.diag(np.linalg.qr(right.to_numpy(), mode="r")))
    left_out = list(right.columns[diagonal < 1e-9 * np.linalg.norm(right, axis=0)])
    if left_out:
        notes.append(f"collinear and left out: {', '.join(left_out)}")
    if term in left_out:
        return {}, notes
    groups = pd.factorize(kept[cluster])[0]
    fit = sm.WLS(outcome, right.drop(columns=left_out), weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    low, high = fit.conf_int().loc[term]
    return {"value": float(fit.params[term]), "se": float(fit.bse[term]), "ci_low": float(low), "ci_high": float(high),
            "p": float(fit.pvalues[term]), "n": int(fit.nobs), "groups": int(groups.max() + 1),
            "software": f"{software_of('statsmodels')}, as pyfixest is not installed"}, notes


def local_projections(
    frame: pd.DataFrame, controls: Sequence[str] = (), horizons: Sequence[int] = (0, 1, 2, 3, 4, 5),
    shock: str = "fdi_lag", unit: str = "% of employment", effects: tuple[str, str] = ("iso3", "year"),
    cluster: str = "iso3",
) -> pd.DataFrame:
    """Cumulative response of log employment to FDI, one regression per horizon.

    `frame` has `cumulative_h` columns (see `samples.country_changes`); a negative horizon −k reads
    `cumulative_mk`, the change *before*. Returns one row per horizon: horizon, value, se, ci_low,
    ci_high, n, groups. Source: Jordà (2005).
    """
    rows = []
    for horizon in horizons:
        outcome = f"cumulative_{horizon}" if horizon >= 0 else f"cumulative_m{-horizon}"
        effect = two_way_fe(frame, " + ".join([f"{outcome} ~ {shock}", *controls]), unit, effects, cluster)
        rows.append({"horizon": horizon, "estimate": effect} | effect.row())
    return pd.DataFrame(rows)


def event_study(
    frame: pd.DataFrame, outcome: str = "y", unit: str = "log points", covariates: Sequence[str] = (),
    weights: str | None = None,
) -> EventStudy:
    """Callaway–Sant'Anna with never-treated controls and a universal base period (diff-diff).

    `frame` has `edinet_code`, `year`, `first_fdi` (0 for never) and `outcome`. `path` has one row per
    event time: event_time, value, se, ci_low, ci_high, starters (behind the point), reference. The
    overall effect is the average of post-start group-time effects weighted by the starters in each
    cell; a cell uses the firms observed in both of its years. With `covariates` (of the base year), the cells are
    doubly robust; where a cell has few starters the library clips or gives up its propensity and says so in `notes`.
    `weights` names a column of sampling weights, the same in all rows of a firm.
    Raises `ModelError` without starters or controls.
    Source: Callaway and Sant'Anna (2021), Sant'Anna and Zhao (2020).
    """
    import diff_diff

    need_columns(frame, ["edinet_code", "year", "first_fdi", outcome, *covariates, *([weights] if weights else [])],
          "Callaway–Sant'Anna")
    firms = frame.groupby("edinet_code")["first_fdi"].first()
    if not (firms.eq(0).any() and firms.gt(0).any()):
        raise ModelError(f"Callaway–Sant'Anna on {name_of(frame)!r}: starters or never-treated firms are missing")
    with noting() as notes:
        estimator = diff_diff.CallawaySantAnna(control_group="never_treated", base_period="universal")
        try:
            fit = estimator.fit(frame, outcome=outcome, unit="edinet_code", time="year", first_treat="first_fdi",
                                covariates=list(covariates) or None,
                                survey_design=diff_diff.SurveyDesign(weights=weights) if weights else None)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise ModelError(f"Callaway–Sant'Anna on {name_of(frame)!r}: {error}") from None
        events = fit.aggregate("event_study")
    path = pd.DataFrame({
        "event_time": np.asarray(events.event_time, dtype=int), "value": np.asarray(events.att, dtype=float),
        "se": np.asarray(events.se, dtype=float), "ci_low": np.asarray(events.conf_int_lower, dtype=float),
        "ci_high": np.asarray(events.conf_int_upper, dtype=float),
        "reference": np.asarray(events.is_reference, dtype=bool),
    })
    behind: dict[int, int] = {}
    for (first, year), cell in fit.group_time_effects.items():
        if np.isfinite(cell["effect"]):
            behind[int(year - first)] = behind.get(int(year - first), 0) + int(cell["n_treated"])
    path["starters"] = [np.nan if is_base else behind.get(t, 0) for t, is_base in zip(
        path["event_time"], path["reference"], strict=True)]
    overall = Estimate(
        value=float(fit.overall_att), se=float(fit.overall_se), ci_low=float(fit.overall_conf_int[0]),
        ci_high=float(fit.overall_conf_int[1]), p=float(fit.overall_p_value), n=int(fit.n_obs),
        groups=int(fit.n_treated_units + fit.n_control_units), unit=unit, sample=name_of(frame),
        method="Callaway–Sant'Anna, never-treated controls, universal base" + (
            ", doubly robust" if covariates else "") + (", weighted" if weights else ""),
        software=software_of("diff-diff"), notes=tuple(notes),
    )
    return EventStudy(overall, path, events)


def honest_bounds(study: EventStudy, limits: Sequence[float] = (0.5, 1.0), target: str = "average") -> pd.DataFrame:
    """HonestDiD bounds under relative magnitudes: post-trend breaks at most M times the largest one before.

    `target`: "average" of all post periods (equal weights) or "impact", the first. Returns one row per
    M: M, value, se, bound_low, bound_high (identified set) and ci_low, ci_high, the set widened by 1.96
    standard errors: diff-diff's interval, which ignores the sampling noise of the breaks before.
    Raises `ModelError` for another target. Source: Rambachan and Roth (2023).
    """
    import diff_diff

    if target not in ("average", "impact"):
        raise ModelError(f"honest bounds: target {target!r}, expected 'average' or 'impact'")
    post = int((study.path["event_time"] >= 0).sum())
    weights = None if target == "average" else np.eye(post)[0]
    rows = []
    for limit in limits:
        with noting():
            bound = diff_diff.compute_honest_did(study.fit, method="relative_magnitude", M=limit, l_vec=weights)
        rows.append({"M": limit, "value": float(bound.original_estimate), "se": float(bound.original_se),
                     "ci_low": float(bound.ci_lb), "ci_high": float(bound.ci_ub), "bound_low": float(bound.lb),
                     "bound_high": float(bound.ub)})
    return pd.DataFrame(rows)


def binomial_gradient(
    frame: pd.DataFrame, formula: str, term: str, unit: str, trials: str | None = None
) -> Estimate:
    """Grouped binomial (logit) regression of a share on firm size.

    `formula` has the share (0 to 1) on the left; `trials` is the column with the number of firms behind
    each share. Errors use the Pearson scale, so that more scatter than the binomial allows widens
    them (the scale is at least 1). Without `trials` each band counts once and the scale is free
    (a quasi-binomial fit of shares). Raises `ModelError` for shares outside 0–1, missing trials, or
    no more bands than coefficients. Source: McCullagh and Nelder (1989), chapter 4.
    """
    fit, notes, method = _binomial(frame, formula, trials)
    estimate = _from_statsmodels(fit, term, frame, method, unit, None)
    return replace(estimate, notes=notes)


def binomial_curve(
    frame: pd.DataFrame, formula: str, grid: pd.DataFrame, trials: str | None = None
) -> pd.DataFrame:
    """The fitted shares of `binomial_gradient` on a grid, with 95 % bands: share, low, high (0–1)."""
    fit, _, _ = _binomial(frame, formula, trials)
    shown = fit.get_prediction(grid).summary_frame(alpha=0.05)
    return grid.assign(share=shown["mean"].to_numpy(), low=shown["mean_ci_lower"].to_numpy(),
                       high=shown["mean_ci_upper"].to_numpy())


def _binomial(frame: pd.DataFrame, formula: str, trials: str | None):
    """The fitted GLM, its notes and its name."""
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    share = formula.split("~")[0].strip()
    need_columns(frame, [share, *([trials] if trials else [])], "binomial regression")
    weights = frame[trials] if trials else pd.Series(1.0, frame.index)
    if not frame[share].between(0, 1).all() or not (weights > 0).all():
        raise ModelError(f"binomial regression on {name_of(frame)!r}: shares within 0–1 and positive trials expected")
    model = model_of(smf.glm, formula, frame, "binomial regression", family=sm.families.Binomial(),
                     var_weights=np.asarray(weights, dtype=float))
    plain = model.fit()
    if plain.df_resid < 1:
        raise ModelError(f"binomial regression on {name_of(frame)!r}: {len(frame)} bands for {len(plain.params)} terms")
    scale = float(plain.pearson_chi2 / plain.df_resid)
    scale = max(1.0, scale) if trials else scale
    name = "grouped binomial (logit)" if trials else "quasi-binomial (logit), each band once"
    return model.fit(scale=scale), (f"Pearson scale {scale:.2g}",), f"{name}, Pearson scale"


def leave_one_out(frame: pd.DataFrame, formula: str, unit: str, effects: tuple[str, str], cluster: str) -> pd.DataFrame:
    """`two_way_fe` with one cluster left out at a time: left_out, value, se, ci_low, ci_high, n."""
    rows = []
    for left_out in sorted(frame[cluster].unique()):
        part = frame[frame[cluster] != left_out]
        part.attrs["sample"] = f"{name_of(frame)}, without {left_out}"
        effect = two_way_fe(part, formula, unit, effects, cluster)
        rows.append({"left_out": left_out} | effect.row())
    return pd.DataFrame(rows)


def ratio(numerator: Estimate, denominator: Estimate) -> float:
    """Ratio of two estimates, a plain number for the prose (no interval is claimed)."""
    return numerator.value / denominator.value
