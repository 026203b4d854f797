"""Where the site is found: its public address, the page for a wrong address, and redirects from other names.

`html.baseurl` in `_config.yml` is the only setting; `GOINGGLOBAL_SITE` goes before it (`settings`). With it the site
has a map (`sitemap.xml`) and tells other sites what to show of a page (Open Graph, with a picture); without it neither
is made, as both need whole addresses.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from goingglobal.sphinx import settings
from goingglobal.sphinx.taking import preview

MISSING = "404"
EDITIONS = "editions"  # the page of editions (`publishing.editions`)
_CARDS = Path("_images", "social_previews")


def _configure(app: Sphinx, config: Config) -> None:
    config.html_baseurl = settings.site(config.html_baseurl)
    parts = urlsplit(config.html_baseurl)
    if config.html_baseurl:
        config.sitemap_url_scheme = "{link}"
        config.sitemap_excludes = [f"{name}.html" for name in ("search", "genindex", MISSING, EDITIONS)]
        config.ogp_site_url = config.html_baseurl
        config.ogp_site_name = config.html_title
        config.ogp_description_length = 145  # the glossary's first Japanese name comes later; the cards' font has none
        config.ogp_social_cards = {"image_mini": "book/_static/mark.png", "line_color": "#0b6aa8"}
    config.notfound_template = f"{MISSING}.html"
    config.notfound_urls_prefix = parts.path.rstrip("/") + "/"
    config.redirect_html_template_file = "book/_templates/redirect.html"


def _missing(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if pagename == MISSING:  # it is shown in place of any address, so it has none of its own
        context |= {"pageurl": None, "content_root": app.config.notfound_urls_prefix}


def names(app: Sphinx) -> set[str]:
    """Pages that are written without standing in the contents."""
    return {MISSING, EDITIONS, *app.config.redirects}


def _remove_stale(app: Sphinx, exception: Exception | None) -> None:
    """The map and pictures of an earlier build that no page of this one names."""
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    if not app.config.html_baseurl:
        (out / "sitemap.xml").unlink(missing_ok=True)
    cards = list((out / _CARDS).glob("*.png"))
    pages = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*.html")) if cards else ""
    for card in cards:
        if card.name not in pages:
            card.unlink()


def _every_page(app: Sphinx, exception: Exception | None) -> None:
    """Name all pages to the map of the site, which knows those that were written in this build alone."""
    links = getattr(app, "sitemap_links", None)
    if exception is None and links is not None:
        while not links.empty():
            links.get()
        for docname in sorted(app.env.found_docs):
            links.put((app.builder.get_target_uri(docname), None))


def setup(app: Sphinx) -> None:
    app.setup_extension("notfound.extension")
    app.setup_extension("sphinx_reredirects")
    if settings.site(app.config.html_baseurl):
        app.setup_extension("sphinxext.opengraph")
        preview.previews()
        app.setup_extension("sphinx_sitemap")
    app.connect("config-inited", _configure, priority=100)
    app.connect("html-page-context", _missing, priority=800)
    app.connect("build-finished", _every_page, priority=400)
    app.connect("build-finished", _remove_stale, priority=900)
