from __future__ import annotations

import io
import itertools
import json
import sys
from pathlib import Path

import pytest
import yaml

from litellm_tiering.cli import init

CONFIGS = Path(__file__).parents[2] / "proxy" / "init_configs"
LADDERS = {
    "openai": ["gpt-5.4-nano", "gpt-5.4-mini", "gpt-5.4"],
    "anthropic": ["claude-haiku", "claude-opus"],
    "mixed": ["nova", "claude-small", "claude"],
    "self_hosted": ["tiny", "qwen-8b", "llama-70b"],
}
"""What is proposed by the model map that LiteLLM 1.106 brings along."""


AS_JSON = json.dumps(
    {
        "model_list": [
            {"model_name": m, "litellm_params": {"model": f"openai/{m}"}} for m in ("gpt-5.4", "gpt-5.4-nano")
        ]
    }
)


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    """Models retire: what is proposed must not depend on when a test runs."""
    monkeypatch.setattr(init, "_today", lambda: init.dt.date(2026, 11, 21))


@pytest.fixture
def given(tmp_path):
    """A copy of one of the configurations."""

    def _copy(name="openai"):
        path = tmp_path / "config.yaml"
        path.write_bytes((CONFIGS / f"{name}.yaml").read_bytes())
        return path

    return _copy


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Somebody at a terminal, who types this."""

    def _typed(text):
        monkeypatch.setattr(sys, "stdin", Terminal(text))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)

    return _typed


@pytest.mark.parametrize("name", ["openai", "anthropic", "mixed", "self_hosted", "sixty"])
def test_the_section_passes_check_and_everything_else_stays(given, run, run_json, name):
    path = given(name)
    before = path.read_text()
    status, _, err = run("init", path, "--write")
    assert (status, "written" in err) == (0, True)
    after = path.read_text()
    old, data = yaml.safe_load(before), yaml.safe_load(after)
    assert {k: v for k, v in data.items() if k in old and "settings" not in k} == {
        k: v for k, v in old.items() if "settings" not in k
    }
    assert [line.split("#")[1] for line in before.splitlines() if "#" in line] == [
        line.split("#")[1] for line in after.split("# Cheapest first")[0].splitlines() if "#" in line
    ]
    status, found = run_json("check", "--config", path)
    assert (status, found["problems"]) == (0, [])
    assert not any("costs less per token" in w["message"] for w in found["warnings"])
    if name in LADDERS:
        assert [t["model"] for t in data["tiering"]["tiers"]] == LADDERS[name]


def test_sixty_models_give_three_of_one_generation_far_apart_in_price(given, run_json):
    status, found = run_json("init", given("sixty"))
    assert status == 0
    prices = [t["input_cost_per_token"] + t["output_cost_per_token"] for t in found["tiers"]]
    assert len(prices) == 3
    assert all(b > 3 * a for a, b in itertools.pairwise(prices))
    assert found["left_out"]["smart"] == "the same model as claude-opus-5-5"
    assert len(found["tiers"]) + len(found["others"]) + len(found["left_out"]) == 62


def test_nothing_is_written_without_a_terminal_and_without_write(given, run):
    path = given()
    before = path.read_bytes()
    status, out, err = run("init", path)
    assert status == 0
    assert "+tiering:" in out
    assert "$/M prompt" in out
    assert "--write writes it" in err
    assert path.read_bytes() == before


def test_the_json_says_what_would_be_done(given, run_json):
    path = given()
    status, found = run_json("init", path)
    assert (status, found["written"]) == (0, False)
    assert [t["name"] for t in found["tiers"]] == ["simple", "moderate", "complex"]
    assert found["left_out"] == {"embeddings": "no chat model: embedding"}
    assert [g["model"] for g in found["others"]] == ["gpt-4o"]
    assert found["warnings"][0]["path"] == "tiering.budgets"
    status, found = run_json("init", path, "--write")
    assert found["written"] is True
    assert "tiering" in yaml.safe_load(path.read_text())


def test_a_terminal_is_asked_and_yes_writes(given, run, terminal):
    path = given()
    terminal("yes\n")
    status, out, _ = run("init", path)
    assert (status, "Write this to" in out) == (0, True)
    assert [t["model"] for t in yaml.safe_load(path.read_text())["tiering"]["tiers"]] == LADDERS["openai"]


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "q\n", "NO\n"])
def test_a_terminal_that_says_anything_else_leaves_the_file(given, run, terminal, answer):
    path = given()
    before = path.read_bytes()
    terminal(answer)
    status, _, err = run("init", path)
    assert (status, "nothing was written" in err) == (0, True)
    assert path.read_bytes() == before


def test_other_models_can_be_typed_and_what_is_wrong_is_told(given, run, terminal):
    path = given()
    terminal("gpt-5.4\nnope gpt-5.4\ncheap=gpt-5.4-nano, dear=gpt-5.4\ngpt-5.4-mini gpt-5.4\ny\n")
    status, out, _ = run("init", path)
    assert status == 0
    assert "two models or more" in out
    assert "no model group 'nope'" in out
    assert "{name: cheap, model: gpt-5.4-nano}" in out
    assert yaml.safe_load(path.read_text())["tiering"]["tiers"] == [
        {"name": "simple", "model": "gpt-5.4-mini"},
        {"name": "complex", "model": "gpt-5.4"},
    ]


def test_a_ladder_of_ones_own(given, run, run_json):
    path = given("mixed")
    status, found = run_json(
        "init",
        path,
        "--tier",
        "a=nova",
        "--tier",
        "b=chat-mini",
        "--tier",
        "c=chat",
        "--tier",
        "d=gemini/gemini-2.5-pro",
    )
    assert status == 0
    assert [(t["name"], t["model"]) for t in found["tiers"]] == [
        ("a", "nova"),
        ("b", "chat-mini"),
        ("c", "chat"),
        ("d", "gemini/gemini-2.5-pro"),
    ]
    assert found["tiers"][3]["input_cost_per_token"] == pytest.approx(1.25e-6)
    status, found = run_json("init", path, "--tier", "a=chat", "--tier", "b=nova")
    assert any("costs less per token" in w["message"] for w in found["warnings"])


def test_two_tiers_when_asked_for(given, run_json):
    _, found = run_json("init", given(), "--tiers", "2")
    assert [t["name"] for t in found["tiers"]] == ["simple", "complex"]
    _, found = run_json("init", given("anthropic"), "--tiers", "3")
    assert len(found["tiers"]) == 3


def test_shadow_and_another_name(given, run, run_json):
    path = given()
    assert run("init", path, "--write", "--shadow", "--alias", "smart")[0] == 0
    data = yaml.safe_load(path.read_text())
    assert data["tiering"]["mode"] == "shadow"
    assert data["router_settings"]["model_group_alias"] == {"smart": "gpt-5.4"}
    status, found = run_json("check", "--config", path)
    assert (status, found["problems"]) == (0, [])
    body = {"model": "smart", "messages": [{"role": "user", "content": "Hello"}]}
    request = path.parent / "body.json"
    request.write_text(json.dumps(body))
    _, told = run_json("explain", "--request", request, "--config", path)
    assert told["route"] == "routed"


def test_what_is_there_already_is_refused_and_the_fix_named(given, run):
    path = given()
    assert run("init", path, "--write")[0] == 0
    before = path.read_bytes()
    status, out, err = run("init", path, "--write")
    assert (status, out) == (2, "")
    assert "section already" in err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("init", "none.yaml"), "cannot be read"),
        (("init",), "config.yaml cannot be read"),
        (("init", "CONFIG", "--tiers", "2", "--tier", "a=gpt-5.4"), "either --tiers"),
        (("init", "CONFIG", "--tier", "a=gpt-5.4"), "two or more"),
        (("init", "CONFIG", "--tier", "a=gpt-5.4", "--tier", "a=gpt-4o"), "a name of its own"),
        (("init", "CONFIG", "--tier", "gpt-5.4", "--tier", "a=gpt-4o"), "no NAME=MODEL"),
        (("init", "CONFIG", "--tier", "a=gpt-5.4", "--tier", "b=gpt-9"), "no model group 'gpt-9'"),
        (("init", "CONFIG", "--alias", "a*"), "plain name"),
        (("init", "CONFIG", "--alias", "gpt-4o"), "called 'gpt-4o' already"),
        (("init", "CONFIG", "--config", "other.yaml"), "two files"),
    ],
)
def test_wrong_usage_is_told_plainly(given, run, words, why):
    path = given()
    path.rename(path.with_name("given.yaml"))
    status, _, err = run(*(path.with_name("given.yaml") if w == "CONFIG" else w for w in words))
    assert (status, why in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("model_list: []\n", "no model_list"),
        ("include: [models.yaml]\n", "what `include` names"),
        ("model_list:\n  - {model_name: a, litellm_params: {model: openai/gpt-5.4}}\n", "no two chat models"),
        ("model_list:\n  - {model_name: '*', litellm_params: {model: '*'}}\n", "a pattern"),
        ("model_list: [3, {a: b}, {model_name: 4}]\n", "no two chat models"),
        ("- 1\n", "no LiteLLM configuration"),
        ("a: [\n", "not valid YAML"),
        (
            AS_JSON,
            "By hand",
        ),
    ],
)
def test_a_file_that_no_ladder_can_be_made_of_is_left_alone(run, tmp_path, text, why):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    status, _, err = run("init", path, "--write")
    assert (status, why in err) == (2, True)
    assert path.read_text() == text


def test_no_secret_is_shown(run, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "model_list:\n"
        "  - {model_name: a, litellm_params: {model: openai/gpt-5.4, api_key: sk-verysecret}}\n"
        "  - {model_name: b, litellm_params: {model: openai/gpt-5.4-nano, api_key: sk-verysecret}}\n"
        "general_settings:\n  master_key: sk-verysecret\n"
    )
    _, out, err = run("init", path)
    assert "sk-verysecret" not in out + err


def test_the_variable_that_takes_the_section_from_elsewhere_is_told_of(given, run, monkeypatch, tmp_path):
    monkeypatch.setenv("LITELLM_TIERING_CONFIG", str(tmp_path / "elsewhere.yaml"))
    status, _, err = run("init", given(), "--write")
    assert (status, "takes the section from elsewhere" in err) == (0, True)


def test_a_file_that_changed_meanwhile_is_left_as_it_is(given, run, terminal, monkeypatch):
    path = given()
    terminal("")

    def _slow(_):
        path.write_text("model_list: [] # somebody else was here\n")
        return "y"

    monkeypatch.setattr("builtins.input", _slow)
    status, _, err = run("init", path)
    assert (status, "has changed meanwhile" in err) == (2, True)
    assert "somebody else" in path.read_text()
