"""The ranks that conversations have reached, of a single process; gone with it."""

from __future__ import annotations

KEPT_MAX = 100_000
"""How many conversations are remembered at most, about 25 MB of them; those idle for longest go first."""


class MemoryThreads:
    """Ranks by key, each with when it is forgotten. The ledger's lock guards them."""

    def __init__(self) -> None:
        # By when they were last kept: dicts keep their order.
        self._kept: dict[str, tuple[int, int]] = {}

    def rank(self, key: str, now: int) -> int:
        """The rank that is kept under ``key``; 0 for none."""
        rank, expires_s = self._kept.get(key, (0, 0))
        return rank if expires_s > now else 0

    def keep(self, key: str, rank: int, ttl_s: int, now: int) -> int:
        """Raise what is kept under ``key``, from now on for ``ttl_s`` seconds; what it is then."""
        rank = max(rank, self.rank(key, now))
        if rank:
            self._kept.pop(key, None)
            self._kept[key] = (rank, now + ttl_s)
            while len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return rank

    def forget(self, now: int) -> None:
        """Forget what is over, as far as it stands first."""
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest][1] > now:
                break
            del self._kept[oldest]

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
