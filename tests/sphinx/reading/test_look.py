"""What a reader's eyes, ears and keyboard need: colours told apart, languages marked, the focus seen."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from conftest import ROOT
from pages import EVERY_PAGE, OWN_PAGES, contrast, soup

from goingglobal import theme
from goingglobal.sphinx.reading import roles

SHEET = (ROOT / "book" / "_static" / "book.css").read_text(encoding="utf-8")
# Machado, Oliveira and Fernandes (2009), severity 1: what the three kinds of colour-blind readers see (linear RGB).
SEEN_BY = {
    "everyone": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Colours that stand for different things in one figure; each pair has different marks or labels as well.
TOGETHER = [("japan", "germany"), ("parent", "group"), ("accent", "other")]
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def palette(start: str) -> dict[str, str]:
    """The colours that the sheet sets from where a rule starts."""
    rule = SHEET[SHEET.index(start):]
    return dict(re.findall(r"--gg-([a-z]+):\s*(#[0-9a-f]{6})", rule[:rule.index("}")]))


PALETTES = {
    "light": palette("html {\n"), "dark": palette('html[data-theme="dark"] {'),
    "dark without scripts": palette("html:not([data-theme]) {"),
}


def _linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of linear RGB."""
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
                       [0.0193339, 0.119192, 0.9503041]])  # fmt: skip
    xyz = to_xyz @ np.clip(linear, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: str, other: str, eyes: str) -> float:
    """Distance in CIE L*a*b* (1976) as these eyes see the two; 10 is told apart at a glance."""
    seen = np.array(SEEN_BY[eyes])
    return float(np.linalg.norm(_lab(seen @ _linear(one)) - _lab(seen @ _linear(other))))


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[i:i + 2], 16)) for i in (1, 3, 5))})"


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("pair", TOGETHER, ids="-".join)
def test_colours_of_one_figure_are_told_apart(pair, mode, eyes):
    one, other = (PALETTES[mode][name] for name in pair)
    assert difference(one, other, eyes) >= 10


def test_difference_knows_black_white_and_the_same():
    assert difference("#000000", "#ffffff", "everyone") == pytest.approx(100, abs=0.1)
    assert difference("#c2410b", "#c2410b", "protan") == 0
    assert difference("#ff0000", "#00a000", "deutan") < difference("#ff0000", "#00a000", "everyone")


@pytest.mark.parametrize("mode", PALETTES)
def test_every_ink_is_read_on_every_ground(mode):
    colours = PALETTES[mode]
    inks = ["ink", "muted", "link", "add", *(name.lower() for name in theme.COLOURS)]
    faint = {(ink, ground): round(contrast(_rgb(colours[ink]), _rgb(colours[ground])), 2)
             for ink in inks for ground in ("ground", "panel", "code")}  # fmt: skip
    assert {pair: value for pair, value in faint.items() if value < 4.5} == {}


def test_dark_is_the_same_with_and_without_scripts():
    assert PALETTES["dark"] == PALETTES["dark without scripts"]
    assert set(PALETTES["dark"]) == set(PALETTES["light"])


def test_no_two_colours_of_the_theme_are_one():
    for one, other in combinations(theme.COLOURS.values(), 2):
        assert difference(one, other, "everyone") > 10


@pytest.mark.site
@pytest.mark.parametrize("page", OWN_PAGES)
def test_japanese_words_say_that_they_are_japanese(page):
    """So that they are spoken and drawn as Japanese; program code and the texts of pictures can't carry a mark."""
    unmarked = []
    for text in soup(page).body.find_all(string=JAPANESE):
        if not any(e.get("lang") == "ja" or e.name in ("code", "pre", "script") for e in text.parents):
            unmarked.append(str(text).strip()[:60])
    assert unmarked == []


@pytest.mark.site
def test_foreign_words_are_marked_where_we_know_them():
    marks = {language: {e.get_text() for page in OWN_PAGES for e in soup(page).body.find_all(lang=language)}
             for language in ("ja", "de")}  # fmt: skip
    assert {"Mittelstand", "Direktinvestition"} <= marks["de"]
    assert "為替換算調整勘定" in marks["ja"]
    assert not [words for words in marks["de"] if JAPANESE.search(words)]


@pytest.mark.site
@pytest.mark.parametrize(("page", "english"), [
    ("book/ja.html", r"[A-Za-z]{2,}(?:\W+[A-Za-z]{2,}){2}"),
    ("book/de.html", r"\b(?:the|of|and|its|page|Source|Cite)\b"),
])  # fmt: skip
def test_english_on_pages_of_other_languages_says_so(page, english):
    """Captions are in the page's language; the paper's own title stands as one, and is cited as such."""
    tree = soup(page)
    spoken = tree.html["lang"]
    unmarked = [str(text).strip()[:60] for text in tree.body.find_all(string=re.compile(english))
                if text.find_parent(lang=True)["lang"] == spoken
                and not text.find_parent(["script", "style", "em", "cite", "pre"])]  # fmt: skip
    assert unmarked == []
    drawings = tree.select(".gg-exhibit svg")
    assert drawings
    assert {drawing.find_parent(lang=True)["lang"] for drawing in drawings} == {"en"}
    chapter = soup("book/sme-role.html").select_one("#fig-jobs-path .caption-text").get_text()
    shown = tree.select_one("#shown-fig-jobs-path .caption-text").get_text()
    assert chapter not in shown
    assert roles.IN_ITS_CHAPTER[spoken] in shown


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_focus_is_seen(browser, server, mode):
    """The first stops of the keyboard have an outline that stands out from the page."""
    from selenium.webdriver.common.keys import Keys

    feature = {"name": "prefers-color-scheme", "value": mode}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get(f"{server}/{OWN_PAGES[1]}")
    stops = []
    for _ in range(12):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        stops.append(browser.execute_script("""
            const e = document.activeElement, style = getComputedStyle(e);
            return [e.outerHTML.slice(0, 80), style.outlineStyle, parseFloat(style.outlineWidth), style.outlineColor,
                    getComputedStyle(document.body).backgroundColor]"""))
    assert len({stop[0] for stop in stops}) > 8, "the keyboard does not move"
    assert 'class="gg-skip"' in stops[0][0], "the first stop leads past the contents"
    assert [stop for stop in stops if stop[1] == "none" or stop[2] < 2 or contrast(stop[3], stop[4]) < 3] == []


@pytest.mark.site
@pytest.mark.browser
def test_contents_open_on_a_telephone_without_scripts(plain_browser, server):
    narrow = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    plain_browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    plain_browser.get(f"{server}/{OWN_PAGES[1]}")
    shown = "return document.querySelector('.gg-book-nav').checkVisibility()"
    assert plain_browser.execute_script(shown) is False
    plain_browser.find_element("css selector", ".gg-menu").click()
    assert plain_browser.execute_script(shown) is True
    plain_browser.find_element("css selector", ".gg-close").click()
    assert plain_browser.execute_script(shown) is False
    plain_browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.site
@pytest.mark.parametrize("page", EVERY_PAGE)
def test_page_names_its_parts(page):
    """Landmarks: one main part, a way past the contents, and a name for each navigation."""
    body = soup(page).body
    assert len(body.find_all("main")) == 1
    assert body.find("a")["href"] == f"#{body.main['id']}"
    assert all(nav.get("aria-label") for nav in body.find_all("nav"))
