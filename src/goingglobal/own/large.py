"""Firm panels larger than memory: files, or a table of any engine that Ibis reaches, with the aggregation pushed down.

The check is that of `own`, from the same schema. The regressions are exact, not approximations: the two-way effects
need of each firm only the years it is seen in, the year of its start and cross-products of its outcome, so that firms
alike in the first two are one cell; the long difference needs cross-products by sector, and a second pass for its
errors. What needs every row (Callaway–Sant'Anna, weighting, the curve) runs in memory on `LargePanel.fetch`, the firms
that it needs; nothing else hands rows out of the engine.

Ibis and DuckDB come with the extra `large`: pip install '.[large]' in a clone of the book.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from goingglobal import samples
from goingglobal.models import Estimate, ModelError
from goingglobal.own.analyses import LEFT_OUT, NO_NOISE, ONE, POINTS, ends, enough, need_outcome
from goingglobal.own.check import (
    CHANGES,
    JUMPS,
    LOST_DIGITS,
    LOST_ZEROS,
    MANY,
    NO_CLASS,
    NO_GROUP,
    NO_ROW,
    NO_VALUE,
    ONE_YEAR,
    PARTS,
    ROUNDED,
    SCALED,
    SEVERAL,
    THIRDS,
    TOTALS,
    Fault,
    PanelError,
    alike,
    check,
    counted,
    gaps,
    leaps,
    more_than,
    no_complete,
    no_switch,
    one_status,
    pauses,
    some,
    twice_over,
)
from goingglobal.own.engines import RULES, Source, any_bit, bits_set, ibis_or_words
from goingglobal.own.generated import GENERATED_EFFECT, firms_of, generate
from goingglobal.own.rules import BY_NAME, KEYS, STAFF
from goingglobal.samples import SampleError

if TYPE_CHECKING:
    from ibis.expr.types import Column, Table

__all__ = ["GENERATED_EFFECT", "Demonstration", "LargePanel", "demonstrate", "generate", "open_panel",
           "peak_mb"]

MOST_YEARS = 60  # a firm's years are bits of a whole number
FOUND = 100  # rows at fault that are looked up by number
KINDS = ("starter", "never", "from the first year", "comes and goes")
SCIENTIFIC = r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$"  # an identifier of which a spreadsheet has cut digits
DIGITS = 9  # sums run in any order over threads and machines: what is beyond is noise
WIDE = {ord("０") + i: ord("0") + i for i in range(10)} | {
    ord(wide) + i: ord(plain) + i for wide, plain in ("Ａa", "ａa") for i in range(26)}


def _faulty(name: str, rule: str, rows: Table) -> Column:
    return rows[f"{name} fault"] == rule


def _keyed(rows: Table) -> Column:
    """Rows whose key can be read."""
    return rows["firm"].notnull() & rows["year"].notnull()


def _missing(name: str, rows: Table, keyed: bool = False) -> Column:
    """Cells that are empty where they may be; of rows whose key can be read."""
    empty = rows[name].isnull() & rows[f"{name} fault"].isnull()
    return empty & _keyed(rows) if keyed else empty


def _in_years(staff: str, by: pd.DataFrame, rows: Table) -> Column:
    """Rows with the most staff of a year, of years in `by`."""
    hits = ((rows["year"] == year) & (rows[staff] == most) for year, most in zip(by["year"], by["most"], strict=True))
    return reduce(or_, hits, ibis_or_words().literal(False))


def _totals(staff: str, by: pd.DataFrame, firms: list, rows: Table) -> Column:
    """Totals of years: where the year has `MANY` other rows, or the firm (of `firms`) is one in all its years."""
    return _in_years(staff, by[by["n"] > MANY], rows) | (_in_years(staff, by, rows) & rows["firm"].isin(firms))


def _above(part: str, whole: str, rows: Table) -> Column:
    return rows[part] > rows[whole]


def open_panel(
    path: Any, columns: Mapping[str, str] | None = None, table: str | None = None, memory_limit: str = "1GB",
    threads: int = 2, encoding: str | None = None, decimal: str = ".", thousands: str | None = None,
    connection: Any = None,
) -> LargePanel:
    """Open and check a firm panel in a Parquet or CSV file (or files: "folder/*.parquet"), or in a table of an engine.

    Parameters: `path`, the file; with `connection` (Ibis's: `ibis.pyspark.connect(session)`, `ibis.postgres.connect()`)
    the name of a table there, or an Ibis table, which brings its own connection. `columns` and `table` as in
    `own.check`.

    Of files: `memory_limit` of the embedded DuckDB ("256MB"), beyond which it works on disk, in a temporary folder;
    `threads`. Text in numbers' columns: `decimal` and `thousands`, as in `pandas.read_csv`. Of CSV files: `encoding`
    (default: UTF-8, or UTF-16 and UTF-32 by their first bytes; others are copied into UTF-8 in the temporary folder);
    commas, semicolons, tabs and bars part cells, as the header shows. Columns are found by name, in each of several
    files by its own header; names that differ by case are different.

    Raises `PanelError` with all faults at once, as `own.check` does, and for a file or table that is not there or can't
    be read; rows of a table have no number, so a fault there names a firm and year. `ModelError` where Ibis or DuckDB
    isn't installed.
    """
    panel = LargePanel(Source(path, columns, table, connection, memory_limit, threads, encoding, decimal, thousands))
    try:
        panel._check()
    except BaseException:
        panel.close()
        raise
    return panel


class LargePanel:
    """A checked panel in an engine; see `open_panel`. Use it in a `with` statement, or `close` it.

    `cautions`: what is allowed but should be known. `first` and `last`: the panel's years. `staff`: the headcount that
    is analysed beside the group's, "home" where it is given, else "parent".
    """

    def __init__(self, source: Source):
        self._source, self.table, self._fields, self._rows = source, source.table, source.fields, source.rows

    def __enter__(self) -> LargePanel:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all that was kept in the engine; close the embedded database and remove its folder."""
        self._source.close()

    # -------------------------------------------------------------------------------------------- the check
    def _has(self, *names: str) -> bool:
        return set(names) <= set(self._fields)

    def _soft(self) -> dict[tuple[str, str], Callable[[Table], Column]]:
        """(field, words) → which rows should be known and are no fault."""
        soft = {(part, more_than(whole)): partial(_above, part, whole) for part, whole in PARTS
                if self._has(part, whole)}
        if self._has("group"):
            soft["group", NO_GROUP] = partial(_missing, "group")
        for name in (*STAFF, "fdi"):
            if self._has(name, *KEYS):
                soft[name, NO_VALUE] = partial(_missing, name, keyed=True)
        return soft | {(name, words): partial(_missing, name) for name, words in NO_CLASS.items() if self._has(name)}

    def _check(self) -> None:
        source, rows, faults, cautions = self._source, self._rows, self._source.faults, []
        soft = self._soft()
        persons = [name for name in ("home", "parent", "group") if self._has(name)]
        asked = {"total": rows.count()} | {f"{name} known": rows[name].count() for name in persons}
        asked |= {f"{name} faults": rows[f"{name} fault"].count() for name in self._fields}
        asked |= {f"{name} parts": rows.count(where=rows[name] % 1 != 0) for name in persons}
        asked |= {f"soft {at}": rows.count(where=condition(rows)) for at, condition in enumerate(soft.values())}
        if self._has(*KEYS):
            asked |= {"first": rows["year"].min(where=_keyed(rows)), "last": rows["year"].max(where=_keyed(rows))}
        if self._has("firm") and rows["firm"].type().is_string():
            asked["rounded"] = rows["firm"].min(where=rows["firm"].re_search(SCIENTIFIC))
        if source.bare_numbers:
            asked |= {"least": rows["firm"].cast("float64").min(), "most": rows["firm"].cast("float64").max()}
        found = dict(zip(asked, source.one(rows.aggregate(**asked)), strict=True)) if self._fields else {"total": 0}
        found = {name: value or 0 if name.startswith("soft") or name.endswith("parts") else value
                 for name, value in found.items()}  # Spark counts none as nothing
        total = int(found["total"])
        self.staff = next(filter(self._has, STAFF), STAFF[0])
        if self._has(*STAFF) and not found["home known"]:
            self.staff = STAFF[1]
        self.group = bool(found.get("group known"))
        for name in self._fields:
            if found[f"{name} faults"]:
                self._tell_faults(name)
        for name in persons:
            if found[f"{name} parts"]:
                self._check_scaled(name)
        if total and self._has(self.staff, *KEYS):
            self._check_totals()
        if total and self._has(*KEYS) and found["first"] is not None:
            passed = {STAFF[STAFF[0] == self.staff], *(() if self.group else ("group",))}  # not analysed, or not known
            self._check_firms(int(found["first"]), int(found["last"]), cautions, [
                (*key, soft[key], int(found[f"soft {at}"])) for at, key in enumerate(soft)
                if found[f"soft {at}"] and not (key[0] in passed and key[1] in (NO_VALUE, NO_GROUP))])
        if not total and not faults:
            faults.append(Fault(self.table, None, NO_ROW))
        if found.get("rounded") is not None:
            cautions.append(Fault(self.table, "firm", ROUNDED.format(found["rounded"])))
        if source.bare_numbers and found["most"] is not None and (
                len(f"{found['least']:.0f}") < len(f"{found['most']:.0f}")):
            cautions.append(Fault(self.table, "firm", LOST_ZEROS))
        if source.ignored:
            words = f"columns that the schema doesn't know are ignored: {some(source.ignored)}"
            cautions.append(Fault(self.table, None, words))
        if faults:
            raise PanelError(self.table, faults, cautions)
        self.cautions, self.rows = tuple(cautions), total
        self._complete()

    def _tell_faults(self, name: str) -> None:
        """A field's faults, rule by rule."""
        rows, source = self._rows, self._source
        counts = source.ask(rows.group_by(rule=rows[f"{name} fault"]).aggregate(n=rows.count()).order_by("rule"))
        counts = counts.dropna().set_index("rule")["n"].to_dict()
        for rule in filter(counts.__contains__, RULES):
            if rule == "digits":
                source.faults.append(Fault(self.table, name, LOST_DIGITS))
                continue
            count = int(counts[rule])
            places, value, file, where = source.located(partial(_faulty, name, rule), f"{name} text", FOUND, count)
            words = BY_NAME[name].refusal(rule, value) + where
            source.faults.append(Fault(self.table, name, words, places, count, file))

    def _check_scaled(self, name: str) -> None:
        """As `check.scaled`: whole numbers beside numbers of three decimals."""
        rows, value = self._rows, self._rows[name]
        part, thousand = value % 1 != 0, (value < 1000).ifelse(value, None) * 1000
        rest = thousand.round()
        found = self._source.one(rows.aggregate(
            whole=rows.count(where=value % 1 == 0), odd=rows.count(where=(value % 1 == 0) & (value % 10 != 0)),
            part=rows.count(where=part), beyond=rows.count(where=part & ((thousand - rest).abs() >= 1e-6)),
            third=rows.count(where=part & (rest % 1000).isin(THIRDS)), ten=rows.count(where=part & (rest % 10 == 0)),
            low=value.min(where=part), high=value.max(where=part)))
        whole, odd, count, beyond, third, ten, low, high = (value or 0 for value in found)
        if whole and count and not beyond and third < count and (ten < count / 2 or odd < whole / 10) and low >= 1 and (
                high < 1000):
            places, _, file, where = self._source.located(lambda rows: rows[name] % 1 != 0, name, FOUND, int(count))
            self._source.faults.append(Fault(self.table, name, SCALED + where, places, int(count), file))

    def _check_firms(
        self, first: int, last: int, cautions: list[Fault], soft: list[tuple[str, str, Callable, int]]
    ) -> None:
        """Faults and cautions that rows show only together; one pass, one group per firm."""
        ibis, faults, ask = ibis_or_words(), self._source.faults, self._source.one
        rows = self._rows.filter(_keyed(self._rows))
        if last - first >= MOST_YEARS:
            faults.append(Fault(self.table, "year", f"expected at most {MOST_YEARS} years, found {first} to {last}"))
            return
        width = last - first + 1
        bit, changing = self._bit(rows, first), [name for name in CHANGES if self._has(name)]
        rows = rows.mutate(**{name: ibis.null("float64") for name in (self.staff, "fdi") if not self._has(name)})
        fdi, staff = rows["fdi"], rows[self.staff]
        known = staff.notnull() & fdi.notnull()
        used = known & rows["group"].notnull() if self.group else known
        firms = rows.group_by("firm").aggregate(
            n=rows.count(), seen=any_bit(bit), asked=any_bit(fdi.notnull().ifelse(bit, None)),
            abroad=ibis.coalesce(any_bit((fdi == 1).ifelse(bit, None)), 0), small=staff.min(), great=staff.max(),
            known=rows.count(where=known), first=rows["year"].min(where=used), last=rows["year"].max(where=used),
            **{f"{name} moves": rows[name].min() < rows[name].max() for name in changing})
        seen, asked, abroad = firms["seen"], firms["asked"], firms["abroad"]
        since = bits_set(asked & -(abroad & -abroad), width)
        starts = (abroad != 0) & ((abroad & -abroad) > (asked & -asked))
        leaping = firms["great"] >= (JUMPS - 1) * firms["small"]  # only these can leap from one row to the next
        row = ask(firms.aggregate(
            rows=firms["n"].sum(), seen=bits_set(seen, width).sum(), years=any_bit(seen),
            holes=firms.count(where=(seen & (seen + (seen & -seen))) != 0), starters=firms.count(where=starts),
            never=firms.count(where=asked.notnull() & (abroad == 0)),
            abroad=any_bit(abroad), mixed=firms.count(where=asked.notnull() & (abroad != asked)),
            asked=asked.count(), leaping=firms.count(where=leaping), broken=firms.count(
                where=starts & (bits_set(abroad, width) < samples.MIN_FDI_SHARE * since)),
            every=firms.count(where=firms["known"] > 0), firms=firms["first"].count(), first=firms["first"].min(),
            last=firms["last"].max(), **{name: firms.count(where=firms[f"{name} moves"]) for name in changing}))
        *row, every, self._firms_seen, self.first, self.last = (int(value or 0) for value in (
            *row[:11], *row[15:], *row[11:15]))
        self._without_group = every - self._firms_seen
        number, single, years, holes, starters, never, abroad_in, mixed, asked_of, leaping_firms, broken, *moves = row
        if number > single:
            self._check_twice(firms.filter(firms["n"] > bits_set(firms["seen"], width)), number - single)
        if years.bit_count() == 1:
            faults.append(Fault(self.table, "year", ONE_YEAR))
        for name, words, condition, count in soft:
            places, _, file, where = self._source.located(condition, name, FOUND, count)
            cautions.append(Fault(self.table, name, words + where, places, count, file))
        for name, moved in zip(changing, moves, strict=True):
            if moved:
                words = f"changes over the years in {counted(moved, 'firm')}: {CHANGES[name]}"
                cautions.append(Fault(self.table, name, words))
        if rows["firm"].type().is_string():
            self._check_spelling(cautions)
        if leaping_firms:
            self._check_leaps(rows.semi_join(firms.filter(leaping), "firm"), cautions)
        if holes:
            cautions.append(Fault(self.table, "year", gaps(holes)))
        if any(fault.field == "fdi" for fault in faults):
            return
        if broken:
            cautions.append(Fault(self.table, "fdi", pauses(broken)))
        if asked_of and not abroad_in:
            faults.append(Fault(self.table, "fdi", one_status(0)))
        elif asked_of and not mixed and not never:
            faults.append(Fault(self.table, "fdi", one_status(1)))
        elif asked_of and (not starters or not never):
            cautions.append(Fault(self.table, "fdi", no_switch(starters, never)))

    def _check_totals(self) -> None:
        """As `check` does: rows that hold the sum of all others, of their year or of all."""
        rows, ask, staff = self._rows, self._source.ask, self.staff
        known = rows.filter(rows[staff] > 0)
        by = ask(known.group_by("year").aggregate(n=known.count(), sum=known[staff].sum(), most=known[staff].max()))
        most = float(by["most"].max()) if len(by) else 0.0
        of_all = by["n"].sum() > MANY and 2 * most == by["sum"].sum()
        by = by[(by["n"] > SEVERAL) & (2 * by["most"] == by["sum"])].dropna()
        if len(by):
            firms = known.filter(_in_years(staff, by, known)).group_by("firm").aggregate(hits=ibis_or_words()._.count())
            sizes = rows.group_by("firm").aggregate(rows=rows.count())
            each = ask(firms.join(sizes, "firm"))
            whole = each.loc[(each["hits"] == each["rows"]) & (each["rows"] > 1), "firm"].tolist()
            self._fault_of_totals(partial(_totals, staff, by, whole), " of the year")
        if of_all:
            self._fault_of_totals(lambda rows: rows[staff] == most, "")

    def _fault_of_totals(self, condition: Callable[[Table], Column], words: str) -> None:
        count = int(self._source.ask(self._rows.count(where=condition(self._rows))))
        if count:
            places, _, file, where = self._source.located(condition, self.staff, FOUND, count)
            self._source.faults.append(
                Fault(self.table, self.staff, TOTALS.format(words) + where, places, count, file))

    def _check_twice(self, firms: Table, count: int) -> None:
        """The fault of firm-years that stand twice."""
        source = self._source
        some_firms = source.ask(firms.select("firm").order_by("firm").limit(FOUND))["firm"].tolist()
        rows = self._rows.filter(_keyed(self._rows) & self._rows["firm"].isin(some_firms))
        if source.folder is None:
            twice = rows.group_by("firm", "year").aggregate(n=rows.count())
            one = source.ask(twice.filter(twice["n"] > 1).order_by("firm", "year").limit(1)).iloc[0]
            places, file = (), None
        else:
            rows = source.numbered()
            rows = rows.filter(rows["firm"].isin(some_firms) & rows["year"].notnull())
            again = source.ask(rows.select("part", "place", "firm", "year").order_by("part", "place"))
            again = again[again.duplicated(["firm", "year"])]
            one = again.iloc[0]
            places, file = source.placed(again)
        words = twice_over(one["firm"], one["year"])
        source.faults.append(Fault(self.table, "firm+year", words, places, count, file))

    def _check_leaps(self, rows: Table, cautions: list[Fault]) -> None:
        """Headcounts that can't be of one unit, as `own.check` finds them."""
        ibis = ibis_or_words()
        known = rows.filter(rows[self.staff].notnull()).select("firm", "year", staff=rows[self.staff].ln())
        before = known["staff"].lag().over(ibis.window(group_by="firm", order_by="year"))
        steps = known.mutate(step=(known["staff"] - before).abs())
        firms = self._source.ask(steps.filter(steps["step"] >= math.log(JUMPS))["firm"].nunique())
        if firms:
            cautions.append(Fault(self.table, self.staff, leaps(int(firms))))

    def _check_spelling(self, cautions: list[Fault]) -> None:
        """Identifiers that differ only as `check.form_of` has it."""
        ibis, rows = ibis_or_words(), self._rows
        wide, plain = ("".join(map(chr, letters)) for letters in (WIDE, WIDE.values()))
        firms = rows.filter(rows["firm"].notnull()).select("firm").distinct()
        form = firms["firm"].translate(wide, plain).lower().re_replace("[\\s_\u00a0\u3000-]+|\\.0$", "")
        firms = firms.mutate(form=ibis.coalesce(form.re_replace("^0+", "").nullif(""), "0"))
        forms = firms.group_by("form").aggregate(n=firms.count(), one=firms["firm"].min(), other=firms["firm"].max())
        forms = forms.filter(forms["n"] > 1)
        more = self._source.ask((forms["n"] - 1).sum())
        if not pd.isna(more) and more:
            pair = self._source.ask(forms.order_by("one").limit(1)).iloc[0]
            cautions.append(Fault(self.table, "firm", alike(int(more), *sorted((pair["one"], pair["other"])))))

    @staticmethod
    def _bit(rows: Table, first: int) -> Column:
        """The row's year as a bit; a shifted 1 would have 32 bits on Spark."""
        return (ibis_or_words().literal(2.0) ** (rows["year"] - first)).cast("int64")

    # -------------------------------------------------------------------------------------------- aggregates
    def _complete(self) -> None:
        """Table `panel`: complete rows; whether weights are known."""
        ibis, rows = ibis_or_words(), self._rows
        known = rows[self.staff].notnull() & rows["fdi"].notnull()
        used = known & rows["group"].notnull() if self.group else known
        self.weighted = self._has("weight")
        self._panel = rows.filter(used).select(
            "firm", year=rows["year"].cast("int64"), staff=rows[self.staff], fdi=rows["fdi"].cast("int64"),
            group=rows["group"] if self.group else ibis.null("float64"),
            weight=rows["weight"] if self.weighted else used.cast("float64"),  # Spark takes a plain 1.0 for a decimal
            sector=ibis.coalesce(rows["sector"], "not stated") if self._has("sector") else ibis.literal("all"))
        if not self._firms_seen:
            raise self._source.refusal(self.staff, no_complete(self.staff))
        self._made: dict[str, Table] = {}
        self._years: pd.DataFrame | None = None

    def by_year(self) -> pd.DataFrame:
        """Firms and headcounts by year and FDI status: year, fdi, firms, home or parent (`staff` says which), group.

        In persons; the group's are missing if unknown.
        """
        panel = self._panel
        if self._years is None:
            self._years = self._source.ask(panel.group_by("year", "fdi").aggregate(
                firms=panel.count(), staff=panel["staff"].sum(), group=panel["group"].sum()).order_by("year", "fdi"))
        return self._years.rename(columns={"staff": self.staff}).astype({self.staff: float, "group": float})

    def _outcome(self, outcome: str | None) -> str:
        return need_outcome(outcome, self.staff, self.group, self.table)

    def _firms(self, outcome: str) -> Table:
        """One row per firm: years seen, years abroad (bits), log headcounts by year."""
        if outcome not in self._made:
            ibis, panel = ibis_or_words(), self._panel
            column, bit = panel["group" if outcome == "group" else "staff"], self._bit(panel, self.first)
            self._made[outcome] = self._source.keep(panel.group_by("firm").aggregate(
                seen=any_bit(bit), abroad=ibis.coalesce(any_bit((panel["fdi"] == 1).ifelse(bit, None)), 0),
                weight=panel["weight"].argmin(panel["year"]),
                **{f"y{year}": column.max(where=panel["year"] == year).ln() for year in self.years}))
        return self._made[outcome]

    @property
    def years(self) -> range:
        """All years from the first to the last."""
        return range(self.first, self.last + 1)

    def _count(self, bits: Column) -> Column:
        return bits_set(bits, len(self.years))

    def _kinds(self, firms: Table) -> Table:
        """The firms with their kind, one of `KINDS`, and the place of their first year with FDI."""
        ibis, seen, abroad = ibis_or_words(), firms["seen"], firms["abroad"]
        start, lasting = abroad & -abroad, self._count(abroad) >= (
            samples.MIN_FDI_SHARE * self._count(seen & -(abroad & -abroad)))
        kind = ibis.cases((abroad == 0, "never"), ((start > (seen & -seen)) & lasting, "starter"),
                          (start == (seen & -seen), "from the first year"), else_="comes and goes")
        return firms.mutate(kind=kind, start=self._count(start - 1))

    def first_fdi(self) -> pd.DataFrame:
        """Firms by kind and first year with FDI: kind (starter, never, …), first_fdi (missing for never), firms.

        A starter is defined as in `samples.starters`.
        """
        firms = self._kinds(self._firms(self.staff))
        firms = firms.mutate(first_fdi=(firms["kind"] == "never").ifelse(None, firms["start"] + self.first))
        found = self._source.ask(firms.group_by("kind", "first_fdi").aggregate(firms=firms.count()))
        return found.sort_values(["kind", "first_fdi"]).reset_index(drop=True)

    def cells(self, outcome: str | None = None, trim: float | None = None) -> pd.DataFrame:
        """What the two-way effects need of starters and never-investors: one row per years seen and year of start.

        Columns: seen (bits), start (place of the first year with FDI; −1 for never), n, w (Σ weight), v (Σ weight²),
        and for the firms' own deviations of the log headcount, by year a: w_a (Σ weight·y), v_a (Σ weight²·y) and, by
        pair of years, q_a_b (Σ weight²·y·y). Firms seen once say nothing and are left out.
        """
        ibis, firms = ibis_or_words(), self._firms(self._outcome(outcome))
        firms, places = firms.filter(self._count(firms["seen"]) > 1), list(enumerate(self.years))
        if trim is not None:
            jumps = [ibis.coalesce(*((firms[f"y{t}"] - firms[f"y{s}"]) / (t - s)
                                     for s in range(t - 1, self.first - 1, -1)), 0.0).abs()
                     for t in self.years if t > self.first]
            firms = firms.filter(~reduce(or_, (jump >= trim for jump in jumps), ibis.literal(False)))
        firms = self._kinds(firms)
        firms = firms.filter(firms["kind"].isin(("never", "starter")))
        firms = firms.mutate(mean=sum((firms[f"y{t}"].fill_null(0.0) for t in self.years), ibis.literal(0.0))
                             / self._count(firms["seen"]))
        own = firms.select("seen", "weight", start=(firms["kind"] == "never").ifelse(-1, firms["start"]),
                           **{f"d{a}": (firms[f"y{t}"] - firms["mean"]).fill_null(0.0) for a, t in places})
        w, d = own["weight"], [own[f"d{a}"] for a, _ in places]
        sums = {f"{name}_{a}": (factor * d[a]).sum() for a, _ in places for name, factor in (("w", w), ("v", w * w))}
        sums |= {f"q_{a}_{b}": (w * w * d[a] * d[b]).sum() for a, _ in places for b, _ in places if a <= b}
        return self._source.ask(own.group_by("seen", "start").aggregate(
            n=own.count(), w=w.sum(), v=(w * w).sum(), **sums).order_by("seen", "start"))

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
        gone = {"without a group headcount": self._without_group,
                "with FDI from their first year on": int(kinds.get("from the first year", 0)),
                f"with a later start, but FDI in fewer than {100 * samples.MIN_FDI_SHARE:.0f} % of the years since":
                    int(kinds.get("comes and goes", 0)),
                "seen in one year only" + ("" if trim is None else ", or whose log headcount jumps by "
                                           f"{trim:g} or more a year"): compared - groups}
        method = f"firm and year fixed effects from {len(cells):,} cells, CR1 errors by firm"
        return self._estimate(value, error, n, groups, groups - 1, "log points", sample, method, "post", gone)

    def _differences(self, column: str, first: int, last: int) -> Table:
        """Firms seen in `first`: FDI, log headcount, sector and weight then; yearly growth in percent to `last`."""
        panel = self._panel.filter(self._panel["year"].isin((first, last)))
        at = {year: panel["year"] == year for year in (first, last)}
        logs = {(name, year): panel[name].max(where=at[year]).ln() for name in ("staff", column) for year in at}
        pace = 100.0 / (last - first)
        return self._source.keep(panel.group_by("firm").aggregate(
            x0=panel["fdi"].max(where=at[first]), x1=logs["staff", first], sector=panel["sector"].max(where=at[first]),
            w=panel["weight"].max(where=at[first]), growth=pace * (logs["staff", last] - logs["staff", first]),
            y=pace * (logs[column, last] - logs[column, first])))

    def long_difference(
        self, outcome: str | None = None, limit: float | None = samples.JUMP_LIMIT, first: int | None = None,
        last: int | None = None,
    ) -> Estimate:
        """Yearly growth of firms with FDI in the first year against the others: `own.long_difference`, exact.

        `first` and `last` are by default the first and last year of which half as many firms are known as of the
        fullest. Raises `SampleError` where no firm is seen in both years, `ModelError` where FDI doesn't vary within
        sectors.
        """
        note = []
        if not (first and last):
            default, until, note = ends(self.by_year().groupby("year")["firms"].sum())
            note = [] if first or last else note
            first, last = first or default, last or until
        column = "group" if self._outcome(outcome) == "group" else "staff"
        if last <= first:
            raise SampleError(f"{self.table}: long difference from {first} to {last}; a later last year expected")
        pairs_of = self._differences(column, first, last)
        begun, both = map(int, self._source.one(pairs_of.aggregate(
            begun=pairs_of["x0"].count(), both=pairs_of["growth"].count())))
        growth = pairs_of["growth"]
        rows = pairs_of.filter(growth.notnull() if limit is None else growth.abs() < limit)
        names = ("x0", "x1", "y")
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i:]]
        sectors = self._source.keep(rows.group_by("sector").aggregate(
            n=rows.count(), abroad=rows["x0"].sum(), w=rows["w"].sum(),
            **{a: (rows["w"] * rows[a]).sum() for a in names},
            **{f"{a}_{b}": (rows["w"] * rows[a] * rows[b]).sum() for a, b in pairs}))
        by = self._source.ask(sectors.order_by("sector"))
        sample = f"{self.table} in {first} and {last}"
        sample += "" if limit is None else f", |{self.staff} growth| < {limit:g}"
        if by.empty:
            raise SampleError(f"sample {sample!r} has no rows")
        n, k, abroad = int(by["n"].sum()), 2 + len(by), int(by["abroad"].sum())
        if abroad in (0, n):
            which = "all firms have" if abroad else "no firm has"
            raise SampleError(f"{self.table}: {which} FDI in {first} among the {n:,} compared "
                              f"({sample}); where it differs in a later year, say first=")
        mixed = by[(by["abroad"] > 0) & (by["abroad"] < by["n"])]
        few = note + enough(int(mixed["abroad"].sum()), int((mixed["n"] - mixed["abroad"]).sum()), sample,
                            ("firms with FDI", "firms without it in their sectors"), ONE)
        if n <= k:
            raise ModelError(f"'fdi' on {sample!r}: no degree of freedom left: {n} rows for {k} coefficients")
        moment = {(a, b): float((by[f"{a}_{b}"] - by[a] * by[b] / by["w"]).sum()) for a, b in pairs}
        bread = np.array([[moment["x0", "x0"], moment["x0", "x1"]], [moment["x0", "x1"], moment["x1", "x1"]]])
        if moment["x0", "x0"] < 1e-9 or np.linalg.matrix_rank(bread) < 2:
            raise ModelError(f"OLS on {sample!r}: FDI or size does not vary within sectors")
        slopes = np.linalg.solve(bread, [moment["x0", "y"], moment["x1", "y"]]).tolist()
        means = sectors.select("sector", **{f"{a} mean": sectors[a] / sectors["w"] for a in names})
        joined = rows.join(means, "sector")
        a, b, y = (joined[name] - joined[f"{name} mean"] for name in names)
        left = joined.select(a=a, b=b, u=joined["w"] * (y - slopes[0] * a - slopes[1] * b))
        square = left["u"] * left["u"]
        meat = self._source.one(left.aggregate(
            aa=(square * left["a"] * left["a"]).sum(), ab=(square * left["a"] * left["b"]).sum(),
            bb=(square * left["b"] * left["b"]).sum()))
        inverse = np.linalg.inv(bread)
        variance = n / (n - k) * inverse @ np.array([[meat[0], meat[1]], [meat[1], meat[2]]]) @ inverse
        gone = {"without a group headcount": self._without_group,
                f"not seen in {first}": self._firms_seen - begun,
                f"seen in {first} but not in {last}": begun - both,
                f"whose {self.staff} headcount grows or falls by {limit or 0:g} or more a year": both - n}
        return self._estimate(slopes[0], np.sqrt(max(variance[0, 0], 0)), n, None, n - k, POINTS, sample,
                              "OLS from cross-products by sector, HC1 errors", "fdi", gone, few)

    def _estimate(self, value, error, n, groups, freedom, unit, sample, method, term, gone, few=()) -> Estimate:
        from scipy import stats

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
                        software=self._source.software, term=term, notes=tuple(notes))

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
        firms = self._kinds(self._firms(self.staff))
        firms = firms.filter(firms["kind"].isin(kinds))
        if never_share < 1:  # a share of all checksums, compared as they are written
            drawn = self._source.checksum(firms["firm"].cast("string")).left(8) < f"{round(2**32 * never_share):08x}"
            firms = firms.filter((firms["kind"] != "never") | drawn)
        rows = self._source.ask(self._rows.semi_join(firms, "firm").select(*self._fields).order_by("firm", "year"))
        share = "" if never_share == 1 else f", {100 * never_share:g} % of never-investors"
        return check(rows, table=self.table + share)


def two_way_from_cells(cells: pd.DataFrame, years: int) -> tuple[float, float, int, int]:
    """Effect of `post` with firm and year effects from `LargePanel.cells`: value, CR1 error by firm, rows, firms.

    Firms of a cell have the same regressors, so their sums and cross-products say all. Rows and firms, and the factor
    G/(G−1)·(N−1)/(N−K), are as in `pyfixest.feols`. Raises `ModelError` for a collinear start.

    duckreg (0.4.1), which compresses regressions by Ibis too, can't stand in: it demeans by firm and by year once,
    which is exact where all firms are seen in all years. On the book's trimmed starters, 450 firms of which 171 are,
    it gives 0.143 (Mundlak) and 0.144 (double demeaning) where the effect is 0.0987; on the 171, 0.0829 as it should.
    It draws clustered errors by a bootstrap, and takes no sampling weights.
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
    return float(slopes[0]), float(np.sqrt(max(variance[0, 0], 0))), n, groups


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
    ibis_or_words()
    firms = firms_of(rows)
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
        rows, firms, memory_limit, ceiling_mb, run["peak_mb"], pd.DataFrame(run["by_year"]),
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
    return {**run, "peak_mb": peak_mb()}


def peak_mb() -> float:
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
