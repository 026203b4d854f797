"""What the check advises about a value it can't take, and text that any console can print."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

from goingglobal._display import printable

__all__ = ["advice", "near", "printable"]

BAND = re.compile(r"\d\s*(?:-|–|—|~|〜|～|to|bis|à|until)\s*\d|\d\s*\+|[<>≤≥]\s*\d|\b(?:more|over|less|fewer|under|"
                  r"above|below|at least|at most|up to|or more|mehr|weniger|unter|über|plus|moins)\b|"
                  "以上|未満|以下", re.I)
NOTHING = re.compile(r"[-–—.*?/]+|n\.?\s*/?\s*a\.?|x|none|missing|unknown|not (?:available|stated|asked)|no answer|"
                     r"dk|dk/na|don'?t know|refused|k\.?\s*a\.?|n\.?/?d\.?|c|\([a-z]\)|…|※|[Ｘｘχ]|"
                     r"不明|なし|該当なし|秘匿|未公表", re.I)
FORMULA = re.compile(r"#(?:VALUE!|DIV/0!|REF!|NAME\?|NUM!|NULL!|N/A)", re.I)  # errors that a spreadsheet leaves
YES_NO = {"yes": "no", "y": "n", "ja": "nein", "j": "n", "oui": "non", "si": "no", "sí": "no", "t": "f", "有": "無",
          "あり": "なし", "はい": "いいえ", "○": "×", "wahr": "falsch", "vrai": "faux", "verdadero": "falso",
          "vero": "falso", "tak": "nie", "да": "нет", "是": "否", "真": "偽"}
TICKS = ("x", "○", "◯", "●", "✓", "✔", "☑", "レ", "*")
ERA = re.compile(r"(明治|大正|昭和|平成|令和|[MTSHR])\s*\.?\s*(\d{1,2}|元)\s*(?:年度?)?(?:\D.*)?", re.I)
BEFORE = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018, "M": 1867, "T": 1911, "S": 1925,
          "H": 1988, "R": 2018}  # the year before an era's first
BUSINESS_YEAR = re.compile(r"(?:FY\s*)?((?:19|20)\d\d)\s*[/–-]\s*(\d{2}|\d{4})")
INVISIBLE = re.compile("[\ufeff\u200b-\u200f\u2060\u00ad]")  # marks that no one sees: byte order, no width, soft hyphen
SUPERSCRIPT = re.compile(r"([-+]?[\d.,]+)\s*[¹²³⁰-⁹*†‡§※]+|([-+]?[\d.,]+)\s*(?:\([a-z\d]\)|[a-z])", re.I)
DATE = re.compile(r"\d{4}\s*[-/.年]\s*\d{1,2}\b|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")


def near(name: str, known: Iterable[object]) -> str:
    """“; did you mean …?” where one of the known names is like it, else nothing."""
    def plain(value: object) -> str:
        return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", str(value)).casefold())

    by_form: dict[str, object] = {}
    for other in known:
        by_form.setdefault(plain(other), other)
    form = plain(name)
    found = difflib.get_close_matches(form, [f for f in by_form if f], n=1, cutoff=0.72)
    if not found and len(form) > 2:
        found = [f for f in by_form if form in f][:1]
    return f"; did you mean {by_form[found[0]]!r}?" if found else ""


def _number(text: str) -> str:
    """What a number with marks in it may be, and how to read it."""
    if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+\.\d+|[-+]?\d{1,3}(?:,\d{3}){2,}", text):
        return 'a thousands comma: read the file with thousands=","'
    if re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", text):
        return ('a comma that parts thousands: read the file with thousands=","; or, if it marks decimals, with '
                'decimal=","')
    if re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+", text):
        return 'read the file with thousands=".", decimal=","'
    if re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3}){2,}", text):
        return 'a thousands point: read the file with thousands="."'
    if re.fullmatch(r"[-+]?[1-9]\d{0,2}\.\d{3}", text):
        return 'a point that parts thousands: read the file with thousands="."'
    if re.fullmatch(r"[-+]?\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?", text):
        return 'a thousands comma, as in India: read the file with thousands=","'
    if re.fullmatch(r"[-+]?\d+,\d*", text):
        return 'a decimal comma: read the file with decimal=","'
    parted = re.fullmatch(r"[-+]?\d{1,3}(?:([\s'’_])\d{3})(?:\1\d{3})*(?:[.,]\d+)?", text)
    pandas = "" if not parted or parted[1].isascii() else ' (and, in pandas, engine="python")'
    return f"read the file with thousands={parted[1]!r}{pandas}" if parted else ""


def _year(text: str) -> str:
    """What a year that is none may be, and what to do."""
    plain = unicodedata.normalize("NFKC", text)
    business, era = BUSINESS_YEAR.fullmatch(plain), ERA.fullmatch(plain)
    if business and int(business[2][-2:]) == (int(business[1]) + 1) % 100:
        return 'a business year: column.str.extract(r"(\\d{4})")[0] is the year in which it begins'
    if era:
        name = era[1].upper()
        return (f"a year of a Japanese era, counted from its first: {era[1]} is {BEFORE[name]} + the year, so "
                f"{BEFORE[name] + (1 if era[2] == '元' else int(era[2]))} here")
    if re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2}.*", plain):
        return 'a date: column.str.extract(r"((?:19|20)\\d{2})")[0] is its year'
    if DATE.search(text) or re.fullmatch(r"\d{4}-\d\d-\d\d.*", text):
        return "a date: take pandas.to_datetime(column).dt.year"
    if re.search(r"(?:19|20)\d\d", text):
        return 'take the year out: column.str.extract(r"(\\d{4})")[0]'
    return ""


def _marked(text: str) -> str:
    """What a number with another sign beside it may be, and how to read it."""
    if text.startswith("'") and re.fullmatch(r"'[-+]?[\d.,]+", text):
        return 'an apostrophe that marks text in a spreadsheet: column.str.lstrip("\'")'
    if re.fullmatch(r"(?:[−△▲–]\s*|-\s+)[\d.,]+|\([\d.,]+\)", text):
        return 'a number below zero: column.str.replace(r"^[−△▲–(]\\s*", "-", regex=True).str.rstrip(")")'
    if re.fullmatch(r"[€$£¥￥₩₹]\s*[-+]?[\d.,]+|[-+]?[\d.,]+\s*(?:[€$£¥￥₩₹]|EUR|USD|JPY|円|千円|百万円)", text):
        return 'an amount of money: column.str.strip("€$£¥￥ "), if this is the right column'
    if re.fullmatch(r"[-+]?[\d.,]+\s*[%％]", text):
        return 'a percentage: column.str.rstrip("%％ "), if this is the right column'
    if SUPERSCRIPT.fullmatch(text) and not re.fullmatch(r"[-+]?[\d.,]+\s*[kKmM]", text):
        return 'a number with the mark of a footnote: column.str.extract(r"^([-+\\d.,]+)")[0], once the note is read'
    if re.fullmatch(r"[-+]?[\d.,]+\s*(?:[人名]|persons?|people|employees|staff|FTE|Mitarbeiter|Personen)", text, re.I):
        return 'a number with its unit: column.str.extract(r"^([-+\\d.,]+)")[0]'
    return ""


def advice(kind: str, rule: str, found: object) -> str:
    """What to do about a value that was refused, after a semicolon; nothing where that can't be told."""
    text = re.sub(r"(?<=\d)\.0$", "", str(found).strip())
    words = ""
    if rule == "value":
        flat, low = unicodedata.normalize("NFKC", text), text.casefold()
        if kind == "flag" and low in TICKS:
            words = ("a mark: if an empty cell means no, give column.notna().astype(int); else say which is 1: "
                     f"column.map({{{text!r}: 1, ...: 0}})")
        elif kind == "flag" and low in {**YES_NO, **{no: yes for yes, no in YES_NO.items()}}:
            yes = low if low in YES_NO else next(y for y, no in YES_NO.items() if no == low)
            words = f"say which is 1: column.map({{{yes!r}: 1, {YES_NO[yes]!r}: 0}}), in the letters the column has"
        elif FORMULA.fullmatch(text):
            words = "an error of a formula in the spreadsheet: mend it there, or empty the cell"
        elif kind == "year" and _year(text):
            words = _year(text)
        elif NOTHING.fullmatch(text):
            words = f"if it means no answer, read the file with na_values=[{text!r}]"
        elif _number(text):
            words = _number(text)
        elif kind in ("number", "survey") and BAND.search(text):
            words = "a size band is no headcount" + (
                ": give it as the field 'size', and headcounts here" if kind == "number" else "")
        elif re.search("[０-９]", text) and re.fullmatch(r"[-+]?[\d.,]+", flat):
            words = 'full-width digits: column.str.normalize("NFKC")'
        else:
            words = _marked(text)
    elif rule == "range" and kind == "flag":
        words = ("if 1 is yes and 2 is no, give 2 - column" if text == "2" else
                 "if it is an amount or a share, give (column > 0).astype(int)")
    elif rule == "range" and kind == "year":
        if re.fullmatch(r"(?:19|20)\d{6}", text):
            words = "a date: column // 10000 is its year"
        elif re.fullmatch(r"(?:19|20)\d{4}", text):
            words = "a month: column // 100 is its year"
        elif re.fullmatch(r"[1-6]\d{4}", text):
            words = ('a date as a spreadsheet counts days: pandas.to_datetime(column, unit="D", '
                     'origin="1899-12-30").dt.year')
        elif re.fullmatch(r"\d{1,2}", text):
            words = "two digits: add the century (2000 + column), or, for a Japanese era, 1988 (Heisei) or 2018 (Reiwa)"
    return f"; {words}" if words else ""
