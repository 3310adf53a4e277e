"""Recorded answers of real models through a real proxy: what is served and paid is what was found offline."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.agreement import Known
from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Exchange, Said
from litellm_tiering.intake import read_request
from litellm_tiering.intake.answer_form import demand_of
from litellm_tiering.testing.processes import free_port, spawned, wait_http
from litellm_tiering.testing.proxy import serve_proxy

SHARED = Path(__file__).resolve().parents[3] / "shared"
DATA = Path(os.environ.get("TIERING_DATA", SHARED / "data"))
TOOL = Path(os.environ.get("TIERING_TOOLS", SHARED / "tools")) / "replay_provider.py"
QUESTIONS = 60
PAIRS = {
    "zeroeval_gsm": ("gpt-3.5-turbo-0125", "claude-3-haiku-20240307", "claude-3-5-sonnet-20241022"),
    "mmlupro": ("meta-llama-3.1-8b-instruct", "gemini-1.5-flash-002", "gemini-1.5-pro-002"),
}
TIERING = {
    "tiers": [{"name": "weak", "model": "weak"}, {"name": "strong", "model": "strong"}],
    "routes": [{"name": "pair", "models": ["pair"], "classify": False, "tier": "weak", "cascade": True}],
    "cascade": {
        "bypass_above": 1.0,
        "gates": [{"kind": "not_empty"}, {"kind": "refusal"}, {"kind": "agreement", "with": "second"}],
    },
    "store": {"url": "memory://"},
}

pytestmark = pytest.mark.skipif(
    not (DATA / "prices.json").exists() or not TOOL.exists(),
    reason="no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS",
)


def recorded(name: str) -> list[dict]:
    models = PAIRS[name]
    with gzip.open(DATA / f"outcomes_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = (json.loads(line) for line in file)
        whole = (r for r in rows if all((r["responses"].get(m) or {}).get("text") for m in models))
        return list(itertools.islice(whole, QUESTIONS))


def cost(row: dict, model: str, prices: dict) -> int:
    """What an answer costs at list prices, in nano-dollars, for the tokens that the provider reports."""
    answer, price = row["responses"][model], prices[model]
    usd = answer["prompt_tokens"] * price["input_per_token"]
    return round((usd + answer["completion_tokens"] * price["output_per_token"]) * 1e9)


async def offline(rows: list[dict], name: str, prices: dict) -> list[tuple[str, int]]:
    """The group that is served and the cost of all attempts, for each question."""
    gates = build(from_mapping(TIERING).config).cascade.gates
    first, second, strong = PAIRS[name]
    found = []
    for row in rows:
        body = {"messages": [{"role": "user", "content": row["prompt"]}]}
        features, prompt = read_request(body, Surface.CHAT)
        texts = [Said(row["responses"][m]["text"], finish_reason="stop") for m in (first, second)]
        exchange = Exchange(texts[0], features, prompt, demand_of(body), peers=Known(texts[1:]))
        accepted = (await gates.judge(exchange)).accepted
        paid = sum(cost(row, m, prices) for m in (first, second))
        found.append(("weak", paid) if accepted else ("strong", paid + cost(row, strong, prices)))
    return found


def config(name: str, url: str, prices: dict) -> dict:
    groups = zip(("weak", "second", "strong"), PAIRS[name], strict=True)
    return {
        "model_list": [
            {
                "model_name": group,
                "litellm_params": {"model": f"openai/{model}", "api_base": f"{url}/v1", "api_key": "none"},
                "model_info": {
                    "input_cost_per_token": prices[model]["input_per_token"],
                    "output_cost_per_token": prices[model]["output_per_token"],
                },
            }
            for group, model in groups
        ],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
        "router_settings": {"model_group_alias": {"pair": "strong"}, "num_retries": 0},
        "tiering": TIERING,
    }


@pytest.mark.parametrize("name", PAIRS)
def test_a_real_proxy_serves_and_pays_what_the_gates_say_offline(name):
    prices = json.loads((DATA / "prices.json").read_text())
    rows = recorded(name)
    expected = asyncio.run(offline(rows, name, prices))
    assert {group for group, _ in expected} == {"weak", "strong"}
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(TOOL), "--port", str(port), name]
    env = {**os.environ, "TIERING_DATA": str(DATA)}
    with spawned(command, env=env, name="the replay provider") as process:
        wait_http(f"{url}/v1/models", process, 60)
        with serve_proxy(config(name, url, prices)) as proxy:

            def ask(row: dict) -> tuple[str, str, int]:
                messages = [{"role": "user", "content": row["prompt"]}]
                answer = proxy.client.post(
                    "/v1/chat/completions", json={"model": "pair", "messages": messages}
                )
                answer.raise_for_status()
                told = answer.headers
                text = answer.json()["choices"][0]["message"]["content"]
                return text, told["x-tiering-model"], round(float(told["x-tiering-cost-usd"]) * 1e9)

            with ThreadPoolExecutor(4) as pool:
                found = list(pool.map(ask, rows))
    assert [(group, paid) for _, group, paid in found] == expected
    models = dict(zip(("weak", "second", "strong"), PAIRS[name], strict=True))
    texts = [row["responses"][models[group]]["text"] for row, (group, _) in zip(rows, expected, strict=True)]
    assert [text for text, _, _ in found] == texts
