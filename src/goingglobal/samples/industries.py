"""Samples of industries and size classes: Japan's by year, Germany at home and abroad, both sides counted.

"Both sides" are headcounts at home and abroad of the same unit: an industry of a European country, or US parents of an
industry and their affiliates.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from goingglobal.samples.common import SampleError, called

ABROAD_LIMIT, HOME_LIMIT = 0.7, 0.3  # log changes in a year; beyond them a reclassification is likelier than growth
SMALLEST = 1_000  # staff abroad in the year before
FACTORIES = ("10-12", "13-15", "16-18", "19", "20-21", "22-23", "24-25", "26-27", "28", "29-30", "31-33")
BENCHMARK = 2014  # the survey of US multinationals that reached more of them
TOTALS = ("All industries", "Manufacturing")
LOW_PAY = 0.5  # of US parents' pay per employee


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


def both_sides_europe(
    table: pd.DataFrame, outcome: str = "employed", smallest: float = SMALLEST, industries: str = "all",
    trimmed: bool = True, years: int = 1,
) -> pd.DataFrame:
    """Log changes of jobs at home and of staff abroad of the same country and industry, 2010–2015.

    `table` is `affiliates_europe` (Eurostat's outward FATS, EU KLEMS); `outcome`, "employed" (persons engaged at home)
    or "value_added" (its volume); `smallest`, staff abroad at the start, in persons; `industries`, "all" or
    "manufacturing"; `trimmed`, leave out changes of 0.7 or more abroad or 0.3 or more of jobs at home (1.4 and 0.6
    over five years); `years`, 1 or 5. A row has `country`, `industry`, `year` (the later), `home`
    (log change of the outcome), `abroad` (log change of staff abroad), `staff_before` (persons), `country_year`,
    `industry_year` and `country_industry` for effects and clusters. Manufacturing as a whole is no row; its groups are.

    `attrs["left_out"]` counts the pairs of years left out, by the first reason that holds: a figure missing or not
    positive, a break in the series within the pair, too few staff abroad, trimmed, alone in an effect. Raises
    `SampleError` for another outcome, set of industries or span, and where no pair is left.
    """
    columns = {"employed": "employed_home_thousands", "value_added": "value_added_volume"}
    if outcome not in columns or industries not in ("all", "manufacturing") or years not in (1, 5):
        raise SampleError(f"outcome {outcome!r}, industries {industries!r}, {years} years: expected are 'employed' or "
                          "'value_added', 'all' or 'manufacturing', 1 or 5")
    rows = table[(table["host"] == "WORLD") & ~table["industry"].isin(["C", "B-S_X_O"]) & (table["year"] <= 2015)]
    rows = rows[rows["industry"].isin(FACTORIES)] if industries == "manufacturing" else rows
    keys = ["country", "industry", "year"]
    levels = pd.DataFrame({
        "home": rows[columns[outcome]], "abroad": rows["employees_abroad"], "jobs": rows["employed_home_thousands"],
    }).where(lambda level: level > 0).astype(float)
    levels["breaks"] = rows["series_break"].groupby([rows["country"], rows["industry"]]).cumsum()
    levels = pd.concat([rows[keys], levels], axis=1)
    pairs = levels.merge(levels.assign(year=levels["year"] + years), on=keys, suffixes=("", "_before"))
    for name in ("home", "abroad", "jobs"):
        pairs[f"d_{name}"] = np.log(pairs[name] / pairs[f"{name}_before"])
    wide = 2 if years == 5 else 1
    reasons = {
        "missing, zero or negative": pairs[["d_home", "d_abroad", "d_jobs"]].isna().any(axis=1),
        "break in the series": pairs["breaks"] != pairs["breaks_before"],
        "few staff abroad": pairs["abroad_before"] < smallest,
        "trimmed": trimmed & ((pairs["d_abroad"].abs() >= wide * ABROAD_LIMIT)
                              | (pairs["d_jobs"].abs() >= wide * HOME_LIMIT)),
    }  # fmt: skip
    kept, left_out = _sifted(pairs, reasons)
    out = kept[keys].assign(
        home=kept["d_home"], abroad=kept["d_abroad"], staff_before=kept["abroad_before"],
        country_year=kept["country"] + " " + kept["year"].astype(str),
        industry_year=kept["industry"] + " " + kept["year"].astype(str),
        country_industry=kept["country"] + " " + kept["industry"])
    whole = len(out)
    while len(out) and (alone := _alone(out, "country_year") | _alone(out, "industry_year")).any():
        out = out[~alone]
    words = f"{'manufacturing' if industries == 'manufacturing' else 'industries'} of European countries, " + (
        "yearly changes 2010–2015" if years == 1 else "change 2010–2015") + (
        f", {smallest:,.0f} or more staff abroad" if smallest else "") + ("" if trimmed else ", untrimmed")
    out = called(out, words)
    out.attrs["left_out"] = {**left_out, "alone in a country and year or an industry and year": whole - len(out)}
    return out


def _alone(frame: pd.DataFrame, column: str) -> pd.Series:
    return ~frame.duplicated(column, keep=False)


def _sifted(frame: pd.DataFrame, reasons: dict[str, pd.Series]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows for which no reason holds, and how many are left out for the first that does."""
    kept, counts = pd.Series(True, frame.index), {}
    for words, holds in reasons.items():
        counts[words] = int((kept & holds).sum())
        kept &= ~holds
    return frame[kept], counts


def low_pay_hosts(table: pd.DataFrame, share: float = LOW_PAY) -> dict[str, bool]:
    """Hosts of US affiliates → whether these paid less per employee in 2009 than `share` of what US parents paid.

    `table` is `us_multinationals`: pay in million dollars over thousand employees, all industries. Hosts without either
    figure in 2009 are no key. Raises `SampleError` where the parents' pay of 2009 is missing.
    """
    rows = table[(table["year"] == 2009) & (table["industry"] == "All industries")]
    pay = rows["compensation_musd"] / rows["employees_thousands"]
    parents = pay[rows["side"] == "parents"]
    if len(parents) != 1 or parents.isna().any():
        raise SampleError("us_multinationals: pay and staff of the parents of all industries in 2009 are needed")
    hosts = pay[(rows["side"] == "affiliates") & (rows["host"] != "All countries")].dropna()
    return {rows.at[row, "host"]: bool(value < share * parents.iloc[0]) for row, value in hosts.items()}


def both_sides_us(table: pd.DataFrame, benchmark: bool = True) -> pd.DataFrame:
    """Log changes of the employment of US parents and of their majority-owned affiliates, by industry, 2009–2019.

    `table` is `us_multinationals` (Bureau of Economic Analysis). A row has `industry` (14, without totals), `year`,
    `home` (parents), `abroad` (affiliates in all hosts), `low_wage` and `high_wage` (affiliates in hosts of low and
    other pay, see `low_pay_hosts`: the log change of their sum over hosts whose cell is published in both years).
    `benchmark=False` leaves out 2014, when the survey reached more firms on both sides.

    `attrs["left_out"]` counts industry-years left out (a figure missing; the benchmark) and the cells of hosts that are
    suppressed or letters in one of two years. Raises `SampleError` where an industry has one side only.
    """
    rows = table[(table["year"] >= 2009) & ~table["industry"].isin(TOTALS)]
    world = rows[rows["host"] == "All countries"].pivot(
        index=["industry", "year"], columns="side", values="employees_thousands")
    for side in ("parents", "affiliates"):
        if side not in world or world[side].groupby("industry").count().eq(0).any():
            raise SampleError(f"us_multinationals: an industry has no figure for its {side}")
    logs = np.log(world.where(world > 0)).reset_index()
    before = logs.assign(year=logs["year"] + 1)
    out = logs.merge(before, on=["industry", "year"], suffixes=("", "_before"))
    out = out.assign(home=out["parents"] - out["parents_before"], abroad=out["affiliates"] - out["affiliates_before"])
    low = low_pay_hosts(table)
    hosts = rows[(rows["side"] == "affiliates") & rows["host"].isin(low)][["industry", "host", "year",
                                                                          "employees_thousands"]]
    pairs = hosts.merge(hosts.assign(year=hosts["year"] + 1), on=["industry", "host", "year"],
                        suffixes=("", "_before"))  # fmt: skip
    published = pairs.dropna()
    wage = published["host"].map({host: "low_wage" if is_low else "high_wage" for host, is_low in low.items()})
    now, then = (published.groupby([published["industry"], published["year"], wage])[name].sum()
                 for name in ("employees_thousands", "employees_thousands_before"))
    out = out.join(np.log(now / then).unstack(), on=["industry", "year"])
    columns = ["industry", "year", "home", "abroad", "low_wage", "high_wage"]
    kept, left_out = _sifted(out[columns], {
        "a figure missing": out[columns].isna().any(axis=1),
        "2014, the benchmark": (out["year"] == BENCHMARK) & (not benchmark),
    })
    kept = called(kept, "US multinationals, 14 industries, 2010–2019" + ("" if benchmark else " without 2014"))
    kept.attrs["left_out"] = {**left_out, "host's cells suppressed in one of two years": len(pairs) - len(published)}
    return kept


def staff_by_host(europe: pd.DataFrame, us: pd.DataFrame, reports: pd.DataFrame, year: int = 2016) -> pd.DataFrame:
    """Where German, Japanese and US affiliates' staff are: `parent`, `host`, `thousands`, by size, of one year.

    Germany: `affiliates_europe`, all affiliates of the business economy; the United States: `us_multinationals`,
    majority-owned affiliates; Japan: `country_by_country_2016`, large groups with profits, a concept of its own, and
    2016 alone. Groups of countries are no hosts. `attrs["left_out"]` counts hosts without a published figure and, for
    Japan, the staff (persons) in groups of countries. Raises `SampleError` for a year that one of the three lacks.
    """
    germany = europe[(europe["country"] == "DE") & (europe["industry"] == "B-S_X_O") & (europe["host"] != "WORLD")]
    america = us[(us["side"] == "affiliates") & (us["industry"] == "All industries") & (us["host"] != "All countries")]
    japan = reports[reports["parent_country"] == "Japan"]
    named = japan[(japan["kind"] == "country") & (year == 2016)]
    parts = [
        germany[germany["year"] == year].assign(parent="Germany", host=lambda rows: rows["host_name"],
                                                thousands=lambda rows: rows["employees_abroad"].astype(float) / 1e3),
        named.assign(parent="Japan", host=named["partner"], thousands=named["employees"] / 1e3),
        america[america["year"] == year].assign(parent="United States", thousands=america["employees_thousands"]),
    ]  # fmt: skip
    for part, who in zip(parts, ("Germany", "Japan", "the United States"), strict=True):
        if part.empty:
            raise SampleError(f"staff by host: no row of {year} for {who}")
    whole = pd.concat([part[["parent", "host", "thousands"]] for part in parts], ignore_index=True)
    out = whole.dropna().sort_values(["parent", "thousands"], ascending=[True, False])
    out = called(out, f"staff of affiliates abroad by host, {year}")
    unknown = whole[whole["thousands"].isna()].groupby("parent").size().to_dict()
    out.attrs["left_out"] = {f"{who}: hosts without a figure": int(count) for who, count in unknown.items()} | {
        "Japan: staff in groups of countries": int(japan.loc[japan["kind"] == "other countries", "employees"].sum())}
    return out
