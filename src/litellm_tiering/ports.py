"""What the engine needs of the outside: small protocols, each with one contract suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from litellm_tiering.dealings import Answer, Hold, Known, Reservation, Settled, Tally

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.core.gate import Said

__all__ = [
    "Answer",
    "Board",
    "Clock",
    "Hold",
    "Known",
    "Ledger",
    "Listener",
    "Notice",
    "Owed",
    "Reservation",
    "Segment",
    "Segments",
    "Settled",
    "Spool",
    "Tally",
    "Upstream",
    "Wire",
]


class Ledger(Protocol):
    """Counts money. Every method raises StoreUnavailable when the store is away.

    All are one round trip but ``active``, ``known``, ``totals``, ``hours`` and ``spending``, which no request
    waits for.

    All scopes or none; a refusal consumes nothing; a counter's expiry is set once and never pushed on; a
    hold nobody settles lapses by itself; a late settle still counts; settle and release are idempotent by
    the attempt's id, and the first of them wins.
    """

    kind: str

    async def reserve(self, hold: Hold) -> Answer:
        """Admit the first option that every limit allows and hold its amount, atomically."""
        ...

    async def keep(self, key: str, rank: int, ttl_s: int, now_s: float) -> int:
        """Raise the rank that is left for a conversation's next turns; which it is then. Never lowers it."""
        ...

    async def settle(
        self, reservation: Reservation, cost: int, now_s: float, tally: Tally | None = None
    ) -> Settled:
        """Count ``cost`` nano-dollars and let go of the hold, once per attempt; ``tally`` is added with it.

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

    async def tell(self, tallies: Sequence[Tally], now_s: float) -> None:
        """Add to the totals what no settlement carries, such as refusals."""
        ...

    async def totals(self, days: Sequence[str]) -> tuple[Tally, ...]:
        """The rows of these days that are known, each once; at most a few thousand a day."""
        ...

    async def hours(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """For each day that is known, the 24 hours' baseline in nano-dollars by team; ``*`` is everybody.

        The baseline, and not the cost: a day that ended at the cheapest tier must not teach pacing that money
        is used early. Corrections may have brought an hour below zero.
        """
        ...

    async def spending(self, days: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """The hours' cost in nano-dollars likewise, of the days of which every hour's is known.

        It is kept for three days: for people who look at today, and not for what is learned of many days. A
        day that another release began to count is left out.
        """
        ...

    async def hello(self, now_s: float) -> str:
        """The store's identity, made up when it has none yet, and proof that it can be written.

        Another identity than before is a store that came back empty. Constant where that cannot happen.
        """
        ...

    async def known(self, now_s: float) -> tuple[str, Mapping[str, Known]]:
        """The store's identity, and what it says of its counters, to be kept elsewhere.

        Every process asks, of whatever host, and one of them every few seconds is told: the others hear of no
        counter. Nor does anybody from a store that cannot come back empty.
        """
        ...

    async def restore(self, known: Mapping[str, Known], now_s: float) -> None:
        """Raise counters of a store that came back empty to what is known of them from before.

        Several processes may do so, in any order, before and after new costs: the largest figure wins, once.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and files; the ledger is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Owed:
    """One settlement that the store has not confirmed: its reservation, cost in nano-dollars, and tally."""

    reservation: Reservation
    cost: int
    tally: Tally | None = None


class Spool(Protocol):
    """Keeps what is owed to a store that is away, beyond the end of this process. Raises StoreError."""

    @property
    def exists(self) -> bool:
        """Whether there may be something in it."""
        ...

    async def add(self, owed: Sequence[Owed]) -> None:
        """Keep settlements; one that is kept already stays as it is."""
        ...

    async def take(self, most: int, now_s: float) -> list[Owed]:
        """Some of what is owed, for this worker to pay; others leave it alone for a while."""
        ...

    async def paid(self, attempts: Sequence[str]) -> None:
        """Forget what the store has confirmed."""
        ...

    async def put_back(self, attempts: Sequence[str]) -> None:
        """Let any worker pay what this one took and could not."""
        ...

    async def count(self) -> int:
        """How many settlements wait."""
        ...

    async def learn(self, identity: str, known: Mapping[str, Known], now_s: float) -> None:
        """Remember which store this is and what is known of its counters, the largest that was ever known."""
        ...

    async def recall(self, now_s: float, identity: str = "") -> tuple[str, dict[str, Known]]:
        """Which store it was, empty when never heard of, and what is known of its counters.

        Of the store with this ``identity``, or of the one that was heard of last.
        """
        ...

    async def close(self) -> None:
        """Let go of the file; the spool is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Something all workers should know, such as an exemption.

    Attributes:
        value: What it says, as JSON of at most 4,096 characters.
        posted_s: Since when, in seconds since the epoch.
        expires_s: When it goes by itself, in seconds since the epoch.
    """

    value: str
    posted_s: float
    expires_s: int


class Board(Protocol):
    """What all workers and hosts share besides money. Raises StoreUnavailable when the store is away.

    One round trip each; no request waits for any of them. At most 1,000 notices and 1,000 entries of history
    are kept; posting one notice too many raises StoreError.
    """

    async def post(self, key: str, value: str, expires_s: int, now_s: float, *, entry: str = "") -> None:
        """Put up a notice, in place of another of this key, and add ``entry`` (JSON) to the history."""
        ...

    async def take_down(self, key: str, now_s: float, *, entry: str = "") -> bool:
        """Take a notice down; False, and no entry, when there is none."""
        ...

    async def notices(self, now_s: float) -> Mapping[str, Notice]:
        """Every notice that has not expired."""
        ...

    async def claim(self, key: str, ttl_s: int, now_s: float) -> bool:
        """Whether this is the first claim of ``key`` within ``ttl_s`` seconds, over all workers and hosts."""
        ...

    async def history(self, most: int) -> tuple[str, ...]:
        """The latest entries, newest first."""
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


class Clock(Protocol):
    """The time, so that tests can turn it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...
