"""Cost and quality of the classifier on real questions with real models' answers, through a real proxy.

The proxy stands in front of a provider that serves recorded answers (`replay_provider.py`); which model's
answer a question got is read from its own header, and whether it was right from the recording. The cascade is
off: bench/cascade.py measures it. Usage:

    python bench/quality.py [--questions 300]

Needs the recorded outcomes (TIERING_DATA, or ../shared/data) and the provider (TIERING_TOOLS, or
../shared/tools); where they are absent it says so and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

import httpx

from kept import Kept
from litellm_tiering.testing.proxy import Proxy, serve_proxy
from replaying import SETS, Outcome, absent, config_of, read, serve_replay

MEASURED = ("ifeval@haiku", "zeroeval_gsm@haiku", "zeroeval_gsm@gpt35")
CONCURRENCY = 8
KEPT = Kept(__file__)
TIERING = {
    "tiers": [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}],
    "store": {"url": "memory://"},
    "cascade": False,
}


async def ask_all(proxy: Proxy, model: str, outcomes: list[Outcome]) -> tuple[float, list[str]]:
    """The dollars that all questions cost, and the group that answered each."""
    gate = asyncio.Semaphore(CONCURRENCY)
    headers = {"authorization": f"Bearer {proxy.key}"}
    async with httpx.AsyncClient(base_url=proxy.base_url, headers=headers, timeout=60) as client:

        async def one(outcome: Outcome) -> tuple[float, str]:
            body = {"model": model, "messages": [{"role": "user", "content": outcome.prompt}]}
            async with gate:
                answer = await client.post("/v1/chat/completions", json=body)
            answer.raise_for_status()
            return float(answer.headers["x-tiering-cost-usd"]), answer.headers["x-tiering-model"]

        found = await asyncio.gather(*(one(o) for o in outcomes))
    return sum(cost for cost, _ in found), [group for _, group in found]


def measure(name: str, count: int) -> None:
    file, weak, strong = SETS[name]
    outcomes = read(file, (weak, strong), count)
    models = {"small": weak, "large": strong}
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(serve_replay(file))
        proxy = stack.enter_context(serve_proxy(config_of(url, models, TIERING, ("auto",))))
        print(f"\n{name}: {len(outcomes)} questions, {weak} < {strong}")
        print(f"{'':16}{'quality':>9}{'cost USD':>12}{'% of strong':>13}{'to strong':>11}")
        results = {}
        for label, model in (("always cheap", "small"), ("always strong", "large"), ("auto", "auto")):
            cost, groups = asyncio.run(ask_all(proxy, model, outcomes))
            right = sum(o.correct[models[g]] for o, g in zip(outcomes, groups, strict=True)) / len(outcomes)
            results[label] = (right, cost, groups.count("large") / len(groups))
        dearest = results["always strong"][1]
        kept = KEPT.table(
            "sets", "set", "way", ("quality", ".3f"), ("cost, % of strong", ".1%"), ("to strong", ".1%")
        )
        for label, (right, cost, share) in results.items():
            kept.row(name, label, right, cost / dearest, share)
            print(f"{label:16}{right:9.3f}{cost:12.4f}{cost / dearest:13.1%}{share:11.1%}")
        (low, cheap, _), (high, dear, _) = results["always cheap"], results["always strong"]
        share = results["auto"][2]
        expected = low + share * (high - low)
        kept.row(name, "random, as many", expected, (cheap + share * (dear - cheap)) / dearest, share)
        print(
            f"{'random, as many':16}{expected:9.3f}{cheap + share * (dear - cheap):12.4f}{'':13}{share:11.1%}"
        )
        served = httpx.get(f"{url}/stats").json()
        print(f"calls upstream: {served}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=300)
    options = parser.parse_args()
    if why := absent():
        print(why)
        return 0
    for name in MEASURED:
        measure(name, options.questions)
    return 0


if __name__ == "__main__":
    KEPT.run(main)
