"""``explain --decision``: why one request went where it went, from the store of the configuration."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from litellm_tiering.cli.common import Exit, Unavailable, UsageError, note, print_json, table, visible
from litellm_tiering.cli.settings import required, settings_of, store_of
from litellm_tiering.decisions import is_id
from litellm_tiering.errors import StoreError
from litellm_tiering.ledger.open import open_records

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.cli.settings import Store
    from litellm_tiering.records import Row

DEADLINE_S = 10.0
"""How long the store may take to answer."""


def run(options: argparse.Namespace) -> Exit:
    """Print one decision that was made.

    Raises:
        UsageError: there is no configuration, or what was given is no decision's id.
        ConfigError: the configuration is wrong.
        Unavailable: the store does not tell of it.
    """
    if options.prompt is not None or options.request is not None:
        raise UsageError("give either a PROMPT, --request FILE or --decision ID")
    id_ = str(options.decision).strip()
    if not is_id(id_):
        raise UsageError("--decision takes the id of the header x-tiering-decision: 16 hexadecimal digits")
    settings = settings_of(required(options.config))
    store = store_of(settings)
    row, trouble = asyncio.run(_look(store, id_))
    if row is None:
        if not trouble and store.seen:
            trouble = f"there is no decision {id_} in the store: it was never written, or is no longer kept"
        raise Unavailable("; ".join(filter(None, (store.remark, trouble))))
    found = {**row.as_json(), "key": row.key}
    if options.json:
        print_json(found)
        return Exit.DONE
    print("\n\n".join(_told(found, settings.timezone)))
    if found.get("policy") != settings.policy_hash:
        note(f"the policy is another one now: {settings.policy_hash}")
    return Exit.DONE


async def _look(store: Store, id_: str) -> tuple[Row | None, str]:
    """The decision, and what kept the store from telling of it."""
    try:
        return await asyncio.wait_for(open_records(store.ledger).get(id_), DEADLINE_S), ""
    except StoreError as error:
        return None, f"the store is away: {error}"
    except asyncio.TimeoutError:
        return None, f"the store is away: no answer within {DEADLINE_S:g} s"
    finally:
        await store.ledger.close()


def _told(found: Mapping[str, Any], timezone: str) -> Iterator[str]:
    """The decision for people, a paragraph at a time."""
    at = f"{dt.datetime.fromtimestamp(found['at'], ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S %Z}"
    who = f", team {found['team']}" if found["team"] else ""
    yield visible(f"{found['tier']} ({found['model']}), route {found['route']}{who}, {at}") + (
        visible(f"\nrefused: {found['refused']}") if found.get("refused") else ""
    )
    yield table([("STAGE", "REASON", "FROM", "TO", ""), *map(_step, _each(found, "steps"))])
    if found.get("budgets"):
        head = ("BUDGET", "LIMIT", "USED THEN", "RATIO", "STARTS ANEW", "")
        yield table([head, *(_budget(b, timezone) for b in _each(found, "budgets"))])
    if found.get("attempts"):
        names = ("ATTEMPT", "MODEL", "VERDICT", "COST", "TIME")
        yield table([names, *map(_attempt, _each(found, "attempts"))])
    said = found.get("feedback")
    yield visible(
        f"cost {_usd(found['cost_usd'])}, baseline {_usd(found['baseline_usd'])}, policy {found['policy']}"
        + ("" if said is None else f", feedback {said:.2f}")
    )


def _each(found: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    entries: Sequence[Mapping[str, Any]] = found[name]
    return entries


def _step(step: Mapping[str, Any]) -> tuple[str, ...]:
    reason = f"{step['reason']}:{step['detail']}" if step["detail"] else step["reason"]
    return step["stage"], reason, step["from"] or "-", step["to"], "" if step["enforced"] else "not enforced"


def _budget(budget: Mapping[str, Any], timezone: str) -> tuple[str, ...]:
    name = budget["scope"] if budget["id"] == "*" else f"{budget['scope']}:{budget['id']}"
    ends = f"{dt.datetime.fromtimestamp(budget['window_end'], ZoneInfo(timezone)):%Y-%m-%d %H:%M}"
    spared = "counted only" if budget.get("spared") else ""
    return (
        f"{name} a {budget['window']}",
        _usd(budget["limit_usd"]),
        _usd(budget["used_usd"]),
        f"{budget['ratio']:.1%}",
        ends,
        spared,
    )


def _attempt(attempt: Mapping[str, Any]) -> tuple[str, ...]:
    why = ", ".join(attempt["reasons"])
    verdict = f"{attempt['verdict']} ({why})" if why else attempt["verdict"]
    return attempt["tier"], attempt["model"], verdict, _usd(attempt["cost_usd"]), f"{attempt['ms']:,.0f} ms"


def _usd(amount: float) -> str:
    return f"${amount:,.2f}" if amount == 0 or amount >= 1 else f"${amount:.6f}"
