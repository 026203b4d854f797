"""One seaborn style. Ink and colours are names that the page's light or dark theme fills in.

Figures are drawn with the light palette; `follow_page` replaces each of these colours in the SVG
by a CSS variable with the light colour as its fallback, so that the same file is right in the
book (light and dark), in JupyterLab, in Colab and on paper.
"""

from __future__ import annotations

import re

__all__ = ["COLOURS", "INK", "MUTED", "band", "direct_label", "follow_page", "use", "zero_line"]

INK, MUTED, GRID = "#222426", "#63676b", "#d9dcdf"
COLOURS = {
    "Japan": "#c2410b", "Germany": "#0b6aa8", "other": "#6c7176", "home": "#5b3f9b", "group": "#0f7b6c",
    "accent": "#8a6a00",
}
# What each colour is called on the page. JupyterLab's own variable comes second, a fixed colour last.
_VARIABLES = {
    INK: "--gg-ink,var(--jp-content-font-color1,{})", MUTED: "--gg-muted,var(--jp-content-font-color2,{})",
    GRID: "--gg-grid,var(--jp-border-color2,{})",
    **{value: f"--gg-{name.lower()},{{}}" for name, value in COLOURS.items()},
}


def use() -> None:
    """Set seaborn's theme for every figure of the book."""
    import seaborn as sns

    sns.set_theme(style="ticks", palette=[COLOURS["Japan"], COLOURS["Germany"], COLOURS["other"]], rc={
        "figure.figsize": (7.2, 3.9), "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
        "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": MUTED, "axes.labelcolor": INK,
        "axes.titlesize": 11, "axes.titleweight": "normal", "axes.titlelocation": "left", "axes.labelsize": 10,
        "xtick.labelsize": 9.5, "ytick.labelsize": 9.5, "xtick.color": MUTED, "ytick.color": MUTED,
        "xtick.labelcolor": INK, "ytick.labelcolor": INK, "text.color": INK, "axes.grid": True, "axes.grid.axis": "y",
        "axes.axisbelow": True, "grid.color": GRID, "grid.linewidth": 0.8, "lines.linewidth": 2.0, "font.size": 10,
        "legend.frameon": False, "svg.fonttype": "none", "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"], "figure.constrained_layout.use": True,
    })


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


def zero_line(ax, vertical: bool = False) -> None:
    """A thin line at zero, so that the sign is seen at a glance."""
    (ax.axvline if vertical else ax.axhline)(0, color=MUTED, linewidth=1, zorder=1)


def band(ax, x, low, high, colour: str) -> None:
    """A confidence band."""
    ax.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
