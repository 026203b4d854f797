"""Reported numbers: whole, one number an id, as text."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from made import estimate

from goingglobal import results
from goingglobal.models import Estimate, ModelError
from goingglobal.results import ResultError


@pytest.fixture
def records(monkeypatch) -> dict[str, dict]:
    monkeypatch.setattr(results, "_records", {})
    return results._records


def test_report_keeps_an_estimate_whole(records):
    value = estimate(groups=31, notes=("a note",))
    results.report("country/made_up/pwt", value, ".3f", exhibit="tab-country")
    record = results.recorded()["country/made_up/pwt"]
    assert record == {
        "value": 1.5, "se": 0.5, "ci_low": 0.5, "ci_high": 2.5, "n": 1234, "groups": 31, "unit": "points",
        "sample": "made up", "method": "none", "software": "none 1.0", "notes": ["a note"],
        "id": "country/made_up/pwt", "text": "1.500", "exhibit": "tab-country",
    }  # fmt: skip


def test_report_of_a_plain_number(records):
    results.report("firm/count", 1417, ",d", unit="firms", n=1417, sample="J")
    record = records["firm/count"]
    assert (record["text"], record["value"], record["n"], record["sample"]) == ("1,417", 1417.0, 1417, "J")
    assert record["se"] is None
    assert record["method"] == "computed"


@pytest.mark.parametrize("id_", ["firm/x", "firm/long_diff/parent", "a/b.c/d-e", "firm/starters_honest/average_m5"])
def test_good_ids(records, id_):
    results.report(id_, 1.0, unit="u")
    assert list(records) == [id_]


@pytest.mark.parametrize(
    "id_", ["firm", "", "/firm", "firm/", "firm//x", "firm/x y", "firm/é", "-a/b", "a.b/c", "a/b\n"]
)
def test_bad_ids(records, id_):
    with pytest.raises(ResultError, match="result id"):
        results.report(id_, 1.0, unit="u")
    assert not records


@pytest.mark.parametrize(("value", "options", "message"), [
    pytest.param(1.0, {"unit": None}, "needs a unit", id="no unit"),
    pytest.param(math.nan, {}, "not a finite number", id="NaN"),
    pytest.param(np.float64("-inf"), {}, "not a finite number", id="infinite"),
    pytest.param(1.0, {"fmt": ".2q"}, "format '.2q' does not fit", id="unknown format"),
    pytest.param(estimate(), {"fmt": "d"}, "format 'd' does not fit", id="integer format for an estimate"),
])  # fmt: skip
def test_report_refuses(records, value, options, message):
    with pytest.raises(ResultError, match=message):
        results.report("firm/x", value, **({"unit": "u"} | options))
    assert not records


def test_an_id_stands_for_one_number(records):
    results.report("firm/x", 1.25, unit="u")
    results.report("firm/x", 1.25, ".1f", unit="u")  # the same number again is no fault
    with pytest.raises(ResultError, match=r"reported before as 1\.2"):
        results.report("firm/x", 1.26, unit="u")
    assert records["firm/x"]["value"] == 1.25


@pytest.mark.parametrize(("value", "fmt", "text"), [
    (-1.234, ".2f", "−1.23"), (1.234, "+.2f", "+1.23"), (-1234.6, ",.0f", "−1,235"), (-7, "d", "−7"),
    (-0.001, ".2f", "0.00"), (-0.4, ".0f", "0"), (-0.0, ".1f", "0.0"), (-0.001, "+.2f", "0.00"),
    (-0.01, ".2f", "−0.01"), (0.00001, ".0e", "1e−05"),
])  # fmt: skip
def test_text_has_a_true_minus_and_no_minus_zero(records, value, fmt, text):
    results.report("firm/x", value, fmt, unit="u")
    assert records["firm/x"]["text"] == text


@pytest.mark.parametrize(("value", "fmt", "text"), [(-0.0004, ".1%", "0.0%"), (-0.0, ".1e", "0.0e+00")])
def test_no_minus_zero_in_percent_and_scientific_formats(records, value, fmt, text):
    results.report("firm/x", value, fmt, unit="u")
    assert records["firm/x"]["text"] == text


def test_an_integer_format_refuses_a_fraction(records):
    with pytest.raises(ResultError):
        results.report("firm/x", 2.7, "d", unit="u")


@pytest.mark.parametrize("value", [None, pd.NA, "two"])
def test_what_is_not_a_number_is_refused(records, value):
    with pytest.raises(ResultError):
        results.report("firm/x", value, unit="u")


def test_infinite_errors_are_stored_as_missing(records):
    results.report("firm/x", estimate(se=math.nan, ci_low=-math.inf, ci_high=math.nan))
    record = records["firm/x"]
    assert (record["se"], record["ci_low"], record["ci_high"]) == (None, None, None)
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_read(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"firm/x": {"value": 1}, "firm/y": {"value": 2}, "country/z": {"value": 3}}), "utf-8")
    assert results.read(path, "firm/y") == {"value": 2}
    assert len(results.read(path)) == 3
    with pytest.raises(ResultError, match=r"'firm/q'; known are firm/x, firm/y$"):
        results.read(path, "firm/q")
    with pytest.raises(ResultError, match=r"'none/q'; known are firm/x, firm/y, country/z$"):
        results.read(path, "none/q")


def test_a_fit_is_read_where_it_is_reported(records):
    rows = pd.DataFrame({"x": [0.0, 1, 2, 3, 4], "y": [1.0, 3, 2, 5, 4]})
    rows.attrs["sample"] = "five points"
    fit = smf.ols("y ~ x", rows).fit(cov_type="HC1", use_t=True)
    results.report("firm/slope", fit, "x", ".3f", unit="points", exhibit="tab-x")
    record, found = records["firm/slope"], Estimate.of(fit, "x")
    for part in ("value", "se", "ci_low", "ci_high", "n", "method", "software", "sample"):
        assert record[part] == getattr(found, part), part
    assert (record["text"], record["unit"], record["exhibit"]) == ("0.800", "points", "tab-x")
    results.report("firm/percent", fit, "x", unit="%", scale=-100, sample="other words")
    percent = records["firm/percent"]
    assert (percent["value"], percent["ci_low"]) == (-100 * found.value, -100 * found.ci_high)
    assert (percent["text"], percent["sample"]) == ("−80.00", "other words")


def test_a_fit_needs_its_term_and_unit(records):
    fit = smf.ols("y ~ x", pd.DataFrame({"x": [0.0, 1, 2, 3], "y": [1.0, 3, 2, 5]})).fit()
    with pytest.raises(ResultError, match="'firm/slope': a fit needs the unit of 'x'"):
        results.report("firm/slope", fit, "x")
    with pytest.raises(ModelError, match="no term 'z'; terms are Intercept, x"):
        results.report("firm/slope", fit, "z", unit="points")
    with pytest.raises(ResultError, match="is not a number, an `Estimate`, or a fit of statsmodels, pyfixest"):
        results.report("firm/slope", ["a list"], unit="points")
    assert records == {}
