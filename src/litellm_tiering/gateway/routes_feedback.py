"""The route that takes what people think of answers: ``POST /tiering/feedback``.

What a caller says of a decision counts once, the latest word of it. A comment is a caller's own text: it goes
where prompts go, into the capture, or nowhere; and into no log.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request, Response

from litellm_tiering.gateway.routes_decisions import Key, decisions_of, plain, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.gateway.gateway import Gateway

LONGEST_COMMENT = 4_000
_MOST_BYTES = 32_768
_KNOWN = frozenset({"decision", "score", "comment"})


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thinks of an answer.

    Attributes:
        decision: The decision's id.
        score: From 0 (useless) to 1 (just right).
        comment: In the caller's own words; empty for none.
    """

    decision: str
    score: float
    comment: str = ""


def feedback_endpoints(gateway: Gateway) -> list[tuple[str, str, Callable[..., Any]]]:
    """The route's path, method and function."""

    async def feedback(request: Request, key: Key) -> Response:
        return plain(await noted(gateway, key, await _asked(request)))

    return [("/feedback", "POST", feedback)]


async def noted(gateway: Gateway, key: Any, given: Feedback) -> dict[str, Any]:
    """Note a caller's word: ``{decision, score, feedback, comment}``, the latter ``kept`` or ``dropped``."""
    row = await seen(gateway, key, given.decision)
    if gateway.engine.books.writer is None:
        raise _wrong(409, "decisions are not kept here: `tiering.store.decisions` is 0.")
    mean = await decisions_of(gateway).rate(row.id, caller_of(key), given.score)
    if mean is None:
        raise _wrong(503, "the store is away; try again once it is back.")
    found: dict[str, Any] = {"decision": row.id, "score": given.score, "feedback": mean}
    capture = gateway.capture
    kept = capture is not None and capture.feedback(row.id, given.score, given.comment)
    if given.comment:
        found["comment"] = "kept" if kept else "dropped"
    return found


def caller_of(key: Any) -> str:
    """Who says so, without saying who: digits of a hash of the key's hash."""
    name = getattr(key, "token", None) or getattr(key, "user_id", None) or "admin"
    return hashlib.blake2b(str(name).encode("utf-8", "replace"), digest_size=8).hexdigest()


async def _asked(request: Request) -> Feedback:
    raw = await request.body()
    if len(raw) > _MOST_BYTES:
        raise _wrong(413, f"the body has more than {_MOST_BYTES:,} bytes.")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise _wrong(400, "the body must be a JSON object: {decision, score, comment?}.")
    return feedback_in(body)


def feedback_in(body: dict[str, Any]) -> Feedback:
    """The feedback in a body; an error that names the field where there is none."""
    unknown = sorted(ascii(name)[1:-1][:40] for name in body.keys() - _KNOWN)
    if unknown:
        raise _wrong(400, f"there is no such field; known are: {', '.join(sorted(_KNOWN))}.", unknown[0])
    decision, score, comment = body.get("decision"), body.get("score"), body.get("comment")
    if not isinstance(decision, str) or not decision:
        raise _wrong(400, "is missing; write the id of the header x-tiering-decision.", "decision")
    # Compared as it is: a whole number may be too long for a float, and NaN lies nowhere.
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
        raise _wrong(400, "must be a number from 0 to 1.", "score")
    if comment is not None and not isinstance(comment, str):
        raise _wrong(400, "must be a text.", "comment")
    if comment is not None and len(comment) > LONGEST_COMMENT:
        raise _wrong(400, f"has more than {LONGEST_COMMENT:,} characters.", "comment")
    return Feedback(decision, float(score), (comment or "").strip())


def _wrong(status: int, message: str, field: str = "") -> HTTPException:
    error = f"{field}: {message}" if field else message
    return HTTPException(status, detail={"error": error, **({"field": field} if field else {})})
