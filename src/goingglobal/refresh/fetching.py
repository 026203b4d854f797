"""One client for every service: it keeps each answer, resumes after a kill, and waits as a service asks it to.

The publishers' own Python clients (wbgapi, sdmx1, eurostat, beaapi) were read and are not used: none of them tries
again after 429 or 500, honours Retry-After, asks only for what has changed, or keeps what it has when it is stopped;
beaapi's errors carry the key. The services' documented addresses are simple, and `requests` does the rest.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

TRIES = 5
PAUSE = 1.0  # seconds before the second try; twice as long before each further one
FRESH = 6 * 86_400  # seconds in which an answer is used again, of a service that can't say whether it changed
ROUND = 43_200  # seconds after which a run that did not end is no longer gone on with, but begun anew
SKEW = 86_400  # seconds by which clocks may differ
SECRET = re.compile(r"((?:Subscription-Key|UserID)=)[^&\s'\"]*")  # parameters of `Request.secret`, in an address
AGAIN = {429, 500, 502, 503, 504}
WORDS = {429: "too many requests", 401: "the key is refused", 403: "access is refused", 404: "not found"}


class RefreshError(Exception):
    """What went wrong with one source: names the source, the table and what to do.

    `request` is the one whose answer was refused, so that it is asked again; None where there is none.
    """

    def __init__(self, source: str, table: str, what: str, request: Request | None = None):
        self.source, self.table, self.what, self.request = source, table, what, request
        super().__init__(f"{source}, table {table}: {what}")


class Stopped(Exception):  # noqa: N818
    """A limit was reached; what was fetched is kept."""


def write(path: Path, content: bytes) -> None:
    """A file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


def write_json(path: Path, content: object) -> None:
    write(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class _Masked(logging.Filter):
    """Keys in an address that urllib3 logs: EDINET's and BEA's."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if SECRET.search(text):
            record.msg, record.args = SECRET.sub(r"\1…", text), ()
        return True


_MASKED = _Masked()


@dataclass(frozen=True)
class Request:
    """One address to ask. `secret` parameters are sent, and never written or said; `always`: asked in every round."""

    source: str
    title: str
    table: str
    name: str
    url: str
    params: tuple[tuple[str, str], ...] = ()
    secret: tuple[tuple[str, str], ...] = ()
    always: bool = False


@dataclass
class Fetcher:
    """Fetches into `folder/fetched`.

    Parameters: `folder`, `_build/refresh`; `requests_limit` and `minutes`, after which it raises `Stopped`; `pause`,
    seconds before a second try; `say`, where lines of progress go; `again`, ask even for what is fresh.
    """

    folder: Path
    requests_limit: int | None = None
    minutes: float | None = None
    pause: float = PAUSE
    again: bool = False
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
    total: int = 0
    asked: int = 0
    new: int = 0
    done: int = 0
    began: float = field(default_factory=time.monotonic)
    session: object = None

    def __post_init__(self):
        try:
            import requests
        except ImportError:
            raise RefreshError("refresh", "all", "needs the package requests: pip install '.[refresh]'") from None
        logging.getLogger("urllib3.connectionpool").addFilter(_MASKED)
        self.session = requests.Session()
        self.session.headers["User-Agent"] = "goingglobal-refresh (research book; one reader's request)"
        rounds = self.folder / "round.json"
        try:
            self.round = json.loads(rounds.read_text(encoding="utf-8"))["began"]
        except (OSError, ValueError, KeyError):
            self.round = 0.0
        if not 0 <= time.time() - self.round < ROUND:
            self.round = time.time()
            write_json(rounds, {"began": self.round})

    def finish(self) -> None:
        """The round is over: the next one asks again whether anything has changed."""
        (self.folder / "round.json").unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------------ what is kept
    def places(self, request: Request) -> tuple[Path, Path]:
        body = self.folder / "fetched" / request.source / request.name
        return body, body.with_name(f"{body.name}.json")

    def kept(self, request: Request) -> tuple[bytes, dict] | None:
        """An answer of before with its notes, if both are whole and belong to this request."""
        body, notes = self.places(request)
        try:
            content, told = body.read_bytes(), json.loads(notes.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        same = told.get("sha256") == sha256(content) and told.get("url") == self._shown(request)
        return (content, told) if same else None

    @staticmethod
    def _shown(request: Request) -> str:
        return request.url + "?" + "&".join(f"{name}={value}" for name, value in request.params)

    def forget(self, request: Request) -> None:
        """Ask for it again next time; the answer itself stays, to be looked at, until another one comes."""
        self.places(request)[1].unlink(missing_ok=True)

    def usable(self, request: Request, vintage: str | None = None) -> bytes | None:
        """A kept answer that need not be asked for again: of this round, of this vintage, or fresh where nothing else
        can tell."""
        found = self.kept(request)
        if found is None:
            return None
        content, told = found
        if told["fetched"] >= self.round:
            return content
        if request.always:
            return None
        if vintage is not None:
            return content if told.get("vintage") == vintage and not self.again else None
        tells = told.get("etag") or told.get("last_modified")
        fresh = 0 <= time.time() - told["fetched"] < FRESH
        return content if fresh and not tells and not self.again else None

    # -------------------------------------------------------------------------------------------------------- asking
    def _left(self) -> float:
        return float("inf") if self.minutes is None else 60 * self.minutes - (time.monotonic() - self.began)

    def _wait(self, seconds: float, request: Request, why: str) -> None:
        if seconds > self._left():
            raise Stopped(f"{request.title} asks to wait {seconds:.0f} s ({why}), longer than this run may take")
        self.say(f"  {request.title}: {why}, waiting {seconds:.0f} s")
        time.sleep(seconds)

    def get(self, request: Request, vintage: str | None = None) -> bytes:
        """The answer to a request, from the folder where it need not be asked for again.

        Raises `RefreshError` (one line, without the key) and `Stopped`.
        """
        content = self.usable(request, vintage)
        if content is not None:
            self._progress(request, "as kept")
            return content
        if self._left() <= 0 or (self.requests_limit is not None and self.asked >= self.requests_limit):
            raise Stopped("the limit of this run is reached")
        content, how = self._ask(request, vintage)
        self._progress(request, how)
        return content

    def _ask(self, request: Request, vintage: str | None) -> tuple[bytes, str]:
        import requests

        self.asked += 1
        before, headers = self.kept(request), {}
        if before and not self.again:
            headers = {"If-None-Match": before[1].get("etag"), "If-Modified-Since": before[1].get("last_modified")}
            headers = {name: value for name, value in headers.items() if value}
        pause, fault = self.pause, ""
        for attempt in range(TRIES):
            try:
                answer = self.session.get(request.url, params=[*request.params, *request.secret], headers=headers,
                                          timeout=(10, min(120, max(1.0, self._left()))))
            except requests.exceptions.ChunkedEncodingError:
                fault = "the answer broke off before its end"
            except requests.exceptions.Timeout:
                fault = "no answer in time"
            except requests.exceptions.RequestException as error:
                host = re.sub(r"^(https?://[^/]+).*", r"\1", request.url)
                fault = f"no connection to {host} ({type(error).__name__})"  # the error's own words hold the key
            else:
                self._same_clock(request, answer)
                if answer.status_code == 304 and before:
                    self._note(request, before[0], answer, vintage, before[1])
                    return before[0], "unchanged"
                if answer.ok:
                    content = answer.content
                    for _, value in request.secret:  # BEA repeats the key in its answers
                        content = content.replace(value.encode(), "…".encode())
                    known = before is not None and before[1]["sha256"] == sha256(content)
                    self._note(request, content, answer, vintage)
                    self.new += not known
                    return content, "the same again" if known else f"new, {len(content) / 1e3:.0f} kB"
                said = WORDS.get(answer.status_code, "")
                fault = f"the service answers {answer.status_code}" + (f" ({said})" if said else "")
                if answer.status_code not in AGAIN:
                    raise RefreshError(request.title, request.table, f"{fault} to {request.name}; {self._todo(answer)}")
                asked = self._retry_after(answer)
                if asked is not None:
                    if attempt + 1 < TRIES:
                        self._wait(asked, request, fault)
                    continue
            if attempt + 1 < TRIES:
                self._wait(pause, request, fault)
                pause *= 2
        raise RefreshError(request.title, request.table, f"{fault}, {TRIES} times; look whether the network and the "
                           "service are there, then run the same command again: it goes on where it was")

    @staticmethod
    def _todo(answer) -> str:
        if answer.status_code in (401, 403):
            return "look at the key in the environment"
        return "its address or code may have changed: see the service's own list and `refresh/sources.py`"

    @staticmethod
    def _retry_after(answer) -> float | None:
        told = answer.headers.get("Retry-After", "").strip()
        if told.isdigit():
            return float(told)
        try:
            return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
        except (TypeError, ValueError):
            return None

    def _same_clock(self, request: Request, answer) -> None:
        """A vintage is a date: with a wrong clock it would be a wrong one."""
        try:
            theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return
        if abs(theirs - time.time()) > SKEW:
            there = datetime.fromtimestamp(theirs, UTC).date()
            raise RefreshError(request.title, request.table, f"this machine's clock says {today()}, the service's "
                               f"{there}; set the clock, then run the same command again")

    def _note(self, request: Request, content: bytes, answer, vintage: str | None, before: dict | None = None) -> None:
        body, notes = self.places(request)
        if before is None:
            write(body, content)
        told = {
            "url": self._shown(request), "sha256": sha256(content), "fetched": time.time(), "vintage": vintage,
            "etag": answer.headers.get("ETag") or (before or {}).get("etag"),
            "last_modified": answer.headers.get("Last-Modified") or (before or {}).get("last_modified"),
        }
        write_json(notes, told)

    def _progress(self, request: Request, how: str) -> None:
        self.done += 1
        left = (time.monotonic() - self.began) / self.done * max(0, self.total - self.done)
        self.say(f"[{self.done:>2}/{max(self.total, self.done)}] {request.title}, {request.name}: {how}"
                 + (f"; about {left:.0f} s left" if left >= 1 else ""))


def today() -> str:
    """The date, as a vintage states it."""
    return datetime.now(UTC).date().isoformat()


def place(source: str, address: str) -> str:
    """A service's address, or that of a stand-in: `GOINGGLOBAL_REFRESH_AT=http://host` serves each below its name."""
    stand_in = os.environ.get("GOINGGLOBAL_REFRESH_AT")
    return f"{stand_in.rstrip('/')}/{source}" if stand_in else address
