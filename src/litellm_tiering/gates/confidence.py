"""How sure the answer says it is, where it is structured and says so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.gate import Exchange, Verdict
from litellm_tiering.gates.lenient import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_CALLS = 8
_LONGEST_NUMBER = 24
_PERCENT = 100.0
_ABSENT = object()


class ConfidenceGate:
    """Rejects a structured answer that reports too little confidence in itself.

    The number is 0 to 1; ``"85%"`` is a percentage, and so is a number above 1, up to 100. Words such as
    "high" are no number: models do not agree on what they mean. Looks into the text, and where that is no
    JSON or holds no such key into the arguments of the first few tool calls.

    Args:
        path: Where the number is: keys and list indexes with dots between, ``results.0.confidence``.
        min: The least confidence that is accepted, 0 to 1.
        name: What it is called.
    """

    judges_prefix = False

    def __init__(self, *, path: str = "confidence", min: float = 0.8, name: str = "confidence") -> None:  # noqa: A002 - the key's name in the configuration
        self.name = name
        self._parts = path.split(".")
        # A text without the last key that is no index need not be parsed.
        keys = [part for part in self._parts if not part.isdecimal()]
        self._key = keys[-1] if keys else ""
        self._min = min

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``low``; abstains with ``missing`` or ``not_a_number``."""
        found = next((v for v in self._values(exchange) if v is not _ABSENT), _ABSENT)
        if found is _ABSENT:
            return Verdict.abstain("missing")
        confidence = _share(found)
        if confidence is None:
            return Verdict.abstain("not_a_number")
        p_bad = 1.0 - confidence
        if confidence < self._min:
            return Verdict.reject("low", p_bad=p_bad)
        return Verdict.accept(p_bad=p_bad)

    def _values(self, exchange: Exchange) -> Iterator[object]:
        """What is at the path, in the text and in each tool call, one after the other."""
        yield self._at_path(exchange.answer)
        for call in exchange.tool_calls[:_MAX_CALLS]:
            yield self._at_path(call.arguments)

    def _at_path(self, text: str) -> object:
        if self._key not in text:
            return _ABSENT
        try:
            value: Any = parse_json(text)
        except ValueError:
            return _ABSENT
        for part in self._parts:
            if isinstance(value, dict):
                if part not in value:
                    return _ABSENT
                value = value[part]
            elif isinstance(value, list) and part.isdecimal() and int(part[:9]) < len(value):
                value = value[int(part[:9])]
            else:
                return _ABSENT
        return value


def _share(value: object) -> float | None:
    """``value`` as a share of 0 to 1; None where it is not one."""
    percent = False
    if isinstance(value, str):
        written = value.strip() if len(value) <= _LONGEST_NUMBER else ""
        percent = written.endswith("%")
        try:
            number = float(written.removesuffix("%").strip())
        except ValueError:
            return None
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        # Compared before it is made a float, which an integer of a thousand digits cannot be.
        number = float(value) if 0 <= value <= _PERCENT else math.nan
    else:
        return None
    if not 0.0 <= number <= _PERCENT:  # never true of NaN
        return None
    return number / _PERCENT if percent or number > 1.0 else number
