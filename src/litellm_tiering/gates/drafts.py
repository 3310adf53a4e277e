"""The drafts of JSON Schema that are judged by: the library's validators with bounded keywords.

Drafts 4, 6, 7, 2019-09 and 2020-12, each by its ``$schema``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
    validators,
)
from jsonschema_specifications import REGISTRY

from litellm_tiering.gates.keywords import OURS, THEIRS, quoting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.gates.metering import Value

DRAFT_7 = "http://json-schema.org/draft-07/schema"
DRAFT_2020_12 = "https://json-schema.org/draft/2020-12/schema"

# Words of a schema that make the meaning of a part depend on where it is reached from.
_SCOPES = ("$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor")
_RESOURCES = ("$id", "id", "$schema")
# Words that only drafts up to 7 have; a schema without "$schema" that uses them is of draft 7.
_DRAFT_7_WORDS = frozenset(("definitions", "dependencies", "additionalItems"))


def _bounded(library: Value) -> Value:
    """The library's validator of one draft, with keywords that count and quote nothing."""
    theirs = library.VALIDATORS
    changed = {name: quoting(theirs[name]) for name in THEIRS if name in theirs}
    changed.update((name, keyword) for name, keyword in OURS.items() if name in theirs)
    bounded = validators.extend(library, changed)
    # The library's own would hand any part that names its draft to a validator without bounds.
    bounded.evolve = _evolve
    return bounded


def _evolve(self: Value, **changes: Value) -> Value:
    schema = changes.get("schema", self.schema)
    kind = type(self)
    if isinstance(schema, dict) and "$schema" in schema:
        kind = DRAFTS.get(draft_named(schema["$schema"]), kind)
    resolver = changes.get("_resolver") or self._resolver
    return kind(schema, registry=REGISTRY, _resolver=resolver)


def draft_named(uri: Value) -> str:
    """The draft's name without the empty fragment, and with the scheme that it was published under."""
    if not isinstance(uri, str):
        return ""
    bare = uri.removesuffix("#").removeprefix("https:").removeprefix("http:")
    return ("http:" if bare.startswith("//json-schema.org/draft-0") else "https:") + bare


DRAFTS = {
    "http://json-schema.org/draft-04/schema": _bounded(Draft4Validator),
    "http://json-schema.org/draft-06/schema": _bounded(Draft6Validator),
    DRAFT_7: _bounded(Draft7Validator),
    "https://json-schema.org/draft/2019-09/schema": _bounded(Draft201909Validator),
    DRAFT_2020_12: _bounded(Draft202012Validator),
}


def is_plain(schema: Value) -> bool:
    """Whether the schema is one resource whose references all point inside it."""
    for part in _objects(schema):
        # Of these words, one that holds a schema is a property's name.
        if any(isinstance(part.get(word), (str, bool)) for word in _SCOPES):
            return False
        ref = part.get("$ref")
        if isinstance(ref, str) and not ref.startswith("#"):
            return False
        if part is not schema and any(isinstance(part.get(word), str) for word in _RESOURCES):
            return False
    return True


def _objects(schema: Value) -> Iterator[dict[str, Value]]:
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def default_draft(schema: Value) -> str:
    """The draft of a schema that names none: 2020-12, unless it is written in words of draft 7."""
    for part in _objects(schema):
        if not _DRAFT_7_WORDS.isdisjoint(part) or isinstance(part.get("items"), list):
            return DRAFT_7
    return DRAFT_2020_12


def flatten(metaschema: Value) -> Value:
    """A metaschema and its vocabularies in one, as no schema extends it here."""
    whole = dict(json.loads(json.dumps(metaschema)))
    for part in whole.pop("allOf", ()):
        vocabulary = REGISTRY.contents(f"{metaschema['$id'].rpartition('/')[0]}/{part['$ref']}")
        vocabulary = json.loads(json.dumps(vocabulary))
        for group in ("properties", "$defs"):
            whole[group] = {**vocabulary.get(group, {}), **whole.get(group, {})}
    whole = {key: value for key, value in whole.items() if key not in {"$id", "id", "$schema"}}
    for part in _objects(whole):
        for scope in ("$dynamicRef", "$recursiveRef"):
            if isinstance(part.get(scope), str):
                del part[scope]
                part["$ref"] = "#"
        for anchor in ("$dynamicAnchor", "$recursiveAnchor"):
            if not isinstance(part.get(anchor), dict):
                part.pop(anchor, None)
    return whole
