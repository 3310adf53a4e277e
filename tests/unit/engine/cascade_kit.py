"""What tests of the cascade share: an engine on a real ledger, and small fakes of everything else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from litellm_tiering.accounts import counter_key
from litellm_tiering.cascading import Cascade, Setting
from litellm_tiering.config.build import CascadeSettings
from litellm_tiering.core.budget import Budget
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.gate import Demand, Exchange, Judgement, Said
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Policy, Route
from litellm_tiering.engine import Engine
from litellm_tiering.holding import Background
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.overdue import Overdue
from litellm_tiering.plan import Inquiry, Terms
from litellm_tiering.units import window_at

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
FACTS = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 10, 100))
NOBODY = Caller()
ANY = Budget()


class Clock:
    """The engine's time, which stands still until it is turned."""

    def __init__(self, now=1_795_000_000.0):
        self.time = now

    def now(self):
        return self.time


class Says:
    """A chain of classifiers with one opinion."""

    def __init__(self, rank=0, **more):
        self.said = Classification(rank=rank, by="heuristic", **more)

    def classify(self, subject):
        return self.said


def engine_on(*budgets, ledger=None, says=None, clock=None, **terms):
    made = Terms(Policy(LADDER), tuple(budgets) or (ANY,), says or Says(), **terms)
    return Engine(made, ledger or MemoryLedger(), clock or Clock())


async def depart(engine, *, caller=NOBODY, deadline_s=None, facts=FACTS, max_tokens=10, **more):
    """A planned request on its way, its money held."""
    route = Route("auto", ("auto",), deadline_s=deadline_s)
    features = RequestFeatures(max_tokens=max_tokens)
    plan = await engine.plan(Inquiry(features, PromptText("q"), caller, route, 2, facts, **more))
    return plan.flight.journey


async def balance(engine, budget=ANY, id_="*"):
    window = window_at(budget.window, budget.timezone, engine.clock.now())
    (found,) = await engine.ledger.balances([counter_key(budget, id_, window.label)], engine.clock.now())
    return found


def verdicts(journey) -> str:
    return ",".join(f"{a.model}:{a.verdict}" for a in journey.record.attempts)


def last_reason(journey) -> str:
    return journey.record.decision.reasons[-1]


class Heard:
    """Hears chunks that are strings; ``boom`` breaks it."""

    def __init__(self):
        self.chars = 0
        self.parts = []

    def hear(self, chunk):
        if chunk == "boom":
            raise ValueError("secret words of the answer")
        self.parts.append(chunk)
        self.chars += len(chunk)

    def said(self):
        return (Said("".join(self.parts), finish_reason="stop"),)


class Wire:
    """Answers are strings, or tuples of them: choices."""

    def whole(self, response):
        if response == "boom":
            raise ValueError("secret words of the answer")
        choices = response if isinstance(response, tuple) else (response,)
        return tuple(Said(text) for text in choices)

    def listener(self):
        return Heard()


@dataclass
class Gates:
    """Rejects what has a "!"; of a beginning, accepts what has a "+" and needs more of the rest.

    A digit after the "!" says how bad it is, in tenths.
    """

    judges_prefix: bool = True
    seen: list[Exchange] = field(default_factory=list)
    fault: str = ""

    async def judge(self, exchange):
        self.seen.append(exchange)
        text = exchange.answer
        if self.fault and self.fault in text:
            raise RuntimeError(text)
        if "!" in text:
            tenths = text[text.index("!") + 1 :][:1]
            return Judgement("shout", int(tenths) / 10 if tenths.isdigit() else 1.0, ("shout:loud",))
        return Judgement(undecided=exchange.partial and "+" not in text)


class Stream:
    """A stream of chunks: events are waited for, exceptions raised; it tells of misuse."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)
        self.read = 0
        self.closed = False
        self.reading = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        assert not self.reading, "two readers at once"
        self.reading = True
        try:
            return await self._next()
        finally:
            self.reading = False

    async def _next(self):
        await asyncio.sleep(0)
        while self.chunks and not self.closed:
            chunk = self.chunks[0]
            if isinstance(chunk, asyncio.Event):
                await chunk.wait()
            self.chunks.pop(0)
            if isinstance(chunk, BaseException):
                self.chunks.clear()
                raise chunk
            if not isinstance(chunk, asyncio.Event):
                self.read += 1
                return chunk
        raise StopAsyncIteration

    async def aclose(self):
        assert not self.reading, "closed while it is read"
        self.closed = True


async def until_broken(stream):
    """What a stream gives, and what broke it, if anything did."""
    served = []
    try:
        async for chunk in stream:
            served.append(chunk)  # noqa: PERF401 - what came before it broke counts
    except OSError as error:
        return served, error
    return served, None


class Upstream:
    """Answers by model group: a value, an exception, or a coroutine function that finds either."""

    def __init__(self, **answers):
        self.answers = answers
        self.calls = []

    async def call(self, model, attempt):
        self.calls.append(model)
        answer = self.answers[model]
        if asyncio.iscoroutinefunction(answer):
            answer = await answer()
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Stage:
    """One request under way, and all that a cascade of it touches."""

    def __init__(self, engine, journey, *, gates=None, **settings):
        self.engine = engine
        self.journey = journey
        self.gates = gates or Gates()
        self.background = Background()
        self.overdue = Overdue(engine.books, within_s=0.0)
        chosen = {"max_escalations": 2, "stream": "prefix", "prefix_chars": 40, "prefix_ms": 60_000}
        made = CascadeSettings(
            **{**chosen, **settings},
            bypass_above=1.0,
            probe_share=0.0,
            gates=self.gates,
            wants_logprobs=False,
        )
        self.setting = Setting(engine, made, self.background, self.overdue)

    def cascade(self, upstream=None, *, wire=None, lent=True):
        return Cascade(
            self.setting, self.journey, Demand(), wire or Wire(), upstream or Upstream(), lent=lent
        )

    async def whole(self, first, **upstream):
        return await self.cascade(Upstream(**upstream)).whole(first)

    async def stream(self, first, *, lent=True, wire=None, **upstream):
        made = self.cascade(Upstream(**upstream), lent=lent, wire=wire)
        return [chunk async for chunk in made.stream(first)]

    async def quiet(self):
        """Let the background come to its end; fail where it does not, or leaves a task behind."""
        here = asyncio.current_task()
        for _ in range(10_000):
            if asyncio.all_tasks() == {here} and len(self.background) == 0:
                break
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {here}, "something runs on"
        assert len(self.background) == 0

    async def books_are_closed(self):
        await self.quiet()
        assert all(f.ended for f in self.journey.flights)
        assert (await balance(self.engine)).reserved == 0


async def stage(*budgets, gates=None, deadline_s=None, says=None, clock=None, settings=None, **more):
    """A request that was sent to the cheapest tier, unless the classifiers say otherwise."""
    engine = engine_on(*budgets, says=says, clock=clock)
    journey = await depart(engine, deadline_s=deadline_s, **more)
    return Stage(engine, journey, gates=gates, **(settings or {}))
