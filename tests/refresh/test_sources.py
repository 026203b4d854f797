"""Each reader: what it makes of a whole answer, and the one line that it says of a faulty one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from publishers import KEY

from goingglobal.refresh import sources
from goingglobal.refresh.fetching import RefreshError

pytest_plugins = ["stand_ins"]
pytestmark = pytest.mark.usefixtures("untouched")
YEAR = datetime.now(UTC).year


@pytest.fixture
def small(publishers):
    """Few years, so that answers are short; one page for each indicator."""
    panel = publishers.tables["country_panel"]
    publishers.tables["country_panel"] = panel[panel["year"].between(2018, 2022)]
    publishers.page = 5000
    us = publishers.tables["us_multinationals"]
    publishers.tables["us_multinationals"] = us[us["year"] == 2019]
    return publishers


def edited(change):
    """A fault that changes a JSON answer before it is sent, in place or by returning another."""
    def fault(body: bytes) -> bytes:
        answer = json.loads(body)
        return json.dumps(change(answer) or answer).encode()

    return fault


def world_bank(change):
    """The same for the rows of an indicator, not for the list of sources."""
    return edited(lambda answer: change(answer) if "countryiso3code" in json.dumps(answer[1][:1]) else None)


def test_world_bank_reads_nine_indicators_in_pages(publishers, fetcher):
    recent = publishers.tables["country_panel"]
    publishers.tables["country_panel"], publishers.page = recent[recent["year"] > 2006], 400
    fetched = sources.worldbank(fetcher, "country_panel")
    assert publishers.asked["worldbank"] == 1 + 2 * len(sources.WDI)
    assert fetched.vintage == "2026-04-08"
    rows = fetched.rows.set_index(["column", "iso3", "year"])["value"]
    panel = publishers.tables["country_panel"].set_index(["iso3", "year"])
    assert set(fetched.rows["column"]) == set(sources.WDI)
    assert rows["unemployment_pct", "JPN", 2009] == panel.at[("JPN", 2009), "unemployment_pct"]


def test_ilo_and_eurostat_and_bea_give_the_publishers_codes(small, fetcher):
    jobs = sources.ilo(fetcher, "country_panel").rows
    assert jobs["year"].max() == 2022
    assert set(jobs["column"]) == {sources.ILO_COLUMN}
    german = sources.eurostat(fetcher, "affiliates_germany").rows
    picked = german[(german["dataset"] == sources.FATS_OLD) & (german["partner"] == "WORLD") & (german["year"] == 2010)
                    & (german["nace_r2"] == "B-S_X_O") & (german["indicator"] == "EMP")]  # fmt: skip
    assert picked["value"].tolist() == [4_683_915]
    us = sources.bea(fetcher, "us_multinationals").rows
    cell = us[(us["side"] == "parents") & (us["industry"] == "All Industries Total") & (us["year"] == 2019)
              & (us["measure"] == "employees_thousands")]  # fmt: skip
    assert cell["cell"].tolist() == ["29297.3"]
    assert {"(D)", "(*)"} <= set(us["cell"])


def gone(answer):
    answer[1] = [row for row in answer[1] if row["countryiso3code"] != "JPN"]
    answer[0]["total"] = len(answer[1])


def twice(answer):
    answer[1].append(answer[1][0])
    answer[0]["total"] += 1


def later(answer):
    answer[1][0]["date"] = str(YEAR + 1)


@pytest.mark.parametrize(("fault", "words"), [
    (lambda body: body[: len(body) // 2], "half an answer, or no JSON"),
    (lambda body: body.decode().replace("Türkiye", "Turkey").replace("Japan", "日本").encode("utf-16"), "is not UTF-8"),
    (world_bank(lambda answer: answer[1].pop() and None), "arrived: half a page; run the command again"),
    (world_bank(gone), "no country JPN any more, which today's table has"),
    (world_bank(twice), "stands there twice"),
    (world_bank(later), f"it has the year {YEAR + 1}, which is not over"),
    (world_bank(lambda answer: [{"message": [{"key": "Invalid value", "value": "The indicator was not found"}]}]),
     "the service refuses the indicator BM.KLT.DINV.WD.GD.ZS (Invalid value: The indicator was not found): it may have "
     "been renamed"),
    (world_bank(lambda answer: answer[1][0].update(value="n/a")), "'n/a' stands where a number was expected"),
    (edited(lambda answer: [{}, [{}]]), "does not say when the World Development Indicators were last updated"),
    (edited(lambda answer: [{}, [{"lastupdated": "2099-01-01"}]]), "its vintage 2099-01-01 lies in the future"),
])  # fmt: skip
def test_world_bank_says_what_is_wrong(small, fetcher, fault, words):
    refuses(sources.worldbank, "country_panel", "World Bank", small, fetcher, fault, words)


def refuses(read, table, title, publishers, fetcher, fault, words, again=True):
    publishers.faults[read.__name__] = fault
    with pytest.raises(RefreshError) as caught:
        read(fetcher, table)
    said = str(caught.value)
    assert said.startswith(f"{title}, table {table}: ")
    assert words in said
    assert "\n" not in said
    assert caught.value.request is not None
    fetcher.forget(caught.value.request)  # as the command does: a good answer replaces the bad one
    publishers.faults.clear()
    assert not again or len(read(fetcher, table).rows)


@pytest.mark.parametrize(("fault", "words"), [
    (lambda body: body[:-30], "a line is broken off: half an answer"),
    (lambda body: body.replace(b",3\r\n", b",0\r\n"), "UNIT_MULT is 0, not 3: the unit is no longer thousands"),
    (lambda body: body.replace(b"REF_AREA", b"AREA"), "no SDMX-CSV with OBS_VALUE, REF_AREA, TIME_PERIOD"),
    (lambda body: body.replace(b",2022,", b",2021,"), "stands there twice"),
    (lambda body: body.replace(b",2022,", f",{YEAR},".encode()), f"it has the year {YEAR}, which is not over"),
    (lambda body: body.replace(b"DEU", b"DEX"), "no country DEU any more"),
    (lambda body: b"", "no SDMX-CSV with"),
])  # fmt: skip
def test_ilo_says_what_is_wrong(small, fetcher, fault, words):
    refuses(sources.ilo, "country_panel", "ILOSTAT", small, fetcher, fault, words)


def renamed(answer):
    answer["id"] = [name.replace("partner", "c_partner") for name in answer["id"]]
    answer["dimension"]["c_partner"] = answer["dimension"].pop("partner")


@pytest.mark.parametrize(("fault", "words"), [
    (edited(lambda answer: {"error": [{"status": 404, "label": "ERR_NOT_FOUND"}]}), "(ERR_NOT_FOUND): the table or a"),
    (edited(renamed), "no partner; the table's structure has changed"),
    (edited(lambda answer: answer.update(size=[1, 1, 1, 1, 1, 1])), "the answer is damaged"),
    (edited(lambda answer: answer.pop("updated") and None), "('updated' is missing)"),
    (edited(lambda answer: answer["value"].clear()), "no partner"),
    (lambda body: b"<html>", "half an answer, or no JSON"),
])  # fmt: skip
def test_eurostat_says_what_is_wrong(small, fetcher, fault, words):
    again = words.startswith("no")
    refuses(sources.eurostat, "affiliates_germany", "Eurostat", small, fetcher, fault, words, again)


@pytest.mark.parametrize(("fault", "words"), [
    (lambda body: body.replace(b"Thousands of", b"Number of"), "TableScale is Number of Employees, not thousands"),
    (edited(lambda answer: answer["BEAAPI"].pop("Results") and None), "no Results.Data"),
    (edited(lambda answer: answer["BEAAPI"]["Results"]["Data"].append(answer["BEAAPI"]["Results"]["Data"][0])),
     "stands there twice"),
])  # fmt: skip
def test_bea_says_what_is_wrong(small, fetcher, fault, words):
    refuses(sources.bea, "us_multinationals", "BEA", small, fetcher, fault, words)


def test_bea_without_a_key_or_with_a_wrong_one(small, fetcher, monkeypatch):
    wrong = KEY.replace("0F", "FF")
    monkeypatch.setenv("BEA_API_KEY", wrong)
    with pytest.raises(RefreshError, match=r"request … does not exist\. \(code 3\); look at BEA_API_KEY"):
        sources.bea(fetcher, "us_multinationals")
    assert not [path for path in fetcher.folder.rglob("*.json") if wrong in path.read_text(encoding="utf-8")]
    monkeypatch.delenv("BEA_API_KEY")
    with pytest.raises(RefreshError, match="no key: set BEA_API_KEY"):
        sources.bea(fetcher, "us_multinationals")


def test_breaks_that_a_publisher_marks_are_told(small, fetcher):
    small.faults["ilo"] = lambda body: body.replace(b",,PS", b",B,PS", 1)
    assert sources.ilo(fetcher, "country_panel").remarks == ("ILO marks breaks in AUS 2018",)


def test_every_table_is_refreshed_or_said_why_not():
    from goingglobal import data

    fed = {table for source in sources.SOURCES.values() for table in source.tables}
    assert fed | set(sources.NOT_REFRESHED) == set(data.table_names())
    assert not fed & set(sources.NOT_REFRESHED)
