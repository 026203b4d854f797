"""The built site: pages, numbers, exhibits, links and what a browser meets on it, light and dark, wide and narrow."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from urllib.parse import urlsplit

import axe
import pandas as pd
import pytest
import yaml
from bs4 import Tag
from conftest import ROOT, SHIPPED, SITE, WEIGHTS
from pages import (
    EVERY_PAGE,
    LEDGER,
    OWN_PAGES,
    PAGES,
    anchors,
    article,
    compressed,
    contrast,
    dead,
    exhibits,
    loaded,
    local,
    results,
    soup,
    straight,
    texts,
    those,
)

from goingglobal import load

pytestmark = pytest.mark.site

RECORD_KEYS = {"value", "se", "ci_low", "ci_high", "n", "unit", "text", "chapter", "exhibit"}
HEADLINES = [
    "country/oecd38/pwt", "country/oecd38/ilo",
    "country/no_conduits/pwt", "country/no_conduits/ilo",
    "country/no_conduits_controls/pwt", "country/no_conduits_controls/ilo",
    "country/placebo_lead/pwt", "country/placebo_lead/ilo",
    "firm/longdiff/parent", "firm/longdiff/group",
    "firm/longdiff_sme/parent", "firm/longdiff_sme/group",
    "firm/starters_untrimmed/parent", "firm/starters_untrimmed/group",
    "firm/starters_trim70/parent", "firm/starters_trim70/group",
    "firm/starters_trim50/parent", "firm/starters_trim50/group",
    "firm/starters_trim30/parent", "firm/starters_trim30/group",
    "firm/starters_cs/parent",
]  # fmt: skip
# A path of somebody's machine: the checkout, or an absolute path below a folder that only machines have.
FOLDERS, WORDS = ("home", "root", "tmp", "work", "Users", "mnt", "opt", "srv"), ("file:///", "localhost")
MACHINE = re.compile(rf"(?<![\w.:/-])/(?:{'|'.join(FOLDERS)})/[\w.-]+|[A-Z]:\\\\?Users|{'|'.join(WORDS)}")
# One of these stands wherever the pattern is found, and is found sooner.
MARKS = (*(f"/{folder}/" for folder in FOLDERS), ":\\", *WORDS, str(ROOT))


# ------------------------------------------------------------------------------------------------------ pages
def headings(page: str, *names: str) -> list[Tag]:
    return article(page).find_all(names or ["h1", "h2", "h3", "h4", "h5", "h6"])


@pytest.mark.parametrize("page", OWN_PAGES)
def test_page_of_the_contents_is_built(page):
    assert (SITE / page).is_file()
    assert headings(page, "h1"), "a page without a title"


def test_no_page_beyond_the_contents():
    found = {str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if "_static" not in path.parts}
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    redirects = {f"{name}.html" for name in config["sphinx"]["config"]["redirects"]}
    slides = {f"slides/{path.stem}.html" for path in (ROOT / "book" / "slides").glob("*.md")}
    assert found == {*EVERY_PAGE, *redirects, *slides, "404.html", "index.html"}


def test_root_leads_to_the_first_page():
    refresh = soup("index.html").find("meta", attrs={"http-equiv": re.compile("refresh", re.I)})
    assert refresh["content"].split("url=")[1] == OWN_PAGES[0]


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_page_says_its_language(page):
    spoken = {"book/ja.html": "ja", "book/de.html": "de"}.get(page, "en")
    assert soup(page).html["lang"] == spoken
    if spoken != "en":  # what stands around the text is English
        assert {node.get("lang") for name in ("header", "nav", "footer") for node in those(page, name)} == {"en"}


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_one_title_and_headings_in_order(page):
    levels = [int(h.name[1]) for h in headings(page)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    jumps = [(a, b) for a, b in pairwise(levels) if b > a + 1]
    assert not jumps


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_headings_have_text(page):
    words = [h.get_text(strip=True).rstrip("#") for h in headings(page)]
    assert all(words), words


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_no_id_twice(page):
    assert [name for name, count in anchors(page).items() if count > 1] == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_no_broken_link(page):
    addresses = {element["href"] for name in ("a", "link") for element in those(page, name) if element.has_attr("href")}
    addresses |= {form["action"] for form in those(page, "form") if form.has_attr("action")} | set(loaded(page))
    assert len(addresses) > 10, "a page without links is no page of this book"
    assert sorted(filter(None, (dead(page, address) for address in addresses))) == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_pictures_find_their_parts(page):
    """An inline SVG refers to clip paths and glyphs by id; each must stand on the page."""
    wanted = set()
    for svg in those(page, "svg"):
        wanted |= set(re.findall(r"url\(#([^)]+)\)|xlink:href=\"#([^\"]+)\"", str(svg)))
    assert {a or b for a, b in wanted} - set(anchors(page)) == set()


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_nothing_is_loaded_from_elsewhere(page):
    elsewhere = [address for address in loaded(page) if local(page, address) is None]
    assert [address for address in elsewhere if not address.startswith("data:")] == []
    inline = " ".join([style.get_text() for style in those(page, "style")]
                      + [element["style"] for element in those(page, "[style]")])  # fmt: skip
    assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import", inline)


def test_style_sheets_load_only_what_the_site_has():
    faults = []
    for sheet in SITE.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S)
        page = str(sheet.relative_to(SITE))
        found = re.findall(r"url\(\s*(['\"]?)(.*?)\1\s*\)|@import\s*(['\"])(.*?)\3", text)
        for address in (plain or imported for _, plain, _, imported in found):
            if not address.startswith(("data:", "#")):
                fault = f"{address} is elsewhere" if local(page, address) is None else dead(page, address)
                faults += [f"{page}: {fault}"] if fault else []
    assert faults == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_picture_has_alternative_text(page):
    assert [str(img)[:120] for img in those(page, "img") if not img.get("alt", "").strip()] == []
    pictures = [svg for svg in those(page, "svg") if svg.find_parent("main") and not svg.get("aria-hidden")]
    assert [str(svg)[:120] for svg in pictures if not svg.get("aria-label", "").strip()] == []


@pytest.mark.parametrize("page", OWN_PAGES)
def test_no_error_or_warning_is_shown(page):
    assert [e.get_text()[:300] for e in those(page, ".stderr") + those(page, ".traceback")] == []
    shown = [e.get_text() for e in those(page, ".cell_output") + those(page, ".output")]
    assert [t[:300] for t in shown if re.search(r"\w*Warning\b|Traceback \(most recent", t)] == []
    assert "Traceback (most recent call last)" not in soup(page).get_text()


def test_no_path_of_a_machine_anywhere():
    faults = []
    for path in texts():
        text = path.read_text(encoding="utf-8")
        if not any(mark in text for mark in MARKS):
            continue
        for found in (*MACHINE.finditer(text), *re.finditer(re.escape(str(ROOT)), text)):
            faults.append(f"{path.relative_to(SITE)}: {text[max(0, found.start() - 40):found.end() + 40]}")
    assert len(texts()) > len(EVERY_PAGE)
    assert faults == []


def test_unused_scripts_are_left_out():
    """The page is ours: of the themes and extensions below it no sheet, script or font is left on the site."""
    names = {path.name for path in SITE.rglob("*") if path.is_file()}
    assert {"book.css", "book.js"} <= names
    theirs = r"thebe|font-?awesome|fa-(?:solid|brands|regular)|pydata|sphinx-book|bootstrap|jquery|mystnb|togglebutton"
    assert [name for name in names if re.search(theirs, name, re.I)] == []
    for page in EVERY_PAGE:
        assert [address for address in loaded(page) if re.search(theirs, address, re.I)] == []


def test_page_weights_are_counted(request):
    """Prints what each page weighs with all that its markup names; fails where a part is missing."""
    weights = {}
    for page in OWN_PAGES:
        parts = {local(page, address)[0] for address in loaded(page) if local(page, address)}
        assert all((SITE / part).stat().st_size for part in parts)
        weights[page] = sum((SITE / part).stat().st_size for part in {page, *parts})
    request.config.stash[WEIGHTS] = weights
    assert min(weights.values()) > 0


# ---------------------------------------------------------------------------------------------------- numbers
def test_every_record_is_whole():
    chapters = {name.removeprefix("book/") for name in PAGES}
    assert results()
    for key, record in results().items():
        assert set(record) >= RECORD_KEYS, key
        assert isinstance(record["value"], int | float), key
        assert math.isfinite(record["value"]), key
        assert record["text"].strip(), key
        assert record["unit"].strip(), key
        assert record["chapter"] in chapters, key
        assert record["exhibit"] is None or record["exhibit"] in exhibits(), key


def test_every_error_and_interval_is_sound():
    estimates = {key: record for key, record in results().items() if record["se"] is not None}
    assert len(estimates) >= len(HEADLINES)
    for key, record in estimates.items():
        assert record["se"] > 0, key
        assert record["ci_low"] < record["ci_high"], key
        # A bias-corrected interval is centred on the corrected estimate, not on the conventional one that is reported.
        if "bias-corrected" not in record["method"]:
            assert record["ci_low"] <= record["value"] <= record["ci_high"], key
        assert record["n"] > 1, key


@pytest.mark.parametrize("key", HEADLINES)
def test_headline_is_reported_with_its_error_and_n(key):
    record = results()[key]
    assert record["se"] > 0
    assert isinstance(record["n"], int)
    assert record["n"] > 1
    assert record["sample"]
    assert record["method"]


@pytest.mark.parametrize("key", HEADLINES)
def test_text_rounds_the_value(key):
    record = results()[key]
    shown, digits = record["text"].replace("−", "-").replace(",", ""), len(record["text"].partition(".")[2])
    assert float(shown) == pytest.approx(record["value"], abs=0.5001 * 10**-digits)


@pytest.mark.parametrize("page", OWN_PAGES)
def test_number_in_prose_is_its_record(page):
    for link in those(page, "a.gg-result"):
        key = link["data-card"]
        record = results()[key]
        shown = key if link.find_parent("table") and page == LEDGER else record["text"]  # the ledger lists ids
        assert link.get_text() == shown, key
        assert local(page, link["href"])[0] == f"book/{record['chapter']}.html", key


def test_chapters_quote_results():
    quoting = [page for page in OWN_PAGES if those(page, "a.gg-result")]
    reporting = {f"book/{record['chapter']}.html" for record in results().values()}
    assert reporting <= set(OWN_PAGES)
    assert reporting <= set(quoting), "a chapter reports numbers and quotes none"


@pytest.mark.parametrize("page", OWN_PAGES)
def test_claims_and_facts_lead_to_their_source(page):
    for link in those(page, "a.gg-claim"):
        key = link["data-card"]
        assert link.get_text() == key or re.search(rf"the paper, section .+ Claim {key}$", link["title"]), link["title"]
        assert local(page, link["href"]) == ("book/appendix/claims.html", key.lower())
        assert key.lower() in anchors("book/appendix/claims.html"), key
    for link in those(page, "a.gg-fact"):
        assert re.fullmatch(r"[A-Z]\d{4}", link["data-card"])
        assert link["title"].endswith(f"fact {link['data-card']}") or link.get_text() == link["data-card"]
        assert urlsplit(link["href"]).scheme in ("http", "https")


# --------------------------------------------------------------------------------------------------- exhibits
def test_every_exhibit_is_whole():
    assert exhibits()
    for label, record in exhibits().items():
        assert record["caption"].strip(), label
        assert re.search(r"\bvintage\b", record["source"], re.I), f"{label}: no vintage in {record['source']!r}"
        assert f"{record['page']}.html" in OWN_PAGES, label
        assert anchors(f"{record['page']}.html")[label] == 1, f"{label} has no anchor of its own"
        frame = pd.read_csv(SITE / record["csv"])
        assert len(frame), label
        assert not frame.isna().all(axis=None), label


def test_alternative_text_says_what_the_caption_does_not():
    figures = {label: record for label, record in exhibits().items() if record["kind"] == "figure"}
    assert figures
    for label, record in figures.items():
        assert 40 <= len(record["alt"]) <= 400, label
        assert record["alt"].strip().casefold() != record["caption"].strip().casefold(), label
    assert len({record["alt"] for record in figures.values()}) == len(figures), "two figures share their text"


def test_no_data_file_without_an_exhibit():
    files = {f"exhibits/{path.name}" for path in (SITE / "exhibits").iterdir()}
    drawn = {f"exhibits/{label}.{form}" for label, record in exhibits().items() if record["kind"] == "figure"
             for form in ("svg", "png")}  # fmt: skip
    drawn |= {local(page, img["src"])[0] for page in OWN_PAGES for img in those(page, "img.gg-narrow")}
    assert files == {record["csv"] for record in exhibits().values()} | drawn


@pytest.mark.parametrize("page", OWN_PAGES)
def test_figures_of_the_page(page):
    mine = {label for label, e in exhibits().items() if e["kind"] == "figure" and f"{e['page']}.html" == page}
    assert mine <= {figure.get("id") for figure in those(page, "figure.gg-exhibit")}
    for figure in those(page, "figure.gg-exhibit"):
        svg, caption = figure.find("svg"), figure.find("figcaption")
        assert svg["role"] == "img"
        record = exhibits()[figure["id"].removeprefix("shown-")]
        assert svg["aria-label"] == record["alt"]
        # On a page in another language the caption is in that language: tests/sphinx/reading/test_look.py.
        said = straight(caption.select_one(".caption-text").get_text())
        assert (straight(record["caption"]) in said) == (soup(page).html["lang"] == "en")
        assert straight(record["source"]) in straight(caption.get_text())
        assert [a["href"] for a in figure.select("a[download]") if not dead(page, a["href"])], "no data to download"
        assert svg.find("text"), "a figure without lettering can't be read"


@pytest.mark.parametrize("page", OWN_PAGES)
def test_tables_of_the_page(page):
    mine = {label for label, e in exhibits().items() if e["kind"] == "table" and f"{e['page']}.html" == page}
    assert mine <= {table.get("id") for table in those(page, "table.gg-table")}
    for table in those(page, "table.gg-table"):
        exhibit = table.find_parent(class_="gg-exhibit")
        record = exhibits()[(table.get("id") or exhibit["id"]).removeprefix("shown-")]
        assert straight(record["caption"]) in straight(table.caption.get_text())
        assert straight(record["source"]) in straight(exhibit.get_text())
        assert table.thead.find_all("th")
        assert not table.thead.find_all("td")
        for row in table.tbody.find_all("tr"):
            cell = row.find(["th", "td"])
            assert cell.name == "th"
            assert cell.get("scope") == "row" or "stub" in cell.get("class", [])
        assert exhibit.select("a[download]"), "no data to download"


@pytest.mark.parametrize("page", OWN_PAGES)
def test_cells_of_the_tables(page):
    for table in those(page, "table.gg-table"):
        widths = {len(row.find_all(["th", "td"])) for row in table.find_all("tr")}
        assert len(widths) == 1, f"{table.get('id')}: rows of different length"
        cells = [cell.get_text(strip=True) for cell in table.find_all(["th", "td"])]
        assert not {"nan", "<NA>", "None", "NaT", "inf"} & set(cells), f"{table.get('id')}: a raw missing value"


# ---------------------------------------------------------------------------------------------------- browser
LOOK = """
await document.fonts.ready;
for (let frames = 0; frames < 2; frames++) await new Promise(requestAnimationFrame);
const figures = {}, box = e => e.getBoundingClientRect();
const ground = e => {
  const colour = e ? getComputedStyle(e).backgroundColor : 'rgb(255, 255, 255)';
  return ['transparent', 'rgba(0, 0, 0, 0)'].includes(colour) ? ground(e.parentElement) : colour;
};
for (const svg of document.querySelectorAll('svg.gg-wide')) {
  const label = svg.closest('figure').id;
  figures[label] = {width: box(svg).width, height: box(svg).height, ground: ground(svg),
                    inks: [...svg.querySelectorAll('text')].map(t => getComputedStyle(t).fill)};
}
const icons = [...document.querySelectorAll('.theme-switch-button svg')].map(e => box(e).width);
const long = [...document.querySelectorAll('.cell_input pre')].filter(
  e => !e.closest('details') && e.scrollWidth > e.clientWidth).map(e => e.textContent.split('\\n', 1)[0]);
return {theme: document.documentElement.dataset.theme, figures, icons, moved: moved(), long,
        broken: [...document.images].filter(i => i.complete && !i.naturalWidth && i.checkVisibility()).map(i => i.src)};
"""
# Asked of the page at 375 pixels.
NARROW = """
const root = document.documentElement, wide = [], box = e => e.getBoundingClientRect();
const narrow = [root.scrollWidth, root.clientWidth];
if (narrow[0] > narrow[1]) {
  for (const e of document.querySelectorAll('main *')) {
    if (box(e).right > root.clientWidth + 1) wide.push(`${e.tagName}.${e.className.baseVal ?? e.className}#${e.id}`);
  }
}
// Figures: which form is shown, how wide, and its smallest lettering in pixels.
const figures = [...document.querySelectorAll('figure.gg-exhibit:has(svg.gg-figure)')].map(f => {
  const wide = f.querySelector('.gg-wide');
  const narrow = [...f.querySelectorAll('.gg-narrow')].find(e => e.checkVisibility());
  if (!narrow) return [f.id, false, 0, 0];
  if (narrow.matches('img')) return [f.id, !wide.checkVisibility(), narrow.getBoundingClientRect().right, 99];
  const scale = narrow.getBoundingClientRect().width / narrow.viewBox.baseVal.width;
  const sizes = [...narrow.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize) * scale);
  return [f.id, narrow.checkVisibility() && !wide.checkVisibility(), narrow.getBoundingClientRect().right,
          Math.min(...sizes)];
});
// Tables of more than four columns, scrolled to their end: whether the first column is still in view.
const many = t => t.tHead?.rows[0]?.cells.length > 4;
const tables = [...document.querySelectorAll('article table')].filter(many).map(t => {
  const frame = t.closest('.gg-scroll'), first = t.tBodies[0].rows[0].cells[0];
  frame.scrollLeft = frame.scrollWidth;
  const a = frame.getBoundingClientRect(), b = first.getBoundingClientRect();
  const seen = [t.closest('.gg-exhibit')?.id || t.id, b.left >= a.left - 1 && b.right <= a.right, b.width / a.width];
  frame.scrollLeft = 0;
  return seen;
});
return {narrow, wide: wide.slice(0, 8), narrow_figures: figures, narrow_tables: tables,
        home: document.querySelector('.gg-title').checkVisibility()};"""
# Installed before the page's own scripts: how far anything moved after it was first painted.
SHIFTS = """(() => {
  const moved = [], note = shifts => {
    for (const shift of shifts) {
      if (!shift.hadRecentInput) {
        moved.push([shift.value, ...shift.sources.map(s => s.node?.outerHTML?.slice(0, 120) ?? '')]);
      }
    }
  };
  const observer = new PerformanceObserver(list => note(list.getEntries()));
  observer.observe({type: 'layout-shift', buffered: true});
  globalThis.moved = () => { note(observer.takeRecords()); return moved; };
})();"""


@pytest.fixture(scope="session")
def look(browser, server):
    """What the browser meets on a page in one colour mode: loaded once, asked about by several tests."""
    seen = {}

    def visit(page: str, mode: str) -> dict:
        if (page, mode) not in seen:
            other = seen.get((page, "light" if mode == "dark" else "dark"), {}).get("axe")
            seen[page, mode] = _visit(browser, server, page, mode, other)
        return seen[page, mode]

    visit.seen = seen
    return visit


def _system_mode(browser, mode: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": mode}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def _visit(browser, server: str, page: str, mode: str, other: dict | None = None) -> dict:
    browser.execute_script("document.body.remove()")  # so that the page before is not laid out again
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    _system_mode(browser, mode)
    _logged(browser)
    early = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SHIFTS})
    browser.get(f"{server}/{page}")
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", early)
    seen = _asked(browser, LOOK)
    seen["requests"], seen["console"] = _logged(browser)
    seen["axe"] = axe.look(browser, other)
    _logged(browser)
    narrow = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    seen |= _asked(browser, NARROW)
    for part, more in zip(("requests", "console"), _logged(browser), strict=True):
        seen[part] += more
    return seen


def _asked(browser, question: str) -> dict:
    return browser.execute_script(f"return (async () => {{{question}}})()")


def _logged(browser) -> tuple[list[str], list[dict]]:
    """Addresses asked for, and what the console found severe, since this was last asked."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
                if "Network.requestWillBeSent" in entry["message"]]  # fmt: skip
    return ([m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"],
            [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"])  # fmt: skip


both_modes = pytest.mark.parametrize("mode", ["light", "dark"])
every_page = pytest.mark.parametrize("page", [*EVERY_PAGE, "search.html?q=employment"])


@pytest.mark.browser
@both_modes
@every_page
def test_browser_has_nothing_to_complain_of(look, page, mode):
    seen = look(page, mode)
    assert seen["theme"] == mode, "the page does not follow the system's colour mode"
    assert seen["console"] == []
    assert seen["broken"] == []


@pytest.mark.browser
@both_modes
@every_page
def test_browser_asks_no_other_host(look, server, page, mode):
    requests = look(page, mode)["requests"]
    assert any(address.startswith(server) for address in requests), "the log of requests is empty"
    assert [a for a in requests if not a.startswith((f"{server}/", "data:", "blob:", "about:"))] == []


@pytest.mark.browser
@both_modes
@pytest.mark.parametrize("page", EVERY_PAGE)
def test_page_is_within_its_budget(look, server, page, mode):
    """At most 300 KB compressed with all that the page loads by itself, 150 KB where it has no mathematics.

    The scripts of explorers have a budget of their own. (A search fetches the pages it has found, to quote them: that
    is asked for, and so not in the budget.)
    """
    asked = {urlsplit(address).path.lstrip("/") for address in look(page, mode)["requests"]
             if address.startswith(f"{server}/")}  # fmt: skip
    name = page.partition("?")[0]
    assert {name, "_static/book.css", "_static/book.js"} <= asked
    exploring = {path for path in asked if re.match(r"_static/(?:vendor/|filter|explorer)|explorers/", path)}
    weight = sum(compressed(SITE / path) for path in asked - exploring if (SITE / path).is_file())
    assert weight <= (300_000 if those(name, "math") else 150_000), f"{weight:,} bytes"
    assert sum(compressed(SITE / path) for path in exploring) <= 300_000


@pytest.mark.browser
@both_modes
@every_page
def test_nothing_moves_while_the_page_loads(look, page, mode):
    assert [shift for shift in look(page, mode)["moved"] if shift[0] > 0.0005] == []


@pytest.mark.browser
@pytest.mark.proof
@pytest.mark.parametrize("page", [
    "book/index.html", "book/introduction.html", "book/appendix/data.html", "book/appendix/exhibits.html",
    "book/appendix/unchecked.html", "search.html?q=employment"])  # fmt: skip
def test_nothing_moves_on_a_slow_computer(browser, server, page):
    """With an eighth of the processor pages are painted while they arrive, and before scripts have run."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 8})
    early = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SHIFTS})
    try:
        browser.get(f"{server}/{page}")
        moved = _asked(browser, "await document.fonts.ready; await new Promise(done => setTimeout(done, 300));"
                                "return moved();")  # fmt: skip
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", early)
        browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})
    assert [shift for shift in moved if shift[0] > 0.0005] == []


@pytest.mark.browser
@both_modes
@every_page
def test_axe_finds_nothing_serious(look, browser, page, mode):
    found = look(page, mode)["axe"]
    assert found["rules"] > 15, "axe has looked at nothing"
    assert found["faults"] == []
    assert len(found["looks"]) > 5, "a page without text"
    axe.faint(browser, {name: "" for seen in look.seen.values() for name in seen["axe"]["looks"]})  # all at once
    assert axe.faint(browser, found["looks"]) == []


@pytest.mark.browser
@both_modes
@every_page
def test_narrow_screen_does_not_scroll_sideways(look, page, mode):
    seen = look(page, mode)
    content, window = seen["narrow"]
    assert window == 375
    assert content <= window, seen["wide"]


@pytest.mark.browser
@pytest.mark.parametrize("page", OWN_PAGES)
def test_open_code_fits_the_page(look, page):
    """At 1280 pixels no line of a cell that stands open has to be scrolled to."""
    assert look(page, "light")["long"] == []


@pytest.mark.browser
@pytest.mark.parametrize("page", OWN_PAGES)
def test_ink_of_figures_follows_the_mode(look, page):
    light, dark = look(page, "light")["figures"], look(page, "dark")["figures"]
    assert set(light) == set(dark)
    assert len(light) == len(those(page, "svg.gg-wide"))
    for label, figure in light.items():
        assert min(figure["width"], figure["height"]) > 100, label
        assert figure["inks"], label
        same = [ink for ink, other in zip(figure["inks"], dark[label]["inks"], strict=True) if ink == other]
        assert not same, f"{label}: {len(same)} labels keep the colour {same[0]} in both modes"


@pytest.mark.browser
@both_modes
@pytest.mark.parametrize("page", OWN_PAGES)
def test_lettering_of_figures_can_be_read(look, page, mode):
    """WCAG 2 AA: 4.5 to 1 for text of this size."""
    figures = look(page, mode)["figures"]
    assert len(figures) == len(those(page, "svg.gg-wide"))
    faint = {(label, ink): round(contrast(ink, figure["ground"]), 2) for label, figure in figures.items()
             for ink in set(figure["inks"]) if contrast(ink, figure["ground"]) < 4.5}  # fmt: skip
    assert faint == {}


@pytest.mark.browser
@both_modes
@every_page
def test_icons_are_drawn(look, page, mode):
    seen = look(page, mode)
    shown = [width for width in seen["icons"] if width > 4]
    assert len(shown) == 1, "one icon stands on the colour-mode button"


@pytest.mark.browser
@pytest.mark.parametrize("page", OWN_PAGES)
def test_figures_are_laid_out_for_a_telephone(look, page):
    """At 375 pixels the narrow form is shown, inside the screen, with no lettering below 10.5 pixels."""
    figures = look(page, "light")["narrow_figures"]
    drawn = [svg for svg in those(page, "svg.gg-wide") if svg.find_parent("figure", class_="gg-exhibit")]
    assert len(figures) == len(drawn)
    assert [label for label, shown, right, smallest in figures if not shown or right > 375 or smallest < 10.5] == []


@pytest.mark.browser
@pytest.mark.parametrize("page", EVERY_PAGE)
def test_wide_tables_keep_their_first_column_and_the_title_leads_home(look, page):
    """At 375 pixels: in view wherever the table is scrolled, and no wider than half of the frame."""
    seen = look(page, "light")
    wide = [table for table in those(page, "table")
            if table.find_parent("article") and len(table.select("thead tr:first-child > *")) > 4]
    assert len(seen["narrow_tables"]) == len(wide)
    assert [found for found in seen["narrow_tables"] if not found[1] or found[2] > 0.5] == []
    assert seen["home"]


def test_narrow_forms_in_files_can_be_read_in_both_modes():
    """Heavy narrow forms are files: lettering of 10.5 pixels at 343 pixels, with contrast to the page of their mode."""
    files = sorted((SITE / "exhibits").glob("*-narrow-*.svg"))
    assert {path.stem.rpartition("-")[2] for path in files} == {"light", "dark"}
    for path in files:
        text = path.read_text(encoding="utf-8")
        sizes = [float(size) for size in re.findall(r"font(?:-size)?: (?:[\w ]+ )?([\d.]+)px", text)]
        assert min(sizes) * 343 / float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1]) > 10.5, path.name
        dark = path.stem.endswith("dark")
        colours = dict(re.findall(r"--gg-([a-z]+): (#[0-9a-f]{6})", text.partition(">")[0]))
        ground = f"rgb{(21, 23, 26) if dark else (255, 254, 251)}"
        for name in ("ink", "muted", "japan", "germany", "parent", "group", "accent", "other"):
            red, green, blue = (int(colours[name][at:at + 2], 16) for at in (1, 3, 5))
            assert contrast(f"rgb({red}, {green}, {blue})", ground) >= 4.5, (path.name, name)


@pytest.mark.browser
@pytest.mark.parametrize("page", OWN_PAGES)
def test_exhibits_need_no_script(plain_browser, server, page):
    plain_browser.get(f"{server}/{page}")
    ran, title, figures, tables, formulas = plain_browser.execute_script("""
        const size = (css, words) => [...document.querySelectorAll(css)].filter(e => e.checkVisibility()).map(
          e => [e.getBoundingClientRect().height, words && e.innerText]);
        return [document.documentElement.classList.contains('gg-js'), document.querySelector('h1').checkVisibility(),
                size('figure.gg-exhibit .gg-figure'), size('table.gg-table', true), size('math')]""")
    assert not ran, "scripts ran after all"
    assert len(figures) == len(those(page, "figure.gg-exhibit"))
    assert len(tables) == len(those(page, "table.gg-table"))
    assert all(height > 100 for height, _ in figures)
    assert all(height > 20 and text.strip() for height, text in tables)
    assert all(height > 4 for height, _ in formulas)
    assert title


def _first_page_with(selector: str) -> str:
    return next(page for page in OWN_PAGES if those(page, selector))


def _follow(browser, server: str, page: str, selector: str):
    """Click the first such link; what it leads to, or None."""
    browser.get(f"{server}/{page}")
    link = browser.find_element("css selector", selector)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", link)
    link.click()
    return browser.execute_script("return document.getElementById(decodeURIComponent(location.hash.slice(1)))")


@pytest.mark.browser
def test_claim_leads_to_its_row(browser, server):
    page = _first_page_with("a.gg-claim")
    key = those(page, "a.gg-claim")[0]["data-card"]
    row = _follow(browser, server, page, "a.gg-claim")
    assert browser.current_url == f"{server}/book/appendix/claims.html#{key.lower()}"
    assert row is not None, "no such anchor on the page of claims"
    assert browser.execute_script("return arguments[0].closest('tr') !== null && arguments[0].checkVisibility()", row)
    assert key in row.text


@pytest.mark.browser
def test_result_leads_to_the_cell_that_made_it(browser, server):
    page = _first_page_with("a.gg-result")
    target = _follow(browser, server, page, "a.gg-result")
    assert "#result-" in browser.current_url
    assert target is not None, f"{browser.current_url} has no such anchor"
    assert browser.execute_script("return arguments[0].closest('.cell') !== null", target), "not in a cell"


# A page that is opened at a place is scrolled there more than once, and smoothly: at rest it has not moved for a while.
AT_REST = """
const done = arguments[0]; let last = -1, since = 0;
const look = () => {
  if (scrollY !== last || document.readyState !== 'complete') { last = scrollY; since = performance.now(); }
  if (performance.now() - since > 400) { done(true); } else { requestAnimationFrame(look); }
};
look();
"""
SHOWN = """
const cell = document.getElementById(arguments[0]).closest('.cell');
const fold = cell.querySelector('details.hide'), code = cell.querySelector('.cell_input pre');
const top = (fold?.querySelector('summary') ?? code).getBoundingClientRect().top;
return [fold?.open ?? null, code.checkVisibility(), top >= -1 && top < innerHeight, fold?.textContent.trim() ?? ''];
"""


@pytest.mark.parametrize("page", [f"book/{name}.html" for name in SHIPPED])
def test_a_number_s_anchor_stands_above_the_code(page):
    """There a browser goes by itself, smoothly and after the page's scripts; where it meets code first, it stays."""
    marks = soup(page).select(".cell .gg-anchor")
    assert len(marks) > 10
    beside = [anchor.find_next_sibling(lambda node: "gg-anchor" not in node.get("class", [])) for anchor in marks]
    below = [anchor["id"] for anchor, node in zip(marks, beside, strict=True)
             if node is None or not {"above-input", "cell_input"} & set(node["class"])]  # fmt: skip
    assert below == []


@pytest.mark.browser
@pytest.mark.parametrize("page", ["book/sme-role.html", "book/index.html"], ids=["on the page", "on another"])
def test_a_click_on_a_number_shows_the_code_that_made_it(browser, server, page):
    """The cell is folded: the click opens the fold, and its code is on the screen, where it stays."""
    link = soup(page).select_one("a.gg-result[href^='#result-']" if "sme-role" in page else "a.gg-result[href]")
    name = link["href"].partition("#")[2]
    target = soup(local(page, link["href"])[0]).find(id=name).find_parent(class_="cell")
    assert target.select_one("details.hide > summary"), "the test wants a number that is reported in a fold"
    _follow(browser, server, page, f"a.gg-result[href='{link['href']}']")
    opened, seen, on_screen, words = browser.execute_async_script(AT_REST) and browser.execute_script(SHOWN, name)
    assert (opened, seen, on_screen) == (True, True, True), words[:80]


@pytest.mark.browser
def test_button_changes_the_colour_mode(browser, server):
    page = _first_page_with("svg.gg-figure")
    _system_mode(browser, "light")
    browser.get(f"{server}/{page}")
    inks = {}
    for _ in range(3):
        browser.execute_script("document.querySelector('.theme-switch-button').click()")
        theme, ink = browser.execute_script("""return [document.documentElement.dataset.theme,
            getComputedStyle(document.querySelector('svg.gg-figure text')).fill]""")
        inks[theme] = ink
    browser.execute_script("localStorage.clear()")
    assert set(inks) == {"light", "dark"}
    assert inks["light"] != inks["dark"]





def test_filtered_tables_are_whole_without_scripts():
    """The static page has every row and no control; the scripts are on pages with such a table and on no other."""
    box = soup(LEDGER).select_one(".gg-filter")
    assert len(box.select("tbody tr")) == len(load("claims"))
    assert box.select("select, input") == []
    for page in SITE.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert ("filter.js" in text) == ("gg-filter " in text), page


@pytest.mark.browser
def test_ledger_is_filtered_on_the_page(browser, server):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select, WebDriverWait

    claims = load("claims")
    rows_shown = "return [...document.querySelectorAll('.gg-filter tbody tr')].map(row => row.id)"
    browser.get(f"{server}/{LEDGER}")
    count = WebDriverWait(browser, 20).until(lambda d: d.find_element("css selector", ".gg-filter output"))
    selects = browser.find_elements("css selector", ".gg-filter-bar select")
    for verdict, rows in claims.groupby("verdict"):
        Select(selects[0]).select_by_value(verdict)
        assert browser.execute_script(rows_shown) == rows["claim_id"].str.lower().tolist()
        assert count.text == f"{len(rows)} of {len(claims)} rows"
        assert len(browser.find_elements("css selector", ".gg-filter tbody th")) == len(rows), "a row without its name"
    Select(selects[0]).select_by_value("confirmed")
    Select(selects[1]).select_by_value("2.1")
    both = claims[(claims["verdict"] == "confirmed") & (claims["section"] == "2.1")]
    assert len(browser.execute_script(rows_shown)) == len(both) > 0
    for select in selects[:2]:
        Select(select).select_by_value("")
    browser.find_element("css selector", ".gg-filter .datatable-input").send_keys("Baghdad")
    WebDriverWait(browser, 20).until(lambda d: count.text.startswith("2 of"))
    # By keyboard: the heading's button is reached with Tab and pressed with Enter.
    button = browser.find_element("css selector", ".gg-filter th:last-child .datatable-sorter")
    browser.execute_script("arguments[0].focus()", button)
    assert browser.execute_script("return document.activeElement === arguments[0]", button)
    for _ in range(2):
        button = browser.find_element("css selector", ".gg-filter th:last-child .datatable-sorter")
        button.send_keys(Keys.ENTER)
    assert browser.execute_script(rows_shown) == ["c101", "c100"]


@pytest.mark.browser
def test_search_finds_a_page(browser, server):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{server}/search.html?q=employment")
    hits = WebDriverWait(browser, 20).until(lambda d: d.find_elements("css selector", "#search-results li a"))
    assert any("introduction" in hit.get_attribute("href") for hit in hits)
