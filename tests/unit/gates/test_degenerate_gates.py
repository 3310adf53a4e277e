"""A gate that says the same of everything raises an alarm that names it, after enough answers."""

from __future__ import annotations

import pytest

from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.gate import Exchange, Said, Verdict
from litellm_tiering.gates.degenerate import ACCEPTED_ENOUGH, REJECTED_ENOUGH, SILENT_ENOUGH, Counts
from litellm_tiering.gates.panel import Panel

ACCEPT, REJECT, ABSTAIN = Verdict.accept(), Verdict.reject("x"), Verdict.abstain("free_text")
LATE = Verdict.abstain("late")


def after(*said: tuple[Verdict, int], nets: frozenset[str] = frozenset()) -> list[str]:
    counts = Counts(["mine"], nets)
    for verdict, times in said:
        for _ in range(times):
            counts.saw("mine", verdict)
    return counts.alarms()


def test_a_gate_that_rejects_everything_is_named():
    (told,) = after((REJECT, REJECTED_ENOUGH))
    assert "'mine' rejected 100% of its last 200 answers" in told
    assert after((REJECT, REJECTED_ENOUGH - 1)) == []


def test_one_that_accepts_a_few_is_not():
    assert after((REJECT, 195), (ACCEPT, 5)) == []
    assert after((REJECT, 1000), (ACCEPT, 5)) != []


def test_a_gate_that_accepts_everything_is_named_unless_that_is_its_ordinary_day():
    (told,) = after((ACCEPT, ACCEPTED_ENOUGH))
    assert "'mine' accepted all of its last 1000 answers" in told
    assert after((ACCEPT, ACCEPTED_ENOUGH - 1)) == []
    assert after((ACCEPT, ACCEPTED_ENOUGH), (REJECT, 1)) == []
    assert after((ACCEPT, ACCEPTED_ENOUGH), nets=frozenset({"mine"})) == []


def test_a_net_that_rejects_everything_is_named_all_the_same():
    assert after((REJECT, REJECTED_ENOUGH), nets=frozenset({"mine"})) != []


def test_a_gate_that_abstains_is_left_alone():
    assert after((ABSTAIN, 10_000)) == []


def test_a_second_model_that_is_never_heard_of_is_named():
    (told,) = after((LATE, SILENT_ENOUGH))
    assert "'mine' had no second answer to go by in 100% of its last 100 cases" in told
    assert after((LATE, SILENT_ENOUGH - 1)) == []
    assert after((LATE, SILENT_ENOUGH), (ACCEPT, 20)) == []


def test_what_was_long_ago_fades():
    assert after((ACCEPT, 8_000), (REJECT, 8_000)) == []
    assert after((ACCEPT, 8_000), (REJECT, 60_000)) != []


class Always:
    judges_prefix = True

    def __init__(self, name, verdict):
        self.name = name
        self.verdict = verdict

    def judge(self, exchange):
        return self.verdict


async def test_the_panel_counts_whole_answers_and_only_the_gates_it_asked():
    panel = Panel([Always("harsh", REJECT), Always("mild", ACCEPT)])
    for _ in range(REJECTED_ENOUGH):
        await panel.judge(Exchange(Said("x"), partial=True))
    assert panel.alarms() == []
    for _ in range(ACCEPTED_ENOUGH):
        await panel.judge(Exchange(Said("x")))
    (told,) = panel.alarms()
    assert "'harsh'" in told


@pytest.mark.parametrize(
    ("gates", "named"),
    [
        ([{"kind": "not_empty"}, {"kind": "unbalanced"}], []),
        ([{"kind": "logprob"}], []),
        ([{"kind": "all", "name": "group", "gates": [{"kind": "not_empty"}, {"kind": "repetition"}]}], []),
        ([{"kind": "confidence"}], ["confidence"]),
        (
            [{"kind": "any", "name": "group", "gates": [{"kind": "not_empty"}, {"kind": "logprob"}]}],
            ["group"],
        ),
    ],
)
async def test_which_gates_of_a_configuration_may_accept_everything(gates, named):
    section = {
        "tiers": [{"name": "a", "model": "a"}, {"name": "b", "model": "b"}],
        "cascade": {"gates": gates},
    }
    cascade = build(from_mapping(section).config).cascade
    for _ in range(ACCEPTED_ENOUGH):
        await cascade.gates.judge(Exchange(Said('{"confidence": 0.99}')))
    assert [told.split("'")[1] for told in cascade.gates.alarms()] == named
