"""A reader's own folder: copies come and are renewed, and nothing that a reader has changed is written over."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import SITE

from goingglobal.sphinx.elsewhere import lab

ENDED = SimpleNamespace(returncode=0)


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "appendix").mkdir(parents=True)
    (folder / "one.ipynb").write_text("first", encoding="utf-8")
    (folder / "appendix" / "two.ipynb").write_text("second", encoding="utf-8")
    return folder


def found(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.ipynb")}


def test_copies_come_and_are_renewed(copies, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    assert lab.put(copies, mine) == []
    assert found(mine) == {"one.ipynb": "first", "appendix/two.ipynb": "second"}
    (copies / "one.ipynb").write_text("first, again", encoding="utf-8")
    assert lab.put(copies, mine) == []
    assert found(mine) == {"one.ipynb": "first, again", "appendix/two.ipynb": "second"}


def test_what_a_reader_changed_stays_and_the_new_copy_gets_another_name(copies, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    lab.put(copies, mine)
    (mine / "one.ipynb").write_text("mine", encoding="utf-8")
    assert lab.put(copies, mine) == []  # the book has nothing new: nothing is put beside it
    assert found(mine)["one.ipynb"] == "mine"
    (copies / "one.ipynb").write_text("newer", encoding="utf-8")
    assert lab.put(copies, mine) == ["one.ipynb: yours is kept; the book's new one is one-newer.ipynb"]
    assert lab.put(copies, mine) == []
    assert found(mine) == {"one.ipynb": "mine", "one-newer.ipynb": "newer", "appendix/two.ipynb": "second"}
    (copies / "one.ipynb").write_text("newest", encoding="utf-8")  # the one beside it was not touched: it is renewed
    lab.put(copies, mine)
    assert found(mine)["one-newer.ipynb"] == "newest"
    (mine / "one-newer.ipynb").write_text("mine, too", encoding="utf-8")
    (copies / "one.ipynb").write_text("last", encoding="utf-8")
    assert lab.put(copies, mine) == ["one.ipynb: yours is kept; the book's new one is one-newer-2.ipynb"]
    assert found(mine) == {"one.ipynb": "mine", "one-newer.ipynb": "mine, too", "one-newer-2.ipynb": "last",
                           "appendix/two.ipynb": "second"}  # fmt: skip


def test_a_file_that_we_did_not_write_is_a_readers(copies, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "one.ipynb").write_text("there before", encoding="utf-8")
    assert lab.put(copies, mine) == ["one.ipynb: yours is kept; the book's new one is one-newer.ipynb"]
    (mine / lab.NOTED).unlink()  # with the note lost, all that differs counts as a reader's
    (copies / "one.ipynb").write_text("newer", encoding="utf-8")
    lab.put(copies, mine)
    assert found(mine) == {"one.ipynb": "there before", "one-newer.ipynb": "first", "one-newer-2.ipynb": "newer",
                           "appendix/two.ipynb": "second"}  # fmt: skip


def test_what_a_reader_deleted_comes_back(copies, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    lab.put(copies, mine)
    (mine / "one.ipynb").unlink()
    lab.put(copies, mine)
    assert found(mine)["one.ipynb"] == "first"


def test_links_lead_from_the_readers_folder_to_the_built_site(copies, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    text = "[a](../book/a.html#b) [c](../../book/c.html \"t\") <a href=\"../exhibits/d.csv\">d</a> [e](https://e.org/../f)"
    (copies / "one.ipynb").write_text(json.dumps([text]), encoding="utf-8")
    lab.put(copies, mine)
    assert json.loads(found(mine)["one.ipynb"]) == [
        "[a](../_build/html/book/a.html#b) [c](../../_build/html/book/c.html \"t\") "
        '<a href="../_build/html/exhibits/d.csv">d</a> [e](https://e.org/../f)']  # fmt: skip


def test_lab_opens_copies_and_sheets_in_the_readers_folder(tmp_path, monkeypatch, capsys):
    site, asked = tmp_path / "_build" / "html", []
    for name in ("notebooks/appendix/two.ipynb", "exercises/one-exercises.ipynb"):
        (site / name).parent.mkdir(parents=True)
        (site / name).write_text(name, encoding="utf-8")
    monkeypatch.setattr(lab.build, "main", lambda root: 0)
    monkeypatch.setattr(lab.subprocess, "run", lambda command, **_: asked.append(command) or ENDED)
    mine = tmp_path / "my-notebooks"
    assert lab.main(tmp_path, ["--no-browser"]) == 0
    assert found(mine) == {"appendix/two.ipynb": "notebooks/appendix/two.ipynb",
                           "exercises/one-exercises.ipynb": "exercises/one-exercises.ipynb"}
    assert asked[0][-2:] == ["--LabApp.default_url=/lab/tree/my-notebooks", "--no-browser"]
    (mine / "exercises" / "one-exercises.ipynb").write_text("my answer", encoding="utf-8")
    (site / "exercises" / "one-exercises.ipynb").write_text("another sheet", encoding="utf-8")
    assert lab.main(tmp_path, []) == 0
    assert found(mine)["exercises/one-exercises.ipynb"] == "my answer"
    assert found(mine)["exercises/one-exercises-newer.ipynb"] == "another sheet"
    assert "one-exercises.ipynb: yours is kept" in capsys.readouterr().out


@pytest.mark.site
def test_sheets_have_no_links_that_a_move_would_break():
    sheets = sorted((SITE / "exercises").glob("*.ipynb"))
    assert len(sheets) == 5
    assert [path.name for path in sheets if lab.moved(text := path.read_text(encoding="utf-8")) != text] == []


def test_a_book_that_can_not_be_built_opens_nothing(tmp_path, capsys):
    assert lab.main(tmp_path, []) == 2
    assert "no _config.yml" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
