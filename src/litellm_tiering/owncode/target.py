"""How a function of the owner's is found by what a configuration calls it."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_WORD = 64
_UNSAFE = re.compile("[^A-Za-z0-9_.:-]+")


def safe_word(text: str) -> str:
    """``text`` as it may stand in a header: letters, digits and ``_.:-``, at most 64; never empty."""
    return _UNSAFE.sub("_", text[: 4 * _LONGEST_WORD])[:_LONGEST_WORD].strip("_") or "callback"


def name_of(function: Callable[..., Any]) -> str:
    """What a function, a partial of one or an object that can be called is called."""
    inner = getattr(function, "func", function)  # of a functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))


def place_of(function: Callable[..., Any]) -> str:
    """Where a function, a partial of one or the class of an object that can be called is: its dotted path."""
    inner = getattr(function, "func", function)  # of a functools.partial
    held = inner if hasattr(inner, "__qualname__") else type(inner)
    return f"{held.__module__}.{held.__qualname__}"


def load(target: str, group: str, what: str) -> Callable[..., Any]:
    """The function that ``target`` names: ``package.module:function``, dots throughout, or an entry point.

    Args:
        target: As the configuration has it.
        group: The group of entry points in which packages offer such functions by a bare name.
        what: What it is to be, for messages, such as "gate".

    Raises:
        ValueError: there is none, or its module cannot be imported; the message says which.
    """
    if ":" not in target:
        found = _entry_point(target, group, what)
        if found is not None:
            return found
        if "." not in target:
            raise ValueError(
                f"no installed package offers a {what} {target!r} (entry points {group}); "
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


def _entry_point(name: str, group: str, what: str) -> Callable[..., Any] | None:
    found = {
        point.value: point for point in importlib.metadata.entry_points(group=group) if point.name == name
    }
    if not found:
        return None
    if len(found) > 1:
        raise ValueError(f"several packages offer a {what} {name!r}: {', '.join(sorted(found))}")
    point = next(iter(found.values()))
    try:
        value = point.load()
    except Exception as error:
        raise ValueError(
            f"the {what} {name!r} ({point.value}) cannot be imported: {type(error).__name__}"
        ) from error
    return _callable(value, name)


def _callable(value: object, target: str) -> Callable[..., Any]:
    if not callable(value):
        raise ValueError(f"{target!r} is a {type(value).__name__}, not a function")  # noqa: TRY004 - one kind for all that can be wrong with a target
    return value
