"""The configuration read again while a real proxy runs: all of it comes into force, or nothing."""

from __future__ import annotations

import contextlib
import os
import signal

import httpx
import pytest
import yaml
from houses import apart_from, eventually

from litellm_tiering.testing.proxy import TIERS, config_for, serve_proxy

ASK = {"model": "auto", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 5}
RULES = {
    "classifiers": [
        {"kind": "rules", "rules": [{"name": "all", "when": {"min_tokens": 0}, "tier": "complex"}]}
    ]
}
CHEAP = {
    "classifiers": [
        {"kind": "rules", "rules": [{"name": "all", "when": {"min_tokens": 0}, "tier": "simple"}]}
    ]
}


class Running:
    """A proxy whose tiering section is a file of its own."""

    def __init__(self, path, store):
        self.path, self.store = path, store

    @contextlib.contextmanager
    def served(self, config, workers=1):
        env = {"LITELLM_TIERING_CONFIG": str(self.path)}
        with (
            serve_proxy(config, env=env, workers=workers) as self.proxy,
            apart_from(self.proxy) as self.apart,
        ):
            yield self

    def write(self, **section):
        self.path.write_text(yaml.safe_dump({"tiers": TIERS, "store": {"url": self.store}, **section}))

    def tiers(self, count):
        """The tiers that so many requests get, each over a connection of its own: any worker may have it."""
        headers = {"authorization": f"Bearer {self.proxy.key}"}
        found = set()
        for _ in range(count):
            answer = self.apart.post("/v1/chat/completions", json=ASK, headers=headers)
            found.add(answer.headers["x-tiering-tier"])
        return found

    def reload(self):
        return self.proxy.client.post("/tiering/reload", params={"reason": "a test"})


@pytest.fixture(scope="module")
def running(provider, redis_server, tmp_path_factory):
    path = tmp_path_factory.mktemp("reload") / "tiering.yaml"
    config = config_for(provider.base_url, None)
    config["litellm_settings"] = {"callbacks": ["litellm_tiering.plugin.handler"]}
    made = Running(path, redis_server.url)
    made.write(**RULES)
    with made.served(config, workers=2):
        yield made


@pytest.fixture
def reloaded(running):
    yield running
    running.write(**RULES)
    assert running.reload().status_code == 200
    eventually(lambda: running.tiers(4) == {"complex"}, "all workers as they were")


def test_a_changed_file_comes_into_force_on_every_worker(reloaded):
    assert reloaded.tiers(4) == {"complex"}
    before = reloaded.proxy.status()["policy"]
    reloaded.write(**CHEAP)
    answer = reloaded.reload()
    assert answer.status_code == 200
    assert answer.json()["policy"] != before
    eventually(lambda: reloaded.tiers(8) == {"simple"}, "both workers are under the new policy")
    assert reloaded.proxy.status()["policy"] == answer.json()["policy"]
    history = reloaded.proxy.client.get("/tiering/exemptions").json()["history"]
    assert any("a test" in str(entry) and "reload" in str(entry) for entry in history)


def test_of_a_file_with_mistakes_nothing_comes_into_force(reloaded):
    reloaded.write(**CHEAP, budgets=[{"scope": "planet", "limit_usd": 5}], mode="enforced")
    answer = reloaded.reload()
    assert answer.status_code == 422
    told = answer.json()["detail"]["problems"]
    assert len(told) == 2
    assert any("budgets[0].scope" in line for line in told)
    assert reloaded.tiers(8) == {"complex"}


def test_neither_the_ladder_nor_the_store_change_while_the_proxy_runs(reloaded):
    reloaded.write(**CHEAP)
    section = yaml.safe_load(reloaded.path.read_text())
    reloaded.path.write_text(yaml.safe_dump({**section, "tiers": TIERS[:2]}))
    assert "tiering.tiers" in str(reloaded.reload().json())
    reloaded.path.write_text(yaml.safe_dump({**section, "store": {"url": "memory://"}}))
    assert "tiering.store" in str(reloaded.reload().json())
    assert reloaded.tiers(4) == {"complex"}


def test_only_an_administrator_reloads(running):
    answer = httpx.post(f"{running.proxy.base_url}/tiering/reload", trust_env=False, timeout=60)
    assert answer.is_error


@pytest.fixture
def hangups_heard():
    """A process started under ``nohup`` ignores the signal, and so would the proxy that it starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system knows no SIGHUP")
def test_a_process_reloads_on_sighup(hangups_heard, provider, tmp_path):
    path = tmp_path / "tiering.yaml"
    made = Running(path, "memory://")
    made.write(**RULES)
    config = config_for(provider.base_url, None)
    config["litellm_settings"] = {"callbacks": ["litellm_tiering.plugin.handler"]}
    with made.served(config):
        proxy = made.proxy
        assert made.tiers(1) == {"complex"}
        path.write_text("tiers: [")
        os.kill(proxy.process.pid, signal.SIGHUP)
        eventually(lambda: any("not reloaded" in a for a in proxy.status()["alarms"]), "it is told")
        assert made.tiers(1) == {"complex"}
        made.write(**CHEAP)
        os.kill(proxy.process.pid, signal.SIGHUP)
        eventually(lambda: made.tiers(1) == {"simple"}, "the new policy")
        assert proxy.status()["alarms"] == []
