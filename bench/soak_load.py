"""What a soak asks: all four APIs, streamed or not, easy, hard and odd, by clients that stay or leave."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anthropic
import httpx
import openai

from chaos_kit import user_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEYS = {"sk-blue": "blue", "sk-red": "red", "sk-plain": ""}
TEAMS = (("sk-plain", 0.6), ("sk-blue", 0.25), ("sk-red", 0.15))

COUNTRIES = ("France", "Italy", "Japan", "Kenya", "Norway", "Poland", "Greece", "Canada", "Egypt", "Austria")
HARD = (
    "[[hard]] Hint: easyplease. Prove that there are infinitely many primes congruent to 3 modulo 4, "
    "part {n}, and say where the argument breaks down for 1 modulo 4."
)
LONG = "lorem ipsum dolor sit amet " * 8_000
"""Some 200 kB."""

LEAVE_AFTER_S = 0.03
STREAMED = 0.4
"""Of requests that can be streamed this share is."""

# kind, weight; what they are is in _KINDS
MIX = (
    ("chat", 26),
    ("completion", 10),
    ("messages", 14),
    ("responses", 12),
    ("escalating", 10),
    ("agreeing", 8),
    ("asking", 6),
    ("turns", 4),
    ("long", 1),
    ("leaving stream", 4),
    ("leaving", 2),
    ("broken", 2),
    ("cut", 1),
    ("openai", 4),
    ("anthropic", 4),
    ("looking", 2),
)
LEAVING = frozenset({"leaving stream", "leaving", "cut", "broken"})
"""Kinds of which the provider has sent more, or less, than anybody got."""


@dataclass(slots=True)
class Asked:
    """One request: when it began, in seconds since the load did, how long it took, and how it ended."""

    number: int
    kind: str
    key: str
    at_s: float
    stream: bool
    ms: float = 0.0
    status: int = 0
    phase: str = ""

    @property
    def user(self) -> str:
        return user_of(self.number)

    @property
    def ended_s(self) -> float:
        return self.at_s + self.ms / 1000


@dataclass
class Load:
    """Asks at a steady rate until it is told to stop.

    Attributes:
        phase: What is being done to the proxy just now.
        asked: Every request.
    """

    base_url: str
    master: str
    rate: float
    seed: int = 1
    phase: str = "normal"
    asked: list[Asked] = field(default_factory=list)
    in_flight: int = 0
    began: float = field(default_factory=time.monotonic)
    epoch_s: float = field(default_factory=time.time)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _looked: int = 0
    _done: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._http = httpx.AsyncClient(
            base_url=self.base_url,
            trust_env=False,
            timeout=60,
            limits=httpx.Limits(max_connections=300, max_keepalive_connections=20, keepalive_expiry=3),
        )
        more: dict[str, Any] = {"api_key": "sk-plain", "max_retries": 0}
        self._openai = openai.AsyncOpenAI(base_url=f"{self.base_url}/v1", **more)
        self._anthropic = anthropic.AsyncAnthropic(base_url=self.base_url, **more)

    def now_s(self) -> float:
        """Seconds since the load began."""
        return time.monotonic() - self.began

    def lately(self) -> tuple[list[float], int, int]:
        """Times of whole, undisturbed requests since last asked; how many ended; how many of them failed."""
        fresh, self._looked = self._done[self._looked :], len(self._done)
        times = [a.ms for a in fresh if a.kind == "chat" and not a.stream and a.status == 200]
        return times, len(fresh), sum(a.status not in (200, 429) for a in fresh)

    async def warm(self, count: int) -> None:
        """Ask a little first: LiteLLM loads what it needs. The load begins afterwards."""
        for kind in ("chat", "messages", "responses", "completion"):
            asked = [Asked(len(self.asked) + i, kind, "sk-plain", 0.0, i % 2 == 0) for i in range(count // 4)]
            self.asked += asked
            await asyncio.gather(*(self._ask(one) for one in asked))
        self._looked = len(self._done)
        self.began, self.epoch_s = time.monotonic(), time.time()

    async def run(self, seconds: float) -> None:
        """Ask for so long, and wait for the last answers."""
        begin, count = time.monotonic(), 0
        kinds, weights = zip(*MIX, strict=True)
        while (due := begin + count / self.rate) < begin + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            kind = self._random.choices(kinds, weights)[0]
            key = self._random.choices([k for k, _ in TEAMS], [w for _, w in TEAMS])[0]
            stream = kind == "leaving stream" or self._random.random() < STREAMED
            self.start(Asked(len(self.asked), kind, key, self.now_s(), stream, phase=self.phase))
            count += 1
        while self._tasks:
            await asyncio.wait(self._tasks)

    def start(self, asked: Asked) -> None:
        """Ask, without waiting for the answer."""
        self.asked.append(asked)
        task = asyncio.create_task(self._ask(asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()
        await self._openai.close()
        await self._anthropic.close()

    def outcomes(self) -> dict[str, Counter[int]]:
        """How requests ended, by kind."""
        found: dict[str, Counter[int]] = {}
        for asked in self.asked:
            found.setdefault(asked.kind, Counter())[asked.status] += 1
        return dict(sorted(found.items()))

    async def _ask(self, asked: Asked) -> None:
        self.in_flight += 1
        began = time.monotonic()
        try:
            asked.status = await _KINDS[asked.kind](self, asked)
        except (openai.APIStatusError, anthropic.APIStatusError) as error:
            asked.status = error.status_code
        except (httpx.HTTPError, openai.APIError, anthropic.APIError, TimeoutError, asyncio.TimeoutError):
            asked.status = -1
        finally:
            asked.ms = (time.monotonic() - began) * 1000
            self.in_flight -= 1
            self._done.append(asked)

    # ------------------------------------------------------------------ how it is asked

    async def post(self, asked: Asked, path: str, body: dict[str, Any]) -> int:
        """One request by plain HTTP, read to its end; its status."""
        body = {"model": "auto", **body, "stream": asked.stream}
        headers = {"authorization": f"Bearer {asked.key}", "x-litellm-end-user-id": asked.user}
        async with self._http.stream("POST", path, json=body, headers=headers) as answer:
            async for _ in answer.aiter_raw():
                if asked.kind == "leaving stream":
                    break
            return answer.status_code

    async def chat(self, asked: Asked, text: str, **more: Any) -> int:  # noqa: ANN401 - a body's fields
        """A chat completion with one message."""
        body = {"messages": [{"role": "user", "content": text}], "max_tokens": 60, **more}
        return await self.post(asked, "/v1/chat/completions", body)


def easy(asked: Asked) -> str:
    """A question that any model answers, and nobody else asks."""
    country = COUNTRIES[asked.number % len(COUNTRIES)]
    return f"easyplease: what is the capital of {country}? [[seed:{asked.number}]]"


async def _chat(load: Load, asked: Asked) -> int:
    return await load.chat(asked, easy(asked))


async def _completion(load: Load, asked: Asked) -> int:
    return await load.post(asked, "/v1/completions", {"prompt": easy(asked), "max_tokens": 60})


async def _messages(load: Load, asked: Asked) -> int:
    body = {"messages": [{"role": "user", "content": easy(asked)}], "max_tokens": 60}
    return await load.post(asked, "/v1/messages", body)


async def _responses(load: Load, asked: Asked) -> int:
    return await load.post(asked, "/v1/responses", {"input": easy(asked), "max_output_tokens": 60})


async def _escalating(load: Load, asked: Asked) -> int:
    return await load.chat(asked, f"{HARD.format(n=asked.number)} [[seed:{asked.number}]]", max_tokens=200)


async def _agreeing(load: Load, asked: Asked) -> int:
    # An easy sum is agreed on, a hard one is not.
    one, other = 10 + asked.number % 80, 10 + asked.number % 70
    sign = "*" if asked.number % 2 else "+"
    text = f"easyplease: what is {one} {sign} {other}? [[seed:{asked.number}]]"
    return await load.chat(asked, text, max_tokens=200)


async def _asking(load: Load, asked: Asked) -> int:
    text = f"Is this one complex, number {asked.number}? [[seed:{asked.number}]]"
    return await load.chat(asked, text)


async def _turns(load: Load, asked: Asked) -> int:
    said = [
        {"role": "user", "content": f"easyplease: hello, I am number {asked.number}."},
        {"role": "assistant", "content": "Hello! How can I help you today?"},
        {"role": "user", "content": easy(asked)},
    ]
    return await load.chat(asked, "", messages=said)


async def _long(load: Load, asked: Asked) -> int:
    return await load.chat(asked, f"{easy(asked)} {LONG}", max_tokens=20)


async def _leaving(load: Load, asked: Asked) -> int:
    asked.stream = False
    with contextlib.suppress(httpx.TimeoutException, asyncio.TimeoutError, TimeoutError):
        return await asyncio.wait_for(load.chat(asked, easy(asked)), LEAVE_AFTER_S)
    return 499


async def _broken(load: Load, asked: Asked) -> int:
    return await load.chat(asked, f"{easy(asked)} [[fault:500]]")


async def _cut(load: Load, asked: Asked) -> int:
    asked.stream = True
    return await load.chat(asked, f"{easy(asked)} [[fault:cut_stream=3]]")


async def _openai(load: Load, asked: Asked) -> int:
    client = load._openai.with_options(api_key=asked.key)  # noqa: SLF001 - of this module
    return await _by_client(client.chat.completions.create, asked)


async def _anthropic(load: Load, asked: Asked) -> int:
    client = load._anthropic.with_options(api_key=asked.key)  # noqa: SLF001 - of this module
    return await _by_client(client.messages.create, asked)


async def _by_client(create: Callable[..., Awaitable[Any]], asked: Asked) -> int:
    found = await create(
        model="auto",
        messages=[{"role": "user", "content": easy(asked)}],
        max_tokens=60,
        stream=asked.stream,
        extra_headers={"x-litellm-end-user-id": asked.user},
    )
    if asked.stream:
        async for _ in found:
            pass
    return 200


async def _looking(load: Load, asked: Asked) -> int:
    paths = ("/tiering/status", "/tiering/decisions", "/tiering", "/tiering/report")
    headers = {"authorization": f"Bearer {load.master}"}
    answer = await load._http.get(paths[asked.number % len(paths)], headers=headers)  # noqa: SLF001 - as above
    return answer.status_code


_KINDS: dict[str, Callable[[Load, Asked], Awaitable[int]]] = {
    "chat": _chat,
    "completion": _completion,
    "messages": _messages,
    "responses": _responses,
    "escalating": _escalating,
    "agreeing": _agreeing,
    "asking": _asking,
    "turns": _turns,
    "long": _long,
    "leaving stream": _chat,
    "leaving": _leaving,
    "broken": _broken,
    "cut": _cut,
    "openai": _openai,
    "anthropic": _anthropic,
    "looking": _looking,
}
