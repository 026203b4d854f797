"""Files as readers have them: which encoding, delimiter and header of a text file; labels in Stata's and SPSS's."""

from __future__ import annotations

import codecs
import csv
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

MARKS = ",;\t|"
# Tried in this order where a file isn't UTF-8; Latin-1 reads anything, so it comes last.
LIKELY = (("cp932", "Japanese Windows"), ("euc_jp", "Japanese Unix"), ("cp1252", "western Windows"),
          ("latin-1", "Latin-1"))


@dataclass(frozen=True)
class Header:
    """How a text file begins: its `names`, the delimiter `mark`, and how many lines to `skip` before the names."""

    names: tuple[str, ...]
    mark: str
    skip: int = 0


def bad_line(path: Path, encoding: str) -> int | None:
    """The first line that the encoding can't read; None where it reads the whole file."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with path.open("rb") as handle:
        while True:
            chunk = handle.read(1 << 22)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                return line + chunk[:getattr(error, "start", 0)].count(b"\n")
            if not chunk:
                return None
            line += chunk.count(b"\n")


def encoding_of(path: Path, told: str | None, refuse: Callable[[str], Exception]) -> str:
    """The file's encoding: as told, by its first bytes, or UTF-8. Raises `refuse(words)` where none of these reads it.

    The words name the line and the encodings that would read it.
    """
    if told is not None:
        try:
            codecs.lookup(told)
        except (LookupError, TypeError):
            raise refuse(f"encoding={told!r}: Python knows no such encoding; say encoding=\"cp932\", say") from None
        line = bad_line(path, told)
        if line is not None:
            raise refuse(f"encoding={told!r} can't read line {line}; {_others(path, told)}")
        return told
    with path.open("rb") as handle:
        head = handle.read(4096)
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
                       (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if head.startswith(mark):
            return encoding_of(path, name, refuse)
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) > 3 and head[place::2].count(0) > 0.6 * len(head[place::2]):
            return encoding_of(path, name, refuse)
    line = bad_line(path, "utf-8")
    if line is not None:
        raise refuse(f"is not UTF-8 (line {line}); {_others(path)}")
    return "utf-8"


def _others(path: Path, but: str = "") -> str:
    """The encodings that would read the file."""
    fits = [f'encoding="{name}" ({words})' for name, words in LIKELY if name != but and bad_line(path, name) is None]
    return f"say which encoding it has: {' or '.join(fits)}"


def in_utf8(path: Path, encoding: str, target: Path) -> Path:
    """The file itself where it is UTF-8, else a copy in UTF-8 at `target`."""
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig", "ascii"):
        return path
    with path.open(encoding=encoding, newline="") as source, target.open("w", encoding="utf-8", newline="") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    return target


def header_of(path: Path, encoding: str) -> Header:
    """The names in the file's first filled line; a first line such as “sep=;” names the delimiter alone."""
    told, skip = None, 0
    with path.open(encoding="utf-8-sig" if encoding.lower().startswith("utf-8") else encoding, newline="") as handle:
        while True:
            start = handle.tell()
            line = handle.readline()
            if not line:
                return Header((), told or ",", skip)
            if named := re.fullmatch(r"\s*\"?sep=(.)\"?\s*", line):
                told = named[1]
            elif line.strip():
                break
            skip += 1
        bare = re.sub(r'"[^"]*"', "", line)
        mark = told or max(MARKS, key=bare.count)
        handle.seek(start)
        names = next(csv.reader(handle, delimiter=mark), [])
    return Header(tuple(names), mark, skip)


@dataclass
class Labelled:
    """A file with labels: its cells as `codes` and as `named` by the labels of their values (as codes where there are
    none); `labels` of the variables; `values`: column → code → label.
    """

    codes: pd.DataFrame
    named: pd.DataFrame
    labels: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[object, str]] = field(default_factory=dict)


def labelled(path: Path, refuse: Callable[[str], Exception]) -> Labelled:
    """A Stata (.dta) or SPSS (.sav, with pyreadstat) file. Raises `refuse(words)` where it can't be read.

    Two codes of a variable may share a label.
    """
    if path.suffix.lower() == ".sav":
        try:
            import pyreadstat
        except ImportError:
            raise refuse("SPSS files need the package pyreadstat; or save the file as Stata or CSV") from None
        try:
            codes, about = pyreadstat.read_sav(path)
        except pyreadstat.ReadstatError as error:
            raise refuse(f"can't be read as an SPSS file: {error}") from None
        labels, values = dict(about.column_names_to_labels), dict(about.variable_value_labels)
    else:
        codes, labels, values = _of_stata(path, refuse)
    named = codes.copy()
    for column, said in values.items():
        named[column] = codes[column].astype(object).map(lambda code, said=said: said.get(code, code))
    return Labelled(codes, named, {column: str(label or "") for column, label in labels.items()}, values)


def _of_stata(path: Path, refuse: Callable[[str], Exception]) -> tuple[pd.DataFrame, dict, dict]:
    """Codes, labels of the variables, and labels of the values that occur. Two codes may share a label."""
    try:
        with pd.read_stata(path, iterator=True, convert_categoricals=False) as reader:
            codes, labels, sets = reader.read(), reader.variable_labels(), reader.value_labels()
    except ValueError as error:
        raise refuse(f"can't be read as a Stata file: {error}") from None
    values, shared = {}, {name: said for name, said in sets.items() if len(set(said.values())) < len(said)}
    try:
        whole = pd.read_stata(path)
    except ValueError:  # two codes of one variable under one label; which set of labels is its, pandas doesn't say
        whole = None
    for column in codes:
        try:
            named = whole[column] if whole is not None else pd.read_stata(path, columns=[column])[column]
        except ValueError:
            values[column] = shared[column] if column in shared else {
                code: label for said in shared.values() for code, label in said.items()}
            continue
        if isinstance(named.dtype, pd.CategoricalDtype):
            pairs = pd.DataFrame({"code": codes[column], "label": named.astype(object)}).dropna().drop_duplicates()
            values[column] = {row.code: row.label for row in pairs.itertuples() if isinstance(row.label, str)}
    return codes, labels, values
