"""Hundreds of odd small panels, seeded: an error in words or estimates whose errors say something, never a crash."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from goingglobal import own
from goingglobal.models import ModelError
from goingglobal.own import PanelError, large
from goingglobal.samples import SampleError

# Some panels, and with `make proofs` many.
in_memory = pytest.mark.parametrize("panels", [80, pytest.param(500, marks=pytest.mark.proof)])
in_files = pytest.mark.parametrize("seeds", [
    pytest.param(range(1059, 1067), id="some"), pytest.param(range(1000, 1100), id="many", marks=pytest.mark.proof)])


def odd(seed: int) -> pd.DataFrame:
    """A small panel with some of the things that go wrong in real ones."""
    rng = np.random.default_rng(seed)
    firms, years = int(rng.integers(1, 14)), int(rng.integers(1, 8))
    rows = pd.DataFrame([(f, 2010 + t) for f in range(firms) for t in range(years)], columns=["firm", "year"])
    start = rng.choice([-1, 0, *range(years), 99, 99, 99], firms)
    rows["fdi"] = [int(t - 2010 >= start[f]) for f, t in zip(rows["firm"], rows["year"], strict=True)]
    level = rng.uniform(0, 7, firms)
    noise = rng.choice([0, 0.05, 0.3, 1.5])
    rows["home"] = np.maximum(1, np.round(np.exp(level[rows["firm"]] + rng.normal(0, 1, len(rows)) * noise)))
    if rng.random() < 0.5:
        rows["group"] = rows["home"] + rng.integers(0, 50, len(rows))
    if rng.random() < 0.4:
        rows["weight"] = rng.choice([1.0, 2.0, 1e-6, 1e6], len(rows))
    if rng.random() < 0.5:
        rows["sector"] = rng.choice(["a", "b", "c", None], len(rows)) if rng.random() < 0.5 else rows["firm"].map(
            lambda f: "abc"[f % 3])
    if rng.random() < 0.5:
        rows["size"] = rng.choice(["small", "large", None], len(rows))
    for name, scale in (("total_assets", 100.0), ("operating_income", 10.0), ("pay", 5.0), ("age", 40.0)):
        if rng.random() < 0.4:
            rows[name] = scale * (1 + rng.random(len(rows)) * rng.choice([0, 0.4]))
    for name in ("manufacturing", "reorganised"):
        if rng.random() < 0.3:
            rows[name] = rng.integers(0, 2, len(rows))
    if rng.random() < 0.2:  # FDI that comes and goes
        rows["fdi"] = rng.integers(0, 2, len(rows))
    if rng.random() < 0.5:  # years not seen
        rows = rows[rng.random(len(rows)) < rng.choice([0.3, 0.6, 0.9])]
    for name in rows.columns[2:]:
        if rng.random() < 0.15:
            rows[name] = rows[name].astype(object).mask(rng.random(len(rows)) < 0.2)
    if rng.random() < 0.15 and len(rows):
        name, value = rng.choice(rows.columns), rng.choice(np.array(
            ["x", "", " 5", "1,040", "inf", -1, 0, 2, np.nan, True, None, pd.Timestamp("2011-03-31"), 1e300], object))
        rows[name] = rows[name].astype(object)
        rows.iloc[int(rng.integers(len(rows))), rows.columns.get_loc(name)] = value
    if rng.random() < 0.1 and len(rows):
        rows = rows.astype({"year": "Int64", "fdi": "boolean"}, errors="ignore")
    return rows.sample(frac=1, random_state=seed)


def says_something(estimate) -> bool:
    numbers = [estimate.value, estimate.se, estimate.ci_low, estimate.ci_high]
    return bool(np.isfinite(numbers).all()) and estimate.se > 1e-5


ANALYSES = {
    "long difference": own.long_difference, "starters": own.starters_effect,
    "trimmed": lambda panel: own.starters_effect(panel, trim=0.7),
    "Callaway": lambda panel: own.callaway_santanna(panel).overall,
    "weighting": lambda panel: own.weighting(panel, draws=5)["ipw_att"],
}


def alone(panel: pd.DataFrame, seed: int) -> dict[str, object]:
    """One analysis, another with each seed; the whole core, which takes five times as long, with every fiftieth."""
    if seed % 50 == 0:
        found = own.core(panel, draws=5)
        assert all(found.left_out.values()), seed
        if found.curve is not None:
            assert (found.curve.rows["se"] > 0).all(), seed
        for study in found.event_studies.values():
            assert not (study.path["se"] <= 1e-5)[~study.path["reference"]].any(), seed
        assert str(found).count("not in it:") >= len(found.estimates), seed
        return found.estimates
    name = list(ANALYSES)[seed % len(ANALYSES)]
    try:
        return {name: ANALYSES[name](panel)}
    except (SampleError, ModelError):
        return {}


@in_memory
def test_odd_panels_end_in_words_or_in_errors_that_say_something(panels):
    estimated = refused = 0
    for seed in range(panels):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                panel = own.check(odd(seed))
            except PanelError:
                refused += 1
                continue
            found = alone(panel, seed)
        estimated += bool(found)
        poor = [name for name, e in found.items() if not says_something(e)]
        assert not poor, (seed, poor)
    assert estimated > panels / 20, "too few panels on which anything can be said"
    assert refused > panels / 20


@in_files
def test_odd_panels_in_files_give_the_same(tmp_path, seeds):
    """Each of which anything can be said, and of the others every tenth."""
    pytest.importorskip("duckdb")
    compared = 0
    for seed in seeds:
        rows = odd(seed).drop(columns=["weight"], errors="ignore")  # a file's two-way effects take the first weight
        path = tmp_path / f"{seed}.csv"
        rows.to_csv(path, index=False)
        in_memory = {}
        try:
            panel = own.check(pd.read_csv(path))
        except PanelError:
            if seed % 10 == 0:
                with pytest.raises(PanelError):
                    large.open_panel(path, threads=1)
            continue
        for name in ("starters_effect", "long_difference"):
            in_memory[name] = estimate_or_words(getattr(own, name), panel)
        if seed % 10 and all(isinstance(found, str) for found in in_memory.values()):
            continue
        with large.open_panel(path, threads=1) as opened:
            for name, found in in_memory.items():
                in_file = estimate_or_words(getattr(opened, name))
                assert isinstance(found, str) == isinstance(in_file, str), (seed, name, found, in_file)
                if not isinstance(found, str):
                    compared += 1
                    assert in_file.value == pytest.approx(found.value, rel=1e-6, abs=1e-9), (seed, name)
                    assert says_something(in_file), (seed, name)
    assert compared >= len(seeds) / 10


def estimate_or_words(analysis, *given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return analysis(*given)
        except (SampleError, ModelError) as error:
            return str(error)
