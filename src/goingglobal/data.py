"""The only way to data: `load(name)` gives a checked table, or one clear error.

The tables and their descriptor (`datapackage.json`, Frictionless) are found beside
the checkout, in an installed package, or in the folder that the environment variable
`GOINGGLOBAL_DATA` names; the working directory plays no part. Nothing is fetched.

    python -m goingglobal.data check            # every table against the descriptor
    python -m goingglobal.data seal country_panel   # after a deliberate change of a figure
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import sys
from collections import Counter
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import pandas as pd

from goingglobal import _console

__all__ = ["DataError", "describe", "load", "seal", "source_line", "table_names", "validate"]

MISSING_SHARE_TOLERANCE = 5e-4
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?"
_PATTERNS = {
    "integer": r"[-+]?[0-9]{1,18}",
    "number": _NUMBER,
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
}
_found_good: set[str] = set()  # by this process, cell by cell: what `_passed` says of tables


class DataError(ValueError):
    """A table is not what its descriptor says.

    Attributes: `table`, `field` and `row` (numbered from 1, below the header; None where
    the fault is not in one row or field) and `expected`.
    """

    def __init__(self, table: str, expected: str, field: str | None = None, row: int | None = None):
        self.table, self.field, self.row, self.expected = table, field, row, expected
        where = f"table {table!r}"
        if field is not None:
            where += f", field {field!r}"
        if row is not None:
            where += f", row {row} (line {row + 1} of {table}.csv)"
        super().__init__(f"{where}: {expected}")


def data_folder() -> Path:
    """The folder with `datapackage.json`. Raises `DataError` where there is none."""
    named = os.environ.get("GOINGGLOBAL_DATA")
    here = Path(__file__).resolve().parent
    places = [Path(named)] if named else [here.parents[1] / "data", here / "_data"]
    for place in places:
        if (place / "datapackage.json").is_file():
            return place
    names = [place.name for place in places]
    raise DataError("datapackage.json", f"expected a data package in one of {names}; none found")


def _package() -> dict:
    path = data_folder() / "datapackage.json"
    return _read_package(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_package(path: Path, _mtime: int) -> dict:
    try:
        tables = {r["name"]: r for r in json.loads(path.read_text(encoding="utf-8"))["resources"]}
        for table in tables.values():
            _ = table["path"], table["rows"], table["hash"], table["schema"]["fields"], table["schema"]["primaryKey"]
        return tables
    except (ValueError, KeyError, TypeError) as error:
        expected = f"expected a Frictionless descriptor with named resources; {error}"
        raise DataError("datapackage.json", expected) from None


def table_names() -> list[str]:
    """Names of all tables, in the descriptor's order."""
    return list(_package())


def describe(name: str) -> dict:
    """The descriptor of one table: fields, units, sources, licence, vintage, rows, hash.

    Raises `DataError` for an unknown table.
    """
    tables = _package()
    if name not in tables:
        raise DataError(name, f"unknown table; expected one of {', '.join(tables)}")
    return deepcopy(tables[name])


_YEARS = ("year", "fiscal_year", "accounts_year")  # fields that say when what a row counts was so


def source_line(*names: str) -> str:
    """One line for under an exhibit: publishers, years, vintage and licence of each table.

    Each indicator's own source, vintage and licence stands in the appendix on data and in the descriptor.
    """
    parts = []
    for name in names:
        table = describe(name)
        sources = table["sources"]
        publishers = list(dict.fromkeys(source["publisher"] for source in sources))
        licences = list(dict.fromkeys(source["licence"] for source in sources))
        unread = "" if all(source["licence_reread"] for source in sources) else ", terms not re-read for this book"
        terms = f"{_years(table)}vintage {table['vintage']}; {', '.join(licences)}{unread}"
        parts.append(f"{', '.join(publishers)} (table {name}, {terms})")
    return "; ".join(parts)


def _years(table: dict) -> str:
    """The years that a table's rows stand for, as its descriptor limits them: “2017–2026, ”; else nothing."""
    for field in table["schema"]["fields"]:
        limits = field.get("constraints", {})
        if field["name"] in _YEARS and {"minimum", "maximum"} <= set(limits):
            return f"{limits['minimum']}–{limits['maximum']}, "
    return ""


def load(name: str) -> pd.DataFrame:
    """Load one table, checked against its descriptor.

    Parameters: `name`, one of `table_names()`.

    Returns a DataFrame with the descriptor's columns in order: integers as int64 (float64
    where values are missing), numbers as float64, dates as datetime64, strings as str.
    Units stand in `describe(name)`. `attrs["table"]` is the name.

    Raises `DataError`, naming table, field, row and what was expected: unknown table, missing
    file, column missing, renamed, added or twice, wrong type, value out of range or not among
    those allowed, key not unique, share of missing values or row count or sha256 not as sealed.
    A file with the sealed sha256 whose descriptor says `checked` has passed all of this under the same schema when it
    was sealed, and is not looked through again (`validate` does it).
    """
    resource = describe(name)
    path = _path(name, resource)
    stat = path.stat()
    return _load(name, path, stat.st_mtime_ns, stat.st_size, json.dumps(resource)).copy()


def _path(name: str, resource: dict) -> Path:
    path = data_folder() / resource["path"]
    if not path.is_file():
        raise DataError(name, f"expected the file {path.name} beside datapackage.json; it is not there")
    return path


@lru_cache(maxsize=32)
def _load(name: str, path: Path, _mtime: int, _size: int, descriptor: str) -> pd.DataFrame:
    resource = json.loads(descriptor)
    passed = resource.get("checked") == _passed(resource)
    frame = _sealed(path, resource) if passed and _digest(path) == resource["hash"] else _checked(name, path, resource)
    frame.attrs["table"] = name
    return frame


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _passed(resource: dict) -> str:
    """What a descriptor holds as `checked` once the file of its hash has passed every check of its schema."""
    text = json.dumps([resource["hash"], resource["rows"], resource["schema"]], sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def check_file(path: Path, resource: dict) -> str:
    """Check a file against a descriptor, cell by cell; return what `load` then accepts as `checked`.

    Raises `DataError` as `load` does.
    """
    _checked(resource["name"], path, resource)
    return _passed(resource)


def _sealed(path: Path, resource: dict) -> pd.DataFrame:
    """A file that is known to be as it was checked, read at once; the values and types are those of `_checked`."""
    kinds = {field["name"]: field["type"] for field in resource["schema"]["fields"]}
    numbers = dict.fromkeys((name for name, kind in kinds.items() if kind in ("integer", "number")), "float64")
    frame = pd.read_csv(path, dtype={name: numbers.get(name, "str") for name in kinds}, keep_default_na=False,
                        na_values={name: [""] for name in kinds})
    for name, kind in kinds.items():
        if kind == "date":
            frame[name] = pd.to_datetime(frame[name], format="%Y-%m-%d")
        elif kind == "integer" and frame[name].notna().all():
            frame[name] = frame[name].astype("int64")
    return frame


def _checked(name: str, path: Path, resource: dict) -> pd.DataFrame:
    """A file read and checked cell by cell."""
    text = _read_text(name, path, resource)
    frame = pd.DataFrame({field["name"]: _column(name, field, text) for field in resource["schema"]["fields"]})
    _check_key(name, resource, text)
    if len(frame) != resource["rows"]:
        raise DataError(name, f"expected {resource['rows']} rows, found {len(frame)}")
    _check_shares(name, resource, text)
    digest = _digest(path)
    if digest != resource["hash"]:
        raise DataError(
            name,
            f"expected {resource['hash'][:19]}…, found {digest[:19]}…: the file has changed since it was sealed. "
            f"If the change is meant, run `python -m goingglobal.data seal {name}` and add a changelog line",
        )
    return frame


def _read_text(name: str, path: Path, resource: dict) -> pd.DataFrame:
    """All cells as text, the header compared with the descriptor first."""
    expected = [field["name"] for field in resource["schema"]["fields"]]
    cells: list[list[str]] = []
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = csv.reader(handle, strict=True)
            header = next(rows, [])
            twice = [column for column, count in Counter(header).items() if count > 1]
            if twice:
                raise DataError(name, "expected each column once; this one stands twice", field=twice[0])
            lost = [column for column in expected if column not in header]
            extra = [column for column in header if column not in expected]
            if lost:
                hint = f"; found {', '.join(map(repr, extra))} instead" if extra else ""
                raise DataError(name, f"expected this column, it is missing{hint}", field=lost[0])
            if extra:
                raise DataError(name, "this column is not in the descriptor", field=extra[0])
            if header != expected:
                at = next(i for i, pair in enumerate(zip(header, expected, strict=True)) if pair[0] != pair[1])
                raise DataError(name, f"expected column {at + 1} to be {expected[at]!r}", field=header[at])
            for number, row in enumerate(rows, start=1):
                if len(row) != len(header):
                    raise DataError(name, f"expected {len(header)} cells, found {len(row)}", row=number)
                cells.append(row)
    except UnicodeDecodeError as error:
        raise DataError(name, f"expected UTF-8 text; byte {error.start} is not") from None
    except csv.Error as error:
        raise DataError(name, f"expected cells whose quotation marks close; {error}", row=len(cells) + 1) from None
    return pd.DataFrame(cells, columns=header, dtype="object")


def _first(mask: pd.Series) -> int:
    return int(mask.to_numpy().argmax()) + 1


def _unlike(cells: pd.Series, pattern: str) -> pd.Series:
    """Which cells are neither empty nor, from end to end, like a pattern. Cells that are alike are looked at once."""
    like = re.compile(pattern).fullmatch
    return cells.isin([cell for cell in set(cells) if cell and not like(cell)])


def _column(name: str, field: dict, text: pd.DataFrame) -> pd.Series:
    """One column converted and checked; the first row that fails is named."""
    column, kind = field["name"], field["type"]
    cells = text[column]
    empty = cells.eq("")
    limits = field.get("constraints", {})
    unit = f" ({field['unit']})" if field.get("unit") else ""

    def refuse(bad: pd.Series, expected: str) -> None:
        if bad.any():
            row = _first(bad)
            raise DataError(name, f"expected {expected}, found {cells.iloc[row - 1]!r}", field=column, row=row)

    if limits.get("required"):
        refuse(empty, "a value; this field may not be empty")
    if kind in _PATTERNS:
        refuse(_unlike(cells, _PATTERNS[kind]), f"{'an' if kind == 'integer' else 'a'} {kind}{unit}")
    if kind in ("integer", "number"):
        parsed = pd.to_numeric(cells.mask(empty))
        values = parsed.astype("float64")
        if "minimum" in limits:
            refuse(values < limits["minimum"], f"at least {limits['minimum']:g}{unit}")
        if "maximum" in limits:
            refuse(values > limits["maximum"], f"at most {limits['maximum']:g}{unit}")
        if "enum" in limits:
            refuse(~empty & ~values.isin(limits["enum"]), f"one of {limits['enum']}{unit}")
        if kind == "integer" and not empty.any():
            values = parsed.astype("int64")
    elif kind == "date":
        values = pd.to_datetime(cells.mask(empty), format="%Y-%m-%d", errors="coerce")
        refuse(values.isna() & ~empty, "a calendar date")
    else:
        if "enum" in limits:
            shown = limits["enum"] if len(limits["enum"]) <= 12 else [*limits["enum"][:12], "…"]
            refuse(~empty & ~cells.isin(limits["enum"]), f"one of {shown}")
        if "pattern" in limits:
            refuse(_unlike(cells, limits["pattern"]), f"text like {limits['pattern']}")
        values = cells.mask(empty).astype("str")
    return values.rename(column)


def _check_shares(name: str, resource: dict, text: pd.DataFrame) -> None:
    for field in resource["schema"]["fields"]:
        sealed, found = field.get("missing_share"), list(text[field["name"]]).count("") / max(1, len(text))
        if sealed is not None and abs(found - sealed) > MISSING_SHARE_TOLERANCE:
            raise DataError(name, f"expected a share missing of {sealed:.4f}, found {found:.4f}", field=field["name"])


def _check_key(name: str, resource: dict, text: pd.DataFrame) -> None:
    key = resource["schema"]["primaryKey"]
    twice = text.duplicated(key)
    if twice.any():
        row = _first(twice)
        value = ", ".join(f"{k}={text[k].iloc[row - 1]}" for k in key)
        raise DataError(name, f"expected a unique key; {value} has stood above", field="+".join(key), row=row)


def validate(names: list[str] | None = None) -> list[DataError]:
    """Check tables cell by cell; return every table's first fault (an empty list when all are good).

    In one process a table is looked through once, as long as its bytes and its schema stay the same.
    """
    faults = []
    for name in names or table_names():
        try:
            resource = describe(name)
            path = _path(name, resource)
            if not (_passed(resource) in _found_good and _digest(path) == resource["hash"]):
                _found_good.add(check_file(path, resource))
        except DataError as error:
            faults.append(error)
    return faults


def seal(name: str) -> dict:
    """Record a deliberate change: new sha256, bytes, rows and shares missing in the descriptor.

    The table must pass every other check first, so nothing broken can be sealed. Returns the
    new descriptor. Raises `DataError` as `load` does.
    """
    folder = data_folder()
    resource = describe(name)
    path = _path(name, resource)
    text = _read_text(name, path, resource)
    if text.empty:
        raise DataError(name, "expected at least one row, found none")
    for field in resource["schema"]["fields"]:
        if "missing_share" in field:
            field["missing_share"] = round(float(text[field["name"]].eq("").mean()), 4)
        _column(name, field, text)
    _check_key(name, resource, text)
    resource.update(rows=len(text), bytes=path.stat().st_size, hash=_digest(path))
    resource["checked"] = _passed(resource)
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    package["resources"] = [resource if r["name"] == name else r for r in package["resources"]]
    fresh = folder / "datapackage.json.new"
    fresh.write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    fresh.replace(folder / "datapackage.json")
    return resource


def main(arguments: list[str]) -> int:
    """`check [TABLE …]` or `seal TABLE`; exit code 1 and one line per fault otherwise."""
    action, *names = arguments or ["check"]
    if action == "seal" and names:
        try:
            for name in names:
                print(f"sealed {name}: {seal(name)['hash']}")
        except DataError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        return 0
    if action != "check":
        print("usage: python -m goingglobal.data check [TABLE ...] | seal TABLE ...", file=sys.stderr)
        return 2
    try:
        faults = validate(names)
    except DataError as error:
        faults = [error]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if not faults:
        print(f"data: {len(names or table_names())} tables as sealed")
    return 1 if faults else 0


def numbers_in(text: str) -> list[str]:
    """Numbers written in a text, thousands separators removed: '3,568 of 7.4' → ['3568', '7.4']."""
    return [n.replace(",", "") for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(sys.argv[1:]))
