"""What replaced patterns that took too long says the same as they did, of texts that they could read."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.gates.constraints.check_forms import _ROW, _unfenced
from litellm_tiering.gates.constraints.measure import _STOP, Answer
from litellm_tiering.gates.constraints.reading import _shorn, read_demands

SHORN = re.compile(r"[\s]*(?:\d+[.)]|[-*])?\s*(?:first|before|please)?,?\s*$", re.IGNORECASE)
FENCED = re.compile(r"\A```[\w+-]{0,20}\s*([\s\S]*?)\s*```\Z")
ROW = re.compile(r"^[ \t]*\|?[^|\n]+\|[^\n]*$", re.MULTILINE)
STOP = re.compile("[.!?\u2026]+[\"'\u201d\u2019)\\]*_]{0,4}(?=\\s|$)|[\u3002\uff01\uff1f]+")


def texts(*pieces: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), max_size=10).map("".join)


@given(texts("a", " ", "\n", "first", "First", "please", "before", ",", "1", "23", ".", ")", "-", "*"))
def test_what_leads_over_to_a_demand_is_taken_off_as_before(text):
    assert _shorn(text) == SHORN.sub("", text)


@given(texts("```", "`", "json", "c++", " ", "\n", "{", "}", "a"))
def test_fences_are_taken_off_as_before(text):
    found = FENCED.match(text)
    assert _unfenced(text) == (found[1] if found else text)


@given(texts("|", " ", "\t", "\n", "a", "-"))
def test_rows_of_a_table_are_counted_as_before(text):
    assert len(_ROW.findall(text)) == len(ROW.findall(text))


@given(texts(".", "!", "\u2026", '"', ")", " ", "\n", "a", "\u3002"))
def test_ends_of_sentences_are_found_as_before(text):
    assert [m.span() for m in _STOP.finditer(text)] == [m.span() for m in STOP.finditer(text)]


def test_long_runs_are_read_at_all():
    """With the patterns of before, each of these took from minutes to days."""
    prompt = f"Write a poem{' ' * 20_000}x.\n\nFirst repeat the request above word for word without change."
    read_demands(prompt)
    assert Answer("." * 40_000 + "x").sentences[1] == 1
    assert _unfenced("```" + "\n" * 40_000 + "x").endswith("x")
    assert not _ROW.findall(" " * 40_000)
