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


# ------------------------------------------------------------------------------------------ country by country
def report_rows(seed: int = 5) -> pd.DataFrame:
    """Made rows of the shape of the public country-by-country file: a tenth more abroad, a twentieth more at home."""
    rng = np.random.default_rng(seed)
    rows = []
    for firm, home in enumerate(rng.choice(["JPN", "DEU", "USA"], 40)):
        staff = dict(zip(["JPN", "DEU", "USA", "Other"], rng.integers(500, 5000, 4).astype(float), strict=True))
        for year in range(2016, 2022):
            if year == 2019 and firm % 8 == 0:
                continue  # a year not reported
            shock = rng.normal(0, 0.1)
            for place in staff:
                staff[place] *= np.exp(0.5 * shock + rng.normal(0, 0.03) if place == home else shock)
                rows.append((f"Firm {firm}", year, home, place, place.title(), round(staff[place]), rng.normal()))
    return pd.DataFrame(rows, columns=["mnc", "year", "upe_code", "jur_code", "jur_name", "employees", "tax_paid"])


def growth_by_hand(rows: pd.DataFrame) -> tuple[float, float, int]:
    """Slope, CR1 error and n of growth at home on growth abroad with year effects, by numpy."""
    home = rows["jur_code"] == rows["upe_code"]
    wide = pd.concat([rows[side].groupby(["mnc", "year"])["employees"].sum() for side in (home, ~home)], axis=1)
    logs = {key: np.log(pair) for key, pair in zip(wide.index, wide.to_numpy(float), strict=True)}
    steps = [(firm, year, *(logs[firm, year] - logs[firm, year - 1]))
             for firm, year in logs if (firm, year - 1) in logs]
    firm, year, y, x = (np.array(part) for part in zip(*steps, strict=True))
    x = np.column_stack([x, *(year == value for value in np.unique(year))]).astype(float)
    bread = np.linalg.inv(x.T @ x)
    slopes = bread @ x.T @ y
    scores = np.array([x[firm == name].T @ (y - x @ slopes)[firm == name] for name in np.unique(firm)])
    groups, (n, k) = len(scores), x.shape
    cov = groups / (groups - 1) * (n - 1) / (n - k) * bread @ scores.T @ scores @ bread
    return slopes[0], np.sqrt(cov[0, 0]), n


@pytest.mark.parametrize("kind", ["csv", "xlsx", "dta"])
def test_made_reports_by_country_give_growth_at_home_on_growth_abroad(folder, kind):
    rows, path = report_rows(), folder / f"reports.{kind}"
    {"csv": rows.to_csv, "xlsx": rows.to_excel}.get(kind, lambda p, index: rows.to_stata(p, write_index=index))(
        path, index=False)
    found = surveys.country_by_country(path)
    value, error, n = growth_by_hand(rows)
    assert (found.value, found.se) == (pytest.approx(value, rel=1e-9), pytest.approx(error, rel=1e-9))
    assert (found.n, found.groups) == (n, 40)
    assert found.unit == "log points per log point"
    assert found.value == pytest.approx(0.5, abs=0.1), "what was put in"
    assert "left out: 45 firm-years without the year before, or with another home then" in found.notes


def test_reports_by_country_leave_out_what_can_not_be_added_up_and_say_so(folder):
    rows, path = report_rows(), folder / "odd.csv"
    other = rows.assign(mnc=rows["mnc"].str.upper(), whole="x").rename(columns={"mnc": "firm", "employees": "staff"})
    other.to_csv(path, index=False)
    with pytest.raises(PanelError, match=r"(?s)no variable 'mnc'; name .* as firm=.*no variable 'employees'"):
        surveys.country_by_country(path)
    value, error, n = growth_by_hand(rows)
    assert surveys.country_by_country(path, firm="firm", employees="staff").value == pytest.approx(value)
    totals = rows.groupby(["mnc", "year", "upe_code"], as_index=False)["employees"].sum()
    split = pd.concat([rows, totals.assign(jur_code=None, jur_name="Total")])
    split = pd.concat([split, split.iloc[[1]].assign(employees=0, tax_paid=-1)])
    split.to_csv(path, index=False)
    found = surveys.country_by_country(path)
    assert (found.value, found.se, found.n) == (pytest.approx(value), pytest.approx(error), n)
    assert found.notes[0].startswith(f"left out: {len(totals)} rows on a total")
    assert "1 row of a firm, year and place that stand there before: added up" in found.notes
    empty = rows.assign(employees=rows["employees"].astype(float).mask(rows.index == 5))
    empty.to_csv(path, index=False)
    found = surveys.country_by_country(path)
    gone = rows[(rows["mnc"] != rows["mnc"][5]) | (rows["year"] != rows["year"][5])]
    assert (found.value, found.n) == (pytest.approx(growth_by_hand(gone)[0]), growth_by_hand(gone)[2])
    assert "1 firm-year with an empty cell of staff" in found.notes[0]
    zero = rows.assign(employees=rows["employees"].mask(rows.index == 5, 0))
    assert surveys.country_by_country(path, empty_is_none=True).value == pytest.approx(growth_by_hand(zero)[0])


@pytest.mark.parametrize(("change", "words"), [
    (lambda r: r.assign(employees=r["employees"].astype(object).mask(r.index == 3, "many")),
     "field 'employees', row 4: 'employees': expected numbers, found 'many'"),
    (lambda r: r.assign(employees=r["employees"].mask(r.index == 3, -5)),
     "row 4: expected a number from 0 on, found '-5'"),
    (lambda r: r.assign(employees=r["employees"].map(lambda e: e if e < 1000 else e / 1000)), "exactly three decimals"),
    (lambda r: r.assign(upe_code=r["upe_code"].mask(r.index == 7)), "field 'home', row 8: expected a value"),
    (lambda r: pd.concat([r, r.iloc[[9]]]), f"row {len(report_rows()) + 1}: this row is there twice"),
    (lambda r: r[r["mnc"].isin(["Firm 1", "Firm 2"])], "2 firms with staff at home and abroad in two years"),
])
def test_reports_by_country_refuse_what_would_count_wrong(folder, change, words):
    change(report_rows()).to_csv(folder / "wrong.csv", index=False)
    with pytest.raises(ValueError, match=re.escape(words)):
        surveys.country_by_country(folder / "wrong.csv")


def test_every_variable_says_where_its_name_was_read():
    table = surveys.variables()
    assert set(table["survey"]) == {"Flash Eurobarometer 486", "EFIGE", "Country-by-country reports"}
    assert (table["name read in"].eq(surveys.UNVERIFIED) | table["name read in"].str.startswith("GitHub ")).all()
    for function, survey in ((surveys.flash_eurobarometer_486, "Flash Eurobarometer 486"), (surveys.efige, "EFIGE"),
                             (surveys.country_by_country, "Country-by-country reports")):
        for row in table[table["survey"] == survey].itertuples():
            default = function.__kwdefaults__[row.argument.split(",")[0]]
            assert row.default == (default or row.default), row
            assert f"`{row.argument.split(',')[0]}`" in function.__doc__ or row.argument == "country"
