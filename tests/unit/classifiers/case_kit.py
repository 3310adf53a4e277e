"""The project's own cases of what the bundled default must know beyond length: read, asked and judged.

Shared by ``test_default_cases.py`` and ``bench/default_cases.py``. ``default_cases/README.md`` has the keys.
"""

from __future__ import annotations

import datetime as dt
import pathlib
from dataclasses import dataclass, field
from typing import Any

import yaml

from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.intake import read_request

FOLDER = pathlib.Path(__file__).with_name("default_cases")
HALVES = ("blind", "seen", "fresh")
TIERS = ("simple", "moderate", "complex")
LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
MONTHS = ("March", "May", "June", "October")
KEYS = {
    "id", "kind", "lang", "at_least", "at_most", "above", "below",
    "ask", "turns", "system", "messages", "document", "after", "tools", "filler",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what must hold of it: bounds on its tier, and partners it must score above or below."""

    id: str
    kind: str
    lang: str
    half: str
    body: dict[str, Any]
    at_least: int = 0
    at_most: int = 2
    above: str = ""
    below: str = ""

    @property
    def hard(self) -> bool:
        return self.at_least > 0


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a router made of one case: its tier and its score."""

    tier: int
    score: float
    notes: dict[str, float] = field(default_factory=dict)


def load_cases() -> list[Case]:
    """Every case, the blind half first."""
    documents = yaml.safe_load((FOLDER / "documents.yaml").read_text(encoding="utf-8"))
    cases = []
    for half in HALVES:
        for row in yaml.safe_load((FOLDER / f"{half}.yaml").read_text(encoding="utf-8")):
            unknown = set(row) - KEYS
            if unknown:
                raise ValueError(f"{row.get('id')}: unknown keys {sorted(unknown)}")
            bounds = {key: TIERS.index(row[key]) for key in ("at_least", "at_most") if key in row}
            partners = {key: row[key] for key in ("above", "below") if key in row}
            body = body_of(row, documents)
            cases.append(Case(row["id"], row["kind"], row["lang"], half, body, **bounds, **partners))
    return cases


def body_of(row: dict[str, Any], documents: dict[str, list[str]]) -> dict[str, Any]:
    """The chat request of one row."""
    messages: list[dict[str, Any]] = []
    if "system" in row:
        messages.append({"role": "system", "content": row["system"]})
    if "messages" in row:
        messages += row["messages"]
    for i, text in enumerate(row.get("turns", ())):
        messages.append({"role": ("user", "assistant")[i % 2], "content": text})
    if "ask" in row:
        text = row["ask"]
        if "document" in row:
            given = document(documents[row["document"]["lang"]], row["document"]["chars"])
            text = f"{text}\n\n{given}" if row.get("after") else f"{given}\n\n{text}"
        messages.append({"role": "user", "content": text})
    body: dict[str, Any] = {"model": "auto", "messages": messages}
    if "tools" in row:
        body["tools"] = [
            {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
            for name in row["tools"]
        ]
    return body


def document(sentences: list[str], chars: int) -> str:
    """A document of about ``chars`` characters, of paragraphs of five sentences."""
    joint = " " if sentences[0].isascii() or " " in sentences[0] else ""
    found: list[str] = []
    length = i = 0
    while length < chars:
        numbers = {"year": 1974, "month": MONTHS[i // 3 % 4], "n": 37 + 13 * i, "m": 3 + i % 25}
        found.append(sentences[i % len(sentences)].format(**numbers) + ("\n" if i % 5 == 4 else joint))
        length += len(found[-1])
        i += 1
    return "".join(found).strip()


def ask_default(cases: list[Case]) -> dict[str, Ruled]:
    """What the bundled default makes of each case, by its id."""
    chain = Chain([HeuristicClassifier(LADDER)], LADDER)
    found = {}
    for case in cases:
        features, prompt = read_request(case.body, Surface.CHAT)
        said = chain.classify(Subject(features, Caller(), prompt, NOW))
        rank = 1 if said.rank is None else said.rank
        notes = dict(said.opinions[-1].signals) if said.opinions else {}
        found[case.id] = Ruled(rank, said.score or 0.0, notes)
    return found


def failures(cases: list[Case], ruled: dict[str, Ruled]) -> dict[str, str]:
    """The cases that do not hold, with what was found instead."""
    found = {}
    for case in cases:
        mine = ruled[case.id]
        if not case.at_least <= mine.tier <= case.at_most:
            found[case.id] = TIERS[mine.tier]
        elif case.above and not mine.score > ruled[case.above].score:
            found[case.id] = f"not above {case.above}"
        elif case.below and not mine.score < ruled[case.below].score:
            found[case.id] = f"not below {case.below}"
    return found
