"""The agreement gate by itself, and which requests it would have asked twice."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.agreement import Heard, Known
from litellm_tiering.core.features import PromptText, RequestFeatures, Surface
from litellm_tiering.core.gate import Demand, Exchange, Ruling, Said, Verdict
from litellm_tiering.gates.agreement import AgreementGate
from litellm_tiering.gates.agreement_reading import forms_of
from litellm_tiering.gates.canonical_compare import FORMS
from litellm_tiering.intake import read_request
from litellm_tiering.intake.answer_form import demand_of


async def verdict(
    mine: str, *others: str | None, on: str = "always", quorum: int | None = None, **more
) -> Verdict:
    peers = Known([None if o is None else Said(o) for o in others])
    found = AgreementGate(on=on, quorum=quorum).judge(Exchange(Said(mine), peers=peers, **more))
    assert inspect.isawaitable(found)
    return await found


async def test_agreement_accepts_and_difference_rejects():
    agrees, differs = await verdict("42", "42.0"), await verdict("42", "41")
    assert (agrees.ruling, agrees.reason) == (Ruling.ACCEPT, "agrees")
    assert (differs.ruling, differs.reason) == (Ruling.REJECT, "differs")
    assert agrees.p_bad < 0.5 < differs.p_bad


async def test_an_answer_without_the_form_that_was_asked_for_is_rejected():
    found = await verdict("It could be any of them.", "The answer is (B).", on="choice")
    assert (found.ruling, found.reason) == (Ruling.REJECT, "no_answer")


async def test_where_nobody_can_be_heard_it_abstains_and_says_why():
    assert await verdict("42", None) == Verdict.abstain("failed")
    prose = "He who would go to sea for pleasure would go to hell for a pastime."
    assert await verdict(prose, prose.replace("sea", "war")) == Verdict.abstain("incomparable")


@pytest.mark.parametrize(
    ("others", "quorum", "ruling"),
    [
        (["1", "2"], None, Ruling.ACCEPT),
        (["2", "3"], None, Ruling.REJECT),
        (["1", "2", "3"], None, Ruling.REJECT),
        (["1", "1", "3"], None, Ruling.ACCEPT),
        (["1", "1", "3", "4"], None, Ruling.ACCEPT),
        (["1", "2"], 3, Ruling.REJECT),
        (["1", None], 3, Ruling.ACCEPT),
        (["2", None], None, Ruling.REJECT),
        ([None, None], None, Ruling.ABSTAIN),
    ],
)
async def test_of_several_more_than_half_must_agree_or_as_many_as_the_owner_wants(others, quorum, ruling):
    found = await verdict("1", *others, quorum=quorum)
    assert found.ruling is ruling
    assert found.p_bad is None or (found.p_bad < 0.5) == (ruling is Ruling.ACCEPT)


async def test_it_tells_the_peers_what_it_made_of_each():
    peers = Known([Said("42"), Said("41"), None])
    await AgreementGate(on="always").judge(Exchange(Said("42"), peers=peers))
    assert peers.words == ("agrees", "differs", "failed")


@pytest.mark.parametrize("partial", [False, True])
def test_without_peers_or_of_a_beginning_it_says_nothing(partial):
    assert AgreementGate().judge(Exchange(Said("42"), partial=partial)) == Verdict.abstain()
    peers = Known([Said("41")])
    if partial:
        assert AgreementGate().judge(Exchange(Said("42"), partial=True, peers=peers)) == Verdict.abstain()


def test_why_nobody_was_asked_is_its_reason():
    peers = Known([], "budget")
    assert AgreementGate().judge(Exchange(Said("42"), peers=peers)) == Verdict.abstain("budget")


async def test_a_long_answer_is_compared_off_the_event_loop(monkeypatch):
    asked = []
    plain = asyncio.to_thread

    async def to_thread(function, *args):
        asked.append(function.__name__)
        return await plain(function, *args)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    long = "word " * 10_000
    assert (await verdict(f"{long}\nThe answer is 7", f"{long}\nThe answer is 7")).reason == "agrees"
    assert asked == ["compare"]


def test_what_was_heard_tells_no_text_in_a_traceback():
    assert "secret" not in repr(Heard(Said("secret words")))


# ---------------------------------------------------------------------- which requests


TOOL = {"type": "function", "function": {"name": "now", "parameters": {}}}
HOSTED = {"type": "web_search_preview"}

COMPARABLE = [
    ("How many apples does she have?", {"number"}),
    ("What is 12 * 7?", {"number"}),
    ("Find the sum of all integers below 10.", {"number"}),
    ("Calculate the area.", {"number"}),
    ("Combien de pommes reste-t-il ?", {"number"}),
    ("Wie viele \u00c4pfel bleiben?", {"number"}),
    ("\u00bfCu\u00e1ntas manzanas quedan?", {"number"}),
    ("\u5c0f\u660e\u8fd8\u5269\u591a\u5c11\u4e2a\u82f9\u679c\uff1f", {"number"}),
    ("Which is right?\nA. Paris\nB. Lyon\nC. Nice", {"choice"}),
    ("Which is right?\n(A) Paris\n(B) Lyon", {"choice"}),
    ("Which? (A) Paris (B) Lyon (C) Nice", {"choice"}),
    ('Answer as JSON: {"city": "..."}', {"json"}),
    ("Is this true or false: cats are reptiles.", {"label"}),
    ("Classify the sentiment of this review: lovely!", {"label"}),
    ("Answer with only the name of the city.", {"label"}),
]
PROSE = [
    "Write a poem about the sea.",
    "Summarise the following report in three paragraphs.",
    "Explain why the sky is blue.",
    "Plan a day in Rome for a family.",
    "Translate this letter into German.",
    "A. Milne wrote a book. Tell me about it.",
    "Hello!",
    "",
]


def forms(prompt: str, on: str = "auto", **body) -> set[str]:
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}], **body}
    features, text = read_request(body, Surface.CHAT)
    return set(forms_of(on, features, text, demand_of(body)))


@pytest.mark.parametrize(("prompt", "found"), COMPARABLE)
def test_requests_whose_answers_can_be_compared(prompt, found):
    assert forms(prompt) >= found


@pytest.mark.parametrize("prompt", PROSE)
def test_requests_whose_answers_are_free_text_are_not_asked_twice(prompt):
    assert forms(prompt) == set()
    assert forms(prompt, on="always") == set(FORMS)


def test_what_the_request_demands_counts_as_well():
    assert forms("Hello!", tools=[TOOL]) == {"tools"}
    assert forms("Hello!", response_format={"type": "json_object"}) == {"json"}
    assert "label" in forms("Hello!", max_tokens=5)
    assert forms("Hello!", on="number") == {"number"}
    system = [{"role": "system", "content": "Reply in JSON."}, {"role": "user", "content": "Hello!"}]
    assert forms("", messages=system) == {"json"}


@given(st.text(max_size=2000))
def test_no_prompt_breaks_the_reading(prompt):
    assert set(forms_of("auto", RequestFeatures(), PromptText(prompt, prompt), Demand())) <= set(FORMS)
