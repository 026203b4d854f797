"""A year's lists and 1,800 filings, from the stand-in: the ten real filings for fiscal 2017, repeated under made ids.

What it shows is how much is asked for and held in memory; the firms and their 1,800 codes are made.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import edinet_service as service
import pytest

from goingglobal.refresh import edinet

pytestmark = pytest.mark.environments
COUNT = 1800
MEASURED = """
import sys, time
from goingglobal.own.large import peak_mb
from goingglobal.refresh import edinet
began, code = time.process_time(), edinet.main(sys.argv[1:])
print(f"code {code}, {time.process_time() - began:.0f} CPU seconds, {peak_mb():.0f} MB")
"""


def made_year(world: service.Service) -> None:
    """1,800 documents on the weekdays of a year, each a real filing with another firm's code in it."""
    real = [row for row in service.listed() if row["periodEnd"].startswith("2017")]
    texts = {row["docID"]: service.rows(row["docID"]) for row in real}
    days = [day for day in edinet.days_of([2017]) if str(day) > "2017-10-01"]
    world.documents = []
    for number in range(COUNT):
        row = real[number % len(real)]
        code, doc_id = f"E{90000 + number}", f"S1MADE{number:04d}"
        text = texts[row["docID"]].replace(f'"{row["edinetCode"]}"', f'"{code}"')
        world.content[doc_id] = service.zipped(text)
        world.documents.append(row | {"docID": doc_id, "edinetCode": code,
                                      "submitDateTime": f"{days[number % len(days)]} 15:00"})  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="the memory of a process is measured by a POSIX call")
def test_a_year_of_1800_filings_stays_small_and_is_asked_for_once(tmp_path):
    with service.Service() as world:
        made_year(world)
        command = [sys.executable, "-c", MEASURED, "2017", "--pause", "0", "--base-url", world.url, "--folder",
                   str(tmp_path)]  # fmt: skip
        environment = os.environ | {edinet.KEY: service.KEY}
        asked = []
        for _ in range(2):
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, encoding="utf-8", check=True
            )
            print(done.stdout, done.stderr[-500:])
            code, peak = re.search(r"code (\d), .* (\d+) MB", done.stdout).groups()
            assert code == "0"
            assert int(peak) < 500
            asked.append(sum(world.asked.values()))
    assert asked == [len(edinet.days_of([2017])) + COUNT] * 2
    report = json.loads((tmp_path / "earlier" / "report.json").read_text(encoding="utf-8"))
    assert report["filings"] == report["firms"] == COUNT
    assert not report["problems"]
