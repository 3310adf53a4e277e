"""Made-up outcomes: which questions need the strong model is told by their words, and by nothing else."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from litellm_tiering.evals.outcomes import read_outcomes
from litellm_tiering.evals.train_rows import Rows

if TYPE_CHECKING:
    from pathlib import Path

EASY = ("capital", "colour", "river", "author", "planet", "recipe", "holiday", "animal")
HARD = ("theorem", "integral", "compiler", "deadlock", "eigenvalue", "topology", "entropy", "lemma")
FILLING = ("please", "tell", "me", "what", "you", "know", "about", "this", "one", "today", "and", "why")


def lines(count: int, seed: int = 0, *, models: int = 2, noise: float = 0.1) -> list[dict[str, Any]]:
    """So many outcomes; half of them need the strongest model, told by one word among filling."""
    draw = random.Random(seed)
    found = []
    for i in range(count):
        hard = draw.random() < 0.5
        words = draw.choices(FILLING, k=draw.randint(4, 12))
        words.insert(draw.randrange(len(words)), draw.choice(HARD if hard else EASY))
        right = [not hard or draw.random() < noise]
        right += [draw.random() < 0.5 if hard else True for _ in range(models - 2)]
        right.append(draw.random() > noise)
        found.append(
            {
                "id": f"q{i}",
                "prompt": f"{' '.join(words)} {i}?",
                "responses": {f"m{k}": {"correct": r, "cost": 0.001 * 10**k} for k, r in enumerate(right)},
            }
        )
    return found


def file_of(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def rows_of(path: Path, rows: list[dict[str, Any]], tiers: int = 2, **options: Any) -> Rows:
    found = Rows([f"m{k}" for k in range(tiers)], **options)
    for outcome in read_outcomes(file_of(path, rows)):
        found.add(outcome)
    found.close()
    return found
