"""`python -m goingglobal.sphinx.taking.paper pdf|epub`: the whole book as one PDF or EPUB, in `_build/paper`.

The PDF is printed by headless Chromium from one page made of the built site's pages, so numbers, references and
exhibits are those of the site. It is printed twice: the first print, quicker as a draft without pictures and tags,
tells on which page each section begins; the second has these numbers in its contents. The EPUB is made by
Sphinx's builder (`epub.py`).
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from posixpath import dirname, join, normpath

import pikepdf
from bs4 import BeautifulSoup, SoupStrainer, Tag

from goingglobal import _console
from goingglobal.sphinx.build import JUPYTER_BOOK, ONE_THREAD, UTF8, core
from goingglobal.sphinx.edition import edition, names
from goingglobal.sphinx.taking import browser

NAME = "japanese-smes-going-global"
HOME = "book/index.html"
# Of a draft, only where things stand is looked at: a picture keeps its place and size when nothing of it is drawn.
DRAFT = "<style>svg > * { display: none }</style></head>"


class PaperError(RuntimeError):
    """The book can't be put on paper; the message says what is missing."""


def _read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "lxml")


def _slug(page: str) -> str:
    return page.removesuffix(".html").removeprefix("book/").replace("/", "-")


def _target(page: str, href: str, pages: list[str], public: str) -> str | None:
    """Where a link of one page leads in the whole document; None when only the site has it."""
    if re.match(r"[a-z]+:", href):
        return href
    file, _, anchor = href.partition("#")
    file = normpath(join(dirname(page), file)) if file else page
    if file in pages:
        return f"#{_slug(file)}" + (f"--{anchor}" if anchor else "")
    return public + file if public else None


def _chapter(page: str, tree: BeautifulSoup, pages: list[str], public: str) -> Tag:
    """A page's text, with ids that no other page has and links that lead inside the document."""
    article, slug = tree.find("article"), _slug(page)
    for fold in article.select("details.hide[id]"):  # the code is not shown; what leads to it leads to its place
        fold.name = "div"
        fold["class"] = "gg-anchor"
        fold.clear()
    for box in article.select("details.gg-cite"):
        box.name = "div"
    for box in article.select("details.gg-fold"):  # hints and solutions of exercises: paper can't be opened
        box.name, box.summary["class"], box.summary.name = "div", "gg-fold-title", "p"
    for node in article.select("details.hide, details.gg-explorer, .gg-cite summary, .gg-cite p:has(> a[download]), "
                               ".gg-sheet, .headerlink, .gg-links, script, button"):
        node.decompose()
    for node in list(article.find_all(True)):
        for name, value in list(node.attrs.items()):
            if name == "id":
                node[name] = f"{slug}--{value}"
            elif name in ("aria-labelledby", "aria-describedby", "for"):
                node[name] = " ".join(f"{slug}--{word}" for word in value.split())
            elif name == "xlink:href" or (isinstance(value, str) and "url(#" in value):
                node[name] = re.sub(r"(^|url\()#", rf"\1#{slug}--", value)
        if node.name == "a" and node.get("href"):
            target = _target(page, node["href"], pages, public)
            if target is None:
                node.unwrap()
            else:
                node["href"] = target
    article.name, article.attrs = "article", {"id": slug, "class": "bd-article"}
    return article


def _contents(entries: list[tuple[str, Tag]]) -> str:
    """The contents: parts, chapters and sections, with a place for the page each begins on."""
    lines = []
    for part, article in entries:
        if part:
            lines.append(f"<p>{html.escape(part)}</p>")
        for heading in article.find_all(["h1", "h2"]):
            anchor = article["id"] if heading.name == "h1" else heading.parent["id"]
            lines.append(f'<a class="gg-{heading.name}" href="#{anchor}"><span>{heading.decode_contents()}</span>'
                         f'<b data-of="{anchor}"></b></a>')
    return "\n".join(lines)


def assemble(site: Path, facts: dict) -> str:
    """The built pages as one page: title, contents, and each chapter on a page of its own."""
    home = _read(site / HOME)
    title, subtitle, authors = map(html.escape, names(facts))
    canonical = home.select_one('link[rel="canonical"]')
    public = canonical["href"].removesuffix(HOME) if canonical else ""
    parts, part, pages = {}, "", []
    for node in home.select(".gg-book-nav > p.caption, .gg-book-nav > ul > li > a"):
        if node.name == "p":
            part = node.get_text().strip()
        else:
            page = HOME if node["href"] == "#" else normpath(join(dirname(HOME), node["href"]))
            pages.append(page)
            parts[page], part = part, ""
    entries = [(parts[page], _chapter(page, _read(site / page), pages, public)) for page in pages]
    where = f'<p>On the web: <a href="{public}">{public}</a></p>' if public else ""
    commit = f", commit {facts['commit_short']}" if facts["commit"] else ""
    chapters = "\n".join(str(article) for _, article in entries)
    return f"""<!DOCTYPE html>
<html lang="en" class="gg-paper"><head><meta charset="utf-8"><title>{title}</title>
<base href="{site.as_uri()}/"><link rel="stylesheet" href="_static/book.css">
<link rel="stylesheet" href="_static/print.css"></head><body>
<header class="gg-paper-title"><p class="gg-paper-name">{title}</p>
{f"<p>{subtitle}</p>" if subtitle else ""}<p>{authors}</p>
<div><p>Version {facts['version']}, {facts['date']}{commit}.<br>
Data as of {facts['data_vintage']}; each table's own vintage stands under it.</p>{where}
<p>Text and figures: <a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>. Code: MIT.
Each data table has terms of its own, named under it.</p>
<p>Every number was computed when the book was built. Code that only draws is left out here: it stands in the
notebooks of the repository, in the folder <code>book</code>. The data under each figure and table are files of the
web edition.</p>
</div></header>
<nav class="gg-paper-contents"><h1>Contents</h1>
{_contents(entries)}
</nav>
{chapters}
</body></html>
"""


def _fonts() -> None:
    """Say so when this machine would print empty boxes for Japanese words."""
    lister = shutil.which("fc-list")
    if lister and not subprocess.run([lister, ":lang=ja"], capture_output=True, check=False).stdout.strip():
        print("note: no Japanese font on this machine, so Japanese words are printed as boxes; on Debian or Ubuntu: "
              "apt-get install fonts-vlgothic", file=sys.stderr)


def _print(chromium: str, page: Path, out: Path, *more: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [chromium, *browser.FLAGS, f"--user-data-dir={profile}", "--allow-file-access-from-files",
             "--no-pdf-header-footer", *more, f"--print-to-pdf={out}", page.as_uri()],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False,
            encoding="utf-8", errors="replace")
    if done.returncode != 0 or not out.is_file():
        raise PaperError(f"Chromium did not print the book:\n{done.stderr[-2000:]}")


def _beginnings(file: Path) -> dict[str, int]:
    """Anchor → number of the page it stands on."""
    with pikepdf.open(file) as printed:
        numbers = {page.objgen: number for number, page in enumerate(printed.pages, 1)}
        return {name.removeprefix("/"): numbers[place[0].objgen] for name, place in printed.Root.Dests.items()}


def _bookmarks(parent: pikepdf.Dictionary) -> Iterator[pikepdf.Dictionary]:
    """A PDF's bookmarks, in the order of its text."""
    item = parent.get("/First")
    while item is not None:
        yield item
        yield from _bookmarks(item)
        item = item.get("/Next")


def pdf(root: Path, folder: Path) -> Path:
    """Print the book that stands in `_build/html`."""
    chromium, site = browser.find(), root / "_build" / "html"
    if chromium is None:
        raise PaperError("the PDF is printed by Chromium, and none is on the PATH (looked for "
                         f"{', '.join(browser.NAMES)}); on Debian or Ubuntu: apt-get install chromium")
    if not (site / HOME).is_file():
        raise PaperError("there is no site in _build/html to print; `make book` builds it")
    _fonts()
    facts = edition(root)
    book = assemble(site, facts)
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{NAME}.pdf"
    with tempfile.TemporaryDirectory() as work:
        page, printed = Path(work) / "book.html", Path(work) / "book.pdf"
        page.write_text(book.replace("</head>", DRAFT, 1), encoding="utf-8", newline="\n")
        _print(chromium, page, printed, "--disable-pdf-tagging")
        places = _beginnings(printed)  # in the second print the contents have the numbers
        book = re.sub(r'<b data-of="([^"]+)"></b>', lambda mark: f"<b>{places[mark[1]]}</b>", book)
        page.write_text(book, encoding="utf-8", newline="\n")
        _print(chromium, page, printed, "--generate-pdf-document-outline")
        every = SoupStrainer(re.compile("^h[1-6]$"))
        headings = BeautifulSoup(book, "lxml", parse_only=every).find_all(recursive=False)
        moment = f"D:{facts['date'].replace('-', '')}000000+00'00'"
        with pikepdf.open(printed) as whole:
            # Chromium says a heading twice that begins a page.
            for mark, heading in zip(_bookmarks(whole.Root.Outlines), headings, strict=True):
                mark.Title = pikepdf.String(" ".join(heading.get_text().split()))
            whole.docinfo["/Author"] = names(facts)[2]
            whole.docinfo["/CreationDate"] = whole.docinfo["/ModDate"] = moment
            # The structure that Chromium writes for screen readers is most of the file, and shrinks to little.
            whole.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)
    return out


def epub(root: Path, folder: Path) -> Path:
    """Build the EPUB from the notebooks' cached outputs."""
    work, made = folder / "work", folder / "work" / "_build" / "epub" / f"{NAME}.epub"
    shutil.rmtree(made.parent, ignore_errors=True)
    moment = datetime.fromisoformat(edition(root)["date"]).replace(tzinfo=UTC)
    done = subprocess.run(
        [*JUPYTER_BOOK, str(root), str(work), "--builder", "custom", "--custom-builder", "epub"],
        cwd=root, env={**ONE_THREAD, **os.environ, **UTF8, "SOURCE_DATE_EPOCH": f"{moment.timestamp():.0f}"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        errors="replace", check=False)
    if done.returncode != 0 or not made.is_file():
        raise PaperError(f"the EPUB was not built:\n{core(done.stdout, root)}")
    return Path(shutil.copyfile(made, folder / made.name))


def main(root: Path, arguments: list[str]) -> int:
    """Make what is asked for; 0 when it is there."""
    makers = {"pdf": pdf, "epub": epub}
    if len(arguments) != 1 or arguments[0] not in makers:
        print(f"usage: python -m goingglobal.sphinx.taking.paper {'|'.join(makers)}", file=sys.stderr)
        return 2
    try:
        out = makers[arguments[0]](root, root / "_build" / "paper")
    except PaperError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"the book on paper is {out.relative_to(root)}")
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(Path.cwd(), sys.argv[1:]))
