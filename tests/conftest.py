"""What the tests of the site share: where things are, a web server of their own, a browser, and when to skip."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import warm
import yaml

from goingglobal.sphinx.taking import browser as browser_of_book

# Small matrices: one thread is faster than two that wait for each other, and sums in one order. As make sets it.
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
# Where jsonschema finds this package, importing it compiles a grammar of addresses for more than a second, in every
# worker; it serves the check of a format (`iri`) that nobody here asks for.
sys.modules.setdefault("rfc3987_syntax", None)

# The chapters that the book ships. How many slides and exercises a chapter has is held of these alone: a course may
# add a chapter with one exercise.
SHIPPED = ("introduction", "sme-role", "barriers", "support-programs", "conclusion")
ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
CHROMIUM = browser_of_book.find()
CHROMEDRIVER = browser_of_book.driver()
# Without tabs and an address to draw, and with one process for all pages of the site: a third of the browser's work.
BROWSER_FLAGS = (*browser_of_book.FLAGS, "--window-size=1280,900", "--app=about:blank",
                 "--disable-features=SpareRendererForSitePerProcess,BackForwardCache")
# Files of tests by how long they take on two cores, from over a minute to some ten seconds; see `make test`.
LONGEST = ("loop", "site", "paper", "slides", "explorers_on_the_site", "build", "odd_panels", "lite", "epub",
           "data_package", "specifications", "large", "citing", "exercises", "golden_abroad", "cases", "rooms", "check",
           "golden", "exhibits", "golden_policy", "golden_jobs", "kernels", "analyses", "data_build", "designs",
           "install")
# Files whose tests share one browser, and pages once read, in one worker; those of `site` have enough to do in one.
TOGETHER = {f"test_{name}.py" for name in (
    "axe", "cards", "citing", "exhibits_on_the_site", "explorers_on_the_site", "lettering", "look", "paper", "search",
    "slides", "summary", "tabs", "verdicts")}  # fmt: skip
WEIGHTS = pytest.StashKey[dict[str, int]]()


def contents() -> list[str]:
    """Names of all pages, in the order of `_toc.yml`."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [toc["root"]]

    def walk(entries: list[dict]) -> None:
        for entry in entries:
            if "file" in entry:
                names.append(entry["file"].removesuffix(".ipynb").removesuffix(".md"))
            for key in ("chapters", "sections", "parts"):
                walk(entry.get(key, []))

    walk([*toc.get("parts", []), *toc.get("chapters", [])])
    return names


def pytest_configure(config: pytest.Config) -> None:
    """Workers that run tests beside each other are forked from one process, and share those that build small books.

    Where these are what is tested, they read their libraries at once, while the other core makes the workers ready.
    """
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        warm.share("one", "other", now=config.getoption("markexpr") == "proof")
        config.option.tx = [f"popen//python={warm.python('tests')}"] * len(config.option.tx)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """As `--dist loadfile` does it, but that some files go to one worker together."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "together" if Path(file).name in TOGETHER else file

    return Together(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """What is imported stays, and trees of pages are large: looking for garbage would take longer than some tests."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest come first, so that no worker ends with one of them while the others wait.

    Tests without their site or browser are skipped, with the reason; in CI they run, and so fail.
    """
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem.removeprefix("test_"), len(place)))
    if os.environ.get("CI") == "true":
        return
    lacks = []
    if not (SITE / "results.json").is_file():
        lacks.append(("site", "no built site in _build/html; `make book` builds it"))
    if not (CHROMIUM and CHROMEDRIVER):
        lacks.append(("browser", "Chromium and chromedriver are not on the PATH"))
    for item in items:
        for marker, reason in lacks:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Page weights, for information: a page with all scripts, styles and fonts of its own that it names."""
    weights = config.stash.get(WEIGHTS, None)
    if weights:
        terminalreporter.section("page weights, kB")
        terminalreporter.write_line(", ".join(f"{page} {size / 1000:.0f}" for page, size in weights.items()))


@pytest.fixture
def themed() -> Iterator[None]:
    """The book's style for one test; its figures are closed and the style before is back afterwards."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from goingglobal import theme

    with mpl.rc_context():
        theme.use()
        yield
    plt.close("all")


class Quiet(SimpleHTTPRequestHandler):
    """A file server that keeps no log and lets nothing be cached between tests."""

    def log_message(self, *_) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the built site, served on this machine only."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE)) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def start(profile: Path):
    from selenium import webdriver

    if not (CHROMIUM and CHROMEDRIVER):
        pytest.fail("Chromium and chromedriver are needed here (CI=true): apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*BROWSER_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.add_experimental_option("perfLoggingPrefs", {"enablePage": False})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory):
    """Headless Chromium with a new profile; its console and network are logged."""
    driver = start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def plain_browser(browser):
    """The same browser, in which scripts of pages are switched off."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    yield browser
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
