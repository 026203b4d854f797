"""What a reader's firm panel must hold: one list of fields, from which everything else is made.

The pandera schema that `check` runs and a reader can extend, the table in the book's appendix, the check in a database
(`large`) and a file's Frictionless descriptor (`tables`) all come from `FIELDS`.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from goingglobal.own.words import advice

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

__all__ = ["FIELDS", "Broken", "Field", "broken", "complete", "fields", "schema"]

KEYS = ("firm", "year")
DTYPES = {"text": "str", "year": "float64", "number": "float64", "flag": "float64"}  # numbers may be missing


@dataclass(frozen=True)
class Field:
    """One field of the schema: the reader's `name`, the library's `column`, and what a value may be.

    `kind`: "text", "year" (whole number), "number" or "flag" (0 or 1). `above` is a strict bound. `use` says what the
    field is for; an analysis whose field is absent is left out.
    """

    name: str
    column: str
    kind: str
    title: str
    unit: str
    use: str
    required: bool = False
    above: float | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def expected(self) -> str:
        """What a value must be, in words: "a number above 0 (persons)"."""
        words = {"text": "text", "year": "a whole year", "number": "a number", "flag": "0 or 1"}[self.kind]
        if self.above is not None:
            words += f" above {self.above:g}"
        if self.minimum is not None:
            words += f" from {self.minimum:g} to {self.maximum:g}"
        return words + (f" ({self.unit})" if self.kind == "number" and self.unit else "")

    @property
    def filled(self) -> bool:
        """True where no cell may be empty: keys, and weights if there are any."""
        return self.name in (*KEYS, "weight")

    def refusal(self, rule: str, found: object = None) -> str:
        """What a fault says. Rules: "empty", "value" (can't be read), "endless" (infinite), "range"."""
        if rule == "empty":
            return "expected a value; this field may not be empty"
        more = {"value": ", one that can be read", "endless": ", a finite one", "range": ""}[rule]
        shown = re.sub(r"(?<=\d)\.0$", "", str(found))  # whole numbers beside an empty cell are stored with a point
        return f"expected {self.expected}{more}, found {shown!r}{advice(self.kind, rule, found)}"


# The schema. The check, the check in DuckDB (`large`) and the table in the book's appendix all read this list.
FIELDS = (
    Field("firm", "edinet_code", "text", "Identifier of the firm, the same in all years", "", "all", True),
    Field("year", "year", "year", "Year of the headcounts", "year", "all", True, minimum=1900, maximum=2100),
    Field("home", "home_employees", "number", "Employees in the firm's own country", "persons",
          "all; needed unless `parent` is given", above=0),
    Field("parent", "parent_employees", "number", "Employees of the reporting company alone, without subsidiaries",
          "persons", "stands in for `home` where that is not given", above=0),
    Field("fdi", "fdi", "flag", "1 if the firm has direct investment abroad in the year", "0/1 indicator", "all", True),
    Field("group", "group_employees", "number", "Employees of the whole group, abroad included", "persons",
          "group headcount, share of home or parent", above=0),
    Field("sector", "sector", "text", "Industry, in any classification", "", "sector effects (chapters 2 and 5)"),
    Field("size", "size_class", "text", "Size class as the source has it", "", "the long difference apart by class"),
    Field("weight", "sampling_weight", "number", "Sampling weight", "firms represented", "weights in all estimates",
          above=0),
    Field("manufacturing", "manufacturing", "flag", "1 if the firm is a manufacturer", "0/1 indicator",
          "covariate (chapter 3), subsample (chapter 5)"),
    Field("reorganised", "reorganised", "flag", "1 if the firm is or became a holding company", "0/1 indicator",
          "subsample (chapter 5)"),
    Field("total_assets", "total_assets_yen", "number", "Total assets", "any one currency", "covariate (chapter 3)",
          above=0),
    Field("operating_income", "operating_income_yen", "number", "Operating income", "as total assets",
          "covariate (chapter 3): profitability, with total assets"),
    Field("pay", "average_pay_yen", "number", "Average pay of the staff (home or parent)", "any one currency, a year",
          "covariate (chapter 3)", above=0),
    Field("age", "average_age", "number", "Average age of the staff (home or parent)", "years", "covariate (chapter 3)",
          minimum=14, maximum=100),
)
BY_NAME = {f.name: f for f in FIELDS}
STAFF = ("home", "parent")  # one of the two is needed; the first given is analysed
WEIGHT = BY_NAME["weight"].column


def required(f: Field) -> str:
    """Whether the field must be there: "yes", "no", or which other may stand for it."""
    if f.name in STAFF:
        return "this or " + next(name for name in STAFF if name != f.name)
    return "yes" if f.required else "no"


# --------------------------------------------------------------------------------------------- the schema in pandera
def _pandera():
    """pandera, which knows the two checks that it lacks: `finite` and `whole`."""
    import pandera.pandas
    from pandera.extensions import register_check_method

    if not hasattr(pandera.pandas.Check, "whole"):
        register_check_method(check_type="vectorized")(finite)
        register_check_method(check_type="vectorized")(whole)
    return pandera.pandas


def finite(cells: pd.Series) -> pd.Series:
    """Which numbers are not infinite."""
    return pd.Series(np.isfinite(cells), index=cells.index)


def whole(cells: pd.Series) -> pd.Series:
    """Which numbers have no decimals."""
    return cells % 1 == 0


def _column(f: Field) -> object:
    """The field as a column of pandera's."""
    pa = _pandera()
    checks = [] if f.kind == "text" else [pa.Check.finite()]
    if f.kind == "flag":
        checks.append(pa.Check.isin([0, 1]))
    if f.kind == "year":
        checks.append(pa.Check.whole())
    if f.above is not None:
        checks.append(pa.Check.greater_than(f.above))
    if f.minimum is not None:
        checks.append(pa.Check.in_range(f.minimum, f.maximum))
    return pa.Column(DTYPES[f.kind], checks, nullable=not f.filled, required=f.required, coerce=True, title=f.title,
                     description=f"{f.expected}; used for: {f.use}")


def schema(path: str | Path | None = None) -> DataFrameSchema:
    """The schema of a panel as a pandera `DataFrameSchema`, in the names of the fields.

    Add columns and checks of your own (`add_columns`, `update_column`) and give it to `check`; keep it with
    `to_yaml("mine.yml")`, and read it again with `schema("mine.yml")` (both need pyyaml). It says what a value may be.
    How cells are read, and what only several rows or several fields show (one of `home` and `parent`, a status that
    never differs), is `check`'s part.
    """
    return deepcopy(_book()) if path is None else _pandera().DataFrameSchema.from_yaml(Path(path))


@cache
def _book() -> DataFrameSchema:
    """The book's own schema, made once."""
    pa = _pandera()
    return pa.DataFrameSchema({f.name: _column(f) for f in FIELDS}, unique=list(KEYS),
                              report_duplicates="exclude_first", name="firm panel", coerce=True)


def complete(given: DataFrameSchema | None) -> DataFrameSchema:
    """A reader's schema with all that the book's own asks: its columns and checks hold beside the reader's.

    Of the reader's, columns, checks, parsers and `unique` count; the type of a field of the book stays the book's.
    """
    ours = _book()
    if given is None:
        return ours
    pa = _pandera()
    columns = dict(ours.columns)
    for name, theirs in given.columns.items():
        if name in columns:
            mine = columns[name]
            more = [check for check in theirs.checks if not _ours(name, check)]
            columns[name] = pa.Column(mine.dtype, [*mine.checks, *more], parsers=theirs.parsers, coerce=True,
                                      nullable=mine.nullable and theirs.nullable, title=theirs.title or mine.title,
                                      required=mine.required or theirs.required, metadata=theirs.metadata,
                                      description=theirs.description or mine.description)
        else:
            columns[name] = theirs
    checks, keys = list(given.checks), list(given.unique or KEYS)
    if keys != list(KEYS):
        checks.append(pa.Check(lambda rows: ~rows.duplicated(keys), error=f"one row for each {' and '.join(keys)}"))
    return pa.DataFrameSchema(columns, checks=checks, parsers=given.parsers, unique=ours.unique,
                              report_duplicates="exclude_first", name=given.name)


@dataclass(frozen=True)
class Broken:
    """A rule of the schema that rows break.

    `field`: None for a rule on several. `rule`: "empty", "endless", "range" or "twice" (a key), else "other" and the
    rule in `words`. `rows` are positions from 0, `found` the first value; both are empty where the rule names none.
    """

    field: str | None
    rule: str
    words: str
    rows: tuple[int, ...] = ()
    found: object = None


def _kept(f: Field, cells: pd.Series) -> bool:
    """Whether all cells keep the field's rules, those of `_column`."""
    known = cells.dropna()
    if f.filled and len(known) < len(cells):
        return False
    if f.kind == "text":
        return True
    numbers = known.to_numpy(float)
    return bool(np.isfinite(numbers).all() and (f.kind != "flag" or np.isin(numbers, (0, 1)).all())
                and (f.kind != "year" or (numbers % 1 == 0).all()) and (f.above is None or (numbers > f.above).all())
                and (f.minimum is None or ((numbers >= f.minimum) & (numbers <= f.maximum)).all()))


def broken(rules: DataFrameSchema | None, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Broken]]:
    """Check read values, rows numbered from 0, against a schema; all that is wrong at once (pandera, lazily).

    Returns the rows as the schema leaves them (as they are where a rule is broken), and the broken rules. A field that
    is not in `rows` is left out. Where `rules` is None, they are the book's own, and pandera, which takes much longer
    to find nothing than to be spared, is asked only where one is broken.
    """
    if rules is None:
        if set(KEYS) <= set(rows) and all(_kept(BY_NAME[name], rows[name]) for name in rows) and (
                not rows.duplicated(list(KEYS)).any()):
            kinds = {name: DTYPES[BY_NAME[name].kind] for name in rows}
            return rows.assign(**{name: rows[name].astype(kind) for name, kind in kinds.items()
                                  if rows[name].dtype != kind}), []
        rules = _book()
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    absent = [name for name, column in rules.columns.items() if column.required and name not in rows]
    rules = rules.remove_columns(absent) if absent else rules
    try:
        with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            return rules.validate(rows, lazy=True), []
    except SchemaErrors as errors:
        return rows, [_broken(error) for error in errors.schema_errors]


RULES = {"not_nullable": "empty", "finite": "endless", "multiple_fields_uniqueness": "twice"}


def _broken(error: Exception) -> Broken:
    """What one error of pandera's says."""
    check, cases = error.check, error.failure_cases
    name = str(getattr(check, "name", None) or check)
    rows, found = (), None
    if isinstance(cases, pd.DataFrame) and len(cases) and cases["index"].notna().all():
        rows = tuple(sorted({int(row) for row in cases["index"]}))
        found = cases.sort_values("index", kind="stable")["failure_case"].iloc[0]
    field = None if hasattr(error.schema, "columns") else str(error.schema.name)
    if error.reason_code.name == "CHECK_ERROR":
        return Broken(field, "other", f"the check {name!r} can't be run: {cases}")
    if error.reason_code.name in ("DATATYPE_COERCION", "WRONG_DATATYPE"):
        kind = f"expected values of the type {error.schema.dtype}"
        return Broken(field, "type", kind + ("" if rows else f", found {cases}"), rows, found)
    words = getattr(check, "error", None) or getattr(check, "description", None) or name
    known = not isinstance(check, str) and field in BY_NAME and _ours(field, check)
    rule = RULES.get(name) or ("range" if known else "other")
    return Broken(field, rule, f"expected {words}", rows, found)


def _ours(field: str, check: object) -> bool:
    """Whether a check is one that the book's own schema makes of the field."""
    return any((check.name, check.statistics) == (mine.name, mine.statistics) for mine in _book().columns[field].checks)


def said(column: object) -> str:
    """What a value of a reader's column must be, in the words of its checks."""
    words = [str(getattr(check, "error", None) or check.description or check.name) for check in column.checks]
    kind = [f"of the type {column.dtype}"] if column.dtype else []
    return "; ".join([*kind, *words, *([] if column.nullable else ["never empty"])]) or "anything"


def fields(given: DataFrameSchema | None = None) -> pd.DataFrame:
    """The schema as a table: field, what, unit, expected, required, use, column (the library's name).

    With a reader's schema (see `schema`), its own columns follow those of the book, and checks that it adds to a field
    of the book are named under `expected`.
    """
    rules = complete(given)
    rows = []
    for name, column in rules.columns.items():
        f = BY_NAME.get(name)
        more = [check for check in column.checks if f and not _ours(name, check)]
        rows.append({
            "field": name, "what": column.title or "", "unit": f.unit if f else (column.metadata or {}).get("unit", ""),
            "expected": "; ".join([f.expected, *(check.error or check.description or check.name for check in more)])
            if f else said(column), "required": required(f) if f else "yes" if column.required else "no",
            "use": f.use if f else column.description or "your own checks", "column": f.column if f else name})
    return pd.DataFrame(rows)
