"""``GET /tiering``: the dashboard. It holds no data: it asks for a key, and fetches with it."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

from litellm_tiering.gateway.page import PAGE


async def page() -> HTMLResponse:
    """The page itself; anybody may read it."""
    return HTMLResponse(PAGE.html, headers=dict(PAGE.headers))
