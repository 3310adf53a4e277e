"""``python -m litellm_tiering.testing.outcomes``: outcomes of the simulated models, to try the commands on.

::

    python -m litellm_tiering.testing.outcomes --rows 500 --out outcomes.jsonl

Each line holds a question, what ``small``, ``medium`` and ``large`` answer to it, whether that is right and
what it costs. The answers are those that :mod:`litellm_tiering.testing.provider` gives when it runs, so
that a policy tuned on the file can be tried on a proxy in front of it. Which of them are right follows a
simple rule (:mod:`~litellm_tiering.testing.provider.hardness`), which is easier to learn than real traffic,
but for one answer in twenty, which is judged the other way round, as people do: figures from this file say
that the commands work, and nothing about yours.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from litellm_tiering.testing.provider.hardness import outcome_of
from litellm_tiering.testing.provider.mind import think
from litellm_tiering.testing.provider.openai_chat import read
from litellm_tiering.testing.proxy import PRICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_ROWS = 100_000
"""The most rows that are made."""

SLIPS = 0.05
"""Of how many answers the judge says the opposite of what is so."""

_THINGS = (
    "parcel", "invoice", "garden", "bicycle", "holiday", "kitchen", "newsletter", "meeting", "recipe", "dog",
    "printer", "contract", "website", "car", "library", "concert", "school", "bakery", "flat", "phone",
)  # fmt: skip
_PEOPLE = (
    "a friend",
    "my landlord",
    "our team",
    "a customer",
    "the neighbours",
    "my aunt",
    "a new colleague",
)
_TONES = ("short", "friendly", "polite", "cheerful", "formal", "plain", "warm")
_FIELDS = ("graph", "number", "set", "group", "sequence", "triangle", "function", "vector", "series", "prime")
_CLAIMS = (
    "has a smallest element", "is bounded", "cannot be empty", "is unique", "repeats", "converges", "is even",
)  # fmt: skip
_LANGUAGES = ("Python", "Rust", "Go", "Java", "SQL", "TypeScript", "C", "Kotlin")
_NEWS = (
    "the lift is out of order until Thursday", "the meeting moves to room 12", "lunch is at noon as always",
    "the printer has new paper", "Anna is away next week", "the visitors come on Monday",
    "please bring your own cup", "the old keys must be returned", "parking is free this month",
    "the heating is being repaired", "the new chairs have arrived", "nobody needs to sign anything",
)  # fmt: skip


def questions(rows: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """So many different questions, each with the kind that it is of; the same ones for the same ``seed``."""
    rng = random.Random(f"questions {seed}")
    kinds = (_sum, _support, _writing, _mail, _maths, _code)
    asked: set[str] = set()
    while len(asked) < rows:
        make = rng.choice(kinds)
        question = make(rng, rng.randint(1, 99_999))
        if question not in asked:
            asked.add(question)
            yield make.__name__.lstrip("_"), question


def _sum(rng: random.Random, number: int) -> str:
    asked = (
        f"{rng.choice((number % 990 + 10, number))} {rng.choice('+-*')} {rng.choice((7, 12, number % 97))}"
    )
    return rng.choice(("What is {}?", "Please compute {}.", "How much is {}? Just the number.")).format(asked)


def _support(rng: random.Random, number: int) -> str:
    asked = rng.choice((
        "Where is my {}? The order number is {}.",
        "Can I still change the {} in order {}?",
        "The {} that I ordered under {} has not come yet. When will it?",
        "How do I return the {} of order {}?",
        "I did not get a bill for the {}, customer {}. Can you send one?",
    ))  # fmt: skip
    return asked.format(rng.choice(_THINGS), number)


def _writing(rng: random.Random, number: int) -> str:
    thing, other, whom = rng.choice(_THINGS), rng.choice(_THINGS), rng.choice(_PEOPLE)
    return rng.choice((
        f"Write a {rng.choice(_TONES)} note to {whom} about the {thing} and the {other} in room {number}.",
        f"Suggest a {rng.choice(_TONES)} title for a text on {thing} number {number} and a {other}.",
        f"Plan an evening for {whom} around a {thing}, a {other} and {number % 40 + 2} guests, step by step.",
        f"Compare the {thing} with the {other} for {whom}, step by step, at {number} dollars each.",
    ))  # fmt: skip


def _mail(rng: random.Random, number: int) -> str:
    news = ". ".join(f"{n[0].upper()}{n[1:]}" for n in rng.sample(_NEWS, rng.randint(3, len(_NEWS))))
    return f'What does this message say about the {rng.choice(_THINGS)}? "No. {number}. {news}."'


def _maths(rng: random.Random, number: int) -> str:
    field, claim = rng.choice(_FIELDS), rng.choice(_CLAIMS)
    return rng.choice((
        f"Prove that every {field} of order {number} {claim}.",
        f"Is there a {field} of size {number} that {claim}? Give a proof.",
        f"Derive a polynomial whose value at {number} tells whether a {field} {claim}.",
        f"What is a {field} of size {number} called, in one word?",
        f"What does it mean that a {field} with {number} parts {claim}?",
    ))  # fmt: skip


def _code(rng: random.Random, number: int) -> str:
    language, thing = rng.choice(_LANGUAGES), rng.choice(_THINGS)
    return rng.choice((
        f"Refactor the {language} module that counts every {thing}: it has {number} lines.",
        f"Write a function in {language} that sorts {number} records of a {thing} by date.",
        f"My {language} service stops with a deadlock after {number} requests to the {thing} page. Why?",
        f"Which {language} release was number {number} in the {thing} project?",
        f"Is {language} a good choice for a {thing} app with {number} users?",
    ))  # fmt: skip


def outcome(number: int, kind: str, question: str) -> dict[str, Any]:
    """A line of an outcome file: the question, what each simulated model answers, and a judge's word."""
    responses = {}
    for model, (prompt_usd, completion_usd) in PRICES.items():
        name = f"sim-{model}"
        answer = think(read({"model": name, "messages": [{"role": "user", "content": question}]}))
        choice = answer.choices[0]
        cost = answer.prompt_tokens * prompt_usd + answer.completion_tokens * completion_usd
        responses[model] = {
            "text": choice.text,
            "correct": (outcome_of(name, question, json=False) == "good") is not _slip(name, question),
            "finish_reason": choice.finish,
            "cost": round(cost, 9),
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
        }
    return {"id": f"q{number}", "task": kind, "prompt": question, "responses": responses}


def _slip(model: str, question: str) -> bool:
    """Whether the judge is wrong about an answer, as happens once in twenty."""
    return random.Random(f"{model}: {question}").random() < SLIPS


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file; 2 where it cannot be written."""
    parser = argparse.ArgumentParser(
        prog="python -m litellm_tiering.testing.outcomes",
        description="Outcomes of the simulated models small, medium and large, to try eval, train, tune on.",
    )
    parser.add_argument("--rows", type=int, default=500, help="how many questions (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another number, other questions")
    parser.add_argument("--out", default="-", metavar="FILE", help="- for standard output; .gz is packed")
    asked = parser.parse_args(argv)
    if not 1 <= asked.rows <= MAX_ROWS:
        parser.error(f"--rows must be from 1 to {MAX_ROWS:,}")
    try:
        with _writer(asked.out) as out:
            for number, (kind, question) in enumerate(questions(asked.rows, asked.seed), 1):
                out.write(json.dumps(outcome(number, kind, question)) + "\n")
    except BrokenPipeError:
        # Whoever read has had enough, as `head` has: the interpreter's own flush at the end must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        parser.error(f"{asked.out} cannot be written ({error.strerror or error})")
    return 0


@contextmanager
def _writer(name: str) -> Iterator[TextIO]:
    """The file, which is there when it is whole, and not before."""
    if name == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    beside = Path(f"{name}.part")
    try:
        if name.endswith(".gz"):
            with gzip.open(beside, "wt", encoding="utf-8") as packed:
                yield packed
        else:
            with beside.open("w", encoding="utf-8") as plain:
                yield plain
        beside.replace(name)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


if __name__ == "__main__":
    raise SystemExit(main())
