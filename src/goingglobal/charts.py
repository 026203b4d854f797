"""The book's charts: tidy data in, a matplotlib figure out.

Each function draws what it is given and nothing else, so that the CSV under an exhibit is the
picture. Drawing lives here, between `theme` and `exhibits`; notebooks choose and describe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from goingglobal import theme

__all__ = [
    "coefficients", "country_panels", "counts", "curve_of_specifications", "discontinuity", "dots", "event_path",
    "evidence_map", "gradient", "lines", "official_series", "overlap", "quantile_lines", "ranked", "responses",
    "scatter", "sign_bars", "sized_lines", "sweep", "synthetic", "timeline",
]

if TYPE_CHECKING:  # the site's extensions load this module, and need no estimator
    from goingglobal.models import Estimate


def _panels(count: int, columns: int = 2, height: float = 2.5, share_x: bool = False):
    rows = -(-count // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(7.2, height * rows), sharex=share_x, squeeze=False)
    for spare in axes.flat[count:]:
        spare.set_visible(False)
    return fig, list(axes.flat[:count])


def country_panels(data: pd.DataFrame, panels: dict[str, str], breaks: dict[int, str] | None = None):
    """Japan and Germany over time, one small panel per series.

    `data` has year, country and one column per series; `panels` maps columns to titles; `breaks` marks years.
    """
    fig, axes = _panels(len(panels), share_x=True)
    for place, (ax, (column, title)) in enumerate(zip(axes, panels.items(), strict=True)):
        for country, rows in data.dropna(subset=[column]).groupby("country"):
            ax.plot(rows["year"], rows[column], color=theme.COLOURS[country], linewidth=1.8,
                    linestyle="-" if country == "Japan" else (0, (5, 1.5)))
            if place == 0:
                last = rows.iloc[-1]
                theme.direct_label(ax, last["year"], last[column], country, theme.COLOURS[country])
        for year, words in (breaks or {}).items():
            ax.axvline(year, color=theme.MUTED, linewidth=0.8, linestyle=":")
            if place == 0:
                ax.annotate(words, (year, 1), xycoords=("data", "axes fraction"), xytext=(-4, -6), va="top", ha="right",
                            textcoords="offset points", fontsize=8.5, color=theme.MUTED)
        ax.set_title(title)
    return fig


def coefficients(estimates: dict[str, Estimate], xlabel: str, colours: Sequence[str] | None = None, digits: int = 2):
    """Points with 95 % intervals, the first on top, the value written beside each."""
    fig, ax = plt.subplots(figsize=(7.2, 1.0 + 0.4 * len(estimates)))
    theme.zero_line(ax, vertical=True)
    for place, (_, estimate) in enumerate(estimates.items()):
        colour = colours[place] if colours else theme.COLOURS["Japan"]
        ax.plot([estimate.ci_low, estimate.ci_high], [-place, -place], color=colour, linewidth=2)
        ax.plot(estimate.value, -place, "o", color=colour, markersize=6)
        ax.annotate(f"{estimate.value:+.{digits}f}".replace("-", "−"), (1.0, -place),
                    xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points", va="center",
                    color=colour, annotation_clip=False)
    ax.set_yticks([-i for i in range(len(estimates))], list(estimates))
    ax.set_ylim(-len(estimates) + 0.4, 0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel)
    return fig


def responses(data: pd.DataFrame, ylabel: str, xlabel: str = "Years after"):
    """Local projections: one panel per `series`, with band; `horizon` below zero is before the event."""
    names = list(dict.fromkeys(data["series"]))
    fig, axes = plt.subplots(1, len(names), figsize=(7.2, 3.2), sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, names, strict=True):
        rows = data[data["series"] == name].sort_values("horizon")
        theme.zero_line(ax)
        ax.axvspan(rows["horizon"].min() - 0.4, -0.5, color=theme.COLOURS["other"], alpha=0.12, linewidth=0)
        theme.band(ax, rows["horizon"], rows["ci_low"], rows["ci_high"], theme.COLOURS["accent"])
        ax.plot(rows["horizon"], rows["value"], "o-", color=theme.COLOURS["accent"], markersize=4.5)
        ax.set_title(name)
        ax.set_xlabel(xlabel)
        ax.set_xticks(rows["horizon"])
    axes[0, 0].set_ylabel(ylabel)
    axes[0, 0].annotate("before", (0, 0), xycoords="axes fraction", xytext=(4, 5), textcoords="offset points",
                        fontsize=8.5, color=theme.MUTED)
    return fig


def scatter(data: pd.DataFrame, x: str, y: str, xlabel: str, ylabel: str, mark: Sequence[int] = ()):
    """One panel per country: points, fitted line, and some years written out. `data` has country, year, `fit`."""
    countries = list(dict.fromkeys(data["country"]))
    fig, axes = plt.subplots(1, len(countries), figsize=(7.2, 3.2), sharey=True, squeeze=False)
    for ax, country in zip(axes.flat, countries, strict=True):
        rows = data[data["country"] == country]
        colour = theme.COLOURS[country]
        theme.zero_line(ax)
        ax.plot(rows[x], rows[y], "o" if country == "Japan" else "s", color=colour, markersize=4, alpha=0.75)
        line = rows.sort_values(x)
        ax.plot(line[x], line["fit"], color=colour)
        for _, point in rows[rows["year"].isin(mark)].iterrows():
            theme.direct_label(ax, point[x], point[y], f"{point['year']:.0f}", theme.MUTED, fontsize=8)
        ax.set_title(country)
        ax.set_xlabel(xlabel)
    axes[0, 0].set_ylabel(ylabel)
    return fig


def sized_lines(data: pd.DataFrame, label_years: dict[str, int], break_year: float, ylabel: str):
    """Lines over years in panels: `panel`, `line`, `year`, `value`; a line is broken where its `segment` changes."""
    names = list(dict.fromkeys(data["panel"]))
    fig, axes = _panels(len(names), columns=len(names), height=3.4)
    styles = ["-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), "-"]
    for ax, name in zip(axes, names, strict=True):
        rows = data[data["panel"] == name]
        for place, line in enumerate(dict.fromkeys(rows["line"])):
            colour = theme.COLOURS["Japan"] if line.startswith("abroad") else theme.COLOURS["Germany"]
            mine = rows[rows["line"] == line]
            for _, part in mine.groupby("segment"):
                ax.plot(part["year"], part["value"], color=colour, linestyle=styles[place % len(styles)],
                        linewidth=2.4 if line.startswith("abroad") else 1.5)
            at = mine[mine["year"] == label_years.get(line, mine["year"].max())].iloc[-1]
            theme.direct_label(ax, at["year"], at["value"], line, colour, fontsize=8.5)
        ax.axvline(break_year, color=theme.MUTED, linewidth=0.8, linestyle=":")
        ax.set_title(name)
        ax.margins(x=0.02)
        ax.set_xlim(right=rows["year"].max() + 0.42 * (rows["year"].max() - rows["year"].min()))
        ax.set_xticks([year for year in range(2008, 2024, 3) if year <= rows["year"].max()])
    axes[0].set_ylabel(ylabel)
    return fig


def gradient(points: pd.DataFrame, curves: pd.DataFrame, xlabel: str, ylabel: str, ticks: Sequence[float],
             tick_labels: Sequence[str] | None = None):
    """Shares against size on a log axis.

    `points`: series, country, size, share, marker, filled; `curves`: series, country, size, share, low, high, style.
    """
    fig, ax = plt.subplots(figsize=(7.2, 4.2))
    for series, rows in curves.groupby("series", sort=False):
        colour = theme.COLOURS[rows["country"].iloc[0]]
        theme.band(ax, rows["size"], rows["low"], rows["high"], colour)
        ax.plot(rows["size"], rows["share"], color=colour, linestyle=rows["style"].iloc[0])
        last = rows.iloc[-1]
        theme.direct_label(ax, last["size"], last["share"], series, colour, fontsize=9)
    for series, rows in points.groupby("series", sort=False):
        colour = theme.COLOURS[rows["country"].iloc[0]]
        filled = bool(rows["filled"].iloc[0])
        ax.plot(rows["size"], rows["share"], rows["marker"].iloc[0], color=colour, markersize=7,
                markerfacecolor=colour if filled else "none")
        if not (curves["series"] == series).any():
            top = rows.sort_values("size").iloc[-1]
            theme.direct_label(ax, top["size"], top["share"], series, colour, dx=9, fontsize=9)
    ax.set_xscale("log")
    ax.set_xticks(list(ticks), tick_labels or [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlim(right=max(points["size"].max(), curves["size"].max()) * 6)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return fig


def sweep(data: pd.DataFrame, xlabel: str, ylabel: str, mark: Sequence[float] = ()):
    """Estimates for every cut-off: `series`, `position`, `value`, `ci_low`, `ci_high`, `cutoff` (text), `treated`."""
    names = list(dict.fromkeys(data["series"]))
    fig, axes = plt.subplots(1, len(names), figsize=(7.2, 3.7), sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, names, strict=True):
        colour = theme.COLOURS["home" if name.startswith("Home") else "group"]
        rows = data[data["series"] == name].sort_values("position")
        theme.zero_line(ax)
        ax.vlines(rows["position"], rows["ci_low"], rows["ci_high"], color=colour, alpha=0.45, linewidth=2)
        ax.plot(rows["position"], rows["value"], color=colour, linewidth=1)
        inside = rows["cutoff"].ne("none")
        ax.plot(rows["position"][inside], rows["value"][inside], "o", color=colour, markersize=5)
        ax.plot(rows["position"][~inside], rows["value"][~inside], "D", color=colour, markersize=8,
                markerfacecolor="none", markeredgewidth=2)
        for _, row in rows[rows["position"].isin(mark) | ~inside].iterrows():
            ax.annotate(f"{row['value']:+.2f}".replace("-", "−"), (row["position"], row["ci_high"]), xytext=(0, 4),
                        textcoords="offset points", ha="center", fontsize=8.5, color=colour)
        ax.set_xticks(rows["position"][::2], rows["cutoff"][::2])
        ax.set_title(name)
        ax.set_xlabel(xlabel)
    axes[0, 0].set_ylabel(ylabel)
    return fig


def event_path(path: pd.DataFrame, ylabel: str, xlabel: str = "Years since the first year with FDI"):
    """An event study: value, interval and firms behind each point, the reference period hollow."""
    fig, ax = plt.subplots(figsize=(7.2, 3.9))
    theme.zero_line(ax)
    ax.axvline(-0.5, color=theme.MUTED, linewidth=0.8, linestyle=":")
    rows = path[~path["reference"]]
    before = rows["event_time"] < 0
    for part, colour in ((rows[before], theme.COLOURS["other"]), (rows[~before], theme.COLOURS["home"])):
        ax.vlines(part["event_time"], part["ci_low"], part["ci_high"], color=colour, linewidth=2)
        ax.plot(part["event_time"], part["value"], "o", color=colour, markersize=6)
    base = path[path["reference"]]
    ax.plot(base["event_time"], base["value"], "o", color=theme.MUTED, markerfacecolor="none", markersize=6)
    for _, row in rows.iterrows():
        ax.annotate(f"{row['starters']:.0f}", (row["event_time"], 0), xycoords=("data", "axes fraction"), xytext=(0, 6),
                    textcoords="offset points", ha="center", fontsize=8.5, color=theme.MUTED)
    ax.annotate("starters behind each point:", (0, 0), xycoords="axes fraction", xytext=(6, 20),
                textcoords="offset points", fontsize=8.5, color=theme.MUTED)
    ax.set_ylim(bottom=path["ci_low"].min() - 0.28 * (path["ci_high"].max() - path["ci_low"].min()))
    ax.set_xticks(path["event_time"])
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    return fig


def ranked(data: pd.DataFrame, names: str, xlabel: str):
    """Many estimates in order: `names`, value, ci_low, ci_high; one thin line each."""
    fig, ax = plt.subplots(figsize=(7.2, 1.0 + 0.17 * len(data)))
    theme.zero_line(ax, vertical=True)
    places = np.arange(len(data))
    ax.hlines(places, data["ci_low"], data["ci_high"], color=theme.COLOURS["other"], linewidth=1.2)
    ax.plot(data["value"], places, "o", color=theme.COLOURS["accent"], markersize=4)
    ax.set_yticks(places, data[names], fontsize=8)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set_xlabel(xlabel)
    return fig


def quantile_lines(data: pd.DataFrame, xlabel: str, ylabel: str):
    """An effect along the distribution: `series`, `quantile`, value, ci_low, ci_high, one panel per series."""
    names = list(dict.fromkeys(data["series"]))
    fig, axes = plt.subplots(1, len(names), figsize=(7.2, 3.1), sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, names, strict=True):
        rows = data[data["series"] == name].sort_values("quantile")
        colour = theme.COLOURS["home" if name.startswith("Home") else "group"]
        theme.zero_line(ax)
        theme.band(ax, rows["quantile"], rows["ci_low"], rows["ci_high"], colour)
        ax.plot(rows["quantile"], rows["value"], "o-", color=colour, markersize=4.5)
        ax.set_title(name)
        ax.set_xlabel(xlabel)
    axes[0, 0].set_ylabel(ylabel)
    return fig


def dots(data: pd.DataFrame, xlabel: str, columns: int = 1, zero: bool = True, digits: int | None = None,
         share_names: bool = False):
    """Values with intervals on named lines, in panels.

    `data`: panel, name, series, value, ci_low, ci_high (missing: no interval), colour (a name of `theme.COLOURS`),
    filled (0/1). Rows of one name share a line, one below the other; `digits` writes the values; `share_names` names
    the lines in the first panel only. Several series are named at their first line.
    """
    panels = list(dict.fromkeys(data["panel"]))
    names = {p: list(dict.fromkeys(data.loc[data["panel"] == p, "name"])) for p in panels}
    series = list(dict.fromkeys(data["series"]))
    per_line = max(1, len(series))
    rows = -(-len(panels) // columns)
    heights = [max(len(names[p]) for p in panels[r * columns:(r + 1) * columns]) for r in range(rows)]
    tall = sum(0.62 + h * (0.17 + 0.17 * per_line) for h in heights) + 0.35
    fig, axes = plt.subplots(rows, columns, figsize=(7.2, tall), squeeze=False, sharex=True, sharey=share_names,
                             gridspec_kw={"height_ratios": [h + 0.6 for h in heights]})
    for ax in axes.flat[len(panels):]:
        ax.set_visible(False)
    for ax, panel in zip(axes.flat, panels, strict=False):
        if zero:
            theme.zero_line(ax, vertical=True)
        mine = data[data["panel"] == panel]
        for place, name in enumerate(names[panel]):
            for _, row in mine[mine["name"] == name].iterrows():
                step = series.index(row["series"]) - (per_line - 1) / 2
                y, colour = -place - 0.62 * step / per_line, theme.COLOURS[row["colour"]]
                if np.isfinite(row["ci_low"]):
                    ax.plot([row["ci_low"], row["ci_high"]], [y, y], color=colour, linewidth=2)
                ax.plot(row["value"], y, "o", color=colour, markersize=6,
                        markerfacecolor=colour if row["filled"] else "none", markeredgewidth=1.6)
                right = row["ci_high"] if np.isfinite(row["ci_low"]) else row["value"]
                words = [] if digits is None else [f"{row['value']:.{digits}f}".replace("-", "−")]
                if place == 0 and panel == panels[0] and per_line > 1:
                    words.append(row["series"])
                if words:
                    theme.direct_label(ax, right, y, "  ".join(words), colour, dx=7, fontsize=8.5)
        ax.set_yticks([-i for i in range(len(names[panel]))], names[panel])
        ax.set_ylim(-len(names[panel]) + 0.45, 0.55)
        ax.tick_params(axis="y", length=0)
        ax.grid(visible=False, axis="y")
        ax.grid(visible=True, axis="x")
        ax.spines["left"].set_visible(False)
        ax.set_title(panel)
    for ax in axes[-1]:
        ax.set_xlabel(xlabel)
    return fig


def overlap(data: pd.DataFrame, xlabel: str, up: str, down: str):
    """Two groups' histograms back to back: `data` has bin (left edge), width, up and down (shares, %)."""
    fig, ax = plt.subplots(figsize=(7.2, 3.4))
    ax.bar(data["bin"], data["up"], width=0.94 * data["width"], align="edge", color=theme.COLOURS["home"], linewidth=0)
    ax.bar(data["bin"], -data["down"], width=0.94 * data["width"], align="edge", color=theme.COLOURS["other"],
           linewidth=0)
    theme.zero_line(ax)
    for words, y, colour in ((up, 0.93, "home"), (down, 0.07, "other")):
        ax.annotate(words, (0.02, y), xycoords="axes fraction", color=theme.COLOURS[colour], va="center")
    ticks = ax.get_yticks()
    ax.set_yticks(ticks, [f"{abs(t):g}" for t in ticks])
    ax.set_xlabel(xlabel)
    ax.set_ylabel("Firms of the group, %")
    return fig


def discontinuity(points: pd.DataFrame, fits: pd.DataFrame, cutoff: float, xlabel: str, words: str = ""):
    """Binned means and fitted lines on both sides of a cut-off, one panel per `panel`.

    `points`: panel, side, middle, value, se, n; `fits`: panel, side, x, value.
    """
    names = list(dict.fromkeys(points["panel"]))
    fig, axes = plt.subplots(1, len(names), figsize=(7.2, 3.3), squeeze=False)
    for ax, name in zip(axes.flat, names, strict=True):
        for side, colour in (("below", theme.COLOURS["Japan"]), ("above", theme.COLOURS["other"])):
            rows = points[(points["panel"] == name) & (points["side"] == side)]
            ax.vlines(rows["middle"], rows["value"] - 1.96 * rows["se"], rows["value"] + 1.96 * rows["se"],
                      color=colour, alpha=0.4, linewidth=1.5)
            ax.plot(rows["middle"], rows["value"], "o" if side == "below" else "s", color=colour, markersize=4.5)
            line = fits[(fits["panel"] == name) & (fits["side"] == side)]
            ax.plot(line["x"], line["value"], color=colour)
        ax.axvline(cutoff, color=theme.MUTED, linewidth=1, linestyle=":")
        ax.set_title(name)
        ax.set_xlabel(xlabel)
    axes[0, 0].annotate(words, (cutoff, 1), xycoords=("data", "axes fraction"), xytext=(-4, -7), ha="right", va="top",
                        textcoords="offset points", fontsize=8.5, color=theme.MUTED)
    return fig


def lines(data: pd.DataFrame, xlabel: str, ylabel: str, mark: dict[str, float] | None = None,
          level: float | None = None, share_y: bool = True, share_x: bool = True):
    """Lines with bands, one panel per `panel`: x, value, ci_low, ci_high (missing: no band), colour.

    `mark` draws a vertical line per panel, `level` a horizontal one in all; zero is drawn where it is within reach.
    """
    names = list(dict.fromkeys(data["panel"]))
    fig, axes = plt.subplots(1, len(names), figsize=(7.2, 3.2), sharey=share_y, sharex=share_x, squeeze=False)
    for ax, name in zip(axes.flat, names, strict=True):
        rows = data[data["panel"] == name].sort_values("x")
        colour = theme.COLOURS[rows["colour"].iloc[0]]
        theme.zero_line(ax)
        if rows["ci_low"].notna().any():
            theme.band(ax, rows["x"], rows["ci_low"], rows["ci_high"], colour)
        ax.plot(rows["x"], rows["value"], color=colour)
        if mark:
            ax.axvline(mark[name], color=theme.MUTED, linewidth=1, linestyle=":")
        if level is not None:
            ax.axhline(level, color=theme.MUTED, linewidth=1, linestyle="--")
        ax.set_title(name)
        ax.set_xlabel(xlabel)
    axes[0, 0].set_ylabel(ylabel)
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


def synthetic(paths: pd.DataFrame, placebos: pd.DataFrame, year: int, ylabel: str, xlabel: str):
    """The treated country beside its synthetic self; the effect among the placebo effects of all donors.

    `paths`: year, treated, synthetic; `placebos`: iso3, value, own (1 for the treated country).
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6), width_ratios=[3, 2])
    left.axvline(year - 0.5, color=theme.MUTED, linewidth=1, linestyle=":")
    theme.zero_line(left)
    for column, colour, style, name in (("treated", "Japan", "-", "Japan"),
                                        ("synthetic", "other", (0, (5, 1.5)), "synthetic Japan")):
        left.plot(paths["year"], paths[column], color=theme.COLOURS[colour], linestyle=style)
        last = paths.iloc[-1]
        theme.direct_label(left, last["year"], last[column], name, theme.COLOURS[colour], fontsize=9)
    left.set_xlim(right=paths["year"].max() + 0.45 * (paths["year"].max() - paths["year"].min()))
    left.set_xticks([y for y in paths["year"] if y % 5 == 0])
    left.set_ylabel(ylabel)
    order = placebos.sort_values("value").reset_index(drop=True)
    theme.zero_line(right, vertical=True)
    own = order["own"] == 1
    right.plot(order["value"][~own], order.index[~own], "o", color=theme.COLOURS["other"], markersize=4)
    right.plot(order["value"][own], order.index[own], "D", color=theme.COLOURS["Japan"], markersize=7)
    for place, row in order.iterrows():
        if row["own"] or place in (0, len(order) - 1):
            far = row["value"] > order["value"].mean()
            right.annotate("Japan" if row["own"] else row["iso3"], (row["value"], place), va="center",
                           xytext=(-8 if far else 8, 0), textcoords="offset points", ha="right" if far else "left",
                           color=theme.COLOURS["Japan" if row["own"] else "other"], fontsize=9)
    right.set_yticks([])
    right.grid(visible=False, axis="y")
    right.grid(visible=True, axis="x")
    right.set_title("Effect if dated for another country")
    right.set_xlabel(xlabel)
    return fig


def timeline(data: pd.DataFrame, mark: dict[int, str]):
    """Dated events, newest at the bottom: country, programme, year, rank; hollow where not the publisher's."""
    fig, ax = plt.subplots(figsize=(7.2, 0.9 + 0.27 * len(data)))
    rows = data.sort_values(["year", "country"]).reset_index(drop=True)
    start = 1995  # earlier ones are drawn at the edge, their year written
    for place, row in rows.iterrows():
        colour = theme.COLOURS[row["country"]]
        x = max(row["year"], start)
        ax.plot(x, -place, "o" if row["country"] == "Japan" else "s", color=colour, markersize=7,
                markerfacecolor=colour if row["rank"] == "publisher" else "none", markeredgewidth=1.6)
        theme.direct_label(ax, x, -place, f"{row['year']}  {row['programme']}", colour, dx=9, fontsize=9)
    for year, words in mark.items():
        ax.axvline(year, color=theme.MUTED, linewidth=1, linestyle=":")
        ax.annotate(words, (year, 0.6), xytext=(5, 0), textcoords="offset points", fontsize=8.5, color=theme.MUTED,
                    va="center")
    ax.set_ylim(-len(rows) + 0.4, 1.1)
    ax.set_xlim(start - 1, 2033)
    ax.set_xticks([start, 2000, 2005, 2010, 2015, 2020], ["earlier", "2000", "2005", "2010", "2015", "2020"])
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.grid(visible=False, axis="y")
    return fig


def curve_of_specifications(data: pd.DataFrame, ylabel: str):
    """All estimates in order, one panel per `panel`: rank (0 to 100), value, ci_low, ci_high, null_low, null_high."""
    names = list(dict.fromkeys(data["panel"]))
    fig, axes = plt.subplots(1, len(names), figsize=(7.2, 3.6), sharey=True, squeeze=False)
    colours = {"Home headcount": "home", "Group headcount": "group"}
    for ax, name in zip(axes.flat, names, strict=True):
        rows = data[data["panel"] == name].sort_values("rank")
        colour = theme.COLOURS[colours.get(name, "accent")]
        theme.band(ax, rows["rank"], rows["ci_low"], rows["ci_high"], colour)
        ax.plot(rows["rank"], rows["null_low"], color=theme.MUTED, linewidth=1, linestyle=":")
        ax.plot(rows["rank"], rows["null_high"], color=theme.MUTED, linewidth=1, linestyle=":")
        ax.plot(rows["rank"], rows["value"], color=colour)
        theme.zero_line(ax)
        ax.set_title(name)
        ax.set_xlabel("Specifications in order, %")
        ax.set_xticks([0, 50, 100])
    reach = data["value"].abs().max()  # the widest intervals run out of the picture; the CSV has them
    axes[0, 0].set_ylim(max(-1.3 * reach, data["ci_low"].min()), min(1.3 * reach, data["ci_high"].max()))
    axes[0, 0].set_ylabel(ylabel)
    return fig


def evidence_map(data: pd.DataFrame, own: pd.DataFrame):
    """Findings by method (lines), sign (columns) and destination (panels), one mark each; our own as diamonds.

    `data`: method, destination, sign, country (Japan, Germany, other), small (1: about small firms); `own`: method,
    destination, sign, name.
    """
    signs, shapes = ["negative", "null", "positive"], {"Japan": "o", "Germany": "s", "other": "^"}
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
    return fig


def counts(data: pd.DataFrame, xlabel: str):
    """Stacked bars: one line per row of `data`, one part per column, the number written where it fits."""
    tones = ["home", "group", "accent", "Japan", "Germany", "other"]
    hatches = ["", "", "", "", "///", "..."]
    fig, ax = plt.subplots(figsize=(7.2, 1.2 + 0.42 * len(data)))
    left = np.zeros(len(data))
    places = -np.arange(len(data))
    for name, tone, hatch in zip(data.columns, tones, hatches, strict=False):
        width = data[name].to_numpy(float)
        ax.barh(places, width, left=left, color=theme.COLOURS[tone], alpha=0.35 if hatch else 0.45, hatch=hatch,
                edgecolor=theme.COLOURS[tone], linewidth=0.6, height=0.66, label=name)
        for y, start, size in zip(places, left, width, strict=True):
            if size >= 2:
                ax.annotate(f"{size:.0f}", (start + size / 2, y), ha="center", va="center", fontsize=8.5)
        left += width
    ax.set_yticks(places, data.index)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel)
    fig.legend(loc="outside upper center", ncols=3, fontsize=9)
    return fig


def sign_bars(data: pd.DataFrame, xlabel: str):
    """Counts of negative, null and positive by group, one panel per `panel`, stacked around zero.

    `data`: panel, group, negative, null, positive. Negative counts run to the left and are hatched, positive ones to
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
            half = row["null"] / 2
            ax.barh(-place, -row["negative"], left=-half, height=0.62, facecolor="none", edgecolor=red, hatch="/////",
                    linewidth=0.9)
            ax.barh(-place, row["null"], left=-half, height=0.62, facecolor="none", edgecolor=theme.MUTED,
                    linewidth=0.9)
            ax.barh(-place, row["positive"], left=half, height=0.62, color=green, linewidth=0)
            for count, x, side, colour in ((row["negative"], -half - row["negative"], "right", red),
                                           (row["null"], 0, "center", theme.INK),
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
    reach = max((data["null"] / 2 + data[side]).max() for side in ("negative", "positive"))
    axes[0, 0].set_xlim(-1.1 * reach, 1.1 * reach)
    axes[-1, 0].set_xlabel(xlabel)
    for words, x, side, colour in (("hatched: negative", 0.19, "left", red), ("empty: null", 0.5, "center", theme.INK),
                                   ("filled: positive", 1, "right", green)):
        axes[0, 0].annotate(words, (x, 1), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points",
                            ha=side, color=colour, fontsize=8.5, annotation_clip=False)
    return fig
