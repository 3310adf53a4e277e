"""A clock that only moves when somebody sleeps, and a proxy that says what it is told to."""

from __future__ import annotations

import asyncio
import json

import httpx

from litellm_tiering.batch.answers import Answer
from litellm_tiering.batch.asks import Bad, Unusable, ask_in
from litellm_tiering.batch.pace import Pace
from litellm_tiering.batch.proxy import Proxy

KEY = "sk-very-secret"


class Clock:
    def __init__(self, now_s=1_000.0):
        self.now_s = now_s
        self.slept = []

    def now(self):
        return self.now_s

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

    def draw(self):
        return 1.0


class Told:
    """Follows a run."""

    def __init__(self):
        self.total = self.before = None
        self.answers: list[Answer] = []
        self.batches = []
        self.lonely = []

    def begins(self, total, answered):
        self.total, self.before = total, answered

    def sorting(self):
        pass

    def batched(self, part, lines):
        self.batches.append((part.model, lines))

    def alone(self, part, failure):
        self.lonely.append((part.model, failure.status))

    def became(self, answer):
        self.answers.append(answer)


def talking(handler, clock=None, *, halted=None, rate=None, **more):
    """A connection to ``handler``, which is a function of the request or an ASGI application."""
    clock = clock or Clock()
    halted = halted or asyncio.Event()
    transport = (
        httpx.MockTransport(handler) if callable(handler) and not _is_app(handler) else None
    ) or httpx.ASGITransport(app=handler)
    client = httpx.AsyncClient(transport=transport, base_url="http://proxy")
    return Proxy(client, Pace(clock, halted, rate), clock, secret=KEY, **more)


def _is_app(handler):
    return hasattr(handler, "routes")


def scripted(*answers):
    """Says these in turn, the last for ever: a status, (status, body[, headers]), or an error to raise."""
    left = list(answers)
    seen = []

    def handle(request):
        seen.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = (*answer, {}, {})[:3] if isinstance(answer, tuple) else (answer, {}, {})
        return httpx.Response(status, json=body, headers=headers)

    handle.seen = seen
    return handle


def source_of(*lines, model=None):
    """The input that these lines are."""

    def one(number, line):
        try:
            return ask_in(number, line, model)
        except Unusable as error:
            return Bad(number, str(error))

    return lambda: (one(number, line) for number, line in enumerate(lines, start=1))


def results(journal):
    return [json.loads(line) for line in journal.results()]
