"""A small router model, written by hand, and requests to ask it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from litellm_tiering import weights
from litellm_tiering.classifiers.learned_features import NAMES, VERSION, buckets_of, tokens_of
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    from pathlib import Path

BUCKETS = 64
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


def header_of(steps: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "features": VERSION,
        "buckets": BUCKETS,
        "steps": steps,
        "models": [f"m{n}" for n in range(steps + 1)],
        "groups": ["use_case:faq", "rule:long"],
        "thresholds": [0.2 + 0.1 * k for k in range(steps)],
        "calibration": [[[0.0, 0.0], [1.0, 0.5], [2.0, 0.9]]] * steps,
        "novelty": [3.0, 4.0],
        "quantiles": [n / 200 for n in range(101)],
    } | changed


def arrays_of(steps: int = 1, **changed: Any) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {
        "means": [0.0] * len(NAMES),
        "scales": [0.0] * len(NAMES),
        "idf": [1.0] * BUCKETS,
        "base": [0.5] * steps,
    }
    found["scales"][0] = found["scales"][1] = 1.0
    for k in range(steps):
        found[f"numbers:{k}"] = [0.1] + [0.0] * (len(NAMES) - 1)
        found[f"words:{k}"] = [0.0] * BUCKETS
        found[f"groups:{k}"] = [-0.4, 0.6]
    hard = next(iter(buckets_of(tokens_of("prove"), BUCKETS - 1)))
    found["words:0"][hard] = 1.0
    return found | changed


def model_file(path: Path, header: dict[str, Any] | None = None, **arrays: Any) -> Path:
    header = header_of() if header is None else header
    weights.write(path, "router", header, arrays_of(header["steps"], **arrays))
    return path


def subject_of(text: str, **body: Any) -> Subject:
    features, prompt = read_request({"messages": [{"role": "user", "content": text}], **body}, Surface.CHAT)
    return Subject(features, Caller(), prompt, NOW)
