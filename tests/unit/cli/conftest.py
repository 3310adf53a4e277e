from __future__ import annotations

import asyncio
import io
import json
import sys
import time

import pytest

from litellm_tiering.accounts import counter_key
from litellm_tiering.cli import main, progress
from litellm_tiering.core.budget import NO_BOUND, Budget, Limit, Scope
from litellm_tiering.ledger.sqlite import SqliteLedger
from litellm_tiering.ports import Hold, Reservation
from litellm_tiering.units import WindowKind, nano_usd, window_at

CONFIG = """\
model_list:
  - model_name: small
    litellm_params: {model: openai/sim-small}
    model_info: {input_cost_per_token: 0.0000002, output_cost_per_token: 0.0000012, supports_vision: false}
  - model_name: medium
    litellm_params: {model: openai/sim-medium}
    model_info: {input_cost_per_token: 0.000002, output_cost_per_token: 0.000012, supports_vision: true}
  - model_name: large
    litellm_params: {model: openai/sim-large}
    model_info: {input_cost_per_token: 0.000005, output_cost_per_token: 0.00003, supports_vision: true}
litellm_settings:
  callbacks: ["litellm_tiering.plugin.handler"]
router_settings:
  model_group_alias: {auto: large}
tiering:
  tiers:
    - {name: simple, model: small}
    - {name: moderate, model: medium}
    - {name: complex, model: large}
  budgets:
    - {scope: global, limit_usd: 10, window: month}
    - {scope: team, match: "*", limit_usd: 1, window: month}
"""


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    """Every test runs in a directory of its own, without the developer's variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LITELLM_TIERING_CONFIG", raising=False)
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")


@pytest.fixture
def run(capsys):
    """Runs the command line: exit status, standard output, standard error."""

    def _run(*words):
        status = main([str(w) for w in words])
        out, err = capsys.readouterr()
        return status, out, err

    return _run


@pytest.fixture
def run_json(run):
    """Runs the command line with --json: exit status and the document."""

    def _run(*words):
        status, out, _ = run(*words, "--json")
        return status, json.loads(out)

    return _run


@pytest.fixture
def config(tmp_path):
    """Writes a configuration with more, or other, lines for the tiering section."""

    def _write(store="sqlite:///ledger.db", more="", base=CONFIG, name="given.yaml"):
        path = tmp_path / name
        path.write_text(f"{base}  store: {{url: '{store}'}}\n{more}", encoding="utf-8")
        return path

    return _write


@pytest.fixture
def terminal(monkeypatch):
    """Somebody looks at standard error, on a machine without rich: every word of progress is a line."""

    def _looked_at():
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(progress.importlib.util, "find_spec", lambda _: None)
        monkeypatch.setattr(progress, "_PAUSE_S", 0.0)

    return _looked_at


@pytest.fixture
def stdin(monkeypatch):
    def _feed(raw: bytes):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))

    return _feed


@pytest.fixture
def ledger():
    """Does something with a real SQLite ledger in this test's directory, as the proxy would."""

    def _with(work, path="ledger.db"):
        async def _go():
            book = SqliteLedger(path)
            try:
                return await work(book)
            finally:
                await book.close()

        return asyncio.run(_go())

    return _with


@pytest.fixture
def spend(ledger):
    """Counts dollars for an id of a scope, this month, and holds more of them."""

    def _spend(usd, scope=Scope.GLOBAL, id_="*", held_usd=0.0):
        now = time.time()
        window = window_at(WindowKind.MONTH, "UTC", now)
        key = counter_key(Budget(scope=scope), id_, window.label)
        expires = int(window.end_s) + 86_400

        async def _work(book):
            await book.settle(Reservation(f"{key}{usd}", (key,), (expires,), 0, int(now)), nano_usd(usd), now)
            if held_usd:
                limit = Limit(key, expires, (NO_BOUND,))
                await book.reserve(Hold("held", (limit,), (nano_usd(held_usd),), False, now, 900))

        ledger(_work)
        return window

    return _spend
