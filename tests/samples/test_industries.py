"""Japan's industries, and Germany by size class, at home and abroad, on rows small enough to check by eye."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

from goingglobal import samples

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


def test_home_and_abroad():
    def size(year, name, value, unit, sector="TOTAL", indicator="persons_employed"):
        return dict(year=year, sector=sector, size_class=name, indicator=indicator, value=value, statistical_unit=unit)

    def staff(year, partner, value, dataset="fats_out2_r2", nace="B-S_X_O", indicator="employees"):
        return dict(year=year, indicator=indicator, nace=nace, partner=partner, value=value, dataset=dataset)

    sizes = pd.DataFrame([
        size(2017, "large", 1e6, "legal unit"), size(2018, "large", 3e6, "enterprise"),
        size(2017, "total", 9e6, "legal unit"), size(2017, "small", 5e5, "legal unit", sector="C"),
        size(2017, "small", 7e6, "legal unit", sector="B"),
        size(2017, "large", 8e6, "legal unit", indicator="turnover"),
    ])  # fmt: skip
    late = "fats_out_activ"
    affiliates = pd.DataFrame([
        staff(2017, "WORLD", 4e6), staff(2017, "FR", 1e6), staff(2019, "EXT_EU27_2020", 2e6),
        staff(2017, "WORLD", 7e6, indicator="turnover"), staff(2021, "EXT_EU27_2020", 3e6, late),
        staff(2021, "INT_EU27_2020", 2e6, late), staff(2022, "EXT_EU27_2020", 3e6, late),
    ])  # fmt: skip
    out = samples.home_and_abroad(affiliates, sizes)
    found = {(r.panel, r.line, r.year): (r.value, r.segment) for r in out.itertuples() if pd.notna(r.value)}
    assert found == {
        ("All sectors", "large firms", 2017): (1.0, "legal unit"),
        ("All sectors", "large firms", 2018): (3.0, "enterprise"),  # the break stays visible
        ("Manufacturing", "small firms", 2017): (0.5, "legal unit"),
        ("All sectors", "abroad", 2017): (4.0, "affiliates"),
        ("All sectors", "abroad", 2021): (5.0, "affiliates"),  # the sum of its two parts; 2022 has one only
    }
    assert out["line"].tolist() == [*["large firms"] * 2, *["abroad"] * 3, "small firms"]


def test_industry_panel():
    def industry(code, level="industry", firms_=10.0, employees=200.0, abroad=30.0):
        return dict(industry_code=code, level=level, fiscal_year=2020, firms=firms_, employees=employees,
                    subsidiaries_overseas=abroad, subsidiaries_home=20.0)  # fmt: skip

    table = pd.DataFrame([
        industry("091"), industry("TTL", level="total"), industry("092", abroad=np.nan),
        industry("093", employees=np.nan),
        industry("094", firms_=0.0),
    ])  # fmt: skip
    row = samples.industry_panel(table).squeeze()
    assert row["industry_code"] == "091"
    assert row["ln_employees_per_firm"] == close(math.log(20))
    assert (row["overseas_per_firm"], row["domestic_per_firm"]) == (close(3), close(2))
    assert (row["ln_employees"], row["ln_firms"]) == (close(math.log(200)), close(math.log(10)))
