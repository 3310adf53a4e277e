"""`mode: shadow` of a classifier, a gate and a budget: what is wrong, what is risky, what becomes of it."""

from __future__ import annotations

import pytest
import yaml

from litellm_tiering.cli.eval_parts import paid_of
from litellm_tiering.cli.tune_write import changes_of
from litellm_tiering.config.build import build
from litellm_tiering.config.build_chain import deciding, rules_in
from litellm_tiering.config.check import check
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import ConfigError
from litellm_tiering.evals.count import limited
from litellm_tiering.evals.tune_result import Policy

TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
PROXY = {
    "model_list": [
        {"model_name": n, "litellm_params": {"model": f"openai/{n}"}} for n in ("small", "small-b", "large")
    ],
    "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
    "router_settings": {"model_group_alias": {"auto": "large"}},
}
LLM = {"kind": "llm", "model": "small"}
EASY = {"kind": "rules", "rules": [{"name": "easy", "when": {"max_tokens": 5}, "tier": "simple"}]}


def section(**more) -> dict:
    return {"tiers": TIERS, "store": {"url": "memory://"}, **more}


def settings(**more):
    return build(from_mapping(section(**more), proxy=PROXY).config)


def errors(**more) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        from_mapping(section(**more), proxy=PROXY)
    return [f"{p.path} {p.message}" for p in caught.value.problems]


def warnings(tmp_path, **more) -> list[str]:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**PROXY, "tiering": section(**more)}))
    report = check(file, {})
    assert report.problems == ()
    return [f"{p.path} {p.message}" for p in report.warnings]


def silent(**more) -> dict:
    return {**more, "mode": "shadow"}


# --- classifiers


def test_a_classifier_in_shadow_is_built_and_its_word_does_not_count():
    found = settings(classifiers=[silent(kind="heuristic"), silent(**EASY), LLM])
    assert [c.kind for c in found.chain.classifiers] == ["llm"]
    assert [c.kind for c in deciding(found.config.classifiers)] == ["llm"]


def test_one_kind_may_be_in_force_and_in_shadow():
    settings(classifiers=[silent(kind="heuristic", thresholds={"complex": 0.1}), {"kind": "heuristic"}])
    (message,) = errors(classifiers=[silent(kind="heuristic"), silent(kind="heuristic")])
    assert "second classifier" in message


def test_rules_in_shadow_are_no_signal_for_a_trained_classifier():
    ladder = settings().ladder
    config = settings(classifiers=[silent(**EASY), {"kind": "heuristic"}]).config
    assert rules_in(config.classifiers, ladder) is None
    assert (
        rules_in(settings(classifiers=[EASY, {"kind": "heuristic"}]).config.classifiers, ladder) is not None
    )


def test_one_that_is_never_reached_is_told_of(tmp_path):
    told = warnings(tmp_path, classifiers=[{"kind": "heuristic"}, silent(**EASY)])
    assert any("classifiers[1].mode" in t and "never be asked" in t for t in told)
    calm = warnings(tmp_path, classifiers=[silent(**EASY), {"kind": "heuristic"}])
    assert not any("never be asked" in t for t in calm)


def test_a_list_in_which_nobody_decides_is_told_of(tmp_path):
    told = warnings(tmp_path, classifiers=[silent(kind="heuristic")])
    assert any("are all in shadow mode" in t for t in told)


def test_one_that_is_paid_for_is_told_of(tmp_path):
    told = warnings(tmp_path, classifiers=[silent(**LLM), {"kind": "heuristic"}])
    assert any("classifiers[0].mode" in t and "paid for" in t for t in told)
    # A heuristic in shadow mode decides nothing: whoever stands after it is asked.
    calm = warnings(tmp_path, classifiers=[silent(kind="heuristic"), LLM])
    assert not any("never does" in t for t in calm)


def test_evaluation_and_tuning_go_by_those_whose_word_counts():
    found = settings(
        classifiers=[silent(kind="heuristic", thresholds={"complex": 0.9}), {"kind": "heuristic"}]
    )
    policy = Policy.__new__(Policy)
    object.__setattr__(policy, "thresholds", {"complex": 0.5})
    object.__setattr__(policy, "gates", {})
    (change,) = changes_of(found, policy, "heuristic", ())
    assert change.loc == ("classifiers", 1, "thresholds")
    assert paid_of(settings(classifiers=[silent(**LLM), {"kind": "heuristic"}])) == ""


# --- gates


def test_a_gate_in_shadow_is_built_beside_the_panel():
    found = settings(cascade={"gates": [{"kind": "not_empty"}, silent(kind="refusal")]}).cascade
    assert [g.name for g in found.gates.members] == ["not_empty"]
    assert [g.name for g in found.shadows.members] == ["refusal"]
    assert found.idle is False


def test_without_a_gate_in_shadow_there_is_nothing_beside_the_panel():
    assert settings().cascade.shadows is None
    assert settings(cascade={"gates": [{"kind": "refusal"}]}).cascade.idle is False


def test_every_gate_may_be_in_shadow_and_that_is_told_of(tmp_path):
    found = settings(cascade={"gates": [silent(kind="refusal")], "stream": "prefix"}).cascade
    assert found.idle is True
    told = warnings(tmp_path, cascade={"gates": [silent(kind="refusal")]})
    assert any("none is escalated" in t for t in told)


@pytest.mark.parametrize(
    "combined",
    [
        {"kind": "weighted", "gates": [{"gate": {"kind": "not_empty"}}, {"gate": silent(kind="refusal")}]},
        {"kind": "all", "gates": [silent(kind="refusal")]},
        {"kind": "any", "gates": [{"kind": "all", "gates": [silent(kind="refusal")]}]},
    ],
)
def test_a_combination_is_in_shadow_as_a_whole(combined):
    (message,) = errors(cascade={"gates": [combined]})
    assert "inside a combination" in message
    whole = {"kind": "weighted", "gates": [{"gate": {"kind": "refusal"}}]}
    found = settings(cascade={"gates": [{"kind": "not_empty"}, silent(**whole)]}).cascade
    assert [g.name for g in found.shadows.members] == ["weighted"]


def test_json_schema_is_strict_or_in_shadow_or_both():
    for gate, mode in (
        ({}, "lenient"),
        ({"mode": "lenient"}, "lenient"),
        ({"mode": "strict"}, "strict"),
        ({"strict": True}, "strict"),
        ({"mode": "shadow"}, "lenient"),
        ({"mode": "shadow", "strict": True}, "strict"),
    ):
        found = settings(cascade={"gates": [{"kind": "not_empty"}, {"kind": "json_schema", **gate}]}).cascade
        members = found.gates.members if found.shadows is None else found.shadows.members
        assert members[-1]._strict is (mode == "strict")


def test_an_agreement_in_shadow_asks_a_second_model_and_is_told_of(tmp_path):
    gates = [{"kind": "not_empty"}, silent(kind="agreement", **{"with": "small-b", "serve": "with"})]
    found = settings(cascade={"gates": gates, "strategy": "expected"}).cascade
    assert (found.agreement.shadow, found.agreement.serve_with) == (True, False)
    assert found.weighing.agreement is None
    told = warnings(tmp_path, cascade={"gates": gates})
    assert any("asked twice" in t for t in told)
    held = {"kind": "any", "gates": [{"kind": "agreement", "with": "small-b"}]}
    assert settings(cascade={"gates": [{"kind": "not_empty"}, silent(**held)]}).cascade.agreement.shadow
    assert not settings(cascade={"gates": [held]}).cascade.agreement.shadow


def test_bounds_of_a_gate_in_shadow_contradict_nobody():
    gates = [{"kind": "min_length", "chars": 9}, silent(kind="max_length", chars=5)]
    settings(cascade={"gates": gates})
    assert errors(cascade={"gates": [gates[0], {**gates[1], "mode": "enforce"}]})


# --- budgets


def test_a_budget_in_shadow_binds_nobody():
    (budget, other) = settings(budgets=[silent(limit_usd=5), {"scope": "team", "limit_usd": 2}]).budgets
    assert (budget.shadow, budget.binds, other.binds) == (True, False, True)
    assert limited((budget, other)) is None


def test_one_in_shadow_may_stand_beside_one_in_force_and_at_several_limits():
    settings(budgets=[{"limit_usd": 9}, silent(limit_usd=5), silent(limit_usd=3)])
    (message,) = errors(budgets=[silent(limit_usd=5), silent(limit_usd=5)])
    assert "second budget" in message


def test_one_in_shadow_without_a_limit_has_nothing_to_say():
    (message,) = errors(budgets=[silent(scope="team")])
    assert "there is no limit" in message


def test_a_budget_in_shadow_limits_nothing_and_promises_nothing(tmp_path):
    told = warnings(tmp_path, budgets=[silent(limit_usd=5, at_ceiling="block")])
    assert any("nothing is limited" in t for t in told)
    assert not any("promises to stop" in t for t in told)


def test_a_mode_is_part_of_the_policy_that_its_hash_names():
    def named(mode: str) -> set[str]:
        return {
            settings(budgets=[{"limit_usd": 5, "mode": mode}]).policy_hash,
            settings(
                cascade={"gates": [{"kind": "not_empty"}, {"kind": "refusal", "mode": mode}]}
            ).policy_hash,
            settings(classifiers=[{**EASY, "mode": mode}, {"kind": "heuristic"}]).policy_hash,
        }

    assert not named("enforce") & named("shadow")


@pytest.mark.parametrize(
    "more",
    [
        {"budgets": [{"limit_usd": 5, "mode": "off"}]},
        {"classifiers": [{"kind": "heuristic", "mode": "watch"}]},
        {"cascade": {"gates": [{"kind": "refusal", "mode": "strict"}]}},
    ],
)
def test_another_mode_is_an_error(more):
    assert errors(**more)
