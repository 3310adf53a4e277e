"""Who follows which of several policies: by a stable draw, apart from the hold-out, and never by a client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.experiment import BASE, Arm, Experiment, arm_within, within
from litellm_tiering.core.features import Caller

PLACES = ["a0", "base", "a1", "base", "a0", "base", "base", "base", "a2", "a1", "a3", "a2"]

KEYS = [Caller(key=f"key-{i}") for i in range(4000)]


def drawn(*shares, salt="", holdout=0.0):
    arms = tuple(Arm(f"a{i}", share) for i, share in enumerate(shares))
    experiment = Experiment(holdout, salt, arms)
    return [experiment.arm(caller) for caller in KEYS]


def near(count, share, of=4000):
    # Four standard errors of a share.
    return abs(count / of - share) <= 4 * (share * (1 - share) / of) ** 0.5


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.1,), (0.1, 0.2, 0.3), (0.25, 0.25, 0.25, 0.25), (0, 0.4)])
def test_every_arm_has_its_share_of_callers_and_the_base_the_rest(shares):
    found = drawn(*shares)
    for i, share in enumerate(shares):
        assert near(found.count(f"a{i}"), share)
    assert near(found.count(BASE), 1 - sum(shares))
    assert set(found) <= {*(f"a{i}" for i in range(len(shares))), BASE}


def test_shares_that_make_up_a_whole_leave_nobody_out_whatever_fractions_come_to():
    assert 0.7 + 0.2 + 0.1 < 1
    assert BASE not in drawn(0.7, 0.2, 0.1)
    assert BASE not in drawn(0.3, 0.7)


def test_with_two_arms_a_raised_share_takes_nobody_from_the_other():
    before, after = drawn(0.2, 0.3), drawn(0.6, 0.3)
    assert [a for a in before if a == "a1"] == [b for b in after if b == "a1"]
    moves = {(a, b) for a, b in zip(before, after, strict=True) if a != b}
    assert moves == {(BASE, "a0")}
    moves = {(a, b) for a, b in zip(after, drawn(0.6, 0.4), strict=True) if a != b}
    assert moves == {(BASE, "a1")}


@given(st.integers(0, 3), st.lists(st.floats(0, 0.2), min_size=4, max_size=4), st.floats(0, 0.2))
def test_an_arm_whose_share_is_raised_keeps_everybody_it_had(which, shares, more):
    raised = [share + more * (i == which) for i, share in enumerate(shares)]
    before, after = (
        Experiment(arms=tuple(Arm(str(i), s) for i, s in enumerate(x))) for x in (shares, raised)
    )
    for caller in KEYS[:100]:
        if before.arm(caller) == str(which):
            assert after.arm(caller) == str(which)


@given(st.text(min_size=1), st.text(), st.text(), st.text())
def test_nothing_that_a_client_writes_changes_its_arm(key, team, end_user, tag):
    experiment = Experiment(0.2, "s", (Arm("now", 0.4), Arm("bolder", 0.4)))
    told = Caller(key=key, team=team, end_user=end_user, tags=frozenset({tag}))
    assert experiment.arm(told) == experiment.arm(Caller(key=key))


def test_arms_are_drawn_apart_from_the_hold_out_which_comes_first():
    found = drawn(0.5, 0.5, holdout=0.25)
    assert near(found.count(""), 0.25)
    free = drawn(0.5, 0.5)
    kept = [(a, b) for a, b in zip(found, free, strict=True) if a]
    assert all(a == b for a, b in kept)
    # Of those held out as many would have been in either.
    out = [b for a, b in zip(found, free, strict=True) if not a]
    assert near(out.count("a0"), 0.5, len(out))


def test_another_salt_draws_other_arms():
    same = sum(a == b for a, b in zip(drawn(0.5, 0.5), drawn(0.5, 0.5, salt="x"), strict=True))
    assert near(same, 0.5)


def test_nobody_is_in_an_arm_whom_nobody_knows_or_where_there_is_none():
    experiment = Experiment(arms=(Arm("now", 1.0),))
    assert experiment.arm(Caller(end_user="picked")) == ""
    assert experiment.arm(Caller(team="blue")) == "now"
    assert Experiment().arm(KEYS[0]) == ""


def test_the_draw_is_the_same_on_every_host_and_in_every_release():
    assert drawn(0.2, 0.2, 0.3, 0.1, salt="salt")[:12] == PLACES


def test_what_is_learned_of_an_arm_is_kept_apart_from_what_is_learned_of_the_base():
    assert (within("auto", ""), within("auto", BASE), within("auto", "bolder")) == (
        "auto",
        "auto",
        "auto@bolder",
    )
    assert (arm_within("auto"), arm_within("auto@bolder")) == ("", "bolder")
