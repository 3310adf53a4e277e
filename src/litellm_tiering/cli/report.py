"""``report``: what was spent and saved by day, week, tier, route, team, model or reason."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.common import Exit, Unavailable, UsageError, add_common, note, print_json
from litellm_tiering.cli.progress import progress
from litellm_tiering.cli.report_text import csv_of, sentences, text_of
from litellm_tiering.cli.settings import required, settings_of, store_of
from litellm_tiering.config.assemble import SystemClock, terms_of
from litellm_tiering.errors import StoreError
from litellm_tiering.evals.plot import NoPlots, figure_class
from litellm_tiering.evals.savings_bars import draw
from litellm_tiering.evals.savings_page import page_of
from litellm_tiering.ledger.open import open_records
from litellm_tiering.telemetry.reporting import Scope, compose, look, today
from litellm_tiering.telemetry.reports import BY, span

if TYPE_CHECKING:
    import argparse

    from litellm_tiering.config.build import Settings
    from litellm_tiering.ports import Ledger

DEADLINE_S = 30.0
"""How long the store may take to tell the totals."""

_DAY_S = 86_400


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "report",
        help="what was spent and saved",
        description="What was spent and saved, from the totals in the store of the configuration, which are "
        "exact, and from the decisions that are kept there. With a hold-out the saving is also measured "
        "against it, with a 95 % interval. Exits with 1 when the store cannot be seen.",
    )
    add_common(parser)
    parser.add_argument("--days", type=int, metavar="N", help="how many days, up to --to; 7 when not said")
    parser.add_argument("--from", dest="since", metavar="YYYY-MM-DD", help="the first day")
    parser.add_argument("--to", dest="until", metavar="YYYY-MM-DD", help="the last day; today when not said")
    parser.add_argument("--by", choices=BY, default="day", help="what it is broken down by")
    parser.add_argument("--team", metavar="ID", help="this team's rows only, without the hold-out")
    parser.add_argument("--format", choices=("table", "csv", "json", "html"), help="table when not said")
    parser.add_argument("--png", metavar="FILE", help="draw it as well; needs litellm-tiering[plots]")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Ask the store and print the report.

    Raises:
        UsageError: there is no configuration, or the days are no span, or the picture cannot be drawn.
        ConfigError: the configuration is wrong.
        Unavailable: the store cannot be seen from here, or does not answer.
    """
    if options.json and options.format not in (None, "json"):
        raise UsageError(f"--json and --format {options.format} contradict each other: leave one of them out")
    settings = settings_of(required(options.config))
    scope = _scope(options, settings)
    if options.png is not None:
        _try(figure_class)
    store = store_of(settings)
    if not store.seen:
        raise Unavailable(store.remark.replace("/tiering/status", "/tiering/report"))
    try:
        with progress("asking the store"):
            report = asyncio.run(_report(store.ledger, settings, scope))
    except StoreError as error:
        raise Unavailable(f"the store is away: {error}") from None
    except asyncio.TimeoutError:
        raise Unavailable(f"the store is away: no answer within {DEADLINE_S:g} s") from None
    _print(report, "json" if options.json else options.format or "table")
    if options.png is not None:
        _try(lambda: draw(report, options.png))
    if store.remark:
        note(store.remark)
    return Exit.DONE


def _scope(options: argparse.Namespace, settings: Settings) -> Scope:
    now = SystemClock().now()
    try:
        days = span(today(settings.timezone, now), options.days, options.since, options.until)
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None
    return Scope(
        days=days,
        by=options.by,
        timezone=settings.timezone,
        now_s=now,
        team=options.team,
        tiers=tuple(tier.name for tier in settings.ladder.tiers),
        gated=frozenset(route.name for route in settings.routes if route.cascade),
        experiment=terms_of(settings).experiment,
    )


async def _report(ledger: Ledger, settings: Settings, scope: Scope) -> dict[str, Any]:
    try:
        rows = await asyncio.wait_for(ledger.totals(scope.days), DEADLINE_S)
        hours = await asyncio.wait_for(ledger.hours([scope.today]), DEADLINE_S)
        spending = await asyncio.wait_for(ledger.spending([scope.today]), DEADLINE_S)
        most = settings.store.decisions
        if not most:
            return compose(scope, rows, hours, None, None, spending)
        records = open_records(ledger, most, settings.store.retention_days * _DAY_S)
        seen = await look(records, scope, most=most)
        # Whoever was held out while it ran is measured, also when the experiment is over.
        held = None if scope.team is not None else await look(records, scope, measure=True)
        return compose(scope, rows, hours, seen, held, spending)
    finally:
        await ledger.close()


def _print(report: dict[str, Any], form: str) -> None:
    if form == "json":
        print_json(report)
    elif form == "csv":
        sys.stdout.write(csv_of(report))
    elif form == "html":
        sys.stdout.write(page_of(report, sentences(report)))
    else:
        print(text_of(report))


def _try(work: Any) -> None:  # noqa: ANN401 - any callable
    try:
        work()
    except NoPlots as error:
        raise UsageError(str(error)) from None
