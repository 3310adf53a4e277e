"""Classifiers that owners write: a function, found by its name, called within a time limit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

from litellm_tiering.core.classification import Opinion
from litellm_tiering.owncode import target as found
from litellm_tiering.owncode.call import BoundedCall, Late
from litellm_tiering.owncode.target import safe_word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.ladder import Ladder

F = TypeVar("F", bound="Callable[..., Any]")

ENTRY_POINTS = "litellm_tiering.classifiers"
"""The group of entry points in which packages offer classifiers by a bare name."""

_MARK = "__litellm_tiering_classifier__"
_MOST_SIGNALS = 16


@overload
def classifier(function: F, /) -> F: ...


@overload
def classifier(*, name: str | None = None) -> Callable[[F], F]: ...


def classifier(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Mark a function as a classifier; it stays a function that can be called.

    Args:
        function: The function, where the decorator is used bare.
        name: What it is called in records; else the function's name.

    Example:
        >>> from litellm_tiering import classifier
        >>> @classifier(name="by_team")
        ... def choose(subject):
        ...     return "complex" if subject.caller.team == "research" else None
    """

    def marked(function: F) -> F:
        setattr(function, _MARK, safe_word(name or found.name_of(function)))
        return function

    return marked if function is None else marked(function)


def load_target(target: str) -> Callable[..., Any]:
    """The classifier that ``target`` names: ``package.module:function``, dots throughout, or an entry point.

    Raises:
        ValueError: there is none, or its module cannot be imported; the message says which.
    """
    return found.load(target, ENTRY_POINTS, "classifier")


class CallbackClassifier:
    """Asks a function of the owner's, which may be ``async``, what it makes of a request.

    It is given the :class:`~litellm_tiering.core.classification.Subject` and returns a tier's name, a score
    (higher for a stronger model, made a tier by ``thresholds``), an
    :class:`~litellm_tiering.core.classification.Opinion`, or None to abstain. A plain function runs in a
    thread, so that it never holds up the event loop. What it raises, a time limit that it passes and a
    return that is none of these are faults, which a chain contains: the classifier then abstains.

    Args:
        ladder: The ladder whose tiers it may name.
        target: The function, or what :func:`load_target` finds by this text.
        name: What it is called in records; else what ``@classifier`` said, else the function's name.
        timeout_ms: How long it may take, in milliseconds; waiting for a thread counts.
        thresholds: By which its scores become tiers; the heuristic's when None.
        abstain_below: With less confidence than this an Opinion of its decides nothing.

    Raises:
        ValueError: there is no such function.
    """

    kind = "callback"

    __slots__ = ("_call", "_ladder", "abstain_below", "name", "thresholds")

    def __init__(  # noqa: PLR0913 - what a configuration says of it
        self,
        ladder: Ladder,
        target: Callable[[Subject], Any] | str,
        *,
        name: str | None = None,
        timeout_ms: float = 50,
        thresholds: Sequence[float] | None = None,
        abstain_below: float = 0.0,
    ) -> None:
        function = load_target(target) if isinstance(target, str) else target
        mark = getattr(function, _MARK, None)
        self.name = safe_word(name or (mark if isinstance(mark, str) else found.name_of(function)))
        self.thresholds = tuple(thresholds or ())
        self.abstain_below = abstain_below
        self._ladder = ladder
        self._call = BoundedCall(function, limit_s=timeout_ms / 1_000, name=f"tiering-classifier-{self.name}")

    async def classify(self, subject: Subject) -> Opinion | None:
        """The function's opinion of ``subject``; None where it abstains.

        Raises:
            TimeoutError: it took too long.
            TypeError, ValueError: it returned what is no opinion, or of no tier of the ladder.
            Exception: whatever it raised; a chain contains it.
        """
        # Asking the owner's models costs, and is for the classifiers that keep account of it.
        shown = subject if subject.side is None else replace(subject, side=None)
        try:
            said = await self._call(shown)
        except Late:
            late = TimeoutError(f"took longer than {self._call.limit_s * 1_000:g} ms")
            raise self._call.blamed(late) from None
        except SystemExit as error:
            raise RuntimeError("the function called sys.exit") from error
        try:
            return self._opinion(said)
        except (TypeError, ValueError) as error:
            self._call.blamed(error)
            raise

    def _opinion(self, said: object) -> Opinion | None:
        """What it returned, made fit to be recorded."""
        if said is None:
            return None
        if isinstance(said, str):
            rank = self._ladder.find(said)
            if rank is None:
                raise ValueError("named a tier that is not on the ladder")
            return Opinion(by=self.kind, name=self.name, rank=rank)
        if isinstance(said, (int, float)) and not isinstance(said, bool):
            return Opinion(by=self.kind, name=self.name, score=_finite(said, "a score"))
        if not isinstance(said, Opinion):
            raise TypeError(f"returned {type(said).__name__}, not a tier's name, a score, an Opinion or None")
        return Opinion(
            by=self.kind,
            name=safe_word(said.name) if isinstance(said.name, str) and said.name else self.name,
            score=None if said.score is None else _finite(said.score, "a score"),
            rank=None if said.rank is None else self._rank(said.rank),
            floor=self._bound(said.floor),
            cap=self._bound(said.cap),
            confidence=min(1.0, max(0.0, _finite(said.confidence, "a confidence"))),
            signals=_signals(said.signals),
        )

    def _rank(self, rank: object) -> int:
        if isinstance(rank, bool) or not isinstance(rank, int) or not 0 <= rank <= self._ladder.top:
            raise ValueError("named a rank that is not on the ladder")
        return rank

    def _bound(self, bound: object) -> tuple[int, str] | None:
        if bound is None:
            return None
        if not isinstance(bound, tuple) or len(bound) != 2 or not isinstance(bound[1], str):  # noqa: PLR2004 - rank and name
            raise TypeError("returned a bound that is no pair of a rank and a name")
        return self._rank(bound[0]), safe_word(bound[1] or self.name)


def _finite(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"returned a {type(value).__name__} for {what}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"returned {what} that is not finite")
    return number


def _signals(signals: Mapping[str, float]) -> dict[str, float]:
    """At most a few signals, named plainly: they are recorded, and may not carry text."""
    kept: dict[str, float] = {}
    for name, value in dict(signals).items():
        if len(kept) == _MOST_SIGNALS:
            break
        if isinstance(name, str) and isinstance(value, (int, float)) and math.isfinite(value):
            kept[safe_word(name)] = float(value)
    return kept
