"""Codex through a real proxy of two workers: what it sends arrives, and its tier goes up only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import DEEP, EASY, ROUTER, TIDY, agents, groups, reached, rising
from houses import house

ENVIRONMENT = (
    "# AGENTS.md instructions for /home/me/repo\n\n<INSTRUCTIONS>\nProve every algorithm correct, analyse "
    "its running time, refactor the architecture and derive the asymptotic bounds.\n</INSTRUCTIONS>\n"
    "<environment_context>\n  <cwd>/home/me/repo</cwd>\n  <shell>bash</shell>\n</environment_context>"
)


@pytest.fixture(scope="module")
def codex_house(provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("codex")
    models = groups(provider, "openai")
    with house(provider, folder, agents(folder), model_list=models, workers=2, **ROUTER) as running:
        yield running


class Codex:
    """One session of Codex: the whole history each time, nothing kept by the provider."""

    tools = (
        {
            "type": "function",
            "name": "glob",
            "description": "Finds files.",
            "strict": False,
            "parameters": {
                "type": "object",
                "properties": {"pattern": {"type": "string"}},
                "required": ["pattern"],
                "additionalProperties": False,
            },
        },
    )

    def __init__(self, house, session, key="sk-blue"):
        self.house, self.session, self.key = house, session, key
        self.input: list[dict] = [_said("user", ENVIRONMENT)]
        self.tiers: list[str] = []
        self.sent: dict = {}
        self.headers: Any = None

    def say(self, text: str) -> str:
        self.input.append(_said("user", text))
        while self._step():
            pass
        return self.tiers[-1]

    def _step(self) -> bool:
        self.sent = {
            "model": "gpt-5.5-codex",
            "instructions": "You are Codex, based on GPT-5, running as a coding agent in the Codex CLI.",
            "input": list(self.input),
            "tools": list(self.tools),
            "tool_choice": "auto",
            "parallel_tool_calls": False,
            "reasoning": {"effort": "medium", "summary": "auto"},
            "store": False,
            "stream": True,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": self.session,
        }
        items = [e["item"] for e in self._events() if e["type"] == "response.output_item.done"]
        self.input += [{k: v for k, v in item.items() if k not in {"id", "status"}} for item in items]
        calls = [item for item in items if item["type"] == "function_call"]
        for call in calls:
            output = {"type": "function_call_output", "call_id": call["call_id"], "output": "README.md"}
            self.input.append(output)
        return bool(calls)

    def _events(self):
        client = self.house.apart
        headers = {
            "authorization": f"Bearer {self.key}",
            "session_id": self.session,
            "originator": "codex_cli_rs",
        }
        with client.stream("POST", "/v1/responses", json=self.sent, headers=headers) as answer:
            self.headers = answer.headers
            lines = list(answer.iter_lines())
        assert answer.status_code == 200, lines
        self.tiers.append(self.headers["x-tiering-tier"])
        return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def _said(role: str, text: str) -> dict:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def test_a_session_of_codex_never_goes_down_whichever_worker_is_asked(codex_house, provider):
    for number in range(2):
        codex = Codex(codex_house, f"{number}d9f3f0a-6c1e-4b67-9a52-3a1f6f3f9c12")
        assert codex.say(EASY) == "simple"
        assert codex.say(DEEP) == "complex"
        assert {codex.say(EASY), codex.say("go on"), codex.say(TIDY)} == {"complex"}
        assert rising(codex.tiers)
        calls = [i for i in codex.input if i["type"] == "function_call"]
        results = [i for i in codex.input if i["type"] == "function_call_output"]
        assert [c["call_id"] for c in calls] == [r["call_id"] for r in results]
        assert len(calls) >= 3
        assert all(isinstance(json.loads(c["arguments"])["pattern"], str) for c in calls)
        got = reached(provider)
        for name in ("input", "tools", "instructions", "reasoning", "include", "prompt_cache_key", "store"):
            assert got[name] == codex.sent[name], name
