"""What asking two cheap models is worth: recorded answers, judged offline and through a real proxy.

Two small models of different families are asked, and where they differ a strong one. Offline the configured
gates judge the recorded answers; through the proxy a replaying provider serves them, and quality, cost and
whose answer was served are compared with the offline figures question by question. Usage:

    python bench/agreement.py [--set NAME]... [--questions N] [--offline]

Quality is the share of right answers, cost that of all attempts; both also as a share of always asking the
strong model, with 95 % intervals from 1,000 paired bootstrap samples. `asked twice` is the share of requests
whose answers `on: auto` took to be comparable, `in vain` the share of these whose were not.
`right where ...` is how often the first model was right among answers that agree, differ, or lack the form.
`beside arithmetic` adds the gate that recomputes sums, `beside acceptable` the bundled learned one (which was
trained on these sets, among others), its threshold chosen on one half of the questions and reported on the
other, over 200 random halvings. The last table asks only which requests of other kinds
would be asked twice. Needs the recorded outcomes (TIERING_DATA, or ../shared/data) and for the proxy the
provider (TIERING_TOOLS, or ../shared/tools); where they are absent it says so and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass, field

import httpx

from asked_twice import rows, tell_asked
from kept import Kept
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.agreement import Known
from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Exchange, Said
from litellm_tiering.gates.agreement_reading import forms_of
from litellm_tiering.intake import read_request
from litellm_tiering.intake.answer_form import demand_of
from litellm_tiering.testing.proxy import serve_proxy
from replaying import DATA, absent, config_of, serve_replay

SAMPLES = 1000
CONCURRENCY = 8
KEPT = Kept(__file__)
GOAL_COST = 0.53
"""What 99 % of the strong model's quality may cost on zeroeval_gsm, of always strong."""
SETTLED_WITHIN_S = 20.0


@dataclass(frozen=True)
class Pair:
    """Two cheap models and the strong one behind them."""

    file: str
    first: str
    second: str
    strong: str


PAIRS = {
    "zeroeval_gsm": Pair(
        "zeroeval_gsm", "gpt-3.5-turbo-0125", "claude-3-haiku-20240307", "claude-3-5-sonnet-20241022"
    ),
    "mmlupro": Pair("mmlupro", "meta-llama-3.1-8b-instruct", "gemini-1.5-flash-002", "gemini-1.5-pro-002"),
}
"""Shown through the proxy."""

OTHERS = {
    "zeroeval_gsm (haiku, 4o-mini)": Pair(
        "zeroeval_gsm", "claude-3-haiku-20240307", "gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20241022"
    ),
    "zeroeval_mathl5": Pair(
        "zeroeval_mathl5", "claude-3-haiku-20240307", "gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20241022"
    ),
    "zeroeval_crux": Pair(
        "zeroeval_crux", "claude-3-haiku-20240307", "gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"
    ),
}
"""Judged offline only."""

BEFORE = ("not_empty", "finished", "refusal")


MINIMA = (0.0, 0.60, 0.64, 0.66, 0.68, 0.70, 0.72, 0.75)
"""What `acceptable` may be set to beside agreement; 0 leaves it out."""

QUALITY = 0.99
SPLITS = 200


def tiering(*more: dict) -> dict:
    gates = [*({"kind": kind} for kind in BEFORE), *more]
    return {
        "tiers": [{"name": "weak", "model": "weak"}, {"name": "strong", "model": "strong"}],
        "routes": [
            {"name": "pair", "models": ["pair"], "classify": False, "tier": "weak", "cascade": True},
        ],
        # The gate is to be seen alone: no segment learns to start higher.
        "cascade": {"bypass_above": 1.0, "gates": [*gates, {"kind": "agreement", "with": "second"}]},
        "store": {"url": "memory://"},
    }


# ---------------------------------------------------------------------- recorded answers


@dataclass(frozen=True)
class Answer:
    """One model's recorded answer: its text, whether it was right, what it cost in nano-dollars."""

    text: str
    right: float
    cost: int


@dataclass(frozen=True)
class Question:
    """A prompt and the three models' answers."""

    prompt: str
    first: Answer
    second: Answer
    strong: Answer


@dataclass
class Served:
    """What became of each question: the answer served, what all attempts cost, what the gate said."""

    right: list[float] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)
    model: list[str] = field(default_factory=list)
    word: list[str] = field(default_factory=list)

    def add(self, right: float, cost: int, model: str, word: str) -> None:
        self.right.append(right)
        self.cost.append(cost)
        self.model.append(model)
        self.word.append(word)


def questions(pair: Pair, count: int | None) -> list[Question]:
    """The questions that all three answered, at list prices for the tokens that the provider reports."""
    prices = json.loads((DATA / "prices.json").read_text())
    found = []
    for row in rows(pair.file):
        said = [row["responses"].get(m) for m in (pair.first, pair.second, pair.strong)]
        if any(a is None or a.get("text") is None for a in said):
            continue
        models = (pair.first, pair.second, pair.strong)
        found.append(
            Question(
                row["prompt"],
                *(answer_of(row["prompt"], a, prices[m]) for a, m in zip(said, models, strict=True)),
            )
        )
    return found[:count]


def answer_of(prompt: str, answer: dict, price: dict) -> Answer:
    # The replaying provider makes up what was not recorded in the same way.
    prompt_tokens = int(answer.get("prompt_tokens") or len(prompt) // 4 + 1)
    completion = int(answer.get("completion_tokens") or len(answer["text"]) // 4 + 1)
    usd = prompt_tokens * price["input_per_token"] + completion * price["output_per_token"]
    return Answer(answer["text"], float(answer["correct"]), round(usd * 1e9))


# ---------------------------------------------------------------------- offline


async def judged(asked: list[Question], *more: dict) -> Served:
    """What the configured gates make of the recorded answers."""
    settings = build(from_mapping(tiering(*more)).config)
    cascade = settings.cascade
    assert cascade is not None
    assert cascade.agreement is not None
    found = Served()
    for question in asked:
        body = {"model": "pair", "messages": [{"role": "user", "content": question.prompt}]}
        features, prompt = read_request(body, Surface.CHAT)
        demand = demand_of(body)
        asks = bool(forms_of(cascade.agreement.on, features, prompt, demand))
        peers = Known([Said(question.second.text, finish_reason="stop")], "" if asks else "free_text")
        said = Said(question.first.text, finish_reason="stop")
        exchange = Exchange(said, features, prompt, demand, "weak", "weak", peers=peers)
        verdict = await cascade.gates.judge(exchange)
        cost = question.first.cost + (question.second.cost if asks else 0)
        word = (
            verdict.by
            if verdict.by not in ("", "agreement")
            else (peers.words or (peers.why or "unused",))[0]
        )
        if verdict.accepted:
            found.add(question.first.right, cost, "weak", word)
        else:
            found.add(question.strong.right, cost + question.strong.cost, "strong", word)
    return found


# ---------------------------------------------------------------------- through the proxy


async def asked_of(proxy: object, asked: list[Question]) -> Served:
    gate = asyncio.Semaphore(CONCURRENCY)
    headers = {"authorization": f"Bearer {proxy.key}"}
    async with httpx.AsyncClient(base_url=proxy.base_url, headers=headers, timeout=60) as client:

        async def one(question: Question) -> tuple[str, int, str, str]:
            async with gate:
                messages = [{"role": "user", "content": question.prompt}]
                answer = await client.post(
                    "/v1/chat/completions", json={"model": "pair", "messages": messages}
                )
            answer.raise_for_status()
            told = answer.headers
            said = dict(part.rsplit(":", 1) for part in told["x-tiering-attempts"].split(","))
            word = (
                said["weak"] if said["weak"] not in ("ok", "agreement") else said.get("second", "free_text")
            )
            cost = round(float(told["x-tiering-cost-usd"]) * 1e9)
            return told["x-tiering-model"], cost, word, answer.json()["choices"][0]["message"]["content"]

        replies = await asyncio.gather(*(one(q) for q in asked))
    found = Served()
    for question, (model, cost, word, text) in zip(asked, replies, strict=True):
        answer = question.first if model == "weak" else question.strong
        found.add(answer.right if answer.text == text else 0.0, cost, model, word)
    return found


def proxied(pair: Pair, asked: list[Question]) -> tuple[Served, bool]:
    """What the proxy made of them, and whether its ledger agrees with the costs that it told."""
    groups = {"weak": pair.first, "second": pair.second, "strong": pair.strong}
    with serve_replay(pair.file) as provider:
        config = config_of(provider, groups, tiering(), ("pair",))
        with serve_proxy(config) as proxy:
            found = asyncio.run(asked_of(proxy, asked))
            ends = time.monotonic() + SETTLED_WITHIN_S
            while budget(proxy)["reserved_usd"] and time.monotonic() < ends:
                time.sleep(0.05)
            return found, round(budget(proxy)["spent_usd"] * 1e9) == sum(found.cost)


def budget(proxy: object) -> dict:
    return next(b for b in proxy.status()["budgets"] if b["scope"] == "global")


# ---------------------------------------------------------------------- telling


def ends(values: list[float]) -> tuple[float, float]:
    values = sorted(values)
    return values[int(0.025 * len(values))], values[int(0.975 * len(values)) - 1]


def span(values: list[float]) -> str:
    low, high = ends(values)
    return f"[{low:.3f}, {high:.3f}]"


def keep(name: str, label: str, *cells: object) -> None:
    KEPT.table(
        "ways", "questions", "way", ("quality", ".3f"), ("of strong", ".3f"), ("cost, of strong", ".3f"),
        ("escalated", ".3f"),
    ).row(name, label, *cells)  # fmt: skip


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def tell(name: str, label: str, asked: list[Question], served: Served) -> None:
    strong, dear = [q.strong.right for q in asked], [q.strong.cost for q in asked]
    count, draw = len(asked), random.Random(7)
    shares, costs = [], []
    for _ in range(SAMPLES):
        at = draw.choices(range(count), k=count)
        shares.append(sum(served.right[i] for i in at) / max(1e-9, sum(strong[i] for i in at)))
        costs.append(sum(served.cost[i] for i in at) / sum(dear[i] for i in at))
    up = served.model.count("strong") / count
    share, cost = sum(served.right) / sum(strong), sum(served.cost) / sum(dear)
    keep(name, label, mean(served.right), (share, *ends(shares)), (cost, *ends(costs)), up)
    print(
        f"  {label:22} quality {mean(served.right):.3f}  {sum(served.right) / sum(strong):.3f} of strong "
        f"{span(shares)}  cost {sum(served.cost) / sum(dear):.3f} {span(costs)}  escalated {up:.3f}"
    )


def tell_split(name: str, asked: list[Question]) -> None:
    """The cheapest minimum that keeps 99 % on one half of the questions, and what it does on the other."""
    ways = {
        low: asyncio.run(judged(asked, *([{"kind": "acceptable", "min": low}] if low else [])))
        for low in MINIMA
    }
    draw, count, found = random.Random(7), len(asked), []

    def of(low: float, at: list[int]) -> tuple[float, float]:
        way = ways[low]
        right = sum(way.right[i] for i in at) / sum(asked[i].strong.right for i in at)
        return right, sum(way.cost[i] for i in at) / sum(asked[i].strong.cost for i in at)

    for _ in range(SPLITS):
        order = draw.sample(range(count), count)
        half, rest = order[: count // 2], order[count // 2 :]
        good = [low for low in MINIMA if of(low, half)[0] >= QUALITY] or [MINIMA[-1]]
        found.append(of(min(good, key=lambda low: of(low, half)[1]), rest))
    qualities, costs = ([pair[i] for pair in found] for i in (0, 1))
    whole, part = (mean(qualities), *ends(qualities)), (mean(costs), *ends(costs))
    keep(name, "beside acceptable, chosen on the other half", None, whole, part, None)
    if name == "zeroeval_gsm":
        KEPT.goal(
            "`agreement` beside `acceptable`, zeroeval_gsm: quality, of strong", whole[0], at_least=QUALITY
        )
        KEPT.goal(
            "`agreement` beside `acceptable`, zeroeval_gsm: cost, of strong", part[0], at_most=GOAL_COST
        )
    print(
        f"  beside acceptable      its min chosen on one half for {QUALITY:.0%} of strong, the other half: "
        f"{mean([q for q, _ in found]):.3f} {span([q for q, _ in found])} at cost "
        f"{mean([c for _, c in found]):.3f} {span([c for _, c in found])}"
    )


def words(asked: list[Question], served: Served) -> None:
    compared = {"agrees", "differs", "no_answer"}
    twice = [w for w in served.word if w in compared or w == "incomparable"]
    vain = twice.count("incomparable") / len(twice) if twice else 0.0
    print(f"  asked twice {len(twice) / len(asked):.3f}, of which in vain {vain:.3f}; right where", end="")
    for word in ("agrees", "differs", "no_answer", "incomparable"):
        of = [q for q, w in zip(asked, served.word, strict=True) if w == word]
        if of:
            first, second, strong = (
                mean([getattr(q, n).right for q in of]) for n in ("first", "second", "strong")
            )
            print(f"  {word} ({len(of)}): {first:.3f} / {second:.3f} / {strong:.3f}", end="")
    print()


def measure(name: str, pair: Pair, count: int | None, *, through: bool) -> bool:
    asked = questions(pair, count)
    print(f"\n{name}: {len(asked)} questions, {pair.first} with {pair.second} < {pair.strong}")
    for label, which in (("always first", "first"), ("always second", "second"), ("always strong", "strong")):
        alone = Served()
        for q in asked:
            one = getattr(q, which)
            alone.add(one.right, one.cost, "strong" if which == "strong" else "weak", "")
        tell(name, label, asked, alone)
    offline = asyncio.run(judged(asked))
    tell(name, "agreement, offline", asked, offline)
    words(asked, offline)
    tell(name, "beside arithmetic", asked, asyncio.run(judged(asked, {"kind": "arithmetic"})))
    if name in PAIRS:
        tell_split(name, asked)
    if not through:
        return True
    online, exact = proxied(pair, asked)
    tell(name, "agreement, proxy", asked, online)
    other = sum(a != b for a, b in zip(offline.model, online.model, strict=True))
    off = abs(mean(online.right) - mean(offline.right)) * 100
    dearer = sum(online.cost) / sum(offline.cost) - 1
    print(
        f"  proxy against offline: {other} served differently, quality {off:.2f} points apart, cost "
        f"{dearer:+.3%}; the ledger {'agrees to the nano-dollar' if exact else 'DOES NOT AGREE'}"
    )
    met = KEPT.goal(f"{name}: proxy against offline, quality, points", off, at_most=0.5)
    met = KEPT.goal(f"{name}: proxy against offline, cost, %", 100 * abs(dearer), at_most=1.0) and met
    return exact and met


def main() -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--set", action="append", choices=[*PAIRS, *OTHERS])
    parser.add_argument("--questions", type=int, default=None)
    parser.add_argument("--offline", action="store_true", help="ask no proxy")
    chosen = parser.parse_args()
    why = absent()
    if why:
        print(why)
        return 0
    sound = True
    for name, pair in {**PAIRS, **OTHERS}.items():
        if chosen.set is None or name in chosen.set:
            through = name in PAIRS and not chosen.offline
            sound = measure(name, pair, chosen.questions, through=through) and sound
    if chosen.set is None:
        tell_asked()
    return 0 if sound else 1


if __name__ == "__main__":
    KEPT.run(main)
