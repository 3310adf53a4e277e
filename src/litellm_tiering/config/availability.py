"""What the schema knows and this version does not do yet: the one table, emptied as parts are built.

Such a part is refused by name when it is *written*, so that nobody believes in a gate or a limit that is
not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.config.words import Finding, Loc, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """One part that is not built.

    Attributes:
        where: Its place below ``tiering``, ``[]`` for any entry of a list, such as ``budgets[].pacing``, and
            ``**`` for a gate and all the gates it combines, however deep.
        written: Whether a value found there asks for it.
        what: What is said not to be available; ``{}`` stands for the value.
        instead: What to do instead.
    """

    where: str
    written: Callable[[object], bool]
    what: str
    instead: str


def _one_of(*values: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in values


def _positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


NOT_BUILT: tuple[NotBuilt, ...] = (
    NotBuilt(
        "classifiers[].kind",
        _one_of("learned", "embedding", "llm", "litellm", "callback"),
        "classifier kind {}",
        "remove it, or use `rules` or `heuristic`",
    ),
    NotBuilt(
        "cascade.gates[].**.kind",
        _one_of("constraints", "arithmetic", "acceptable", "agreement"),
        "gate kind {}",
        "remove it",
    ),
    NotBuilt("experiment.holdout", _positive, "a hold-out", "write `holdout: 0.0`, or leave it out"),
    NotBuilt("capture.share", _positive, "capturing prompts", "write `share: 0.0`, or leave it out"),
)


def unavailable(tree: object, words: Words) -> Iterator[Finding]:
    """A finding for every part of the section ``tree`` that is written and not built."""
    for part in NOT_BUILT:
        for loc, value in _find(tree, tuple(part.where.replace("[]", ".[]").split("."))):
            if part.written(value):
                what = part.what.replace("{}", words.show(value))
                yield Finding(
                    ("tiering", *loc), f"{what} is not available in this version", f"{part.instead}."
                )


def _find(tree: object, where: tuple[str, ...]) -> Iterator[tuple[Loc, object]]:
    if not where:
        yield (), tree
        return
    head, rest = where[0], where[1:]
    if head == "**":
        for loc, gate in combined(tree):
            for below, found in _find(gate, rest):
                yield (*loc, *below), found
        return
    inner: list[tuple[str | int, object]]
    if head == "[]" and isinstance(tree, list):
        inner = list(enumerate(tree))
    elif head != "[]" and isinstance(tree, dict) and head in tree:
        inner = [(head, tree[head])]
    else:
        inner = []
    for key, value in inner:
        for loc, found in _find(value, rest):
            yield (key, *loc), found


def combined(gate: object) -> Iterator[tuple[Loc, object]]:
    """``gate`` as it is written, and every gate that it combines, each with its place below it."""
    yield (), gate
    held = gate.get("gates") if isinstance(gate, dict) else None
    for i, entry in enumerate(held) if isinstance(held, list) else ():
        vote = isinstance(entry, dict) and "gate" in entry
        place: Loc = ("gates", i, "gate") if vote else ("gates", i)
        for loc, inner in combined(entry["gate"] if vote else entry):
            yield (*place, *loc), inner
