"""The simulated provider's files and batches, through OpenAI's own client."""

from __future__ import annotations

import io
import json

import openai
import pytest

CHAT = "/v1/chat/completions"


def line(id_, said="What is the capital of France?", url=CHAT, **body):
    messages = [{"role": "user", "content": said}]
    content = {"model": "sim-small", "messages": messages, **body}
    return {"custom_id": id_, "method": "POST", "url": url, "body": content}


@pytest.fixture
def submitted(oai):
    """Uploads lines and asks for a batch of them."""

    def _submit(*lines, **more):
        raw = "\n".join(json.dumps(x) for x in lines).encode()
        file = oai.files.create(file=("in.jsonl", io.BytesIO(raw)), purpose="batch")
        options = {"endpoint": CHAT, "completion_window": "24h", **more}
        return oai.batches.create(input_file_id=file.id, **options)

    return _submit


def ended(oai, batch):
    assert oai.batches.retrieve(batch.id).status == "in_progress"
    return oai.batches.retrieve(batch.id)


def content(oai, file):
    return [json.loads(x) for x in oai.files.content(file).text.splitlines()]


def test_a_batch_is_worked_through_at_the_second_look(oai, provider, submitted):
    batch = submitted(line("a"), line("b", "What is 2 plus 3?"), metadata={"mine": "1"})
    assert (batch.status, batch.metadata) == ("validating", {"mine": "1"})
    assert provider.calls() == []
    batch = ended(oai, batch)
    assert (batch.status, batch.error_file_id) == ("completed", None)
    assert (batch.request_counts.total, batch.request_counts.completed) == (2, 2)
    answers = {x["custom_id"]: x["response"] for x in content(oai, batch.output_file_id)}
    assert "Paris" in answers["a"]["body"]["choices"][0]["message"]["content"]
    assert "5" in answers["b"]["body"]["choices"][0]["message"]["content"]


def test_what_it_served_is_in_the_log_of_calls(oai, provider, submitted):
    batch = ended(oai, submitted(line("a", seed=7), line("b", seed=8)))
    answers = content(oai, batch.output_file_id)
    assert [(c["path"], c["seed"]) for c in provider.calls()] == [("/v1/batches", 7), ("/v1/batches", 8)]
    billed = sum(x["response"]["body"]["usage"]["total_tokens"] for x in answers)
    assert provider.totals()["sim-small"]["total_tokens"] == billed
    oai.batches.retrieve(batch.id)
    assert provider.totals()["sim-small"]["calls"] == 2, "it is worked through once"


def test_lines_that_fail_are_in_a_file_of_their_own(oai, provider, submitted):
    batch = ended(oai, submitted(line("a", "Hi [[fault:429]]"), line("b"), line("c", model=None)))
    failed = {x["custom_id"]: x["response"]["status_code"] for x in content(oai, batch.error_file_id)}
    assert failed == {"a": 429, "c": 400}
    assert [x["custom_id"] for x in content(oai, batch.output_file_id)] == ["b"]


@pytest.mark.parametrize(
    "lines",
    [
        [line("a"), line("a")],
        [line("a", url="/v1/responses")],
        [{**line("a"), "method": "GET"}],
        [{"custom_id": "a"}],
        ["nonsense"],
    ],
)
def test_a_batch_that_cannot_be_read_fails_as_a_whole(oai, provider, submitted, lines):
    batch = ended(oai, submitted(*lines))
    assert (batch.status, batch.output_file_id) == ("failed", None)
    assert batch.errors.data[0].message
    assert provider.calls() == []


def test_a_cancelled_batch_is_not_worked_through(oai, provider, submitted):
    batch = submitted(line("a"))
    assert oai.batches.cancel(batch.id).status == "cancelled"
    assert oai.batches.retrieve(batch.id).status == "cancelled"
    assert provider.calls() == []


def test_batches_are_listed_and_files_can_be_seen_and_deleted(oai, submitted):
    batch = submitted(line("a"))
    assert oai.batches.list().data[0].id == batch.id
    file = oai.files.retrieve(batch.input_file_id)
    assert (file.filename, file.purpose) == ("in.jsonl", "batch")
    assert oai.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        oai.files.retrieve(file.id)


def test_what_is_no_batch_is_refused(oai, provider, submitted):
    with pytest.raises(openai.NotFoundError):
        oai.batches.create(input_file_id="file-no", endpoint=CHAT, completion_window="24h")
    with pytest.raises(openai.BadRequestError):
        submitted(line("a"), endpoint="/v1/elsewhere")
    answer = provider.client.post("/v1/files", data={"purpose": "batch"}, files={})
    assert answer.status_code == 400
