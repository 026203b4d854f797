"""A reader's file as a table, and its Frictionless descriptor.

    frame = own.read("firms.dta", names)            # CSV, Excel, Stata, SPSS, Parquet; labels are read
    own.descriptor("firms.csv", names)              # what the file holds, for others: a Frictionless resource
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import pandas as pd

from goingglobal.own.check import NOT_FIRST, Fault, PanelError, mapping_of, told
from goingglobal.own.files import encoding_of, header_of, labelled
from goingglobal.own.rules import BY_NAME, KEYS, complete
from goingglobal.own.words import YES_NO, near

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

__all__ = ["descriptor", "read"]

KINDS = (".csv", ".tsv", ".txt", ".xlsx", ".dta", ".sav", ".parquet")
TEXT = (".csv", ".tsv", ".txt")
# What pandas takes for an empty cell of a text file.
EMPTY = ("", "#N/A", "#N/A N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan",
         "null")
TYPES = {"text": "string", "year": "integer", "number": "number", "flag": "boolean"}
PROFILE = "https://datapackage.org/profiles/2.0/dataresource.json"  # bounds that exclude their end need version 2


def _found(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() not in KINDS:
        raise PanelError(path.name, [Fault(path.name, None, f"expected a file {', '.join(KINDS)}; found "
                                           f"{path.suffix or 'a name without ending'!r}")])
    if not path.is_file():
        raise PanelError(path.name, [Fault(path.name, None, "expected this file; it is not there")])
    return path


def read(
    path: str | Path, columns: Mapping[str, str] | None = None, *, encoding: str | None = None,
    decimal: str | None = None, thousands: str | None = None, sheet: str | int = 0,
) -> pd.DataFrame:
    """A reader's file as a table for `check`: CSV (.csv, .tsv, .txt), Excel, Stata, SPSS (with pyreadstat) or Parquet.

    `columns` as in `check`: the firm's identifier is read as text, so that leading zeros stay. `encoding`, `decimal`
    and `thousands` are those of a text file, `sheet` that of a spreadsheet. Delimiter, Unicode encodings and a first
    line “sep=;” are recognised. Values with labels (Stata, SPSS) are read with them, so that a code such as −9,
    "refused", is no number; a status coded 0 and 1 keeps its codes unless its labels say otherwise. Labels of the
    variables are in `attrs["labels"]`, those of the values in `attrs["value_labels"]` (column → code → label).

    Raises `PanelError` for a file of another kind, one that is not there or can't be read, and, where two names of its
    header are the same, for these.
    """
    path = _found(path)
    columns = told(columns, path.name)
    kind = path.suffix.lower()

    def refuse(words: str) -> PanelError:
        return PanelError(path.name, [Fault(path.name, None, words)])

    firm = columns.get("firm", "firm")
    if kind in TEXT:
        encoding = encoding_of(path, encoding, refuse)
        header = header_of(path, encoding)
        _need_names(header.names, path.name)
        try:
            engine = {"low_memory": False} if (thousands or "").isascii() else {"engine": "python"}
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # cells beyond the names would be lost
                return pd.read_csv(path, sep=header.mark, skiprows=header.skip, encoding=encoding,
                                   decimal=decimal or ".", thousands=thousands, dtype={firm: str}, index_col=False,
                                   **engine)
        except pd.errors.ParserWarning:
            words = f"rows have more cells than the first line has names ({len(header.names)})"
            raise refuse(words + NOT_FIRST) from None
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise refuse(f"can't be read as a table with {header.mark!r} between cells: {str(error).strip()}") from None
    if kind == ".xlsx":
        return _of_sheet(path, sheet, firm, refuse)
    if kind == ".parquet":
        try:
            return pd.read_parquet(path)
        except ImportError:
            raise refuse("Parquet files need the package pyarrow; or open it with own.large.open_panel") from None
    found = labelled(path, refuse)
    frame = found.named.copy()
    fields = {column: name for name, column in mapping_of(frame, columns).items()}
    for column, codes in found.values.items():
        if fields.get(column) in BY_NAME and BY_NAME[fields[column]].kind == "flag" and _plain_status(codes):
            frame[column] = found.codes[column]
    frame.attrs = {"labels": found.labels, "value_labels": found.values}
    return frame


def _need_names(names: tuple[str, ...], table: str) -> None:
    """Refuse a header in which a name stands twice; pandas would rename the second in silence."""
    twice = sorted({name for name in names if name.strip() and names.count(name) > 1})
    if twice:
        raise PanelError(table, [Fault(table, name, f"the header has this name {names.count(name)} times: rename all "
                                       "but the one that is meant") for name in twice])


def _of_sheet(path: Path, sheet: str | int, firm: str, refuse) -> pd.DataFrame:
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            if isinstance(sheet, str) and sheet not in book.sheet_names:
                raise refuse(f"no sheet {sheet!r}; it has {', '.join(map(repr, book.sheet_names))}"
                             f"{near(sheet, book.sheet_names)}")
            names = pd.read_excel(book, sheet_name=sheet, nrows=1, header=None)
            _need_names(tuple("" if pd.isna(n) else str(n) for n in names.iloc[0]) if len(names) else (), path.name)
            return pd.read_excel(book, sheet_name=sheet, dtype={firm: str})
    except ImportError:
        raise refuse("Excel files need the package openpyxl; the extra `spreadsheets` brings it") from None
    except (ValueError, KeyError, OSError, BadZipFile) as error:
        raise refuse(f"can't be read as a spreadsheet: {error}") from None


def _plain_status(codes: Mapping[object, str]) -> bool:
    """Whether labels of a status say what its codes say: 1 is yes."""
    word = {code: label.strip().casefold() for code, label in codes.items() if code in (0, 1)}
    return set(codes) <= {0, 1} and word.get(1) not in YES_NO.values() and word.get(0) not in YES_NO


# ------------------------------------------------------------------------------------------------ the descriptor
def descriptor(
    path: str | Path, columns: Mapping[str, str] | None = None, schema: DataFrameSchema | None = None, *,
    title: str = "", encoding: str | None = None, decimal: str | None = None, thousands: str | None = None,
) -> dict:
    """A Frictionless descriptor (a table resource, version 2) of a reader's text file, from the schema.

    `path` of a .csv, .tsv or .txt file; `columns` and `schema` as in `check`; `encoding`, `decimal`, `thousands` as in
    `read`. Every column of the file is in it, in its own name and order; what the schema doesn't know is of type "any".
    `frictionless.Resource.from_descriptor(found, basepath=folder).validate()` checks the file by it; what a rule can't
    say there (checks on several rows) stays with `check`.

    Raises `PanelError` as `read` does, and where a required field has no column.
    """
    path = _found(path)
    if path.suffix.lower() not in TEXT:
        raise PanelError(path.name, [Fault(path.name, None, f"expected a text file ({', '.join(TEXT)}); save the table "
                                           "as one first: frame.to_csv(..., index=False)")])
    columns = told(columns, path.name)

    def refuse(words: str) -> PanelError:
        return PanelError(path.name, [Fault(path.name, None, words)])

    encoding = encoding_of(path, encoding, refuse)
    header = header_of(path, encoding)
    _need_names(header.names, path.name)
    rules = complete(schema)
    named = {columns.get(name, name): name for name in rules.columns}
    absent = [name for name, column in rules.columns.items() if column.required
              and columns.get(name, name) not in header.names]
    if absent:
        raise PanelError(path.name, [
            Fault(path.name, name, f"expected a column {columns.get(name, name)!r}; the file has "
                  f"{', '.join(map(repr, header.names))}{near(columns.get(name, name), header.names)}")
            for name in absent])
    marks = {"decimalChar": decimal or ".", **({"groupChar": thousands} if thousands else {})}
    fields = [_described(column, named.get(column), rules, marks) for column in header.names]
    dialect = {"csv": {"delimiter": header.mark}}
    if header.skip:
        dialect["headerRows"] = [header.skip + 1]
    name = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._") or "panel"
    return {"$schema": PROFILE, "name": name, "type": "table", "path": path.name,
            **({"title": title} if title else {}), "scheme": "file", "format": "csv", "mediatype": "text/csv",
            "encoding": "utf-8" if encoding == "utf-8-sig" else encoding, "dialect": dialect,
            "schema": {"fields": fields, "primaryKey": [columns.get(key, key) for key in KEYS],
                       "missingValues": list(EMPTY)}}


def _described(column: str, name: str | None, rules: DataFrameSchema, marks: Mapping[str, str]) -> dict:
    """One column of the file as a field of Table Schema."""
    if name is None:
        return {"name": column, "type": "any"}
    rule, field = rules.columns[name], BY_NAME.get(name)
    kind = TYPES[field.kind] if field else next(
        (kind for kind, like in (("integer", "int"), ("number", "float"), ("boolean", "bool"), ("datetime", "datetime"),
                                 ("string", "str")) if like in str(rule.dtype).lower()), "any")
    found = {"name": column, "type": kind, "title": rule.title or "", "description": rule.description or "",
             "unit": field.unit if field else (rule.metadata or {}).get("unit", "")}
    if kind == "number":
        found |= marks
    if kind == "boolean":
        found |= {"trueValues": ["1", "1.0", "true", "True", "TRUE"],
                  "falseValues": ["0", "0.0", "false", "False", "FALSE"]}
    constraints = {} if rule.nullable else {"required": True}
    for check in rule.checks if kind != "boolean" else ():
        constraints |= _constraint(check)
    found |= {"constraints": constraints} if constraints else {}
    return {key: value for key, value in found.items() if value != ""}


def _constraint(check) -> dict:
    """A check of pandera's in the words of Table Schema; nothing for one that it can't say."""
    said = check.statistics or {}
    if check.name == "in_range":
        low = "minimum" if said["include_min"] else "exclusiveMinimum"
        return {low: said["min_value"], "maximum" if said["include_max"] else "exclusiveMaximum": said["max_value"]}
    names = {"greater_than": ("exclusiveMinimum", "min_value"), "greater_than_or_equal_to": ("minimum", "min_value"),
             "less_than": ("exclusiveMaximum", "max_value"), "less_than_or_equal_to": ("maximum", "max_value"),
             "isin": ("enum", "allowed_values"), "str_matches": ("pattern", "pattern")}
    if check.name not in names:
        return {}
    word, key = names[check.name]
    value = said[key]
    if word == "pattern":  # there it must match the whole cell, in pandera its beginning
        value = f"(?:{getattr(value, 'pattern', value)})(?:.|\\n)*"
    return {word: list(value) if word == "enum" else value}
