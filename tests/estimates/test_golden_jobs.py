"""Jobs in Japan and everyone who files, by two routes: the library and `second_route_jobs.py`, by hand.

`golden_jobs.json` holds what the second route gave when it was frozen. A difference means that the data, a definition
or an estimator changed: find out which before freezing anew (`make golden`, which calls this file's `library_route`).
"""

from __future__ import annotations

import json
from pathlib import Path

import calls
import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import refresh_golden
import second_route_jobs
import statsmodels.formula.api as smf
from conftest import ROOT, SITE

from goingglobal import designs, load, models, samples
from goingglobal.models import Estimate

GOLDEN = json.loads((ROOT / "tests" / "estimates" / "golden_jobs.json").read_text(encoding="utf-8"))
LEAVES = {name: name.removeprefix("p") for name in samples.PATH}  # column of the sample → last part of the id
FIRM = ("edinet_code", "year")
SIZES = {"all": None, "le300": 300, "le100": 100}


# ---------------------------------------------------------------------------------------------- the second route
@pytest.fixture(scope="module")
def by_hand() -> dict[str, dict]:
    return second_route_jobs.estimates()


def test_the_second_route_does_not_use_the_library():
    source = Path(second_route_jobs.__file__).read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "collections", "functools", "json", "sys", "numpy", "pandas", "scipy",
                        "second_route", "second_route_policy"}  # fmt: skip


def test_golden_and_second_route_have_the_same_ids(by_hand):
    assert list(by_hand) == list(GOLDEN)


def test_golden_covers_what_the_design_asks_for():
    wanted = {f"jobs/starters/{name}" for name in ("lower", "upper", "worst", "interval_low", "interval_high")}
    wanted |= {f"jobs/path/{name}/{time}" for name in ("lower", "upper", "parent") for time in LEAVES.values()}
    wanted |= {f"{stem}/{name}" for stem in ("jobs/starters_le300", "jobs/starters_cs") for name in ("lower", "upper")}
    wanted |= {f"jobs/starters_one_out/{end}" for end in ("low", "high")}
    wanted |= {f"group/{arm}/{size}" for arm in ("starters", "stoppers") for size in SIZES}
    wanted |= {f"group/{stem}/{time}" for stem in ("path/all", "path/le300", "stoppers_path/all")
               for time in LEAVES.values()}  # fmt: skip
    wanted |= {f"group/{stem}/{size}" for stem in ("starters_cs", "exit") for size in ("all", "le300")}
    wanted |= {f"group/starters/{side}_firm_panel" for side in ("in", "outside")}
    wanted |= {f"group/starters_{name}/all" for name in ("sales", "sales_per_head", "assets")}
    wanted |= {"group/placebo_growth/j", "group/placebo_growth/all"}
    wanted |= {f"group/eligible/{side}" for side in ("within", "outside", "difference")}
    assert wanted <= set(GOLDEN)


@pytest.mark.parametrize("id_", GOLDEN)
def test_second_route_still_gives_golden(by_hand, id_):
    record = dict(by_hand[id_])
    assert record.pop("origin") == GOLDEN[id_]["origin"]
    assert refresh_golden.disagreements({id_: GOLDEN[id_]}, {id_: record}) == []


# ---------------------------------------------------------------------------------------------- the library
def on_post(sample: pd.DataFrame, outcome: str = "y") -> Estimate:
    return calls.two_way(sample, f"{outcome} ~ post", "log points", FIRM, "edinet_code")


def path(sample: pd.DataFrame, stem: str, outcome: str = "y") -> dict[str, Estimate]:
    with models.noting():
        fit = pf.feols(f"{outcome} ~ {' + '.join(LEAVES)} | edinet_code + year", sample, vcov={"CRV1": "edinet_code"})
    return {f"{stem}/{leaf}": Estimate.of(fit, column, unit="log points") for column, leaf in LEAVES.items()}


def starters_of(sample: pd.DataFrame, arm: str = "starter") -> float:
    return float(sample.loc[sample[arm] == 1, "edinet_code"].nunique())


def studies(sample: pd.DataFrame, stem: str, name: str) -> dict[str, Estimate | float]:
    found: dict[str, Estimate | float] = {f"{stem}_cs/{name}": models.event_study(sample).overall}
    near = models.event_study(samples.event_window(sample, before=4, after=4))
    for target in ("average", "impact"):
        for row in models.honest_bounds(near, (0.5, 1.0), target).itertuples():
            ends = {"low": row.ci_low, "high": row.ci_high, "set_low": row.bound_low, "set_high": row.bound_high}
            for end, value in ends.items():
                found[f"{stem}_honest/{name}_{target}_m{round(100 * row.M)}_{end}"] = value
    return found


def jobs_estimates() -> dict[str, Estimate | float]:
    firms, groups = load("firm_panel"), load("group_panel")
    bounds = {bound: samples.jobs_in_japan(firms, groups, bound) for bound in samples.BOUNDS}
    lower, found = bounds["lower"], {f"jobs/starters/{bound}": on_post(frame) for bound, frame in bounds.items()}
    ends = designs.bounds_interval(found["jobs/starters/lower"], found["jobs/starters/upper"])
    found |= {"jobs/starters/interval_low": ends[0], "jobs/starters/interval_high": ends[1]}
    found["jobs/starters_count/all"] = starters_of(lower)
    for bound in ("lower", "upper"):
        small = samples.jobs_in_japan(firms, groups, bound, largest=300)
        found[f"jobs/starters_le300/{bound}"] = on_post(small)
        found["jobs/starters_count/le300"] = starters_of(small)
        found |= path(bounds[bound], f"jobs/path/{bound}")
        found |= studies(bounds[bound], "jobs/starters", bound)
    found |= path(lower, "jobs/path/parent", "ln_parent")
    without = [on_post(lower[lower["edinet_code"] != firm]).value
               for firm in lower.loc[lower["starter"] == 1, "edinet_code"].unique()]  # fmt: skip
    return found | {"jobs/starters_one_out/low": min(without), "jobs/starters_one_out/high": max(without)}


def group_estimates() -> dict[str, Estimate | float]:
    firms, groups, found = load("firm_panel"), load("group_panel"), {}
    for size, largest in SIZES.items():
        starters = samples.group_starters(groups, largest)
        stoppers = samples.group_stoppers(groups, largest)
        found[f"group/starters/{size}"], found[f"group/stoppers/{size}"] = on_post(starters), on_post(stoppers)
        found[f"group/starters_count/{size}"] = starters_of(starters)
        found[f"group/stoppers_count/{size}"] = starters_of(stoppers, "stopper")
        if size == "all":
            found |= path(stoppers, "group/stoppers_path/all")
        if size != "le100":
            found |= path(starters, f"group/path/{size}")
            found |= studies(starters, "group/starters", size)
            found |= exit_estimates(samples.exits(starters, groups), size)
    starters = samples.with_firms(samples.group_starters(groups), firms)
    for side, rows in {"in": starters[starters["in_firm_panel"] == 1],
                       "outside": starters[starters["in_firm_panel"] == 0]}.items():  # fmt: skip
        found[f"group/starters/{side}_firm_panel"] = on_post(rows)
        found[f"group/starters_count/{side}_firm_panel"] = starters_of(rows)
    for outcome in ("sales", "sales_per_head", "assets"):
        found[f"group/starters_{outcome}/all"] = on_post(starters, f"ln_{outcome}")
    split = samples.eligible(starters, firms)
    with models.noting():
        fit = pf.feols("y ~ post_within + post_outside | edinet_code + year", split, vcov={"CRV1": "edinet_code"})
        more = pf.feols("y ~ post_within + post | edinet_code + year", split, vcov={"CRV1": "edinet_code"})
    for side, some in {"within": 1, "outside": 0}.items():
        found[f"group/eligible/{side}"] = Estimate.of(fit, f"post_{side}", unit="log points")
        found[f"group/eligible_count/{side}"] = starters_of(split[split["within_sme_limit"] == some])
    found["group/eligible/difference"] = Estimate.of(more, "post_within", unit="log points")
    for name, only_j in {"j": True, "all": False}.items():
        growth = samples.growth_before(groups, firms, only_j)
        estimate = calls.ols(growth, "growth ~ fdi + ln_group0 + C(sector)", "fdi", "percentage points")
        found[f"group/placebo_growth/{name}"] = estimate
    return found


def exit_estimates(risk: pd.DataFrame, size: str) -> dict[str, Estimate | float]:
    """Points a year: the mean discrete change of a logit, the linear one, and what share of each arm leaves."""
    formula = "leaves ~ post + ln_group + C(year)"
    labels = risk["edinet_code"].astype("category").cat.codes
    clustered = {"cov_type": "cluster", "cov_kwds": {"groups": labels}}
    with models.noting():
        effect = smf.logit(formula, risk).fit(disp=0, maxiter=100, **clustered).get_margeff(dummy=True)
    linear = smf.ols(formula, risk).fit(use_t=True, **clustered)
    return {
        f"group/exit/{size}": Estimate.of(effect, "post").scaled(100, "points"),
        f"group/exit_linear/{size}": Estimate.of(linear, "post").scaled(100, "points"),
        f"group/exit_rate_started/{size}": 100 * risk.loc[risk["post"] == 1, "leaves"].mean(),
        f"group/exit_rate_never/{size}": 100 * risk.loc[risk["starter"] == 0, "leaves"].mean(),
    }


def library_route(found: dict | None = None) -> dict[str, dict]:
    """For `make golden`: every golden id from the library, in the words of the chapters."""
    found = found or {**jobs_estimates(), **group_estimates()}
    return refresh_golden.records(found)


@pytest.fixture(scope="module")
def estimates() -> dict[str, Estimate | float]:
    return {**jobs_estimates(), **group_estimates()}


@pytest.fixture(scope="module")
def library(estimates) -> dict[str, dict]:
    return library_route(estimates)


def test_the_library_gives_every_golden_id(library):
    assert set(library) == set(GOLDEN)


@pytest.mark.parametrize("id_", GOLDEN)
def test_library_equals_golden(library, id_):
    golden = {id_: {part: GOLDEN[id_][part] for part in ("value", "se", "n")}}
    assert refresh_golden.disagreements(golden, {id_: library[id_]}) == []


def test_make_golden_would_compare_the_same(by_hand, library):
    assert refresh_golden.disagreements(by_hand, library) == []


# ---------------------------------------------------------------------------------------------- what must hold
def test_the_bounds_lie_in_order(library):
    """Row by row, so also in every mean: parent, lower bound, upper bound; before the start they are one."""
    firms, groups = load("firm_panel"), load("group_panel")
    worst, lower, upper = (samples.jobs_in_japan(firms, groups, bound) for bound in ("worst", "lower", "upper"))
    assert (worst["jobs"] <= lower["jobs"]).all()
    assert (lower["jobs"] <= upper["jobs"]).all()
    assert np.array_equal(lower.loc[lower["post"] == 0, "jobs"], upper.loc[upper["post"] == 0, "jobs"])
    value = {name: library[f"jobs/starters/{name}"]["value"] for name in (
        "worst", "interval_low", "lower", "upper", "interval_high")}  # fmt: skip
    assert list(value.values()) == sorted(value.values())


def test_four_starts_and_three_nevers_are_false():
    wrong = samples.false_starts(load("firm_panel"), load("group_panel"))
    assert wrong["starter"].value_counts().to_dict() == {1: 4, 0: 3}
    frame = samples.jobs_in_japan(load("firm_panel"), load("group_panel"), "lower")
    assert starters_of(frame) == 55
    assert frame.attrs["left_out"]["starter with FDI in an earlier filing"] == 4
    assert frame.attrs["left_out"]["never-investor with FDI in a filing"] == 3


def test_everyone_is_counted_once():
    """In A, in the sample of starters or in that of stoppers, or left out for a reason."""
    groups = load("group_panel")
    everyone = samples.all_filers(groups)
    total = groups["edinet_code"].nunique()
    assert everyone["edinet_code"].nunique() + sum(everyone.attrs["left_out"].values()) == total
    for frame in (samples.group_starters(groups), samples.group_starters(groups, 300), samples.group_stoppers(groups)):
        counted = frame["edinet_code"].nunique() + sum(frame.attrs["left_out"].values())
        assert counted == everyone["edinet_code"].nunique()
    firms = load("firm_panel")
    jobs = samples.jobs_in_japan(firms, groups, "lower", largest=300)
    counted = jobs["edinet_code"].nunique() + sum(jobs.attrs["left_out"].values())
    assert counted == samples.sample_j(firms)["edinet_code"].nunique()


# ---------------------------------------------------------------------------------------------- the built site
PRIMARY = ("jobs/starters/lower", "jobs/starters/upper", "jobs/starters/interval_low", "jobs/starters/interval_high",
           "group/starters/le300", "group/stoppers/all")  # fmt: skip


@pytest.mark.site
def test_site_states_golden():
    """Every id of these that a page reports has its value, error and n; the primary ones are reported."""
    stated = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    assert set(PRIMARY) <= set(stated)
    wrong = []
    for id_ in (id_ for id_ in GOLDEN if id_ in stated):
        for part in ("value", "se", "n"):
            wanted, said = GOLDEN[id_][part], stated[id_][part]
            # An end of an interval or a count has no error, and its n stands at its exhibit.
            if wanted is not None and said != pytest.approx(wanted, rel=1e-6):
                wrong.append((id_, part, wanted, said))
    assert wrong == []
