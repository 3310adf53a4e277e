"""What the gates are worth on recorded answers: the table of figures, with intervals, on development data.

    python bench/quality_gating.py [--splits N]

A gate is never judged on answers that it was trained on: "unseen kind" is the built-in model fitted without
any set of that kind of question, "unseen questions" without those very questions, "own data" is
`train --gate` by cross-validation. Costs take both thresholds from one half of the rows and are told for the
other, many times. Intervals are 95 in 100, by drawing rows again. Exits with 1 where a goal is missed or
there is no data.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import fit_acceptable as built_in  # noqa: E402 - a script beside the package

from kept import Kept  # noqa: E402 - beside this script
from litellm_tiering.evals.metrics import auroc  # noqa: E402
from litellm_tiering.evals.outcomes import read_outcomes  # noqa: E402
from litellm_tiering.evals.train_gate import Table, cross_score, folds_of  # noqa: E402
from litellm_tiering.evals.train_gate_rows import digest_of, exchange_of, read_rows  # noqa: E402
from litellm_tiering.gates.arithmetic import ArithmeticGate  # noqa: E402
from litellm_tiering.gates.constraints import ConstraintsGate  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

SONNET, SONNET_JUNE = "claude-3-5-sonnet-20241022", "claude-3-5-sonnet-20240620"
HAIKU, O1 = "claude-3-haiku-20240307", "o1-mini-2024-09-12"
MINI, GPT4O = "gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"


class Pair(NamedTuple):
    """A cheap model of a set, the strong one behind it, and the cost at 95 % that is aimed at."""

    name: str
    file: str
    weak: str
    strong: str
    goal: float | None = None


PAIRS = (
    Pair("routellm_gsm8k", "routellm_gsm8k", "mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview", 48),
    Pair("zeroeval_gsm", "zeroeval_gsm", "gemma-2-2b-it", SONNET),
    Pair("zeroeval_gsm@gpt35", "zeroeval_gsm", "gpt-3.5-turbo-0125", SONNET, 42),
    Pair("zeroeval_gsm@haiku", "zeroeval_gsm", HAIKU, SONNET, 36),
    Pair("zeroeval_mathl5", "zeroeval_mathl5", MINI, O1),
    Pair("zeroeval_mathl5@haiku", "zeroeval_mathl5", HAIKU, SONNET, 92),
    Pair("zeroeval_crux", "zeroeval_crux", MINI, GPT4O, 66),
    Pair("mmlupro@llama8b", "mmlupro", "meta-llama-3.1-8b-instruct", "gemini-1.5-pro-002", 83),
    Pair("mmlupro", "mmlupro", "gemini-1.5-flash-002", "gemini-1.5-pro-002"),
    Pair("ifeval", "ifeval", "mistral-7b-instruct-v0.3", GPT4O, 65),
    Pair("ifeval@haiku", "ifeval", HAIKU, SONNET_JUNE, 35),
)
IFEVAL = ("mistral-7b-instruct-v0.3", HAIKU, MINI, GPT4O, SONNET_JUNE)
GOALS = {"unseen kind": 0.68, "unseen questions": 0.68, "own data": 0.75}
TARGET = 0.95
DRAWS = 300
KEPT = Kept(__file__)


class Answers(NamedTuple):
    """One pair's rows in the order of the file: scores by the way they were made, and what they decide."""

    scores: dict[str, Any]
    bad: Any
    qw: Any
    qs: Any
    cw: Any
    cs: Any
    words: Any


def interval(figure: Callable[[Any], float], n: int) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    low, high = np.nanpercentile([figure(rng.integers(0, n, n)) for _ in range(DRAWS)], (2.5, 97.5))
    return float(low), float(high)


def read(pair: Pair, made: dict[str, dict[str, Any]]) -> Answers:
    """The rows of a pair, and their scores by the built-in model (see ``made``) and by one of their own."""
    path = str(built_in.DATA / f"outcomes_{pair.file}.jsonl.gz")
    rows = read_rows(path, pair.weak, None)
    own, others = Table(rows.own), Table(rows.others)
    cross = cross_score(own, others, folds_of(own.question, 0))
    by_key = {(row.question, row.answer): float(s) for row, s in zip(rows.own, cross, strict=True)}
    found: list[tuple[float, ...]] = []
    at = 0
    scored = {name: each[f"{pair.file}@{pair.weak}"][0] for name, each in made.items()}
    for outcome in read_outcomes(path):
        answer, rival = outcome.answers.get(pair.weak), outcome.answers.get(pair.strong)
        if answer is None or not answer.text:
            continue
        exchange = exchange_of(outcome, answer)
        key = (digest_of(exchange.prompt.question), digest_of(exchange.answer))
        if rival is not None and key in by_key:
            costs = (answer.cost_usd, rival.cost_usd)
            cw, cs = (np.nan if c is None else c for c in costs)
            length, words = len(answer.text), len(outcome.prompt.split())
            made_here = [float(each[at]) for each in scored.values()]
            found.append((answer.quality, rival.quality, cw, cs, length, words, by_key[key], *made_here))
        at += 1
    table = np.array(found).T
    qw, qs, cw, cs, length, words, own_score, *rest = table
    bad = qw < 1
    sign = 1 if auroc(length, bad) >= 0.5 else -1
    scores = {"answer length": sign * length, **dict(zip(scored, rest, strict=True)), "own data": own_score}
    return Answers(scores, bad, qw, qs, cw, cs, words)


def tell_auroc(read_: dict[str, Answers]) -> bool:
    """The AUROC of P(bad) of every pair and way; whether the means reach their goals."""
    ways = list(next(iter(read_.values())).scores)
    print("\nAUROC of P(bad)" + " " * 10 + "".join(f"{way:>30}" for way in ways))
    sums: dict[str, list[Any]] = {way: [] for way in ways}
    rng = np.random.default_rng(0)
    for name, rows in read_.items():
        cells, told = [], []
        draws = [rng.integers(0, len(rows.bad), len(rows.bad)) for _ in range(DRAWS)]
        for way, score in rows.scores.items():
            drawn = [auroc(score[i], rows.bad[i]) for i in draws]
            sums[way].append(np.array([auroc(score, rows.bad), *drawn]))
            low, high = np.nanpercentile(drawn, (2.5, 97.5))
            told.append((sums[way][-1][0], low, high))
            cells.append(f"{sums[way][-1][0]:.3f} ({low:.3f} to {high:.3f})")
        kept = KEPT.table("auroc", "pair", ("answers", ",d"), *((way, ".3f") for way in ways))
        kept.row(name, len(rows.bad), *told)
        print(f"{name:<25}" + "".join(f"{cell:>30}" for cell in cells))
    met = True
    cells, told = [], []
    for way in ways:
        mean = np.mean(sums[way], axis=0)
        low, high = np.nanpercentile(mean[1:], (2.5, 97.5))
        goal = GOALS.get(way)
        told.append((mean[0], low, high))
        what = f"AUROC of `acceptable`, {way}, mean of {len(read_)}"
        met = (goal is None or KEPT.goal(what, mean[0], at_least=goal)) and met
        cells.append(f"{mean[0]:.3f} ({low:.3f} to {high:.3f})")
    KEPT.tables["auroc"].row(f"mean of {len(read_)}", None, *told)
    print(f"{'mean of ' + str(len(read_)):<25}" + "".join(f"{cell:>30}" for cell in cells))
    print("goals (mean): " + ", ".join(f"{way} {goal}" for way, goal in GOALS.items()))
    return met


def tell_cost(read_: dict[str, Answers], splits: int) -> None:
    """The cost at 95 % of strong quality: thresholds from one half of the rows, figures of the other."""
    print(f"\nCost in % of always-strong, router (words) and gate, {splits} splits in halves")
    print(f"{'':<25}{'words alone':>22}{'built-in (unseen kind)':>26}{'own data':>22}   goal")
    goals = {pair.name: pair.goal for pair in PAIRS}
    for name, rows in read_.items():
        if np.isnan(rows.cw).any() or np.isnan(rows.cs).any():
            print(f"{name:<25}costs are not known")
            continue
        cells, kept = [], []
        for way in (None, "unseen kind", "own data"):
            p_bad = np.zeros(len(rows.bad)) if way is None else rows.scores[way]
            told = np.array([_split_cost(rows, p_bad, way is not None, seed) for seed in range(splits)])
            cost, quality = told.mean(0)
            kept += [cost, quality]
            cells.append(f"{cost:.0f} (quality {quality:.3f})")
        if goals[name] is not None:
            what = f"cost at 95 % of strong quality, {name}, own data, %"
            KEPT.goal(what, kept[-2], at_most=goals[name])
        ways = ("words alone", "built-in, unseen kind", "own data")
        columns = [c for w in ways for c in ((f"{w}: cost, %", ".0f"), (f"{w}: quality", ".3f"))]
        KEPT.table("costs", "pair", *columns).row(name, *kept)
        goal = "" if goals[name] is None else f"{goals[name]:.0f}"
        print(f"{name:<25}{cells[0]:>22}{cells[1]:>26}{cells[2]:>22}   {goal}")
    print("quality is that of the other half, as a share of always-strong: 0.95 was aimed at")


def _split_cost(rows: Answers, p_bad: Any, gated: bool, seed: int) -> tuple[float, float]:  # noqa: ANN401 - arrays
    half = np.random.default_rng(seed).permutation(len(rows.bad)) % 2 == 0
    routes = np.unique(np.quantile(rows.words[half], np.linspace(0, 1, 21)))
    gates = np.unique(np.quantile(p_bad[half], np.linspace(0, 1, 51))) if gated else np.array([np.inf])
    best = (np.inf, np.inf, -np.inf)
    for route in (*routes, -1.0):
        for gate in (*gates, np.inf, -np.inf) if gated else gates:
            cost, quality = _outcome(rows, p_bad, route, gate, half)
            if quality >= TARGET and cost < best[0]:
                best = (cost, route, gate)
    return _outcome(rows, p_bad, best[1], best[2], ~half)


def _outcome(rows: Answers, p_bad: Any, route: float, gate: float, chosen: Any) -> tuple[float, float]:  # noqa: ANN401 - arrays
    direct = rows.words[chosen] > route
    strong = direct | (p_bad[chosen] > gate)
    cs = rows.cs[chosen]
    cost = (np.where(direct, 0, rows.cw[chosen]) + np.where(strong, cs, 0)).mean() / cs.mean()
    return 100 * float(cost), float(
        np.where(strong, rows.qs[chosen], rows.qw[chosen]).mean() / rows.qs[chosen].mean()
    )


def tell_rejections() -> None:
    """Precision, recall and share of the gates that reject by rule."""
    print("\nGates that reject by rule" + " " * 21 + "rejects   precision (interval)        recall")
    arithmetic, constraints = ArithmeticGate(), ConstraintsGate()
    for file in sorted(built_in.FAMILIES):
        by_model: dict[str, list[tuple[bool, bool]]] = {}
        gate = constraints if file == "ifeval" else arithmetic
        for outcome in read_outcomes(str(built_in.DATA / f"outcomes_{file}.jsonl.gz")):
            for model, answer in outcome.answers.items():
                if answer.text and (file != "ifeval" or model in IFEVAL):
                    verdict = gate.judge(exchange_of(outcome, answer))
                    by_model.setdefault(model, []).append((verdict.rejects, answer.quality < 1))
        for model, pairs in (*by_model.items(), ("all", [p for each in by_model.values() for p in each])):
            up, bad = np.array(pairs).T
            if up.any():
                precision = bad[up].mean()
                low, high = interval(
                    lambda i, up=up, bad=bad: bad[i][up[i]].mean() if up[i].any() else np.nan, len(up)
                )
                recall = up[bad].mean() if bad.any() else np.nan
                columns = (
                    "gate",
                    "set",
                    "model",
                    ("answers", ",d"),
                    ("rejects", ".1%"),
                    ("precision", ".3f"),
                )
                kept = KEPT.table("rejections", *columns, ("recall", ".3f"))
                if model == "all":
                    kept.row(gate.name, file, model, len(up), up.mean(), (precision, low, high), recall)
                print(
                    f"{gate.name:<12} {file + ' ' + model[:20]:<32} {up.mean():>7.1%}   "
                    f"{precision:.3f} ({low:.3f} to {high:.3f})   {recall:>8.3f}"
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--splits", type=int, default=10, help="how often rows are halved for costs")
    options = parser.parse_args()
    if not (built_in.DATA / "outcomes_ifeval.jsonl.gz").exists():
        print(f"no outcomes in {built_in.DATA}: set TIERING_DATA")
        raise SystemExit(1)
    groups = built_in.read_groups()
    made = {
        "unseen kind": built_in.leave_family_out(groups),
        "unseen questions": built_in.leave_questions_out(groups),
    }
    read_ = {pair.name: read(pair, made) for pair in PAIRS}
    met = tell_auroc(read_)
    tell_cost(read_, options.splits)
    tell_rejections()
    print(
        "\nAgreement of two models: bench/agreement.py. Thresholds with a promise: bench/tune_promise.py. "
        "Times: bench/model_times.py."
    )
    if not met:
        raise SystemExit(1)


if __name__ == "__main__":
    KEPT.run(main)
