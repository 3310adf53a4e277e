"""The four APIs, asked with the clients that people use."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SIMPLE = "What is the capital of France?"
HARD = (
    "[[hard]] Prove that there are infinitely many prime numbers congruent to 3 modulo 4, then generalise "
    "the argument as far as it goes, explain precisely where it breaks down for 1 modulo 4, design an "
    "algorithm that enumerates such primes below n, analyse its running time and memory, implement it in "
    "Python with tests, and compare it step by step with a segmented sieve. State every assumption, justify "
    "each step of the proof, discuss the constants hidden in the asymptotic bounds, derive them for n up to "
    "ten million, and end with a critical review of your own solution that lists what could be wrong with it."
)
LATEST = 24
"""How many answers on end tell that something lasts."""

SURFACES = ("chat", "completion", "messages", "responses")


@dataclass(frozen=True)
class Reply:
    text: str
    model: str
    headers: Any


def ask(house, surface: str, prompt: str, *, stream: bool = False, key: str = "", **more) -> Reply:
    """One request; ``more`` goes into the client's call."""
    return globals()[f"_{surface}"](house, prompt, stream, key, {"model": "auto", **more})


def asked_until(
    house, prompts: Iterable[str], fits: Callable[[Sequence[Reply]], bool], most: int = 200
) -> list[Reply]:
    """The latest answers to one prompt after the other, once they fit."""
    latest: deque[Reply] = deque(maxlen=LATEST)
    for prompt in itertools.islice(prompts, most):
        latest.append(ask(house, "chat", prompt))
        if len(latest) == LATEST and fits(latest):
            return list(latest)
    raise AssertionError([reply.headers["x-tiering-reason"] for reply in latest])


def _chat(house, prompt, stream, key, more) -> Reply:
    messages = more.pop("messages", [{"role": "user", "content": prompt}])
    create = house.openai(key).chat.completions.with_raw_response.create
    raw = create(messages=messages, stream=stream, **more)
    found = raw.parse()
    if not stream:
        return Reply(found.choices[0].message.content, found.model, raw.headers)
    chunks = list(found)
    assert all(c.usage is None for c in chunks), "usage that the client did not ask for"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    return Reply(text, chunks[0].model, raw.headers)


def _completion(house, prompt, stream, key, more) -> Reply:
    raw = house.openai(key).completions.with_raw_response.create(prompt=prompt, stream=stream, **more)
    found = raw.parse()
    if not stream:
        return Reply(found.choices[0].text, found.model, raw.headers)
    chunks = list(found)
    text = "".join(getattr(c.choices[0], "text", None) or "" for c in chunks if c.choices)
    return Reply(text, chunks[0].model, raw.headers)


def _messages(house, prompt, stream, key, more) -> Reply:
    messages = [{"role": "user", "content": prompt}]
    create = house.anthropic(key).messages.with_raw_response.create
    raw = create(messages=messages, stream=stream, **{"max_tokens": 400, **more})
    found = raw.parse()
    if not stream:
        return Reply("".join(b.text for b in found.content if b.type == "text"), found.model, raw.headers)
    text, model = "", ""
    for event in found:
        if event.type == "message_start":
            model = event.message.model
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            text += event.delta.text
    return Reply(text, model, raw.headers)


def _responses(house, prompt, stream, key, more) -> Reply:
    if "max_tokens" in more:
        more["max_output_tokens"] = more.pop("max_tokens")
    raw = house.openai(key).responses.with_raw_response.create(input=prompt, stream=stream, **more)
    found = raw.parse()
    if not stream:
        return Reply(found.output_text, found.model, raw.headers)
    text, model = "", ""
    for event in found:
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.completed":
            model = event.response.model
    return Reply(text, model, raw.headers)
