"""Candidates: the same bytes where nothing was fetched, what was fetched where it was, today's table where it fails."""

from __future__ import annotations

import importlib
import json
import sys

import pandas as pd
import pytest
from conftest import ROOT
from publishers import sealed

from goingglobal import data, load
from goingglobal.refresh import candidates
from goingglobal.refresh.fetching import RefreshError
from goingglobal.refresh.sources import ILO_COLUMN, Fetched

pytest_plugins = ["stand_ins"]


@pytest.fixture(scope="module")
def tables():
    """`data/build/tables.py`, with nothing of it left behind."""
    before = {name: sys.modules.pop(name) for name in ("specs", "tables") if name in sys.modules}
    sys.path.insert(0, str(ROOT / "data" / "build"))
    yield importlib.import_module("tables")
    sys.path.remove(str(ROOT / "data" / "build"))
    for name in ("specs", "tables"):
        del sys.modules[name]
    sys.modules.update(before)


@pytest.mark.parametrize("name", candidates.FILES)
def test_source_files_of_todays_table_give_todays_bytes(tmp_path, tables, name):
    candidates.FILES[name](tmp_path, {})
    frame = getattr(tables, name)(lambda file: tmp_path / file)
    columns = [field["name"] for field in data.describe(name)["schema"]["fields"]]
    frame[columns].to_csv(tmp_path / "made.csv", index=False, lineterminator="\n")
    assert (tmp_path / "made.csv").read_bytes() == (ROOT / "data" / f"{name}.csv").read_bytes()


def jobs(**changed: float) -> Fetched:
    """What ILOSTAT holds today, with values changed by country and year ("JPN_2020") or a factor for `all`."""
    rows = load("country_panel")[["iso3", "year", ILO_COLUMN]].dropna().rename(columns={ILO_COLUMN: "value"})
    rows["value"] *= changed.pop("all", 1.0)
    for key, value in changed.items():
        iso3, year = key.split("_")
        rows = rows[~(rows["iso3"].eq(iso3) & rows["year"].eq(int(year)))]
        rows.loc[len(rows) + 10_000] = [iso3, int(year), value]
    return Fetched(rows.assign(column=ILO_COLUMN), "2026-11-20")


def test_a_newer_year_and_a_revision_are_made_by_the_build_code_and_told(checkout, tmp_path):
    place = candidates.prepare(tmp_path)
    newer = jobs(JPN_2020=66_000.0, DEU_2024=43_000.0, DEU_2025=43_100.0)
    made = candidates.make(tmp_path, "country_panel", {"ilo": newer})
    assert made["candidate"] != made["sealed"] == data.describe("country_panel")["hash"]
    assert made["vintage"]["vintage"] == "2026-11-20"
    assert made["vintage"]["last_year"] == 2025
    told = candidates.compare(place, "country_panel")
    assert told["rows"] == {"today": 2090, "candidate": 2128, "added": 38, "gone": 0}
    assert told["fields"] == {ILO_COLUMN: {"changed": 1, "filled": 1, "gone": 0}}
    assert [(r["row"], r["candidate"]) for r in told["revisions"]] == [("JPN 2020", 66_000.0)]
    assert told["breaks"] == []
    described = json.loads((place / "datapackage.json").read_text(encoding="utf-8"))["resources"][0]
    assert described["title"] == "OECD-38 countries, 1970-2025"
    assert described["sources"][-1] == {
        "title": "ILOSTAT EMP_2EMP_SEX_ECO_NB, modelled estimates", "publisher": "International Labour Organization",
        "path": "https://ilostat.ilo.org/data/", "licence": "CC-BY-4.0", "licence_reread": False,
        "vintage": "2026-11-20", "columns": [ILO_COLUMN], "note": "Fetched from the publisher's own service.",
    }  # fmt: skip
    assert len(described["sources"]) == len(data.describe("country_panel")["sources"])


@pytest.mark.parametrize(("fetched", "words"), [
    (lambda: jobs(all=1000.0), f"field {ILO_COLUMN}: values are 1000 times today's (median): has the unit changed?"),
    pytest.param(lambda: jobs(JPN_2020=-5.0), f"country_panel, field {ILO_COLUMN}, row",
                 marks=pytest.mark.environments),
    pytest.param(lambda: Fetched(jobs().rows.query("year > 2005"), "2026-11-20"), "values are gone",
                 marks=pytest.mark.environments),
])  # fmt: skip
def test_what_fails_a_check_leaves_todays_table_among_the_candidates(checkout, tmp_path, fetched, words):
    before = sealed()
    place = candidates.prepare(tmp_path)
    with pytest.raises(RefreshError) as caught:
        candidates.make(tmp_path, "country_panel", {"ilo": fetched()})
    assert str(caught.value).startswith("ILOSTAT, table country_panel: the candidate fails its checks: ")
    assert words in str(caught.value)
    for name in ("country_panel.csv", "datapackage.json", "build/vintages.json"):
        assert (place / name).read_bytes() == (checkout / "data" / name).read_bytes(), name
    assert sealed() == before


def test_values_gone_or_in_another_unit_are_no_vintage():
    before = load("us_multinationals")
    field = "employees_thousands"
    persons = before.assign(**{field: before[field] * 1000})
    assert candidates.suspicions("us_multinationals", before, persons) == [
        f"field {field}: values are 1000 times today's (median): has the unit changed?"]  # fmt: skip
    half = before.assign(**{field: before[field].where(before["year"] > 2012)})
    lost, all_ = before[field].notna() & half[field].isna(), before[field].notna()
    assert candidates.suspicions("us_multinationals", before, half) == [
        f"field {field}: {lost.sum()} of {all_.sum()} values are gone"]  # fmt: skip
    assert candidates.suspicions("us_multinationals", before, before) == []


def test_rows_by_the_hundred_gone_are_no_vintage():
    before = load("affiliates_germany")
    told = candidates.suspicions("affiliates_germany", before, before[before["year"] != 2015])
    assert told == [f"{int((before['year'] == 2015).sum())} of {len(before)} rows are gone"]


def test_a_step_beyond_all_steps_before_is_told_as_a_break():
    frame = pd.DataFrame({"year": [2017, 2018, 2019, 2020], "employees_thousands": [100.0, 101.0, 103.0, 180.0]})
    frame = frame.assign(side="parents", industry="Mining", host="All countries", compensation_musd=1.0)
    keys = data.describe("us_multinationals")["schema"]["primaryKey"]
    new = frame.set_index(keys)
    assert candidates.breaks("us_multinationals", new[new.index.get_level_values("year") < 2020], new) == [
        "parents Mining All countries 2020, employees_thousands: 180 after 103"]  # fmt: skip
