"""What makes a function a gate: the decorator, its name, and how it is found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from litellm_tiering.owncode import target as found
from litellm_tiering.owncode.target import safe_word

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENTRY_POINTS", "Mark", "gate", "load_target", "mark_of", "safe_word"]

F = TypeVar("F", bound="Callable[..., Any]")

ENTRY_POINTS = "litellm_tiering.gates"
"""The group of entry points in which packages offer gates by a bare name."""

_MARK = "__litellm_tiering_gate__"


class Mark(NamedTuple):
    """What ``@gate`` says of a function."""

    name: str
    prefix: bool = False


@overload
def gate(function: F, /) -> F: ...


@overload
def gate(*, name: str | None = None, prefix: bool = False) -> Callable[[F], F]: ...


def gate(
    function: F | None = None, /, *, name: str | None = None, prefix: bool = False
) -> F | Callable[[F], F]:
    """Mark a function as a gate; it stays a function that can be called.

    Args:
        function: The function, where the decorator is used bare.
        name: What it is called in headers and metrics; else the function's name.
        prefix: Whether it can judge the beginning of a streamed answer (``exchange.partial``).

    Example:
        >>> from litellm_tiering import Verdict, gate
        >>> @gate(name="no_placeholder")
        ... def check(exchange):
        ...     return Verdict.reject("placeholder") if "TODO" in exchange.answer else Verdict.accept()
    """

    def marked(target: F) -> F:
        setattr(target, _MARK, Mark(safe_word(name or found.name_of(target)), prefix))
        return target

    return marked if function is None else marked(function)


def mark_of(function: Callable[..., Any]) -> Mark:
    """What ``@gate`` said of ``function``, or its name where it was not used."""
    mark = getattr(function, _MARK, None)
    return mark if isinstance(mark, Mark) else Mark(safe_word(found.name_of(function)))


def load_target(target: str) -> Callable[..., Any]:
    """The gate that ``target`` names: ``package.module:function``, dots throughout, or an entry point.

    Raises:
        ValueError: there is none, or its module cannot be imported; the message says which.
    """
    return found.load(target, ENTRY_POINTS, "gate")
