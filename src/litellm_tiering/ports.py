"""What the engine needs of the outside: small protocols, each with one contract suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.budget import Balance, Choice, Limit
    from litellm_tiering.core.classification import Classification, Subject
    from litellm_tiering.core.gate import Said


@dataclass(frozen=True, slots=True)
class Hold:
    """What is asked of the ledger for one attempt.

    Attributes:
        attempt: The attempt's id, unique for all time; settling is idempotent by it.
        limits: The counters it falls under, in order.
        amounts: What each option would cost at most, in nano-dollars, dearest first.
        floor: Whether the last option is the cheapest tier, which a ceiling that does not block lets pass.
        now_s: The time of asking, in seconds since the epoch.
        ttl_s: After how long the hold lapses when nobody settles it.
    """

    attempt: str
    limits: tuple[Limit, ...]
    amounts: tuple[int, ...]
    floor: bool
    now_s: float
    ttl_s: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money held for one attempt. It carries all that settling needs, so any process can settle it.

    Attributes:
        attempt: The attempt's id.
        keys: The counters it is held under.
        expires_s: For each key, when the counter may be forgotten.
        amount: What is held, in nano-dollars.
        lapses_s: When the hold lapses by itself, in seconds since the epoch; a whole number.
    """

    attempt: str
    keys: tuple[str, ...]
    expires_s: tuple[int, ...]
    amount: int
    lapses_s: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The ledger's answer to a :class:`Hold`.

    Attributes:
        choice: Which option was admitted, or that none was.
        balances: Each counter as it stood before, in the order asked.
        reservation: The hold; None when refused: a refusal consumes nothing.
    """

    choice: Choice
    balances: tuple[Balance, ...]
    reservation: Reservation | None


class Ledger(Protocol):
    """Counts money. Every method raises StoreUnavailable when the store is away.

    All are one round trip but ``active``, which no request waits for.

    All scopes or none; a refusal consumes nothing; a counter's expiry is set once and never pushed on; a
    hold nobody settles lapses by itself; a late settle still counts; settle and release are idempotent by
    the attempt's id, and the first of them wins.
    """

    kind: str

    async def reserve(self, hold: Hold) -> Answer:
        """Admit the first option that every limit allows and hold its amount, atomically."""
        ...

    async def settle(self, reservation: Reservation, cost: int, now_s: float) -> bool:
        """Count ``cost`` nano-dollars and let go of the hold; False when this attempt was ended before.

        A reservation with ``amount`` 0 counts a cost that was never reserved.
        """
        ...

    async def release(self, reservation: Reservation, now_s: float) -> bool:
        """Let go of the hold without a cost; False when this attempt was ended before."""
        ...

    async def balances(self, keys: Sequence[str], now_s: float) -> tuple[Balance, ...]:
        """The state of counters, without touching them; an unknown key is zero."""
        ...

    async def active(self, now_s: float) -> Mapping[str, Balance]:
        """Every live counter and its state, for status; at most a few thousand, newest windows included."""
        ...

    async def close(self) -> None:
        """Let go of connections and files; the ledger is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """How one kind of request has fared lately at one tier.

    Attributes:
        turn: How often it changed between bypassed and not; what was seen in an earlier one no longer counts.
        bypassed: Whether its requests start one tier higher.
        window: The latest judged answers of this turn, newest last: ``1`` rejected, ``0`` accepted.
    """

    turn: int = 0
    bypassed: bool = False
    window: str = ""


class Segments(Protocol):
    """Remembers how segments fare, for every worker. Raises StoreUnavailable when the store is away.

    One round trip each; no request waits for any of them. A segment nobody touched for a day is forgotten.
    """

    async def push(self, key: str, *, rejected: bool, turn: int, now_s: float) -> Segment:
        """Add one judged answer of the turn ``turn`` and return the segment as it now stands.

        An answer of another turn than the current one is not added: it was under way when things changed.
        """
        ...

    async def turn_over(self, key: str, *, turn: int, bypassed: bool, now_s: float) -> Segment:
        """Begin the turn after ``turn`` with an empty window; where another worker already has, nothing."""
        ...

    async def segments(self, now_s: float) -> Mapping[str, Segment]:
        """Every live segment, at most a few thousand."""
        ...


class Listener(Protocol):
    """Makes out the answer in a stream's chunks, as they come."""

    chars: int
    """How many characters of answer have been heard: text, and arguments of tools."""

    def hear(self, chunk: object) -> None:
        """Take in one more chunk; one that it cannot read is no answer, and no error."""
        ...

    def said(self) -> tuple[Said, ...]:
        """The answer so far, one entry for each choice."""
        ...


class Wire(Protocol):
    """How one API writes answers. What it cannot read is an empty answer, never an error."""

    def whole(self, response: object) -> tuple[Said, ...]:
        """A whole answer, one entry for each choice."""
        ...

    def listener(self) -> Listener:
        """For one stream."""
        ...


class Upstream(Protocol):
    """Sends one request to model groups: the same each time, but for the group and the attempt's id."""

    async def call(self, model: str, attempt: str) -> Any:  # noqa: ANN401 - each API has answers of its own
        """The answer of a group, whole or as a stream of chunks; raises what the call raises."""
        ...


class Classifying(Protocol):
    """A chain of classifiers: one opinion out of many."""

    def classify(self, subject: Subject) -> Classification:
        """What the chain makes of ``subject``. Quick: it runs before the upstream call."""
        ...


class Clock(Protocol):
    """The time, so that tests can turn it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...
