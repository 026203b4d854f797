"""What chapters 3 and 4 add, by two routes: the library, as the chapters call it, and `second_route_support.py`.

`golden_support.json` holds what the second route gave when it was frozen. A difference means that the data, a
definition or an estimator changed: find out which before freezing anew (`make golden` calls this file's
`library_route`).
"""

from __future__ import annotations

import json
from pathlib import Path

import calls
import numpy as np
import pyfixest as pf
import pytest
import refresh_golden
import second_route_support
from conftest import ROOT, SITE

from goingglobal import designs, load, models, results, samples
from goingglobal.models import Estimate

GOLDEN = json.loads((ROOT / "tests" / "estimates" / "golden_support.json").read_text(encoding="utf-8"))
STAFF, WAYS = ("parent", "group"), ("regression", "ipw_att", "aipw_ate")
IN_POINTS = {"support/ratio/first_stage"}  # a share here, percentage points on the page


@pytest.fixture(scope="module")
def by_hand() -> dict[str, dict]:
    return second_route_support.estimates()


@pytest.fixture(scope="module")
def by_library() -> dict[str, dict]:
    return library_route()


def test_the_second_route_does_not_use_the_library():
    source = Path(second_route_support.__file__).read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "json", "sys", "numpy", "pandas", "second_route", "second_route_jobs",
                        "second_route_policy"}  # fmt: skip


@pytest.mark.parametrize("id_", GOLDEN)
def test_second_route_still_gives_golden(by_hand, id_):
    record = dict(by_hand[id_])
    assert record.pop("origin") == GOLDEN[id_]["origin"]
    assert refresh_golden.disagreements({id_: GOLDEN[id_]}, {id_: record}) == []


def test_golden_and_second_route_have_the_same_ids(by_hand):
    assert list(by_hand) == list(GOLDEN)


def test_both_routes_agree(by_hand, by_library):
    assert refresh_golden.disagreements(by_hand, by_library) == []


def test_eligible_groups_are_those_of_the_jobs_file():
    """Chapter 4 shows what `golden_jobs.json` froze as `group/eligible/*`."""
    other = json.loads((ROOT / "tests" / "estimates" / "golden_jobs.json").read_text(encoding="utf-8"))
    for part in ("eligible/within", "eligible/outside", "eligible/difference", "eligible_count/within",
                 "eligible_count/outside"):  # fmt: skip
        mine, theirs = ({key: record[key] for key in ("value", "se", "n") if record[key] is not None}
                        for record in (GOLDEN[f"support/{part}"], other[f"group/{part}"]))  # fmt: skip
        assert mine == pytest.approx(theirs, rel=1e-9), part


# ---------------------------------------------------------------------------------------------- the library
def countries() -> dict[str, Estimate]:
    table, right = load("firm_management"), "mne_d ~ management + ln_employees"
    every = samples.management(table, None, ownership_known=True)
    found = {
        "wms/management_all": calls.ols(every, f"{right} + C(country)", "management"),
        "wms/management_all_clustered": calls.ols(every, f"{right} + C(country)", "management", cluster="country"),
        "wms/management_all_owners": calls.ols(samples.management(table, None), f"{right} + C(country)", "management"),
    }
    for country in ("Germany", "Japan"):
        here = (every["country"] == country).astype(int)
        rows = every.assign(own_score=here * every["management"], own_size=here * every["ln_employees"])
        found[f"wms/management_difference/{country}"] = calls.ols(
            rows, f"{right} + own_score + own_size + C(country)", "own_score")
    return found


def specifications() -> dict[str, Estimate | float]:
    long, six = samples.investors(load("firm_panel")), list(samples.COVARIATES)
    sized = long.assign(ln_group0=long["ln_parent0"] - np.log(long["parent_share0"] / 100))
    within, calm = samples.shared_sectors(sized), samples.shared_sectors(sized[sized["reorganised"] == 0])
    five = [name for name in six if name != "manufacturing"]
    found: dict[str, Estimate | float] = {}
    for name, (rows, terms, effect) in {
        "six": (sized, six, None), "group_size": (sized, [*six, "ln_group0"], None),
        "sectors": (within, five, "sector"),
        "sectors_group_size": (within, [*five, "ln_group0"], "sector"),
        "no_holdings": (calm, [*five, "ln_group0"], "sector"),
    }.items():  # fmt: skip
        others = " + ".join([*terms, *(["C(sector)"] if effect else [])])
        for staff in STAFF:
            effects = designs.weighted_effects(rows, staff, "fdi", terms, "points", draws=0, within=effect)
            effects["regression"] = calls.ols(rows, f"{staff} ~ fdi + {others}", "fdi")
            found |= {f"barriers/spec/{name}/{way}/{staff}": effects[way] for way in WAYS}
        weights = designs.propensities(rows, "fdi", terms, within=effect)
        found[f"barriers/spec/{name}/effective_stayers"] = designs.effective_size(
            weights.loc[weights["fdi"] == 0, "weight"])
    return found


def on_post(rows, staff: str = "y", weights: str | None = None, term: str = "post", right: str = "post") -> Estimate:
    rows = rows[rows.duplicated("edinet_code", keep=False)]
    with models.noting():
        fit = pf.feols(f"{staff} ~ {right} | edinet_code + year", rows, vcov={"CRV1": "edinet_code"}, weights=weights)
    return Estimate.of(fit, term, unit="log points")


def starters_of(rows) -> float:
    return float(rows.loc[rows["starter"] == 1, "edinet_code"].nunique())


def panels() -> dict[str, Estimate | float]:
    firms, groups = load("firm_panel"), load("group_panel")
    jobs, filers = samples.jobs_in_japan(firms, groups, "lower"), samples.group_starters(groups)
    at_home, all_groups = samples.jobs_with_accounts(jobs, firms), samples.group_with_accounts(filers)
    before = [*samples.COVARIATES, "ln_group0"]
    found: dict[str, Estimate | float] = {}
    for name, (staff, rows, known) in {
        "jobs_lower": ("y", at_home, before), "jobs_upper": ("ln_group", at_home, before),
        "group_all": ("y", all_groups, ["ln_group0", "ln_assets0", "ln_sales0"]),
    }.items():  # fmt: skip
        odds = designs.propensities(rows.drop_duplicates("edinet_code"), "starter", known).set_index("edinet_code")
        rows = rows.assign(odds=rows["edinet_code"].map(odds["weight"]))
        found[f"barriers/starters/{name}"] = on_post(rows, staff)
        found[f"barriers/starters_ipw/{name}"] = on_post(rows, staff, "odds")
    found["barriers/starters_count/jobs"] = starters_of(at_home)
    found["barriers/starters_count/group"] = starters_of(all_groups)
    split, limited = samples.eligible(filers, firms), samples.jobs_by_limit(jobs)
    for stem, rows, staff in (("eligible", split, "y"), ("eligible_lower", limited, "y"),
                              ("eligible_upper", limited, "ln_group")):  # fmt: skip
        for side in ("within", "outside"):
            found[f"support/{stem}/{side}"] = on_post(
                rows, staff, term=f"post_{side}", right="post_within + post_outside")
        found[f"support/{stem}/difference"] = on_post(rows, staff, term="post_within", right="post_within + post")
    for stem, rows, column in (("eligible", split, "within_sme_limit"), ("eligible_lower", limited, "within")):
        for side, flag in {"within": 1, "outside": 0}.items():
            found[f"support/{stem}_count/{side}"] = starters_of(rows[rows[column] == flag])
    return found | ratios(samples.jobs_growth(jobs))


def ratios(grown) -> dict[str, Estimate | float]:
    found: dict[str, Estimate | float] = {}
    for name, column in {"lower": "jobs", "upper": "group", "parent": "parent"}.items():
        ratio = designs.ratio_at_cutoff(grown, column, "starter", "parent0", 300.5, "points")
        found[f"support/ratio/{name}"] = ratio.estimate
        found[f"support/ratio/{name}_finite_ends"] = float(ratio.finite_ends)
        found[f"support/ratio/{name}_largest"] = ratio.statistic(np.linspace(-1e4, 1e4, 200_001)).max()
        if name == "lower":
            start = ratio.first_stage.estimate
            found["support/ratio/first_stage"], found["support/ratio/jobs"] = start, ratio.reduced_form.estimate
            found["support/ratio/first_stage_f"] = (start.value / start.se) ** 2
    return found


def library_route() -> dict[str, dict]:
    """For `make golden`: what the library says of every golden id."""
    found = countries() | specifications() | panels()
    return refresh_golden.records(found)


# ---------------------------------------------------------------------------------------------- the built site
@pytest.mark.site
@pytest.mark.parametrize("id_", GOLDEN)
def test_site_states_golden(id_):
    record, golden = results.read(SITE / "results.json", id_), GOLDEN[id_]
    scale = 100 if id_ in IN_POINTS else 1
    assert record["value"] / scale == pytest.approx(golden["value"], rel=1e-6)
    if golden["se"] is not None:
        assert record["se"] / scale == pytest.approx(golden["se"], rel=1e-6)
        assert record["n"] == golden["n"]
