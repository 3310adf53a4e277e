"""The gate: its verdicts, of whole answers and of beginnings."""

from __future__ import annotations

import gzip
import json
import os
import pathlib

import pytest
from constraint_phrasings import DEMANDS
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.config.build_gates import build_gate, judges_prefix
from litellm_tiering.config.schema_gates import ConstraintsGate as Section
from litellm_tiering.core.gate import Demand, Ruling
from litellm_tiering.gates.constraints import ConstraintsGate
from litellm_tiering.testing.gates import check_gate, exchange

DATA = pathlib.Path(os.environ.get("TIERING_DATA", pathlib.Path(__file__).parents[4] / "shared" / "data"))
GATE = ConstraintsGate()
SENTENCE = "The tide rises twice a day, and nobody knows it. "


def judge(answer, prompt, **more):
    return GATE.judge(exchange(answer, prompt, **more))


def test_any_answer_gets_a_verdict_in_time():
    check_gate(GATE)


def test_a_broken_demand_is_rejected_by_the_name_of_its_check():
    verdict = judge(SENTENCE * 4, "Explain tides in at most 20 words.")
    assert (verdict.ruling, verdict.reason) == (Ruling.REJECT, "max_words")
    assert 0.5 < verdict.p_bad < 1


def test_several_broken_demands_are_worse_than_one():
    one = judge(SENTENCE * 4, "Explain tides in at most 20 words.")
    both = judge(SENTENCE * 4, "Explain tides in at most 20 words, without commas.")
    assert both.reason == "max_words+no_commas"
    assert one.p_bad < both.p_bad < 1


def test_an_answer_that_keeps_to_all_is_accepted():
    verdict = judge("The moon pulls the sea.", "Explain tides in at most 20 words, without commas.")
    assert (verdict.ruling, verdict.p_bad) == (Ruling.ACCEPT, 0.0)


def test_a_near_miss_is_accepted_and_suspected():
    verdict = judge("word " * 140, "Write about 100 words on tides.")
    assert verdict.ruling is Ruling.ACCEPT
    assert 0 < verdict.p_bad < 0.5


def test_where_nothing_is_demanded_it_abstains():
    assert judge("Paris.", "What is the capital of France?").ruling is Ruling.ABSTAIN


def test_the_system_prompt_counts():
    assert judge(SENTENCE * 9, "What is a tide?", system="Answer in at most 20 words.").reason == "max_words"


def test_of_a_follow_up_only_the_system_prompt_counts():
    asked = [
        {"role": "user", "content": "Explain tides in at most 20 words."},
        {"role": "assistant", "content": "The moon pulls the sea."},
    ]
    body = {"messages": asked}
    assert judge(SENTENCE * 4, "Go on", body=body).ruling is Ruling.ABSTAIN
    assert judge(SENTENCE * 4, "Go on", body=body, system="Use no commas.").reason == "no_commas"


def test_of_a_question_that_was_cut_only_what_is_asked_of_its_document_counts():
    rules = "# Rules\n\n" + "Answer in no more than 20 words.\n\n" * 400 + "# End"
    document = SENTENCE * 400
    assert judge(SENTENCE * 4, rules).ruling is Ruling.ABSTAIN
    asked = f"{document}\n\nSummarise this in at most 20 words."
    assert judge(SENTENCE * 4, asked).reason == "max_words"


def test_of_demanded_json_only_what_can_be_said_of_it_counts():
    prompt = 'Name the harbour. Do not use commas. Do not use the word "quay".'
    answer = '{"harbour": "the old quay", "depth": 4}'
    assert judge(answer, prompt, demand=Demand(json=True)).reason == "forbid"
    assert judge(answer, prompt).reason == "no_commas+forbid"


def test_calls_of_tools_and_refusals_are_not_judged():
    prompt = "Answer in all caps."
    assert judge("hm", prompt, tool_calls=[("search", "{}")]).ruling is Ruling.ABSTAIN
    assert judge("no", prompt, refusal="no").ruling is Ruling.ABSTAIN
    assert judge("", prompt).ruling is Ruling.ABSTAIN


def test_thoughts_said_aloud_are_no_part_of_the_answer():
    thought = "<think>So, no capitals, and no commas.</think>"
    assert judge(f"{thought}the sea", "Answer in all lowercase.").ruling is Ruling.ACCEPT
    assert judge(thought[:20], "Answer in all lowercase.", partial=True).ruling is Ruling.ABSTAIN


@pytest.mark.parametrize(
    ("prompt", "begun"),
    [
        ("Explain tides in at most 5 words.", SENTENCE),
        ("Answer without commas.", SENTENCE),
        ("Answer in all lowercase.", "The sea "),
        ("Answer in all caps.", "The Sea is far "),
        ('Do not use the word "tide".', "The tide rises"),
        ('Start your answer with "Well".', "It is so that "),
        ("Wrap your entire response with double quotation marks.", "It is so that "),
        ("Explain tides in one sentence.", SENTENCE * 3),
        ("Do not use the letter t in your answer.", "The tide "),
    ],
)
def test_a_beginning_is_rejected_for_what_no_ending_can_mend(prompt, begun):
    assert judge(begun, prompt, partial=True).rejects
    assert judge(begun + SENTENCE, prompt).rejects


@pytest.mark.parametrize(
    ("prompt", "begun"),
    [
        ("Write at least 50 words.", SENTENCE),
        ('Include the word "moon".', SENTENCE),
        ('Do not use the word "tide".', "The tide"),  # may become "tidewater"
        ('End your answer with "Bye."', SENTENCE),
        ("Answer in JSON format.", "Here it is:"),
        ("Write exactly 3 bullet points.", "* one"),
        ("Answer in German.", SENTENCE),
    ],
)
def test_a_beginning_that_may_still_turn_out_well_is_waited_for(prompt, begun):
    assert judge(begun, prompt, partial=True).ruling is Ruling.ABSTAIN


def test_a_beginning_of_which_nothing_is_demanded_is_let_go():
    assert judge("Paris is", "What is the capital of France?", partial=True).ruling is Ruling.ACCEPT


PARTS = st.sampled_from(
    [
        "The tide, ",
        "moon. ",
        "SEA ",
        "* one\n",
        "\n\n",
        "a b c d e. ",
        "***\n",
        '"',
        "blue ",
        "Yes ",
        "1. x\n",
        "# ",
    ]
)


@given(st.sampled_from([prompt for prompt, _ in DEMANDS]), st.lists(PARTS, max_size=30), st.integers(0, 200))
def test_a_beginning_that_is_rejected_is_rejected_whole(prompt, parts, cut):
    whole = "".join(parts)
    if judge(whole[:cut], prompt, partial=True).rejects:
        assert judge(whole, prompt).rejects


def test_a_reason_never_holds_words_of_the_prompt():
    verdict = judge("My secret is out.", 'Do not use the word "secret".')
    assert verdict.reason == "forbid"


def test_a_configuration_builds_it_under_its_name():
    section = Section(kind="constraints", name="rules")
    gate = build_gate(section)
    assert isinstance(gate, ConstraintsGate)
    assert gate.name == "rules"
    assert judges_prefix(section)


@pytest.mark.skipif(
    not (DATA / "outcomes_ifeval.jsonl.gz").exists(), reason="no recorded answers: TIERING_DATA"
)
def test_recorded_answers_are_told_apart():
    with gzip.open(DATA / "outcomes_ifeval.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::4]
    found = [
        (judge(answer["text"], row["prompt"]).rejects, not answer["correct"])
        for row in rows
        for answer in row["responses"].values()
    ]
    right = sum(rejected and wrong for rejected, wrong in found)
    assert right / sum(rejected for rejected, _ in found) > 0.85
    assert right / sum(wrong for _, wrong in found) > 0.75


@pytest.mark.skipif(
    not (DATA / "outcomes_mmlupro.jsonl.gz").exists(), reason="no recorded answers: TIERING_DATA"
)
def test_where_nothing_is_demanded_of_the_form_recorded_answers_pass():
    with gzip.open(DATA / "outcomes_mmlupro.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::32]
    verdicts = [
        judge(a["text"], row["prompt"]) for row in rows for a in row["responses"].values() if a.get("text")
    ]
    assert sum(verdict.rejects for verdict in verdicts) <= len(verdicts) // 500
