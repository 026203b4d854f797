"""EDINET's list and filings fetched from a stand-in on this machine, and what becomes of them beside today's tables."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import edinet_service as service
import pandas as pd
import pytest

from goingglobal import data
from goingglobal.refresh import earlier, edinet
from goingglobal.refresh.fetching import Fetcher, RefreshError

DAYS = sorted({date.fromisoformat(row["submitDateTime"][:10]) for row in service.listed()})
HITACHI, HITACHI_DAY, OKI = "S100AI0Y", "2017-06-21", "S100AFA6"
YEARS = (2017, 2025)
LONG_AGO = format_datetime(datetime(2019, 5, 1, tzinfo=UTC), usegmt=True)


@pytest.fixture
def world():
    with service.Service() as stand_in:
        yield stand_in


@pytest.fixture
def few_days(monkeypatch):
    """Only the days on which the twenty reports were filed."""
    monkeypatch.setattr(edinet, "days_of", lambda years: DAYS)


def fetch(world, folder, key=service.KEY, lines=None, **more):
    limits = {name: more.pop(name) for name in ("requests_limit", "minutes") if name in more}
    fetcher = Fetcher(folder, pause=0, say=(lines if lines is not None else []).append, **limits)
    years = more.pop("years", YEARS)
    filings = edinet.fetch(fetcher, years, key, base_url=world.url, pause=0, **more)
    if filings.complete:
        fetcher.finish()
    return filings


def everything_in(folder) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


# ----------------------------------------------------------------------------------------------------- the real filings
@pytest.fixture(scope="module")
def ten_firms(tmp_path_factory):
    """Folder, report and problems of the twenty filings, by the way that a reader's command takes."""
    folder = tmp_path_factory.mktemp("edinet")
    with pytest.MonkeyPatch.context() as patch, service.Service() as stand_in:
        patch.setattr(edinet, "days_of", lambda years: DAYS)
        filings = fetch(stand_in, folder)
    before = {path.name: path.read_bytes() for path in data.data_folder().iterdir() if path.is_file()}
    problems = earlier.write(filings, folder)
    assert {path.name: path.read_bytes() for path in data.data_folder().iterdir() if path.is_file()} == before
    return folder, json.loads((folder / "report.json").read_text(encoding="utf-8")), problems


def test_five_years_of_parent_and_group_for_ten_firms(ten_firms):
    _, report, problems = ten_firms
    assert (report["filings"], report["firms"], problems) == (20, 10, [])
    assert report["rows_added"] == {
        "firm_panel": {"2013": 9, "2014": 9, "2015": 9, "2016": 9, "2017": 1},
        "group_panel": {"2013": 10, "2014": 9, "2015": 9},
    }
    assert [line[:6] for line in report["not_in_firm_panel"]] == ["E01955"]


def test_filings_are_equal_to_the_tables_but_for_what_later_filings_restate(ten_firms):
    """No headcount differs: three figures of the accounts do, restated by a report one or four years later."""
    _, report, _ = ten_firms
    assert report["cells_equal"] == {"firm_panel": 254, "group_panel": 371}
    assert report["differences"] == [
        "firm_panel, E01766, 2024, operating_income_yen: 160260000000 in the table, 149326000000 by filing S100W1DS "
        "(1 years back)",
        "firm_panel, E01767, 2021, total_assets_yen: 373213000000 in the table, 371546000000 by filing S100W0R4 "
        "(4 years back)",
        "group_panel, E01766, 2024, sales_ifrs_yen: 3756059000000 in the table, 3476985000000 by filing S100W1DS "
        "(1 years back)",
        "group_panel, E01766, 2024, operating_income_yen: 160260000000 in the table, 149326000000 by filing S100W1DS "
        "(1 years back)",
        "group_panel, E01767, 2021, total_assets_yen: 373213000000 in the table, 371546000000 by filing S100W0R4 "
        "(4 years back)",
    ]


def test_the_candidate_is_today_s_table_and_the_new_rows(ten_firms):
    folder, _, _ = ten_firms
    for name, added in (("firm_panel", 37), ("group_panel", 28)):
        before = (data.data_folder() / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        after = (folder / "data" / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        assert len(after) == len(before) + added
        assert set(before) <= set(after)
        assert after[0] == before[0]
    firms = pd.read_csv(folder / "data" / "firm_panel.csv").set_index(["edinet_code", "year"])
    oki = firms.loc["E01767"]
    assert oki.loc[2013:2016, "parent_employees"].tolist() == [3678, 3788, 3881, 3914]
    assert oki.loc[2013:2016, "group_employees"].tolist() == [17459, 21090, 20653, 20190]
    assert oki["fdi"].isna().tolist()[:5] == [True, True, True, False, False]
    assert oki.loc[2016, "fdi"] == 1
    assert set(oki["sector"]) == {"Electric appliances"}
    assert oki.loc[2013:2016, "average_pay_yen"].isna().all()
    assert pd.isna(firms.loc[("E02055", 2014), "group_employees"])
    assert firms.loc[("E02055", 2013), "group_employees"] == 388


def test_the_candidate_is_a_package_that_load_takes(ten_firms, monkeypatch):
    folder, _, _ = ten_firms
    monkeypatch.setenv("GOINGGLOBAL_DATA", str(folder / "data"))
    assert data.load("group_panel")["year"].min() == data.load("firm_panel")["year"].min() == 2013
    assert len(data.load("country_panel")) == 2090


def test_years_of_unknown_fdi_make_nobody_a_starter(ten_firms):
    """Of ten firms three are in J and abroad: each gets the year 2016, whose balance sheet their reports show."""
    _, report, _ = ten_firms
    today, candidate = (report["samples"][when] for when in ("today", "candidate"))
    assert today["these firms"] == {"firms": 4, "firm_years": 34, "starters": 0, "years_before_a_start": 0}
    assert candidate["these firms"] == {"firms": 4, "firm_years": 37, "starters": 0, "years_before_a_start": 0}
    assert candidate["all firms"]["starters"] == today["all firms"]["starters"]


def test_the_report_names_every_difference_and_refusal(ten_firms):
    folder, report, _ = ten_firms
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "would add 37 rows to `firm_panel` and 28 to `group_panel`. No row of today changes." in text
    for line in report["differences"] + report["regions_refused"] + report["marks"]:
        assert f"- {line}\n" in text
    regions = pd.read_csv(folder / "regions.csv")
    assert len(regions) == report["region_cells"] == 86


# ------------------------------------------------------------------------------------------------------------- fetching
def test_a_second_run_asks_nothing_and_a_recheck_asks_for_days_alone(world, tmp_path, few_days):
    fetch(world, tmp_path)
    first = dict(world.asked)
    assert set(first.values()) == {1}
    assert len(first) == len(DAYS) + 20
    again = fetch(world, tmp_path)
    assert dict(world.asked) == first
    assert len(again.paths) == 20
    fetch(world, tmp_path, recheck=True)
    fetch(world, tmp_path)
    assert sum(world.asked.values()) == sum(first.values()) + len(DAYS)


def test_a_day_that_is_not_over_is_asked_for_again(world, tmp_path, monkeypatch):
    today = edinet.now().date()
    monkeypatch.setattr(edinet, "days_of", lambda years: [today])
    fetch(world, tmp_path)
    monkeypatch.setattr(edinet, "now", lambda: datetime.now(UTC) + edinet.JAPAN + timedelta(minutes=1))
    fetch(world, tmp_path)
    assert world.asked[str(today)] == 2


def test_weekdays_from_january_to_the_next_june():
    days = edinet.days_of([2017])
    assert (days[0], days[-1], len(days)) == (date(2017, 1, 2), date(2018, 6, 29), 390)
    assert edinet.days_of([edinet.now().year])[-1] <= edinet.now().date()


@pytest.mark.parametrize("years", [[], [1999], [2131]])
def test_years_that_nobody_has_filed_on_are_refused(world, tmp_path, years):
    with pytest.raises(RefreshError, match="2008 to 20"):
        fetch(world, tmp_path, years=years)
    assert not world.order


def test_a_limit_stops_cleanly_and_the_next_run_goes_on(world, tmp_path, few_days):
    lines = []
    part = fetch(world, tmp_path, requests_limit=len(DAYS) + 3, lines=lines)
    assert not part.complete
    assert len(part.paths) == 3
    assert "run the same command again to go on" in lines[-1]
    whole = fetch(world, tmp_path)
    assert whole.complete
    assert len(whole.paths) == 20
    assert set(world.asked.values()) == {1}


def test_the_key_is_written_nowhere(world, tmp_path, few_days, caplog, monkeypatch, capsys):
    monkeypatch.setenv(edinet.KEY, service.KEY)
    world.faults[HITACHI] = lambda n: {"status": 500} if n == 1 else None
    lines = []
    with caplog.at_level(logging.DEBUG):
        fetch(world, tmp_path, key=None, lines=lines)
    assert len(caplog.records) >= 20
    assert "Subscription-Key=…" in caplog.text
    assert service.KEY not in caplog.text + "".join(lines) + "".join(capsys.readouterr())
    assert service.KEY.encode() not in everything_in(tmp_path)


@pytest.mark.parametrize(("name", "fault", "message"), [
    pytest.param("*", lambda n: {"body": service.REFUSED}, "the key is refused .Access", id="200, 401 in the body"),
    pytest.param("*", lambda n: {"status": 401}, "the key is refused", id="401"),
    pytest.param("*", lambda n: {"status": 429, "headers": {"Retry-After": "0"}}, "429", id="429 for ever"),
    pytest.param("*", lambda n: {"status": 500}, "500", id="500 for ever"),
    pytest.param("*", lambda n: {"body": b"<html>moved</html>"}, "a web page instead of an answer", id="a web page"),
    pytest.param(HITACHI_DAY, lambda n: {"body": json.dumps(service.day(service.listed())).encode()[:500]},
                 "2017-06-21: half a list", id="half a page, whole answer"),
    pytest.param(HITACHI_DAY, lambda n: {"body": service.day(service.listed()[:1], count=20)}, "06-21: half a list",
                 id="fewer than counted"),
    pytest.param(HITACHI_DAY, lambda n: {"body": service.day(service.listed()), "cut": 500}, "broke off", id="break"),
    pytest.param("*", lambda n: {"body": service.day([]), "headers": {"Date": LONG_AGO}}, "clock says",
                 id="a clock in the future"),
    pytest.param(HITACHI, lambda n: {"body": service.REFUSED}, "the key is refused", id="the key refused on the way"),
])  # fmt: skip
def test_what_ends_a_run_is_one_clear_line(world, tmp_path, few_days, name, fault, message):
    world.faults[name] = fault
    with pytest.raises(RefreshError, match=message) as caught:
        fetch(world, tmp_path)
    said = str(caught.value)
    assert said.startswith("EDINET")
    assert "\n" not in said
    assert service.KEY not in said
    assert not list(tmp_path.rglob("*.new"))
    world.faults.clear()
    assert len(fetch(world, tmp_path).paths) == 20


@pytest.mark.parametrize(("fault", "message"), [
    pytest.param({"body": service.zipped("x" * 9000)[:200]}, "zip comes broken or cut short, 3 times", id="truncated"),
    pytest.param({"body": service.GONE}, "the service has it no more, or not as CSV", id="200, and 404 in the body"),
    pytest.param({"status": 404}, "404", id="404"),
])  # fmt: skip
def test_a_filing_that_fails_leaves_the_others(world, tmp_path, few_days, fault, message):
    world.faults[HITACHI] = lambda n: dict(fault)
    filings = fetch(world, tmp_path)
    assert len(filings.paths) == 19
    assert len(filings.problems) == 1
    assert HITACHI not in filings.paths
    assert message in filings.problems[0]
    assert HITACHI in filings.problems[0]
    assert filings.problems[0].endswith("(E01737, fiscal year to 2017-03-31)")
    assert not list(tmp_path.rglob(f"{HITACHI}.zip.json"))  # the note without which nothing counts as kept
    world.faults.clear()
    assert len(fetch(world, tmp_path).paths) == 20


@pytest.mark.parametrize("fault", [
    {"status": 500}, {"status": 429, "headers": {"Retry-After": "0"}}, {"body": b"PK-half"}, {"body": b"", "cut": 0},
], ids=["500", "429", "broken", "empty"])  # fmt: skip
def test_what_passes_is_asked_for_again(world, tmp_path, few_days, fault):
    world.faults[HITACHI] = lambda n: dict(fault) if n < 3 else None
    filings = fetch(world, tmp_path)
    assert not filings.problems
    assert len(filings.paths) == 20
    assert world.asked[HITACHI] == 3


def test_three_filings_in_a_row_that_fail_end_the_run(world, tmp_path, few_days):
    for row in service.listed():
        world.faults[row["docID"]] = lambda n: {"status": 404}
    with pytest.raises(RefreshError, match="404"):
        fetch(world, tmp_path)
    assert sum(world.asked[row["docID"]] for row in service.listed()) == 3


def test_no_key_and_no_network(tmp_path, few_days, monkeypatch):
    monkeypatch.delenv(edinet.KEY, raising=False)
    with service.Service() as gone:
        with pytest.raises(RefreshError, match="no key: get one from the service"):
            fetch(gone, tmp_path, key="")
        assert not gone.order
    with pytest.raises(RefreshError, match=r"no connection to http://127\.0\.0\.1") as caught:
        fetch(gone, tmp_path)
    assert service.KEY not in str(caught.value)


# ---------------------------------------------------------------------------------------------- which filings are taken
def row(doc_id: str, **more) -> dict:
    return next(r for r in service.listed() if r["docID"] == HITACHI) | {"docID": doc_id} | more


@pytest.mark.parametrize(("rows", "taken", "problem"), [
    pytest.param([row("A")], ["A"], None, id="one"),
    pytest.param([row("A"), row("B", docTypeCode="130", submitDateTime="2017-08-01 09:00")], ["A", "B"], None,
                 id="an amendment comes after what it amends"),
    pytest.param([row("A"), row("B")], [], "A, B (E01737, fiscal year to 2017-03-31): 2 reports on", id="two"),
    pytest.param([row("A", withdrawalStatus="2"), row("B")], ["B"], None, id="withdrawn"),
    pytest.param([row("A"), row("B", withdrawalStatus="1", parentDocID="A")], [], None, id="taken back"),
    pytest.param([row("A", legalStatus="0")], [], "A (E01737, fiscal year to 2017-03-31): its time on", id="old"),
    pytest.param([row("A", csvFlag="0")], [], "isn't given as CSV", id="no CSV"),
    pytest.param([row("A", submitDateTime="2031-06-01 09:00")], [], "in the future", id="from the future"),
    pytest.param([row("A", submitDateTime="2017-03-01 09:00")], [], "before its year was over", id="too early"),
    pytest.param([row("A", docTypeCode="140")], [], None, id="a quarterly report"),
    pytest.param([row("A", fundCode="G01")], [], None, id="a fund"),
    pytest.param([row("A", periodEnd="2016-03-31")], [], None, id="another year"),
])  # fmt: skip
def test_which_filings_are_taken(rows, taken, problem):
    problems = []
    assert [r["docID"] for r in edinet.chosen(rows, [2017], None, problems)] == taken
    assert (problem is None and not problems) or (len(problems) == 1 and problem in problems[0])


# ------------------------------------------------------------------------------------------------ beside today's tables
def beside(tmp_path, *texts: tuple[dict, str]) -> earlier.Earlier:
    filings = edinet.Filings()
    for document, text in texts:
        path = tmp_path / f"{document['docID']}.zip"
        path.write_bytes(service.zipped(text))
        filings.documents.append(document)
        filings.paths[document["docID"]] = path
    return earlier.read(filings)


def oki() -> dict:
    return next(r for r in service.listed() if r["docID"] == OKI)


def test_thousands_of_persons_are_refused_by_name(tmp_path):
    text = re.sub(r'("jpcrp_cor:NumberOfEmployees".*\t)"(\d+)\d{3}"', r'\1"\2"', service.rows(OKI))
    found = beside(tmp_path, (oki(), text))
    assert found.new == {"firm_panel": [], "group_panel": []}
    assert not found.filings
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"EDINET, filing {OKI}: headcounts are 0.00098")


def test_a_filing_of_another_firm_or_year_is_refused_by_name(tmp_path):
    found = beside(tmp_path, (oki() | {"edinetCode": "E09999"}, service.rows(OKI)))
    assert found.problems == [
        f"EDINET, filing {OKI}: it is of E01767, year to 2017-03-31, where the list has E09999, "
        "2017-03-31; look at it on EDINET (E09999, fiscal year to 2017-03-31)"
    ]


def test_an_amendment_supersedes_its_report(tmp_path):
    lines = [
        line
        for line in service.rows(OKI).splitlines(keepends=True)
        if line.startswith(('"要素ID"', '"jpdei')) or ("NumberOfEmployees" in line and '"Prior4YearInstant"' in line)
    ]
    text = "".join(lines).replace('"17459"', '"17500"')
    later = oki() | {"docID": "S100ZZZZ", "docTypeCode": "130", "submitDateTime": "2017-08-01 09:00"}
    found = beside(tmp_path, (oki(), service.rows(OKI)), (later, text))
    assert found.marks == ["E01767, filing S100ZZZZ: amended 1 times; the report was S100AFA6"]
    added = {r["year"]: r["group_employees"] for r in found.new["group_panel"]}
    assert added == {2013: 17500, 2014: 21090, 2015: 20653}


def test_an_amendment_without_its_report_is_refused_where_it_has_no_headcounts(tmp_path):
    lines = service.rows(OKI).splitlines(keepends=True)
    text = "".join(line for line in lines if line.startswith(('"要素ID"', '"jpdei')))
    text = re.sub(r'("jpdei_cor:AmendmentFlagDEI".*)"false"', r'\1"true"', text)
    found = beside(tmp_path, (oki() | {"docTypeCode": "130"}, text))
    assert len(found.problems) == 1
    assert f"{OKI}: an amendment without headcounts, whose report isn't here" in found.problems[0]


def test_years_that_two_reports_state_differently_are_named_and_the_nearer_report_counts(tmp_path):
    text = service.rows(OKI)
    for old, new in (("2017-", "2018-"), ("2016-", "2017-"), ("2015-", "2016-")):
        text = text.replace(old, new)
    other = oki() | {"docID": "S100NEXT", "periodEnd": "2018-03-31"}
    found = beside(tmp_path, (oki(), service.rows(OKI)), (other, text))
    assert "E01767, 2014, group_employees: 21090 by filing S100AFA6, 17459 by S100NEXT" in found.between
    assert next(r for r in found.new["group_panel"] if r["year"] == 2014)["group_employees"] == 21090


def test_a_firm_without_a_report_is_named(tmp_path):
    path = tmp_path / "oki.zip"
    path.write_bytes(service.zipped(service.rows(OKI)))
    firms = ["E01737", "E01767", "E01955"]
    found = earlier.read(edinet.Filings(years=[2017], firms=firms, documents=[oki()], paths={OKI: path}))
    assert found.gone == ["E01737 2017", "E01955 2017"]


def test_a_year_outside_a_table_s_limits_is_left_out_by_name(tmp_path):
    text = service.rows(OKI).replace('"4107"', '"-40"')
    assert text != service.rows(OKI)
    found = beside(tmp_path, (oki(), text))
    assert [sorted(r["year"] for r in rows) for rows in found.new.values()] == [[2014, 2015, 2016], [2014, 2015]]
    assert found.problems == [
        f"EDINET, filing {OKI}: {table}, E01767, 2013, temporary_staff is -40 where at least {least} was expected; "
        "the row is left out" for table, least in (("firm_panel", 0), ("group_panel", -12))]  # fmt: skip


def test_a_candidate_that_fails_a_check_is_not_written(tmp_path, monkeypatch):
    row = {"edinet_code": "E00001", "year": 2015, "period_end": "2015-03-31"}
    found = earlier.Earlier(new={"firm_panel": [row], "group_panel": []}, problems=["one before"])
    monkeypatch.setattr(earlier, "read", lambda filings: found)
    problems = earlier.write(edinet.Filings(), tmp_path)
    assert problems[0] == "one before"
    assert "table 'firm_panel', field 'parent_employees', row 1 " in problems[1]
    assert problems[1].endswith("no candidate is written")
    assert not list(tmp_path.iterdir())


def test_what_the_rows_do_to_the_book_is_told(ten_firms):
    _, report, _ = ten_firms
    assert "What it does to the book's numbers was not computed" in earlier.as_markdown(report)
    line = {"id": "firm/a", "page": "sme-role", "moved": True, "changes": ["sign"], "today": {"text": "0.10"},
            "candidate": {"text": "−0.02"}}  # fmt: skip
    book = {"primary": [line], "headlines": [line | {"id": "firm/b", "candidate": None, "changes": ["gone"]}],
            "moved": [line], "results": 700, "stopped": {"barriers": "KeyError: 'fdi'"},
            "sentences": [{"page": "sme-role", "sentence": "It grows.", "ids": {"firm/a": ["sign"]}}]}  # fmt: skip
    text = earlier.as_markdown(report | {"book": book})
    for said in ("1 of the book's 700 numbers move, 2 of them primary estimates or headlines",
                 "- `firm/a`, sme-role: 0.10 → −0.02 (sign)",
                 "- `firm/b`, sme-role: 0.10 → gone (gone)", "- sme-role: It grows. (firm/a)",
                 "- barriers: its notebook stops: KeyError: 'fdi'"):  # fmt: skip
        assert said in text


# ---------------------------------------------------------------------------------------------------------- the command
@pytest.mark.parametrize(("options", "fault", "code", "says"), [
    pytest.param([], None, 0, "20 annual reports kept", id="all there"),
    pytest.param([], {"status": 404}, 1, "error: EDINET, table firm_panel, group_panel: ", id="one filing missing"),
    pytest.param(["--limit", "5"], None, 1, "run the same command again to go on", id="a limit"),
    pytest.param(["--firms", "E01767"], None, 0, "2 annual reports kept", id="one firm"),
])  # fmt: skip
def test_the_command(world, tmp_path, few_days, monkeypatch, capfd, options, fault, code, says):
    monkeypatch.setenv(edinet.KEY, service.KEY)
    if fault:
        world.faults[HITACHI] = lambda n: dict(fault)
    given = ["2017", "2025", "--folder", str(tmp_path), "--base-url", world.url, "--pause", "0", "--fetch-only"]
    assert edinet.main([*given, *options]) == code
    assert says in "".join(capfd.readouterr())


def test_the_command_without_a_key_ends_with_one_line(tmp_path, monkeypatch, capfd):
    monkeypatch.delenv(edinet.KEY, raising=False)
    assert edinet.main(["2017", "--folder", str(tmp_path)]) == 2
    assert capfd.readouterr().err.count("\n") == 1


# ------------------------------------------------------------------------------------------------------ kill and resume
@pytest.mark.skipif(os.name != "posix", reason="killing needs a POSIX system")
@pytest.mark.parametrize("often", [2, pytest.param(10, marks=pytest.mark.proof)])
def test_killed_at_some_points_the_runs_end_as_one_undisturbed(world, tmp_path, often):
    """The service kills the client before it answers or in the middle of an answer, at seeded requests."""
    command = [sys.executable, "-m", "goingglobal.refresh.edinet", "2017", "--fetch-only", "--pause", "0",
               "--base-url", world.url, "--folder"]  # fmt: skip
    environment = os.environ | {edinet.KEY: service.KEY}
    rng = random.Random(18)
    points = [rng.randrange(3, 39) for _ in range(often)]
    running = {}

    def kill(answer, number):
        if running and number == running["at"]:
            if running["how"] == "in the middle":
                answer.send_response(200)
                answer.send_header("Content-Length", "1000")
                answer.end_headers()
                answer.wfile.write(b'{"metadata": {"sta')
            running["process"].send_signal(signal.SIGKILL)

    world.before = kill
    for point in points:
        running.clear()
        running.update(at=len(world.order) + point, how=rng.choice(["before", "in the middle"]))
        running["process"] = subprocess.Popen([*command, str(tmp_path / "killed")], env=environment,
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        assert running["process"].wait(60) == -signal.SIGKILL
    running.clear()
    world.before = None
    assert subprocess.run([*command, str(tmp_path / "killed")], env=environment, capture_output=True).returncode == 0
    asked = sum(world.asked.values())
    assert asked <= len(edinet.days_of([2017])) + 10 + len(points)  # only what was on its way is asked for twice
    assert subprocess.run([*command, str(tmp_path / "whole")], env=environment, capture_output=True).returncode == 0
    bodies = [
        {
            path.name: path.read_bytes()
            for path in (tmp_path / name / "fetched" / "edinet").iterdir()
            if not path.name.endswith(".json.json") and not path.name.endswith(".zip.json")
        }
        for name in ("killed", "whole")
    ]
    assert bodies[0] == bodies[1]
    assert len(bodies[0]) == len(edinet.days_of([2017])) + 10
