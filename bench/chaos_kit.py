"""What chaos and soak share: a Redis that comes and goes, a proxy's workers, and the books compared."""

from __future__ import annotations

import asyncio
import signal
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from litellm_tiering.testing.proxy import PRICES
from litellm_tiering.testing.redis import RedisServer, serve_redis

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterable, Mapping, Sequence

    from litellm_tiering.testing.proxy import Proxy

LOST_WITH_WORKER_S = 5.0
"""What a killed worker answered so shortly before may not have been settled yet: LiteLLM logs in batches."""

FAILED_WITH_WORKER_S = 1.0
"""A client that asks over a connection to a worker may not hear for so long that the worker was killed."""

SETTLED_WITHIN_S = 60.0
_QUIET_TIMES = 10


@dataclass
class Store:
    """A Redis that is killed and started again on the same port, with an append-only file."""

    folder: Path
    port: int
    stack: contextlib.ExitStack
    server: RedisServer | None = None

    @property
    def url(self) -> str:
        """Its address, whether or not it runs."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it; with the file that the last one left."""
        options = ("--appendonly", "yes", "--appendfsync", "everysec")
        self.server = self.stack.enter_context(serve_redis(*options, port=self.port, folder=self.folder))

    def end(self, *, forget: bool) -> None:
        """Kill it as a crash would, and take its file away where it is to ``forget``."""
        assert self.server is not None
        self.server.kill()
        self.stack.close()
        if forget:
            for file in sorted(self.folder.rglob("*"), reverse=True):
                if file.is_file():
                    file.unlink()

    def pause(self) -> None:
        """Make it stop answering."""
        assert self.server is not None
        self.server.pause()

    def resume(self) -> None:
        """Let it answer again."""
        assert self.server is not None
        self.server.resume()


def end_when_told() -> None:
    """Let SIGTERM unwind as Ctrl-C does, so that the servers started here are ended too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def workers(parent: int) -> list[int]:
    """The processes that serve requests: children of the first, started by multiprocessing; it, if alone."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    found = []
    for child in children:
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in command:
            found.append(int(child))
    return found or [parent]


async def all_settled(proxy: Proxy) -> None:
    """Wait until nothing is spooled or held, and a few moments more for LiteLLM's own logging."""
    ends = time.monotonic() + SETTLED_WITHIN_S
    quiet = 0
    while time.monotonic() < ends and quiet < _QUIET_TIMES:
        try:
            status = await asyncio.to_thread(proxy.status)
        except httpx.HTTPError:
            quiet = 0
        else:
            store = status["store"]
            held = any(budget["reserved_usd"] for budget in status["budgets"])
            quiet = quiet + 1 if store["ok"] and not store["spooled"] and not held else 0
        await asyncio.sleep(0.5)


def by_a_kill(at_s: float, ended_s: float, *, broke: bool, killed: Iterable[float]) -> bool:
    """Whether a killed worker explains why a request failed.

    Either the worker had it, or its client had kept a connection to the worker and asked over that: then the
    connection ``broke``, without an answer, and the request had begun within a second of the death.
    """
    return any(
        at_s <= killed_s <= ended_s + FAILED_WITH_WORKER_S
        or (broke and 0 <= at_s - killed_s <= FAILED_WITH_WORKER_S)
        for killed_s in killed
    )


def cost_nano(call: Mapping[str, object]) -> int:
    """What one call of the provider costs, in nano-dollars at the models' prices."""
    prompt, completion = PRICES[str(call["model"]).removeprefix("sim-").removesuffix("-b")]
    return round(int(str(call["prompt_tokens"])) * prompt * 1e9) + round(
        int(str(call["completion_tokens"])) * completion * 1e9
    )


def served(calls: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """What the provider served of each request, in nano-dollars."""
    found: dict[str, int] = {}
    for call in calls:
        if call["status"] == 200:
            user = user_of(int(str(call["seed"])))
            found[user] = found.get(user, 0) + cost_nano(call)
    return found


def user_of(number: int) -> str:
    """The end user that one request is counted for."""
    return f"r{number:06d}"


def quantile(times: Sequence[float], share: float = 0.95) -> float:
    """The 95th percentile, or that of another ``share``; 0 of nothing."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def median(times: Sequence[float]) -> float:
    """The median; 0 of nothing."""
    return statistics.median(times) if times else 0.0


@dataclass(frozen=True, slots=True)
class Books:
    """What the provider served held against what the ledger has settled, request by request.

    Attributes:
        served, settled: In nano-dollars, by request.
        total: The ledger's global total.
        in_hand: Requests that a killed worker had, or had just answered: theirs may be missing.
        left: Requests whose client left: LiteLLM estimates them, so they may differ.
    """

    served: Mapping[str, int]
    settled: Mapping[str, int]
    total: int
    in_hand: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    estimated: Mapping[str, int] = field(default_factory=dict)
    """What LiteLLM itself logged of requests that were left."""
    when: Mapping[str, str] = field(default_factory=dict)
    """What to say of requests in a killed worker's hands."""

    @property
    def wrong(self) -> list[str]:
        """Requests whose cost is another one."""
        found = [u for u, cost in self.served.items() if self.settled.get(u, cost) != cost]
        return [u for u in found if u not in self.left and u not in self.in_hand]

    @property
    def unserved(self) -> list[str]:
        """Requests with a cost that the provider knows nothing of."""
        return [u for u in self.settled if u not in self.served]

    @property
    def missing(self) -> list[str]:
        """Requests without a cost."""
        return [u for u, cost in self.served.items() if cost and u not in self.settled]

    @property
    def lost(self) -> list[str]:
        """Those of them that nobody's death explains."""
        return [u for u in self.missing if u not in self.in_hand and u not in self.left]

    @property
    def odd(self) -> list[str]:
        """Requests that were left and whose cost is not what LiteLLM itself logged."""
        left = (u for u in self.left if u not in self.in_hand)
        return [u for u in left if self.settled.get(u, 0) != self.estimated.get(u, 0)]

    @property
    def forgotten(self) -> int:
        """What is in the global total and in no request's counter: settled, and then forgotten."""
        return self.total - sum(self.settled.values())

    @property
    def balanced(self) -> bool:
        """Whether the global total is the sum of the requests."""
        return not self.forgotten

    @property
    def equal(self) -> bool:
        """Whether every cost is counted, once and right."""
        return not (self.wrong or self.unserved or self.lost or self.odd) and self.balanced

    def text(self) -> str:
        """For people."""
        counted = sum(1 for u in self.served if u in self.settled)
        in_hand = [u for u in self.missing if u in self.in_hand]
        money, spent = "nano-dollars", sum(self.served.values())
        lines = [
            f"served by the provider     {len(self.served):>8} requests {spent:>18,} {money}",
            f"settled of those           {counted:>8} requests {sum(self.settled.values()):>18,} {money}",
            f"the ledger's global total  {'':>8}          {self.total:>18,} {money}",
            f"counted wrong {len(self.wrong)}, never served {len(self.unserved)}, missing {len(self.lost)}",
            f"in the total and in no request's counter   {self.forgotten:>18,} {money}",
            f"in a killed worker's hands and not settled: {len(in_hand)}",
            *(f"  {user} {self.served[user]:>12,} {money}{self.when.get(user, '')}" for user in in_hand),
        ]
        if self.left:
            lines.append(
                f"left by their clients: {len(self.left)}, not as LiteLLM logged them: {len(self.odd)}"
            )
        return "\n".join(lines)
