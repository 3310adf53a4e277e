"""Scripts sent to Redis together: what is asked while another question is under way goes as one pipeline.

One connection, however many requests there are at once: no pool to grow, no handshakes in a burst, and the
busier the proxy is, the less each question costs it. Alone, a question is one round trip as ever.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST = 256
"""How many scripts one pipeline holds: at some 30 microseconds each, Redis is busy for 8 ms."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, and the name that Redis keeps it by."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)


@dataclass(frozen=True, slots=True)
class _Call:
    answer: asyncio.Future[list[Any]]
    script: Script
    keys: Sequence[str]
    args: Sequence[int]
    late: Callable[[list[Any]], None] | None


async def ask(client: Any, script: Script, keys: Sequence[str], args: Sequence[int]) -> list[Any]:  # noqa: ANN401 - redis-py's clients share no type
    """Run one script by itself."""
    reply: list[Any]
    try:
        reply = await client.evalsha(script.sha, len(keys), *keys, *args)
    except NoScriptError:
        # The first use on this server, or it was restarted: EVAL runs the script and keeps it.
        reply = await client.eval(script.text, len(keys), *keys, *args)
    return reply


class Batch:
    """Scripts for one Redis, from one event loop."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - redis-py's clients share no type
        self._client = client
        self._waiting: deque[_Call] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[int],
        late: Callable[[list[Any]], None] | None = None,
    ) -> list[Any]:
        """The script's answer.

        Who stops waiting before the script is sent is not asked for; an answer that nobody waits for any
        more goes to ``late``.

        Raises:
            RedisError, OSError: what redis-py raises when Redis is away.
        """
        call = _Call(asyncio.get_running_loop().create_future(), script, keys, args, late)
        self._waiting.append(call)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.ensure_future(self._send())
        return await call.answer

    async def _send(self) -> None:
        while self._waiting:
            # Those who have given up meanwhile are not asked for.
            calls = [c for c in self._next() if not c.answer.done()]
            if not calls:
                continue
            try:
                replies = await self._pipeline(calls)
            except BaseException as exc:
                for call in calls:
                    if not call.answer.done():
                        call.answer.set_exception(_for_others(exc))
                if not isinstance(exc, Exception):
                    raise
                continue
            for call, reply in zip(calls, replies, strict=True):
                _deliver(call, reply)

    def _next(self) -> list[_Call]:
        return [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]

    async def _pipeline(self, calls: list[_Call]) -> list[Any]:
        if len(calls) == 1:
            (call,) = calls
            return [await ask(self._client, call.script, call.keys, call.args)]
        replies = await self._execute(calls)
        missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:
            # The first use on this server, or it was restarted. All at once: a burst must not wait its turn.
            again = [calls[i] for i in missing]
            for text in {call.script.text for call in again}:
                await self._client.script_load(text)
            for i, reply in zip(missing, await self._execute(again), strict=True):
                replies[i] = reply
        return replies

    async def _execute(self, calls: list[_Call]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(call.script.sha, len(call.keys), *call.keys, *call.args)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        return replies


def _deliver(call: _Call, reply: Any) -> None:  # noqa: ANN401 - a list, or an exception of redis-py's
    failed = isinstance(reply, Exception)
    if not call.answer.done():
        if failed:
            call.answer.set_exception(reply)
        else:
            call.answer.set_result(reply)
    elif call.late is not None and not failed:
        call.late(reply)


def _for_others(exc: BaseException) -> BaseException:
    """What to tell those who waited: a cancelled sender is no cancellation of theirs."""
    return ConnectionError("the connection was closed") if isinstance(exc, asyncio.CancelledError) else exc
