"""What the check advises about a value it can't take, and text that any console can print."""

from __future__ import annotations

import difflib
import re
import sys
import unicodedata
from collections.abc import Iterable

__all__ = ["advice", "near", "printable"]

BAND = re.compile(r"\d\s*(?:-|–|—|~|〜|～|to|bis|à|until)\s*\d|\d\s*\+|[<>≤≥]\s*\d|\b(?:more|over|less|fewer|under|"
                  r"above|below|at least|at most|up to|or more|mehr|weniger|unter|über|plus|moins)\b|"
                  "以上|未満|以下", re.I)
NOTHING = re.compile(r"[-–—.*?/]+|n\.?\s*/?\s*a\.?|x|none|missing|unknown|not (?:available|stated|asked)|no answer|"
                     r"dk|dk/na|don'?t know|refused|k\.?\s*a\.?|…|不明|なし|該当なし", re.I)
YES_NO = {"yes": "no", "y": "n", "ja": "nein", "j": "n", "oui": "non", "si": "no", "sí": "no", "t": "f", "有": "無",
          "あり": "なし", "はい": "いいえ", "○": "×"}
DATE = re.compile(r"\d{4}\s*[-/.年]\s*\d{1,2}\b|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
PLAIN = str.maketrans({"–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "Δ": "d",
                       "±": "+/-", "→": "->", "≤": "<=", "≥": ">=", "×": "x", "\u202f": " ", "\xa0": " "})


def printable(text: str) -> str:
    """The text as the console can print it: where its encoding lacks a sign, a plain one stands in."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    except LookupError:
        return text.translate(PLAIN).encode("ascii", "replace").decode("ascii")
    return text


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
    if re.fullmatch(r"[-+]?\d+,\d*", text):
        return 'a decimal comma: read the file with decimal=","'
    parted = re.fullmatch(r"[-+]?\d{1,3}(?:([\s'’_])\d{3})(?:\1\d{3})*(?:[.,]\d+)?", text)
    return f"read the file with thousands={parted[1]!r}" if parted else ""


def advice(kind: str, rule: str, found: object) -> str:
    """What to do about a value that was refused, after a semicolon; nothing where that can't be told."""
    text = re.sub(r"(?<=\d)\.0$", "", str(found).strip())
    words = ""
    if rule == "value":
        flat = unicodedata.normalize("NFKC", text)
        if kind == "flag" and text.casefold() in {**YES_NO, **{no: yes for yes, no in YES_NO.items()}}:
            low = text.casefold()
            yes = low if low in YES_NO else next(y for y, no in YES_NO.items() if no == low)
            words = f"say which is 1: column.map({{{yes!r}: 1, {YES_NO[yes]!r}: 0}}), in the letters the column has"
        elif kind == "year" and (DATE.search(text) or re.fullmatch(r"\d{4}-\d\d-\d\d.*", text)):
            words = "a date: take pandas.to_datetime(column).dt.year"
        elif kind == "year" and re.search(r"(?:19|20)\d\d", text):
            words = 'take the year out: column.str.extract(r"(\\d{4})")[0]'
        elif NOTHING.fullmatch(text):
            words = f"if it means no answer, read the file with na_values=[{text!r}]"
        elif _number(text):
            words = _number(text)
        elif kind in ("number", "survey") and BAND.search(text):
            words = "a size band is no headcount" + (
                ": give it as the field 'size', and headcounts here" if kind == "number" else "")
        elif flat != text and re.fullmatch(r"[-+]?[\d.,]+", flat):
            words = 'full-width digits: column.str.normalize("NFKC")'
    elif rule == "range" and kind == "flag":
        words = ("if 1 is yes and 2 is no, give 2 - column" if text == "2" else
                 "if it is an amount or a share, give (column > 0).astype(int)")
    elif rule == "range" and kind == "year":
        if re.fullmatch(r"(?:19|20)\d{6}", text):
            words = "a date: column // 10000 is its year"
        elif re.fullmatch(r"(?:19|20)\d{4}", text):
            words = "a month: column // 100 is its year"
    return f"; {words}" if words else ""
