"""Figures as files: the page's SVG in its light colours, and as PNG.

Without a page around it an SVG has no colours of a theme: each is what it is on the light page.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from goingglobal.sphinx import state

SCALE = 1.25  # of a picture in a notebook, so that it is sharp on a dense screen
DENSE = 2.0  # of a picture to take along: 1,382 pixels wide
ROOM = 40  # pixels left and right of a picture, before it is cut to what is drawn
COLOURS = 64  # of a picture: a fifth of the bytes, and no difference to the eye


def light(svg: str) -> str:
    """An SVG whose colours and fonts are those that a page without a style of its own gives it."""
    while (plainer := re.sub(r"var\(--[\w-]+,\s*([^()]*)\)", r"\1", svg)) != svg:
        svg = plainer
    return svg


def picture(svg: str, folder: Path, scale: float = SCALE) -> bytes:
    """An SVG of the book as PNG, in its light colours on white; kept in `folder` for the next build.

    It is drawn with room around it: in another font than the page's, words may reach over the edge.
    """
    import matplotlib
    import vl_convert
    from PIL import Image

    svg = light(svg)
    file = folder / f"{state.digest((), svg, f'{scale} {ROOM} {COLOURS}', vl_convert.__version__)}.png"
    if not file.is_file():
        vl_convert.register_font_directory(str(Path(matplotlib.get_data_path(), "fonts", "ttf")))
        width, height = map(float, re.search(r'width="([\d.]+)" height="([\d.]+)"', svg).groups())
        left, top, wide, high = map(float, re.search(r'viewBox="([^"]+)"', svg)[1].split())
        more = ROOM * wide / width
        roomy = re.sub(r'width="[^"]*" height="[^"]*"', f'width="{width + 2 * ROOM}" height="{height}"', svg, count=1)
        roomy = re.sub(r'viewBox="[^"]*"', f'viewBox="{left - more} {top} {wide + 2 * more} {high}"', roomy, count=1)
        drawn = Image.open(io.BytesIO(vl_convert.svg_to_png(roomy, scale=scale))).convert("RGBA")
        room, used = round(ROOM * scale), drawn.getchannel("A").getbbox() or (drawn.width, 0, 0, 0)
        drawn = drawn.crop((min(room, used[0]), 0, max(drawn.width - room, used[2]), drawn.height))
        sheet = Image.new("RGB", drawn.size, "white")
        sheet.paste(drawn, mask=drawn.getchannel("A"))
        made = io.BytesIO()
        sheet.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(made, "PNG")
        folder.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_bytes(made.getvalue())
        fresh.replace(file)
    return file.read_bytes()


def size(image: bytes) -> tuple[int, int]:
    """Width and height at which a picture is shown, from the head of the PNG."""
    return tuple(round(int.from_bytes(image[at:at + 4], "big") / SCALE) for at in (16, 20))


def drawing(svg: str) -> str:
    """The page's SVG as a file of its own, in its light colours on white."""
    return '<?xml version="1.0" encoding="utf-8"?>\n' + light(svg).replace("<svg ", '<svg style="background: #fff" ', 1)
