"""Firm panels larger than memory: a Parquet or CSV file read through DuckDB, with the aggregation pushed down.

The check is that of `own`, from the same schema. The regressions are exact, not approximations: the two-way effects
need of each firm only the years it is seen in, the year of its start and cross-products of its outcome, so that firms
alike in the first two are one cell; the long difference needs cross-products by sector, and a second pass for its
errors. What needs every row (Callaway–Sant'Anna, weighting, the curve) runs in memory on `LargePanel.fetch`, the firms
that it needs.

DuckDB comes with the extra `large`: pip install '.[large]' in a clone of the book.
"""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from goingglobal import samples
from goingglobal.models import Estimate, ModelError, software_of
from goingglobal.own.analyses import LEFT_OUT, NO_NOISE, ONE, POINTS, enough, need_outcome
from goingglobal.own.check import (
    BY_NAME,
    CHANGES,
    FIELDS,
    KEYS,
    NO_CLASS,
    NO_GROUP,
    NO_ROW,
    NO_VALUE,
    ONE_YEAR,
    PARTS,
    SCALED,
    STAFF,
    THIRDS,
    Fault,
    PanelError,
    alike,
    cells_of,
    check,
    counted,
    gaps,
    mapping_of,
    more_than,
    no_complete,
    no_switch,
    one_status,
    pauses,
    some,
    told,
    twice_over,
)
from goingglobal.own.files import encoding_of, header_of, in_utf8
from goingglobal.samples import SampleError

__all__ = ["Demonstration", "LargePanel", "demonstrate", "generate", "open_panel"]

MOST_YEARS = 60  # a firm's years are bits of a whole number
EMPTY = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")  # what an empty cell of a CSV file may hold
FOUND = 100  # rows at fault that are looked up by number
KINDS = ("starter", "never", "from the first year", "comes and goes")
BLANKS = " \t\r\n\v\f\u00a0\u2003\u2009\u202f\u3000"  # what may stand around a value
DIGITS = 9  # sums run in any order over threads: what is beyond is noise


def _duckdb():
    try:
        import duckdb
    except ImportError:
        raise ModelError("files larger than memory need DuckDB: pip install '.[large]' in a clone") from None
    return duckdb


def _literal(path: str | Path) -> str:
    """A path in SQL that DuckDB takes as it is, though it holds marks of a pattern."""
    return _quoted(re.sub(r"([\[*?])", r"[\1]", str(path)))


def _quoted(text: str, mark: str = "'") -> str:
    return mark + str(text).replace(mark, 2 * mark) + mark


def _connect(folder: str, memory_limit: str, threads: int):
    """A database in a folder of its own, which also takes what does not fit the limit."""
    return _duckdb().connect(str(Path(folder) / "panel.duckdb"), config={
        "memory_limit": memory_limit, "threads": threads, "temp_directory": str(Path(folder) / "spill"),
        "preserve_insertion_order": True})


def open_panel(
    path: str | Path, columns: Mapping[str, str] | None = None, table: str | None = None, memory_limit: str = "1GB",
    threads: int = 2, encoding: str | None = None, decimal: str = ".", thousands: str | None = None,
) -> LargePanel:
    """Open and check a firm panel in a Parquet or CSV file (or files: "folder/*.parquet").

    Parameters: `columns` and `table` as in `own.check`; `memory_limit` of DuckDB ("256MB"), beyond which it works on
    disk, in a temporary folder; `threads`. Of CSV files: `encoding` (default: UTF-8, or UTF-16 and UTF-32 by their
    first bytes; others are copied into UTF-8 in the temporary folder), `decimal` and `thousands`, as in
    `pandas.read_csv`; commas, semicolons, tabs and bars part cells, as the header shows. Columns are found by name, in
    each of several files by its own header; names that differ by case are different.

    Raises `PanelError` with all faults at once, as `own.check` does, and for a file that is not there or can't be read;
    `ModelError` where DuckDB isn't installed.
    """
    panel = LargePanel(path, columns, table, memory_limit, threads, encoding, decimal, thousands)
    try:
        panel._check()
    except BaseException:
        panel.close()
        raise
    return panel


class LargePanel:
    """A checked panel in a file; see `open_panel`. Use it in a `with` statement, or `close` it.

    `cautions`: what is allowed but should be known. `first` and `last`: the panel's years. `staff`: the headcount that
    is analysed beside the group's, "home" where it is given, else "parent".
    """

    def __init__(self, path, columns, table, memory_limit, threads, encoding=None, decimal=".", thousands=None):
        self.path, self.table = Path(path), table or Path(path).name
        self._folder = tempfile.TemporaryDirectory(prefix="goingglobal-")
        self._con, self._text = None, (encoding, decimal, thousands)
        try:
            columns = told(columns, self.table)
            if not (decimal in (".", ",") and thousands != decimal and (thousands is None or len(thousands) == 1)):
                raise self._refusal(None, f"decimal={decimal!r}, thousands={thousands!r}: expected a point or a comma, "
                                    "and another sign, or None, for thousands")
            self._con = _connect(self._folder.name, memory_limit, threads)
            self._read(columns)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> LargePanel:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and remove its folder."""
        if self._con is not None:
            self._con.close()
        self._folder.cleanup()

    # -------------------------------------------------------------------------------------------- reading
    def _read(self, columns: dict[str, str]) -> None:
        """Views `raw` (the file) and `typed` (the schema's fields); faults of the columns themselves."""
        kind = self.path.suffix.lower().lstrip(".")
        if kind not in ("parquet", "csv"):
            raise self._refusal(None, "expected a file .parquet or .csv")
        files = [self.path] if self.path.is_file() else sorted(map(Path, glob.glob(str(self.path), recursive=True)))
        if not files:
            raise self._refusal(None, f"expected the file {self.path.name}; it is not there")
        self._files = [(file, *(self._parquet(file) if kind == "parquet" else self._csv(file, place)))
                       for place, file in enumerate(files)]
        self._faults: list[Fault] = []
        names = self._files[0][1]
        named = cells_of(pd.DataFrame(columns=pd.Index(names, dtype=object)), columns, self.table, self._faults)
        mapped = mapping_of(pd.DataFrame(columns=pd.Index(names, dtype=object)), columns)
        self._fields = {name: mapped[name] for name in named}
        for file, others, _ in self._files[1:]:
            for name, column in self._fields.items():
                if others.count(column) != 1:
                    self._faults.append(Fault(
                        self.table, name, f"expected one column {column!r}, as in {files[0].name!r}; the file has "
                        f"{some(others, 12)}", file=file.name))
        every = dict.fromkeys(name for _, others, _ in self._files for name in others)
        self._ignored = [name or "(no name)" for name in every if name not in set(mapped.values())]
        if self._fields and not any(fault.file for fault in self._faults):
            views = [self._typed(names, reader, place) for place, (_, names, reader) in enumerate(self._files)]
            self._sql("CREATE VIEW typed AS " + " UNION ALL ".join(f"SELECT * FROM {view}" for view in views))
        elif self._faults:
            raise PanelError(self.table, self._faults)

    def _typed(self, names: list[str], reader: str, place: int) -> str:
        """A view of one file with the schema's fields, each as what it must be and as text. Its name."""
        self._sql(f"CREATE VIEW raw{place} AS SELECT * FROM {reader}")
        types = [row[0] for row in self._sql(f"SELECT column_type FROM (DESCRIBE raw{place})").fetchall()]
        decimal, thousands = self._text[1:]
        parts = []
        for f in FIELDS:
            if f.name not in self._fields:
                continue
            at = names.index(self._fields[f.name])
            column, kind = f"c{at}", types[at]
            number = re.match(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL|BOOLEAN)", kind)
            if kind in ("DOUBLE", "FLOAT"):
                column = f"nullif({column}, 'NaN')"  # how pandas writes an empty cell
            text = f"nullif(trim(CAST({column} AS VARCHAR), {_quoted(BLANKS)}), '')"
            plain = text
            if thousands:  # taken out only where it parts groups of three
                mark = re.escape(thousands)
                whole = rf"[-+]?\d{{1,3}}({mark}\d{{3}})+({re.escape(decimal)}\d*)?"
                plain = (f"CASE WHEN contains({text}, {_quoted(thousands)}) THEN CASE WHEN regexp_full_match({text}, "
                         f"{_quoted(whole)}) THEN replace({text}, {_quoted(thousands)}, '') END ELSE {text} END")
            if decimal != ".":
                plain = f"CASE WHEN NOT contains({plain}, '.') THEN replace({plain}, {_quoted(decimal)}, '.') END"
            value = f"CAST({column} AS DOUBLE)" if number else f"nullif(TRY_CAST({plain} AS DOUBLE), 'NaN')"
            if f.kind == "text":
                value = column if number and f.name == "firm" and len(self._files) == 1 else text
            elif f.kind == "flag" and not number:
                value = f"coalesce({value}, CASE lower({text}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"
            parts += [f"{value} AS {_quoted(f.name, chr(34))}", f"{text} AS {_quoted(f.name + ' text', chr(34))}"]
        self._sql(f"CREATE VIEW typed{place} AS SELECT {', '.join(parts)} FROM raw{place}")
        return f"typed{place}"

    def _parquet(self, file: Path) -> tuple[list[str], str]:
        """A Parquet file's columns, as they are spelt in it, and how to read it: its columns are c0, c1, …"""
        rows = iter(self._sql(f"SELECT name, num_children FROM parquet_schema({_literal(file)})").fetchall())

        def below(children: int) -> Iterator[str]:
            for _ in range(children):
                name, inner = next(rows)
                yield name
                list(below(inner or 0))

        names = list(below(next(rows)[1] or 0))
        given = ", ".join(f"c{place}" for place in range(len(names)))
        return names, f"read_parquet({_literal(file)}) AS t({given})"

    def _csv(self, file: Path, place: int) -> tuple[list[str], str]:
        """A CSV file's columns, and how to read it: all cells as text, so that no row is guessed away."""
        def refuse(words: str) -> PanelError:
            return PanelError(self.table, [Fault(self.table, None, words, file=file.name)])

        encoding = encoding_of(file, self._text[0], refuse)
        header = header_of(file, encoding)
        if not header.names:
            raise self._refusal(None, NO_ROW)
        source = in_utf8(file, encoding, Path(self._folder.name) / f"utf8-{place}.csv")
        columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(header.names)))
        return list(header.names), (
            f"read_csv({_literal(source)}, auto_detect = false, header = true, skip = {header.skip}, "
            f"delim = {_quoted(header.mark)}, quote = '\"', escape = '\"', columns = {{{columns}}}, "
            f"nullstr = {list(EMPTY)})")

    def _refusal(self, field: str | None, words: str) -> PanelError:
        return PanelError(self.table, [Fault(self.table, field, words)])

    def _sql(self, query: str):
        try:
            return self._con.execute(query)
        except _duckdb().Error as error:
            said = " ".join(str(error).split())
            line = re.search(r"CSV Error on Line: (\d+) (.*?)(?: Possible| LINE|$)", said)
            if line:
                names = [file.name for file, *_ in getattr(self, "_files", ())]
                which = next((name for name in names if name in said), None) if len(names) > 1 else None
                fault = Fault(self.table, None, f"can't be read: {line[2][:200]}", (int(line[1]) - 1,), 1, which)
                raise PanelError(self.table, [fault]) from None
            raise self._refusal(None, f"DuckDB can't read or aggregate it: {said[:300]}") from None

    # -------------------------------------------------------------------------------------------- the check
    def _bad(self, name: str) -> dict[str, str]:
        """Rule → condition of a fault, in SQL, in the order in which `own.check` tries them."""
        f, value = BY_NAME[name], _quoted(name, '"')
        shown = _quoted(name + " text", '"')
        rules = {"empty": f"{shown} IS NULL"} if f.filled else {}
        if f.kind == "text":
            return rules
        endless = f"isinf({value})"
        rules["value"] = f"{value} IS NULL AND {shown} IS NOT NULL"
        rules["endless"] = endless
        wrong = []
        if f.kind == "flag":
            wrong.append(f"{value} NOT IN (0, 1)")
        if f.kind == "year":
            wrong.append(f"{value} <> floor({value})")
        if f.above is not None:
            wrong.append(f"{value} <= {f.above}")
        if f.minimum is not None:
            wrong.append(f"{value} NOT BETWEEN {f.minimum} AND {f.maximum}")
        if wrong:
            rules["range"] = f"NOT {endless} AND ({' OR '.join(wrong)})"
        return rules

    def _placed(self, places: tuple[int, ...]) -> tuple[tuple[int, ...], str | None]:
        """Rows by their number in the file of the first, and its name; in a panel of one file as they are."""
        if len(self._files) == 1 or not places:
            return places, None
        before = 0
        for at, (file, *_) in enumerate(self._files):
            rows = self._sql(f"SELECT count(*) FROM raw{at}").fetchall()[0][0]
            if places[0] <= before + rows:
                return tuple(place - before for place in places if place <= before + rows), file.name
            before += rows
        return places, None

    def _located(self, condition: str, show: str) -> tuple[tuple[int, ...], object, str | None]:
        """The first rows that meet the condition, by number, what the first of them holds, and in which file."""
        found = self._sql(f"""
            SELECT place, {show} FROM (SELECT *, row_number() OVER () AS place FROM typed)
            WHERE {condition} ORDER BY place LIMIT {FOUND}""").fetchall()
        rows, file = self._placed(tuple(int(row[0]) for row in found))
        return rows, found[0][1], file

    def _check(self) -> None:
        faults, cautions = self._faults, []

        def note(field: str | None, words: str, condition: str | None = None, count: int = 0, show: str = "0") -> None:
            rows, _, file = self._located(condition, show) if condition else ((), None, None)
            cautions.append(Fault(self.table, field, words, rows, count, file))

        rules = [(name, rule, condition) for name in self._fields for rule, condition in self._bad(name).items()]
        has = self._fields.__contains__
        self.staff = next(filter(has, STAFF), STAFF[0])
        if all(map(has, STAFF)) and not self._sql(
                "SELECT count(*) FILTER (WHERE home > 0 AND NOT isinf(home)) FROM typed").fetchall()[0][0]:
            self.staff = STAFF[1]
        soft = {(part, more_than(whole)): f'"{part}" > "{whole}" AND NOT isinf("{part}") AND "{whole}" > 0'
                for part, whole in PARTS if has(part) and has(whole)}
        if has("group"):
            soft["group", NO_GROUP] = '"group text" IS NULL'
        for name in (self.staff, "fdi"):
            if has(name):
                soft[name, NO_VALUE] = f'"{name} text" IS NULL'
        for name, words in NO_CLASS.items():
            if has(name):
                soft[name, words] = f'"{name} text" IS NULL'
        total = 0
        if self._fields:
            every = [condition for _, _, condition in rules] + list(soft.values())
            counts = self._sql("SELECT count(*), " + ", ".join(
                f"count(*) FILTER (WHERE {condition})" for condition in every) + " FROM typed").fetchall()[0]
            total = counts[0]
            for (name, rule, condition), count in zip(rules, counts[1:], strict=False):
                if count:
                    rows, found, file = self._located(condition, _quoted(name + " text", '"'))
                    faults.append(Fault(self.table, name, BY_NAME[name].refusal(rule, found), rows, count, file))
            for name in filter(has, ("home", "parent", "group")):
                self._check_scaled(name, faults)
            soft_counts = dict(zip(soft, counts[1 + len(rules):], strict=True))
            if total and set(KEYS) <= set(self._fields):
                self._check_firms(faults, cautions, note, soft, soft_counts)
        if not total and not faults:
            faults.append(Fault(self.table, None, NO_ROW))
        if self._ignored:
            note(None, f"columns that the schema doesn't know are ignored: {some(self._ignored)}")
        if faults:
            raise PanelError(self.table, faults, cautions)
        self.cautions, self.rows = tuple(cautions), total
        self._complete()

    def _check_scaled(self, name: str, faults: list[Fault]) -> None:
        """As `check.scaled`: whole numbers beside numbers of three decimals."""
        part = f'"{name}" > 0 AND NOT isinf("{name}") AND "{name}" <> floor("{name}")'
        thousand = f'round("{name}" * 1000)'
        whole, odd, count, beyond, third, ten, low, high = self._sql(f"""
            SELECT count(*) FILTER ("{name}" = floor("{name}") AND "{name}" > 0),
                   count(*) FILTER ("{name}" = floor("{name}") AND "{name}" > 0 AND "{name}" % 10 <> 0),
                   count(*) FILTER ({part}),
                   count(*) FILTER ({part} AND abs("{name}" * 1000 - {thousand}) >= 1e-6),
                   count(*) FILTER ({part} AND {thousand} % 1000 IN {THIRDS}),
                   count(*) FILTER ({part} AND {thousand} % 10 = 0),
                   min("{name}") FILTER ({part}), max("{name}") FILTER ({part}) FROM typed""").fetchall()[0]
        if whole and count and not beyond and third < count and (ten < count / 2 or odd < whole / 10) and low >= 1 and (
                high < 1000):
            rows, _, file = self._located(part, "0")
            faults.append(Fault(self.table, name, SCALED, rows, count, file))

    def _sound(self) -> str:
        """Rows whose key can be read."""
        f = BY_NAME["year"]
        return f"firm IS NOT NULL AND year BETWEEN {f.minimum} AND {f.maximum} AND year = floor(year)"

    def _check_firms(self, faults, cautions, note, soft, soft_counts) -> None:
        """Faults and cautions that rows show only together; one pass, one group per firm."""
        first, last = self._sql(f"SELECT min(year), max(year) FROM typed WHERE {self._sound()}").fetchall()[0]
        if first is None:
            return
        if last - first >= MOST_YEARS:
            words = f"expected at most {MOST_YEARS} years, found {first:.0f} to {last:.0f}"
            faults.append(Fault(self.table, "year", words))
            return
        bit = f"(1::BIGINT << (year - {first})::INTEGER)"
        changing = [name for name in CHANGES if name in self._fields]
        extra = [f'(count(DISTINCT "{name}") > 1)::INT AS "{name}_moves"' for name in changing]
        fdi = "fdi IN (0, 1)" if "fdi" in self._fields else "false"
        marks = f"bit_or({bit}) FILTER (WHERE {fdi})", f"bit_or({bit}) FILTER (WHERE {fdi} AND fdi = 1)" if (
            "fdi" in self._fields) else "NULL"
        each = f"""SELECT firm, count(*) AS n, bit_or({bit}) AS seen, {marks[0]} AS asked,
            coalesce({marks[1]}, 0) AS abroad {''.join(', ' + e for e in extra)}
            FROM typed WHERE {self._sound()} GROUP BY firm"""
        moves = [f'sum("{name}_moves")' for name in changing]
        row = self._sql(f"""
            SELECT sum(n - bit_count(seen)), count(DISTINCT seen), bit_or(seen),
                   count(*) FILTER (WHERE (seen & (seen + (seen & -seen))) <> 0),
                   count(*) FILTER (WHERE abroad <> 0 AND (abroad & -abroad) > (asked & -asked)),
                   count(*) FILTER (WHERE asked IS NOT NULL AND abroad = 0), bit_or(abroad),
                   count(*) FILTER (WHERE asked IS NOT NULL AND abroad <> asked), count(asked),
                   count(*) FILTER (WHERE abroad <> 0 AND (abroad & -abroad) > (asked & -asked) AND bit_count(abroad)
                       < {samples.MIN_FDI_SHARE} * bit_count(asked & -(abroad & -abroad)))
                   {''.join(', ' + m for m in moves)}
            FROM ({each})""").fetchall()[0]
        twice, _, seen, holes, starters, never, abroad, mixed, asked, broken = row[:10]
        if twice:
            firms = self._sql(f"""SELECT firm FROM ({each}) WHERE n > bit_count(seen)
                ORDER BY firm LIMIT {FOUND}""").fetchall()
            listed = ", ".join(_quoted(firm) if isinstance(firm, str) else str(firm) for firm, in firms)
            rows = self._sql(f"""SELECT place, firm, year FROM (SELECT *, row_number() OVER () AS place FROM typed)
                WHERE firm IN ({listed}) AND {self._sound()} ORDER BY place""").fetchall()
            again = pd.DataFrame(rows, columns=["place", "firm", "year"])
            again = again[again.duplicated(["firm", "year"])]
            one = again.iloc[0]
            places, file = self._placed(tuple(int(p) for p in again["place"]))
            words = twice_over(one["firm"], one["year"])
            faults.append(Fault(self.table, "firm+year", words, places, int(twice), file))
        if int(seen).bit_count() == 1:
            faults.append(Fault(self.table, "year", ONE_YEAR))
        for (name, words), condition in soft.items():
            count = soft_counts[name, words]
            if name == "group" and words == NO_GROUP and not self._sql(
                    'SELECT count("group") FROM typed').fetchall()[0][0]:
                continue
            if count:
                note(name, words, condition, count)
        for place, name in enumerate(changing):
            if row[10 + place]:
                note(name, f"changes over the years in {counted(int(row[10 + place]), 'firm')}: {CHANGES[name]}")
        self._check_spelling(note)
        if holes:
            note("year", gaps(holes))
        if any(fault.field == "fdi" for fault in faults):
            return
        if broken:
            note("fdi", pauses(broken))
        if asked and not abroad:
            faults.append(Fault(self.table, "fdi", one_status(0)))
        elif asked and not mixed and not never:
            faults.append(Fault(self.table, "fdi", one_status(1)))
        elif asked and (not starters or not never):
            note("fdi", no_switch(starters, never))

    def _check_spelling(self, note) -> None:
        """Identifiers that differ only as `check.form_of` has it."""
        if self._sql("SELECT typeof(firm) FROM typed LIMIT 1").fetchall()[0][0] != "VARCHAR":
            return
        form = r"regexp_replace(lower(nfc_normalize(firm)), '[\s_\x{3000}\x{00A0}-]+|\.0$', '', 'g')"
        firms, one, other = self._sql(f"""
            WITH spelt AS (SELECT DISTINCT firm FROM typed WHERE firm IS NOT NULL),
                 forms AS (SELECT firm, coalesce(nullif(ltrim({form}, '0'), ''), '0') AS form FROM spelt)
            SELECT sum(n - 1), arg_min(one, one), arg_min(other, one) FROM (
                SELECT count(*) AS n, min(firm) AS one, max(firm) AS other FROM forms GROUP BY form) WHERE n > 1
            """).fetchall()[0]
        if firms:
            note("firm", alike(int(firms), *sorted((one, other))))

    # -------------------------------------------------------------------------------------------- aggregates
    def _complete(self) -> None:
        """View `panel`: complete rows; the years; whether the group and weights are known."""
        known = f"{self.staff} IS NOT NULL AND fdi IS NOT NULL"
        self.group = "group" in self._fields and bool(self._sql('SELECT count("group") FROM typed').fetchall()[0][0])
        self.weighted = "weight" in self._fields
        if self.group:
            known += ' AND "group" IS NOT NULL'
        self._sql(f"""CREATE VIEW panel AS SELECT firm, year::INTEGER AS year, {self.staff} AS staff,
            fdi::INTEGER AS fdi,
            {'"group"' if self.group else "NULL::DOUBLE"} AS "group",
            {"weight" if self.weighted else "1.0"} AS weight,
            {"coalesce(sector, 'not stated')" if "sector" in self._fields else "'all'"} AS sector
            FROM typed WHERE {known}""")
        first, last = self._sql("SELECT min(year), max(year) FROM panel").fetchall()[0]
        if first is None:
            raise self._refusal(self.staff, no_complete(self.staff))
        self.first, self.last = int(first), int(last)
        self._made: set[str] = set()

    def by_year(self) -> pd.DataFrame:
        """Firms and headcounts by year and FDI status: year, fdi, firms, home or parent (`staff` says which), group.

        In persons; the group's are missing if unknown.
        """
        found = self._sql(f"""SELECT year, fdi, count(*) AS firms, sum(staff) AS {self.staff}, sum("group") AS "group"
            FROM panel GROUP BY year, fdi ORDER BY year, fdi""").df()
        return found.astype({self.staff: float, "group": float})

    def _outcome(self, outcome: str | None) -> str:
        return need_outcome(outcome, self.staff, self.group, self.table)

    def _firms(self, outcome: str) -> str:
        """Table with one row per firm: years seen, years abroad (bits), log headcounts by year. Its name."""
        name, column = f"firms_{outcome}", "group" if outcome == "group" else "staff"
        if name not in self._made:
            bit = f"(1::BIGINT << (year - {self.first}))"
            years = ", ".join(f'max(ln("{column}")) FILTER (WHERE year = {t}) AS y{t}' for t in self.years)
            self._sql(f"""CREATE TABLE {name} AS
                SELECT firm, bit_or({bit}) AS seen, coalesce(bit_or({bit}) FILTER (WHERE fdi = 1), 0) AS abroad,
                       arg_min(weight, year) AS weight, {years}
                FROM panel GROUP BY firm""")
            self._made.add(name)
        return name

    @property
    def years(self) -> range:
        """All years from the first to the last."""
        return range(self.first, self.last + 1)

    _KIND = f"""CASE WHEN abroad = 0 THEN 'never'
        WHEN (abroad & -abroad) > (seen & -seen)
             AND bit_count(abroad) >= {samples.MIN_FDI_SHARE} * bit_count(seen & -(abroad & -abroad)) THEN 'starter'
        WHEN (abroad & -abroad) = (seen & -seen) THEN 'from the first year' ELSE 'comes and goes' END"""

    def first_fdi(self) -> pd.DataFrame:
        """Firms by kind and first year with FDI: kind (starter, never, …), first_fdi (missing for never), firms.

        A starter is defined as in `samples.starters`.
        """
        start = f"{self.first} + bit_count((abroad & -abroad) - 1)"
        return self._sql(f"""SELECT {self._KIND} AS kind, CASE WHEN abroad <> 0 THEN {start} END AS first_fdi,
            count(*) AS firms FROM {self._firms(self.staff)} GROUP BY ALL ORDER BY ALL""").df()

    def cells(self, outcome: str | None = None, trim: float | None = None) -> pd.DataFrame:
        """What the two-way effects need of starters and never-investors: one row per years seen and year of start.

        Columns: seen (bits), start (place of the first year with FDI; −1 for never), n, w (Σ weight), v (Σ weight²),
        and for the firms' own deviations of the log headcount, by year a: w_a (Σ weight·y), v_a (Σ weight²·y) and, by
        pair of years, q_a_b (Σ weight²·y·y). Firms seen once say nothing and are left out.
        """
        name, places = self._firms(self._outcome(outcome)), list(enumerate(self.years))
        jumps = ", ".join(
            f"abs(coalesce({', '.join(f'(y{t} - y{s}) / {t - s}' for s in range(t - 1, self.first - 1, -1))}))"
            for t in self.years if t > self.first)
        jump = f"coalesce(greatest({jumps}), 0)" if len(places) > 2 else f"coalesce({jumps}, 0)"
        keep = "" if trim is None else f"AND {jump} < {trim}"
        mean = "(" + " + ".join(f"coalesce(y{t}, 0)" for t in self.years) + ") / bit_count(seen)"
        d = ", ".join(f"coalesce(y{t} - mean, 0) AS d{a}" for a, t in places)
        sums = [f"sum(weight * d{a}) AS w_{a}, sum(weight * weight * d{a}) AS v_{a}" for a, _ in places]
        sums += [f"sum(weight * weight * d{a} * d{b}) AS q_{a}_{b}" for a, _ in places for b, _ in places if a <= b]
        return self._sql(f"""
            WITH kept AS (SELECT *, {self._KIND} AS kind, {mean} AS mean FROM {name}
                          WHERE bit_count(seen) > 1 {keep}),
                 own AS (SELECT seen, weight, CASE WHEN kind = 'never' THEN -1
                                ELSE bit_count((abroad & -abroad) - 1) END AS start, {d}
                         FROM kept WHERE kind IN ('never', 'starter'))
            SELECT seen, start, count(*) AS n, sum(weight) AS w, sum(weight * weight) AS v, {', '.join(sums)}
            FROM own GROUP BY seen, start ORDER BY seen, start""").df()

    def starters_effect(self, outcome: str | None = None, trim: float | None = None) -> Estimate:
        """Starters against never-investors with firm and year effects: `own.starters_effect` from cells, exact.

        A firm's first sampling weight counts in all its years. Raises `SampleError` without starters or
        never-investors, `ModelError` where the start is collinear with the years.
        """
        outcome = self._outcome(outcome)
        cells = self.cells(outcome, trim)
        limit = "untrimmed" if trim is None else f"largest yearly log change below {trim:g}"
        sample = f"starters and never-investors of {self.table}, {outcome} headcount, {limit}"
        starters = int(cells.loc[cells["start"] >= 0, "n"].sum())
        if not starters or starters == cells["n"].sum():
            raise SampleError(f"sample {sample!r}: {starters} starters and {int(cells['n'].sum()) - starters} controls")
        enough(starters, int(cells["n"].sum()) - starters, sample, ("starters", "never-investors seen twice or more"))
        value, error, n, groups = two_way_from_cells(cells, len(self.years))
        kinds = self.first_fdi().groupby("kind")["firms"].sum()
        compared = int(kinds.get("starter", 0) + kinds.get("never", 0))
        gone = {"with FDI from their first year on": int(kinds.get("from the first year", 0)),
                f"with a later start, but FDI in fewer than {100 * samples.MIN_FDI_SHARE:.0f} % of the years since":
                    int(kinds.get("comes and goes", 0)),
                "seen in one year only" + ("" if trim is None else ", or whose log headcount jumps by "
                                           f"{trim:g} or more a year"): compared - groups}
        method = f"firm and year fixed effects from {len(cells):,} cells, CR1 errors by firm"
        return self._estimate(value, error, n, groups, groups - 1, "log points", sample, method, "post", gone)

    def long_difference(
        self, outcome: str | None = None, limit: float | None = samples.JUMP_LIMIT, first: int | None = None,
        last: int | None = None,
    ) -> Estimate:
        """Yearly growth of firms with FDI in the first year against the others: `own.long_difference`, exact.

        Raises `SampleError` where no firm is seen in both years, `ModelError` where FDI doesn't vary within sectors.
        """
        first, last = first or self.first, last or self.last
        column = "group" if self._outcome(outcome) == "group" else "staff"
        years = last - first
        if years < 1:
            raise SampleError(f"{self.table}: long difference from {first} to {last}; a later last year expected")
        self._sql(f"""CREATE OR REPLACE TABLE differences AS
            WITH ends AS (SELECT firm, max(fdi) FILTER (WHERE year = {first}) AS x0,
                     max(ln(staff)) FILTER (WHERE year = {first}) AS x1,
                     max(sector) FILTER (WHERE year = {first}) AS sector,
                     max(weight) FILTER (WHERE year = {first}) AS w,
                     100.0 / {years} * (max(ln(staff)) FILTER (WHERE year = {last})
                                        - max(ln(staff)) FILTER (WHERE year = {first})) AS growth,
                     100.0 / {years} * (max(ln("{column}")) FILTER (WHERE year = {last})
                                        - max(ln("{column}")) FILTER (WHERE year = {first})) AS y
                     FROM panel WHERE year IN ({first}, {last}) GROUP BY firm)
            SELECT * FROM ends WHERE growth IS NOT NULL {'' if limit is None else f'AND abs(growth) < {limit}'}""")
        firms, begun, both = self._sql(f"""SELECT (SELECT count(DISTINCT firm) FROM panel),
            (SELECT count(DISTINCT firm) FROM panel WHERE year = {first}),
            (SELECT count(*) FROM panel a JOIN panel b USING (firm) WHERE a.year = {first} AND b.year = {last})
            """).fetchall()[0]
        names = ("x0", "x1", "y")
        sums = [f"sum(w * {a}) AS {a}" for a in names]
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i:]]
        sums += [f"sum(w * {a} * {b}) AS {a}_{b}" for a, b in pairs]
        self._sql(f"CREATE OR REPLACE TABLE sectors AS SELECT sector, count(*) AS n, sum(w) AS w, {', '.join(sums)} "
                  "FROM differences GROUP BY sector")
        by = self._sql("SELECT * FROM sectors ORDER BY sector").df()
        sample = f"{self.table} in {first} and {last}"
        sample += "" if limit is None else f", |{self.staff} growth| < {limit:g}"
        if by.empty:
            raise SampleError(f"sample {sample!r} has no rows")
        abroad, at_home = self._sql("""SELECT sum(x0), sum(1 - x0) FROM differences""").fetchall()[0]
        if not abroad or not at_home:
            which = "all firms have" if abroad else "no firm has"
            raise SampleError(f"{self.table}: {which} FDI in {first} among the {int(by['n'].sum()):,} compared "
                              f"({sample}); where it differs in a later year, say first=")
        sides = self._sql("""SELECT coalesce(sum(x0), 0), coalesce(sum(1 - x0), 0) FROM differences WHERE sector IN (
            SELECT sector FROM differences GROUP BY sector HAVING min(x0) < max(x0))""").fetchall()[0]
        few = enough(int(sides[0]), int(sides[1]), sample, ("firms with FDI", "firms without it in their sectors"), ONE)
        if by["n"].sum() <= 2 + len(by):
            raise ModelError(f"'fdi' on {sample!r}: no degree of freedom left: {by['n'].sum()} rows for {2 + len(by)} "
                             "coefficients")
        moment = {(a, b): float((by[f"{a}_{b}"] - by[a] * by[b] / by["w"]).sum()) for a, b in pairs}
        bread = np.array([[moment["x0", "x0"], moment["x0", "x1"]], [moment["x0", "x1"], moment["x1", "x1"]]])
        if moment["x0", "x0"] < 1e-9 or np.linalg.matrix_rank(bread) < 2:
            raise ModelError(f"OLS on {sample!r}: FDI or size does not vary within sectors")
        slopes = np.linalg.solve(bread, [moment["x0", "y"], moment["x1", "y"]]).tolist()
        meat = self._sql(f"""
            WITH centred AS (SELECT d.w, d.x0 - s.x0 / s.w AS a, d.x1 - s.x1 / s.w AS b, d.y - s.y / s.w AS y
                             FROM differences d JOIN sectors s USING (sector)),
                 left_over AS (SELECT a, b, pow(w * (y - {slopes[0]!r} * a - {slopes[1]!r} * b), 2) AS u FROM centred)
            SELECT sum(u * a * a), sum(u * a * b), sum(u * b * b) FROM left_over""").fetchall()[0]
        n, k = int(by["n"].sum()), 2 + len(by)
        inverse = np.linalg.inv(bread)
        variance = n / (n - k) * inverse @ np.array([[meat[0], meat[1]], [meat[1], meat[2]]]) @ inverse
        gone = {f"not seen in {first}": firms - begun, f"seen in {first} but not in {last}": begun - both,
                f"whose {self.staff} headcount grows or falls by {limit or 0:g} or more a year": both - n}
        return self._estimate(slopes[0], np.sqrt(variance[0, 0]), n, None, n - k, POINTS, sample,
                              "OLS from cross-products by sector, HC1 errors", "fdi", gone, few)

    def _estimate(self, value, error, n, groups, freedom, unit, sample, method, term, gone, few=()) -> Estimate:
        if not (np.isfinite(error) and error > NO_NOISE):
            raise ModelError(f"{term!r} on {sample!r}: its standard error is {error:.2g}, which says nothing; the "
                             "firms leave no noise to judge it by")
        gone = [f"{counted(count, 'firm')} {reason}" for reason, count in gone.items() if count]
        notes = ([LEFT_OUT + "; ".join(gone)] if gone else []) + list(few)
        value, error = (float(f"{number:.{DIGITS}g}") for number in (value, error))
        half = float(stats.t.ppf(0.975, freedom)) * error
        low, high = (float(f"{number:.{DIGITS}g}") for number in (value - half, value + half))
        p = float(f"{2 * stats.t.sf(abs(value / error), freedom):.4g}") if error > 0 else None
        return Estimate(value=value, se=error, ci_low=low, ci_high=high, p=p, n=n, groups=groups,
                        unit=unit, sample=sample, method=method + (", sampling weights" if self.weighted else ""),
                        software=software_of("duckdb"), term=term, notes=tuple(notes))

    def fetch(self, kinds: tuple[str, ...] = ("starter", "never"), never_share: float = 1.0) -> pd.DataFrame:
        """Firms of some kinds (see `first_fdi`) with all their fields, in memory, from `own.check`.

        For what needs every row. `never_share` keeps so large a share of the never-investors, drawn by a checksum of
        the firm's identifier and so the same each time; the table's name says so. Raises `SampleError` for another kind
        and where the share is not above 0 and at most 1; `PanelError` as `own.check` does.
        """
        if not 0 < never_share <= 1:
            raise SampleError(f"never_share {never_share:g}: expected a share above 0, at most 1")
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown or not kinds:
            raise SampleError(f"kinds {unknown or kinds}: expected some of {list(KINDS)}")
        draw = "" if never_share == 1 else (  # a share of all checksums, compared as they are written
            f"AND (kind <> 'never' OR substr(md5(CAST(firm AS VARCHAR)), 1, 8) < '{round(2**32 * never_share):08x}')")
        fields = ", ".join(f't."{name}"' for name in self._fields)
        rows = self._sql(f"""
            WITH kept AS (SELECT firm, {self._KIND} AS kind FROM {self._firms(self.staff)})
            SELECT {fields} FROM typed t JOIN kept USING (firm) WHERE kind IN ({', '.join(map(_quoted, kinds))}) {draw}
            ORDER BY firm, year""").df()
        share = "" if never_share == 1 else f", {100 * never_share:g} % of never-investors"
        return check(rows, table=self.table + share)


def two_way_from_cells(cells: pd.DataFrame, years: int) -> tuple[float, float, int, int]:
    """Effect of `post` with firm and year effects from `LargePanel.cells`: value, CR1 error by firm, rows, firms.

    Firms of a cell have the same regressors, so their sums and cross-products say all. Rows and firms, and the factor
    G/(G−1)·(N−1)/(N−K), are as in `pyfixest.feols`. Raises `ModelError` for a collinear start.
    """
    seen = cells["seen"].to_numpy(np.int64)[:, None] >> np.arange(years) & 1
    used = seen.any(axis=0)
    dummies = np.flatnonzero(used)[1:]
    cross, top, designs = np.zeros((1 + len(dummies),) * 2), np.zeros(1 + len(dummies)), []
    for place, row in enumerate(cells.itertuples()):
        here = seen[place] == 1
        x = np.zeros((years, 1 + len(dummies)))
        if row.start >= 0:
            x[row.start:, 0] = 1
        x[dummies, 1 + np.arange(len(dummies))] = 1
        x = np.where(here[:, None], x - x[here].mean(axis=0), 0.0)
        cross += row.w * x.T @ x
        top += x.T @ np.array([getattr(row, f"w_{a}") for a in range(years)])
        designs.append(x)
    if np.linalg.matrix_rank(cross) < len(cross):
        raise ModelError("two-way fixed effects from cells: the start is collinear with the effects")
    slopes = np.linalg.solve(cross, top)
    meat = np.zeros_like(cross)
    for x, row in zip(designs, cells.itertuples(), strict=True):
        fitted, own_sums = x @ slopes, np.array([getattr(row, f"v_{a}") for a in range(years)])
        products = np.array([[getattr(row, f"q_{min(a, b)}_{max(a, b)}") for b in range(years)] for a in range(years)])
        left = products - np.outer(own_sums, fitted) - np.outer(fitted, own_sums) + row.v * np.outer(fitted, fitted)
        meat += x.T @ left @ x
    n, groups, k = int((cells["n"].to_numpy() * seen.sum(axis=1)).sum()), int(cells["n"].sum()), len(cross) + 1
    inverse = np.linalg.inv(cross)
    variance = groups / (groups - 1) * (n - 1) / (n - k) * inverse @ meat @ inverse
    return float(slopes[0]), float(np.sqrt(variance[0, 0])), n, groups


# ------------------------------------------------------------------------------------------------ a generated panel
GENERATED_EFFECT = 0.05  # what a start does to the log home headcount in the generated panel, by construction
GENERATED_YEARS = range(2011, 2021)


def generate(path: str | Path, rows: int, seed: int = 1, memory_limit: str = "256MB", threads: int = 2) -> None:
    """Write a GENERATED firm panel (no firm in it exists) as Parquet: firm, year, home, fdi, sector.

    Ten years a firm. Each number comes from an integer hash of firm, year and `seed` (the 32-bit mix “lowbias32”), so
    the file's contents are the same on every machine and with every version of DuckDB. A tenth of the firms has FDI
    in all years, five in a hundred start in one of the years 2013 to 2018, the others never do; the start moves the
    log home headcount by `GENERATED_EFFECT`. Raises `ModelError` for a number of rows that isn't a multiple of ten.
    """
    years = len(GENERATED_YEARS)
    if rows <= 0 or rows % years:
        raise ModelError(f"a generated panel of {rows} rows: expected a multiple of {years}")
    with tempfile.TemporaryDirectory(prefix="goingglobal-") as folder:
        con = _connect(folder, memory_limit, threads)
        step = "(xor({0}, {0} >> {1}) * {2}) & 4294967295"
        con.execute("CREATE MACRO one(x) AS " + step.format("x", 16, 2146121005))
        con.execute("CREATE MACRO two(x) AS " + step.format("x", 15, 2221713035))
        con.execute("CREATE MACRO mixed(x) AS two(one(((x)::UBIGINT) & 4294967295))")
        con.execute("CREATE MACRO uniform(x) AS (xor(mixed(x), mixed(x) >> 16))::DOUBLE / 4294967296.0")
        key = f"(firm * 16 + {seed} * 1013904223)"
        con.execute(f"""COPY (
            WITH firms AS (
                SELECT firm, uniform({key}) AS kind, uniform({key} + 1) AS size, uniform({key} + 2) AS lucky,
                       (uniform({key} + 3) * 20)::INTEGER AS sector,
                       2013 + floor(uniform({key} + 4) * 6)::INTEGER AS start
                FROM range({rows // years}) r(firm)),
            long AS (
                SELECT *, {GENERATED_YEARS[0]} + t::INTEGER AS year,
                       uniform({key} + 5 + t) - 0.5 AS noise,
                       kind < 0.15 AND kind >= 0.1 AS starts
                FROM firms, range({years}) s(t))
            SELECT firm, year,
                   greatest(1, round(exp(2.5 + 3 * size + 0.02 * (lucky - 0.5) * (year - 2011) + 0.3 * noise
                       + CASE WHEN starts AND year >= start THEN {GENERATED_EFFECT} ELSE 0 END)))::INTEGER AS home,
                   (kind < 0.1 OR (starts AND year >= start))::UTINYINT AS fdi, 'sector ' || sector AS sector
            FROM long) TO {_quoted(str(path))} (FORMAT parquet)""")
        con.close()


@dataclass(frozen=True)
class Demonstration:
    """What a run on a generated panel found, and what it took.

    `peak_mb` is the child process's largest memory; it is no number (NaN) where it can't be measured, as on Windows.
    """

    rows: int
    firms: int
    memory_limit: str
    ceiling_mb: int
    peak_mb: float
    by_year: pd.DataFrame
    first_fdi: pd.DataFrame
    estimates: dict[str, Estimate]


def demonstrate(rows: int = 10_000_000, memory_limit: str = "256MB", ceiling_mb: int = 1000) -> Demonstration:
    """Generate a panel, check and aggregate it in a process of its own, and hold that process to a memory ceiling.

    Raises `ModelError` where the process fails or takes more than `ceiling_mb` megabytes at its peak (all of it: the
    libraries, DuckDB and Python's own). Where memory can't be measured (Windows), none is held to the ceiling.
    """
    _duckdb()
    here = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    ran = subprocess.run([sys.executable, "-m", "goingglobal.own.large", str(rows), memory_limit], capture_output=True,
                         encoding="utf-8", errors="replace", check=False,
                         env={**os.environ, "PYTHONPATH": os.pathsep.join(here)})
    if ran.returncode:
        raise ModelError(f"the generated panel of {rows:,} rows: {(ran.stderr.strip().splitlines() or ['failed'])[-1]}")
    run = json.loads(ran.stdout)
    if run["peak_mb"] > ceiling_mb:
        raise ModelError(f"the generated panel of {rows:,} rows took {run['peak_mb']:.0f} MB, above {ceiling_mb}")
    return Demonstration(
        rows, rows // len(GENERATED_YEARS), memory_limit, ceiling_mb, run["peak_mb"], pd.DataFrame(run["by_year"]),
        pd.DataFrame(run["first_fdi"]),
        {name: Estimate(**{**e, "notes": tuple(e["notes"])}) for name, e in run["estimates"].items()})


def _child(rows: int, memory_limit: str) -> dict:
    from dataclasses import asdict

    with tempfile.TemporaryDirectory(prefix="goingglobal-") as folder:
        path = Path(folder) / "generated.parquet"
        generate(path, rows, memory_limit=memory_limit)
        with open_panel(path, table="generated panel", memory_limit=memory_limit) as panel:
            estimates = {"Long difference": panel.long_difference(),
                         "Starters, firm and year effects": panel.starters_effect()}
            run = {"by_year": panel.by_year().drop(columns="group").to_dict("list"),
                   "first_fdi": panel.first_fdi().to_dict("list"),
                   "estimates": {name: asdict(e) for name, e in estimates.items()}}
    return {**run, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    """The largest resident memory of this process so far, in megabytes.

    Linux tells it of the program that runs; on a Mac what it was started from may count; where neither tells, as on
    Windows, it is no number.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        return int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii", errors="replace"))[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


if __name__ == "__main__":
    print(json.dumps(_child(int(sys.argv[1]), sys.argv[2])))
