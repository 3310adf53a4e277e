"""``TieredRouter``: ``litellm.Router`` with tiers, gates and budgets, for people without a proxy."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import litellm

from litellm_tiering.config.assemble import announce, capture_of, direct, engine_of
from litellm_tiering.config.build import build
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.gateway import compat
from litellm_tiering.gateway.catalog import Catalog
from litellm_tiering.gateway.gateway import Gateway
from litellm_tiering.gateway.sdk_config import load_for, store_of
from litellm_tiering.gateway.sdk_desk import Desk, Owned
from litellm_tiering.gateway.sdk_hub import HUB
from litellm_tiering.gateway.sdk_streams import SyncStream, TieredStream
from litellm_tiering.ledger.open import open_ledger, open_spool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

_log = logging.getLogger("litellm_tiering")

CLOSE_WITHIN_S = 30.0
"""How long closing waits for bills that have not come, in seconds."""


class _Endpoint:
    """A method that LiteLLM's router sets on each instance, and we stand in front of.

    What the router sets is kept, and is what a request that is not ours goes to.
    """

    def __init__(self, ours: Callable[..., Any]) -> None:
        self._ours = ours

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, router: TieredRouter | None, owner: type) -> Any:
        return self if router is None else self._ours.__get__(router, owner)

    def __set__(self, router: TieredRouter, plain: Callable[..., Any]) -> None:
        router.__dict__[_kept(self._name)] = plain


def _kept(name: str) -> str:
    return f"_plain_{name}"


class TieredRouter(litellm.Router):
    """``litellm.Router`` under a ``tiering`` section, the same as in a proxy's config.yaml.

    Chat, completions, messages and responses for a model with a route are classified, counted and cascaded;
    everything else is LiteLLM's router as it is. ``close`` it, or ``aclose`` it, when you are done: LiteLLM
    keeps hold of a router until it is told.

    Args:
        model_list: As for ``litellm.Router``.
        tiering: The section, or the path of a YAML file that has it; None for the file that
            ``LITELLM_TIERING_CONFIG`` names. Without ``store.url`` money is counted in this process only.
        caller: Who asks, for budgets and rules that go by team, key or user.
        router: Any other arguments of ``litellm.Router``.

    Raises:
        ConfigError: anything is wrong with the section; every problem at once.
        IncompatibleLiteLLM: this LiteLLM must not be used.

    Example:
        router = TieredRouter(model_list=models, tiering={"tiers": tiers})
        answer = router.completion(model="auto", messages=messages)
    """

    def __init__(
        self,
        model_list: list[Any] | None = None,
        *,
        tiering: Mapping[str, Any] | str | Path | None = None,
        caller: Caller | None = None,
        **router: Any,
    ) -> None:
        compat.check_version()
        loaded, aliases = load_for(tiering, model_list, router.pop("model_group_alias", None) or {})

        def on_gate_fault(where: str, error: BaseException) -> None:
            engine.fault(
                where, error
            )  # the gates are built before the engine that keeps account of their faults

        settings = build(loaded.config, on_gate_fault, loaded.base)
        for warning in loaded.warnings:
            _log.warning("%s", warning)
        super().__init__(model_list=model_list, model_group_alias=aliases, **router)
        url = store_of(loaded)
        engine = engine_of(settings, open_ledger(url), spool=open_spool(settings.store.spool, url))
        direct(engine)
        announce(settings, engine)
        catalog = Catalog(settings.ladder, settings.requirements, engine.clock)
        background = Owned()
        gateway = Gateway(settings, engine, catalog, lambda: self, background)
        gateway.capture = capture_of(settings, engine)
        self._desk = Desk(gateway, background, caller or Caller())

    # ------------------------------------------------------------------ the four APIs

    async def acompletion(self, model: str, messages: list[Any], stream: bool = False, **kwargs: Any) -> Any:
        """A chat completion, or its stream."""
        data = {**kwargs, "model": model, "messages": messages, "stream": stream}
        return await self._ask(data, Surface.CHAT, super().acompletion)

    async def atext_completion(self, model: str, prompt: str, *args: Any, **kwargs: Any) -> Any:
        """A text completion, or its stream."""
        if args:
            return await super().atext_completion(model, prompt, *args, **kwargs)
        data = {**kwargs, "model": model, "prompt": prompt}
        return await self._ask(data, Surface.COMPLETION, super().atext_completion)

    def completion(self, model: str, messages: list[Any], **kwargs: Any) -> Any:
        """A chat completion, or its stream."""
        data = {**kwargs, "model": model, "messages": messages}
        if not self._serves(data):
            return super().completion(**data)
        return self._wait(data, Surface.CHAT, super().acompletion)

    def text_completion(self, model: str, prompt: str, *args: Any, **kwargs: Any) -> Any:
        """A text completion, or its stream."""
        data = {**kwargs, "model": model, "prompt": prompt}
        if args or not self._serves(data):
            return super().text_completion(model, prompt, *args, **kwargs)
        return self._wait(data, Surface.COMPLETION, super().atext_completion)

    async def _tiered_responses(self, **data: Any) -> Any:
        return await self._ask(data, Surface.RESPONSES, self.__dict__[_kept("aresponses")])

    async def _tiered_messages(self, **data: Any) -> Any:
        return await self._ask(data, Surface.MESSAGES, self.__dict__[_kept("anthropic_messages")])

    def _blocking_responses(self, **data: Any) -> Any:
        if not self._serves(data):
            return self.__dict__[_kept("responses")](**data)
        return self._wait(data, Surface.RESPONSES, self.__dict__[_kept("aresponses")])

    aresponses = _Endpoint(_tiered_responses)
    responses = _Endpoint(_blocking_responses)
    anthropic_messages = _Endpoint(_tiered_messages)
    aanthropic_messages = _Endpoint(_tiered_messages)

    def _serves(self, data: Mapping[str, Any]) -> bool:
        desk = self.__dict__.get("_desk")
        return desk is not None and desk.serves(data)

    async def _ask(self, data: dict[str, Any], surface: Surface, plain: Callable[..., Awaitable[Any]]) -> Any:
        if not self._serves(data):
            return await plain(**data)
        return await self._desk.ask(data, surface, plain)

    def _wait(self, data: dict[str, Any], surface: Surface, plain: Callable[..., Awaitable[Any]]) -> Any:
        answer = HUB.block(self._desk.ask(data, surface, plain))
        return SyncStream(answer, HUB) if isinstance(answer, TieredStream) else answer

    # ------------------------------------------------------------------ what became of it

    def tiering_status(self) -> dict[str, Any]:
        """Live budgets, the store and alarms: what ``GET /tiering/status`` says on a proxy."""
        return HUB.block(self._desk.status())

    def tiering_decisions(self, limit: int = 50) -> list[dict[str, Any]]:
        """The latest decisions, newest first, with attempts and costs."""
        found = self._desk.gateway.engine.books.records()[: max(0, limit)]
        return [record.explained(self._desk.gateway.settings.ladder) for record in found]

    def tiering_decision(self, id: str) -> dict[str, Any] | None:  # noqa: A002 - as in the record
        """The decision of an id, as an answer's ``_hidden_params["tiering"]`` has it; None when unknown."""
        record = self._desk.gateway.engine.books.record(id)
        return None if record is None else record.explained(self._desk.gateway.settings.ladder)

    def explain(self, asked: str | list[Any], model: str | None = None, **body: Any) -> dict[str, Any]:
        """The decision that a prompt, or messages, would get now, and why; nothing is sent or counted.

        Raises:
            ValueError: no route serves ``model``.
        """
        messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
        name = model or self._desk.gateway.settings.virtual_model
        return HUB.block(self._desk.explain({**body, "model": name, "messages": messages}))

    # ------------------------------------------------------------------ the end

    async def settled(self, within_s: float = CLOSE_WITHIN_S) -> bool:
        """Wait until every call is paid for in the books; False where some are not by then.

        LiteLLM tells what a call cost a moment after its answer.
        """
        return await self._desk.settled(within_s)

    async def aclose(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """Wait for the bills, so many seconds at most, and let go of the store; the router is then done."""
        if self._desk.closed:
            return
        await self._desk.close(within_s)
        self.discard()
        if HUB.ending:
            await asyncio.to_thread(HUB.wait)

    def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """As :meth:`aclose`, for callers without an event loop."""
        if self._desk.closed:
            return
        HUB.block(self._desk.close(within_s))
        self.discard()
        HUB.wait()
