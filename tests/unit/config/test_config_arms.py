"""Policies compared, in a configuration: what each comes to, and what is wrong or risky, at its place."""

from __future__ import annotations

import pytest
import yaml

from litellm_tiering.config.build import build
from litellm_tiering.config.build_arms import experiment_of
from litellm_tiering.config.check import check
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.experiment import BASE
from litellm_tiering.errors import ConfigError

TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
PROXY = {
    "model_list": [
        {"model_name": n, "litellm_params": {"model": f"openai/{n}"}} for n in ("small", "large", "small-b")
    ],
    "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
    "router_settings": {"model_group_alias": {"auto": "large"}},
}
GATES = [{"kind": "not_empty"}, {"kind": "arithmetic"}]
LEARNED = [{"kind": "learned", "path": "gone.json"}]


def section(*arms, **more):
    listed = [{"name": f"a{i}", "share": 0.25, **arm} for i, arm in enumerate(arms)]
    experiment = {**more.pop("experiment", {}), "arms": listed}
    return {"tiers": TIERS, "experiment": experiment, **more}


def settings(*arms, **more):
    return build(from_mapping(section(*arms, **more), proxy=PROXY).config)


def problems(*arms, **more):
    with pytest.raises(ConfigError) as raised:
        from_mapping(section(*arms, **more), proxy=PROXY)
    return [str(problem) for problem in raised.value.problems]


def warnings(*arms, **more):
    return [str(problem) for problem in from_mapping(section(*arms, **more), proxy=PROXY).warnings]


def test_an_arm_that_says_nothing_is_the_policy_for_all_down_to_its_models():
    found = settings({}, {"cascade": {"max_escalations": 2}})
    assert found.arms["a0"].chain is found.chain
    assert found.arms["a0"].cascade is found.cascade
    assert found.arms["a1"].chain is found.chain
    assert found.arms["a1"].cascade.max_escalations == 2
    assert found.cascade.max_escalations == 1


def test_what_an_arm_writes_of_the_cascade_goes_before_and_the_rest_stays():
    base = {"gates": GATES, "stream": "buffer", "max_escalations": 1}
    found = settings({"cascade": {"max_escalations": 0}}, {"cascade": False}, cascade=base)
    one, none = found.arms["a0"], found.arms["a1"]
    assert (one.cascade.max_escalations, one.cascade.stream) == (0, "buffer")
    assert [gate.name for gate in one.cascade.gates.members] == ["not_empty", "arithmetic"]
    assert none.cascade is None
    assert not none.route_for("auto").cascade
    assert found.route_for("auto").cascade
    back = settings({"cascade": {"max_escalations": 2}}, cascade=False)
    assert back.route_for("auto").cascade is False
    assert back.arms["a0"].route_for("auto").cascade is True
    assert back.tested == {"auto"}


def test_what_an_arm_lists_of_tiers_goes_before_what_is_listed_for_all():
    can, cannot = {"vision": True, "tools": True}, {"vision": False}
    found = settings({"requirements": {"simple": cannot}}, requirements={"simple": can, "complex": can})
    assert found.arms["a0"].requirements == {"simple": cannot, "complex": can}
    assert settings({"requirements": "off"}).arms["a0"].requirements == "off"


def test_classifiers_are_replaced_as_a_whole():
    rules = [{"kind": "rules", "rules": [{"name": "all", "tier": "simple"}]}]
    found = settings({"classifiers": rules}, classifiers=[{"kind": "heuristic"}])
    assert [c.kind for c in found.arms["a0"].chain.classifiers] == ["rules"]
    assert [c.kind for c in found.chain.classifiers] == ["heuristic"]


def test_shares_and_who_judges_alike_are_known_to_the_draw():
    experiment = experiment_of(settings({}, {"cascade": {"gates": GATES}}, {"cascade": False}).config)
    now, other, none = experiment.arms
    assert (now.name, now.share) == ("a0", 0.25)
    assert now.gates == experiment.base.gates
    assert other.gates not in {now.gates, ""}
    assert none.gates == ""
    # How often a segment is bypassed does not change what passes.
    same = experiment_of(settings({"cascade": {"bypass_above": 0.9}}).config)
    assert same.arms[0].gates == same.base.gates


def test_the_policys_hash_covers_what_arms_come_to_and_is_the_old_one_without_any():
    plain = settings().policy_hash
    assert plain == build(from_mapping({"tiers": TIERS}, proxy=PROXY).config).policy_hash
    hashes = [
        settings({}).policy_hash,
        settings({"share": 0.3}).policy_hash,
        settings({"name": "other"}).policy_hash,
        settings({"cascade": {"max_escalations": 2}}).policy_hash,
        settings({"classifiers": [{"kind": "heuristic"}]}).policy_hash,
    ]
    assert len({plain, *hashes}) == 6
    # What it comes to counts: a key written with the value that it has anyway changes nothing.
    assert settings({"cascade": {"max_escalations": 1}}, cascade={"stream": "off"}).policy_hash == (
        settings({}, cascade={"stream": "off"}).policy_hash
    )


def test_an_arm_that_inherits_is_another_policy_than_one_that_writes_the_default():
    base = {"max_escalations": 2}
    one, other = (
        settings({"cascade": {}}, cascade=base),
        settings({"cascade": {"max_escalations": 1}}, cascade=base),
    )
    assert one.arms["a0"].cascade.max_escalations == 2
    assert one.policy_hash != other.policy_hash


WRONG = {
    "a gate that cannot work": (
        [{}, {"cascade": {"gates": [{"kind": "agreement", "with": "smal-b"}]}}],
        "tiering.experiment.arms[1].cascade.gates[0].with: the proxy has no model group 'smal-b'",
    ),
    "an unknown tier": (
        [{"classifiers": [{"kind": "heuristic", "thresholds": {"complexx": 1}}]}],
        "tiering.experiment.arms[0].classifiers[0].thresholds.complexx: no tier is called 'complexx'",
    ),
    "an unknown key": ([{}, {"budgets": []}], "tiering.experiment.arms[1].budgets: unknown key 'budgets'"),
    "a tier of requirements": (
        [{"requirements": {"complexx": {"vision": True}}}],
        "tiering.experiment.arms[0].requirements.complexx: no tier is called 'complexx'",
    ),
    "a name twice": ([{"name": "x"}, {"name": "x"}], "experiment.arms[1].name: an arm is called 'x' already"),
    "the base's name": ([{"name": BASE}], "experiment.arms[0].name: 'base' is what the policy of all other"),
    "no plain name": ([{"name": "a b"}], "tiering.experiment.arms[0].name"),
    "too many": ([{"share": 0.1}] * 5, "tiering.experiment.arms: lists 5 arms: at most 4"),
    "too much": ([{"share": 0.6}, {"share": 0.6}], "tiering.experiment.arms: the shares sum up to 1.2"),
    "a share below nothing": ([{"share": -0.1}], "tiering.experiment.arms[0].share"),
    "nobody else": ([{"share": 1}], "tiering.experiment.arms[0].share: is all callers"),
    "a model that is not there": (
        [{"classifiers": LEARNED}],
        "tiering.experiment.arms[0].classifiers[0].path",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_where_the_arm_writes_it(case):
    arms, expected = case
    assert any(expected in problem for problem in problems(*arms)), problems(*arms)


def test_what_is_wrong_with_the_policy_for_all_is_told_once():
    thresholds = {"complex": 1, "complexx": 1}
    said = problems({}, {}, classifiers=[{"kind": "heuristic", "thresholds": thresholds}])
    assert len(said) == 1


def test_the_same_mistake_in_the_base_and_in_an_arm_is_told_of_both():
    wrong = [{"kind": "heuristic", "thresholds": {"complex": 1, "complexx": 1}}]
    places = [problem.split(":")[0] for problem in problems({"classifiers": wrong}, classifiers=wrong)]
    assert set(places) == {
        "tiering.classifiers[0].thresholds.complexx",
        "tiering.experiment.arms[0].classifiers[0].thresholds.complexx",
    }


def test_what_an_arm_makes_of_what_it_does_not_write_is_told_at_the_arm():
    gate = {"kind": "agreement", "with": "small"}
    said = warnings({"cascade": {"max_escalations": 0}}, cascade={"gates": GATES})
    assert any("arms[0].cascade.max_escalations: is 0" in warning for warning in said)
    both = problems({"cascade": {"stream": "off"}}, cascade={"gates": [gate]})
    assert len(both) == 1  # of the base's own gate, which the arm only inherits


def test_a_part_that_cannot_be_read_leaves_the_places_of_the_others_right():
    arms = [{"share": "many"}, {"cascade": {"gates": [{"kind": "nope"}, {"kind": "agreement", "with": "x"}]}}]
    said = problems(*arms)
    assert any("arms[0].share" in problem for problem in said)
    assert any("arms[1].cascade.gates[1].with" in problem for problem in said)


RISKY = {
    "all alike": ([{}, {}], {}, "arms: all arms follow the same policy"),
    "in shadow": ([{}, {"cascade": False}], {"mode": "shadow"}, "nobody is in an arm under `mode: shadow`"),
    "nothing kept": (
        [{}, {"cascade": False}],
        {"store": {"url": "memory://", "decisions": 0}},
        "cannot be compared: `store.decisions` is 0",
    ),
}


@pytest.mark.parametrize("case", RISKY.values(), ids=RISKY)
def test_what_can_teach_nothing_is_told(case):
    arms, more, expected = case
    assert any(expected in warning for warning in warnings(*arms, **more))


def test_check_tells_the_risks_of_an_arms_policy_at_the_arm(tmp_path):
    late = {"gates": [{"kind": "confidence"}]}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**PROXY, "tiering": section({"cascade": late})}), "utf-8")
    told = [warning.path for warning in check(file, {}).warnings]
    assert "tiering.experiment.arms[0].cascade.gates" in told
    assert "tiering.cascade.gates" not in told


def test_a_model_that_has_gone_since_is_told_of_the_arm(tmp_path):
    config = from_mapping(section({"classifiers": [{"kind": "heuristic"}]}), proxy=PROXY).config
    arm = config.experiment.arms[0]
    classifier = from_mapping({"tiers": TIERS, "classifiers": [{"kind": "heuristic"}]}, proxy=PROXY).config
    assert classifier.classifiers
    from litellm_tiering.config.schema_classifiers import LearnedClassifier  # noqa: PLC0415 - of one test

    gone = arm.model_copy(update={"classifiers": (LearnedClassifier(kind="learned", path="gone.json"),)})
    changed = config.model_copy(update={"experiment": config.experiment.model_copy(update={"arms": (gone,)})})
    with pytest.raises(ConfigError) as raised:
        build(changed, base=tmp_path)
    assert raised.value.problems[0].path.startswith("tiering.experiment.arms[0].classifiers")
