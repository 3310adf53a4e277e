from __future__ import annotations

import asyncio
import json
import math
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from outcome_kit import Chain, Gates, line, write

from litellm_tiering.evals.compare import Doubt, Tiers, compare_policies, reliability
from litellm_tiering.evals.compare_all import Question, evaluate
from litellm_tiering.evals.compare_ladders import compare_ladders
from litellm_tiering.evals.gating import Unjudged, judged
from litellm_tiering.evals.outcomes import read_outcomes
from litellm_tiering.evals.plot import NoPlots
from litellm_tiering.evals.plot_curves import draw_curves
from litellm_tiering.evals.report import Figure
from litellm_tiering.evals.report_blocks import blocks_of
from litellm_tiering.evals.report_html import page_of
from litellm_tiering.evals.report_ladders import Choice, LadderReport, Rung
from litellm_tiering.evals.report_rows import Contender, Plan, gather
from litellm_tiering.evals.report_svg import Series, picture
from litellm_tiering.evals.scoring import Unscored, scored

TWO = Tiers(("simple", "complex"), ("w", "s"))


@pytest.fixture
def rows_of(tmp_path):
    """Gathers the rows of lines, by a chain and gates."""

    def _gather(lines, contenders, models=("w", "s"), judges=(), signals=None, progress=None):
        outcomes = list(read_outcomes(write(tmp_path / "o.jsonl", *lines), models, others=True))
        plan = Plan(contenders, judges, signals or {})
        return asyncio.run(gather(outcomes, plan, progress))

    return _gather


def contender(chain=None, label="mine", **more):
    return Contender(label, chain or Chain(), ("simple", "complex"), **more)


def many(n=240, gain=0.3, **more):
    """Questions of which the long ones need the strong model."""
    rng = np.random.default_rng(3)
    for i in range(n):
        hard = int(rng.random() < gain)
        prompt = "word " * (20 if hard else 5) + str(i)
        yield line(i, 1 - hard, 1, prompt=prompt, texts=("bad" if hard else "good", "fine"), **more)


@pytest.fixture
def evaluated(rows_of):
    """Evaluates lines whole: by a chain that counts characters, with gates that see every bad answer."""

    def _evaluate(lines, tiers=TWO, times=40, chains=None, **more):
        alone = {"words": Gates(), "blind": Gates(name="blind")}
        each = chains or [contender(gates=Gates() if more.get("gates") else None, alone=alone)]
        judges = tiers.models[:-1] if more.get("gates") else ()
        rows = rows_of(list(lines), each, tiers.models, judges)
        return evaluate(rows, each, Question("o.jsonl", tiers, Doubt(times), **more))

    return _evaluate


def test_rows_hold_every_figure_and_no_text(rows_of):
    lines = [
        line(1, 0, 1, prompt="one two", set="a"),
        line(2, 1, 0, prompt="three", costs=(None, 2), set="b"),
    ]
    lines[1]["responses"]["x"] = {"score": 0.5}
    rows = rows_of(lines, [contender()], signals={"chars": lambda text: len(text) / 2})
    assert len(rows) == 2
    assert rows.quality["w"].tolist() == [0.0, 1.0]
    assert np.isnan(rows.quality["x"]).tolist() == [True, False]
    assert rows.costs("w") is None
    assert rows.costs("s").tolist() == [1.0, 2.0]
    assert (rows.words.tolist(), rows.signals["chars"].tolist()) == ([2.0, 1.0], [3.5, 2.5])
    assert (rows.groups, rows.group.tolist()) == (["a", "b"], [0, 1])
    assert (rows.ways[0].score.tolist(), rows.ways[0].rank.tolist()) == ([7.0, 5.0], [0, 0])


def test_a_question_that_somebody_cannot_score_or_judge_is_left_out_everywhere(rows_of):
    def picky(prompt):
        if prompt == "no":
            raise ValueError("makes the classifiers fail")
        return math.nan if prompt == "nan" else 1.0

    lines = [
        line(1, 0, 1, prompt="no", texts=("a", "b")),
        line(2, 0, 1, prompt="nan", texts=("a", "b")),
        line(3, 0, 1, prompt="untold"),
        line(4, 0, 1, prompt="odd", texts=("odd", "b")),
        line(5, 0, 1, prompt="good", texts=("a", "b")),
    ]
    gates = Gates(p_bad=lambda text: math.nan if text == "odd" else 0.0)
    rows = rows_of(lines, [contender(Chain(picky), gates=gates)], judges=("w",))
    assert len(rows) == len(rows.ways[0].score) == len(rows.ways[0].verdicts["w"].p_bad) == 1
    assert sorted(rows.dropped) == [
        "has an answer without its text",
        "makes the classifiers fail",
        "makes the classifiers give a score that is not a finite number",
        "makes the gates give a `p_bad` that is not a number",
    ]


def test_what_a_chain_or_a_gate_cannot_do_is_told_as_an_error(tmp_path):
    (outcome,) = read_outcomes(write(tmp_path / "o.jsonl", line(1, 0, 1)), ("w",))

    class Failing:
        by = ""

        async def score(self, line):
            raise ValueError("has no prompt")

        async def judge(self, line):
            raise ValueError("has no answer")

    with pytest.raises(Unscored, match="has no prompt"):
        asyncio.run(scored(Failing(), outcome))
    (outcome,) = read_outcomes(write(tmp_path / "o.jsonl", line(1, 0, 1, texts=("a", "b"))), ("w",))
    with pytest.raises(Unjudged, match="has no answer"):
        asyncio.run(judged(Failing(), outcome, "w"))


def test_progress_is_told_now_and_then(rows_of, monkeypatch):
    monkeypatch.setattr("litellm_tiering.evals.report_rows.PROGRESS_EVERY", 2)
    told = []
    rows_of([line(i, 0, 1) for i in range(5)], [contender()], progress=told.append)
    assert told == [2, 4]


def test_a_chain_that_knows_is_surely_better_than_word_count(evaluated):
    lines = [line(i, i % 2, 1, prompt=f"{'x' * (2 - i % 2)} {i:03d}") for i in range(200)]
    found = evaluated(lines, chains=[contender()])
    (pair,) = found.pairs
    mine, words, random, oracle = pair.lines
    assert [one.label for one in pair.lines] == ["mine", "word count", "random", "oracle"]
    assert mine.figures["APGR"] == oracle.figures["APGR"]
    assert words.figures["APGR"].value == random.figures["APGR"].value == pytest.approx(0.5)
    assert mine.over_words["APGR"].value == pytest.approx(0.25)
    assert mine.over_words["APGR"].sure == 1
    assert "mine: better than word count, APGR +0.250" in found.findings()[0]
    assert mine.curve[0] == pytest.approx((10.0, 0.5))
    assert mine.curve[-1] == pytest.approx((100.0, 1.0))


def test_policies_as_they_stand_by_hand(rows_of):
    class Half(Chain):
        async def score(self, line):
            return {**await super().score(line), "tier": ("simple", "complex")[int(line["id"]) % 2]}

    lines = [line(i, w, s) for i, (w, s) in enumerate([(1, 1), (0, 1), (0, 0), (1, 1)])]
    contenders = [contender(Half()), Contender("other", Chain(), ("a", "b", "c"))]
    contenders[1].chain._tier = "b"
    found = compare_policies(rows_of(lines, contenders), contenders, TWO, Doubt(0))
    assert [p.label for p in found] == ["always simple", "always complex", "mine"]
    mine = found[2]
    assert (mine.quality.value, mine.cost.value) == (0.75, pytest.approx(55.0))
    # Chance, with as many to each: half of .5 and half of .75.
    assert mine.over_random.value == pytest.approx(0.75 - 0.625)
    assert [(p.tier, p.share, p.quality, p.dearest, p.cheapest) for p in mine.parts] == [
        ("simple", 0.5, 0.5, 0.5, 0.5),
        ("complex", 0.5, 1.0, 1.0, 0.5),
    ]
    assert found[0].over_random is None
    assert math.isnan(mine.quality.low)


def test_a_policy_with_its_gates_by_hand(evaluated):
    found = evaluated(many(), gates=True)
    bad = found.gates[0].bad
    alone, gated = found.policies[-2:]
    assert (alone.label, gated.label) == ("mine", "mine with gates")
    assert alone.quality.value == pytest.approx(1 - bad)
    assert gated.quality.value == 1.0
    assert gated.cost.value == pytest.approx(100 * (0.1 + bad))
    assert [(p.tier, p.share) for p in gated.parts] == [
        ("simple", pytest.approx(1 - bad)),
        ("complex", pytest.approx(bad)),
    ]
    never = [replace(contender(gates=Gates()), climbs=0)]
    stuck = evaluated(many(), gates=True, chains=never).policies[-1]
    assert (stuck.quality.value, stuck.cost.value) == (alone.quality.value, pytest.approx(10.0))


def test_gates_by_hand(evaluated):
    found = evaluated(many(), gates=True)
    (gates,) = found.gates
    assert (
        gates.figures["AUROC"].value == gates.figures["precision"].value == gates.figures["recall"].value == 1
    )
    assert gates.figures["quality"].value == 1.0
    assert gates.figures["cost"].value == pytest.approx(100 * (0.1 + gates.bad))
    words, blind = gates.lines
    assert (words.name, words.first.n, words.alone.n, words.only.n) == (
        "words",
        240 * gates.bad,
        words.first.n,
        0,
    )
    assert (blind.first.n, blind.alone.n, blind.recall) == (0, words.first.n, 1.0)
    assert math.isnan(blind.first.precision)
    assert gates.calibration.error.value == 0.0
    costs = {c.label: c.cost[95].value for c in gates.cross}
    assert costs["gates alone"] < costs["word count alone"] + 11
    assert costs["router and gates"] <= min(costs["gates alone"], costs["router alone"]) + 0.5


def test_gates_that_were_not_asked_alone_are_told_of_by_what_they_reject_first(evaluated):
    found = evaluated(many(), chains=[contender(gates=Gates())], gates=True)
    (gate,) = found.gates[0].lines
    assert (gate.name, gate.alone, gate.only, math.isnan(gate.recall)) == ("words", None, None, True)
    assert any(row[:1] == ("words",) and row[3] == "-" for b in blocks_of(found) for row in b.rows)


def test_one_class_and_a_stronger_model_that_is_worse_are_said_plainly(evaluated):
    equal = evaluated([line(i, i % 2, i % 2) for i in range(30)])
    assert "s and w are equally good here: APGR and CPT are not defined" in " ".join(equal.findings())
    assert equal.findings()[0] == "Only 30 questions: most differences are in doubt."
    worse = evaluated([line(i, 1, i % 2) for i in range(30)])
    assert "s is worse than w here, by 0.500" in " ".join(worse.findings())
    hardly = evaluated([line(i, i % 2, (i + (i % 7 == 0)) % 2) for i in range(60)])
    assert "That s is better than w at all is in doubt" in " ".join(hardly.findings())
    for found in (equal, worse, hardly):
        json.dumps(found.as_json(), allow_nan=False)


def test_without_intervals_nothing_is_called_sure(evaluated):
    found = evaluated(many(), times=0)
    assert re.search(r"mine: [+-]0\.\d+ of APGR beside word count\.", " ".join(found.findings()))
    table = next(b for b in blocks_of(found) if b.rows[0][0] == "ROUTER")
    assert all(row[2] == "" for row in table.rows[1:])


def test_three_tiers_are_compared_step_by_step_and_whole(evaluated):
    lines = []
    for one in many(120):
        one["responses"]["m"] = {"score": 0.5, "cost": 0.4, "text": "so so"}
        lines.append(one)
    tiers = Tiers(("simple", "moderate", "complex"), ("w", "m", "s"))
    chain = Contender("mine", Chain(), tiers.names, gates=Gates())
    found = evaluated(lines, tiers, chains=[chain], gates=True)
    assert [(p.weak[0], p.strong[0]) for p in found.pairs] == [
        ("simple", "complex"),
        ("simple", "moderate"),
        ("moderate", "complex"),
    ]
    assert [g.weak[0] for g in found.gates] == ["simple", "moderate"]
    assert [p.tier for p in found.policies[-1].parts] == list(tiers.names)
    assert {c.label for c in found.cross} == {"mine", "word count", "random", "oracle"}


def test_configurations_are_compared_with_the_first_on_the_same_questions(evaluated):
    lines = [line(i, i % 2, 1, prompt=f"{'x' * (2 - i % 2)} {i:03d}") for i in range(200)]
    chains = [contender(label="first"), contender(Chain(lambda text: -len(text)), "reversed")]
    found = evaluated(lines, chains=chains)
    first, other, *_ = found.pairs[0].lines
    assert not first.over_first
    assert other.over_first["APGR"].value == pytest.approx(-0.5)
    assert other.over_first["cost95"].value > 0
    assert any(s.startswith("reversed: worse than first, APGR -0.500 (") for s in found.findings())


def test_groups_are_told_apart_where_there_are_more_than_one(evaluated):
    easy = [line(f"a{i}", i % 2, 1, prompt="x" * (2 - i % 2), set="easy") for i in range(40)]
    odd = [line(f"b{i}", i % 2, 1, prompt="x" * (1 + i % 2), set="odd") for i in range(40)]
    few = [line(f"c{i}", 0, 1, set="few") for i in range(5)]
    found = evaluated([*easy, *odd, *few])
    assert [(g.group, g.n) for g in found.groups] == [("easy", 40), ("odd", 40)]
    assert [g.apgr["mine"].value for g in found.groups] == [pytest.approx(0.75), pytest.approx(0.25)]
    assert any(b.title.startswith("APGR by group") for b in blocks_of(found))
    assert not evaluated(easy).groups
    unnamed = [{**one, "set": None} for one in odd]
    assert {g.group for g in evaluated([*easy, *unnamed]).groups} == {"easy", "(none)"}


def test_a_tier_that_no_model_stands_for_is_told_of(evaluated):
    chain = Contender("mine", Chain(tier="moderate"), ("simple", "moderate", "complex"))
    found = evaluated(many(60), chains=[chain])
    assert [p.label for p in found.policies] == ["always simple", "always complex"]
    assert any("no model stands for moderate" in r for r in found.remarks)


def test_without_costs_shares_take_their_place(evaluated):
    found = evaluated([line(i, i % 2, 1, costs=(None, None)) for i in range(60)])
    (pair,) = found.pairs
    assert not pair.priced
    assert "cost95" not in pair.lines[0].figures
    assert pair.lines[0].curve[-1] == pytest.approx((100.0, 1.0))
    assert (found.cross, found.policies[0].cost) == ((), None)
    assert any("costs are not known" in r for r in found.remarks)


def test_a_calibrated_score_is_off_by_little_and_an_overconfident_one_by_what_it_says():
    rng = np.random.default_rng(0)
    p = rng.random(4000)
    so = (rng.random(4000) < p).astype(float)
    assert reliability("good", p, so, judged=True).error.value < 0.03
    assert reliability("bold", np.full(4000, 0.9), so, judged=True).error.value == pytest.approx(
        0.4, abs=0.03
    )
    assert reliability("order", p, so, judged=False).error is None


def ladder_lines(n, *models):
    """Lines of models given as (name, how often right, cost); who costs more is right where others are."""
    rng = np.random.default_rng(11)
    for i in range(n):
        hard = rng.random()
        answers = {m: {"correct": bool(hard < right), "cost": cost} for m, right, cost in models}
        yield {"id": i, "prompt": "word " * int(1 + 30 * hard), "responses": answers}


def ladders(rows_of, current, *models):
    lines = list(ladder_lines(300, *models))
    chain = contender()
    rows = rows_of(lines, [chain], ())
    return compare_ladders(rows, {"mine": rows.ways[0].score, "word count": rows.words}, current, Doubt(40))


def test_a_better_cheap_tier_is_named(rows_of):
    found = ladders(rows_of, ("poor", "best"), ("poor", 0.4, 1), ("good", 0.85, 1.5), ("best", 0.96, 50))
    assert found.best == "best"
    assert [r.model for r in found.rungs] == ["poor", "good", "best"]
    assert found.ranked(95, 2)[0].models == ("good", "best")
    told = " ".join(found.findings(95))
    assert "Cheapest pair: good -> best" in told
    assert "another choice of models is surely cheaper" in told
    json.dumps(found.as_json(), allow_nan=False)


def test_a_third_tier_pays_only_where_it_does(rows_of):
    models = (("a", 0.5, 1), ("b", 0.8, 10), ("c", 1.0, 100))
    found = ladders(rows_of, ("a", "c"), *models)
    assert any(s.startswith("A third tier pays") for s in found.findings(99))
    close = ladders(rows_of, ("a", "c"), ("a", 0.5, 1), ("b", 0.52, 90), ("c", 1.0, 100))
    assert any(s.startswith("A third tier brings nothing that can be shown") for s in close.findings(95))


@pytest.mark.parametrize(
    ("low", "high", "begins"), [(-4.0, -1.0, "A third tier pays"), (-4.0, 1.0, "A third tier brings nothing")]
)
def test_a_third_tier_pays_only_where_the_whole_interval_says_so(low, high, begins):
    pair, triple, less = ("a", "c"), ("a", "b", "c"), Figure(-2.0, low, high)
    key = ("mine", 95)
    choices = (
        Choice(pair, {key: Figure(40.0)}, {95: 20.0}, {95: 0.1}, {}),
        Choice(triple, {key: Figure(38.0, 30.0, 45.0)}, {95: 20.0}, {}, {(pair, 95): less}),
    )
    rungs = (Rung("a", 0.5, 1.0), Rung("b", 0.7, 5.0), Rung("c", 0.9, 100.0))
    told = LadderReport("c", 100, "mine", rungs, triple, choices).findings(95)
    assert told[-1].startswith(begins)
    assert "38.0 % (30 to 45), -2.0 points" in told[-1]


def test_a_ladder_that_never_reaches_the_quality_is_told_of():
    never = Choice(("a", "b"), {("mine", 95): Figure(math.nan)}, {95: math.nan}, {}, {})
    reached = Choice(("a", "c"), {("mine", 95): Figure(40.0)}, {95: 20.0}, {}, {})
    rungs = (Rung("a", 0.5, 1.0), Rung("b", 0.6, 5.0), Rung("c", 0.9, 100.0))
    report = LadderReport("c", 100, "mine", rungs, ("a", "b"), (never, reached))
    assert "The ladder that is there now, a -> b, never reaches 95 %." in report.findings(95)
    alone = LadderReport("c", 100, "mine", rungs, (), (never,))
    assert alone.findings(95) == ["No pair reaches 95 % of the quality of c by mine."]


def test_one_cheap_model_that_is_good_enough_is_named(rows_of):
    found = ladders(rows_of, (), ("good", 0.97, 1), ("best", 1.0, 100))
    assert found.findings(95)[0].startswith("good alone has 9")


def test_models_that_make_no_ladder_are_told_of(rows_of):
    found = ladders(rows_of, (), ("cheap", 0.9, 1), ("dear", 0.5, 100))
    assert found.findings(95) == [
        "No two of these models make a ladder: none is both dearer and better than another."
    ]
    assert ladders(rows_of, (), ("one", 0.9, 1)) is None


def test_names_from_a_file_cannot_break_the_page(evaluated):
    evil = "</title><script>alert(1)</script>&\x1b[31m"
    lines = [
        {**one, "responses": {evil: one["responses"]["w"], "s": one["responses"]["s"]}} for one in many(60)
    ]
    found = evaluated(lines, Tiers(("simple", "complex"), (evil, "s")), gates=True)
    page = page_of(found)
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://(?!www\.w3\.org)", page)
    for drawn in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(drawn)
    assert page.count("<svg") == 3


def test_a_picture_of_nothing_is_none_and_of_one_point_is_drawn():
    assert picture([Series("a", ((math.nan, 1.0),), "c0")], "x", "y") == ""
    drawn = picture([Series("a", ((2.0, 5.0),), "c0", marks=True)], "x", "y", level=5.0)
    assert ET.fromstring(drawn).find(".//circle") is not None


@pytest.mark.parametrize(("name", "begins"), [("e.png", b"\x89PNG"), ("e.svg", b"<?xml")])
def test_a_plot_is_written_as_its_ending_says(evaluated, tmp_path, name, begins):
    dollars = [contender(label="$\\frac{$", gates=Gates()), contender(label="_hidden\n", predicts_gain=True)]
    draw_curves(evaluated(many(80), chains=dollars, gates=True), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_what_cannot_be_drawn_is_told_of(evaluated, tmp_path, monkeypatch):
    found = evaluated(many(40))
    with pytest.raises(NoPlots, match=r"kind '\.xyz' is not known"):
        draw_curves(found, tmp_path / "e.xyz")
    with pytest.raises(NoPlots, match="cannot be written"):
        draw_curves(found, tmp_path / "none" / "e.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NoPlots, match="pip install"):
        draw_curves(found, tmp_path / "e.png")
