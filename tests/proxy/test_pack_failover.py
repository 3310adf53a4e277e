"""Every packaged configuration behind a real proxy: it routes and fails over as its comments say."""

from __future__ import annotations

import json

import httpx
import pytest
from agents import DEEP, EASY, TIDY, rising
from asking import HARD, SIMPLE, ask
from openai import APIStatusError
from pack_house import BROKEN, BUSY, HUNG, PACKS, TOO_LONG, UNWANTED, serve_pack
from test_agents import Claude
from test_agents_codex import Codex

ALL = sorted(p.stem for p in PACKS.glob("*.yaml") if p.stem != "simulated")
CLASSIFIED = [name for name in ALL if name not in ("budget-only", "shadow")]
TWO_PROVIDERS = ("azure", "coding-agents", "enterprise", "mixed-providers", "self-hosted", "support-bot")


@pytest.fixture(scope="module", params=ALL)
def pack(request):
    with serve_pack(request.param) as running:
        yield running


def packs(*names):
    return pytest.mark.parametrize("pack", names, indirect=True)


def put(pack, surface, prompt, *, patience=5, **more):
    """One request, asked again where a busy machine's store was late and the pack stops for that."""
    try:
        return ask(pack.house, surface, prompt, **more)
    except APIStatusError as error:
        if not patience or "store is away" not in str(error):
            raise
    return put(pack, surface, prompt, patience=patience - 1, **more)


def first_and_second(pack, group):
    """The deployment of a group that is asked first, and the one that answers in its place."""
    first, second = pack.numbers(group)
    if pack.balanced:
        # Equals: the first is the one that is the faster of the two just now.
        pack.nobody_aside(group)
        for _ in range(6):  # one that was never asked has no latency yet, and is asked next
            put(pack, "chat", SIMPLE, model=group)
        return (first, second) if pack.asked()[-1] == first else (second, first)
    return first, second


def served(pack, group, first):
    """Ask for ``group``, of which ``first`` fails; what answered in its place, and the reply."""
    while True:
        reply = put(pack, "chat", SIMPLE, model=group)
        assert reply.text
        if first in pack.asked():
            return pack.asked()[-1], reply
        # Equals that are about as fast are taken in turns.
        assert pack.balanced, f"{first} was not asked first: {pack.asked()}"
        assert len(pack.calls) < 200, f"{first} was never asked"


def reasons(reply):
    """Why, without the word of a store that was late on a busy machine."""
    return ",".join(r for r in reply.headers["x-tiering-reason"].split(",") if not r.startswith("store:"))


@packs(*ALL)
def test_its_models_are_listed(pack):
    listed = {m.id for m in pack.house.openai().models.list()}
    assert {*pack.groups, *(pack.written["router_settings"].get("model_group_alias") or ())} <= listed


@packs(*CLASSIFIED)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_simple_request_goes_to_the_cheapest_tier_and_a_hard_one_to_the_dearest(pack, stream):
    for prompt, group in ((SIMPLE, pack.groups[0]), (HARD, pack.groups[-1])):
        pack.calls.clear()
        reply = put(pack, "chat", prompt, stream=stream)
        assert reply.text
        assert reply.headers["x-tiering-model"] == group
        assert reply.headers["x-tiering-attempts"] == f"{group}:ok"
        assert float(reply.headers["x-tiering-cost-usd"]) > 0
        assert [pack.group_of(n) for n in pack.asked()] == [group]


@packs("anthropic", "mixed-providers", "self-hosted")
def test_a_prompt_that_is_too_long_is_served_by_the_next_tier(pack):
    group, further = pack.groups[:2]
    first = pack.numbers(group)[0]
    with pack.failing(first, TOO_LONG[pack.wire(first)]):
        answered, reply = served(pack, group, first)
    assert pack.group_of(answered) == further == reply.headers["x-tiering-model"]
    assert pack.asked() == [first, answered]


@packs("mixed-providers", "openrouter")
def test_what_a_filter_refuses_is_served_by_another_maker(pack):
    group = pack.groups[0]
    further = {"mixed-providers": f"{group}-openai", "openrouter": pack.groups[1]}[pack.name]
    first = pack.numbers(group)[0]
    with pack.failing(first, UNWANTED[pack.wire(first)]):
        answered, _ = served(pack, group, first)
    assert pack.group_of(answered) == further
    assert pack.asked() == [first, answered]


@packs(*TWO_PROVIDERS)
def test_a_provider_that_is_gone_is_served_by_the_other(pack):
    group = pack.groups[0]
    first, second = first_and_second(pack, group)
    if pack.name == "mixed-providers":
        (second,) = pack.numbers(f"{group}-openai")
    with pack.gone(first):
        for _ in range(200 if pack.balanced else 1):
            reply = put(pack, "chat", SIMPLE, model=group)
            tried = [
                reply.headers.get(f"x-litellm-attempted-{kind}", "0") for kind in ("retries", "fallbacks")
            ]
            if sum(map(int, tried)) > 0:
                break
        else:
            raise AssertionError("the one that is gone was not asked")
    assert reply.text
    assert set(pack.asked()) == {second}


@packs(*ALL)
def test_a_5xx_of_the_first_is_served_by_the_second(pack):
    group = pack.groups[0]
    first, second = first_and_second(pack, group)
    if pack.name == "mixed-providers":
        (second,) = pack.numbers(f"{group}-openai")
    with pack.failing(first, BROKEN):
        answered, reply = served(pack, group, first)
    assert answered == second
    assert reply.headers["x-tiering-model"] == pack.group_of(second)


@packs(*ALL)
def test_a_429_of_the_first_is_served_by_the_second_of_its_group(pack):
    group = pack.groups[1]
    first, second = first_and_second(pack, group)
    with pack.failing(first, BUSY):
        answered, _ = served(pack, group, first)
        assert answered == second
        # It is set aside: the next request does not even ask it.
        asked = len(pack.calls)
        put(pack, "chat", SIMPLE, model=group)
    assert pack.asked()[asked:] == [second]


@packs(*ALL)
def test_a_first_that_says_nothing_is_served_by_the_second(pack):
    group = pack.groups[2 if len(pack.groups) > 2 else 0]
    first, second = first_and_second(pack, group)
    if pack.name == "mixed-providers":
        (second,) = pack.numbers(f"{group}-openai")
    with pack.failing(first, HUNG):
        answered, _ = served(pack, group, first)
    assert answered == second
    assert pack.asked().count(first) == 1


@packs("mixed-providers")
def test_after_five_5xx_of_a_minute_requests_begin_at_bedrock(pack):
    first, bedrock = pack.numbers("large")
    with pack.failing(first, BROKEN):
        for _ in range(8):
            put(pack, "chat", SIMPLE, model="large")
        pack.calls.clear()
        put(pack, "chat", SIMPLE, model="large")
    assert pack.asked() == [bedrock]


# ------------------------------------------------------------------ what single packs say


@packs("self-hosted")
def test_what_the_own_machine_cannot_read_goes_to_the_hosted_model(pack):
    pixel = (
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
        "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    seen = [{"type": "text", "text": SIMPLE}, {"type": "image_url", "image_url": {"url": pixel}}]
    for content in (seen, f"{SIMPLE} {'word ' * 40_000}"):
        reply = put(pack, "chat", "", messages=[{"role": "user", "content": content}])
        assert reply.headers["x-tiering-model"] == "large"


@packs("budget-only")
def test_nothing_is_routed_where_there_is_only_a_ceiling(pack):
    for prompt, group in ((HARD, pack.groups[0]), (SIMPLE, pack.groups[-1])):
        reply = put(pack, "chat", prompt, model=group)
        assert (reply.headers["x-tiering-model"], reasons(reply)) == (group, "requested")
    limited = {b["scope"] for b in pack.house.proxy.status()["budgets"] if b["limit_usd"]}
    assert limited == {"global", "key"}


@packs("shadow")
def test_in_shadow_everything_goes_where_it_went_and_what_would_be_is_said(pack):
    for name in ("auto", "large"):
        pack.calls.clear()
        reply = put(pack, "chat", SIMPLE, model=name)
        assert reasons(reply) == "shadow:heuristic"
        assert [pack.group_of(n) for n in pack.asked()] == ["large"]
        decision = reply.headers["x-tiering-decision"]
        found = pack.house.proxy.client.get(f"/tiering/decisions/{decision}").json()
        assert "simple" in json.dumps(found["steps"])


SUPPORT = {
    "How do I reset my password?": ("simple", "rule:faq"),
    "I was charged twice and want a refund.": ("complex", "rule:dispute"),
    "Your regulator will hear of this.": ("complex", "rule:legal"),
    "This is unacceptable.": ("moderate", "heuristic,floor:upset"),
}


@packs("support-bot")
@pytest.mark.parametrize("question", SUPPORT)
def test_the_support_bots_rules_tell_a_question_from_a_dispute(pack, question):
    reply = put(pack, "chat", question)
    assert (reply.headers["x-tiering-tier"], reasons(reply)) == SUPPORT[question]


TEAMS = {
    ("sk-any", SIMPLE): "small",
    ("sk-any", HARD): "large-eu",
    ("sk-eu", SIMPLE): "small-eu",
    ("sk-eu", HARD): "large-eu",
    ("sk-premium", SIMPLE): "medium-eu",
    ("sk-clinic", SIMPLE): "large-eu",
    ("sk-secret", SIMPLE): "small-eu",
}


@packs("enterprise")
@pytest.mark.parametrize(("key", "prompt"), TEAMS, ids={HARD: "hard", SIMPLE: "simple"}.get)
def test_a_team_gets_the_tier_that_its_models_and_its_metadata_allow(pack, key, prompt):
    pack.calls.clear()
    reply = put(pack, "chat", prompt, key=key)
    assert reply.headers["x-tiering-model"] == TEAMS[key, prompt]
    assert [pack.group_of(n) for n in pack.asked()] == [TEAMS[key, prompt]]


@packs("enterprise")
def test_a_team_bound_to_the_eu_never_leaves_it_when_everything_there_fails(pack):
    pack.calls.clear()
    numbers = pack.numbers("small-eu")
    for number in numbers:
        pack.faults[number] = BROKEN
    try:
        with pytest.raises(httpx.HTTPStatusError):
            body = {"model": "auto", "messages": [{"role": "user", "content": SIMPLE}]}
            headers = {"authorization": "Bearer sk-eu"}
            pack.house.proxy.client.post(
                "/v1/chat/completions", json=body, headers=headers
            ).raise_for_status()
    finally:
        pack.faults.clear()
    assert pack.asked()
    assert set(pack.asked()) <= set(numbers)


@packs("enterprise")
def test_a_team_with_one_model_stays_there(pack):
    reply = put(pack, "chat", SIMPLE, key="sk-one", model="medium-eu")
    assert reply.headers["x-tiering-model"] == "medium-eu"


@packs("batch")
def test_batches_ask_for_the_cheaper_service_tier_and_pay_full_price_only_in_its_place(pack):
    flex, standard = pack.numbers("large")
    pack.calls.clear()
    cheap = put(pack, "chat", HARD)
    assert pack.calls[0][0] == flex
    assert pack.calls[0][1]["service_tier"] == "flex"
    with pack.failing(flex, BUSY):
        full = put(pack, "chat", HARD)
    assert pack.asked() == [flex, standard]
    assert "service_tier" not in pack.calls[-1][1]
    paid = [float(reply.headers["x-tiering-cost-usd"]) for reply in (cheap, full)]
    assert paid[0] == pytest.approx(paid[1] / 2)


CODE = "Rename the variable in main.py."
TOOL = {"name": "edit", "description": "Edit a file", "input_schema": {"type": "object", "properties": {}}}


@packs("coding-agents")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_claude_codes_models_are_routed_and_its_cache_markers_reach_the_provider(pack, stream):
    marked = [{"type": "text", "text": "You are a coding agent.", "cache_control": {"type": "ephemeral"}}]
    wanted = {"claude-haiku-4-5-20251001": "small", "claude-sonnet-5-5": "medium"}
    more = {"system": marked, "tools": [TOOL], "max_tokens": 64}
    for model, group in wanted.items():
        pack.calls.clear()
        reply = put(pack, "messages", CODE, stream=stream, model=model, **more)
        assert reply.headers["x-tiering-model"] == group
        assert reply.model == model
        ((number, body),) = pack.calls
        assert pack.group_of(number) == group
        assert body["system"][0]["cache_control"] == {"type": "ephemeral"}


@packs("coding-agents")
def test_codex_models_are_routed_over_responses(pack):
    pack.calls.clear()
    reply = put(pack, "responses", HARD, model="gpt-6.1-codex", stream=True)
    assert reply.text
    assert reply.headers["x-tiering-model"] == "large"
    reply = put(pack, "responses", SIMPLE, model="gpt-6.1-codex-mini")
    assert reply.headers["x-tiering-model"] == "small"
    assert [pack.group_of(n) for n in pack.asked()] == ["large", "small"]


@packs("coding-agents")
def test_an_agents_request_fails_over_on_its_own_api(pack):
    first, second = pack.numbers("medium")
    with pack.failing(first, BROKEN):
        reply = put(pack, "messages", CODE, model="claude-sonnet-5-5", tools=[TOOL], max_tokens=64)
    assert reply.headers["x-tiering-model"] == "medium"
    assert pack.asked()[-1] == second


@packs("coding-agents")
def test_a_whole_session_of_claude_code_goes_up_only_and_arrives_as_it_was_sent(pack):
    claude = Claude(pack.house, "5c0e8a52-1111-4b67-9a52-3a1f6f3f9c11", key=pack.house.proxy.key)
    assert claude.say(EASY) == "moderate"  # an agent's floor
    assert claude.say(DEEP) == "complex"
    for text in (EASY, "thanks", TIDY):
        assert claude.say(text) == "complex"
    assert rising(claude.tiers)
    blocks = [b for m in claude.messages for b in m["content"]]
    called = [b["id"] for b in blocks if b["type"] == "tool_use"]
    assert len(called) >= 3
    assert [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"] == called
    _, got = pack.calls[-1]
    # `thinking` is LiteLLM's to word: newer models know it as adaptive only.
    for part in ("messages", "system", "tools"):
        assert got[part] == claude.sent[part]
    assert json.dumps(got).count('"cache_control"') == 3


@packs("coding-agents")
def test_a_whole_session_of_codex_goes_up_only(pack):
    codex = Codex(pack.house, "5c0e8a52-2222-4b67-9a52-3a1f6f3f9c12", key=pack.house.proxy.key)
    assert codex.say(EASY) == "moderate"
    assert codex.say(DEEP) == "complex"
    for text in (EASY, "go on", TIDY):
        assert codex.say(text) == "complex"
    assert rising(codex.tiers)
    called = [i["call_id"] for i in codex.input if i["type"] == "function_call"]
    assert len(called) >= 3
    assert [i["call_id"] for i in codex.input if i["type"] == "function_call_output"] == called
