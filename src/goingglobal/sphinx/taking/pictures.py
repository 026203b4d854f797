"""Figures as files: the page's SVG in its light colours, and as PNG; heavy narrow forms, for both modes of the page.

Without a page around it an SVG has no colours of a theme: each is what it is on the light page.
"""

from __future__ import annotations

import gzip
import io
import multiprocessing
import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from goingglobal.sphinx import registry, state

SCALE = 1.25  # of a picture in a notebook, so that it is sharp on a dense screen
DENSE = 2.0  # of a picture to take along: 1,382 pixels wide
ROOM = 40  # pixels left and right of a picture, before it is cut to what is drawn
HEAVY = 3_000  # bytes, compressed, from which a narrow form is a file that only a telephone asks for
MODES = {"light": r"^html \{(.*?)^\}", "dark": r'^  html\[data-theme="dark"\] \{(.*?)^  \}'}  # blocks of colours
FEW = 6  # pictures that are sooner drawn than a process is started for them
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

    file = _kept(svg, folder, scale)
    if not file.is_file():
        svg = light(svg)
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
        fresh = file.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(made.getvalue())
        fresh.replace(file)
    return file.read_bytes()


def _kept(svg: str, folder: Path, scale: float) -> Path:
    """Where a picture is kept."""
    import vl_convert

    return folder / f"{state.digest((), light(svg), f'{scale} {ROOM} {COLOURS}', vl_convert.__version__)}.png"


def _draw(wanted: list[tuple[str, float]], folder: Path) -> None:
    for svg, scale in wanted:
        picture(svg, folder, scale)


def _ahead(app: Sphinx, env: BuildEnvironment) -> None:
    """A process beside this one draws pictures that are not kept yet, while pages are written: first those that are
    asked for last. It is started anew, not forked: vl-convert has threads of its own.
    """
    if app.builder.name != "html":
        return
    folder = Path(app.doctreedir, "pictures")
    figures = [record for record in registry.exhibits(env).values() if record["kind"] == "figure"]
    drawn = [record["svg"] for record in figures if record["svg"]]
    wanted = [(svg, scale) for svg, scale in [*((svg, DENSE) for svg in drawn), *((svg, SCALE) for svg in drawn[::-1])]
              if not _kept(svg, folder, scale).is_file()]  # fmt: skip
    if len(wanted) > FEW:
        app.goingglobal_drawing = multiprocessing.get_context("spawn").Process(
            target=_draw, args=(wanted, folder), daemon=True)
        app.goingglobal_drawing.start()


def _ended(app: Sphinx, exception: Exception | None) -> None:
    """A process that failed is told: all was drawn in the end, but by one core."""
    drawing = app.goingglobal_drawing
    if drawing is None:
        return
    if drawing.exitcode is None:
        drawing.terminate()
    elif exception is None and drawing.exitcode:
        logging.getLogger(__name__).warning("the process that draws pictures ahead failed; the log says how")


def size(image: bytes) -> tuple[int, int]:
    """Width and height at which a picture is shown, from the head of the PNG."""
    return tuple(round(int.from_bytes(image[at:at + 4], "big") / SCALE) for at in (16, 20))


def drawing(svg: str) -> str:
    """The page's SVG as a file of its own, in its light colours on white."""
    return '<?xml version="1.0" encoding="utf-8"?>\n' + light(svg).replace("<svg ", '<svg style="background: #fff" ', 1)


def apart(narrow: str) -> bool:
    """Whether a narrow form is too heavy to stand in its page."""
    return len(gzip.compress(narrow.encode(), 6, mtime=0)) > HEAVY


def in_mode(svg: str, sheet: str, mode: str) -> str:
    """An SVG as a file in the colours and letters that the book's sheet gives to a mode, "light" or "dark".

    Raises `ValueError` where the sheet has no colours for it.
    """
    found = {name: re.search(block, sheet, re.S | re.M) for name, block in MODES.items()}
    if not all(found.values()):
        raise ValueError(f"book.css: no block of colours for the {next(m for m, it in found.items() if not it)} mode")
    colours = re.findall(r"(--gg-[a-z]+: #[0-9a-f]+)", found[mode][1])
    letters = " ".join(re.search(r"--gg-sans: ([^;]+);", found["light"][1])[1].replace('"', "'").split())
    style = "; ".join([*colours, f"--gg-figure-font: {letters}"])
    return svg.replace("<svg ", f'<svg style="{style}" ', 1)


def lazy(svg: str, address: str) -> str:
    """The images that stand for a heavy narrow form: one for each mode, asked for when it is come near."""
    alt, width, height = re.search(r'aria-label="([^"]*)".*? width="(\d+)" height="(\d+)"', svg, re.S).groups()
    return "".join(f'<img class="gg-figure gg-narrow gg-in-{mode}" src="{address}-{mode}.svg" alt="{alt}" '
                   f'width="{width}" height="{height}" loading="lazy">' for mode in MODES)


def setup(app: Sphinx) -> None:
    app.goingglobal_drawing = None
    app.connect("env-updated", _ahead, priority=100)  # beside summaries' charts, which this process draws meanwhile
    app.connect("build-finished", _ended, priority=900)
