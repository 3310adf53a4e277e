"""Proposes a ladder from a proxy's model groups, by price and by what is known of each model. Pure.

Nothing here knows how good a model's answers are: a proposal is where to begin, and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.config.propose_names import Told, told_by

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

NAMES: Mapping[int, tuple[str, ...]] = {
    2: ("simple", "complex"),
    3: ("simple", "moderate", "complex"),
}
"""What the tiers are called, by how many there are."""

PROMPT_SHARE = 0.75
"""The share of prompt tokens in the mix that prices are compared by: some three to one, as traffic has it."""

STEP = 3.0
"""By how much the price must rise from tier to tier for a third tier to be proposed."""

_ROOMY = 8.0
_SAVES = 2.0
_SOON_DAYS = 60
_STRANGE = 0.4  # a model of another family counts as half as far again from the price that is looked for
_LEAST_CONTEXT = 16_000
_OWN_STEP = 3.0
_CHAT_MODES = ("", "chat")
_NO_CHAT = ("embed", "rerank", "whisper", "tts", "audio", "ocr", "moderation", "dall-e", "image", "realtime")
"""Parts of names of models that do not chat, or not in text, whatever the map makes of them."""
_TWO, _THREE = 2, 3


@dataclass(frozen=True, slots=True)
class Group:
    """A model group of the proxy.

    Attributes:
        name: What clients ask for.
        upstreams: What its deployments call their models.
        prompt: US dollars per prompt token; None where no price is known.
        completion: US dollars per completion token.
        mode: What it does, by LiteLLM's map: ``chat``, ``embedding`` and so on; empty where it is not known.
        tools: Whether it calls tools; None where nobody has said. So the next two.
        response_format: Whether it holds to a JSON schema.
        vision: Whether it reads images.
        max_input_tokens: How much it reads.
        own: Whether it runs on hardware of the owner's, as far as its provider tells.
        retires: When its provider retires it.
        pattern: Whether its name is a pattern such as ``openai/*``.
        routes: Whether it is one of LiteLLM's own routers.
    """

    name: str
    upstreams: tuple[str, ...] = ()
    prompt: float | None = None
    completion: float | None = None
    mode: str = ""
    tools: bool | None = None
    response_format: bool | None = None
    vision: bool | None = None
    max_input_tokens: int | None = None
    own: bool = False
    retires: dt.date | None = None
    pattern: bool = False
    routes: bool = False

    @property
    def price(self) -> float | None:
        """US dollars per token of a usual mix of prompt and answer; None where no price is known."""
        if self.prompt is None or self.completion is None:
            return None
        return PROMPT_SHARE * self.prompt + (1 - PROMPT_SHARE) * self.completion

    @property
    def told(self) -> Told:
        """What its model's name tells."""
        return told_by(self.upstreams[0] if self.upstreams else self.name)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A ladder, and what was thought of the rest.

    Attributes:
        tiers: The groups, cheapest first; empty where there is no ladder to be made.
        left_out: By the name of a group, why it was not considered.
        others: Groups that would have done as well, cheapest first.
        notes: What the owner should know.
    """

    tiers: tuple[Group, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()


def propose(groups: Sequence[Group], today: dt.date, tiers: int | None = None) -> Proposal:
    """A ladder of two or three of ``groups``.

    Args:
        groups: The proxy's model groups, in the order of the file.
        today: Models that are retired by then are not proposed, as far as there are others.
        tiers: How many tiers there shall be; as the prices have it when None.
    """
    left_out: dict[str, str] = {}
    found = list(groups)
    for needed, why in _sieves(groups, today):
        reasons = {g.name: reason for g in found if (reason := why(g, found))}
        kept = [g for g in found if g.name not in reasons]
        if needed or len(kept) >= _TWO:
            found = kept
            left_out |= reasons
    if len(found) < _TWO:
        return Proposal((), left_out, tuple(found))
    ordered = sorted(found, key=_place)
    picked = _picked(ordered, tiers)
    others = tuple(g for g in ordered if g not in picked)
    return Proposal(picked, left_out, others, tuple(notes_on(picked, today)))


def _sieves(
    groups: Sequence[Group], today: dt.date
) -> Iterable[tuple[bool, Callable[[Group, Sequence[Group]], str]]]:
    """Why a group is left out, strictest last; whether that holds even where fewer than two are left."""
    firsts: dict[tuple[object, ...], str] = {}
    for g in groups:
        firsts.setdefault(_identity(g), g.name)
    return (
        (True, lambda g, _: _no_chat(g)),
        (True, lambda g, _: _twin(g, firsts[_identity(g)])),
        (False, lambda g, _: _retired(g, today)),
        (False, lambda g, _: "" if g.own or g.price is not None else "no price is known for it"),
        (
            False,
            lambda g, _: "" if g.own or g.price != 0 else "costs nothing, which its provider may mean or not",
        ),
        (False, _superseded),
        (False, lambda g, _: "" if g.own else _unable(g)),
    )


def _identity(g: Group) -> tuple[object, ...]:
    """The same for two names of one model; groups of nothing known differ."""
    return (g.upstreams, g.prompt, g.completion) if g.upstreams else (g.name,)


def _no_chat(g: Group) -> str:
    if g.pattern:
        return "a pattern, which stands for any number of models"
    if g.routes:
        return "a router of LiteLLM's own"
    if g.mode not in _CHAT_MODES:
        return f"no chat model: {g.mode.replace('_', ' ')}"
    names = [n.lower() for n in (g.upstreams or (g.name,))]
    part = next((p for p in _NO_CHAT if any(p in n for n in names)), "")
    return f"no chat model, by its name: {part}" if part else ""


def _twin(g: Group, first: str) -> str:
    return f"the same model as {first}" if g.name != first else ""


def _retired(g: Group, today: dt.date) -> str:
    """Whether its provider has retired it, or will within weeks."""
    if g.retires is None or (g.retires - today).days > _SOON_DAYS:
        return ""
    return f"its provider {'retired' if g.retires <= today else 'retires'} it on {g.retires}"


def _superseded(g: Group, all_: Sequence[Group]) -> str:
    """By which newer model of its family and size, or a larger one, that costs no more."""
    mine, price = g.told, g.price
    if price is None or mine.generation is None:
        return ""
    for other in all_:
        its, costs = other.told, other.price
        if costs is None or its.generation is None or its.family != mine.family:
            continue
        if its.generation > mine.generation and its.size >= mine.size and costs <= price:
            return f"{other.name} is newer and costs no more"
    return ""


def _unable(g: Group) -> str:
    if g.tools is False:
        return "cannot call tools"
    if g.max_input_tokens is not None and g.max_input_tokens < _LEAST_CONTEXT:
        return f"reads {g.max_input_tokens:,} tokens only"
    return ""


def _place(g: Group) -> tuple[float, float]:
    """Where a group stands by price; what costs nothing known per token comes first, by its size."""
    billions = g.told.billions
    return (-1.0 if g.price is None else g.price, math.inf if billions is None else billions)


def _free(g: Group) -> bool:
    return g.price is None or (g.own and not g.price)


def _picked(ordered: Sequence[Group], tiers: int | None) -> tuple[Group, ...]:
    free = [g for g in ordered if _free(g)]
    paid = [g for g in ordered if not _free(g)]
    if not paid:
        return _by_size(free, tiers)
    if free:
        # All of one's own cost nothing more per token: the largest is the best of them.
        known = [g for g in free if g.told.billions is not None]
        rungs = [(known or free)[-1], paid[-1]]
        between = _between(paid[:-1], (paid[-1].price or 0.0) / STEP**2, paid[-1], tiers)
    else:
        rungs = [_cheap(paid), paid[-1]]
        middle = math.sqrt((rungs[0].price or 0.0) * (rungs[1].price or 0.0))
        between = _between([g for g in paid if _apart(rungs[0], g, tiers)], middle, rungs[1], tiers)
    if tiers == _TWO or between is None or (tiers is None and free):
        return (rungs[0], rungs[1])
    return (rungs[0], between, rungs[1])


def _cheap(paid: Sequence[Group]) -> Group:
    """The cheapest that is not the very smallest of its family, where that is still far below the dearest."""
    bound = (paid[-1].price or 0.0) / _ROOMY
    roomy = [g for g in paid if (g.price or 0.0) <= bound and g.told.size > 0]
    return (roomy or paid)[0]


def _apart(low: Group, high: Group, tiers: int | None) -> bool:
    """Whether there is a step in price from one to the other that a tier is worth."""
    step = STEP if tiers is None else 1.0
    return low is not high and (high.price or 0.0) >= step * (low.price or 0.0)


def _between(paid: Sequence[Group], price: float, top: Group, tiers: int | None = None) -> Group | None:
    """The group whose price is nearest to ``price``, by ratio."""
    able = [g for g in paid if _apart(g, top, tiers)]

    def off(g: Group) -> float:
        strange = _STRANGE if g.told.family != top.told.family else 0.0
        return abs(math.log((g.price or 1e-12) / max(price, 1e-12))) + strange

    return min(able, key=off, default=None)


def _by_size(free: Sequence[Group], tiers: int | None) -> tuple[Group, ...]:
    """Of models without prices: the smallest and the largest by the parameters in their names."""
    known = [g for g in free if g.told.billions is not None]
    # Nothing else to go by: as the file has them.
    ranked = known if len(known) >= _TWO else list(free)
    low, high = ranked[0], ranked[-1]
    if tiers == _TWO or len(ranked) < _THREE:
        return (low, high)
    sizes = {g.name: g.told.billions or 1.0 for g in ranked}
    middle = math.sqrt(sizes[low.name] * sizes[high.name])
    between = min(ranked[1:-1], key=lambda g: abs(math.log(sizes[g.name] / middle)))
    step = 1.0 if tiers else _OWN_STEP
    apart = sizes[low.name] * step <= sizes[between.name] <= sizes[high.name] / step
    return (low, between, high) if apart else (low, high)


def notes_on(tiers: Sequence[Group], today: dt.date) -> Iterable[str]:
    """What the owner of such a ladder should know."""
    low, high = tiers[0], tiers[-1]
    unpriced = [g.name for g in tiers if g.price is None]
    if unpriced:
        counted = "" if len(unpriced) < len(tiers) else ", so budgets in US dollars count nothing"
        yield (
            f"no price is known for {', '.join(unpriced)}{counted}: set input_cost_per_token and "
            "output_cost_per_token in model_info, what your hardware costs you per token will do"
        )
        if len(unpriced) == len(tiers):
            yield _ordered_by(tiers)
    if low.price and high.price and high.price < _SAVES * low.price:
        yield (
            f"{high.name} costs only {high.price / low.price:.1f} times what {low.name} does: "
            "routing can save little"
        )
    for g in tiers[:-1]:
        lacking = _lacking(g, high)
        if lacking:
            yield f"{g.name} {lacking}, by LiteLLM's model map: such requests go to the next tier that can"
    if high.tools is False:
        yield f"{high.name}, the dearest tier, cannot call tools, by LiteLLM's model map"
    for g in tiers:
        if g.retires is not None:
            verb = "retired" if g.retires <= today else "will retire"
            yield f"the provider of {g.name} {verb} it on {g.retires}, by LiteLLM's model map"


def _ordered_by(tiers: Sequence[Group]) -> str:
    if all(g.told.billions is not None for g in tiers):
        return "without prices the order is by the parameters in the models' names"
    return "without prices or sizes the order is the file's: see that the strongest model is the last"


def _lacking(g: Group, high: Group) -> str:
    cannot = [
        name
        for name, able, other in (
            ("tools", g.tools, high.tools),
            ("JSON schemas", g.response_format, high.response_format),
            ("images", g.vision, high.vision),
        )
        if able is False and other is not False
    ]
    return f"cannot do {' or '.join(cannot)}" if cannot else ""
