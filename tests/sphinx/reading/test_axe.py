"""What stands for axe on whole pages finds what axe finds there: faults planted on a page, light and dark."""

from __future__ import annotations

import axe
import pytest

pytestmark = [pytest.mark.site, pytest.mark.browser, pytest.mark.proof]

PAGE = "book/appendix/rerun.html"
WHOLE = """const done = arguments[0];
axe.run(document, {resultTypes: ['violations']}).then(found => done([
  found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).flatMap(
    v => v.nodes.map(node => [v.id, node.html])),
  ['passes', 'violations', 'incomplete', 'inapplicable'].flatMap(kind => found[kind].map(rule => rule.id))]));"""
IMPACTS = "return Object.fromEntries(axe._audit.rules.map(rule => [rule.id, rule.impact]))"
CODE = '<div class="highlight"><pre tabindex="0">{}</pre></div>'
MARKS = '<span class="n">word</span> ' * 30
FIGURE = '<svg role="img" {} viewBox="0 0 90 90" width="90" height="90">{}<path d="M0 0 L9 9"/></svg>'
WHITE = "background: #fff; color"
# What is planted at the end of a page, NAME standing for the key, and the rule that it breaks.
BROKEN = {
    "a faint word": (f'<p style="{WHITE}: #777">NAME</p>', "color-contrast"),
    "a mark among others": (CODE.format(f'{MARKS}<span class="n" style="{WHITE}: #88f">NAME</span>{MARKS}'),
                            "color-contrast"),
    "a class of marks": (f"<style>.highlight .zz {{ {WHITE}: #7f7f7f }}</style>"
                         f'{CODE.format(MARKS)}{CODE.format(MARKS + "<span class=zz>NAME</span>")}', "color-contrast"),
    "a coloured cell": ('<table><tr><th>Words</th><td style="background: #777; color: #666">NAME</td></tr></table>',
                        "color-contrast"),
    "a faded part": ('<div style="opacity: 0.4"><div><p>NAME</p></div></div>', "color-contrast"),
    "a ground far above": ('<div style="background: #444; color: #fff"><div><p>White, <a href="#x" style="color: #00c">'
                           'NAME</a></p></div></div>', "color-contrast"),
    "a layer beneath": ('<div style="position: relative; background: #fff"><div style="position: absolute; inset: 0; '
                        'background: #222"></div><p style="position: relative; color: #111">NAME</p></div>',
                        "color-contrast"),
    "small where large is read": (f'<p style="{WHITE}: #888; font-size: 12px">NAME</p>', "color-contrast"),
    "a formula": (f'<p style="{WHITE}: #000"><math><mi style="color: #999">NAME</mi><mo>+</mo><mi>y</mi></math></p>',
                  "color-contrast"),
    "letters in a box": (f'<p><label>One <input name="NAME" value="one" style="{WHITE}: #aaa"></label></p>',
                         "color-contrast"),
    "a picture without a text": ('<img src="x.svg" class="NAME">', "image-alt"),
    "a drawing without a label": (FIGURE.format('class="NAME"', ""), "svg-img-alt"),
    "a button in a drawing": (FIGURE.format('aria-label="NAME"', '<g role="button" tabindex="0"><text y="9">a</text>'
                                            "</g>"), "nested-interactive"),
    "a link in code": (CODE.format(f'{MARKS}<a href="#x" class="NAME"></a>'), "link-name"),
    "a role in code": (CODE.format(f'<span role="nonsense">NAME</span>{MARKS}'), "aria-roles"),
    "code that only a mouse scrolls": (f'<div class="highlight"><pre class="NAME">{MARKS}</pre></div>',
                                       "scrollable-region-focusable"),
    "a button without a name": ('<button class="NAME"></button>', "button-name"),
    "a field without a label": ('<input class="NAME">', "label"),
    "a list with other parts": ('<ul class="NAME"><p>Words</p></ul>', "list"),
    "a link like all words": (f'<p style="{WHITE}: #000">Words and words, <a href="#x" style="color: #00c; '
                              'text-decoration: none">NAME</a>, and words and words</p>', "link-in-text-block"),
}  # fmt: skip
SOUND = {
    "grey that is read": f'<p style="{WHITE}: #757575">NAME</p>',
    "large letters": f'<p style="{WHITE}: #888; font-size: 30px">NAME</p>',
    "bold and large": f'<p style="{WHITE}: #888; font-size: 20px; font-weight: 700">NAME</p>',
    "nothing to be seen": f'<p style="display: none; {WHITE}: #fff">NAME</p>',
    "nothing to be pressed": f'<p><button disabled style="{WHITE}: #bbb">NAME</button></p>',
    "faint strokes": FIGURE.format('aria-label="NAME"', '<g fill="#eee"><text y="9">a</text></g>'),
}


@pytest.fixture(scope="module", params=["light", "dark"])
def found(browser, server, request) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Pairs of rule and HTML on a page with all that is planted: of axe alone, and of what stands for it."""
    feature = {"name": "prefers-color-scheme", "value": request.param}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get(f"{server}/{PAGE}")
    planted = {name: html for name, (html, _) in BROKEN.items()} | SOUND
    browser.execute_script("document.querySelector('main article').insertAdjacentHTML('beforeend', arguments[0])",
                           "".join(html.replace("NAME", name) for name, html in planted.items()))  # fmt: skip
    before = browser.execute_script("return document.body.innerHTML")
    mine = axe.look(browser)
    assert browser.execute_script("return document.body.innerHTML") == before, "something was not put back"
    faults, ran = browser.execute_async_script(WHOLE)
    whole, impacts = {tuple(pair) for pair in faults}, browser.execute_script(IMPACTS)
    assert set(mine["serious"]) <= set(ran)
    assert {impacts[name] for name in set(ran) - set(mine["serious"])} == {"minor", "moderate"}
    rules = {(words.split()[1].rstrip(":"), words) for words in mine["faults"]}
    return whole, rules | {("color-contrast", words) for words in axe.faint(browser, mine["looks"])}


@pytest.mark.parametrize("name", [*BROKEN, *SOUND])
def test_what_axe_finds_on_the_whole_page_is_found_and_nothing_else(found, name):
    wanted = {BROKEN[name][1]} if name in BROKEN else set()
    whole, mine = ({rule for rule, words in pairs if name in words} for pairs in found)
    assert whole == wanted, "what is planted is not what was meant"
    assert mine == wanted


def test_the_page_itself_has_no_fault(found):
    for pairs in found:
        assert [words for _, words in pairs if not any(name in words for name in BROKEN)] == []


# What is told again of a page in its second mode: a fault that stands in that mode alone.
IN_DARK = "<style>@media (prefers-color-scheme: dark) {{ .zz {{ {} }} }}</style>{}"
LINKED = ('<p style="background: #fff; color: #000">Words and words, <a class="zz" href="#x" style="color: #00c">a link'
          "</a>, and words and words</p>")  # fmt: skip
WORDS = f'<p class="zz" style="{WHITE}: #000">Words</p>'
LATER = {
    "a faint word": (IN_DARK.format("color: #888 !important", WORDS), "faint"),
    "a link without its line": (IN_DARK.format("text-decoration: none !important", LINKED), "link-in-text-block"),
    "code that only a mouse scrolls": (IN_DARK.format(
        "width: 30px", '<div class="highlight"><pre class="zz" tabindex="-1" style="overflow: auto">Words</pre></div>'),
        "scrollable-region-focusable"),
    "a field that is shown": (IN_DARK.format(
        "display: inline !important", '<input class="zz" style="display: none">'), "label"),
    "nothing": (IN_DARK.format("color: #111 !important", WORDS), None),
}


@pytest.mark.parametrize("name", LATER)
def test_a_fault_in_the_second_mode_alone_is_found(browser, server, name):
    html, rule = LATER[name]
    found = None
    browser.get(f"{server}/book/appendix/your-edition.html")
    browser.execute_script("document.querySelector('main article').insertAdjacentHTML('beforeend', arguments[0])", html)
    for mode in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": mode}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        found = axe.look(browser, found)
        if mode == "light":
            assert found["faults"] == []
    assert {words.split()[1].rstrip(":") for words in found["faults"]} == ({rule} - {None, "faint"})
    assert bool(axe.faint(browser, found["looks"])) == (rule == "faint")
