"""One client: what it keeps, asks again for, waits for, and says when a service fails."""

from __future__ import annotations

import json
import logging
import re
import time
from email.utils import formatdate

import pytest
from publishers import KEY

from goingglobal.refresh import sources
from goingglobal.refresh.fetching import Fetcher, RefreshError, Request, Stopped, place

pytest_plugins = ["stand_ins"]
pytestmark = pytest.mark.usefixtures("untouched")


@pytest.fixture
def request_(publishers):
    """One small request to the stand-in for ILOSTAT."""
    return Request("ilo", "ILOSTAT", "country_panel", "jobs.csv", f"{publishers.address}/ilo/rest/data/x",
                   (("format", "csv"),))  # fmt: skip


def next_round(fetcher: Fetcher, **more) -> Fetcher:
    fetcher.finish()
    time.sleep(0.002)
    return Fetcher(fetcher.folder, pause=0.001, say=fetcher.say, **more)


def test_an_answer_is_kept_and_used_in_the_same_round(publishers, fetcher, request_):
    first = fetcher.get(request_)
    again = Fetcher(fetcher.folder, say=fetcher.say)  # as after a kill: the round goes on
    assert again.get(request_) == first
    assert publishers.asked["ilo"] == 1
    assert [line.endswith("as kept") for line in fetcher.lines] == [False, True]


def test_the_next_round_asks_and_fetches_nothing_that_did_not_change(publishers, fetcher, request_):
    first = fetcher.get(request_)
    assert next_round(fetcher).get(request_) == first
    assert (publishers.asked["ilo"], publishers.sent["ilo"]) == (2, 1)
    publishers.tables["country_panel"] = publishers.tables["country_panel"].head(900)
    third = next_round(fetcher)
    assert third.get(request_) != first
    assert (publishers.sent["ilo"], third.new) == (2, 1)


def test_a_round_that_did_not_end_is_begun_anew_the_next_day(publishers, fetcher, request_):
    fetcher.get(request_)
    (fetcher.folder / "round.json").write_text(json.dumps({"began": fetcher.round - 86_400}), encoding="utf-8")
    Fetcher(fetcher.folder, say=fetcher.say).get(request_)
    assert publishers.asked["ilo"] == 2


def test_a_service_without_marks_is_not_asked_again_within_days_unless_told(publishers, fetcher, request_):
    publishers.etags = False
    fetcher.get(request_)
    next_round(fetcher).get(request_)
    assert publishers.asked["ilo"] == 1
    told = next_round(fetcher, again=True)
    told.get(request_)
    assert (publishers.asked["ilo"], told.new) == (2, 0)


def test_of_a_known_vintage_only_another_one_is_fetched(publishers, fetcher, request_):
    fetcher.get(request_, "2026-04-08")
    next_round(fetcher).get(request_, "2026-04-08")
    assert publishers.asked["ilo"] == 1
    next_round(fetcher).get(request_, "2026-07-01")
    assert publishers.asked["ilo"] == 2


@pytest.mark.parametrize("damage", ["body", "notes", "new"])
def test_what_a_kill_left_half_written_is_fetched_again(publishers, fetcher, request_, damage):
    whole = fetcher.get(request_)
    body, notes = fetcher.places(request_)
    if damage == "body":
        body.write_bytes(whole[:1000])
    elif damage == "notes":
        notes.unlink()
    else:
        body.rename(body.with_name(f"{body.name}.new"))
    assert Fetcher(fetcher.folder, say=fetcher.say).get(request_) == whole
    assert publishers.sent["ilo"] == 2


def test_it_waits_as_the_service_asks(publishers, fetcher, request_, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    when = formatdate(time.time() + 40, usegmt=True)
    publishers.faults["ilo"] = [(429, {"Retry-After": "7"}), (503, {"Retry-After": when}), None]
    assert fetcher.get(request_).startswith(b"DATAFLOW")
    waits = [wait for wait in waits if wait]
    assert waits[0] == 7.0
    assert 35 < waits[1] <= 41
    assert "the service answers 429 (too many requests), waiting 7 s" in fetcher.lines[0]


def test_a_wait_beyond_the_limit_stops_cleanly(publishers, fetcher, request_):
    publishers.faults["ilo"] = [(429, {"Retry-After": "3600"})]
    fetcher.minutes = 1
    with pytest.raises(Stopped, match="asks to wait 3600 s"):
        fetcher.get(request_)
    assert not list((fetcher.folder / "fetched").rglob("*"))


def test_a_limit_of_requests_stops_before_the_next_one(publishers, fetcher, request_):
    fetcher.requests_limit = 1
    fetcher.get(request_)
    with pytest.raises(Stopped, match="limit"):
        fetcher.get(Request(*list(vars(request_).values())[:3], "other.csv", request_.url))
    assert publishers.asked["ilo"] == 1
    assert fetcher.get(request_)  # what is kept is no request


@pytest.mark.parametrize(("fault", "words"), [
    ((500, {}), "the service answers 500, 5 times; look whether the network and the service are there"),
    ((429, {}), "the service answers 429 (too many requests), 5 times"),
    ((401, {}), "the service answers 401 (the key is refused) to jobs.csv; look at the key in the environment"),
    ((404, {}), "the service answers 404 (not found) to jobs.csv; its address or code may have changed"),
    ("cut", "the answer broke off before its end, 5 times"),
    ((200, {"Date": "Thu, 01 Jan 2015 00:00:00 GMT"}), "the service's 2015-01-01; set the clock"),
])  # fmt: skip
def test_each_fault_is_one_clear_line_and_nothing_is_kept(publishers, fetcher, request_, fault, words):
    publishers.faults["ilo"] = fault
    with pytest.raises(RefreshError) as caught:
        fetcher.get(request_)
    said = str(caught.value)
    assert said.startswith("ILOSTAT, table country_panel: ")
    assert words in said
    assert "\n" not in said
    assert not list((fetcher.folder / "fetched").rglob("*.csv"))


def test_without_a_network_it_says_which_host(fetcher):
    nowhere = Request("ilo", "ILOSTAT", "country_panel", "x.csv", "http://127.0.0.1:9/rest", (), (("UserID", KEY),))
    with pytest.raises(RefreshError, match=r"no connection to http://127\.0\.0\.1:9") as caught:
        fetcher.get(nowhere)
    assert KEY not in str(caught.value)


def test_a_key_is_sent_and_never_written_or_said(publishers, fetcher, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    us = publishers.tables["us_multinationals"]
    publishers.tables["us_multinationals"] = us[us["year"] == 2019]
    fetched = sources.bea(fetcher, "us_multinationals")
    assert len(fetched.rows) > 1000
    assert all(f"UserID={KEY}" in path for path in publishers.paths)
    files = [path for path in fetcher.folder.rglob("*") if path.is_file()]
    assert len(files) > 4
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert "UserID=…" in caplog.text
    assert KEY not in "".join([*fetcher.lines, *capfd.readouterr(), caplog.text])


def test_progress_says_how_many_are_left(publishers, fetcher, request_):
    fetcher.total = 3
    publishers.pause = 0.6
    fetcher.get(request_)
    assert re.fullmatch(r"\[ 1/3\] ILOSTAT, jobs.csv: new, \d+ kB; about [12] s left", fetcher.lines[0])


def test_services_stand_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("GOINGGLOBAL_REFRESH_AT", "http://stand-in/")
    assert place("bea", "https://apps.bea.gov") == "http://stand-in/bea"
    monkeypatch.delenv("GOINGGLOBAL_REFRESH_AT")
    assert place("bea", "https://apps.bea.gov") == "https://apps.bea.gov"
