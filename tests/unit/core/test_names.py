"""Names that come from outside, in a store's keys."""

from __future__ import annotations

import pytest

from litellm_tiering.core.names import LONGEST, hashed, safe_name


@pytest.mark.parametrize("name", ["", "blue", "größe 5", "a" * LONGEST, "#tag", "団"])
def test_a_decent_name_is_itself(name):
    assert safe_name(name) == name


@pytest.mark.parametrize("name", ["a" * (LONGEST + 1), "a\x1fb", "line\nbreak", "\ud800", "\u202e"])
def test_an_odd_or_long_name_is_hashed_to_a_decent_one(name):
    found = safe_name(name)
    assert found == hashed(name)
    assert safe_name(found) == found
    assert len(found) == 33
    assert found != safe_name(name + "x")


def test_a_barred_character_is_hashed():
    assert safe_name("a|b") == "a|b"
    assert safe_name("a|b", "|") == hashed("a|b")
    assert safe_name("ab", "|*") == "ab"
