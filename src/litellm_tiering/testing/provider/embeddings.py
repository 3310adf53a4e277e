"""OpenAI's ``/v1/embeddings``: vectors of hashed words, so that texts with words in common lie closer."""

from __future__ import annotations

import base64
import math
import re
import struct
from typing import TYPE_CHECKING

from litellm_tiering.testing.provider import reading
from litellm_tiering.testing.provider.hardness import seed_of
from litellm_tiering.testing.provider.reading import BadRequest
from litellm_tiering.testing.provider.shapes import Ask, count_tokens
from litellm_tiering.testing.provider.wire import Wire, openai_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.testing.provider.wire import Reply

DIMENSIONS = 256
MAX_DIMENSIONS = 4_096
MAX_INPUTS = 2_048
_PLACES_PER_WORD = 4
_WORD = re.compile(r"\w{1,40}")


def read(body: Mapping[str, object]) -> Ask:
    """A request for embeddings.

    Raises:
        BadRequest: it is not one.
    """
    model = reading.model_of(body)
    texts = _inputs(body)
    reading.whole_number(body, "dimensions", 1, MAX_DIMENSIONS)
    # Faults may be asked for in the text here as well.
    return Ask(model, texts[-1], prompt_tokens=sum(count_tokens(text) for text in texts), body=body)


def _inputs(body: Mapping[str, object]) -> list[str]:
    """The texts to embed; a list of token numbers counts as the text of these numbers."""
    value = body.get("input")
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not value or len(value) > MAX_INPUTS:
        raise BadRequest(f"Invalid 'input': expected a string or an array of 1 to {MAX_INPUTS} inputs.")
    if all(isinstance(item, int) for item in value):
        return [" ".join(map(str, value))]
    if not all(isinstance(item, str | list) for item in value):
        raise BadRequest("Invalid 'input': expected strings or arrays of tokens.")
    return [item if isinstance(item, str) else " ".join(map(str, item)) for item in value]


def vector(text: str, dimensions: int) -> list[float]:
    """The text's vector, of length one."""
    values = [0.0] * dimensions
    for word in _WORD.findall(text.casefold()) or [""]:
        seed = seed_of(word)
        for i in range(_PLACES_PER_WORD):
            place = (seed >> (16 * i)) & 0xFFFF
            values[place % dimensions] += 1.0 if place & 0x8000 else -1.0
    norm = math.hypot(*values)
    return [value / norm for value in values] if norm else [1.0] + [0.0] * (dimensions - 1)


def whole(reply: Reply) -> Mapping[str, object]:
    """The vectors, as numbers or, where asked for, as base64 of little-endian 32-bit floats."""
    body = reply.ask.body
    dimensions = reading.whole_number(body, "dimensions") or DIMENSIONS
    packed = body.get("encoding_format") == "base64"
    data: list[Mapping[str, object]] = []
    for index, text in enumerate(_inputs(body)):
        values = vector(text, dimensions)
        shown = base64.b64encode(struct.pack(f"<{dimensions}f", *values)).decode() if packed else values
        data.append({"object": "embedding", "index": index, "embedding": shown})
    tokens = reply.ask.prompt_tokens
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": reply.ask.model, "usage": usage}


WIRE = Wire("/v1/embeddings", read, whole, None, openai_error)
