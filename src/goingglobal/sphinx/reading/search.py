"""The search index: words of the prose without code, Japanese in pairs of characters, whole after every build.

Japanese has no spaces: a run of its characters is kept as its pairs (空洞化 → 空洞, 洞化) and single kanji, and a
question is cut in the same way, so that every compound is found wherever it stands. What a reader sees of the results
is `search.js` and `found.js` in `book/_static`.

Sphinx keeps the words of pages that are not written again by reading `searchindex.js`, which loses the terms of the
glossary and leaves words behind that no page has. Here they are kept as the indexer had them, beside the doctrees.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.search import SearchEnglish

from goingglobal.sphinx import registry

_PARTS = ("_titles", "_filenames", "_mapping", "_title_mapping", "_all_titles", "_index_entries")
_SCRIPT = r"\u3040-\u30ff\u3400-\u9fff々〆\uff66-\uff9f"
_RUNS = re.compile(rf"([{_SCRIPT}]+)")
_KANJI = re.compile(r"[\u3400-\u9fff]")


class Words(SearchEnglish):
    """English by its stems, Japanese by pairs of characters; numbers are not asked for, Sphinx leaves them out."""

    js_splitter_code = rf"""
var splitQuery = (query) => query.split(/[^\p{{Letter}}\p{{Number}}_]+/gu)
  .flatMap((word) => word.split(/([{_SCRIPT}]+)/)).flatMap((part) => {{
    if (!/^[{_SCRIPT}]/.test(part) || part.length < 3) {{ return [part]; }}
    return [...part].slice(1).map((sign, place) => [...part][place] + sign);
  }}).filter((term) => term && !/^[\u3042-\u3093].?$/.test(term));
"""

    def split(self, input: str) -> list[str]:
        """The words of a text; of a Japanese run its pairs and its single kanji."""
        words = []
        for place, part in enumerate(_RUNS.split(input)):
            if place % 2:
                words += [*map("".join, pairwise(part)), *_KANJI.findall(part)]
            else:
                words += super().split(part)
        return words

    def word_filter(self, word: str) -> bool:
        return not word.isdigit() and super().word_filter(word)


def _is_code(node: nodes.Node) -> bool:
    """Code, what it printed, and pictures, whose captions are read."""
    return isinstance(node, nodes.literal_block) or (isinstance(node, nodes.raw) and "<svg" in node.astext())


@contextmanager
def without_code(doctree: nodes.document) -> Iterator[None]:
    """Take code out of a tree for a while."""
    aside = [(node, nodes.comment()) for node in doctree.findall(_is_code)]
    for node, stand_in in aside:
        node.parent.replace(node, stand_in)
    try:
        yield
    finally:
        for node, stand_in in aside:
            stand_in.parent.replace(stand_in, node)


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


def _index(builder: StandaloneHTMLBuilder, pagename: str, doctree: nodes.document, title: str) -> None:
    with without_code(doctree):
        StandaloneHTMLBuilder.index_page(builder, pagename, doctree, title)


def _enter(app: Sphinx) -> None:
    builder, file = app.builder, Path(app.doctreedir) / registry.SEARCH
    if builder.name == "html":
        builder.load_indexer = lambda docnames: _load(builder, file, docnames)
        builder.dump_search_index = lambda: _dump(builder, file)
        builder.index_page = lambda *page: _index(builder, *page)


def setup(app: Sphinx) -> None:
    app.add_search_language(Words)
    app.connect("builder-inited", _enter)
