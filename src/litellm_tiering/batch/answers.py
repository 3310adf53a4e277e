"""What became of a line, and how the output says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.batch.asks import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_MESSAGE = 500
"""The most characters of an error's message that are kept."""

BAD_LINE = "bad_line"
"""The kind of failure of a line that cannot be sent."""

BUDGET = "budget_exceeded"
"""The kind of error with which LiteLLM and this package refuse what a budget does not allow."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a line has no answer.

    Attributes:
        status: The HTTP status; None where there was none.
        kind: What kind of error, as the API names it, or one of ours: ``bad_line``, ``unreachable``,
            ``bad_answer``, ``batch_failed``.
        message: What was said, bounded.
    """

    status: int | None
    kind: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """As it stands in the output."""
        return {"status": self.status, "type": self.kind, "message": self.message[:LONGEST_MESSAGE]}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a line.

    Attributes:
        line: Its number.
        id: What it calls itself.
        status: The HTTP status of the answer.
        body: The answer; None where it failed.
        failure: Why it failed; None where it was answered.
        tier: The tier that answered, as far as that is known.
        model: The model group that answered, as far as that is known.
        cost: In nano-dollars, as the proxy said; None where it did not.
        batch: The provider's batch that it was answered in; empty for a call.
    """

    line: int
    id: str | int | float | None
    status: int | None = None
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    failure: Failure | None = None
    tier: str = ""
    model: str = ""
    cost: int | None = None
    batch: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return self.failure is None

    def to_line(self) -> str:
        """The line of the output: as in OpenAI's batches, and what else is known."""
        response = None if self.body is None else {"status_code": self.status, "body": self.body}
        told = {
            "id": self.line if self.id is None else self.id,
            "custom_id": str(self.line if self.id is None else self.id),
            "line": self.line,
            "response": response,
            "error": None if self.failure is None else self.failure.to_json(),
            "tier": self.tier or None,
            "model": self.model or None,
            "cost_usd": None if self.cost is None else self.cost / 1e9,
            "batch": self.batch or None,
        }
        return dumps(told).decode()


def failure_in(status: int | None, body: object, secret: str = "") -> Failure:
    """The error in an answer's body, without the key in it."""
    told = body.get("error") if isinstance(body, dict) else None
    message, kind = "", ""
    if isinstance(told, dict):
        found = told.get("message")
        message = found if isinstance(found, str) else ""
        kinds = (told.get("type"), told.get("code"))
        kind = BUDGET if BUDGET in kinds else next((k for k in kinds if isinstance(k, str) and k), "")
    elif isinstance(told, str):
        message = told
    return Failure(
        status,
        kind[:80] or (f"http_{status}" if status else "failed"),
        without(message, secret)[:LONGEST_MESSAGE],
    )


def without(message: str, secret: str) -> str:
    """``message`` with the secret in it made unreadable."""
    return message.replace(secret, "***") if secret else message
