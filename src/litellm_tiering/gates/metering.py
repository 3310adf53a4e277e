"""What a validation may spend, and what it knows while it runs.

It spends steps, not seconds, so that the verdict is the same on every machine.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

if TYPE_CHECKING:
    from litellm_tiering.gates.ecma import Pattern

Value: TypeAlias = Any
"""A JSON value, or a part of a schema: whatever the client or the model wrote."""

STEPS = 50_000
"""What all validations of one judgement may spend; a step is a microsecond at most."""

MAX_DESCENTS = 150
"""How many subschemas may stand inside one another while one is judged."""


class Undecidable(Exception):
    """There is no verdict to be had: ``reason`` is a fixed word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Meter:
    """Steps left to spend.

    Args:
        steps: How many there are at first.
    """

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Takes ``steps`` away; raises :class:`Undecidable` when none are left."""
        self.left -= steps
        if self.left < 0:
            raise Undecidable("too_complex")


class Caches:
    """What is worked out of one schema when first needed, and kept with it.

    All but the patterns is kept by the identity of a part of the schema: the schema is a private copy that
    lives as long as this does, and is never changed.

    Args:
        plain: Whether the schema is one resource whose references all point inside it. Then a part of it
            means the same wherever it is reached from, and its validator can be kept.
    """

    __slots__ = ("children", "enums", "patterns", "plain", "targets")

    def __init__(self, *, plain: bool) -> None:
        self.plain = plain
        self.children: dict[int, tuple[Value, int]] = {}
        self.targets: dict[str, Value] = {}
        self.enums: dict[int, frozenset[Value]] = {}
        self.patterns: dict[str, Pattern | None] = {}


class Work:
    """One validation under way.

    Attributes:
        meter: What it may spend.
        caches: What is known of its schema.
        depth: How many subschemas stand inside one another just now.
        guarded: How many of them could turn a pass into a failure (``not``, ``oneOf``, ``if``, ``contains``).
        unknown: Why a pass is not certain; empty while it is.
    """

    __slots__ = ("caches", "depth", "guarded", "meter", "unknown")

    def __init__(self, meter: Meter, caches: Caches) -> None:
        self.meter = meter
        self.caches = caches
        self.depth = 0
        self.guarded = 0
        self.unknown = ""

    def doubt(self, reason: str) -> None:
        """A keyword that cannot be judged counts as passed, and the whole as uncertain.

        Where a pass could make something else fail there is no safe guess: raises :class:`Undecidable`.
        """
        if self.guarded:
            raise Undecidable(reason)
        self.unknown = self.unknown or reason


_WORK: ContextVar[Work] = ContextVar("litellm_tiering_validation")

current = _WORK.get
"""The validation under way in this thread or task: the library hands its keywords nothing of ours."""

begin = _WORK.set
end = _WORK.reset


def give_up(reason: str) -> NoReturn:
    """Ends the validation without a verdict."""
    raise Undecidable(reason)
