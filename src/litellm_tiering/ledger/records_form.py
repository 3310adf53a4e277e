"""How every store writes rows: packed, with what they are found by beside them.

A row is JSON, deflated against a text that looks like one: some 700 bytes become 150. Its *facets* are what
questions are matched against, one text of ``name=value`` entries between separators: a question is a handful
of plain pieces of text in any store.
"""

from __future__ import annotations

import json
import math
import zlib
from typing import TYPE_CHECKING, Any

from litellm_tiering.records import MICRO, Row

if TYPE_CHECKING:
    from litellm_tiering.records import Asked

LONGEST = 65_536
"""How long a row's JSON may be, in bytes; what explains a longer one is left out."""

CALLERS_MAX = 20
"""How many callers' word on one decision is kept."""

_SEPARATOR = "\x1f"
_KEY_CHARS = 24
_VERSION = b"1"
# Whatever is read back was packed against this very text: another one needs another version.
_ALIKE = (
    b'{"record":{"id":"0123456789abcdef","at":1800000000.123456,"route":"explicit","tier":"moderate",'
    b'"model":"medium","reasons":["heuristic","rule:","requirement:vision","ceiling:global:1.00",'
    b'"shadow:"],"steps":[{"stage":"conversation","reason":"bypass","from":"complex","to":"simple",'
    b'"enforced":false,"detail":"tools"},{"stage":"requirements","reason":"requirement","from":"simple",'
    b'"to":"complex","enforced":true,"detail":""},{"stage":"cascade","reason":"escalation","from":"simple",'
    b'"to":"moderate","enforced":true,"detail":"refusal"},{"stage":"budget","reason":"budget",'
    b'"from":"complex","to":"moderate","enforced":true,"detail":"team:0.83"},{"stage":"classify",'
    b'"reason":"learned","from":null,"to":"complex","enforced":true,"detail":""}],"budgets":['
    b'{"scope":"team","id":"","limit_usd":10.0,"used_usd":0.0012345,"ratio":0.95,"window":"month",'
    b'"window_end":1800057600.0},{"scope":"global","id":"*","limit_usd":50.0,"used_usd":0.0,"ratio":0.0,'
    b'"window":"day","window_end":1800057600.0}],"attempts":[{"tier":"moderate","model":"medium",'
    b'"verdict":"failed","reasons":["unjudged"],"cost_usd":0.0,"ms":1234.5},{"tier":"complex",'
    b'"model":"large","verdict":"ok","reasons":[],"cost_usd":0.0,"ms":0.0},{"tier":"simple",'
    b'"model":"small","verdict":"refusal","reasons":["phrase"],"cost_usd":1e-05,"ms":100.0}],'
    b'"classifiers":[],"refused":null,"cost_usd":0.00012,"baseline_usd":0.00034,"policy":"0123456789ab"},'
    b'"team":"","key":"","holdout":true,"arm":"","holdout":false,"arm":""}'
)


def pack(row: Row) -> bytes:
    """A row without its feedback, which is kept beside it."""
    told = _json(row, row.record)
    if len(told) > LONGEST:
        attempts = [{**a, "reasons": []} for a in row.record.get("attempts", ())]
        told = _json(row, {**row.record, "reasons": [], "steps": [], "attempts": attempts[:100]})
    squeezing = zlib.compressobj(3, zlib.DEFLATED, -12, 6, zlib.Z_DEFAULT_STRATEGY, _ALIKE)
    return _VERSION + squeezing.compress(told) + squeezing.flush()


def _json(row: Row, record: Any) -> bytes:  # noqa: ANN401 - JSON
    told = {"record": record, "team": row.team, "key": row.key, "holdout": row.holdout, "arm": row.arm}
    # ASCII: what comes from outside may hold half a character.
    return json.dumps(told, separators=(",", ":")).encode("ascii")


def unpack(packed: bytes, ratings: str = "") -> Row | None:
    """The row that was packed; None where somebody else wrote something else, or a later release did."""
    if packed[:1] != _VERSION:
        return None
    try:
        told = zlib.decompressobj(-12, _ALIKE).decompress(packed[1:], LONGEST)
        found = json.loads(told, parse_constant=_refuse)
        record = found["record"]
        id_, at = record["id"], record["at"]
        fits = isinstance(id_, str) and isinstance(at, (int, float)) and math.isfinite(at)
        fits = fits and all(isinstance(attempt, dict) for attempt in record["attempts"])
        names = (found["team"], found["key"], found["arm"])
    except (zlib.error, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not fits or not all(isinstance(name, str) for name in names):
        return None
    return Row(id_, at, names[0], names[1], record, found.get("holdout") is True, names[2], mean(ratings))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def facets(row: Row) -> str:
    """What a row is found by."""
    entries = [("team", row.team), ("key", row.key[:_KEY_CHARS]), ("route", row.route), ("tier", row.tier)]
    entries += [("reason", reason) for reason in row.reasons]
    entries += [("verdict", verdict) for verdict in row.verdicts]
    return "".join(f"{_SEPARATOR}{name}={_plain(value)}" for name, value in entries) + _SEPARATOR


def needles(asked: Asked) -> tuple[str, ...]:
    """Pieces of text that are in the facets of every row asked for, and hardly of any other."""
    key = None if asked.key is None else asked.key[:_KEY_CHARS]
    whole = (("team", asked.team), ("key", key), ("route", asked.route), ("tier", asked.tier))
    found = [f"{_SEPARATOR}{name}={_plain(value)}{_SEPARATOR}" for name, value in whole if value is not None]
    if asked.verdict is not None:
        found.append(f"{_SEPARATOR}verdict={_plain(asked.verdict)}{_SEPARATOR}")
    if asked.reason is not None:
        found.append(f"{_SEPARATOR}reason={_plain(asked.reason)}")
    return tuple(sorted(found, key=len, reverse=True))


def _plain(value: str) -> str:
    """A value that stays inside its entry, and that any store can hold."""
    if value.isprintable():
        return value
    return value.replace(_SEPARATOR, "\x1e").replace("\x00", "\x1e").encode("utf-8", "replace").decode()


def span(asked: Asked) -> tuple[int, int]:
    """From when, and until before when, in microseconds since the epoch."""
    since = 0 if asked.since_s is None else max(0, int(asked.since_s * MICRO))
    until = 2**53 if asked.until_s is None else min(2**53, int(asked.until_s * MICRO))
    return since, until


# --- what callers say of an answer: "caller=score caller=score", the earliest first ------------------------


def rated(ratings: str, by: str, score: float) -> str:
    """The callers' word with that of ``by`` in place of what it said before."""
    others = [entry for entry in ratings.split() if not entry.startswith(f"{by}=")]
    return " ".join([*others, f"{by}={score:.6g}"][-CALLERS_MAX:])


def mean(ratings: str) -> float | None:
    """What the callers say on the whole; None where nobody said anything."""
    found: list[float] = []
    for entry in ratings.split():
        try:
            score = float(entry.rpartition("=")[2])
        except ValueError:
            continue
        if 0 <= score <= 1:
            found.append(score)
    return sum(found) / len(found) if found else None
