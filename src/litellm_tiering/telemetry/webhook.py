"""Events as signed HTTP requests to an address of the owner's.

What is sent: ``POST`` with the event as JSON and three headers, ``x-tiering-event`` (its kind),
``x-tiering-timestamp`` (seconds since the epoch, when this try was made) and, with a secret,
``x-tiering-signature: sha256=`` and the hexadecimal HMAC-SHA256 of timestamp, ``.`` and body.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import hmac
import json
import logging
import random
from collections import deque
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from litellm_tiering.events import Event
    from litellm_tiering.ports import Clock
    from litellm_tiering.telemetry.settings import WebhookSettings

_log = logging.getLogger("litellm_tiering")

TIMEOUT_S = 5.0
"""How long one try may take, from connecting to the answer's headers."""

TRIES = 5
FIRST_WAIT_S = 1.0
"""How often an event is sent at most; how long to wait before the second try, and twice that each further."""

QUEUE_MAX = 100
"""How many events wait to be sent; the oldest is dropped, and counted, for one too many."""

_AGAIN = frozenset({408, 429})

_quiet: contextvars.ContextVar[bool] = contextvars.ContextVar("litellm_tiering_webhook", default=False)


def _is_loud(_record: logging.LogRecord) -> bool:
    """Whether httpx may log a line: it names whole URLs, and a webhook's is often all one needs to know."""
    return not _quiet.get()


class WebhookSink:
    """Sends events, one after the other, in the background. Redirects are not followed.

    Args:
        settings: Where to.
        clock: The time, for timestamps.
        pause: Waits so many seconds.
        draw: A number from 0 up to but not including 1, for the random part of waiting.
    """

    name = "webhook"

    def __init__(
        self,
        settings: WebhookSettings,
        clock: Clock,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.sent = 0
        self.failed = 0
        """How many events were given up: refused, or not taken after every try."""
        self.dropped = 0
        """How many were dropped because too many were waiting."""
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._draw = draw
        self._queue: deque[Event] = deque()
        self._task: asyncio.Task[None] | None = None
        # Reading certificates takes a while: now, and not on the event loop of a running proxy.
        self._tls: ssl.SSLContext = httpx.create_ssl_context()
        logging.getLogger("httpx").addFilter(_is_loud)

    async def deliver(self, event: Event) -> None:
        """Put an event among those to be sent; waits for nothing."""
        if event.kind.value not in self._settings.kinds:
            return
        if len(self._queue) >= QUEUE_MAX:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(event)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._send_all())
            self._task.add_done_callback(_told)

    async def _send_all(self) -> None:
        _quiet.set(True)
        async with httpx.AsyncClient(verify=self._tls, timeout=TIMEOUT_S, follow_redirects=False) as client:
            while self._queue:
                await self._send(client, self._queue.popleft())

    async def _send(self, client: httpx.AsyncClient, event: Event) -> None:
        body = json.dumps(event.as_json(), separators=(",", ":"), ensure_ascii=True).encode()
        said = ""
        for number in range(TRIES):
            if number:
                await self._pause(FIRST_WAIT_S * 2 ** (number - 1) * (0.5 + self._draw()))
            status, said = await self._try(client, event, body)
            if status is not None and httpx.codes.is_success(status):
                self.sent += 1
                return
            if status is not None and status not in _AGAIN and not httpx.codes.is_server_error(status):
                break
        self.failed += 1
        _log.error("webhook %s: event=%s not taken: %s", self._host(), event.kind.value, said)

    async def _try(self, client: httpx.AsyncClient, event: Event, body: bytes) -> tuple[int | None, str]:
        """The status of the answer, None without one, and what is said of it in the log."""
        request = client.build_request(
            "POST", self._settings.url, content=body, headers=self._headers(event, body)
        )
        try:
            # What is in the answer is of no interest, however much it is.
            response = await asyncio.wait_for(client.send(request, stream=True), TIMEOUT_S)
            await response.aclose()
        except (httpx.HTTPError, OSError, TimeoutError, asyncio.TimeoutError) as error:
            # Its kind only: a message may hold the address.
            return None, type(error).__name__
        return response.status_code, f"status {response.status_code}"

    def _headers(self, event: Event, body: bytes) -> dict[str, str]:
        stamp = str(int(self._clock.now()))
        headers = {
            "content-type": "application/json",
            "user-agent": "litellm-tiering",
            "x-tiering-event": event.kind.value,
            "x-tiering-timestamp": stamp,
        }
        if self._settings.secret is not None:
            headers["x-tiering-signature"] = signature(self._settings.secret, stamp, body)
        return headers

    def _host(self) -> str:
        return httpx.URL(self._settings.url).host

    async def close(self) -> None:
        """Stop sending; what was not sent is lost."""
        task, self._task = self._task, None
        self._queue.clear()
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait({task})


def _told(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:  # pragma: no cover - a fault of ours
        _log.error("fault in events.webhook: %s; requests go on unchanged", type(error).__name__)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What ``x-tiering-signature`` says of a body that was sent at ``timestamp``."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
