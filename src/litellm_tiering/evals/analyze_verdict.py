"""Whether routing is worth the trouble, said plainly: the figures that decide, and what they say."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.units import usd

if TYPE_CHECKING:
    from litellm_tiering.evals.analyze import Analysis

LITTLE = 0.05
"""A saving below this share is not worth another part in the machine."""

WORTH = 0.10
"""A saving that surely is above this share is."""

LITTLE_USD = 5.0
"""Nor is a saving of fewer US dollars a month."""

MOSTLY = 0.8
"""The share of calls from which on most of the traffic is of one kind."""

FEW = 30
"""With fewer classified calls than this nothing is said of the others."""

FRAGILE = 0.15
"""Where no more than this share of cheap answers may be asked for again, all hangs on the cheap model."""

_MONTH_S = 30 * 86_400.0
_DAY_S = 86_400.0


class Word(str, enum.Enum):
    """The verdict."""

    WORTH_IT = "worth_it"
    MAYBE = "maybe"
    DONT_BOTHER = "dont_bother"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is worth it, and why."""

    word: Word
    reasons: tuple[str, ...]


def monthly(analysis: Analysis, nano_usd: float) -> float | None:
    """An amount of the time that the calls span, in US dollars per 30 days; None where it is under a day."""
    t = analysis.totals
    span_s = t.last_s - t.first_s
    if not math.isfinite(span_s) or span_s < _DAY_S:
        return None
    return usd(int(nano_usd)) * _MONTH_S / span_s * t.stands_for / t.routable


def verdict(analysis: Analysis) -> Verdict:
    """Whether routing this traffic under these tiers is worth the trouble."""
    t = analysis.totals
    if not t.routable:
        return Verdict(Word.UNKNOWN, ("there is no call that could be routed",))
    mostly = _mostly(analysis)
    if not analysis.market.priced or not t.paid:
        why = "no saving can be told: " + (
            "the tiers have no prices (name a configuration with a model_list that has them)"
            if not analysis.market.priced
            else "no call has both tokens and a cost"
        )
        return Verdict(Word.DONT_BOTHER if mostly else Word.UNKNOWN, (*mostly, why))
    at_most = (t.paid - t.least) / t.paid
    if at_most < WORTH:
        return Verdict(
            Word.DONT_BOTHER,
            (_nothing_to_gain(analysis, at_most),),
        )
    most = monthly(analysis, t.paid - t.least)
    if most is not None and most < LITTLE_USD:
        return Verdict(Word.DONT_BOTHER, (f"there is at most ${most:.2f} a month to be saved",))
    if t.with_text < FEW or not t.text_paid:
        return Verdict(Word.UNKNOWN, (_no_text(t.with_text, at_most),))
    return _by_text(analysis, mostly)


def _nothing_to_gain(analysis: Analysis, at_most: float) -> str:
    return (
        f"even if the cheapest tier answered every call that it can hold, only {_percent(at_most)} of what "
        f"was paid would be saved: {_why_little(analysis)}"
    )


def _no_text(with_text: int, at_most: float) -> str:
    kept = f"only {with_text} calls' text was kept" if with_text else "no call's text was kept"
    return (
        f"{kept}, and tokens and prices alone only say that at most {_percent(at_most)} of what was paid "
        "would be saved, and perhaps nothing. With general_settings.store_prompts_in_spend_logs LiteLLM "
        "keeps requests, so that they can be classified"
    )


def _by_text(analysis: Analysis, mostly: tuple[str, ...]) -> Verdict:
    t = analysis.totals
    share = (t.text_paid - t.routed) / t.text_paid
    low, high = analysis.saved_interval() or (share, share)
    if share <= 0:
        more = (
            f"routing would cost {_percent(-share)} more than was paid"
            if share < 0
            else "routing saves nothing"
        )
        why = f"{more}: the traffic is on models as cheap as what it needs, or cheaper"
        return Verdict(Word.DONT_BOTHER, (*mostly, why))
    saved = f"about {_percent(share)} of what was paid would be saved"
    if high < LITTLE or (share < LITTLE and high < WORTH):
        return Verdict(Word.DONT_BOTHER, (*mostly, f"only {saved}"))
    per_month = monthly(analysis, t.text_paid - t.routed)
    if per_month is not None and per_month < LITTLE_USD:
        return Verdict(Word.DONT_BOTHER, (*mostly, f"{saved}, which is ${per_month:.2f} a month"))
    reasons = [*mostly, saved]
    bound = None if analysis.ladders is None else analysis.ladders.options()[0].break_even
    fragile = bound is not None and bound < FRAGILE
    if fragile and bound is not None:
        reasons.append(
            f"it is gone when {_percent(bound)} of the cheaper tiers' answers are asked for again higher up"
        )
    sure = low >= WORTH and t.text_paid >= MOSTLY * t.paid
    if low < WORTH:
        reasons.append(f"that may be as little as {_percent(max(0.0, low))}")
    if t.text_paid < MOSTLY * t.paid:
        reasons.append(f"only {_percent(t.text_paid / t.paid)} of the spend has text to go by")
    return Verdict(Word.WORTH_IT if sure and not fragile else Word.MAYBE, tuple(reasons))


def _mostly(analysis: Analysis) -> tuple[str, ...]:
    """Whether most of what was classified needs the dearest tier."""
    t = analysis.totals
    top = analysis.classes[-1].calls
    if t.with_text < FEW or top < MOSTLY * t.with_text:
        return ()
    return (f"{_percent(top / t.with_text)} of the calls need the dearest tier",)


def _why_little(analysis: Analysis) -> str:
    t = analysis.totals
    if t.dearest and t.paid < 0.5 * t.dearest:
        return "most of it is on cheap models already"
    return "the tiers' prices are close, for calls like these"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if abs(share) < 0.1 else f"{100 * share:.0f} %"  # noqa: PLR2004 - digits
