"""From files to a tuned policy, again and again: how often is the promised quality kept on the rest?

    python bench/promise.py [SET ...] [--splits 100] [--rows 500] [--target 0.95] [--gate]

Each time so many rows of a set, drawn by a seed, become an outcome file, and the commands are given as a user
gives them: `train`, then `tune --write`. The configuration that comes of it scores all other rows, its gates
judge the recorded answers, and the quality of what would be served is compared with the strong model's on the
same rows. With --gate half of the rows train a router and a gate, and both are tuned on the other half.

`kept` is the share of splits whose quality on the rest is at least what was promised, with its 95 %
interval; where nothing could be promised, exit status 4, the strong model is always asked. `at least 0.94`
and so on tell how far those that missed fell. The rest of a small set is itself a sample: a policy whose true
quality is just what was promised misses it there about every second time. Needs the recorded outcomes
(TIERING_DATA and TIERING_TOOLS, or ../shared) and numpy. Exits with 1 where a set keeps fewer than 95 in 100.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apgr import reference_metrics
from kept import Kept
from litellm_tiering.cli import main as command
from litellm_tiering.cli.common import Exit
from litellm_tiering.cli.score import Scorer
from litellm_tiering.cli.settings import Chosen, settings_of
from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Exchange, Said
from litellm_tiering.intake import read_request
from tune_promise import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.config.build import Settings

SETS = (
    "zeroeval_gsm@haiku",
    "zeroeval_gsm@gpt35",
    "routellm_gsm8k",
    "mmlupro@llama8b",
    "llmrouter",
    "routellm_mmlu",
)
KEPT = Kept(__file__)
GOAL = 0.95
"""Of how many splits the promise is to be kept."""

MOST_JUDGED = 2_000
"""Of how many rows of the rest the quality is measured at most: drawn by the same seed."""

ROUTER = "  classifiers:\n    - {kind: learned, path: router.json}\n    - {kind: heuristic}\n"
GATES = (
    "  cascade:\n    stream: buffer\n    gates:\n      - {kind: not_empty}\n      - {kind: finished}\n"
    "      - {kind: refusal}\n      - {kind: acceptable, path: gate.json}\n"
)
CONFIG = (
    "tiering:\n  tiers:\n    - {name: simple, model: small}\n    - {name: complex, model: large}\n"
    "  store: {url: 'memory://'}\n"
)


@dataclass(frozen=True)
class Split:
    """What one split came to: shares of the strong model's quality and cost on the rest."""

    feasible: bool
    quality: float
    cost: float
    took_s: float


def lines_of(metrics: Any, name: str) -> list[dict[str, Any]]:  # noqa: ANN401 - a script by path, untyped
    """The set's rows as outcome lines of the groups small and large."""
    rows, weak, strong, _, _ = metrics.load(name)
    field = metrics.SETS[name][3]
    found = []
    for row in rows:
        responses = {}
        for group, model in (("small", weak), ("large", strong)):
            answer = dict(row["responses"][model])
            answer["score"] = float(answer[field])
            responses[group] = answer
        found.append({"id": row["id"], "prompt": row["prompt"], "responses": responses})
    return found


def run(words: Sequence[str], *allowed: int) -> None:
    """Give a command, in silence.

    Raises:
        SystemExit: its exit status is none of those allowed.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = command(list(words))
    if status not in allowed:
        raise SystemExit(
            f"litellm-tiering {' '.join(words)} exits with {status}:\n{out.getvalue()}{err.getvalue()}"
        )


def write_lines(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def policy(folder: Path, own: Sequence[dict[str, Any]], target: float, *, gate: bool) -> bool:
    """Train and tune by the command line in ``folder``; whether a promise could be made."""
    write_lines(folder / "outcomes.jsonl", own)
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    trained, held = "outcomes.jsonl", []
    common = ["--config", str(config)]
    if gate:
        trained, held = "train.jsonl", ["--holdout", "0.5"]
        rest = ["--rest", str(folder / trained)]
        run(["tune", "--outcomes", str(folder / "outcomes.jsonl"), *held, *rest], Exit.DONE)
        given = ["train", "--gate", "--force", "--no-curve", "--outcomes", str(folder / trained), *common]
        run([*given, "--out", str(folder / "gate.json")], Exit.DONE)
    # Where the model is no better than word count `train` says so, and a user may overrule it.
    given = ["train", "--force", "--no-curve", "--outcomes", str(folder / trained), *common]
    run([*given, "--out", str(folder / "router.json")], Exit.DONE)
    config.write_text(CONFIG + ROUTER + (GATES if gate else ""))
    given = ["tune", "--outcomes", str(folder / "outcomes.jsonl"), *held, *common, "--target", f"{target:g}"]
    before = config.read_text()
    run([*given, "--write"], Exit.DONE, Exit.FINDINGS, Exit.INFEASIBLE)
    feasible = config.read_text() != before
    if feasible:
        run(["check", *common], Exit.DONE)
    return feasible


async def served(
    settings: Settings, line: dict[str, Any], scorer: Scorer, *, gated: bool
) -> tuple[float, float]:
    """The quality that is served for a question under a policy, and the cost of it."""
    answers = line["responses"]
    costs = {group: answer.get("cost") for group, answer in answers.items()}
    if any(cost is None for cost in costs.values()):
        costs = {"small": 0.0, "large": 1.0}
    tier = (await scorer.score({"id": line["id"], "prompt": line["prompt"]}))["tier"]
    group = "small" if tier == "simple" else "large"
    paid = costs[group]
    if group == "small" and gated and settings.cascade is not None:
        features, prompt = read_request(
            {"messages": [{"role": "user", "content": line["prompt"]}]}, Surface.CHAT
        )
        said = [
            Exchange(Said(answers[g]["text"], finish_reason="stop"), features, prompt)
            for g in ("small", "large")
        ]
        first = await settings.cascade.gates.judge(said[0])
        if not first.accepted:
            paid += costs["large"]
            second = await settings.cascade.gates.judge(said[1])
            group = "large" if second.accepted or second.p_bad <= first.p_bad else "small"
    return float(answers[group]["score"]), float(paid)


def one(lines: Sequence[dict[str, Any]], seed: int, rows: int, target: float, *, gate: bool) -> Split:
    """One split: tuned on some rows, measured on the others."""
    began = time.monotonic()
    drawn = list(lines)
    random.Random(seed).shuffle(drawn)
    own, rest = drawn[:rows], drawn[rows : rows + MOST_JUDGED]
    strong = np.array([r["responses"]["large"]["score"] for r in rest])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not policy(folder, own, target, gate=gate):
            return Split(False, 1.0, 1.0, time.monotonic() - began)
        settings = settings_of(Chosen(folder / "config.yaml", os.environ))
        scorer = Scorer(settings)

        async def every() -> list[tuple[float, float]]:
            return [await served(settings, line, scorer, gated=gate) for line in rest]

        quality, cost = np.array(asyncio.run(every())).T
    costs = [r["responses"]["large"].get("cost") for r in rest]
    always = 1.0 if any(c is None for c in costs) else float(np.mean(costs))
    share = float(quality.mean() / strong.mean())
    return Split(True, share, float(cost.mean() / always), time.monotonic() - began)


def tell(name: str, total: int, found: Sequence[Split], target: float) -> None:
    kept = np.array([s.quality >= target - 1e-9 for s in found])
    low, high = wilson(float(kept.mean()), len(found))
    made = [s for s in found if s.feasible]
    near = ", ".join(f"{t:.2f}: {sum(s.quality >= t for s in found)}" for t in (target - 0.01, target - 0.02))
    print(
        f"{name:<20} rest {total:>5,}  kept {kept.sum():>3} of {len(found)} ({low:.2f} to {high:.2f})  "
        f"at least {near}  promised in {len(made)}",
        flush=True,
    )
    kept_in = (float(kept.mean()), low, high)
    means = np.array([(s.quality, s.cost) for s in made]).mean(0) if made else (None, None)
    table = KEPT.table(
        "sets", "set", ("splits", "d"), ("kept", ".0%"), ("promised in", "d"),
        ("quality where promised", ".3f"), ("cost, of always strong", ".0%"),
    )  # fmt: skip
    table.row(name, len(found), kept_in, len(made), *means)
    KEPT.goal(f"{name}: splits that keep the promise", kept_in[0], at_least=GOAL)
    if made:
        qualities, costs = np.array([(s.quality, s.cost) for s in made]).T
        shown = (
            f"quality {qualities.mean():.3f} (least {qualities.min():.3f}), cost {100 * costs.mean():.0f} %"
        )
        took_s = np.mean([s.took_s for s in found])
        good = sum(qualities >= target - 1e-9)
        told = f"where promised: kept {good} of {len(made)}, {shown} of always strong; {took_s:.1f} s a split"
        print(f"{'':<20} {told}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="How often a promise is kept, from files to a policy.")
    parser.add_argument("sets", nargs="*", help="by their names in tools/metrics.py")
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--rows", type=int, default=500, help="how many rows are trained and tuned on")
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--gate", action="store_true", help="with a gate of one's own, tuned together")
    options = parser.parse_args()
    metrics = reference_metrics()
    if metrics is None:
        print("no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS", file=sys.stderr)
        return 1
    print(
        f"{options.rows} rows, {options.target:.0%} of the strong model's quality with 95 % confidence, "
        f"{'a router and a gate' if options.gate else 'a router'} of one's own"
    )
    missed = False
    for name in options.sets or SETS:
        lines = lines_of(metrics, name)
        found = [
            one(lines, s, options.rows, options.target, gate=options.gate) for s in range(options.splits)
        ]
        tell(name, min(len(lines) - options.rows, MOST_JUDGED), found, options.target)
        missed |= np.mean([s.quality >= options.target - 1e-9 for s in found]) < GOAL
    return int(missed)


if __name__ == "__main__":
    KEPT.run(main)
