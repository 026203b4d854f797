"""A reader's own panel: the check says all at once, the analyses are the book's, large files give the same numbers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from goingglobal import designs, load, models, own, samples, specifications
from goingglobal.models import ModelError
from goingglobal.own import PanelError, large, surveys
from goingglobal.samples import SampleError
from goingglobal.sphinx.elsewhere import launch

GOLDEN = {k: v for name in ("golden", "golden_policy")
          for k, v in json.loads((ROOT / "tests" / f"{name}.json").read_text(encoding="utf-8")).items()}


@pytest.fixture(scope="module")
def book() -> pd.DataFrame:
    return own.book_panel()


@pytest.fixture(scope="module")
def panel(book) -> pd.DataFrame:
    return own.check(book, table="the book's firms")


@pytest.fixture(scope="module")
def core(panel) -> own.Core:
    return own.core(panel, draws=99)


def made(firms: int = 60, years: int = 6, seed: int = 3) -> pd.DataFrame:
    """Rows in the schema's names: a third start in the fourth year, a third invests always, a third never."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame([(f"f{i:03d}", 2010 + t) for i in range(firms) for t in range(years)], columns=["firm", "year"])
    kind = rows["firm"].str[1:].astype(int) % 3
    rows["fdi"] = ((kind == 1) | ((kind == 2) & (rows["year"] >= 2013))).astype(int)
    rows["sector"] = "s" + (rows["firm"].str[1:].astype(int) % 4).astype(str)
    level = dict(zip(rows["firm"].unique(), rng.uniform(20, 400, firms), strict=True))
    rows["home"] = np.round(rows["firm"].map(level) * np.exp(rng.normal(0, 0.1, len(rows)))).astype(int)
    rows["weight"] = rows["firm"].map(dict(zip(rows["firm"].unique(), rng.integers(1, 5, firms), strict=True)))
    return rows


def spoilt() -> pd.DataFrame:
    rows = made(12).astype({"home": object, "fdi": object, "year": object, "weight": object, "firm": object})
    rows["group"] = [int(h) + 5 for h in rows["home"]]
    changes = {"home": {2: "12a", 3: -5, 12: "inf"}, "fdi": {4: 2, 5: 0.5}, "firm": {7: None}, "weight": {20: None},
               "year": {9: 2011.5, 10: 17}, "group": {14: 1, 16: None}}
    for name, cells in changes.items():
        for row, value in cells.items():
            rows.loc[row, name] = value
    return pd.concat([rows, rows.iloc[[25]]], ignore_index=True).assign(extra=1)


SPOILT = [("firm", (8,)), ("year", (10, 11)), ("home", (3,)), ("home", (13,)), ("home", (4,)), ("fdi", (5, 6)),
          ("weight", (21,)), ("firm+year", (73,))]


# ------------------------------------------------------------------------------------------------------ the schema
def test_the_schema_names_each_field_and_column_once():
    assert len({f.name for f in own.FIELDS}) == len({f.column for f in own.FIELDS}) == len(own.FIELDS)
    assert [f.name for f in own.FIELDS if f.required] == ["firm", "year", "home", "fdi"]
    known = set(load("firm_panel").columns) | set(samples.OWN_COLUMNS)
    assert {f.column for f in own.FIELDS} <= known
    shown = own.schema()
    assert list(shown["field"]) == [f.name for f in own.FIELDS]
    assert shown.set_index("field").loc["home", "expected"] == "a number above 0 (persons)"


# ------------------------------------------------------------------------------------------------------- the check
def test_all_faults_at_once_and_nothing_half_done():
    rows = spoilt()
    before = rows.copy(deep=True)
    with pytest.raises(PanelError) as caught:
        own.check(rows, table="mine")
    error = caught.value
    assert [(f.field, f.rows) for f in error.faults] == SPOILT
    assert {f.table for f in error.faults} == {"mine"}
    assert (error.table, error.field, error.row) == ("mine", "firm", 8)  # what every DataError has: the first fault
    text = str(error)
    assert text.startswith("table 'mine': 8 faults\n- field 'firm', row 8: expected a value")
    assert all(str(f) in text for f in (*error.faults, *error.cautions))
    assert "row 3: expected a number above 0 (persons), one that can be read, found '12a'" in text
    assert "rows 10, 11: expected a whole year from 1900 to 2100, found '2011.5'" in text
    assert "'f004' in 2011 has stood above" in text
    told = {(f.field, f.row) for f in error.cautions}
    assert {("home", 15), ("group", 17), (None, None)} <= told, "more at home than in the group; a gap; a stray column"
    assert not any(f.field == "home" and "left out" in f.expected for f in error.cautions), "a fault told twice"
    pd.testing.assert_frame_equal(rows, before)


@pytest.mark.parametrize(("change", "field", "words"), [
    (lambda r: r.drop(columns="fdi"), "fdi", "expected a column 'fdi'"),
    (lambda r: r.assign(fdi=0), "fdi", "is 0 in all rows"),
    (lambda r: r[r["year"] == 2012], "year", "at least two years"),
    (lambda r: r.iloc[:0], None, "at least one row"),
    (lambda r: r.assign(home=np.nan), "home", "no row has both"),
    (lambda r: r.assign(weight=0), "weight", "above 0"),
    (lambda r: r.assign(age=5), "age", "from 14 to 100"),
    (lambda r: r.assign(year=pd.to_datetime(r["year"].astype(str))), "year", "a whole year"),
    (lambda r: pd.concat([r, r["home"]], axis=1), "home", "stands 2 times"),
    (lambda r: r.assign(manufacturing="yes"), "manufacturing", "0 or 1"),
])
def test_each_fault_is_named(change, field, words):
    with pytest.raises(PanelError, match=re.escape(words)) as caught:
        own.check(change(made()))
    assert field in [f.field for f in caught.value.faults]


def test_a_fault_names_three_rows_and_holds_all():
    with pytest.raises(PanelError, match="rows 1, 2, 3 and 357 more: expected 0 or 1, found '7'") as caught:
        own.check(made().assign(fdi=7))
    assert caught.value.faults[0].rows == tuple(range(1, 361))


def test_columns_by_other_names_text_and_categories():
    rows = made()
    other = rows.rename(columns={"firm": "id", "home": "staff", "fdi": "abroad"}).assign(
        staff=rows["home"].astype(str), abroad=rows["fdi"].astype(bool), sector=rows["sector"].astype("category"))
    found = own.check(other.sample(frac=1, random_state=1), {"firm": "id", "home": "staff", "fdi": "abroad"})
    pd.testing.assert_frame_equal(found, own.check(rows))
    with pytest.raises(PanelError) as caught:
        own.check(other, {"firm": "id", "home": "employees", "fdi": "abroad", "size class": "x"})
    assert [f.field for f in caught.value.faults] == ["size class", "home"]
    assert "the table has 'id', 'year', 'abroad', 'sector', 'staff', 'weight'" in str(caught.value)


def test_names_given_the_other_way_round_are_one_fault():
    rows = made(12).rename(columns={"home": "staff", "fdi": "abroad"})
    with pytest.raises(PanelError, match="yours goes the other way round") as told:
        own.check(rows, {"staff": "home", "abroad": "fdi"})
    assert len(told.value.faults) == 1
    assert "expected {'home': 'staff', 'fdi': 'abroad'}" in told.value.faults[0].expected


def test_a_path_is_no_table():
    with pytest.raises(PanelError, match=r"expected a table \(DataFrame\), found str; read a file first"):
        own.check("mine.csv")


@pytest.mark.parametrize("firms", [60, 9], ids=["enough firms", "too few starters"])
def test_the_page_runs_on_a_panel_of_four_columns_with_other_names(tmp_path, firms):
    """`The line to change` is all there is to change: what the panel can't carry is left out and no cell fails."""
    rows = made(firms)[["firm", "year", "home", "fdi"]]
    rows.columns = ["id", "yr", "staff", "abroad"]
    rows.to_csv(tmp_path / "my-firms.csv", index=False)
    notebook = launch.cut(json.loads((ROOT / "book" / "appendix" / "your-data.ipynb").read_text(encoding="utf-8")))
    cell = next(c for c in notebook["cells"] if c["id"] == "your-data-panel")
    source = "".join(cell["source"])
    assert source.count('own.book_panel()  # change to: pd.read_csv("my-firms.csv")') == 1
    source = source.replace("own.book_panel()  # change to: ", "")
    source = source.replace("names = {}", 'names = {"firm": "id", "year": "yr", "home": "staff", "fdi": "abroad"}')
    cell["source"] = source.splitlines(keepends=True)
    (tmp_path / "mine.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    command = [sys.executable, str(ROOT / "tests" / "run_notebooks.py"), str(tmp_path), "mine.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)["notebooks"]["mine.ipynb"]["results"]
    assert {"own/check/faults", "own/longdiff/home"} <= set(found)
    assert ("own/curve/home_median" in found) == (firms == 60)


def test_whole_identifiers_stay_whole():
    rows = made().assign(firm=lambda r: r["firm"].str[1:].astype(float))
    assert own.check(rows)["edinet_code"].iloc[0] == "0"


def test_rows_without_headcount_or_status_are_left_out_and_told():
    rows = made().astype({"home": float})
    rows.loc[3, "home"] = np.nan
    found = own.check(rows)
    assert len(found) == len(rows) - 1
    assert [(c.field, c.rows) for c in found.attrs["cautions"]] == [("home", (4,))]
    assert not found["home_employees"].isna().any()


def test_no_switcher_is_a_caution_and_leaves_the_starters_out():
    rows = made()
    rows = rows[rows["firm"].str[1:].astype(int) % 3 != 2]
    found = own.check(rows)
    assert "0 firms with FDI from a later than the first year on" in str(found.attrs["cautions"][0])
    core = own.core(found, draws=9)
    assert list(core.estimates) == ["Long difference, home"]
    assert core.left_out["Starters, firm and year effects, home, untrimmed"].startswith(
        "sample 'starters and never-investors of your panel, home headcount, untrimmed': 0 starters")
    assert {"Specification curve", "Weighting, home", "Group headcount"} <= set(core.left_out)


# ------------------------------------------------------------------------------------------------- the book's firms
@pytest.mark.parametrize(("name", "result"), [
    ("Long difference, home", "firm/longdiff/home"), ("Long difference, group", "firm/longdiff/group"),
    ("Starters, firm and year effects, home, untrimmed", "firm/starters_untrimmed/home"),
    ("Starters, firm and year effects, home, trimmed", "firm/starters_trim70/home"),
    ("Starters, firm and year effects, group, untrimmed", "firm/starters_untrimmed/group"),
    ("Starters, firm and year effects, group, trimmed", "firm/starters_trim70/group"),
    ("Callaway–Sant'Anna, home, trimmed", "firm/starters_cs/home"),
])
def test_the_stand_in_gives_the_numbers_of_chapter_2(core, name, result):
    mine, theirs = core.estimates[name], GOLDEN[result]
    assert mine.value == pytest.approx(theirs["value"], rel=1e-9)
    assert mine.se == pytest.approx(theirs["se"], rel=1e-6)
    assert re.search(r"the book's firms", mine.sample)
    assert not re.search(r"\bJ\b|edinet_code", mine.sample + mine.method)


def test_the_stand_in_gives_the_numbers_of_chapter_3(core):
    rows = samples.investors(load("firm_panel"))
    theirs = designs.weighted_effects(rows, "home", "fdi", list(samples.COVARIATES), "", draws=99)
    for name, key in (("on investors", "ipw_att"), ("all", "ipw_ate"), ("doubly robust, all", "aipw_ate")):
        mine = core.estimates[f"Weighting, home, {name}"]
        assert (mine.value, mine.se, mine.n) == (theirs[key].value, theirs[key].se, theirs[key].n)
    assert theirs["ipw_att"].value == pytest.approx(GOLDEN["barriers/ipw_att/home"]["value"], rel=1e-9)


def test_the_stand_in_gives_the_rows_of_chapter_5(core):
    mine = core.curve.rows
    assert set(mine["sample"]) == {"all firms", "without holdings", "manufacturing", "at most 300"}
    assert set(mine["period"]) == {"2017–2025"}
    chosen = {"proxy": ("any adjustment",), "definition": ("in 80 % of years",), "trimming": ("none", "0.7"),
              "sample": ("J", "at most 300"), "period": ("2017–2025",), "weights": ("none",)}
    theirs = specifications.run(load("firm_panel"), chosen, n_jobs=1).rows
    theirs = theirs.assign(sample=theirs["sample"].replace("J", "all firms"), proxy="FDI status")
    both = mine.merge(theirs, on=list(specifications.CHOICES), suffixes=("", "_theirs"))
    assert len(both) == len(theirs) > 50
    np.testing.assert_allclose(both[["value", "se"]], both[["value_theirs", "se_theirs"]], rtol=1e-12)


def test_own_functions_run_on_the_clean_frame(panel):
    firms = load("firm_panel")
    mine, theirs = samples.starters(panel, 0.7), samples.starters(firms, 0.7)
    assert mine["y"].tolist() == theirs["y"].tolist()
    assert len(samples.risk_set(panel)) == len(samples.risk_set(firms))
    assert own.covariates(panel) == list(samples.COVARIATES)


def test_what_is_absent_is_left_out_and_said(book, core):
    few = own.core(own.check(book[["firm", "year", "home", "fdi"]]), draws=9)
    assert few.left_out["Group headcount"] == "no field 'group'"
    assert "'total_assets', 'operating_income', 'pay', 'age'" in few.left_out["Weighting, home"]
    name = "Starters, firm and year effects, home, untrimmed"
    assert few.estimates[name].value == core.estimates[name].value
    assert few.estimates["Long difference, home"].value != core.estimates["Long difference, home"].value  # no sectors
    assert set(few.curve.rows["outcome"]) == {"home"}
    assert set(few.curve.rows["effects"]) == {"year"}
    assert "left out: Group headcount: no field 'group'" in str(few)
    with pytest.raises(SampleError, match="no field 'group'"):
        own.long_difference(own.check(book[["firm", "year", "home", "fdi"]]), "group")
    some = own.check(book.drop(columns=["operating_income", "manufacturing", "sector"]))
    assert own.covariates(some) == ["ln_home0", "ln_assets", "ln_pay", "average_age"]


def test_size_classes_are_shown_apart(book):
    classes = np.where(book.groupby("firm")["home"].transform("first") <= 300, "small", "large")
    panel = own.check(book.assign(size=classes))
    apart = {size: own.long_difference(panel, size=size) for size in ("small", "large")}
    assert apart["small"].n + apart["large"].n == own.long_difference(panel).n
    theirs = samples.long_differences(load("firm_panel"))
    ids = set(book.loc[classes == "small", "firm"])
    theirs = theirs[theirs["edinet_code"].isin(ids)]
    assert apart["small"].value == models.ols(theirs, "home ~ fdi + ln_home0 + C(sector)", "fdi", "").value
    assert {f"Long difference, home, size {s}" for s in ("small", "large")} <= set(own.core(panel, draws=3).estimates)


# ------------------------------------------------------------------------------------------------- sampling weights
def weighted_least_squares(y, x, w):
    """Coefficients and HC1 errors by the formula."""
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    slopes = bread @ (x * w[:, None]).T @ y
    left = w * (y - x @ slopes)
    n, k = x.shape
    return slopes, np.sqrt(np.diag(n / (n - k) * bread @ (x * left[:, None] ** 2).T @ x @ bread))


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
        (once, "sampling"), (twice, "none"))]
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
        models.ols(rows.assign(sampling_weight=-1.0), "home ~ fdi", "fdi", "", weights="sampling_weight")
    with pytest.raises(ModelError, match="need a column 'sampling_weight'"):
        specifications.run(load("firm_panel"), {"weights": ("sampling",)})
    assert "sampling" not in specifications.CHOICES["weights"], "the book's curve stays as it was"


# ------------------------------------------------------------------------------------------- larger than memory
@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("large")


@pytest.fixture(scope="module")
def opened(book, folder):
    """The book's firms as a CSV file, through DuckDB."""
    pytest.importorskip("duckdb")
    book.to_csv(folder / "book.csv", index=False)
    with large.open_panel(folder / "book.csv") as found:
        yield found


def as_parquet(rows: pd.DataFrame, path: Path) -> Path:
    import duckdb

    with duckdb.connect() as connection:
        words = rows.select_dtypes(["str", "string"]).columns
        connection.from_df(rows.astype(dict.fromkeys(words, object))).write_parquet(str(path))
    return path


@pytest.mark.parametrize("outcome", ["home", "group"])
def test_regressions_from_aggregates_are_exact(panel, opened, outcome):
    for trim in (None, 0.7, 0.3):
        mine, theirs = opened.starters_effect(outcome, trim), own.starters_effect(panel, outcome, trim)
        for part in ("value", "se", "ci_low", "ci_high"):
            assert getattr(mine, part) == pytest.approx(getattr(theirs, part), rel=1e-7), (trim, part)
        assert (mine.n, mine.groups) == (theirs.n, theirs.groups)
    for limit in (25.0, None):
        mine, theirs = opened.long_difference(outcome, limit), own.long_difference(panel, outcome, limit)
        for part in ("value", "se", "ci_low", "ci_high"):
            assert getattr(mine, part) == pytest.approx(getattr(theirs, part), rel=1e-7), (limit, part)
        assert mine.n == theirs.n
    assert len(opened.cells(outcome)) < 100, "cells, not firms"


def test_aggregates_are_those_of_pandas(panel, opened):
    theirs = panel.groupby(["year", "fdi"]).agg(firms=("home_employees", "size"), home=("home_employees", "sum"),
                                                group=("group_employees", "sum")).reset_index()
    pd.testing.assert_frame_equal(opened.by_year(), theirs.astype({"home": float, "group": float}), check_dtype=False)
    started = samples.starters(panel).drop_duplicates("edinet_code")
    counted = opened.first_fdi().set_index("kind")
    assert counted.loc["never", "firms"] == (started["starter"] == 0).sum()
    mine = counted.loc["starter"].set_index("first_fdi")["firms"]
    theirs = started.loc[started["starter"] == 1, "first_fdi"].value_counts().sort_index()
    assert mine.to_dict() == theirs.to_dict()
    assert counted["firms"].sum() == panel["edinet_code"].nunique()


def test_the_same_from_parquet_with_weights(folder):
    rows = made().assign(age=np.nan)
    rows.loc[5, "age"] = 40  # the other cells are NaN, as pandas writes what is missing
    panel = own.check(rows)
    with large.open_panel(as_parquet(rows, folder / "weights.parquet"), memory_limit="128MB") as found:
        for mine, theirs in ((found.long_difference(), own.long_difference(panel)),
                             (found.starters_effect(), own.starters_effect(panel))):
            assert (mine.value, mine.se) == (pytest.approx(theirs.value, rel=1e-7), pytest.approx(theirs.se, rel=1e-7))
            assert mine.method.endswith("sampling weights")
        pd.testing.assert_frame_equal(found.fetch(large.KINDS), panel)


def test_only_the_firms_needed_are_fetched(panel, opened):
    kept = opened.fetch()
    for found, result in ((own.starters_effect(kept, trim=0.7), "firm/starters_trim70/home"),
                          (own.callaway_santanna(kept, trim=0.7).overall, "firm/starters_cs/home")):
        assert found.value == pytest.approx(GOLDEN[result]["value"], rel=1e-9)
    half = opened.fetch(never_share=0.5)
    pd.testing.assert_frame_equal(half, opened.fetch(never_share=0.5))
    count = [samples.starters(p).groupby("starter")["edinet_code"].nunique() for p in (kept, half)]
    assert count[0][1] == count[1][1], "all starters stay"
    assert 0.4 < count[1][0] / count[0][0] < 0.6
    assert half.attrs["table"] == "book.csv, 50 % of never-investors"
    with pytest.raises(SampleError, match="above 0, at most 1"):
        opened.fetch(never_share=0)
    with pytest.raises(SampleError, match="expected some of"):
        opened.fetch(("sometimes",))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_check_in_duckdb_says_the_same(folder, kind):
    path = folder / f"spoilt.{kind}"
    rows = spoilt()
    if kind == "csv":
        rows.to_csv(path, index=False)
        rows = pd.read_csv(path)
    else:
        rows = rows.astype({c: "string" for c in ("firm", "year", "home", "fdi", "weight", "group")})
        as_parquet(rows.astype(object).where(rows.notna(), None), path)
    errors = []
    for check in (own.check, lambda rows, table: large.open_panel(path, table=table)):
        with pytest.raises(PanelError) as caught:
            check(rows, table="mine")
        errors.append(caught.value)
    assert [(f.field, f.rows) for f in errors[1].faults] == SPOILT
    assert [str(f) for f in errors[1].faults] == [str(f) for f in errors[0].faults]
    assert {str(c) for c in errors[1].cautions} == {str(c) for c in errors[0].cautions}


@pytest.mark.parametrize(("rows", "words"), [
    (lambda r: r.assign(fdi=1), "is 1 in all rows"), (lambda r: r.assign(fdi=0), "is 0 in all rows"),
    (lambda r: r[r["year"] == 2010], "at least two years"), (lambda r: r.iloc[:0], "at least one row"),
    (lambda r: r.drop(columns="home"), "expected a column 'home'"),
    (lambda r: r.assign(year=lambda x: 1900 + x["year"] % 2 * 150), "at most 60 years"),
])
def test_faults_of_a_file_as_a_whole(folder, rows, words):
    rows(made()).to_csv(folder / "whole.csv", index=False)
    with pytest.raises(PanelError, match=words):
        large.open_panel(folder / "whole.csv")


def test_a_file_that_is_broken_or_not_there(folder):
    (folder / "broken.csv").write_text("firm;year;home;fdi\na;2010;5;0\na;2011;6;0;7;8\n", encoding="utf-8")
    with pytest.raises(PanelError, match=r"row 2: can't be read.*Expected Number of Columns: 4") as caught:
        large.open_panel(folder / "broken.csv")
    assert caught.value.row == 2
    (folder / "broken.parquet").write_text("firm", encoding="utf-8")
    with pytest.raises(PanelError, match="DuckDB can't read"):
        large.open_panel(folder / "broken.parquet")
    (folder / "twice.csv").write_text("firm,year,home,fdi,home\n", encoding="utf-8")
    with pytest.raises(PanelError, match="'home' stands 2 times"):
        large.open_panel(folder / "twice.csv")
    with pytest.raises(PanelError, match="it is not there"):
        large.open_panel(folder / "nothing.parquet")
    with pytest.raises(PanelError, match=r"a file .parquet or .csv"):
        large.open_panel(folder / "panel.xlsx")


def test_no_folder_is_left_behind(folder, opened):
    made().to_csv(folder / "clean.csv", index=False)
    with large.open_panel(folder / "clean.csv") as found:
        place = Path(found._folder.name)
        assert place.is_dir()
    assert not place.exists()


def test_without_duckdb_the_error_says_what_to_install(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ModelError, match=re.escape("pip install '.[large]'")):
        large.open_panel(ROOT / "data" / "firm_panel.csv")


def test_the_library_loads_without_duckdb():
    code = "import sys; sys.modules['duckdb'] = None; from goingglobal.own import check, large, surveys"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------------------------------------- generated panel
def lowbias32(x: int) -> int:
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def test_the_generated_panel_is_the_same_everywhere(folder):
    duckdb = pytest.importorskip("duckdb")
    large.generate(folder / "generated.parquet", 2000)
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(folder / "generated.parquet")).df()
    assert len(rows) == 2000
    rows = rows.sort_values(["firm", "year"]).set_index(["firm", "year"])
    for firm, year in ((0, 2011), (7, 2015), (199, 2020), (19, 2018)):
        key = firm * 16 + 1013904223
        u = [lowbias32(key + step & 0xFFFFFFFF) / 2**32 for step in range(15)]
        begun = 0.1 <= u[0] < 0.15 and year >= 2013 + int(u[4] * 6)
        log = 2.5 + 3 * u[1] + 0.02 * (u[2] - 0.5) * (year - 2011) + 0.3 * (u[5 + year - 2011] - 0.5) + 0.05 * begun
        assert rows.loc[(firm, year), "home"] == max(1, round(np.exp(log)))
        assert rows.loc[(firm, year), "fdi"] == int(u[0] < 0.1 or begun)
    with pytest.raises(ModelError, match="a multiple of 10"):
        large.generate(folder / "odd.parquet", 1001)


def test_the_demonstration_recovers_the_effect_under_its_ceiling():
    pytest.importorskip("duckdb")
    found = large.demonstrate(200_000, "128MB", ceiling_mb=900)
    effect = found.estimates["Starters, firm and year effects"]
    assert effect.ci_low < large.GENERATED_EFFECT < effect.ci_high
    assert "generated panel" in effect.sample
    assert 50 < found.peak_mb <= 900
    assert found.by_year["firms"].sum() == found.rows == 200_000
    again = large.demonstrate(200_000, "128MB", ceiling_mb=900)
    assert again.estimates == found.estimates, "the same to the last digit shown, whatever the order of sums"
    with pytest.raises(ModelError, match="above 10"):
        large.demonstrate(1000, "128MB", ceiling_mb=10)
    with pytest.raises(ModelError, match="a multiple of 10"):
        large.demonstrate(1001)


# ------------------------------------------------------------------------------------------------------- surveys
def survey_rows(seed: int = 7) -> pd.DataFrame:
    """Made rows of the shape of ZA7637: Germany, Japan and others; exporters grow by a point more in Japan."""
    rng = np.random.default_rng(seed)
    n = 600
    rows = pd.DataFrame({"isocntry": rng.choice(["DE", "JP", "FR"], n), "nace_a": rng.integers(1, 5, n),
                         "q3b": rng.integers(5, 250, n), "q11_1": rng.integers(0, 2, n), "q11_2": rng.integers(0, 2, n),
                         "q11_9": 0, "w1": rng.uniform(0.5, 2, n)})
    exports = rows[["q11_1", "q11_2"]].max(axis=1)
    rows["q11_9"] = 1 - exports
    growth = 0.02 * exports * (rows["isocntry"] == "JP") + rng.normal(0, 0.1, n)
    rows["size"] = np.maximum(0, np.round(rows["q3b"] * np.exp(3 * growth))).astype(int)
    rows.loc[:3, "size"] = 0
    rows.loc[4:6, "q3b"] = 99999
    return rows


LABELS = {"isocntry": "COUNTRY CODE", "q3b": "NUMBER OF EMPLOYEES 3 YEARS AGO", "size": "COMPANY SIZE",
          "q11_1": "EXPORTS 2019: EU", "q11_2": "EXPORTS 2019: OTHER EUROPE", "q11_9": "EXPORTS 2019: NONE"}


def by_hand(rows: pd.DataFrame, before: str, after: str, abroad: pd.Series, sector: str, years: float, weight=None):
    """The survey regression with numpy: coefficient and HC1 error."""
    y = 100 / years * np.log(rows[after] / rows[before]).to_numpy(float)
    x = np.column_stack([abroad, np.log(rows[before]), pd.get_dummies(rows[sector])]).astype(float)
    w = np.ones(len(rows)) if weight is None else rows[weight].to_numpy(float)
    slopes, errors = weighted_least_squares(y, x, w)
    return slopes[0], errors[0]


def test_flash_eurobarometer_in_one_call(folder):
    rows = survey_rows()
    path = folder / "ZA7637.dta"
    rows.to_stata(path, write_index=False, variable_labels=LABELS,
                  value_labels={"q3b": {99999: "DK/NA"}, "q11_1": {0: "Not mentioned", 1: "Yes"}})
    found = surveys.flash_eurobarometer_486(path)
    assert list(found) == ["DE", "JP"]
    sound = rows[(rows["size"] > 0) & (rows["q3b"] < 99999)]
    for country, estimate in found.items():
        mine = sound[sound["isocntry"] == country]
        value, error = by_hand(mine, "q3b", "size", mine[["q11_1", "q11_2"]].max(axis=1), "nace_a", 3, "w1")
        assert (estimate.value, estimate.se) == (pytest.approx(value, rel=1e-9), pytest.approx(error, rel=1e-9))
        assert estimate.n == len(mine)
        assert estimate.sample == f"Flash Eurobarometer 486, {country}"
        assert "sampling weights" in estimate.method
        said = " ".join(estimate.notes)
        assert "not verified: q3b (NUMBER OF EMPLOYEES 3 YEARS AGO), q11_1 (EXPORTS 2019: EU)" in said
        assert "q11_9" not in said, "the item 'none' is no export"
    named = surveys.flash_eurobarometer_486(path, ["JP"], employees_before="q3b", exports=["q11_1"], weight=None)["JP"]
    mine = sound[sound["isocntry"] == "JP"]
    assert named.value == pytest.approx(by_hand(mine, "q3b", "size", mine["q11_1"], "nace_a", 3)[0], rel=1e-9)
    assert "unweighted" in named.notes


def test_flash_eurobarometer_says_what_is_missing(folder):
    rows, path = survey_rows(), folder / "ZA7637.csv"
    rows.to_csv(path, index=False)
    with pytest.raises(PanelError, match=r"0 variables have a label on employees three years before.*isocntry, nace_a"):
        surveys.flash_eurobarometer_486(path)
    with pytest.raises(PanelError, match=r"exports=.*likely ones|exports=…. The file has all: isocntry"):
        surveys.flash_eurobarometer_486(path, employees_before="q3b")
    with pytest.raises(PanelError) as caught:
        surveys.flash_eurobarometer_486(path, employees="d1", country="land", employees_before="q3b", exports="q99")
    assert [f.field for f in caught.value.faults] == ["employees", "country", "exports q99"]
    assert "likely ones: size" in str(caught.value)
    with pytest.raises(PanelError, match="coded 0 and 1"):
        surveys.flash_eurobarometer_486(path, employees_before="q3b", exports="nace_a")
    with pytest.raises(PanelError, match="no row of 'US'; the file has DE, FR, JP"):
        surveys.flash_eurobarometer_486(path, ["US"], employees_before="q3b", exports="q11_1")
    with pytest.raises(PanelError, match="it is not there"):
        surveys.flash_eurobarometer_486(folder / "none.dta")


def test_efige_in_one_call(folder):
    rng = np.random.default_rng(11)
    n = 500
    rows = pd.DataFrame({"mark": range(n), "country": rng.choice(["GER", "ITA"], n),
                         "pavitt": rng.choice(list("abc"), n), "d4": rng.uniform(0, 100, n),
                         "empl_2007": rng.integers(10, 300, n).astype(float), "w": 2.0})
    rows.loc[rng.uniform(size=n) < 0.4, "d4"] = np.nan
    rows["empl_2009"] = np.round(rows["empl_2007"] * np.exp(rng.normal(0, 0.1, n) + 0.02 * rows["d4"].notna()))
    rows.loc[:2, "empl_2009"] = 9999999999
    path = folder / "EFIGE.csv"
    rows.to_csv(path, index=False)
    found = surveys.efige(path, ["GER", "ITA"])
    sound = rows.iloc[3:]
    for country, estimate in found.items():
        mine = sound[sound["country"] == country]
        value, error = by_hand(mine, "empl_2007", "empl_2009", mine["d4"].fillna(0) > 0, "pavitt", 2)
        assert (estimate.value, estimate.se) == (pytest.approx(value, rel=1e-9), pytest.approx(error, rel=1e-9))
        assert estimate.notes[-1] == "unweighted, though the sample is stratified"
    assert surveys.efige(path, ["GER"], weight="w")["GER"].value == pytest.approx(found["GER"].value)
    with pytest.raises(PanelError, match=r"no variable 'fdi_2008'.*likely ones: d4"):
        surveys.efige(path, ["GER"], abroad="fdi_2008")
    with pytest.raises(PanelError, match="say so as years="):
        surveys.efige(path, ["GER"], employees_before="mark")
    rows.drop(columns=["empl_2009"]).to_csv(path, index=False)
    with pytest.raises(PanelError, match=r"no two variables are called like employees in two years.*empl_2007"):
        surveys.efige(path)


def test_spss_needs_its_reader_or_says_so(folder, monkeypatch):
    (folder / "a.sav").write_bytes(b"$FL2")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(PanelError, match="SPSS files need the package pyreadstat"):
        surveys.efige(folder / "a.sav")


def test_every_variable_says_where_its_name_was_read():
    table = surveys.variables()
    assert set(table["survey"]) == {"Flash Eurobarometer 486", "EFIGE"}
    assert (table["name read in"].eq(surveys.UNVERIFIED) | table["name read in"].str.startswith("GitHub ")).all()
    for function, survey in ((surveys.flash_eurobarometer_486, "Flash Eurobarometer 486"), (surveys.efige, "EFIGE")):
        for row in table[table["survey"] == survey].itertuples():
            default = function.__kwdefaults__[row.argument.split(",")[0]]
            assert row.default == (default or row.default), row
            assert f"`{row.argument.split(',')[0]}`" in function.__doc__ or row.argument == "country"
