"""Every regular expression of the package is linear in the text it reads, or stands below with its reason."""

from __future__ import annotations

import ast
import functools
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import litellm_tiering

sys.path.insert(0, str(Path(__file__).parent))  # the proof lies beside this file
from pattern_proof import AMBIGUOUS, LINEAR, SEARCHED, judge

SOURCE = Path(litellm_tiering.__file__).parent
OWNERS = ("litellm_tiering.cli", "litellm_tiering.evals", "litellm_tiering.config", "litellm_tiering.testing")
"""Rooms that read only what the owner wrote or started."""

_TO_THE_END = "what it cannot close runs to the end of the text, where it always matches"
_MATCHES = "always matches from where it began, and goes on behind: no place is begun at twice"
EXPLAINED = {
    ("litellm_tiering.decisions", "_IN_LABEL"): "labels are ours, of at most a few hundred characters",
    ("litellm_tiering.events", "_LOGIN"): "what events tell, cut to a few hundred characters",
    ("litellm_tiering.gates.acceptable_features", "_NUMBER"): _MATCHES,
    ("litellm_tiering.gates.acceptable_result", "_NUMBER"): _MATCHES,
    ("litellm_tiering.gates.arithmetic_reading", "_NOT_EQUAL"): _MATCHES,
    ("litellm_tiering.gates.arithmetic_reading", "_PART"): _MATCHES,
    ("litellm_tiering.gates.constraints.clauses", "_TOKEN"): _MATCHES,
    ("litellm_tiering.gates.constraints.measure", "_CAPITAL"): _MATCHES,
    ("litellm_tiering.gates.constraints.source", "_FENCE"): _TO_THE_END,
    ("litellm_tiering.gates.constraints.tongues_spoken", "_NO_PROSE"): _TO_THE_END,
    ("litellm_tiering.gates.unbalanced", "_SKIPPED"): _TO_THE_END,
    ("litellm_tiering.intake.inflation", "_PIECE"): "a single hyphen and a double one exclude each other",
}
"""What the proof, which takes assertions for open, cannot show."""


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(litellm_tiering.__path__, "litellm_tiering."):
        if not found.name.startswith(OWNERS) and not found.name.endswith("__main__"):
            yield found.name


def patterns_in(value: object, deep: int = 0) -> Iterator[re.Pattern]:
    if isinstance(value, re.Pattern):
        yield value
    elif deep < 4:
        inner: list = []
        if isinstance(value, Mapping):
            inner = [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            inner = list(value)
        elif type(value).__module__.startswith("litellm_tiering") and not isinstance(value, type):
            inner = [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())]
            inner += list(getattr(value, "__dict__", {}).values())
        for one in inner:
            yield from patterns_in(one, deep + 1)


@functools.cache
def named() -> list[tuple[str, str, re.Pattern]]:
    """Every compiled pattern that a module holds: the module, the name there, and it."""
    found, seen = [], set()
    for module in modules():
        if module.startswith("litellm_tiering.plugin"):
            continue  # its attributes are made on demand, by a running proxy
        for name, value in list(vars(importlib.import_module(module)).items()):
            for pattern in patterns_in(value):
                if (pattern.pattern, pattern.flags) not in seen:
                    seen.add((pattern.pattern, pattern.flags))
                    found.append((module, name, pattern))
    return found


@functools.cache
def uses(file: Path) -> dict[str, set[str]]:
    """Which attributes of what has a private name are used in a file, by that name."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id[:1] == "_":
            found.setdefault(node.value.id, set()).add(node.attr)
    return found


@functools.cache
def verdict(module: str, name: str, pattern: re.Pattern) -> str:
    """What the proof says of a pattern, as it is used: one that is only matched begins at one place."""
    file = importlib.import_module(module).__file__
    used = uses(Path(file or "")).get(name, set())
    found = judge(pattern, to_the_end="fullmatch" in used)
    return LINEAR if found == SEARCHED and used and used <= {"match", "fullmatch", "pattern"} else found


def test_every_pattern_is_linear_or_explained():
    found = named()
    assert len(found) > 100
    wrong = {
        f"{module}.{name}: {said}: {pattern.pattern!r:.80}"
        for module, name, pattern in found
        # One class, thousands of characters long; it repeats nothing.
        if len(pattern.pattern) < 4_000
        and (module, name) not in EXPLAINED
        and (said := verdict(module, name, pattern)) != LINEAR
    }
    assert not wrong


def test_no_explanation_outlives_what_it_explains():
    explained = [(module, name, pattern) for module, name, pattern in named() if (module, name) in EXPLAINED]
    known = {
        (module, name) for module, name, pattern in explained if verdict(module, name, pattern) != LINEAR
    }
    assert set(EXPLAINED) <= known


def in_functions() -> Iterator[tuple[str, str]]:
    """Patterns that are written where they are used: the file, and the pattern."""
    for file in SOURCE.rglob("*.py"):
        name = f"litellm_tiering.{'.'.join(file.relative_to(SOURCE).with_suffix('').parts)}"
        if name.startswith(OWNERS):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            on_re = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name)
            if on_re and called.value.id == "re" and called.attr not in {"compile", "escape"}:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield name, first.value


def test_patterns_within_functions_are_linear():
    found = list(in_functions())
    assert found
    wrong = {f"{name}: {text!r}" for name, text in found if judge(re.compile(text)) != LINEAR}
    assert not wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a+", LINEAR),
        ("a+b", SEARCHED),
        ("(a+)+b", AMBIGUOUS),
        ("(?:ab|a[bc]e?)*d", AMBIGUOUS),
        ("a*a*b", AMBIGUOUS),
        ('"[^"]*"', LINEAR),
        (r"\w+(?: \w+)*x", SEARCHED),
        (r"[^.]+[.!]*", LINEAR),
        (r",(?=[ ]*x)", LINEAR),
        (r"(?=[ ]*x)", SEARCHED),
        (r"(?m)^[ ]*x", LINEAR),
        (r"(?m)^\s*x", SEARCHED),
        (r"\A\s*x", LINEAR),
        (r"\b\w+x", LINEAR),
        (r"(?<![.])[.]+x", LINEAR),
        (r"a{0,400}b", LINEAR),
        (r"(?i)(?:K|k)*x", SEARCHED),
        # Those that were found here, and are mended.
        (r"[\s]*(?:\d+[.)]|[-*])?\s*(?:first|before|please)?,?\s*$", AMBIGUOUS),
        (r"\A```[\w+-]{0,20}\s*([\s\S]*?)\s*```\Z", AMBIGUOUS),
        (r"(?m)^[ \t]*\|?[^|\n]+\|[^\n]*$", AMBIGUOUS),
        (r"[.!?]+[\"')]{0,4}(?=\s|$)", SEARCHED),
    ],
)
def test_the_proof_tells_them_apart(text, said):
    assert judge(re.compile(text)) == said


def test_what_always_matches_to_the_end_may_fail_a_full_match():
    assert judge(re.compile("a*a*")) == LINEAR
    assert judge(re.compile("a*a*"), to_the_end=True) == AMBIGUOUS
