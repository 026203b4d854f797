"""Tables of published figures: size bands, official series, surveys on barriers, dated programmes."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from goingglobal.samples.common import SampleError, called

# Fact ids of the bands that the published size gradients consist of; bounds come from the rows' own text.
TURNOVER_FACTS = {
    "Japan, direct exports": ("F0012", "F0009", "F0011", "F0010"),
    "Japan, indirect exports": ("F0097", "F0094", "F0096", "F0095"),
    "Germany, exports": ("F0445", "F0447", "F0444"),
}
EMPLOYEE_FACTS = {
    "Japan, exports": ("F0320", "F0316", "F0315"),
    "EU, exports": ("F0337", "F0338", "F0336"),
}
EU_BANDS = {"micro": (1.0, 9.0), "small": (10.0, 49.0), "medium-sized": (50.0, 249.0)}
CLAIM_BANDS = {"C064": (41, 50), "C063": (101, 200), "C062": (401, 500)}


def _bounds(text: str, open_factor: float) -> tuple[float, float]:
    """Bounds of a band from its words; an open end lies `open_factor` times beyond the other."""
    body = re.sub(r"\(n=.*?\)|;.*", "", text)
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", body)]
    if "below" in body or "<" in body:
        return numbers[0] / open_factor, numbers[0]
    if "+" in body:
        return numbers[0], numbers[0] * open_factor
    if len(numbers) < 2:
        raise SampleError(f"band {text!r}: two bounds expected")
    return max(numbers[0], 1.0), numbers[1]


def turnover_bands(facts: pd.DataFrame, open_factor: float = 10.0) -> pd.DataFrame:
    """Published shares of exporting firms by turnover band.

    `facts` is the table `official_figures`; `open_factor` closes an open band (a band "below 1" becomes
    0.1 to 1 with the default of 10). Columns: series, fact_id, lower, upper and size (their geometric
    mean) in billion yen (Japan) or million euro (Germany), share (0–1), n (firms asked; missing where
    the source does not say), source_rank. Raises `SampleError` for a band without bounds.
    """
    rows = []
    table = facts.set_index("fact_id")
    for series, ids in TURNOVER_FACTS.items():
        for fact_id in ids:
            fact = table.loc[fact_id]
            lower, upper = _bounds(fact["breakdown"], open_factor)
            asked = re.search(r"n=([\d,]+)", fact["breakdown"])
            rows.append({"series": series, "fact_id": fact_id, "lower": lower, "upper": upper,
                         "size": float(np.sqrt(lower * upper)), "share": fact["number"] / 100,
                         "n": float(asked[1].replace(",", "")) if asked else np.nan,
                         "source_rank": fact["source_rank"]})
    return called(pd.DataFrame(rows), "published shares by turnover band")


def employee_bands(facts: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Published shares of exporters by employee band, and the paper's own three bands.

    Columns as in `turnover_bands`, sizes in employees; the paper's rows (claims C062–C064) carry their claim
    id in `fact_id` and "paper" as rank. EU bands are named, not numbered, in the source: the EU
    definition is assumed.
    """
    rows = []
    table = facts.set_index("fact_id")
    for series, ids in EMPLOYEE_FACTS.items():
        for fact_id in ids:
            fact = table.loc[fact_id]
            named = EU_BANDS.get(fact["breakdown"])
            lower, upper = named or _bounds(fact["breakdown"], 10.0)
            rows.append({"series": series, "fact_id": fact_id, "lower": lower, "upper": upper,
                         "share": fact["number"] / 100, "source_rank": fact["source_rank"]})
    values = claims.set_index("claim_id")["value"]
    for claim_id, (lower, upper) in CLAIM_BANDS.items():
        share = float(re.match(r"[\d.]+", values[claim_id])[0]) / 100
        rows.append({"series": "Japan, as the paper says", "fact_id": claim_id, "lower": lower, "upper": upper,
                     "share": share, "source_rank": "paper"})
    out = pd.DataFrame(rows)
    out["size"] = np.sqrt(out["lower"] * out["upper"])
    return called(out, "published shares by employee band")


# Official figures long enough to draw: chapter → line → (panel, unit, country, segments). A segment holds what one
# survey counted in one way; where the sample, the question or the coverage changed, the next segment begins. Of two
# facts for one year the publisher's own is taken. Left out, with reasons, in the notes of the figures.
OFFICIAL_SERIES = {
    "introduction": {
        "METI's survey": ("Affiliates abroad, Japan", "number", "Japan", (
            ("to FY2011", ("F0147", "F0140", "F0149", "F0150", "F0151", "F0152")),
            ("from FY2012, wider coverage",
             ("F0153", "F0154", "F0155", "F0156", "F0141", "F0142", "F0143", "F0144", "F0145")))),
        "of firms with 50+ staff": ("Affiliates abroad, Japan", "number", "Japan", (
            ("FY2020, fewer firms reached", ("F0597",)),
            ("from FY2021", ("F0598", "F0599", "F0600", "F0601")))),
        "all industries": ("Their employees, Japan", "million", "Japan", (
            ("to FY2011", ("F0027", "F0028", "F0029", "F0030")),
            ("from FY2012, wider coverage",
             ("F0031", "F0032", "F0033", "F0034", "F0035", "F0036", "F0037", "F0038", "F0039")))),
        "manufacturing": ("Their employees, Japan", "million", "Japan", (
            ("to FY2011", ("F0040",)), ("from FY2012, wider coverage", ("F0041", "F0042", "F0043", "F0044")))),
        "all manufacturers (METI)": ("Production abroad, Japan", "%", "Japan", (
            ("to FY2011", ("F0187", "F0188", "F0189", "F0190", "F0191", "F0192", "F0193")),
            ("from FY2012, wider coverage", ("F0194", "F0195", "F0196", "F0197")))),
        "listed (Cabinet Office)": ("Production abroad, Japan", "%", "Japan", (
            ("actual", ("F0174", "F0175", "F0176", "F0177", "F0178", "F0179", "F0180", "F0181", "F0182", "F0183",
                        "F0184")),
            ("expected", ("F0185",)))),
        "industrial firms": ("Plan to invest abroad (DIHK), Germany", "%", "Germany", (
            ("all sizes", ("F0454", "F0455", "F0456", "F0457", "F0458", "F0459", "F0460", "F0461", "F0462", "F0463",
                           "F0464", "F0465", "F0466", "F0467", "F0468", "F0469")),)),
    },
    "sme-role": {
        "manufacturing, 4+ staff": ("Exporting SMEs, Japan", "number", "Japan", (
            ("White Paper 2014", ("F0135", "F0136")), ("White Paper 2016", ("F0134",)))),
        "all industries, 50+ staff": ("Exporting SMEs, Japan", "number", "Japan", (("Basic Survey", ("F0133",)),)),
        "50+ staff": ("SMEs that export, Japan", "%", "Japan", (
            ("Basic Survey", ("F0303", "F0305", "F0304")),)),
        "manufacturing SMEs, 4+ staff": ("SMEs that export, Japan", "%", "Japan", (
            ("White Paper 2012", ("F0317",)), ("White Paper 2016", ("F0318",)))),
        "clients of Shoko Chukin": ("SMEs with business abroad, Japan", "%", "Japan", (
            ("its survey", ("F0235", "F0233", "F0234")),)),
        "asked by JFC": ("SMEs with business abroad, Japan", "%", "Japan", (
            ("FDI, outsourcing, exports", ("F0238",)), ("and e-commerce", ("F0239",)))),
        "all asked": ("Plan to expand abroad (JETRO), Japan", "%", "Japan", (
            ("members only", ("F0070", "F0071")), ("FY2012 release", ("F0067", "F0068")),
            ("FY2013 survey", ("F0069",)), ("FY2015 release", ("F0518", "F0519")),
            ("FY2017 release", ("F0525", "F0526")), ("with new entrants", ("F0059", "F0060")))),
        "SMEs": ("Plan to expand abroad (JETRO), Japan", "%", "Japan", (
            ("members only", ("F0063", "F0064")), ("FY2012 release", ("F0065", "F0066")),
            ("changed definition", ("F0061", "F0062")))),
        "firms with bases abroad": ("Plan to expand abroad (JETRO), Japan", "%", "Japan", (
            ("FY2022 survey", ("F0082", "F0083", "F0084", "F0085")),)),
        "export (VAT register)": ("SMEs that export, Germany", "%", "Germany", (
            ("to 2019", ("F0476", "F0486", "F0487", "F0430")), ("from 2020, higher threshold", ("F0431", "F0497")))),
        "sell abroad (KfW)": ("SMEs that export, Germany", "%", "Germany", (
            ("KfW panel", ("G0087", "F0435", "F0436")),)),
        "all SMEs (KfW)": ("Sales abroad of German SMEs", "billion euro", "Germany", (
            ("KfW panel", ("F0381", "G0088", "G0089", "G0090", "F0382", "F0383", "F0384")),)),
    },
}


def official_series(facts: pd.DataFrame, chapter: str) -> pd.DataFrame:
    """The series of `OFFICIAL_SERIES` that a chapter draws, one row per year and line.

    `facts` is the table `official_figures`. Columns: panel, line, segment (what is comparable), year (the fiscal or
    calendar year that the row's period names), value, unit, exactness, rank, fact_id, country. Raises `SampleError`
    for an unknown chapter, an id that is missing or superseded, a period that is no single year, a value that is no
    number, a fact of another country, units that differ within a line, and a second fact for a year of a line.
    """
    if chapter not in OFFICIAL_SERIES:
        raise SampleError(f"chapter {chapter!r}: expected one of {sorted(OFFICIAL_SERIES)}")
    table = facts.set_index("fact_id")
    rows = []
    for line, (panel, unit, country, segments) in OFFICIAL_SERIES[chapter].items():
        mine = [{**_dated(table, line, country, fact_id), "panel": panel, "line": line, "segment": segment,
                 "unit": unit} for segment, ids in segments for fact_id in ids]
        for field, fault in (("year", "two facts for one year"), ("stated_unit", "facts in different units")):
            values = [row.pop(field) if field == "stated_unit" else row[field] for row in mine]
            wrong = len(set(values)) != (len(values) if field == "year" else 1)
            if wrong:
                raise SampleError(f"series {line!r}: {fault}, {sorted(values)}")
        rows += mine
    columns = ["panel", "line", "segment", "year", "value", "unit", "exactness", "rank", "fact_id", "country"]
    return called(pd.DataFrame(rows)[columns], f"official figures over time, {chapter}")


def _dated(table: pd.DataFrame, line: str, country: str, fact_id: str) -> dict:
    """One official figure with its year, or the reason why it can't stand in a series."""
    if fact_id not in table.index:
        raise SampleError(f"series {line!r}: no fact {fact_id!r}")
    fact, faults = table.loc[fact_id], []
    if isinstance(fact["superseded_by"], str):
        faults.append(f"superseded by {fact['superseded_by']!r}")
    if not re.fullmatch(r"(?:19|20)\d\d", str(fact["period"])):
        faults.append(f"period {fact['period']!r} is no single year")
    if pd.isna(fact["number"]):
        faults.append(f"value {fact['value']!r} is no number")
    if fact["country"] != country:
        faults.append(f"about {fact['country']}, not {country}")
    if faults:
        raise SampleError(f"series {line!r}, fact {fact_id!r}: {'; '.join(faults)}")
    return {"year": int(fact["period"]), "value": float(fact["number"]), "exactness": fact["exactness"],
            "rank": fact["source_rank"], "fact_id": fact_id, "country": country,
            "stated_unit": re.sub(r"\s*\(.*\)$", "", fact["unit"])}


# What surveys found about barriers: survey, short name of the answer, and the claim or fact that carries it.
BARRIERS = (
    ("Exporters, 2011 (as the paper says)", "Customers and a reliable partner", "C066"),
    ("Exporters, 2011 (as the paper says)", "Reserves or prospect of profit", "C067"),
    ("Firms with bases abroad, 2011 (as the paper says)", "Financial reserves", "C068"),
    ("Firms with bases abroad, 2011 (as the paper says)", "Law and business practice", "C069"),
    ("Firms with bases abroad, 2011 (as the paper says)", "Customers and partners", "C070"),
    ("All respondents, 2011 (as the paper says)", "Knowing local needs", "C071"),
    ("All respondents, 2011 (as the paper says)", "Finance or credit", "C073"),
    ("Gave up investing, 2010 (as the paper says)", "People at home", "C074"),
    ("Exporters, 2011 (White Paper)", "Local needs and marketing", "F0048"),
    ("Not abroad, 2012 (Shoko Chukin)", "Demand at home suffices", "F0208"),
    ("Not abroad, 2018 (Shoko Chukin)", "Demand at home suffices", "F0209"),
    ("Not abroad, 2018 (Shoko Chukin)", "No people to start", "F0210"),
    ("Not abroad, 2018 (Shoko Chukin)", "Keeping jobs at home first", "F0211"),
    ("Planning or interested, 2023 (JFC)", "No suitable people", "F0004"),
    ("Planning or interested, 2023 (JFC)", "No sales channels", "F0002"),
    ("Planning or interested, 2023 (JFC)", "Demand abroad unknown", "F0003"),
)


def barrier_surveys(facts: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """What firms named as conditions, difficulties or reasons, one row per answer.

    Columns: survey, answer, wording (the source's or the paper's), base, period, said (as printed), value (%, the
    number in it), evidence (fact or claim id), rank (publisher, secondary, or "paper" for a claim). Surveys differ in
    question and base and are never one series. Raises `SampleError` where a row holds no number.
    """
    by_fact, by_claim = facts.set_index("fact_id"), claims.set_index("claim_id")
    rows = []
    for survey, answer, evidence in BARRIERS:
        ours = evidence in by_fact.index
        if not ours and evidence not in by_claim.index:
            raise SampleError(f"barrier {answer!r}: {evidence!r} is neither a fact nor a claim")
        row = by_fact.loc[evidence] if ours else by_claim.loc[evidence]
        said = str(row["value"])
        number = re.search(r"\d+(?:\.\d+)?", said)
        if number is None and "one third" not in said:
            raise SampleError(f"barrier {answer!r}: no number in {said!r} of {evidence}")
        rows.append({
            "survey": survey, "answer": answer, "wording": row["indicator"] if ours else row["wording"],
            "base": row["breakdown"] if ours else row["population"], "period": str(row["period"]), "said": said,
            "value": float(number[0]) if number else 100 / 3, "evidence": evidence,
            "rank": row["source_rank"] if ours else "paper"})
    return called(pd.DataFrame(rows), "answers on barriers, by survey")


# What the sources date: country, label, kind, and the claim or fact that carries it. Years are read from the rows.
PROGRAMMES = (
    ("Germany", "Foreign trade fair programme", "trade fairs", "F0375"),
    ("Japan", "JETRO founded", "information and advice", "C084"),
    ("Japan", "SMRJ founded", "information and advice", "C085"),
    ("Japan", "Career programme for foreign students", "people", "F0006"),
    ("Japan", "Public lenders merged into the JFC", "finance", "F0207"),
    ("Japan", "METI scheme for ventures in Asia", "information and advice", "F0001"),
    ("Japan", "Conference on Supporting SMEs", "information and advice", "F0557"),
    ("Japan", "Framework of support adopted", "information and advice", "F0554"),
    ("Japan", "First budget lines for SMEs abroad", "finance", "F0555"),
    ("Japan", "JBIC fund and dollar facility", "finance", "F0098"),
    ("Japan", "METI internships abroad", "people", "F0118"),
    ("Japan", "SME financing act ends", "finance", "C105"),
    ("Japan", "JFC overseas expansion loans", "finance", "F0107"),
    ("Japan", "New Export Nation Consortium", "information and advice", "F0126"),
    ("Germany", "Fair programme: SME exhibitors counted", "trade fairs", "F0368"),
    ("Germany", "Fair programme: budget on record", "trade fairs", "F0369"),
    ("Germany", "Fair programme: evaluation", "trade fairs", "F0373"),
)


def programmes(facts: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """The dated support programmes of both countries, in order of the first year the source gives.

    Columns: country, programme, kind, year, detail (the source's words), evidence (fact or claim id), rank
    (publisher, secondary, or "paper" for a claim). The year is read from the row, never typed. Raises
    `SampleError` for an unknown id and a row without a year.
    """
    by_fact, by_claim = facts.set_index("fact_id"), claims.set_index("claim_id")
    rows = []
    for country, programme, kind, evidence in PROGRAMMES:
        if evidence not in by_fact.index and evidence not in by_claim.index:
            raise SampleError(f"programme {programme!r}: {evidence!r} is neither a fact nor a claim")
        if evidence in by_fact.index:
            row, rank = by_fact.loc[evidence], by_fact.loc[evidence, "source_rank"]
            dated, detail = str(row["period"]), f"{row['breakdown']}: {row['value']} {row['unit']}"
        else:
            row, rank = by_claim.loc[evidence], "paper"
            dated, detail = str(row["value"]), str(row["wording"])
        year = re.search(r"(?:19|20)\d\d", dated)
        if year is None:
            raise SampleError(f"programme {programme!r}: no year in {dated!r} of {evidence}")
        rows.append({"country": country, "programme": programme, "kind": kind, "year": int(year[0]),
                     "detail": detail, "evidence": evidence, "rank": rank})
    return called(pd.DataFrame(rows).sort_values(["year", "country"]), "dated support programmes")
