"""Everything wrong or risky in a configuration: what start-up refuses, and what it would let pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_tiering.config.arms import ARMS, policies
from litellm_tiering.config.build_gates import judges_prefix, name_of
from litellm_tiering.config.check_agreement import agreement_risks
from litellm_tiering.config.check_capture import capture_risks
from litellm_tiering.config.check_shadow import shadow_risks
from litellm_tiering.config.load import examine_file
from litellm_tiering.config.proxy import HANDLER
from litellm_tiering.config.schema_gates import CascadeSection
from litellm_tiering.config.words import Words
from litellm_tiering.config.words import path as place
from litellm_tiering.core.budget import AtCeiling
from litellm_tiering.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from litellm_tiering.config.proxy import ProxyView
    from litellm_tiering.config.schema import TieringSection

    Prices = Callable[[str], "tuple[float, float] | None"]

_WORKERS = ("NUM_WORKERS", "WEB_CONCURRENCY")
"""The variables by which the proxy is told to start several processes."""


@dataclass(frozen=True, slots=True)
class Report:
    """What ``check`` found; both empty is a clean bill.

    Attributes:
        problems: What stops the proxy from starting.
        warnings: What it would start with, and should not.
    """

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def check(
    path: Path | str | None,
    env: Mapping[str, str],
    *,
    prices: Prices | None = None,
    workers: int | None = None,
) -> Report:
    """Everything wrong or risky in the configuration that :func:`~litellm_tiering.config.load.load` reads.

    Args:
        path: The file; None to take the one that ``LITELLM_TIERING_CONFIG`` names.
        env: The environment.
        prices: The prices of a model group in US dollars per token, prompt and completion; None for a group
            without known prices. Prices are not judged when it is left out.
        workers: How many processes the proxy runs; by ``NUM_WORKERS`` or ``WEB_CONCURRENCY`` when None.
    """
    try:
        found, file = examine_file(path, env)
    except ConfigError as error:
        return Report(error.problems)
    warnings = list(found.warnings)
    if found.section is not None:
        count = _workers(env) if workers is None else workers
        risks = (
            *_store_risks(found.section, found.proxy, count),
            *_budget_risks(found.section),
            *_tier_risks(found.section, prices),
            *_answer_risks(found.section, found.proxy, prices),
            *capture_risks(found.section),
            *_arm_risks(found.section, found.proxy, prices),
            *_callback_risks(found.proxy),
        )
        warnings += [Problem(r.path, r.message, r.fix, file) for r in risks]
    return Report(found.problems, tuple(warnings))


def _answer_risks(section: TieringSection, proxy: ProxyView, prices: Prices | None) -> Iterator[Problem]:
    yield from _cascade_risks(section)
    yield from agreement_risks(section, proxy, prices)
    yield from shadow_risks(section)


def _arm_risks(section: TieringSection, proxy: ProxyView, prices: Prices | None) -> Iterator[Problem]:
    """What is risky in the policy of an arm, and not in the one for all."""
    told = set(_answer_risks(section, proxy, prices))
    for index, (_, policy) in enumerate(policies(section)):
        for risk in _answer_risks(policy, proxy, prices):
            if risk not in told:
                below = risk.path.removeprefix("tiering.")
                yield replace(risk, path=f"{place((*ARMS, index))}.{below}")


def _workers(env: Mapping[str, str]) -> int:
    return max((int(env[v]) for v in _WORKERS if env.get(v, "").isdecimal()), default=1)


def _store_risks(section: TieringSection, proxy: ProxyView, workers: int) -> Iterator[Problem]:
    path = "tiering.store.url"
    url = section.store.url
    if url.startswith("memory:") and workers > 1:
        yield Problem(
            path,
            f"each of {workers} workers counts for itself in memory: a limit is worth {workers} limits",
            "use `sqlite:///tiering.db`, or Redis.",
        )
    if url.startswith("memory:") and any(b.limit_usd for b in section.budgets):
        yield Problem(
            path,
            "memory forgets what was spent when the proxy restarts",
            "use `sqlite:///tiering.db`, or Redis.",
        )
    redis = proxy.redis()
    if url.startswith("sqlite:") and redis:
        yield Problem(
            path,
            f"spend is counted in a file, though the proxy has a Redis ({redis}): several machines would "
            "each count for themselves",
            "give the Redis's URL here, or run the proxy on one machine only.",
        )


def _budget_risks(section: TieringSection) -> Iterator[Problem]:
    if not any(b.limit_usd and b.mode == "enforce" for b in section.budgets):
        yield Problem(
            "tiering.budgets",
            "nothing is limited: spend is counted only",
            "add a budget, such as `- {scope: global, limit_usd: 50, window: day}`.",
        )
    for i, budget in enumerate(section.budgets):
        if budget.mode == "shadow":
            continue
        if budget.limit_usd and budget.at_ceiling is AtCeiling.BLOCK and section.store.on_error == "open":
            yield Problem(
                f"tiering.budgets[{i}].at_ceiling",
                "promises to stop at the limit, but with `store.on_error: open` nothing stops while the "
                "store is away",
                "write `on_error: closed` if the limit must hold even then, or `cheap` to spend least.",
            )


def _tier_risks(section: TieringSection, prices: Prices | None) -> Iterator[Problem]:
    words = Words()
    seen: dict[str, str] = {}
    dearest: tuple[float, str] | None = None
    for i, tier in enumerate(section.tiers):
        path = f"tiering.tiers[{i}].model"
        if tier.model in seen:
            yield Problem(
                path,
                f"{words.show(tier.model)} serves tier {words.show(seen[tier.model])} too: moving between "
                "the two changes nothing",
                "give the tier a model of its own, or remove it.",
            )
            continue
        seen[tier.model] = tier.name
        if prices is None:
            continue
        price = prices(tier.model)
        if price is None:
            yield Problem(
                path,
                f"no price is known for {words.show(tier.model)}: it is counted at the dearest tier's",
                "set `input_cost_per_token` and `output_cost_per_token` in its `model_info`.",
            )
        elif dearest is not None and sum(price) < dearest[0]:
            yield Problem(
                path,
                f"costs less per token than tier {words.show(dearest[1])} before it",
                "list tiers cheapest first.",
            )
        else:
            dearest = (sum(price), tier.name)


def _cascade_risks(section: TieringSection) -> Iterator[Problem]:
    cascade = section.cascade
    if not isinstance(cascade, CascadeSection) or cascade.stream != "prefix":
        return
    late = [name_of(gate) for gate in cascade.gates or () if not judges_prefix(gate)]
    if late:
        yield Problem(
            "tiering.cascade.gates",
            f"under `stream: prefix` these do not check streams, as they judge whole answers only: "
            f"{', '.join(late)}",
            "write `stream: buffer` if they must, which holds every stream back to its end.",
        )


def _callback_risks(proxy: ProxyView) -> Iterator[Problem]:
    if proxy.known and HANDLER not in proxy.callbacks():
        yield Problem(
            "litellm_settings.callbacks",
            f"does not name {HANDLER!r}: the proxy would start without routing and budgets",
            f'write `callbacks: ["{HANDLER}"]`.',
        )
