"""Five hundred real outcomes: from the files to a running proxy whose policy keeps what was promised."""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from litellm_tiering.cli import main
from litellm_tiering.testing.processes import free_port, spawned, wait_http
from litellm_tiering.testing.proxy import serve_proxy

SHARED = Path(__file__).resolve().parents[3] / "shared"
DATA = Path(os.environ.get("TIERING_DATA", SHARED / "data"))
TOOL = Path(os.environ.get("TIERING_TOOLS", SHARED / "tools")) / "replay_provider.py"
SET = "zeroeval_gsm"
MODELS = {"small": "claude-3-haiku-20240307", "large": "claude-3-5-sonnet-20241022"}
ROWS = 500
TARGET = 0.95

pytestmark = pytest.mark.skipif(
    not (DATA / "prices.json").exists() or not TOOL.exists(),
    reason="no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS",
)


def recorded():
    """The questions that both models answered, shuffled; models are called like the proxy's groups."""
    with gzip.open(DATA / f"outcomes_{SET}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found = [
        {**row, "responses": {group: row["responses"][model] for group, model in MODELS.items()}}
        for row in rows
        if all((row["responses"].get(model) or {}).get("text") for model in MODELS.values())
    ]
    random.Random(0).shuffle(found)
    return found


def proxy_config(url, folder):
    prices = json.loads((DATA / "prices.json").read_text())
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
            for group, model in MODELS.items()
        ],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
        "router_settings": {"model_group_alias": {"auto": "large"}, "num_retries": 0},
        "tiering": {
            "tiers": [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}],
            "classifiers": [{"kind": "learned", "path": str(folder / "router.json")}, {"kind": "heuristic"}],
            "budgets": [{"scope": "global", "limit_usd": 1000}],
            "store": {"url": "memory://"},
        },
    }


def commanded(*words):
    status = main([str(word) for word in words])
    assert status == 0, words


@pytest.fixture
def lines():
    """The rows to train and tune on, and the rest."""
    found = recorded()
    return found[:ROWS], found[ROWS:]


@pytest.fixture
def replaying():
    """The provider of the recorded answers: its address."""
    port = free_port()
    command = [sys.executable, str(TOOL), "--port", str(port), SET]
    env = {**os.environ, "TIERING_DATA": str(DATA)}
    with spawned(command, env=env, name="the replay provider") as process:
        wait_http(f"http://127.0.0.1:{port}/v1/models", process, 60)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def tuned(lines, replaying, tmp_path, monkeypatch, capsys):
    """The configuration that `train` and `tune` come to, and the tiers that `score` gives the rest."""
    monkeypatch.delenv("LITELLM_TIERING_CONFIG", raising=False)
    own, rest = lines
    for name, rows in (("own", own), ("rest", rest)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(proxy_config(replaying, tmp_path), sort_keys=False))
    common = ("--outcomes", tmp_path / "own.jsonl", "--config", config)
    # On grade-school maths no router is better than word count, and a user may take one all the same.
    commanded("train", *common, "--no-curve", "--force", "--out", tmp_path / "router.json")
    commanded("tune", *common, "--target", str(TARGET), "--write")
    commanded("check", "--config", config)
    capsys.readouterr()
    commanded("score", "--config", config, "--input", tmp_path / "rest.jsonl")
    scored = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return yaml.safe_load(config.read_text()), [line["tier"] for line in scored]


def test_the_promised_quality_holds_on_the_rest_through_a_real_proxy(lines, tuned):
    _, rest = lines
    config, tiers = tuned
    assert config["tiering"]["classifiers"][0]["thresholds"]
    assert set(tiers) == {"simple", "complex"}
    with serve_proxy(config) as proxy:

        def ask(row):
            messages = [{"role": "user", "content": row["prompt"]}]
            answer = proxy.client.post("/v1/chat/completions", json={"model": "auto", "messages": messages})
            answer.raise_for_status()
            told, text = answer.headers, answer.json()["choices"][0]["message"]["content"]
            return told["x-tiering-model"], text, float(told["x-tiering-cost-usd"])

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(ask, rest))
        spent = proxy.status()["budgets"][0]["spent_usd"]
    groups = [group for group, _, _ in found]
    # The default gates find nothing wrong with these answers: what `score` says is what is served.
    assert groups == [{"simple": "small", "complex": "large"}[tier] for tier in tiers]
    assert [t for _, t, _ in found] == [r["responses"][g]["text"] for r, g in zip(rest, groups, strict=True)]
    quality = [row["responses"][group]["correct"] for row, group in zip(rest, groups, strict=True)]
    strong = [row["responses"]["large"]["correct"] for row in rest]
    assert sum(quality) >= TARGET * sum(strong)
    cost = sum(usd for _, _, usd in found)
    assert cost < 0.8 * sum(row["responses"]["large"]["cost"] for row in rest)
    assert spent == pytest.approx(cost, rel=1e-6)
