"""``replay --compare OTHER``: the same day under the policy in force and under another one."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.cli.common import UsageError, table
from litellm_tiering.evals.asking import Asking, Given
from litellm_tiering.evals.policy_diff import Diary, PolicyDiff, compare
from litellm_tiering.evals.replay import days_before, midnight, replay
from litellm_tiering.units import usd

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.evals.policy_diff import Moved
    from litellm_tiering.evals.questions import Question
    from litellm_tiering.evals.result import Result
    from litellm_tiering.evals.trace import Trace

WAYS_SHOWN = 12
_ROUNDING = 1e-12


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options of a comparison."""
    group = parser.add_argument_group("another policy beside it")
    group.add_argument(
        "--compare",
        metavar="FILE",
        help="replay the same under this configuration as well, and tell what differs; exit status 1 where "
        "it is past one of the limits below",
    )
    group.add_argument(
        "--max-cost-increase",
        type=_share,
        metavar="SHARE",
        help="how much more the other may spend, such as 0.05 or 5%%",
    )
    group.add_argument(
        "--max-downgraded",
        type=_share,
        metavar="SHARE",
        help="which share of requests may get a cheaper tier than now, or be refused",
    )
    group.add_argument(
        "--max-quality-loss",
        type=_share,
        metavar="SHARE",
        help="by how much the mean worth of answers may fall: as recorded with --outcomes; without, "
        "the share served at the tier they were classified for",
    )


def _share(text: str) -> float:
    percent = text.strip().endswith("%")
    value = float(text.strip().removesuffix("%")) / (100 if percent else 1)
    if not math.isfinite(value) or value < 0:
        raise ValueError(text)
    return value


def check(options: argparse.Namespace) -> None:
    """Refuse what makes no comparison.

    Raises:
        UsageError: options contradict each other.
    """
    limits = (options.max_cost_increase, options.max_downgraded, options.max_quality_loss)
    if options.compare is None:
        if any(limit is not None for limit in limits):
            raise UsageError("--max-cost-increase, --max-downgraded and --max-quality-loss need --compare")
        return
    if options.limit is not None or options.pacing is not None:
        raise UsageError("--limit and --pacing change the configuration: with --compare change FILE instead")
    if options.plot:
        raise UsageError("--plot draws one policy: leave out --compare")


def compared(  # noqa: PLR0913, PLR0917 - two policies and all that they are asked with
    old: tuple[Settings, tuple[TierFacts, ...]],
    new: tuple[Settings, tuple[TierFacts, ...]],
    trace: Trace,
    questions: tuple[tuple[Question, ...], tuple[Question, ...]],
    options: argparse.Namespace,
    progress: Callable[[int], None] | None = None,
) -> PolicyDiff:
    """What differs between two policies on a trace."""
    _must_fit(trace, old[0], new[0])
    sides = [
        asyncio.run(_side(policy, trace, asked, options, name, progress))
        for policy, asked, name in zip((old, new), questions, ("old", "new"), strict=True)
    ]
    return compare(sides[0], sides[1])


async def _side(  # noqa: PLR0913, PLR0917 - as above
    policy: tuple[Settings, tuple[TierFacts, ...]],
    trace: Trace,
    questions: tuple[Question, ...],
    options: argparse.Namespace,
    name: str,
    progress: Callable[[int], None] | None,
) -> tuple[Diary, Result]:
    settings, facts = policy
    asking = Asking(settings, facts, questions, options.seed)
    if not questions:
        asking.settings = _with_rules(asking.settings, settings)
    budget = next((b for b in settings.budgets if b.binds), settings.budgets[0])
    diary = Diary(settings.ladder)
    result = await replay(
        trace,
        asking,
        midnight(options.date, budget.timezone),
        before=days_before(trace, options.days_before, options.seed),
        label=name,
        progress=progress,
        told=diary.note,
    )
    return diary, result


def _with_rules(asked: Settings, settings: Settings) -> Settings:
    """Rules go by tokens, teams and keys too, which a trace without prompts has."""
    rules = [c for c in getattr(settings.chain, "classifiers", ()) if c.kind == "rules"]
    chain = Chain([*rules, Given(settings.ladder)], settings.ladder)
    return replace(asked, chain=chain)


def _must_fit(trace: Trace, old: Settings, new: Settings) -> None:
    """A tier that one of two ladders lacks would be drawn there by chance."""
    named = {a.tier for a in trace.arrivals if a.tier}
    lacking = sorted(t for t in named if old.ladder.find(t) is None or new.ladder.find(t) is None)
    if lacking:
        raise UsageError(
            f"the trace names the tier {lacking[0]}, which not both configurations have: leave out its "
            "column `tier`, or give the tiers the same names"
        )


def exceeded(found: PolicyDiff, options: argparse.Namespace) -> list[str]:
    """The limits that the other policy is past, a sentence each."""
    mean, _, _ = found.quality_change()
    limits = (
        ("spends {:.1%} more; the limit is {:.1%}", found.cost_increase, options.max_cost_increase),
        (
            "gives {:.1%} of requests a cheaper tier or none; the limit is {:.1%}",
            found.lowered_share,
            options.max_downgraded,
        ),
        (
            "lowers the mean worth of answers by {:.3f}; the limit is {:.3f}",
            -mean,
            options.max_quality_loss,
        ),
    )
    return [
        "it " + words.format(value, limit)
        for words, value, limit in limits
        if limit is not None and value > limit + _ROUNDING
    ]


def text_of(found: PolicyDiff, past: Sequence[str]) -> str:
    """The comparison for people."""
    old, new = found.old, found.new
    mean, low, high = found.quality_change()
    kind = "worth of answers, as recorded" if old.measured else "served at the tier they were classified for"
    share = found.moved / found.requests if found.requests else 0.0
    increase = f"{found.cost_increase:+.1%}" if math.isfinite(found.cost_increase) else "from nothing"
    head = f"{found.requests:,} requests: {found.moved:,} ({share:.1%}) go elsewhere"
    head += f" under policy {new.policy} than under {old.policy}"
    parts = [
        head,
        table(
            [
                ("", "OLD", "NEW", "CHANGE"),
                ("spent", _usd(old.spent), _usd(new.spent), increase),
                ("moved down for money", *_shares(old.downgraded_share, new.downgraded_share)),
                ("refused", *_shares(old.refused_share, new.refused_share)),
                (kind, f"{old.quality:.3f}", f"{new.quality:.3f}", f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"),
            ]
        ),
    ]
    if found.causes:
        by_size = sorted(found.causes.items(), key=lambda item: -item[1].requests)
        parts.append(table([_CAUSE, *(_cause_row(cause, moved) for cause, moved in by_size)]))
    if found.ways:
        rows = [(a, b, f"{n:,}") for (a, b), n in found.ways.most_common(WAYS_SHOWN)]
        parts.append(table([("FROM", "TO", "REQUESTS"), *rows]))
    parts += [f"past a limit: {words}" for words in past]
    return "\n\n".join(parts)


_CAUSE = ("CAUSE", "REQUESTS", "DEARER", "CHEAPER", "REFUSED", "NO LONGER", "COST")


def _cause_row(cause: str, m: Moved) -> tuple[str, ...]:
    counts = (m.requests, m.up, m.down, m.refused, m.served)
    return (cause, *(f"{n:,}" for n in counts), _usd(m.cost))


def _shares(old: float, new: float) -> tuple[str, str, str]:
    return f"{old:.1%}", f"{new:.1%}", f"{(new - old) * 100:+.1f} points"


def _usd(amount: int) -> str:
    dollars = usd(amount)
    sign, size = "-" if dollars < 0 else "", abs(dollars)
    return f"{sign}${size:,.2f}" if size >= 1 or not amount else f"{sign}${size:.4f}"
