"""From LiteLLM's hooks to the engine and back: admit, head, settle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.engine import Inquiry
from litellm_tiering.gateway import apply, bill, compat, extract
from litellm_tiering.units import nano_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.books import Flight
    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.features import Caller
    from litellm_tiering.engine import Engine
    from litellm_tiering.gateway.catalog import Catalog

_ANY_MODEL = frozenset({"*", "all-proxy-models"})
_TEAM_MODELS = "all-team-models"


class Gateway:
    """One proxy's traffic. ``router`` is asked at request time: the proxy may replace it."""

    def __init__(self, settings: Settings, engine: Engine, catalog: Catalog) -> None:
        self.settings = settings
        self.engine = engine
        self.catalog = catalog

    # ------------------------------------------------------------------ before the call

    async def admit(self, key: Any, data: dict[str, Any], call_type: str) -> Exception | None:
        """Plan a request and write the plan into it; the refusal as an error, where it is refused.

        A request of another kind, or for a model without a route, passes untouched.
        """
        apply.scrub(data)
        model = data.get("model")
        surface = extract.SURFACES.get(call_type)
        if self.settings.mode == "off" or surface is None or not isinstance(model, str):
            return None
        inquiry = await self.inquiry(key, data, model, extract.caller_of(key, data), call_type)
        if inquiry is None:
            return None
        plan = await self.engine.plan(inquiry)
        if plan.decision.refusal is not None:
            refused: Exception = apply.refuse(plan.decision.refusal, plan.record)
            return refused
        if plan.flight is None:
            return None
        if self._enforced(inquiry):
            apply.send_to(data, plan.record.model)
        apply.mark(data, plan.flight.attempt)
        if call_type == "atext_completion" and data.get("stream") is True:
            apply.ask_for_usage(data)
        return None

    def _enforced(self, inquiry: Inquiry) -> bool:
        return self.engine.terms.enforce and inquiry.route.enforce

    async def inquiry(
        self, key: Any, data: Mapping[str, Any], model: str, caller: Caller, call_type: str
    ) -> Inquiry | None:
        """The engine's question for a request, or None where no route serves its model."""
        route = self.settings.route_for(model)
        if route is None:
            return None
        router = compat.live_router()
        ladder = self.settings.ladder
        asked = self._asked(model, router)
        features, prompt = extract.read(data, extract.SURFACES[call_type])
        wish = extract.wish_of(data)
        return Inquiry(
            features=features,
            prompt=prompt,
            caller=caller,
            route=route,
            asked=asked,
            facts=self.catalog.facts(router),
            wish=ladder.find(wish) if wish else None,
            forbidden=await self._forbidden(key, model, asked, router),
        )

    def _asked(self, model: str, router: Any) -> int:
        """The rank that the requested name stands for: its own group's, or its alias's; else the dearest."""
        ladder = self.settings.ladder
        rank = ladder.rank_of_model(model)
        if rank is None:
            target = compat.alias_target(router, model)
            rank = None if target is None else ladder.rank_of_model(target)
        return ladder.top if rank is None else rank

    async def _forbidden(self, key: Any, model: str, asked: int, router: Any) -> Mapping[int, str]:
        """The ranks this caller may not be moved to. What it asked for is allowed: LiteLLM let it in."""
        ladder = self.settings.ladder
        key_models, team_models = _names(key, "models"), _names(key, "team_models")
        if _unrestricted(key_models) and _unrestricted(team_models):
            return {}
        virtual = ladder.rank_of_model(model) is None
        by_key = _unrestricted(key_models) or model in key_models or _TEAM_MODELS in key_models
        if virtual and by_key and (_unrestricted(team_models) or model in team_models):
            return {}
        return {
            rank: "key"
            for rank, tier in enumerate(ladder.tiers)
            if rank != asked and not await compat.may_use(tier.model, key, router)
        }

    # ------------------------------------------------------------------ after the call

    def answered(self, data: Mapping[str, Any], response: Any) -> None:
        """Note what LiteLLM says a whole answer cost, while it still says so: headers are written later."""
        flight = self.engine.books.flight(apply.attempt_of(data))
        if flight is not None:
            flight.quoted_usd = bill.cost_in(response)
            flight.answered_by = bill.answering_group(response)

    def headers(self, data: Mapping[str, Any], response: Any) -> dict[str, str] | None:
        """The headers of a planned request; on a stream, whose cost is not known yet, the estimates."""
        flight = self.engine.books.flight(apply.attempt_of(data))
        if flight is None:
            return None
        if response is None:
            return apply.response_headers(flight.record, 0, 0)
        used = bill.usage_of(response)
        answered = flight.answered_by or bill.answering_group(response)
        if used is None:
            return apply.response_headers(flight.record, flight.hold, flight.baseline_hold, model=answered)
        cost = self._cost(flight.quoted_usd, used, answered or flight.record.model)
        return apply.response_headers(flight.record, cost, flight.baseline(*used), model=answered)

    async def failed(self, data: Mapping[str, Any]) -> None:
        """Let go of the hold of a request that failed as a whole."""
        flight = self.engine.books.flight(apply.attempt_of(data))
        if flight is not None:
            await self.engine.books.release(flight)

    async def paid(self, kwargs: Mapping[str, Any], response: Any) -> None:
        """Settle one upstream call from LiteLLM's success event; other models' calls are counted too."""
        if self.settings.mode == "off":
            return
        paid = bill.read(kwargs, response)
        if paid is None:
            return
        flight = self.engine.books.flight(paid.attempt) if paid.attempt else None
        used = (paid.prompt_tokens, paid.completion_tokens)
        if used[0] == 0 and flight is not None:
            used = (flight.features.prompt_tokens, used[1])
        cost = 0 if paid.cached else self._cost(paid.cost, used, paid.group)
        if flight is None:
            caller = extract.caller_of_event(paid.metadata, paid.end_user)
            await self.engine.charge(f"call:{paid.call_id}", caller, "", paid.tags, cost)
        elif not await self.engine.books.settle(
            flight, cost, baseline=flight.baseline(*used), bill=paid.call_id
        ):
            await self._again(flight, paid.call_id, cost)

    async def _again(self, flight: Flight, call_id: str, cost: int) -> None:
        """Count a second paid call of one request, such as a fallback after a cut stream."""
        if flight.bill != call_id:
            id_ = f"{flight.attempt}:{call_id}"
            await self.engine.charge(id_, flight.caller, flight.route, flight.features.tags, cost)

    async def broken(self, kwargs: Mapping[str, Any], response: Any) -> None:
        """Settle a call that failed after it had cost something: a stream cut short."""
        paid = bill.read(kwargs, response)
        if paid is not None and paid.cost:
            await self.paid(kwargs, response)

    def _cost(self, usd_cost: float | None, used: tuple[int, int], group: str) -> int:
        """What a call cost, in nano-dollars: LiteLLM's figure, else its tokens at the group's price.

        LiteLLM says 0 where it found no price, which includes prices in ``litellm_params`` on some APIs.
        """
        if usd_cost:
            return int(nano_usd(usd_cost))
        return int(self.catalog.price(group, compat.live_router()).cost(*used))


def _names(key: Any, attribute: str) -> list[str]:
    found = getattr(key, attribute, None)
    return [m for m in found if isinstance(m, str)] if isinstance(found, list) else []


def _unrestricted(models: list[str]) -> bool:
    return not models or not _ANY_MODEL.isdisjoint(models)
