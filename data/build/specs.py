"""What each table of the data package is: fields, units, sources, licences.

`tables.py` makes the rows; this file says what they mean. Both together are
written to `data/datapackage.json` by `build.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class Field:
    """One column: Frictionless type, unit, meaning of a missing value, limits."""

    name: str
    type: str
    title: str
    unit: str | None = None
    missing: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    enum: tuple | None = None
    pattern: str | None = None
    required: bool = False

    def descriptor(self, missing_share: float) -> dict:
        constraints = {
            key: value
            for key, value in {
                "required": self.required or None,
                "minimum": self.minimum,
                "maximum": self.maximum,
                "enum": list(self.enum) if self.enum else None,
                "pattern": self.pattern,
            }.items()
            if value is not None
        }
        out = {"name": self.name, "type": self.type, "title": self.title}
        if self.unit:
            out["unit"] = self.unit
        if constraints:
            out["constraints"] = constraints
        if not self.required:
            out["missing_meaning"] = self.missing or "not reported by the publisher"
            out["missing_share"] = missing_share
        return out


@dataclass(frozen=True)
class Source:
    """Where figures come from. `reread` says if the terms were read for this project."""

    title: str
    publisher: str
    path: str
    licence: str
    reread: bool
    vintage: str
    columns: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Table:
    """One resource of the data package."""

    name: str
    title: str
    description: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    sources: tuple[Source, ...]
    files: tuple[str, ...]
    processing: str
    vintage: str
    licence: str
    cautions: tuple[str, ...] = field(default_factory=tuple)


CC_BY = "CC-BY-4.0"
PDL = "PDL-1.0"
LICENCES = {
    CC_BY: ("Creative Commons Attribution 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    PDL: (
        "Public Data License (Japan) 1.0",
        "https://www.digital.go.jp/en/resources/open_data/public_data_license_v1.0",
    ),
    "CC0-1.0": ("Creative Commons Zero 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "dl-de/by-2-0": ("Data licence Germany, attribution, 2.0", "https://www.govdata.de/dl-de/by-2-0"),
    "US-public-domain": ("Work of the US government, public domain", "https://www.usa.gov/government-copyright"),
    "OECD-terms": ("Terms of the OECD, not re-read", "https://www.oecd.org/en/about/terms-conditions.html"),
    "GJSTU-2.0": (
        "Government of Japan Standard Terms of Use 2.0 (CC BY 4.0 compatible)",
        "https://www.digital.go.jp/en/resources/open_data",
    ),
}

_MEMBERS = (
    "AUS AUT BEL CAN CHE CHL COL CRI CZE DEU DNK ESP EST FIN FRA GBR GRC HUN IRL ISL ISR ITA JPN KOR LTU LUX LVA "
    "MEX NLD NOR NZL POL PRT SVK SVN SWE TUR USA"
)
OECD38 = tuple(_MEMBERS.split())
CONDUITS = ("LUX", "IRL", "NLD", "CHE", "HUN", "BEL", "ISL")

# TSE 33-sector names as the Tokyo Stock Exchange translates them.
TSE33 = {
    "水産・農林業": "Fishery, agriculture and forestry",
    "鉱業": "Mining",
    "建設業": "Construction",
    "食料品": "Foods",
    "繊維製品": "Textiles and apparels",
    "パルプ・紙": "Pulp and paper",
    "化学": "Chemicals",
    "医薬品": "Pharmaceutical",
    "石油・石炭製品": "Oil and coal products",
    "ゴム製品": "Rubber products",
    "ガラス・土石製品": "Glass and ceramics products",
    "鉄鋼": "Iron and steel",
    "非鉄金属": "Nonferrous metals",
    "金属製品": "Metal products",
    "機械": "Machinery",
    "電気機器": "Electric appliances",
    "輸送用機器": "Transportation equipment",
    "精密機器": "Precision instruments",
    "その他製品": "Other products",
    "電気・ガス業": "Electric power and gas",
    "陸運業": "Land transportation",
    "海運業": "Marine transportation",
    "空運業": "Air transportation",
    "倉庫・運輸関連": "Warehousing and harbor transportation services",
    "情報・通信業": "Information and communication",
    "卸売業": "Wholesale trade",
    "小売業": "Retail trade",
    "銀行業": "Banks",
    "証券、商品先物取引業": "Securities and commodity futures",
    "保険業": "Insurance",
    "その他金融業": "Other financing business",
    "不動産業": "Real estate",
    "サービス業": "Services",
}

# Industry groups of EU KLEMS and the codes of Eurostat's outward FATS that they are sums of.
FATS_GROUPS = {
    "10-12": ("C10-C12",), "13-15": ("C13_C14",), "16-18": ("C16-C18",), "19": ("C19",), "20-21": ("C20", "C21"),
    "22-23": ("C22", "C23"), "24-25": ("C24_C25",), "26-27": ("C26", "C27"), "28": ("C28",), "29-30": ("C29_C30",),
    "31-33": ("C31-C33",), "B": ("B",), "C": ("C",), "D-E": ("D35", "E"), "F": ("F",), "G": ("G",), "H": ("H",),
    "I": ("I",), "J": ("J",), "K": ("K",), "L": ("L",), "M-N": ("M", "N"),
}
# Countries that report, and the larger hosts, by Eurostat's codes.
EUROSTAT_NAMES = {
    "AE": "United Arab Emirates", "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BE": "Belgium",
    "BG": "Bulgaria", "BR": "Brazil", "CA": "Canada", "CH": "Switzerland", "CL": "Chile", "CN_X_HK": "China",
    "CO": "Colombia", "CY": "Cyprus", "CZ": "Czechia", "DE": "Germany", "DK": "Denmark", "EE": "Estonia",
    "EL": "Greece", "ES": "Spain", "FI": "Finland", "FR": "France", "HK": "Hong Kong", "HR": "Croatia",
    "HU": "Hungary", "ID": "Indonesia", "IE": "Ireland", "IL": "Israel", "IN": "India", "IT": "Italy", "JP": "Japan",
    "KR": "South Korea", "LT": "Lithuania", "LU": "Luxembourg", "LV": "Latvia", "MA": "Morocco", "MT": "Malta",
    "MX": "Mexico", "MY": "Malaysia", "NL": "Netherlands", "NO": "Norway", "NZ": "New Zealand", "PH": "Philippines",
    "PL": "Poland", "PT": "Portugal", "RO": "Romania", "RS": "Serbia", "RU": "Russia", "SA": "Saudi Arabia",
    "SE": "Sweden", "SG": "Singapore", "SI": "Slovenia", "SK": "Slovakia", "TH": "Thailand", "TN": "Tunisia",
    "TR": "Turkey", "TW": "Taiwan", "UA": "Ukraine", "UK": "United Kingdom", "US": "United States",
    "VN": "Vietnam", "WORLD": "All hosts", "ZA": "South Africa",
}
# BEA's industry heads, in lower case, and what the table calls them.
BEA_INDUSTRIES = {
    "all industries total": "All industries", "mining": "Mining", "manufacturing": "Manufacturing",
    "total manufacturing": "Manufacturing", "food": "Food", "chemicals": "Chemicals",
    "primary and fabricated metals": "Metals", "machinery": "Machinery",
    "computers and electronic products": "Computers and electronics",
    "electrical equipment, appliances, and components": "Electrical equipment",
    "transportation equipment": "Transportation equipment", "utilities": "Utilities",
    "wholesale trade": "Wholesale trade", "retail trade": "Retail trade", "information": "Information",
    "finance and insurance": "Finance and insurance",
    "finance (except depository institutions) and insurance": "Finance without banks, and insurance",
    "professional, scientific, and technical services": "Professional services", "other industries": "Other industries",
}
BEA_HOSTS = (
    "All countries", "Canada", "Austria", "Belgium", "Czech Republic", "Denmark", "Finland", "France", "Germany",
    "Greece", "Hungary", "Ireland", "Italy", "Luxembourg", "Netherlands", "Norway", "Poland", "Portugal", "Russia",
    "Spain", "Sweden", "Switzerland", "Turkey", "United Kingdom", "Argentina", "Brazil", "Chile", "Colombia",
    "Ecuador", "Peru", "Venezuela", "Costa Rica", "Honduras", "Mexico", "Panama", "Barbados", "Bermuda",
    "Dominican Republic", "United Kingdom Islands, Caribbean", "Egypt", "Nigeria", "South Africa", "Israel",
    "Saudi Arabia", "United Arab Emirates", "Australia", "China", "Hong Kong", "India", "Indonesia", "Japan",
    "Malaysia", "New Zealand", "Philippines", "Singapore", "South Korea", "Taiwan", "Thailand",
)
BEA_MARKS = ("(*)", "(D)", "n.s.", "A", "F", "G", "H", "I", "J", "K", "L", "M")
BEA_COVERAGE = ("nonbank affiliates", "before the 2014 benchmark", "since the 2014 benchmark")

WDI = "World Development Indicators"


def _wdi(indicator: str, vintage: str, *columns: str) -> Source:
    return Source(
        f"{WDI}, {indicator}", "World Bank",
        f"https://data.worldbank.org/indicator/{indicator}", CC_BY, False, vintage, columns,
    )


def _gapminder(indicator: str, vintage: str, *columns: str) -> Source:
    return Source(
        f"Systema Globalis, {indicator}", "Gapminder, from World Bank and ILOSTAT",
        "https://github.com/open-numbers/ddf--gapminder--systema_globalis", CC_BY, True, vintage, columns,
    )


YEAR = Field("year", "integer", "Calendar year", "year", required=True, minimum=1970, maximum=2026)
FILING = Source(
    "EDINET annual securities reports", "Financial Services Agency of Japan (EDINET)",
    "https://disclosure2.edinet-fsa.go.jp/", PDL, True, "filings to June 2026",
    note="Terms of EDINET read for this project; numeric facts only. Parsed copies: repositories "
    "testkun08080/edinet-wagatoushi (commit 85fd8e1) and varmil/nenshu (commit 6ffdd88).",
)
_FDI = Field(
    "fdi", "integer", "1 if the consolidated balance sheet has a non-zero translation adjustment",
    "0/1 indicator", "filer uses IFRS in some year, or no consolidated report was matched", enum=(0, 1),
)
_ACCOUNTS = (
    Field("group_employees", "integer", "Employees of the consolidated group, abroad included", "persons",
          "no consolidated report matched to this year", minimum=0),
    Field("temporary_staff", "number", "Average temporary staff of the group", "persons",
          "not stated, or no consolidated report matched", minimum=-12),
)


def _yen(name: str, title: str, missing: str = "not stated under this label, or no report matched", **kw) -> Field:
    return Field(name, "number", title, "yen", missing, **kw)


COUNTRY_PANEL = Table(
    name="country_panel",
    title="OECD-38 countries, 1970-2024",
    description="Outward and inward FDI, growth, trade, employment and population of the 38 OECD members.",
    key=("iso3", "year"),
    fields=(
        Field("iso3", "string", "ISO 3166-1 alpha-3 code", required=True, enum=OECD38),
        Field("country", "string", "Country name", required=True),
        Field("year", "integer", "Calendar year", "year", required=True, minimum=1970, maximum=2024),
        Field("conduit", "integer", "1 for LUX, IRL, NLD, CHE, HUN, BEL, ISL: FDI mostly passes through",
              "0/1 indicator", required=True, enum=(0, 1)),
        Field("fdi_out_pct_gdp", "number", "FDI, net outflows", "% of GDP", minimum=-1000, maximum=1000),
        Field("fdi_in_pct_gdp", "number", "FDI, net inflows", "% of GDP", minimum=-1000, maximum=1000),
        Field("gdp_growth_pct", "number", "Growth of real GDP", "% a year", minimum=-60, maximum=60),
        Field("exports_pct_gdp", "number", "Exports of goods and services", "% of GDP", minimum=0, maximum=400),
        Field("imports_pct_gdp", "number", "Imports of goods and services", "% of GDP", minimum=0, maximum=400),
        Field("population_15_64", "number", "Population aged 15 to 64", "persons",
              "series of the December 2024 vintage ends in 2023", minimum=0),
        Field("unemployment_pct", "number", "Unemployment (ILO modelled)", "% of labour force",
              "series starts in 1991", minimum=0, maximum=100),
        Field("employment_rate_pct", "number", "Employment over population 15+ (ILO modelled)",
              "% of population 15+", "series starts in 1991", minimum=0, maximum=100),
        Field("industry_employment_pct", "number", "Employment in industry (ILO modelled)", "% of employment",
              "series covers 1991-2023", minimum=0, maximum=100),
        Field("employment_pwt_millions", "number", "Persons engaged, PWT 10.01", "million persons",
              "PWT 10.01 ends in 2019", minimum=0),
        Field("employment_ilo_thousands", "number", "Employment 15+, ILO modelled estimates", "thousand persons",
              "series covers 1991-2023", minimum=0),
        Field("hours_per_worker", "number", "Average annual hours per person engaged, PWT 10.01", "hours a year",
              "PWT 10.01 ends in 2019", minimum=0, maximum=4000),
        Field("human_capital_index", "number", "Human capital index, PWT 10.01", "index",
              "PWT 10.01 ends in 2019", minimum=1, maximum=5),
        Field("real_gdp_musd2017", "number", "Real GDP at national prices, PWT 10.01", "million 2017 US$",
              "PWT 10.01 ends in 2019", minimum=0),
        Field("labour_share", "number", "Labour compensation over GDP, PWT 10.01", "share of GDP",
              "PWT 10.01 ends in 2019", minimum=0, maximum=1),
    ),
    sources=(
        _wdi("BM.KLT.DINV.WD.GD.ZS", "2026-02-24", "fdi_out_pct_gdp"),
        _wdi("BX.KLT.DINV.WD.GD.ZS", "2026-04-08", "fdi_in_pct_gdp"),
        _wdi("NY.GDP.MKTP.KD.ZG", "2026-04-08", "gdp_growth_pct"),
        _wdi("SL.UEM.TOTL.ZS", "2026-04-08", "unemployment_pct"),
        _wdi("SP.POP.1564.TO", "2024-12-16", "population_15_64"),
        _gapminder("exports and imports, % of GDP", "2026-02-23", "exports_pct_gdp", "imports_pct_gdp"),
        _gapminder("employment rate and industry share (ILOSTAT modelled)", "2025-12-08",
                   "employment_rate_pct", "industry_employment_pct"),
        Source("Penn World Table 10.01", "Groningen Growth and Development Centre",
               "https://www.rug.nl/ggdc/productivity/pwt/", CC_BY, False, "2023-01",
               ("employment_pwt_millions", "hours_per_worker", "human_capital_index", "real_gdp_musd2017",
                "labour_share")),
        Source("ILOSTAT EMP_2EMP_SEX_ECO_NB, modelled estimates", "International Labour Organization",
               "https://ilostat.ilo.org/data/", CC_BY, False, "2024-11", ("employment_ilo_thousands",)),
    ),
    files=("data/country/panel_wide.csv",),
    processing="OECD-38 and 1970-2024 selected, conduit flag added; nothing spliced, interpolated or filled.",
    vintage="2026-04-08",
    licence=CC_BY,
    cautions=(
        "Germany before 1991: FDI is West Germany's; PWT back-casts the united country.",
        "ILO employment is modelled; FDI is by balance of payments, net of disinvestment.",
    ),
)

FIRM_PANEL = Table(
    name="firm_panel",
    title="Japanese firms, parent and group headcount, 2017-2026",
    description="Headcount of companies that file securities reports, the filing company alone, beside their group's.",
    key=("edinet_code", "year"),
    fields=(
        Field("edinet_code", "string", "EDINET code of the filer", required=True, pattern="E[0-9]{5}"),
        Field("year", "integer", "Year of the filing; in 17 rows the fiscal year ended the year before", "year",
              required=True, minimum=2017, maximum=2026),
        Field("period_end", "date", "Last day of the fiscal year", required=True),
        Field("parent_employees", "integer", "Employees of the filing company alone", "persons",
              required=True, minimum=1),
        Field("parent_source", "string", "Part of the filing the parent's headcount was read from", required=True,
              enum=("tag", "textblock")),
        *_ACCOUNTS[:1],
        Field("temporary_staff", "number", "Average temporary staff of the group", "persons",
              "not stated, or no consolidated report matched", minimum=0),
        Field("average_pay_yen", "integer", "Average annual pay of the parent's employees", "yen a year",
              required=True, minimum=1_000_000, maximum=100_000_000),
        Field("average_age", "number", "Average age of the parent's employees", "years", required=True,
              minimum=18, maximum=75),
        _yen("sales_yen", "Group sales (Japanese accounting standards)", minimum=0),
        _yen("operating_income_yen", "Group operating income"),
        _yen("total_assets_yen", "Group total assets", minimum=0),
        _yen("translation_adjustment_yen", "Foreign-currency translation adjustment, consolidated",
             "no foreign entity, an IFRS report, or no report matched"),
        _FDI,
        Field("ifrs_ever", "integer", "1 if the filer reports under IFRS in any year", "0/1 indicator",
              "no consolidated report matched", enum=(0, 1)),
        Field("sector", "string", "TSE 33-sector, English name", required=True, enum=tuple(TSE33.values())),
        Field("listed", "integer", "1 if listed in 2026", "0/1 indicator", required=True, enum=(0, 1)),
        Field("reorganised", "integer", "1 if the filing of 2026 is marked head office only (holding company)",
              "0/1 indicator", required=True, enum=(0, 1)),
    ),
    sources=(FILING,),
    files=("data/firm_japan/jp_fdi_panel.csv.gz",),
    processing="Numeric facts kept, names and estimates of the copying repository dropped; flags recoded to 0/1; "
    "TSE sectors translated; `fdi` recomputed from the translation adjustment and refused if it differs.",
    vintage="2026-08-23",
    licence=PDL,
    cautions=(
        "Parents with fewer than 100 employees in 2026 are absent: survivors only.",
        "`fdi` is a proxy: no date, amount or destination of the investment.",
        "2019 is thin: 858 rows have no consolidated match; 2026 has none.",
        "`reorganised` is as of 2026 and repeated over a firm's rows.",
        "In 17 rows of five filers the fiscal year ended in the year before `year`; in ten of them the group's "
        "accounts end a year after the parent's.",
    ),
)

GROUP_PANEL = Table(
    name="group_panel",
    title="All 3,900 filers, group headcount and accounts, 2015-2026",
    description="Consolidated headcount and accounts of every filer in the parsed reports, survivors or not.",
    key=("edinet_code", "year"),
    fields=(
        Field("edinet_code", "string", "EDINET code of the filer", required=True, pattern="E[0-9]{5}"),
        Field("year", "integer", "Year in which the fiscal year ends", "year", required=True,
              minimum=2015, maximum=2026),
        Field("period_end", "date", "Last day of the fiscal year", required=True),
        Field("group_employees", "integer", "Employees of the consolidated group, abroad included", "persons",
              "not stated in the parsed report", minimum=0),
        Field("temporary_staff", "number", "Average temporary staff; one filer states -12, kept as filed",
              "persons", "not stated in the parsed report", minimum=-12),
        _yen("sales_yen", "Group sales (Japanese accounting standards)", minimum=0),
        _yen("sales_ifrs_yen", "Group revenue (IFRS label)", minimum=0),
        _yen("operating_income_yen", "Group operating income"),
        _yen("total_assets_yen", "Group total assets", minimum=0),
        _yen("tangible_assets_yen", "Property, plant and equipment", minimum=0),
        _yen("translation_adjustment_yen", "Foreign-currency translation adjustment, consolidated",
             "no foreign entity, or an IFRS report"),
        Field("ifrs", "integer", "1 if this year's report is under IFRS", "0/1 indicator", required=True, enum=(0, 1)),
        Field("ifrs_ever", "integer", "1 if the filer reports under IFRS in any year", "0/1 indicator",
              required=True, enum=(0, 1)),
        _FDI,
    ),
    sources=(FILING,),
    files=("data/firm_japan/edinet_annual.csv.gz",),
    processing="Numeric facts kept, names dropped; `fdi` recomputed and refused if it differs.",
    vintage="2026-06-01",
    licence=PDL,
    cautions=("2019 is thin (2,346 reports); 2015 and 2026 are fragments.",),
)

FIRM_MANAGEMENT = Table(
    name="firm_management",
    title="World Management Survey, manufacturing, 20 countries",
    description="Management scores, size, ownership and multinational status of 9,207 manufacturing firms.",
    key=("row",),
    fields=(
        Field("row", "integer", "Row number in the published file (the file has no firm id)", required=True,
              minimum=1),
        Field("country", "string", "Country of the plant", required=True),
        Field("accounts_year", "integer", "Year of the accounts data", "year", minimum=1999, maximum=2010),
        Field("management", "number", "Average of all management questions", "score 1-5", required=True,
              minimum=1, maximum=5),
        Field("monitor", "number", "Average of the monitoring questions", "score 1-5", minimum=1, maximum=5),
        Field("target", "number", "Average of the target questions", "score 1-5", minimum=1, maximum=5),
        Field("people", "number", "Average of the people-management questions", "score 1-5", minimum=1, maximum=5),
        Field("ln_employees", "number", "Natural log of firm employees as declared", "log persons", required=True,
              minimum=0, maximum=12),
        Field("export_pct", "number", "Share of production exported", "% of production",
              "question not asked in this wave or not answered", minimum=0, maximum=100),
        Field("competition", "number", "Number of competitors (10 stands for ten or more)", "firms",
              minimum=0, maximum=10),
        Field("ownership", "string", "Who owns the firm"),
        Field("mne_country", "string", "Home country of the multinational (best guess)",
              missing="not part of a multinational"),
        Field("mne_f", "integer", "1 if part of a foreign multinational", "0/1 indicator", required=True, enum=(0, 1)),
        Field("mne_d", "integer", "1 if a domestic multinational", "0/1 indicator", required=True, enum=(0, 1)),
        Field("degree_managers_pct", "number", "Managers with a college degree", "% of managers",
              minimum=0, maximum=100),
        Field("degree_others_pct", "number", "Non-managers with a college degree", "% of non-managers",
              minimum=0, maximum=100),
        Field("sic3", "integer", "US SIC 1987, three digits; 999 is unknown", required=True, minimum=200, maximum=999),
    ),
    sources=(
        Source("World Management Survey, manufacturing (AMP 2012 cut)",
               "Bloom, Lemos, Sadun, Scur and Van Reenen", "https://doi.org/10.7910/DVN/OY6CBK", "CC0-1.0", False,
               "2012", note="Copy: repository aeturrell/core_python, commit 2cd1989; licence from an index."),
    ),
    files=("data/wms/AMP_graph_manufacturing.csv",),
    processing="Embedded codebook and country-level columns dropped; row numbers added; columns renamed.",
    vintage="2012",
    licence="CC0-1.0",
    cautions=("A cross-section: no growth, no firm id; firms of 100 to 5,000 employees.",),
)

_METI = Source(
    "Basic Survey of Japanese Business Structure and Activities 2025, final report vol. 1",
    "Ministry of Economy, Trade and Industry (METI)", "https://www.meti.go.jp/statistics/tyo/kikatu/", "GJSTU-2.0",
    False, "2025 survey", note="Spreadsheets statInfId 000040464647 and 000040464645 from e-Stat.",
)

INDUSTRY_JAPAN = Table(
    name="industry_japan",
    title="Japanese industries, FY2020-FY2024",
    description="Firms, employees, sales and subsidiaries at home and overseas of 161 industry rows, firms with 50+ "
    "employees and 30 million yen capital.",
    key=("industry_code", "fiscal_year"),
    fields=(
        Field("industry_code", "string", "METI industry code; TTL and 000 are totals, letters are sectors",
              required=True),
        Field("industry", "string", "Industry name as published (Japanese)", required=True),
        Field("level", "string", "Depth of the row", required=True, enum=("total", "sector", "industry")),
        Field("fiscal_year", "integer", "Fiscal year", "year", required=True, minimum=2020, maximum=2024),
        *(Field(n, "integer", t, u, "suppressed or nil in the published table", minimum=0) for n, t, u in (
            ("firms", "Firms", "firms"), ("establishments", "Establishments", "establishments"),
            ("employees", "Employees", "persons"), ("regular_employees", "Regular employees", "persons"),
            ("sales_myen", "Sales", "million yen"))),
        *(Field(n, "integer", t, u, "suppressed or nil in the published table") for n, t, u in (
            ("value_added_myen", "Value added", "million yen"),
            ("operating_income_myen", "Operating income", "million yen"))),
        *(Field(n, "integer", t, "companies", "suppressed or nil in the published table", minimum=0) for n, t in (
            ("subsidiaries", "Subsidiaries and affiliates"), ("subsidiaries_home", "of which in Japan"),
            ("subsidiaries_overseas", "of which overseas"))),
    ),
    sources=(_METI,),
    files=("data/meti/000040464647.xls",),
    processing="Table 1 of the spreadsheet read; a level added from the code; figures as published.",
    vintage="2025 survey (FY2024)",
    licence="GJSTU-2.0",
)

INDUSTRY_CONTINUING = Table(
    name="industry_japan_continuing",
    title="Continuing Japanese firms, FY2023 against FY2024",
    description="The same 32,744 firms in two years, by sector: employees and subsidiaries at home and overseas.",
    key=("industry_code", "fiscal_year"),
    fields=(
        Field("industry_code", "string", "METI sector code; TTL and 000 are totals", required=True),
        Field("industry", "string", "Sector name as published (Japanese)", required=True),
        Field("fiscal_year", "integer", "Fiscal year", "year", required=True, enum=(2023, 2024)),
        *(Field(n, "integer", t, u, required=True, minimum=0) for n, t, u in (
            ("firms", "Firms", "firms"), ("employees", "Employees", "persons"),
            ("regular_employees", "Regular employees", "persons"), ("sales_myen", "Sales", "million yen"),
            ("subsidiaries_home", "Subsidiaries and affiliates in Japan", "companies"),
            ("subsidiaries_overseas", "Subsidiaries and affiliates overseas", "companies"))),
    ),
    sources=(_METI,),
    files=("data/meti/000040464645.xls",),
    processing="Previous and current year of the appendix table stacked; ratios dropped.",
    vintage="2025 survey (FY2024)",
    licence="GJSTU-2.0",
)

AFFILIATES_GERMANY = Table(
    name="affiliates_germany",
    title="German-controlled affiliates abroad, 2010-2023",
    description="Employees, enterprises and turnover of affiliates abroad by activity and partner (outward FATS).",
    key=("year", "indicator", "nace", "partner"),
    fields=(
        Field("year", "integer", "Calendar year", "year", required=True, minimum=2010, maximum=2023),
        Field("indicator", "string", "What is measured", required=True,
              enum=("employees", "enterprises", "turnover", "personnel_costs", "gross_investment")),
        Field("nace", "string", "Activity of the affiliate, NACE Rev. 2", required=True,
              enum=("B-S_X_O", "C", "C29_C30", "G", "K")),
        Field("partner", "string", "Country or area of the affiliate, Eurostat code", required=True),
        Field("value", "number", "Value", "persons, enterprises or million euro, see `unit`",
              "confidential or not available at Eurostat", minimum=-10_000),
        Field("unit", "string", "Unit of the value", required=True, enum=("persons", "enterprises", "million euro")),
        Field("dataset", "string", "Eurostat table", required=True, enum=("fats_out2_r2", "fats_out_activ")),
    ),
    sources=(
        Source("Outward FATS: fats_out2_r2 (2010-2020), fats_out_activ (2021-2023)", "Eurostat",
               "https://ec.europa.eu/eurostat/web/structural-business-statistics", CC_BY, False, "2026",
               note="Copy: repository plvch/turnover-vs-gdp, commit ec80b3f; Eurostat reuse policy not re-read."),
    ),
    files=("data/german_affiliates/fats_de_extract.csv", "data/german_affiliates/fats_de_extract_2021.csv"),
    processing="Two extracts stacked, indicator codes translated; values unmodified. 2021-2023 hold one activity and "
    "64 partners.",
    vintage="2026",
    licence=CC_BY,
    cautions=(
        "Levels differ from the Bundesbank's and DIHK's; never join them.",
        "In `partner` NA is Namibia (33 rows); pandas and R read it as missing unless told otherwise.",
    ),
)

_REPORTERS = (*(code for code in EUROSTAT_NAMES if code != "WORLD"),)

AFFILIATES_EUROPE = Table(
    name="affiliates_europe",
    title="Staff abroad and jobs at home, Europe's industries, 2010-2019",
    description="Persons employed by affiliates abroad that a country's firms control, beside all persons engaged at "
    "home in the same industry (23 countries, 2010-2015), and by host (26 countries, 2010-2019).",
    key=("country", "industry", "host", "year"),
    fields=(
        Field("country", "string", "Country of the ultimate controller, Eurostat code", required=True,
              enum=_REPORTERS),
        Field("country_name", "string", "Its name", required=True),
        Field("industry", "string", "Activity: a group of EU KLEMS (all hosts), or B-S_X_O, the business economy "
              "(by host); C is all manufacturing", required=True, enum=(*FATS_GROUPS, "B-S_X_O")),
        Field("host", "string", "Where the affiliates are, Eurostat code; WORLD is all hosts", required=True,
              enum=tuple(EUROSTAT_NAMES)),
        Field("host_name", "string", "Its name", required=True),
        Field("year", "integer", "Calendar year", "year", required=True, minimum=2010, maximum=2019),
        Field("employees_abroad", "integer", "Persons employed by affiliates, by the affiliate's activity", "persons",
              "confidential or not reported; a group of industries of which one part is missing", minimum=0),
        Field("employed_home_thousands", "number", "Persons engaged at home in the industry, in all firms",
              "thousand persons", "rows by host; stated for groups of industries only", minimum=0),
        Field("value_added_volume", "number", "Gross value added at home, volume",
              "index or chained value, by country: growth alone is comparable",
              "rows by host; not in the release for this country or industry"),
        Field("series_break", "integer", "1 where the figure can't be compared with the year before (Denmark 2011)",
              "0/1 indicator", required=True, enum=(0, 1)),
    ),
    sources=(
        Source("Outward FATS, fats_out2_r2 (2010-2019)", "Eurostat",
               "https://ec.europa.eu/eurostat/web/structural-business-statistics", CC_BY, False, "2022-09-29",
               ("employees_abroad",),
               note="Copy: repository sumikey/uk_services_trade_app, commit 838e68e; values unchanged as far as "
               "checked; Eurostat reuse policy not re-read."),
        Source("EU KLEMS, September 2017 release, revised July 2018", "EU KLEMS (The Conference Board)",
               "http://www.euklems.net", "free with citation, no open licence stated", False, "2018-07",
               ("employed_home_thousands", "value_added_volume"),
               note="Copy: repository erikmnielsen/Speciale-oecon, commit ed76bce; terms not re-read."),
    ),
    files=("data/fats_all/cats_fats_df.parquet", "data/fats_all/joined_fats_euklems_2010_2015.csv"),
    processing="Employment of outward FATS selected; groups of industries summed over their codes, missing where a "
    "part is missing, and refused where the sum differs from the joined file; 61 hosts kept of 250; nothing filled.",
    vintage="2022-09-29",
    licence=CC_BY,
    cautions=(
        "Denmark's affiliates double from 2010 to 2011: a break, marked in `series_break`.",
        "The United Kingdom is volatile, Belgium has gaps; the United Kingdom and Italy end in 2018.",
        "An older vintage than affiliates_germany: levels differ by about one in a hundred.",
        "Jobs at home are those of all firms of the industry, not of the investing ones.",
        "C is the sum of the groups 10-12 to 31-33: leave it out where these are used.",
        "Codes like 10-12 become dates in a spreadsheet that guesses types.",
    ),
)

US_MULTINATIONALS = Table(
    name="us_multinationals",
    title="US multinationals: parents at home, affiliates abroad, 1999-2019",
    description="Employment and pay of US parents by industry (2009-2019) and of their majority-owned affiliates "
    "abroad by industry and host (1999-2019).",
    key=("side", "industry", "host", "year"),
    fields=(
        Field("side", "string", "Who is counted", required=True, enum=("parents", "affiliates")),
        Field("industry", "string", "Industry of the parent, or of the affiliate; before 2009 by host only for all",
              required=True, enum=tuple(dict.fromkeys(BEA_INDUSTRIES.values()))),
        Field("host", "string", "Where the affiliates are; All countries for parents", required=True, enum=BEA_HOSTS),
        Field("year", "integer", "Fiscal year", "year", required=True, minimum=1999, maximum=2019),
        Field("employees_thousands", "number", "Employees", "thousand persons",
              "not published; `suppressed` says how", minimum=0),
        Field("compensation_musd", "number", "Pay and benefits of employees", "million US$",
              "not published, or rounds to zero"),
        Field("suppressed", "string", "BEA's mark in the cell of employees: (*) rounds to zero; n.s. not shown; "
              "letters are ranges (A 1-499, F 500-999, G 1,000-2,499, H 2,500-4,999, I 5,000-9,999, J 10,000-24,999, K "
              "25,000-49,999, L 50,000-99,999, M 100,000 or more)", missing="the number is published", enum=BEA_MARKS),
        Field("coverage", "string", "Who was asked: a change from one to the next is a break", required=True,
              enum=BEA_COVERAGE),
    ),
    sources=(
        Source("Activities of US Multinational Enterprises", "US Bureau of Economic Analysis",
               "https://www.bea.gov/international/di1usdop", "US-public-domain", False, "2026-03-19",
               note="Copy: repository mateosuster/productivity_measures, commit d6ac9c2."),
    ),
    files=(
        *(path for what in ("employment", "compensation employees") for path in (
            f"data/bea/all_parent/{what.replace(' ', '_')}.csv", f"data/bea/mofa/download {what} 1999 (mofa).csv",
            f"data/bea/mofa/download {what} 2009 (mofa).csv")),
        "data/bea/joined_parents_mofa_by_industry_2009_2019.csv",
    ),
    processing="Industry heads that both sides have, and countries but no regions or residuals, kept; cells that are "
    "no number left missing with BEA's mark beside them; industry totals compared with a joined file.",
    vintage="2026-03-19",
    licence="US-public-domain",
    cautions=(
        "The 2014 benchmark raised the coverage of both sides: the change from 2013 is no growth.",
        "Before 2009 banks' affiliates are left out, there is no retail trade, and utilities stand alone.",
        "Parents are by the parent's industry, affiliates by the affiliate's; mergers move both sides.",
        "All industries and Manufacturing are sums: leave them out of a regression.",
    ),
)

COUNTRY_BY_COUNTRY = Table(
    name="country_by_country_2016",
    title="Large groups by country of staff, fiscal year 2016",
    description="Employees at home and abroad of large groups with profits, from country-by-country reports: Japan's "
    "by host, seven other countries in part.",
    key=("parent_country", "partner"),
    fields=(
        Field("parent_country", "string", "Country of the ultimate parent", required=True),
        Field("partner", "string", "Country, or group of countries, where the staff is", required=True),
        Field("kind", "string", "What the row is", required=True,
              enum=("home", "abroad in all", "country", "other countries")),
        Field("employees", "integer", "Employees of sub-groups with profits", "persons", required=True, minimum=0),
        Field("tangible_assets_trillion_usd", "number", "Tangible assets", "trillion US$", "not in the extract",
              minimum=0),
        Field("groups", "integer", "Groups that report", "groups", "not in the extract", minimum=0),
    ),
    sources=(
        Source("Anonymised and aggregated country-by-country report statistics, fiscal year 2016", "OECD",
               "https://www.oecd.org/en/topics/policy-issues/tax-transparency-and-international-co-operation.html",
               "OECD-terms", False, "2020",
               note="Secondary: typed from repository eutaxobservatory/tax-deficit-simulator, commit 3c5b7dc; an "
               "extract, not a copy."),
    ),
    files=("data/oecd_cbcr/oecd_cbcr_fy2016_extract.csv",),
    processing="Columns renamed, the kind of each row added; Japan's hosts sum to the stated total or the build stops.",
    vintage="2020",
    licence="OECD-terms",
    cautions=(
        "Groups with more than 750 million euro of turnover, sub-groups with profits only.",
        "Not METI's concept, which counts affiliates of all sizes and leaves out banks: levels are not comparable.",
        "No German row.",
    ),
)

SIZE_CLASSES_GERMANY = Table(
    name="size_classes_germany",
    title="German enterprises by size class and sector, 2008-2020",
    description="Enterprises, persons employed, turnover, investment and value added by size class (Destatis 48121).",
    key=("year", "sector", "size_class", "indicator"),
    fields=(
        Field("year", "integer", "Calendar year", "year", required=True, minimum=2008, maximum=2020),
        Field("sector", "string", "NACE section, 95, or TOTAL (B-N without K, and 95)", required=True),
        Field("size_class", "string", "Size class by employees and turnover", required=True,
              enum=("micro", "small", "medium", "large", "total")),
        Field("indicator", "string", "What is measured", required=True),
        Field("value", "number", "Value", "see `unit`", "not published for this cell"),
        Field("unit", "string", "Unit of the value", required=True),
        Field("statistical_unit", "string", "Break in 2018: legal units before, EU enterprises after", required=True,
              enum=("legal unit", "enterprise")),
    ),
    sources=(
        Source("Statistics for small and medium-sized enterprises, 48121-0002", "Statistisches Bundesamt (Destatis)",
               "https://www-genesis.destatis.de/genesis/online?operation=table&code=48121-0002", "dl-de/by-2-0",
               False, "2023-02-23"),
    ),
    files=("data/germany/size_class.csv",),
    processing="Rows of Destatis 48121-0002 kept, size classes shortened, statistical unit made a column.",
    vintage="2023-02-23",
    licence="dl-de/by-2-0",
    cautions=("Classes are re-cut every year: growth of a class is not growth of its firms.",),
)

CLAIMS = Table(
    name="claims",
    title="The 129 claims of the paper",
    description="Every checkable statement of Gudorf (2013): short wording, value, state of the text; our verdict "
    "with the evidence that carries it.",
    key=("claim_id",),
    fields=(
        Field("claim_id", "string", "Id of the claim", required=True, pattern="C[0-9]{3}"),
        Field("section", "string", "Section of the paper", required=True, enum=("1", "2.1", "2.2", "3.1", "3.2",
                                                                                 "3.3", "3.4", "4")),
        Field("wording", "string", "Short wording from the paper, scrape blanks inside numbers closed", required=True),
        Field("subject", "string", "What it is about", required=True),
        Field("measure", "string", "What is measured", required=True),
        Field("value", "string", "Value as the paper gives it; ? marks a lost digit", missing="no value given"),
        Field("unit", "string", "Unit of the value", missing="a qualitative claim"),
        Field("period", "string", "Year or years", required=True),
        Field("country", "string", "Country", required=True),
        Field("population", "string", "Population it speaks of", required=True),
        Field("cited_source", "string", "Source the paper cites", required=True),
        Field("text_state", "string", "Whether the copy's text is whole", required=True,
              enum=("intact", "damaged", "restored")),
        Field("headline", "integer", "1 if the paper's argument rests on it", "0 or 1", required=True, minimum=0,
              maximum=1),
        Field("short", "string", "The claim in our own words", required=True),
        Field("verdict", "string", "What checking it gave", required=True,
              enum=("confirmed", "confirmed with limits", "corrected", "contradicted", "not checkable",
                    "damaged text")),
        Field("evidence", "string", "Ids that carry the verdict: facts, results, claims, lit:findings",
              missing="nothing at hand bears on it"),
        Field("compare", "string", "The fact, or sum of the paper's own figures, set against its number",
              missing="no single number to set against it"),
        Field("tolerance", "number", "Half-width of rounding that its wording allows", "unit of the claim", minimum=0,
              missing="nothing is compared"),
        Field("reliability", "string", "The best of what carries the verdict", required=True,
              enum=("publisher", "secondary", "own estimate", "arithmetic", "none")),
        Field("why", "string", "Why, in one sentence", required=True),
        Field("consult", "string", "What to consult to settle it", missing="settled with what is at hand"),
        Field("chapters", "string", "Pages that quote it", missing="quoted in no chapter"),
    ),
    sources=(
        Source("Japanese SMEs going global: Lessons from 'German Mittelstand' (short quotations)", "Gudorf (2013)",
               "https://studymode.com", "quotation", True, "January 2013"),
    ),
    files=("evidence/claims.csv",),
    processing="Short wordings kept; blanks that the copy put inside numbers closed. Verdicts are the book's own "
    "(data/build/verdicts.csv).",
    vintage="2026-11-26",
    licence=CC_BY,
)

OFFICIAL_FIGURES = Table(
    name="official_figures",
    title="810 official figures, by fact id",
    description="Published figures used to check the paper, each with publisher, address and how directly it was read.",
    key=("fact_id",),
    fields=(
        Field("fact_id", "string", "Id of the fact", required=True, pattern="[FGH][0-9]{4}"),
        Field("claim_id", "string", "Claim of the paper it bears on", missing="bears on no single claim"),
        Field("country", "string", "Country or area", required=True),
        Field("indicator", "string", "What is measured", required=True),
        Field("period", "string", "Year or years", missing="undated in the source read"),
        Field("breakdown", "string", "Group, size band or question", required=True),
        Field("value", "string", "Value as read", required=True),
        Field("number", "number", "The value as a number, where it is one", "see `unit`",
              "the value is words or a range"),
        Field("unit", "string", "Unit, with 'derived' or 'approximate' where it is", required=True),
        Field("exactness", "string", "How exact the value is", required=True,
              enum=("as stated", "approximate", "derived", "qualitative")),
        Field("source_title", "string", "Title of the source", required=True),
        Field("publisher", "string", "Who published it, and through whom it was read", required=True),
        Field("url", "string", "Address", required=True),
        Field("source_rank", "string", "Publisher's own page, or a restatement", required=True,
              enum=("publisher", "secondary")),
        Field("superseded_by", "string", "Fact that replaces this one", missing="not superseded"),
    ),
    sources=(Source("Pages of the publishers named in each row", "publishers named in the table by fact id",
                    "see `url`",
                    "facts, quoted with source", True, "read to 2026-11-26"),),
    files=("evidence/official.csv", "evidence/claims_evidence.csv"),
    processing="Figures kept, excerpts dropped; a numeric column and an exactness column derived from value and unit; "
    "ranks corrected as the verdict notes say. Facts H are our readings of later evidence (data/build/readings.csv), "
    "put in our words; rows that repeat a fact or only say where a source lies are left out.",
    vintage="2026-11-26",
    licence=CC_BY,
)

LITERATURE = Table(
    name="literature",
    title="166 findings from 100 studies",
    description="What published studies find on outward FDI and jobs at home, coded by design.",
    key=("finding_id",),
    fields=(
        Field("finding_id", "string", "Id of the finding", required=True),
        Field("study_key", "string", "Key of the study in references.bib", required=True),
        Field("authors", "string", "Authors", required=True),
        Field("publication_year", "integer", "Year of publication", "year", "undated", minimum=1970, maximum=2026),
        Field("country", "string", "Home country", required=True),
        Field("sector", "string", "Sector", required=True),
        Field("firm_size", "string", "Firm size the study looks at", required=True),
        Field("period", "string", "Years covered", missing="not stated in the text read"),
        Field("exposure", "string", "What is done abroad, as the study measures it", required=True),
        Field("exposure_class", "string", "Exposure, coded", required=True),
        Field("destination", "string", "Destination", required=True),
        Field("destination_class", "string", "Destination, coded", required=True),
        Field("method", "string", "Method", required=True),
        Field("method_class", "string", "Method, coded", required=True),
        Field("outcome", "string", "Outcome", required=True),
        Field("outcome_class", "string", "Outcome, coded", required=True),
        Field("sign", "string", "Sign of the finding for jobs at home; neither: a null finding",
              missing="no sign coded in the text read",
              enum=("positive", "negative", "neither", "mixed")),
        Field("magnitude", "string", "Size, as stated", missing="no number in the text read"),
        Field("basis", "string", "Part of the study that was read", required=True),
        Field("url", "string", "Address read", required=True),
    ),
    sources=(Source("Abstracts, introductions and summary pages of 100 studies",
                    "authors named in the table by study", "see `url`",
                    "facts, quoted with source", True, "read to 2026-11-22"),),
    files=("evidence/literature/estimates.csv",),
    processing="Coded columns kept, paraphrases dropped; the sign of a null finding is 'neither', which no reader "
    "takes for empty.",
    vintage="2026-11-22",
    licence=CC_BY,
)

VINTAGES = Path(__file__).with_name("vintages.json")  # what `make refresh ACCEPT=table` took over, by table


def renewed(table: Table, vintage: dict) -> Table:
    """The table with a newer vintage: its last year, its sources, and what a missing value means in it.

    `vintage` has `vintage`, `last_year`, `sources` (all of them, as of `Source`) and `missing` (by field).
    """
    last = vintage["last_year"]
    fields = [replace(f, missing=vintage["missing"].get(f.name, f.missing)) for f in table.fields]
    fields = [replace(f, maximum=last) if f.name == "year" else f for f in fields]
    title = re.sub(r"(\d{4})-\d{4}$", rf"\g<1>-{last}", table.title)
    sources = [Source(**source | {"columns": tuple(source["columns"])}) for source in vintage["sources"]]
    return replace(table, fields=tuple(fields), sources=tuple(sources), vintage=vintage["vintage"], title=title)


_ALL = (
    COUNTRY_PANEL, FIRM_PANEL, GROUP_PANEL, FIRM_MANAGEMENT, INDUSTRY_JAPAN, INDUSTRY_CONTINUING,
    AFFILIATES_GERMANY, AFFILIATES_EUROPE, US_MULTINATIONALS, COUNTRY_BY_COUNTRY, SIZE_CLASSES_GERMANY,
    CLAIMS, OFFICIAL_FIGURES, LITERATURE,
)
_ACCEPTED = json.loads(VINTAGES.read_text(encoding="utf-8"))
TABLES = tuple(renewed(table, _ACCEPTED[table.name]) if table.name in _ACCEPTED else table for table in _ALL)


def last_year(name: str) -> int:
    """The last year that a table may hold."""
    table = next(table for table in TABLES if table.name == name)
    return next(f.maximum for f in table.fields if f.name == "year")
