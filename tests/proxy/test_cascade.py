"""The cascade on a real proxy: four APIs, streamed or not, and all that can become of an escalation."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from asking import SIMPLE, SURFACES, ask
from houses import eventually

from litellm_tiering.testing.provider.prose import REFUSAL

SMALL, MEDIUM = "Paris.", "The capital of France is Paris."
LARGE = "The capital of France is Paris. It is"


@dataclass(frozen=True)
class Case:
    """What is asked, and what must come of it.

    Attributes:
        faults: Markers for the simulated provider.
        text: How the served answer begins.
        calls: Calls upstream, by model.
        paid: Model groups of LiteLLM's success events, sorted.
        attempts: The header of a whole answer, and the record of both.
        reason: The last reason.
        streamed: Attempts and last reason of a stream, where they differ.
        model: The name asked for; ``key``: whose key; ``group``: the group that answered.
    """

    faults: str
    text: str
    calls: dict[str, int]
    paid: tuple[str, ...]
    attempts: str
    reason: str
    streamed: tuple[str, str] | None = None
    model: str = "auto"
    key: str = ""
    group: str = "small"


CASES = {
    "accept": Case("", SMALL, {"sim-small": 1}, ("small",), "small:ok", "rule:easy"),
    "reject_then_ok": Case(
        "[[fault:refuse@sim-small]]",
        MEDIUM,
        {"sim-small": 1, "sim-medium": 1},
        ("medium", "small"),
        "small:refusal,medium:ok",
        "escalation:refusal",
        group="medium",
    ),
    "reject_twice": Case(
        "[[fault:refuse@sim-small]] [[fault:refuse@sim-medium]]",
        REFUSAL,
        {"sim-small": 1, "sim-medium": 1},
        ("medium", "small"),
        "small:refusal,medium:refusal",
        "kept:limit",
        group="medium",
    ),
    "escalation_fails": Case(
        "[[fault:refuse@sim-small]] [[fault:500]]",
        REFUSAL,
        {"sim-small": 1, "sim-medium": 1, "sim-large": 1},
        ("small",),
        "small:refusal,medium:failed",
        "kept:failed",
    ),
    "refused_by_budget": Case(
        "[[fault:refuse@sim-small]]",
        REFUSAL,
        {"sim-small": 1},
        ("small",),
        "small:refusal",
        "kept:budget:team:poor",
        key="sk-poor",
    ),
    "permission_denied": Case(
        "[[fault:refuse@sim-small]]",
        REFUSAL,
        {"sim-small": 1},
        ("small",),
        "small:refusal",
        "kept:permission",
        # A stream that could not be replaced is not held back, nor judged.
        streamed=("small:ok", "requested"),
        model="small",
        key="sk-only-small",
    ),
    "deadline_passed": Case(
        "[[fault:refuse@sim-small]] [[fault:slow=1200@sim-medium]]",
        REFUSAL,
        {"sim-small": 1, "sim-medium": 1},
        ("medium", "small"),
        "small:refusal,medium:late",
        "kept:failed",
        model="hasty",
    ),
    "fallback_within_an_attempt": Case(
        "[[fault:refuse@sim-small]] [[fault:429@sim-medium]]",
        LARGE,
        {"sim-small": 1, "sim-medium": 1, "sim-large": 1},
        ("large", "small"),
        "small:refusal,medium:ok",
        "escalation:refusal",
        group="large",
    ),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", CASES)
def test_cascade(cascade_house, name, surface, stream):
    check(cascade_house, CASES[name], surface, stream)


def check(house, case: Case, surface: str, stream: bool) -> None:
    house.settled(0)
    house.forget()
    before = house.spent_nano()
    more = {"model": case.model, "key": case.key, "max_tokens": 400, "stream": stream}
    reply = ask(house, surface, f"{SIMPLE} {case.faults}", **more)
    assert reply.text.startswith(case.text)
    # After a fallback of its own LiteLLM names the model that answered.
    assert reply.model in (case.model, "sim-large" if case.group == "large" else case.model)
    eventually(lambda: len(paid(house)) >= len(case.paid), "every call is logged")
    house.settled(0)
    totals = {model: total["calls"] for model, total in house.provider.totals().items()}
    assert totals == case.calls
    assert paid(house) == case.paid
    assert house.spent_nano() - before == house.costs_nano()
    check_record(house, case, reply, stream)


def paid(house) -> tuple[str, ...]:
    return tuple(sorted(e["group"] for e in house.events() if e["kind"] == "success"))


def check_record(house, case: Case, reply, stream: bool) -> None:
    headers = reply.headers
    attempts, reason = (stream and case.streamed) or (case.attempts, case.reason)
    record = house.proxy.client.get(f"/tiering/decisions/{headers['x-tiering-decision']}").json()
    assert ",".join(f"{a['model']}:{a['verdict']}" for a in record["attempts"]) == attempts
    assert record["reasons"][-1] == reason
    assert round(record["cost_usd"] * 1e9) == house.costs_nano()
    assert record["baseline_usd"] > 0
    if stream:
        return
    assert headers["x-tiering-attempts"] == case.attempts
    assert headers["x-tiering-reason"].split(",")[-1] == case.reason
    assert headers["x-tiering-model"] == case.group
    if "late" not in case.attempts:
        # Of a call that is still under way nobody knows the cost yet.
        assert float(headers["x-tiering-cost-usd"]) == pytest.approx(record["cost_usd"])
        assert float(headers["x-litellm-response-cost"]) == pytest.approx(record["cost_usd"])
