"""The form of a figure for a slide: the same drawing in the slide's room, with lettering to be read from the last row.

A slide is 1280 pixels wide and a point is two of them, so that no lettering is under 18 pixels as shown. Panels stay
where they are; what is longer than its room is wrapped, and labels of an axis that run into each other become fewer.
"""

from __future__ import annotations

from goingglobal import narrow, theme

__all__ = ["ROOMS", "SMALLEST", "relay"]

PIXELS = 2  # of a slide, to the point
SMALLEST, LARGEST = 9.1, 11  # points
ROOMS = {"side": (5.2, 3.2), "wide": (7.9, 3.05), "title": (3.77, 2.35)}  # inches: beside words, above them, the answer
_NAMES = 0.36  # of the width, for the names of rows


def _names(ax, room: float) -> None:
    """Names of rows in lines that fit beside the panel."""
    if ax.yaxis.get_tick_params().get("labelleft", True) and narrow.named(ax):
        ax.set_yticks(ax.get_yticks(), [narrow.wrapped(label.get_text(), label.get_fontsize(), room)
                                        for label in ax.get_yticklabels()])  # fmt: skip


def relay(fig, room: str, slide=None) -> None:
    """Lay a drawn figure out anew for a slide's room, one of `ROOMS`.

    `slide`, a function of the figure, does what this can't: it moves texts, thins out what is too dense. Raises
    `NarrowError` where lettering runs over an edge.
    """
    from matplotlib.text import Text

    width, height = ROOMS[room]
    for text in fig.findobj(Text):
        text.set_fontsize(min(max(text.get_fontsize(), SMALLEST), LARGEST))
    fig.set_layout_engine("none")
    fig.set_size_inches(width, height)
    for ax in theme.axes_of(fig):
        _names(ax, 72 * width * _NAMES)
    if slide is not None:
        slide(fig)
    panels = theme.axes_of(fig)
    fig.set_layout_engine("constrained")
    with theme.as_printed(fig):
        theme.lay_out(fig)
        for ax in panels:
            box = ax.get_window_extent()
            across, up = 72 * box.width / fig.dpi, 72 * box.height / fig.dpi
            for title in (ax.title, ax._left_title, ax._right_title):  # matplotlib has no public way to all three
                if title.get_text():
                    title.set_text(narrow.wrapped(title.get_text(), title.get_fontsize(), across - 3))
            ax.set_xlabel(narrow.wrapped(ax.get_xlabel(), ax.xaxis.label.get_fontsize(), across + 20))
            ax.set_ylabel(narrow.wrapped(ax.get_ylabel(), ax.yaxis.label.get_fontsize(), up))
        theme.lay_out(fig)
        for ax in panels:
            narrow.thin(ax, 8)
        narrow.edges(fig, width)
