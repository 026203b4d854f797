"""Appendices go by letters: on the built site, in references, and in what is written again."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pages
import pytest
from docutils import nodes
from sphinx import addnodes

from goingglobal.sphinx.reading import lettering

NUMBERS = {"book/appendix/one": {"": ("A",), "#part": ("A", 1)}, "book/two": {"": (1,), "#part-two": (1, 1)}}


def named(target: str, kind: str = "numref", explicit: bool = False) -> str:
    """What a reference says that Sphinx still has to resolve."""
    inner = nodes.inline("", "words")
    node = addnodes.pending_xref("", inner, refdomain="std", reftype=kind, reftarget=target, refexplicit=explicit)
    document = SimpleNamespace(findall=lambda _: [node])
    labels = {"part": ("book/appendix/one", "part"), "part-two": ("book/two", "part-two"),
              "fig-a": ("book/appendix/one", "fig-a")}  # fmt: skip
    env = SimpleNamespace(
        toc_secnumbers=NUMBERS, toc_fignumbers={"book/appendix/one": {"figure": {"fig-a": ("A", 1)}}},
        get_domain=lambda _: SimpleNamespace(anonlabels=labels))  # fmt: skip
    lettering.Appendices.run(SimpleNamespace(env=env, document=document))
    return node.astext()


def test_a_part_of_an_appendix_is_named_so():
    assert named("part") == "Appendix {number}"
    others = [named("part-two"), named("fig-a"), named("nowhere"), named("part", explicit=True), named("part", "ref")]
    assert others == ["words"] * 5


@pytest.mark.site
def test_appendices_and_what_stands_in_them_go_by_letters():
    contents = pages.soup("book/appendix/data.html").select("#book-contents a")
    letters = [found[1] for link in contents if (found := re.match(r"([A-Z])\. ", link.get_text(" ", strip=True)))]
    assert letters == [chr(ord("A") + place) for place in range(len(letters))]
    assert len(letters) >= 12
    seen = {record["number"] for record in pages.exhibits().values() if record["page"] == "book/appendix/data"}
    assert {"Table B.1", "Table B.2"} <= seen
    assert all(re.fullmatch(r"(Figure|Table) ([1-9]|[A-Z])\.\d+", r["number"]) for r in pages.exhibits().values())
    page = pages.soup("book/appendix/data.html")
    assert page.h1.get_text().startswith("B. ")
    assert page.h2.get_text().startswith("B.1. ")


@pytest.mark.site
def test_a_reference_to_a_part_says_its_number():
    link = pages.soup("book/appendix/teaching.html").select_one('a[href$="methods.html#methods-jobs-bounded"]')
    number = re.fullmatch(r"Appendix (A\.\d+)", link.get_text())[1]
    section = pages.soup("book/appendix/methods.html").find(id="methods-jobs-bounded")
    heading = section if section.name == "section" else section.find_parent("section")
    assert heading.h2.get_text().startswith(f"{number}. Jobs in Japan, bounded")
