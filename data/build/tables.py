"""Rows of each table, made from its source files.

Every function takes `open_source`, which returns the path of a source file
after checking its sha256, and returns a DataFrame with the columns of its
`specs.Table` in order.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import specs

Open = Callable[[str], Path]
VERDICTS = Path(__file__).resolve().parent / "verdicts.csv"  # the book's own, so not among the sources
READINGS = VERDICTS.with_name("readings.csv")  # likewise


class SourceError(ValueError):
    """A source file does not say what the table's processing assumes."""


def _integer(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Columns as nullable integers; a fraction is refused, not rounded."""
    for column in columns:
        values = pd.to_numeric(frame[column])
        if not (values.dropna() % 1 == 0).all():
            raise SourceError(f"{column}: a whole number was expected")
        frame[column] = values.astype("Int64")
    return frame


def _fdi(frame: pd.DataFrame) -> pd.Series:
    """1 where the translation adjustment is present and not zero; unknown under IFRS or without a match."""
    known = frame["ifrs_ever"] == 0
    fdi = frame["fx_translation_adj"].fillna(0).ne(0).astype("Int64").where(known)
    stated = pd.to_numeric(frame["fdi"]).astype("Int64")
    if not (fdi.fillna(-1) == stated.fillna(-1)).all():
        row = " ".join(map(str, frame.loc[fdi.fillna(-1) != stated.fillna(-1), ["edinet_code", "year"]].iloc[0]))
        raise SourceError(f"fdi: the source's flag differs from its own rule at {row}")
    return fdi


def country_panel(open_source: Open) -> pd.DataFrame:
    wide = pd.read_csv(open_source("data/country/panel_wide.csv"))
    wide = wide[(wide["oecd38"] == 1) & wide["year"].between(1970, specs.last_year("country_panel"))]
    if sorted(wide["iso3"].unique()) != sorted(specs.OECD38):
        raise SourceError("country/panel_wide.csv: the OECD-38 flag does not mark the 38 members")
    wide = wide.assign(conduit=wide["iso3"].isin(specs.CONDUITS).astype(int))
    wide["population_15_64"] = wide["pop1564"].round().astype("Int64")
    renamed = wide.rename(columns={
        "fdi_out_gdp": "fdi_out_pct_gdp", "fdi_in_gdp": "fdi_in_pct_gdp", "gdp_growth": "gdp_growth_pct",
        "exports_gdp": "exports_pct_gdp", "imports_gdp": "imports_pct_gdp", "unemp_rate": "unemployment_pct",
        "emp_pop": "employment_rate_pct", "ind_emp_share": "industry_employment_pct",
        "pwt_emp": "employment_pwt_millions", "emp_ilo": "employment_ilo_thousands", "pwt_avh": "hours_per_worker",
        "pwt_hc": "human_capital_index", "pwt_rgdpna": "real_gdp_musd2017", "pwt_labsh": "labour_share",
    })
    return renamed.sort_values(["iso3", "year"])


def _filings(frame: pd.DataFrame) -> pd.DataFrame:
    frame["fdi"] = _fdi(frame)
    frame = frame.rename(columns={
        "emp_group": "group_employees", "emp_temp": "temporary_staff", "sales": "sales_yen",
        "sales_ifrs": "sales_ifrs_yen", "op_income": "operating_income_yen", "total_assets": "total_assets_yen",
        "tangible": "tangible_assets_yen", "fx_translation_adj": "translation_adjustment_yen",
    })
    whole = ["group_employees", "sales_yen", "operating_income_yen", "total_assets_yen",
             "translation_adjustment_yen", "ifrs_ever"]
    return _integer(frame, *whole).sort_values(["edinet_code", "year"])


def firm_panel(open_source: Open) -> pd.DataFrame:
    raw = pd.read_csv(open_source("data/firm_japan/jp_fdi_panel.csv.gz"))
    frame = _filings(raw).drop(columns="period_end").rename(columns={
        "emp_home": "parent_employees", "avg_salary": "average_pay_yen", "avg_age": "average_age",
        "home_period_end": "period_end", "home_source": "parent_source",
    })
    unknown = set(frame["tse33"]) - set(specs.TSE33)
    if unknown:
        raise SourceError(f"jp_fdi_panel: sectors without a translation: {sorted(unknown)}")
    frame["sector"] = frame["tse33"].map(specs.TSE33)
    frame["listed"] = frame["listed"].map({"上場": 1, "非上場": 0}).astype("Int64")
    frame["reorganised"] = frame["badge"].eq("本社のみ").astype(int)
    return _integer(frame, "parent_employees", "average_pay_yen")


def group_panel(open_source: Open) -> pd.DataFrame:
    frame = _filings(pd.read_csv(open_source("data/firm_japan/edinet_annual.csv.gz")))
    return _integer(frame, "sales_ifrs_yen", "tangible_assets_yen", "ifrs")


def firm_management(open_source: Open) -> pd.DataFrame:
    raw = pd.read_csv(open_source("data/wms/AMP_graph_manufacturing.csv"))
    raw = raw.iloc[:, :19]  # the embedded codebook stands in the last column
    frame = raw.assign(row=range(1, len(raw) + 1)).rename(columns={
        "lemp_firm": "ln_employees", "export": "export_pct", "degree_m": "degree_managers_pct",
        "degree_nm": "degree_others_pct", "year": "accounts_year", "sic": "sic3",
    })
    return _integer(frame, "accounts_year", "sic3", "mne_f", "mne_d")


def _meti_names() -> dict[int, str]:
    return {0: "industry_code", 1: "industry", 3: "fiscal_year", 4: "firms", 5: "establishments", 6: "employees",
            7: "regular_employees", 15: "sales_myen", 18: "operating_income_myen", 21: "value_added_myen",
            22: "subsidiaries", 23: "subsidiaries_home", 24: "subsidiaries_overseas"}


def _numbers(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """METI marks suppressed cells with x or asterisks and nil cells with a dash: both become missing."""
    for column in columns:
        text = frame[column].astype("string").str.strip()
        frame[column] = pd.to_numeric(text.mask(text.isin(["x", "X", "χ", "***", "-", "－", "‐", ""]))).astype("Int64")
    return frame


def industry_japan(open_source: Open) -> pd.DataFrame:
    raw = pd.read_excel(open_source("data/meti/000040464647.xls"), header=None, engine="calamine")
    start = raw.index[raw[0].eq("総合計")][0]
    frame = raw.loc[start:, list(_meti_names())].rename(columns=_meti_names())
    frame["industry_code"] = frame["industry_code"].replace("総合計", "TTL").astype(str)
    frame["fiscal_year"] = frame["fiscal_year"].str.extract(r"(\d{4})").astype("Int64")
    frame["level"] = frame["industry_code"].map(
        lambda code: "total" if code in ("TTL", "000") else "industry" if re.fullmatch(r"\d{3}.*", code) else "sector"
    )
    return _numbers(frame, [c for c in _meti_names().values() if c not in ("industry_code", "industry", "fiscal_year")])


def industry_japan_continuing(open_source: Open) -> pd.DataFrame:
    raw = pd.read_excel(open_source("data/meti/000040464645.xls"), header=None, engine="calamine")
    first = raw.index[raw[0].eq("TTL")][0]
    wanted = {("企業数", ""): "firms", ("従業者数", ""): "employees", ("常時従業者数", ""): "regular_employees",
              ("売上高", ""): "sales_myen", ("子会社・関連会社数", "国内計"): "subsidiaries_home",
              ("子会社・関連会社数", "海外計"): "subsidiaries_overseas"}
    heads = [(head, sub if isinstance(sub, str) else "", label) for head, sub, label in raw.loc[[1, 2, 4]].T.to_numpy()]
    parts = []
    for year, label in ((2023, "前年度"), (2024, "当年度")):
        part = raw.loc[first:, [0, 1]].set_axis(["industry_code", "industry"], axis=1)
        part["fiscal_year"] = year
        for (head, sub), name in wanted.items():
            match = [c for c in raw.columns[2:] if heads[c] == (head, sub, label)]
            if len(match) != 1:
                raise SourceError(f"000040464645.xls: column {head} {sub} {label} found {len(match)} times")
            part[name] = raw.loc[first:, match[0]]
        parts.append(_numbers(part, list(wanted.values())))
    return pd.concat(parts).sort_values(["industry_code", "fiscal_year"])


def affiliates_germany(open_source: Open) -> pd.DataFrame:
    read = {"keep_default_na": False, "na_values": [""]}  # NA is Namibia
    old = pd.read_csv(open_source("data/german_affiliates/fats_de_extract.csv"), **read)
    new = pd.read_csv(open_source("data/german_affiliates/fats_de_extract_2021.csv"), **read)
    old = old.rename(columns={"value_eur_mn": "value"}).assign(dataset="fats_out2_r2")
    frame = pd.concat([old, new.assign(dataset="fats_out_activ")])
    codes = {"EMP": "employees", "EMP_NR": "employees", "ENT": "enterprises", "ENT_NR": "enterprises",
             "TUR": "turnover", "NETTUR_MEUR": "turnover", "EXPN_SAL_BEN_MEUR": "personnel_costs",
             "GRSINV_TNCA_MEUR": "gross_investment"}
    frame["indicator"] = frame["indic"].map(codes)
    frame["unit"] = frame["indicator"].map({"employees": "persons", "enterprises": "enterprises"}).fillna(
        "million euro")
    return frame.sort_values(["year", "indicator", "nace", "partner"])


def affiliates_europe(open_source: Open) -> pd.DataFrame:
    """Staff abroad by industry (all hosts) beside jobs at home, and by host (all industries)."""
    import duckdb

    fats = duckdb.read_parquet(str(open_source("data/fats_all/cats_fats_df.parquet")))
    wide = fats.filter("indic_bp = 'EMP'").df()
    years = [column for column in wide.columns if column.isdigit()]
    cells = wide.melt(["nace_r2", "partner", "geo"], years, "year", "employees")
    cells = cells.assign(year=cells["year"].astype(int)).set_index(["geo", "nace_r2", "partner", "year"])["employees"]
    joined = pd.read_csv(open_source("data/fats_all/joined_fats_euklems_2010_2015.csv"))
    if unknown := set(joined["code"]) - set(specs.FATS_GROUPS):
        raise SourceError(f"joined_fats_euklems: industry groups without codes of FATS: {sorted(unknown)}")
    world = cells.xs("WORLD", level="partner").to_dict()
    for row in joined.itertuples():
        parts = [world.get((row.geo, code, row.year)) for code in specs.FATS_GROUPS[row.code]]
        total = sum(float("nan") if part is None else part for part in parts)
        if not (total == row.emp_abroad or (pd.isna(total) and pd.isna(row.emp_abroad))):
            raise SourceError(f"joined_fats_euklems: {row.geo} {row.code} {row.year} is not the sum of its FATS codes")
    industries = joined.rename(columns={"geo": "country", "code": "industry", "emp_abroad": "employees_abroad",
                                        "emp_home_k": "employed_home_thousands", "va_qi": "value_added_volume"})
    hosts = cells[cells.index.get_level_values("nace_r2") == "B-S_X_O"].rename("employees_abroad").reset_index()
    hosts = hosts.rename(columns={"geo": "country", "nace_r2": "industry", "partner": "host"})
    hosts = hosts[hosts["host"].isin(specs.EUROSTAT_NAMES) & ~hosts["country"].str.startswith("EU")]
    frame = pd.concat([industries.assign(host="WORLD"), hosts[hosts["country"] != hosts["host"]]])
    frame["country_name"] = frame["country"].map(specs.EUROSTAT_NAMES)
    frame["host_name"] = frame["host"].map(specs.EUROSTAT_NAMES)
    frame["series_break"] = (frame["country"].eq("DK") & frame["year"].eq(2011)).astype(int)
    return _integer(frame, "employees_abroad").sort_values(["country", "industry", "host", "year"])


def _bea(path: Path) -> pd.DataFrame:
    """One of BEA's tables as rows of place (or parents' industry), industry, year and cell, `level` the indent."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        lines = [line for line in csv.reader(handle) if len(line) > 5]
    at = next(i for i, line in enumerate(lines) if line[1].strip().isdigit())
    years = [0, *map(int, lines[at][1:])]
    rows = [(place, level, industry, year, cell.strip()) for line in lines[at + 1:]
            for place, level in [(line[0].strip(), (len(line[0]) - len(line[0].lstrip())) // 2)]
            for industry, year, cell in zip(lines[at - 1][1:], years[1:], line[1:], strict=False)]
    return pd.DataFrame(rows, columns=["place", "level", "industry", "year", "cell"])


def us_multinationals(open_source: Open) -> pd.DataFrame:
    """Parents by industry; majority-owned affiliates by industry and host; suppressed cells keep BEA's mark."""
    measures = {"employees_thousands": "employment", "compensation_musd": "compensation employees"}
    parts = []
    for measure, name in measures.items():
        raw = _bea(open_source(f"data/bea/all_parent/{name.replace(' ', '_')}.csv"))
        heads = raw["place"].str.lower().isin(set(specs.BEA_INDUSTRIES) - {"utilities"})  # there a part of the others
        raw = raw[heads & (raw["level"] <= 1)]
        parts.append(raw.assign(side="parents", industry=raw["place"], place="All countries", measure=measure))
        for first in (1999, 2009):
            raw = _bea(open_source(f"data/bea/mofa/download {name} {first} (mofa).csv"))
            raw["place"] = raw["place"].replace("All Countries Total", "All countries")
            parts.append(raw[raw["place"].isin(specs.BEA_HOSTS)].assign(side="affiliates", measure=measure))
    frame = pd.concat(parts)
    frame["industry"] = frame["industry"].str.lower().map(specs.BEA_INDUSTRIES)
    early = (frame["year"] < 2009) & frame["industry"].ne("All industries") & frame["place"].ne("All countries")
    frame = frame[frame["industry"].notna() & ~early]
    keys = ["side", "industry", "place", "year"]
    if frame.duplicated([*keys, "measure"]).any():
        row = frame.loc[frame.duplicated([*keys, "measure"]), keys].iloc[0]
        raise SourceError(f"bea: two cells for {' '.join(map(str, row))}")
    cells = frame.set_index([*keys, "measure"])["cell"].unstack()
    out = cells.apply(lambda column: pd.to_numeric(column, errors="coerce"))
    out["suppressed"] = cells["employees_thousands"].where(out["employees_thousands"].isna())
    if odd := set(out["suppressed"].dropna()) - set(specs.BEA_MARKS):
        raise SourceError(f"bea: cells that are neither a number nor a known mark: {sorted(odd)}")
    out = out.reset_index().rename(columns={"place": "host"})
    out["coverage"] = pd.cut(out["year"], [0, 2008, 2013, 9999], labels=list(specs.BEA_COVERAGE)).astype(str)
    check = pd.read_csv(open_source("data/bea/joined_parents_mofa_by_industry_2009_2019.csv"))
    world = out[out["host"] == "All countries"].set_index(["side", "industry", "year"])["employees_thousands"].to_dict()
    for row in check.itertuples():
        for side, value in (("parents", row.emp_us_parents_k), ("affiliates", row.emp_mofa_k)):
            if world.get((side, specs.BEA_INDUSTRIES[row.k], row.year)) != value:
                raise SourceError(f"bea: {side} of {row.k} in {row.year} differ from the joined file's {value}")
    return out.sort_values(["side", "industry", "host", "year"], key=lambda c: c.map({"All countries": "!"}).fillna(c)
                           if c.name == "host" else c)


def country_by_country_2016(open_source: Open) -> pd.DataFrame:
    frame = pd.read_csv(open_source("data/oecd_cbcr/oecd_cbcr_fy2016_extract.csv"))
    total = frame["partner"].eq("Foreign jurisdictions total")
    frame["kind"] = "country"
    frame.loc[frame["partner"].str.contains("Other|continent"), "kind"] = "other countries"
    frame.loc[total, "kind"] = "abroad in all"
    frame.loc[frame["partner"].eq(frame["parent_country"]), "kind"] = "home"
    parts = frame[frame["kind"].isin(["country", "other countries"])].groupby("parent_country")["employees"].sum()
    stated = frame[total].set_index("parent_country")["employees"]
    for country, value in parts.items():
        if value != stated[country]:
            raise SourceError(f"oecd_cbcr: the hosts of {country} sum to {value}, stated are {stated[country]}")
    frame["partner"] = frame["partner"].replace("Foreign jurisdictions total", "All foreign countries")
    frame = frame.rename(columns={"tangible_assets_usd_tn": "tangible_assets_trillion_usd"})
    return _integer(frame, "employees", "groups")


def size_classes_germany(open_source: Open) -> pd.DataFrame:
    raw = pd.read_csv(open_source("data/germany/size_class.csv"))
    frame = raw[raw["source"].eq("Destatis 48121-0002") & raw["size_class"].str.contains(r"\(<|\(>|^total$")
                & raw["note"].isin(["legal unit", "enterprise (EU definition)"])]
    frame = frame.assign(size_class=frame["size_class"].str.extract(r"^(\w+)")[0])
    frame["statistical_unit"] = frame["note"].map({"legal unit": "legal unit", "enterprise (EU definition)":
                                                   "enterprise"})
    frame = frame.rename(columns={"sector_nace": "sector"})
    return frame.sort_values(["year", "sector", "size_class", "indicator"])


def claims(open_source: Open) -> pd.DataFrame:
    raw = pd.read_csv(open_source("evidence/claims.csv"), dtype=str, keep_default_na=False)
    wording = raw["paper_words"].str.replace(r"(?<=\d)([.,]) (?=\d)", r"\1", regex=True)
    raw["wording"] = wording.str.replace("“ ", "“").str.strip()
    renamed = raw.rename(columns={"year": "period", "population_scope": "population",
                                  "status_of_text": "text_state"})
    verdicts = pd.read_csv(VERDICTS, dtype=str, keep_default_na=False).rename(columns={"pages": "chapters"})
    if renamed["claim_id"].is_unique and sorted(verdicts["claim_id"]) != sorted(renamed["claim_id"]):
        odd = sorted(set(verdicts["claim_id"]) ^ set(renamed["claim_id"]))
        raise SourceError(f"verdicts.csv: one verdict for each claim expected; {odd[:3]} stand on one side only")
    return renamed.merge(verdicts, on="claim_id", validate="many_to_one").replace("", pd.NA)


def _readings(open_source: Open) -> pd.DataFrame:
    """Facts H: what we read in the later evidence, with title, publisher, address and rank of the row that has it."""
    found = pd.read_csv(open_source("evidence/claims_evidence.csv"), dtype=str, keep_default_na=False)
    found["source_row"] = (found.index + 1).astype(str)
    found["source_rank"] = found["own_or_secondary"].str.extract(r"^(publisher|secondary)")[0]
    found = found.rename(columns={"title": "source_title", "address": "url"})
    columns = ["source_row", "source_title", "publisher", "url", "source_rank"]
    readings = pd.read_csv(READINGS, dtype=str, keep_default_na=False).rename(columns={"period": "year"})
    lost = readings.loc[~readings["source_row"].isin(found["source_row"]), "fact_id"]
    if len(lost):
        raise SourceError(f"readings.csv, row {lost.iloc[0]}, field source_row: no such row in claims_evidence.csv")
    return readings.merge(found[columns], on="source_row", validate="many_to_one").assign(superseded_by="")


def official_figures(open_source: Open) -> pd.DataFrame:
    raw = pd.read_csv(open_source("evidence/official.csv"), dtype=str, keep_default_na=False)
    raw = pd.concat([raw, _readings(open_source)], ignore_index=True)
    plain = pd.to_numeric(raw["value"], errors="coerce")
    hedge = r"^(?:about|almost|nearly|around|over|more than|fewer than|less than|only|a good|at least|not more than)"
    hedged = raw["value"].str.extract(hedge + r" (\d[\d.]*)(?:$| \()")[0]
    raw["number"] = plain.fillna(pd.to_numeric(hedged))
    unit = raw["unit"].str.lower()
    raw["exactness"] = "as stated"
    raw.loc[plain.isna() & hedged.notna(), "exactness"] = "approximate"
    raw.loc[raw["number"].isna(), "exactness"] = "qualitative"
    raw.loc[unit.str.contains("approximate") & raw["number"].notna(), "exactness"] = "approximate"
    raw.loc[unit.str.contains("derived") & raw["number"].notna(), "exactness"] = "derived"
    ranks = raw.set_index("fact_id")["source_rank"]
    ranks.loc[["F0306", "F0309", "F0432", "F0437", "F0037", "F0143", "F0206", "F0293"]] = "secondary"
    ranks.loc[["F0075", "F0324", "F0117", "F0118", "F0120"]] = "publisher"
    raw["source_rank"] = ranks.to_numpy()
    return raw.rename(columns={"year": "period"}).replace("", pd.NA)


def literature(open_source: Open) -> pd.DataFrame:
    raw = pd.read_csv(open_source("evidence/literature/estimates.csv"), dtype=str, keep_default_na=False)
    frame = raw.rename(columns={
        "year": "publication_year", "firm_size_focus": "firm_size", "fdi_measure": "exposure",
        "dest_class": "destination_class", "excerpt_basis": "basis", "url_read": "url",
    }).replace({"": pd.NA, "n.d.": pd.NA})
    frame["sign"] = frame["sign"].replace({"null": "neither"})
    return _integer(frame, "publication_year").sort_values("finding_id")
