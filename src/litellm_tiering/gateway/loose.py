"""Reading LiteLLM's answers, which are objects or dicts, and hold what the provider sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FINISHES = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
}
"""Why an answer ended, in the words of the APIs, as :class:`litellm_tiering.core.gate.Said` has it."""


def get(value: Any, name: str) -> Any:
    """An attribute or a key, None where there is neither."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def text(value: Any) -> str:
    """A string, empty for anything else."""
    return value if isinstance(value, str) else ""


def items(value: Any) -> Sequence[Any]:
    """A list, empty for anything else."""
    return value if isinstance(value, list | tuple) else ()


def finish(value: Any) -> str:
    """Why an answer ended, in our words; empty where it has not, or for another reason."""
    return FINISHES.get(text(getattr(value, "value", value)), "")


def number(value: Any) -> float | None:
    """A number that is one, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # JSON knows integers of any length
        return None


def place(value: Any) -> int:
    """An index in a stream; 0 for anything else, as where there is only one."""
    return value if isinstance(value, int) else 0
