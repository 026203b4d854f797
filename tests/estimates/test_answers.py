"""What the checks of exercises are made of: a wrong answer is named, the right one kept back."""

from __future__ import annotations

import re

import pytest

from goingglobal import teaching
from goingglobal.models import Estimate


@pytest.mark.parametrize(("kind", "value", "words"), [
    (float, ..., "`x` is still `...`"), (float, "1", "`x` is a str; a number is wanted"), (int, 1.5, "a whole number"),
    (int, True, "a bool"), (float, float("nan"), "not a finite number"), (Estimate, 1.0, "an `Estimate`"),
    (str, 1, "text in quotes"), (list, (), "a tuple; a list is wanted"),
])  # fmt: skip
def test_answer_of_another_kind_is_named(kind, value, words):
    with pytest.raises(AssertionError, match=re.escape(words)):
        teaching.given(kind, x=value)


@pytest.mark.parametrize(("kind", "value"), [(float, 1), (int, 2), (str, "a"), (list, [])])
def test_answer_of_the_right_kind_passes(kind, value):
    teaching.given(kind, x=value)


def test_close_keeps_the_expected_number_to_itself():
    teaching.close(1.00001, 1.0, "Same.")
    teaching.close(0.0, 0.0, "Same.")
    with pytest.raises(AssertionError, match=r"^Look again\. Yours is 1\.1\.$"):
        teaching.close(1.1, 1.23456, "Look again.")
    with pytest.raises(AssertionError):
        teaching.close(0.01, 0.0, "Zero is wanted.")
