from __future__ import annotations

import datetime as dt
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.config.propose import Group, notes_on, propose
from litellm_tiering.config.propose_names import told_by

TODAY = dt.date(2026, 11, 21)


def group(name, price=None, *, upstream="", completion=None, **more):
    """A group with a price per million tokens, its answers four times as dear."""
    prompt = None if price is None else price / 1e6
    said = None if price is None else (4 * price if completion is None else completion) / 1e6
    return Group(name, (upstream or name,), prompt, said, **{"mode": "chat", **more})


def names(proposal):
    return [g.name for g in proposal.tiers]


@pytest.mark.parametrize(
    ("name", "family", "generation", "size", "billions"),
    [
        ("gpt-4", "gpt", 4.0, 2, None),
        ("openai/gpt-4o-mini", "gpt", 4.05, 1, None),
        ("gpt-4-0613", "gpt", 4.0, 2, None),
        ("openai/gpt-5.4-mini-2026-03-17", "gpt", 5.4, 1, None),
        ("o3-mini", "gpt", 4.5, 1, None),
        ("o9", "gpt", 9.0, 2, None),
        ("claude-3-5-sonnet-20241022", "claude", 3.5, 2, None),
        ("bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude", 4.5, 1, None),
        ("vertex_ai/claude-opus-4-1@20250805", "claude", 4.1, 3, None),
        ("gemini/gemini-2.5-flash-lite", "gemini", 2.5, 0, None),
        ("ollama_chat/qwen3:8b", "qwen", 3.0, 0, 8.0),
        ("ollama/llama3.1:70b", "llama", 3.1, 2, 70.0),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral", 0.1, 2, 56.0),
        ("azure/team-x-2", "", None, 2, None),
        ("mistral/mistral-large-2512", "mistral", None, 3, None),
    ],
)
def test_a_name_tells_family_generation_and_size(name, family, generation, size, billions):
    assert tuple(told_by(name)) == (family, generation, size, billions)


@given(st.text(max_size=400))
def test_any_name_is_read_without_fault(name):
    told = told_by(name)
    assert told.size in range(4)


def test_three_tiers_where_the_prices_are_steps_apart_and_two_where_they_are_not():
    apart = [group("top", 10), group("low", 0.1), group("middle", 1)]
    assert names(propose(apart, TODAY)) == ["low", "middle", "top"]
    assert names(propose(apart, TODAY, 2)) == ["low", "top"]
    close = [group("top", 4), group("low", 1), group("middle", 2)]
    assert names(propose(close, TODAY)) == ["low", "top"]
    assert names(propose(close, TODAY, 3)) == ["low", "middle", "top"]


def test_the_dearest_model_of_years_ago_is_not_the_top():
    found = propose([group("gpt-4", 30), group("gpt-5.4", 2.5), group("gpt-5.4-nano", 0.2)], TODAY)
    assert names(found) == ["gpt-5.4-nano", "gpt-5.4"]
    assert "gpt-5.4 is newer" in found.left_out["gpt-4"]


def test_an_older_model_stays_where_the_newer_one_is_smaller():
    assert names(propose([group("gpt-4.1", 2), group("gpt-5-nano", 0.05)], TODAY)) == [
        "gpt-5-nano",
        "gpt-4.1",
    ]


def test_what_is_left_out_and_why():
    groups = [
        group("low", 0.1),
        group("top", 10),
        group("embedder", 0.01, mode="embedding"),
        group("nomic-embed-text", mode=""),
        group("openai/*", 1, pattern=True),
        group("auto-one", 1, routes=True),
        group("again", 10, upstream="top"),
        group("gone", 20, retires=TODAY),
        group("going", 20, retires=TODAY + dt.timedelta(days=20)),
        group("nameless"),
        group("gratis", 0),
        group("mute", 0.05, tools=False),
        group("small-window", 0.05, max_input_tokens=4_000),
    ]
    found = propose(groups, TODAY)
    assert names(found) == ["low", "top"]
    assert found.left_out == {
        "embedder": "no chat model: embedding",
        "nomic-embed-text": "no chat model, by its name: embed",
        "openai/*": "a pattern, which stands for any number of models",
        "auto-one": "a router of LiteLLM's own",
        "again": "the same model as top",
        "gone": "its provider retired it on 2026-11-21",
        "going": "its provider retires it on 2026-12-11",
        "nameless": "no price is known for it",
        "gratis": "costs nothing, which its provider may mean or not",
        "mute": "cannot call tools",
        "small-window": "reads 4,000 tokens only",
    }


def test_what_would_be_left_out_is_taken_where_there_is_nothing_else():
    found = propose([group("old", 0.1, retires=TODAY), group("mute", 3, tools=False)], TODAY)
    assert names(found) == ["old", "mute"]
    assert any("retired it on 2026-11-21" in n for n in found.notes)
    assert any("mute, the dearest tier, cannot call tools" in n for n in found.notes)
    assert names(propose([group("a", 0), group("b", 0, upstream="other")], TODAY)) == ["a", "b"]


def test_no_ladder_of_one_model():
    assert propose([group("only", 1), group("embedder", 1, mode="embedding")], TODAY).tiers == ()
    assert propose([], TODAY).tiers == ()


def test_the_very_smallest_model_is_not_taken_where_a_better_one_is_far_below_the_top_too():
    groups = [group("ministral-8b", 0.05), group("gpt-5-mini", 0.2), group("gpt-5", 5)]
    assert names(propose(groups, TODAY, 2)) == ["gpt-5-mini", "gpt-5"]
    assert names(
        propose([group("gpt-5-nano", 0.5), group("gpt-5", 5), group("gpt-5-mini", 2)], TODAY, 2)
    ) == [
        "gpt-5-nano",
        "gpt-5",
    ]


def test_the_middle_is_of_the_familiy_of_the_top_where_that_is_as_good():
    groups = [
        group("gpt-5-mini", 0.1),
        group("claude-sonnet-4-5", 1.0),
        group("gpt-5", 1.2),
        group("gpt-5-pro", 10),
    ]
    assert names(propose(groups, TODAY)) == ["gpt-5-mini", "gpt-5", "gpt-5-pro"]


def test_models_of_ones_own_are_ordered_by_their_size():
    own = [group(f"qwen3:{b}b", own=True) for b in (70, 1.7, 8)]
    found = propose(own, TODAY)
    assert names(found) == ["qwen3:1.7b", "qwen3:8b", "qwen3:70b"]
    assert any("budgets in US dollars count nothing" in n for n in found.notes)
    assert any("by the parameters" in n for n in found.notes)
    assert names(propose(own, TODAY, 2)) == ["qwen3:1.7b", "qwen3:70b"]
    assert names(propose([group(f"qwen3:{b}b", own=True) for b in (4, 7, 8)], TODAY)) == [
        "qwen3:4b",
        "qwen3:8b",
    ]


def test_without_prices_and_sizes_the_order_is_the_files():
    found = propose([group("mine", own=True), group("hers", own=True), group("ours", own=True)], TODAY)
    assert names(found) == ["mine", "ours"]
    assert any("the order is the file's" in n for n in found.notes)


def test_ones_own_largest_model_stands_below_what_is_paid_for():
    groups = [
        group("qwen3:8b", own=True),
        group("qwen3:32b", own=True),
        group("gpt-5-mini", 0.25),
        group("gpt-5", 2.5),
    ]
    assert names(propose(groups, TODAY)) == ["qwen3:32b", "gpt-5"]
    assert names(propose(groups, TODAY, 3)) == ["qwen3:32b", "gpt-5-mini", "gpt-5"]


def test_notes_on_close_prices_and_on_what_the_cheap_tier_cannot_do():
    tiers = [
        group("low", 1, tools=False, vision=False, response_format=False),
        group("top", 1.5, vision=True),
    ]
    close, lacking = notes_on(tiers, TODAY)
    assert "only 1.5 times" in close
    assert "cannot do tools or JSON schemas or images" in lacking
    assert list(notes_on([group("a", 1), group("b", 9, retires=TODAY + dt.timedelta(days=900))], TODAY)) == [
        "the provider of b will retire it on 2029-05-09, by LiteLLM's model map"
    ]


GROUPS = st.lists(
    st.builds(
        Group,
        name=st.text(string.ascii_letters + string.digits + "-.:", min_size=1, max_size=20),
        upstreams=st.lists(
            st.sampled_from(["gpt-4", "gpt-5-mini", "claude-opus-4", "x:7b", "x:70b", ""]), max_size=2
        ).map(tuple),
        prompt=st.none() | st.floats(0, 1e-3),
        completion=st.none() | st.floats(0, 1e-3),
        mode=st.sampled_from(["", "chat", "embedding"]),
        tools=st.none() | st.booleans(),
        max_input_tokens=st.none() | st.integers(1, 10**6),
        own=st.booleans(),
        retires=st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31)),
        pattern=st.booleans(),
        routes=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda g: g.name,
)


@given(GROUPS, st.sampled_from([None, 2, 3]))
def test_whatever_the_models_the_ladder_is_sound(groups, tiers):
    found = propose(groups, TODAY, tiers)
    assert len(found.tiers) in ({0, 2, 3} if tiers != 2 else {0, 2})
    assert len(set(found.tiers)) == len(found.tiers)
    assert all(g in groups and not g.pattern and not g.routes and g.mode != "embedding" for g in found.tiers)
    priced = [g.price for g in found.tiers if g.price]
    assert priced == sorted(priced)
    kept = {g.name for g in (*found.tiers, *found.others)}
    assert kept | set(found.left_out) == {g.name for g in groups}
    assert not kept & set(found.left_out)
