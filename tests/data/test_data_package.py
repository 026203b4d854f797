"""The data package: every way a table can be damaged is refused, and the tables say what they are said to say."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import frictionless
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from goingglobal import data
from goingglobal.data import DataError, describe, load, seal, source_line, table_names, validate

NAMES = [
    "country_panel", "firm_panel", "group_panel", "firm_management", "industry_japan", "industry_japan_continuing",
    "affiliates_germany", "affiliates_europe", "us_multinationals", "country_by_country_2016", "size_classes_germany",
    "claims", "official_figures", "literature",
]  # fmt: skip
Rows = list[list[str]]


SLOW = {
    "check_run": ["-m", "goingglobal.data", "check"],
    "frictionless_run": [
        "-c", "import frictionless, sys; print(frictionless.validate(sys.argv[1]).to_json())",
        str(ROOT / "data" / "datapackage.json"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def beside(request, tmp_path_factory):
    """Starts the slow commands that the chosen tests need; they run on the other core until they are asked for."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {**os.environ, "GOINGGLOBAL_DATA": str(ROOT / "data")}
    running = {}
    for name, arguments in SLOW.items():
        if any(name in item.fixturenames for item in request.session.items):
            with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.err").open("wb") as err:
                command = [sys.executable, *arguments]
                running[name] = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)

    def finished(name: str) -> subprocess.CompletedProcess:
        code = running[name].wait(timeout=120)
        out, err = ((folder / f"{name}.{end}").read_text(encoding="utf-8") for end in ("out", "err"))
        return subprocess.CompletedProcess(running[name].args, code, out, err)

    yield finished
    for process in running.values():
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def check_run(beside):
    return beside("check_run")


@pytest.fixture(scope="module")
def frictionless_run(beside):
    return beside("frictionless_run")


@pytest.fixture(scope="module")
def tables():
    """The committed tables, all loaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOINGGLOBAL_DATA", str(ROOT / "data"))
        return {name: load(name) for name in NAMES}


@pytest.fixture
def committed(monkeypatch):
    """`goingglobal.data` reads the committed package, whatever the environment says."""
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(ROOT / "data"))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that may be damaged. Each test has its own path, so no cached table is met."""
    folder = tmp_path / "package"
    folder.mkdir()
    for path in [*(ROOT / "data").glob("*.csv"), ROOT / "data" / "datapackage.json"]:
        shutil.copyfile(path, folder / path.name)
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(folder))
    yield folder
    shutil.rmtree(folder)


def rewrite(folder: Path, table: str, change: Callable[[Rows], None]) -> None:
    """Change a table's rows in place; `rows[0]` is the header, so `rows[n]` is data row n."""
    path = folder / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


def edit_descriptor(folder: Path, change: Callable[[dict], None]) -> None:
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    change(package)
    path.write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# --- what can be done to a table -------------------------------------------------------------------------------


def set_cell(row: int, field: str, text: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        at = rows[0].index(field)
        assert rows[row][at] != text, "the damage must change the cell"
        rows[row][at] = text

    return change


def drop_column(field: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        at = rows[0].index(field)
        for row in rows:
            del row[at]

    return change


def rename_column(field: str, to: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[0][rows[0].index(field)] = to

    return change


def repeat_column(field: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        at = rows[0].index(field)
        for row in rows:
            row.append(row[at])

    return change


def add_column(field: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for number, row in enumerate(rows):
            row.append("1" if number else field)

    return change


def swap_columns(one: str, other: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        a, b = rows[0].index(one), rows[0].index(other)
        for row in rows:
            row[a], row[b] = row[b], row[a]

    return change


def repeat_row(row: int, below: int) -> Callable[[Rows], None]:
    return lambda rows: rows.insert(below + 1, list(rows[row]))


def lose_last_cell(row: int) -> Callable[[Rows], None]:
    return lambda rows: rows[row].pop()


def gain_cell(row: int) -> Callable[[Rows], None]:
    return lambda rows: rows[row].append("1")


def keep_rows(count: int) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        assert len(rows) > count + 1, "the damage must lose rows"
        del rows[count + 1 :]

    return change


@dataclass(frozen=True)
class Damage:
    """One damage, and the error it must give: `field` and `row` as attributes, `says` in the message."""

    name: str
    table: str
    change: Callable[[Rows], None]
    field: str | None
    row: int | None
    says: str


DAMAGES = [
    Damage("column-missing", "country_panel", drop_column("gdp_growth_pct"), "gdp_growth_pct", None,
           "expected this column, it is missing"),
    Damage("column-renamed", "country_panel", rename_column("labour_share", "labor_share"), "labour_share", None,
           "expected this column, it is missing; found 'labor_share' instead"),
    Damage("column-twice", "claims", repeat_column("value"), "value", None, "expected each column once"),
    Damage("column-added", "claims", add_column("opinion"), "opinion", None, "not in the descriptor"),
    Damage("columns-swapped", "country_panel", swap_columns("fdi_out_pct_gdp", "fdi_in_pct_gdp"), "fdi_in_pct_gdp",
           None, "expected column 5 to be 'fdi_out_pct_gdp'"),
    Damage("header-lost", "official_figures", lambda rows: rows.pop(0), "fact_id", None,
           "expected this column, it is missing"),
    Damage("file-emptied", "claims", lambda rows: rows.clear(), "claim_id", None, "expected this column"),
    Damage("text-in-integer", "industry_japan", set_cell(3, "employees", "about 990"), "employees", 3,
           "expected an integer (persons), found 'about 990'"),
    Damage("fraction-in-integer", "country_panel", set_cell(1, "conduit", "0.5"), "conduit", 1,
           "expected an integer (0/1 indicator), found '0.5'"),
    Damage("text-in-number", "country_panel", set_cell(2090, "gdp_growth_pct", "n/a"), "gdp_growth_pct", 2090,
           "expected a number (% a year), found 'n/a'"),
    Damage("decimal-comma", "country_panel", set_cell(1, "exports_pct_gdp", "12,9"), "exports_pct_gdp", 1,
           "expected a number (% of GDP), found '12,9'"),
    Damage("nan-in-number", "country_panel", set_cell(9, "exports_pct_gdp", "nan"), "exports_pct_gdp", 9,
           "expected a number (% of GDP), found 'nan'"),
    Damage("blank-in-number", "country_panel", set_cell(9, "exports_pct_gdp", " "), "exports_pct_gdp", 9,
           "expected a number (% of GDP), found ' '"),
    Damage("date-in-other-form", "firm_panel", set_cell(12, "period_end", "31.03.2021"), "period_end", 12,
           "expected a date, found '31.03.2021'"),
    Damage("date-not-in-calendar", "firm_panel", set_cell(17684, "period_end", "2021-02-30"), "period_end", 17684,
           "expected a calendar date, found '2021-02-30'"),
    Damage("key-twice", "country_panel", repeat_row(5, below=9), "iso3+year", 10,
           "expected a unique key; iso3=AUS, year=1974"),
    Damage("id-twice", "claims", set_cell(2, "claim_id", "C001"), "claim_id", 2,
           "expected a unique key; claim_id=C001"),
    Damage("share-above-100", "country_panel", set_cell(30, "unemployment_pct", "107.5"), "unemployment_pct", 30,
           "expected at most 100 (% of labour force), found '107.5'"),
    Damage("ratio-as-percent", "country_panel", set_cell(4, "labour_share", "67.1"), "labour_share", 4,
           "expected at most 1 (share of GDP), found '67.1'"),
    Damage("negative-headcount", "firm_panel", set_cell(2, "group_employees", "-1094"), "group_employees", 2,
           "expected at least 0 (persons), found '-1094'"),
    Damage("empty-parent", "firm_panel", set_cell(1, "parent_employees", "0"), "parent_employees", 1,
           "expected at least 1 (persons), found '0'"),
    Damage("year-outside-table", "country_panel", set_cell(55, "year", "2025"), "year", 55,
           "expected at most 2024 (year), found '2025'"),
    Damage("word-not-in-enum", "claims", set_cell(129, "text_state", "whole"), "text_state", 129,
           "expected one of ['intact', 'damaged', 'restored'], found 'whole'"),
    Damage("word-not-in-long-enum", "country_panel", set_cell(1, "iso3", "FRG"), "iso3", 1,
           "'DNK', 'ESP', '…'], found 'FRG'"),
    Damage("flag-not-in-enum", "country_panel", set_cell(7, "conduit", "2"), "conduit", 7,
           "expected one of [0, 1] (0/1 indicator), found '2'"),
    Damage("id-not-in-pattern", "claims", set_cell(6, "claim_id", "6"), "claim_id", 6,
           "expected text like C[0-9]{3}, found '6'"),
    Damage("required-text-empty", "claims", set_cell(8, "wording", ""), "wording", 8,
           "expected a value; this field may not be empty"),
    Damage("required-figure-empty", "industry_japan_continuing", set_cell(34, "employees", ""), "employees", 34,
           "expected a value; this field may not be empty"),
    Damage("row-short", "country_panel", lose_last_cell(1000), None, 1000, "expected 19 cells, found 18"),
    Damage("row-long", "claims", gain_cell(1), None, 1, "expected 22 cells, found 23"),
    Damage("row-blank", "claims", lambda rows: rows.append([]), None, 130, "expected 22 cells, found 0"),
]  # fmt: skip


def check_error(error: DataError, table: str, field: str | None, row: int | None, says: str) -> None:
    """Attributes as given, and a message that names all of them."""
    assert (error.table, error.field, error.row) == (table, field, row)
    assert says in error.expected
    message = str(error)
    assert message.endswith(error.expected)
    assert f"table {table!r}" in message
    assert (f"field {field!r}" in message) == (field is not None)
    if row is not None:
        assert f"row {row} (line {row + 1} of {table}.csv)" in message


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_a_damaged_table_is_neither_loaded_nor_sealed(package, damage):
    rewrite(package, damage.table, damage.change)
    before = {path.name: path.read_bytes() for path in package.iterdir()}
    for function in (load, seal):
        with pytest.raises(DataError) as caught:
            function(damage.table)
        check_error(caught.value, damage.table, damage.field, damage.row, damage.says)
    assert {path.name: path.read_bytes() for path in package.iterdir()} == before


@pytest.mark.parametrize("row", [1, 2, 1045, 2090])
def test_rows_are_numbered_from_one_below_the_header(package, row):
    rewrite(package, "country_panel", set_cell(row, "country", ""))
    with pytest.raises(DataError) as caught:
        load("country_panel")
    assert caught.value.row == row
    path = package / "country_panel.csv"
    assert path.read_text(encoding="utf-8").splitlines()[row].split(",")[1] == ""  # line row + 1, counted from 1


def test_the_first_bad_row_is_named(package):
    rewrite(package, "country_panel", set_cell(900, "unemployment_pct", "low"))
    rewrite(package, "country_panel", set_cell(40, "unemployment_pct", "high"))
    with pytest.raises(DataError, match="found 'high'") as caught:
        load("country_panel")
    assert caught.value.row == 40


@pytest.mark.parametrize(
    ("table", "kept", "sealed"),
    [("country_panel", 2089, 2090), ("industry_japan", 804, 805), ("industry_japan_continuing", 10, 34)],
)
def test_a_truncated_file_is_refused(package, table, kept, sealed):
    rewrite(package, table, keep_rows(kept))
    with pytest.raises(DataError) as caught:
        load(table)
    check_error(caught.value, table, None, None, f"expected {sealed} rows, found {kept}")


def test_a_file_cut_inside_a_row_is_refused(package):
    path = package / "literature.csv"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="expected 20 cells, found") as caught:
        load("literature")
    assert (caught.value.table, caught.value.row) == ("literature", 166)


def test_more_missing_values_than_sealed_are_refused(package):
    def blank(rows: Rows) -> None:
        at = rows[0].index("unemployment_pct")
        for row in [row for row in rows[1:] if row[at]][:100]:
            row[at] = ""

    rewrite(package, "country_panel", blank)
    with pytest.raises(DataError) as caught:
        load("country_panel")
    check_error(caught.value, "country_panel", "unemployment_pct", None,
                "expected a share missing of 0.3818, found 0.4297")  # fmt: skip


@pytest.mark.parametrize(
    ("table", "row", "field", "old", "new"),
    [
        ("country_panel", 1, "fdi_out_pct_gdp", "0.26902609", "0.26902608"),
        ("industry_japan", 1, "employees", "15424140", "15424149"),
        ("claims", 1, "period", "2012", "2013"),
    ],
)
def test_one_changed_digit_is_refused_and_the_way_out_named(package, table, row, field, old, new):
    path = package / f"{table}.csv"
    size = path.stat().st_size
    with path.open(encoding="utf-8", newline="") as handle:
        assert list(csv.DictReader(handle))[row - 1][field] == old
    rewrite(package, table, set_cell(row, field, new))
    assert path.stat().st_size == size
    with pytest.raises(DataError) as caught:
        load(table)
    check_error(caught.value, table, None, None, f"expected {describe(table)['hash'][:19]}…")
    assert "changed since it was sealed" in str(caught.value)
    assert f"`python -m goingglobal.data seal {table}`" in str(caught.value)


def test_other_line_ends_are_refused(package):
    path = package / "claims.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(DataError, match="the file has changed since it was sealed"):
        load("claims")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_text_that_is_not_utf8_is_refused(package, encoding):
    path = package / "claims.csv"
    text = path.read_text(encoding="utf-8")
    path.write_bytes(text.encode(encoding, errors="ignore"))
    with pytest.raises(DataError) as caught:
        load("claims")
    check_error(caught.value, "claims", None, None, "expected UTF-8 text; byte ")


def test_a_byte_order_mark_is_refused(package):
    path = package / "claims.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    with pytest.raises(DataError) as caught:
        load("claims")
    check_error(caught.value, "claims", "claim_id", None, r"found '\ufeffclaim_id' instead")


def test_a_missing_file_is_named(package):
    (package / "claims.csv").unlink()
    with pytest.raises(DataError) as caught:
        load("claims")
    check_error(caught.value, "claims", None, None, "expected the file claims.csv beside datapackage.json")
    assert len(load("literature")) == 166  # the others stay usable


@pytest.mark.parametrize("function", [load, describe, seal, source_line])
def test_an_unknown_table_is_named_with_those_there_are(committed, function):
    with pytest.raises(DataError) as caught:
        function("claim")
    check_error(caught.value, "claim", None, None, "unknown table; expected one of " + ", ".join(NAMES))


@pytest.mark.parametrize(
    "text",
    ['{"resources": [', "[]", "{}", "null", '{"resources": null}', '{"resources": [{"path": "claims.csv"}]}', "\xff"],
)
def test_a_broken_descriptor_is_named(package, text):
    (package / "datapackage.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        load("claims")
    check_error(caught.value, "datapackage.json", None, None, "expected a Frictionless descriptor with named resources")


def test_a_missing_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError) as caught:
        load("claims")
    check_error(caught.value, "datapackage.json", None, None, "expected a data package in one of ['nowhere']")


def test_a_folder_without_descriptor_is_named(package):
    (package / "datapackage.json").unlink()
    with pytest.raises(DataError, match="expected a data package in one of"):
        table_names()


def test_a_bad_table_is_refused_after_a_good_one_was_loaded(package):
    """The cache is no way around the checks: the file changes between two loads."""
    assert len(load("claims")) == 129
    rewrite(package, "claims", keep_rows(128))
    with pytest.raises(DataError) as caught:
        load("claims")
    assert caught.value.table == "claims"


def test_validate_gives_the_first_fault_of_every_bad_table(package):
    rewrite(package, "claims", set_cell(5, "section", "9"))
    rewrite(package, "claims", set_cell(6, "section", "9"))
    rewrite(package, "literature", drop_column("sign"))
    faults = validate(["claims", "official_figures", "literature"])
    assert [(fault.table, fault.field, fault.row) for fault in faults] == [
        ("claims", "section", 5),
        ("literature", "sign", None),
    ]


# --- damages that need a clear error and not another one ---------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "change", "field", "row", "says"),
    [
        pytest.param("country_panel", keep_rows(0), None, None, "expected 2090 rows, found 0",
                     id="header-only"),
        pytest.param("country_panel", keep_rows(1000), None, None, "expected 2090 rows, found 1000",
                     id="half-lost"),
        pytest.param("claims", keep_rows(128), None, None, "expected 129 rows, found 128",
                     id="one-of-few-lost"),
        pytest.param("firm_panel", set_cell(1, "parent_employees", "１０１６"), "parent_employees", 1,
                     "expected an integer (persons)", id="full-width-integer"),
        pytest.param("country_panel", set_cell(1, "exports_pct_gdp", "１２.9"), "exports_pct_gdp", 1,
                     "expected a number (% of GDP)", id="full-width-number"),
        pytest.param("firm_panel", set_cell(1, "period_end", "２０２１-03-31"), "period_end", 1,
                     "expected a date", id="full-width-date"),
        pytest.param("firm_panel", set_cell(1, "parent_employees", "9" * 25), "parent_employees", 1,
                     "expected an integer (persons)", id="integer-beyond-64-bits"),
        pytest.param("country_panel", set_cell(1, "real_gdp_musd2017", "1e999"), "real_gdp_musd2017", 1,
                     "expected a number", id="infinite-number"),
    ],
)  # fmt: skip
def test_a_damaged_table_gives_a_clear_error(package, table, change, field, row, says):
    rewrite(package, table, change)
    with pytest.raises(DataError) as caught:
        load(table)
    check_error(caught.value, table, field, row, says)


def test_an_emptied_table_is_not_sealed(package):
    rewrite(package, "country_panel", keep_rows(0))
    with pytest.raises(DataError, match="row"):
        seal("country_panel")


def test_a_quotation_mark_that_never_closes_is_refused(package):
    path = package / "group_panel.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("E00004,2016", '"E00004,2016', 1), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load("group_panel")
    assert (caught.value.table, caught.value.row) == ("group_panel", 1)


def test_sealing_a_missing_file_names_it(package):
    (package / "claims.csv").unlink()
    with pytest.raises(DataError) as caught:
        seal("claims")
    check_error(caught.value, "claims", None, None, "expected the file claims.csv")


@pytest.mark.parametrize("key", ["path", "hash", "rows", "schema"])
def test_a_descriptor_without_what_is_checked_is_refused(package, key):
    edit_descriptor(package, lambda content: [resource.pop(key) for resource in content["resources"]])
    with pytest.raises(DataError, match=key):
        load("claims")


def test_a_descriptor_changed_after_a_load_is_obeyed(package):
    assert len(load("claims")) == 129
    edit_descriptor(package, lambda content: [resource.update(rows=5) for resource in content["resources"]])
    with pytest.raises(DataError, match="expected 5 rows, found 129"):
        load("claims")


def test_a_description_handed_out_cannot_change_the_checks(package):
    describe("claims")["rows"] = 1
    assert len(load("claims")) == 129


def test_a_limit_changed_in_the_descriptor_is_obeyed_although_the_file_is_as_sealed(package):
    def narrow(content):
        table = next(resource for resource in content["resources"] if resource["name"] == "country_panel")
        next(field for field in table["schema"]["fields"] if field["name"] == "year")["constraints"]["maximum"] = 1990

    edit_descriptor(package, narrow)
    with pytest.raises(DataError, match=r"field 'year', row .*: expected at most 1990"):
        load("country_panel")


# --- sealing a deliberate change ---------------------------------------------------------------------------------


def test_seal_makes_a_deliberate_change_loadable(package):
    first = load("country_panel")
    assert first["fdi_out_pct_gdp"].iloc[0] == 0.26902609
    old = describe("country_panel")["hash"]
    rewrite(package, "country_panel", set_cell(1, "fdi_out_pct_gdp", "0.36902609"))
    with pytest.raises(DataError, match="sealed"):
        load("country_panel")

    sealed = seal("country_panel")

    assert sealed["hash"] != old
    assert describe("country_panel")["hash"] == sealed["hash"]
    again = load("country_panel")
    assert again["fdi_out_pct_gdp"].iloc[0] == 0.36902609
    pd.testing.assert_frame_equal(first.iloc[1:], again.iloc[1:])
    assert validate(["country_panel", "claims"]) == []


def test_seal_records_rows_bytes_and_shares_missing(package):
    rewrite(package, "claims", keep_rows(100))
    rewrite(package, "claims", set_cell(1, "unit", ""))
    seal("claims")
    frame, resource = load("claims"), describe("claims")
    assert len(frame) == resource["rows"] == 100
    assert resource["bytes"] == (package / "claims.csv").stat().st_size
    shares = {field["name"]: field.get("missing_share") for field in resource["schema"]["fields"]}
    assert shares["unit"] == pytest.approx(frame["unit"].isna().mean(), abs=5e-5)


def test_seal_leaves_the_other_tables_alone(package):
    others = {name: json.dumps(describe(name)) for name in NAMES if name != "claims"}
    rewrite(package, "claims", set_cell(1, "period", "2013"))
    seal("claims")
    assert table_names() == NAMES
    assert {name: json.dumps(describe(name)) for name in others} == others


def test_seal_without_a_change_leaves_the_descriptor_byte_identical(package):
    before = (package / "datapackage.json").read_bytes()
    for name in ("claims", "country_panel", "industry_japan"):
        seal(name)
    assert (package / "datapackage.json").read_bytes() == before
    assert not list(package.glob("*.new"))


# --- loading -----------------------------------------------------------------------------------------------------


def test_tables_are_found_from_another_working_directory(tmp_path, monkeypatch, tables):
    monkeypatch.delenv("GOINGGLOBAL_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert (data.data_folder() / "datapackage.json").is_file()
    pd.testing.assert_frame_equal(load("claims"), tables["claims"])


def test_the_environment_names_the_folder(package, monkeypatch):
    assert data.data_folder() == package
    monkeypatch.delenv("GOINGGLOBAL_DATA")
    assert data.data_folder() != package


def test_load_returns_independent_copies(committed):
    first = load("country_panel")
    first.loc[0, "iso3"] = "XXX"
    first["gdp_growth_pct"] = 0.0
    first.attrs["table"] = "mine"
    second = load("country_panel")
    assert second.loc[0, "iso3"] == "AUS"
    assert second["gdp_growth_pct"].iloc[0] == 7.1746998
    assert second.attrs == {"table": "country_panel"}


def test_the_package_has_these_tables_and_no_other_file(committed):
    assert table_names() == NAMES
    assert {path.name for path in (ROOT / "data").glob("*.csv")} == {describe(name)["path"] for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_columns_and_dtypes_follow_the_descriptor(committed, tables, name):
    frame, fields = tables[name], describe(name)["schema"]["fields"]
    assert frame.attrs == {"table": name}
    assert list(frame.columns) == [field["name"] for field in fields]
    for field in fields:
        column = frame[field["name"]]
        if field["type"] == "integer":
            wanted = "float64" if column.isna().any() else "int64"
            assert column.dtype == wanted, field["name"]
            assert (column.dropna() % 1 == 0).all(), field["name"]
        elif field["type"] == "number":
            assert column.dtype == "float64", field["name"]
        elif field["type"] == "date":
            assert pd.api.types.is_datetime64_dtype(column), field["name"]
        else:
            assert column.dtype == "str", field["name"]


@pytest.mark.parametrize("name", NAMES)
def test_a_sealed_table_read_at_once_is_that_read_cell_by_cell(committed, tables, name):
    resource = describe(name)
    path = ROOT / "data" / resource["path"]
    assert resource["checked"] == data.check_file(path, resource), "`load` would look through every cell again"
    pd.testing.assert_frame_equal(tables[name], data._checked(name, path, resource), check_exact=True)


@pytest.mark.parametrize("name", ["country_panel", "claims"])
def test_figures_are_those_of_the_file(tables, name):
    with (ROOT / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for column, values in tables[name].items():
        cells = [row[column] for row in rows]
        assert [not cell for cell in cells] == values.isna().tolist(), column
        convert = float if pd.api.types.is_numeric_dtype(values) else str
        assert [convert(cell) for cell in cells if cell] == values.dropna().tolist(), column


def test_words_that_pandas_takes_for_missing_are_kept(tables):
    assert (tables["affiliates_germany"]["partner"] == "NA").sum() == 33  # Namibia
    assert (tables["literature"]["sign"] == "neither").sum() == 31  # a null finding; the word "null" would be lost
    assert tables["literature"]["sign"].notna().all()


# --- what the descriptor tells a reader --------------------------------------------------------------------------

WITHOUT_UNIT = {("firm_management", "row"), ("firm_management", "sic3")}  # a row number and a code


@pytest.mark.parametrize("name", NAMES)
def test_a_table_says_where_it_comes_from(committed, name):
    resource = describe(name)
    assert resource["name"] == name
    for key in ("title", "description", "vintage", "processing"):
        assert resource[key].strip(), key
    assert resource["licenses"]
    for licence in resource["licenses"]:
        assert licence["name"]
        assert licence["title"]
        assert licence["path"].startswith("https://")
    assert resource["sources"]
    for source in resource["sources"]:
        for key in ("title", "publisher", "path", "licence", "vintage"):
            assert source[key].strip(), key
        assert isinstance(source["licence_reread"], bool)
        columns = {field["name"] for field in resource["schema"]["fields"]}
        assert set(source.get("columns", [])) <= columns


@pytest.mark.parametrize("name", NAMES)
def test_a_table_says_what_its_fields_mean(committed, name):
    for field in describe(name)["schema"]["fields"]:
        assert field["title"].strip(), field["name"]
        if not field.get("constraints", {}).get("required"):
            assert field["missing_meaning"].strip(), field["name"]
            assert 0 <= field["missing_share"] < 1, field["name"]


@pytest.mark.parametrize("name", NAMES)
def test_figures_have_units(committed, name):
    fields = describe(name)["schema"]["fields"]
    bare = {(name, f["name"]) for f in fields if f["type"] in ("integer", "number") and not f.get("unit")}
    assert bare <= WITHOUT_UNIT


@pytest.mark.parametrize("name", NAMES)
def test_rows_bytes_and_shares_missing_are_as_described(committed, tables, name):
    resource, frame = describe(name), tables[name]
    assert resource["rows"] == len(frame)
    assert resource["bytes"] == (ROOT / "data" / resource["path"]).stat().st_size
    for field in resource["schema"]["fields"]:
        assert field.get("missing_share", 0) == pytest.approx(frame[field["name"]].isna().mean(), abs=5e-5)
    assert not frame.duplicated(resource["schema"]["primaryKey"]).any()


@pytest.mark.parametrize("name", NAMES)
def test_source_line_names_publishers_licences_and_unread_terms(committed, name):
    line, sources = source_line(name), describe(name)["sources"]
    for source in sources:
        assert source["publisher"] in line
        assert source["licence"] in line
    assert ("not re-read" in line) == (not all(source["licence_reread"] for source in sources))
    assert "\n" not in line


# --- Frictionless itself -----------------------------------------------------------------------------------------


def test_frictionless_accepts_the_package(frictionless_run):
    assert frictionless_run.returncode == 0, frictionless_run.stderr
    report = frictionless.Report.from_descriptor(json.loads(frictionless_run.stdout))
    assert report.flatten(["name", "rowNumber", "fieldName", "note"]) == []
    assert report.valid
    assert [task.name for task in report.tasks] == NAMES


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (set_cell(1, "period", "2013"), "hash-count"),
        (set_cell(4, "text_state", "whole"), "constraint-error"),
        (set_cell(2, "claim_id", "C001"), "primary-key"),
        (keep_rows(120), "row-count"),
        (rename_column("subject", "topic"), "incorrect-label"),
    ],
    ids=["digit", "enum", "key", "truncated", "column"],
)
def test_frictionless_rejects_a_damaged_copy(package, change, kind):
    def only_claims(content: dict) -> None:
        content["resources"] = [resource for resource in content["resources"] if resource["name"] == "claims"]

    edit_descriptor(package, only_claims)
    assert frictionless.validate(str(package / "datapackage.json")).valid
    rewrite(package, "claims", change)
    report = frictionless.validate(str(package / "datapackage.json"))
    assert not report.valid
    assert kind in {error[0] for error in report.flatten(["type"])}


# --- the command -------------------------------------------------------------------------------------------------


def run_command(*arguments: str, folder: Path, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "goingglobal.data", *arguments],
        cwd=cwd, env={**os.environ, "GOINGGLOBAL_DATA": str(folder)},
        capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


def test_check_passes_on_the_committed_package(check_run):
    assert check_run.returncode == 0
    assert check_run.stdout == "data: 14 tables as sealed\n"
    assert "error" not in check_run.stderr


def test_check_is_silent_on_stderr_when_all_is_well(check_run):
    assert check_run.stderr == ""


def test_check_fails_with_one_line_per_fault(package, tmp_path):
    rewrite(package, "claims", set_cell(5, "section", "9"))
    rewrite(package, "literature", drop_column("sign"))
    run = run_command("check", "claims", "official_figures", "literature", folder=package, cwd=tmp_path)
    assert run.returncode == 1
    assert run.stdout == ""
    faults = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(faults) == 2
    assert faults[0].startswith("error: table 'claims', field 'section', row 5 (line 6 of claims.csv): expected one of")
    assert faults[1].startswith("error: table 'literature', field 'sign': expected this column, it is missing")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["check", "nope"], 1, "error: table 'nope': unknown table"),
        (["seal", "nope"], 1, "error: table 'nope': unknown table"),
        (["seal"], 2, "usage: python -m goingglobal.data"),
        (["fix", "claims"], 2, "usage: python -m goingglobal.data"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_command_refuses_what_it_cannot_do(package, capsys, arguments, code, says):
    before = (package / "datapackage.json").read_bytes()
    assert data.main(arguments) == code
    printed = capsys.readouterr()
    assert printed.err.startswith(says)
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert (package / "datapackage.json").read_bytes() == before


def test_the_command_seals_a_good_change_and_refuses_a_broken_one(package, capsys):
    rewrite(package, "claims", set_cell(1, "period", "2013"))
    assert data.main(["check", "claims"]) == 1
    assert "seal claims" in capsys.readouterr().err
    assert data.main(["seal", "claims"]) == 0
    assert capsys.readouterr().out == f"sealed claims: {describe('claims')['hash']}\n"
    assert data.main(["check", "claims"]) == 0
    assert capsys.readouterr().out == "data: 1 tables as sealed\n"
    before = (package / "datapackage.json").read_bytes()
    rewrite(package, "claims", set_cell(1, "section", ""))
    assert data.main(["seal", "claims"]) == 1
    assert capsys.readouterr().err.startswith("error: table 'claims', field 'section', row 1")
    assert (package / "datapackage.json").read_bytes() == before


def test_the_command_reports_a_missing_package_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(tmp_path))
    assert data.main(["check"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


# --- facts that a reader can count -------------------------------------------------------------------------------


def test_country_panel_has_38_countries_in_55_years(tables):
    frame = tables["country_panel"]
    assert len(frame) == 2090
    years = frame.groupby("iso3")["year"].agg(["size", "nunique", "min", "max"])
    assert len(years) == 38
    assert (years == [55, 55, 1970, 2024]).all(axis=None)


def test_the_conduit_flag_marks_seven_countries_in_all_years(tables):
    flags = tables["country_panel"].groupby("iso3")["conduit"].agg(["min", "max"])
    assert (flags["min"] == flags["max"]).all()
    assert set(flags.index[flags["max"] == 1]) == {"LUX", "IRL", "NLD", "CHE", "HUN", "BEL", "ISL"}


def test_firm_panel_covers_2017_to_2026(tables):
    frame = tables["firm_panel"]
    assert len(frame) == 17_684
    assert sorted(frame["year"].unique()) == list(range(2017, 2027))


def test_a_fiscal_year_ends_in_the_year_stated_but_for_17_rows_of_firm_panel(tables):
    """`year` is the source's: in 17 rows the parent's fiscal year ended in the year before (reported)."""
    late = {n: tables[n]["year"] - tables[n]["period_end"].dt.year for n in ("firm_panel", "group_panel")}
    assert late["firm_panel"].value_counts().to_dict() == {0: 17_684 - 17, 1: 17}
    assert (late["group_panel"] == 0).all()


def test_firm_panel_has_the_gaps_its_cautions_state(tables):
    matched = tables["firm_panel"].groupby("year")["group_employees"].agg(["size", "count"])
    assert matched.loc[2019, "size"] - matched.loc[2019, "count"] == 858
    assert matched.loc[2026, "count"] == 0


def test_group_panel_has_3900_filers(tables):
    frame = tables["group_panel"]
    assert frame["edinet_code"].nunique() == 3_900
    assert (frame["year"].min(), frame["year"].max()) == (2015, 2026)
    assert (frame["year"] == 2019).sum() == 2_346


@pytest.mark.parametrize("name", ["firm_panel", "group_panel"])
def test_fdi_is_the_non_zero_translation_adjustment_outside_ifrs(tables, name):
    frame = tables[name]
    rule = frame["translation_adjustment_yen"].fillna(0).ne(0) & frame["ifrs_ever"].eq(0)
    assert (frame["fdi"].eq(1) == rule).all()
    assert (frame["fdi"].isna() == frame["ifrs_ever"].ne(0)).all()
    assert set(frame["fdi"].dropna()) == {0, 1}


def test_the_two_panels_state_the_same_group_figures(tables):
    shared = [
        "group_employees", "temporary_staff", "sales_yen", "operating_income_yen", "total_assets_yen",
        "translation_adjustment_yen", "fdi", "ifrs_ever",
    ]  # fmt: skip
    firms = tables["firm_panel"].dropna(subset="group_employees").set_index(["edinet_code", "year"])[shared]
    groups = tables["group_panel"].set_index(["edinet_code", "year"])[shared]
    assert len(firms) == 12_946
    np.testing.assert_array_equal(firms.to_numpy(float), groups.reindex(firms.index).to_numpy(float))


def test_industry_japan_has_161_industries_in_five_years(tables):
    years = tables["industry_japan"].groupby("industry_code")["fiscal_year"].agg(["size", "min", "max"])
    assert len(years) == 161
    assert (years == [5, 2020, 2024]).all(axis=None)


def test_subsidiaries_at_home_and_overseas_add_up(tables):
    frame = tables["industry_japan"].dropna(subset=["subsidiaries", "subsidiaries_home", "subsidiaries_overseas"])
    assert len(frame) > 700
    assert (frame["subsidiaries_home"] + frame["subsidiaries_overseas"] == frame["subsidiaries"]).all()


def test_continuing_firms_are_the_same_32744_in_both_years(tables):
    frame = tables["industry_japan_continuing"]
    totals = frame[frame["industry_code"] == "TTL"].set_index("fiscal_year")["firms"]
    assert totals.to_dict() == {2023: 32_744, 2024: 32_744}


def test_affiliates_europe_states_known_totals_and_the_danish_break(tables):
    frame = tables["affiliates_europe"].set_index(["country", "industry", "host", "year"])
    abroad = frame["employees_abroad"]
    assert (abroad["DE", "B-S_X_O", "WORLD", 2010], abroad["DE", "C", "WORLD", 2010]) == (4_683_915, 2_194_614)
    assert (abroad["DK", "B-S_X_O", "WORLD", 2010], abroad["DK", "B-S_X_O", "WORLD", 2011]) == (503_501, 1_065_446)
    marked = frame[frame["series_break"] == 1].index
    assert set(marked.get_level_values("country")) == {"DK"}
    assert set(marked.get_level_values("year")) == {2011}
    assert frame["employed_home_thousands"].notna().groupby("industry").all().drop("B-S_X_O").all()
    assert frame.loc[pd.IndexSlice[:, "B-S_X_O"], "employed_home_thousands"].isna().all()


def test_us_multinationals_state_known_totals_and_keep_what_is_suppressed(tables):
    frame = tables["us_multinationals"]
    staff = frame.set_index(["side", "industry", "host", "year"])["employees_thousands"]
    world = "All industries", "All countries"
    assert [staff["parents", *world, year] for year in (2009, 2019)] == [22_932.7, 29_297.3]
    assert [staff["affiliates", *world, year] for year in (1999, 2009, 2019)] == [7_765.8, 10_793.9, 14_610.6]
    assert [staff["affiliates", "All industries", "Japan", year] for year in (2009, 2019)] == [311.1, 383.4]
    assert (frame["employees_thousands"].isna() == frame["suppressed"].notna()).all()
    assert frame.groupby("coverage", observed=True)["year"].agg(["min", "max"]).to_numpy().tolist() == [
        [2009, 2013], [1999, 2008], [2014, 2019]]  # fmt: skip


def test_country_by_country_hosts_add_up(tables):
    frame = tables["country_by_country_2016"]
    japan = frame[frame["parent_country"] == "Japan"].groupby("kind")["employees"].sum()
    assert japan["country"] + japan["other countries"] == japan["abroad in all"] == 8_273_761


def test_firm_management_has_9207_firms(tables):
    frame = tables["firm_management"]
    assert frame["row"].tolist() == list(range(1, 9_208))
    counts = frame["country"].value_counts()
    assert (counts["Germany"], counts["Japan"], len(counts)) == (646, 176, 20)


def test_claims_are_numbered_through(tables):
    assert tables["claims"]["claim_id"].tolist() == [f"C{number:03}" for number in range(1, 130)]


def test_official_figures_point_to_claims_and_facts_that_exist(tables):
    frame = tables["official_figures"]
    assert len(frame) == 810
    assert set(frame["claim_id"].dropna()) <= set(tables["claims"]["claim_id"])
    replaced = frame.dropna(subset="superseded_by")
    assert len(replaced) == 3
    assert set(replaced["superseded_by"]) <= set(frame["fact_id"])
    assert (replaced["superseded_by"] != replaced["fact_id"]).all()


def test_official_figures_have_a_number_unless_they_are_words(tables):
    frame = tables["official_figures"]
    assert (frame["number"].isna() == frame["exactness"].eq("qualitative")).all()


def test_literature_has_166_findings_from_100_studies(tables):
    frame = tables["literature"]
    assert len(frame) == 166
    assert frame["study_key"].nunique() == 100
    assert (frame["finding_id"].str.replace(r"__[0-9]+$", "", regex=True) == frame["study_key"]).all()
