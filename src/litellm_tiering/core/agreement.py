"""Asking more than one model the same: who else is asked, and what came of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.core.gate import Said

UNUSED = "unused"
"""The verdict of an answer that was asked for beside another and never compared with it."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whom to ask beside a tier's own model, and when.

    Attributes:
        gate: The name of the gate that compares the answers.
        ranks: The tiers at which a request that starts there is asked twice.
        model: The second model group; empty to ask the tier's own once more.
        more: How many answers are asked for beside the tier's own.
        on: What is compared: ``auto``, ``always``, or one form.
        timeout_s: How long each of them may take from when it was asked, in seconds.
        serve_with: Whether the second model's answer is served where both agree.
        shadow: Whether what comes of it changes nothing: it is asked and paid for, and nobody waits for it.
    """

    gate: str
    ranks: frozenset[int]
    model: str = ""
    more: int = 1
    on: str = "auto"
    timeout_s: float = 30.0
    serve_with: bool = False
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer that was asked for beside another: the answer, or why there is none, in a fixed word."""

    said: Said | None = None
    why: str = ""


class Peers(Protocol):
    """What was asked beside one attempt. Every word in it is a fixed one, never text of an answer."""

    why: str
    """Why nobody was asked; empty where somebody was."""

    async def heard(self) -> tuple[Heard, ...]:
        """Every answer, in the order asked, as soon as all are there or their time is over."""
        ...

    def compared(self, words: Sequence[str]) -> None:
        """Note what the gate made of each, in the same order: ``agrees``, ``differs``, or why neither."""
        ...


class Known:
    """Peers whose answers are there already: for tests, and for judging recorded answers offline."""

    def __init__(self, answers: Sequence[Said | None], why: str = "") -> None:
        self.why = why
        self.words: tuple[str, ...] = ()
        self._answers = tuple(answers)

    async def heard(self) -> tuple[Heard, ...]:
        """The answers; one that is None has failed."""
        return tuple(Heard(a) if a is not None else Heard(why="failed") for a in self._answers)

    def compared(self, words: Sequence[str]) -> None:
        """Keep the words."""
        self.words = tuple(words)
