"""`docs/tutorial.md`, followed as written: every file, every command, and what they print."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import openai
import pytest

from litellm_tiering.evals.outcomes import read_outcomes
from litellm_tiering.testing.processes import free_port, spawned, wait_http

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SERVERS = ("python -m litellm_tiering.testing.provider", "litellm --config")
OUTCOMES = "python -m litellm_tiering.testing.outcomes --rows 1500"
NUMBER = re.compile(r"[+-]?\d[\d,.]*(?:-\d\d)*")


def plain(line):
    """A line of output without what may differ from machine to machine: figures, and widths of columns."""
    return " ".join(NUMBER.sub("0", line).split())


class Reader:
    """Somebody who follows the tutorial in a directory of its own."""

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        self.ports = {"9100": str(free_port()), "4000": str(free_port())}
        source = str(PAGE.parents[1] / "src")
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("LITELLM_", "TIERING_"))},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")])),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # no download at start
        }

    def own_ports(self, text):
        """The text with ports that are free on this machine."""
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text

    def run(self, block):
        """Types a block into a terminal; a server gets one to itself. Returns what is printed."""
        script = self.own_ports(block)
        for line in script.splitlines():
            if line.startswith("export "):
                name, value = line.removeprefix("export ").split("=")
                self.env[name] = value
        server = next((line for line in script.splitlines() if line.startswith(SERVERS)), None)
        if server:
            return self.serve(server)
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def serve(self, line):
        words = shlex.split(line)
        process = self.stack.enter_context(spawned(words, env=self.env, cwd=self.folder, name=words[0]))
        path = "/health/liveliness" if words[0] == "litellm" else "/v1/models"
        wait_http(f"http://127.0.0.1:{words[-1]}{path}", process, 300)
        return ""


@pytest.fixture
def reader(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Reader(tmp_path, stack)


def steps(text):
    """The blocks of the page, each with the lines of output that stand below it."""
    blocks = list(BLOCK.finditer(text))
    ends = [*(found.start() for found in blocks[1:]), len(text)]
    for found, end in zip(blocks, ends, strict=True):
        below = text[found.end() : end].splitlines()
        yield found[1], found[2], [line for line in below if line.startswith("    ")]


@pytest.mark.timeout(1200)  # a dozen commands and a proxy: a minute on an idle machine
def test_the_tutorial_can_be_followed_as_written(reader):
    text = PAGE.read_text(encoding="utf-8")
    configurations, kept = [], 0.0
    for kind, body, shown in steps(text):
        if kind == "yaml":
            configurations.append(reader.own_ports(body))
            save(reader.folder, configurations)
        elif kind == "sh" and not body.startswith("pip "):
            told = reader.run(body)
            if "fresh.jsonl --config" in body:
                kept = promised(told)
            printed = {plain(line) for line in told.splitlines()}
            for line in shown:
                # The shape of an outcome line is explained in words, not printed by a command.
                if not body.startswith(OUTCOMES):
                    assert plain(line) in printed, f"the tutorial shows {line!r} after {body!r}"
    assert len(configurations) == 2
    assert kept >= 0.95
    lines_of_ones_own(reader, *(body for kind, body, _ in steps(text) if kind == "python"))


def save(folder, configurations):
    """The first configuration is whole, the second stands in place of the first one's section."""
    if len(configurations) == 1:
        (folder / "config.yaml").write_text(configurations[0])
    else:
        head, _, _ = configurations[0].partition("tiering:\n")
        (folder / "tuned.yaml").write_text(head + configurations[1])


def promised(told):
    """The share of the large model's quality that the tuned policy keeps, by what `eval` prints of it."""
    quality = {}
    for line in told.splitlines():
        if found := re.match(r"(always complex|tuned.yaml with gates) +(\d\.\d+) ", line):
            quality[found[1]] = float(found[2])
    return quality["tuned.yaml with gates"] / quality["always complex"]


def lines_of_ones_own(reader, code):
    """The tutorial's own functions make an outcome of a logged request, by the proxy that runs."""
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    with openai.OpenAI(
        base_url=f"http://127.0.0.1:{reader.ports['4000']}/v1",
        api_key=reader.env["LITELLM_MASTER_KEY"],
        http_client=httpx.Client(trust_env=False),
    ) as client:
        log = {"request_id": "r1", "messages": [{"role": "user", "content": "What is 12 + 7?"}]}
        line = names["outcome"](log, client, lambda _, said: float("19" in said))
    file = reader.folder / "own.jsonl"
    file.write_text(json.dumps(line) + "\n")
    (found,) = read_outcomes(str(file))
    assert {model: answer.quality for model, answer in found.answers.items()} == dict.fromkeys(
        ("small", "medium", "large"), 1.0
    )
    costs = [found.answers[model].cost_usd for model in ("small", "medium", "large")]
    assert costs == sorted(costs)
    assert costs[0] > 0
