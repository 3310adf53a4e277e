"""Whether a value fits a JSON schema: by the ``jsonschema`` library, in bounded time, with nothing fetched.

A schema comes from a client and a value from a model; either may be wrong, huge or hostile. Everything is
counted in steps (see :mod:`.metering`), references lead nowhere but into the schema itself and the published
metaschemas, and whatever cannot be told is said so: ``too_complex``, ``schema_too_large``,
``invalid_schema``, ``unknown_draft``, ``remote_ref``, ``pattern``.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from jsonschema.exceptions import UndefinedTypeCheck, UnknownType
from jsonschema_specifications import REGISTRY
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from litellm_tiering.gates import metering
from litellm_tiering.gates.descent import price
from litellm_tiering.gates.drafts import DRAFTS, default_draft, draft_named, flatten, is_plain
from litellm_tiering.gates.keywords import NAMES
from litellm_tiering.gates.metering import Caches, Meter, Undecidable, Value, Work

MAX_SCHEMA_CHARS = 256 * 1024
"""Larger schemas, written as JSON, are not judged by."""

MAX_SCHEMA_DEPTH = 64
"""Nor are those nested deeper."""

MAX_SCHEMA_NODES = 40_000
"""Nor those of more values."""

CHECK_STEPS = 100_000
"""What checking a schema itself may take, once for each schema."""

KEPT = 256
"""How many schemas are kept ready."""

KEPT_CHARS = 4 * 1024 * 1024
"""How long they may be together."""

# What a malformed schema, or one that refers to a place that was never checked, makes the library raise.
_MALFORMED = (
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    ArithmeticError,
    UnknownType,
    UndefinedTypeCheck,
    Unresolvable,
)


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a value fits a schema.

    Attributes:
        fits: Yes, no, or None where it cannot be told.
        why: Of a no, the keyword that failed, one of :data:`.keywords.NAMES`; of a None, why; else empty.
    """

    fits: bool | None
    why: str = ""


class _Document:
    """One schema, copied, checked and ready.

    Raises:
        Undecidable: it is none, or cannot be judged by.
    """

    __slots__ = ("caches", "validator")

    def __init__(self, schema: Value, draft: str, *, check: bool = True) -> None:
        kind = DRAFTS[draft]
        self.caches = Caches(plain=is_plain(schema))
        if check:
            fit = _run(_metaschema(draft), schema, Meter(CHECK_STEPS))
            if not fit.fits:
                raise Undecidable("invalid_schema" if fit.fits is False else fit.why)
        try:
            resource = specification_with(draft).create_resource(schema)
            uri = resource.id() or ""
            # Crawled once: an unknown anchor or name would otherwise be looked for again at every reference.
            resolver = REGISTRY.with_resource(uri, resource).crawl().resolver(base_uri=uri)
            self.validator = kind(schema, registry=REGISTRY, _resolver=resolver)
        except RecursionError:
            raise Undecidable("too_complex") from None
        except _MALFORMED:
            raise Undecidable("invalid_schema") from None


def _run(document: _Document, value: Value, meter: Meter) -> Fit:
    work = Work(meter, document.caches)
    token = metering.begin(work)
    try:
        meter.spend(price(document.validator.schema))
        error = next(document.validator.iter_errors(value), None)
    except Undecidable as undecidable:
        return Fit(None, undecidable.reason)
    except (RecursionError, MemoryError):
        return Fit(None, "too_complex")
    except _MALFORMED:
        return Fit(None, "invalid_schema")
    finally:
        metering.end(token)
    if error is not None:
        keyword = error.validator
        return Fit(False, keyword if keyword in NAMES else "false")
    return Fit(None, work.unknown) if work.unknown else Fit(True)


_METASCHEMAS: dict[str, _Document] = {}


def _metaschema(draft: str) -> _Document:
    """The draft's metaschema, flat: many times quicker than eight that extend one another."""
    known = _METASCHEMAS.get(draft)
    if known is None:
        flat = flatten(DRAFTS[draft].META_SCHEMA)
        known = _METASCHEMAS[draft] = _Document(flat, draft, check=False)
    return known


def _measure(schema: Value, meter: Meter) -> None:
    """Raises Undecidable where the schema is too large or too deep, before anything is written or copied."""
    level, nodes, chars = [schema], 0, 0
    for _ in range(MAX_SCHEMA_DEPTH + 1):
        below: list[Value] = []
        for part in level:
            if isinstance(part, str):
                chars += len(part)
            elif isinstance(part, Mapping):
                chars += sum(map(len, filter(_is_text, part)))
                below.extend(part.values())
            elif isinstance(part, (list, tuple)):
                below.extend(part)
        nodes += len(below)
        if nodes > MAX_SCHEMA_NODES or chars > MAX_SCHEMA_CHARS:
            break
        if not below:
            meter.spend(nodes // 8)
            return
        level = below
    raise Undecidable("schema_too_large")


def _is_text(key: object) -> bool:
    return isinstance(key, str)


def _as_dict(part: object) -> dict[object, object]:
    if isinstance(part, Mapping):
        return dict(part)
    raise TypeError("not of JSON")


def _canonical(schema: Value) -> str:
    try:
        text = json.dumps(schema, default=_as_dict, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Undecidable("invalid_schema") from None
    if len(text) > MAX_SCHEMA_CHARS:
        raise Undecidable("schema_too_large")
    return text


class _Kept:
    """The schemas lately judged by, ready; those that cannot be judged by are remembered as well."""

    def __init__(self) -> None:
        self._documents: OrderedDict[tuple[str, str], _Document | str] = OrderedDict()
        self._chars = 0
        self._lock = Lock()

    def get(self, text: str, draft: str, meter: Meter) -> _Document:
        key = (draft, text)
        with self._lock:
            known = self._documents.get(key)
            if known is not None:
                self._documents.move_to_end(key)
        if known is None:
            meter.spend(len(text) // 16)  # so that many new schemas at once cost no more than the worst one
            try:
                known = _make(text, draft)
            except Undecidable as undecidable:
                known = undecidable.reason
            self._keep(key, known)
        if isinstance(known, str):
            raise Undecidable(known)
        return known

    def _keep(self, key: tuple[str, str], document: _Document | str) -> None:
        with self._lock:
            if key not in self._documents:
                self._chars += len(key[1])
            self._documents[key] = document
            while len(self._documents) > KEPT or self._chars > KEPT_CHARS:
                (_, text), _ = self._documents.popitem(last=False)
                self._chars -= len(text)


def _make(text: str, draft: str) -> _Document:
    schema = json.loads(text)
    named = draft
    if isinstance(schema, dict) and "$schema" in schema:
        named = draft_named(schema["$schema"])
        if named not in DRAFTS:
            raise Undecidable("unknown_draft")
    return _Document(schema, named or default_draft(schema))


_KEPT = _Kept()


def fit(schema: Value, value: Value, *, meter: Meter | None = None, draft: str = "") -> Fit:
    """Whether ``value`` fits ``schema``; never raises on account of either.

    Args:
        schema: A JSON schema: a mapping or a truth value.
        value: A JSON value, as ``json.loads`` makes it.
        meter: What may be spent; several calls may share one. By default as much as one judgement may.
        draft: The ``$schema`` to read a schema by that names none, :data:`.DRAFT_7` or another. By default
            2020-12, unless the schema uses words that only draft 7 had.
    """
    meter = meter or Meter()
    try:
        _measure(schema, meter)
        return _run(_KEPT.get(_canonical(schema), draft, meter), value, meter)
    except Undecidable as undecidable:
        return Fit(None, undecidable.reason)
