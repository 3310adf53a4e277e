"""``replay``: what a day of arrivals would have cost under a configuration, and what it would have got."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from litellm_tiering.cli import replay_compare
from litellm_tiering.cli.common import Exit, UsageError, add_common, note, print_json
from litellm_tiering.cli.inputs import BadLine, numbered, parse_object
from litellm_tiering.cli.progress import progress
from litellm_tiering.cli.replay_text import text_of
from litellm_tiering.cli.settings import bundled_prices, required, settings_of, store_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import StoreError
from litellm_tiering.evals.asking import Asking
from litellm_tiering.evals.plot import NoPlots, draw, figure_class
from litellm_tiering.evals.questions import question_in
from litellm_tiering.evals.replay import A_WEDNESDAY, days_before, midnight, replay
from litellm_tiering.evals.trace import DAY_S, MAX_ROW_BYTES, BadRow, read_trace
from litellm_tiering.evals.trace_records import trace_of
from litellm_tiering.files import STDIN, shown
from litellm_tiering.ledger.open import open_records

if TYPE_CHECKING:
    import argparse

    from litellm_tiering.cli.settings import Chosen
    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.evals.questions import Question
    from litellm_tiering.evals.result import Result
    from litellm_tiering.evals.trace import Trace
    from litellm_tiering.records import Row

MAX_QUESTIONS = 20_000
"""How many questions of an outcomes file are read at most: their prompts are kept in memory."""

_MOST_DAYS_BEFORE = 14


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "replay",
        help="a day of arrivals under this policy",
        description="Runs the arrivals of a trace through the engine that the proxy runs, on a clock that "
        "follows them, and tells what was spent, moved down and refused by hour. Nothing is sent, and the "
        "store of the configuration is not touched. Needs a configuration whose models have prices.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--trace",
        metavar="FILE",
        help="CSV with a head: t_s,prompt_tokens,completion_tokens[,tier,team,key,user,end_user,max_tokens], "
        "t_s in seconds since midnight; - for standard input, .gz is unpacked",
    )
    source.add_argument(
        "--records",
        metavar="DAY",
        help="the decisions of a day as the store of the configuration keeps them: yesterday, or YYYY-MM-DD",
    )
    add_common(parser)
    replay_compare.add(parser)
    parser.add_argument("--plot", metavar="FILE", help="draw spend and downgrades by hour, such as day.png")
    policy = parser.add_argument_group("another policy than the configuration's")
    policy.add_argument(
        "--limit", type=float, metavar="USD", help="the global budget's limit; a day's where there is none"
    )
    policy.add_argument("--pacing", choices=["off", "linear", "learned"], help="the global budget's pacing")
    day = parser.add_argument_group("the day")
    day.add_argument(
        "--date", type=_date, default=A_WEDNESDAY, metavar="YYYY-MM-DD", help="which one it is played on"
    )
    day.add_argument("--scale", type=int, default=1, metavar="N", help="every arrival N times, minutes apart")
    day.add_argument(
        "--days-before",
        type=int,
        default=0,
        metavar="N",
        help="let N days like it pass first, for learned pacing to learn from; they are not reported",
    )
    day.add_argument("--seed", type=int, default=0, metavar="N", help="another number, other draws")
    worth = parser.add_argument_group("how good the answers are")
    worth.add_argument(
        "--outcomes",
        metavar="FILE",
        help="pair each request with a question of recorded outcomes: the classifiers read its prompt",
    )
    worth.add_argument("--weak", metavar="MODEL", help="whose answers in it are those of the cheapest tier")
    worth.add_argument("--strong", metavar="MODEL", help="whose are those of the dearest")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Replay the trace and print what it came to.

    Raises:
        UsageError: the trace or the outcomes cannot be read, or there are no prices, or no matplotlib.
        ConfigError: the configuration is wrong.
    """
    _check(options)
    where = required(options.config)
    settings = _settings(where, options)
    facts = _facts(where, settings)
    trace = _recorded(options, settings, facts) if options.records else _trace(options, settings)
    questions = _questions(options, settings) if options.outcomes else ()
    if options.compare:
        return _compare(options, (settings, facts), trace, questions)
    asking = Asking(settings, facts, questions, options.seed)
    budget = next((b for b in settings.budgets if b.binds), settings.budgets[0])
    with progress("replaying", _arrivals(trace, options), "requests") as bar:
        result = asyncio.run(
            replay(
                trace,
                asking,
                midnight(options.date, budget.timezone),
                before=days_before(trace, options.days_before, options.seed),
                label=options.pacing or "",
                progress=bar.at,
            )
        )
    if options.plot:
        _draw(result, options)
    if options.json:
        print_json({**result.as_json(), "bad_rows": trace.bad_count})
    else:
        print(text_of(result, settings))
    return Exit.FINDINGS if trace.bad_count else Exit.DONE


def _compare(
    options: argparse.Namespace,
    old: tuple[Settings, tuple[TierFacts, ...]],
    trace: Trace,
    questions: tuple[Question, ...],
) -> Exit:
    where = required(options.compare)
    settings = settings_of(where)
    new = (settings, _facts(where, settings))
    theirs = _questions(options, settings) if questions else ()
    with progress("replaying", _arrivals(trace, options), "requests") as bar:
        found = replay_compare.compared(old, new, trace, (questions, theirs), options, bar.at)
    past = replay_compare.exceeded(found, options)
    if options.json:
        print_json({**found.as_json(), "exceeded": past, "bad_rows": trace.bad_count})
    else:
        print(replay_compare.text_of(found, past))
    return Exit.FINDINGS if past or trace.bad_count else Exit.DONE


def _recorded(options: argparse.Namespace, settings: Settings, facts: tuple[TierFacts, ...]) -> Trace:
    """The trace of a day's decisions, which that day then is replayed on.

    Raises:
        UsageError: it is no day, or the store does not tell of it.
    """
    budget = next((b for b in settings.budgets if b.binds), settings.budgets[0])
    if options.records == "yesterday":
        options.date = dt.datetime.now(ZoneInfo(budget.timezone)).date() - dt.timedelta(days=1)
    else:
        try:
            options.date = dt.date.fromisoformat(options.records)
        except ValueError:
            raise UsageError("--records takes `yesterday`, or a day as YYYY-MM-DD") from None
    begins_s = midnight(options.date, budget.timezone)
    store = store_of(settings)

    async def rows() -> list[Row]:
        try:
            return [row async for row in open_records(store.ledger).scan(begins_s, begins_s + DAY_S)]
        finally:
            await store.ledger.close()

    try:
        trace = trace_of(asyncio.run(rows()), settings.ladder, facts, begins_s)
    except StoreError as error:
        raise UsageError(f"the store is away: {error}") from None
    except BadRow as error:
        raise UsageError(f"the decisions cannot be used: {error}") from None
    if not trace.arrivals:
        raise UsageError(store.remark or f"the store keeps no decision of {options.date}")
    return trace.scaled(options.scale, options.seed)


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be done before anything long begins."""
    replay_compare.check(options)
    if options.outcomes and not (options.weak and options.strong):
        raise UsageError("--outcomes needs --weak MODEL and --strong MODEL, as the file names them")
    if (options.weak or options.strong) and not options.outcomes:
        raise UsageError("--weak and --strong name models of a file: give it with --outcomes")
    if options.outcomes == STDIN == options.trace:
        raise UsageError("standard input can be the trace or the outcomes, not both")
    if options.limit is not None and not (math.isfinite(options.limit) and options.limit > 0):
        raise UsageError("--limit must be more than 0 US dollars")
    if options.scale < 1:
        raise UsageError("--scale must be 1 or more")
    if not 0 <= options.days_before <= _MOST_DAYS_BEFORE:
        raise UsageError(f"--days-before must be from 0 to {_MOST_DAYS_BEFORE}")
    if options.plot:
        try:
            figure_class()
        except NoPlots as error:
            raise UsageError(str(error)) from None


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _settings(where: Chosen, options: argparse.Namespace) -> Settings:
    """The configuration's settings, with the global budget changed as the options say."""
    settings = settings_of(where)
    changes = {
        **({} if options.limit is None else {"limit_usd": options.limit}),
        **({} if options.pacing is None else {"pacing": options.pacing}),
    }
    if not changes:
        return settings
    section = settings.config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    budgets: list[dict[str, Any]] = list(section.get("budgets", ()))
    binding = ((i, b) for i, b in enumerate(budgets) if b.get("mode") != "shadow")
    globally = [i for i, b in binding if b.get("scope", "global") == "global"]
    limited = [i for i in globally if budgets[i].get("limit_usd") is not None]
    if globally:
        place = (limited or globally)[0]
        budgets[place] = {**budgets[place], **changes}
    else:
        budgets.insert(0, {"scope": "global", **changes})
    loaded = from_mapping({**section, "budgets": budgets}, file=str(where.path or ""))
    return build(loaded.config, base=loaded.base)


def _facts(where: Chosen, settings: Settings) -> tuple[TierFacts, ...]:
    """What the tiers cost and can do.

    Raises:
        UsageError: no tier has a price.
    """
    with bundled_prices():
        from litellm_tiering.gateway.offline import tier_facts  # noqa: PLC0415 - importing LiteLLM takes seconds

    facts = tier_facts(settings.ladder, settings.requirements, where.proxy(), where.env)
    unpriced = [t.name for t, f in zip(settings.ladder.tiers, facts, strict=True) if not f.price.known]
    if len(unpriced) == len(facts):
        raise UsageError(
            "no tier has a price: the configuration needs a model_list of models that LiteLLM's map knows, "
            "or model_info with input_cost_per_token and output_cost_per_token"
        )
    if unpriced:
        note(f"without a price of their own, at the dearest one that is known: {', '.join(unpriced)}")
    return facts


def _trace(options: argparse.Namespace, settings: Settings) -> Trace:
    try:
        found = read_trace(numbered(options.trace, MAX_ROW_BYTES), [t.name for t in settings.ladder.tiers])
        for number, why in found.bad:
            note(f"row {number} {why}")
        if found.bad_count:
            note(f"{found.bad_count} rows could not be used")
        if not found.arrivals:
            raise UsageError(f"{shown(options.trace)} has no arrivals")
        return found.scaled(options.scale, options.seed)
    except BadRow as error:
        raise UsageError(f"{shown(options.trace)} cannot be used as a trace: {error}") from None
    except ValueError as error:
        raise UsageError(f"--scale: {error}") from None


def _questions(options: argparse.Namespace, settings: Settings) -> tuple[Question, ...]:
    found: list[Question] = []
    skipped = 0
    for _, raw in numbered(options.outcomes):
        try:
            line = parse_object(raw)
        except BadLine:
            skipped += 1
            continue
        question = question_in(line, options.weak, options.strong, settings.virtual_model)
        if question is None:
            skipped += 1
            continue
        found.append(question)
        if len(found) == MAX_QUESTIONS:
            note(f"of the outcomes only the first {MAX_QUESTIONS:,} questions are used")
            break
    if not found:
        raise UsageError(f"no question of {options.outcomes} has an outcome of both models")
    if skipped:
        note(f"{skipped} lines of the outcomes have no prompt, or none of both models' outcomes")
    return tuple(found)


def _arrivals(trace: Trace, options: argparse.Namespace) -> int:
    """How many requests are replayed under one policy, those of the days before included."""
    before: int = options.days_before
    return len(trace.arrivals) * (1 + before)


def _draw(result: Result, options: argparse.Namespace) -> None:
    try:
        draw([result], options.plot, title=f"{result.requests:,} requests, policy {result.policy}")
    except NoPlots as error:
        raise UsageError(str(error)) from None
