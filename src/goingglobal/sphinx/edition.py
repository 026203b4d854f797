"""The edition of the site: what it is called, by whom, in which version, from which commit and with which data.

Every page and every citation takes it from `gg_edition`, a value of Sphinx's `html_context`: when it changes, all
pages are written again and none is read again.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import yaml
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

from goingglobal import __version__, data
from goingglobal.sphinx import state

# Written in C, where PyYAML was built with it: ten times as fast.
_SAFE, _BASE = getattr(yaml, "CSafeLoader", yaml.SafeLoader), getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _authors(people: list[dict[str, str]]) -> list[dict[str, str]]:
    """Authors of CITATION.cff as CSL-JSON names them."""
    return [{"literal": p["name"]} if "name" in p else {"family": p["family-names"], "given": p["given-names"]}
            for p in people]


def book(source: Path) -> str:
    """The book's title, which `_config.yml` in `source` alone says. Raises `ConfigError` where it says none."""
    title = yaml.load((source / "_config.yml").read_text(encoding="utf-8"), _SAFE).get("title")
    if not title:
        raise ConfigError("_config.yml has no title; the site, its files and its citations take theirs from it")
    return str(title)


def edition(source: Path) -> dict:
    """The edition that the files in `source` make.

    Its title is the one in `_config.yml`, with the subtitle that CITATION.cff gives it; an edition under another title
    (a course's) has none. CITATION.cff then still cites the book from which it was made.
    The date is `SOURCE_DATE_EPOCH`'s, else the commit's, else (in a downloaded archive) the release's in CITATION.cff.
    """
    named = book(source)
    file = source / "CITATION.cff"
    if not file.is_file():
        raise ConfigError(f"{file.name} is missing; the site takes its subtitle, authors and date of release from it")
    citation = yaml.load(file.read_text(encoding="utf-8"), _BASE)
    if citation["version"] != __version__:
        raise ConfigError(f"{file.name} says version {citation['version']}, the package says {__version__}")
    own = citation["title"] == named or citation["title"].startswith(f"{named}: ")
    seconds = state.commit_time(source)
    date = datetime.fromtimestamp(int(seconds), UTC).date().isoformat() if seconds else citation["date-released"]
    vintages = [data.describe(name)["vintage"] for name in data.table_names()]
    return {
        "book": named, "title": citation["title"] if own else named, "authors": _authors(citation["authors"]),
        "version": __version__, "date": date, "doi": citation.get("doi", ""), **state.commit_words(source),
        "data_vintage": max(vintage for vintage in vintages if re.fullmatch(r"\d{4}-\d{2}-\d{2}", vintage)),
    }


def names(facts: dict) -> tuple[str, str, str]:
    """Title, subtitle and authors of an edition, as a title page has them."""
    title = facts["book"]
    subtitle = facts["title"].removeprefix(title).removeprefix(": ")
    people = (who.get("literal") or f"{who['given']} {who['family']}" for who in facts["authors"])
    return title, subtitle[:1].upper() + subtitle[1:], ", ".join(people)


def _configure(app: Sphinx, config: Config) -> None:
    facts = edition(Path(app.srcdir)) | state.commit_words(Path(app.srcdir), state.COMMIT_LATER in os.environ)
    config.html_context = {**config.html_context, "gg_edition": facts}
    config.myst_substitutions = {**config.myst_substitutions, "title": facts["book"]}


def setup(app: Sphinx) -> None:
    app.connect("config-inited", _configure)
