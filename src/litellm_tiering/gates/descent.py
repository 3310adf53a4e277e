"""From one schema into a part of it, and from a value to its bare form: what every keyword needs, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsonschema.exceptions import ValidationError
from referencing.exceptions import InvalidAnchor, NoSuchAnchor, PointerToNowhere, Unresolvable
from referencing.jsonschema import DRAFT202012, lookup_recursive_ref

from litellm_tiering.gates.ecma import Pattern
from litellm_tiering.gates.metering import MAX_DESCENTS, Meter, Value, Work, current, give_up

if TYPE_CHECKING:
    from collections.abc import Iterable

PATTERN_SHARE = 500
"""Characters times instructions of a pattern that RE2 goes through in a step, at its slowest."""

# A place that is missing in a document at hand; all else that cannot be resolved is a document that is not.
_NOWHERE = (PointerToNowhere, NoSuchAnchor, InvalidAnchor)
# What is looked at once, or never.
_UNPRICED = frozenset(("enum", "const", "$defs", "definitions", "default", "examples"))


def fault(
    validator: Value, instance: Value, schema: Value, *, arrived: bool = False
) -> ValidationError | None:
    """The first thing wrong with an instance by a schema; None if it fits.

    Args:
        validator: The validator of a schema that holds this one, or of this one.
        instance: What is judged.
        schema: What it is judged by.
        arrived: Whether the validator is this schema's own already: a relative ``$id`` counts once.
    """
    if schema is True:
        return None
    if schema is False:
        return ValidationError("")
    work = current()
    work.depth += 1
    if work.depth > MAX_DESCENTS:
        give_up("too_complex")
    caches = work.caches
    if caches.plain:
        known = caches.children.get(id(schema))
        if known is None:
            known = caches.children[id(schema)] = (validator.evolve(schema=schema), price(schema))
        child, cost = known
        work.meter.spend(cost)
        error = next(child.iter_errors(instance), None)
    else:
        work.meter.spend(price(schema))
        errors = validator.iter_errors(instance) if arrived else validator.descend(instance, schema)
        error = next(errors, None)
    work.depth -= 1
    return error


def price(schema: Value) -> int:
    """The steps that judging by ``schema`` takes at least: its keywords, and more where one is long."""
    if not isinstance(schema, dict):
        return 1
    long = sum(
        len(value) // 8
        for keyword, value in schema.items()
        if isinstance(value, (list, dict)) and keyword not in _UNPRICED
    )
    return 2 + len(schema) + long


def guarded_fault(validator: Value, instance: Value, schema: Value) -> ValidationError | None:
    """The same where a pass may make something else fail, so that nothing uncertain may count as one."""
    work = current()
    work.guarded += 1
    error = fault(validator, instance, schema)
    work.guarded -= 1
    return error


def first_fault(validator: Value, pairs: Iterable[tuple[Value, Value]]) -> tuple[ValidationError, ...]:
    """The first fault among pairs of an instance and its schema, as keywords return it: one, or nothing."""
    for instance, schema in pairs:
        error = fault(validator, instance, schema)
        if error is not None:
            return (error,)
    return ()


def resolve(validator: Value, keyword: str, ref: str) -> tuple[Value, Value]:
    """What a reference leads to: the validator there and the schema; (None, None) where it is not at hand."""
    work = current()
    work.meter.spend(4 + len(ref) // 32)
    try:
        resolver = validator._resolver  # noqa: SLF001 - keywords get at the resolver by no other name
        found = lookup_recursive_ref(resolver) if keyword == "$recursiveRef" else resolver.lookup(ref)
    except Unresolvable as error:
        work.doubt("invalid_schema" if isinstance(error, _NOWHERE) else "remote_ref")
        return None, None
    return validator.evolve(schema=found.contents, _resolver=found.resolver), found.contents


def subschema(validator: Value, schema: Value) -> Value:
    """The validator of a part of the validator's own schema."""
    if isinstance(schema, bool):
        return validator.evolve(schema=schema)
    resolver = validator._resolver.in_subresource(DRAFT202012.create_resource(schema))  # noqa: SLF001 - as above
    return validator.evolve(schema=schema, _resolver=resolver)


def matches(source: str, text: str) -> bool | None:
    """Whether ``text`` matches the pattern; None where RE2 cannot tell."""
    work = current()
    patterns = work.caches.patterns
    if source not in patterns:
        patterns[source] = _compile(source, work.meter)
    pattern = patterns[source]
    if pattern is None:
        return None
    work.meter.spend(1 + pattern.size * len(text) // PATTERN_SHARE)
    try:
        return pattern.found_in(text)
    except UnicodeEncodeError:  # a lone surrogate, which no UTF-8 has
        return None


def _compile(source: str, meter: Meter) -> Pattern | None:
    try:
        pattern = Pattern(source)
    except ValueError:
        meter.spend(500)
        return None
    meter.spend(50 + pattern.size // 3)
    return pattern


def matching(work: Work, sources: Iterable[str], text: str) -> tuple[list[str], bool]:
    """Those of the patterns that ``text`` matches, and whether it may match others."""
    found, unsure = [], False
    for source in sources:
        verdict = matches(source, text)
        if verdict is None:
            work.doubt("pattern")
            unsure = True
        elif verdict:
            found.append(source)
    return found, unsure


def bare(value: Value, meter: Meter) -> Value:
    """``value`` as something that hashes, equal where JSON Schema says equal.

    So 1 and 1.0 are, and 1 and true are not. Numbers become text: the hash of a text cannot be foreseen, so
    nobody can write many that collide.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, int):
        return ("number", hex(value))
    if isinstance(value, float):
        return ("number", hex(int(value)) if value.is_integer() else value.hex())
    meter.spend(2 + len(value))
    if isinstance(value, dict):
        return ("object", frozenset([(key, bare(each, meter)) for key, each in value.items()]))
    return ("array", tuple([bare(each, meter) for each in value]))
