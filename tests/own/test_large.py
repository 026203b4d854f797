"""Panels larger than memory: files give the same faults and the same numbers as a table in memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from panels import GOLDEN, SPOILT, made, spoilt

from goingglobal import models, own, samples
from goingglobal.models import ModelError
from goingglobal.own import PanelError, large
from goingglobal.samples import SampleError


@pytest.fixture(scope="module")
def book() -> pd.DataFrame:
    return own.book_panel()


@pytest.fixture(scope="module")
def panel(book) -> pd.DataFrame:
    return own.check(book, table="the book's firms")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("large")


# ------------------------------------------------------------------------------------------- larger than memory
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


@pytest.mark.parametrize("outcome", ["parent", "group"])
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
    theirs = panel.groupby(["year", "fdi"]).agg(firms=("parent_employees", "size"), parent=("parent_employees", "sum"),
                                                group=("group_employees", "sum")).reset_index()
    pd.testing.assert_frame_equal(opened.by_year(), theirs.astype({"parent": float, "group": float}), check_dtype=False)
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


@pytest.mark.parametrize("fields", [["parent"], ["home", "parent"], ["parent", "empty home"]])
def test_home_or_parent_in_a_file_as_in_memory(folder, fields):
    rows = made().assign(parent=lambda r: r["home"] // 2 + r["year"] % 3 + 1)
    rows = rows.assign(home=np.nan) if "empty home" in fields else rows.drop(columns=[] if "home" in fields else "home")
    panel = own.check(rows)
    with large.open_panel(as_parquet(rows, folder / "parents.parquet"), memory_limit="128MB") as found:
        assert found.staff == own.staff(panel) == ("home" if "home" in fields else "parent")
        assert found.staff in found.by_year()
        assert {str(c) for c in found.cautions} == {str(c) for c in panel.attrs["cautions"]}
        for mine, theirs in ((found.long_difference(), own.long_difference(panel)),
                             (found.starters_effect(), own.starters_effect(panel))):
            assert mine.value == pytest.approx(theirs.value, rel=1e-7)
            assert f"{found.staff} " in mine.sample


def test_only_the_firms_needed_are_fetched(panel, opened):
    kept = opened.fetch()
    for found, result in ((own.starters_effect(kept, trim=0.7), "firm/starters_trim70/parent"),
                          (own.callaway_santanna(kept, trim=0.7).overall, "firm/starters_cs/parent")):
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


def sums(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby("year", as_index=False)["home"].sum().assign(firm="all", fdi=0, sector="s0", weight=1)


@pytest.mark.parametrize("odd", [
    lambda r: pd.concat([r, sums(r)]), lambda r: pd.concat([r, sums(r).iloc[:2]]),
    lambda r: pd.concat([r[r["firm"] < "f004"], sums(r[r["firm"] < "f004"])]),
    lambda r: pd.concat([r[r["firm"] < "f004"], sums(r[r["firm"] < "f004"]).iloc[:2].assign(firm=["f000", "f001"])]),
    lambda r: pd.concat([r, r.iloc[:1].assign(firm="all", home=r["home"].sum())]),
    lambda r: r.assign(firm=r["firm"].where(r["firm"] != "f007", "1.2E+11"),
                       home=r["home"].where(r.index != 8, 400 * r["home"]),
                       group=(r["home"] + 5).where(r["firm"] > "f003")),
], ids=["totals", "two totals", "few firms and totals", "no totals", "a total of all", "cut, a jump, no group"])
def test_what_only_several_rows_show_is_told_as_in_memory(tmp_path, odd):
    odd(made()).to_csv(tmp_path / "odd.csv", index=False)
    said = []
    for reads in (lambda: own.check(pd.read_csv(tmp_path / "odd.csv"), table="mine").attrs["cautions"],
                  lambda: large.open_panel(tmp_path / "odd.csv", table="mine")):
        try:
            found = reads()
        except PanelError as error:
            said.append({*map(str, error.faults), *map(str, error.cautions)})
            continue
        said.append({*map(str, found)} if isinstance(found, tuple) else {*map(str, found.cautions)})
        if not isinstance(found, tuple):
            found.close()
    assert said[0] == said[1]
    assert said[0]


def test_who_is_left_out_is_counted_as_in_memory(folder):
    rows = made().assign(group=lambda r: (r["home"] + 5).where(r["firm"] > "f003"))
    panel = own.check(rows)
    with large.open_panel(as_parquet(rows, folder / "without.parquet")) as found:
        for mine, theirs in ((found.long_difference("group"), own.long_difference(panel, "group")),
                             (found.starters_effect(), own.starters_effect(panel))):
            assert "4 firms without a group headcount" in mine.notes[0]
            assert mine.notes[0].split(";")[0] == theirs.notes[0].split(";")[0]


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


# --------------------------------------------------------------------------------------------- files as they come
@pytest.fixture(scope="module")
def effect():
    return own.starters_effect(own.check(made())).value


@pytest.mark.parametrize(("encoding", "told"), [("utf-16", None), ("utf-16-le", None), ("utf-8-sig", None),
                                                ("utf-32", None), ("cp932", "cp932"), ("euc_jp", "euc_jp")])
@pytest.mark.parametrize("mark", [";", "\t"])
def test_encodings_and_delimiters(folder, effect, encoding, told, mark):
    path = folder / "encoded.csv"
    made().rename(columns={"home": "従業員"}).to_csv(path, index=False, encoding=encoding, sep=mark)
    with large.open_panel(path, {"home": "従業員"}, encoding=told) as found:
        assert found.starters_effect().value == pytest.approx(effect, rel=1e-7)
    if told:
        with pytest.raises(PanelError, match=f'is not UTF-8.*encoding="{told}"'):
            large.open_panel(path, {"home": "従業員"})
        with pytest.raises(PanelError, match="can't read line"):
            large.open_panel(path, {"home": "従業員"}, encoding="ascii")
        with pytest.raises(PanelError, match="no such encoding"):
            large.open_panel(path, encoding="none")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_of_several_files_are_found_by_name(tmp_path, effect, kind):
    rows = made()
    parts = rows[rows["firm"] < "f020"], rows.loc[rows["firm"] >= "f020", [*rows.columns[::-1]]]
    for name, part, mark in zip(("a[1]", "b"), parts, ",;", strict=True):
        if kind == "csv":
            part.to_csv(tmp_path / f"{name}.csv", index=False, sep=mark)
        else:
            as_parquet(part, tmp_path / f"{name}.parquet")
    with large.open_panel(tmp_path / f"*.{kind}") as found:
        assert found.starters_effect().value == pytest.approx(effect, rel=1e-7)
        assert found.starters_effect().groups == 40
    with large.open_panel(tmp_path / f"a[1].{kind}") as found:
        assert found.starters_effect().groups == 13


def test_a_fault_in_one_of_several_files_says_in_which(tmp_path):
    rows = made()
    rows[rows["firm"] < "f020"].to_csv(tmp_path / "a.csv", index=False)
    later = rows[rows["firm"] >= "f020"].astype({"home": object})
    later.iloc[4, later.columns.get_loc("home")] = "1,040"
    later.to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(PanelError, match=r"field 'home', file 'b.csv', row 5: .*thousands=\",\""):
        large.open_panel(tmp_path / "*.csv")
    with large.open_panel(tmp_path / "*.csv", thousands=",") as found:
        assert found.rows == len(rows)
    pd.concat([later.iloc[:1].assign(home=7), later.iloc[:0]]).to_csv(tmp_path / "c.csv", index=False)
    later.assign(home=7).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(PanelError, match=r"field 'firm\+year', file 'c.csv', row 1: expected one row per firm"):
        large.open_panel(tmp_path / "*.csv")
    later.drop(columns="fdi").to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(PanelError, match=r"file 'c.csv': expected one column 'fdi', as in 'a.csv'"):
        large.open_panel(tmp_path / "*.csv")


def test_marks_of_decimals_and_thousands(folder, effect):
    rows = made()
    rows.assign(home=rows["home"].map(lambda h: f"{1000 * h:,}".replace(",", "."))).to_csv(folder / "marks.csv")
    with large.open_panel(folder / "marks.csv", thousands=".", decimal=",") as found:
        assert found.starters_effect().value == pytest.approx(effect, rel=1e-7)
    with pytest.raises(PanelError, match="expected a point or a comma"):
        large.open_panel(folder / "marks.csv", decimal=",", thousands=",")
    rows.assign(home=rows["home"].map(lambda h: f"{h}.5")).to_csv(folder / "marks.csv")
    with pytest.raises(PanelError, match="one that can be read"):  # 12.5 is no 125
        large.open_panel(folder / "marks.csv", thousands=".", decimal=",")


def test_columns_as_a_list_are_one_fault(folder):
    made().to_csv(folder / "list.csv", index=False)
    with pytest.raises(PanelError, match="found a list"):
        large.open_panel(folder / "list.csv", ["firm", "year"])


def test_no_folder_is_left_behind(folder, opened):
    made().to_csv(folder / "clean.csv", index=False)
    with large.open_panel(folder / "clean.csv") as found:
        place = found._source.folder
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


@pytest.mark.proof
def test_the_demonstration_recovers_the_effect_under_its_ceiling():
    pytest.importorskip("duckdb")
    found = large.demonstrate(200_000, "128MB", ceiling_mb=900)
    effect = found.estimates["Starters, firm and year effects"]
    assert effect.ci_low < large.GENERATED_EFFECT < effect.ci_high
    assert "generated panel" in effect.sample
    assert 50 < found.peak_mb <= 900
    assert found.by_year["firms"].sum() == found.rows == 200_000
    again = large._child(200_000, "128MB")["estimates"]
    assert {name: models.Estimate(**e) for name, e in again.items()} == found.estimates, (
        "the same to the last digit shown, whatever the order of sums")
    with pytest.raises(ModelError, match="above 10"):
        large.demonstrate(1000, "128MB", ceiling_mb=10)
    with pytest.raises(ModelError, match="a multiple of 10"):
        large.demonstrate(1001)
