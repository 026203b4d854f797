"""Where the book is published: the environment goes before the configuration, and what is no address is named."""

from __future__ import annotations

import pytest
from conftest import ROOT
from sphinx.errors import ConfigError

from goingglobal.sphinx import settings, state


@pytest.mark.parametrize(("configured", "set_to", "address"), [
    ("", None, ""),
    (None, None, ""),
    ("https://a.org/b", None, "https://a.org/b/"),
    ("https://a.org/b/", "", "https://a.org/b/"),
    ("https://a.org/b/", "http://c.org/some/path", "http://c.org/some/path/"),
    ("", " https://c.org ", "https://c.org/"),
])  # fmt: skip
def test_address_of_the_site(configured, set_to, address, monkeypatch):
    monkeypatch.delenv(settings.SITE, raising=False)
    if set_to is not None:
        monkeypatch.setenv(settings.SITE, set_to)
    assert settings.site(configured) == address


@pytest.mark.parametrize("address", ["a.org/b", "/b/", "ftp://a.org/", "https://"])
def test_what_is_no_address_is_said_by_the_name_of_its_setting(address, monkeypatch):
    monkeypatch.delenv(settings.SITE, raising=False)
    with pytest.raises(ConfigError, match=rf"^html\.baseurl is '{address}'; expected an address like https://"):
        settings.site(address)
    monkeypatch.setenv(settings.SITE, address)
    with pytest.raises(ConfigError, match=rf"^GOINGGLOBAL_SITE is '{address}'; expected"):
        settings.site("https://a.org/")


def test_a_site_with_another_address_is_another_site(monkeypatch):
    for name in settings.ALL:
        monkeypatch.delenv(name, raising=False)
    seen = {state.inputs(ROOT)}
    for name in settings.ALL:
        with monkeypatch.context() as there:
            there.setenv(name, "x")
            seen.add(state.inputs(ROOT))
    assert len(seen) == 1 + len(settings.ALL)
