from __future__ import annotations

from types import SimpleNamespace

import pytest

from litellm_tiering.core.features import Surface
from litellm_tiering.gateway import compat
from litellm_tiering.gateway.apply import ATTEMPT_KEY
from litellm_tiering.gateway.upstream import METHODS, RouterUpstream, request_for


class Router:
    """Takes any of the four calls; its groups take what is listed."""

    def __init__(self, error=None):
        self.calls = []
        self.error = error

    def __getattr__(self, name):
        if name not in METHODS.values():
            raise AttributeError(name)

        async def call(**kwargs):
            self.calls.append((name, kwargs))
            if self.error is not None:
                raise self.error
            return f"answer of {kwargs['model']}"

        return call


TAKES = {"medium": {"logprobs", "stream_options"}, "large": set()}


@pytest.fixture(autouse=True)
def _taking(monkeypatch):
    monkeypatch.setattr(compat, "takes", lambda router, group, name: name in TAKES[group])


def body(**more):
    return {"model": "small", "messages": [{"role": "user", "content": "q"}], "metadata": {"a": 1}, **more}


async def call(data, model="medium", *, surface=Surface.CHAT, added=(), router=None):
    heard = []
    router = router or Router()
    upstream = RouterUpstream(
        data, surface, frozenset(added), lambda *told: heard.append(told), router=lambda: router
    )
    answer = await upstream.call(model, "attempt-2")
    assert heard == [("attempt-2", answer)]
    return router.calls[0]


@pytest.mark.parametrize("surface", Surface)
async def test_a_request_goes_to_another_group_by_the_method_of_its_api(surface):
    name, sent = await call(body(temperature=0.5), surface=surface)
    assert name == METHODS[surface]
    assert (sent["model"], sent["temperature"], sent["messages"]) == ("medium", 0.5, body()["messages"])


async def test_what_a_call_raises_is_raised_and_nobody_is_told_of_an_answer():
    heard = []
    router = Router(error=ValueError("503"))
    upstream = RouterUpstream(
        body(), Surface.CHAT, frozenset(), lambda *told: heard.append(told), router=lambda: router
    )
    with pytest.raises(ValueError, match="503"):
        await upstream.call("medium", "attempt-2")
    assert heard == []


def test_nothing_that_belongs_to_the_call_before_is_sent_again():
    logged = SimpleNamespace(litellm_trace_id="trace")
    left = dict.fromkeys(compat.CALL_STATE, "of the first call")
    data = body(**{**left, "litellm_logging_obj": logged, "litellm_call_id": "call-1"})
    found = request_for(data, "medium", "attempt-2")
    assert "litellm_logging_obj" not in found
    assert "of the first call" not in found.values()
    assert found["litellm_call_id"] != "call-1"
    assert found["litellm_trace_id"] == "trace", "both belong to one trace"
    assert found["litellm_call_id"] != request_for(data, "medium", "attempt-3")["litellm_call_id"]


def test_a_trace_that_the_client_named_stands():
    data = body(litellm_logging_obj=SimpleNamespace(litellm_trace_id="made up"), litellm_trace_id="its own")
    assert request_for(data, "medium", "x")["litellm_trace_id"] == "its own"
    odd = body(litellm_logging_obj=SimpleNamespace(litellm_trace_id=7))
    assert "litellm_trace_id" not in request_for(odd, "medium", "x")


@pytest.mark.parametrize("name", ["metadata", "litellm_metadata"])
def test_each_call_has_metadata_of_its_own_with_its_attempt(name):
    mine = {"team": "blue", ATTEMPT_KEY: "attempt-1", "model_group": "small", "deployment": "d"}
    data = {"model": "small", name: mine, "messages": []}
    before = {name: dict(mine)}
    found = request_for(data, "medium", "attempt-2")
    assert found[name] == {"team": "blue", ATTEMPT_KEY: "attempt-2"}
    assert data[name] == before[name]
    found[name]["model_group"] = "medium"
    assert mine["model_group"] == "small"


def test_metadata_of_the_clients_own_stays_the_clients():
    data = {"model": "small", "metadata": {"user_id": "u"}, "litellm_metadata": {"team": "blue"}}
    found = request_for(data, "medium", "attempt-2")
    assert found["metadata"] == {"user_id": "u"}
    assert found["litellm_metadata"][ATTEMPT_KEY] == "attempt-2"


@pytest.mark.parametrize("metadata", [None, "x", []])
def test_metadata_of_another_kind_is_replaced(metadata):
    found = request_for({"model": "small", "metadata": metadata}, "medium", "attempt-2")
    assert found["metadata"] == {ATTEMPT_KEY: "attempt-2"}


@pytest.mark.parametrize(("group", "sent"), [("medium", True), ("large", None)])
async def test_log_probabilities_are_asked_of_groups_that_give_them(group, sent):
    _, found = await call(body(logprobs=True), group, added={"logprobs"})
    assert found.get("logprobs") is sent
    _, asked = await call(body(logprobs=True), group)
    assert asked["logprobs"] is True, "what the client asked for goes with it"


@pytest.mark.parametrize("group", ["medium", "large"])
async def test_a_stream_is_asked_for_its_usage_whatever_its_group_takes(group):
    # LiteLLM sends it to no provider that has none; a fallback within the attempt may go to one that has.
    for asked in (body(stream=True), body(stream=True, stream_options={"include_usage": True})):
        _, found = await call(asked, group, added={"stream_options"})
        assert found["stream_options"] == {"include_usage": True}


async def test_what_the_client_wants_of_its_stream_stands():
    wanted = {"include_usage": False}
    _, found = await call(body(stream=True, stream_options=wanted))
    assert found["stream_options"] == wanted
    _, whole = await call(body())
    assert "stream_options" not in whole


@pytest.mark.parametrize("surface", [Surface.COMPLETION, Surface.MESSAGES, Surface.RESPONSES])
async def test_other_apis_are_sent_on_as_they_are(surface):
    _, found = await call(body(stream=True), surface=surface)
    assert "stream_options" not in found
