"""What ``init`` writes into configurations as people have them starts a real proxy and routes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from litellm_tiering.cli import main
from litellm_tiering.testing.proxy import serve_proxy

CONFIGS = Path(__file__).parent / "init_configs"
KEYS = {
    f"{name}_API_KEY": "none"
    for name in ("OPENAI", "ANTHROPIC", "AZURE", "GEMINI", "MISTRAL", "DEEPSEEK", "XAI", "GROQ", "COHERE")
}
ANSWERED = {"openai", "anthropic"}
"""Whose provider is simulated here."""


@pytest.mark.parametrize("name", ["openai", "anthropic", "mixed", "self_hosted", "sixty"])
def test_a_real_proxy_starts_with_what_init_wrote_and_routes(name, provider, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.delenv("LITELLM_TIERING_CONFIG", raising=False)
    file = tmp_path / "config.yaml"
    shutil.copy(CONFIGS / f"{name}.yaml", file)
    assert main(["init", str(file), "--write"]) == 0
    assert main(["check", "--config", str(file)]) == 0
    capsys.readouterr()
    written = yaml.safe_load(file.read_text())
    tiers = {t["name"]: t["model"] for t in written["tiering"]["tiers"]}
    env = {**KEYS, "OPENAI_API_BASE": provider.openai_url, "ANTHROPIC_API_BASE": provider.base_url}
    with serve_proxy(written, env=env) as proxy:
        listed = {m["id"] for m in proxy.client.get("/v1/models").json()["data"]}
        assert {"auto", *tiers.values()} <= listed
        assert proxy.status()["mode"] == "enforce"
        body = {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
        told = proxy.client.post("/tiering/explain", json=body).json()
        assert tiers[told["tier"]] == told["model"]
        if name in ANSWERED:
            answer = proxy.client.post("/v1/chat/completions", json=body)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-tiering-tier"] in tiers
