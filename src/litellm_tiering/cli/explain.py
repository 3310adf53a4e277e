"""``explain``: the decision for one request, and why."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli import decision
from litellm_tiering.cli.answers import demand_in, panel_of, said_in, text_of, told
from litellm_tiering.cli.common import Exit, UsageError, add_common, note, print_json, table, visible
from litellm_tiering.cli.inputs import BadLine, body_in, text_in_stdin
from litellm_tiering.cli.settings import (
    Store,
    bundled_prices,
    optional,
    settings_of,
    store_of,
)
from litellm_tiering.config.assemble import engine_of
from litellm_tiering.config.proxy import ProxyView
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.experiment import BASE
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.gate import Exchange
from litellm_tiering.explain import explanation
from litellm_tiering.files import STDIN
from litellm_tiering.intake import read_request
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from litellm_tiering.cli.settings import Chosen
    from litellm_tiering.config.build import Settings
    from litellm_tiering.plan import Plan

_ALWAYS_SHOWN = ("task_type", "language", "question_words", "prompt_tokens")
_SHOWN_WHEN_THERE = (
    *("use_case", "turns", "tools", "tool_results", "images", "audio", "files", "response_format"),
    *("max_tokens", "choices", "code", "code_execution", "follow_up", "smalltalk", "truncated"),
)
_UNREMARKABLE: Mapping[str, object] = {"turns": 1, "choices": 1, "response_format": "text"}
_MOST_SIGNALS = 6
_ANSWERED = (
    *("answer", "finish_reason", "logprobs", "refusal", "tool_calls", "schema"),
    *("response_format", "output_format", "output_config", "text", "tools"),
)


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "explain",
        help="the decision for one request and why",
        description="The decision that one request would get now, and why. Nothing is sent, held or counted, "
        "and neither the prompt nor the answer is repeated. Without a configuration: the ladder simple, "
        "moderate, complex, the heuristic, the default gates, and no budgets.",
    )
    parser.add_argument(
        "prompt", nargs="?", metavar="PROMPT", help="what a user would ask; - for standard input"
    )
    parser.add_argument(
        "--request", metavar="FILE", help="a request body in JSON instead; - for standard input"
    )
    parser.add_argument(
        "--answer",
        metavar="TEXT",
        help="an answer to it, for the gates to judge, or @FILE for what a file holds; an `answer` in the "
        "body of --request, with `finish_reason` and the like as `gate` reads them, does as well",
    )
    parser.add_argument(
        "--decision",
        metavar="ID",
        help="a decision that was made instead: the id of the header x-tiering-decision. It is read from the "
        "configuration's store, with the budgets as they stood",
    )
    add_common(parser)
    who = parser.add_argument_group("who asks")
    who.add_argument("--team", default="", help="the team, by its id: budgets of teams are counted by it")
    who.add_argument(
        "--key-alias",
        default="",
        help="the key's alias; budgets of keys are counted by the key's hash, and so left out here",
    )
    who.add_argument("--user", default="", help="the user who owns the key")
    who.add_argument(
        "--arm",
        metavar="NAME",
        help="the arm of `experiment.arms` that the caller is in: it is drawn by the key, which is not known "
        "here (the proxy's route /tiering/explain knows); the policy for all when absent",
    )
    who.add_argument("--tag", action="append", default=[], help="a tag of the key or the team; repeatable")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--model", help="the model name asked for; the body's, else the virtual one, when absent"
    )
    how.add_argument(
        "--surface",
        choices=[s.value for s in Surface],
        help="the API it comes in by; chat when absent (a body with `input` is one of responses)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Decide on the request and print the decision.

    Raises:
        UsageError: there is no request, or no route for it.
        ConfigError: the configuration is wrong.
    """
    if options.decision is not None:
        return decision.run(options)
    body, surface = _request(options)
    answer = _answer(options, body)
    where = optional(options.config)
    base = settings_of(where)
    settings = _followed(base, options.arm)
    proxy = where.proxy() if where is not None else {}
    inquiry = _inquiry(options, body, surface, settings, proxy, _facts(where, settings, proxy))
    store = Store(MemoryLedger(), "memory") if where is None else store_of(settings)
    plan, answered = asyncio.run(_explain(base, store, inquiry))
    found = explanation(plan, inquiry, settings.ladder)
    if "answer" in answer:
        found["gates"] = asyncio.run(_gated(settings, inquiry, found, answer))
    if where is not None:
        found["store"] = {"kind": store.kind, "ok": answered and store.seen}
    if options.json:
        print_json(found)
    else:
        _print(found)
    if settings.mode == "off":
        note("the mode is off: the proxy decides nothing and changes nothing")
    for kind in found["not_asked"]:
        note(f"the {kind} classifier is not asked here, as that costs: a request would ask it")
    if store.remark:
        note(store.remark)
    if not answered:
        note("the budget store is away: budgets are left out of this decision")
    if "gates" in found and found["gates"] is None:
        note(f"route {found['route']} has no cascade: its answers are not checked")
    return Exit.DONE if answered else Exit.FINDINGS


def _followed(settings: Settings, arm: str | None) -> Settings:
    """The settings that an arm's callers are served by."""
    if arm is None or (arm == BASE and settings.arms):
        return settings
    if arm not in settings.arms:
        known = ", ".join((*settings.arms, BASE)) if settings.arms else "none"
        raise UsageError(f"no arm is called {arm!r}; there are: {known}")
    return settings.arms[arm]


def _request(options: argparse.Namespace) -> tuple[Mapping[str, Any], Surface]:
    """The body that is asked about, and the API it is one of."""
    if (options.prompt is None) == (options.request is None):
        raise UsageError("give either a PROMPT or --request FILE, or --decision ID for one that was made")
    if options.request is not None:
        body = body_in(options.request)
        guess = Surface.RESPONSES if "input" in body and "messages" not in body else Surface.CHAT
        surface = Surface(options.surface) if options.surface else guess
        if surface is Surface.CHAT and isinstance(body.get("prompt"), str) and "messages" not in body:
            body = {**body, **_body(body["prompt"], surface)}
        return body, surface
    surface = Surface(options.surface or Surface.CHAT.value)
    return _body(text_in_stdin() if options.prompt == STDIN else options.prompt, surface), surface


def _body(prompt: str, surface: Surface) -> dict[str, Any]:
    if surface is Surface.COMPLETION:
        return {"prompt": prompt}
    if surface is Surface.RESPONSES:
        return {"input": prompt}
    return {"messages": [{"role": "user", "content": prompt}]}


def _answer(options: argparse.Namespace, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer that is asked about as a line of ``gate`` has it; without ``answer`` where there is none."""
    given = {k: v for k, v in body.items() if k in _ANSWERED}
    if not isinstance(given.get("logprobs"), (list, dict)):
        given.pop("logprobs", None)  # a request's own parameter
    return given if options.answer is None else {**given, "answer": text_of(options.answer)}


def _facts(where: Chosen | None, settings: Settings, proxy: Mapping[str, Any]) -> tuple[TierFacts, ...]:
    """What the tiers cost and can do; LiteLLM is asked only where there is something to ask."""
    asks = isinstance(proxy.get("model_list"), list) or not isinstance(settings.requirements, str)
    if where is None or not asks:
        return (TierFacts(Price(known=False)),) * len(settings.ladder)
    with bundled_prices():
        from litellm_tiering.gateway.offline import tier_facts  # noqa: PLC0415 - importing LiteLLM takes seconds

    return tier_facts(settings.ladder, settings.requirements, proxy, where.env)


def _inquiry(  # noqa: PLR0913, PLR0917 - all that a question is made of
    options: argparse.Namespace,
    body: Mapping[str, Any],
    surface: Surface,
    settings: Settings,
    proxy: Mapping[str, Any],
    facts: tuple[TierFacts, ...],
) -> Inquiry:
    named = options.model or body.get("model")
    model = named if isinstance(named, str) and named else settings.virtual_model
    route = settings.route_for(model)
    if route is None:
        raise UsageError(
            f"no route serves the model {model!r}: such requests are left alone "
            f"(--model {settings.virtual_model} asks for the virtual name)"
        )
    ladder = settings.ladder
    asked = ladder.rank_of_model(model)
    if asked is None:
        asked = ladder.rank_of_model(ProxyView(proxy).aliases.get(model, ""))
    features, prompt = read_request({**body, "model": model}, surface)
    end_user = body.get("user")
    caller = Caller(
        key_alias=options.key_alias,
        team=options.team,
        team_alias=options.team,
        user=options.user,
        end_user=end_user if isinstance(end_user, str) else "",
        tags=frozenset(options.tag),
    )
    top = ladder.top if asked is None else asked
    return Inquiry(features, prompt, caller, route, top, facts, arm=options.arm or "")


async def _explain(settings: Settings, store: Store, inquiry: Inquiry) -> tuple[Plan, bool]:
    """The plan, and whether the store answered."""
    engine = engine_of(settings, store.ledger, settings.budgets)
    try:
        return await engine.explain(inquiry), engine.books.store_ok
    finally:
        await store.ledger.close()


async def _gated(
    settings: Settings, inquiry: Inquiry, found: Mapping[str, Any], answer: Mapping[str, Any]
) -> dict[str, Any] | None:
    """``{accept, by, p_bad, reasons}`` of the answer; None on a route without a cascade.

    Raises:
        UsageError: the answer cannot be one.
    """
    if not inquiry.route.cascade:
        return None
    panel = panel_of(settings, _failed)
    try:
        said, demand = said_in(answer), demand_in(answer)
    except BadLine as error:
        raise UsageError(f"the request {error}") from None
    exchange = Exchange(said, inquiry.features, inquiry.prompt, demand, found["tier"], found["model"])
    judged = await panel.judge(exchange)
    return {**told(judged), "by": judged.by or None}


def _failed(where: str, error: BaseException) -> None:
    note(f"gate {where.removeprefix('gate:')} failed ({type(error).__name__}); it counts as configured")


def _print(found: Mapping[str, Any]) -> None:
    refusal = found["refusal"]
    score = "" if found["score"] is None else f", score {found['score']:.3f}"
    where = f"{found['tier']} ({found['model']}){score}, route {found['route']}"
    print(visible(where if refusal is None else f"refused with {refusal['status']}: {refusal['message']}"))
    print()
    rows = [("STAGE", "REASON", "FROM", "TO", "")]
    for step in found["steps"]:
        reason = f"{step['reason']}:{step['detail']}" if step["detail"] else step["reason"]
        remark = "" if step["enforced"] else "not enforced"
        rows.append((step["stage"], reason, step["from"] or "-", step["to"], remark))
    print(table(rows))
    if found.get("gates"):
        print()
        print(visible(_verdict(found["gates"])))
    features = found["features"]
    shown = [n for n in _ALWAYS_SHOWN if features[n]]
    shown += [n for n in _SHOWN_WHEN_THERE if features[n] and features[n] != _UNREMARKABLE.get(n)]
    print()
    print(table([(n.replace("_", " "), _word(features[n])) for n in shown]))
    signals = [(n, v) for n, v in found["signals"].items() if v and not n.endswith(".score")]
    if signals:
        strongest = sorted(signals, key=lambda s: -abs(s[1]))[:_MOST_SIGNALS]
        print()
        print(table([(name, f"{value:+.3g}") for name, value in strongest]))


def _verdict(gates: Mapping[str, Any]) -> str:
    verdict = "accepted" if gates["accept"] else f"rejected by {gates['by']}"
    reasons = ", ".join(gates["reasons"])
    return f"the answer is {verdict}, p_bad {gates['p_bad']:.3g}" + (f" ({reasons})" if reasons else "")


def _word(value: object) -> str:
    return "yes" if value is True else str(value)
