"""The explorers as the site serves them, and what a reader meets with and without scripts."""

from __future__ import annotations

import gzip
import json
import re

import pandas as pd
import pytest
from conftest import SITE
from lxml import html
from pages import contrast, soup

from goingglobal import exhibits, explorers, load, samples
from goingglobal.specifications import BASELINE, CHOICES, ESTIMAND

BUDGET = 300 * 1024  # of what an opened explorer loads beyond the page, compressed
PAGES = {"fig-curve": "book/conclusion.html", "fig-two": "book/introduction.html"}
RUNTIME = next((SITE / "_static" / "vendor").glob("vega-*.js"), SITE / "no-vega.js")
each = pytest.mark.parametrize("label", PAGES)
site, browsed = pytest.mark.site, pytest.mark.browser


def signed(value: float, digits: int = 3) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    countries = load("country_panel")
    growth = samples.country_changes(countries, "ilo")["growth"]
    return samples.country_changes(countries, "pwt").assign(growth_ilo=growth)


# --------------------------------------------------------------------------------------------------------- site
def served(label: str) -> dict:
    text = (SITE / "explorers" / f"{label}.js").read_text(encoding="utf-8")
    head, _, rest = text.partition("] = ")
    assert head == f'(window.ggExplorers ??= {{}})["{label}"'
    return json.loads(rest.removesuffix(";\n"))


def of_class(name: str) -> str:
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


def weight(*paths) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


@site
def test_scripts_stand_on_the_pages_with_explorers_only():
    found = {}
    for path in SITE.rglob("*.html"):
        page = html.parse(path)
        scripts, boxes = page.xpath("//script/@src"), page.xpath(f"//*[{of_class('gg-explorer')}]/@data-explorer")
        assert any("explorer.js" in s for s in scripts) == bool(boxes), path
        assert not [s for s in scripts if "vega" in s or "explorers/" in s], f"{path}: loaded before it is asked for"
        found |= {label: str(path.relative_to(SITE)) for label in boxes}
    assert found == PAGES
    assert {path.stem for path in (SITE / "explorers").iterdir()} == set(PAGES)


@site
@each
def test_explorer_hangs_under_its_figure(label):
    page = soup(PAGES[label])
    box = page.find(id=f"explorer-{label}")
    assert box.find_previous("figure")["id"] == label
    assert box.name == "details"
    assert not box.has_attr("open")
    assert box.find("output")["aria-live"] == "polite"
    for control in box.select("select, input"):
        assert control.find_parent("label").get_text(strip=True), control.get("name")
    assert all(fieldset.legend.get_text(strip=True) for fieldset in box.find_all("fieldset"))


@site
@each
def test_explorer_is_within_its_budget(label):
    script = SITE / "_static" / "explorer.js"
    assert weight(script) < 4608
    assert 100_000 < weight(script, RUNTIME, SITE / "explorers" / f"{label}.js") <= BUDGET


@site
@each
def test_explorer_asks_nobody_else(label):
    for path in (RUNTIME, SITE / "_static" / "explorer.js", SITE / "explorers" / f"{label}.js"):
        hosts = set(re.findall(r"https?://([\w.-]+)", path.read_text(encoding="utf-8")))
        assert hosts <= {"www.w3.org"}, path  # names of SVG and its like, never loaded


@site
def test_runtime_is_of_the_version_that_the_charts_are_compiled_for():
    import vl_convert

    assert RUNTIME.stem.split("-")[1].split(".")[0] == vl_convert.get_vega_version().split(".")[0]
    assert (RUNTIME.parent / "vega-LICENSE.txt").is_file()


@site
def test_curve_has_the_data_of_its_figure():
    frame = exhibits.frame_of(served("fig-curve")["data"])
    figure = pd.read_csv(SITE / "exhibits" / "fig-curve.csv")
    assert len(frame) == len(figure)
    pd.testing.assert_frame_equal(frame.drop(columns="outcome"), figure[frame.columns.drop("outcome")].fillna(
        {"restriction": "none"}), rtol=1e-6, check_dtype=False)
    assert frame["outcome"].eq("The parent's staff").eq(figure["outcome"] == "parent").all()
    assert figure["p_permutation"].between(0, 1).all()


@site
def test_panel_has_the_chapters_sample(panel):
    frame = exhibits.frame_of(served("fig-two")["data"]).set_index(["iso3", "year"]).sort_index()
    own = panel.set_index(["iso3", "year"]).sort_index()
    for column in ("growth", "growth_ilo", "fdi_lag", "fdi_now", "fdi_lead"):
        pd.testing.assert_series_equal(frame[column], own[column], rtol=1e-6, check_dtype=False)


@site
@each
def test_data_can_be_downloaded(label):
    file = SITE / "explorers" / f"{label}.csv"
    read = pd.read_csv(file, keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(read, exhibits.frame_of(served(label)["data"]), check_dtype=False, check_like=True)
    # The script has its columns by name; the file as the chapter has them, choices (or country and year) first.
    figure = pd.read_csv(SITE / "exhibits" / f"{label}.csv", nrows=0)
    first = [name for name in figure if name in read] if label == "fig-curve" else ["iso3", "country", "year"]
    assert list(read)[:len(first)] == first


# ------------------------------------------------------------------------------------------------------ browser
# How many stops of the keyboard the control stands after the one in focus.
STOPS = """const [name, value] = arguments, here = document.activeElement;
const kinds = 'a[href], button, input, select, summary, textarea, [tabindex="0"]';
const stops = [...document.querySelectorAll(kinds)].filter(
  e => e === here || e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}));
const wanted = e => e.name === name && [null, e.value].includes(value);
return stops.findIndex((e, place) => place > stops.indexOf(here) && wanted(e)) - stops.indexOf(here);"""


class Opened:
    """An explorer opened with the keyboard."""

    def __init__(self, browser, base: str, label: str):
        from selenium.webdriver.common.keys import Keys

        self.browser, self.keys = browser, Keys
        if browser.current_url.partition("#")[0] == f"{base}/{PAGES[label]}":
            browser.get("about:blank")
        browser.get(f"{base}/{PAGES[label]}")
        self.box = browser.find_element("id", f"explorer-{label}")
        self.output = self.box.find_element("css selector", "output")
        assert self.loaded() == []
        summary = self.box.find_element("css selector", "summary")
        browser.execute_script("arguments[0].focus()", summary)
        summary.send_keys(Keys.ENTER)
        self.until(lambda: self.box.get_attribute("data-state") == "drawn")

    def until(self, done):
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.browser, 20, 0.1).until(lambda _: done())

    def loaded(self) -> list[str]:
        """Files of the runtime and the explorers that the page has loaded."""
        return self.browser.execute_script(
            "return [...document.scripts].map(s => s.src).filter(s => /vega|explorers\\//.test(s))")

    @property
    def text(self) -> str:
        return self.output.text

    def active(self):
        return self.browser.switch_to.active_element

    def tab_to(self, name: str, value: str | None = None):
        """Tab on to a control, as a reader without a mouse does: at once as often as there are stops, then by one."""
        for times in (max(self.browser.execute_script(STOPS, name, value), 1), *[1] * 59):
            self.active().send_keys(self.keys.TAB * times)
            here = self.active()
            if here.get_attribute("name") == name and value in (None, here.get_attribute("value")):
                return here
        raise AssertionError(f"Tab doesn't lead to {name}")

    def press(self, key: str) -> str:
        """Press a key on the control in focus; the new text."""
        before = self.text
        self.active().send_keys(key)
        self.until(lambda: self.text != before)
        return self.text


@pytest.fixture(params=["http", pytest.param("file", marks=pytest.mark.proof)])
def base(request, server) -> str:
    return server if request.param == "http" else SITE.as_uri()


@site
@browsed
def test_curve_by_keyboard(browser, base):
    frame = exhibits.frame_of(served("fig-curve")["data"])
    others = [name for name in CHOICES if name not in ESTIMAND]

    def asked(outcome: str, horizon: str = "average after", weights: str = "per firm") -> pd.DataFrame:
        mine = frame[(frame[list(ESTIMAND)] == [outcome, horizon, weights]).all(axis=1)].copy()
        mine["rank"] = mine["value"].rank(method="first").astype(int)
        return mine

    def said(mine: pd.DataFrame, **changes) -> str:
        row = mine[(mine[others] == pd.Series(BASELINE | changes)[others]).all(axis=1)].iloc[0]
        return (f"Estimate {signed(row['value'])} log points, 95 % interval {signed(row['ci_low'])} to "
                f"{signed(row['ci_high'])}; n = {row['n']:,} ({row['firms']:,} firms, {row['starters']:,} starters). "
                f"Permutation p {row['p_permutation']:.3f}. Rank {row['rank']:,} of {len(mine):,} for "
                f"“{row['outcome']}”, {row['horizon']}, {row['weights']}, from the lowest; the median of all is "
                f"{signed(mine['value'].median())}.")

    lower = asked("Japan, at least")
    opened = Opened(browser, base, "fig-curve")
    assert {address.removeprefix(base) for address in opened.loaded()} == {
        f"/_static/vendor/{RUNTIME.name}", "/explorers/fig-curve.js"}
    first = said(lower)
    assert opened.text == first
    opened.tab_to("weights")
    assert opened.press(opened.keys.ARROW_DOWN) == said(asked("Japan, at least", weights="per job"))
    opened.press(opened.keys.ARROW_UP)
    opened.tab_to("restriction")
    restrictions = CHOICES["restriction"]
    assert opened.press(opened.keys.ARROW_DOWN) == said(lower, restriction=restrictions[1])
    opened.press(opened.keys.ARROW_UP)
    text = opened.press(opened.keys.ARROW_UP)  # any
    held = [name for name in others if name != "restriction"]
    match = lower[(lower[held] == pd.Series(BASELINE)[held]).all(axis=1)]
    assert len(match) == len(restrictions)
    assert text == (
        f"4 of {len(lower)} for “Japan, at least”, average after, per firm match. Median "
        f"{signed(match['value'].median())} log points, from {signed(match['value'].min())} to "
        f"{signed(match['value'].max())}. The 95 % interval lies above zero in {(match['ci_low'] > 0).sum()} of them "
        f"and below zero in {(match['ci_high'] < 0).sum()}.")
    dots = opened.box.find_elements("css selector", ".mark-symbol path")
    assert len(dots) == 4
    rules = opened.box.find_elements("css selector", ".mark-rule.role-mark line")
    assert len(rules) == 4 + 2, "intervals, zero and the median"
    opened.tab_to("effects")
    opened.press(opened.keys.ARROW_DOWN)
    browser.execute_script("document.querySelector('[name=estimator]').focus()")
    opened.press(opened.keys.END)
    assert opened.text == ("No specification matches: imputation allows for year effects only, and of all filers "
                           "sectors are known in the firm panel.")
    browser.execute_script("document.querySelector('[name=outcome]').focus()")
    assert opened.press(opened.keys.END) == (
        "No specification matches: “J” is no choice for “All filers' groups”, average after.")
    reset = opened.box.find_element("css selector", "button[type=reset]")
    browser.execute_script("arguments[0].focus()", reset)
    assert opened.press(opened.keys.ENTER) == first


@site
@browsed
def test_panel_by_keyboard(browser, base, panel):
    def said(countries: list[str], x: str = "fdi_lag", last: int = 2024) -> str:
        kept = panel[panel["iso3"].isin(countries) & (panel["year"] <= last)].dropna(subset=["growth", x])
        slope = explorers.within_slope(kept.assign(x=kept[x], y=kept["growth"]))
        number = f"{len(countries)} {'country' if len(countries) == 1 else 'countries'}"
        return (f"Slope {signed(slope.value, 2)}, 95 % interval {signed(slope.ci_low, 2)} to {signed(slope.ci_high, 2)}"
                f"; {slope.n:,} points, {number}.")

    opened = Opened(browser, base, "fig-two")
    assert opened.text == said(["JPN", "DEU"])
    opened.tab_to("x")
    assert opened.press(opened.keys.ARROW_DOWN) == said(["JPN", "DEU"], "fdi_now")
    opened.press(opened.keys.ARROW_UP)
    opened.tab_to("last")
    opened.active().send_keys("2017")
    opened.until(lambda: opened.text == said(["JPN", "DEU"], last=2017))
    opened.tab_to("countries", "DEU")
    assert opened.press(" ") == said(["JPN"], last=2017)
    opened.tab_to("countries", "JPN")
    assert opened.press(" ").startswith("Nothing to draw: choose a country")
    every = opened.box.find_elements("css selector", "button[data-set]")[1]
    browser.execute_script("arguments[0].focus()", every)
    countries = panel.loc[panel["conduit"] == 0, "iso3"].unique().tolist()
    assert opened.press(opened.keys.ENTER) == said(countries, last=2017)
    browser.execute_script("document.querySelector('[name=x]').focus()")
    assert "Mean of Employment growth" in opened.press(opened.keys.END)
    kept = panel[panel["iso3"].isin(countries) & (panel["year"] <= 2017)].dropna(subset=["growth"])
    assert signed(kept["growth"].mean(), 2) in opened.text
    assert len(opened.box.find_elements("css selector", ".mark-line path")) >= len(countries)


@site
@browsed
@each
def test_picture_is_named_and_follows_the_mode(browser, server, label):
    opened = Opened(browser, server, label)
    picture = opened.box.find_element("css selector", ".gg-explorer-frame svg")
    assert picture.get_attribute("role") == "img"
    assert opened.text in picture.get_attribute("aria-label")
    inks = {}
    for mode in ("light", "dark"):
        inks[mode], ground = browser.execute_script("""
            document.documentElement.dataset.theme = arguments[0];
            const texts = [...arguments[1].querySelectorAll('text')].filter(t => t.textContent && t.checkVisibility());
            return [texts.map(t => getComputedStyle(t).fill), getComputedStyle(document.body).backgroundColor]""",
            mode, picture)  # fmt: skip
        assert len(inks[mode]) > 8
        assert min(contrast(ink, ground) for ink in inks[mode]) >= 4.5
    assert not set(inks["light"]) & set(inks["dark"])


@site
@browsed
def test_japan_and_germany_differ_by_colour_and_shape(browser, server):
    opened = Opened(browser, server, "fig-two")
    drawn = browser.execute_script("""
        const box = arguments[0], seen = {};
        for (const path of box.querySelectorAll('.role-mark.mark-symbol path, g.mark-symbol.role-mark path')) {
          const key = getComputedStyle(path).fill, shape = (path.getAttribute('d').match(/[a-z]/gi) || []).join('');
          seen[key] = [...new Set([...(seen[key] || []), shape])];
        }
        const hex = n => getComputedStyle(document.documentElement).getPropertyValue(n).trim();
        return [seen, hex('--gg-japan'), hex('--gg-germany')]""", opened.box)  # fmt: skip
    seen, *houses = drawn
    colours = {"rgb({}, {}, {})".format(*(int(house[i:i + 2], 16) for i in (1, 3, 5))) for house in houses}
    assert set(seen) == colours
    shapes = [tuple(shape) for shape in seen.values()]
    assert len(set(shapes)) == 2, shapes


@site
@browsed
@each
def test_narrow_page_holds_an_open_explorer(browser, server, label):
    narrow = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    try:
        opened = Opened(browser, server, label)
        content, window, height, picture, frame = browser.execute_script("""
            const e = document.documentElement, f = arguments[0].querySelector('.gg-explorer-frame');
            return [e.scrollWidth, e.clientWidth, f.clientHeight, f.firstElementChild.getBoundingClientRect().width,
                    f.clientWidth]""", opened.box)  # fmt: skip
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert content <= window
    assert picture <= frame
    assert height > 300


@site
@browsed
@each
def test_drawing_moves_nothing(browser, server, label):
    """The frame has its height before the data arrive, and the picture fits in it."""
    browser.get(f"{server}/{PAGES[label]}")
    before, after = browser.execute_async_script("""
        const box = document.getElementById(arguments[0]), done = arguments[arguments.length - 1];
        const height = () => box.getBoundingClientRect().height;
        box.open = true;
        const before = height();
        const wait = () => box.dataset.state === 'drawn' ? done([before, height()]) : setTimeout(wait, 20);
        wait();""", f"explorer-{label}")  # fmt: skip
    assert before == after > 400


@site
@browsed
def test_choice_stands_in_the_address_and_comes_back_from_it(browser, server):
    """A choice is shared by its address; what an address names wrongly is left out, and said."""
    page, box = f"{server}/{PAGES['fig-curve']}", "document.getElementById('explorer-fig-curve')"
    drawn = f"""const box = {box}, done = arguments[arguments.length - 1];
        const wait = () => box.dataset.state === 'drawn' ? done(null) : setTimeout(wait, 20); wait();"""
    horizon = next(option for option in CHOICES["horizon"] if option != BASELINE["horizon"])
    browser.get("about:blank")
    browser.get(page)
    browser.execute_script(f"{box}.open = true")
    browser.execute_async_script(drawn)
    browser.execute_script(f"""const select = {box}.querySelector('select[name=horizon]');
        select.value = arguments[0]; select.dispatchEvent(new Event('change', {{bubbles: true}}));""", horizon)
    address = browser.current_url
    assert address.partition("#")[2] == "explorer-fig-curve?horizon=" + horizon.replace(" ", "+")
    said = browser.execute_script(f"return {box}.querySelector('output').textContent")
    assert browser.execute_script(f"return {box}.querySelector('.gg-explorer-link').href") == address
    browser.get("about:blank")
    browser.get(f"{address}&weights=nonsense&colour=red")
    browser.execute_async_script(drawn)
    again = browser.execute_script(f"return {box}.querySelector('output').textContent")
    lost = "weights “nonsense”, colour “red”"
    assert again == f"The address names what is no choice here and is left out: {lost}. {said}"


@site
@browsed
@each
def test_without_scripts_the_figure_stands_alone(plain_browser, server, label):
    plain_browser.get(f"{server}/{PAGES[label]}")
    shown = "return document.querySelector(arguments[0]).checkVisibility()"
    assert plain_browser.execute_script(shown, f"#{label} svg.gg-figure")
    assert not plain_browser.execute_script(shown, f"#explorer-{label}")
