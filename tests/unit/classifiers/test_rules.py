# ruff: noqa: RUF001 - texts in many languages are what is tested
from __future__ import annotations

import datetime as dt

import pytest

from litellm_tiering.classifiers import patterns
from litellm_tiering.classifiers.conditions import Condition, TimeSpan
from litellm_tiering.classifiers.rules import Rule, RulesClassifier
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import (
    Caller,
    PromptText,
    RequestFeatures,
    ResponseFormat,
    Surface,
    TaskType,
)
from litellm_tiering.core.ladder import Ladder, Tier

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
FRIDAY = dt.datetime(2026, 11, 20, 10, 30, tzinfo=dt.timezone.utc)


def subject(*, question="", system="", caller=None, now=FRIDAY, **features):
    return Subject(RequestFeatures(**features), caller or Caller(), PromptText(question, system), now)


def holds(condition, given):
    return RulesClassifier([Rule("r", condition, rank=1)], LADDER).classify(given) is not None


GOLD = Caller(
    key="k",
    key_alias="prod-web",
    team="t-1",
    team_alias="Blue",
    user="ann",
    end_user="cust-7",
    tags=frozenset({"vip"}),
    key_metadata={"env": "prod", "a.b": 1, "limits": {"tier": 2, "on": True}},
    team_metadata={"plan": "premium", "plans": ["silver", "gold"]},
    user_metadata={"role": None, "n": 1},
)

HOLD = [
    (Condition(), subject()),
    (Condition(min_tokens=10), subject(prompt_tokens=10)),
    (Condition(max_tokens=10), subject(prompt_tokens=10)),
    (Condition(min_context=10, max_context=12), subject(prompt_tokens=11)),
    (Condition(min_chars=5, max_chars=5), subject(prompt_chars=5)),
    (Condition(min_question_tokens=3), subject(question_tokens=3, prompt_tokens=1)),
    (Condition(max_question_tokens=3), subject(question_tokens=3, prompt_tokens=900)),
    (Condition(min_turns=2, max_turns=4), subject(turns=3)),
    (Condition(min_tools=6), subject(tools=6)),
    (Condition(max_tools=0), subject()),
    (Condition(min_output_tokens=100), subject(max_tokens=100)),
    (Condition(max_output_tokens=100), subject(max_tokens=100)),
    (Condition(min_images=1), subject(images=2)),
    (Condition(min_audio=1), subject(audio=1)),
    (Condition(min_files=2), subject(files=2)),
    (Condition(task_type=("classification", "faq")), subject(task_type=TaskType.CLASSIFICATION)),
    (Condition(task_type=("classification", "faq")), subject(use_case="FAQ")),
    (Condition(use_case=("Billing",)), subject(use_case="billing")),
    (Condition(language=("de", "fr")), subject(language="fr")),
    (Condition(surface=("messages",)), subject(surface=Surface.MESSAGES)),
    (Condition(model=("auto*",)), subject(model="auto-eu")),
    (Condition(any_keyword=("traceback", "refactor")), subject(question="Refactor it")),
    (Condition(all_keywords=("a", "b")), subject(question="b and a")),
    (Condition(none_keyword=("urgent",)), subject(question="whenever you like")),
    (Condition(any_regex=("x+", r"\d{3}")), subject(question="call 555")),
    (Condition(all_regex=("5+", r"\d{3}")), subject(question="call 555")),
    (Condition(system_keyword=("lawyer",)), subject(system="You are a lawyer.")),
    (Condition(system_regex=("(?i)LAW",)), subject(system="You are a lawyer.")),
    (Condition(tags=("batch-*",)), subject(tags=frozenset({"x", "batch-7"}))),
    (Condition(tags=("vip",)), subject(caller=GOLD)),
    (Condition(key_tags=("v?p",)), subject(caller=GOLD)),
    (Condition(attachments=("image", "file")), subject(files=1)),
    (Condition(response_format=("json_schema",)), subject(response_format=ResponseFormat.JSON_SCHEMA)),
    (Condition(code=True), subject(code=True)),
    (Condition(code=False), subject()),
    (Condition(code_execution=True), subject(code_execution=True)),
    (Condition(stream=True), subject(stream=True)),
    (Condition(follow_up=True), subject(follow_up=True)),
    (Condition(smalltalk=True), subject(smalltalk=True)),
    (Condition(key_alias=("prod-*",)), subject(caller=GOLD)),
    (Condition(team=("t-1",)), subject(caller=GOLD)),
    (Condition(team=("Bl*",)), subject(caller=GOLD)),
    (Condition(user=("ann", "bob")), subject(caller=GOLD)),
    (Condition(end_user=("cust-?",)), subject(caller=GOLD)),
    (Condition(key_metadata={"env": "prod"}), subject(caller=GOLD)),
    (Condition(key_metadata={"a.b": 1.0}), subject(caller=GOLD)),
    (Condition(key_metadata={"limits.tier": [1, 2], "limits.on": True}), subject(caller=GOLD)),
    (Condition(team_metadata={"plans": "gold"}), subject(caller=GOLD)),
    (Condition(user_metadata={"role": None}), subject(caller=GOLD)),
    (Condition(time=TimeSpan.of("09:00", "17:30")), subject()),
    (Condition(time=TimeSpan.of("10:30", "10:31")), subject()),
    (Condition(time=TimeSpan.of("20:00", "10:31")), subject()),
    (Condition(weekdays=("fri",)), subject()),
    (Condition(weekdays=("fri", "sat")), subject()),
    (
        Condition(time=TimeSpan.of("22:00", "06:00"), weekdays=("fri",)),
        subject(now=dt.datetime(2026, 11, 21, 3, 0, tzinfo=dt.timezone.utc)),
    ),
    (Condition(time=TimeSpan.of("17:00", "24:00")), subject(now=FRIDAY.replace(hour=23, minute=59))),
]

FAIL = [
    (Condition(min_tokens=10), subject(prompt_tokens=9)),
    (Condition(max_tokens=10), subject(prompt_tokens=11)),
    (Condition(max_tokens=50), subject(prompt_tokens=900, question_tokens=5)),
    (Condition(min_turns=2), subject(turns=1)),
    (Condition(min_output_tokens=1), subject()),
    (Condition(max_output_tokens=100), subject()),
    (Condition(min_tools=6, code=True), subject(tools=6)),
    (Condition(task_type=("classification", "faq")), subject(task_type=TaskType.QUESTION, use_case="other")),
    (Condition(use_case=("a",)), subject()),
    (Condition(language=("de",)), subject(language="")),
    (Condition(surface=("chat",)), subject(surface=Surface.RESPONSES)),
    (Condition(model=("auto",)), subject(model="auto-eu")),
    (Condition(model=("Auto",)), subject(model="auto")),
    (Condition(any_keyword=("refactor",)), subject(question="refactoring")),
    (Condition(any_keyword=("lawyer",)), subject(system="You are a lawyer.")),
    (Condition(system_keyword=("lawyer",)), subject(question="lawyer")),
    (Condition(all_keywords=("a", "b")), subject(question="a")),
    (Condition(none_keyword=("urgent",)), subject(question="this is urgent!")),
    (Condition(any_regex=("x+",)), subject(question="call 555")),
    (Condition(all_regex=("5+", "x")), subject(question="call 555")),
    (Condition(key_tags=("vip",)), subject(tags=frozenset({"vip"}))),
    (Condition(attachments=("audio",)), subject(files=1, images=1)),
    (Condition(response_format=("text",)), subject(response_format=ResponseFormat.JSON_OBJECT)),
    (Condition(code=False), subject(code=True)),
    (Condition(stream=False), subject(stream=True)),
    (Condition(key_alias=("*",)), subject()),
    (Condition(team=("t-2",)), subject(caller=GOLD)),
    (Condition(key_metadata={"env": "test"}), subject(caller=GOLD)),
    (
        Condition(key_metadata={"limits.tier": True}),
        subject(caller=Caller(key_metadata={"limits": {"tier": 1}})),
    ),
    (Condition(key_metadata={"limits.on": 1}), subject(caller=GOLD)),
    (Condition(key_metadata={"limits.tier": "2"}), subject(caller=GOLD)),
    (Condition(key_metadata={"limits.tier.deep": 2}), subject(caller=GOLD)),
    (Condition(team_metadata={"plan": "premium"}), subject()),
    (Condition(user_metadata={"absent": None}), subject(caller=GOLD)),
    (Condition(time=TimeSpan.of("09:00", "10:30")), subject()),
    (Condition(time=TimeSpan.of("20:00", "10:30")), subject()),
    (Condition(weekdays=("mon", "sat")), subject()),
    (
        Condition(time=TimeSpan.of("22:00", "06:00"), weekdays=("sat",)),
        subject(now=dt.datetime(2026, 11, 21, 3, 0, tzinfo=dt.timezone.utc)),
    ),
]


@pytest.mark.parametrize(("condition", "given"), HOLD)
def test_a_condition_holds(condition, given):
    assert holds(condition, given)


@pytest.mark.parametrize(("condition", "given"), FAIL)
def test_a_condition_does_not_hold(condition, given):
    assert not holds(condition, given)


def test_the_first_matching_rule_with_a_rank_decides_and_all_bounds_count():
    rules = RulesClassifier(
        [
            Rule("low", rank=None, floor=1),
            Rule("other", Condition(code=True), rank=0),
            Rule("first", rank=1),
            Rule("second", rank=2),
            Rule("higher", floor=2),
            Rule("equal", floor=2),
            Rule("cap", cap=2),
            Rule("tighter", cap=1),
        ],
        LADDER,
    )
    opinion = rules.classify(subject())
    assert (opinion.by, opinion.name, opinion.rank, opinion.confidence) == ("rules", "first", 1, 1.0)
    assert opinion.floor == (2, "higher")
    assert opinion.cap == (1, "tighter")


def test_rules_that_only_bound_name_no_rank():
    opinion = RulesClassifier([Rule("premium", floor=1)], LADDER).classify(subject())
    assert (opinion.rank, opinion.score, opinion.name, opinion.floor) == (None, None, "", (1, "premium"))


def test_no_matching_rule_is_no_opinion():
    assert RulesClassifier([Rule("c", Condition(code=True), rank=1)], LADDER).classify(subject()) is None


def test_keywords_of_all_rules_are_searched_for_together(monkeypatch):
    searches = []
    find = patterns.Keywords.find
    monkeypatch.setattr(
        patterns.Keywords, "find", lambda self, text: searches.append(text) or find(self, text)
    )
    rules = RulesClassifier(
        [
            Rule("a", Condition(any_keyword=("x",), system_keyword=("s",)), rank=0),
            Rule("b", Condition(all_keywords=("y", "z")), rank=1),
            Rule("c", Condition(none_keyword=("y",)), rank=2),
        ],
        LADDER,
    )
    assert rules.classify(subject(question="z then y, x", system="no")).name == "b"
    assert searches == ["z then y, x", "no"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([Rule("a", rank=0), Rule("a", rank=1)], "two rules"),
        ([Rule("a")], "chooses no tier"),
        ([Rule("a", rank=3)], "not on the ladder"),
        ([Rule("a", floor=-1)], "not on the ladder"),
        ([Rule("a", floor=2, cap=1)], "floor above its cap"),
        ([Rule("bad", Condition(any_regex=("(",)), rank=0)], "rule 'bad'.*RE2"),
        ([Rule("bad", Condition(any_keyword=(" ",)), rank=0)], "blank"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules, message):
    with pytest.raises(ValueError, match=message):
        RulesClassifier(rules, LADDER)


@pytest.mark.parametrize("keys", [{"weekdays": ("funday",)}, {"attachments": ("video",)}])
def test_unknown_words_in_a_condition_are_refused(keys):
    with pytest.raises(ValueError, match="none of"):
        Condition(**keys)


def test_a_condition_takes_lists_and_single_words():
    condition = Condition(task_type="faq", any_keyword=["a", "b"])
    assert (condition.task_type, condition.any_keyword) == (("faq",), ("a", "b"))


@pytest.mark.parametrize("text", ["9", "25:00", "09:60", "9:5", "nine:00", "", "٠٩:٠٠", "009:00"])
def test_a_time_of_day_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"HH:MM|must be in"):
        TimeSpan.of(text, "10:00")


def test_a_time_that_ends_when_it_starts_is_refused():
    with pytest.raises(ValueError, match="must not end"):
        TimeSpan.of("09:00", "9:00")
