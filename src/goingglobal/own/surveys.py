"""Ready mappings for files that a reader can get but this book may not pass on: one call gives the regression.

Flash Eurobarometer 486 (GESIS ZA7637, 2020: small and medium-sized firms in Germany, Japan and others, one
questionnaire), EFIGE's truncated file (Bruegel, survey of 2010: Germany among seven countries), and the EU Tax
Observatory's public country-by-country reports (multinationals, their staff by country and year). We have seen none of
these files. `variables` says which names were read in public code that uses the file, and which are not verified; what
is not verified is an argument, is looked for by the file's own labels, and stands in the estimate's notes as it was
found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from goingglobal.models import Estimate, ModelError, noting
from goingglobal.own.analyses import POINTS, least_squares, stated
from goingglobal.own.check import SCALED, Fault, PanelError, counted, scaled
from goingglobal.own.files import bad_line, encoding_of, header_of, labelled
from goingglobal.own.tables import read
from goingglobal.own.words import BAND, NOTHING, advice, near

__all__ = ["country_by_country", "efige", "flash_eurobarometer_486", "variables"]

_R486 = "GitHub giuliapic/twin_transition_EU_SMEs, 01_scripts/01_variables.R"
_EFIGE_PY = "GitHub joesteinberg/brexit-uncertainty, scripts/efige_expart_facts.py"
_EFIGE_R = "GitHub Marcy2808/RegressionEFIGE, SLP.Rmd"
_CBCR_PY = "GitHub dataforgoodfr/12_taxobservatory_datavize, app/algo.py"
UNVERIFIED = "not verified"
# Survey, role, variable (as the functions' defaults have it), what it holds, where its name was read.
VARIABLES = (
    ("Flash Eurobarometer 486", "country", "isocntry", "two letters: DE, JP", _R486),
    ("Flash Eurobarometer 486", "employees", "size", "number of employees now", _R486),
    ("Flash Eurobarometer 486", "sector", "nace_a", "code of the section of NACE", _R486),
    ("Flash Eurobarometer 486", "employees_before", "by label", "number of employees three years before", UNVERIFIED),
    ("Flash Eurobarometer 486", "exports", "by label", "items on exports, coded 0 (not mentioned) and 1", UNVERIFIED),
    ("Flash Eurobarometer 486", "weight", "w1", "weight within the country", UNVERIFIED),
    ("EFIGE", "country", "country", "AUT, FRA, GER, HUN, ITA, SPA, UK", _EFIGE_PY),
    ("EFIGE", "abroad", "d4", "exports in % of turnover; empty: none", _EFIGE_PY),
    ("EFIGE", "sector", "pavitt", "Pavitt's class of the industry", _EFIGE_R),
    ("EFIGE", "employees_before, employees_after", "by name and year", "employees in two years", UNVERIFIED),
    ("EFIGE", "weight", "none", "sampling weight: name it, the sample is stratified", UNVERIFIED),
    ("Country-by-country reports", "firm", "mnc", "name of the multinational", _CBCR_PY),
    ("Country-by-country reports", "year", "year", "year of the report", _CBCR_PY),
    ("Country-by-country reports", "home", "upe_code", "country of the ultimate parent, in the codes of `place`",
     _CBCR_PY),
    ("Country-by-country reports", "place", "jur_code", "country of the row; at home where it is that of `home`",
     _CBCR_PY),
    ("Country-by-country reports", "place_name", "jur_name", "its name; several rows may be \"Other\"", _CBCR_PY),
    ("Country-by-country reports", "employees", "employees", "number of employees there", _CBCR_PY),
)
NO_ANSWER = re.compile(
    r"\b(?:dk|na|n/a|refus\w*|don'?t know|inap\w*|not (?:applicable|asked|stated)|no answer)\b", re.I)
EFIGE_MISSING = 9999999999  # as read in SLP.Rmd
CODES = 12  # headcounts that are all at most so large, in so many firms, are codes of size bands
ENOUGH_ROWS = 30
FEWEST_FIRMS = 3  # whose errors are clustered
TOTAL = re.compile(r"(?:grand |group |world )?total|world(?:wide)?|all (?:countries|jurisdictions)|wld|tot|konzern|"
                   r"summe|gesamt|合計", re.I)
EFIGE_COUNTRIES = ("GER", "AUT", "FRA", "HUN", "ITA", "SPA", "UK")


def variables() -> pd.DataFrame:
    """The variables that the mappings use: survey, argument, default, holds, name read in."""
    return pd.DataFrame(VARIABLES, columns=["survey", "argument", "default", "holds", "name read in"])


@dataclass
class _File:
    """A survey's file: its codes, its variables' labels, the labels of their codes, and how it was read."""

    name: str
    frame: pd.DataFrame
    labels: dict[str, str] = field(default_factory=dict)
    coded: dict[str, pd.Series] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def refuse(self, role: str, words: str, bad: pd.Series | None = None) -> PanelError:
        rows = () if bad is None else tuple(int(row) + 1 for row in np.flatnonzero(bad.to_numpy(dtype=bool)))
        return PanelError(self.name, [Fault(self.name, role, words, rows, len(rows))])

    def numbers(self, column: str, role: str, decimal: str | None, thousands: str | None) -> pd.Series:
        """A variable's numbers; what means no answer is empty. Raises `PanelError` for text that is no number.

        Marks of decimals and thousands that the caller doesn't name are taken from the file where they can mean one
        thing only.
        """
        cells = self.frame[column]
        if pd.api.types.is_numeric_dtype(cells) or pd.api.types.is_bool_dtype(cells):
            return cells.astype("float64")
        text = cells.astype("string").str.strip()
        empty = (text.isna() | (text == "") | text.str.fullmatch(NOTHING).fillna(False)
                 | text.str.contains(NO_ANSWER).fillna(False))
        text = text.mask(empty.astype(bool))
        point, comma = self._marks()
        decimal = decimal or ("," if comma == "decimal" else ".")
        thousands = thousands or ("," if comma == "thousands" else "." if point == "thousands" else None)
        if thousands:
            grouped = text.str.fullmatch(
                rf"[-+]?\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+(?:{re.escape(decimal)}\d*)?").fillna(False)
            text = text.mask(grouped.astype(bool), text.str.replace(thousands, "", regex=False))
        if decimal != ".":
            text = text.mask(text.str.contains(".", regex=False).fillna(False).astype(bool), "a point").str.replace(
                decimal, ".", regex=False)
        found = pd.to_numeric(text, errors="coerce").astype("float64")
        bad = found.isna() & ~empty.astype(bool)
        if bad.any():
            shown = cells[bad].iloc[0]
            raise self.refuse(role, f"{column!r}: expected numbers, found {str(shown)!r}"
                              f"{advice('survey', 'value', shown)}", bad)
        return found

    def _marks(self) -> tuple[str | None, str | None]:
        """What point and comma mean in the file's text cells: "decimal", "thousands", or None (it can't be told)."""
        words = [self.frame[c].dropna().astype("string").str.strip() for c in self.frame
                 if not pd.api.types.is_numeric_dtype(self.frame[c])]
        text = pd.concat(words) if words else pd.Series([], dtype="string")
        text = text[text.str.fullmatch(r"[-+]?\d[\d.,]*").fillna(False).astype(bool)]

        def any_like(pattern: str) -> bool:
            return bool(text.str.fullmatch(pattern).any())

        floats = any(pd.api.types.is_float_dtype(self.frame[c]) and (self.frame[c].dropna() % 1 != 0).any()
                     for c in self.frame)
        comma = any_like(r"[-+]?(?:\d*,\d{1,2}|\d*,\d{4,}|0\d*,\d+|\d{4,},\d+|\d{1,3}(?:\.\d{3})+,\d+)")
        point = floats or any_like(r"[-+]?(?:\d*\.\d{1,2}|\d*\.\d{4,}|0\d*\.\d+|\d{4,}\.\d+|\d{1,3}(?:,\d{3})+\.\d+)")
        many = any_like(r"[-+]?\d{1,3}(?:,\d{3}){2,}")
        if comma and not point:
            return "thousands", "decimal"
        if (point or many) and not comma:
            return "decimal", "thousands"
        return None, None

    def headcounts(self, column: str, role: str, decimal: str | None, thousands: str | None) -> pd.Series:
        """A variable's numbers of employees. Raises `PanelError` for size bands and for a misread thousands point."""
        said = self.coded.get(column)
        if said is not None:
            bands = said[said.str.contains(BAND).fillna(False).astype(bool)]
            if len(bands):
                raise self.refuse(role, f"{column!r} is in size bands ({bands.iloc[0]!r}), not in headcounts: growth "
                                  f"can't be had from bands; name a variable that holds headcounts as {role}=…")
        found = self.numbers(column, role, decimal, thousands)
        known = found.dropna()
        if len(known) >= ENOUGH_ROWS and known.max() <= CODES and (known % 1 == 0).all():
            raise self.refuse(role, f"{column!r} has no number above {known.max():g} in {len(known):,} firms: these "
                              f"seem to be codes of size bands; name a variable that holds headcounts as {role}=…")
        part = scaled(found.to_numpy())
        if part.any():
            raise self.refuse(role, f"{column!r}: {SCALED}", pd.Series(part))
        return found


def _read(path: str | Path, encoding: str | None, decimal: str | None, thousands: str | None) -> _File:
    """A survey's file. Codes whose own label says "no answer" are empty.

    A CSV file that is neither UTF-8 nor of an encoding that is told is read as Latin-1, with a note.
    Raises `PanelError` for a file that is not there, of another kind, or can't be read.
    """
    path = Path(path)
    kind = path.suffix.lower()

    def refuse(words: str) -> PanelError:
        return PanelError(path.name, [Fault(path.name, None, words)])

    if kind not in (".dta", ".sav", ".csv", ".xlsx"):
        raise refuse("expected a file .dta (Stata), .sav (SPSS), .csv or .xlsx")
    if not path.is_file():
        raise refuse("expected this file; it is not there")
    if kind == ".csv":
        found = _File(path.name, pd.DataFrame())
        if encoding is None and path.read_bytes()[:2] not in (b"\xff\xfe", b"\xfe\xff") and (
                b"\0" not in path.read_bytes()[:4096]) and bad_line(path, "utf-8") is not None:
            encoding = "cp1252" if bad_line(path, "cp1252") is None else "latin-1"
            found.notes.append(f"read as {encoding}, as the file is not UTF-8; if its text looks wrong, say encoding=…")
        encoding = encoding_of(path, encoding, refuse)
        header = header_of(path, encoding)
        try:
            found.frame = pd.read_csv(path, low_memory=False, encoding=encoding, sep=header.mark, skiprows=header.skip,
                                      decimal=decimal or ".", thousands=thousands)
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise refuse(f"can't be read as a table with {header.mark!r} between cells: {error}") from None
        return found
    if kind == ".xlsx":
        return _File(path.name, read(path))
    found, coded = labelled(path, refuse), {}
    frame = found.codes
    for column, values in found.values.items():
        said = pd.Series(values, dtype="string")
        no_answer = said.str.contains(NO_ANSWER)
        coded[column] = said[pd.to_numeric(said, errors="coerce").isna() & ~no_answer & (said != "")]
        frame[column] = frame[column].mask(frame[column].isin(said.index[no_answer]))
    return _File(path.name, frame, found.labels, coded)


def _listed(frame: pd.DataFrame, labels: dict[str, str], like: str) -> str:
    """The file's own variables, those first whose name or label is like what was looked for."""
    def shown(column: str) -> str:
        return f"{column} ({labels[column]})" if labels.get(column) else str(column)

    near = [c for c in frame if re.search(like, f"{c} {labels.get(c, '')}", re.I)]
    parts = [f"likely ones: {'; '.join(map(shown, near))}"] if near else []
    return "; ".join([*parts, f"all: {', '.join(map(str, frame.columns))}"])


def _need(frame, labels, table: str, wanted: dict[str, tuple[str, str]]) -> None:
    """Every named variable is there, or one error that says which are not and lists the file's own."""
    faults = [Fault(table, argument, f"no variable {name!r}; name the right one as {argument}=…. The file has "
                    + _listed(frame, labels, like) + near(name, frame.columns))
              for argument, (name, like) in wanted.items() if name not in frame]
    if faults:
        raise PanelError(table, faults)


def _growth_by_country(
    frame: pd.DataFrame, table: str, parts: dict[str, pd.Series], countries: Sequence[str], years: float,
    notes: list[str], what: str,
) -> dict[str, Estimate]:
    """Growth of employment on `abroad`, log employees before and sectors, country by country."""
    rows = pd.DataFrame(parts)
    needed = {"number of employees": (rows["before"] > 0) & (rows["after"] > 0) & np.isfinite(rows["before"])
              & np.isfinite(rows["after"]), "answer on business abroad": rows["abroad"].notna(),
              "sector": rows["sector"].notna()}
    if "weight" in rows:
        needed["weight above zero"] = rows["weight"] > 0
    sound = pd.concat(needed, axis=1).all(axis=1)
    found, seen = {}, rows["country"].astype("string").str.strip()
    lost = [c for c in countries if not (seen == c).any()]
    if lost:
        raise PanelError(table, [Fault(table, "country", f"no row of {lost[0]!r}; the file has "
                                       f"{', '.join(sorted(seen.dropna().unique()))}"
                                       f"{near(lost[0], seen.dropna().unique())}")])
    for country in countries:
        here = (seen == country).fillna(False).astype(bool)
        mine = rows[sound & here].copy()
        dropped, why = int(here.sum() - len(mine)), []
        left = here.copy()
        for reason, given in needed.items():
            gone = int((left & ~given).sum())
            left &= given
            why += [f"{counted(gone, 'firm')} without a {reason}"] if gone else []
        if mine.empty:
            raise PanelError(table, [Fault(table, None, f"no firm of {country!r} has all that is needed: "
                                           + "; ".join(why))])
        mine["growth"] = 100 / years * np.log(mine["after"] / mine["before"])
        mine["ln_before"] = np.log(mine["before"])
        mine.attrs["sample"] = f"{table}, {country}"
        sectors = " + C(sector)" if mine["sector"].nunique() > 1 else ""
        estimate = least_squares(mine, f"growth ~ abroad + ln_before{sectors}", "abroad", POINTS,
                                 "weight" if "weight" in mine else None,
                                 ("firms abroad", "firms that are not in their sectors"))
        said = [f"{what}; {dropped} of {dropped + len(mine)} firms left out" + (f": {'; '.join(why)}" if why else ""),
                *estimate.notes, *notes]
        found[country] = replace(stated(estimate), notes=tuple(said))
    return found


def flash_eurobarometer_486(
    path: str | Path, countries: Sequence[str] = ("DE", "JP"), *, employees_before: str | None = None,
    exports: str | Sequence[str] | None = None, employees: str = "size", country: str = "isocntry",
    sector: str = "nace_a", weight: str | None = "w1", encoding: str | None = None, decimal: str | None = None,
    thousands: str | None = None,
) -> dict[str, Estimate]:
    """Yearly growth of employment of exporters against other firms, by country, in percentage points a year.

    `path`: the file of GESIS study ZA7637 (.dta, .sav with pyreadstat, or .csv). Growth is 100/3·ln(now/three years
    before); controls: log employees before, and sectors; HC1 errors. `employees`, `country` and `sector` name variables
    as read in public code. Not verified against the file: `employees_before` (None: the one variable whose label speaks
    of employees and of three years), `exports` (None: the items coded 0 and 1 whose label speaks of exports and not of
    none; a firm that mentions any exports) and `weight` (None: unweighted; unweighted as well, with a note, where the
    file has no "w1"). The notes of each estimate name the variables with their labels: read them. `encoding`,
    `decimal`, `thousands`: of a CSV file, where they can't be told from it.

    Raises `PanelError` that lists the file's variables for one that is not there or not the only one, for numbers that
    can't be read, for employees in size bands, and for a country without rows; `ModelError` as `Estimate.of` does, and
    where fewer than two firms of a country are abroad, or not.
    """
    file = _read(path, encoding, decimal, thousands)
    frame, labels = file.frame, file.labels
    table, notes = "Flash Eurobarometer 486", list(file.notes)
    wanted = {"employees": (employees, "size|employee"), "country": (country, "country"), "sector": (sector, "nace")}
    if employees_before is not None:
        wanted["employees_before"] = (employees_before, "employee")
    items = [exports] if isinstance(exports, str) else list(exports or [])
    wanted |= {f"exports {item}": (item, "export") for item in items}
    if weight not in (None, "w1"):
        wanted["weight"] = (weight, "weight")
    _need(frame, labels, table, wanted)
    if employees_before is None:
        like = [c for c in frame if re.search(r"employ|staff|headcount", labels.get(c, ""), re.I)
                and re.search(r"(3|three) years|2017|2016", labels.get(c, ""), re.I) and c != employees
                and frame[c].nunique() > 5]
        if len(like) != 1:
            raise PanelError(table, [Fault(
                table, "employees_before", f"{len(like)} variables have a label on employees three years before; name "
                f"one as employees_before=…. The file has {_listed(frame, labels, 'employ|years')}")])
        employees_before = like[0]
    if not items:
        items = [c for c in frame if re.search("export", labels.get(c, ""), re.I)
                 and not re.search(r"\b(no|none|not|never)\b", labels[c], re.I) and not NO_ANSWER.search(labels[c])
                 and set(frame[c].dropna().unique()) == {0, 1}]
        if not items:
            raise PanelError(table, [Fault(
                table, "exports", "no item coded 0 and 1 has a label on exports; name them as exports=…. The file has "
                + _listed(frame, labels, "export"))])
    frame = frame.assign(**{item: file.numbers(item, f"exports {item}", decimal, thousands) for item in items})
    wrong = [item for item in items if not set(frame[item].dropna().unique()) <= {0, 1}]
    if wrong:
        raise PanelError(table, [Fault(table, f"exports {wrong[0]}", "expected an item coded 0 and 1, found "
                                       f"{sorted(frame[wrong[0]].dropna().unique())[:6]}")])
    named = ", ".join(f"{c} ({labels.get(c) or 'no label'})" for c in (employees_before, *items))
    notes.append(f"taken, not verified: {named}")
    parts = {"country": frame[country],
             "after": file.headcounts(employees, "employees", decimal, thousands),
             "before": file.headcounts(employees_before, "employees_before", decimal, thousands),
             "sector": frame[sector], "abroad": frame[items].max(axis=1)}
    if weight in frame:
        parts["weight"] = file.numbers(weight, "weight", decimal, thousands)
        notes.append(f"weight, not verified: {weight} ({labels.get(weight) or 'no label'})")
    else:
        notes.append("unweighted")
    return _growth_by_country(frame, table, parts, countries, 3, notes, "exporters against others")


def efige(
    path: str | Path, countries: Sequence[str] = EFIGE_COUNTRIES, *, employees_before: str | None = None,
    employees_after: str | None = None, years: float | None = None, abroad: str = "d4", country: str = "country",
    sector: str = "pavitt", weight: str | None = None, encoding: str | None = None, decimal: str | None = None,
    thousands: str | None = None,
) -> dict[str, Estimate]:
    """Yearly growth of employment of firms active abroad against others, by country, in percentage points a year.

    `path`: EFIGE's truncated file (.csv, .dta, or .sav with pyreadstat). A firm is abroad where `abroad` is above zero;
    of "d4", exports in % of turnover, an empty cell means none, as in the public code that it and `country` were read
    in (`sector`, Pavitt's classes, in another). Name the variable on affiliates or direct investment instead to look at
    those; an empty cell is then no answer. Controls: log employees before, and Pavitt's classes; HC1 errors. `weight`
    names the sampling weight, which this stratified sample needs. Not verified against the file: `employees_before` and
    `employees_after` (None: the first and the last of those called like "employees_2007" or "empl2009"), `years`
    between them (None: from the names), and `weight`. Employees are truncated or banded in the published file, we
    believe: look at them first. 9999999999 is an empty cell. `encoding`, `decimal`, `thousands`: of a CSV file, where
    they can't be told from it.

    Raises `PanelError` that lists the file's variables for one that is not there, for numbers that can't be read, for
    employees in size bands, and for a country without rows; `ModelError` as `Estimate.of` does, and where fewer than
    two firms of a country are abroad, or not.
    """
    file = _read(path, encoding, decimal, thousands)
    table, labels = "EFIGE", file.labels
    file.frame = frame = file.frame.mask((file.frame == EFIGE_MISSING) | (file.frame == str(EFIGE_MISSING)))
    wanted = {"abroad": (abroad, "d4|export|fdi|affiliate"), "country": (country, "country"),
              "sector": (sector, "pavitt")}
    wanted |= {name: (value, "empl") for name, value in (
        ("employees_before", employees_before), ("employees_after", employees_after)) if value is not None}
    if weight is not None:
        wanted["weight"] = (weight, "weight|w_")
    _need(frame, labels, table, wanted)
    dated = {int(m[1]): c for c in frame if (m := re.fullmatch(r"(?:n_?)?empl\w*?_?((?:19|20)\d\d)", str(c), re.I))}
    if employees_before is None or employees_after is None:
        if len(dated) < 2:
            raise PanelError(table, [Fault(
                table, "employees_before", "no two variables are called like employees in two years; name them as "
                f"employees_before=…, employees_after=…, years=…. The file has {_listed(frame, labels, 'empl|b3')}")])
        employees_before = employees_before or dated[min(dated)]
        employees_after = employees_after or dated[max(dated)]
    if years is None:
        when = {column: year for year, column in dated.items()}
        if employees_before not in when or employees_after not in when:
            raise PanelError(table, [Fault(table, "years", "the names of the variables don't tell how many years lie "
                                           "between; say so as years=…")])
        years = when[employees_after] - when[employees_before]
    if not years > 0:
        raise PanelError(table, [Fault(table, "years", f"expected years above 0, found {years:g}")])
    share = file.numbers(abroad, "abroad", decimal, thousands)
    going = (share.fillna(0) > 0).astype(float) if abroad == "d4" else (share > 0).astype(float).where(share.notna())
    parts = {"country": frame[country], "sector": frame[sector], "abroad": going,
             "before": file.headcounts(employees_before, "employees_before", decimal, thousands),
             "after": file.headcounts(employees_after, "employees_after", decimal, thousands)}
    notes = [*file.notes, f"taken, not verified: {employees_before}, {employees_after}"]
    if weight is not None:
        parts["weight"] = file.numbers(weight, "weight", decimal, thousands)
        notes.append(f"weight, not verified: {weight}")
    else:
        notes.append("unweighted, though the sample is stratified")
    return _growth_by_country(frame, table, parts, countries, years, notes, f"{abroad} above zero against others")


def country_by_country(
    path: str | Path, *, firm: str = "mnc", year: str = "year", home: str = "upe_code", place: str = "jur_code",
    place_name: str | None = "jur_name", employees: str = "employees", empty_is_none: bool = False,
    encoding: str | None = None, decimal: str | None = None, thousands: str | None = None,
) -> Estimate:
    """Growth of a multinational's staff at home on that of its staff abroad, in log points per log point.

    `path`: the EU Tax Observatory's file of public country-by-country reports (.xlsx, .csv or .dta), one row per firm,
    country and year; `firm`, `year`, `home`, `place`, `place_name` and `employees` name its columns, as read in public
    code. Staff at home is that of the rows whose `place` is the firm's `home`, staff abroad the sum of its other rows.
    The yearly difference of the log of one is regressed on that of the other, with year effects; errors are clustered
    by firm (CR1).

    Left out, with a note: rows on the total of a group, firm-years without staff at home or abroad, those with an empty
    cell of staff (`empty_is_none`: it means nobody), and years without the year before or with another home. Rows of
    one firm, year and place are added up.

    Raises `PanelError` that lists the file's columns for one that is not there; for an empty firm, year, home or place,
    staff that can't be read or is below zero, and a row that is there twice; `ModelError` as `Estimate.of` does and
    with fewer than three firms.
    """
    file = _read(path, encoding, decimal, thousands)
    frame, table = file.frame, "Country-by-country reports"
    _need(frame, file.labels, table, {
        "firm": (firm, "mnc|firm|company|group"), "year": (year, "year"), "home": (home, "upe|parent|head|home"),
        "place": (place, "jur|country|place"), "employees": (employees, "empl|staff|head")})
    text = {role: frame[column].astype("string").str.normalize("NFKC").str.strip().str.upper().replace("", pd.NA)
            for role, column in (("firm", firm), ("home", home), ("place", place))}
    named = frame[place_name].astype("string").str.strip() if place_name in frame else text["place"]
    total = (text["place"].str.fullmatch(TOTAL).fillna(False) | named.str.fullmatch(TOTAL).fillna(False)).astype(bool)
    text["place"] = text["place"].fillna(named)
    rows = pd.DataFrame({**text, "year": file.numbers(year, "year", decimal, thousands),
                         "staff": file.numbers(employees, "employees", decimal, thousands)})
    for role in ("firm", "year", "home", "place"):
        bad = rows[role].isna() & ~total
        if bad.any():
            raise file.refuse(role, "expected a value; this column may not be empty", bad)
    for bad, words in ((rows["year"] % 1 != 0, "expected a whole year"),
                       (rows["staff"] < 0, "expected a number from 0 on"),
                       (pd.Series(scaled(rows["staff"].to_numpy())), SCALED)):
        if (bad & ~total).any():
            role = "year" if "year" in words else "employees"
            shown = frame[year if role == "year" else employees][bad].iloc[0]
            raise file.refuse(role, words if words == SCALED else f"{words}, found {str(shown)!r}", bad)
    twice = frame.duplicated() & ~total
    if twice.any():
        raise file.refuse("firm", "this row is there twice, and its staff would count twice: drop one", twice)
    rows = rows[~total]
    spoken = [f"{counted(int(total.sum()), 'row')} on a total"] if total.any() else []
    shared = int(rows.duplicated(["firm", "year", "place"]).sum())
    added = [f"{counted(shared, 'row')} of a firm, year and place that stand there before: added up"] if shared else []
    found, out = _staff_growth(rows, empty_is_none)
    found.attrs["sample"] = f"{table}, {file.name}"
    return _growth_abroad(found, [f"left out: {'; '.join([*spoken, *out])}"] if spoken or out else [], added)


def _staff_growth(rows: pd.DataFrame, empty_is_none: bool) -> tuple[pd.DataFrame, list[str]]:
    """Yearly log differences of staff at home and abroad by firm, and what is left out."""
    staff = rows["staff"].fillna(0) if empty_is_none else rows["staff"]
    here = rows["place"] == rows["home"]
    keys = [rows["firm"], rows["year"]]
    sides = pd.DataFrame({
        "home": staff.where(here).groupby(keys).sum(min_count=1),
        "abroad": staff.where(~here).groupby(keys).sum(min_count=1),
        "empty": staff.isna().groupby(keys).any(), "seat": rows["home"].groupby(keys).agg("first"),
        "seats": rows["home"].groupby(keys).nunique()}).reset_index()
    known = (sides["home"] > 0) & (sides["abroad"] > 0)
    single = sides["seats"] == 1
    gone = {"with an empty cell of staff": sides["empty"],
            "with more than one home": ~sides["empty"] & ~single,
            "without staff at home or abroad": ~sides["empty"] & single & ~known}
    out = [f"{counted(int(bad.sum()), 'firm-year')} {reason}" for reason, bad in gone.items() if bad.any()]
    sides = sides[~pd.concat(gone, axis=1).any(axis=1)].sort_values(["firm", "year"])
    by_firm = sides.groupby("firm")
    steps = pd.DataFrame({
        "firm": sides["firm"], "year": sides["year"],
        "home": np.log(sides["home"]) - by_firm["home"].shift().map(np.log),
        "abroad": np.log(sides["abroad"]) - by_firm["abroad"].shift().map(np.log)})
    follows = (by_firm["year"].diff() == 1) & (by_firm["seat"].shift() == sides["seat"])
    if (~follows).any():
        out.append(f"{counted(int((~follows).sum()), 'firm-year')} without the year before, or with another home then")
    return steps[follows].reset_index(drop=True), out


def _growth_abroad(steps: pd.DataFrame, out: list[str], added: list[str]) -> Estimate:
    """Growth at home on growth abroad, with year effects and errors clustered by firm."""
    import statsmodels.formula.api as smf

    name, firms = steps.attrs["sample"], steps["firm"].nunique()
    if firms < FEWEST_FIRMS:
        raise ModelError(f"{name!r}: {counted(firms, 'firm')} with staff at home and abroad in two years that follow "
                         f"one another; with fewer than {FEWEST_FIRMS} an error says nothing"
                         + "".join(f"; {words}" for words in out))
    years = " + C(year)" if steps["year"].nunique() > 1 else ""
    with noting() as notes:
        fit = smf.ols(f"home ~ abroad{years}", steps).fit(
            cov_type="cluster", cov_kwds={"groups": steps["firm"].astype("category").cat.codes}, use_t=True)
    found = Estimate.of(fit, "abroad", unit="log points per log point", notes=[*out, *added, *notes])
    return stated(found)
