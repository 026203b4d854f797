"""One annual securities report as EDINET's CSV service gives it: five years of headcounts and sales, two of accounts.

A filing is a zip with one CSV file of the report itself (`jpcrp…`): UTF-16, tab-separated, quoted, nine columns. A fact
stands in a row by element and context; `CurrentYear` … `Prior4Year` are the report's own year and the four before it,
`_NonConsolidatedMember` is the filing company alone. Source: EDINET API, version 2, document type 5.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import zipfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

HEADINGS = ["要素ID", "項目名", "コンテキストID", "相対年度", "連結・個別", "期間・時点", "ユニットID", "単位", "値"]
AMENDED = "130"  # a document's type where it amends another
LONGEST = 2**31 - 1  # characters of one text; a whole chapter of a report may stand in a cell
NOTHING = ("", "－", "-")
CONTEXT = re.compile(r"(CurrentYear|Prior([1-4])Year)(Instant|Duration)(_NonConsolidatedMember)?")
PERSONS, YEN = "pure", "JPY"
EMPLOYEES = "jpcrp_cor:NumberOfEmployees"
STAFF = "jpcrp_cor:AverageNumberOfTemporaryWorkers"
SALES = "jpcrp_cor:NetSalesSummaryOfBusinessResults"
ASSETS = "jpcrp_cor:TotalAssetsSummaryOfBusinessResults"
IFRS_SALES = ("jpcrp_cor:RevenueIFRSSummaryOfBusinessResults", "jpcrp_cor:NetSalesIFRSSummaryOfBusinessResults")
IFRS_ASSETS = "jpcrp_cor:TotalAssetsIFRSSummaryOfBusinessResults"
US_SALES = "jpcrp_cor:RevenuesUSGAAPSummaryOfBusinessResults"
_ABOUT = "InformationAboutReportingCompanyInformationAboutEmployees"
PAY, AGE = f"jpcrp_cor:AverageAnnualSalary{_ABOUT}", f"jpcrp_cor:AverageAgeYears{_ABOUT}"
TRANSLATION = "jppfs_cor:ForeignCurrencyTranslationAdjustment"
BALANCE = "jppfs_cor:Assets"
STATEMENTS = {  # column: Japanese standards' element, IFRS's
    "operating_income_yen": ("jppfs_cor:OperatingIncome", "jpigp_cor:OperatingProfitLossIFRS"),
    "tangible_assets_yen": ("jppfs_cor:PropertyPlantAndEquipment", "jpigp_cor:PropertyPlantAndEquipmentIFRS"),
}
UNITS = {EMPLOYEES: PERSONS, STAFF: PERSONS, AGE: "pure", PAY: YEN} | dict.fromkeys(
    (SALES, ASSETS, *IFRS_SALES, IFRS_ASSETS, US_SALES, TRANSLATION, BALANCE, *sum(STATEMENTS.values(), ())), YEN
)
REGIONS = {
    "sales": ("jpcrp_cor:RevenuesFromExternalCustomersInformationForEachRegionTextBlock", "jppfs_cor:NetSales"),
    "tangible assets": ("jpcrp_cor:PropertyPlantAndEquipmentInformationForEachRegionTextBlock",
                        "jppfs_cor:PropertyPlantAndEquipment"),
}  # fmt: skip
UNITS["jppfs_cor:NetSales"] = YEN
BLOCKS = {block for block, _ in REGIONS.values()}
MONEY = {"百万円": 10**6, "千円": 10**3, "億円": 10**8, "円": 1}
_NAMES = """
日本 本邦 国内 海外 アジア 東アジア 東南アジア 南アジア その他アジア その他のアジア
アジア・オセアニア アジア・パシフィック アジア太平洋 中国 中華圏 香港 台湾 韓国 タイ インド
ベトナム インドネシア マレーシア フィリピン シンガポール 北米 北アメリカ 米国 アメリカ 米州
アメリカ合衆国 中南米 中米 南米 カナダ メキシコ ブラジル 欧州 ヨーロッパ 西欧 東欧 欧州・中東
EMEA ドイツ 英国 イギリス フランス イタリア オランダ ロシア 中東 中近東 アフリカ オセアニア
大洋州 オーストラリア その他 その他の地域 その他の国 合計 計
"""
NAMES = tuple(_NAMES.split())  # of regions in the tables' headings
TOTALS = ("合計", "計")


class FilingError(ValueError):
    """A filing does not say what was expected of it; the message names the filing, the element and what to do."""

    def __init__(self, doc_id: str, what: str):
        super().__init__(f"EDINET, filing {doc_id}: {what}")


@dataclass
class Filings:
    """The annual reports of the years asked for.

    `years`, `firms`: what was asked for (None: every firm); `documents`: as the list service describes them, of those
    whose zip is kept, sorted by firm, year and time of filing; `paths`: the zip of each by its document id; `problems`:
    one line for each that can't be had; `complete`: False where a limit has stopped the run.
    """

    years: list[int] = field(default_factory=list)
    firms: list[str] | None = None
    documents: list[dict] = field(default_factory=list)
    paths: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    complete: bool = True


@dataclass
class Year:
    """One fiscal year as one filing states it. Money in yen; None: not stated."""

    period_end: date
    back: int  # years before the filing's own: 0 to 4
    parent_employees: int | None = None
    group_employees: int | None = None
    temporary_staff: float | None = None
    average_pay_yen: int | None = None  # of the filing's own year alone, where it is tagged (about 2019 on)
    average_age: float | None = None  # likewise
    sales_yen: int | None = None
    sales_ifrs_yen: int | None = None
    operating_income_yen: int | None = None
    total_assets_yen: int | None = None
    tangible_assets_yen: int | None = None
    translation_adjustment_yen: int | None = None
    ifrs: int = 0
    balance_sheet: bool = False  # a consolidated one by Japanese standards: a missing adjustment is then none


@dataclass
class Region:
    """One cell of a table on regions, in yen, under the name that the filing gives to the region."""

    period_end: date
    kind: str  # "sales" or "tangible assets"
    region: str
    yen: int


@dataclass
class Filing:
    """What one report states. `marks`: changes of the fiscal year or of the standards; `refused`: tables on regions."""

    doc_id: str
    edinet_code: str
    period_end: date
    standard: str
    years: list[Year]
    regions: list[Region] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass
class Facts:
    """The facts of a report that are used, by element and context, and its own particulars (`…DEI`)."""

    doc_id: str
    values: dict[tuple[str, str], str]
    particulars: dict[str, str]


def facts(content: bytes, doc_id: str) -> Facts:
    """The facts of one zip. Raises `FilingError` for a broken zip, another encoding or form, a value stated twice."""
    values, particulars, like = {}, {}, set()
    for number, row in enumerate(_rows(content, doc_id), start=2):
        if len(row) != len(HEADINGS):
            raise FilingError(doc_id, f"line {number} has {len(row)} columns instead of nine; the file is cut short: "
                                      "delete it and run again")  # fmt: skip
        element, context, unit, value = row[0], row[2], row[6], row[8]
        if element.startswith("jpdei_cor:"):
            particulars[element[10:].removesuffix("DEI")] = value
        elif element in UNITS or element in BLOCKS:
            if not CONTEXT.fullmatch(context) or (value in NOTHING and element not in BLOCKS):
                continue
            if element in UNITS and unit != UNITS[element]:
                raise FilingError(doc_id, f"{element}, {context}: the unit is {unit!r} instead of {UNITS[element]!r}; "
                                          "nothing of this filing is used: read it by hand")  # fmt: skip
            if values.setdefault((element, context), value) != value:
                raise FilingError(doc_id, f"{element}, {context} is stated twice, as {values[element, context]} and "
                                          f"{value}; nothing of this filing is used: read it by hand")  # fmt: skip
        elif "Employees" in element:
            like.add(element)
    amendment = particulars.get("AmendmentFlag") == "true"
    if not amendment and not any(element == EMPLOYEES for element, _ in values):
        seen = f"; it states {', '.join(sorted(like)[:3])}" if like else ""
        raise FilingError(doc_id, f"no {EMPLOYEES} in the report{seen}; where the taxonomy has renamed it, "
                                  "`refresh/extract.py` must follow")  # fmt: skip
    return Facts(doc_id, values, particulars)


def _rows(content: bytes, doc_id: str) -> list[list[str]]:
    """The lines of a zip's report, without its headings."""
    unknown = "the form has changed: nothing is read until `refresh/extract.py` knows it"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if re.search(r"(^|/)jpcrp[^/]*\.csv$", name)]
            if len(names) != 1:
                raise FilingError(doc_id, f"{len(names)} reports (jpcrp….csv) in the zip where one was expected; look "
                                          "at the filing on EDINET")  # fmt: skip
            raw = archive.read(names[0])
        if raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            raise UnicodeError
        csv.field_size_limit(LONGEST)
        rows = list(csv.reader(io.StringIO(raw.decode("utf-16"), newline=""), delimiter="\t"))
    except (zipfile.BadZipFile, EOFError, zipfile.zlib.error):
        raise FilingError(doc_id, "the zip is broken or cut short; delete it and run again") from None
    except UnicodeError:
        raise FilingError(doc_id, f"the report isn't UTF-16 as the service documents; {unknown}") from None
    except csv.Error as error:
        raise FilingError(doc_id, f"the report isn't a table with tabs ({error}); {unknown}") from None
    if not rows or rows[0] != HEADINGS:
        raise FilingError(doc_id, f"the report's columns aren't the nine documented ones; {unknown}")
    return rows[1:]


def amended(original: Facts, *amendments: Facts) -> Facts:
    """The original's facts with those of its amendments in their order: what an amendment states supersedes."""
    values, particulars = dict(original.values), dict(original.particulars)
    for later in amendments:
        values |= later.values
        particulars |= {name: value for name, value in later.particulars.items() if value not in NOTHING}
    return Facts((amendments[-1] if amendments else original).doc_id, values, particulars)


def read(of: Facts) -> Filing:
    """The years, regions and marks of a report's facts. Raises `FilingError` for dates and values that can't be."""
    ends, lengths = _ends(of)
    standard = of.particulars.get("AccountingStandards", "")
    first_ifrs = _first_ifrs(of)
    years = [_year(of, back, end, first_ifrs) for back, end in enumerate(ends)]
    filing = Filing(of.doc_id, of.particulars.get("EDINETCode", ""), ends[0], standard, years)
    filing.marks = _marks(filing, lengths, first_ifrs)
    filing.years = [year for year in years if not _shorter_twin(years, year, lengths)]
    filing.marks += [
        f"fiscal year changed: the year to {year.period_end} is left out, another ends in {year.period_end.year}"
        for year in years
        if year not in filing.years
    ]
    for kind, (block, total) in REGIONS.items():
        for back in (0, 1):
            text = of.values.get((block, _context(back, "Duration")))
            if text is None:
                continue
            stated = next(
                (
                    int(of.values[total, _context(back, when)])
                    for when in ("Duration", "Instant")
                    if (total, _context(back, when)) in of.values
                ),
                None,
            )
            try:
                filing.regions += [Region(ends[back], kind, name, yen) for name, yen in regions(text, stated)]
            except ValueError as error:
                filing.refused.append(f"EDINET, filing {of.doc_id}: {kind} by region, year to {ends[back]}: {error}")
    return filing


def regions(text: str, total: int | None = None) -> list[tuple[str, int]]:
    """Names and yen of a table whose markup is stripped, so that its names and its digits run together.

    The table is cut in every possible way into known names of regions and as many numbers. A way counts where the parts
    add up to the last name, a total, but for rounding, and the total is `total` (yen, by the statements) where that is
    known. Raises `ValueError` unless exactly one way is left.
    """
    if re.search(r"記載を省略", text):
        raise ValueError("the filing leaves the table out (over 90 % in Japan, it says)")
    found = re.search(r"[（(]\s*単位\s*[：:]\s*(百万円|千円|億円|円)\s*[）)]", text)
    if not found:
        raise ValueError("no unit is named; read the filing's own table")
    unit = MONEY[found[1]]
    table = re.match(r"[\s　]*([^\d△▲－]+?)[\s　]*([\d,△▲－][\d,△▲－\s　]*)", text[found.end() :])
    if not table:
        raise ValueError("no names followed by numbers; read the filing's own table")
    names = [cut for cut in _cut_names(re.sub(r"[\s　]", "", table[1])) if cut[-1] in TOTALS and len(cut) > 2]
    if not names:
        raise ValueError(f"the names {table[1]!r} aren't all known; add them to _NAMES, or read the filing's own table")
    digits = re.sub(r"[\s　]", "", table[2])
    known = None if total is None else total / unit
    ways: dict[bool, list] = {True: [], False: []}
    for cut in names:
        for numbers in _cut_numbers(digits, len(cut)):
            gap = abs(sum(numbers[:-1]) - numbers[-1])
            if gap < len(cut) - 1 and (known is None or abs(numbers[-1] - known) < 1):
                ways[gap == 0].append(list(zip(cut[:-1], numbers[:-1], strict=True)))
    ways = ways[True] or ways[False]
    if len(ways) != 1:
        raise ValueError(
            "no way to read the digits makes the sums right"
            if not ways
            else f"{len(ways)} ways to read the digits make the sums right"
        )
    return [(name, number * unit) for name, number in ways[0]]


def _cut_names(text: str) -> list[list[str]]:
    """Every way to cut a run of names into known ones."""
    if not text:
        return [[]]
    return [[name, *rest] for name in NAMES if text.startswith(name) for rest in _cut_names(text[len(name) :])]


def _cut_numbers(text: str, count: int) -> list[list[int]]:
    """Every way to cut a run of digits into so many numbers with commas after each three digits."""
    if not count or not text:
        return [] if count or text else [[]]
    if text[0] == "－":
        return [[0, *rest] for rest in _cut_numbers(text[1:], count - 1)]
    sign, body = (-1, text[1:]) if text[0] in "△▲" else (1, text)
    out = []
    for head in re.findall(r"^(?=(\d))(?=(\d{2})?)(?=(\d{3})?)", body)[:1]:
        for digits in filter(None, head):
            if digits[0] == "0" and digits != "0":
                continue
            end = len(digits)
            while True:
                number = sign * int(body[:end].replace(",", ""))
                out += [[number, *rest] for rest in _cut_numbers(body[end:], count - 1)]
                if not re.match(r",\d{3}", body[end:]):
                    break
                end += 4
    return out


def _context(back: int, when: str, alone: bool = False) -> str:
    return f"{f'Prior{back}Year' if back else 'CurrentYear'}{when}{'_NonConsolidatedMember' if alone else ''}"


def _day(of: Facts, name: str, needed: bool = False) -> date | None:
    text = of.particulars.get(name, "")
    if text in NOTHING and not needed:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FilingError(of.doc_id, f"{name} is {text!r} where a day was expected; read the filing by hand") from None


def year_before(day: date) -> date:
    """The same day a year earlier; a month's last day stays one."""
    last = (day + timedelta(days=1)).day == 1
    if last:
        return (day + timedelta(days=1)).replace(year=day.year - 1) - timedelta(days=1)
    return day.replace(year=day.year - 1)


def _ends(of: Facts) -> tuple[list[date], list[int | None]]:
    """Last days of the five years, the own first, and the lengths in days of the two whose first day is stated."""
    end = _day(of, "CurrentFiscalYearEndDate", needed=True)
    start, before = _day(of, "CurrentFiscalYearStartDate", needed=True), _day(of, "PreviousFiscalYearStartDate")
    if not 0 < (end - start).days < 550:
        raise FilingError(of.doc_id, f"a fiscal year from {start} to {end}; read the filing by hand")
    ends = [end, start - timedelta(days=1)]
    ends.append(before - timedelta(days=1) if before and before < ends[1] else year_before(ends[1]))
    while len(ends) < 5:
        ends.append(year_before(ends[-1]))
    return ends, [(a - b).days for a, b in itertools.pairwise(ends)]


def _shorter_twin(years: list[Year], year: Year, lengths: list[int]) -> bool:
    """Whether another fiscal year ends in the same calendar year and comes nearer to twelve months."""

    def length(one: Year) -> int:
        return abs((lengths[one.back] if one.back < len(lengths) else 365) - 365)

    twins = [y for y in years if y.period_end.year == year.period_end.year and y is not year]
    return any((length(y), y.back) < (length(year), year.back) for y in twins)


def _first_ifrs(of: Facts) -> int | None:
    """How many years back the first report by IFRS lies: None without IFRS, 4 where the series holds nothing else.

    The oldest year with IFRS figures is the first report's comparison, where other standards' figures stand beside it.
    """
    ifrs = [back for back in range(5) if any((name, _context(back, "Duration")) in of.values for name in IFRS_SALES)]
    if not ifrs:
        return 4 if of.particulars.get("AccountingStandards") == "IFRS" else None
    others = [
        back for back in range(5) if any((name, _context(back, "Duration")) in of.values for name in (SALES, US_SALES))
    ]
    return max(max(ifrs) - 1, 0) if max(ifrs) in others else max(ifrs)


def _marks(filing: Filing, lengths: list[int], first_ifrs: int | None) -> list[str]:
    marks = []
    for back, days in enumerate(lengths):
        if not 360 <= days <= 371:
            marks.append(f"fiscal year changed: the year to {filing.years[back].period_end} has {days} days")
    if first_ifrs is not None and first_ifrs < 4:
        end = filing.years[first_ifrs].period_end
        marks.append(f"accounting standards changed: IFRS from the year to {end} on")
    return marks


def _number(of: Facts, element: str, context: str, kind: type = int):
    text = of.values.get((element, context))
    if text is None:
        return None
    try:
        value = kind(text)
    except ValueError:
        raise FilingError(
            of.doc_id, f"{element}, {context}: {text!r} where a number was expected; read the filing by hand"
        ) from None
    if element == EMPLOYEES and value < 0:
        raise FilingError(of.doc_id, f"{element}, {context}: {value} persons; read the filing by hand")
    return value


def _year(of: Facts, back: int, end: date, first_ifrs: int | None) -> Year:
    instant, duration = _context(back, "Instant"), _context(back, "Duration")
    ifrs = int(first_ifrs is not None and back <= first_ifrs)
    japanese = (SALES, duration) in of.values or (ASSETS, instant) in of.values
    year = Year(
        end,
        back,
        parent_employees=_number(of, EMPLOYEES, _context(back, "Instant", alone=True)),
        group_employees=_number(of, EMPLOYEES, instant),
        temporary_staff=_number(of, STAFF, instant, float),
        average_pay_yen=_number(of, PAY, _context(back, "Instant", alone=True)),
        average_age=_number(of, AGE, _context(back, "Instant", alone=True), float),
        sales_yen=None if ifrs else _number(of, SALES, duration),
        sales_ifrs_yen=next(
            (_number(of, name, duration) for name in IFRS_SALES if (name, duration) in of.values), None
        ),
        total_assets_yen=_number(of, IFRS_ASSETS if ifrs else ASSETS, instant),
        translation_adjustment_yen=_number(of, TRANSLATION, instant),
        ifrs=ifrs,
        balance_sheet=japanese and (BALANCE, instant) in of.values,
    )
    for column, elements in STATEMENTS.items():
        when = duration if column == "operating_income_yen" else instant
        setattr(year, column, _number(of, elements[ifrs], when))
    return year
