"""What makes a function a gate: the decorator, its name, and how it is found by name."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

ENTRY_POINTS = "litellm_tiering.gates"
"""The group of entry points in which packages offer gates by a bare name."""

_MARK = "__litellm_tiering_gate__"
_LONGEST_WORD = 64
_UNSAFE = re.compile("[^A-Za-z0-9_.:-]+")


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
        setattr(target, _MARK, Mark(safe_word(name or _name_of(target)), prefix))
        return target

    return marked if function is None else marked(function)


def mark_of(function: Callable[..., Any]) -> Mark:
    """What ``@gate`` said of ``function``, or its name where it was not used."""
    mark = getattr(function, _MARK, None)
    return mark if isinstance(mark, Mark) else Mark(safe_word(_name_of(function)))


def _name_of(function: Callable[..., Any]) -> str:
    inner = getattr(function, "func", function)  # of a functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))


def safe_word(text: str) -> str:
    """``text`` as it may stand in a header: letters, digits and ``_.:-``, at most 64; never empty."""
    return _UNSAFE.sub("_", text[: 4 * _LONGEST_WORD])[:_LONGEST_WORD].strip("_") or "callback"


def load_target(target: str) -> Callable[..., Any]:
    """The function that ``target`` names: ``package.module:function``, dots throughout, or an entry point.

    Raises:
        ValueError: there is none, or its module cannot be imported; the message says which.
    """
    if ":" not in target:
        found = _entry_point(target)
        if found is not None:
            return found
        if "." not in target:
            raise ValueError(
                f"no installed package offers a gate {target!r} (entry points {ENTRY_POINTS}); "
                "a function is written package.module:function"
            )
    module, _, path = target.partition(":") if ":" in target else target.rpartition(".")
    if not module or not path:
        raise ValueError(f"{target!r} is not of the form package.module:function")
    value: Any = _imported(module, target)
    for part in path.split("."):
        if not hasattr(value, part):
            raise ValueError(f"module {module!r} has no {path!r}")
        value = getattr(value, part)
    return _callable(value, target)


def _imported(module: str, target: str) -> object:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        if module == missing or module.startswith(f"{missing}."):
            raise ValueError(f"there is no module {missing!r} on the Python path, for {target!r}") from error
        raise ValueError(f"module {module!r} needs {missing!r}, which is not installed") from error
    except Exception as error:
        # A user's module may raise anything as it is imported: its configuration is wrong.
        raise ValueError(f"module {module!r} cannot be imported: it raised {type(error).__name__}") from error


def _entry_point(name: str) -> Callable[..., Any] | None:
    found = {
        point.value: point
        for point in importlib.metadata.entry_points(group=ENTRY_POINTS)
        if point.name == name
    }
    if not found:
        return None
    if len(found) > 1:
        raise ValueError(f"several packages offer a gate {name!r}: {', '.join(sorted(found))}")
    point = next(iter(found.values()))
    try:
        value = point.load()
    except Exception as error:
        raise ValueError(
            f"the gate {name!r} ({point.value}) cannot be imported: {type(error).__name__}"
        ) from error
    return _callable(value, name)


def _callable(value: object, target: str) -> Callable[..., Any]:
    if not callable(value):
        raise ValueError(f"{target!r} is a {type(value).__name__}, not a function")  # noqa: TRY004 - one kind for all that can be wrong with a target
    return value
