"""Whatever the cheap tier answers, the client fares no worse than without us, and the books are closed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

import httpx
import pytest
from houses import CASCADE, CASCADE_ROUTER, House, eventually, house
from scripted import serve_scripted

from litellm_tiering.testing.proxy import config_for, serve_proxy

PROMPT = "What is the capital of France? zanzibar-4711-orchid"
WORD = "quetzal-0815-lagoon"
OTHER_WORD = "axolotl-1623-basin"
ESCALATED = "The capital of France is Paris."

PATHS = {
    "chat": "/v1/chat/completions",
    "completion": "/v1/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}


def chat(message: dict, finish: object = "stop", **more) -> dict:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **more}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "sim-small", "choices": [choice]}


def chunk(delta: dict, finish: object = None, **more) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    found = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "sim-small"}
    return b"data: " + json.dumps({**found, "choices": [choice]}).encode() + b"\n\n"


END = [chunk({}, "stop"), b"data: [DONE]\n\n"]
LONG = f"{WORD} " + "and so on " * 200_000
MANY = [
    {"index": i, "id": f"t{i}", "type": "function", "function": {"name": "w", "arguments": "{}"}}
    for i in range(5_000)
]
JUNK = bytes(range(256)) * 40
DEEP = b"[" * 50_000
ODD = {"content": WORD, "tool_calls": [{"index": [], "function": 7}], "refusal": {"a": 1}}


@dataclass(frozen=True)
class Answer:
    """What the cheap tier answers, whole and in pieces."""

    whole: bytes
    pieces: list[bytes]


ANSWERS = {
    "two megabytes": Answer(json.dumps(chat({"content": LONG})).encode(), [chunk({"content": LONG}), *END]),
    "two megabytes in pieces": Answer(
        json.dumps(chat({"content": LONG})).encode(),
        [*(chunk({"content": LONG[at : at + 4_000]}) for at in range(0, len(LONG), 4_000)), *END],
    ),
    "binary junk": Answer(JUNK, [JUNK]),
    "invalid utf-8": Answer(
        json.dumps(chat({"content": f"{WORD} @"})).encode().replace(b"@", b"\xff\xfe"),
        [chunk({"content": WORD}), chunk({"content": "@"}).replace(b"@", b"\xff\xfe"), *END],
    ),
    "malformed json": Answer(
        f'{{"choices": [{{"message": "{WORD}'.encode(),
        [chunk({"content": WORD}), f'data: {{"choices": [{{"{WORD}\n\n'.encode(), *END],
    ),
    "five thousand tool calls": Answer(
        json.dumps(chat({"content": None, "tool_calls": MANY}, "tool_calls")).encode(),
        [chunk({"tool_calls": MANY}), chunk({}, "tool_calls"), b"data: [DONE]\n\n"],
    ),
    "nothing at all": Answer(b"", []),
    "no event but the end": Answer(b"{}", [b"data: [DONE]\n\n"]),
    "no choices": Answer(
        json.dumps({**chat({}), "choices": []}).encode(),
        [b'data: {"id": "c", "object": "chat.completion.chunk", "choices": []}\n\n', *END],
    ),
    "two thousand characters, one by one": Answer(
        json.dumps(chat({"content": "x" * 2_000})).encode(),
        [*([chunk({"content": "x"})] * 2_000), *END],
    ),
    "fields of other kinds": Answer(
        json.dumps(chat(ODD, {"a": []}, logprobs={"content": 7})).encode(),
        [chunk(ODD, [], logprobs={"content": [{"logprob": 10**400}]}), *END],
    ),
    "surrogates and zeros": Answer(
        json.dumps(chat({"content": f"{WORD}\ud800\x00\ufffe"})).encode(),
        [chunk({"content": f"{WORD}\ud800\x00\ufffe"}), *END],
    ),
    "deep nesting": Answer(DEEP, [b"data: " + DEEP + b"\n\n", *END]),
}


@pytest.fixture(scope="module")
def upstream():
    with serve_scripted() as running:
        yield running


def groups(provider, upstream) -> list[dict]:
    found = config_for(provider.base_url, None)["model_list"]
    found[0]["litellm_params"]["api_base"] = f"{upstream.base_url}/v1"
    return found


WAYS = pytest.mark.parametrize(
    ("hostile_house", "stream"),
    [("prefix", False), ("prefix", True), ("buffer", True)],
    ids=["whole", "stream", "held stream"],
    indirect=["hostile_house"],
)
"""Whole answers know no way to hold a stream."""


@pytest.fixture(scope="module")
def house_by_way(provider, upstream, tmp_path_factory):
    """A house for each way to hold a stream, once it is asked for, until the last test."""
    running: dict[str, House] = {}
    with contextlib.ExitStack() as stack:

        def opened(way: str) -> House:
            if way not in running:
                tiering = {**CASCADE, "cascade": {"stream": way, "bypass_above": 1.0}}
                sections = {**CASCADE_ROUTER, "model_list": groups(provider, upstream)}
                folder = tmp_path_factory.mktemp("hostile")
                running[way] = stack.enter_context(house(provider, folder, tiering, **sections))
            return running[way]

        yield opened


@pytest.fixture
def hostile_house(request, house_by_way) -> House:
    return house_by_way(request.param)


class Plain:
    """The same proxy without the plugin, started anew where an answer has ended it.

    Some of these answers now and then crash its interpreter, in one of the extension modules beneath LiteLLM.
    """

    def __init__(self, config: dict) -> None:
        self._config = config
        self._running = contextlib.ExitStack()
        self._said = ""
        self._known: dict[tuple[str, str, bool], Got] = {}
        self._start()

    def _start(self) -> None:
        self.proxy = self._running.enter_context(serve_proxy(self._config))

    def told(self, name: str, surface: str, stream: bool) -> Got:
        """What comes of an answer; asked once, whichever of our ways it is compared with."""
        key = (name, surface, stream)
        if key not in self._known:
            self._known[key] = self._ask(surface, stream)
        return self._known[key]

    def _ask(self, surface: str, stream: bool) -> Got:
        try:
            return ask(self.proxy, surface, stream)
        except httpx.ConnectError:
            assert self.proxy.process.popen.poll() is not None
        self._said += self.proxy.process.text()
        self.close()
        self._start()
        return ask(self.proxy, surface, stream)

    def text(self) -> str:
        return self._said + self.proxy.process.text()

    def close(self) -> None:
        self._running.close()


@pytest.fixture(scope="module")
def plain_proxy(provider, upstream):
    router = {**CASCADE_ROUTER["router_settings"], "model_group_alias": {"auto": "small"}}
    config = config_for(
        provider.base_url, None, model_list=groups(provider, upstream), router_settings=router
    )
    with contextlib.closing(Plain(config)) as running:
        yield running


@dataclass(frozen=True)
class Got:
    """What came of a request: its status, the text, and whether it ended as it should."""

    status: int
    text: str
    sound: bool


def ask(proxy, surface: str, stream: bool, **more) -> Got:
    prompt = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 400}
    if surface == "completion":
        prompt = {"prompt": PROMPT, "max_tokens": 400}
    if surface == "responses":
        prompt = {"input": PROMPT, "max_output_tokens": 400}
    try:
        answer = proxy.client.post(PATHS[surface], json={"model": "auto", "stream": stream, **prompt, **more})
    except httpx.RemoteProtocolError:
        return Got(0, "", sound=False)
    if stream:
        return streamed(answer)
    try:
        return Got(answer.status_code, text_of(answer.json()), sound=answer.status_code == 200)
    except ValueError:
        return Got(answer.status_code, "", sound=False)


def text_of(found: dict) -> str:
    """The text of an answer in any of the four APIs."""
    choices = found.get("choices") or [{}]
    message = choices[0].get("message") or {}
    blocks = [*(found.get("content") or ()), *(p for o in found.get("output") or () for p in parts(o))]
    texts = [message.get("content"), choices[0].get("text"), *(b.get("text") for b in blocks)]
    return "".join(t for t in texts if t)


def parts(item: dict) -> list[dict]:
    return item.get("content") or []


def streamed(answer: httpx.Response) -> Got:
    text, sound = "", answer.status_code == 200
    for line in answer.text.split("\n"):
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        event = json.loads(line[len("data: ") :])
        sound = sound and "error" not in event and event.get("type") != "error"
        delta = event.get("delta")
        choice = (event.get("choices") or [{}])[0]
        pieces = [
            (choice.get("delta") or {}).get("content"),
            choice.get("text"),
            delta if isinstance(delta, str) else (delta or {}).get("text"),
        ]
        text += "".join(p for p in pieces if p)
    return Got(answer.status_code, text, sound)


HEAVY = {"two megabytes", "two megabytes in pieces", "two thousand characters, one by one"}
ASKED = [(n, s) for n in ANSWERS for s in PATHS if s == "chat" or n not in HEAVY]


@WAYS
@pytest.mark.parametrize(("name", "surface"), ASKED)
def test_a_client_fares_no_worse_than_without_us(hostile_house, plain_proxy, upstream, name, surface, stream):
    upstream.whole, upstream.pieces = ANSWERS[name].whole, ANSWERS[name].pieces
    plain = plain_proxy.told(name, surface, stream)
    ours = ask(hostile_house.proxy, surface, stream)
    if plain.sound:
        assert ours.sound, (plain.status, ours.status)
        assert ours.text == plain.text or ours.text.startswith(ESCALATED)
    else:
        assert ours.status == plain.status or ours.sound
    check_next(hostile_house, upstream, surface)
    books_are_closed(hostile_house)
    for word in (WORD, PROMPT.rsplit(maxsplit=1)[-1]):
        # What LiteLLM writes of an answer that it cannot read is not ours.
        assert word not in hostile_house.proxy.process.text() or word in plain_proxy.text()


def books_are_closed(running) -> None:
    eventually(lambda: running.budget()["reserved_usd"] == 0, "nothing is held", 40)
    # That the cheap tier is often rejected is true, and no fault of ours.
    assert not [a for a in running.proxy.status()["alarms"] if "fault" in a]
    eventually(lambda: running.proxy.status()["background"] == 0, "nothing runs on")


def check_next(running, upstream, surface: str) -> None:
    """The next request works."""
    upstream.whole = json.dumps(chat({"content": "Paris."})).encode()
    upstream.pieces = [chunk({"content": "Paris."}), *END]
    if surface == "chat":
        for stream in (False, True):
            assert ask(running.proxy, "chat", stream) == Got(200, "Paris.", sound=True)


def nested(depth: int) -> dict:
    """A schema that branches at each level: all of it would be 2 to the power of ``depth`` checks."""
    found: dict = {"type": "integer"}
    for _ in range(depth):
        found = {"anyOf": [found, {"allOf": [found]}]}
    return found


SCHEMAS = {
    "no schema": {"type": 7, "properties": [], "required": "x"},
    "itself": {"$ref": "#"},
    "each other": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    "elsewhere": {"$ref": "http://127.0.0.1:9/schema.json"},
    "a slow pattern": {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}},
    "explosive": nested(12),
    "explosive by reference": {
        "$ref": "#/$defs/n0",
        "$defs": {
            f"n{i}": {"anyOf": [{"$ref": f"#/$defs/n{i + 1}"}] * 2} if i < 30 else {"type": "integer"}
            for i in range(31)
        },
    },
}


@WAYS
@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_cannot_be_checked_fails_no_request(hostile_house, upstream, name, stream):
    text = json.dumps({"a": "a" * 60 + "!", "word": OTHER_WORD})
    upstream.whole = json.dumps(chat({"content": text})).encode()
    upstream.pieces = [chunk({"content": text}), *END]
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMAS[name]}}
    got = ask(hostile_house.proxy, "chat", stream, response_format=form)
    assert got.sound
    assert got.text
    books_are_closed(hostile_house)
    assert OTHER_WORD not in hostile_house.proxy.process.text()
