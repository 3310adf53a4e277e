"""What a model's name tells of it: its family, generation and size. Only a ladder's proposal goes by it.

LiteLLM's model map knows prices and abilities, and nothing of how good a model is. Within a family and a
generation the dearer model is the better one; across generations it is not, and a ladder by price alone would
end with the dearest model of years ago.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MOST_CHARS = 200
_DATE = re.compile(r"[-@_]?(?:20\d{2}-?\d{2}-?\d{2}|\d{2}-20\d{2}|\d{2}-\d{2}(?=$|-))|-v\d+(?::\d+)?$|:\d+$")
_VERSION = re.compile(r"(?<![a-z\d.])[rvk]?(\d{1,2})(?:[.\-p](\d)(?![\db]))?(o)?(?![\db.])")
_BILLIONS = re.compile(r"(?<![a-z\d.])(?:(\d{1,2})x)?(\d{1,4}(?:\.\d{1,2})?)b(?![a-z\d])")
_OPENAI_REASONING = re.compile(r"(?<![a-z\d])o(\d)(?![a-z\d])")
_FAMILIES = (
    *("claude", "gemini", "gemma", "gpt-oss", "gpt", "grok", "command", "deepseek", "qwen", "nova", "llama"),
    *("codestral", "devstral", "ministral", "magistral", "mixtral", "mistral", "kimi", "glm", "phi", "jamba"),
)
_SIZES = (
    (0, ("nano", "micro", "tiny", "lite", "8b", "3b", "1b", "instant")),
    (1, ("mini", "flash", "haiku", "small", "luna", "fast", "turbo")),
    (3, ("opus", "ultra", "large", "pro", "premier", "max", "astra", "405b")),
)
_REASONING_SINCE = {1: 4.2, 3: 4.5, 4: 4.6}
"""OpenAI's o-series among its other models, by when they came out."""


class Told(NamedTuple):
    """What a name tells.

    Attributes:
        family: Such as ``claude``; empty where it is not known.
        generation: Its number, such as 4.5; None where there is none.
        size: 0 for the smallest of a family to 3 for the largest; 2 where the name does not say.
        billions: Its parameters, in billions; None where the name does not say.
    """

    family: str = ""
    generation: float | None = None
    size: int = 2
    billions: float | None = None


def told_by(upstream: str) -> Told:
    """What the name that a deployment gives its model tells.

    Example:
        >>> told_by("bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0")
        Told(family='claude', generation=4.5, size=1, billions=None)
        >>> told_by("hosted_vllm/Qwen/Qwen3-8B").billions
        8.0
    """
    name = upstream[-_MOST_CHARS:].lower().rpartition("/")[2]
    billions = _billions(name)
    words = set(re.split(r"[^a-z\d]+", name))
    size = next((n for n, marks in _SIZES if words & set(marks)), 2)
    reasoning = _OPENAI_REASONING.search(name)
    if reasoning:
        since = _REASONING_SINCE.get(int(reasoning[1]), float(reasoning[1]))
        return Told("gpt", since, size, billions)
    family = next((f for f in _FAMILIES if f in name), "")
    return Told(family, _generation(name, family), size, billions)


def _generation(name: str, family: str) -> float | None:
    if not family:
        return None
    rest = _BILLIONS.sub("", _DATE.sub("", name.partition(family)[2]))
    found = _VERSION.search(rest.lstrip("-_ "))
    if found is None:
        return None
    # "4o" came after "4", before "4.1".
    return float(f"{found[1]}.{found[2] or 0}") + (0.05 if found[3] else 0.0)


def _billions(name: str) -> float | None:
    """The parameters that a name states, all experts of a mixture together."""
    found = _BILLIONS.search(name)
    return None if found is None else float(found[2]) * int(found[1] or 1)
