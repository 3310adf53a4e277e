"""One request to the proxy, tried again where trying again can help."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import httpx

from litellm_tiering.batch.answers import BUDGET, Failure, failure_in, without
from litellm_tiering.batch.pace import Stopped, retry_after, wait_s, worth_another_try

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from litellm_tiering.batch.pace import Pace, Times

MAX_ANSWER_BYTES = 64_000_000
"""The longest answer that is taken."""

MAX_LINE_BYTES = 64_000_000
"""The longest line of a downloaded file that is taken."""

UNTOLD_BUDGET_S = 60.0
"""How long to wait, in seconds, for a budget that does not say when there is money again."""

UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: its status, headers, and the JSON in its body, None where there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the request succeeded."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be sent, and the fields beside it."""

    file: IO[bytes]
    name: str
    fields: Mapping[str, str]


def may_pass(failure: Failure) -> bool:
    """Whether the same request may succeed later: the server was busy, or never heard of it."""
    return failure.status is None or worth_another_try(failure.status)


class Proxy:
    """The proxy, as a batch asks it.

    Args:
        client: Its base URL and authorisation are set; it follows no redirects and has timeouts.
        pace: When requests may go out.
        times: The clock.
        secret: The key, to be kept out of every message.
        tries: How often a request is sent at most.
        wait: Whether to wait where a budget is exhausted.
        on_wait: Told, once for each pause, until when everything waits, in seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - what a connection is made of
        self,
        client: httpx.AsyncClient,
        pace: Pace,
        times: Times,
        *,
        secret: str = "",
        tries: int = 6,
        wait: bool = False,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        self._client = client
        self._pace = pace
        self.times = times
        self._secret = secret
        self._tries = tries
        self._wait = wait
        self._on_wait = on_wait

    async def ask(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        upload: Upload | None = None,
        *,
        tries: int | None = None,
    ) -> Reply | Failure:
        """The answer, or why there is none after every try that could help.

        Args:
            method: Of the request.
            path: The route.
            content: A JSON body.
            upload: A file, in place of that.
            tries: How often it is sent at most; None for what this connection does.

        Raises:
            Stopped: the proxy cannot be reached at all, or refuses the key.
        """
        tried = 0
        while True:
            await self._pace.turn()
            tried += 1
            found, after_s = await self._once(method, path, content, upload)
            if isinstance(found, Reply):
                return found
            if found.kind == BUDGET:
                if not self._wait:
                    return found
                # Waiting is no try: a budget may be exhausted again when the next window opens.
                tried = 0
                self._await_money(after_s)
            elif tried >= (tries or self._tries) or not may_pass(found):
                if found.kind == UNREACHABLE and tries is None:
                    raise Stopped(f"the proxy cannot be reached: {found.message}")
                return found
            else:
                await self.times.sleep(wait_s(tried, after_s, self.times.draw()))

    async def _once(
        self, method: str, path: str, content: bytes | None, upload: Upload | None
    ) -> tuple[Reply | Failure, float | None]:
        """One try: the answer, or the failure and how long the server asks to wait, in seconds."""
        try:
            async with self._client.stream(method, path, **_sending(content, upload)) as answer:
                raw = await _bounded(answer)
                status, headers = answer.status_code, answer.headers
        except httpx.ConnectError as error:
            return Failure(None, UNREACHABLE, self._shown(error)), None
        except httpx.TimeoutException:
            return Failure(None, "timeout", "no answer in time"), None
        except (httpx.TransportError, httpx.DecodingError) as error:
            return Failure(None, "broken_off", self._shown(error)), None
        if raw is None:
            return Failure(status, "bad_answer", f"longer than {MAX_ANSWER_BYTES / 1e6:g} MB"), None
        return self._read(Reply(status, headers, _json_in(raw))), retry_after(headers, self.times.now())

    def _read(self, reply: Reply) -> Reply | Failure:
        if not reply.ok:
            return failure_in(reply.status, reply.body, self._secret)
        if not isinstance(reply.body, dict):
            return Failure(reply.status, "bad_answer", "the answer is not a JSON object")
        return reply

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """The lines of a file that is downloaded, one at a time; not tried again once it has begun.

        Raises:
            Stopped: it cannot be had.
        """
        await self._pace.turn()
        held = bytearray()
        try:
            async with self._client.stream("GET", path) as answer:
                if not answer.is_success:
                    raise Stopped(f"the answers cannot be downloaded (status {answer.status_code})")
                async for chunk in answer.aiter_bytes():
                    held += chunk
                    *whole, rest = held.split(b"\n")
                    held = bytearray(rest)
                    for line in whole:
                        yield bytes(line)
                    if len(held) > MAX_LINE_BYTES:
                        raise Stopped(f"an answer is longer than {MAX_LINE_BYTES / 1e6:g} MB")
        except httpx.HTTPError as error:
            raise Stopped(f"the answers cannot be downloaded: {self._shown(error)}") from None
        if held:
            yield bytes(held)

    def _await_money(self, after_s: float | None) -> None:
        until_s = self.times.now() + (UNTOLD_BUDGET_S if after_s is None else max(after_s, 1.0))
        # A little later than the window's first instant, and not all at once.
        if self._pace.pause(until_s + self.times.draw()) and self._on_wait is not None:
            self._on_wait(until_s)

    def _shown(self, error: Exception) -> str:
        return without(str(error) or type(error).__name__, self._secret)


def _sending(content: bytes | None, upload: Upload | None) -> dict[str, Any]:
    if upload is not None:
        upload.file.seek(0)
        file = (upload.name, upload.file, "application/jsonl")
        return {"data": dict(upload.fields), "files": {"file": file}}
    if content is not None:
        return {"content": content, "headers": {"content-type": "application/json"}}
    return {}


async def _bounded(answer: httpx.Response) -> bytes | None:
    """The whole body, or None where it is too long."""
    held = bytearray()
    async for chunk in answer.aiter_bytes():
        held += chunk
        if len(held) > MAX_ANSWER_BYTES:
            return None
    return bytes(held)


def _json_in(raw: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
