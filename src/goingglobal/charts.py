"""The book's composite charts: what one call of seaborn can't draw. Tidy data in, a matplotlib figure out.

Each function draws what it is given and nothing else, so that the CSV under an exhibit is the picture. All other
pictures are drawn in the chapters' cells.
"""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import pandas as pd

from goingglobal import theme

__all__ = ["causal_graph", "evidence_map", "official_series", "sign_bars", "specification_curve", "structure"]


def _panels(count: int, columns: int = 2, height: float = 2.5, share_x: bool = False):
    rows = -(-count // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(7.2, height * rows), sharex=share_x, squeeze=False)
    for spare in axes.flat[count:]:
        spare.set_visible(False)
    return fig, list(axes.flat[:count])


def causal_graph(arrows: pd.DataFrame, places: dict[str, tuple[float, float]]):
    """What may cause what: a box for each name of `places` (0 to 1 across and up), an arrow for each row.

    `arrows`: source, target, kind ("question", drawn thick; "both", thin; "reverse", broken, bent below), words beside
    the arrow's middle (may be empty). Raises `KeyError` for an arrow to a box that isn't there.
    """
    fig, ax = plt.subplots(figsize=(7.2, 2.7))
    ax.set_axis_off()
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.1, 1.04)
    boxes = {name: ax.annotate(textwrap.fill(name, 17), at, ha="center", va="center", fontsize=10,
                               bbox={"boxstyle": "round,pad=0.5", "facecolor": "none", "edgecolor": theme.MUTED})
             for name, at in places.items()}  # fmt: skip
    looks = {"question": (theme.COLOURS["accent"], 2.6, "-", 0), "both": (theme.MUTED, 1.3, "-", 0),
             "reverse": (theme.COLOURS["parent"], 1.5, (0, (4, 2)), -0.16)}  # colour, width, line, bend
    beside = []
    for row in arrows.itertuples():
        colour, width, line, bend = looks[row.kind]
        (x0, y0), (x1, y1) = places[row.source], places[row.target]
        ax.annotate("", (x1, y1), xytext=(x0, y0), arrowprops={
            "arrowstyle": "-|>", "color": colour, "linewidth": width, "linestyle": line, "shrinkA": 3, "shrinkB": 3,
            "connectionstyle": f"arc3,rad={bend}", "patchA": boxes[row.source].get_bbox_patch(),
            "patchB": boxes[row.target].get_bbox_patch()})  # fmt: skip
        if row.words:
            beside.append(ax.annotate(row.words, ((x0 + x1) / 2, (y0 + y1) / 2), xytext=(0, -15 if bend else 9),
                                      ha="center", va="center", textcoords="offset points", fontsize=9, color=colour))

    def narrow(_) -> None:
        for name, box in boxes.items():
            box.set_text(textwrap.fill(name, 10 if places[name][1] == 0.5 else 17))
        ax.set_xlim(-0.06, 1.06)
        for words in beside:
            words.xyann = (0, 1.5 * words.xyann[1])
        ax.set_ylim(-0.12, 1.06)

    fig.narrow = narrow
    return fig


def official_series(data: pd.DataFrame, labels: dict[str, tuple[float, float]], year: float, words: str):
    """Official figures over time, one small panel per `panel`; only years that follow each other are joined.

    `data` is a frame of `samples.official_series`. A mark is filled where the publisher itself states the value, hollow
    where it is secondary, derived or approximate. A line ends where a year is missing and where `segment` changes;
    behind the last year of a segment that another follows stands a tick on the axis. `labels` says where a line's name
    stands, in years and values; a line that is alone in its panel needs none. `year` and `words`: the dotted line.
    """
    shapes, styles = ("o", "s", "D"), ("-", (0, (4, 1.5)), (0, (1, 1.2)))
    names = list(dict.fromkeys(data["panel"]))
    fig, axes = _panels(len(names), height=2.25, share_x=True)
    for ax, name in zip(axes, names, strict=True):
        rows = data[data["panel"] == name]
        for place, line in enumerate(dict.fromkeys(rows["line"])):
            mine = rows[rows["line"] == line].sort_values("year")
            colour = theme.COLOURS[mine["country"].iloc[0]]
            new_segment = mine["segment"].ne(mine["segment"].shift())
            for _, run in mine.groupby((new_segment | mine["year"].diff().ne(1)).cumsum()):
                ax.plot(run["year"], run["value"], color=colour, linewidth=1.5, linestyle=styles[place], label=line)
            for own in (True, False):
                part = mine[((mine["rank"] == "publisher") & (mine["exactness"] == "as stated")) == own]
                ax.plot(part["year"], part["value"], shapes[place], color=colour, markersize=4.2, markeredgewidth=1.1,
                        markerfacecolor=colour if own else "none", label="_marks")
            for end in mine.loc[new_segment.shift(-1, fill_value=False), "year"]:
                ax.axvline(end + 0.5, 0, 0.07, color=theme.INK, linewidth=1.4, label="_break")
            if line in labels:
                ax.annotate(line, labels[line], ha="center", va="center", fontsize=8.5, color=colour)
        ax.axvline(year, color=theme.MUTED, linewidth=1, linestyle=":", label="_mark")
        unit = rows["unit"].iloc[0]
        ax.set_title(f"{name}, {unit}", fontsize=10)
        ax.set_ylim(0, 1.2 * rows["value"].max())
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes[0].annotate(words, (year, 0), xycoords=("data", "axes fraction"), xytext=(5, 3), textcoords="offset points",
                     va="bottom", fontsize=8.5, color=theme.MUTED)
    axes[0].set_xlim(data["year"].min() - 1, data["year"].max() + 1)
    return fig


def evidence_map(data: pd.DataFrame, own: pd.DataFrame):
    """Findings by method (lines), sign (columns) and destination (panels), one mark each; our own as diamonds.

    `data`: method, destination, sign, country (Japan, Germany, other), small (1: about small firms); `own`: method,
    destination, sign, name.
    """
    signs, shapes = ["negative", "neither", "positive"], {"Japan": "o", "Germany": "s", "other": "^"}
    methods, panels = list(dict.fromkeys(data["method"])), list(dict.fromkeys(data["destination"]))
    fig, axes = plt.subplots(1, len(panels), figsize=(7.2, 1.0 + 0.62 * len(methods)), sharey=True,
                             width_ratios=[1.7 if i == 0 else 1 for i in range(len(panels))], squeeze=False)
    for ax, panel in zip(axes.flat, panels, strict=True):
        wide = 7 if panel == panels[0] else 4
        both = pd.concat([data.assign(own=0), own.assign(own=1, country="own", small=0)])
        for (method, sign), cell in both[both["destination"] == panel].groupby(["method", "sign"]):
            order = cell.sort_values(["own", "country", "small"], ascending=[False, True, True])
            for place, (_, row) in enumerate(order.iterrows()):
                x = signs.index(sign) + 0.8 * ((place % wide) - (wide - 1) / 2) / wide
                y = -methods.index(method) + 0.26 - 0.21 * (place // wide)
                if row["own"]:
                    ax.plot(x, y, "D", color=theme.INK, markersize=6)
                    continue
                colour = theme.COLOURS[row["country"]]
                ax.plot(x, y, shapes[row["country"]], color=colour, markersize=4.3,
                        markerfacecolor="none" if row["small"] else colour)
        for line in (0.5, 1.5):
            ax.axvline(line, color=theme.GRID, linewidth=0.8)
        ax.set_xticks(range(3), ["−", "0", "+"])
        ax.set_xlim(-0.55, 2.55)
        ax.set_title(panel)
        ax.grid(visible=False)
        for line in range(len(methods) - 1):
            ax.axhline(-line - 0.5, color=theme.GRID, linewidth=0.8)
    axes[0, 0].set_yticks([-i for i in range(len(methods))], methods)
    axes[0, 0].set_ylim(-len(methods) + 0.5, 0.5)
    for ax in axes.flat:
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.narrow_row = 0.72  # marks stand in up to four lines
    return fig


def sign_bars(data: pd.DataFrame, xlabel: str):
    """Counts of negative, null (neither) and positive findings by group, one panel per `panel`, stacked around zero.

    `data`: panel, group, negative, neither, positive. Negative counts run to the left and are hatched, positive ones to
    the right and are filled, null ones lie empty across zero, half on each side. Counts are written but for zeros and
    a single null, whose bar is too narrow.
    """
    panels = list(dict.fromkeys(data["panel"]))
    heights = [int((data["panel"] == panel).sum()) for panel in panels]
    fig, axes = plt.subplots(len(panels), 1, figsize=(7.2, 0.7 + sum(0.45 + 0.27 * h for h in heights)), sharex=True,
                             squeeze=False, gridspec_kw={"height_ratios": [h + 0.5 for h in heights]})
    red, green = theme.COLOURS["Japan"], theme.COLOURS["group"]
    for ax, panel in zip(axes.flat, panels, strict=True):
        rows = data[data["panel"] == panel].reset_index(drop=True)
        for place, row in rows.iterrows():
            half = row["neither"] / 2
            ax.barh(-place, -row["negative"], left=-half, height=0.62, facecolor="none", edgecolor=red, hatch="/////",
                    linewidth=0.9)
            ax.barh(-place, row["neither"], left=-half, height=0.62, facecolor="none", edgecolor=theme.MUTED,
                    linewidth=0.9)
            ax.barh(-place, row["positive"], left=half, height=0.62, color=green, linewidth=0)
            for count, x, side, colour in ((row["negative"], -half - row["negative"], "right", red),
                                           (row["neither"], 0, "center", theme.INK),
                                           (row["positive"], half + row["positive"], "left", green)):
                if count > (side == "center"):
                    ax.annotate(f"{count:d}", (x, -place), ha=side, va="center", color=colour, fontsize=8.5,
                                xytext=({"right": -3, "center": 0, "left": 3}[side], 0), textcoords="offset points")
        ax.set_yticks([-i for i in range(len(rows))], rows["group"])
        ax.set_ylim(-len(rows) + 0.45, 0.55)
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", length=0, labelbottom=False)
        ax.grid(visible=False)
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
        ax.set_title(panel)
    reach = max((data["neither"] / 2 + data[side]).max() for side in ("negative", "positive"))
    axes[0, 0].set_xlim(-1.1 * reach, 1.1 * reach)
    axes[-1, 0].set_xlabel(xlabel)
    keys = [axes[0, 0].annotate(words, (x, 1), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points",
                                ha=side, color=colour, fontsize=8.5, annotation_clip=False)
            for words, x, side, colour in (("hatched: negative", 0.19, "left", red),
                                           ("empty: null", 0.5, "center", theme.INK),
                                           ("filled: positive", 1, "right", green))]  # fmt: skip

    def narrow(_) -> None:
        for key in keys:
            key.xyann = (0, 22)
        keys[0].xy = (0, 1)

    fig.narrow = narrow
    return fig


def specification_curve(curve: pd.DataFrame, choices: pd.DataFrame, colours: dict[str, str], ylabel: str):
    """Estimates in order, one panel per `panel`, and beneath them which choices each one makes, level with it.

    `curve`: panel, line (the first is drawn with its intervals and, dotted, `null_low` and `null_high`, another
    dashed), rank (0 to 100), value, ci_low, ci_high. `choices`: panel, group, option, rank: a tick where the estimate
    at that rank of the panel's first line has the option. `colours`: panel → colour of the theme. Intervals that reach
    far beyond the estimates are cut off.
    """
    from matplotlib.lines import Line2D

    lines, places, names, at = list(dict.fromkeys(curve["line"])), {}, [], 0.0
    for group, rows in choices.groupby("group", sort=False):
        names.append((at, group, theme.MUTED))
        for option in dict.fromkeys(rows["option"]):
            at += 1
            places[group, option] = at
            names.append((at, option, theme.INK))
        at += 1.35
    fig, axes = plt.subplots(2, len(colours), figsize=(7.2, 2.6 + 0.15 * at), sharex=True, sharey="row", squeeze=False,
                             height_ratios=[2.2, 0.15 * at], layout="constrained")
    for (top, low), (panel, name) in zip(axes.T, colours.items(), strict=True):
        colour, mine = theme.COLOURS[name], curve[curve["panel"] == panel]
        for line, rows in mine.groupby("line", sort=False):
            first = line == lines[0]
            if first:
                theme.band(top, rows["rank"], rows["ci_low"], rows["ci_high"], colour)
                top.plot(rows["rank"], rows[["null_low", "null_high"]], color=theme.MUTED, linewidth=1, linestyle=":")
            top.plot(rows["rank"], rows["value"], color=colour, linewidth=2 if first else 1.2,
                     linestyle="-" if first else (0, (4, 2)))
        top.axhline(0, color=theme.MUTED, linewidth=1, zorder=1)
        top.set_title(panel, fontsize=9.5)
        ticks = choices[choices["panel"] == panel]
        half = 50 / max(1, ticks["rank"].nunique() - 1)
        for key, rows in ticks.groupby(["group", "option"]):
            ranks = rows["rank"].sort_values()
            apart = ranks.diff().gt(max(2.5 * half, 0.8)).cumsum()  # neighbours, and gaps too fine to be seen, are one
            runs = [x for _, run in ranks.groupby(apart) for x in (run.iloc[0] - half, run.iloc[-1] + half, None)]
            low.plot(pd.Series(runs, dtype=float), [places[key]] * len(runs), color=colour, linewidth=6.5,
                     solid_capstyle="butt")
        for ax in (top, low):
            ax.spines["left"].set_visible(False)
            ax.tick_params(axis="y", length=0)
        top.spines["bottom"].set_visible(False)
        top.tick_params(axis="x", length=0, labelbottom=False)
        low.set_xticks([0, 50, 100])
        low.grid(visible=False)
    spread = curve["value"].max() - curve["value"].min()
    axes[0, 0].set_ylim(curve["value"].min() - 0.15 * spread, curve["value"].max() + 0.15 * spread)
    axes[0, 0].set_ylabel(ylabel)
    axes[1, 0].set_ylim(at - 0.6, -0.6)
    axes[1, 0].set_yticks([y for y, *_ in names], [words for _, words, _ in names], fontsize=8)
    for label, (*_, colour) in zip(axes[1, 0].get_yticklabels(), names, strict=True):
        label.set_color(colour)
    axes[1, 0].set_xlabel("Specifications in order, %", loc="left", fontsize=9)
    kinds = [("-", 2, lines[0]), *(((0, (4, 2)), 1.2, line) for line in lines[1:]), (":", 1, "shuffled start dates")]
    fig.legend([Line2D([], [], color=theme.MUTED, linestyle=style, linewidth=width) for style, width, _ in kinds],
               [words for *_, words in kinds], loc="outside upper right", ncols=len(kinds), fontsize=8.5)

    def narrow(_) -> None:  # columns stay side by side, the choices' names stand above their ticks
        for ax in axes[0]:
            words = textwrap.wrap(ax.get_title(loc="left"), 9)
            ax.set_title("\n".join(words), loc="left", fontsize=8.5)
        for ax in axes[1]:
            for line in ax.lines:
                line.set_linewidth(5)
            ax.set_xticks([0, 50, 100], ["0", "", "100"])
        axes[1, 0].set_yticks([y for y, *_ in names], [""] * len(names))
        axes[1, 0].set_ylim(at - 0.6, -1)
        for y, words, colour in names:
            axes[1, 0].annotate(words, (0, y - 0.2), xycoords=("axes fraction", "data"), va="bottom", color=colour,
                                fontsize=8.5, annotation_clip=False).set_in_layout(False)  # fmt: skip
        axes[0, 0].get_gridspec().set_height_ratios([2.6, 0.27 * at])
        fig.set_size_inches(3.3, 4.2 + 0.27 * at)

    def slide(_) -> None:  # the estimates alone: which choices they make nobody reads from afar
        for ax in axes[1]:
            ax.remove()
        for ax in axes[0]:
            ax.spines["bottom"].set_visible(True)
            ax.tick_params(axis="x", length=3, labelbottom=True)
        axes[0, 0].get_gridspec().set_height_ratios([1, 0.001])
        axes[0, 0].set_xlabel(axes[1, 0].get_xlabel(), loc="left")

    fig.narrow, fig.narrow_kept, fig.slide = narrow, True, slide
    return fig


def structure(data: pd.DataFrame, moved: str):
    """A group before and after staff move from the parent to a subsidiary, and what a report counts; a scheme.

    `data`: `when` (two, drawn side by side), `unit` ("Parent", "Domestic subsidiary", "Foreign subsidiary") and
    `people`, each a dot; those whom the parent loses are rings in the domestic subsidiary. `moved` says so, between the
    two. The outer frame is the group, the broken one Japan. Below stand the counts of parent, jobs in Japan and group.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.1), sharex=True, sharey=True)
    rooms = {"Parent": (0.35, 2.9, "parent"), "Domestic subsidiary": (0.35, 0.4, "Japan"),
             "Foreign subsidiary": (4.05, 1.65, "group")}  # left, bottom, colour
    people = data.pivot(index="unit", columns="when", values="people")
    whens = list(dict.fromkeys(data["when"]))
    for ax, when in zip(axes, whens, strict=True):
        now = people[when]
        frames = {"Group": (0, 0, 7.2, 5.6, "group", "-"), "Japan": (0.15, 0.2, 3.6, 4.85, "Japan", (0, (4, 2)))}
        for words, (left, bottom, width, height, colour, line) in frames.items():
            ax.add_patch(plt.Rectangle((left, bottom), width, height, facecolor="none", linewidth=1.2, linestyle=line,
                                       edgecolor=theme.COLOURS[colour]))
            ax.annotate(words, (left + width, bottom + height), xytext=(-4, -4), textcoords="offset points",
                        ha="right", va="top", fontsize=10, color=theme.COLOURS[colour])
        for unit, (left, bottom, colour) in rooms.items():
            ax.add_patch(plt.Rectangle((left, bottom), 2.95, 1.65, facecolor="none", edgecolor=theme.MUTED,
                                       linewidth=0.9))
            ax.annotate(unit, (left, bottom + 1.65), xytext=(4, -4), textcoords="offset points", va="top", fontsize=9.5)
            stayed = min(now[unit], people.loc[unit, whens[0]])
            for place in range(now[unit]):
                ax.plot(left + 0.3 + 0.47 * (place % 6), bottom + 0.8 - 0.48 * (place // 6), "o", markersize=6,
                        markeredgewidth=1.3, color=theme.COLOURS[colour if place < stayed else "parent"],
                        markerfacecolor=theme.COLOURS[colour] if place < stayed else "none")
        japan = now["Parent"] + now["Domestic subsidiary"]
        counts = {"Parent, reported": (now["Parent"], "parent"), "Jobs in Japan, not reported": (japan, "Japan"),
                  "Group, reported": (now.sum(), "group")}
        for line, (words, (count, colour)) in enumerate(counts.items()):
            at = -0.65 - 0.72 * line
            ax.annotate(words, (0, at), va="center", fontsize=10, color=theme.COLOURS[colour])
            ax.annotate(f"{count}", (7.2, at), va="center", ha="right", fontsize=11.5, color=theme.COLOURS[colour])
        ax.set_title(when)
        ax.set_axis_off()
    axes[0].set_xlim(-0.05, 7.25)
    axes[0].set_ylim(-2.4, 5.65)
    axes[1].annotate(moved, (1.82, 2.475), ha="center", va="center", fontsize=9.5, color=theme.COLOURS["parent"])
    return fig
