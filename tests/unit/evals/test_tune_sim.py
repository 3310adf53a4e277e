"""The simulated cascade beside the real one: the panel's judgement and the pure next action."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.cascade import Bounds, Serve, Tried, Try, next_action
from litellm_tiering.core.gate import Exchange, Said, Verdict
from litellm_tiering.evals.policy_sim import GateWord, Recorded, simulate
from litellm_tiering.gates.panel import Panel

SHARES = st.sampled_from([0.0, 0.2, 0.5, 0.5, 0.8, 1.0])


@dataclass
class Told:
    """A gate whose verdicts are told by the answer's text, which is the tier's number."""

    name: str
    verdicts: list
    judges_prefix = False

    def judge(self, exchange):
        return self.verdicts[int(exchange.answer)]


@st.composite
def cascades(draw):
    tiers, gates = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    fixed = [[(draw(st.booleans()), draw(SHARES)) for _ in range(tiers)] for _ in range(gates)]
    knob, place = [draw(SHARES) for _ in range(tiers)], draw(st.integers(0, gates))
    return tiers, fixed, knob, place, draw(SHARES), draw(st.integers(0, 4)), draw(st.integers(0, tiers - 1))


def real(tiers, gates, most, cap, start):
    """What the panel and the cascade do with one request: the tier served, and those asked."""

    async def _go():
        panel, tried, ranks = Panel(gates), [], [start]
        bounds = Bounds(top=tiers - 1, cap=cap, max_escalations=most)
        while True:
            judgement = await panel.judge(Exchange(Said(text=str(ranks[-1]))))
            tried.append(Tried(ranks[-1], judgement))
            action = next_action(tried, bounds)
            if not isinstance(action, Try):
                assert isinstance(action, Serve)
                return tried[action.index].rank, ranks
            ranks.append(action.rank)

    return asyncio.run(_go())


@given(cascades())
def test_it_does_what_the_panel_and_the_cascade_do(case):
    tiers, fixed, knob, place, least, most, cap = case
    column = lambda values, kind: np.array(values, kind)[:, None]  # noqa: E731 - one question, tiers down
    words = [
        GateWord(f"fixed{i}", column([r for r, _ in one], bool), column([p for _, p in one], float))
        for i, one in enumerate(fixed)
    ]
    p_bad = column(knob, float)
    words.insert(place, GateWord("knob", np.zeros((tiers, 1), bool), p_bad, 1 - p_bad, 0.0))
    cost = column([10.0**r for r in range(tiers)], float)
    recorded = Recorded(column(range(tiers), float), cost, words, np.array([cap]), most)
    gates = [
        Told(f"fixed{i}", [Verdict.reject(p_bad=p) if r else Verdict.accept(p_bad=p) for r, p in one])
        for i, one in enumerate(fixed)
    ]
    said = [Verdict.reject(p_bad=p) if 1 - p < least else Verdict.accept(p_bad=p) for p in knob]
    gates.insert(place, Told("knob", said))
    run = simulate(recorded, {"knob": least})
    for start in range(cap + 1):
        served, asked = real(tiers, gates, most, cap, start)
        assert run.served[start, 0] == served == run.quality[start, 0]
        assert run.attempts[start, 0] == len(asked)
        assert run.cost[start, 0] == sum(10.0**r for r in asked)


def test_without_gates_every_tier_serves_its_own():
    quality, cost = np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [5.0, 5.0]])
    run = simulate(Recorded(quality, cost, (), np.array([1, 1])))
    assert (run.quality == quality).all()
    assert (run.cost == cost).all()
    assert run.served.tolist() == [[0, 0], [1, 1]]


def test_a_gate_is_as_configured_where_no_threshold_is_given():
    rejects, p_bad = np.array([[True], [False]]), np.array([[0.4], [0.1]])
    word = GateWord("g", rejects, p_bad, 1 - p_bad, 0.7)
    recorded = Recorded(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]]), (word,), np.array([1]))
    assert simulate(recorded).served[0, 0] == 1
    assert simulate(recorded, {"g": 0.6}).served[0, 0] == 0
    assert simulate(recorded, {"g": 0.61}).served[0, 0] == 1
