"""Those already abroad, and pay, levels, shares and trimming of starters, by two routes: the library and by hand.

`golden_abroad.json` holds what `second_route_abroad.py` gave when it was frozen. A difference means that the data, a
definition or an estimator changed: find out which before freezing anew (`make golden`, which calls this file's
`library_route`).
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
import second_route_abroad
import second_route_jobs as jobs
from conftest import ROOT, SITE
from scipy import stats
from statsmodels.stats.multitest import multipletests

from goingglobal import load, models, samples
from goingglobal.models import Estimate

HERE = ROOT / "tests" / "estimates"
GOLDEN = json.loads((HERE / "golden_abroad.json").read_text(encoding="utf-8"))
GOLDEN_JOBS = json.loads((HERE / "golden_jobs.json").read_text(encoding="utf-8"))
FIRM = ("edinet_code", "year")
YEARS = (2017, 2018, 2019, 2020, 2022, 2023, 2024, 2025)


# ---------------------------------------------------------------------------------------------- the second route
@pytest.fixture(scope="module")
def by_hand() -> dict[str, dict]:
    return second_route_abroad.estimates()


def test_the_second_route_does_not_use_the_library():
    source = Path(second_route_abroad.__file__).read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "collections", "functools", "json", "sys", "numpy", "pandas", "scipy",
                        "second_route", "second_route_jobs"}  # fmt: skip


def test_golden_and_second_route_have_the_same_ids(by_hand):
    assert list(by_hand) == list(GOLDEN)


def test_the_second_route_covers_what_the_design_asks_for(by_hand):
    wanted = {f"yen/{outcome}/{year}" for outcome in ("parent", "group") for year in YEARS}
    wanted |= {"yen/firms", "yen/mean_dose", "parent/pay", "parent/age"}
    wanted |= {f"jobs/starters_levels/{bound}" for bound in ("lower", "upper")}
    wanted |= {f"group/starters_levels/{size}" for size in ("all", "le300")} | {"firm/starters_levels/parent"}
    wanted |= {f"firm/starters_share{least}{part}" for least in (10, 20) for part in ("/parent", "_count")}
    wanted |= {f"firm/longdiff_both_sizes/{outcome}" for outcome in ("parent", "group")}
    assert set(by_hand) == wanted | {"firm/trimming_difference/parent"}


@pytest.mark.parametrize("id_", GOLDEN)
def test_second_route_still_gives_golden(by_hand, id_):
    record = dict(by_hand[id_])
    assert record.pop("origin") == GOLDEN[id_]["origin"]
    assert refresh_golden.disagreements({id_: GOLDEN[id_]}, {id_: record}) == []


# ---------------------------------------------------------------------------------------------- the library
def on_post(sample: pd.DataFrame, outcome: str) -> Estimate:
    return calls.two_way(sample, f"{outcome} ~ post", "log points", FIRM, "edinet_code")


def level(sample: pd.DataFrame, outcome: str) -> Estimate:
    with models.noting():
        fit = pf.fepois(f"{outcome} ~ post | edinet_code + year", sample, vcov={"CRV1": "edinet_code"})
    return Estimate.of(fit, "post", unit="log points")


def yen_estimates() -> dict[str, Estimate | float]:
    sample = samples.yen_exposure(load("firm_panel"))
    dose = sample.drop_duplicates("edinet_code")["dose"]
    found: dict[str, Estimate | float] = {"yen/firms": float(len(dose)), "yen/mean_dose": dose.mean()}
    for outcome in ("parent", "group"):
        formula = f"ln_{outcome} ~ i(year, dose, ref=2021) | edinet_code + sector^year"
        with models.noting():
            fit = pf.feols(formula, sample, vcov={"CRV1": "edinet_code"})
        found |= {f"yen/{outcome}/{year}": Estimate.of(fit, f"year::{year}:dose", unit="log points") for year in YEARS}
    return found


def starters_estimates() -> dict[str, Estimate | float]:
    firms, groups, found = load("firm_panel"), load("group_panel"), {}
    whole = samples.starters(firms)
    false = samples.false_starts(firms, groups)["edinet_code"]
    clean = whole[~whole["edinet_code"].isin(false)]
    clean = clean.assign(pay=100 * np.log(clean["average_pay_yen"]), age=clean["average_age"])
    found |= {f"parent/{outcome}": on_post(clean, outcome) for outcome in ("pay", "age")}
    for bound in ("lower", "upper"):
        found[f"jobs/starters_levels/{bound}"] = level(samples.jobs_in_japan(firms, groups, bound), "jobs")
    for size, largest in {"all": None, "le300": 300}.items():
        filers = samples.group_starters(groups, largest)
        found[f"group/starters_levels/{size}"] = level(filers, "group_employees")
    found["firm/starters_levels/parent"] = level(clean, "parent_employees")
    share = whole.groupby("edinet_code")["parent_share"].transform("first")
    for least in (10, 20):
        kept = whole[share >= least]
        found[f"firm/starters_share{least}/parent"] = on_post(kept, "y")
        count = kept.loc[kept["starter"] == 1, "edinet_code"].nunique()
        found[f"firm/starters_share{least}_count"] = float(count)
    return found | {"firm/trimming_difference/parent": trimming(whole)}


def trimming(whole: pd.DataFrame) -> Estimate:
    """Both samples in one regression, each with firm and year effects of its own; firms cluster over both."""
    both = pd.concat([whole.assign(trimmed=0), samples.trim_jumps(whole, 0.7).assign(trimmed=1)])
    both = both.assign(post_trimmed=both["post"] * both["trimmed"])
    with models.noting():
        fit = pf.feols(
            "y ~ post_trimmed + post | edinet_code^trimmed + year^trimmed", both, vcov={"CRV1": "edinet_code"}
        )
    return Estimate.of(fit, "post_trimmed", unit="log points")


def both_sizes() -> dict[str, Estimate]:
    firms = load("firm_panel")
    growth = samples.long_differences(firms)
    start = samples.sample_j(firms).query("year == 2017").set_index("edinet_code")["ln_group"]
    growth = growth.assign(ln_group0=growth["edinet_code"].map(start))
    return {f"firm/longdiff_both_sizes/{outcome}": calls.ols(
        growth, f"{outcome} ~ fdi + ln_parent0 + ln_group0 + C(sector)", "fdi", "percentage points a year")
        for outcome in ("parent", "group")}  # fmt: skip


def all_estimates() -> dict[str, Estimate | float]:
    return {**yen_estimates(), **starters_estimates(), **both_sizes()}


def library_route(found: dict | None = None) -> dict[str, dict]:
    """For `make golden`: every golden id from the library, in the words of the chapters."""
    found = found or all_estimates()
    return refresh_golden.records(found)


@pytest.fixture(scope="module")
def library() -> dict[str, dict]:
    return library_route()


def test_the_library_gives_every_golden_id(library):
    assert set(library) == set(GOLDEN)


@pytest.mark.parametrize("id_", GOLDEN)
def test_library_equals_golden(library, id_):
    golden = {id_: {part: GOLDEN[id_][part] for part in ("value", "se", "n")}}
    assert refresh_golden.disagreements(golden, {id_: library[id_]}) == []


def test_make_golden_would_compare_the_same(by_hand, library):
    assert refresh_golden.disagreements(by_hand, library) == []


# ---------------------------------------------------------------------------------------------- who is in
@pytest.fixture(scope="module")
def counts() -> dict[str, dict]:
    return second_route_abroad.counts()


def test_every_firm_has_one_place(counts):
    firms = {"J": samples.sample_j(load("firm_panel")), "A": samples.all_filers(load("group_panel"))}
    total = {name: frame["edinet_code"].nunique() for name, frame in firms.items()}
    assert sum(counts["J"].values()) == sum(counts["J without false starts"].values()) == total["J"]
    assert sum(counts["yen"].values()) == total["J"]
    assert sum(counts["A"].values()) == total["A"]
    arms = {name: counts[name]["starter"] + counts[name]["never"] for name in ("J", "J without false starts")}
    for rule in ("parent share 0.1", "parent share 0.2", "leaps below 0.7"):
        assert sum(counts[rule].values()) == arms["J"]
        assert sum(counts[f"{rule}, without false starts"].values()) == arms["J without false starts"]


def test_the_library_counts_the_same(counts):
    firms, groups = load("firm_panel"), load("group_panel")
    frames = {"J": samples.starters(firms), "J without false starts": samples.jobs_in_japan(firms, groups, "lower"),
              "A": samples.group_starters(groups), "A, at most 300": samples.group_starters(groups, 300),
              "leaps below 0.7": samples.starters(firms, trim=0.7)}  # fmt: skip
    for name, frame in frames.items():
        arms = frame.groupby("edinet_code")["starter"].first().value_counts().to_dict()
        assert arms == {1: counts[name]["starter"], 0: counts[name]["never"]}
    left_out = frames["J without false starts"].attrs["left_out"]
    assert sorted(left_out.values()) == sorted(
        count for name, count in counts["J without false starts"].items() if name not in ("starter", "never")
    )


def test_doses_by_hand():
    """In all four years, with FDI in each; the dose of two firms is clipped between the percentiles of both."""
    history = {"a": [1, 1, 1, 1], "b": [1, 1, 1, 1], "gap": [1, 1, 1], "pause": [1, 0, 1, 1], "later": [1, 1, 1, 1],
               "blank": [1, 1, 1, 1]}  # fmt: skip
    rows = [{"firm": firm, "year": (2021 if firm != "later" else 2022) + at, "fdi": fdi,
             "translation_adjustment_yen": {"a": 30.0, "b": 60.0, "blank": np.nan}.get(firm, 9.0) * at,
             "total_assets_yen": 1000.0}
            for firm, years in history.items() for at, fdi in enumerate(years)]  # fmt: skip
    found, why = second_route_abroad.doses(pd.DataFrame(rows))
    assert found == pytest.approx({"a": 0.3 + 0.003, "b": 0.6 - 0.003})
    assert why == {"not seen in every year 2021–24": 2, "no FDI in some year 2021–24": 1, "accounts missing": 1}


def test_poisson_by_hand_drops_firms_without_anyone_as_pyfixest_does():
    draw = np.random.default_rng(5)
    rows = pd.DataFrame([(firm, year) for firm in range(40) for year in range(2017, 2025)], columns=["firm", "year"])
    rows = rows[(rows["firm"] != 3) | (rows["year"] == 2020)]
    rows = rows.assign(post=((rows["firm"] % 4 == 0) & (rows["year"] > 2019 + rows["firm"] % 3)) * 1.0)
    rows = rows.assign(people=draw.poisson(4 + 0.3 * rows["firm"] + 3 * rows["post"]) * (rows["firm"] != 7))
    with models.noting() as notes:
        fit = pf.fepois("people ~ post | firm + year", rows, vcov={"CRV1": "firm"}, iwls_tol=1e-12)
    assert notes
    found = second_route_abroad.poisson(rows, "people")
    assert found["n"] == fit._N == 38 * 8
    assert (found["value"], found["se"]) == pytest.approx((fit.coef()["post"], fit.se()["post"]), rel=1e-7)


# ---------------------------------------------------------------------------------------------- many tests
@pytest.mark.parametrize("ps", [
    [0.04], [0.01, 0.04], [0.04, 0.01], [0.03, 0.03, 0.01], [0.6, 0.7, 0.2], [0.0, 1.0, 0.02],
    list(np.random.default_rng(2).uniform(size=30) ** 3),
])  # fmt: skip
def test_holm_by_hand_equals_statsmodels(ps):
    assert second_route_abroad.holm(ps) == pytest.approx(multipletests(ps, method="holm")[1], rel=1e-14)


@pytest.mark.parametrize("odd", [1.2, np.nan])
def test_holm_refuses_what_is_no_p(odd):
    with pytest.raises(ValueError, match="between 0 and 1"):
        second_route_abroad.holm([0.1, odd])


def test_the_primary_estimates_have_the_librarys_p():
    firms, groups = load("firm_panel"), load("group_panel")
    frames = {
        "jobs/starters/lower": samples.jobs_in_japan(firms, groups, "lower"),
        "jobs/starters/upper": samples.jobs_in_japan(firms, groups, "upper"),
        "group/starters/le300": samples.group_starters(groups, 300),
        "group/stoppers/all": samples.group_stoppers(groups),
    }
    found = second_route_abroad.primary()
    assert list(found) == list(frames)
    for id_, frame in frames.items():
        made, mine = on_post(frame, "y"), found[id_]
        assert [mine[part] for part in ("value", "se", "n")] == pytest.approx(
            [GOLDEN_JOBS[id_][part] for part in ("value", "se", "n")], rel=1e-6
        )
        assert mine["firms"] == made.groups
        assert mine["p"] == pytest.approx(made.p, rel=1e-5)


# ---------------------------------------------------------------------------------------------- the built site
@pytest.mark.site
def test_site_states_golden():
    """Every id of these that a page reports has its value, error and n."""
    stated = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    wrong = []
    for id_ in (id_ for id_ in GOLDEN if id_ in stated):
        for part in ("value", "se", "n"):
            wanted, said = GOLDEN[id_][part], stated[id_][part]
            # A count or a mean has no error, and its n stands at its exhibit.
            if wanted is not None and said != pytest.approx(wanted, rel=1e-6):
                wrong.append((id_, part, wanted, said))
    assert wrong == []


@pytest.mark.site
def test_site_states_the_primary_p_and_holms():
    """The firms' p by this route, the bootstrap's as chapter 1 has it, Europe's from its error; Holm by hand."""
    stated = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    ours, europe = second_route_abroad.primary(), stated["both/eu_industry/main"]
    wanted = {
        "jobs_lower": ours["jobs/starters/lower"]["p"], "jobs_upper": ours["jobs/starters/upper"]["p"],
        "small_groups": ours["group/starters/le300"]["p"], "groups_that_stop": ours["group/stoppers/all"]["p"],
        "us_parents": stated["both/us_parents_wild/year"]["value"],
        "eu_industries": 2 * stats.t.sf(abs(europe["value"] / europe["se"]), europe["groups"] - 1),
    }  # fmt: skip
    said = {name: stated[f"primary/{name}/p"]["value"] for name in wanted}
    assert said == pytest.approx(wanted, rel=1e-5)
    adjusted = [stated[f"primary/{name}/holm"]["value"] for name in wanted]
    assert adjusted == pytest.approx(second_route_abroad.holm(list(said.values())), rel=1e-12)


@pytest.mark.site
def test_site_states_by_hand_what_has_no_frozen_value():
    """Leads of the parents over the groups, firms one by one out, years with one bound, a large dose of the yen."""
    stated = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    found = {f"firm/longdiff{sizes}/gap": made for sizes, made in second_route_abroad.gaps().items()}
    bounds = jobs.bounds()
    lower = bounds["lower"]
    after = (lower["post"] == 1).to_numpy()
    one = np.isclose(lower["y"], bounds["upper"]["y"], rtol=0, atol=1e-12)[after]
    found["jobs/bounds_same/share"] = {"value": 100 * one.mean(), "se": None, "n": int(after.sum())}
    starters, with_zero = lower.loc[after, "firm"].unique(), 0
    for firm in starters:
        rows = lower[lower["firm"] != firm]
        made = jobs.effects(rows, "y", ["post"])["post"]
        reach = stats.t.ppf(0.975, second_route_abroad.lasting(rows)["firm"].nunique() - 1)
        with_zero += made["value"] - reach * made["se"] <= 0
    found["jobs/starters_one_out/with_zero"] = {"value": with_zero, "se": None, "n": len(starters)}
    dose, _ = second_route_abroad.doses(jobs.listed())
    large, yen = np.percentile(list(dose.values()), 90), stated["yen/parent/2025"]
    found["yen/p90_dose"] = {"value": large, "se": None, "n": len(dose)}
    for end in ("low", "high"):
        found[f"yen/parent_p90/{end}"] = {"value": large * yen[f"ci_{end}"], "se": None, "n": None}
    said = {id_: {part: stated[id_][part] for part in ("value", "se", "n")} for id_ in found}
    assert refresh_golden.disagreements(found, said) == []
