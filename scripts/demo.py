"""A tour of the running proxy: routed, escalated, downgraded and blocked requests, and what each cost."""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
from openai import APIStatusError, OpenAI

from litellm_tiering.testing.processes import free_port, spawned, wait_http

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 42

ESSAY = (
    "Compare event sourcing with a plain relational design for an order system that must survive the loss "
    "of a region: derive the consistency guarantees of both, prove which anomalies each admits, design the "
    "recovery procedure step by step, estimate its cost for ten million orders a day, and criticise your "
    "own answer."
)
PROOF = "Prove that the square root of 2 is irrational, then generalise the proof to every prime number."
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@dataclass(frozen=True)
class Row:
    what: str
    tier: str
    model: str
    why: str
    cost: float
    baseline: float


class Tour:
    """Asks, and keeps what came of it."""

    def __init__(self, client: OpenAI) -> None:
        self.client = client
        self.rows: list[Row] = []

    def ask(self, what: str, prompt: str, **more: object) -> bool:
        """One request and its row; False when it was refused."""
        body = {"model": "auto", "max_tokens": 400, "messages": [{"role": "user", "content": prompt}], **more}
        try:
            raw = self.client.chat.completions.with_raw_response.create(**body)
        except APIStatusError as error:
            wait = error.response.headers.get("retry-after")
            why = f"{error.status_code}" + (f", again in {wait} s" if wait else "")
            self.add(Row(what, "-", "-", why, 0.0, 0.0))
            return False
        if more.get("stream"):
            for _ in raw.parse():
                pass
        said = raw.headers
        self.add(
            Row(
                what,
                said["x-tiering-tier"],
                said["x-tiering-model"],
                said["x-tiering-reason"],
                float(said["x-tiering-cost-usd"]),
                float(said["x-tiering-baseline-usd"]),
            )
        )
        return True

    def add(self, row: Row) -> None:
        self.rows.append(row)
        what = row.what if len(row.what) <= WIDTH else row.what[: WIDTH - 1] + "…"
        print(f"{what:{WIDTH}} {row.tier:9} {row.model:7} {row.cost:10.6f} {row.baseline:10.6f}  {row.why}")


def tour(base_url: str, key: str) -> None:
    walk = Tour(OpenAI(base_url=f"{base_url}/v1", api_key=key, max_retries=0))
    print(f"{'request':{WIDTH}} {'tier':9} {'model':7} {'cost USD':>10} {'baseline':>10}  why")
    walk.ask("an easy question", "What is the capital of France?")
    walk.ask("a thank-you after it", "Thanks, that is all!")
    walk.ask("a hard task", ESSAY)
    walk.ask("short, but hard", PROOF)
    walk.ask("streamed (the cost is the estimate held)", "What is the capital of Japan?", stream=True)
    walk.ask("with a tool", "What is the weather in Paris?", tools=[WEATHER])
    walk.ask("its cheap answer is a refusal", "Hello! [[fault:refuse@sim-small]]")
    walk.ask("its cheap answer is empty", "What is the capital of Peru? [[fault:empty@sim-small]]")
    walk.ask("the client asks for less", ESSAY, extra_headers={"x-tiering-tier": "simple"})
    walk.ask("the client asks for more: not allowed", "Hello!", extra_headers={"x-tiering-tier": "complex"})
    walk.ask("a tier's own model by name", "Hello!", model="large")
    customer = f"demo-{secrets.token_hex(4)}"
    print(f"\none customer ({customer}) with 2 cents an hour:")
    for i in range(1, 41):
        walk.ask(f"hard task {i} of this customer", ESSAY, user=customer, max_tokens=100)
        if [r.tier for r in walk.rows[-2:]] == ["simple", "simple"]:
            break
    walk.ask("one that may cost more than is left", ESSAY, user=customer, max_tokens=8000)
    cost, baseline = sum(r.cost for r in walk.rows), sum(r.baseline for r in walk.rows)
    print(f"\n{len(walk.rows)} requests cost ${cost:.6f}; all on the dearest tier: ${baseline:.6f}", end="")
    print(f", {1 - cost / baseline:.0%} saved" if baseline else "")
    status = httpx.get(f"{base_url}/tiering/status", headers={"authorization": f"Bearer {key}"}, timeout=10)
    print("\nGET /tiering/status:")
    print(json.dumps([b for b in status.json()["budgets"] if b["id"] in {"*", customer}], indent=1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4000)
    options = parser.parse_args()
    key_file = ROOT / ".run" / "key"
    with contextlib.ExitStack() as stack:
        base_url = f"http://127.0.0.1:{options.port}"
        try:
            httpx.get(f"{base_url}/health/liveliness", timeout=2)
        except httpx.HTTPError:
            print("no proxy is running: starting one for the tour …")
            port = free_port()
            base_url = f"http://127.0.0.1:{port}"
            command = [sys.executable, str(ROOT / "scripts" / "run.py"), "--port", str(port), "--simulated"]
            run = stack.enter_context(spawned(command, cwd=ROOT, name="make run"))
            wait_http(f"{base_url}/health/liveliness", run, 120)
        tour(base_url, key_file.read_text().strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
