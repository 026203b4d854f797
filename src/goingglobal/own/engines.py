"""A reader's panel in an engine: files through embedded DuckDB, or a table of any engine that Ibis reaches.

Either becomes one Ibis table, `Source.rows`, with three columns for each of the schema's fields: its value, or nothing
where it can't be one; its text; and what is wrong with it (`Field.refusal` has the words). It is an expression: nothing
is read before it is asked for, and what is asked for runs in the engine.

Ibis and DuckDB come with the extra `large`: pip install '.[large]' in a clone of the book.
"""

from __future__ import annotations

import glob
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from goingglobal.models import ModelError, software_of
from goingglobal.own.check import NO_ROW, Fault, PanelError, cells_of, mapping_of, some, told
from goingglobal.own.files import encoding_of, header_of, in_utf8
from goingglobal.own.rules import FIELDS, Field
from goingglobal.own.words import INVISIBLE, near

if TYPE_CHECKING:
    from ibis.expr.types import Column, Table

EMPTY = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")  # what an empty cell of a CSV file may hold
# What may stand around a value. As the pattern's own signs: of a plain \f in a query Spark makes the letter.
BLANKS = r"[ \t\r\n\x0b\x0c" + "\u00a0\u2003\u2009\u202f\u3000]+"
NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"  # engines differ in what they cast
ENDLESS = r"^[-+]?inf(inity)?$"
MOST = 1.7976931348623157e308  # the largest number; what is beyond is infinite
RULES = ("empty", "digits", "value", "endless", "range")  # what may be wrong with a cell, as the check reports it
EXACT = 2**53  # whole numbers up to it are exact as decimals


def ibis_or_words() -> Any:
    """The module `ibis`. Raises `ModelError` that says what to install."""
    try:
        import ibis
    except ImportError:
        raise ModelError("files larger than memory need Ibis and DuckDB: pip install '.[large]' in a clone") from None
    return ibis


def duckdb_in(folder: str | Path, memory_limit: str, threads: int) -> Any:
    """DuckDB, embedded, by Ibis, in a folder of its own, which also takes what does not fit the limit."""
    ibis = ibis_or_words()
    try:
        import duckdb  # noqa: F401
    except ImportError:
        raise ModelError("files larger than memory need Ibis and DuckDB: pip install '.[large]' in a clone") from None
    return ibis.duckdb.connect(
        Path(folder) / "panel.duckdb", memory_limit=memory_limit, threads=threads,
        temp_directory=str(Path(folder) / "spill"), preserve_insertion_order=True)


@cache
def _functions() -> dict[str, Any]:
    """Functions that engines have and Ibis, or Ibis for them, doesn't know."""
    udf = ibis_or_words().udf

    @udf.scalar.builtin
    def bit_count(bits: int) -> int: ...

    @udf.agg.builtin
    def bit_or(bits: int) -> int: ...

    @udf.scalar.python
    def goingglobal_md5(text: str) -> str:
        import hashlib

        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    return {"bit_count": bit_count, "bit_or": bit_or, "md5": goingglobal_md5}


def bits_set(bits: Column, width: int) -> Column:
    """How many bits are set, all of them among the lowest `width`."""
    if bits.get_backend().name in ("duckdb", "pyspark"):
        return _functions()["bit_count"](bits)
    return sum(((bits >> place) & 1 for place in range(1, width)), bits & 1)


def any_bit(bits: Column) -> Column:
    """The bits that are set in any row: an aggregate."""
    from ibis.expr import operations

    return bits.bit_or() if bits.get_backend().has_operation(operations.BitOr) else _functions()["bit_or"](bits)


@contextmanager
def _steps() -> Iterator[None]:
    """Queries as nested steps: Ibis would else write a column out wherever it is used again, many times over."""
    options = ibis_or_words().options.sql
    before, options.fuse_selects = options.fuse_selects, False
    try:
        yield
    finally:
        options.fuse_selects = before


def _text(column: Column) -> Column:
    """A column as text without blanks around it; whole decimals without their point."""
    if column.type().is_floating():
        whole = (column % 1 == 0) & (column.abs() < EXACT)
        return whole.ifelse(whole.ifelse(column, 0).cast("int64").cast("string"), column.cast("string"))
    if not column.type().is_string():
        return column.cast("string")
    return column.re_replace(INVISIBLE.pattern, "").re_replace(f"^{BLANKS}|{BLANKS}$", "").nullif("")


def without_nan(column: Column) -> Column:
    """A column of decimals in which NaN, which pandas writes for an empty cell, is nothing; SQLite keeps none."""
    from ibis.expr import operations

    if column.type().is_floating() and column.get_backend().has_operation(operations.IsNan):
        return column.isnan().ifelse(None, column)
    return column


@dataclass(frozen=True)
class Part:
    """One file, or the one table: its `file` (None for a table), its columns' `names`, and `table` with c0, c1, …"""

    file: str | None
    names: list[str]
    table: Table


class Source:
    """A panel in an engine, before it is checked.

    Attributes: `table`, what messages call it; `parts`; `fields`, the schema's fields that it has, each with its
    column; `ignored`, other columns; `bare_numbers`, whether firms are numbers; `faults`, what is wrong with the
    columns themselves; `rows`, see the module; `connection`, Ibis's backend.
    """

    def __init__(
        self, path: object, columns: Mapping[str, str] | None, table: str | None, connection: Any,
        memory_limit: str, threads: int, encoding: str | None, decimal: str, thousands: str | None,
    ):
        ibis = ibis_or_words()
        given = isinstance(path, ibis.Table)
        name = getattr(path.op(), "name", "your panel") if given else str(path)
        self.table = table or (name if given or connection is not None else Path(path).name)
        self.decimal, self.thousands, self.encoding = decimal, thousands, encoding
        self._folder, self._kept, self.connection = None, [], connection
        columns = told(columns, self.table)
        if not (decimal in (".", ",") and thousands != decimal and (thousands is None or len(thousands) == 1)):
            raise self.refusal(None, f"decimal={decimal!r}, thousands={thousands!r}: expected a point or a comma, "
                               "and another sign, or None, for thousands")
        try:
            if given or connection is not None:
                self.parts = [self._of_table(path)]
            else:
                self._folder = tempfile.TemporaryDirectory(prefix="goingglobal-")
                self.connection = duckdb_in(self._folder.name, memory_limit, threads)
                self.parts = self._of_files(Path(path))
            self._name_columns(columns)
        except BaseException:
            self.close()
            raise

    @property
    def folder(self) -> Path | None:
        """Where DuckDB works, beside files; None for a table, whose engine has its own."""
        return Path(self._folder.name) if self._folder else None

    @property
    def software(self) -> str:
        """Which engine makes the sums."""
        name = self.connection.name
        return software_of("duckdb") if name == "duckdb" else f"{name} {self.connection.version}"

    def close(self) -> None:
        """Let go of what was kept; close the embedded database and remove its folder. A reader's connection stays."""
        for kept in self._kept:
            kept.release()
        self._kept.clear()
        if self._folder is not None:
            if self.connection is not None:
                self.connection.disconnect()
            self._folder.cleanup()

    def refusal(self, field: str | None, words: str) -> PanelError:
        """One fault as an error."""
        return PanelError(self.table, [Fault(self.table, field, words)])

    # -------------------------------------------------------------------------------------------- asking the engine
    def _errors(self) -> tuple[type[Exception], ...]:
        """What the engine and Ibis raise."""
        from ibis.common.exceptions import IbisError

        name, own = self.connection.name if self.connection is not None else "", ()
        if name == "duckdb":
            import duckdb

            own = (duckdb.Error,)
        elif name == "sqlite":
            import sqlite3

            own = (sqlite3.Error,)
        elif name == "pyspark":
            from py4j.protocol import Py4JError
            from pyspark.errors import PySparkException

            own = (PySparkException, Py4JError)
        return (IbisError, *own)

    def _in_words(self, error: Exception) -> PanelError:
        said = " ".join(str(error).split())
        line = re.search(r"CSV Error on Line: (\d+) (.*?)(?: Possible| LINE|$)", said)
        if line:
            names = [part.file for part in getattr(self, "parts", ())]
            which = next((name for name in names if name in said), None) if len(names) > 1 else None
            fault = Fault(self.table, None, f"can't be read: {line[2][:200]}", (int(line[1]) - 1,), 1, which)
            return PanelError(self.table, [fault])
        name = {"duckdb": "DuckDB", "sqlite": "SQLite", "pyspark": "Spark"}.get(
            self.connection.name, self.connection.name)
        return self.refusal(None, f"{name} can't read or aggregate it: {said[:300]}")

    def ask(self, expression: Any) -> pd.DataFrame:
        """What an expression gives, in memory: the one way out of the engine. Raises `PanelError` in its words."""
        try:
            with _steps():
                return self.connection.execute(expression)
        except self._errors() as error:
            raise self._in_words(error) from None

    def one(self, expression: Table) -> tuple:
        """The single row of an expression, with None for what is missing."""
        row = self.ask(expression).iloc[0]
        return tuple(None if pd.isna(value) else value for value in row)

    def keep(self, expression: Table) -> Table:
        """A table that the engine makes once and holds until `close`."""
        try:
            with _steps():
                self._kept.append(expression.cache())
        except self._errors() as error:
            raise self._in_words(error) from None
        return self._kept[-1]

    def checksum(self, text: Column) -> Column:
        """MD5 of a text, as it is written; where the engine has none, as SQLite, Python's."""
        from ibis.expr import operations

        if self.connection.has_operation(operations.HexDigest):
            return text.hexdigest("md5")
        return _functions()["md5"](text)

    # -------------------------------------------------------------------------------------------- tables and files
    def _of_table(self, table: object) -> Part:
        if isinstance(table, ibis_or_words().Table):
            self.connection = self.connection or table.get_backend()
        else:
            try:
                known = self.connection.list_tables()
            except self._errors() as error:
                raise self._in_words(error) from None
            if str(table) not in known:
                raise self.refusal(None, f"expected a table {str(table)!r} in {self.connection.name}; it has "
                                   f"{some(sorted(known), 12)}{near(str(table), known)}")
            table = self.connection.table(str(table))
        names = list(table.columns)
        return Part(None, names, table.rename({f"c{place}": name for place, name in enumerate(names)}))

    def _of_files(self, path: Path) -> list[Part]:
        kind = path.suffix.lower().lstrip(".")
        if kind not in ("parquet", "csv"):
            raise self.refusal(None, "expected a file .parquet or .csv")
        files = [path] if path.is_file() else sorted(map(Path, glob.glob(str(path), recursive=True)))
        if not files:
            raise self.refusal(None, f"expected the file {path.name}; it is not there")
        read, parts = self._parquet if kind == "parquet" else self._csv, []
        for place, file in enumerate(files):
            try:
                parts.append(read(file, place))
            except self._errors() as error:
                raise self._in_words(error) from None
        return parts

    def _parquet(self, file: Path, _: int) -> Part:
        """A Parquet file's columns as they are spelt in it; DuckDB tells no upper from lower case."""
        from pyarrow import parquet

        table = self.connection.read_parquet(_literal(file))
        names = parquet.read_schema(file).names
        return Part(file.name, names, table.rename({f"c{at}": name for at, name in enumerate(table.columns)}))

    def _csv(self, file: Path, place: int) -> Part:
        """A CSV file with all cells as text, so that no row is guessed away."""
        def refuse(words: str) -> PanelError:
            return PanelError(self.table, [Fault(self.table, None, words, file=file.name)])

        encoding = encoding_of(file, self.encoding, refuse)
        header = header_of(file, encoding)
        if not header.names:
            raise self.refusal(None, NO_ROW)
        source = in_utf8(file, encoding, self.folder / f"utf8-{place}.csv")
        table = self.connection.read_csv(
            _literal(source), columns={f"c{at}": "VARCHAR" for at in range(len(header.names))}, auto_detect=False,
            header=True, skip=header.skip, delim=header.mark, quote='"', escape='"', nullstr=list(EMPTY))
        return Part(file.name, list(header.names), table)

    # -------------------------------------------------------------------------------------------- the schema's fields
    def _name_columns(self, columns: dict[str, str]) -> None:
        """Which column is which field; `rows`. Raises `PanelError` where they can't be told."""
        self.faults: list[Fault] = []
        first, *others = self.parts
        header = pd.DataFrame(columns=pd.Index(first.names, dtype=object))
        named, mapped = cells_of(header, columns, self.table, self.faults), mapping_of(header, columns)
        self.fields = {name: mapped[name] for name in named}
        for part in others:
            for name, column in self.fields.items():
                if part.names.count(column) != 1:
                    self.faults.append(Fault(
                        self.table, name, f"expected one column {column!r}, as in {first.file!r}; the file has "
                        f"{some(part.names, 12)}", file=part.file))
        every = dict.fromkeys(name for part in self.parts for name in part.names)
        self.ignored = [name or "(no name)" for name in every if name not in set(mapped.values())]
        if self.faults and (not self.fields or any(fault.file for fault in self.faults)):
            raise PanelError(self.table, self.faults)
        self.bare_numbers = self.fields and "firm" in self.fields and all(
            self._column(part, "firm").type().is_numeric() for part in self.parts)
        self._tables = [self._typed(part) for part in self.parts]
        rows = ibis_or_words().union(*self._tables) if len(self._tables) > 1 else self._tables[0]
        # A view spares Ibis to write the rules anew in every query; a reader's engine is left as it is.
        if self._folder and self.fields:
            with _steps():
                rows = self.connection.create_view("panel_rows", rows)
        self.rows = rows

    def _column(self, part: Part, name: str) -> Column:
        return part.table[f"c{part.names.index(self.fields[name])}"]

    def _typed(self, part: Part) -> Table:
        """The part with the schema's fields, step by step; see the module."""
        fields = [f for f in FIELDS if f.name in self.fields]
        numbers = [f for f in fields if f.kind != "text"]
        cells = {f.name: without_nan(self._column(part, f.name)) for f in fields}
        kinds = {name: cell.type() for name, cell in cells.items()}
        table = part.table.select(**{f"{name} cell": cell for name, cell in cells.items()},
                                  **{f"{name} text": _text(cell) for name, cell in cells.items()})
        table = table.mutate(**{f"{f.name} number": self._number(f, table, kinds[f.name]) for f in numbers})
        table = table.mutate(**{f"{f.name} fault": self._fault(f, table, kinds[f.name]) for f in fields})
        values = {}
        for f in fields:
            values[f.name] = table[f"{f.name} text"]
            if f in numbers:
                values[f.name] = table[f"{f.name} fault"].isnull().ifelse(table[f"{f.name} number"], None)
            elif f.name == "firm" and kinds["firm"].is_integer() and len(self.parts) == 1:  # stays a number
                values[f.name] = table["firm cell"]
            values |= {name: table[name] for name in (f"{f.name} text", f"{f.name} fault")}
        return table.select(**values)

    def _number(self, f: Field, table: Table, kind: Any) -> Column:
        """A field's cells as numbers, whatever the schema says of them."""
        if kind.is_numeric() or kind.is_boolean():
            return table[f"{f.name} cell"].cast("float64")
        return self._parsed(f, table[f"{f.name} text"])

    def _fault(self, f: Field, table: Table, kind: Any) -> Column:
        """The name of the first rule that a cell breaks."""
        ibis, cell, text = ibis_or_words(), table[f"{f.name} cell"], table[f"{f.name} text"]
        known, nothing = kind.is_numeric() or kind.is_boolean(), ibis.null("string")
        rules = [((cell if known else text).isnull(), "empty" if f.filled else None)]
        if f.name == "firm" and kind.is_floating():
            rules.append((cell.abs() >= EXACT, "digits"))
        if f.kind == "text":
            return ibis.cases(*((rule, name or nothing) for rule, name in rules), else_=nothing)
        number = table[f"{f.name} number"]
        if kind.is_floating():
            rules.append((number.abs() > MOST, "endless"))
        elif not known:
            rules += [(text.lower().re_search(ENDLESS) | (number.abs() > MOST), "endless"), (number.isnull(), "value")]
        if f.kind == "flag":
            rules.append((number.notin((0, 1)), "range"))
        if f.kind == "year":
            rules.append((number % 1 != 0, "range"))
        if f.above is not None:
            rules.append((number <= f.above, "range"))
        if f.minimum is not None:
            rules.append((~number.between(f.minimum, f.maximum), "range"))
        return ibis.cases(*((rule, name or nothing) for rule, name in rules), else_=nothing)

    def _parsed(self, f: Field, text: Column) -> Column:
        """A text as a number; nothing where it is none."""
        plain = text
        if self.thousands:  # taken out only where it parts groups of three
            mark = re.escape(self.thousands)
            whole = rf"^[-+]?[0-9]{{1,3}}({mark}[0-9]{{3}})+({re.escape(self.decimal)}[0-9]*)?$"
            parted = text.re_search(whole).ifelse(text.replace(self.thousands, ""), None)
            plain = text.contains(self.thousands).ifelse(parted, text)
        if self.decimal != ".":
            plain = plain.contains(".").ifelse(None, plain.replace(self.decimal, "."))
        plain = plain.re_search(NUMBER).ifelse(plain, None)
        if f.kind == "flag":
            word = text.lower()
            plain = word.isin(("true", "false")).ifelse((word == "true").ifelse("1", "0"), plain)
        from ibis.expr import operations

        able = self.connection.has_operation(operations.TryCast)
        return plain.try_cast("float64") if able else plain.cast("float64")

    # -------------------------------------------------------------------------------------------- where a row stands
    def located(
        self, condition: Callable[[Table], Any], show: str, most: int, count: int
    ) -> tuple[tuple[int, ...], object, str | None, str]:
        """The `count` rows that meet a condition: the numbers of the first (`most`), what the first holds in `show`,
        its file, and where it is.

        Rows of a table have no number: there the last, which is empty for files, names firm and year of one of them.
        """
        if self.folder is None:
            keys = [name for name in ("firm", "year") if name in self.fields]
            found = self.rows.filter(condition(self.rows)).select(*dict.fromkeys([*keys, show]))
            row = self.ask(found.order_by(keys).limit(1)).iloc[0]
            firm, year = (row.get(key) for key in ("firm", "year"))
            where = "no firm" if pd.isna(firm) else f"firm {str(firm)!r}"
            where += "" if pd.isna(year) else f" in {year:.0f}"
            return (), row[show], None, f" ({where})" if count == 1 else f" ({count:,} rows, among them {where})"
        numbered = self.numbered()
        found = self.ask(numbered.filter(condition(numbered)).select("part", "place", show).order_by("part", "place")
                         .limit(most))
        rows, file = self.placed(found)
        return rows, found[show].iloc[0], file, ""

    def numbered(self) -> Table:
        """The rows of files with their `place`, from 1 in each file, and the place of their file, `part`."""
        ibis = ibis_or_words()
        tables = [table.mutate(part=ibis.literal(part, "int64"), place=ibis.row_number() + 1)
                  for part, table in enumerate(self._tables)]
        return ibis.union(*tables) if len(tables) > 1 else tables[0]

    def placed(self, found: pd.DataFrame) -> tuple[tuple[int, ...], str | None]:
        """Numbers of the found rows that stand in the file of the first, and, of several, its name."""
        part = int(found["part"].iloc[0])
        rows = found.loc[found["part"] == part, "place"]
        return tuple(map(int, rows)), self.parts[part].file if len(self.parts) > 1 else None


def _literal(path: Path) -> str:
    """A path that DuckDB takes as it is, though it holds marks of a pattern."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))
