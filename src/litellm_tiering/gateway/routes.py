"""The plugin's routes on the proxy, behind LiteLLM's own auth."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

from litellm_tiering.accounts import counter_head
from litellm_tiering.core.budget import Scope
from litellm_tiering.debt import debt_status
from litellm_tiering.explain import explanation
from litellm_tiering.gateway import extract
from litellm_tiering.gateway.compat import open_to_every_key
from litellm_tiering.gateway.routes_admin import admin_endpoints, is_admin
from litellm_tiering.gateway.routes_body import MOST_BYTES, object_in, sound
from litellm_tiering.gateway.routes_decisions import decision_endpoints, plain
from litellm_tiering.gateway.routes_feedback import feedback_endpoints
from litellm_tiering.gateway.routes_page import page
from litellm_tiering.gateway.routes_report import report_endpoints
from litellm_tiering.status import classifier_status, live_budgets, store_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.engine import Engine
    from litellm_tiering.gateway.gateway import Gateway
    from litellm_tiering.gateway.reload import Reloader


def mount(gateway: Gateway, app: FastAPI, reloader: Reloader | None = None) -> None:
    """Add the routes to the proxy's application."""
    router = APIRouter(prefix="/tiering", tags=["tiering"])
    # The body first: LiteLLM's auth reads it, and fails on one that is no object.
    guards = [Depends(sound), Depends(user_api_key_auth)]
    reports = report_endpoints(gateway)
    for path, method, endpoint in (*_endpoints(gateway), *reports):
        router.add_api_route(path, endpoint, methods=[method], dependencies=guards)
    router.add_api_route("", page, methods=["GET"], response_class=HTMLResponse)
    directives = gateway.engine.directives
    if directives is not None:
        administrators = admin_endpoints(gateway, directives, reloader)
        for path, method, endpoint, status in administrators:
            router.add_api_route(path, endpoint, methods=[method], dependencies=guards, status_code=status)
        # They refuse everybody else themselves: LiteLLM's own refusal comes out as a 500 at times.
        open_to_every_key(f"/tiering{path}" for path, *_ in administrators)
    app.include_router(router)
    open_to_every_key(f"/tiering{path}" for path, _, _ in (*_endpoints(gateway), *reports))


def _endpoints(gateway: Gateway) -> list[tuple[str, str, Callable[..., Any]]]:
    async def status(key: Any = Depends(user_api_key_auth)) -> dict[str, Any]:
        return await status_of(gateway, key)

    async def explain(request: Request, key: Any = Depends(user_api_key_auth)) -> Response:
        # As plain ASCII: a tag or a name of the client's may hold half a character.
        return plain(await explain_body(gateway, key, request))

    return [
        ("/status", "GET", status),
        ("/explain", "POST", explain),
        *decision_endpoints(gateway),
        *feedback_endpoints(gateway),
    ]


async def status_of(gateway: Gateway, key: Any) -> dict[str, Any]:
    """The live budgets; a team's key sees the global one and its own."""
    engine = gateway.engine
    now = engine.clock.now()
    live = await engine.books.ask(engine.ledger.active(now), "active")
    # Narrowed first: nobody has the proxy work through thousands of counters that it may not see.
    seen = (live or {}) if is_admin(key) else _own(live or {}, key)
    budgets = live_budgets(engine.terms.budgets, seen, now, engine.pacer)
    for watch in engine.watches() if is_admin(key) else ():
        # This worker may have had no requests of late, and know nothing of what the others saw.
        await watch.refresh()
    top = gateway.settings.ladder.top
    return {
        "mode": gateway.settings.mode,
        "store": await store_status(engine, ok=live is not None),
        "budgets": [budget.as_json(top) for budget in budgets],
        "classifiers": await classifier_status(engine) if is_admin(key) else {},
        "estimates": engine.estimates.as_json() if is_admin(key) else {},
        "debt": debt_status(gateway.settings.debt, live or {}, now) if is_admin(key) else None,
        "expected": engine.expecting.as_json() if is_admin(key) and engine.expecting is not None else [],
        "background": len(gateway.background),
        "alarms": alarms_of(gateway) if is_admin(key) else [],
        **(await directives_of(engine) if is_admin(key) else {"exemptions": [], "switches": []}),
        "policy": gateway.settings.policy_hash,
        "worker": os.getpid() if is_admin(key) else None,
    }


def _own(live: Mapping[str, Balance], key: Any) -> Mapping[str, Balance]:
    """The counters that a key without rights of its own may see: the global ones, and its own."""
    ids = {
        Scope.GLOBAL: "*",
        Scope.TEAM: getattr(key, "team_id", None),
        Scope.KEY: getattr(key, "token", None),
        Scope.USER: getattr(key, "user_id", None),
    }
    heads = tuple(counter_head(scope, id_) for scope, id_ in ids.items() if id_)
    return {name: balance for name, balance in live.items() if name.startswith(heads)}


async def directives_of(engine: Engine) -> dict[str, Any]:
    """The exemptions and switches in force, as this worker knows them."""
    found = engine.directives
    if found is not None:
        await found.ready()
    return {
        "exemptions": [] if found is None else [e.as_json() for e in found.exemptions],
        "switches": [] if found is None else [s.as_json() for s in found.switches],
    }


def alarms_of(gateway: Gateway) -> list[str]:
    """What an operator should look at: faults of ours, and segments and gates that fare oddly."""
    engine = gateway.engine
    faults = [f"fault: {name} x{count}" for name, count in engine.faults.items()]
    watched = [alarm for watch in engine.watches() for alarm in watch.alarms()]
    lost = [] if engine.books.writer is None else engine.books.writer.alarms()
    watched += [*lost, *gateway.policies.gate_alarms(), *gateway.other_alarms()]
    return [*gateway.alarms.values(), *faults, *watched]


async def explain_body(gateway: Gateway, key: Any, request: Request) -> dict[str, Any]:
    """The decision that a request would get now: ``{prompt}`` or a chat completions body."""
    body = await object_in(request, MOST_BYTES)
    if isinstance(body.get("prompt"), str) and "messages" not in body:
        body = {**body, "messages": [{"role": "user", "content": body["prompt"]}]}
    asked = body.get("model")
    model = asked if isinstance(asked, str) else gateway.settings.virtual_model
    caller = extract.caller_of(key, body)
    inquiry = await gateway.inquiry(key, body, model, caller, "acompletion")
    if inquiry is None:
        raise HTTPException(404, detail={"error": "no route of the tiering section serves this model"})
    return explanation(await gateway.engine.explain(inquiry), inquiry, gateway.settings.ladder)
