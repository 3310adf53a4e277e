"""``status``: the live budgets, from the store of the configuration."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from litellm_tiering.cli.common import Exit, add_common, note, print_json, table, visible
from litellm_tiering.cli.settings import required, settings_of, store_of
from litellm_tiering.config.assemble import SystemClock
from litellm_tiering.errors import StoreError
from litellm_tiering.ledger.open import open_board
from litellm_tiering.pacer import Pacer
from litellm_tiering.standing import Standing, standing
from litellm_tiering.status import classifier_spend, live_budgets
from litellm_tiering.tallies import Days

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Mapping, Sequence
    from typing import TypeVar

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.ports import Ledger, Tally
    from litellm_tiering.status import LiveBudget

    T = TypeVar("T")

DEADLINE_S = 10.0
"""How long the store may take to answer."""


_DAY_S = 86_400


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "status",
        help="live budgets and alarms",
        description="The live budgets, read from the store of the configuration. Exits with 1 when the store "
        "cannot be seen. A relative SQLite path is relative to the current directory, as in the proxy.",
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Ask the store and print every budget.

    Raises:
        UsageError: there is no configuration.
        ConfigError: it is wrong.
    """
    settings = settings_of(required(options.config))
    store = store_of(settings)
    clock = SystemClock()
    pacer = Pacer(settings.budgets, settings.timezone, settings.ladder.top, clock, store.ledger, _Asking())
    now = clock.now()
    day = Days(settings.timezone).day(now)
    live, found, trouble, totals = (
        asyncio.run(_look(store.ledger, pacer, now, day)) if store.seen else (None, Standing(), "", None)
    )
    tax = classifier_spend(day, totals)
    budgets = live_budgets(settings.budgets, live or {}, now, pacer)
    if options.json:
        top = settings.ladder.top
        print_json(
            {
                "mode": settings.mode,
                # What could not be counted yet waits in the proxy, which has its own figure for it.
                "store": {"kind": store.kind, "ok": live is not None, "spooled": 0},
                "budgets": [b.as_json(top) for b in budgets],
                "classifiers": tax,
                "alarms": [trouble] if trouble else [],
                "exemptions": [e.as_json() for e in found.exemptions],
                "switches": [s.as_json() for s in found.switches],
                "policy": settings.policy_hash,
            }
        )
    elif live is not None:
        print(f"mode {settings.mode}, store {store.kind}")
        print(table(_rows(budgets, settings.ladder.top, now)))
        if tax["calls"]:
            print(f"classifiers asked models {tax['calls']:,} times today: {_usd(tax['spent_usd'])}")
        for line in _directives(found):
            print(visible(line))
    for remark in (store.remark, trouble):
        if remark:
            note(visible(remark))
    return Exit.FINDINGS if live is None else Exit.DONE


class _Asking:
    """Asks the store for what the forecast would like to know, and can do without."""

    async def ask(self, call: Awaitable[T], op: str) -> T | None:  # noqa: ARG002 - nobody counts them here
        """The store's answer, or None when it is away or too slow."""
        try:
            return await asyncio.wait_for(call, DEADLINE_S)
        except (StoreError, asyncio.TimeoutError):
            return None


async def _look(
    ledger: Ledger, pacer: Pacer, now_s: float, day: str
) -> tuple[Mapping[str, Balance] | None, Standing, str, Sequence[Tally] | None]:
    """Every live counter, what stands on the board and the day's totals, or why the store did not tell."""
    try:
        live = await asyncio.wait_for(ledger.active(now_s), DEADLINE_S)
        found = standing(await asyncio.wait_for(open_board(ledger).notices(now_s), DEADLINE_S))
        totals = await asyncio.wait_for(ledger.totals([day]), DEADLINE_S)
        await pacer.refresh()
    except StoreError as error:
        return None, Standing(), f"the budget store is away: {error}", None
    except asyncio.TimeoutError:
        return None, Standing(), f"the budget store is away: no answer within {DEADLINE_S:g} s", None
    else:
        return live, found, "", totals
    finally:
        await ledger.close()


def _directives(found: Standing) -> list[str]:
    """The exemptions and switches in force, a line each."""
    told = [(f"exempt: {e.label}", e.as_json()) for e in found.exemptions]
    told += [(f"switched: {s.route} to {s.as_json()['mode']}", s.as_json()) for s in found.switches]
    return [
        f"{what}{' until ' + str(j['until']) if j['until'] else ''} by {j['by']}: {j['reason']}"
        for what, j in told
    ]


def _rows(budgets: Sequence[LiveBudget], top: int, now_s: float) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("SCOPE", "ID", "LIMIT", "SPENT", "HELD", "USED", "STEPS DOWN", "STARTS ANEW", "FORECAST")
    ]
    for budget in budgets:
        b: dict[str, Any] = budget.as_json(top)
        limited = b["limit_usd"] is not None
        ends = dt.datetime.fromtimestamp(budget.window_end_s, ZoneInfo(budget.budget.timezone))
        rows.append(
            (
                b["scope"],
                b["id"],
                _usd(b["limit_usd"]) if limited else "none",
                _usd(b["spent_usd"]),
                _usd(b["reserved_usd"]),
                f"{b['ratio']:.1%}" if limited else "-",
                f"({b['would_step_down']})" if b["mode"] == "shadow" else str(b["steps_down"]),
                f"{ends:%Y-%m-%d %H:%M %Z}",
                _outlook(budget, now_s),
            )
        )
    return rows


def _outlook(budget: LiveBudget, now_s: float) -> str:
    """What the forecast says: what the window will have cost, or until when the money lasts."""
    found = budget.forecast
    if found is None:
        return "-"
    if found.lasts_until is None:
        return f"{found.ratio:.0%} by the end"
    if found.lasts_until <= now_s:
        return "used up"
    until = dt.datetime.fromtimestamp(found.lasts_until, ZoneInfo(budget.budget.timezone))
    soon = found.lasts_until - now_s < _DAY_S
    return f"lasts until {until:%H:%M}" if soon else f"lasts until {until:%Y-%m-%d %H:%M}"


def _usd(amount: float) -> str:
    """Dollars: cents where they tell enough, more digits where they do not."""
    return f"${amount:,.2f}" if amount == 0 or amount >= 1 else f"${amount:.6f}"
