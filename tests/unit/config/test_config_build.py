from __future__ import annotations

import datetime as dt

import pytest
import yaml

from litellm_tiering.classifiers.conditions import Condition, TimeSpan
from litellm_tiering.config.build import Routing, build
from litellm_tiering.config.build_chain import condition_of
from litellm_tiering.config.load import from_mapping
from litellm_tiering.config.schema_when import WhenSection
from litellm_tiering.core.budget import AtCeiling, Critical, Downgrade, Scope
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures, TaskType
from litellm_tiering.core.ladder import Tier
from litellm_tiering.core.policy import Route
from litellm_tiering.units import WindowKind, nano_usd

TIERS = [
    {"name": "simple", "model": "small"},
    {"name": "moderate", "model": "medium"},
    {"name": "complex", "model": "large"},
]
WHOLE = """
mode: enforce
tiers: [{name: simple, model: small}, {name: moderate, model: medium}, {name: complex, model: large}]
routes:
  - name: auto
    models: [auto]
    classify: true
    cascade: true
    default_tier: moderate
    latency: interactive
  - name: explicit
    models: ["large"]
    classify: false
    tier: complex
    cascade: false
classifiers:
  - kind: rules
    rules:
      - {name: premium, when: {team_metadata: {plan: premium}}, min_tier: moderate}
      - {name: faq, when: {max_tokens: 50, task_type: [classification, faq]}, tier: simple}
      - {name: code, when: {any_keyword: [traceback, refactor]}, min_tier: moderate}
      - {name: tools, when: {min_tools: 6}, min_tier: complex}
      - {name: long, when: {min_tokens: 50000}, min_tier: complex}
  - kind: heuristic
requirements: auto
cascade:
  max_escalations: 1
  stream: prefix
  bypass_above: 0.40
  gates:
    - {kind: not_empty}
    - {kind: finished}
    - {kind: refusal}
    - {kind: json_schema}
    - {kind: confidence, path: confidence, min: 0.8}
    - {kind: logprob, min_mean: -1.0}
budgets:
  - scope: global
    match: "*"
    limit_usd: 50
    window: day
    timezone: UTC
    downgrade: [{at: 0.80, steps: 1}, {at: 0.95, to: simple}]
    pacing: off
    at_ceiling: cheapest
    critical: {teams: [], key_aliases: [], tags: []}
store:
  url: sqlite:///tiering.db
  on_error: open
  retention_days: 35
experiment: {holdout: 0.0}
capture: {share: 0.0, path: capture.jsonl}
"""


def settings(**keys):
    return build(from_mapping({"tiers": TIERS, **keys}).config)


def budgets(*each, **keys):
    return settings(budgets=list(each), **keys).budgets


def classify(chain, prompt="hello", caller=None, **features):
    subject = Subject(
        RequestFeatures(**features),
        caller or Caller(),
        PromptText(prompt),
        dt.datetime(2026, 11, 21, 12, tzinfo=dt.timezone.utc),
    )
    return chain.classify(subject)


def test_the_whole_configuration_of_this_version():
    loaded = from_mapping(yaml.safe_load(WHOLE))
    assert loaded.warnings == ()
    built = build(loaded.config)
    assert built.mode == "enforce"
    assert [r.name for r in built.routes] == ["auto", "explicit"]
    assert built.budgets[0].limit == nano_usd(50)
    premium = Caller(team="t", team_metadata={"plan": "premium"})
    assert classify(built.chain, caller=premium).floor == (1, "premium")
    assert classify(built.chain, "please refactor this").floor == (1, "code")
    assert classify(built.chain, tools=6).floor == (2, "tools")
    assert classify(built.chain, prompt_tokens=50_000).floor == (2, "long")
    faq = classify(built.chain, prompt_tokens=50, task_type=TaskType.CLASSIFICATION)
    assert (faq.rank, faq.by, faq.name) == (0, "rules", "faq")
    assert classify(built.chain, prompt_tokens=51, task_type=TaskType.CLASSIFICATION).by != "rules"


def test_the_defaults():
    built = settings()
    assert built.mode == "enforce"
    assert built.ladder.tiers == (
        Tier("simple", "small"),
        Tier("moderate", "medium"),
        Tier("complex", "large"),
    )
    assert (built.store.url, built.store.on_error, built.store.retention_days) == (
        "sqlite:///tiering.db",
        "open",
        35,
    )
    assert (built.requirements, built.timezone) == ("auto", "UTC")
    ((count),) = built.budgets
    assert (count.scope, count.match, count.limit, count.window) == (Scope.GLOBAL, "*", None, WindowKind.DAY)
    assert built.virtual_names == ("auto",)
    assert built.virtual_model == "auto"


def test_the_default_routes():
    built = settings()
    auto = built.route_for("auto")
    assert (auto.name, auto.classify, auto.cascade, auto.default_rank) == ("auto", True, True, 1)
    for rank, model in enumerate(("small", "medium", "large")):
        route = built.route_for(model)
        assert (route.name, route.classify, route.cascade, route.rank) == ("explicit", False, False, rank)
    assert built.route_for("other") is None


def test_conversations_are_kept_for_an_hour_on_routes_that_classify():
    assert [r.keep_s for r in settings().routes] == [3600, None, None, None]
    routes = [
        {"name": "a", "models": ["auto"]},
        {"name": "b", "models": ["small"], "conversation": {"ttl_s": 60}},
        {"name": "c", "models": ["medium"], "conversation": {"keep": False}},
        {"name": "d", "models": ["large"], "classify": False},
    ]
    assert [r.keep_s for r in settings(routes=routes).routes] == [3600, 60, None, None]


def test_a_group_with_the_signs_of_a_glob_is_a_name_by_default():
    tiers = [{"name": "a", "model": "x[1]*"}, {"name": "b", "model": "y"}]
    built = build(from_mapping({"tiers": tiers}).config)
    assert built.route_for("x[1]*").rank == 0
    assert built.route_for("x1") is None


def test_the_default_tier_of_two_is_the_upper():
    built = build(from_mapping({"tiers": TIERS[:2]}).config)
    assert built.route_for("auto").default_rank == 1


def test_the_default_chain_is_the_heuristic():
    assert classify(settings().chain).by == "heuristic"


def test_the_first_route_that_matches_wins():
    built = settings(
        routes=[
            {"name": "first", "models": ["gpt-4*", "auto"]},
            {"name": "second", "models": ["gpt-*"], "classify": False, "tier": "simple"},
            {"name": "third", "models": ["large"], "classify": False, "mode": "shadow", "client_tier": []},
        ]
    )
    assert built.route_for("gpt-4o").name == "first"
    assert built.route_for("gpt-3").rank == 0
    assert built.route_for("GPT-3") is None
    third = built.route_for("large")
    assert (third.rank, third.cascade, third.enforce, third.client_tier) == (None, False, False, frozenset())
    assert built.route_for("small") is None
    assert built.virtual_names == ("auto",)


def test_a_classified_group_of_a_tier_is_not_virtual():
    built = settings(routes=[{"name": "r", "models": ["large", "smart", "auto"]}])
    assert built.virtual_names == ("smart", "auto")
    assert built.virtual_model == "smart"


def test_the_cascade_turned_off_is_off_on_every_route():
    assert settings(cascade=False).route_for("auto").cascade is False
    route = {"name": "r", "models": ["auto"], "cascade": True}
    assert settings(routes=[route]).route_for("auto").cascade is True
    assert settings(routes=[route], cascade=False).route_for("auto").cascade is False


def test_names_that_clients_make_up_are_not_remembered_for_ever():
    routing = Routing([Route("r", ("a*",))])
    for n in range(5000):
        routing.find(f"b{n}")
    assert len(routing._known) <= 1024
    assert routing.find("a" * 10_000).name == "r"
    assert max(map(len, routing._known)) <= 256


def test_a_global_budget_always_counts_and_comes_first():
    first, second = budgets({"scope": "team", "limit_usd": 5}, timezone="Europe/Berlin")
    assert (first.scope, first.limit, first.timezone) == (Scope.GLOBAL, None, "Europe/Berlin")
    assert (second.scope, second.timezone) == (Scope.TEAM, "Europe/Berlin")
    assert [b.scope for b in budgets({"scope": "team"}, {"scope": "global"})] == [Scope.TEAM, Scope.GLOBAL]


def test_downgrades():
    default = (Downgrade(0.80, steps=1), Downgrade(0.95, to_rank=0))
    assert budgets({"limit_usd": 5})[0].downgrade == default
    assert budgets({"limit_usd": 5, "downgrade": []})[0].downgrade == ()
    assert budgets({})[0].downgrade == ()
    plan = [{"at": 0.5, "to": "moderate"}, {"at": 1, "steps": 2}]
    own = budgets({"limit_usd": 5, "downgrade": plan})[0].downgrade
    assert own == (Downgrade(0.5, to_rank=1), Downgrade(1.0, steps=2))


def test_a_budget_with_everything():
    (budget,) = budgets(
        {
            "limit_usd": 0.1,
            "window": "month",
            "timezone": "Asia/Tokyo",
            "at_ceiling": "block",
            "critical": {"teams": ["a"], "key_aliases": ["b*"], "tags": ["c"]},
        }
    )
    assert budget.limit == 100_000_000
    assert (budget.window, budget.timezone, budget.at_ceiling) == (
        WindowKind.MONTH,
        "Asia/Tokyo",
        AtCeiling.BLOCK,
    )
    assert budget.critical == Critical(("a",), ("b*",), ("c",))


def test_listed_requirements_hold_what_was_said():
    built = settings(requirements={"simple": {"vision": False, "max_input_tokens": 9}})
    assert built.requirements == {"simple": {"vision": False, "max_input_tokens": 9}}


def test_the_hash_names_the_policy_and_not_where_it_is_kept():
    plain = settings().policy_hash
    assert len(plain) == 12
    assert settings(mode="enforce", budgets=[]).policy_hash == plain
    assert settings(store={"url": "redis://user:pw@h"}).policy_hash == plain
    assert settings(mode="shadow").policy_hash != plain
    assert settings(store={"on_error": "closed"}).policy_hash != plain


def test_a_password_is_in_no_repr():
    loaded = from_mapping({"tiers": TIERS, "store": {"url": "redis://user:hunter2@h"}})
    built = build(loaded.config)
    assert built.store.url.endswith("hunter2@h")
    assert "hunter2" not in repr(built) + repr(loaded) + str(loaded.config)


def test_conditions_are_those_that_rules_know():
    assert set(WhenSection.model_fields) == set(Condition.__dataclass_fields__)


def test_settings_do_not_change():
    built = settings()
    with pytest.raises(AttributeError):
        built.mode = "off"
    with pytest.raises(ValueError, match="frozen"):
        built.config.mode = "off"


def test_a_condition_of_every_kind_reaches_the_rule():
    when = {
        "surface": "chat",
        "response_format": ["json_schema", "json_object"],
        "time": "22:00-06:00",
        "weekdays": ["mon"],
        "team": "blue",
        "key_metadata": {"plan": ["a", 1, True, None]},
        "code": False,
    }
    rule = {"name": "r", "when": when, "max_tier": "simple"}
    section = from_mapping({"tiers": TIERS, "classifiers": [{"kind": "rules", "rules": [rule]}]}).config
    condition = condition_of(section.classifiers[0].rules[0].when)
    assert condition == Condition(
        surface=("chat",),
        response_format=("json_schema", "json_object"),
        time=TimeSpan.of("22:00", "06:00"),
        weekdays=("mon",),
        team=("blue",),
        key_metadata={"plan": ["a", 1, True, None]},
        code=False,
    )


def test_thresholds_and_doubt_of_the_heuristic():
    def chain(**keys):
        return settings(classifiers=[{"kind": "heuristic", **keys}]).chain

    words = "What is the capital of France and why?"
    features = {"question_words": 8, "prompt_tokens": 12}
    assert classify(chain(thresholds={"moderate": -2, "complex": -1}), words, **features).rank == 2
    assert classify(chain(thresholds={"moderate": 8, "complex": 9}), words, **features).rank == 0
    assert classify(chain(abstain_below=1), words, **features).rank is None


def test_a_chain_without_classifiers_leaves_everything_to_the_default():
    assert classify(settings(classifiers=[]).chain).rank is None
