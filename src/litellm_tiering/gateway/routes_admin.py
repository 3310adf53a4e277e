"""The routes that change what is in force: exemptions from budgets, switches of routes; for administrators.

What they put up goes on the board of the store, with who did it, when and why in its history, and is in force
on all workers within a second.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, HTTPException, Request
from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

from litellm_tiering.errors import ConfigError, StoreError, StoreUnavailable
from litellm_tiering.events import Event, Kind, tidy
from litellm_tiering.notices import (
    LONGEST_REASON,
    Mode,
    Unfit,
    entry_read,
    line_of,
    post_exemption,
    post_reload,
    post_switch,
    revoke,
    shown,
    signed,
)
from litellm_tiering.notices_asked import exemption_asked, switch_asked
from litellm_tiering.standing import MOST_EXEMPTIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from litellm_tiering.directives import Directives
    from litellm_tiering.gateway.gateway import Gateway
    from litellm_tiering.gateway.reload import Reloader

    T = TypeVar("T")

Key = Annotated[Any, Depends(user_api_key_auth)]

_ADMIN = "proxy_admin"
_MOST_BYTES = 16_384
_MOST_ENTRIES = 1_000
_WITHIN_S = 5.0


def is_admin(key: Any) -> bool:
    """Whether LiteLLM takes this key for a proxy administrator's."""
    role = getattr(key, "user_role", None)
    return getattr(role, "value", role) == _ADMIN


def admin_endpoints(
    gateway: Gateway, directives: Directives, reloader: Reloader | None = None
) -> list[tuple[str, str, Callable[..., Any], int]]:
    """The routes' paths, methods, functions, and the status of their success."""
    desk = _Desk(gateway, directives)

    async def reload(key: Key, reason: str = "") -> dict[str, Any]:
        return await desk.reload(_administrator(key), reloader, reason)

    async def exempt(request: Request, key: Key) -> dict[str, Any]:
        return await desk.exempt(_administrator(key), await _body(request))

    async def exemptions(key: Key, limit: int = 100) -> dict[str, Any]:
        _administrator(key)
        return await desk.exemptions(limit)

    async def revoked(exemption: str, key: Key, reason: str = "") -> dict[str, Any]:
        return await desk.revoke(_administrator(key), exemption, reason)

    async def switch(request: Request, key: Key) -> dict[str, Any]:
        return await desk.switch(_administrator(key), await _body(request))

    return [
        ("/exemptions", "POST", exempt, 201),
        ("/exemptions", "GET", exemptions, 200),
        ("/exemptions/{exemption}", "DELETE", revoked, 200),
        ("/switch", "POST", switch, 200),
        ("/reload", "POST", reload, 200),
    ]


class _Desk:
    """What the routes do, once it is known who asks."""

    def __init__(self, gateway: Gateway, directives: Directives) -> None:
        self._gateway = gateway
        self._directives = directives

    def _now(self) -> float:
        return self._gateway.engine.clock.now()

    async def exempt(self, by: str, body: Any) -> dict[str, Any]:
        """Post an exemption."""
        found = _fit(lambda: exemption_asked(body, by, self._now()))
        await self._look()
        if len(self._directives.exemptions) >= MOST_EXEMPTIONS:
            raise _refusal(409, f"there are {MOST_EXEMPTIONS} exemptions already; revoke one first.")
        await _stored(post_exemption(self._directives.board, found, self._now()))
        await self._directives.refresh()
        self._tell(Kind.EXEMPTION, f"{found.label} exempt until {shown(found.until_s)}, by {by}")
        return found.as_json()

    async def exemptions(self, limit: int) -> dict[str, Any]:
        """The exemptions in force, and who did what when."""
        await self._look()
        told = await _stored(self._directives.board.history(max(0, min(limit, _MOST_ENTRIES))))
        return {
            "active": [e.as_json() for e in self._directives.exemptions],
            "history": [entry for text in told if (entry := entry_read(text)) is not None],
        }

    async def revoke(self, by: str, token: str, reason: str) -> dict[str, Any]:
        """Take an exemption down."""
        why = _fit(lambda: line_of({"reason": reason}, "reason", LONGEST_REASON)) if reason else ""
        await self._look()
        found = next((e for e in self._directives.exemptions if e.token == token), None)
        if found is None or not await _stored(revoke(self._directives.board, found, by, why, self._now())):
            raise _refusal(404, "there is no such exemption; GET /tiering/exemptions lists them.")
        await self._directives.refresh()
        self._tell(Kind.EXEMPTION, f"{found.label} no longer exempt, by {by}")
        return found.as_json()

    async def switch(self, by: str, body: Any) -> dict[str, Any]:
        """Switch a route, or all of them."""
        settings = self._gateway.settings
        routes = tuple(dict.fromkeys(r.name for r in settings.routes))
        found = _fit(lambda: switch_asked(body, by, self._now(), routes))
        await _stored(post_switch(self._directives.board, found, self._now()))
        await self._directives.refresh()
        answer = found.as_json()
        self._tell(Kind.SWITCH, f"route {found.route}: {answer['mode']}, by {by}")
        if found.mode is Mode.ENFORCE and settings.mode != "enforce":
            answer["note"] = f"`tiering.mode` is {settings.mode}, and a switch enforces no more than that."
        return answer

    async def reload(self, by: str, reloader: Reloader | None, reason: str) -> dict[str, Any]:
        """Read the configuration again: here at once, on the other workers and hosts within a second."""
        why = _fit(lambda: line_of({"reason": reason}, "reason", LONGEST_REASON)) if reason else ""
        if reloader is None:
            raise _refusal(409, "this proxy's configuration does not come from a file.")
        await self._look()
        try:
            policy = await reloader.reload()
        except ConfigError as wrong:
            told = [str(problem) for problem in wrong.problems]
            raise HTTPException(422, detail={"error": "nothing is changed", "problems": told}) from None
        reloader.generation = await _stored(post_reload(self._directives.board, by, why, self._now()))
        self._tell(Kind.RELOAD, f"policy {policy}, by {by}")
        return {"policy": policy}

    def _tell(self, kind: Kind, detail: str) -> None:
        events = self._gateway.engine.events
        if events is not None:
            events.announce(Event(kind, self._now(), detail=tidy(detail)))

    async def _look(self) -> None:
        """Know what is in force now, not half a second ago."""
        if not await self._directives.refresh():
            raise _refusal(503, "the store is away; try again once it is back.")


def _administrator(key: Any) -> str:
    """Who asks, as the history names them; an error for a key that is no administrator's."""
    if not is_admin(key):
        raise _refusal(403, "only a proxy administrator's key may do this.")
    names = (getattr(key, "key_alias", None), getattr(key, "user_id", None))
    return signed(next((n for n in names if isinstance(n, str) and n), "admin"))


async def _body(request: Request) -> Any:
    raw = await request.body()
    if len(raw) > _MOST_BYTES:
        raise _refusal(413, f"the body has more than {_MOST_BYTES:,} bytes.")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise _refusal(400, "the body must be a JSON object.") from None


def _fit(read: Callable[[], T]) -> T:
    try:
        return read()
    except Unfit as why:
        raise _refusal(400, str(why), why.field) from None


async def _stored(work: Awaitable[T]) -> T:
    try:
        return await asyncio.wait_for(work, _WITHIN_S)
    except (StoreUnavailable, asyncio.TimeoutError):
        raise _refusal(503, "the store is away; try again once it is back.") from None
    except StoreError as why:
        raise _refusal(409, str(why)) from None


def _refusal(status: int, message: str, field: str = "") -> HTTPException:
    return HTTPException(status, detail={"error": message, **({"field": field} if field else {})})
