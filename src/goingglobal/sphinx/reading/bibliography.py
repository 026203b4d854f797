"""A bibliography whose labels read as the citations do, and whose list is sound for screen readers."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pybtex.plugin
from pybtex.richtext import Text
from pybtex.style import FormattedEntry
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def _surnames(entry) -> str:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [" ".join([*p.prelast_names, *p.last_names]) for p in people]
    names = [str(Text.from_latex(n)) for n in names]
    if not names:
        return entry.fields.get("organization") or entry.fields.get("title", entry.key)
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names)


class AuthorYearLabels(BaseLabelStyle):
    """“Callaway and Sant'Anna, 2021”; a, b, … where two would read alike."""

    def format_labels(self, sorted_entries):
        labels = [f"{_surnames(e)}, {e.fields.get('year', 'n.d.')}" for e in sorted_entries]
        counts, seen = Counter(labels), Counter()
        for label in labels:
            seen[label] += 1
            yield label + (chr(96 + seen[label]) if counts[label] > 1 else "")


class AuthorYear(PlainStyle):
    """Plain entries, sorted and labelled by author and year; what was formatted before is not formatted again."""

    default_label_style = AuthorYearLabels
    default_sorting_style = SortingStyle
    known: ClassVar[dict[tuple[str, str, str], FormattedEntry]] = {}

    def format_entry(self, label, entry, bib_data=None):
        key = (label, entry.key, repr(entry))
        if key not in self.known:
            self.known[key] = super().format_entry(label, entry, bib_data)
        return self.known[key]


def _recall(app: Sphinx, env: BuildEnvironment) -> None:
    """Formatted entries of the build before, which was of the same code: another starts with an empty environment."""
    for cited in env.domaindata.get("cite", {}).get("citations", ()):
        AuthorYear.known[cited.formatted_entry.label, cited.entry.key, repr(cited.entry)] = cited.formatted_entry


def setup(app: Sphinx) -> None:
    AuthorYear.known.clear()
    pybtex.plugin.register_plugin("pybtex.style.formatting", "authoryear", AuthorYear)
    app.connect("env-updated", _recall, priority=400)  # before the citations are made anew
