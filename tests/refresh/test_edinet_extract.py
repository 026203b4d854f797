"""What is read from an annual securities report, on twenty real ones and on the same with a fault put in."""

from __future__ import annotations

import re

import edinet_service as service
import pytest

from goingglobal.refresh import extract
from goingglobal.refresh.extract import FilingError

KURITA, HITACHI, FUJITSU, OKI, NIDEC, HAMAMATSU, ALONE = (
    "S100AOB9", "S100AI0Y", "S100AMOL", "S100AFA6", "S100API1", "S100BZNG", "S100AMU9")  # fmt: skip


def read(doc_id: str, *changes: tuple[str, str]) -> extract.Filing:
    """A real filing; each change replaces what must be there."""
    return extract.read(extract.facts(service.zipped(changed(doc_id, *changes)), doc_id))


def changed(doc_id: str, *changes: tuple[str, str]) -> str:
    text = service.rows(doc_id)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def headcounts(filing: extract.Filing) -> dict[int, tuple]:
    return {year.period_end.year: (year.parent_employees, year.group_employees) for year in filing.years}


@pytest.mark.parametrize(("doc_id", "expected"), [
    (KURITA, {2017: (1536, 5654), 2016: (1528, 5481), 2015: (1527, 5222), 2014: (1529, 4635), 2013: (1543, 4640)}),
    (HITACHI, {2017: (35631, 303887), 2016: (37353, 335244), 2015: (31375, 336670), 2014: (33500, 323919),
               2013: (33665, 329703)}),
    (FUJITSU, {2017: (33095, 155069), 2016: (24112, 156515), 2015: (25627, 158846), 2014: (25616, 162393),
               2013: (25426, 168733)}),
    (ALONE, {2017: (431, None), 2016: (434, None), 2015: (404, None), 2014: (393, None), 2013: (382, 388)}),
])  # fmt: skip
def test_five_years_of_headcounts(doc_id, expected):
    assert headcounts(read(doc_id)) == expected


def test_every_filing_has_five_years_of_the_company_alone():
    for row in service.listed():
        filing = read(row["docID"])
        last = int(row["periodEnd"][:4])
        assert (filing.edinet_code, str(filing.period_end)) == (row["edinetCode"], row["periodEnd"])
        assert [year.period_end.year for year in filing.years] == list(range(last, last - 5, -1))
        assert all(year.parent_employees > 0 for year in filing.years)


def test_a_chapter_in_one_cell_is_read_over():
    cells = ["jpcrp_cor:BusinessRisksTextBlock", "x", "FilingDateInstant", "x", "x", "x", "－", "－", "字" * 300_000]
    text = service.rows(OKI) + "\t".join(f'"{cell}"' for cell in cells) + "\r\n"
    assert headcounts(extract.read(extract.facts(service.zipped(text), OKI))) == headcounts(read(OKI))


def test_accounts_of_the_own_year_and_of_a_year_before_it():
    own, before, two = read(OKI).years[:3]
    assert (own.sales_yen, own.operating_income_yen, own.total_assets_yen, own.tangible_assets_yen,
            own.translation_adjustment_yen, own.temporary_staff) == (
        451_627_000_000, 2_545_000_000, 360_724_000_000, 44_783_000_000, -11_702_000_000, 2732.0)  # fmt: skip
    assert before.operating_income_yen == 18_594_000_000
    assert before.balance_sheet
    assert (own.average_pay_yen, own.average_age) == (None, None)
    later, then = read("S100W0R4").years[:2]
    assert (later.average_pay_yen, later.average_age, then.average_age) == (7_810_663, 44.2, None)
    assert (two.sales_yen, two.operating_income_yen, two.balance_sheet) == (540_153_000_000, None, False)


@pytest.mark.parametrize(("doc_id", "standard", "first", "flags"), [
    (HITACHI, "IFRS", 2015, [1, 1, 1, 0, 0]), (FUJITSU, "IFRS", 2015, [1, 1, 1, 0, 0]),
    ("S100AI6T", "IFRS", 2017, [1, 0, 0, 0, 0]), ("S100VZFD", "IFRS", 2022, [1, 1, 1, 1, 0]),
    ("S100W5YW", "IFRS", None, [1, 1, 1, 1, 1]), (NIDEC, "US GAAP", None, [0, 0, 0, 0, 0]),
    (OKI, "Japan GAAP", None, [0, 0, 0, 0, 0]),
])  # fmt: skip
def test_a_change_of_standards_is_marked(doc_id, standard, first, flags):
    filing = read(doc_id)
    assert filing.standard == standard
    assert [year.ifrs for year in filing.years] == flags
    assert filing.marks == ([] if first is None else [
        f"accounting standards changed: IFRS from the year to {first}-03-31 on"])  # fmt: skip


@pytest.mark.parametrize(("changes", "ends", "short"), [
    pytest.param([("2017-03-31", "2016-12-31")], ["2016-03-31", "2015-03-31", "2014-03-31", "2013-03-31"], "2016-12-31",
                 id="nine months"),
    pytest.param([("2017-03-31", "2017-12-31"), ("2016-04-01", "2017-01-01"), ("2015-04-01", "2016-04-01")],
                 ["2017-12-31", "2016-03-31", "2015-03-31", "2014-03-31"], "2016-12-31", id="the year before"),
])  # fmt: skip
def test_a_change_of_the_fiscal_year_is_marked_and_dates_the_years_before(changes, ends, short):
    """Of two fiscal years that end in one calendar year, the one nearer to twelve months counts."""
    filing = read(OKI, *changes)
    assert [str(year.period_end) for year in filing.years] == ends
    assert filing.marks == [
        f"fiscal year changed: the year to {short} has 275 days",
        f"fiscal year changed: the year to {short} is left out, another ends in {short[:4]}",
    ]


def test_amendments_supersede_what_they_state():
    original = extract.facts(service.zipped(service.rows(OKI)), OKI)
    lines = [
        line
        for line in service.rows(OKI).splitlines(keepends=True)
        if line.startswith(('"要素ID"', '"jpdei')) or ("NumberOfEmployees" in line and '"CurrentYearInstant"' in line)
    ]
    text = "".join(lines).replace('"19464"', '"19500"')
    text = re.sub(r'("jpdei_cor:AmendmentFlagDEI".*)"false"', r'\1"true"', text)
    later = extract.facts(service.zipped(text), "S100ZZZZ")
    filing = extract.read(extract.amended(original, later))
    assert headcounts(filing) == headcounts(read(OKI)) | {2017: (4063, 19500)}
    assert filing.doc_id == "S100ZZZZ"


# -------------------------------------------------------------------------------------------------------------- regions
def test_tables_on_regions_are_cut_where_their_sums_are_right():
    cells = read(KURITA).regions
    found = {(str(c.period_end), c.kind, c.region): c.yen // 10**6 for c in cells}
    assert found["2017-03-31", "sales", "アジア"] == 39_899
    assert found["2017-03-31", "sales", "EMEA"] == 19_774
    assert found["2016-03-31", "tangible assets", "北アメリカ"] == 21
    assert [c.yen // 10**6 for c in read(HAMAMATSU).regions if str(c.period_end) == "2017-09-30"] == [
        38_378, 33_314, 32_961, 25_546, 293]  # fmt: skip


def test_of_all_tables_on_regions_those_left_out_by_the_firm_are_refused_by_name():
    read_, refused = 0, []
    for row in service.listed():
        filing = read(row["docID"])
        read_ += len({(c.period_end, c.kind) for c in filing.regions})
        refused += filing.refused
    assert (read_, len(refused)) == (20, 12)
    assert all("leaves the table out" in line for line in refused)
    assert refused[0] == (
        "EDINET, filing S100W0R4: tangible assets by region, year to 2025-03-31: the filing leaves the table out "
        "(over 90 % in Japan, it says)"
    )


@pytest.mark.parametrize(("text", "total", "message"), [
    pytest.param("（単位：百万円）日本アジア合計1,0002,0003,500", None, "no way", id="sums are wrong"),
    pytest.param("（単位：百万円）日本アジア合計1,0002,0003,000", 4e9, "no way", id="not the statements' total"),
    pytest.param("（単位：百万円）日本火星合計1,0002,0003,000", None, "火星", id="unknown name"),
    pytest.param("（単位：百万円）日本アジア合計11112", None, "2 ways", id="more than one way"),
    pytest.param("日本アジア合計1,0002,0003,000", None, "no unit", id="no unit"),
    pytest.param("（単位：百万円）", None, "no names", id="no table"),
])  # fmt: skip
def test_a_table_on_regions_that_is_not_sure_is_refused(text, total, message):
    with pytest.raises(ValueError, match=message):
        extract.regions(text, total)


def test_rounding_and_signs_in_tables_on_regions():
    assert extract.regions("(単位：千円) 日本米国合計222,3928,658231,051") == [
        ("日本", 222_392_000),
        ("米国", 8_658_000),
    ]
    assert extract.regions("（単位：百万円）日本アジア合計100△595") == [("日本", 100_000_000), ("アジア", -5_000_000)]
    assert extract.regions("（単位：百万円）日本米国合計1,000－1,000") == [("日本", 10**9), ("米国", 0)]


# --------------------------------------------------------------------------------------------------------------- faults
FIRST = "\t".join(f'"{cell}"' for cell in (
    "jpcrp_cor:NumberOfEmployees", "従業員数", "Prior4YearInstant", "四期前時点", "その他", "時点", "pure", "",
    "17459"))


@pytest.mark.parametrize(("change", "message"), [
    pytest.param((FIRST, FIRST.replace('"pure"', '"thousand"')), "unit is 'thousand' instead of 'pure'", id="unit"),
    pytest.param((FIRST, FIRST + "\r\n" + FIRST.replace("17459", "17460")), "twice, as 17459 and 17460", id="twice"),
    pytest.param(("jpcrp_cor:NumberOfEmployees", "jpcrp_cor:NumberOfEmployeesOfGroup"),
                 "no jpcrp_cor:NumberOfEmployees in the report; it states jpcrp_cor:NumberOfEmployeesOf", id="renamed"),
    pytest.param(("17459", "many"), "'many' where a number was expected", id="words"),
    pytest.param(("17459", "-5"), "-5 persons", id="negative"),
    pytest.param(('"2017-03-31"', '"31 March"'), "'31 March' where a day was expected", id="date"),
    pytest.param(('"2016-04-01"', '"2013-04-01"'), "a fiscal year from 2013-04-01 to 2017-03-31", id="long year"),
    pytest.param(('"要素ID"', '"要素"'), "columns aren't the nine", id="columns"),
    pytest.param((FIRST, FIRST.rsplit("\t", 2)[0]), "has 7 columns instead of nine", id="short line"),
])  # fmt: skip
def test_a_fault_in_a_filing_is_one_clear_line(change, message):
    with pytest.raises(FilingError, match=re.escape(message)) as caught:
        read(OKI, change)
    assert str(caught.value).startswith(f"EDINET, filing {OKI}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "message"), [
    pytest.param(service.zipped(service.rows(OKI))[:3000], "broken or cut short", id="truncated zip"),
    pytest.param(service.zipped(service.rows(OKI).encode()), "isn't UTF-16", id="UTF-8"),
    pytest.param(service.zipped(service.rows(OKI).encode("cp932", "ignore")), "isn't UTF-16", id="Shift JIS"),
    pytest.param(service.zipped(b"\xff\xfe" + service.rows(OKI).encode("utf-16-le")[:-1]), "UTF-16", id="half a sign"),
    pytest.param(service.zipped(""), "nine documented", id="empty"),
])  # fmt: skip
def test_a_broken_file_is_one_clear_line(content, message):
    with pytest.raises(FilingError, match=message):
        extract.facts(content, OKI)
