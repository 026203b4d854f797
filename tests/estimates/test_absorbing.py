"""The stand-in for pyfixest gives pyfixest's numbers, and is found where pyfixest is not."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

from goingglobal import absorbing, results
from goingglobal.models import Estimate, ModelError, noting


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    draw = np.random.default_rng(11)
    frame = pd.DataFrame([(f"F{i:02}", 2000 + t) for i in range(20) for t in range(6)], columns=["firm", "year"])
    shared = draw.normal(size=20)[frame["firm"].str[1:].astype(int)]
    frame["x"], frame["w"] = draw.normal(size=len(frame)) + shared, draw.normal(size=len(frame))
    frame["y"] = 0.5 * frame["x"] + shared * draw.normal(size=len(frame)) + 0.1 * frame["year"]
    frame["heads"] = 1.0 + np.arange(len(frame)) % 3
    frame.loc[[4, 30], "x"] = np.nan
    frame = frame[(frame["firm"] != "F19") | (frame["year"] == 2003)]
    frame.attrs["sample"] = "twenty firms"
    return frame


@pytest.mark.parametrize("weights", [None, "heads"])
@pytest.mark.parametrize("formula", ["y ~ x | firm", "y ~ x | firm + year", "y ~ x + w | year + firm"])
def test_it_gives_pyfixests_numbers(panel, formula, weights):
    with noting():
        theirs = pf.feols(formula, panel, vcov={"CRV1": "firm"}, weights=weights)
    ours = absorbing.feols(formula, panel, vcov={"CRV1": "firm"}, weights=weights)
    one, other = Estimate.of(ours, "x", unit="u"), Estimate.of(theirs, "x", unit="u")
    for part in ("value", "se", "ci_low", "ci_high", "p"):
        assert getattr(one, part) == pytest.approx(getattr(other, part), rel=1e-6), part
    for part in ("n", "groups", "method", "sample", "term"):
        assert getattr(one, part) == getattr(other, part), part
    assert one.software.endswith("as pyfixest is not installed")
    assert ours.tidy().columns.tolist() == theirs.tidy().columns.tolist()
    assert ours.coef().tolist() == pytest.approx(theirs.coef().tolist(), rel=1e-9)


def same(ours, theirs, term):
    one, other = Estimate.of(ours, term, unit="u"), Estimate.of(theirs, term, unit="u")
    for part in ("value", "se", "ci_low", "ci_high", "p"):
        assert getattr(one, part) == pytest.approx(getattr(other, part), rel=1e-6), part
    for part in ("n", "groups", "method", "sample", "term"):
        assert getattr(one, part) == getattr(other, part), part
    assert ours.coef().index.tolist() == theirs.coef().index.tolist()


@pytest.mark.parametrize(("formula", "term"), [
    ("y ~ i(year, w, ref=2002) | firm + year", "year::2005:w"), ("y ~ x | firm + kind^year", "x"),
    ("y ~ i(year, w, ref=2000) + x | firm + kind^year", "year::2001:w"),
    ("y ~ x + x:kind | firm^kind + year", "x:kind"),
])  # fmt: skip
def test_years_and_pairs_are_pyfixests(panel, formula, term):
    """Pairs with the year explain what the firms' effects do: pyfixest counts their dummies all the same."""
    frame = panel.assign(kind=panel["firm"].str[1:].astype(int) % 3)
    frame.attrs = panel.attrs
    with noting():
        theirs = pf.feols(formula, frame, vcov={"CRV1": "firm"})
    same(absorbing.feols(formula, frame, vcov={"CRV1": "firm"}), theirs, term)


@pytest.mark.parametrize("formula", ["jobs ~ x | firm", "jobs ~ x + w | firm + year"])
def test_poisson_regressions_are_pyfixests(panel, formula):
    jobs = np.round(np.exp(1 + 0.3 * panel["y"] - 0.03 * panel["year"].sub(2000)) * (panel["firm"] != "F03"))
    frame = panel.assign(jobs=jobs).dropna()
    frame.attrs = panel.attrs
    with noting():
        theirs = pf.fepois(formula, frame, vcov={"CRV1": "firm"})
    ours = absorbing.fepois(formula, frame, vcov={"CRV1": "firm"})
    assert (ours.coef()["x"], ours.se()["x"]) == pytest.approx((theirs.coef()["x"], theirs.se()["x"]), rel=1e-5)
    one, other = Estimate.of(ours, "x"), Estimate.of(theirs, "x")
    assert (one.n, one.groups, one.method) == (other.n, other.groups, other.method)
    assert (one.ci_low, one.p) == pytest.approx((other.ci_low, other.p), rel=1e-4)
    assert one.method.startswith("Poisson regression, ")


def test_jobs_below_zero_are_refused(panel):
    with pytest.raises(ModelError, match="on 'twenty firms': x below zero"):
        absorbing.fepois("x ~ w | firm", panel, vcov={"CRV1": "firm"})


@pytest.mark.parametrize(("formula", "options"), [
    ("y ~ x + w | firm + year", {"vcov": {"CRV1": "firm + year"}}), ("y ~ x | year", {"vcov": {"CRV1": "firm"}}),
    ("y ~ x + w | block_year + parity_year", {"vcov": {"CRV1": "firm"}}),
    ("y ~ x + w | firm + year", {"vcov": "DK", "vcov_kwargs": {"time_id": "year", "panel_id": "code", "lag": 2}}),
], ids=["two ways", "other column", "effects that fall apart", "Driscoll–Kraay"])  # fmt: skip
def test_other_errors_are_pyfixests_too(panel, formula, options):
    code = panel["firm"].str[1:].astype(int)
    frame = panel.assign(code=code, block_year=(code % 5).astype(str) + "/" + panel["year"].astype(str),
                         parity_year=(code // 5).astype(str) + "/" + panel["year"].astype(str))  # fmt: skip
    frame = frame[frame["firm"] != "F19"].dropna(subset=["x"])
    with noting():
        theirs = pf.feols(formula, frame, **options)
    ours = absorbing.feols(formula, frame, **options)
    one, other = Estimate.of(ours, "x", unit="u"), Estimate.of(theirs, "x", unit="u")
    for part in ("value", "se", "ci_low", "ci_high", "p"):
        assert getattr(one, part) == pytest.approx(getattr(other, part), rel=1e-6), part
    for part in ("n", "groups", "method"):
        assert getattr(one, part) == getattr(other, part), part


def test_a_column_whose_name_is_part_of_another_is_left_alone(panel):
    """Rows without `growth` count where `population_growth` alone is in the formula."""
    frame = panel.assign(population_growth=panel["w"], growth=panel["w"].where(panel["year"] > 2001))
    with noting():
        theirs = pf.feols("y ~ x + population_growth | firm + year", frame, vcov={"CRV1": "firm"})
    ours = absorbing.feols("y ~ x + population_growth | firm + year", frame, vcov={"CRV1": "firm"})
    assert (ours._N, ours.coef()["x"]) == (theirs._N, pytest.approx(theirs.coef()["x"], rel=1e-9))


def test_it_is_reported_as_a_fit_of_pyfixest(panel, monkeypatch):
    monkeypatch.setattr(results, "_records", {})
    results.report("made/up", absorbing.feols("y ~ x | firm", panel, vcov={"CRV1": "firm"}), "x", unit="u")
    assert results.recorded()["made/up"]["method"] == "firm fixed effects, CR1 errors by firm"


def test_what_the_effects_explain_is_refused(panel):
    fit = absorbing.feols("y ~ x + code | firm + year", panel.assign(code=panel["firm"].str[1:].astype(float)),
                          vcov={"CRV1": "firm"})
    assert Estimate.of(fit, "x").notes[0] == "collinear and left out: code"
    with pytest.raises(ModelError, match="'code' on 'twenty firms': rank deficient"):
        Estimate.of(fit, "code")


@pytest.mark.parametrize(("formula", "vcov"), [
    ("y ~ x", {"CRV1": "firm"}), ("y ~ x | firm + year + w", {"CRV1": "firm"}), ("y ~ x | firm", "hetero"),
    ("y ~ x | year", {"CRV1": "town"}), ("y ~ x | firm", None), ("y ~ x | firm", {"CRV1": "firm + year + w"}),
    ("y ~ x | firm", "DK"),
])  # fmt: skip
def test_other_forms_are_refused(panel, formula, vcov):
    with pytest.raises(ModelError, match="one or two effects behind the bar and one or two columns as clusters"):
        absorbing.feols(formula, panel, vcov=vcov)


def test_singletons_alone_are_refused(panel):
    with pytest.raises(ModelError, match="fewer than two firm with two rows or more"):
        absorbing.feols("y ~ x | firm", panel.drop_duplicates("firm"), vcov={"CRV1": "firm"})


def test_it_is_found_under_pyfixests_name_where_that_is_missing():
    code = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "pyfixest" else find(name, *more)
import goingglobal.absorbing
import pyfixest
print(pyfixest.feols.__module__)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["goingglobal.absorbing"]
    import pyfixest

    assert pyfixest.__name__ == "pyfixest"
