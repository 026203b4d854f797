"""What `Estimate.of` reads, on made-up data: against statsmodels and scipy by other ways, or what was put in.

`calls` fits as the chapters do; its estimates are held against matrices by hand, dummies or single firms.
"""

from __future__ import annotations

import math
from functools import partial

import calls
import diff_diff
import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from made import estimate
from scipy import stats

from goingglobal import models
from goingglobal.models import Estimate, ModelError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)
near = partial(pytest.approx, rel=1e-7, abs=1e-12)  # pyfixest takes two effects out by turns, until little changes


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Twelve countries, nine years, missing cells, one country seen once; errors correlated within a country."""
    draw = np.random.default_rng(20260101)
    frame = pd.DataFrame([(f"C{i:02}", 2000 + t) for i in range(12) for t in range(9)], columns=["iso3", "year"])
    shared = draw.normal(size=12)[frame["iso3"].str[1:].astype(int)]
    frame["x"] = draw.normal(size=len(frame)) + 0.5 * shared
    frame["w"] = draw.normal(size=len(frame)) + 0.3 * frame["x"]
    frame["y"] = 0.7 * frame["x"] - frame["w"] + shared * draw.normal(size=len(frame)) + 0.1 * (frame["year"] - 2000)
    frame["group"] = (frame["x"] + shared > 0).astype(int)
    frame.loc[[3, 17, 40], "x"] = np.nan
    frame.loc[[5, 60], "y"] = np.nan
    frame = frame[(frame["iso3"] != "C11") | (frame["year"] == 2004)].sample(frac=1, random_state=7)
    frame.attrs["sample"] = "twelve countries"
    return frame


def two_way(frame: pd.DataFrame, formula: str = "y ~ x + w", **options) -> Estimate:
    return calls.two_way(frame, formula, "unit", ("iso3", "year"), "iso3", **options)


def complete(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    rows = frame[["y", "x", "w", "iso3", "year"]].dropna()
    return rows["y"].to_numpy(), sm.add_constant(rows[["x", "w"]].to_numpy()), rows


def interval(value: float, se: float, df: float) -> tuple[float, float]:
    reach = stats.t.ppf(0.975, df) * se
    return close(value - reach), close(value + reach)


def test_ols_with_hc1_errors(panel):
    y, x, rows = complete(panel)
    fit = sm.OLS(y, x).fit(cov_type="HC1", use_t=True)
    found = calls.ols(panel, "y ~ x + w", "x", "points")
    assert (found.value, found.se, found.p) == (close(fit.params[1]), close(fit.bse[1]), close(fit.pvalues[1]))
    assert (found.ci_low, found.ci_high) == interval(found.value, found.se, len(rows) - 3)
    assert (found.n, found.groups, found.unit, found.sample) == (len(rows), None, "points", "twelve countries")
    bread, scores = np.linalg.inv(x.T @ x), x * fit.resid[:, None]  # and by hand
    by_hand = bread @ scores.T @ scores @ bread * len(y) / (len(y) - 3)
    assert found.se == close(math.sqrt(by_hand[1, 1]))


def test_ols_with_clustered_errors(panel):
    y, x, rows = complete(panel)
    fit = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["iso3"])[0]}, use_t=True)
    found = calls.ols(panel, "y ~ x + w", "w", "points", cluster="iso3")
    assert (found.value, found.se) == (close(fit.params[2]), close(fit.bse[2]))
    assert (found.groups, found.n) == (rows["iso3"].nunique(), len(rows))
    assert (found.ci_low, found.ci_high) == interval(found.value, found.se, found.groups - 1)


def test_ols_with_newey_west_errors(panel):
    series = panel[panel["iso3"] == "C02"].sort_values("year").dropna()
    y, x = series["y"].to_numpy(), sm.add_constant(series[["x"]].to_numpy())
    bread = np.linalg.inv(x.T @ x)
    b = bread @ x.T @ y
    scores = x * (y - x @ b)[:, None]
    middle = scores.T @ scores
    for lag in (1, 2):
        cross = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / 3) * (cross + cross.T)
    found = calls.ols(series, "y ~ x", "x", "points", lags=2)
    assert found.value == close(b[1])
    assert found.se == close(math.sqrt((bread @ middle @ bread)[1, 1] * len(y) / (len(y) - 2)))


def test_median_regression(panel):
    y, x, rows = complete(panel)
    for quantile in (0.5, 0.9):
        fit = sm.QuantReg(y, x).fit(q=quantile, vcov="robust", kernel="epa", bandwidth="hsheather")
        found = calls.median(panel, "y ~ x + w", "x", "points", quantile)
        assert (found.value, found.se) == pytest.approx((fit.params[1], fit.bse[1]), rel=1e-6)
        assert found.n == len(rows)


def test_median_regression_on_one_dummy_is_the_difference_in_medians():
    noise = np.random.default_rng(4).normal(size=41)
    frame = pd.DataFrame({"y": np.concatenate([noise, noise[:31] + 3]), "d": [0] * 41 + [1] * 31})
    wanted = np.median(noise[:31]) + 3 - np.median(noise)
    assert calls.median(frame, "y ~ d", "d", "points").value == pytest.approx(wanted, abs=1e-4)


def test_difference_in_means(panel):
    found = calls.means(panel, "y", "group", "points")
    rows = panel[["y", "group"]].dropna()
    arms = [rows.loc[rows["group"] == arm, "y"] for arm in (1, 0)]
    test = stats.ttest_ind(*arms, equal_var=False)
    limits = test.confidence_interval(0.95)
    assert found.value == close(arms[0].mean() - arms[1].mean())
    assert found.value / found.se == close(test.statistic)
    assert (found.p, found.ci_low, found.ci_high) == pytest.approx((test.pvalue, limits.low, limits.high), rel=0.05)
    assert (found.ci_low, found.ci_high) == interval(found.value, found.se, len(rows) - 2)  # Welch has fewer degrees
    assert found.n == len(rows)


def test_two_way_fe_is_the_dummy_variable_regression(panel):
    """The coefficient of one OLS on all dummies. Its CR1 factor counts the absorbed dummies, the library's does not."""
    found = two_way(panel)
    _, _, rows = complete(panel)
    rows = rows[rows["iso3"] != "C11"]  # seen once
    fit = smf.ols("y ~ x + w + C(iso3) + C(year)", rows).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["iso3"])[0]}, use_t=True)  # fmt: skip
    n, groups, years = len(rows), 11, 9
    all_terms, counted = 2 + groups + years - 1, 2 + years - 1 + 1
    assert len(fit.params) == all_terms
    assert found.value == close(fit.params["x"])
    assert found.se == close(fit.bse["x"] * math.sqrt((n - all_terms) / (n - counted)))
    assert (found.n, found.groups, found.sample) == (n, groups, "twelve countries")
    assert (found.ci_low, found.ci_high) == interval(found.value, found.se, groups - 1)
    assert any("1 singleton" in note for note in found.notes)
    assert two_way(panel, term="w").value == close(fit.params["w"])


def test_two_way_fe_with_weights(panel):
    """Weighted least squares on all dummies; whole weights give the value of repeated rows."""
    weighted = panel.assign(heads=1 + np.arange(len(panel)) % 4)
    found = two_way(weighted, weights="heads")
    rows = weighted[["y", "x", "w", "iso3", "year", "heads"]].dropna()
    rows = rows[rows["iso3"] != "C11"]
    fit = smf.wls("y ~ x + w + C(iso3) + C(year)", rows, weights=rows["heads"]).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["iso3"])[0]}, use_t=True)  # fmt: skip
    n, absorbed = len(rows), 10
    assert found.value == close(fit.params["x"])
    wanted = fit.bse["x"] * math.sqrt((n - len(fit.params)) / (n - len(fit.params) + absorbed))
    assert found.se == pytest.approx(wanted, rel=1e-6)  # pyfixest demeans by iteration
    assert (found.n, found.method.endswith("weighted")) == (n, True)
    assert found.value == close(two_way(rows.loc[rows.index.repeat(rows["heads"])]).value)
    assert abs(found.value - two_way(panel).value) > 1e-3


def test_two_way_fe_clusters_on_either_effect(panel):
    by_year = calls.two_way(panel, "y ~ x + w", "unit", ("iso3", "year"), "year")
    assert by_year.value == close(two_way(panel).value)
    assert (by_year.groups, by_year.se) != (two_way(panel).groups, two_way(panel).se)
    assert by_year.groups == 9


@pytest.mark.parametrize("effect", ["iso3", "year"])
def test_two_way_fe_ignores_what_is_constant_in_an_effect(panel, effect):
    levels = sorted(panel[effect].unique())
    shift = panel[effect].map({level: 3.0 * place**2 - 5 for place, level in enumerate(levels)})
    before, after = two_way(panel), two_way(panel.assign(y=panel["y"] + shift))
    assert (after.value, after.se) == (near(before.value), near(before.se))


def test_two_way_fe_ignores_the_order_of_rows(panel):
    before, after = two_way(panel), two_way(panel.sample(frac=1, random_state=3).reset_index(drop=True))
    assert (after.value, after.se, after.n) == (near(before.value), near(before.se), before.n)


@pytest.mark.parametrize("k", [0.01, -3.0, 1000.0])
def test_two_way_fe_scales_with_its_regressor(panel, k):
    """To the eighth digit: effects are absorbed until nothing moves by 1e-8, in whichever order a set has them."""
    before, after = two_way(panel), two_way(panel.assign(x=k * panel["x"]))
    assert (after.value * k, after.se * abs(k)) == (near(before.value), near(before.se))
    assert after.p == pytest.approx(before.p, rel=1e-5)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """Yes or no by a size, a 0/1 column and groups of rows that lean the same way."""
    draw, n = np.random.default_rng(9), 300
    frame = pd.DataFrame({"size": draw.normal(size=n), "member": draw.integers(0, 2, n), "house": np.arange(n) // 10})
    shared = draw.normal(size=30)[frame["house"]]
    frame["yes"] = (0.8 * frame["size"] - frame["member"] + shared + draw.logistic(size=n) > 0).astype(int)
    frame.loc[[2, 5], "size"] = np.nan
    frame.attrs["sample"] = "three hundred answers"
    return frame


def by_difference(rows: pd.DataFrame, b: np.ndarray) -> np.ndarray:
    """Average effects at coefficients `b`: a numerical derivative by size, and the change from 0 to 1 of member."""
    def share(size, member):
        return (1 / (1 + np.exp(-(b[0] + b[1] * size + b[2] * member)))).mean()

    size, member, step = rows["size"], rows["member"], 1e-5
    return np.array([(share(size + step, member) - share(size - step, member)) / (2 * step),
                     share(size, 1) - share(size, 0)])  # fmt: skip


@pytest.mark.parametrize("cluster", [None, "house"])
def test_logit_margins_are_mean_derivatives(answers, cluster):
    """Value and delta-method error from numerical derivatives and a sandwich by hand."""
    found = calls.margins(answers, "yes ~ size + member", ["size", "member"], "share", cluster)
    rows = answers.dropna()
    x = sm.add_constant(rows[["size", "member"]]).to_numpy()
    b = sm.Logit(rows["yes"].to_numpy(), x).fit(disp=0, tol=1e-12).params
    p = 1 / (1 + np.exp(-x @ b))
    scores, bread = x * (rows["yes"].to_numpy() - p)[:, None], np.linalg.inv(x.T @ (x * (p * (1 - p))[:, None]))
    n, k, groups, factor = len(rows), 3, None, 1.0
    if cluster:
        scores, groups = pd.DataFrame(scores).groupby(rows["house"].to_numpy()).sum().to_numpy(), 30
        factor = groups / (groups - 1) * (n - 1) / (n - k)
    variance = factor * bread @ scores.T @ scores @ bread
    slope = np.array([(by_difference(rows, b + e) - by_difference(rows, b - e)) / 2e-5 for e in 1e-5 * np.eye(3)]).T
    errors = np.sqrt(np.diag(slope @ variance @ slope.T))
    assert [found[t].value for t in ("size", "member")] == pytest.approx(by_difference(rows, b).tolist(), rel=1e-6)
    assert [found[t].se for t in ("size", "member")] == pytest.approx(errors.tolist(), rel=1e-4)
    for term, effect in found.items():
        assert (effect.n, effect.groups, effect.term, effect.unit) == (n, groups, term, "share")
        ends = (effect.value - 1.96 * effect.se, effect.value + 1.96 * effect.se)
        assert (effect.ci_low, effect.ci_high) == pytest.approx(ends, rel=1e-3)
        assert effect.sample == "three hundred answers"


# ---------------------------------------------------------------------------------------------- shares of firms
BANDS = pd.DataFrame({"share": [0.1, 0.5, 0.2, 0.7], "n": [50, 20, 30, 10], "size": [0.0, 1.0, 2.0, 3.0]})


@pytest.mark.parametrize("shares", [[0.1, 0.5, 0.2, 0.7], [0.1, 0.2, 0.3, 0.5]], ids=["scattered", "on a line"])
def test_binomial_gradient_is_the_logit_of_the_single_firms(shares):
    """The coefficient of a logit on one row per firm; its error times the root of the Pearson scale."""
    bands = BANDS.assign(share=shares)
    yes = (bands["share"] * bands["n"]).round().astype(int)
    single = [(size, answer) for size, n, k in zip(bands["size"], bands["n"], yes, strict=True)
              for answer in [1] * k + [0] * (n - k)]  # fmt: skip
    single = pd.DataFrame(single, columns=["size", "exports"])
    fit = smf.logit("exports ~ size", single).fit(disp=0, tol=1e-12)
    fitted = fit.predict(bands).to_numpy()
    pearson = (bands["n"] * (bands["share"] - fitted) ** 2 / (fitted * (1 - fitted))).sum() / 2
    found = calls.binomial(bands, "share ~ size", "size", "log odds", trials="n")
    assert found.value == pytest.approx(fit.params["size"], rel=1e-7)
    assert found.se == pytest.approx(fit.bse["size"] * math.sqrt(pearson), rel=1e-4)  # of an iteration
    assert (pearson > 1) == (shares[1] == 0.5)
    assert (found.n, found.notes) == (4, (f"Pearson scale {pearson:.2g}",))


def test_binomial_gradient_without_trials_lets_the_scale_fall_below_one():
    bands = BANDS.assign(share=[0.1, 0.2, 0.3, 0.5])
    free = calls.binomial(bands, "share ~ size", "size", "log odds")
    fit = smf.glm("share ~ size", bands, family=sm.families.Binomial()).fit(scale="X2")
    assert (free.value, free.se) == pytest.approx((fit.params["size"], fit.bse["size"]), rel=1e-6)
    assert fit.scale < 1


def test_binomial_gradient_counts_the_bands_it_uses():
    bands = pd.concat([BANDS, BANDS.assign(size=np.nan).iloc[:1]], ignore_index=True)
    assert calls.binomial(bands, "share ~ size", "size", "log odds", trials="n").n == 4


# ---------------------------------------------------------------------------------------------- event studies
def staggered(never: int = 5, noise: float = 0.0, seed: int = 1, cohorts: dict[int, int] | None = None) -> pd.DataFrame:
    """Firms with own level and common trend; a start adds 0.1 in its year and 0.1 more in each that follows."""
    draw = np.random.default_rng(seed)
    starts = [0] * never + [first for first, count in (cohorts or {2019: 2, 2021: 3}).items() for _ in range(count)]
    frame = pd.DataFrame([(f"E{i:03}", year, first, i) for i, first in enumerate(starts) for year in range(2017, 2025)],
                         columns=["edinet_code", "year", "first_fdi", "level"])  # fmt: skip
    since = (frame["year"] - frame["first_fdi"]).where(frame["first_fdi"] > 0, -1)
    effect = (0.1 * (since + 1)).clip(lower=0)
    frame["y"] = frame["level"] + 0.05 * (frame["year"] - 2017) ** 2 + effect + noise * draw.normal(size=len(frame))
    return frame


def test_event_study_recovers_a_known_effect_exactly():
    study = models.event_study(staggered())
    path = study.path.set_index("event_time")
    assert path.index.tolist() == list(range(-4, 6))
    assert path["value"].tolist() == pytest.approx([0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], abs=1e-12)
    assert path.index[path["reference"]].tolist() == [-1]
    assert path["starters"].drop(-1).tolist() == [3, 3, 5, 5, 5, 5, 5, 2, 2]
    assert study.overall.value == close((2 * (0.1 + 0.2 + 0.3 + 0.4 + 0.5 + 0.6) + 3 * (0.1 + 0.2 + 0.3 + 0.4)) / 24)
    assert (study.overall.n, study.overall.groups) == (80, 10)


def test_event_study_uses_firms_seen_in_both_years_of_a_cell():
    frame = staggered()
    last = frame["edinet_code"].max()  # one of the three starters of 2021, twice as much affected
    frame.loc[(frame["edinet_code"] == last) & (frame["year"] >= 2021), "y"] += 1
    whole = models.event_study(frame).path.set_index("event_time")
    assert whole.loc[0, "value"] == close((5 * 0.1 + 1) / 5)
    gone = frame[(frame["edinet_code"] != last) | (frame["year"] != 2020)]  # its base year
    path = models.event_study(gone).path.set_index("event_time")
    assert (path.loc[0, "value"], path.loc[0, "starters"]) == (close(0.1), 4)


def test_event_study_compares_with_never_investors_only():
    """A leap of the later starters before their start, in 2019, moves their own path, not that of the starters then."""
    frame = staggered()
    frame.loc[(frame["first_fdi"] == 2021) & (frame["year"] == 2019), "y"] += 1
    path = models.event_study(frame).path.set_index("event_time")
    assert path.loc[0, "value"] == close(0.1)
    assert path.loc[-2, "value"] == close(3 * 1 / 5)


def test_event_study_with_a_covariate_compares_like_with_like():
    """Firms of one kind grow faster and start more often: within kinds the effect is exact, over all it is not."""
    frame = staggered(never=20, cohorts={2020: 8})
    number = frame["edinet_code"].str[1:].astype(int)
    frame["kind"] = ((number < 5) | (number >= 22)).astype(float)  # 5 of 20 never-investors, 6 of 8 starters
    frame["y"] += 0.2 * frame["kind"] * (frame["year"] - 2017)
    plain, given = models.event_study(frame), models.event_study(frame, covariates=["kind"])
    wanted = [0.1 * max(0, t + 1) for t in range(-3, 5)]
    assert given.path["value"].tolist() == pytest.approx(wanted, abs=1e-9)
    share = 6 / 8 - 5 / 20
    assert plain.path.set_index("event_time").loc[0, "value"] == pytest.approx(0.1 + 0.2 * share)
    assert "doubly robust" in given.overall.method
    assert "doubly robust" not in plain.overall.method
    with pytest.raises(ModelError, match="no column 'size'"):
        models.event_study(frame, covariates=["size"])


def test_event_study_refuses_a_sample_without_starters_or_controls():
    frame = staggered()
    for part in (frame[frame["first_fdi"] > 0], frame[frame["first_fdi"] == 0]):
        with pytest.raises(ModelError, match="starters or never-treated firms are missing"):
            models.event_study(part)
    with pytest.raises(ModelError, match="no column 'headcount'"):
        models.event_study(frame, outcome="headcount")
    with pytest.raises(ModelError, match="empty"):
        models.event_study(frame.iloc[:0])


@pytest.fixture(scope="module")
def noisy_study() -> models.EventStudy:
    return models.event_study(staggered(never=14, noise=0.05, cohorts={2019: 8, 2021: 9}))


@pytest.mark.parametrize("target", ["average", "impact"])
def test_honest_bounds(noisy_study, target):
    """M = 0 is the usual interval; the set then grows by M times the largest change before the start."""
    path = noisy_study.path.set_index("event_time")
    after = path.loc[path.index >= 0, "value"]
    limits = (0, 0.25, 0.5, 1, 2)
    bounds = models.honest_bounds(noisy_study, limits, target).set_index("M")
    first = bounds.loc[0]
    assert first["value"] == close(after.mean() if target == "average" else after[0])
    assert first["bound_low"] == first["bound_high"] == close(first["value"])
    z = stats.norm.ppf(0.975)
    usual = (first["value"] - z * first["se"], first["value"] + z * first["se"])
    assert (first["ci_low"], first["ci_high"]) == pytest.approx(usual)
    if target == "impact":
        assert usual == pytest.approx((path.loc[0, "ci_low"], path.loc[0, "ci_high"]))
    assert (np.diff(bounds["ci_low"]) < 0).all()
    assert (np.diff(bounds["ci_high"]) > 0).all()
    assert ((bounds["ci_low"] < bounds["bound_low"]) & (bounds["bound_high"] < bounds["ci_high"])).all()
    largest = path.loc[path.index < 0, "value"].diff().abs().max()
    years = np.arange(1, len(after) + 1).mean() if target == "average" else 1
    reach = [m * largest * years for m in limits]
    assert (bounds["bound_high"] - bounds["value"]).tolist() == pytest.approx(reach, abs=1e-9)
    assert (bounds["value"] - bounds["bound_low"]).tolist() == pytest.approx(reach, abs=1e-9)


def test_honest_bounds_refuse_an_unknown_target(noisy_study):
    with pytest.raises(ModelError, match=r"'last'.*'average' or 'impact'"):
        models.honest_bounds(noisy_study, target="last")


def test_percent_has_the_exact_ends_and_the_error_of_the_delta_method():
    e = Estimate(0.2, 0.05, 0.1, 0.3, 10, "log points", "s", "m", "l").percent()
    assert (e.value, e.ci_low, e.ci_high) == pytest.approx((22.14027582, 10.51709181, 34.98588076), abs=1e-8)
    assert e.se == pytest.approx(100 * (math.exp(0.2 + 1e-6) - math.exp(0.2 - 1e-6)) / 2e-6 * 0.05, rel=1e-8)
    assert (e.n, e.unit, e.sample) == (10, "%", "s")


def test_scaled():
    scaled = estimate(groups=7, p=0.01).scaled(-10, "tenths")
    assert (scaled.value, scaled.se, scaled.ci_low, scaled.ci_high) == (-15, 5, -25, -5)
    assert (scaled.unit, scaled.n, scaled.groups, scaled.p) == ("tenths", 1234, 7, 0.01)
    assert estimate().scaled(2, "halves").ci_low == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_estimate_is_a_finite_number(value):
    with pytest.raises(ModelError, match=r"'made up'.*not a finite number"):
        estimate(value)


def test_estimates_say_what_they_are():
    words = str(estimate(groups=1200))
    assert "1.5 points (standard error 0.5; 95 % interval 0.5 to 2.5)" in words
    assert "n = 1,234, 1,200 groups" in words
    assert words.endswith("sample: made up")


# ---------------------------------------------------------------------------------------------- reading and refusing
def test_a_fit_says_its_sample_method_and_software(panel):
    rows = panel.dropna(subset=["y", "x", "w"])
    plain, robust = (smf.ols("y ~ x + w", rows).fit(cov_type=kind) for kind in ("nonrobust", "HC3"))
    assert Estimate.of(plain, "x").method == "OLS, usual errors"
    found = Estimate.of(robust, "x", unit="points")
    assert (found.method, found.sample) == ("OLS, HC3 errors", "twelve countries")
    assert (found.unit, found.term) == ("points", "x")
    assert found.software.startswith("statsmodels ")
    assert Estimate.of(robust, "x", sample="another name").sample == "another name"
    named = pd.DataFrame()
    named.attrs["sample"] = "a frame's"
    assert Estimate.of(robust, "x", sample=named).sample == "a frame's"
    assert Estimate.of(found, unit="metres").unit == "metres"
    assert Estimate.of(robust, "x", notes=["heard", "heard"]).notes == ("heard",)
    absorbed = pf.feols("y ~ x + w | iso3 + year", rows[rows.duplicated("iso3", keep=False)], vcov={"CRV1": "iso3"})
    assert Estimate.of(absorbed, "w").method == "iso3 and year fixed effects, CR1 errors by iso3"
    assert Estimate.of(absorbed, "w").sample == "twelve countries"
    assert Estimate.of(pf.feols("y ~ x", rows, vcov="hetero"), "x").method == "OLS, hetero errors"


def test_poisson_regression_is_the_same_in_both_libraries(panel):
    rows = panel.dropna(subset=["x"]).assign(count=lambda d: np.random.default_rng(3).poisson(np.exp(0.3 * d["x"])))
    one = Estimate.of(smf.poisson("count ~ x", rows).fit(disp=0, tol=1e-12), "x")
    other = Estimate.of(pf.fepois("count ~ x", rows, vcov="iid"), "x")
    third = Estimate.of(smf.glm("count ~ x", rows, family=sm.families.Poisson()).fit(), "x")
    assert (one.value, one.n) == (pytest.approx(other.value, rel=1e-5), other.n)
    assert (one.value, one.se) == pytest.approx((third.value, third.se), rel=1e-5)
    assert (one.method, third.method) == ("Poisson regression, usual errors", "poisson GLM (log), usual errors")


def test_linearmodels_is_read(panel):
    """Its two-way clustered fit has the value of pyfixest's, and linearmodels' own error and interval."""
    from linearmodels import PanelOLS

    rows = panel.dropna(subset=["y", "x", "w"]).query("iso3 != 'C11'")
    fit = PanelOLS.from_formula("y ~ x + w + EntityEffects + TimeEffects", rows.set_index(["iso3", "year"])).fit(
        cov_type="clustered", cluster_entity=True)
    found = Estimate.of(fit, "x", unit="points", sample=rows)
    low, high = fit.conf_int().loc["x"]
    assert found.value == close(two_way(panel).value)
    assert (found.se, found.ci_low, found.ci_high, found.n) == (close(fit.std_errors["x"]), close(low), close(high),
                                                                len(rows))
    assert (found.method, found.sample) == ("PanelOLS, clustered errors", "twelve countries")
    with pytest.raises(ModelError, match="'z' on 'twelve countries': no term 'z'; terms are x, w"):
        Estimate.of(fit, "z", sample=rows)


def test_diff_diff_is_read():
    frame = staggered(never=14, noise=0.05, cohorts={2019: 8, 2021: 9})
    fit = diff_diff.CallawaySantAnna(control_group="never_treated", base_period="universal").fit(
        frame, outcome="y", unit="edinet_code", time="year", first_treat="first_fdi")
    path, study = fit.aggregate("event_study"), models.event_study(frame)
    overall = Estimate.of(fit, unit="log points", sample="made up")
    for part in ("value", "se", "ci_low", "ci_high", "n", "groups", "method"):
        assert getattr(overall, part) == getattr(study.overall, part), part
    second = Estimate.of(path, 1)
    assert (second.value, second.se) == tuple(study.path.set_index("event_time").loc[1, ["value", "se"]])
    for fitted, term, message in ((path, -1, "the reference"), (path, 40, "no term 40; terms are"),
                                  (fit, "post", "one effect and no terms")):  # fmt: skip
        with pytest.raises(ModelError, match=message):
            Estimate.of(fitted, term)


def test_a_regression_discontinuity_is_read():
    draw = np.random.default_rng(2)
    frame = pd.DataFrame({"size": draw.uniform(-1, 1, 800)})
    frame["y"] = frame["size"] + 2.0 * (frame["size"] >= 0) + 0.1 * draw.normal(size=800)
    fit = diff_diff.RegressionDiscontinuity(cutoff=0).fit(frame, outcome="y", running="size")
    found = Estimate.of(fit, unit="points", sample="made up")
    assert (found.value, found.se, found.n) == (fit.att_conventional, fit.se_conventional, fit.n_h_left + fit.n_h_right)
    assert abs(found.value - 2) < 0.1
    assert found.method.startswith("local linear, triangular kernel")


def complete_rows(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.dropna(subset=["y", "x", "w"])


def ols_on(frame: pd.DataFrame, formula: str = "y ~ x + w", **options):
    return smf.ols(formula, complete_rows(frame)).fit(**options)


def clustered(labels) -> dict:
    return {"cov_type": "cluster", "cov_kwds": {"groups": labels}}


def of_other_rows(frame: pd.DataFrame):
    """As many clusters as rows, but of the first rows of the whole frame."""
    return ols_on(frame, **clustered(frame["iso3"].astype("category").cat.codes.iloc[:len(complete_rows(frame))]))


def shares(_, **columns):
    bands = BANDS.assign(**columns)
    with models.noting():
        return smf.glm("share ~ size", bands, family=sm.families.Binomial(), var_weights=bands["n"]).fit(scale="X2")


def absorbing(frame: pd.DataFrame, formula: str, **more):
    rows = complete_rows(frame)
    return pf.feols(formula, rows[rows.duplicated("iso3", keep=False)].assign(**more), vcov={"CRV1": "iso3"})


SIX = pd.DataFrame({"y": [1.0, 2, 9, 4, 5, 30], "d": [0, 0, 0, 1, 1, 1]})
REFUSED = {  # what a fit is refused for: how it comes about, the term, and what the error says
    "no such term": (ols_on, "z", "no term 'z'; terms are Intercept, x, w"),
    "no such term, pyfixest": (lambda f: absorbing(f, "y ~ x | iso3"), "z", "no term 'z'; terms are x"),
    "collinear": (lambda f: ols_on(f, "y ~ x + I(2 * x)"), "x", "rank deficient, 3 terms of which 2"),
    "collinear, quantile": (lambda f: smf.quantreg("y ~ x + I(2 * x)", complete_rows(f)).fit(q=0.5), "x",
                            "rank deficient"),
    "constant in country": (lambda f: absorbing(f, "y ~ code + x | iso3 + year", code=lambda d: d["iso3"].str[1:]
                                                .astype(float)), "code", "collinear with the effects"),
    "constant in a year": (lambda f: absorbing(f, "y ~ oil + x | iso3 + year", oil=lambda d: (d["year"] - 2003.0)
                                               ** 2), "oil", "collinear with the effects"),
    "as many terms as rows": (lambda f: smf.ols("y ~ x", complete_rows(f).head(2)).fit(), "x",
                              "no degree of freedom left"),
    "no noise": (lambda f: ols_on(f.assign(y=3 * f["x"])), "x", "its standard error vanishes"),
    "constant outcome": (lambda f: ols_on(f.assign(y=1.0)), "x", "its standard error vanishes"),
    "no density": (lambda f: smf.quantreg("y ~ d", SIX).fit(q=0.5, vcov="robust", kernel="epa", bandwidth="hsheather"),
                   "d", "not a finite number"),
    "one cluster": (lambda f: ols_on(f, cov_type="cluster", cov_kwds={
        "groups": np.zeros(len(complete_rows(f)), int), "use_correction": False}), "x", "fewer than two clusters"),
    "clusters of other rows": (of_other_rows, "x", "the clusters are of other rows than the formula's; leave out rows"),
    "a missing cluster": (lambda f: ols_on(f, **clustered(complete_rows(f)["iso3"].where(lambda d: d != "C03")
                                                          .astype("category").cat.codes)), "x", "a cluster coded −1"),
    "not converged": (lambda f: smf.logit("group ~ x", complete_rows(f)).fit(disp=0, maxiter=1), "x",
                      "did not converge"),
    "separated": (lambda f: smf.logit("yes ~ x", complete_rows(f).assign(yes=lambda d: (d["x"] > 0).astype(int))).fit(
        disp=0, maxiter=50), "x", "separation|did not converge"),
    "percent for a share": (lambda f: shares(f, share=100 * BANDS["share"]), "size", "a share within 0–1"),
    "nobody asked": (lambda f: shares(f, n=[0, 20, 30, 10]), "size", "weights are not all above zero"),
    "a weight of zero": (lambda f: smf.wls("y ~ x", complete_rows(f), weights=(complete_rows(f)["x"] > 0) * 1.0).fit(),
                         "x", "weights are not all above zero"),
    "no blanks": (lambda f: absorbing(f, "y ~ x | iso3+year"), "x", r"write the effects as 'iso3 \+ year'"),
    "a table": (lambda f: f, "x", "DataFrame is no fit; expected is a fitted result of statsmodels, pyfixest"),
    "a number": (lambda f: 3.0, "x", "float is no fit"),
    "a model without fit": (lambda f: smf.ols("y ~ x", f), "x", "OLS of statsmodels is no fitted regression"),
    "several fits": (lambda f: pf.feols("y ~ csw(x, w)", complete_rows(f)), "x", "no single fit"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_fit_that_says_nothing_is_refused(panel, case):
    make, term, message = REFUSED[case]
    with models.noting():  # the libraries warn of some of these fits, and fit them all the same
        fit = make(panel)
    with pytest.raises(ModelError, match=message) as refusal:
        Estimate.of(fit, term)
    assert repr(term) in str(refusal.value)


def test_a_refusal_names_the_sample(panel):
    rows = complete_rows(panel)
    for formula, term in (("y ~ x + I(2 * x)", "x"), ("y ~ x", "z")):
        fit = smf.quantreg(formula, rows).fit(q=0.5) if term == "z" else smf.glm(formula, rows).fit()
        with pytest.raises(ModelError, match="'twelve countries'"):
            Estimate.of(fit, term)


def test_an_iteration_limit_is_a_note(panel, monkeypatch):
    """statsmodels' quantile regression may cycle between two corners: the estimate stands, and says so."""
    fit = smf.quantreg("y ~ x", panel).fit(q=0.5, vcov="robust")
    assert Estimate.of(fit, "x").notes == ()
    monkeypatch.setattr(fit._results, "iterations", models.LIMIT)
    assert Estimate.of(fit, "x").notes == ("Maximum number of iterations (1000) reached.",)


def test_ols_does_not_cluster_on_missing_labels(panel):
    known = panel[panel["iso3"] != "C03"]
    blank = panel.assign(iso3=panel["iso3"].where(panel["iso3"] != "C03"))
    found, wanted = (calls.ols(f, "y ~ x", "x", "u", cluster="iso3") for f in (blank, known))
    assert (found.n, found.groups, found.se) == (wanted.n, wanted.groups, close(wanted.se))


