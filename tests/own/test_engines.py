"""Engines give the same: DuckDB on a file, SQLite and (in `make anywhere`) Spark on a table; rows stay in them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from panels import SPOILT, asked, made, spoilt

from goingglobal.own import PanelError, engines, generated, large

ibis = pytest.importorskip("ibis")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def file(folder) -> Path:
    """A panel with weights, gaps, a jump, and firms without a group headcount, as Parquet."""
    rows = made(90, 8).sample(frac=0.8, random_state=1)
    rows = rows.assign(group=(rows["home"] + 7.0).where(rows["firm"] > "f004"))
    rows.loc[(rows["firm"] == "f010") & (rows["year"] > 2013), "home"] *= 400
    rows.to_parquet(folder / "firms.parquet", index=False)
    return folder / "firms.parquet"


@pytest.fixture
def sqlite(folder):
    """A database of a reader's, by Ibis; tables are put into it by `put`."""
    connection = ibis.sqlite.connect(folder / "reader.sqlite")
    yield connection
    connection.disconnect()


def put(rows: pd.DataFrame, folder: Path, name: str) -> str:
    with sqlite3.connect(folder / "reader.sqlite") as connection:
        rows.to_sql(name, connection, index=False, if_exists="replace")
    connection.close()
    return name


@pytest.fixture
def handed_out(monkeypatch) -> list[int]:
    """How many rows each answer of an engine had."""
    counts: list[int] = []
    for backend in (import_module(f"ibis.backends.{name}").Backend for name in ("duckdb", "sqlite")):
        def seen(self, *given, real=backend.execute, **options):
            answer = real(self, *given, **options)
            counts.append(len(answer) if isinstance(answer, pd.DataFrame | pd.Series) else 1)
            return answer

        def never(self, *_, **__):
            raise AssertionError("rows leave the engine by another way")

        monkeypatch.setattr(backend, "execute", seen)
        for name in ("to_pandas", "to_polars", "to_pandas_batches"):
            monkeypatch.setattr(backend, name, never)
    return counts


def alike(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for name, numbers in one.items():
        assert numbers == pytest.approx(other[name], rel=1e-6, abs=1e-9, nan_ok=True), name


@pytest.mark.proof
def test_sqlite_gives_what_duckdb_gives_and_keeps_its_rows(file, folder, sqlite, handed_out):
    rows = pd.read_parquet(file)
    name = put(rows, folder, "firms")
    with large.open_panel(file) as one, large.open_panel(name, connection=sqlite) as table:
        assert [(c.field, c.count) for c in table.cautions] == [(c.field, c.count) for c in one.cautions]
        for mine, theirs in zip(table.cautions, one.cautions, strict=True):
            assert mine.rows == ()
            assert mine.expected.startswith(theirs.expected)
        assert max(handed_out) <= large.FOUND, "places of rows to name, and aggregates"
        handed_out.clear()
        alike(asked(table, fetched=False), asked(one, fetched=False))
        assert max(handed_out) == len(one.cells()), "cells of like firms, not firms"
        handed_out.clear()
        kept = table.fetch(("starter",))
        assert handed_out == [len(kept)], "fetch alone hands out rows, and those it was asked for"
        pd.testing.assert_frame_equal(kept, one.fetch(("starter",)))
        pd.testing.assert_frame_equal(table.fetch(never_share=0.3), one.fetch(never_share=0.3))
        assert table.starters_effect().software == f"sqlite {sqlite3.sqlite_version}"
    assert sqlite.list_tables() == ["firms"], "nothing is left in a reader's database"
    assert sqlite.table("firms").count().execute() == len(rows), "whose connection stays open"


def test_a_table_brings_its_connection(folder, sqlite):
    table = sqlite.table(put(made().rename(columns={"firm": "id"}), folder, "made"))
    with large.open_panel(table.filter(table["year"] > 2010), {"firm": "id"}, table="mine") as found:
        assert (found.first, found.last) == (2011, 2015)
        assert "of mine," in found.starters_effect().sample


def test_faults_of_a_table_name_a_firm_and_a_year(folder, sqlite):
    rows = spoilt()
    rows.loc[0, "group"] = 1
    name = put(rows.astype(object).where(rows.notna(), None).astype(str).replace("None", None), folder, "spoilt")
    with pytest.raises(PanelError) as caught:
        large.open_panel(name, connection=sqlite)
    assert [(fault.field, fault.rows, fault.count) for fault in caught.value.faults] == [
        (field, (), len(places)) for field, places in SPOILT]
    said = str(caught.value)
    assert "expected a number above 0 (persons), found '-5' (firm 'f000' in 2013)" in said
    assert "a whole year from 1900 to 2100, found '2011.5' (2 rows, among them firm 'f001'" in said
    assert "expected a value; this field may not be empty (no firm in 2011)" in said
    assert "expected one row per firm and year; 'f004' in 2011 has stood above" in said


def test_a_table_that_is_not_there(folder, sqlite):
    put(made(), folder, "made")
    with pytest.raises(PanelError, match=r"expected a table 'maid' in sqlite; it has .*did you mean 'made'\?"):
        large.open_panel("maid", connection=sqlite)
    wrong = {"firm": "string", "yaer": "int64"}
    with pytest.raises(PanelError, match="SQLite can't read or aggregate it: no such column"):
        large.open_panel(sqlite.sql("SELECT firm FROM made", schema=wrong), {"year": "yaer", "home": "firm",
                                                                             "fdi": "firm"})


def test_what_engines_cast_as_they_like_is_no_number(folder, sqlite):
    rows = made().astype({"home": str})
    rows.loc[[3, 8, 14, 20], "home"] = ["12d", "0x10", "1_000", "５"]
    rows.to_csv(folder / "odd.csv", index=False)
    for place in ({"path": folder / "odd.csv"}, {"path": put(rows, folder, "odd"), "connection": sqlite}):
        with pytest.raises(PanelError, match="one that can be read") as caught:
            large.open_panel(**place)
        assert [(fault.field, fault.count) for fault in caught.value.faults] == [("home", 4)]


def test_the_generator_counts_its_rows(folder):
    generated.generate(folder / "few.parquet", 100)
    assert len(pd.read_parquet(folder / "few.parquet")) == 100
    assert engines.ibis_or_words() is ibis


# ------------------------------------------------------------------------------------------------------------ Spark
ON_SPARK = """
import json, sys
import ibis
from pyspark.sql import SparkSession
from goingglobal.own import large
from panels import asked

session = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
           .config("spark.sql.shuffle.partitions", "2").config("spark.driver.host", "127.0.0.1").getOrCreate())
session.read.parquet(sys.argv[1]).createOrReplaceTempView("firms")
with large.open_panel("firms", connection=ibis.pyspark.connect(session)) as panel:
    print(json.dumps({"numbers": asked(panel), "software": panel.starters_effect().software,
                      "cautions": len(panel.cautions)}))
"""


@pytest.mark.environments
@pytest.mark.far
def test_spark_gives_what_duckdb_gives(file, tmp_path):
    """PySpark, 400 MB that no reader of the book needs, goes into a folder of this test's alone."""
    if not shutil.which("java"):
        words = "no Java on the PATH: apt-get install default-jre-headless"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(words)
    asks = [Requirement(line) for line in requires("ibis-framework")]
    spark = next(str(r.specifier) for r in asks if r.name == "pyspark" and r.marker.evaluate({"extra": "pyspark"}))
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "pip", "install", "-q", "--target", str(tmp_path / "spark"), f"pyspark{spark}"], check=True)
    paths = os.pathsep.join(map(str, (ROOT / "src", ROOT / "tests", ROOT / "tests" / "own", tmp_path / "spark")))
    done = subprocess.run([sys.executable, "-c", ON_SPARK, str(file)], capture_output=True, text=True, check=False,
                          cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths, "PYSPARK_PYTHON": sys.executable})
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    with large.open_panel(file) as panel:
        alike(found["numbers"], asked(panel))
        assert found["cautions"] == len(panel.cautions)
    assert found["software"].startswith("pyspark ")
