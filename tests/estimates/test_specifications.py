"""The specification curve against pyfixest, statsmodels and diff-diff, specification by specification.

`reference` builds the sample of one specification a second time, firm by firm with pandas; the estimators are the
public ones. The permutation test's draws are rebuilt from the same keys and regressed on dummies, all of them written
out; that these regressions are the public estimators' is seen in the smallest of the samples.
"""

from __future__ import annotations

import itertools
import math
from functools import partial

import calls
import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.sparse.linalg import lsqr

from goingglobal import load, samples, specifications
from goingglobal.models import ModelError
from goingglobal.specifications import BASELINE, CHOICES, Curve

same = partial(pytest.approx, rel=1e-7, abs=1e-10)
DIMENSIONS = list(CHOICES)
# A part of the grid small enough to estimate again one by one, with every estimator, effect, weight and outcome.
PART = {"proxy": ["any adjustment"], "definition": ["in 80 % of years"], "trimming": ["0.5"],
        "sample": ["J", "manufacturing"], "period": ["2017–2025", "without 2019"]}  # fmt: skip
DRAWS = 3


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    return load("firm_panel")


@pytest.fixture(scope="module")
def panel(firms) -> pd.DataFrame:
    return samples.specification_panel(firms)


@pytest.fixture(scope="module")
def curve(firms) -> Curve:
    return specifications.run(firms, n_jobs=1)


@pytest.fixture(scope="module")
def part(firms) -> Curve:
    return specifications.run(firms, PART, permutations=DRAWS, n_jobs=1)


def chosen(rows: pd.DataFrame, **changes) -> pd.Series:
    """The one row of a specification that differs from the baseline in `changes`."""
    wanted = BASELINE | changes
    (found,) = [row for _, row in rows[(rows[DIMENSIONS] == pd.Series(wanted)).all(axis=1)].iterrows()]
    return found


def figures(row) -> list[float]:
    return [row["value"], row["se"], row["n"], row["firms"]]


# ---------------------------------------------------------------------------------------------- a second sample
def reference(panel: pd.DataFrame, choice: dict) -> pd.DataFrame:
    """The firm-years of a specification: y, first (start year, 0 for never), post, weight, cell (sector and year)."""
    rows = panel.assign(proxy=panel["fdi" if choice["proxy"] == "any adjustment" else "fdi_material"])
    rows = rows.dropna(subset=["proxy", "ln_parent", "ln_group"])
    keep = {"J": rows["listed"] == 1, "with delisted": rows["listed"] >= 0,
            "without holdings": (rows["listed"] == 1) & (rows["reorganised"] == 0),
            "manufacturing": (rows["listed"] == 1) & (rows["manufacturing"] == 1),
            "at most 300": rows["listed"] == 1}[choice["sample"]]  # fmt: skip
    if choice["period"] == "without 2019":
        keep &= rows["year"] != 2019
    share = {"in 80 % of years": 0.8, "in all years": 1.0}[choice["definition"]]
    limit = math.inf if choice["trimming"] == "none" else float(choice["trimming"])
    ruler = "ln_group" if choice["outcome"] == "group" else "ln_parent"
    rows = rows[keep].sort_values("edinet_code", kind="stable").reset_index(drop=True)
    proxy, year, ruled, heads = (rows[c].to_numpy() for c in ("proxy", "year", ruler, "parent_employees"))
    kept, first, size = np.zeros(len(rows), bool), np.zeros(len(rows), int), np.zeros(len(rows))
    for firm in rows.groupby("edinet_code").indices.values():
        abroad = proxy[firm] == 1
        start = int(abroad.argmax()) if abroad.any() else 0
        if abroad.any() and (start == 0 or abroad[start:].mean() < share):
            continue
        if choice["sample"] == "at most 300" and heads[firm[0]] > 300:
            continue
        if len(firm) > 1 and np.abs(np.diff(ruled[firm])).max() >= limit:
            continue
        kept[firm], first[firm], size[firm] = True, year[firm[start]] if abroad.any() else 0, heads[firm[0]]
    out = rows.assign(first=first, size=size)[kept].reset_index(drop=True)
    out["y"] = {"parent": out["ln_parent"], "group": out["ln_group"],
                "parent share": out["ln_parent"] - out["ln_group"]}[choice["outcome"]]  # fmt: skip
    out["weight"] = 1.0 if choice["weights"] == "none" else out["size"]
    out["cell"] = out["sector"] + out["year"].astype(str)
    return started(out)


def started(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(post=((rows["first"] > 0) & (rows["year"] >= rows["first"])).astype(int))


def estimated(rows: pd.DataFrame, choice: dict) -> list[float]:
    """Value, error, observations and firms by the public estimators."""
    if choice["estimator"] == "imputation":
        return imputed(rows)
    effect = {"year": "year", "sector-year": "cell"}[choice["effects"]]
    rows.attrs["sample"] = "reference"
    if choice["estimator"] == "within":
        # Dummies of the second effect: absorbed, a sector with one firm in a year would be dropped as a singleton.
        found = calls.two_way(rows, f"y ~ C({effect}) + post", "u", ("edinet_code",), "edinet_code", "post",
                              None if choice["weights"] == "none" else "weight")  # fmt: skip
        return [found.value, found.se, found.n, found.groups]
    return differenced(rows, effect, choice["weights"] != "none")


def steps(rows: pd.DataFrame) -> pd.DataFrame:
    """Changes between neighbouring years of the panel: dy, dpost."""
    place = {year: i for i, year in enumerate(sorted(rows["year"].unique()))}
    step = rows.groupby("edinet_code")
    near = rows["year"].map(place).groupby(rows["edinet_code"]).diff() == 1
    return rows.assign(dy=step["y"].diff(), dpost=step["post"].diff())[near]


def differenced(rows: pd.DataFrame, effect: str, weighted: bool) -> list[float]:
    """OLS of changes between neighbouring years of the panel; unweighted by statsmodels, weighted by pyfixest."""
    import pyfixest

    rows = steps(rows)
    if not weighted:
        found = calls.ols(rows, f"dy ~ dpost + C({effect})", "dpost", "u", cluster="edinet_code")
        return [found.value, found.se, found.n, found.groups]
    fit = pyfixest.feols(f"dy ~ dpost + C({effect})", rows, vcov={"CRV1": "edinet_code"}, weights="weight")
    line = fit.tidy().loc["dpost"]
    return [line["Estimate"], line["Std. Error"], fit._N, rows["edinet_code"].nunique()]


def imputed(rows: pd.DataFrame) -> list[float]:
    """Imputation with explicit dummies: effects of untreated rows, then the weighted mean of what they don't explain.

    The error is that of the sum of v·residual over firms, v from the matrices as they stand. Treated residuals are
    those from the cohort's average effect, a firm counted by the square of its share (Borusyak, Jaravel & Spiess 2024).
    """
    rows = rows[rows["edinet_code"].isin(rows.loc[rows["post"] == 0, "edinet_code"])].reset_index(drop=True)
    z = np.hstack([pd.get_dummies(rows[c]).to_numpy(float) for c in ("edinet_code", "year")])
    treated, y = (rows["post"] == 1).to_numpy(), rows["y"].to_numpy()
    free, root = z[~treated], np.sqrt(rows.loc[~treated, "weight"].to_numpy())[:, None]
    share = rows.loc[treated, "weight"].to_numpy()
    share = share / share.sum()
    solve = np.linalg.pinv(root * free, rcond=1e-10)
    effects = solve @ (root[:, 0] * y[~treated])
    gap = y - z @ effects
    v = np.empty(len(rows))
    v[treated], v[~treated] = share, -(share @ z[treated] @ solve) * root[:, 0]
    residual = gap.copy()
    for cohort in rows.loc[treated, "first"].unique():
        mine = treated & (rows["first"] == cohort).to_numpy()
        own = pd.DataFrame({"v": v, "gap": v * gap})[mine].groupby(rows["edinet_code"]).sum()
        residual[mine] -= (own["v"] * own["gap"]).sum() / (own["v"] ** 2).sum()
    sums = pd.Series(v * residual).groupby(rows["edinet_code"]).sum()
    return [float(share @ gap[treated]), float(np.sqrt((sums**2).sum())), len(rows), rows["edinet_code"].nunique()]


def dummies(rows: pd.DataFrame, columns: tuple[str, ...]) -> sparse.csr_matrix:
    """A column of zeros and ones for every value."""
    parts = []
    for column in columns:
        code, names = pd.factorize(rows[column])
        parts.append(sparse.csr_matrix((np.ones(len(rows)), (np.arange(len(rows)), code)), (len(rows), len(names))))
    return sparse.hstack(parts).tocsr()


def regressed(rows: pd.DataFrame, choice: dict) -> float:
    """The value alone, by least squares on dummies: what they leave of the outcome on what they leave of `post`."""
    effect = {"year": "year", "sector-year": "cell"}[choice["effects"]]
    y, d, effects = "y", "post", ("edinet_code", effect)
    if choice["estimator"] == "imputation":
        rows = rows[rows["edinet_code"].isin(rows.loc[rows["post"] == 0, "edinet_code"])]
    if choice["estimator"] == "first differences":
        rows = steps(rows)
        y, d, effects = "dy", "dpost", (effect,)
    y, d, z = rows[y].to_numpy(float), rows[d].to_numpy(float), dummies(rows, effects)
    root = np.sqrt(rows["weight"].to_numpy(float) if choice["weights"] != "none" else np.ones(len(rows)))

    def explained(column: np.ndarray, where: np.ndarray) -> np.ndarray:
        solved = lsqr(z[where].multiply(root[where, None]).tocsr(), (root * column)[where], atol=1e-13, btol=1e-13)
        return z @ solved[0]

    if choice["estimator"] == "imputation":
        gap = y - explained(y, d == 0)
        return float(np.average(gap[d == 1], weights=root[d == 1] ** 2))
    left = [root * (column - explained(column, np.ones(len(rows), bool))) for column in (y, d)]
    return float(left[0] @ left[1] / (left[1] @ left[1]))


# ---------------------------------------------------------------------------------------------- the grid
def test_the_grid_has_every_defined_combination_once(curve):
    rows = curve.rows
    assert len(rows) >= 500
    defined = {combination for combination in itertools.product(*CHOICES.values())
               if combination[-2:] != ("imputation", "sector-year")}  # fmt: skip
    there = list(rows[DIMENSIONS].itertuples(index=False, name=None))
    refused = curve.refused.shape[0]
    assert set(there) <= defined
    assert len(there) == len(set(there))
    assert refused or len(there) == len(defined)
    assert (rows[DIMENSIONS] == pd.Series(BASELINE)).all(axis=1).sum() == 1
    assert {dimension: options[0] for dimension, options in CHOICES.items()} == BASELINE


def test_rows_are_whole(curve):
    rows = curve.rows
    assert np.isfinite(rows.select_dtypes("number").to_numpy()).all()
    assert (rows["se"] > 0).all()
    assert ((rows["value"] - rows["ci_low"]) / (rows["ci_high"] - rows["value"])).to_numpy() == pytest.approx(1)
    assert (rows["starters"] >= specifications.MIN_FIRMS).all()
    assert (rows["firms"] - rows["starters"] >= 1).all()
    assert curve.draws.shape == (len(rows), 0)


def test_every_option_changes_something(curve):
    """No option is another under a new name."""
    for dimension, options in CHOICES.items():
        others = [d for d in DIMENSIONS if d != dimension]
        wide = curve.rows.pivot(index=others, columns=dimension, values="value")
        for one, two in itertools.combinations(options, 2):
            pair = wide[[one, two]].dropna()
            assert (pair[one] - pair[two]).abs().max() > 1e-4, (dimension, one, two)


@pytest.mark.parametrize("outcome", ["parent", "group"])
@pytest.mark.parametrize("trimming", CHOICES["trimming"])
def test_the_baseline_is_the_headline_estimate(firms, curve, trimming, outcome):
    cut = None if trimming == "none" else float(trimming)
    wanted = calls.two_way(
        samples.starters(firms, cut, outcome), "y ~ post", "log points", ("edinet_code", "year"), "edinet_code")
    row = chosen(curve.rows, trimming=trimming, outcome=outcome)
    assert figures(row) == same([wanted.value, wanted.se, wanted.n, wanted.groups])
    assert (row["ci_low"], row["ci_high"]) == same((wanted.ci_low, wanted.ci_high))
    count = samples.starters(firms, cut, outcome).groupby("edinet_code")["starter"].first().sum()
    assert row["starters"] == count


@pytest.mark.parametrize("changes", [
    {"effects": "sector-year"},
    {"weights": "headcount"},
    {"weights": "headcount", "effects": "sector-year", "outcome": "group", "trimming": "0.5"},
    {"sample": "with delisted", "trimming": "0.3"},
    {"sample": "without holdings"},
    {"sample": "manufacturing", "outcome": "parent share"},
    {"sample": "at most 300", "trimming": "0.7"},
    {"definition": "in all years"},
    {"proxy": "material adjustment"},
    {"proxy": "material adjustment", "definition": "in all years", "period": "without 2019", "trimming": "0.5",
     "outcome": "group"},
    {"period": "without 2019"},
    {"estimator": "first differences"},
    {"estimator": "first differences", "effects": "sector-year", "trimming": "0.7", "sample": "manufacturing"},
    {"estimator": "first differences", "weights": "headcount", "outcome": "group"},
    {"estimator": "first differences", "period": "without 2019", "proxy": "material adjustment"},
    {"estimator": "first differences", "weights": "headcount", "effects": "sector-year", "outcome": "parent share",
     "sample": "at most 300"},
    {"estimator": "imputation", "sample": "manufacturing", "period": "without 2019"},
    {"estimator": "imputation", "weights": "headcount", "sample": "at most 300", "outcome": "group"},
    {"estimator": "imputation", "weights": "headcount", "proxy": "material adjustment", "sample": "manufacturing"},
], ids=lambda changes: ", ".join(changes.values()))  # fmt: skip
def test_specifications_equal_the_public_estimators(panel, curve, changes):
    choice = BASELINE | changes
    sample = reference(panel, choice)
    row = chosen(curve.rows, **changes)
    assert figures(row) == same(estimated(sample, choice))
    assert row["starters"] == sample.loc[sample["first"] > 0, "edinet_code"].nunique()


@pytest.mark.parametrize("changes", [
    {}, {"outcome": "group", "trimming": "0.5"}, {"sample": "at most 300", "trimming": "0.7"},
    {"period": "without 2019", "definition": "in all years"},
], ids=lambda changes: ", ".join(changes.values()) or "baseline")  # fmt: skip
def test_imputation_equals_diff_diff(panel, curve, changes):
    """Value and error, effects averaged by cohort. Firms without an untreated year are left out of both."""
    import diff_diff

    choice = BASELINE | changes | {"estimator": "imputation"}
    rows = reference(panel, choice)
    rows = rows[rows["edinet_code"].isin(rows.loc[rows["post"] == 0, "edinet_code"])]
    fit = diff_diff.ImputationDiD(aux_partition="cohort").fit(
        rows, outcome="y", unit="edinet_code", time="year", first_treat="first")
    row = chosen(curve.rows, **changes, estimator="imputation")
    assert figures(row) == same([fit.overall_att, fit.overall_se, len(rows), rows["edinet_code"].nunique()])


# ---------------------------------------------------------------------------------------------- permutations
@pytest.mark.parametrize(("sample", "period"), list(itertools.product(PART["sample"], PART["period"])))
def test_draws_are_estimates_with_start_dates_dealt_out_anew(panel, part, sample, period):
    """Each starter's date goes to the firm with the next smallest key; everything else stays as it is."""
    codes = np.sort(panel["edinet_code"].unique())
    keys = np.random.default_rng(specifications.SEED).random((DRAWS, len(codes)))
    kept = {"parent": None, "group": None, "parent share": None}
    mine = part.rows[(part.rows["sample"] == sample) & (part.rows["period"] == period)]
    assert len(mine) == 3 * 2 * 5
    for place, row in mine.iterrows():
        choice = row[DIMENSIONS].to_dict()
        if kept[choice["outcome"]] is None:
            kept[choice["outcome"]] = reference(panel, choice | {"weights": "none"})
        rows = kept[choice["outcome"]]
        if choice["weights"] == "headcount":
            rows = rows.assign(weight=rows["size"])
        dates = rows.drop_duplicates("edinet_code").set_index("edinet_code")["first"]
        starts = sorted(dates[dates > 0])
        draw = place % DRAWS
        order = dates.index[np.argsort(keys[draw, np.isin(codes, dates.index)])]
        dealt = dict(zip(order, starts, strict=False))
        shuffled = started(rows.assign(first=rows["edinet_code"].map(dealt).fillna(0).astype(int)))
        assert shuffled["post"].sum() != rows["post"].sum() or not shuffled["post"].equals(rows["post"])
        assert part.draws[place, draw] == same(regressed(shuffled, choice)), choice
        if (sample, period) == ("manufacturing", "without 2019"):
            assert part.draws[place, draw] == same(estimated(shuffled, choice)[0]), choice


def test_every_draw_is_dealt_for_itself(part):
    assert part.draws.shape == (len(part.rows), DRAWS)
    assert np.isfinite(part.draws).all()
    assert (np.ptp(part.draws, axis=1) > 1e-6).all()


def test_the_seed_decides_the_draws(firms):
    small = {**PART, "sample": ["J"], "period": ["2017–2025"], "weights": ["none"]}
    one, again = (specifications.run(firms, small, permutations=4, n_jobs=1) for _ in range(2))
    other = specifications.run(firms, small, permutations=4, seed=7, n_jobs=1)
    more = specifications.run(firms, small, permutations=6, n_jobs=1)
    assert np.array_equal(one.draws, again.draws)
    assert not np.isclose(one.draws, other.draws).any(axis=None)
    assert more.draws[:, :4] == pytest.approx(one.draws)
    pd.testing.assert_frame_equal(one.rows, other.rows)


# ---------------------------------------------------------------------------------------------- workers
def identical(one: Curve, two: Curve) -> None:
    pd.testing.assert_frame_equal(one.rows, two.rows)
    pd.testing.assert_frame_equal(one.refused, two.refused)
    assert np.array_equal(one.draws, two.draws)


def test_two_workers_give_what_one_gives(firms, part):
    identical(specifications.run(firms, PART, permutations=DRAWS, n_jobs=2), part)


def test_a_dask_cluster_gives_what_one_worker_gives(firms, part):
    """By joblib's backend alone: two processes of a cluster on this machine, without a dashboard."""
    distributed = pytest.importorskip("distributed", reason="distributed is in the lock's development part")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                       host="127.0.0.1")  # fmt: skip
    with cluster, distributed.Client(cluster) as client:
        with joblib.parallel_config(backend="dask"):
            found = specifications.run(firms, PART, permutations=DRAWS, n_jobs=2)
        worked = client.run(lambda dask_worker: dask_worker.state.executed_count)
    identical(found, part)
    assert sum(worked.values()) >= 1


def test_a_progress_bar_when_asked_for(firms, capsys):
    small = {d: [BASELINE[d]] for d in DIMENSIONS} | {"sample": ["J", "manufacturing"]}
    specifications.run(firms, small, n_jobs=1, progress=True)
    assert "samples" in capsys.readouterr().err
    specifications.run(firms, small, n_jobs=1, progress=False)
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------------------------------------- what it refuses
def made(starters: int, never: int, sector: str = "Machinery", first: int = 0, **more) -> pd.DataFrame:
    """Rows of `firm_panel` for firms that start in their fourth of seven years or never; headcounts at random."""
    draw, rows = np.random.default_rng(starters + 31 * never + first), []
    for i in range(starters + never):
        for t in range(7):
            heads = 100 * math.exp(0.1 * draw.normal()) + 5 * (i < starters and t > 2)
            rows.append({"edinet_code": f"E{first + i:05}", "year": 2017 + t, "fdi": float(i < starters and t > 2),
                         "parent_employees": heads, "group_employees": 2 * heads * math.exp(0.1 * draw.normal())})
    other = {"ifrs_ever": 0, "listed": 1, "sector": sector, "reorganised": 0, "total_assets_yen": 1e9,
             "translation_adjustment_yen": 1e7}  # fmt: skip
    return pd.DataFrame(rows).assign(**(other | more))


SIMPLE = {"outcome": ["parent", "group"], "proxy": ["any adjustment"], "definition": ["in 80 % of years"],
          "trimming": ["none"], "period": ["2017–2025"], "weights": ["none"], "effects": ["year"]}  # fmt: skip


def test_too_few_firms_are_refused_with_the_reason():
    """Twelve starters in all, nine of them in manufacturing: that sample is recorded as refused, the other stands."""
    table = pd.concat([made(9, 12), made(3, 12, "Services", first=50)])
    found = specifications.run(table, {**SIMPLE, "sample": ["J", "manufacturing"]}, permutations=2, n_jobs=1)
    assert set(found.rows["sample"]) == {"J"}
    assert len(found.rows) == 2 * 3 == len(found.draws)
    assert found.refused["sample"].tolist() == ["manufacturing"] * 2
    assert found.refused["outcome"].tolist() == ["parent", "group"]
    assert set(found.refused["why"]) == {"9 starters and 12 never-investors; 10 of each are needed"}


def test_exactly_ten_of_each_are_enough():
    small = {**SIMPLE, "sample": ["J"]}
    assert len(specifications.run(made(10, 10), small, n_jobs=1).rows) == 6
    for table in (made(9, 10), made(10, 9)):
        with pytest.raises(ModelError, match=r"every combination is refused; the first: \d+ starters and \d+ never"):
            specifications.run(table, small, n_jobs=1)


def test_a_leap_of_exactly_the_limit_is_trimmed():
    table = made(11, 11)
    leaps = table["edinet_code"].eq("E00000") & (table["year"] >= 2018)
    assert np.log(math.exp(0.5)) == 0.5
    for leap, firms_left in ((math.exp(0.5), 21), (math.exp(0.49), 22)):
        heads = table["parent_employees"].where(table["edinet_code"] != "E00000", 1.0).where(~leaps, leap)
        choices = {**SIMPLE, "sample": ["J"], "trimming": ["0.5"], "outcome": ["parent"], "estimator": ["within"]}
        found = specifications.run(table.assign(parent_employees=heads), choices, n_jobs=1)
        assert found.rows["firms"].tolist() == [firms_left]


def test_a_firm_of_exactly_300_is_among_the_small():
    table, small = made(10, 10), {**SIMPLE, "sample": ["at most 300"]}
    for first, enough in ((300.0, True), (301.0, False)):
        heads = table["parent_employees"].where(table["year"] > 2017, first)
        if enough:
            assert len(specifications.run(table.assign(parent_employees=heads), small, n_jobs=1).rows) == 6
        else:
            with pytest.raises(ModelError, match="0 starters and 0 never-investors"):
                specifications.run(table.assign(parent_employees=heads), small, n_jobs=1)


@pytest.mark.parametrize(("table", "choices", "message"), [
    pytest.param(made(12, 12), {"colour": ["red"]}, "unknown dimension 'colour'; known are .*'outcome'",
                 id="unknown dimension"),
    pytest.param(made(12, 12), {"sample": ["J", "all"]}, r"sample \['all'\]; known are .*'with delisted'",
                 id="unknown option"),
    pytest.param(made(12, 12), {"weights": []}, r"weights \(\); known are .*'headcount'", id="no option"),
    pytest.param(made(12, 12).iloc[:0], {}, "'filers under Japanese standards with a group headcount' has no rows",
                 id="empty"),
    pytest.param(made(12, 12).assign(fdi=np.nan), {}, "has no rows", id="no proxy"),
    pytest.param(made(12, 12).assign(ifrs_ever=1), {}, "has no rows", id="IFRS only"),
    pytest.param(made(0, 24), {}, "every combination is refused; the first: 0 starters and 24", id="no starters"),
    pytest.param(made(24, 0), {}, "every combination is refused; the first: 24 starters and 0", id="no controls"),
    pytest.param(pd.concat([made(12, 12), made(12, 12).iloc[[3]]]), {}, "two rows in one year", id="firm-year twice"),
])  # fmt: skip
def test_run_refuses(table, choices, message):
    with pytest.raises(ValueError, match=message) as caught:
        specifications.run(table, choices, n_jobs=1)
    assert isinstance(caught.value, ModelError | samples.SampleError)


def test_a_constant_headcount_is_no_silent_nan():
    """Nothing varies in the outcome: an estimate of zero would have an error of zero."""
    table = made(12, 12).assign(parent_employees=100.0, group_employees=200.0)
    with pytest.raises(ModelError, match=r"no finite estimate with an error for .*'outcome': 'parent'"):
        specifications.run(table, {**SIMPLE, "sample": ["J"]}, n_jobs=1)


# ---------------------------------------------------------------------------------------------- the whole curve
def small_curve() -> Curve:
    """Four specifications of two outcomes and nine permutations, alike in all four, with a median of 0.1."""
    rows = pd.DataFrame({"outcome": ["parent", "parent", "parent", "group"], "value": [0.25, 0.45, -0.2, 0.9],
                         "ci_low": [-0.1, 0.2, -0.5, 0.5], "ci_high": [0.6, 0.7, 0.1, 1.3]})  # fmt: skip
    draws = np.outer([1.0, 1, 1, 1], [-0.3, -0.2, -0.1, 0, 0.1, 0.15, 0.3, 0.4, 0.5])
    return Curve(rows, draws, pd.DataFrame())


def test_permutation_test_by_eye():
    """The parent curve's median, 0.25, is 0.15 from the middle of the draws: six of nine are as far or farther."""
    found = specifications.permutation_test(small_curve()).set_index("outcome")
    assert found.index.tolist() == ["parent", "group", "all"]
    parent, group, whole = (found.loc[name] for name in found.index)
    assert parent[["specifications", "median", "permutations"]].tolist() == [3, pytest.approx(0.25), 9]
    assert parent["p_median"] == pytest.approx((1 + 6) / 10)
    assert group["p_median"] == pytest.approx((1 + 0) / 10)
    assert (parent["share_positive"], parent["share_significant"]) == pytest.approx((2 / 3, 1 / 3))
    assert parent["p_positive"] == pytest.approx((1 + 4) / 10)  # permuted shares: five times 1, four times 0
    assert (parent["low"], parent["high"]) == pytest.approx(tuple(np.quantile(small_curve().draws[0], [0.025, 0.975])))
    assert (whole["specifications"], whole["median"]) == (4, pytest.approx(0.35))


def test_permutation_test_of_the_part(part):
    found = specifications.permutation_test(part)
    assert found["outcome"].tolist() == [*dict.fromkeys(part.rows["outcome"]), "all"]
    for column in ("p_median", "p_positive"):
        assert found[column].between(1 / (1 + DRAWS), 1).all()
    assert (found["low"] < found["high"]).all()
    assert found["specifications"].tolist() == [len(part.rows) // 3] * 3 + [len(part.rows)]
    whole = found.set_index("outcome").loc["all"]
    assert whole["median"] == same(part.rows["value"].median())


def test_permutation_test_refuses_a_curve_without_draws(curve):
    with pytest.raises(ModelError, match="the curve was run without permutations"):
        specifications.permutation_test(curve)


def test_ordered_curve():
    """Each permuted curve is sorted for itself; without permutations the band is missing."""
    rows = specifications.ordered(small_curve()).set_index("panel")
    parent = rows.loc["parent"]
    assert parent["rank"].tolist() == [0, 50, 100]
    assert parent["value"].tolist() == [-0.2, 0.25, 0.45]
    assert parent["ci_low"].tolist() == [-0.5, -0.1, 0.2]
    draws = np.array([[3.0, 0], [1, 2], [2, 1], [0, 0]])
    band = specifications.ordered(Curve(small_curve().rows, draws, pd.DataFrame())).set_index("panel").loc["parent"]
    wanted = np.quantile([[1, 0], [2, 1], [3, 2]], [0.025, 0.975], axis=1)
    assert band["null_low"].tolist() == pytest.approx(wanted[0].tolist())
    assert band["null_high"].tolist() == pytest.approx(wanted[1].tolist())
    bare = specifications.ordered(Curve(small_curve().rows, np.empty((4, 0)), pd.DataFrame()))
    assert bare[["null_low", "null_high"]].isna().all(axis=None)


def test_ordered_curve_thins_to_the_ends(curve):
    rows = specifications.ordered(curve, points=50)
    assert rows.groupby("panel").size().eq(50).all()
    ends = rows.groupby("panel")["value"].agg(["first", "last"])
    assert ends.to_numpy() == pytest.approx(curve.rows.groupby("outcome")["value"].agg(["min", "max"]).to_numpy())
    assert rows.groupby("panel")["value"].apply(lambda v: v.is_monotonic_increasing).all()


def test_choice_effects_pair_like_with_like(curve):
    """All but one choice alike: every pair of the grid is there, and the median is that of the differences."""
    found = specifications.choice_effects(curve.rows).set_index(["dimension", "option"])
    full = len(curve.rows)
    assert found.index.tolist() == [(d, o) for d in DIMENSIONS if d != "outcome" for o in CHOICES[d][1:]]
    wanted = {"proxy": full / 2, "definition": full / 2, "trimming": full / 4, "sample": full / 5, "period": full / 2,
              "weights": full / 2}  # fmt: skip
    for dimension, pairs in wanted.items():
        assert (found.loc[dimension, "pairs"] == pairs).all(), dimension
    assert found.loc[("estimator", "first differences"), "pairs"] == full * 2 / 5
    assert found.loc[("estimator", "imputation"), "pairs"] == full / 5  # there with year effects only
    assert found.loc[("effects", "sector-year"), "pairs"] == full * 2 / 5
    gaps = [row["value"] - chosen(curve.rows, **{**row[DIMENSIONS], "trimming": "none"})["value"]
            for _, row in curve.rows[(curve.rows["trimming"] == "0.3") & (curve.rows["outcome"] == "group")
                                     & (curve.rows["sample"] == "J")].iterrows()]  # fmt: skip
    part = curve.rows[(curve.rows["outcome"] == "group") & (curve.rows["sample"] == "J")]
    row = specifications.choice_effects(part).set_index(["dimension", "option"]).loc[("trimming", "0.3")]
    assert row["pairs"] == len(gaps)
    assert row[["median", "low", "high"]].tolist() == same(np.quantile(gaps, [0.5, 0.25, 0.75]).tolist())


def test_choice_effects_by_eye():
    values = {("parent", "none"): 1.0, ("parent", "headcount"): -1, ("group", "none"): 2, ("group", "headcount"): 3,
              ("parent share", "none"): 1, ("parent share", "headcount"): 11}  # fmt: skip
    rows = [BASELINE | {"outcome": outcome, "weights": weights, "value": value}
            for (outcome, weights), value in values.items()]  # fmt: skip
    rows = pd.DataFrame([*rows, BASELINE | {"weights": "headcount", "trimming": "0.5", "value": 99.0}])
    found = specifications.choice_effects(rows)
    found = found.set_index("dimension")
    assert found.loc["weights", ["option", "pairs", "median"]].tolist() == ["headcount", 3, 1]
    assert found.loc["weights", ["low", "high", "share_sign"]].tolist() == pytest.approx([-0.5, 5.5, 1 / 3])
    assert found.loc["trimming", ["option", "pairs", "median", "share_sign"]].tolist() == ["0.5", 1, 100, 1]
