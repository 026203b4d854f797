"""Designs that make groups comparable: weighting, discontinuity, synthetic control; bounds; what could have been seen.

statsmodels for propensities and treatment effects, diff-diff for regression discontinuity and synthetic
difference-in-differences, sensemakr for sensitivity to what was not measured. As in `models`, no estimator is written
by hand; what is ours is the bookkeeping: resampling, placebos, and refusing what can't be estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from goingglobal.models import Estimate, ModelError, model_of, name_of, need_columns, noting, software_of

__all__ = [
    "Discontinuity", "Ratio", "Synthetic", "balance", "binned_means", "bounds_interval", "dealt_jumps", "detectable",
    "effective_size", "placebo_cutoffs", "power", "propensities", "ratio_at_cutoff", "regression_discontinuity",
    "sensitivity", "synthetic_did", "weighted_effects", "wild_cluster_p",
]

MIN_IN_BANDWIDTH = 20
SEED = 20130101  # the paper's month


# ------------------------------------------------------------------------------------------------ weighting
def propensities(
    frame: pd.DataFrame, treatment: str, covariates: Sequence[str], within: str | None = None
) -> pd.DataFrame:
    """The frame with the probability of treatment and the weights that make the controls look like the treated.

    A logit, linear in the covariates, with an effect of each group in the column `within`. Adds `propensity`, and
    `weight`: 1 for the treated and p/(1−p) for the others, scaled to a mean of 1 within each group. Raises `ModelError`
    for a treatment that is not 0/1 or has one value only (in a group of `within`, too), a missing value, collinear
    covariates, or perfect separation.
    Source: Hirano, Imbens and Ridder (2003).
    """
    fit = _propensity(frame, treatment, covariates, within)
    chance = np.asarray(fit.predict(), dtype=float)
    treated = frame[treatment].to_numpy() == 1
    odds = np.where(treated, 1.0, chance / (1 - chance))
    odds = np.where(treated, 1.0, odds / odds[~treated].mean())
    out = frame.assign(propensity=chance, weight=odds)
    out.attrs = frame.attrs
    return out


def _propensity(frame: pd.DataFrame, treatment: str, covariates: Sequence[str], within: str | None = None):
    import statsmodels.formula.api as smf
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    what = "propensity"
    used = [treatment, *covariates, *([within] if within else [])]
    need_columns(frame, used, what)
    _finite(frame, used, what)
    values = set(frame[treatment].unique())
    if values != {0, 1}:
        raise ModelError(f"{what} on {name_of(frame)!r}: {treatment!r} must hold 0 and 1, found {sorted(values)}")
    if within:
        share = frame.groupby(within)[treatment].mean()
        for group in share.index[share.isin([0, 1])][:1]:
            raise ModelError(f"{what} on {name_of(frame)!r}: in {within!r} {group!r} {treatment!r} is always "
                             f"{share[group]:.0f}, so that nobody there can be compared; leave the group out")
    with noting() as notes:
        right = [*covariates, *([f"C({within})"] if within else [])]
        model = model_of(smf.logit, f"{treatment} ~ {' + '.join(right)}", frame, what)
        try:
            fit = model.fit(disp=0)
        except (PerfectSeparationError, np.linalg.LinAlgError) as error:
            raise ModelError(f"{what} on {name_of(frame)!r}: {error}") from None
    if not fit.mle_retvals["converged"] or any("separation" in note.lower() for note in notes):
        raise ModelError(f"{what} on {name_of(frame)!r}: the covariates separate the groups perfectly")
    return fit


def _finite(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    missing = frame[list(columns)].isin([np.nan, np.inf, -np.inf]).sum()
    if missing.any():
        raise ModelError(f"{what} on {name_of(frame)!r}: {missing.max()} rows without {missing.idxmax()!r}")


def effective_size(weights: pd.Series | np.ndarray) -> float:
    """How many equally weighted observations these weights are worth: (Σw)²/Σw² (Kish 1965)."""
    w = np.asarray(weights, dtype=float)
    if not len(w) or (w < 0).any() or w.sum() <= 0:
        raise ModelError("effective size: positive weights expected")
    return float(w.sum() ** 2 / (w**2).sum())


def balance(frame: pd.DataFrame, treatment: str, covariates: Sequence[str], weight: str = "weight") -> pd.DataFrame:
    """Standardised differences between treated and controls, before and after weighting.

    One row per covariate: treated (mean), controls, controls_weighted, before, after (differences over the standard
    deviation of the treated). Raises `ModelError` where a group is empty or a covariate is constant among the treated.
    """
    need_columns(frame, [treatment, weight, *covariates], "balance")
    treated, controls = frame[frame[treatment] == 1], frame[frame[treatment] == 0]
    if treated.empty or controls.empty:
        raise ModelError(f"balance on {name_of(frame)!r}: {len(treated)} treated and {len(controls)} controls")
    _finite(frame, [weight, *covariates], "balance")
    rows = []
    for name in covariates:
        spread = treated[name].std()
        if not spread > 0:
            raise ModelError(f"balance on {name_of(frame)!r}: {name!r} does not vary among the treated")
        target = np.average(treated[name], weights=treated[weight])
        plain, weighted = controls[name].mean(), np.average(controls[name], weights=controls[weight])
        rows.append({"covariate": name, "treated": target, "controls": plain, "controls_weighted": weighted,
                     "before": (target - plain) / spread, "after": (target - weighted) / spread})
    return pd.DataFrame(rows)


def weighted_effects(
    frame: pd.DataFrame, outcome: str, treatment: str, covariates: Sequence[str], unit: str, draws: int = 999,
    seed: int = SEED, weights: str | None = None, within: str | None = None,
) -> dict[str, Estimate]:
    """Inverse-probability weighting and a doubly robust estimator, with bootstrap errors over the rows.

    Returns "ipw_att" (effect on the treated: controls by normalised odds weights), "ipw_ate" and "aipw_ate"
    (augmented weighting: the same logit and a linear outcome model in each group). Errors are the standard deviation
    over `draws` resamples of rows, the propensity fitted anew in each; intervals are percentiles. A draw whose
    propensity can't be fitted is drawn again and counted in the notes. `weights` names a column of sampling weights:
    logit, means and outcome regressions are then weighted by it. `within` names a column of groups (sectors): logit
    and outcome regressions then have an effect of each. Such small groups are lost in resamples, so `draws=0` takes
    the errors from the stacked estimating equations of logit, outcome regressions and means instead (robust, the
    propensity's own error included), with normal intervals.
    Raises `ModelError` as `propensities` does, with `draws=0` for sampling weights too, and where fewer than nine
    draws in ten can be fitted.
    Source: Robins, Rotnitzky and Zhao (1994); Imbens (2004); for the stacked equations Lunceford and Davidian (2004).
    """
    import statsmodels.api as sm
    from statsmodels.treatment.treatment_effects import TreatmentEffect

    used = [outcome, *([weights] if weights else [])]
    need_columns(frame, used, "weighting")
    _finite(frame, used, "weighting")
    if weights and not (frame[weights] > 0).all():
        raise ModelError(f"weighting on {name_of(frame)!r}: weights in {weights!r} are not all above zero")
    if frame[outcome].nunique() < 2:
        raise ModelError(f"weighting on {name_of(frame)!r}: {outcome!r} does not vary")
    if weights and not draws:
        raise ModelError(f"weighting on {name_of(frame)!r}: draws=0 knows no sampling weights; ask for resamples")
    whole = _propensity(frame, treatment, covariates, within)
    y, d, x = frame[outcome].to_numpy(float), frame[treatment].to_numpy(float), whole.model.exog
    w = frame[weights].to_numpy(float) / frame[weights].mean() if weights else None

    own = np.ones(len(y)) if w is None else w
    if w is None:
        fit = TreatmentEffect(sm.OLS(y, x), d, results_select=whole)
        values = (fit.ipw(return_results=False, effect_group=1)[0], fit.ipw(return_results=False)[0],
                  fit.aipw(return_results=False)[0])
    else:
        whole = sm.GLM(d, x, family=sm.families.Binomial(), var_weights=w).fit()
        try:
            values = _weighted_by_sample(y, d, x, w, np.asarray(whole.predict()))
        except ArithmeticError:  # of one group, no row keeps a weight
            raise ModelError(f"weighting on {name_of(frame)!r}: weights in {weights!r} differ so much that a group is "
                             "left without weight") from None
    if not draws:
        errors = _stacked_errors(y, d, x, np.asarray(whole.predict()))
        return {key: Estimate(
            value=float(value), se=error, ci_low=float(value) - 1.96 * error, ci_high=float(value) + 1.96 * error,
            n=len(y), unit=unit, sample=name_of(frame), method=f"{_WEIGHTED[key]}, stacked estimating equations",
            software=software_of("statsmodels")) for key, value, error in zip(_WEIGHTED, values, errors, strict=True)}
    rng, found, failed, start = np.random.default_rng(seed), [], 0, np.asarray(whole.params)
    with noting() as notes:
        while len(found) < draws:
            rows = rng.integers(0, len(y), len(y))
            try:
                chance = _refitted(d[rows], x[rows], own[rows], start)
                draw = _weighted_by_sample(y[rows], d[rows], x[rows], own[rows], chance)
            except (np.linalg.LinAlgError, ValueError, ArithmeticError):  # separated, or a group without rows or weight
                draw = (np.nan,)
            if np.isfinite(draw).all():
                found.append(draw)
            else:
                failed += 1
            if failed > max(9, draws / 9):
                raise ModelError(f"weighting on {name_of(frame)!r}: {failed} resamples could not be fitted")
    notes = (f"{failed} resamples drawn again", *notes) if failed else tuple(notes)
    draws_of = np.array(found)
    return {
        key: Estimate(
            value=float(value), se=float(column.std(ddof=1)), ci_low=float(np.quantile(column, 0.025)),
            ci_high=float(np.quantile(column, 0.975)), n=len(y), unit=unit, sample=name_of(frame),
            method=f"{name}, {draws} bootstrap draws" + (", sampling weights" if weights else ""),
            software=software_of("statsmodels"), notes=notes,
        ) for (key, name), value, column in zip(_WEIGHTED.items(), values, draws_of.T, strict=True)
    }


_WEIGHTED = {"ipw_att": "inverse-probability weighting, effect on the treated",
             "ipw_ate": "inverse-probability weighting, average effect",
             "aipw_ate": "augmented weighting (doubly robust), average effect"}


def _refitted(d: np.ndarray, x: np.ndarray, w: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Probabilities of a logit on a resample, by the Newton steps that statsmodels takes, without its bookkeeping.

    Raises `ValueError` where no step is small in 35 of them, or an index is beyond 30: the groups are separated.
    """
    b, index = start, x @ start
    for _ in range(35):
        p = 1 / (1 + np.exp(-index))
        step = np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x, (w * (d - p)) @ x)
        b, before = b + step, index
        index = x @ b
        if np.abs(index).max() > 30:
            break
        if np.abs(index - before).max() < 1e-9:
            return 1 / (1 + np.exp(-index))
    raise ValueError("the resample separates the groups")


def _weighted_by_sample(y: np.ndarray, d: np.ndarray, x: np.ndarray, w: np.ndarray, chance: np.ndarray
                        ) -> tuple[float, float, float]:
    """The three effects of `weighted_effects` with sampling weights `w`, which statsmodels' own class doesn't take.

    With weights of one it is that class's answer, in a third of its time: resamples use it.
    """
    goes, stays = d == 1, d == 0
    if not (goes.any() and stays.any()):
        raise ValueError("a group without rows")
    odds = w * chance / (1 - chance)
    att = np.average(y[goes], weights=w[goes]) - np.average(y[stays], weights=odds[stays])
    ate = (np.average(y[goes], weights=(w / chance)[goes])
           - np.average(y[stays], weights=(w / (1 - chance))[stays]))
    roots = np.sqrt(w)
    if_goes, if_stays = (x @ np.linalg.lstsq(x[arm] * roots[arm, None], y[arm] * roots[arm], rcond=None)[0]
                         for arm in (goes, stays))
    each = if_goes - if_stays + d * (y - if_goes) / chance - (1 - d) * (y - if_stays) / (1 - chance)
    return float(att), float(ate), float(np.average(each, weights=w))


def _stacked_errors(y: np.ndarray, d: np.ndarray, x: np.ndarray, p: np.ndarray) -> tuple[float, float, float]:
    """Standard errors of the three effects: root of the summed squares of each row's influence.

    A row acts directly, through the logit (score over information) and, in the third, through the two regressions.
    """
    odds, arms = p / (1 - p), (d, 1 - d)
    logit = np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]), (x * (d - p)[:, None]).T)

    def mean(weight: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Of a mean of y weighted by `weight`, whose derivative by the logit's index is `slope`."""
        off = y - np.average(y, weights=weight)
        return (weight * off + (slope * off) @ x @ logit) / weight.sum()

    nothing = np.zeros_like(y)
    att = mean(d, nothing) - mean((1 - d) * odds, (1 - d) * odds)
    ate = mean(d / p, -d / odds) - mean((1 - d) / (1 - p), (1 - d) * odds)
    bread = [np.linalg.inv(x.T @ (x * arm[:, None])) for arm in arms]
    left = [y - x @ (inverse @ (x.T @ (arm * y))) for arm, inverse in zip(arms, bread, strict=True)]
    each = left[1] - left[0] + d * left[0] / p - (1 - d) * left[1] / (1 - p)
    own = [(1 - d / p) @ x @ bread[0] @ (x * (d * left[0])[:, None]).T,
           (1 - (1 - d) / (1 - p)) @ x @ bread[1] @ (x * ((1 - d) * left[1])[:, None]).T]
    by_logit = (-d * left[0] / odds - (1 - d) * left[1] * odds) @ x @ logit
    robust = (each - each.mean() + by_logit + own[0] - own[1]) / len(y)
    return tuple(float(np.sqrt(influence @ influence)) for influence in (att, ate, robust))


def _sensemakr():
    try:
        import sensemakr
    except ImportError:
        raise ModelError("sensitivity needs PySensemakr: pip install '.[sensitivity]' in a clone") from None
    return sensemakr


def sensitivity(
    frame: pd.DataFrame, formula: str, treatment: str, benchmarks: Sequence[str], times: Sequence[int] = (1, 2, 3)
) -> tuple[dict[str, float], pd.DataFrame]:
    """How strong an unmeasured confounder would have to be (sensemakr), in a linear regression with its usual errors.

    Returns (statistics, bounds). Statistics: `estimate`, `se`, `robustness` (the share of the residual variance of
    both treatment and outcome a confounder must explain to bring the estimate to zero), `robustness_significance` (to
    bring the 95 % interval to zero) and `partial_r2` of the treatment. Bounds: one row per benchmark and multiple:
    benchmark, times, r2_treatment, r2_outcome, adjusted, adjusted_se: the estimate left if a confounder `times` as
    strong as the benchmark were held constant. A multiple that would explain more than everything is left out.
    Raises `ModelError` for an unknown term, collinear terms, and without sensemakr (the extra `sensitivity`, which
    brings all of Jupyter, as its author asks for that). Source: Cinelli and Hazlett (2020).
    """
    import statsmodels.formula.api as smf

    sensemakr = _sensemakr()
    need_columns(frame, [treatment], "sensitivity")
    fit = model_of(smf.ols, formula, frame, "sensitivity").fit()
    if np.ptp(fit.model.endog) == 0:
        raise ModelError(f"sensitivity on {name_of(frame)!r}: the outcome of {formula!r} does not vary")
    lost = [name for name in (treatment, *benchmarks) if name not in fit.params.index]
    if lost:
        raise ModelError(f"sensitivity on {name_of(frame)!r}: no term {lost[0]!r}; terms are {list(fit.params.index)}")
    right = formula.split("~")[1]
    others = " + ".join(term.strip() for term in right.split("+") if term.strip() != treatment)
    chance = smf.ols(f"{treatment} ~ {others}", fit.model.data.frame.loc[fit.model.data.row_labels]).fit()
    t, dof = float(fit.tvalues[treatment]), int(fit.df_resid)

    def robustness(**level) -> float:
        return float(np.ravel(sensemakr.robustness_value(t_statistic=t, dof=dof, **level))[0])

    with noting():  # the library divides by zero in the branch that it then doesn't take
        statistics = {
            "estimate": float(fit.params[treatment]), "se": float(fit.bse[treatment]), "robustness": robustness(),
            "robustness_significance": robustness(alpha=0.05),
            "partial_r2": float(sensemakr.partial_r2(t_statistic=t, dof=dof)),
        }
        rows = []
        for name in benchmarks:
            with_treatment = float(sensemakr.partial_r2(t_statistic=float(chance.tvalues[name]), dof=chance.df_resid))
            with_outcome = float(sensemakr.partial_r2(t_statistic=float(fit.tvalues[name]), dof=dof))
            for multiple in times:
                odds = with_treatment / (1 - with_treatment)
                if multiple * odds >= 1:
                    continue
                kept = multiple * with_treatment * odds / (1 - multiple * with_treatment)
                if (np.sqrt(multiple) + np.sqrt(kept)) ** 2 / (1 - kept) * with_outcome / (1 - with_outcome) >= 1:
                    continue
                bound = sensemakr.ovb_partial_r2_bound(r2dxj_x=with_treatment, r2yxj_dx=with_outcome, kd=multiple)
                bound = bound.iloc[0]
                strength = {"r2dz_x": float(bound["r2dz_x"]), "r2yz_dx": float(bound["r2yz_dx"])}
                rows.append({
                    "benchmark": name, "times": multiple, "r2_treatment": strength["r2dz_x"],
                    "r2_outcome": strength["r2yz_dx"],
                    "adjusted": float(sensemakr.adjusted_estimate(
                        estimate=statistics["estimate"], se=statistics["se"], dof=dof, **strength)),
                    "adjusted_se": float(sensemakr.adjusted_se(se=statistics["se"], dof=dof, **strength)),
                })
    return statistics, pd.DataFrame(rows)


# ------------------------------------------------------------------------------------------------ discontinuity
@dataclass(frozen=True)
class Discontinuity:
    """A regression discontinuity: the estimate and what it rests on.

    `estimate` has the conventional coefficient and error, and the robust bias-corrected 95 % interval; `bandwidth` and
    `bias_bandwidth` in units of the running variable; `below` and `above`, rows within the bandwidth; `fits`, the
    lines of the conventional estimate: side, x, value; `corrected`, the bias-corrected estimate with its robust error,
    in whose middle the interval has its centre: what a picture of the interval shows.
    """

    estimate: Estimate
    bandwidth: float
    bias_bandwidth: float
    below: int
    above: int
    fits: pd.DataFrame
    corrected: Estimate


def regression_discontinuity(
    frame: pd.DataFrame, outcome: str, running: str, cutoff: float, unit: str, bandwidth: float | None = None,
    donut: float = 0.0, covariates: Sequence[str] = (), order: int = 1, bias_bandwidth: float | None = None,
) -> Discontinuity:
    """The jump of the outcome at the cut-off, from below to above (sharp design, diff-diff).

    Local polynomial of `order` (1: linear), triangular kernel, MSE-optimal common bandwidth unless `bandwidth` is
    given (then `bias_bandwidth` is the same unless given); nearest-neighbour errors; robust bias-corrected interval.
    `donut` drops rows within so many units of the cut-off; `covariates` are added for precision. Rows with a missing
    value are dropped.
    Raises `ModelError` for a missing column, a cut-off outside the data, an outcome that does not vary, and a
    bandwidth with fewer than 20 rows on either side.
    Source: Calonico, Cattaneo and Titiunik (2014).
    """
    import diff_diff

    what = "regression discontinuity"
    need_columns(frame, [outcome, running, *covariates], what)
    rows = frame[[outcome, running, *covariates]].dropna().astype(float)
    if donut:
        rows = rows[(rows[running] - cutoff).abs() > donut]
    below, above = (rows[running] < cutoff).sum(), (rows[running] >= cutoff).sum()
    if bandwidth is not None:
        near = rows[(rows[running] - cutoff).abs() <= bandwidth]
        below, above = (near[running] < cutoff).sum(), (near[running] >= cutoff).sum()
    _enough(frame, what, cutoff, bandwidth, below, above)
    if rows[outcome].nunique() < 2:
        raise ModelError(f"{what} on {name_of(frame)!r}: {outcome!r} does not vary")
    options = {} if bandwidth is None else {"h": float(bandwidth), "b": float(bias_bandwidth or bandwidth)}
    with noting() as notes:
        try:
            design = diff_diff.RegressionDiscontinuity(cutoff=cutoff, p=order, **options)
            fit = design.fit(rows, outcome=outcome, running=running, covariates=list(covariates) or None)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise ModelError(f"{what} on {name_of(frame)!r} at {cutoff:g}: {error}") from None
    below, above = int(fit.n_h_left), int(fit.n_h_right)
    _enough(frame, what, cutoff, float(fit.h_left), below, above)
    estimate = Estimate(
        value=float(fit.att_conventional), se=float(fit.se_conventional), ci_low=float(fit.conf_int[0]),
        ci_high=float(fit.conf_int[1]), p=float(fit.p_value), n=below + above, unit=unit,
        sample=f"{name_of(frame)}, within {fit.h_left:.0f} of {cutoff:g}",
        method="local " + ("linear" if order == 1 else f"polynomial of order {order}")
        + ", triangular kernel, conventional error, robust bias-corrected interval",
        software=software_of("diff-diff"), notes=tuple(notes),
    )
    corrected = replace(estimate, value=float(fit.att), se=float(fit.se), method=estimate.method.replace(
        "conventional error, robust bias-corrected interval", "bias-corrected, robust error"))
    steps = np.linspace(0, float(fit.h_left), 41)
    sides = (("below", -steps[::-1], fit.beta_p_left), ("above", steps, fit.beta_p_right))
    fits = pd.concat([
        pd.DataFrame({"side": side, "x": cutoff + x, "value": np.polynomial.polynomial.polyval(x, np.asarray(beta))})
        for side, x, beta in sides], ignore_index=True)
    return Discontinuity(estimate, float(fit.h_left), float(fit.b_left), below, above, fits, corrected)


def _enough(frame, what: str, cutoff: float, bandwidth: float | None, below: int, above: int) -> None:
    if min(below, above) < MIN_IN_BANDWIDTH:
        within = "" if bandwidth is None else f" within {bandwidth:g}"
        raise ModelError(f"{what} on {name_of(frame)!r}: {below} rows below and {above} above {cutoff:g}{within}; "
                         f"{MIN_IN_BANDWIDTH} are needed on each side")


@dataclass(frozen=True)
class Ratio:
    """The jump of an outcome over the jump of a treatment at one cut-off, and which effects the data do not refuse.

    `estimate`: the ratio with its conventional error and its robust interval, both of which take for granted that the
    treatment jumps; `first_stage` and `reduced_form`: the two jumps, as `Discontinuity.estimate`, at one bandwidth;
    `covariance`: of the two bias-corrected jumps; `pieces`: the Anderson–Rubin set as intervals (low, high), whose ends
    may be infinite, none where every effect is refused; `level`.
    """

    estimate: Estimate
    first_stage: Discontinuity
    reduced_form: Discontinuity
    covariance: float
    pieces: tuple[tuple[float, float], ...]
    level: float

    @property
    def finite_ends(self) -> int:
        """How many ends of the set are numbers: 2 for an interval, 0 where no effect is refused."""
        return int(np.isfinite(self.pieces).sum())

    def statistic(self, effects: Sequence[float]) -> np.ndarray:
        """Anderson–Rubin: |jump of outcome less effect × treatment| over its error, for each of the `effects`."""
        effect, top, below = np.asarray(effects, float), self.reduced_form.corrected, self.first_stage.corrected
        variance = top.se**2 - 2 * effect * self.covariance + effect**2 * below.se**2
        return np.abs(top.value - effect * below.value) / np.sqrt(variance)


def ratio_at_cutoff(
    frame: pd.DataFrame, outcome: str, treatment: str, running: str, cutoff: float, unit: str,
    bandwidth: float | None = None, level: float = 0.95,
) -> Ratio:
    """What a treatment does to an outcome, by a cut-off that moves the chance of treatment (fuzzy design, diff-diff).

    Local linear as in `regression_discontinuity`, all at the bandwidths that suit the outcome's jump (or `bandwidth`
    for both). An effect θ is in the Anderson–Rubin set where the bias-corrected jump of outcome − θ · treatment does
    not differ from zero at `level`: the set is right however little the treatment jumps, and unbounded where that jump
    itself does not differ from zero. The covariance of the jumps comes from the jump of their sum.
    Raises `ModelError` as `regression_discontinuity` does, for a level outside 0–1, and where the treatment does not
    jump at all. Source: Anderson and Rubin (1949); Feir, Lemieux and Marmer (2016).
    """
    import diff_diff
    from scipy import stats

    what = f"ratio at a cut-off on {name_of(frame)!r}"
    if not 0 < level < 1:
        raise ModelError(f"{what}: level {level!r}, expected between 0 and 1")
    need_columns(frame, [outcome, treatment, running], what)
    rows = frame[[outcome, treatment, running]].dropna().astype(float)
    rows.attrs = frame.attrs
    top = regression_discontinuity(rows, outcome, running, cutoff, unit, bandwidth)
    at = {"bandwidth": top.bandwidth, "bias_bandwidth": top.bias_bandwidth}
    below = regression_discontinuity(rows, treatment, running, cutoff, "share", **at)
    both = regression_discontinuity(rows.assign(both=rows[outcome] + rows[treatment]), "both", running, cutoff, unit,
                                    **at)
    jump, share = top.corrected, below.corrected
    if not abs(below.estimate.value) > 0:
        raise ModelError(f"{what}: {treatment!r} does not jump at {cutoff:g}")
    covariance = (both.corrected.se**2 - jump.se**2 - share.se**2) / 2
    with noting() as notes:
        fit = diff_diff.RegressionDiscontinuity(cutoff=cutoff, h=top.bandwidth, b=top.bias_bandwidth).fit(
            rows, outcome=outcome, running=running, takeup=treatment)
    estimate = replace(
        top.estimate, value=float(fit.att_conventional), se=float(fit.se_conventional), ci_low=float(fit.conf_int[0]),
        ci_high=float(fit.conf_int[1]), p=float(fit.p_value), notes=tuple(notes), unit=unit,
        method=f"ratio of jumps, {top.estimate.method}")
    # θ is kept where (jump − θ share)² ≤ c² (its variance): a θ² + b θ + constant ≤ 0
    c = stats.norm.ppf((1 + level) / 2) ** 2
    a = share.value**2 - c * share.se**2
    b = -2 * (jump.value * share.value - c * covariance)
    constant = jump.value**2 - c * jump.se**2
    return Ratio(estimate, below, top, covariance, _kept(a, b, constant), level)


def _kept(a: float, b: float, constant: float) -> tuple[tuple[float, float], ...]:
    """Where a θ² + b θ + constant ≤ 0."""
    root = b**2 - 4 * a * constant
    if root < 0:
        return () if a > 0 else ((-np.inf, np.inf),)
    low, high = sorted((-b + sign * np.sqrt(root)) / (2 * a) for sign in (-1, 1))
    return ((low, high),) if a > 0 else ((-np.inf, low), (high, np.inf))


def dealt_jumps(
    frame: pd.DataFrame, outcome: str, running: str, cutoff: float, bandwidth: float, bias_bandwidth: float,
    draws: int = 120, seed: int = SEED,
) -> pd.DataFrame:
    """What the design finds where nothing jumps: `low` and `high` of its 95 % interval, for each of `draws` deals.

    Outcomes are dealt out at random among the rows within the larger bandwidth. Estimate and error are diff-diff's
    (local linear, triangular kernel, robust, three nearest neighbours) for all deals at once: the estimate is a
    weighted sum of outcomes, and so are a row's neighbours' means. Raises `ModelError` as `regression_discontinuity`.
    Source: Calonico, Cattaneo and Titiunik (2014).
    """
    need_columns(frame, [outcome, running], "dealt jumps")
    rows = frame[[outcome, running]].dropna().astype(float)
    rows = rows[(rows[running] - cutoff).abs() <= max(bandwidth, bias_bandwidth)]
    away, y = rows[running].to_numpy() - cutoff, rows[outcome].to_numpy()
    near = np.abs(away) <= bandwidth
    _enough(frame, "dealt jumps", cutoff, bandwidth, int((near & (away < 0)).sum()), int((near & (away >= 0)).sum()))
    chance = np.random.default_rng(seed)
    dealt = np.column_stack([chance.permutation(y) for _ in range(draws)])
    jump, variance = np.zeros(draws), np.zeros(draws)
    for sign, side in ((-1, away < 0), (1, away >= 0)):
        x, own = away[side], dealt[side]
        weights = _local(x, bandwidth, 1)[0]
        weights = weights - (weights @ x**2) * _local(x, bias_bandwidth, 2)[2]
        apart = np.abs(x[:, None] - x[None, :])
        np.fill_diagonal(apart, np.inf)
        neighbours = apart <= np.sort(apart, axis=1)[:, [2]]
        count = neighbours.sum(axis=1, keepdims=True)
        residuals = np.sqrt(count / (count + 1)) * (own - neighbours @ own / count)
        jump, variance = jump + sign * (weights @ own), variance + weights**2 @ residuals**2
    reach = 1.959963984540054 * np.sqrt(variance)
    return pd.DataFrame({"low": jump - reach, "high": jump + reach})


def _local(x: np.ndarray, width: float, order: int) -> np.ndarray:
    """Rows of weights on the outcomes that give the coefficients of a local polynomial at zero, triangular kernel."""
    kernel, powers = np.clip(1 - np.abs(x) / width, 0, None)[:, None], np.vander(x, order + 1, increasing=True)
    return np.linalg.solve(powers.T @ (powers * kernel), (powers * kernel).T)


def placebo_cutoffs(
    frame: pd.DataFrame, outcome: str, running: str, cutoff: float, places: Sequence[float], unit: str
) -> tuple[dict[float, Discontinuity], dict[float, str]]:
    """Placebo jumps: the same design at other `places`, on the rows of that side of the real cut-off.

    Returns (place → discontinuity, place → why it was refused), as for too few rows in the bandwidth.
    """
    found, refused = {}, {}
    for place in places:
        side = frame[(frame[running] < cutoff) == (place < cutoff)]
        side.attrs = frame.attrs
        try:
            found[place] = regression_discontinuity(side, outcome, running, place, unit)
        except ModelError as error:
            refused[place] = str(error)
    return found, refused


def binned_means(frame: pd.DataFrame, outcome: str, running: str, cutoff: float, width: float, reach: float
                 ) -> pd.DataFrame:
    """Means of the outcome in bins that don't straddle the cut-off: side, middle, value, se, n, low, high.

    Bins are `width` wide and go `reach` to either side. `low` and `high` are a 95 % interval: Wilson's (1927) for an
    outcome of 0 and 1, whose shares stay within these, otherwise the mean and 1.96 errors.
    Raises `ModelError` where no row is within reach.
    """
    need_columns(frame, [outcome, running], "binned means")
    rows = frame[[outcome, running]].dropna()
    rows = rows[(rows[running] - cutoff).abs() <= reach]
    if rows.empty:
        raise ModelError(f"binned means on {name_of(frame)!r}: no row within {reach:g} of {cutoff:g}")
    place = np.floor((rows[running] - cutoff) / width).clip(upper=np.ceil(reach / width) - 1)
    bins = rows.groupby(place)[outcome].agg(["mean", "sem", "size"])
    if rows[outcome].isin([0, 1]).all():
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(bins["mean"] * bins["size"], bins["size"], method="wilson")
    else:
        low, high = bins["mean"] - 1.96 * bins["sem"], bins["mean"] + 1.96 * bins["sem"]
    return pd.DataFrame({
        "side": np.where(bins.index < 0, "below", "above"), "middle": cutoff + (bins.index + 0.5) * width,
        "value": bins["mean"].to_numpy(), "se": bins["sem"].to_numpy(), "n": bins["size"].to_numpy(),
        "low": np.asarray(low), "high": np.asarray(high),
    })


# ------------------------------------------------------------------------------------------------ synthetic control
@dataclass(frozen=True)
class Synthetic:
    """A synthetic difference-in-differences: estimate, weights, paths and placebos.

    `donors`: iso3, weight. `years`: year, weight (before the treatment). `paths`: year, treated, synthetic.
    `in_space`: iso3, value for every donor in the treated one's place.
    """

    estimate: Estimate
    donors: pd.DataFrame
    years: pd.DataFrame
    paths: pd.DataFrame
    in_space: pd.DataFrame
    level_gap: float


def synthetic_did(frame: pd.DataFrame, first_treated: int, unit: str) -> Synthetic:
    """Synthetic difference-in-differences for one treated unit (diff-diff), with placebos in space.

    `frame` is balanced: iso3, year, `y`, `treated` (1 in all years of the treated unit). The error is the standard
    deviation of the placebo effects, every donor once in the treated unit's place (random draws of donors, the
    library's way, only resample these few and depend on the seed); the interval is normal. The paths' synthetic line
    is moved to the treated one's weighted level before the treatment, since the method compares changes.
    Raises `ModelError` for an unbalanced panel, other than one treated unit, fewer than two donors, or no year before
    or after. Source: Arkhangelsky et al. (2021), algorithms 1 and 4.
    """
    import diff_diff

    what = "synthetic difference-in-differences"
    need_columns(frame, ["iso3", "year", "y", "treated"], what)
    if frame.duplicated(["iso3", "year"]).any():
        twice = frame[frame.duplicated(["iso3", "year"])].iloc[0]
        raise ModelError(f"{what} on {name_of(frame)!r}: two rows for {twice['iso3']} in {twice['year']}")
    wide = frame.pivot(index="iso3", columns="year", values="y")
    if wide.isna().any(axis=None):
        hole = wide.stack(future_stack=True)
        where = hole[hole.isna()].index[0]
        raise ModelError(f"{what} on {name_of(frame)!r}: not balanced, no value for {where[0]} in {where[1]}")
    if np.ptp(wide.to_numpy(float)) == 0:
        raise ModelError(f"{what} on {name_of(frame)!r}: the outcome does not vary")
    treated = sorted(frame.loc[frame["treated"] == 1, "iso3"].unique())
    donors = sorted(set(wide.index) - set(treated))
    if len(treated) != 1 or len(donors) < 2:
        raise ModelError(f"{what} on {name_of(frame)!r}: {len(treated)} treated units and {len(donors)} donors")
    after = [int(year) for year in wide.columns if year >= first_treated]
    if not after or len(after) > wide.shape[1] - 2:
        raise ModelError(f"{what} on {name_of(frame)!r}: {len(after)} of {wide.shape[1]} years from {first_treated} on")

    model = diff_diff.SyntheticDiD(variance_method="placebo", n_bootstrap=2, seed=SEED)  # its error isn't used
    with noting() as notes:
        try:
            found = model.fit(frame, outcome="y", treatment="treated", unit="iso3", time="year", post_periods=after)
        except ValueError as error:
            raise ModelError(f"{what} on {name_of(frame)!r}: {error}") from None
        in_space = pd.DataFrame({"iso3": donors, "value": [
            _effect_for(donor, wide.loc[donors], len(after)) for donor in donors]})
    value, error = float(found.att), float(in_space["value"].std(ddof=0))
    estimate = Estimate(
        value=value, se=error, ci_low=value - 1.96 * error, ci_high=value + 1.96 * error,
        p=float((1 + (in_space["value"].abs() >= abs(value)).sum()) / (1 + len(donors))), n=len(frame),
        groups=len(wide), unit=unit, sample=name_of(frame),
        method=f"synthetic difference-in-differences, error from {len(donors)} placebo countries",
        software=software_of("diff-diff"), notes=tuple(notes),
    )
    before = [int(year) for year in wide.columns if year < first_treated]
    weights = pd.Series(found.time_weights).reindex(before).fillna(0.0)
    line = np.concatenate([found.synthetic_pre_trajectory, found.synthetic_post_trajectory])
    own = wide.loc[treated[0]].to_numpy(float)
    gap = float(np.average(own[:len(before)] - line[:len(before)], weights=weights))
    return Synthetic(
        estimate,
        pd.Series(found.unit_weights, name="weight").astype(float).rename_axis("iso3").sort_values(
            ascending=False).reset_index(),
        weights.astype(float).rename("weight").rename_axis("year").reset_index(),
        pd.DataFrame({"year": [*before, *after], "treated": own, "synthetic": line + gap}), in_space, gap,
    )


def _effect_for(one: str, wide: pd.DataFrame, after: int) -> float:
    """The effect of `one` (rows of `wide`: units, columns: years) in the last `after` years, by diff-diff's own steps.

    They are those of `SyntheticDiD.fit` (standardised by the controls' years before, its penalties and stopping rule),
    without its table work and its error, which take most of its time.
    """
    from diff_diff import utils

    own, others = wide.loc[one].to_numpy(float), wide.drop(index=one).to_numpy(float).T
    before = others[:-after]
    shift, scale = before.mean(), before.std() or 1.0
    own, others = (own - shift) / scale, (others - shift) / scale
    before, later = others[:-after], others[-after:]
    changes = np.diff(before, axis=0)
    noise = float(changes.std(ddof=1)) if changes.size > 1 else 0.0
    stop = {"min_decrease": 1e-5 * noise if noise > 0 else 1e-5}
    units = utils.compute_sdid_unit_weights(before, own[:-after], zeta_omega=after**0.25 * noise, **stop)
    years = utils.compute_time_weights(before, later, zeta_lambda=1e-6 * noise, **stop)
    return float(scale * utils.compute_sdid_estimator(before, later, own[:-after], own[-after:], units, years))


# ------------------------------------------------------------------------------------------------ power and shares
def power(nulls: pd.DataFrame, effects: Sequence[float]) -> pd.DataFrame:
    """Share of draws whose interval would leave out zero, were the true effect so large.

    `nulls` has `low` and `high` of intervals found where the effect is zero; an effect shifts both (the estimators are
    linear in the outcome). Returns effect, power (mean of both signs of the effect).
    """
    if nulls.empty or not np.isfinite(nulls[["low", "high"]].to_numpy()).all():
        raise ModelError("power: intervals of at least one draw expected, all finite")
    low, high = nulls["low"].to_numpy()[:, None], nulls["high"].to_numpy()[:, None]
    sizes = np.asarray(effects, dtype=float)[None, :]
    up, down = (low + sizes > 0) | (high + sizes < 0), (low - sizes > 0) | (high - sizes < 0)
    return pd.DataFrame({"effect": sizes[0], "power": (up.mean(axis=0) + down.mean(axis=0)) / 2})


def detectable(nulls: pd.DataFrame, level: float = 0.8, steps: int = 400) -> float:
    """The smallest effect that would be found with probability `level` (minimum detectable effect).

    Raises `ModelError` where no effect up to ten interval widths reaches the level. Source: Bloom (1995).
    """
    width = float((nulls["high"] - nulls["low"]).mean())
    curve = power(nulls, np.linspace(0, 10 * width, 10 * steps + 1))
    reached = curve[curve["power"] >= level]
    if reached.empty:
        raise ModelError(f"minimum detectable effect: no effect up to {10 * width:.3g} is found with {level:g}")
    return float(reached["effect"].iloc[0])


# ------------------------------------------------------------------------------------------------ bounds
def bounds_interval(lower: Estimate, upper: Estimate, level: float = 0.95) -> tuple[float, float]:
    """The interval that holds an effect between two estimated bounds with probability `level`, in their unit.

    From `lower` less c of its standard errors to `upper` plus c of its own, where
    Φ(c + (upper − lower) / the larger error) − Φ(−c) = `level`: 1.96 where the bounds are one (at 95 %), and towards
    1.645 as they part, since the effect can then lie beyond one end only. It covers the effect, not both bounds. That
    rests on bounds of which the upper is never below the lower, as it is where they bound every row's outcome and no
    treated row has a negative weight in the fit.
    Raises `ModelError` for bounds in different units, an upper bound below the lower, an error that is not above zero
    or not finite, and a level outside 0–1.
    Source: Imbens and Manski (2004), Stoye (2009).
    """
    from scipy import optimize, stats

    what = f"interval of bounds on {lower.sample!r} and {upper.sample!r}"
    if not 0 < level < 1:
        raise ModelError(f"{what}: level {level!r}, expected between 0 and 1")
    if lower.unit != upper.unit:
        raise ModelError(f"{what}: the lower is in {lower.unit!r}, the upper in {upper.unit!r}")
    if upper.value < lower.value:
        raise ModelError(f"{what}: the upper bound {upper.value:.4g} is below the lower one {lower.value:.4g}")
    for name, bound in {"lower": lower, "upper": upper}.items():
        if not (bound.se > 0 and np.isfinite(bound.se)):
            raise ModelError(f"{what}: the standard error of the {name} bound is {bound.se}")
    gap = (upper.value - lower.value) / max(lower.se, upper.se)
    one, both = stats.norm.ppf(level), stats.norm.ppf((1 + level) / 2)  # the ends between which c lies
    c = optimize.brentq(lambda c: stats.norm.cdf(c + gap) - stats.norm.cdf(-c) - level, one - 1e-6, both + 1e-6,
                        xtol=1e-14)
    return float(lower.value - c * lower.se), float(upper.value + c * upper.se)


def wild_cluster_p(
    frame: pd.DataFrame, outcome: str, term: str, effects: Sequence[str], cluster: str, controls: Sequence[str] = (),
    draws: int = 9_999, seed: int = SEED,
) -> float:
    """The p-value of no effect of `term` by the wild cluster bootstrap, for few clusters.

    The regression of `outcome` on `term`, `controls` and dummies of `effects`, without `term`; its residuals, each
    cluster's with one sign (Rademacher), make new outcomes, whose |t| by CR1 is compared with the one found. All sign
    patterns where they are no more than `draws` + 1 (up to the sign of all), else `draws` of them and the one found.
    Raises `ModelError` for a missing column or value, fewer than two clusters, or a term that the rest explains.
    Source: Cameron, Gelbach and Miller (2008).
    """
    what = f"wild cluster bootstrap of {term!r} on {name_of(frame)!r}"
    need_columns(frame, [outcome, term, cluster, *effects, *controls], "wild cluster bootstrap")
    _finite(frame, [outcome, term, *controls], what)
    dummies = [pd.get_dummies(frame[name], dtype=float) for name in effects]
    base = np.column_stack([np.ones(len(frame)), frame[list(controls)], *dummies]).astype(float)
    left, size, _ = np.linalg.svd(base, full_matrices=False)
    left = left[:, size > 1e-10 * size[0]]
    rest = [column - left @ (left.T @ column) for column in frame[[term, outcome]].to_numpy(float).T]
    x, residual = rest
    codes = pd.factorize(frame[cluster])[0]
    member = (codes[:, None] == np.arange(codes.max() + 1)).astype(float)
    if member.shape[1] < 2 or (codes < 0).any() or x @ x <= 1e-12 * (frame[term] ** 2).sum():
        raise ModelError(f"{what}: fewer than two clusters, a row without one, or a term that the rest explains")
    new = member * residual[:, None]
    scores, weight = member.T @ (x[:, None] * (new - left @ (left.T @ new))), member.T @ x**2
    signs = _sign_patterns(member.shape[1], draws, seed)
    slopes = signs @ scores.sum(axis=0) / weight.sum()
    spread = np.sqrt(((signs @ scores.T - slopes[:, None] * weight) ** 2).sum(axis=1))
    t = np.abs(slopes) / spread
    return float((t >= t[0] * (1 - 1e-9)).mean())


def _sign_patterns(clusters: int, draws: int, seed: int) -> np.ndarray:
    """Signs by draw and cluster, the first row all +1; every pattern whose first sign is + where these are few."""
    if 2 ** (clusters - 1) <= draws + 1:
        patterns = (np.arange(2 ** (clusters - 1))[:, None] >> np.arange(clusters)) & 1
        return 1.0 - 2 * patterns
    drawn = np.random.default_rng(seed).choice((-1.0, 1.0), size=(draws, clusters))
    return np.vstack([np.ones(clusters), drawn])
