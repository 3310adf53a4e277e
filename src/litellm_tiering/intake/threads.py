"""What names a conversation: the id that the client's tool sends, else the turns of the user so far.

An id names the whole conversation. Without one, what the user has said up to a request is what the next
request of the same conversation has before the last answer: so each turn is found by the one after it, and
two conversations have in common only what is the same in both. Nothing of it is kept but a digest.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.core.features import Surface
from litellm_tiering.intake.bodies import fields_of
from litellm_tiering.intake.conversation import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.intake.conversation import Conversation, Message

MAX_HEADERS = 200
"""How many headers are looked at for one that names a session."""

_EDGE_CHARS = 256
"""Of a long text, so much of its beginning and of its end tells it from others, with its length."""

_ID = re.compile(r"[\w.:@/-]{8,256}", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEADER = re.compile(r"x-(?:[a-z0-9-]{1,64}-)?session-id")
# A session that another one was begun from, such as an agent's own: not that conversation.
_NOT_OWN = frozenset({"x-parent-session-id"})
# Names that other clients may use for something else: only a UUID is a session there.
_CODEX_HEADERS = ("session-id", "session_id", "conversation-id", "conversation_id", "thread-id")


class Named(NamedTuple):
    """The digest of a conversation up to this turn, and of the one before it; empty for none."""

    turn: str = ""
    before: str = ""


def read_thread(body: Mapping[str, Any], talk: Conversation, surface: Surface) -> Named:
    """What names the conversation that ``body`` is a turn of."""
    session = session_of(body)
    if session:
        digest = blake2b(session.encode(), digest_size=16, person=b"session").hexdigest()
        return Named(digest, digest)
    if surface is Surface.COMPLETION or talk.elsewhere:
        return Named()
    if talk.opening:
        # Too long to be looked at whole: what it began with has to do.
        digest = _said("opening", talk, talk.opening).turn
        return Named(digest, digest)
    return _said("turns", talk, talk.recent)


def session_of(body: Mapping[str, Any]) -> str:
    """The id of the conversation that a client's tool sends, empty where it sends none.

    LiteLLM's own names come first, then those of coding agents and of the providers' APIs. An id that LiteLLM
    made up for this one call, or that only traces it, names no conversation.
    """
    request = fields_of(body.get("proxy_server_request"))
    found = _of_headers(fields_of(request.get("headers")))
    if found:
        return found
    traced = body.get("litellm_trace_id")
    own, litellm = fields_of(body.get("metadata")), fields_of(body.get("litellm_metadata"))
    for value in (body.get("litellm_session_id"), own.get("session_id"), litellm.get("session_id")):
        if value != traced and (found := _id(value)):
            return found
    return (
        _of_claude_code(own.get("user_id"))
        or _uuid(body.get("prompt_cache_key"))
        or _of_conversation(body.get("conversation"))
    )


def _of_headers(headers: Mapping[str, Any]) -> str:
    if len(headers) > MAX_HEADERS:
        return ""
    low = {name.lower(): value for name, value in headers.items() if isinstance(name, str)}
    found = _id(low.get("x-litellm-session-id"))
    if found:
        return found
    for name, value in low.items():
        if _HEADER.fullmatch(name) and name not in _NOT_OWN and (found := _id(value)):
            return found
    return next((found for name in _CODEX_HEADERS if (found := _uuid(low.get(name)))), "")


def _of_claude_code(user: Any) -> str:  # noqa: ANN401 - a body holds anything
    """Claude Code's ``user_…_account_…_session_UUID``, or the JSON object that its later versions send."""
    if not isinstance(user, str) or "session" not in user[:1024]:
        return ""
    at = user.find("session", 0, 1024)
    found = _UUID.search(user, at, at + 64)
    return found.group() if found else ""


def _of_conversation(value: Any) -> str:  # noqa: ANN401 - as above
    return _id(value) or _id(fields_of(value).get("id"))


def _id(value: Any) -> str:  # noqa: ANN401 - as above
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _uuid(value: Any) -> str:  # noqa: ANN401 - as above
    return value if isinstance(value, str) and _UUID.fullmatch(value) else ""


def _said(kind: str, talk: Conversation, messages: Sequence[Message]) -> Named:
    """The system prompt and what the user has said: in all, and before the last answer."""
    found = blake2b(kind.encode(), digest_size=16)
    _add(found, talk.system[: talk.pinned])
    before, any_turn = "", False
    for message in messages:
        if message.role is not Role.USER:
            continue
        if not before and message.at > talk.last_answer >= 0:
            before = found.hexdigest()
        _add(found, message.texts)
        any_turn = True
    if not any_turn:
        return Named()
    turn = found.hexdigest()
    return Named(turn, before or (turn if talk.last_answer >= 0 else ""))


def _add(found: blake2b, texts: Sequence[str]) -> None:
    """Add some texts, each told from the next, and all of them from what follows."""
    for text in texts:
        edges = text if len(text) <= 2 * _EDGE_CHARS else text[:_EDGE_CHARS] + text[-_EDGE_CHARS:]
        written = edges.encode("utf-8", "surrogatepass")
        found.update(b"%d:%d:" % (len(text), len(written)))
        found.update(written)
    found.update(b";")
