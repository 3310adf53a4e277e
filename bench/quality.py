"""Cost and quality on real questions with real models' recorded answers, through a real proxy.

The proxy stands in front of a provider that serves recorded answers (`replay_provider.py`); which model's
answer a question got is read from its own header, and whether it was right from the recording. Usage:

    python bench/quality.py [--questions 300]

Needs the recorded outcomes (TIERING_DATA, or ../shared/data) and the provider (TIERING_TOOLS, or
../shared/tools); where they are absent it says so and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from litellm_tiering.testing.processes import free_port, spawned, wait_http
from litellm_tiering.testing.proxy import Proxy, serve_proxy

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
DATA = Path(os.environ.get("TIERING_DATA", SHARED / "data"))
TOOLS = Path(os.environ.get("TIERING_TOOLS", SHARED / "tools"))
SETS = {
    "ifeval@haiku": ("ifeval", "claude-3-haiku-20240307", "claude-3-5-sonnet-20240620"),
    "zeroeval_gsm@haiku": ("zeroeval_gsm", "claude-3-haiku-20240307", "claude-3-5-sonnet-20241022"),
    "zeroeval_gsm@gpt35": ("zeroeval_gsm", "gpt-3.5-turbo-0125", "claude-3-5-sonnet-20241022"),
}
CONCURRENCY = 8


@dataclass(frozen=True)
class Outcome:
    """One question: each model's recorded correctness and tokens."""

    prompt: str
    correct: dict[str, float]


def read(name: str, models: tuple[str, str], count: int) -> list[Outcome]:
    found = []
    with gzip.open(DATA / f"outcomes_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            answers = row["responses"]
            if all(m in answers and answers[m].get("text") is not None for m in models):
                found.append(Outcome(row["prompt"], {m: float(answers[m]["correct"]) for m in models}))
    return found[:count]


def config(provider: str, weak: str, strong: str) -> dict:
    prices = json.loads((DATA / "prices.json").read_text())
    groups = []
    for group, model in (("small", weak), ("large", strong)):
        price = prices[model]
        groups.append(
            {
                "model_name": group,
                "litellm_params": {
                    "model": f"openai/{model}",
                    "api_base": f"{provider}/v1",
                    "api_key": "none",
                },
                "model_info": {
                    "input_cost_per_token": price["input_per_token"],
                    "output_cost_per_token": price["output_per_token"],
                },
            }
        )
    return {
        "model_list": groups,
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
        "router_settings": {"model_group_alias": {"auto": "large"}, "num_retries": 0},
        "tiering": {
            "tiers": [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}],
            "store": {"url": "memory://"},
        },
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
    port = free_port()
    command = [sys.executable, str(TOOLS / "replay_provider.py"), "--port", str(port), file]
    url = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(
            spawned(command, env={**os.environ, "TIERING_DATA": str(DATA)}, name="the replay provider")
        )
        wait_http(f"{url}/v1/models", process, 60)
        proxy = stack.enter_context(serve_proxy(config(url, weak, strong)))
        print(f"\n{name}: {len(outcomes)} questions, {weak} < {strong}")
        print(f"{'':16}{'quality':>9}{'cost USD':>12}{'% of strong':>13}{'to strong':>11}")
        results = {}
        for label, model in (("always cheap", "small"), ("always strong", "large"), ("auto", "auto")):
            cost, groups = asyncio.run(ask_all(proxy, model, outcomes))
            right = sum(o.correct[models[g]] for o, g in zip(outcomes, groups, strict=True)) / len(outcomes)
            results[label] = (right, cost, groups.count("large") / len(groups))
        dearest = results["always strong"][1]
        for label, (right, cost, share) in results.items():
            print(f"{label:16}{right:9.3f}{cost:12.4f}{cost / dearest:13.1%}{share:11.1%}")
        (low, cheap, _), (high, dear, _) = results["always cheap"], results["always strong"]
        share = results["auto"][2]
        expected = low + share * (high - low)
        print(
            f"{'random, as many':16}{expected:9.3f}{cheap + share * (dear - cheap):12.4f}{'':13}{share:11.1%}"
        )
        served = httpx.get(f"{url}/stats").json()
        print(f"calls upstream: {served}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=300)
    options = parser.parse_args()
    if not (DATA / "prices.json").exists() or not (TOOLS / "replay_provider.py").exists():
        print("no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS")
        return 0
    for name in SETS:
        measure(name, options.questions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
