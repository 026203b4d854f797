"""The book's words: no phrase that it has given up, terms explained where a chapter first says them, its minutes."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from conftest import ROOT, SHIPPED, SITE
from sphinx.errors import ExtensionError

from goingglobal.sphinx.reading import wording

GLOSSARY = wording.entries((ROOT / wording.GLOSSARY).read_text(encoding="utf-8"))


def said(text: str, prose: bool = True) -> wording.Said:
    return wording.Said("book/one.ipynb", 30_001, text, prose)


# ------------------------------------------------------------------------------------------------------ the pages
@pytest.fixture(scope="module")
def faults() -> list[str]:
    return wording.faults(ROOT)


def test_every_page_is_read():
    read = {page[0].page for page in wording.pages(ROOT) if page}
    assert {f"book/{name}.ipynb" for name in SHIPPED} | {"book/index.md", "book/slides/sme-role.md"} <= read
    chapters = {page[0].page for page in wording.pages(ROOT) if wording.chapter(page)}
    assert chapters >= {f"book/{name}.ipynb" for name in SHIPPED}


def test_no_page_says_what_the_book_has_given_up(faults):
    assert [fault for fault in faults if "is retired" in fault] == []


def test_no_sentence_opens_with_a_figure(faults):
    assert [fault for fault in faults if "opens with the figure" in fault] == []


def test_terms_are_explained_where_a_chapter_first_says_them(faults):
    assert [fault for fault in faults if "is not explained" in fault] == []


def test_plain_entries_are_entries_of_the_glossary():
    assert len(GLOSSARY) > 80
    assert set(GLOSSARY) >= wording.PLAIN
    assert GLOSSARY["FDI"] == ["FDI", "foreign direct investment"]


@pytest.mark.site
@pytest.mark.parametrize("chapter", ["introduction", "sme-role", "conclusion"])
def test_a_chapter_is_read_in_less_than_twenty_minutes(chapter):
    page = (SITE / "book" / f"{chapter}.html").read_text(encoding="utf-8")
    assert int(re.search(r"About (\d+) minutes? to read", page)[1]) < 20


# ---------------------------------------------------------------------------------------------------- what is found
@pytest.mark.parametrize(("text", "phrase"), [
    ("Growth goes with FDI.", "goes with"), ("The interval holds zero.", "holds zero"),
    ("A gap that can't be told from zero.", "told from zero"), ("Staff moved by a tenth.", "moved by"),
    ("We read it at second hand.", "read it at second hand"), ("It has an error of a tenth.", "an error of"),
    ("The headcount leaps.", "leaps"), ("No source at hand shows it.", "source at hand"),
    ("Few firms carry the whole weight.", "carry the whole weight"), ("It holds for want of data.", "want of"),
    ("It rises from 36.7 on.", "from 36.7 on"), ("The rise is the doing of one firm.", "the doing of"),
    ("A sentence in *one\nline*, which goes\nwith the next.", "goes with"),
])  # fmt: skip
def test_a_retired_phrase_is_found(text, phrase):
    found = wording.retired(said(text))
    assert len(found) == 1
    assert f"“{phrase.removeprefix('read it ')}” is retired" in found[0]


@pytest.mark.parametrize("text", [
    "A firm carries out a plan with sources in hand.", "From 2013 on nobody asked.", "`x` ```python\ngoes with\n```",
    "It said {claim}`it goes with jobs <C017>`.", "```python\n# goes with\n```", "Production moved to Asia.",
    "Half of them stand in a row.", "$$ x \\text{ goes with } y $$", "<!-- goes with -->",
])  # fmt: skip
def test_other_words_are_left_alone(text):
    assert wording.retired(said(text)) == []


def test_captions_of_cells_are_read():
    pieces = list(wording._strings('figure(\n    caption="Growth goes "\n    "with FDI here.", kind="goes with")\n'))
    assert pieces == [(2, "Growth goes with FDI here.")]
    assert wording.retired(said(pieces[0][1], prose=False)) != []


@pytest.mark.parametrize(("text", "count"), [
    ("12 firms left.", 1), ("All left. 12 firms stayed.", 1), ("{result}`a/b` firms left.", 1),
    ("It fell. {fact}`17 % <F0001>` of them left.", 1), ("All 12 firms left.", 0), ("1. One\n2. Two", 0),
    ("{claim}`Almost all <C001>` left.", 0), ("In 2012 it fell.", 0), ("- Firms\n- 12", 0),
    (":::{list-table}\n* - One\n  - 12 firms. 13 more.\n:::", 0),
])  # fmt: skip
def test_a_figure_that_opens_a_sentence_is_found(text, count):
    assert len(wording.numeral_first(said(text))) == count


@pytest.mark.parametrize(("text", "count"), [
    ("Money flows through conduits.", 1), ("Seven {define}`conduits <conduit>` are left out.", 0),
    ("Seven *conduits* are left out.", 0), ("Seven conduits, countries that money passes, are left out.", 1),
    ("Seven conduits, which money only passes, are left out.", 0), ("Countries (conduits) are left out.", 0),
    ("# Conduits\n\nThey are {define}`conduits <conduit>`.", 0), ("A placebo lead.\n\nA *placebo* is no lead.", 1),
    ("METI counts them.", 1), ("The economy ministry METI counts them.", 0), ("METI, the ministry, counts.", 0),
    ("The ministry (METI) counts.", 0), ("We use HC1.", 1), ("Errors that allow this (*HC1*) are used.", 0),
    ("The two-way fixed effects are in.", 2), ("{define}`two-way fixed effects` are in.", 0),
    ("`conduit` is a column.", 0), ("{result}`conduit/one` is one.", 0), ("```python\nconduit = 1\n```", 0),
    ("The group grew.", 0), ("We see conduits.\n\nMoney passes conduits.", 1),
])  # fmt: skip
def test_a_term_without_a_word_is_found(text, count):
    found = wording.unexplained([said(text)], GLOSSARY)
    assert len(found) == count, found
    assert all(fault.startswith("book/one.ipynb, cell 3, line ") for fault in found)


def test_the_place_is_named():
    assert wording.retired(said("One.\n\nTwo goes with three."))[0].startswith("book/one.ipynb, cell 3, line 3: ")
    assert wording.unexplained([said("One.\n\nTwo.\n- Firms and\n  METI.")], GLOSSARY)[0].startswith(
        "book/one.ipynb, cell 3, line 5: ")


def test_the_build_stops_and_says_where(tmp_path):
    (tmp_path / "book").mkdir()
    page = tmp_path / "book" / "one.md"
    page.write_text("# One\n\nGrowth goes with FDI.\n", encoding="utf-8", newline="\n")
    with pytest.raises(ExtensionError, match=r"book/one\.md, line 3: “goes with” is retired"):
        wording._check(SimpleNamespace(srcdir=tmp_path, doctreedir=tmp_path), None)
    page.write_text("# One\n\nGrowth is associated with FDI.\n", encoding="utf-8", newline="\n")
    wording._check(SimpleNamespace(srcdir=tmp_path, doctreedir=tmp_path), None)


def test_a_page_is_judged_again_when_it_or_the_glossary_has_changed(tmp_path, monkeypatch):
    (tmp_path / "book" / "appendix").mkdir(parents=True)
    page, glossary, judged, known = tmp_path / "book" / "a.md", tmp_path / wording.GLOSSARY, [], {}
    other, retired = tmp_path / "book" / "b.md", wording.retired
    glossary.write_text("# Glossary\n", encoding="utf-8")
    for file in (page, other):
        file.write_text("# A\n\nWords.\n", encoding="utf-8")
    monkeypatch.setattr(wording, "retired", lambda said: judged.append(said.page) or retired(said))

    def again() -> list[str]:
        judged.clear()
        assert wording.faults(tmp_path, known) == wording.faults(tmp_path, dict(known))
        return sorted(judged)

    assert again() == ["book/a.md", "book/appendix/glossary.md", "book/b.md"]
    assert again() == []
    page.write_text("# A\n\n12 words, and no more of them.\n", encoding="utf-8")
    assert again() == ["book/a.md"]
    assert len(wording.faults(tmp_path, known)) == 1, "what was found before is told again"
    glossary.write_text("# Glossary, anew\n", encoding="utf-8")
    assert len(again()) == 3
    other.unlink()
    again()
    assert len(known) == 2, "what is no more is forgotten"
