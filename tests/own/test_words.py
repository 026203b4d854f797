"""What a reader is told to do about a value, and what a console that lacks signs prints."""

from __future__ import annotations

import io
import sys

import pytest
from panels import made

from goingglobal import own
from goingglobal.own import words


@pytest.mark.parametrize(("kind", "rule", "found", "said"), [
    ("number", "value", "1,234.5", 'thousands=","'), ("number", "value", "1.234,5", 'thousands=".", decimal=","'),
    ("number", "value", "12,5", 'decimal=","'), ("number", "value", "50-99", "a size band is no headcount"),
    ("year", "value", "2019-03-31", "pandas.to_datetime(column).dt.year"),
    ("flag", "value", "Ja", "'ja': 1, 'nein': 0"),
    ("flag", "range", 2, "2 - column"), ("year", "range", 20190331, "column // 10000"),
    ("number", "value", "n/a", "na_values=['n/a']"), ("number", "value", "１２３", "NFKC"),
])  # fmt: skip
def test_advice_says_what_to_do(kind, rule, found, said):
    assert said in words.advice(kind, rule, found)


def test_no_advice_where_nothing_can_be_told():
    assert words.advice("number", "value", "blue") == ""


@pytest.mark.parametrize(("name", "meant"), [("Employes", "employees"), ("FIRM_ID", "firm id"), ("colour", None)])
def test_near_names_are_offered(name, meant):
    assert words.near(name, ["employees", "firm id", "year"]) == (f"; did you mean {meant!r}?" if meant else "")


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "−3 → Δ"), ("ascii", "-3 -> d")])
def test_signs_that_a_console_lacks_are_plain(monkeypatch, encoding, shown):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert words.printable("−3 → Δ") == shown


@pytest.fixture(scope="module")
def core():
    return own.core(own.check(made(30), table="Müller’s 企業 − Δ"), draws=3)


@pytest.mark.parametrize("encoding", ["cp932", "cp1252", "cp437", "ascii"])
def test_whatever_is_printed_a_console_of_old_can_show(monkeypatch, core, encoding):
    """Estimates, the core analysis, its table, faults and errors; any other sign would stop the print."""
    try:
        own.check(made(30).assign(home="１’２００", fdi="はい"), table="Müller’s 企業")
    except own.PanelError as error:
        caught = error
    console = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", console)
    study = core.event_studies["Callaway–Sant'Anna, home, trimmed"]
    print(*core.estimates.values(), core, core.table().to_string(), study.overall, caught, sep="\n")
    print(own.faults(made(30).assign(home="１’２００")).to_string(), own.fields().to_string())
    console.flush()
    shown = console.buffer.getvalue().decode(encoding)
    assert "Callaway-Sant'Anna" in shown
    assert "Long difference, home" in shown
