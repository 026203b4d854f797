"""One seaborn style. Ink and colours are names that the page's light or dark theme fills in.

Figures are drawn with the light palette; `follow_page` replaces each of these colours in the SVG
by a CSS variable with the light colour as its fallback, so that the same file is right in the
book (light and dark), in JupyterLab, in Colab and on paper.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator

__all__ = [
    "COLOURS", "GRID", "INK", "MUTED", "as_printed", "axes_of", "band", "direct_label", "draw", "follow_page",
    "lay_out", "letter_panels", "mark", "name_lines", "named_rows", "use", "values_beside", "years_on_panels",
    "zero_line",
]  # fmt: skip

INK, MUTED, GRID = "#222426", "#63676b", "#d9dcdf"
COLOURS = {
    "Japan": "#c2410b", "Germany": "#0b6aa8", "other": "#6c7176", "parent": "#5b3f9b", "group": "#0f7b6c",
    "accent": "#8a6a00",
}
# What each colour is called on the page. JupyterLab's own variable comes second, a fixed colour last.
_VARIABLES = {
    INK: "--gg-ink,var(--jp-content-font-color1,{})", MUTED: "--gg-muted,var(--jp-content-font-color2,{})",
    GRID: "--gg-grid,var(--jp-border-color2,{})",
    **{value: f"--gg-{name.lower()},{{}}" for name, value in COLOURS.items()},
}


_RC = {
    "figure.figsize": (7.2, 3.9), "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": MUTED, "axes.labelcolor": INK,
    "axes.titlesize": 11, "axes.titleweight": "normal", "axes.titlelocation": "left", "axes.labelsize": 10,
    "xtick.labelsize": 9.5, "ytick.labelsize": 9.5, "xtick.color": MUTED, "ytick.color": MUTED,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "text.color": INK, "axes.grid": True, "axes.grid.axis": "y",
    "axes.axisbelow": True, "grid.color": GRID, "grid.linewidth": 0.8, "lines.linewidth": 2.0, "font.size": 10,
    "legend.frameon": False, "legend.title_fontsize": 9, "legend.fontsize": 9, "svg.fonttype": "none",
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"],
}  # fmt: skip


def use() -> None:
    """Set the book's style for every picture of seaborn: its functions, its grids and `seaborn.objects`."""
    import logging

    import seaborn as sns
    import seaborn.objects as so

    # pyfixest switches on every library's remarks; matplotlib remarks on each name that looks like a number.
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    sns.set_theme(style="ticks", palette=[COLOURS["Japan"], COLOURS["Germany"], COLOURS["other"]], rc=_RC)
    so.Plot.config.theme.update({**sns.axes_style(), **sns.plotting_context(), **_RC})


def draw(plot):
    """Draw a `seaborn.objects.Plot` and hand its matplotlib figure on, so that lines and labels can be added to it.

    The size is the plot's own (`.layout(size=(7.2, 3))`), else the book's. Raises `TypeError` for another kind of plot.
    """
    import matplotlib.pyplot as plt
    import seaborn.objects as so

    if not isinstance(plot, so.Plot):
        raise TypeError(f"theme.draw: {type(plot).__name__} is no seaborn.objects.Plot; others are drawn already")
    plot.plot(pyplot=True)
    return plt.gcf()


@contextlib.contextmanager
def as_printed(fig) -> Iterator[None]:
    """A matplotlib figure on a canvas of SVG with one renderer, by which its words are as long as they will be printed.

    A figure without a canvas of its own would be drawn anew for each word that is measured.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG

    before, dots = fig.canvas, fig.dpi
    if isinstance(before, FigureCanvasSVG):
        yield
        return
    renderer = RendererSVG(*(72 * fig.get_size_inches()), io.StringIO())
    FigureCanvasSVG(fig).get_renderer = lambda: renderer
    fig.dpi = FigureCanvasSVG.fixed_dpi
    try:
        yield
    finally:
        fig.set_canvas(before)
        fig.dpi = dots


def lay_out(fig) -> None:
    """Place panels, names and legends by the figure's layout engine, without drawing them."""
    fig.get_layout_engine().execute(fig)


def axes_of(plot) -> list:
    """The visible axes of an Axes, a Figure, or a grid of seaborn (FacetGrid, PairGrid, JointGrid), in order."""
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if isinstance(plot, Axes):
        return [plot]
    figure = getattr(plot, "figure", plot)
    if not isinstance(figure, Figure):
        raise TypeError(f"{type(plot).__name__} has no axes; expected a matplotlib Axes or Figure or a grid of seaborn")
    return [ax for ax in figure.axes if ax.get_visible()]


def follow_page(svg: str) -> str:
    """An SVG whose known colours are CSS variables. Unknown colours stay as they are."""

    def swap(match: re.Match) -> str:
        colour = match.group(0).lower()
        variable = _VARIABLES.get(colour)
        return f"var({variable.format(colour)})" if variable else match.group(0)

    return re.sub(r"#[0-9a-fA-F]{6}\b(?=[;\"'\s])", swap, svg)


def direct_label(ax, x: float, y: float, text: str, colour: str, dx: float = 5, dy: float = 0, **kw) -> None:
    """Write a label beside a line's end or a point, in its colour, offset in points."""
    ax.annotate(text, (x, y), xytext=(dx, dy), textcoords="offset points", color=colour, va="center",
                annotation_clip=False, **kw)


def zero_line(plot, vertical: bool = False, at: float = 0, **style) -> None:
    """A thin line at zero (or `at`) in every panel, so that the sign is seen at a glance."""
    for ax in axes_of(plot):
        (ax.axvline if vertical else ax.axhline)(at, **{"color": MUTED, "linewidth": 1, "zorder": 1, **style})


def mark(plot, at: float, words: str = "", **style) -> None:
    """A dotted vertical line in every panel, named at the top of the first: a break, a cut-off, a date."""
    for place, ax in enumerate(axes_of(plot)):
        ax.axvline(at, **{"color": MUTED, "linewidth": 1, "linestyle": ":", **style})
        if words and not place:
            ax.annotate(words, (at, 1), xycoords=("data", "axes fraction"), xytext=(-4, -6), va="top", ha="right",
                        textcoords="offset points", fontsize=8.5, color=MUTED)  # fmt: skip


def name_lines(plot, data, x: str, y: str, name: str, colours: dict[str, str], panel: int = 0, **style) -> None:
    """Write the name of each line of `data` beside its end, in its colour, in place of a legend.

    `name` is the column of names, `colours` gives each its colour, `panel` says which of the axes.
    """
    ax = axes_of(plot)[panel]
    for words, rows in data.dropna(subset=[x, y]).groupby(name, sort=False):
        last = rows.sort_values(x).iloc[-1]
        direct_label(ax, last[x], last[y], str(words), colours[words], **style)


def values_beside(plot, data, x: str, y: str, digits: int = 2, sign: str = "+", panel: int = 0) -> None:
    """Write each value of a plot of named lines at the right edge, level with its line (`y` holds the names)."""
    ax = axes_of(plot)[panel]
    for name, value in zip(data[y], data[x], strict=True):
        ax.annotate(f"{value:{sign}z.{digits}f}".replace("-", "−"), (1.0, name), xycoords=("axes fraction", "data"),
                    xytext=(6, 0), textcoords="offset points", va="center", color=INK, annotation_clip=False)


def named_rows(plot) -> None:
    """The look of a plot whose vertical axis holds names: a grid across, no ticks and no spine at the names."""
    for ax in axes_of(plot):
        ax.tick_params(axis="y", length=0)
        ax.grid(visible=False, axis="y")
        ax.grid(visible=True, axis="x")
        ax.spines["left"].set_visible(False)
        ax.set_ylabel("")


def letter_panels(plot) -> None:
    """A letter before the title of each panel, where a figure has several; without titles there are none."""
    titled = [ax for ax in axes_of(plot) if ax.get_title(loc="left") or ax.get_title()]
    for letter, ax in zip("abcdefghijklmnop", titled if len(titled) > 1 else [], strict=False):
        for title in (ax.title, ax._left_title):  # to set it anew would undo its size
            if title.get_text():
                title.set_text(f"{letter}   {title.get_text()}")


def years_on_panels(plot) -> None:
    """The years below each panel whose axis counts them, also where panels share the axis."""
    for ax in axes_of(plot):
        if all(1800 < end < 2100 for end in ax.get_xlim()):
            ax.tick_params(axis="x", labelbottom=True)
            for label in ax.get_xticklabels():
                label.set_visible(True)


def band(ax, x, low, high, colour: str) -> None:
    """A confidence band."""
    ax.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
