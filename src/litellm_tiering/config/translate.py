"""From pydantic's errors to plain words, with the place as it is written in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import BaseModel, Tag

from litellm_tiering.config.schema import TieringSection
from litellm_tiering.config.words import Finding, nearest, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from litellm_tiering.config.words import Loc, Words

_PLAIN: Mapping[str, tuple[str, str]] = {
    "string_type": ("must be text, not {}", "put it in quotes."),
    "string_unicode": ("must be text, not {}", "remove what is not valid Unicode."),
    "string_too_short": ("must not be empty", ""),
    "string_too_long": ("is too long", "use at most {max_length} characters."),
    "string_pattern_mismatch": (
        "{} is not a plain name",
        "use letters, digits, `_`, `-` and `.` only: it stands in headers and metrics.",
    ),
    "bool_type": ("must be true or false, not {}", ""),
    "bool_parsing": ("must be true or false, not {}", ""),
    "number_not_bool": ("must be a number, not {}", ""),
    "float_type": ("must be a number, not {}", ""),
    "float_parsing": ("must be a number, not {}", ""),
    "finite_number": ("must be a finite number, not {}", ""),
    "int_type": ("must be a whole number, not {}", ""),
    "int_parsing": ("must be a whole number, not {}", ""),
    "int_parsing_size": ("must be a whole number of few digits, not {}", ""),
    "int_from_float": ("must be a whole number, not {}", ""),
    "tuple_type": ("must be a list, not {}", "begin each entry with `- `."),
    "list_type": ("must be a list, not {}", "begin each entry with `- `."),
    "dict_type": ("must be a mapping, not {}", "write `key: value` lines below it."),
    "model_type": ("must be a mapping, not {}", "write `key: value` lines below it."),
    "model_attributes_type": ("must be a mapping, not {}", "write `key: value` lines below it."),
    "time_span": ("must be a time of day, not {}", "write from and to, such as `22:00-06:00`."),
    "plain_value": ("must be text, a number, true, false, or a list of these", ""),
    "greater_than": ("must be more than {gt}, not {}", ""),
    "greater_than_equal": ("must be {ge} or more, not {}", ""),
    "less_than": ("must be less than {lt}, not {}", ""),
    "less_than_equal": ("must be {le} or less, not {}", ""),
}


def findings(error: ValidationError, tree: object, words: Words) -> Iterator[Finding]:
    """Every error of a validation of ``tree``, in plain words."""
    for detail in error.errors(include_url=False, include_input=False):
        loc, holders, held = trace(detail)
        loc = _written(loc, tree)
        models = held if detail["type"].startswith("union_tag") else holders
        message, fix = _say(detail, loc, models, value_at(tree, loc), words)
        yield Finding(("tiering", *loc), message, fix)


def place(detail: ErrorDetails, tree: object) -> Loc:
    """What of ``tree`` has to go for this error to go: the value itself, or what lacks a key."""
    loc, _, _ = trace(detail)
    return loc[:-1] if detail["type"] == "missing" else _written(loc, tree)


def _written(loc: Loc, tree: object) -> Loc:
    """A place in a list of one, where its one entry was written without the list."""
    return loc[:-1] if isinstance(loc[-1], int) and isinstance(value_at(tree, loc[:-1]), str) else loc


def trace(detail: ErrorDetails) -> tuple[Loc, list[type[BaseModel]], list[type[BaseModel]]]:
    """An error's location without the names of union branches, and the sections it is about.

    Returns:
        The location, the sections that its last key belongs to, and those that may stand there.
    """
    loc: list[str | int] = []
    models: list[type[BaseModel]] = [TieringSection]
    holders = models
    raw = detail["loc"]
    if raw[-1:] == ("[key]",) and detail["type"] != "extra_forbidden":
        raw = raw[:-1]  # about a key, not about its value
    tags: set[str] = set()
    for part in raw:
        if part in tags:
            tags = set()
            continue
        if isinstance(part, str) and len(models) > 1 and (found := _of_kind(models, part)):
            models = found
            continue
        loc.append(part)
        holders = models
        if isinstance(part, str):
            fields = [f for m in models for f in [field_of(m, part)] if f is not None]
            if fields:
                models, tags = models_in(fields[0]), _tags_in(fields[0])
    return tuple(loc), holders, models


def _of_kind(models: list[type[BaseModel]], kind: str) -> list[type[BaseModel]]:
    return [m for m in models if kind in kinds_of(m)]


def _tags_in(annotation: object) -> set[str]:
    """What the branches of a union are called, where its form decides between them."""
    if isinstance(annotation, Tag):
        return {annotation.tag}
    return {tag for inner in get_args(annotation) for tag in _tags_in(inner)}


def kinds_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The ``kind`` a member of a union answers to."""
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def field_of(model: type[BaseModel], key: str) -> object:
    """The annotation of the key ``key`` as it is written in a file, or None."""
    for name, field in model.model_fields.items():
        if (field.alias or name) == key:
            # A field of a gate that holds gates knows their types by name only, as they come after it.
            return get_type_hints(model, include_extras=True)[name]
    return None


def models_in(annotation: object) -> list[type[BaseModel]]:
    """Every section that a value of this type may hold directly."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in get_args(annotation) for m in models_in(inner)]


def keys_of(models: list[type[BaseModel]]) -> list[str]:
    """The keys that these sections know, as they are written in a file."""
    return list(dict.fromkeys(f.alias or n for m in models for n, f in m.model_fields.items()))


def value_at(tree: object, loc: Loc) -> object:
    """What is written at ``loc``; None where nothing is."""
    for part in loc:
        if isinstance(tree, (dict, list)):
            try:
                tree = tree[part]  # type: ignore[index]  # a wrong kind of index is caught
            except (KeyError, IndexError, TypeError):
                return None
        else:
            return None
    return tree


def _say(
    detail: ErrorDetails, loc: Loc, models: list[type[BaseModel]], value: object, words: Words
) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(loc, models, words)
    if kind == "missing":
        return "is missing", _add(loc, models)
    if kind in ("literal_error", "enum"):
        return _word(context, value, words)
    if kind == "union_tag_not_found":
        return "has no `kind`", f"add `kind:`, one of: {_kinds(models)}."
    if kind == "union_tag_invalid":
        found = value.get("kind") if isinstance(value, dict) else value
        return f"unknown kind {words.show(found)}", f"the kinds that exist: {_kinds(models)}."
    message, fix = _PLAIN.get(kind, (detail["msg"].replace("{", "(").replace("}", ")"), ""))
    return message.format(words.show(value), **context), fix.format(**context)


def _unknown_key(loc: Loc, models: list[type[BaseModel]], words: Words) -> tuple[str, str]:
    key = str(loc[-1])
    return f"unknown key {words.show(key)}", suggestion(key, keys_of(models))


def _add(loc: Loc, models: list[type[BaseModel]]) -> str:
    key = str(loc[-1])
    for model in models:
        for name, field in model.model_fields.items():
            if (field.alias or name) == key and field.description:
                return f"add `{key}:` {field.description[0].lower()}{field.description[1:]}"
    return f"add `{key}:`."


def _word(context: Mapping[str, Any], value: object, words: Words) -> tuple[str, str]:
    expected = str(context.get("expected", "")).replace("'", "").replace("False", "false or a mapping")
    known = expected.replace(" or ", ", ").split(", ")
    close = nearest(value, known) if isinstance(value, str) else None
    return f"must be {expected}, not {words.show(value)}", f"did you mean {close!r}?" if close else ""


def _kinds(models: list[type[BaseModel]]) -> str:
    return ", ".join(kind for model in models for kind in kinds_of(model))
