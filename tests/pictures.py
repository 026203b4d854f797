"""`make pictures`: every page of the site as pictures to look at, in `_build/pictures`.

Light and dark at 1280 pixels, light at 375, and as printed on paper (a PDF a page).
"""

from __future__ import annotations

import base64
import shutil
import tempfile
from pathlib import Path

from conftest import ROOT, SITE, start

VIEWS = {"light-1280": ("light", 1280), "dark-1280": ("dark", 1280), "light-375": ("light", 375)}
TALLEST = 12_000  # pixels of one picture: Chromium draws no more at once


def _views(driver, page: str, stem: Path) -> None:
    for name, (mode, width) in VIEWS.items():
        feature = {"name": "prefers-color-scheme", "value": mode}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(f"{SITE.as_uri()}/{page}")
        driver.execute_async_script("document.fonts.ready.then(() => requestAnimationFrame(() => arguments[0]()))")
        height = driver.execute_script("return document.documentElement.scrollHeight")
        for part, top in enumerate(range(0, height, TALLEST)):
            clip = {"x": 0, "y": top, "width": width, "height": min(TALLEST, height - top), "scale": 1}
            shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
            stem.with_name(f"{stem.name}-{name}-{part}.png").write_bytes(base64.b64decode(shot["data"]))
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    printed = driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    stem.with_suffix(".pdf").write_bytes(base64.b64decode(printed["data"]))


def main() -> None:
    folder = ROOT / "_build" / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pages = sorted(str(p.relative_to(SITE)) for p in SITE.glob("book/**/*.html"))
    with tempfile.TemporaryDirectory() as profile:
        driver = start(Path(profile))
        for page in [*pages, "search.html", "genindex.html", "editions.html", "404.html"]:
            _views(driver, page, folder / page.removesuffix(".html").replace("/", "-"))
        driver.quit()
    print(f"{len(list(folder.iterdir()))} pictures are in {folder.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
