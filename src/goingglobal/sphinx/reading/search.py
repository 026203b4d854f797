"""The search index, whole after every build: what Sphinx reads back from its own file lacks entries.

Sphinx keeps the words of pages that are not written again by reading `searchindex.js`, which loses the terms of the
glossary and leaves words behind that no page has. Here they are kept as the indexer had them, beside the doctrees.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

from goingglobal.sphinx import registry

_PARTS = ("_titles", "_filenames", "_mapping", "_title_mapping", "_all_titles", "_index_entries")


def _load(builder: StandaloneHTMLBuilder, file: Path, docnames: Iterable[str]) -> None:
    """Give the indexer the pages that are kept; those in `docnames` are fed to it when they are written."""
    kept, indexer = set(builder.env.all_docs) - set(docnames), builder.indexer
    if not kept:
        return
    for name, value in pickle.loads(file.read_bytes()).items():
        setattr(indexer, name, value)
    indexer.prune(kept)
    indexer._mapping, indexer._title_mapping = (
        {word: pages for word, pages in words.items() if pages} for words in (indexer._mapping, indexer._title_mapping))
    indexer._index_entries = {doc: found for doc, found in indexer._index_entries.items() if doc in kept}


def _dump(builder: StandaloneHTMLBuilder, file: Path) -> None:
    """Write the index, pages in the order of their names, and keep it."""
    indexer = builder.indexer
    for name in ("_titles", "_filenames", "_all_titles", "_index_entries"):
        setattr(indexer, name, dict(sorted(getattr(indexer, name).items())))
    StandaloneHTMLBuilder.dump_search_index(builder)
    file.write_bytes(pickle.dumps({name: getattr(indexer, name) for name in _PARTS}))


def _enter(app: Sphinx) -> None:
    builder, file = app.builder, Path(app.doctreedir) / registry.SEARCH
    if builder.name == "html":
        builder.load_indexer = lambda docnames: _load(builder, file, docnames)
        builder.dump_search_index = lambda: _dump(builder, file)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", _enter)
