"""The keywords of JSON Schema whose own functions in ``jsonschema`` an answer or a schema could make explode.

The library's functions quote the whole instance in every error (a branch of ``anyOf`` that fails on 1 MB
writes 1 MB), run patterns on Python's backtracking ``re``, compare all items with all, and know no bound.
These here say the same in counted steps and quote nothing. What is not here is the library's: the drafts,
their metaschemas, references and scopes, and the plain assertions (``minimum``, ``required``, ...).
"""

# ruff: noqa: ARG001 - the library calls every keyword with the same four arguments
from __future__ import annotations

from fractions import Fraction
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

from jsonschema.exceptions import ValidationError

from litellm_tiering.gates.descent import (
    bare,
    fault,
    first_fault,
    guarded_fault,
    matches,
    matching,
    resolve,
)
from litellm_tiering.gates.evaluated import unevaluated_items, unevaluated_properties
from litellm_tiering.gates.metering import Value, current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Faults: TypeAlias = "tuple[ValidationError, ...]"
Keyword: TypeAlias = "Callable[[Value, Value, Value, Value], Faults]"

_PLAIN_TYPES = {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}


def _fails(failed: bool) -> Faults:
    return (ValidationError(""),) if failed else ()


def _type(validator: Value, types: Value, instance: Value, schema: Value) -> Faults:
    for name in (types,) if isinstance(types, str) else types:
        plain = _PLAIN_TYPES.get(name)
        if isinstance(instance, plain) if plain else validator.is_type(instance, name):
            return ()
    return _fails(True)


def _enum(validator: Value, values: Value, instance: Value, schema: Value) -> Faults:
    work = current()
    known = work.caches.enums.get(id(values))
    if known is None:
        known = frozenset([bare(each, work.meter) for each in values])
        work.caches.enums[id(values)] = known
    return _fails(bare(instance, work.meter) not in known)


def _const(validator: Value, value: Value, instance: Value, schema: Value) -> Faults:
    meter = current().meter
    return _fails(bare(value, meter) != bare(instance, meter))


def _unique_items(validator: Value, wanted: Value, instance: Value, schema: Value) -> Faults:
    if not wanted or not isinstance(instance, list):
        return ()
    meter = current().meter
    kinds = set(map(type, instance))
    meter.spend(len(instance) // 16)
    if kinds <= {str}:
        return _fails(len(set(instance)) < len(instance))
    if kinds == {int}:
        return _fails(len(set(map(hex, instance))) < len(instance))
    return _fails(len({bare(each, meter) for each in instance}) < len(instance))


def _multiple_of(validator: Value, factor: Value, instance: Value, schema: Value) -> Faults:
    """Exact, of the numbers as they are written: 4.35 is a multiple of 0.01."""
    if not validator.is_type(instance, "number"):
        return ()
    if isinstance(instance, float) and not isfinite(instance):
        current().doubt("too_complex")  # beyond 1e308 Python has lost what was written
        return ()
    return _fails(_exact(instance) % _exact(factor) != 0)


def _exact(number: float) -> Fraction | int:
    if isinstance(number, int):
        current().meter.spend(1 + number.bit_length() // 64)
        return number
    return Fraction(repr(number))


def _pattern(validator: Value, source: Value, instance: Value, schema: Value) -> Faults:
    if not isinstance(instance, str):
        return ()
    found = matches(source, instance)
    if found is None:
        current().doubt("pattern")
    return _fails(found is False)


def _properties(validator: Value, properties: Value, instance: Value, schema: Value) -> Faults:
    if isinstance(instance, dict):
        for key, part in properties.items():
            if key in instance:
                error = fault(validator, instance[key], part)
                if error is not None:
                    return (error,)
    return ()


def _pattern_properties(validator: Value, patterns: Value, instance: Value, schema: Value) -> Faults:
    if not isinstance(instance, dict):
        return ()
    work = current()
    return first_fault(
        validator,
        (
            (value, patterns[source])
            for key, value in instance.items()
            for source in matching(work, patterns, key)[0]
        ),
    )


def _additional_properties(validator: Value, rest: Value, instance: Value, schema: Value) -> Faults:
    if rest is True or not isinstance(instance, dict):
        return ()
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    work = current()
    work.meter.spend(len(instance) // 8)
    for key, value in instance.items():
        if key in named or (patterns and any(matching(work, patterns, key))):
            continue
        error = fault(validator, value, rest)
        if error is not None:
            return (error,)
    return ()


def _property_names(validator: Value, names: Value, instance: Value, schema: Value) -> Faults:
    if not isinstance(instance, dict):
        return ()
    return first_fault(validator, ((key, names) for key in instance))


def _dependencies(validator: Value, dependencies: Value, instance: Value, schema: Value) -> Faults:
    """Of drafts up to 7, and both that draft 2019-09 made of it."""
    if not isinstance(instance, dict):
        return ()
    for key, wanted in dependencies.items():
        if key not in instance:
            continue
        if isinstance(wanted, list):
            current().meter.spend(len(wanted) // 8)
            if any(each not in instance for each in wanted):
                return _fails(True)
        elif (error := fault(validator, instance, wanted)) is not None:
            return (error,)
    return ()


def _each(validator: Value, items: Value, part: Value) -> Faults:
    return () if part is True else first_fault(validator, ((each, part) for each in items))


def _items(validator: Value, part: Value, instance: Value, schema: Value) -> Faults:
    """One schema for all items beyond ``prefixItems``; up to draft 2019-09 a list, too, by position."""
    if not isinstance(instance, list):
        return ()
    if isinstance(part, list):
        return first_fault(validator, zip(instance, part, strict=False))
    if "prefixItems" in validator.VALIDATORS:
        instance = instance[len(schema.get("prefixItems", ())) :]
    return _each(validator, instance, part)


def _prefix_items(validator: Value, parts: Value, instance: Value, schema: Value) -> Faults:
    if not isinstance(instance, list):
        return ()
    return first_fault(validator, zip(instance, parts, strict=False))


def _additional_items(validator: Value, part: Value, instance: Value, schema: Value) -> Faults:
    items = schema.get("items")
    if not isinstance(instance, list) or not isinstance(items, list):
        return ()
    return _each(validator, instance[len(items) :], part)


def _contains(validator: Value, part: Value, instance: Value, schema: Value) -> Faults:
    if not isinstance(instance, list):
        return ()
    counts = "unevaluatedItems" in validator.VALIDATORS  # from draft 2019-09 on
    current().meter.spend(len(instance) // 16)
    least = schema.get("minContains", 1) if counts else 1
    most = schema.get("maxContains") if counts else None
    found = 0
    for each in instance:
        if found >= least and (most is None or found > most):
            break
        found += guarded_fault(validator, each, part) is None
    return _fails(found < least or (most is not None and found > most))


def _all_of(validator: Value, parts: Value, instance: Value, schema: Value) -> Faults:
    return first_fault(validator, ((instance, part) for part in parts))


def _any_of(validator: Value, parts: Value, instance: Value, schema: Value) -> Faults:
    return _fails(all(fault(validator, instance, part) is not None for part in parts))


def _one_of(validator: Value, parts: Value, instance: Value, schema: Value) -> Faults:
    fitting = 0
    for part in parts:
        fitting += guarded_fault(validator, instance, part) is None
        if fitting > 1:
            break
    return _fails(fitting != 1)


def _not(validator: Value, part: Value, instance: Value, schema: Value) -> Faults:
    return _fails(guarded_fault(validator, instance, part) is None)


def _if(validator: Value, part: Value, instance: Value, schema: Value) -> Faults:
    if "then" not in schema and "else" not in schema:
        return ()
    branch = "then" if guarded_fault(validator, instance, part) is None else "else"
    return first_fault(validator, [(instance, schema[branch])] if branch in schema else ())


def _reference(keyword: str) -> Keyword:
    def reference(validator: Value, ref: Value, instance: Value, schema: Value) -> Faults:
        work = current()
        targets = work.caches.targets
        if work.caches.plain and ref in targets:
            return first_fault(validator, ((instance, targets[ref]),))
        there, contents = resolve(validator, keyword, ref)
        if there is None:
            return ()
        if work.caches.plain:
            targets[ref] = contents
        error = fault(there, instance, contents, arrived=True)
        return () if error is None else (error,)

    return reference


def _nothing(validator: Value, value: Value, instance: Value, schema: Value) -> Faults:
    """``format`` is a note, not a demand."""
    return ()


def quoting(keyword: Callable[[Value, Value, Value, Value], Iterator[ValidationError] | None]) -> Keyword:
    """One of the library's own assertions: its first error, which quotes the instance and is charged."""

    def judged(validator: Value, value: Value, instance: Value, schema: Value) -> Faults:
        for error in keyword(validator, value, instance, schema) or ():
            current().meter.spend(len(error.message) // 64)
            return (error,)
        return ()

    return judged


OURS: dict[str, Keyword] = {
    "$ref": _reference("$ref"),
    "$dynamicRef": _reference("$dynamicRef"),
    "$recursiveRef": _reference("$recursiveRef"),
    "additionalItems": _additional_items,
    "additionalProperties": _additional_properties,
    "allOf": _all_of,
    "anyOf": _any_of,
    "const": _const,
    "contains": _contains,
    "dependencies": _dependencies,
    "dependentRequired": _dependencies,
    "dependentSchemas": _dependencies,
    "enum": _enum,
    "format": _nothing,
    "if": _if,
    "items": _items,
    "multipleOf": _multiple_of,
    "not": _not,
    "oneOf": _one_of,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "prefixItems": _prefix_items,
    "properties": _properties,
    "propertyNames": _property_names,
    "type": _type,
    "unevaluatedItems": unevaluated_items,
    "unevaluatedProperties": unevaluated_properties,
    "uniqueItems": _unique_items,
}
"""What takes the place of the library's functions, where a draft has the keyword."""

THEIRS = (
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "required",
)
"""What stays as the library has it."""

NAMES = frozenset(chain(OURS, THEIRS))
"""All keywords that a verdict may name."""
