"""For tests of gates: exchanges out of plain text, verdicts without an event loop, a suite for any gate."""

from __future__ import annotations

import asyncio
import inspect
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Demand, Exchange, Ruling, Said, ToolCall, Verdict
from litellm_tiering.gates.callback import CallbackGate
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping

    from litellm_tiering.core.gate import Gate

    AnyGate = Gate | Callable[[Exchange], Any]

T = TypeVar("T")

_PROSE = "The tide rose over the harbour, and nobody on the quay had counted the boats before noon. "
_SAMPLES = (
    "Paris is the capital of France.",
    _PROSE * 40,
    "I'm sorry, but I can't help with that.",
    "TODO: fill in the answer.",
    '{"answer": 42, "confidence": 0.2}',
    '```json\n{"answer": 42}\n```',
    "Here is the function:\n\n```python\ndef add(a, b):\n    return a + b\n```\n\nIt adds two numbers.",
    "over and over " * 400,
    "巴黎是法国的首都。也是法国最大的城市。" * 40,
    "| a | b |\n|---|---|\n" + "| 0 | 0 |\n" * 200,
)
_HOSTILE = (
    "",
    " \u200b\n\t",
    "\x00\x01\x7f\ufffe" * 500,
    "\ud800\udfff" * 500,
    "[" * 100_000,
    '{"a":' * 20_000,
    "`" * 50_000,
    "\\" * 50_000,
    "a" * 2_000_000,
    _PROSE * (2_000_000 // len(_PROSE)),
)
_CUTS = (1, 7, 40, 150, 400, 1_000, 2_500)
_TOOL_CALLS = 5_000
_LONGEST_REASON = 200


def exchange(  # noqa: PLR0913 - all by name, and each is a part of an exchange
    answer: str,
    prompt: str = "What is the capital of France?",
    *,
    system: str = "",
    body: Mapping[str, Any] | None = None,
    tool_calls: Iterable[ToolCall | tuple[str, str]] = (),
    logprobs: Iterable[float] = (),
    finish_reason: str | None = None,
    refusal: str = "",
    demand: Demand | None = None,
    tier: str = "simple",
    model: str = "small",
    partial: bool = False,
) -> Exchange:
    """An exchange as the proxy would hand it to a gate.

    Args:
        answer: The answer's text.
        prompt: The user's turn.
        system: The system prompt.
        body: More of the request's body, such as ``{"max_tokens": 50}``; its ``messages`` come first.
        tool_calls: The tools that the answer calls: pairs of a name and its arguments as JSON text.
        logprobs: The log-probability of each token (natural log).
        finish_reason: Why the answer ended; ``stop`` when absent, and nothing of a prefix.
        refusal: What the provider marked as a refusal.
        demand: What shape of answer was demanded.
        tier: The tier that answered.
        model: Its model group.
        partial: Whether this is only the beginning of a streamed answer.

    Example:
        >>> exchange("Paris.", "What is the capital of France?").features.language
        'en'
    """
    body = dict(body or {})
    head = [{"role": "system", "content": system}] if system else []
    turns = [*head, *body.get("messages", ()), {"role": "user", "content": prompt}]
    features, text = read_request({**body, "messages": turns}, Surface.CHAT)
    calls = tuple(call if isinstance(call, ToolCall) else ToolCall(*call) for call in tool_calls)
    if finish_reason is None:
        finish_reason = "" if partial else "stop"
    said = Said(answer, calls, tuple(logprobs), finish_reason, refusal)
    return Exchange(said, features, text, demand or Demand(), tier, model, partial)


def judge(
    gate: AnyGate, answer: Exchange | str, *, timeout_ms: float = 1_000, on_error: str | None = None
) -> Verdict:
    """The verdict of a gate, or of a function that is to become one, within its time limit.

    Args:
        gate: A gate, or a function as a configuration would name it; either may be async.
        answer: An exchange, or an answer's text.
        timeout_ms: How long a function may take, in milliseconds; generous, for busy machines.
        on_error: What a fault of a function counts as, ``accept`` or ``reject``; absent, it fails the test.

    Raises:
        AssertionError: the gate raised, took too long or returned no verdict.
    """
    seen = exchange(answer) if isinstance(answer, str) else answer
    faults: list[BaseException] = []
    asked = _as_gate(gate, timeout_ms, on_error)
    if hasattr(asked, "on_fault"):
        asked.on_fault = lambda _, error: faults.append(error)
    try:
        verdict = asked.judge(seen)
        if inspect.isawaitable(verdict):
            verdict = _run(verdict)
    except Exception as error:
        raise AssertionError(f"{_name(gate)} raised {type(error).__name__}") from error
    if faults and on_error is None:
        fault = faults[0]
        raise AssertionError(f"{_name(gate)} failed: {type(fault).__name__}: {fault}") from fault
    if not isinstance(verdict, Verdict):
        raise AssertionError(f"{_name(gate)} returned {type(verdict).__name__}, not a Verdict")  # noqa: TRY004 - it is a test that fails
    return verdict


def assert_accepts(gate: AnyGate, answer: Exchange | str) -> None:
    """Fail unless ``gate`` accepts ``answer``."""
    verdict = judge(gate, answer)
    assert verdict.ruling is Ruling.ACCEPT, f"{_name(gate)} said {_words(verdict)}, not accept"


def assert_rejects(gate: AnyGate, answer: Exchange | str, reason: str | None = None) -> None:
    """Fail unless ``gate`` rejects ``answer``, and for ``reason`` where one is given."""
    verdict = judge(gate, answer)
    assert verdict.rejects, f"{_name(gate)} said {_words(verdict)}, not reject"
    assert reason is None or verdict.reason == reason, f"{_name(gate)} said {_words(verdict)}, not {reason!r}"


def check_gate(gate: AnyGate, *, timeout_ms: float = 10_000) -> None:
    """Fail unless ``gate`` copes with whatever a model may say, as every gate must.

    Nothing, junk, two megabytes, broken Unicode, deep nesting, thousands of tool calls, odd numbers: each
    must get a verdict in time, and the same one when asked again. Where the gate judges prefixes, an
    answer whose beginning it rejects must be rejected whole: a stream is cut off at that word.

    Raises:
        AssertionError: it does not; the message says on what.
    """
    for seen in _exchanges():
        verdict = judge(gate, seen, timeout_ms=timeout_ms)
        _check_verdict(gate, verdict)
        assert judge(gate, seen, timeout_ms=timeout_ms) == verdict, f"{_name(gate)} changed its mind"
    if not _as_gate(gate, timeout_ms, None).judges_prefix:
        return
    for sample in _SAMPLES:
        whole = exchange(sample)
        for cut in (*_CUTS, len(sample)):
            begun = replace(whole, said=Said(sample[:cut]), partial=True)
            if judge(gate, begun, timeout_ms=timeout_ms).rejects:
                verdict = judge(gate, whole, timeout_ms=timeout_ms)
                assert verdict.rejects, f"{_name(gate)} rejects {cut} characters of an answer that it accepts"


def _exchanges() -> Iterator[Exchange]:
    plain = exchange("")
    for text in (*_HOSTILE, *_SAMPLES):
        yield replace(plain, said=Said(text, finish_reason="stop"))
    yield replace(
        plain, said=Said("", (ToolCall("search", '{"q": "tides"}'),) * _TOOL_CALLS, (), "tool_calls")
    )
    yield replace(plain, said=Said("", (ToolCall("\ud800", "{" * 100_000),), (), "\x00" * 100))
    yield replace(plain, said=Said("Yes.", (), (float("nan"), float("-inf"), 3.0, -0.1), "length"))
    yield exchange("Oui.", "\ud800 " * 100, system="\x00", demand=Demand(json=True, schema=False))
    yield exchange("", partial=True)


def _check_verdict(gate: AnyGate, verdict: Verdict) -> None:
    assert isinstance(verdict.ruling, Ruling), f"{_name(gate)} gave no ruling"
    assert verdict.p_bad is None or 0.0 <= verdict.p_bad <= 1.0, f"{_name(gate)}: p_bad is not within 0 and 1"
    size = len(verdict.reason)
    assert size <= _LONGEST_REASON, f"{_name(gate)}: a reason is a word or two, not {size} characters"


def _as_gate(gate: AnyGate, timeout_ms: float, on_error: str | None) -> Gate:
    if hasattr(gate, "judge"):
        return cast("Gate", gate)
    return CallbackGate(
        gate,
        timeout_ms=timeout_ms,
        on_error="reject" if on_error == "reject" else "accept",
    )


def _name(gate: AnyGate) -> str:
    return str(getattr(gate, "name", getattr(gate, "__name__", type(gate).__name__)))


def _words(verdict: Verdict) -> str:
    return f"{verdict.ruling.value} ({verdict.reason})" if verdict.reason else verdict.ruling.value


def _run(awaitable: Awaitable[T]) -> T:
    """The result of ``awaitable``, in a thread of its own where this one already runs an event loop."""

    async def main() -> T:
        return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    return _elsewhere(main())


def _elsewhere(work: Coroutine[Any, Any, T]) -> T:
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - handed on to the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]
