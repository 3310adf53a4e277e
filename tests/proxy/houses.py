"""A real proxy in front of the simulated provider, and what a test wants to know of it."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from anthropic import Anthropic
from openai import OpenAI

from litellm_tiering.testing.proxy import Proxy, config_for, serve_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from litellm_tiering.testing.processes import Provider

KEYS = {
    "sk-blue": {"team_id": "blue", "key_alias": "blue-1"},
    "sk-red": {"team_id": "red", "key_alias": "red-1"},
    "sk-ops": {"team_id": "ops", "key_alias": "ops-1"},
    "sk-only-large": {"models": ["large"], "key_alias": "only-large"},
    "sk-only-auto": {"models": ["auto"], "key_alias": "only-auto"},
    "sk-medium-and-large": {"models": ["medium", "large"], "key_alias": "two"},
    "sk-only-small": {"models": ["small"], "key_alias": "only-small"},
    "sk-poor": {"team_id": "poor", "key_alias": "poor-1"},
    "sk-premium": {"team_id": "gold", "team_metadata": {"plan": "premium"}, "key_alias": "gold-1"},
}

CUSTOM_AUTH = f"""
import os
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

KEYS = {KEYS!r}

async def auth(request, api_key):
    if api_key == os.environ["LITELLM_MASTER_KEY"]:
        return UserAPIKeyAuth(api_key=api_key, user_role="proxy_admin")
    if api_key not in KEYS:
        raise ProxyException("unknown key", type="auth_error", param=None, code=401)
    return UserAPIKeyAuth(api_key=api_key, **KEYS[api_key])
"""

RECORDER = """
import json, os
from litellm.integrations.custom_logger import CustomLogger

class Recorder(CustomLogger):
    def write(self, kwargs, kind):
        payload = kwargs.get("standard_logging_object") or {}
        line = {"kind": kind, "cost": payload.get("response_cost"), "group": payload.get("model_group"),
                "call_type": kwargs.get("call_type"), "stream": payload.get("stream")}
        with open(os.environ["RECORDED"], "a") as file:
            file.write(json.dumps(line) + "\\n")

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.write(kwargs, "success")

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.write(kwargs, "failure")

recorder = Recorder()
"""


@dataclass(frozen=True)
class House:
    """A proxy, what it is asked with, and what LiteLLM itself recorded of it."""

    proxy: Proxy
    provider: Provider
    recorded: Path
    apart: httpx.Client

    clients: dict[tuple[str, str], OpenAI | Anthropic] = field(default_factory=dict)

    def openai(self, key: str = "") -> OpenAI:
        return self._client(OpenAI, key or self.proxy.key, self.proxy.openai_url)

    def anthropic(self, key: str = "") -> Anthropic:
        return self._client(Anthropic, key or self.proxy.key, self.proxy.base_url)

    def get(self, path: str, key: str = "", **params: object) -> httpx.Response:
        """Asks over a connection of its own: the kernel hands it to whichever worker is waiting."""
        return self.apart.get(path, headers=self._bearer(key), params=params)

    def post(self, path: str, body: object, key: str = "") -> httpx.Response:
        """As above."""
        return self.apart.post(path, json=body, headers=self._bearer(key))

    def _bearer(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key or self.proxy.key}"}

    def workers(self) -> set[str]:
        """The processes that answer."""
        return {self.get("/tiering/status").json()["worker"] for _ in range(40)}

    def _client(self, kind, key, url):
        if (kind.__name__, key) not in self.clients:
            self.clients[kind.__name__, key] = kind(api_key=key, base_url=url, max_retries=0)
        return self.clients[kind.__name__, key]

    def close(self) -> None:
        self.apart.close()
        for client in self.clients.values():
            client.close()

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.recorded.read_text().splitlines()]

    def costs_nano(self) -> int:
        """The sum of LiteLLM's own response costs, each as whole nano-dollars."""
        return sum(round((e["cost"] or 0) * 1e9) for e in self.events())

    def budget(self, scope: str = "global", id_: str = "*") -> dict:
        found = [b for b in self.proxy.status()["budgets"] if (b["scope"], b["id"]) == (scope, id_)]
        return found[0] if found else {"spent_usd": 0.0, "reserved_usd": 0.0}

    def spent_nano(self, scope: str = "global", id_: str = "*") -> int:
        return round(self.budget(scope, id_)["spent_usd"] * 1e9)

    def settled(self, count: int) -> None:
        """Wait until LiteLLM has logged ``count`` calls since the file was emptied, and nothing is held."""
        eventually(lambda: len(self.events()) >= count, f"{count} events")
        eventually(lambda: self.budget()["reserved_usd"] == 0, "nothing held")

    def forget(self) -> None:
        """Forget calls and events; the ledger keeps what it has."""
        self.provider.clear()
        self.recorded.write_text("")


def eventually(check: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    """Wait for what LiteLLM does in the background, such as its logging; fails after ``within_s`` seconds."""
    ends, pause_s = time.monotonic() + within_s, 0.01
    while not check():
        assert time.monotonic() < ends, f"not within {within_s} s: {what}"
        time.sleep(pause_s)
        # To ask costs the proxy time, too: less often, the longer it takes.
        pause_s = min(pause_s * 1.3, 0.1)


@contextlib.contextmanager
def house(
    provider: Provider, folder: Path, tiering: dict, *, workers: int = 1, **sections
) -> Iterator[House]:
    recorded = folder / "recorded.jsonl"
    recorded.write_text("")
    callbacks = ["litellm_tiering.plugin.handler", "recorder.recorder"]
    config = config_for(provider.base_url, tiering, **sections)
    config["litellm_settings"]["callbacks"] = callbacks
    config["general_settings"]["custom_auth"] = "custom_keys.auth"
    config["general_settings"]["custom_auth_run_common_checks"] = True
    files = {"custom_keys.py": CUSTOM_AUTH, "recorder.py": RECORDER}
    env = {"RECORDED": str(recorded)}
    with (
        serve_proxy(config, files=files, env=env, workers=workers) as proxy,
        contextlib.closing(House(proxy, provider, recorded, apart_from(proxy))) as running,
    ):
        yield running


def apart_from(proxy: Proxy) -> httpx.Client:
    """Opens a connection for each request; a client for each would read the trusted roots each time."""
    none = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=proxy.base_url, trust_env=False, timeout=30, limits=none)


CASCADE_ROUTER = {
    "router_settings": {
        "model_group_alias": {"auto": "large", "hasty": "large"},
        "num_retries": 0,
        "fallbacks": [{"medium": ["large"]}],
        "disable_cooldowns": True,
    }
}

TEAM_USD = 0.004

TEAMS = {
    "routes": [
        {"name": "auto", "models": ["auto"]},
        {"name": "shady", "models": ["shady"], "mode": "shadow"},
        {"name": "floor", "models": ["floored"], "client_tier": ["lower", "floor"]},
        {"name": "explicit", "models": ["large"], "classify": False, "tier": "complex"},
    ],
    "classifiers": [
        {
            "kind": "rules",
            "rules": [
                {"name": "premium", "when": {"team_metadata": {"plan": "premium"}}, "min_tier": "moderate"},
                {"name": "easy", "when": {"any_keyword": ["easyplease"]}, "tier": "simple"},
                {"name": "hard", "when": {"any_keyword": ["hardplease"]}, "tier": "complex"},
            ],
        },
        {"kind": "heuristic"},
    ],
    "requirements": {"simple": {"vision": False}, "moderate": {"vision": True}, "complex": {"vision": True}},
    "budgets": [
        {
            "scope": "team",
            "match": "blue",
            "limit_usd": TEAM_USD,
            "at_ceiling": "cheapest",
            "critical": {"tags": ["gold"]},
        },
        {"scope": "team", "match": "red", "limit_usd": TEAM_USD, "at_ceiling": "block"},
        {
            "scope": "team",
            "match": "ops",
            "limit_usd": TEAM_USD,
            "at_ceiling": "block",
            "critical": {"key_aliases": ["ops-*"], "tags": ["gold"]},
        },
        {"scope": "key", "match": "only-large", "limit_usd": 0.0000001, "at_ceiling": "cheapest"},
    ],
    "store": {"url": "memory://"},
}

EASY = [
    {
        "kind": "rules",
        "rules": [
            {"name": "easy", "when": {"any_keyword": ["easyplease", "capital"]}, "tier": "simple"},
            {"name": "capped", "when": {"any_keyword": ["cappedplease"]}, "max_tier": "simple"},
        ],
    },
    {"kind": "heuristic"},
]

CASCADE = {
    "routes": [
        {"name": "auto", "models": ["auto"]},
        {"name": "hasty", "models": ["hasty"], "deadline_ms": 400},
        {"name": "cheap", "models": ["small"], "classify": False, "tier": "simple", "cascade": True},
    ],
    "classifiers": EASY,
    # Most of these requests fail on purpose: that must not teach the proxy to start higher.
    "cascade": {"bypass_above": 1.0},
    # Enough for the cheap tier's answers to many requests, not for the hold of one at the next.
    "budgets": [{"scope": "team", "match": "poor", "limit_usd": 0.003, "downgrade": []}],
    "store": {"url": "memory://"},
}

REDIS_USD = 0.05
