"""What the pages reported, showed and used, kept in Sphinx's environment across builds; and which must be written.

A page is written when what it was last written from has changed: what is shared by all pages (titles, numbers of
figures and sections, labels, terms, citations, sheets and scripts, …), and of the other pages' records what it uses.
Shared is all that Sphinx's environment holds but for what is known to be one page's own (`_OWN`): what is not known
is taken to show on every page.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from goingglobal import data
from goingglobal.sphinx import state
from goingglobal.sphinx.build import place

# Folders of the site that a part of its own makes anew whenever it is built; no other part clears them.
FOLDERS = ("cards", "cite", "exercises", "exhibits", "explorers", "notebooks", "slides")
SHEETS = "exercises"  # where the site keeps the students' sheets, and `book/` what they are made of


def reading_copy(docname: str) -> str:
    """Where the site keeps the reading copy of a notebook: `book/x` → `notebooks/x.ipynb`."""
    return f"notebooks/{docname.removeprefix('book/')}.ipynb"


@dataclass
class Page:
    """What one page brings and needs.

    `results`, `exhibits`, `explorers` by id; `defines`: terms of the glossary, in lower case, each as written and the
    first paragraph of its definition; `uses`: kind, id and line of what it quotes; `terms`: those it defines in the
    margin, with their lines; `shows_all`: it lists the exhibits of all pages.
    """

    results: dict[str, dict] = field(default_factory=dict)
    exhibits: dict[str, dict] = field(default_factory=dict)
    explorers: dict[str, dict] = field(default_factory=dict)
    defines: dict[str, tuple[str, nodes.paragraph]] = field(default_factory=dict)
    terms: list[tuple[str, int]] = field(default_factory=list)
    shows_all: bool = False
    uses: list[tuple[str, str, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def pages(env: BuildEnvironment) -> dict[str, Page]:
    """All pages' records, by docname."""
    if not hasattr(env, "goingglobal_pages"):
        env.goingglobal_pages = {}
    return env.goingglobal_pages


def page(env: BuildEnvironment, docname: str | None = None) -> Page:
    return pages(env).setdefault(docname or env.docname, Page())


def results(env: BuildEnvironment) -> dict[str, dict]:
    """Every reported number by id, with the page that reported it."""
    return {id_: {**record, "page": doc} for doc, p in pages(env).items() for id_, record in p.results.items()}


def exhibits(env: BuildEnvironment) -> dict[str, dict]:
    """Every exhibit by label, with its page."""
    return {label: {**record, "page": doc} for doc, p in pages(env).items() for label, record in p.exhibits.items()}


def add(target: dict, key: str, record: dict, into: Page, what: str) -> None:
    """Add a record; the same id twice on one page is a fault."""
    if key in target:
        into.faults.append(f"{what} {key!r} stands twice on this page")
    target[key] = record


def _known(env: BuildEnvironment) -> dict[str, Iterable[str]]:
    return {
        "result": results(env), "exhibit": exhibits(env),
        "claim": set(data.load("claims")["claim_id"]), "fact": set(data.load("official_figures")["fact_id"]),
    }


def _translations(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Faults of the first page in other languages (pages whose heads say `lang`): they quote what it quotes."""
    first, faults = app.config.root_doc, []
    wanted = {(kind, key): line for kind, key, line in page(env, first).uses}
    for doc in sorted(doc for doc, said in env.metadata.items() if "lang" in said and doc != first):
        here = {(kind, key): line for kind, key, line in page(env, doc).uses}
        faults += [f"{doc}: quotes no {kind} {key!r}, as {first}, {place(line)} does"
                   for (kind, key), line in wanted.items() if (kind, key) not in here]
        faults += [f"{doc}, {place(line)}: quotes {kind} {key!r}, which {first} does not"
                   for (kind, key), line in here.items() if (kind, key) not in wanted]
    return faults


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    """Every id used exists and stands for one thing; else the build stops before a page is written."""
    faults = _translations(app, env)
    seen: dict[str, str] = {}
    for doc, p in pages(env).items():
        faults += [f"{doc}: {fault}" for fault in p.faults]
        faults += [f"{doc}: explorer of {label!r}, which is no exhibit of this page"
                   for label in p.explorers if label not in p.exhibits]
        for key in (*p.results, *p.exhibits):
            if key in seen:
                faults.append(f"{doc}: {key!r} is already reported by {seen[key]}")
            seen[key] = doc
    known = _known(env)
    for doc, p in pages(env).items():
        for kind, key, line in p.uses:
            if key not in known[kind]:
                stem = key.split("/")[0][:4]
                near = [k for k in sorted(known[kind]) if k.startswith(stem)][:6]
                hint = f"; known are {', '.join(near)}" if near else ""
                faults.append(f"{doc}, {place(line)}: unknown {kind} id {key!r}{hint}")
    if faults:
        raise ExtensionError("the pages do not agree with their records:\n  " + "\n  ".join(faults))


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    pages(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    for docname in docnames:
        if docname in pages(other):
            pages(env)[docname] = pages(other)[docname]


# ------------------------------------------------------------------------------------------------ what is written
WRITTEN = "written.json"  # beside the doctrees: page → what it was last written from
SEARCH = "search.pickle"  # beside the doctrees: the words of the pages that were written (`reading.search`)
# Of the environment: what no page shows, or only the page that it is of, which is written when it was read.
_OWN = {
    "all_docs", "app", "config", "config_status", "config_status_extra", "dependencies", "dlfiles", "doctreedir",
    "domains", "events", "goingglobal_drawn", "goingglobal_pages", "goingglobal_sources", "included",
    "intersphinx_cache", "intersphinx_inventory", "intersphinx_named_inventory", "metadata", "myst_config",
    "mystnb_config", "nb_metadata", "nb_new_exec_data", "original_image_uri", "project", "ref_context",
    "reread_always", "sd_config", "settings", "sphinx_exercise_gated_registry", "sphinx_exercise_node_order",
    "srcdir", "temp_data", "titles_old", "version", "versioning_compare", "versioning_condition",
}


def _plain(value: object) -> object:
    """A value as text that is the same for equal values, whatever the order they were made in; lines left out."""
    if isinstance(value, nodes.Node):
        return value.pformat()
    if isinstance(value, Mapping):
        return sorted((repr(key), repr(_plain(one))) for key, one in value.items() if key != "lineno")
    if isinstance(value, set | frozenset):
        return sorted(repr(_plain(one)) for one in value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if dataclasses.is_dataclass(value):
        return _plain({f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.name != "line"})
    if hasattr(value, "as_json"):
        return _plain(value.as_json())
    return value


def digest(*values: object) -> str:
    """A digest that is the same for equal values, in every run."""
    return hashlib.sha256(repr([_plain(value) for value in values]).encode()).hexdigest()[:16]


def _shared(app: Sphinx, env: BuildEnvironment) -> str:
    """A digest of what every page may show."""
    parts = {name: value for name, value in vars(env).items() if name not in _OWN and not name.startswith("_")}
    domains = {name: value for name, value in parts.pop("domaindata").items() if name not in ("cite", "index")}
    citations = [(c.citation_id, c.key, c.formatted_entry.label, str(c.formatted_entry.text))
                 for c in env.domaindata.get("cite", {}).get("citations", ())]  # fmt: skip
    exercises = {label: (entry.get("docname"), entry.get("type"), str(entry.get("title")))
                 for label, entry in parts.pop("sphinx_exercise_registry", {}).items()}  # fmt: skip
    static = [path for name in app.config.html_static_path for path in state.files_below(Path(app.srcdir, name))]
    decks = sorted(path.name for path in Path(app.srcdir, "book", "slides").glob("*.md"))
    return digest(parts, domains, citations, exercises, state.digest(static), decks,
                   app.config.html_context.get("gg_edition"))  # fmt: skip


def _stale(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages that must be written. Until they are, nothing is known of what they were written from."""
    if app.builder.name != "html":
        return sorted(env.found_docs)
    shared, known = _shared(app, env), {"result": results(env), "exhibit": exhibits(env)}
    terms = {term: definition for p in pages(env).values() for term, definition in p.defines.items()}
    now = {}
    for doc in env.found_docs:
        own = page(env, doc)
        used = {(kind, key): known[kind].get(key) for kind, key, _ in own.uses if kind in known}
        beside = {key: terms.get(key.lower()) for key, _ in own.terms}
        now[doc] = digest(shared, used, beside, known["exhibit"] if own.shows_all else None)
    file = Path(app.doctreedir, WRITTEN)
    before = state.read(file) if Path(app.doctreedir, SEARCH).is_file() else {}
    stale = [doc for doc in sorted(now) if before.get(doc) != now[doc]]
    app.goingglobal_stale = now
    state.write(file, {doc: told for doc, told in before.items() if doc in now and doc not in stale})
    return [*stale, app.config.root_doc]  # with nothing to write Sphinx would leave out sheets, scripts and files, too


def _keep(app: Sphinx, exception: Exception | None) -> None:
    """After a build without a fault or warning: what the pages are written from. After one with: nothing is known."""
    if app.builder.name != "html":
        return
    if exception is None and app.statuscode == 0:
        state.write(Path(app.doctreedir, WRITTEN), app.goingglobal_stale)
    else:  # a page that was read with a warning would not be read, and not warn, again
        Path(app.doctreedir, "environment.pickle").unlink(missing_ok=True)


def setup(app: Sphinx) -> None:
    app.goingglobal_stale = {}
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-check-consistency", _check)
    app.connect("env-get-updated", _stale)
    app.connect("build-finished", _keep, priority=990)
