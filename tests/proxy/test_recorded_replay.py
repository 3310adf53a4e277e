"""Recorded answers of real models through a real proxy: what is served and paid is what was found offline."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
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
AGREEMENT = {"kind": "agreement", "with": "second"}


@dataclass(frozen=True)
class Case:
    """One set of recorded answers behind a weak group, a strong one and perhaps a second weak one."""

    file: str
    models: dict[str, str]
    gates: tuple[dict, ...]
    questions: int

    @property
    def tiering(self) -> dict:
        gates = [{"kind": "not_empty"}, {"kind": "refusal"}, *self.gates]
        return {
            "tiers": [{"name": "weak", "model": "weak"}, {"name": "strong", "model": "strong"}],
            "routes": [
                {"name": "first", "models": ["pair"], "classify": False, "tier": "weak", "cascade": True}
            ],
            "cascade": {"bypass_above": 1.0, "gates": gates},
            "store": {"url": "memory://"},
        }


CASES = {
    "agreement on zeroeval_gsm": Case(
        "zeroeval_gsm",
        {
            "weak": "gpt-3.5-turbo-0125",
            "second": "claude-3-haiku-20240307",
            "strong": "claude-3-5-sonnet-20241022",
        },
        (AGREEMENT,),
        60,
    ),
    "agreement on mmlupro": Case(
        "mmlupro",
        {
            "weak": "meta-llama-3.1-8b-instruct",
            "second": "gemini-1.5-flash-002",
            "strong": "gemini-1.5-pro-002",
        },
        (AGREEMENT,),
        60,
    ),
    "constraints on ifeval": Case(
        "ifeval",
        {"weak": "claude-3-haiku-20240307", "strong": "claude-3-5-sonnet-20240620"},
        ({"kind": "constraints"},),
        328,
    ),
}

pytestmark = pytest.mark.skipif(
    not (DATA / "prices.json").exists() or not TOOL.exists(),
    reason="no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS",
)


def recorded(case: Case) -> list[dict]:
    models = case.models.values()
    with gzip.open(DATA / f"outcomes_{case.file}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = (json.loads(line) for line in file)
        whole = (r for r in rows if all((r["responses"].get(m) or {}).get("text") for m in models))
        return list(itertools.islice(whole, case.questions))


def cost(row: dict, model: str, prices: dict) -> int:
    """What an answer costs at list prices, in nano-dollars, for the tokens that the provider reports."""
    answer, price = row["responses"][model], prices[model]
    asked = int(answer.get("prompt_tokens") or len(row["prompt"].strip()) // 4 + 1)
    said = int(answer.get("completion_tokens") or len(answer["text"]) // 4 + 1)
    return round((asked * price["input_per_token"] + said * price["output_per_token"]) * 1e9)


async def offline(rows: list[dict], case: Case, prices: dict) -> list[tuple[str, int]]:
    """The group that is served and the cost of all attempts, for each question."""
    gates = build(from_mapping(case.tiering).config).cascade.gates
    cheap = [model for group, model in case.models.items() if group != "strong"]
    strong = case.models["strong"]
    found = []
    for row in rows:
        body = {"messages": [{"role": "user", "content": row["prompt"]}]}
        features, prompt = read_request(body, Surface.CHAT)
        texts = [Said(row["responses"][m]["text"], finish_reason="stop") for m in (*cheap, strong)]
        peers = Known(texts[1:-1]) if texts[1:-1] else None
        exchange = Exchange(texts[0], features, prompt, demand_of(body), peers=peers)
        first = await gates.judge(exchange)
        paid = sum(cost(row, m, prices) for m in cheap)
        if first.accepted:
            found.append(("weak", paid))
            continue
        # The strong answer is judged as well: of two rejected ones the less doubtful is served.
        last = await gates.judge(replace(exchange, said=texts[-1], peers=None))
        group = "weak" if not last.accepted and first.p_bad < last.p_bad else "strong"
        found.append((group, paid + cost(row, strong, prices)))
    return found


def config(case: Case, url: str, prices: dict) -> dict:
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
            for group, model in case.models.items()
        ],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
        "router_settings": {"model_group_alias": {"pair": "strong"}, "num_retries": 0},
        "tiering": case.tiering,
    }


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_real_proxy_serves_and_pays_what_the_gates_say_offline(case):
    prices = json.loads((DATA / "prices.json").read_text())
    rows = recorded(case)
    expected = asyncio.run(offline(rows, case, prices))
    assert {group for group, _ in expected} == {"weak", "strong"}
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(TOOL), "--port", str(port), case.file]
    env = {**os.environ, "TIERING_DATA": str(DATA)}
    with spawned(command, env=env, name="the replay provider") as process:
        wait_http(f"{url}/v1/models", process, 60)
        with serve_proxy(config(case, url, prices)) as proxy:

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
    texts = [
        row["responses"][case.models[group]]["text"] for row, (group, _) in zip(rows, expected, strict=True)
    ]
    assert [text for text, _, _ in found] == texts
