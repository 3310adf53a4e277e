"""Reading request bodies that may hold anything: what is understood is typed, what is not is a BadRequest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeGuard

from litellm_tiering.testing.provider.shapes import NOTHING, Tool, count_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_CHOICES = 16
MAX_TOP_LOGPROBS = 20


class BadRequest(Exception):
    """The body cannot be understood; the message says where and why, and goes out with the status 400."""


def parse(raw: bytes) -> Mapping[str, object]:
    """The JSON object in ``raw``.

    Raises:
        BadRequest: it is not JSON, too deep to read, or not an object.
    """
    try:
        body: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"We could not parse the JSON body of your request: {error}") from None
    if not is_object(body):
        raise BadRequest("The body of your request must be a JSON object.")
    return body


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether the value is a JSON object (whose keys are always text)."""
    return isinstance(value, dict)


def is_text(value: object) -> TypeGuard[str]:
    """Whether the value is text and not empty."""
    return isinstance(value, str) and value != ""


def object_at(body: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The object under ``key``; an empty one where there is none."""
    value = body.get(key)
    return value if is_object(value) else NOTHING


def objects_at(body: Mapping[str, object], key: str) -> Sequence[Mapping[str, object]]:
    """The objects in the list under ``key``; absent is empty.

    Raises:
        BadRequest: it is not a list of objects.
    """
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(is_object(item) for item in value):
        raise BadRequest(f"Invalid type for '{key}': expected an array of objects.")
    return value


def text_at(body: Mapping[str, object], key: str) -> str:
    """The text under ``key``; empty where there is none."""
    value = body.get(key)
    return value if isinstance(value, str) else ""


def model_of(body: Mapping[str, object]) -> str:
    """The name of the model, without a provider's prefix.

    Raises:
        BadRequest: there is none.
    """
    model = body.get("model")
    if not is_text(model):
        raise BadRequest("you must provide a model parameter")
    return model.rsplit("/", 1)[-1]


def whole_number(body: Mapping[str, object], key: str, least: int = 1, most: int | None = None) -> int | None:
    """The whole number under ``key``, or None where it is absent or null.

    Raises:
        BadRequest: it is something else, or out of bounds.
    """
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"Invalid type for '{key}': expected an integer.")
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"between {least} and {most}"
        raise BadRequest(f"Invalid value for '{key}': expected an integer of {bounds}.")
    return value


def messages_of(body: Mapping[str, object], key: str = "messages") -> Sequence[Mapping[str, object]]:
    """The messages, each with a role.

    Raises:
        BadRequest: there are none, or one of them is not a message.
    """
    messages = objects_at(body, key)
    if not messages:
        raise BadRequest(f"Missing required parameter: '{key}'.")
    for i, message in enumerate(messages):
        if not is_text(message.get("role")):
            raise BadRequest(f"Missing required parameter: '{key}[{i}].role'.")
    return messages


def content_text(content: object) -> str:
    """The text of a message's content, be it plain or in parts; a part without text counts as none.

    Raises:
        BadRequest: the content is neither.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequest("Invalid type for 'content': expected a string or an array of objects.")
    found: list[str] = []
    for part in content:
        if isinstance(part, str):
            found.append(part)
        elif is_object(part):
            found.append(text_at(part, "text"))
        else:
            raise BadRequest("Invalid type for 'content': expected a string or an array of objects.")
    return "\n".join(text for text in found if text)


def last_said(messages: Sequence[Mapping[str, object]]) -> str:
    """The text of the last message of the user that has any."""
    for message in reversed(messages):
        if message.get("role") == "user" and (text := content_text(message.get("content"))):
            return text
    return ""


def tool_of(spec: Mapping[str, object], schema_key: str) -> Tool | None:
    """The function described by ``spec``; None for a tool without a name, such as a built-in one."""
    name = spec.get("name")
    if not is_text(name):
        return None
    return Tool(name, text_at(spec, "description"), object_at(spec, schema_key))


def prompt_tokens(texts: Sequence[str], body: Mapping[str, object]) -> int:
    """The tokens of all texts of a request, and of its tool definitions."""
    tools = body.get("tools")
    return count_tokens("\n".join(texts)) + (count_tokens(json.dumps(tools)) if tools else 0)
