"""TieredRouter against the simulated provider: async and sync, four APIs, streamed or not."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import json
import sys
import threading
from dataclasses import dataclass
from types import ModuleType

import litellm
import pytest
from asking import SIMPLE, SURFACES
from houses import CASCADE, eventually
from litellm.integrations.custom_logger import CustomLogger

from litellm_tiering import TieredRouter, Verdict, gate
from litellm_tiering.core.decision import Reason, Refusal
from litellm_tiering.core.features import Caller
from litellm_tiering.errors import ConfigError
from litellm_tiering.gateway.sdk_answers import refused
from litellm_tiering.gateway.sdk_hub import HUB
from litellm_tiering.testing.processes import serve_provider
from litellm_tiering.testing.provider.prose import REFUSAL
from litellm_tiering.testing.proxy import config_for

pytestmark = [
    # LiteLLM's, as it logs a responses answer: a plain router does so too.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    # LiteLLM's text completions make a client for each call and leave it to the garbage collector.
    *(
        pytest.mark.filterwarnings(f"ignore:.*{what}:pytest.PytestUnraisableExceptionWarning")
        for what in ("BaseConnector", "ClientSession", "_SelectorTransport", "socket.socket")
    ),
]

SMALL, MEDIUM = "Paris.", "The capital of France is Paris."
LARGE = "The capital of France is Paris. It is"
TIERS = [
    {"name": "simple", "model": "small"},
    {"name": "moderate", "model": "medium"},
    {"name": "complex", "model": "large"},
]
TIERING = {**CASCADE, "tiers": TIERS}
ROUTER = {"num_retries": 0, "disable_cooldowns": True, "fallbacks": [{"medium": ["large"]}]}
POOR, SPENT = Caller(team="poor"), Caller(team="spent")
TIERING["budgets"] = [
    *CASCADE["budgets"],
    {"scope": "team", "match": "spent", "limit_usd": 0.0000001, "downgrade": [], "at_ceiling": "block"},
]
REFUSE_SMALL = "[[fault:refuse@sim-small]]"


class Costs(CustomLogger):
    """What LiteLLM itself says that each call has cost; a stream that failed has cost its prompt."""

    def __init__(self):
        super().__init__()
        self.paid = []
        self.lost = []

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.paid.append(self._nano(kwargs))

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.lost.append(self._nano(kwargs))

    @staticmethod
    def _nano(kwargs) -> int:
        return round((kwargs["standard_logging_object"].get("response_cost") or 0) * 1e9)

    @property
    def total(self) -> int:
        return sum(self.paid) + sum(self.lost)


@dataclass
class Town:
    """A provider, a router on it, and what LiteLLM says of its costs."""

    provider: object
    costs: Costs
    router: TieredRouter

    @property
    def spent(self) -> int:
        return round(self.budget()["spent_usd"] * 1e9)

    def budget(self) -> dict:
        return self.router.tiering_status()["budgets"][0]

    def settle(self) -> None:
        assert HUB.block(self.router.settled(20))

    def balanced(self) -> bool:
        """Whether all that LiteLLM says was spent is in the books, and nothing is held."""
        self.settle()
        return self.spent == self.costs.total > 0 and self.budget()["reserved_usd"] == 0

    def calls(self) -> dict:
        return {model: total["calls"] for model, total in self.provider.totals().items()}

    def last(self) -> dict:
        return self.router.tiering_decisions(1)[0]


@pytest.fixture(scope="module")
def provider():
    with serve_provider() as running:
        yield running


@pytest.fixture(scope="module")
def slow_provider():
    with serve_provider(latency_ms=400) as running:
        yield running


@pytest.fixture
def costs():
    logger = Costs()
    litellm.logging_callback_manager.add_litellm_callback(logger)
    yield logger
    for known in (litellm.callbacks, litellm._async_success_callback, litellm._async_failure_callback,
                  litellm.success_callback, litellm.failure_callback):  # fmt: skip
        known[:] = [callback for callback in known if callback is not logger]


@pytest.fixture
def town(provider, costs):
    """Makes towns; at the end their routers are closed, and nothing of them is left."""
    provider.clear()
    made = []
    threads = set(threading.enumerate())

    def build(tiering=TIERING, **more) -> Town:
        models = config_for(provider.base_url, None)["model_list"]
        made.append(Town(provider, costs, TieredRouter(models, tiering=tiering, **{**ROUTER, **more})))
        return made[-1]

    yield build
    for each in made:
        each.router.close()
    assert HUB._logger not in litellm.callbacks + litellm._async_success_callback
    assert not [t for t in set(threading.enumerate()) - threads if t.name == "litellm-tiering"]
    gc.collect()


def run(main):
    """Runs ``main`` on an event loop of its own, and checks that it leaves no task behind."""

    async def whole():
        try:
            return await main
        finally:
            await litellm.close_litellm_async_clients()

    return asyncio.run(whole())


# ---------------------------------------------------------------------- asking


def body(surface: str, prompt: str, **more) -> dict:
    messages = [{"role": "user", "content": prompt}]
    asked = {
        "chat": {"messages": messages, "max_tokens": 400},
        "completion": {"prompt": prompt, "max_tokens": 400},
        "messages": {"messages": messages, "max_tokens": 400},
        "responses": {"input": prompt, "max_output_tokens": 400},
    }[surface]
    return {"model": "auto", **asked, **more}


ASYNC = {
    "chat": "acompletion",
    "completion": "atext_completion",
    "messages": "anthropic_messages",
    "responses": "aresponses",
}
SYNC = {"chat": "completion", "completion": "text_completion", "responses": "responses"}


def ask(town: Town, surface: str, prompt: str, *, sync: bool, stream: bool, **more) -> str:
    """The text of an answer, once it is paid for."""
    more = body(surface, prompt, stream=stream, **more)
    if sync:
        found = getattr(town.router, SYNC[surface])(**more)
        text = said(surface, list(found) if stream else found)
        town.settle()
        return text

    async def main():
        try:
            found = await getattr(town.router, ASYNC[surface])(**more)
            return said(surface, [chunk async for chunk in found] if stream else found)
        finally:
            assert await town.router.settled(20)

    return run(main())


def said(surface: str, answer) -> str:  # noqa: PLR0911 - one way to read for each API, whole or not
    if surface == "chat":
        if isinstance(answer, list):
            return "".join(c.choices[0].delta.content or "" for c in answer if c.choices)
        return answer.choices[0].message.content
    if surface == "completion":
        if isinstance(answer, list):
            return "".join(c.choices[0].text or "" for c in answer)
        return answer.choices[0].text
    if surface == "messages":
        return heard(b"".join(answer)) if isinstance(answer, list) else answer["content"][0]["text"]
    if isinstance(answer, list):
        return "".join(e.delta for e in answer if e.type == "response.output_text.delta")
    return answer.output_text


def heard(stream: bytes) -> str:
    events = [json.loads(line[5:]) for line in stream.split(b"\n") if line.startswith(b"data:")]
    deltas = (e["delta"] for e in events if e["type"] == "content_block_delta")
    return "".join(d.get("text", "") for d in deltas)


WAYS = [(surface, sync) for surface in SURFACES for sync in (False, True) if not sync or surface in SYNC]
ways = pytest.mark.parametrize(
    ("surface", "sync"), WAYS, ids=[f"{s}-{'sync' if y else 'async'}" for s, y in WAYS]
)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@dataclass(frozen=True)
class Case:
    """What is asked, and what must come of it."""

    faults: str
    text: str
    calls: dict[str, int]
    attempts: str
    reason: str
    paid: int
    model: str = "auto"
    caller: Caller | None = None


CASES = {
    "accept": Case("", SMALL, {"sim-small": 1}, "small:ok", "rule:easy", 1),
    "reject_then_ok": Case(
        REFUSE_SMALL,
        MEDIUM,
        {"sim-small": 1, "sim-medium": 1},
        "small:refusal,medium:ok",
        "escalation:refusal",
        2,
    ),
    "reject_twice": Case(
        f"{REFUSE_SMALL} [[fault:refuse@sim-medium]]",
        REFUSAL,
        {"sim-small": 1, "sim-medium": 1},
        "small:refusal,medium:refusal",
        "kept:limit",
        2,
    ),
    "escalation_fails": Case(
        f"{REFUSE_SMALL} [[fault:500]]",
        REFUSAL,
        {"sim-small": 1, "sim-medium": 1, "sim-large": 1},
        "small:refusal,medium:failed",
        "kept:failed",
        1,
    ),
    "refused_by_budget": Case(
        REFUSE_SMALL, REFUSAL, {"sim-small": 1}, "small:refusal", "kept:budget:team:poor", 1, caller=POOR
    ),
    "deadline_passed": Case(
        f"{REFUSE_SMALL} [[fault:slow=1200@sim-medium]]",
        REFUSAL,
        {"sim-small": 1, "sim-medium": 1},
        "small:refusal,medium:late",
        "kept:failed",
        2,
        model="hasty",
    ),
    "fallback_within_an_attempt": Case(
        f"{REFUSE_SMALL} [[fault:429@sim-medium]]",
        LARGE,
        {"sim-small": 1, "sim-medium": 1, "sim-large": 1},
        "small:refusal,medium:ok",
        "escalation:refusal",
        2,
    ),
}


@streams
@ways
@pytest.mark.parametrize("name", CASES)
def test_cascade(town, name, surface, sync, stream):
    case = CASES[name]
    here = town(caller=case.caller)
    text = ask(here, surface, f"{SIMPLE} {case.faults}", sync=sync, stream=stream, model=case.model)
    assert text.startswith(case.text)
    assert here.calls() == case.calls
    record = here.last()
    assert ",".join(f"{a['model']}:{a['verdict']}" for a in record["attempts"]) == case.attempts
    assert record["reasons"][-1] == case.reason
    assert len(here.costs.paid) == case.paid
    assert all(here.costs.paid)
    assert here.spent == here.costs.total == round(record["cost_usd"] * 1e9)
    assert here.budget()["reserved_usd"] == 0
    assert not here.router.tiering_status()["alarms"]
    assert len(here.router.tiering_decisions()) == 1


# ---------------------------------------------------------------------- refusals and failures


@ways
def test_a_budget_that_is_spent_refuses_with_the_time_to_come_back(town, surface, sync):
    here = town(caller=SPENT)
    with pytest.raises(litellm.RateLimitError, match="team") as refusal:
        ask(here, surface, SIMPLE, sync=sync, stream=False)
    assert int(refusal.value.response.headers["retry-after"]) > 0
    assert here.calls() == {}
    assert here.last()["refused"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, litellm.BadRequestError),
        (403, litellm.PermissionDeniedError),
        (429, litellm.RateLimitError),
        (503, litellm.ServiceUnavailableError),
    ],
)
def test_a_refusal_is_litellms_own_error(town, status, kind):
    here = town()
    ask(here, "chat", SIMPLE, sync=True, stream=False)
    record = here.router._desk.gateway.engine.books.records()[0]
    error = refused(Refusal(Reason.STORE, "No.", status, retry_after_s=7), record, "auto")
    assert type(error) is kind
    assert error.status_code == status
    assert error.response.headers["retry-after"] == "7"
    assert "No." in str(error)


@streams
@ways
def test_a_first_attempt_that_fails_raises_and_costs_nothing(town, surface, sync, stream):
    if surface == "completion" and stream:
        pytest.skip(
            "LiteLLM opens it in any case; it breaks as it is read, which is for the cascade to judge"
        )
    here = town(fallbacks=[])
    with pytest.raises((litellm.APIError, litellm.InternalServerError)):
        ask(here, surface, f"{SIMPLE} [[fault:500]]", sync=sync, stream=stream)
    here.settle()
    assert here.calls() == {"sim-small": 1}
    assert here.spent == here.costs.total
    assert here.budget()["reserved_usd"] == 0
    assert here.last()["attempts"][0]["verdict"] == "failed"


def test_a_fault_of_ours_sends_the_request_to_the_dearest_tier(town, monkeypatch):
    here = town()

    async def faulty(inquiry):
        raise ZeroDivisionError

    monkeypatch.setattr(here.router._desk.gateway.engine, "plan", faulty)
    assert ask(here, "chat", SIMPLE, sync=True, stream=False).startswith(LARGE)
    assert here.calls() == {"sim-large": 1}
    assert here.router.tiering_status()["alarms"] == ["fault: admit:ZeroDivisionError x1"]


# ---------------------------------------------------------------------- gates


def test_a_gate_of_ones_own_judges_answers(town, monkeypatch):
    @gate
    def long_enough(exchange):
        return Verdict.reject("short") if len(exchange.answer) < 10 else Verdict.accept()

    module = ModuleType("sdk_gates")
    module.long_enough = long_enough
    monkeypatch.setitem(sys.modules, "sdk_gates", module)
    gates = [{"kind": "callback", "target": "sdk_gates:long_enough", "timeout_ms": 5000}]
    here = town({**TIERING, "cascade": {"bypass_above": 1.0, "gates": gates}})
    assert ask(here, "chat", SIMPLE, sync=True, stream=False) == MEDIUM
    assert here.last()["attempts"][0]["verdict"] == "long_enough"
    assert here.balanced()


SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}},
    },
}
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {
            "type": "object",
            "required": ["city"],
            "properties": {"city": {"type": "string"}},
        },
    },
}


@streams
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
def test_an_answer_is_held_to_its_schema(town, sync, stream):
    here = town({**TIERING, "requirements": "off"})
    text = ask(here, "chat", SIMPLE, sync=sync, stream=stream, response_format=SCHEMA)
    assert isinstance(json.loads(text)["city"], str)
    text = ask(here, "chat", f"{SIMPLE} {REFUSE_SMALL}", sync=sync, stream=stream, response_format=SCHEMA)
    assert here.last()["attempts"][0]["verdict"] != "ok"
    assert here.balanced()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tool_calls_come_through(town, stream):
    here = town({**TIERING, "requirements": "off"})
    found = here.router.completion(
        **body("chat", SIMPLE, tools=[TOOL], tool_choice="required", stream=stream)
    )
    if stream:
        deltas = [c.choices[0].delta for c in found if c.choices]
        calls = [call.function for d in deltas for call in d.tool_calls or ()]
        name, arguments = calls[0].name, "".join(c.arguments or "" for c in calls)
    else:
        (call,) = found.choices[0].message.tool_calls
        name, arguments = call.function.name, call.function.arguments
    assert name == "look_up"
    assert isinstance(json.loads(arguments)["city"], str)
    assert here.balanced()


def test_logprobs_asked_for_by_a_gate_stay_out_of_the_answer(town):
    gates = [{"kind": "logprob", "min_mean": -100.0}]
    here = town({**TIERING, "cascade": {"bypass_above": 1.0, "gates": gates}})
    whole = here.router.completion(**body("chat", SIMPLE))
    assert here.provider.last_request()["logprobs"] is True
    assert getattr(whole.choices[0], "logprobs", None) is None
    chunks = list(here.router.completion(**body("chat", SIMPLE, stream=True)))
    assert all(getattr(c.choices[0], "logprobs", None) is None for c in chunks if c.choices)
    asked = here.router.completion(**body("chat", SIMPLE, logprobs=True))
    assert asked.choices[0].logprobs is not None
    here.settle()


# ---------------------------------------------------------------------- as a plain router


# LiteLLM's own sync text completion sends the group's name to the provider, and is left out.
@pytest.mark.parametrize("surface", ["chat", "responses"])
def test_a_model_without_a_route_is_left_to_litellm(town, surface):
    here = town()
    spare = {
        "model_name": "spare",
        "litellm_params": {
            "model": "openai/sim-small",
            "api_base": here.provider.openai_url,
            "api_key": "none",
        },
    }
    here.router.add_deployment(litellm.types.router.Deployment(**spare))
    answer = getattr(here.router, SYNC[surface])(**body(surface, SIMPLE, model="spare"))
    assert said(surface, answer) == SMALL
    assert "tiering" not in answer._hidden_params
    assert here.router.tiering_decisions() == []
    assert here.spent == 0


def test_a_stream_has_the_chunks_that_a_plain_router_sends(town):
    here = town()
    plain = litellm.Router(config_for(here.provider.base_url, None)["model_list"], num_retries=0)

    def shape(chunks):
        return [
            (c.choices[0].delta.content, c.choices[0].finish_reason, getattr(c, "usage", None) is None)
            for c in chunks
        ]

    ours = shape(here.router.completion(**body("chat", SIMPLE, stream=True)))
    assert ours == shape(plain.completion(**body("chat", SIMPLE, model="small", stream=True)))
    told = list(
        here.router.completion(**body("chat", SIMPLE, stream=True, stream_options={"include_usage": True}))
    )
    assert told[-1].usage.total_tokens > 0
    here.settle()
    plain.discard()


def test_a_call_that_is_queued_by_priority_is_planned_once(town):
    here = town()

    async def main():
        answer = await here.router.acompletion(**body("chat", SIMPLE, priority=1))
        await here.router.settled(20)
        return said("chat", answer)

    assert run(main()) == SMALL
    assert len(here.router.tiering_decisions()) == 1
    assert here.balanced()


def test_copies_and_discarded_routers_work(town):
    here = town()
    twin = copy.copy(here.router)
    assert twin.completion(**body("chat", SIMPLE)).choices[0].message.content == SMALL
    assert twin.responses(**body("responses", SIMPLE)).output_text == SMALL
    twin.discard()
    assert ask(here, "chat", SIMPLE, sync=True, stream=False) == SMALL
    here.router.discard()
    assert ask(here, "chat", SIMPLE, sync=True, stream=True) == SMALL
    assert here.balanced()


def test_two_routers_keep_books_of_their_own(town):
    one, other = town(), town()
    ask(one, "chat", SIMPLE, sync=True, stream=False)
    first = one.spent
    assert first > 0
    assert other.spent == 0
    ask(other, "chat", f"{SIMPLE} {REFUSE_SMALL}", sync=True, stream=True)
    assert one.spent == first
    assert one.spent + other.spent == one.costs.total
    plain = litellm.Router(config_for(one.provider.base_url, None)["model_list"])
    plain.completion(**body("chat", SIMPLE, model="small"))
    assert one.spent + other.spent == one.costs.total
    plain.discard()


def test_in_shadow_everything_goes_where_it_was_sent(town):
    here = town({**TIERING, "mode": "shadow"})
    assert ask(here, "chat", SIMPLE, sync=True, stream=True).startswith(LARGE)
    assert here.calls() == {"sim-large": 1}
    assert here.balanced()


def test_switched_off_it_is_a_plain_router(town):
    here = town({**TIERING, "mode": "off"})
    assert said("chat", here.router.completion(**body("chat", SIMPLE))).startswith(LARGE)
    assert here.router.tiering_decisions() == []


def test_callbacks_that_were_replaced_do_not_lose_a_bill(town):
    here = town()
    litellm.callbacks = [here.costs]
    ask(here, "chat", SIMPLE, sync=True, stream=False)
    assert here.balanced()


# ---------------------------------------------------------------------- readers who stop


LONG = "[[hard]] Tell me all about the capital of France"


@pytest.mark.parametrize("read", [0, 1], ids=["unread", "begun"])
@pytest.mark.parametrize("end", ["close", "forget"])
@pytest.mark.parametrize("model", ["auto", "small"])
@ways
def test_a_stream_that_is_closed_early_is_paid_for(town, surface, sync, model, end, read):
    here = town({**TIERING, "routes": [*TIERING["routes"][:2], PLAIN_ROUTE]})
    more = body(surface, f"{LONG} {REFUSE_SMALL if model == 'auto' else ''}", model=model, stream=True)

    def in_sync():
        stream = getattr(here.router, SYNC[surface])(**more)
        for _ in range(read):
            next(stream)
        if end == "close":
            stream.close()
            assert list(stream) == []

    async def in_async():
        stream = await getattr(here.router, ASYNC[surface])(**more)
        for _ in range(read):
            await stream.__anext__()
        if end == "close":
            await stream.aclose()
            assert [chunk async for chunk in stream] == []
        del stream
        gc.collect()
        assert await here.router.settled(20)

    if sync:
        in_sync()
        gc.collect()
    else:
        run(in_async())
    assert here.balanced()
    assert all(here.costs.paid)


PLAIN_ROUTE = {"name": "plain", "models": ["small"], "classify": False, "tier": "simple"}


@streams
def test_a_call_that_is_cancelled_is_paid_for(town, stream):
    here = town()
    here.provider.faults("slow", model="sim-small", delay_ms=300)

    async def main():
        call = asyncio.ensure_future(here.router.acompletion(**body("chat", SIMPLE, stream=stream)))
        while not here.calls():  # noqa: ASYNC110 - the provider is another process
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await here.router.settled(20)

    run(main())
    assert here.balanced()
    assert here.calls() == {"sim-small": 1}


@pytest.mark.parametrize("model", ["auto", "small"])
def test_a_stream_is_heard_once_so_an_estimate_is_not_doubled(town, monkeypatch, model):
    here = town({**TIERING, "routes": [*TIERING["routes"][:2], PLAIN_ROUTE]})
    overdue, heard = here.router._desk.gateway.overdue, []
    monkeypatch.setattr(
        overdue, "expect", lambda flight, listener, broken=False: heard.append(listener.chars)
    )
    text = said("chat", list(here.router.completion(**body("chat", SIMPLE, model=model, stream=True))))
    here.settle()
    assert heard == [len(text)]


@pytest.mark.parametrize("leaves", [False, True], ids=["reads_on", "leaves"])
@pytest.mark.parametrize("model", ["auto", "small"])
def test_a_reader_that_is_cancelled_loses_no_chunk(slow_provider, costs, leaves, model):
    models = config_for(slow_provider.base_url, None)["model_list"]
    tiering = {**TIERING, "routes": [*TIERING["routes"][:2], PLAIN_ROUTE]}
    here = Town(slow_provider, costs, TieredRouter(models, tiering=tiering, **ROUTER))

    async def main():
        stream = await here.router.acompletion(**body("chat", LONG, model=model, stream=True))
        chunks = []
        with pytest.raises(asyncio.TimeoutError):
            while True:
                chunks.append(await asyncio.wait_for(stream.__anext__(), 0.0001))
        if leaves:
            await stream.aclose()
        before = len(chunks)
        chunks += [chunk async for chunk in stream]
        assert (len(chunks) == before) is leaves
        assert await here.router.settled(20)
        whole = await here.router.acompletion(**body("chat", LONG, model=model))
        assert await here.router.settled(20)
        return said("chat", chunks), said("chat", whole)

    # Closed whatever happens: a router left open would be found by the tests after this one.
    with contextlib.closing(here.router):
        heard, whole = run(main())
        assert whole.startswith(heard)
        assert leaves or heard == whole
        assert here.balanced()
        assert len(costs.paid) == sum(len(d["attempts"]) for d in here.router.tiering_decisions())
        assert all(costs.paid)


# ---------------------------------------------------------------------- what people are told


def test_an_answer_says_what_was_decided(town):
    here = town()
    told = here.router.completion(**body("chat", f"{SIMPLE} {REFUSE_SMALL}"))._hidden_params["tiering"]
    here.settle()
    record = here.router.tiering_decision(told["decision"])
    assert told["tier"] == record["tier"] == "moderate"
    assert told["reasons"] == record["reasons"] == ["rule:easy", "escalation:refusal"]
    assert [a["verdict"] for a in told["attempts"]] == ["refusal", "ok"]
    assert told["cost_usd"] == pytest.approx(record["cost_usd"])
    assert told["baseline_usd"] == pytest.approx(record["baseline_usd"])
    assert here.router.tiering_decision("none") is None
    assert len(here.router.tiering_decisions(0)) == 0


def test_a_stream_says_it_too_once_it_is_over(town):
    here = town()
    stream = here.router.completion(**body("chat", f"{SIMPLE} {REFUSE_SMALL}", stream=True))
    list(stream)
    here.settle()
    told = stream._hidden_params["tiering"]
    assert told["tier"] == "moderate"
    assert round(told["cost_usd"] * 1e9) == here.spent


def test_explain_sends_nothing(town):
    here = town()
    told = here.router.explain(SIMPLE)
    assert (told["tier"], told["reasons"]) == ("simple", ["rule:easy"])
    assert here.router.explain([{"role": "user", "content": SIMPLE}], "hasty")["route"] == "hasty"
    with pytest.raises(ValueError, match="no route"):
        here.router.explain(SIMPLE, "nobody")
    assert here.calls() == {}
    assert here.spent == 0


def test_a_sync_call_on_the_sync_calls_own_loop_is_refused(town):
    here = town()

    async def inside():
        return here.router.completion(**body("chat", SIMPLE))

    with pytest.raises(RuntimeError, match="async"):
        HUB.block(inside())


# ---------------------------------------------------------------------- beginning and end


MODELS = [
    {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "none"}}
    for name in ("small", "medium", "large")
]


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ({"tiers": TIERS[:1]}, "tiers"),
        ({"tiers": [*TIERS[:2], {"name": "complex", "model": "huge"}]}, "huge"),
        ({"tiers": TIERS, "budget": []}, "budget"),
        ("nowhere.yaml", "nowhere.yaml"),
        (None, "configuration"),
    ],
)
def test_a_wrong_section_is_an_error(section, wrong, monkeypatch):
    monkeypatch.delenv("LITELLM_TIERING_CONFIG", raising=False)
    with pytest.raises(ConfigError, match=wrong):
        TieredRouter(MODELS, tiering=section)


@pytest.mark.parametrize("named", ["argument", "variable"])
def test_a_section_in_a_file(tmp_path, monkeypatch, named):
    path = tmp_path / "tiering.yaml"
    path.write_text(json.dumps({"tiering": {"tiers": TIERS}}))
    if named == "variable":
        monkeypatch.setenv("LITELLM_TIERING_CONFIG", str(path))
    router = TieredRouter(MODELS, tiering=None if named == "variable" else path)
    assert router.model_group_alias == {"auto": "large"}
    assert router.tiering_status()["store"]["kind"] == "memory"
    router.close()


def test_an_alias_of_ones_own_stands():
    router = TieredRouter(
        MODELS, tiering={"tiers": TIERS}, model_group_alias={"auto": "medium", "x": "small"}
    )
    assert router.model_group_alias == {"auto": "medium", "x": "small"}
    router.close()


def test_the_store_that_is_named_is_used(tmp_path, town):
    here = town({**TIERING, "store": {"url": f"sqlite:///{tmp_path / 'spend.db'}"}})
    ask(here, "chat", SIMPLE, sync=True, stream=False)
    spent = here.spent
    here.router.close()
    again = town({**TIERING, "store": {"url": f"sqlite:///{tmp_path / 'spend.db'}"}})
    assert again.spent == spent > 0


def test_a_closed_router_says_so(town):
    here = town()
    here.router.close()
    with pytest.raises(RuntimeError, match="closed"):
        here.router.completion(**body("chat", SIMPLE))
    here.router.close()


def test_closing_counts_a_bill_that_does_not_come(town, monkeypatch):
    here = town()

    async def deaf(kwargs, response):
        pass

    monkeypatch.setattr(here.router._desk, "paid", deaf)
    here.router.completion(**body("chat", SIMPLE))
    here.router.close(within_s=0)
    (attempt,) = here.last()["attempts"]
    assert attempt["cost_usd"] > 0


def test_aclose_leaves_no_task_behind(town):
    here = town()

    async def main():
        await here.router.acompletion(**body("chat", f"{SIMPLE} {REFUSE_SMALL}"))
        await here.router.aclose()

    run(main())
    assert round(here.last()["cost_usd"] * 1e9) == here.costs.total > 0


def test_a_router_that_is_forgotten_leaves_nothing_behind(town):
    here = town()
    ask(here, "chat", SIMPLE, sync=True, stream=False)
    loop = HUB._loop
    twin = TieredRouter(MODELS, tiering={"tiers": TIERS})
    here.router.close()
    assert HUB.running
    twin.discard()
    del twin
    eventually(lambda: gc.collect() >= 0 and not HUB.running, "the thread ends")
    cached = litellm.in_memory_llm_clients_cache.cache_dict
    assert not [key for key in cached if str(key).endswith(f"-{id(loop)}")]
