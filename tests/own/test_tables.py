"""Readers' files as tables, with labels, and the Frictionless descriptor of a file (made files throughout)."""

from __future__ import annotations

import sys

import pandas as pd
import pandera.pandas as pa
import pytest
from frictionless import Resource
from panels import made

from goingglobal import own
from goingglobal.own import PanelError

NAMES = {"firm": "id", "home": "staff", "fdi": "abroad"}


def rows() -> pd.DataFrame:
    found = made().rename(columns={name: column for name, column in NAMES.items()})
    return found.assign(id=found["id"].str.replace("f", "0"), sector=found["sector"].str[1:].astype(int))


# ---------------------------------------------------------------------------------------------------------- reading
def write(frame: pd.DataFrame, path) -> None:
    kind = path.suffix
    if kind == ".xlsx":
        frame.to_excel(path, index=False)
    elif kind == ".dta":
        frame.to_stata(path, write_index=False)
    else:
        frame.to_csv(path, index=False, sep={".csv": ";", ".tsv": "\t", ".txt": "|"}[kind])


@pytest.mark.parametrize("kind", ["csv", "tsv", "txt", "xlsx", "dta"])
def test_a_file_of_each_kind_gives_the_same_panel(tmp_path, kind):
    write(rows(), tmp_path / f"mine.{kind}")
    panel = own.check(own.read(tmp_path / f"mine.{kind}", NAMES), NAMES)
    pd.testing.assert_frame_equal(panel, own.check(rows(), NAMES))
    assert panel["edinet_code"].iloc[0] == "0000", "leading zeros stay"


def test_labels_of_values_are_read_and_labels_of_variables_kept(tmp_path):
    frame, path = rows(), tmp_path / "mine.dta"
    frame.loc[3, "staff"] = -9
    frame.to_stata(path, write_index=False, variable_labels={"staff": "EMPLOYEES AT HOME"}, value_labels={
        "sector": {0: "food", 1: "steel", 2: "steel", 3: "trade"}, "staff": {-9: "refused"},
        "abroad": {0: "not abroad", 1: "abroad"}})
    found = own.read(path, NAMES)
    assert found.attrs["labels"]["staff"] == "EMPLOYEES AT HOME"
    assert found.attrs["value_labels"]["abroad"] == {0: "not abroad", 1: "abroad"}
    assert found["abroad"].tolist() == frame["abroad"].tolist(), "codes that are 0 and 1 already"
    assert found["sector"].tolist() == frame["sector"].map({0: "food", 1: "steel", 2: "steel", 3: "trade"}).tolist()
    with pytest.raises(PanelError, match=r"field 'home', row 4: .*found 'refused'; if it means no answer"):
        own.check(found, NAMES)
    panel = own.check(found.replace("refused", None), NAMES)
    assert set(panel["sector"]) == {"food", "steel", "trade"}
    assert panel.attrs["left_out"]["rows without home headcount or FDI status"] == 1


@pytest.mark.parametrize("labels", [{1: "no", 0: "yes"}, {1: "yes", 2: "no"}])
def test_a_status_whose_codes_say_otherwise_keeps_its_labels(tmp_path, labels):
    frame, path = rows(), tmp_path / "mine.dta"
    frame["abroad"] = frame["abroad"].map({1: next(iter(labels)), 0: list(labels)[1]})
    frame.to_stata(path, write_index=False, value_labels={"abroad": labels})
    with pytest.raises(PanelError, match="say which is 1"):
        own.check(own.read(path, NAMES), NAMES)


@pytest.mark.parametrize(("name", "text", "words"), [
    ("a.csv", "id,id,year\n1,2,3\n", "the header has this name 2 times"),
    ("a.csv", "", "can't be read as a table|No columns"), ("a.ods", "x", "expected a file .csv"),
    ("a.dta", "x", "can't be read as a Stata file"), ("a.xlsx", "x", "can't be read as a spreadsheet"),
    ("a.csv", b"id,year\nM\xfcller,2\n", 'is not UTF-8 .line 2.; say which encoding'),
])
def test_a_file_that_can_not_be_read_says_why(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PanelError, match=words):
        own.read(path)


def test_absent_files_sheets_and_readers_say_so(tmp_path, monkeypatch):
    with pytest.raises(PanelError, match="it is not there"):
        own.read(tmp_path / "none.csv")
    rows().to_excel(tmp_path / "a.xlsx", index=False, sheet_name="Firms")
    with pytest.raises(PanelError, match="no sheet 'firms'; it has 'Firms'; did you mean 'Firms'"):
        own.read(tmp_path / "a.xlsx", sheet="firms")
    (tmp_path / "a.sav").write_bytes(b"$FL2")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(PanelError, match="SPSS files need the package pyreadstat"):
        own.read(tmp_path / "a.sav")


# ------------------------------------------------------------------------------------------------ the descriptor
def validated(found: dict, folder) -> list:
    report = Resource.from_descriptor(found, basepath=str(folder)).validate()
    return report.flatten(["type", "rowNumber", "fieldName"])


@pytest.mark.parametrize("how", [{}, {"encoding": "utf-16", "sep": "\t"}, {"sep": ";", "decimal": ","}])
def test_a_descriptor_says_what_the_file_holds(tmp_path, how):
    frame = rows().assign(region="Württemberg", pay=12.5)
    frame.to_csv(tmp_path / "My firms.csv", index=False, **how)
    given = {key: value for key, value in how.items() if key == "decimal"}
    mine = own.schema().add_columns({"region": pa.Column("str", pa.Check.str_matches("^[A-Z]"))})
    found = own.descriptor(tmp_path / "My firms.csv", NAMES, mine, title="My firms", **given)
    assert validated(found, tmp_path) == []
    assert (found["name"], found["path"]) == ("my-firms", "My firms.csv")
    by_name = {field["name"]: field for field in found["schema"]["fields"]}
    assert list(by_name) == list(frame)
    assert (by_name["staff"]["type"], by_name["staff"]["unit"]) == ("number", "persons")
    assert by_name["staff"]["constraints"] == {"exclusiveMinimum": 0}
    assert by_name["year"]["constraints"] == {"required": True, "minimum": 1900, "maximum": 2100}
    assert by_name["region"]["constraints"] == {"required": True, "pattern": r"(?:^[A-Z])(?:.|\n)*"}
    assert found["schema"]["primaryKey"] == ["id", "year"]
    spoilt = frame.astype({"staff": object, "abroad": object})
    spoilt.loc[[1, 2, 3], "staff"], spoilt.loc[4, "abroad"], spoilt.loc[5, "region"] = [0, "many", None], 2, "unknown"
    spoilt.loc[7, ["id", "year"]] = spoilt.loc[6, ["id", "year"]].tolist()
    spoilt.to_csv(tmp_path / "My firms.csv", index=False, **how)
    assert validated(found, tmp_path) == [
        ["constraint-error", 3, "staff"], ["type-error", 4, "staff"], ["type-error", 6, "abroad"],
        ["constraint-error", 7, "region"], ["primary-key", 9, None]], "the empty headcount is allowed"


def test_a_descriptor_of_columns_that_the_schema_does_not_know_or_of_an_unfit_file(tmp_path):
    rows().assign(note="x").to_csv(tmp_path / "a.csv", index=False)
    found = own.descriptor(tmp_path / "a.csv", NAMES)
    assert {"name": "note", "type": "any"} in found["schema"]["fields"]
    with pytest.raises(PanelError, match="field 'firm': expected a column 'firm'"):
        own.descriptor(tmp_path / "a.csv")
    rows().to_excel(tmp_path / "a.xlsx", index=False)
    with pytest.raises(PanelError, match="expected a text file"):
        own.descriptor(tmp_path / "a.xlsx", NAMES)


def test_a_first_line_that_names_the_delimiter_is_in_the_descriptor(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\n" + rows().to_csv(index=False, sep=";"), encoding="utf-8")
    found = own.descriptor(tmp_path / "a.csv", NAMES)
    assert validated(found, tmp_path) == []
    assert len(Resource.from_descriptor(found, basepath=str(tmp_path)).read_rows()) == len(rows())
