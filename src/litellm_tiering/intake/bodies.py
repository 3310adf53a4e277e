"""The wire formats: chat completions, completions, Anthropic messages and responses, as one conversation.

A body is whatever a client sent: every value is looked at before it is used, nothing recurses, and at most
a fixed number of messages, parts and nodes is looked at. What is left out is scaled up from what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.catalog import CACHE_TTL_S
from litellm_tiering.core.features import Surface
from litellm_tiering.intake.conversation import Conversation, Message, Role
from litellm_tiering.intake.tokens import (
    AUDIO_TOKENS,
    FILE_TOKENS,
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    PAGE_CHARS,
    utf8_size,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

OLDEST = 16
NEWEST = 256
BETWEEN = 128
"""How many messages are looked at: the first, the last, and some spread evenly between them."""

MAX_PARTS = 256
"""How many parts of one message are looked at; half from its beginning, half from its end."""

LONG_CACHE_TTL_S = 3_600
"""How long providers keep a prompt in their cache where they are asked to keep it longer, in seconds."""

MAX_NODES = 256
"""How many values of one tool call's arguments are looked at."""

_FILE_LIMIT_TOKENS = 200_000
_LONGEST_NUMBER_BITS = 64

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "model": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}
_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
_IMAGES = frozenset({"image_url", "image", "input_image"})
_AUDIO = frozenset({"input_audio", "audio", "audio_url"})
_FILES = frozenset({"file", "input_file", "document", "video_url", "container_upload"})
_CALLS = frozenset(
    {"tool_use", "server_tool_use", "mcp_tool_use", "function_call", "custom_tool_call", "computer_call"}
)


def fields_of(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a body holds anything
    """``value`` as a mapping: a dict as it is, an SDK's message object by its attributes, else empty."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    inner = getattr(value, "__dict__", None)
    return inner if isinstance(inner, dict) and not isinstance(value, type) else {}


def read_body(body: Mapping[str, Any], surface: Surface) -> Conversation:
    """The conversation that ``body`` holds, whatever its values are."""
    talk = Conversation()
    if surface is Surface.COMPLETION:
        _read_prompt(talk, body.get("prompt"))
        _add_text(talk, Role.ASSISTANT, body.get("suffix"))
        return talk
    if surface is Surface.RESPONSES:
        _read_system(talk, body.get("instructions"))
        talk.elsewhere = bool(body.get("previous_response_id") or body.get("conversation"))
        entries = body.get("input")
        if isinstance(entries, str):
            entries = [{"role": "user", "content": entries}]
        if entries is None:
            entries = body.get("messages")
    else:
        _read_system(talk, body.get("system"))
        entries = body.get("messages")
        if isinstance(entries, str):
            entries = [{"role": "user", "content": entries}]
    if isinstance(entries, (list, tuple)):
        _read_messages(talk, entries)
    return talk


def _read_messages(talk: Conversation, entries: Sequence[Any]) -> None:
    """The first message, then the newest ones backwards: what is left out for want of room is in between."""
    total = len(entries)
    talk.messages = total
    talk.extra_tokens += MESSAGE_TOKENS * total
    talk.pinned = len(talk.system)
    if not total:
        return
    first = _read_entry(talk, entries, 0)
    talk.pinned = len(talk.system)
    whole = total <= OLDEST + NEWEST + BETWEEN
    newest = range(total - 1, 0, -1) if whole else range(total - 1, total - 1 - NEWEST, -1)
    recent = [m for i in newest if (m := _read_entry(talk, entries, i)) is not None]
    if not whole:
        talk.partial = True
        left_out = total - OLDEST - NEWEST
        # Not kept as turns: what is so far back is never the question.
        for k in range(BETWEEN - 1, -1, -1):
            _read_message(talk, entries[OLDEST + k * left_out // BETWEEN], left_out / BETWEEN)
        early = [_read_entry(talk, entries, i) for i in range(OLDEST - 1, 0, -1)]
        talk.opening = [m for m in (first, *reversed(early)) if m is not None]
    elif first is not None:
        recent.append(first)
    talk.recent = recent[::-1]


def _read_entry(talk: Conversation, entries: Sequence[Any], at: int) -> Message | None:
    """As :func:`_read_message`, of the entry at this place, which is noted."""
    results = talk.tool_results
    message = _read_message(talk, entries[at], 1.0)
    if talk.tool_results > results:
        talk.last_result = max(talk.last_result, at)
    if message is not None:
        message.at = at
    if at > talk.last_answer and _is_answer(fields_of(entries[at])):
        talk.last_answer = at
    return message


def _is_answer(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is the assistant's: its turn, its reasoning, its call of a tool."""
    name, kind = entry.get("role"), entry.get("type")
    if isinstance(name, str) and _ROLES.get(name) is Role.ASSISTANT:
        return True
    return isinstance(kind, str) and (kind in _CALLS or kind == "reasoning")


def _read_message(talk: Conversation, entry: Any, weight: float) -> Message | None:  # noqa: ANN401 - anything
    """Count one message; returned when it is a turn of the user or the assistant with text of its own."""
    entry = fields_of(entry)
    _look_aside(talk, entry, weight)
    kind = entry.get("type")
    if isinstance(kind, str) and kind != "message" and kind not in _TEXTS:
        return _read_item(talk, kind, entry, weight)
    name = entry.get("role")
    # A bare part among the input of a responses call, or a role nobody knows, is the client's: a user's.
    role = _ROLES.get(name, Role.USER) if isinstance(name, str) else Role.USER
    content = entry.get("content", entry.get("text"))
    if role is Role.SYSTEM:
        _read_system(talk, content, weight)
        return None
    message = Message(role)
    _read_content(talk, message, content, weight)
    if role is Role.TOOL:
        talk.tool_results += weight
        return None
    calls = entry.get("tool_calls")
    if isinstance(calls, list):
        talk.partial = talk.partial or len(calls) > MAX_PARTS
        for call in calls[: min(MAX_PARTS, talk.room)]:
            _add_tree(talk, Role.ASSISTANT, call, weight)
    if "function_call" in entry:
        _add_tree(talk, Role.ASSISTANT, entry["function_call"], weight)
    _add_text(talk, Role.ASSISTANT, entry.get("reasoning_content"), weight)
    return _turn(talk, message, weight)


def _look_aside(talk: Conversation, entry: Mapping[str, Any], weight: float) -> None:
    """What stands beside the text of a message or a part: the speaker's name, a mark for the cache."""
    name = entry.get("name")
    if isinstance(name, str):
        talk.extra_bytes += utf8_size(name) * weight
    if "cache_control" in entry:
        talk.cache_ttl_s = max(talk.cache_ttl_s, cache_ttl_of(entry))


def cache_ttl_of(entry: Mapping[str, Any]) -> int:
    """How long an entry's ``cache_control`` asks the provider to keep it, in seconds; 0 without one."""
    mark = fields_of(entry.get("cache_control"))
    if not mark:
        return 0
    # Only two lengths exist; whatever else is written there may count as the longer one.
    return CACHE_TTL_S if mark.get("ttl", "5m") == "5m" else LONG_CACHE_TTL_S


def _turn(talk: Conversation, message: Message, weight: float) -> Message | None:
    """``message`` when it has text of its own, counted as a turn when it is the user's."""
    if not message.texts:
        return None
    if message.role is Role.USER:
        talk.turns += weight
    return message


def _read_item(talk: Conversation, kind: str, entry: Mapping[str, Any], weight: float) -> Message | None:
    """One item of a responses input that is no message."""
    if kind in _CALLS or kind == "reasoning":
        _add_tree(talk, Role.ASSISTANT, entry, weight)
        return None
    if kind.endswith(("_output", "_result")):
        talk.tool_results += weight
        _read_content(talk, Message(Role.TOOL), entry.get("output", entry.get("content")), weight)
        return None
    message = Message(Role.USER)
    _read_part(talk, message, kind, entry, weight)
    return _turn(talk, message, weight)


def _read_content(talk: Conversation, message: Message, content: Any, weight: float) -> None:  # noqa: ANN401 - as above
    """A message's content: text, a list of parts, or one part."""
    if isinstance(content, str):
        _keep(talk, message, content, weight)
        return
    parts = content if isinstance(content, (list, tuple)) else [content]
    if len(parts) > MAX_PARTS:
        talk.partial = True
        weight *= len(parts) / MAX_PARTS
        parts = [*parts[: MAX_PARTS // 2], *parts[-MAX_PARTS // 2 :]]
    for part in parts:
        if talk.room <= 0:
            talk.partial = True
            return
        talk.room -= 1
        if isinstance(part, str):
            _keep(talk, message, part, weight)
            continue
        entry = fields_of(part)
        _look_aside(talk, entry, weight)
        kind = entry.get("type")
        _read_part(talk, message, kind if isinstance(kind, str) else "", entry, weight)


def _read_part(
    talk: Conversation, message: Message, kind: str, entry: Mapping[str, Any], weight: float
) -> None:
    """One part of a message's content."""
    if kind in _IMAGES:
        talk.images += 1
        talk.attach(IMAGE_TOKENS)
    elif kind in _AUDIO:
        talk.audio += 1
        talk.attach(AUDIO_TOKENS)
        talk.audio_tokens += _audio_tokens(entry)
    elif kind in _FILES:
        talk.files += 1
        _read_file(talk, entry)
    elif kind in _CALLS:
        _add_tree(talk, Role.ASSISTANT, entry, weight)
    elif kind.endswith("_result"):
        talk.tool_results += weight
        # One level: a result holds text and images, and results within results do not occur.
        _read_result(talk, entry.get("content"), weight)
    elif kind.endswith("thinking"):
        _add_text(talk, Role.ASSISTANT, entry.get("thinking"), weight)
    else:
        text = entry.get("text", entry.get("refusal"))
        if isinstance(text, str):
            _keep(talk, message, text, weight)


def _read_result(talk: Conversation, content: Any, weight: float) -> None:  # noqa: ANN401 - a body holds anything
    """What a tool returned."""
    if isinstance(content, str):
        _add_text(talk, Role.TOOL, content, weight)
        return
    for part in content[: min(MAX_PARTS, talk.room)] if isinstance(content, list) else [content]:
        talk.room -= 1
        entry = fields_of(part)
        kind = entry.get("type")
        if isinstance(kind, str) and kind in _IMAGES:
            talk.images += 1
            talk.attach(IMAGE_TOKENS)
        else:
            _add_tree(talk, Role.TOOL, part, weight)


def _read_file(talk: Conversation, entry: Mapping[str, Any]) -> None:
    """A document: its text where it carries text, else a guess by its size."""
    source = fields_of(entry.get("source") or entry.get("file") or entry)
    data = source.get("data", source.get("file_data"))
    if source.get("type") == "text" and isinstance(data, str):
        _add_text(talk, Role.TOOL, data)
        return
    pages = len(data) / PAGE_CHARS if isinstance(data, str) else 0
    talk.attach(min(_FILE_LIMIT_TOKENS, FILE_TOKENS * max(1.0, pages)))
    # A page is up to 3,000 tokens of text and an image of it, and PAGE_CHARS may hold more than one.
    talk.file_tokens += min(_FILE_LIMIT_TOKENS, 4 * FILE_TOKENS * max(1.0, pages))


def _audio_tokens(entry: Mapping[str, Any]) -> float:
    """What a clip comes to at most: 32 tokens a second, of sound recorded as sparingly as is usual."""
    clip = fields_of(entry.get("input_audio") or entry.get("audio") or entry.get("source") or entry)
    data = clip.get("data")
    if not isinstance(data, str):
        return float(AUDIO_TOKENS)
    plain = clip.get("format") in {"wav", "pcm", "pcm16"}
    seconds = len(data) * 0.75 / (16_000 if plain else 4_000)
    return max(float(AUDIO_TOKENS), 32 * seconds)


def _read_system(talk: Conversation, content: Any, weight: float = 1.0) -> None:  # noqa: ANN401 - a body holds anything
    message = Message(Role.SYSTEM)
    _read_content(talk, message, content, weight)
    if len(talk.system) < MAX_PARTS:
        # Messages are read backwards: each piece goes before those read so far, the pinned ones excepted.
        talk.system[talk.pinned : talk.pinned] = message.texts


def _read_prompt(talk: Conversation, prompt: Any) -> None:  # noqa: ANN401 - a body holds anything
    """A completion's prompt: text, several texts, token ids, or several lists of them."""
    if isinstance(prompt, (list, tuple)):
        if prompt and isinstance(prompt[0], (int, list)):
            lists = prompt[:MAX_PARTS] if isinstance(prompt[0], list) else [prompt]
            ids = sum(len(ids) for ids in lists if isinstance(ids, list)) * (
                len(prompt) / len(lists) if isinstance(prompt[0], list) else 1
            )
            talk.extra_tokens += ids
            talk.extra_bytes += ids
            talk.messages = talk.turns = 1
            return
        texts: Any = prompt
    else:
        texts = [prompt]
    message = Message(Role.USER)
    _read_content(talk, message, texts, 1.0)
    if message.texts:
        talk.recent.append(message)
        talk.messages = talk.turns = 1


def _keep(talk: Conversation, message: Message, text: str, weight: float) -> None:
    """A piece of a message's own text."""
    if text:
        message.texts.append(text)
        talk.add(message.role, text, weight)


def _add_text(talk: Conversation, role: Role, text: Any, weight: float = 1.0) -> None:  # noqa: ANN401 - as above
    """Count ``text`` without keeping it."""
    if isinstance(text, str) and text:
        talk.add(role, text, weight)


def _add_tree(talk: Conversation, role: Role, value: Any, weight: float) -> None:  # noqa: ANN401 - as above
    """Count the texts within ``value``, however deep, at most MAX_NODES of them."""
    if talk.room <= 0:
        talk.partial = True
        return
    texts, seen = texts_within(value, min(talk.room, MAX_NODES))
    talk.room -= seen
    if seen >= MAX_NODES:
        talk.partial = True
    # Quotes, commas, and what stands for numbers; a text that is not ASCII may be sent as escapes.
    talk.extra_bytes += weight * (12 * seen + sum(4 if t.isascii() else 4 + utf8_size(t) for t in texts))
    for text in texts:
        talk.add(role, text, weight)


def texts_within(value: Any, limit: int) -> tuple[list[str], int]:  # noqa: ANN401 - a body holds anything
    """The keys and texts within ``value``, and how many values were looked at: no more than ``limit``."""
    found: list[str] = []
    stack = [value]
    seen = 0
    while stack and seen < limit:
        item = stack.pop()
        seen += 1
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            for key, inner in islice(item.items(), limit - seen):
                if isinstance(key, str):
                    found.append(key)
                stack.append(inner)
        elif isinstance(item, (list, tuple)):
            stack.extend(item[: limit - seen])
        elif isinstance(item, int) and item.bit_length() > _LONGEST_NUMBER_BITS:
            found.append("0" * (item.bit_length() // 3))
        elif item is not None and not isinstance(item, (int, float)):
            inner = fields_of(item)
            if inner:
                stack.append(dict(inner))
    return found, seen
