"""What a fit says: `Estimate.of(fit, term)` reads it, and refuses a fit that says nothing.

A cell fits with the library's own call (statsmodels, pyfixest, linearmodels, diff-diff); here its result becomes an
`Estimate`. Beside it stands what needs more than one call: an ordered logit with its check for separation,
Callaway–Sant'Anna with its path, HonestDiD for several limits. Nothing here computes an estimator by hand.
"""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np
import pandas as pd

from goingglobal._display import printable

__all__ = [
    "LIBRARIES", "Estimate", "EventStudy", "ModelError", "event_study", "honest_bounds", "is_fit", "noting",
    "ordered_logit",
]  # fmt: skip


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

    def percent(self) -> Estimate:
        """Of an estimate in log points: what the outcome is higher by, in percent, with its interval; 100 (exp b − 1).

        The error is by the delta method.
        """
        value, low, high = (100 * float(np.expm1(x)) for x in (self.value, self.ci_low, self.ci_high))
        return replace(self, value=value, se=(100 + value) * self.se, ci_low=low, ci_high=high, unit="%")

    def row(self) -> dict:
        """Value, error, interval, n and groups, for a table of estimates."""
        return {k: getattr(self, k) for k in ("value", "se", "ci_low", "ci_high", "n", "groups")}

    def __str__(self) -> str:
        groups = f", {self.groups:,} groups" if self.groups else ""
        lines = (f"{self.value:.4g} {self.unit} (standard error {self.se:.2g}; 95 % interval {self.ci_low:.3g} to "
                 f"{self.ci_high:.3g})", f"n = {self.n:,}{groups}; {self.method}", f"sample: {self.sample}")
        return printable("\n".join(textwrap.fill(line, 84, subsequent_indent="  ") for line in lines))

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
                "hac-panel": "Newey–West errors within groups", "Pearson scale": "Pearson scale"}  # fmt: skip
_MODELS = {"OLS": "OLS", "WLS": "OLS", "GLS": "GLS", "Logit": "logit", "Probit": "probit",
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


def _spread(values: object) -> float:
    """The scale of a column: its standard deviation; where it is constant, its size, or 1."""
    column = np.asarray(values, dtype=float)
    found = [float(np.nanstd(column)), abs(float(np.nanmean(column)))]
    return next((size for size in found if np.isfinite(size) and size > VANISHING), 1.0)


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
        if pd.api.types.is_integer_dtype(np.asarray(labels)) and np.min(labels) == -1:
            raise ModelError(f"{what}: a cluster coded −1, which is pandas' code of a missing label; leave out rows "
                             "without a cluster before fitting")
        groups = int(pd.Series(np.asarray(labels).ravel()).nunique()) if np.ndim(labels) == 1 else None
        if groups is not None and groups < 2 and covariance == "cluster":
            raise ModelError(f"{what}: fewer than two clusters")
    weights = getattr(model, "var_weights" if kind == "GLM" else "weights", None)
    if kind in ("WLS", "GLM") and weights is not None and not (np.asarray(weights) > 0).all():
        raise ModelError(f"{what}: weights are not all above zero")
    if kind == "GLM" and type(model.family).__name__ == "Binomial" and not (
            (model.endog >= 0) & (model.endog <= 1)).all():  # fmt: skip
        raise ModelError(f"{what}: the outcome of a binomial fit is a share within 0–1, not a percentage")
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
    scale = 1.0 if binary or kind in ("Poisson", "OrderedModel", "GLM") else _spread(model.endog)
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
            covariance = "Pearson scale" if covariance == "nonrobust" else covariance
    lags = fit.cov_kwds.get("maxlags")
    shown = _COVARIANCES.get(covariance, f"{covariance} errors") + (f" ({lags} lags)" if lags else "")
    method = f"{name}, {'average marginal effect, ' if margins is not None else ''}{shown}" + (
        ", weighted" if kind == "WLS" else "")
    return {"value": float(value), "se": float(error), "ci_low": float(low), "ci_high": float(high), "p": float(p),
            "n": int(fit.nobs), "groups": groups, "method": method, "software": software_of("statsmodels"),
            "notes": notes}, frame  # fmt: skip


def _read_pyfixest(fit, term, sample) -> tuple[dict, pd.DataFrame]:
    frame = getattr(fit, "_data", pd.DataFrame())
    what = f"{term!r} on {sample or name_of(frame)!r}"
    if not hasattr(fit, "_beta_hat"):
        raise ModelError(f"estimate of {term!r}: {type(fit).__name__} of pyfixest is no single fit; expected is one "
                         "model, such as fit.fetch_model(0)")
    if fit._has_fixef and re.search(r"\S\+|\+\S", str(fit._fixef)):
        raise ModelError(f"{what}: write the effects as {' + '.join(re.split(r'[ +]+', fit._fixef))!r}, with blanks: "
                         f"as {fit._fixef!r} pyfixest takes the wrong one as nested in the clusters")
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
    scale = _spread(outcome) if fit._method == "feols" and len(outcome) > 1 else 1.0
    error = float(fit.se()[term])
    _sure(what, error, scale, _spread(column), float(getattr(fit, "_df_t", 1)))
    low, high = fit.confint().loc[term]
    notes = [f"collinear and left out: {', '.join(map(str, left_out))}"] if left_out else []
    if fit._N_rows > fit._N:
        notes.append(f"{fit._N_rows - fit._N} of {fit._N_rows:,} rows not used (missing values, singletons)")
    kind = {"feols": "", "fepois": "Poisson regression, "}.get(fit._method, f"{fit._method}, ")
    effects = " and ".join(str(fit._fixef).split(" + ")) if fit._has_fixef else ""
    detail = str(fit._vcov_type_detail).replace("CRV", "CR").replace("DK", "Driscoll–Kraay")
    errors = f"{detail} errors" + (f" by {' and '.join(fit._clustervar)}" if fit._is_clustered else "")
    method = kind + (f"{effects} fixed effects, " if effects else "" if kind else "OLS, ") + errors
    return {"value": float(values[term]), "se": error, "ci_low": float(low), "ci_high": float(high),
            "p": float(fit.pvalue()[term]), "n": int(fit._N), "groups": groups,
            "method": method + (", weighted" if fit._has_weights else ""), "software": _pyfixest_software(fit),
            "notes": notes}, frame  # fmt: skip


def _pyfixest_software(fit) -> str:
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
    _sure(what, error, _spread(outcome), 1.0, float(fit.df_resid))
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


def is_fit(value: object) -> bool:
    """Whether `Estimate.of` reads values of this kind."""
    return type(value).__module__.partition(".")[0] in _READERS and not isinstance(value, Estimate)


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


