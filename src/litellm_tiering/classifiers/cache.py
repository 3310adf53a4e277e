"""What classifiers keep between requests: their answers by a keyed hash of the text, and who is at rest."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V")


class Cache(Generic[V]):
    """The latest answers, by text. Of a text it keeps a hash under a key that no other process has.

    Args:
        clock: The time, in seconds from any start; never goes back.
        ttl_s: For how long an answer holds; 0 keeps none.
        most: How many are kept; the one that was not asked for longest goes first.
    """

    def __init__(self, clock: Callable[[], float], ttl_s: float, most: int) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._most = most
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def key(self, *parts: str) -> bytes:
        """The key of texts: the same for the same ones only, each as it stands."""
        digest = hashlib.blake2b(key=self._secret, digest_size=16)
        for part in parts:
            # Half of a pair of surrogates, which JSON can hold, is text as well.
            raw = part.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "big"))
            digest.update(raw)
        return digest.digest()

    def get(self, key: bytes) -> V | None:
        """What is known under ``key``; None where nothing is, or not any more."""
        found = self._known.get(key)
        if found is None:
            return None
        if found[0] <= self._clock():
            del self._known[key]
            return None
        self._known.move_to_end(key)
        return found[1]

    def put(self, key: bytes, value: V) -> None:
        """Keep ``value`` under ``key`` for a while."""
        if self._ttl_s <= 0:
            return
        self._known[key] = (self._clock() + self._ttl_s, value)
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)


class Breaker:
    """Lets a model rest after it has failed many times in a row, then tries it with one question.

    Args:
        clock: The time, in seconds from any start; never goes back.
        limit: How many failures in a row are too many.
        rest_s: For how long it then rests.
    """

    def __init__(self, clock: Callable[[], float], limit: int = 5, rest_s: float = 30.0) -> None:
        self._clock = clock
        self._limit = limit
        self._rest_s = rest_s
        self._failures = 0
        self._until_s = 0.0

    @property
    def open(self) -> bool:
        """Whether it rests, or is being tried."""
        return self._failures >= self._limit

    def allows(self) -> bool:
        """Whether it may be asked now; the one who hears yes of a resting one is to ask, and to tell."""
        if not self.open:
            return True
        now = self._clock()
        if now < self._until_s:
            return False
        # One question; the others wait for its end, or for another rest where it never ends.
        self._until_s = now + self._rest_s
        return True

    def unasked(self) -> None:
        """The one who was allowed to ask did not: another may."""
        if self.open:
            self._until_s = self._clock()

    def answered(self) -> None:
        """It answered."""
        self._failures = 0

    def failed(self) -> bool:
        """It failed; True where it goes to rest by that, having been at work."""
        before = self.open
        self._failures = min(self._failures + 1, self._limit)
        if self.open:
            self._until_s = self._clock() + self._rest_s
        return self.open and not before
