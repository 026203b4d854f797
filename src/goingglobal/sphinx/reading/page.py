"""What a built page carries: the book's own sheet and script, its contents, and nothing that it doesn't use.

The page is `book/_templates/layout.html`. The style sheets, scripts and icon fonts of the themes and
extensions below it (some 450 KB compressed) are named here only to be left out; what stays is listed in
`_SHEETS` and `_SCRIPTS`.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.util.fileutil import copy_asset

_SHEETS = ("book.css", "print.css", "ebook.css")
_SCRIPTS = ("book.js", "cards.js", "filter.js", "vendor/", "explorer")
_FILTER = ("vendor/simple-datatables-10.3.0.js", "filter.js")
_LEFT_OUT = (
    "scripts", "styles", "locales", "images", "vendor/fontawesome", "sphinx-thebe*", "mystnb*.css", "sphinx-design*",
    "design-tabs.js", "togglebutton*", "copybutton*", "copy-button.svg", "clipboard.min.js", "check-solid.svg",
    "exercise.css", "proof.css", "basic.css", "pygments.css", "file.png", "plus.png", "minus.png", "parts",
    "webpack-macros.html", "sbt-webpack-macros.html", "ebook.css", "vendor/reveal*", "slides.*",
)
_FIRST_SCREEN = 8_000  # characters of a page's text that its first screen may have
# Markup of the themes and extensions that we would rather have otherwise.
_MENDED = {
    # a table wider than the text scrolls in a frame that the keyboard reaches
    '<div class="pst-scrollable-table-container">': '<div class="gg-scroll" tabindex="0">',
    # the fold of a cell is named by its words, not by a label that says something else
    ' aria-label="Toggle hidden content"': "",
    ' role="doc-biblioentry"': ' role="listitem"',
}


def _without_thebe(app: Sphinx, config: Config) -> None:
    for listeners in list(app.events.listeners.values()):
        for listener in list(listeners):
            if getattr(listener.handler, "__module__", "").startswith("sphinx_thebe"):
                app.disconnect(listener.id)


def _name(asset: object) -> str:
    return (getattr(asset, "filename", None) or "").split("?")[0].removeprefix("_static/")


def _contents(tree: str, toc: str, spoken: dict[str, str]) -> str:
    """The list of pages, those in other languages marked (`spoken`: by link); below the page itself, its sections."""
    pages, own = BeautifulSoup(tree, "html.parser"), BeautifulSoup(toc, "html.parser")
    for caption in pages.select("p.caption"):
        caption.attrs = {"class": "caption"}
    for link in pages.select("a"):
        here = link.get("href") == "#"
        link.attrs = {"href": link["href"], **({"aria-current": "page"} if here else {})}
        if spoken.get(link["href"]):
            link.parent["lang"] = spoken[link["href"]]
        sections = own.select("ul > li > ul > li > a") if here else []
        top = [a for a in sections if len(a.find_parents("ul")) == 2]
        if top:
            inner = pages.new_tag("ul")
            for section in top:
                item, words = pages.new_tag("li"), pages.new_tag("a", href=section["href"])
                words.string = section.get_text()
                item.append(words)
                inner.append(item)
            link.parent.append(inner)
    for item in pages.select("li"):
        own = {"lang": item["lang"]} if item.get("lang") else {}
        item.attrs = {**({"class": "current"} if "current" in item.get("class", []) else {}), **own}
    return str(pages)


def _languages(app: Sphinx) -> dict[str, str]:
    """Pages in another language than the book's: what their heads say."""
    return {doc: meta["lang"] for doc, meta in app.env.metadata.items() if "lang" in meta}


def _translations(app: Sphinx, pagename: str) -> list[tuple[str, str]]:
    """The first page in its languages, as language and page, where `pagename` is one of them."""
    pages = {app.config.root_doc: app.config.language, **_languages(app)}
    return [(code, doc) for doc, code in sorted(pages.items())] if pagename in pages and len(pages) > 1 else []


def _awaited(body: str) -> tuple[str, str | None]:
    """A page's text with a mark behind the table on its first screen, and the mark's id: till then nothing is painted.

    Columns get other widths as rows arrive: what is painted before a table's end moves. (Chromium takes an element for
    there at its beginning, so it is not the table that is waited for.)
    """
    table = re.search(r"<table\b.*?</table>", body, re.DOTALL)
    if not table or table.start() > _FIRST_SCREEN:
        return body, None
    return f'{body[:table.end()]}<span id="first-table-ends"></span>{body[table.end():]}', "first-table-ends"


def _assets(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree and any("gg-filter" in node["classes"] for node in doctree.findall(nodes.container)):
        # On pages that have a table to filter, and no other; nothing is painted before it where it is seen first.
        first = {"blocking": "render"} if "gg-filter" in context.get("body", "")[:_FIRST_SCREEN] else {}
        for script in _FILTER:
            app.add_js_file(script, loading_method="defer", **first)
    context["css_files"] = [a for a in context.get("css_files", []) if _name(a) in _SHEETS]
    context["script_files"] = [a for a in context.get("script_files", []) if _name(a).startswith(_SCRIPTS)]
    if "body" in context:
        for theirs, ours in _MENDED.items():
            context["body"] = context["body"].replace(theirs, ours)
        context["body"], context["gg_awaited"] = _awaited(context["body"])
    context["gg_translations"] = _translations(app, pagename)
    context["metatags"] = re.sub(r'<meta[^>]*name="viewport"[^>]*>\s*', "", context.get("metatags") or "")
    if "toctree" in context:
        tree = context["toctree"](maxdepth=1, collapse=True, titles_only=True, includehidden=True) or ""
        spoken = {app.builder.get_relative_uri(pagename, doc): said for doc, said in _languages(app).items()}
        context["gg_spoken"] = spoken
        context["gg_toctree"] = _contents(tree, context.get("toc") or "", spoken | {"#": _languages(app).get(pagename)})


def _left_out(path: str) -> bool:
    """Whether a file or folder of a theme is one that the site leaves out, or a hidden one."""
    name = posixpath.normpath(path).removesuffix("_t").removesuffix(".jinja")
    return posixpath.basename(name).startswith(".") or any(fnmatchcase(name, pattern) for pattern in _LEFT_OUT)


def _copy_theme_files(builder: StandaloneHTMLBuilder, context: dict) -> None:
    for folder in reversed(builder.theme.get_theme_dirs()):
        copy_asset(Path(folder, "static"), Path(builder.outdir, "_static"), _left_out, context, builder.templates)


def _few_theme_files(app: Sphinx) -> None:
    """Have the themes' files that stay copied, and no others: most would be copied in each build to be taken away."""
    if app.builder.name == "html":
        app.builder.copy_theme_static_files = partial(_copy_theme_files, app.builder)


def _lighten(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        static = Path(app.outdir) / "_static"
        for pattern in _LEFT_OUT:
            for path in static.glob(pattern):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def setup(app: Sphinx) -> None:
    app.add_js_file("book.js", loading_method="defer")
    app.connect("config-inited", _without_thebe)
    app.connect("builder-inited", _few_theme_files)
    app.connect("html-page-context", _assets, priority=900)
    app.connect("build-finished", _lighten, priority=999)  # some themes write theirs at this event too
