"""Explorers: a figure's data to choose from, under the figure.

An explorer publishes its data, a Vega-Lite chart (made with Altair) and the choices a reader has. In the book the
site's extension turns them into controls and a chart that follows them (`sphinx/reading/explorers.py`, `explorer.js`);
in JupyterLab the same call draws the chart for the choices it is given, so there a reader explores by changing
`chosen`.

Altair and vl-convert are imported when a chart is made; `import goingglobal` needs neither. In the browser, where
vl-convert has no build, JupyterLab draws the chart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from goingglobal import models, theme
from goingglobal._display import EXPLORER
from goingglobal.exhibits import ExhibitError, columns_of
from goingglobal.specifications import BASELINE, CHOICES, ESTIMAND, NUMBERS

__all__ = ["country_panel", "fill", "specification_curve"]

VEGA_LITE = "application/vnd.vegalite.v5+json"  # the newest that JupyterLab 4 draws
MIN_POINTS = 10  # beside one for each country
MANY = 8  # countries beside the two that are written out
LAGS = 3
_NAMES = {"outcome": "Whose headcount", "horizon": "Horizon", "weights": "Counted", "sample": "Sample",
          "proxy": "Proxy of FDI", "definition": "A starter is abroad", "restriction": "Restriction",
          "period": "Period", "estimator": "Estimator", "effects": "Effects"}
_SHAPES = {"Japan": "circle", "Germany": "square", "other countries": "triangle-up"}


def fill(spec: dict, tables: Mapping[str, pd.DataFrame], words: Mapping[str, str]) -> dict:
    """A specification with its named tables and its words (@x, @y) filled in."""
    text = json.dumps(spec)
    for name, word in words.items():
        text = text.replace(f"@{name}", word)
    rows = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
    return {**json.loads(text), "datasets": rows}


def _need(label: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    lost = [name for name in columns if name not in frame]
    if lost:
        raise ExhibitError(f"explorer {label!r}: no column {lost[0]!r}; there are {', '.join(map(str, frame))}")
    if frame.empty:
        raise ExhibitError(f"explorer {label!r}: no data to choose from")


def _altair(label: str):
    # jsonschema, which Altair imports, would compile a grammar of addresses for more than a second; charts have none.
    grammar = "rfc3987_syntax"
    known = grammar in sys.modules
    if not known:
        sys.modules[grammar] = None
    try:
        import altair
    except ImportError:
        how = "pip install '.[explorers]' in a clone of the book"
        raise ExhibitError(f"explorer {label!r}: it is drawn with Altair: {how}") from None
    finally:
        if not known:
            del sys.modules[grammar]
    return altair


def _style(chart) -> dict:
    """The chart as Vega-Lite in the style of the figures; its size is that of its frame."""
    axis = {"labelColor": theme.INK, "titleColor": theme.INK, "domainColor": theme.MUTED, "tickColor": theme.MUTED,
            "gridColor": theme.GRID, "gridWidth": 0.8, "labelFontSize": 12, "titleFontSize": 12,
            "titleFontWeight": "normal"}
    legend = {"labelColor": theme.INK, "labelFontSize": 12, "orient": "top", "symbolStrokeWidth": 2}
    sized = chart.properties(width=640, height=340, autosize={"type": "fit", "contains": "padding"})
    return sized.configure(axis=axis, legend=legend, view={"stroke": None}, background="transparent",
                           font="sans-serif", aria=False).to_dict()


def _show(label: str, kind: str, title: str, frame: pd.DataFrame, spec: dict, controls: list[dict], note: str,
          tables: Mapping[str, pd.DataFrame], words: Mapping[str, str]) -> None:
    from goingglobal._display import in_notebook, publish

    if in_notebook():
        filled = fill(spec, tables, words)
        try:
            import vl_convert
        except ImportError:  # in the browser, where it has no build: JupyterLab draws the chart itself
            filled["$schema"] = "https://vega.github.io/schema/vega-lite/v5.json"
            publish({VEGA_LITE: filled, "text/plain": f"[explorer of {label}] {title}. {note}"})
            return
        svg = theme.follow_page(vl_convert.vegalite_to_svg(filled))
        record = {"label": label, "kind": kind, "title": title, "columns": list(frame), "data": columns_of(frame),
                  "spec": spec, "controls": controls, "note": note, "words": dict(words)}
        record = json.loads(json.dumps(record, sort_keys=True))  # as a notebook read from the cache has it
        publish({EXPLORER: record, "text/html": f"<figure>{svg}<figcaption><small>{note}</small></figcaption></figure>",
                 "text/plain": f"[explorer of {label}] {title}"})


def _select(label: str, name: str, title: str, options: Mapping, chosen, free: bool = False) -> dict:
    """A control: one of `options` (value → words), or, where `free`, any."""
    known = [*([""] if free else []), *options]
    if chosen not in known:
        raise ExhibitError(f"explorer {label!r}: {name} {chosen!r} is not one of {known}")
    return {"name": name, "title": title, "options": [*([["", "any"]] if free else []), *map(list, options.items())],
            "chosen": chosen}


# ------------------------------------------------------------------------------------------------ specification curve
def curve_tables(rows: pd.DataFrame, chosen: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """What is drawn: all specifications of the question in order, those that match the choices, and their median."""
    question = list(ESTIMAND)
    every = rows[(rows[question] == pd.Series(chosen)[question]).all(axis=1)].sort_values("value", kind="stable")
    every = every.assign(rank=np.arange(1, len(every) + 1))
    held = [name for name, option in chosen.items() if option]
    match = every[(every[held] == pd.Series(chosen)[held]).all(axis=1)]
    drawn = ["outcome", "rank", "value", "ci_low", "ci_high"]
    return {"all": every[drawn], "match": match[drawn], "median": match[["value"]].median().to_frame().T.dropna()}


def specification_curve(label: str, rows: pd.DataFrame, colours: Mapping[str, str],
                        chosen: Mapping[str, str] | None = None) -> None:
    """Choose a question (outcome, horizon, weights) and a specification, and see it among all that answer the question.

    Parameters: `label` of the figure it hangs under; `rows` of `specifications.run`; `colours`, outcome → name in
    `theme.COLOURS`; `chosen`, dimension → option, "" for any, but not in a question (default: the baseline, with the
    first outcome).
    Raises `ExhibitError` for a missing column, an unknown option, and without Altair.
    """
    numbers = [name for name in NUMBERS if name != "se"]
    _need(label, rows, [*CHOICES, *numbers])
    outcomes = list(dict.fromkeys(rows["outcome"]))
    chosen = {**BASELINE, "outcome": outcomes[0], **(chosen or {})}
    unknown = [name for name in chosen if name not in CHOICES]
    if unknown:
        raise ExhibitError(f"explorer {label!r}: no choice {unknown[0]!r}; there are {', '.join(CHOICES)}")
    options = {name: dict.fromkeys([*(o for o in CHOICES[name] if o in set(rows[name])), *rows[name]])
               for name in CHOICES}
    controls = [_select(label, name, _NAMES[name], {o: o for o in options[name]}, chosen[name],
                        free=name not in ESTIMAND) for name in CHOICES]
    alt = _altair(label)
    reach = 1.3 * rows["value"].abs().quantile(0.999)  # as in the figure: the widest intervals run out of the picture
    y = alt.Y("value:Q", title="Effect of starting, log points", axis=alt.Axis(format="~g"),
              scale=alt.Scale(domain=[-reach, reach], nice=False))
    low, high = y.copy(), alt.Y2("ci_high")
    low.shorthand = "ci_low:Q"
    x = alt.X("rank:Q", title="Specifications, lowest to highest",
              axis=alt.Axis(grid=False), scale=alt.Scale(nice=False))
    colour = alt.Color("outcome:N", legend=None, scale=alt.Scale(
        domain=outcomes, range=[theme.COLOURS[colours[name]] for name in outcomes]))
    every, match = alt.Chart(alt.NamedData("all")), alt.Chart(alt.NamedData("match"))
    chart = alt.layer(
        every.mark_area(clip=True, opacity=0.22).encode(x, low, high, colour),
        every.mark_line(clip=True, strokeWidth=1.2).encode(x, y, colour),
        alt.Chart(alt.InlineData([{}])).mark_rule(color=theme.MUTED).encode(y=alt.datum(0)),
        match.mark_rule(clip=True, opacity=0.6).encode(x, low, high, colour),
        match.mark_point(clip=True, filled=True, size=45, opacity=1).encode(x, y, colour),
        alt.Chart(alt.NamedData("median")).mark_rule(color=theme.INK, strokeDash=[5, 3]).encode(y),
    )
    _show(label, "curve", "Choose the specification", rows[[*CHOICES, *numbers]], _style(chart), controls,
          "Dots: the specifications that match, with their 95 % intervals; dashed: their median. Line and band: all "
          "that answer the same question (whose headcount, horizon, how counted), with their intervals; the widest are "
          "cut off. They share their data and are not independent. A small p says that starters are unusual, not that "
          "starting made them so.",
          curve_tables(rows, chosen), {})


# ------------------------------------------------------------------------------------------------ country panel
def panel_tables(frame: pd.DataFrame, chosen: Mapping) -> dict[str, pd.DataFrame]:
    """What is drawn: points, joined over the years; the slope within countries with its interval; some names."""
    x, y = chosen["x"], chosen["y"]
    kept = frame[frame["iso3"].isin(chosen["countries"]) & frame["year"].between(chosen["first"], chosen["last"])]
    kept = kept.assign(x=kept[x], y=kept[y]).dropna(subset=["x", "y"])
    points = kept[["iso3", "country", "year", "group", "x", "y"]]
    others = points[points["group"] == "other countries"].groupby("iso3").tail(1)
    over_years = x == "year"
    fit = pd.DataFrame(columns=["x", "y", "low", "high"])
    if not over_years and x != y and len(points) >= MIN_POINTS + points["iso3"].nunique():
        slope = within_slope(points)
        at = np.linspace(points["x"].min(), points["x"].max(), 25)
        ends = [points["y"].mean() + b * (at - points["x"].mean()) for b in (slope.value, slope.ci_low, slope.ci_high)]
        fit = pd.DataFrame({"x": at, "y": ends[0], "low": np.minimum(*ends[1:]), "high": np.maximum(*ends[1:])})
    return {"points": points, "lines": points if over_years else points[:0], "fit": fit,
            "labels": others if len(others) <= MANY else others[:0]}


def within_slope(points: pd.DataFrame, lags: int = LAGS) -> models.Estimate:
    """Slope of y on x within iso3, each around its own mean, with Newey–West errors within countries (statsmodels).

    Countries are taken as independent of each other; intervals use the t distribution with n less the countries less
    one degrees of freedom. Rows stand in time order within countries. Raises `ModelError` as `Estimate.of` does.
    Source: Newey and West (1987).
    """
    import statsmodels.formula.api as smf

    rows = points.dropna(subset=["x", "y"]).sort_values("iso3", kind="stable")
    effects = " + C(iso3)" if rows["iso3"].nunique() > 1 else ""
    kinds = {"groups": pd.factorize(rows["iso3"])[0], "maxlags": lags, "use_correction": "hac", "df_correction": False}
    fit = smf.ols(f"y ~ x{effects}", rows).fit(cov_type="hac-panel", cov_kwds=kinds, use_t=True)
    return models.Estimate.of(fit, "x")


def country_panel(label: str, frame: pd.DataFrame, x: Mapping[str, str], y: Mapping[str, str],
                  chosen: Mapping | None = None) -> None:
    """Choose countries, years and two series; points with the slope within countries, lines over the years.

    Parameters: `label` of the figure it hangs under; `frame` with iso3, country, year, conduit and the series; `x` and
    `y`, columns to choose from → words; `chosen`, any of countries (a list of iso3), first, last, x and y (default:
    Japan and Germany, all years, the first of each). Slopes: Newey–West errors within countries, 3 lags.
    Raises `ExhibitError` for a missing column, an unknown choice, and without Altair.
    """
    _need(label, frame, ["iso3", "country", "year", "conduit", *x, *y])
    group = frame["country"].where(frame["iso3"].isin(["JPN", "DEU"]), "other countries")
    frame = frame.assign(group=group).sort_values(["country", "year"])
    frame = pd.concat([frame.query(f"group {sign} 'other countries'") for sign in ("==", "!=")])  # the two on top
    names = frame.drop_duplicates("iso3").sort_values("country").set_index("iso3")
    years = {int(year): str(year) for year in sorted(frame["year"].unique())}
    chosen = {"countries": ["JPN", "DEU"], "first": min(years), "last": max(years), "x": next(iter(x)),
              "y": next(iter(y)), **(chosen or {})}
    unknown = [iso3 for iso3 in chosen["countries"] if iso3 not in names.index]
    if unknown:
        raise ExhibitError(f"explorer {label!r}: no country {unknown[0]!r}; there are {', '.join(names.index)}")
    conduit = names["conduit"] == 1
    controls = [
        _select(label, "y", "Up", y, chosen["y"]), _select(label, "x", "Across", x, chosen["x"]),
        _select(label, "first", "From", years, chosen["first"]), _select(label, "last", "To", years, chosen["last"]),
        {"name": "countries", "title": "Countries", "chosen": list(chosen["countries"]),
         "options": [[code, name + " (conduit)" * bool(conduit[code])] for code, name in names["country"].items()],
         "sets": {"Japan and Germany": ["JPN", "DEU"], "All but conduits": names.index[~conduit].tolist(),
                  "All": names.index.tolist()}},
    ]
    alt = _altair(label)

    def scale(by_group: dict):
        return alt.Scale(domain=list(by_group), range=list(by_group.values()))

    tones = {name: theme.COLOURS.get(name, theme.COLOURS["other"]) for name in _SHAPES}
    colour = alt.Color("group:N", scale=scale(tones), title=None)
    axes = (alt.X("x:Q", title="@x", axis=alt.Axis(format="~g", grid=False), scale=alt.Scale(zero=False)),
            alt.Y("y:Q", title="@y", axis=alt.Axis(format="~g"), scale=alt.Scale(zero=False)))
    points, lines, fit, labels = (alt.Chart(alt.NamedData(name)) for name in ("points", "lines", "fit", "labels"))
    tooltip = [alt.Tooltip("country:N"), alt.Tooltip("year:Q", format="~g"),
               alt.Tooltip("x:Q", format=".2f", title="across"), alt.Tooltip("y:Q", format=".2f", title="up")]
    chart = alt.layer(
        fit.mark_area(color=theme.MUTED, opacity=0.18).encode(axes[0], alt.Y("low:Q", title="@y"), alt.Y2("high")),
        fit.mark_line(color=theme.INK, strokeWidth=1.6).encode(*axes),
        points.mark_point(filled=True, size=34, opacity=0.75).encode(
            *axes, colour, tooltip, alt.Shape("group:N", title=None, scale=scale(_SHAPES))),
        lines.mark_line(strokeWidth=1.7).encode(
            *axes, colour, alt.Detail("iso3:N"),
            strokeDash=alt.condition("datum.group == 'Germany'", alt.value([5, 2]), alt.value([1, 0]))),
        labels.mark_text(align="left", dx=5, color=theme.COLOURS["other"], fontSize=11).encode(
            *axes, alt.Text("iso3:N")),
    )
    served = frame[list(dict.fromkeys(["iso3", "country", "year", "group", *x, *y]))]
    _show(label, "panel", "Choose countries and years", served, _style(chart), controls,
          "Line: the slope within the chosen countries, each around its own mean, without year effects or controls. "
          "Fan: its 95 % interval, Newey–West errors with three lags, countries taken as independent. It describes; it "
          "doesn't identify.",
          panel_tables(frame, chosen), {"x": x[chosen["x"]], "y": y[chosen["y"]]})
