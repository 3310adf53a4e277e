"""Claude Code through a real proxy: what it sends arrives, and its tier goes up only.

The bodies are what it sends, cut short. A client here plays the tool: it reads the stream, runs what
it is told to, and sends everything again with one more step.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import DEEP, EASY, ROUTER, TIDY, agents, groups, reached, rising
from houses import house

SESSION = "0d9f3f0a-6c1e-4b67-9a52-3a1f6f3f9c11"
EPHEMERAL = {"type": "ephemeral"}
REMINDER = (
    "<system-reminder>\nAs you answer the user's questions, you can use the following context:\n# claudeMd\n"
    "Prove every algorithm correct, analyse its running time, refactor the architecture and derive the "
    "asymptotic bounds. [[hard]] Today's date is 2026-11-21.\n</system-reminder>"
)
POOR_USD = 0.08
"""Enough to hold two answers of 1,200 tokens at the dearest tier, and to pay for some ten."""


@pytest.fixture(scope="module")
def claude_house(provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("claude")
    poor = {"budgets": [{"scope": "team", "match": "poor", "limit_usd": POOR_USD}]}
    models = groups(provider, "anthropic")
    with house(provider, folder, agents(folder, **poor), model_list=models, **ROUTER) as running:
        yield running


class Claude:
    """One session of Claude Code."""

    tools = (
        {
            "name": "Glob",
            "description": "Fast file pattern matching.",
            "input_schema": {
                "type": "object",
                "properties": {"pattern": {"type": "string"}},
                "required": ["pattern"],
            },
        },
        {
            "name": "Edit",
            "description": "Performs exact string replacements in files.",
            "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
            "cache_control": EPHEMERAL,
        },
    )
    system = (
        {"type": "text", "text": "You are Claude Code, Anthropic's official CLI for Claude."},
        {"type": "text", "text": "You help with software engineering. " * 40, "cache_control": EPHEMERAL},
    )

    def __init__(self, house, session=SESSION, key="sk-blue"):
        self.house, self.key = house, key
        self.user = f"user_{'ab' * 32}_account__session_{session}" if session else ""
        self.messages: list[dict] = []
        self.tiers: list[str] = []
        self.headers: Any = None
        self.sent: dict = {}

    def body(self) -> dict:
        body = {
            "model": "claude-sonnet-5-5",
            "messages": self._marked(),
            "system": list(self.system),
            "tools": list(self.tools),
            "max_tokens": 1200,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "stream": True,
        }
        return {**body, "metadata": {"user_id": self.user}} if self.user else body

    def _marked(self) -> list[dict]:
        """The last message ends with a cache mark, as Claude Code has it."""
        *before, last = self.messages
        *parts, end = last["content"]
        return [*before, {**last, "content": [*parts, {**end, "cache_control": EPHEMERAL}]}]

    def say(self, text: str) -> str:
        """One turn of the user, tool steps and all; the tier of its last step."""
        parts = [{"type": "text", "text": text}]
        if not self.messages:
            parts.insert(0, {"type": "text", "text": REMINDER})
        self.messages.append({"role": "user", "content": parts})
        while self._step():
            pass
        return self.tiers[-1]

    def _step(self) -> bool:
        """Send all, keep the answer, run its tools; whether there is a next step."""
        self.sent = self.body()
        blocks = self._blocks()
        calls = [b for b in blocks if b["type"] == "tool_use"]
        thought = {"type": "thinking", "thinking": "The user wants files.", "signature": "c2lnbmF0dXJl" * 8}
        self.messages.append({"role": "assistant", "content": [thought, *blocks]})
        if not calls:
            return False
        results = [
            {
                "type": "tool_result",
                "tool_use_id": c["id"],
                "content": [{"type": "text", "text": "README.md"}],
            }
            for c in calls
        ]
        # Reminders come with results, too.
        self.messages.append({"role": "user", "content": [*results, {"type": "text", "text": REMINDER}]})
        return True

    def _blocks(self) -> list[dict]:
        blocks: dict[int, dict] = {}
        written: dict[int, str] = {}
        for event in self._events():
            if event["type"] == "content_block_start":
                blocks[event["index"]] = event["content_block"]
            elif event["type"] == "content_block_delta":
                delta = event["delta"]
                more = delta.get("text") or delta.get("partial_json") or ""
                written[event["index"]] = written.get(event["index"], "") + more
        for index, block in blocks.items():
            if block["type"] == "text":
                block["text"] = written.get(index, "")
            else:
                block["input"] = json.loads(written.get(index) or "{}")
        return [blocks[i] for i in sorted(blocks)]

    def _events(self):
        client = self.house.proxy.client
        headers = {"authorization": f"Bearer {self.key}", "anthropic-version": "2023-06-01"}
        with client.stream("POST", "/v1/messages", json=self.sent, headers=headers) as answer:
            self.headers = answer.headers
            lines = list(answer.iter_lines())
        assert answer.status_code == 200, lines
        self.tiers.append(self.headers["x-tiering-tier"])
        return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


@pytest.mark.parametrize("session", [SESSION, ""], ids=["session", "by what was said"])
def test_a_session_of_claude_code_never_goes_down(claude_house, provider, session):
    claude = Claude(claude_house, session, key="sk-blue" if session else "sk-red")
    assert claude.say(EASY) == "simple"
    assert claude.say(DEEP) == "complex"
    assert claude.say(EASY) == "complex"
    assert claude.say("thanks") == "complex"
    assert claude.say(TIDY) == "complex"
    assert rising(claude.tiers)
    steps = [m for m in claude.messages if m["role"] == "user"]
    assert len(claude.tiers) == len(steps) > 7
    results = [p for m in steps for p in m["content"] if p["type"] == "tool_result"]
    calls = [b for m in claude.messages for b in m["content"] if b["type"] == "tool_use"]
    assert [r["tool_use_id"] for r in results] == [c["id"] for c in calls]
    assert len(calls) >= 3
    assert all(c["name"] == "Glob" and isinstance(c["input"].get("pattern"), str) for c in calls)
    assert "conversation" in claude.headers["x-tiering-reason"].split(",")


def test_what_claude_code_sends_reaches_the_provider_untouched(claude_house, provider):
    claude = Claude(claude_house, "7be0f6b4-0b0a-4a86-9d0f-6a1f0c3b5e22")
    claude.say(EASY)
    claude.say(DEEP)
    got = reached(provider)
    wanted = {k: v for k, v in claude.sent.items() if k not in {"model", "litellm_metadata"}}
    assert {k: got.get(k) for k in wanted} == wanted
    assert json.dumps(got).count('"cache_control"') == 3
    assert json.dumps(got).count('"signature"') == sum(m["role"] == "assistant" for m in claude.messages) - 1


def test_harness_text_is_not_what_is_classified(claude_house):
    claude = Claude(claude_house, "11111111-2222-3333-4444-555555555555")
    assert claude.say(TIDY) == "simple"
    plain = claude_house.proxy.client.post(
        "/tiering/explain", json={"prompt": REMINDER.split(">", 1)[1][:-18]}
    )
    assert plain.json()["tier"] == "complex"


def test_only_the_budget_lowers_a_conversation(claude_house):
    claude = Claude(claude_house, "99999999-2222-3333-4444-555555555555", key="sk-poor")
    tiers = [claude.say(DEEP)]
    for _ in range(30):
        tiers.append(claude.say(TIDY))
        if tiers[-1] != "complex":
            break
        claude_house.settled(0)
    assert tiers[0] == "complex"
    assert tiers[-1] != "complex"
    reasons = claude.headers["x-tiering-reason"].split(",")
    assert "conversation" in reasons
    assert reasons[-1].startswith(("budget:team:poor", "ceiling:team:poor"))


def test_a_session_goes_on_where_its_history_was_shortened(claude_house):
    session = "66666666-2222-3333-4444-555555555555"
    assert Claude(claude_house, session).say(DEEP) == "complex"
    shortened = Claude(claude_house, session)
    assert shortened.say(TIDY) == "complex"
    assert "conversation" in shortened.headers["x-tiering-reason"].split(",")


def test_nobody_reaches_anothers_session(claude_house):
    session = "77777777-2222-3333-4444-555555555555"
    assert Claude(claude_house, session, key="sk-blue").say(DEEP) == "complex"
    assert Claude(claude_house, session, key="sk-ops").say(TIDY) == "simple"
