"""Every design on made-up data: against a closed form, or against what was put into the data; and what it refuses.

All samples here are made ("made up" is their name), small, and drawn with a fixed seed.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

from goingglobal import designs
from goingglobal.models import Estimate, ModelError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


def named(frame: pd.DataFrame) -> pd.DataFrame:
    frame.attrs["sample"] = "made up"
    return frame


def made(n: int = 400, effect: float = 2.0, seed: int = 11) -> pd.DataFrame:
    """Who is treated depends on `x`, which also raises `y`: a raw comparison is wrong, one given `x` is not."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": draw.normal(size=n), "w": draw.normal(size=n)})
    frame["d"] = (draw.random(n) < 1 / (1 + np.exp(-frame["x"]))).astype(int)
    frame["y"] = effect * frame["d"] + 3 * frame["x"] + draw.normal(size=n)
    return named(frame)


def cells() -> pd.DataFrame:
    """One covariate with two values, so that a logit and a line fit each cell exactly; the effect is 1 or 4."""
    rows = []
    for x, treated, controls, effect in ((0, 10, 40, 1.0), (1, 30, 20, 4.0)):
        for d, count in ((1, treated), (0, controls)):
            rows += [{"x": x, "d": d, "y": 5 * x + effect * d + (-1) ** place} for place in range(count)]
    return named(pd.DataFrame(rows))


# ============================================================================================== weighting
def test_weights_are_the_odds_of_the_logit_scaled_to_a_mean_of_one():
    frame = made()
    out = designs.propensities(frame, "d", ["x", "w"])
    fit = sm.Logit(frame["d"], sm.add_constant(frame[["x", "w"]])).fit(disp=0)
    chance = fit.predict()
    control = frame["d"] == 0
    odds = (chance / (1 - chance))[control]
    assert out["propensity"].tolist() == pytest.approx(chance.tolist(), rel=1e-6)
    assert out.loc[control, "weight"].tolist() == pytest.approx((odds / odds.mean()).tolist(), rel=1e-6)
    assert (out.loc[~control, "weight"] == 1).all()
    assert out.attrs["sample"] == "made up"
    assert "weight" not in frame


def test_weights_in_cells_are_the_counts():
    """Ten treated and forty controls at 0, thirty and twenty at 1: odds of 1/4 and 3/2."""
    out = designs.propensities(cells(), "d", ["x"]).query("d == 0").groupby("x")["weight"].first()
    assert out[1] / out[0] == pytest.approx((30 / 20) / (10 / 40), rel=1e-6)


def test_effective_size():
    assert designs.effective_size(np.full(37, 0.2)) == close(37)
    assert designs.effective_size([1, 0, 0]) == 1
    assert designs.effective_size(pd.Series([1, 2, 3])) == close(36 / 14)
    for weights in ([], [0, 0], [1, -1, 3]):
        with pytest.raises(ModelError, match="effective size: positive weights"):
            designs.effective_size(weights)


def test_balance_of_identical_groups_is_zero():
    half = pd.DataFrame({"x": [1.0, 2, 5], "w": [0.0, 1, 1]})
    frame = pd.concat([half.assign(d=1), half.assign(d=0)]).assign(weight=1.0)
    rows = designs.balance(frame, "d", ["x", "w"])
    assert rows[["before", "after"]].to_numpy() == close(np.zeros((2, 2)))
    assert rows["covariate"].tolist() == ["x", "w"]


def test_balance_by_eye():
    """Differences are over the standard deviation of the treated, 2; weights count on both sides."""
    frame = pd.DataFrame({"d": [1, 1, 1, 0, 0], "x": [2.0, 4, 6, 1, 3], "weight": [1.0, 1, 1, 1, 3]})
    row = designs.balance(frame, "d", ["x"]).squeeze()
    assert row[["treated", "controls", "controls_weighted"]].tolist() == close([4, 2, 2.5])
    assert row[["before", "after"]].tolist() == close([1, 0.75])


def test_weighting_balances_the_cells():
    rows = designs.balance(designs.propensities(cells(), "d", ["x"]), "d", ["x"]).squeeze()
    assert abs(rows["before"]) > 0.5
    assert rows["after"] == pytest.approx(0, abs=1e-6)


def test_weighted_effects_in_cells_are_weighted_differences():
    """Saturated, all estimators are averages of the effects 1 and 4: by the treated (10, 30) or by all (50, 50)."""
    found = designs.weighted_effects(cells(), "y", "d", ["x"], "points", draws=9)
    wanted = {"ipw_att": (10 * 1 + 30 * 4) / 40, "ipw_ate": 2.5, "aipw_ate": 2.5}
    assert {key: estimate.value for key, estimate in found.items()} == pytest.approx(wanted, rel=1e-6)


def test_weighted_effects_recover_a_known_effect():
    frame = made(1500)
    found = designs.weighted_effects(frame, "y", "d", ["x", "w"], "points", draws=60)
    raw = frame.groupby("d")["y"].mean()
    assert raw[1] - raw[0] > 3.5
    for estimate in found.values():
        assert abs(estimate.value - 2) < 3 * estimate.se
        assert estimate.se < 0.3
        assert estimate.ci_low < estimate.value < estimate.ci_high
        assert (estimate.n, estimate.unit, estimate.sample) == (1500, "points", "made up")
        assert "60 bootstrap draws" in estimate.method
    assert found["aipw_ate"].se < found["ipw_ate"].se  # the outcome model takes out what x explains


@pytest.mark.parametrize("least", [1e-300, 1e-320])
def test_weights_that_vanish_beside_others_are_an_error_in_words(least):
    """In a group of such weights alone the sums have nothing to divide by."""
    rng = np.random.default_rng(1)
    frame = named(pd.DataFrame({"d": np.tile([0, 1], 20), "x": rng.normal(size=40), "y": rng.normal(size=40)}))
    frame["w"] = np.where(frame["d"] == 1, least, 1e300)
    with pytest.raises(ModelError, match=r"weighting on .*(without weight|resamples could not be fitted)"):
        designs.weighted_effects(frame, "y", "d", ["x"], "u", draws=5, weights="w")


def test_weighted_effects_depend_on_the_seed_in_the_error_only():
    one, same, other = (designs.weighted_effects(made(), "y", "d", ["x"], "u", 20, seed)["ipw_att"]
                        for seed in (1, 1, 2))  # fmt: skip
    assert one == same
    assert one.value == other.value
    assert one.se != other.se


def test_resamples_that_cannot_be_fitted_are_drawn_again_and_noted():
    """Five treated among forty, of larger `x`: some resamples have none of them, and more separate the two."""
    frame = made(40, seed=3).assign(d=[1] * 5 + [0] * 35)
    frame["x"] = np.random.default_rng(3).normal(size=40) + 1.6 * frame["d"]
    found = designs.weighted_effects(named(frame), "y", "d", ["x"], "u", draws=200)["ipw_att"]
    assert np.isfinite([found.se, found.ci_low, found.ci_high]).all()
    again = int(found.notes[0].removesuffix(" resamples drawn again"))
    draw = np.random.default_rng(designs.SEED)
    without_treated = sum(draw.integers(0, 40, 40).min() > 4 for _ in range(200 + again))
    assert again > without_treated > 0


def test_resamples_repeat_what_statsmodels_gives():
    """Every draw's three effects, and so their spread, are those of statsmodels' logit and treatment effects."""
    from statsmodels.treatment.treatment_effects import TreatmentEffect

    frame, draw, every = made(), np.random.default_rng(designs.SEED), []
    y, d, x = frame["y"].to_numpy(), frame["d"].to_numpy(float), sm.add_constant(frame[["x", "w"]].to_numpy())
    for _ in range(20):
        rows = draw.integers(0, len(y), len(y))
        logit = sm.Logit(d[rows], x[rows]).fit(disp=0)
        effect = TreatmentEffect(sm.OLS(y[rows], x[rows]), d[rows], results_select=logit)
        every.append((effect.ipw(return_results=False, effect_group=1)[0], effect.ipw(return_results=False)[0],
                      effect.aipw(return_results=False)[0]))  # fmt: skip
    found = designs.weighted_effects(frame, "y", "d", ["x", "w"], "u", draws=20)
    assert [e.se for e in found.values()] == pytest.approx(np.std(every, axis=0, ddof=1).tolist(), rel=1e-8)


def test_errors_of_stacked_equations_are_those_of_statsmodels_and_near_the_bootstrap():
    """statsmodels has them for weighting over all (by GMM, which clips propensities beyond 0.01 and 0.99)."""
    from statsmodels.treatment.treatment_effects import TreatmentEffect

    frame = made(1500)
    found = designs.weighted_effects(frame, "y", "d", ["x", "w"], "points", draws=0)
    drawn = designs.weighted_effects(frame, "y", "d", ["x", "w"], "points", draws=300)
    for key, estimate in found.items():
        assert estimate.value == drawn[key].value
        assert estimate.se == pytest.approx(drawn[key].se, rel=0.12)
        assert (estimate.ci_high - estimate.value) == close(1.96 * estimate.se)
        assert estimate.method.endswith(", stacked estimating equations")
    logit = smf.logit("d ~ x + w", frame).fit(disp=0)
    assert logit.predict().min() > 0.01
    effect = TreatmentEffect(sm.OLS(frame["y"], logit.model.exog), frame["d"].to_numpy(), results_select=logit)
    assert found["ipw_ate"].se == pytest.approx(effect.ipw().sd[0], rel=1e-4)
    assert found["aipw_ate"].se == pytest.approx(effect.aipw().sd[0], rel=1e-4)


def test_weighting_within_groups_has_an_effect_of_each():
    frame = made(600)
    frame["sector"] = np.where(frame["w"] > 0, "makers", np.where(frame["w"] > -1, "sellers", "others"))
    frame["makers"], frame["sellers"] = ((frame["sector"] == name).astype(int) for name in ("makers", "sellers"))
    one = designs.weighted_effects(frame, "y", "d", ["x"], "u", draws=0, within="sector")
    same = designs.weighted_effects(frame, "y", "d", ["x", "makers", "sellers"], "u", draws=0)
    assert [(e.value, e.se) for e in one.values()] == [pytest.approx((e.value, e.se)) for e in same.values()]
    weights = designs.propensities(frame, "d", ["x"], within="sector")
    assert weights["weight"].tolist() == pytest.approx(
        designs.propensities(frame, "d", ["x", "makers", "sellers"])["weight"].tolist())


def test_weighting_within_groups_refuses():
    frame = made()
    frame["sector"] = np.where(frame["d"] == 1, "all treated", "mixed")
    frame.loc[:40, "sector"] = "mixed"
    with pytest.raises(ModelError, match="in 'sector' 'all treated' 'd' is always 1, so that nobody there"):
        designs.weighted_effects(frame, "y", "d", ["x"], "u", draws=0, within="sector")
    with pytest.raises(ModelError, match="no column 'branch'"):
        designs.propensities(frame, "d", ["x"], within="branch")
    with pytest.raises(ModelError, match="draws=0 knows no sampling weights"):
        designs.weighted_effects(frame.assign(w=1.0), "y", "d", ["x"], "u", draws=0, weights="w")


@pytest.mark.parametrize("treated", [1, 3])
def test_too_many_failed_resamples_are_refused(treated):
    """Of thirty rows one treated: one resample in three is without. Three: in one of eight `x` separates them.

    A logit on separated groups gives no error but stops at its limit, with finite weights that mean nothing.
    """
    frame = named(made(30, seed=3).assign(d=[1] * treated + [0] * (30 - treated)))
    frame["x"] = np.random.default_rng(3).normal(size=30)
    with pytest.raises(ModelError, match=r"weighting on 'made up': \d+ resamples could not be fitted"):
        designs.weighted_effects(frame, "y", "d", ["x"], "u", draws=200)


# ---------------------------------------------------------------------------------------------- sensitivity
@pytest.fixture(scope="module")
def confounded() -> pd.DataFrame:
    """Treatment and outcome both depend weakly on `w` and strongly on `x`."""
    draw, n = np.random.default_rng(4), 300
    frame = pd.DataFrame({"x": draw.normal(size=n), "w": draw.normal(size=n)})
    frame["d"] = frame["x"] + 0.25 * frame["w"] + draw.normal(size=n)
    frame["y"] = 0.4 * frame["d"] + frame["x"] + 0.3 * frame["w"] + draw.normal(size=n)
    return named(frame)


def test_robustness_values_are_those_of_cinelli_and_hazlett(confounded):
    fit = smf.ols("y ~ d + x + w", confounded).fit()
    found, _ = designs.sensitivity(confounded, "y ~ d + x + w", "d", [])
    f = abs(fit.tvalues["d"]) / math.sqrt(fit.df_resid)
    f_level = f - stats.t.ppf(0.975, fit.df_resid - 1) / math.sqrt(fit.df_resid - 1)
    value, level = ((math.sqrt(g**4 + 4 * g**2) - g**2) / 2 for g in (f, f_level))
    wanted = {"estimate": fit.params["d"], "se": fit.bse["d"], "robustness": value, "robustness_significance": level,
              "partial_r2": f**2 / (1 + f**2)}  # fmt: skip
    assert found == close(wanted)
    assert 0 < level < value < 1


def test_no_confounder_is_needed_to_undo_what_is_not_significant(confounded):
    noise = confounded.assign(y=np.random.default_rng(8).normal(size=len(confounded)))
    found, _ = designs.sensitivity(noise, "y ~ d + x + w", "d", [])
    assert abs(found["estimate"]) < 1.96 * found["se"]
    assert found["robustness_significance"] == 0 < found["robustness"]


def test_bounds_of_a_benchmark_are_those_of_cinelli_and_hazlett(confounded):
    """Partial R² of the benchmark with treatment and outcome, times k, by the formulas of their section 4.4."""
    fit, chance = smf.ols("y ~ d + x + w", confounded).fit(), smf.ols("d ~ x + w", confounded).fit()
    _, bounds = designs.sensitivity(confounded, "y ~ d + x + w", "d", ["w"], times=(1, 3))
    assert bounds[["benchmark", "times"]].to_numpy().tolist() == [["w", 1], ["w", 3]]
    r_d, r_y = (t**2 / (t**2 + df) for t, df in (
        (chance.tvalues["w"], chance.df_resid), (fit.tvalues["w"], fit.df_resid)))  # fmt: skip
    for row in bounds.itertuples():
        k, odds = row.times, r_d / (1 - r_d)
        shared = k * r_d * odds / (1 - k * r_d)
        outcome = (math.sqrt(k) + math.sqrt(shared)) ** 2 / (1 - shared) * r_y / (1 - r_y)
        assert (row.r2_treatment, row.r2_outcome) == close((k * odds, outcome))


@pytest.mark.parametrize("sign", [1, -1])
def test_adjusted_estimate_is_the_regression_with_such_a_confounder(confounded, sign):
    """A confounder with exactly the bound's two partial R² is made, and added to the regression.

    Its parts: along the treatment and along the outcome, both net of the covariates, and along neither.
    """
    frame = named(confounded.assign(y=sign * confounded["y"]))
    statistics, bounds = designs.sensitivity(frame, "y ~ d + x + w", "d", ["w"])
    assert np.sign(statistics["estimate"]) == sign
    fit, chance = smf.ols("y ~ d + x + w", frame).fit(), smf.ols("d ~ x + w", frame).fit()
    free = np.random.default_rng(1).normal(size=len(frame))
    free = smf.ols("free ~ d + x + w + y", frame.assign(free=free)).fit().resid
    along, beside, rest = (np.asarray(v / np.linalg.norm(v)) for v in (chance.resid, fit.resid, free))
    for row in bounds.itertuples():
        a, b = row.r2_treatment, row.r2_outcome
        z = sign * math.sqrt(a) * along + math.sqrt((1 - a) * b) * beside + math.sqrt((1 - a) * (1 - b)) * rest
        with_it = smf.ols("y ~ d + x + w + z", frame.assign(z=z)).fit()
        assert (row.adjusted, row.adjusted_se) == close((with_it.params["d"], with_it.bse["d"]))
        assert abs(row.adjusted) < abs(statistics["estimate"])


def test_multiples_that_would_explain_everything_are_left_out(confounded):
    """`x` explains nearly half of the treatment: twice as much is more than there is."""
    _, bounds = designs.sensitivity(confounded, "y ~ d + x + w", "d", ["x", "w"], times=(1, 2, 3))
    assert bounds.groupby("benchmark")["times"].apply(list)["w"] == [1, 2, 3]
    assert 3 not in bounds.loc[bounds["benchmark"] == "x", "times"].tolist()
    assert (bounds[["r2_treatment", "r2_outcome"]] < 1).all(axis=None)
    assert np.isfinite(bounds.drop(columns="benchmark").to_numpy(float)).all()


def test_a_benchmark_that_explains_the_outcome_is_left_out(confounded):
    """Once as strong would explain more than all of what is left of the outcome; the library stops over that."""
    frame = named(confounded.assign(y=confounded["y"] + 40 * confounded["w"]))
    statistics, bounds = designs.sensitivity(frame, "y ~ d + x + w", "d", ["w"])
    assert bounds.empty
    assert np.isfinite(list(statistics.values())).all()


# ---------------------------------------------------------------------------------------------- what they refuse
def spoilt(frame: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, str]]:
    """Samples on which no propensity can be fitted, and what the message must say."""
    return {
        "empty": (frame.iloc[:0], "the sample is empty"),
        "no controls": (frame.assign(d=1), "'d' must hold 0 and 1, found .*1"),
        "no treated": (frame.assign(d=0), "'d' must hold 0 and 1, found .*0"),
        "three values": (frame.assign(d=np.arange(len(frame)) % 3), "'d' must hold 0 and 1"),
        "unknown treatment": (frame.assign(d=frame["d"].where(frame.index != 3)), "1 rows without 'd'"),
        "no treatment": (frame.drop(columns="d"), "no column 'd'"),
        "no covariate": (frame.drop(columns="w"), "no column 'w'"),
        "missing covariate": (frame.assign(w=frame["w"].where(frame.index > 1)), "2 rows without 'w'"),
        "infinite covariate": (frame.assign(w=frame["w"].where(frame.index > 1, -np.inf)), "2 rows without 'w'"),
        "collinear": (frame.assign(w=1 - 2 * frame["x"]), "collinear"),
        "constant covariate": (frame.assign(w=3.0), "collinear"),
        "separated": (frame.assign(d=(frame["x"] > 0).astype(int)), "separate"),
    }


@pytest.mark.parametrize("case", spoilt(made(9)))
def test_weighting_refuses(case):
    frame, message = spoilt(made())[case]
    frame = named(frame)
    with pytest.raises(ModelError, match=f"on 'made up': .*{message}"):
        designs.propensities(frame, "d", ["x", "w"])
    with pytest.raises(ModelError, match=f"on 'made up': .*{message}"):
        designs.weighted_effects(frame, "y", "d", ["x", "w"], "u", draws=9)


@pytest.mark.parametrize(("y", "message"), [
    pytest.param(lambda y: y * 0 + 1, "'y' does not vary", id="constant"),
    pytest.param(lambda y: y.where(y.index > 2), "3 rows without 'y'", id="missing"),
])  # fmt: skip
def test_weighted_effects_refuse_an_outcome(y, message):
    frame = made()
    with pytest.raises(ModelError, match=f"weighting on 'made up': {message}"):
        designs.weighted_effects(named(frame.assign(y=y(frame["y"]))), "y", "d", ["x"], "u", draws=9)
    with pytest.raises(ModelError, match="weighting on 'made up': no column 'z'"):
        designs.weighted_effects(frame, "z", "d", ["x"], "u", draws=9)


@pytest.mark.parametrize(("change", "message"), [
    pytest.param(lambda f: f.iloc[:0], "empty", id="empty"),
    pytest.param(lambda f: f.assign(d=1), "400 treated and 0 controls", id="no controls"),
    pytest.param(lambda f: f.assign(d=0), "0 treated and 400 controls", id="no treated"),
    pytest.param(lambda f: f.drop(columns="weight"), "no column 'weight'", id="no weights"),
    pytest.param(lambda f: f.drop(columns="w"), "no column 'w'", id="no covariate"),
    pytest.param(lambda f: f.assign(w=f["w"].where(f.index > 1)), "2 rows without 'w'", id="missing covariate"),
    pytest.param(lambda f: f.assign(w=f["w"].where(f["d"] == 0, 1)), "'w' does not vary", id="constant covariate"),
])  # fmt: skip
def test_balance_refuses(change, message):
    with pytest.raises(ModelError, match=f"balance on 'made up': .*{message}"):
        designs.balance(named(change(made().assign(weight=1.0))), "d", ["x", "w"])


@pytest.mark.parametrize(("change", "formula", "benchmarks", "message"), [
    pytest.param(lambda f: f.iloc[:0], "y ~ d + x", ["x"], "empty", id="empty"),
    pytest.param(lambda f: f.drop(columns="d"), "y ~ d + x", ["x"], "no column 'd'", id="no treatment"),
    pytest.param(lambda f: f, "y ~ x", ["x"], "no term 'd'", id="treatment not in the formula"),
    pytest.param(lambda f: f, "y ~ d + x", ["w"], "no term 'w'", id="benchmark not in the formula"),
    pytest.param(lambda f: f, "y ~ d + z", [], "'z'", id="no covariate"),
    pytest.param(lambda f: f.assign(d=1), "y ~ d + x", ["x"], "collinear", id="treatment with one value"),
    pytest.param(lambda f: f.assign(w=f["x"]), "y ~ d + x + w", ["x"], "collinear", id="collinear"),
    pytest.param(lambda f: f.assign(y=1.0), "y ~ d + x", ["x"], "does not vary", id="constant outcome"),
    pytest.param(lambda f: f.assign(y=np.nan), "y ~ d + x", ["x"], "no row is complete", id="no outcome"),
])  # fmt: skip
def test_sensitivity_refuses(change, formula, benchmarks, message):
    with pytest.raises(ModelError, match=f"sensitivity on 'made up': .*{message}"):
        designs.sensitivity(named(change(made())), formula, "d", benchmarks)


# ============================================================================================== discontinuity
def jumping(jump: float = 1.5, noise: float = 1.0, n: int = 600, seed: int = 2) -> pd.DataFrame:
    """A line that leaps at 50 and is steeper above."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"r": draw.uniform(0, 100, n), "w": draw.normal(size=n)})
    above = frame["r"] >= 50
    frame["y"] = 0.02 * frame["r"] + above * (jump + 0.03 * (frame["r"] - 50)) + noise * draw.normal(size=n)
    return named(frame)


def discontinuity(frame: pd.DataFrame, **options) -> designs.Discontinuity:
    return designs.regression_discontinuity(frame, "y", "r", 50.0, "points", **options)


@pytest.mark.parametrize("jump", [1.5, 0.0, -4.0])
def test_discontinuity_recovers_a_jump(jump):
    """On lines without noise exactly; with noise within the robust interval and three errors."""
    assert discontinuity(jumping(jump, noise=1e-9), bandwidth=20).estimate.value == pytest.approx(jump, abs=1e-7)
    found = discontinuity(jumping(jump, noise=0.5)).estimate
    assert abs(found.value - jump) < 3 * found.se
    assert found.ci_low < jump < found.ci_high
    assert found.se < 0.4


@pytest.mark.parametrize("order", [1, 2])
def test_discontinuity_is_a_weighted_regression(order):
    """One least-squares fit a side, with triangular weights: limits, lines and the number of rows within."""
    frame = jumping()
    found = discontinuity(frame, bandwidth=18, order=order)
    limits, counts = {}, {}
    for side, rows in frame.groupby(np.where(frame["r"] < 50, "below", "above")):
        away = rows["r"] - 50
        weight = (1 - away.abs() / 18).clip(lower=0)
        b = sm.WLS(rows["y"], np.vander(away, order + 1, increasing=True), weights=weight).fit().params.to_numpy()
        limits[side], counts[side] = b[0], int((away.abs() < 18).sum())
        line = found.fits[found.fits["side"] == side]
        assert line["value"].tolist() == close(np.polynomial.polynomial.polyval(line["x"] - 50, b).tolist())
        assert (line["x"].min(), line["x"].max()) == ((32, 50) if side == "below" else (50, 68))
    assert found.estimate.value == close(limits["above"] - limits["below"])
    assert (found.below, found.above, found.bandwidth) == (counts["below"], counts["above"], 18)
    assert found.estimate.n == found.below + found.above
    assert found.estimate.sample == "made up, within 18 of 50"


def test_rows_at_the_cutoff_are_above():
    frame = jumping()
    frame.loc[:9, "r"] = 50.0
    moved = jumping()
    moved.loc[:9, "r"] = 50 + 1e-9
    assert discontinuity(frame, bandwidth=20).above == discontinuity(moved, bandwidth=20).above
    assert discontinuity(frame, bandwidth=20).estimate.value == pytest.approx(
        discontinuity(moved, bandwidth=20).estimate.value)  # fmt: skip


def test_a_donut_drops_the_rows_around_the_cutoff():
    frame = jumping()
    near = (frame["r"] - 50).abs() <= 2
    frame.loc[frame.index[near][0], "r"] = 52.0  # at the edge of the donut: dropped
    near = (frame["r"] - 50).abs() <= 2
    whole, hole = discontinuity(frame, bandwidth=20), discontinuity(frame, bandwidth=20, donut=2)
    assert whole.estimate.n - hole.estimate.n == near.sum() > 5
    assert hole.estimate == discontinuity(named(frame[~near]), bandwidth=20).estimate
    poisoned = named(frame.assign(y=frame["y"].where(~near, 1e6)))
    assert discontinuity(poisoned, bandwidth=20, donut=2).estimate == hole.estimate


def test_covariates_add_precision():
    frame = jumping()
    frame["y"] += 5 * frame["w"]
    without, given = discontinuity(frame, bandwidth=25), discontinuity(frame, bandwidth=25, covariates=["w"])
    assert given.estimate.se < without.estimate.se / 2
    assert abs(given.estimate.value - 1.5) < 3 * given.estimate.se


def test_discontinuity_drops_rows_with_a_missing_value():
    frame = jumping()
    holes = named(frame.assign(y=frame["y"].where(frame.index > 40), w=np.nan))
    assert discontinuity(holes, bandwidth=30).estimate == discontinuity(named(frame[41:]), bandwidth=30).estimate


@pytest.mark.parametrize(("change", "options", "message"), [
    pytest.param(lambda f: f.iloc[:0], {}, "the sample is empty", id="empty"),
    pytest.param(lambda f: f.drop(columns="y"), {}, "no column 'y'", id="no outcome"),
    pytest.param(lambda f: f.drop(columns="r"), {}, "no column 'r'", id="no running variable"),
    pytest.param(lambda f: f, {"covariates": ["z"]}, "no column 'z'", id="no covariate"),
    pytest.param(lambda f: f.assign(y=np.nan), {}, "0 rows below and 0 above 50", id="outcome missing"),
    pytest.param(lambda f: f.assign(y=2.0), {}, "'y' does not vary", id="constant outcome"),
    pytest.param(lambda f: f.assign(r=f["r"] + 100), {}, r"0 rows below and 600 above 50.*20 are needed",
                 id="cut-off below the data"),
    pytest.param(lambda f: f.assign(r=f["r"] - 100), {}, r"600 rows below and 0 above 50", id="cut-off above the data"),
    pytest.param(lambda f: f, {"bandwidth": 2.5}, r"\d+ rows below and \d+ above 50 within 2\.5; 20 are needed",
                 id="narrow bandwidth"),
    pytest.param(lambda f: f, {"bandwidth": 20, "donut": 19}, "within 20", id="the donut eats the bandwidth"),
])  # fmt: skip
def test_discontinuity_refuses(change, options, message):
    with pytest.raises(ModelError, match=f"regression discontinuity on 'made up'.*{message}"):
        discontinuity(named(change(jumping())), **options)


def test_discontinuity_counts_again_once_the_bandwidth_is_chosen():
    """Enough rows on both sides, but few near: the chosen bandwidth leaves too few above."""
    draw = np.random.default_rng(6)
    r = np.concatenate([draw.uniform(40, 50, 400), draw.uniform(50, 55, 12), draw.uniform(300, 400, 60)])
    frame = named(pd.DataFrame({"r": r, "y": np.sin(r / 3) * 5 + draw.normal(size=len(r))}))
    with pytest.raises(ModelError, match="within"):
        discontinuity(frame)


def test_binned_means_by_eye():
    frame = pd.DataFrame({"r": [2.9, 3.0, 4.9, 5.0, 6.9, 7.0, 7.5, 9.5], "y": [99.0, 1, 3, 10, 20, 4, 8, 99]})
    rows = designs.binned_means(frame, "y", "r", 5.0, 2.0, 4.0)
    rows = rows[rows["middle"].between(3, 8)]
    assert rows["side"].tolist() == ["below", "above", "above"]
    assert rows["middle"].tolist() == [4, 6, 8]
    assert rows["value"].tolist() == close([2, 15, 6])
    assert rows["n"].tolist() == [2, 2, 2]
    assert rows["se"].tolist() == close([1, 5, 2])
    assert rows["low"].tolist() == close([2 - 1.96, 15 - 9.8, 6 - 3.92])
    assert rows["high"].tolist() == close([2 + 1.96, 15 + 9.8, 6 + 3.92])


def test_binned_shares_have_wilson_intervals():
    """Three of four: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n); none of two stays above zero."""
    frame = pd.DataFrame({"r": [1.0, 1, 2, 2, 6, 7], "y": [1, 1, 0, 1, 0, 0]})
    rows = designs.binned_means(frame, "y", "r", 5.0, 5.0, 5.0).set_index("side")
    z, n, p = 1.959963984540054, 4, 0.75
    middle, reach = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert rows.loc["below", ["low", "high"]].tolist() == close(
        [(middle - reach) / (1 + z**2 / n), (middle + reach) / (1 + z**2 / n)])
    assert rows.loc["above", ["low", "high"]].tolist() == close([0, z**2 / (2 + z**2)])


@pytest.mark.parametrize(("change", "message"), [
    (lambda f: f.iloc[:0], "the sample is empty"), (lambda f: f.drop(columns="r"), "no column 'r'"),
    (lambda f: f.assign(r=f["r"] + 100), "no row within 10 of 50"), (lambda f: f.assign(y=np.nan), "no row within 10"),
], ids=["empty", "no column", "cut-off outside", "no outcome"])  # fmt: skip
def test_binned_means_refuse(change, message):
    with pytest.raises(ModelError, match=f"binned means on 'made up': {message}"):
        designs.binned_means(named(change(jumping())), "y", "r", 50.0, 2.0, 10.0)


# ============================================================================================== a ratio of jumps
def started(first_stage: float, effect: float = 2.0, n: int = 2000, seed: int = 5) -> pd.DataFrame:
    """The chance of a start rises by `first_stage` at 50; a start raises `y`, and luck moves both."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"r": draw.uniform(0, 100, n), "luck": draw.normal(size=n)})
    chance = 0.3 + first_stage * (frame["r"] >= 50)
    frame["d"] = (stats.norm.cdf(frame["luck"]) < chance).astype(int)
    frame["y"] = effect * frame["d"] + 0.01 * frame["r"] - frame["luck"] + draw.normal(size=n)
    return named(frame)


def ratio(frame: pd.DataFrame, **options) -> designs.Ratio:
    return designs.ratio_at_cutoff(frame, "y", "d", "r", 50.0, "points", **options)


def test_a_strong_first_stage_gives_an_interval_around_the_effect():
    found = ratio(started(0.6), bandwidth=40)
    ((low, high),) = found.pieces
    assert found.finite_ends == 2
    assert low < 2 < high
    assert high - low < 4
    jumps = found.reduced_form.estimate.value, found.first_stage.estimate.value
    assert found.estimate.value == close(jumps[0] / jumps[1])
    assert found.statistic([low, high]).tolist() == close([1.959963984540054] * 2)
    assert (found.statistic(np.linspace(low + 1e-6, high - 1e-6, 50)) < 1.96).all()


def test_a_start_that_does_not_jump_refuses_nothing():
    """The set is the whole line, or two rays: never an interval, whatever the usual error says."""
    found = ratio(started(0.0), bandwidth=30)
    assert found.finite_ends in (0, 2)
    assert np.isinf(found.pieces).any()
    assert np.isfinite(found.estimate.se)


@pytest.mark.parametrize("effect", [-3.0, 0.0, 4.0])
def test_the_statistic_is_the_jump_of_what_the_effect_leaves(effect):
    """By the library: outcome less effect times start, at the same bandwidths."""
    frame = started(0.3)
    found = ratio(frame, bandwidth=25)
    left = named(frame.assign(left=frame["y"] - effect * frame["d"]))
    jump = designs.regression_discontinuity(left, "left", "r", 50.0, "u", bandwidth=25).corrected
    assert found.statistic([effect]) == pytest.approx(abs(jump.value) / jump.se, rel=1e-8)


@pytest.mark.proof
def test_the_set_covers_as_often_as_asked():
    """With a weak first stage, too; over 60 tables."""
    held = [ratio(started(0.08, n=400, seed=seed), bandwidth=40).statistic([2.0])[0] < 1.96 for seed in range(60)]
    assert np.mean(held) > 0.85


@pytest.mark.parametrize(("a", "b", "constant", "pieces"), [
    (1, 0, -4, ((-2, 2),)), (-1, 0, 4, ((-math.inf, -2), (2, math.inf))), (-1, 0, -1, ((-math.inf, math.inf),)),
    (1, 0, 1, ()),
], ids=["interval", "two rays", "whole line", "empty"])  # fmt: skip
def test_where_a_parabola_is_not_above_zero(a, b, constant, pieces):
    assert designs._kept(a, b, constant) == pieces


@pytest.mark.parametrize(("change", "options", "message"), [
    (lambda f: f.drop(columns="d"), {}, "no column 'd'"), (lambda f: f, {"level": 95}, "level 95, expected between"),
    (lambda f: f.assign(d=1), {"bandwidth": 30}, "'d' does not vary"), (lambda f: f[f["r"] < 50], {}, "0 above"),
], ids=["no column", "level", "constant start", "nobody above"])  # fmt: skip
def test_ratio_refuses(change, options, message):
    with pytest.raises(ModelError, match=message):
        ratio(named(change(started(0.5))), **options)


def test_dealt_jumps_are_the_librarys_intervals():
    import diff_diff

    frame, h, b = jumping(n=300), 20.0, 26.0
    found = designs.dealt_jumps(frame, "y", "r", 50.0, h, b, draws=10, seed=4)
    rows, chance = frame[["r", "y"]][(frame["r"] - 50).abs() <= 26].copy(), np.random.default_rng(4)
    outcomes = rows["y"].to_numpy()
    for _, row in found.iterrows():
        rows["y"] = chance.permutation(outcomes)
        fit = diff_diff.RegressionDiscontinuity(cutoff=50.0, h=h, b=b).fit(rows, outcome="y", running="r")
        assert row.tolist() == pytest.approx(list(fit.conf_int), abs=1e-9)
    with pytest.raises(ModelError, match=r"dealt jumps on 'made up': .* are needed on each side"):
        designs.dealt_jumps(frame, "y", "r", 50.0, 1.0, 1.0)


def test_corrected_estimates_lie_in_the_middle_of_their_interval():
    found = discontinuity(jumping())
    both = found.estimate, found.corrected
    assert [(e.ci_low, e.ci_high, e.n) for e in both] == [(both[0].ci_low, both[0].ci_high, both[0].n)] * 2
    assert found.corrected.value == close((found.estimate.ci_low + found.estimate.ci_high) / 2)
    assert found.corrected.se == close((found.estimate.ci_high - found.estimate.ci_low) / 2 / 1.959963984540054)
    assert found.corrected.value != found.estimate.value


# ============================================================================================== synthetic control
FIRST = 2010


def world(effect: float = 4.0, units: int = 9, seed: int = 3) -> pd.DataFrame:
    """Countries on one trend that weighs more in some; the first is treated from 2010 on."""
    draw, years = np.random.default_rng(seed), range(2000, 2016)
    trend, rows = np.cumsum(draw.normal(size=len(years))), []
    for i in range(units):
        load = draw.uniform(0.5, 1.5) if i else 1.0
        for t, year in enumerate(years):
            y = 10 * i + load * trend[t] + 0.05 * draw.normal() + effect * (i == 0 and year >= FIRST)
            rows.append({"iso3": f"C{i}", "year": year, "y": y, "treated": int(i == 0)})
    return named(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def synthetic() -> designs.Synthetic:
    return designs.synthetic_did(world(), FIRST, "points")


@pytest.mark.parametrize("effect", [4.0, -1.0])
def test_synthetic_did_recovers_an_effect(effect):
    found = designs.synthetic_did(world(effect), FIRST, "points").estimate
    assert found.value == pytest.approx(effect, abs=0.15)
    assert abs(found.value - effect) < 3 * found.se
    assert found.p == close(1 / 9)  # none of eight donors moves so much
    assert (found.n, found.groups, found.unit, found.sample) == (144, 9, "points", "made up")


def test_the_estimate_is_the_gap_of_the_paths(synthetic):
    """Weights of donors and of years are shares; the lines meet before, and what parts them after is the effect."""
    donors, years = synthetic.donors["weight"], synthetic.years.set_index("year")["weight"]
    assert donors.sum() == close(1)
    assert (donors >= 0).all()
    assert donors.is_monotonic_decreasing
    assert years.index.tolist() == list(range(2000, FIRST))
    assert years.sum() == close(1)
    paths = synthetic.paths.set_index("year")
    gap = paths["treated"] - paths["synthetic"]
    assert gap[gap.index >= FIRST].mean() == close(synthetic.estimate.value)
    assert (gap[gap.index < FIRST] * years).sum() == pytest.approx(0, abs=1e-9)
    frame = world()
    assert paths["treated"].tolist() == close(frame.loc[frame["treated"] == 1, "y"].tolist())
    wide = frame.pivot(index="year", columns="iso3", values="y")[synthetic.donors["iso3"]]
    made_up_country = wide.to_numpy() @ donors.to_numpy() + synthetic.level_gap
    assert paths["synthetic"].tolist() == pytest.approx(made_up_country.tolist())


def test_the_error_comes_from_every_donor_once(synthetic):
    """A donor's placebo is the method's own answer with that donor treated, the treated country left out."""
    space = synthetic.in_space.set_index("iso3")["value"]
    assert sorted(space.index) == [f"C{i}" for i in range(1, 9)]
    assert synthetic.estimate.se == close(math.sqrt(((space - space.mean()) ** 2).mean()))
    rest = world().query("treated == 0")
    alone = designs.synthetic_did(named(rest.assign(treated=(rest["iso3"] == "C5").astype(int))), FIRST, "u")
    assert space["C5"] == close(alone.estimate.value)
    reach = 1.96 * synthetic.estimate.se
    ends = (synthetic.estimate.value - reach, synthetic.estimate.value + reach)
    assert (synthetic.estimate.ci_low, synthetic.estimate.ci_high) == close(ends)


def test_placebos_are_the_librarys_fits(synthetic):
    """Each donor's effect by a fit of its own, of which only the estimate is read."""
    import diff_diff

    rest = world().query("treated == 0")
    for name, value in synthetic.in_space.set_index("iso3")["value"].items():
        own = rest.assign(treated=(rest["iso3"] == name).astype(int))
        model = diff_diff.SyntheticDiD(variance_method="placebo", n_bootstrap=2, seed=1)
        fit = model.fit(own, outcome="y", treatment="treated", unit="iso3", time="year",
                        post_periods=list(range(FIRST, 2016)))  # fmt: skip
        assert value == close(fit.att)


def test_the_rank_counts_the_donors_that_move_as_much():
    found = designs.synthetic_did(world(effect=0.0), FIRST, "u")
    larger = (found.in_space["value"].abs() >= abs(found.estimate.value)).sum()
    assert larger > 0
    assert found.estimate.p == close((1 + larger) / 9)


@pytest.mark.parametrize("year", range(2002, FIRST))
def test_dated_earlier_with_earlier_years_only_the_effect_has_not_begun(year):
    frame = world()
    found = designs.synthetic_did(named(frame[frame["year"] < FIRST]), year, "points").estimate
    assert abs(found.value) < 1  # of 4
    assert found.ci_low < 0 < found.ci_high


@pytest.mark.parametrize(("change", "first", "message"), [
    pytest.param(lambda f: f.iloc[:0], FIRST, "the sample is empty", id="empty"),
    pytest.param(lambda f: f.drop(columns="y"), FIRST, "no column 'y'", id="no outcome"),
    pytest.param(lambda f: f.drop(index=21), FIRST, "not balanced, no value for C1 in 2005", id="a row is missing"),
    pytest.param(lambda f: f.assign(y=f["y"].where(f.index != 21)), FIRST, "no value for C1 in 2005",
                 id="a value is missing"),
    pytest.param(lambda f: pd.concat([f, f.iloc[[21]]]), FIRST, "two rows for C1 in 2005", id="a row twice"),
    pytest.param(lambda f: f.assign(treated=0), FIRST, "0 treated units and 9 donors", id="nobody treated"),
    pytest.param(lambda f: f.assign(treated=(f["iso3"] < "C2") * 1), FIRST, "2 treated units", id="two treated"),
    pytest.param(lambda f: f[f["iso3"] == "C0"], FIRST, "1 treated units and 0 donors", id="no donors"),
    pytest.param(lambda f: f[f["iso3"] < "C2"], FIRST, "1 treated units and 1 donors", id="one donor"),
    pytest.param(lambda f: f.assign(treated=((f["iso3"] == "C0") & (f["year"] >= FIRST)) * 1), FIRST, "varies",
                 id="treated in its later years only"),
    pytest.param(lambda f: f.assign(y=1.0), FIRST, "does not vary", id="constant outcome"),
    pytest.param(lambda f: f, 2016, "0 of 16 years from 2016 on", id="no year after"),
    pytest.param(lambda f: f, 2001, "15 of 16 years from 2001 on", id="one year before"),
])  # fmt: skip
def test_synthetic_did_refuses(change, first, message):
    with pytest.raises(ModelError, match=f"synthetic difference-in-differences on 'made up': .*{message}"):
        designs.synthetic_did(named(change(world())), first, "points")


def normal_nulls(se: float, draws: int = 4000) -> pd.DataFrame:
    """Intervals of a normal estimator where there is no effect, at the quantiles of its distribution."""
    value = se * stats.norm.ppf((np.arange(draws) + 0.5) / draws)
    return pd.DataFrame({"value": value, "low": value - 1.96 * se, "high": value + 1.96 * se})


@pytest.mark.parametrize(("level", "multiple"), [(0.8, 2.80), (0.9, 3.24), (0.5, 1.96)])
def test_detectable_effect_of_a_normal_estimator(level, multiple):
    """1.96 + the quantile of the level, in standard errors."""
    assert designs.detectable(normal_nulls(0.3), level) == pytest.approx(0.3 * multiple, rel=0.01)


def test_power_is_the_size_without_an_effect_and_rises():
    curve = designs.power(normal_nulls(2.0), [0, 2, 4, 8])
    wanted = [stats.norm.sf(1.96 - e / 2) + stats.norm.cdf(-1.96 - e / 2) for e in (0, 2, 4, 8)]
    assert curve["power"].tolist() == pytest.approx(wanted, abs=0.002)
    assert curve["effect"].tolist() == [0, 2, 4, 8]


def test_power_averages_both_signs():
    """Two intervals that an effect of 3 leaves out zero of upwards only: (0 + 2) of four."""
    nulls = pd.DataFrame({"low": [-1.0, -2.0], "high": [9.0, 9.0]})
    assert designs.power(nulls, [3.0]).squeeze()["power"] == 0.5
    assert designs.power(nulls, [1.5]).squeeze()["power"] == 0.25


def test_power_and_detectable_refuse():
    nulls = normal_nulls(1.0, 50)
    for bad in (nulls.iloc[:0], nulls.assign(low=np.nan), nulls.assign(high=np.inf)):
        with pytest.raises(ModelError, match="power: intervals of at least one draw expected, all finite"):
            designs.power(bad, [1.0])
        with pytest.raises(ModelError, match="power: intervals of at least one draw"):
            designs.detectable(bad)
    with pytest.raises(ModelError, match=r"no effect up to 39\.2 is found with 1\.1"):
        designs.detectable(nulls, 1.1)


# ============================================================================================== bounds
def bound(value: float, se: float, unit: str = "log points") -> Estimate:
    return Estimate(value=value, se=se, ci_low=0.0, ci_high=0.0, n=10, unit=unit, sample="made up", method="made up",
                    software="none")  # fmt: skip


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_bounds_that_are_one_have_the_usual_interval(level):
    reach = 0.5 * stats.norm.ppf((1 + level) / 2)
    assert designs.bounds_interval(bound(2, 0.5), bound(2, 0.5), level) == close((2 - reach, 2 + reach))


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_bounds_far_apart_have_one_sided_ends_each_with_its_own_error(level):
    reach = stats.norm.ppf(level)
    assert designs.bounds_interval(bound(-5, 0.5), bound(50, 0.1), level) == close((-5 - 0.5 * reach, 50 + 0.1 * reach))


def test_the_two_closed_cases_in_the_usual_numbers():
    low, high = designs.bounds_interval(bound(0, 1), bound(0, 1))
    assert (round(-low, 2), round(high, 2)) == (1.96, 1.96)
    low, high = designs.bounds_interval(bound(0, 1), bound(100, 1))
    assert (round(-low, 3), round(high - 100, 3)) == (1.645, 1.645)


@pytest.mark.parametrize("gap", [0.01, 0.3, 1.0, 2.5])
def test_the_interval_covers_the_worst_effect_as_often_as_asked(gap):
    """Both bounds off by one and the same noise: at either bound the coverage is Φ(c + gap/se) − Φ(−c)."""
    low, high = designs.bounds_interval(bound(1, 0.2), bound(1 + gap * 0.2, 0.2))
    c = (1 - low) / 0.2
    assert (high - 1 - gap * 0.2) / 0.2 == close(c)
    assert 1.6448 < c < 1.9600
    assert stats.norm.cdf(c + gap) - stats.norm.cdf(-c) == close(0.95)


def test_wider_bounds_need_a_smaller_multiple_of_the_error():
    reach = [1 - designs.bounds_interval(bound(1, 1), bound(1 + gap, 1))[0] for gap in np.linspace(0, 4, 9)]
    assert reach == sorted(reach, reverse=True)


def test_the_larger_error_decides_how_far_apart_the_bounds_are():
    low, high = designs.bounds_interval(bound(0, 1), bound(1, 0.25))
    c = -low
    assert high == close(1 + 0.25 * c)
    assert stats.norm.cdf(c + 1) - stats.norm.cdf(-c) == close(0.95)


@pytest.mark.parametrize(("lower", "upper", "level", "words"), [
    pytest.param(bound(2, 1), bound(1, 1), 0.95, "the upper bound 1 is below the lower one 2", id="crossed"),
    pytest.param(bound(1, 1), bound(2, 1, "jobs"), 0.95, "is in 'log points', the upper in 'jobs'", id="units"),
    pytest.param(bound(1, 0), bound(2, 1), 0.95, "error of the lower bound is 0", id="no error"),
    pytest.param(bound(1, 1), bound(2, math.inf), 0.95, "error of the upper bound is inf", id="infinite error"),
    pytest.param(bound(1, 1), bound(2, math.nan), 0.95, "error of the upper bound is nan", id="missing error"),
    pytest.param(bound(1, 1), bound(2, 1), 95, "level 95, expected between 0 and 1", id="a level in percent"),
    pytest.param(bound(1, 1), bound(2, 1), 0.0, "level 0.0", id="a level of nothing"),
])  # fmt: skip
def test_bounds_that_have_no_interval(lower, upper, level, words):
    with pytest.raises(ModelError, match=words):
        designs.bounds_interval(lower, upper, level)


# ============================================================================================== wild cluster bootstrap
def few_clusters(groups: int = 6, seed: int = 5) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"g": np.repeat(np.arange(groups), 8), "t": np.tile(np.arange(8), groups)})
    frame["x"], frame["w"] = draw.normal(size=len(frame)), draw.normal(size=len(frame))
    shared = draw.normal(size=groups)[frame["g"]]
    frame["y"] = 0.3 * frame["x"] + 0.5 * frame["w"] + shared * frame["x"] + draw.normal(size=len(frame))
    return named(frame)


def pattern_by_pattern(frame: pd.DataFrame, signs: np.ndarray) -> float:
    """statsmodels' clustered t of the whole regression, once for each pattern of signs."""
    formula = "{} ~ x + w + C(t)"
    small = smf.ols("y ~ w + C(t)", frame).fit()
    kinds = {"cov_type": "cluster", "cov_kwds": {"groups": frame["g"]}}
    found = abs(smf.ols(formula.format("y"), frame).fit(**kinds).tvalues["x"])
    outcomes = [small.fittedvalues + small.resid * row[frame["g"]] for row in signs]
    t = [abs(smf.ols(formula.format("new"), frame.assign(new=new)).fit(**kinds).tvalues["x"]) for new in outcomes]
    return float(np.mean(np.array(t) >= found * (1 - 1e-9)))


def test_wild_bootstrap_fits_every_pattern_of_signs():
    frame = few_clusters()
    found = designs.wild_cluster_p(frame, "y", "x", ["t"], "g", ["w"])
    assert found == pattern_by_pattern(frame, designs._sign_patterns(6, 9999, 1))
    assert found * 32 == close(round(found * 32))  # all patterns, up to the sign of all


def test_wild_bootstrap_draws_where_patterns_are_many():
    frame = few_clusters()
    found = designs.wild_cluster_p(frame, "y", "x", ["t"], "g", ["w"], draws=19, seed=3)
    signs = designs._sign_patterns(6, 19, 3)
    assert (signs.shape, set(np.unique(signs)), signs[0].tolist()) == ((20, 6), {-1.0, 1.0}, [1.0] * 6)
    assert found == pattern_by_pattern(frame, signs)
    assert found == designs.wild_cluster_p(frame, "y", "x", ["t"], "g", ["w"], draws=19, seed=3)


def test_wild_bootstrap_rejects_a_true_null_about_as_often_as_it_says():
    ps = []
    for seed in range(200):
        frame = few_clusters(10, seed)
        frame["y"] = frame["y"] - 0.3 * frame["x"]
        ps.append(designs.wild_cluster_p(frame, "y", "x", ["t"], "g", ["w"]))
    assert 0.01 <= np.mean(np.array(ps) <= 0.05) <= 0.12


@pytest.mark.parametrize(("change", "options", "message"), [
    ({"x": np.nan}, {}, "48 rows without 'x'"), ({}, {"cluster": "town"}, "no column 'town'"),
    ({"g": 1}, {}, "fewer than two clusters"), ({"x": 1.0}, {}, "a term that the rest explains"),
])  # fmt: skip
def test_wild_bootstrap_refuses(change, options, message):
    arguments = {"outcome": "y", "term": "x", "effects": ["t"], "cluster": "g", "controls": ["w"]} | options
    with pytest.raises(ModelError, match=message):
        designs.wild_cluster_p(named(few_clusters().assign(**change)), **arguments)
