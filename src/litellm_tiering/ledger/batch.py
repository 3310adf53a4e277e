"""Scripts sent to Redis together: what is asked while another question is under way goes as one pipeline.

One connection, however many requests there are at once: no pool to grow, no handshakes in a burst, and the
busier the proxy is, the less each question costs it. Alone, a question is one round trip as ever.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from litellm_tiering.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST = 256
"""How many scripts one pipeline holds: at some 30 microseconds each, Redis is busy for 8 ms."""


COMPANY_S = 0.01
"""How long a script that nobody waits for waits for others to go with."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, and the name that Redis keeps it by."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)

    @classmethod
    def of(cls, *files: str) -> Script:
        """One script out of several files of this folder."""
        folder = resources.files("litellm_tiering.ledger")
        return cls("".join((folder / file).read_text("utf-8") for file in files))


@dataclass(frozen=True, slots=True)
class _Call:
    answer: asyncio.Future[list[Any]]
    script: Script
    keys: Sequence[str]
    args: Sequence[int | str]
    late: Callable[[list[Any]], None] | None


async def ask(client: Any, script: Script, keys: Sequence[str], args: Sequence[int | str]) -> list[Any]:  # noqa: ANN401 - redis-py's clients share no type
    """Run one script by itself."""
    reply: list[Any]
    try:
        reply = await client.evalsha(script.sha, len(keys), *keys, *args)
    except NoScriptError:
        # The first use on this server, or it was restarted: EVAL runs the script and keeps it.
        reply = await client.eval(script.text, len(keys), *keys, *args)
    return reply


class Batch:
    """Scripts for one Redis, from one event loop.

    It keeps one connection of the client's pool for itself and speaks over it directly: the pool's
    bookkeeping around every command costs more than the command.

    Args:
        client: redis-py's, whose pool the connection comes from.
        limit_s: After how many seconds without an answer the connection counts as broken.
    """

    def __init__(self, client: Any, limit_s: float) -> None:  # noqa: ANN401 - redis-py's clients share no type
        self._pool = client.connection_pool
        self._limit_s = limit_s
        self._connection: Any = None
        self._waiting: deque[_Call] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._later: asyncio.TimerHandle | None = None

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[int | str],
        late: Callable[[list[Any]], None] | None = None,
        *,
        patient: bool = False,
    ) -> list[Any]:
        """The script's answer.

        Who stops waiting before the script is sent is not asked for; an answer that nobody waits for any
        more goes to ``late``. A ``patient`` script waits a moment for company: nobody waits for a settlement.

        Raises:
            RedisError, OSError, TimeoutError: Redis is away.
        """
        loop = asyncio.get_running_loop()
        call = _Call(loop.create_future(), script, keys, args, late)
        self._waiting.append(call)
        if self._sender is None:
            if not patient:
                self._start()
            elif self._later is None:
                self._later = loop.call_later(COMPANY_S, self._start)
        return await call.answer

    def _start(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._sender is None and self._waiting:
            self._sender = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        try:
            while self._waiting:
                # Those who have given up meanwhile are not asked for.
                calls = [c for c in self._next() if not c.answer.done()]
                if calls:
                    await self._serve(calls)
        finally:
            self._sender = None

    async def _serve(self, calls: list[_Call]) -> None:
        try:
            async with Deadline(self._limit_s):
                replies = await self._ask_all(calls)
        except BaseException as exc:
            await self.close()
            for call in calls:
                if not call.answer.done():
                    call.answer.set_exception(_for_others(exc))
            if not isinstance(exc, Exception):
                raise
            return
        for call, reply in zip(calls, replies, strict=True):
            _deliver(call, reply)

    def _next(self) -> list[_Call]:
        return [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]

    async def _ask_all(self, calls: list[_Call]) -> list[Any]:
        stale = self._connection is not None
        try:
            replies = await self._exchange([_evalsha(c) for c in calls])
        except (RedisConnectionError, OSError, TypeError):
            if not stale:
                raise
            # It was closed since it was last used, which asyncio of Python 3.12 and 3.13 may tell by a
            # TypeError; a new one says whether Redis is there.
            await self.close()
            replies = await self._exchange([_evalsha(c) for c in calls])
        missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:
            # The first use on this server, or it was restarted. All at once: a burst must not wait its turn.
            texts = {calls[i].script.text for i in missing}
            await self._exchange([("SCRIPT", "LOAD", text) for text in texts])
            again = await self._exchange([_evalsha(calls[i]) for i in missing])
            for i, reply in zip(missing, again, strict=True):
                replies[i] = reply
        if any(isinstance(reply, ReadOnlyError) for reply in replies):
            # What was the master has become a replica: the next call asks anew who that is.
            await self.close()
        return replies

    async def _exchange(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        if self._connection is None:
            self._connection = await self._pool.get_connection()
        connection = self._connection
        await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        replies: list[Any] = []
        for _ in commands:
            try:
                replies.append(await connection.read_response())
            except ResponseError as exc:  # noqa: PERF203 - one answer's error is not the others'
                replies.append(exc)
        return replies

    async def close(self) -> None:
        """Give the connection back, closed: there may be answers left in it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)


def _evalsha(call: _Call) -> tuple[Any, ...]:
    return ("EVALSHA", call.script.sha, len(call.keys), *call.keys, *call.args)


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


def text(reply: Any) -> str:  # noqa: ANN401 - bytes, or text where the caller's client decodes, or a number
    """A text in a script's answer."""
    return reply.decode() if isinstance(reply, bytes) else str(reply)
