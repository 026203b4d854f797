"""What a reader's firm panel must hold, and a check that says all that is wrong at once.

`check` turns a table in the reader's names into one in the library's, so that `samples`, `models`, `designs` and
`specifications` run on it as they do on `firm_panel`; no estimator is written a second time here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from goingglobal import samples
from goingglobal.data import DataError, load
from goingglobal.own.rules import BY_NAME, FIELDS, KEYS, STAFF, WEIGHT, Field, broken, complete
from goingglobal.own.words import INVISIBLE, near, printable

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

__all__ = ["BY_NAME", "FIELDS", "KEYS", "STAFF", "WEIGHT", "Fault", "PanelError", "book_panel", "check", "faults"]

SHOWN = 3  # rows named in a message; the error's attributes hold all


# ------------------------------------------------------------------------------------------------ the check
# What the check says, here and in DuckDB.
NO_ROW = "expected at least one row, found none"
ONE_YEAR = "expected at least two years, found one"
NO_VALUE = "no value: these rows are left out"
NO_GROUP = ("no group headcount in these rows: estimates leave them out, as the book's sample J does. Leave the field "
            "out to keep them")
NO_STAFF = "expected a column 'home' (employees in the country) or 'parent' (the reporting company alone)"
CHANGES = {"sector": "the first one counts", "weight": "the first one counts but in two-way effects",
           "size": "that of the first year compared counts", "manufacturing": "1 in any year counts for all",
           "reorganised": "1 in any year counts for all"}
STATED = {"listed": 1, "ifrs_ever": 0, "translation_adjustment_yen": np.nan}  # columns that the samples read
EVER = ("manufacturing", "reorganised")  # statuses that hold for all years of a firm that has them in one
NO_CLASS = {"sector": "no value: these rows count as a sector of their own, 'not stated'",
            "size": "no value: a firm without a size is in no size class"}
SCALED = ('whole numbers beside numbers of exactly three decimals (or two, if all are tens), as a thousands point that '
          'was read as a decimal leaves them: read the file with thousands="." (or thousands=","); if they are '
          'decimals, round them to one')
JUMPS = 300  # a headcount that changes by such a factor between two rows of a firm
THIRDS = (333, 666, 667)
LOST_ZEROS = ('identifiers are numbers of unequal length: leading zeros, which tell "0007" from "7", are lost where a '
              'file is read without dtype={"firm": str}')
ROUNDED = ("identifiers in scientific notation, such as {!r}: a spreadsheet has cut their digits, and firms may have "
           "become one; export them as text")
TOTALS = ("rows that are the sum of all others{}: a total is no firm, and would count as one; leave these rows out")
SEVERAL, MANY = 3, 10  # other rows beside which a sum of all is no chance: where it is so in all years, and in one
NOT_FIRST = "; if the names stand further down, leave out the lines above them (skiprows= in pandas)"
TWO_ACCOUNTS = ("; each firm and year has two rows: of two kinds of accounts? Keep one, or give consolidated ones as "
                "`group`")
LOST_DIGITS = 'identifiers are numbers with more digits than a decimal holds: read the file with dtype={"firm": str}'


def no_complete(staff: str) -> str:
    """No row can be used."""
    return f"no row has both a {staff} headcount and an FDI status"


def more_than(larger: str) -> str:
    """A part that is larger than what it is a part of."""
    return f"more employees than in `{larger}`: other dates, staff lent out, or the columns swapped"


# Part and whole, where both are given.
PARTS = (("home", "group"), ("parent", "group"), ("parent", "home"))


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def twice_over(firm: object, year: float) -> str:
    """A firm-year that stands twice."""
    return f"expected one row per firm and year; {str(firm)!r} in {year:.0f} has stood above"


def alike(firms: int, one: str, other: str) -> str:
    """Identifiers that may be one firm's."""
    return (f"{counted(firms, 'identifier')} differ from another only by case, blanks, width or leading zeros, as "
            f"{one!r} and {other!r} do: they count as different firms")


def form_of(identifier: str) -> str:
    """What two spellings of one identifier share."""
    plain = re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", identifier)).casefold()
    return re.sub(r"(?<=\d)\.0$", "", plain).lstrip("0") or plain


def leaps(firms: int) -> str:
    """Headcounts that can't be of one unit."""
    return (f"{counted(firms, 'firm')} whose headcount changes by a factor of {JUMPS} or more from one row to the "
            "next: a thousands mark misread, or units mixed?")


def pauses(firms: int) -> str:
    """Firms whose FDI starts and doesn't last."""
    return (f"{counted(firms, 'firm')} with a later start but FDI in fewer than {100 * samples.MIN_FDI_SHARE:.0f} % of "
            "the years since: neither starters nor never-investors, so left out of that comparison")


def gaps(firms: int) -> str:
    """Firms not seen in each of their years."""
    return f"{counted(firms, 'firm')} with gaps: a start in one is dated to the next year seen"


def one_status(status: float) -> str:
    """An FDI status that never differs."""
    return f"is {status:.0f} in all rows: there is nothing to compare"


def no_switch(starters: int, never: int) -> str:
    """No starters, or none to compare them with."""
    return (f"{counted(starters, 'firm')} with FDI from a later than the first year on and {never:,} without it in "
            "all: the comparison of starters with never-investors is left out")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where (`field`, the first `row`, all `rows` and their `count`) and what was `expected`.

    Rows are numbered from 1, below the header. `rows` may hold the first ones only, where a file is read in part; where
    a panel stands in several files, `file` is that of the first fault, and `rows` are its rows.
    """

    table: str
    field: str | None
    expected: str
    rows: tuple[int, ...] = ()
    count: int = 0
    file: str | None = None

    def __deepcopy__(self, memo: dict) -> Fault:  # pandas copies a frame's attributes at every step
        return self

    @property
    def row(self) -> int | None:
        """The first row at fault; None where the fault is not in a row."""
        return self.rows[0] if self.rows else None

    def __str__(self) -> str:
        where = f"field {self.field!r}" if self.field else "the table"
        where += f", file {self.file!r}" if self.file else ""
        if self.rows:
            named = ", ".join(map(str, self.rows[:SHOWN]))
            more = f" and {self.count - min(SHOWN, len(self.rows)):,} more" if self.count > SHOWN else ""
            where += f", row{'s' if self.count > 1 else ''} {named}{more}"
        return printable(f"{where}: {self.expected}")


class PanelError(DataError):
    """A reader's panel is not what the schema says; all faults at once.

    Attributes: `table`; `faults`, one `Fault` for each thing that is wrong; `cautions`, what is allowed but should be
    known; and those of `DataError` for the first fault.
    """

    def __init__(self, table: str, faults: list[Fault], cautions: list[Fault] | tuple = ()):
        first = faults[0]
        super().__init__(table, first.expected, first.field, first.row)
        self.faults, self.cautions = tuple(faults), tuple(cautions)
        lines = [f"table {table!r}: {len(faults)} fault{'s' if len(faults) > 1 else ''}", *(f"- {f}" for f in faults)]
        if cautions:
            lines += ["also to be known, no fault:", *(f"- {c}" for c in cautions)]
        self.args = ("\n".join(lines),)

    def __str__(self) -> str:
        return printable(self.args[0])


def check(
    frame: pd.DataFrame, columns: Mapping[str, str] | None = None, table: str = "your panel",
    schema: DataFrameSchema | None = None,
) -> pd.DataFrame:
    """Check a firm panel against the schema; return it in the library's own columns.

    Parameters: `frame`, one row per firm and year; `columns`, schema field → the frame's column, for fields that are
    called otherwise there (a column that has the field's own name needs no entry); `table`, what messages and samples
    call the panel; `schema`, that of `own.schema()` with columns and checks of your own added (pandera): they hold
    beside the book's, and the columns that it adds are kept under their own names.

    Returns a new DataFrame, sorted by firm and year, that `samples`, `specifications` and the functions here take:
    absent optional fields are empty columns (`sector` is "all", `reorganised` 0); `ifrs_ever` is 0 and `listed` 1, as
    all firms are meant to stay in. Where `parent` is not given, its column, which the samples read, holds `home`. Rows
    without a headcount (`home`, else `parent`) or an FDI status are left out. `attrs["table"]` is the name,
    `attrs["cautions"]` a tuple of `Fault`: what is allowed but should be known.

    Raises `PanelError` with every fault at once: column unknown, missing or twice; no row; key missing or twice; not a
    number, not whole, infinite, out of range; FDI status other than 0 or 1; one year only; FDI status that never
    differs; a weight missing; what a reader's own schema asks.

    Levels of the index that bear a field's name count as columns. Text "true" and "false" are 1 and 0 of a status.
    `manufacturing` and `reorganised` hold for a firm that has them in any year. `attrs["left_out"]` says how many rows
    and firms are not in it, by reason.
    """
    if not isinstance(frame, pd.DataFrame):
        what = f"expected a table (DataFrame), found {type(frame).__name__}; read a file first: pandas.read_csv(...)"
        raise PanelError(table, [Fault(table, None, what)])
    faults: list[Fault] = []
    rules, extra = _rules(schema, table)
    columns = told(columns, table)
    frame = _flat(frame, columns, table)
    cells = cells_of(frame, columns, table, faults, extra)
    rows = _judged({name: _read(BY_NAME[name], column, table) if name in BY_NAME else Cells(column, column)
                    for name, column in cells.items()}, len(frame), rules, table, faults)
    numbered = "firm" in cells and pd.api.types.is_numeric_dtype(cells["firm"])
    if rows.empty and not faults:
        faults.append(Fault(table, None, NO_ROW))
    cautions = _over_rows(rows, table, faults) if len(rows) else []
    read = {*mapping_of(frame, columns).values(), *(columns.get(name, name) for name in extra)}
    ignored = [str(column) for column in frame.columns if column not in read]
    if numbered and rows["firm"].str.len().nunique() > 1:
        cautions.append(Fault(table, "firm", LOST_ZEROS))
    if ignored:
        cautions.append(Fault(table, None, f"columns that the schema doesn't know are ignored: {some(ignored)}"))
    if faults:
        raise PanelError(table, faults, cautions)
    return _clean(rows, table, cautions, [name for name in extra if name in rows])


def _rules(schema: DataFrameSchema | None, table: str) -> tuple[DataFrameSchema | None, dict[str, bool]]:
    """The rules of the book and of the reader's schema; the columns that this adds, and whether each must be there."""
    if schema is None:
        return None, {}
    if not (hasattr(schema, "columns") and hasattr(schema, "validate")):
        raise PanelError(table, [Fault(table, None, "`schema`: expected a DataFrameSchema of pandera, as own.schema() "
                                       f"gives; found {type(schema).__name__}")])
    pattern = [name for name, column in schema.columns.items() if column.regex]
    if pattern:
        raise PanelError(table, [Fault(table, pattern[0], "`schema`: a pattern of names (regex=True) is not taken; add "
                                       "one column for each name")])
    rules = complete(schema)
    extra = {name: column.required for name, column in rules.columns.items() if name not in BY_NAME}
    taken = [name for name in extra if name in {*(f.column for f in FIELDS), *STATED}]
    if taken:
        raise PanelError(table, [Fault(table, name, "`schema`: the library has a column of that name; call yours "
                                       "otherwise, and in `columns` say what the table calls it") for name in taken])
    return rules, extra


def told(columns: object, table: str) -> dict[str, str]:
    """`columns` as a dict; one fault where it is anything else."""
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        words = ("expected `columns` to go from the schema's field to your column, as {'firm': 'id'}; found a "
                 f"{type(columns).__name__}")
        raise PanelError(table, [Fault(table, None, words)])
    odd = [name for pair in columns.items() for name in pair if isinstance(name, list | dict | set)]
    if odd:
        raise PanelError(table, [Fault(table, None, f"`columns`: expected one name for each field, found {odd[0]!r}")])
    return dict(columns)


def _flat(frame: pd.DataFrame, columns: Mapping[str, str], table: str) -> pd.DataFrame:
    """The frame with what its index holds of the schema as columns. Raises `PanelError` for columns in levels."""
    if frame.columns.nlevels > 1:
        raise PanelError(table, [Fault(table, None, f"expected one name for each column, found {frame.columns.nlevels} "
                                       "levels of them; flatten them: frame.columns = [...]")])
    names = [name for name in frame.index.names if name is not None]
    wanted = {*BY_NAME, *columns.values()}
    level = [name for name in names if name in wanted and name not in frame.columns]
    if level:
        return frame.reset_index(level=level).reset_index(drop=True)
    if frame.index.nlevels > 1 and not set(KEYS) <= set(mapping_of(frame, columns)):
        raise PanelError(table, [Fault(table, None, f"the index has {frame.index.nlevels} levels and no column says "
                                       "firm and year: give frame.reset_index(), and in `columns` their names")])
    return frame


def faults(
    frame: pd.DataFrame, columns: Mapping[str, str] | None = None, table: str = "your panel",
    schema: DataFrameSchema | None = None,
) -> pd.DataFrame:
    """What `check` says of a panel, as a table and without an error: kind, field, row (first), rows (how many), says.

    `kind` is "fault" or "caution"; a panel without faults has cautions at most. Parameters as in `check`.
    """
    try:
        told = {"fault": (), "caution": check(frame, columns, table, schema).attrs["cautions"]}
    except PanelError as error:
        told = {"fault": error.faults, "caution": error.cautions}
    rows = [{"kind": kind, "field": f.field or "", "row": f.row, "rows": f.count, "says": printable(f.expected)}
            for kind, found in told.items() for f in found]
    return pd.DataFrame(rows, columns=["kind", "field", "row", "rows", "says"]).astype({"row": "Int64"})


def some(names: list[str], most: int = 8) -> str:
    return ", ".join(map(repr, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")


def mapping_of(frame, columns: Mapping[str, str]) -> dict[str, str]:
    """Schema field → column: as told, or the column of that name."""
    there = set(frame.columns)
    return {f.name: columns.get(f.name, f.name) for f in FIELDS if f.name in columns or f.name in there}


def cells_of(
    frame: pd.DataFrame, columns: dict[str, str], table: str, faults: list[Fault],
    extra: Mapping[str, bool] | None = None
) -> dict[str, pd.Series]:
    """Field → its cells. `extra`: names that a reader's schema adds, and whether each must be there."""
    extra = extra or {}
    if columns and not set(columns) & set(BY_NAME) and set(columns.values()) <= set(BY_NAME):
        columns = {field: name for name, field in columns.items()}
        faults.append(Fault(table, None, "`columns` goes from the schema's field to your column; yours goes the other "
                            f"way round: expected {columns}"))
    for name in columns:
        if name not in BY_NAME and name not in extra:
            faults.append(Fault(table, str(name), f"the schema has no such field; it has {some(list(BY_NAME), 20)}"
                                f"{near(name, BY_NAME)}"))
    found = {}
    mapped = mapping_of(frame, columns) | {name: columns.get(name, name) for name in extra if name in columns
                                           or name in set(frame.columns)}
    single = str(frame.columns[0]) if len(frame.columns) == 1 else ""
    mark = next((sign for sign in (";", "\t", "|", ",") if sign in single), None)
    if mark:
        faults.append(Fault(table, None, f"all cells stand in one column, {single!r}: read the file with sep={mark!r}"))
        return found
    needed = {f.name for f in FIELDS if f.required}
    known = needed & ({*mapped} | {str(column).strip().casefold() for column in frame.columns})
    first = "" if known else NOT_FIRST
    for name, needed in [*((f.name, f.required) for f in FIELDS), *extra.items()]:
        column = mapped.get(name)
        times = list(frame.columns).count(column) if column is not None else 0
        if column is None and needed:
            faults.append(Fault(table, name, f"expected a column {name!r}, or in `columns` the name it has in the "
                                f"table; the table has {some([str(c) for c in frame.columns], 12)}"
                                f"{near(name, frame.columns)}{first}"))
            first = ""
        elif column is not None and times == 0:
            faults.append(Fault(table, name, f"expected a column {column!r}; the table has "
                                f"{some([str(c) for c in frame.columns], 12)}"
                                f"{near(column, frame.columns) or near(name, frame.columns)}"))
        elif times > 1:
            faults.append(Fault(table, name, f"the column {column!r} stands {times} times"))
        elif times:
            found[name] = frame[column].reset_index(drop=True)
    if not set(STAFF) & set(mapped):
        faults.append(Fault(table, STAFF[0], f"{NO_STAFF}, or in `columns` the name it has in the table; the table has "
                            f"{some([str(c) for c in frame.columns], 12)}{near(STAFF[0], frame.columns)}"))
    return found


def scaled(numbers: np.ndarray) -> np.ndarray:
    """Which headcounts seem to be thousands whose mark was read as a decimal point; none where that can't be told.

    Whole numbers stand beside others that all lie from 1 to 1000 and have three decimals at most: in most of them just
    three, or fewer where nearly all whole numbers are tens. Thirds of a person (.333, .667) are no thousands.
    """
    with np.errstate(invalid="ignore"):
        known = np.isfinite(numbers)
        part = known & (numbers % 1 != 0)
        thousand = np.round(numbers[part] * 1000)
        sound = (part.any() and (known & ~part).any() and (np.abs(numbers[part] * 1000 - thousand) < 1e-6).all()
                 and numbers[part].min() >= 1 and numbers[part].max() < 1000 and (
                     (thousand % 10 != 0).mean() > 0.5 or (numbers[known & ~part] % 10 == 0).mean() > 0.9)
                 and not np.isin(thousand % 1000, THIRDS).all())
    return part if sound else np.zeros(len(numbers), dtype=bool)


@dataclass(frozen=True)
class Cells:
    """One column: its `values` as text or float64 with NaN for empty cells, as `shown` in the table, and which of them
    can't be read (`unread`); `says` is a fault of the whole column."""

    values: pd.Series
    shown: pd.Series
    unread: pd.Series | None = None
    says: str = ""


def _read(f: Field, cells: pd.Series, table: str) -> Cells:
    """One column's cells read as text or numbers, as the field has it."""
    if isinstance(cells.dtype, pd.CategoricalDtype | pd.SparseDtype):
        kind = cells.dtype
        cells = cells.astype(kind.subtype if isinstance(kind, pd.SparseDtype) else object)
    if f.kind != "text" and isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "biuf":
        return Cells(cells.astype("float64"), cells)
    if isinstance(cells.dtype, pd.PeriodDtype):
        cells = cells.dt.to_timestamp()
    if not isinstance(cells.dtype, np.dtype) and not pd.api.types.is_numeric_dtype(cells) and not (
            pd.api.types.is_string_dtype(cells) or pd.api.types.is_datetime64_any_dtype(cells)):
        cells = cells.astype(object)
    if pd.api.types.is_object_dtype(cells):  # lists and the like are text that can't be read
        cells = cells.map(lambda cell: cell if pd.api.types.is_scalar(cell) else str(cell))
    text = pd.api.types.is_object_dtype(cells) or pd.api.types.is_string_dtype(cells)
    if text:
        cells = cells.map(lambda cell: INVISIBLE.sub("", cell) if isinstance(cell, str) else cell)
    empty = cells.isna()
    if text:
        empty |= (cells.astype("string").str.strip() == "").fillna(False).astype(bool)
    if f.kind == "text":
        filled = cells[~empty]
        whole = pd.api.types.is_float_dtype(cells) and bool(((filled % 1 == 0) & (filled.abs() < 2**53)).all())
        lost = f.name == "firm" and pd.api.types.is_float_dtype(cells) and bool((filled.abs() >= 2**53).any())
        shown = cells.astype("Int64") if whole else cells
        return Cells(shown.astype("string").str.strip().mask(empty), cells, says=LOST_DIGITS if lost else "")
    shown = cells
    if pd.api.types.is_datetime64_any_dtype(cells):
        return Cells(pd.Series(np.nan, index=cells.index), shown, ~empty)
    if pd.api.types.is_timedelta64_dtype(cells) or pd.api.types.is_complex_dtype(cells):
        cells = shown = cells.astype("string")
    if f.kind == "flag" and text:
        words = cells.astype("string").str.strip().str.lower().map({"true": 1.0, "false": 0.0})
        cells = cells.astype(object).where(words.isna(), words)
    filled = cells.mask(empty)
    if text:
        filled = filled.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    try:
        numbers = pd.to_numeric(filled, errors="coerce")
    except (TypeError, ValueError):  # dates, periods and other things among numbers
        numbers = pd.to_numeric(filled.astype("string"), errors="coerce")
    numbers = numbers.astype("float64")
    return Cells(numbers, shown, numbers.isna() & ~empty)


def _judged(
    read: dict[str, Cells], size: int, rules: DataFrameSchema | None, table: str, faults: list[Fault]
) -> pd.DataFrame:
    """The read values, those that break a rule as NaN; every broken rule is noted, field by field."""
    rows = pd.DataFrame({name: column.values for name, column in read.items()}, index=range(size))
    rows, found = broken(rules, rows) if len(rows) else (rows, [])
    for name, column in read.items():
        refused = np.zeros(size, dtype=bool)
        unread = np.flatnonzero(column.unread) if column.unread is not None else np.array([], dtype=int)

        def note(where: np.ndarray, words: str, gone: np.ndarray = refused, name: str = name) -> None:
            gone[where] = True
            faults.append(Fault(table, name, words, tuple(int(r) + 1 for r in where), len(where)))

        here = {rule: [b for b in found if b.field == name and b.rule == rule]
                for rule in ("empty", "endless", "type", "range", "other")}
        for rule in ("empty", "value", "endless", "range") if name in BY_NAME else ():
            bad = unread if rule == "value" else np.unique(
                np.array([row for b in here[rule] for row in b.rows], dtype=int))
            bad = bad[~refused[bad]] if rule != "empty" else np.setdiff1d(bad, unread)
            if len(bad):
                note(bad, BY_NAME[name].refusal(rule, None if rule == "empty" else column.shown.iloc[bad[0]]))
        if column.says:
            faults.append(Fault(table, name, column.says))
        for b in [b for rule in here for b in here[rule] if name not in BY_NAME or rule == "other"]:
            bad = np.array([row for row in b.rows if not refused[row]], dtype=int)
            if len(bad):
                words = "expected a value; this field may not be empty" if b.rule == "empty" else (
                    f"{b.words}, found {str(column.shown.iloc[bad[0]])!r}")
                note(bad, words)
            elif not b.rows:
                faults.append(Fault(table, name, b.words))
        if name in BY_NAME:
            if refused.any():
                rows[name] = rows[name].mask(refused)
            if BY_NAME[name].kind == "number" and BY_NAME[name].unit == "persons":
                part = np.flatnonzero(scaled(rows[name].to_numpy()))
                if len(part):
                    note(part, SCALED, refused.copy())
    for b in found:
        if b.field is None and b.rule == "twice":
            keyed = [row for row in b.rows if rows.loc[row, list(KEYS)].notna().all()]
            if keyed:
                both = 2 * len(keyed) == len(rows.dropna(subset=list(KEYS)))
                words = twice_over(*rows.loc[keyed[0], list(KEYS)]) + (TWO_ACCOUNTS if both else "")
                faults.append(Fault(table, "firm+year", words, tuple(row + 1 for row in keyed), len(keyed)))
        elif b.field is None:
            faults.append(Fault(table, None, b.words, tuple(row + 1 for row in b.rows), len(b.rows)))
    return rows


def _over_rows(rows: pd.DataFrame, table: str, faults: list[Fault]) -> list[Fault]:
    """Faults and cautions that rows show only together, from the rows that can be read."""
    cautions: list[Fault] = []
    refused = {(f.field, row) for f in faults for row in f.rows}

    def note(field_name: str | None, words: str, bad: pd.Series | None = None, into: list[Fault] | None = None) -> None:
        where = () if bad is None or not bad.any() else tuple(
            int(i) + 1 for i in rows.index[bad] if into is not None or (field_name, int(i) + 1) not in refused)
        if bad is None or where:
            (cautions if into is None else into).append(Fault(table, field_name, words, where, len(where)))

    if not set(KEYS) <= set(rows):
        return cautions
    firm, spelt = rows["firm"].factorize()
    year = rows["year"].to_numpy()
    keyed = (firm >= 0) & ~np.isnan(year)
    forms: dict[str, list[str]] = {}
    for name in spelt:
        forms.setdefault(form_of(name), []).append(name)
    double = next((names for names in forms.values() if len(names) > 1), [])
    if double:
        note("firm", alike(len(spelt) - len(forms), *sorted(double)[:2]))
    rounded = [name for name in spelt if re.fullmatch(r"\d(?:\.\d+)?E\+\d+", name, re.I)]
    if rounded:
        note("firm", ROUNDED.format(rounded[0]))
    staff = staff_of(rows)
    if staff in rows:
        for within, words in (("year", " of the year"), (None, "")):
            note(staff, TOTALS.format(words), _totals(rows, staff, within), faults)
    if len(np.unique(year[keyed])) == 1:
        note("year", ONE_YEAR, None, faults)
    for part, whole in PARTS:
        if {part, whole} <= set(rows):
            note(part, more_than(whole), rows[part] > rows[whole])
    if "group" in rows and rows["group"].notna().any():
        note("group", NO_GROUP, rows["group"].isna())
    for name in (staff, "fdi"):
        if name in rows:
            note(name, NO_VALUE, rows[name].isna() & keyed)
    for name, words in NO_CLASS.items():
        if name in rows:
            note(name, words, rows[name].isna())
    for name, words in CHANGES.items():
        if name in rows:
            moved = _with_several(firm[keyed], rows.loc[keyed, name])
            if moved:
                note(name, f"changes over the years in {counted(moved, 'firm')}: {words}")
    order = np.flatnonzero(keyed)[np.lexsort((year[keyed], firm[keyed]))]
    order = order[_first(firm[order]) | _first(year[order])]
    firm, year = firm[order], year[order]
    if staff in rows:
        persons = rows[staff].to_numpy()[order]
        same = np.diff(firm[~np.isnan(persons)]) == 0
        far = same & (np.abs(np.diff(np.log(persons[~np.isnan(persons)]))) >= np.log(JUMPS))
        if far.any():
            note(staff, leaps(len(np.unique(firm[~np.isnan(persons)][1:][far]))))
    first = np.flatnonzero(_first(firm))
    last = np.append(first, len(firm))[1:] - 1
    holes = int((year[last] - year[first] > last - first).sum())
    if holes:
        note("year", gaps(holes))
    if "fdi" in rows and not any(f.field == "fdi" for f in faults):
        fdi = rows["fdi"].to_numpy()[order]
        _about_fdi(firm[~np.isnan(fdi)], fdi[~np.isnan(fdi)], note, faults)
    return cautions


def _first(sorted_values: np.ndarray) -> np.ndarray:
    """Which values differ from the one before."""
    return np.append(True, sorted_values[1:] != sorted_values[:-1])[:len(sorted_values)]


def _with_several(firm: np.ndarray, values: pd.Series) -> int:
    """How many firms have more than one of the values, empty cells aside."""
    codes, known = values.factorize()
    pairs = np.unique(firm[codes >= 0] * len(known) + codes[codes >= 0])
    return int((np.bincount(pairs // max(len(known), 1)) > 1).sum())


def _totals(rows: pd.DataFrame, staff: str, within: str | None) -> pd.Series:
    """Which rows hold the sum of all others, of their year or (`within` None) of all."""
    cells = rows[staff].fillna(0).to_numpy()
    place = rows[within].factorize()[0] + 1 if within else np.zeros(len(rows), dtype=int)
    if not np.isclose(2 * cells, np.bincount(place, cells)[place]).any():  # most panels; sums as pandas has them below
        return pd.Series(False, index=rows.index)
    known = rows[staff].groupby(rows[within] if within else np.zeros(len(rows)))
    each = known.agg(["sum", "count"]).reindex(rows[within] if within else np.zeros(len(rows)))
    others = each["count"].to_numpy() - 1
    total = (rows[staff] > 0) & (others >= SEVERAL) & (2 * rows[staff] == each["sum"].to_numpy())
    if not total.any():
        return total
    by_firm = total.groupby(rows["firm"])
    return total & ((by_firm.transform("all") & (by_firm.transform("size") > 1)) | (others >= MANY))


def _about_fdi(firm: np.ndarray, fdi: np.ndarray, note: Callable, faults: list[Fault]) -> None:
    """Of statuses that are known, 0 or 1, sorted by firm and year."""
    if len(np.unique(fdi)) == 1:
        note("fdi", one_status(fdi[0]), None, faults)
        return
    if not len(fdi):
        return
    first = _first(firm)
    number = np.cumsum(first) - 1
    years_with = np.bincount(number, fdi)
    so_far = np.cumsum(fdi)
    years_since = np.bincount(number, so_far > (so_far - fdi)[first][number])
    starts = (fdi[first] == 0) & (years_with > 0)
    never = int((years_with == 0).sum())
    broken = int((years_with[starts] / years_since[starts] < samples.MIN_FDI_SHARE).sum())
    if broken:
        note("fdi", pauses(broken))
    if not starts.any() or not never:
        note("fdi", no_switch(int(starts.sum()), never))


def staff_of(rows: pd.DataFrame, column: str = "{}") -> str:
    """The headcount that is analysed: "home" where a row has it, else "parent". `column`: how the two are called."""
    known = [name for name in STAFF if column.format(name) in rows]
    return next((name for name in known if rows[column.format(name)].notna().any()), (known or STAFF)[0])


def _clean(rows: pd.DataFrame, table: str, cautions: list[Fault], extra: list[str]) -> pd.DataFrame:
    """The library's own columns and the `extra` ones of a reader's schema, complete rows, in order."""
    staff = staff_of(rows)
    every, rows = rows, rows.dropna(subset=[staff, "fdi"])
    if rows.empty:
        raise PanelError(table, [Fault(table, staff, no_complete(staff))], cautions)
    out = pd.DataFrame({f.column: rows.get(f.name, np.nan) for f in FIELDS}, index=rows.index)
    if out["parent_employees"].isna().all():
        out["parent_employees"] = out["home_employees"]
    out["edinet_code"] = out["edinet_code"].astype("str")
    for name in ("year", "fdi"):
        out[name] = out[name].astype("int64")
    out["sector"] = rows["sector"].fillna("not stated").astype("str") if "sector" in rows else "all"
    for name in EVER:
        if name in rows:
            out[name] = every[name].groupby(every["firm"]).transform("max").reindex(out.index)
    out["reorganised"] = out["reorganised"].fillna(0).astype("int64")
    for name in ("size", "weight", "manufacturing"):  # `samples` carries these where they are there
        if name not in rows:
            del out[BY_NAME[name].column]
    if "size_class" in out:
        out["size_class"] = out["size_class"].astype("str").where(rows["size"].notna())
    out = out.assign(**STATED, **{name: rows[name] for name in extra})
    out = out.sort_values(["edinet_code", "year"]).reset_index(drop=True)
    out.attrs = {"table": table, "cautions": tuple(cautions), "left_out": {
        f"rows without {staff} headcount or FDI status": len(every) - len(rows),
        "firms without any other row": every["firm"].nunique() - rows["firm"].nunique()}}
    return out


def book_panel() -> pd.DataFrame:
    """The book's own firms (sample J) in the schema's names: a stand-in for a reader's panel.

    Their reports give the staff of the `parent` and of the `group`, not all jobs at `home`. Manufacturing
    is read from the sectors' names. `check` of it gives the estimates of chapters 2, 3 and 5.
    """
    rows = samples.sample_j(load("firm_panel"))
    rows = rows.assign(manufacturing=rows["sector"].isin(samples.MANUFACTURING).astype(int))
    return rows.rename(columns={f.column: f.name for f in FIELDS})[[f.name for f in FIELDS if f.column in rows]]
