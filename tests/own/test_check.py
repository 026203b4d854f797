"""A reader's own panel: the check says all at once, and the page runs on what has passed it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from panels import SPOILT, made, spoilt

from goingglobal import load, own, samples
from goingglobal.own import PanelError
from goingglobal.sphinx.elsewhere import launch


# ------------------------------------------------------------------------------------------------------ the schema
def test_the_schema_names_each_field_and_column_once():
    assert len({f.name for f in own.FIELDS}) == len({f.column for f in own.FIELDS}) == len(own.FIELDS)
    assert [f.name for f in own.FIELDS if f.required] == ["firm", "year", "fdi"]
    known = set(load("firm_panel").columns) | {"home_employees", *samples.OWN_COLUMNS}
    assert {f.column for f in own.FIELDS} <= known
    shown = own.fields()
    assert list(shown["field"]) == [f.name for f in own.FIELDS]
    shown = shown.set_index("field")
    assert shown.loc["home", "expected"] == "a number above 0 (persons)"
    assert shown.loc[["home", "parent", "group"], "required"].tolist() == ["this or parent", "this or home", "no"]


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


@pytest.mark.parametrize(("change", "words"), [
    (lambda r: r.assign(fdi=r["fdi"].map({1: "Yes", 0: "No"})), "column.map({'yes': 1, 'no': 0})"),
    (lambda r: r.assign(fdi=12.5 * r["fdi"]), "if it is an amount or a share, give (column > 0).astype(int)"),
    (lambda r: r.assign(year=pd.to_datetime(r["year"].astype(str))), "take pandas.to_datetime(column).dt.year"),
    (lambda r: r.assign(year=pd.PeriodIndex(r["year"].astype(str), freq="Y")), "pandas.to_datetime(column).dt.year"),
    (lambda r: r.assign(year=r["year"].astype(str) + "-03-31"), "take pandas.to_datetime(column).dt.year"),
    (lambda r: r.assign(year="FY" + r["year"].astype(str)), 'column.str.extract(r"(\\d{4})")[0]'),
    (lambda r: r.assign(year=100 * r["year"] + 3), "a month: column // 100 is its year"),
    (lambda r: r.assign(home=r["home"].map(lambda h: f"1,{h:03d}")), 'thousands=","'),
    (lambda r: r.assign(home=r["home"].map(lambda h: f"1.{h:03d},5")), 'thousands=".", decimal=","'),
    (lambda r: r.assign(home=r["home"].astype(str) + ",5"), 'a decimal comma: read the file with decimal=","'),
    (lambda r: r.assign(home=r["home"].map(lambda h: f"1 {h:03d}")), "thousands=' '"),
    (lambda r: r.assign(home="200-499"), "a size band is no headcount"),
    (lambda r: r.assign(home="n/a"), "na_values=['n/a']"),
    (lambda r: r.assign(firm=1e17 + r["firm"].str[1:].astype(int)), 'dtype={"firm": str}'),
    (lambda r: r.rename(columns={"home": "Home "}), "did you mean 'Home '?"),
    (lambda r: pd.concat({"a": r}, axis=1), "flatten them"),
    (lambda r: pd.DataFrame({";".join(r.columns): r["firm"]}), "read the file with sep=';'"),
])
def test_a_fault_says_what_to_do(change, words):
    with pytest.raises(PanelError, match=re.escape(words)):
        own.check(change(made()))


@pytest.mark.parametrize("columns", [["firm", "year"], "firm", {"home": ["home"]}, [("firm", "id")]])
def test_columns_must_be_a_mapping_of_names(columns):
    with pytest.raises(PanelError, match="`columns`"):
        own.check(made(), columns)


def test_spellings_and_numbers_of_identifiers_are_told():
    rows = made()
    spelt = rows.assign(firm=[f" {f}\t" if i % 2 else f for i, f in enumerate(rows["firm"])])
    pd.testing.assert_frame_equal(own.check(spelt), own.check(rows))
    blank = rows.assign(home=" " + rows["home"].astype(str) + "\u3000")
    pd.testing.assert_frame_equal(own.check(blank), own.check(rows))
    mixed = rows.assign(firm=[f.upper() if i % 2 else f for i, f in enumerate(rows["firm"])])
    assert "60 identifiers differ from another only by case" in str(own.check(mixed).attrs["cautions"])
    numbered = own.check(rows.assign(firm=rows["firm"].str[1:].astype(int))).attrs["cautions"]
    assert "leading zeros" in str(numbered[0])
    assert not own.check(rows.assign(firm=100 + rows["firm"].str[1:].astype(int))).attrs["cautions"]


def test_decimals_that_are_no_thousands_stay():
    rows = made()
    for part in (0.5, 0.25, 1 / 3):
        own.check(rows.assign(home=np.round(rows["home"] + part * (rows["year"] % 2), 3)))
    with pytest.raises(PanelError, match="exactly three decimals"):
        own.check(rows.assign(home=lambda r: np.where(r["firm"] < "f030", r["home"], 1 + r["home"] / 1000)))


def test_a_status_that_turns_on_later_holds_for_the_firm():
    rows = made().assign(reorganised=lambda r: ((r["firm"] < "f010") & (r["year"] > 2012)).astype(int),
                         manufacturing=lambda r: (r["firm"] < "f040").astype(float).where(r["year"] > 2010))
    panel = own.check(rows)
    assert panel.groupby("edinet_code")["reorganised"].first().sum() == 10
    assert panel.groupby("edinet_code")["manufacturing"].first().sum() == 40
    assert "10 firms: 1 in any year counts for all" in str(panel.attrs["cautions"])
    found = own.curve(panel, sample=("without holdings",), restriction=("none",), weights=("per firm",)).rows
    assert found["firms"].max() == panel[panel["reorganised"] == 0].groupby("edinet_code")["fdi"].agg(
        ["first", "max"]).query("first == 0").shape[0]


def test_a_path_is_no_table():
    with pytest.raises(PanelError, match=r"expected a table \(DataFrame\), found str; read a file first"):
        own.check("mine.csv")


# Each in its turn as run_notebooks does it, with ids that are new: an id stands for one number in a process.
RUN_EACH = """
import json, pathlib, sys
import goingglobal.absorbing, run_notebooks
from goingglobal import results
out, sys.stdout, found = sys.stdout, sys.stderr, {}
for panel in sys.argv[1:]:
    found[panel] = run_notebooks.run(pathlib.Path(f"{panel}.ipynb"))
    results._records.clear()
json.dump(found, out)
"""
PANELS = {"enough firms": 60, "too few starters": 9, "nothing to estimate": 2}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, dict]:
    """What the page reports on panels of four columns with other names; all of them run in one process."""
    folder = tmp_path_factory.mktemp("pages")
    whole = (ROOT / "book" / "appendix" / "your-data.ipynb").read_text(encoding="utf-8")
    for panel, firms in PANELS.items():
        rows = made(firms)[["firm", "year", "home", "fdi"]]
        rows.columns = ["id", "yr", "staff", "abroad"]
        rows.to_csv(folder / f"{panel}.csv", index=False)
        notebook = launch.cut(json.loads(whole))
        cell = next(c for c in notebook["cells"] if c["id"] == "your-data-panel")
        source = "".join(cell["source"])
        assert source.count('own.book_panel()  # change to: pd.read_csv("my-firms.csv")') == 1
        source = source.replace("own.book_panel()  # change to: ", "").replace("my-firms.csv", f"{panel}.csv")
        source = source.replace("names = {}", 'names = {"firm": "id", "year": "yr", "home": "staff", "fdi": "abroad"}')
        cell["source"] = source.splitlines(keepends=True)
        (folder / f"{panel}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", RUN_EACH, *PANELS], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("panel", PANELS)
def test_the_page_runs_on_a_panel_of_four_columns_with_other_names(pages, panel):
    """`The line to change` is all there is to change: what the panel can't carry is left out and no cell fails."""
    found = pages[panel]["results"]
    assert "own/check/faults" in found
    assert ("own/longdiff/home" in found) == (panel != "nothing to estimate")
    assert ("own/curve/home_median" in found) == (panel == "enough firms")


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


def test_home_or_parent_is_needed_and_a_part_is_no_larger_than_the_whole():
    rows = made()
    with pytest.raises(PanelError, match=r"expected a column 'home' .* or 'parent'"):
        own.check(rows.drop(columns="home"))
    parents = own.check(rows.rename(columns={"home": "parent"}))
    assert parents["home_employees"].isna().all()
    both = rows.assign(parent=rows["home"], group=rows["home"] + 5)
    both.loc[3, "parent"] += 1
    both.loc[5, "parent"] += 9
    told = [(c.field, c.rows, c.expected.split(":")[0]) for c in own.check(both).attrs["cautions"]]
    words = "more employees than in `{}`"
    assert told == [("parent", (6,), words.format("group")), ("parent", (4, 6), words.format("home"))]
    both.loc[7, "parent"] = np.nan
    assert len(own.check(both)) == len(both), "the parent may be unknown where home is given"


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


def test_a_row_that_stands_twice_hides_no_gap():
    rows = made().query("not (firm == 'f000' and year == 2012)")
    with pytest.raises(PanelError, match="one row per firm and year") as caught:
        own.check(pd.concat([rows, rows.iloc[[0]]]))
    assert "1 firm with gaps" in " ".join(str(caution) for caution in caught.value.cautions)
