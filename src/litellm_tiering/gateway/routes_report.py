"""The report's route: what was spent and saved, and what the hold-out says, behind LiteLLM's auth.

Sums come from the totals and are exact; waiting times, gates and the hold-out come from the decisions that
are kept, of which a limited number is looked at, now and then and not for each who asks.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, HTTPException, Query
from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

from litellm_tiering.errors import StoreError
from litellm_tiering.gateway.routes_admin import is_admin
from litellm_tiering.telemetry.reporting import Scope, compose, look, today
from litellm_tiering.telemetry.reports import BY, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.gateway.gateway import Gateway
    from litellm_tiering.telemetry.reporting import Look

Key = Annotated[Any, Depends(user_api_key_auth)]

MOST_SEEN = 10_000
"""How many decisions are looked at for waiting times, gates and hours; the newest."""

MOST_HELD = 100_000
"""How many for the hold-out and the arms."""

SEEN_FOR_S, HELD_FOR_S = 15.0, 300.0
"""How long what was seen is told again, in seconds."""

WITHIN_S = 0.25
"""How long an answer waits for a look that is under way; it is in the next one then."""

MOST_LOOKS = 64

_NOBODY = "a key that is no administrator's and belongs to no team has no totals of its own"


def report_endpoints(gateway: Gateway) -> list[tuple[str, str, Callable[..., Any]]]:
    """The route's path, method and function."""
    desk = _Desk(gateway)

    async def report(  # noqa: PLR0913, PLR0917 - the query's parameters
        key: Key,
        days: Annotated[int | None, Query()] = None,
        since: Annotated[str | None, Query(alias="from", max_length=10)] = None,
        until: Annotated[str | None, Query(alias="to", max_length=10)] = None,
        by: Annotated[str, Query(max_length=16)] = "day",
        format: Annotated[str, Query(max_length=16)] = "json",  # noqa: A002 - the parameter's name
    ) -> dict[str, Any]:
        if format != "json":
            raise _wrong("this route answers JSON; `litellm-tiering report` writes tables, CSV and pages")
        return await desk.report(key, days, since, until, by)

    return [("/report", "GET", report)]


@dataclass(slots=True)
class _Looking:
    """One look that is told to all who ask: under way, or done; and the one before it meanwhile."""

    task: asyncio.Task[Look | None]
    until_s: float
    before: Look | None = None

    @property
    def found(self) -> Look | None:
        done = self.task.done() and not self.task.cancelled()
        return (self.task.result() if done else None) or self.before


class _Desk:
    """Answers, with what it has seen lately."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._looks: dict[tuple[object, ...], _Looking] = {}

    async def report(
        self, key: Any, days: int | None, since: str | None, until: str | None, by: str
    ) -> dict[str, Any]:
        engine, settings = self._gateway.engine, self._gateway.settings
        now = engine.clock.now()
        if by not in BY:
            raise _wrong(f"`by` must be one of: {', '.join(BY)}")
        try:
            asked = span(today(settings.timezone, now), days, since, until)
        except ValueError as wrong:
            raise _wrong(str(wrong)) from None
        admin = is_admin(key)
        team = getattr(key, "team_id", None) or None
        scope = Scope(
            days=asked,
            by=by,
            timezone=settings.timezone,
            now_s=now,
            team=None if admin else team or "",
            tiers=tuple(tier.name for tier in settings.ladder.tiers),
            gated=frozenset(r.name for r in settings.routes if r.cascade),
            experiment=engine.terms.experiment,
        )
        if not admin and team is None:
            # Rows without a team are those of all keys without one.
            return {**compose(scope, (), {}, None, None), "note": _NOBODY}
        rows = await engine.books.ask(engine.ledger.totals(scope.days), "totals")
        hours = await engine.books.ask(engine.ledger.hours([scope.today]), "hours")
        spending = await engine.books.ask(engine.ledger.spending([scope.today]), "hours")
        if rows is None or hours is None or spending is None:
            raise HTTPException(503, detail={"error": "the store is away; try again once it is back."})
        seen, held = await asyncio.gather(self._seen(scope), self._held(scope))
        return {**compose(scope, rows, hours, seen, held, spending), "note": ""}

    async def _seen(self, scope: Scope) -> Look | None:
        most = min(MOST_SEEN, self._gateway.settings.store.decisions)
        return await self._look(scope, SEEN_FOR_S, most, measure=False)

    async def _held(self, scope: Scope) -> Look | None:
        """The experiment is over all teams, and so for administrators."""
        experiment = scope.experiment
        if scope.team is not None or not (experiment.holdout > 0 or experiment.arms):
            return None
        return await self._look(scope, HELD_FOR_S, MOST_HELD, measure=True)

    async def _look(self, scope: Scope, keep_s: float, most: int, *, measure: bool) -> Look | None:
        """What was seen lately, or is seen now if that does not take long."""
        writer = self._gateway.engine.books.writer
        if writer is None:
            return None
        place = (measure, scope.days, scope.team)
        known = self._looks.get(place)
        if known is None or known.task.get_loop().is_closed() or known.until_s <= scope.now_s:
            before = None if known is None else known.found
            if known is None or known.task.done():
                task = asyncio.ensure_future(self._scan(scope, most, measure=measure))
                known = _Looking(task, scope.now_s + keep_s, before)
                self._looks.pop(place, None)
                self._looks[place] = known
                while len(self._looks) > MOST_LOOKS:
                    self._looks.pop(next(iter(self._looks))).task.cancel()
        await asyncio.wait({known.task}, timeout=WITHIN_S if known.before is None else 0)
        return known.found

    async def _scan(self, scope: Scope, most: int, *, measure: bool) -> Look | None:
        writer = self._gateway.engine.books.writer
        if writer is None:
            return None
        store = writer.store

        async def looked() -> Look | None:
            try:
                return await look(store, scope, measure=measure, most=most)
            except StoreError:
                # The totals beside it tell whether the store is away.
                return None

        return await self._gateway.engine.contained("report", looked, None)


def _wrong(message: str) -> HTTPException:
    return HTTPException(400, detail={"error": message})
