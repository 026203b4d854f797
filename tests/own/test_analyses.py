"""Analyses of a reader's own panel: on the book's firms they are the book's, weights count as they should."""

from __future__ import annotations

import re

import calls
import numpy as np
import pandas as pd
import pytest
from panels import GOLDEN, made, weighted_least_squares

from goingglobal import designs, load, own, samples, specifications
from goingglobal.models import ModelError
from goingglobal.own import analyses, large
from goingglobal.samples import SampleError


@pytest.fixture(scope="module")
def book() -> pd.DataFrame:
    return own.book_panel()


@pytest.fixture(scope="module")
def panel(book) -> pd.DataFrame:
    return own.check(book, table="the book's firms")


@pytest.fixture(scope="module")
def core(panel) -> own.Core:
    return own.core(panel, draws=99)


# ------------------------------------------------------------------------------------------------- the book's firms
@pytest.mark.parametrize(("name", "result"), [
    ("Long difference, parent", "firm/longdiff/parent"), ("Long difference, group", "firm/longdiff/group"),
    ("Starters, firm and year effects, parent, untrimmed", "firm/starters_untrimmed/parent"),
    ("Starters, firm and year effects, parent, trimmed", "firm/starters_trim70/parent"),
    ("Starters, firm and year effects, group, untrimmed", "firm/starters_untrimmed/group"),
    ("Callaway–Sant'Anna, parent, trimmed", "firm/starters_cs/parent"),
])
def test_the_stand_in_gives_the_numbers_of_chapter_2(core, name, result):
    mine, theirs = core.estimates[name], GOLDEN[result]
    assert mine.value == pytest.approx(theirs["value"], rel=1e-9)
    assert mine.se == pytest.approx(theirs["se"], rel=1e-6)
    assert re.search(r"the book's firms", mine.sample)
    assert not re.search(r"\bJ\b|edinet_code", mine.sample + mine.method)


def test_a_jump_over_years_not_seen_counts_by_the_year(panel, core):
    """E03295, a starter seen in 2018 and 2020 whose group more than doubled in between, stays."""
    theirs = samples.starters(panel, outcome="group")
    by_firm = theirs.groupby("edinet_code")
    yearly = (by_firm["y"].diff() / by_firm["year"].diff()).abs().groupby(theirs["edinet_code"]).max()
    kept = theirs[~theirs["edinet_code"].isin(yearly[yearly >= 0.7].index)]
    mine = core.estimates["Starters, firm and year effects, group, trimmed"]
    kept = kept[kept.duplicated("edinet_code", keep=False)]
    assert mine.value == pytest.approx(calls.two_way(
        kept, "y ~ post", "", ("edinet_code", "year"), "edinet_code").value, rel=1e-9)
    assert "E03295" in set(kept["edinet_code"])
    assert set(kept["edinet_code"]) <= set(samples.starters(panel, 0.7, "group")["edinet_code"])


def test_the_stand_in_gives_the_numbers_of_chapter_3(core):
    rows = samples.investors(load("firm_panel"))
    theirs = designs.weighted_effects(rows, "parent", "fdi", list(samples.COVARIATES), "", draws=99)
    for name, key in (("on investors", "ipw_att"), ("all", "ipw_ate"), ("doubly robust, all", "aipw_ate")):
        mine = core.estimates[f"Weighting, parent, {name}"]
        assert (mine.value, mine.se, mine.n) == (theirs[key].value, theirs[key].se, theirs[key].n)
    assert theirs["ipw_att"].value == pytest.approx(GOLDEN["barriers/ipw_att/parent"]["value"], rel=1e-9)


def test_the_stand_in_gives_the_rows_of_chapter_5(core):
    mine = core.curve.rows
    assert set(mine["sample"]) == {"all firms", "without holdings", "manufacturing", "at most 300"}
    assert set(mine["period"]) == {"all years"}
    chosen = {"outcome": ("parent", "group", "parent share"), "proxy": ("any adjustment",),
              "definition": ("in 80 % of years",), "restriction": ("none", "jumps below 0.7"),
              "sample": ("J", "at most 300"), "period": ("all years",), "weights": ("per firm",)}
    theirs = specifications.run(load("firm_panel"), choices=chosen, n_jobs=1).rows
    theirs = theirs.assign(sample=theirs["sample"].replace("J", "all firms"), proxy="FDI status")
    both = mine.merge(theirs, on=list(specifications.CHOICES), suffixes=("", "_theirs"))
    assert len(both) == len(theirs) > 50
    assert set(mine["horizon"]) == set(specifications.CHOICES["horizon"])
    np.testing.assert_allclose(both[["value", "se"]], both[["value_theirs", "se_theirs"]], rtol=1e-12)


def test_own_functions_run_on_the_clean_frame(panel):
    firms = load("firm_panel")
    mine, theirs = samples.starters(panel, 0.7), samples.starters(firms, 0.7)
    assert mine["y"].tolist() == theirs["y"].tolist()
    assert len(samples.risk_set(panel)) == len(samples.risk_set(firms))
    assert own.covariates(panel) == list(samples.COVARIATES)


def test_what_is_absent_is_left_out_and_said(book, core):
    few = own.core(own.check(book[["firm", "year", "parent", "fdi"]]), draws=9)
    assert few.left_out["Group headcount"] == "no field 'group'"
    assert "'total_assets', 'operating_income', 'pay', 'age'" in few.left_out["Weighting, parent"]
    name = "Starters, firm and year effects, parent, untrimmed"
    assert few.estimates[name].value == core.estimates[name].value
    no_sectors, sectors = (found.estimates["Long difference, parent"].value for found in (few, core))
    assert no_sectors != sectors
    assert set(few.curve.rows["outcome"]) == {"parent"}
    assert set(few.curve.rows["effects"]) == {"year"}
    assert "left out: Group headcount: no field 'group'" in str(few)
    with pytest.raises(SampleError, match="no field 'group'"):
        own.long_difference(own.check(book[["firm", "year", "parent", "fdi"]]), "group")
    some = own.check(book.drop(columns=["operating_income", "manufacturing", "sector"]))
    assert own.covariates(some) == ["ln_parent0", "ln_assets", "ln_pay", "average_age"]


def parted() -> pd.DataFrame:
    """A made panel in which the parent is a part of the jobs at home, another one each year."""
    rows = made()
    share = 0.3 + 0.05 * (rows["firm"].str[1:].astype(int) * rows["year"] % 11)
    return rows.assign(parent=(rows["home"] * share).round().clip(lower=1))


def test_home_comes_first_and_the_parent_stands_in_under_its_own_name():
    rows = parted()
    both, home, parent = (own.check(rows.drop(columns=drop)) for drop in ([], ["parent"], ["home"]))
    assert [own.staff(panel) for panel in (both, home, parent)] == ["home", "home", "parent"]
    renamed = own.check(rows.drop(columns="home").rename(columns={"parent": "home"}))
    for analysis in (own.long_difference, own.starters_effect):
        assert analysis(both).value == analysis(home).value != analysis(parent).value == analysis(renamed).value
    for panel, name in ((both, "home"), (parent, "parent")):
        assert own.long_difference(panel).sample == f"your panel in 2010 and 2015, |{name} growth| < 25"
    with pytest.raises(SampleError, match="outcome 'home': expected 'parent' or 'group'"):
        own.long_difference(parent, "home")
    assert samples.starters(home)["y"].tolist() == samples.starters(renamed.assign(
        parent_employees=home["home_employees"]))["y"].tolist(), "the book's samples run on a panel without a parent"
    for panel, name in ((both, "home"), (parent, "parent")):
        found = own.core(panel, draws=3)
        assert f"Long difference, {name}" in found.estimates
        assert set(found.curve.rows["outcome"]) == {name}
        for weights in ("per firm", "per job"):
            assert str(found).count(f"Specification curve, {name}, average after, {weights}: ") == 1, "none is pooled"
        assert set(own.curve(panel, outcome=(name,), restriction=("none",)).rows["outcome"]) == {name}


def test_size_classes_are_shown_apart(book):
    classes = np.where(book.groupby("firm")["parent"].transform("first") <= 300, "small", "large")
    panel = own.check(book.assign(size=classes))
    apart = {size: own.long_difference(panel, size=size) for size in ("small", "large")}
    assert apart["small"].n + apart["large"].n == own.long_difference(panel).n
    theirs = samples.long_differences(load("firm_panel"))
    ids = set(book.loc[classes == "small", "firm"])
    theirs = theirs[theirs["edinet_code"].isin(ids)]
    assert apart["small"].value == calls.ols(theirs, "parent ~ fdi + ln_parent0 + C(sector)", "fdi", "").value
    assert {f"Long difference, parent, size {s}" for s in ("small", "large")} <= set(own.core(panel, draws=3).estimates)


# ------------------------------------------------------------------------------------------------- sampling weights
def test_weights_in_the_long_difference_by_a_second_route():
    panel = own.check(made())
    mine = own.long_difference(panel)
    ends = panel.pivot(index="edinet_code", columns="year", values="home_employees")
    first = panel[panel["year"] == 2010].set_index("edinet_code")
    y = 100 / 5 * np.log(ends[2015] / ends[2010]).to_numpy()
    x = np.column_stack([first["fdi"], np.log(first["home_employees"]), pd.get_dummies(first["sector"])]).astype(float)
    kept = np.abs(y) < 25
    slopes, errors = weighted_least_squares(y[kept], x[kept], first["sampling_weight"].to_numpy(float)[kept])
    assert (mine.value, mine.se) == (pytest.approx(slopes[0], rel=1e-9), pytest.approx(errors[0], rel=1e-9))
    assert mine.method == "OLS, HC1 errors, sampling weights"


def test_a_weight_of_two_counts_a_firm_twice():
    rows = made().assign(weight=lambda r: 1 + (r["firm"] < "f020"))
    again = rows[rows["firm"] < "f020"].assign(firm=lambda r: r["firm"] + " again")
    once, twice = own.check(rows), own.check(pd.concat([rows, again]).drop(columns="weight"))
    for analysis in (own.long_difference, own.starters_effect):
        assert analysis(once).value == pytest.approx(analysis(twice).value, rel=1e-9)
        assert "sampling weights" in analysis(once).method
        assert "weights" not in analysis(twice).method
    mine = own.callaway_santanna(once).overall
    assert mine.value == pytest.approx(own.callaway_santanna(twice).overall.value, rel=1e-9)
    assert mine.method.endswith("sampling weights")
    curves = [own.curve(p, effects=("year",), weights=(w,), sample=("J",)).rows for p, w in (
        (once, "sampling"), (twice, "per firm"))]
    np.testing.assert_allclose(curves[0]["value"], curves[1]["value"], rtol=1e-9)


def test_weights_in_the_propensity_by_a_second_route():
    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"x": rng.normal(size=400), "w": rng.uniform(0.5, 3, 400)})
    rows["d"] = (rng.uniform(size=400) < 1 / (1 + np.exp(-rows["x"]))).astype(int)
    rows["y"] = 1 + 2 * rows["d"] + rows["x"] + rng.normal(size=400)
    found = designs.weighted_effects(rows, "y", "d", ["x"], "", draws=19, weights="w")
    x, (d, y, w) = np.column_stack([np.ones(400), rows["x"]]), rows[["d", "y", "w"]].to_numpy().T
    b = np.zeros(2)
    for _ in range(30):  # Newton on the weighted likelihood
        p = 1 / (1 + np.exp(-x @ b))
        b += np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x, x.T @ (w * (d - p)))
    p = 1 / (1 + np.exp(-x @ b))
    att = np.average(y[d == 1], weights=w[d == 1]) - np.average(y[d == 0], weights=(w * p / (1 - p))[d == 0])
    m1, m0 = (x @ weighted_least_squares(y[d == a], x[d == a], w[d == a])[0] for a in (1, 0))
    aipw = np.average(m1 - m0 + d * (y - m1) / p - (1 - d) * (y - m0) / (1 - p), weights=w)
    assert found["ipw_att"].value == pytest.approx(att, rel=1e-7)
    assert found["aipw_ate"].value == pytest.approx(aipw, rel=1e-7)
    plain = designs.weighted_effects(rows, "y", "d", ["x"], "", draws=19)
    even = designs.weighted_effects(rows.assign(w=7.0), "y", "d", ["x"], "", draws=19, weights="w")
    for key in plain:
        assert even[key].value == pytest.approx(plain[key].value, rel=1e-7)
        assert even[key].se == pytest.approx(plain[key].se, rel=1e-5)
    with pytest.raises(ModelError, match="not all above zero"):
        designs.weighted_effects(rows.assign(w=0.0), "y", "d", ["x"], "", draws=3, weights="w")


def test_unusable_weights_are_refused():
    rows = samples.long_differences(own.check(made()), 2010, 2015)
    with pytest.raises(ModelError, match="not all above zero"):
        analyses.least_squares(rows.assign(sampling_weight=-1.0), "home ~ fdi", "fdi", "", "sampling_weight")
    with pytest.raises(ModelError, match="need a column 'sampling_weight'"):
        specifications.run(load("firm_panel"), choices={"weights": ("sampling",)})
    assert "sampling" not in specifications.CHOICES["weights"], "the book's curve stays as it was"


# ------------------------------------------------------------------------------------------------ who is left out
def test_every_estimate_says_who_is_not_in_it():
    rows = made()
    pauses = (rows["firm"] == "f002") & (rows["year"] > 2013)
    gone = (rows["firm"].isin(["f003", "f004"])) & (rows["year"] == 2015)
    alone = (rows["firm"] == "f006") & (rows["year"] > 2010)
    panel = own.check(rows.assign(fdi=rows["fdi"].mask(pauses, 0))[~(gone | alone)])
    found = own.core(panel, draws=3)
    starters = found.table().set_index("analysis").loc["Starters, firm and year effects, home, untrimmed", "left_out"]
    assert starters == ("20 firms with FDI from their first year on; 1 firm with a later start, but FDI in fewer than "
                        "80 % of the years since; 1 firm seen in one year only")
    assert "3 firms seen in 2010 but not in 2015" in found.table()["left_out"].iloc[0]
    assert str(found).count("    not in it: ") == len(found.estimates)
    other = own.core(panel, draws=3, first=2011, last=2014)
    assert "seen in 2011 but not in 2014" not in other.table()["left_out"].iloc[0]
    assert other.estimates["Long difference, home"].sample.startswith("your panel in 2011 and 2014")


def test_few_firms_of_other_years_leave_the_long_difference_as_it_is(tmp_path):
    """Ten firms whose earlier accounts, or newer ones, are known too, as `make refresh` brings them."""
    rows = made()
    ten = rows["firm"].isin(rows["firm"].unique()[:10])
    more = pd.concat([rows, rows[ten & (rows["year"] == 2010)].assign(year=2008),
                      rows[ten & (rows["year"] == 2015)].assign(year=2016)])
    words = ("beware: it compares 2010 and 2015: of 2008, 2016 fewer than half as many firms are known as of the "
             "fullest year; first= and last= choose other years")
    before, after = own.check(rows), own.check(more)
    one, other = own.long_difference(before), own.long_difference(after)
    assert (other.value, other.se, other.n) == (one.value, one.se, one.n)
    assert (words in other.notes, words in one.notes) == (True, False)
    assert other.sample.startswith("your panel in 2010 and 2015")
    more.to_csv(tmp_path / "more.csv", index=False)
    with large.open_panel(tmp_path / "more.csv") as panel:
        from_file, named = panel.long_difference(), panel.long_difference(first=2010, last=2015)
    assert words in from_file.notes
    assert from_file.value == pytest.approx(one.value, rel=1e-8)
    assert (named.value, words in named.notes) == (from_file.value, False)
    chosen = own.long_difference(after, first=2010, last=2016)
    assert chosen.n == 10
    assert not [note for note in chosen.notes if note.startswith("beware: it compares")]


@pytest.mark.parametrize(("firms", "years", "thin"), [
    ({2010: 10, 2011: 100, 2012: 60, 2013: 49}, (2011, 2012), "of 2010, 2013"), ({2010: 50, 2011: 10, 2012: 100},
    (2010, 2012), None), ({2010: 100, 2011: 20, 2012: 5}, (2010, 2012), None), ({2010: 4}, (2010, 2010), None),
])  # fmt: skip
def test_years_of_half_as_many_firms_as_the_fullest_are_compared(firms, years, thin):
    first, last, note = analyses.ends(pd.Series(firms))
    assert (first, last) == years
    assert [thin in words for words in note] == ([True] if thin else [])


@pytest.mark.parametrize("starters", [1, 2])
def test_one_or_two_starters_give_no_error_that_means_anything(starters):
    rows = made()
    kind = rows["firm"].str[1:].astype(int)
    kept = own.check(rows[(kind % 3 == 0) | ((kind % 3 == 2) & (kind < 3 * starters))])
    for analysis in (own.starters_effect, lambda p: own.callaway_santanna(p)):
        with pytest.raises(ModelError, match="with fewer than 3 of either an error says nothing"):
            analysis(kept)


def test_headcounts_without_noise_give_no_estimate():
    rows = made().assign(home=lambda r: 100 + 10 * r["fdi"]).drop(columns="weight")
    found = own.core(own.check(rows), draws=3)
    assert not [name for name in found.estimates if name.startswith(("Starters", "Callaway"))]


@pytest.mark.parametrize("seed", [0, 27, 33])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_a_fit_leaves_of_an_exact_panel_is_no_noise(seed, tmp_path):
    """Effects of firms and years are swept out to six digits: of exact headcounts with gaps errors to 2e-6 remain."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame([(firm, 2010 + year) for firm in range(20) for year in range(6)], columns=["firm", "year"])
    rows["fdi"] = (rows["year"] >= rng.choice([2012, 2013, 2014, 9999], 20)[rows["firm"]]).astype(int)
    logs = rng.uniform(1, 9, 20)[rows["firm"]] + 0.1 * rows["fdi"] + 0.02 * (rows["year"] - 2010) ** 2
    rows = rows.assign(home=np.exp(logs))[rng.random(120) < 0.3]
    with pytest.raises(ModelError, match="no noise to judge it by"):
        own.starters_effect(own.check(rows))
    rows.to_csv(tmp_path / "exact.csv", index=False)
    with large.open_panel(tmp_path / "exact.csv", threads=1) as opened, pytest.raises(ModelError, match="no noise"):
        opened.starters_effect()


def test_who_is_in_between_years_jumps_by_the_year():
    rows = made().drop(columns="weight")
    rows["home"] = (rows["home"] * np.where((rows["firm"] == "f002") & (rows["year"] > 2012), 6, 1)).astype(int)
    hole = (rows["firm"] == "f002") & rows["year"].isin([2011, 2012])
    whole, gap = (own.starters_effect(own.check(r), trim=0.9).groups for r in (rows, rows[~hole]))
    assert (whole, gap) == (39, 40)
