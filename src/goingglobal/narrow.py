"""The narrow form of a figure, for a telephone: the same drawing laid out anew, in one column.

Panels stand below each other, each with its own axis; names of rows stand above their rows; legends stand below; words
are wrapped, none of them smaller than `SMALLEST`. What automatic laying can't do well, the figure's own `narrow` does.
"""

from __future__ import annotations

import re

from goingglobal import theme

__all__ = ["SMALLEST", "WIDTH", "NarrowError", "relay"]

WIDTH = 3.3  # inches; 343 pixels on a telephone of 375, so that a point is 1.44 pixels there
SMALLEST, LARGEST = 8.5, 9.5  # points
ROW = 0.48  # inches of a row with its name above
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
    """Words in lines of at most `width` points; a word that is longer stays whole."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], longer] if not lines[-1] or _long(longer, size) <= width else [*lines, word]
    return "\n".join(lines)


def _named(ax) -> list[tuple[float, str, object]]:
    """Place, name and colour of each row of an axes whose vertical axis holds names; else nothing."""
    low, high = sorted(ax.get_ylim())
    rows = [(at, label.get_text(), label.get_color())
            for at, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
            if low <= at <= high and label.get_text()]  # fmt: skip
    return rows if any(re.search(r"[^\W\d_]{3}", name) for _, name, _ in rows) else []


def _tick_labels(ax) -> None:
    """Every panel has its own numbers and names, also those that shared a neighbour's."""
    ax.tick_params(axis="y", labelleft=True)
    if ax.xaxis.get_tick_params().get("labelbottom") or ax.get_shared_x_axes().get_siblings(ax) != [ax]:
        ax.tick_params(axis="x", labelbottom=True)
    for axis in (ax.xaxis, ax.yaxis):
        for label in axis.get_ticklabels():
            label.set_visible(True)


def _titles(ax, width: float) -> None:
    for title in (ax.title, ax._left_title, ax._right_title):  # matplotlib has no public way to all three
        if title.get_text():
            title.set_text(wrapped(title.get_text(), title.get_fontsize(), width))


def _names_above(ax, rows: list[tuple[float, str, object]], width: float, row: float) -> None:
    places = sorted(at for at, *_ in rows)
    step = min((b - a for a, b in zip(places, places[1:], strict=False)), default=1.0)
    up = -1 if ax.yaxis_inverted() else 1
    ax.set_yticks(ax.get_yticks(), [""] * len(ax.get_yticks()))
    ax.tick_params(axis="y", length=0)
    low, high = sorted((min(places) - step / 2, max(places) + step / 2))
    ax.set_ylim(*((high, low) if up < 0 else (low, high)))
    for at, name, colour in rows:
        words = wrapped(name, SMALLEST, width)
        ax.annotate(words, (0, at + up * step / 2), xycoords=("axes fraction", "data"), xytext=(0, -1),
                    textcoords="offset points", va="top", ha="left", color=colour, fontsize=SMALLEST, zorder=5,
                    annotation_clip=False)  # fmt: skip
    del row


def _legends(fig) -> None:
    from matplotlib.legend import Legend

    for old in fig.findobj(Legend):
        if not old.get_visible():
            continue
        words = [wrapped(text.get_text(), SMALLEST, 72 * (WIDTH - 0.7)) for text in old.get_texts()]
        if not words:
            continue
        handles, title = old.legend_handles, old.get_title().get_text()
        old.remove()
        across = 2 if 2 * max(_long(line, SMALLEST) for each in words for line in each.split("\n")) < 72 * 2 else 1
        fig.legend(handles, words, title=title or None, loc="outside lower left", ncols=across, fontsize=SMALLEST)


def _ticks(ax) -> None:
    """Fewer labels where those of the horizontal axis would run into each other; words are wrapped."""
    labels = [label for label in ax.get_xticklabels() if label.get_visible() and label.get_text()]
    if len(labels) < 2:
        return
    boxes = [label.get_window_extent() for label in labels]
    order = sorted(range(len(boxes)), key=lambda place: boxes[place].x0)
    gap = min(boxes[b].x0 - boxes[a].x1 for a, b in zip(order, order[1:], strict=False))
    if gap >= 4 * ax.figure.dpi / 72:
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
            default=99) < 4 * ax.figure.dpi / 72:  # fmt: skip
        every += 1
    kept = set(order[::every])
    texts = {id(label): label.get_text() for place, label in enumerate(labels) if place in kept}
    ax.set_xticks(ax.get_xticks(), [texts.get(id(label), "") for label in ax.get_xticklabels()])


def _edges(fig) -> None:
    """Raises `NarrowError` where lettering runs over an edge."""
    from matplotlib.text import Text

    scale, reach = 72 / fig.dpi, 72 * WIDTH
    for text in fig.findobj(Text):
        if text.get_visible() and text.get_text().strip() and text.axes is not None:
            box = text.get_window_extent()
            if box.width and not (-_EDGE <= box.x0 * scale and box.x1 * scale <= reach + _EDGE):
                raise NarrowError(f"{text.get_text()[:40]!r} runs over the edge")


def relay(fig, narrow=None) -> None:
    """Lay a drawn figure out anew, `WIDTH` inches wide, one panel a row.

    `narrow`, a function of the figure, does what this can't, before the words are measured: it may set
    `fig.narrow_columns = 2`, heights (`ax.narrow_height = 1.2`, inches), texts. Raises `NarrowError` where a panel has
    no room or lettering runs over an edge.
    """
    from matplotlib.text import Text

    panels = sorted(theme.axes_of(fig), key=lambda ax: (-round(ax.get_position().y1, 1), ax.get_position().x0))
    tall = {ax: ax.get_position().height * fig.get_figheight() for ax in panels}
    for text in fig.findobj(Text):
        text.set_fontsize(min(max(text.get_fontsize(), SMALLEST), LARGEST))
    fig.set_layout_engine("none")
    room = 72 * (WIDTH - 0.1)
    heights = []
    for ax in panels:
        _tick_labels(ax)
        rows = _named(ax)
        if rows:
            _names_above(ax, rows, room, ROW)
        heights.append(getattr(ax, "narrow_height", ROW * len(rows) + 0.1 if rows
                               else min(max(tall[ax], _HIGH[0]), _HIGH[1])))
    if len(panels) > 1:
        grid = fig.add_gridspec(len(panels), 1, height_ratios=heights)
        for place, ax in enumerate(panels):
            ax.set_subplotspec(grid[place])
    below = {ax.get_xlabel() for ax in panels}
    for place, ax in enumerate(panels):
        _titles(ax, room)
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
    fig.draw_without_rendering()
    for ax in panels:
        _ticks(ax)
    fig.draw_without_rendering()
    _edges(fig)
