"""Figures as files: light colours, nothing of the page, the same bytes each time."""

from __future__ import annotations

import io
from xml.etree import ElementTree

from PIL import Image

from goingglobal.sphinx.taking import pictures

SVG = ('<svg role="img" width="300" height="60" viewBox="0 0 225 45" xmlns="http://www.w3.org/2000/svg">'
       '<rect x="0" y="0" width="225" height="45" '
       'style="fill: var(--gg-ink,var(--jp-content-font-color1,#222426))"/></svg>')


def test_drawing_has_the_light_colours_and_stands_alone():
    text = pictures.drawing(SVG)
    assert "var(" not in text
    assert "fill: #222426" in text
    assert ElementTree.fromstring(text.encode()).get("style") == "background: #fff"


def test_picture_is_as_large_as_asked_and_the_same_twice(tmp_path):
    sizes = {scale: Image.open(io.BytesIO(pictures.picture(SVG, tmp_path, scale))).size for scale in (1.25, 2.0)}
    assert sizes == {1.25: (375, 75), 2.0: (600, 120)}
    assert pictures.picture(SVG, tmp_path / "anew", 2.0) == pictures.picture(SVG, tmp_path, 2.0)
