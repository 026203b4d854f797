"""The narrow form of a figure, for a telephone: the same drawing laid out anew, in one column.

Panels stand below each other, each with its own axis; names of rows stand above their rows; legends stand below; words
are wrapped, none of them smaller than `SMALLEST`. What automatic laying can't do well, the figure's own `narrow` does.
"""

from __future__ import annotations

import itertools
import re

from goingglobal import theme

__all__ = ["SMALLEST", "WIDTH", "NarrowError", "edges", "named", "relay", "thin", "wrapped"]

WIDTH = 3.3  # inches; 343 pixels on a telephone of 375, so that a point is 1.44 pixels there
SMALLEST, LARGEST = 8.5, 9.5  # points
ROW = 0.52  # inches of a row with its name above
_MANY = 16  # rows of which each is lower
_HIGH = (1.75, 2.4)  # inches of a panel without names
_EDGE = 3  # points by which lettering may reach over the edge: the page's own letters are narrower


class NarrowError(ValueError):
    """A figure that can't be laid out in one column; the message says why."""


def _long(words: str, size: float) -> float:
    """The length of words, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    return text_to_path.get_text_width_height_descent(words, FontProperties(size=size), ismath=False)[0]


def wrapped(words: str, size: float, width: float) -> str:
    """Words in lines of at most `width` points; longer words stay whole, broken lines broken."""
    said = []
    for line in words.split("\n"):
        lines = [""]
        for word in re.split(r" +", line):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            lines = [*lines[:-1], longer] if not lines[-1] or _long(longer, size) <= width else [*lines, word]
        said += lines
    return "\n".join(said)


def named(ax) -> list[tuple[float, str, object]]:
    """Place, name and colour of each row of an axes whose vertical axis holds names; else nothing."""
    low, high = sorted(ax.get_ylim())
    rows = [(at, label.get_text(), label.get_color())
            for at, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=False)
            if low <= at <= high and label.get_text()]  # fmt: skip
    return rows if any(re.search(r"[^\W\d_]{3}", name) for _, name, _ in rows) else []


def _tick_labels(ax) -> None:
    """Every panel has its own numbers and names, also those that shared a neighbour's."""
    ax.tick_params(axis="y", labelleft=True)
    if any(one.xaxis.get_tick_params().get("labelbottom", True) for one in ax.get_shared_x_axes().get_siblings(ax)):
        ax.tick_params(axis="x", labelbottom=True)
    for axis in (ax.xaxis, ax.yaxis):
        for label in axis.get_ticklabels():
            label.set_visible(True)


def _titles(ax, width: float) -> None:
    for title in (ax.title, ax._left_title, ax._right_title):  # matplotlib has no public way to all three
        if title.get_text():
            title.set_text(wrapped(title.get_text(), title.get_fontsize(), width))


def _names_above(ax, rows: list[tuple[float, str, object]], width: float) -> None:
    from matplotlib.patches import Rectangle

    places = sorted(at for at, *_ in rows)
    step = min((b - a for a, b in itertools.pairwise(places)), default=1.0)
    up = -1 if ax.yaxis_inverted() else 1
    ax.set_yticks(ax.get_yticks(), [""] * len(ax.get_yticks()))
    ax.tick_params(axis="y", length=0)
    low, high = sorted((min(places) - step / 2, max(places) + step / 2))
    ax.set_ylim(*((high, low) if up < 0 else (low, high)))
    for bar in ax.patches:
        if isinstance(bar, Rectangle) and 0.55 * step < bar.get_height() < step:
            bar.set_y(bar.get_y() + (bar.get_height() - 0.5 * step) / 2)
            bar.set_height(0.5 * step)
    for at, name, colour in rows:
        words = wrapped(name, SMALLEST, width)
        tall = hasattr(ax, "narrow_row")
        ax.annotate(words, (0, at + up * step * (0.5 if tall else 0.34)), xycoords=("axes fraction", "data"),
                    xytext=(0, -1), textcoords="offset points", va="top" if tall else "bottom", ha="left",
                    color=colour, fontsize=SMALLEST, zorder=5, annotation_clip=False)  # fmt: skip


def _legends(fig) -> None:
    from matplotlib.legend import Legend

    for old in fig.findobj(Legend):
        if not old.get_visible():
            continue
        words = [wrapped(text.get_text(), SMALLEST, 72 * (WIDTH - 0.7)) for text in old.get_texts()]
        if not words:
            continue
        handles, title = old.legend_handles, old.get_title().get_text()
        if old in fig.legends:  # those of seaborn's figures can't remove themselves
            fig.legends.remove(old)
        else:
            old.remove()
        across = 2 if 2 * max(_long(line, SMALLEST) for each in words for line in each.split("\n")) < 72 * 2 else 1
        fig.legend(handles, words, title=title or None, loc="outside lower left", ncols=across, fontsize=SMALLEST)


def thin(ax, apart: float = 4) -> None:
    """Fewer labels where those of the horizontal axis would stand less than so many points apart; words are wrapped."""
    labels = [label for label in ax.get_xticklabels() if label.get_visible() and label.get_text()]
    if len(labels) < 2:
        return
    boxes = [label.get_window_extent() for label in labels]
    order = sorted(range(len(boxes)), key=lambda place: boxes[place].x0)
    gap = min(boxes[b].x0 - boxes[a].x1 for a, b in itertools.pairwise(order))
    apart *= ax.figure.dpi / 72
    if gap >= apart:
        return
    if any(re.search(r"[^\W\d_]{3}", label.get_text()) for label in labels):
        room = (boxes[order[-1]].x0 - boxes[order[0]].x0) / (len(order) - 1) * 72 / ax.figure.dpi
        if all(_long(word, SMALLEST) < room for label in labels for word in label.get_text().split()):
            ax.set_xticks(ax.get_xticks(), [wrapped(label.get_text(), SMALLEST, room)
                                            for label in ax.get_xticklabels()])  # fmt: skip
        else:
            ax.tick_params(axis="x", labelrotation=35)
            for label in ax.get_xticklabels():
                label.set_ha("right")
                label.set_rotation_mode("anchor")
        return
    every = 2
    while every < len(order) and min(
            (boxes[order[b]].x0 - boxes[order[b - every]].x1 for b in range(every, len(order), every)),
            default=99) < apart:  # fmt: skip
        every += 1
    kept = set(order[::every])
    texts = {id(label): label.get_text() for place, label in enumerate(labels) if place in kept}
    ax.set_xticks(ax.get_xticks(), [texts.get(id(label), "") for label in ax.get_xticklabels()])


def edges(fig, width: float = WIDTH) -> None:
    """Raises `NarrowError` where lettering runs over an edge of a figure so many inches wide."""
    scale, reach = 72 / fig.dpi, 72 * width
    for ax in theme.axes_of(fig):
        ax.get_tightbbox()  # names of axes move to where their panel is now
    for text in [text for ax in theme.axes_of(fig) for text in (
            *ax.texts, ax.title, ax._left_title, *([ax.xaxis.label, ax.yaxis.label] if ax.axison else []))]:
        if text.get_visible() and text.get_text().strip():
            box = text.get_window_extent()
            if not (box.x0 * scale >= -_EDGE and box.x1 * scale <= reach + _EDGE):
                raise NarrowError(f"{text.get_text()[:40]!r} runs over the edge")


def relay(fig, narrow=None) -> None:
    """Lay a drawn figure out anew, `WIDTH` inches wide, one panel a row.

    `narrow`, a function of the figure, does what this can't, once panels stand where they will: it moves texts, sets
    sizes. With `fig.narrow_kept` panels stay where they are, and all is left to it. A row of an axes with `narrow_row`
    is so many inches high, its name at the top. Raises `NarrowError` where lettering runs over an edge.
    """
    from matplotlib.text import Text

    panels = sorted(theme.axes_of(fig), key=lambda ax: (-round(ax.get_position().y1, 1), ax.get_position().x0))
    tall = {ax: ax.get_position().height * fig.get_figheight() for ax in panels}
    for text in fig.findobj(Text):
        text.set_fontsize(min(max(text.get_fontsize(), SMALLEST), LARGEST))
    fig.set_layout_engine("none")
    room = 72 * (WIDTH - 0.1)
    heights = []
    kept = getattr(fig, "narrow_kept", False)
    for ax in panels if not kept else ():
        _tick_labels(ax)
    names = {ax: [] if kept else named(ax) for ax in panels}
    for ax, rows in names.items():
        if rows:
            _names_above(ax, rows, room)
        heights.append(getattr(ax, "narrow_row", ROW if len(rows) < _MANY else 0.8 * ROW) * len(rows) + 0.1 if rows
                       else min(max(tall[ax], _HIGH[0]), _HIGH[1]))
    if len(panels) > 1 and not kept:
        grid = fig.add_gridspec(len(panels), 1, height_ratios=heights)
        for place, ax in enumerate(panels):
            ax.set_subplotspec(grid[place])
    below = {ax.get_xlabel() for ax in panels}
    for place, ax in enumerate(panels if not kept else ()):
        for text in ax.texts:
            text.set_clip_on(False)
        last = place == len(panels) - 1
        words = ax.get_xlabel() if len(below) > 2 or last else ""
        if last and not words:
            words = next((name for name in below if name), "")
        ax.set_xlabel(wrapped(words, ax.xaxis.label.get_fontsize(), room - 20))
        ax.xaxis.label.set_visible(True)
        if ax.get_ylabel():
            ax.set_ylabel(wrapped(ax.get_ylabel(), ax.yaxis.label.get_fontsize(), 72 * heights[place]))
    _legends(fig)
    words = sum(1.4 * LARGEST / 72 * (2 + (ax.get_title(loc="left") or ax.get_title()).count("\n")
                                      + ax.get_xlabel().count("\n") + bool(ax.get_xlabel())) for ax in panels)
    words += sum(0.16 * len(legend.get_texts()) + 0.1 for legend in fig.legends)
    fig.set_size_inches(WIDTH, sum(heights) + words + 0.1)
    if narrow is not None:
        narrow(fig)
    fig.set_layout_engine("constrained")
    with theme.as_printed(fig):
        theme.lay_out(fig)
        for ax in panels:
            thin(ax)
            if not kept:
                _titles(ax, 72 * WIDTH - 72 * ax.get_window_extent().x0 / fig.dpi)
                box = ax.get_window_extent()
                middle = 36 * (box.x0 + box.x1) / fig.dpi
                room = 2 * min(middle, 72 * WIDTH - middle)
                ax.set_xlabel(wrapped(ax.get_xlabel(), ax.xaxis.label.get_fontsize(), room))
        theme.lay_out(fig)
        edges(fig)
    fig.set_layout_engine("none")
