"""What a machine carries: a generated firm panel larger than any public one, and what curves were measured to take."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from goingglobal.models import ModelError
from goingglobal.own.engines import duckdb_in, ibis_or_words

if TYPE_CHECKING:
    from ibis.expr.types import Column

GENERATED_EFFECT = 0.05  # what a start does to the log home headcount in the generated panel, by construction
GENERATED_YEARS = range(2011, 2021)


def measured() -> pd.DataFrame:
    """What specification curves (`own.curve`) of made panels took on one machine: one row for each size.

    Columns: firms, starters, years, specifications, redeals (of start dates), core_seconds (of one core, as one worker
    has it), peak_mb (the whole process, its libraries included), peak_mb_before (with the panel, before the curve).
    `attrs` says `date`, `machine` and `versions`. Source: `make bench KEEP=1`.
    """
    found = json.loads(Path(__file__).with_name("measured.json").read_text(encoding="utf-8"))
    rows = pd.DataFrame(found.pop("curves"))
    rows.attrs = found
    return rows


def _uniform(key: Column) -> Column:
    """A number from 0 to 1 by an integer's hash, the 32-bit mix “lowbias32”."""
    x = (key & 0xFFFFFFFF).cast("uint64")
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ((x ^ (x >> shift)) * factor) & 0xFFFFFFFF
    return (x ^ (x >> 16)).cast("float64") / 2.0**32


def firms_of(rows: int) -> int:
    """How many firms a generated panel of so many rows has. Raises `ModelError` where that is no whole number."""
    years = len(GENERATED_YEARS)
    if rows <= 0 or rows % years:
        raise ModelError(f"a generated panel of {rows} rows: expected a multiple of {years}")
    return rows // years


def generate(path: str | Path, rows: int, seed: int = 1, memory_limit: str = "256MB", threads: int = 2) -> None:
    """Write a GENERATED firm panel (no firm in it exists) as Parquet: firm, year, home, fdi, sector.

    Ten years a firm. Each number comes from an integer hash of firm, year and `seed`, so the file's contents are the
    same on every machine and with every version of DuckDB. A tenth of the firms has FDI in all years, five in a hundred
    start in one of the years 2013 to 2018, the others never do; the start moves the log home headcount by
    `GENERATED_EFFECT`. Raises `ModelError` for a number of rows that isn't a multiple of ten.
    """
    ibis, years, number = ibis_or_words(), len(GENERATED_YEARS), firms_of(rows)
    with tempfile.TemporaryDirectory(prefix="goingglobal-") as folder:
        connection = duckdb_in(folder, memory_limit, threads)
        firms = ibis.range(number).unnest().name("firm").as_table()
        key = firms["firm"].cast("int64") * 16 + seed * 1013904223
        firms = firms.mutate(
            key=key, kind=_uniform(key), size=_uniform(key + 1), lucky=_uniform(key + 2),
            sector=(_uniform(key + 3) * 20).cast("int32"), start=2013 + (_uniform(key + 4) * 6).floor())
        long = firms.cross_join(ibis.range(years).unnest().name("t").as_table())
        long = long.mutate(year=GENERATED_YEARS[0] + long["t"].cast("int32"),
                           noise=_uniform(long["key"] + 5 + long["t"]) - 0.5)
        begun = (long["kind"] < 0.15) & (long["kind"] >= 0.1) & (long["year"] >= long["start"])
        log = (2.5 + 3 * long["size"] + 0.02 * (long["lucky"] - 0.5) * (long["year"] - GENERATED_YEARS[0])
               + 0.3 * long["noise"] + begun.ifelse(GENERATED_EFFECT, 0.0))
        connection.to_parquet(long.select(
            "firm", "year", home=ibis.greatest(1, log.exp().round()).cast("int32"),
            fdi=((long["kind"] < 0.1) | begun).cast("uint8"), sector="sector " + long["sector"].cast("string")), path)
        connection.disconnect()
