"""A local server that answers as the publishers' services document: made of our own tables, so no real answer.

World Bank: pages of JSON; ILOSTAT: SDMX-CSV; Eurostat: JSON-stat 2.0; BEA: JSON. `Publishers.tables` are the frames
that it answers from: a test changes them to make a "next vintage". `faults` break one answer in a named way.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

from goingglobal import data, load
from goingglobal.refresh import sources

MADE: dict[tuple, bytes] = {}  # Eurostat's answers, by what was asked and the tables that they are made of
SCALES = {"employees_thousands": "Thousands of Employees", "compensation_musd": "Millions of Dollars"}
KEY = "0F0E0D0C-0B0A-0908-0706-050403020100"


class Publishers:
    """The four services. `sent` counts answers with a body by service, `asked` all requests."""

    def __init__(self):
        self.tables = {name: load(name) for name in (
            "country_panel", "affiliates_germany", "affiliates_europe", "us_multinationals")}  # fmt: skip
        self.vintage, self.etags, self.page, self.pause = "2026-04-08", True, 1500, 0.0
        self.faults: dict[str, object] = {}
        self.sent, self.asked, self.paths = Counter(), Counter(), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else a body waits 40 ms behind its headers

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_): ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def next_vintage(self) -> None:
        """A made next vintage: US parents' jobs revised where their affiliates grew, a year more of unemployment."""
        self.vintage = "2026-11-20"
        us = self.tables["us_multinationals"].copy()
        abroad = us[(us["side"] == "affiliates") & (us["host"] == "All countries")]
        growth = abroad.set_index(["industry", "year"])["employees_thousands"].groupby("industry").pct_change()
        parents = us["side"].eq("parents") & us["year"].ge(2010)
        step = pd.Series([growth.get((i, y), 0.0) for i, y in zip(us["industry"], us["year"], strict=True)], us.index)
        lines = [us["side"], us["industry"], us["host"]]
        factor = (1 + 0.3 * step.where(parents, 0.0).fillna(0.0)).groupby(lines).cumprod()
        us["employees_thousands"] = (us["employees_thousands"] * factor.where(parents, 1.0)).round(1)
        self.tables["us_multinationals"] = us
        panel = self.tables["country_panel"]
        newer = panel[panel["year"] == 2024].assign(year=2025)
        self.tables["country_panel"] = pd.concat([panel, newer], ignore_index=True)

    # ----------------------------------------------------------------------------------------------------- answering
    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        service, asked = parts.path.split("/")[1], parse_qs(parts.query)
        self.asked[service] += 1
        self.paths.append(handler.path)
        time.sleep(self.pause)
        fault = self.faults.get(service)
        if isinstance(fault, list):  # one for each request, in turn
            fault = fault.pop(0) if fault else None
        if isinstance(fault, tuple):
            status, headers = fault
            return self.send(handler, status, b"{}", headers)
        body, kind = getattr(self, service)(unquote(parts.path).removeprefix(f"/{service}"), asked)
        if callable(fault):
            body = fault(body)
        tag = f'"{hash(body)}"'
        if self.etags and service in ("ilo", "eurostat"):
            if handler.headers.get("If-None-Match") == tag:
                return self.send(handler, 304, b"", {"ETag": tag})
            self.sent[service] += 1
            return self.send(handler, 200, body, {"ETag": tag, "Content-Type": kind}, cut=fault == "cut")
        self.sent[service] += 1
        return self.send(handler, 200, body, {"Content-Type": kind}, cut=fault == "cut")

    @staticmethod
    def send(handler, status: int, body: bytes, headers: dict, cut: bool = False) -> None:
        date = headers.pop("Date", None)
        handler.send_response_only(status)
        handler.send_header("Date", date or handler.date_time_string())
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            handler.close_connection = True

    # ----------------------------------------------------------------------------------------------------- World Bank
    def worldbank(self, path: str, asked: dict) -> tuple[bytes, str]:
        if path == "/v2/sources/2":
            told = [{"page": 1, "pages": 1, "per_page": "50", "total": 1},
                    [{"id": "2", "lastupdated": self.vintage, "name": "World Development Indicators"}]]  # fmt: skip
            return json.dumps(told).encode(), "application/json"
        countries, code = re.fullmatch(r"/v2/country/([A-Z;]+)/indicator/(.+)", path).groups()
        column = next((column for column, known in sources.WDI.items() if known == code), None)
        if column is None:
            return json.dumps([{"message": [{"id": "120", "key": "Invalid value",
                                             "value": "The provided parameter value is not valid"}]}]).encode(), ""
        frame = self.tables["country_panel"]
        frame = frame[frame["iso3"].isin(countries.split(";"))].sort_values(["iso3", "year"], ascending=[True, False])
        page, rows = int(asked["page"][0]), []
        for row in frame.itertuples():
            value = getattr(row, column)
            rows.append({
                "indicator": {"id": code, "value": code}, "country": {"id": row.iso3[:2], "value": row.country},
                "countryiso3code": row.iso3, "date": str(row.year), "value": None if pd.isna(value) else value,
                "unit": "", "obs_status": "", "decimal": 1})  # fmt: skip
        pages = -(-len(rows) // self.page)
        head = {"page": page, "pages": pages, "per_page": self.page, "total": len(rows), "sourceid": "2",
                "lastupdated": self.vintage}  # fmt: skip
        return json.dumps([head, rows[(page - 1) * self.page : page * self.page]]).encode(), "application/json"

    # -------------------------------------------------------------------------------------------------------- ILOSTAT
    def ilo(self, path: str, asked: dict) -> tuple[bytes, str]:
        frame = self.tables["country_panel"].dropna(subset=[sources.ILO_COLUMN])
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["DATAFLOW", "REF_AREA", "FREQ", "MEASURE", "SEX", "ECO", "TIME_PERIOD", "OBS_VALUE",
                         "OBS_STATUS", "UNIT_MEASURE", "UNIT_MULT"])  # fmt: skip
        for row in frame.itertuples():
            writer.writerow([f"ILO:{sources.ILO_FLOW}(1.0)", row.iso3, "A", "EMP", "SEX_T", "ECO_AGGREGATE_TOTAL",
                             row.year, getattr(row, sources.ILO_COLUMN), "", "PS", "3"])  # fmt: skip
        return out.getvalue().encode(), "text/csv"

    # ------------------------------------------------------------------------------------------------------- Eurostat
    def eurostat(self, path: str, asked: dict) -> tuple[bytes, str]:
        frames = [self.tables[name] for name in ("affiliates_germany", "affiliates_europe")]
        known = (path, json.dumps(asked), self.vintage, *(int(pd.util.hash_pandas_object(f).sum()) for f in frames))
        if known not in MADE:
            MADE[known] = self.json_stat(path.rpartition("/")[2], asked)
        return MADE[known], "application/json"

    def json_stat(self, code: str, asked: dict) -> bytes:
        indicator = "indic_bp" if code == sources.FATS_OLD else "indic_sbs"
        if asked["geo"] == ["DE"]:
            back = {ours: theirs for theirs, ours in
                    (sources.GERMAN_OLD if code == sources.FATS_OLD else sources.GERMAN_NEW).items()}  # fmt: skip
            rows = self.tables["affiliates_germany"]
            rows = rows[rows["dataset"] == code]
            cells = {("A", back[r.indicator], r.nace, r.partner, "DE", str(r.year)): r.value for r in rows.itertuples()}
        else:
            rows, world = self.tables["affiliates_europe"], asked["partner"] == ["WORLD"]
            specs, cells = SPECS(), {}
            for r in rows.itertuples():
                if (r.industry == "B-S_X_O") == world:
                    continue
                for at, part in enumerate(specs.FATS_GROUPS[r.industry] if world else ["B-S_X_O"]):
                    value = r.employees_abroad if at == 0 or pd.isna(r.employees_abroad) else 0.0
                    cells["A", "EMP", part, r.host, r.country, str(r.year)] = value
        names = ["freq", indicator, "nace_r2", "partner", "geo", "time"]
        codes = [sorted({cell[at] for cell in cells}) for at in range(len(names))]
        sizes = [len(part) for part in codes]
        places, values = [{c: i for i, c in enumerate(part)} for part in codes], {}
        for cell, value in cells.items():
            if pd.notna(value):
                at = 0
                for size, place, part in zip(sizes, places, cell, strict=True):
                    at = at * size + place[part]
                values[str(at)] = value
        told = {"version": "2.0", "class": "dataset", "label": code, "source": "ESTAT",
                "updated": f"{self.vintage}T23:00:00", "id": names, "size": sizes, "value": values,
                "dimension": {n: {"category": {"index": p}} for n, p in zip(names, places, strict=True)}}  # fmt: skip
        return json.dumps(told).encode()

    # ------------------------------------------------------------------------------------------------------------ BEA
    def bea(self, path: str, asked: dict) -> tuple[bytes, str]:
        if asked["UserID"] != [KEY]:
            told = {"BEAAPI": {"Results": {"Error": {"APIErrorCode": "3", "APIErrorDescription":
                    f"The BEA API UserID provided in the request {asked['UserID'][0]} does not exist."}}}}  # fmt: skip
            return json.dumps(told).encode(), "application/json"
        measure = next(m for m, (series, _) in sources.BEA_SERIES.items() if series == asked["SeriesID"][0])
        side = "parents" if asked["DirectionOfInvestment"] == ["Parent"] else "affiliates"
        frame = self.tables["us_multinationals"]
        frame = frame[(frame["side"] == side) & (frame["year"] >= 2009)]
        theirs = {ours: name for name, ours in reversed(SPECS().BEA_INDUSTRIES.items())}
        rows = []
        for r in frame.itertuples():
            value, mark = getattr(r, measure), r.suppressed if measure == "employees_thousands" else "(D)"
            names = (r.host, theirs[r.industry])
            row, column = names if side == "affiliates" else (theirs[r.industry].title(), "All Countries")
            rows.append({"SeriesID": asked["SeriesID"][0], "SeriesName": "Employment", "Row": row, "RowCode": "1",
                         "Column": column.title(), "ColumnCode": "1", "Year": str(r.year),
                         "TableScale": SCALES[measure],
                         "DataValue": mark if pd.isna(value) else f"{value:,}",
                         "DataValueUnformatted": "" if pd.isna(value) else str(value)})  # fmt: skip
        echo = {"RequestParam": [{"ParameterName": "USERID", "ParameterValue": asked["UserID"][0]}]}
        return json.dumps({"BEAAPI": {"Request": echo, "Results": {"Data": rows}}}).encode(), "application/json"


def SPECS():  # noqa: N802
    """`data/build/specs.py`: BEA's and Eurostat's own words for what the tables hold."""
    from goingglobal.refresh import candidates

    return candidates.specs()


def sealed() -> dict[str, str]:
    """sha256 of every file of the data folder: it is the same before and after whatever goes wrong."""
    folder = data.data_folder()
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts}  # fmt: skip
