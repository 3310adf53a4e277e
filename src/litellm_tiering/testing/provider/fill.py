"""JSON that fits a schema: the simple fill-in by type with which the models answer and call tools."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.testing.provider.reading import is_object, is_text, object_at
from litellm_tiering.testing.provider.shapes import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPTH = 12
MAX_ITEMS = 8
MAX_LENGTH = 4_000
"""Bounds that keep any schema, a recursive one too, from growing the answer without end."""

_PLACE = re.compile(r"\b(?:in|for|at|to|of)\s{1,3}([^\W\d_][\w'-]{1,24}(?: [A-ZÀ-Þ][\w'-]{1,24}){0,2})")
_NUMBER = re.compile(r"(?<![\w.])\d{1,9}(?:\.\d{1,6})?(?![\w.]\d)")
_FORMATS = {
    "date": "2024-05-17",
    "time": "09:30:00Z",
    "date-time": "2024-05-17T09:30:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "3f0c9a52-6d0b-4c1e-9a57-2b8f5d1e7c40",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}
_ANSWER_NAMES = frozenset(
    {"answer", "result", "text", "content", "reply", "response", "summary", "output", "value"}
)
_PLACE_NAMES = frozenset({"city", "location", "place", "country", "town", "destination"})


@dataclass(frozen=True, slots=True)
class Hints:
    """What the values are taken from.

    Attributes:
        question: The user's text, markers removed.
        reply: The answer in words, for a field that asks for it.
        number: The result of a sum, where the question was one.
        confidence: 0 to 1, for a field of that name.
    """

    question: str
    reply: str
    number: float | None = None
    confidence: float = 0.95


def fill(schema: Mapping[str, object], hints: Hints) -> object:
    """A value that fits the schema (types, enums, required and bounded items; patterns are not read)."""
    return _Filler(schema, hints).value(schema, "", 0)


class _Filler:
    def __init__(self, root: Mapping[str, object], hints: Hints) -> None:
        self._root = root
        self._hints = hints
        self._left = 500  # values, over the whole answer

    def value(self, schema: Mapping[str, object], name: str, depth: int) -> object:
        self._left -= 1
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        options = schema.get("enum")
        if isinstance(options, list) and options:
            return self._mentioned(options)
        kind = self._kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in {"integer", "number"}:
            return self._number(schema, name, whole=kind == "integer")
        return (
            {"boolean": True, "null": None}[kind] if kind in {"boolean", "null"} else self._text(schema, name)
        )

    def _resolved(self, schema: Mapping[str, object]) -> Mapping[str, object]:
        """The schema with its reference, its first alternative and all its parts taken in."""
        for _ in range(MAX_DEPTH):
            extra: Mapping[str, object] = NOTHING
            reference = schema.get("$ref")
            if is_text(reference):
                extra = self._at(reference)
                schema = {k: v for k, v in schema.items() if k != "$ref"}
            for key in ("allOf", "anyOf", "oneOf"):
                parts = schema.get(key)
                if isinstance(parts, list):
                    schema = {k: v for k, v in schema.items() if k != key}
                    usable = [part for part in parts if is_object(part)]
                    for part in usable if key == "allOf" else usable[:1]:
                        extra = _merged(extra, part)
            if not extra:
                return schema
            schema = _merged(schema, extra)
        return NOTHING

    def _at(self, reference: str) -> Mapping[str, object]:
        place = self._root
        for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else []:
            place = object_at(place, step.replace("~1", "/").replace("~0", "~"))
        return place

    def _kind(self, schema: Mapping[str, object]) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        if isinstance(kind, str):
            return kind
        if "properties" in schema:
            return "object"
        return "array" if "items" in schema else "string"

    def _object(self, schema: Mapping[str, object], depth: int) -> object:
        properties = object_at(schema, "properties")
        required = schema.get("required")
        wanted = list(properties)
        if isinstance(required, list):
            wanted += [name for name in required if isinstance(name, str) and name not in properties]
            if depth >= MAX_DEPTH or self._left <= 0:
                wanted = [name for name in wanted if name in required]
        if depth >= 2 * MAX_DEPTH or self._left <= -MAX_LENGTH:
            return {}
        return {name: self.value(object_at(properties, name), name, depth + 1) for name in wanted}

    def _array(self, schema: Mapping[str, object], name: str, depth: int) -> object:
        least, most = schema.get("minItems"), schema.get("maxItems")
        count = min(least, MAX_ITEMS) if isinstance(least, int) else 1
        if depth >= MAX_DEPTH or self._left <= 0 or most == 0:
            count = 0
        return [self.value(object_at(schema, "items"), name, depth + 1) for _ in range(max(count, 0))]

    def _number(self, schema: Mapping[str, object], name: str, *, whole: bool) -> float | int:
        if "confidence" in name.casefold() and not whole:
            value = self._hints.confidence
        elif self._hints.number is not None:
            value = self._hints.number
        else:
            found = _NUMBER.search(self._hints.question[:MAX_LENGTH])
            value = float(found[0]) if found else 1.0
        low, high = schema.get("minimum"), schema.get("maximum")
        if isinstance(low, int | float):
            value = max(value, low)
        if isinstance(high, int | float):
            value = min(value, high)
        if not math.isfinite(value):  # JSON as Python reads it knows Infinity, and 1e999
            value = 1.0
        return int(value) if whole else value

    def _text(self, schema: Mapping[str, object], name: str) -> str:
        wanted = name.casefold()
        form = schema.get("format")
        if isinstance(form, str) and form in _FORMATS:
            text = _FORMATS[form]
        elif wanted in _PLACE_NAMES:
            found = _PLACE.search(self._hints.question[:MAX_LENGTH])
            text = found[1].title() if found else "Paris"
        elif wanted in _ANSWER_NAMES or not wanted:
            text = self._hints.reply
        else:
            text = f"{name.replace('_', ' ')} of the request"[:MAX_LENGTH]
        least, most = schema.get("minLength"), schema.get("maxLength")
        if isinstance(least, int):
            text = text.ljust(min(least, MAX_LENGTH), ".")
        return text[: max(most, 0)] if isinstance(most, int) else text

    def _mentioned(self, options: list[object]) -> object:
        text = self._hints.question[:MAX_LENGTH].casefold()
        return next((o for o in options if isinstance(o, str) and o and o.casefold() in text), options[0])


def _merged(one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """Both schemas together: properties and required add up, the rest of ``other`` fills what is missing."""
    merged = {**other, **one}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**object_at(other, "properties"), **object_at(one, "properties")}
    first, second = one.get("required"), other.get("required")
    if isinstance(first, list) and isinstance(second, list):
        merged["required"] = [*first, *second]
    return merged
