"""Where a notebook runs besides here: the links above its title, and its first cell.

The repository's public address is one setting, `repository: url` in `_config.yml`; where that is empty, the git remote
`origin` counts, if it is public. A publishing workflow says it in the environment (`settings`), which goes before both.
From it come the links to Binder and Colab; the link to the browser's own Python stands where the site carries it
(`make lite`, see `lite`). What has no address has no link.

    python -m goingglobal.sphinx.elsewhere.launch   # `make address`: every notebook's first cell as the setting says
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote, urlsplit

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

from goingglobal import __version__, _console
from goingglobal.sphinx import registry, settings
from goingglobal.sphinx.state import git

LITE = "GOINGGLOBAL_LITE"  # set by `make lite`: the site carries JupyterLite in lite/
LACKING = {"pyfixest": "statsmodels"}  # what Pyodide lacks: what does its work there
# Tags of cells that a cut for the browser leaves out: what the link to the cut says of it.
CUT = {
    "long": "a cut, as diff-diff is slow there",  # Pyodide has none of its compiled part: minutes
    "not-in-browser": "a cut, without the large file",  # it needs a process of its own
}
# Extras of the library, and the code of a cell that asks for each: by an import, or by the call that needs it.
EXTRAS = {
    "explorers": r"(?m)^\s*(?:from|import)\s.*\bexplorers\b",
    "large": r"(?m)^\s*(?:from|import)\s.*\blarge\b",
    "sensitivity": r"\bsensitivity\(",
}
# What every notebook says of itself: without it, programs that make a script of one don't know what it holds.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3}, "file_extension": ".py", "mimetype": "text/x-python",
        "name": "python", "nbconvert_exporter": "python", "pygments_lexer": "ipython3",
    },
}
_DEFAULT = "executablebooks/jupyter-book"  # what Jupyter Book says where nothing is set
_BINDER = {"github.com": "gh", "gitlab.com": "gl"}
# Where hosts let a file be changed and a mistake be told.
_EDIT = {"github.com": "edit", "gitlab.com": "-/edit", "codeberg.org": "_edit"}
_REPORT = {"github.com": "issues/new?title", "gitlab.com": "-/issues/new?issue[title]",
           "codeberg.org": "issues/new?title"}  # fmt: skip
_FIXED = re.compile(r"v\d[\w.-]*|[0-9a-f]{7,40}")  # a tag or a commit, which nobody edits
_SHELL = re.compile(r"(?:ssh://)?git@(?P<host>[\w.-]+)[:/](?P<path>.+)")


@dataclass(frozen=True)
class Repository:
    """A public repository: its address without `.git`, the branch, tag or commit that the library is installed from,
    and the branch of `notebooks` whose first cells have this address; "" where they are opened at `ref`."""

    url: str
    ref: str = "main"
    notebooks: str = ""

    @property
    def opened(self) -> str:
        """The branch, tag or commit that a notebook is opened at."""
        return self.notebooks or self.ref

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """Owner and name."""
        return urlsplit(self.url).path.strip("/")

    def edit(self, path: str) -> str | None:
        """The address where a file of the repository is changed; None where `ref` is no branch, or the host unknown."""
        form = _EDIT.get(self.host)
        return None if not form or _FIXED.fullmatch(self.ref) else f"{self.url}/{form}/{quote(self.ref)}/{quote(path)}"

    def report(self, title: str) -> str | None:
        """The address that opens a new issue of that title; None on an unknown host."""
        form = _REPORT.get(self.host)
        return f"{self.url}/{form}={quote(title, safe='')}" if form else None

    def binder(self, notebook: str) -> str:
        """The address that opens `notebook`, a path in the repository, in JupyterLab on Binder."""
        kind = _BINDER.get(self.host)
        place = f"{kind}/{self.path}" if kind else f"git/{quote(self.url, safe='')}"
        opened = quote(f"lab/tree/{notebook}", safe="")
        return f"https://mybinder.org/v2/{place}/{quote(self.opened, safe='')}?urlpath={opened}"

    def colab(self, notebook: str) -> str | None:
        """The address that opens `notebook` in Colab, which reads from GitHub only."""
        if self.host != "github.com":
            return None
        return f"https://colab.research.google.com/github/{self.path}/blob/{quote(self.opened, safe='/')}/{notebook}"


def public(address: str) -> str | None:
    """An address as a browser opens it, or None: of a local folder, of a machine without a public name."""
    shell = _SHELL.fullmatch(address.strip())
    address = f"https://{shell['host']}/{shell['path']}" if shell else address.strip()
    parts = urlsplit(address)
    path = parts.path.strip("/").removesuffix(".git")
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "." not in host or host.replace(".", "").isdigit() or "/" not in path:
        return None
    return f"https://{host}/{path}"  # a name, password or port in a remote's address stays there


def _address(setting: str, name: str) -> str:
    url = public(setting)
    if url is None:
        raise ConfigError(f"{name} is {setting!r}; expected an address like https://host/owner/name")
    return url


def repository(source: Path, setting: str | None = None, ref: str | None = None) -> Repository | None:
    """The book's public repository: what the environment says, else `_config.yml` in `source`, else the git remote.

    None where none of them is public. Raises `ConfigError` for a setting that is not an address like
    https://host/owner/name.
    """
    if setting is None:
        config = yaml.safe_load((source / "_config.yml").read_text(encoding="utf-8")).get("repository") or {}
        setting, ref = config.get("url") or "", config.get("branch")
    setting, name = settings.first(settings.REPOSITORY, setting, "repository: url")
    if setting and not setting.rstrip("/").endswith(_DEFAULT):
        url = _address(setting, name)
    else:
        url = public(git(source, "config", "--get", "remote.origin.url"))
    ref = os.environ.get(settings.REF) or ref or "main"
    return Repository(url, ref, os.environ.get(settings.READING, "")) if url else None


# ------------------------------------------------------------------------------------------------------ first cell
def extras(notebook: dict) -> str:
    """The extras that a notebook's code asks for, as `[explorers]`; empty for none."""
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    wanted = [name for name, asks in EXTRAS.items() if re.search(asks, code)]
    return f"[{','.join(wanted)}]" if wanted else ""


def _imports(notebook: dict, package: str) -> bool:
    """Whether a cell after the first imports a package."""
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"
                     and not cell["id"].endswith("-install"))  # fmt: skip
    return re.search(rf"(?m)^\s*(import|from) {package}\b", code) is not None


def install_source(notebook: dict, where: Repository | None) -> str:
    """The notebook's first cell: it installs the library in the browser and on Colab, elsewhere it does nothing.

    Without a public address Colab takes a wheel that the reader has uploaded. Each branch holds a line of plain Python:
    where a script is made of the notebook, `%pip` becomes a comment, and an `if` of comments is none.
    """
    more = extras(notebook)
    uploaded = f"./goingglobal-{__version__}-py3-none-any.whl{more}"
    colab = f"goingglobal{more} @ git+{where.url}@{where.ref}" if where else uploaded
    absorbing = _imports(notebook, "pyfixest")
    return "\n".join((
        "# Installs the library with its data in the browser (JupyterLite) and on Colab; elsewhere it does nothing.",
        "import sys", "",
        'if sys.platform == "emscripten":',
        '    print("Installing the library ...")',
        f'    %pip install -q "goingglobal{more}"',
        *(["    import goingglobal.absorbing  # stands in for pyfixest, which has no build for the browser"]
          if absorbing else []),
        'elif "google.colab" in sys.modules:',
        '    print("Installing the library ...")',
        f'    %pip install -q "{colab}"',
    ))  # fmt: skip


def install_cell(stem: str, notebook: dict, where: Repository | None) -> dict:
    lines = install_source(notebook, where).splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "id": f"{stem}-install",
            "metadata": {"tags": ["remove-cell"]}, "outputs": [], "source": lines}


def notebooks(source: Path) -> list[Path]:
    """Every notebook of the book that a reader may run, pages and exercises."""
    return sorted(p for p in (source / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def stamped(stem: str, text: str, where: Repository | None) -> str:
    """A notebook's text with its metadata and with the first cell that installs the library from `where`."""
    notebook = json.loads(text)
    cell = install_cell(stem, notebook, where)
    cells = notebook["cells"]
    first = next((i for i, c in enumerate(cells) if c["cell_type"] == "code"), len(cells))
    there = first < len(cells) and cells[first]["id"] == cell["id"]
    notebook["cells"] = [*cells[:first], cell, *cells[first + there:]]
    notebook["metadata"] = {**METADATA, **notebook["metadata"], "language_info": METADATA["language_info"]}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def stamp(source: Path) -> list[Path]:
    """Write each notebook's metadata, and its first cell as `_config.yml` says; returns those that changed."""
    where, changed = configured(source), []
    for path in notebooks(source):
        text = path.read_text(encoding="utf-8")
        fresh = stamped(path.stem, text, where)
        if fresh != text:
            path.write_text(fresh, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed


def configured(source: Path) -> Repository | None:
    """What `_config.yml` says alone: a committed cell can't follow each clone's remote, or a workflow's settings."""
    config = yaml.safe_load((source / "_config.yml").read_text(encoding="utf-8")).get("repository") or {}
    setting = config.get("url")
    return Repository(_address(setting, "repository: url"), config.get("branch") or "main") if setting else None


# ------------------------------------------------------------------------------------------------------------- cut
def cut(notebook: dict) -> dict | None:
    """The notebook without what a browser can't do, or only in minutes; None where it can do all.

    Of a cell tagged with one of `CUT` only the first line stays, which must leave its variables empty. Everything else
    runs as it is, so what the cut reports has the ids and values of the whole; a line at the top says what is left out.
    """
    too_much = [cell for cell in notebook["cells"] if set(CUT) & set(cell["metadata"].get("tags", []))]
    if not too_much:
        return None
    left_out = ", ".join(f"`{cell['id']}`" for cell in too_much)
    words = ("*A cut for the browser, which can't do these cells, or only in minutes. What they add is left out, all "
             f"else is as in the whole notebook: {left_out}.*")
    note = {"cell_type": "markdown", "id": "about-this-cut", "metadata": {}, "source": [words]}
    cells = [{**cell, "source": cell["source"][:1], "outputs": []} if cell in too_much else cell
             for cell in notebook["cells"]]  # fmt: skip
    return {**notebook, "cells": [cells[0], note, *cells[1:]]}


def cut_name(notebook: str) -> str:
    """Where the cut of `notebook` stands: `book/x.ipynb` → `book/x-cut.ipynb`."""
    return notebook.removesuffix(".ipynb") + "-cut.ipynb"


# ----------------------------------------------------------------------------------------------------------- links
def _link(address: str, words: str, title: str) -> str:
    return f'<a class="gg-button" href="{escape(address, quote=True)}" title="{escape(title, quote=True)}">{words}</a>'


def links(app: Sphinx, notebook: str, pathto, lacking: dict[str, str], reading: str = "") -> list[str]:
    """The links that open `notebook` (a path in the repository) elsewhere, as HTML; none without an address.

    `reading`: its reading copy, which Binder and Colab open where a branch holds it.
    """
    where, found = app.config.goingglobal_repository, []
    source = (Path(app.srcdir) / notebook).read_text(encoding="utf-8")
    if app.config.goingglobal_lite:
        notes = json.loads(source)
        short = cut(notes) is not None
        differs = [f"{ours} in place of {theirs}" for theirs, ours in lacking.items()]
        tags = {tag for cell in notes["cells"] for tag in cell["metadata"].get("tags", [])}
        differs += [words for tag, words in CUT.items() if tag in tags]
        title = "JupyterLite: Python in your browser, nothing to install. "
        if lacking:
            title += f"{' and '.join(lacking)} has no build for the browser; the numbers are the same. "
        if short:
            title += "What a browser can't do, or only in minutes, is left out; the headline numbers are all there. "
        opened = cut_name(notebook) if short else notebook
        words = f"In this browser ({', '.join(differs)})" if differs else "In this browser"
        address = f"{pathto('lite/notebooks/index.html', 1)}?path={quote(opened)}"
        found.append(_link(address, words, title.strip()))
    if where:
        public_repository = Repository(*where)
        if public_repository.notebooks and reading:
            notebook = reading
        opened = public_repository.binder(notebook)
        found.append(_link(opened, "Binder", "JupyterLab on mybinder.org, a public service"))
        colab = public_repository.colab(notebook)
        if colab and (public_repository.notebooks or where[0] in source):  # else the first cell finds no library
            found.append(_link(colab, "Colab", "Google Colab; needs an account there"))
    return found


def _line(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    source = context.get("sourcename") or ""
    if doctree is None or not source.endswith(".ipynb"):
        return
    software = {record.get("software") or "" for record in registry.page(app.env, pagename).results.values()}
    lacking = {name: other for name, other in LACKING.items() if any(s.startswith(name) for s in software)}
    copy = registry.reading_copy(pagename)
    context["gg_launch"] = links(app, f"{pagename}.ipynb", context["pathto"], lacking, copy)


def mend(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Below a page: where it is changed, and where a mistake on it is told."""
    where = app.config.goingglobal_repository
    if doctree is None or not where:
        return
    known = Repository(*where)
    source = Path(app.env.doc2path(pagename)).relative_to(app.srcdir).as_posix()
    title = f"Mistake in “{app.env.titles[pagename].astext()}” ({pagename})"
    links = {"Edit this page": known.edit(source), "Report a mistake": known.report(title)}
    context["gg_mend"] = " · ".join(f'<a href="{escape(address, quote=True)}">{words}</a>'
                                    for words, address in links.items() if address)  # fmt: skip


def _configure(app: Sphinx, config: Config) -> None:
    options = config.html_theme_options or {}
    url = options.get("repository_url") or ""
    where = repository(Path(app.srcdir), url, options.get("repository_branch"))
    config.goingglobal_repository = (where.url, where.ref, where.notebooks) if where else ()
    config.goingglobal_lite = bool(os.environ.get(LITE))


def setup(app: Sphinx) -> None:
    app.add_config_value("goingglobal_repository", (), "html", types=[tuple, list])
    app.add_config_value("goingglobal_lite", False, "html", types=[bool])
    app.connect("config-inited", _configure)
    app.connect("html-page-context", _line)
    app.connect("html-page-context", mend)


if __name__ == "__main__":
    _console.forgive()
    done, address = stamp(Path.cwd()), configured(Path.cwd())
    source = address.url if address else "a wheel that the reader uploads"
    print(f"{len(done)} first cells written; on Colab they install from {source}")
