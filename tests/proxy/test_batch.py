"""``litellm-tiering batch`` through a real proxy: killed half-way, resumed, and what it cost."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys

import pytest
import yaml
from houses import eventually, house

from litellm_tiering.testing.proxy import PRICES, config_for

LINES = 200
CONCURRENCY = 8
TIERING = {
    "classifiers": [
        {
            "kind": "rules",
            "rules": [
                {"name": "easy", "when": {"any_keyword": ["easyplease"]}, "tier": "simple"},
                {"name": "hard", "when": {"any_keyword": ["hardplease"]}, "tier": "complex"},
            ],
        },
        {"kind": "heuristic"},
    ],
    "cascade": False,
    "budgets": [
        {"scope": "global", "limit_usd": 1000},
        {"scope": "team", "match": "red", "limit_usd": 0.0001, "at_ceiling": "block", "downgrade": []},
    ],
    "store": {"url": "memory://"},
}


@pytest.fixture(scope="module")
def busy_house(provider, tmp_path_factory):
    with house(provider, tmp_path_factory.mktemp("batch"), TIERING) as running:
        yield running


@pytest.fixture
def proxy_house(busy_house):
    busy_house.forget()
    return busy_house


@pytest.fixture
def asked(proxy_house, tmp_path):
    """Writes the input, and runs the command on it: a process of its own."""
    path = tmp_path / "in.jsonl"
    with path.open("w") as file:
        for i in range(LINES):
            kind = "hardplease" if i % 5 == 0 else "easyplease"
            said = f"{kind}: what is {i} plus 2?"
            file.write(json.dumps({"id": f"q{i}", "prompt": said, "seed": i, "max_tokens": 60}) + "\n")
    config = config_for(proxy_house.provider.base_url, TIERING)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))

    def _start(*more, key="", output="out.jsonl"):
        command = [sys.executable, "-m", "litellm_tiering.cli", "batch", "--input", str(path), "--json"]
        command += ["--output", output, "--url", proxy_house.proxy.base_url, *more]
        command += ["--concurrency", str(CONCURRENCY), "--poll", "0.5"]
        env = {**os.environ, "LITELLM_API_KEY": key or proxy_house.proxy.key}
        return subprocess.Popen(
            command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return _start


def ended(process, status=0):
    out, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    return json.loads(out)


def output(tmp_path):
    return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]


def times_asked(house_):
    """How often the provider answered each line, by its seed."""
    return collections.Counter(c["seed"] for c in house_.provider.calls() if c["status"] == 200)


def provider_nano(house_, share=1.0):
    """What the provider's own count comes to, at the prices of the configuration."""
    sizes = {f"sim-{size}": price for size, price in PRICES.items()}
    return sum(
        round((t["prompt_tokens"] * sizes[m][0] + t["completion_tokens"] * sizes[m][1]) * 1e9 * share)
        for m, t in house_.provider.totals().items()
    )


def batches(house_):
    return len(house_.provider.client.get("/v1/batches").json()["data"])


def test_calls_killed_half_way_and_resumed_are_answered_once_each(proxy_house, asked, tmp_path):
    before = proxy_house.spent_nano()
    with asked("--mode", "calls") as first:
        eventually(lambda: sum(times_asked(proxy_house).values()) >= LINES // 2, "half of the lines", 60)
        first.kill()
        first.communicate()
    assert not (tmp_path / "out.jsonl").exists()
    told = ended(asked("--mode", "calls", "--resume"))
    found = output(tmp_path)
    assert [x["id"] for x in found] == [f"q{i}" for i in range(LINES)]
    assert all(x["response"]["status_code"] == 200 for x in found)
    assert told["answered_before"] >= LINES // 2 - 2 * CONCURRENCY, "what was answered was kept"
    counted = times_asked(proxy_house)
    assert set(counted) == set(range(LINES))
    assert max(counted.values()) <= 2
    assert sum(counted.values()) - LINES <= CONCURRENCY, "only what was under way was asked again"
    # What was under way at the kill is paid for too: the books say what the provider says.
    proxy_house.settled(sum(counted.values()))
    spent = proxy_house.spent_nano() - before
    assert spent == proxy_house.costs_nano() == provider_nano(proxy_house)
    if sum(counted.values()) == LINES:
        assert round(told["calls_cost_usd"] * 1e9) == spent


def test_lines_in_provider_batches_killed_and_resumed_cost_half(proxy_house, asked, tmp_path):
    before = proxy_house.spent_nano()
    earlier = batches(proxy_house)
    options = ("--config", "config.yaml", "--mode", "batches")
    with asked(*options) as first:
        eventually(lambda: batches(proxy_house) > earlier, "a batch", 60)
        first.kill()
        first.communicate()
    told = ended(asked(*options, "--resume"))
    found = output(tmp_path)
    assert [x["id"] for x in found] == [f"q{i}" for i in range(LINES)]
    assert all(x["response"]["status_code"] == 200 for x in found)
    assert collections.Counter(x["tier"] for x in found) == {"simple": LINES * 4 // 5, "complex": LINES // 5}
    assert told["batched"] == LINES
    assert times_asked(proxy_house) == dict.fromkeys(range(LINES), 1), "no line was paid for twice"
    half = provider_nano(proxy_house, 0.5)
    eventually(lambda: abs(proxy_house.spent_nano() - before - half) <= 2, "LiteLLM's price of both batches")


def test_a_budget_refuses_lines_with_a_word_and_without_the_key(proxy_house, asked, tmp_path):
    told = ended(asked("--mode", "calls", "--model", "auto", key="sk-red"), status=1)
    assert told["failed"] + told["answered"] == LINES
    assert [f["type"] for f in told["failures"]] == ["budget_exceeded"]
    refused = [x for x in output(tmp_path) if x["error"]]
    assert {x["error"]["status"] for x in refused} == {429}
    assert "sk-red" not in (tmp_path / "out.jsonl").read_text()
