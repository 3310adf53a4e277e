"""Planted secrets, end to end: what only its owner, the store or the provider may see is nowhere else."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redis
import yaml
from asking import HARD, SIMPLE, SURFACES, ask
from houses import CUSTOM_AUTH, House, apart_from, eventually

from litellm_tiering.testing.processes import free_port
from litellm_tiering.testing.proxy import config_for, serve_proxy
from litellm_tiering.testing.redis import serve_redis

PASSWORD, HOOK_PATH, HOOK_QUERY, HOOK_SECRET, UPSTREAM_KEY, CLIENT_KEY, PROMPT, COMMENT = SECRETS = (
    "pw-quagga-8153",
    "path-okapi-2296",
    "query-ibex-7740",
    "hmac-kudu-3391",
    "up-nyala-5527",
    "sk-client-dikdik-9018",
    "prompt-bongo-6604",
    "comment-eland-1472",
)
ROUTES = ("status", "decisions", "report", "feedback", "exemptions", "")
"""Of ours, under /tiering, as far as they are read."""


@dataclass
class Vault:
    """A proxy that was told every secret, where it writes, and what it has answered its owner."""

    house: House
    folder: Path
    store: redis.Redis
    section: Path
    answers: list[str]

    def look(self, path: str, **params: object) -> httpx.Response:
        answer = self.house.get(path, **params)
        self.answers.append(f"{answer.headers}\n{answer.text}")
        return answer

    def kept(self) -> list[bytes]:
        """Every key and value in the store, and every file beside the configuration."""
        found = []
        for key in self.store.scan_iter("*"):
            found += [key, self.store.dump(key)]
            kind = self.store.type(key)
            if kind == b"hash":
                found += [part for pair in self.store.hgetall(key).items() for part in pair]
            elif kind == b"string":
                found.append(self.store.get(key))
            elif kind == b"zset":
                found += self.store.zrange(key, 0, -1)
        assert len(found) > 10
        spools = list(self.folder.glob("spool.db*"))
        assert spools
        return found + [file.read_bytes() for file in spools]


@pytest.fixture(scope="module")
def vault(provider, tmp_path_factory):
    folder, nobody = tmp_path_factory.mktemp("vault"), free_port()
    auth = CUSTOM_AUTH.replace("sk-blue", CLIENT_KEY)
    with serve_redis("--requirepass", PASSWORD) as server:
        section = {
            "routes": [{"name": "auto", "models": ["auto"]}],
            "cascade": {"bypass_above": 1.0},
            "budgets": [
                {"scope": "team", "match": "blue", "limit_usd": 0.004, "at_ceiling": "block"},
                {"scope": "end_user", "limit_usd": 1},
            ],
            "store": {
                "url": server.url.replace("//", f"//:{PASSWORD}@"),
                "spool": str(folder / "spool.db"),
            },
            "events": {
                "webhook": {
                    "url": f"http://127.0.0.1:{nobody}/{HOOK_PATH}?token={HOOK_QUERY}",
                    "secret": HOOK_SECRET,
                }
            },
        }
        config = config_for(provider.base_url, section)
        for model in config["model_list"]:
            model["litellm_params"]["api_key"] = UPSTREAM_KEY
        config["litellm_settings"]["callbacks"] = ["litellm_tiering.plugin.handler", "prometheus"]
        config["general_settings"]["custom_auth"] = "custom_keys.auth"
        with (
            serve_proxy(config, files={"custom_keys.py": auth}) as proxy,
            contextlib.closing(House(proxy, provider, folder / "none", apart_from(proxy))) as house,
            redis.Redis(port=server.port, password=PASSWORD) as store,
        ):
            made = Vault(house, folder, store, folder / "section.yaml", [])
            made.section.write_text(yaml.safe_dump(config))
            _live(made, server)
            yield made


def _live(vault: Vault, server) -> None:
    """A day in short: all APIs, streams, an escalation, a refusal, a store that is away, feedback."""
    for surface in SURFACES:
        for stream in (False, True):
            ask(vault.house, surface, f"{SIMPLE} {PROMPT}", stream=stream, key=CLIENT_KEY)
    ask(vault.house, "chat", f"{SIMPLE} {PROMPT} [[fault:refuse@sim-small]]", key=CLIENT_KEY)
    body = {"model": "auto", "messages": [{"role": "user", "content": f"{PROMPT} [[fault:500@sim-small]]"}]}
    vault.house.post("/v1/chat/completions", body, CLIENT_KEY)
    body["messages"][0]["content"] = f"{HARD} {PROMPT}"
    eventually(
        lambda: vault.house.post("/v1/chat/completions", body, CLIENT_KEY).status_code == 429, "a refusal"
    )
    server.pause()
    vault.house.post("/v1/chat/completions", body, vault.house.proxy.key)
    server.resume()
    eventually(lambda: vault.house.proxy.status()["store"]["ok"], "the store is back")
    eventually(lambda: vault.look("/tiering/decisions").json()["decisions"], "decisions")
    (newest, *_) = vault.look("/tiering/decisions").json()["decisions"]
    scored = {"decision": newest["id"], "score": 1, "comment": COMMENT}
    assert vault.house.post("/tiering/feedback", scored).status_code == 200
    vault.look(f"/tiering/decisions/{newest['id']}")
    for route in ROUTES:
        vault.look(f"/tiering/{route}".rstrip("/"))
    vault.look("/metrics/")
    # What is wrong is refused, and told of.
    for path, wrong in (
        ("feedback", {"decision": PROMPT}),
        ("exemptions", {"scope": PROMPT}),
        ("switch", []),
    ):
        vault.answers.append(vault.house.post(f"/tiering/{path}", wrong).text.replace(PROMPT, "as was sent"))


def test_the_day_was_lived(vault):
    told = "\n".join(vault.answers)
    lived = ("escalation:", "refused:ceiling", '"feedback"', "litellm_tiering_budget_ratio")
    assert [word for word in lived if word not in told] == []


def test_no_answer_of_ours_tells_a_secret(vault):
    assert [
        (secret, answer[:300]) for answer in vault.answers for secret in SECRETS if secret in answer
    ] == []


def test_the_log_tells_no_secret(vault):
    process = vault.house.proxy.process
    # Nobody listens where the webhook points; it tries for a while.
    eventually(lambda: "not taken" in process.text(), "the webhook is given up", 60)
    log = process.text()
    assert "budget store away" in log
    assert [line for line in log.splitlines() if any(secret in line for secret in SECRETS)] == []


def test_neither_the_store_nor_the_disk_keeps_a_secret(vault):
    kept = vault.kept()
    assert any(b"blue" in part for part in kept)
    assert [(secret, part[:80]) for part in kept for secret in SECRETS if secret.encode() in part] == []


@pytest.mark.parametrize(
    "verb",
    [
        ("check", "--json"),
        ("check",),
        ("explain", "--prompt", SIMPLE),
        ("status",),
        ("status", "--json"),
    ],
    ids=" ".join,
)
def test_no_command_tells_a_secret(vault, verb):
    command = [sys.executable, "-m", "litellm_tiering", *verb, "--config", str(vault.section)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    told = ended.stdout + ended.stderr
    assert len(told) > 100, told
    assert [secret for secret in SECRETS if secret in told] == [], json.dumps(told)
