"""The way that is expected to cost least, and what it is reckoned by."""

from __future__ import annotations

import math

import pytest

from litellm_tiering.core import expected
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Reason, Stage
from litellm_tiering.core.expected import (
    Choice,
    Effort,
    Prospect,
    Second,
    Seen,
    Way,
    band_of,
    bands,
    choose,
    pass_probability,
    pooled,
)
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Case, Policy, Route
from litellm_tiering.gates import agreement

POLICY = Policy(Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")]))
AUTO = Route("auto", ("auto",), client_tier=frozenset({"lower", "floor"}))


def prospect(passes, cheap=10, strong=100, *, second=None, **more):
    return Prospect(0, 1, passes, more.pop("hopes", passes), _effort(cheap), _effort(strong), second, **more)


def _effort(of):
    return of if isinstance(of, Effort) else Effort(of)


def second(changes="", cost=5, seconds=0.0):
    return Second(Effort(cost, seconds), Seen.of(changes))


# --- what was seen -----------------------------------------------------------------------------------------


def test_of_nothing_half_is_expected():
    assert Seen().rate() == 0.5
    assert pass_probability(Seen(), Seen())[0] == 0.5


def test_what_was_seen_outweighs_the_prior_as_it_grows():
    rates = [Seen.of("0" * n).rate() for n in (0, 1, 5, 20, 100)]
    assert rates == sorted(rates, reverse=True)
    assert rates[1] == pytest.approx(1 / 3), "the rule of succession"


def test_later_answers_count_for_more():
    was_bad, is_bad = Seen.of("1" * 50 + "0" * 50), Seen.of("0" * 50 + "1" * 50)
    assert was_bad.rate() < 0.35
    assert is_bad.rate() > 0.65
    assert (was_bad.count, was_bad.ever) == (is_bad.count, is_bad.ever) == (100, 50)


def test_a_full_window_weighs_and_turns_as_its_docstring_says():
    assert Seen.of("0" * 100).weight == pytest.approx(43.4, abs=0.1)
    turned = next(n for n in range(100) if Seen.of(("1" * 100 + "0" * n)[-100:]).rate() < 0.5)
    assert turned == 29


def test_several_bands_are_pooled_by_weight():
    parts = [Seen.of("1" * 10), Seen.of("0" * 30), Seen()]
    found = pooled(parts)
    assert found.count == 40
    assert found.ever == 10
    assert found.hits == parts[0].hits
    assert found.weight == pytest.approx(parts[0].weight + parts[1].weight)


def test_a_band_without_answers_is_expected_to_do_as_its_kind():
    kind = Seen.of("1" * 30 + "0" * 30)
    assert pass_probability(Seen(), kind)[0] == pytest.approx(1 - kind.rate())


def test_a_bands_own_answers_move_it_away_from_its_kind_and_not_all_the_way():
    kind = Seen.of("0" * 100)
    few, many = (pass_probability(Seen.of("1" * n), kind)[0] for n in (5, 60))
    assert 0.5 < few < 1 - kind.rate()
    assert 0.1 < many < 0.3


def test_what_may_be_at_best_comes_closer_as_more_is_seen():
    kind = Seen.of("10" * 50)
    gaps = []
    for n in (0, 5, 20, 50):
        mean, best = pass_probability(Seen.of("10" * n), kind)
        assert mean == pytest.approx(0.5, abs=0.01)
        gaps.append(best - mean)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] == pytest.approx(1.28 * 0.5 / math.sqrt(11), rel=0.01), "a Beta of ten answers"
    assert pass_probability(Seen(), Seen.of("0" * 100))[1] <= 1.0


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (None, "-"),
        (math.nan, "-"),
        (-math.inf, "0"),
        (-3.0, "0"),
        (0.0, "0"),
        (0.0999, "0"),
        (0.1, "1"),
        (0.55, "5"),
        (0.999, "9"),
        (1.0, "9"),
        (7.0, "9"),
        (math.inf, "9"),
    ],
)
def test_a_score_has_a_band(score, band):
    assert band_of(Classification(rank=0, by="learned", score=score)) == band
    assert band in set(bands())


def test_every_band_is_listed_once():
    assert list(bands()) == ["-", *"0123456789"]


# --- the choice --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passes", "way"), [(0.09, Way.STRONG), (0.10, Way.CHEAP), (0.11, Way.CHEAP), (1.0, Way.CHEAP)]
)
def test_a_try_is_worth_it_where_it_saves_its_price(passes, way):
    found = choose(prospect(passes))
    assert found.way is way
    assert found.rank == (1 if way is Way.STRONG else 0)
    assert found.changes is (way is Way.STRONG)


def test_in_doubt_it_is_tried():
    assert choose(prospect(0.05, hopes=0.09)).way is Way.STRONG
    found = choose(prospect(0.05, hopes=0.11))
    assert found.way is Way.CHEAP
    assert found.cheap > found.strong, "though it is expected to cost more"
    assert choose(prospect(0.15, hopes=0.9, second=second("1" * 60, cost=40))).way is Way.STRONG


def test_a_second_model_that_was_never_asked_yet_is_asked():
    assert choose(prospect(0.9, 10, 100, second=second(cost=30))).way is Way.PAIR
    dear = choose(prospect(0.9, 10, 100, second=second(cost=50)))
    assert dear.pair > dear.strong
    assert dear.way is Way.PAIR, "nobody knows yet how often it differs"
    assert choose(prospect(0.9, 10, 100, second=second("10" * 50, cost=50))).way is Way.STRONG


def test_what_each_way_costs_is_its_answer_and_the_next_ones_where_it_is_rejected():
    found = choose(prospect(0.7, second=second("1" * 10 + "0" * 10, cost=5)))
    assert found.cheap == pytest.approx(10 + 0.3 * 100)
    changes = Seen.of("1" * 10 + "0" * 10).rate()
    assert found.pair == pytest.approx(15 + (1 - 0.7 * (1 - changes)) * 100)
    assert found.strong == 100
    assert (found.way, found.plain) == (Way.PAIR, Way.PAIR)


def test_a_pair_that_is_dear_and_often_differs_goes_straight_up():
    found = choose(prospect(0.5, second=second("1" * 60, cost=40)))
    assert found.way is Way.STRONG
    assert choose(prospect(0.5)).way is Way.CHEAP, "which the plain cascade would not be"


@pytest.mark.parametrize(
    ("changes", "way"),
    [
        ("0" * 49, Way.PAIR),
        ("0" * 50, Way.CHEAP),
        ("1" + "0" * 99, Way.PAIR),
        ("0" * 99 + "1", Way.PAIR),
        ("0" * 100, Way.CHEAP),
    ],
)
def test_the_second_model_is_left_out_only_where_it_has_changed_nothing(changes, way):
    found = choose(prospect(0.9, second=second(changes, cost=60)))
    assert found.way is way
    assert found.skips_second is found.changes is (way is Way.CHEAP)


def test_however_dear_the_second_model_is_it_is_not_traded_for_worse_answers():
    found = choose(prospect(0.95, strong=1000, second=second("0" * 30 + "1", cost=600)))
    assert found.cheap < found.pair < found.strong
    assert found.way is Way.PAIR


def test_time_counts_for_what_the_owner_says():
    slow = prospect(0.5, Effort(10, 2.0), Effort(100, 3.0))
    assert choose(slow).way is Way.CHEAP
    weighed = prospect(0.5, Effort(10, 2.0), Effort(100, 3.0), per_second=100.0)
    found = choose(weighed)
    assert found.strong == 100 + 3 * 100
    assert found.cheap == 10 + 2 * 100 + 0.5 * 400
    assert found.way is Way.STRONG


def test_two_models_at_once_take_as_long_as_the_slower():
    quick = second("1" + "0" * 9, cost=0, seconds=1.0)
    slow = second("1" + "0" * 9, cost=0, seconds=5.0)
    base = {"cheap": Effort(10, 2.0), "strong": Effort(100, 2.0), "per_second": 1.0}
    one, other = (choose(prospect(1.0, second=s, **base)) for s in (quick, slow))
    assert other.pair - one.pair == pytest.approx(3.0)


def test_a_probe_goes_the_plain_way_and_says_so():
    found = choose(prospect(0.01), probe=True)
    assert (found.way, found.rank, found.probe, found.changes) == (Way.CHEAP, 0, True, False)
    assert found.detail.startswith("cheap:probe:p=0.01:")
    idle = choose(prospect(0.9, second=second("0" * 50)), probe=True)
    assert (idle.way, idle.probe) == (Way.PAIR, True)


def test_what_goes_the_plain_way_anyhow_is_no_probe():
    assert not choose(prospect(0.9), probe=True).probe


def test_a_choice_says_what_it_was_made_by_in_dollars():
    found = choose(prospect(0.04, 10_000, 20_000, second=second(cost=5_000)))
    assert found.detail == "strong:p=0.04:cheap=2.92e-05:pair=3.46e-05:strong=2e-05"
    assert "," not in found.detail


def test_what_a_second_answer_is_called_is_what_the_gate_calls_it():
    assert {agreement.DIFFERS, agreement.LACKING} == expected.AGAINST
    assert {agreement.AGREES, agreement.INCOMPARABLE} | expected.AGAINST == expected.COMPARED


# --- in a decision -----------------------------------------------------------------------------------------


def chosen(way, rank=1, plain=Way.CHEAP):
    return Choice(way, rank, 0.05, 105.0, 100.0, None, plain)


def case(choice, rank=0, **more):
    said = Classification(rank=rank, by="learned", score=0.2, **more.pop("said", {}))
    return Case(AUTO, 2, said, expected=choice, **more)


def test_going_straight_up_is_a_step_of_the_decision():
    decision = POLICY.decide(case(chosen(Way.STRONG)), None)
    step = decision.steps[1]
    assert (step.stage, step.reason, step.from_rank, step.to_rank, step.enforced) == (
        Stage.CLASSIFY,
        Reason.EXPECTED,
        0,
        1,
        True,
    )
    assert decision.rank == 1
    assert step.label == "expected:strong:p=0.05:cheap=1.05e-07:strong=1e-07"


def test_what_comes_to_the_fixed_rules_way_is_on_record_and_changes_nothing():
    decision = POLICY.decide(case(chosen(Way.CHEAP, 0)), None)
    assert decision.rank == 0
    assert [s.enforced for s in decision.steps] == [True, False]
    assert decision.reasons[1].startswith("expected:cheap:")


def test_leaving_the_second_model_out_takes_effect_without_a_move():
    decision = POLICY.decide(case(chosen(Way.CHEAP, 0, Way.PAIR)), None)
    assert (decision.rank, decision.steps[1].enforced) == (0, True)


def test_it_never_lowers_a_request():
    assert POLICY.decide(case(chosen(Way.STRONG, 1), rank=2), None).rank == 2


def test_it_never_leaves_the_ladder():
    assert POLICY.decide(case(chosen(Way.STRONG, 9), rank=1), None).rank == 2


def test_a_cap_holds_beyond_it():
    capped = case(chosen(Way.STRONG), said={"cap": (0, "cheap-only")})
    assert POLICY.decide(capped, None).rank == 0


def test_a_conversation_that_has_reached_more_stays_there():
    assert POLICY.decide(case(chosen(Way.STRONG), kept=2), None).rank == 2
