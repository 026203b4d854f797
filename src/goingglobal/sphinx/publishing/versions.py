"""One version, one title, one list of authors in all files that others read.

`CITATION.cff` is the source of title, authors, licences and words; the version stands there (twice) and in the
library's `__version__`, and `.zenodo.json` and `codemeta.json` are made from it.

    python -m goingglobal.sphinx.publishing.versions check [TAG]         # all agree (and with the tag vVERSION)
    python -m goingglobal.sphinx.publishing.versions set VERSION [DATE]  # `make version`; DATE is today's if not given
"""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import yaml

from goingglobal import _console

LIBRARY = Path("src/goingglobal/__init__.py")
CITATION, ZENODO, CODEMETA = "CITATION.cff", ".zenodo.json", "codemeta.json"
_VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")
_LICENCES = "https://spdx.org/licenses/"


class VersionError(RuntimeError):
    """The files do not name one version; the message says which, and what to do."""


def citation(root: Path) -> dict:
    """`CITATION.cff`, every value as text."""
    return yaml.load((root / CITATION).read_text(encoding="utf-8"), yaml.BaseLoader)


def _name(person: dict[str, str]) -> str:
    return person.get("name") or f"{person['family-names']}, {person['given-names']}"


def zenodo(root: Path) -> dict:
    """What Zenodo reads of a release (its deposit's metadata)."""
    book = citation(root)
    return {
        "title": book["title"], "version": book["version"], "publication_date": book["date-released"],
        "upload_type": "software", "access_right": "open", "license": book["license"][0], "language": "eng",
        "description": book["abstract"], "keywords": book["keywords"],
        "creators": [{"name": _name(person)} for person in book["authors"]],
        "notes": f"Code {book['license'][0]}, text and figures {book['license'][1]}; each data table has terms of its "
                 "own, stated in data/datapackage.json.",
    }  # fmt: skip


def codemeta(root: Path) -> dict:
    """The book's software as CodeMeta 3.0 describes it."""
    book = citation(root)
    people = [{"type": "Person", "familyName": who["family-names"], "givenName": who["given-names"]}
              if "family-names" in who else {"type": "Organization", "name": who["name"]} for who in book["authors"]]
    return {
        "@context": "https://w3id.org/codemeta/3.0", "type": "SoftwareSourceCode", "name": book["title"],
        "description": book["abstract"], "version": book["version"], "dateModified": book["date-released"],
        "license": [f"{_LICENCES}{licence}" for licence in book["license"]], "author": people,
        "keywords": book["keywords"], "programmingLanguage": "Python",
    }  # fmt: skip


def _json(content: dict) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _made(root: Path) -> dict[str, str]:
    return {ZENODO: _json(zenodo(root)), CODEMETA: _json(codemeta(root))}


def library(root: Path) -> str:
    """The library's version, as its source says."""
    return re.search(r'(?m)^__version__ = "([^"]*)"', (root / LIBRARY).read_text(encoding="utf-8"))[1]


def faults(root: Path, tag: str | None = None) -> list[str]:
    """What does not agree, one line each; with a `tag`, whether it is the version's own."""
    book, ours = citation(root), library(root)
    said = {f"{CITATION}, version": book["version"],
            f"{CITATION}, preferred-citation: version": book["preferred-citation"]["version"]}  # fmt: skip
    found = [f"{place} is {version}, the library's is {ours}" for place, version in said.items() if version != ours]
    if book["date-released"] != book["preferred-citation"]["date-released"]:
        found.append(f"{CITATION}, date-released is {book['date-released']}, in preferred-citation it is "
                     f"{book['preferred-citation']['date-released']}")
    for name, content in _made(root).items():
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            found.append(f"{name} is not what {CITATION} says")
    if tag is not None and tag != f"v{ours}":
        found.append(f"the tag is {tag}, the library's version is {ours}; expected is v{ours}")
    return found


def write(root: Path, version: str, released: str) -> None:
    """Put version and date of release into every file.

    Raises `VersionError` for what is no version or no date, or where a file has no place for it; nothing is written.
    """
    if not _VERSION.fullmatch(version):
        raise VersionError(f"VERSION={version} is no version; expected three numbers, as in 0.2.0")
    try:
        date.fromisoformat(released)
    except ValueError:
        raise VersionError(f"DATE={released} is no date; expected one like 2026-11-22") from None
    texts = {}
    for path, pattern, value, times in (
            (root / LIBRARY, r'(?m)^(__version__ = ").*(")$', rf"\g<1>{version}\g<2>", 1),
            (root / CITATION, r"(?m)^( *version: ).*()$", rf"\g<1>{version}", 2),
            (root / CITATION, r"(?m)^( *date-released: ).*()$", rf"\g<1>{released}", 2)):  # fmt: skip
        text, count = re.subn(pattern, value, texts.get(path) or path.read_text(encoding="utf-8"))
        if count != times:
            raise VersionError(f"{path.relative_to(root)}: {count} lines say it, expected are {times}")
        texts[path] = text
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    for name, text in _made(root).items():
        (root / name).write_text(text, encoding="utf-8", newline="\n")


def main(root: Path, words: list[str]) -> int:
    """0 where all agree, or are written."""
    try:
        if words[:1] == ["check"] and len(words) <= 2:
            found = faults(root, *words[1:])
            if found:
                raise VersionError("; ".join(found) + f". make version VERSION={library(root)} writes them")
            print(f"version {library(root)}: {CITATION}, {ZENODO}, {CODEMETA} and the library agree")
        elif words[:1] == ["set"] and 2 <= len(words) <= 3:
            write(root, words[1], words[2] if len(words) == 3 else datetime.now(UTC).date().isoformat())
            print(f"version {words[1]} is in {LIBRARY.as_posix()}, {CITATION}, {ZENODO} and {CODEMETA}; then build, "
                  f"commit, and tag it v{words[1]}")
        else:
            print("usage: python -m goingglobal.sphinx.publishing.versions check [TAG] | set VERSION [DATE]",
                  file=sys.stderr)
            return 2
    except VersionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    _console.forgive()
    sys.exit(main(Path.cwd(), sys.argv[1:]))
