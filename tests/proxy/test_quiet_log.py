"""A proxy's log: no line of ours for requests that go well, and each trouble once, with its place and fix."""

from __future__ import annotations

import contextlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from asking import HARD, SIMPLE, SURFACES
from houses import CUSTOM_AUTH, eventually

from litellm_tiering.testing.processes import free_port
from litellm_tiering.testing.proxy import Proxy, config_for, serve_proxy
from litellm_tiering.testing.redis import RedisServer, serve_redis

SECRET = "zanzibar-4711-orchid"
LINES = """
import json, logging, os
from litellm.integrations.custom_logger import CustomLogger

class Lines(logging.Handler):
    def emit(self, record):
        with open(os.environ["LINES"], "a") as file:
            file.write(json.dumps([record.levelname, record.getMessage()]) + "\\n")

ours = logging.getLogger("litellm_tiering")
ours.addHandler(Lines(logging.INFO))
ours.setLevel(logging.INFO)
nothing = CustomLogger()
"""
GATES = """
from litellm_tiering import Verdict

def touchy(exchange):
    if "boomplease" in exchange.prompt.question:
        raise RuntimeError(exchange.prompt.question)
    return Verdict.accept()
"""
PATHS = {
    "chat": "/v1/chat/completions",
    "completion": "/v1/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}


@dataclass
class Quiet:
    """A proxy whose log lines of ours are also in a file, and its store."""

    proxy: Proxy
    file: Path
    folder: Path
    port: int
    stack: contextlib.ExitStack
    server: RedisServer

    def lines(self) -> list[tuple[str, str]]:
        """Level and text of every line of ours since they were last forgotten."""
        return [tuple(json.loads(line)) for line in self.file.read_text().splitlines()]

    def forget(self) -> None:
        self.file.write_text("")

    def ask(self, prompt: str, surface: str = "chat", *, key: str = "", **more) -> int:
        """One request over a connection of its own, read to its end; its status."""
        said = {"messages": [{"role": "user", "content": f"{prompt} {SECRET}"}], "max_tokens": 200}
        if surface == "completion":
            said = {"prompt": f"{prompt} {SECRET}", "max_tokens": 200}
        elif surface == "responses":
            said = {"input": f"{prompt} {SECRET}", "max_output_tokens": 200}
        headers = {"authorization": f"Bearer {key or self.proxy.key}"}
        url = f"{self.proxy.base_url}{PATHS[surface]}"
        body = {"model": "auto", **said, **more}
        try:
            answer = httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False)
        except httpx.HTTPError:
            return -1
        return answer.status_code

    def idle(self) -> None:
        """Wait until nothing is held or waits."""

        def is_idle() -> bool:
            status = self.proxy.status()
            held = [b for b in status["budgets"] if b["reserved_usd"]]
            return status["store"]["ok"] and not status["store"]["spooled"] and not held

        eventually(is_idle, "all is settled")


@pytest.fixture(scope="module")
def quiet(provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quiet")
    lines, port = folder / "lines.jsonl", free_port()
    lines.write_text("")
    gates = [{"kind": kind} for kind in ("not_empty", "finished", "refusal", "json_schema")]
    touchy = {"kind": "callback", "target": "touchy_gates:touchy", "timeout_ms": 500, "on_error": "accept"}
    tiering = {
        "routes": [{"name": "auto", "models": ["auto"]}],
        "cascade": {"gates": [*gates, touchy], "bypass_above": 1.0},
        "budgets": [
            {"scope": "global", "limit_usd": 1000},
            {"scope": "team", "match": "red", "limit_usd": 0.0006, "at_ceiling": "block"},
        ],
        "store": {"url": f"redis://127.0.0.1:{port}/0", "spool": str(folder / "spool.db")},
    }
    config = config_for(provider.base_url, tiering)
    odd = {"model": "openai/sim-odd", "api_base": f"{provider.base_url}/v1", "api_key": "none"}
    config["model_list"].append({"model_name": "odd", "litellm_params": odd})
    config["litellm_settings"]["callbacks"] = ["our_lines.nothing", "litellm_tiering.plugin.handler"]
    config["general_settings"]["custom_auth"] = "custom_keys.auth"
    config["router_settings"]["disable_cooldowns"] = True
    files = {"our_lines.py": LINES, "custom_keys.py": CUSTOM_AUTH}
    env = {"LINES": str(lines), "LITELLM_LOG": "INFO"}
    (folder / "touchy_gates.py").write_text(GATES)
    durable = ("--appendonly", "yes")
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(folder))
        server = stack.enter_context(serve_redis(*durable, port=port, folder=folder))
        with serve_proxy(config, files=files, env=env) as proxy:
            made = Quiet(proxy, lines, folder, port, stack, server)
            made.ask(SIMPLE)
            made.idle()
            yield made


def test_starting_says_what_is_served_and_nothing_else(quiet):
    begun = [line for line in quiet.lines() if line[1].startswith("litellm-tiering ")]
    assert begun == [("INFO", "litellm-tiering enforce: simple < moderate < complex")]
    assert quiet.lines() == begun


def test_hundreds_of_requests_good_bad_and_escalated_leave_no_line_of_ours(quiet):
    quiet.forget()
    bad = [
        f"{SIMPLE} [[fault:{what}]]"
        for what in ("refuse@sim-small", "empty@sim-small", "500", "cut_stream=2")
    ]
    asked = [(prompt, surface) for prompt in (SIMPLE, HARD) for surface in SURFACES]
    asked = [
        (*one, stream) for one in [*asked, *((prompt, "chat") for prompt in bad)] for stream in (False, True)
    ]

    def one(number: int) -> int:
        prompt, surface, stream = asked[number % len(asked)]
        return quiet.ask(f"{prompt} Number {number}.", surface, stream=stream)

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(one, range(6 * len(asked))))
    # And what no client should send.
    ended += [
        quiet.ask(SIMPLE, metadata=["x"]),
        quiet.ask(SIMPLE, messages="hello"),
        quiet.ask(SIMPLE, max_tokens=-5),
        quiet.ask(SIMPLE, key="sk-nobody"),
    ]
    assert ended.count(200) > 110
    quiet.idle()
    assert quiet.lines() == []
    assert not re.search(r"fault in|Traceback[^\n]*\n[^\n]*litellm_tiering", quiet.proxy.process.text())


def test_a_budget_that_blocks_is_told_of_once_however_many_are_refused(quiet):
    quiet.forget()
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda i: quiet.ask(f"{SIMPLE} {i}", key="sk-red"), range(60)))
    assert ended.count(429) > 10
    quiet.idle()
    lines = quiet.lines()
    kinds = [re.match(r"tiering event=(\w+) scope=team:red ", text)[1] for _, text in lines]
    assert kinds.count("ceiling") == 1
    assert set(kinds) <= {"threshold", "ceiling"}
    # One for each threshold of the budget: there are two by default.
    assert kinds.count("threshold") <= 2
    assert all("limit_usd=0.0006" in text for _, text in lines)


def test_a_gate_that_always_fails_is_told_of_once_with_its_place_and_no_prompt(quiet):
    quiet.forget()
    assert {quiet.ask(f"{SIMPLE} boomplease {i}") for i in range(10)} == {200}
    quiet.idle()
    ((level, text),) = quiet.lines()
    assert level == "ERROR"
    assert "touchy" in text
    assert "RuntimeError" in text
    assert "boomplease" not in text


def test_a_model_without_a_price_is_told_of_once_with_the_fix(quiet):
    quiet.forget()
    assert {quiet.ask(f"{SIMPLE} {i}", model="odd") for i in range(10)} == {200}
    quiet.idle()
    texts = [text for _, text in quiet.lines()]
    assert len(texts) == 1
    assert "no price is known for model group 'odd'" in texts[0]
    assert "Set input_cost_per_token and output_cost_per_token in its model_info" in texts[0]


def test_a_store_that_dies_and_comes_back_is_four_lines_however_many_ask(quiet):
    quiet.idle()
    quiet.forget()
    quiet.server.kill()
    quiet.stack.close()
    assert {quiet.ask(f"{SIMPLE} away {i}") for i in range(30)} == {200}
    assert quiet.proxy.status()["store"]["ok"] is False
    with serve_redis("--appendonly", "yes", port=quiet.port, folder=quiet.folder):
        quiet.idle()
        assert quiet.ask(SIMPLE) == 200
        quiet.idle()
        texts = [text for _, text in quiet.lines()]
        assert sum(text.startswith("budget store away (") for text in texts) == 1
        assert sum(text.startswith("budget store back after") for text in texts) == 1
        assert sum("event=store_" in text for text in texts) == 2
        paid = [text for text in texts if "costs from the spool are counted" in text]
        assert 1 <= len(paid) <= 4
        assert len(texts) == 4 + len(paid)


def test_no_line_of_ours_and_none_of_litellms_holds_a_prompt(quiet):
    assert SECRET not in quiet.proxy.process.text()
