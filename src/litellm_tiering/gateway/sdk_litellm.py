"""What a router without a proxy takes for granted of LiteLLM's inside, each with why."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import litellm
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

if TYPE_CHECKING:
    from litellm.integrations.custom_logger import CustomLogger

FLUSH_S = 5.0
"""How long LiteLLM's log may take to be written out when its event loop is to end, in seconds."""

_LISTS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "service_callback",
    "_async_input_callback",
    "_async_success_callback",
    "_async_failure_callback",
)
"""Where LiteLLM keeps a callback: at its first call it copies ``callbacks`` into the others."""


def listen(logger: CustomLogger) -> None:
    """Have LiteLLM tell ``logger`` of every call; once, however often it is asked."""
    if not any(known is logger for known in litellm.callbacks):
        litellm.logging_callback_manager.add_litellm_callback(logger)


def unlisten(logger: CustomLogger) -> None:
    """Take ``logger`` out of all of LiteLLM's lists."""
    for name in _LISTS:
        known = getattr(litellm, name, None)
        if isinstance(known, list):
            known[:] = [callback for callback in known if callback is not logger]


def adopt_logs() -> None:
    """Take over LiteLLM's log queue where the event loop that it was left on has been closed.

    It would do so itself at the next call, and until then success events wait there.
    """
    bound = getattr(GLOBAL_LOGGING_WORKER, "_bound_loop", None)
    if bound is not None and bound.is_closed():
        GLOBAL_LOGGING_WORKER.start()


async def leave_loop() -> None:
    """Write out LiteLLM's log and close its clients on the running loop, which is about to end.

    LiteLLM caches clients for each event loop, and closes them when the process exits; until then their
    connections would be left to the garbage collector.
    """
    loop = asyncio.get_running_loop()
    if getattr(GLOBAL_LOGGING_WORKER, "_bound_loop", None) is loop:
        await asyncio.wait({asyncio.ensure_future(GLOBAL_LOGGING_WORKER.flush())}, timeout=FLUSH_S)
    cache = getattr(litellm, "in_memory_llm_clients_cache", None)
    known: dict[Any, Any] = getattr(cache, "cache_dict", {})
    for key in [k for k in known if str(k).endswith(f"-{id(loop)}")]:
        client = known.pop(key)
        closing = getattr(client, "aclose", None) or getattr(client, "close", None)
        try:
            found = closing() if closing is not None else None
            if inspect.isawaitable(found):
                await found
        except Exception:  # noqa: BLE001, S110 - a client that cannot be closed properly is gone all the same
            pass
