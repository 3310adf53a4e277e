"""The documentation's code blocks: each is run, or its form is checked and it is said why no more.

Python runs here, and configurations pass `check`. Commands are typed by `test_tutorial.py`, against the proxy
that the tutorial starts; `followed.py` names the few that are not.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from types import ModuleType

import pytest
import yaml
from docpages import ROOT, blocks, is_ours
from followed import CHECKED_HERE, FOLLOWED, NOT_RUN

from litellm_tiering.cli import parser
from litellm_tiering.config.check import check
from litellm_tiering.config.load import from_mapping
from litellm_tiering.events import Event, Kind

PRICED = [
    {"model_name": name, "model_info": {"input_cost_per_token": cost, "output_cost_per_token": cost}}
    for name, cost in (("small", 1e-6), ("medium", 2e-6), ("large", 3e-6))
]
PRICES = {entry["model_name"]: (entry["model_info"]["input_cost_per_token"],) * 2 for entry in PRICED}
COMMANDS = [(block, command) for block in blocks("sh") for command in block.commands()]


def each(found):
    return pytest.mark.parametrize("block", found, ids=lambda block: block.id)


def test_every_block_has_somebody_who_runs_or_checks_it():
    for block in blocks():
        assert block.language in {"sh", "yaml", "http", "python"}, block.id
        if block.language == "sh":
            only = all(command.startswith(tuple(NOT_RUN)) for command in block.commands())
            assert only or block.page in {*FOLLOWED, "docs/tutorial.md"}, block.id
    for begin in NOT_RUN:
        assert any(command.startswith(begin) for _, command in COMMANDS), f"nothing begins with {begin!r}"
    assert {block.id for block in blocks("http")} == set(CHECKED_HERE)


@pytest.fixture
def run_python(monkeypatch):
    """Runs the Python blocks of a page as modules; the first is `my_gates` or `my_classifiers`."""

    def _run(page):
        found = []
        for block in blocks("python", page=page):
            owners = "my_classifiers" if "classifier" in page else "my_gates"
            module = ModuleType(f"{owners}_{len(found)}" if found else owners)
            monkeypatch.setitem(sys.modules, module.__name__, module)
            exec(compile(block.text, block.id, "exec"), vars(module))
            found.append(module)
        return found

    return _run


@pytest.mark.parametrize("page", sorted({block.page for block in blocks("python")}))
def test_python_in_the_documentation_runs_and_its_tests_pass(page, run_python):
    for module in run_python(page):
        for name, function in list(vars(module).items()):
            if name.startswith("test_"):
                function()


@each(blocks("yaml"))
def test_configurations_in_the_documentation_are_sound(block, run_python, tmp_path):
    if "my_gates" in block.text or "my_classifiers" in block.text:
        run_python(block.page)
    shown = yaml.safe_load(block.text)
    alias = {"auto": "large", "auto-internal": "large"}
    whole = {"model_list": PRICED, "router_settings": {"model_group_alias": alias}, **shown}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(whole, sort_keys=False))
    env = dict.fromkeys(re.findall(r"os\.environ/(\w+)", block.text), "https://127.0.0.1:9")
    found = check(file, env, prices=lambda group: PRICES.get(group, (1e-6, 1e-6)))
    # A model that the page has trained by then is read where the pages' commands are typed.
    trained = [p for p in found.problems if p.path.endswith(".path") and "No such file" in p.message]
    assert [p for p in found.problems if p not in trained] == []
    if not trained:
        assert from_mapping(shown["tiering"], file=block.id, proxy=whole, env=env).warnings == ()


@pytest.mark.parametrize(("block", "command"), COMMANDS, ids=lambda part: getattr(part, "id", None))
def test_commands_in_the_documentation_are_commands(block, command):
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    elif words[:2] == ["pip", "install"]:
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        for extra in re.findall(r"litellm-tiering\[(\w+)\]", command):
            assert re.search(rf"^{extra} = \[", project, re.MULTILINE), f"{block.id}: no extra {extra}"
    elif words[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(words[2])
    elif is_ours(command) and command.startswith(tuple(NOT_RUN)):
        assert parser(words[1:2]).parse_args(words[1:]).run
    else:
        assert words[0] in {"litellm-tiering", "curl", "litellm", "export"}, f"who types {command!r}?"


def test_the_event_that_is_shown_has_the_fields_of_an_event():
    (shown,) = blocks("http", page="docs/how-to/get-alerts.md")
    head, _, body = shown.text.partition("\n\n")
    told = json.loads(body)
    sent = {line.partition(":")[0] for line in head.splitlines()[1:]}
    assert sent == {"content-type", *(f"x-tiering-{name}" for name in ("event", "timestamp", "signature"))}
    told_again = Event(
        Kind(told["event"]),
        told["at"],
        **{name: told[name] for name in ("scope", "id", "window", "threshold", "ratio", "reference")},
        **{name: told[name] for name in ("limit_usd", "spent_usd", "reserved_usd")},
        window_end_s=told["window_end"],
    )
    assert told_again.as_json() == told


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.name) for p in sorted((ROOT / "litellm_config").glob("*.yaml"))]
)
def test_packaged_configurations_are_sound(path):
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    loaded = from_mapping(
        config["tiering"], file=path.name, proxy=config, env={"TIERING_STORE": "sqlite:///tiering.db"}
    )
    assert not loaded.warnings
    assert config["general_settings"]["master_key"].startswith("os.environ/")
