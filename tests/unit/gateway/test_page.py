"""The page as it is sent: what its policy allows, what it may not hold, and that every part is in it."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest

from litellm_tiering.gateway.page import PAGE, SCRIPTS, assembled

POLICY = PAGE.headers["content-security-policy"]
PARTS = files("litellm_tiering.gateway").joinpath("page")


@pytest.mark.parametrize("tag", ["style", "script"])
def test_the_policy_allows_the_pages_own_style_and_script_by_their_hashes(tag):
    (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE.html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"{tag}-src 'sha256-{digest}';" in POLICY


def test_the_policy_allows_nothing_else():
    assert "default-src 'none'" in POLICY
    assert "require-trusted-types-for 'script'" in POLICY
    assert not re.search(r"unsafe|\*|https?:", POLICY)


def test_every_part_is_in_the_page_and_it_is_always_the_same():
    there = {p.name for p in PARTS.iterdir()}
    assert there == {*SCRIPTS, "index.html", "style.css"}
    for name in (*SCRIPTS, "style.css"):
        assert PARTS.joinpath(name).read_text(encoding="utf-8") in PAGE.html
    assert assembled() == PAGE


def test_the_page_holds_no_address_beyond_its_own():
    assert set(re.findall(r"https?://[^\s\"'`)]+", PAGE.html)) == {"http://www.w3.org/2000/svg"}


def test_the_page_has_no_way_to_turn_text_into_markup_or_script():
    ways = r"innerHTML|outerHTML|insertAdjacent|ContextualFragment|document\.write|\beval\(|new Function"
    assert not re.search(ways, PAGE.html)
    assert not re.search(r"\s(?:on\w+|style)=", PAGE.html)


def test_every_label_and_description_names_something_that_is_there():
    ids = re.findall(r'\bid="([^"]+)"', PAGE.html)
    assert len(ids) == len(set(ids))
    used = re.findall(r'\b(?:for|list|aria-labelledby|aria-describedby)="([^"]+)"', PAGE.html)
    assert set(used) <= set(ids)
    assert set(re.findall(r'\$\("([\w-]+)"\)', PAGE.html)) <= {*ids, "detail-thumbs"}
