"""Prices and capabilities of model groups, from LiteLLM's model map and the deployments' own words."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import litellm

from litellm_tiering.core.catalog import IMAGE_TOKENS, Capability, Price, TierFacts, dearest
from litellm_tiering.core.price import highest
from litellm_tiering.gateway.pricing import price_of, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.ports import Clock

_log = logging.getLogger("litellm_tiering")

REFRESH_S = 30.0
"""How old the facts may grow before they are read again: models can be added to a running proxy."""

_FLAGS = {
    "vision": "supports_vision",
    "audio": "supports_audio_input",
    "files": "supports_pdf_input",
    "tools": "supports_function_calling",
    "response_format": "supports_response_schema",
}
_IMAGE_TOKENS = {"gpt-4o-mini": 48_200}
"""What one image is billed as at most, by models that count more than is usual, as OpenAI documents it."""

_MAP = frozenset(litellm.model_cost)
"""The models that LiteLLM's map describes. The router adds its own deployments to the map as it starts, with
what their model_info says: there a missing capability is one that nobody mentioned."""


class Catalog:
    """What each tier of a ladder costs and can do; read from the router now and then, never per request."""

    def __init__(
        self, ladder: Ladder, requirements: Mapping[str, Mapping[str, Any]] | str, clock: Clock
    ) -> None:
        self._ladder = ladder
        self._requirements = requirements
        self._clock = clock
        self._read_s = float("-inf")
        self._facts: tuple[TierFacts, ...] = ()
        self._groups: dict[str, TierFacts] = {}
        self._warned: set[str] = set()

    def facts(self, router: Any) -> tuple[TierFacts, ...]:
        """The facts of every tier, by rank."""
        now = self._clock.now()
        if not self._facts or not 0 <= now - self._read_s < REFRESH_S:
            self._facts = self._read(router)
            self._groups.clear()
            self._read_s = now
        return self._facts

    def group(self, name: str, router: Any) -> TierFacts:
        """The facts of any model group of the proxy, in the ladder or not."""
        if name not in self._groups:
            if len(self._groups) > 10_000:  # noqa: PLR2004 - names come from the proxy's events: keep it bounded
                self._groups.clear()
            self._groups[name] = group_facts(deployments(router, name))
        return self._groups[name]

    def price(self, name: str, router: Any) -> Price:
        """The price of a model group; of one without, the dearest tier's, which is said once."""
        price = self.group(name, router).price
        if price.known:
            return price
        if name not in self._warned and len(self._warned) < 1000:  # noqa: PLR2004 - bounded like _groups
            self._warned.add(name)
            _log.warning(
                "no price is known for model group %r: it is counted at the dearest tier's price. "
                "Set input_cost_per_token and output_cost_per_token in its model_info.",
                name,
            )
        return replace(dearest(self.facts(router)), known=False)

    def _read(self, router: Any) -> tuple[TierFacts, ...]:
        found = [group_facts(deployments(router, t.model)) for t in self._ladder.tiers]
        ceiling = dearest(found)
        return tuple(
            self._listed(tier.name, f if f.price.known else replace(f, price=replace(ceiling, known=False)))
            for tier, f in zip(self._ladder.tiers, found, strict=True)
        )

    def _listed(self, tier: str, facts: TierFacts) -> TierFacts:
        """The facts with what the owner listed; without any, when requirements are off."""
        if self._requirements == "off":
            can = facts.capability
            bounds = Capability(max_output_tokens=can.max_output_tokens, image_tokens=can.image_tokens)
            return replace(facts, capability=bounds)
        if isinstance(self._requirements, str):
            return facts
        said = {k: v for k, v in self._requirements.get(tier, {}).items() if v is not None}
        return replace(facts, capability=replace(facts.capability, **said))


def deployments(router: Any, group: str) -> Sequence[Mapping[str, Any]]:
    """The deployments of a model group; empty when the proxy has no such group."""
    if router is None:
        return ()
    return router.get_model_list(model_name=group) or ()


def group_facts(found: Iterable[Mapping[str, Any]]) -> TierFacts:
    """The facts of a group: able only where every deployment is, as dear as the dearest."""
    each = [_deployment_facts(d) for d in found]
    if not each:
        return TierFacts(Price(known=False), exists=False)
    price = highest([f.price for f in each])
    caps = [f.capability for f in each]
    able = Capability(
        **{name: _all(getattr(c, name) for c in caps) for name in _FLAGS},
        max_input_tokens=_least(c.max_input_tokens for c in caps),
        max_output_tokens=_longest([c.max_output_tokens for c in caps]),
        image_tokens=max(c.image_tokens for c in caps),
    )
    return TierFacts(price, able)


def _deployment_facts(deployment: Mapping[str, Any]) -> TierFacts:
    params = deployment.get("litellm_params") or {}
    stated = {**params, **{k: v for k, v in (deployment.get("model_info") or {}).items() if v is not None}}
    own = {k: v for k, v in stated.items() if v is not None}
    model = str(own.get("base_model") or params.get("model") or "")
    key, base = _model_map(model, params.get("custom_llm_provider"))

    known = {**base, **own}
    able = Capability(
        **{ours: _flag(known.get(theirs), in_map=key in _MAP) for ours, theirs in _FLAGS.items()},
        max_input_tokens=size(known.get("max_input_tokens")),
        max_output_tokens=size(known.get("max_output_tokens")),
        image_tokens=next((most for name, most in _IMAGE_TOKENS.items() if name in model), IMAGE_TOKENS),
    )
    return TierFacts(price_of(known), able)


def _model_map(model: str, provider: str | None) -> tuple[str, Mapping[str, Any]]:
    """LiteLLM's raw entry for a model and its key, empty when it has none.

    The raw one: ``get_model_info`` turns a missing price into 0, which reads like a declared one.
    """
    if not model:
        return "", {}
    try:
        key = litellm.get_model_info(model=model, custom_llm_provider=provider)["key"]
    except Exception:  # noqa: BLE001 - get_model_info raises bare Exception for an unknown model
        return "", {}
    return key, litellm.model_cost.get(key) or {}


def _flag(value: Any, *, in_map: bool) -> bool | None:
    """A capability: missing where LiteLLM's map leaves it out, unknown where nobody has heard of it."""
    if isinstance(value, bool):
        return value
    return False if in_map else None


def _all(flags: Iterable[bool | None]) -> bool | None:
    found = list(flags)
    if False in found:
        return False
    return None if None in found else True


def _least(sizes: Iterable[int | None]) -> int | None:
    return min((s for s in sizes if s is not None), default=None)


def _longest(sizes: Sequence[int | None]) -> int | None:
    """The longest answer that any deployment may give; None where one of them sets no bound."""
    known = [s for s in sizes if s is not None]
    return max(known) if known and len(known) == len(sizes) else None
