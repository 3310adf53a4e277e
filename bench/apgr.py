"""How well the heuristic ranks real questions by who needs the stronger model, beside the number of words.

    python bench/apgr.py [SET ...]

APGR over recorded outcomes (0.5 is chance), by the reference metrics, on every set that they know. Data and
metrics are read from TIERING_DATA and TIERING_TOOLS, or from ../shared beside the repository. Intervals are
of a paired bootstrap: of the difference between the two, on the same rows. In the set `mmlupro` weak and
strong are all but equally good, so that its APGR says nothing; it is shown, and left out of the mean.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import os
import pathlib
import sys
from typing import Any

from kept import Kept
from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.intake import read_request

LEFT_OUT = ("mmlupro",)
TIMES = 300
KEPT = Kept(__file__)
GOAL_MEAN = 0.57
GOAL_BELOW = 0.015
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


class Compared:
    """The heuristic and the number of words on one set."""

    def __init__(self, metrics: Any, name: str) -> None:  # noqa: ANN401 - as above
        import numpy as np  # noqa: PLC0415 - the reference metrics have brought it

        rows, weak, strong, quality, _ = metrics.load(name)
        scored, counted = scores([row["prompt"] for row in rows])
        self.name, self.rows, self.scores = name, len(rows), scored
        pair, known = (np.array(scored), np.array(counted, float)), (quality[weak], quality[strong])

        def apgr(chosen: Any) -> list[float]:  # noqa: ANN401 - as above
            qw, qs = (q[chosen] for q in known)
            if abs(qs.mean() - qw.mean()) < 1e-9:
                return [float("nan")] * 2
            return [metrics.router_metrics(p[chosen], qw, qs)["APGR"] for p in pair]

        random = np.random.default_rng(0)
        self.mine, self.words = apgr(np.arange(self.rows))
        again = [apgr(random.integers(0, self.rows, self.rows)) for _ in range(TIMES)]
        self.differences = np.array([mine - words for mine, words in again])

    def shares(self, low: float, high: float) -> str:
        """How many of its questions go to each tier."""
        mix = (sum(s < low for s in self.scores), sum(low <= s < high for s in self.scores))
        counts = (*mix, self.rows - sum(mix))
        return "/".join(f"{100 * n / self.rows:.0f}" for n in counts)


def bounds(values: Any) -> Any:  # noqa: ANN401 - as above
    import numpy as np  # noqa: PLC0415 - as above

    return np.nanpercentile(values, (2.5, 97.5))


def interval(values: Any) -> str:  # noqa: ANN401 - as above
    low, high = bounds(values)
    return f"{low:+.3f} {high:+.3f}"


def main() -> int:
    parser = argparse.ArgumentParser(description="The heuristic's APGR beside that of the number of words.")
    parser.add_argument("sets", nargs="*")
    metrics = reference_metrics()
    if metrics is None:
        print("no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS", file=sys.stderr)
        return 2
    names = parser.parse_args().sets or list(metrics.SETS)
    low, high = HeuristicClassifier(LADDER).thresholds
    print(f"{'set':<22} {'rows':>6} {'default':>8} {'words':>7} {'more':>7} {'95 %':>14}  tiers, %")
    counted, missed = [], []
    for name in names:
        one = Compared(metrics, name)
        more = one.mine - one.words
        print(
            f"{name:<22} {one.rows:>6} {one.mine:>8.3f} {one.words:>7.3f} {more:>+7.3f} "
            f"{interval(one.differences):>14}  {one.shares(low, high)}"
        )
        kept = KEPT.table(
            "sets",
            "set",
            ("questions", ",d"),
            ("default", ".3f"),
            ("words", ".3f"),
            ("more than words", "+.3f"),
        )
        kept.row(name, one.rows, one.mine, one.words, (more, *bounds(one.differences)))
        if name not in LEFT_OUT:
            counted.append(one)
            missed += [name] if more < -GOAL_BELOW else []
    if not counted:
        return 0
    mine = sum(c.mine for c in counted) / len(counted)
    words = sum(c.words for c in counted) / len(counted)
    # Sets of the same questions are drawn apart, which makes this interval narrower than it should be.
    together = sum(c.differences for c in counted) / len(counted)
    print(
        f"{f'mean of {len(counted)}':<22} {'':>6} {mine:>8.4f} {words:>7.4f} {mine - words:>+7.4f} "
        f"{interval(together):>14}"
    )
    KEPT.tables["sets"].row(f"mean of {len(counted)}", None, mine, words, (mine - words, *bounds(together)))
    if not parser.parse_args().sets:
        KEPT.goal("APGR of the bundled default, mean of 12", mine, at_least=GOAL_MEAN)
        worst = min(c.mine - c.words for c in counted)
        KEPT.goal("APGR of the default less that of word count, worst set", worst, at_least=-GOAL_BELOW)
    goals = f"mean >= {GOAL_MEAN}, and no set more than {GOAL_BELOW} below the number of words"
    met = mine >= GOAL_MEAN and not missed
    print(f"{goals}: {'met' if met else 'MISSED ' + ' '.join(missed)}")
    return 0 if met or parser.parse_args().sets else 1


if __name__ == "__main__":
    KEPT.run(main)
