"""Earlier years of `firm_panel` and `group_panel` from annual reports: candidates, and what they would change.

Every year that a report states and a table lacks is a new row; no row of today is changed. Where report and table state
the same cell, they are compared and each difference is named. A year stated by several reports is taken from the one
nearest to it. What a report can't know stays empty: a parent's pay and age (of its own year alone), and `fdi` for years
without a balance sheet in the report.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd

from goingglobal import data
from goingglobal.refresh import effects, extract
from goingglobal.refresh.extract import AMENDED, Filings
from goingglobal.refresh.fetching import sha256, write_json
from goingglobal.refresh.fetching import write as write_whole
from goingglobal.samples import SampleError
from goingglobal.samples.firms import sample_j, starters

COMPARED = {
    "firm_panel": ("parent_employees", "group_employees", "temporary_staff", "average_pay_yen", "average_age",
                   "sales_yen", "operating_income_yen", "total_assets_yen", "translation_adjustment_yen"),
    "group_panel": ("group_employees", "temporary_staff", "sales_yen", "sales_ifrs_yen", "operating_income_yen",
                    "total_assets_yen", "tangible_assets_yen", "translation_adjustment_yen", "ifrs"),
}  # fmt: skip
REPEATED = ("sector", "listed", "reorganised")  # of a firm, as of 2026, in every row of firm_panel
GROUPS = ("these firms", "all firms")
SHOWN = 20
KNOWN = (
    "Whether a firm has FDI is known from a balance sheet, and a report shows two. Sample J begins with a firm's first "
    "year of known FDI: a report on 2017 makes it longer by 2016, and the headcounts of the years before stand in the "
    "table alone. If they counted as years without FDI, firms that have long been abroad would look like starters."
)
TAKE_OVER = (
    "This is a decision on definitions, so that no command does it. The candidate needs, in `data/build/specs.py`, an "
    "earlier first year, and pay and age that may be missing (as `data/datapackage.json` beside this report has them), "
    "and a source file with these rows. Then copy the two tables, seal them (`python -m goingglobal.data seal TABLE`) "
    "and look at the frozen values."
)
UNIT_JUMP = 300  # a median ratio of headcounts to today's beyond it is another unit
UNKNOWN = {"average_pay_yen": "an earlier year, of which a later report doesn't state it",
           "average_age": "an earlier year, of which a later report doesn't state it"}  # fmt: skip


@dataclass
class Earlier:
    """What the reports state, beside today's tables.

    `new`: rows to add by table; `differences`: one line each; `equal`, `filled`: cells that agree, and cells that are
    empty today; `between`: years that two reports state differently; `regions`: cells of tables on regions; `absent`:
    firms that `firm_panel` doesn't hold; `gone`: firm-years of `group_panel` that were asked for and have no report.
    """

    filings: list[extract.Filing] = field(default_factory=list)
    new: dict[str, list[dict]] = field(default_factory=dict)
    equal: dict[str, int] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    between: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    regions: list[dict] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(filings: Filings) -> Earlier:
    """Extract every report, with its amendments, and set it beside today's tables. One with a fault is one line."""
    out = Earlier(problems=list(filings.problems))
    codes = {row["edinetCode"] for row in filings.documents}
    tables = {name: data.load(name) for name in COMPARED}
    today = {
        name: {
            code: rows.set_index("year")
            for code, rows in table[table["edinet_code"].isin(codes)].groupby("edinet_code")
        }
        for name, table in tables.items()
    }
    years: dict[tuple[str, int], list[tuple[extract.Year, str]]] = {}
    for code, rows in _by_firm(filings.documents).items():
        for group in rows:
            filing = _filing(group, filings.paths, out.problems)
            if filing is None or not _same_unit(filing, code, today["group_panel"], out.problems):
                continue
            out.filings.append(filing)
            out.marks += [f"{code}, filing {filing.doc_id}: {mark}" for mark in filing.marks]
            out.refused += filing.refused
            out.regions += [{"edinet_code": code, **asdict(cell), "doc_id": filing.doc_id} for cell in filing.regions]
            for year in filing.years:
                years.setdefault((code, year.period_end.year), []).append((year, filing.doc_id))
    best = {key: min(stated, key=lambda pair: (pair[0].back, pair[1])) for key, stated in sorted(years.items())}
    for key, stated in years.items():
        out.between += _between(key, stated, best[key])
    for name in COMPARED:
        out.new[name], out.equal[name], out.filled[name] = [], 0, 0
        for (code, number), (year, doc_id) in best.items():
            rows = today[name].get(code)
            if rows is not None and number in rows.index:
                _compare(name, code, number, year, doc_id, rows.loc[number], out)
            else:
                _add(name, code, number, year, doc_id, today, out)
    out.absent = [
        f"{code} isn't in firm_panel, which holds firms that file in June and July: its parent is left out"
        for code in sorted({code for code, _ in best} - set(today["firm_panel"]))
    ]
    group = tables["group_panel"]
    asked = group[group["year"].isin(filings.years)]
    asked = asked if filings.firms is None else asked[asked["edinet_code"].isin(filings.firms)]
    had = {(row["edinetCode"], int(row["periodEnd"][:4])) for row in filings.documents}
    out.gone = [f"{code} {year}" for code, year in zip(asked["edinet_code"], asked["year"], strict=True)
                if (code, year) not in had]  # fmt: skip
    return out


def _by_firm(documents: Iterable[dict]) -> dict[str, list[list[dict]]]:
    """Per firm, the reports of each fiscal year: the original and its amendments in the order of filing."""
    out: dict[str, dict[str, list[dict]]] = {}
    for row in documents:
        out.setdefault(row["edinetCode"], {}).setdefault(row["periodEnd"], []).append(row)
    return {code: list(periods.values()) for code, periods in out.items()}


def _filing(rows: list[dict], paths: dict[str, Path], problems: list[str]) -> extract.Filing | None:
    of = []
    try:
        for row in sorted(rows, key=lambda r: (r["docTypeCode"] == AMENDED, r["submitDateTime"])):
            of.append(extract.facts(paths[row["docID"]].read_bytes(), row["docID"]))
            stated = of[-1].particulars.get("EDINETCode"), of[-1].particulars.get("CurrentFiscalYearEndDate")
            if stated != (row["edinetCode"], row["periodEnd"]):
                raise extract.FilingError(
                    row["docID"],
                    f"it is of {stated[0]}, year to {stated[1]}, where the list has "
                    f"{row['edinetCode']}, {row['periodEnd']}; look at it on EDINET",
                )
        filing = extract.read(extract.amended(*of))
        if not any(year.parent_employees or year.group_employees for year in filing.years):
            raise extract.FilingError(
                filing.doc_id,
                "an amendment without headcounts, whose report isn't here; list the "
                "year in which the report was filed, too",
            )
    except extract.FilingError as error:
        problems.append(f"{error} ({rows[0]['edinetCode']}, fiscal year to {rows[0]['periodEnd']})")
        return None
    if len(of) > 1:
        filing.marks.append(f"amended {len(of) - 1} times; the report was {of[0].doc_id}")
    return filing


def _same_unit(filing: extract.Filing, code: str, today: dict[str, pd.DataFrame], problems: list[str]) -> bool:
    rows = today.get(code)
    ratios = [] if rows is None else [
        year.group_employees / rows["group_employees"].get(year.period_end.year) for year in filing.years
        if year.group_employees and rows["group_employees"].get(year.period_end.year)]  # fmt: skip
    middle = pd.Series(ratios, dtype=float).median()
    if middle > UNIT_JUMP or middle < 1 / UNIT_JUMP:
        problems.append(
            f"EDINET, filing {filing.doc_id}: headcounts are {middle:.3g} times those of group_panel ({code}); "
            "another unit (thousands?): nothing of this filing is used, read it by hand"
        )
        return False
    return True


def _between(key: tuple[str, int], stated: list, best: tuple) -> list[str]:
    lines = []
    for year, doc_id in stated:
        for column in ("parent_employees", "group_employees"):
            one, other = getattr(best[0], column), getattr(year, column)
            if one is not None and other is not None and one != other:
                lines.append(f"{key[0]}, {key[1]}, {column}: {one} by filing {best[1]}, {other} by {doc_id}")
    return lines


def _compare(name: str, code: str, number: int, year: extract.Year, doc_id: str, row: pd.Series, out: Earlier) -> None:
    if str(row["period_end"])[:10] != str(year.period_end):
        out.differences.append(
            f"{name}, {code}, {number}, period_end: {str(row['period_end'])[:10]} in the table, "
            f"{year.period_end} by filing {doc_id}; the year isn't compared"
        )
        return
    for column in COMPARED[name]:
        value, stated = row[column], getattr(year, column)
        if stated is None:
            continue
        if pd.isna(value):
            out.filled[name] += 1
        elif float(value) == float(stated):
            out.equal[name] += 1
        else:
            back = "its own year" if not year.back else f"{year.back} years back"
            out.differences.append(
                f"{name}, {code}, {number}, {column}: {value:.0f} in the table, {stated:.0f} by filing "
                f"{doc_id} ({back})"
            )


def _add(name: str, code: str, number: int, year: extract.Year, doc_id: str, today: dict, out: Earlier) -> None:
    known = today["group_panel"].get(code)
    ever = int(max([year.ifrs, *([] if known is None else known["ifrs_ever"])], default=0))
    ever = max([ever, *(f.standard == "IFRS" for f in out.filings if f.edinet_code == code)])
    row = asdict(year) | {"edinet_code": code, "year": number, "ifrs_ever": int(ever), "parent_source": "tag"}
    row["fdi"] = None if ever else _fdi(year)
    if name == "firm_panel":
        firm = today["firm_panel"].get(code)
        if firm is None or not year.parent_employees:
            return
        row |= {column: firm[column].iloc[0] for column in REPEATED}
        if year.group_employees is None:
            row["ifrs_ever"] = row["fdi"] = None
    elif year.group_employees is None:
        return
    for column, least in _least(name).items():
        if row.get(column) is not None and row[column] < least:
            said = f"{column} is {row[column]:.0f} where at least {least} was expected; the row is left out"
            out.problems.append(f"EDINET, filing {doc_id}: {name}, {code}, {number}, {said}")
            return
    out.new[name].append(row)


@cache
def _least(name: str) -> dict[str, int]:
    """The least that a table's columns may hold, but for the year's, which earlier years go below."""
    fields = {column["name"]: column.get("constraints", {}) for column in data.describe(name)["schema"]["fields"]}
    return {column: limits["minimum"] for column, limits in fields.items() if "minimum" in limits and column != "year"}


def _fdi(year: extract.Year) -> int | None:
    """As `data/build/tables.py` has it; unknown where the report shows no balance sheet of the year."""
    if year.translation_adjustment_yen is not None:
        return int(year.translation_adjustment_yen != 0)
    return 0 if year.balance_sheet else None


# ---------------------------------------------------------------------------------------------------------- candidates
def candidate(name: str, rows: list[dict], folder: Path) -> dict:
    """Write today's table with new rows into `folder`, checked by its schema; return its descriptor.

    Its schema is today's but for the first year, and for pay and age, which earlier years lack. Raises `DataError`.
    """
    resource = data.describe(name)
    path = data.data_folder() / resource["path"]
    before = pd.read_csv(path, dtype=str, keep_default_na=False)
    kinds = {f["name"]: f["type"] for f in resource["schema"]["fields"]}
    added = pd.DataFrame(
        [{c: _cell(row.get(c), c, kinds[c]) for c in kinds} for row in rows], columns=list(kinds), dtype=str
    )
    whole = pd.concat([before, added], ignore_index=True)
    whole = whole.sort_values(["edinet_code", "year"], kind="stable")
    text = whole.to_csv(index=False, lineterminator="\n").encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_bytes(text)
    for column in resource["schema"]["fields"]:
        limits = column.get("constraints", {})
        if column["name"] == "year" and rows:
            limits["minimum"] = min(limits["minimum"], *(row["year"] for row in rows))
        if column["name"] in UNKNOWN and rows:
            limits.pop("required", None)
            column["missing_meaning"] = UNKNOWN[column["name"]]
        if "missing_meaning" in column:
            column["missing_share"] = round(float(whole[column["name"]].eq("").mean()), 4)
    resource |= {"rows": len(whole), "bytes": len(text), "hash": f"sha256:{sha256(text)}"}
    if rows:
        resource["title"] = resource["title"].replace(
            resource["title"].split(", ")[-1][:4], str(int(whole["year"].min()))
        )
        resource["cautions"] = [
            *resource["cautions"],
            f"{len(rows)} rows of earlier years are read from later reports: "
            "`fdi` is unknown in years whose balance sheet the report doesn't show.",
        ]
    return resource | {"checked": data.check_file(folder / f"{name}.csv", resource)}


def _cell(value, column: str, kind: str) -> str:
    if value is None or pd.isna(value):
        return ""
    if kind == "integer" or (kind == "number" and column.endswith("_yen")):
        return str(int(value))
    return repr(float(value)) if kind == "number" else str(value)


def write(filings: Filings, folder: Path, book: bool = False) -> list[str]:
    """Candidates as a data package into `folder`/data, beside it report.json, report.md and regions.csv.

    `book` runs the notebooks (minutes) by the sealed tables and by these. Returns the problems, one line each.
    """
    found, package, sealed = read(filings), folder / "data", data.data_folder()
    new = folder / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    try:
        made = {name: candidate(name, found.new[name], new) for name in COMPARED}
    except data.DataError as error:
        shutil.rmtree(new)
        return [*found.problems, f"EDINET, {error}; no candidate is written"]
    for table in data.table_names():
        if table not in COMPARED:
            shutil.copyfile(sealed / f"{table}.csv", new / f"{table}.csv")
    whole = json.loads((sealed / "datapackage.json").read_text(encoding="utf-8"))
    whole["resources"] = [made.get(r["name"], r) for r in whole["resources"]]
    write_json(new / "datapackage.json", whole)
    shutil.rmtree(package, ignore_errors=True)
    new.rename(package)
    report = _report(found, package / "firm_panel.csv", made["firm_panel"])
    if book:
        root, kept = sealed.parent, folder / "results"
        ran = [effects.run_all(root, place, kept, lambda line: print(line, flush=True)) for place in (sealed, package)]
        report["book"] = effects.compare(root, *ran)
    write_json(folder / "report.json", report)
    write_whole(folder / "report.md", as_markdown(report).encode())
    regions = pd.DataFrame(found.regions, columns=["edinet_code", "period_end", "kind", "region", "yen", "doc_id"])
    write_whole(folder / "regions.csv", regions.to_csv(index=False, lineterminator="\n").encode())
    return found.problems


# -------------------------------------------------------------------------------------------------------------- report
def _report(found: Earlier, path: Path, resource: dict) -> dict:
    codes = sorted({filing.edinet_code for filing in found.filings})
    today, candidate_ = in_samples(data.load("firm_panel"), codes), in_samples(_typed(path, resource), codes)
    return {
        "filings": len(found.filings), "firms": len(codes),
        "years": sorted({filing.period_end.year for filing in found.filings}),
        "rows_added": {name: _by_year(rows) for name, rows in found.new.items()},
        "cells_equal": found.equal, "cells_empty_today": found.filled, "differences": found.differences,
        "between_filings": found.between, "marks": found.marks, "region_cells": len(found.regions),
        "regions_refused": found.refused, "not_in_firm_panel": found.absent, "firms_gone": found.gone,
        "samples": {"today": today, "candidate": candidate_}, "problems": found.problems,
    }  # fmt: skip


def _typed(path: Path, resource: dict) -> pd.DataFrame:
    kinds = {f["name"]: f["type"] for f in resource["schema"]["fields"]}
    return pd.read_csv(
        path, dtype={c: "float64" for c, kind in kinds.items() if kind in ("integer", "number") and c != "year"}
    )


def _by_year(rows: list[dict]) -> dict[str, int]:
    counts = pd.Series([row["year"] for row in rows], dtype=int).value_counts().sort_index()
    return {str(year): int(count) for year, count in counts.items()}


def in_samples(firm_panel: pd.DataFrame, codes: list[str]) -> dict:
    """Of these firms and of all: firms and firm-years in sample J, starters, and the years seen before a start."""
    try:
        everyone = sample_j(firm_panel)
        begun = starters(firm_panel)
        begun = begun[begun["starter"] == 1]
    except SampleError:
        return {name: {"firms": 0, "firm_years": 0, "starters": 0, "years_before_a_start": 0} for name in GROUPS}
    out = {}
    for name, kept in zip(GROUPS, (codes, everyone["edinet_code"]), strict=True):
        rows, starts = everyone[everyone["edinet_code"].isin(kept)], begun[begun["edinet_code"].isin(kept)]
        out[name] = {
            "firms": int(rows["edinet_code"].nunique()),
            "firm_years": len(rows),
            "starters": int(starts["edinet_code"].nunique()),
            "years_before_a_start": int(starts["post"].eq(0).sum()),
        }
    return out


def as_markdown(report: dict) -> str:
    """The report as a page: the finding first, then every difference, mark and refusal by name."""
    added = {name: sum(years.values()) for name, years in report["rows_added"].items()}
    lines = [
        "# Earlier years from EDINET: a candidate",
        "",
        f"The {report['filings']} annual reports of {report['firms']} firms (fiscal years to "
        f"{', '.join(map(str, report['years'])) or 'none'}) would add {added['firm_panel']} rows to `firm_panel` and "
        f"{added['group_panel']} to `group_panel`. No row of today changes. Of the cells that both state, "
        f"{sum(report['cells_equal'].values())} are equal and {len(report['differences'])} differ; "
        f"{sum(report['cells_empty_today'].values())} are empty in today's tables.",
        "",
        "| | rows added | " + " | ".join(_years(report)) + " |",
        "| --- | ---: |" + " ---: |" * len(_years(report)),
    ]
    for name, years in report["rows_added"].items():
        lines.append(f"| `{name}` | {added[name]} | " + " | ".join(str(years.get(y, 0)) for y in _years(report)) + " |")
    lines += [
        "",
        "## What it would change",
        "",
        "| | | firms in J | firm-years | starters | years before a start |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for when, groups in report["samples"].items():
        lines += [
            f"| {when} | {name} | {n['firms']} | {n['firm_years']} | {n['starters']} | {n['years_before_a_start']} |"
            for name, n in groups.items()
        ]
    lines += ["", KNOWN, "", *_book(report.get("book")), "## To take it over", "", TAKE_OVER, ""]
    for title, key in (
        ("Differences from today's tables", "differences"),
        ("Years that two reports state differently", "between_filings"),
        ("Changes of fiscal year and standards, amendments", "marks"),
        ("Tables on regions that could not be read", "regions_refused"),
        ("Firms without a row in firm_panel", "not_in_firm_panel"),
        ("Reports left out", "problems"),
    ):
        lines += [f"## {title}", "", *([f"- {line}" for line in report[key]] or ["None."]), ""]
    gone = report["firms_gone"]
    shown = ", ".join(gone[:SHOWN]) + (" …, all in report.json" if len(gone) > SHOWN else "")
    said = f"{len(gone)}: {shown}." if gone else "None."
    lines += ["## Firm-years of group_panel without a report here", "", said, ""]
    return "\n".join(lines)


def _book(found: dict | None) -> list[str]:
    if found is None:
        return ["What it does to the book's numbers was not computed: `--book` runs the notebooks, too.", ""]
    heads = [line for line in found["primary"] + found["headlines"] if line["moved"] or line["candidate"] is None]
    many, said = len(found["moved"]), len(found["sentences"])
    lines = [f"With these rows {many} of the book's {found['results']} numbers move, {len(heads)} of them primary "
             f"estimates or headlines; {said} sentences would read otherwise.", ""]  # fmt: skip
    for line in heads:
        then = line["candidate"]["text"] if line["candidate"] else "gone"
        lines.append(f"- `{line['id']}`, {line['page']}: {line['today']['text']} → {then} "
                     f"({', '.join(line['changes']) or 'beyond what is shown'})")  # fmt: skip
    lines += [f"- {line['page']}: {line['sentence'][:200]} ({', '.join(line['ids'])})" for line in found["sentences"]]
    lines += [f"- {page}: its notebook stops: {why}" for page, why in found["stopped"].items()]
    return [*lines, ""]


def _years(report: dict) -> list[str]:
    return sorted({year for years in report["rows_added"].values() for year in years})
