"""Make the built-in model of the gate `acceptable` out of the public outcomes, and say how far it transfers.

    python scripts/fit_acceptable.py [--out FILE] [--dry-run]

Only sets whose licence lets weights made from them ship are used (``LICENSES.md`` beside the data). Sets that
hold the same kind of question, or the very same questions, are one family. Features and targets are centred
within each model's answers to each set: what is left is what tells a bad answer from a good one of the same
kind, and that transfers where pooled rows do not. The same rows give the same file.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from litellm_tiering.evals import train_gate_fit as fit
from litellm_tiering.evals.metrics import auroc
from litellm_tiering.evals.outcomes import read_outcomes
from litellm_tiering.evals.train_gate import Parts, save
from litellm_tiering.evals.train_gate_rows import exchange_of
from litellm_tiering.gates.acceptable import BUILT_IN
from litellm_tiering.gates.acceptable_features import NAMES, measured
from litellm_tiering.gates.acceptable_model import CLIP

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("TIERING_DATA", ROOT.parent / "shared" / "data"))

# The sets marked "yes" that hold texts and judgements of them, by family.
FAMILIES = {
    "routellm_gsm8k": "word problems",
    "zeroeval_gsm": "word problems",
    "zeroeval_mathl5": "competition maths",
    "zeroeval_crux": "reading code",
    "mmlupro": "multiple choice",
    "ifeval": "instructions",
}
JUDGED = {
    "routellm_gsm8k": ("mixtral-8x7b-instruct-v0.1",),
    "zeroeval_gsm": ("gemma-2-2b-it", "gpt-3.5-turbo-0125", "claude-3-haiku-20240307"),
    "zeroeval_mathl5": ("gpt-4o-mini-2024-07-18", "claude-3-haiku-20240307"),
    "zeroeval_crux": ("gpt-4o-mini-2024-07-18",),
    "mmlupro": ("meta-llama-3.1-8b-instruct", "gemini-1.5-flash-002"),
    "ifeval": ("mistral-7b-instruct-v0.3", "claude-3-haiku-20240307"),
}
"""The eleven that figures are given for: a cheap model each, with a stronger one to ask after it."""

RIDGE = 30.0
TREES, DEPTH, RATE = 150, 3, 0.06
RARE = 0.03
NEVER = 1e-6
FAMILY_WEIGHT = 1_200.0
# What the constraints gate says is no matter of statistics: its log-odds count in full, and are not fitted.
SIGNALS = ("c_known", "c_rejects", "c_odds")


class Group(NamedTuple):
    """The answers of one model to one set."""

    set: str
    model: str
    x: Any
    bad: Any
    question: list[str]

    @property
    def family(self) -> str:
        return FAMILIES[self.set]

    @property
    def odds(self) -> float:
        return fit.log_odds(float(self.bad.mean()))


def read_groups() -> list[Group]:
    found = []
    for name in FAMILIES:
        rows: dict[str, list[tuple[tuple[float, ...], float, str]]] = {}
        for outcome in read_outcomes(str(DATA / f"outcomes_{name}.jsonl.gz")):
            for model, answer in outcome.answers.items():
                if answer.text:
                    values = measured(exchange_of(outcome, answer))
                    question = str(outcome.request.get("question") or outcome.prompt)
                    rows.setdefault(model, []).append((values, float(answer.quality < 1), question))
        for model, each in rows.items():
            x, bad = np.array([r[0] for r in each]), np.array([r[1] for r in each])
            if RARE < bad.mean() < 1 - RARE:
                found.append(Group(name, model, x, bad, [r[2] for r in each]))
    return found


def fit_groups(groups: list[Group]) -> Parts:
    """The parts, without those of words: nothing about words transfers."""
    signals = [NAMES.index(name) for name in SIGNALS]
    families = [group.family for group in groups]
    weight = np.concatenate(
        [np.full(len(g.bad), FAMILY_WEIGHT / len(g.bad) / families.count(g.family)) for g in groups]
    )
    mean = np.mean([g.x.mean(0) for g in groups], axis=0)
    scale = np.sqrt(np.mean([g.x.var(0) for g in groups], axis=0))
    scale[scale < NEVER] = 1.0
    mean[signals], scale[signals] = 0.0, 1.0
    mean, scale = (np.float32(part).astype(float) for part in (mean, scale))
    centred = []
    for group in groups:
        z = np.clip((group.x - mean) / scale, -CLIP, CLIP)
        centred.append(z - z.mean(0))
    z = np.concatenate(centred)
    z[:, signals] = 0.0
    bad = np.concatenate([g.bad for g in groups])
    offset = np.concatenate([np.full(len(g.bad), g.odds) for g in groups])
    linear = fit.fit_linear(z, bad, offset, weight, RIDGE)
    raw = np.concatenate([g.x for g in groups]).copy()
    raw[:, signals] = 0.0
    trees = fit.grow(raw, bad, offset + z @ linear, np.ones(len(bad)), trees=TREES, depth=DEPTH, rate=RATE)
    linear[signals] = [0.0, 0.0, 1.0]
    return Parts(mean, scale, linear, trees, [])


class _Rows:
    """What :meth:`Parts.score` looks at."""

    def __init__(self, x: Any) -> None:  # noqa: ANN401 - an array
        self.x, self.words = x, []


def score(parts: Parts, x: Any) -> Any:  # noqa: ANN401 - arrays
    return parts.score(_Rows(x))  # type: ignore[arg-type]


def judged(groups: list[Group]) -> list[Group]:
    return [g for g in groups if g.model in JUDGED[g.set]]


def leave_family_out(groups: list[Group]) -> dict[str, Any]:
    """The scores of each judged group by a model that saw no question of its kind."""
    found = {}
    for family in sorted(set(FAMILIES.values())):
        parts = fit_groups([g for g in groups if g.family != family])
        for group in judged(groups):
            if group.family == family:
                found[f"{group.set}@{group.model}"] = (score(parts, group.x), group.bad)
    return found


def leave_questions_out(groups: list[Group], folds: int = 3) -> dict[str, Any]:
    """The scores of each judged group by a model that saw the kind of question, but not the question."""
    questions = sorted({q for g in groups for q in g.question})
    lots = np.random.default_rng(0).permutation(len(questions)) % folds
    fold = dict(zip(questions, lots.tolist(), strict=True))
    found = {f"{g.set}@{g.model}": (np.zeros(len(g.bad)), g.bad) for g in judged(groups)}
    for k in range(folds):
        inside = {id(g): np.array([fold[q] == k for q in g.question]) for g in groups}
        parts = fit_groups([g._replace(x=g.x[~inside[id(g)]], bad=g.bad[~inside[id(g)]]) for g in groups])
        for g in judged(groups):
            found[f"{g.set}@{g.model}"][0][inside[id(g)]] = score(parts, g.x[inside[id(g)]])
    return found


def figures(scored: dict[str, Any]) -> dict[str, float]:
    found = {name: round(float(auroc(s, bad > 0)), 3) for name, (s, bad) in scored.items()}
    return found | {"mean": round(float(np.mean(list(found.values()))), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", default=str(BUILT_IN))
    parser.add_argument("--dry-run", action="store_true", help="print the figures and write nothing")
    options = parser.parse_args()
    groups = read_groups()
    unseen = leave_family_out(groups)
    seen = figures(leave_questions_out(groups))
    table = figures(unseen)
    for name, value in table.items():
        print(f"{name:<50} unseen kind {value:.3f}   unseen questions {seen[name]:.3f}")
    # The curve too comes from kinds of questions that were not seen, each set with the same say.
    pooled = np.concatenate([s for s, _ in unseen.values()])
    bad = np.concatenate([b for _, b in unseen.values()])
    slope, offset = fit.fit_curve(pooled, bad)
    print(f"curve: slope {slope:.3f}, offset {offset:.3f}")
    if not options.dry_run:
        parts = fit_groups(groups)
        parts.words = [np.zeros(0), np.zeros(0)]
        save(
            options.out,
            parts,
            slope,
            offset,
            {"auroc_unseen_kind": table, "auroc_unseen_questions": seen},
            sources=[f"{name} ({kind})" for name, kind in FAMILIES.items()],
        )
        print(f"written: {options.out}")


if __name__ == "__main__":
    main()
