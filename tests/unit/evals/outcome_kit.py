"""Outcome files by hand, and chains and gates that say what a test tells them to."""

from __future__ import annotations

import asyncio
import functools
import gzip
import importlib.util
import json
import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared"
DATA = Path(os.environ.get("TIERING_DATA", SHARED / "data"))
TOOLS = Path(os.environ.get("TIERING_TOOLS", SHARED / "tools"))


def line(id_, weak, strong, *, prompt="What is asked?", costs=(0.1, 1.0), texts=(None, None), **more):
    """An outcome line of the models `w` and `s`."""
    answers = {}
    for model, quality, cost, text in zip("ws", (weak, strong), costs, texts, strict=True):
        answers[model] = {"score": quality, "cost": cost, "text": text}
    return {"id": id_, "prompt": prompt, "responses": answers, **more}


def write(path, *lines):
    raw = b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in lines)
    path.write_bytes(gzip.compress(raw) if path.name.endswith(".gz") else raw)
    return str(path)


class Chain:
    """Scores a question by its number of characters, or as told."""

    def __init__(self, score=len, tier="simple"):
        self._score, self._tier = score, tier

    async def score(self, line):
        await asyncio.sleep(0)
        prompt = line["messages"][-1]["content"]
        return {"id": line["id"], "score": self._score(prompt), "tier": self._tier}


class Gates:
    """Rejects answers that hold the word `bad`; `p_bad` as told."""

    def __init__(self, p_bad=None, name="words"):
        self._p_bad, self._name = p_bad, name
        self.by = ""

    async def judge(self, line):
        rejects = "bad" in line["answer"]
        self.by = self._name if rejects else ""
        p_bad = float(rejects) if self._p_bad is None else self._p_bad(line["answer"])
        return {"id": line["id"], "accept": not rejects, "p_bad": p_bad, "reasons": []}


@functools.cache
def reference():
    """The reference metrics, a script by path; skips where it or the data is absent."""
    path = TOOLS / "metrics.py"
    if not path.exists() or not DATA.exists():
        pytest.skip(f"no reference metrics at {TOOLS}, or no recorded outcomes at {DATA}")
    os.environ.setdefault("TIERING_DATA", str(DATA))
    spec = importlib.util.spec_from_file_location("reference_metrics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
