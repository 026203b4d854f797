"""The book's charts: tidy data in, a matplotlib figure out.

Each function draws what it is given and nothing else, so that the CSV under an exhibit is the
picture. Drawing lives here, between `theme` and `exhibits`; notebooks choose and describe.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from goingglobal import theme
from goingglobal.models import Estimate

__all__ = ["coefficients", "country_panels", "event_path", "gradient", "quantile_lines", "ranked", "responses",
           "scatter", "sized_lines", "sweep"]


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
