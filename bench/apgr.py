"""How well the heuristic ranks real questions by who needs the stronger model, beside the number of words.

    python bench/apgr.py [SET ...]

APGR over recorded outcomes (0.5 is chance), by the reference metrics. Data and metrics are read from
TIERING_DATA and TIERING_TOOLS, or from ../shared beside the repository. The interval is a bootstrap's.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import os
import pathlib
import sys
from typing import Any

from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.intake import read_request

SETS = ("routellm_gsm8k", "routellm_mmlu", "zeroeval_gsm", "ifeval", "mmlupro", "llmrouter")
SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared"
LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])


def reference_metrics() -> Any:  # noqa: ANN401 - a script, untyped
    """The reference metrics, a script by path; None where they or the data are absent."""
    os.environ.setdefault("TIERING_DATA", str(SHARED / "data"))
    path = pathlib.Path(os.environ.get("TIERING_TOOLS", SHARED / "tools")) / "metrics.py"
    if not path.exists() or not pathlib.Path(os.environ["TIERING_DATA"]).exists():
        return None
    spec = importlib.util.spec_from_file_location("reference_metrics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scores(prompts: list[str]) -> tuple[list[float], list[int]]:
    """The heuristic's score of each prompt, and its number of words."""
    heuristic = HeuristicClassifier(LADDER)
    now = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    found = []
    for text in prompts:
        features, prompt = read_request({"messages": [{"role": "user", "content": text}]}, Surface.CHAT)
        opinion = heuristic.classify(Subject(features, Caller(), prompt, now))
        found.append(opinion.score if opinion and opinion.score is not None else 0.0)
    return found, [len(text.split()) for text in prompts]


def compare(
    metrics: Any,  # noqa: ANN401 - as above
    name: str,
) -> tuple[dict[str, float], dict[str, float], list[float], list[float]]:
    """The reference metrics of the heuristic and of the number of words on one set."""
    rows, weak, strong, quality, cost = metrics.load(name)
    mine, words = scores([row["prompt"] for row in rows])
    known = (quality[weak], quality[strong], *((cost[weak], cost[strong]) if cost else ()))
    interval = metrics.bootstrap_apgr(mine, quality[weak], quality[strong], times=100)
    return metrics.router_metrics(mine, *known), metrics.router_metrics(words, *known), mine, interval


def main() -> int:
    parser = argparse.ArgumentParser(description="The heuristic's APGR beside that of the number of words.")
    parser.add_argument("sets", nargs="*", default=SETS)
    metrics = reference_metrics()
    if metrics is None:
        print("no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS", file=sys.stderr)
        return 2
    print(
        f"{'set':<18} {'rows':>6} {'heuristic':>10} {'95 %':>14} {'words':>7} {'simple/moderate/complex':>25}"
    )
    totals = [0.0, 0.0]
    low, high = HeuristicClassifier(LADDER).thresholds
    names = parser.parse_args().sets
    for name in names:
        mine, words, found, interval = compare(metrics, name)
        totals = [totals[0] + mine["APGR"], totals[1] + words["APGR"]]
        mix = [
            sum(s < low for s in found),
            sum(low <= s < high for s in found),
            sum(s >= high for s in found),
        ]
        shares = "/".join(f"{100 * n / len(found):.0f} %" for n in mix)
        span = f"{interval[0]:.3f}-{interval[1]:.3f}"
        print(
            f"{name:<18} {mine['n']:>6} {mine['APGR']:>10.3f} {span:>14} {words['APGR']:>7.3f} {shares:>25}"
        )
    print(f"{'mean':<18} {'':>6} {totals[0] / len(names):>10.3f} {'':>14} {totals[1] / len(names):>7.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
