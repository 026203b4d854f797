"""The headless browser that prints the book and runs the tests of its pages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")  # also in .ci/tools
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


def find() -> str | None:
    """The path of Chromium or Chrome: what `CHROME_BIN` names, else the first on the PATH; None when there is none."""
    named = os.environ.get("CHROME_BIN", "")
    return next(filter(None, map(shutil.which, (named, *NAMES) if named else NAMES)), None)


def driver() -> str | None:
    """The path of the browser's driver: in the folder `CHROMEWEBDRIVER`, else on the PATH; None when there is none."""
    named = os.environ.get("CHROMEWEBDRIVER")
    return (named and shutil.which("chromedriver", path=Path(named))) or shutil.which("chromedriver")
