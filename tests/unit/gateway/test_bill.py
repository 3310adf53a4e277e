from __future__ import annotations

import base64
from types import SimpleNamespace

import litellm
import pytest

from litellm_tiering.core.price import Usage
from litellm_tiering.gateway import apply, bill, extract
from litellm_tiering.gateway.compat import logged_metadata, metadata_of
from litellm_tiering.gateway.usage import usage_in


def event(payload, **params):
    return {"standard_logging_object": payload, "litellm_params": params}


def test_a_success_event_is_read():
    payload = {
        "response_cost": 5.85e-06,
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "model_group": "small",
        "litellm_call_id": "c",
        "startTime": 1.5,
        "cache_hit": True,
        "request_tags": ["a", 1],
        "metadata": {"user_api_key_team_id": "t"},
        "end_user": "e",
    }
    paid = bill.read(event(payload, litellm_metadata={apply.ATTEMPT_KEY: "x"}), None)
    assert (paid.attempt, paid.call_id, paid.cost, paid.cached) == ("x", "c:1.5", 5.85e-06, True)
    assert (paid.used, paid.group) == (Usage(11, 7), "small")
    assert (paid.tags, paid.end_user, paid.metadata["user_api_key_team_id"]) == (frozenset("a"), "e", "t")


@pytest.mark.parametrize(
    ("said", "used"),
    [
        ('{"usage": {"prompt_tokens": 11, "completion_tokens": 7}}', Usage(11, 7)),
        ('{"usage": {"input_tokens": 3, "output_tokens": 2}}', Usage(3, 2)),
        ('{"error": "no"}', None),
        ("[1]", None),
        ("not json", None),
        ("[" * 100_000, None),
        (None, None),
    ],
)
def test_an_answer_that_was_withheld_is_billed_by_the_providers_own_words(said, used):
    paid = bill.read(event({"response_cost": 0.0, "model_group": "small"}), None)
    found = bill.withheld({"original_response": said}, paid)
    assert (found and found.used) == used
    assert found is None or (found.cost, found.group) == (None, "small")


def test_an_answer_out_of_litellms_cache_is_known():
    assert bill.from_cache(SimpleNamespace(_hidden_params={"cache_hit": True}))
    assert not bill.from_cache(SimpleNamespace(_hidden_params={"cache_hit": None}))
    assert not bill.from_cache(None)


@pytest.mark.parametrize("id_", ["batch_abc", None])
def test_every_look_at_an_ended_batch_is_one_bill(id_):
    wrapped = base64.urlsafe_b64encode(b"litellm:batch_abc;model,small").decode().rstrip("=")
    found = set()
    for start, seen in enumerate((id_ or wrapped, id_ or f"batch_{wrapped}")):
        kwargs = event({"response_cost": 1e-6, "litellm_call_id": f"c{start}", "startTime": 500.0 + start})
        look = SimpleNamespace(id=seen, created_at=400)
        paid = bill.read({**kwargs, "call_type": "aretrieve_batch"}, look)
        found.add((paid.call_id, paid.began_s(1_000.0)))
    assert found == {("batch:batch_abc", 400.0)}


@pytest.mark.parametrize("kwargs", [{}, {"standard_logging_object": None}, {"standard_logging_object": "x"}])
def test_an_event_without_a_payload_is_no_bill(kwargs):
    assert bill.read(kwargs, None) is None


@pytest.mark.parametrize(
    "odd", [{}, {"metadata": 3, "request_tags": "x", "prompt_tokens": "9", "response_cost": []}]
)
def test_an_odd_payload_is_read_as_nothing(odd):
    paid = bill.read(event(odd, metadata="x"), None)
    assert (paid.cost, paid.used, paid.attempt, paid.tags) == (None, Usage(), "", frozenset())


def test_missing_usage_is_estimated_from_the_answers_length():
    message = SimpleNamespace(message=SimpleNamespace(content="x" * 40))
    text = SimpleNamespace(message=None, text="y" * 8)
    paid = bill.read(event({}), SimpleNamespace(choices=[message, text, SimpleNamespace(message=None)]))
    assert paid.used.completion == 12


@pytest.mark.parametrize(
    ("value", "found"), [("1.5", 1.5), (True, None), ("x", None), (-1, None), (float("nan"), None), (0, 0.0)]
)
def test_amounts_are_finite_and_not_negative(value, found):
    assert bill.amount(value) == found


def test_usage_is_read_in_any_apis_words():
    assert bill.usage_of({"usage": {"input_tokens": 3, "output_tokens": 4}}) == (3, 4)
    assert bill.usage_of(SimpleNamespace(usage=SimpleNamespace(prompt_tokens=3, completion_tokens=4))) == (
        3,
        4,
    )
    assert bill.usage_of(SimpleNamespace()) is None


OPENAI = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 3, "image_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 5},
}
ANTHROPIC = {
    "input_tokens": 10,
    "output_tokens": 50,
    "cache_read_input_tokens": 60,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
}
RESPONSES = {
    "input_tokens": 100,
    "output_tokens": 50,
    "input_tokens_details": {"cached_tokens": 40},
    "output_tokens_details": {"reasoning_tokens": 30},
}


@pytest.mark.parametrize(
    ("usage", "used"),
    [
        (OPENAI, Usage(100, 50, cached=40, audio=3, image=4, reasoning=30, audio_out=5)),
        (ANTHROPIC, Usage(100, 50, cached=60, written=10, written_long=20)),
        (RESPONSES, Usage(100, 50, cached=40, reasoning=30)),
        ({"prompt_tokens": True, "completion_tokens": "x", "prompt_tokens_details": 3}, Usage()),
    ],
)
def test_the_parts_of_usage_are_read_in_any_apis_words(usage, used):
    assert usage_in(usage) == used
    payload = {"prompt_tokens": usage.get("input_tokens", 0), "metadata": {"usage_object": usage}}
    assert bill.read(event(payload), None).used == used
    assert bill.read(event({}), {"usage": usage}).used == used


def test_litellms_own_usage_is_read():
    theirs = litellm.Usage(
        prompt_tokens=100, completion_tokens=50, cache_read_input_tokens=60, cache_creation_input_tokens=30
    )
    found = usage_in(theirs)
    assert (found.prompt, found.cached, found.written) == (100, 60, 30)


def test_the_group_that_answered_is_read_after_fallbacks():
    hidden = {"additional_headers": {"x-litellm-model-group": "large"}, "response_cost": 0.5}
    assert bill.answering_group({"_hidden_params": hidden}) == "large"
    assert bill.cost_in({"_hidden_params": hidden}) == 0.5
    assert bill.answering_group({}) is None


def test_a_client_cannot_bring_its_own_attempt():
    data = {
        "metadata": {apply.ATTEMPT_KEY: "forged", "x": 1},
        "litellm_metadata": {apply.ATTEMPT_KEY: "forged"},
    }
    apply.scrub(data)
    assert apply.attempt_of(data) == ""
    apply.mark(data, "ours")
    assert apply.attempt_of(data) == "ours"
    assert data["metadata"] == {"x": 1}


def test_metadata_of_another_kind_is_replaced():
    data = {"metadata": "hello"}
    metadata_of(data)["k"] = 1
    assert data == {"metadata": {"k": 1}}
    assert logged_metadata({"litellm_params": None}) == ()


@pytest.mark.parametrize("options", [None, "x", {"include_usage": False}, {}])
def test_a_completion_stream_reports_its_usage_and_hides_it(options):
    data = {"stream_options": options}
    apply.ask_for_usage(data)
    assert data["stream_options"]["include_usage"] is True
    assert data["_litellm_strip_stream_usage"] is True
    asked = {"stream_options": {"include_usage": True}}
    apply.ask_for_usage(asked)
    assert "_litellm_strip_stream_usage" not in asked


def test_header_values_are_plain_and_bounded():
    assert apply.safe("a\r\nb\u00e9" + "x" * 2000) == "a??b?" + "x" * 1019


def test_the_caller_is_read_from_auth_and_not_from_the_body():
    key = SimpleNamespace(
        token="hash",
        key_alias="k",
        team_id="t",
        team_alias="T",
        user_id="u",
        end_user_id=None,
        metadata={"tags": ["gold", 3]},
        team_metadata={"tags": "x", "plan": "p"},
    )
    caller = extract.caller_of(
        key, {"user": "customer", "team_id": "other", "metadata": {"tags": ["forged"]}}
    )
    assert (caller.key, caller.team, caller.user, caller.end_user) == ("hash", "t", "u", "customer")
    assert caller.tags == frozenset({"gold"})
    assert caller.team_metadata["plan"] == "p"
    assert extract.caller_of(SimpleNamespace(), {"user": 7}) == extract.caller_of(None, {})


@pytest.mark.parametrize(
    ("data", "wish"),
    [
        ({}, ""),
        ({"proxy_server_request": 3}, ""),
        ({"proxy_server_request": {"headers": {"x-tiering-tier": 3}}}, ""),
        ({"proxy_server_request": {"headers": {"x-tiering-tier": " simple "}}}, "simple"),
    ],
)
def test_the_clients_wish_is_read_from_its_header(data, wish):
    assert extract.wish_of(data) == wish
