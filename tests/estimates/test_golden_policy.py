"""Chapters 3 and 4 by two routes: the library, as the chapters call it, and `second_route_policy.py`, by hand.

`golden_policy.json` holds what the second route gave when it was frozen. A difference means that the data, a definition
or an estimator changed: find out which before freezing anew (`make golden`, which calls this file's `library_route`).
"""

from __future__ import annotations

import json
from pathlib import Path

import calls
import diff_diff
import pytest
import refresh_golden
import second_route_policy
from conftest import ROOT, SITE, contents

from goingglobal import designs, load, models, results, samples

GOLDEN = json.loads((ROOT / "tests" / "estimates" / "golden_policy.json").read_text(encoding="utf-8"))
CUTOFF = 300.5
# What the chapters must report, by page: an id that is missing there fails, one more is checked by nobody.
REPORTED = {
    "book/barriers": [
        *(f"wms/{form}/{country}" for form in ("size_premium", "lpm_management") for country in ("Germany", "Japan")),
        *(f"barriers/{form}/parent"
          for form in ("raw_difference", "raw_difference_complete", "regression", "ipw_att", "aipw_ate")),
    ],
    "book/support-programs": [
        "support/rd_fdi_share", "support/rd_parent_growth", "support/sdid_fdi", "support/sdid_employment",
        "support/sdid_fdi_in_time_low", "support/sdid_employment_in_time_high"],
}  # fmt: skip
IN_POINTS = {"support/rd_fdi_share"}  # a share here, percentage points on the page
DISCONTINUITIES, SYNTHETIC = REPORTED["book/support-programs"][:2], REPORTED["book/support-programs"][2:4]
LOGITS = [f"wms/logit_ame/{country}" for country in ("Germany", "Japan")]

six = {"rel": 1e-6}


def flat(record: dict, stem: str = "") -> dict:
    """A record with what is nested in it on one level."""
    out = {}
    for key, part in record.items():
        out |= flat(part, f"{stem}{key}/") if isinstance(part, dict) else {stem + key: part}
    return out


# ---------------------------------------------------------------------------------------------- the second route
@pytest.fixture(scope="module")
def by_hand() -> dict[str, dict]:
    return second_route_policy.estimates()


def test_the_second_route_does_not_use_the_library():
    source = Path(second_route_policy.__file__).read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "json", "sys", "numpy", "pandas", "scipy", "second_route"}


def test_golden_holds_what_the_chapters_report_and_the_logits():
    assert set(GOLDEN) == {id_ for ids in REPORTED.values() for id_ in ids} | set(LOGITS)


@pytest.mark.parametrize("id_", GOLDEN)
def test_second_route_still_gives_golden(by_hand, id_):
    """All that it says of an estimate, not the headline alone."""
    found, golden = flat(by_hand[id_]), flat(GOLDEN[id_])
    assert found.pop("origin") == golden.pop("origin")
    assert found == pytest.approx(golden, rel=1e-6, abs=1e-9)


def test_golden_and_second_route_have_the_same_ids(by_hand):
    assert list(by_hand) == list(GOLDEN)


@pytest.mark.parametrize("id_", SYNTHETIC)
def test_iterated_weights_come_near_the_exact_solution(id_):
    """Frank–Wolfe stops early: the estimate is within 0.2 % of the error from where the exact weights put it."""
    golden = GOLDEN[id_]
    assert abs(golden["value"] - golden["value_exact"]) < 0.002 * golden["se"]
    assert golden["se_exact"] == pytest.approx(golden["se"], rel=1e-3)


# ---------------------------------------------------------------------------------------------- the library
def weighted() -> dict[str, models.Estimate]:
    investors = samples.investors(load("firm_panel"))
    found = designs.weighted_effects(investors, "parent", "fdi", samples.COVARIATES, "points", draws=999)
    return {f"barriers/{key}/parent": estimate for key, estimate in found.items()}


def discontinuities() -> dict[str, tuple]:
    """Estimate and density test of each discontinuity."""
    firms = load("firm_panel")
    asked = {"support/rd_fdi_share": (samples.first_years(firms), "fdi", "parent_employees"),
             "support/rd_parent_growth": (samples.long_differences(firms), "parent", "parent0")}  # fmt: skip
    found = {}
    for id_, (sample, y, x) in asked.items():
        with models.noting():
            density = diff_diff.RDDensityTest(cutoff=CUTOFF).fit(sample[[x]].dropna().astype(float), running=x)
        said = {"t": density.t_stat, "p": density.p_value, "below": density.f_left, "above": density.f_right,
                "bandwidth_below": density.h_left, "bandwidth_above": density.h_right, "n": density.n}
        found[id_] = designs.regression_discontinuity(sample, y, x, CUTOFF, "unit"), said
    return found


def synthetic_controls() -> dict[str, designs.Synthetic]:
    panel = load("country_panel")
    return {f"support/sdid_{outcome}": designs.synthetic_did(samples.donor_panel(panel, outcome), 2011, "points")
            for outcome in ("fdi", "employment")}  # fmt: skip


def dated_earlier() -> dict[str, designs.Synthetic]:
    """The outermost effects found where the date is an earlier one, and no year after 2010 is used."""
    found = {}
    for id_, (end, year) in second_route_policy.EARLIER.items():
        sample = samples.donor_panel(load("country_panel"), id_.removeprefix("support/sdid_"))
        found[f"{id_}_in_time_{end}"] = designs.synthetic_did(sample[sample["year"] < 2011], year, "points")
    return found


def estimates(weighting: dict, jumps: dict, synthetic: dict) -> dict[str, models.Estimate]:
    """Every golden id, in the words of the chapters."""
    survey, firms, found = load("firm_management"), load("firm_panel"), {}
    for country in ("Germany", "Japan"):
        sample, formula = samples.management(survey, country), "mne_d ~ management + ln_employees"
        found[f"wms/size_premium/{country}"] = calls.ols(sample, "ln_employees ~ mne_d", "mne_d", "log points")
        found[f"wms/lpm_management/{country}"] = calls.ols(sample, formula, "management", "share")
        margins = calls.margins(sample, formula, ["management"], "share")
        found[f"wms/logit_ame/{country}"] = margins["management"]
    investors = samples.investors(firms)
    for name, sample in {"raw_difference": samples.long_differences(firms),
                         "raw_difference_complete": investors}.items():  # fmt: skip
        found[f"barriers/{name}/parent"] = calls.means(sample, "parent", "fdi", "points")
    formula = " + ".join(["parent ~ fdi", *samples.COVARIATES])
    found["barriers/regression/parent"] = calls.ols(investors, formula, "fdi", "points")
    return {
        **found, **{id_: weighting[id_] for id_ in ("barriers/ipw_att/parent", "barriers/aipw_ate/parent")},
        **{id_: design.estimate for id_, (design, _) in jumps.items()},
        **{id_: design.estimate for id_, design in (synthetic | dated_earlier()).items()},
    }  # fmt: skip


def library_route(weighting: dict | None = None, jumps: dict | None = None, synthetic: dict | None = None) -> dict:
    """For `make golden`: what the library says of every golden id, as nested as golden has it."""
    weighting, jumps, synthetic = weighting or weighted(), jumps or discontinuities(), synthetic or synthetic_controls()
    found: dict[str, dict] = {}
    for id_, estimate in estimates(weighting, jumps, synthetic).items():
        found[id_] = {part: getattr(estimate, part) for part in ("value", "se", "n", "ci_low", "ci_high")}
    rows = designs.propensities(samples.investors(load("firm_panel")), "fdi", samples.COVARIATES)
    controls = rows["fdi"] == 0
    overlap = {"controls": int(controls.sum()), "p_low": rows["propensity"].min(), "p_high": rows["propensity"].max()}
    found["barriers/ipw_att/parent"] |= {**overlap, "ess": designs.effective_size(rows.loc[controls, "weight"])}
    found["barriers/aipw_ate/parent"] |= overlap
    for id_, (design, density) in jumps.items():
        limits = design.fits[design.fits["x"] == CUTOFF].set_index("side")["value"]
        found[id_] |= {"h": design.bandwidth, "b": design.bias_bandwidth, "n_left": design.below,
                       "n_right": design.above, "left": limits["below"], "right": limits["above"],
                       "firms": density["n"],
                       "density": {part: density[part] for part in second_route_policy.RDDENSITY[id_]}}  # fmt: skip
    for id_, design in synthetic.items():
        donors, years = design.donors.set_index("iso3")["weight"], design.years.set_index("year")["weight"]
        found[id_] |= {"weights": donors[donors > 0].to_dict(), "donors": len(design.in_space),
                       "years": {str(year): weight for year, weight in years.items() if weight > 0},
                       "placebos": design.in_space.set_index("iso3")["value"].to_dict()}  # fmt: skip
    return found


@pytest.fixture(scope="module")
def weighting() -> dict[str, models.Estimate]:
    return weighted()


@pytest.fixture(scope="module")
def jumps() -> dict[str, tuple]:
    return discontinuities()


@pytest.fixture(scope="module")
def synthetic() -> dict[str, designs.Synthetic]:
    return synthetic_controls()


@pytest.fixture(scope="module")
def library(weighting, jumps, synthetic) -> dict[str, models.Estimate]:
    return estimates(weighting, jumps, synthetic)


def test_the_library_gives_every_golden_id(library):
    assert set(library) == set(GOLDEN)


@pytest.mark.parametrize("id_", GOLDEN)
def test_library_equals_golden(library, id_):
    """To six digits, the bootstrap's error too: both routes draw the same resamples from the same stream."""
    found, golden = library[id_], GOLDEN[id_]
    assert (found.value, found.se, found.n) == pytest.approx((golden["value"], golden["se"], golden["n"]), **six)
    if id_.partition("_in_time_")[1]:
        assert found.p == pytest.approx(golden["p"], **six)
    if "ci_low" in golden:
        assert (found.ci_low, found.ci_high) == pytest.approx((golden["ci_low"], golden["ci_high"]), **six)


def test_make_golden_would_compare_the_same(by_hand, weighting, jumps, synthetic):
    """It knows what the tests below compare, part by part, and finds both routes agreed."""
    found = library_route(weighting, jumps, synthetic)
    assert refresh_golden.disagreements(by_hand, found) == []
    by_both = {f"{id_}/{part}" for id_ in found for part in flat(found[id_]).keys() & flat(by_hand[id_]).keys()}
    parts = {"h", "b", "n_left", "n_right", "left", "right", "firms", "density/t", "density/p"}
    assert {f"{id_}/{part}" for id_ in DISCONTINUITIES for part in parts} <= by_both
    for id_ in SYNTHETIC:
        wanted = {f"{id_}/{part}/{key}" for part in ("weights", "years", "placebos") for key in GOLDEN[id_][part]}
        assert {*wanted, f"{id_}/donors"} <= by_both
    assert {f"barriers/ipw_att/parent/{part}" for part in ("controls", "ess", "p_low", "p_high", "ci_low")} <= by_both


def test_weights_and_overlap():
    """What stands beside the weighted estimates: the effective number of controls and the range of propensities."""
    investors = samples.investors(load("firm_panel"))
    weighted = designs.propensities(investors, "fdi", samples.COVARIATES)
    golden, controls = GOLDEN["barriers/ipw_att/parent"], weighted["fdi"] == 0
    assert controls.sum() == golden["controls"]
    assert designs.effective_size(weighted.loc[controls, "weight"]) == pytest.approx(golden["ess"], **six)
    ends = weighted["propensity"].min(), weighted["propensity"].max()
    assert ends == pytest.approx((golden["p_low"], golden["p_high"]), **six)
    means = weighted.groupby("fdi")[["parent", "weight"]].apply(lambda g: (g["parent"] * g["weight"]).sum() / len(g))
    assert means[1] - means[0] == pytest.approx(golden["value"], **six)  # these weights are the estimate's


def test_no_resample_was_drawn_again(weighting):
    assert GOLDEN["barriers/ipw_att/parent"]["failed"] == 0
    assert not any("drawn again" in note for estimate in weighting.values() for note in estimate.notes)


@pytest.mark.parametrize("id_", DISCONTINUITIES)
def test_bandwidths_and_limits_equal_rdrobust(jumps, id_):
    found, golden = jumps[id_][0], GOLDEN[id_]
    assert (found.bandwidth, found.bias_bandwidth) == pytest.approx((golden["h"], golden["b"]), **six)
    assert (found.below, found.above) == (golden["n_left"], golden["n_right"])
    limits = found.fits[found.fits["x"] == CUTOFF].set_index("side")["value"]
    assert (limits["below"], limits["above"]) == pytest.approx((golden["left"], golden["right"]), **six)


@pytest.mark.parametrize("id_", DISCONTINUITIES)
def test_density_tests_equal_rddensity(jumps, id_):
    found, golden = jumps[id_][1], GOLDEN[id_]
    assert {key: found[key] for key in golden["density"]} == pytest.approx(golden["density"], **six)
    assert found["n"] == golden["firms"]


@pytest.mark.parametrize("id_", SYNTHETIC)
def test_synthetic_weights_and_placebos(synthetic, id_):
    """Weights of donors and years, and the effect of every donor in Japan's place, whose spread is the error."""
    found, golden = synthetic[id_], GOLDEN[id_]
    weights = found.donors.set_index("iso3")["weight"]
    assert weights[weights > 0].to_dict() == pytest.approx(golden["weights"], abs=1e-8)
    years = found.years.set_index("year")["weight"]
    assert {str(y): w for y, w in years.items() if w > 0} == pytest.approx(golden["years"], abs=1e-8)
    assert found.in_space.set_index("iso3")["value"].to_dict() == pytest.approx(golden["placebos"], **six)
    assert len(found.in_space) == golden["donors"]


# ---------------------------------------------------------------------------------------------- the built site
@pytest.mark.site
@pytest.mark.parametrize(("page", "id_"), [(page, id_) for page, ids in REPORTED.items() for id_ in ids])
def test_site_states_golden(page, id_):
    """Once the chapter is in the table of contents, its ids are in `results.json` with golden's numbers."""
    if page not in contents():
        pytest.skip(f"{page} is not in _toc.yml yet")
    record, golden = results.read(SITE / "results.json", id_), GOLDEN[id_]
    scale = 100 if id_ in IN_POINTS else 1
    assert (record["unit"] == "percentage points") == (id_ in IN_POINTS)
    found = (record["value"] / scale, record["se"] / scale, record["n"])
    assert found == pytest.approx((golden["value"], golden["se"], golden["n"]), **six)
