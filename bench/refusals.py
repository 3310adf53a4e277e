"""How well the `refusal` gate tells refusals from answers, on answers that people labelled.

    python bench/refusals.py [--model PART]

Precision and recall are of full refusals against compliances; of partial refusals the share that is rejected
is given. What it gets wrong is listed by id with a short reason, never with its text. Data is read from
TIERING_DATA, or from ../shared/data beside the repository; where it is absent this says so and ends.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pathlib
import sys
import time
from collections import Counter, defaultdict

from kept import Kept
from litellm_tiering.core.features import PromptText, RequestFeatures
from litellm_tiering.core.gate import Exchange, Said, Verdict
from litellm_tiering.gates.refusal import RefusalGate

KEPT = Kept(__file__)
GOALS = {"precision": 0.97, "recall": 0.93}
SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared"
DATA = pathlib.Path(os.environ.get("TIERING_DATA", SHARED / "data"))


def rows(part: str) -> list[dict[str, str]]:
    with gzip.open(DATA / "refusals.jsonl.gz", "rt", encoding="utf-8") as file:
        return [row for row in map(json.loads, file) if part in row["model"]]


def judge(row: dict[str, str]) -> Verdict:
    said = Said(text=row["response"] or "", finish_reason=row.get("finish_reason") or "")
    return RefusalGate().judge(Exchange(said, RequestFeatures(), PromptText(question=row["prompt"])))


def kind(row: dict[str, str], verdict: Verdict) -> str:
    """Why a row is judged wrongly, in a word or two."""
    if verdict.rejects:
        return f"alarm: {verdict.reason}"
    if not row["response"].strip():
        return "missed: empty"
    return "missed: near" if (verdict.p_bad or 0) > 0 else "missed: no sign"


def share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def report(found: list[tuple[dict[str, str], Verdict]]) -> None:
    """The table by model, and its total."""
    print(f"{'model':<46} {'rows':>5} {'precision':>9} {'recall':>7} {'partial':>8}")
    groups = defaultdict(list)
    for row, verdict in found:
        groups[row["model"]].append((row["label"], verdict.rejects))
        groups["all"].append((row["label"], verdict.rejects))
    for model, seen in sorted(groups.items(), key=lambda item: (item[0] == "all", item[0])):
        count = Counter(seen)
        hit, miss = count["refusal", True], count["refusal", False]
        alarms, partial = count["compliance", True], count["partial_refusal", True]
        ratios = [part / whole if whole else None for part, whole in ((hit, hit + alarms), (hit, hit + miss))]
        kept = KEPT.table("models", "answers of", ("rows", ",d"), ("precision", ".3f"), ("recall", ".3f"))
        kept.row(model, len(seen), *ratios)
        if model == "all":
            for (what, goal), value in zip(GOALS.items(), ratios, strict=True):
                KEPT.goal(f"{what} of the `refusal` gate", value, at_least=goal)
        print(
            f"{model:<46} {len(seen):>5} {share(hit, hit + alarms):>9} {share(hit, hit + miss):>7}"
            f" {share(partial, partial + count['partial_refusal', False]):>8}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="Precision and recall of the refusal gate.")
    parser.add_argument("--model", default="", help="only models whose name holds this")
    if not (DATA / "refusals.jsonl.gz").exists():
        print("no labelled refusals here: set TIERING_DATA", file=sys.stderr)
        return 2
    chosen = rows(parser.parse_args().model)
    start = time.perf_counter()
    found = [(row, judge(row)) for row in chosen]
    took = time.perf_counter() - start
    report(found)
    print(f"\n{took / max(1, len(found)) * 1e6:.0f} us an answer")
    for row, verdict in found:
        if row["label"] != "partial_refusal" and verdict.rejects != (row["label"] == "refusal"):
            print(f"{row['id']:<44} {row['model'][:40]:<41} {kind(row, verdict)}")
    return 0


if __name__ == "__main__":
    KEPT.run(main)
