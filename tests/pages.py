"""The built site as tests read it: its pages (each parsed once in a process), records, addresses, colours."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from conftest import SITE, contents
from lxml import html

PAGES = contents()
LEDGER = "book/appendix/claims.html"
OWN_PAGES = [f"{name}.html" for name in PAGES]
SPECIAL_PAGES = ["genindex.html", "search.html", "editions.html"]  # 404.html: test_citing
EVERY_PAGE = [*OWN_PAGES, *SPECIAL_PAGES]
LOADING = {  # attributes through which a page loads something without being asked
    "script": ("src",), "link": ("href",), "img": ("src", "srcset"), "source": ("src", "srcset"), "iframe": ("src",),
    "video": ("src", "poster"), "audio": ("src",), "embed": ("src",), "object": ("data",),
    "image": ("href", "xlink:href"), "use": ("href", "xlink:href"),
}  # fmt: skip
LINKING = {"next", "prev", "index", "search", "canonical", "author", "license", "alternate"}  # links that load nothing


# ------------------------------------------------------------------------------------------------------ reading
@cache
def soup(page: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "lxml")


@cache
def _index(page: str) -> dict[str, list[Tag]]:
    found: dict[str, list[Tag]] = {}
    for element in soup(page).descendants:
        if isinstance(element, Tag):
            more = [f"#{element['id']}"] if "id" in element.attrs else []
            more += ["[style]"] if "style" in element.attrs else []
            for key in {element.name, *(f".{kind}" for kind in element.get("class", ())), *more}:
                found.setdefault(key, []).append(element)
    return found


def those(page: str, what: str) -> list[Tag]:
    """Elements of a page as `select` gives them, for `name`, `.class`, `name.class`, `#id` and `[style]` alone.

    The page is searched once for all.
    """
    name, dot, kind = what.partition("." if what[0] not in "#[" else "\0")
    found = _index(page).get(f"{dot}{kind}" if dot else name, [])
    return [element for element in found if element.name == name] if dot and name else list(found)


@cache
def anchors(page: str) -> Counter[str]:
    return Counter(html.parse(SITE / page).xpath("//@id"))


@cache
def article(page: str) -> Tag:
    return those(page, "main")[0]


def letters(text: str) -> str:
    """Letters and digits alone: lines, hyphens, spaces and apostrophes differ between the page and its text."""
    return re.sub(r"[\W_ʼ]", "", text)


def page_of(name: str) -> BeautifulSoup:
    """A page of the site, without the signs beside its headings."""
    page = BeautifulSoup((SITE / f"{name}.html").read_text(encoding="utf-8"), "lxml")
    for sign in page.select(".headerlink"):
        sign.decompose()
    return page


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def straight(text: str) -> str:
    """Text with plain quotation marks and single spaces: the pages set typographic ones."""
    return re.sub(r"[“”„]", '"', " ".join(re.sub(r"[‘’]", "'", text).split()))


def record_file(name: str) -> dict:
    return json.loads((SITE / name).read_text(encoding="utf-8"), parse_constant=_refuse)


@cache
def results() -> dict[str, dict]:
    return record_file("results.json")


@cache
def exhibits() -> dict[str, dict]:
    return record_file("exhibits.json")


def texts() -> list[Path]:
    ends = {".html", ".json", ".js", ".css", ".ipynb", ".md", ".svg", ".csv"}
    return sorted(path for path in SITE.rglob("*") if path.suffix in ends)


@cache
def loaded(page: str) -> tuple[str, ...]:
    """Every address that the page's markup loads by itself."""
    found = []
    for name, attributes in LOADING.items():
        for element in those(page, name):
            if name == "link" and LINKING & set(element["rel"]):
                continue
            for attribute in attributes:
                value = element.get(attribute, "")
                found += [part.split()[0] for part in (value.split(",") if attribute == "srcset" else [value]) if part]
    return tuple(found)


def local(page: str, address: str) -> tuple[str, str] | None:
    """File and fragment that an address on a page means, or None if it leads off the site."""
    if urlsplit(address).scheme or address.startswith("//"):
        return None
    whole, fragment = urldefrag(urljoin(f"http://site/{page}", address))
    path = unquote(urlsplit(whole).path).lstrip("/")
    return (path + "index.html" if path.endswith("/") or not path else path), unquote(fragment)


def compressed(path: Path) -> int:
    """Bytes as a server sends the file: gzip for text, fonts and pictures as they are."""
    content = path.read_bytes()
    packed = path.suffix in {".woff2", ".png", ".jpg", ".webp", ".gz"}
    return len(content) if packed else len(gzip.compress(content, 6))


def dead(page: str, address: str) -> str | None:
    """What is wrong with an address on a page, if anything."""
    meant = local(page, address)
    if meant is None:
        return None
    path, fragment = meant
    if not (SITE / path).resolve().is_relative_to(SITE.resolve()):
        return f"{address} leads out of the site"
    if not (SITE / path).is_file():
        return f"{address}: no file {path}"
    if fragment and path.endswith(".html") and fragment not in anchors(path):
        return f"{address}: no #{fragment} in {path}"
    return None


# ------------------------------------------------------------------------------------------------------ colours
def _luminance(colour: str) -> float:
    """Relative luminance of a computed colour, as WCAG 2 defines it."""
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    return sum(weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
               for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))  # fmt: skip


def contrast(ink: str, ground: str) -> float:
    low, high = sorted((_luminance(ink), _luminance(ground)))
    return (high + 0.05) / (low + 0.05)
