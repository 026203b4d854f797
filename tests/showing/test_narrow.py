"""The narrow form of a figure: one panel a row, names above rows, lettering that can be read and stays inside."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from goingglobal import charts, exhibits, narrow, theme
from goingglobal.exhibits import ExhibitError

ALT = "Two panels with three rows each, drawn for a test of what becomes of them on a telephone."


@pytest.fixture
def rows(themed):
    """Two panels side by side that share their names, with small letters, a legend and long words below."""
    fig, axes = plt.subplots(1, 2, sharey=True, figsize=(7.2, 3))
    for ax, title in zip(axes, ("Within the firm panel", "Among all who file"), strict=True):
        ax.plot([1.0, 2.0, 3.0], ["one row", "another", "the last of all"], "o", label="what is drawn")
        ax.set_title(title)
        ax.text(1.0, 0.0, "small", fontsize=5)
        ax.set_xlabel("A label that is much longer than a telephone is wide, by years and points")
    axes[0].legend()
    yield fig
    plt.close(fig)


def test_panels_stand_below_each_other_each_with_its_names(rows):
    narrow.relay(rows)
    first, second = rows.axes
    assert rows.get_size_inches()[0] == pytest.approx(narrow.WIDTH)
    assert first.get_position().y0 > second.get_position().y1
    assert first.get_position().width > 0.8
    for ax in rows.axes:
        names = [text.get_text() for text in ax.texts]
        assert {"one row", "another", "the last of all"} <= set(names)
        assert not any(label.get_text() for label in ax.get_yticklabels())
    assert "\n" in second.get_xlabel()
    assert len(rows.legends) == 1
    assert first.get_legend() is None


def test_no_lettering_is_too_small_in_the_svg(rows):
    forms = exhibits.forms_of(rows, "fig-rows", ALT)
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', forms["narrow"])[1])
    points = [float(size) for size in re.findall(r"font(?:-size)?: (?:[\w ]+ )?([\d.]+)px", forms["narrow"])]
    assert points
    assert min(points) * 343 / width > 10.5  # pixels, where the page is 375 wide
    assert 'class="gg-figure gg-narrow"' in forms["narrow"]
    assert 'class="gg-figure gg-wide"' in forms["svg"]
    assert not set(re.findall(r' id="([^"]+)"', forms["svg"])) & set(re.findall(r' id="([^"]+)"', forms["narrow"]))


def test_lettering_over_the_edge_has_no_narrow_form(rows):
    rows.axes[0].annotate("far outside", (1, 0), xytext=(900, 0), textcoords="offset points",
                          annotation_clip=False).set_in_layout(False)  # fmt: skip
    with pytest.raises(ExhibitError, match=r"'fig-rows': no narrow form .*'far outside' runs over the edge"):
        exhibits.forms_of(rows, "fig-rows", ALT)


def test_a_figure_can_do_by_itself_what_is_not_done_well(rows):
    seen = []
    narrow.relay(rows, seen.append)
    assert seen == [rows]


def test_words_are_wrapped_and_broken_lines_stay_broken():
    lines = narrow.wrapped("one two three four five six\nseven", 9, 60).split("\n")
    assert " ".join(lines) == "one two three four five six seven"
    assert lines[-1] == "seven"
    assert len(lines) > 2


def test_panels_have_letters_and_a_single_one_has_none(rows):
    theme.letter_panels(rows)
    assert [ax.get_title(loc="left") or ax.get_title() for ax in rows.axes] == [
        "a   Within the firm panel", "b   Among all who file"]
    fig, ax = plt.subplots()
    ax.set_title("Alone")
    theme.letter_panels(fig)
    assert (ax.get_title(loc="left") or ax.get_title()) == "Alone"
    plt.close(fig)


def test_causal_graph_has_a_box_for_each_name_and_an_arrow_for_each_row(themed):
    arrows = pd.DataFrame([("x", "y", "question", "asked"), ("y", "x", "reverse", ""), ("z", "x", "both", "")],
                          columns=["source", "target", "kind", "words"])  # fmt: skip
    fig = charts.causal_graph(arrows, {"x": (0.1, 0.5), "y": (0.9, 0.5), "z": (0.5, 0.9)})
    texts = fig.axes[0].texts
    assert [text.get_text() for text in texts if text.get_text()] == ["x", "y", "z", "asked"]
    assert sum(text.arrow_patch is not None for text in texts) == 3
    plt.close(fig)
    with pytest.raises(KeyError, match="w"):
        charts.causal_graph(arrows.replace("z", "w"), {"x": (0, 0), "y": (1, 0)})
    plt.close("all")
