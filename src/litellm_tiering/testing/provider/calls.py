"""What each model was asked and what it served: the provider's side of the bill."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

KEPT = 10_000
"""How many of the last calls are listed; the totals count them all."""

CLIENT_GONE = 499
"""The status noted for a call whose client left before anything was sent."""


@dataclass(slots=True)
class Total:
    """Everything that one model served since the log was last cleared."""

    calls: int = 0
    ok: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def usage(self) -> dict[str, int]:
        """The tokens, as a bill has them."""
        both = self.prompt_tokens + self.completion_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": both,
        }

    def to_json(self) -> dict[str, int]:
        return {"calls": self.calls, "ok": self.ok, "failed": self.failed, **self.usage()}


@dataclass(slots=True)
class Call:
    """One call.

    Attributes:
        n: Its number since the log was last cleared, from 1.
        prompt_tokens: What was billed; 0 where the call failed.
        completion_tokens: What left the provider: of a stream that was cut, the tokens sent until then.
        status: The HTTP status sent; 0 while none is, 499 where the client left first.
        tools: How many tools were offered.
        fault: The kind of fault that it ran into; empty for none.
        at: When it came, in seconds since the epoch.
        seed: The request's own, or that of its text, -1 where it has none: tests tell requests apart by it.
    """

    n: int
    model: str
    path: str
    stream: bool
    tools: int
    fault: str
    at: float
    total: Total = field(repr=False)
    seed: int = -1
    prompt_tokens: int = 0
    completion_tokens: int = 0
    status: int = 0

    def answered(self, status: int) -> None:
        """The status has been sent, or given up on."""
        self.status = status
        if status < 400:  # noqa: PLR2004 - HTTP
            self.total.ok += 1
        else:
            self.total.failed += 1

    def served(self, *, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        """So many more tokens were served."""
        self.prompt_tokens += prompt_tokens
        self.total.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.total.completion_tokens += completion_tokens

    def to_json(self) -> dict[str, object]:
        """As ``/control/calls`` shows it."""
        return {
            "n": self.n,
            "model": self.model,
            "path": self.path,
            "stream": self.stream,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "status": self.status,
            "tools": self.tools,
            "fault": self.fault,
            "at": self.at,
            "seed": self.seed,
        }


class Calls:
    """The log of calls."""

    def __init__(self) -> None:
        self._kept: deque[Call] = deque(maxlen=KEPT)
        self._totals: dict[str, Total] = {}
        self._count = 0

    def open(  # noqa: PLR0913 - a call has that many sides
        self,
        model: str,
        path: str,
        at: float,
        *,
        stream: bool = False,
        tools: int = 0,
        fault: str = "",
        seed: int = -1,
    ) -> Call:
        """A call that has just come."""
        self._count += 1
        # A call holds its total: one that outlives clear() must not count in the log that follows.
        total = self._totals.setdefault(model, Total())
        total.calls += 1
        call = Call(self._count, model, path, stream, tools, fault, at, total, seed)
        self._kept.append(call)
        return call

    def clear(self) -> None:
        """Forget everything, totals too."""
        self._kept.clear()
        self._totals.clear()
        self._count = 0

    def listed(self, model: str = "") -> list[dict[str, object]]:
        """The last calls, oldest first; of one model where it is named."""
        return [call.to_json() for call in self._kept if model in {"", call.model}]

    def totals(self) -> dict[str, dict[str, int]]:
        """Per model: calls, how they ended, tokens."""
        return {model: total.to_json() for model, total in sorted(self._totals.items())}

    def usage(self) -> dict[str, dict[str, int]]:
        """Per model: tokens served."""
        return {model: total.usage() for model, total in sorted(self._totals.items())}
