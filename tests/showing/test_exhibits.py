"""Figures and tables: nothing lacks a part, the picture is the same every time, tables of estimates."""

from __future__ import annotations

import json
import re
import warnings
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
import seaborn.objects as so
from made import estimate

from goingglobal import exhibits, theme
from goingglobal.exhibits import ExhibitError

DATA = pd.DataFrame({"year": [2000, 2001], "jobs": [1.0, 2.5]})
CAPTION = "Jobs rise from one million to two and a half million in one year."
ALT = 'A line with two points that rises from one in 2000 to two and a half in 2001, with "quotes" & <signs>.'


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    """What would have gone to the notebook."""
    caught: list[dict] = []
    monkeypatch.setattr(exhibits, "_show", caught.append)
    return caught


def draw(label: str = "0.1234"):
    """A figure with everything that the chapters use: line, markers, band, zero line, legend, texts, two panels."""
    fig, axes = plt.subplots(1, 2)
    for ax, (name, colour) in zip(axes, list(theme.COLOURS.items())[:2], strict=True):
        ax.plot(DATA["year"], DATA["jobs"], "o-", color=colour, label=name)
        theme.band(ax, DATA["year"], DATA["jobs"] - 1, DATA["jobs"] + 1, theme.COLOURS["accent"])
        theme.zero_line(ax)
        theme.direct_label(ax, 2001, 2.5, name, colour)
        ax.annotate(label, (2000, 1), color=theme.MUTED)
        ax.legend()
    return fig


ROWS = pd.DataFrame({"name": ["one", "two", "three"], "value": [1.0, 2.5, 2.0], "low": [0.5, 2.0, 1.0],
                     "high": [1.5, 3.0, 3.0], "who": ["parent", "group", "parent"]})


# One plot of each kind that an exhibit takes.
PLOTS = {
    "Figure": draw, "Axes": lambda: sns.scatterplot(ROWS, x="value", y="low"),
    "Plot": lambda: so.Plot(ROWS, x="value", y="name", xmin="low", xmax="high", color="who").add(so.Dot()).add(
        so.Range(), orient="y").scale(color=theme.COLOURS),
    "FacetGrid": lambda: sns.relplot(
        ROWS, x="value", y="low", col="who", hue="who", palette=theme.COLOURS, legend=False),
    "JointGrid": lambda: sns.jointplot(ROWS, x="value", y="low"),
    "PairGrid": lambda: sns.pairplot(ROWS, vars=["value", "low"]),
}


@pytest.mark.parametrize("kind", PLOTS)
def test_figure_takes_every_kind_of_plot(themed, shown, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        plot = PLOTS[kind]()
        assert type(plot).__name__ == kind
        before = len(plt.get_fignums())
        exhibits.figure("fig-jobs", plot, caption=CAPTION, alt=ALT, data=ROWS, note="Source: none, vintage 2026.")
    svg = shown[0]["svg"]
    assert ElementTree.fromstring(svg.replace("xlink:", "")).tag.endswith("svg")
    assert "DejaVu" in svg
    assert len(plt.get_fignums()) <= before, "the figure is left open"


def test_colours_of_every_kind_follow_the_page(themed, shown):
    exhibits.figure("fig-jobs", PLOTS["Plot"](), caption=CAPTION, alt=ALT, data=ROWS, note="Source: none.")
    svg = shown[0]["svg"]
    for name in ("parent", "group"):
        assert f"var(--gg-{name}," in svg
    assert set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg)) <= {"#000000", "#ffffff"}


@pytest.mark.parametrize("plot", [ROWS, None, 3, "fig", so.Dot()], ids=["table", "none", "number", "text", "mark"])
def test_what_is_no_plot_is_refused(themed, shown, plot):
    with pytest.raises(ExhibitError, match=r"'fig-jobs': \w+ is no plot; expected is a matplotlib Figure"):
        exhibits.figure("fig-jobs", plot, caption=CAPTION, alt=ALT, data=ROWS, note="Source: none.")
    assert shown == []


def test_figure_carries_all_its_parts(themed, shown):
    fig = draw()
    exhibits.figure("fig-jobs", fig, caption=CAPTION, alt=ALT, data=DATA, tables=["country_panel"], note="A note.")
    (exhibit,) = shown
    assert (exhibit["label"], exhibit["kind"], exhibit["caption"], exhibit["alt"]) == (
        "fig-jobs",
        "figure",
        CAPTION,
        ALT,
    )
    assert exhibit["csv"] == "year,jobs\n2000,1\n2001,2.5\n"
    assert re.match(r"Source: .*table country_panel, 1970–2024, vintage .*\. A note\.$", exhibit["source"])
    assert exhibit["svg"].startswith("<svg ")
    assert not plt.fignum_exists(fig.number)


@pytest.mark.parametrize(("change", "message"), [
    ({"label": "tab-jobs"}, "'tab-jobs': expected a label like fig-name"),
    ({"label": "fig-Jobs"}, "expected a label"), ({"label": "fig-"}, "expected a label"),
    ({"label": "jobs"}, "expected a label"),
    ({"caption": " "}, "no caption"), ({"tables": []}, "no source"), ({"tables": [], "note": "  "}, "no source"),
    ({"data": DATA.iloc[:0]}, "no data"), ({"data": None}, "no data"),
    ({"alt": "x" * 39}, "39 characters, expected 40 to 400"), ({"alt": "x" * 401}, "401 characters"),
    ({"alt": ""}, "alt text has 0 characters"),
    ({"alt": CAPTION + " "}, "repeats the caption"),
    ({"slide": "title"}, "no room 'title' on a slide; expected is “side” or “wide”"),
])  # fmt: skip
def test_figure_refuses_what_lacks_a_part(themed, shown, change, message):
    given = {"label": "fig-jobs", "caption": CAPTION, "alt": ALT, "data": DATA, "tables": ["country_panel"]} | change
    with pytest.raises(ExhibitError, match=message):
        exhibits.figure(given.pop("label"), plt.figure(), **given)
    assert not shown


@pytest.mark.parametrize("length", exhibits.ALT_LIMITS)
def test_alt_texts_may_have_the_lengths_of_the_limits(themed, shown, length):
    exhibits.figure("fig-jobs", plt.figure(), caption=CAPTION, alt="x" * length, data=DATA, note="Own count.")
    assert len(shown[0]["alt"]) == length
    assert shown[0]["source"] == "Own count."


def test_table_carries_all_its_parts(shown):
    frame = pd.DataFrame({"Who": ["Ä", "B"], "n": [1234.0, np.nan], "Growth": [-0.25, 1.0], "Text": ["−1.0", "[1, 2]"]})
    exhibits.table("tab-jobs", frame, caption=CAPTION, note="Own count.", formats={"n": ",.0f", "Growth": "+.1f"})
    (exhibit,) = shown
    assert json.loads(json.dumps(exhibit)) == exhibit  # as it goes to the page
    assert exhibit["columns"] == ["Who", "n", "Growth", "Text"]
    assert exhibit["rows"] == [["Ä", "1,234", "−0.2", "−1.0"], ["B", "", "+1.0", "[1, 2]"]]
    assert exhibit["numeric"] == [False, True, True, True]
    assert exhibit["csv"] == 'Who,n,Growth,Text\nÄ,1234,-0.25,−1.0\nB,,1,"[1, 2]"\n'


def test_table_offers_other_data_and_anchors_when_told_to(shown):
    frame = pd.DataFrame({"A": ["1 %"], "Claim": ["C012"]})
    exhibits.table("tab-jobs", frame, caption=CAPTION, note="Own count.", data=DATA, anchor="Claim")
    assert shown[0]["csv"].splitlines()[0] == "year,jobs"
    assert shown[0]["rows"] == [["1 %", "C012"]]
    assert shown[0]["anchors"] == ["c012"]


@pytest.mark.parametrize(("ids", "words"), [
    (["C012", None], "holds ids"), (["F0001 G0002", "country/no_conduits/pwt"], "holds ids"),
    (["100*C110/(1e6*C112)", "(F0001+F0002)/2"], "holds ids"), (["ando_2007__1", "lit:chen_2005__12"], "holds ids"),
    (["C012", "words"], ""), (["12/15", "3/4"], ""), (["2012", "1 %"], ""), ([None, None], ""),
])  # fmt: skip
def test_columns_of_ids_stand_last(shown, ids, words):
    frame = pd.DataFrame({"What": ["a", "b"], "Id": pd.Series(ids, dtype=object), "n": [1, 2]})
    if words:
        with pytest.raises(ExhibitError, match=f"'tab-jobs': column 'Id' {words}; they stand last"):
            exhibits.table("tab-jobs", frame, caption=CAPTION, note="Own count.")
    else:
        exhibits.table("tab-jobs", frame, caption=CAPTION, note="Own count.")
    exhibits.table("tab-ids", frame[["What", "n", "Id"]], caption=CAPTION, note="Own count.")
    assert shown[-1]["ids"] == ([2] if words else [])


@pytest.mark.parametrize(("words", "said"), [
    ("188000", "188,000"), ("-50800 persons", "−50,800 persons"), ("-3.5 %", "−3.5 %"),
    ("+2% vs -3.5%", "+2% vs −3.5%"),
    ("-60 to 60", "−60 to 60"), ("[-0.000, 0.148]", "[0.000, 0.148]"), ("−0.00", "0.00"), ("-0.004", "−0.004"),
    ("-0", "0"), ("2000-2007", "2000-2007"), ("1970", "1970"), ("E00007", "E00007"),
    ("fats_out2_r2", "fats_out2_r2"), ("2026-04-08", "2026-04-08"), ("10.1257/12345", "10.1257/12345"),
    ("309082.88", "309,082.88"), ("found ‘-5’", "found ‘-5’"), ("00712", "00712"), ("1234567", "1,234,567"),
])  # fmt: skip
def test_numbers_in_cells_are_set(words, said):
    assert exhibits.typeset(words) == said


def test_columns_of_numbers_stand_to_the_right(shown):
    frame = pd.DataFrame({"Who": ["a", "b"], "p": ["<\xa00.001", "0.045"], "Interval": ["6.4 to 8.1", "not known"],
                          "Bounds": ["[−0.1, 0.2]", "297 and 211"], "Empty": ["", ""], "Words": ["1 firm", "2 firms"],
                          "Year": [2012, 2013]})  # fmt: skip
    exhibits.table("tab-jobs", frame, caption=CAPTION, note="Own count.")
    assert shown[0]["numeric"] == [False, True, True, True, False, False, True]


@pytest.mark.parametrize(("change", "message"), [
    ({"label": "fig-jobs"}, "expected a label like tab-name"), ({"caption": ""}, "no caption"),
    ({"note": ""}, "no source"), ({"frame": DATA.iloc[:0]}, "no data"),
])  # fmt: skip
def test_table_refuses_what_lacks_a_part(shown, change, message):
    given = {"label": "tab-jobs", "frame": DATA, "caption": CAPTION, "note": "Own count."} | change
    with pytest.raises(ExhibitError, match=message):
        exhibits.table(given.pop("label"), given.pop("frame"), **given)
    assert not shown


def test_plain_html_for_other_notebooks(themed, shown):
    exhibits.table("tab-jobs", pd.DataFrame({"a<b": ["x & y"]}), caption="More <jobs>", note="Own count.")
    page = exhibits._plain_html(shown[0])
    assert '<th scope="col">a&lt;b</th>' in page
    assert "<td>x &amp; y</td>" in page
    assert "More &lt;jobs&gt;" in page
    assert 'download="tab-jobs.csv"' in page


# ---------------------------------------------------------------------------------------------- SVG
def test_svg_is_the_same_every_time(themed):
    first, again = exhibits.svg_of(draw(), "fig-a", ALT), exhibits.svg_of(draw(), "fig-a", ALT)
    assert first == again
    assert not re.search(r"<metadata|<!--|<\?xml|<dc:date", first)


def test_svg_of_one_figure_is_the_same_twice(themed):
    fig = draw()
    assert exhibits.svg_of(fig, "fig-a", ALT) == exhibits.svg_of(fig, "fig-a", ALT)


def test_svg_has_a_role_and_the_alt_text(themed):
    root = ElementTree.fromstring(exhibits.svg_of(draw(), "fig-a", ALT))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("role"), root.get("aria-label"), root.get("class")) == ("img", ALT, "gg-figure gg-wide")
    assert (root.get("width"), root.get("height")) == ("691", "374")  # 7.2 by 3.9 inches in CSS pixels
    assert root.get("viewBox")


def test_svg_has_no_fixed_colour_left(themed):
    svg = exhibits.svg_of(draw(), "fig-a", ALT)
    for name in ("--gg-ink", "--gg-muted", "--gg-grid", "--gg-japan", "--gg-germany", "--gg-accent"):
        assert f"var({name}," in svg
    outside = re.sub(r"var\(--[a-z-]+,(?:var\(--[a-z0-9-]+,#[0-9a-f]{6}\)|#[0-9a-f]{6})\)", "", svg)
    assert "var(--gg-ink" not in outside
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\"' ])", outside)) == set()


def test_svg_ids_belong_to_one_figure_only(themed):
    ids, used = {}, {}
    for label in ("fig-a", "fig-b"):
        svg = exhibits.svg_of(draw(), label, ALT)
        ids[label] = re.findall(r' id="([^"]+)"', svg)
        used[label] = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
        assert len(ids[label]) == len(set(ids[label]))
        assert used[label] == set(ids[label])  # every reference finds its target, and no id is idle
        assert len(used[label]) >= 2
    assert not set(ids["fig-a"]) & set(ids["fig-b"])


def test_svg_leaves_the_figures_in_its_texts_alone(themed):
    root = ElementTree.fromstring(exhibits.svg_of(draw("+0.079"), "fig-a", ALT))
    assert "+0.079" in {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}


# ---------------------------------------------------------------------------------------------- tables of estimates
def test_regression_table():
    columns = {"Parent": estimate(-1.234, 0.5, groups=1224), "Group": estimate(0.4, 0.26, n=99)}
    lines = {"Controls": ["yes", "no"], "Fixed effects": "firm, year"}
    frame = exhibits.regression_table(columns, lines).set_index("")
    assert frame.columns.tolist() == ["Parent", "Group"]
    assert frame.loc["Estimate (s.e.)"].tolist() == ["−1.23\n(0.50)", "+0.40\n(0.26)"]
    assert frame.loc["95 % interval"].tolist() == ["[−2.23, −0.23]", "[−0.12, 0.92]"]
    assert frame.loc["Observations"].tolist() == ["1,234", "99"]
    assert frame.loc["Clusters"].tolist() == ["1,224", ""]
    assert frame.loc["Controls"].tolist() == ["yes", "no"]
    assert frame.loc["Fixed effects"].tolist() == ["firm, year"] * 2
    plain = exhibits.regression_table({"Parent": estimate()}, digits=3).set_index("")
    assert "Clusters" not in plain.index
    assert plain.loc["Estimate (s.e.)", "Parent"].startswith("+1.500\n")


def test_regression_table_by_row_is_the_same_turned():
    columns = {"Parent": estimate(-1.234, 0.5, groups=1224), "Group": estimate(0.4, 0.26, n=99)}
    turned = exhibits.regression_table(columns, {"Controls": ["yes", "no"]}, by_row="Outcome")
    upright = exhibits.regression_table(columns, {"Controls": ["yes", "no"]}).set_index("")
    assert turned.columns[0] == "Outcome"
    assert turned.set_index("Outcome").T.to_numpy().tolist() == upright.to_numpy().tolist()


def test_regression_table_wants_one_text_for_each_estimate():
    with pytest.raises(exhibits.ExhibitError, match=r"'Controls'.*each of 1 estimates"):
        exhibits.regression_table({"Parent": estimate()}, {"Controls": ["yes", "no"]})


def test_regression_table_has_no_minus_zero():
    frame = exhibits.regression_table({"Parent": estimate(-0.001, 0.1)}).set_index("")
    assert frame.loc["Estimate (s.e.)", "Parent"].split("\n")[0] in ("0.00", "+0.00")


def test_intervals_have_no_minus_zero():
    assert exhibits.intervals(pd.Series([-0.0004, -0.1]), pd.Series([0.1, -0.0001])) == [
        "[0.000, 0.100]", "[−0.100, 0.000]"]
    cell = exhibits.estimate_cell(estimate(-0.004, 0.0001), 2, interval=True)
    assert cell == "+0.00\n[0.00, 0.00]"


def test_estimate_cell_with_its_interval():
    assert exhibits.estimate_cell(estimate(-1.234, 0.5), 1, interval=True) == "−1.2\n[−2.2, −0.2]"


def test_estimates_frame():
    frame = exhibits.estimates_frame({"A": estimate(groups=3), "B": estimate(2.0)})
    assert frame["name"].tolist() == ["A", "B"]
    assert frame.loc[0, ["value", "se", "ci_low", "ci_high", "n", "groups"]].tolist() == [1.5, 0.5, 0.5, 2.5, 1234, 3]
    assert (frame.loc[1, "unit"], frame.loc[1, "sample"], frame.loc[1, "method"]) == ("points", "made up", "none")


def test_long_paths_are_written_as_steps_to_the_same_places():
    points = [(1.2, 3.4), *((round(0.7 * i, 1), round(5.1 + 0.3 * (i % 7), 1)) for i in range(40))]
    path = "M " + " \nL ".join(f"{x} {y}" for x, y in points) + "\nz\nM 9.9 8.8 \nL 10.1 8.8 "
    at, begun, reached = (0.0, 0.0), (0.0, 0.0), []
    for kind, x, y in re.findall(r"([mlhz])(-?[\d.]+)?(?: (-?[\d.]+))?", exhibits._steps(path)):
        at = begun if kind == "z" else (at[0] + float(x), at[1] + float(y or 0))
        begun = at if kind == "m" else begun
        reached += [] if kind == "z" else [at]
    flat = [value for point in reached for value in point]
    assert flat == pytest.approx([value for point in [*points, (9.9, 8.8), (10.1, 8.8)] for value in point], abs=1e-9)


def test_curves_stay_as_they_are():
    path = "M 1 1 C 2 2 3 3 4 4 " * 20
    assert exhibits._steps(path) == path
