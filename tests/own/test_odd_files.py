"""Files with the marks that statistics offices, spreadsheets and Japanese and German clerks leave.

Each is read right, or refused with words; where the words say what to do, doing it gives the right panel.
"""

from __future__ import annotations

import re

import pandas as pd
import pytest
from panels import made

from goingglobal import own
from goingglobal.own import PanelError

WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
BASE = made(24).drop(columns="weight").assign(home=lambda rows: 13 * rows["home"])
RIGHT = own.check(BASE)


def changed(column: str, change, every: int = 1) -> pd.DataFrame:
    """The panel with one column's cells changed, in each `every`th row."""
    cells = BASE[column].astype(object)
    return BASE.assign(**{column: cells.where(BASE.index % every != 0, cells.map(change))})


def text(frame: pd.DataFrame = BASE, **options) -> str:
    return frame.to_csv(index=False, **options)


def saved(folder, content: str | pd.DataFrame):
    path = folder / "odd.csv"
    path.write_text(content if isinstance(content, str) else text(content), encoding="utf-8", newline="")
    return path


LINES = text().splitlines(keepends=True)
TOTALS = "".join(f"Total,{year},0,,{staff}\n" for year, staff in BASE.groupby("year")["home"].sum().items())


@pytest.mark.parametrize("content", [
    "".join([*LINES[:50], "\ufeff", *LINES[50:]]),  # two files joined, the second with its byte order mark
    "\ufeff" + text(quoting=1), text(lineterminator="\r"), "".join(line.rstrip("\n") + ",\n" for line in LINES),
    text().replace("f001", "f0\u200b01"), text(changed("year", lambda y: f"{y}.0")),
    text(changed("fdi", lambda v: str(bool(v)).upper())), text(changed("firm", lambda f: f" {f}\u3000", 2)),
    text(sep="|"), text(sep="\t"), "sep=;\n" + text(sep=";"),
    "".join([LINES[0], *(line.rstrip("\n") + ",\n" for line in LINES[1:])]),
], ids=["mark in the middle", "quoted after a mark", "old line ends", "comma at the end", "no width", "year with .0",
        "TRUE", "blanks", "bars", "tabs", "sep=", "comma at the end of rows"])
def test_what_can_mean_one_thing_only_is_read(tmp_path, content):
    pd.testing.assert_frame_equal(own.check(own.read(saved(tmp_path, content))), RIGHT)


def digits(cells: pd.Series) -> pd.Series:
    return cells.str.extract(r"(\d{4})")[0]


@pytest.mark.parametrize(("content", "words", "mended"), [
    (changed("year", lambda y: f"31.03.{y}", 2), "a date: column.str.extract",
     {"year": lambda c: c.str.extract(r"((?:19|20)\d{2})")[0]}),
    (changed("year", lambda y: (pd.Timestamp(y, 3, 31) - pd.Timestamp(1899, 12, 30)).days),
     "a date as a spreadsheet counts days",
     {"year": lambda c: pd.to_datetime(c, unit="D", origin="1899-12-30").dt.year}),
    (changed("year", lambda y: f"FY{y}"), "take the year out", {"year": digits}),
    (changed("year", lambda y: f"{y}/{(y + 1) % 100:02d}"), "a business year", {"year": digits}),
    (changed("year", lambda y: f"{y}-{y + 1}"), "a business year", {"year": digits}),
    (changed("year", lambda y: f"{y}年度"), "take the year out", {"year": digits}),
    (changed("year", lambda y: f"平成{y - 1988}年"), "平成 is 1988 + the year, so 2010 here",
     {"year": lambda c: 1988 + c.str.extract(r"(\d+)")[0].astype(int)}),
    (changed("year", lambda y: f"H{y - 1988}"), "H is 1988 + the year, so 2010 here",
     {"year": lambda c: 1988 + c.str[1:].astype(int)}),
    (changed("year", lambda y: y - 2000), "2000 + column", {"year": lambda c: 2000 + c}),
    (changed("year", lambda y: str(y).translate(WIDE)), "full-width digits",
     {"year": lambda c: c.str.normalize("NFKC")}),
    (changed("home", lambda h: str(h).translate(WIDE)), "full-width digits",
     {"home": lambda c: c.str.normalize("NFKC")}),
    (changed("home", lambda h: f"{h}*", 7), "the mark of a footnote",
     {"home": lambda c: c.str.extract(r"^([-+\d.,]+)")[0]}),
    (changed("home", lambda h: f"{h}¹", 7), "the mark of a footnote",
     {"home": lambda c: c.str.extract(r"^([-+\d.,]+)")[0]}),
    (changed("home", lambda h: f"{h}人"), "a number with its unit",
     {"home": lambda c: c.str.extract(r"^([-+\d.,]+)")[0]}),
    (changed("home", lambda h: f"'{h}"), "an apostrophe that marks text", {"home": lambda c: c.str.lstrip("'")}),
    (changed("home", lambda h: f"¥{h}"), "an amount of money", {"home": lambda c: c.str.strip("€$£¥￥ ")}),
    (changed("home", lambda h: f"{h} %"), "a percentage", {"home": lambda c: c.str.rstrip("%％ ")}),
    *((changed("fdi", {1: yes, 0: no}.get), "say which is 1", {"fdi": lambda c, y=yes, n=no: c.map({y: 1, n: 0})})
      for yes, no in (("yes", "no"), ("はい", "いいえ"), ("nein", "ja")[::-1], ("WAHR", "FALSCH"), ("有", "無"),
                      ("vrai", "faux"))),
    *((changed("fdi", {1: mark, 0: ""}.get), "a mark: if an empty cell means no",
       {"fdi": lambda c: c.notna().astype(int)}) for mark in "x○✓"),
])
def test_doing_what_the_refusal_says_gives_the_right_panel(tmp_path, content, words, mended):
    frame = own.read(saved(tmp_path, content))
    with pytest.raises(PanelError, match=re.escape(words)):
        own.check(frame)
    repaired = frame.assign(**{column: change(frame[column]) for column, change in mended.items()})
    pd.testing.assert_frame_equal(own.check(repaired), RIGHT)


@pytest.mark.parametrize("mark", ["'", "’", "\xa0", "\u202f", " ", "_"])
def test_a_mark_of_thousands_is_named_and_reading_with_it_is_right(tmp_path, mark):
    path = saved(tmp_path, changed("home", lambda h: f"{h:,}".replace(",", mark)))
    with pytest.raises(PanelError, match=re.escape(f"thousands={mark!r}")) as told:
        own.check(own.read(path))
    assert ('engine="python"' in str(told.value)) != mark.isascii(), "pandas passes over other marks in silence"
    pd.testing.assert_frame_equal(own.check(own.read(path, thousands=mark)), RIGHT)


def test_groups_of_two_digits_are_read_with_a_comma(tmp_path):
    path = saved(tmp_path, changed("home", lambda h: f"1,{h // 1000 + 10:02d},{h % 1000:03d}"))
    with pytest.raises(PanelError, match="as in India"):
        own.check(own.read(path))
    panel = own.check(own.read(path, thousands=","))
    assert panel["home_employees"].equals(RIGHT["home_employees"] + 110_000)


@pytest.mark.parametrize("mark", ["n.a.", "…", "-", "..", "x", "*", "(b)", "n/d", "k.A.", "秘匿", "X"])
def test_a_mark_of_no_answer_is_refused_until_it_is_said_what_it_means(tmp_path, mark):
    path = saved(tmp_path, changed("home", lambda h: mark, 17))
    with pytest.raises(PanelError, match=re.escape(f"na_values=[{mark!r}]")):
        own.check(own.read(path))
    panel = own.check(pd.read_csv(path, na_values=[mark]))
    assert panel.attrs["left_out"]["rows without home headcount or FDI status"] == -(-len(BASE) // 17)


@pytest.mark.parametrize(("content", "words"), [
    (text() + TOTALS, "field 'home', rows 145, 146, 147 and 3 more: rows that are the sum of all others of the year"),
    (text() + f"Total,2015,0,,{BASE['home'].sum()}\n", "field 'home', row 145: rows that are the sum of all others:"),
    (text() + f"Total,,,,{BASE['home'].sum()}\n", "field 'year', row 145: expected a value"),
    (text() + "\nSource: Ministry of Economy. n.a. = not available\n", "field 'year', row 145: expected a value"),
    ("".join([*LINES[:60], LINES[0], *LINES[60:]]), "field 'year', row 60: expected a whole year"),
    ("".join([LINES[0], ",year,0/1,,persons\n", *LINES[1:]]), "field 'firm', row 1: expected a value"),
    ("Table 1. Employees by firm\n\n" + text(), "if the names stand further down, leave out the lines above them"),
    ("Table 1. Employees, by firm\n" + text(), "rows have more cells than the first line has names (2)"),
    (text().replace("sector,home", "home,home", 1), "field 'home': the header has this name 2 times"),
    (BASE.assign(firm=BASE["firm"].mask(BASE["firm"].duplicated())), "field 'firm', rows 2, 3, 4 and 117 more"),
    (changed("firm", lambda f: f"{1.2e5 + int(f[1:]):.1E}"), "a spreadsheet has cut their digits"),
    (pd.concat([BASE, BASE.assign(home=2 * BASE["home"])]), "of two kinds of accounts? Keep one"),
    (BASE.pivot(index="firm", columns="year", values="home").reset_index(), "expected a column 'year'"),
    (changed("home", lambda h: "#DIV/0!", 9), "an error of a formula in the spreadsheet"),
    (changed("home", lambda h: f"△{h}", 9), "a number below zero"),
    (changed("home", lambda h: f"({h})", 9), "a number below zero"),
    (changed("home", lambda h: 0, 9), "expected a number above 0 (persons), found '0'"),
    (changed("home", lambda h: -99, 9), "expected a number above 0 (persons), found '-99'"),
    (changed("home", lambda h: f"{h / 1000:.1f}k"), "expected a number above 0 (persons), one that can be read"),
    (changed("home", lambda h: f"ca. {h}", 9), "expected a number above 0 (persons), one that can be read"),
    (changed("home", lambda h: f"{h}.5" if h % 2 else f"{h},5"), "a decimal comma"),
    (text().replace("\nf003,2012", "\nf003,extra,2012", 1), "Expected 5 fields in line 22, saw 6"),
])
def test_what_would_count_wrong_is_refused(tmp_path, content, words):
    with pytest.raises(PanelError, match=re.escape(words)):
        own.check(own.read(saved(tmp_path, content)))


def test_a_firm_that_is_once_as_large_as_the_others_together_is_no_total():
    rows = BASE[BASE["firm"] < "f004"].copy()
    first = rows.index[(rows["firm"] == "f000") & (rows["year"] == 2012)][0]
    rows.loc[first, "home"] = rows.loc[(rows["year"] == 2012) & (rows["firm"] > "f000"), "home"].sum()
    assert len(own.check(rows)) == len(rows)


def test_codes_of_no_answer_that_stay_numbers_are_told():
    found = own.check(changed("home", lambda h: 999_999, 9)).attrs["cautions"]
    assert "whose headcount changes by a factor of 300 or more" in str(found[0])


def test_spreadsheets_with_dates_and_merged_names(tmp_path):
    path = tmp_path / "odd.xlsx"
    BASE.assign(year=pd.to_datetime(BASE["year"].astype(str) + "-03-31")).to_excel(path, index=False)
    with pytest.raises(PanelError, match=r"take pandas.to_datetime\(column\).dt.year"):
        own.check(own.read(path))
    BASE.set_index(["firm", "year"]).to_excel(path)  # pandas merges the cells of a firm
    with pytest.raises(PanelError, match="field 'firm', rows 2, 3, 4 and 117 more: expected a value"):
        own.check(own.read(path))
    frame = own.read(path)
    pd.testing.assert_frame_equal(own.check(frame.assign(firm=frame["firm"].ffill())), RIGHT)
