"""Samples of industries and size classes: Japan's industries by year, Germany at home and abroad."""

from __future__ import annotations

import numpy as np
import pandas as pd

from goingglobal.samples.common import called


def industry_panel(industries: pd.DataFrame) -> pd.DataFrame:
    """Three-digit industries of METI's survey with log ratios per firm.

    `industries` is the table `industry_japan`. Columns added: `ln_employees_per_firm`,
    `overseas_per_firm` (overseas subsidiaries per firm), `domestic_per_firm` (domestic subsidiaries
    per firm) and `ln_employees`, `ln_firms`. Rows with a suppressed cell are dropped.
    """
    rows = industries[industries["level"] == "industry"].dropna(subset=["employees", "firms", "subsidiaries_overseas"])
    rows = rows[(rows["firms"] > 0) & (rows["employees"] > 0)]
    rows = rows.assign(
        ln_employees_per_firm=np.log(rows["employees"] / rows["firms"]),
        overseas_per_firm=rows["subsidiaries_overseas"] / rows["firms"],
        domestic_per_firm=rows["subsidiaries_home"] / rows["firms"],
        ln_employees=np.log(rows["employees"]), ln_firms=np.log(rows["firms"]),
    )
    return called(rows, "three-digit industries, FY2020–FY2024, firms with 50 or more employees")


def home_and_abroad(affiliates: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """German jobs at home by size class beside employees of German affiliates abroad, in millions.

    `affiliates` and `sizes` are the tables `affiliates_germany` and `size_classes_germany`. One row per
    sector (all, manufacturing), year and line: `panel`, `line`, `year`, `value`, `segment` (the
    statistical unit, which changes in 2018) . The two sources sort firms differently and are
    never added up. Levels of 2021–2023 abroad are the sum of Eurostat's parts: inside and outside the EU-27.
    """
    home = sizes[(sizes["indicator"] == "persons_employed") & sizes["sector"].isin(["TOTAL", "C"])]
    home = home[home["size_class"] != "total"]
    home = home.assign(line=home["size_class"] + " firms", segment=home["statistical_unit"])
    home["panel"] = home["sector"].map({"TOTAL": "All sectors", "C": "Manufacturing"})
    staff = affiliates[affiliates["indicator"] == "employees"]
    parts = staff[staff["partner"].isin(["WORLD", "INT_EU27_2020", "EXT_EU27_2020"])]
    world = parts[parts["partner"] == "WORLD"]
    late = parts[(parts["dataset"] == "fats_out_activ") & (parts["partner"] != "WORLD")]
    late = late.groupby(["year", "nace"], as_index=False)["value"].sum(min_count=2)
    abroad = pd.concat([world[["year", "nace", "value"]], late])
    abroad = abroad[abroad["nace"].isin(["B-S_X_O", "C"])].assign(line="abroad", segment="affiliates")
    abroad["panel"] = abroad["nace"].map({"B-S_X_O": "All sectors", "C": "Manufacturing"})
    columns = ["panel", "line", "year", "value", "segment"]
    out = pd.concat([home[columns], abroad[columns]])
    out["value"] = out["value"] / 1e6
    order = {"large firms": 0, "medium firms": 1, "small firms": 2, "micro firms": 3, "abroad": 4}
    out = out.sort_values(["panel", "line", "year"], key=lambda c: c.map(order) if c.name == "line" else c)
    return called(out, "Germany: persons employed at home, employees of affiliates abroad")
