"""`figure()` and `table()`: how every exhibit reaches the page.

Each carries a label, a caption, a source line with vintage and licence, the data as CSV, and (a
figure) an alt text. In the book the site's extension renders it; in JupyterLab and Colab the same
call shows a plain HTML figure.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from goingglobal import narrow as narrowing
from goingglobal import projected, theme
from goingglobal._display import EXHIBIT
from goingglobal.data import describe, load, source_line

__all__ = [
    "ALT_LIMITS",
    "ExhibitError",
    "columns_of",
    "csv_of",
    "estimate_cell",
    "estimates_frame",
    "facts_frame",
    "figure",
    "forms_of",
    "frame_of",
    "intervals",
    "regression_table",
    "table",
    "table_description",
    "typeset",
]

if TYPE_CHECKING:  # the site's extensions load this module, and need no estimator
    from goingglobal.models import Estimate

DIGITS = 7  # significant digits of served data; the page shows three at most
ALT_LIMITS = (40, 400)
# Of a point, to which the corners of long lines are rounded: not to be seen.
_PARTS = {"gg-wide": 5, "gg-narrow": 4, "gg-projected": 5}
_LABEL = re.compile(r"(fig|tab)-[a-z0-9-]+")
# Claims and facts, also in a sum; a result; a finding of a study.
_ID = (r"(?:[\de.()*/+-]*(?:C\d{3}|[FGH]\d{4}))+[\d.()*/+-]*|[a-z][a-z_0-9]*(?:/[\w.-]+)+|"
       r"(?:lit:)?[a-z_]+_\d{4}[a-z]?__\d+")
_NUMBERS = re.compile(r"(?:[−+±()\[\]\d.,\s%*<>≤≥–]|\b(?:to|and)\b)*|yes|no|not known")


class ExhibitError(ValueError):
    """An exhibit lacks its caption, alt text, source or data; the message says which."""


def _check(label: str, kind: str, caption: str, source: str, data: pd.DataFrame) -> None:
    if not (_LABEL.fullmatch(label) and label.startswith(kind)):
        raise ExhibitError(f"exhibit {label!r}: expected a label like {kind}-name")
    if not caption.strip():
        raise ExhibitError(f"exhibit {label!r}: no caption")
    if not source.strip():
        raise ExhibitError(f"exhibit {label!r}: no source")
    if data is None or data.empty:
        raise ExhibitError(f"exhibit {label!r}: no data to download")


def _source(tables: Sequence[str], note: str) -> str:
    return " ".join(part for part in (f"Source: {source_line(*tables)}." if tables else "", note) if part)


def csv_of(data: pd.DataFrame) -> str:
    """An exhibit's data as the file that the site offers."""
    return data.to_csv(index=False, lineterminator="\n", float_format="%.12g")


def columns_of(frame: pd.DataFrame) -> dict:
    """A frame as JSON: numbers to seven significant digits, words as levels and codes, missing as null."""
    found = {}
    for name, values in frame.items():
        if pd.api.types.is_numeric_dtype(values):
            found[name] = [None if pd.isna(v) else float(f"{v:.{DIGITS}g}") for v in values]
            found[name] = [int(v) if v is not None and v == int(v) else v for v in found[name]]
        else:
            codes, levels = pd.factorize(values)
            found[name] = {"levels": list(levels), "codes": codes.tolist()}
    return found


def frame_of(columns: Mapping) -> pd.DataFrame:
    """The frame that `columns_of` made JSON of."""
    return pd.DataFrame({name: [c["levels"][code] for code in c["codes"]] if isinstance(c, dict) else c
                         for name, c in columns.items()})


def _steps(path: str, parts: int = 10) -> str:
    """A long path of straight lines by its steps, in so many parts of a point; they compress well. Another as it is."""
    if not re.fullmatch(r"(?:[ML] -?[\d.]+ -?[\d.]+\s*|z\s*)+", path):
        return path
    at, begun, said = (0, 0), (0, 0), []
    for kind, x, y in re.findall(r"([MLz])(?: (-?[\d.]+) (-?[\d.]+))?", path):
        if kind == "z":
            at = begun
            said.append("z")
            continue
        to = round(parts * float(x)), round(parts * float(y))
        if kind == "L" and to == at:
            continue
        across, down = (to[0] - at[0]) / parts, (to[1] - at[1]) / parts
        said.append(f"m{across:g} {down:g}" if kind == "M" else f"l{across:g} {down:g}" if down else f"h{across:g}")
        at, begun = to, to if kind == "M" else begun
    return "".join(said)


def _circle(path: re.Match) -> str:
    """A path of eight arcs around a middle as the circle that it is, a tenth of its bytes; another as it is."""
    steps = re.findall(r"([MCLz])([^MCLz]*)", path[1])
    kinds = "".join(kind for kind, _ in steps)
    if not re.fullmatch(r"MC{8}L?z", kinds):
        return path[0]
    ends = [tuple(map(float, at.split()[-2:])) for kind, at in steps if kind != "z"]
    (left, *_, right), (top, *_, bottom) = (sorted(side) for side in zip(*ends, strict=True))
    if abs((right - left) - (bottom - top)) > 0.01:
        return path[0]
    return f'<circle cx="{(left + right) / 2:.1f}" cy="{(top + bottom) / 2:.1f}" r="{(right - left) / 2:.2g}"'


def svg_of(fig, label: str, alt: str, form: str = "gg-wide") -> str:
    """The figure as an inline SVG: colours from the page, ids its own, alt text inside, no date.

    `form` is its class: gg-wide, gg-narrow or gg-projected.
    """
    import matplotlib as mpl

    buffer = io.StringIO()
    if fig.get_layout_engine() is None:
        fig.set_layout_engine("constrained")
    with mpl.rc_context({"svg.hashsalt": label}), theme.as_printed(fig):
        theme.lay_out(fig)
        fig.set_layout_engine("none")  # keep it so: laid out again, it would move a little
        kept = fig.get_layout_engine()
        fig.set_layout_engine(None)  # as long as there is an engine, a figure is drawn twice
        fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        fig.set_layout_engine(kept)
    text = buffer.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.S)
    # Only ids that something refers to stay, numbered in order: matplotlib makes some of them from memory addresses.
    refer = r'(url\(#|xlink:href="#)([^)"]+)'
    ids = {old: f"{label}-{place}" for place, old in enumerate(dict.fromkeys(m[1] for m in re.findall(refer, text)))}
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{ids[m[1]]}"' if m[1] in ids else "", text)
    text = re.sub(refer, lambda m: m[1] + ids[m[2]], text)
    text = text.replace("'DejaVu Sans'", "var(--gg-figure-font, 'DejaVu Sans')")
    text = re.sub(r'<path d="([^"]*)"', _circle, text)
    text = re.sub(r' (?:d|x|y|transform|width|height|points)="[^"]*"',
                  lambda m: re.sub(r"(\d+\.\d)\d+", r"\1", m.group()), text)  # coordinates, never the texts
    text = re.sub(r' d="([^"]{200,})"', lambda m: f' d="{_steps(m[1], _PARTS[form])}"', text)
    width, height = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', text).groups()
    head = (f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" class="gg-figure {form}" '
            f'width="{float(width) * 4 / 3:.0f}" height="{float(height) * 4 / 3:.0f}"')
    text = re.sub(r'^<svg([^>]*?) width="[^"]*"', lambda m: head + m.group(1), text, count=1)
    text = re.sub(r'^(<svg[^>]*?) height="[\d.]+pt"', r"\1", text, count=1)
    return theme.follow_page(text)


def _drawn(label: str, plot):
    """The matplotlib figure of whatever drew it."""
    from matplotlib.figure import Figure

    if type(plot).__module__.startswith("seaborn") and type(plot).__name__ == "Plot":
        return theme.draw(plot)
    found = plot if isinstance(plot, Figure) else getattr(plot, "figure", None)
    if not isinstance(found, Figure):
        raise ExhibitError(f"exhibit {label!r}: {type(plot).__name__} is no plot; expected is a matplotlib Figure or "
                           "Axes, a seaborn FacetGrid, PairGrid or JointGrid, or a seaborn.objects.Plot")
    if type(plot).__name__ in ("FacetGrid", "PairGrid"):  # names and lines were added since seaborn laid it out
        found.set_layout_engine("constrained")
    return found


def forms_of(fig, label: str, alt: str, narrow: Callable | None = None, room: str = "",
             slide: Callable | None = None) -> dict[str, str]:
    """A figure's forms: `svg`, as drawn, with letters and years on its panels; `narrow`, laid out anew for a telephone;
    where a `room` of a slide is named, `slide`, laid out for it.

    Raises `ExhibitError` where it can't be laid out, with the reason.
    """
    theme.letter_panels(fig)
    theme.years_on_panels(fig)
    forms = {"svg": svg_of(fig, label, alt)}
    if room:
        import cloudpickle  # figures hold functions that plain pickle refuses
        import matplotlib.pyplot as plt

        shown = cloudpickle.loads(cloudpickle.dumps(fig))
        try:
            projected.relay(shown, room, slide or getattr(shown, "slide", None))
            forms["slide"] = svg_of(shown, f"{label}-slide", alt, "gg-projected")
        except narrowing.NarrowError as error:
            raise ExhibitError(f"exhibit {label!r}: no form for a slide: {error}; give `slide=({room!r}, function)`, "
                               "with a function of the figure that makes room") from None
        finally:
            plt.close(shown)
    try:
        narrowing.relay(fig, narrow or getattr(fig, "narrow", None))
    except narrowing.NarrowError as error:
        raise ExhibitError(f"exhibit {label!r}: no narrow form for a telephone: {error}; give `narrow=`, a function of "
                           "the figure that makes room") from None
    return forms | {"narrow": svg_of(fig, f"{label}-narrow", alt, "gg-narrow")}


def figure(
    label: str, plot, *, caption: str, alt: str, data: pd.DataFrame, tables: Sequence[str] = (), note: str = "",
    narrow: Callable | None = None, slide: str | tuple[str, Callable] = "",
) -> None:
    """Show a figure.

    Parameters: `label`, "fig-name", to refer to it; `plot`, a matplotlib Figure or Axes, a seaborn FacetGrid,
    PairGrid or JointGrid, or a `seaborn.objects.Plot`; `caption`, the finding;
    `alt`, 40–400 characters that say what is drawn to someone who cannot see it; `data`, exactly the
    plotted figures; `tables`, names of the tables behind it; `note`, what else a reader must know
    (years, breaks, secondary figures); `narrow`, a function of the matplotlib figure that makes room where it can't be
    laid out in one column for a telephone by itself (`narrow.relay`); `slide`, its room where a slide shows it, "side"
    (beside words) or "wide" (above them), with a function, as for `narrow`, where `projected.relay` needs one.
    Raises `ExhibitError` where one is missing.
    """
    import matplotlib.pyplot as plt

    source = _source(tables, note)
    _check(label, "fig", caption, source, data)
    if not ALT_LIMITS[0] <= len(alt) <= ALT_LIMITS[1]:
        raise ExhibitError(f"exhibit {label!r}: alt text has {len(alt)} characters, expected {ALT_LIMITS[0]} to "
                           f"{ALT_LIMITS[1]}")
    if alt.strip() == caption.strip():
        raise ExhibitError(f"exhibit {label!r}: the alt text repeats the caption")
    room, shaped = (slide, None) if isinstance(slide, str) else slide
    if room not in ("", "side", "wide"):
        raise ExhibitError(f"exhibit {label!r}: no room {room!r} on a slide; expected is “side” or “wide”")
    fig = _drawn(label, plot)
    try:
        forms = forms_of(fig, label, alt, narrow, room, shaped)
    finally:
        plt.close(fig)
    _show({"label": label, "kind": "figure", "caption": caption, "alt": alt, "source": source, **forms,
           "room": room, "csv": csv_of(data), "tables": list(tables)})


def table(
    label: str, frame: pd.DataFrame, *, caption: str, tables: Sequence[str] = (), note: str = "",
    data: pd.DataFrame | None = None, formats: dict[str, str] | None = None, anchor: str | None = None,
    filters: Sequence[str] = (), quotes: Sequence[str] = (),
) -> None:
    """Show a table; the first column heads its rows.

    Parameters as for `figure`; `formats` maps columns to format strings (others are shown as text);
    `data` is what the CSV holds (default: `frame` itself, unformatted); `anchor` names a column whose
    values, in lower case, become the rows' anchors; `filters` names columns that the built page offers to choose by,
    beside a search over all cells (without JavaScript the whole table is read); `quotes` names columns of ids (results,
    facts, claims, chapters; blanks between them) that the page links to what they stand for. Missing cells stay empty;
    a line break in a cell sets what follows below, smaller. Numbers are set by `typeset`, in columns of numbers to the
    right. Columns of ids stand last and are set small; raises `ExhibitError` where one doesn't.
    """
    lost = [name for name in (*filters, *quotes) if name not in frame]
    if lost:
        raise ExhibitError(f"exhibit {label!r}: no column {lost[0]!r} to filter by or to link")
    parts = [" ".join(map(str, frame[name].dropna())).split() for name in frame]
    named = [bool(some) and all(re.fullmatch(_ID, part) for part in some) for some in parts]
    if named != sorted(named):
        raise ExhibitError(f"exhibit {label!r}: column {frame.columns[named.index(True)]!r} holds ids; they stand last")
    source = _source(tables, note)
    raw = frame if data is None else data
    _check(label, "tab", caption, source, raw)
    shown = frame.copy()
    for column in shown:
        spec = (formats or {}).get(column)
        shown[column] = [_cell(value, spec) for value in frame[column]]
    numeric = [bool(shown[c].str.fullmatch(_NUMBERS).all() and shown[c].ne("").any()) for c in shown]
    _show({"label": label, "kind": "table", "caption": caption, "source": source, "csv": csv_of(raw),
           "columns": [str(c) for c in shown], "numeric": numeric, "rows": shown.to_numpy().tolist(),
           "tables": list(tables), "anchors": [str(v).lower() for v in frame[anchor]] if anchor else None,
           "filters": [list(frame.columns).index(name) for name in filters],
           "quotes": [list(frame.columns).index(name) for name in quotes],
           "ids": [place for place, holds in enumerate(named) if holds]})


def facts_frame(cautions: dict[str, str]) -> pd.DataFrame:
    """Official figures as rows of a table: what, period, value, source, what it can't show, fact id.

    `cautions` maps fact ids to what the figure can't show. Raises `ExhibitError` for an unknown id.
    """
    figures = load("official_figures").set_index("fact_id")
    unknown = [fact for fact in cautions if fact not in figures.index]
    if unknown:
        raise ExhibitError(f"official figure {unknown[0]!r}: no such fact id")
    rows = figures.loc[list(cautions)].reset_index()
    percent = rows["unit"].map(lambda unit: " %" if unit.startswith("%") else "")
    return pd.DataFrame({
        "What": rows["indicator"] + ", " + rows["breakdown"], "Period": rows["period"],
        "Value": rows["value"] + percent, "Source": rows["source_rank"],
        "What it can't show": rows["fact_id"].map(cautions), "Fact": rows["fact_id"],
    })


def table_description(name: str) -> None:
    """Show what a table of the data package holds: its sources, then its fields with an example of each."""
    resource, frame = describe(name), load(name)
    slug, key = name.replace("_", "-"), " and ".join(resource["schema"]["primaryKey"])
    sources = pd.DataFrame([{
        "Source": s["title"], "Publisher": s["publisher"], "Vintage": s["vintage"], "Licence": s["licence"],
        "Terms re-read": "yes" if s["licence_reread"] else "no", "For": ", ".join(s.get("columns", ["all fields"])),
    } for s in resource["sources"]])
    rows = []
    for field in resource["schema"]["fields"]:
        known = frame[field["name"]].dropna()
        limits = field.get("constraints", {})
        ends = [f"{limits[end]:.15g}" for end in ("minimum", "maximum") if end in limits]
        only = "≥ " if "minimum" in limits else "≤ "
        span = " to ".join(ends) if len(ends) != 1 else only + ends[0]
        example = known.iloc[0] if len(known) else ""
        rows.append({
            "Field": field["name"], "What": field["title"], "Unit": field.get("unit", ""), "Checked range": span,
            "Missing": f"{100 * field['missing_share']:.1f} %" if field.get("missing_share") else "none",
            "A missing value means": field.get("missing_meaning", "") if field.get("missing_share") else "",
            "Example": f"{example:%Y-%m-%d}" if hasattr(example, "strftime") else
            f"{example:.15g}" if isinstance(example, float) else f"{example}"[:40],
        })
    table(f"tab-sources-{slug}", sources, caption=f"{resource['title']}: sources.",
          note=f"Vintage {resource['vintage']}. Processing: {resource['processing']}")
    table(f"tab-fields-{slug}", pd.DataFrame(rows), caption=f"{resource['title']}: fields.",
          note=" ".join([f"Vintage {resource['vintage']}; {resource['rows']:,} rows; key {key}.",
                         *(f"Caution: {c}" for c in resource["cautions"])]))


def typeset(words: str) -> str:
    """Numbers in words as a table sets them: 188,000; a minus for a hyphen before a number; no minus zero."""
    words = re.sub(r"(?:^|(?<=[\s(\[]))-(?=\d)", "−", words)
    words = re.sub(r"−(?=0(?:\.0+)?(?![.\d]))", "", words)
    return re.sub(r"(?<![\w.,/-])[1-9]\d{4,}(?![\w/-])", lambda number: f"{int(number[0]):,}", words)


def _cell(value, spec: str | None) -> str:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    return typeset(format(value, spec) if spec and not isinstance(value, str) else str(value))


def estimate_cell(estimate: Estimate, digits: int = 2, interval: bool = False) -> str:
    """An estimate as a journal sets it: its standard error in brackets below (or its 95 % interval)."""
    value = f"{estimate.value:+z.{digits}f}"
    if interval:
        below = f"[{estimate.ci_low:z.{digits}f}, {estimate.ci_high:z.{digits}f}]"
    else:
        below = f"({estimate.se:.{digits}f})"
    return f"{value}\n{below}".replace("-", "−")


def regression_table(
    columns: dict[str, Estimate], rows: dict[str, str | Sequence[str]] | None = None, digits: int = 2,
    by_row: str | None = None,
) -> pd.DataFrame:
    """Estimates as columns of a journal's table: estimate, error below, interval, what `rows` adds, n, clusters.

    Parameters: `columns`, name → estimate; `rows`, further lines, name → one text for each estimate, or one for all
    (fixed effects, controls); `by_row`, what the names head if each estimate is to be a row.
    Raises `ExhibitError` where a line has not one text for each estimate.
    """
    estimates = list(columns.values())
    lines = {
        "Estimate (s.e.)": [estimate_cell(e, digits) for e in estimates],
        "95 % interval": [estimate_cell(e, digits, interval=True).partition("\n")[2] for e in estimates],
        **{name: [text] * len(estimates) if isinstance(text, str) else text for name, text in (rows or {}).items()},
        "Observations": [f"{e.n:,}" for e in estimates],
        "Clusters": [f"{e.groups:,}" if e.groups else "" for e in estimates],
    }
    if not any(lines["Clusters"]):
        del lines["Clusters"]
    short = [name for name, texts in lines.items() if len(texts) != len(estimates)]
    if short:
        raise ExhibitError(f"line {short[0]!r} of a table: expected one text for each of {len(estimates)} estimates")
    frame = pd.DataFrame(lines, index=list(columns))
    if by_row is not None:
        return frame.rename_axis(by_row).reset_index()
    return frame.T.rename_axis("").reset_index()


def intervals(low: pd.Series, high: pd.Series, digits: int = 3) -> list[str]:
    """Intervals as text: “[−0.003, 0.150]”."""
    return [f"[{a:z.{digits}f}, {b:z.{digits}f}]".replace("-", "−") for a, b in zip(low, high, strict=True)]


def estimates_frame(estimates: dict[str, Estimate]) -> pd.DataFrame:
    """Estimates as rows: name, value, se, interval, n, groups, unit, sample, method (for the CSV)."""
    return pd.DataFrame([
        {"name": name, "value": e.value, "se": e.se, "ci_low": e.ci_low, "ci_high": e.ci_high, "n": e.n,
         "groups": e.groups, "unit": e.unit, "sample": e.sample, "method": e.method}
        for name, e in estimates.items()
    ])


def _plain_html(exhibit: dict) -> str:
    """What JupyterLab and Colab show."""
    if exhibit["kind"] == "figure":
        body = exhibit["svg"]
    else:
        head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in exhibit["columns"])
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>".replace("\n", "<br>") for cell in row) + "</tr>"
            for row in exhibit["rows"])
        body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    address = "data:text/csv;base64," + base64.b64encode(exhibit["csv"].encode()).decode()
    return (f'<figure>{body}<figcaption>{html.escape(exhibit["caption"])}<br><small>{html.escape(exhibit["source"])} '
            f'<a download="{exhibit["label"]}.csv" href="{address}">Data (CSV)</a></small></figcaption></figure>')


def _show(exhibit: dict) -> None:
    from goingglobal._display import in_notebook, publish

    if in_notebook():
        alt = exhibit.get("alt", exhibit["caption"])
        publish({EXHIBIT: exhibit, "text/html": _plain_html(exhibit), "text/plain": f"[{exhibit['label']}] {alt}"})
