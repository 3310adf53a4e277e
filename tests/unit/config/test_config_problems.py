from __future__ import annotations

import pytest

from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import ConfigError

TIERS = [
    {"name": "simple", "model": "small"},
    {"name": "moderate", "model": "medium"},
    {"name": "complex", "model": "large"},
]
PROXY = {
    "model_list": [{"model_name": name} for name in ("small", "medium", "large")],
    "router_settings": {"model_group_alias": {"auto": "large"}},
}
URL = "redis://user:hunter2@cache:6379"


def problems(section, proxy=PROXY, env=None):
    """Every problem of a section, as (path, "message fix")."""
    with pytest.raises(ConfigError) as caught:
        from_mapping(section, file="config.yaml", proxy=proxy, env=env)
    assert {p.file for p in caught.value.problems} == {"config.yaml"}
    return [(p.path, f"{p.message} | {p.fix}") for p in caught.value.problems]


def with_tiers(**keys):
    return {"tiers": TIERS, **keys}


def one_budget(**keys):
    return with_tiers(budgets=[{"limit_usd": 50, **keys}])


def thresholds(*each):
    return one_budget(downgrade=list(each))


def one_rule(**keys):
    return with_tiers(
        classifiers=[{"kind": "rules", "rules": [{"name": "r", "when": {"min_tools": 1}, **keys}]}]
    )


def one_when(**when):
    return with_tiers(
        classifiers=[{"kind": "rules", "rules": [{"name": "r", "when": when, "tier": "simple"}]}]
    )


def one_route(**keys):
    return with_tiers(routes=[{"name": "r", "models": ["auto"], **keys}])


AT = {"at": 0.5}
WRONG = {
    "no-mapping": ([], "tiering", "must be a mapping, not a list"),
    "empty-section": (None, "tiering", "not nothing"),
    "no-tiers": ({}, "tiering.tiers", "no tiers"),
    "one-tier": ({"tiers": TIERS[:1]}, "tiering.tiers", "two or more"),
    "same-tier-name": ({"tiers": [*TIERS, TIERS[0]]}, "tiering.tiers[3].name", "'simple' already"),
    "tier-name": (
        {"tiers": [*TIERS, {"name": "a b", "model": "small"}]},
        "tiering.tiers[3].name",
        "plain name",
    ),
    "tier-without-model": (
        {"tiers": [*TIERS, {"name": "x"}]},
        "tiering.tiers[3].model",
        "add `model:` the model",
    ),
    "tier-model": ({"tiers": [{"name": "x", "model": "smal"}, *TIERS]}, "tiering.tiers[0].model", "'small'?"),
    "unknown-key": (with_tiers(bugdets=[]), "tiering.bugdets", "did you mean 'budgets'?"),
    "unknown-key-unlike-any": (
        with_tiers(store={"zzzz": 1}),
        "tiering.store.zzzz",
        "url, on_error, spool, retention_days",
    ),
    "unknown-key-like-a-branch": (with_tiers(**{"~word": 1}), "tiering['~word']", "unknown key '~word'"),
    "unknown-key-like-a-mark": (
        with_tiers(store={"[key]": 1}),
        "tiering.store['[key]']",
        "unknown key '[key]'",
    ),
    "requirements-odd-tier": (
        with_tiers(requirements={"~table": {}}),
        "tiering.requirements['~table']",
        "plain",
    ),
    "unknown-word": (with_tiers(mode="enforced"), "tiering.mode", "did you mean 'enforce'?"),
    "timezone": (with_tiers(timezone="Mars/Olympus"), "tiering.timezone", "'Mars/Olympus'"),
    "timezone-is-a-path": (with_tiers(timezone="/etc/passwd"), "tiering.timezone", "IANA"),
    "text-not-number": (with_tiers(timezone=5), "tiering.timezone", "put it in quotes"),
    "requirements-tier": (
        with_tiers(requirements={"simpel": {}}),
        "tiering.requirements.simpel",
        "'simple'?",
    ),
    "requirements-word": (with_tiers(requirements="always"), "tiering.requirements", "auto or off"),
    "requirements-key": (
        with_tiers(requirements={"simple": {"visoin": True}}),
        "tiering.requirements.simple.visoin",
        "'vision'?",
    ),
    "route-model": (
        one_route(models=["autp"]),
        "tiering.routes[0].models[0]",
        "model_group_alias: {autp: large}",
    ),
    "route-models-empty": (one_route(models=[]), "tiering.routes[0].models", "one entry or more"),
    "route-default": (one_route(default_tier="modrate"), "tiering.routes[0].default_tier", "'moderate'?"),
    "route-classify-and-tier": (one_route(tier="simple"), "tiering.routes[0].tier", "classify: false"),
    "route-virtual-without-tier": (one_route(classify=False), "tiering.routes[0].tier", "add `tier:`"),
    "route-glob-without-tier": (
        one_route(classify=False, models=["large", "gpt-*"]),
        "tiering.routes[0].tier",
        "'gpt-*' (models[1]) is a pattern",
    ),
    "same-route-name": (
        with_tiers(routes=[{"name": "r", "models": ["auto"]}, {"name": "r", "models": ["small"]}]),
        "tiering.routes[1].name",
        "'r' already",
    ),
    "rule-tier": (one_rule(tier="xomplex"), "tiering.classifiers[0].rules[0].tier", "'complex'?"),
    "rule-idle": (one_rule(), "tiering.classifiers[0].rules[0]", "does nothing"),
    "rule-below-own-floor": (
        one_rule(tier="simple", min_tier="moderate"),
        "tiering.classifiers[0].rules[0].tier",
        "below",
    ),
    "rule-above-own-cap": (
        one_rule(tier="complex", max_tier="moderate"),
        "tiering.classifiers[0].rules[0].tier",
        "above",
    ),
    "rule-floor-above-cap": (
        one_rule(min_tier="complex", max_tier="simple"),
        "tiering.classifiers[0].rules[0].min_tier",
        "swap them",
    ),
    "rule-regex": (
        one_when(any_regex=["ok", "(a)\\1"]),
        "tiering.classifiers[0].rules[0].when.any_regex[1]",
        "no backreferences",
    ),
    "rule-keyword-blank": (
        one_when(any_keyword=" "),
        "tiering.classifiers[0].rules[0].when.any_keyword[0]",
        "blank",
    ),
    "rule-keyword-long": (
        one_when(any_keyword="x" * 2_010),
        "tiering.classifiers[0].rules[0].when.any_keyword[0]",
        "too long",
    ),
    "rule-bounds": (
        one_when(min_tokens=9, max_tokens=8),
        "tiering.classifiers[0].rules[0].when.min_tokens",
        "never applies",
    ),
    "rule-time": (
        one_when(time="22:00"),
        "tiering.classifiers[0].rules[0].when.time",
        "such as `22:00-06:00`",
    ),
    "rule-time-that-is-none": (
        one_when(time="8:00-25:00"),
        "tiering.classifiers[0].rules[0].when.time",
        "time of day",
    ),
    "rule-weekday": (
        one_when(weekdays=["mon", "sunday"]),
        "tiering.classifiers[0].rules[0].when.weekdays[1]",
        "did you mean 'sun'?",
    ),
    "rule-surface": (one_when(surface="chta"), "tiering.classifiers[0].rules[0].when.surface", "'chat'?"),
    "rule-metadata": (
        one_when(team_metadata={"plan": {"a": 1}}),
        "tiering.classifiers[0].rules[0].when.team_metadata.plan",
        "or a list of these",
    ),
    "rule-key": (
        one_when(min_tool=1),
        "tiering.classifiers[0].rules[0].when.min_tool",
        "did you mean 'min_tools'?",
    ),
    "kind-twice": (
        with_tiers(classifiers=[{"kind": "heuristic"}, {"kind": "heuristic"}]),
        "tiering.classifiers[1].kind",
        "keep one",
    ),
    "kind-unknown": (
        with_tiers(classifiers=[{"kind": "magic"}]),
        "tiering.classifiers[0]",
        "rules, heuristic, learned",
    ),
    "kind-missing": (with_tiers(classifiers=[{}]), "tiering.classifiers[0]", "one of: rules, heuristic"),
    "gate-unknown": (
        with_tiers(cascade={"gates": [{"kind": "x"}]}),
        "tiering.cascade.gates[0]",
        "not_empty, min_",
    ),
    "scores-out-of-order": (
        with_tiers(classifiers=[{"kind": "heuristic", "thresholds": {"moderate": 2, "complex": 1}}]),
        "tiering.classifiers[0].thresholds.complex",
        "1 is not above 2",
    ),
    "scores-that-are-none": (
        with_tiers(classifiers=[{"kind": "heuristic", "thresholds": {"moderate": 1, "complex": "high"}}]),
        "tiering.classifiers[0].thresholds.complex",
        "must be a number, not 'high'",
    ),
    "scores-of-the-cheapest": (
        with_tiers(
            classifiers=[{"kind": "heuristic", "thresholds": {"simple": 0, "moderate": 1, "complex": 2}}]
        ),
        "tiering.classifiers[0].thresholds.simple",
        "cheapest",
    ),
    "scores-incomplete": (
        with_tiers(classifiers=[{"kind": "heuristic", "thresholds": {"complex": 2}}]),
        "tiering.classifiers[0].thresholds.moderate",
        "is missing",
    ),
    "limit-zero": (one_budget(limit_usd=0), "tiering.budgets[0].limit_usd", "leave `limit_usd` out"),
    "limit-negative": (one_budget(limit_usd=-1), "tiering.budgets[0].limit_usd", "more than 0, not -1"),
    "limit-infinite": (one_budget(limit_usd=float("inf")), "tiering.budgets[0].limit_usd", "finite"),
    "limit-true": (one_budget(limit_usd=True), "tiering.budgets[0].limit_usd", "a number, not true"),
    "limit-huge": (one_budget(limit_usd=9_000_000), "tiering.budgets[0].limit_usd", "shorter window"),
    "limit-tiny": (one_budget(limit_usd=1e-10), "tiering.budgets[0].limit_usd", "nano-dollar"),
    "limit-missing": (
        with_tiers(budgets=[{"at_ceiling": "block"}]),
        "tiering.budgets[0].limit_usd",
        "`at_ceiling` has nothing to act on",
    ),
    "budget-timezone": (one_budget(timezone="Berlin"), "tiering.budgets[0].timezone", "Europe/Berlin"),
    "budget-global-match": (one_budget(match="blue"), "tiering.budgets[0].match", "choose a scope"),
    "budget-twice": (
        with_tiers(budgets=[{"scope": "key"}, {"scope": "key"}]),
        "tiering.budgets[1]",
        "second budget",
    ),
    "budget-scope": (one_budget(scope="teams"), "tiering.budgets[0].scope", "'team'?"),
    "at-percent": (
        thresholds({"at": 80, "steps": 1}),
        "tiering.budgets[0].downgrade[0].at",
        "for 80 % write 0.8",
    ),
    "at-zero": (thresholds({"at": 0, "steps": 1}), "tiering.budgets[0].downgrade[0].at", "more than 0"),
    "at-descending": (
        thresholds({"at": 0.9, "steps": 1}, {"at": 0.8, "steps": 2}),
        "tiering.budgets[0].downgrade[1].at",
        "0.8 does not come after 0.9",
    ),
    "to-and-steps": (
        thresholds({**AT, "to": "simple", "steps": 1}),
        "tiering.budgets[0].downgrade[0]",
        "both",
    ),
    "neither-to-nor-steps": (thresholds(AT), "tiering.budgets[0].downgrade[0]", "neither"),
    "to-unknown": (
        thresholds({**AT, "to": "cheap"}),
        "tiering.budgets[0].downgrade[0].to",
        "simple, moderate, complex",
    ),
    "to-dearest": (
        thresholds({**AT, "to": "complex"}),
        "tiering.budgets[0].downgrade[0].to",
        "moves nothing",
    ),
    "to-raises": (
        thresholds({**AT, "to": "simple"}, {"at": 0.9, "to": "moderate"}),
        "tiering.budgets[0].downgrade[1].to",
        "'complex' go to 'moderate' here, after 'simple' at 0.5",
    ),
    "steps-raise": (
        thresholds({**AT, "steps": 2}, {"at": 0.9, "steps": 1}),
        "tiering.budgets[0].downgrade[1].steps",
        "would raise",
    ),
    "to-raises-after-steps": (
        thresholds({**AT, "steps": 1}, {"at": 0.9, "to": "moderate"}),
        "tiering.budgets[0].downgrade[1].to",
        "'moderate' go to 'moderate' here, after 'simple'",
    ),
    "store-scheme": (with_tiers(store={"url": "postgres://x"}), "tiering.store.url", "sqlite:///PATH"),
    "store-plain-file": (with_tiers(store={"url": "tiering.db"}), "tiering.store.url", "sqlite:///PATH"),
    "store-sqlite-host": (
        with_tiers(store={"url": "sqlite://tiering.db"}),
        "tiering.store.url",
        "names no file",
    ),
    "store-memory": (with_tiers(store={"url": "memory://x"}), "tiering.store.url", "write `memory://`"),
    "store-redis-host": (with_tiers(store={"url": "redis://"}), "tiering.store.url", "names no host"),
    "store-redis-port": (with_tiers(store={"url": "redis://h:x"}), "tiering.store.url", "percent-encode"),
    "store-sentinel": (
        with_tiers(store={"url": "redis+sentinel://a,b"}),
        "tiering.store.url",
        "service's name",
    ),
    "store-retention": (
        with_tiers(store={"retention_days": 1.5}),
        "tiering.store.retention_days",
        "whole number",
    ),
    "key-not-text": (with_tiers(store={True: 1}), "tiering.store", "put the key in quotes"),
    "learned-missing": (
        with_tiers(classifiers=[{"kind": "learned", "path": "models/no-such-router.json"}]),
        "tiering.classifiers[0].path",
        "cannot be read (No such file or directory). | name the file that `litellm-tiering train` wrote",
    ),
    "cascade-true": (with_tiers(cascade=True), "tiering.cascade", "false or a mapping, not true"),
    "capture-path": (with_tiers(capture={"path": "here/"}), "tiering.capture.path", "names no file"),
}


@pytest.mark.parametrize(("section", "path", "words"), WRONG.values(), ids=WRONG)
def test_each_mistake_is_told_where_it_is_with_what_to_do(section, path, words):
    found = problems(section)
    assert [p for p, _ in found if p == path] == [path]
    assert words in dict(found)[path]


@pytest.mark.parametrize("name", WRONG)
def test_a_single_mistake_is_one_problem(name):
    assert len(problems(WRONG[name][0])) == 1


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file():
    section = {
        "mode": "on",
        "tiers": [*TIERS, {"name": "extra"}],
        "classifiers": [{"kind": "learned"}, {"kind": "rules", "rules": [{"name": "r", "tier": "nope"}]}],
        "budgets": [
            {"limit_usd": "lots"},
            {"scope": "team", "limit_usd": 0},
            {"scope": "key", "limit_usd": 1, "downgrade": ["x", {"at": 2, "to": "smple"}]},
        ],
        "store": {"url": "nowhere"},
        "stor": 1,
    }
    assert [p for p, _ in problems(section)] == [
        "tiering.mode",
        "tiering.tiers[3].model",
        "tiering.classifiers[0].path",
        "tiering.classifiers[1].rules[0].tier",
        "tiering.budgets[0].limit_usd",
        "tiering.budgets[1].limit_usd",
        "tiering.budgets[2].downgrade[0]",
        "tiering.budgets[2].downgrade[1].at",
        "tiering.budgets[2].downgrade[1].to",
        "tiering.store.url",
        "tiering.stor",
    ]


def test_a_tier_that_is_wrong_is_still_known_by_its_name():
    section = {
        "tiers": [*TIERS, {"name": "top"}],
        "routes": [{"name": "r", "models": ["auto"], "default_tier": "top"}],
    }
    assert [p for p, _ in problems(section)] == ["tiering.tiers[3].model"]


def test_models_are_not_checked_where_the_proxy_is_not_known():
    assert from_mapping({"tiers": TIERS}, proxy=None).config.tiers[0].model == "small"


def test_wildcard_groups_and_aliases_serve_tiers():
    proxy = {
        "model_list": [{"model_name": "openai/*"}],
        "router_settings": {"model_group_alias": {"auto": "openai/gpt-x", "big": {"model": "openai/gpt-y"}}},
    }
    tiers = [{"name": "a", "model": "openai/gpt-x"}, {"name": "b", "model": "big"}]
    assert from_mapping({"tiers": tiers}, proxy=proxy).config.tiers[1].model == "big"
    assert (
        problems({"tiers": [*tiers, {"name": "c", "model": "azure/x"}]}, proxy)[0][0]
        == "tiering.tiers[2].model"
    )


SECRET = [
    with_tiers(store={"url": f"{URL}:bad"}),
    with_tiers(store=URL),
    with_tiers(store={"url": URL.replace("redis", "rediz", 1)}),
    with_tiers(store={"url": "redis://:hun@ter2/hunter2@h:1"}),
    with_tiers(store={"url": "http://h?password=hunter2"}),
    with_tiers(api_key="hunter2"),
    with_tiers(**{URL: 1}),
    with_tiers(store={URL: 1}),
    with_tiers(timezone=["hunter2"]),
]


@pytest.mark.parametrize("section", SECRET)
def test_passwords_are_not_repeated(section):
    with pytest.raises(ConfigError) as caught:
        from_mapping(section)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("key", ["store", "timezone", "mode"])
def test_what_comes_from_the_environment_is_shown_as_it_was_written(key):
    section = with_tiers(
        **{key: "os.environ/THE_VALUE" if key != "store" else {"url": "os.environ/THE_VALUE"}}
    )
    ((_, words),) = problems(section, env={"THE_VALUE": "s3cr3t-thing"})
    assert "os.environ/THE_VALUE" in words
    assert "s3cr3t" not in words


def test_a_variable_that_is_not_set_is_one_problem():
    ((path, words),) = problems(with_tiers(store={"url": "os.environ/NO_SUCH"}), env={})
    assert path == "tiering.store.url"
    assert "no variable 'NO_SUCH'" in words


def test_a_variable_may_hold_a_number():
    section = with_tiers(budgets=[{"limit_usd": "os.environ/LIMIT"}])
    assert from_mapping(section, env={"LIMIT": "12.5"}).config.budgets[0].limit_usd == 12.5


def test_long_values_are_cut():
    ((_, words),) = problems(with_tiers(timezone="x" * 500))
    assert "x" * 70 not in words
    assert "…" in words


def test_part_of_a_value_that_comes_from_the_environment_is_not_shown_either():
    # LiteLLM's own substitution leaves only whole values, but a value may hold another one.
    section = with_tiers(timezone="os.environ/ZONE", store={"url": "a-tok3n-b"})
    found = problems(section, env={"ZONE": "tok3n"})
    assert all("tok3n" not in words for _, words in found)
    assert len(found) == 2


@pytest.mark.parametrize("wide", [1, 2])
def test_a_section_that_holds_itself_is_refused(wide):
    section: dict = {"tiers": TIERS}
    section["routes"] = [section] * wide
    ((path, words),) = problems(section)
    assert path.startswith("tiering")
    assert "nested too deeply" in words


def test_a_section_with_too_many_values_is_refused():
    ((_, words),) = problems(with_tiers(routes=[0] * 100_001))
    assert "too many values" in words


@pytest.mark.parametrize("key", ["\ud800", 5, None, b"x"])
def test_keys_are_text(key):
    ((path, words),) = problems(with_tiers(store={key: 1}))
    assert path == "tiering.store"
    assert "key" in words


def test_keywords_that_cannot_be_searched_for_together(monkeypatch):
    monkeypatch.setattr("litellm_tiering.classifiers.patterns.MAX_SET_BYTES", 2_000)
    section = one_when(any_keyword=["a" * 500 + str(n) for n in range(50)])
    ((path, words),) = problems(section)
    assert path == "tiering.classifiers[0].rules"
    assert "use fewer" in words


def test_the_tiers_are_not_judged_by_a_ladder_that_cannot_be_read():
    rules = [{"name": "r", "when": {"min_tools": 1}, "tier": "x", "min_tier": "y"}]
    section = {
        "tiers": "simple",
        "routes": [{"name": "r", "models": ["auto"], "default_tier": "x"}],
        "classifiers": [{"kind": "rules", "rules": rules}, {"kind": "heuristic", "thresholds": {"x": 1}}],
        "budgets": [{"limit_usd": 1, "downgrade": [{"at": 0.5, "to": "x"}, {"at": 0.6, "to": "y"}]}],
    }
    assert [p for p, _ in problems(section)] == ["tiering.tiers"]


def test_even_a_short_value_from_the_environment_is_not_shown():
    ((_, words),) = problems(with_tiers(timezone="os.environ/ZONE"), env={"ZONE": "pw"})
    assert "'pw'" not in words
    assert "os.environ/ZONE" in words
