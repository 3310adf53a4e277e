"""How often tuned thresholds keep their promise on rows they were not tuned on, and what the proof costs.

    python bench/tune_promise.py [SET ...] [--splits 20] [--long SET] [--share 0.5] [--target 0.95] [--bounds]

Each set is split again and again; thresholds are found on one part and measured on the other: the quality
there as a share of the strong model's there. `promise` is what `tune` does, `mean` takes the cheapest
thresholds whose plain mean is enough. Scores are those of the number of words, of the bundled heuristic, and
of a router trained on the very rows that are tuned on (scored by cross-fitting, as `tune` does it). With
--bounds, other tests of the same hypothesis stand beside ours. Needs the recorded outcomes (TIERING_DATA, or
../shared/data) and numpy.
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from apgr import reference_metrics, scores
from kept import Kept
from litellm_tiering.evals.fit import fit
from litellm_tiering.evals.outcomes import read_outcomes
from litellm_tiering.evals.policy_sim import Recorded
from litellm_tiering.evals.train_cv import held_out
from litellm_tiering.evals.train_router import calibration
from litellm_tiering.evals.train_rows import Rows
from litellm_tiering.evals.tune import Goal, search
from litellm_tiering.evals.tune_paths import Field, Questions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONG = "zeroeval_gsm@haiku"
LONG_SPLITS = 100
KEPT = Kept(__file__)
GOAL = 0.9
"""Of how many splits the promise is to be kept."""

TRAININGS = 20_000
"""Of how many rows in all routers are trained for one set: six trainings a split take their time."""

CLASSIFIERS = ("words", "heuristic", "learned")


class Set:
    """One set of recorded outcomes, with every classifier's scores."""

    def __init__(self, metrics: Any, name: str) -> None:  # noqa: ANN401 - a script by path, untyped
        rows, weak, strong, quality, cost = metrics.load(name)
        self.name = name
        self.quality = np.stack([quality[weak], quality[strong]])
        count = len(rows)
        self.cost = np.stack([cost[weak], cost[strong]]) if cost else np.repeat([[0.0], [1.0]], count, axis=1)
        heuristic, words = scores([r["prompt"] for r in rows])
        self.fixed = {"words": np.array(words, float), "heuristic": np.array(heuristic)}
        self.rows, self.place = self._rows(metrics, name, (weak, strong), [str(r["id"]) for r in rows])

    @staticmethod
    def _rows(metrics: Any, name: str, models: Sequence[str], ids: list[str]) -> tuple[Rows, np.ndarray]:  # noqa: ANN401 - as above
        """The rows to train on; and which of them each question is, -1 where a question was there before."""
        found, place = Rows(models), {}
        for outcome in read_outcomes(
            str(metrics.DATA / f"outcomes_{metrics.SETS[name][0]}.jsonl.gz"), models
        ):
            before = found.count
            found.add(outcome)
            if found.count > before:
                place[outcome.id] = before
        found.close()
        return found, np.array([place.get(i, -1) for i in ids])

    def questions(self, score: np.ndarray, which: np.ndarray) -> Questions:
        ones = np.ones(len(which), np.int64)
        recorded = Recorded(self.quality[:, which], self.cost[:, which], (), ones, 0)
        return Questions(score[which], 0 * ones, 0 * ones, ones, recorded)

    def score(self, classifier: str, train: np.ndarray) -> np.ndarray:
        """The scores of all questions: of those trained on, by what was learned of the others."""
        if classifier in self.fixed:
            return self.fixed[classifier]
        own = np.unique(self.place[train][self.place[train] >= 0])
        raw = held_out(self.rows, own)[:, 0]
        gains = np.diff(self.rows.quality[:, :2].astype(float), axis=1)[:, 0]
        xs, ys = np.array(calibration(raw[own], gains[own])).T
        design, linears = fit(self.rows, own)
        rest = np.setdiff1d(np.arange(self.rows.count), own)
        raw[rest] = linears[0].raw(design, rest)
        calibrated = np.interp(raw, xs, ys) + 1e-3 * (raw - xs[0])
        return np.where(self.place >= 0, calibrated[self.place], np.nan)


def measured(
    data: Set, score: np.ndarray, test: np.ndarray, threshold: float, target: float
) -> tuple[bool, float]:
    """Whether the target is kept on other rows, and the cost there as a share of the strong one's."""
    test = test[~np.isnan(score[test])]
    up = score[test] >= threshold
    quality = np.where(up, data.quality[1, test], data.quality[0, test]).mean()
    cost = np.where(up, data.cost[1, test], data.cost[0, test]).mean() / data.cost[1, test].mean()
    return bool(quality >= target * data.quality[1, test].mean() - 1e-12), float(cost)


def edge(field: Field, cut: int) -> float:
    """The threshold of a cut among sorted scores."""
    if cut == 0:
        return -math.inf
    return math.inf if cut == len(field.score) else float(field.score[cut - 1] + field.score[cut]) / 2


def splits(data: Set, classifier: str, times: int, share: float, goal: Goal) -> dict[str, np.ndarray]:
    """For the promise and the plain mean: whether it was kept, the cost, and whether nothing was found."""
    found: dict[str, list[tuple[float, float, float]]] = {"promise": [], "mean": []}
    for seed in range(times):
        drawn = np.random.default_rng(seed).permutation(data.quality.shape[1])
        count = round(share * len(drawn))
        train, test = np.sort(drawn[:count]), drawn[count:]
        score = data.score(classifier, train)
        field = Field(data.questions(score, train[~np.isnan(score[train])]))
        result = search(field, goal)
        for label, choice in (("promise", result.choice), ("mean", result.point)):
            threshold = -math.inf if choice is None else edge(field, int(choice.path.cuts[0, 0]))
            kept, cost = measured(data, score, test, threshold, goal.target)
            found[label].append((kept, cost, choice is None))
    return {label: np.array(values, float) for label, values in found.items()}


def wilson(kept: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share of ``n`` (Wilson 1927)."""
    middle, spread = kept + z * z / (2 * n), z * math.sqrt(kept * (1 - kept) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


# ---------------------------------------------------------------------- other tests of the same hypothesis


def hoeffding(d: np.ndarray, least: float, delta: float) -> bool:
    return bool(d.mean() >= (1 - least) * math.sqrt(math.log(1 / delta) / (2 * len(d))))


def bernstein(d: np.ndarray, least: float, delta: float) -> bool:
    """Maurer and Pontil, arXiv 0907.3740."""
    log, n = math.log(2 / delta), len(d)
    return bool(d.mean() >= math.sqrt(2 * d.var(ddof=1) * log / n) + 7 * (1 - least) * log / (3 * (n - 1)))


def normal(d: np.ndarray, least: float, delta: float) -> bool:
    """No bound: right for large samples only."""
    del least, delta
    return bool(d.mean() >= 1.645 * d.std(ddof=1) / math.sqrt(len(d)))


def adaptive(d: np.ndarray, least: float, delta: float) -> bool:
    """Waudby-Smith and Ramdas's stakes, made from the values so far, in an order drawn by chance."""
    x = np.random.default_rng(len(d)).permutation(d)
    n, t = len(x), np.arange(1, len(x) + 1)
    mean = (np.cumsum(x)) / (t + 1)
    spread = np.r_[0.25, ((0.25 + np.cumsum((x - mean) ** 2)) / (t + 1))[:-1]]
    bets = np.minimum(np.sqrt(2 * math.log(1 / delta) / (spread * n)), 0.75 / -least)
    return bool(np.cumsum(np.log1p(bets * x)).max() >= math.log(1 / delta))


def ours(d: np.ndarray, least: float, delta: float) -> bool:
    from litellm_tiering.evals.bounds import evidence, needed  # noqa: PLC0415 - beside what it is compared with

    return evidence(d, least) >= needed(1 - delta)


BOUNDS: dict[str, Callable[[np.ndarray, float, float], bool]] = {
    "ours": ours,
    "adaptive": adaptive,
    "bernstein": bernstein,
    "hoeffding": hoeffding,
    "normal": normal,
}


def bounds(sets: Sequence[Set], goal: Goal, times: int) -> None:
    """The share of strong calls that each test lets go, and how often its promise is kept, by sample size."""
    print(f"{'rows':>6} " + " ".join(f"{name:>18}" for name in BOUNDS) + "   kept, cost")
    for rows in (300, 700, 1500, 3000):
        cells = {name: [] for name in BOUNDS}
        for data in sets:
            total = data.quality.shape[1]
            if total < 1.3 * rows:
                continue
            for seed in range(times):
                drawn = np.random.default_rng(seed).permutation(total)
                train, test = drawn[:rows], drawn[rows:]
                score = data.fixed["words"]
                field = Field(data.questions(score, train))
                order = train[np.argsort(score[train], kind="stable")]
                weak, strong = data.quality[:, order] - goal.target * data.quality[1, order]
                for name, test_of in BOUNDS.items():
                    last = 0
                    for cut in field.ends[1:]:
                        if not test_of(np.r_[weak[:cut], strong[cut:]], -goal.target, 1 - goal.confidence):
                            break
                        last = int(cut)
                    cells[name].append(measured(data, score, test, edge(field, last), goal.target))
        if cells["ours"]:
            shown = [np.array(found, float).mean(0) for found in cells.values()]
            print(f"{rows:>6} " + " ".join(f"{kept:>9.0%} {cost:>7.1%} " for kept, cost in shown))


def main() -> int:
    parser = argparse.ArgumentParser(description="How often tuned thresholds keep their promise.")
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--long", default=LONG, help=f"the set that is split {LONG_SPLITS} times")
    parser.add_argument("--share", type=float, default=0.5, help="the share that is tuned on")
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--scores", nargs="*", choices=CLASSIFIERS, default=CLASSIFIERS)
    parser.add_argument("--bounds", action="store_true")
    options = parser.parse_args()
    metrics = reference_metrics()
    if metrics is None:
        print("no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS", file=sys.stderr)
        return 2
    goal = Goal(options.target)
    sets = [Set(metrics, name) for name in options.sets or metrics.SETS]
    if options.bounds:
        bounds(sets, goal, options.splits)
        return 0
    print(f"target {goal.target:.0%}, confidence {goal.confidence:.0%}, tuned on {options.share:.0%} of rows")
    head = f"{'kept':>6} {'[95 %]':>11} {'cost':>6} {'nothing':>8}"
    print(f"{'set':<22} {'scores':<10} {'rows':>5} {'splits':>6} | promise {head} | mean {head}")
    totals: dict[tuple[str, str], list[np.ndarray]] = {}
    for data in sets:
        for classifier in options.scores:
            times = LONG_SPLITS if data.name == options.long else options.splits
            if classifier == "learned":
                times = max(2, min(times, TRAININGS // data.quality.shape[1]))
            found = splits(data, classifier, times, options.share, goal)
            rows = round(options.share * data.quality.shape[1])
            print(f"{data.name:<22} {classifier:<10} {rows:>5} {times:>6} | " + _cells(found), flush=True)
            for label, values in found.items():
                totals.setdefault((classifier, label), []).append(values[: options.splits])
    kept = KEPT.table(
        "all", "scores", ("splits", "d"), ("promise kept", ".0%"), ("cost", ".1%"),
        ("nothing promised", ".0%"), ("plain mean kept", ".0%"), ("cost of it", ".1%"),
    )  # fmt: skip
    for classifier in options.scores:
        found = {label: np.concatenate(totals[classifier, label]) for label in ("promise", "mean")}
        count = len(found["mean"])
        (held, cost, nothing), (plainly, cheaper, _) = (found[label].mean(0) for label in ("promise", "mean"))
        spans = [(share, *wilson(share, count)) for share in (held, plainly)]
        kept.row(classifier, count, spans[0], cost, nothing, spans[1], cheaper)
        KEPT.goal(f"splits of all sets that keep the promise, {classifier}", held, at_least=GOAL)
        print(f"{'all sets':<22} {classifier:<10} {'':>5} {count:>6} | " + _cells(found))
    return 0


def _cells(found: dict[str, np.ndarray]) -> str:
    cells = []
    for label, values in found.items():
        kept, cost, nothing = values.mean(0)
        low, high = wilson(kept, len(values))
        span = f"{low:.2f}-{high:.2f}"
        cells.append(f"{label:>7} {kept:>6.0%} {span:>11} {cost:>6.1%} {nothing:>8.0%}")
    return " | ".join(cells)


if __name__ == "__main__":
    KEPT.run(main)
