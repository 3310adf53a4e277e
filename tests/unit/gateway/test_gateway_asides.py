"""Questions to the proxy's models: what is sent, in whose name, and what becomes of the answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from litellm_tiering.core.aside import Aside, Chat
from litellm_tiering.core.features import Caller
from litellm_tiering.gateway import asides as module
from litellm_tiering.gateway.apply import ATTEMPT_KEY
from litellm_tiering.gateway.asides import RouterSideCalls

CHAT = Chat("llm", "small", "sort this", '{"question": "q"}', {"type": "object"}, 64)
BLUE = Caller(team="blue")


class Books:
    """Stands in for the asides' books."""

    def __init__(self):
        self.opened, self.told, self.schemaless, self.barred = [], [], set(), False

    def open(self, by, model, caller, route, tags):
        if self.barred:
            return None
        self.opened.append((by, model, caller.team, route, tags))
        return Aside(f"aside-{len(self.opened)}", by, model, 0.0)

    def ended(self, aside, verdict, cost=None):
        aside.verdict = verdict
        self.told.append((aside.id, verdict, cost))


class Router:
    def __init__(self, *answers):
        self.answers, self.sent = list(answers), []

    def get_model_list(self, model_name):
        return [{"litellm_params": {"model": "openai/gpt-4o-mini"}}]

    async def acompletion(self, **kwargs):
        return self._next(kwargs)

    async def aembedding(self, **kwargs):
        return self._next(kwargs)

    def _next(self, kwargs):
        self.sent.append(kwargs)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Refused(Exception):
    status_code = 400


def says(text, cost=0.00002, **hidden):
    return SimpleNamespace(
        choices=[SimpleNamespace(message=SimpleNamespace(content=text))],
        usage=SimpleNamespace(prompt_tokens=10, completion_tokens=2),
        _hidden_params={"response_cost": cost, **hidden},
    )


def vectors(*found):
    return SimpleNamespace(data=[{"embedding": v} for v in found], usage=None, _hidden_params={})


def side(router, data=None, books=None):
    def priced(usd, used, group):
        return int((usd or 0.5e-9) * 1e9) * max(1, used.prompt)

    tags = frozenset({"t"})
    return RouterSideCalls(books or Books(), lambda: router, priced, data or {}, BLUE, "auto", tags)


async def test_a_question_is_sent_once_in_the_callers_name_with_an_id_of_its_own():
    router, books = Router(says("answer")), Books()
    key = {"user_api_key_hash": "h", "user_api_key_team_id": "blue", "model_group": "large"}
    asking = side(router, {"litellm_metadata": {**key, ATTEMPT_KEY: "the request's own"}}, books)
    reply = await asking.chat(CHAT)
    assert reply.text == "answer"
    (sent,) = router.sent
    assert sent["metadata"] == {
        "user_api_key_hash": "h",
        "user_api_key_team_id": "blue",
        ATTEMPT_KEY: "aside-1",
    }
    assert sent["messages"][1] == {"role": "user", "content": CHAT.text}
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("small", 0, 64)
    assert (sent["num_retries"], sent["disable_fallbacks"], sent["drop_params"]) == (0, True, True)
    assert sent["response_format"]["json_schema"]["schema"] == CHAT.schema
    assert books.opened == [("llm", "small", "blue", "auto", {"t"})]
    assert [a.id for a in asking.asides] == ["aside-1"]
    assert books.told == [("aside-1", "ok", 200_000)]


async def test_what_litellm_had_in_its_cache_costs_nothing():
    books = Books()
    await side(Router(says("a", cache_hit=True)), books=books).chat(CHAT)
    assert books.told == [("aside-1", "ok", 0)]


async def test_a_model_that_refuses_the_schema_is_asked_without_it_from_then_on():
    router, books = Router(Refused(), says("a"), says("b")), Books()
    asking = side(router, books=books)
    assert (await asking.chat(CHAT)).text == "a"
    assert (await asking.chat(CHAT)).text == "b"
    assert ["response_format" in sent for sent in router.sent] == [True, False, False]
    assert len({sent["litellm_call_id"] for sent in router.sent}) == 3
    assert books.told[0][1] == "ok"


async def test_a_failure_is_told_and_passes():
    books = Books()
    with pytest.raises(ConnectionError):
        await side(Router(ConnectionError()), books=books).chat(CHAT)
    assert books.told == [("aside-1", "failed", None)]


@pytest.mark.parametrize(
    "answer",
    [
        SimpleNamespace(),
        SimpleNamespace(choices=[]),
        says(None),
        SimpleNamespace(choices=[SimpleNamespace()]),
    ],
)
async def test_an_answer_without_text_is_an_empty_one(answer):
    assert (await side(Router(answer)).chat(CHAT)).text == ""


async def test_where_nothing_may_be_spent_nothing_is_sent():
    books, router = Books(), Router()
    books.barred = True
    asking = side(router, books=books)
    assert asking.chat(CHAT) is None
    assert asking.embed("embedding", "embedder", ["a"]) is None
    assert asking.embed("embedding", "embedder", ["a"], own=False) is None
    assert (router.sent, list(asking.asides)) == ([], [])


async def test_vectors_come_in_the_order_of_their_texts():
    router, books = Router(vectors([1, 0], [0.5, 0.5])), Books()
    found = await side(router, {"metadata": {"user_api_key_hash": "h"}}, books).embed(
        "embedding", "emb", ["a", "b"]
    )
    assert found == [[1.0, 0.0], [0.5, 0.5]]
    assert router.sent[0]["input"] == ["a", "b"]
    assert router.sent[0]["metadata"]["user_api_key_hash"] == "h"


async def test_what_serves_everybody_is_in_nobodys_name():
    router, books = Router(vectors([1, 0])), Books()
    asking = side(router, {"metadata": {"user_api_key_hash": "h"}}, books)
    await asking.embed("embedding", "emb", ["a"], own=False)
    assert router.sent[0]["metadata"] == {ATTEMPT_KEY: "aside-1"}
    assert books.opened == [("embedding", "emb", "", "", frozenset())]
    assert list(asking.asides) == []


@pytest.mark.parametrize(
    "answer",
    [
        SimpleNamespace(),
        vectors(),
        vectors([1.0]),
        vectors([1.0], []),
        vectors([1.0], [1.0, 2.0]),
        vectors([1.0], [float("nan")]),
        vectors([1.0], [float("inf")]),
        vectors([1.0], ["x"]),
        vectors([1.0], "AAAA"),
        vectors([1.0], [None]),
        vectors([0.0] * (module.LONGEST_VECTOR + 1), [0.0] * (module.LONGEST_VECTOR + 1)),
    ],
)
async def test_vectors_that_cannot_be_are_a_fault(answer):
    with pytest.raises(ValueError, match="one vector for each text"):
        await side(Router(answer)).embed("embedding", "emb", ["a", "b"])
