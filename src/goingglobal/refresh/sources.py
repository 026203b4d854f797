"""What each service is asked, and how its answer is read: one frame per source and table, or one clear line.

Every reader gives long frames of codes and values as the publisher states them; `candidates` makes source files of
them. A reader refuses what it does not understand: another unit, a code, country or page that is missing, a period
twice or in the future. Addresses and shapes are those that the services document:

World Bank   `/v2/country/AUS;AUT/indicator/CODE?format=json` (Indicators API, JSON pages), vintage from `/v2/sources/2`
ILOSTAT      `/rest/data/ILO,DF_…/KEY?format=csv` (SDMX 2.1, SDMX-CSV)
Eurostat     `/api/dissemination/statistics/1.0/data/CODE?geo=DE` (Statistics API, JSON-stat 2.0)
BEA          `/api/data?method=GetData&datasetname=MNE` (JSON), key in `BEA_API_KEY`
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pandas as pd

from goingglobal.data import load
from goingglobal.refresh.fetching import Fetcher, RefreshError, Request, place, today

FIRST_YEAR = 1970
WDI = {  # column of country_panel → indicator of the World Development Indicators
    "fdi_out_pct_gdp": "BM.KLT.DINV.WD.GD.ZS", "fdi_in_pct_gdp": "BX.KLT.DINV.WD.GD.ZS",
    "gdp_growth_pct": "NY.GDP.MKTP.KD.ZG", "exports_pct_gdp": "NE.EXP.GNFS.ZS", "imports_pct_gdp": "NE.IMP.GNFS.ZS",
    "population_15_64": "SP.POP.1564.TO", "unemployment_pct": "SL.UEM.TOTL.ZS",
    "employment_rate_pct": "SL.EMP.TOTL.SP.ZS", "industry_employment_pct": "SL.IND.EMPL.ZS",
}  # fmt: skip
ILO_FLOW, ILO_COLUMN = "DF_EMP_2EMP_SEX_ECO_NB", "employment_ilo_thousands"
FATS_OLD, FATS_NEW = "fats_out2_r2", "fats_out_activ"
GERMAN_OLD = {"EMP": "employees", "ENT": "enterprises", "TUR": "turnover"}
GERMAN_NEW = {"EMP_NR": "employees", "ENT_NR": "enterprises", "NETTUR_MEUR": "turnover",
              "EXPN_SAL_BEN_MEUR": "personnel_costs", "GRSINV_TNCA_MEUR": "gross_investment"}  # fmt: skip
FATS_CODES = ("B", "C", "C10-C12", "C13_C14", "C16-C18", "C19", "C20", "C21", "C22", "C23", "C24_C25", "C26", "C27",
              "C28", "C29_C30", "C31-C33", "D35", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N")  # fmt: skip
BEA_SERIES = {"employees_thousands": ("8", "Thousands"), "compensation_musd": ("7", "Millions")}
BEA_ASKED = {
    "parents": (("DirectionOfInvestment", "Parent"), ("Classification", "Industry")),
    "affiliates": (("DirectionOfInvestment", "Outward"), ("Classification", "CountryByIndustry"), ("Country", "all"),
                   ("OwnershipLevel", "1"), ("NonbankAffiliatesOnly", "0")),
}  # fmt: skip
NOT_REFRESHED = {
    "firm_panel": "EDINET, by `python -m goingglobal.refresh.edinet` (earlier years, from the filings themselves)",
    "group_panel": "EDINET, likewise",
    "firm_management": "one release of the World Management Survey; there is no newer one by an open address",
    "industry_japan": "METI publishes each survey as new spreadsheets: put them among the sources, then `make data`",
    "industry_japan_continuing": "METI, likewise: the previous and the current year stand in one spreadsheet",
    "country_by_country_2016": "one fiscal year, typed from a restatement: another year would be another table",
    "size_classes_germany": "Destatis 48121-0002 asks for an account; Eurostat's classes are defined otherwise",
    "claims": "the paper's own words", "official_figures": "our readings", "literature": "our readings",
}  # fmt: skip


@dataclass(frozen=True)
class Fetched:
    """What a source gave for one table: rows as the publisher codes them, its vintage (a date) and remarks."""

    rows: pd.DataFrame
    vintage: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One publisher: its name on the command line, the tables it feeds, how many requests it takes, its key."""

    name: str
    title: str
    tables: tuple[str, ...]
    requests: int
    fetch: Callable[[Fetcher, str], Fetched]
    key: str | None = None


# ------------------------------------------------------------------------------------------------------- what is said
def _text(request: Request, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(request, f"byte {error.start} is not UTF-8: its encoding may have changed; look at the file "
                      "in _build/refresh/fetched") from None


def _json(request: Request, content: bytes) -> object:
    try:
        return json.loads(_text(request, content))
    except json.JSONDecodeError as error:
        raise refused(request, f"half an answer, or no JSON (to character {error.pos} of {len(content)}); run the same "
                      "command again, and look at the file in _build/refresh/fetched if it says so again") from None


def refused(request: Request, what: str) -> RefreshError:
    return RefreshError(request.title, request.table, f"{request.name}: {what}", request)


def _refuse(request: Request, what: str) -> None:
    raise refused(request, what)


def _years(request: Request, rows: pd.DataFrame, last: int) -> None:
    late = rows["year"] > last
    if late.any():
        _refuse(request, f"it has the year {rows.loc[late, 'year'].max()}, which is not over (this machine's date is "
                f"{today()}): look at the clock, then whether the publisher now mixes in projections")


def _once(request: Request, rows: pd.DataFrame, keys: list[str]) -> None:
    twice = rows.duplicated(keys)
    if twice.any():
        row = " ".join(map(str, rows.loc[twice, keys].iloc[0]))
        _refuse(request, f"{row} stands there twice; which one holds is for the publisher to say: nothing was taken")


def _all_there(request: Request, found: set, wanted: set, what: str) -> None:
    if gone := sorted(wanted - found):
        _refuse(request, f"no {what} {', '.join(map(str, gone[:5]))}{' …' if len(gone) > 5 else ''} any more, which "
                "today's table has; look whether the publisher has renamed or dropped it")


def _number(request: Request, cell: object) -> float | None:
    if cell in (None, "", ":"):
        return None
    try:
        return float(cell)
    except (TypeError, ValueError):
        _refuse(request, f"{cell!r} stands where a number was expected")


def _this_year() -> int:
    return datetime.now(UTC).year


def _day(request: Request, told: object) -> str:
    """A vintage as a date that is not in the future."""
    try:
        day = date.fromisoformat(str(told)[:10])
    except ValueError:
        _refuse(request, f"its vintage {told!r} is not a date")
    if (day - datetime.now(UTC).date()).days > 1:
        _refuse(request, f"its vintage {day} lies in the future (this machine's date is {today()}): look at the clock")
    return day.isoformat()


# ----------------------------------------------------------------------------------------------------- World Bank
def worldbank(fetcher: Fetcher, table: str) -> Fetched:
    """`iso3`, `year`, `column`, `value` of nine indicators for the 38 countries."""
    base, countries = place("worldbank", "https://api.worldbank.org"), sorted(set(load(table)["iso3"]))

    def ask(name: str, path: str, always: bool = False, **params: str) -> Request:
        return Request("worldbank", "World Bank", table, name, f"{base}/v2/{path}",
                       (("format", "json"), *params.items()), always=always)  # fmt: skip

    first = ask("sources.json", "sources/2", always=True)
    answer = _json(first, fetcher.get(first))
    try:
        vintage = _day(first, answer[1][0]["lastupdated"])
    except (LookupError, TypeError):
        _refuse(first, "it does not say when the World Development Indicators were last updated")
    parts = []
    for column, code in WDI.items():
        rows, page, pages, told = [], 1, 1, {}
        while page <= pages:
            request = ask(f"{code}-{page}.json", f"country/{';'.join(countries)}/indicator/{code}", source="2",
                          date=f"{FIRST_YEAR}:{_this_year()}", per_page="5000", page=str(page))  # fmt: skip
            answer = _json(request, fetcher.get(request, vintage))
            if not (isinstance(answer, list) and answer and isinstance(answer[0], dict)):
                _refuse(request, "it is no page of the Indicators API")
            if "message" in answer[0]:
                said = "; ".join(f"{m.get('key')}: {m.get('value')}" for m in answer[0]["message"])
                _refuse(request, f"the service refuses the indicator {code} ({said}): it may have been renamed; see "
                        "its list of indicators, then WDI in `refresh/sources.py`")
            fetcher.total += int(answer[0].get("pages", 1)) - pages
            told, pages = answer[0], int(answer[0].get("pages", 1))
            rows += answer[1] if len(answer) > 1 and answer[1] else []
            page += 1
        if len(rows) != int(told.get("total", -1)):
            _refuse(request, f"{len(rows)} rows of {told.get('total')} arrived: half a page; run the command again")
        if strange := {row["indicator"]["id"] for row in rows} - {code}:
            _refuse(request, f"it answers with the indicator {', '.join(sorted(strange))}")
        frame = pd.DataFrame({"iso3": [row["countryiso3code"] for row in rows], "year": [int(r["date"]) for r in rows],
                              "value": [_number(request, row["value"]) for row in rows]})  # fmt: skip
        _once(request, frame, ["iso3", "year"])
        _years(request, frame, _this_year())
        _all_there(request, set(frame.loc[frame["value"].notna(), "iso3"]), set(countries), "country")
        parts.append(frame.assign(column=column))
    return Fetched(pd.concat(parts, ignore_index=True), vintage)


# -------------------------------------------------------------------------------------------------------- ILOSTAT
def ilo(fetcher: Fetcher, table: str) -> Fetched:
    """`iso3`, `year`, `column`, `value` of employment, modelled estimates, in thousands; projections are not asked."""
    base, countries = place("ilo", "https://sdmx.ilo.org"), sorted(set(load(table)["iso3"]))
    key = f"{'+'.join(countries)}.A..SEX_T.ECO_AGGREGATE_TOTAL"
    last = _this_year() - 1
    request = Request("ilo", "ILOSTAT", table, f"{ILO_FLOW}.csv", f"{base}/rest/data/ILO,{ILO_FLOW}/{key}",
                      (("format", "csv"), ("startPeriod", "1991"), ("endPeriod", str(last))))  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(_text(request, fetcher.get(request)))))
    needed = {"REF_AREA", "TIME_PERIOD", "OBS_VALUE"}
    if not rows or not needed <= set(rows[0]):
        _refuse(request, f"no SDMX-CSV with {', '.join(sorted(needed))}; the flow may have been renamed")
    if None in rows[-1].values() or any(None in row for row in rows):
        _refuse(request, "a line is broken off: half an answer; run the same command again")
    multiples = {row.get("UNIT_MULT") or "3" for row in rows}
    if multiples != {"3"}:
        _refuse(request, f"UNIT_MULT is {', '.join(sorted(multiples))}, not 3: the unit is no longer thousands")
    frame = pd.DataFrame({"iso3": [r["REF_AREA"] for r in rows], "year": [int(r["TIME_PERIOD"]) for r in rows],
                          "value": [_number(request, r["OBS_VALUE"]) for r in rows]})  # fmt: skip
    _once(request, frame, ["iso3", "year"])
    _years(request, frame, last)
    _all_there(request, set(frame["iso3"]), set(countries), "country")
    broken = [f"{r['REF_AREA']} {r['TIME_PERIOD']}" for r in rows if r.get("OBS_STATUS") == "B"]
    remarks = (f"ILO marks breaks in {', '.join(broken)}",) if broken else ()
    return Fetched(frame.assign(column=ILO_COLUMN), today(), remarks)


# ------------------------------------------------------------------------------------------------------- Eurostat
def _stat(request: Request, content: bytes, wanted: set[str]) -> tuple[pd.DataFrame, str, list[str]]:
    """A JSON-stat 2.0 answer as rows of codes with `value`, its vintage, and the cells marked as breaks."""
    answer = _json(request, content)
    if "error" in answer or "warning" in answer:
        said = answer.get("error") or answer["warning"]
        said = said[0] if isinstance(said, list) else said
        _refuse(request, f"the service refuses it ({said.get('label', said)}): the table or a code may have been "
                "renamed; see its own list, then `refresh/sources.py`")
    try:
        names, size = answer["id"], answer["size"]
        codes = []
        for name in names:
            index = answer["dimension"][name]["category"]["index"]
            codes.append(sorted(index, key=index.get) if isinstance(index, dict) else index)
        values, status = answer["value"], answer.get("status", {})
        vintage = _day(request, answer["updated"])
    except (KeyError, TypeError, AttributeError) as error:
        _refuse(request, f"no JSON-stat with id, size, dimension, value and updated ({error} is missing)")
    if missing := wanted - set(names):
        _refuse(request, f"its dimensions are {', '.join(names)}: no {', '.join(sorted(missing))}; the "
                "table's structure has changed: see `refresh/sources.py`")
    if size != [len(part) for part in codes]:
        _refuse(request, f"its size is {size}, its codes are {[len(part) for part in codes]}: the answer is damaged")
    frame = pd.MultiIndex.from_product(codes, names=names).to_frame(index=False)
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    frame["value"] = pd.Series({int(at): _number(request, cell) for at, cell in pairs}, dtype="float64").reindex(
        range(len(frame)))  # fmt: skip
    for name in set(names) - wanted:
        if frame[name].nunique() > 1:
            _refuse(request, f"its dimension {name} has {frame[name].nunique()} categories where one was expected")
    frame = frame.rename(columns={"time": "year"})
    frame["year"] = frame["year"].astype(int)
    marks = status.items() if isinstance(status, dict) else enumerate(status)
    broken = [" ".join(map(str, frame.iloc[int(at)][["geo", "year"]])) for at, mark in marks if mark and "b" in mark]
    _years(request, frame, _this_year())
    return frame, vintage, broken


def _eurostat(fetcher: Fetcher, table: str, name: str, code: str, **params: object) -> tuple:
    base = place("eurostat", "https://ec.europa.eu/eurostat")
    pairs = [(key, value) for key, values in params.items()
             for value in ([values] if isinstance(values, str) else values)]  # fmt: skip
    request = Request("eurostat", "Eurostat", table, f"{table}-{name}.json",
                      f"{base}/api/dissemination/statistics/1.0/data/{code}", (("format", "JSON"), *pairs))  # fmt: skip
    indicator = "indic_bp" if code == FATS_OLD else "indic_sbs"
    rows, vintage, broken = _stat(request, fetcher.get(request), {indicator, "nace_r2", "partner", "geo", "time"})
    return rows.rename(columns={indicator: "indicator"}), vintage, broken, request


def eurostat(fetcher: Fetcher, table: str) -> Fetched:
    """`dataset`, `geo`, `nace_r2`, `partner`, `indicator`, `year`, `value` of outward FATS."""
    today_has = load(table)
    if table == "affiliates_germany":
        asked = (("old", FATS_OLD, GERMAN_OLD), ("new", FATS_NEW, GERMAN_NEW))
        parts, vintages, broken = [], [], []
        for name, code, indicators in asked:
            before = today_has[today_has["dataset"] == code]
            rows, vintage, marked, request = _eurostat(
                fetcher, table, name, code, geo="DE", nace_r2=sorted(set(before["nace"])),
                **{"indic_bp" if code == FATS_OLD else "indic_sbs": list(indicators)})  # fmt: skip
            _all_there(request, set(rows["indicator"]), set(indicators), "indicator")
            filled = rows[rows["value"].notna()]
            _all_there(request, set(filled["partner"]), set(before.loc[before["value"].notna(), "partner"]), "partner")
            _all_there(request, set(filled["year"]), set(before["year"]), "year")
            parts.append(rows.assign(dataset=code))
            vintages.append(vintage)
            broken += marked
        return Fetched(pd.concat(parts, ignore_index=True), max(vintages), _breaks(broken))
    countries = sorted(set(today_has["country"]))
    world, one, marks_one, request = _eurostat(fetcher, table, "industries", FATS_OLD, indic_bp="EMP", partner="WORLD",
                                               nace_r2=FATS_CODES, geo=countries)  # fmt: skip
    _all_there(request, set(world["nace_r2"]), set(FATS_CODES), "activity")
    hosts, two, marks_two, request = _eurostat(fetcher, table, "hosts", FATS_OLD, indic_bp="EMP", nace_r2="B-S_X_O",
                                               partner=sorted(set(today_has["host"])), geo=countries)  # fmt: skip
    before = today_has[(today_has["industry"] == "B-S_X_O") & today_has["employees_abroad"].notna()]
    _all_there(request, set(hosts.loc[hosts["value"].notna(), "geo"]), set(before["country"]), "country")
    rows = pd.concat([world, hosts], ignore_index=True).assign(dataset=FATS_OLD)
    return Fetched(rows, max(one, two), _breaks(marks_one + marks_two))


def _breaks(marked: list[str]) -> tuple[str, ...]:
    return (f"Eurostat marks breaks in {', '.join(sorted(set(marked)))}",) if marked else ()


# ------------------------------------------------------------------------------------------------------------ BEA
def bea(fetcher: Fetcher, table: str) -> Fetched:
    """`side`, `place`, `industry` (BEA's words), `year`, `measure`, `cell` (text, with BEA's marks), from 2009 on."""
    key = os.environ.get("BEA_API_KEY", "").strip()
    if not key:
        raise RefreshError("BEA", table, "no key: set BEA_API_KEY in the environment (free, https://apps.bea.gov/API/signup)")
    base, parts = place("bea", "https://apps.bea.gov"), []
    for measure, (series, scale) in BEA_SERIES.items():
        for side, how in BEA_ASKED.items():
            request = Request(
                "bea", "BEA", table, f"{side}-{measure}.json", f"{base}/api/data",
                (("method", "GetData"), ("datasetname", "MNE"), *how, ("SeriesID", series), ("Industry", "all"),
                 ("Year", "all"), ("ResultFormat", "JSON")), (("UserID", key),))  # fmt: skip
            answer = _json(request, fetcher.get(request))
            results = answer.get("BEAAPI", {}) if isinstance(answer, dict) else {}
            fault = results.get("Error") or (results.get("Results") or {}).get("Error")
            if fault:
                code = str(fault.get("APIErrorCode", ""))
                said = str(fault.get("APIErrorDescription", "no words")).replace(key, "…")
                _refuse(request, f"the service says: {said} (code {code}); "
                        + ("look at BEA_API_KEY" if code in ("1", "3", "4") else "look at its parameters"))
            try:
                rows = pd.DataFrame(results["Results"]["Data"])
                cells = rows[["Row", "Column", "Year", "TableScale", "DataValue", "DataValueUnformatted"]]
            except (KeyError, TypeError) as error:
                _refuse(request, f"no Results.Data with Row, Column, Year, TableScale and DataValue ({error})")
            scales = set(cells["TableScale"])
            if not all(str(found).startswith(scale) for found in scales):
                _refuse(request, f"TableScale is {', '.join(sorted(map(str, scales)))}, not {scale.lower()}: the unit "
                        "has changed; see `refresh/sources.py`")
            plain = cells["DataValueUnformatted"].where(cells["DataValueUnformatted"].astype(str).str.strip().ne(""))
            frame = pd.DataFrame({
                "place": cells["Row"].str.strip() if side == "affiliates" else "All countries",
                "industry": (cells["Column"] if side == "affiliates" else cells["Row"]).str.strip(),
                "year": cells["Year"].astype(int), "cell": plain.fillna(cells["DataValue"]).astype(str).str.strip(),
            })  # fmt: skip
            frame["place"] = frame["place"].replace("All Countries Total", "All countries")
            _once(request, frame, ["place", "industry", "year"])
            _years(request, frame, _this_year())
            parts.append(frame.assign(side=side, measure=measure))
    rows = pd.concat(parts, ignore_index=True)
    remarks = ("the years after 2019 are marked as of the 2014 benchmark; where BEA has had another one since, "
               "`coverage` must say so: data/build/tables.py, specs.BEA_COVERAGE",) if rows["year"].max() > 2019 else ()
    return Fetched(rows, today(), remarks)


SOURCES = {source.name: source for source in (
    Source("worldbank", "World Bank", ("country_panel",), 1 + len(WDI), worldbank),
    Source("ilo", "ILOSTAT", ("country_panel",), 1, ilo),
    Source("eurostat", "Eurostat", ("affiliates_germany", "affiliates_europe"), 4, eurostat),
    Source("bea", "BEA", ("us_multinationals",), 4, bea, "BEA_API_KEY"),
)}  # fmt: skip
