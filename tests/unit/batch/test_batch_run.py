from __future__ import annotations

import asyncio
import contextlib
import json

import httpx
import pytest
from batch_kit import Clock, Told, results, scripted, source_of, talking

from litellm_tiering.batch.answers import BUDGET
from litellm_tiering.batch.calls import Calls
from litellm_tiering.batch.journal import Journal, JournalError
from litellm_tiering.batch.pace import Stopped
from litellm_tiering.batch.run import Manner, Run
from litellm_tiering.batch.sorting import Sorter, homes_in
from litellm_tiering.cli.settings import settings_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.testing.provider import ScriptedFault, create_app

PROXY = {
    "model_list": [
        {"model_name": "small", "litellm_params": {"model": "openai/sim-small"}},
        {"model_name": "medium", "litellm_params": {"model": "anthropic/sim-medium"}},
        {"model_name": "large", "litellm_params": {"model": "azure/sim-large"}},
    ]
}
RULES = [
    {
        "kind": "rules",
        "rules": [
            {"name": "e", "when": {"any_keyword": ["easyplease"]}, "tier": "simple"},
            {"name": "m", "when": {"any_keyword": ["middleplease"]}, "tier": "moderate"},
            {"name": "h", "when": {"any_keyword": ["hardplease"]}, "tier": "complex"},
        ],
    },
    {"kind": "heuristic"},
]
SECTION = {
    "tiers": [
        {"name": "simple", "model": "small"},
        {"name": "moderate", "model": "medium"},
        {"name": "complex", "model": "large"},
    ],
    "classifiers": RULES,
    "store": {"url": "memory://"},
}
EASY = {"prompt": "easyplease: what is the capital of France?"}
MIDDLE = {"prompt": "middleplease: what is the capital of Spain?"}
HARD = {"prompt": "hardplease: what is the capital of Italy?"}


def sorter(section=None, proxy=None):
    settings = build(from_mapping({**SECTION, **(section or {})}).config)
    facts = (TierFacts(Price(known=False)),) * len(settings.ladder)
    return Sorter(settings, facts, homes_in(proxy or PROXY, {}))


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "journal")
    yield opened
    opened.close()


@pytest.fixture
def run(journal, tmp_path):
    """Runs lines against a handler: who followed it."""

    async def _run(source, handler, *, mode="calls", by=None, clock=None, halted=None, told=None, **more):
        told = told or Told()
        halted = halted or asyncio.Event()
        proxy = talking(handler, clock or Clock(), halted=halted, **more)
        manner = Manner(mode, concurrency=4, poll_s=5.0, folder=tmp_path)
        await Run(source, journal, proxy, manner, told, sorter=by, halted=halted).go()
        return told

    return _run


class Provider:
    """The simulated provider, under the proxy's names, with a chance to look at and answer requests first."""

    def __init__(self, faults=(), first=None):
        self._app = httpx.ASGITransport(app=create_app(faults=faults))
        self._first = first
        self.seen = []

    def count(self, start):
        return sum(said.startswith(start) for said in self.seen)

    async def __call__(self, request):
        self.seen.append(f"{request.method} {request.url.path}")
        raw = await request.aread()
        if self._first is not None and (answer := self._first(request, raw)) is not None:
            return answer
        if request.url.path.startswith("/v1/chat"):
            body = json.loads(raw)
            names = {"small": "sim-small", "medium": "sim-medium", "large": "sim-large"}
            raw = json.dumps({**body, "model": names.get(body["model"], "sim-large")}).encode()
        headers = {"content-type": request.headers.get("content-type", "")}
        sent = httpx.Request(request.method, request.url, content=raw, headers=headers)
        return await self._app.handle_async_request(sent)


async def test_every_line_is_answered_in_order(run, journal):
    lines = [{"prompt": f"What is {i} plus 2?", "id": f"q{i}", "model": "small"} for i in range(50)]
    told = await run(source_of(*lines), Provider())
    found = results(journal)
    assert [x["id"] for x in found] == [f"q{i}" for i in range(50)]
    assert all(
        str(i + 2) in x["response"]["body"]["choices"][0]["message"]["content"] for i, x in enumerate(found)
    )
    assert (told.total, told.before, len(told.answers)) == (50, 0, 50)


async def test_bad_lines_and_failures_are_told_apart_from_answers(run, journal):
    def answer(request):
        if b"forbidden" in request.content:
            return httpx.Response(403, json={"error": {"message": "no", "type": "permission_error"}})
        return httpx.Response(200, json={"fine": True}, headers={"x-tiering-cost-usd": "0.000000007"})

    await run(source_of({"prompt": "a"}, {"nothing": 1}, {"prompt": "forbidden"}), answer)
    first, second, third = results(journal)
    assert (first["error"], first["cost_usd"]) == (None, 7e-9)
    assert (second["error"]["type"], second["response"]) == ("bad_line", None)
    assert third["error"] == {"status": 403, "type": "permission_error", "message": "no"}


async def test_only_what_has_no_answer_is_asked_again(run, journal):
    broken = {3, 5}

    def answer(request):
        number = int(json.loads(request.content)["n"])
        return httpx.Response(400 if number in broken else 200, json={"n": number})

    source = source_of(*({"prompt": "x", "n": i} for i in range(8)))
    assert sum(not a.ok for a in (await run(source, answer)).answers) == 2
    broken.clear()
    told = await run(source, answer)
    assert (told.before, sorted(a.line for a in told.answers)) == (6, [4, 6])
    assert [x["response"]["body"]["n"] for x in results(journal)] == list(range(8))


async def test_a_run_that_stops_keeps_what_it_has_and_goes_on(run, journal):
    source = source_of(*({"prompt": "x", "n": i} for i in range(20)))
    alive = 7

    def answer(_):
        nonlocal alive
        alive -= 1
        if alive < 0:
            raise httpx.ConnectError("gone")
        return httpx.Response(200, json={"n": 1})

    with pytest.raises(Stopped):
        await run(source, answer, tries=2)
    assert len(journal.answered()) == 7
    alive = 100
    told = await run(source, answer)
    assert len(told.answers) == 13
    assert len(results(journal)) == 20


async def test_a_halt_lets_what_is_under_way_end(run, journal):
    halted = asyncio.Event()
    asked = []

    def answer(request):
        asked.append(request)
        if len(asked) == 5:
            halted.set()
        return httpx.Response(200, json={})

    with contextlib.suppress(Stopped):
        await run(source_of(*({"prompt": "x"} for _ in range(50))), answer, halted=halted)
    assert len(journal.answered()) == len(asked) < 12


async def test_a_budget_is_reported_and_not_waited_for(run, journal):
    over = (429, {"error": {"message": "over", "type": BUDGET}}, {"retry-after": "999"})
    clock = Clock()
    await run(source_of({"prompt": "a"}, {"prompt": "b"}), scripted(over), clock=clock)
    assert [x["error"]["type"] for x in results(journal)] == [BUDGET, BUDGET]
    assert clock.slept == []


async def test_lines_go_to_the_batch_of_their_tier_and_the_rest_as_calls(run, journal):
    provider = Provider()
    source = source_of(*[EASY, MIDDLE, HARD] * 4, model="auto")
    told = await run(source, provider, mode="auto", by=sorter())
    assert sorted(told.batches) == [("large", 4), ("small", 4)]
    assert provider.count("POST /v1/chat/completions") == 4
    found = results(journal)
    assert [x["tier"] for x in found] == ["simple", None, "complex"] * 4
    words = ["Paris", "Madrid", "Rome"]
    for i, x in enumerate(found):
        assert words[i % 3] in x["response"]["body"]["choices"][0]["message"]["content"]
        assert bool(x["batch"]) == (i % 3 != 1)


async def test_a_batch_is_not_asked_about_after_its_end(run):
    provider = Provider()
    await run(source_of(EASY), provider, mode="batches", by=sorter())
    assert provider.count("GET /v1/batches/") == 2, (
        "it ends at the second look; LiteLLM counts each later one"
    )


async def test_lines_that_fail_in_a_batch_say_why_and_are_asked_again(run, journal):
    fault = ScriptedFault("status", model="sim-small", status=500, times=1)
    provider = Provider(faults=[fault])
    source = source_of(*[{**EASY, "n": 1}] * 5)
    await run(source, provider, mode="batches", by=sorter())
    failed = [x for x in results(journal) if x["error"]]
    assert [x["error"]["status"] for x in failed] == [500]
    told = await run(source, provider, mode="batches", by=sorter())
    assert told.before == 4
    assert [a.ok for a in told.answers] == [True]
    assert all(x["error"] is None for x in results(journal))


@pytest.mark.parametrize("status", [400, 403, 404, 501])
async def test_a_provider_without_batches_is_asked_line_by_line(run, journal, status):
    def first(request, _):
        return httpx.Response(status, json={}) if request.url.path == "/v1/files" else None

    provider = Provider(first=first)
    told = await run(source_of(EASY, EASY), provider, mode="auto", by=sorter())
    assert told.lonely == [("small", status)]
    assert provider.count("POST /v1/chat/completions") == 2
    assert all(x["response"] for x in results(journal))


async def test_batches_alone_means_no_calls_in_their_place(run, journal):
    provider = Provider(
        first=lambda r, _: httpx.Response(404, json={}) if r.url.path == "/v1/files" else None
    )
    await run(source_of(EASY), provider, mode="batches", by=sorter())
    assert provider.count("POST /v1/chat/completions") == 0
    assert results(journal)[0]["error"]["status"] == 404


async def test_a_provider_that_is_busy_is_not_abandoned_for_dearer_calls(run, journal):
    provider = Provider(
        first=lambda r, _: httpx.Response(503, json={}) if r.url.path == "/v1/files" else None
    )
    with pytest.raises(Stopped):
        await run(source_of(EASY), provider, mode="auto", by=sorter(), tries=2)
    assert results(journal) == []


@pytest.mark.parametrize(
    "moment", ["POST /v1/files", "POST /v1/batches", "GET /v1/batches/", "GET /v1/files/"]
)
async def test_a_run_killed_at_any_step_asks_for_one_batch_in_all(run, journal, moment):
    """The answer to that step never arrives, and the process is gone."""

    class Killed(BaseException):
        pass

    provider = Provider()

    class Deadly:
        armed = True

        async def __call__(self, request):
            said = f"{request.method} {request.url.path}"
            answer = await provider(request)
            if self.armed and said.startswith(moment):
                raise Killed
            return answer

    deadly = Deadly()
    source = source_of(EASY, EASY, EASY)
    with pytest.raises(Killed):
        await run(source, deadly, mode="batches", by=sorter())
    deadly.armed = False
    await run(source, deadly, mode="batches", by=sorter())
    assert provider.count("POST /v1/batches") == 1
    assert [bool(x["response"]) for x in results(journal)] == [True] * 3
    if moment == "GET /v1/files/":
        assert provider.count("GET /v1/batches/") == 2, "that it has ended was written down"


async def test_a_batch_whose_creation_broke_off_is_looked_for_before_it_is_asked_for_again(run, journal):
    broke = []

    provider = Provider()

    async def cut(request):
        answer = await provider(request)
        if not broke and (request.method, request.url.path) == ("POST", "/v1/batches"):
            broke.append(1)
            raise httpx.ReadError("cut")
        return answer

    await run(source_of(EASY), cut, mode="batches", by=sorter())
    assert provider.count("POST /v1/batches") == 1
    assert results(journal)[0]["response"]


async def test_a_batch_that_the_provider_refuses_fails_its_lines_with_its_reason(run, journal):
    def first(request, _):
        if request.method == "GET" and request.url.path.startswith("/v1/batches/"):
            errors = {"data": [{"message": "quota"}]}
            return httpx.Response(200, json={"id": "b", "status": "failed", "errors": errors})
        return None

    await run(source_of(EASY), Provider(first=first), mode="batches", by=sorter())
    error = results(journal)[0]["error"]
    assert error["type"] == "batch_failed"
    assert "failed (quota)" in error["message"]


async def test_what_a_batch_says_of_lines_that_nobody_asked_is_left_out(run, journal):
    def first(request, _):
        if request.url.path.endswith("/content"):
            answer = {"custom_id": "line-1", "response": {"status_code": 200, "body": {"a": 1}}}
            others = [
                b"nonsense",
                b"[]",
                b'{"custom_id": 3}',
                b'{"custom_id": "line-77"}',
                json.dumps(answer).encode(),
            ]
            return httpx.Response(200, content=b"\n".join(others))
        return None

    await run(source_of(EASY), Provider(first=first), mode="batches", by=sorter())
    (found,) = results(journal)
    assert found["response"]["body"] == {"a": 1}


async def test_a_download_that_breaks_off_is_begun_again(run, journal):
    broken = []

    async def half():
        yield b'{"custom_id": "line-1", "response": {"status_code": 200, "body": {"half": 1}}}\n{"cus'
        raise httpx.ReadError("cut")

    def first(request, _):
        if request.url.path.endswith("/content") and not broken:
            broken.append(1)
            return httpx.Response(200, content=half())
        return None

    told = await run(source_of(EASY, EASY), Provider(first=first), mode="batches", by=sorter())
    assert sorted(a.line for a in told.answers) == [1, 2], "each is told of once"
    assert all(x["response"] for x in results(journal))


def test_only_groups_of_one_model_with_a_batch_api_have_a_home():
    def group(name, model, **params):
        return {"model_name": name, "litellm_params": {"model": model, **params}}

    listed = [
        group("openai", "openai/gpt"),
        group("bare", "gpt-5-nano"),
        group("azure", "azure/deployed"),
        group("named", "my-model", custom_llm_provider="openai"),
        group("from-env", "os.environ/MODEL"),
        group("anthropic", "anthropic/claude"),
        group("openrouter", "openrouter/openai/gpt"),
        group("wild/*", "openai/*"),
        group("twice", "openai/gpt"),
        group("twice", "openai/gpt"),
        group("mixed", "openai/gpt"),
        group("mixed", "azure/gpt"),
        group("differ", "openai/gpt"),
        group("differ", "openai/gpt-mini"),
        {"model_name": "broken"},
        "nonsense",
    ]
    assert homes_in({"model_list": listed}, {"MODEL": "openai/from-env"}) == {
        "openai": "gpt",
        "bare": "gpt-5-nano",
        "azure": "deployed",
        "named": "my-model",
        "from-env": "from-env",
        "twice": "gpt",
    }


async def placed(by, line):
    (ask,) = source_of(line)()
    return await by.place(ask)


async def test_a_line_is_placed_where_the_proxy_would_send_it():
    by = sorter()
    assert (await placed(by, EASY)).model == "small"
    assert (await placed(by, HARD))[:3] == ("large", "complex", "sim-large")
    assert await placed(by, MIDDLE) is None, "its provider has no batches"
    assert (await placed(by, {**HARD, "model": "small"})).model == "small", "asked for by name"
    assert await placed(by, {**EASY, "model": "elsewhere"}) is None
    chat = {"messages": [{"role": "user", "content": "easyplease"}], "max_tokens": 5}
    assert await placed(by, {"url": "/v1/messages", "body": chat}) is None, "no batch of OpenAI's takes these"


async def test_in_shadow_the_proxy_says_where_a_line_goes():
    assert await placed(sorter({"mode": "shadow"}), EASY) is None
    assert await placed(sorter({"mode": "off"}), EASY) is None


async def test_the_default_ladder_sorts_too():
    by = Sorter(settings_of(None), (TierFacts(Price(known=False)),) * 3, {"small": "sim-small"})
    assert (await placed(by, {"prompt": "hi"})).model == "small"


async def test_a_part_is_bounded(run, monkeypatch, journal):
    monkeypatch.setattr("litellm_tiering.batch.sorting.MAX_PART_LINES", 2)
    told = await run(source_of(*[EASY] * 5), Provider(), mode="batches", by=sorter())
    assert [lines for _, lines in told.batches] == [2, 2, 1]
    assert all(x["response"] for x in results(journal))


async def test_a_part_is_bounded_in_bytes_as_well(run, monkeypatch):
    monkeypatch.setattr("litellm_tiering.batch.sorting.MAX_PART_BYTES", 500)
    told = await run(source_of(*[EASY] * 5), Provider(), mode="batches", by=sorter())
    assert len(told.batches) > 1


async def test_sorting_hears_of_a_halt(run, journal):
    halted = asyncio.Event()
    halted.set()
    with pytest.raises(Stopped):
        await run(source_of(EASY), Provider(), mode="batches", by=sorter(), halted=halted)
    assert journal.parts() == []


async def test_no_more_of_the_input_is_read_than_is_under_way(journal):
    read, answered = 0, 0
    ahead = []

    def asks():
        nonlocal read
        for ask in source_of(*[EASY] * 60)():
            read += 1
            yield ask

    def answer(_):
        ahead.append(read - answered)
        return httpx.Response(200, json={})

    def became(_):
        nonlocal answered
        answered += 1

    await Calls(talking(answer), journal, 4, became, asyncio.Event()).run(asks())
    assert (read, answered) == (60, 60)
    assert max(ahead) <= 4


async def test_answers_that_arrive_together_share_one_write(journal, monkeypatch):
    writes = []
    record = journal.record
    monkeypatch.setattr(journal, "record", lambda answers: (writes.append(len(answers)), record(answers)))
    asks = source_of(*[EASY] * 64)()
    await Calls(
        talking(lambda _: httpx.Response(200, json={})), journal, 8, lambda _: None, asyncio.Event()
    ).run(asks)
    assert sum(writes) == 64
    assert max(writes) <= 8
    assert len(writes) < 32


async def test_a_journal_that_cannot_be_written_ends_the_run(journal):
    asked = []

    def answer(request):
        asked.append(request)
        journal.close()
        return httpx.Response(200, json={})

    asks = source_of(*[EASY] * 64)()
    with pytest.raises(JournalError):
        await Calls(talking(answer), journal, 2, lambda _: None, asyncio.Event()).run(asks)
    assert len(asked) <= 4


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (429, 5)])
async def test_a_batch_that_is_refused_after_its_upload(run, journal, status, tries):
    def first(request, _):
        asked = request.method == "POST" and request.url.path == "/v1/batches"
        return httpx.Response(status, json={"error": {"message": "no"}}) if asked else None

    provider = Provider(first=first)
    if status == 404:
        told = await run(source_of(EASY), provider, mode="auto", by=sorter())
        assert told.lonely == [("small", 404)]
        assert results(journal)[0]["response"]
    else:
        with pytest.raises(Stopped, match="could not be submitted"):
            await run(source_of(EASY), provider, mode="auto", by=sorter())
    assert provider.count("POST /v1/batches") == tries


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
async def test_an_answer_without_an_id_is_no_batch(run, journal, path):
    def first(request, _):
        return httpx.Response(200, json={}) if (request.method, request.url.path) == ("POST", path) else None

    await run(source_of(EASY), Provider(first=first), mode="batches", by=sorter())
    assert results(journal)[0]["error"]["type"] == "bad_answer"


@pytest.mark.parametrize("path", ["/v1/batches/", "/v1/files/"])
async def test_a_batch_that_cannot_be_had_back_stops_the_run_and_is_not_lost(run, journal, path):
    away = [True]

    def first(request, _):
        gone = away and request.method == "GET" and request.url.path.startswith(path)
        return httpx.Response(500, json={}) if gone else None

    provider = Provider(first=first)
    with pytest.raises(Stopped):
        await run(source_of(EASY), provider, mode="auto", by=sorter(), tries=2)
    away.clear()
    await run(source_of(EASY), provider, mode="auto", by=sorter())
    assert results(journal)[0]["response"]
    assert provider.count("POST /v1/batches") == 1


async def test_a_completed_batch_whose_files_are_not_there_yet_is_waited_for(run, journal):
    early = [True]

    def first(request, _):
        if early and request.method == "GET" and request.url.path.startswith("/v1/batches/"):
            early.clear()
            return httpx.Response(200, json={"id": "b", "status": "completed", "output_file_id": None})
        return None

    await run(source_of(EASY), Provider(first=first), mode="batches", by=sorter())
    assert results(journal)[0]["response"]


async def test_a_failed_line_without_a_response_is_told(run, journal):
    def first(request, _):
        if request.url.path.endswith("/content"):
            told = {"custom_id": "line-1", "response": None, "error": {"code": "expired", "message": "late"}}
            return httpx.Response(200, content=json.dumps(told).encode())
        return None

    await run(source_of(EASY), Provider(first=first), mode="batches", by=sorter())
    assert results(journal)[0]["error"] == {"status": None, "type": "expired", "message": "late"}


async def test_a_completed_batch_that_never_has_files_is_given_up(run, journal):
    def first(request, _):
        looked = request.method == "GET" and request.url.path.startswith("/v1/batches/")
        return httpx.Response(200, json={"id": "b", "status": "completed"}) if looked else None

    await run(source_of(EASY), Provider(first=first), mode="batches", by=sorter())
    assert results(journal)[0]["error"]["type"] == "batch_failed"
