"""How the book is cited, by which edition, and where it is found: units, a small book, and the built site."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache

import jsonschema
import pybtex.plugin
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT, SHIPPED, SITE, contents
from made import git
from pages import anchors, dead, soup, those
from pybtex.database import parse_string
from small_book import repository

from goingglobal import __version__
from goingglobal.sphinx.taking import citing

site = pytest.mark.site
CITATION = ROOT / "CITATION.cff"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
REDIRECTS = CONFIG["sphinx"]["config"]["redirects"]
PAGES = contents()
EDITION = {
    "book": "A book", "title": "A book: 100 % of it", "version": "1.2.3", "date": "2026-11-25",
    "data_vintage": "2026-11-24",
    "commit": "f" * 40, "commit_short": "f" * 7,
    "authors": [{"family": "Müller", "given": "Ada"}, {"literal": "Some & Co"}],
}  # fmt: skip
PART = citing.Work(EDITION, "part", "R&D_1: $5 #2 – “what”", "https://example.org/a_b/part.html")
BOOK = citing.Work({**EDITION, "commit": "", "commit_short": ""}, "book")


# ------------------------------------------------------------------------------------------------- CITATION.cff
def faults_of(citation: dict) -> list[str]:
    schema = json.loads((ROOT / "tests" / "vendor" / "cff-1.2.0.json").read_text(encoding="utf-8"))
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(citation)]


@pytest.fixture
def citation() -> dict:
    return yaml.load(CITATION.read_text(encoding="utf-8"), yaml.BaseLoader) | {"references": []}


def test_citation_file_is_valid():
    whole = yaml.load(CITATION.read_text(encoding="utf-8"), yaml.BaseLoader)
    for reference in (whole["preferred-citation"], *whole["references"]):
        reference["year"] = int(reference["year"])  # the loader reads text only
    assert faults_of(whole) == []


@pytest.mark.parametrize("change", [{"title": 5}, {"authors": []}, {"date-released": "soon"}, {"colour": "red"}])
def test_schema_refuses_a_wrong_citation_file(citation, change):
    assert faults_of({**citation, **change})


def test_citation_file_agrees_with_itself_and_the_package(citation):
    preferred = citation["preferred-citation"]
    assert citation["version"] == preferred["version"] == __version__
    assert set(citation["license"]) == {"MIT", "CC-BY-4.0"}
    for key in ("title", "authors", "date-released"):
        assert preferred[key] == citation[key]
    assert preferred["year"] == citation["date-released"][:4]


# ---------------------------------------------------------------------------------------------------- references
def read_ris(text: str) -> dict[str, list[str]]:
    """The fields of one RIS record; every line must be as the format wants it."""
    assert text.endswith("\r\nER  - \r\n")
    lines = text.removesuffix("\r\n").split("\r\n")
    assert [line for line in lines if not re.fullmatch(r"[A-Z][A-Z0-9]  - .*", line)] == []
    assert [line[:2] for line in lines].count("TY") == 1
    assert lines[0] in ("TY  - BOOK", "TY  - CHAP")
    fields: dict[str, list[str]] = {}
    for line in lines[:-1]:
        fields.setdefault(line[:2], []).append(line[6:])
    return fields


@pytest.fixture(scope="module", autouse=True)
def plugins():
    """What is installed is looked through once, not for every part of a style and every page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pybtex.plugin, "entry_points", cache(pybtex.plugin.entry_points().select))
        yield


@cache
def read_bib(text: str) -> tuple[str, dict, list[str]]:
    """Type, fields and authors of the one entry of a BibTeX file, which a style can set."""
    entries = parse_string(text, "bibtex").entries
    ((_, entry),) = entries.items()
    set_entry = pybtex.format_from_string(text, style="plain", output_backend="plaintext")
    assert set_entry.startswith("[1] ")
    return entry.type, dict(entry.fields), [str(person) for person in entry.persons["author"]]


def test_bibtex_escapes_texts_and_not_the_address():
    kind, fields, authors = read_bib(citing.bibtex(PART))
    assert kind == "incollection"
    assert authors == [r'M\"uller, Ada', r"{Some \& Co}"]
    assert fields["title"].startswith(r"{R\&D\_1: \$5 \#2 ")
    assert fields["booktitle"] == r"{A book: 100 \% of it}"
    assert fields["url"] == "https://example.org/a_b/part.html"
    assert fields["version"] == "1.2.3"
    assert "f" * 40 in fields["note"]
    kind, fields, _ = read_bib(citing.bibtex(BOOK))
    assert kind == "book"
    assert not {"booktitle", "url"} & set(fields)
    assert "commit" not in fields["note"]


def test_ris_and_csl_say_the_same():
    fields = read_ris(citing.ris(PART))
    assert fields["AU"] == ["Müller, Ada", "Some & Co"]
    assert (fields["TI"], fields["T2"]) == ([PART.part], [EDITION["title"]])
    assert (fields["PY"], fields["DA"], fields["UR"]) == (["2026"], ["2026/11/25"], [PART.address])
    assert "UR" not in read_ris(citing.ris(BOOK))
    (item,) = json.loads(citing.csl(PART))
    assert (item["type"], item["title"], item["container-title"]) == ("chapter", PART.part, EDITION["title"])
    assert item["author"] == EDITION["authors"]
    assert item["issued"] == {"date-parts": [[2026, 11, 25]]}
    assert (item["URL"], item["version"]) == (PART.address, "1.2.3")
    (item,) = json.loads(citing.csl(BOOK))
    assert item["type"] == "book"
    assert not {"URL", "container-title"} & set(item)


def test_reference_is_escaped_and_names_the_exhibit():
    words = BeautifulSoup(citing.reference(PART, "Figure 1.2", "fig-x"), "lxml")
    assert words.get_text() == (
        "Müller, Ada; Some & Co (2026). Figure 1.2 (fig-x) of “R&D_1: $5 #2 – “what””, in A book: 100 % of it. "
        "Version 1.2.3 of 2026-11-25, commit fffffff. https://example.org/a_b/part.html#fig-x")  # fmt: skip
    assert words.a["href"] == f"{PART.address}#fig-x"
    assert "<a" not in citing.reference(BOOK)


# --------------------------------------------------------------------------------------- a small book with git
@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Built at a commit with an address, at the next commit, and at last without an address."""
    book = repository(tmp_path_factory.mktemp("cited"))
    book.pages(index="# Tiny\n\nA first page.\n\n```{cite-book}\n```\n",
               gone="# Gone\n\nA page that stays, and says “so” in a sentence of its own.")
    config = yaml.safe_load((book.root / "_config.yml").read_text(encoding="utf-8"))
    seen = {}

    def step(name: str, address: str, redirects: dict[str, str]) -> None:
        changed = deepcopy(config)
        changed["html"]["baseurl"], changed["sphinx"]["config"]["redirects"] = address, redirects
        (book.root / "_config.yml").write_text(yaml.safe_dump(changed), encoding="utf-8")
        git(book.root, "init", "-q")
        git(book.root, "add", ".")
        git(book.root, "commit", "-qm", name, "--allow-empty")
        code, said = book.run("goingglobal.sphinx.build")
        assert code == 0, said
        html = book.root / "_build" / "html"
        doctrees = {p.name: p.stat().st_mtime_ns for p in (book.root / "_build" / "work").rglob("*.doctree")}
        assert doctrees
        texts = {str(p.relative_to(html)): p.read_bytes().decode() for p in html.rglob("*")
                 if p.suffix in (".html", ".xml", ".bib", ".ris", ".json")}  # fmt: skip
        cards = {p.name for p in html.glob("_images/social_previews/*.png")}
        seen[name] = texts, git(book.root, "rev-parse", "HEAD"), doctrees, cards

    step("first", "https://example.org/sme", {"old": "book/gone.html", "older": "book/gone.html"})
    step("next", "https://example.org/sme", {"old": "book/gone.html", "older": "book/gone.html"})
    step("bare", "", {"old": "book/gone.html"})
    return seen


@pytest.mark.proof
def test_next_commit_is_on_every_page_and_none_is_read_again(built):
    (_, before, doctrees, _), (texts, after, doctrees_after, _) = built["first"], built["next"]
    assert before != after
    assert doctrees == doctrees_after, "a commit alone is no reason to read a page again"
    pages = [name for name in texts if name.startswith(("book/", "404", "search", "genindex", "editions.html"))]
    assert len(pages) == 6
    for name in pages:
        assert f"commit {after[:7]}" in texts[name], name
        assert before[:7] not in texts[name], name
    files = [f"cite/{name}.{end}" for name in ("book", "gone") for end in ("bib", "ris", "json")]
    assert [name for name in files if after not in texts[name]] == []


@pytest.mark.proof
def test_site_with_a_public_address(built):
    texts, _, _, cards = built["next"]
    base = "https://example.org/sme/"
    pages = {"book/index.html", "book/gone.html"}
    assert set(re.findall("<loc>(.*?)</loc>", texts["sitemap.xml"])) == {base + page for page in pages}
    shown = set()
    for page in pages:
        head = BeautifulSoup(texts[page], "lxml").head
        tags = {tag["property"]: tag["content"] for tag in head.select("meta[property^=og]")}
        assert head.select_one("link[rel=canonical]")["href"] == tags["og:url"] == base + page
        assert tags["og:image"].startswith(base + "_images/social_previews/")
        assert tags["og:image:alt"]
        told = head.select_one("meta[name=description]")
        assert tags.get("og:description") == (told and told["content"])
        shown.add(tags["og:image"].rsplit("/", 1)[1])
    assert shown == cards
    assert BeautifulSoup(texts["book/gone.html"], "lxml").find("meta", attrs={"name": "description"})["content"] == (
        "A page that stays, and says “so” in a sentence of its own.")
    assert "url       = {https://example.org/sme/book/gone.html}" in texts["cite/gone.bib"]
    missing = BeautifulSoup(texts["404.html"], "lxml")
    assert missing.select("link[rel=canonical]") == []
    assert {link["href"].split("/")[1] for link in missing.select("a[href^='/'], link[href^='/']")} == {"sme"}


@pytest.mark.proof
def test_site_without_a_public_address(built):
    texts, _, _, cards = built["bare"]
    assert "sitemap.xml" not in texts
    assert cards == set(), "pictures of an earlier build stay"
    assert [name for name, text in texts.items() if "example.org" in text or 'property="og:' in text] == []
    assert "old.html" in texts
    assert "older.html" in built["next"][0]
    assert "older.html" not in texts, "a redirect that is no longer wanted stays"
    assert "404.html" in texts


@pytest.mark.proof
def test_an_address_must_be_whole(built, tmp_path):
    book = repository(tmp_path)
    book.pages(index="# Tiny", gone="# Gone")
    config = (book.root / "_config.yml").read_text(encoding="utf-8")
    assert 'baseurl: ""' in config
    (book.root / "_config.yml").write_text(config.replace('baseurl: ""', "baseurl: example.org/sme"), encoding="utf-8")
    code, said = book.run("goingglobal.sphinx.build")
    assert code != 0
    assert "html.baseurl is 'example.org/sme'; expected an address like https://host/path/" in said


# ------------------------------------------------------------------------------------------------- the built site
def slug(page: str) -> str:
    return "book" if page == PAGES[0] else page.removeprefix("book/").replace("/", "-")


@site
@pytest.mark.parametrize("page", PAGES)
def test_page_says_how_to_cite_it(page):
    (box,) = those(f"{page}.html", "details.gg-cite")
    assert box.has_attr("open") == (page == PAGES[0])
    kind, fields, _ = read_bib(box.select_one("pre.gg-bibtex").get_text())
    assert kind == ("book" if page == PAGES[0] else "incollection")
    assert fields["version"] == __version__
    words = box.p.get_text()
    assert f"Version {__version__} of " in words
    if page != PAGES[0]:
        heading = those(f"{page}.html", "h1")[0]
        title = heading.get_text().removesuffix("#")
        number = heading.select_one(".section-number")
        assert f"“{title.removeprefix(number.get_text() if number else '').strip()}”, in " in words
    footer = those(f"{page}.html", "footer")[0].get_text()
    for said in re.findall(r"commit ([0-9a-f]{7})", footer):
        assert f"commit {said}" in words
        assert f"commit {said}" in fields["note"]
    assert [link["href"].rsplit("/", 1)[1] for link in box.select("a[download]")] == [
        f"{slug(page)}.{end}" for end in ("bib", "ris", "json")]  # fmt: skip
    assert [link["href"] for link in box.select("a[download]") if dead(f"{page}.html", link["href"])] == []


@site
@pytest.mark.parametrize("page", ["search", "genindex", "editions", "404"])
def test_other_pages_are_not_cited(page):
    assert those(f"{page}.html", ".gg-cite") == []


@site
def test_files_for_reference_managers():
    assert {path.name for path in (SITE / "cite").iterdir()} == {
        f"{slug(page)}.{end}" for page in PAGES for end in ("bib", "ris", "json")}  # fmt: skip
    for page in PAGES:
        name = slug(page)
        shown = those(f"{page}.html", "pre.gg-bibtex")[0].get_text()
        text = (SITE / "cite" / f"{name}.bib").read_text(encoding="utf-8")
        assert text.strip() == shown.strip()
        note = read_bib(text)[1]["note"]
        fields = read_ris((SITE / "cite" / f"{name}.ris").read_bytes().decode())
        (item,) = json.loads((SITE / "cite" / f"{name}.json").read_text(encoding="utf-8"))
        assert {"id", "type", "title", "author", "issued", "version", "note"} <= set(item)
        assert fields["N1"] == [note] == [item["note"]]
        assert fields["TI"] == [item["title"]]


@site
def test_redirects_lead_to_pages():
    own = {page.rsplit("/", 1)[1] for page in PAGES[1:] if page.startswith("book/appendix/")} | set(SHIPPED)
    assert set(REDIRECTS) >= own, "a page without its short name"
    for name, target in REDIRECTS.items():
        assert dead(f"{name}.html", target) is None
        page = (SITE / f"{name}.html").read_text(encoding="utf-8")
        assert f'content="0; url={target}"' in page
        assert f'<a href="{target}">' in page
        assert f'location.replace("{target}"' in page


@site
def test_missing_page_holds_at_any_depth():
    prefix = CONFIG["html"]["baseurl"]
    prefix = "/" + "/".join(prefix.split("/")[3:]).strip("/") if prefix else ""
    addresses = [e[a] for a in ("href", "src", "action") for e in soup("404.html").find_all(attrs={a: True})]
    assert len(addresses) > 20
    for address in addresses:
        if re.match(r"https?:", address):
            continue
        if address.startswith("#"):
            assert address[1:] in anchors("404.html")
            continue
        assert address.startswith(f"{prefix}/")
        assert dead("404.html", address.removeprefix(prefix)) is None


# ------------------------------------------------------------------------------------------------------- browser
@site
@pytest.mark.browser
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("page", ["404.html", "book/appendix/exhibits.html", "book/introduction.html"])
def test_open_boxes_fit_a_narrow_screen(browser, server, page, mode):
    feature = {"name": "prefers-color-scheme", "value": mode}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    narrow = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    browser.get_log("browser")
    browser.get(f"{server}/{page}")
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= 375
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@site
@pytest.mark.browser
def test_redirect_keeps_the_place(browser, server):
    browser.get(f"{server}/claims.html#c012")
    assert browser.current_url == f"{server}/book/appendix/claims.html#c012"


@site
@pytest.mark.browser
def test_redirect_needs_no_script(plain_browser, server):
    plain_browser.get(f"{server}/claims.html")
    assert plain_browser.current_url == f"{server}/book/appendix/claims.html"
