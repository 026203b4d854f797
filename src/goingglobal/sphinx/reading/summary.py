"""The chart of a chapter's summary box, drawn from the numbers that the chapter reports.

    ```{headline} fig-answer-introduction
    :caption: The finding.
    :xlabel: What is measured, with its unit
    :tables: country_panel

    country/no_conduits_controls/pwt | A year after the investment | accent
    curve/lower/average/firm/median | At least | Japan | curve/lower/average/firm/p05 curve/lower/average/firm/p95
    ```

Each line: a result id, its label, a colour of `theme.COLOURS` and, where the record has no interval of its own, the two
ids of one; `bars` says what the intervals are (default: 95 % intervals), `note` what else a reader must know. The chart
stands before the cells that report its numbers, so it is drawn once all pages are read.

    ```{tally}
    claims/confirmed | confirmed | Japan
    claims/not_checkable | not checked | other
    ```

A bar of counts, each part as long as its number, without a picture: its words stand below it, in the page's language.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from goingglobal import data, theme
from goingglobal.sphinx import registry
from goingglobal.sphinx.reading import mime

if TYPE_CHECKING:  # charts are drawn only where their numbers have changed: else nothing need be loaded for them
    import pandas as pd

_WIDTH = 4.8  # inches: narrower than other figures, so that the lettering can be read on a telephone


def _read(line: str, label: str) -> dict:
    parts = [part.strip() for part in line.split("|")]
    interval = parts[3].split() if len(parts) == 4 else []
    if len(parts) not in (3, 4) or len(interval) not in (0, 2):
        raise ValueError(f"{label}: expected “id | label | colour”, perhaps with two ids of an interval: {line!r}")
    if parts[2] not in theme.COLOURS:
        raise ValueError(f"{label}: no colour {parts[2]!r}; known are {', '.join(theme.COLOURS)}")
    return {"id": parts[0], "name": parts[1], "colour": parts[2], "interval": interval}


class Headline(Directive):
    """`{headline}`: a figure of reported numbers with their intervals; an exhibit like any other."""

    required_arguments = 1
    has_content = True
    option_spec = {name: directives.unchanged_required for name in ("caption", "xlabel", "tables", "bars", "note")}

    def run(self):
        label, env = self.arguments[0], self.state.document.settings.env
        try:
            lines = [_read(line, label) for line in self.content if line.strip()]
            absent = [name for name in ("caption", "xlabel", "tables") if name not in self.options]
            if absent or not lines:
                raise ValueError(f"{label}: no {absent[0] if absent else 'lines'}")
            tables = self.options["tables"].split()
            bars = self.options.get("bars", "95 % intervals")
            source = f"Source: {data.source_line(*tables)}. Bars: {bars}."
        except ValueError as error:
            raise self.error(str(error)) from error
        page = registry.page(env)
        page.uses += [("result", id_, self.lineno) for line in lines for id_ in (line["id"], *line["interval"])]
        exhibit = {
            "label": label, "kind": "figure", "caption": self.options["caption"], "tables": tables, "bars": bars,
            "source": " ".join([source, *([self.options["note"]] if "note" in self.options else [])]),
            "lines": lines, "xlabel": self.options["xlabel"], "svg": "", "narrow": "", "slide": "",
            "room": "title", "csv": "", "alt": "",
        }
        registry.add(page.exhibits, label, exhibit, page, "exhibit")
        return mime.build(exhibit, self.state.document, env)


class tally(nodes.General, nodes.Element):
    """A bar of counts, filled in once all pages are read."""


class Tally(Directive):
    """`{tally}`: reported counts as the parts of one bar; lines as in `{headline}`, without intervals."""

    has_content = True

    def run(self):
        env = self.state.document.settings.env
        try:
            lines = [_read(line, "tally") for line in self.content if line.strip()]
        except ValueError as error:
            raise self.error(str(error)) from error
        if not lines:
            raise self.error("tally: no lines")
        registry.page(env).uses += [("result", line["id"], self.lineno) for line in lines]
        return [tally("", lines=lines)]


def _bar(lines: list[dict], results: dict[str, dict]) -> str:
    parts = [(results[line["id"]], line) for line in lines]
    said = "; ".join(f"{record['text']} {line['name']}" for record, line in parts)
    bar = "".join(f'<span class="gg-{line["colour"].lower()}" style="flex-grow:{record["value"]:g}"></span>'
                  for record, line in parts)  # fmt: skip
    words = "".join(f'<li class="gg-{line["colour"].lower()}"><b>{escape(record["text"])}</b> '
                    f'{escape(line["name"])}</li>' for record, line in parts)  # fmt: skip
    return (f'<div class="gg-tally"><div class="gg-tally-bar" role="img" aria-label="{escape(said)}">{bar}</div>'
            f"<ul>{words}</ul></div>")


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(tally)):
        node.replace_self(nodes.raw("", _bar(node["lines"], registry.results(app.env)), format="html"))


def _frame(exhibit: dict, results: dict[str, dict]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for line in exhibit["lines"]:
        record = results[line["id"]]
        low, high = ([results[id_]["value"] for id_ in line["interval"]]
                     or [record["ci_low"], record["ci_high"]])
        rows.append({
            "panel": "", "name": line["name"], "series": "", "value": record["value"], "ci_low": low, "ci_high": high,
            "colour": line["colour"], "filled": 1, "n": record["n"], "result": line["id"], "unit": record["unit"],
            "text": record["text"]})
    return pd.DataFrame(rows)


def _alt(exhibit: dict, frame: pd.DataFrame, digits: int) -> str:
    def number(value: float) -> str:
        return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # no minus zero

    lines = [f"{row.name}: {row.text} ({number(row.ci_low)} to {number(row.ci_high)})"
             for row in frame.itertuples(index=False)]  # fmt: skip
    return f"Points with {exhibit['bars']}. {exhibit['xlabel']}. {'; '.join(lines)}."


def _drawn(label: str, exhibit: dict, results: dict[str, dict]) -> dict[str, str]:
    """Alt text, picture and data of one chart. Raises `ValueError` where it can't be drawn."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    import seaborn.objects as so

    from goingglobal import exhibits

    frame = _frame(exhibit, results)
    bare = frame.loc[frame[["ci_low", "ci_high"]].isna().any(axis=1), "result"].tolist()
    if bare:
        raise ValueError(f"{label}: {bare[0]!r} has no interval of its own; name the two ids of one")
    digits = max(len(text.partition(".")[2]) for text in frame["text"])
    alt, (low, high) = _alt(exhibit, frame, digits), exhibits.ALT_LIMITS
    if not low <= len(alt) <= high:
        raise ValueError(f"{label}: its alt text has {len(alt)} characters, expected {low} to {high}; "
                         "shorten the labels")
    mpl.use("svg")
    theme.use()
    fig = theme.draw(
        so.Plot(frame, x="value", xmin="ci_low", xmax="ci_high", y="name", color="colour")
        .add(so.Range(linewidth=2), orient="y", legend=False).add(so.Dot(pointsize=6), legend=False)
        .scale(color=theme.COLOURS).label(x=exhibit["xlabel"], y="").layout(size=(_WIDTH, 0.97 + 0.34 * len(frame))))
    theme.zero_line(fig, vertical=True)
    theme.named_rows(fig)
    for line in frame.itertuples():
        words = f"{line.value:.{digits}f}".replace("-", "−")
        # Of an interval below zero the number stands beyond the line of zero, not on it.
        theme.direct_label(fig.axes[0], max(line.ci_high, 0.0), line.name, words, theme.COLOURS[line.colour],
                           fontsize=8.5, dx=7)
    forms = exhibits.forms_of(fig, label, alt, room="title")
    plt.close("all")
    return {"alt": alt, **forms,
            "csv": exhibits.csv_of(frame[["name", "result", "value", "ci_low", "ci_high", "n", "unit"]])}


def _draw(app: Sphinx, env: BuildEnvironment) -> None:
    """Fill in the charts of all summary boxes; ids that no page reports are left to the registry's check.

    A chart that was drawn from the same numbers before, by the same code, is taken as it was.
    """
    results, faults, drawn = registry.results(env), [], {}
    before = getattr(env, "goingglobal_drawn", {})
    for doc, page in registry.pages(env).items():
        for label, exhibit in page.exhibits.items():
            lines = exhibit.get("lines", [])
            ids = [id_ for line in lines for id_ in (line["id"], *line["interval"])]
            if not lines or not all(id_ in results for id_ in ids):
                continue
            said = [exhibit[name] for name in ("xlabel", "bars", "lines")]
            key = registry.digest(env.config.goingglobal_digest, label, said, [results[id_] for id_ in ids])
            try:
                found = before[key] if key in before else _drawn(label, exhibit, results)
            except ValueError as error:
                faults.append(f"{doc}: {error}")
                continue
            first, drawn[key] = results[lines[0]["id"]], found
            made = page.exhibits.get(first["exhibit"] or "", {})  # the code is that of the exhibit it sums up
            exhibit.update(**found, code=made.get("code", mime.anchor(first["id"])), calls=made.get("calls", []))
    env.goingglobal_drawn = drawn
    if faults:
        raise ExtensionError("charts of summary boxes can't be drawn:\n  " + "\n  ".join(faults))


def setup(app: Sphinx) -> None:
    app.add_directive("headline", Headline)
    app.add_directive("tally", Tally)
    app.add_node(tally)
    app.connect("doctree-resolved", _fill)
    app.connect("env-updated", _draw)
