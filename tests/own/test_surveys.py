"""Surveys of others: their files in one call, and words for what is missing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from panels import weighted_least_squares

from goingglobal.own import PanelError, surveys


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("surveys")


# ------------------------------------------------------------------------------------------------------- surveys
def survey_rows(seed: int = 7) -> pd.DataFrame:
    """Made rows of the shape of ZA7637: Germany, Japan and others; exporters grow by a point more in Japan."""
    rng = np.random.default_rng(seed)
    n = 600
    rows = pd.DataFrame({"isocntry": rng.choice(["DE", "JP", "FR"], n), "nace_a": rng.integers(1, 5, n),
                         "q3b": rng.integers(5, 250, n), "q11_1": rng.integers(0, 2, n), "q11_2": rng.integers(0, 2, n),
                         "q11_9": 0, "w1": rng.uniform(0.5, 2, n)})
    exports = rows[["q11_1", "q11_2"]].max(axis=1)
    rows["q11_9"] = 1 - exports
    growth = 0.02 * exports * (rows["isocntry"] == "JP") + rng.normal(0, 0.1, n)
    rows["size"] = np.maximum(0, np.round(rows["q3b"] * np.exp(3 * growth))).astype(int)
    rows.loc[:3, "size"] = 0
    rows.loc[4:6, "q3b"] = 99999
    return rows


LABELS = {"isocntry": "COUNTRY CODE", "q3b": "NUMBER OF EMPLOYEES 3 YEARS AGO", "size": "COMPANY SIZE",
          "q11_1": "EXPORTS 2019: EU", "q11_2": "EXPORTS 2019: OTHER EUROPE", "q11_9": "EXPORTS 2019: NONE"}


def by_hand(rows: pd.DataFrame, before: str, after: str, abroad: pd.Series, sector: str, years: float, weight=None):
    """The survey regression with numpy: coefficient and HC1 error."""
    y = 100 / years * np.log(rows[after] / rows[before]).to_numpy(float)
    x = np.column_stack([abroad, np.log(rows[before]), pd.get_dummies(rows[sector])]).astype(float)
    w = np.ones(len(rows)) if weight is None else rows[weight].to_numpy(float)
    slopes, errors = weighted_least_squares(y, x, w)
    return slopes[0], errors[0]


def test_flash_eurobarometer_in_one_call(folder):
    rows = survey_rows()
    path = folder / "ZA7637.dta"
    rows.to_stata(path, write_index=False, variable_labels=LABELS,
                  value_labels={"q3b": {99999: "DK/NA"}, "q11_1": {0: "Not mentioned", 1: "Yes"}})
    found = surveys.flash_eurobarometer_486(path)
    assert list(found) == ["DE", "JP"]
    sound = rows[(rows["size"] > 0) & (rows["q3b"] < 99999)]
    for country, estimate in found.items():
        mine = sound[sound["isocntry"] == country]
        value, error = by_hand(mine, "q3b", "size", mine[["q11_1", "q11_2"]].max(axis=1), "nace_a", 3, "w1")
        assert (estimate.value, estimate.se) == (pytest.approx(value, rel=1e-9), pytest.approx(error, rel=1e-9))
        assert estimate.n == len(mine)
        assert estimate.sample == f"Flash Eurobarometer 486, {country}"
        assert "sampling weights" in estimate.method
        said = " ".join(estimate.notes)
        assert "not verified: q3b (NUMBER OF EMPLOYEES 3 YEARS AGO), q11_1 (EXPORTS 2019: EU)" in said
        assert "q11_9" not in said, "the item 'none' is no export"
    named = surveys.flash_eurobarometer_486(path, ["JP"], employees_before="q3b", exports=["q11_1"], weight=None)["JP"]
    mine = sound[sound["isocntry"] == "JP"]
    assert named.value == pytest.approx(by_hand(mine, "q3b", "size", mine["q11_1"], "nace_a", 3)[0], rel=1e-9)
    assert "unweighted" in named.notes


def test_flash_eurobarometer_says_what_is_missing(folder):
    rows, path = survey_rows(), folder / "ZA7637.csv"
    rows.to_csv(path, index=False)
    with pytest.raises(PanelError, match=r"0 variables have a label on employees three years before.*isocntry, nace_a"):
        surveys.flash_eurobarometer_486(path)
    with pytest.raises(PanelError, match=r"exports=.*likely ones|exports=…. The file has all: isocntry"):
        surveys.flash_eurobarometer_486(path, employees_before="q3b")
    with pytest.raises(PanelError) as caught:
        surveys.flash_eurobarometer_486(path, employees="d1", country="land", employees_before="q3b", exports="q99")
    assert [f.field for f in caught.value.faults] == ["employees", "country", "exports q99"]
    assert "likely ones: size" in str(caught.value)
    with pytest.raises(PanelError, match="coded 0 and 1"):
        surveys.flash_eurobarometer_486(path, employees_before="q3b", exports="nace_a")
    with pytest.raises(PanelError, match="no row of 'US'; the file has DE, FR, JP"):
        surveys.flash_eurobarometer_486(path, ["US"], employees_before="q3b", exports="q11_1")
    with pytest.raises(PanelError, match="it is not there"):
        surveys.flash_eurobarometer_486(folder / "none.dta")


def test_efige_in_one_call(folder):
    rng = np.random.default_rng(11)
    n = 500
    rows = pd.DataFrame({"mark": range(n), "country": rng.choice(["GER", "ITA"], n),
                         "pavitt": rng.choice(list("abc"), n), "d4": rng.uniform(0, 100, n),
                         "empl_2007": rng.integers(10, 300, n).astype(float), "w": 2.0})
    rows.loc[rng.uniform(size=n) < 0.4, "d4"] = np.nan
    rows["empl_2009"] = np.round(rows["empl_2007"] * np.exp(rng.normal(0, 0.1, n) + 0.02 * rows["d4"].notna()))
    rows.loc[:2, "empl_2009"] = 9999999999
    path = folder / "EFIGE.csv"
    rows.to_csv(path, index=False)
    found = surveys.efige(path, ["GER", "ITA"])
    sound = rows.iloc[3:]
    for country, estimate in found.items():
        mine = sound[sound["country"] == country]
        value, error = by_hand(mine, "empl_2007", "empl_2009", mine["d4"].fillna(0) > 0, "pavitt", 2)
        assert (estimate.value, estimate.se) == (pytest.approx(value, rel=1e-9), pytest.approx(error, rel=1e-9))
        assert estimate.notes[-1] == "unweighted, though the sample is stratified"
    assert surveys.efige(path, ["GER"], weight="w")["GER"].value == pytest.approx(found["GER"].value)
    with pytest.raises(PanelError, match=r"no variable 'fdi_2008'.*likely ones: d4"):
        surveys.efige(path, ["GER"], abroad="fdi_2008")
    with pytest.raises(PanelError, match="say so as years="):
        surveys.efige(path, ["GER"], employees_before="mark")
    rows.drop(columns=["empl_2009"]).to_csv(path, index=False)
    with pytest.raises(PanelError, match=r"no two variables are called like employees in two years.*empl_2007"):
        surveys.efige(path)


def efige_rows() -> pd.DataFrame:
    return pd.read_csv(Path(__file__).parent / "cases" / "efige_thousands_comma.csv", thousands=",")


@pytest.mark.parametrize(("change", "words"), [
    (lambda r: r.assign(empl_2008=r["empl_2008"].astype(object).mask(r.index == 3, "many")),
     "'employees_after', row 4: 'empl_2008': expected numbers, found 'many'"),
    (lambda r: r.assign(empl_2008=pd.cut(r["empl_2008"], [0, 99, 1e9], labels=["10-99", "over 99"]).astype(str)),
     "a size band is no headcount"),
    (lambda r: r.assign(empl_2008=pd.cut(r["empl_2008"], [0, 99, 1e9], labels=[1, 2]).astype(int)),
     "these seem to be codes of size bands"),
    (lambda r: r.assign(empl_2008=r["empl_2008"].map(lambda e: f"{e:,.0f}".replace(",", "."))),
     "exactly three decimals"),
    (lambda r: r.assign(d4=r["d4"].mask(r["country"] == "GER")), "0 firms abroad"),
])
def test_what_is_no_headcount_is_refused(folder, change, words):
    change(efige_rows()).to_csv(folder / "odd.csv", index=False)
    with pytest.raises(ValueError, match=re.escape(words)):
        surveys.efige(folder / "odd.csv", ["GER"])


@pytest.mark.parametrize("options", [{"encoding": "utf-16", "sep": "\t"}, {"sep": ";", "decimal": ","},
                                     {"encoding": "cp1252"}, {"encoding": "utf-8-sig", "sep": ";"}])
def test_a_csv_file_as_it_comes(folder, options):
    rows = efige_rows().assign(region="Württemberg")
    rows.to_csv(folder / "comes.csv", index=False, **options)
    found = surveys.efige(folder / "comes.csv", ["GER"], weight="w_ger")["GER"]
    assert (found.value, found.n) == (pytest.approx(0.463167, abs=5e-7), 117)


def test_spss_needs_its_reader_or_says_so(folder, monkeypatch):
    (folder / "a.sav").write_bytes(b"$FL2")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(PanelError, match="SPSS files need the package pyreadstat"):
        surveys.efige(folder / "a.sav")


def test_every_variable_says_where_its_name_was_read():
    table = surveys.variables()
    assert set(table["survey"]) == {"Flash Eurobarometer 486", "EFIGE"}
    assert (table["name read in"].eq(surveys.UNVERIFIED) | table["name read in"].str.startswith("GitHub ")).all()
    for function, survey in ((surveys.flash_eurobarometer_486, "Flash Eurobarometer 486"), (surveys.efige, "EFIGE")):
        for row in table[table["survey"] == survey].itertuples():
            default = function.__kwdefaults__[row.argument.split(",")[0]]
            assert row.default == (default or row.default), row
            assert f"`{row.argument.split(',')[0]}`" in function.__doc__ or row.argument == "country"
