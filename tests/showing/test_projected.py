"""The form of a figure for a slide: in the slide's room, with lettering to be read from the last row."""

from __future__ import annotations

import itertools
import re

import matplotlib.pyplot as plt
import pytest

from goingglobal import exhibits, projected
from goingglobal.exhibits import ExhibitError

ALT = "Two panels with three rows each, drawn for a test of what becomes of them on a slide."


@pytest.fixture
def rows(themed):
    """Two panels side by side that share their names, with small letters and long words."""
    fig, axes = plt.subplots(1, 2, sharey=True, figsize=(7.2, 3))
    names = ["one row", "another of them, with a name that is far too long for any slide", "the last"]
    for ax, title in zip(axes, ("Within the firm panel and without its trimmed outliers", "All"), strict=True):
        ax.plot([100000.0, 200000.0, 300000.0], names, "o")
        ax.set_xticks(range(100000, 300001, 25000))
        ax.set_title(title)
        ax.text(100000.0, 0.0, "small", fontsize=5)
    fig.narrow = lambda _: None  # as those of charts, a function that can't be pickled
    yield fig
    plt.close(fig)


@pytest.mark.parametrize("room", projected.ROOMS)
def test_lettering_is_eighteen_pixels_where_the_figure_fills_its_room(rows, room):
    forms = exhibits.forms_of(rows, "fig-rows", ALT, room=room)
    width, height = (float(edge) for edge in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)', forms["slide"]).groups())
    assert (width / 72, height / 72) == pytest.approx(projected.ROOMS[room], abs=0.01)
    points = [float(size) for size in re.findall(r"font(?:-size)?: (?:[\w ]+ )?([\d.]+)px", forms["slide"])]
    assert min(points) * projected.PIXELS >= 18
    assert 'class="gg-figure gg-projected"' in forms["slide"]


def test_other_forms_are_the_same_with_a_slide_and_without(rows):
    import cloudpickle

    again = cloudpickle.loads(cloudpickle.dumps(rows))
    forms = exhibits.forms_of(rows, "fig-rows", ALT, room="side")
    plain = exhibits.forms_of(again, "fig-rows", ALT)
    plt.close(again)
    assert set(forms) - set(plain) == {"slide"}
    assert {name: forms[name] == text for name, text in plain.items()} == {"svg": True, "narrow": True}


def test_each_form_is_drawn_once(rows, monkeypatch):
    """What is measured to lay a figure out is not drawn for it: drawing takes most of a chapter's time."""
    from matplotlib.figure import Figure

    drawn, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda fig, renderer: drawn.append(fig) or draw(fig, renderer))
    canvas = rows.canvas
    exhibits.forms_of(rows, "fig-rows", ALT, room="side")
    assert len(drawn) == 3
    assert rows.canvas is canvas


def test_long_names_and_titles_are_wrapped_and_crowded_ticks_fewer(rows):
    projected.relay(rows, "side")
    first, second = rows.axes
    assert "\n" in first.get_yticklabels()[1].get_text()
    assert "\n" in first.get_title(loc="left")
    assert second.get_title(loc="left") == "All"
    seen = [label.get_text() for label in first.get_xticklabels() if label.get_text()]
    assert 1 < len(seen) < 9
    boxes = sorted((label.get_window_extent() for label in first.get_xticklabels() if label.get_text()),
                   key=lambda box: box.x0)
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_a_figures_own_function_makes_room(rows):
    projected.relay(rows, "side", lambda fig: fig.axes[0].set_yticks([]))
    assert [label.get_text() for label in rows.axes[0].get_yticklabels()] == []


def test_lettering_over_the_edge_has_no_form_for_a_slide(rows):
    rows.axes[0].annotate("far outside", (1, 0), xytext=(900, 0), textcoords="offset points",
                          annotation_clip=False).set_in_layout(False)  # fmt: skip
    with pytest.raises(ExhibitError, match=r"'fig-rows': no form for a slide: 'far outside' runs over the edge; give "
                                           r"`slide=\('wide', function\)`"):
        exhibits.forms_of(rows, "fig-rows", ALT, room="wide")
