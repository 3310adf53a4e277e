"""``unevaluatedItems`` and ``unevaluatedProperties``: what other keywords have looked at already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsonschema.exceptions import ValidationError

from litellm_tiering.gates.descent import fault, guarded_fault, matching, resolve, subschema
from litellm_tiering.gates.metering import MAX_DESCENTS, Value, current, give_up

if TYPE_CHECKING:
    from collections.abc import Iterator

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def unevaluated_properties(
    validator: Value, rest: Value, instance: Value, schema: Value
) -> tuple[ValidationError, ...]:
    """What no other keyword has looked at must fit ``rest``."""
    if not isinstance(instance, dict):
        return ()
    seen = _seen(validator, instance, schema, "unevaluatedProperties")
    return _unseen(validator, (value for key, value in instance.items() if key not in seen), rest)


def unevaluated_items(
    validator: Value, rest: Value, instance: Value, schema: Value
) -> tuple[ValidationError, ...]:
    """As of properties, of the items of an array."""
    if not isinstance(instance, list):
        return ()
    seen = _seen(validator, instance, schema, "unevaluatedItems")
    return _unseen(validator, (each for i, each in enumerate(instance) if i not in seen), rest)


def _unseen(validator: Value, values: Iterator[Value], rest: Value) -> tuple[ValidationError, ...]:
    if any(fault(validator, each, rest) is not None for each in values):
        return (ValidationError(""),)  # named after this keyword, not after what failed inside
    return ()


def _seen(validator: Value, instance: Value, schema: Value, asking: str = "") -> set[Value]:
    """The keys or indexes that ``schema``, which the instance fits, has looked at.

    Args:
        validator: The validator of ``schema``.
        instance: An object or an array.
        schema: The schema.
        asking: The keyword that asks, when it is this schema's own.
    """
    if isinstance(schema, bool):
        return set()
    work = current()
    work.meter.spend(2 + len(instance) // 4)
    work.depth += 1
    if work.depth > MAX_DESCENTS:
        give_up("too_complex")
    if isinstance(instance, dict):
        seen = _own_properties(instance, schema, asking)
    else:
        seen = _own_items(validator, instance, schema, asking)
    for keyword in _REFERENCES:
        if keyword in schema and keyword in validator.VALIDATORS:
            there, contents = resolve(validator, keyword, schema[keyword])
            seen |= set(_all_of(instance)) if there is None else _seen(there, instance, contents)
    for part in _in_place(validator, instance, schema):
        seen |= _seen(subschema(validator, part), instance, part)
    work.depth -= 1
    return seen


def _all_of(instance: Value) -> Value:
    return instance if isinstance(instance, dict) else range(len(instance))


def _in_place(validator: Value, instance: Value, schema: Value) -> Iterator[Value]:
    """The subschemas that speak of the same instance and that it fits."""
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            if fault(validator, instance, part) is None:
                yield part
    if "if" in schema:
        fits = guarded_fault(validator, instance, schema["if"]) is None
        if fits:
            yield schema["if"]
        branch = "then" if fits else "else"
        if branch in schema:
            yield schema[branch]
    if isinstance(instance, dict):
        for key, part in schema.get("dependentSchemas", {}).items():
            if key in instance:
                yield part


def _own_properties(instance: Value, schema: Value, asking: str) -> set[Value]:
    if "unevaluatedProperties" in schema and asking != "unevaluatedProperties":
        return set(instance)
    if "additionalProperties" in schema:
        return set(instance)
    seen = schema.get("properties", {}).keys() & instance.keys()
    if "patternProperties" in schema:
        work = current()
        for key in instance:
            found, unsure = matching(work, schema["patternProperties"], key)
            if found or unsure:
                seen.add(key)
    return set(seen)


def _own_items(validator: Value, instance: Value, schema: Value, asking: str) -> set[Value]:
    everything = set(range(len(instance)))
    if "unevaluatedItems" in schema and asking != "unevaluatedItems":
        return everything
    items = schema.get("items")
    if isinstance(items, list):  # draft 2019-09: by position
        return everything if "additionalItems" in schema else set(range(min(len(items), len(instance))))
    if items is not None:
        return everything
    if "prefixItems" not in validator.VALIDATORS:
        return set()
    seen = set(range(min(len(schema.get("prefixItems", ())), len(instance))))
    if "contains" in schema:
        wanted = schema["contains"]
        seen |= {i for i, each in enumerate(instance) if guarded_fault(validator, each, wanted) is None}
    return seen
