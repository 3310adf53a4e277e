"""The routes that tell of decisions: which there were lately, and why one request went where it went."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, HTTPException, Query, Response
from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

from litellm_tiering.decisions import Decisions, cursor_of, is_id, place_of, shown
from litellm_tiering.gateway.routes_admin import is_admin
from litellm_tiering.records import MICRO, MOST_ASKED, Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.gateway.gateway import Gateway
    from litellm_tiering.records import Place, Row

Key = Annotated[Any, Depends(user_api_key_auth)]
Word = Annotated[str | None, Query(max_length=256)]
Time = Annotated[float | None, Query(ge=0, le=1e11, allow_inf_nan=False)]


def decision_endpoints(gateway: Gateway) -> list[tuple[str, str, Callable[..., Any]]]:
    """The routes' paths, methods and functions."""

    async def decisions(  # noqa: PLR0913, PLR0917 - the query's parameters
        key: Key,
        limit: int = 50,
        before: Word = None,
        team: Word = None,
        route: Word = None,
        tier: Word = None,
        reason: Word = None,
        verdict: Word = None,
        since: Time = None,
        until: Time = None,
    ) -> Response:
        most = max(1, min(limit, MOST_ASKED))
        place = await _place(gateway, key, before) if before else None
        asked = Asked(
            limit=most,
            before=place,
            team=team or None,
            route=route or None,
            tier=tier or None,
            reason=reason or None,
            verdict=verdict or None,
            since_s=since,
            until_s=until,
        )
        return plain(await listed(gateway, key, asked))

    async def decision(id: str, key: Key) -> Response:  # noqa: A002 - the path's name
        return plain(told(await seen(gateway, key, id), key))

    return [("/decisions", "GET", decisions), ("/decisions/{id}", "GET", decision)]


def plain(body: dict[str, Any]) -> Response:
    """A JSON answer: FastAPI's own way takes ten times as long over hundreds of rows."""
    # ASCII: what was once a client's may hold half a character.
    return Response(json.dumps(body, allow_nan=False), media_type="application/json")


async def listed(gateway: Gateway, key: Any, asked: Asked) -> dict[str, Any]:
    """The latest decisions that a key may see: ``{decisions, next, reached, complete}``.

    ``next`` is to be given as ``before`` for older ones, null at the end. What is seldom is looked for among
    so many decisions at a time: there may be fewer than were asked for, or none, and yet a ``next``;
    ``reached`` is how far back was looked then, in seconds since the epoch, else null. ``complete`` is false
    when the store did not answer, and these are one worker's.
    """
    mine = narrowed(key, asked)
    if mine is None:
        return {"decisions": [], "next": None, "reached": None, "complete": True}
    found = await decisions_of(gateway).recent(mine)
    rows = [row for row in found.rows if sees(key, row)]
    place = found.reached
    return {
        "decisions": [told(row, key) for row in rows],
        "next": None if place is None else cursor_of(place),
        "reached": None if place is None or len(found.rows) == mine.limit else place[0] / MICRO,
        "complete": found.complete,
    }


async def seen(gateway: Gateway, key: Any, id_: str) -> Row:
    """The decision with this id; an error for one that is not there, or not for this key to see."""
    row = await decisions_of(gateway).get(id_)
    if row is None or not sees(key, row):
        raise HTTPException(404, detail={"error": "no such decision"})
    return row


def decisions_of(gateway: Gateway) -> Decisions:
    """What this worker can tell of decisions."""
    return Decisions(gateway.engine.books, gateway.settings.ladder)


def told(row: Row, key: Any) -> dict[str, Any]:
    """A decision as a key may see it."""
    own = bool(row.key) and row.key == getattr(key, "token", None)
    return shown(row, all_of_it=is_admin(key), own=own)


def sees(key: Any, row: Row) -> bool:
    """Whether a key may see a decision: its own, its team's, or any for an administrator."""
    if is_admin(key):
        return True
    team = getattr(key, "team_id", None)
    if team:
        return bool(team == row.team)
    return bool(row.key) and row.key == getattr(key, "token", None)


def narrowed(key: Any, asked: Asked) -> Asked | None:
    """A question as a key may ask it, as :func:`sees` would have it; None where there is nothing to see."""
    if is_admin(key):
        return asked
    team, token = getattr(key, "team_id", None), getattr(key, "token", None)
    if team:
        return replace(asked, team=team) if asked.team in {None, team} else None
    return replace(asked, key=token) if token else None


async def _place(gateway: Gateway, key: Any, before: str) -> Place:
    """The place that a client names: by what a page gave as ``next``, or by a decision's id."""
    found = place_of(before)
    if found is None and is_id(before):
        row = await decisions_of(gateway).get(before)
        found = row.place if row is not None and sees(key, row) else None
    if found is None:
        wrong = "is no `next` of an earlier page, nor the id of a decision that is kept."
        raise HTTPException(400, detail={"error": f"before: {wrong}", "field": "before"})
    return found
