"""The headline estimates by two routes: the library, as the chapters call it, and `second_route.py`, by hand.

`golden.json` holds what the second route gave when it was frozen. A difference means that the data, a definition or
an estimator changed: find out which before freezing anew (`make golden`, which calls this file's `library_route`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import calls
import pandas as pd
import pytest
import refresh_golden
import second_route
from conftest import ROOT, SITE

from goingglobal import load, models, results, samples

GOLDEN = json.loads((ROOT / "tests" / "estimates" / "golden.json").read_text(encoding="utf-8"))
SETS = [id_ for id_ in GOLDEN if "_set_" in id_]  # identified sets: the page shows them, but reports no id for them
REPORTED = [id_ for id_ in GOLDEN if id_ not in SETS]
CONTROLS = ["population_growth", "fdi_in_lag", "gdp_growth_lag"]


def same(found, golden: dict, rel: float = 1e-6) -> bool:
    """`found` is (value, se, n); an se or n of None must be None on both sides."""
    value, se, n = found
    return value == pytest.approx(golden["value"], rel=rel) and n == golden["n"] and (
        se is None if golden["se"] is None else se == pytest.approx(golden["se"], rel=rel)
    )  # fmt: skip


def triple(estimate: models.Estimate) -> tuple:
    return estimate.value, estimate.se, estimate.n


# ---------------------------------------------------------------------------------------------- the second route
@pytest.fixture(scope="module")
def by_hand() -> dict[str, dict]:
    return second_route.estimates()


def test_the_second_route_does_not_use_the_library():
    source = Path(second_route.__file__).read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "json", "sys", "pathlib", "numpy", "pandas", "scipy"}


def test_golden_and_second_route_have_the_same_ids(by_hand):
    assert list(by_hand) == list(GOLDEN)


def test_golden_covers_every_headline_estimate():
    path = ["m3", "m2", *(f"h{horizon}" for horizon in range(6))]
    forms = ["oecd38", "no_conduits", "no_conduits_controls", "placebo_lead"]
    designs = ["longdiff", "longdiff_sme", *(f"starters_{cut}" for cut in ("untrimmed", "trim70", "trim50", "trim30"))]
    wanted = {f"country/{form}/{source}" for form in forms for source in ("pwt", "ilo")}
    wanted |= {f"country/local_projection/{source}/{step}" for source in ("pwt", "ilo") for step in path}
    wanted |= {f"firm/{design}/{outcome}" for design in designs for outcome in ("parent", "group")}
    wanted |= {f"firm/starters_honest/{target}_{m}_set_{end}"
               for target in ("average", "impact") for m in ("m50", "m100") for end in ("low", "high")}  # fmt: skip
    assert wanted | {"firm/starters_cs/parent"} <= set(GOLDEN)


@pytest.mark.parametrize("id_", GOLDEN)
def test_second_route_still_gives_golden(by_hand, id_):
    record = by_hand[id_]
    assert same((record["value"], record["se"], record["n"]), GOLDEN[id_]), (record, GOLDEN[id_])
    assert GOLDEN[id_]["origin"] == record["origin"]


# ---------------------------------------------------------------------------------------------- the library
@pytest.fixture(scope="module")
def library() -> dict[str, tuple]:
    """Every golden id from the library, in the words of the chapters."""
    return {**country_estimates(), **firm_estimates()}


def library_route(found: dict[str, tuple] | None = None) -> dict[str, dict]:
    """For `make golden`: the same, as nested as golden has it."""
    found = found or {**country_estimates(), **firm_estimates()}
    return {id_: dict(zip(("value", "se", "n"), parts, strict=True)) for id_, parts in found.items()}


def country_estimates() -> dict[str, tuple]:
    panel, found = load("country_panel"), {}
    forms = {
        "oecd38": ("growth ~ fdi_lag", True),
        "no_conduits": ("growth ~ fdi_lag", False),
        "no_conduits_controls": (" + ".join(["growth ~ fdi_lag", *CONTROLS]), False),
        "placebo_lead": (" + ".join(["growth ~ fdi_lead", *CONTROLS]), False),
    }
    for source in ("pwt", "ilo"):
        for name, (formula, conduits) in forms.items():
            sample = samples.country_changes(panel, source, conduits)
            estimate = calls.two_way(sample, formula, "unit", ("iso3", "year"), "iso3")
            found[f"country/{name}/{source}"] = triple(estimate)
        sample = samples.country_changes(panel, source, conduits=False)
        for horizon in (-3, -2, 0, 1, 2, 3, 4, 5):
            stem, column = (f"h{horizon}", horizon) if horizon >= 0 else (f"m{-horizon}", f"m{-horizon}")
            formula = " + ".join([f"cumulative_{column} ~ fdi_lag", *CONTROLS])
            estimate = calls.two_way(sample, formula, "unit", ("iso3", "year"), "iso3")
            found[f"country/local_projection/{source}/{stem}"] = triple(estimate)
    return found


def firm_estimates() -> dict[str, tuple]:
    firms, found = load("firm_panel"), {}
    cuts = {"untrimmed": None, "trim70": 0.7, "trim50": 0.5, "trim30": 0.3}
    for outcome in ("parent", "group"):
        for name, largest in {"longdiff": None, "longdiff_sme": 300}.items():
            long = samples.long_differences(firms, largest_parent=largest)
            estimate = calls.ols(long, f"{outcome} ~ fdi + ln_parent0 + C(sector)", "fdi", "percentage points a year")
            found[f"firm/{name}/{outcome}"] = triple(estimate)
        for name, cut in cuts.items():
            sample = samples.starters(firms, cut, outcome)
            estimate = calls.two_way(sample, "y ~ post", "log points", ("edinet_code", "year"), "edinet_code")
            found[f"firm/starters_{name}/{outcome}"] = triple(estimate)
            treated = sample.loc[sample["starter"] == 1, "edinet_code"].nunique()
            found[f"firm/starters_{name}_count/{outcome}"] = (float(treated), None, None)
    study = models.event_study(samples.starters(firms, 0.7))
    near = models.event_study(samples.event_window(samples.starters(firms, 0.7), before=4, after=3))
    found["firm/starters_cs/parent"] = triple(study.overall)
    for stem, which in {"": study, "near_": near}.items():
        for target in ("average", "impact"):
            for row in models.honest_bounds(which, (0.5, 1.0), target).itertuples():
                ends = {"low": row.ci_low, "high": row.ci_high, "set_low": row.bound_low, "set_high": row.bound_high}
                for end, value in ends.items():
                    found[f"firm/starters_honest/{stem}{target}_m{round(100 * row.M)}_{end}"] = (value, None, None)
    return found


def test_the_library_gives_every_golden_id(library):
    assert set(library) == set(GOLDEN)


@pytest.mark.parametrize("id_", GOLDEN)
def test_library_equals_golden(library, id_):
    assert same(library[id_], GOLDEN[id_]), (library[id_], GOLDEN[id_])


def test_make_golden_would_compare_the_same(by_hand, library):
    assert refresh_golden.disagreements(by_hand, library_route(library)) == []


def test_quantile_regressions_come_near_the_exact_solution():
    """Against a linear programme: the same two digits as shown, and within a thirtieth of the standard error."""
    exact, firms, formula = second_route.exact_quantiles(), load("firm_panel"), "{} ~ fdi + ln_parent0 + C(sector)"
    quantiles = {"median": 0.5, "q10": 0.1, "q90": 0.9}
    for id_, wanted in exact.items():
        _, name, outcome = id_.split("/")
        sample = samples.long_differences(firms, largest_parent=300 if "sme" in name else None)
        quantile = quantiles[name.rpartition("_")[2]]
        found = calls.median(sample, formula.format(outcome), "fdi", "points", quantile)
        assert abs(found.value - wanted) < found.se / 30, id_
        assert f"{found.value:.2f}" == f"{wanted:.2f}", id_
    assert len(exact) == 8


# ---------------------------------------------------------------------------------------------- the built site
@pytest.mark.site
@pytest.mark.parametrize("id_", REPORTED)
def test_site_states_golden(id_):
    record = results.read(SITE / "results.json", id_)
    assert same((record["value"], record["se"], record["n"]), GOLDEN[id_]), (record, GOLDEN[id_])


@pytest.mark.site
def test_site_shows_the_golden_identified_sets():
    """The CSV under the exhibit: average and impact, whole path and near window, at M of 0.5 and 1; six digits."""
    shown = pd.read_csv(SITE / "exhibits" / "tab-honest.csv")
    targets = ("average", "impact", "near_average", "near_impact")
    for end, column in {"set_low": "bound_low", "set_high": "bound_high"}.items():
        ids = [f"firm/starters_honest/{target}_{m}_{end}" for target in targets for m in ("m50", "m100")]
        wanted = [GOLDEN[id_]["value"] for id_ in ids]
        assert shown[column].tolist() == pytest.approx(wanted, rel=1e-5)


# ---------------------------------------------------------------------------------------------- the order of hashes
HASHED = """
import warnings; warnings.simplefilter("ignore")
import pyfixest as pf
from goingglobal import load, samples
countries = samples.country_changes(load("country_panel"), "ilo", conduits=False)
controls = "population_growth + fdi_in_lag + gdp_growth_lag"
lead = pf.feols(f"growth ~ fdi_lead + {controls} | iso3 + year", countries, vcov={"CRV1": "iso3"})
firms = samples.starters(load("firm_panel"), 0.7)
post = pf.feols("y ~ post | edinet_code + year", firms, vcov={"CRV1": "edinet_code"})
print(repr(float(lead.se()["fdi_lead"])), repr(float(post.se()["post"])))
"""


@pytest.mark.proof
def test_clustered_errors_do_not_depend_on_the_hash_seed():
    """pyfixest 0.60 takes effects in the order of a set: with blanks around the plus the ninth digit depends on it.

    Without them ("| iso3+year") errors are 1.6 % and 0.1 % smaller under some seeds, as the wrong effect counts as
    nested: `Estimate.of` refuses such a fit (test_models.py).
    """
    running = [
        subprocess.Popen([sys.executable, "-c", HASHED], env={**os.environ, "PYTHONHASHSEED": seed}, text=True,
                         stdout=subprocess.PIPE)
        for seed in ("1", "6")
    ]  # fmt: skip
    texts = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    first, second = ([float(word) for word in text.split()] for text in texts)
    golden = [GOLDEN["country/placebo_lead/ilo"]["se"], GOLDEN["firm/starters_trim70/parent"]["se"]]
    assert first == pytest.approx(second, rel=1e-7)
    assert first == pytest.approx(golden, rel=1e-6)
