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
from litellm_tiering.status import live_budgets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.budget import Balance
    from litellm_tiering.ports import Ledger
    from litellm_tiering.status import LiveBudget

DEADLINE_S = 10.0
"""How long the store may take to answer."""


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
    now = SystemClock().now()
    live, trouble = asyncio.run(_look(store.ledger, now)) if store.seen else (None, "")
    budgets = live_budgets(settings.budgets, live or {}, now)
    if options.json:
        top = settings.ladder.top
        print_json(
            {
                "mode": settings.mode,
                # What could not be counted yet waits in the proxy, which has its own figure for it.
                "store": {"kind": store.kind, "ok": live is not None, "spooled": 0},
                "budgets": [b.as_json(top) for b in budgets],
                "alarms": [trouble] if trouble else [],
                "policy": settings.policy_hash,
            }
        )
    elif live is not None:
        print(f"mode {settings.mode}, store {store.kind}")
        print(table(_rows(budgets, settings.ladder.top)))
    for remark in (store.remark, trouble):
        if remark:
            note(visible(remark))
    return Exit.FINDINGS if live is None else Exit.DONE


async def _look(ledger: Ledger, now_s: float) -> tuple[Mapping[str, Balance] | None, str]:
    """Every live counter, or None and why the store did not tell."""
    try:
        return await asyncio.wait_for(ledger.active(now_s), DEADLINE_S), ""
    except StoreError as error:
        return None, f"the budget store is away: {error}"
    except asyncio.TimeoutError:
        return None, f"the budget store is away: no answer within {DEADLINE_S:g} s"
    finally:
        await ledger.close()


def _rows(budgets: Sequence[LiveBudget], top: int) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("SCOPE", "ID", "LIMIT", "SPENT", "HELD", "USED", "STEPS DOWN", "STARTS ANEW")
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
                str(b["steps_down"]),
                f"{ends:%Y-%m-%d %H:%M %Z}",
            )
        )
    return rows


def _usd(amount: float) -> str:
    """Dollars: cents where they tell enough, more digits where they do not."""
    return f"${amount:,.2f}" if amount == 0 or amount >= 1 else f"${amount:.6f}"
