"""What `strategy: expected` is worth beside fixed rules: recorded answers, through the engine's own code.

    python bench/expected.py [--set NAME]... [--orders N] [--learned] [--simulate]

Every question is planned by the engine, begins at the cheap tier by the classifiers (whose score is the
heuristic's), is judged by the configured gates as they judge the recorded answer, and climbs by the cascade's
own code. What is learned is learned on the way, each question coming once, in N random orders: the answers
that nothing is known from yet are in the figures. Compared are

  strong    always the strong model
  cascade   fixed rules without the bypass: what `tune` promises is said of these
  bypass    fixed rules as they are by default: a segment that escalates more than 40 % starts higher
  expected  the way that is expected to cost least

Cost is in % of always-strong's, quality in % right; `straight` is the share of questions that began at the
strong tier, `second` that of those for which a second model was asked. The last two columns are what
`expected` adds to `cascade`: cost in % of it, quality in points, with 95 % intervals from 1,000 paired
bootstrap samples of the questions. `--learned` takes for the score the gain that a classifier trained on the
other four fifths of the questions foretells. `--simulate` sends made-up traffic instead, whose gates pass a
known share at a known price, and compares with the better of always and never trying.

The learned gate was trained on rows of these sets among others: quality is flattered, on every line alike.
Needs the recorded outcomes (TIERING_DATA, or ../shared/data); where they are absent it says so and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kept import Kept
from litellm_tiering.adaptive import Watch
from litellm_tiering.cascading import Cascade, Setting
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.agreement import Known
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Classification, Subject
from litellm_tiering.core.features import Caller, PromptText, Surface
from litellm_tiering.core.gate import Demand, Exchange, Judgement, Said
from litellm_tiering.core.policy import Policy, Route
from litellm_tiering.core.record import Attempt
from litellm_tiering.engine import Engine
from litellm_tiering.evals.outcomes import body_of, read_outcomes
from litellm_tiering.evals.train_cv import held_out
from litellm_tiering.evals.train_rows import Rows
from litellm_tiering.expecting import Expecting, Weighing
from litellm_tiering.gates.agreement_reading import forms_of
from litellm_tiering.holding import Background
from litellm_tiering.intake import read_request
from litellm_tiering.intake.answer_form import demand_of
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.segments_memory import MemorySegments
from litellm_tiering.overdue import Overdue
from litellm_tiering.plan import Inquiry, Terms
from litellm_tiering.units import nano_usd
from replaying import DATA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.features import RequestFeatures
    from litellm_tiering.journeys import Journey

SAMPLES = 1000
KEPT = Kept(__file__)
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.timezone.utc)
SONNET, HAIKU, MINI = "claude-3-5-sonnet-20241022", "claude-3-haiku-20240307", "gpt-4o-mini-2024-07-18"
GEMMA, MISTRAL, GPT4O = "gemma-2-2b-it", "mistral-7b-instruct-v0.3", "gpt-4o-2024-08-06"
LLAMA, FLASH, PRO = "meta-llama-3.1-8b-instruct", "gemini-1.5-flash-002", "gemini-1.5-pro-002"


@dataclass(frozen=True)
class Pair:
    """A cheap model and the strong one behind it, and perhaps another cheap one to ask beside it."""

    file: str
    cheap: str
    strong: str
    second: str = ""


# Of each set one whose prices are far apart, one whose are near (a try is worth less), and one with a second.
PAIRS = {
    "zeroeval_gsm far": Pair("zeroeval_gsm", GEMMA, SONNET),
    "zeroeval_gsm near": Pair("zeroeval_gsm", GEMMA, MINI),
    "zeroeval_gsm second": Pair("zeroeval_gsm", "gpt-3.5-turbo-0125", SONNET, HAIKU),
    "mmlupro far": Pair("mmlupro", LLAMA, PRO),
    "mmlupro near": Pair("mmlupro", LLAMA, FLASH),
    "mmlupro second": Pair("mmlupro", LLAMA, PRO, FLASH),
    "ifeval far": Pair("ifeval", MISTRAL, GPT4O),
    "ifeval near": Pair("ifeval", MISTRAL, MINI),
    "ifeval second": Pair("ifeval", MISTRAL, GPT4O, HAIKU),
}
GATES = ("not_empty", "finished", "refusal", "constraints", "arithmetic", "acceptable")


def settings_of(pair: Pair) -> Settings:
    gates: list[dict[str, Any]] = [{"kind": kind} for kind in GATES]
    if pair.second:
        gates.append({"kind": "agreement", "with": "second"})
    tiers = [{"name": "cheap", "model": "cheap"}, {"name": "strong", "model": "strong"}]
    return build(
        from_mapping({"tiers": tiers, "store": {"url": "memory://"}, "cascade": {"gates": gates}}).config
    )


# ---------------------------------------------------------------------- recorded answers


@dataclass(frozen=True)
class Question:
    """A question, what each model's answer was worth and cost, and what the gates say of it.

    ``right`` and ``cost`` (nano-dollars) are by model group; ``used`` are prompt and completion tokens.
    """

    features: RequestFeatures
    score: float | None
    right: Mapping[str, float]
    cost: Mapping[str, int]
    used: Mapping[str, tuple[int, int]]
    alone: Judgement
    both: Judgement
    word: str


async def questions(pair: Pair, settings: Settings, *, learned: bool = False) -> list[Question]:
    """Every question of the set, judged as the gates do it; ``learned`` for a trained classifier's scores."""
    groups = {"cheap": pair.cheap, "strong": pair.strong, **({"second": pair.second} if pair.second else {})}
    found = []
    rows, places = Rows([pair.cheap, pair.strong]), []
    for outcome in read_outcomes(
        str(DATA / f"outcomes_{pair.file}.jsonl.gz"), list(groups.values()), report=None
    ):
        answers = {group: outcome.answers[model] for group, model in groups.items()}
        if any(a.text is None or a.cost_usd is None for a in answers.values()):
            continue
        body = {"model": "auto", **body_of(outcome)}
        features, prompt = read_request(body, Surface.CHAT)
        said = settings.chain.classify(Subject(features, Caller(), prompt, NOON))
        assert isinstance(said, Classification)
        one = Exchange(_said(answers["cheap"].text), features, prompt, demand_of(body), "cheap", "cheap")
        alone = await settings.cascade.gates.judge(one)
        both, word = alone, ""
        agreement = settings.cascade.agreement
        if agreement is not None and forms_of(agreement.on, features, prompt, one.demand):
            peers = Known([_said(answers["second"].text)])
            both = await settings.cascade.gates.judge(replace(one, peers=peers))
            word = (peers.words or ("unused",))[0]
        before = rows.count
        rows.add(outcome)
        # A question that was there before is learned from once, and has no score of its own.
        places.append(before if rows.count > before else None)
        found.append(
            Question(
                features,
                said.score,
                {g: a.quality for g, a in answers.items()},
                {g: int(nano_usd(a.cost_usd)) for g, a in answers.items()},
                {
                    g: (a.prompt_tokens or features.prompt_tokens, a.completion_tokens or 0)
                    for g, a in answers.items()
                },
                alone,
                both,
                word,
            )
        )
    rows.close()
    if learned:
        gains = held_out(rows)[:, 0]
        scores = [None if at is None else float(gains[at]) for at in places]
        return [replace(q, score=score) for q, score in zip(found, scores, strict=True)]
    return found


def _said(text: str) -> Said:
    return Said(text, finish_reason="stop")


# ---------------------------------------------------------------------- the engine's own code


class Clock:
    """Turns a second with every question."""

    def __init__(self) -> None:
        self.time = NOON.timestamp()

    def now(self) -> float:
        return self.time


class Says:
    """The classifiers: every question is the cheap tier's, with the score that it has."""

    asks = False

    def __init__(self) -> None:
        self.score: float | None = None

    def classify(self, _: Subject) -> Classification:
        return Classification(rank=0, by="heuristic", score=self.score)


class Gates:
    """Says of an answer what the gates said of it before."""

    judges_prefix = False

    def __init__(self) -> None:
        self.word = Judgement()

    async def judge(self, exchange: Exchange) -> Judgement:
        return self.word if exchange.tier == "cheap" else Judgement()

    def alarms(self) -> list[str]:
        return []


class Wire:
    """Whose whole answers are what was said."""

    def whole(self, response: object) -> tuple[Said, ...]:
        return (Said(str(response)),)


class Upstream:
    """Answers by the group's name."""

    async def call(self, model: str, _: str) -> str:
        return model


@dataclass
class Run:
    """What became of each question; ``cost`` in nano-dollars, ``second`` whether two models were asked."""

    right: list[float] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)
    straight: list[bool] = field(default_factory=list)
    second: list[bool] = field(default_factory=list)


class House:
    """One proxy's engine under one policy."""

    def __init__(
        self, facts: tuple[TierFacts, ...], settings: Settings, way: str, draw: random.Random
    ) -> None:
        self.clock, self.says, self.gates = Clock(), Says(), Gates()
        terms = Terms(Policy(settings.ladder), settings.budgets, self.says)
        self.engine = Engine(terms, MemoryLedger(), self.clock)
        assert settings.cascade is not None
        above = 0.40 if way == "bypass" else 1.0
        self.watch = Watch(MemorySegments(), self.engine.books, self.clock, above, draw=draw.random)
        self.engine.watch = self.watch
        if way == "expected":
            weighing = Weighing(agreement=settings.cascade.agreement)
            figures = self.engine.figures
            self.engine.expecting = Expecting(
                settings.ladder, weighing, self.watch, figures, self.clock, draw.random
            )
        cascade = replace(settings.cascade, gates=self.gates)
        background = Background()
        self.setting = Setting(self.engine, cascade, background, Overdue(self.engine.books, within_s=0.0))
        self.facts = facts
        self.start = 1 if way == "strong" else 0

    async def ask(self, question: Question, run: Run) -> None:
        self.clock.time += 1.0
        self.says.score = question.score
        route = Route("auto", ("auto",), classify=self.start == 0, rank=self.start, cascade=self.start == 0)
        inquiry = Inquiry(question.features, PromptText("q"), Caller(), route, 1, self.facts)
        plan = await self.engine.plan(inquiry)
        assert plan.flight is not None
        journey = plan.flight.journey
        served = first = plan.record.model
        twice = first == "cheap" and self.twice(journey, question)
        self.gates.word = question.both if twice else question.alone
        if self.start == 0:
            served = await Cascade(self.setting, journey, Demand(), Wire(), Upstream()).whole(first)
        cost = question.cost["second"] if twice else 0
        for flight in journey.flights:
            group = self.engine.terms.policy.ladder[flight.rank].model
            cost += question.cost[group]
            if await self.engine.books.settle(flight, question.cost[group], baseline=0):
                self.engine.figures.saw(flight, question.used[group], question.cost[group])
        for _ in range(12):
            await asyncio.sleep(0)  # what is learned in the background is learned before the next one
        run.right.append(question.right[served])
        run.cost.append(cost)
        run.straight.append(first == "strong")
        run.second.append(twice)

    def twice(self, journey: Journey, question: Question) -> bool:
        """Whether a second model is asked; what became of it stands in the record."""
        expected = journey.case.expected
        if not question.word or (expected is not None and expected.skips_second):
            return False
        journey.record = journey.record.trying(Attempt("cheap", "second", question.word))
        return True


def prices(pair: Pair) -> tuple[TierFacts, ...]:
    listed = json.loads((DATA / "prices.json").read_text())
    found = (listed[m] for m in (pair.cheap, pair.strong))
    return tuple(
        TierFacts(Price(prompt=p["input_per_token"] * 1e9, completion=p["output_per_token"] * 1e9))
        for p in found
    )


async def runs(pair: Pair, settings: Settings, asked: list[Question], way: str, orders: int) -> list[Run]:
    found = []
    for seed in range(orders):
        order = list(range(len(asked)))
        random.Random(seed).shuffle(order)
        house, run = House(prices(pair), settings, way, random.Random(1000 + seed)), Run()
        for i in order:
            await house.ask(asked[i], run)
        # Back in the order of the file, so that questions can be held against each other.
        back = sorted(range(len(order)), key=order.__getitem__)
        found.append(
            Run(*([row[i] for i in back] for row in (run.right, run.cost, run.straight, run.second)))
        )
        await house.engine.close()
    return found


# ---------------------------------------------------------------------- telling


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def by_question(found: list[Run], what: str) -> list[float]:
    return [mean(values) for values in zip(*(getattr(run, what) for run in found), strict=True)]


Span = tuple[float, float, float]
"""A figure and its 95 % interval."""


def span(value: float, values: list[float]) -> Span:
    values = sorted(values)
    return value, values[int(0.025 * len(values))], values[int(0.975 * len(values)) - 1]


def shown(figure: Span, unit: str, width: int) -> str:
    return f"{figure[0]:+6.1f}{unit} {f'[{figure[1]:+.1f}, {figure[2]:+.1f}]':>{width}}"


def added(one: list[Run], base: list[Run]) -> tuple[Span, Span]:
    """What one adds to the other in cost, in % of it, and in quality, in points; with intervals."""
    cost, right = by_question(one, "cost"), by_question(one, "right")
    cost0, right0 = by_question(base, "cost"), by_question(base, "right")
    draw, count = random.Random(7), len(cost)
    costs, rights = [], []
    for _ in range(SAMPLES):
        at = draw.choices(range(count), k=count)
        costs.append(100 * (sum(cost[i] for i in at) / sum(cost0[i] for i in at) - 1))
        rights.append(100 * mean([right[i] - right0[i] for i in at]))
    dearer, better = 100 * (sum(cost) / sum(cost0) - 1), 100 * (mean(right) - mean(right0))
    return span(dearer, costs), span(better, rights)


# ---------------------------------------------------------------------- made-up traffic

SHARES = (0.02, 0.2, 0.6, 0.95)
RATIOS = (0.05, 0.3, 0.7)
REQUESTS, SEEDS = 1500, 5
UNIT = 1_000_000
"""What a strong answer costs in made-up traffic, in nano-dollars."""


def made_up(shares: Sequence[float], ratio: float, seed: int) -> list[Question]:
    """Questions whose cheap answers pass as often as ``shares`` say, one after the other for as long."""
    draw, found = random.Random(seed), []
    features, _ = read_request(
        {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}, Surface.CHAT
    )
    cost = {"cheap": round(ratio * UNIT), "strong": UNIT}
    used = {"cheap": (features.prompt_tokens, 100), "strong": (features.prompt_tokens, 100)}
    for i in range(REQUESTS):
        passes = draw.random() < shares[i * len(shares) // REQUESTS]
        word = Judgement() if passes else Judgement("made_up", 1.0)
        right = {"cheap": float(passes), "strong": 1.0}
        found.append(Question(features, 0.25, right, cost, used, word, word, ""))
    return found


async def simulate() -> None:
    settings = settings_of(Pair("", "", ""))
    print(
        f"{REQUESTS} made-up requests, {SEEDS} times: cost in % of the better of always and never trying, and"
    )
    print("in brackets the least and the most of the times; then the share that began at the cheap tier")
    print(
        f"  {'passes':>18}{'price':>7}" + "".join(f"{way:>26}" for way in ("cascade", "bypass", "expected"))
    )
    cases = [((share,), ratio) for ratio in RATIOS for share in SHARES]
    cases += [((0.6, 0.02), 0.3), ((0.02, 0.6), 0.3)]
    for shares, ratio in cases:
        cells = []
        for way in ("cascade", "bypass", "expected"):
            costs, tried = [], []
            for seed in range(SEEDS):
                asked = made_up(shares, ratio, seed)
                facts = tuple(TierFacts(Price(completion=r * UNIT / 100)) for r in (ratio, 1.0))
                house, run = House(facts, settings, way, random.Random(seed)), Run()
                for question in asked:
                    await house.ask(question, run)
                await house.engine.close()
                best = sum(min(ratio + 1 - s, 1.0) for s in shares) / len(shares) * UNIT
                costs.append(100 * mean(run.cost) / best)
                tried.append(100 * (1 - mean(run.straight)))
            cells.append(f"{mean(costs):6.1f} [{min(costs):.1f}, {max(costs):.1f}]{mean(tried):5.0f}")
        told = " then ".join(f"{s:.2f}" for s in shares)
        print(f"  {told:>18}{ratio:7.2f}" + "".join(f"{cell:>26}" for cell in cells))


async def measure(name: str, orders: int, *, learned: bool) -> None:
    pair = PAIRS[name]
    settings = settings_of(pair)
    asked = await questions(pair, settings, learned=learned)
    passed = mean([q.alone.accepted for q in asked])
    ratio = sum(q.cost["cheap"] for q in asked) / sum(q.cost["strong"] for q in asked)
    beside = f" with {pair.second}" if pair.second else ""
    print(f"\n{name}: {len(asked)} questions, {pair.cheap}{beside} < {pair.strong}")
    print(f"  a cheap answer costs {ratio:.3f} of a strong one; the gates but agreement pass {passed:.3f}")
    print(f"  {'':10}{'cost':>7}{'right':>7}{'straight':>10}{'second':>8}   added to cascade: cost, quality")
    found = {
        way: await runs(pair, settings, asked, way, orders)
        for way in ("strong", "cascade", "bypass", "expected")
    }
    dear = mean(by_question(found["strong"], "cost"))
    for way, each in found.items():
        figures = [mean(by_question(each, what)) for what in ("cost", "right", "straight", "second")]
        more = () if way in {"strong", "cascade"} else added(each, found["cascade"])
        told = f"{shown(more[0], ' %', 16)} {shown(more[1], '', 14)}" if more else ""
        kept = KEPT.table(
            "pairs", "set and pair", ("questions", ",d"), "way", ("cost, % of strong", ".1f"),
            ("right, %", ".1f"), ("straight, %", ".1f"), ("more cost than cascade, %", "+.1f"),
            ("more quality, points", "+.1f"),
        )  # fmt: skip
        shares = (100 * figures[0] / dear, 100 * figures[1], 100 * figures[2])
        kept.row(name, len(asked), way, *shares, *(more or (None, None)))
        print(
            f"  {way:10}{100 * figures[0] / dear:7.1f}{100 * figures[1]:7.1f}{100 * figures[2]:10.1f}"
            f"{100 * figures[3]:8.1f}   {told}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", action="append", choices=sorted(PAIRS), help="only these")
    parser.add_argument("--orders", type=int, default=5, help="in how many random orders")
    parser.add_argument("--learned", action="store_true", help="a trained classifier's scores")
    parser.add_argument("--simulate", action="store_true", help="made-up traffic instead")
    options = parser.parse_args()
    if options.simulate:
        asyncio.run(simulate())
        return 0
    if not (DATA / "prices.json").is_file():
        print(f"no recorded outcomes in {DATA}: set TIERING_DATA")
        return 0
    for name in options.set or PAIRS:
        asyncio.run(measure(name, options.orders, learned=options.learned))
    return 0


if __name__ == "__main__":
    KEPT.run(main)
