"""The specification curve against pyfixest, statsmodels and diff-diff, specification by specification.

`reference` builds the sample of one specification a second time, firm by firm with pandas; the estimators are the
public ones. The permutation test's draws are rebuilt from the same keys, the lower bound made anew under the dealt
dates, and regressed on dummies, all of them written out; that these regressions are the public estimators' is seen in
the smallest of the samples.
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

from goingglobal import load, models, samples, specifications
from goingglobal.models import ModelError
from goingglobal.specifications import BASELINE, CHOICES, ESTIMAND, Curve

same = partial(pytest.approx, rel=1e-7, abs=1e-10)
near = partial(pytest.approx, rel=1e-7, abs=1e-8)  # beside effects that pyfixest absorbs in turns
DIMENSIONS = list(CHOICES)
J = {"lower", "upper", "parent"}
# A part of the grid small enough to estimate again one by one, with every estimator, effect, weight and outcome.
PART = {"proxy": ["any adjustment"], "definition": ["in 80 % of years"], "restriction": ["jumps below 0.7"],
        "sample": ["J", "manufacturing", "at most 100", "in firm panel"], "period": ["without 2019"]}  # fmt: skip
DRAWS = 3


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    return load("firm_panel")


@pytest.fixture(scope="module")
def groups() -> pd.DataFrame:
    return load("group_panel")


@pytest.fixture(scope="module")
def tables(firms, groups) -> dict[str, pd.DataFrame]:
    """Firm-years of J and of A, with what the choices ask for; `false` marks starts that the filings put earlier."""
    everyone = samples.specification_panel(firms)
    j = everyone[everyone["listed"] == 1]
    j = j.assign(parent=np.exp(j["ln_parent"]), group=np.exp(j["ln_group"]))
    a = samples.with_firms(samples.all_filers(groups), firms)
    size = a["translation_adjustment_yen"].abs() / a["total_assets_yen"]
    a["fdi_material"] = (size >= 0.001).astype(float).where(size.notna() | (a["fdi"] == 0))
    a.loc[a["fdi"] == 0, "fdi_material"] = 0.0
    for proxy in ("fdi", "fdi_material"):
        filed, dated = (table[table[proxy] == 1].groupby("edinet_code")["year"].min().to_dict() for table in (a, j))
        false = {code for code, year in filed.items() if year < dated.get(code, math.inf)}
        j[f"false_{proxy}"] = j["edinet_code"].isin(false)
    return {"J": j.reset_index(drop=True), "A": a.assign(group=a["group_employees"]), "everyone": everyone}


@pytest.fixture(scope="module")
def curve(firms, groups) -> Curve:
    return specifications.run(firms, groups, n_jobs=1)


@pytest.fixture(scope="module")
def part(firms, groups) -> Curve:
    return specifications.run(firms, groups, PART, permutations=DRAWS, n_jobs=1)


def chosen(rows: pd.DataFrame, **changes) -> pd.Series:
    """The one row of a specification that differs from the baseline in `changes`."""
    wanted = BASELINE | changes
    (found,) = [row for _, row in rows[(rows[DIMENSIONS] == pd.Series(wanted)).all(axis=1)].iterrows()]
    return found


def figures(row) -> list[float]:
    return [row["value"], row["se"], row["n"], row["firms"]]


# ---------------------------------------------------------------------------------------------- a second sample
def reference(tables: dict[str, pd.DataFrame], choice: dict) -> pd.DataFrame:
    """The firm-years of a specification: first (start year, 0 for never), what `dated` adds, weight, cell."""
    wide = choice["outcome"] == "group"
    rows = tables["A" if wide else "J"]
    column = "fdi" if choice["proxy"] == "any adjustment" else "fdi_material"
    rows = rows.assign(proxy=rows[column]).dropna(subset=["proxy"])
    if not wide:
        rows = rows[~rows[f"false_{column}"]]
    flag = {"without holdings": ("reorganised", 0), "manufacturing": ("manufacturing", 1),
            "in firm panel": ("in_firm_panel", 1)}.get(choice["sample"])  # fmt: skip
    rows = rows if flag is None else rows[rows[flag[0]] == flag[1]]
    if choice["period"] == "without 2019":
        rows = rows[rows["year"] != 2019]
    share = {"in 80 % of years": 0.8, "in all years": 1.0}[choice["definition"]]
    largest = {"at most 300": 300, "at most 100": 100}.get(choice["sample"], math.inf)
    least = {"parent share at least 10 %": 0.1, "parent share at least 20 %": 0.2}.get(choice["restriction"], 0)
    limit = 0.7 if choice["restriction"] == "jumps below 0.7" else math.inf
    rows = rows.sort_values("edinet_code", kind="stable").reset_index(drop=True)
    ruled = rows["ln_parent" if choice["outcome"] == "parent" else "ln_group"].to_numpy()
    proxy, year, group = (rows[c].to_numpy() for c in ("proxy", "year", "group"))
    parent = group if wide else rows["parent"].to_numpy()
    kept, first, size = np.zeros(len(rows), bool), np.zeros(len(rows), int), np.zeros(len(rows))
    for firm in rows.groupby("edinet_code").indices.values():
        abroad = proxy[firm] == 1
        start = int(abroad.argmax()) if abroad.any() else 0
        if abroad.any() and (start == 0 or abroad[start:].mean() < share):
            continue
        if round(group[firm[0]], 6) > largest or parent[firm[0]] / group[firm[0]] < least:
            continue
        if len(firm) > 1 and np.abs(np.diff(ruled[firm]) / np.diff(year[firm])).max() >= limit:
            continue
        kept[firm], first[firm] = True, year[firm[start]] if abroad.any() else 0
        size[firm] = (parent if choice["outcome"] == "parent" else group)[firm[0]]
    out = rows.assign(first=first, size=size)[kept].reset_index(drop=True)
    out["weight"] = 1.0 if choice["weights"] == "per firm" else out["size"]
    out["cell"] = out["sector"] + out["year"].astype(str)
    return dated(out, choice["outcome"])


def dated(rows: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Rows with `first`: post, start and later (0/1), and y, which for the lower bound depends on the start."""
    post = (rows["first"] > 0) & (rows["year"] >= rows["first"])
    start = post & (rows["year"] == rows["first"])
    rows = rows.assign(post=post.astype(int), start=start.astype(int), later=(post & ~start).astype(int))
    if outcome != "lower":
        return rows.assign(y=rows["ln_parent" if outcome == "parent" else "ln_group"])
    jobs, columns = rows["group"].to_numpy(copy=True), [rows[c].to_numpy() for c in ("parent", "group", "post")]
    for firm in rows.groupby("edinet_code").indices.values():
        parent, group, after = (column[firm] for column in columns)
        if after.any() and not after.all():
            beside = group - parent
            before = beside[after == 0][-1]
            jobs[firm] = np.where(after == 1, parent + np.minimum(beside, before), group)
    return rows.assign(y=np.log(jobs))


def estimated(rows: pd.DataFrame, choice: dict) -> list[float]:
    """Value, error, observations and firms by the public estimators."""
    impact = choice["horizon"] == "impact year"
    if choice["estimator"] == "imputation":
        return imputed(rows, impact)
    effect = {"year": "year", "sector-year": "cell"}[choice["effects"]]
    rows.attrs["sample"] = "reference"
    weight = None if choice["weights"] == "per firm" else "weight"
    if choice["estimator"] == "within":
        terms = "start + later" if impact else "post"
        # Dummies of the second effect: absorbed, a sector with one firm in a year would be dropped as a singleton.
        found = calls.two_way(rows, f"y ~ C({effect}) + {terms}", "u", ("edinet_code",), "edinet_code",
                              "start" if impact else "post", weight)  # fmt: skip
        return [found.value, found.se, found.n, found.groups]
    return differenced(rows, effect, weight is not None)


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


def imputed(rows: pd.DataFrame, impact: bool) -> list[float]:
    """Imputation with explicit dummies: effects of untreated rows, then the weighted mean of what they don't explain.

    The error is that of the sum of v·residual over firms, v from the matrices as they stand. Treated residuals are
    those from the average effect of the cohort's *other* firms, a firm counted by the square of its share (Borusyak,
    Jaravel & Spiess 2024, A.9); a cohort's only firm has its own. Rows after the start year play no part in `impact`.
    """
    rows = rows[rows["edinet_code"].isin(rows.loc[rows["post"] == 0, "edinet_code"])].reset_index(drop=True)
    rows = rows[rows["later"] == 0].reset_index(drop=True) if impact else rows
    z = np.hstack([pd.get_dummies(rows[c]).to_numpy(float) for c in ("edinet_code", "year")])
    treated, y = (rows["post"] == 1).to_numpy(), rows["y"].to_numpy()
    free, root = z[~treated], np.sqrt(rows.loc[~treated, "weight"].to_numpy())[:, None]
    share = rows.loc[treated, "weight"].to_numpy()
    share = share / share.sum()
    solve = np.linalg.pinv(root * free, rcond=1e-10)
    gap = y - z @ (solve @ (root[:, 0] * y[~treated]))
    v = np.empty(len(rows))
    v[treated], v[~treated] = share, -(share @ z[treated] @ solve) * root[:, 0]
    firm = rows["edinet_code"].to_numpy()
    sums = pd.Series((v * gap)[~treated]).groupby(firm[~treated]).sum().to_dict()
    for cohort in rows.loc[treated, "first"].unique():
        mine = treated & (rows["first"] == cohort).to_numpy()
        own = pd.DataFrame({"v": v, "gap": v * gap})[mine].groupby(firm[mine]).sum()
        for name, line in own.iterrows():
            others = own.drop(name) if len(own) > 1 else own
            mean = (others["v"] * others["gap"]).sum() / (others["v"] ** 2).sum()
            sums[name] = sums.get(name, 0.0) + line["gap"] - line["v"] * mean
    error = math.sqrt(sum(total**2 for total in sums.values()))
    return [float(share @ gap[treated]), error, len(rows), rows["edinet_code"].nunique()]


def dummies(rows: pd.DataFrame, columns: tuple[str, ...]) -> sparse.csr_matrix:
    """A column of zeros and ones for every value."""
    parts = []
    for column in columns:
        code, names = pd.factorize(rows[column])
        parts.append(sparse.csr_matrix((np.ones(len(rows)), (np.arange(len(rows)), code)), (len(rows), len(names))))
    return sparse.hstack(parts).tocsr()


def regressed(rows: pd.DataFrame, choice: dict) -> float:
    """The value alone, by least squares on dummies: what they leave of the outcome on what they leave of the dates."""
    effect = {"year": "year", "sector-year": "cell"}[choice["effects"]]
    impact = choice["horizon"] == "impact year"
    y, ds, effects = "y", ["start", "later"] if impact else ["post"], ("edinet_code", effect)
    if choice["estimator"] == "imputation":
        rows = rows[rows["edinet_code"].isin(rows.loc[rows["post"] == 0, "edinet_code"])]
    if choice["estimator"] == "first differences":
        rows = steps(rows)
        y, ds, effects = "dy", ["dpost"], (effect,)
    z, root = dummies(rows, effects), np.sqrt(rows["weight"].to_numpy(float))
    outcome = rows[y].to_numpy(float)

    def explained(column: np.ndarray, where: np.ndarray) -> np.ndarray:
        solved = lsqr(z[where].multiply(root[where, None]).tocsr(), (root * column)[where], atol=1e-13, btol=1e-13)
        return z @ solved[0]

    if choice["estimator"] == "imputation":
        gap = outcome - explained(outcome, (rows["post"] == 0).to_numpy())
        cells = rows["start" if impact else "post"].to_numpy() == 1
        return float(np.average(gap[cells], weights=root[cells] ** 2))
    everywhere = np.ones(len(rows), bool)
    left = [root * (column - explained(column, everywhere)) for column in
            (outcome, *(rows[d].to_numpy(float) for d in ds))]  # fmt: skip
    return float(np.linalg.lstsq(np.column_stack(left[1:]), left[0])[0][0])


# ---------------------------------------------------------------------------------------------- the grid
def meaningful(choice: dict) -> bool:
    """The rules once more, as a reader would say them."""
    wide, bounded = choice["outcome"] == "group", choice["outcome"] in ("lower", "upper")
    if choice["sample"] in ("J", "without holdings", "manufacturing") and wide:
        return False
    if choice["sample"] in ("all filers", "at most 100", "in firm panel") and not wide:
        return False
    if (bounded and choice["proxy"] == "material adjustment") or (wide and "share" in choice["restriction"]):
        return False
    if choice["estimator"] == "first differences" and choice["horizon"] == "average after":
        return False
    if choice["effects"] == "year":
        return True
    return choice["estimator"] != "imputation" and (not wide or choice["sample"] == "in firm panel")


def test_the_grid_has_every_defined_combination_once(curve):
    rows = curve.rows
    every = [dict(zip(DIMENSIONS, options, strict=True)) for options in itertools.product(*CHOICES.values())]
    wanted = {tuple(choice.values()) for choice in every if meaningful(choice)}
    assert wanted == {tuple(choice.values()) for choice in every if specifications.defined(choice)}
    there = list(rows[DIMENSIONS].itertuples(index=False, name=None))
    assert len(there) == len(set(there)) >= 4000
    assert set(there) <= wanted
    assert len(curve.refused) or len(there) == len(wanted)
    assert (rows[DIMENSIONS] == pd.Series(BASELINE)).all(axis=1).sum() == 1
    assert {dimension: options[0] for dimension, options in CHOICES.items()} == BASELINE
    assert rows["outcome"].drop_duplicates().tolist() == list(CHOICES["outcome"]), "in the order of the choices"


def test_rows_are_whole(curve):
    rows = curve.rows.drop(columns="p_permutation")
    assert np.isfinite(rows.select_dtypes("number").to_numpy()).all()
    assert (rows["se"] > 0).all()
    assert ((rows["value"] - rows["ci_low"]) / (rows["ci_high"] - rows["value"])).to_numpy() == pytest.approx(1)
    assert (rows["starters"] >= specifications.MIN_FIRMS).all()
    assert (rows["firms"] - rows["starters"] >= 1).all()
    assert curve.draws.shape == (len(rows), 0)
    assert curve.rows["p_permutation"].isna().all()


def test_every_option_changes_something(curve):
    """No option is another under a new name, within any estimand that has both."""
    for dimension, options in CHOICES.items():
        others = [d for d in DIMENSIONS if d != dimension]
        wide = curve.rows.pivot(index=others, columns=dimension, values="value")
        for one, two in itertools.combinations(options, 2):
            pair = wide[[one, two]].dropna()
            gap = (pair[one] - pair[two]).abs()
            for key, part in gap.groupby([d for d in ESTIMAND if d != dimension]):
                assert part.max() > 1e-4, (dimension, one, two, key)


@pytest.mark.parametrize(("changes", "sample"), [
    ({}, lambda f, g: samples.jobs_in_japan(f, g, "lower")),
    ({"outcome": "upper"}, lambda f, g: samples.jobs_in_japan(f, g, "upper")),
    ({"outcome": "lower", "sample": "at most 300"}, lambda f, g: samples.jobs_in_japan(f, g, "lower", largest=300)),
    ({"outcome": "group", "sample": "all filers"}, lambda f, g: samples.group_starters(g)),
    ({"outcome": "group", "sample": "at most 300"}, lambda f, g: samples.group_starters(g, largest=300)),
    ({"outcome": "group", "sample": "in firm panel"},
     lambda f, g: samples.with_firms(samples.group_starters(g), f).query("in_firm_panel == 1")),
], ids=["lower", "upper", "lower, small", "group", "group, small", "group, in firm panel"])  # fmt: skip
def test_baselines_are_the_estimates_of_chapter_2(firms, groups, curve, changes, sample):
    rows = sample(firms, groups)
    rows.attrs["sample"] = "the chapter's"
    wanted = calls.two_way(rows, "y ~ post", "log points", ("edinet_code", "year"), "edinet_code")
    row = chosen(curve.rows, **changes)
    assert figures(row) == near([wanted.value, wanted.se, wanted.n, wanted.groups])
    assert (row["ci_low"], row["ci_high"]) == near((wanted.ci_low, wanted.ci_high))
    assert row["starters"] == rows.drop_duplicates("edinet_code")["starter"].sum()


@pytest.mark.parametrize("limit", [None, 0.7])
def test_the_parent_is_that_of_chapter_2_without_false_starts(firms, groups, curve, limit):
    rows = samples.starters(firms, limit)
    rows = rows[~rows["edinet_code"].isin(samples.false_starts(firms, groups)["edinet_code"])]
    wanted = calls.two_way(rows, "y ~ post", "log points", ("edinet_code", "year"), "edinet_code")
    row = chosen(curve.rows, outcome="parent", restriction="jumps below 0.7" if limit else "none")
    assert figures(row) == near([wanted.value, wanted.se, wanted.n, wanted.groups])


@pytest.mark.parametrize("changes", [
    {"effects": "sector-year"},
    {"weights": "per job", "restriction": "parent share at least 20 %"},
    {"weights": "per job", "effects": "sector-year", "outcome": "upper", "restriction": "jumps below 0.7"},
    {"sample": "without holdings", "horizon": "impact year"},
    {"sample": "manufacturing", "outcome": "parent"},
    {"sample": "at most 300", "restriction": "jumps below 0.7", "horizon": "impact year"},
    {"definition": "in all years", "restriction": "parent share at least 10 %"},
    {"outcome": "parent", "proxy": "material adjustment"},
    {"outcome": "group", "sample": "all filers", "proxy": "material adjustment", "definition": "in all years",
     "period": "without 2019", "restriction": "jumps below 0.7"},
    {"outcome": "group", "sample": "at most 100", "horizon": "impact year", "weights": "per job"},
    {"outcome": "group", "sample": "in firm panel", "effects": "sector-year", "horizon": "impact year"},
    {"outcome": "parent", "horizon": "impact year", "effects": "sector-year", "weights": "per job",
     "proxy": "material adjustment", "sample": "without holdings"},
    {"period": "without 2019"},
    {"estimator": "first differences", "horizon": "impact year"},
    {"estimator": "first differences", "horizon": "impact year", "effects": "sector-year", "outcome": "parent",
     "restriction": "jumps below 0.7", "sample": "manufacturing"},
    {"estimator": "first differences", "horizon": "impact year", "weights": "per job", "outcome": "group",
     "sample": "at most 300"},
    {"estimator": "first differences", "horizon": "impact year", "period": "without 2019", "outcome": "parent",
     "proxy": "material adjustment"},
    {"estimator": "imputation", "sample": "manufacturing", "period": "without 2019"},
    {"estimator": "imputation", "weights": "per job", "sample": "at most 300", "outcome": "upper"},
    {"estimator": "imputation", "weights": "per job", "proxy": "material adjustment", "sample": "at most 300",
     "outcome": "parent", "horizon": "impact year"},
    {"estimator": "imputation", "weights": "per job", "sample": "at most 100", "outcome": "group"},
], ids=lambda changes: ", ".join(changes.values()))  # fmt: skip
def test_specifications_equal_the_public_estimators(tables, curve, changes):
    choice = BASELINE | changes
    sample = reference(tables, choice)
    row = chosen(curve.rows, **changes)
    assert figures(row) == same(estimated(sample, choice))
    assert row["starters"] == sample.loc[sample["first"] > 0, "edinet_code"].nunique()


@pytest.mark.parametrize("changes", [
    {}, {"outcome": "group", "sample": "at most 300", "restriction": "jumps below 0.7"},
    {"outcome": "parent", "period": "without 2019", "definition": "in all years"},
    {"sample": "at most 300"},
], ids=lambda changes: ", ".join(changes.values()) or "baseline")  # fmt: skip
def test_imputation_equals_diff_diff(tables, curve, changes):
    """Value and error of both horizons, effects averaged by cohort, each firm left out of its own cohort's average.

    Firms without an untreated year are left out of both; a cohort of one firm (in the last sample) is a remark of the
    library's: there is no other firm, and the firm explains itself.
    """
    import diff_diff

    choice = BASELINE | changes | {"estimator": "imputation"}
    rows = reference(tables, choice)
    rows = rows[rows["edinet_code"].isin(rows.loc[rows["post"] == 0, "edinet_code"])]
    alone = rows[rows["first"] > 0].groupby("first")["edinet_code"].nunique().min() == 1
    with models.noting() as notes:
        fit = diff_diff.ImputationDiD(aux_partition="cohort", leave_one_out=True).fit(
            rows, outcome="y", unit="edinet_code", time="year", first_treat="first", aggregate="event_study")
    assert any("single" in note for note in notes) == alone
    row, impact = (chosen(curve.rows, **changes, estimator="imputation", horizon=h) for h in CHOICES["horizon"])
    assert figures(row) == pytest.approx(
        [fit.overall_att, fit.overall_se, len(rows), rows["edinet_code"].nunique()], rel=1e-8)
    start = fit.event_study_effects[0]
    assert figures(impact)[:2] == pytest.approx([start["effect"], start["se"]], rel=1e-8)
    assert impact["n"] == len(rows) - rows["later"].sum()


def test_an_error_that_explains_itself_is_smaller(tables, curve):
    """What leaving the firm out changes: without it the error of the lower bound would be a twentieth smaller."""
    import diff_diff

    rows = reference(tables, BASELINE)
    with models.noting():
        fit = diff_diff.ImputationDiD(aux_partition="cohort").fit(
            rows, outcome="y", unit="edinet_code", time="year", first_treat="first")
    row = chosen(curve.rows, estimator="imputation")
    assert row["value"] == pytest.approx(fit.overall_att)
    assert row["se"] > 1.01 * fit.overall_se


# ---------------------------------------------------------------------------------------------- permutations
def dealt_keys(tables: dict, wide: bool) -> tuple[np.ndarray, np.ndarray]:
    codes = np.sort(tables["A" if wide else "everyone"]["edinet_code"].unique())
    seed = [specifications.SEED, 1] if wide else specifications.SEED
    return codes, np.random.default_rng(seed).random((DRAWS, len(codes)))


@pytest.mark.parametrize(("outcome", "sample"), [
    *itertools.product(sorted(J), ["J", "manufacturing"]), ("group", "at most 100"), ("group", "in firm panel")])
def test_draws_are_estimates_with_start_dates_dealt_out_anew(tables, part, outcome, sample):
    """Each starter's date goes to the firm with the next smallest key; the lower bound is that of the dealt date."""
    codes, keys = dealt_keys(tables, outcome == "group")
    mine = part.rows[(part.rows["outcome"] == outcome) & (part.rows["sample"] == sample)]
    assert len(mine) == (10 if sample == "at most 100" else 16)
    rows = reference(tables, mine.iloc[0][DIMENSIONS].to_dict() | {"weights": "per firm"})
    dates = rows.drop_duplicates("edinet_code").set_index("edinet_code")["first"]
    starts = sorted(dates[dates > 0])
    shuffled = []
    for draw in range(DRAWS):
        order = dates.index[np.argsort(keys[draw, np.isin(codes, dates.index)])]
        dealt = dict(zip(order, starts, strict=False))
        shuffled.append(dated(rows.assign(first=rows["edinet_code"].map(dealt).fillna(0).astype(int)), outcome))
        assert not shuffled[-1]["post"].equals(rows["post"])
    if outcome == "lower":
        assert not shuffled[0]["y"].equals(rows["y"])
    for turn, (place, row) in enumerate(mine.iterrows()):
        choice, draw = row[DIMENSIONS].to_dict(), turn % DRAWS
        used = shuffled[draw].assign(weight=1.0 if choice["weights"] == "per firm" else shuffled[draw]["size"])
        assert part.draws[place, draw] == same(regressed(used, choice)), choice
        if (outcome, sample) == ("lower", "manufacturing") and choice["effects"] == "year":
            assert part.draws[place, draw] == same(estimated(used, choice)[0]), choice


def test_every_draw_is_dealt_for_itself(part):
    assert part.draws.shape == (len(part.rows), DRAWS)
    assert np.isfinite(part.draws).all()
    assert (np.ptp(part.draws, axis=1) > 1e-6).all()


def test_the_seed_decides_the_draws(firms, groups):
    small = {**PART, "sample": ["J", "at most 100"], "weights": ["per firm"]}
    one, again = (specifications.run(firms, groups, small, permutations=4, n_jobs=1) for _ in range(2))
    other = specifications.run(firms, groups, small, permutations=4, seed=7, n_jobs=1)
    more = specifications.run(firms, groups, small, permutations=6, n_jobs=1)
    assert np.array_equal(one.draws, again.draws)
    assert not np.isclose(one.draws, other.draws).any(axis=None)
    assert more.draws[:, :4] == pytest.approx(one.draws)
    drop = "p_permutation"
    pd.testing.assert_frame_equal(one.rows.drop(columns=drop), other.rows.drop(columns=drop))
    for found in (one, more):  # a p for every specification, counted draw by draw
        for value, draws, p in zip(found.rows["value"], found.draws, found.rows[drop], strict=True):
            middle = float(np.median(draws))
            far = sum(abs(draw - middle) >= abs(value - middle) for draw in draws)
            assert p == pytest.approx((1 + far) / (1 + len(draws)))


# ---------------------------------------------------------------------------------------------- workers
def identical(one: Curve, two: Curve) -> None:
    pd.testing.assert_frame_equal(one.rows, two.rows, check_exact=True)
    pd.testing.assert_frame_equal(one.refused, two.refused)
    assert np.array_equal(one.draws, two.draws)


@pytest.mark.proof
def test_two_workers_give_what_one_gives(firms, groups, part):
    identical(specifications.run(firms, groups, PART, permutations=DRAWS, n_jobs=2), part)


@pytest.mark.proof
def test_a_dask_cluster_gives_what_one_worker_gives(firms, groups, part):
    """By joblib's backend alone: two processes of a cluster on this machine, without a dashboard."""
    distributed = pytest.importorskip("distributed", reason="distributed is in the lock's development part")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                       host="127.0.0.1")  # fmt: skip
    with cluster, distributed.Client(cluster) as client:
        with joblib.parallel_config(backend="dask"):
            found = specifications.run(firms, groups, PART, permutations=DRAWS, n_jobs=2)
        worked = client.run(lambda dask_worker: dask_worker.state.executed_count)
    identical(found, part)
    assert sum(worked.values()) >= 1


def test_a_progress_bar_when_asked_for(firms, groups, capsys):
    small = {d: [BASELINE[d]] for d in DIMENSIONS} | {"sample": ["J", "manufacturing"]}
    specifications.run(firms, groups, small, n_jobs=1, progress=True)
    assert "samples" in capsys.readouterr().err
    specifications.run(firms, groups, small, n_jobs=1, progress=False)
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------------------------------------- one table
ONE = {"outcome": ["parent", "group", "parent share"], "horizon": ["average after"], "proxy": ["any adjustment"],
       "definition": ["in 80 % of years"], "sample": ["J"], "period": ["all years"]}  # fmt: skip


@pytest.mark.parametrize("limit", [None, 0.7])
def test_one_table_alone_knows_no_false_starts(firms, limit):
    """Parent, group and their difference among the firms of one table, as a reader's panel has them."""
    found = specifications.run(firms, choices=ONE, n_jobs=1).rows
    restriction = "jumps below 0.7" if limit else "none"
    for outcome in ("parent", "group"):
        wanted = calls.two_way(
            samples.starters(firms, limit, outcome), "y ~ post", "log points", ("edinet_code", "year"), "edinet_code")
        row = chosen(found, outcome=outcome, restriction=restriction)
        assert figures(row) == near([wanted.value, wanted.se, wanted.n, wanted.groups])
    rows = samples.starters(firms, limit)
    rows["y"] = rows["ln_parent"] - rows["ln_group"]
    wanted = calls.two_way(rows, "y ~ post", "log points", ("edinet_code", "year"), "edinet_code")
    assert chosen(found, outcome="parent share", restriction=restriction)["value"] == near(wanted.value)


def test_one_table_small_firms_are_those_with_a_small_parent(firms):
    rows = samples.starters(firms)
    rows = rows[rows["first_parent"] <= 300]
    rows.attrs["sample"] = "small parents"
    wanted = calls.two_way(rows, "y ~ post", "log points", ("edinet_code", "year"), "edinet_code")
    found = specifications.run(firms, choices=ONE | {"sample": ["at most 300"]}, n_jobs=1).rows
    assert figures(chosen(found, outcome="parent", sample="at most 300")) == near(
        [wanted.value, wanted.se, wanted.n, wanted.groups])


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
             "sales_yen": 1e9, "translation_adjustment_yen": 1e7}  # fmt: skip
    return pd.DataFrame(rows).assign(**(other | more))


SIMPLE = {"outcome": ["parent", "group"], "horizon": ["average after"], "proxy": ["any adjustment"],
          "definition": ["in 80 % of years"], "restriction": ["none"], "period": ["all years"], "weights": ["per firm"],
          "effects": ["year"]}  # fmt: skip
LEAST = specifications.MIN_FIRMS


def test_too_few_firms_are_refused_with_the_reason():
    """Seven starters in all, four of them in manufacturing: that sample is recorded as refused, the other stands."""
    table = pd.concat([made(4, 12), made(3, 12, "Services", first=50)])
    found = specifications.run(table, choices={**SIMPLE, "sample": ["J", "manufacturing"]}, permutations=2, n_jobs=1)
    assert set(found.rows["sample"]) == {"J"}
    assert len(found.rows) == 2 * 2 == len(found.draws)
    assert found.refused["sample"].tolist() == ["manufacturing"] * 2
    assert found.refused["outcome"].tolist() == ["parent", "group"]
    assert set(found.refused["why"]) == {"4 starters and 12 never-investors; 5 of each are needed"}


def test_exactly_enough_of_each():
    small = {**SIMPLE, "sample": ["J"]}
    assert len(specifications.run(made(LEAST, LEAST), choices=small, n_jobs=1).rows) == 4
    for table in (made(LEAST - 1, LEAST), made(LEAST, LEAST - 1)):
        with pytest.raises(ModelError, match=r"every combination is refused; the first: \d+ starters and \d+ never"):
            specifications.run(table, choices=small, n_jobs=1)


def test_a_leap_of_exactly_the_limit_is_left_out():
    table = made(11, 11)
    leaps = table["edinet_code"].eq("E00000") & (table["year"] >= 2018)
    for leap, firms_left in ((math.exp(0.7), 21), (math.exp(0.69), 22)):
        heads = table["parent_employees"].where(table["edinet_code"] != "E00000", 1.0).where(~leaps, leap)
        choices = {**SIMPLE, "sample": ["J"], "restriction": ["jumps below 0.7"], "outcome": ["parent"],
                   "estimator": ["within"]}  # fmt: skip
        found = specifications.run(table.assign(parent_employees=heads), choices=choices, n_jobs=1)
        assert found.rows["firms"].tolist() == [firms_left]


def test_a_firm_of_exactly_300_is_among_the_small():
    table, small = made(LEAST, LEAST), {**SIMPLE, "sample": ["at most 300"]}
    for first, enough in ((300.0, True), (301.0, False)):
        heads = table["parent_employees"].where(table["year"] > 2017, first)
        if enough:
            found = specifications.run(table.assign(parent_employees=heads), choices=small, n_jobs=1)
            assert len(found.rows) == 4
        else:
            with pytest.raises(ModelError, match="0 starters and 0 never-investors"):
                specifications.run(table.assign(parent_employees=heads), choices=small, n_jobs=1)


def test_a_parent_of_exactly_a_tenth_is_kept():
    table = made(LEAST, LEAST).assign(group_employees=lambda rows: 10 * rows["parent_employees"])
    choices = {**SIMPLE, "sample": ["J"], "outcome": ["parent"], "estimator": ["within"]}
    kept = {"restriction": ["parent share at least 10 %"]}
    assert specifications.run(table, choices=choices | kept, n_jobs=1).rows["firms"].tolist() == [2 * LEAST]
    with pytest.raises(ModelError, match="0 starters and 0 never"):
        specifications.run(table, choices=choices | {"restriction": ["parent share at least 20 %"]}, n_jobs=1)


@pytest.mark.parametrize(("table", "choices", "message"), [
    pytest.param(made(12, 12), {"colour": ["red"]}, "unknown dimension 'colour'; known are .*'outcome'",
                 id="unknown dimension"),
    pytest.param(made(12, 12), {"sample": ["J", "all"]}, r"sample \['all'\]; known are .*'manufacturing'",
                 id="unknown option"),
    pytest.param(made(12, 12), {"weights": []}, r"weights \(\); known are .*'per job'", id="no option"),
    pytest.param(made(12, 12), {"outcome": ["lower"]}, r"outcome 'lower' needs both tables: run\(firms, groups\)",
                 id="bounds of one table"),
    pytest.param(made(12, 12), {"horizon": ["average after"], "estimator": ["first differences"]},
                 "every combination is undefined", id="undefined"),
    pytest.param(made(12, 12), {"sample": ["all filers"]}, "every combination is undefined", id="no such sample"),
    pytest.param(made(12, 12).assign(listed=0), {}, "no firm of the table is listed", id="nobody listed"),
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
        specifications.run(table, choices=choices, n_jobs=1)
    assert isinstance(caught.value, ModelError | samples.SampleError)


def test_two_tables_must_agree_and_have_no_share():
    table = made(12, 12)
    other = table.assign(fdi=table["fdi"].where(table["edinet_code"] != "E00003", 1.0))
    with pytest.raises(samples.SampleError, match="fdi of firm E00003 in 2017 is 0 in firm_panel and 1 in group_panel"):
        specifications.run(table, other, n_jobs=1)
    with pytest.raises(ModelError, match="'parent share' is for one table"):
        specifications.run(table, table, {"outcome": ["parent share"]}, n_jobs=1)


def test_a_start_that_the_filings_put_earlier_is_none():
    """A firm abroad in a filing before its first year in J, as a starter or as a never-investor."""
    table = made(12, 12)
    before = table[table["year"] == 2017].assign(year=2016, fdi=table["edinet_code"].isin(["E00003", "E00020"]) * 1.0)
    choices = {**SIMPLE, "outcome": ["upper", "group"], "sample": ["J", "all filers"], "estimator": ["within"]}
    found = specifications.run(table, pd.concat([table, before]), choices, n_jobs=1).rows.set_index("outcome")
    assert found.loc["upper", ["firms", "starters"]].tolist() == [22, 11]
    assert found.loc["group", ["firms", "starters"]].tolist() == [22, 11], "there they come and go"


def test_a_constant_headcount_is_no_silent_nan():
    """Nothing varies in the outcome: an estimate of zero would have an error of zero."""
    table = made(12, 12).assign(parent_employees=100.0, group_employees=200.0)
    with pytest.raises(ModelError, match=r"no finite estimate with an error for .*'outcome': 'parent'"):
        specifications.run(table, choices={**SIMPLE, "sample": ["J"]}, n_jobs=1)


# ---------------------------------------------------------------------------------------------- the whole curve
def small_curve() -> Curve:
    """Four specifications of two outcomes and nine permutations, alike in all four, with a median of 0.1."""
    rows = pd.DataFrame({"outcome": ["parent", "parent", "parent", "group"], "value": [0.25, 0.45, -0.2, 0.9],
                         "ci_low": [-0.1, 0.2, -0.5, 0.5], "ci_high": [0.6, 0.7, 0.1, 1.3],
                         "p_permutation": [0.5, 0.04, 0.05, 0.01]})  # fmt: skip
    rows = rows.assign(horizon="average after", weights="per firm")
    draws = np.outer([1.0, 1, 1, 1], [-0.3, -0.2, -0.1, 0, 0.1, 0.15, 0.3, 0.4, 0.5])
    return Curve(rows, draws, pd.DataFrame())


def test_permutation_test_by_eye():
    """The parent curve's median, 0.25, is 0.15 from the middle of the draws: six of nine are as far or farther."""
    found = specifications.permutation_test(small_curve()).set_index("outcome")
    assert found.index.tolist() == ["parent", "group"]
    parent, group = (found.loc[name] for name in found.index)
    assert parent[["specifications", "median", "permutations"]].tolist() == [3, pytest.approx(0.25), 9]
    assert parent["p_median"] == pytest.approx((1 + 6) / 10)
    assert group["p_median"] == pytest.approx((1 + 0) / 10)
    assert (parent["share_positive"], parent["share_significant"]) == pytest.approx((2 / 3, 1 / 3))
    assert (parent["share_p05"], group["share_p05"]) == pytest.approx((1 / 3, 1))
    assert (parent["p05"], parent["p95"]) == pytest.approx(tuple(np.quantile([0.25, 0.45, -0.2], [0.05, 0.95])))
    assert parent["p_positive"] == pytest.approx((1 + 4) / 10)  # permuted shares: five times 1, four times 0
    assert (parent["low"], parent["high"]) == pytest.approx(tuple(np.quantile(small_curve().draws[0], [0.025, 0.975])))


def test_nothing_is_pooled_over_estimands(part):
    """One line for each question: outcome, horizon, per firm or per job."""
    found = specifications.permutation_test(part)
    assert found[list(ESTIMAND)].to_numpy().tolist() == [list(key) for key in itertools.product(
        *(CHOICES[dimension] for dimension in ESTIMAND))]  # fmt: skip
    for column in ("p_median", "p_positive"):
        assert found[column].between(1 / (1 + DRAWS), 1).all()
    assert (found["low"] < found["high"]).all()
    assert found["specifications"].sum() == len(part.rows)
    for line in found.itertuples():
        mine = part.rows.query("outcome == @line.outcome and horizon == @line.horizon and weights == @line.weights")
        assert line.median == same(mine["value"].median())
        assert line.specifications == len(mine)


def test_permutation_test_refuses_a_curve_without_draws(curve):
    with pytest.raises(ModelError, match="the curve was run without permutations"):
        specifications.permutation_test(curve)


def test_ordered_curve():
    """Each permuted curve is sorted for itself; without permutations the band is missing."""
    rows = specifications.ordered(small_curve()).set_index("outcome")
    parent = rows.loc["parent"]
    assert parent["rank"].tolist() == [0, 50, 100]
    assert parent["place"].tolist() == [2, 0, 1]
    assert parent["value"].tolist() == [-0.2, 0.25, 0.45]
    assert parent["ci_low"].tolist() == [-0.5, -0.1, 0.2]
    assert parent["p_permutation"].tolist() == [0.05, 0.5, 0.04]
    draws = np.array([[3.0, 0], [1, 2], [2, 1], [0, 0]])
    band = specifications.ordered(Curve(small_curve().rows, draws, pd.DataFrame())).set_index("outcome").loc["parent"]
    wanted = np.quantile([[1, 0], [2, 1], [3, 2]], [0.025, 0.975], axis=1)
    assert band["null_low"].tolist() == pytest.approx(wanted[0].tolist())
    assert band["null_high"].tolist() == pytest.approx(wanted[1].tolist())
    bare = specifications.ordered(Curve(small_curve().rows, np.empty((4, 0)), pd.DataFrame()))
    assert bare[["null_low", "null_high"]].isna().all(axis=None)


def test_ordered_curve_thins_to_the_ends(curve):
    rows = specifications.ordered(curve, points=50)
    by = rows.groupby(list(ESTIMAND))
    assert by.size().eq(50).all()
    assert len(by) == 16
    ends = by["value"].agg(["first", "last"])
    assert ends.to_numpy() == pytest.approx(
        curve.rows.groupby(list(ESTIMAND))["value"].agg(["min", "max"]).to_numpy())
    assert by["value"].apply(lambda v: v.is_monotonic_increasing).all()
    pd.testing.assert_series_equal(curve.rows.loc[rows["place"], "value"].reset_index(drop=True), rows["value"])


def test_choice_effects_pair_like_with_like(curve):
    """All but one choice alike: every pair of the estimand is there, and the median is that of the differences."""
    found = specifications.choice_effects(curve.rows).set_index([*ESTIMAND, "dimension", "option"])
    lower = ("lower", "impact year", "per job")
    full = (curve.rows[list(ESTIMAND)] == list(lower)).all(axis=1).sum()
    assert not set(found.index.get_level_values("dimension")) & set(ESTIMAND)
    wanted = {"definition": full / 2, "restriction": full / 4, "sample": full / 4, "period": full / 2}
    for dimension, pairs in wanted.items():
        assert (found.loc[(*lower, dimension), "pairs"] == pairs).all(), dimension
    assert found.loc[(*lower, "estimator", "first differences"), "pairs"] == full * 2 / 5
    assert found.loc[(*lower, "estimator", "imputation"), "pairs"] == full / 5  # there with year effects only
    assert found.loc[(*lower, "effects", "sector-year"), "pairs"] == full * 2 / 5
    assert (*lower, "proxy", "material adjustment") not in found.index
    group = found.loc[("group", "average after", "per firm")]
    assert group.loc["sample"].index.tolist() == ["at most 300", "at most 100", "in firm panel"]
    part = curve.rows[(curve.rows["outcome"] == "parent") & (curve.rows["sample"] == "J")
                      & (curve.rows["weights"] == "per job") & (curve.rows["horizon"] == "average after")]  # fmt: skip
    option = "parent share at least 20 %"
    gaps = [row["value"] - chosen(curve.rows, **{**row[DIMENSIONS], "restriction": "none"})["value"]
            for _, row in part[part["restriction"] == option].iterrows()]  # fmt: skip
    row = specifications.choice_effects(part).set_index(["dimension", "option"]).loc[("restriction", option)]
    assert row["pairs"] == len(gaps)
    assert row[["median", "low", "high"]].tolist() == same(np.quantile(gaps, [0.5, 0.25, 0.75]).tolist())


def test_choice_effects_by_eye():
    values = {("none", "all years"): 1.0, ("none", "without 2019"): 2, ("jumps below 0.7", "all years"): -1,
              ("jumps below 0.7", "without 2019"): 13}  # fmt: skip
    rows = [BASELINE | {"restriction": restriction, "period": period, "value": value}
            for (restriction, period), value in values.items()]  # fmt: skip
    other = BASELINE | {"weights": "per job", "period": "without 2019", "value": 99.0}
    found = specifications.choice_effects(pd.DataFrame([*rows, other])).set_index("dimension")
    assert found.index.tolist() == ["restriction", "period"]
    assert found["weights"].unique().tolist() == ["per firm"], "per job there is nothing to compare with"
    assert found.loc["restriction", ["option", "pairs", "median"]].tolist() == ["jumps below 0.7", 2, 4.5]
    assert found.loc["restriction", ["low", "high", "share_sign"]].tolist() == pytest.approx([1.25, 7.75, 0.5])
    assert found.loc["period", ["option", "pairs", "median", "share_sign"]].tolist() == ["without 2019", 2, 7.5, 0.5]
