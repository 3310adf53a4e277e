"""A second cheap model asked in parallel, on a real proxy: four APIs, streamed or not, every bill counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import openai
import pytest
from asking import SURFACES, ask
from houses import CASCADE_ROUTER, EASY, eventually, house

from litellm_tiering.testing.proxy import config_for

EASY_SUM, HARD_SUM = "What is 17 + 25?", "What is 23 * 40?"
"""Both small models get the first right, and each gets the second wrong in its own way."""

SPEECH = "Tell me about the capital of France."
RULES = [{"name": "easy", "when": {"any_keyword": ["what is", "capital"]}, "tier": "simple"}]


def tiering(**gate) -> dict:
    agreement = {"kind": "agreement", "with": "small-b", "timeout_ms": 1500, **gate}
    return {
        "routes": [
            {"name": "auto", "models": ["auto"]},
            {"name": "cheap", "models": ["small"], "classify": False, "tier": "simple", "cascade": True},
        ],
        "classifiers": [{"kind": "rules", "rules": RULES}, *EASY[1:]],
        "cascade": {
            "bypass_above": 1.0,
            "stream": "buffer",
            "gates": [{"kind": "not_empty"}, {"kind": "finished"}, {"kind": "refusal"}, agreement],
        },
        # Room for the small model's hold, and not for the second one's beside it.
        "budgets": [{"scope": "team", "match": "poor", "limit_usd": 0.00045, "downgrade": []}],
        "store": {"url": "memory://"},
    }


@pytest.fixture(scope="module")
def agreement_house(provider, tmp_path_factory):
    yield from serving(provider, tmp_path_factory.mktemp("agreement"))


def groups(provider) -> list[dict]:
    """The simulated ladder's groups, and a second small model of another provider."""
    second = {
        "model_name": "small-b",
        "litellm_params": {
            "model": "anthropic/sim-small-b",
            "api_base": provider.base_url,
            "api_key": "none",
        },
        "model_info": {"input_cost_per_token": 3e-7, "output_cost_per_token": 1.3e-6},
    }
    return [*config_for(provider.base_url, None)["model_list"], second]


def serving(provider, folder, **gate):
    router = {**CASCADE_ROUTER["router_settings"], "fallbacks": [{"small-b": ["large"]}]}
    made = tiering(**gate)
    with house(provider, folder, made, model_list=groups(provider), router_settings=router) as running:
        yield running


@dataclass(frozen=True)
class Case:
    """What is asked, and what must come of it: as in the test of the cascade."""

    prompt: str
    text: str
    calls: dict[str, int]
    attempts: str
    reason: str = "rule:easy"
    said: str = ""
    model: str = "auto"
    key: str = ""
    surfaces: tuple[str, ...] = SURFACES


CASES = {
    "agrees": Case(
        EASY_SUM,
        "17 + 25 = 42",
        {"sim-small": 1, "sim-small-b": 1},
        "small:ok,small-b:agrees",
        said="agreement:agrees",
    ),
    "differs": Case(
        HARD_SUM,
        "23 * 40 = 920.",
        {"sim-small": 1, "sim-small-b": 1, "sim-medium": 1},
        "small:agreement,small-b:differs,medium:ok",
        "escalation:agreement",
        said="agreement:differs",
    ),
    "differs_and_no_tier_answers": Case(
        f"{HARD_SUM} [[fault:500@sim-medium]]",
        "23 * 40 = 916",
        {"sim-small": 1, "sim-small-b": 1, "sim-medium": 1},
        "small:agreement,small-b:differs,medium:failed",
        "kept:failed",
        said="agreement:differs",
    ),
    "second_fails_without_a_fallback": Case(
        f"{EASY_SUM} [[fault:500@sim-small-b]]",
        "17 + 25 = 42",
        {"sim-small": 1, "sim-small-b": 1},
        "small:ok,small-b:failed",
        said="agreement:failed",
    ),
    "second_is_late": Case(
        f"{HARD_SUM} [[fault:slow=2500@sim-small-b]]",
        "23 * 40 = 916",
        {"sim-small": 1, "sim-small-b": 1},
        "small:ok,small-b:late",
        said="agreement:late",
        surfaces=("chat",),
    ),
    "second_refuses": Case(
        f"{EASY_SUM} [[fault:refuse@sim-small-b]]",
        "17 + 25 = 42",
        {"sim-small": 1, "sim-small-b": 1},
        "small:ok,small-b:incomparable",
        said="agreement:incomparable",
    ),
    "first_is_rejected_by_another_gate": Case(
        f"{EASY_SUM} [[fault:refuse@sim-small]]",
        "17 + 25 = 42.",
        {"sim-small": 1, "sim-small-b": 1, "sim-medium": 1},
        "small:refusal,small-b:unused,medium:ok",
        "escalation:refusal",
    ),
    "free_text_is_not_asked_twice": Case(
        SPEECH, "Paris", {"sim-small": 1}, "small:ok", said="agreement:free_text"
    ),
    "budget": Case(
        EASY_SUM, "17 + 25 = 42", {"sim-small": 1}, "small:ok", said="agreement:budget", key="sk-poor"
    ),
    "a_key_for_the_virtual_name_may_use_what_serves_it": Case(
        EASY_SUM,
        "17 + 25 = 42",
        {"sim-small": 1, "sim-small-b": 1},
        "small:ok,small-b:agrees",
        said="agreement:agrees",
        key="sk-only-auto",
    ),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("name", "surface"), [(n, s) for n, case in CASES.items() for s in case.surfaces])
def test_agreement(agreement_house, name, surface, stream):
    check(agreement_house, CASES[name], surface, stream=stream)


def check(house, case: Case, surface: str, *, stream: bool) -> None:
    house.settled(0)
    house.forget()
    before = house.spent_nano()
    more = {"model": case.model, "key": case.key, "max_tokens": 200, "stream": stream}
    reply = ask(house, surface, case.prompt, **more)
    assert reply.text == case.text or (case.prompt == SPEECH and case.text in reply.text)
    assert reply.model == case.model
    failing = 2 if "and_no_tier" in case.prompt else 0
    good = sum(case.calls.values()) - case.prompt.count("[[fault:500") - failing
    eventually(lambda: len(paid(house)) >= good, "every call is logged")
    house.settled(0)
    totals = {model: total["calls"] for model, total in house.provider.totals().items()}
    assert totals == case.calls
    assert house.spent_nano() - before == house.costs_nano() > 0
    record = house.proxy.client.get(f"/tiering/decisions/{reply.headers['x-tiering-decision']}").json()
    assert ",".join(f"{a['model']}:{a['verdict']}" for a in record["attempts"]) == case.attempts
    assert record["reasons"][-1] == case.reason
    assert (case.said in record["attempts"][0]["reasons"]) == bool(case.said)
    assert round(record["cost_usd"] * 1e9) == house.costs_nano()
    if stream:
        return
    assert reply.headers["x-tiering-attempts"] == case.attempts
    if "late" not in case.attempts and "unused" not in case.attempts:
        assert float(reply.headers["x-tiering-cost-usd"]) == pytest.approx(record["cost_usd"])
        assert float(reply.headers["x-litellm-response-cost"]) == pytest.approx(record["cost_usd"])


def paid(house) -> list[str]:
    return [e["group"] for e in house.events() if e["kind"] == "success"]


# ---------------------------------------------------------------------- at the same time, and to the end


def both_under_way(house) -> bool:
    """Whether both models have been asked and neither has answered."""
    calls = {c["model"]: c["status"] for c in house.provider.calls()}
    return calls.get("sim-small") == 0 == calls.get("sim-small-b", -1)


SLOW_PAIR = f"{EASY_SUM} [[fault:slow=1200@sim-small]] [[fault:slow=1200@sim-small-b]]"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("surface", SURFACES)
def test_both_are_asked_at_the_same_time(agreement_house, surface, stream):
    house = agreement_house
    house.settled(0)
    house.forget()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask, house, surface, SLOW_PAIR, max_tokens=200, stream=stream)
        eventually(lambda: both_under_way(house), "both are under way")
        assert asking.result().text == "17 + 25 = 42"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_client_that_leaves_meanwhile_is_charged_for_both(agreement_house, stream):
    house = agreement_house
    house.settled(0)
    house.forget()
    before = house.spent_nano()
    body = {"model": "auto", "messages": [{"role": "user", "content": SLOW_PAIR}], "stream": stream}
    headers = {"authorization": f"Bearer {house.proxy.key}"}
    url = f"{house.proxy.openai_url}/chat/completions"
    with ThreadPoolExecutor(1) as pool, httpx.Client(timeout=20) as client:
        leaving = pool.submit(client.post, url, json=body, headers=headers)
        eventually(lambda: both_under_way(house), "both are under way")
        client.close()
        leaving.exception()
    house.settled(2)
    assert house.spent_nano() - before == house.costs_nano() > 0
    assert sorted(paid(house)) == ["small", "small-b"]


def test_where_the_first_attempt_fails_the_seconds_cost_is_counted_and_nothing_is_held(agreement_house):
    house = agreement_house
    house.settled(0)
    house.forget()
    before = house.spent_nano()
    with pytest.raises(openai.InternalServerError):
        ask(house, "chat", f"{EASY_SUM} [[fault:500@sim-small]]", max_tokens=200)
    eventually(lambda: paid(house) == ["small-b"], "the second one's call is logged")
    house.settled(0)
    assert house.spent_nano() - before == house.costs_nano() > 0
