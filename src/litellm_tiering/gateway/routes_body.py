"""Bodies of requests to our routes: bounded, and JSON objects, before anybody reads anything into them."""

from __future__ import annotations

import json
from typing import Any

from fastapi import HTTPException, Request

MOST_BYTES = 16_000_000
"""The largest body that any of our routes takes: a request to be explained, with its attachments."""

_DIGITS = 18

_NO_OBJECT = "the body must be a JSON object."


async def sound(request: Request) -> None:
    """Refuse what is no JSON object; a request without a body passes.

    It stands before LiteLLM's auth, which reads bodies as well, and fails with a 500 on a bare ``7``.
    """
    if await _raw(request, MOST_BYTES):
        await object_in(request, MOST_BYTES)


async def object_in(request: Request, most_bytes: int) -> dict[str, Any]:
    """The JSON object in a body; an error, 413 or 400, for a longer body and for anything else."""
    raw = await _raw(request, most_bytes)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise HTTPException(400, detail={"error": _NO_OBJECT})
    return body


async def _raw(request: Request, most_bytes: int) -> bytes:
    said = request.headers.get("content-length", "")
    # What is announced as too long is not even read; a number of many digits is not made one.
    announced = said.isdecimal() and (len(said) > _DIGITS or int(said) > most_bytes)
    raw = b"" if announced else await request.body()
    if announced or len(raw) > most_bytes:
        raise HTTPException(413, detail={"error": f"the body has more than {most_bytes:,} bytes."})
    return raw
