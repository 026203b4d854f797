"""Explorers in the site: controls under the figure; data and chart in a script that is loaded when one is opened.

A page has the controls and an empty frame of fixed size (`explorer.js` does the rest); without JavaScript they are not
shown. `explorers/LABEL.js` is a classic script that sets a variable, so that it also loads from file://.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

from goingglobal import theme
from goingglobal.exhibits import frame_of
from goingglobal.sphinx import registry, state

FOLDER = "explorers"


class explorer(nodes.General, nodes.Element):
    """Where an explorer stands; its record is in the registry."""


def _options(control: dict) -> str:
    return "".join(
        f'<option value="{escape(str(value))}"{" selected" * (value == control["chosen"])}>{escape(words)}</option>'
        for value, words in control["options"])


def _boxes(control: dict) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" name="{control["name"]}" value="{escape(value)}"'
        f'{" checked" * (value in control["chosen"])}> {escape(words)}</label>' for value, words in control["options"])
    sets = "".join(f'<button type="button" data-set="{" ".join(values)}">{escape(words)}</button>'
                   for words, values in control["sets"].items())
    return (f'<fieldset class="gg-explorer-many"><legend>{escape(control["title"])}</legend><p>{sets}</p>'
            f"<div>{boxes}</div></fieldset>")


def controls_html(controls: list[dict]) -> str:
    """The form of an explorer: a select for one choice, checkboxes for many, and the way back."""
    selects = "".join(f'<label>{escape(c["title"])} <select name="{c["name"]}">{_options(c)}</select></label>'
                      for c in controls if "sets" not in c)
    many = "".join(_boxes(c) for c in controls if "sets" in c)
    return (f'<form autocomplete="off"><fieldset><legend>Choices</legend>{selects}'
            f'<button type="reset">As in the chapter</button></fieldset>{many}</form>')


def _visit(self, node: explorer) -> None:
    docname = self.builder.current_docname
    label = node["label"]
    record = registry.page(self.builder.env, docname).explorers[label]
    file = relative_uri(self.builder.get_target_uri(docname), f"{FOLDER}/{label}.csv")
    self.body.append(
        f'<details class="gg-explorer" id="explorer-{label}" data-explorer="{label}">'
        f'<summary>{escape(record["title"])}</summary>{controls_html(record["controls"])}'
        f'<output aria-live="polite">Loading the data …</output><div class="gg-explorer-frame"></div>'
        f'<p class="gg-source">{escape(record["note"])} <span class="gg-links"><a href="{file}" download>Data (CSV)</a>'
        f' · <a class="gg-explorer-link" href="#explorer-{label}">Link to this choice</a></span></p></details>')
    raise nodes.SkipNode


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def script_of(record: dict) -> str:
    """The script of an explorer: its chart as Vega, colours as the page's own, and its data."""
    import vl_convert

    spec = json.loads(theme.follow_page(json.dumps(vl_convert.vegalite_to_vega(record["spec"]))))
    del spec["$schema"]  # an address that nobody needs
    content = {"kind": record["kind"], "spec": spec, "data": record["data"]}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f'(window.ggExplorers ??= {{}})["{record["label"]}"] = {text};\n'


def _write(app: Sphinx, exception: Exception | None) -> None:
    """The scripts and their data; a script that was made of the same record, by the same code, is left as it is."""
    if exception is not None or app.builder.format != "html":
        return
    folder, file = Path(app.outdir) / FOLDER, Path(app.doctreedir) / "explorers.json"
    before, now = state.read(file), {}
    folder.mkdir(exist_ok=True)
    for page in registry.pages(app.env).values():
        for label, record in page.explorers.items():
            script, key = folder / f"{label}.js", registry.digest(app.config.goingglobal_digest, record)
            if before.get(label) != key or not script.is_file():
                script.write_text(script_of(record), encoding="utf-8", newline="\n")
            frame = frame_of(record["data"])[record["columns"]]
            frame.to_csv(folder / f"{label}.csv", index=False, lineterminator="\n")
            now[label] = key
    for path in folder.iterdir():
        if path.stem not in now:
            path.unlink()
    state.write(file, now)


def _script(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree and any(doctree.findall(explorer)):
        app.add_js_file("explorer.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    app.add_node(explorer, html=(_visit, None), epub=(_skip, None), latex=(_skip, None), text=(_skip, None))
    app.connect("html-page-context", _script)
    app.connect("build-finished", _write)
