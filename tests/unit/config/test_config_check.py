from __future__ import annotations

import pytest
import yaml

from litellm_tiering.config.check import check

SOUND = {
    "model_list": [{"model_name": name} for name in ("small", "large")],
    "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
    "router_settings": {"model_group_alias": {"auto": "large"}},
    "tiering": {
        "tiers": [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}],
        "budgets": [{"limit_usd": 50}],
    },
}
PRICES = {"small": (1e-7, 4e-7), "large": (3e-6, 15e-6)}


@pytest.fixture
def run(tmp_path):
    def _run(section=None, env=None, prices=PRICES.get, workers=None, **proxy):
        config = {**SOUND, **proxy, "tiering": {**SOUND["tiering"], **(section or {})}}
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        return check(path, env or {}, prices=prices, workers=workers)

    return _run


def risks(report):
    assert report.problems == ()
    return [(w.path, w.message) for w in report.warnings]


def test_a_sound_configuration_has_a_clean_bill(run):
    assert risks(run()) == []


def test_problems_and_warnings_are_told_together(run):
    report = run({"mode": "x"}, router_settings={"model_group_alias": {"auto": "small"}})
    assert [p.path for p in report.problems] == ["tiering.mode"]
    assert [w.path for w in report.warnings] == ["router_settings.model_group_alias.auto"]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path):
    assert len(check(tmp_path / "none", {}).problems) == 1


@pytest.mark.parametrize(
    ("section", "path", "words"),
    [
        ({"budgets": []}, "tiering.budgets", "nothing is limited"),
        ({"budgets": [{"scope": "team"}]}, "tiering.budgets", "nothing is limited"),
        ({"store": {"url": "memory://"}}, "tiering.store.url", "forgets"),
        (
            {"budgets": [{"limit_usd": 5}, {"scope": "team", "limit_usd": 5, "at_ceiling": "block"}]},
            "tiering.budgets[1].at_ceiling",
            "on_error: open",
        ),
        (
            {"tiers": [*SOUND["tiering"]["tiers"], {"name": "top", "model": "large"}]},
            "tiering.tiers[2].model",
            "'large' serves tier 'complex' too",
        ),
        (
            {"tiers": SOUND["tiering"]["tiers"][::-1]},
            "tiering.tiers[1].model",
            "costs less per token than tier 'complex'",
        ),
        (
            {"classifiers": [{"kind": "rules", "rules": [{"name": "all", "tier": "simple"}]}]},
            "tiering.classifiers[0].rules[0].when",
            "every request",
        ),
        (
            {"routes": [{"name": "a", "models": ["*"]}, {"name": "b", "models": ["auto", "gpt-*"]}]},
            "tiering.routes[1]",
            "route 'a' before it",
        ),
        (
            {"routes": [{"name": "a", "models": ["auto"], "cascade": False, "deadline_ms": 9}]},
            "tiering.routes[0].deadline_ms",
            "no effect",
        ),
        (
            {
                "routes": [
                    {"name": "a", "models": ["large"], "classify": False, "conversation": {"ttl_s": 60}}
                ]
            },
            "tiering.routes[0].conversation",
            "no effect",
        ),
        (
            {"budgets": [{"scope": "route", "match": "aut", "limit_usd": 1}]},
            "tiering.budgets[0].match",
            "no route",
        ),
        (
            {"routes": [{"name": "a", "models": ["large"], "classify": False, "default_tier": "simple"}]},
            "tiering.routes[0].default_tier",
            "no effect",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("tiering") else "",
)
def test_each_risk_is_told_where_it_is(run, section, path, words):
    found = risks(run(section))
    assert words in dict(found)[path]


def test_a_promise_to_stop_is_kept_by_other_policies(run):
    block = {"limit_usd": 5, "at_ceiling": "block"}
    assert risks(run({"budgets": [block], "store": {"on_error": "closed"}})) == []


def test_memory_with_several_workers(run):
    section = {"store": {"url": "memory://"}, "budgets": [{"limit_usd": 5}]}
    for env, workers in (({}, 4), ({"NUM_WORKERS": "4"}, None)):
        assert any("each of 4 workers" in words for _, words in risks(run(section, env, workers=workers)))
    assert not any("workers" in words for _, words in risks(run(section, {"NUM_WORKERS": "1"})))


@pytest.mark.parametrize(
    ("proxy", "where"),
    [
        ({"router_settings": {**SOUND["router_settings"], "redis_host": "h"}}, "router_settings.redis_host"),
        ({"general_settings": {"coordination_redis": {"host": "h"}}}, "general_settings.coordination_redis"),
        (
            {"litellm_settings": {**SOUND["litellm_settings"], "cache_params": {"type": "redis"}}},
            "litellm_settings.cache_params",
        ),
    ],
)
def test_sqlite_beside_a_redis(run, proxy, where):
    ((path, words),) = risks(run(**proxy))
    assert path == "tiering.store.url"
    assert where in words
    assert risks(run({"store": {"url": "redis://h"}}, **proxy)) == []


def test_a_price_that_is_not_known(run):
    ((path, words),) = risks(run(prices={"small": (0, 0)}.get))
    assert path == "tiering.tiers[1].model"
    assert "no price" in words


def test_prices_are_not_judged_where_nobody_knows_them(run):
    assert risks(run({"tiers": SOUND["tiering"]["tiers"][::-1]}, prices=None))[0][0] == (
        "router_settings.model_group_alias.auto"
    )


@pytest.mark.parametrize("callbacks", [[], "prometheus", None])
def test_a_callback_that_is_not_registered(run, callbacks):
    assert risks(run(litellm_settings={"callbacks": callbacks}))[0][0] == "litellm_settings.callbacks"


def test_a_callback_may_stand_alone(run):
    assert risks(run(litellm_settings={"callbacks": "litellm_tiering.plugin.handler"})) == []


def test_the_virtual_name_must_be_known_to_the_proxy(run):
    ((path, words),) = risks(run(router_settings={}))
    assert path == "router_settings.model_group_alias"
    assert "'auto'" in words


@pytest.mark.parametrize(
    ("earlier", "later", "swallowed"),
    [
        ("*", "auto", True),
        ("gpt-*", "gpt-4*", True),
        ("gpt-4*", "gpt-*", False),
        ("?", "*", False),
        ("gpt-?", "gpt-4", True),
        ("auto", "auto", True),
        ("*b]", "x[ab]", False),
    ],
)
def test_a_route_that_never_matches(run, earlier, later, swallowed):
    routes = [{"name": "a", "models": [earlier]}, {"name": "b", "models": [later]}]
    found = run({"routes": routes}, model_list=None)
    assert any(p == "tiering.routes[1]" for p, _ in risks(found)) is swallowed
