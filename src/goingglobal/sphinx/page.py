"""What a built page carries, and what it must not: no third party, no script that is never used.

Jupyter Book loads sphinx-thebe (live cells through a third-party script) on every page and
declares its constants twice, which is a console error; it is taken out here. The theme's colour
mode is set to follow the system before its script complains of an empty one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

_UNUSED = ("sphinx-thebe",)
_FILTER = ("vendor/simple-datatables-10.3.0.js", "filter.js")
# Source maps and a script that no page loads: three quarters of the weight of a default site.
_LEFT_OUT = (
    "_static/scripts/fontawesome.js*", "_static/scripts/*.map", "_static/styles/*.map", "_static/sphinx-thebe*",
    "_static/webpack-macros.html", "_static/sbt-webpack-macros.html",
)


def _text(asset: object) -> str:
    return f"{getattr(asset, 'filename', '') or ''} {getattr(asset, 'attributes', {}).get('body', '')}"


def _without_thebe(app: Sphinx, config: Config) -> None:
    for listeners in list(app.events.listeners.values()):
        for listener in list(listeners):
            if getattr(listener.handler, "__module__", "").startswith("sphinx_thebe"):
                app.disconnect(listener.id)


def _assets(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree and any("gg-filter" in node["classes"] for node in doctree.findall(nodes.container)):
        for script in _FILTER:  # on the pages that have a table to filter, and no other
            app.add_js_file(script, loading_method="defer")
    for kind in ("script_files", "css_files"):
        context[kind] = [a for a in context.get(kind, []) if not any(word in _text(a) for word in _UNUSED)]


def _lighten(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        out = Path(app.outdir)
        for pattern in _LEFT_OUT:
            for path in out.glob(pattern):
                path.unlink()
        shutil.rmtree(out / "_static" / "locales", ignore_errors=True)


def setup(app: Sphinx) -> None:
    app.add_js_file(None, body="document.documentElement.dataset.mode ||= 'auto'", priority=1)
    app.connect("config-inited", _without_thebe)
    app.connect("html-page-context", _assets, priority=900)
    app.connect("build-finished", _lighten)
