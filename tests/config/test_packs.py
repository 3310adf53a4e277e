"""The packaged configurations: sound, without risk, without secrets, cheapest first, of models that exist."""

from __future__ import annotations

import datetime as dt
import importlib.util
import inspect
import re
from pathlib import Path

import litellm
import pytest
import yaml
from litellm.proxy._types import ConfigGeneralSettings
from litellm.types.router import AllowedFailsPolicy, GenericLiteLLMParams, LiteLLMParamsTypedDict, RetryPolicy

from litellm_tiering.config.check import check
from litellm_tiering.gateway.offline import group_price

ROOT = Path(__file__).resolve().parent.parent.parent
PACKS = sorted((ROOT / "litellm_config").glob("*.yaml"))
NAMES = {
    *("openai", "anthropic", "gemini", "bedrock", "azure", "openrouter", "mixed-providers", "self-hosted"),
    *("budget-only", "shadow", "coding-agents", "support-bot", "enterprise", "batch", "simulated"),
}
SECRET = re.compile(r"key|secret|token|password|credential", re.IGNORECASE)
NO_SECRET = re.compile(r"per_token|_tokens$|per_tokens")
ENV = re.compile(r"os\.environ/(\w+)")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def dummy_environment(path):
    """A value for every variable that a pack names."""
    found = dict.fromkeys(ENV.findall(path.read_text(encoding="utf-8")), "http://127.0.0.1:9")
    return {**found, **{name: "sqlite:///tiering.db" for name in found if name == "TIERING_STORE"}}


each_pack = pytest.mark.parametrize("path", PACKS, ids=lambda p: p.stem)


def test_every_pack_is_there():
    assert {p.stem for p in PACKS} == NAMES


@each_pack
def test_a_pack_passes_check_without_a_warning(path):
    env, proxy = dummy_environment(path), read(path)
    found = check(path, env, prices=lambda group: group_price(group, proxy, env), workers=4)
    assert (found.problems, found.warnings) == ((), ())


@each_pack
def test_a_packs_tiers_are_cheapest_first_by_litellms_own_prices(path):
    config, env = read(path), dummy_environment(path)
    prices = [group_price(tier["model"], config, env) for tier in config["tiering"]["tiers"]]
    assert all(p is not None and min(p) > 0 for p in prices), prices
    assert [sum(p) for p in prices] == sorted({sum(p) for p in prices})


@each_pack
def test_litellm_knows_every_key_of_a_pack(path):
    config = read(path)
    known = {
        "general_settings": set(ConfigGeneralSettings.model_fields),
        "router_settings": set(inspect.signature(litellm.Router.__init__).parameters),
        "litellm_settings": {name for name in dir(litellm) if not name.startswith("_")},
        "retry_policy": set(RetryPolicy.model_fields),
        "allowed_fails_policy": set(AllowedFailsPolicy.model_fields),
    }
    params = {*GenericLiteLLMParams.model_fields, *LiteLLMParamsTypedDict.__annotations__}
    params |= set(inspect.signature(litellm.completion).parameters)
    assert set(config) <= {"model_list", "general_settings", "litellm_settings", "router_settings", "tiering"}
    for section, keys in known.items():
        written = config.get(section) or (config.get("router_settings") or {}).get(section) or {}
        assert set(written) <= keys, section
    for deployment in config["model_list"]:
        assert set(deployment) <= {"model_name", "litellm_params", "model_info"}
        assert set(deployment["litellm_params"]) <= params


@each_pack
def test_a_packs_groups_and_fallbacks_name_each_other(path):
    config = read(path)
    groups = {d["model_name"] for d in config["model_list"]}
    router = config["router_settings"]
    assert set((router.get("model_group_alias") or {}).values()) <= groups
    for kind in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        for entry in router.get(kind) or []:
            for group, others in entry.items():
                assert {group, *others} <= groups
                assert group not in others


@each_pack
def test_a_pack_holds_no_secret(path):
    def walk(value, name=""):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(inner, key)
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner, name)
        else:
            yield name, value

    for name, value in walk(read(path)):
        if isinstance(value, str) and SECRET.search(name) and not NO_SECRET.search(name):
            assert ENV.fullmatch(value) or value == "none" or name.startswith(("any_", "key_")), name
    assert not re.search(r"\bsk-[\w-]{8,}|AKIA[0-9A-Z]{16}|:[^/@\s]+@", path.read_text(encoding="utf-8"))


@each_pack
def test_a_pack_says_what_it_needs(path):
    text = path.read_text(encoding="utf-8")
    head = text.partition("model_list:")[0]
    assert head.startswith("# ")
    if path.stem != "simulated":
        assert {v for v in ENV.findall(text) if v not in head} == set()


# ------------------------------------------------------------------ scripts/model_names.py


@pytest.fixture(scope="module")
def model_names():
    spec = importlib.util.spec_from_file_location("model_names", ROOT / "scripts" / "model_names.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_models_of_all_packs_are_in_the_map_priced_and_not_past_their_end(model_names, capsys):
    assert model_names.main([]) == 0, capsys.readouterr().out


def deployments(tmp_path, *models, **info):
    path = tmp_path / "config.yaml"
    listed = [{"model_name": m, "litellm_params": {"model": m}, "model_info": info} for m in models]
    path.write_text(yaml.safe_dump({"model_list": listed}))
    return path


KNOWN = {
    "good": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
    "going": {
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 2e-6,
        "deprecation_date": "2026-05-01",
    },
    "unpriced": {"input_cost_per_token": 0, "output_cost_per_token": None},
}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openai/good", None),
        ("openai/going", "openai/going is deprecated since 2026-05-01"),
        ("openai/unpriced", "openai/unpriced has no price in LiteLLM's map"),
        ("openai/left", "openai/left is not in LiteLLM's map, and its model_info has no prices"),
    ],
)
def test_a_model_that_left_has_no_price_or_is_past_its_end_is_told(model_names, tmp_path, model, said):
    found = list(model_names.findings(deployments(tmp_path, model, model), KNOWN, dt.date(2026, 5, 1)))
    assert found == ([said] if said else [])


def test_the_day_before_its_end_a_model_is_current(model_names, tmp_path):
    file = deployments(tmp_path, "openai/going")
    assert not list(model_names.findings(file, KNOWN, dt.date(2026, 4, 30)))


def test_a_model_of_ones_own_with_prices_is_taken_as_it_is(model_names, tmp_path):
    prices = {"input_cost_per_token": 1e-7, "output_cost_per_token": 1e-7}
    file = deployments(tmp_path, "hosted_vllm/mine", "openai/unpriced", **prices)
    assert not list(model_names.findings(file, KNOWN, dt.date(2026, 5, 1)))


def test_the_script_fails_where_a_model_is_gone(model_names, tmp_path, capsys):
    assert model_names.main([str(deployments(tmp_path, "openai/nobody-knows-this"))]) == 1
    assert "config.yaml: openai/nobody-knows-this is not in LiteLLM's map" in capsys.readouterr().out
