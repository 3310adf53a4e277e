from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.gate import Ruling
from litellm_tiering.gates.repetition import ENOUGH_CHARS, RepetitionGate
from litellm_tiering.testing.gates import exchange

GATE = RepetitionGate()
SENTENCE = "The probability that the mother is a carrier of the allele is one half. "
PARAGRAPH = (
    "To find the area we need the radius of the circle. The radius is not given, so it must follow from the "
    "other quantities. We have the circumference, which is twice pi times the radius, and so we can divide. "
)


def prose(chars):
    text = " ".join(
        f"Visitor {n} of the {n * 7 % 31}th day asked about {string.ascii_letters[n % 52] * 3}{n * n}."
        for n in range(chars // 40)
    )
    return text[:chars]


LOOPS = {
    "sentence": "Let us see. " + SENTENCE * 12,
    "paragraph": "First. " + PARAGRAPH * 5,
    "word": "It is " + "very " * 100,
    "character": "Aaa" + "a" * 220,
    "emoji": "So good " + "🎉" * 220,
    "rule": "-" * 3_000,
    "blank": "Sure.\n" + "\n" * 3_000,
    "code": "```python\n" + 'print("hello")\n' * 200 + "```",
    "late": prose(60_000) + SENTENCE * 30,
    "early": SENTENCE * 30 + prose(60_000),
    "middle": prose(40_000) + SENTENCE * 30 + prose(40_000),
    "huge": prose(1_000_000) + SENTENCE * 2_000,
}

REFRAIN = "And the wind blew over the sea, my love, and the wind blew over the sea.\n"
SOUND = {
    "prose": prose(3_000),
    "long prose": prose(300_000),
    "table": "| name | value | more |\n|------|-------|------|\n" + "| 0 | 0 | none |\n" * 30,
    "wide table": "| a " * 12 + "|\n" + "|" + "-" * 120 + "|\n",
    "zeros": "```\n" + ("0 " * 30 + "\n") * 20 + "```",
    "json": json.dumps([{"id": n, "status": "ok", "error": None} for n in range(60)], indent=2),
    "json array": json.dumps([0] * 300),
    "objects": json.dumps([{"status": "ok"}] * 40, indent=1),
    "list": "\n".join(f"{n}. item {n}" for n in range(200)),
    "numbers": ", ".join(str(n) for n in range(500)),
    "a power of ten": "1" + "0" * 400,
    "code": "\n".join(f"    if x == {n}:\n        return None" for n in range(80)),
    "html": "<ul>\n" + "  <li>item</li>\n" * 12 + "</ul>",
    "poem": "".join(f"The {w} came down to the harbour wall\n{REFRAIN}" for w in "abcdefghij"),
    "hurrah": "Hurrah! " * 20,
    "rule": "Heading\n" + "=" * 120 + "\n\nText",
    "short": "No.",
    "empty": "",
}


@pytest.mark.parametrize("name", LOOPS)
def test_an_answer_that_goes_round_in_circles_is_rejected(name):
    verdict = GATE.judge(exchange(LOOPS[name]))
    assert (verdict.ruling, verdict.reason) == (Ruling.REJECT, "loop")


@pytest.mark.parametrize("name", SOUND)
def test_what_repeats_itself_with_reason_is_accepted(name):
    assert GATE.judge(exchange(SOUND[name])).ruling is Ruling.ACCEPT


def test_a_loop_with_a_counter_is_found_by_its_lines():
    lines = "\n".join(f"{n}. The company should improve its communication" for n in range(1, 40))
    verdict = GATE.judge(exchange(lines))
    assert (verdict.ruling, verdict.reason) == (Ruling.REJECT, "lines")
    late = prose(30_000) + "\n" + lines * 4
    assert GATE.judge(exchange(late)).rejects


def test_a_prefix_is_rejected_for_a_loop_that_is_already_there():
    assert GATE.judge(exchange(LOOPS["sentence"], partial=True)).reason == "loop"
    assert GATE.judge(exchange(prose(ENOUGH_CHARS - 1), partial=True)).ruling is Ruling.ABSTAIN
    assert GATE.judge(exchange(prose(ENOUGH_CHARS), partial=True)).ruling is Ruling.ACCEPT


@pytest.mark.parametrize(
    "prompt",
    [
        "Repeat that sentence until I say stop.",
        "Write 'hello' 500 times",
        "Schreib das 100 mal",
        "Gib mir lorem ipsum",
    ],
)
def test_repetition_that_was_asked_for_is_left_alone(prompt):
    verdict = GATE.judge(exchange(LOOPS["sentence"], prompt))
    assert (verdict.ruling, verdict.reason) == (Ruling.ABSTAIN, "asked")


def test_the_system_prompt_may_ask_for_repetition_too():
    assert GATE.judge(exchange(LOOPS["word"], system="Repeat every word.")).reason == "asked"


@given(
    unit=st.text(string.ascii_lowercase + " ,'é", min_size=5, max_size=120).filter(
        lambda u: sum(map(str.isalpha, u)) > 3
    ),
    before=st.integers(0, 5_000),
    after=st.integers(0, 5_000),
)
def test_a_loop_is_found_wherever_it_is(unit, before, after):
    text = prose(6_000)
    loop = unit * (1_200 // len(unit) + 10)
    assert GATE.judge(
        exchange(text[:before] + loop + text[-after:] if after else text[:before] + loop)
    ).rejects


@given(
    st.lists(st.sampled_from(["ab ", "ba ", SENTENCE, "\n", "|", "0" * 50, PARAGRAPH]), max_size=60).map(
        "".join
    ),
    st.integers(0, 4_000),
)
def test_what_is_rejected_of_a_prefix_is_rejected_of_the_whole(text, cut):
    if GATE.judge(exchange(text[:cut], partial=True)).rejects:
        assert GATE.judge(exchange(text)).rejects
