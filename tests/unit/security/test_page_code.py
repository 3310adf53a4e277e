"""The dashboard's own code has no way from text to markup or script, whatever a name holds."""

from __future__ import annotations

import re

import pytest

from litellm_tiering.gateway import page

SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\s*\.\s*write|\beval\s*\(|\bFunction\s*\(|"
    r"createContextualFragment|DOMParser|srcdoc|javascript:|\bset(?:Timeout|Interval)\s*\(\s*[\"'`]|"
    r"\.(?:src|href|action|cssText)\s*=[^=]|import\s*\(|importScripts|\bon[a-z]+\s*=\s*[\"'`]"
)


@pytest.mark.parametrize("name", page.SCRIPTS)
def test_no_script_turns_text_into_markup(name):
    text = re.sub(r"(?m)^\s*//.*$", "", page._part(name))
    assert text
    assert not SINKS.search(text)


@pytest.mark.parametrize(
    "planted",
    ["x.innerHTML = name", "eval(name)", "setTimeout('f()', 1)", "a.href = name", "new Function (name)"],
)
def test_what_is_looked_for_would_be_found(planted):
    assert SINKS.search(planted)


def test_the_page_itself_loads_and_runs_nothing_else():
    text = page._part("index.html")
    assert not re.search(r"\bon[a-z]+\s*=", text)
    assert not re.search(r"\b(?:src|href|action)\s*=\s*[\"'](?!#|data:)", text)
    policy = page.PAGE.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert {"default-src 'none'", "trusted-types 'none'", "base-uri 'none'"} <= set(policy.split("; "))
