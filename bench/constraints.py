"""How well the `constraints` gate tells answers that keep to their prompt.

    python bench/constraints.py [--by-prompt]

Precision (the share of rejections that are right) and recall (the share of wrong answers rejected) on
IFEval's prompts, for each model and each check, with 95 % intervals by bootstrap over prompts. Three quarters
of the prompts, by their keys, were in view while the grammar was written, the last quarter was not. Then the
false alarms on sets whose answers are right or wrong for other reasons. Errors are listed by id and kind,
never with text. Data is read from TIERING_DATA, or from ../shared/data beside the repository. How long a call
takes is shown by bench/model_times.py.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pathlib
import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from kept import Kept
from litellm_tiering.gates.constraints import ConstraintsGate
from litellm_tiering.testing.gates import exchange

if TYPE_CHECKING:
    from collections.abc import Iterable

    Judged = list[tuple[str, str, str, bool, bool]]  # prompt, model, reason, rejected, wrong

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared"
DATA = pathlib.Path(os.environ.get("TIERING_DATA", SHARED / "data"))
OTHERS = ("zeroeval_gsm", "zeroeval_mathl5", "zeroeval_crux", "mmlupro", "routellm_gsm8k", "routerarena")
GATE = ConstraintsGate()
UNSEEN = 3
KEPT = Kept(__file__)
GOALS = (0.85, 0.80)
"""The precision and the recall aimed at."""


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"outcomes_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def good(answer: dict[str, Any]) -> bool:
    """Whether an answer counts as right, by either field that the sets have."""
    return bool(answer["correct"]) if "correct" in answer else float(answer["score"]) >= 0.5


def judged(found: Iterable[dict[str, Any]]) -> Judged:
    out = []
    for row in found:
        for model, answer in row["responses"].items():
            if not answer.get("text"):
                continue
            verdict = GATE.judge(exchange(answer["text"], row["prompt"]))
            out.append((row["id"], model, verdict.reason, verdict.rejects, not good(answer)))
    return out


def figures(found: Judged) -> tuple[float, float]:
    """Precision and recall."""
    right = sum(rejected and wrong for *_, rejected, wrong in found)
    rejections = sum(rejected for *_, rejected, _ in found)
    wrongs = sum(wrong for *_, wrong in found)
    return right / max(1, rejections), right / max(1, wrongs)


def intervals(found: Judged, times: int = 500) -> list[tuple[float, float]]:
    """The 95 % intervals of precision and recall, prompts drawn again."""
    by_prompt = defaultdict(list)
    for item in found:
        by_prompt[item[0]].append(item)
    prompts, draw = list(by_prompt.values()), random.Random(7)
    drawn = [figures([i for p in draw.choices(prompts, k=len(prompts)) for i in p]) for _ in range(times)]
    edges = int(times * 0.025), int(times * 0.975)
    return [(values[edges[0]], values[edges[1]]) for values in (sorted(v) for v in zip(*drawn, strict=True))]


def line(title: str, name: str, found: Judged) -> None:
    (precision, recall), spans = figures(found), intervals(found)
    figures_ = [(v, *ends) for v, ends in zip((precision, recall), spans, strict=True)]
    KEPT.table(
        "ifeval", "prompts", "answers of", ("answers", ",d"), ("precision", ".3f"), ("recall", ".3f")
    ).row(title, name, len(found), *figures_)
    shown = [f"{v:.3f} [{a:.3f}, {b:.3f}]" for v, (a, b) in zip((precision, recall), spans, strict=True)]
    print(f"  {name:<32} precision {shown[0]}  recall {shown[1]}  answers {len(found)}")


def report(title: str, found: Judged, *, by_prompt: bool) -> None:
    print(f"\n{title}")
    for model in sorted({item[1] for item in found}):
        line(title, model, [item for item in found if item[1] == model])
    line(title, "all", found)
    by_check: dict[str, Counter[bool]] = defaultdict(Counter)
    for _, _, reason, rejected, wrong in found:
        for name in reason.split("+") if rejected else ():
            by_check[name][wrong] += 1
    told = (f"{name} {c[True]}/{c[True] + c[False]}" for name, c in sorted(by_check.items()))
    print("  right of all rejections, by check:", ", ".join(told))
    if by_prompt:
        for id_, model, reason, rejected, wrong in found:
            if rejected != wrong:
                print(f"    {id_:<16} {model:<32} {'missed' if wrong else f'alarm: {reason}'}")


def others() -> None:
    print("\nsets judged by something else: rejections, and how many of them were wrong answers")
    for name in OTHERS:
        found = judged(rows(name))
        rejected = [item for item in found if item[3]]
        right = sum(not item[4] for item in found)
        alarms = sum(not item[4] for item in rejected)
        kept = KEPT.table(
            "others",
            "set",
            ("answers", ",d"),
            ("rejected", "d"),
            ("false alarms", "d"),
            ("of right answers", ".2%"),
        )
        kept.row(name, len(found), len(rejected), alarms, alarms / max(1, right))
        print(
            f"  {name:<18} answers {len(found):>5}  rejected {len(rejected):>4}"
            f"  wrong {len(rejected) - alarms:>4}"
            f"  false alarms {alarms}/{right} ({alarms / max(1, right):.4f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--by-prompt", action="store_true", help="list what it gets wrong, by id")
    by_prompt = parser.parse_args().by_prompt
    if (DATA / "outcomes_ifeval.jsonl.gz").exists():
        parts: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        for row in rows("ifeval"):
            parts[int(row["qkey"], 16) % 4 != UNSEEN].append(row)
        seen, unseen = judged(parts[True]), judged(parts[False])
        report("IFEval, prompts in view when the grammar was written", seen, by_prompt=by_prompt)
        report("IFEval, prompts that were not", unseen, by_prompt=by_prompt)
        for what, value, goal in zip(("precision", "recall"), figures(unseen), GOALS, strict=True):
            KEPT.goal(f"{what} of `constraints`, IFEval, prompts not in view", value, at_least=goal)
        report("IFEval, all", seen + unseen, by_prompt=False)
        others()
    else:
        print("no recorded outcomes here: set TIERING_DATA")


if __name__ == "__main__":
    KEPT.run(main)
