"""The data package on the site: byte for byte the repository's, valid where it is served, and the same as Parquet."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.request import urlopen

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SITE

from goingglobal import data
from goingglobal.sphinx.taking import package

TABLES = data.table_names()
VALIDATE = "import frictionless, sys; print(frictionless.validate(sys.argv[1]).to_json())"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("package") / "data"
    package.write(folder)
    return folder


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """A package of two small tables in place of the repository's."""
    place = tmp_path / "source"
    place.mkdir()
    content = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    content["resources"] = [r for r in content["resources"] if r["name"] in ("claims", "industry_japan_continuing")]
    (place / "datapackage.json").write_text(json.dumps(content), encoding="utf-8")
    for resource in content["resources"]:
        shutil.copy(ROOT / "data" / resource["path"], place)
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(place))
    return place


# ------------------------------------------------------------------------------------------------------- its files
@pytest.mark.parametrize("name", TABLES)
def test_parquet_holds_the_table_as_load_gives_it(folder, name):
    table, frame = data.describe(name), data.load(name)
    with duckdb.connect() as base:
        found = base.execute(f"SELECT * FROM '{folder / name}.parquet'").df()
        kinds = dict(base.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM '{folder / name}.parquet')")
                     .fetchall())  # fmt: skip
    assert kinds == {f["name"]: package.TYPES[f["type"]] for f in table["schema"]["fields"]}
    assert list(found) == list(frame)
    for field in table["schema"]["fields"]:
        ours, theirs = frame[field["name"]], found[field["name"]]
        assert (ours.isna() == theirs.isna()).all(), field["name"]
        if field["type"] in ("integer", "number"):
            np.testing.assert_array_equal(theirs.to_numpy("float64", na_value=np.nan), ours.to_numpy("float64"))
        else:
            pd.testing.assert_series_equal(theirs.dropna().astype(object), ours.dropna().astype(object),
                                           check_dtype=False)  # fmt: skip


def test_parquet_says_where_it_comes_from(folder):
    with duckdb.connect() as base:
        rows = base.execute(f"SELECT key, value FROM parquet_kv_metadata('{folder / 'claims.parquet'}')").fetchall()
    told = {bytes(key).decode(): bytes(value).decode() for key, value in rows}
    table = data.describe("claims")
    assert told["csv"] == table["hash"]
    assert (told["title"], told["vintage"]) == (table["title"], table["vintage"])
    assert all(source["licence"] in told["licence"] for source in table["sources"])


def test_files_are_the_same_each_time(small, tmp_path):
    for name in ("one", "two"):
        package.write(tmp_path / name)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert set(one) == set(package.names())
    assert one == two


def test_the_archive_holds_the_package_and_nothing_else(folder):
    with zipfile.ZipFile(folder / package.ZIP) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert inside == {p.name: p.read_bytes() for p in (ROOT / "data").iterdir() if p.suffix in (".csv", ".json")}


def test_what_an_earlier_edition_left_goes_and_the_page_of_the_folder_stays(small, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("old_table.csv", "old_table.parquet", "index.html"):
        (out / name).write_text("", encoding="utf-8")
    package.write(out)
    assert {path.name for path in out.iterdir()} == {*package.names(), "index.html"}


@pytest.mark.parametrize(("damage", "said"), [
    (lambda path: path.write_bytes(path.read_bytes().replace(b"2013", b"2014", 1)), "found sha256:"),
    (lambda path: path.unlink(), "found no such file"),
], ids=["changed", "gone"])  # fmt: skip
def test_a_table_that_is_not_as_sealed_is_not_served(small, tmp_path, damage, said):
    damage(small / "claims.csv")
    with pytest.raises(data.DataError, match=r"table 'claims': expected claims\.csv as sealed") as caught:
        package.write(tmp_path / "out")
    assert said in str(caught.value)
    assert "python -m goingglobal.data check claims" in str(caught.value)
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------------ on the site
@pytest.mark.environments  # six seconds, and the same files are validated in tests/data; this proves the addresses
@pytest.mark.site
def test_the_served_package_is_valid(server):
    done = subprocess.run([sys.executable, "-c", VALIDATE, f"{server}/data/datapackage.json"], capture_output=True,
                          encoding="utf-8", check=True)  # fmt: skip
    report = json.loads(done.stdout)
    assert [(task["name"], task["errors"]) for task in report["tasks"] if not task["valid"]] == []
    assert report["valid"]
    assert [task["name"] for task in report["tasks"]] == TABLES


@pytest.mark.site
def test_the_site_serves_the_tables_byte_for_byte(server):
    for name in ("datapackage.json", *(data.describe(name)["path"] for name in TABLES)):
        with urlopen(f"{server}/data/{name}") as answer:
            served = answer.read()
        assert hashlib.sha256(served).digest() == hashlib.sha256((ROOT / "data" / name).read_bytes()).digest(), name


@pytest.mark.site
def test_the_site_serves_archive_and_parquet(server):
    with urlopen(f"{server}/data/{package.ZIP}") as answer:
        assert set(zipfile.ZipFile(io.BytesIO(answer.read())).namelist()) == {
            "datapackage.json", *(data.describe(name)["path"] for name in TABLES)}  # fmt: skip
    for name in TABLES:
        with urlopen(f"{server}/data/{name}.parquet") as answer:
            assert answer.read(4) == b"PAR1", name
    assert {path.name for path in (SITE / "data").iterdir()} == {*package.names(), "index.html"}


@pytest.mark.site
def test_the_page_leads_to_every_file_at_its_address():
    from bs4 import BeautifulSoup

    page = BeautifulSoup((SITE / "book" / "appendix" / "data.html").read_text(encoding="utf-8"), "lxml")
    links = [link["href"] for link in page.select("a[download]")]
    assert {f"../../data/{name}" for name in package.names()} <= set(links)
    assert not [link for link in links if link.endswith((".csv", ".parquet")) and "_downloads" in link]
    assert not [path for path in (SITE / "_downloads").rglob("*") if path.suffix in (".csv", ".json")]
