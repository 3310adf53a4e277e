"""The routes under ``/control``, by which a test scripts faults and sees what reached the provider.

==========================  ===================================================================
POST /control/faults        plants a fault (the fields of ScriptedFault); answers with all of them
GET, DELETE …/faults        the faults that are left; none any more
GET /control/calls          the last 10,000 calls and the totals per model (``?model=`` for one model's calls)
DELETE /control/calls       forgets them
GET /control/usage          tokens served, per model
GET /control/requests/last  the last request body that was read, as it came
==========================  ===================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from litellm_tiering.testing.provider.faults import fault_from
from litellm_tiering.testing.provider.reading import BadRequest, parse
from litellm_tiering.testing.provider.wire import openai_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from litellm_tiering.testing.provider.calls import Calls
    from litellm_tiering.testing.provider.faults import Faults


class Control:
    """The handlers of these routes, over one provider's state."""

    def __init__(self, calls: Calls, faults: Faults) -> None:
        self._calls = calls
        self._faults = faults
        self.last_request: bytes = b""

    def routes(self) -> Iterable[Route]:
        """The routes, for the application."""
        return [
            Route("/control/faults", self.plant, methods=["POST"]),
            Route("/control/faults", self.faults, methods=["GET"]),
            Route("/control/faults", self.heal, methods=["DELETE"]),
            Route("/control/calls", self.calls, methods=["GET"]),
            Route("/control/calls", self.forget, methods=["DELETE"]),
            Route("/control/usage", self.usage, methods=["GET"]),
            Route("/control/requests/last", self.last, methods=["GET"]),
        ]

    async def plant(self, request: Request) -> Response:
        try:
            self._faults.add(fault_from(parse(await request.body())))
        except BadRequest as wrong:
            return JSONResponse(openai_error(400, str(wrong)), 400)
        return self._shown()

    async def faults(self, _request: Request) -> Response:
        return self._shown()

    async def heal(self, _request: Request) -> Response:
        self._faults.clear()
        return self._shown()

    def _shown(self) -> Response:
        return JSONResponse({"faults": [fault.to_json() for fault in self._faults.active()]})

    async def calls(self, request: Request) -> Response:
        listed = self._calls.listed(request.query_params.get("model", ""))
        return JSONResponse({"calls": listed, "totals": self._calls.totals()})

    async def forget(self, _request: Request) -> Response:
        self._calls.clear()
        self.last_request = b""
        return JSONResponse({"calls": [], "totals": {}})

    async def usage(self, _request: Request) -> Response:
        return JSONResponse(self._calls.usage())

    async def last(self, _request: Request) -> Response:
        if not self.last_request:
            return JSONResponse(openai_error(404, "No request has been read yet."), 404)
        return Response(self.last_request, media_type="application/json")
