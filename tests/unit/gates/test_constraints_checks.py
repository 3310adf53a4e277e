# ruff: noqa: RUF001 - whole answers, a line each, in many languages
"""Answers that keep to what was demanded, and answers that do not."""

from __future__ import annotations

import pytest

from litellm_tiering.gates.constraints import Demands, Kind, Want, check, read_demands
from litellm_tiering.gates.constraints.checks import CHECKS
from litellm_tiering.gates.constraints.measure import Answer as Measured

SENTENCE = "The tide rises twice a day. "
BULLETS = "* one\n* two\n* three"

# prompt, an answer that keeps to it, one that does not, the check's name
PAIRS = (
    ("Explain tides in at most 5 words.", "The moon pulls the sea.", SENTENCE * 3, "max_words"),
    ("Write at least 20 words on tides.", SENTENCE * 5, SENTENCE, "min_words"),
    ("Write between 5 and 8 words on tides.", SENTENCE, SENTENCE * 4, "max_words"),
    ("Explain tides in exactly two sentences.", SENTENCE * 2, SENTENCE * 4, "max_sentences"),
    ("Use at least 3 sentences.", SENTENCE * 3, SENTENCE, "min_sentences"),
    (
        "Answer in one sentence.",
        "Dr. Smith, of St. Ives, e.g. said it cost $3.50.",
        SENTENCE * 4,
        "max_sentences",
    ),
    ("Write exactly two paragraphs.", f"{SENTENCE}\n\n{SENTENCE}", f"{SENTENCE}\n\n" * 5, "max_paragraphs"),
    ("Write exactly two paragraphs.", f"# Title\n\n{SENTENCE}\n\n{SENTENCE}", SENTENCE, "min_paragraphs"),
    (
        "Write 2 paragraphs, separated by two new lines.",
        f"{SENTENCE}\n\n{SENTENCE}\n\nP.S. Hi.",
        f"{SENTENCE}\n\n" * 4,
        "max_paragraphs",
    ),
    ("Give exactly 3 bullet points.", BULLETS, BULLETS + "\n* four", "bullets"),
    ("Give exactly 3 bullet points.", "• one\n• two\n• three", "1. one\n2. two\n3. three", "bullets"),
    (
        "Give exactly 3 bullet points in markdown.",
        "- one\n- two\n- three",
        "• one\n• two\n• three",
        "bullets",
    ),
    ("Give at least 2 bullet points.", BULLETS, "one", "min_bullets"),
    ("Give no more than 2 bullet points.", "- a\n- b", "- a\n- b\n- c", "max_bullets"),
    ("Do not use bullet points.", SENTENCE, BULLETS, "no_bullets"),
    ("Answer using bullet points.", BULLETS, SENTENCE, "bullets"),
    ("Give me a list of exactly 3 items.", "1. a\n2. b\n3. c", "1. a\n2. b", "min_items"),
    ("Write a four line poem.", "a b\nc d\ne f\ng h", "a\nb\nc\nd\ne\nf\ng", "max_lines"),
    ("Write a tweet of at most 20 characters.", "Tides are the moon.", SENTENCE * 3, "max_characters"),
    ("Write a tweet with exactly two hashtags.", "Tides! #sea #moon", "Tides! #sea", "min_hashtags"),
    (
        "Write exactly 3 paragraphs. Separate the paragraphs with ***.",
        "a\n***\nb\n***\nc",
        "a\n***\nb",
        "min_parts",
    ),
    (
        "Give two different responses, separated by ******.",
        "a\n******\nb",
        "a\n******\nb\n******\nc",
        "max_parts",
    ),
    (
        "Write at least 2 sections. Mark each with Section X.",
        "Section 1\na\nSection 2\nb",
        "Section 1\na",
        "min_sections",
    ),
    (
        "Highlight at least 2 sections with markdown, i.e. *this*.",
        "*a* and *b*",
        "*a* and b",
        "min_highlights",
    ),
    (
        "Include at least 2 placeholders in square brackets.",
        "[name], [date]",
        "[name] {date}",
        "min_placeholders",
    ),
    (
        "At least 2 words should be in all capital letters. Write a note.",
        "A BIG SEA",
        "a sea",
        "min_capital_words",
    ),
    ('Include the word "moon".', "The moonlight.", "The sea.", "include"),
    ('Include the phrase "low tide".', "It is low\ntide.", "It is low, the tide.", "include"),
    ('Do not use the word "moon".', "The moonlight.", "The moon.", "forbid"),
    ("Do not use the word “moon”.", "The sea.", "Moon!", "forbid"),
    ('Use the word "sea" at least twice.', "Sea, sea.", "The sea.", "min_word_count"),
    (
        'Use the word "sea" at most once. Keep the word in your answer.',
        "The sea.",
        "Sea, sea, sea.",
        "max_word_count",
    ),
    ("Do not use the letter e in your answer.", "A word in sand.", "The sea.", "max_letters"),
    ("The letter q should appear at least 2 times.", "Quick quay.", "A quay.", "min_letters"),
    ('Start your answer with "Well".', "**Well**, it is.", "It is well.", "starts_with"),
    ('End your answer with the phrase "So be it."', 'It is. "So be it."', "So be it. Bye.", "ends_with"),
    (
        'Write 2 paragraphs. The second paragraph must start with the word "Later".',
        "A.\n\nLater b.",
        "A.\n\nB later.",
        "paragraph_start",
    ),
    (
        "Name a port.\nFirst repeat the request word for word, then answer.",
        "Name a port.\n\nHull.",
        "Hull.",
        "repeat",
    ),
    ("Answer in all caps.", "THE SEA, 3 MILES.", "The sea is far away.", "all_caps"),
    ("Answer in all lowercase.", "the sea.", "The Sea And The Moon", "lowercase"),
    ("Do not use commas.", "The sea 3.5", "The sea, the moon.", "no_commas"),
    ("请用中文回答，不要使用逗号。", "大海很蓝。" * 5, "大海很蓝，月亮很圆。" * 3, "no_commas"),
    ("No exclamation marks.", "The sea.", "The sea!", "no_marks"),
    ("Do not use emojis.", "The sea.", "The sea 🌊", "no_emoji"),
    ("Write it without contractions.", "It is not.", "It isn't.", "no_contractions"),
    ("Wrap your entire response with double quotation marks.", '"The sea."', "The sea.", "quoted"),
    (
        "Your answer must have a title wrapped in double angular brackets.",
        "<<Sea>>\nBlue.",
        "# Sea\nBlue.",
        "title",
    ),
    ("Add a postscript starting with P.S.", "Sea.\n\nP.S. Moon.", "Sea.", "postscript"),
    ("Add a postscript starting with P.P.S.", "Sea.\n\nP.P.S. Moon.", "Sea.\n\nP.S. Moon.", "postscript"),
    ("Answer in JSON format.", 'Here you are:\n```json\n{"a": "b\nc"}\n```', "a: b", "json"),
    ("Output only JSON.", '```json\n{"a": 1}\n```', 'Here it is: {"a": 1}', "json"),
    ('Answer in JSON format:\n```json\n{"a": 0}\n```', '{"a": 1, "b": 2}', '{"b": 2}', "json"),
    ("Give me the data in CSV format.", "a,b\n1,2", "a is 1.\nb is 2.", "csv"),
    ("Answer in YAML.", "a: 1\nb: 2", "a is 1", "yaml"),
    ("Present it in a table.", "| a | b |\n|---|---|\n| 1 | 2 |", "a is 1", "table"),
    ("Write the answer in HTML.", "<p>Sea</p>", "Sea", "html"),
    ("Put the command in a code block.", "```\nls\n```", "ls", "code_block"),
    ("Do not use markdown.", "Sea and *moon*.", "# Sea\n**Moon**", "plain_text"),
    (
        "Answer in German.",
        "Das Meer ist blau und der Himmel ist es auch, weil das Licht so ist.",
        "The sea is blue and the sky is too, because of the light that there is.",
        "language",
    ),
    (
        "Reply in Japanese.",
        "海は青いです。空も青いです。とても青いです。",
        "The sea is blue and the sky is too.",
        "language",
    ),
    ("Use only the Kannada language.", "ಸಮುದ್ರ ನೀಲಿ ಬಣ್ಣದ್ದಾಗಿದೆ.", "The sea is blue.", "language"),
    ('Answer with one of the following: "red", "blue".', "It is blue.", "It is green.", "one_of"),
    ("Answer only with yes or no.", "Yes.", "That is hard to say.", "one_of"),
    (
        "Reply with just the letter of the correct option.",
        "(B)",
        "The right one is the second of those that you gave me.",
        "choice",
    ),
    (
        "What is 6 times 7? Reply with only a number.",
        "42",
        "If you multiply them you get forty two as the answer.",
        "number_only",
    ),
    (
        "Erkläre das Meer in höchstens 3 Wörtern.",
        "Viel blaues Wasser.",
        "Es ist eine sehr große Menge Wasser.",
        "max_words",
    ),
    ("Write about 100 words.", "word " * 110, "word " * 250, "max_words"),
    ("Write about 100 words.", "word " * 90, "word " * 20, "min_words"),
    ("Give me a numbered list with exactly 3 numbered points.", "1. a\n2. b\n3. c", "1. a", "min_numbered"),
    ("Write three stanzas about snow.", "a\n\nb\n\nc", "a\n\nb\n\nc\n\nd\n\ne\n\nf", "max_stanzas"),
    ("Your answer must have at least 3 sections.", "# A\na\n# B\nb\n# C\nc", "a", "min_sections"),
    ("Do not use digits in your answer.", "Two tides.", "2 tides.", "no_digits"),
    ("Do not use a table in your answer.", "Sea.", "| a | b |\n|---|---|\n| 1 | 2 |", "no_table"),
    ('Reply with "sea" or "land" only.', "sea", "neither of the two, I am afraid", "one_of"),
    ("Answer with one of the following: red, blue, green.", "blue", "pink", "one_of"),
    (
        'Use the word "tide" at most 2 times.',
        "The tide, a tide, tidewater.",
        "tide, tide, tide",
        "max_word_count",
    ),
    ("Use at least two exclamation marks.", "Sea! Moon!", "Sea.", "min_letters"),
    ("The number of words in your answer must be less than 5.", "The sea is.", SENTENCE, "max_words"),
    ('The last line of your answer must be "Bye."', "Sea.\nBye.", "Bye. Sea.", "ends_with"),
    ("Escribe tres oraciones.", "Hay agua. Hay sal. Hay luz.", "Hay agua.", "min_sentences"),
    ("请用不超过5字回答。", "海是蓝的。", "海是蓝色的，天也是蓝色的。", "max_characters"),
)
# What is near enough, or cannot be told: kept back from rejection.
SPARED = (
    ("Write about 100 words.", "word " * 120),
    ("Write a 100-word note.", "word " * 75),
    (
        "Explain tides in at most 10 words.",
        "well-known, so-called, one-off, half-day, two-way tides of the sea",
    ),
    ("Wrap your entire response with double quotation marks.", "“The sea.”"),
    ("Answer in German.", "Ja."),
    ("Answer in Swahili.", "Bahari ni bluu na anga pia ni bluu kwa sababu ya mwanga."),
    ("Give me exactly five tips.", SENTENCE * 5),
    ("Use exactly 5 sentences in a story.", SENTENCE * 5 + "The end"),
    ('End your answer with the phrase "Safe travels!"', "**Safe travels!**"),
    ("What is 6 times 7? Reply with only a number.", "42 apples"),
    ('Answer in JSON format:\n```json\n{"a": "", "b": ""}\n```', '{"a": "he said "no"", "b": "x"}'),
    ("Be brief.", SENTENCE),
)


def rejected(prompt: str, answer: str) -> set[str]:
    return {f.name for f in check(read_demands(prompt), answer) if f.p_bad >= 0.5}


@pytest.mark.parametrize(("prompt", "good", "bad", "name"), PAIRS)
def test_an_answer_that_keeps_to_it_passes_and_one_that_does_not_fails(prompt, good, bad, name):
    assert rejected(prompt, good) == set()
    assert name in rejected(prompt, bad)


@pytest.mark.parametrize(("prompt", "answer"), SPARED)
def test_what_is_near_or_cannot_be_told_is_not_rejected(prompt, answer):
    assert rejected(prompt, answer) == set()


def test_every_kind_of_demand_has_a_check():
    assert set(CHECKS) == set(Kind)


def test_names_are_words_that_make_a_label():
    names = {f.name for p, *answers, _ in PAIRS for a in answers for f in check(read_demands(p), a)}
    assert all(name.replace("_", "").isalpha() and name.islower() for name in names)
    assert len(names) < 100


def test_nothing_demanded_and_nothing_answered_are_not_checked():
    assert check(Demands(), "The sea.") == ()
    assert check(read_demands("Answer in all caps."), " \n") == ()


def test_how_sure_the_reading_is_counts():
    sure, unsure = Want(Kind.LOWER), Want(Kind.LOWER, sure=0.4)
    (one,), (other,) = (check(Demands((want,)), "THE SEA") for want in (sure, unsure))
    assert one.p_bad >= 0.5 > other.p_bad > 0
    assert one.broken


def test_a_beginning_that_is_hardly_too_long_is_not_judged_by_that():
    demands = read_demands("Use no more than 20 sentences.")
    (near,) = check(demands, "It is so. " * 21)
    assert 0 < near.p_bad < 0.5
    # The last of a beginning may not be a whole one.
    assert check(demands, "It is so. " * 22, partial=True) == ()
    (far,) = check(demands, "It is so. " * 23, partial=True)
    assert far.broken


@pytest.mark.parametrize(("lines", "good"), [(2, False), (3, False), (4, True), (5, True), (6, False)])
def test_of_lines_one_may_be_a_title_that_nobody_marked(lines, good):
    assert (rejected("Write a four line poem.", "a b\n" * lines) == set()) is good


def test_in_a_long_answer_too_few_so_far_are_not_too_few():
    long = SENTENCE * 4_000
    assert rejected("Include at least 2 placeholders in square brackets.", long) == set()
    assert rejected("Use no more than 9 sentences.", long) == {"max_sentences"}
    assert rejected("Write at least 90,000 words.", long) == {"min_words"}


@pytest.mark.parametrize(
    "text",
    [
        "It was J. Smith who came. He left.",
        "It is approx. three metres long. It swims.",
        "1. It is so. It is big.",
        "It is so. It weighs 3 oz. or so.",
    ],
)
def test_a_stop_that_ends_no_sentence_does_not_hide_those_that_follow(text):
    assert Measured(text).sentences == (2, 2)


@pytest.mark.parametrize(
    ("text", "counted"),
    [("It is so. It is big.", (2, 2)), ("It is so. It is big. And", (2, 3)), ("Big", (1, 1))],
)
def test_a_line_that_breaks_off_may_be_one_sentence_more(text, counted):
    assert Measured(text).sentences == counted
