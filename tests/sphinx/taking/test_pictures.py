"""Figures as files: light colours, nothing of the page, the same bytes each time."""

from __future__ import annotations

import io
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
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


SHEET = """html {
  --gg-ground: #fffefb; --gg-ink: #1f2124;
  --gg-sans: "Noto Sans",
    sans-serif;
}
@media screen {
  html[data-theme="dark"] {
    --gg-ink: #e6e4df; color-scheme: dark;
  }
}
"""


def test_file_of_a_mode_has_the_colours_of_the_sheet():
    dark = pictures.in_mode(SVG, SHEET, "dark")
    assert ElementTree.fromstring(dark).get("style") == "--gg-ink: #e6e4df; --gg-figure-font: 'Noto Sans', sans-serif"
    assert "--gg-ink: #1f2124" in pictures.in_mode(SVG, SHEET, "light")
    with pytest.raises(ValueError, match="no block of colours for the dark mode"):
        pictures.in_mode(SVG, SHEET.replace("dark", "dusk"), "light")


def test_heavy_forms_are_images_with_size_and_text():
    svg = SVG.replace('role="img"', 'role="img" aria-label="What &quot;is&quot; drawn"')
    assert not pictures.apart(svg)
    assert pictures.apart(svg + "".join(f"{n ** 7:x}" for n in range(2000)))
    images = pictures.lazy(svg, "../exhibits/fig-a-narrow")
    assert images.count('alt="What &quot;is&quot; drawn" width="300" height="60" loading="lazy">') == 2
    assert 'gg-in-dark" src="../exhibits/fig-a-narrow-dark.svg"' in images


def test_pictures_are_drawn_ahead_once_and_are_those_that_are_asked_for(tmp_path, monkeypatch):
    drawn = [SVG.replace("#222426", f"#2224{number}6") for number in range(4)]
    exhibits = {str(number): {"kind": "figure", "svg": svg} for number, svg in enumerate(drawn)}
    monkeypatch.setattr(pictures.registry, "exhibits", lambda env: exhibits | {"tab": {"kind": "table"}})
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), doctreedir=tmp_path, goingglobal_drawing=None)
    pictures._ahead(app, None)
    app.goingglobal_drawing.join(60)
    assert app.goingglobal_drawing.exitcode == 0
    kept = sorted((tmp_path / "pictures").iterdir())
    assert len(kept) == 8
    alone = [pictures.picture(svg, tmp_path / "anew", scale) for svg in drawn for scale in (1.25, 2.0)]
    assert sorted(alone) == sorted(file.read_bytes() for file in kept)
    assert {file.name for file in kept} == {file.name for file in (tmp_path / "anew").iterdir()}
    for file in kept[:pictures.FEW]:
        file.unlink()
    app.goingglobal_drawing = None
    pictures._ahead(app, None)
    assert app.goingglobal_drawing is None, "so few are drawn when they are asked for"


@pytest.mark.parametrize(("code", "told"), [(1, True), (0, False), (None, False)], ids=["failed", "done", "at work"])
def test_a_process_that_fails_to_draw_ahead_is_told(code, told, monkeypatch):
    said = []
    monkeypatch.setattr(pictures.logging, "getLogger", lambda _: SimpleNamespace(warning=said.append))
    ended = []
    process = SimpleNamespace(exitcode=code, terminate=lambda: ended.append(code))
    pictures._ended(SimpleNamespace(goingglobal_drawing=process), None)
    assert bool(said) == told
    assert ended == ([None] if code is None else []), "none draws on when the build has ended"
