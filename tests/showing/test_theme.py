"""One style for light and dark: every colour of ours follows the page."""

from __future__ import annotations

import re

import pytest

from goingglobal import theme


@pytest.mark.parametrize(("text", "wanted"), [
    ("fill: #222426;", "fill: var(--gg-ink,var(--jp-content-font-color1,#222426));"),
    ('stroke="#C2410B"', 'stroke="var(--gg-japan,#c2410b)"'),
    ("a: #d9dcdf; b: #63676b'",
     "a: var(--gg-grid,var(--jp-border-color2,#d9dcdf)); b: var(--gg-muted,var(--jp-content-font-color2,#63676b))'"),
    ("fill: #123456;", "fill: #123456;"),
    ("url(#222426)", "url(#222426)"),
    ("fill: #22242680;", "fill: #22242680;"),
    ("none", "none"),
])  # fmt: skip
def test_follow_page(text, wanted):
    assert theme.follow_page(text) == wanted
    assert theme.follow_page(wanted) == wanted  # once is enough


def test_every_colour_of_the_theme_has_its_own_variable():
    colours = [theme.INK, theme.MUTED, theme.GRID, *theme.COLOURS.values()]
    names = [re.match(r"fill: var\((--gg-[a-z]+),", theme.follow_page(f"fill: {colour};")) for colour in colours]
    assert all(names)
    assert len({name[1] for name in names}) == len(set(colours)) == len(colours)
