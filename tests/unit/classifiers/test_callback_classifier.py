from __future__ import annotations

import asyncio
import datetime as dt
import functools
import importlib.metadata
import threading

import pytest

import litellm_tiering
from litellm_tiering.classifiers.callback import CallbackClassifier, classifier, load_target
from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.core.classification import Opinion, Subject
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.faults import Faults

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
SUBJECT = Subject(RequestFeatures(question_words=5), Caller(team="research"), PromptText("What is it?"), NOW)


def mine(target, **more):
    return CallbackClassifier(LADDER, target, **{"timeout_ms": 5_000, "name": "mine", **more})


def both_ways(returned):
    """A plain function and an async one that return the same."""

    async def later(_):
        return returned

    return (lambda _: returned), later


def test_the_decorator_leaves_a_function_as_it_is_and_names_it():
    @classifier
    def bare(subject):
        return "complex"

    @classifier(name="named one")
    def named(subject):
        return None

    assert bare(SUBJECT) == "complex"
    assert CallbackClassifier(LADDER, bare).name == "bare"
    assert CallbackClassifier(LADDER, named).name == "named_one"
    assert CallbackClassifier(LADDER, named, name="other").name == "other"
    assert litellm_tiering.classifier is classifier
    assert "classifier" in dir(litellm_tiering)


@pytest.mark.parametrize(
    ("returned", "opinion"),
    [
        (None, None),
        ("moderate", Opinion("callback", "mine", rank=1)),
        (0.7, Opinion("callback", "mine", score=0.7)),
        (3, Opinion("callback", "mine", score=3.0)),
        (Opinion("x", rank=2), Opinion("callback", "mine", rank=2)),
        (Opinion("x", "why not", score=0.2), Opinion("callback", "why_not", score=0.2)),
        (Opinion("x", "a\r\nb", floor=(1, "a b")), Opinion("callback", "a_b", floor=(1, "a_b"))),
        (Opinion("x", cap=(0, "")), Opinion("callback", "mine", cap=(0, "mine"))),
        (Opinion("x", score=1, confidence=7), Opinion("callback", "mine", score=1.0, confidence=1.0)),
        (Opinion("x", score=1, confidence=-1), Opinion("callback", "mine", score=1.0, confidence=0.0)),
        (
            Opinion("x", score=1.0, signals={"a b": 2, "nan": float("nan"), "text": "secret", 7: 1.0}),
            Opinion("callback", "mine", score=1.0, signals={"a_b": 2.0}),
        ),
    ],
)
async def test_what_it_returns_becomes_an_opinion_fit_to_be_recorded(returned, opinion):
    for target in both_ways(returned):
        assert await mine(target).classify(SUBJECT) == opinion


async def test_at_most_sixteen_signals_are_kept():
    said = Opinion("x", score=1.0, signals={f"s{i}": float(i) for i in range(100)})
    found = await mine(lambda _: said).classify(SUBJECT)
    assert len(found.signals) == 16


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        ("enormous", ValueError),
        (True, TypeError),
        ([], TypeError),
        (float("nan"), ValueError),
        (10**400, ValueError),
        (Opinion("x", rank=3), ValueError),
        (Opinion("x", rank=-1), ValueError),
        (Opinion("x", rank=True), ValueError),
        (Opinion("x", rank="simple"), ValueError),
        (Opinion("x", score="high"), TypeError),
        (Opinion("x", score=float("inf")), ValueError),
        (Opinion("x", score=1.0, confidence=float("nan")), ValueError),
        (Opinion("x", floor=(9, "a")), ValueError),
        (Opinion("x", cap="simple"), TypeError),
        (Opinion("x", cap=(1, 2)), TypeError),
        (Opinion("x", score=1.0, signals=5), TypeError),
    ],
)
async def test_what_is_no_opinion_is_a_fault(returned, error):
    for target in both_ways(returned):
        with pytest.raises(error):
            await mine(target).classify(SUBJECT)


@pytest.mark.parametrize(("returned", "kind"), [("nowhere", "ValueError"), (True, "TypeError")])
async def test_the_log_names_the_function_that_gave_no_opinion(returned, kind, caplog):
    def wrong(_):
        return returned

    chain = Chain([mine(wrong), HeuristicClassifier(LADDER)], LADDER, on_fault=Faults().fault)
    assert (await chain.classify(SUBJECT)).by == "heuristic"
    (said,) = caplog.messages
    assert f"fault in classifier:callback: {kind} at {__name__}.test_" in said
    assert "<locals>.wrong;" in said


@pytest.mark.parametrize("raised", [ZeroDivisionError(), SystemExit(), asyncio.CancelledError()])
async def test_whatever_it_raises_the_next_classifier_of_the_chain_is_asked(raised):
    def now(_):
        raise raised

    async def later(_):
        raise raised

    for target in (now, later):
        faults = []
        chain = Chain(
            [mine(target), HeuristicClassifier(LADDER)],
            LADDER,
            on_fault=lambda where, error, faults=faults: faults.append((where, type(error).__name__)),
        )
        found = await chain.classify(SUBJECT)
        assert (found.by, found.rank) == ("heuristic", 0)
        assert [where for where, _ in faults] == ["classifier:callback"]


async def test_one_that_hangs_costs_its_time_limit_and_its_opinion():
    let_go = threading.Event()

    async def never(_):
        await asyncio.get_running_loop().create_future()

    try:
        for target in (never, lambda _: let_go.wait(60)):
            with pytest.raises(TimeoutError, match="5 ms"):
                await mine(target, timeout_ms=5).classify(SUBJECT)
    finally:
        let_go.set()


async def test_a_plain_function_runs_beside_the_event_loop_and_an_async_one_on_it():
    loop_thread, seen = threading.get_ident(), []

    def now(_):
        seen.append(threading.get_ident() == loop_thread)

    async def later(_):
        seen.append(threading.get_ident() == loop_thread)

    await mine(now).classify(SUBJECT)
    await mine(later).classify(SUBJECT)
    assert seen == [False, True]


async def test_the_function_sees_the_request_and_cannot_ask_models_on_it():
    seen = []
    asked = Subject(SUBJECT.features, SUBJECT.caller, SUBJECT.prompt, NOW, side=object())
    await mine(seen.append).classify(asked)
    await mine(seen.append).classify(SUBJECT)
    assert seen == [SUBJECT, SUBJECT]


async def test_cancelling_the_request_passes():
    began = asyncio.Event()

    async def slow(_):
        began.set()
        await asyncio.get_running_loop().create_future()

    task = asyncio.ensure_future(mine(slow).classify(SUBJECT))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_scores_become_tiers_by_its_own_thresholds():
    chain = Chain([mine(lambda _: 7.0, thresholds=(5.0, 9.0))], LADDER)
    found = await chain.classify(SUBJECT)
    assert (found.rank, found.by, found.name, found.score) == (1, "callback", "mine", 7.0)


async def test_an_opinion_less_sure_than_asked_for_leaves_the_decision_to_the_next():
    unsure = mine(lambda _: Opinion("x", score=9.0, confidence=0.3), abstain_below=0.5)
    found = await Chain([unsure, HeuristicClassifier(LADDER)], LADDER).classify(SUBJECT)
    assert found.by == "heuristic"


async def test_a_partial_and_an_object_may_be_asked():
    class Asked:
        async def __call__(self, subject):
            return "complex"

    def named(subject, tier):
        return tier

    assert (await CallbackClassifier(LADDER, Asked()).classify(SUBJECT)).rank == 2
    found = await CallbackClassifier(LADDER, functools.partial(named, tier="simple")).classify(SUBJECT)
    assert (found.rank, found.name) == (0, "named")


def test_a_package_offers_a_classifier_by_an_entry_point_of_its_own_group(monkeypatch):
    point = importlib.metadata.EntryPoint("mine", "json:dumps", "litellm_tiering.classifiers")
    monkeypatch.setattr(
        importlib.metadata,
        "entry_points",
        lambda *, group: [point] if group == "litellm_tiering.classifiers" else [],
    )
    assert load_target("mine").__name__ == "dumps"
    assert CallbackClassifier(LADDER, "json:dumps").name == "dumps"
    with pytest.raises(ValueError, match="offers a classifier 'yours'"):
        load_target("yours")
