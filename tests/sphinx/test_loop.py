"""The author's loop: what is built again after an edit, that it is what a build from nothing gives, and what a build
leaves when it is broken off, disturbed or crowded.

One copy lives through a sequence of edits; after each, a second copy of the same files is built from nothing.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat.v4
import pytest
import warm
from conftest import ROOT
from small_book import ALPHA, BETA, QUOTE, Book, Built, copy_of_repository
from sphinx.errors import ExtensionError

from goingglobal.sphinx import build, cache, state

FIGURE = """\
import matplotlib.pyplot as plt, pandas as pd
from goingglobal import exhibits
data = pd.DataFrame({"x": [1, 2], "y": [1, 3]})
fig, ax = plt.subplots()
ax.plot(data["x"], data["y"])
exhibits.figure("fig-tiny", fig, caption="A line goes up.", alt="A line that rises from one at one to three at two.",
                data=data, tables=["country_panel"])"""
CITED = "# Sources\n\nAs {cite:t}`todo2012`.\n\n```{bibliography}\n```\n"
LISTED = "# Listed\n\n```{exhibits-list}\n```\n"
GLOSSARY = "# Glossary\n\n```{glossary}\nplacebo\n  What should do nothing. More.\n```\n"
POINTING = "# Pointing\n\nThe line of {numref}`fig-tiny`; a {define}`placebo` beside it.\n\n## A section\n\nWords.\n"
PAGES = ("alpha", "beta", "cited", "listed", "pointing", "appendix/glossary")
WRITTEN = re.compile(r"(\d+) of (\d+) pages written(?:: (.*))?")


# ------------------------------------------------------------------------------------------------------- the edits
def small_book(root: Path) -> Book:
    book = copy_of_repository(root)
    (book.root / "book" / "appendix").mkdir(exist_ok=True)
    key = re.search(r"^@\w+\{(.+?),", (book.root / "book" / "references.bib").read_text(encoding="utf-8"), re.M)[1]
    book.page("alpha", "# Alpha", ALPHA, FIGURE)
    book.page("cited", CITED.replace("todo2012", key))
    book.page("listed", LISTED)
    book.page("appendix/glossary", GLOSSARY)
    book.page("pointing", POINTING)
    book.contents(*PAGES)
    return book


def replace(book: Book, name: str, old: str, new: str) -> None:
    path = book.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def same_time(book: Book) -> None:
    """A sentence edited by a program that leaves the file's time as it was: only the bytes tell."""
    path = book.root / "book" / "pointing.md"
    before = path.stat()
    replace(book, "book/pointing.md", "Better words.", "Best words, too.")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def data_value(book: Book) -> None:
    book.set_cell("country_panel", {"iso3": "JPN", "year": "2013"}, "exports_pct_gdp", "12.34")
    assert book.run("goingglobal.data", "seal", "country_panel")[0] == 0


def entry(book: Book) -> None:
    path = book.root / "book" / "references.bib"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(title\s*=\s*[{\"]+)", r"\1Anew: ", text, count=1), encoding="utf-8")


def added(book: Book) -> None:
    book.page("new", "# New\n\nIts number is {result}`tiny/typed`, its figure {numref}`fig-tiny`.")
    book.contents(*PAGES[:2], "new", *PAGES[2:])


def removed(book: Book) -> None:
    (book.root / "book" / "new.md").unlink()
    book.contents(*PAGES)


# What is done, and which pages can then have changed besides the first one, which Sphinx always writes (None: all).
EDITS: dict[str, tuple[Callable[[Book], object], set[str] | None]] = {
    "sentence": (lambda book: replace(book, "book/pointing.md", "Words.", "Better words."), {"pointing"}),
    "sentence of a notebook": (lambda book: book.page("beta", QUOTE + " And on.", BETA), {"beta"}),
    "definition": (lambda book: replace(book, "book/appendix/glossary.md", "do nothing", "do naught"),
                   {"pointing", "appendix/glossary"}),
    "sentence, file's time kept": (same_time, {"pointing"}),
    "cell": (lambda book: book.page("alpha", "# Alpha", ALPHA.replace('"tiny/typed", 5', '"tiny/typed", 6'), FIGURE),
             {"alpha", "beta"}),
    "caption": (lambda book: book.page("alpha", "# Alpha", ALPHA.replace('"tiny/typed", 5', '"tiny/typed", 6'),
                                       FIGURE.replace("goes up", "climbs")), None),
    "heading": (lambda book: replace(book, "book/pointing.md", "# Pointing", "# Pointing there"), None),
    "data value": (data_value, None),
    "bibliography entry": (entry, None),
    "style sheet": (lambda book: replace(book, "book/_static/book.css", "/* Page */", "/* Page */ i { top: 0 }"), None),
    "page added": (added, None),
    "page removed": (removed, None),
}  # fmt: skip


# Edits without a build from nothing of their own: what they leave undone is seen by that of the next edit.
SEEN_NEXT = {"sentence, file's time kept", "sentence of a notebook", "definition"}


@dataclass
class Step:
    """One edit: the copy that lived through it, a copy built from nothing, and an unchanged build afterwards."""

    built: Built
    cold: Built | None
    again: Built

    @property
    def pages(self) -> tuple[int, int, set[str]]:
        few, all_, names = WRITTEN.search(self.built.said).groups()
        return int(few), int(all_), {name.removeprefix("book/") for name in (names or "").split(", ")} - {"", "index"}


def from_nothing(book: Book, root: Path, outputs: bool, python: str | None = "other") -> Built:
    """A build of the same files elsewhere, in another order of hashes.

    With `outputs`, what notebooks gave is taken over, as their cells decide.
    """
    shutil.copytree(book.root, root, ignore=shutil.ignore_patterns("_build"))
    if outputs:
        shutil.copytree(book.root / "_build" / ".jupyter_cache", root / "_build" / ".jupyter_cache")
    return Book(root, python).build()


def edits_line(book: Book, scratch: Path) -> dict[str, Step]:
    by_user = from_nothing(book, scratch / "first", outputs=False, python=None)
    steps = {"first": Step(book.build(), by_user, book.build())}
    for number, (name, (edit, _)) in enumerate(EDITS.items()):
        edit(book)
        built, cold = book.build(), None
        if name not in SEEN_NEXT:
            cold = from_nothing(book, scratch / str(number), outputs=name != "cell")
            shutil.rmtree(scratch / str(number))
        steps[name] = Step(built, cold, book.build())
    return steps


# ------------------------------------------------------------------------------------------------ what goes wrong
def _work(book: Book) -> Path:
    return book.root / "_build" / "work" / "_build"


def _database(book: Book) -> Path:
    return next((book.root / "_build" / ".jupyter_cache").glob("*/global.db"))


def begin_anew(book: Book) -> None:
    """Pages are made again, from the outputs that are kept."""
    for name in ("stamp.json", "work/manifest.json"):
        (book.root / "_build" / name).unlink()


def cut_off(book: Book) -> None:
    """As a killed build leaves it: a page and a tree half written."""
    begin_anew(book)
    for path in (_work(book) / "html" / "book" / "beta.html", _work(book) / ".doctrees" / "book" / "beta.doctree"):
        path.write_bytes(path.read_bytes()[:100])


def put_aside(book: Book) -> None:
    """As a build leaves it that is killed between putting the last site aside and putting the new one in place."""
    (book.root / "_build" / "html").rename(book.root / "_build" / "html.old")


def edited_output(book: Book) -> None:
    """Foreign outputs under the right cells: sound JSON, another number."""
    for path in (book.root / "_build" / ".jupyter_cache").rglob("base.ipynb"):
        path.write_text(path.read_text(encoding="utf-8").replace('"value": 2.0', '"value": 3.0'), encoding="utf-8")
    begin_anew(book)


def broken_outputs(book: Book) -> None:
    for path in (book.root / "_build" / ".jupyter_cache").rglob("base.ipynb"):
        path.write_bytes(path.read_bytes()[:200])
    begin_anew(book)


def broken_database(book: Book) -> None:
    _database(book).write_bytes(b"no database at all" * 100)
    begin_anew(book)


# What is done to a good build; which notebooks run again; words that the next build says.
HARM: dict[str, tuple[Callable[[Book], object], list[str], str]] = {
    "cut off": (cut_off, [], "broken off"),
    "put aside": (put_aside, [], "nothing has changed"),
    "a page of the site changed": (lambda book: (book.root / "_build" / "html" / "404.html").write_text(""), [], ""),
    "a page of the site lost": (lambda book: (book.root / "_build" / "html" / "404.html").unlink(), [], ""),
    "a stray file in the site": (lambda book: (book.root / "_build" / "html" / "stray.html").write_text(""), [], ""),
    "a tree changed": (lambda book: (_work(book) / ".doctrees" / "book" / "beta.doctree").write_bytes(b""), [], ""),
    "edited output": (edited_output, ["beta"], "broken off"),
    "broken outputs": (broken_outputs, ["alpha", "beta"], "broken off"),
    "broken database": (broken_database, ["alpha", "beta"], "they run again"),
    "no stamp that can be read": (lambda book: (book.root / "_build" / "stamp.json").write_text("{"), [], ""),
}  # fmt: skip


def killed(book: Book, after: str) -> tuple[str, Built]:
    """Kill a build (and no child of it) once it has said something; then build again."""
    running = book.start("goingglobal.sphinx.build")
    said = ""
    while after not in said:
        line = running.stdout.readline().decode()
        assert line, said
        said += line
    running.kill()
    running.wait()
    return said, book.build()


def watched(book: Book) -> tuple[str, str, str, str]:
    """Save a page while `make watch` runs: the page before, what its script is told, the page after, what was said."""
    from websockets.sync.client import connect

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running, said = book.start("goingglobal.sphinx.watch", str(port), python=warm.python("one")), ""
    try:
        while "rebuilt on every save" not in said:
            line = running.stdout.readline().decode()
            assert line, said
            said += line
        address = f"127.0.0.1:{port}"
        page, deadline = f"http://{address}/book/gone.html", time.monotonic() + 60
        while True:
            try:
                before = urllib.request.urlopen(page).read().decode()
                break
            except OSError:
                assert time.monotonic() < deadline, said
                time.sleep(0.2)
        with connect(f"ws://{address}/websocket-reload") as script:
            time.sleep(1)  # the watcher starts with the server
            book.page("gone", "# Gone\n\nWatched.")
            told = script.recv(60)
        after = urllib.request.urlopen(page).read().decode()
    finally:
        os.killpg(running.pid, signal.SIGINT)
        said += running.communicate(timeout=60)[0].decode()
    return before, told, after, said


def harm_line(book: Book) -> dict:
    steps: dict = {"sound": book.build()}
    for name, (harm, _, _) in HARM.items():
        before = book.runs()
        harm(book)
        steps[name] = before, book.build()
    book.page("beta", QUOTE, BETA.replace('"tiny/beta", 2', '"tiny/beta", 4'))
    steps["killed"] = killed(book, "running 1 of the notebooks")
    book.page("beta", QUOTE, BETA)
    both = [book.start("goingglobal.sphinx.build", python=warm.python("one")) for _ in range(2)]
    steps["two at once"] = [(one.communicate()[0].decode(), one.returncode) for one in both]
    steps["after two"] = book.build()
    steps["watched"] = watched(book)
    return steps


@pytest.fixture(scope="module")
def lines(request, tmp_path_factory):
    """Futures of both lines; a line that no chosen test asks for is not run."""
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    with ThreadPoolExecutor(2) as pool:
        futures = {}
        if "edits" in asked:
            scratch = tmp_path_factory.mktemp("cold")
            futures["edits"] = pool.submit(edits_line, small_book(tmp_path_factory.mktemp("edits")), scratch)
        if "harms" in asked:
            futures["harms"] = pool.submit(harm_line, copy_of_repository(tmp_path_factory.mktemp("harms")))
        yield futures


@pytest.fixture(scope="module")
def edits(lines: dict[str, Future]) -> dict[str, Step]:
    return lines["edits"].result()


@pytest.fixture(scope="module")
def harms(lines: dict[str, Future]) -> dict:
    return lines["harms"].result()


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


@pytest.mark.proof
# ------------------------------------------------------------------------------------------------------------ tests
@pytest.mark.parametrize("name", ["first", *(name for name in EDITS if name not in SEEN_NEXT)])
def test_after_an_edit_the_site_is_byte_for_byte_that_of_a_build_from_nothing(edits, name):
    step = edits[name]
    assert (step.built.code, step.cold.code) == (0, 0), step.built.said + step.cold.said
    assert differing(step.built.site, step.cold.site) == []
    assert "searchindex.js" in step.built.site


@pytest.mark.proof
@pytest.mark.parametrize("name", [name for name, (_, pages) in EDITS.items() if pages is not None])
def test_only_pages_that_can_have_changed_are_written(edits, name):
    few, _, pages = edits[name].pages
    assert pages == EDITS[name][1]
    assert few == len(pages) + 1, "and the first page"


@pytest.mark.proof
@pytest.mark.parametrize("name", [name for name, (_, pages) in EDITS.items() if pages is None])
def test_what_every_page_shows_writes_every_page(edits, name):
    few, all_, _ = edits[name].pages
    assert few == all_


@pytest.mark.proof
def test_every_edit_changes_the_site(edits):
    for before, name in itertools.pairwise(edits):
        assert edits[before].built.site != edits[name].built.site, name


@pytest.mark.proof
@pytest.mark.parametrize("name", ["first", *EDITS])
def test_unchanged_is_decided_without_sphinx(edits, name):
    again = edits[name].again
    assert again.code == 0
    assert again.said.startswith("nothing has changed")
    assert again.site == edits[name].built.site


@pytest.mark.proof
def test_only_a_changed_cell_or_figure_runs_a_notebook(edits):
    runs = {}
    for before, name in itertools.pairwise(edits):
        old, new = edits[before].again.runs, edits[name].built.runs
        runs[name] = sorted(set(new)) if len(new) > len(old) else []
        runs[name] = [page for page in runs[name] if new.count(page) > old.count(page)]
    assert {name: ran for name, ran in runs.items() if ran} == {
        "cell": ["alpha"], "caption": ["alpha"], "data value": ["alpha", "beta"]}


@pytest.mark.proof
def test_progress_names_notebooks_seconds_and_pages(edits):
    said = edits["first"].built.said
    assert re.search(r"running 2 of the notebooks, [12] at a time", said)
    for name in ("alpha", "beta"):
        assert re.search(rf"book/{name}\.ipynb \d+\.\d s", said)
    assert WRITTEN.search(said)
    assert "Running Jupyter-Book" not in said, "that goes to the log"


@pytest.mark.proof
@pytest.mark.parametrize("name", HARM)
def test_next_build_is_right_whatever_was_harmed(harms, name):
    before, built = harms[name]
    _, ran, words = HARM[name]
    assert built.code == 0, built.said
    assert built.site == harms["sound"].site
    assert sorted({page for page in built.runs if built.runs.count(page) > before.count(page)}) == ran
    assert words in built.said


@pytest.mark.proof
def test_killed_build_is_made_good_by_the_next(harms):
    said, built = harms["killed"]
    assert "pages written" not in said
    assert built.code == 0, built.said
    assert built.results["tiny/beta"]["text"] == "4"


@pytest.mark.proof
def test_two_builds_at_once_wait_for_each_other(harms):
    (one, first), (other, second) = harms["two at once"]
    assert (first, second) == (0, 0), one + other
    assert sum("waiting for it" in said for said in (one, other)) == 1
    assert sum("nothing has changed" in said for said in (one, other)) == 1
    assert harms["after two"].site == harms["sound"].site


def _finished(root: Path) -> Path:
    """A root with a site, whose builder always ends well."""
    (root / "_config.yml").write_text("title: x\n")
    for folder in ("html", "work/_build/html"):
        (root / "_build" / folder).mkdir(parents=True)
        (root / "_build" / folder / "index.html").write_text(folder)
    (root / "_build" / "work" / "build.log").write_text("")
    return root / "_build" / "html" / "index.html"


def test_full_disk_leaves_the_last_site_and_says_what_to_do(tmp_path, monkeypatch, capsys):
    page = _finished(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, "_child", lambda *_: 0)
    monkeypatch.setattr(build.shutil, "copytree", full)
    assert build.main(tmp_path) == 1
    said = capsys.readouterr().err
    assert "The disk is full: make room, then build again." in said
    assert "the last good one is left as it was" in said
    assert page.read_text() == "html"
    assert not (tmp_path / "_build" / "html.new").exists()


def test_full_disk_inside_of_sphinx_says_what_to_do():
    assert build.core("OSError: [Errno 28] No space left on device: 'x'").endswith(
        "The disk is full: make room, then build again.")


def test_warnings_stay_above_our_error_and_lines_name_their_cell():
    output = ("Running Jupyter-Book v1\n"
              "/somewhere/book/a.ipynb:10004: WARNING: undefined label: 'x' [ref.ref]\n"
              "\x1b[91m/somewhere/book/b.md:7: ERROR: Unknown directive\x1b[39;49;00m\n"
              "\nExtension error:\nbook/c, line 30002: unknown result id\nTraceback (most recent call last):\n  File\n")
    assert build.core(output, Path("/somewhere")).splitlines() == [
        "book/a.ipynb, cell 1, line 4: WARNING: undefined label: 'x' [ref.ref]",
        "book/b.md:7: ERROR: Unknown directive",
        "book/c, cell 3, line 2: unknown result id"]


def test_warnings_alone_are_all_that_is_said():
    output = ("Running Jupyter-Book v1\nSource Folder: /somewhere\n"
              "/somewhere/book/a.ipynb:80006: WARNING: undefined label: 'x'\n  as told below\n\n" + "=" * 79 +
              "\n\nBuilding your book, returns a non-zero exit code (1). Look above for the cause.\n")
    assert build.core(output, Path("/somewhere")) == (
        "book/a.ipynb, cell 8, line 6: WARNING: undefined label: 'x'\n  as told below")


@pytest.mark.parametrize(("line", "words"), [(7, "line 7"), (10_004, "cell 1, line 4"), (230_001, "cell 23, line 1")])
def test_place(line, words):
    assert build.place(line) == words


# --------------------------------------------------------------------------------------------------- failing notebooks
def _notebook(*sources: str):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Words", id="words"), *(
        nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources))])


@pytest.mark.proof
@pytest.mark.parametrize(("source", "seconds", "words"), [
    ("raise ValueError('broken')", 60, "cell 3 (cell-1): ValueError: broken"),
    ("import time\ntime.sleep(60)", 2, "cell 3 (cell-1): "),
    ("import os\nos._exit(1)", 60, "its kernel died"),
], ids=["error", "too long", "dead"])  # fmt: skip
def test_failing_notebook_names_its_cell(source, seconds, words):
    with pytest.raises(ExtensionError) as failed:
        cache.run(_notebook("1 + 1", source), seconds)
    assert words in failed.value.message
    assert "\x1b" not in failed.value.message


ALONE = """\
import os, urllib.request
assert os.listdir() == [], os.listdir()
try:
    urllib.request.urlopen("http://example.org", timeout=5)
except OSError as error:
    assert "refused" in str(error), error
else:
    raise AssertionError("a network")"""


@pytest.mark.proof
def test_notebook_runs_alone_in_an_empty_folder_offline():
    before = dict(os.environ)
    with cache._offline():
        assert cache.run(_notebook(ALONE), 60) > 0
    assert dict(os.environ) == before


@pytest.mark.proof
def test_plain_kernel_takes_over_where_a_forked_one_does_not_come_up(monkeypatch):
    from jupyter_cache.executors import utils

    plain, asked = utils.single_nb_execution, []

    def one(notebook, kernel_name=None, **more):
        asked.append(kernel_name)
        if kernel_name:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return plain(notebook, **more)

    monkeypatch.setattr(utils, "single_nb_execution", one)
    notebook = _notebook("1 + 1")
    assert cache.run(notebook, 60, "forked") > 0
    assert asked == ["forked", None]
    assert notebook.cells[1].outputs[0].data["text/plain"] == "2"


@pytest.mark.proof
def test_notebook_may_leave_no_file():
    with pytest.raises(ExtensionError, match=r"leaves files behind: left\.txt"):
        cache.run(_notebook("open('left.txt', 'w').close()"), 60)


# ------------------------------------------------------------------------------------------------- what is unchanged
def _project(root: Path) -> Path:
    for name in ("_config.yml", "book/a.md", "data/t.csv", "requirements.lock", "book/_static/s.css", "tests/test.py",
                 "book/_templates/layout.html", ".venv/x.py", "_build/y", "src/x/__pycache__/z.pyc"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    _commit(root)
    return root


def _commit(root: Path) -> None:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x", "--allow-empty"]
    subprocess.run(command, cwd=root, check=True)


@pytest.mark.parametrize("name", ["_config.yml", "book/a.md", "data/t.csv", "requirements.lock", "book/_static/s.css",
                                  "book/_templates/layout.html", "book/new.md"])  # fmt: skip
def test_any_changed_byte_counts(tmp_path, name):
    root = _project(tmp_path)
    before = state.inputs(root)
    (root / name).write_text("y")
    assert state.inputs(root) != before


@pytest.mark.parametrize("name", ["_build/y", ".venv/x.py", "src/x/__pycache__/z.pyc"])
def test_what_no_page_is_made_from_does_not_count(tmp_path, name):
    root = _project(tmp_path)
    before = state.inputs(root)
    (root / name).write_text("y")
    assert state.inputs(root) == before


@pytest.mark.parametrize("setting", ["SOURCE_DATE_EPOCH", "GOINGGLOBAL_LITE", "OPENBLAS_NUM_THREADS"])
def test_settings_count(tmp_path, monkeypatch, setting):
    root = _project(tmp_path)
    before = state.inputs(root)
    monkeypatch.setenv(setting, "7")
    assert state.inputs(root) != before


def test_commit_and_versions_of_tools_count(tmp_path, monkeypatch):
    root = _project(tmp_path)
    before = state.inputs(root)
    _commit(root)
    after = state.inputs(root)
    assert after != before
    packages = tmp_path / "elsewhere" / "site-packages"
    (packages / "tool-2.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(packages))
    assert state.inputs(root) != after


def test_half_a_state_file_is_no_state(tmp_path):
    file = tmp_path / "x.json"
    state.write(file, {"a": 1})
    assert state.read(file) == {"a": 1}
    for broken in ("{", "[1]", ""):
        file.write_text(broken)
        assert state.read(file) == {}


# --------------------------------------------------------------------------------------------- the environment's own
def _make(root: Path) -> str:
    done = subprocess.run(["make", "-n", "book"], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def environment(tmp_path) -> Path:
    """A clone with an environment that make takes for sound."""
    root = tmp_path / "clone"
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    python = root / ".venv" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    (root / ".venv" / "home").write_text(f"{root}\n")
    (root / ".venv" / ".installed").write_text("")
    return root


def test_sound_environment_is_kept(environment):
    assert "setting up" not in _make(environment)


def _no_pip(root: Path) -> None:
    (root / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")


@pytest.mark.parametrize("harm", [
    _no_pip, lambda root: (root / ".venv" / "bin" / "python").unlink(),
    lambda root: (root / ".venv" / "home").write_text("/elsewhere\n"), lambda root: (root / ".venv" / "home").unlink(),
], ids=["no pip or library", "no python", "a renamed clone", "of unknown origin"])  # fmt: skip
def test_half_made_or_moved_environment_is_made_anew(environment, harm):
    harm(environment)
    said = _make(environment)
    assert "setting up" in said
    assert "venv --clear" in said


# ------------------------------------------------------------------------------------------------------- make watch
def test_watch_builds_and_names_what_was_saved(tmp_path, monkeypatch, capsys):
    from goingglobal.sphinx import watch

    built = []
    monkeypatch.setattr(build, "main", lambda root: built.append(root) or 3)
    assert watch.rebuild(tmp_path, changed_paths=[tmp_path / "book" / "a.md"]) == 3
    assert built == [tmp_path]
    assert "saved: book/a.md" in capsys.readouterr().out


def test_watch_leaves_out_what_a_build_writes(tmp_path):
    from sphinx_autobuild.filter import IgnoreFilter

    from goingglobal.sphinx import watch

    left_out = IgnoreFilter(watch.ignored(tmp_path), [])
    for name in ("_build/html/x.html", ".venv/lib/x.py", ".git/index", "book/.ipynb_checkpoints/x.ipynb",
                 "src/goingglobal/__pycache__/x.pyc"):
        assert left_out(str(tmp_path / name)), name
    for name in ("book/a.md", "_config.yml", "src/goingglobal/data.py", "data/claims.csv", "book/_static/book.css"):
        assert not left_out(str(tmp_path / name)), name


def test_watch_refuses_a_port_in_use(tmp_path, capsys):
    from goingglobal.sphinx import serve, watch

    with socket.socket() as taken:
        taken.bind((serve.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert watch.main(tmp_path, str(port)) == 1
    assert f"make watch PORT={port + 1}" in capsys.readouterr().err


@pytest.mark.proof
def test_watched_page_is_built_and_reloaded_on_save(harms):
    before, told, after, said = harms["watched"]
    assert "Watched." not in before
    assert "/websocket-reload" in before
    assert told == "refresh"
    assert "Watched." in after
    assert "saved: book/gone.md" in said
