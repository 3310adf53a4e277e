"""A tour of a running proxy: routed, escalated, downgraded and blocked requests, and what each cost.

``python -m litellm_tiering.testing.demo`` starts a real LiteLLM proxy and a simulated provider on loopback
for it, offline and with nothing kept; it needs ``litellm[proxy]``, and nothing but the installed package.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from litellm_tiering.testing.processes import serve_provider
from litellm_tiering.testing.proxy import serve_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.testing.proxy import Proxy

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
    """What came of one request; money in dollars."""

    what: str
    tier: str
    model: str
    why: str
    cost: float
    baseline: float


class Tour:
    """Asks, and keeps what came of it."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - an OpenAI client: openai is imported when run
        self.client = client
        self.rows: list[Row] = []

    def ask(self, what: str, prompt: str, **more: Any) -> bool:  # noqa: ANN401 - a request's parameters
        """One request and its row; False when it was refused."""
        body = {"model": "auto", "max_tokens": 400, "messages": [{"role": "user", "content": prompt}], **more}
        from openai import APIStatusError  # noqa: PLC0415 - only a tour needs it

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
        """Keep a row, and print it."""
        self.rows.append(row)
        what = row.what if len(row.what) <= WIDTH else row.what[: WIDTH - 1] + "…"
        print(f"{what:{WIDTH}} {row.tier:9} {row.model:7} {row.cost:10.6f} {row.baseline:10.6f}  {row.why}")


def tour(base_url: str, key: str) -> None:
    """Ask a proxy that runs the simulated configuration, and print what came of each request.

    Args:
        base_url: The proxy's address, without a path.
        key: Its master key.
    """
    from openai import OpenAI  # noqa: PLC0415 - only a tour needs it

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


@contextlib.contextmanager
def serve_demo() -> Iterator[Proxy]:
    """A proxy with the simulated configuration and its provider, for as long as the block lasts.

    Raises:
        NotReady: one of them did not start; the message ends with what it wrote.
    """
    config = yaml.safe_load(simulated_config().read_text(encoding="utf-8"))
    with serve_provider(latency_ms=None) as provider:
        env = {"SIMULATED_OPENAI_BASE": f"{provider.base_url}/v1", "TIERING_STORE": "memory://"}
        with serve_proxy(config, env=env) as proxy:
            yield proxy


def simulated_config() -> Path:
    """The configuration that `make run` uses without keys: in the package, or in its checkout."""
    packed = Path(__file__).with_name("simulated.yaml")
    return packed if packed.exists() else Path(__file__).parents[3] / "litellm_config" / "simulated.yaml"


def main() -> int:
    """Start what a tour needs, and take it."""
    print("starting a LiteLLM proxy and a simulated provider for the tour …", flush=True)
    with serve_demo() as proxy:
        tour(proxy.base_url, proxy.key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
