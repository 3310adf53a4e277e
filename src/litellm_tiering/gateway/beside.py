"""A request asked of another cheap model as well, while LiteLLM asks the first: what goes into that call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.climbing import bounds_of, can_climb
from litellm_tiering.core.features import PromptText
from litellm_tiering.gateway import compat
from litellm_tiering.gateway.permissions import may_use_all
from litellm_tiering.gateway.upstream import RouterUpstream
from litellm_tiering.gateway.wires import WIRES
from litellm_tiering.intake.answer_form import demand_of
from litellm_tiering.peers import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.cascading import Setting
    from litellm_tiering.core.agreement import Agreement
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.gateway.gateway import Gateway
    from litellm_tiering.journeys import Journey
    from litellm_tiering.ports import Upstream

_WHOLE_ANSWERS = ("stream", "stream_options")
"""What a call whose answer is only compared does without."""

_NOT_COPIED = frozenset({"proxy_server_request", "secret_fields", "litellm_logging_obj", "shared_session"})


def ask_beside(
    gateway: Gateway,
    journey: Journey,
    key: Any,
    data: Mapping[str, Any],
    upstream: Callable[[Mapping[str, Any]], Upstream] | None = None,
) -> None:
    """Ask another model what a request's first attempt is asked, where that helps; once for each request.

    Args:
        gateway: Whose request it is.
        journey: The request, its first attempt about to be sent.
        key: Who asks, for what it may use.
        data: What is sent, as guardrails have left it.
        upstream: Makes what sends such a request to another group; the proxy's router does when None.
    """
    policy = gateway.policies.of(journey.record.arm)
    setting = policy.setting
    agreement = None if setting is None else setting.settings.agreement
    if setting is None or agreement is None or journey.prompt is None or journey.peers is not None:
        return
    if journey.flights[0].rank not in agreement.ranks:
        return
    surface, router = journey.features.surface, gateway.router()
    group = agreement.model or journey.record.model
    facts = policy.catalog.group(group, router)
    why = _why_not(setting, agreement, journey, data, facts)
    seconds = Seconds(setting.engine, journey, agreement, setting.background, WIRES[surface], why)
    journey.peers = seconds
    if why:
        return

    async def allowed() -> bool:
        # Asked for once more, the tier's own group is one that is being used already.
        every = group == journey.record.model or may_use_all(
            key, journey.features.model, gateway.settings.ladder
        )
        return every or await compat.may_use(group, key, router)

    sent = _request(data, agreement)
    sender = (
        RouterUpstream(sent, surface, journey.added, gateway.heard) if upstream is None else upstream(sent)
    )
    priced = replace(facts, price=gateway.catalog.price(group, router))
    seconds.ask(sender, priced, allowed)


def _why_not(
    setting: Setting, agreement: Agreement, journey: Journey, data: Mapping[str, Any], facts: TierFacts
) -> str:
    """Why nobody else is asked, in a fixed word; empty where somebody is."""
    features, prompt, demand = journey.features, journey.prompt or PromptText(), demand_of(data)
    reasons = (
        ("expected", journey.case.expected is not None and journey.case.expected.skips_second),
        ("stream", features.stream and setting.settings.stream != "buffer"),
        ("cannot_climb", not can_climb(journey, bounds_of(setting, journey))),
        ("choices", features.choices > 1),
        # Only its own provider knows the earlier turns, or may run such a tool; and no tool is run twice.
        ("elsewhere", features.elsewhere),
        ("hosted_tools", features.tools > 0 and not demand.tools),
        ("gone", not facts.exists),
        ("requirement", bool(facts.lacks(features))),
    )
    for word, holds in reasons:
        if holds:
            return word
    # Only those who have that gate, and so have this loaded, come here.
    from litellm_tiering.gates.agreement_reading import forms_of  # noqa: PLC0415 - see above

    return "" if forms_of(agreement.on, features, prompt, demand) else "free_text"


def _request(data: Mapping[str, Any], agreement: Agreement) -> dict[str, Any]:
    """The request as it is now: the first call is under way, and may change what is its own."""
    found = asked_whole(data)
    if not agreement.model:
        # The same again from a cache would agree with itself.
        found["cache"] = {"no-cache": True, "no-store": True}
    return found


def asked_whole(data: Mapping[str, Any]) -> dict[str, Any]:
    """A request of its own that asks the same, for a whole answer that is only compared with another."""
    found = {k: v if k in _NOT_COPIED else copied(v) for k, v in data.items() if k not in _WHOLE_ANSWERS}
    for name in ("metadata", "litellm_metadata"):
        if isinstance(data.get(name), dict):
            found[name] = dict(data[name])
    # A group's fallback could be the very model that it is to be compared with.
    found["disable_fallbacks"] = True
    return found


def copied(value: Any) -> Any:
    """The same JSON in containers of its own; whatever is no JSON stays what it is."""
    if type(value) is dict:
        return {k: copied(v) for k, v in value.items()}
    if type(value) is list:
        return [copied(v) for v in value]
    return value
