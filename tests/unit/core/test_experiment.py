from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.experiment import NO_EXPERIMENT, Experiment, unit_of
from litellm_tiering.core.features import Caller

KEYS = [Caller(key=f"key-{i}") for i in range(4000)]


def test_the_share_of_callers_held_out_is_the_one_asked_for():
    for share in (0.05, 0.2, 0.5):
        held = sum(Experiment(share).holds(c) for c in KEYS) / len(KEYS)
        # Four standard errors of a share of 4,000.
        assert abs(held - share) < 4 * (share * (1 - share) / len(KEYS)) ** 0.5
    assert not any(NO_EXPERIMENT.holds(c) for c in KEYS)
    assert all(Experiment(1.0).holds(c) for c in KEYS)


@given(st.text(min_size=1), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_caller_is_drawn_once_and_a_larger_share_keeps_whoever_was_held_out(key, salt, one, other):
    caller = Caller(key=key)
    low, high = sorted((one, other))
    assert Experiment(low, salt).holds(caller) == Experiment(low, salt).holds(Caller(key=key, team="t"))
    assert Experiment(low, salt).holds(caller) <= Experiment(high, salt).holds(caller)


def test_another_salt_draws_other_callers():
    first = {c.key for c in KEYS if Experiment(0.5, "a").holds(c)}
    second = {c.key for c in KEYS if Experiment(0.5, "b").holds(c)}
    assert abs(len(first & second) - len(KEYS) / 4) < 4 * (len(KEYS) * 3 / 16) ** 0.5


def test_the_draw_is_the_same_on_every_host_and_in_every_release():
    assert round(Experiment(0.5, "salt").place("key:abc"), 5) == PLACE


PLACE = 0.72386


def test_who_is_drawn_is_what_auth_knows_and_never_the_clients_word():
    assert unit_of(Caller(key="k", user="u", team="t")) == "key:k"
    assert unit_of(Caller(user="u", team="t")) == "user:u"
    assert unit_of(Caller(team="t")) == "team:t"
    assert unit_of(Caller(end_user="picked", tags=frozenset({"x"}))) == ""
    assert not Experiment(1.0).holds(Caller(end_user="picked"))
