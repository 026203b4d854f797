"""The search index: whole on the site, and whole after a build that wrote some pages only."""

from __future__ import annotations

import json
import pickle
from types import SimpleNamespace

import pytest
from conftest import SITE, contents

from goingglobal.sphinx.reading import search

PAGES = {
    "_titles": {"a": "A", "b": "B"}, "_filenames": {"a": "a.md", "b": "b.md"},
    "_mapping": {"word": {"a", "b"}, "only": {"b"}}, "_title_mapping": {"a": {"a"}, "b": {"b"}},
    "_all_titles": {"a": [("A", None)], "b": [("B", None)]},
    "_index_entries": {"a": [("term", "term-term", "main")], "b": [("other", "term-other", "")]},
}


class Indexer(SimpleNamespace):
    """As Sphinx's: pruning takes pages out of the sets of words, and leaves the words."""

    def prune(self, kept):
        for words in (self._mapping, self._title_mapping):
            for pages in words.values():
                pages.intersection_update(kept)


def builder(**more) -> SimpleNamespace:
    return SimpleNamespace(env=SimpleNamespace(all_docs={"a": 0, "b": 0}), indexer=Indexer(**more))


def test_words_of_kept_pages_come_back_and_no_word_without_a_page(tmp_path):
    file = tmp_path / "search.pickle"
    file.write_bytes(pickle.dumps(PAGES))
    made = builder()
    search._load(made, file, {"b"})
    assert made.indexer._mapping == {"word": {"a"}}
    assert made.indexer._title_mapping == {"a": {"a"}}
    assert made.indexer._index_entries == {"a": [("term", "term-term", "main")]}


def test_nothing_is_asked_for_where_every_page_is_written(tmp_path):
    made = builder()
    search._load(made, tmp_path / "not-there", {"a", "b"})
    assert vars(made.indexer) == {}


@pytest.mark.site
def test_index_of_the_site_is_whole():
    text = (SITE / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    assert index["docnames"] == sorted(contents())
    assert [word for words in ("terms", "titleterms") for word, pages in index[words].items() if pages == []] == []
    assert {"mittelstand", "conduit"} <= {entry.lower() for entry in index["indexentries"]}
