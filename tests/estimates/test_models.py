"""The estimators on made-up data, against statsmodels and scipy called directly, or against what was put in."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from made import country, estimate
from scipy import stats

from goingglobal import models, samples
from goingglobal.models import Estimate, ModelError

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


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
    return models.two_way_fe(frame, formula, "unit", ("iso3", "year"), "iso3", **options)


def complete(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    rows = frame[["y", "x", "w", "iso3", "year"]].dropna()
    return rows["y"].to_numpy(), sm.add_constant(rows[["x", "w"]].to_numpy()), rows


def interval(value: float, se: float, df: float) -> tuple[float, float]:
    reach = stats.t.ppf(0.975, df) * se
    return close(value - reach), close(value + reach)


def test_ols_with_hc1_errors(panel):
    y, x, rows = complete(panel)
    fit = sm.OLS(y, x).fit(cov_type="HC1", use_t=True)
    found = models.ols(panel, "y ~ x + w", "x", "points")
    assert (found.value, found.se, found.p) == (close(fit.params[1]), close(fit.bse[1]), close(fit.pvalues[1]))
    assert (found.ci_low, found.ci_high) == interval(found.value, found.se, len(rows) - 3)
    assert (found.n, found.groups, found.unit, found.sample) == (len(rows), None, "points", "twelve countries")
    bread, scores = np.linalg.inv(x.T @ x), x * fit.resid[:, None]  # and by hand
    by_hand = bread @ scores.T @ scores @ bread * len(y) / (len(y) - 3)
    assert found.se == close(math.sqrt(by_hand[1, 1]))


def test_ols_with_clustered_errors(panel):
    y, x, rows = complete(panel)
    fit = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["iso3"])[0]}, use_t=True)
    found = models.ols(panel, "y ~ x + w", "w", "points", cluster="iso3")
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
    found = models.ols(series, "y ~ x", "x", "points", lags=2)
    assert found.value == close(b[1])
    assert found.se == close(math.sqrt((bread @ middle @ bread)[1, 1] * len(y) / (len(y) - 2)))


def test_median_regression(panel):
    y, x, rows = complete(panel)
    for quantile in (0.5, 0.9):
        fit = sm.QuantReg(y, x).fit(q=quantile, vcov="robust", kernel="epa", bandwidth="hsheather")
        found = models.median_regression(panel, "y ~ x + w", "x", "points", quantile)
        assert (found.value, found.se) == pytest.approx((fit.params[1], fit.bse[1]), rel=1e-6)
        assert found.n == len(rows)


def test_median_regression_on_one_dummy_is_the_difference_in_medians():
    frame = pd.DataFrame({"y": [1.0, 2, 9, 4, 5, 30, 31], "d": [0, 0, 0, 1, 1, 1, 1]}).iloc[:6]
    assert models.median_regression(frame, "y ~ d", "d", "points").value == pytest.approx(5 - 2, abs=1e-4)


def test_difference_in_means(panel):
    found = models.difference_in_means(panel, "y", "group", "points")
    rows = panel[["y", "group"]].dropna()
    arms = [rows.loc[rows["group"] == arm, "y"] for arm in (1, 0)]
    test = stats.ttest_ind(*arms, equal_var=False)
    limits = test.confidence_interval(0.95)
    assert found.value == close(arms[0].mean() - arms[1].mean())
    assert (found.value / found.se, found.p) == (close(test.statistic), close(test.pvalue))
    assert (found.ci_low, found.ci_high, found.n) == (close(limits.low), close(limits.high), len(rows))


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
    assert found.se == close(fit.bse["x"] * math.sqrt((n - len(fit.params)) / (n - len(fit.params) + absorbed)))
    assert (found.n, found.method.endswith("weighted")) == (n, True)
    assert found.value == close(two_way(rows.loc[rows.index.repeat(rows["heads"])]).value)
    assert abs(found.value - two_way(panel).value) > 1e-3
    with pytest.raises(ModelError, match="no column 'z'"):
        two_way(weighted, weights="z")


def test_two_way_fe_clusters_on_either_effect(panel):
    by_year = models.two_way_fe(panel, "y ~ x + w", "unit", ("iso3", "year"), "year")
    assert by_year.value == close(two_way(panel).value)
    assert (by_year.groups, by_year.se) != (two_way(panel).groups, two_way(panel).se)
    assert by_year.groups == 9


@pytest.mark.parametrize("effect", ["iso3", "year"])
def test_two_way_fe_ignores_what_is_constant_in_an_effect(panel, effect):
    levels = sorted(panel[effect].unique())
    shift = panel[effect].map({level: 3.0 * place**2 - 5 for place, level in enumerate(levels)})
    before, after = two_way(panel), two_way(panel.assign(y=panel["y"] + shift))
    assert (after.value, after.se) == (close(before.value), close(before.se))


def test_two_way_fe_ignores_the_order_of_rows(panel):
    before, after = two_way(panel), two_way(panel.sample(frac=1, random_state=3).reset_index(drop=True))
    assert (after.value, after.se, after.n) == (close(before.value), close(before.se), before.n)


@pytest.mark.parametrize("k", [0.01, -3.0, 1000.0])
def test_two_way_fe_scales_with_its_regressor(panel, k):
    before, after = two_way(panel), two_way(panel.assign(x=k * panel["x"]))
    assert (after.value * k, after.se * abs(k)) == (close(before.value), close(before.se))
    assert after.p == close(before.p)


def test_leave_one_out(panel):
    rows = models.leave_one_out(panel, "y ~ x", "unit", ("iso3", "year"), "iso3").set_index("left_out")
    assert sorted(rows.index) == sorted(panel["iso3"].unique())
    alone = two_way(panel[panel["iso3"] != "C04"], "y ~ x")
    assert rows.loc["C04", ["value", "se", "n"]].tolist() == close([alone.value, alone.se, alone.n])


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
    found = models.logit_margins(answers, "yes ~ size + member", ["size", "member"], "share", cluster)
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


@pytest.mark.parametrize(("change", "formula", "terms", "message"), [
    pytest.param(lambda f: f.iloc[:0], "yes ~ size", ["size"], "the sample is empty", id="empty"),
    pytest.param(lambda f: f.assign(size=np.nan), "yes ~ size", ["size"], "no row is complete", id="incomplete"),
    pytest.param(lambda f: f.assign(yes=1), "yes ~ size", ["size"], "one value only", id="one answer"),
    pytest.param(lambda f: f.assign(copy=2 * f["size"]), "yes ~ size + copy", ["size"], "collinear", id="collinear"),
    pytest.param(lambda f: f.assign(yes=(f["size"] > 0) * 1), "yes ~ size", ["size"], "separates perfectly|[Pp]erfect",
                 id="separated"),
    pytest.param(lambda f: f, "yes ~ size", ["member"], "no term 'member'; terms are", id="unknown term"),
    pytest.param(lambda f: f, "yes ~ age", ["age"], "'age'", id="no column"),
])  # fmt: skip
def test_logit_margins_refuse(answers, change, formula, terms, message):
    frame = change(answers)
    frame.attrs["sample"] = "three hundred answers"
    with pytest.raises(ModelError, match=f"logit on 'three hundred answers': .*({message})"):
        models.logit_margins(frame, formula, terms, "share")
    with pytest.raises(ModelError, match="no column 'street'"):
        models.logit_margins(answers, "yes ~ size", ["size"], "share", cluster="street")


def test_local_projections():
    """Horizon 0 is the plain regression on growth; others read their own column, below zero the placebo."""
    draw = np.random.default_rng(5)
    years = list(range(2000, 2012))
    names = ("fdi_out_pct_gdp", "fdi_in_pct_gdp", "gdp_growth_pct")
    table = pd.concat([
        country(f"C{i}", years, employment_pwt_millions=np.exp(0.1 * draw.normal(size=12).cumsum()),
                **{name: draw.normal(size=12) for name in names})
        for i in range(8)
    ])  # fmt: skip
    changes = samples.country_changes(table)
    controls = ["fdi_in_lag", "gdp_growth_lag"]
    path = models.local_projections(changes, controls, horizons=(-2, 0, 3)).set_index("horizon")
    for horizon, outcome in {-2: "cumulative_m2", 0: "growth", 3: "cumulative_3"}.items():
        plain = two_way(changes, f"{outcome} ~ fdi_lag + fdi_in_lag + gdp_growth_lag")
        assert path.loc[horizon, ["value", "se", "ci_low", "ci_high"]].tolist() == close(
            [plain.value, plain.se, plain.ci_low, plain.ci_high])  # fmt: skip
        assert path.loc[horizon, "estimate"].n == path.loc[horizon, "n"] == plain.n
    assert path["n"].to_dict() == {-2: 80, 0: 88, 3: 64}


# ---------------------------------------------------------------------------------------------- shares of firms
BANDS = pd.DataFrame({"share": [0.1, 0.5, 0.2, 0.7], "n": [50, 20, 30, 10], "size": [0.0, 1.0, 2.0, 3.0]})


@pytest.mark.parametrize("shares", [[0.1, 0.5, 0.2, 0.7], [0.1, 0.2, 0.3, 0.5]], ids=["scattered", "on a line"])
def test_binomial_gradient_is_the_logit_of_the_single_firms(shares):
    """The coefficient of a logit on one row per firm; its error times the root of the Pearson scale, at least 1."""
    bands = BANDS.assign(share=shares)
    yes = (bands["share"] * bands["n"]).round().astype(int)
    single = [(size, answer) for size, n, k in zip(bands["size"], bands["n"], yes, strict=True)
              for answer in [1] * k + [0] * (n - k)]  # fmt: skip
    single = pd.DataFrame(single, columns=["size", "exports"])
    fit = smf.logit("exports ~ size", single).fit(disp=0, tol=1e-12)
    fitted = fit.predict(bands).to_numpy()
    pearson = (bands["n"] * (bands["share"] - fitted) ** 2 / (fitted * (1 - fitted))).sum() / 2
    found = models.binomial_gradient(bands, "share ~ size", "size", "log odds", trials="n")
    assert found.value == pytest.approx(fit.params["size"], rel=1e-7)
    assert found.se == pytest.approx(fit.bse["size"] * math.sqrt(max(1, pearson)), rel=1e-4)  # of an iteration
    assert (pearson > 1) == (shares[1] == 0.5)
    assert (found.n, found.notes) == (4, (f"Pearson scale {max(1, pearson):.2g}",))


def test_binomial_gradient_without_trials_lets_the_scale_fall_below_one():
    bands = BANDS.assign(share=[0.1, 0.2, 0.3, 0.5])
    free = models.binomial_gradient(bands, "share ~ size", "size", "log odds")
    fit = smf.glm("share ~ size", bands, family=sm.families.Binomial()).fit(scale="X2")
    assert (free.value, free.se) == pytest.approx((fit.params["size"], fit.bse["size"]), rel=1e-6)
    assert fit.scale < 1


def test_binomial_curve_is_the_fitted_gradient():
    grid = pd.DataFrame({"size": [0.0, 1.5, 3.0]})
    curve = models.binomial_curve(BANDS, "share ~ size", grid, trials="n")
    odds = np.log(curve["share"] / (1 - curve["share"]))
    slope = models.binomial_gradient(BANDS, "share ~ size", "size", "log odds", trials="n").value
    assert np.diff(odds).tolist() == close([1.5 * slope, 1.5 * slope])
    assert ((curve["low"] > 0) & (curve["low"] < curve["share"])).all()
    assert ((curve["share"] < curve["high"]) & (curve["high"] < 1)).all()


@pytest.mark.parametrize(("bands", "message"), [
    pytest.param(BANDS.assign(share=100 * BANDS["share"]), "within 0–1", id="percent instead of shares"),
    pytest.param(BANDS.assign(share=[-0.1, 0.2, 0.3, 0.4]), "within 0–1", id="negative share"),
    pytest.param(BANDS.assign(share=[np.nan, 0.2, 0.3, 0.4]), "within 0–1", id="missing share"),
    pytest.param(BANDS.assign(n=[0, 20, 30, 10]), "positive trials", id="nobody asked"),
    pytest.param(BANDS.assign(n=[np.nan, 20, 30, 10]), "positive trials", id="trials missing"),
    pytest.param(BANDS.drop(columns="n"), "no column 'n'", id="no trials column"),
    pytest.param(BANDS.iloc[:2], "2 bands for 2 terms", id="as many terms as bands"),
    pytest.param(BANDS.iloc[:0], "empty", id="empty"),
])  # fmt: skip
def test_binomial_gradient_refuses(bands, message):
    with pytest.raises(ModelError, match=message):
        models.binomial_gradient(bands, "share ~ size", "size", "log odds", trials="n")


def test_binomial_gradient_counts_the_bands_it_uses():
    bands = pd.concat([BANDS, BANDS.assign(size=np.nan).iloc[:1]], ignore_index=True)
    assert models.binomial_gradient(bands, "share ~ size", "size", "log odds", trials="n").n == 4


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
    assert models.ratio(estimate(3), estimate(1.5)) == 2


# ---------------------------------------------------------------------------------------------- refusals
def refusing(frame: pd.DataFrame) -> dict[str, tuple]:
    """Calls that must end in ModelError, and what the message must say."""
    none = frame.iloc[:0]
    one_arm, lone = frame.assign(group=1), frame.drop_duplicates("iso3").query("group == 1").iloc[:1]
    doubled = frame.assign(x2=2 * frame["x"])
    codes = frame["iso3"].str[1:].astype(float)
    ols, median = models.ols, models.median_regression
    means, binomial = models.difference_in_means, models.binomial_gradient
    return {
        "ols, empty": (lambda: ols(none, "y ~ x", "x", "u"), "the sample is empty"),
        "ols, unknown term": (lambda: ols(frame, "y ~ x", "z", "u"), "no term 'z'.*'x'"),
        "ols, unknown cluster": (lambda: ols(frame, "y ~ x", "x", "u", cluster="z"), "no column 'z'"),
        "ols, collinear": (lambda: ols(doubled, "y ~ x + x2", "x", "u"), "collinear"),
        "median, empty": (lambda: median(none, "y ~ x", "x", "u"), "the sample is empty"),
        "median, unknown term": (lambda: median(frame, "y ~ x", "z", "u"), "no term 'z'"),
        "means, empty": (lambda: means(none, "y", "group", "u"), "the sample is empty"),
        "means, no column": (lambda: means(frame, "y", "z", "u"), "no column 'z'"),
        "means, no controls": (lambda: means(one_arm, "y", "group", "u"), r"arms of \d+ and 0 rows"),
        "means, one row": (lambda: means(lone, "y", "group", "u"), "arms of 1 and 0 rows"),
        "binomial, unknown term": (lambda: binomial(BANDS, "share ~ size", "z", "u", "n"), "no term 'z'"),
        "two-way, empty": (lambda: two_way(none), "the sample is empty"),
        "two-way, nothing complete": (lambda: two_way(frame.assign(w=np.nan)), "no row is complete"),
        "two-way, no regressor": (lambda: two_way(frame, "y ~ z"), "no column 'z'"),
        "two-way, no outcome": (lambda: two_way(frame, "z ~ x"), "no column 'z'"),
        "two-way, no effect": (lambda: two_way(frame.drop(columns="year")), "no column 'year'"),
        "two-way, collinear": (lambda: two_way(doubled, "y ~ x + x2", term="x2"), "'x2' is collinear"),
        "two-way, constant in country": (lambda: two_way(frame.assign(x=codes)), "collinear"),
        "two-way, cluster": (lambda: models.two_way_fe(frame, "y ~ x", "u", ("iso3", "year"), "w"), "not one of"),
    }  # fmt: skip


@pytest.mark.parametrize("case", refusing(pd.DataFrame({"iso3": ["C1"], "x": [1.0], "group": [1]})))
def test_models_refuse(panel, case):
    call, message = refusing(panel)[case]
    with pytest.raises(ModelError, match=message):
        call()


def test_two_way_fe_refuses_a_regressor_that_is_constant_in_a_year(panel):
    with pytest.raises(ModelError, match="collinear"):
        two_way(panel.assign(oil=(panel["year"] - 2003.0) ** 2), "y ~ oil")


def test_two_way_fe_names_an_unknown_term(panel):
    with pytest.raises(ModelError, match="no term 'z'"):
        two_way(panel, term="z")


def test_two_way_fe_refuses_a_sample_of_singletons(panel):
    with pytest.raises(ModelError):
        two_way(panel.dropna().drop_duplicates("iso3"))


@pytest.mark.parametrize("fit", ["ols", "median", "binomial"])
def test_a_formula_with_a_missing_column_is_refused(panel, fit):
    call = {
        "ols": lambda: models.ols(panel, "y ~ z", "z", "u"),
        "median": lambda: models.median_regression(panel, "y ~ z", "z", "u"),
        "binomial": lambda: models.binomial_gradient(BANDS, "share ~ z", "z", "u", "n"),
    }[fit]
    with pytest.raises(ModelError, match="'z'"):
        call()


def test_ols_refuses_a_sample_without_a_complete_row(panel):
    with pytest.raises(ModelError):
        models.ols(panel.assign(x=np.nan), "y ~ x", "x", "u")


def test_ols_does_not_cluster_on_missing_labels(panel):
    known = panel[panel["iso3"] != "C03"]
    blank = panel.assign(iso3=panel["iso3"].where(panel["iso3"] != "C03"))
    found, wanted = (models.ols(f, "y ~ x", "x", "u", cluster="iso3") for f in (blank, known))
    assert (found.n, found.groups, found.se) == (wanted.n, wanted.groups, close(wanted.se))


@pytest.mark.parametrize("fit", ["median", "binomial"])
def test_collinear_terms_are_refused(panel, fit):
    bands = pd.concat([BANDS, BANDS]).assign(size2=lambda d: 2 * d["size"])
    call = {
        "median": lambda: models.median_regression(panel.assign(x2=2 * panel["x"]), "y ~ x + x2", "x", "u"),
        "binomial": lambda: models.binomial_gradient(bands, "share ~ size + size2", "size", "u", "n"),
    }[fit]
    with pytest.raises(ModelError, match="collinear"):
        call()


def test_an_infinite_regressor_is_refused_by_name():
    table = pd.DataFrame({"y": [1.0, 2, 3, 5], "x": [1.0, np.inf, 2, 4]})
    table.attrs["sample"] = "made"
    with pytest.raises(models.ModelError, match=r"made.*infinite"):
        models.ols(table, "y ~ x", "x", "units")
