"""Cards on quoted numbers, claims and facts: what they say, and how pointer, keyboard and finger open them."""

from __future__ import annotations

import json
import re

import axe
import pytest
from bs4 import BeautifulSoup, Tag
from conftest import SITE
from pages import OWN_PAGES, local, results, soup

from goingglobal import load
from goingglobal.sphinx.reading import cards, roles

PAGE = "book/sme-role.html"
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
RECORD = {"id": "a/b", "text": "+1.27", "unit": "points a year", "value": 1.266, "se": 0.323, "ci_low": -0.004,
          "ci_high": 1901.5, "n": 1224, "groups": 12, "sample": "J in 2017 and 2025, |parent growth| < 25",
          "method": "edinet_code and year fixed effects, CR1 errors by edinet_code"}  # fmt: skip


# -------------------------------------------------------------------------------------------------------- what they say
@pytest.mark.parametrize(("text", "shown"), [
    ("+1.27", ("0.00 to +1,901.50", "0.32")), ("1.266", ("−0.004 to 1,901.500", "0.323")),
    ("1", ("0 to 1,902", "0.32")), ("3.6e−06", ("−0.004 to 1.9e+03", "0.32")),
])  # fmt: skip
def test_interval_is_as_exact_as_the_number_and_has_no_minus_zero(text, shown):
    assert roles.interval({**RECORD, "text": text}) == shown


def test_a_number_without_an_error_has_no_interval():
    record = {**RECORD, "se": None, "ci_low": None, "ci_high": None, "sample": None, "method": "computed", "n": None}
    card = cards.result_card(record, "cited")
    assert "<dl>" not in card
    assert "<b>+1.27</b> points a year" in card


def test_card_says_value_interval_n_sample_and_the_id_last():
    card = cards.result_card(RECORD, "cited")
    parts = ["<b>+1.27</b> points a year", "0.00 to +1,901.50", "1,224 in 12 clusters",
             "Firms of sample J (listed in 2026, Japanese standards, group headcount known) with figures for 2017 and "
             "2025, whose parent grew or shrank by less than 25 % a year",
             "Firm and year fixed effects, errors clustered by firm", "Show the code", "cited", "a/b</p>"]
    assert [card.index(part) for part in parts] == sorted(card.index(part) for part in parts)


def test_card_of_a_claim_has_wording_verdict_and_rank():
    record = load("claims").set_index("claim_id", drop=False).loc["C012"].to_dict()
    card = cards.claim_card(record, "cited")
    for part in ("“in Germany 17% of all SMEs have invested abroad”", "Contradicted. Every row", "METI 2012 p.503",
                 "figures read at their publisher", "C012</p>"):
        assert part in card


def test_card_of_a_fact_has_source_and_rank_and_marks_other_languages():
    record = load("official_figures").set_index("fact_id", drop=False).loc["F0091"].to_dict()
    card = cards.fact_card({**record, "source_title": "白書 & <b>", "exactness": "approximate"}, "the book")
    for part in ("<b>24.1</b> %", "SMEs without overseas expansion", "in a copy (a secondary source), approximate",
                 '<span lang="ja">白書</span> &amp; &lt;b&gt;', f'href="{record["url"]}"', "F0091 in the book"):
        assert part in card


@pytest.mark.parametrize("lang", cards.NAMES)
def test_names_on_a_card_are_of_the_pages_language_and_what_stays_english_is_marked(lang):
    claim = load("claims").set_index("claim_id", drop=False).loc["C012"].to_dict()
    fact = load("official_figures").set_index("fact_id", drop=False).loc["F0091"].to_dict()
    for card, record in ((cards.result_card, RECORD), (cards.claim_card, claim), (cards.fact_card, fact)):
        plain, own = (BeautifulSoup(card(record, "cited", said), "lxml").section for said in ("en", lang))
        english, names = ([one.get_text() for one in each.select("dt, summary, [data-to]")] for each in (plain, own))
        assert [cards.NAMES[lang].get(name, name) for name in english] == names
        assert {name for name in english if name not in cards.NAMES[lang]} <= {"n"}
        assert (own["lang"], "{}" in own["data-name"], own["data-name"] == plain["data-name"]) == (lang, True, False)
        assert all(one.get("lang") == "en" for one in own.select("dd, .gg-card-head, details > p"))
        assert not plain.select("section [lang=en]")


def cards_of(page: str) -> list[Tag]:
    """The cards of a page, from the script that brings them."""
    address = soup(page).html.get("data-cards")
    if address is None:
        return []
    script = (SITE / local(page, address)[0]).read_text(encoding="utf-8")
    return BeautifulSoup(json.loads(script.removeprefix("ggCards(").removesuffix(");\n")), "lxml").find_all("section")


@pytest.mark.site
@pytest.mark.parametrize("page", OWN_PAGES)
def test_every_quotation_has_its_card_and_every_card_its_quotation(page):
    quoted = {link["data-card"] for link in soup(page).select("a[data-card]")}
    assert sorted(card["data-of"] for card in cards_of(page)) == sorted(quoted)
    assert ("cards.js" in (SITE / page).read_text(encoding="utf-8")) == bool(quoted)
    for card in cards_of(page):
        assert card["lang"] == soup(page).html["lang"]
        if "/" in card["data-of"]:
            record = results()[card["data-of"]]
            assert card.b.get_text() == record["text"]
            name = cards.NAMES.get(card["lang"], {}).get("95 % interval", "95 % interval")
            assert (name in card.get_text()) == (record["se"] is not None)
        for text in card.find_all(string=JAPANESE):
            assert text.find_parent(lang="ja"), f"{text} is not marked as Japanese"


@pytest.mark.site
def test_no_cards_without_a_page():
    made = {path.relative_to(SITE / "cards").with_suffix(".html").as_posix() for path in (SITE / "cards").rglob("*.js")}
    assert made == {page for page in OWN_PAGES if soup(page).select_one("a[data-card]")}


# ---------------------------------------------------------------------------------------------------------- a browser
OPEN = """const card = document.querySelector('.gg-card');
return card.checkVisibility() ? card.querySelector('section').dataset.of : null"""


@pytest.fixture
def page(browser, server):
    """A chapter with its second quotation in the middle of the screen."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get(f"{server}/{PAGE}")
    browser.execute_script("scrollTo({top: 0, behavior: 'instant'})")
    return browser


def _wait(page, wanted: str | None) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 20, 0.05).until(lambda driver: driver.execute_script(OPEN) == wanted)


def _quotes(page) -> list:
    return page.find_elements("css selector", "article a.gg-result")[:2]


@pytest.mark.site
@pytest.mark.browser
def test_card_opens_under_the_pointer_and_stays_while_it_is_on_it(page):
    from selenium.webdriver.common.action_chains import ActionChains

    one, _ = _quotes(page)
    before = page.execute_script("return document.documentElement.scrollHeight")
    ActionChains(page).move_to_element(one).perform()
    _wait(page, one.get_attribute("data-card"))
    card = page.find_element("css selector", ".gg-card")
    assert one.get_attribute("title") in (None, ""), "the browser's own label would lie over the card"
    assert page.execute_script("return document.documentElement.scrollHeight") == before
    left, right = page.execute_script(
        "const box = arguments[0].getBoundingClientRect(); return [box.left, box.right]", card)
    assert 0 <= left < right <= page.execute_script("return document.documentElement.clientWidth")
    ActionChains(page).move_to_element(card).pause(0.5).perform()
    _wait(page, one.get_attribute("data-card"))
    ActionChains(page).move_to_element(page.find_element("css selector", ".gg-title")).perform()
    _wait(page, None)


@pytest.mark.site
@pytest.mark.browser
def test_keyboard_opens_enters_and_leaves_the_card(page):
    from selenium.webdriver.common.keys import Keys

    one, _ = _quotes(page)
    page.execute_script("arguments[0].focus({focusVisible: true})", one)
    one.send_keys(Keys.TAB)  # what is focused by the keyboard opens
    page.switch_to.active_element.send_keys(Keys.SHIFT, Keys.TAB)
    _wait(page, one.get_attribute("data-card"))
    assert page.switch_to.active_element == one, "the card takes no focus by itself"
    assert one.get_attribute("aria-expanded") == "true"
    one.send_keys(Keys.ENTER)
    inside = page.switch_to.active_element
    assert inside.text == "Show the code"
    assert inside.get_attribute("href") == one.get_attribute("href")
    assert page.current_url.endswith(PAGE), "Enter opens the card, it does not lead away"
    found = axe.look(page)
    assert found["faults"] == []
    inside.send_keys(Keys.ESCAPE)
    _wait(page, None)
    assert page.switch_to.active_element == one, "the focus is back on the number"
    assert one.get_attribute("aria-expanded") == "false"
    one.send_keys(Keys.ENTER)
    _wait(page, one.get_attribute("data-card"))
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert "#result-" in page.current_url
    _wait(page, None)


@pytest.mark.site
@pytest.mark.browser
def test_a_tap_opens_the_card_and_a_tap_beside_it_closes_it(page):
    one, _ = _quotes(page)
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", one)

    def tap(x: float, y: float) -> None:
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        tap(*page.execute_script("const b = arguments[0].getBoundingClientRect(); return [b.x + 4, b.y + 6]", one))
        _wait(page, one.get_attribute("data-card"))
        assert "#result-" not in page.current_url
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert page.execute_script(OPEN) is None, "nothing lies over a printed page"
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        tap(5, 200)
        _wait(page, None)
    finally:
        page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
