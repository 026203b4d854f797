"""Both sides counted and chapter 1's other errors, by two routes: the library and `second_route_both.py`, by hand.

`golden_both.json` holds what the second route gave when it was frozen. A difference means that the data, a definition
or an estimator changed: find out which before freezing anew (`make golden`, which calls this file's `library_route`).
"""

from __future__ import annotations

import json
from pathlib import Path

import pyfixest as pf
import pytest
import refresh_golden
import second_route_both
from conftest import ROOT, SITE

from goingglobal import designs, load, samples
from goingglobal.models import Estimate

GOLDEN = json.loads((ROOT / "tests" / "estimates" / "golden_both.json").read_text(encoding="utf-8"))
CONTROLS = ["population_growth", "fdi_in_lag", "gdp_growth_lag"]
LEFT_OUT = {"missing": "missing, zero or negative", "break": "break in the series", "few": "few staff abroad",
            "trimmed": "trimmed", "alone": "alone in a country and year or an industry and year"}  # fmt: skip


# ---------------------------------------------------------------------------------------------- the second route
@pytest.fixture(scope="module")
def by_hand() -> dict[str, dict]:
    return second_route_both.estimates()


def test_the_second_route_does_not_use_the_library():
    source = Path(second_route_both.__file__).read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "itertools", "json", "math", "sys", "numpy", "pandas", "scipy",
                        "second_route"}


def test_golden_and_second_route_have_the_same_ids(by_hand):
    assert list(by_hand) == list(GOLDEN)


def test_golden_covers_what_the_design_asks_for():
    wanted = {f"both/eu_industry/{name}" for name in ("main", "value_added", "manufacturing", "all_cells", "long")}
    wanted |= {f"both/us_parents{stem}/{name}" for stem in ("", "_wild")
               for name in ("year", "year_industry", "no_benchmark")}  # fmt: skip
    wanted |= {f"both/us_parents_hosts/{name}" for name in ("low_wage", "high_wage")}
    wanted |= {f"country/feedback/{source}/{side}" for source in ("pwt", "ilo") for side in ("lead", "lag")}
    wanted |= {f"country/errors/{name}/pwt" for name in ("two_way", "driscoll_kraay")} | {"country/errors_wild/pwt"}
    wanted |= {f"country/winsorised_{share}/{source}" for share in ("p1", "p5") for source in ("pwt", "ilo")}
    assert wanted <= set(GOLDEN)


@pytest.mark.parametrize("id_", GOLDEN)
def test_second_route_still_gives_golden(by_hand, id_):
    record = dict(by_hand[id_])
    assert record.pop("origin") == GOLDEN[id_]["origin"]
    assert refresh_golden.disagreements({id_: GOLDEN[id_]}, {id_: record}) == []


# ---------------------------------------------------------------------------------------------- the library
def ends(stem: str, estimate: Estimate) -> dict[str, float]:
    return {f"{stem}/low": estimate.ci_low, f"{stem}/high": estimate.ci_high}


def european_estimates() -> dict[str, Estimate | float]:
    table, found = load("affiliates_europe"), {}
    forms = {"main": {}, "value_added": {"outcome": "value_added"}, "manufacturing": {"industries": "manufacturing"},
             "all_cells": {"smallest": 0}, "untrimmed": {"trimmed": False}}  # fmt: skip
    for name, options in forms.items():
        rows = samples.both_sides_europe(table, **options)
        fit = pf.feols("home ~ abroad | country_year + industry_year", rows, vcov={"CRV1": "country_industry"})
        found[f"both/eu_industry/{name}"] = Estimate.of(fit, "abroad", unit="% per %")
        if name == "main":
            found |= ends("both/eu_industry_interval", found["both/eu_industry/main"])
            found |= {f"both/eu_industry_left_out/{why}": rows.attrs["left_out"][words]
                      for why, words in LEFT_OUT.items()}  # fmt: skip
    for name, trimmed in {"long": True, "long_untrimmed": False}.items():
        rows = samples.both_sides_europe(table, trimmed=trimmed, years=5)
        fit = pf.feols("home ~ abroad | country + industry", rows, vcov={"CRV1": "country"})
        found[f"both/eu_industry/{name}"] = Estimate.of(fit, "abroad", unit="% per %")
    return found


def american_estimates() -> dict[str, Estimate | float]:
    table, found = load("us_multinationals"), {}
    both = samples.both_sides_us(table)
    forms = {"year": (both, ["year"]), "year_industry": (both, ["year", "industry"]),
             "no_benchmark": (samples.both_sides_us(table, benchmark=False), ["year"])}  # fmt: skip
    for name, (rows, effects) in forms.items():
        fit = pf.feols(f"home ~ abroad | {' + '.join(effects)}", rows, vcov={"CRV1": "industry"})
        found[f"both/us_parents/{name}"] = Estimate.of(fit, "abroad", unit="% per %")
        found[f"both/us_parents_wild/{name}"] = designs.wild_cluster_p(rows, "home", "abroad", effects, "industry")
    split = pf.feols("home ~ low_wage + high_wage | year", both, vcov={"CRV1": "industry"})
    hosts = list(samples.low_pay_hosts(table).values())
    for name in ("low_wage", "high_wage"):
        found[f"both/us_parents_hosts/{name}"] = Estimate.of(split, name, unit="% per %")
        found |= ends(f"both/us_parents_hosts_interval/{name}", found[f"both/us_parents_hosts/{name}"])
        found[f"both/us_hosts_count/{name}"] = hosts.count(name == "low_wage")
    suppressed = both.attrs["left_out"]["host's cells suppressed in one of two years"]
    found |= ends("both/us_parents_interval", found["both/us_parents/year"])
    return found | {"both/us_hosts_count/suppressed": suppressed}


def country_estimates() -> dict[str, Estimate | float]:
    countries, found, unit = load("country_panel"), {}, "points per % of GDP"
    right = " + ".join(CONTROLS)
    for source in ("pwt", "ilo"):
        rows = samples.country_changes(countries, source, conduits=False)
        rows = rows.assign(code=rows["iso3"].astype("category").cat.codes)
        formula = f"growth ~ fdi_lag + {right} | iso3 + year"
        complete = rows.dropna(subset=["growth", "fdi_lag", *CONTROLS])
        two = pf.feols(formula, complete, vcov={"CRV1": "iso3 + year"})
        over = {"time_id": "year", "panel_id": "code", "lag": 3}
        kraay = pf.feols(formula, complete, vcov="DK", vcov_kwargs=over)
        found[f"country/errors/two_way/{source}"] = Estimate.of(two, "fdi_lag", unit=unit)
        found[f"country/errors/driscoll_kraay/{source}"] = Estimate.of(kraay, "fdi_lag", unit=unit)
        found[f"country/errors_wild/{source}"] = designs.wild_cluster_p(
            complete, "growth", "fdi_lag", ["iso3", "year"], "iso3", CONTROLS)
        fit = pf.feols(f"growth ~ fdi_lag + fdi_lead + growth_lag + {right} | iso3 + year", rows, vcov={"CRV1": "iso3"})
        for side in ("lag", "lead"):
            found[f"country/feedback/{source}/{side}"] = Estimate.of(fit, f"fdi_{side}", unit=unit)
        back = pf.feols(f"fdi_now ~ growth_lag + fdi_lag + {right} | iso3 + year", rows, vcov={"CRV1": "iso3"})
        found[f"country/feedback/{source}/fdi_on_growth"] = Estimate.of(back, "growth_lag", unit="% of GDP per point")
        for share in (0.01, 0.05):
            every = samples.country_changes(countries, source)
            for flow in ("fdi_lag", "fdi_in_lag"):
                every[flow] = every[flow].clip(*every[flow].quantile([share, 1 - share]))
            fit = pf.feols(formula, every, vcov={"CRV1": "iso3"})
            found[f"country/winsorised_p{round(100 * share)}/{source}"] = Estimate.of(fit, "fdi_lag", unit=unit)
    return found


def continuing() -> dict[str, float]:
    rows = load("industry_japan_continuing").query("industry_code == 'TTL'").set_index("fiscal_year")
    grown = 100 * (rows.loc[2024].drop(["industry", "industry_code"]) / rows.loc[2023].drop(
        ["industry", "industry_code"]) - 1)  # fmt: skip
    names = {"employees": "employees", "overseas": "subsidiaries_overseas", "domestic": "subsidiaries_home"}
    return {f"japan/continuing/{stem}": grown[name] for stem, name in names.items()}


def library_route() -> dict[str, dict]:
    """For `make golden`: every golden id from the library, in the words of the chapter."""
    found = {**european_estimates(), **american_estimates(), **country_estimates(), **continuing()}
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


# ---------------------------------------------------------------------------------------------- the built site
PRIMARY = ("both/us_parents/year", "both/eu_industry/main")


@pytest.mark.site
def test_site_states_golden():
    """Every id of these that a page reports has its value, error and n; the primary ones are reported."""
    stated = json.loads((SITE / "results.json").read_text(encoding="utf-8"))
    assert set(PRIMARY) <= set(stated)
    wrong = []
    for id_ in (id_ for id_ in GOLDEN if id_ in stated):
        for part in ("value", "se", "n"):
            wanted, said = GOLDEN[id_][part], stated[id_][part]
            if wanted is not None and said != pytest.approx(wanted, rel=1e-6, abs=1e-9):
                wrong.append((id_, part, wanted, said))
    assert wrong == []
