"""Samples of the literature: findings of published studies, and their votes."""

from __future__ import annotations

import pandas as pd

from goingglobal.samples.common import SampleError, called

# How the literature table's classes are called in words; what is not named keeps its own words.
SIGNS = ("negative", "neither", "positive")
DESTINATIONS = {"all / not split": "All, not split", "low-wage / Asia / CEE": "Low-wage", "high-wage": "High-wage"}
METHODS = {
    "matching / matched DiD / event study": "Matching, event study",
    "IV / selection model / DiD": "Instruments, selection",
    "firm regression": "Firm regression", "labour demand among MNEs": "Labour demand",
    "industry / regional": "Industry, region", "accounting / correlation": "Accounting",
    "raw comparison / survey": "Raw, survey", "literature survey": "Survey of studies",
}
SIZES = {"SME": "Small firms", "all (many": "All, many small", "large": "Large firms"}  # by how the words begin
NATIONS = {"Korea": "Korea, Taiwan", "Taiwan": "Korea, Taiwan"} | {
    name: name for name in ("Japan", "Germany", "United States", "Italy", "France")}


def study_names(literature: pd.DataFrame) -> pd.Series:
    """“Ando and Kimura 2007”, “Barba Navaretti et al. 2010”: the study of each finding, as short as it can be cited."""
    def short(authors: str, year: float) -> str:
        names = [author.split(",")[0].strip() for author in authors.split(";")]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        who = "Author not shown" if who.startswith("(") else who
        return f"{who} {'n.d.' if pd.isna(year) else int(year)}"

    pairs = zip(literature["authors"], literature["publication_year"], strict=True)
    return pd.Series([short(*pair) for pair in pairs], index=literature.index)


def findings(literature: pd.DataFrame, outcome: str | None = "employment") -> pd.DataFrame:
    """Findings with a sign, one row each, with groups to count by and 0/1 columns to regress on.

    `literature` is the table of that name; `outcome`, one class of outcomes, or None for all. Left out: mixed signs,
    and surveys of studies, which would count studies twice. `sign` becomes an ordered categorical (negative < neither <
    positive). Groups, in words: study, destination, method, country, size, outcome, exposure. Columns of 0 and 1:
    `low_wage`, `high_wage` (destination), `design` (matching, event study, instruments, selection, difference in
    differences), `japan`, `germany` (home, alone or with others), `sme`, `industry` (industry or region as the unit).
    Raises `SampleError` for a class of outcomes that is not there.
    """
    rows = literature[literature["sign"].isin(SIGNS) & (literature["method_class"] != "literature survey")]
    rows = rows if outcome is None else rows[rows["outcome_class"] == outcome]
    size = pd.Series("All sizes", index=rows.index)
    for start, words in SIZES.items():
        size = size.mask(rows["firm_size"].str.startswith(start), words)
    out = rows[["finding_id", "study_key", "url"]].assign(
        study=study_names(rows), sign=pd.Categorical(rows["sign"], SIGNS, ordered=True),
        destination=rows["destination_class"].map(DESTINATIONS).fillna("Several, contrasted"),
        method=rows["method_class"].map(METHODS), country=rows["country"].map(NATIONS).fillna("Others, several"),
        size=size, outcome=rows["outcome_class"], exposure=rows["exposure_class"],
    )
    flags = {
        "low_wage": out["destination"] == "Low-wage", "high_wage": out["destination"] == "High-wage",
        "design": out["method"].isin(["Matching, event study", "Instruments, selection"]),
        "japan": rows["country"].str.contains("Japan"), "germany": rows["country"].str.contains("Germany"),
        "sme": size == "Small firms", "industry": out["method"] == "Industry, region",
    }
    out = out.assign(**{name: flag.astype(int) for name, flag in flags.items()})
    return called(out, f"findings on {outcome or 'any outcome'} with a sign, without surveys of studies")


def votes(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """Findings and studies by sign, one row per group of the column `by`, in order of size.

    `frame` comes from `findings`. Columns: group; negative, neither, positive, findings (their sum); and the same for
    studies, with one vote each: the sign that most of its findings *in the group* have (`studies_negative`, …), or
    `studies_divided` where two signs are equally frequent; `studies`. Raises `SampleError` for an unknown column.
    """
    if by not in frame:
        raise SampleError(f"sample {frame.attrs.get('sample')!r}: no column {by!r} to count by")
    rows = []
    for group, cell in frame.groupby(by, observed=True):
        modes = cell.groupby("study_key")["sign"].agg(lambda signs: "/".join(signs.astype(str).mode()))
        one = {f"studies_{sign}": int((modes == sign).sum()) for sign in SIGNS}
        rows.append({"group": group, **{sign: int((cell["sign"] == sign).sum()) for sign in SIGNS},
                     "findings": len(cell), **one, "studies_divided": len(modes) - sum(one.values()),
                     "studies": len(modes)})
    return called(pd.DataFrame(rows).sort_values("findings", ascending=False, kind="stable"),
                  f"{frame.attrs.get('sample')}, counted by {by}")
