from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.gate import Ruling
from litellm_tiering.gates.arithmetic import HEAD_CHARS, TAIL_CHARS, ArithmeticGate, sums
from litellm_tiering.gates.arithmetic_value import NotExact, read_number, value_of
from litellm_tiering.testing.gates import check_gate, exchange

GATE = ArithmeticGate()

WRONG = [
    "3 + 4 = 8",
    "So the total is 3 * 4 = 13.",
    "12 x 5 = 65 apples",
    "$40 + $24 = $74",
    "**$40 + $24 = $74**",
    "1,200 + 300 = 1,600",
    "1.200,50 + 300 = 1.600,50",
    "3,5 + 1,5 = 6",
    "20% of 50 = 20",
    "200 - 20% * 200 = 100",
    "(3 + 4) * 2 = 15",
    "x = 3 + 4 = 9",
    "2 + 3 = 5 = 2 * 3 = 7",
    r"$\frac{10}{2} \times 3 = 16$",
    r"8 \cdot 7 = 54",
    r"\$18 \div 3 = \$7",
    "15 \u00d7 3 = 35",
    "45 \u00f7 5 = 8",
    "20 \u2212 5 = 14",
    "He has 7 pencils + 5 pencils = 13 pencils",
    "8 glasses * $5 each = $45",
    "5 times 3 equals 18",
    "10 divided by 2 = 6",
    "2 * 3 = <<2*3=7>>7",
    "The sum is:\n3 + 4\n= 8",
    "- 3 + 4 = 8\n- 2 + 2 = 4",
    '{"reasoning": "3 + 4 = 8", "answer": "8"}',
    "[100 / 4 = 20]",
    "10 / 4 = 3.5",
    "1'000 + 500 = 1'600",
]
RIGHT = [
    "3 + 4 = 7",
    "12 x 5 = 60 apples",
    "$40 + $24 = $64",
    "1,200 + 300 = 1,500",
    "1.200,50 + 300 = 1.500,50",
    "1.500 + 500 = 2.000",
    "3,5 + 1,5 = 5",
    "10 / 3 = 3.33",
    "10 / 3 = 3.3333",
    "2 / 3 = 0.66",
    "7 / 2 = 3",
    "7 / 2 = 4",
    "10 / 3 ≈ 3.4",
    "2 * 3.14159 = about 6.3",
    "20% of 50 = 10",
    "5 / 20 = 25%",
    "5 / 20 * 100 = 25%",
    "50 * 20% = 10",
    "1/4 of 60 = 15",
    "(3 + 4) * 2 = 14",
    "2 + 3 = 5 = 10 / 2",
    r"\frac{10}{2} \times 3 = 15",
    r"\left(2 + 3\right) \cdot 4 = 20",
    "3^2 + 4^2 = 25",
    "3² + 4² = 25",
    "5 times 3 equals 15",
    "2 * 3 = <<2*3=6>>6",
    "-5 + 3 = -2",
    "- 16 * 3 = 48",
    "0.1 + 0.2 = 0.3",
    "1.2 million + 0.3 million = 1.5 million",
]
UNKNOWN = [
    "",
    "Nothing to compute here.",
    "x + 3 = 4",
    "2x + 3 = 9",
    "f(2) + 3 = 9",
    "a = 3",
    "the price of 8 = 8 * 5",
    "3 + 4 == 8",
    "3 + 4 != 8",
    "3 + 4 >= 5",
    "x += 4",
    "1 + 2 + ... + 10 = 54",
    r"1 + 2 + \ldots + 10 = 54",
    r"\sqrt{16} + 3 = 9",
    "5! = 60",
    "2 (3 + 4) = 9",
    "2 1/2 = 3",
    "101_2 + 11_2 = 1001_2",
    "3 + 4 = 8x",
    "17 / 5 = 3 remainder 2",
    "7 / 1/2 = 3",
    "1 / 0 = 5",
    "2 ^ 100000 = 5",
    "9" * 60 + " + 1 = 3",
    "( 3 + = 4",
    "= = = =",
    "<a href='x=3'>",
    "C(5, 2) = 11",
]
DOUBTFUL = [
    "Is 3 + 4 = 8?",
    "3 + 4 = 8 is wrong",
    "If we assume 3 + 4 = 8, then",
    "30 minutes + 1 hour = 2 hours",
    "2^10 = 1000",
    "1.19 * 3.99 = 4.9",
    "3 + 4 = 2 * 3",
]


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_sum_is_rejected(answer):
    verdict = GATE.judge(exchange(answer))
    assert (verdict.ruling, verdict.reason) == (Ruling.REJECT, "wrong_sum")


@pytest.mark.parametrize("answer", RIGHT)
def test_a_right_sum_is_accepted_however_it_is_written_or_rounded(answer):
    found = sums(answer)
    assert found.checked
    assert (found.wrong, found.near) == (0, 0)
    assert GATE.judge(exchange(answer)).ruling is Ruling.ACCEPT


@pytest.mark.parametrize("answer", UNKNOWN)
def test_what_is_not_surely_arithmetic_is_left_alone(answer):
    assert sums(answer).wrong == 0
    assert GATE.judge(exchange(answer)).ruling is not Ruling.REJECT


@pytest.mark.parametrize("answer", DOUBTFUL)
def test_what_may_be_meant_otherwise_is_counted_and_not_rejected(answer):
    assert sums(answer)[1:] == (0, 1)
    assert GATE.judge(exchange(answer)).ruling is Ruling.ACCEPT


def test_under_other_rules_of_arithmetic_nothing_is_surely_wrong():
    assert sums("3 + 5 = 1", "Find the remainder modulo 7.")[1:] == (0, 1)
    assert not GATE.judge(exchange("3 + 5 = 1", "Find the remainder modulo 7.")).rejects
    assert GATE.judge(exchange("3 + 5 = 1", "How many apples are there?")).rejects


def test_the_head_and_the_tail_of_a_long_answer_are_read():
    filler = "the tide rose over the harbour " * 10_000
    assert sums("3 + 4 = 8. " + filler).wrong == 1
    assert sums(filler + " 3 + 4 = 8.").wrong == 1
    assert sums(filler + " 3 + 4 = 8. " + filler).wrong == 0
    assert len(filler) > HEAD_CHARS + TAIL_CHARS


@pytest.mark.parametrize(
    "piece", ["1+1=3\n", "=", "1=", "(", "((1+", "1,", "1.1.1 = ", "\\frac{", "$=$", "x=1 ", "2 apples = "]
)
def test_hostile_text_is_read_in_a_bounded_number_of_sums(piece):
    found = sums(piece * 50_000)
    assert found.checked <= 100
    assert GATE.judge(exchange(piece * 50_000)) == GATE.judge(exchange(piece * 50_000))


def test_it_keeps_the_rules_of_gates():
    check_gate(GATE)


numbers = st.integers(0, 10_000)


@given(numbers, st.sampled_from("+-*"), numbers, st.integers(-50, 50))
def test_a_sum_of_whole_numbers_is_rejected_exactly_when_it_is_wrong(a, sign, b, off):
    right = {"+": a + b, "-": a - b, "*": a * b}[sign]
    told = sums(f"We get {a} {sign} {b} = {right + off} in all.")
    assert told.checked == 1
    assert (told.wrong + told.near > 0) == (off != 0)


@given(st.integers(1, 999), st.integers(1, 99), st.integers(0, 4))
def test_a_quotient_rounded_or_cut_off_anywhere_is_right(a, b, digits):
    step = Fraction(1, 10**digits)
    for value in (Fraction(a, b) // step * step, round(Fraction(a, b) / step) * step):
        assert sums(f"{a} / {b} = {float(value):.{digits}f}") == (1, 0, 0)


@given(st.text("0123456789.,+-*/^()=%$ \n\\xaé{}<>", max_size=200))
def test_no_text_is_a_fault(text):
    assert sums(text).wrong <= sums(text).checked


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234", 1234),
        ("1.234.567", 1234567),
        ("1,234.5", Fraction(2469, 2)),
        ("1.234,5", Fraction(2469, 2)),
        ("12,34,567", None),
        ("1,23,4.5", None),
        ("1" * 19, None),
    ],
)
def test_numbers_are_read_as_people_write_them(text, value):
    found = read_number(text)
    assert (found and found.value) == value


def test_expressions_out_of_bounds_are_not_computed():
    one = ("n", read_number("9"))
    deep = [("(", None)] * 20 + [one] + [(")", None)] * 20
    long = [one] + [("+", None), one] * 40
    power = [one, ("^", None), one, ("^", None), one]
    for tokens in (deep, long, power, [], [("+", None)], [one, (")", None)], [("(", None), one]):
        with pytest.raises(NotExact):
            value_of(tokens, percent_counts=False)
