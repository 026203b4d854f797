"""One style for light and dark: every colour of ours follows the page."""

from __future__ import annotations

import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
import seaborn as sns
import seaborn.objects as so

from goingglobal import theme


@pytest.mark.parametrize(("text", "wanted"), [
    ("fill: #222426;", "fill: var(--gg-ink,var(--jp-content-font-color1,#222426));"),
    ('stroke="#C2410B"', 'stroke="var(--gg-japan,#c2410b)"'),
    ("a: #d9dcdf; b: #63676b'",
     "a: var(--gg-grid,var(--jp-border-color2,#d9dcdf)); b: var(--gg-muted,var(--jp-content-font-color2,#63676b))'"),
    ("fill: #123456;", "fill: #123456;"),
    ("url(#222426)", "url(#222426)"),
    ("fill: #22242680;", "fill: #22242680;"),
    ("none", "none"),
])  # fmt: skip
def test_follow_page(text, wanted):
    assert theme.follow_page(text) == wanted
    assert theme.follow_page(wanted) == wanted  # once is enough


def test_every_colour_of_the_theme_has_its_own_variable():
    colours = [theme.INK, theme.MUTED, theme.GRID, *theme.COLOURS.values()]
    names = [re.match(r"fill: var\((--gg-[a-z]+),", theme.follow_page(f"fill: {colour};")) for colour in colours]
    assert all(names)
    assert len({name[1] for name in names}) == len(set(colours)) == len(colours)


# ---------------------------------------------------------------------------------------------- helpers for plots
ROWS = pd.DataFrame({"year": [2000, 2001, 2000, 2001], "value": [1.0, 2.0, -1.0, 3.0],
                     "who": ["Japan", "Japan", "Germany", "Germany"], "panel": ["a", "a", "b", "b"]})


def kinds() -> dict[str, object]:
    grid = sns.relplot(ROWS, x="year", y="value", col="panel", kind="line", height=2)
    return {"grid": grid, "figure": grid.figure, "axes": grid.axes.flat[0],
            "objects": theme.draw(so.Plot(ROWS, x="year", y="value").facet("panel").add(so.Line()))}


@pytest.mark.parametrize(("kind", "panels"), [("grid", 2), ("figure", 2), ("axes", 1), ("objects", 2)])
def test_helpers_take_axes_grids_and_figures(themed, kind, panels):
    plot = kinds()[kind]
    axes = theme.axes_of(plot)
    assert len(axes) == panels
    before = [len(ax.lines) for ax in axes]
    theme.zero_line(plot)
    theme.mark(plot, 2000.5, "a break")
    assert [len(ax.lines) for ax in axes] == [count + 2 for count in before]
    assert [line.get_xdata()[0] for line in (ax.lines[-1] for ax in axes)] == [2000.5] * panels
    assert [text.get_text() for text in axes[0].texts] == ["a break"]
    theme.name_lines(plot, ROWS, "year", "value", "who", theme.COLOURS)
    assert [(text.get_text(), text.get_color()) for text in axes[0].texts[1:]] == [
        ("Japan", theme.COLOURS["Japan"]), ("Germany", theme.COLOURS["Germany"])]


def test_named_rows_have_their_values_at_the_edge(themed):
    rows = pd.DataFrame({"name": ["one", "two"], "value": [0.5, -1.25]})
    figure = theme.draw(so.Plot(rows, x="value", y="name").add(so.Dot()).layout(size=(5, 2)))
    assert figure.get_size_inches().tolist() == [5, 2]
    theme.named_rows(figure)
    theme.values_beside(figure, rows, "value", "name")
    (ax,) = theme.axes_of(figure)
    assert [text.get_text() for text in ax.texts] == ["+0.50", "−1.25"]
    assert ax.get_ylabel() == ""
    assert not ax.spines["left"].get_visible()


def test_years_stand_below_every_panel_that_counts_them(themed):
    figure, axes = plt.subplots(2, 2, sharex="col")
    for ax, start in zip(axes.flat, (2000, 0, 2000, 0), strict=True):
        ax.plot([start, start + 10], [1, 2])
    theme.years_on_panels(figure)
    figure.draw_without_rendering()
    seen = [any(label.get_visible() and label.get_text() for label in ax.get_xticklabels()) for ax in axes.flat]
    below = [ax.xaxis.get_tick_params().get("labelbottom", True) for ax in axes.flat]
    assert [a and b for a, b in zip(seen, below, strict=True)] == [True, False, True, True]
    plt.close(figure)


def test_only_a_plot_of_objects_is_drawn(themed):
    with pytest.raises(TypeError, match=r"theme.draw: FacetGrid is no seaborn.objects.Plot"):
        theme.draw(kinds()["grid"])
    with pytest.raises(TypeError, match="DataFrame has no axes"):
        theme.axes_of(ROWS)


def test_the_style_is_one_for_functions_and_objects(themed):
    config = so.Plot.config.theme
    for key in ("axes.edgecolor", "axes.labelcolor", "figure.facecolor", "grid.color", "xtick.color"):
        assert config[key] == mpl.rcParams[key], key
