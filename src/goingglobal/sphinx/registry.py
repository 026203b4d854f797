"""What the pages reported, showed and used, kept in Sphinx's environment across builds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from goingglobal import data

# Folders of the site that a part of its own makes anew whenever it is built; no other part clears them.
FOLDERS = ("cite", "exercises", "exhibits", "explorers", "slides")


@dataclass
class Page:
    """What one page brings and needs."""

    results: dict[str, dict] = field(default_factory=dict)
    exhibits: dict[str, dict] = field(default_factory=dict)
    explorers: dict[str, dict] = field(default_factory=dict)
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


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    """Every id used exists and stands for one thing; else the build stops before a page is written."""
    faults = []
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
                faults.append(f"{doc}, line {line}: unknown {kind} id {key!r}{hint}")
    if faults:
        raise ExtensionError("the pages do not agree with their records:\n  " + "\n  ".join(faults))


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    pages(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    for docname in docnames:
        if docname in pages(other):
            pages(env)[docname] = pages(other)[docname]


def _rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """All pages are written again whenever any was read: they quote results, exhibits and references of others.

    The bibliography numbers its entries anew, so a page that only cites would be left with dead links.
    """
    return sorted(env.found_docs)


def setup(app: Sphinx) -> None:
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-check-consistency", _check)
    app.connect("env-get-updated", _rewrite)
