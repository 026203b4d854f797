"""The same line in Python, R and Stata: a choice that works without scripts, by keyboard, and on paper."""

from __future__ import annotations

import pytest
from conftest import SITE

pytestmark = [pytest.mark.site, pytest.mark.browser]
METHODS = "book/appendix/methods.html"
SHOWN = """return [...document.querySelector('.sd-tab-set').querySelectorAll('.sd-tab-content')].map(
    part => part.getBoundingClientRect().height > 20)"""


def test_tabs_work_without_scripts_by_keyboard_and_in_print(plain_browser):
    from selenium.webdriver import ActionChains, Keys

    look = plain_browser
    look.get((SITE / METHODS).as_uri())
    one, *_ = look.find_elements("css selector", ".sd-tab-set")
    labels = one.find_elements("css selector", ".sd-tab-label")
    assert [label.text for label in labels] == ["Python", "R (run by our tests)", "Stata (not run by our tests)"]
    assert look.execute_script(SHOWN) == [True, False, False]
    look.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", one)
    labels[2].click()
    assert look.execute_script(SHOWN) == [False, False, True]
    ActionChains(look).send_keys(Keys.ARROW_LEFT).perform()
    assert look.execute_script(SHOWN) == [False, True, False]
    focused = look.execute_script("return getComputedStyle(document.querySelector(':focus + label')).outlineStyle")
    assert focused == "solid"
    look.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert look.execute_script(SHOWN) == [True, True, True]
    finally:
        look.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
