"""Official figures over time: every point stands in the table, breaks and missing years are never joined."""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from conftest import ROOT

from goingglobal import charts, load, samples, theme
from goingglobal.samples import SampleError, published
from goingglobal.samples.published import OFFICIAL_SERIES

LINES = [(chapter, line) for chapter, lines in OFFICIAL_SERIES.items() for line in lines]
# Where the sources say that sample, question or coverage changes: line, last year before, first year after.
BREAKS = [
    ("introduction", "METI's survey", 2011, 2012), ("introduction", "all industries", 2011, 2013),
    ("introduction", "manufacturing", 2011, 2014), ("introduction", "all manufacturers (METI)", 2011, 2015),
    ("introduction", "of firms with 50+ staff", 2020, 2021), ("introduction", "listed (Cabinet Office)", 2021, 2022),
    *[("sme-role", "all asked", last, last + 1) for last in (2010, 2012, 2013, 2015, 2017)],
    ("sme-role", "SMEs", 2010, 2011), ("sme-role", "SMEs", 2012, 2013), ("sme-role", "asked by JFC", 2012, 2023),
    ("sme-role", "manufacturing, 4+ staff", 2011, 2013), ("sme-role", "export (VAT register)", 2019, 2020),
]  # fmt: skip


@pytest.fixture(scope="module")
def facts() -> pd.DataFrame:
    return load("official_figures")


@pytest.fixture(scope="module")
def drawn(facts):
    """Per chapter its frame and, by panel, the axes."""
    theme.use()
    found = {}
    for chapter in OFFICIAL_SERIES:
        data = samples.official_series(facts, chapter)
        fig = charts.official_series(data, {}, 2012.5, "the paper")
        found[chapter] = data, dict(zip(dict.fromkeys(data["panel"]), fig.axes, strict=False))
    yield found
    plt.close("all")


def of(drawn, chapter, line):
    data, axes = drawn[chapter]
    rows = data[data["line"] == line].sort_values("year")
    ax = axes[rows["panel"].iloc[0]]
    runs = [list(zip(artist.get_xdata(), artist.get_ydata(), strict=True)) for artist in ax.lines
            if artist.get_label() == line]  # fmt: skip
    return rows, ax, runs


def ids(chapter, line):
    return [(segment, fact) for segment, facts in OFFICIAL_SERIES[chapter][line][3] for fact in facts]


@pytest.fixture
def alone(monkeypatch):
    """A series of one's own: `alone(ids…)` is drawn from a given table."""
    def use(table, *fact_ids, country="Japan"):
        series = {"page": {"line": ("Panel", "%", country, (("one way", fact_ids),))}}
        monkeypatch.setattr(published, "OFFICIAL_SERIES", series)
        return samples.official_series(table, "page")
    return use


# --------------------------------------------------------------------------------------------------- the sample
@pytest.mark.parametrize(("chapter", "line"), LINES)
def test_every_point_is_a_row_of_the_table(facts, chapter, line):
    table = facts.set_index("fact_id")
    rows = samples.official_series(facts, chapter).query("line == @line")
    assert list(rows["fact_id"]) == [fact for _, fact in ids(chapter, line)]
    for row in rows.itertuples():
        fact = table.loc[row.fact_id]
        assert pd.isna(fact["superseded_by"]), row.fact_id
        assert (str(row.year), row.value, row.exactness, row.rank, row.country) == (
            fact["period"], fact["number"], fact["exactness"], fact["source_rank"], fact["country"])  # fmt: skip
        assert row.exactness == "derived" or str(fact["number"]).removesuffix(".0") in fact["value"] or float(
            fact["value"]) == row.value  # fmt: skip


@pytest.mark.parametrize(("chapter", "line"), LINES)
def test_years_rise_within_a_segment_and_from_one_to_the_next(facts, chapter, line):
    years = samples.official_series(facts, chapter).query("line == @line")["year"]
    assert years.is_monotonic_increasing
    assert years.is_unique


def test_no_fact_is_drawn_twice():
    used = [fact for chapter, line in LINES for _, fact in ids(chapter, line)]
    assert len(used) == len(set(used)) == 128


def test_publishers_own_figure_is_taken_where_both_exist(facts):
    """Same indicator, group and year: no secondary row while the publisher's stands in the table."""
    table = facts[facts["superseded_by"].isna() & facts["number"].notna()].set_index("fact_id")
    own = table[table["source_rank"] == "publisher"]
    taken = pd.concat([samples.official_series(facts, chapter) for chapter in OFFICIAL_SERIES])
    for fact_id in taken.loc[taken["rank"] == "secondary", "fact_id"]:
        fact = table.loc[fact_id]
        key = ["indicator", "breakdown", "period"]
        same = own[(own[key] == fact[key]).all(axis=1)]
        assert same.empty, fact_id


@pytest.mark.parametrize(("chapter", "line", "last", "first"), BREAKS)
def test_known_breaks_split_the_segments(facts, chapter, line, last, first):
    rows = samples.official_series(facts, chapter).query("line == @line").set_index("year")
    assert rows.loc[last, "segment"] != rows.loc[first, "segment"]


def test_census_and_basic_survey_are_two_lines(facts):
    data = samples.official_series(facts, "sme-role").set_index("fact_id")
    for census, survey in (("F0136", "F0133"), ("F0318", "F0303")):
        assert data.loc[census, "panel"] == data.loc[survey, "panel"]
        assert data.loc[census, "line"] != data.loc[survey, "line"]


# ---------------------------------------------------------------------------------------------------- refusals
def test_refuses_an_unknown_chapter(facts):
    with pytest.raises(SampleError, match=r"'barriers': expected one of \['introduction', 'sme-role'\]"):
        samples.official_series(facts, "barriers")


@pytest.mark.parametrize(("fact_ids", "country", "fault"), [
    (("F0458", "F9999"), "Germany", "no fact 'F9999'"), (("F0019",), "Japan", "superseded by 'F0566'"),
    (("F0140", "F0148"), "Japan", r"two facts for one year, \[2007, 2007\]"),
    (("F0167",), "Japan", "is no number"), (("F0298",), "Japan", "'1997-2019' is no single year"),
    (("F0458",), "Japan", "about Germany, not Japan"),
    (("F0458", "F0381"), "Germany", r"facts in different units, \['%', 'bn euro'\]"),
])  # fmt: skip
def test_refuses_what_is_no_series(alone, facts, fact_ids, country, fault):
    with pytest.raises(SampleError, match=fault):
        alone(facts, *fact_ids, country=country)


def test_value_comes_from_the_table(alone, facts):
    changed = facts.assign(number=facts["number"].mask(facts["fact_id"] == "F0458", 12.5))
    assert list(alone(changed, "F0457", "F0458", country="Germany")["value"]) == [43, 12.5]


def test_one_unit_may_be_derived(alone, facts):
    """“million persons (derived …)” and “million persons” are one unit."""
    assert len(alone(facts, "F0027", "F0028")) == 2


# ---------------------------------------------------------------------------------------------------- the chart
@pytest.mark.parametrize(("chapter", "line"), LINES)
def test_lines_join_successive_years_of_one_segment_only(drawn, chapter, line):
    rows, _, runs = of(drawn, chapter, line)
    segment = rows.set_index("year")["segment"]
    for run in runs:
        years = [year for year, _ in run]
        assert years == list(range(years[0], years[0] + len(years)))
        assert segment.loc[years].nunique() == 1
    assert sorted(point for run in runs for point in run) == sorted(zip(rows["year"], rows["value"], strict=True))


@pytest.mark.parametrize(("chapter", "line", "missing"), [
    ("introduction", "METI's survey", 2017), ("introduction", "industrial firms", 2022),
    ("introduction", "industrial firms", 2005), ("sme-role", "all SMEs (KfW)", 2018),
])  # fmt: skip
def test_a_missing_year_is_a_gap(drawn, chapter, line, missing):
    rows, _, runs = of(drawn, chapter, line)
    assert missing not in set(rows["year"])
    assert rows["year"].min() < missing < rows["year"].max()
    assert all(max(run)[0] < missing or min(run)[0] > missing for run in runs)


@pytest.mark.parametrize(("chapter", "line", "last", "first"), BREAKS)
def test_a_break_is_not_joined_and_has_its_tick(drawn, chapter, line, last, first):
    _, ax, runs = of(drawn, chapter, line)
    assert not any({last, first} <= {year for year, _ in run} for run in runs)
    assert last + 0.5 in {mark.get_xdata()[0] for mark in ax.lines if mark.get_label() == "_break"}


def test_filled_marks_are_the_publishers_own(drawn):
    filled = {True: [], False: []}
    for data, axes in drawn.values():
        own = (data["rank"] == "publisher") & (data["exactness"] == "as stated")
        for panel, ax in axes.items():
            here = {True: [], False: []}
            for marks in [line for line in ax.lines if line.get_label() == "_marks"]:
                here[marks.get_markerfacecolor() != "none"] += zip(marks.get_xdata(), marks.get_ydata(), strict=True)
            for flag, points in here.items():
                rows = data[(data["panel"] == panel) & (own == flag)]
                assert sorted(points) == sorted(zip(rows["year"], rows["value"], strict=True)), panel
                filled[flag] += points
    assert len(filled[True]) >= 30
    assert len(filled[False]) >= 60


def test_every_panel_marks_the_paper_and_starts_at_zero(drawn):
    for _, axes in drawn.values():
        for ax in axes.values():
            assert [line.get_xdata()[0] for line in ax.lines if line.get_label() == "_mark"] == [2012.5]
            assert ax.get_ylim()[0] == 0
            assert ax.figure.get_figwidth() == 7.2


def test_lines_of_a_panel_differ_without_colour(drawn):
    for data, axes in drawn.values():
        for panel, ax in axes.items():
            lines = dict.fromkeys(data.loc[data["panel"] == panel, "line"])
            shapes = {marks.get_marker() for marks in ax.lines if marks.get_label() == "_marks"}
            assert len(shapes) == len(lines)
            assert set(data.loc[data["panel"] == panel, "country"]) in ({"Japan"}, {"Germany"})


@pytest.mark.parametrize("chapter", list(OFFICIAL_SERIES))
def test_chapter_names_every_line_that_shares_a_panel(drawn, chapter):
    page = {"sme-role": "appendix/published"}.get(chapter, chapter)  # what that chapter's figure moved to
    cells = json.loads((ROOT / "book" / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = next("".join(c["source"]) for c in cells if c["id"] == f"{page.rpartition('/')[2]}-official-figure")
    data, _ = drawn[chapter]
    shared = data.groupby("panel")["line"].transform("nunique") > 1
    assert [line for line in data.loc[shared, "line"].unique() if f'"{line}": (' not in code] == []
