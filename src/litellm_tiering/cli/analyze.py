"""``analyze``: classify your traffic first, and see what routing it would save, before anything is routed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from litellm_tiering.cli.analyze_text import text_of
from litellm_tiering.cli.common import Exit, UsageError, add_common, note, print_json
from litellm_tiering.cli.inputs import opened
from litellm_tiering.cli.progress import EVERY, progress
from litellm_tiering.cli.settings import bundled_prices, optional, settings_of
from litellm_tiering.config.assemble import engine_of
from litellm_tiering.config.proxy import ProxyView
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.features import Caller
from litellm_tiering.core.policy import Route
from litellm_tiering.evals.analyze import Analysis, Judged, Market
from litellm_tiering.evals.analyze_calls import call_of, is_aside
from litellm_tiering.evals.analyze_report import report
from litellm_tiering.evals.spendlogs import LogError, Reading, rows_of
from litellm_tiering.files import STDIN
from litellm_tiering.intake import read_request
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from litellm_tiering.cli.progress import Progress
    from litellm_tiering.cli.settings import Chosen
    from litellm_tiering.config.build import Settings
    from litellm_tiering.evals.analyze_calls import Call

_NOBODY = Caller()
_MOST_NAMES = 4_096


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "analyze",
        help="what traffic there is, and what routing it would save",
        description="Reads LiteLLM spend logs (an export of LiteLLM_SpendLogs as CSV or JSON lines, or the "
        "JSON of /spend/logs) or captures, and tells what the traffic is made of, what routing it under the "
        "configuration's tiers and prices would save, what that costs in time and money, and whether it is "
        "worth it. Without a configuration: the mix only. Nothing is sent, and no prompt is repeated.",
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a spend log or a capture; - for standard input"
    )
    parser.add_argument(
        "--input", action="append", default=[], metavar="FILE", help="another one; .gz is unpacked"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Read the calls and print what they come to.

    Raises:
        UsageError: a file cannot be read, or holds none.
        ConfigError: the configuration is wrong.
    """
    files = [*options.files, *options.input]
    if not files:
        raise UsageError("name a spend log or a capture: litellm-tiering analyze FILE (- for standard input)")
    if files.count(STDIN) > 1:
        raise UsageError("standard input can be read once")
    where = optional(options.config)
    settings = settings_of(where)
    market = _market(where, settings)
    analysis, bad = Analysis(market), Counter[str]()
    asyncio.run(_read(files, Classes(settings, market), analysis, bad))
    if not analysis.totals.rows:
        why = f": {_reasons(bad)}" if bad else ""
        raise UsageError(f"there is no call in {', '.join(map(_shown, files))}{why}")
    found = report(analysis, settings.config.timezone, asks=settings.chain.asks)
    found = {"files": [_shown(f) for f in files], "bad_rows": sum(bad.values()), **found}
    if options.json:
        print_json(found)
    else:
        print(text_of(found))
    if bad:
        note(f"{sum(bad.values())} rows could not be used: {_reasons(bad)}")
    return Exit.FINDINGS if bad else Exit.DONE


def _shown(file: str) -> str:
    return "standard input" if file == STDIN else file


def _reasons(bad: Counter[str]) -> str:
    return ", ".join(f"{why} ({count})" for why, count in bad.most_common(5))


# ---------------------------------------------------------------------- reading


async def _read(files: list[str], classes: Classes, analysis: Analysis, bad: Counter[str]) -> None:
    # Nothing else runs on this loop, so reading may block it.
    for name in files:
        with opened(name) as stream, progress("reading", _size(name), "bytes") as bar:
            reading = Reading()
            try:
                for call in _calls(stream, reading, bar):
                    if call is None:
                        reading.bad["no call: neither a model, nor tokens, nor a request"] += 1
                    else:
                        analysis.add(call, await classes.judged(call, analysis))
            except LogError as error:
                raise UsageError(f"{_shown(name)} cannot be used: {error}") from None
            except (OSError, EOFError) as error:
                raise UsageError(f"{_shown(name)} cannot be read ({error})") from None
            bad.update(reading.bad)


def _calls(stream: IO[bytes], reading: Reading, bar: Progress) -> Iterator[Call | None]:
    for row in rows_of(stream, reading):
        if reading.rows % EVERY == 0:
            bar.at(_position(stream) or 0, f"reading: {reading.rows:,} rows")
        if not is_aside(row):
            yield call_of(row)


def _size(name: str) -> int | None:
    try:
        return None if name == STDIN else Path(name).stat().st_size
    except (OSError, ValueError):
        return None  # opening it says why


def _position(stream: IO[bytes]) -> int | None:
    """How much of the file itself has been read, packed where it is packed."""
    raw = getattr(stream, "fileobj", None) or stream
    try:
        return int(raw.tell())
    except (OSError, ValueError):
        return None  # a pipe


# ---------------------------------------------------------------------- classifying


class Classes:
    """The tier that a configuration's chain sends requests to, budgets left out.

    Args:
        settings: The owner's settings.
        market: What the tiers can do: requirements move requests too.
    """

    def __init__(self, settings: Settings, market: Market) -> None:
        ladder = settings.ladder
        self._ladder = ladder
        # What a prompt needs does not depend on whether this proxy acts on it.
        self._engine = engine_of(replace(settings, mode="enforce"), MemoryLedger(), ())
        self._model = settings.virtual_model
        route = settings.route_for(self._model) or Route("analyze", ("*",), default_rank=len(ladder) // 2)
        self._route = replace(route, classify=True, enforce=True, off=False)
        self._facts = market.facts

    async def judged(self, call: Call, analysis: Analysis) -> Judged | None:
        """What the chain makes of a call's request; None where it has none, or it could not be classified."""
        if call.body is None or call.surface is None or call.failed or call.cached:
            return None
        began_s = time.perf_counter()
        features, prompt = read_request({**call.body, "model": self._model}, call.surface)
        if call.prompt_tokens is not None:
            # Counted by the provider; what was kept of the text may be a part of it.
            features = replace(features, prompt_tokens=call.prompt_tokens)
        inquiry = Inquiry(features, prompt, _NOBODY, self._route, self._ladder.top, self._facts)
        plan = await self._engine.explain(inquiry)
        took_ms = 1000 * (time.perf_counter() - began_s)
        if plan.classification.fault:
            analysis.totals.faults += 1
            return None
        if plan.decision.refusal is not None:
            analysis.totals.unserved += 1
            return None
        return Judged(plan.decision.rank, features, took_ms)


# ---------------------------------------------------------------------- prices


def _market(where: Chosen | None, settings: Settings) -> Market:
    """The tiers with their prices; LiteLLM is asked only where there is something to ask."""
    names, models = zip(*((t.name, t.model) for t in settings.ladder.tiers), strict=True)
    proxy = {} if where is None else where.proxy()
    if where is None or not isinstance(proxy.get("model_list"), list):
        if where is not None:
            note("the configuration has no model_list, and so no prices: only the mix is told")
        return Market(names, models, (TierFacts(Price(known=False)),) * len(names))
    with bundled_prices():
        from litellm_tiering.gateway.offline import tier_facts  # noqa: PLC0415 - importing LiteLLM takes seconds
        from litellm_tiering.gateway.offline_groups import (  # noqa: PLC0415 - as above
            facts_of,
            listed_groups,
        )

    facts = tier_facts(settings.ladder, settings.requirements, proxy, where.env)
    unpriced = [n for n, f in zip(names, facts, strict=True) if not f.price.known]
    if unpriced:
        note(
            f"without a known price: {', '.join(unpriced)}. Set input_cost_per_token and "
            "output_cost_per_token in model_info; no saving is told without them"
        )
    chat = [g.name for g in listed_groups(proxy, where.env) if g.mode in ("", "chat") and not g.pattern]
    rivals = {name: facts_of(name, proxy, where.env) for name in chat if name not in models}
    return Market(
        names,
        models,
        facts,
        ProxyView(proxy).aliases,
        _priced(lambda m: facts_of(m, proxy, where.env).price),
        rivals,
    )


def _priced(look: Callable[[str], Price]) -> Callable[[str], Price | None]:
    """A model's price, remembered: logs name few models many times."""

    @lru_cache(maxsize=_MOST_NAMES)
    def price(model: str) -> Price | None:
        found = look(model) if model else None
        return found if found is not None and found.known else None

    return price
