"""A stand-in for EDINET on this machine: it answers as the service documents, from twenty real filings.

The list and the filings are those of `tests/refresh/edinet` (real, cut: see its README). `faults` holds, by a day or a
document id, functions of the number of times it was asked for, which answer instead (`None`: no fault).
"""

from __future__ import annotations

import gzip
import io
import json
import threading
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

HERE = Path(__file__).with_name("edinet")
KEY = "a-key-that-nobody-may-see"
REFUSED = {"StatusCode": 401, "message": "Access denied due to invalid subscription key."}
GONE = {"metadata": {"title": "API", "status": "404", "message": "Not Found"}}


def listed() -> list[dict]:
    """The twenty documents as the list service describes them."""
    return json.loads((HERE / "documents.json").read_text(encoding="utf-8"))["results"]


def rows(doc_id: str) -> str:
    """The text of one real filing."""
    (path,) = HERE.glob(f"*_{doc_id}.tsv.gz")
    return gzip.decompress(path.read_bytes()).decode("utf-16")


def zipped(text: str | bytes) -> bytes:
    """A zip as the service gives it: the report and the auditor's file."""
    raw, out = text if isinstance(text, bytes) else b"\xff\xfe" + text.encode("utf-16-le"), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("jpaud-aar-cn-001", b"\xff\xfe"), ("jpcrp030000-asr-001", raw)):
            archive.writestr(zipfile.ZipInfo(f"XBRL_TO_CSV/{name}.csv"), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def day(documents: list[dict], count: int | None = None) -> dict:
    """A day's list."""
    metadata = {"title": "提出された書類を把握するためのAPI", "status": "200", "message": "OK",
                "resultset": {"count": len(documents) if count is None else count}}  # fmt: skip
    return {"metadata": metadata, "results": documents}


class Service(ThreadingHTTPServer):
    """`asked` counts requests by day or document id; `documents`, `content`: what is served."""

    daemon_threads = True

    def __init__(self):
        self.documents = listed()
        self.content = {}
        self.faults, self.asked, self.order, self.before = {}, Counter(), [], None
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/api/v2"

    def zip_of(self, doc_id: str) -> bytes:
        if doc_id not in self.content:
            self.content[doc_id] = zipped(rows(doc_id))
        return self.content[doc_id]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        """A client that goes away in the middle is what some tests are about."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms behind its headers
    disable_nagle_algorithm = True
    date = None

    def log_message(self, *_):
        """Nothing is written."""

    def date_time_string(self, timestamp=None):
        return self.date or super().date_time_string(timestamp)

    def do_GET(self):
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        name = query.get("date") or address.path.rsplit("/", 1)[1]
        self.server.asked[name] += 1
        self.server.order.append(name)
        if self.server.before:
            self.server.before(self, len(self.server.order))
        fault = self.server.faults.get(name) or self.server.faults.get("*")
        answer = fault(self.server.asked[name]) if fault else None
        if answer is not None:
            return self.send(**answer)
        if query.get("Subscription-Key") != KEY:
            return self.send(REFUSED)
        if "date" in query:
            assert query["type"] == "2"
            return self.send(day([row for row in self.server.documents if row["submitDateTime"][:10] == name]))
        assert query["type"] == "5"
        return self.send(self.server.zip_of(name))

    def send(self, body: dict | bytes = b"", status: int = 200, headers: dict | None = None, cut: int | None = None):
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        self.date = (headers or {}).pop("Date", None)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True
