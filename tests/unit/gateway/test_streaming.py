from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from litellm_tiering.core.features import Surface
from litellm_tiering.gateway.streaming import (
    as_asked,
    drop_logprobs,
    restamped,
    restamped_sse,
    without_logprobs,
)


class Source:
    """A stream that tells whether it was closed."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.chunks:
            raise StopAsyncIteration
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    async def aclose(self):
        self.closed = True


class Event(SimpleNamespace):
    """As pydantic's models copy themselves."""

    def model_copy(self, update):
        return Event(**{**vars(self), **update})


async def every(stream):
    return [chunk async for chunk in stream]


def start(**message):
    return (
        b"event: message_start\ndata: " + json.dumps({"type": "message_start", "message": message}).encode()
    )


@pytest.mark.parametrize("surface", Surface)
@pytest.mark.parametrize("name", ["", "auto"])
@pytest.mark.parametrize("logprobs", [True, False])
def test_a_stream_with_nothing_to_do_is_itself(surface, name, logprobs):
    source = Source()
    renamed = name and surface in (Surface.RESPONSES, Surface.MESSAGES)
    same = as_asked(source, surface, name, logprobs=logprobs) is source
    assert same is (logprobs and not renamed)


WRAPPERS = {
    "responses": lambda s: restamped(s, "auto"),
    "messages": lambda s: restamped_sse(s, "auto"),
    "chat": without_logprobs,
}


@pytest.mark.parametrize("name", WRAPPERS)
async def test_a_stream_is_closed_with_whoever_reads_it(name):
    for leave in (True, False):
        source = Source("a", "b", "c")
        stream = WRAPPERS[name](source)
        if leave:
            assert await anext(stream) == "a"
            await stream.aclose()
        else:
            assert await every(stream) == ["a", "b", "c"]
        assert source.closed


@pytest.mark.parametrize("name", WRAPPERS)
async def test_what_breaks_a_stream_passes_and_it_is_closed(name):
    source = Source("a", OSError("cut"))
    with pytest.raises(OSError, match="cut"):
        await every(WRAPPERS[name](source))
    assert source.closed


async def test_a_response_is_named_as_it_was_asked_for_and_the_original_is_left():
    inner = Event(model="sim-large", id="r")
    events = [Event(response=inner), Event(delta="x"), Event(response=Event(model="auto")), {"response": 7}]
    found = await every(restamped(Source(*events), "auto"))
    assert (found[0].response.model, found[0].response.id) == ("auto", "r")
    assert inner.model == "sim-large", "LiteLLM prices by it"
    assert found[1:] == events[1:]


async def test_only_the_first_event_of_a_message_is_renamed():
    later = b'data: {"type":"content_block_delta","delta":{"text":"message_start"}}\n\n'
    first, second, third = await every(
        restamped_sse(Source(b": ping\n\n", start(model="m") + b"\n\n", later), "auto")
    )
    assert first == b": ping\n\n"
    assert b'"model":"auto"' in second
    assert second.endswith(b"\n\n")
    assert third == later


@pytest.mark.parametrize(
    "odd",
    [
        b"data: message_start {",
        b'data: ["message_start"]',
        b'data: "message_start"',
        b'data: {"type": "message_start"}',
        b'data: {"type": "message_start", "message": []}',
        b'data: {"type": "message_start", "message": \xff}',
        b'data: {"type": "message_start", "x": ' + b"[" * 200_000,
        "message_start",
        {"type": "message_start"},
        None,
    ],
    ids=range(10),
)
async def test_an_event_that_cannot_be_read_passes_as_it_is(odd):
    assert await every(restamped_sse(Source(odd, b"x"), "auto")) == [odd, b"x"]


async def test_what_only_we_asked_for_is_taken_out_of_a_stream():
    chunk = SimpleNamespace(choices=[SimpleNamespace(logprobs={"content": [1]}, delta="x")])
    as_dict = {"choices": [{"logprobs": {}, "delta": "x"}, {"delta": "y"}, 7]}
    odd = {"choices": None}
    assert await every(without_logprobs(Source(chunk, as_dict, odd, 7))) == [chunk, as_dict, odd, 7]
    assert chunk.choices[0].logprobs is None
    assert as_dict == {"choices": [{"delta": "x"}, {"delta": "y"}, 7]}


def test_an_answer_without_log_probabilities_is_not_written_to():
    class Frozen:
        logprobs = None
        __slots__ = ()

    drop_logprobs(SimpleNamespace(choices=[Frozen()]))
