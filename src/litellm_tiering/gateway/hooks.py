"""The callback that LiteLLM calls: thin, every hook defined on this one class.

LiteLLM looks some hooks up in the instance's own class, so an inherited one would never be called; and it
calls them by keyword, so their parameters carry LiteLLM's names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm.integrations.custom_logger import CustomLogger

from litellm_tiering.gateway import compat
from litellm_tiering.gateway.tracing import tell as tell_loggers

if TYPE_CHECKING:
    from litellm_tiering.gateway.gateway import Gateway


class TieringHandler(CustomLogger):
    """Routes requests and keeps their books; register it as ``litellm_tiering.plugin.handler``."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self.gateway = gateway

    def __deepcopy__(self, memo: dict[int, Any]) -> TieringHandler:
        """Itself: LiteLLM copies what it holds, and there is one set of books."""
        return self

    async def async_pre_call_hook(
        self,
        user_api_key_dict: Any,
        cache: Any,  # noqa: ARG002 - LiteLLM passes it by keyword
        data: dict[str, Any],
        call_type: str,
    ) -> dict[str, Any] | None:
        """Decide, hold the money, and rewrite ``data["model"]``; refuse with LiteLLM's own kind of error."""

        async def admit() -> Exception | None:
            return await self.gateway.admit(user_api_key_dict, data, call_type)

        refused = await self.gateway.engine.contained("admit", admit, None)
        if refused is not None:
            raise refused
        return None

    async def async_moderation_hook(
        self,
        data: dict[str, Any],
        user_api_key_dict: Any,
        call_type: str,  # noqa: ARG002 - LiteLLM passes it by keyword
    ) -> None:
        """The first attempt is being sent, past all guardrails that change it: ask beside it who is to be.

        LiteLLM waits for this hook together with the call. Its older releases do not know it for callbacks
        that are no guardrails; they come to the same when the first answer is there.
        """
        await self._ask_beside(data, user_api_key_dict)

    async def _ask_beside(self, data: dict[str, Any], key: Any) -> None:
        async def ask() -> None:
            self.gateway.beside(key, data)

        await self.gateway.engine.contained("agreement", ask, None)

    async def async_post_call_success_hook(
        self,
        data: dict[str, Any],
        user_api_key_dict: Any,
        response: Any,
    ) -> Any:
        """A whole answer is there: serve it, or a better one; None leaves it as it is."""
        await self._ask_beside(data, user_api_key_dict)

        async def judge() -> Any:
            return await self.gateway.answered(data, response)

        served = await self.gateway.engine.contained("cascade", judge, response)

        async def compare() -> None:
            self.gateway.debts.answered(data, served)

        await self.gateway.engine.contained("debt", compare, None)
        if served is response:
            return None

        async def find() -> list[tuple[Any, Any]] | None:
            return compat.guardrails(data)

        found = await self.gateway.engine.contained("guardrails", find, None)
        if found is None:
            # Rather the answer that they have seen than one past them.
            return None
        for asked, guardrail in found:
            if guardrail is not None:
                data["guardrail_to_apply"] = guardrail
            # Outside our containment: what a guardrail raises is meant for the client.
            changed = await asked.async_post_call_success_hook(
                data=data, user_api_key_dict=user_api_key_dict, response=served
            )
            served = served if changed is None else changed
        return served

    async def async_post_call_response_headers_hook(
        self,
        data: dict[str, Any],
        user_api_key_dict: Any,  # noqa: ARG002 - LiteLLM passes it by keyword
        response: Any,
        request_headers: dict[str, str] | None = None,  # noqa: ARG002 - as above
        litellm_call_info: dict[str, Any] | None = None,  # noqa: ARG002 - as above
    ) -> dict[str, str] | None:
        """The ``x-tiering-…`` headers, applied last."""

        async def headers() -> dict[str, str] | None:
            return self.gateway.headers(data, response)

        return await self.gateway.engine.contained("headers", headers, None)

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,  # noqa: ARG002 - LiteLLM passes it by keyword
        user_api_key_dict: Any,  # noqa: ARG002 - as above
        traceback_str: str | None = None,  # noqa: ARG002 - as above
    ) -> None:
        """The whole request failed, retries and fallbacks included: let go of its hold."""

        async def fail() -> None:
            await self.gateway.failed(request_data)

        await self.gateway.engine.contained("failure", fail, None)

    def async_post_call_streaming_iterator_hook(
        self,
        user_api_key_dict: Any,
        response: Any,
        request_data: dict[str, Any],
    ) -> Any:
        """The stream as the client gets it; not a generator itself, so that most streams pass as they are."""
        try:
            self.gateway.beside(user_api_key_dict, request_data)
        except Exception as error:  # noqa: BLE001 - as in Engine.contained, which awaits
            self.gateway.engine.fault("agreement", error)
        served = response
        try:
            served = self.gateway.streamed(request_data, response)
            return self.gateway.debts.streamed(request_data, served, response)
        except Exception as error:  # noqa: BLE001 - as in Engine.contained, which awaits
            self.gateway.engine.fault("stream", error)
            return served

    async def async_logging_hook(
        self,
        kwargs: dict[str, Any],
        result: Any,
        call_type: str,  # noqa: ARG002 - LiteLLM passes it by keyword
    ) -> tuple[dict[str, Any], Any]:
        """One upstream call is about to be logged, by everybody: what we know of it goes with it."""

        async def tell() -> None:
            tell_loggers(self.gateway.engine.books, kwargs, result)

        await self.gateway.engine.contained("logging", tell, None)
        return kwargs, result

    async def async_log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,  # noqa: ARG002 - LiteLLM passes it by position
        end_time: Any,  # noqa: ARG002 - as above
    ) -> None:
        """One upstream call was paid for: settle it."""

        async def settle() -> None:
            await self.gateway.paid(kwargs, response_obj)

        await self.gateway.engine.contained("settle", settle, None)

    async def async_log_failure_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,  # noqa: ARG002 - LiteLLM passes it by position
        end_time: Any,  # noqa: ARG002 - as above
    ) -> None:
        """One upstream call failed; a stream cut short has still cost what it had sent."""

        async def settle() -> None:
            await self.gateway.broken(kwargs, response_obj)

        await self.gateway.engine.contained("settle", settle, None)
