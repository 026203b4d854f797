"""The headless browser that prints the book and runs the tests of its pages."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


def find() -> str | None:
    """The path of Chromium or Chrome; None when neither is on the PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)
