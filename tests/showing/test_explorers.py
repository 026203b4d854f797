"""The explorers: what they publish, what they draw, what they refuse; slopes by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import calls
import numpy as np
import pandas as pd
import pytest
from sphinx.errors import ExtensionError

from goingglobal import _display, exhibits, explorers, load, samples
from goingglobal._display import EXPLORER
from goingglobal.exhibits import ExhibitError
from goingglobal.models import ModelError
from goingglobal.specifications import BASELINE, CHOICES, ESTIMAND
from goingglobal.sphinx import registry


# ------------------------------------------------------------------------------------------------------ library
@pytest.fixture
def published(monkeypatch) -> list[dict]:
    """What is published in a notebook."""
    bundles = []
    monkeypatch.setattr(_display, "in_notebook", lambda: True)
    monkeypatch.setattr(_display, "publish", bundles.append)
    return bundles


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Four specifications of one question, two of another outcome and one that counts jobs."""
    base = pd.DataFrame([BASELINE] * 6)
    base["outcome"] = ["parent"] * 4 + ["group"] * 2
    base["restriction"] = [*CHOICES["restriction"], *CHOICES["restriction"][:2]]
    base.loc[6] = {**BASELINE, "outcome": "parent", "weights": "per job"}  # another question
    value = np.array([0.1, -0.2, 1 / 3, 0.05, 0.4, 0.6, 0.9])
    return base.assign(value=value, ci_low=value - 0.1, ci_high=value + 0.1, n=range(100, 107), firms=20, starters=12,
                       p_permutation=[0.5, 0.04, 1, 0.002, 0.1, 0.2, np.nan])


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    countries = load("country_panel")
    growth = samples.country_changes(countries, "ilo")["growth"]
    return samples.country_changes(countries, "pwt").assign(growth_ilo=growth)


X = {"fdi_lag": "FDI before", "year": "Year"}
Y = {"growth": "Growth", "growth_ilo": "Growth, ILO"}
TONES = {"parent": "parent", "group": "group"}


def test_served_data_are_the_frame():
    frame = pd.DataFrame({"word": ["b", "a", "b"], "number": [1.23456789, np.nan, -4e-5], "count": [3, 2, 1]})
    columns = exhibits.columns_of(frame)
    assert columns["word"] == {"levels": ["b", "a"], "codes": [0, 1, 0]}
    json.dumps(columns, allow_nan=False)
    pd.testing.assert_frame_equal(exhibits.frame_of(columns), frame, rtol=1e-6, check_dtype=False)


def test_curve_publishes_its_rows_and_choices(published, rows):
    explorers.specification_curve("fig-curve", rows, TONES)
    record = published[0][EXPLORER]
    served = exhibits.frame_of(record["data"])
    pd.testing.assert_frame_equal(served, rows[list(served)], rtol=1e-6, check_dtype=False)
    assert {c["name"]: c["chosen"] for c in record["controls"]} == BASELINE | {"outcome": "parent"}
    assert [c["name"] for c in record["controls"]][:3] == list(ESTIMAND), "the question is asked first"
    assert "not that starting made them so" in record["note"]
    options = {c["name"]: [value for value, _ in c["options"]] for c in record["controls"]}
    assert options["outcome"] == ["parent", "group"]
    assert options["weights"] == ["per firm", "per job"], "nothing is pooled over questions"
    assert options["restriction"] == ["", *CHOICES["restriction"]]


def test_curve_draws_what_matches(rows):
    parent = {**BASELINE, "outcome": "parent"}
    tables = explorers.curve_tables(rows, {**parent, "restriction": ""})
    assert tables["all"]["value"].tolist() == sorted(rows["value"][:4])
    assert tables["match"]["rank"].tolist() == [1, 2, 3, 4]
    assert tables["median"]["value"].tolist() == [pytest.approx((0.1 + 0.05) / 2)]
    one = explorers.curve_tables(rows, {**parent, "restriction": CHOICES["restriction"][2]})
    assert one["match"][["rank", "value"]].to_numpy().tolist() == [[4, 1 / 3]]
    nothing = explorers.curve_tables(rows, {**parent, "effects": "sector-year"})
    assert [len(nothing[name]) for name in ("all", "match", "median")] == [4, 0, 0]
    jobs = explorers.curve_tables(rows, {**parent, "weights": "per job"})
    assert jobs["all"]["value"].tolist() == [0.9]


def test_panel_draws_slope_with_interval_or_lines(panel):
    chosen = {"countries": ["JPN", "DEU"], "first": 1970, "last": 2024, "x": "fdi_lag", "y": "growth"}
    frame = panel.assign(group=panel["country"])
    tables = explorers.panel_tables(frame, chosen)
    assert set(tables["points"]["iso3"]) == {"JPN", "DEU"}
    assert tables["lines"].empty
    assert (tables["fit"]["low"] <= tables["fit"]["y"]).all()
    assert (tables["fit"]["y"] <= tables["fit"]["high"]).all()
    over = explorers.panel_tables(frame, {**chosen, "x": "year", "first": 2000})
    assert over["lines"]["year"].min() == 2000
    assert over["fit"].empty
    assert explorers.panel_tables(frame, {**chosen, "first": 2018})["fit"].empty, "a slope through four points"


def test_notebook_shows_the_chart(published, rows, panel):
    """In JupyterLab: an SVG of the choices given, its colours the theme's."""
    explorers.specification_curve("fig-curve", rows, TONES, chosen={"restriction": ""})
    explorers.country_panel("fig-two", panel, X, Y, chosen={"countries": ["KOR"]})
    for bundle in published:
        assert bundle["text/html"].startswith("<figure><svg")
        assert "var(--gg-" in bundle["text/html"]
        assert "@x" not in bundle["text/html"]
    assert "FDI before" in published[1]["text/html"]
    assert "KOR" in published[1]["text/html"]


@pytest.mark.parametrize(("change", "words"), [
    (lambda r: (r.drop(columns="ci_low"), {}), "no column 'ci_low'"),
    (lambda r: (r[:0], {}), "no data"),
    (lambda r: (r, {"restriction": "0.9"}), "restriction '0.9' is not one of"),
    (lambda r: (r, {"horizon": ""}), "horizon '' is not one of"),
    (lambda r: (r, {"outcome": ""}), "outcome '' is not one of"),
    (lambda r: (r, {"colour": "red"}), "no choice 'colour'"),
])  # fmt: skip
def test_curve_says_what_is_wrong(rows, change, words):
    frame, chosen = change(rows)
    with pytest.raises(ExhibitError, match=rf"explorer 'fig-curve'.*{words}"):
        explorers.specification_curve("fig-curve", frame, TONES, chosen)


@pytest.mark.parametrize(("series", "chosen", "words"), [
    ({"exports": "Exports"}, {}, "no column 'exports'"),
    (X, {"countries": ["JPN", "USSR"]}, "no country 'USSR'"),
    (X, {"first": 1900}, "first 1900 is not one of"),
    (X, {"x": "growth"}, "x 'growth' is not one of"),
])  # fmt: skip
def test_panel_says_what_is_wrong(panel, series, chosen, words):
    with pytest.raises(ExhibitError, match=rf"explorer 'fig-two'.*{words}"):
        explorers.country_panel("fig-two", panel, series, Y, chosen)


def test_altair_is_optional(monkeypatch, rows):
    code = "import sys, goingglobal.explorers; sys.exit(bool({'altair', 'vl_convert'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(ExhibitError, match=r"explorer 'fig-curve': .* Altair: pip install '\.\[explorers\]'"):
        explorers.specification_curve("fig-curve", rows, TONES)


def test_slope_within_one_group_is_newey_west(panel):
    japan = panel[panel["iso3"] == "JPN"].dropna(subset=["growth", "fdi_lag"])
    one = explorers.within_slope(japan.assign(x=japan["fdi_lag"], y=japan["growth"]))
    other = calls.ols(japan, "growth ~ fdi_lag", "fdi_lag", "", lags=3)
    for key in ("value", "se", "ci_low", "ci_high", "n"):
        assert getattr(one, key) == pytest.approx(getattr(other, key), rel=1e-9), key


def test_slope_within_groups_by_hand(panel):
    """Demeaned by country; scores weighted 1, 3/4, 1/2, 1/4 by lag and never across countries."""
    both = panel[panel["iso3"].isin(["JPN", "DEU", "KOR"])].dropna(subset=["growth", "fdi_lag"])
    x, y = (both[c] - both.groupby("iso3")[c].transform("mean") for c in ("fdi_lag", "growth"))
    slope = (x * y).sum() / (x * x).sum()
    meat = 0.0
    for _, score in (x * (y - slope * x)).groupby(both["iso3"]):
        s = score.to_numpy()
        meat += s @ s + sum(2 * w * (s[k:] @ s[:-k]) for k, w in ((1, 0.75), (2, 0.5), (3, 0.25)))
    found = explorers.within_slope(both.assign(x=both["fdi_lag"], y=both["growth"]))
    assert found.value == pytest.approx(slope, rel=1e-9)
    assert found.se == pytest.approx(np.sqrt(meat * len(both) / (len(both) - 4)) / (x * x).sum(), rel=1e-9)
    assert found.groups == 3


def test_slope_of_a_constant_is_refused(panel):
    flat = panel.assign(x=panel["fdi_lag"], y=1.0)
    with pytest.raises(ModelError, match=r"'x' on .*vanishes"):
        explorers.within_slope(flat)


def test_explorer_without_its_figure_stops_the_build():
    page = registry.Page(explorers={"fig-a": {}})
    with pytest.raises(ExtensionError, match=r"book/bad: explorer of 'fig-a', which is no exhibit of this page"):
        registry._check(SimpleNamespace(config=SimpleNamespace(root_doc="book/index")),
                        SimpleNamespace(goingglobal_pages={"book/bad": page}, metadata={}))


@pytest.mark.proof
def test_altair_comes_without_the_grammar_of_addresses():
    """It takes more than a second, and charts have no addresses to check; afterwards it can be imported as before."""
    code = ("import sys; from goingglobal import explorers; explorers._altair('fig-x'); "
            "assert not {'lark', 'rfc3987_syntax'} & set(sys.modules); import rfc3987_syntax")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""
