"""Our classifiers as LiteLLM's own auto-router asks them."""

from __future__ import annotations

import copy
import inspect
import logging
from types import SimpleNamespace

import pytest
from litellm import Router
from litellm.proxy.types_utils.utils import get_instance_fn
from litellm.types.router import ClassifierPlugin, RoutingContext

from litellm_tiering import plugin
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import ConfigError
from litellm_tiering.gateway import compat
from litellm_tiering.gateway.auto_router import TIERS, AutoRouterClassifier, tier_at
from litellm_tiering.testing.proxy import TIERS as LADDER

PLUGIN = "litellm_tiering.plugin.classifier"
RULES = {
    "kind": "rules",
    "rules": [
        {"name": "easy", "when": {"any_keyword": ["easyplease"]}, "tier": "simple"},
        {"name": "hard", "when": {"any_keyword": ["hardplease"]}, "tier": "complex"},
        {"name": "capped", "when": {"any_keyword": ["cappedplease"]}, "max_tier": "simple"},
        {"name": "premium", "when": {"team_metadata": {"plan": "premium"}}, "min_tier": "complex"},
        {"name": "key", "when": {"key_alias": ["vip-*"]}, "tier": "complex"},
        {"name": "night", "when": {"time": "22:00-06:00"}, "max_tier": "simple"},
    ],
}
NOON, NIGHT = 1_700_049_600.0, 1_700_006_400.0


class At:
    def __init__(self, now=NOON):
        self.moment = now

    def now(self):
        return self.moment


def settings(**section):
    return build(from_mapping({"tiers": LADDER, "store": {"url": "memory://"}, **section}).config)


@pytest.fixture
def faults():
    return []


@pytest.fixture
def make(faults):
    def _make(now=NOON, **section):
        made = settings(**{"classifiers": [RULES], **section})
        return AutoRouterClassifier(lambda: made, lambda where, error: faults.append((where, error)), At(now))

    return _make


@pytest.fixture
def bare(monkeypatch):
    """The plugin of a proxy that has not started: no handler, no classifier."""
    for name in ("handler", "classifier"):
        monkeypatch.delitem(vars(plugin), name, raising=False)
    monkeypatch.delenv(plugin.CONFIG_VARIABLE, raising=False)
    monkeypatch.setattr(compat, "proxy_config", dict)
    yield plugin
    vars(plugin).pop("classifier", None)


def asking(text, **metadata):
    messages = [{"role": "user", "content": text}]
    return RoutingContext(
        raw_messages=messages, structured_messages=messages, candidate_models=[], metadata=metadata
    )


@pytest.mark.parametrize(
    ("tiers", "names"),
    [
        (2, ("SIMPLE", "COMPLEX")),
        (3, ("SIMPLE", "MEDIUM", "COMPLEX")),
        (4, TIERS),
        (5, ("SIMPLE", "MEDIUM", "COMPLEX", "COMPLEX", "REASONING")),
        (7, ("SIMPLE", "MEDIUM", "MEDIUM", "COMPLEX", "COMPLEX", "REASONING", "REASONING")),
    ],
)
def test_ladders_of_any_length_find_their_place_among_litellms_tiers(tiers, names):
    assert tuple(tier_at(rank, tiers) for rank in range(tiers)) == names


@pytest.mark.parametrize(
    ("text", "metadata", "named"),
    [
        ("easyplease", {}, "SIMPLE"),
        ("hardplease", {}, "COMPLEX"),
        ("hardplease cappedplease", {}, "SIMPLE"),
        ("hi", {"user_api_key_alias": "vip-1"}, "COMPLEX"),
        ("hi", {"user_api_key_auth": SimpleNamespace(key_alias="vip-1")}, "COMPLEX"),
        ("hi", {"user_api_key_auth": SimpleNamespace(team_metadata={"plan": "premium"})}, "COMPLEX"),
        ("hi", {"team_metadata": {"plan": "premium"}}, None),
        ("hi", {}, None),
    ],
)
async def test_the_chain_and_its_rules_name_the_tier_and_abstention_names_none(make, text, metadata, named):
    assert await make().classify(asking(text, **metadata)) == named


async def test_bounds_hold_where_no_classifier_chose(make):
    assert await make().classify(asking("cappedplease")) == "SIMPLE"
    assert await make(NIGHT).classify(asking("hi")) == "SIMPLE"


async def test_rules_follow_the_configurations_wall_clock(make):
    assert await make(NOON, timezone="Pacific/Auckland").classify(asking("hi")) == "SIMPLE"


async def test_a_default_tier_lies_within_the_bounds(make):
    routes = [{"name": "auto", "models": ["auto"], "default_tier": "simple"}]
    premium = asking("hi", user_api_key_auth=SimpleNamespace(team_metadata={"plan": "premium"}))
    assert await make(routes=routes).classify(premium) == "COMPLEX"


async def test_mode_off_has_no_opinion_and_shadow_has_one(make):
    assert await make(mode="off").classify(asking("hardplease")) is None
    assert await make(mode="shadow").classify(asking("hardplease")) == "COMPLEX"


async def test_settings_that_are_read_anew_count_from_the_next_request_on():
    current = [settings(classifiers=[RULES])]
    made = AutoRouterClassifier(lambda: current[0], lambda *_: None, At())
    assert await made.classify(asking("hardplease")) == "COMPLEX"
    current[0] = settings(classifiers=[RULES], mode="off")
    assert await made.classify(asking("hardplease")) is None


@pytest.mark.parametrize(
    ("context", "traces"),
    [(None, []), (7, []), (SimpleNamespace(metadata="x"), ["classifier"]), (asking("hi", tags=[[[]]]), [])],
)
async def test_no_context_raises_and_what_cannot_be_read_leaves_a_trace(make, faults, context, traces):
    assert await make().classify(context) is None
    assert [where for where, _ in faults] == traces


async def test_a_classifiers_fault_costs_its_opinion_only(make, faults, monkeypatch):
    made = make()

    def fail(_subject):
        raise ZeroDivisionError("a prompt")

    monkeypatch.setattr(type(made._settings().chain), "classify", lambda _self, subject: fail(subject))
    assert await made.classify(asking("hardplease")) is None
    assert [(where, type(error)) for where, error in faults] == [("classifier", ZeroDivisionError)]


def test_it_is_litellms_protocol_and_one_in_all_copies(make):
    made = make()
    assert isinstance(made, ClassifierPlugin)
    assert inspect.iscoroutinefunction(made.classify)
    assert copy.deepcopy({"classifier_plugin": made})["classifier_plugin"] is made
    assert repr(made) == PLUGIN


# -------------------------------------------------------------------- as a name in a configuration


async def test_without_a_section_the_default_classifiers_spread_over_all_of_litellms_tiers(bare):
    found = get_instance_fn(PLUGIN)
    assert found is bare.classifier
    assert await found.classify(asking("What is the capital of France?")) == "SIMPLE"
    hard = "Prove the theorem step by step, derive the bounds, implement it, analyse its complexity. " * 8
    assert await found.classify(asking(hard)) == "REASONING"


async def test_the_section_of_the_proxy_is_used_without_a_handler(bare, monkeypatch):
    section = {"tiers": LADDER, "classifiers": [RULES], "store": {"url": "memory://"}}
    monkeypatch.setattr(compat, "proxy_config", lambda: {"tiering": section})
    monkeypatch.setattr(bare, "SystemClock", At)  # one of its rules holds at night only
    found = bare.classifier
    assert await found.classify(asking("hardplease")) == "COMPLEX"
    assert await found.classify(asking("hi")) is None


async def test_a_handlers_settings_are_used_as_they_are_now(bare, monkeypatch):
    faults = []
    engine = SimpleNamespace(fault=lambda where, error: faults.append(where), clock=At())
    gateway = SimpleNamespace(settings=settings(classifiers=[RULES]), engine=engine)
    monkeypatch.setitem(vars(plugin), "handler", SimpleNamespace(gateway=gateway))
    found = bare.classifier
    assert await found.classify(asking("hi")) is None
    gateway.settings = settings()
    assert await found.classify(asking("hi")) == "SIMPLE"
    assert await found.classify(SimpleNamespace(metadata="x")) is None
    assert faults == ["classifier"]


def test_a_wrong_section_stops_the_proxy_and_says_why(bare, monkeypatch, capsys):
    monkeypatch.setattr(compat, "proxy_config", lambda: {"tiering": {"tiers": LADDER[:1]}})
    with pytest.raises(ConfigError):
        get_instance_fn(PLUGIN)
    assert "tiers" in capsys.readouterr().err


def test_there_is_nothing_else_by_that_way(bare):
    with pytest.raises(AttributeError, match="judge"):
        _ = bare.judge


@pytest.mark.parametrize(
    ("text", "group"), [("easyplease", "small"), ("hardplease", "large"), ("hello", "medium")]
)
async def test_litellms_router_goes_where_it_says_and_judges_itself_where_it_abstains(
    make, text, group, caplog
):
    caplog.set_level(logging.CRITICAL, "LiteLLM Router")
    groups = ("small", "medium", "large")
    answers = [
        {"model_name": g, "litellm_params": {"model": f"openai/{g}", "api_key": "none", "mock_response": g}}
        for g in groups
    ]
    config = {
        "classifier_type": "custom",
        "classifier_plugin": make(),
        "classifier_fallback": "default_model",
        "default_model": "medium",
        "tiers": {"SIMPLE": "small", "MEDIUM": "medium", "COMPLEX": "large", "REASONING": "large"},
    }
    params = {"model": "auto_router/complexity_router", "complexity_router_config": config}
    router = Router(model_list=[*answers, {"model_name": "smart", "litellm_params": params}])
    messages = [{"role": "user", "content": text}]
    answer = await router.acompletion("smart", messages=messages)
    assert answer.choices[0].message.content == group
