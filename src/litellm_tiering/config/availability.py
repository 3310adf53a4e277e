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
        where: Its place below ``tiering``, ``[]`` for any entry of a list, such as ``budgets[].pacing``.
        written: Whether a value found there asks for it.
        what: What is said not to be available; ``{}`` stands for the value.
        instead: What to do instead.
    """

    where: str
    written: Callable[[object], bool]
    what: str
    instead: str


NOT_BUILT: tuple[NotBuilt, ...] = ()


def unavailable(tree: object, words: Words, parts: tuple[NotBuilt, ...] = NOT_BUILT) -> Iterator[Finding]:
    """A finding for every one of ``parts`` that the section ``tree`` asks for."""
    for part in parts:
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
