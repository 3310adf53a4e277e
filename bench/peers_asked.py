"""Asks the routers of other projects, in an environment that has nothing else in it; for bench/peers.py.

    python bench/peers_asked.py < questions.json > answers.json

The questions are `{"sized": {SIZE: [PROMPT]}, "sets": {SET: [PROMPT]}, "judged": [[PROMPT, ANSWER]]}`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3


def wayfinder() -> Callable[[str], float]:
    from wayfinder_router.complexity import score_complexity  # noqa: PLC0415 - one peer may be absent

    return lambda text: float(score_complexity(text).score)


def cascadeflow() -> Callable[[str], float]:
    """Its level, and within a level how sure it is, which is no order of difficulty but breaks ties."""
    from cascadeflow.quality.complexity import ComplexityDetector, QueryComplexity  # noqa: PLC0415 - as above

    levels = {level: rank for rank, level in enumerate(QueryComplexity)}
    detector = ComplexityDetector()
    return lambda text: float(levels[detector.detect(text)[0]])


def verdicts(judged: list[list[str]]) -> dict[str, list[bool]]:
    """What cascadeflow's validator says of each answer, by its preset; no logprobs are known."""
    from cascadeflow.quality.confidence import ProductionConfidenceEstimator  # noqa: PLC0415 - as above
    from cascadeflow.quality.quality import QualityConfig, QualityValidator  # noqa: PLC0415 - as above

    estimator, found = ProductionConfidenceEstimator(), {}
    for preset in ("for_cascade", "for_production", "strict"):
        validator = QualityValidator(getattr(QualityConfig, preset)())
        found[preset] = [
            bool(
                validator.validate(
                    answer,
                    prompt,
                    estimator.estimate(answer, query=prompt, finish_reason="stop").final_confidence,
                ).passed
            )
            for prompt, answer in judged
        ]
    return found


def median_ms(score: Callable[[str], float], texts: list[str]) -> float:
    taken = []
    for text in texts * ROUNDS:
        began = time.perf_counter()
        score(text)
        taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    peers = {"Wayfinder": wayfinder(), "cascadeflow": cascadeflow()}
    found = {
        name: {
            "times": {size: median_ms(score, texts) for size, texts in asked["sized"].items()},
            "scores": {name: [score(text) for text in texts] for name, texts in asked["sets"].items()},
        }
        for name, score in peers.items()
    }
    json.dump({"peers": found, "verdicts": verdicts(asked["judged"])}, sys.stdout)


if __name__ == "__main__":
    main()
