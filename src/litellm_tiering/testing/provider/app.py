"""The application: one way through for every wire format, from the request to the answer or the fault."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from litellm_tiering.testing.provider import (
    anthropic_messages,
    embeddings,
    openai_chat,
    openai_completions,
    openai_responses,
)
from litellm_tiering.testing.provider.batches import PATH as BATCHES
from litellm_tiering.testing.provider.batches import Batches
from litellm_tiering.testing.provider.calls import CLIENT_GONE, Calls
from litellm_tiering.testing.provider.control import Control
from litellm_tiering.testing.provider.delivery import (
    MALFORMED,
    Cut,
    Latency,
    Stream,
    gone_within,
    malformed_stream,
    paced,
)
from litellm_tiering.testing.provider.faults import Faults
from litellm_tiering.testing.provider.hardness import MODELS, seed_in
from litellm_tiering.testing.provider.mind import empty, refusing, think
from litellm_tiering.testing.provider.reading import BadRequest, parse, text_at
from litellm_tiering.testing.provider.shapes import NOTHING
from litellm_tiering.testing.provider.wire import Reply, dumps, openai_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.requests import Request

    from litellm_tiering.testing.provider.calls import Call
    from litellm_tiering.testing.provider.faults import ScriptedFault
    from litellm_tiering.testing.provider.shapes import Answer, Ask
    from litellm_tiering.testing.provider.wire import Wire

WIRES: tuple[Wire, ...] = (
    openai_chat.WIRE,
    openai_completions.WIRE,
    openai_responses.WIRE,
    embeddings.WIRE,
    anthropic_messages.WIRE,
)
_NO_MODEL = "?"


def create_app(latency: Latency | None = None, faults: Iterable[ScriptedFault] = ()) -> Starlette:
    """The simulated provider as an ASGI application.

    Args:
        latency: How fast the models are; all at once, without one.
        faults: Faults planted from the start.

    Example:
        >>> app = create_app(faults=[ScriptedFault("status", model="sim-small", status=429, times=1)])
        ... # httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://provider")
    """
    provider = _Provider(latency or Latency(0, 0, 0), Faults(faults))
    routes = [Route(wire.path, provider.handler(wire), methods=["POST"]) for wire in WIRES]
    return Starlette(
        routes=[
            *routes,
            Route("/v1/models", _models, methods=["GET"]),
            *provider.batches.routes(),
            *provider.control.routes(),
        ],
        exception_handlers={HTTPException: _not_served, RecursionError: _too_deep},
    )


def _json(
    body: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(dumps(body), status, headers, media_type="application/json")


async def _models(_request: Request) -> Response:
    data = [
        {"id": name, "object": "model", "created": 1_715_000_000, "owned_by": "simulator"} for name in MODELS
    ]
    return _json({"object": "list", "data": data})


def _error_of(request: Request) -> Callable[[int, str], Mapping[str, object]]:
    return next((wire.error for wire in WIRES if wire.path == request.url.path), openai_error)


async def _not_served(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    said = f"{request.method} {request.url.path[:200]} is not served here"
    return _json(_error_of(request)(status, said), status)


async def _too_deep(request: Request, _error: Exception) -> Response:
    return _json(_error_of(request)(400, "The body of your request is nested too deeply."), 400)


class _Provider:
    """The state of one running provider."""

    def __init__(self, latency: Latency, faults: Faults) -> None:
        self._latency = latency
        self._faults = faults
        self._calls = Calls()
        self._serial = 0
        self.control = Control(self._calls, faults)
        self.batches = Batches(self._line, (wire.path for wire in WIRES))

    def handler(self, wire: Wire) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            return await self._handle(wire, request)

        return handle

    async def _handle(self, wire: Wire, request: Request) -> Response:
        body = NOTHING
        try:
            raw = await request.body()
            body = parse(raw)
            self.control.last_request = raw
            ask = wire.read(body)
            answer = think(ask)
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)
        except (BadRequest, RecursionError) as wrong:
            model = text_at(body, "model").rsplit("/", 1)[-1] or _NO_MODEL
            self._calls.open(model, wire.path, time.time()).answered(400)
            said = str(wrong) if isinstance(wrong, BadRequest) else "Your request is nested too deeply."
            return _json(wire.error(400, said), 400)
        fault = self._faults.take(ask.model, ask.said)
        call = self._calls.open(
            ask.model,
            wire.path,
            time.time(),
            stream=ask.stream,
            tools=len(ask.tools),
            fault=fault.fault if fault else "",
            seed=_seed(body, ask.said),
        )
        if fault is not None and fault.fault in {"status", "timeout"}:
            return await self._failed(wire, request, call, fault)
        if await gone_within(request, (fault.delay_s if fault else 0) + self._latency.first_s(ask.model)):
            call.answered(CLIENT_GONE)
            return Response(status_code=CLIENT_GONE)
        return self._answered(wire, call, ask, _changed(answer, ask, fault), fault)

    def _line(self, path: str, body: Mapping[str, object]) -> tuple[int, Mapping[str, object]]:
        """The status and the answer of one line of a batch; of the faults, those that an answer can show."""
        wire = next(wire for wire in WIRES if wire.path == path)
        try:
            ask = wire.read({**body, "stream": False})
            answer = think(ask)
        except (BadRequest, RecursionError) as wrong:
            return 400, wire.error(400, str(wrong))
        fault = self._faults.take(ask.model, ask.said)
        kind = fault.fault if fault else ""
        call = self._calls.open(ask.model, BATCHES, time.time(), fault=kind, seed=_seed(body, ask.said))
        if fault is not None and kind in {"status", "timeout"}:
            status = fault.status if kind == "status" else 504
            call.answered(status)
            return status, wire.error(status, f"Simulated fault: {status} from {call.model}.")
        answer = _changed(answer, ask, fault)
        self._serial += 1
        call.answered(200)
        call.served(prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens)
        return 200, wire.whole(Reply(ask, answer, self._serial, int(call.at)))

    async def _failed(self, wire: Wire, request: Request, call: Call, fault: ScriptedFault) -> Response:
        status, headers = fault.status, {}
        if fault.fault == "timeout":
            status = CLIENT_GONE if await gone_within(request, fault.delay_s) else 504
        elif fault.retry_after is not None:
            headers["retry-after"] = f"{fault.retry_after:g}"
        call.answered(status)
        return _json(wire.error(status, f"Simulated fault: {status} from {call.model}."), status, headers)

    def _answered(
        self, wire: Wire, call: Call, ask: Ask, answer: Answer, fault: ScriptedFault | None
    ) -> Response:
        self._serial += 1
        reply = Reply(ask, answer, self._serial, int(call.at))
        kind = fault.fault if fault else ""
        call.answered(200)
        call.served(prompt_tokens=answer.prompt_tokens)
        if ask.stream and wire.events is not None:
            if kind == "malformed":
                call.served(completion_tokens=answer.completion_tokens)
                return Stream(malformed_stream(), cut=False)
            cut_after = fault.after_events if fault and kind == "cut_stream" else None
            events = list(wire.events(reply))
            # A choice without text is billed a token that no event brings.
            billed_only = answer.completion_tokens - sum(event.tokens for event in events)
            call.served(completion_tokens=billed_only)
            pace = paced(events, call, self._latency.event_s(ask.model), cut_after)
            return Stream(pace, cut=cut_after is not None)
        if wire.events is not None:
            call.served(completion_tokens=answer.completion_tokens)
        if kind == "malformed":
            return Response(MALFORMED, media_type="application/json")
        whole = dumps(wire.whole(reply))
        return (Cut if kind == "cut_stream" else Response)(whole, media_type="application/json")


def _changed(answer: Answer, ask: Ask, fault: ScriptedFault | None) -> Answer:
    if fault is not None and fault.fault == "empty":
        return empty(ask)
    if fault is not None and fault.fault == "refuse":
        return refusing(ask)
    return answer


def _seed(body: Mapping[str, object], said: str) -> int:
    found = body.get("seed")
    return found if isinstance(found, int) else seed_in(said)
