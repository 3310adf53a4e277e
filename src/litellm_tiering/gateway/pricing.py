"""A deployment's prices, in LiteLLM's words, as a :class:`~litellm_tiering.core.price.Price`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import litellm

from litellm_tiering.core.price import Price
from litellm_tiering.units import NANO_PER_USD

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = {
    "prompt": "input_cost_per_token",
    "completion": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_long": "cache_creation_input_token_cost_above_1hr",
    "audio": "input_cost_per_audio_token",
    "image": "input_cost_per_image_token",
    "reasoning": "output_cost_per_reasoning_token",
    "audio_out": "output_cost_per_audio_token",
}
"""What is priced per token."""

_FLAT = {
    "per_image": ("input_cost_per_image",),
    "per_request": ("input_cost_per_request", "input_cost_per_query"),
}
_RATES = (*_WORDS, "per_image", "per_search")
_THRESHOLD = re.compile(
    r"(?:input_cost_per_token|output_cost_per_token|cache_creation_input_token_cost|cache_read_input_token_cost)"
    r"_above_([0-9]{1,9})(k?)_tokens"
)
_DEAR_TIERS = ("priority", "fast", "ultrafast")
_MARKED_ONLY = ("anthropic", "claude")
"""Whose caches are written only where the request is marked for it."""


def price_of(words: Mapping[str, Any]) -> Price:
    """The price that LiteLLM's words for a deployment come to, the owner's before those of its map."""
    base = _base(words)
    if not base.known:
        return base
    tiers = [t for t in _DEAR_TIERS if number(words.get(f"input_cost_per_token_{t}")) is not None]
    dear = [_base({**words, **_suffixed(words, t)}) for t in tiers]
    best = max(dear, key=lambda p: p.prompt + p.completion, default=None)
    return _uplifted(replace(base, priority=best), words)


def _suffixed(words: Mapping[str, Any], tier: str) -> dict[str, Any]:
    """The prices of a service tier under the names of the standard one's."""
    suffix = f"_{tier}"
    found = {k.removesuffix(suffix): v for k, v in words.items() if k.endswith(suffix) and v is not None}
    if _WORDS["completion"] in found:
        # As LiteLLM does: reasoning costs there what is said costs, not what it costs at the standard tier.
        found.setdefault(_WORDS["reasoning"], None)
    return found


def _base(words: Mapping[str, Any]) -> Price:
    found = _flat(words)
    levels = {level for k, v in words.items() if v is not None and (level := _threshold(k)) is not None}
    # As LiteLLM does: what has no price of its own above a threshold keeps the one from below it.
    for above, infix in sorted(levels):
        words = {
            **words,
            **{k.replace(infix, ""): v for k, v in words.items() if infix in k and v is not None},
        }
        found = replace(found, long=(*found.long, (above, _flat(words))))
    table = words.get("tiered_pricing")
    return _tabled(found, table) if isinstance(table, list) else found


def _threshold(key: str) -> tuple[int, str] | None:
    """The prompt tokens above which a price applies, and the part of its name that says so."""
    found = _THRESHOLD.fullmatch(key)
    if found is None:
        return None
    return int(found[1]) * (1_000 if found[2] else 1), f"_above_{found[1]}{found[2]}_tokens"


def _tabled(price: Price, table: list[Any]) -> Price:
    """Prices given as a table of ranges of prompt lengths: LiteLLM goes by it before all else."""
    rows = [t for t in table if isinstance(t, dict) and isinstance(t.get("range"), list) and t["range"]]
    steps = [(int(start), _flat(t)) for t in rows if (start := number(t["range"][0])) is not None]
    if not steps:
        return price
    steps.sort(key=lambda step: step[0])
    return replace(
        steps[0][1],
        long=tuple(steps[1:]),
        per_request=price.per_request,
        per_image=price.per_image,
        per_search=price.per_search,
        writes_unasked=price.writes_unasked,
    )


def _flat(words: Mapping[str, Any]) -> Price:
    found: dict[str, Any] = {ours: _nano(words.get(theirs)) for ours, theirs in _WORDS.items()}
    prompt, completion = found.pop("prompt"), found.pop("completion")
    for ours, names in _FLAT.items():
        found[ours] = sum(_nano(words.get(n)) or 0.0 for n in names)
    context = words.get("search_context_cost_per_query")
    searches = [_nano(v) or 0.0 for v in context.values()] if isinstance(context, dict) else []
    provider = f"{words.get('litellm_provider')} {words.get('model')} {words.get('base_model')}"
    return Price(
        prompt or 0.0,
        completion or 0.0,
        known=prompt is not None or completion is not None,
        **found,
        per_search=max(searches, default=0.0),
        writes_unasked=found["cache_write"] is not None
        and (
            bool(words.get("cache_control_injection_points")) or not any(n in provider for n in _MARKED_ONLY)
        ),
    )


def _uplifted(price: Price, words: Mapping[str, Any]) -> Price:
    """The price with what is added to a whole bill, or may be: regions, the fast mode, LiteLLM's margin.

    A surcharge that nothing in the deployment asks for raises what is held, and no price: it would
    make up savings.
    """
    entry = words.get("provider_specific_entry")
    said = entry if isinstance(entry, dict) else {}
    regions = {k: v for k, v in said.items() if k != "fast" and "_" not in k}
    regions |= {k: v for k, v in words.items() if "uplift_multiplier" in k}
    factors = {k: max(1.0, number(v) or 1.0) for k, v in regions.items()}
    most = max(factors.values(), default=1.0)
    sure = max((factor for k, factor in factors.items() if _asked_for(k, words)), default=1.0)
    share, fixed = _margin()
    factor = sure * (1 + share)
    fast = max(1.0, number(said.get("fast")) or 1.0)
    tier = price.priority
    if tier is not None:
        tier = replace(tier, uplift=most / sure)
    price = replace(price, fast=fast, uplift=most / sure, priority=tier)
    return scaled(price, factor, fixed * NANO_PER_USD) if factor != 1.0 or fixed else price


def _asked_for(region: str, words: Mapping[str, Any]) -> bool:
    """Whether the deployment names the region of a surcharge, as LiteLLM's cost calculator reads it."""
    if region == "regional_endpoint_uplift_multiplier":
        return str(words.get("vertex_location") or "global").lower() != "global"
    if region.startswith("regional_processing_uplift_multiplier_"):
        where = region.rpartition("_")[2]
        return f"//{where}.api.openai.com" in str(words.get("api_base")).lower()
    return words.get("inference_geo") == region


def _margin() -> tuple[float, float]:
    """The largest margin that LiteLLM is set to add to what calls cost: a share, and dollars a call."""
    share = fixed = 0.0
    config = getattr(litellm, "cost_margin_config", None)
    for said in config.values() if isinstance(config, dict) else ():
        parts = said if isinstance(said, dict) else {"percentage": said}
        share = max(share, number(parts.get("percentage")) or 0.0)
        fixed = max(fixed, number(parts.get("fixed_amount")) or 0.0)
    return share, fixed


def scaled(price: Price, factor: float, fixed: float = 0.0) -> Price:
    """``price`` with everything times ``factor``, and ``fixed`` nano-dollars more for each request."""
    rates: dict[str, Any] = {n: rate * factor for n in _RATES if (rate := getattr(price, n)) is not None}
    return replace(
        price,
        **rates,
        per_request=price.per_request * factor + fixed,
        long=tuple((above, scaled(p, factor)) for above, p in price.long),
        priority=None if price.priority is None else scaled(price.priority, factor, fixed),
    )


def _nano(value: Any) -> float | None:
    found = number(value)
    return None if found is None else found * NANO_PER_USD


def number(value: Any) -> float | None:
    """A finite number, not negative; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if 0 <= found < float("inf") else None


def size(value: Any) -> int | None:
    """A positive whole number; None for anything else."""
    found = number(value)
    return int(found) if found else None
