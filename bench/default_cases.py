"""What the bundled default knows beyond length, on the project's own hand-written cases.

    python bench/default_cases.py [--failing]

How many cases hold, by kind and language, of the bundled default, of counting words, and of LiteLLM's own
complexity scorer. The word count's thresholds are those that hold the most cases, found on the cases
themselves: the best that counting can do. LiteLLM's are its own. AUROC is how well the scores alone tell the
hard cases from the easy ones; 0.5 is chance.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "unit" / "classifiers"))

from case_kit import HALVES, TIERS, Case, Ruled, ask_default, failures, load_cases

from kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable


KEPT = Kept(__file__)


def last_words(case: Case) -> str:
    """The user's last turn, which is what a router without a memory goes by."""
    said = [m["content"] for m in case.body["messages"] if m["role"] == "user"]
    return str(said[-1])


def count_words(cases: list[Case]) -> dict[str, Ruled]:
    """The number of words, with the two thresholds under which the most cases hold."""
    counts = {case.id: float(len(last_words(case).split())) for case in cases}
    levels = sorted(set(counts.values()))
    best: tuple[int, dict[str, Ruled]] = (-1, {})
    for low in levels:
        for high in (level for level in levels if level >= low):
            ruled = {k: Ruled((n >= low) + (n >= high), n) for k, n in counts.items()}
            holds = len(cases) - len(failures(cases, ruled))
            if holds > best[0]:
                best = (holds, ruled)
    return best[1]


def ask_litellm(cases: list[Case]) -> dict[str, Ruled] | None:
    """LiteLLM's scorer by its own tiers, the two highest counted as one; None where it is not installed."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch prices from the internet
    from litellm_tiering.errors import IncompatibleLiteLLM  # noqa: PLC0415 - beside the import it belongs to
    from litellm_tiering.gateway.scorer import make_scorer  # noqa: PLC0415 - LiteLLM takes seconds

    try:
        score = make_scorer()
    except IncompatibleLiteLLM:
        return None
    found = {}
    for case in cases:
        said = score(last_words(case))
        found[case.id] = Ruled(min(2, said.tier), said.score)
    return found


def auroc(cases: list[Case], ruled: dict[str, Ruled]) -> float:
    """How often a hard case scores above an easy one, ties counted as half."""
    hard = [ruled[c.id].score for c in cases if c.hard]
    easy = [ruled[c.id].score for c in cases if not c.hard]
    if not hard or not easy:
        return float("nan")
    won = sum((h > e) + 0.5 * (h == e) for h in hard for e in easy)
    return won / (len(hard) * len(easy))


def table(cases: list[Case], routers: dict[str, dict[str, Ruled]], by: Callable[[Case], str]) -> None:
    failing = {name: failures(cases, ruled) for name, ruled in routers.items()}
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[by(case)].append(case)
    for group, inside in groups.items():
        held = [sum(c.id not in told for c in inside) for told in failing.values()]
        kept = KEPT.table("cases", "cases", ("how many", "d"), *((name, ".0%") for name in routers))
        kept.row(group, len(inside), *(n / len(inside) for n in held))
        shown = "  ".join(f"{f'{n} {100 * n / len(inside):>5.0f} %':>14}" for n in held)
        print(f"{group:<20} {len(inside):>5}  {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description="How many hand-written cases hold.")
    parser.add_argument("--failing", action="store_true", help="list the default's failing cases")
    options = parser.parse_args()
    cases = load_cases()
    routers = {"default": ask_default(cases), "word count": count_words(cases)}
    theirs = ask_litellm(cases)
    if theirs is None:
        print("LiteLLM's scorer is not to be had here and is left out", file=sys.stderr)
    else:
        routers["LiteLLM"] = theirs
    print(f"{'':<20} {'cases':>5}  " + "  ".join(f"{name:>14}" for name in routers))
    for title, by in (
        ("all", lambda _: "all"),
        ("half", lambda c: f"{c.half} half"),
        ("kind", lambda c: c.kind),
        ("language", lambda c: c.lang),
    ):
        print(f"-- {title}")
        table(cases, routers, by)
    print("-- AUROC of the scores, hard against easy")
    for half in (*HALVES, ""):
        chosen = [c for c in cases if not half or c.half == half]
        kept = KEPT.table("auroc", "cases", ("how many", "d"), *((name, ".3f") for name in routers))
        kept.row(half or "all", len(chosen), *(auroc(chosen, ruled) for ruled in routers.values()))
        figures = "  ".join(f"{auroc(chosen, ruled):>14.3f}" for ruled in routers.values())
        print(f"{half or 'all':<20} {len(chosen):>5}  {figures}")
    if options.failing:
        told = failures(cases, routers["default"])
        for case in cases:
            if case.id in told:
                bound = f"at least {TIERS[case.at_least]}" if case.hard else f"at most {TIERS[case.at_most]}"
                print(f"{case.half:<6} {case.kind:<20} {case.id:<22} {bound:<18} found: {told[case.id]}")


if __name__ == "__main__":
    KEPT.run(main)
