"""The command: one source's fault, limits, a kill and its resumption, and a candidate taken over by a person's word."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from publishers import KEY, sealed

from goingglobal import data, load
from goingglobal.refresh import __main__ as command
from goingglobal.refresh import accepting
from goingglobal.refresh.fetching import Fetcher, sha256
from goingglobal.refresh.sources import ILO_COLUMN, WDI

SMALL = "country_by_country_2016"  # no publisher's table: only small
pytest_plugins = ["stand_ins"]


@pytest.fixture
def newer(publishers, checkout):
    """A made next vintage of ILOSTAT's series, and a copy of the data that it may replace."""
    panel = publishers.tables["country_panel"].copy()
    jobs = panel.loc[panel["year"] == 2023].assign(year=2024)
    panel.loc[(panel["iso3"] == "JPN") & (panel["year"] == 2020), ILO_COLUMN] = 66_000.0
    publishers.tables["country_panel"] = type(panel)(
        [*panel[panel["year"] < 2024].to_dict("records"), *jobs.to_dict("records")])  # fmt: skip
    return checkout


def refresh(*given: str) -> int:
    return command.main([*given, "--no-book"], pause=0.001)


def folder(checkout):
    return checkout / "_build" / "refresh"


def test_a_candidate_is_reported_accepted_and_can_be_built_again(publishers, newer, monkeypatch, capsys):
    before, root = sealed(), newer
    monkeypatch.delenv("BEA_API_KEY")
    assert refresh("bea", "ilo") == 1  # one source has no key: the other's table is there
    assert sealed() == before
    told = json.loads((folder(root) / "report.json").read_text(encoding="utf-8"))
    assert [name for name in told["candidates"]] == ["country_panel"]
    assert told["faults"] == ["BEA, table us_multinationals: no key: set BEA_API_KEY in the environment (free, "
                              "https://apps.bea.gov/API/signup)"]  # fmt: skip
    page = (folder(root) / "report.html").read_text(encoding="utf-8")
    assert "There are newer data for <code>country_panel</code>." in page
    assert "<li>BEA, table us_multinationals: no key" in page
    capsys.readouterr()

    assert command.main(["--accept", "country_panel"]) == 0
    said = capsys.readouterr().out
    assert "country_panel is sealed with the vintage" in said
    panel = load("country_panel").set_index(["iso3", "year"])
    assert panel.at[("JPN", 2020), ILO_COLUMN] == 66_000.0
    assert panel[ILO_COLUMN].xs(2024, level="year").notna().all()
    vintage = told["candidates"]["country_panel"]["vintage"]
    assert data.describe("country_panel")["vintage"] == vintage
    assert data.validate() == []
    line = (root / "CHANGELOG.md").read_text(encoding="utf-8").partition("## Unreleased\n\n")[2].splitlines()[0]
    assert line == (f"- `country_panel`: vintage {vintage}, from ilo; 0 rows added, 1 values revised, 0 rows gone.")
    changed = {name for name, digest in sealed().items() if before[name] != digest}
    assert changed == {"country_panel.csv", "datapackage.json", "build/sources.json", "build/vintages.json"}

    accepted = (root / "data/country_panel.csv").read_bytes()
    (root / "data/country_panel.csv").write_text("nothing", encoding="utf-8")
    subprocess.run([sys.executable, str(root / "data/build/build.py"), "--sources",
                    str(folder(root) / "sources" / "country_panel"), "--only", "country_panel"], check=True,
                   capture_output=True)  # fmt: skip
    assert (root / "data/country_panel.csv").read_bytes() == accepted
    assert data.validate() == []

    assert command.main(["--accept", "country_panel"]) == 1
    assert "the sealed table has changed since the candidate was made" in capsys.readouterr().err


@pytest.fixture
def staged(checkout):
    """A candidate as a run leaves it, made by hand: one value of the smallest table is another."""
    place = folder(checkout)
    (place / "data").mkdir(parents=True)
    (place / f"sources/{SMALL}/data/oecd_cbcr").mkdir(parents=True)
    (place / f"sources/{SMALL}/data/oecd_cbcr/oecd_cbcr_fy2016_extract.csv").write_text("x", encoding="utf-8")
    text = (checkout / f"data/{SMALL}.csv").read_bytes().replace(b"8273761", b"8273762", 1)
    (place / f"data/{SMALL}.csv").write_bytes(text)
    package = json.loads((checkout / "data/datapackage.json").read_text(encoding="utf-8"))
    resource = next(r for r in package["resources"] if r["name"] == SMALL)
    part = {"sealed": resource["hash"], "candidate": f"sha256:{sha256(text)}", "vintage": "2026-11-20",
            "entry": {"vintage": "2026-11-20", "last_year": 2023, "sources": [], "missing": {}}, "from": ["eurostat"],
            "rows": {"added": 0, "gone": 0}, "fields": {"value": {"changed": 1}}}  # fmt: skip
    resource |= {"hash": part["candidate"], "vintage": "2026-11-20"}
    resource["checked"] = data.check_file(place / f"data/{SMALL}.csv", resource)
    (place / "data/datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    told = {"candidates": {SMALL: part}, "faults": ["BEA, table us_multinationals: no key"]}
    (place / "report.json").write_text(json.dumps(told), encoding="utf-8")
    return checkout


def test_what_cannot_be_accepted_is_refused_and_nothing_changes(staged, capsys):
    before = sealed()

    def refused(table: str, words: str) -> None:
        assert command.main(["--accept", table]) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"error: refresh, table {table}: ")
        assert words in said
        assert said.rstrip().endswith("nothing was changed")
        assert sealed() == before

    refused("us_multinationals", "its candidate failed: BEA, table us_multinationals: no key")
    refused("claims", "there is no candidate")
    candidate = folder(staged) / f"data/{SMALL}.csv"
    whole = candidate.read_bytes()
    candidate.write_bytes(whole.replace(b"8273762", b"9999999"))
    refused(SMALL, "the candidate is not as it was checked")
    candidate.write_bytes(whole)
    (folder(staged) / "report.json").unlink()
    refused(SMALL, "there is no report of a finished run")


def test_a_sealed_table_that_is_not_as_sealed_is_not_replaced(staged, capsys):
    table = staged / f"data/{SMALL}.csv"
    table.write_bytes(table.read_bytes().replace(b"8273761", b"8273760", 1))
    assert command.main(["--accept", SMALL]) == 1
    assert "the file has changed since it was sealed" in capsys.readouterr().err
    assert b"8273760" in table.read_bytes()


def test_an_acceptance_that_is_cut_short_is_all_or_nothing(staged, monkeypatch, capsys):
    """Killed before each of its writes in turn, then started again: every file is as before, or every file is new."""
    names = [f"data/{SMALL}.csv", "data/datapackage.json", "data/build/vintages.json",
             "data/build/sources.json", "CHANGELOG.md"]  # fmt: skip
    old = {name: (staged / name).read_bytes() for name in names}
    write, seen = accepting.write, []
    for cut in range(20):
        for name, content in old.items():
            (staged / name).write_bytes(content)
        left = [cut]

        def limited(path, content, left=left):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            write(path, content)

        monkeypatch.setattr(accepting, "write", limited)
        try:
            accepting.accept(staged, folder(staged), SMALL)
        except KeyboardInterrupt:
            monkeypatch.setattr(accepting, "write", write)
            accepting.resume(staged, folder(staged))
            now = {name: (staged / name).read_bytes() for name in names}
            seen.append([now[name] != old[name] for name in names])
            assert data.validate([SMALL]) == []
        else:
            break
    assert cut == 2 * len(names)
    assert seen == [[False] * 5] * 5 + [[True] * 5] * 5
    assert not (folder(staged) / "staged").exists()


def test_a_limit_stops_cleanly_and_the_next_run_goes_on(publishers, checkout, capsys):
    publishers.page = 5000
    panel = publishers.tables["country_panel"]
    publishers.tables["country_panel"] = panel[panel["year"] > 2018]
    assert refresh("worldbank", "--limit", "4") == 3
    assert "the limit of this run is reached; what was fetched is kept" in capsys.readouterr().err
    assert not json.loads((folder(checkout) / "report.json").read_text(encoding="utf-8"))["candidates"]
    found, faults, stopped = command.fetch(Fetcher(folder(checkout), pause=0.001), ["worldbank"])
    assert (set(found["country_panel"]), faults, stopped) == ({"worldbank"}, [], "")
    assert publishers.asked["worldbank"] == 1 + len(WDI)


def test_it_says_what_it_can_be_asked(checkout, monkeypatch, capsys, tmp_path):
    with pytest.raises(SystemExit) as left:
        command.main(["imf"])
    assert left.value.code == 2
    assert "no source 'imf'; there are worldbank, ilo, eurostat, bea" in capsys.readouterr().err
    (checkout / "book").rmdir()
    assert command.main([]) == 1
    assert "run it in a checkout of the repository" in capsys.readouterr().err


@pytest.mark.environments
def test_killed_at_ten_random_points_it_resumes_and_ends_as_if_it_had_not_been(publishers, newer):
    """SIGKILL of the process at ten moments drawn with a seed: nothing sealed changes, nothing is fetched twice."""
    before, dice = sealed(), random.Random(18)
    publishers.pause, publishers.page = 0.15, 1500
    line = [sys.executable, "-m", "goingglobal.refresh", "worldbank", "ilo", "bea", "--no-book"]
    environment = os.environ | {"BEA_API_KEY": KEY}
    for _ in range(10):
        running = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   encoding="utf-8")  # fmt: skip
        running.stderr.readline()  # it has begun
        time.sleep(dice.uniform(0.0, 1.0))
        running.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        running.wait()
        running.stderr.close()
        assert sealed() == before
    done = subprocess.run(line, env=environment, check=False, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    requests = 1 + 2 * len(WDI) + 1 + 4
    assert requests <= sum(publishers.sent.values()) <= requests + 10  # at most the one that was under way, each time
    told = json.loads((folder(newer) / "report.json").read_text(encoding="utf-8"))
    assert list(told["candidates"]) == ["country_panel"]
    assert told["candidates"]["country_panel"]["fields"][ILO_COLUMN]["changed"] == 1
    assert sealed() == before


@pytest.mark.environments
def test_a_made_next_vintage_moves_one_headline_and_the_report_says_which_sentence(publishers, checkout):
    """US parents' jobs are revised so that one interval leaves zero out; the introduction alone is run."""
    from conftest import ROOT

    (checkout / "book/introduction.ipynb").write_bytes((ROOT / "book/introduction.ipynb").read_bytes())
    publishers.next_vintage()
    before = sealed()
    assert command.main(["bea", "--title", "A made next vintage, not a real one"], pause=0.001) == 0
    assert sealed() == before
    told = json.loads((folder(checkout) / "report.json").read_text(encoding="utf-8"))
    book = told["book"]
    assert book["stopped"] == {}
    assert [line["id"] for line in book["primary"] if line["moved"]] == ["both/us_parents/year"]
    flipped = [line["id"] for line in book["headlines"] if "significance" in line["changes"]]
    assert flipped == ["both/us_parents_hosts/low_wage"]
    said = [line for line in book["sentences"] if "significance" in line["ids"].get(flipped[0], ())]
    assert [line["page"] for line in said] == ["introduction"]
    assert "includes zero" in said[0]["shown"]
    report = (folder(checkout) / "report.md").read_text(encoding="utf-8")
    assert report.startswith("# A made next vintage, not a real one\n")
