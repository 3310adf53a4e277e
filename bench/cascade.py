"""What the gates are worth: cost and quality of the cascade on recorded answers, through a real proxy.

Two tiers, weak and strong, at list prices. Requests start at the weak tier, so that the gates are seen alone:
the default ones, all built-in ones that need no training, none, and always the strong tier; then with the
heuristic deciding where they start. Prompts that ask for JSON in words are also sent with `response_format`,
as their clients would, so that the json_schema gate has something to check. Streams are asked for a sample of
each set, with `prefix` and with `buffer`. Usage:

    python bench/cascade.py [--set NAME]... [--questions N] [--streamed 150]

Beside each quality stands what chance would reach: the mix of always weak and always strong that costs the
same. `gain` is the difference, its 95 % interval from paired bootstrap samples; a gate that is worth anything
has it above zero. Costs are of all attempts, as the proxy tells them, and are compared with its ledger. Needs
the recorded outcomes (TIERING_DATA, or ../shared/data) and the provider (TIERING_TOOLS, or ../shared/tools);
where they are absent it says so and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from gains import Row, intervals, mixed
from kept import Kept
from litellm_tiering.testing.proxy import Proxy, serve_proxy
from replaying import SETS, Outcome, absent, config_of, read, serve_replay

if TYPE_CHECKING:
    from collections.abc import Sequence

MEASURED = ("ifeval@haiku", "zeroeval_gsm@gpt35", "zeroeval_mathl5@haiku", "zeroeval_mathl5@gemma")
CONCURRENCY = 8
KEPT = Kept(__file__)
SETTLED_WITHIN_S = 20.0
DEFAULT = [{"kind": k} for k in ("not_empty", "finished", "refusal", "json_schema")]
HOUSES = {
    "default": {},
    "all": {"gates": [*DEFAULT, *({"kind": k} for k in ("repetition", "unbalanced", "language"))]},
    "strict": {"gates": [*DEFAULT[:3], {"kind": "json_schema", "mode": "strict"}]},
    "buffer": {"stream": "buffer"},
}
"""The ``cascade:`` section of each proxy."""

ROUTES = [
    {"name": "weak", "models": ["only-weak"], "classify": False, "tier": "weak", "cascade": False},
    {"name": "strong", "models": ["only-strong"], "classify": False, "tier": "strong", "cascade": False},
    {"name": "first", "models": ["weak-first"], "classify": False, "tier": "weak", "cascade": True},
    {"name": "auto", "models": ["auto"], "cascade": True},
    {"name": "auto-ungated", "models": ["auto-ungated"], "cascade": False},
]


@dataclass(frozen=True)
class Way:
    """One configuration: which proxy, the name asked for, and what the request says."""

    label: str
    model: str
    house: str = "default"
    json: bool = False
    stream: bool = False


WEAK = Way("always weak (no gates)", "only-weak")
STRONG = Way("always strong", "only-strong")
PLAIN = Way("default gates", "weak-first")
ASKED = Way("default gates, JSON asked", "weak-first", json=True)
WAYS = (
    WEAK,
    STRONG,
    PLAIN,
    Way("all untrained gates", "weak-first", "all"),
    Way("heuristic, no gates", "auto-ungated"),
    Way("heuristic, default gates", "auto"),
)
JSON_WAYS = (
    ASKED,
    Way("all untrained, JSON asked", "weak-first", "all", json=True),
    Way("json_schema strict, JSON asked", "weak-first", "strict", json=True),
)


@dataclass(frozen=True)
class Reply:
    """What one question got: whose answer, its cost in nano-dollars, the attempts, whether it broke off."""

    group: str
    cost: int
    attempts: tuple[tuple[str, str], ...]
    text: str
    broken: bool = False


@dataclass(frozen=True)
class Run:
    """One configuration's replies, how long they took, and whether its costs were the ledger's."""

    way: Way
    replies: list[Reply]
    wall_s: float
    exact: bool


# ---------------------------------------------------------------------- asking


def nano(dollars: str | float) -> int:
    return round(float(dollars) * 1e9)


class Asker:
    """Asks one proxy all the questions in one way."""

    def __init__(self, proxy: Proxy, way: Way) -> None:
        self.proxy = proxy
        self.way = way

    def body(self, outcome: Outcome) -> dict:
        found = {"model": self.way.model, "messages": [{"role": "user", "content": outcome.prompt}]}
        if self.way.json:
            found["response_format"] = {"type": "json_object"}
        return {**found, "stream": True} if self.way.stream else found

    def run(self, outcomes: Sequence[Outcome]) -> Run:
        before = self.spent()
        began = time.perf_counter()
        found = asyncio.run(self.ask_all(outcomes))
        took = time.perf_counter() - began
        after = self.settled()
        replies = [self.of_record(*each) for each in found] if self.way.stream else found
        exact = sum(r.cost for r in replies) == after - before
        return Run(self.way, replies, took, exact)

    async def ask_all(self, outcomes: Sequence[Outcome]) -> list:
        gate = asyncio.Semaphore(CONCURRENCY)
        headers = {"authorization": f"Bearer {self.proxy.key}"}
        async with httpx.AsyncClient(base_url=self.proxy.base_url, headers=headers, timeout=60) as client:

            async def one(outcome: Outcome) -> object:
                async with gate:
                    ask = self.streamed if self.way.stream else self.whole
                    return await ask(client, self.body(outcome))

            return await asyncio.gather(*(one(o) for o in outcomes))

    async def whole(self, client: httpx.AsyncClient, body: dict) -> Reply:
        answer = await client.post("/v1/chat/completions", json=body)
        answer.raise_for_status()
        said = answer.headers["x-tiering-attempts"]
        attempts = tuple(tuple(part.split(":", 1)) for part in said.split(","))
        text = answer.json()["choices"][0]["message"]["content"]
        cost = nano(answer.headers["x-tiering-cost-usd"])
        return Reply(answer.headers["x-tiering-model"], cost, attempts, text)

    async def streamed(self, client: httpx.AsyncClient, body: dict) -> tuple[str, str, bool]:
        """The decision's id, the text, whether it broke off; headers are sent before the cost is known."""
        text, broken = [], False
        async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    event = json.loads(line[6:])
                    broken = broken or "error" in event
                    choices = event.get("choices") or [{}]
                    text.append((choices[0].get("delta") or {}).get("content") or "")
            return answer.headers["x-tiering-decision"], "".join(text), broken

    def of_record(self, id_: str, text: str, broken: bool) -> Reply:
        record = self.proxy.client.get(f"/tiering/decisions/{id_}").json()
        attempts = tuple((a["model"], a["verdict"]) for a in record["attempts"])
        return Reply(record["model"], nano(record["cost_usd"]), attempts, text, broken)

    def spent(self) -> int:
        return nano(self.budget()["spent_usd"])

    def budget(self) -> dict:
        return next(b for b in self.proxy.status()["budgets"] if b["scope"] == "global")

    def settled(self) -> int:
        """What is spent once nothing is held any more: LiteLLM logs its calls in the background."""
        ends = time.monotonic() + SETTLED_WITHIN_S
        while self.budget()["reserved_usd"] and time.monotonic() < ends:
            time.sleep(0.05)
        return self.spent()


# ---------------------------------------------------------------------- telling


class Table:
    """The figures of one set, a line for each run."""

    def __init__(
        self, name: str, outcomes: Sequence[Outcome], models: dict[str, str], weak: Run, strong: Run
    ) -> None:
        self.name = name
        self.outcomes = outcomes
        self.models = models
        self.weak = weak
        self.strong = strong

    def head(self) -> None:
        print(
            f"{'':32}{'quality':>8}{'[95 %]':>14}{'% of strong':>12}{'random':>8}{'gain':>8}{'[95 %]':>17}"
            f"{'sent up':>9}{'escalated':>11}{'wrong among rejected':>22}{'caught':>8}  by gate"
        )

    def worth(self, run: Run, way: str = "right") -> list[float]:
        """What each reply is worth; one reader wants it right, others want to read its JSON as well."""
        found = []
        for outcome, reply in zip(self.outcomes, run.replies, strict=False):
            said = outcome.said[self.models[reply.group]]
            usable = way == "right" or (said.readable if way == "lenient" else loads(said.text))
            found.append(said.right if usable and not reply.broken else 0.0)
        return found

    def rows(self, run: Run, way: str = "right") -> list[Row]:
        return [
            Row(*values)
            for values in zip(
                self.worth(run, way),
                [r.cost for r in run.replies],
                self.worth(self.weak, way),
                [r.cost for r in self.weak.replies],
                self.worth(self.strong, way),
                [r.cost for r in self.strong.replies],
                strict=False,
            )
        ]

    def tell(self, run: Run) -> None:
        rows = self.rows(run)
        quality, mix = mixed(rows)
        (low, high), (least, most) = intervals(rows)
        share = sum(r.cost for r in rows) / sum(r.strong_cost for r in rows)
        kept = KEPT.table(
            "ways", "set", "way", ("questions", ",d"), ("quality", ".3f"), ("cost, % of strong", ".1%"),
            ("random at that cost", ".3f"), ("gain", "+.3f"),
        )  # fmt: skip
        gain = quality - mix
        kept.row(self.name, run.way.label, len(rows), (quality, low, high), share, mix, (gain, least, most))
        print(
            f"{run.way.label:32}{quality:8.3f}{f'{low:.3f}-{high:.3f}':>14}{share:12.1%}{mix:8.3f}"
            f"{quality - mix:+8.3f}{f'{least:+.3f} to {most:+.3f}':>17}{self.told_of_gates(run)}"
        )
        self.warn(run)

    def told_of_gates(self, run: Run) -> str:
        above = sum(r.attempts[0][0] == "strong" for r in run.replies) / len(run.replies)
        escalated = sum(len(r.attempts) > 1 for r in run.replies)
        wrong = rejected = missed = 0
        by: Counter[str] = Counter()
        for outcome, reply in zip(self.outcomes, run.replies, strict=False):
            group, verdict = reply.attempts[0]
            if group != "weak":
                continue
            bad = outcome.said[self.models["weak"]].right < 0.5
            if verdict == "ok":
                missed += bad
            else:
                rejected += 1
                wrong += bad
                by[verdict] += 1
        precision = f"{wrong / rejected:.1%} of {rejected}" if rejected else "-"
        caught = f"{wrong / (wrong + missed):.1%}" if wrong + missed else "-"
        names = ", ".join(f"{name} {count}" for name, count in by.most_common())
        return f"{above:9.1%}{escalated / len(run.replies):11.1%}{precision:>22}{caught:>8}  {names}"

    def tell_readers(self, runs: Sequence[Run]) -> None:
        heads = (("right, json.loads reads it", 27), ("right, a forgiving reader too", 31))
        print("\n" + " " * 32 + "".join(f"{h:>{w}}{'random':>8}{'gain':>8}" for h, w in heads))
        for run in runs:
            line = f"{run.way.label:32}"
            for way, width in (("strict", 27), ("lenient", 31)):
                quality, mix = mixed(self.rows(run, way))
                line += f"{quality:{width}.3f}{mix:8.3f}{quality - mix:+8.3f}"
            print(line)

    def warn(self, run: Run) -> None:
        """Say what would make the line above worthless."""
        pairs = zip(self.outcomes, run.replies, strict=False)
        other = sum(r.text != o.said[self.models[r.group]].text and not r.broken for o, r in pairs)
        if other:
            print(f"  !! {other} answers are not the recorded ones of the model named")
        if broken := sum(r.broken for r in run.replies):
            print(f"  !! {broken} streams broke off, counted as wrong: LiteLLM ends one that goes in circles")
        if not run.exact:
            print("  !! the costs told do not add up to what the ledger counted")


def loads(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


# ---------------------------------------------------------------------- measuring


def measure(name: str, count: int | None, streamed: int) -> bool:
    """Print the figures of one set; whether all costs were exact."""
    file, weak, strong = SETS[name]
    models = {"weak": weak, "strong": strong}
    outcomes = read(file, (weak, strong), count)
    asks_json = file.startswith("zeroeval")
    ways = [*WAYS, *(JSON_WAYS if asks_json else ())]
    sample = ASKED if asks_json else PLAIN
    streams = [
        Way(f"streamed, {kind}", sample.model, house, json=sample.json, stream=True)
        for kind, house in (("prefix", "default"), ("buffer", "buffer"))
    ]
    runs = ask(file, models, outcomes, [*ways, *(streams if streamed else ())], streamed)
    table = Table(name, outcomes, models, runs[WEAK], runs[STRONG])
    wall = sum(r.wall_s for r in runs.values())
    print(f"\n{name}: {len(outcomes)} questions, {weak} < {strong}; {wall:.0f} s")
    table.head()
    for way in ways:
        table.tell(runs[way])
    if streamed:
        whole = runs[sample]
        print(f"the first {len(runs[streams[0]].replies)} of them, {sample.label}:")
        part = Way("not streamed", sample.model)
        table.tell(Run(part, whole.replies[:streamed], 0.0, whole.exact))
        for way in streams:
            table.tell(runs[way])
    if asks_json:
        table.tell_readers([runs[way] for way in ways])
    return all(run.exact for run in runs.values())


def ask(
    file: str, models: dict[str, str], outcomes: list[Outcome], ways: Sequence[Way], streamed: int
) -> dict[Way, Run]:
    """Every way's run, each proxy started once."""
    runs = {}
    with serve_replay(file) as url:
        for house, cascade in HOUSES.items():
            mine = [way for way in ways if way.house == house]
            if not mine:
                continue
            tiering = {
                "tiers": [{"name": group, "model": group} for group in models],
                "routes": ROUTES,
                "cascade": cascade,
                "store": {"url": "memory://"},
            }
            virtual = tuple(name for route in ROUTES for name in route["models"])
            with serve_proxy(config_of(url, models, tiering, virtual)) as proxy:
                for way in mine:
                    runs[way] = Asker(proxy, way).run(outcomes[:streamed] if way.stream else outcomes)
    return runs


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", action="append", choices=sorted(SETS), help="only these sets")
    parser.add_argument("--questions", type=int, help="the first so many of each set")
    parser.add_argument("--streamed", type=int, default=150, help="how many of them are asked for as streams")
    options = parser.parse_args()
    if why := absent():
        print(why)
        return 0
    exact = [measure(name, options.questions, options.streamed) for name in options.set or MEASURED]
    KEPT.goal(
        "sets whose costs, as told, are the ledger's to the nano-dollar", sum(exact), at_least=len(exact)
    )
    print("\ncosts told by the proxy and counted by its ledger:", "equal" if all(exact) else "NOT EQUAL")
    return 0 if all(exact) else 1


if __name__ == "__main__":
    KEPT.run(main)
