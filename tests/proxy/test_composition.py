"""Beside LiteLLM's own router, guardrails, cache, fallbacks and budgets, and beside other callbacks."""

from __future__ import annotations

import contextlib

import pytest
from asking import HARD, ask
from houses import House, apart_from, eventually
from openai import APIStatusError

from litellm_tiering.testing.proxy import PRICES, TIERS, config_for, serve_proxy

FRANCE = "What is the capital of France?"
SMALL, MEDIUM = "Paris.", "The capital of France is Paris."
REFUSED = "I'm sorry, but I can't help with that."

KEYS = {
    "sk-plain": {"team_id": "plain", "key_alias": "plain-1"},
    "sk-spent": {
        "team_id": "spent",
        "key_alias": "spent-1",
        "budget_limits": [{"budget_duration": "1d", "max_budget": 0.0}],
    },
    "sk-per-model": {
        "team_id": "per-model",
        "key_alias": "per-model-1",
        "model_max_budget": {"large": {"max_budget": 0.0, "budget_duration": "1d"}},
        "budget_fallbacks": {"large": ["small"]},
    },
}

CUSTOM_AUTH = f"""
import os
from litellm.proxy._types import UserAPIKeyAuth

KEYS = {KEYS!r}

async def auth(request, api_key):
    if api_key == os.environ["LITELLM_MASTER_KEY"]:
        return UserAPIKeyAuth(api_key=api_key, user_role="proxy_admin")
    return UserAPIKeyAuth(api_key=api_key, **KEYS[api_key])
"""

NEIGHBOURS = f"""
import re
from fastapi import HTTPException
from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.integrations.custom_logger import CustomLogger

def text_of(data):
    return str((data.get("messages") or [{{}}])[-1].get("content"))

class Meddler(CustomLogger):
    def __init__(self, name):
        super().__init__()
        self.name = name

    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        found = re.search(rf"\\[{{self.name}}:model=(\\w+)\\]", text_of(data))
        if found:
            data["model"] = found[1]
        return data

    async def async_post_call_success_hook(self, data, user_api_key_dict, response):
        if f"[{{self.name}}:refuses]" in text_of(data) and "Paris." == response.choices[0].message.content:
            response.choices[0].message.content = {REFUSED!r}
        return response

before, after = Meddler("before"), Meddler("after")

class Masker(CustomGuardrail):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        if "[guard:no-request]" in text_of(data):
            raise HTTPException(400, "the guardrail minds the request")
        for message in data.get("messages") or ():
            message["content"] = str(message["content"]).replace("s3cret", "[masked]")
        return data

class Blocker(CustomGuardrail):
    async def async_post_call_success_hook(self, data, user_api_key_dict, response):
        if "[guard:no-answer]" in text_of(data):
            raise HTTPException(400, "the guardrail minds the answer")
        if "[guard:no-capitals]" in text_of(data) and "capital" in str(response):
            raise HTTPException(400, "the guardrail minds capitals")
        return response
"""

RECORDER = """
import json, os
from litellm.integrations.custom_logger import CustomLogger

class Recorder(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        payload = kwargs.get("standard_logging_object") or {}
        said = payload.get("metadata") or {}
        line = {"kind": "success", "cost": payload.get("response_cost"), "group": payload.get("model_group"),
                "tags": payload.get("request_tags"), "team": said.get("user_api_key_team_id"),
                "spend_logs_metadata": said.get("spend_logs_metadata"),
                "requester_metadata": said.get("requester_metadata")}
        with open(os.environ["RECORDED"], "a") as file:
            file.write(json.dumps(line, default=str) + "\\n")

recorder = Recorder()
"""

RULES = {
    "kind": "rules",
    "rules": [
        {"name": "theirs", "when": {"any_keyword": ["theirplease"]}, "tier": "expert"},
        {"name": "hard", "when": {"any_keyword": ["hardplease"]}, "tier": "complex"},
        {"name": "easy", "when": {"any_keyword": ["easyplease", "capital"]}, "tier": "simple"},
    ],
}

TIERING = {
    "tiers": [*TIERS, {"name": "expert", "model": "theirs"}],
    "routes": [
        {"name": "auto", "models": ["auto"]},
        {"name": "watched", "models": ["watched"], "mode": "shadow"},
        {"name": "cheap", "models": ["small"], "classify": False, "tier": "simple"},
        {"name": "explicit", "models": ["large"], "classify": False, "tier": "complex"},
    ],
    # Without the heuristic after it the chain abstains where no rule speaks.
    "classifiers": [RULES],
    "cascade": {"bypass_above": 1.0},
    "store": {"url": "memory://"},
}


def auto_router(name: str, config: dict) -> dict:
    tiers = {"SIMPLE": "small", "MEDIUM": "medium", "COMPLEX": "large", "REASONING": "large"}
    config = {"tiers": tiers, "max_tokens_from_tier_model": False, **config}
    params = {"model": "auto_router/complexity_router", "complexity_router_config": config}
    price = dict(zip(("input_cost_per_token", "output_cost_per_token"), PRICES["large"], strict=True))
    return {"model_name": name, "litellm_params": params, "model_info": price}


OURS = {
    "classifier_type": "custom",
    "classifier_plugin": "litellm_tiering.plugin.classifier",
    "classifier_fallback": "default_model",
    "default_model": "medium",
}


def config_of(provider, tiering, **settings) -> dict:
    config = config_for(provider.base_url, tiering)
    config["model_list"] += [
        auto_router("smart", OURS),
        auto_router("theirs", {}),
        auto_router("watched", {}),
    ]
    config["litellm_settings"] = {"enable_post_custom_auth_checks": True, **settings}
    config["general_settings"] |= {"custom_auth": "custom_keys.auth", "custom_auth_run_common_checks": True}
    config["router_settings"] = {
        "model_group_alias": {"auto": "theirs"},
        "num_retries": 0,
        "fallbacks": [{"small": ["medium"]}],
        "disable_cooldowns": True,
    }
    return config


@contextlib.contextmanager
def serve(provider, folder, config):
    recorded = folder / "recorded.jsonl"
    recorded.write_text("")
    files = {"custom_keys.py": CUSTOM_AUTH, "recorder.py": RECORDER, "neighbours.py": NEIGHBOURS}
    with (
        serve_proxy(config, files=files, env={"RECORDED": str(recorded)}) as proxy,
        contextlib.closing(House(proxy, provider, recorded, apart_from(proxy))) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def full_house(provider, tmp_path_factory):
    """A proxy with everything beside us at once."""
    config = config_of(
        provider,
        TIERING,
        callbacks=[
            "neighbours.before",
            "litellm_tiering.plugin.handler",
            "neighbours.after",
            "recorder.recorder",
        ],
        cache=True,
        cache_params={"type": "local", "mode": "default_off"},
    )
    config["guardrails"] = [
        {
            "guardrail_name": name,
            "litellm_params": {"guardrail": f"neighbours.{kind}", "mode": mode, "default_on": True},
        }
        for name, kind, mode in (("masker", "Masker", "pre_call"), ("blocker", "Blocker", "post_call"))
    ]
    with serve(provider, tmp_path_factory.mktemp("full"), config) as running:
        yield running


@pytest.fixture
def house(full_house):
    full_house.settled(0)
    full_house.forget()
    full_house.provider.heal()
    return full_house


def totals(house) -> dict[str, int]:
    return {model: total["calls"] for model, total in house.provider.totals().items()}


def groups(house) -> list[str]:
    """The groups of LiteLLM's success events, sorted."""
    return sorted(e["group"] for e in house.events() if e["kind"] == "success")


def record(house, headers) -> dict:
    return house.proxy.client.get(f"/tiering/decisions/{headers['x-tiering-decision']}").json()


def check_bill(house, before: int, calls: int) -> None:
    """LiteLLM's events and our counter agree, to the nano-dollar, and nothing is held."""
    eventually(lambda: len(groups(house)) >= calls, f"{calls} paid calls")
    house.settled(0)
    eventually(lambda: house.spent_nano() - before == house.costs_nano(), "all costs are counted")
    assert len(groups(house)) == calls


def check_served(house, before: int) -> None:
    """What the provider has served is what is counted, whatever LiteLLM logs."""
    served = house.provider.usage()
    cost = sum(
        served[f"sim-{group}"]["prompt_tokens"] * price[0]
        + served[f"sim-{group}"]["completion_tokens"] * price[1]
        for group, price in PRICES.items()
        if f"sim-{group}" in served
    )
    eventually(lambda: house.spent_nano() - before == round(cost * 1e9), "what was served is counted")


# -------------------------------------------------------------------- guardrails


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_a_guardrail_masks_stays_masked_in_every_attempt(house, stream):
    before = house.spent_nano()
    reply = ask(house, "chat", f"{FRANCE} s3cret [[fault:refuse@sim-small]]", stream=stream)
    assert reply.text == MEDIUM
    assert totals(house) == {"sim-small": 1, "sim-medium": 1}
    assert "[masked]" in str(house.provider.last_request())
    assert "s3cret" not in str(house.provider.last_request())
    check_bill(house, before, 2)


def test_a_guardrail_that_stops_a_request_leaves_nothing_held_and_costs_nothing(house):
    before = house.spent_nano()
    with pytest.raises(APIStatusError, match="the guardrail minds the request"):
        ask(house, "chat", f"{FRANCE} [guard:no-request]")
    eventually(lambda: house.budget()["reserved_usd"] == 0, "nothing held")
    assert house.spent_nano() == before
    assert totals(house) == {}
    # It was asked after us: the request was planned already.
    newest = house.proxy.client.get("/tiering/decisions").json()["decisions"][0]
    assert [a["verdict"] for a in newest["attempts"]] == ["failed"]


def test_a_guardrail_that_withholds_an_answer_leaves_nothing_held_and_its_cost_is_counted_once(house):
    before = house.spent_nano()
    with pytest.raises(APIStatusError, match="the guardrail minds the answer"):
        ask(house, "chat", f"{FRANCE} [guard:no-answer]")
    eventually(lambda: house.budget()["reserved_usd"] == 0, "nothing held")
    check_served(house, before)
    # LiteLLM itself logs a failure for nothing.
    assert groups(house) == []


def test_a_guardrail_judges_the_answer_that_is_served_and_not_the_rejected_one_alone(house):
    before = house.spent_nano()
    with pytest.raises(APIStatusError, match="the guardrail minds capitals"):
        ask(house, "chat", f"{FRANCE} [guard:no-capitals] [[fault:refuse@sim-small]]")
    assert totals(house) == {"sim-small": 1, "sim-medium": 1}
    check_served(house, before)


# -------------------------------------------------------------------- LiteLLM's cache

CACHED = {"extra_body": {"cache": {"use-cache": True}}}


def test_an_answer_from_the_cache_costs_nothing_and_keeps_our_headers(house):
    prompt = f"{FRANCE} Cached, please."
    first = ask(house, "chat", prompt, **CACHED)
    house.settled(1)
    house.forget()
    before = house.spent_nano()
    second = ask(house, "chat", prompt, **CACHED)
    assert second.text == first.text
    eventually(lambda: len(groups(house)) == 1, "the hit is logged")
    house.settled(0)
    assert totals(house) == {}
    assert house.spent_nano() == before
    assert second.headers["x-tiering-attempts"] == "small:ok"
    assert float(second.headers["x-tiering-cost-usd"]) == 0
    assert record(house, second.headers)["cost_usd"] == 0


def test_a_rejected_answer_from_the_cache_is_replaced_from_the_cache_and_asked_for_once(house):
    prompt = f"{FRANCE} Cached too, please. [[fault:refuse@sim-small]]"
    assert ask(house, "chat", prompt, **CACHED).text == MEDIUM
    house.settled(2)
    house.forget()
    before = house.spent_nano()
    second = ask(house, "chat", prompt, **CACHED)
    assert second.text == MEDIUM
    assert second.headers["x-tiering-attempts"] == "small:refusal,medium:ok"
    eventually(lambda: len(groups(house)) == 2, "both hits are logged")
    house.settled(0)
    assert totals(house) == {}
    assert house.spent_nano() == before


# -------------------------------------------------------------------- other callbacks


def test_who_moves_a_request_before_us_is_taken_for_the_client(house):
    before = house.spent_nano()
    reply = ask(house, "chat", f"{FRANCE} [before:model=large]")
    assert reply.headers["x-tiering-reason"] == "requested"
    assert reply.headers["x-tiering-tier"] == "complex"
    assert totals(house) == {"sim-large": 1}
    check_bill(house, before, 1)


def test_who_moves_a_request_after_us_has_the_last_word_and_its_cost_is_counted(house):
    before = house.spent_nano()
    reply = ask(house, "chat", f"{FRANCE} [after:model=large]")
    assert totals(house) == {"sim-large": 1}
    assert reply.headers["x-tiering-tier"] == "simple"
    assert reply.headers["x-tiering-model"] == "large"
    check_bill(house, before, 1)
    assert record(house, reply.headers)["cost_usd"] == pytest.approx(house.costs_nano() / 1e9)


@pytest.mark.parametrize(
    ("who", "text", "calls"),
    [("before", MEDIUM, {"sim-small": 1, "sim-medium": 1}), ("after", REFUSED, {"sim-small": 1})],
)
def test_answers_are_judged_as_callbacks_before_us_leave_them(house, who, text, calls):
    before = house.spent_nano()
    reply = ask(house, "chat", f"{FRANCE} [{who}:refuses]")
    assert (reply.text, totals(house)) == (text, calls)
    check_bill(house, before, len(calls))


def test_tags_and_spend_logs_metadata_reach_litellms_logs_untouched(house):
    said = {"tags": ["blue", "green"], "spend_logs_metadata": {"order": "17"}, "own": {"deep": [1]}}
    ask(house, "chat", f"{FRANCE} [[fault:refuse@sim-small]]", extra_body={"metadata": said})
    eventually(lambda: len(groups(house)) == 2, "both attempts are logged")
    for event in house.events():
        assert set(said["tags"]) <= set(event["tags"])
        logged = event["spend_logs_metadata"]
        ours = {name: value for name, value in logged.items() if name.startswith("tiering_")}
        assert {**said["spend_logs_metadata"], **ours} == logged
        assert event["requester_metadata"]["own"] == said["own"]


# -------------------------------------------------------------------- fallbacks and LiteLLM's own budgets


def test_a_fallback_of_litellms_is_counted_under_the_group_that_answered(house):
    before = house.spent_nano()
    reply = ask(house, "chat", f"{FRANCE} [[fault:503@sim-small]]")
    assert reply.text == MEDIUM
    assert reply.headers["x-tiering-model"] == "medium"
    assert reply.headers["x-tiering-attempts"] == "small:ok"
    check_bill(house, before, 1)
    assert groups(house) == ["medium"]
    assert record(house, reply.headers)["cost_usd"] == pytest.approx(house.costs_nano() / 1e9)


def test_a_budget_fallback_comes_before_us_and_is_taken_for_the_clients_choice(house):
    before = house.spent_nano()
    reply = ask(house, "chat", "hardplease", model="large", key="sk-per-model")
    assert reply.headers["x-tiering-model"] == "small"
    assert reply.headers["x-tiering-reason"] == "requested"
    assert record(house, reply.headers)["route"] == "cheap"
    check_bill(house, before, 1)


def test_a_key_that_litellm_rejects_never_reaches_us(house):
    before = house.spent_nano()
    decisions = house.proxy.client.get("/tiering/decisions").json()
    with pytest.raises(APIStatusError, match=r"[Bb]udget"):
        ask(house, "chat", FRANCE, key="sk-spent")
    assert house.proxy.client.get("/tiering/decisions").json() == decisions
    assert (house.spent_nano(), totals(house)) == (before, {})


# -------------------------------------------------------------------- LiteLLM's own router


@pytest.mark.parametrize("surface", ["chat", "messages", "responses"])
@pytest.mark.parametrize(
    ("prompt", "model"),
    [("easyplease", "sim-small"), ("hardplease", "sim-large"), ("something else", "sim-medium")],
)
def test_litellms_router_follows_our_classifiers_and_falls_back_where_they_abstain(
    house, surface, prompt, model
):
    before = house.spent_nano()
    reply = ask(house, surface, prompt, model="smart")
    assert totals(house) == {model: 1}
    assert "x-tiering-tier" not in reply.headers
    check_bill(house, before, 1)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_litellms_router_as_a_tier_is_paid_for_as_the_model_that_it_chose(house, stream):
    before = house.spent_nano()
    reply = ask(house, "chat", "theirplease", max_tokens=50, stream=stream)
    assert reply.headers["x-tiering-tier"] == "expert"
    assert totals(house) == {"sim-small": 1}
    check_bill(house, before, 1)
    spent = record(house, reply.headers)["cost_usd"]
    assert spent == pytest.approx(house.costs_nano() / 1e9)


def test_litellms_router_as_a_watched_route_goes_its_own_way_and_we_say_what_ours_would_be(house):
    before = house.spent_nano()
    reply = ask(house, "chat", "hardplease", model="watched")
    assert totals(house) == {"sim-small": 1}
    assert reply.headers["x-tiering-reason"].startswith("shadow:rule:hard")
    check_bill(house, before, 1)


def test_litellms_router_uses_our_default_classifiers_without_our_callback(provider, tmp_path):
    config = config_of(provider, None, callbacks=["recorder.recorder"])
    with serve(provider, tmp_path, config) as house:
        house.forget()
        for prompt, model in ((FRANCE, "sim-small"), (HARD, "sim-large")):
            reply = ask(house, "chat", prompt, model="smart")
            assert "x-tiering-tier" not in reply.headers
            assert [c["model"] for c in house.provider.calls()][-1:] == [model]
        assert house.proxy.client.get("/tiering/status").status_code == 404
