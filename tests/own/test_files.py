"""How a reader's text file is recognised: encoding, delimiter, names; and the first line that can't be read."""

from __future__ import annotations

import pytest

from goingglobal.own import files

TEXT = "firm;year;employees\nMüller;2019;12\n"


class RefusedError(Exception):
    """What the caller raises."""


@pytest.mark.parametrize(("written", "told", "found"), [
    ("utf-8", None, "utf-8"), ("utf-16", None, "utf-16"), ("utf-8-sig", None, "utf-8"), ("cp1252", "cp1252", "cp1252"),
])  # fmt: skip
def test_encodings_are_recognised_or_taken_as_told(tmp_path, written, told, found):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode(written))
    encoding = files.encoding_of(path, told, RefusedError)
    assert encoding.replace("-sig", "") == found
    header = files.header_of(path, encoding)
    assert (header.names, header.mark) == (("firm", "year", "employees"), ";")
    copy = files.in_utf8(path, encoding, tmp_path / "b.csv")
    assert copy.read_text(encoding="utf-8-sig") == TEXT


def test_another_encoding_is_refused_with_its_line_and_the_way_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode("cp1252"))
    assert files.bad_line(path, "utf-8") == 2
    with pytest.raises(RefusedError, match=r'is not UTF-8 \(line 2\).*encoding="'):
        files.encoding_of(path, None, RefusedError)


def test_a_line_that_names_the_delimiter_is_no_header(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nfirm;year\n", encoding="utf-8")
    header = files.header_of(path, "utf-8")
    assert (header.names, header.mark, header.skip) == (("firm", "year"), ";", 1)
