"""The book as an EPUB 3: Sphinx's builder, with what it leaves undone.

Sphinx names no page that holds a formula or a figure as such in the manifest, dates the archive by the clock and
would take the site's page template. Code that is folded on the site is left out, as on paper.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder
from sphinx.config import Config
from sphinx_design.tabs import sd_tab_input, sd_tab_label

from goingglobal.sphinx.edition import edition, names

_COVER = "_static/cover.png"
_KEPT = (_COVER, "_static/ebook.css")
_FILE = re.compile(r'<a\b[^>]*\bhref="(?![a-z]+:|#)[^"#]*\.(?!xhtml)\w+"[^>]*>(.*?)</a>', re.S)
_FOLD = re.compile(r'<details class="gg-fold">\s*<summary>(.*?)</summary>(.*?)</details>', re.S)
_VARIABLE = re.compile(r"var\(--[\w-]+,\s*([^()]*)\)")


def _cover(facts: dict) -> bytes:
    """The title page as a picture."""
    import vl_convert  # large, and only needed here

    title, subtitle, authors = names(facts)
    lines = re.findall(r"\S.{0,20}(?=\s|$)", title)
    text = "".join(f'<text x="100" y="{420 + 120 * n}" font-size="96">{html.escape(line)}</text>'
                   for n, line in enumerate(lines))
    return vl_convert.svg_to_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="1800" viewBox="0 0 1200 1800" fill="#fff" '
        f'font-family="Liberation Sans"><rect width="1200" height="1800" fill="#0b5a8f"/>'
        f'<circle cx="190" cy="200" r="80"/><path d="M250 200h170m-60-60 60 60-60 60" stroke="#ffb38a" '
        f'stroke-width="34" fill="none"/>{text}<text x="100" y="{480 + 120 * len(lines)}" font-size="38">'
        f'{html.escape(subtitle)}</text>'
        f'<text x="100" y="1640" font-size="42">{html.escape(authors)}</text>'
        f'<text x="100" y="1700" font-size="32">Version {facts["version"]}, {facts["date"]}</text></svg>')


class BookEpub(Epub3Builder):
    """Sphinx's EPUB 3 with a whole manifest, plain colours and an archive that is the same each time."""

    def init_templates(self) -> None:
        self.config.templates_path = []  # the site's own pages aren't XHTML
        super().init_templates()

    def build_content(self) -> None:
        out = Path(self.outdir)
        (out / _COVER).write_bytes(_cover(edition(Path(self.srcdir))))
        pages = {f"{name}.xhtml" for name in self.env.found_docs}
        for path in sorted(p for p in out.rglob("*") if p.is_file()):
            name = path.relative_to(out).as_posix()
            if name in pages:
                plain = self._plain(path.read_text(encoding="utf-8"))
                path.write_text(plain, encoding="utf-8", newline="\n")
            elif name not in _KEPT and name not in ("mimetype", "META-INF/container.xml", ".buildinfo"):
                path.unlink()
        super().build_content()
        manifest = out / "content.opf"
        listed = re.sub(r'(<item id="[^"]*" href="([^"]*)" media-type="[^"]*") />', self._item,
                        manifest.read_text(encoding="utf-8"))
        manifest.write_text(listed, encoding="utf-8", newline="\n")

    @staticmethod
    def _plain(text: str) -> str:
        """Colours of figures as such, for readers that know no variables; files of the site as words; no folds."""
        text = _FOLD.sub(r'<div class="gg-fold"><p class="gg-fold-title">\1</p>\2</div>', _FILE.sub(r"\1", text))
        while _VARIABLE.search(text):
            text = _VARIABLE.sub(r"\1", text)
        return text

    def _item(self, match: re.Match) -> str:
        """One line of the manifest, saying what its file holds."""
        properties = ["cover-image"] if match[2] == _COVER else []
        if match[2].endswith(".xhtml"):
            text = (Path(self.outdir) / match[2]).read_text(encoding="utf-8")
            properties = [word for tag, word in (("<math", "mathml"), ("<svg", "svg")) if tag in text]
        return match[1] + (f' properties="{" ".join(properties)}"' if properties else "") + " />"

    def build_epub(self) -> None:
        """The archive in a fixed order, each file with the day of the edition."""
        moment = (*map(int, edition(Path(self.srcdir))["date"].split("-")), 0, 0, 0)
        with ZipFile(Path(self.outdir) / f"{self.config.epub_basename}.epub", "w") as epub:
            for name in ("mimetype", "META-INF/container.xml", "content.opf", "toc.ncx", *sorted(self.files)):
                info = ZipInfo(name, moment)
                info.compress_type = ZIP_STORED if name == "mimetype" else ZIP_DEFLATED
                epub.writestr(info, (Path(self.outdir) / name).read_bytes())


def _configure(app: Sphinx, config: Config) -> None:
    facts = edition(Path(app.srcdir))
    title, subtitle, authors = names(facts)
    config.version, config.epub_cover = facts["version"], (_COVER, "epub-cover.html")
    config.epub_title, config.epub_description, config.epub_author = title, subtitle or title, authors
    config.epub_publisher = config.epub_contributor = authors


def _visit_fold(self, node: nodes.Element) -> None:
    self.body.append("".join(f'<div id="{name}"></div>' for name in node["ids"]))
    raise nodes.SkipNode


def _skip(self, node: nodes.Element) -> None:
    raise nodes.SkipNode


def _visit_tab_label(self, node: nodes.Element) -> None:
    self.body.append('<p class="gg-tab">')


def _depart_tab_label(self, node: nodes.Element) -> None:
    self.body.append("</p>")


def setup(app: Sphinx) -> None:
    app.add_builder(BookEpub, override=True)
    app.add_node(sd_tab_input, override=True, epub=(_skip, None))  # a book has every tab, one below the other
    app.add_node(sd_tab_label, override=True, epub=(_visit_tab_label, _depart_tab_label))
    app.add_node(HideCodeCellNode, override=True, epub=(_visit_fold, None))
    app.connect("config-inited", _configure)
