"""What routing by the prompt alone is worth on recorded outcomes, with intervals, judged on rows held out.

    python bench/quality_routing.py [--sets NAME ...] [--quick]

APGR (0.5 is chance) of: the number of words, the bundled default, LiteLLM's own scorer and an oracle; of
`learned` trained on the same set (cross-validation, all choices made inside the training folds), on sets of
other kinds, and on a stream mixed of eight sets; of the embedding, where that extra is installed. Then
learning curves. How long a decision takes is shown by bench/model_times.py.

Data and reference metrics are read from TIERING_DATA and TIERING_TOOLS, or from ../shared beside the
repository. Exits with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from apgr import reference_metrics, scores
from kept import Kept
from litellm_tiering.classifiers.embedding_local import encoder, installed
from litellm_tiering.evals.fit import STRENGTHS, fit
from litellm_tiering.evals.metrics import Pair, Ranking, interval, resamples
from litellm_tiering.evals.outcomes import Answer, Outcome
from litellm_tiering.evals.train_cv import BOOTSTRAPS, Figure, held_out, learning_curve
from litellm_tiering.evals.train_rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SETS = (
    "routellm_gsm8k", "routellm_mmlu", "zeroeval_gsm", "zeroeval_gsm@gpt35", "zeroeval_gsm@haiku",
    "zeroeval_mathl5", "zeroeval_mathl5@haiku", "zeroeval_crux", "mmlupro@llama8b", "ifeval", "ifeval@haiku",
    "llmrouter",
)  # fmt: skip
"""The twelve of the mean; not mmlupro, whose two models are so close that its APGR is nearly all noise."""

MIXED = (
    "routellm_gsm8k", "routellm_mmlu", "zeroeval_gsm", "zeroeval_mathl5", "zeroeval_crux", "mmlupro@llama8b",
    "ifeval", "llmrouter",
)  # fmt: skip
"""The stream of eight sets: one pair of models of each file."""

MIXED_ROWS = 800
"""So many rows of each set at most are in the stream, so that none drowns the others."""

CURVES = ("routellm_gsm8k", "routellm_mmlu", "llmrouter")
GOALS = {"routellm_gsm8k": 0.66, "routellm_mmlu": 0.65, "llmrouter": 0.69}
GOAL_MEAN, GOAL_MIXED = 0.605, 0.60
# Sets whose questions are the same, or of the same exam: none of them is "another kind" to the others.
KINDS = (
    {"routellm_gsm8k", "zeroeval_gsm", "zeroeval_gsm@gpt35", "zeroeval_gsm@haiku"},
    {"zeroeval_mathl5", "zeroeval_mathl5@haiku"},
    {"routellm_mmlu", "mmlupro@llama8b"},
    {"ifeval", "ifeval@haiku"},
    {"llmrouter", "routellm_gsm8k", "routellm_mmlu", "zeroeval_gsm", "zeroeval_mathl5", "mmlupro@llama8b"},
)
EXAMS = {"gsm8k", "agentverse-mgsm", "math", "mmlu"}
"""Tasks of llmrouter whose questions are those of other sets."""

KEPT = Kept(__file__)
ROUTERS = (
    "words", "default", "litellm", "learned", "above words", "embedding", "with embedding", "other sets",
    "oracle",
)  # fmt: skip
"""The columns of the table that is kept."""


def keep(name: str, count: int | None, found: dict[str, Any]) -> None:
    columns = [("questions", ",d"), *((router, ".3f") for router in ROUTERS)]
    KEPT.table("sets", "set", *columns).row(name, count, *(found.get(router) for router in ROUTERS))


class Set:
    """One set: its rows, and the score that each router gives them."""

    def __init__(self, metrics: Any, name: str, count: int | None = None) -> None:  # noqa: ANN401 - an untyped script
        file, self.weak, self.strong, self.field = metrics.SETS[name]
        found = metrics.read(metrics.DATA / f"outcomes_{file}.jsonl.gz")
        self.name = name
        self.lines = [r for r in found if {self.weak, self.strong} <= set(r["responses"])]
        if count is not None and len(self.lines) > count:
            order = np.random.default_rng(0).permutation(len(self.lines))[:count]
            self.lines = [self.lines[i] for i in sorted(order)]
        self.prompts = [line["prompt"] for line in self.lines]
        self.qw, self.qs = (
            np.array([float(line["responses"][m][self.field]) for line in self.lines])
            for m in (self.weak, self.strong)
        )

    def add_to(self, rows: Rows, *, renamed: bool = False) -> list[int]:
        """Give the set's outcomes to ``rows``; the models called weak and strong where sets are mixed.

        Returns the places of those that no set before had.
        """
        new = []
        for i, line in enumerate(self.lines):
            pair = {"weak": self.weak, "strong": self.strong}
            wanted = pair if renamed else {m: m for m in line["responses"]}
            answers = {
                name: Answer(None, float(line["responses"][m][self.field]))
                for name, m in wanted.items()
                if self.field in line["responses"][m]
            }
            id_ = f"{self.name}:{i}"
            # The wrapping of a question differs from set to set; the question stays in one fold.
            before = rows.count
            rows.add(Outcome(id_, line["prompt"], None, self.name, (), answers), kin=line["qkey"])
            new += [i] * (rows.count - before)
        return new

    def rows(self) -> Rows:
        rows = Rows([self.weak, self.strong])
        self.add_to(rows)
        rows.close()
        return rows


def figure(pair: Pair, score: Any, other: Any = None) -> Figure:  # noqa: ANN401 - lists and arrays
    """The APGR of a score with its interval; above that of another, where there is one."""
    rankings = [Ranking(np.asarray(s, float)) for s in (score, other) if s is not None]

    def value(weights: Floats | None) -> float:
        found = [r.figures(pair, weights)["APGR"] for r in rankings]
        return found[0] - (found[1] if len(found) > 1 else 0.0)

    return Figure(value(None), *interval([value(w) for w in resamples(len(pair), BOOTSTRAPS)]))


def litellm_scores(texts: list[str]) -> list[float] | None:
    """LiteLLM's scorer on the first 2,000 characters, as the classifier `litellm` asks it."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch prices from the internet
    try:
        from litellm_tiering.gateway.scorer import make_scorer  # noqa: PLC0415 - LiteLLM takes seconds

        score = make_scorer()
    except Exception as error:  # noqa: BLE001 - whatever this LiteLLM lacks, the rest is still measured
        print(f"LiteLLM's scorer is left out: {error}")
        return None
    return [score(t[:2_000]).score for t in texts]


def embedded(rows: Rows, texts: list[str]) -> Floats:
    """The gain by ridge regression on the embedding alone, held out by the same folds."""
    vectors = np.array(encoder().embed([t if len(t) <= 600 else f"{t[:300]} {t[-300:]}" for t in texts]))
    gains = np.diff(rows.quality[:, :2].astype(float), axis=1)[:, 0]
    folds, found = rows.folds(5), np.zeros(len(gains))
    for j in range(5):
        train_, test = folds != j, folds == j
        x = vectors[train_] - vectors[train_].mean(0)
        y = gains[train_] - gains[train_].mean()
        best = None
        for strength in STRENGTHS:
            inverse = np.linalg.inv(x.T @ x + strength * np.eye(x.shape[1]))
            weights = inverse @ x.T @ y
            leverage = np.einsum("ij,ij->i", x @ inverse, x)
            error = float((((y - x @ weights) / (1 - leverage)) ** 2).mean())
            if best is None or error < best[0]:
                best = error, weights
        assert best is not None
        found[test] = (vectors[test] - vectors[train_].mean(0)) @ best[1]
    return found


def joined(one: Floats, two: Floats) -> Floats:
    """Two predictions of the same gain, as one: their mean on a common scale."""
    return one / (one.std() or 1.0) + two / (two.std() or 1.0)


def elsewhere(name: str, sets: dict[str, Set]) -> Floats:
    """The gain of a set's rows predicted from all sets of another kind."""
    kin = KINDS[-1] if name == "llmrouter" else next((k for k in KINDS[:-1] if name in k), {name})
    rows = Rows(["weak", "strong"])
    first = sets[name]
    first.add_to(rows, renamed=True)
    own = rows.count
    for other, held in sets.items():
        if other not in kin and other in MIXED:
            part = Set.__new__(Set)
            part.__dict__.update(held.__dict__)
            lines = [line for line in held.lines if line.get("task") not in EXAMS]
            part.lines = lines[:: max(1, -(-len(lines) // MIXED_ROWS))]
            part.add_to(rows, renamed=True)
    rows.close()
    design, (linear,) = fit(rows, np.arange(own, rows.count))
    return linear.raw(design, np.arange(own))


def routers(name: str, sets: dict[str, Set], *, quick: bool) -> dict[str, Figure]:
    """What every router is worth on one set."""
    one = sets[name]
    rows, pair = one.rows(), Pair(one.qw, one.qs)
    if rows.count != len(one.lines):
        raise SystemExit(f"{name} holds a question twice")
    default, words = scores(one.prompts)
    found = {"words": figure(pair, words), "default": figure(pair, default)}
    theirs = litellm_scores(one.prompts)
    if theirs is not None:
        found["litellm"] = figure(pair, theirs)
    learned = held_out(rows).mean(1)
    found["learned"] = figure(pair, learned)
    found["above words"] = figure(pair, learned, words)
    if installed():
        by_meaning = embedded(rows, one.prompts)
        found["embedding"] = figure(pair, by_meaning)
        found["with embedding"] = figure(pair, joined(learned, by_meaning))
    if not quick:
        found["other sets"] = figure(pair, elsewhere(name, sets))
    found["oracle"] = figure(pair, one.qs - one.qw)
    return found


def spread(column: Any) -> float:  # noqa: ANN401 - lists and arrays
    """How far the mean over another dozen sets would be off, in 95 of 100."""
    return 1.96 * float(np.std(column, ddof=1)) / math.sqrt(len(column)) if len(column) > 1 else math.nan


def per_set(metrics: Any, names: list[str], *, quick: bool) -> list[str]:  # noqa: ANN401 - as above
    """The table of single sets; what goals were missed."""
    sets = {name: Set(metrics, name) for name in names}
    values: dict[str, list[float]] = {}
    missed = []
    for name, one in sets.items():
        found = routers(name, sets, quick=quick)
        means = f"{one.weak} {one.qw.mean():.3f} < {one.strong} {one.qs.mean():.3f}"
        print(f"\n{name}: {len(one.lines):,} questions, {means}")
        for router, shown in found.items():
            values.setdefault(router, []).append(shown.value)
            print(f"  {router:<15}{shown}", flush=True)
        keep(name, len(one.lines), found)
        reached = found["learned"].value
        if name in GOALS and not KEPT.goal(f"APGR of `learned`, {name}", reached, at_least=GOALS[name]):
            missed.append(f"{name}: learned {found['learned'].value:.3f}, goal {GOALS[name]}")
    print(f"\nmean of {len(sets)} sets (random: 0.500)")
    for router, column in values.items():
        # Over sets: what another dozen sets would show.
        print(f"  {router:<15}{np.mean(column):.3f} (± {spread(column):.3f} over sets)")
    over = {router: np.array(column) for router, column in values.items()}
    keep(
        f"mean of {len(sets)}",
        None,
        {r: (m := c.mean(), m - d, m + d) for r, c in over.items() for d in (spread(c),)},
    )
    mean = float(np.mean(values["learned"]))
    if len(sets) == len(SETS) and not KEPT.goal("APGR of `learned`, mean of 12", mean, at_least=GOAL_MEAN):
        missed.append(f"mean of {len(sets)}: learned {mean:.3f}, goal {GOAL_MEAN}")
    return missed


def mixed(metrics: Any) -> list[str]:  # noqa: ANN401 - as above
    """One model for a stream of eight sets."""
    rows = Rows(["weak", "strong"])
    texts: list[str] = []
    qw, qs = [], []
    for name in MIXED:
        one = Set(metrics, name, MIXED_ROWS)
        new = one.add_to(rows, renamed=True)
        texts += [one.prompts[i] for i in new]
        qw.append(one.qw[new])
        qs.append(one.qs[new])
    rows.close()
    pair = Pair(np.concatenate(qw), np.concatenate(qs))
    default, words = scores(texts)
    learned = held_out(rows).mean(1)
    print(f"\none model for a stream of {rows.count:,} questions of eight sets ({', '.join(MIXED)})")
    found = {"words": figure(pair, words), "default": figure(pair, default)}
    found |= {"learned": figure(pair, learned), "above words": figure(pair, learned, words)}
    if installed():
        by_meaning = embedded(rows, texts)
        found["with embedding"] = figure(pair, joined(learned, by_meaning))
    found["oracle"] = figure(pair, pair.qs - pair.qw)
    for router, shown in found.items():
        print(f"  {router:<15}{shown}", flush=True)
    keep("a stream of eight", rows.count, found)
    value = found["learned"].value
    met = KEPT.goal("APGR of `learned`, one model for a stream of eight sets", value, at_least=GOAL_MIXED)
    return [] if met else [f"mixed stream: {value:.3f}, goal {GOAL_MIXED}"]


def curves(metrics: Any, names: list[str]) -> None:  # noqa: ANN401 - as above
    for name in names:
        rows = Set(metrics, name).rows()
        print(f"\nlearning curve of {name}: rows trained on, APGR")
        for point in learning_curve(rows):
            print(f"  {point.rows:>6,}  {point.apgr}", flush=True)
            curve = KEPT.table("curves", "set", ("rows trained on", ",d"), ("APGR", ".3f"))
            curve.row(name, point.rows, point.apgr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--quick", action="store_true", help="no other sets, no learning curves")
    options = parser.parse_args()
    metrics = reference_metrics()
    if metrics is None:
        print("no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS", file=sys.stderr)
        return 1
    missed = per_set(metrics, options.sets, quick=options.quick)
    missed += mixed(metrics)
    if not options.quick:
        curves(metrics, [n for n in CURVES if n in options.sets])
    print("\n" + ("all goals met" if not missed else "MISSED: " + "; ".join(missed)))
    return 1 if missed else 0


if __name__ == "__main__":
    KEPT.run(main)
