"""Routers of other projects that install from PyPI and need no weights, beside ours and LiteLLM's.

    python bench/peers.py [--venv DIR]

They are installed into an environment of their own (made in a temporary folder, or DIR, which is kept), and
asked there. Told are the median time for prompts of three sizes, one process after the other in one run; the
APGR on recorded outcomes; and how many wrong and right answers each gate accepts. Our gates here are those
that learned nothing: the built-in `acceptable` was fitted on rows of these sets. Data is read from
TIERING_DATA and TIERING_TOOLS, or from ../shared beside the repository.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

from apgr import reference_metrics, scores
from decision import decider, litellm_scorer, prompts, timed
from kept import Kept
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Exchange, Said
from litellm_tiering.evals.metrics import Pair
from litellm_tiering.intake import read_request
from quality_routing import figure, litellm_scores
from tune_promise import wilson

KEPT = Kept(__file__)
PACKAGES = ("cascadeflow==1.2.0", "wayfinder-router==2026.7.0")
SIZES = (50, 2_000, 100_000)
SETS = (
    "routellm_gsm8k",
    "ifeval",
    "ifeval@haiku",
    "zeroeval_gsm@gpt35",
    "zeroeval_mathl5@haiku",
    "zeroeval_crux",
)
JUDGED = ("zeroeval_gsm@gpt35", "zeroeval_mathl5@haiku", "ifeval@haiku")
"""Sets whose weak model's answers are judged."""

GATES = ("not_empty", "finished", "refusal", "json_schema", "constraints", "arithmetic")


def installed(folder: Path) -> str:
    """The Python of an environment that has the peers."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    subprocess.run(command, check=True)
    return str(python)


def asked_of(python: str, questions: dict[str, Any]) -> dict[str, Any]:
    script = Path(__file__).with_name("peers_asked.py")
    done = subprocess.run(
        [python, str(script)], input=json.dumps(questions), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the peers could not be asked:\n{done.stderr[-2_000:]}")
    return json.loads(done.stdout)


def tell_times(peers: dict[str, Any]) -> None:
    decide, score = decider(), litellm_scorer()
    names = ("ours, reading and rules included", "LiteLLM's scorer", *peers)
    print("\nmedian ms: characters, " + ", ".join(names))
    kept = KEPT.table("times", ("characters", ",d"), *((f"{name}, ms", ".3f") for name in names))
    for size in SIZES:
        texts = prompts(size)
        bodies = [{"model": "auto", "messages": [{"role": "user", "content": t}]} for t in texts]
        ours = statistics.median(timed(decide, body) for body in bodies * 3)
        theirs = statistics.median(timed(score, text) for text in texts)
        found = (ours, theirs, *(one["times"][str(size)] for one in peers.values()))
        kept.row(size, *found)
        print(f"  {size:>8,} " + " ".join(f"{ms:>10.3f}" for ms in found))


def tell_routers(sets: dict[str, Any], metrics: Any, peers: dict[str, Any]) -> None:  # noqa: ANN401 - untyped
    names = ("words", "ours, default", "LiteLLM's scorer", *peers)
    print("\nAPGR: " + ", ".join(names))
    kept = KEPT.table("routers", "set", ("questions", ",d"), *((name, ".3f") for name in names))
    for name, texts in sets.items():
        _, weak, strong, quality, _ = metrics.load(name)
        pair = Pair(quality[weak], quality[strong])
        default, words = scores(texts)
        every = (words, default, litellm_scores(texts), *(one["scores"][name] for one in peers.values()))
        # A scorer that is not to be had has no figure; one that says the same of all is at chance.
        found = [None if one is None else figure(pair, np.asarray(one, float)) for one in every]
        kept.row(name, len(texts), *found)
        print(f"  {name:<22} " + "  ".join(map(str, found)), flush=True)


def judged_by_ours(judged: list[tuple[str, str]]) -> list[bool]:
    section = {
        "tiers": [{"name": "weak", "model": "weak"}, {"name": "strong", "model": "strong"}],
        "cascade": {"gates": [{"kind": kind} for kind in GATES]},
        "store": {"url": "memory://"},
    }
    cascade = build(from_mapping(section).config).cascade
    assert cascade is not None

    async def every() -> list[bool]:
        found = []
        for prompt, answer in judged:
            features, text = read_request({"messages": [{"role": "user", "content": prompt}]}, Surface.CHAT)
            verdict = await cascade.gates.judge(Exchange(Said(answer, finish_reason="stop"), features, text))
            found.append(verdict.accepted)
        return found

    return asyncio.run(every())


def tell_gates(where: list[tuple[str, bool]], verdicts: dict[str, list[bool]]) -> None:
    print("\naccepted of the wrong answers, and of the right ones")
    kept = KEPT.table("gates", "answers of", "gate", ("accepts of wrong", ".1%"), ("accepts of right", ".1%"))
    for name in JUDGED:
        for gate, said in verdicts.items():
            cells = []
            for wanted in (False, True):
                mine = [
                    s for (set_, right), s in zip(where, said, strict=True) if (set_, right) == (name, wanted)
                ]
                share = sum(mine) / len(mine)
                cells.append((share, *wilson(share, len(mine))))
            kept.row(name, gate, *cells)
            print(f"  {name:<22} {gate:<28} {cells[0][0]:.1%} {cells[1][0]:.1%}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--venv", type=Path, help="an environment to install the peers into, and to keep")
    options = parser.parse_args()
    metrics = reference_metrics()
    if metrics is None:
        print("no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS", file=sys.stderr)
        return 1
    sets = {name: [row["prompt"] for row in metrics.load(name)[0]] for name in SETS}
    judged, where = [], []
    for name in JUDGED:
        rows, weak, _, _, _ = metrics.load(name)
        field = metrics.SETS[name][3]
        for row in rows:
            answer = row["responses"][weak]
            if answer.get("text"):
                judged.append((row["prompt"], answer["text"]))
                where.append((name, float(answer[field]) >= 0.5))
    questions = {"sized": {size: prompts(size) for size in SIZES}, "sets": sets, "judged": judged}
    with tempfile.TemporaryDirectory() as folder:
        found = asked_of(installed(options.venv or Path(folder)), questions)
    for package in PACKAGES:
        print(package)
    tell_times(found["peers"])
    tell_routers(sets, metrics, found["peers"])
    presets = {f"cascadeflow, {name}": said for name, said in found["verdicts"].items()}
    tell_gates(where, {"ours, those that learned nothing": judged_by_ours(judged), **presets})
    return 0


if __name__ == "__main__":
    KEPT.run(main)
