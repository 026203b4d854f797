"""Archives of editions, the list of them, and the notice on old ones; a site as it says what it is."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from pages import record_file, soup

from goingglobal import __version__
from goingglobal.sphinx.publishing import editions

PAGE = '<body>\n<a class="gg-skip" href="#main">Skip</a>\n<header class="gg-top">Top</header>{}</body>'
LISTED = PAGE.format(f'<h2 id="kept">Kept</h2><div id="kept-editions"><p>{editions.NONE}</p></div>')


def site(folder: Path, version: str, *pages: str, doi: str = "") -> Path:
    """A small site of one edition, made up."""
    record = {"title": "T", "version": version, "date": f"2026-01-0{version[-1]}", "commit": "abcdef0123456789",
              "data_vintage": "2025-12-31", "doi": doi}  # fmt: skip
    for name in ("index.html", *pages):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PAGE.format(f"<p>{version} {name}</p>"), encoding="utf-8")
    (folder / editions.PAGE).write_text(LISTED, encoding="utf-8")
    (folder / editions.RECORD).write_text(json.dumps(record), encoding="utf-8")
    (folder / "short.html").write_text("<body>moved</body>", encoding="utf-8")
    return folder


@pytest.fixture
def kept(tmp_path) -> Path:
    """Archives of three editions, the newest of which sorts neither first nor last by its name."""
    for version, pages in (("0.9.1", ["book/a.html", "book/gone.html"]), ("0.10.2", ["book/a.html"]), ("0.2.3", [])):
        made = site(tmp_path / version, version, *pages, doi="10.1/x" if version == "0.9.1" else "")
        editions.pack(made, tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def whole(tmp_path, kept) -> Path:
    made = site(tmp_path / "site", "0.11.4", "book/a.html")
    editions.beside(made, kept)
    return made


def notice(page: Path) -> str | None:
    found = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml").select('aside[aria-label="Edition"]')
    assert len(found) <= 1
    return found[0].get_text() if found else None


def test_editions_are_listed_newest_first(whole):
    listed = json.loads((whole / "editions.json").read_text(encoding="utf-8"))
    assert [record["version"] for record in listed] == ["0.10.2", "0.9.1", "0.2.3"]
    assert listed[1] == {"title": "T", "version": "0.9.1", "date": "2026-01-01", "commit": "abcdef0123456789",
                         "data_vintage": "2025-12-31", "doi": "10.1/x", "path": "editions/0.9.1/"}  # fmt: skip
    for page, up in ((whole / "editions.html", ""), *(
            (whole / record["path"] / "editions.html", "../../") for record in listed)):
        rows = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml").select("#kept-editions tbody tr")
        assert [row.a["href"] for row in rows] == [f"{up}editions/{v}/index.html" for v in ("0.10.2", "0.9.1", "0.2.3")]
        assert all((page.parent / row.a["href"]).is_file() for row in rows)
        assert [row.find_all("td")[-1].get_text() for row in rows] == ["none", "10.1/x", "none"]
        assert "(the newest)" in rows[0].get_text()
        assert editions.NONE not in page.read_text(encoding="utf-8")


def test_old_editions_alone_say_that_there_is_a_newer_one(whole):
    said = {path.relative_to(whole).as_posix(): notice(path) for path in whole.rglob("*.html")}
    old = {name for name, words in said.items() if words}
    assert old == {f"editions/{version}/{name}" for version, names in {
        "0.9.1": ("index.html", "editions.html", "book/a.html", "book/gone.html"),
        "0.2.3": ("index.html", "editions.html")}.items() for name in names}  # fmt: skip
    assert said["editions/0.9.1/book/a.html"] == (
        "This is edition 0.9.1 of 2026-01-01. There is a newer one, 0.10.2 of 2026-01-02: read this page there.")
    assert said["editions/0.9.1/book/gone.html"].endswith("read it from its first page.")


def test_a_notice_leads_to_the_same_page_of_the_newest_and_stands_after_the_link_to_the_text(whole):
    for name in old_pages(whole):
        page = whole / name
        link = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml").select_one("aside a")["href"]
        target = (page.parent / link).resolve()
        assert target.is_relative_to(whole.resolve() / "editions" / "0.10.2")
        assert target.is_file()
        assert target.name in (page.name, "index.html")
        assert [tag.name for tag in BeautifulSoup(page.read_text(encoding="utf-8"), "lxml").body.find_all(
            recursive=False)][:3] == ["a", "aside", "header"]  # fmt: skip
        assert "<script" not in page.read_text(encoding="utf-8")


def old_pages(whole: Path) -> list[str]:
    found = [path.relative_to(whole).as_posix() for path in whole.rglob("*.html") if notice(path)]
    assert len(found) == 6
    return found


def test_archives_stay_as_they_were_and_the_whole_is_alike_twice(kept, whole, tmp_path):
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    first = {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    again = site(tmp_path / "again", "0.11.4", "book/a.html")
    editions.beside(again, kept)
    assert {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()} == first
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    other = editions.pack(tmp_path / "0.9.1", tmp_path / "elsewhere")
    assert other.read_bytes() == before[other.name]


def test_without_archives_nothing_is_said(tmp_path):
    made = site(tmp_path / "site", "0.1.1")
    assert editions.beside(made, tmp_path / "none") == []
    assert json.loads((made / "editions.json").read_text(encoding="utf-8")) == []
    assert editions.NONE in (made / "editions.html").read_text(encoding="utf-8")
    assert not (made / "editions").exists()


def test_an_edition_that_exists_is_refused(kept, tmp_path):
    before = (kept / editions.name("0.9.1")).read_bytes()
    other = site(tmp_path / "other", "0.9.1", "book/new.html")
    with pytest.raises(editions.EditionError, match=r"^edition 0\.9\.1 exists: .*; an edition is never made anew\."):
        editions.pack(other, kept)
    assert (kept / editions.name("0.9.1")).read_bytes() == before
    assert not list(kept.glob("*.new"))


@pytest.mark.parametrize(("files", "said"), [
    ({"edition.json": '{"version": "0.3.0"}'}, r"holds edition 0\.3\.0; its name must say so"),
    ({"index.html": "x"}, r"0\.5\.0/edition\.json does not say which edition this is"),
    ({"edition.json": '{"version": "new"}'}, r"does not say which edition this is: Invalid version"),
    ({"../out.html": "x"}, r"has a file outside of its folder: \.\./out\.html"),
    ({"/out.html": "x"}, r"has a file outside of its folder: /out\.html"),
    (None, "can't be unpacked: .*; fetch or make it again"),
])  # fmt: skip
def test_an_archive_that_is_no_edition_is_refused_by_its_name(tmp_path, files, said):
    path = tmp_path / "kept" / editions.name("0.5.0")
    path.parent.mkdir()
    if files is None:
        path.write_bytes(b"not an archive")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    with pytest.raises(editions.EditionError, match=said):
        editions.beside(site(tmp_path / "site", "0.1.1"), path.parent)
    assert not (tmp_path / "site" / "editions" / "out.html").exists()
    assert not (tmp_path / "out.html").exists()


def test_files_of_the_whole_book_are_named(tmp_path):
    made = site(tmp_path / "site", "0.1.1")
    editions.offer(made, ["paper/book.pdf", "paper/book.epub"])
    links = BeautifulSoup((made / "editions.html").read_text(encoding="utf-8"), "lxml").select("p > a")
    assert [(link["href"], link.get_text()) for link in links] == [
        ("paper/book.pdf", "PDF"), ("paper/book.epub", "EPUB")]  # fmt: skip


@pytest.mark.site
def test_the_built_site_says_which_edition_it_is():
    record = record_file("edition.json")
    assert record["version"] == __version__
    page = soup("editions.html")
    assert f"You are reading version {__version__} of {record['date']}" in " ".join(page.main.get_text().split())
    assert page.select_one("#kept-editions").get_text() == editions.NONE
    assert str(page.select_one("header"))[:24] == '<header class="gg-top">\n'
    assert 'class="gg-top"' in (ROOT / "book" / "_templates" / "layout.html").read_text(encoding="utf-8")
    assert soup("book/introduction.html").select_one("footer a")["href"] == "../editions.html"
